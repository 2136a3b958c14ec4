// Stage attempt: the never-twice protocol. Line, permit, stored intent, last
// check beside the send, then the carrier; closed by its reports, or by a look-up after a crash.
// A found intent is never dialed again.
#include "engine/path.h"

#include "base/alloc.h"
#include "base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    k_again_ms = 5000,
    k_permit_ms = 5000,    // a permit older than this is taken again
    k_number_ms = 60000,   // the number is on another call: look again
    k_line_ms = 5000,      // no line: look again
    k_off_ms = 60000,      // no carrier, or it is paused: nobody's fault in this job
    k_account_ms = 600000, // token or quota: somebody must act
};

static void fail_store(struct kj_path *path)
{
    kj_path_stall(path, "the store refused a write");
}

// --- closing: the attempt ended, here or in an earlier life of this host ---

static void on_closed(struct kj_path *path, int status)
{
    if (status != KJ_OK) {
        fail_store(path);
        return;
    }
    enum kj_disposition disposition =
        kj_disposition_from_name(kj_doc_text(path->call, "disposition", ""));
    int64_t made = kj_doc_int(kj_path_job(path), "attempts_made", 0);
    bson_t changes = BSON_INITIALIZER;
    kj_doc_put_int(&changes, "attempts_made", made + kj_disposition_counts(disposition));
    kj_doc_put_int(&changes, "attempts", 0); // refusals of the carrier count one after the other
    kj_doc_put_text(&changes, "disposition", kj_disposition_name(disposition));
    kj_path_advance(path, "analyse", &changes, NULL);
    bson_destroy(&changes);
}

void kj_attempt_ended(struct kj_path *path)
{
    enum kj_disposition disposition =
        kj_disposition_from_name(kj_doc_text(path->call, "disposition", ""));
    kj_carrier_forget(path);
    kj_timer_stop(path->engine->loop, &path->timer);
    kj_permit_release(path, kj_disposition_counts(disposition), on_closed);
}

// --- an attempt that surely reached nobody: undone, the job waits for another ---

static void put_unsent(const struct kj_path *path, bson_t *changes)
{
    kj_doc_put_text(changes, "state", "ended");
    kj_doc_put_text(changes, "disposition", "carrier_error");
    kj_doc_put_bool(changes, "unsent", true);
    kj_doc_put_time(changes, "ended_at", kj_path_now(path));
}

static int end_call(void *arg, const bson_t *doc, bson_t **next, bson_t **events)
{
    struct kj_path *path = arg;
    (void)events;
    if (doc == NULL || kj_streq(kj_doc_text(doc, "state", ""), "ended"))
        return KJ_MODIFY_SKIP;
    bson_t changes = BSON_INITIALIZER;
    put_unsent(path, &changes);
    *next = kj_doc_with(doc, &changes);
    bson_destroy(&changes);
    return KJ_OK;
}

// Back to admit without an attempt.
static void end_without(struct kj_path *path, enum kj_job_verdict verdict, int64_t due,
                        const char *reason)
{
    bson_t changes = BSON_INITIALIZER;
    kj_doc_put_text(&changes, "stage", "admit");
    kj_doc_put_null(&changes, "attempt_id");
    if (verdict == KJ_JOB_FAILED)
        kj_doc_put_text(&changes, "outcome", "carrier_error");
    kj_path_end(path, verdict, due, reason, &changes, NULL);
    bson_destroy(&changes);
}

static void on_undone(struct kj_path *path, int status)
{
    char reason[sizeof path->undo.reason];
    kj_copy(reason, sizeof reason, path->undo.reason);
    if (status != KJ_OK)
        fail_store(path);
    else
        end_without(path, path->undo.verdict, path->undo.due, reason);
}

static void on_call_ended(void *arg, int status, const bson_t *doc)
{
    struct kj_path *path = arg;
    (void)doc;
    if (status != KJ_OK)
        fail_store(path);
    else
        kj_permit_release(path, false, on_undone);
}

static void undo(struct kj_path *path, enum kj_job_verdict verdict, int64_t wait_ms,
                 const char *reason)
{
    path->undo.verdict = verdict;
    path->undo.due = wait_ms > 0 ? kj_path_now(path) + wait_ms : 0;
    kj_copy(path->undo.reason, sizeof path->undo.reason, reason);
    kj_carrier_forget(path);
    kj_modify(&(struct kj_modify){.store = path->engine->store,
                                  .workspace = kj_path_workspace(path),
                                  .coll = KJ_CALLS,
                                  .key = path->attempt_id,
                                  .change = end_call,
                                  .done = on_call_ended,
                                  .arg = path});
}

