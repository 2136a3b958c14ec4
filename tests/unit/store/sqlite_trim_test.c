// What is kept and what is dropped, and that the file gives space back. Groups run directly,
// without threads.
#include "contract/store_world.h"
#include "store/sqlite.h"

static struct kj_sqlite_db g_db;

static void open_db(int64_t jobs_kept)
{
    assert_int_equal(kj_sqlite_open(":memory:", true, true, &g_db, NULL), 0);
    assert_int_equal(kj_sqlite_schema(&g_db, ":memory:", KJ_SQLITE_FORMAT, NULL, 0, NULL), 0);
    g_db.host = kj_strdup("h1");
    g_db.events_kept = 1000000;
    g_db.jobs_kept = jobs_kept;
    kj_sqlite_trim_begin(&g_db);
}

static void insert_many(enum kj_coll coll, const bson_t *doc, int count, int64_t at)
{
    for (int done = 0; done < count; done += 500) {
        struct kj_store_op events = {0};
        struct kj_store_request *request = kj_store_request(500, "w", NULL, NULL);
        request->at = at;
        for (int i = 0; i < 500; i++) {
            request->ops[i].verb = KJ_STORE_INSERT;
            request->ops[i].coll = coll;
            request->ops[i].doc = doc;
        }
        kj_sqlite_group(&g_db, request, &events);
        assert_int_equal(g_db.broken, 0);
        kj_store_discard(request);
    }
}

static int64_t number(const char *text)
{
    sqlite3_stmt *stmt;
    assert_int_equal(sqlite3_prepare_v2(g_db.sql, text, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    int64_t value = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return value;
}

static void test_jobs(void **state)
{
    (void)state;
    open_db(1000);
    bson_t *waiting = doc("s:state s:kind", "waiting", "kind.x");
    bson_t *done = doc("s:state s:kind", "done", "kind.x");
    bson_t *call = doc("s:state s:kind i:lead_id", "done", "call", (int64_t)7);
    bson_t *parked = doc("s:state s:kind", "parked", "kind.x");
    insert_many(KJ_JOBS, waiting, 500, 0);
    insert_many(KJ_JOBS, call, 500, 0);
    insert_many(KJ_JOBS, parked, 500, 0);
    insert_many(KJ_JOBS, done, 20000, 0);
    assert_int_equal(number("SELECT count(*) FROM jobs WHERE state = 'waiting'"), 500);
    assert_int_equal(number("SELECT count(*) FROM jobs WHERE lead_id = 7"), 500);
    assert_int_equal(number("SELECT count(*) FROM jobs WHERE state = 'parked'"), 500);
    int64_t kept = number("SELECT count(*) FROM jobs WHERE state = 'done' AND lead_id IS NULL");
    assert_in_range(kept, 1000, 2000);
    assert_int_equal(number("SELECT max(id) FROM jobs"), 21500); // the newest
    bson_destroy(waiting);
    bson_destroy(done);
    bson_destroy(call);
    bson_destroy(parked);
    kj_sqlite_close(&g_db);
}

static void test_idempotency(void **state)
{
    (void)state;
    open_db(1000);
    bson_t *old = doc("t:created_at", (int64_t)1000), *recent = doc("t:created_at", (int64_t)5000);
    insert_many(KJ_IDEMPOTENCY, old, 3000, 2000);
    insert_many(KJ_IDEMPOTENCY, recent, 1000, KJ_IDEMPOTENCY_KEPT_MS + 2000);
    insert_many(KJ_IDEMPOTENCY, recent, 1000, KJ_IDEMPOTENCY_KEPT_MS + 2000);
    assert_int_equal(number("SELECT count(*) FROM idempotency"), 2000);
    bson_destroy(old);
    bson_destroy(recent);
    kj_sqlite_close(&g_db);
}

static void test_space(void **state)
{
    char text[2000];
    (void)state;
    open_db(30000);
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    bson_t *large = doc("s:state s:kind s:text", "done", "kind.x", text);
    bson_t *small = doc("s:state s:kind", "done", "kind.x");
    insert_many(KJ_JOBS, large, 30000, 0);
    int64_t before = number("PRAGMA page_count");
    insert_many(KJ_JOBS, small, 35000, 0); // all the large ones are dropped by now
    int64_t after = number("PRAGMA page_count");
    assert_true(after < before / 2);
    assert_true(number("PRAGMA freelist_count") * 4 < after + 2000);
    bson_destroy(large);
    bson_destroy(small);
    kj_sqlite_close(&g_db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jobs),
        cmocka_unit_test(test_idempotency),
        cmocka_unit_test(test_space),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
