// The permit: a line of the trunk first, then one conditional write on the number's document. A
// refusal is written to the same document, so the store itself orders the two. Release goes by
// attempt id and may be repeated.
#include "engine/judge.h"
#include "engine/path.h"

#include "base/alloc.h"
#include "model/frequency.h"

#include <stdlib.h>
#include <string.h>

enum {
    k_attempts_kept = 64, // what the caps look at
};

// The attempts of the number without our own, the newest `most` of them, and `extra`.
static void put_attempts(bson_t *to, const bson_t *from, const char *id, const bson_t *extra)
{
    bson_t old, array = BSON_INITIALIZER;
    bson_iter_t at;
    struct kj_doc_list list = {&array};
    size_t count = from ? kj_doc_count(from, "attempts") : 0, index = 0;
    if (from && kj_doc_child(from, "attempts", &old) && bson_iter_init(&at, &old))
        while (bson_iter_next(&at)) {
            bson_t member;
            if (index++ + k_attempts_kept < count + (extra != NULL))
                continue;
            if (kj_doc_at(&at, &member) && !kj_streq(kj_doc_text(&member, "attempt_id", ""), id))
                kj_doc_put_doc(&array, kj_doc_next(&list), &member);
        }
    if (extra)
        kj_doc_put_doc(&array, kj_doc_next(&list), extra);
    kj_doc_put_array(to, "attempts", &array);
    bson_destroy(&array);
}

static void then(struct kj_path *path, int status)
{
    void (*next)(struct kj_path * path, int status) = path->then;
    path->then = NULL;
    next(path, status);
}

static void modify_number(struct kj_path *path,
                          int (*change)(void *, const bson_t *, bson_t **, bson_t **),
                          void (*done)(void *, int, const bson_t *), void *arg)
{
    kj_modify(&(struct kj_modify){.store = path->engine->store,
                                  .workspace = kj_path_workspace(path),
                                  .coll = KJ_NUMBERS,
                                  .key = kj_doc_text(kj_path_job(path), "to", ""),
                                  .change = change,
                                  .done = done,
                                  .arg = arg});
}

// --- taking ---

// Under the caps on this very document? Another campaign may have called since admit.
static bool under_caps(const struct kj_path *path, const bson_t *doc)
{
    struct kj_windows windows;
    struct kj_gate_input input;
    struct kj_frequency frequency;
    bson_t others = BSON_INITIALIZER;
    put_attempts(&others, doc, path->attempt_id, NULL);
    struct kj_judged judged = {kj_path_now(path), kj_path_job(path),
                               path->campaign,    path->lead,
                               &others,           kj_doc_text(kj_path_job(path), "to", "")};
    kj_judged_read(&judged);
    bool under = kj_judge_input(path->engine, &judged, &windows, &input, NULL) == KJ_OK;
    if (under) {
        kj_frequency_count(&input, input.now, &frequency);
        under = frequency.open;
    }
    bson_destroy(&others);
    return under;
}

// Judged on the document that the write is conditional on: a refusal that was acknowledged before
// is in it.
static int judge_number(const struct kj_path *path, const bson_t *doc)
{
    const char *open = kj_doc_text(doc, "open_attempt.attempt_id", "");
    int64_t age = kj_path_now(path) - kj_doc_time(doc, "open_attempt.at", 0);
    if (kj_doc_count(doc, "refusals") > 0)
        return KJ_EDENIED;
    if (open[0] && !kj_streq(open, path->attempt_id) && age < KJ_OPEN_ATTEMPT_MS)
        return KJ_ESTATE; // another campaign is ringing it just now
    return under_caps(path, doc) ? KJ_OK : KJ_ELIMIT;
}

