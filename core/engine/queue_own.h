// What queue.c (claiming) and running.c (one claimed job) share. Private to the engine.
#ifndef KJ_QUEUE_OWN_H
#define KJ_QUEUE_OWN_H

#include "base/map.h"
#include "engine/queue.h"

struct kj_queue_kind {
    struct kj_job_kind kind;
    size_t running;
    bool held;
    int64_t next_due; // earliest waiting job as far as known; INT64_MAX = none
    uint64_t woken;   // counts inserts that we were told of
};

struct kj_queue {
    struct kj_loop *loop;
    struct kj_store *store;
    char *host; // the lease under which jobs are claimed
    uint64_t seed;
    struct kj_map kinds;
    struct kj_timer timer, grace, sweep;
    struct kj_task pump;
    bool pump_posted, claiming, started, draining;
    int64_t rest_until; // mono ms: a claim has failed, none before
    bool recovering;    // a look for abandoned jobs is under way
    bool handed_back;   // the lease is no longer ours
    int hosts;          // that share the work
    struct kj_running *running;
    size_t running_count;
    void (*drained)(void *arg);
    void *drained_arg;
    void (*on_final)(void *arg, const bson_t *job);
    void *on_final_arg;
};

struct kj_running {
    struct kj_queue *queue;
    struct kj_queue_kind *kind;
    struct kj_running *next, *previous;
    bson_t *job; // as last written
    // Of the job, by kj_running_read.
    int64_t id, version, attempts, every_ms;
    const char *key; // NULL = none
    char workspace[64];
    bool cancel_asked, canceled;
    // The write under way, kept until the store has taken it: a save, or the end.
    bool ending, plain;
    struct kj_job_end end; // its pointers are not used: what they gave is kept below
    bson_t *result, *changes, *events;
    char *reason;
    int tries;
    struct kj_timer again;
    void (*saved)(void *arg, int status);
    void *saved_arg;
    void (*dropped)(void *arg);
    void *dropped_arg;
};

// job.c: the document has all of `changes` (NULL: none); a null among them means absent.
bool kj_job_holds(const bson_t *job, const bson_t *changes);
// job_end.c: what the end asked for puts over the job's document; the caller destroys it.
bson_t *kj_running_end_changes(const struct kj_running *running);
// job.c: what the queue needs of running->job, in one walk in the place of six look-ups, half of
// which look for what most jobs do not have. Each time that `job` is another.
void kj_running_read(struct kj_running *running);
struct kj_queue_kind *kj_queue_kind_own(const struct kj_queue *queue, const char *name);
void kj_queue_pump_soon(struct kj_queue *queue);
void kj_queue_recover(struct kj_queue *queue, void (*done)(void *arg, int status), void *arg);
void kj_queue_check_drained(struct kj_queue *queue);
struct kj_running *kj_running_new(struct kj_queue *queue, struct kj_queue_kind *kind,
                                  bson_t *job_take);
void kj_running_free(struct kj_running *running);

#endif
