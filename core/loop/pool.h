// Offload pools: a few threads of our own for one class of blocking work (never libuv's shared
// pool: a slow class must not starve the others, and libuv joins its pool at exit).
#ifndef KJ_POOL_H
#define KJ_POOL_H

#include "loop/loop.h"

struct kj_pool;

enum { KJ_MOST_TOGETHER = 16 };

// The owner sets work and done and keeps it alive until `done`, which is called exactly once and
// may free it, submit it again or destroy the pool.
struct kj_work {
    void (*work)(struct kj_work *work); // on a pool thread; with a virtual clock inline, deferred
    void (*done)(struct kj_work *work); // on the loop thread
    bool canceled;                      // for done: the pool was destroyed before `work` ran
    // Works that wait in a row and have the same thing here (not NULL) are worked at together when
    // one after the other would cost more: `work` is called for the first, which has the others in
    // `next`, in order and at most KJ_MOST_TOGETHER in all.
    const void *together;
    // The pool's:
    bool taken;
    struct kj_task task;
    struct kj_work *next;            // in the queue; of those worked at together
    struct kj_work *later, *earlier; // not yet done, in the order of submission
    struct kj_pool *pool;
};

// `name` names the threads (15 characters are shown). KJ_EUNAVAILABLE when threads cannot start.
int kj_pool_create(struct kj_loop *loop, const char *name, int threads, size_t queue_limit,
                   struct kj_pool **pool) KJ_MUST_USE;
// Waits for what runs; then calls every `done` that is outstanding, in the order of submission
// (work that had not started: canceled). Not from inside a `done` that it calls itself.
void kj_pool_destroy(struct kj_pool *pool);
// KJ_EFULL when the queue is full, KJ_ECANCELED while it is destroyed (nothing will be called).
// `queue_limit` counts what no thread has taken yet. Loop thread.
int kj_pool_submit(struct kj_pool *pool, struct kj_work *work) KJ_MUST_USE;
// Threads, at most 4, that only take the place of those whose work takes long. Once, after create.
int kj_pool_spare(struct kj_pool *pool, int count) KJ_MUST_USE;
// Said by a thread about its work, also from a signal handler: until it is done a spare thread has
// its place, if there is one, and whoever wakes up goes before it on the CPU. Elsewhere than on a
// pool's thread it means nothing.
void kj_pool_takes_long(void);

#endif
