// Schedules: verbs that the host starts at an interval.
//
// For now timers in memory: one run at a time, the next one interval after the end; a configured
// interval of 0 switches a schedule off. Durable jobs can take over by reading
// kj_host_each_schedule instead of calling kj_host_start_schedules; a run is then an ordinary
// operation and nothing here changes.
#include "base/alloc.h"
#include "base/log.h"
#include "host/home.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { KJ_SCHEDULE_FIRST_MS = 10000, KJ_SCHEDULE_LEAST_MS = 100 };

static void kj_schedule_fire(void *arg);

void kj_schedules_init(struct kejue_ctx *ctx)
{
    const struct kejue_schedule *rows = ctx->decl->schedules;
    size_t count = 0;
    while (rows && rows[count].verb)
        count++;
    ctx->schedules = count ? kj_alloc(count * sizeof *ctx->schedules) : NULL;
    ctx->schedule_count = count;
    for (size_t i = 0; i < count; i++) {
        struct kj_schedule *schedule = &ctx->schedules[i];
        int64_t every = rows[i].interval_ms;
        if (rows[i].config_key)
            every = kj_doc_int(ctx->config, rows[i].config_key, every);
        schedule->ctx = ctx;
        schedule->decl = &rows[i];
        schedule->interval_ms =
            every > 0 && every < KJ_SCHEDULE_LEAST_MS ? KJ_SCHEDULE_LEAST_MS : every;
        kj_timer_init(&schedule->timer, kj_schedule_fire, schedule);
    }
}

static void kj_schedule_next(struct kj_schedule *schedule, int64_t delay_ms)
{
    struct kejue_ctx *ctx = schedule->ctx;
    if (schedule->interval_ms > 0 && ctx->state == KJ_CTX_RUNNING && !ctx->host->draining &&
        !ctx->host->closing)
        kj_timer_start(ctx->host->loop, &schedule->timer, delay_ms);
}

static void kj_schedule_done(void *arg, const struct kj_outcome *outcome, const bson_t *result)
{
    (void)result;
    struct kj_schedule *schedule = arg;
    schedule->op = 0;
    if (outcome->class != KEJUE_OK && outcome->class != KEJUE_CANCELED)
        kj_log(KJ_LOG_WARN, "plugin", "a scheduled run failed", "instance", schedule->ctx->name,
               "verb", schedule->decl->verb, "class", kj_class_name(outcome->class), "reason",
               outcome->text, NULL);
    kj_schedule_next(schedule, outcome->retry_after_ms > schedule->interval_ms
                                   ? outcome->retry_after_ms
                                   : schedule->interval_ms);
}

static void kj_schedule_fire(void *arg)
{
    struct kj_schedule *schedule = arg;
    struct kejue_ctx *ctx = schedule->ctx;
    struct kj_fault fault = {0};
    char key[192];
    snprintf(key, sizeof key, "schedule/%s/%s/%" PRId64, ctx->name, schedule->decl->verb,
             kj_loop_now(ctx->host->loop));
    struct kj_host_call call = {
        .instance = ctx->name, .verb = schedule->decl->verb, .key = key, .attempt = 1};
    schedule->op = kj_host_start(ctx->host, &call, kj_schedule_done, schedule, &fault);
    if (schedule->op)
        return;
    kj_log_fault(KJ_LOG_WARN, "plugin", &fault);
    kj_schedule_next(schedule, schedule->interval_ms);
}

// The first run comes soon, else a daily verb would never run on a host restarted every day.
void kj_host_start_schedules(struct kj_host *host)
{
    for (struct kejue_ctx *ctx = host->instances; ctx; ctx = ctx->next)
        for (size_t i = 0; i < ctx->schedule_count; i++) {
            struct kj_schedule *schedule = &ctx->schedules[i];
            int64_t first = schedule->interval_ms / 10;
            if (schedule->op == 0 && !kj_timer_active(&schedule->timer))
                kj_schedule_next(schedule,
                                 first > KJ_SCHEDULE_FIRST_MS ? KJ_SCHEDULE_FIRST_MS : first);
        }
}

void kj_host_each_schedule(const struct kj_host *host,
                           void (*visit)(void *arg, const char *instance, const char *verb,
                                         int64_t interval_ms),
                           void *arg)
{
    for (const struct kejue_ctx *ctx = host->instances; ctx; ctx = ctx->next)
        for (size_t i = 0; i < ctx->schedule_count; i++)
            visit(arg, ctx->name, ctx->schedules[i].decl->verb, ctx->schedules[i].interval_ms);
}

void kj_schedules_stop(struct kejue_ctx *ctx)
{
    for (size_t i = 0; i < ctx->schedule_count; i++)
        kj_timer_stop(ctx->host->loop, &ctx->schedules[i].timer);
}
