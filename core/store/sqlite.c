// The SQLite store: intake, threads, acknowledgements.
//
// Two lanes, each a queue, a thread and a connection. The first does everything, in order: its
// thread takes all that is queued and makes one transaction of it; while that flushes, the next
// group collects by itself, so there is no timer to tune. The second answers what may be stale,
// one request at a time, and cannot hold up the first. With a virtual clock there are no threads:
// the first lane's queue is one group each time the loop settles.
#include "store/sqlite.h"

#include "base/alloc.h"

#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { GROUP_OPS_MAX = 20000 }; // bounds the log and the wait of who comes next

struct list {
    struct kj_store_request *first, *last;
};

// A group on its way back to the loop.
struct group {
    struct kj_task task;
    struct sqlite_store *store;
    struct group *next; // unfinished ones, newest first; for destroy
    struct kj_store_request *first;
    struct kj_store_op events; // in its docs
};

struct lane {
    struct sqlite_store *store;
    struct kj_sqlite_db db;
    size_t group_ops;
    struct list queue;
    struct group *sent; // posted or about to be, newest first
    bool open, running, stop;
    bool waking; // `wake_up` is posted
    struct kj_task wake_up;
    uv_thread_t thread;
    uv_mutex_t mutex; // guards queue, sent and stop
    uv_cond_t wake;
};

struct sqlite_store {
    struct kj_store base;
    struct kj_store_config config;
    int lock;
    struct lane write, read;
};

static void append(struct list *list, struct kj_store_request *request)
{
    request->next = NULL;
    if (list->last)
        list->last->next = request;
    else
        list->first = request;
    list->last = request;
}

// Takes the oldest requests with up to `most` ops, at least one request.
static struct kj_store_request *take(struct list *list, size_t most)
{
    struct kj_store_request *first = list->first, *end = first;
    if (first == NULL)
        return NULL;
    size_t ops = first->n_ops;
    while (end->next && ops + end->next->n_ops <= most) {
        end = end->next;
        ops += end->n_ops;
    }
    list->first = end->next;
    if (list->first == NULL)
        list->last = NULL;
    end->next = NULL;
    return first;
}

// --- acknowledgements, on the loop thread ---

static void unlink_group(struct lane *lane, struct group *group)
{
    uv_mutex_lock(&lane->mutex);
    struct group **at = &lane->sent;
    while (*at && *at != group)
        at = &(*at)->next;
    if (*at)
        *at = group->next;
    uv_mutex_unlock(&lane->mutex);
}

static void deliver(struct group *group)
{
    struct kj_store *store = &group->store->base;
    for (size_t i = 0; i < group->events.n_docs && store->on_event; i++)
        store->on_event(store->on_event_arg, group->events.docs[i]);
    while (group->first) {
        struct kj_store_request *request = group->first;
        group->first = request->next;
        kj_store_finish(store, request);
    }
    kj_store_clear_result(&group->events);
    free(group);
}

static void on_written(struct kj_task *task)
{
    struct group *group = (struct group *)task;
    unlink_group(&group->store->write, group);
    deliver(group);
}

static void on_read(struct kj_task *task)
{
    struct group *group = (struct group *)task;
    unlink_group(&group->store->read, group);
    deliver(group);
}

// --- the lanes' threads ---

static struct group *run_group(struct lane *lane, struct kj_store_request *first)
{
    struct group *group = KJ_NEW(struct group);
    group->store = lane->store;
    group->first = first;
    group->task.run = lane == &lane->store->read ? on_read : on_written;
    kj_sqlite_group(&lane->db, first, &group->events);
    return group;
}

static void lane_thread(void *arg)
{
    struct lane *lane = arg;
    pthread_setname_np(pthread_self(), lane == &lane->store->read ? "store-read" : "store");
    uv_mutex_lock(&lane->mutex);
    for (;;) {
        while (lane->queue.first == NULL && !lane->stop)
            uv_cond_wait(&lane->wake, &lane->mutex);
        struct kj_store_request *first = take(&lane->queue, lane->group_ops);
        if (first == NULL)
            break;
        uv_mutex_unlock(&lane->mutex);
        struct group *group = run_group(lane, first);
        uv_mutex_lock(&lane->mutex);
        group->next = lane->sent;
        lane->sent = group;
        uv_mutex_unlock(&lane->mutex);
        // Not under the mutex: the loop wakes at once and would run into it.
        kj_loop_post_from_thread(lane->store->base.loop, &group->task);
        uv_mutex_lock(&lane->mutex);
    }
    uv_mutex_unlock(&lane->mutex);
}

static void lane_start(struct lane *lane, struct sqlite_store *store, size_t group_ops, bool thread)
{
    lane->store = store;
    lane->group_ops = group_ops;
    lane->open = true;
    uv_mutex_init(&lane->mutex);
    uv_cond_init(&lane->wake);
    if (!thread)
        return;
    lane->running = uv_thread_create(&lane->thread, lane_thread, lane) == 0;
    if (!lane->running)
        abort(); // as for memory: without its thread there is no store
}

static void wake_up(struct kj_task *task)
{
    struct lane *lane = (struct lane *)((char *)task - offsetof(struct lane, wake_up));
    lane->waking = false;
    uv_cond_signal(&lane->wake);
}

