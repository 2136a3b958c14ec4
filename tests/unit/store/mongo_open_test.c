// Opening a MongoDB database: what is refused, what a process that died has left to copy, and two
// hosts on one database.
#include "contract/store_world.h"

#include <mongoc/mongoc.h>

static char g_database[64];

static void open_mongo(struct world *world)
{
    struct kj_fault fault = {0};
    world->config.uri = getenv("KEJUE_TEST_MONGODB_URI");
    world->config.database = g_database;
    world->config.allow_unsafe = getenv("KEJUE_TEST_MONGODB_UNSAFE") != NULL;
    if (kj_mongo_create(world->loop, &world->config, &world->store, &fault) < 0)
        fail_msg("%s", fault.text);
}

static const struct factory k_mongo = {"mongodb", false, true, open_mongo, NULL};

static void begin(struct world *world, const char *host)
{
    *world = (struct world){.factory = &k_mongo};
    world->config.host = host;
    world_open(world);
}

static int fresh_database(void **state)
{
    static int n;
    (void)state;
    snprintf(g_database, sizeof g_database, "kj_open_%d_%d", (int)getpid(), n++);
    return 0;
}

static int drop_database(void **state)
{
    (void)state;
    if (getenv("KEJUE_TEST_MONGODB_URI") == NULL)
        return 0;
    mongoc_client_t *client = mongoc_client_new(getenv("KEJUE_TEST_MONGODB_URI"));
    mongoc_database_t *database = mongoc_client_get_database(client, g_database);
    bool dropped = mongoc_database_drop(database, NULL);
    mongoc_database_destroy(database);
    mongoc_client_destroy(client);
    return dropped ? 0 : -1;
}

// Changes the row of `coll` with `id` behind the store's back.
static void tamper(const char *coll, int64_t id, bson_t *update)
{
    bson_t query = BSON_INITIALIZER;
    mongoc_client_t *client = mongoc_client_new(getenv("KEJUE_TEST_MONGODB_URI"));
    mongoc_collection_t *rows = mongoc_client_get_collection(client, g_database, coll);
    kj_doc_put_int(&query, "_id", id);
    assert_true(mongoc_collection_update_one(rows, &query, update, NULL, NULL, NULL));
    mongoc_collection_destroy(rows);
    mongoc_client_destroy(client);
    bson_destroy(&query);
    bson_destroy(update);
}

static bson_t *set(const char *field, bson_t *value)
{
    bson_t *update = bson_new(), fields;
    BSON_APPEND_DOCUMENT_BEGIN(update, "$set", &fields);
    kj_doc_put_doc(&fields, field, value);
    bson_append_document_end(update, &fields);
    bson_destroy(value);
    return update;
}

static void refused(int code, const char *text)
{
    struct world world = {.factory = &k_mongo};
    struct kj_fault fault = {0};
    kj_clock_init_system(&world.clock);
    assert_int_equal(kj_loop_create(&world.clock, &world.loop, NULL), 0);
    world.config.uri = getenv("KEJUE_TEST_MONGODB_URI");
    world.config.database = g_database;
    world.config.allow_unsafe = true;
    assert_int_equal(kj_mongo_create(world.loop, &world.config, &world.store, &fault), code);
    assert_non_null(strstr(fault.text, text));
    assert_null(world.store);
    kj_loop_destroy(world.loop);
}

static void formats(void **state)
{
    struct world world;
    (void)state;
    if (getenv("KEJUE_TEST_MONGODB_URI") == NULL)
        skip();
    begin(&world, "h1");
    assert_int_equal(get(&world, "", KJ_META, 0, "format")->status, 0);
    world_end(&world);
    tamper("meta", 1, set("doc", doc("s:key i:format", "format", (int64_t)99)));
    refused(KJ_EVERSION, "has format 99; this Kejue knows formats up to 1");
    tamper("meta", 1, set("doc", doc("s:key s:format", "format", "new")));
    refused(KJ_EINVAL, "does not say which format it has");
}

static void addresses(void **state)
{
    static const struct {
        const char *uri;
        int code;
        const char *text;
    } k_bad[] = {
        {"mongodb:/u:geheim@h/", KJ_EINVAL, "is not one"},
        {"http://u:geheim@h/", KJ_EINVAL, "is not one"},
        {"mongodb://u:geheim@127.0.0.1:1/?serverSelectionTimeoutMS=200", KJ_EUNAVAILABLE,
         "kejue at 127.0.0.1:1 does not answer"},
    };
    (void)state;
    for (size_t i = 0; i < KJ_COUNT(k_bad); i++) {
        struct kj_clock clock;
        struct kj_loop *loop;
        struct kj_store *store;
        struct kj_fault fault = {0};
        struct kj_store_config config = {.uri = k_bad[i].uri};
        kj_clock_init_system(&clock);
        assert_int_equal(kj_loop_create(&clock, &loop, NULL), 0);
        assert_int_equal(kj_mongo_create(loop, &config, &store, &fault), k_bad[i].code);
        assert_non_null(strstr(fault.text, k_bad[i].text));
        assert_null(strstr(fault.text, "geheim"));
        assert_null(strstr(fault.hint, "geheim"));
        kj_loop_destroy(loop);
    }
}

// {op, host, at, across, list}, as a write leaves it.
static bson_t *waiting_event(const char *op, const char *host, const char *name)
{
    bson_t *event = doc("s:name", name), list = BSON_INITIALIZER, *kept = bson_new();
    kj_doc_put_doc(&list, "0", event);
    kj_doc_put_text(kept, "op", op);
    kj_doc_put_text(kept, "host", host);
    kj_doc_put_time(kept, "at", T0 * 1000LL);
    kj_doc_put_array(kept, "list", &list);
    bson_destroy(event);
    bson_destroy(&list);
    return kept;
}

