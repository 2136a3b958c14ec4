// The job kind "effect": one outward step of an outbox (a message, a CRM write), with its own
// retries, deadline and dead letter. The job's key is the idempotency key given to the vendor.
#include "engine/kinds/effect.h"

#include "base/alloc.h"
#include "base/log.h"
#include "engine/duration.h"
#include "engine/messages.h"
#include "engine/path.h"
#include "engine/reach.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    k_paused_ms = 600000,      // token or quota: somebody must act
    k_away_ms = 30000,         // the plugin is draining or paused
    k_record_again_ms = 10000, // the store is away
};

struct effect {
    struct kj_engine *engine;
    struct kj_running *running; // NULL: dropped, only the vendor's answer is still to come
    bool abroad;                // the vendor was asked, or the store after refusals
    bson_t *result;             // what the vendor answered, while it is recorded
};

static void effect_free(struct effect *effect)
{
    kj_doc_clear(&effect->result);
    free(effect);
}

static void on_dropped(void *arg)
{
    struct effect *effect = arg;
    effect->running = NULL;
    if (!effect->abroad)
        effect_free(effect);
}

static void effect_end(struct effect *effect, enum kj_job_verdict verdict, int64_t due,
                       const char *reason, const bson_t *result)
{
    struct kj_job_end end = {.verdict = verdict, .due = due, .reason = reason, .result = result};
    kj_running_end(effect->running, &end);
    effect_free(effect);
}

// The delays a rule gave ("2m", "1h"), else 0: the queue's backoff.
static int64_t retry_at(const struct effect *effect, int64_t retry_after_ms)
{
    const bson_t *job = kj_running_job(effect->running);
    char path[48];
    int64_t now = kj_loop_now(effect->engine->loop), wait = 0;
    snprintf(path, sizeof path, "payload.retry.%" PRId64, kj_doc_int(job, "attempts", 0));
    const char *given = kj_doc_text(job, path, NULL);
    if (given && kj_duration_parse(given, &wait) != KJ_OK)
        wait = 0;
    if (retry_after_ms > wait)
        wait = retry_after_ms;
    return wait ? now + wait : 0;
}

// --- a message: its answer is stored in the job before its document is made, so that whatever goes
// wrong in between, it is not sent again ---

static void on_recorded(void *arg, int status)
{
    struct effect *effect = arg;
    struct kj_job_end later = {.verdict = KJ_JOB_WAIT,
                               .due = kj_loop_now(effect->engine->loop) + k_record_again_ms,
                               .reason = "it was sent; its message is still to be recorded",
                               .resume = true};
    if (status == KJ_OK) {
        effect_end(effect, KJ_JOB_DONE, 0, NULL, NULL);
        return;
    }
    kj_running_end(effect->running, &later);
    effect_free(effect);
}

static void record(struct effect *effect, const bson_t *result)
{
    kj_message_sent(effect->engine, kj_running_job(effect->running), result, on_recorded, effect);
}

// --- what waits for it: jobs of their own, under keys that add nothing a second time ---

static void on_following(struct kj_store_request *request)
{
    struct effect *effect = request->arg;
    int status = KJ_OK;
    for (size_t i = 0; i < request->n_ops; i++)
        if (request->ops[i].status != KJ_OK && request->ops[i].status != KJ_EEXISTS)
            status = request->ops[i].status;
    effect->abroad = false;
    if (effect->running == NULL) {
        effect_free(effect);
        return;
    }
    if (status == KJ_OK)
        kj_queue_wake(effect->engine->queue, "effect", kj_loop_now(effect->engine->loop));
    on_recorded(effect, status);
}

static void follow(struct effect *effect)
{
    const bson_t *job = kj_running_job(effect->running);
    int64_t now = kj_loop_now(effect->engine->loop);
    size_t count = kj_doc_count(job, "payload.then"), i = 0;
    bson_t steps;
    bson_iter_t at;
    struct kj_store_request *request =
        kj_store_request(count, kj_running_workspace(effect->running), on_following, effect);
    bool more = kj_doc_child(job, "payload.then", &steps) && bson_iter_init(&at, &steps);
    for (; more && i < count && bson_iter_next(&at); i++) {
        bson_t step;
        char key[256];
        (void)kj_doc_at(&at, &step);
        snprintf(key, sizeof key, "%.200s:then:%zu", kj_doc_text(job, "key", ""), i);
        bson_t *next =
            kj_job_new("effect", key, now, (int)kj_doc_int(job, "priority", 50), &step, now);
        kj_doc_put_from(next, "lead_id", job, "lead_id");
        kj_doc_put_from(next, "campaign_id", job, "campaign_id");
        request->ops[i].verb = KJ_STORE_INSERT;
        request->ops[i].coll = KJ_JOBS;
        kj_store_own_doc(request, i, next);
    }
    effect->abroad = true;
    kj_store_submit(effect->engine->store, request);
}