// The carrier is certain that it never took it: nobody was reached, nothing to judge, try again.
void kj_attempt_not_placed(struct kj_path *path)
{
    undo(path, KJ_JOB_WAIT, k_again_ms, "the carrier never took the call");
}

// --- sending ---

static void on_placed(void *arg, const struct kj_outcome *outcome, const bson_t *result)
{
    struct kj_path *path = arg;
    (void)result;
    if (!kj_path_heard(path))
        return;
    if (outcome->class == KEJUE_OK) {
        kj_carrier_await(path);
        return;
    }
    if (outcome->class == KEJUE_UNKNOWN || outcome->class == KEJUE_CANCELED) {
        kj_carrier_lookup(path); // it may ring: never dialed again, only asked after
        return;
    }
    kj_log(KJ_LOG_WARN, "attempt", "the carrier did not take a call", "attempt", path->attempt_id,
           "code", outcome->code, "why", outcome->text, NULL);
    const char *why = outcome->text ? outcome->text : "the carrier did not take the call";
    int64_t wait = outcome->retry_after_ms;
    if (outcome->class == KEJUE_NOT_PROCESSED)
        undo(path, KJ_JOB_RETRY, wait, why);
    else if (outcome->class == KEJUE_CALLER)
        undo(path, KJ_JOB_FAILED, 0, why);
    else
        undo(path, KJ_JOB_WAIT, wait > 0 ? wait : k_account_ms, why);
}

// The last look, beside the send: what may have changed since admit.
static const char *last_check(const struct kj_path *path)
{
    const struct kj_engine *engine = path->engine;
    if (!engine->dialing)
        return "dialing was switched off";
    if (!kj_hosts_holds(engine))
        return "this host's lease ran out";
    if (kj_path_now(path) >= path->window_closes)
        return "the calling window closed";
    if (kj_path_now(path) < path->admitted_at)
        return "the clock stepped back";
    if (kj_loop_mono(engine->loop) - path->permit_at > k_permit_ms)
        return "the permit grew too old";
    if (kj_running_canceled(path->running))
        return "canceled";
    return NULL;
}

static void dial(struct kj_path *path)
{
    struct kj_fault fault;
    const char *why = last_check(path);
    if (why) {
        kj_log(KJ_LOG_INFO, "attempt", why, "attempt", path->attempt_id, NULL);
        undo(path, KJ_JOB_WAIT, 1, why); // admit says what comes next
        return;
    }
    bson_t *request = kj_attempt_request(path);
    struct kj_host_call call = {.verb = "telephony.place",
                                .workspace = kj_path_workspace(path),
                                .key = path->attempt_id,
                                .attempt = 1,
                                .request = request};
    kj_path_asks(path);
    if (!kj_engine_call(path->engine, &call, on_placed, path, &fault)) {
        kj_path_heard(path);
        kj_log_fault(KJ_LOG_ERROR, "attempt", &fault);
        bool wrong = fault.code == KJ_ESCHEMA || fault.code == KJ_EINVAL;
        undo(path, wrong ? KJ_JOB_FAILED : KJ_JOB_WAIT, wrong ? 0 : k_off_ms, fault.text);
    }
    bson_destroy(request);
}

// --- intent ---

static bson_t *new_call(struct kj_path *path)
{
    static const char *const k_job[] = {"lead_id", "campaign_id", "group_id"};
    const bson_t *job = kj_path_job(path);
    bson_t *call = bson_sized_new(500);
    kj_doc_put_text(call, "key", path->attempt_id);
    kj_doc_put_int(call, "job_id", kj_running_id(path->running));
    kj_doc_put_fields(call, job, k_job, KJ_COUNT(k_job));
    if (path->assistant)
        kj_doc_put_from(call, "assistant_id", path->assistant, "_id");
    kj_doc_put_from(call, "to", job, "to");
    kj_doc_put_from(call, "source", job, "request.call_source");
    bool callback = kj_streq(kj_doc_text(job, "next.kind", ""), "callback");
    kj_doc_put_text(call, "type", callback ? "callback" : "outbound");
    kj_doc_put_text(call, "state", "dialing");
    kj_doc_put_int(call, "attempt", kj_doc_int(job, "attempts_made", 0) + 1);
    kj_doc_put_time(call, "created_at", kj_path_now(path));
    if (path->engine->simulated)
        kj_doc_put_bool(call, "simulated", true);
    return call;
}

static void on_intent(struct kj_store_request *request)
{
    struct kj_path *path = request->arg;
    struct kj_store_op *op = &request->ops[0];
    if (op->status == KJ_EEXISTS) { // of an earlier life: ask, do not dial
        kj_carrier_lookup(path);
        return;
    }
    if (op->status != KJ_OK) {
        fail_store(path);
        return;
    }
    bson_t stamp = BSON_INITIALIZER;
    kj_doc_put_int(&stamp, "_id", op->new_id);
    kj_doc_put_int(&stamp, "version", 1);
    kj_doc_clear(&path->call);
    path->call = kj_doc_with(op->doc, &stamp);
    bson_destroy(&stamp);
    dial(path);
}

