// Stage decide: facts and the rule pack in, a plan out, stored once per attempt with the pack's
// hash and the lines that fired. What a script may not decide (when a number may be called) is put
// right here in C, after it. A version on trial decides for some (canary) or judges beside
// (shadow).
#include "engine/path.h"

#include "base/alloc.h"
#include "base/log.h"
#include "engine/contrast.h"
#include "engine/next.h"
#include "engine/rollout.h"
#include "engine/switch_off.h"

#include <string.h>

static void enter_commit(struct kj_path *path, const bson_t *decision)
{
    bson_t plan;
    kj_doc_clear(&path->plan);
    if (!kj_doc_child(decision, "plan", &plan)) {
        kj_path_end(path, KJ_JOB_PARKED, 0, "its stored decision has no plan", NULL, NULL);
        return;
    }
    path->plan = bson_copy(&plan);
    kj_path_enter(path, "commit");
}

static void on_existing(struct kj_store_request *request)
{
    struct kj_path *path = request->arg;
    struct kj_store_op *op = &request->ops[0];
    if (op->status == KJ_OK && op->n_docs)
        enter_commit(path, op->docs[0]);
    else
        kj_path_stall(path, "the decision could not be read");
}

static void on_stored(struct kj_store_request *request)
{
    struct kj_path *path = request->arg;
    struct kj_store_op *op = &request->ops[0];
    if (request->n_ops > 1 && request->ops[1].status != KJ_OK) {
        kj_path_stall(path, "the facts could not be stored");
    } else if (op->status == KJ_OK) {
        kj_rollout_count(path, op->doc);
        enter_commit(path, op->doc);
    } else if (op->status == KJ_EEXISTS) // decided in an earlier life: that decision stands
        kj_store_get(path->engine->store, kj_path_workspace(path), KJ_DECISIONS, 0,
                     path->attempt_id, on_existing, path);
    else
        kj_path_stall(path, "the decision could not be stored");
}

static void put_trial(const struct kj_path *path, const bson_t *shadow, bson_t *decision)
{
    if (kj_doc_has(path->group, "rollout"))
        kj_doc_put_from(decision, "group_id", path->group, "_id");
    if (shadow)
        kj_doc_put_doc(decision, "shadow", shadow);
    if (path->canary_failed)
        kj_doc_put_from(decision, "canary_failed", path->group, "rollout.hash");
    else if (kj_streq(kj_rollout_rules(path), kj_doc_text(path->group, "rollout.hash", "")))
        kj_doc_put_bool(decision, "canary", true);
}

static void put_facts(struct kj_path *path, struct kj_store_request *request)
{
    request->ops[1].verb = KJ_STORE_REPLACE;
    request->ops[1].coll = KJ_CALLS;
    request->ops[1].id = kj_doc_int(path->call, "_id", 0);
    request->ops[1].version = kj_doc_int(path->call, "version", 0);
    kj_store_own_doc(request, 1, bson_copy(path->call));
    path->facts_due = false;
}

static void store_decision(struct kj_path *path, const bson_t *plan, const bson_t *shadow)
{
    static const char *const k_job[] = {"lead_id", "campaign_id"}, *const k_call[] = {"type",
                                                                                      "attempt"};
    const bson_t *job = kj_path_job(path);
    bson_t *decision = bson_sized_new(plan->len + 500);
    kj_doc_put_text(decision, "key", path->attempt_id);
    kj_doc_put_int(decision, "job_id", kj_running_id(path->running));
    kj_doc_put_fields(decision, job, k_job, KJ_COUNT(k_job));
    kj_doc_put_from(decision, "call_id", path->call, "_id");
    kj_doc_put_time(decision, "at", kj_path_now(path));
    kj_doc_put_from(decision, "disposition", path->call, "disposition");
    kj_doc_put_from(decision, "reached", path->facts, "call.reached");
    kj_doc_put_fields(decision, path->call, k_call, KJ_COUNT(k_call));
    kj_doc_put_from(decision, "pack", path->group, "pack");
    kj_doc_put_from(decision, "model_cost", path->facts, "answers.cost");
    if (path->engine->simulated)
        kj_doc_put_bool(decision, "simulated", true);
    put_trial(path, shadow, decision);
    kj_doc_put_doc(decision, "plan", plan);
    struct kj_store_request *request =
        kj_store_request(path->facts_due ? 2 : 1, kj_path_workspace(path), on_stored, path);
    request->ops[0].verb = KJ_STORE_INSERT;
    request->ops[0].coll = KJ_DECISIONS;
    kj_store_own_doc(request, 0, decision);
    if (path->facts_due)
        put_facts(path, request);
    kj_store_submit(path->engine->store, request);
}

// --- a shadow: judged after the decision is made, noted with it ---

