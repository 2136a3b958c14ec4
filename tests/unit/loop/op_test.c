// Operations: exactly once, whatever finish, cancel, deadline and re-entrance do to each other.
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "base/rng.h"
#include "loop/op.h"

#include <stdlib.h>
#include <string.h>

static struct kj_clock clock_;
static struct kj_loop *loop;
static struct kj_ops *ops;

static int setup(void **state)
{
    (void)state;
    kj_clock_init_virtual(&clock_, 0);
    return kj_loop_create(&clock_, &loop, NULL) || kj_ops_create(loop, 1000, &ops);
}

static int teardown(void **state)
{
    (void)state;
    kj_ops_destroy(ops);
    kj_loop_destroy(loop);
    return 0;
}

static void stop(void *arg)
{
    (void)arg;
    kj_loop_stop(loop);
}

static void pass(int64_t until)
{
    kj_loop_release(loop, until, stop, NULL);
    kj_loop_run(loop);
}

struct outcome {
    int calls, status;
    uint64_t id;
    const void *result;
};

static void record(void *arg, uint64_t id, int status, const void *result)
{
    struct outcome *outcome = arg;
    outcome->calls++;
    outcome->status = status;
    outcome->id = id;
    outcome->result = result;
    assert_false(kj_op_open(ops, id));
    assert_int_equal(kj_op_finish(ops, id, 0, NULL), KJ_ENOTFOUND);
}

static void finish_counts_once(void **state)
{
    (void)state;
    struct outcome o = {0};
    uint64_t id = kj_op_begin(ops, 0, record, &o);
    assert_true(id != 0);
    assert_true(kj_op_open(ops, id));
    assert_ptr_equal(kj_op_arg(ops, id), &o);
    assert_int_equal(kj_op_left_ms(ops, id), INT64_MAX);
    assert_int_equal(kj_ops_count(ops), 1);
    assert_int_equal(kj_op_finish(ops, id, 7, "result"), 0);
    assert_int_equal(kj_op_finish(ops, id, 8, NULL), KJ_ENOTFOUND);
    assert_int_equal(kj_op_cancel(ops, id), KJ_ENOTFOUND);
    assert_int_equal(o.calls, 1);
    assert_int_equal(o.status, 7);
    assert_true(o.id == id);
    assert_string_equal(o.result, "result");
    assert_null(kj_op_arg(ops, id));
    assert_int_equal(kj_op_left_ms(ops, id), 0);
    assert_int_equal(kj_ops_count(ops), 0);
}

static void deadlines_pass_on_the_clock_of_the_loop(void **state)
{
    (void)state;
    struct outcome late = {0}, ready = {0}, canceled = {0};
    uint64_t id = kj_op_begin(ops, 3600000, record, &late);
    uint64_t quick = kj_op_begin(ops, 1000, record, &ready);
    uint64_t dropped = kj_op_begin(ops, 1000, record, &canceled);
    assert_int_equal(kj_op_finish(ops, quick, 0, NULL), 0);
    assert_int_equal(kj_op_cancel(ops, dropped), 0);
    pass(3599999);
    assert_int_equal(late.calls, 0);
    assert_int_equal(kj_op_left_ms(ops, id), 1);
    pass(3600000);
    assert_int_equal(late.calls, 1);
    assert_int_equal(late.status, KJ_ETIMEDOUT);
    assert_null(late.result);
    assert_int_equal(ready.calls, 1);
    assert_int_equal(ready.status, 0);
    assert_int_equal(canceled.calls, 1);
    assert_int_equal(canceled.status, KJ_ECANCELED);
}

static void old_and_forged_ids_are_refused(void **state)
{
    (void)state;
    uint64_t seen[600];
    struct outcome o = {0};
    for (int i = 0; i < 600; i++) { // through every slot of the table, more than once
        seen[i] = kj_op_begin(ops, 0, record, &o);
        assert_true(seen[i] != 0);
        assert_int_equal(kj_op_finish(ops, seen[i], 0, NULL), 0);
        for (int k = 0; k < i; k++)
            assert_true(seen[k] != seen[i]);
    }
    uint64_t id = kj_op_begin(ops, 0, record, &o);
    for (int i = 0; i < 600; i++)
        assert_int_equal(kj_op_finish(ops, seen[i], 0, NULL), KJ_ENOTFOUND);
    assert_int_equal(kj_op_finish(ops, 0, 0, NULL), KJ_ENOTFOUND);
    assert_int_equal(kj_op_finish(ops, UINT64_MAX, 0, NULL), KJ_ENOTFOUND);
    assert_int_equal(kj_op_finish(ops, id + 1, 0, NULL), KJ_ENOTFOUND); // a slot never used
    assert_int_equal(kj_op_finish(ops, id + (1ull << 32), 0, NULL), KJ_ENOTFOUND);
    assert_int_equal(o.calls, 600);
    assert_int_equal(kj_op_finish(ops, id, 0, NULL), 0);
}

