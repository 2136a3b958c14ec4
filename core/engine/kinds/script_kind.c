// Kinds of jobs that scripts declare. A job of one is a hook run of its own: the script sees
// {name, data: the payload, job{id, key, attempts}}, its steps are recorded (hookjob.c), what it
// returns is stored, and the event job.ended tells the end.
#include "engine/kinds/script_kind.h"

#include "base/alloc.h"
#include "base/log.h"
#include "engine/kinds/hookjob.h"
#include "engine/path.h"

#include <stdlib.h>

// Two claims of the queue's size: while one is worked off, the next is on its way. Well below what
// the scripts take at once (service.h).
enum { k_concurrency = 1024 };

struct kj_script_kind {
    struct kj_script_kind *next;
    struct kj_engine *engine;
    char name[96];  // "kind.NAME"
    char hook[200]; // "" when no file declares it any more
};

static void run(void *arg, struct kj_running *running)
{
    const struct kj_script_kind *kind = arg;
    const bson_t *job = kj_running_job(running);
    bson_t about = BSON_INITIALIZER;
    if (kind->hook[0] == 0) {
        kj_running_end(running,
                       &(struct kj_job_end){.verdict = KJ_JOB_PARKED,
                                            .reason = "no file in scripts/hooks declares this kind "
                                                      "any more; put it back, then job.retry"});
        return;
    }
    bson_t *event = bson_sized_new(job->len + 128); // larger than it gets: grown once
    kj_doc_put_text(event, "name", kind->name);
    kj_doc_put_from(event, "data", job, "payload");
    kj_doc_put_int(&about, "id", kj_running_id(running));
    kj_doc_put_text(&about, "key", kj_running_key(running));
    kj_doc_put_int(&about, "attempts", kj_running_attempts(running));
    kj_doc_put_doc(event, "job", &about);
    kj_hookjob_start(kind->engine, running, kind->hook, event);
    bson_destroy(event);
    bson_destroy(&about);
}

static struct kj_script_kind *kind_named(struct kj_engine *engine, const char *name)
{
    struct kj_script_kind *kind = engine->own->script_kinds;
    while (kind && !kj_streq(kind->name, name))
        kind = kind->next;
    return kind;
}

static void declare(struct kj_engine *engine, const char *name, const char *hook)
{
    struct kj_script_kind *kind = kind_named(engine, name);
    if (kind == NULL) {
        kind = KJ_NEW(struct kj_script_kind);
        if (!kj_copy(kind->name, sizeof kind->name, name)) {
            kj_log(KJ_LOG_ERROR, "hooks", "a kind's name is longer than 90 bytes: it is left out",
                   "file", hook, NULL);
            free(kind);
            return;
        }
        kind->engine = engine;
        kind->next = engine->own->script_kinds;
        engine->own->script_kinds = kind;
        kj_queue_register(engine->queue, &(struct kj_job_kind){.name = kind->name,
                                                               .concurrency = k_concurrency,
                                                               .tells_end = true,
                                                               .run = run,
                                                               .arg = kind});
    }
    kj_copy(kind->hook, sizeof kind->hook, hook);
}

// A kind that is declared no more stays known, so that its jobs say what is missing.
void kj_script_kinds_refresh(struct kj_engine *engine)
{
    bson_t *loaded = kj_script_list(engine->script), hooks;
    bson_iter_t at;
    for (struct kj_script_kind *kind = engine->own->script_kinds; kind; kind = kind->next)
        kind->hook[0] = 0;
    if (loaded && kj_doc_child(loaded, "hooks", &hooks) && bson_iter_init(&at, &hooks))
        while (bson_iter_next(&at)) {
            bson_t hook;
            if (kj_doc_at(&at, &hook) && kj_starts_with(kj_doc_text(&hook, "on", ""), "kind."))
                declare(engine, kj_doc_text(&hook, "on", ""), kj_doc_text(&hook, "file", ""));
        }
    kj_doc_clear(&loaded);
}

void kj_script_kinds_forget(struct kj_engine *engine)
{
    while (engine->own->script_kinds) {
        struct kj_script_kind *kind = engine->own->script_kinds;
        engine->own->script_kinds = kind->next;
        free(kind);
    }
}
