// Every write and flush of a group fails once, one after the other: the whole group fails with a
// sentence, nothing of it is there, and the store goes on. And a power cut takes nothing that was
// acknowledged.
#include "contract/store_world.h"
#include "unit/store/shaky_vfs.h"

static char g_folder[] = "/tmp/kj-store-fault-XXXXXX";

static void open_file(struct world *world)
{
    struct kj_fault fault = {0};
    world->config.path = world->path;
    world->config.host = "h1";
    if (kj_sqlite_create(world->loop, &world->config, &world->store, &fault) < 0)
        fail_msg("%s", fault.text);
}

static const struct factory k_inline = {"inline", true, true, open_file, NULL};
static const struct factory k_threads = {"threads", false, true, open_file, NULL};

static void begin(struct world *world, const struct factory *factory, const char *name)
{
    *world = (struct world){.factory = factory};
    snprintf(world->path, sizeof world->path, "%s/%s", g_folder, name);
    world_open(world);
}

// --- one group with a bit of everything ---

enum { REQUESTS = 6 };

struct outcome {
    struct world *world;
    int status[REQUESTS][2];
    struct kj_fault fault;
    int done;
};

static void on_done(struct kj_store_request *request)
{
    struct outcome *outcome = request->arg;
    for (size_t i = 0; i < 2; i++) {
        outcome->status[outcome->done][i] = request->ops[i].status;
        if (request->ops[i].status < 0) {
            assert_int_equal(request->ops[i].n_docs, 0);
            assert_int_equal(request->ops[i].new_id, 0);
            outcome->fault = request->fault;
        }
    }
    if (++outcome->done == REQUESTS)
        kj_loop_stop(outcome->world->loop);
}

