// Intake of recorded calls, calls of another system that are judged without dialing. A batch is
// three steps whatever its size: its phone numbers are read in one errand of the pool, its leads
// stored in one request, its calls and jobs in another, so that a thousand calls share the flushes
// that one would need. Each call has an answer of its own.
#include "base/alloc.h"
#include "engine/path.h"
#include "model/lead.h"

#include <stdio.h>
#include <stdlib.h>

struct entry {
    bson_t call; // borrowed from the batch
    bool refused, created;
    char place[64], text[256];
    int64_t lead_id, job_id;
    char to[32], key[160];
};

struct recorded {
    struct kj_engine *engine;
    char workspace[64];
    bson_t *calls;
    struct entry *entries;
    size_t count;
    kj_engine_done *done;
    void *arg;
};

static void refuse(struct entry *entry, const char *place, const char *text)
{
    entry->refused = true;
    kj_copy(entry->place, sizeof entry->place, place);
    kj_copy(entry->text, sizeof entry->text, text);
}

static size_t good_ones(const struct recorded *recorded)
{
    size_t count = 0;
    for (size_t i = 0; i < recorded->count; i++)
        count += !recorded->entries[i].refused;
    return count;
}

static void end(struct recorded *recorded)
{
    bson_t result = BSON_INITIALIZER, answers = BSON_INITIALIZER;
    struct kj_doc_list list = {&answers};
    for (size_t i = 0; i < recorded->count; i++) {
        const struct entry *entry = &recorded->entries[i];
        bson_t one = BSON_INITIALIZER;
        kj_doc_put_bool(&one, "refused", entry->refused);
        if (entry->refused) {
            kj_doc_put_text(&one, "place", entry->place);
            kj_doc_put_text(&one, "text", entry->text);
        } else {
            kj_doc_put_int(&one, "job_id", entry->job_id);
            kj_doc_put_int(&one, "lead_id", entry->lead_id);
            kj_doc_put_bool(&one, "created", entry->created);
        }
        kj_doc_put_doc(&answers, kj_doc_next(&list), &one);
        bson_destroy(&one);
    }
    kj_doc_put_array(&result, "calls", &answers);
    recorded->done(recorded->arg, KJ_OK, &result, NULL);
    bson_destroy(&answers);
    bson_destroy(&result);
    kj_doc_clear(&recorded->calls);
    free(recorded->entries);
    free(recorded);
}

// --- calls and jobs ---

static bson_t *call_of(const struct entry *entry)
{
    static const char *const k_copied[] = {"disposition", "end_reason",  "language", "transcript",
                                           "answered_by", "external_id", "group_id"};
    bson_t *call = bson_new();
    const bson_t *from = &entry->call;
    kj_doc_put_text(call, "key", entry->key);
    kj_doc_put_int(call, "lead_id", entry->lead_id);
    kj_doc_put_text(call, "to", entry->to);
    kj_doc_put_text(call, "state", "ended");
    kj_doc_put_text(call, "type", kj_doc_text(from, "type", "outbound"));
    kj_doc_put_text(call, "source", kj_doc_text(from, "source", "import"));
    kj_doc_put_int(call, "attempt", 1);
    for (size_t i = 0; i < KJ_COUNT(k_copied); i++)
        kj_doc_put_from(call, k_copied[i], from, k_copied[i]);
    if (!kj_doc_has(call, "answered_by"))
        kj_doc_put_text(call, "answered_by",
                        kj_streq(kj_doc_text(from, "disposition", ""), "completed") ? "human"
                                                                                    : "unknown");
    int64_t started = kj_doc_time(from, "started_at", 0), ended = kj_doc_time(from, "ended_at", 0);
    kj_doc_put_time(call, "created_at", started);
    kj_doc_put_time(call, "answered_at", started);
    kj_doc_put_time(call, "ended_at", ended);
    kj_doc_put_int(call, "duration_ms", ended - started);
    kj_doc_put_bool(call, "recorded", true);
    return call;
}

static bson_t *job_of(const struct entry *entry, int64_t now)
{
    bson_t more = BSON_INITIALIZER;
    bson_t *job = kj_job_new("recorded", entry->key, now, 50, NULL, now);
    kj_doc_put_text(&more, "stage", "analyse");
    kj_doc_put_bool(&more, "recorded", true);
    kj_doc_put_int(&more, "lead_id", entry->lead_id);
    kj_doc_put_text(&more, "to", entry->to);
    kj_doc_put_from(&more, "group_id", &entry->call, "group_id");
    kj_doc_put_from(&more, "disposition", &entry->call, "disposition");
    kj_doc_put_text(&more, "attempt_id", entry->key);
    bson_concat(job, &more);
    bson_destroy(&more);
    return job;
}

static bool is_there(int status)
{
    return status == KJ_OK || status == KJ_EEXISTS;
}

static void on_stored(struct kj_store_request *request)
{
    struct recorded *recorded = request->arg;
    const struct kj_store_op *op = request->ops;
    bool any = false;
    for (size_t i = 0; i < recorded->count; i++) {
        struct entry *entry = &recorded->entries[i];
        if (entry->refused)
            continue;
        const struct kj_store_op *call = op++, *job = op++;
        entry->job_id = job->new_id;
        entry->created = job->status == KJ_OK;
        any = any || is_there(job->status); // also of a write whose answer was lost
        if (!is_there(call->status) || !is_there(job->status))
            refuse(entry, "", "the store refused the write");
    }
    if (any)
        kj_queue_wake(recorded->engine->queue, "recorded", kj_loop_now(recorded->engine->loop));
    end(recorded);
}

