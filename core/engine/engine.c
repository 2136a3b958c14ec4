// The engine's making and unmaking: what it owns, which kinds of jobs it registers.
#include "engine/engine.h"

#include "base/alloc.h"
#include "base/log.h"
#include "engine/kinds/campaigns.h"
#include "engine/kinds/effect.h"
#include "engine/kinds/hookjob.h"
#include "engine/kinds/reevaluate.h"
#include "engine/kinds/script_kind.h"
#include "engine/path.h"
#include "engine/ports.h"
#include "engine/replay.h"
#include "engine/switch_off.h"
#include "engine/valve.h"

#include <stdlib.h>

enum { k_max_calls = 50, k_dials_per_second = 5, k_recorded_at_once = 256 };

static void on_step(void *arg, int64_t step_ms)
{
    struct kj_engine *engine = arg;
    (void)step_ms;
    // Due instants are wall time and stay right; what was judged open a moment ago may not be. Each
    // dial checks its window beside the send, so one turn without new claims is enough.
    kj_log(KJ_LOG_WARN, "engine", "the system's clock stepped; windows are judged again", NULL);
    kj_queue_wake(engine->queue, "call", kj_loop_now(engine->loop));
}

// A campaign may be over with the last of its jobs, of whatever kind.
static void on_final(void *arg, const bson_t *job)
{
    int64_t campaign = kj_doc_int(job, "campaign_id", 0);
    if (campaign)
        kj_campaign_touch(arg, kj_doc_text(job, "workspace", "default"), campaign);
}

static void register_kinds(struct kj_engine *engine)
{
    // A call keeps its place from claim to deliver; a few more than lines, for those after the
    // call.
    struct kj_job_kind call = {.name = "call",
                               .concurrency = engine->own->max_calls,
                               .divided = true,
                               .max_attempts = 20,
                               .run = kj_path_run,
                               .arg = engine};
    kj_queue_register(engine->queue, &call);
    // History is only judged: it takes no place from a live call, and the kill switch does not
    // hold it. So many at once share each flush.
    call.name = "recorded";
    call.concurrency = k_recorded_at_once;
    call.divided = false;
    kj_queue_register(engine->queue, &call);
    kj_effect_register(engine);
    kj_hookjob_register(engine);
    kj_campaigns_register(engine);
    kj_reevaluate_register(engine);
}

int kj_engine_create(const struct kj_engine_config *config, struct kj_engine **out,
                     struct kj_fault *fault)
{
    struct kj_engine *engine = KJ_NEW(struct kj_engine);
    engine->own = KJ_NEW(struct kj_engine_private);
    engine->loop = config->loop;
    engine->store = kj_valve_create(config->store);
    engine->host = config->host;
    engine->script = config->script;
    engine->host_name = kj_strdup(config->host_name);
    engine->seed = config->seed;
    engine->simulated = kj_loop_is_virtual(config->loop);
    engine->dialing = true;
    kj_copy(engine->default_country, sizeof engine->default_country,
            config->default_country ? config->default_country : "");
    engine->own->max_calls = config->max_calls > 0 ? config->max_calls : k_max_calls;
    engine->own->trunk_interval_ms =
        1000 / (config->dials_per_second > 0 ? config->dials_per_second : k_dials_per_second);
    engine->own->model_instance = kj_strdup(config->model_instance);
    engine->own->lost = config->lost;
    engine->own->lost_arg = config->lost_arg;
    kj_map_init(&engine->own->awaiting);
    kj_map_init(&engine->own->limit_hits);
    kj_map_init(&engine->own->touched);
    int rc = kj_pool_create(config->loop, "bulk", 1, 64, &engine->pool);
    if (rc == KJ_OK)
        rc = kj_queue_create(config->loop, engine->store, engine->host_name, config->seed,
                             &engine->queue);
    if (rc != KJ_OK) {
        kj_engine_destroy(engine);
        return kj_fault(fault, rc, NULL, NULL, "the engine could not be made: %s",
                        kj_error_name(rc));
    }
    register_kinds(engine);
    kj_queue_on_final(engine->queue, on_final, engine);
    if (!engine->simulated) // a virtual clock does not step
        kj_loop_on_step(config->loop, on_step, engine);
    *out = engine;
    return KJ_OK;
}