static void leave(int64_t id, bson_t *first, bson_t *second)
{
    bson_t *update = bson_new(), fields, array;
    BSON_APPEND_DOCUMENT_BEGIN(update, "$set", &fields);
    BSON_APPEND_ARRAY_BEGIN(&fields, "events", &array);
    kj_doc_put_doc(&array, "0", first);
    kj_doc_put_doc(&array, "1", second);
    bson_append_array_end(&fields, &array);
    bson_append_document_end(update, &fields);
    bson_destroy(first);
    bson_destroy(second);
    tamper("leads", id, update);
}

// What a process leaves that died between its writes and the copies of their events: three events
// of h1, out of order, and one of h2.
static void leave_four(struct world *world, const char *of_h2)
{
    begin(world, "h1");
    insert(world, "w", KJ_LEADS, doc("s:list", "x"));
    insert(world, "w", KJ_LEADS, doc("s:list", "x"));
    world_end(world);
    leave(1, waiting_event("000000001000000003", "h1", "third"),
          waiting_event("000000001000000001", "h1", "first"));
    leave(2, waiting_event("000000001000000002", "h1", "second"),
          waiting_event("001000001000000001", "h2", of_h2));
}

static void events_left_behind(void **state)
{
    struct world world;
    (void)state;
    if (getenv("KEJUE_TEST_MONGODB_URI") == NULL)
        skip();
    leave_four(&world, "of another host");
    for (int starts = 0; starts < 3; starts++) {
        begin(&world, "h1");
        struct kj_store_op *op = find(&world, "w", KJ_EVENTS, NULL, NULL, 0);
        assert_joined(op, "name", "first second third");
        assert_int_equal(kj_doc_int(op->docs[2], "_id", 0), 3);
        assert_string_equal(kj_doc_text(op->docs[0], "host", ""), "h1");
        world_end(&world);
    }
    begin(&world, "h2");
    assert_joined(find(&world, "w", KJ_EVENTS, NULL, NULL, 0), "name",
                  "first second third of another host");
    world_end(&world);
}

// Who takes a host over copies what that one left, into its stream; doing it again, or the host
// itself coming back, adds nothing.
static void events_adopted(void **state)
{
    struct world world;
    (void)state;
    if (getenv("KEJUE_TEST_MONGODB_URI") == NULL)
        skip();
    leave_four(&world, "own");
    for (int starts = 0; starts < 2; starts++) {
        begin(&world, "h2"); // its own comes first: what it had left itself
        for (int again = 0; again < 2; again++) {
            kj_store_adopt(world.store, "h1");
            kj_store_adopt(world.store, "never seen");
            kj_store_adopt(world.store, "h2"); // itself: it is no orphan
            for (int i = 0; i < 3; i++)
                get(&world, "w", KJ_LEADS, 1, NULL);
        }
        struct kj_store_op *op = find(&world, "w", KJ_EVENTS, NULL, NULL, 0);
        assert_joined(op, "name", "first second third own");
        assert_joined(op, "host", "h1 h1 h1 h2");
        assert_int_equal(kj_doc_int(op->docs[2], "_id", 0), 3);
        assert_int_equal(kj_doc_int(op->docs[3], "_id", 0), (INT64_C(1) << 40) + 1);
        assert_int_equal(world.n_events, 0);
        world_end(&world);
    }
    begin(&world, "h1");
    assert_int_equal(find(&world, "w", KJ_EVENTS, NULL, NULL, 0)->n_docs, 4);
    world_end(&world);
}

static void two_hosts(void **state)
{
    enum { JOBS = 60 };
    struct world one, two;
    bool seen[200] = {false};
    size_t taken = 0;
    (void)state;
    if (getenv("KEJUE_TEST_MONGODB_URI") == NULL)
        skip();
    begin(&one, "h1");
    begin(&two, "h2");
    for (int i = 0; i < JOBS; i++) {
        struct world *world = i % 2 ? &one : &two;
        int64_t id = insert(world, "w", KJ_JOBS, doc("s:state s:kind", "waiting", "call"))->new_id;
        assert_in_range(id, 1, 199);
        assert_false(seen[id]); // ids are nobody else's
        seen[id] = true;
        increment(world, "w", KJ_COUNTERS, 0, "total", doc("i:n", (int64_t)1));
        assert_int_equal(kj_doc_int(world->ops->docs[0], "n", 0), i + 1);
    }
    memset(seen, 0, sizeof seen);
    // A change that the other one has not seen is a conflict.
    int64_t version = get(&one, "w", KJ_COUNTERS, 0, "total")->new_version;
    int64_t id = one.ops->new_id;
    assert_int_equal(replace(&two, "w", KJ_COUNTERS, id, version, doc("s:key", "total"))->status,
                     0);
    assert_int_equal(replace(&one, "w", KJ_COUNTERS, id, version, doc("s:key", "total"))->status,
                     KJ_ECONFLICT);
    while (taken < JOBS) {
        struct kj_store_op *op = claim(taken % 2 ? &one : &two, NULL, 10, 3);
        assert_true(op->n_docs > 0);
        for (size_t i = 0; i < op->n_docs; i++, taken++) {
            int64_t job = kj_doc_int(op->docs[i], "_id", 0);
            assert_false(seen[job]);
            seen[job] = true;
        }
    }
    world_end(&one);
    world_end(&two);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh_database, drop_database)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(formats), TEST(addresses), TEST(events_left_behind),
                                       TEST(events_adopted), TEST(two_hosts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
