// Stage deliver: drains the outbox. What touches our own documents is written here, harmless to
// repeat; what goes out to others becomes a job of its own, so that the queue supplies its retries,
// deadlines and dead letters. A key names each, so that a second drain adds nothing.
#include "engine/hook_jobs.h"
#include "engine/path.h"

#include "base/alloc.h"
#include "base/log.h"

#include <stdio.h>
#include <string.h>

static void settled(struct kj_path *path);

static void one_done(struct kj_path *path, bool ok)
{
    path->failed += !ok;
    if (--path->pending == 0)
        settled(path);
}

// --- jobs for what goes out ---

static void on_jobs(struct kj_store_request *request)
{
    struct kj_path *path = request->arg;
    bool ok = true;
    for (size_t i = 0; i < request->n_ops; i++) {
        struct kj_store_op *op = &request->ops[i];
        if (op->status != KJ_OK && op->status != KJ_EEXISTS)
            ok = false;
        if (op->status == KJ_OK || op->status == KJ_EEXISTS) // of a write whose answer was lost
            kj_queue_wake(path->engine->queue, kj_doc_text(op->doc, "kind", ""),
                          kj_doc_time(op->doc, "due", 0));
    }
    one_done(path, ok);
}

static int priority(const struct kj_path *path)
{
    return (int)kj_doc_int(kj_path_job(path), "priority", 50);
}

static void put_origin(const struct kj_path *path, bson_t *job)
{
    kj_doc_put_from(job, "lead_id", kj_path_job(path), "lead_id");
    kj_doc_put_from(job, "campaign_id", kj_path_job(path), "campaign_id");
}

static void send_effects(struct kj_path *path)
{
    bson_t outbox;
    bson_iter_t at;
    size_t count = kj_doc_count(kj_path_job(path), "outbox"), i = 0;
    if (count == 0 || !kj_doc_child(kj_path_job(path), "outbox", &outbox))
        return;
    struct kj_store_request *request =
        kj_store_request(count, kj_path_workspace(path), on_jobs, path);
    bson_iter_init(&at, &outbox);
    while (bson_iter_next(&at) && i < count) {
        bson_t effect;
        char key[128];
        kj_doc_at(&at, &effect);
        snprintf(key, sizeof key, "effect:%s:%zu", path->attempt_id, i);
        bson_t *job = kj_job_new("effect", key, kj_path_now(path), priority(path), &effect,
                                 kj_path_now(path));
        put_origin(path, job);
        size_t retries = kj_doc_count(&effect, "retry"); // the rule's own gaps bound the attempts
        if (retries)
            kj_doc_put_int(job, "max_attempts", (int64_t)retries + 1);
        request->ops[i].verb = KJ_STORE_INSERT;
        request->ops[i].coll = KJ_JOBS;
        kj_store_own_doc(request, i++, job);
    }
    path->pending++;
    kj_store_submit(path->engine->store, request);
}

static bson_t *hook_event(const struct kj_path *path)
{
    static const char *const k_told[] = {"lead",     "call",        "campaign", "group",
                                         "callback", "appointment", "context"};
    bson_t *event = bson_new();
    bson_t plan;
    kj_doc_put_text(event, "name", "call.analyzed");
    kj_doc_put_text(event, "id", path->attempt_id);
    kj_doc_put_time(event, "at", kj_path_now(path));
    for (size_t i = 0; path->call && i < KJ_COUNT(k_told); i++) {
        char from[32];
        snprintf(from, sizeof from, "facts.%s", k_told[i]);
        kj_doc_put_from(event, k_told[i], path->call, from);
    }
    if (kj_doc_child(kj_path_job(path), "plan", &plan))
        kj_doc_put_doc(event, "plan", &plan);
    return event;
}

static void start_hooks(struct kj_path *path)
{
    size_t count = kj_hook_listeners(path->engine, "call.analyzed");
    if (count == 0)
        return;
    bson_t *event = hook_event(path), fields = BSON_INITIALIZER;
    put_origin(path, &fields);
    struct kj_hook_event told = {.name = "call.analyzed",
                                 .once = path->attempt_id,
                                 .event = event,
                                 .priority = priority(path),
                                 .fields = &fields};
    struct kj_store_request *request =
        kj_store_request(count, kj_path_workspace(path), on_jobs, path);
    request->n_ops = kj_hook_jobs_put(path->engine, &told, request, 0);
    path->pending++;
    kj_store_submit(path->engine->store, request);
    bson_destroy(&fields);
    bson_destroy(event);
}

// --- our own documents ---

static const char *status_after(const struct kj_path *path, const bson_t *plan)
{
    const char *status = kj_doc_text(plan, "lead_status", NULL);
    if (status)
        return status;
    if (kj_doc_has(plan, "opt_out"))
        return "opted_out";
    if (kj_streq(kj_doc_text(plan, "next.kind", ""), "callback"))
        return "requested callback";
    if (kj_doc_has(plan, "next"))
        return "waiting";
    bool reached = path->call && kj_doc_bool(path->call, "facts.call.reached", false);
    return reached ? "done" : "not_reached";
}

