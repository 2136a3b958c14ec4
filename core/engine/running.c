// One claimed job: what it reads of itself, its conditional writes, and how it ends.
//
// A write that the store refuses for now (away, disk full) is repeated here until it is taken: what
// is known in memory is then never lost, and nobody above needs a way around an outage.
#include "base/alloc.h"
#include "base/log.h"
#include "engine/queue_own.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

// At most two seconds from one try to the next, however long it lasts: who waits here may hold a
// line, and calls are to leave again as soon as the store is back.
enum { k_again_ms = 1000, k_again_most_ms = 2000 };

const bson_t *kj_running_job(const struct kj_running *running)
{
    return running->job;
}

int64_t kj_running_id(const struct kj_running *running)
{
    return running->id;
}

const char *kj_running_workspace(const struct kj_running *running)
{
    return running->workspace;
}

bool kj_running_canceled(const struct kj_running *running)
{
    return running->canceled;
}

void kj_running_on_drop(struct kj_running *running, void (*dropped)(void *arg), void *arg)
{
    running->dropped = dropped;
    running->dropped_arg = arg;
}

bool kj_queue_cancel(struct kj_queue *queue, int64_t id)
{
    for (struct kj_running *running = queue->running; running; running = running->next)
        if (running->id == id) {
            running->canceled = true;
            return true;
        }
    return false;
}

static void on_again(void *arg);

struct kj_running *kj_running_new(struct kj_queue *queue, struct kj_queue_kind *kind,
                                  bson_t *job_take)
{
    struct kj_running *running = KJ_NEW(struct kj_running);
    running->job = job_take;
    running->queue = queue;
    running->kind = kind;
    kj_copy(running->workspace, sizeof running->workspace, "default");
    kj_running_read(running);
    running->canceled = running->cancel_asked;
    kj_timer_init(&running->again, on_again, running);
    running->next = queue->running;
    if (running->next)
        running->next->previous = running;
    queue->running = running;
    queue->running_count++;
    kind->running++;
    return running;
}

static void clear_write(struct kj_running *running)
{
    kj_doc_clear(&running->result);
    kj_doc_clear(&running->changes);
    kj_doc_clear(&running->events);
    free(running->reason);
    running->reason = NULL;
    running->tries = 0;
}

void kj_running_free(struct kj_running *running)
{
    struct kj_queue *queue = running->queue;
    if (running->previous)
        running->previous->next = running->next;
    else
        queue->running = running->next;
    if (running->next)
        running->next->previous = running->previous;
    queue->running_count--;
    running->kind->running--;
    kj_timer_stop(queue->loop, &running->again);
    clear_write(running);
    kj_doc_clear(&running->job);
    free(running);
}

static void leave(struct kj_running *running)
{
    struct kj_queue *queue = running->queue;
    kj_running_free(running);
    kj_queue_pump_soon(queue);
    kj_queue_check_drained(queue);
}

// What the write tells: the kind's own events, and the end.
static bson_t *write_events(const struct kj_running *running, const bson_t *changes)
{
    const char *state = changes ? kj_doc_text(changes, "state", "waiting") : "waiting";
    bson_t *events = running->events ? bson_copy(running->events) : NULL;
    if (!running->kind->kind.tells_end || kj_streq(state, "waiting"))
        return events;
    bson_t event = BSON_INITIALIZER, data = BSON_INITIALIZER;
    if (events == NULL)
        events = bson_sized_new(320);
    struct kj_doc_list list = {events, bson_count_keys(events)};
    kj_doc_put_int(&data, "id", running->id);
    kj_doc_put_text(&data, "kind", running->kind->kind.name);
    kj_doc_put_text(&data, "key", running->key);
    kj_doc_put_text(&data, "state", state);
    kj_doc_put_text(&data, "reason", kj_doc_text(changes, "reason", NULL));
    kj_doc_put_text(&event, "name", "job.ended");
    kj_doc_put_doc(&event, "data", &data);
    kj_doc_put_doc(events, kj_doc_next(&list), &event);
    bson_destroy(&event);
    bson_destroy(&data);
    return events;
}

// --- writing ---

static void on_written(struct kj_store_request *request);

static void write_now(struct kj_running *running)
{
    bson_t *changes = running->ending ? kj_running_end_changes(running) : NULL;
    struct kj_store_request *request = kj_store_request(1, running->workspace, on_written, running);
    struct kj_store_op *op = &request->ops[0];
    op->verb = KJ_STORE_REPLACE;
    op->coll = KJ_JOBS;
    op->id = running->id;
    op->version = running->version;
    kj_store_own_doc(request, 0, kj_doc_with(running->job, changes ? changes : running->changes));
    kj_store_own_events(request, 0, write_events(running, changes));
    kj_doc_clear(&changes);
    kj_store_submit(running->queue->store, request);
}

static void on_again(void *arg)
{
    write_now(arg);
}

static void write_again(struct kj_running *running, const struct kj_fault *fault)
{
    int64_t wait = running->tries == 0 ? k_again_ms : k_again_most_ms;
    if (running->tries++ == 0)
        kj_log_fault(KJ_LOG_ERROR, "queue", fault);
    kj_timer_start(running->queue->loop, &running->again, wait);
}

static void adopt(struct kj_running *running, bson_t *doc_take, int64_t version)
{
    if (!kj_doc_set_int(doc_take, "version", version))
        kj_doc_put_int(doc_take, "version", version);
    kj_doc_clear(&running->job);
    running->job = doc_take;
    kj_running_read(running);
}

static void save_done(struct kj_running *running, int status)
{
    void (*saved)(void *arg, int status) = running->saved;
    running->saved = NULL;
    clear_write(running);
    if (status == KJ_ECONFLICT)
        running->dropped = NULL; // its owner is told here
    saved(running->saved_arg, status);
    if (status == KJ_ECONFLICT) // somebody else has it now: ours no more
        leave(running);
}

