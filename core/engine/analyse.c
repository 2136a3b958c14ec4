// Stage analyse: transcript in, facts out. Code speaks first (was a human reached, an opt-out, a
// wish to be called back), then a model, if one is configured, answers all texts and variables of
// the pack in one request. Facts are stored on the call before anything is decided, but see go_on.
#include "engine/judge.h"
#include "engine/model_ask.h"
#include "engine/path.h"

#include "base/alloc.h"
#include "base/log.h"
#include "engine/question.h"
#include "engine/rollout.h"
#include "model/facts.h"

#include <string.h>

static const char *language_of(const struct kj_path *path)
{
    return kj_doc_text(path->call, "language", kj_doc_text(path->lead, "language", "en"));
}

static const struct kj_zone *zone_of(const struct kj_path *path)
{
    const struct kj_zone *zones[KJ_MAX_ZONES];
    size_t count = kj_judged_zones(path->lead, kj_doc_text(kj_path_job(path), "to", ""), zones);
    return count ? zones[0] : kj_zone_get("Etc/UTC");
}

// A human was reached when somebody answered who is no machine and said something.
static bool human_reached(const struct kj_path *path)
{
    bson_t transcript;
    bson_iter_t at;
    if (!kj_streq(kj_doc_text(path->call, "disposition", ""), "completed") ||
        kj_streq(kj_doc_text(path->call, "answered_by", ""), "machine") ||
        !kj_doc_child(path->call, "transcript", &transcript) || !bson_iter_init(&at, &transcript))
        return false;
    while (bson_iter_next(&at)) {
        bson_t turn;
        if (kj_doc_at(&at, &turn) && kj_streq(kj_doc_text(&turn, "speaker", ""), "lead") &&
            kj_doc_text(&turn, "text", "")[0])
            return true;
    }
    return false;
}

static void put_fields(bson_t *to, const char *name, const bson_t *from, const char *const *fields,
                       size_t count)
{
    if (from == NULL)
        return;
    bson_t *view = bson_sized_new(from->len);
    kj_doc_put_from(view, "id", from, "_id");
    kj_doc_put_fields(view, from, fields, count);
    kj_doc_put_doc(to, name, view);
    bson_destroy(view);
}

static void put_parties(const struct kj_path *path, bson_t *facts)
{
    static const char *const k_lead[] = {"phone_number",   "whatsapp_number",
                                         "first_name",     "last_name",
                                         "email",          "company",
                                         "job_title",      "country",
                                         "language",       "timezone",
                                         "status",         "source",
                                         "priority",       "tags",
                                         "notes",          "external_reference",
                                         "metadata",       "contact_attempts",
                                         "last_called_at", "created_at"};
    static const char *const k_campaign[] = {"name", "goal", "metadata"};
    static const char *const k_group[] = {"name", "whatsapp_enabled"};
    static const char *const k_assistant[] = {"name", "language"};
    put_fields(facts, "lead", path->lead, k_lead, KJ_COUNT(k_lead));
    put_fields(facts, "campaign", path->campaign, k_campaign, KJ_COUNT(k_campaign));
    put_fields(facts, "group", path->group, k_group, KJ_COUNT(k_group));
    put_fields(facts, "assistant", path->assistant, k_assistant, KJ_COUNT(k_assistant));
}

