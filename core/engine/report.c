// What the carrier tells of an attempt, by attempt id. Reports come doubled, late and out of order:
// they only move a call forward; a late one may still tell when it rang or was answered.
#include "engine/path.h"

#include "base/alloc.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct report {
    struct kj_engine *engine;
    char *attempt_id, *workspace;
    bson_t *doc;
    bool ended; // this report ended it
    kj_engine_done *done;
    void *arg;
};

static void put_stamp(bson_t *changes, const bson_t *call, const char *name, int64_t at)
{
    if (!kj_doc_has(call, name))
        kj_doc_put_time(changes, name, at);
}

static bson_t *stamps_of(const struct report *report, const bson_t *call)
{
    bson_t *changes = bson_sized_new(report->doc->len + 500); // merge_report adds all of it
    const char *state = kj_doc_text(report->doc, "state", "");
    int64_t at = kj_doc_time(report->doc, "at", kj_loop_now(report->engine->loop));
    int64_t talked = kj_doc_int(report->doc, "duration_ms", 0);
    if (strcmp(state, "ringing") == 0)
        put_stamp(changes, call, "ringing_at", at);
    if (strcmp(state, "answered") == 0)
        put_stamp(changes, call, "answered_at", at);
    if (strcmp(state, "ended") == 0 && talked > 0) // should the answer's own report be late
        put_stamp(changes, call, "answered_at", at - talked);
    return changes;
}

static bson_t *merge_report(const struct report *report, const bson_t *call)
{
    static const char *const k_copied[] = {"state",      "provider_id", "answered_by",
                                           "end_reason", "duration_ms", "ring_ms",
                                           "transcript", "raw",         "dtmf"};
    bson_t *changes = stamps_of(report, call);
    kj_doc_put_fields(changes, report->doc, k_copied, KJ_COUNT(k_copied));
    if (kj_streq(kj_doc_text(report->doc, "state", ""), "ended")) {
        kj_doc_put_from(changes, "disposition", report->doc, "disposition");
        kj_doc_put_time(changes, "ended_at",
                        kj_doc_time(report->doc, "at", kj_loop_now(report->engine->loop)));
        kj_doc_put_int(changes, "cost_micros", kj_doc_int(report->doc, "cost.amount_micros", 0));
    }
    bson_t *next = kj_doc_with(call, changes);
    bson_destroy(changes);
    return next;
}

static bson_t *ended_event(const bson_t *call)
{
    static const char *const k_told[] = {"job_id",      "lead_id",     "campaign_id", "to",
                                         "type",        "attempt",     "disposition", "end_reason",
                                         "answered_by", "duration_ms", "source",      "ended_at"};
    bson_t data = BSON_INITIALIZER, *events = bson_sized_new(800);
    struct kj_doc_list list = {events};
    kj_doc_put_from(&data, "call_id", call, "key");
    kj_doc_put_fields(&data, call, k_told, KJ_COUNT(k_told));
    kj_event_add(&list, "call.ended", &data);
    bson_destroy(&data);
    return events;
}

// Out of order, but not of an ended call: nothing but the instant is news.
static int add_stamps(const struct report *report, const bson_t *call, bson_t **next)
{
    bson_t *changes = stamps_of(report, call);
    bool news = bson_count_keys(changes) > 0;
    if (news)
        *next = kj_doc_with(call, changes);
    bson_destroy(changes);
    return news ? KJ_OK : KJ_MODIFY_SKIP;
}

static int apply(void *arg, const bson_t *call, bson_t **next, bson_t **events)
{
    struct report *report = arg;
    report->ended = false;
    if (call == NULL)
        return KJ_ENOTFOUND;
    int from = kj_call_state_from_name(kj_doc_text(call, "state", "dialing"));
    int to = kj_call_state_from_name(kj_doc_text(report->doc, "state", ""));
    if (from < 0 || to < 0)
        return KJ_EINVAL;
    if (!kj_call_may_follow((enum kj_call_state)from, (enum kj_call_state)to))
        return from == KJ_CALL_ENDED ? KJ_MODIFY_SKIP : add_stamps(report, call, next);
    *next = merge_report(report, call);
    if (to == KJ_CALL_ENDED) {
        report->ended = true;
        *events = ended_event(*next);
    }
    return KJ_OK;
}

static void report_end(struct report *report, int status)
{
    struct kj_fault fault;
    if (status != KJ_OK)
        kj_fault(&fault, status, report->attempt_id, NULL,
                 status == KJ_ENOTFOUND ? "no such attempt" : "the report could not be stored");
    report->done(report->arg, status, NULL, status == KJ_OK ? NULL : &fault);
    kj_doc_clear(&report->doc);
    free(report->attempt_id);
    free(report->workspace);
    free(report);
}

// --- a parked job whose carrier speaks after all ---

static int unpark(void *arg, const bson_t *job, bson_t **next, bson_t **events)
{
    struct report *report = arg;
    (void)events;
    if (job == NULL || !kj_streq(kj_doc_text(job, "state", ""), "parked") ||
        !kj_streq(kj_doc_text(job, "stage", ""), "attempt") ||
        !kj_streq(kj_doc_text(job, "attempt_id", ""), report->attempt_id))
        return KJ_MODIFY_SKIP;
    bson_t changes = BSON_INITIALIZER;
    kj_doc_put_text(&changes, "state", "waiting");
    kj_doc_put_time(&changes, "due", kj_loop_now(report->engine->loop));
    kj_doc_put_null(&changes, "reason");
    *next = kj_doc_with(job, &changes);
    bson_destroy(&changes);
    return KJ_OK;
}

static void on_unparked(void *arg, int status, const bson_t *job)
{
    struct report *report = arg;
    if (status == KJ_OK && job && kj_streq(kj_doc_text(job, "state", ""), "waiting"))
        kj_queue_wake(report->engine->queue, "call", kj_loop_now(report->engine->loop));
    report_end(report, status);
}

static void on_applied(void *arg, int status, const bson_t *call)
{
    struct report *report = arg;
    bool ended = status == KJ_OK && kj_streq(kj_doc_text(call, "state", ""), "ended");
    struct kj_path *path =
        ended ? kj_map_get(&report->engine->own->awaiting, report->attempt_id) : NULL;
    if (path) {
        kj_doc_clear(&path->call);
        path->call = bson_copy(call);
        kj_attempt_ended(path);
    } else if (ended) { // also of one told before: its waking may have failed then
        kj_modify(&(struct kj_modify){.store = report->engine->store,
                                      .workspace = report->workspace,
                                      .coll = KJ_JOBS,
                                      .id = kj_doc_int(call, "job_id", 0),
                                      .change = unpark,
                                      .done = on_unparked,
                                      .arg = report});
        return;
    } else if (status != KJ_OK && status != KJ_ECANCELED)
        kj_carrier_missed(report->engine, report->attempt_id);
    report_end(report, status);
}

void kj_report_take(struct kj_engine *engine, const char *workspace, const bson_t *doc,
                    kj_engine_done *done, void *arg)
{
    struct report *report = KJ_NEW(struct report);
    report->engine = engine;
    report->attempt_id = kj_strdup(kj_doc_text(doc, "attempt_id", ""));
    report->workspace = kj_strdup(workspace);
    report->doc = bson_copy(doc);
    report->done = done;
    report->arg = arg;
    kj_modify(&(struct kj_modify){.store = engine->store,
                                  .workspace = report->workspace,
                                  .coll = KJ_CALLS,
                                  .key = report->attempt_id,
                                  .change = apply,
                                  .done = on_applied,
                                  .arg = report});
}
