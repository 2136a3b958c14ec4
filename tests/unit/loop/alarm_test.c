// A timer that was armed for an instant since given up must not leave the loop asleep for ever.
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "loop/loop.h"

#include <pthread.h>
#include <unistd.h>

static struct kj_clock clock_;
static struct kj_loop *loop;
static struct kj_timer given_up, wanted;

static void on_given_up(void *arg)
{
    (void)arg;
    fail();
}

static void on_wanted(void *arg)
{
    (void)arg;
    kj_loop_stop(loop);
}

// Gives the first timer up, and goes on until its instant has passed.
static void give_up(struct kj_task *task)
{
    (void)task;
    kj_timer_stop(loop, &given_up);
    usleep(40000);
}

static void *post_later(void *task)
{
    usleep(10000);
    kj_loop_post_from_thread(loop, task);
    return NULL;
}

static void test_an_old_alarm(void **state)
{
    struct kj_task task = {.run = give_up};
    pthread_t thread;
    (void)state;
    kj_clock_init_system(&clock_);
    assert_int_equal(kj_loop_create(&clock_, &loop, NULL), 0);
    kj_timer_init(&given_up, on_given_up, NULL);
    kj_timer_init(&wanted, on_wanted, NULL);
    alarm(20); // instead of hanging
    kj_timer_start(loop, &given_up, 30);
    kj_timer_start(loop, &wanted, 150);
    int64_t begun = kj_loop_mono(loop);
    assert_int_equal(pthread_create(&thread, NULL, post_later, &task), 0);
    kj_loop_run(loop);
    assert_in_range(kj_loop_mono(loop) - begun, 150, 10000);
    pthread_join(thread, NULL);
    kj_loop_destroy(loop);
    alarm(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_an_old_alarm)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
