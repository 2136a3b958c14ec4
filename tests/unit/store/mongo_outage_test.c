// The MongoDB store when the database fails it, behind tests/peers/fault_proxy.py: lost replies are
// no riddle, an outage is told at once and ends by itself, and what was acknowledged is there,
// once.
#include "outage_world.h"

static struct kj_store_request *insertion(struct world *world, int64_t n)
{
    char key[16];
    bson_t *event = doc("s:name", "made"), *events = bson_new();
    struct kj_store_request *request = ask(world, 1, "w");
    snprintf(key, sizeof key, "k%d", (int)n);
    kj_doc_put_doc(events, "0", event);
    bson_destroy(event);
    request->ops[0].verb = KJ_STORE_INSERT;
    request->ops[0].coll = KJ_NUMBERS;
    kj_store_own_doc(request, 0, doc("s:key i:n", key, n));
    kj_store_own_events(request, 0, events);
    return request;
}

// Documents and events of `count` insertions, each once, the events without gaps.
static void check_made(struct world *world, size_t count)
{
    assert_int_equal(find(world, "w", KJ_NUMBERS, NULL, NULL, 10000)->n_docs, count);
    struct kj_store_op *op = find(world, "w", KJ_EVENTS, NULL, NULL, 10000);
    assert_int_equal(op->n_docs, count);
    for (size_t i = 0; i < op->n_docs; i++)
        assert_int_equal(kj_doc_int(op->docs[i], "_id", 0), i + 1);
    assert_int_equal(world->n_events, count);
    for (size_t i = 0; i < world->n_events; i++)
        assert_int_equal(kj_doc_int(world->events[i], "_id", 0), i + 1);
}

static void lost_replies_write_once(void **state)
{
    struct world world;
    (void)state;
    outage_begin(&world);
    assert_int_equal(answer(&world, insertion(&world, 0))->status, 0); // it takes a block of ids
    for (int64_t n = 1; n < 5; n++) {
        proxy_tell("lose 2"); // one try, and the next; of the document, then of its event
        struct kj_store_op *op = answer(&world, insertion(&world, n));
        assert_int_equal(op->status, 0);
        assert_int_equal(op->new_id, n + 1);
    }
    proxy_tell("lose 1");
    assert_int_equal(replace(&world, "w", KJ_NUMBERS, 1, 1, doc("s:key", "k0"))->status, 0);
    assert_int_equal(world.ops->new_version, 2);
    proxy_tell("lose 1");
    assert_int_equal(replace(&world, "w", KJ_NUMBERS, 1, 1, doc("s:key", "k0"))->status,
                     KJ_ECONFLICT);
    proxy_tell("lose 0");
    for (int64_t n = 1; n <= 5; n++) {
        proxy_tell("lose 1");
        struct kj_store_op *op =
            increment(&world, "w", KJ_COUNTERS, 0, "c", doc("i:n", (int64_t)1));
        assert_int_equal(op->status, 0);
        assert_int_equal(kj_doc_int(op->docs[0], "n", 0), n);
        assert_int_equal(op->new_version, n);
    }
    proxy_tell("lose 1");
    assert_int_equal(delete (&world, "w", KJ_NUMBERS, 5, 0)->status, 0);
    proxy_tell("lose 0");
    assert_int_equal(insert(&world, "w", KJ_NUMBERS, doc("s:key i:n", "k4", (int64_t)4))->status,
                     0);
    check_made(&world, 5);
    world_end(&world);
}

static void lost_replies_claim_once(void **state)
{
    enum { JOBS = 40 };
    struct world world;
    bool seen[JOBS + 1] = {false};
    size_t taken = 0;
    (void)state;
    outage_begin(&world);
    for (int64_t n = 0; n < JOBS; n++)
        insert(&world, "w", KJ_JOBS,
               doc("s:state s:kind i:n t:due", "waiting", "call", n, (int64_t)1));
    while (taken < JOBS) {
        proxy_tell("lose 1");
        struct kj_store_op *op = claim(&world, NULL, 10, 7);
        assert_int_equal(op->status, 0);
        assert_true(op->n_docs > 0);
        for (size_t i = 0; i < op->n_docs; i++, taken++) {
            int64_t id = kj_doc_int(op->docs[i], "_id", 0);
            assert_false(seen[id]);
            seen[id] = true;
            assert_int_equal(kj_doc_int(op->docs[i], "token", 0), 1);
        }
    }
    proxy_tell("lose 0");
    world_end(&world);
}

// Events of writes that were carried out after they had been given up come with later requests.
static void wait_for_events(struct world *world, size_t count)
{
    int64_t start = kj_clock_real_mono();
    while (world->n_events < count) {
        get(world, "w", KJ_NUMBERS, 1, NULL);
        usleep(20000);
        assert_true(kj_clock_real_mono() - start < 10000);
    }
}

