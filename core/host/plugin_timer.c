// Timers and offloaded work of plugins.
//
// A timer is a slot with a generation, so that stopping one that has fired, or another plugin's, is
// harmless. Slots are kept and used again. Offloaded work runs on threads of the host's own.
#include "base/alloc.h"
#include "base/log.h"
#include "host/home.h"

#include <stdlib.h>

struct kj_plugin_timer {
    struct kj_timer timer;
    struct kejue_ctx *ctx; // NULL = free
    uint32_t slot, generation;
    void (*fire)(void *arg);
    void *arg;
    struct kj_plugin_timer *next_free;
};

static void kj_plugin_timer_release(struct kj_host *host, struct kj_plugin_timer *timer)
{
    timer->ctx->timer_count--;
    timer->ctx = NULL;
    timer->generation++;
    timer->next_free = host->free_timers;
    host->free_timers = timer;
}

static void kj_plugin_timer_fire(void *arg)
{
    struct kj_plugin_timer *timer = arg;
    struct kejue_ctx *ctx = timer->ctx;
    void (*fire)(void *) = timer->fire;
    void *fire_arg = timer->arg;
    kj_plugin_timer_release(ctx->host, timer);
    struct kj_guard guard;
    kj_guard_enter(&guard, ctx, "timer", NULL);
    fire(fire_arg);
    kj_guard_leave(&guard);
}

static struct kj_plugin_timer *kj_plugin_timer_take(struct kj_host *host)
{
    struct kj_plugin_timer *timer = host->free_timers;
    if (timer) {
        host->free_timers = timer->next_free;
        return timer;
    }
    if (host->timer_slots == host->timer_size) {
        host->timer_size = host->timer_size ? 2 * host->timer_size : 64;
        host->timers = kj_realloc(host->timers, host->timer_size * sizeof(*host->timers));
    }
    timer = KJ_NEW(struct kj_plugin_timer);
    timer->slot = (uint32_t)host->timer_slots;
    timer->generation = 1;
    kj_timer_init(&timer->timer, kj_plugin_timer_fire, timer);
    host->timers[host->timer_slots++] = timer;
    return timer;
}

uint64_t kj_plugin_timer_start(struct kejue_ctx *ctx, int64_t delay_ms, void (*fire)(void *arg),
                               void *arg)
{
    struct kj_host *host = ctx->host;
    if (!fire || ctx->state == KJ_CTX_CLOSING || ctx->timer_count >= KJ_HOST_MAX_TIMERS) {
        kj_log(KJ_LOG_WARN, "plugin", "a timer was refused: closing, or too many", "instance",
               ctx->name, NULL);
        return 0;
    }
    struct kj_plugin_timer *timer = kj_plugin_timer_take(host);
    timer->ctx = ctx;
    timer->fire = fire;
    timer->arg = arg;
    ctx->timer_count++;
    kj_timer_start(host->loop, &timer->timer, delay_ms > 0 ? delay_ms : 0);
    return (uint64_t)timer->generation << 32 | (timer->slot + 1);
}

void kj_plugin_timer_stop(struct kejue_ctx *ctx, uint64_t id)
{
    struct kj_host *host = ctx->host;
    uint64_t slot = (id & UINT32_MAX) - 1;
    if ((id & UINT32_MAX) == 0 || slot >= host->timer_slots)
        return;
    struct kj_plugin_timer *timer = host->timers[slot];
    if (timer->ctx != ctx || timer->generation != id >> 32)
        return;
    kj_timer_stop(host->loop, &timer->timer);
    kj_plugin_timer_release(host, timer);
}

void kj_plugin_timers_stop(struct kejue_ctx *ctx)
{
    struct kj_host *host = ctx->host;
    for (size_t i = 0; i < host->timer_slots; i++) {
        if (host->timers[i]->ctx != ctx)
            continue;
        kj_timer_stop(host->loop, &host->timers[i]->timer);
        kj_plugin_timer_release(host, host->timers[i]);
    }
}

void kj_plugin_timers_fini(struct kj_host *host)
{
    for (size_t i = 0; i < host->timer_slots; i++)
        free(host->timers[i]);
    free(host->timers);
}

// --- offload ---

struct kj_plugin_work {
    struct kj_work work; // first
    struct kejue_ctx *ctx;
    void (*run)(void *arg);
    void (*done)(void *arg);
    void *arg;
};

static void kj_plugin_work_run(struct kj_work *work)
{
    struct kj_plugin_work *own = (struct kj_plugin_work *)work;
    own->run(own->arg);
}

// Also when the work never ran because the host closes: the plugin must be able to free `arg`.
static void kj_plugin_work_done(struct kj_work *work)
{
    struct kj_plugin_work *own = (struct kj_plugin_work *)work;
    own->ctx->works--;
    if (own->done && own->ctx->state != KJ_CTX_OPENING) { // else `open` has failed
        struct kj_guard guard;
        kj_guard_enter(&guard, own->ctx, "offload", NULL);
        own->done(own->arg);
        kj_guard_leave(&guard);
    }
    free(own);
}

int kj_host_pool(struct kj_host *host, struct kj_pool **pool)
{
    enum { THREADS = 2, QUEUE = 1024 };
    int error = 0;
    if (!host->pool)
        error = kj_pool_create(host->loop, "plugins", THREADS, QUEUE, &host->pool);
    *pool = host->pool;
    return error;
}

int kj_plugin_offload(struct kejue_ctx *ctx, void (*work)(void *arg), void (*done)(void *arg),
                      void *arg)
{
    struct kj_pool *pool;
    if (!work || ctx->state == KJ_CTX_CLOSING || kj_host_pool(ctx->host, &pool) != 0)
        return -1;
    struct kj_plugin_work *own = KJ_NEW(struct kj_plugin_work);
    own->work.work = kj_plugin_work_run;
    own->work.done = kj_plugin_work_done;
    own->ctx = ctx;
    own->run = work;
    own->done = done;
    own->arg = arg;
    if (kj_pool_submit(pool, &own->work) != 0) {
        free(own);
        return -1;
    }
    ctx->works++;
    return 0;
}
