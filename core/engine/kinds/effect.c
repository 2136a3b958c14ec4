// The job kind "effect": one outward step of an outbox (a message, a CRM write), with its own
// retries, deadline and dead letter. The job's key is the idempotency key given to the vendor.
#include "engine/kinds/effect.h"

#include "base/alloc.h"
#include "base/log.h"
#include "engine/duration.h"
#include "engine/messages.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { k_paused_ms = 600000 };

struct effect {
    struct kj_engine *engine;
    struct kj_running *running;
};

static void effect_end(struct effect *effect, enum kj_job_verdict verdict, int64_t due,
                       const char *reason, const bson_t *result)
{
    struct kj_job_end end = {verdict, due, reason, result, NULL, NULL};
    kj_running_end(effect->running, &end);
    free(effect);
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

static void on_recorded(void *arg, int status)
{
    struct effect *effect = arg;
    if (status == KJ_OK)
        effect_end(effect, KJ_JOB_DONE, 0, NULL, NULL);
    else
        effect_end(effect, KJ_JOB_PARKED, 0, "it was sent, but its message could not be recorded",
                   NULL);
}

static void on_uncertain(struct effect *effect, const struct kj_outcome *outcome)
{
    const bson_t *job = kj_running_job(effect->running);
    const struct kejue_verb *verb =
        kj_host_verb(effect->engine->host, NULL, kj_doc_text(job, "payload.verb", ""));
    bool safe = verb && ((verb->flags & KEJUE_IDEMPOTENT) || verb->repeat == KEJUE_REPEAT_UNIQUE);
    if (safe)
        effect_end(effect, KJ_JOB_RETRY, retry_at(effect, outcome->retry_after_ms), outcome->text,
                   NULL);
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
    const bson_t *job = kj_running_job(effect->running);
    int64_t now = kj_loop_now(effect->engine->loop);
    switch (outcome->class) {
    case KEJUE_OK:
        if (kj_starts_with(kj_doc_text(job, "payload.verb", ""), "whatsapp.send"))
            kj_message_sent(effect->engine, job, result, on_recorded, effect);
        else
            effect_end(effect, KJ_JOB_DONE, 0, NULL, result);
        return;
    case KEJUE_NOT_PROCESSED:
    case KEJUE_CANCELED:
        effect_end(effect, KJ_JOB_RETRY, retry_at(effect, outcome->retry_after_ms), outcome->text,
                   NULL);
        return;
    case KEJUE_UNKNOWN:
        on_uncertain(effect, outcome);
        return;
    case KEJUE_CALLER:
        effect_end(effect, KJ_JOB_FAILED, 0, outcome->text ? outcome->text : outcome->code, NULL);
        return;
    case KEJUE_CREDENTIAL:
    case KEJUE_ACCOUNT:
        break; // nobody's fault in this job: it waits while the account is put right
    }
    effect_end(effect, KJ_JOB_WAIT,
               now + (outcome->retry_after_ms > 0 ? outcome->retry_after_ms : k_paused_ms),
               outcome->text, NULL);
}

static bool too_late(const struct effect *effect)
{
    const bson_t *job = kj_running_job(effect->running);
    const char *expires = kj_doc_text(job, "payload.expires", NULL);
    int64_t life;
    return expires && kj_duration_parse(expires, &life) == KJ_OK &&
           kj_loop_now(effect->engine->loop) > kj_doc_time(job, "created_at", 0) + life;
}

static void run(void *engine, struct kj_running *running)
{
    struct kj_fault fault;
    struct effect *effect = KJ_NEW(struct effect);
    const bson_t *job = kj_running_job(running);
    bson_t args, empty = BSON_INITIALIZER;
    *effect = (struct effect){engine, running};
    if (too_late(effect)) {
        effect_end(effect, KJ_JOB_FAILED, 0, "expired before it could be sent", NULL);
        bson_destroy(&empty);
        return;
    }
    bool has = kj_doc_child(job, "payload.args", &args);
    // Found running after a crash: it may have been sent then.
    if (kj_doc_int(job, "recoveries", 0) > 0) {
        struct kj_outcome lost = {KEJUE_UNKNOWN, 0, NULL, "this host ended while it was sent"};
        const struct kejue_verb *verb =
            kj_host_verb(effect->engine->host, NULL, kj_doc_text(job, "payload.verb", ""));
        if (verb && !(verb->flags & KEJUE_IDEMPOTENT) && verb->repeat != KEJUE_REPEAT_UNIQUE) {
            on_uncertain(effect, &lost);
            bson_destroy(&empty);
            return;
        }
    }
    struct kj_host_call call = {.verb = kj_doc_text(job, "payload.verb", ""),
                                .workspace = kj_running_workspace(running),
                                .key = kj_doc_text(job, "key", NULL),
                                .attempt = (uint32_t)kj_doc_int(job, "attempts", 0) + 1,
                                .request = has ? &args : &empty};
    if (kj_host_start(effect->engine->host, &call, on_outcome, effect, &fault) == 0) {
        char why[sizeof fault.place + sizeof fault.text + sizeof fault.hint + 8];
        kj_fault_print(&fault, why, sizeof why);
        effect_end(effect,
                   fault.code == KJ_ESCHEMA || fault.code == KJ_ENOTFOUND ? KJ_JOB_FAILED
                                                                          : KJ_JOB_RETRY,
                   0, why, NULL);
    }
    bson_destroy(&empty);
}

void kj_effect_register(struct kj_engine *engine)
{
    struct kj_job_kind kind = {.name = "effect", .concurrency = 64, .run = run, .arg = engine};
    kj_queue_register(engine->queue, &kind);
}
