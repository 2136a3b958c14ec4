// clock.run: with a virtual clock, lets time pass up to an instant; answers when it is reached or
// nothing is left to happen before it.
#include "api/commands.h"
#include "api/documents.h"

static void on_idle(void *arg)
{
    struct kj_request *request = arg;
    bson_t result = BSON_INITIALIZER;
    kj_doc_put_time(&result, "now", kj_loop_now(kj_request_engine(request)->loop));
    request->api->clock_running = false;
    kj_reply(request, &result);
    bson_destroy(&result);
}

void kj_clock_run(struct kj_request *request)
{
    struct kj_loop *loop = kj_request_engine(request)->loop;
    int64_t days = kj_doc_int(request->args, "days", 0);
    int64_t until = kj_doc_time(request->args, "until", kj_loop_now(loop) + days * 86400000);
    if (!kj_loop_is_virtual(loop)) {
        kj_reply_error(request, KJ_ESTATE, "", "start kejued with --clock virtual",
                       "only a virtual clock can be run");
    } else if (request->api->clock_running) {
        kj_reply_error(request, KJ_ESTATE, "", "wait for its answer", "the clock runs already");
    } else {
        request->api->clock_running = true;
        kj_loop_release(loop, until, on_idle, request);
    }
}
