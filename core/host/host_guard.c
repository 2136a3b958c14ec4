// The bracket around every call into plugin code: says who is inside and how long it took.
//
// Plugins run on the loop thread; one that blocks stops every call of every campaign. It cannot be
// interrupted, but it is named. Real time is measured, whatever the clock.
#include "base/clock.h"
#include "base/log.h"
#include "host/home.h"

#include <inttypes.h>
#include <stdio.h>

void kj_guard_enter(struct kj_guard *guard, struct kejue_ctx *ctx, const char *entry,
                    const char *verb)
{
    struct kj_host *host = ctx->host;
    guard->ctx = ctx;
    guard->entry = entry;
    guard->verb = verb;
    guard->outer = host->inside;
    guard->outer_verb = host->inside_verb;
    host->inside = ctx;
    host->inside_verb = verb;
    guard->began_ns = kj_clock_real_mono_ns();
}

void kj_guard_leave(struct kj_guard *guard)
{
    struct kejue_ctx *ctx = guard->ctx;
    struct kj_host *host = ctx->host;
    int64_t took_ms = (kj_clock_real_mono_ns() - guard->began_ns) / 1000000;
    host->inside = guard->outer;
    host->inside_verb = guard->outer_verb;
    const char *verb = guard->verb ? guard->verb : "";
    if (took_ms > ctx->blocked_ms_max) {
        ctx->blocked_ms_max = took_ms;
        snprintf(ctx->blocked_in, sizeof ctx->blocked_in, "%s %s", guard->entry, verb);
    }
    if (took_ms < host->watchdog_ms)
        return;
    ctx->blocked++;
    char ms[24];
    snprintf(ms, sizeof ms, "%" PRId64, took_ms);
    kj_log(KJ_LOG_WARN, "plugin", "a plugin blocked the loop; it should use offload", "instance",
           ctx->name, "entry", guard->entry, "verb", guard->verb, "blocked_ms", ms, NULL);
}

const char *kj_guard_verb(const struct kejue_ctx *ctx)
{
    return pthread_equal(pthread_self(), ctx->host->thread) ? ctx->host->inside_verb : NULL;
}

bool kj_guard_thread(const struct kejue_ctx *ctx, const char *function)
{
    if (pthread_equal(pthread_self(), ctx->host->thread))
        return true;
    kj_log(KJ_LOG_ERROR, "plugin", "a host function was called outside the loop thread; ignored",
           "instance", ctx->name, "function", function, NULL);
    return false;
}
