// call.import: calls of another system, judged by today's rules without dialing. Each bad one is
// refused by its line and the rest goes on; the same external_id twice is taken once.
#include "api/commands.h"
#include "api/documents.h"
#include "api/resolve.h"
#include "doc/schema.h"

#include "base/alloc.h"

#include <stdio.h>
#include <stdlib.h>

struct batch {
    struct kj_request *request;
    int64_t group_id;
    size_t pending, accepted, duplicates, count;
    bson_t *refused; // rows in the order of their answers
    struct kj_doc_list list;
};

struct line {
    struct batch *batch;
    int64_t number;
};

static void settle(struct batch *batch)
{
    if (--batch->pending)
        return;
    bson_t *result = bson_new();
    kj_doc_put_int(result, "calls", (int64_t)batch->count);
    kj_doc_put_int(result, "accepted", (int64_t)batch->accepted);
    kj_doc_put_int(result, "duplicates", (int64_t)batch->duplicates);
    kj_doc_put_array(result, "refused", batch->refused);
    kj_reply_take(batch->request, result);
    kj_doc_clear(&batch->refused);
    free(batch);
}

static void refuse(struct batch *batch, int64_t number, const char *place, const char *text)
{
    bson_t row = BSON_INITIALIZER;
    kj_doc_put_int(&row, "line", number);
    kj_doc_put_text(&row, "place", place);
    kj_doc_put_text(&row, "text", text);
    kj_doc_put_doc(batch->refused, kj_doc_next(&batch->list), &row);
    bson_destroy(&row);
}

static void on_taken(void *arg, int status, const bson_t *result, const struct kj_fault *fault)
{
    struct line *line = arg;
    struct batch *batch = line->batch;
    if (status != KJ_OK)
        refuse(batch, line->number, fault->place, fault->text);
    else if (kj_doc_bool(result, "created", false))
        batch->accepted++;
    else
        batch->duplicates++;
    free(line);
    settle(batch);
}

static void take(struct batch *batch, const bson_t *call, int64_t number)
{
    struct kj_fault fault;
    const struct kj_schema *schema = kj_schema_get("documents/recorded_call", NULL);
    number = kj_doc_int(call, "line", number);
    if (kj_schema_check_fault(schema, call, &fault) != KJ_OK) {
        refuse(batch, number, fault.place, fault.text);
        return;
    }
    struct line *line = KJ_NEW(struct line);
    bson_t ids = BSON_INITIALIZER;
    *line = (struct line){batch, number};
    kj_doc_put_int(&ids, "group_id", batch->group_id);
    bson_t *full = kj_doc_with(call, &ids);
    batch->pending++;
    kj_intake_recorded(kj_request_engine(batch->request), batch->request->workspace, full, on_taken,
                       line);
    bson_destroy(full);
    bson_destroy(&ids);
}

static void with_group(struct kj_request *request, int64_t group_id, int64_t assistant_id)
{
    struct batch *batch = KJ_NEW(struct batch);
    bson_t calls;
    bson_iter_t at;
    int64_t number = 0;
    (void)assistant_id;
    batch->request = request;
    batch->group_id = group_id;
    batch->pending = 1;
    batch->refused = bson_new();
    batch->list.array = batch->refused;
    if (kj_doc_child(request->args, "calls", &calls) && bson_iter_init(&at, &calls))
        while (bson_iter_next(&at)) {
            bson_t call;
            uint32_t length;
            const uint8_t *bytes;
            batch->count++;
            bson_iter_document(&at, &length, &bytes);
            if (bson_init_static(&call, bytes, length))
                take(batch, &call, ++number);
        }
    settle(batch);
}

void kj_call_import(struct kj_request *request)
{
    kj_resolve_group(request, request->args, with_group);
}
