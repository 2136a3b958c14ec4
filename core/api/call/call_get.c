// call.get: one attempt with its transcript, facts and decision.
#include "api/commands.h"
#include "api/documents.h"

static void on_read(struct kj_store_request *store)
{
    struct kj_request *request = store->arg;
    struct kj_store_op *call = &store->ops[0], *decision = &store->ops[1];
    if (call->status != KJ_OK || call->n_docs == 0) {
        kj_documents_fail(request, call->status ? call->status : KJ_ENOTFOUND, "call");
        return;
    }
    bson_t *outside = kj_public(call->docs[0]);
    if (decision->status == KJ_OK && decision->n_docs) {
        bson_t *judged = kj_public(decision->docs[0]);
        kj_doc_put_doc(outside, "decision", judged);
        bson_destroy(judged);
    }
    kj_reply_take(request, outside);
}

void kj_call_get(struct kj_request *request)
{
    kj_call_read(request, on_read);
}
