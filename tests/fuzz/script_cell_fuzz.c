// What a locked process of rules may answer, whatever has become of it: a frame is taken whole or
// not at all, and only what is a sound document is believed.
#include "base/alloc.h"
#include "doc/json.h"
#include "script/cell.h"

#include <stdlib.h>
#include <unistd.h>

enum { PIPE_HOLDS = 60000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_frame(int fd, size_t size)
{
    static const struct kj_json_limits limits = {PIPE_HOLDS, 100000, 64, 0};
    struct kj_cell_head head;
    struct kj_buf buf, json;
    bson_t doc;
    char place[64];
    kj_buf_init(&buf, KJ_CELL_MOST + sizeof head);
    kj_buf_init(&json, 0);
    if (kj_cell_receive(fd, &buf, &head, 0) == 0) {
        if (sizeof head + head.length != size || buf.length != size)
            abort();
        if (kj_doc_only_data(KJ_CELL_BODY(&buf), head.length, &limits, place, sizeof place) == 0) {
            if (!bson_init_static(&doc, (const uint8_t *)KJ_CELL_BODY(&buf), head.length))
                abort();
            kj_json_write(&doc, 0, &json); // every part of it can be read
        }
    }
    kj_buf_fini(&json);
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