static void on_permit(struct kj_path *path, int status)
{
    int64_t now = kj_path_now(path);
    if (status == KJ_EDENIED) {
        end_without(path, KJ_JOB_WAIT, now, "refused meanwhile");
    } else if (status == KJ_ELIMIT) {
        end_without(path, KJ_JOB_WAIT, now + 1, "called by another campaign meanwhile");
    } else if (status == KJ_ESTATE) {
        end_without(path, KJ_JOB_WAIT, now + k_number_ms, "the number is on another call");
    } else if (status == KJ_EFULL) {
        end_without(path, KJ_JOB_WAIT, now + k_line_ms,
                    path->engine->dialing ? "all lines are in use" : "dialing is switched off");
    } else if (status != KJ_OK) {
        fail_store(path);
    } else {
        struct kj_store_request *request =
            kj_store_request(1, kj_path_workspace(path), on_intent, path);
        request->ops[0].verb = KJ_STORE_INSERT;
        request->ops[0].coll = KJ_CALLS;
        kj_store_own_doc(request, 0, new_call(path));
        kj_store_submit(path->engine->store, request);
    }
}

static void on_named(void *arg, int status)
{
    struct kj_path *path = arg;
    if (status == KJ_ECONFLICT)
        kj_path_free(path);
    else if (status != KJ_OK)
        fail_store(path);
    else
        kj_permit_take(path, on_permit);
}

// The attempt's id is stored before anything else, so that every trace of it can be found again.
static void name_attempt(struct kj_path *path)
{
    int64_t dials = kj_doc_int(kj_path_job(path), "dials", 0) + 1;
    bson_t changes = BSON_INITIALIZER;
    snprintf(path->attempt_id, sizeof path->attempt_id, "att_%" PRId64 "_%" PRId64,
             kj_running_id(path->running), dials);
    kj_doc_put_text(&changes, "attempt_id", path->attempt_id);
    kj_doc_put_int(&changes, "dials", dials);
    kj_running_save(path->running, &changes, NULL, on_named, path);
    bson_destroy(&changes);
}

// --- an attempt of an earlier life ---

static void on_dropped(struct kj_path *path, int status)
{
    if (status != KJ_OK) {
        fail_store(path);
        return;
    }
    bson_t changes = BSON_INITIALIZER;
    kj_doc_put_null(&changes, "attempt_id");
    path->attempt_id[0] = 0;
    kj_doc_clear(&path->call);
    kj_path_advance(path, "admit", &changes, NULL);
    bson_destroy(&changes);
}

static int fence_call(void *arg, const bson_t *doc, bson_t **next, bson_t **events)
{
    struct kj_path *path = arg;
    (void)events;
    if (doc)
        return KJ_MODIFY_SKIP;
    bson_t changes = BSON_INITIALIZER;
    bson_t *call = new_call(path);
    put_unsent(path, &changes);
    *next = kj_doc_with(call, &changes);
    bson_destroy(call);
    bson_destroy(&changes);
    return KJ_OK;
}

static void on_fenced(void *arg, int status, const bson_t *doc)
{
    struct kj_path *path = arg;
    if (status != KJ_OK) {
        fail_store(path);
        return;
    }
    kj_doc_clear(&path->call);
    path->call = bson_copy(doc);
    kj_attempt(path); // ended by us, or there is an intent after all
}

// No intent is stored, so it was not sent. A host that hung may be about to store one: it must
// find that place taken.
static void fence(struct kj_path *path)
{
    kj_modify(&(struct kj_modify){.store = path->engine->store,
                                  .workspace = kj_path_workspace(path),
                                  .coll = KJ_CALLS,
                                  .key = path->attempt_id,
                                  .change = fence_call,
                                  .done = on_fenced,
                                  .arg = path});
}

void kj_attempt(struct kj_path *path)
{
    bool named = kj_doc_has(kj_path_job(path), "attempt_id");
    bool ended = path->call && kj_streq(kj_doc_text(path->call, "state", ""), "ended");
    if (ended && kj_doc_bool(path->call, "unsent", false))
        kj_permit_fence(path, on_dropped);
    else if (ended)
        kj_attempt_ended(path);
    else if (path->call)
        kj_carrier_lookup(path);
    else if (named)
        fence(path);
    else if (path->window_closes == 0)
        kj_path_advance(path, "admit", NULL, NULL);
    else
        name_attempt(path);
}
