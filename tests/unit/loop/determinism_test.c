// Determinism: the same scenario on a virtual clock leaves the same trace, however the outside
// world shuffles its completions.
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "base/rng.h"
#include "base/str.h"
#include "loop/loop.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct kj_clock clock_;
static struct kj_loop *loop;
static struct kj_buf trace;

static void note(const char *what)
{
    kj_buf_addf(&trace, "%s@%d ", what, (int)kj_loop_now(loop));
}

static void stop(void *arg)
{
    (void)arg;
    note("idle");
    kj_loop_stop(loop);
}

// The scenario: actors that wait on timers, start external work on threads of random real
// duration, and post tasks. Virtual delays come from a generator that every run shares, real ones
// from a generator of its own per run.
enum { ACTORS = 6, STEPS = 4, BURST = 4 };

struct job {
    struct actor *actor;
    int number;
    struct kj_task worked, followup, ended;
    struct kj_external external;
    pthread_t thread;
    long real_us;
};

struct actor {
    int number, step, open;
    struct kj_timer timer;
    struct job jobs[BURST];
};

static struct actor actors[ACTORS];
static uint64_t real_seed;

static void log_actor(const struct actor *actor, const char *what, int job)
{
    char text[64];
    snprintf(text, sizeof text, "%s%d.%d.%d", what, actor->number, actor->step, job);
    note(text);
}

static void *work_really(void *arg)
{
    struct job *job = arg;
    nanosleep(&(struct timespec){.tv_nsec = job->real_us * 1000}, NULL);
    kj_loop_post_from_thread(loop, &job->ended);
    return NULL;
}

static void on_ended(struct kj_task *task)
{
    struct job *job = (struct job *)((char *)task - offsetof(struct job, ended));
    pthread_join(job->thread, NULL);
    kj_external_end(loop, &job->external);
}

static void on_fire(void *arg)
{
    struct actor *actor = arg;
    struct kj_rng rng;
    kj_rng_keyed(&rng, real_seed, "real", (uint64_t)(actor->number * STEPS + actor->step));
    log_actor(actor, "start", 0);
    for (int i = 0; i < BURST; i++) {
        struct job *job = &actor->jobs[i];
        job->real_us = (long)kj_rng_range(&rng, 0, 1000);
        kj_external_begin(loop, &job->external, &job->worked);
        assert_int_equal(pthread_create(&job->thread, NULL, work_really, job), 0);
    }
    actor->open = BURST;
}

static void on_followup(struct kj_task *task)
{
    struct job *job = (struct job *)((char *)task - offsetof(struct job, followup));
    struct actor *actor = job->actor;
    struct kj_rng rng;
    kj_rng_keyed(&rng, 7, "virtual", (uint64_t)(actor->number * STEPS + actor->step));
    log_actor(actor, "next", job->number);
    if (--actor->open == 0 && ++actor->step < STEPS)
        kj_timer_start(loop, &actor->timer, kj_rng_range(&rng, 0, 5)); // many at one instant
}

static void on_worked(struct kj_task *task)
{
    struct job *job = (struct job *)((char *)task - offsetof(struct job, worked));
    log_actor(job->actor, "done", job->number);
    kj_loop_post(loop, &job->followup);
}

static void init_actor(struct actor *actor, int number)
{
    *actor = (struct actor){.number = number};
    for (int i = 0; i < BURST; i++)
        actor->jobs[i] = (struct job){.actor = actor,
                                      .number = i,
                                      .worked = {.run = on_worked},
                                      .followup = {.run = on_followup},
                                      .ended = {.run = on_ended}};
    kj_timer_init(&actor->timer, on_fire, actor);
    kj_timer_start(loop, &actor->timer, number % 3);
}

static char *run_scenario(uint64_t seed)
{
    real_seed = seed;
    kj_clock_init_virtual(&clock_, 0);
    kj_buf_init(&trace, 0);
    assert_int_equal(kj_loop_create(&clock_, &loop, NULL), 0);
    for (int i = 0; i < ACTORS; i++)
        init_actor(&actors[i], i);
    kj_loop_release(loop, INT64_MAX, stop, NULL);
    kj_loop_run(loop);
    char *text = kj_buf_take(&trace);
    kj_loop_destroy(loop);
    kj_buf_fini(&trace);
    return text;
}

static void the_same_scenario_leaves_the_same_trace(void **state)
{
    (void)state;
    char *expected = run_scenario(0);
    assert_non_null(strstr(expected, "next5.3.3@"));
    for (uint64_t seed = 1; seed < 6; seed++) {
        char *again = run_scenario(seed);
        assert_string_equal(again, expected);
        free(again);
    }
    free(expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_scenario_leaves_the_same_trace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
