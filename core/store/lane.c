// Lanes: see lane.h. The queue is the only thing that loop and thread share.
#include "store/lane.h"

#include "base/alloc.h"

#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>

void kj_request_append(struct kj_request_list *list, struct kj_store_request *request)
{
    request->next = NULL;
    if (list->last)
        list->last->next = request;
    else
        list->first = request;
    list->last = request;
}

// Takes the oldest requests with up to `group_ops` ops, at least one request.
static struct kj_store_request *take(struct kj_lane *lane)
{
    struct kj_request_list *list = &lane->queue;
    struct kj_store_request *first = list->first, *end = first;
    if (first == NULL)
        return NULL;
    size_t ops = first->n_ops;
    while (end->next && ops + end->next->n_ops <= lane->group_ops) {
        end = end->next;
        ops += end->n_ops;
    }
    list->first = end->next;
    if (list->first == NULL)
        list->last = NULL;
    end->next = NULL;
    lane->queued_ops -= ops;
    return first;
}

// --- acknowledgements, on the loop thread ---

static void unlink_group(struct kj_group *group)
{
    struct kj_lane *lane = group->lane;
    uv_mutex_lock(&lane->mutex);
    struct kj_group **at = &lane->sent;
    while (*at && *at != group)
        at = &(*at)->next;
    if (*at)
        *at = group->next;
    uv_mutex_unlock(&lane->mutex);
}

static void deliver(struct kj_group *group)
{
    struct kj_store *store = group->lane->store;
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

static void on_run(struct kj_task *task)
{
    struct kj_group *group = (struct kj_group *)task;
    unlink_group(group);
    deliver(group);
}

static struct kj_group *run_group(struct kj_lane *lane, struct kj_store_request *first)
{
    struct kj_group *group = KJ_NEW(struct kj_group);
    group->lane = lane;
    group->first = first;
    group->task.run = on_run;
    lane->run(lane, first, &group->events);
    return group;
}

// --- the thread ---

static void lane_thread(void *arg)
{
    struct kj_lane *lane = arg;
    pthread_setname_np(pthread_self(), lane->name);
    uv_mutex_lock(&lane->mutex);
    for (;;) {
        while (lane->queue.first == NULL && !lane->stop)
            uv_cond_wait(&lane->wake, &lane->mutex);
        struct kj_store_request *first = take(lane);
        if (first == NULL)
            break;
        uv_mutex_unlock(&lane->mutex);
        struct kj_group *group = run_group(lane, first);
        uv_mutex_lock(&lane->mutex);
        group->next = lane->sent;
        lane->sent = group;
        uv_mutex_unlock(&lane->mutex);
        // Not under the mutex: the loop wakes at once and would run into it.
        kj_loop_post_from_thread(lane->store->loop, &group->task);
        uv_mutex_lock(&lane->mutex);
    }
    uv_mutex_unlock(&lane->mutex);
}

void kj_lane_open(struct kj_lane *lane, bool thread)
{
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
    struct kj_lane *lane = (struct kj_lane *)((char *)task - offsetof(struct kj_lane, wake_up));
    lane->waking = false;
    uv_cond_signal(&lane->wake);
}

// The thread is woken once the loop has gone through what it is at: what fifty sockets bring in one
// turn is then one group and one flush, not the first of them alone and the others in a second.
static void wake_soon(struct kj_lane *lane)
{
    if (lane->waking || !lane->running)
        return;
    lane->waking = true;
    lane->wake_up.run = wake_up;
    kj_loop_post(lane->store->loop, &lane->wake_up);
}

bool kj_lane_submit(struct kj_lane *lane, struct kj_store_request *request, size_t limit)
{
    uv_mutex_lock(&lane->mutex);
    bool fits =
        limit == 0 || lane->queue.first == NULL || lane->queued_ops + request->n_ops <= limit;
    if (fits) {
        kj_request_append(&lane->queue, request);
        lane->queued_ops += request->n_ops;
    }
    uv_mutex_unlock(&lane->mutex);
    if (fits)
        wake_soon(lane);
    return fits;
}

void kj_lane_join(struct kj_lane *lane)
{
    if (!lane->running)
        return;
    if (lane->waking)
        kj_loop_unpost(lane->store->loop, &lane->wake_up);
    uv_mutex_lock(&lane->mutex);
    lane->stop = true;
    uv_cond_signal(&lane->wake);
    uv_mutex_unlock(&lane->mutex);
    uv_thread_join(&lane->thread);
    lane->running = false;
}

void kj_lane_deliver(struct kj_lane *lane)
{
    struct kj_group *oldest = NULL;
    while (lane->sent) {
        struct kj_group *group = lane->sent;
        lane->sent = group->next;
        group->next = oldest;
        oldest = group;
        kj_loop_unpost(lane->store->loop, &group->task);
    }
    while (oldest) {
        struct kj_group *group = oldest;
        oldest = group->next;
        deliver(group);
    }
}

bool kj_lane_settle(struct kj_lane *lane)
{
    struct kj_store_request *first = take(lane);
    if (first == NULL)
        return false;
    struct kj_group *group = run_group(lane, first);
    group->next = lane->sent;
    lane->sent = group;
    kj_loop_post(lane->store->loop, &group->task);
    return true;
}

void kj_lane_close(struct kj_lane *lane)
{
    if (!lane->open)
        return;
    uv_cond_destroy(&lane->wake);
    uv_mutex_destroy(&lane->mutex);
    lane->open = false;
}
