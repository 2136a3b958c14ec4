// Offload pools: a few threads of our own for one class of blocking work (never libuv's shared
// pool: a slow class must not starve the others, and libuv joins its pool at exit).
#ifndef KJ_POOL_H
#define KJ_POOL_H

#include "loop/loop.h"

struct kj_pool;

struct kj_work {
    void (*work)(struct kj_work *work); // on a pool thread; with a virtual clock inline, deferred
    void (*done)(struct kj_work *work); // on the loop thread
    struct kj_task task;
    struct kj_external external;
    struct kj_work *next;
    struct kj_pool *pool;
};

int kj_pool_create(struct kj_loop *loop, const char *name, int threads, size_t queue_limit,
                   struct kj_pool **pool) KJ_MUST_USE;
void kj_pool_destroy(struct kj_pool *pool); // waits for what runs; what waits is done without work
// KJ_EFULL when the queue is full (nothing will be called).
int kj_pool_submit(struct kj_pool *pool, struct kj_work *work) KJ_MUST_USE;

#endif
