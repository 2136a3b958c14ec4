// The offload pool: every accepted work is done exactly once, on the loop thread, also when the
// pool goes away; and inline, in order, with a virtual clock.
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "loop/pool.h"

#include <pthread.h>
#include <semaphore.h>
#include <string.h>

static struct kj_clock clock_;
static struct kj_loop *loop;
static pthread_t loop_thread;

static int setup_real(void **state)
{
    (void)state;
    loop_thread = pthread_self();
    kj_clock_init_system(&clock_);
    return kj_loop_create(&clock_, &loop, NULL);
}

static int setup_virtual(void **state)
{
    (void)state;
    loop_thread = pthread_self();
    kj_clock_init_virtual(&clock_, 0);
    return kj_loop_create(&clock_, &loop, NULL);
}

static int teardown(void **state)
{
    (void)state;
    kj_loop_destroy(loop);
    return 0;
}

struct sum {
    struct kj_work work;
    int input, output, done_calls;
    bool elsewhere, stop;
};

static int done_count, stop_after;

static void add_up(struct kj_work *work)
{
    struct sum *sum = (struct sum *)work;
    sum->output = 0;
    for (int i = 1; i <= sum->input; i++)
        sum->output += i;
    sum->elsewhere = !pthread_equal(pthread_self(), loop_thread);
}

static void count_done(struct kj_work *work)
{
    struct sum *sum = (struct sum *)work;
    assert_true(pthread_equal(pthread_self(), loop_thread));
    sum->done_calls++;
    if (++done_count == stop_after)
        kj_loop_stop(loop);
}

static struct sum sums[500];

static void prepare(int count)
{
    memset(sums, 0, sizeof sums);
    for (int i = 0; i < count; i++)
        sums[i] = (struct sum){.work = {.work = add_up, .done = count_done}, .input = i};
    done_count = 0;
    stop_after = count;
}

static void threads_do_all_the_work_once(void **state)
{
    (void)state;
    struct kj_pool *pool;
    assert_int_equal(kj_pool_create(loop, "a-name-longer-than-allowed", 4, 500, &pool), 0);
    prepare(500);
    for (int i = 0; i < 500; i++)
        assert_int_equal(kj_pool_submit(pool, &sums[i].work), 0);
    kj_loop_run(loop);
    for (int i = 0; i < 500; i++) {
        assert_int_equal(sums[i].done_calls, 1);
        assert_int_equal(sums[i].output, i * (i + 1) / 2);
        assert_true(sums[i].elsewhere);
        assert_false(sums[i].work.canceled);
    }
    kj_pool_destroy(pool);
}

static sem_t entered, gate;

static void wait_at_gate(struct kj_work *work)
{
    (void)work;
    sem_post(&entered);
    sem_wait(&gate);
}

static void run_stop(struct kj_task *task)
{
    (void)task;
    kj_loop_stop(loop);
}

// What the loop still holds must not point to a pool or work that is gone.
static void run_what_is_left(void)
{
    struct kj_task stop = {.run = run_stop};
    uv_run(kj_loop_uv(loop), UV_RUN_NOWAIT); // what threads posted
    kj_loop_post(loop, &stop);
    kj_loop_run(loop);
}

