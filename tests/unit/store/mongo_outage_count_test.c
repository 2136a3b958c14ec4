// Two hosts add to one counter, and each time the reply to the first one is lost while the other
// goes on writing: what was acknowledged counts once, although our stamp is no longer the newest
// when we look.
#include "outage_world.h"

enum { PACE_MS = 20 };

static struct {
    struct world world; // the first host, behind the proxy
    struct kj_store *other;
    struct kj_timer pace;
    int64_t added; // by the other
    bool adding, over;
} g;

static struct kj_store_request *addition(void (*done)(struct kj_store_request *request),
                                         struct world *world, bool event)
{
    struct kj_store_request *request = kj_store_request(1, "w", done, world);
    request->ops[0].verb = KJ_STORE_INCREMENT;
    request->ops[0].coll = KJ_COUNTERS;
    request->ops[0].key = "total";
    kj_store_own_doc(request, 0, doc("i:n", (int64_t)1));
    if (event) {
        bson_t *one = doc("s:name", "added"), *events = bson_new();
        kj_doc_put_doc(events, "0", one);
        bson_destroy(one);
        kj_store_own_events(request, 0, events);
    }
    return request;
}

static void on_other_added(struct kj_store_request *request)
{
    assert_int_equal(request->ops[0].status, 0);
    g.added++;
    g.adding = false;
    if (g.over)
        kj_loop_stop(g.world.loop);
}

static void on_pace(void *arg)
{
    (void)arg;
    kj_timer_start(g.world.loop, &g.pace, PACE_MS);
    if (g.adding)
        return;
    g.adding = true;
    kj_store_submit(g.other, addition(on_other_added, NULL, false));
}

static void open_both(void)
{
    struct kj_fault fault = {0};
    outage_begin(&g.world);
    g.world.config.uri = getenv("KEJUE_TEST_MONGODB_DIRECT");
    g.world.config.host = "h2";
    if (kj_mongo_create(g.world.loop, &g.world.config, &g.other, &fault) < 0)
        fail_msg("%s", fault.text);
    kj_timer_init(&g.pace, on_pace, NULL);
    kj_timer_start(g.world.loop, &g.pace, PACE_MS);
}

static void close_both(void)
{
    kj_timer_stop(g.world.loop, &g.pace);
    g.over = true;
    if (g.adding)
        kj_loop_run(g.world.loop);
    kj_store_destroy(g.other);
}

// Each lost reply costs seconds: once with and once without an event, or four times.
static void adds_once(void **state)
{
    int additions = getenv("KEJUE_TEST_LONG") ? 8 : 2;
    (void)state;
    open_both();
    for (int i = 0; i < additions; i++) {
        bool event = i % 2;
        proxy_tell(event ? "lose 2" : "lose 1"); // of the addition, then of its event's copy
        assert_int_equal(answer(&g.world, addition(world_done, &g.world, event))->status, 0);
    }
    close_both();
    assert_true(g.added > 2 * additions); // it did write between
    struct kj_store_op *op = get(&g.world, "w", KJ_COUNTERS, 0, "total");
    assert_int_equal(kj_doc_int(op->docs[0], "n", 0), additions + g.added);
    assert_int_equal(kj_doc_int(op->docs[0], "version", 0), additions + g.added);
    assert_int_equal(find(&g.world, "w", KJ_EVENTS, NULL, NULL, 100)->n_docs, additions / 2);
    world_end(&g.world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(adds_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
