// Stage intake, jobs of any kind: one, or many in one request to the store and so in one flush.
#include "base/alloc.h"
#include "doc/element.h"
#include "engine/path.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct submission {
    struct kj_engine *engine;
    bool many;
    const char *once; // during the call
    kj_engine_done *done;
    void *arg;
};

// --- stored ---

// The queue is told once per kind in a row, of the earliest.
//
// A store of our own carries out what it is given in that order, so the queue is told as the insert
// is submitted: its claim stands right behind it and shares its transaction, and a job that is due
// now is stored and claimed by one flush (its pickup takes half as long as with two). Nothing may
// rest on that: a claim under way meanwhile may miss it, and then the queue claims again. Shared
// stores promise no order between two documents: there the queue is told once it is stored.
static void wake(struct kj_queue *queue, const struct kj_store_request *request)
{
    for (size_t i = 0; i < request->n_ops; i++) {
        const struct kj_store_op *op = &request->ops[i];
        const char *kind = kj_doc_text(op->doc, "kind", "");
        int64_t due = kj_doc_time(op->doc, "due", 0);
        if (op->status != KJ_OK && op->status != KJ_EEXISTS) // that: its first answer may be lost
            continue;
        for (; i + 1 < request->n_ops; i++) {
            const struct kj_store_op *next = &request->ops[i + 1];
            if (!kj_streq(kind, kj_doc_text(next->doc, "kind", "")))
                break;
            int64_t at = kj_doc_time(next->doc, "due", 0);
            due = at < due ? at : due; // one too early costs an empty claim
        }
        kj_queue_wake(queue, kind, due);
    }
}

static void put_outcome(bson_t *result, const struct kj_store_op *op)
{
    kj_doc_put_int(result, "id", op->new_id);
    kj_doc_put_bool(result, "created", op->status == KJ_OK);
}

static void put_outcomes(bson_t *result, const struct kj_store_request *request)
{
    bson_t jobs, job;
    struct kj_doc_list list = {&jobs};
    bson_append_array_begin(result, "jobs", 4, &jobs);
    for (size_t i = 0; i < request->n_ops; i++) {
        bson_append_document_begin(&jobs, kj_doc_next(&list), -1, &job);
        put_outcome(&job, &request->ops[i]);
        bson_append_document_end(&jobs, &job);
    }
    bson_append_array_end(result, &jobs);
}

static void on_stored(struct kj_store_request *request)
{
    struct submission *submission = request->arg;
    struct kj_fault fault;
    int rc = KJ_OK;
    for (size_t i = 0; i < request->n_ops && rc == KJ_OK; i++)
        if (request->ops[i].status != KJ_EEXISTS)
            rc = request->ops[i].status;
    bson_t *result = bson_sized_new(submission->many ? 48 * request->n_ops : 64);
    if (submission->engine->store->shared)
        wake(submission->engine->queue, request);
    if (rc != KJ_OK)
        kj_fault(&fault, rc, NULL, "try again", "the store refused the write");
    else if (submission->many)
        put_outcomes(result, request);
    else
        put_outcome(result, &request->ops[0]);
    submission->done(submission->arg, rc, result, rc == KJ_OK ? NULL : &fault);
    bson_destroy(result);
    free(submission);
}

// --- taken ---

// A job without a key of its own is taken once under `once`, with its place in a batch.
static void put_once(const struct submission *submission, bson_t *job, size_t i)
{
    char key[96];
    if (submission->once == NULL || kj_doc_has(job, "key"))
        return;
    if (submission->many)
        snprintf(key, sizeof key, "%s:%zu", submission->once, i);
    kj_doc_put_text(job, "key", submission->many ? key : submission->once);
}

static int put_job(const struct submission *submission, const bson_t *from,
                   struct kj_store_request *request, size_t i, struct kj_fault *fault)
{
    struct kj_engine *engine = submission->engine;
    const char *kind = kj_doc_text(from, "kind", "");
    int64_t now = kj_loop_now(engine->loop);
    bson_t payload;
    if (kj_queue_kind(engine->queue, kind) == NULL || strcmp(kind, "call") == 0 ||
        strcmp(kind, "recorded") == 0)
        return kj_fault(fault, KJ_EINVAL, "/kind", "calls are made by call.create",
                        "\"%.64s\" is not a kind of job that can be submitted", kind);
    bool has = kj_doc_child(from, "payload", &payload);
    int64_t every = kj_doc_int(from, "every_ms", 0); // the first turn after one such span
    bson_t *job =
        kj_job_new(kind, kj_doc_text(from, "key", NULL), kj_doc_time(from, "due", now + every),
                   (int)kj_doc_int(from, "priority", 50), has ? &payload : NULL, now);
    if (every > 0)
        kj_doc_put_int(job, "every_ms", every);
    // Work for a campaign keeps it from ending (kinds/campaign_end.c looks by this field).
    if (has)
        kj_doc_put_from(job, "campaign_id", &payload, "campaign_id");
    put_once(submission, job, i);
    request->ops[i].verb = KJ_STORE_INSERT;
    request->ops[i].coll = KJ_JOBS;
    kj_store_own_doc(request, i, job);
    return KJ_OK;
}

// All or none: the first that cannot be taken is named, and nothing is stored.
static int put_jobs(const struct submission *submission, const bson_t *jobs,
                    struct kj_store_request *request, struct kj_fault *fault)
{
    struct kj_members members = kj_members_in(jobs);
    struct kj_element member;
    for (size_t i = 0; i < request->n_ops && kj_members_next(&members, &member); i++) {
        bson_t from;
        char place[64];
        int rc = bson_init_static(&from, member.data, member.length)
                     ? put_job(submission, &from, request, i, fault)
                     : kj_fault(fault, KJ_EINVAL, "", NULL, "is no object");
        if (rc != KJ_OK) {
            snprintf(place, sizeof place, "/jobs/%zu%.20s", i, fault->place);
            kj_copy(fault->place, sizeof fault->place, place);
            return rc;
        }
    }
    return KJ_OK;
}

static void submit(const struct submission *from, const char *workspace, const bson_t *request,
                   size_t count)
{
    struct submission *submission = kj_memdup(from, sizeof *from);
    struct kj_fault fault;
    bson_t jobs;
    struct kj_store_request *store = kj_store_request(count, workspace, on_stored, submission);
    int rc = !from->many ? put_job(from, request, store, 0, &fault)
             : kj_doc_child(request, "jobs", &jobs)
                 ? put_jobs(from, &jobs, store, &fault)
                 : kj_fault(&fault, KJ_EINVAL, "/jobs", NULL, "must be an array");
    if (rc == KJ_OK) {
        if (!from->engine->store->shared)
            wake(from->engine->queue, store);
        kj_store_submit(from->engine->store, store);
        return;
    }
    kj_store_discard(store);
    submission->done(submission->arg, rc, NULL, &fault);
    free(submission);
}

void kj_intake_job(struct kj_engine *engine, const char *workspace, const bson_t *request,
                   const char *once, kj_engine_done *done, void *arg)
{
    struct submission submission = {.engine = engine, .once = once, .done = done, .arg = arg};
    submit(&submission, workspace, request, 1);
}

void kj_intake_jobs(struct kj_engine *engine, const char *workspace, const bson_t *request,
                    const char *once, kj_engine_done *done, void *arg)
{
    struct submission submission = {
        .engine = engine, .many = true, .once = once, .done = done, .arg = arg};
    submit(&submission, workspace, request, kj_doc_count(request, "jobs"));
}
