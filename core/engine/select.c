// Preselection: before the first call of a campaign a pack may look at the lead and
// say no. Code decides, or a model by the pack's criteria; the decision, its reason and what it
// changes in the call are stored in the job, once. A person who sends a rejected job on again
// (job.retry) has the last word.
#include "engine/path.h"

#include "base/log.h"
#include "engine/question.h"

#include <stdio.h>

static const char *pack_of(const struct kj_path *path)
{
    return path->group ? kj_doc_text(path->group, "pack", "") : "";
}

bool kj_select_needed(const struct kj_path *path)
{
    const bson_t *job = kj_path_job(path);
    if (path->campaign == NULL || kj_doc_has(job, "preselection"))
        return false;
    return kj_doc_bool(kj_script_about(path->engine->script, pack_of(path)), "preselection", false);
}

// What stands in the job of the plan.
static void put_decision(const struct kj_path *path, const bson_t *plan, bson_t *changes)
{
    static const char *const k_kept[] = {"decision", "reason", "overwrites"};
    bson_t stored = BSON_INITIALIZER, found;
    if (kj_doc_child(plan, "preselection", &found))
        for (size_t i = 0; i < sizeof k_kept / sizeof *k_kept; i++)
            kj_doc_put_from(&stored, k_kept[i], &found, k_kept[i]);
    kj_doc_put_time(&stored, "at", kj_path_now(path));
    kj_doc_put_text(&stored, "pack", pack_of(path));
    kj_doc_put_from(&stored, "hash", plan, "hash");
    kj_doc_put_from(&stored, "explain", plan, "explain");
    kj_doc_put_doc(changes, "preselection", &stored);
    bson_destroy(&stored);
}

static void say_not_selected(struct kj_path *path)
{
    bson_t changes = BSON_INITIALIZER;
    char why[320];
    snprintf(why, sizeof why, "not selected: %.250s",
             kj_doc_text(path->plan, "preselection.reason", "no reason given"));
    put_decision(path, path->plan, &changes);
    kj_doc_put_text(&changes, "outcome", "rejected");
    kj_path_end(path, KJ_JOB_FAILED, 0, why, &changes, NULL);
    bson_destroy(&changes);
}

static int mark_lead(void *arg, const bson_t *lead, bson_t **next, bson_t **events)
{
    struct kj_path *path = arg;
    bson_t changes = BSON_INITIALIZER;
    (void)events;
    if (lead == NULL)
        return KJ_MODIFY_SKIP;
    kj_doc_put_text(&changes, "status", "rejected");
    kj_doc_put_time(&changes, "updated_at", kj_path_now(path));
    *next = kj_doc_with(lead, &changes);
    bson_destroy(&changes);
    return KJ_OK;
}

static void on_marked(void *arg, int status, const bson_t *lead)
{
    struct kj_path *path = arg;
    (void)lead;
    if (status != KJ_OK)
        kj_path_stall(path, "the store refused a write"); // it is decided again, alike
    else
        say_not_selected(path);
}

static void reject(struct kj_path *path)
{
    kj_modify(&(struct kj_modify){.store = path->engine->store,
                                  .workspace = kj_path_workspace(path),
                                  .coll = KJ_LEADS,
                                  .id = kj_doc_int(kj_path_job(path), "lead_id", 0),
                                  .known = path->lead,
                                  .change = mark_lead,
                                  .done = on_marked,
                                  .arg = path});
}

static void on_selected(void *arg, int status, const bson_t *plan, const struct kj_fault *fault)
{
    struct kj_path *path = arg;
    char why[320];
    if (!kj_path_heard(path))
        return;
    if (status == KJ_ECANCELED || status == KJ_EFULL || status == KJ_EUNAVAILABLE) {
        kj_path_stall(path, "the rules could not be asked now");
        return;
    }
    if (status != KJ_OK) {
        kj_fault_print(fault, why, sizeof why);
        kj_path_end(path, KJ_JOB_PARKED, 0, why, NULL, NULL);
        return;
    }
    const char *decision = kj_doc_text(plan, "preselection.decision", "unknown");
    const char *reason = kj_doc_text(plan, "preselection.reason",
                                     kj_doc_text(plan, "faults.0.text", "no reason given"));
    bson_t changes = BSON_INITIALIZER;
    if (kj_streq(decision, "approved")) {
        put_decision(path, plan, &changes);
        kj_path_advance(path, "admit", &changes, NULL);
    } else if (kj_streq(decision, "rejected")) {
        kj_doc_clear(&path->plan);
        path->plan = bson_copy(plan);
        reject(path);
    } else {
        snprintf(why, sizeof why,
                 "the preselection came to no decision (%.180s); job.retry asks again", reason);
        kj_path_end(path, KJ_JOB_PARKED, 0, why, NULL, NULL);
    }
    bson_destroy(&changes);
}

static void decide(struct kj_path *path)
{
    kj_path_asks(path);
    kj_script_decide(path->engine->script, pack_of(path), path->facts, on_selected, path);
}

static void finish(struct kj_path *path, bson_t *answers_take)
{
    kj_doc_put_doc(path->facts, "answers", answers_take);
    kj_doc_clear(&answers_take);
    decide(path);
}

static void skip_model(struct kj_path *path, const char *why)
{
    bson_t *answers = bson_new();
    kj_doc_put_text(answers, "skipped", why);
    finish(path, answers);
}

static void on_model(void *arg, const struct kj_outcome *outcome, const bson_t *result)
{
    struct kj_path *path = arg;
    bson_t json;
    if (!kj_path_heard(path))
        return;
    if (outcome->class == KEJUE_OK && kj_doc_child(result, "json", &json))
        finish(path, kj_question_lead_answers(path->plan, &json));
    else if (outcome->class == KEJUE_NOT_PROCESSED || outcome->class == KEJUE_UNKNOWN)
        kj_path_end(path, KJ_JOB_RETRY, 0, "the model did not answer", NULL, NULL);
    else if (outcome->class == KEJUE_CANCELED)
        kj_path_stall(path, "this host is ending");
    else
        skip_model(path, outcome->text ? outcome->text : "the model refused");
}

static void ask_model(struct kj_path *path, const bson_t *pack)
{
    struct kj_fault fault;
    char key[64];
    bson_t *request = kj_question_lead(pack, path->facts);
    snprintf(key, sizeof key, "select_%lld", (long long)kj_running_id(path->running));
    struct kj_host_call call = {.instance = path->engine->own->model_instance,
                                .verb = "llm.complete",
                                .workspace = kj_path_workspace(path),
                                .key = key,
                                .request = request};
    kj_path_asks(path);
    if (!kj_engine_call(path->engine, &call, on_model, path, &fault)) {
        kj_path_heard(path);
        skip_model(path, fault.text);
    }
    kj_doc_clear(&request);
}

void kj_select(struct kj_path *path)
{
    bson_t *pack = kj_script_describe(path->engine->script, pack_of(path));
    kj_doc_clear(&path->facts);
    path->facts = kj_facts_of_lead(path);
    if (pack == NULL) { // it went away meanwhile
        kj_path_stall(path, "the rules could not be asked now");
        return;
    }
    kj_doc_clear(&path->plan); // keeps what the pack asks until the answer comes
    path->plan = pack;
    if (!kj_doc_has(pack, "preselection_text"))
        decide(path);
    else if (path->engine->own->model_instance == NULL)
        skip_model(path, "no model is configured");
    else
        ask_model(path, pack);
}
