// The durable queue: every piece of asynchronous work is a job of a registered kind.
//
// Job document: {_id, kind, key (unique per workspace, optional), state
// waiting|running|done|failed| dead|parked, due (date), priority 0..100, attempts, max_attempts,
// recoveries, host, token, stage, reason, payload{}, result{}, campaign_id, lead_id, created_at,
// updated_at, …the kind's own fields}. State lives in the store; in memory only a timer for the
// earliest due job and what runs now. Claims and completions travel in batches. Loop thread only.
// `max_attempts` of a job stands over its kind's; `cancel_asked` asks a running one to stop. One
// with `every_ms` is never done: it waits for its next turn; `turns` counts them.
#ifndef KJ_QUEUE_H
#define KJ_QUEUE_H

#include "doc/doc.h"
#include "loop/loop.h"
#include "store/store.h"

struct kj_queue;
struct kj_running; // a claimed job; valid from run() to kj_running_end

struct kj_job_kind {
    const char *name;
    int concurrency;    // most at once on this host; 0 = 32
    bool divided;       // that is the most of all hosts: each takes its part
    int max_attempts;   // 0 = 8
    int64_t backoff_ms; // base; 0 = 2 s; capped at 1 h
    bool tells_end;     // the event job.ended rides on the write that ends a job for good
    // Starts the work; must lead to exactly one kj_running_end.
    void (*run)(void *arg, struct kj_running *running);
    void *arg;
};

enum kj_job_verdict {
    KJ_JOB_DONE,
    KJ_JOB_RETRY,  // failed this time: backoff (or `due`), dead after max_attempts
    KJ_JOB_WAIT,   // not its time yet: waits until `due`, no attempt consumed
    KJ_JOB_FAILED, // will never work: reason
    KJ_JOB_PARKED, // a person must look: reason
};

struct kj_job_end {
    enum kj_job_verdict verdict;
    int64_t due;           // wait, retry: wall ms; 0 = by backoff
    const char *reason;    // a word or short sentence
    const bson_t *result;  // stored as result
    const bson_t *changes; // further fields put over the document (stage, verdict, plan …)
    const bson_t *events;  // ride on this write
    bool resume;           // wait: in the middle of something; goes on also when canceled meanwhile
};

int kj_queue_create(struct kj_loop *loop, struct kj_store *store, const char *host, uint64_t seed,
                    struct kj_queue **queue) KJ_MUST_USE;
void kj_queue_destroy(struct kj_queue *queue);
// Copied, except for the name, which must live as long as the queue. Once per name.
void kj_queue_register(struct kj_queue *queue, const struct kj_job_kind *kind);
const struct kj_job_kind *kj_queue_kind(const struct kj_queue *queue, const char *name);
// The name under which jobs run; before start. At first the name given to create.
void kj_queue_set_lease(struct kj_queue *queue, const char *lease);
// How many hosts share the work; 1 at first.
void kj_queue_set_hosts(struct kj_queue *queue, int hosts);
// Releases what ended hosts (or our own last run) left running, then starts claiming.
void kj_queue_start(struct kj_queue *queue, void (*started)(void *arg, int status), void *arg);
// Stops claiming; `drained` is called when nothing runs or grace_ms have passed.
void kj_queue_drain(struct kj_queue *queue, int64_t grace_ms, void (*drained)(void *arg),
                    void *arg);
void kj_queue_stop(struct kj_queue *queue); // claims nothing any more, at once and for good
// Releases the jobs that run under a lease that has ended, or under ours and nobody knows of them.
// `done` may be NULL; KJ_ESTATE: such a look is under way already.
void kj_queue_sweep(struct kj_queue *queue, void (*done)(void *arg, int status), void *arg);
// The lease has ended: releases what still runs here too.
void kj_queue_hand_back(struct kj_queue *queue, void (*done)(void *arg, int status), void *arg);
void kj_queue_look(struct kj_queue *queue); // others may have inserted jobs: claims again
// Called once a job of any kind has ended for good and that is durable.
void kj_queue_on_final(struct kj_queue *queue, void (*fn)(void *arg, const bson_t *job), void *arg);
void kj_queue_hold(struct kj_queue *queue, const char *kind, bool held); // kill switch, clock step

// A new job document with the queue's fields set; the caller adds its own and inserts it (alone or
// within a larger request), then tells the queue by kj_queue_wake(due); where the store keeps the
// order, as it submits the request (intake_jobs.c).
bson_t *kj_job_new(const char *kind, const char *key, int64_t due, int priority,
                   const bson_t *payload, int64_t now);
// The document of a job that a person cancels; *next NULL: it is asked to end already. One in the
// midst of something is only marked (tell the queue by kj_queue_cancel or _wake). KJ_ESTATE: over.
int kj_job_canceled(const bson_t *job, int64_t now, bson_t **next) KJ_MUST_USE;
void kj_queue_wake(struct kj_queue *queue, const char *kind, int64_t due);
// Asks a running job to stop at its next step; false when it does not run here.
bool kj_queue_cancel(struct kj_queue *queue, int64_t id);

const bson_t *kj_running_job(const struct kj_running *running); // as last written
int64_t kj_running_id(const struct kj_running *running);
const char *kj_running_key(const struct kj_running *running); // the job's, or NULL
int64_t kj_running_attempts(const struct kj_running *running);
int64_t kj_running_every_ms(const struct kj_running *running); // 0 = it does not come again
const char *kj_running_workspace(const struct kj_running *running);
// A conditional write in the middle of a run (stage, intent): puts `changes` over the document, a
// null removes the field. While the store is away it is repeated. KJ_ECONFLICT means the job is no
// longer ours: stop without kj_running_end. KJ_ECANCELED: the engine is ending.
void kj_running_save(struct kj_running *running, const bson_t *changes, const bson_t *events,
                     void (*saved)(void *arg, int status), void *arg);
void kj_running_end(struct kj_running *running, const struct kj_job_end *end);
// Did a write fail with this because the store is away, full or broken: may it be taken later?
bool kj_queue_passes(int status);
// Asked to stop: by kj_queue_cancel, or by "cancel_asked" in the job's document (seen with the next
// write, and when it is claimed again).
bool kj_running_canceled(const struct kj_running *running);
// The queue is destroyed while the job runs: free what is yours, do not touch `running` any more.
void kj_running_on_drop(struct kj_running *running, void (*dropped)(void *arg), void *arg);
size_t kj_queue_running(const struct kj_queue *queue, const char *kind); // NULL = all

// A job that was left behind goes back to waiting; after so many recoveries at one stage it parks.
enum { KJ_RECOVERY_LIMIT = 5 };

#endif
