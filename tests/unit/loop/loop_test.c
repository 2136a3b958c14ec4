// The loop on real clocks: order, fairness, threads, timers, clock steps, life and death.
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "loop/loop.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct kj_clock clock_;
static struct kj_loop *loop;

static int setup(void **state)
{
    (void)state;
    kj_clock_init_system(&clock_);
    return kj_loop_create(&clock_, &loop, NULL);
}

static int teardown(void **state)
{
    (void)state;
    kj_loop_destroy(loop);
    return 0;
}

struct noted {
    struct kj_task task;
    char letter;
    bool again, stop;
};

static char trace[256];

static void note(char letter)
{
    size_t length = strlen(trace);
    if (length + 1 < sizeof trace) {
        trace[length] = letter;
        trace[length + 1] = 0;
    }
}

static void run_noted(struct kj_task *task)
{
    struct noted *noted = (struct noted *)task;
    note(noted->letter);
    if (noted->again) {
        noted->again = false;
        kj_loop_post(loop, task);
    } else if (noted->stop) {
        kj_loop_stop(loop);
    }
}

static struct noted make(char letter)
{
    return (struct noted){.task = {.run = run_noted}, .letter = letter};
}

static void tasks_run_in_order_and_may_post_themselves_again(void **state)
{
    (void)state;
    trace[0] = 0;
    struct noted a = make('a'), b = make('b'), c = make('c');
    a.again = true;
    c.again = c.stop = true;
    kj_loop_post(loop, &a.task);
    kj_loop_post(loop, &b.task);
    kj_loop_post(loop, &c.task);
    kj_loop_run(loop);
    assert_string_equal(trace, "abcac");
}

static void stop_keeps_what_is_ready_for_the_next_run(void **state)
{
    (void)state;
    trace[0] = 0;
    struct noted a = make('a'), b = make('b');
    a.stop = b.stop = true;
    kj_loop_post(loop, &a.task);
    kj_loop_post(loop, &b.task);
    kj_loop_run(loop);
    assert_string_equal(trace, "a");
    kj_loop_run(loop);
    assert_string_equal(trace, "ab");
    kj_loop_stop(loop);
    kj_loop_run(loop); // stopped before it ran: comes back at once
}

static void unpost_takes_back_first_middle_and_last(void **state)
{
    (void)state;
    trace[0] = 0;
    struct noted a = make('a'), b = make('b'), c = make('c'), d = make('d'), e = make('e');
    kj_loop_post(loop, &a.task);
    kj_loop_post(loop, &b.task);
    kj_loop_post(loop, &c.task);
    kj_loop_post(loop, &d.task);
    kj_loop_post_from_thread(loop, &e.task);
    assert_true(kj_loop_unpost(loop, &a.task));
    assert_true(kj_loop_unpost(loop, &c.task));
    assert_true(kj_loop_unpost(loop, &e.task));
    assert_false(kj_loop_unpost(loop, &c.task));
    struct noted last = make('z');
    last.stop = true;
    kj_loop_post(loop, &last.task);
    kj_loop_run(loop);
    assert_string_equal(trace, "bdz");
}

static void fire_stop(void *arg)
{
    (void)arg;
    kj_loop_stop(loop);
}

static void on_uv_timer(uv_timer_t *timer)
{
    kj_loop_post(loop, timer->data);
}

static void on_closed(uv_handle_t *handle)
{
    free(handle);
}

static int posted;

static void post_forever(struct kj_task *task)
{
    posted++;
    kj_loop_post(loop, task);
}

static void an_endless_chain_starves_neither_timers_nor_sockets(void **state)
{
    (void)state;
    struct kj_task chain = {.run = post_forever};
    struct kj_timer timer;
    kj_timer_init(&timer, fire_stop, NULL);
    kj_timer_start(loop, &timer, 0);
    kj_loop_post(loop, &chain);
    posted = 0;
    kj_loop_run(loop);
    assert_in_range(posted, 1, 10000);
    uv_timer_t *input = malloc(sizeof *input);
    struct noted last = make('z');
    last.stop = true;
    uv_timer_init(kj_loop_uv(loop), input);
    input->data = &last.task;
    uv_timer_start(input, on_uv_timer, 0, 0);
    posted = 0;
    kj_loop_run(loop);
    assert_in_range(posted, 1, 10000);
    assert_true(kj_loop_unpost(loop, &chain));
    uv_close((uv_handle_t *)input, on_closed);
}

