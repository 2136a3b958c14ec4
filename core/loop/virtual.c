// Virtual time: when it stands, when it moves, and in which order the outside world is let in.
//
// A turn ends only when no task is ready and nobody settles any more; then the oldest external
// operation is waited for; only when none is open may the clock jump to the next timer, and one
// timer fires per turn. So the same start gives the same run, whatever the threads and sockets do.
#include "loop/loop_parts.h"

#include "base/log.h"

#include <stdlib.h>

// Real input is served at least this often while virtual time runs.
enum { TIMERS_PER_POLL = 256, NS_PER_POLL = 5 * 1000 * 1000 };

// A turn longer than this is a chain without end: it is reported, and input is let in so that
// somebody can stop it.
enum { TASKS_PER_TURN = 1 << 20 };

void kj_external_begin(struct kj_loop *loop, struct kj_external *external, struct kj_task *done)
{
    *external = (struct kj_external){.previous = loop->externals_last, .done = done, .open = true};
    if (loop->externals_last)
        loop->externals_last->next = external;
    else
        loop->externals = external;
    loop->externals_last = external;
}

static void unlink_external(struct kj_loop *loop, struct kj_external *external)
{
    if (external->previous)
        external->previous->next = external->next;
    else
        loop->externals = external->next;
    if (external->next)
        external->next->previous = external->previous;
    else
        loop->externals_last = external->previous;
    external->next = external->previous = NULL;
    external->open = false;
}

void kj_external_end(struct kj_loop *loop, struct kj_external *external)
{
    if (!external->open || external->ended)
        return;
    external->ended = true;
    kj_loop_kick(loop);
    if (kj_loop_is_virtual(loop))
        return; // released by the turn, when it is the oldest
    unlink_external(loop, external);
    kj_loop_post(loop, external->done);
}

void kj_external_abandon(struct kj_loop *loop, struct kj_external *external)
{
    if (external->open)
        unlink_external(loop, external);
    else if (external->ended)
        kj_loop_unpost(loop, external->done);
    external->ended = true;
    kj_loop_kick(loop);
}

void kj_loop_release(struct kj_loop *loop, int64_t until, void (*idle)(void *arg), void *arg)
{
    if (!kj_loop_is_virtual(loop))
        return;
    int64_t left = until == INT64_MAX ? INT64_MAX : until - kj_loop_now(loop);
    loop->until = left == INT64_MAX ? INT64_MAX : kj_loop_mono(loop) + left;
    loop->released = true;
    loop->on_idle = idle;
    loop->idle_arg = arg;
    kj_loop_kick(loop);
}

int64_t kj_loop_next_timer(const struct kj_loop *loop)
{
    const struct kj_heap_node *next = kj_heap_peek(&loop->by_mono);
    return next ? next->key : INT64_MAX;
}

void kj_loop_on_settle(struct kj_loop *loop, bool (*fn)(void *arg), void *arg)
{
    if (loop->settler_count == KJ_LOOP_SETTLERS) {
        kj_log(KJ_LOG_ERROR, "loop", "too many settle functions", NULL);
        abort();
    }
    loop->settlers[loop->settler_count++] = (struct kj_settler){fn, arg};
}

static bool settle(struct kj_loop *loop)
{
    bool made = false;
    for (size_t i = 0; i < loop->settler_count && !loop->stopping; i++)
        made |= loop->settlers[i].fn(loop->settlers[i].arg);
    return made || loop->ready;
}

// Runs everything that can run without time passing. False when it found no end.
static bool quiesce(struct kj_loop *loop)
{
    size_t left = TASKS_PER_TURN;
    do {
        left -= kj_loop_run_ready(loop, left);
        if (left-- <= 1) {
            kj_log(KJ_LOG_WARN, "loop", "a turn of virtual time does not end", NULL);
            return false;
        }
    } while (!loop->stopping && settle(loop));
    return true;
}

static void go_idle(struct kj_loop *loop)
{
    if (loop->until != INT64_MAX)
        kj_clock_advance_to(loop->clock, loop->until);
    loop->released = false;
    if (loop->on_idle)
        loop->on_idle(loop->idle_arg);
}

// Lets time pass to the next timer and fires it, or finds that it may not.
static bool fire_next(struct kj_loop *loop)
{
    if (kj_loop_fire_due(loop))
        return true;
    struct kj_heap_node *next = kj_heap_peek(&loop->by_mono);
    if (!loop->released || next == NULL || next->key > loop->until || next->key == INT64_MAX)
        return false;
    kj_clock_advance_to(loop->clock, next->key);
    return kj_loop_fire_due(loop);
}

static bool poll_is_due(const struct kj_loop *loop)
{
    return loop->fired_since_poll >= TIMERS_PER_POLL ||
           kj_clock_real_mono_ns() - loop->polled_ns >= NS_PER_POLL;
}

void kj_loop_virtual_turn(struct kj_loop *loop)
{
    bool ended = quiesce(loop);
    if (loop->stopping)
        return;
    if (!ended || poll_is_due(loop)) {
        kj_loop_poll(loop, false);
        // What came in may have left work for those who settle and no task: it must not sleep.
        if (!ended || loop->stopping || settle(loop))
            return;
    }
    struct kj_external *oldest = loop->externals;
    if (oldest && oldest->ended) {
        unlink_external(loop, oldest);
        kj_loop_post(loop, oldest->done);
    } else if (oldest) {
        kj_loop_poll(loop, true);
    } else if (fire_next(loop)) {
        loop->fired_since_poll++;
    } else if (loop->released) {
        go_idle(loop);
    } else {
        kj_loop_poll(loop, true);
    }
}
