// Virtual time: where it stands, when it moves, and what is served meanwhile.
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "base/str.h"
#include "loop/loop.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { START = 1000000 };

static struct kj_clock clock_;
static struct kj_loop *loop;
static struct kj_buf trace;

static int setup(void **state)
{
    (void)state;
    kj_clock_init_virtual(&clock_, START);
    kj_buf_init(&trace, 0);
    return kj_loop_create(&clock_, &loop, NULL);
}

static int teardown(void **state)
{
    (void)state;
    kj_loop_destroy(loop);
    kj_buf_fini(&trace);
    return 0;
}

static void note(const char *what)
{
    kj_buf_addf(&trace, "%s@%d ", what, (int)(kj_loop_now(loop) - START));
}

static void stop(void *arg)
{
    (void)arg;
    note("idle");
    kj_loop_stop(loop);
}

struct noted {
    struct kj_timer timer;
    struct kj_task task;
    const char *timer_name, *task_name;
};

static void run_task(struct kj_task *task)
{
    struct noted *noted = (struct noted *)((char *)task - offsetof(struct noted, task));
    note(noted->task_name);
}

static void fire(void *arg)
{
    struct noted *noted = arg;
    note(noted->timer_name);
    if (noted->task_name)
        kj_loop_post(loop, &noted->task);
}

static void init(struct noted *noted, const char *timer_name, const char *task_name)
{
    *noted =
        (struct noted){.timer_name = timer_name, .task_name = task_name, .task = {.run = run_task}};
    kj_timer_init(&noted->timer, fire, noted);
}

static void timers_fire_in_order_each_with_its_tasks(void **state)
{
    (void)state;
    struct noted a, b, c, past, negative;
    init(&a, "a", "A");
    init(&b, "b", "B");
    init(&c, "c", NULL);
    init(&past, "past", NULL);
    init(&negative, "negative", NULL);
    kj_timer_start(loop, &b.timer, 3600000);
    kj_timer_start_at(loop, &a.timer, START + 3600000); // the same instant, started later
    kj_timer_start(loop, &c.timer, 60000);
    kj_timer_start_at(loop, &past.timer, START - 5); // both are due now, in this order
    kj_timer_start(loop, &negative.timer, -10);
    kj_loop_release(loop, INT64_MAX, stop, NULL);
    kj_loop_run(loop);
    assert_string_equal(trace.data,
                        "past@0 negative@0 c@60000 b@3600000 B@3600000 a@3600000 A@3600000 "
                        "idle@3600000 ");
}

static void time_passes_up_to_until_and_is_held_there(void **state)
{
    (void)state;
    struct noted at, behind;
    init(&at, "at", NULL);
    init(&behind, "behind", NULL);
    kj_timer_start(loop, &at.timer, 100);
    kj_timer_start(loop, &behind.timer, 201);
    kj_loop_release(loop, START + 100, stop, NULL);
    kj_loop_run(loop);
    kj_loop_release(loop, START + 200, stop, NULL);
    kj_loop_run(loop);
    kj_timer_stop(loop, &behind.timer);
    kj_timer_start_at(loop, &behind.timer, INT64_MAX); // never
    kj_loop_release(loop, INT64_MAX, stop, NULL);
    kj_loop_run(loop);
    assert_string_equal(trace.data, "at@100 idle@100 idle@200 idle@200 ");
    kj_timer_stop(loop, &behind.timer);
}

static void release_again(void *arg)
{
    note("idle");
    kj_loop_release(loop, START + 70, stop, arg);
}

static void idle_may_release_again(void **state)
{
    (void)state;
    struct noted a;
    init(&a, "a", NULL);
    kj_timer_start(loop, &a.timer, 60);
    kj_loop_release(loop, START + 50, release_again, NULL);
    kj_loop_run(loop);
    assert_string_equal(trace.data, "idle@50 a@60 idle@70 ");
}

static struct kj_external first, second;

static void end_both(void *arg)
{
    (void)arg;
    kj_external_end(loop, &second);
    kj_external_end(loop, &first);
}

static void on_uv_timer(uv_timer_t *timer)
{
    note("input");
    if (timer->data) {
        end_both(NULL);
        return;
    }
    kj_loop_stop(loop);
}

static uv_timer_t *input_in(uint64_t real_ms, void *data)
{
    uv_timer_t *timer = malloc(sizeof *timer);
    uv_timer_init(kj_loop_uv(loop), timer);
    timer->data = data;
    uv_timer_start(timer, on_uv_timer, real_ms, 0);
    return timer;
}

static void on_closed(uv_handle_t *handle)
{
    free(handle);
}

static void only_note(void *arg)
{
    (void)arg;
    note("idle");
}

static void idle_is_called_once(void **state)
{
    (void)state;
    uv_timer_t *input = input_in(3, NULL);
    kj_loop_release(loop, START + 50, only_note, NULL);
    kj_loop_run(loop); // until the input stops it
    assert_string_equal(trace.data, "idle@50 input@50 ");
    uv_close((uv_handle_t *)input, on_closed);
}

