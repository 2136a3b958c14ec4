// The fields that the end of a run sets in the job: the state after the verdict, when it comes
// again, and what the kind adds of its own.
#include "engine/queue_own.h"
#include "model/retry.h"

#include <inttypes.h>
#include <stdio.h>

static int64_t retry_due(const struct kj_running *running, int attempts)
{
    struct kj_rng rng;
    char key[48];
    snprintf(key, sizeof key, "backoff/%" PRId64, running->id);
    kj_rng_keyed(&rng, running->queue->seed, key, (uint64_t)attempts);
    return kj_loop_now(running->queue->loop) +
           kj_backoff(&rng, running->kind->kind.backoff_ms, 3600000, attempts);
}

// The state that the verdict leads to; may turn a retry into "dead".
static const char *state_after(const struct kj_running *running, int attempts)
{
    int64_t most = running->kind->kind.max_attempts;
    switch (running->end.verdict) {
    case KJ_JOB_DONE:
        return "done";
    case KJ_JOB_FAILED:
        return "failed";
    case KJ_JOB_PARKED:
        return "parked";
    case KJ_JOB_WAIT:
        return "waiting";
    case KJ_JOB_RETRY:
        break;
    }
    return attempts >= kj_doc_int(running->job, "max_attempts", most) ? "dead" : "waiting";
}

// Asked to stop while it ran: where it would wait for another run, it is over.
static bool ends_canceled(const struct kj_running *running)
{
    bool again = running->end.verdict == KJ_JOB_WAIT || running->end.verdict == KJ_JOB_RETRY;
    return again && running->canceled && !running->end.resume;
}

// When a job that comes again has its next turn, on the grid of its first; 0: it does not, or it
// was canceled.
static int64_t next_turn(const struct kj_running *running)
{
    int64_t every = running->every_ms, now = kj_loop_now(running->queue->loop);
    if (every <= 0 || running->end.verdict != KJ_JOB_DONE || running->canceled)
        return 0;
    int64_t due = kj_doc_time(running->job, "due", now);
    return due + ((now > due ? (now - due) / every : 0) + 1) * every;
}

static void put_turn(bson_t *changes, const struct kj_running *running, int64_t due)
{
    kj_doc_put_text(changes, "state", "waiting");
    kj_doc_put_time(changes, "due", due);
    kj_doc_put_time(changes, "turn_at", due);
    kj_doc_put_int(changes, "turns", kj_doc_int(running->job, "turns", 0) + 1);
    kj_doc_put_int(changes, "attempts", 0);
}

static void put_state(bson_t *changes, const struct kj_running *running)
{
    const struct kj_job_end *end = &running->end;
    int attempts = (int)running->attempts + (end->verdict == KJ_JOB_RETRY);
    const char *state = ends_canceled(running) ? "failed" : state_after(running, attempts);
    kj_doc_put_text(changes, "state", state);
    if (kj_streq(state, "waiting"))
        kj_doc_put_time(changes, "due", end->due > 0 ? end->due : retry_due(running, attempts));
    kj_doc_put_int(changes, "attempts", attempts);
}

bson_t *kj_running_end_changes(const struct kj_running *running)
{
    const char *reason = ends_canceled(running) ? "canceled" : running->reason;
    bson_t *changes = bson_sized_new(320 + (running->result ? running->result->len : 0));
    int64_t turn = next_turn(running);
    if (turn)
        put_turn(changes, running, turn);
    else
        put_state(changes, running);
    bool waits = kj_streq(kj_doc_text(changes, "state", ""), "waiting");
    kj_doc_put_int(changes, "recoveries", 0);
    kj_doc_put_time(changes, "updated_at", kj_loop_now(running->queue->loop));
    kj_doc_put_null(changes, "host");
    if (reason)
        kj_doc_put_text(changes, "reason", reason);
    else
        kj_doc_put_null(changes, "reason");
    if (!waits)
        kj_doc_put_null(changes, "cancel_asked");
    if (ends_canceled(running))
        kj_doc_put_text(changes, "outcome", "canceled");
    kj_doc_put_doc(changes, "result", running->result);
    if (running->changes) // the kind's own fields, nulls (which remove) included
        kj_doc_put_new(changes, running->changes);
    return changes;
}