static void put_call(const struct kj_path *path, bool reached, bson_t *facts)
{
    static const char *const k_copied[] = {"type",    "source",      "disposition", "end_reason",
                                           "attempt", "answered_at", "ended_at"};
    const bson_t *job = kj_path_job(path);
    bson_t call = BSON_INITIALIZER, view;
    struct kj_retry_policy policy;
    kj_doc_put_fields(&call, path->call, k_copied, KJ_COUNT(k_copied));
    kj_doc_put_from(&call, "to_number", path->call, "to");
    kj_doc_put_from(&call, "id", path->call, "key");
    kj_doc_put_from(&call, "started_at", path->call, "created_at");
    kj_doc_put_bool(&call, "reached", reached);
    kj_doc_put_text(&call, "answered_by", kj_doc_text(path->call, "answered_by", "unknown"));
    kj_doc_put_text(&call, "language", language_of(path));
    kj_doc_put_int(&call, "duration_seconds", kj_doc_int(path->call, "duration_ms", 0) / 1000);
    int64_t left = 0;
    if (kj_retry_parse(kj_path_setting(path, "retry", &view), &policy, NULL) == KJ_OK)
        left = policy.max_attempts - kj_doc_int(job, "attempts_made", 0);
    kj_doc_put_int(&call, "attempts_left", left > 0 ? left : 0);
    kj_doc_put_doc(facts, "call", &call);
    bson_destroy(&call);
}

static void put_settings(const struct kj_path *path, bson_t *facts)
{
    bson_t view;
    bson_t *settings =
        path->group && kj_doc_child(path->group, "settings", &view) ? bson_copy(&view) : bson_new();
    if (path->campaign && kj_doc_child(path->campaign, "settings", &view)) {
        bson_t *merged = kj_doc_with(settings, &view);
        bson_destroy(settings);
        settings = merged;
    }
    kj_doc_put_doc(facts, "settings", settings);
    bson_destroy(settings);
}

// A context may be text or an object (K-21); rules see an object.
static void put_context(const struct kj_path *path, bson_t *facts)
{
    const bson_t *job = kj_path_job(path);
    const char *text = kj_doc_text(job, "request.context", NULL);
    bson_t context = BSON_INITIALIZER, view;
    if (text)
        kj_doc_put_text(&context, "text", text);
    if (!text && kj_doc_child(job, "request.context", &view))
        kj_doc_put_doc(facts, "context", &view);
    else
        kj_doc_put_doc(facts, "context", &context);
    bson_destroy(&context);
}

// What preselection changed for this call: rules see it as c.input.
static void put_input(const struct kj_path *path, bson_t *facts)
{
    bson_t overwrites;
    if (kj_doc_child(kj_path_job(path), "preselection.overwrites", &overwrites))
        kj_doc_put_doc(facts, "input", &overwrites);
}

bson_t *kj_facts_of_lead(const struct kj_path *path)
{
    bson_t *facts = bson_new(), history;
    kj_doc_put_text(facts, "kind", "preselection");
    kj_doc_put_time(facts, "now", kj_path_now(path));
    put_parties(path, facts);
    put_settings(path, facts);
    put_context(path, facts);
    if (kj_doc_child(path->history, "calls", &history))
        kj_doc_put_array(facts, "history", &history);
    return facts;
}

static bson_t *build_facts(const struct kj_path *path)
{
    bson_t *facts = bson_sized_new(path->call->len + 2000), transcript, history,
           empty = BSON_INITIALIZER;
    bool reached = human_reached(path);
    int64_t heard = kj_doc_time(path->call, "ended_at", kj_path_now(path));
    kj_doc_put_text(facts, "kind", "call");
    kj_doc_put_time(facts, "now", heard);
    put_parties(path, facts);
    put_call(path, reached, facts);
    put_settings(path, facts);
    put_context(path, facts);
    put_input(path, facts);
    if (!kj_doc_child(path->call, "transcript", &transcript))
        bson_init_static(&transcript, bson_get_data(&empty), empty.len);
    kj_doc_put_array(facts, "transcript", &transcript);
    if (reached)
        kj_facts_from_transcript(&transcript, language_of(path), zone_of(path), heard, facts);
    if (kj_doc_child(path->history, "calls", &history))
        kj_doc_put_array(facts, "history", &history);
    bson_destroy(&empty);
    return facts;
}

// --- storing, then the next stage ---