void kj_engine_destroy(struct kj_engine *engine)
{
    if (engine == NULL)
        return;
    struct kj_engine_private *own = engine->own;
    own->closing = true;
    kj_pool_destroy(engine->pool); // its imports go to the store, or are canceled
    kj_valve_shut(engine->store);  // whoever waits for the store gives up
    if (engine->queue)
        kj_queue_destroy(engine->queue); // whoever waits for something else is dropped
    kj_replay_forget_all(engine);
    kj_hosts_destroy(own->hosts);
    kj_script_kinds_forget(engine);
    kj_campaign_forget_all(engine);
    kj_valve_destroy(engine->store);
    kj_map_fini(&own->awaiting);
    kj_doc_clear(&own->windows.schedule);
    kj_switch_off_fini(engine);
    kj_map_fini(&own->touched);
    kj_doc_clear(&own->trunk.seen);
    kj_doc_clear(&own->questions.list);
    free(own->model_instance);
    free(own);
    free((char *)engine->host_name);
    free(engine);
}

void kj_engine_attach(struct kj_engine *engine, struct kj_host *host)
{
    engine->host = host;
}

void kj_engine_set_command(struct kj_engine *engine, kj_engine_command *command, void *arg)
{
    engine->own->command = command;
    engine->own->command_arg = arg;
}

static void port_ask(void *arg, const char *instance, const char *workspace, const char *verb,
                     const bson_t *request, kj_host_reply *reply, void *reply_arg)
{
    kj_ports_ask(arg, instance, workspace, verb, request, reply, reply_arg);
}

struct kj_host_ports kj_engine_ports(struct kj_engine *engine)
{
    return (struct kj_host_ports){.arg = engine, .ask = port_ask};
}

struct start {
    struct kj_engine *engine;
    void (*started)(void *arg, int status);
    void *arg;
};

static void on_queue(void *arg, int status)
{
    struct start *start = arg;
    if (status == KJ_OK) { // what the last run knew only in memory
        kj_trunk_sweep(start->engine);
        kj_campaign_touch_active(start->engine);
    }
    start->started(start->arg, status);
    free(start);
}

static void on_joined(void *arg, int status)
{
    struct start *start = arg;
    if (status == KJ_OK)
        kj_queue_start(start->engine->queue, on_queue, start);
    else
        on_queue(start, status);
}

void kj_engine_start(struct kj_engine *engine, void (*started)(void *arg, int status), void *arg)
{
    struct start *start = KJ_NEW(struct start);
    *start = (struct start){engine, started, arg};
    kj_hosts_join(engine, on_joined, start);
}

static void on_drained(void *arg)
{
    struct kj_engine *engine = arg;
    kj_hosts_leave(engine, engine->own->drained, engine->own->drained_arg);
}

void kj_engine_drain(struct kj_engine *engine, int64_t grace_ms, void (*drained)(void *arg),
                     void *arg)
{
    engine->dialing = false;
    engine->own->drained = drained;
    engine->own->drained_arg = arg;
    kj_queue_drain(engine->queue, grace_ms, on_drained, engine);
}

bool kj_engine_call(struct kj_engine *engine, const struct kj_host_call *call, kj_host_done *done,
                    void *arg, struct kj_fault *fault)
{
    if (engine->host && !engine->own->closing)
        return kj_host_start(engine->host, call, done, arg, fault) != 0;
    kj_fault(fault, KJ_EUNAVAILABLE, call->verb, NULL, "no plugin can be asked now");
    return false;
}

static const struct kejue_verb *find_verb(const struct kj_engine *engine, const char *name)
{
    return engine->host && !engine->own->closing ? kj_host_verb(engine->host, NULL, name) : NULL;
}

bool kj_engine_touches(const struct kj_engine *engine, const char *name)
{
    const struct kejue_verb *verb = find_verb(engine, name);
    return verb && (verb->flags & KEJUE_MONEY);
}

bool kj_engine_may_repeat(const struct kj_engine *engine, const char *name)
{
    const struct kejue_verb *verb = find_verb(engine, name);
    return verb && ((verb->flags & KEJUE_IDEMPOTENT) || verb->repeat == KEJUE_REPEAT_UNIQUE);
}