static bson_t *shadow_of(const struct kj_path *path, const bson_t *plan)
{
    bson_t *shadow = bson_new(), differs = BSON_INITIALIZER, levels, none = BSON_INITIALIZER;
    bool recorded = path->recorded;
    kj_doc_put_from(shadow, "hash", path->group, "rollout.hash");
    if (plan) {
        bson_t *live = kj_contrast_outcome(path->plan);
        bson_t *beside = kj_contrast_outcome_ruled(plan, path->facts, recorded);
        bool known = kj_doc_child(path->group, "rollout.levels", &levels);
        enum kj_change change =
            kj_contrast_levels(known ? &levels : &none, kj_doc_text(live, "success", NULL),
                               kj_doc_text(beside, "success", NULL));
        kj_contrast_list(live, beside, &differs);
        kj_doc_put_text(shadow, "change", kj_change_names[change]);
        kj_doc_put_array(shadow, "differs", &differs);
        if (!bson_empty(&differs))
            kj_doc_put_doc(shadow, "outcome", beside);
        bson_destroy(live);
        bson_destroy(beside);
    }
    if (plan == NULL || kj_doc_count(plan, "faults"))
        kj_doc_put_bool(shadow, "failed", true);
    bson_destroy(&differs);
    bson_destroy(&none);
    return shadow;
}

static void on_shadow(void *arg, int status, const bson_t *plan, const struct kj_fault *fault)
{
    struct kj_path *path = arg;
    (void)fault;
    if (!kj_path_heard(path))
        return;
    bool asked = status != KJ_ECANCELED && status != KJ_EFULL && status != KJ_EUNAVAILABLE;
    bson_t *shadow = asked ? shadow_of(path, status == KJ_OK ? plan : NULL) : NULL;
    store_decision(path, path->plan, shadow);
    kj_doc_clear(&shadow);
}

// --- the decision ---

// A limit was hit: parked, and the pack with it when it does so too often.
static void park_limited(struct kj_path *path, const char *reason)
{
    const char *pack = kj_doc_text(path->group, "pack", "");
    bson_t data = BSON_INITIALIZER, events = BSON_INITIALIZER;
    struct kj_doc_list list = {.array = &events};
    if (kj_switch_off_note(path->engine, kj_path_workspace(path), pack, reason)) {
        kj_doc_put_text(&data, "pack", pack);
        kj_doc_put_text(&data, "reason",
                        kj_switched_off(path->engine, kj_path_workspace(path), pack));
        kj_doc_put_int(&data, "job_id", kj_running_id(path->running));
        kj_event_add(&list, "rules.switched_off", &data);
    }
    kj_path_end(path, KJ_JOB_PARKED, 0, reason, NULL, list.count ? &events : NULL);
    bson_destroy(&data);
    bson_destroy(&events);
}

// No plan, or one that must not be followed.
static void park(struct kj_path *path, int status, const bson_t *plan, const struct kj_fault *fault)
{
    char why[sizeof fault->place + sizeof fault->text + sizeof fault->hint + 8];
    const char *reason = why;
    // The rules' process was killed, or died.
    bool limit = status == KJ_ELIMIT || status == KJ_EINTERNAL;
    if (status != KJ_OK) {
        kj_fault_print(fault, why, sizeof why);
    } else {
        limit = kj_doc_bool(plan, "limit", false);
        reason = kj_doc_text(plan, "faults.0.text", "a rule failed where it must not");
    }
    if (limit)
        park_limited(path, reason);
    else
        kj_path_end(path, KJ_JOB_PARKED, 0, reason, NULL, NULL);
}

static void on_decided(void *arg, int status, const bson_t *plan, const struct kj_fault *fault)
{
    struct kj_path *path = arg;
    if (!kj_path_heard(path))
        return;
    if (status == KJ_ECANCELED || status == KJ_EFULL || status == KJ_EUNAVAILABLE) {
        kj_path_stall(path, "the rules could not be asked now");
        return;
    }
    bool parks =
        status != KJ_OK || kj_doc_bool(plan, "park", false) || kj_doc_bool(plan, "limit", false);
    if (parks && !path->canary_failed &&
        kj_streq(kj_rollout_rules(path), kj_doc_text(path->group, "rollout.hash", ""))) {
        path->canary_failed = true; // no call is lost to a trial
        kj_decide(path);
        return;
    }
    if (parks) {
        park(path, status, plan, fault);
        return;
    }
    const char *shadow = kj_rollout_shadow(path);
    kj_doc_clear(&path->plan);
    path->plan = kj_next_rule(path, plan);
    if (shadow == NULL) {
        store_decision(path, path->plan, NULL);
        return;
    }
    kj_path_asks(path);
    kj_script_decide(path->engine->script, shadow, path->facts, on_shadow, path);
}

void kj_decide(struct kj_path *path)
{
    if (path->group == NULL || !kj_doc_has(path->group, "pack")) {
        kj_path_end(
            path, KJ_JOB_PARKED, 0,
            "its assistant group names no rule pack; set it by group.update, then job.retry", NULL,
            NULL);
        return;
    }
    const char *off = kj_switched_off(path->engine, kj_path_workspace(path),
                                      kj_doc_text(path->group, "pack", ""));
    if (off) {
        kj_path_end(path, KJ_JOB_PARKED, 0, off, NULL, NULL);
        return;
    }
    kj_path_asks(path);
    kj_script_decide(path->engine->script, kj_rollout_rules(path), path->facts, on_decided, path);
}
