// The durable queue: claims what is due, hands it to its kind, writes how it ended.
//
// One request claims for all kinds that have room and something due, and it is posted behind the
// completions of the same turn, so that both share a flush. What is not due costs nothing: each
// kind remembers the instant of its earliest waiting job and one timer waits for the earliest of
// them.
#include "engine/queue.h"

#include "base/alloc.h"
#include "base/log.h"
#include "base/map.h"
#include "base/rng.h"
#include "engine/queue_own.h"

#include <stdlib.h>
#include <string.h>

enum { k_claim_again_ms = 1000 };
static const int64_t k_far_ms = INT64_C(20) * 365 * 86400000;

static void pump(struct kj_queue *queue);

static void pump_task(struct kj_task *task)
{
    struct kj_queue *queue = (struct kj_queue *)((char *)task - offsetof(struct kj_queue, pump));
    queue->pump_posted = false;
    pump(queue);
}

void kj_queue_pump_soon(struct kj_queue *queue)
{
    if (queue->pump_posted || !queue->started)
        return;
    queue->pump_posted = true;
    kj_loop_post(queue->loop, &queue->pump);
}

static void on_timer(void *arg)
{
    kj_queue_pump_soon(arg);
}

static void on_sweep(void *arg)
{
    kj_queue_sweep(arg, NULL, NULL);
}

int kj_queue_create(struct kj_loop *loop, struct kj_store *store, const char *host, uint64_t seed,
                    struct kj_queue **out)
{
    struct kj_queue *queue = KJ_NEW(struct kj_queue);
    queue->loop = loop;
    queue->store = store;
    queue->host = kj_strdup(host);
    queue->seed = seed;
    queue->pump.run = pump_task;
    queue->hosts = 1;
    kj_map_init(&queue->kinds);
    kj_timer_init(&queue->timer, on_timer, queue);
    kj_timer_init(&queue->grace, NULL, queue);
    kj_timer_init(&queue->sweep, on_sweep, queue);
    *out = queue;
    return KJ_OK;
}

void kj_queue_destroy(struct kj_queue *queue)
{
    if (queue == NULL)
        return;
    const char *name;
    void *value;
    queue->started = false; // no more claims
    while (queue->running) {
        struct kj_running *running = queue->running;
        if (running->dropped)
            running->dropped(running->dropped_arg);
        kj_running_free(running);
    }
    if (queue->pump_posted)
        kj_loop_unpost(queue->loop, &queue->pump);
    kj_timer_stop(queue->loop, &queue->timer);
    kj_timer_stop(queue->loop, &queue->grace);
    kj_timer_stop(queue->loop, &queue->sweep);
    for (size_t at = 0; kj_map_next(&queue->kinds, &at, &name, &value);)
        free(value);
    kj_map_fini(&queue->kinds);
    free(queue->host);
    free(queue);
}

void kj_queue_set_lease(struct kj_queue *queue, const char *lease)
{
    free(queue->host);
    queue->host = kj_strdup(lease);
}

void kj_queue_register(struct kj_queue *queue, const struct kj_job_kind *kind)
{
    struct kj_queue_kind *own = KJ_NEW(struct kj_queue_kind);
    own->kind = *kind;
    if (own->kind.concurrency == 0)
        own->kind.concurrency = 32;
    if (own->kind.max_attempts == 0)
        own->kind.max_attempts = 8;
    if (own->kind.backoff_ms == 0)
        own->kind.backoff_ms = 2000;
    own->next_due = 0; // unknown: ask the store
    free(kj_map_put(&queue->kinds, kind->name, own));
    kj_queue_pump_soon(queue);
}

struct kj_queue_kind *kj_queue_kind_own(const struct kj_queue *queue, const char *name)
{
    return kj_map_get(&queue->kinds, name);
}

const struct kj_job_kind *kj_queue_kind(const struct kj_queue *queue, const char *name)
{
    struct kj_queue_kind *own = kj_queue_kind_own(queue, name);
    return own ? &own->kind : NULL;
}

void kj_queue_on_final(struct kj_queue *queue, void (*fn)(void *arg, const bson_t *job), void *arg)
{
    queue->on_final = fn;
    queue->on_final_arg = arg;
}