static int store_facts(void *arg, const bson_t *call, bson_t **next, bson_t **events)
{
    struct kj_path *path = arg;
    (void)events;
    if (call == NULL)
        return KJ_ENOTFOUND;
    bson_t changes = BSON_INITIALIZER;
    kj_doc_put_doc(&changes, "facts", path->facts);
    *next = kj_doc_with(call, &changes);
    bson_destroy(&changes);
    return KJ_OK;
}

static void on_facts_stored(void *arg, int status, const bson_t *call)
{
    struct kj_path *path = arg;
    if (status != KJ_OK) {
        kj_path_stall(path, "the facts could not be stored");
        return;
    }
    kj_doc_clear(&path->call);
    path->call = bson_copy(call);
    kj_path_enter(path, "decide");
}

// What code alone has found out of a recorded call it finds again at any time: it is stored in one
// request with the decision.
static void go_on(struct kj_path *path)
{
    bson_t *call = NULL;
    store_facts(path, path->call, &call, NULL);
    kj_doc_clear(&path->call);
    path->call = call;
    path->facts_due = true;
    kj_path_enter(path, "decide");
}

static void finish(struct kj_path *path, bson_t *answers)
{
    bool by_model = answers && !kj_doc_has(answers, "skipped");
    if (answers)
        kj_doc_put_doc(path->facts, "answers", answers);
    kj_doc_clear(&answers);
    if (!by_model && path->recorded) {
        go_on(path);
        return;
    }
    struct kj_modify modify = {.store = path->engine->store,
                               .workspace = kj_path_workspace(path),
                               .coll = KJ_CALLS,
                               .key = path->attempt_id,
                               .known = path->call,
                               .change = store_facts,
                               .done = on_facts_stored,
                               .arg = path};
    kj_modify(&modify);
}

static void skip_model(struct kj_path *path, const char *why)
{
    bson_t *answers = bson_new();
    kj_doc_put_text(answers, "skipped", why);
    finish(path, answers);
}

// When it is to be is read by code from the words that the model has pointed to.
static void put_appointment(struct kj_path *path, const bson_t *json)
{
    bson_t said, transcript;
    if (!kj_doc_has(path->facts, "appointment") && kj_doc_child(json, "appointment", &said) &&
        kj_doc_child(path->facts, "transcript", &transcript))
        kj_facts_appointment(&transcript, &said, language_of(path), zone_of(path),
                             kj_doc_time(path->facts, "now", 0), path->facts);
}

static void on_model(struct kj_path *path, const struct kj_model_answer *answer)
{
    if (answer->json) {
        put_appointment(path, answer->json);
        finish(path, kj_question_answers(answer->json, answer->result));
    } else if (answer->later) { // the queue tries again with backoff
        kj_path_end(path, KJ_JOB_RETRY, 0, answer->why, NULL, NULL);
    } else if (answer->stopping) {
        kj_path_stall(path, "this host is ending");
    } else // never: the call is judged without a model
        skip_model(path, answer->why);
}

static void ask_model(struct kj_path *path)
{
    bson_t *pack = kj_rollout_question(path);
    bson_t *request = pack ? kj_question_build(pack, path->facts) : NULL;
    if (request == NULL)
        finish(path, NULL); // the pack asks nothing
    else
        kj_model_ask_take(path, request, on_model);
    kj_doc_clear(&pack);
}

void kj_analyse(struct kj_path *path)
{
    if (path->call == NULL) {
        kj_path_end(path, KJ_JOB_PARKED, 0, "its call document is gone", NULL, NULL);
        return;
    }
    bson_t known;
    kj_doc_clear(&path->facts);
    if (kj_doc_child(path->call, "facts", &known)) { // found out in an earlier life
        path->facts = bson_copy(&known);
        kj_path_enter(path, "decide");
        return;
    }
    path->facts = build_facts(path);
    if (!kj_doc_bool(path->facts, "call.reached", false))
        skip_model(path, "no human was reached");
    else if (path->engine->own->model_instance == NULL)
        skip_model(path, "no model is configured");
    else
        ask_model(path);
}