// A uv timer runs before uv polls in the same round: what it posts must not wait for other input.
static void a_task_posted_by_a_uv_callback_runs_without_other_input(void **state)
{
    (void)state;
    trace[0] = 0;
    struct noted a = make('a');
    a.stop = true;
    uv_timer_t *timer = malloc(sizeof *timer);
    uv_timer_init(kj_loop_uv(loop), timer);
    timer->data = &a.task;
    uv_timer_start(timer, on_uv_timer, 0, 0);
    kj_loop_run(loop);
    assert_string_equal(trace, "a");
    uv_close((uv_handle_t *)timer, on_closed); // its callback runs in destroy
}

static struct kj_timer rearmed;
static int fired;

static void fire_and_rearm(void *arg)
{
    (void)arg;
    assert_false(kj_timer_active(&rearmed));
    if (++fired < 3)
        kj_timer_start(loop, &rearmed, 1);
    else
        kj_loop_stop(loop);
}

static void timers_rearm_move_and_stop(void **state)
{
    (void)state;
    fired = 0;
    kj_timer_init(&rearmed, fire_and_rearm, NULL);
    assert_false(kj_timer_active(&rearmed));
    kj_timer_stop(loop, &rearmed); // stopping what does not run is fine
    kj_timer_start(loop, &rearmed, 600000);
    kj_timer_start(loop, &rearmed, 1); // moves it
    struct kj_timer never;
    kj_timer_init(&never, fire_stop, NULL);
    kj_timer_start(loop, &never, 0);
    kj_timer_stop(loop, &never);
    int64_t before = kj_loop_mono(loop);
    kj_loop_run(loop);
    assert_int_equal(fired, 3);
    assert_in_range(kj_loop_mono(loop) - before, 3, 5000);
}

struct instant {
    struct kj_timer timer;
    char letter;
};

static void fire_noted(void *arg)
{
    struct instant *instant = arg;
    note(instant->letter);
    if (instant->letter == 'z')
        kj_loop_stop(loop);
}

static void start_sooner(uv_timer_t *timer)
{
    kj_timer_start(loop, timer->data, 1);
}

// The uv timer is set to the hour already when the sooner one comes, from inside uv.
static void a_sooner_timer_moves_the_alarm_forward(void **state)
{
    (void)state;
    struct kj_timer hour, soon;
    kj_timer_init(&hour, fire_stop, NULL);
    kj_timer_init(&soon, fire_stop, NULL);
    kj_timer_start(loop, &hour, 3600000);
    uv_timer_t *input = malloc(sizeof *input);
    uv_timer_init(kj_loop_uv(loop), input);
    input->data = &soon;
    uv_timer_start(input, start_sooner, 1, 0);
    kj_loop_run(loop);
    assert_false(kj_timer_active(&soon));
    assert_true(kj_timer_active(&hour));
    kj_timer_stop(loop, &hour);
    uv_close((uv_handle_t *)input, on_closed);
}

static void wall_timers_follow_a_step_of_the_clock(void **state)
{
    (void)state;
    trace[0] = 0;
    struct instant soon = {.letter = 'a'}, later = {.letter = 'z'};
    kj_timer_init(&soon.timer, fire_noted, &soon);
    kj_timer_init(&later.timer, fire_noted, &later);
    // Put our clock an hour behind the system's, as if the system's had been set forward: the
    // instant half an hour away is in the past once that is noticed.
    clock_.wall_ahead_ns -= INT64_C(3600000) * 1000000;
    kj_timer_start_at(loop, &later.timer, kj_loop_now(loop) + 1800000);
    kj_timer_start_at(loop, &soon.timer, kj_loop_now(loop) - 1);
    kj_loop_run(loop);
    assert_string_equal(trace, "az");
}

static int64_t stepped;

static void on_step(void *arg, int64_t step_ms)
{
    assert_ptr_equal(arg, &stepped);
    stepped = step_ms;
    kj_loop_stop(loop);
}

