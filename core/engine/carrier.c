// What the carrier tells of an attempt: progress reports by attempt id, and look-ups when reports
// are missing. Reports come doubled, late and out of order: they only move a call forward.
#include "engine/path.h"

#include "base/alloc.h"
#include "base/log.h"

#include <stdlib.h>
#include <string.h>

enum {
    k_call_limit_ms = 1320000, // longest call (20 min) and two minutes: then ask
    k_lookup_again_ms = 60000,
    k_lookups = 10, // ten minutes of asking, then a person must look
};

void kj_carrier_forget(struct kj_path *path)
{
    if (path->attempt_id[0] && kj_map_get(&path->engine->own->awaiting, path->attempt_id) == path)
        kj_map_remove(&path->engine->own->awaiting, path->attempt_id);
}

static void on_guard(void *arg)
{
    kj_carrier_lookup(arg);
}

static void on_call_read(struct kj_store_request *request)
{
    struct kj_path *path = request->arg;
    struct kj_store_op *op = &request->ops[0];
    if (op->status == KJ_OK && op->n_docs) {
        kj_doc_clear(&path->call);
        path->call = bson_copy(op->docs[0]);
    }
    if (path->call && kj_streq(kj_doc_text(path->call, "state", ""), "ended")) {
        kj_attempt_ended(path);
        return;
    }
    kj_map_put(&path->engine->own->awaiting, path->attempt_id, path);
    path->timer.fire = on_guard;
    kj_timer_start(path->engine->loop, &path->timer, path->guard_ms);
}

// Waits for a report, and looks the call up when none came in time. It reads first: a report may
// have come before us; one that comes later is acknowledged later than this read.
static void watch(struct kj_path *path, int64_t guard_ms)
{
    path->guard_ms = guard_ms;
    kj_store_get(path->engine->store, kj_path_workspace(path), KJ_CALLS, 0, path->attempt_id,
                 on_call_read, path);
}

void kj_carrier_await(struct kj_path *path)
{
    watch(path, k_call_limit_ms);
}

// --- reports ---

struct report {
    struct kj_engine *engine;
    char *attempt_id, *workspace;
    bson_t *doc;
    bool ended; // this report ended it
    kj_engine_done *done;
    void *arg;
};

static int64_t money(const bson_t *report)
{
    return kj_doc_int(report, "cost.amount_micros", 0);
}

