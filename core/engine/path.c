// The road of a call job: reads what a run needs, enters the stored stage, moves on stage by stage.
#include "engine/path.h"

#include "base/alloc.h"
#include "base/log.h"
#include "engine/rollout.h"

#include <stdlib.h>
#include <string.h>

const struct kj_stage kj_stages[] = {
    {"intake", NULL}, // intake.c, before a job exists
    {"queue", NULL},  // queue.c, while it waits
    {"admit", kj_admit},   {"attempt", kj_attempt}, {"analyse", kj_analyse},
    {"decide", kj_decide}, {"commit", kj_commit},   {"deliver", kj_deliver},
};

const bson_t *kj_path_job(const struct kj_path *path)
{
    return path->ahead ? path->ahead : kj_running_job(path->running);
}

const char *kj_path_workspace(const struct kj_path *path)
{
    return kj_running_workspace(path->running);
}

int64_t kj_path_now(const struct kj_path *path)
{
    return kj_loop_now(path->engine->loop);
}

const bson_t *kj_path_setting(const struct kj_path *path, const char *name, bson_t *view)
{
    if (kj_doc_child(kj_path_job(path), name, view))
        return view;
    if (path->campaign && kj_doc_child(path->campaign, name, view))
        return view;
    return NULL;
}

void kj_event_add(struct kj_doc_list *list, const char *name, const bson_t *data)
{
    bson_t event = BSON_INITIALIZER;
    kj_doc_put_text(&event, "name", name);
    kj_doc_put_doc(&event, "data", data);
    kj_doc_put_doc(list->array, kj_doc_next(list), &event);
    bson_destroy(&event);
}

static void detach(struct kj_path *path)
{
    kj_carrier_forget(path);
    kj_timer_stop(path->engine->loop, &path->timer);
}

static void clear_docs(struct kj_path *path)
{
    bson_t **docs[] = {&path->lead,         &path->number,  &path->campaign, &path->group,
                       &path->assistant,    &path->call,    &path->facts,    &path->plan,
                       &path->outbox,       &path->history, &path->ahead,    &path->ahead_changes,
                       &path->ahead_events, &path->found};
    for (size_t i = 0; i < KJ_COUNT(docs); i++)
        kj_doc_clear(docs[i]);
}

void kj_path_free(struct kj_path *path)
{
    detach(path);
    clear_docs(path);
    free(path);
}

static void on_dropped(void *arg)
{
    struct kj_path *path = arg;
    if (!path->abroad) {
        kj_path_free(path);
        return;
    }
    detach(path);
    path->orphan = true;
}

void kj_path_asks(struct kj_path *path)
{
    path->abroad = true;
}

bool kj_path_heard(struct kj_path *path)
{
    path->abroad = false;
    if (!path->orphan)
        return true;
    clear_docs(path);
    free(path);
    return false;
}

void kj_path_end(struct kj_path *path, enum kj_job_verdict verdict, int64_t due, const char *reason,
                 const bson_t *changes, const bson_t *events)
{
    bson_t all = BSON_INITIALIZER;
    struct kj_job_end end = {verdict, due, reason, NULL, &all, events, false};
    if (changes)
        bson_concat(&all, changes);
    kj_doc_put_null(&all, "stalls");
    if (path->ahead) {
        end.events = events ? events : path->ahead_events;
        kj_doc_put_new(&all, path->ahead_changes);
    }
    kj_running_end(path->running, &end);
    kj_path_free(path);
    bson_destroy(&all);
}

void kj_path_stall(struct kj_path *path, const char *reason)
{
    enum { k_first_ms = 2000, k_doublings = 8 };
    int64_t stalls = kj_doc_int(kj_path_job(path), "stalls", 0) + 1;
    int64_t wait = (int64_t)k_first_ms << (stalls < k_doublings ? stalls - 1 : k_doublings);
    bson_t changes = BSON_INITIALIZER;
    struct kj_job_end end = {.verdict = KJ_JOB_WAIT,
                             .due = kj_path_now(path) + wait,
                             .reason = reason,
                             .changes = &changes,
                             .resume = true};
    kj_doc_put_int(&changes, "stalls", stalls);
    kj_running_end(path->running, &end);
    kj_path_free(path);
    bson_destroy(&changes);
}

