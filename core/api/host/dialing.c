// dialing.stop and dialing.start: the kill switch. Stopped means: no new call leaves this host from
// now on, not even one that holds its permit; live calls go on.
#include "api/commands.h"
#include "api/documents.h"

#include "base/log.h"

static void set(struct kj_request *request, bool dialing)
{
    struct kj_engine *engine = kj_request_engine(request);
    bson_t result = BSON_INITIALIZER;
    engine->dialing = dialing;
    kj_queue_hold(engine->queue, "call", !dialing);
    kj_log(KJ_LOG_WARN, "api", dialing ? "dialing was switched on" : "dialing was switched off",
           NULL);
    kj_doc_put_bool(&result, "dialing", dialing);
    kj_reply(request, &result);
    bson_destroy(&result);
}

void kj_dialing_stop(struct kj_request *request)
{
    set(request, false);
}

void kj_dialing_start(struct kj_request *request)
{
    set(request, true);
}
