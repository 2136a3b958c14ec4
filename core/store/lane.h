// A lane: a queue, a thread that takes all that is queued as one group, and the way of the answers
// back to the loop, in order. What both stores are made of. Room-private.
//
// While a group is being run the next one collects by itself, so there is no timer to tune.
#ifndef KJ_LANE_H
#define KJ_LANE_H

#include "store/store_parts.h"

struct kj_lane;

struct kj_request_list {
    struct kj_store_request *first, *last;
};

// A group on its way back to the loop.
struct kj_group {
    struct kj_task task;
    struct kj_lane *lane;
    struct kj_group *next; // unfinished ones, newest first; for destroy
    struct kj_store_request *first;
    struct kj_store_op events; // in its docs; told before the requests are done
};

struct kj_lane {
    struct kj_store *store;
    const char *name; // of its thread
    // Sets the results of all ops of the list; on the lane's thread, without one on the loop's.
    void (*run)(struct kj_lane *lane, struct kj_store_request *first, struct kj_store_op *events);
    void *arg;        // for `run`
    size_t group_ops; // at most so many in a group, but at least one request
    // The lane's own:
    struct kj_request_list queue;
    size_t queued_ops;
    struct kj_group *sent; // posted or about to be, newest first
    bool open, running, stop;
    bool waking; // `wake_up` is posted
    struct kj_task wake_up;
    uv_thread_t thread;
    uv_mutex_t mutex; // guards queue, queued_ops, sent and stop
    uv_cond_t wake;
};

void kj_request_append(struct kj_request_list *list, struct kj_store_request *request);
// Fills in nothing: store, name, run, arg and group_ops are set before. Ends the process when
// `thread` cannot be had.
void kj_lane_open(struct kj_lane *lane, bool thread);
// False, and nothing taken, when `limit` ops are queued already (0 = no limit).
bool kj_lane_submit(struct kj_lane *lane, struct kj_store_request *request, size_t limit);
// Without a thread: runs what is queued as one group and posts its answers; false when nothing is.
bool kj_lane_settle(struct kj_lane *lane);
// Works off what was submitted and ends the thread; from then on it is a lane without one.
void kj_lane_join(struct kj_lane *lane);
// After join: delivers the groups that the loop has not seen.
void kj_lane_deliver(struct kj_lane *lane);
void kj_lane_close(struct kj_lane *lane); // NULL-safe parts: also when it was never opened

#endif
