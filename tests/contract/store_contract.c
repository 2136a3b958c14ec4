// The store's contract: the same cases for every store, with and without threads. A new store is a
// new factory in k_factories. What needs a server runs by tests/peers/mongo_peer.py.
#include "contract/store_world.h"

#include "contract/store_cases_claim.h"
#include "contract/store_cases_find.h"
#include "contract/store_cases_write.h"

#include "contract/store_cases_group.h"
#include "peers/proxy_control.h"

#include <mongoc/mongoc.h>

static void open_sqlite(struct world *world)
{
    struct kj_fault fault = {0};
    world->config.path = world->path;
    if (world->config.host == NULL)
        world->config.host = "h1";
    if (kj_sqlite_create(world->loop, &world->config, &world->store, &fault) < 0)
        fail_msg("%s", fault.text);
}

static void open_sqlite_file(struct world *world)
{
    if (world->path[0] == 0) {
        snprintf(world->path, sizeof world->path, "/tmp/kj-contract-XXXXXX");
        assert_non_null(mkdtemp(world->path));
        strncat(world->path, "/db", sizeof world->path - strlen(world->path) - 1);
    }
    open_sqlite(world);
}

static void open_sqlite_memory(struct world *world)
{
    strcpy(world->path, ":memory:");
    open_sqlite(world);
}

static void open_memory(struct world *world)
{
    struct kj_fault fault = {0};
    if (world->config.host == NULL)
        world->config.host = "h1";
    if (kj_memory_create(world->loop, &world->config, &world->store, &fault) < 0)
        fail_msg("%s", fault.text);
}

static void clean_sqlite_file(struct world *world)
{
    static const char *const k_ends[] = {"", "-wal", "-shm", ".lock"};
    char name[300];
    for (size_t i = 0; i < KJ_COUNT(k_ends); i++) {
        snprintf(name, sizeof name, "%s%s", world->path, k_ends[i]);
        unlink(name);
    }
    *strrchr(world->path, '/') = 0;
    assert_int_equal(rmdir(world->path), 0); // and nothing else was left
}

// A database of its own for each case; the server is that of KEJUE_TEST_MONGODB_URI. Behind the
// fault proxy the same must hold: of a hundred messages one reply is lost, one connection reset and
// two come late.
static void shake(void)
{
    static bool done;
    if (!done && getenv("KEJUE_TEST_MONGODB_CONTROL"))
        proxy_tell("chance 0.01 0.01 0.02");
    done = true;
}

static void open_mongo(struct world *world)
{
    static int n;
    struct kj_fault fault = {0};
    const char *uri = getenv("KEJUE_TEST_MONGODB_URI");
    shake();
    if (world->path[0] == 0)
        snprintf(world->path, sizeof world->path, "kj_test_%d_%d", (int)getpid(), n++);
    world->config.uri = uri;
    world->config.database = world->path;
    world->config.allow_unsafe = getenv("KEJUE_TEST_MONGODB_UNSAFE") != NULL;
    world->config.host = "h1";
    if (kj_mongo_create(world->loop, &world->config, &world->store, &fault) < 0)
        fail_msg("%s", fault.text);
}

static void clean_mongo(struct world *world)
{
    mongoc_client_t *client = mongoc_client_new(world->config.uri);
    mongoc_database_t *database = mongoc_client_get_database(client, world->path);
    for (int tries = 0; tries < 20 && !mongoc_database_drop(database, NULL); tries++)
        ;
    mongoc_database_destroy(database);
    mongoc_client_destroy(client);
}

static const struct factory k_factories[] = {
    {"sqlite, memory, inline", true, false, open_sqlite_memory, NULL},
    {"sqlite, file, inline", true, true, open_sqlite_file, clean_sqlite_file},
    {"sqlite, memory, threads", false, false, open_sqlite_memory, NULL},
    {"sqlite, file, threads", false, true, open_sqlite_file, clean_sqlite_file},
    {"memory", true, false, open_memory, NULL},
    {"mongodb", false, true, open_mongo, clean_mongo},
    {"mongodb, virtual clock", true, true, open_mongo, clean_mongo},
};

static const struct {
    const char *name;
    void (*run)(struct world *world);
} k_cases[] = {
    {"insert stamps and numbers", case_insert},
    {"a taken key names its owner", case_taken_key},
    {"workspaces do not see each other", case_workspaces},
    {"ids are never given twice", case_ids},
    {"replace is conditional", case_replace},
    {"increment", case_increment},
    {"increment refuses", case_increment_refused},
    {"increments commute", case_increment_commutes},
    {"delete", case_delete},
    {"bad writes are refused", case_bad_writes},
    {"find by every comparison", case_find},
    {"find: sort, limit, skip", case_find_order},
    {"find refuses what is not indexed", case_find_refused},
    {"count", case_count},
    {"stale reads", case_stale},
    {"claim order", case_claim_order},
    {"claim kinds", case_claim_kinds},
    {"claim: what is left", case_claim_next_due},
    {"claim stamps", case_claim_stamps},
    {"claim over many levels", case_claim_model},
    {"claim refuses", case_claim_refused},
    {"ops in order, each by itself", case_ops_in_order},
    {"requests in order", case_requests_in_order},
    {"events are gapless and first", case_events},
    {"events of failed ops do not exist", case_events_of_failures},
    {"events across workspaces", case_events_workspace},
    {"old events are dropped", case_events_kept},
    {"kept after close", case_kept},
    {"moved as it is", case_move},
    {"destroy answers everything", case_destroy},
    {"against a model", case_model},
};

static void run_case(void **state)
{
    size_t n = (size_t)(intptr_t)*state;
    struct world world = {.factory = &k_factories[n / KJ_COUNT(k_cases)]};
    if (world.factory->open == open_mongo && getenv("KEJUE_TEST_MONGODB_URI") == NULL)
        skip(); // tests/peers/mongo_peer.py says why there is none
    world_open(&world);
    k_cases[n % KJ_COUNT(k_cases)].run(&world);
    assert_int_equal(kj_store_pending(world.store), 0);
    world_end(&world);
}

// The argument chooses by the tests' names, "mongodb*" for instance.
int main(int argc, char **argv)
{
    enum { COUNT = KJ_COUNT(k_cases) * KJ_COUNT(k_factories) };
    static struct CMUnitTest tests[COUNT];
    static char names[COUNT][96];
    for (size_t n = 0; n < COUNT; n++) {
        snprintf(names[n], sizeof names[n], "%s: %s", k_factories[n / KJ_COUNT(k_cases)].name,
                 k_cases[n % KJ_COUNT(k_cases)].name);
        tests[n] = (struct CMUnitTest){names[n], run_case, NULL, NULL, (void *)(intptr_t)n};
    }
    cmocka_set_test_filter(argc > 1 ? argv[1] : "sqlite*");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
