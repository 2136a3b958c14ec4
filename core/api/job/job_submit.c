// job.submit: puts work of a registered kind into the queue, one job or many.
#include "api/commands.h"

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
    const bson_t *args = kj_request_args(request);
    (kj_doc_has(args, "jobs") ? kj_intake_jobs : kj_intake_job)(
        kj_request_engine(request), kj_request_workspace(request), args, on_done, request);
}
