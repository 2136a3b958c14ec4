// The durable queue on a virtual clock and a store in memory.
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include "base/alloc.h"
#include "engine/queue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int64_t k_start = 1772427600000;

struct world {
    struct kj_clock clock;
    struct kj_loop *loop;
    struct kj_store *store;
    struct kj_queue *queue;
    char order[256]; // payload.name of what ran, in order
    int64_t at[64];  // when
    size_t runs;
    enum kj_job_verdict verdict; // how the next runs end
    struct kj_running *kept;     // a run that does not end
    bool keep;
};

static void on_idle(void *arg)
{
    kj_loop_stop(((struct world *)arg)->loop);
}

// Lets time pass; returns when nothing is left to do before `ms` from the start.
static void pass(struct world *world, int64_t ms)
{
    kj_loop_release(world->loop, k_start + ms, on_idle, world);
    kj_loop_run(world->loop);
}

static void run_job(void *arg, struct kj_running *running)
{
    struct world *world = arg;
    const bson_t *job = kj_running_job(running);
    assert_string_equal(kj_doc_text(job, "state", ""), "running");
    strncat(world->order, kj_doc_text(job, "payload.name", "?"),
            sizeof world->order - strlen(world->order) - 1);
    world->at[world->runs++ % 64] = kj_loop_now(world->loop) - k_start;
    if (world->keep) {
        world->kept = running;
        return;
    }
    struct kj_job_end end = {.verdict = world->verdict, .reason = "said the test"};
    if (world->verdict == KJ_JOB_WAIT)
        end.due = kj_loop_now(world->loop) + 60000;
    kj_running_end(running, &end);
}

static void on_started(void *arg, int status)
{
    (void)arg;
    assert_int_equal(status, KJ_OK);
}

static void open_queue(struct world *world, int concurrency)
{
    assert_int_equal(kj_queue_create(world->loop, world->store, "here", 1, &world->queue), KJ_OK);
    struct kj_job_kind kind = {.name = "test",
                               .concurrency = concurrency,
                               .max_attempts = 3,
                               .run = run_job,
                               .arg = world};
    kj_queue_register(world->queue, &kind);
    kj_queue_start(world->queue, on_started, world);
}

static int64_t now_of(void *arg)
{
    return kj_loop_now(arg);
}

static struct world *open_world(int concurrency)
{
    struct world *world = KJ_NEW(struct world);
    struct kj_fault fault;
    kj_clock_init_virtual(&world->clock, k_start);
    assert_int_equal(kj_loop_create(&world->clock, &world->loop, &fault), KJ_OK);
    struct kj_store_config config = {
        .path = ":memory:", .host = "here", .now = now_of, .now_arg = world->loop};
    assert_int_equal(kj_sqlite_create(world->loop, &config, &world->store, &fault), KJ_OK);
    open_queue(world, concurrency);
    return world;
}

static void close_world(struct world *world)
{
    kj_queue_destroy(world->queue);
    kj_store_destroy(world->store);
    kj_loop_destroy(world->loop);
    free(world);
}

static void ignore(struct kj_store_request *request)
{
    (void)request;
}

static void put(struct world *world, const char *name, int64_t delay_ms, int priority)
{
    bson_t payload = BSON_INITIALIZER;
    int64_t now = kj_loop_now(world->loop);
    kj_doc_put_text(&payload, "name", name);
    struct kj_store_request *request = kj_store_request(1, "default", ignore, NULL);
    request->ops[0].verb = KJ_STORE_INSERT;
    request->ops[0].coll = KJ_JOBS;
    kj_store_own_doc(request, 0, kj_job_new("test", NULL, now + delay_ms, priority, &payload, now));
    kj_store_submit(world->store, request);
    kj_queue_wake(world->queue, "test", now + delay_ms);
    bson_destroy(&payload);
}

struct read {
    bson_t *doc;
};

static void on_read(struct kj_store_request *request)
{
    struct read *read = request->arg;
    if (request->ops[0].n_docs)
        read->doc = bson_copy(request->ops[0].docs[0]);
}

// The job with this id, as stored; the caller destroys it.
static bson_t *stored(struct world *world, int64_t id)
{
    struct read read = {0};
    kj_store_get(world->store, "default", KJ_JOBS, id, NULL, on_read, &read);
    pass(world, kj_loop_now(world->loop) - k_start);
    assert_non_null(read.doc);
    return read.doc;
}

static void assert_state(struct world *world, int64_t id, const char *state)
{
    bson_t *job = stored(world, id);
    assert_string_equal(kj_doc_text(job, "state", ""), state);
    bson_destroy(job);
}

static void test_priority_then_due(void **state)
{
    struct world *world = open_world(1);
    (void)state;
    put(world, "c", 0, 10);
    put(world, "a", 0, 90);
    put(world, "d", 5000, 99);
    put(world, "b", 0, 50);
    pass(world, 1000);
    assert_string_equal(world->order, "abc");
    pass(world, 10000);
    assert_string_equal(world->order, "abcd");
    assert_int_equal(world->at[3], 5000); // never early, never late
    assert_state(world, 1, "done");
    close_world(world);
}