void kj_path_enter(struct kj_path *path, const char *stage)
{
    for (size_t i = 0; i < KJ_COUNT(kj_stages); i++)
        if (kj_stages[i].enter && strcmp(kj_stages[i].name, stage) == 0) {
            kj_stages[i].enter(path);
            return;
        }
    kj_path_end(path, KJ_JOB_PARKED, 0, "its stored stage is unknown to this version", NULL, NULL);
}

static void on_advanced(void *arg, int status)
{
    struct kj_path *path = arg;
    if (status == KJ_OK)
        kj_path_enter(path, path->stage_after);
    else if (status == KJ_ECONFLICT)
        kj_path_free(path);
    else
        kj_path_stall(path, "the store refused a write");
}

int64_t kj_path_priority(int64_t wished)
{
    return wished < 0 ? 0 : wished > 100 ? 100 : wished;
}

void kj_path_advance(struct kj_path *path, const char *stage, const bson_t *changes,
                     const bson_t *events)
{
    bson_t all = BSON_INITIALIZER;
    kj_copy(path->stage_after, sizeof path->stage_after, stage);
    kj_doc_put_text(&all, "stage", stage);
    if (changes)
        bson_concat(&all, changes);
    kj_running_save(path->running, &all, events, on_advanced, path);
    bson_destroy(&all);
}

void kj_path_go_on(struct kj_path *path, const char *stage, const bson_t *changes,
                   const bson_t *events)
{
    path->ahead_changes = bson_new();
    kj_doc_put_text(path->ahead_changes, "stage", stage);
    bson_concat(path->ahead_changes, changes);
    path->ahead = kj_doc_with(kj_running_job(path->running), path->ahead_changes);
    path->ahead_events = bson_copy(events);
    kj_path_enter(path, stage);
}

// --- reading what the run needs ---

enum { R_LEAD, R_CAMPAIGN, R_GROUP, R_ASSISTANTS, R_NUMBER, R_CALL, R_HISTORY, R_COUNT };

static void want(struct kj_store_request *request, int i, enum kj_coll coll, int64_t id,
                 const char *key)
{
    request->ops[i].verb = KJ_STORE_GET;
    request->ops[i].coll = coll;
    request->ops[i].id = id;
    request->ops[i].key = key;
}

static bson_t *take_doc(struct kj_store_request *request, int i)
{
    struct kj_store_op *op = &request->ops[i];
    return op->status == KJ_OK ? kj_store_steal(op, 0) : NULL;
}

// The assistant named in the job, else the group's one that speaks the lead's language, else its
// first.
static bson_t *choose_assistant(const struct kj_path *path, const struct kj_store_op *op)
{
    int64_t named = kj_doc_int(kj_path_job(path), "assistant_id", 0);
    const char *language = path->lead ? kj_doc_text(path->lead, "language", "en") : "en";
    const bson_t *chosen = NULL;
    for (size_t i = 0; op->status == KJ_OK && i < op->n_docs; i++) {
        const bson_t *doc = op->docs[i];
        if (named && kj_doc_int(doc, "_id", 0) == named)
            return bson_copy(doc);
        if (!named && !chosen && kj_streq(kj_doc_text(doc, "language", ""), language))
            chosen = doc;
    }
    if (chosen == NULL && op->status == KJ_OK && op->n_docs)
        chosen = op->docs[0];
    return chosen ? bson_copy(chosen) : NULL;
}