static void listeners_hear_of_a_step(void **state)
{
    (void)state;
    kj_loop_on_step(loop, on_step, &stepped);
    clock_.wall_ahead_ns += INT64_C(10000) * 1000000;
    kj_loop_run(loop);
    assert_in_range(-stepped, 9900, 10100);
}

static void a_scaled_clock_shortens_the_wait(void **state)
{
    (void)state;
    struct kj_clock fast;
    struct kj_loop *other = loop;
    kj_clock_init_scaled(&fast, 1000000, 1000);
    assert_int_equal(kj_loop_create(&fast, &loop, NULL), 0);
    struct kj_timer timer;
    kj_timer_init(&timer, fire_stop, NULL);
    kj_timer_start_at(loop, &timer, 1000000 + 10000); // 10 s, in 10 ms
    int64_t before = kj_clock_real_mono();
    kj_loop_run(loop);
    assert_true(kj_loop_now(loop) >= 1010000);
    assert_in_range(kj_clock_real_mono() - before, 5, 5000);
    kj_loop_destroy(loop);
    loop = other;
}

enum { THREADS = 4, PER_THREAD = 2000 };

struct sent {
    struct kj_task task;
    int thread, number;
};

static struct sent sent[THREADS][PER_THREAD];
static int received, last_of[THREADS];

static void receive(struct kj_task *task)
{
    struct sent *s = (struct sent *)task;
    assert_int_equal(s->number, last_of[s->thread]++);
    if (++received == THREADS * PER_THREAD)
        kj_loop_stop(loop);
}

static void *send_all(void *arg)
{
    struct sent *mine = arg;
    for (int i = 0; i < PER_THREAD; i++)
        kj_loop_post_from_thread(loop, &mine[i].task);
    return NULL;
}

static void threads_post_in_order_and_lose_nothing(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    received = 0;
    memset(last_of, 0, sizeof last_of);
    for (int t = 0; t < THREADS; t++) {
        for (int i = 0; i < PER_THREAD; i++)
            sent[t][i] = (struct sent){.task = {.run = receive}, .thread = t, .number = i};
        assert_int_equal(pthread_create(&threads[t], NULL, send_all, sent[t]), 0);
    }
    kj_loop_run(loop);
    for (int t = 0; t < THREADS; t++)
        pthread_join(threads[t], NULL);
    assert_int_equal(received, THREADS * PER_THREAD);
}

static void externals_are_done_at_once_with_a_real_clock(void **state)
{
    (void)state;
    trace[0] = 0;
    struct noted a = make('a'), b = make('b'), c = make('c');
    struct kj_external ea, eb, ec;
    a.stop = true;
    kj_external_begin(loop, &ea, &a.task);
    kj_external_begin(loop, &eb, &b.task);
    kj_external_begin(loop, &ec, &c.task);
    kj_external_end(loop, &eb);
    kj_external_end(loop, &eb); // ignored
    kj_external_end(loop, &ec);
    kj_external_abandon(loop, &ec); // ended, but its task did not run yet
    kj_external_end(loop, &ea);
    kj_loop_run(loop);
    assert_string_equal(trace, "ba");
    kj_external_abandon(loop, &ea); // long over: nothing happens
}

static void sigpipe_is_an_error_not_the_end(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    assert_int_equal(write(ends[1], "x", 1), -1);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(tasks_run_in_order_and_may_post_themselves_again),
        T(stop_keeps_what_is_ready_for_the_next_run),
        T(unpost_takes_back_first_middle_and_last),
        T(an_endless_chain_starves_neither_timers_nor_sockets),
        T(a_task_posted_by_a_uv_callback_runs_without_other_input),
        T(timers_rearm_move_and_stop),
        T(a_sooner_timer_moves_the_alarm_forward),
        T(wall_timers_follow_a_step_of_the_clock),
        T(listeners_hear_of_a_step),
        T(a_scaled_clock_shortens_the_wait),
        T(threads_post_in_order_and_lose_nothing),
        T(externals_are_done_at_once_with_a_real_clock),
        T(sigpipe_is_an_error_not_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
