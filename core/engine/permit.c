// The permit: a line's slot first, then one conditional write on the number's document. A refusal
// is written to the same document, so the store itself orders the two. Release goes by attempt id
// and may be repeated.
#include "engine/path.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

static const char k_trunk[] = "trunk:default";
enum { k_attempts_kept = 32 };

// Copies the array at `from`.`name` without the members whose `field` equals `id`; keeps the newest
// `most`. Appends `extra` when not NULL.
static void put_filtered(bson_t *to, const char *name, const bson_t *from, const char *field,
                         const char *id, size_t most, const bson_t *extra)
{
    bson_t old, array = BSON_INITIALIZER;
    bson_iter_t at;
    struct kj_doc_list list = {&array};
    size_t count = from ? kj_doc_count(from, name) : 0, index = 0;
    if (from && kj_doc_child(from, name, &old) && bson_iter_init(&at, &old))
        while (bson_iter_next(&at)) {
            bson_t member;
            uint32_t length;
            const uint8_t *bytes;
            if (index++ + most < count || !BSON_ITER_HOLDS_DOCUMENT(&at))
                continue;
            bson_iter_document(&at, &length, &bytes);
            if (bson_init_static(&member, bytes, length) &&
                !kj_streq(kj_doc_text(&member, field, ""), id))
                kj_doc_put_doc(&array, kj_doc_next(&list), &member);
        }
    if (extra)
        kj_doc_put_doc(&array, kj_doc_next(&list), extra);
    kj_doc_put_array(to, name, &array);
    bson_destroy(&array);
}

static void then(struct kj_path *path, int status)
{
    void (*next)(struct kj_path * path, int status) = path->then;
    path->then = NULL;
    next(path, status);
}

// --- slots: which attempts hold a line ---

static int take_slot(void *arg, const bson_t *doc, bson_t **next, bson_t **events)
{
    struct kj_path *path = arg;
    const struct kj_engine_private *own = path->engine->own;
    (void)events;
    bson_t slots, slot = BSON_INITIALIZER, changes = BSON_INITIALIZER;
    int rc = KJ_OK;
    bool has = doc && kj_doc_child(doc, "slots", &slots);
    if (has && kj_doc_count(doc, "slots") >= (size_t)own->max_calls) {
        rc = KJ_EFULL;
    } else {
        kj_doc_put_text(&slot, "attempt_id", path->attempt_id);
        kj_doc_put_text(&slot, "host", path->engine->host_name);
        kj_doc_put_from(&slot, "campaign_id", kj_path_job(path), "campaign_id");
        kj_doc_put_text(&changes, "key", k_trunk);
        put_filtered(&changes, "slots", doc, "attempt_id", path->attempt_id, 4096, &slot);
        *next = doc ? kj_doc_with(doc, &changes) : bson_copy(&changes);
    }
    bson_destroy(&slot);
    bson_destroy(&changes);
    return rc;
}

static int free_slot(void *arg, const bson_t *doc, bson_t **next, bson_t **events)
{
    struct kj_path *path = arg;
    (void)events;
    if (doc == NULL)
        return KJ_MODIFY_SKIP;
    bson_t changes = BSON_INITIALIZER;
    put_filtered(&changes, "slots", doc, "attempt_id", path->attempt_id, 4096, NULL);
    *next = kj_doc_with(doc, &changes);
    bson_destroy(&changes);
    return KJ_OK;
}

static void modify(struct kj_path *path, enum kj_coll coll, const char *key,
                   int (*change)(void *, const bson_t *, bson_t **, bson_t **),
                   void (*done)(void *, int, const bson_t *))
{
    struct kj_modify modify = {.store = path->engine->store,
                               .workspace = kj_path_workspace(path),
                               .coll = coll,
                               .key = key,
                               .change = change,
                               .done = done,
                               .arg = path};
    kj_modify(&modify);
}

// --- the number ---