void kj_queue_hold(struct kj_queue *queue, const char *kind, bool held)
{
    struct kj_queue_kind *own = kj_queue_kind_own(queue, kind);
    if (own == NULL)
        return;
    own->held = held;
    kj_queue_pump_soon(queue);
}

void kj_queue_wake(struct kj_queue *queue, const char *kind, int64_t due)
{
    struct kj_queue_kind *own = kj_queue_kind_own(queue, kind);
    if (own == NULL)
        return;
    if (due < own->next_due)
        own->next_due = due;
    own->woken++;
    kj_queue_pump_soon(queue);
}

void kj_queue_look(struct kj_queue *queue)
{
    const char *name;
    void *value;
    for (size_t at = 0; kj_map_next(&queue->kinds, &at, &name, &value);)
        ((struct kj_queue_kind *)value)->next_due = 0;
    kj_queue_pump_soon(queue);
}

size_t kj_queue_running(const struct kj_queue *queue, const char *kind)
{
    if (kind == NULL)
        return queue->running_count;
    struct kj_queue_kind *own = kj_queue_kind_own(queue, kind);
    return own ? own->running : 0;
}

// --- claiming ---

struct claim {
    struct kj_queue *queue;
    size_t count;
    struct {
        struct kj_queue_kind *kind;
        uint64_t woken;
        const char *names[2];
    } rows[];
};

static void take(struct kj_queue *queue, struct kj_queue_kind *kind, bson_t *job_take)
{
    kind->kind.run(kind->kind.arg, kj_running_new(queue, kind, job_take));
}

// It may have been carried out all the same: then those jobs run, and nobody runs them.
static void claim_failed(struct kj_queue *queue, struct kj_queue_kind *kind, int status,
                         const struct kj_fault *fault)
{
    if (status == KJ_ECANCELED)
        return;
    kj_log_fault(KJ_LOG_ERROR, "queue", fault);
    kind->next_due = kj_loop_now(queue->loop) + k_claim_again_ms;
    queue->rest_until = kj_loop_mono(queue->loop) + k_claim_again_ms;
    kj_timer_start(queue->loop, &queue->sweep, k_claim_again_ms);
}

static void on_claimed(struct kj_store_request *request)
{
    struct claim *claim = request->arg;
    struct kj_queue *queue = claim->queue;
    queue->claiming = false;
    for (size_t i = 0; i < claim->count; i++) {
        struct kj_store_op *op = &request->ops[i];
        struct kj_queue_kind *kind = claim->rows[i].kind;
        if (op->status != KJ_OK) {
            claim_failed(queue, kind, op->status, &request->fault);
            continue;
        }
        // What was inserted while the claim was under way may be missing from next_due.
        if (kind->woken == claim->rows[i].woken)
            kind->next_due = op->next_due;
        else if (op->next_due < kind->next_due)
            kind->next_due = op->next_due;
        for (size_t n = 0; n < op->n_docs; n++)
            take(queue, kind, kj_store_steal(op, n));
    }
    free(claim);
    kj_queue_pump_soon(queue);
    kj_queue_check_drained(queue); // nothing was taken
}

// Of what is divided no host claims more than its part: the first to look would take a short list
// whole, and the others' parts of the trunk's rate would lie idle.
static size_t most(const struct kj_queue *queue, const struct kj_queue_kind *kind)
{
    int hosts = kind->kind.divided ? queue->hosts : 1;
    return (size_t)((kind->kind.concurrency + hosts - 1) / hosts);
}

static void arm(struct kj_queue *queue)
{
    int64_t due = INT64_MAX;
    const char *name;
    void *value;
    for (size_t at = 0; kj_map_next(&queue->kinds, &at, &name, &value);) {
        struct kj_queue_kind *kind = value;
        bool room = kind->running < most(queue, kind);
        if (!kind->held && room && kind->next_due < due)
            due = kind->next_due;
    }
    // "Never" is written as a far date: no timer, or a virtual clock would jump there.
    if (due > kj_loop_now(queue->loop) + k_far_ms || queue->draining)
        kj_timer_stop(queue->loop, &queue->timer);
    else
        kj_timer_start_at(queue->loop, &queue->timer, due);
}

