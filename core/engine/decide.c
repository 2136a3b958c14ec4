// Stage decide: facts and the rule pack in, a plan out, stored once per attempt with the pack's
// hash and the lines that fired. What a script may not decide (when a number may be called) is put
// right here in C, after it.
#include "engine/path.h"

#include "base/log.h"
#include "engine/next.h"
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
    if (request->n_ops > 1 && request->ops[1].status != KJ_OK)
        kj_path_stall(path, "the facts could not be stored");
    else if (op->status == KJ_OK)
        enter_commit(path, op->doc);
    else if (op->status == KJ_EEXISTS) // decided in an earlier life: that decision stands
        kj_store_get(path->engine->store, kj_path_workspace(path), KJ_DECISIONS, 0,
                     path->attempt_id, on_existing, path);
    else
        kj_path_stall(path, "the decision could not be stored");
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

static void store_decision(struct kj_path *path, bson_t *plan)
{
    const bson_t *job = kj_path_job(path);
    bson_t *decision = bson_new();
    kj_doc_put_text(decision, "key", path->attempt_id);
    kj_doc_put_int(decision, "job_id", kj_running_id(path->running));
    kj_doc_put_from(decision, "lead_id", job, "lead_id");
    kj_doc_put_from(decision, "campaign_id", job, "campaign_id");
    kj_doc_put_from(decision, "call_id", path->call, "_id");
    kj_doc_put_time(decision, "at", kj_path_now(path));
    kj_doc_put_from(decision, "disposition", path->call, "disposition");
    kj_doc_put_from(decision, "reached", path->facts, "call.reached");
    kj_doc_put_from(decision, "type", path->call, "type");
    kj_doc_put_from(decision, "attempt", path->call, "attempt");
    kj_doc_put_from(decision, "pack", path->group, "pack");
    if (path->engine->simulated)
        kj_doc_put_bool(decision, "simulated", true);
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

static void on_decided(void *arg, int status, const bson_t *plan, const struct kj_fault *fault)
{
    struct kj_path *path = arg;
    char why[sizeof fault->place + sizeof fault->text + sizeof fault->hint + 8];
    if (!kj_path_heard(path))
        return;
    if (status == KJ_ECANCELED || status == KJ_EFULL || status == KJ_EUNAVAILABLE) {
        kj_path_stall(path, "the rules could not be asked now");
        return;
    }
    if (status != KJ_OK) {
        kj_fault_print(fault, why, sizeof why);
        if (status == KJ_ELIMIT || status == KJ_EINTERNAL) // the rules' process was killed, or died
            park_limited(path, why);
        else
            kj_path_end(path, KJ_JOB_PARKED, 0, why, NULL, NULL);
        return;
    }
    if (kj_doc_bool(plan, "limit", false)) {
        park_limited(path, kj_doc_text(plan, "faults.0.text", "the rules hit a limit"));
        return;
    }
    if (kj_doc_bool(plan, "park", false)) {
        kj_path_end(path, KJ_JOB_PARKED, 0,
                    kj_doc_text(plan, "faults.0.text", "a rule failed where it must not"), NULL,
                    NULL);
        return;
    }
    bson_t *ruled = kj_next_rule(path, plan);
    store_decision(path, ruled);
    bson_destroy(ruled);
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
    kj_script_decide(path->engine->script, kj_doc_text(path->group, "pack", ""), path->facts,
                     on_decided, path);
}
