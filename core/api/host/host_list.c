// host.list: the hosts that share this store, and how they fare.
#include "api/commands.h"
#include "api/documents.h"
#include "engine/hosts.h"

static bson_t *host_row(const struct kj_engine *engine, const bson_t *host)
{
    static const char *const k_told[] = {"epoch",   "state",   "started_at", "beat_at", "release",
                                         "dialing", "running", "calls",      "taken_by"};
    const char *name = kj_doc_text(host, "key", "");
    bool self = kj_streq(name, engine->host_name);
    bson_t *row = bson_new(), now = BSON_INITIALIZER;
    kj_doc_put_text(row, "name", name);
    kj_doc_put_bool(row, "self", self);
    for (size_t i = 0; i < sizeof k_told / sizeof *k_told; i++)
        kj_doc_put_from(row, k_told[i], host, k_told[i]);
    if (self) { // of the others we know what their last beat said
        kj_doc_put_time(&now, "beat_at", kj_loop_now(engine->loop));
        kj_doc_put_bool(&now, "dialing", engine->dialing);
        kj_doc_put_int(&now, "running", (int64_t)kj_queue_running(engine->queue, NULL));
        kj_doc_put_int(&now, "calls", (int64_t)kj_queue_running(engine->queue, "call"));
    }
    bson_t *whole = kj_doc_with(row, &now);
    bson_destroy(row);
    bson_destroy(&now);
    return whole;
}

static void on_hosts(struct kj_store_request *store)
{
    struct kj_request *request = store->arg;
    const struct kj_store_op *op = &store->ops[0];
    if (op->status != KJ_OK) {
        kj_documents_fail(request, op->status, "host");
        return;
    }
    bson_t *result = bson_new(), array = BSON_INITIALIZER;
    struct kj_doc_list list = {&array};
    for (size_t i = 0; i < op->n_docs; i++) {
        bson_t *row = host_row(kj_request_engine(request), op->docs[i]);
        kj_doc_put_doc(&array, kj_doc_next(&list), row);
        bson_destroy(row);
    }
    kj_doc_put_array(result, "hosts", &array);
    bson_destroy(&array);
    kj_reply_take(request, result);
}

void kj_host_list(struct kj_request *request)
{
    struct kj_store_request *store = kj_store_request(1, kj_hosts_workspace, on_hosts, request);
    store->ops[0].verb = KJ_STORE_FIND;
    store->ops[0].coll = KJ_HOSTS;
    store->ops[0].limit = KJ_HOSTS_MOST;
    kj_store_own_filter(store, 0, bson_new());
    kj_store_submit(kj_request_engine(request)->store, store);
}
