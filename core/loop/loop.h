// The loop: libuv, one thread, and the one place where time passes.
//
// Everything that waits ends here: tasks posted by the loop itself or by other threads, timers on
// the clock, and brackets around real input and output. With a virtual clock time stands still
// while tasks are ready or an external operation is open, completions of externals are released in
// the order in which they began, and when nothing is left to do the clock jumps to the next timer:
// the same seed gives the same run. Unless said otherwise: loop thread only.
#ifndef KJ_LOOP_H
#define KJ_LOOP_H

#include "base/clock.h"
#include "base/err.h"
#include "base/heap.h"

#include <uv.h>

struct kj_loop;

// Something to run soon. Intrusive: the owner keeps it alive until it runs; from then on it may be
// posted again or freed.
struct kj_task {
    struct kj_task *next;
    void (*run)(struct kj_task *task);
};

struct kj_timer {
    struct kj_heap_node node; // key: milliseconds on the clock of its heap
    void (*fire)(void *arg);
    void *arg;
    struct kj_heap *heap; // the loop's heap that holds it
};

struct kj_external {
    struct kj_external *next, *previous;
    struct kj_task *done;
    bool open, ended;
};

// The clock is borrowed and must outlive the loop.
int kj_loop_create(struct kj_clock *clock, struct kj_loop **loop,
                   struct kj_fault *fault) KJ_MUST_USE;
// After run has returned, when no other thread can post any more and the owners of timers, tasks
// and uv handles are gone; runs the close callbacks that are due. Tasks still posted never run.
void kj_loop_destroy(struct kj_loop *loop);
// Until stopped; may be called again and goes on where it stopped. A stop while it is not running
// makes the next run return at once.
void kj_loop_run(struct kj_loop *loop);
void kj_loop_stop(struct kj_loop *loop);     // after the present task or callback
uv_loop_t *kj_loop_uv(struct kj_loop *loop); // for handles of real input and output
const struct kj_clock *kj_loop_clock(const struct kj_loop *loop);
int64_t kj_loop_now(const struct kj_loop *loop);  // wall ms
int64_t kj_loop_mono(const struct kj_loop *loop); // mono ms
bool kj_loop_is_virtual(const struct kj_loop *loop);

// Runs after the present callback, in the order of posting, before any time passes.
void kj_loop_post(struct kj_loop *loop, struct kj_task *task);
// The same from any thread.
void kj_loop_post_from_thread(struct kj_loop *loop, struct kj_task *task);
// Its two halves, for who posts many: a sleeping loop sees what was left when it is woken.
void kj_loop_leave_from_thread(struct kj_loop *loop, struct kj_task *task);
void kj_loop_wake_from_thread(struct kj_loop *loop);
// Takes back a task that did not run yet; false when it is not posted. Walks the list of what is
// ready: for destructors.
bool kj_loop_unpost(struct kj_loop *loop, struct kj_task *task);

// A timer fires once, never inside start. Starting a running one moves it; inside `fire` it is
// stopped and may be started or freed. start_at takes a wall instant and fires at it or as soon as
// it has passed, also after a step of the system's clock (seen within 60 s).
void kj_timer_init(struct kj_timer *timer, void (*fire)(void *arg), void *arg);
void kj_timer_start(struct kj_loop *loop, struct kj_timer *timer, int64_t delay_ms);
void kj_timer_start_at(struct kj_loop *loop, struct kj_timer *timer, int64_t wall_ms);
void kj_timer_stop(struct kj_loop *loop, struct kj_timer *timer);
bool kj_timer_active(const struct kj_timer *timer);

// Brackets one real input/output (an HTTP request, a thread's work). `done` is posted at end: at
// once with a real clock, in the order of begin with a virtual one.
void kj_external_begin(struct kj_loop *loop, struct kj_external *external, struct kj_task *done);
void kj_external_end(struct kj_loop *loop, struct kj_external *external); // a second end is ignored
// Closes the bracket without `done`, or takes back a `done` that was posted and did not run yet.
void kj_external_abandon(struct kj_loop *loop, struct kj_external *external);

// Called when the system's wall clock stepped by more than 2 s (step in ms); dialing must wait
// until windows are computed again. At most 8 listeners.
void kj_loop_on_step(struct kj_loop *loop, void (*fn)(void *arg, int64_t step_ms), void *arg);

// Virtual clock only (else ignored). Time is held at first, and what is due already fires even
// then; after release it may pass up to and including `until` (wall ms). When no timer is left up
// to there, the clock stands at `until` (with INT64_MAX: at the last timer), time is held again
// and `idle` is called once; it may release again. Then the loop waits for real input.
void kj_loop_release(struct kj_loop *loop, int64_t until, void (*idle)(void *arg), void *arg);
// Mono ms of the next timer; INT64_MAX: none. For who runs several loops in one virtual time.
int64_t kj_loop_next_timer(const struct kj_loop *loop);
// Called after each turn with a virtual clock, before time moves: where inline rooms flush (the
// store's group commit). Returns true when it made work. At most 4 of them.
void kj_loop_on_settle(struct kj_loop *loop, bool (*fn)(void *arg), void *arg);

#endif