static int settle_calls;
static bool settled;
static struct noted flushed;

// Makes work once, when time stands at the timer.
static bool settle(void *arg)
{
    (void)arg;
    settle_calls++;
    if (settled || kj_loop_now(loop) != START + 10)
        return false;
    settled = true;
    kj_loop_post(loop, &flushed.task);
    return true;
}

static void settle_runs_before_time_moves(void **state)
{
    (void)state;
    struct noted a;
    settle_calls = 0;
    settled = false;
    init(&a, "a", "A");
    init(&flushed, "", "flushed");
    kj_loop_on_settle(loop, settle, NULL);
    kj_timer_start(loop, &a.timer, 10);
    kj_loop_release(loop, START + 20, stop, NULL);
    kj_loop_run(loop);
    assert_string_equal(trace.data, "a@10 A@10 flushed@10 idle@20 ");
    assert_true(settle_calls >= 3); // again after the work it made
}

static void externals_hold_time_and_end_in_the_order_of_begin(void **state)
{
    (void)state;
    struct noted a, b, c;
    init(&a, "timer", "first");
    init(&b, "", "second");
    init(&c, "", "abandoned");
    struct kj_external third;
    kj_timer_start(loop, &a.timer, 10);
    kj_external_begin(loop, &first, &a.task);
    kj_external_begin(loop, &third, &c.task);
    kj_external_begin(loop, &second, &b.task);
    kj_external_abandon(loop, &third);
    uv_timer_t *input = input_in(5, loop);
    kj_loop_release(loop, START + 20, stop, NULL);
    a.task_name = "first";
    kj_loop_run(loop);
    assert_string_equal(trace.data, "input@0 first@0 second@0 timer@10 first@10 idle@20 ");
    uv_close((uv_handle_t *)input, on_closed);
}

static void held_time_still_serves_input(void **state)
{
    (void)state;
    struct noted a;
    init(&a, "a", NULL);
    kj_timer_start(loop, &a.timer, 10);
    uv_timer_t *input = input_in(2, NULL);
    kj_loop_run(loop); // never released
    assert_string_equal(trace.data, "input@0 ");
    kj_timer_stop(loop, &a.timer);
    uv_close((uv_handle_t *)input, on_closed);
}

static void fire_forever(void *arg)
{
    kj_timer_start(loop, arg, 1000);
}

static void running_time_still_serves_input(void **state)
{
    (void)state;
    struct kj_timer forever;
    kj_timer_init(&forever, fire_forever, &forever);
    kj_timer_start(loop, &forever, 1000);
    uv_timer_t *input = input_in(5, NULL);
    kj_loop_release(loop, INT64_MAX, stop, NULL);
    kj_loop_run(loop);
    assert_true(kj_loop_now(loop) > START + 1000);
    kj_timer_stop(loop, &forever);
    uv_close((uv_handle_t *)input, on_closed);
}

static void post_forever(struct kj_task *task)
{
    kj_loop_post(loop, task);
}

static void an_endless_turn_can_be_stopped(void **state)
{
    (void)state;
    struct kj_task chain = {.run = post_forever};
    kj_loop_post(loop, &chain);
    uv_timer_t *input = input_in(1, NULL);
    kj_loop_run(loop);
    assert_string_equal(trace.data, "input@0 ");
    uv_close((uv_handle_t *)input, on_closed);
}

static bool left_over;

static void on_input(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    left_over = true; // as a request to an inline store: no task, only work for who settles
    uv_poll_stop(poll);
}

static bool take_left_over(void *arg)
{
    (void)arg;
    if (left_over)
        kj_loop_stop(loop);
    return left_over;
}

static void take_long(struct kj_task *task)
{
    (void)task;
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL); // so that input is looked at
}

// What a glance at the input leaves to be settled must not be slept over.
static void settle_after_a_glance(void **state)
{
    struct kj_task task = {.run = take_long};
    uv_poll_t poll;
    int ends[2];
    (void)state;
    left_over = false;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    uv_poll_init(kj_loop_uv(loop), &poll, ends[0]);
    uv_poll_start(&poll, UV_READABLE, on_input);
    kj_loop_on_settle(loop, take_left_over, NULL);
    kj_loop_post(loop, &task);
    alarm(20);
    kj_loop_run(loop);
    alarm(0);
    assert_true(left_over);
    uv_close((uv_handle_t *)&poll, NULL);
    uv_run(kj_loop_uv(loop), UV_RUN_NOWAIT);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(timers_fire_in_order_each_with_its_tasks),
        T(time_passes_up_to_until_and_is_held_there),
        T(idle_may_release_again),
        T(idle_is_called_once),
        T(settle_runs_before_time_moves),
        T(settle_after_a_glance),
        T(externals_hold_time_and_end_in_the_order_of_begin),
        T(held_time_still_serves_input),
        T(running_time_still_serves_input),
        T(an_endless_turn_can_be_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