static void the_queue_has_a_limit_and_destroy_hands_back_everything(void **state)
{
    (void)state;
    struct kj_pool *pool;
    sem_init(&entered, 0, 0);
    sem_init(&gate, 0, 0);
    assert_int_equal(kj_pool_create(loop, "test", 1, 2, &pool), 0);
    prepare(5);
    stop_after = 1;
    assert_int_equal(kj_pool_submit(pool, &sums[0].work), 0);
    kj_loop_run(loop);
    sums[1].work.work = wait_at_gate;
    assert_int_equal(kj_pool_submit(pool, &sums[1].work), 0);
    sem_wait(&entered); // one runs, two wait, a fourth is too many
    assert_int_equal(kj_pool_submit(pool, &sums[2].work), 0);
    assert_int_equal(kj_pool_submit(pool, &sums[3].work), 0);
    assert_int_equal(kj_pool_submit(pool, &sums[4].work), KJ_EFULL);
    assert_int_equal(done_count, 1);
    sem_post(&gate);
    kj_pool_destroy(pool); // without a turn of the loop in between
    run_what_is_left();
    assert_int_equal(sums[1].done_calls, 1);
    assert_false(sums[1].work.canceled);
    for (int i = 2; i < 4; i++) { // either ran before the thread saw the end, or is canceled
        assert_int_equal(sums[i].done_calls, 1);
        assert_int_equal(sums[i].work.canceled, !sums[i].elsewhere);
    }
    assert_int_equal(sums[4].done_calls, 0);
    struct kj_pool *none = NULL;
    kj_pool_destroy(none);
}

// How many of them the thread was handed, by the first; the others stay as they are.
static void count_together(struct kj_work *work)
{
    int count = 0;
    for (struct kj_work *one = work; one; one = one->next)
        count++;
    ((struct sum *)work)->output = count;
}

static void works_of_a_kind_in_a_row_are_handed_over_together(void **state)
{
    (void)state;
    static const char row[] = " aaaaa  bbaaaaaaaaaaaaaaaaaaaa";
    static const int expected[] = {0, 5, 0, 0, 0, 0, 1, 1, 2, 0, 16};
    struct kj_pool *pool;
    sem_init(&entered, 0, 0);
    sem_init(&gate, 0, 0);
    assert_int_equal(kj_pool_create(loop, "test", 1, 100, &pool), 0);
    prepare(30);
    for (int i = 0; i < 30; i++) {
        sums[i].work.work = i == 0 ? wait_at_gate : count_together;
        sums[i].work.together = row[i] == ' ' ? NULL : row[i] == 'a' ? &row[1] : &row[8];
        assert_int_equal(kj_pool_submit(pool, &sums[i].work), 0);
    }
    sem_wait(&entered);
    sem_post(&gate);
    kj_loop_run(loop);
    for (int i = 1; i < 11; i++)
        assert_int_equal(sums[i].output, expected[i]);
    assert_int_equal(sums[26].output, 4);
    for (int i = 0; i < 30; i++)
        assert_int_equal(sums[i].done_calls, 1);
    kj_pool_destroy(pool);
}

static void say_and_wait_at_gate(struct kj_work *work)
{
    kj_pool_takes_long();
    kj_pool_takes_long(); // once is enough
    wait_at_gate(work);
}

// Again and again: a thread that has stood back is replaced.
static void work_that_takes_long_holds_nobody_up(void **state)
{
    (void)state;
    struct kj_pool *pool;
    kj_pool_takes_long(); // not on a thread of a pool
    sem_init(&entered, 0, 0);
    sem_init(&gate, 0, 0);
    assert_int_equal(kj_pool_create(loop, "test", 1, 100, &pool), 0);
    assert_int_equal(kj_pool_spare(pool, 2), 0);
    for (int round = 0; round < 10; round++) {
        prepare(4);
        sums[0].work.work = sums[1].work.work = say_and_wait_at_gate;
        for (int i = 0; i < 4; i++)
            assert_int_equal(kj_pool_submit(pool, &sums[i].work), 0);
        stop_after = 2;
        kj_loop_run(loop); // the second two, while the first two are at it
        assert_int_equal(sums[2].done_calls + sums[3].done_calls, 2);
        stop_after = 4;
        sem_post(&gate);
        sem_post(&gate);
        kj_loop_run(loop);
        assert_int_equal(sums[0].done_calls + sums[1].done_calls, 2);
    }
    prepare(1);
    sums[0].work.work = say_and_wait_at_gate;
    assert_int_equal(kj_pool_submit(pool, &sums[0].work), 0);
    sem_post(&gate);
    kj_pool_destroy(pool);
    run_what_is_left();
    assert_int_equal(sums[0].done_calls, 1);
}

static struct kj_pool *resubmit_pool;