// Judged on the document that the write is conditional on: a refusal that was acknowledged before
// is in it.
static int grant(void *arg, const bson_t *doc, bson_t **next, bson_t **events)
{
    struct kj_path *path = arg;
    (void)events;
    int64_t now = kj_path_now(path);
    const char *open = doc ? kj_doc_text(doc, "open_attempt.attempt_id", "") : "";
    if (doc && kj_doc_count(doc, "refusals") > 0)
        return KJ_EDENIED;
    if (open[0] && strcmp(open, path->attempt_id) != 0)
        return KJ_ESTATE; // another campaign is ringing it just now
    bson_t attempt = BSON_INITIALIZER, changes = BSON_INITIALIZER;
    kj_doc_put_text(&attempt, "attempt_id", path->attempt_id);
    kj_doc_put_time(&attempt, "at", now);
    kj_doc_put_from(&attempt, "campaign_id", kj_path_job(path), "campaign_id");
    kj_doc_put_text(&changes, "key", kj_doc_text(kj_path_job(path), "to", ""));
    kj_doc_put_doc(&changes, "open_attempt", &attempt);
    put_filtered(&changes, "attempts", doc, "attempt_id", path->attempt_id, k_attempts_kept,
                 &attempt);
    *next = doc ? kj_doc_with(doc, &changes) : bson_copy(&changes);
    bson_destroy(&attempt);
    bson_destroy(&changes);
    return KJ_OK;
}

static void on_slot_freed_after_refusal(void *arg, int status, const bson_t *doc)
{
    struct kj_path *path = arg;
    (void)status;
    (void)doc;
    then(path, path->placed ? KJ_ESTATE : KJ_EDENIED);
}

static void on_granted(void *arg, int status, const bson_t *doc)
{
    struct kj_path *path = arg;
    (void)doc;
    if (status == KJ_OK) {
        path->permit_at = kj_loop_mono(path->engine->loop);
        then(path, KJ_OK);
        return;
    }
    path->placed = status != KJ_EDENIED; // only to tell the two apart after the slot is free
    modify(path, KJ_LIMITS, k_trunk, free_slot, on_slot_freed_after_refusal);
}

static void on_slot(void *arg, int status, const bson_t *doc)
{
    struct kj_path *path = arg;
    (void)doc;
    if (status != KJ_OK) {
        then(path, status);
        return;
    }
    modify(path, KJ_NUMBERS, kj_doc_text(kj_path_job(path), "to", ""), grant, on_granted);
}

void kj_permit_take(struct kj_path *path, void (*next)(struct kj_path *path, int status))
{
    path->then = next;
    modify(path, KJ_LIMITS, k_trunk, take_slot, on_slot);
}

// --- release ---

struct release {
    struct kj_path *path;
    bool counted;
};

static int close_number(void *arg, const bson_t *doc, bson_t **next, bson_t **events)
{
    struct release *release = arg;
    struct kj_path *path = release->path;
    (void)events;
    if (doc == NULL)
        return KJ_MODIFY_SKIP;
    bson_t changes = BSON_INITIALIZER;
    if (kj_streq(kj_doc_text(doc, "open_attempt.attempt_id", ""), path->attempt_id))
        kj_doc_put_null(&changes, "open_attempt");
    if (!release->counted) // it never rang: it does not count against the caps
        put_filtered(&changes, "attempts", doc, "attempt_id", path->attempt_id, k_attempts_kept,
                     NULL);
    bool same = bson_count_keys(&changes) == 0;
    if (!same)
        *next = kj_doc_with(doc, &changes);
    bson_destroy(&changes);
    return same ? KJ_MODIFY_SKIP : KJ_OK;
}

static void on_released(void *arg, int status, const bson_t *doc)
{
    (void)doc;
    then(arg, status);
}

static void on_number_closed(void *arg, int status, const bson_t *doc)
{
    struct release *release = arg;
    struct kj_path *path = release->path;
    (void)doc;
    free(release);
    if (status != KJ_OK)
        then(path, status);
    else
        modify(path, KJ_LIMITS, k_trunk, free_slot, on_released);
}

void kj_permit_release(struct kj_path *path, bool counted,
                       void (*next)(struct kj_path *path, int status))
{
    struct release *release = KJ_NEW(struct release);
    *release = (struct release){path, counted};
    path->then = next;
    struct kj_modify modify = {.store = path->engine->store,
                               .workspace = kj_path_workspace(path),
                               .coll = KJ_NUMBERS,
                               .key = kj_doc_text(kj_path_job(path), "to", ""),
                               .change = close_number,
                               .done = on_number_closed,
                               .arg = release};
    kj_modify(&modify);
}
