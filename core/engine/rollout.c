// What a trial means for one call: which version decides it, which judges it beside, and what of it
// is counted. A lead is always on the same side of a canary, so that its calls are judged alike.
#include "engine/rollout.h"

#include "base/alloc.h"
#include "base/log.h"
#include "engine/path.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool on_trial(const struct kj_path *path, const char *mode)
{
    return path->group && kj_streq(kj_doc_text(path->group, "rollout.mode", ""), mode) &&
           kj_script_has(path->engine->script, kj_doc_text(path->group, "rollout.hash", ""));
}

// 0..99, the same for a lead as long as the trial lasts, another in the next.
static int64_t place_of(const struct kj_path *path)
{
    char text[96];
    int length = snprintf(text, sizeof text, "%" PRId64 ":%.64s",
                          kj_doc_int(kj_path_job(path), "lead_id", 0),
                          kj_doc_text(path->group, "rollout.hash", ""));
    return (int64_t)(kj_hash(text, (size_t)length) % 100);
}

static bool in_share(const struct kj_path *path)
{
    return on_trial(path, "canary") && !path->canary_failed &&
           place_of(path) < kj_doc_int(path->group, "rollout.share", 0);
}

const char *kj_rollout_live(const bson_t *group)
{
    return kj_doc_text(group, "pinned", kj_doc_text(group, "pack", NULL));
}

const char *kj_rollout_rules(const struct kj_path *path)
{
    if (path->group == NULL)
        return "";
    if (in_share(path))
        return kj_doc_text(path->group, "rollout.hash", "");
    const char *live = kj_rollout_live(path->group);
    return live ? live : "";
}

const char *kj_rollout_shadow(const struct kj_path *path)
{
    return on_trial(path, "shadow") ? kj_doc_text(path->group, "rollout.hash", "") : NULL;
}

// --- versions that this host has not seen yet ---

static void fetch_next(struct kj_path *path);

static void on_fetched(void *arg, int status, const bson_t *about, const struct kj_fault *fault)
{
    struct kj_path *path = arg;
    (void)about;
    if (!kj_path_heard(path))
        return;
    if (status == KJ_ENOTFOUND || status == KJ_EPARSE)
        kj_log_fault(KJ_LOG_ERROR, "engine", fault);
    else if (status != KJ_OK) {
        kj_path_stall(path, "a version of the rules could not be read");
        return;
    }
    fetch_next(path);
}

// Each is tried once: without a version on trial nothing is tried, and without the deciding one the
// decision parks the job.
static void fetch_next(struct kj_path *path)
{
    static const char *const k_named[] = {"pinned", "rollout.hash"};
    while (path->group && path->versions_seen < KJ_COUNT(k_named)) {
        const char *hash = kj_doc_text(path->group, k_named[path->versions_seen++], NULL);
        if (hash && !kj_script_has(path->engine->script, hash)) {
            kj_path_asks(path);
            kj_engine_fetch_version(path->engine, hash, on_fetched, path);
            return;
        }
    }
    kj_path_enter(path, path->stage_after);
}

void kj_rollout_prepare(struct kj_path *path, const char *stage)
{
    kj_copy(path->stage_after, sizeof path->stage_after, stage);
    path->versions_seen = 0;
    fetch_next(path);
}

// --- the question to the model ---

static bool asked_already(const bson_t *list, const bson_iter_t *one)
{
    bson_iter_t at;
    bson_t variable;
    const char *name = kj_doc_at(one, &variable) ? kj_doc_text(&variable, "name", "") : NULL;
    if (bson_iter_init(&at, list))
        while (bson_iter_next(&at)) {
            bson_t other;
            if (!name && kj_streq(bson_iter_utf8(&at, NULL), bson_iter_utf8(one, NULL)))
                return true;
            if (name && kj_doc_at(&at, &other) && kj_streq(kj_doc_text(&other, "name", ""), name))
                return true;
        }
    return false;
}

static void put_joined(bson_t *to, const char *list, const bson_t *first, const bson_t *second)
{
    bson_t a, b, joined = BSON_INITIALIZER, none = BSON_INITIALIZER;
    bson_iter_t at;
    struct kj_doc_list out = {&joined};
    const bson_t *own = kj_doc_child(first, list, &a) ? &a : &none;
    if (bson_iter_init(&at, own))
        while (bson_iter_next(&at))
            bson_append_iter(&joined, kj_doc_next(&out), -1, &at);
    if (kj_doc_child(second, list, &b) && bson_iter_init(&at, &b))
        while (bson_iter_next(&at))
            if (!asked_already(own, &at))
                bson_append_iter(&joined, kj_doc_next(&out), -1, &at);
    kj_doc_put_array(to, list, &joined);
    bson_destroy(&joined);
    bson_destroy(&none);
}