static bson_t *collect_history(const struct kj_store_op *op)
{
    bson_t *history = bson_new();
    bson_t calls = BSON_INITIALIZER;
    struct kj_doc_list list = {&calls};
    for (size_t i = 0; op->status == KJ_OK && i < op->n_docs; i++) {
        bson_t row = BSON_INITIALIZER;
        kj_doc_put_from(&row, "at", op->docs[i], "at");
        kj_doc_put_from(&row, "disposition", op->docs[i], "disposition");
        kj_doc_put_from(&row, "success", op->docs[i], "plan.success");
        kj_doc_put_from(&row, "score", op->docs[i], "plan.score");
        kj_doc_put_doc(&calls, kj_doc_next(&list), &row);
        bson_destroy(&row);
    }
    kj_doc_put_array(history, "calls", &calls);
    bson_destroy(&calls);
    return history;
}

static void on_loaded(struct kj_store_request *request)
{
    struct kj_path *path = request->arg;
    for (int i = 0; i < R_COUNT; i++)
        if (request->ops[i].status != KJ_OK && request->ops[i].status != KJ_ENOTFOUND) {
            kj_path_stall(path, "the store could not be read");
            return;
        }
    clear_docs(path);
    path->lead = take_doc(request, R_LEAD);
    path->campaign = take_doc(request, R_CAMPAIGN);
    path->group = take_doc(request, R_GROUP);
    path->assistant = choose_assistant(path, &request->ops[R_ASSISTANTS]);
    path->number = take_doc(request, R_NUMBER);
    path->call = take_doc(request, R_CALL);
    path->history = collect_history(&request->ops[R_HISTORY]);
    if (path->lead == NULL) {
        kj_path_end(path, KJ_JOB_FAILED, 0, "its lead is gone", NULL, NULL);
        return;
    }
    kj_rollout_prepare(path, kj_doc_text(kj_path_job(path), "stage", "admit"));
}

static void find_by(struct kj_store_request *request, int i, enum kj_coll coll, const char *field,
                    int64_t id, const char *sort, int64_t limit)
{
    bson_t *filter = bson_new();
    kj_doc_put_int(filter, field, id);
    request->ops[i].verb = KJ_STORE_FIND;
    request->ops[i].coll = coll;
    request->ops[i].sort = sort;
    request->ops[i].limit = limit;
    kj_store_own_filter(request, (size_t)i, filter);
}

static int64_t id_of(const struct kj_element *member)
{
    int64_t id;
    return member->key && kj_element_int(member, &id) ? id : 0;
}

void kj_path_load(struct kj_path *path)
{
    static const char *const k_ids[] = {"lead_id", "group_id", "campaign_id"};
    const bson_t *job = kj_path_job(path);
    struct kj_store_request *request =
        kj_store_request(R_COUNT, kj_path_workspace(path), on_loaded, path);
    struct kj_element ids[KJ_COUNT(k_ids)];
    kj_element_pick(job, k_ids, KJ_COUNT(k_ids), ids);
    int64_t lead = id_of(&ids[0]), group = id_of(&ids[1]);
    want(request, R_LEAD, KJ_LEADS, lead, NULL);
    want(request, R_CAMPAIGN, KJ_CAMPAIGNS, id_of(&ids[2]), NULL);
    want(request, R_GROUP, KJ_GROUPS, group, NULL);
    find_by(request, R_ASSISTANTS, KJ_ASSISTANTS, "group_id", group, NULL, 100);
    want(request, R_NUMBER, KJ_NUMBERS, 0, kj_doc_text(job, "to", "?"));
    want(request, R_CALL, KJ_CALLS, 0, path->attempt_id[0] ? path->attempt_id : "?");
    find_by(request, R_HISTORY, KJ_DECISIONS, "lead_id", lead, "-_id", 10);
    kj_store_submit(path->engine->store, request);
}

void kj_path_run(void *engine, struct kj_running *running)
{
    struct kj_path *path = KJ_NEW(struct kj_path);
    path->engine = engine;
    path->running = running;
    kj_timer_init(&path->timer, NULL, path);
    kj_copy(path->attempt_id, sizeof path->attempt_id,
            kj_doc_text(kj_running_job(running), "attempt_id", ""));
    path->recorded = kj_doc_bool(kj_running_job(running), "recorded", false);
    kj_running_on_drop(running, on_dropped, path);
    kj_path_load(path);
}
