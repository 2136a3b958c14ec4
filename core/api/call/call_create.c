// call.create: one call to one lead (K-31): enqueues, does not wait for the dial.
#include "api/commands.h"
#include "api/documents.h"
#include "api/resolve.h"

static void on_done(void *arg, int status, const bson_t *result, const struct kj_fault *fault)
{
    (void)status;
    if (fault)
        kj_reply_fault(arg, fault);
    else
        kj_reply(arg, result);
}

static void with_group(struct kj_request *request, int64_t group_id, int64_t assistant_id)
{
    char key[64];
    bson_t ids = BSON_INITIALIZER;
    (void)assistant_id; // stands in `call` already
    kj_doc_put_int(&ids, "group_id", group_id);
    // A repeat must not call a second time.
    if (!kj_doc_has(request->args, "key") && kj_once_key(request, key, sizeof key))
        kj_doc_put_text(&ids, "key", key);
    bson_t *full = kj_doc_with(request->args, &ids);
    kj_intake_call(kj_request_engine(request), request->workspace, full, on_done, request);
    bson_destroy(full);
    bson_destroy(&ids);
}

void kj_call_create(struct kj_request *request)
{
    bson_t call;
    if (!kj_doc_child(request->args, "call", &call)) {
        kj_reply_error(request, KJ_EINVAL, "/call", "give call {assistant_group_id: …}",
                       "is missing");
        return;
    }
    kj_resolve_group(request, &call, with_group);
}