static void the_limit_counts_open_operations(void **state)
{
    (void)state;
    struct outcome o = {0};
    uint64_t ids[1000];
    for (int i = 0; i < 1000; i++)
        assert_true((ids[i] = kj_op_begin(ops, 50, record, &o)) != 0);
    assert_true(kj_op_begin(ops, 0, record, &o) == 0);
    assert_int_equal(kj_op_finish(ops, ids[500], 0, NULL), 0);
    uint64_t last = kj_op_begin(ops, 0, record, &o);
    assert_true(last != 0);
    pass(100);
    assert_int_equal(o.calls, 1000);
    assert_int_equal(kj_ops_count(ops), 1);
    assert_int_equal(kj_op_cancel(ops, last), 0);
    assert_int_equal(o.calls, 1001);
}

struct chain {
    int left;
    uint64_t other; // finished by the first callback
    struct outcome other_outcome;
};

static void begin_next(void *arg, uint64_t id, int status, const void *result)
{
    struct chain *chain = arg;
    (void)status;
    (void)result;
    if (chain->other) {
        uint64_t other = chain->other;
        chain->other = 0;
        assert_int_equal(kj_op_finish(ops, other, 5, NULL), 0);
    }
    if (chain->left-- == 0)
        return;
    uint64_t next = kj_op_begin(ops, 10, begin_next, chain);
    assert_true(next != 0 && next != id);
    if (chain->left % 2)
        assert_int_equal(kj_op_finish(ops, next, 0, NULL), 0); // within its own begin's caller
}

static void done_may_begin_and_finish_others(void **state)
{
    (void)state;
    struct chain chain = {.left = 20};
    chain.other = kj_op_begin(ops, 10, record, &chain.other_outcome);
    uint64_t id = kj_op_begin(ops, 10, begin_next, &chain);
    assert_int_equal(kj_op_cancel(ops, id), 0);
    pass(1000);
    assert_int_equal(chain.left, -1);
    assert_int_equal(chain.other_outcome.calls, 1);
    assert_int_equal(chain.other_outcome.status, 5);
    assert_int_equal(kj_ops_count(ops), 0);
}

static struct outcome victims[3];
static uint64_t victim_ids[3];

static void on_destroy(void *arg, uint64_t id, int status, const void *result)
{
    record(arg, id, status, result);
    assert_true(kj_op_begin(ops, 0, record, arg) == 0);
    (void)!kj_op_finish(ops, victim_ids[2], 9, NULL); // open only the first time
}

static void destroy_cancels_what_is_open(void **state)
{
    (void)state;
    memset(victims, 0, sizeof victims);
    for (int i = 0; i < 3; i++)
        victim_ids[i] = kj_op_begin(ops, 100, on_destroy, &victims[i]);
    kj_ops_destroy(ops);
    ops = NULL; // destroy takes NULL, too
    for (int i = 0; i < 3; i++)
        assert_int_equal(victims[i].calls, 1);
    assert_int_equal(victims[0].status, KJ_ECANCELED);
    assert_int_equal(victims[2].status, 9);
    pass(1000); // no timer is left that points into the table
}

static void random_use_calls_done_exactly_once(void **state)
{
    (void)state;
    enum { N = 3000 };
    struct outcome *o = calloc(N, sizeof *o);
    uint64_t *ids = calloc(N, sizeof *ids);
    struct kj_rng rng;
    kj_rng_init(&rng, 42);
    int begun = 0;
    for (int64_t now = 0; begun < N; now++) {
        for (int i = 0; i < 10 && begun < N; i++) {
            ids[begun] = kj_op_begin(ops, kj_rng_range(&rng, 0, 20), record, &o[begun]);
            assert_true(ids[begun] != 0);
            begun++;
        }
        for (int i = 0; i < 30; i++) {
            int at = (int)kj_rng_range(&rng, 0, begun - 1);
            bool open = kj_op_open(ops, ids[at]);
            int rc = kj_rng_unit(&rng) < 0.5 ? kj_op_cancel(ops, ids[at])
                                             : kj_op_finish(ops, ids[at], 1, NULL);
            assert_int_equal(rc, open ? 0 : KJ_ENOTFOUND);
        }
        pass(now);
    }
    for (int i = 0; i < N; i++) {
        (void)!kj_op_cancel(ops, ids[i]);
        assert_int_equal(o[i].calls, 1);
        assert_true(o[i].id == ids[i]);
    }
    free(o);
    free(ids);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(finish_counts_once),
        T(deadlines_pass_on_the_clock_of_the_loop),
        T(old_and_forged_ids_are_refused),
        T(the_limit_counts_open_operations),
        T(done_may_begin_and_finish_others),
        T(destroy_cancels_what_is_open),
        T(random_use_calls_done_exactly_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
