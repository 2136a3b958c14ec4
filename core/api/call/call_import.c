// call.import: calls of another system, judged by today's rules without dialing. Each bad one is
// refused by its line and the rest goes on; the same external_id twice is taken once.
#include "api/commands.h"
#include "api/documents.h"
#include "api/resolve.h"
#include "doc/schema.h"

#include "base/alloc.h"

#include <stdio.h>
#include <stdlib.h>

// A batch that the engine works on; `lines` are those of the calls it was given.
struct batch {
    struct kj_request *request;
    size_t count;
    bson_t *refused; // rows in the order of their lines where those were refused at once
    struct kj_doc_list list;
    int64_t *lines;
};

static void answer(struct batch *batch, size_t accepted, size_t duplicates)
{
    bson_t *result = bson_new();
    kj_doc_put_int(result, "calls", (int64_t)batch->count);
    kj_doc_put_int(result, "accepted", (int64_t)accepted);
    kj_doc_put_int(result, "duplicates", (int64_t)duplicates);
    kj_doc_put_array(result, "refused", batch->refused);
    kj_reply_take(batch->request, result);
    kj_doc_clear(&batch->refused);
    free(batch->lines);
    free(batch);
}

static void refuse(struct batch *batch, int64_t line, const char *place, const char *text)
{
    bson_t row = BSON_INITIALIZER;
    kj_doc_put_int(&row, "line", line);
    kj_doc_put_text(&row, "place", place);
    kj_doc_put_text(&row, "text", text);
    kj_doc_put_doc(batch->refused, kj_doc_next(&batch->list), &row);
    bson_destroy(&row);
}

static void on_taken(void *arg, int status, const bson_t *result, const struct kj_fault *fault)
{
    struct batch *batch = arg;
    size_t accepted = 0, duplicates = 0, i = 0;
    bson_t calls;
    bson_iter_t at;
    (void)status; // each call has its own
    (void)fault;
    if (kj_doc_child(result, "calls", &calls) && bson_iter_init(&at, &calls))
        for (; bson_iter_next(&at); i++) {
            bson_t one;
            kj_doc_at(&at, &one);
            if (kj_doc_bool(&one, "refused", false))
                refuse(batch, batch->lines[i], kj_doc_text(&one, "place", ""),
                       kj_doc_text(&one, "text", ""));
            else if (kj_doc_bool(&one, "created", false))
                accepted++;
            else
                duplicates++;
        }
    answer(batch, accepted, duplicates);
}

// Appends the call to `good` when it is one.
static void take(struct batch *batch, const struct kj_schema *schema, const bson_t *call,
                 const bson_t *ids, struct kj_doc_list *good)
{
    struct kj_fault fault;
    int64_t line = kj_doc_int(call, "line", (int64_t)++batch->count);
    if (kj_schema_check_fault(schema, call, &fault) != KJ_OK) {
        refuse(batch, line, fault.place, fault.text);
        return;
    }
    bson_t *full = kj_doc_with(call, ids);
    batch->lines[good->count] = line;
    kj_doc_put_doc(good->array, kj_doc_next(good), full);
    bson_destroy(full);
}

static void with_group(struct kj_request *request, int64_t group_id, int64_t assistant_id)
{
    struct batch *batch = KJ_NEW(struct batch);
    const struct kj_schema *schema = kj_schema_get("documents/recorded_call", NULL);
    bson_t calls, array = BSON_INITIALIZER, ids = BSON_INITIALIZER;
    struct kj_doc_list good = {&array};
    bson_iter_t at;
    (void)assistant_id;
    kj_doc_put_int(&ids, "group_id", group_id);
    batch->request = request;
    batch->refused = bson_new();
    batch->list.array = batch->refused;
    batch->lines = kj_alloc(sizeof *batch->lines * (kj_doc_count(request->args, "calls") + 1));
    if (kj_doc_child(request->args, "calls", &calls) && bson_iter_init(&at, &calls))
        while (bson_iter_next(&at)) {
            bson_t call;
            if (kj_doc_at(&at, &call))
                take(batch, schema, &call, &ids, &good);
        }
    if (good.count)
        kj_intake_recorded(kj_request_engine(request), request->workspace, &array, on_taken, batch);
    else
        answer(batch, 0, 0);
    bson_destroy(&array);
    bson_destroy(&ids);
}

void kj_call_import(struct kj_request *request)
{
    kj_resolve_group(request, request->args, with_group);
}
