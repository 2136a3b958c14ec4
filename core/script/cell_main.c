// The inside of a cell: locks itself, then answers the host until that is gone. Everything a rule
// does in process it does here by the same code, so that the results are the same bytes.
#include "script/cell.h"

#include "base/alloc.h"
#include "base/log.h"
#include "doc/element.h"
#include "model/zone.h"
#include "script/eval.h"
#include "script/ruleset.h"
#include "script/watch.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    FROM_HOST = STDIN_FILENO,
    TO_HOST = STDOUT_FILENO,
    TESTS_MS = 10000,        // all tests of a pack together
    KEEP_BYTES = 1024 * 1024 // of the room for answers
};

struct cell {
    struct kj_vm_limits limits;
    struct kj_pack *pack; // NULL before it was opened
    struct kj_buf in, out;
};

static void put_fault(bson_t *doc, const struct kj_fault *fault)
{
    kj_doc_put_text(doc, "place", fault->place);
    kj_doc_put_text(doc, "text", fault->text);
    kj_doc_put_text(doc, "hint", fault->hint);
}

static int answer_fault(const struct kj_fault *fault, int status)
{
    bson_t doc = BSON_INITIALIZER;
    put_fault(&doc, fault);
    int sent = kj_cell_send(TO_HOST, status, bson_get_data(&doc), doc.len);
    bson_destroy(&doc);
    return sent;
}

static int answer(int status, const bson_t *doc, const struct kj_fault *fault)
{
    return status ? answer_fault(fault, status)
                  : kj_cell_send(TO_HOST, KJ_OK, bson_get_data(doc), doc->len);
}

static void take_sources(const bson_t *ask, struct kj_sources *sources)
{
    bson_t files;
    bson_iter_t at;
    if (!kj_doc_child(ask, "files", &files) || !bson_iter_init(&at, &files)) {
        return;
    }
    while (bson_iter_next(&at)) {
        uint32_t length;
        const char *text = bson_iter_utf8(&at, &length);
        kj_sources_add(sources, bson_iter_key(&at), text ? text : "", text ? length : 0);
    }
}

static int open_pack(struct cell *cell, const bson_t *ask)
{
    struct kj_fault fault = {0};
    struct kj_sources *sources = kj_sources_new();
    bson_t loaded = BSON_INITIALIZER;
    take_sources(ask, sources);
    int status = kj_pack_create(sources, &cell->limits, kj_doc_text(ask, "path", ""), false,
                                &cell->pack, &fault);
    if (status == 0) {
        kj_doc_put_doc(&loaded, "describe", cell->pack->describe);
        kj_doc_put_doc(&loaded, "files", cell->pack->files);
        kj_doc_put_text(&loaded, "hash", cell->pack->hash);
    }
    int sent = answer(status, &loaded, &fault);
    bson_destroy(&loaded);
    kj_sources_unref(sources);
    return sent;
}

static void add_frame(struct kj_buf *out, int32_t kind, const bson_t *doc)
{
    struct kj_cell_head head = {.kind = kind, .length = doc->len};
    kj_buf_add(out, &head, sizeof head);
    kj_buf_add(out, bson_get_data(doc), doc->len);
}

static void judge_one(struct cell *cell, const bson_t *facts)
{
    struct kj_fault fault = {0};
    bson_t *plan = NULL;
    kj_cell_request(cell->limits.cpu_ms, true);
    int status = kj_pack_judge(cell->pack, facts, &plan, &fault);
    if (status) {
        plan = bson_new();
        put_fault(plan, &fault);
    }
    add_frame(&cell->out, status, plan);
    bson_destroy(plan);
}

// One answer for all: to be woken for each would cost the host more than to wait. One that takes
// long ends it; the host asks another process for the rest.
static int judge(struct cell *cell, const char *bytes, size_t length)
{
    bson_t facts;
    kj_buf_reset(&cell->out);
    while (length >= 5 && !kj_cell_slowed()) {
        uint32_t size = kj_load32((const uint8_t *)bytes);
        if (size > length || !bson_init_static(&facts, (const uint8_t *)bytes, size)) {
            return -1;
        }
        judge_one(cell, &facts);
        bytes += size;
        length -= size;
    }
    kj_cell_request(0, false);
    int sent = kj_cell_send(TO_HOST, KJ_OK, cell->out.data, cell->out.length);
    if (cell->out.capacity > KEEP_BYTES) {
        kj_buf_fini(&cell->out);
        kj_buf_init(&cell->out, KJ_CELL_MOST);
    }
    return sent;
}

static int run_tests(struct cell *cell)
{
    struct kj_fault fault = {0};
    bson_t out = BSON_INITIALIZER, array = BSON_INITIALIZER;
    struct kj_doc_list failed = {.array = &array};
    int64_t count = 0;
    int status = kj_pack_run_tests(cell->pack, &failed, &count, &fault);
    kj_doc_put_int(&out, "tests", count);
    kj_doc_put_array(&out, "failed", &array);
    int sent = answer(status, &out, &fault);
    bson_destroy(&out);
    bson_destroy(&array);
    return sent;
}

static int serve(struct cell *cell, const struct kj_cell_head *head)
{
    bson_t ask;
    if (head->kind == KJ_CELL_JUDGE && cell->pack) {
        return judge(cell, KJ_CELL_BODY(&cell->in), head->length);
    }
    if (!bson_init_static(&ask, (const uint8_t *)KJ_CELL_BODY(&cell->in), head->length)) {
        return -1;
    }
    if (head->kind == KJ_CELL_OPEN && !cell->pack) {
        kj_cell_request(cell->limits.cpu_ms, false); // the state's own comes first and says more
        return open_pack(cell, &ask);
    }
    if (head->kind == KJ_CELL_TESTS && cell->pack) {
        kj_cell_request(TESTS_MS, false);
        return run_tests(cell);
    }
    return -1;
}

// Amid a request, for which the host waits.
static int zone_from_host(const char *name, struct kj_buf *file)
{
    struct kj_cell_head head;
    if (kj_cell_send(TO_HOST, KJ_CELL_ZONE, name, strlen(name)) != 0 ||
        kj_cell_receive(FROM_HOST, file, &head) != 0) {
        _exit(0); // nobody waits any more
    }
    file->length = head.length;
    memmove(file->data, KJ_CELL_BODY(file), head.length);
    return head.kind;
}

int kj_cell_main(int argc, char **argv)
{
    if (argc != 5) {
        return 2;
    }
    struct cell cell = {.limits = {.memory = strtoull(argv[2], NULL, 10),
                                   .cpu_ms = strtoll(argv[3], NULL, 10),
                                   .instructions = strtoll(argv[4], NULL, 10)}};
    struct kj_cell_head head;
    (void)close_range(STDERR_FILENO + 1, ~0u, 0);
    kj_zone_set_source(zone_from_host);
    kj_watch_start();
    if (kj_cell_clock() != 0 || kj_cell_lock(2 * cell.limits.memory) != 0) {
        kj_log(KJ_LOG_ERROR, "script", "a process of rules could not be locked and ends", NULL);
        return 1;
    }
    kj_buf_init(&cell.in, KJ_CELL_MOST + sizeof head);
    kj_buf_init(&cell.out, KJ_CELL_MOST);
    while (kj_cell_receive(FROM_HOST, &cell.in, &head) == 0 && serve(&cell, &head) == 0) {
        kj_cell_request(0, false);
    }
    _exit(0); // what it holds goes with it
}
