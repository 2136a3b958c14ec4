// Takes up the jobs that nobody runs any more: those under a lease that has ended, and those under
// our own that we do not know of, because the answer to a claim was lost. It never looks at a
// clock: whether a lease has ended stands in the host's document, and each job is released under
// the version that was read, so that whoever still runs it finds out with its next write.
#include "engine/hosts.h"
#include "engine/lease.h"
#include "engine/queue_own.h"

#include "base/alloc.h"
#include "base/log.h"

#include <stdlib.h>

enum { k_page = 200 };

// Lease by lease, in the order of the index over running jobs: what waits or is done, a million of
// them, is not touched.
struct recovery {
    struct kj_queue *queue;
    void (*done)(void *arg, int status);
    void *arg;
    char lease[KJ_LEASE_SIZE]; // being looked at
    bool again;                // something of this lease was released: there may be more
    size_t released;
};

static void next_lease(struct recovery *recovery);
static void next_jobs(struct recovery *recovery);

static void finish(struct recovery *recovery, int status)
{
    struct kj_queue *queue = recovery->queue;
    queue->recovering = false;
    if (recovery->released) {
        kj_log(KJ_LOG_INFO, "queue", "took up jobs that nobody ran any more", NULL);
        kj_queue_look(queue);
    }
    if (recovery->done)
        recovery->done(recovery->arg, status);
    free(recovery);
}

static void on_released(struct kj_store_request *request)
{
    struct recovery *recovery = request->arg;
    for (size_t i = 0; i < request->n_ops; i++) {
        int status = request->ops[i].status;
        if (status != KJ_OK && status != KJ_ECONFLICT && status != KJ_ENOTFOUND) {
            if (status != KJ_ECANCELED)
                kj_log_fault(KJ_LOG_ERROR, "queue", &request->fault);
            finish(recovery, status);
            return;
        }
        recovery->released += status == KJ_OK;
        recovery->again |= status == KJ_OK;
    }
    if (recovery->again)
        next_jobs(recovery);
    else
        next_lease(recovery);
}

static void released_fields(const struct kj_queue *queue, const bson_t *job, bson_t *changes)
{
    int64_t recoveries = kj_doc_int(job, "recoveries", 0) + 1;
    bool parked = recoveries > KJ_RECOVERY_LIMIT;
    kj_doc_put_text(changes, "state", parked ? "parked" : "waiting");
    kj_doc_put_int(changes, "recoveries", recoveries);
    kj_doc_put_time(changes, "due", kj_loop_now(queue->loop));
    kj_doc_put_text(changes, "reason",
                    parked ? "in flight in too many crashes" : "its host ended; taken up again");
    kj_doc_put_null(changes, "host");
}

static bool known_here(const struct kj_queue *queue, int64_t id)
{
    for (const struct kj_running *running = queue->running; running; running = running->next)
        if (running->id == id)
            return true;
    return false;
}

static bool is_own(const struct recovery *recovery)
{
    const struct kj_queue *queue = recovery->queue;
    return !queue->handed_back && kj_streq(recovery->lease, queue->host);
}

static bool is_held(const struct recovery *recovery, const struct kj_store_op *hosts)
{
    if (!recovery->queue->store->shared) // no other can be alive, whatever a copied store says
        return false;
    for (size_t i = 0; i < hosts->n_docs; i++)
        if (kj_lease_is_held(hosts->docs[i], recovery->lease))
            return true;
    return false;
}

static void add_release(struct kj_store_request *release, const struct kj_queue *queue,
                        const bson_t *job)
{
    bson_t changes = BSON_INITIALIZER;
    struct kj_store_op *op = &release->ops[release->n_ops];
    released_fields(queue, job, &changes);
    op->verb = KJ_STORE_REPLACE;
    op->coll = KJ_JOBS;
    op->id = kj_doc_int(job, "_id", 0);
    op->version = kj_doc_int(job, "version", 0);
    kj_store_own_doc(release, release->n_ops++, kj_doc_with(job, &changes));
    bson_destroy(&changes);
}

