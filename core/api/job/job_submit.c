// job.submit: puts work of a registered kind into the queue.
#include "api/commands.h"
#include "api/request.h"

static void on_done(void *arg, int status, const bson_t *result, const struct kj_fault *fault)
{
    (void)status;
    if (fault)
        kj_reply_fault(arg, fault);
    else
        kj_reply(arg, result);
}

void kj_job_submit(struct kj_request *request)
{
    char key[64];
    bson_t keyed = BSON_INITIALIZER;
    if (!kj_doc_has(request->args, "key") && kj_once_key(request, key, sizeof key))
        kj_doc_put_text(&keyed, "key", key);
    bson_t *job = kj_doc_with(request->args, &keyed);
    kj_intake_job(request->api->engine, request->workspace, job, on_done, request);
    bson_destroy(job);
    bson_destroy(&keyed);
}
