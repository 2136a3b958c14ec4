// "Why (not) called?": for a number or lead, every gate with its input and verdict as of an
// instant, the open jobs with what they wait for, the past calls with their decisions.
#include "base/alloc.h"
#include "base/log.h"
#include "engine/judge.h"
#include "engine/path.h"
#include "model/phone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct why {
    struct kj_engine *engine;
    char workspace[64], number[24];
    int64_t at;
    bson_t *lead;
    kj_engine_done *done;
    void *arg;
};

static void why_free(struct why *why)
{
    kj_doc_clear(&why->lead);
    free(why);
}

static void why_fail(struct why *why, int code, const char *place, const char *hint,
                     const char *text)
{
    struct kj_fault fault;
    kj_fault(&fault, code, place, hint, "%s", text);
    why->done(why->arg, code, NULL, &fault);
    why_free(why);
}

// As admit would judge now: for the newest job, if it is still open, else as for a first call.
static void judge(const struct why *why, const bson_t *number, const bson_t *job,
                  const bson_t *campaign, bson_t *result)
{
    struct kj_windows windows;
    struct kj_fault fault;
    struct kj_gate_input input;
    struct kj_gate_result verdict;
    bson_t doc = BSON_INITIALIZER;
    const char *state = job ? kj_doc_text(job, "state", "") : "";
    bool open = kj_streq(state, "waiting") || kj_streq(state, "running");
    struct kj_judged judged = {why->at, open ? job : NULL, campaign, why->lead,
                               number,  why->number};
    if (kj_judge_input(why->engine, &judged, &windows, &input, &fault) == KJ_OK) {
        kj_gates_judge(&input, &verdict, &doc);
        kj_doc_put_doc(result, "now", &doc);
    } else
        kj_doc_put_text(result, "fault", fault.text);
    bson_destroy(&doc);
}

static void put_rows(bson_t *result, const char *name, const struct kj_store_op *op,
                     const char *const *fields, size_t n_fields)
{
    bson_t array = BSON_INITIALIZER;
    struct kj_doc_list list = {&array};
    for (size_t i = 0; op->status == KJ_OK && i < op->n_docs; i++) {
        bson_t row = BSON_INITIALIZER;
        for (size_t f = 0; f < n_fields; f++)
            kj_doc_put_from(&row, fields[f], op->docs[i], fields[f]);
        kj_doc_put_doc(&array, kj_doc_next(&list), &row);
        bson_destroy(&row);
    }
    kj_doc_put_array(result, name, &array);
    bson_destroy(&array);
}

enum { W_NUMBER, W_JOBS, W_CALLS, W_DECISIONS, W_CAMPAIGN, W_COUNT };

static void on_all(struct kj_store_request *request)
{
    static const char *const k_job[] = {"_id",    "state",       "stage",         "due",
                                        "reason", "campaign_id", "attempts_made", "verdict",
                                        "next",   "outcome",     "gates"};
    static const char *const k_call[] = {"key",        "created_at",  "state",       "disposition",
                                         "end_reason", "answered_by", "duration_ms", "job_id"};
    static const char *const k_decision[] = {"key", "at", "pack", "disposition", "plan"};
    static const char *const k_lead[] = {"_id",       "phone_number", "first_name",
                                         "last_name", "country",      "language",
                                         "timezone",  "status",       "list"};
    struct why *why = request->arg;
    struct kj_store_op *ops = request->ops;
    for (size_t i = 0; i < request->n_ops; i++)
        if (ops[i].status != KJ_OK && ops[i].status != KJ_ENOTFOUND) {
            why_fail(why, ops[i].status, NULL, "try again", "the store could not be read");
            return;
        }
    bson_t result = BSON_INITIALIZER, lead = BSON_INITIALIZER;
    const bson_t *number = ops[W_NUMBER].n_docs ? ops[W_NUMBER].docs[0] : NULL;
    for (size_t i = 0; i < KJ_COUNT(k_lead); i++)
        kj_doc_put_from(&lead, k_lead[i], why->lead, k_lead[i]);
    kj_doc_put_doc(&result, "lead", &lead);
    kj_doc_put_time(&result, "at", why->at);
    judge(why, number, ops[W_JOBS].n_docs ? ops[W_JOBS].docs[0] : NULL,
          ops[W_CAMPAIGN].n_docs ? ops[W_CAMPAIGN].docs[0] : NULL, &result);
    if (number)
        kj_doc_put_from(&result, "refusals", number, "refusals");
    put_rows(&result, "jobs", &ops[W_JOBS], k_job, KJ_COUNT(k_job));
    put_rows(&result, "calls", &ops[W_CALLS], k_call, KJ_COUNT(k_call));
    put_rows(&result, "decisions", &ops[W_DECISIONS], k_decision, KJ_COUNT(k_decision));
    why->done(why->arg, KJ_OK, &result, NULL);
    bson_destroy(&lead);
    bson_destroy(&result);
    why_free(why);
}

