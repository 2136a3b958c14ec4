// job.submit: puts work of a registered kind into the queue.
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
    kj_intake_job(kj_request_engine(request), kj_request_workspace(request),
                  kj_request_args(request), on_done, request);
}