static bson_t *merge_report(const struct report *report, const bson_t *call)
{
    bson_t *changes = bson_new();
    static const char *const k_copied[] = {"provider_id", "answered_by", "end_reason",
                                           "duration_ms", "ring_ms",     "transcript",
                                           "raw",         "dtmf"};
    kj_doc_put_from(changes, "state", report->doc, "state");
    for (size_t i = 0; i < KJ_COUNT(k_copied); i++)
        kj_doc_put_from(changes, k_copied[i], report->doc, k_copied[i]);
    const char *state = kj_doc_text(report->doc, "state", "");
    int64_t at = kj_doc_time(report->doc, "at", kj_loop_now(report->engine->loop));
    if (strcmp(state, "answered") == 0)
        kj_doc_put_time(changes, "answered_at", at);
    if (strcmp(state, "ringing") == 0)
        kj_doc_put_time(changes, "ringing_at", at);
    if (strcmp(state, "ended") == 0) {
        kj_doc_put_from(changes, "disposition", report->doc, "disposition");
        kj_doc_put_time(changes, "ended_at", at);
        kj_doc_put_int(changes, "cost_micros", money(report->doc));
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
    bson_t data = BSON_INITIALIZER, *events = bson_new();
    struct kj_doc_list list = {events};
    kj_doc_put_from(&data, "call_id", call, "key");
    for (size_t i = 0; i < KJ_COUNT(k_told); i++)
        kj_doc_put_from(&data, k_told[i], call, k_told[i]);
    kj_event_add(&list, "call.ended", &data);
    bson_destroy(&data);
    return events;
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
        return KJ_MODIFY_SKIP;
    *next = merge_report(report, call);
    if (to == KJ_CALL_ENDED) {
        report->ended = true;
        *events = ended_event(*next);
    }
    return KJ_OK;
}

static void on_applied(void *arg, int status, const bson_t *call)
{
    struct report *report = arg;
    struct kj_path *path = kj_map_get(&report->engine->own->awaiting, report->attempt_id);
    struct kj_fault fault;
    if (status == KJ_OK && path && kj_streq(kj_doc_text(call, "state", ""), "ended")) {
        kj_doc_clear(&path->call);
        path->call = bson_copy(call);
        kj_attempt_ended(path);
    }
    if (status != KJ_OK)
        kj_fault(&fault, status, report->attempt_id, NULL,
                 status == KJ_ENOTFOUND ? "no such attempt" : "the report could not be stored");
    report->done(report->arg, status, NULL, status == KJ_OK ? NULL : &fault);
    kj_doc_clear(&report->doc);
    free(report->attempt_id);
    free(report->workspace);
    free(report);
}

void kj_carrier_progress(struct kj_engine *engine, const char *workspace, const bson_t *doc,
                         kj_engine_done *done, void *arg)
{
    struct report *report = KJ_NEW(struct report);
    report->engine = engine;
    report->attempt_id = kj_strdup(kj_doc_text(doc, "attempt_id", ""));
    report->workspace = kj_strdup(workspace);
    report->doc = bson_copy(doc);
    report->done = done;
    report->arg = arg;
    struct kj_modify modify = {.store = engine->store,
                               .workspace = report->workspace,
                               .coll = KJ_CALLS,
                               .key = report->attempt_id,
                               .change = apply,
                               .done = on_applied,
                               .arg = report};
    kj_modify(&modify);
}

// --- look-up ---

static void park(struct kj_path *path)
{
    kj_path_end(path, KJ_JOB_PARKED, 0,
                "the carrier cannot say whether this attempt rang; look, then job.retry or "
                "job.cancel",
                NULL, NULL);
}

static void ask_later(struct kj_path *path)
{
    if (++path->lookups > k_lookups)
        park(path);
    else
        watch(path, k_lookup_again_ms);
}

static void on_found_applied(void *arg, int status, const bson_t *result,
                             const struct kj_fault *fault)
{
    struct kj_path *path = arg;
    (void)result;
    (void)fault;
    if (status != KJ_OK)
        kj_path_end(path, KJ_JOB_RETRY, 0, "the store refused a write", NULL, NULL);
    else
        kj_carrier_await(path); // ended: it reads so at once; else its reports will come
}

// Surely never placed: the call document says so, and the job may try another attempt.
static void mark_not_placed(struct kj_path *path)
{
    bson_t report = BSON_INITIALIZER;
    kj_doc_put_text(&report, "attempt_id", path->attempt_id);
    kj_doc_put_text(&report, "state", "ended");
    kj_doc_put_text(&report, "disposition", "carrier_error");
    kj_doc_put_time(&report, "at", kj_path_now(path));
    kj_carrier_progress(path->engine, kj_path_workspace(path), &report, on_found_applied, path);
    bson_destroy(&report);
}

static void on_looked_up(void *arg, const struct kj_outcome *outcome, const bson_t *result)
{
    struct kj_path *path = arg;
    if (outcome->class != KEJUE_OK) {
        ask_later(path);
        return;
    }
    bool found = kj_doc_bool(result, "found", false);
    if (!found && kj_doc_bool(result, "certain", false)) {
        mark_not_placed(path);
    } else if (!found || !kj_streq(kj_doc_text(result, "state", ""), "ended")) {
        ask_later(path);
    } else {
        bson_t report = BSON_INITIALIZER;
        kj_doc_put_text(&report, "attempt_id", path->attempt_id);
        bson_concat(&report, result);
        kj_carrier_progress(path->engine, kj_path_workspace(path), &report, on_found_applied, path);
        bson_destroy(&report);
    }
}

void kj_carrier_lookup(struct kj_path *path)
{
    struct kj_fault fault;
    bson_t request = BSON_INITIALIZER;
    kj_doc_put_text(&request, "attempt_id", path->attempt_id);
    struct kj_host_call call = {.verb = "telephony.lookup",
                                .workspace = kj_path_workspace(path),
                                .key = path->attempt_id,
                                .request = &request};
    kj_timer_stop(path->engine->loop, &path->timer);
    kj_carrier_forget(path); // one answer at a time: reports that come meanwhile are only stored
    if (kj_host_start(path->engine->host, &call, on_looked_up, path, &fault) == 0) {
        kj_log_fault(KJ_LOG_WARN, "carrier", &fault); // this carrier offers none
        ask_later(path);
    }
    bson_destroy(&request);
}