// Rules may correct what a lead says of itself, never its number or identity.
static bson_t *allowed_changes(const bson_t *wished)
{
    static const char *const k_allowed[] = {"first_name", "last_name", "email", "company",
                                            "job_title",  "language",  "tags",  "notes",
                                            "metadata",   "timezone"};
    bson_t *allowed = bson_new();
    for (size_t i = 0; i < KJ_COUNT(k_allowed); i++)
        kj_doc_put_from(allowed, k_allowed[i], wished, k_allowed[i]);
    if (kj_doc_has(wished, "priority"))
        kj_doc_put_int(allowed, "priority", kj_path_priority(kj_doc_int(wished, "priority", 50)));
    return allowed;
}

// Deliver may come again long after: a lost answer, a crash, and other calls of this lead between.
static void put_counted(const struct kj_path *path, const bson_t *lead, bson_t *changes)
{
    enum { k_kept = 16 };
    bson_t old, array = BSON_INITIALIZER;
    bson_iter_t at;
    struct kj_doc_list list = {&array};
    size_t count = kj_doc_count(lead, "counted_attempts"), index = 0;
    if (kj_doc_child(lead, "counted_attempts", &old) && bson_iter_init(&at, &old))
        while (bson_iter_next(&at))
            if (index++ + k_kept > count && BSON_ITER_HOLDS_UTF8(&at))
                kj_doc_put_text(&array, kj_doc_next(&list), bson_iter_utf8(&at, NULL));
    kj_doc_put_text(&array, kj_doc_next(&list), path->attempt_id);
    kj_doc_put_array(changes, "counted_attempts", &array);
    bson_destroy(&array);
}

static int change_lead(void *arg, const bson_t *lead, bson_t **next, bson_t **events)
{
    struct kj_path *path = arg;
    (void)events;
    bson_t plan, more, changes = BSON_INITIALIZER;
    if (lead == NULL || kj_doc_lists(lead, "counted_attempts", path->attempt_id) ||
        !kj_doc_child(kj_path_job(path), "plan", &plan))
        return KJ_MODIFY_SKIP;
    kj_doc_put_text(&changes, "status", status_after(path, &plan));
    kj_doc_put_int(&changes, "contact_attempts", kj_doc_int(lead, "contact_attempts", 0) + 1);
    put_counted(path, lead, &changes);
    if (path->call)
        kj_doc_put_from(&changes, "last_called_at", path->call, "created_at");
    kj_doc_put_from(&changes, "score", &plan, "score");
    kj_doc_put_from(&changes, "success", &plan, "success");
    kj_doc_put_time(&changes, "updated_at", kj_path_now(path));
    *next = kj_doc_with(lead, &changes);
    if (kj_doc_child(&plan, "lead_changes", &more)) {
        bson_t *allowed = allowed_changes(&more), *first = *next;
        *next = kj_doc_with(first, allowed);
        bson_destroy(first);
        bson_destroy(allowed);
    }
    bson_destroy(&changes);
    return KJ_OK;
}

static void on_lead(void *arg, int status, const bson_t *lead)
{
    (void)lead;
    one_done(arg, status == KJ_OK);
}

static void update_lead(struct kj_path *path)
{
    struct kj_modify modify = {.store = path->engine->store,
                               .workspace = kj_path_workspace(path),
                               .coll = KJ_LEADS,
                               .id = kj_doc_int(kj_path_job(path), "lead_id", 0),
                               .known = path->lead,
                               .change = change_lead,
                               .done = on_lead,
                               .arg = path};
    path->pending++;
    kj_modify(&modify);
}

static void on_refused(void *arg, int status, const bson_t *result, const struct kj_fault *fault)
{
    (void)result;
    (void)fault;
    one_done(arg, status == KJ_OK);
}

static void refuse(struct kj_path *path)
{
    bson_t said, request = BSON_INITIALIZER;
    if (kj_doc_child(kj_path_job(path), "plan.opt_out", &said)) {
        kj_doc_put_from(&request, "phone_number", kj_path_job(path), "to");
        kj_doc_put_text(&request, "kind", "opt_out");
        kj_doc_put_text(&request, "source", path->attempt_id);
        kj_doc_put_text(&request, "evidence",
                        kj_doc_text(&said, "quote", kj_doc_text(&said, "reason", "")));
        path->pending++;
        kj_intake_refusal(path->engine, kj_path_workspace(path), &request, on_refused, path);
    }
    bson_destroy(&request);
}

// --- the end of the run ---

static void settled(struct kj_path *path)
{
    if (path->failed) {
        kj_path_stall(path, "part of the outbox could not be stored");
        return;
    }
    const bson_t *job = kj_path_job(path);
    bson_t changes = BSON_INITIALIZER;
    kj_doc_put_null(&changes, "outbox");
    if (kj_doc_has(job, "next")) {
        kj_doc_put_text(&changes, "stage", "admit");
        kj_doc_put_null(&changes, "attempt_id");
        kj_path_end(path, KJ_JOB_WAIT, kj_doc_time(job, "next.at", 0),
                    kj_doc_text(job, "next.reason", NULL), &changes, NULL);
    } else {
        kj_doc_put_text(&changes, "outcome", kj_doc_text(job, "disposition", "completed"));
        kj_path_end(path, KJ_JOB_DONE, 0, NULL, &changes, NULL);
    }
    bson_destroy(&changes);
}

void kj_deliver(struct kj_path *path)
{
    path->pending = 1; // ours: nothing settles before all has been started
    path->failed = 0;
    update_lead(path);
    refuse(path);
    send_effects(path);
    if (!path->recorded) // history: nobody is written to
        start_hooks(path);
    one_done(path, true);
}