static void test_retry_backs_off_then_dies(void **state)
{
    struct world *world = open_world(4);
    (void)state;
    world->verdict = KJ_JOB_RETRY;
    put(world, "x", 0, 50);
    pass(world, 3600000);
    assert_string_equal(world->order, "xxx");
    assert_true(world->at[1] - world->at[0] >= 1000);
    assert_true(world->at[2] - world->at[1] >= 2000);
    assert_state(world, 1, "dead");
    close_world(world);
}

static void test_wait_consumes_no_attempt(void **state)
{
    struct world *world = open_world(4);
    (void)state;
    world->verdict = KJ_JOB_WAIT;
    put(world, "w", 0, 50);
    pass(world, 60000 * 9 + 1000);
    assert_string_equal(world->order, "wwwwwwwwww");
    bson_t *job = stored(world, 1);
    assert_int_equal(kj_doc_int(job, "attempts", -1), 0);
    bson_destroy(job);
    world->verdict = KJ_JOB_PARKED;
    pass(world, 60000 * 11);
    job = stored(world, 1);
    assert_string_equal(kj_doc_text(job, "state", ""), "parked");
    assert_string_equal(kj_doc_text(job, "reason", ""), "said the test");
    bson_destroy(job);
    close_world(world);
}

static void test_concurrency_and_hold(void **state)
{
    struct world *world = open_world(2);
    (void)state;
    world->keep = true;
    for (int i = 0; i < 5; i++)
        put(world, "k", 0, 50);
    pass(world, 1000);
    assert_int_equal(world->runs, 2);
    assert_int_equal(kj_queue_running(world->queue, "test"), 2);
    kj_queue_hold(world->queue, "test", true);
    struct kj_job_end done = {.verdict = KJ_JOB_DONE};
    kj_running_end(world->kept, &done);
    pass(world, 2000);
    assert_int_equal(world->runs, 2);
    kj_queue_hold(world->queue, "test", false);
    pass(world, 3000);
    assert_int_equal(world->runs, 3);
    close_world(world);
}

static void test_recovery_takes_up_what_ran(void **state)
{
    struct world *world = open_world(2);
    (void)state;
    world->keep = true;
    put(world, "r", 0, 50);
    pass(world, 1000);
    assert_state(world, 1, "running");
    kj_queue_destroy(world->queue); // as a crash: the store still says running
    open_queue(world, 2);
    world->keep = false;
    world->verdict = KJ_JOB_DONE;
    pass(world, 2000);
    assert_string_equal(world->order, "rr");
    assert_state(world, 1, "done");
    close_world(world);
}

static void test_poison_job_parks(void **state)
{
    struct world *world = open_world(2);
    (void)state;
    world->keep = true;
    put(world, "p", 0, 50);
    for (int life = 0; life < KJ_RECOVERY_LIMIT + 3; life++) {
        pass(world, 1000 * (life + 1));
        kj_queue_destroy(world->queue);
        open_queue(world, 2);
    }
    pass(world, 60000);
    assert_int_equal(strlen(world->order), KJ_RECOVERY_LIMIT + 1);
    assert_state(world, 1, "parked");
    close_world(world);
}

static void on_saved(void *arg, int status)
{
    *(int *)arg = status;
}

static void test_a_job_changed_by_others_is_no_longer_ours(void **state)
{
    struct world *world = open_world(2);
    int status = -99;
    (void)state;
    world->keep = true;
    put(world, "s", 0, 50);
    pass(world, 1000);
    bson_t *job = stored(world, 1), changes = BSON_INITIALIZER;
    struct kj_store_request *request = kj_store_request(1, "default", ignore, NULL);
    request->ops[0].verb = KJ_STORE_REPLACE;
    request->ops[0].coll = KJ_JOBS;
    request->ops[0].id = 1;
    request->ops[0].version = kj_doc_int(job, "version", 0);
    kj_store_own_doc(request, 0, bson_copy(job));
    kj_store_submit(world->store, request);
    kj_doc_put_text(&changes, "stage", "later");
    kj_running_save(world->kept, &changes, NULL, on_saved, &status);
    pass(world, 2000);
    assert_int_equal(status, KJ_ECONFLICT);
    assert_int_equal(kj_queue_running(world->queue, NULL), 0);
    bson_destroy(&changes);
    bson_destroy(job);
    close_world(world);
}

static void on_drained(void *arg)
{
    ++*(int *)arg;
}

static void test_drain_waits_for_what_runs(void **state)
{
    struct world *world = open_world(2);
    int drained = 0;
    (void)state;
    world->keep = true;
    put(world, "1", 0, 50);
    pass(world, 1000);
    kj_queue_drain(world->queue, 60000, on_drained, &drained);
    put(world, "2", 0, 50);
    pass(world, 2000);
    assert_int_equal(drained, 0);
    struct kj_job_end done = {.verdict = KJ_JOB_DONE};
    kj_running_end(world->kept, &done);
    pass(world, 3000);
    assert_int_equal(drained, 1);
    assert_string_equal(world->order, "1"); // nothing new was claimed
    close_world(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_priority_then_due),
        cmocka_unit_test(test_retry_backs_off_then_dies),
        cmocka_unit_test(test_wait_consumes_no_attempt),
        cmocka_unit_test(test_concurrency_and_hold),
        cmocka_unit_test(test_recovery_takes_up_what_ran),
        cmocka_unit_test(test_poison_job_parks),
        cmocka_unit_test(test_a_job_changed_by_others_is_no_longer_ours),
        cmocka_unit_test(test_drain_waits_for_what_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