// It was done, and that is stored: what is left is ours.
static void go_on(struct effect *effect, const bson_t *result)
{
    if (kj_doc_has(kj_running_job(effect->running), "payload.then"))
        follow(effect);
    else
        record(effect, result);
}

static void on_result_saved(void *arg, int status)
{
    struct effect *effect = arg;
    if (status == KJ_OK)
        go_on(effect, effect->result);
    else if (status == KJ_ECONFLICT)
        effect_free(effect);
    else
        effect_end(effect, KJ_JOB_PARKED, 0, "it was sent, but that could not be stored", NULL);
}

static void message_sent(struct effect *effect, const bson_t *result)
{
    bson_t changes = BSON_INITIALIZER;
    effect->result = bson_copy(result);
    kj_doc_put_doc(&changes, "sent", result);
    kj_running_save(effect->running, &changes, NULL, on_result_saved, effect);
    bson_destroy(&changes);
}

// --- outcomes ---

static void on_uncertain(struct effect *effect, const char *verb, int64_t retry_after_ms,
                         const char *text)
{
    if (kj_engine_may_repeat(effect->engine, verb))
        effect_end(effect, KJ_JOB_RETRY, retry_at(effect, retry_after_ms), text, NULL);
    else
        effect_end(
            effect, KJ_JOB_PARKED, 0,
            "the vendor's answer was lost and a repeat could send it twice; look there, then "
            "job.retry or job.cancel",
            NULL);
}

static void on_outcome(void *arg, const struct kj_outcome *outcome, const bson_t *result)
{
    struct effect *effect = arg;
    effect->abroad = false;
    if (effect->running == NULL) {
        effect_free(effect);
        return;
    }
    const char *verb = kj_doc_text(kj_running_job(effect->running), "payload.verb", "");
    int64_t now = kj_loop_now(effect->engine->loop), wait = outcome->retry_after_ms;
    switch (outcome->class) {
    case KEJUE_OK:
        if (kj_starts_with(verb, "whatsapp.send") ||
            kj_doc_has(kj_running_job(effect->running), "payload.then"))
            message_sent(effect, result);
        else
            effect_end(effect, KJ_JOB_DONE, 0, NULL, result);
        return;
    case KEJUE_NOT_PROCESSED:
        effect_end(effect, KJ_JOB_RETRY, retry_at(effect, wait), outcome->text, NULL);
        return;
    case KEJUE_UNKNOWN:
        on_uncertain(effect, verb, wait, outcome->text);
        return;
    case KEJUE_CANCELED: // before it began: the host is ending
        effect_end(effect, KJ_JOB_WAIT, now + k_away_ms, outcome->text, NULL);
        return;
    case KEJUE_CALLER:
        effect_end(effect, KJ_JOB_FAILED, 0, outcome->text ? outcome->text : outcome->code, NULL);
        return;
    case KEJUE_CREDENTIAL:
    case KEJUE_ACCOUNT:
        break; // nobody's fault in this job: it waits while the account is put right
    }
    effect_end(effect, KJ_JOB_WAIT, now + (wait > 0 ? wait : k_paused_ms), outcome->text, NULL);
}

static bool too_late(const struct effect *effect)
{
    const bson_t *job = kj_running_job(effect->running);
    const char *expires = kj_doc_text(job, "payload.expires", NULL);
    int64_t life;
    return expires && kj_duration_parse(expires, &life) == KJ_OK &&
           kj_loop_now(effect->engine->loop) > kj_doc_time(job, "created_at", 0) + life;
}

// How long the rule lets the vendor take; 0: the verb's own limit.
static int64_t within(const bson_t *job)
{
    const char *given = kj_doc_text(job, "payload.within", NULL);
    int64_t ms;
    return given && kj_duration_parse(given, &ms) == KJ_OK ? ms : 0;
}