bson_t *kj_rollout_question(const struct kj_path *path)
{
    const char *shadow = kj_rollout_shadow(path);
    bson_t *pack = kj_script_describe(path->engine->script, kj_rollout_rules(path));
    bson_t *beside = shadow ? kj_script_describe(path->engine->script, shadow) : NULL;
    if (pack && beside) {
        bson_t changes = BSON_INITIALIZER;
        put_joined(&changes, "texts", pack, beside);
        put_joined(&changes, "variables", pack, beside);
        bson_t *both = kj_doc_with(pack, &changes);
        bson_destroy(&changes);
        kj_doc_clear(&pack);
        pack = both;
    }
    kj_doc_clear(&beside);
    return pack;
}

// --- counting ---

void kj_rollout_key(int64_t group_id, int64_t id, char *key, size_t size)
{
    snprintf(key, size, "rollout:%" PRId64 ":%" PRId64, group_id, id);
}

struct counted {
    struct kj_engine *engine;
    bson_t *rollout;
    int64_t group_id;
    char workspace[64], reason[200];
};

static void counted_free(struct counted *counted)
{
    kj_doc_clear(&counted->rollout);
    free(counted);
}

static void on_ended(void *arg, int status, const bson_t *group, const struct kj_fault *fault)
{
    (void)group;
    if (status != KJ_OK && status != KJ_ESTATE) // then the next call's count does it
        kj_log_fault(KJ_LOG_ERROR, "engine", fault);
    counted_free(arg);
}

static void on_counted(struct kj_store_request *request)
{
    struct counted *counted = request->arg;
    struct kj_store_op *op = &request->ops[0];
    if (op->status != KJ_OK || op->n_docs == 0 ||
        !kj_rollout_crossed(counted->rollout, op->docs[0], counted->reason,
                            sizeof counted->reason)) {
        counted_free(counted);
        return;
    }
    kj_rollout_change(counted->engine,
                      &(struct kj_rollout_change){.move = KJ_ROLLOUT_ROLLBACK,
                                                  .workspace = counted->workspace,
                                                  .group_id = counted->group_id,
                                                  .only_id = kj_doc_int(counted->rollout, "id", 0),
                                                  .reason = counted->reason,
                                                  .done = on_ended,
                                                  .arg = counted});
}

static void put_side(bson_t *more, const bson_t *rollout, const bson_t *decision, bool canary)
{
    const char *level = kj_doc_text(decision, "plan.success", "");
    bool reached = kj_doc_bool(decision, "reached", false);
    bool failed = kj_doc_count(decision, "plan.faults") > 0;
    kj_doc_put_int(more, canary ? "calls" : "live_calls", 1);
    kj_doc_put_int(more, canary ? "reached" : "live_reached", reached);
    kj_doc_put_int(more, canary ? "won" : "live_won",
                   reached && kj_doc_lists(rollout, canary ? "success" : "live_success", level));
    kj_doc_put_int(more, canary ? "errors" : "live_errors", failed);
}

// What the decision tells of the trial; false: nothing.
static bool put_counts(const struct kj_path *path, const bson_t *rollout, const bson_t *decision,
                       bson_t *more)
{
    if (kj_doc_has(decision, "shadow")) {
        kj_doc_put_int(more, "calls", 1);
        kj_doc_put_int(more, kj_doc_text(decision, "shadow.change", "errors"), 1);
        kj_doc_put_int(more, "changed", kj_doc_count(decision, "shadow.differs") > 0);
        if (kj_doc_has(decision, "shadow.change"))
            kj_doc_put_int(more, "errors", kj_doc_bool(decision, "shadow.failed", false));
        return true;
    }
    if (!on_trial(path, "canary"))
        return false;
    if (path->canary_failed) { // the live version has decided after all
        kj_doc_put_int(more, "calls", 1);
        kj_doc_put_int(more, "errors", 1);
        return true;
    }
    put_side(more, rollout, decision, in_share(path));
    return true;
}

void kj_rollout_count(struct kj_path *path, const bson_t *decision)
{
    bson_t rollout;
    char key[96];
    bson_t *more = bson_new();
    if (path->group == NULL || !kj_doc_child(path->group, "rollout", &rollout) ||
        !put_counts(path, &rollout, decision, more)) {
        bson_destroy(more);
        return;
    }
    struct counted *counted = KJ_NEW(struct counted);
    counted->engine = path->engine;
    counted->rollout = bson_copy(&rollout);
    counted->group_id = kj_doc_int(path->group, "_id", 0);
    kj_copy(counted->workspace, sizeof counted->workspace, kj_path_workspace(path));
    struct kj_store_request *request = kj_store_request(1, counted->workspace, on_counted, counted);
    kj_rollout_key(counted->group_id, kj_doc_int(&rollout, "id", 0), key, sizeof key);
    request->ops[0].verb = KJ_STORE_INCREMENT;
    request->ops[0].coll = KJ_COUNTERS;
    request->ops[0].key = kj_store_keep_text(request, key);
    kj_store_own_doc(request, 0, more);
    kj_store_submit(path->engine->store, request);
}