static void find_lead_rows(struct kj_store_request *request, int i, enum kj_coll coll, int64_t lead,
                           const char *kind)
{
    bson_t *filter = bson_new();
    kj_doc_put_int(filter, "lead_id", lead);
    if (kind)
        kj_doc_put_text(filter, "kind", kind);
    request->ops[i].verb = KJ_STORE_FIND;
    request->ops[i].coll = coll;
    request->ops[i].sort = "-_id";
    request->ops[i].limit = 20;
    kj_store_own_filter(request, (size_t)i, filter);
}

static void read_rest(struct why *why, int64_t campaign)
{
    struct kj_store_request *request = kj_store_request(W_COUNT, why->workspace, on_all, why);
    int64_t lead = kj_doc_int(why->lead, "_id", 0);
    request->ops[W_NUMBER].verb = request->ops[W_CAMPAIGN].verb = KJ_STORE_GET;
    request->ops[W_NUMBER].coll = KJ_NUMBERS;
    request->ops[W_NUMBER].key = why->number;
    request->ops[W_CAMPAIGN].coll = KJ_CAMPAIGNS;
    request->ops[W_CAMPAIGN].id = campaign;
    find_lead_rows(request, W_JOBS, KJ_JOBS, lead, "call");
    find_lead_rows(request, W_CALLS, KJ_CALLS, lead, NULL);
    find_lead_rows(request, W_DECISIONS, KJ_DECISIONS, lead, NULL);
    kj_store_submit(why->engine->store, request);
}

static void on_jobs(struct kj_store_request *request)
{
    struct kj_store_op *op = &request->ops[0];
    struct why *why = request->arg;
    if (op->status != KJ_OK) {
        why_fail(why, op->status, NULL, "try again", "the store could not be read");
        return;
    }
    read_rest(why, op->n_docs ? kj_doc_int(op->docs[0], "campaign_id", 0) : 0);
}

static void on_lead(struct kj_store_request *request)
{
    struct why *why = request->arg;
    struct kj_store_op *op = &request->ops[0];
    if (op->status != KJ_OK) {
        why_fail(why, op->status, why->number,
                 "see lead.list; a number is written with its country code",
                 op->status == KJ_ENOTFOUND ? "no lead has this number or id"
                                            : "the lead could not be read");
        return;
    }
    why->lead = bson_copy(op->docs[0]);
    kj_copy(why->number, sizeof why->number, kj_doc_text(why->lead, "phone_number", ""));
    struct kj_store_request *jobs = kj_store_request(1, why->workspace, on_jobs, why);
    find_lead_rows(jobs, 0, KJ_JOBS, kj_doc_int(why->lead, "_id", 0), "call");
    jobs->ops[0].limit = 1;
    kj_store_submit(why->engine->store, jobs);
}

void kj_engine_why(struct kj_engine *engine, const char *workspace, const char *who, int64_t at,
                   kj_engine_done *done, void *arg)
{
    struct kj_phone phone;
    struct kj_fault fault;
    char *end;
    struct why *why = KJ_NEW(struct why);
    *why = (struct why){.engine = engine, .at = at, .done = done, .arg = arg};
    kj_copy(why->workspace, sizeof why->workspace, workspace);
    long long id = strtoll(who, &end, 10);
    if (*who && *end == 0 && who[0] != '+' && strlen(who) < 7) { // a lead's id
        kj_copy(why->number, sizeof why->number, who);
        kj_store_get(engine->store, workspace, KJ_LEADS, id, NULL, on_lead, why);
        return;
    }
    if (kj_phone_parse(who, engine->default_country[0] ? engine->default_country : NULL, &phone,
                       &fault) != KJ_OK) {
        why_fail(why, KJ_EINVAL, who, "write it with its country code, like +49 30 123456",
                 "is neither a phone number nor a lead's id");
        return;
    }
    kj_copy(why->number, sizeof why->number, phone.e164);
    kj_store_get(engine->store, workspace, KJ_LEADS, 0, phone.e164, on_lead, why);
}
