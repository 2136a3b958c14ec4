// One claimed job: what it reads of itself, its conditional writes, and how it ends.
#include "base/alloc.h"
#include "base/log.h"
#include "engine/queue_own.h"
#include "model/retry.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

bson_t *kj_job_new(const char *kind, const char *key, int64_t due, int priority,
                   const bson_t *payload, int64_t now)
{
    bson_t *job = bson_new();
    kj_doc_put_text(job, "kind", kind);
    kj_doc_put_text(job, "key", key);
    kj_doc_put_text(job, "state", "waiting");
    kj_doc_put_time(job, "due", due);
    kj_doc_put_int(job, "priority", priority);
    kj_doc_put_int(job, "attempts", 0);
    kj_doc_put_int(job, "recoveries", 0);
    kj_doc_put_time(job, "created_at", now);
    kj_doc_put_time(job, "updated_at", now);
    kj_doc_put_doc(job, "payload", payload);
    return job;
}

const bson_t *kj_running_job(const struct kj_running *running)
{
    return running->job;
}

int64_t kj_running_id(const struct kj_running *running)
{
    return running->id;
}

const char *kj_running_workspace(const struct kj_running *running)
{
    return running->workspace;
}

bool kj_running_canceled(const struct kj_running *running)
{
    return running->canceled;
}

struct kj_queue *kj_running_queue(const struct kj_running *running)
{
    return running->queue;
}

bool kj_queue_cancel(struct kj_queue *queue, int64_t id)
{
    for (struct kj_running *running = queue->running; running; running = running->next)
        if (running->id == id) {
            running->canceled = true;
            return true;
        }
    return false;
}

void kj_running_free(struct kj_running *running)
{
    struct kj_queue *queue = running->queue;
    if (running->previous)
        running->previous->next = running->next;
    else
        queue->running = running->next;
    if (running->next)
        running->next->previous = running->previous;
    queue->running_count--;
    running->kind->running--;
    kj_doc_clear(&running->job);
    free(running);
}

// Submits `changes` over the job under its version.
static void write_job(struct kj_running *running, const bson_t *changes, const bson_t *events,
                      void (*done)(struct kj_store_request *request))
{
    struct kj_store_request *request = kj_store_request(1, running->workspace, done, running);
    struct kj_store_op *op = &request->ops[0];
    op->verb = KJ_STORE_REPLACE;
    op->coll = KJ_JOBS;
    op->id = running->id;
    op->version = kj_doc_int(running->job, "version", 0);
    kj_store_own_doc(request, 0, kj_doc_with(running->job, changes));
    if (events)
        kj_store_own_events(request, 0, bson_copy(events));
    kj_store_submit(running->queue->store, request);
}

static void adopt(struct kj_running *running, const struct kj_store_op *op)
{
    bson_t version = BSON_INITIALIZER;
    kj_doc_put_int(&version, "version", op->new_version);
    bson_t *written = kj_doc_with(op->doc, &version);
    bson_destroy(&version);
    kj_doc_clear(&running->job);
    running->job = written;
}

static void on_saved(struct kj_store_request *request)
{
    struct kj_running *running = request->arg;
    struct kj_store_op *op = &request->ops[0];
    if (op->status == KJ_OK)
        adopt(running, op);
    void (*saved)(void *arg, int status) = running->saved;
    void *arg = running->saved_arg;
    int status = op->status;
    running->saved = NULL;
    if (status == KJ_ECONFLICT) { // somebody else has it now: ours no more
        struct kj_queue *queue = running->queue;
        saved(arg, status);
        kj_running_free(running);
        kj_queue_check_drained(queue);
        kj_queue_pump_soon(queue);
        return;
    }
    saved(arg, status);
}

void kj_running_save(struct kj_running *running, const bson_t *changes, const bson_t *events,
                     void (*saved)(void *arg, int status), void *arg)
{
    running->saved = saved;
    running->saved_arg = arg;
    bson_t all = BSON_INITIALIZER;
    kj_doc_put_int(&all, "recoveries", 0); // it moved: not a poison job
    bson_concat(&all, changes);
    write_job(running, &all, events, on_saved);
    bson_destroy(&all);
}

static void on_ended(struct kj_store_request *request)
{
    struct kj_running *running = request->arg;
    struct kj_queue *queue = running->queue;
    struct kj_store_op *op = &request->ops[0];
    if (op->status != KJ_OK && op->status != KJ_ECONFLICT) {
        // The store is away or full. The job stays "running" there; our next start takes it up.
        kj_log_fault(KJ_LOG_ERROR, "queue", &request->fault);
    } else if (op->status == KJ_OK) {
        if (kj_streq(kj_doc_text(op->doc, "state", ""), "waiting"))
            kj_queue_wake(queue, kj_doc_text(op->doc, "kind", ""), kj_doc_time(op->doc, "due", 0));
    }
    kj_running_free(running);
    kj_queue_pump_soon(queue);
    kj_queue_check_drained(queue);
}

static int64_t retry_due(const struct kj_running *running, int attempts)
{
    struct kj_rng rng;
    char key[48];
    snprintf(key, sizeof key, "backoff/%" PRId64, running->id);
    kj_rng_keyed(&rng, running->queue->seed, key, (uint64_t)attempts);
    return kj_loop_now(running->queue->loop) +
           kj_backoff(&rng, running->kind->kind.backoff_ms, 3600000, attempts);
}

// The state that a verdict leads to; may turn a retry into "dead".
static const char *state_after(const struct kj_running *running, const struct kj_job_end *end,
                               int attempts)
{
    bool again = end->verdict == KJ_JOB_WAIT || end->verdict == KJ_JOB_RETRY;
    if (again && running->canceled) // asked to stop while it ran: this was the next step
        return "failed";
    switch (end->verdict) {
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
    return attempts >= running->kind->kind.max_attempts ? "dead" : "waiting";
}

void kj_running_end(struct kj_running *running, const struct kj_job_end *end)
{
    int64_t now = kj_loop_now(running->queue->loop);
    int attempts = (int)kj_doc_int(running->job, "attempts", 0);
    bson_t changes = BSON_INITIALIZER;
    if (end->verdict == KJ_JOB_RETRY)
        attempts++;
    kj_doc_put_text(&changes, "state", state_after(running, end, attempts));
    if (end->verdict == KJ_JOB_WAIT || end->verdict == KJ_JOB_RETRY)
        kj_doc_put_time(&changes, "due", end->due > 0 ? end->due : retry_due(running, attempts));
    kj_doc_put_int(&changes, "attempts", attempts);
    kj_doc_put_int(&changes, "recoveries", 0);
    kj_doc_put_time(&changes, "updated_at", now);
    kj_doc_put_null(&changes, "host");
    if (end->reason)
        kj_doc_put_text(&changes, "reason", end->reason);
    else
        kj_doc_put_null(&changes, "reason");
    kj_doc_put_doc(&changes, "result", end->result);
    if (end->changes)
        bson_concat(&changes, end->changes);
    write_job(running, &changes, end->events, on_ended);
    bson_destroy(&changes);
}
