// A hook with on = "schedule" is one durable job that comes again (queue.h, every_ms). Its key
// keeps it single, over restarts and hosts. One whose hook is gone ends at its next turn
// (hookjob.c); one that a person canceled stays so.
#include "engine/kinds/schedule.h"

#include "base/alloc.h"
#include "base/log.h"
#include "engine/modify.h"

#include <stdio.h>
#include <stdlib.h>

struct schedule {
    struct kj_engine *engine;
    char hook[200], key[220];
    int64_t every_ms;
};

static bson_t *new_job(const struct schedule *schedule, int64_t now)
{
    bson_t payload = BSON_INITIALIZER, event = BSON_INITIALIZER;
    kj_doc_put_text(&event, "name", "schedule");
    kj_doc_put_text(&payload, "hook", schedule->hook);
    kj_doc_put_doc(&payload, "event", &event);
    bson_t *job = kj_job_new("hook", schedule->key, now + schedule->every_ms, 50, &payload, now);
    kj_doc_put_int(job, "every_ms", schedule->every_ms);
    bson_destroy(&event);
    bson_destroy(&payload);
    return job;
}

static int change(void *arg, const bson_t *job, bson_t **next, bson_t **events)
{
    const struct schedule *schedule = arg;
    bson_t changes = BSON_INITIALIZER;
    int64_t now = kj_loop_now(schedule->engine->loop);
    (void)events;
    if (job == NULL) {
        *next = new_job(schedule, now);
        return KJ_OK;
    }
    bool ended = kj_streq(kj_doc_text(job, "outcome", ""), "hook_gone");
    if (!ended && kj_doc_int(job, "every_ms", 0) == schedule->every_ms)
        return KJ_MODIFY_SKIP;
    kj_doc_put_int(&changes, "every_ms", schedule->every_ms);
    kj_doc_put_time(&changes, "due", now + schedule->every_ms);
    if (ended) {
        kj_doc_put_text(&changes, "state", "waiting");
        kj_doc_put_null(&changes, "outcome");
        kj_doc_put_null(&changes, "reason");
    }
    *next = kj_doc_with(job, &changes);
    bson_destroy(&changes);
    return KJ_OK;
}

static void on_changed(void *arg, int status, const bson_t *job)
{
    struct schedule *schedule = arg;
    if (status == KJ_OK && job)
        kj_queue_wake(schedule->engine->queue, "hook", kj_doc_time(job, "due", 0));
    else if (status != KJ_OK && status != KJ_ECANCELED)
        kj_log(KJ_LOG_ERROR, "hooks", "a schedule could not be stored; it comes with the next load",
               "hook", schedule->hook, NULL);
    free(schedule);
}

static void keep(struct kj_engine *engine, const char *hook, int64_t every_ms)
{
    struct schedule *schedule = KJ_NEW(struct schedule);
    schedule->engine = engine;
    schedule->every_ms = every_ms;
    kj_copy(schedule->hook, sizeof schedule->hook, hook);
    snprintf(schedule->key, sizeof schedule->key, "schedule:%s", hook);
    struct kj_modify modify = {.store = engine->store,
                               .workspace = "default",
                               .coll = KJ_JOBS,
                               .key = schedule->key,
                               .change = change,
                               .done = on_changed,
                               .arg = schedule};
    kj_modify(&modify);
}

void kj_schedules_refresh(struct kj_engine *engine)
{
    bson_t *loaded = kj_script_list(engine->script), hooks;
    bson_iter_t at;
    if (loaded && kj_doc_child(loaded, "hooks", &hooks) && bson_iter_init(&at, &hooks))
        while (bson_iter_next(&at)) {
            bson_t hook;
            if (kj_doc_at(&at, &hook) && kj_doc_int(&hook, "every_ms", 0) > 0)
                keep(engine, kj_doc_text(&hook, "file", ""), kj_doc_int(&hook, "every_ms", 0));
        }
    kj_doc_clear(&loaded);
}
