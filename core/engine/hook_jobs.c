// Which hooks hear of an event, and the job of each: it outlives a crash, and a key keeps it
// single.
#include "engine/hook_jobs.h"

#include <stdio.h>
#include <string.h>

size_t kj_hook_listeners(const struct kj_engine *engine, const char *event)
{
    bson_t *hooks = kj_script_hooks_on(engine->script, event);
    size_t count = hooks ? kj_doc_count(hooks, "hooks") : 0;
    kj_doc_clear(&hooks);
    return count;
}

// One job for each hook and occurrence. A name that is too long for a key ends in its hash: cut
// off, it could be another one's, and that hook would never run.
static void put_key(char *key, size_t size, const char *hook, const char *once)
{
    if (snprintf(key, size, "hook:%s:%s", hook, once) >= (int)size)
        snprintf(key + size - 17, 17, "%016llx", (unsigned long long)kj_hash(once, strlen(once)));
}

static bson_t *hook_job(const struct kj_engine *engine, const struct kj_hook_event *event,
                        const char *hook)
{
    char key[256];
    bson_t payload = BSON_INITIALIZER;
    int64_t now = kj_loop_now(engine->loop);
    kj_doc_put_text(&payload, "hook", hook);
    kj_doc_put_doc(&payload, "event", event->event);
    put_key(key, sizeof key, hook, event->once ? event->once : "");
    bson_t *job = kj_job_new("hook", event->once ? key : NULL, now, event->priority, &payload, now);
    if (event->fields)
        bson_concat(job, event->fields);
    bson_destroy(&payload);
    return job;
}

size_t kj_hook_jobs_put(const struct kj_engine *engine, const struct kj_hook_event *event,
                        struct kj_store_request *request, size_t first)
{
    bson_t *hooks = kj_script_hooks_on(engine->script, event->name), names;
    bson_iter_t at;
    size_t i = first;
    if (hooks && kj_doc_child(hooks, "hooks", &names) && bson_iter_init(&at, &names))
        while (bson_iter_next(&at) && i < request->n_ops) {
            request->ops[i].verb = KJ_STORE_INSERT;
            request->ops[i].coll = KJ_JOBS;
            kj_store_own_doc(request, i++, hook_job(engine, event, bson_iter_utf8(&at, NULL)));
        }
    kj_doc_clear(&hooks);
    return i - first;
}
