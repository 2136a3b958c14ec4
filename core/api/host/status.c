// status: is it alive, what is it doing, may it dial.
#include "api/commands.h"
#include "api/documents.h"

#include "base/alloc.h"

void kj_status(struct kj_request *request)
{
    static const char *const k_clocks[] = {"system", "scaled", "virtual"};
    static const char *const k_kinds[] = {"call", "recorded",        "effect",
                                          "hook", "campaign.expand", "campaign.wake"};
    struct kj_engine *engine = kj_request_engine(request);
    bson_t *result = bson_new(), clock = BSON_INITIALIZER, running = BSON_INITIALIZER;
    kj_doc_put_text(result, "version", KEJUE_VERSION);
    kj_doc_put_text(result, "host", engine->host_name);
    kj_doc_put_text(result, "store", engine->store->class->name);
    kj_doc_put_bool(result, "dialing", engine->dialing);
    if (engine->simulated)
        kj_doc_put_bool(result, "simulated", true);
    kj_doc_put_text(&clock, "kind", k_clocks[kj_loop_clock(engine->loop)->kind]);
    kj_doc_put_time(&clock, "now", kj_loop_now(engine->loop));
    kj_doc_put_doc(result, "clock", &clock);
    for (size_t i = 0; i < KJ_COUNT(k_kinds); i++)
        kj_doc_put_int(&running, k_kinds[i], (int64_t)kj_queue_running(engine->queue, k_kinds[i]));
    kj_doc_put_doc(result, "running", &running);
    kj_doc_put_int(result, "store_pending", (int64_t)kj_store_pending(engine->store));
    kj_doc_put_int(result, "requests_open", (int64_t)request->api->open);
    bson_t *off = kj_engine_rules_off(engine, "");
    kj_doc_put_array(result, "rules_off", off);
    bson_destroy(off);
    bson_destroy(&clock);
    bson_destroy(&running);
    kj_reply_take(request, result);
}