// Claims submitted before this look have been answered by now, later ones came after it: requests
// keep their order. So one of our own that is not known here is nobody's.
static void on_jobs(struct kj_store_request *request)
{
    struct recovery *recovery = request->arg;
    const struct kj_store_op *jobs = &request->ops[0];
    if (jobs->status != KJ_OK) {
        finish(recovery, jobs->status);
        return;
    }
    struct kj_store_request *release = kj_store_request(jobs->n_docs, "", on_released, recovery);
    bool own = is_own(recovery);
    release->n_ops = 0;
    for (size_t i = 0; i < jobs->n_docs; i++)
        if (!own || !known_here(recovery->queue, kj_doc_int(jobs->docs[i], "_id", 0)))
            add_release(release, recovery->queue, jobs->docs[i]);
    if (release->n_ops) {
        kj_store_submit(recovery->queue->store, release);
        return;
    }
    kj_store_discard(release);
    next_lease(recovery);
}

static struct kj_store_request *find_running(struct recovery *recovery, size_t ops,
                                             bson_t *filter_take,
                                             void (*done)(struct kj_store_request *request))
{
    struct kj_store_request *request = kj_store_request(ops, "", done, recovery);
    kj_doc_put_text(filter_take, "state", "running");
    request->ops[0].verb = KJ_STORE_FIND;
    request->ops[0].coll = KJ_JOBS;
    kj_store_own_filter(request, 0, filter_take);
    return request;
}

static void next_jobs(struct recovery *recovery)
{
    bson_t *filter = bson_new();
    kj_doc_put_text(filter, "host", recovery->lease);
    struct kj_store_request *request = find_running(recovery, 1, filter, on_jobs);
    // Of our own all, or one that nobody knows of might stand behind those that are known.
    request->ops[0].limit =
        is_own(recovery) ? (int64_t)recovery->queue->running_count + k_page : k_page;
    recovery->again = false;
    kj_store_submit(recovery->queue->store, request);
}

static void on_lease(struct kj_store_request *request)
{
    struct recovery *recovery = request->arg;
    const struct kj_store_op *jobs = &request->ops[0], *hosts = &request->ops[1];
    if (jobs->status != KJ_OK || hosts->status != KJ_OK || jobs->n_docs == 0) {
        finish(recovery, jobs->status != KJ_OK ? jobs->status : hosts->status);
        return;
    }
    kj_copy(recovery->lease, sizeof recovery->lease, kj_doc_text(jobs->docs[0], "host", ""));
    if (is_own(recovery) || !is_held(recovery, hosts))
        next_jobs(recovery);
    else
        next_lease(recovery);
}

// The jobs first, then the hosts: a host that came in between is in the second list.
static void next_lease(struct recovery *recovery)
{
    bson_t *filter = bson_new(), after = BSON_INITIALIZER;
    kj_doc_put_text(&after, "$gt", recovery->lease);
    kj_doc_put_doc(filter, "host", &after);
    bson_destroy(&after);
    struct kj_store_request *request = find_running(recovery, 2, filter, on_lease);
    request->ops[0].sort = "host";
    request->ops[0].limit = 1;
    request->ops[1].verb = KJ_STORE_FIND;
    request->ops[1].coll = KJ_HOSTS;
    request->ops[1].limit = KJ_HOSTS_MOST;
    kj_store_own_filter(request, 1, bson_new());
    kj_store_submit(recovery->queue->store, request);
}

void kj_queue_recover(struct kj_queue *queue, void (*done)(void *arg, int status), void *arg)
{
    struct recovery *recovery = KJ_NEW(struct recovery);
    *recovery = (struct recovery){.queue = queue, .done = done, .arg = arg};
    queue->recovering = true;
    next_lease(recovery);
}

void kj_queue_sweep(struct kj_queue *queue, void (*done)(void *arg, int status), void *arg)
{
    if (!queue->recovering && queue->started)
        kj_queue_recover(queue, done, arg);
    else if (done)
        done(arg, KJ_ESTATE);
}

void kj_queue_hand_back(struct kj_queue *queue, void (*done)(void *arg, int status), void *arg)
{
    queue->handed_back = true;
    kj_queue_recover(queue, done, arg);
}
