// decision.list: what was decided after each attempt, in brief (the whole of one: call.get).
#include "api/commands.h"
#include "api/documents.h"

static void put_values(bson_t *row, const bson_t *decision)
{
    bson_t variables, values = BSON_INITIALIZER;
    bson_iter_t at;
    if (kj_doc_child(decision, "plan.variables", &variables) && bson_iter_init(&at, &variables))
        while (bson_iter_next(&at)) {
            bson_t variable;
            if (kj_doc_at(&at, &variable) && kj_doc_has(&variable, "value"))
                kj_doc_put_from(&values, bson_iter_key(&at), &variable, "value");
        }
    kj_doc_put_doc(row, "variables", &values);
    bson_destroy(&values);
}

static void on_found(struct kj_store_request *store)
{
    struct kj_request *request = store->arg;
    struct kj_store_op *op = &store->ops[0];
    static const char *const k_plain[] = {"lead_id", "at",      "disposition", "reached",
                                          "type",    "attempt", "pack"};
    static const char *const k_plan[][2] = {{"hash", "plan.hash"},
                                            {"success", "plan.success"},
                                            {"score", "plan.score"},
                                            {"next", "plan.next"},
                                            {"opt_out", "plan.opt_out"},
                                            {"template", "plan.template.name"},
                                            {"lead_status", "plan.lead_status"}};
    if (op->status != KJ_OK) {
        kj_documents_fail(request, op->status, "decision");
        return;
    }
    bson_t *result = bson_new(), array = BSON_INITIALIZER;
    struct kj_doc_list list = {&array};
    for (size_t i = 0; i < op->n_docs; i++) {
        bson_t row = BSON_INITIALIZER;
        kj_doc_put_from(&row, "id", op->docs[i], "_id");
        kj_doc_put_from(&row, "call_id", op->docs[i], "key");
        for (size_t f = 0; f < sizeof k_plain / sizeof *k_plain; f++)
            kj_doc_put_from(&row, k_plain[f], op->docs[i], k_plain[f]);
        for (size_t f = 0; f < sizeof k_plan / sizeof *k_plan; f++)
            kj_doc_put_from(&row, k_plan[f][0], op->docs[i], k_plan[f][1]);
        put_values(&row, op->docs[i]);
        kj_doc_put_doc(&array, kj_doc_next(&list), &row);
        bson_destroy(&row);
    }
    kj_doc_put_array(result, "decisions", &array);
    kj_doc_put_int(result, "count", (int64_t)op->n_docs);
    if (op->n_docs && op->n_docs == (size_t)kj_doc_int(request->args, "limit", 100))
        kj_doc_put_from(result, "next", op->docs[op->n_docs - 1], "_id");
    bson_destroy(&array);
    kj_reply_take(request, result);
}

void kj_decision_list(struct kj_request *request)
{
    bson_t *filter = bson_new(), after = BSON_INITIALIZER;
    kj_doc_put_from(filter, "campaign_id", request->args, "campaign_id");
    kj_doc_put_from(filter, "lead_id", request->args, "lead_id");
    kj_doc_put_int(&after, "$gt", kj_doc_int(request->args, "after", 0));
    kj_doc_put_doc(filter, "_id", &after);
    bson_destroy(&after);
    struct kj_store_request *store = kj_store_request(1, request->workspace, on_found, request);
    store->ops[0].verb = KJ_STORE_FIND;
    store->ops[0].coll = KJ_DECISIONS;
    store->ops[0].limit = kj_doc_int(request->args, "limit", 100);
    store->ops[0].stale_ok = true;
    kj_store_own_filter(store, 0, filter);
    kj_store_submit(kj_request_engine(request)->store, store);
}
