// Timers on our own clock, any number behind one uv timer, and the watch for steps of the system's
// wall clock. A uv timer per job would tie time to uv's clock, which cannot be virtual.
#include "loop/loop_parts.h"

#include "base/log.h"

#include <stdlib.h>

// A step of the wall clock must be seen soon even when nothing else happens; so must the end of a
// suspension, during which uv's clock stands still and ours does not.
enum { LONGEST_SLEEP_MS = 60000 };

static struct kj_timer *timer_of(struct kj_heap_node *node)
{
    return (struct kj_timer *)((char *)node - offsetof(struct kj_timer, node));
}

// Saturating, so that "never" (INT64_MAX) stays never.
static int64_t add(int64_t a, int64_t b)
{
    int64_t sum;
    if (__builtin_add_overflow(a, b, &sum))
        return b > 0 ? INT64_MAX : INT64_MIN;
    return sum;
}

void kj_timer_init(struct kj_timer *timer, void (*fire)(void *arg), void *arg)
{
    *timer = (struct kj_timer){.fire = fire, .arg = arg};
}

static void start(struct kj_loop *loop, struct kj_timer *timer, struct kj_heap *heap, int64_t key)
{
    kj_timer_stop(loop, timer);
    timer->heap = heap;
    kj_heap_push(heap, &timer->node, key);
    kj_loop_kick(loop);
}

void kj_timer_start(struct kj_loop *loop, struct kj_timer *timer, int64_t delay_ms)
{
    start(loop, timer, &loop->by_mono, add(kj_loop_mono(loop), delay_ms > 0 ? delay_ms : 0));
}

void kj_timer_start_at(struct kj_loop *loop, struct kj_timer *timer, int64_t wall_ms)
{
    if (loop->clock->kind == KJ_CLOCK_SYSTEM) {
        start(loop, timer, &loop->by_wall, wall_ms);
        return;
    }
    // An instant in the past is due now, behind what is due now already.
    int64_t delay = wall_ms == INT64_MAX ? INT64_MAX : add(wall_ms, -kj_loop_now(loop));
    kj_timer_start(loop, timer, delay);
}

void kj_timer_stop(struct kj_loop *loop, struct kj_timer *timer)
{
    (void)loop;
    if (timer->heap)
        kj_heap_remove(timer->heap, &timer->node);
    timer->heap = NULL;
}

bool kj_timer_active(const struct kj_timer *timer)
{
    return timer->node.index != 0;
}

static bool fire_from(struct kj_loop *loop, struct kj_heap *heap, int64_t now)
{
    struct kj_heap_node *node = kj_heap_peek(heap);
    if (node == NULL || node->key > now)
        return false;
    struct kj_timer *timer = timer_of(node);
    kj_timer_stop(loop, timer);
    timer->fire(timer->arg); // may free the timer
    return true;
}

bool kj_loop_fire_due(struct kj_loop *loop)
{
    return fire_from(loop, &loop->by_mono, kj_loop_mono(loop)) ||
           fire_from(loop, &loop->by_wall, kj_loop_now(loop));
}

// Clock milliseconds until the first timer is due; INT64_MAX when there is none.
static int64_t next_delay(const struct kj_loop *loop)
{
    struct kj_heap_node *mono = kj_heap_peek(&loop->by_mono), *wall = kj_heap_peek(&loop->by_wall);
    int64_t delay = INT64_MAX;
    if (mono)
        delay = add(mono->key, -kj_loop_mono(loop));
    if (wall) {
        int64_t other = add(wall->key, -kj_loop_now(loop));
        delay = other < delay ? other : delay;
    }
    return delay;
}

// The turn looks at the heaps. uv runs timers before it goes to sleep: one that was set for an
// instant since given up may fire there, and with nothing armed uv would sleep for ever.
static void on_timer(uv_timer_t *timer)
{
    kj_loop_kick(timer->data);
}

bool kj_loop_arm(struct kj_loop *loop)
{
    int64_t delay = next_delay(loop);
    if (delay <= 0)
        return false;
    double real = (double)delay / loop->clock->speed;
    delay =
        real < LONGEST_SLEEP_MS ? (int64_t)real + (real > (double)(int64_t)real) : LONGEST_SLEEP_MS;
    // Set only forward: waking once too early is cheaper than setting it in every turn.
    int64_t target = kj_clock_real_mono() + delay;
    if (!uv_is_active((uv_handle_t *)&loop->timer) || loop->armed > target) {
        uv_update_time(&loop->uv);
        uv_timer_start(&loop->timer, on_timer, (uint64_t)delay, 0);
        loop->armed = target;
    }
    return true;
}

void kj_loop_on_step(struct kj_loop *loop, void (*fn)(void *arg, int64_t step_ms), void *arg)
{
    if (loop->listener_count == KJ_LOOP_STEP_LISTENERS) {
        kj_log(KJ_LOG_ERROR, "loop", "too many listeners for clock steps", NULL);
        abort();
    }
    loop->listeners[loop->listener_count++] = (struct kj_step_listener){fn, arg};
}

void kj_loop_check_step(struct kj_loop *loop)
{
    int64_t step = kj_clock_take_step(loop->clock);
    for (size_t i = 0; step != 0 && i < loop->listener_count; i++)
        loop->listeners[i].fn(loop->listeners[i].arg, step);
}
