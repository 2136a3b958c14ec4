// "Why (not) called?": for a number or lead, every gate with its input and verdict as of an
// instant, the open jobs with what they wait for, the past calls with their decisions.
#include "base/alloc.h"
#include "base/log.h"
#include "engine/path.h"
#include "engine/why_then.h"
#include "model/phone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { k_rows = 50, k_id_digits = 9, k_present_ms = 2000 };

struct why {
    struct kj_engine *engine;
    char workspace[64], number[24], who[64];
    int64_t at, now;
    bool by_id;
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

// --- the answer ---

// Those of a kind's rows that were there at the instant, newest first.
struct rows {
    const char *name, *made_at;
    const char *const *fields, *const *payload; // end with NULL; the latter of a job's payload
    bool calls, others; // of the jobs those of calls, or what follows from them
};

static bool wanted(const struct rows *rows, const bson_t *doc, int64_t at)
{
    bool is_call = kj_streq(kj_doc_text(doc, "kind", "call"), "call");
    return kj_then_there(doc, rows->made_at, at) && (is_call ? rows->calls : rows->others);
}

static void put_rows(bson_t *result, const struct rows *rows, const struct kj_store_op *op,
                     int64_t at)
{
    bson_t array = BSON_INITIALIZER;
    struct kj_doc_list list = {&array};
    for (size_t i = 0; op->status == KJ_OK && i < op->n_docs; i++) {
        bson_t row = BSON_INITIALIZER;
        for (size_t f = 0; rows->fields[f]; f++)
            kj_doc_put_from(&row, rows->fields[f], op->docs[i], rows->fields[f]);
        for (size_t f = 0; rows->payload && rows->payload[f]; f++) {
            char path[48];
            snprintf(path, sizeof path, "payload.%s", rows->payload[f]);
            kj_doc_put_from(&row, rows->payload[f], op->docs[i], path);
        }
        if (wanted(rows, op->docs[i], at))
            kj_doc_put_doc(&array, kj_doc_next(&list), &row);
        bson_destroy(&row);
    }
    kj_doc_put_array(result, rows->name, &array);
    bson_destroy(&array);
}

enum { W_NUMBER, W_JOBS, W_CALLS, W_DECISIONS, W_CAMPAIGN, W_COUNT };

static void put_all_rows(const struct kj_store_op *ops, int64_t at, bson_t *result)
{
    static const char *const k_job[] = {
        "_id",     "state",        "stage",         "due",        "reason", "outcome",
        "verdict", "campaign_id",  "attempts_made", "next",       "gates",  "attempt_id",
        "held",    "preselection", "created_at",    "updated_at", NULL};
    static const char *const k_follow[] = {"_id", "kind",   "state",    "due",        "reason",
                                           "key", "result", "attempts", "updated_at", NULL};
    static const char *const k_payload[] = {"name", "verb", "hook", NULL};
    static const char *const k_call[] = {"key",         "created_at",  "state",       "disposition",
                                         "end_reason",  "answered_by", "duration_ms", "job_id",
                                         "campaign_id", "answered_at", "ended_at",    "unsent",
                                         NULL};
    static const char *const k_decision[] = {"key",         "at",   "pack", "job_id",
                                             "disposition", "plan", NULL};
    const struct rows jobs = {"jobs", "created_at", k_job, .calls = true};
    const struct rows follow_ups = {"follow_ups", "created_at", k_follow, k_payload,
                                    .others = true};
    const struct rows calls = {"calls", "created_at", k_call, .calls = true};
    const struct rows decisions = {"decisions", "at", k_decision, .calls = true};
    put_rows(result, &jobs, &ops[W_JOBS], at);
    put_rows(result, &calls, &ops[W_CALLS], at);
    put_rows(result, &decisions, &ops[W_DECISIONS], at);
    put_rows(result, &follow_ups, &ops[W_JOBS], at);
}

static const bson_t *newest_call_job(const struct kj_store_op *jobs, int64_t at)
{
    for (size_t i = 0; i < jobs->n_docs; i++)
        if (kj_streq(kj_doc_text(jobs->docs[i], "kind", ""), "call") &&
            kj_then_there(jobs->docs[i], "created_at", at))
            return jobs->docs[i];
    return NULL;
}

static const bson_t *first(const struct kj_store_op *op)
{
    return op->n_docs ? op->docs[0] : NULL;
}

static void on_all(struct kj_store_request *request)
{
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
    struct kj_why_facts facts = {.engine = why->engine,
                                 .at = why->at,
                                 .now = why->now,
                                 .lead = why->lead,
                                 .number = first(&ops[W_NUMBER]),
                                 .campaign = first(&ops[W_CAMPAIGN]),
                                 .job = newest_call_job(&ops[W_JOBS], why->at),
                                 .calls = &ops[W_CALLS],
                                 .decisions = &ops[W_DECISIONS]};
    for (size_t i = 0; i < KJ_COUNT(k_lead); i++)
        kj_doc_put_from(&lead, k_lead[i], why->lead, k_lead[i]);
    kj_doc_put_doc(&result, "lead", &lead);
    kj_doc_put_time(&result, "at", why->at);
    kj_why_judge(&facts, &result);
    bson_t *number = kj_then_number(&facts);
    kj_doc_put_from(&result, "refusals", number, "refusals");
    kj_doc_put_from(&result, "permits", number, "attempts");
    kj_doc_clear(&number);
    put_all_rows(ops, why->at, &result);
    why->done(why->arg, KJ_OK, &result, NULL);
    bson_destroy(&lead);
    bson_destroy(&result);
    why_free(why);
}

// --- reading ---

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
    request->ops[i].limit = k_rows;
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
    find_lead_rows(request, W_JOBS, KJ_JOBS, lead, NULL);
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
    const bson_t *job = newest_call_job(op, why->at);
    read_rest(why, job ? kj_doc_int(job, "campaign_id", 0) : 0);
}