static void hang_is_told_and_ends(void **state)
{
    struct world world;
    (void)state;
    outage_begin(&world);
    assert_int_equal(answer(&world, insertion(&world, 0))->status, 0);
    proxy_tell("hang");
    int64_t start = kj_clock_real_mono();
    assert_int_equal(answer(&world, insertion(&world, 1))->status, KJ_EUNAVAILABLE);
    assert_true(kj_clock_real_mono() - start < 20000);
    assert_non_null(strstr(world.fault.text, world.path));
    assert_int_equal(world.ops->new_id, 0);
    start = kj_clock_real_mono();
    size_t refused = 0;
    while (kj_clock_real_mono() - start < 150) // the breaker is open: no waiting
        refused += answer(&world, insertion(&world, 2))->status == KJ_EUNAVAILABLE;
    assert_true(refused >= 10);
    proxy_tell("up");
    start = kj_clock_real_mono();
    while (answer(&world, insertion(&world, 3))->status != 0)
        assert_true(kj_clock_real_mono() - start < 5000);
    // What was refused may have been written, even later: asked for again it is there once.
    for (int64_t n = 1; n < 3; n++) {
        int status = answer(&world, insertion(&world, n))->status;
        assert_true(status == 0 || status == KJ_EEXISTS);
    }
    wait_for_events(&world, 4);
    check_made(&world, 4);
    world_end(&world);
}

struct stream {
    struct world *world;
    bool acknowledged[600];
    int64_t sent, done;
};

static struct stream g_stream;

static void on_streamed(struct kj_store_request *request)
{
    int64_t n = kj_doc_int(request->ops[0].doc, "n", 0);
    g_stream.acknowledged[n] = request->ops[0].status == 0;
    if (++g_stream.done == g_stream.sent)
        kj_loop_stop(g_stream.world->loop);
}

static void submit_some(struct world *world, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        struct kj_store_request *request = insertion(world, g_stream.sent++);
        request->done = on_streamed;
        kj_store_submit(world->store, request);
    }
}

// Connections are cut again and again under a stream of writes.
static void cuts_lose_nothing(void **state)
{
    struct world world;
    (void)state;
    outage_begin(&world);
    g_stream = (struct stream){.world = &world};
    proxy_tell("chance 0.05 0.05 0.05");
    for (int round = 0; round < 6; round++) {
        submit_some(&world, 100);
        usleep(5000);
        proxy_tell("down");
        usleep(100000);
        proxy_tell("up");
        kj_loop_run(world.loop);
    }
    proxy_tell("chance 0 0 0");
    assert_int_equal(g_stream.done, 600);
    struct kj_store_op *op = find(&world, "w", KJ_NUMBERS, NULL, "key", 10000);
    size_t there = op->n_docs, acknowledged = 0;
    bool found[600] = {false};
    for (size_t i = 0; i < op->n_docs; i++) {
        int64_t n = kj_doc_int(op->docs[i], "n", -1);
        assert_false(found[n]);
        found[n] = true;
    }
    for (int64_t n = 0; n < 600; n++) {
        acknowledged += g_stream.acknowledged[n];
        assert_true(found[n] || !g_stream.acknowledged[n]);
    }
    assert_true(acknowledged > 300);
    // An event that came when nobody could copy it follows with the next.
    while (answer(&world, insertion(&world, 600))->status != 0)
        ;
    check_made(&world, there + 1);
    world_end(&world);
}

static void count_one(struct kj_store_request *request)
{
    struct world *world = request->arg;
    world->n_done++;
    kj_loop_stop(world->loop);
}

static void destroy_does_not_wait_for_it(void **state)
{
    struct world world;
    (void)state;
    outage_begin(&world);
    proxy_tell("down");
    for (int64_t n = 0; n < 50; n++) {
        struct kj_store_request *request = insertion(&world, n);
        request->done = count_one;
        kj_store_submit(world.store, request);
    }
    int64_t start = kj_clock_real_mono();
    world_close(&world);
    assert_true(kj_clock_real_mono() - start < 8000);
    assert_int_equal(world.n_done, 50);
    proxy_tell("up");
    world_open(&world);
    world_end(&world);
}

static void a_queue_that_is_full_says_so(void **state)
{
    struct world world;
    (void)state;
    outage_begin(&world);
    proxy_tell("hang");
    g_stream = (struct stream){.world = &world};
    struct kj_store_request *first = ask(&world, 1, "w");
    first->ops[0].verb = KJ_STORE_COUNT;
    kj_store_submit(world.store, first);
    usleep(50000); // its lane is busy with it
    for (int i = 0; i < 2; i++) {
        struct kj_store_request *request = kj_store_request(30000, "w", count_one, &world);
        for (size_t n = 0; n < request->n_ops; n++)
            request->ops[n].id = 1; // to get
        kj_store_submit(world.store, request);
    }
    assert_int_equal(world.n_done, 0); // never from inside submit
    int64_t start = kj_clock_real_mono();
    kj_loop_run(world.loop);
    assert_int_equal(world.n_done, 1);
    assert_true(kj_clock_real_mono() - start < 1000);
    proxy_tell("up");
    world_end(&world);
    assert_int_equal(world.n_done, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lost_replies_write_once),
        cmocka_unit_test(lost_replies_claim_once),
        cmocka_unit_test(hang_is_told_and_ends),
        cmocka_unit_test(cuts_lose_nothing),
        cmocka_unit_test(destroy_does_not_wait_for_it),
        cmocka_unit_test(a_queue_that_is_full_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