static void submit_again(struct kj_work *work)
{
    struct sum *sum = (struct sum *)work;
    if (++sum->done_calls < 50) {
        assert_int_equal(kj_pool_submit(resubmit_pool, work), 0);
        return;
    }
    kj_pool_destroy(resubmit_pool);
    kj_loop_stop(loop);
}

static void done_may_submit_again_and_destroy_the_pool(void **state)
{
    (void)state;
    assert_int_equal(kj_pool_create(loop, "test", 2, 1, &resubmit_pool), 0);
    prepare(1);
    sums[0].work.done = submit_again;
    assert_int_equal(kj_pool_submit(resubmit_pool, &sums[0].work), 0);
    kj_loop_run(loop);
    assert_int_equal(sums[0].done_calls, 50);
}

static void submit_while_destroyed(struct kj_work *work)
{
    count_done(work);
    assert_int_equal(kj_pool_submit(resubmit_pool, work), KJ_ECANCELED);
}

static void destroy_before_any_turn_cancels_inline_work(void **state)
{
    (void)state;
    assert_int_equal(kj_pool_create(loop, "test", 1, 2, &resubmit_pool), 0);
    prepare(2);
    stop_after = 0;
    for (int i = 0; i < 2; i++) {
        sums[i].work.done = submit_while_destroyed;
        assert_int_equal(kj_pool_submit(resubmit_pool, &sums[i].work), 0);
    }
    kj_pool_destroy(resubmit_pool);
    run_what_is_left();
    for (int i = 0; i < 2; i++) {
        assert_int_equal(sums[i].done_calls, 1);
        assert_true(sums[i].work.canceled);
    }
}

static char order[64];

static void note_work(struct kj_work *work)
{
    add_up(work);
    strcat(order, "w");
}

static void note_done(struct kj_work *work)
{
    strcat(order, "d");
    count_done(work);
}

static void note_task(struct kj_task *task)
{
    (void)task;
    strcat(order, "t");
}

static void with_a_virtual_clock_work_runs_inline_and_in_order(void **state)
{
    (void)state;
    struct kj_pool *pool;
    struct kj_task task = {.run = note_task};
    order[0] = 0;
    assert_int_equal(kj_pool_create(loop, "test", 3, 2, &pool), 0);
    prepare(3);
    stop_after = 2;
    for (int i = 0; i < 2; i++) {
        sums[i].work.work = note_work;
        sums[i].work.done = note_done;
        assert_int_equal(kj_pool_submit(pool, &sums[i].work), 0);
        if (i == 0)
            kj_loop_post(loop, &task);
    }
    assert_int_equal(kj_pool_submit(pool, &sums[2].work), KJ_EFULL);
    assert_string_equal(order, ""); // never inside submit
    kj_loop_run(loop);
    assert_string_equal(order, "wdtwd");
    assert_false(sums[0].elsewhere);
    kj_pool_destroy(pool);
}

static void nonsense_is_refused(void **state)
{
    (void)state;
    struct kj_pool *pool = NULL;
    assert_int_equal(kj_pool_create(loop, "test", 0, 1, &pool), KJ_EINVAL);
    assert_int_equal(kj_pool_create(loop, "test", 1, 0, &pool), KJ_EINVAL);
    assert_null(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define REAL(name) cmocka_unit_test_setup_teardown(name, setup_real, teardown)
#define VIRTUAL(name) cmocka_unit_test_setup_teardown(name, setup_virtual, teardown)
        REAL(threads_do_all_the_work_once),
        REAL(the_queue_has_a_limit_and_destroy_hands_back_everything),
        REAL(works_of_a_kind_in_a_row_are_handed_over_together),
        REAL(work_that_takes_long_holds_nobody_up),
        REAL(done_may_submit_again_and_destroy_the_pool),
        VIRTUAL(destroy_before_any_turn_cancels_inline_work),
        VIRTUAL(with_a_virtual_clock_work_runs_inline_and_in_order),
        REAL(nonsense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