// The thread is woken once the loop has gone through what it is at: what fifty sockets bring in one
// turn is then one group and one flush, not the first of them alone and the others in a second.
static void lane_submit(struct lane *lane, struct kj_store_request *request)
{
    uv_mutex_lock(&lane->mutex);
    append(&lane->queue, request);
    uv_mutex_unlock(&lane->mutex);
    if (lane->waking || !lane->running)
        return;
    lane->waking = true;
    lane->wake_up.run = wake_up;
    kj_loop_post(lane->store->base.loop, &lane->wake_up);
}

// Works off what was submitted.
static void lane_join(struct lane *lane)
{
    if (!lane->running)
        return;
    if (lane->waking)
        kj_loop_unpost(lane->store->base.loop, &lane->wake_up);
    uv_mutex_lock(&lane->mutex);
    lane->stop = true;
    uv_cond_signal(&lane->wake);
    uv_mutex_unlock(&lane->mutex);
    uv_thread_join(&lane->thread);
    lane->running = false;
}

// Without a thread: delivers the groups that the loop has not seen.
static void lane_deliver(struct lane *lane)
{
    struct group *oldest = NULL;
    while (lane->sent) {
        struct group *group = lane->sent;
        lane->sent = group->next;
        group->next = oldest;
        oldest = group;
        kj_loop_unpost(lane->store->base.loop, &group->task);
    }
    while (oldest) {
        struct group *group = oldest;
        oldest = group->next;
        deliver(group);
    }
}

static void lane_close(struct lane *lane)
{
    if (!lane->open)
        return;
    uv_cond_destroy(&lane->wake);
    uv_mutex_destroy(&lane->mutex);
}

// --- inline, with a virtual clock ---

static bool settle(void *arg)
{
    struct sqlite_store *store = arg;
    struct lane *lane = &store->write;
    struct kj_store_request *first = take(&lane->queue, lane->group_ops);
    if (first == NULL)
        return false;
    struct group *group = run_group(lane, first);
    group->next = lane->sent;
    lane->sent = group;
    kj_loop_post(store->base.loop, &group->task);
    return true;
}

// --- the store ---

static bool all_stale(const struct kj_store_request *request)
{
    for (size_t i = 0; i < request->n_ops; i++) {
        const struct kj_store_op *op = &request->ops[i];
        bool reads =
            op->verb == KJ_STORE_GET || op->verb == KJ_STORE_FIND || op->verb == KJ_STORE_COUNT;
        if (!reads || !op->stale_ok || op->events)
            return false;
    }
    return request->n_ops > 0;
}

static void submit(struct kj_store *base, struct kj_store_request *request)
{
    struct sqlite_store *store = (struct sqlite_store *)base;
    request->at =
        store->config.now ? store->config.now(store->config.now_arg) : kj_loop_now(base->loop);
    bool beside = store->read.running && all_stale(request);
    lane_submit(beside ? &store->read : &store->write, request);
}

static void destroy(struct kj_store *base)
{
    struct sqlite_store *store = (struct sqlite_store *)base;
    lane_join(&store->read);
    lane_join(&store->write);
    lane_deliver(&store->read);
    lane_deliver(&store->write);
    // From here on as with a virtual clock: a `done` may have submitted more.
    while (store->write.open && settle(store))
        lane_deliver(&store->write);
    lane_close(&store->read);
    lane_close(&store->write);
    kj_sqlite_close(&store->read.db);
    kj_sqlite_close(&store->write.db);
    if (store->lock >= 0)
        close(store->lock);
    free((char *)store->config.path);
    free(store);
}

static const struct kj_store_class k_class = {"sqlite", submit, destroy};

static int open_all(struct sqlite_store *store, bool memory, bool inline_, struct kj_fault *fault)
{
    const struct kj_store_config *config = &store->config;
    struct kj_sqlite_db *db = &store->write.db;
    int rc = memory ? 0 : kj_sqlite_lock(config->path, &store->lock, fault);
    if (rc == 0)
        rc = kj_sqlite_open(config->path, true, config->volatile_data, db, fault);
    if (rc == 0)
        rc = kj_sqlite_schema(db, config->path, KJ_SQLITE_FORMAT, NULL, 0, fault);
    if (rc == 0 && !memory && !inline_)
        rc = kj_sqlite_open(config->path, false, config->volatile_data, &store->read.db, fault);
    if (rc < 0)
        return rc;
    db->host = kj_strdup(config->host ? config->host : "local");
    db->simulated = config->simulated;
    db->events_kept = config->events_kept > 0 ? config->events_kept : 1000000;
    db->jobs_kept = config->jobs_kept > 0 ? config->jobs_kept : 1000000;
    kj_sqlite_trim_begin(db);
    return 0;
}

int kj_sqlite_create(struct kj_loop *loop, const struct kj_store_config *config,
                     struct kj_store **out, struct kj_fault *fault)
{
    struct sqlite_store *store = KJ_NEW(struct sqlite_store);
    bool memory = strcmp(config->path, ":memory:") == 0, inline_ = kj_loop_is_virtual(loop);
    store->base = (struct kj_store){.class = &k_class, .loop = loop};
    store->config = *config;
    store->config.path = kj_strdup(config->path);
    store->lock = -1;
    kj_map_init(&store->read.db.others);
    kj_map_init(&store->write.db.others);
    *out = NULL;
    int rc = open_all(store, memory, inline_, fault);
    if (rc < 0) {
        destroy(&store->base);
        return rc;
    }
    lane_start(&store->write, store, GROUP_OPS_MAX, !inline_);
    if (store->read.db.sql)
        lane_start(&store->read, store, 1, true);
    if (inline_)
        kj_loop_on_settle(loop, settle, store);
    *out = &store->base;
    return 0;
}
