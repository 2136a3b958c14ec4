// job.submit: puts work of a registered kind into the queue, one job or many.
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
    const bson_t *args = request->args;
    const char *once = kj_once_key(request, key, sizeof key) ? key : NULL;
    (kj_doc_has(args, "jobs") ? kj_intake_jobs : kj_intake_job)(
        request->api->engine, request->workspace, args, once, on_done, request);
}
