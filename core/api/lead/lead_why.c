// lead.why: every gate with its input and verdict, what waits, and what was decided before.
#include "api/commands.h"
#include "api/documents.h"

static void on_done(void *arg, int status, const bson_t *result, const struct kj_fault *fault)
{
    (void)status;
    if (fault)
        kj_reply_fault(arg, fault);
    else
        kj_reply(arg, result);
}

void kj_lead_why(struct kj_request *request)
{
    struct kj_engine *engine = kj_request_engine(request);
    kj_engine_why(engine, request->workspace, kj_doc_text(request->args, "who", ""),
                  kj_doc_time(request->args, "at", kj_loop_now(engine->loop)), on_done, request);
}
