// dialing.stop and dialing.start: the kill switch. Stopped means: no new call leaves from now on,
// by no host, not even one that holds its permit here; live calls go on.
#include "api/commands.h"
#include "engine/kill_switch.h"

static void on_set(void *arg, int status, const bson_t *result, const struct kj_fault *fault)
{
    struct kj_request *request = arg;
    if (status == KJ_OK)
        kj_reply(request, result);
    else
        kj_reply_fault(request, fault);
}

void kj_dialing_stop(struct kj_request *request)
{
    kj_kill_switch_set(kj_request_engine(request), false, on_set, request);
}

void kj_dialing_start(struct kj_request *request)
{
    kj_kill_switch_set(kj_request_engine(request), true, on_set, request);
}