static void send_out(struct effect *effect)
{
    struct kj_fault fault;
    const bson_t *job = kj_running_job(effect->running);
    bson_t args, empty = BSON_INITIALIZER;
    bool has = kj_doc_child(job, "payload.args", &args);
    struct kj_host_call call = {.verb = kj_doc_text(job, "payload.verb", ""),
                                .workspace = kj_running_workspace(effect->running),
                                .key = kj_doc_text(job, "key", NULL),
                                .attempt = (uint32_t)kj_doc_int(job, "attempts", 0) + 1,
                                .timeout_ms = within(job),
                                .request = has ? &args : &empty};
    effect->abroad = true;
    if (!kj_engine_call(effect->engine, &call, on_outcome, effect, &fault)) {
        effect->abroad = false;
        char why[sizeof fault.place + sizeof fault.text + sizeof fault.hint + 8];
        int64_t later = kj_loop_now(effect->engine->loop) + k_away_ms;
        kj_fault_print(&fault, why, sizeof why);
        if (fault.code == KJ_ESCHEMA || fault.code == KJ_EINVAL)
            effect_end(effect, KJ_JOB_FAILED, 0, why, NULL);
        else if (fault.code == KJ_ENOTFOUND) // a plugin is missing: load it, then job.retry
            effect_end(effect, KJ_JOB_PARKED, 0, why, NULL);
        else
            effect_end(effect, KJ_JOB_WAIT, later, why, NULL);
    }
    bson_destroy(&empty);
}

static void on_reach(void *arg, int status, const char *text)
{
    struct effect *effect = arg;
    char why[400];
    effect->abroad = false;
    if (effect->running == NULL) {
        effect_free(effect);
    } else if (status == KJ_OK) {
        send_out(effect);
    } else if (status == KJ_EDENIED) {
        snprintf(why, sizeof why, "not sent: %s", text);
        effect_end(effect, KJ_JOB_FAILED, 0, why, NULL);
    } else
        effect_end(effect, KJ_JOB_WAIT, kj_loop_now(effect->engine->loop) + k_away_ms, text, NULL);
}

// A refusal that came after the rules had decided still wins: it is asked after beside the send.
static void ask_first(struct effect *effect)
{
    const bson_t *job = kj_running_job(effect->running);
    bson_t args, empty = BSON_INITIALIZER;
    struct kj_reach reach = {.workspace = kj_running_workspace(effect->running),
                             .verb = kj_doc_text(job, "payload.verb", ""),
                             .args = kj_doc_child(job, "payload.args", &args) ? &args : &empty,
                             .lead_id = kj_doc_int(job, "lead_id", 0)};
    effect->abroad = true;
    kj_reach_ask(effect->engine, &reach, on_reach, effect);
    bson_destroy(&empty);
}

static void run(void *engine, struct kj_running *running)
{
    struct effect *effect = KJ_NEW(struct effect);
    const bson_t *job = kj_running_job(running);
    const char *verb = kj_doc_text(job, "payload.verb", "");
    bson_t sent;
    effect->engine = engine;
    effect->running = running;
    kj_running_on_drop(running, on_dropped, effect);
    if (kj_doc_child(job, "sent", &sent)) {
        go_on(effect, &sent);
    } else if (kj_running_canceled(running)) {
        effect_end(effect, KJ_JOB_FAILED, 0, "canceled", NULL);
    } else if (kj_doc_int(job, "recoveries", 0) > 0 &&
               !kj_engine_may_repeat(effect->engine, verb)) {
        // Found running after a crash: it may have been sent then.
        on_uncertain(effect, verb, 0, NULL);
    } else if (too_late(effect)) {
        effect_end(effect, KJ_JOB_FAILED, 0, "expired before it could be sent", NULL);
    } else if (!kj_hosts_holds(effect->engine)) { // another host may be about to send it
        effect_end(effect, KJ_JOB_WAIT, kj_loop_now(effect->engine->loop) + k_away_ms,
                   "this host's lease ran out", NULL);
    } else
        ask_first(effect);
}

void kj_effect_register(struct kj_engine *engine)
{
    struct kj_job_kind kind = {.name = "effect", .concurrency = 64, .run = run, .arg = engine};
    kj_queue_register(engine->queue, &kind);
}
