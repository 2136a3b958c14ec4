// Waiting for the end of a call: by the carrier's reports (report.c), and by look-ups when they are
// missing or a reply was lost.
#include "engine/path.h"

#include "base/alloc.h"
#include "base/log.h"

#include <stdlib.h>
#include <string.h>

enum {
    k_call_limit_ms = 1320000, // longest call (20 min) and two minutes: then ask
    k_lookup_again_ms = 60000,
    k_peek_ms = 10000,
    k_missed_ms = 1000, // a report was not stored: the call may be over, and its line free
    k_note_again_ms = 2000,
    k_lookups = 10,            // ten minutes of asking in vain, then a person must look
    k_alive_most_ms = 7200000, // no call lasts so long, whatever the carrier says
};

void kj_carrier_forget(struct kj_path *path)
{
    if (path->attempt_id[0] && kj_map_get(&path->engine->own->awaiting, path->attempt_id) == path)
        kj_map_remove(&path->engine->own->awaiting, path->attempt_id);
}

static void watch(struct kj_path *path, int64_t guard_ms);

static void on_guard(void *arg)
{
    struct kj_path *path = arg;
    if (path->guard_ms <= 0) {
        kj_carrier_lookup(path);
        return;
    }
    kj_carrier_forget(path); // one answer at a time
    watch(path, path->guard_ms);
}

static void on_call_read(struct kj_store_request *request)
{
    struct kj_path *path = request->arg;
    struct kj_store_op *op = &request->ops[0];
    if (op->status != KJ_OK || op->n_docs == 0) {
        kj_path_stall(path, "the call could not be read");
        return;
    }
    kj_doc_clear(&path->call);
    path->call = bson_copy(op->docs[0]);
    if (kj_streq(kj_doc_text(path->call, "state", ""), "ended")) {
        kj_attempt_ended(path);
        return;
    }
    kj_map_put(&path->engine->own->awaiting, path->attempt_id, path);
    // With several hosts a report may have gone to another, which only stores it: look now and
    // then.
    bool alone = kj_hosts_alive(path->engine) == 1 || path->guard_ms < k_peek_ms;
    int64_t wait = alone ? path->guard_ms : k_peek_ms;
    path->guard_ms -= wait;
    path->timer.fire = on_guard;
    kj_timer_start(path->engine->loop, &path->timer, wait);
}

// Waits for a report, and looks the call up when none came in time. It reads first: a report may
// have come before us; one that comes later is acknowledged later than this read.
static void watch(struct kj_path *path, int64_t guard_ms)
{
    path->guard_ms = guard_ms;
    kj_store_get(path->engine->store, kj_path_workspace(path), KJ_CALLS, 0, path->attempt_id,
                 on_call_read, path);
}

void kj_carrier_missed(struct kj_engine *engine, const char *attempt_id)
{
    struct kj_path *path = kj_map_get(&engine->own->awaiting, attempt_id);
    if (path == NULL)
        return;
    path->guard_ms = 0;
    kj_timer_start(engine->loop, &path->timer, k_missed_ms);
}

void kj_carrier_await(struct kj_path *path)
{
    watch(path, k_call_limit_ms);
}

// --- when the carrier cannot say ---

// The line and the number are free again, the attempt counts as made: ten minutes of asking are
// over, and the next call to this number is a matter of the caps.
static void on_given_up(struct kj_path *path, int status)
{
    bson_t changes = BSON_INITIALIZER;
    if (status != KJ_OK) {
        kj_path_stall(path, "the store refused a write");
    } else if (kj_running_canceled(path->running)) {
        kj_doc_put_text(&changes, "outcome", "canceled");
        kj_path_end(path, KJ_JOB_FAILED, 0, "canceled", &changes, NULL);
    } else
        kj_path_end(path, KJ_JOB_PARKED, 0,
                    "the carrier cannot say whether this attempt rang; look, then job.retry or "
                    "job.cancel",
                    NULL, NULL);
    bson_destroy(&changes);
}

static void ask_later(struct kj_path *path)
{
    if (++path->lookups > k_lookups) {
        kj_carrier_forget(path);
        kj_permit_release(path, true, on_given_up);
    } else
        watch(path, k_lookup_again_ms);
}

// --- look-up ---

static void note(void *arg);

// Until the store takes it, the path keeps its place: were it to stall, jobs that wait for its line
// would be looked at before it, and wait longer than the outage lasts.
static void on_noted(void *arg, int status, const bson_t *result, const struct kj_fault *fault)
{
    struct kj_path *path = arg;
    (void)result;
    (void)fault;
    bool ended = kj_streq(kj_doc_text(path->found, "state", ""), "ended");
    if (kj_queue_passes(status)) {
        path->found_old = true;
        path->timer.fire = note;
        kj_timer_start(path->engine->loop, &path->timer, k_note_again_ms);
    } else if (status != KJ_OK)
        kj_path_stall(path, "the store refused a write");
    else if (path->found_old && !ended) // what has been reported since is lost
        kj_carrier_lookup(path);
    else
        watch(path, k_lookup_again_ms); // ended: it reads so at once; else its reports will come
}

static void note(void *arg)
{
    struct kj_path *path = arg;
    kj_report_take(path->engine, kj_path_workspace(path), path->found, on_noted, path);
}

static void note_found(struct kj_path *path, const bson_t *found)
{
    bson_t own = BSON_INITIALIZER;
    kj_doc_put_text(&own, "attempt_id", path->attempt_id);
    kj_doc_clear(&path->found);
    path->found = kj_doc_with(found, &own);
    path->found_old = false;
    bool ended = kj_streq(kj_doc_text(found, "state", ""), "ended");
    int64_t since = path->call ? kj_doc_time(path->call, "created_at", 0) : 0;
    if (ended || kj_path_now(path) - since < k_alive_most_ms) {
        path->lookups = 0;
        note(path);
    } else
        ask_later(path);
    bson_destroy(&own);
}

static void on_looked_up(void *arg, const struct kj_outcome *outcome, const bson_t *result)
{
    struct kj_path *path = arg;
    if (!kj_path_heard(path))
        return;
    bool found = outcome->class == KEJUE_OK && kj_doc_bool(result, "found", false);
    bool certain = outcome->class == KEJUE_OK && kj_doc_bool(result, "certain", false);
    if (found && kj_doc_has(result, "state"))
        note_found(path, result);
    else if (!found && certain)
        kj_attempt_not_placed(path);
    else
        ask_later(path);
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
    kj_path_asks(path);
    if (!kj_engine_call(path->engine, &call, on_looked_up, path, &fault)) {
        kj_path_heard(path);
        kj_log_fault(KJ_LOG_WARN, "carrier", &fault); // this carrier offers none
        ask_later(path);
    }
    bson_destroy(&request);
}