// While the store refuses, claims are not tried with each job that it refuses too.
static bool rests(struct kj_queue *queue)
{
    int64_t left = queue->rest_until - kj_loop_mono(queue->loop);
    if (left > 0)
        kj_timer_start(queue->loop, &queue->timer, left);
    return left > 0;
}

static void pump(struct kj_queue *queue)
{
    // On a disk that takes a millisecond for a flush 512 at once are a sixth more than 256.
    enum { k_batch = 512 };
    if (queue->claiming || queue->draining || !queue->started || rests(queue))
        return;
    int64_t now = kj_loop_now(queue->loop);
    struct claim *claim = kj_alloc(sizeof *claim + queue->kinds.count * sizeof claim->rows[0]);
    const char *name;
    void *value;
    claim->queue = queue;
    for (size_t at = 0; kj_map_next(&queue->kinds, &at, &name, &value);) {
        struct kj_queue_kind *kind = value;
        if (kind->held || kind->next_due > now || kind->running >= most(queue, kind))
            continue;
        claim->rows[claim->count].kind = kind;
        claim->rows[claim->count].woken = kind->woken;
        claim->rows[claim->count++].names[0] = kind->kind.name;
    }
    if (claim->count == 0) {
        free(claim);
        arm(queue);
        return;
    }
    struct kj_store_request *request = kj_store_request(claim->count, "", on_claimed, claim);
    for (size_t i = 0; i < claim->count; i++) {
        struct kj_queue_kind *kind = claim->rows[i].kind;
        int64_t room = (int64_t)most(queue, kind) - (int64_t)kind->running;
        struct kj_store_op *op = &request->ops[i];
        op->verb = KJ_STORE_CLAIM;
        op->coll = KJ_JOBS;
        op->kinds = claim->rows[i].names;
        op->limit = room < k_batch ? room : k_batch;
        op->host = queue->host;
        op->now = now;
    }
    queue->claiming = true;
    kj_store_submit(queue->store, request);
}

void kj_queue_set_hosts(struct kj_queue *queue, int hosts)
{
    queue->hosts = hosts;
}

// --- start and drain ---

struct start {
    struct kj_queue *queue;
    void (*started)(void *arg, int status);
    void *arg;
};

static void on_recovered(void *arg, int status)
{
    struct start *start = arg;
    start->queue->started = status == KJ_OK;
    kj_queue_pump_soon(start->queue);
    start->started(start->arg, status);
    free(start);
}

void kj_queue_start(struct kj_queue *queue, void (*started)(void *arg, int status), void *arg)
{
    struct start *start = KJ_NEW(struct start);
    *start = (struct start){queue, started, arg};
    kj_queue_recover(queue, on_recovered, start);
}

void kj_queue_stop(struct kj_queue *queue)
{
    queue->started = false;
    kj_timer_stop(queue->loop, &queue->timer);
    kj_timer_stop(queue->loop, &queue->sweep);
}

void kj_queue_check_drained(struct kj_queue *queue)
{
    if (!queue->draining || queue->drained == NULL || queue->running_count || queue->claiming)
        return;
    void (*drained)(void *arg) = queue->drained;
    queue->drained = NULL;
    kj_timer_stop(queue->loop, &queue->grace);
    drained(queue->drained_arg);
}

static void on_grace(void *arg)
{
    struct kj_queue *queue = arg;
    void (*drained)(void *arg) = queue->drained;
    queue->drained = NULL;
    if (drained)
        drained(queue->drained_arg);
}

void kj_queue_drain(struct kj_queue *queue, int64_t grace_ms, void (*drained)(void *arg), void *arg)
{
    queue->draining = true;
    queue->drained = drained;
    queue->drained_arg = arg;
    queue->grace.fire = on_grace;
    kj_timer_stop(queue->loop, &queue->timer);
    kj_timer_start(queue->loop, &queue->grace, grace_ms);
    kj_queue_check_drained(queue);
}
