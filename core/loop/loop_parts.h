// The inside of the loop, shared by loop.c (tasks, running), timer.c and virtual.c. Nobody else
// includes this: the rest of the world sees loop.h only.
#ifndef KJ_LOOP_PARTS_H
#define KJ_LOOP_PARTS_H

#include "loop/loop.h"

#include <stdatomic.h>

enum { KJ_LOOP_STEP_LISTENERS = 8, KJ_LOOP_SETTLERS = 4 };

struct kj_loop {
    uv_loop_t uv;
    // Rung for the inbox when the loop sleeps; also keeps uv_run from returning for want of
    // handles.
    uv_poll_t bell;
    int bell_fd;
    atomic_bool asleep; // or about to be
    uv_timer_t timer;   // the earliest of our timers, real clocks only
    uv_idle_t idle;     // running = uv must not block
    struct kj_clock *clock;
    bool stopping, in_uv;

    struct kj_task *ready, *ready_last;
    _Atomic(struct kj_task *) inbox; // pushed by threads, newest first

    // A system's wall clock steps, so wall instants wait in a heap of their own, keyed by wall
    // milliseconds. With the other clocks all timers share `by_mono` and thereby one order.
    struct kj_heap by_mono, by_wall;
    int64_t armed; // mono instant the uv timer is set to

    struct kj_external *externals, *externals_last; // in the order of begin

    struct kj_step_listener {
        void (*fn)(void *arg, int64_t step_ms);
        void *arg;
    } listeners[KJ_LOOP_STEP_LISTENERS];
    size_t listener_count;

    struct kj_settler {
        bool (*fn)(void *arg);
        void *arg;
    } settlers[KJ_LOOP_SETTLERS];
    size_t settler_count;

    bool released;
    int64_t until; // mono
    void (*on_idle)(void *arg);
    void *idle_arg;
    size_t fired_since_poll;
    int64_t polled_ns; // real
};

// Runs up to `budget` ready tasks; returns how many ran.
size_t kj_loop_run_ready(struct kj_loop *loop, size_t budget);
// One round of uv. Blocks until something happens when `block` and nothing is ready.
void kj_loop_poll(struct kj_loop *loop, bool block);
// Makes a uv round that is under way come back instead of blocking.
void kj_loop_kick(struct kj_loop *loop);

// Fires the first timer that is due; false when none is.
bool kj_loop_fire_due(struct kj_loop *loop);
// Real clocks: sets the uv timer; false when a timer is due already.
bool kj_loop_arm(struct kj_loop *loop);
// Asks the clock for a step of the wall clock and tells the listeners.
void kj_loop_check_step(struct kj_loop *loop);

// One turn on the virtual clock, with the waiting that belongs to it.
void kj_loop_virtual_turn(struct kj_loop *loop);

#endif