static void own_insert(struct kj_store_request *request, size_t i, enum kj_coll coll, bson_t *doc)
{
    request->ops[i].verb = KJ_STORE_INSERT;
    request->ops[i].coll = coll;
    kj_store_own_doc(request, i, doc);
}

static void store(struct recorded *recorded)
{
    size_t good = good_ones(recorded), op = 0;
    if (good == 0) {
        end(recorded);
        return;
    }
    struct kj_store_request *request =
        kj_store_request(2 * good, recorded->workspace, on_stored, recorded);
    int64_t now = kj_loop_now(recorded->engine->loop);
    for (size_t i = 0; i < recorded->count; i++) {
        struct entry *entry = &recorded->entries[i];
        if (entry->refused)
            continue;
        snprintf(entry->key, sizeof entry->key, "import:%.120s",
                 kj_doc_text(&entry->call, "external_id", ""));
        own_insert(request, op++, KJ_CALLS, call_of(entry));
        own_insert(request, op++, KJ_JOBS, job_of(entry, now));
    }
    kj_store_submit(recorded->engine->store, request);
}

// --- their leads first ---

static void take_lead(struct entry *entry, const bson_t *lead)
{
    char words[sizeof entry->text];
    entry->lead_id = kj_doc_int(lead, "id", 0);
    kj_copy(entry->to, sizeof entry->to, kj_doc_text(lead, "phone_number", ""));
    if (entry->lead_id == 0 && kj_doc_has(lead, "reason")) {
        snprintf(words, sizeof words, "%s: %s", kj_doc_text(lead, "reason", ""),
                 kj_doc_text(lead, "text", ""));
        refuse(entry, "/lead", words);
    }
}

static void on_leads(void *arg, int status, const bson_t *result, const struct kj_fault *fault)
{
    struct recorded *recorded = arg;
    bson_t leads;
    bson_iter_t at;
    bool more = result && kj_doc_child(result, "leads", &leads) && bson_iter_init(&at, &leads);
    for (size_t i = 0; i < recorded->count; i++) {
        struct entry *entry = &recorded->entries[i];
        bson_t lead;
        if (entry->refused)
            continue;
        if (more && (more = bson_iter_next(&at))) {
            if (kj_doc_at(&at, &lead))
                take_lead(entry, &lead);
        }
        if (!entry->refused && entry->lead_id == 0)
            refuse(entry, "", status ? fault->text : "its lead could not be stored");
    }
    store(recorded);
}

// What makes a call no recorded one, or NULL.
static const char *fault_of(const bson_t *call, const char **place)
{
    int64_t started = kj_doc_time(call, "started_at", -1),
            ended = kj_doc_time(call, "ended_at", -1);
    const char *disposition = kj_doc_text(call, "disposition", "");
    *place = "/ended_at";
    if (started < 0 || ended < started)
        return "the call must have started, and ended after that";
    *place = "/disposition";
    if (kj_disposition_from_name(disposition) == KJ_DISP_NONE)
        return "is not a disposition";
    *place = "/transcript";
    if (kj_streq(disposition, "completed") && kj_doc_count(call, "transcript") == 0)
        return "a completed call needs a transcript";
    *place = "/lead";
    return kj_doc_has(call, "lead") ? NULL : "is missing";
}

void kj_intake_recorded(struct kj_engine *engine, const char *workspace, const bson_t *calls,
                        kj_engine_done *done, void *arg)
{
    struct recorded *recorded = KJ_NEW(struct recorded);
    bson_t leads = BSON_INITIALIZER, defaults = BSON_INITIALIZER;
    struct kj_doc_list list = {&leads};
    bson_iter_t at;
    recorded->engine = engine;
    kj_copy(recorded->workspace, sizeof recorded->workspace, workspace);
    recorded->calls = bson_copy(calls);
    recorded->count = bson_count_keys(calls);
    recorded->entries = kj_alloc(sizeof *recorded->entries * (recorded->count + 1));
    recorded->done = done;
    recorded->arg = arg;
    bson_iter_init(&at, recorded->calls);
    for (size_t i = 0; i < recorded->count && bson_iter_next(&at); i++) {
        struct entry *entry = &recorded->entries[i];
        const char *place;
        bson_t lead;
        kj_doc_at(&at, &entry->call);
        const char *fault = fault_of(&entry->call, &place);
        if (fault)
            refuse(entry, place, fault);
        else if (kj_doc_child(&entry->call, "lead", &lead))
            kj_doc_put_doc(&leads, kj_doc_next(&list), &lead);
    }
    kj_doc_put_bool(&defaults, "single", true); // belongs to no list: merges, is never a duplicate
    kj_doc_put_bool(&defaults, "recorded", true); // history: no hook hears that they arrived
    if (list.count)
        kj_intake_leads(engine, workspace, &leads, &defaults, on_leads, recorded);
    else
        end(recorded);
    bson_destroy(&leads);
    bson_destroy(&defaults);
}