static int grant(void *arg, const bson_t *doc, bson_t **next, bson_t **events)
{
    struct kj_path *path = arg;
    (void)events;
    path->refused = doc ? judge_number(path, doc) : KJ_OK;
    if (!kj_hosts_holds(path->engine)) // whoever took over cannot give back what comes now
        path->refused = KJ_EUNAVAILABLE;
    if (path->refused != KJ_OK)
        return KJ_MODIFY_SKIP;
    path->permit_at = kj_loop_mono(path->engine->loop); // not when we hear of it: that may be late
    bson_t attempt = BSON_INITIALIZER, changes = BSON_INITIALIZER;
    kj_doc_put_text(&attempt, "attempt_id", path->attempt_id);
    kj_doc_put_time(&attempt, "at", kj_path_now(path));
    kj_doc_put_from(&attempt, "campaign_id", kj_path_job(path), "campaign_id");
    kj_doc_put_text(&changes, "key", kj_doc_text(kj_path_job(path), "to", ""));
    kj_doc_put_doc(&changes, "open_attempt", &attempt);
    put_attempts(&changes, doc, path->attempt_id, &attempt);
    *next = doc ? kj_doc_with(doc, &changes) : bson_copy(&changes);
    bson_destroy(&attempt);
    bson_destroy(&changes);
    return KJ_OK;
}

static void on_line_given_back(void *arg, int status)
{
    struct kj_path *path = arg;
    then(path, status == KJ_OK ? path->refused : status);
}

static void on_granted(void *arg, int status, const bson_t *doc)
{
    struct kj_path *path = arg;
    (void)doc;
    if (status == KJ_OK && path->refused != KJ_OK) {
        kj_trunk_free(path->engine, path->attempt_id, on_line_given_back, path);
        return;
    }
    then(path, status);
}

static void on_line(void *arg, int status)
{
    struct kj_path *path = arg;
    if (status != KJ_OK)
        then(path, status);
    else
        modify_number(path, grant, on_granted, path);
}

void kj_permit_take(struct kj_path *path, void (*next)(struct kj_path *path, int status))
{
    const bson_t *campaign = path->campaign;
    struct kj_trunk_wish wish = {
        .attempt_id = path->attempt_id,
        .workspace = kj_path_workspace(path),
        .job_id = kj_running_id(path->running),
        .campaign_id = kj_doc_int(kj_path_job(path), "campaign_id", 0),
        .most = path->engine->own->max_calls,
        .most_campaign = campaign ? (int)kj_doc_int(campaign, "limits.max_concurrent", 0) : 0};
    path->then = next;
    kj_trunk_take(path->engine, &wish, on_line, path);
}

// --- release ---

struct release {
    struct kj_path *path;
    bool counted, fence;
};

static int close_number(void *arg, const bson_t *doc, bson_t **next, bson_t **events)
{
    struct release *release = arg;
    struct kj_path *path = release->path;
    (void)events;
    if (doc == NULL && !release->fence)
        return KJ_MODIFY_SKIP;
    bson_t changes = BSON_INITIALIZER;
    kj_doc_put_text(&changes, "key", kj_doc_text(kj_path_job(path), "to", ""));
    if (kj_streq(kj_doc_text(doc, "open_attempt.attempt_id", ""), path->attempt_id))
        kj_doc_put_null(&changes, "open_attempt");
    if (!release->counted) // it never rang: it does not count against the caps
        put_attempts(&changes, doc, path->attempt_id, NULL);
    *next = doc ? kj_doc_with(doc, &changes) : bson_copy(&changes);
    bson_destroy(&changes);
    if (release->fence || !kj_doc_equal(*next, doc))
        return KJ_OK;
    kj_doc_clear(next);
    return KJ_MODIFY_SKIP;
}

static void on_released(void *arg, int status)
{
    then(arg, status);
}

static void on_number_closed(void *arg, int status, const bson_t *doc)
{
    struct release *release = arg;
    struct kj_path *path = release->path;
    free(release);
    if (status == KJ_OK && doc) { // admit must not count an attempt that was taken back
        kj_doc_clear(&path->number);
        path->number = bson_copy(doc);
    }
    if (status != KJ_OK)
        then(path, status);
    else
        kj_trunk_free(path->engine, path->attempt_id, on_released, path);
}

static void close_permit(struct kj_path *path, const struct release *how,
                         void (*next)(struct kj_path *path, int status))
{
    struct release *release = KJ_NEW(struct release);
    *release = *how;
    path->then = next;
    modify_number(path, close_number, on_number_closed, release);
}

void kj_permit_release(struct kj_path *path, bool counted,
                       void (*next)(struct kj_path *path, int status))
{
    close_permit(path, &(struct release){.path = path, .counted = counted}, next);
}

void kj_permit_fence(struct kj_path *path, void (*next)(struct kj_path *path, int status))
{
    close_permit(path, &(struct release){.path = path, .fence = true}, next);
}