static void read_jobs(struct why *why)
{
    struct kj_store_request *jobs = kj_store_request(1, why->workspace, on_jobs, why);
    find_lead_rows(jobs, 0, KJ_JOBS, kj_doc_int(why->lead, "_id", 0), "call");
    kj_store_submit(why->engine->store, jobs);
}

static void fail_unknown(struct why *why, int status)
{
    why_fail(why, status, why->who, "see lead.list; a number is written with its country code",
             status == KJ_ENOTFOUND ? "no lead has this number or id"
                                    : "the lead could not be read");
}

// A number may be refused, or have been called, without a lead.
static void on_bare_number(struct kj_store_request *request)
{
    struct why *why = request->arg;
    const struct kj_store_op *op = &request->ops[0];
    if (op->status != KJ_OK) {
        fail_unknown(why, op->status);
        return;
    }
    why->lead = bson_new();
    kj_doc_put_text(why->lead, "phone_number", why->number);
    read_jobs(why);
}

static void look_by_number(struct why *why);

static void on_lead(struct kj_store_request *request)
{
    struct why *why = request->arg;
    struct kj_store_op *op = &request->ops[0];
    if (op->status == KJ_ENOTFOUND && why->by_id) {
        why->by_id = false; // then it is a number in a local format
        look_by_number(why);
    } else if (op->status == KJ_ENOTFOUND) {
        kj_store_get(why->engine->store, why->workspace, KJ_NUMBERS, 0, why->number, on_bare_number,
                     why);
    } else if (op->status != KJ_OK) {
        fail_unknown(why, op->status);
    } else {
        why->lead = bson_copy(op->docs[0]);
        kj_copy(why->number, sizeof why->number, kj_doc_text(why->lead, "phone_number", ""));
        read_jobs(why);
    }
}

static void look_by_number(struct why *why)
{
    struct kj_engine *engine = why->engine;
    struct kj_phone phone;
    if (kj_phone_parse(why->who, engine->default_country[0] ? engine->default_country : NULL,
                       &phone, NULL) != KJ_OK) {
        bool digits = strspn(why->who, "0123456789") == strlen(why->who);
        if (digits)
            fail_unknown(why, KJ_ENOTFOUND);
        else
            why_fail(why, KJ_EINVAL, why->who, "write it with its country code, like +49 30 123456",
                     "is neither a phone number nor a lead's id");
        return;
    }
    kj_copy(why->number, sizeof why->number, phone.e164);
    kj_store_get(engine->store, why->workspace, KJ_LEADS, 0, why->number, on_lead, why);
}

void kj_engine_why(struct kj_engine *engine, const char *workspace, const char *who, int64_t at,
                   kj_engine_done *done, void *arg)
{
    struct why *why = KJ_NEW(struct why);
    int64_t now = kj_loop_now(engine->loop);
    if (at - now < k_present_ms && now - at < k_present_ms)
        now = at; // "now" of who asks is a little before ours, and no past
    *why = (struct why){.engine = engine, .at = at, .now = now, .done = done, .arg = arg};
    kj_copy(why->workspace, sizeof why->workspace, workspace);
    kj_copy(why->who, sizeof why->who, who);
    size_t digits = strspn(who, "0123456789");
    why->by_id = digits > 0 && who[digits] == 0 && who[0] != '0' && digits <= k_id_digits;
    if (why->by_id)
        kj_store_get(engine->store, workspace, KJ_LEADS, strtoll(who, NULL, 10), NULL, on_lead,
                     why);
    else
        look_by_number(why);
}