// `written` is the job as it was stored, but for the version.
static void end_done(struct kj_running *running, int status, const bson_t *written)
{
    struct kj_queue *queue = running->queue;
    const char *kind = running->kind->kind.name;
    if (status == KJ_OK && kj_streq(kj_doc_text(written, "state", ""), "waiting"))
        kj_queue_wake(queue, kind, kj_doc_time(written, "due", 0));
    else if (status == KJ_OK && queue->on_final)
        queue->on_final(queue->on_final_arg, written);
    else if (status == KJ_ECONFLICT) // whoever changed it may want it run
        kj_queue_wake(queue, kind, kj_loop_now(queue->loop));
    leave(running);
}

// What it should become can never be stored: a person must look.
static void end_plainly(struct kj_running *running, int status)
{
    kj_doc_clear(&running->result);
    kj_doc_clear(&running->changes);
    kj_doc_clear(&running->events);
    free(running->reason);
    running->reason = kj_strdup("its outcome could not be stored; see the log");
    running->end = (struct kj_job_end){.verdict = KJ_JOB_PARKED};
    running->plain = true;
    kj_log(KJ_LOG_ERROR, "queue", "a job's end could not be stored", "kind",
           running->kind->kind.name, "why", kj_error_name(status), NULL);
    write_now(running);
}

static void write_done(struct kj_running *running, int status, const bson_t *written)
{
    bool lasting = status != KJ_OK && status != KJ_ECONFLICT && status != KJ_ECANCELED;
    if (!running->ending)
        save_done(running, status);
    else if (lasting && !running->plain)
        end_plainly(running, status);
    else
        end_done(running, status, written);
}

bool kj_queue_passes(int status)
{
    return status == KJ_EUNAVAILABLE || status == KJ_EFULL || status == KJ_EIO ||
           status == KJ_ETIMEDOUT || status == KJ_EINTERNAL;
}

static bool same_claim(const struct kj_running *running, const bson_t *doc)
{
    return kj_streq(kj_doc_text(doc, "state", ""), "running") &&
           kj_streq(kj_doc_text(doc, "host", ""), running->queue->host) &&
           kj_doc_int(doc, "token", 0) == kj_doc_int(running->job, "token", 0);
}

// "cancel_asked": somebody left a mark for us.
static bool marked(const struct kj_running *running, const bson_t *doc)
{
    return kj_doc_bool(doc, "cancel_asked", false) && !running->cancel_asked;
}

// Is this our own write, whose answer was lost?
static bool own_write(const struct kj_running *running, const bson_t *doc)
{
    if (kj_doc_int(doc, "version", 0) != running->version + 1 ||
        kj_doc_int(doc, "token", 0) != kj_doc_int(running->job, "token", 0) ||
        !kj_job_holds(doc, running->changes))
        return false;
    if (!running->ending)
        return same_claim(running, doc) && !marked(running, doc);
    bson_t *changes = kj_running_end_changes(running);
    bool same = kj_streq(kj_doc_text(doc, "state", ""), kj_doc_text(changes, "state", "-"));
    bson_destroy(changes);
    return same;
}

// The version moved.
static void on_reread(struct kj_store_request *request)
{
    struct kj_running *running = request->arg;
    struct kj_store_op *op = &request->ops[0];
    const bson_t *doc = op->status == KJ_OK && op->n_docs ? op->docs[0] : NULL;
    if (kj_queue_passes(op->status)) {
        write_again(running, &request->fault);
    } else if (doc && own_write(running, doc)) {
        if (!running->ending)
            adopt(running, bson_copy(doc), kj_doc_int(doc, "version", 0));
        write_done(running, KJ_OK, doc);
    } else if (doc && same_claim(running, doc) && marked(running, doc)) {
        running->canceled = true;
        adopt(running, bson_copy(doc), kj_doc_int(doc, "version", 0));
        write_now(running);
    } else
        write_done(running, op->status == KJ_ECANCELED ? KJ_ECANCELED : KJ_ECONFLICT, NULL);
}

static void on_written(struct kj_store_request *request)
{
    struct kj_running *running = request->arg;
    struct kj_store_op *op = &request->ops[0];
    if (op->status == KJ_OK && !running->ending) // else nobody reads it any more
        adopt(running, kj_store_take_doc(request, 0), op->new_version);
    if (op->status == KJ_ECONFLICT)
        kj_store_get(running->queue->store, running->workspace, KJ_JOBS, running->id, NULL,
                     on_reread, running);
    else if (kj_queue_passes(op->status))
        write_again(running, &request->fault);
    else
        write_done(running, op->status == KJ_ENOTFOUND ? KJ_ECONFLICT : op->status, op->doc);
}

void kj_running_save(struct kj_running *running, const bson_t *changes, const bson_t *events,
                     void (*saved)(void *arg, int status), void *arg)
{
    running->saved = saved;
    running->saved_arg = arg;
    running->changes = bson_new();
    kj_doc_put_int(running->changes, "recoveries", 0); // it moved: not a poison job
    bson_concat(running->changes, changes);
    running->events = events ? bson_copy(events) : NULL;
    write_now(running);
}

void kj_running_end(struct kj_running *running, const struct kj_job_end *end)
{
    running->dropped = NULL;
    running->ending = true;
    running->end = *end;
    running->reason = kj_strdup(end->reason);
    running->result = end->result ? bson_copy(end->result) : NULL;
    running->changes = end->changes ? bson_copy(end->changes) : NULL;
    running->events = end->events ? bson_copy(end->events) : NULL;
    write_now(running);
}
