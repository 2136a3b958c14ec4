// What a locked process of rules may answer, whatever has become of it: a frame is taken whole or
// not at all, and only what is a sound document is believed.
#include "base/alloc.h"
#include "doc/json.h"
#include "script/cell.h"
#include "script/ruleset.h"

#include <stdlib.h>
#include <unistd.h>

enum { PIPE_HOLDS = 60000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_whole(const bson_t *doc)
{
    struct kj_buf json;
    kj_buf_init(&json, 0);
    kj_json_write(doc, 0, &json); // every part of it can be read
    kj_buf_fini(&json);
}

static void read_one(const char *bytes, uint32_t length)
{
    static const struct kj_json_limits limits = {PIPE_HOLDS, 100000, 64, 0};
    char place[64];
    bson_t doc;
    if (kj_doc_only_data(bytes, length, &limits, place, sizeof place) == 0) {
        if (!bson_init_static(&doc, (const uint8_t *)bytes, length))
            abort();
        read_whole(&doc);
    }
}

static void read_many(const char *bytes, uint32_t length)
{
    static struct kj_judged ones[KJ_MOST_TOGETHER];
    struct kj_judged *each[KJ_MOST_TOGETHER];
    for (size_t i = 0; i < KJ_MOST_TOGETHER; i++) {
        each[i] = &ones[i];
        each[i]->plan = NULL;
        each[i]->status = 0;
    }
    if (kj_cell_plans(bytes, length, each, KJ_MOST_TOGETHER) > KJ_MOST_TOGETHER)
        abort();
    for (size_t i = 0; i < KJ_MOST_TOGETHER; i++)
        if (each[i]->plan) {
            read_whole(each[i]->plan);
            kj_doc_clear(&each[i]->plan);
        }
}

static void read_frame(int fd, size_t size)
{
    struct kj_cell_head head;
    struct kj_buf buf;
    kj_buf_init(&buf, KJ_CELL_MOST + sizeof head);
    int status = kj_cell_receive(fd, &buf, &head);
    if (status == 0 && head.kind == KJ_CELL_SLOWED) {
        size -= sizeof head + head.length;
        status = kj_cell_receive_next(fd, &buf, &head);
    }
    if (status == 0 && head.kind != KJ_CELL_SLOWED) {
        if (sizeof head + head.length != size || buf.length != size)
            abort();
        read_one(KJ_CELL_BODY(&buf), head.length);
        read_many(KJ_CELL_BODY(&buf), head.length);
    }
    kj_buf_fini(&buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int ends[2];
    if (size > PIPE_HOLDS || pipe(ends) != 0)
        return 0;
    if (write(ends[1], data, size) != (ssize_t)size)
        abort();
    close(ends[1]);
    read_frame(ends[0], size);
    close(ends[0]);
    return 0;
}