static struct outcome run_one_group(struct world *world)
{
    struct outcome outcome = {.world = world};
    char text[3000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    bson_t *event = doc("s:name", "tick"), events = BSON_INITIALIZER;
    kj_doc_put_doc(&events, "0", event);
    for (int i = 0; i < REQUESTS; i++) {
        struct kj_store_request *request = kj_store_request(2, "w", on_done, &outcome);
        request->ops[0].verb = KJ_STORE_INSERT;
        request->ops[0].coll = KJ_CALLS;
        kj_store_own_doc(request, 0, doc("s:text s:state", text, "queued"));
        request->ops[0].events = &events;
        request->ops[1].verb = KJ_STORE_INCREMENT;
        request->ops[1].coll = KJ_COUNTERS;
        request->ops[1].key = "calls";
        kj_store_own_doc(request, 1, doc("i:n", (int64_t)1));
        kj_store_submit(world->store, request);
    }
    kj_loop_run(world->loop);
    bson_destroy(event);
    bson_destroy(&events);
    return outcome;
}

// Everything of `groups` groups is there and nothing else, told by three witnesses.
static void check_whole(struct world *world, int groups)
{
    int64_t n = (int64_t)groups * REQUESTS;
    struct kj_store_op *op = get(world, "w", KJ_COUNTERS, 0, "calls");
    assert_int_equal(groups ? kj_doc_int(op->docs[0], "n", 0) : 0, n);
    assert_int_equal(find(world, "w", KJ_CALLS, doc("s:state", "queued"), NULL, 10000)->n_docs, n);
    op = find(world, "w", KJ_EVENTS, NULL, NULL, 10000);
    assert_int_equal(op->n_docs, n);
    for (int64_t i = 0; i < n; i++)
        assert_int_equal(kj_doc_int(op->docs[i], "_id", 0), i + 1);
    assert_int_equal(world->n_events, n);
}

static void fail_every_call(const struct factory *factory, int code, bool sticky, int expected)
{
    struct world world;
    int groups = 0, failures = 0;
    begin(&world, factory, sticky ? "sticky" : "once");
    for (long n = 1;; n++) {
        shaky_fail(n, code, sticky);
        struct outcome outcome = run_one_group(&world);
        bool reached = atomic_load(&shaky.calls) >= n;
        shaky_fail(0, 0, false);
        int status = outcome.status[0][0];
        for (int i = 0; i < REQUESTS; i++) {
            assert_int_equal(outcome.status[i][0], status);
            assert_int_equal(outcome.status[i][1], status);
        }
        groups += status == 0;
        failures += status < 0;
        if (status < 0) {
            // A failing flush is an I/O error whatever the code for writes is.
            assert_true(status == expected || status == KJ_EIO);
            assert_int_equal(outcome.fault.code, status);
            assert_non_null(strstr(outcome.fault.text, "nothing of it was written"));
            assert_non_null(strstr(outcome.fault.place, g_folder));
        }
        check_whole(&world, groups);
        if (!reached)
            break;
    }
    assert_true(failures >= 5);
    world_reopen(&world);
    check_whole(&world, groups);
    world_end(&world);
}

static void test_disk_full(void **state)
{
    (void)state;
    fail_every_call(&k_inline, SQLITE_FULL, true, KJ_EFULL);
}

static void test_io_error(void **state)
{
    (void)state;
    fail_every_call(&k_inline, SQLITE_IOERR_WRITE, false, KJ_EIO);
}

// With threads the six requests may be several groups; each is whole or not there.
static void test_threads(void **state)
{
    struct world world;
    int64_t good = 0;
    (void)state;
    begin(&world, &k_threads, "threads");
    for (long n = 1; n < 30; n++) {
        shaky_fail(n, SQLITE_FULL, true);
        struct outcome outcome = run_one_group(&world);
        shaky_fail(0, 0, false);
        for (int i = 0; i < REQUESTS; i++) {
            assert_int_equal(outcome.status[i][0], outcome.status[i][1]);
            good += outcome.status[i][0] == 0;
        }
    }
    struct kj_store_op *op = get(&world, "w", KJ_COUNTERS, 0, "calls");
    assert_int_equal(op->n_docs ? kj_doc_int(op->docs[0], "n", 0) : 0, good);
    assert_int_equal(world.n_events, good);
    op = find(&world, "w", KJ_EVENTS, NULL, "-_id", 1);
    assert_int_equal(op->n_docs ? kj_doc_int(op->docs[0], "_id", 0) : 0, good);
    world_end(&world);
}

// --- power cuts ---

static int64_t left_after_cut(struct world *world)
{
    struct world other;
    char path[300];
    snprintf(path, sizeof path, "%s/cut", g_folder);
    atomic_store(&shaky.keep_flushed, false);
    shaky_cut(world->path, path);
    begin(&other, &k_inline, "cut");
    int64_t left = (int64_t)find(&other, "w", KJ_CALLS, NULL, NULL, 100000)->n_docs;
    world_end(&other);
    atomic_store(&shaky.keep_flushed, true);
    return left;
}

static void cut_often(const struct factory *factory, const char *name)
{
    struct world world;
    char text[4000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    atomic_store(&shaky.keep_flushed, true);
    begin(&world, factory, name);
    // Enough for the log to be folded into the file (every 4,000 pages) and begun anew.
    for (int64_t n = 1; n <= 1500; n++) {
        assert_int_equal(insert(&world, "w", KJ_CALLS, doc("s:text", text))->status, 0);
        if (n % 150 == 0)
            assert_int_equal(left_after_cut(&world), n);
    }
    world_end(&world);
    atomic_store(&shaky.keep_flushed, false);
}

static void test_power_cut_inline(void **state)
{
    (void)state;
    cut_often(&k_inline, "power-inline");
}

static void test_power_cut_threads(void **state)
{
    (void)state;
    cut_often(&k_threads, "power-threads");
}

// The same witness without flushes sees a loss: so it can.
static void test_power_cut_volatile(void **state)
{
    struct world world = {.factory = &k_inline, .config.volatile_data = true};
    (void)state;
    snprintf(world.path, sizeof world.path, "%s/volatile", g_folder);
    atomic_store(&shaky.keep_flushed, true);
    world_open(&world);
    for (int i = 0; i < 20; i++)
        insert(&world, "w", KJ_CALLS, doc("n:x"));
    assert_int_equal(left_after_cut(&world), 0);
    world_end(&world);
    atomic_store(&shaky.keep_flushed, false);
}

static int set_up(void **state)
{
    (void)state;
    shaky_install();
    return mkdtemp(g_folder) ? 0 : -1;
}

static int tear_down(void **state)
{
    char command[100];
    (void)state;
    snprintf(command, sizeof command, "rm -r %s", g_folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_disk_full),         cmocka_unit_test(test_io_error),
        cmocka_unit_test(test_threads),           cmocka_unit_test(test_power_cut_inline),
        cmocka_unit_test(test_power_cut_threads), cmocka_unit_test(test_power_cut_volatile),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
