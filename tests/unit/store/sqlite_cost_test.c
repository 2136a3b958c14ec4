// What an operation costs does not grow with what it does not touch: counted in steps of SQLite's
// machine, not in time.
#include "contract/store_world.h"
#include "store/sqlite.h"

static struct kj_sqlite_db g_db;

static void run(struct kj_store_request *request)
{
    struct kj_store_op events = {0};
    kj_sqlite_group(&g_db, request, &events);
    assert_int_equal(g_db.broken, 0);
    assert_int_equal(request->ops[0].status, 0);
    kj_store_clear_result(&events);
}

static int sum_status(int which, bool reset)
{
    int sum = 0;
    for (sqlite3_stmt *stmt = sqlite3_next_stmt(g_db.sql, NULL); stmt;
         stmt = sqlite3_next_stmt(g_db.sql, stmt))
        sum += sqlite3_stmt_status(stmt, which, reset);
    return sum;
}

static void open_db(void)
{
    assert_int_equal(kj_sqlite_open(":memory:", true, true, &g_db, NULL), 0);
    assert_int_equal(kj_sqlite_schema(&g_db, ":memory:", KJ_SQLITE_FORMAT, NULL, 0, NULL), 0);
    g_db.host = kj_strdup("h1");
    g_db.events_kept = g_db.jobs_kept = 1000000;
}

// Jobs of "call" (held up: no room), "crm", and "mail"; `due` and later, priorities 25, 50, 75.
static void add_jobs(const char *kind, int count, int64_t due)
{
    struct kj_store_request *request = kj_store_request((size_t)count, "w", NULL, NULL);
    for (int i = 0; i < count; i++) {
        request->ops[i].verb = KJ_STORE_INSERT;
        request->ops[i].coll = KJ_JOBS;
        kj_store_own_doc(request, (size_t)i,
                         doc("s:state s:kind i:priority t:due", "waiting", kind,
                             (int64_t)(25 * (1 + i % 3)), due + i));
    }
    run(request);
    kj_store_discard(request);
}

static int claim_steps(int64_t limit, size_t expected, int64_t *next_due)
{
    static const char *const k_kinds[] = {"crm", "mail", "sms", NULL};
    struct kj_store_request *request = kj_store_request(1, "", NULL, NULL);
    request->ops[0].verb = KJ_STORE_CLAIM;
    request->ops[0].coll = KJ_JOBS;
    request->ops[0].kinds = k_kinds;
    request->ops[0].host = "h1";
    request->ops[0].now = 1000000;
    request->ops[0].limit = limit;
    sum_status(SQLITE_STMTSTATUS_VM_STEP, true);
    run(request);
    assert_int_equal(request->ops[0].n_docs, expected);
    *next_due = request->ops[0].next_due;
    kj_store_discard(request);
    return sum_status(SQLITE_STMTSTATUS_VM_STEP, true);
}

static void test_claim_is_flat(void **state)
{
    int64_t next_due;
    (void)state;
    open_db();
    add_jobs("call", 100, 0);
    add_jobs("crm", 100, 0);
    add_jobs("mail", 100, 2000000);
    claim_steps(10, 10, &next_due); // prepares
    int few = claim_steps(10, 10, &next_due);
    for (int i = 0; i < 10; i++) {
        add_jobs("call", 6000, 0);       // due, but their kind has no room
        add_jobs("crm", 3000, 500);      // due, but more than are wanted
        add_jobs("mail", 3000, 3000000); // not due
    }
    claim_steps(10, 10, &next_due);
    int many = claim_steps(10, 10, &next_due);
    assert_true(next_due < 1000000); // some are left over
    // 120,000 more waiting: a claim of 10 stays what it was.
    assert_in_range(many, few * 95 / 100, few * 105 / 100);
    assert_true(many < 4000);
    assert_int_equal(sum_status(SQLITE_STMTSTATUS_FULLSCAN_STEP, false), 0);
    assert_int_equal(sum_status(SQLITE_STMTSTATUS_SORT, false), 0);
    kj_sqlite_close(&g_db);
}

// Everything due is taken, with room left over: what is not due at the same level is not looked at.
static void test_claim_stops_at_now(void **state)
{
    int64_t next_due;
    (void)state;
    open_db();
    add_jobs("sms", 1, 0);
    add_jobs("sms", 10, 2000000);
    int few = claim_steps(10, 1, &next_due);
    add_jobs("sms", 1, 0);
    few = claim_steps(10, 1, &next_due); // prepared by now
    add_jobs("sms", 10000, 2000000);
    add_jobs("sms", 1, 0);
    int many = claim_steps(10, 1, &next_due);
    assert_int_equal(next_due, 2000000);
    assert_in_range(many, few * 95 / 100, few * 105 / 100);
    kj_sqlite_close(&g_db);
}

// --- finds: by index, without a sort ---

static void expect_plan(const char *text)
{
    char explain[1024];
    sqlite3_stmt *stmt;
    snprintf(explain, sizeof explain, "EXPLAIN QUERY PLAN %s", text);
    assert_int_equal(sqlite3_prepare_v2(g_db.sql, explain, -1, &stmt, NULL), SQLITE_OK);
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        const char *plan = (const char *)sqlite3_column_text(stmt, 3);
        if (strncmp(plan, "SCAN", 4) == 0 || strstr(plan, "TEMP B-TREE"))
            fail_msg("%s: %s", text, plan);
    }
    sqlite3_finalize(stmt);
}

static void find_by_index(enum kj_coll coll, const char *workspace, bson_t *filter,
                          const char *sort)
{
    struct kj_store_request *request = kj_store_request(1, workspace, NULL, NULL);
    const char *text;
    void *stmt;
    kj_sqlite_forget(&g_db);
    request->ops[0].verb = KJ_STORE_FIND;
    request->ops[0].coll = coll;
    request->ops[0].sort = sort;
    kj_store_own_filter(request, 0, filter);
    run(request);
    size_t checked = 0;
    for (size_t at = 0; kj_map_next(&g_db.others, &at, &text, &stmt);)
        if (kj_starts_with(text, "SELECT doc")) {
            expect_plan(text);
            checked++;
        }
    assert_int_equal(checked, 1);
    kj_store_discard(request);
}

static bson_t *above(const char *field, const char *type, int64_t value)
{
    char condition[16];
    snprintf(condition, sizeof condition, "%s:$gt", type);
    bson_t *inner = doc(condition, value), *outer = bson_new();
    kj_doc_put_doc(outer, field, inner);
    bson_destroy(inner);
    return outer;
}

static void test_finds_use_indexes(void **state)
{
    (void)state;
    open_db();
    for (int across = 0; across < 2; across++) {
        const char *w = across ? "" : "w";
        // (In the order of the index; by _id across workspaces those few are sorted.)
        find_by_index(KJ_JOBS, w, doc("s:state s:host", "running", "h1"), across ? "state" : NULL);
        find_by_index(KJ_JOBS, w, doc("s:key", "k"), across ? "key" : NULL);
        find_by_index(KJ_JOBS, w, above("_id", "i", 5), NULL);
        find_by_index(KJ_EVENTS, w, above("_id", "i", 5), NULL);
        find_by_index(KJ_LEADS, w, doc("s:phone_number", "+1"), across ? "phone_number" : NULL);
        find_by_index(KJ_IDEMPOTENCY, w, above("created_at", "t", 5), "created_at");
    }
    find_by_index(KJ_JOBS, "w", doc("i:campaign_id s:state", (int64_t)1, "waiting"), NULL);
    find_by_index(KJ_JOBS, "w", doc("i:campaign_id", (int64_t)1), NULL);
    find_by_index(KJ_JOBS, "w", doc("i:lead_id", (int64_t)1), "-_id");
    find_by_index(KJ_JOBS, "w", doc("s:kind s:state", "export", "failed"), "-_id");
    find_by_index(KJ_JOBS, "w", doc("s:state", "dead"), "-_id");
    find_by_index(KJ_JOBS, "w", doc("s:state", "parked"), "-_id");
    find_by_index(KJ_LEADS, "w", doc("s:list", "a"), NULL);
    find_by_index(KJ_LEADS, "w", NULL, "-_id");
    find_by_index(KJ_LEADS, "w", doc("s:external_reference", "a"), NULL);
    find_by_index(KJ_CALLS, "w", doc("i:campaign_id s:state", (int64_t)1, "ended"), "-_id");
    find_by_index(KJ_CALLS, "w", doc("i:lead_id", (int64_t)1), "-_id");
    find_by_index(KJ_CALLS, "w", above("created_at", "t", 5), "-created_at");
    find_by_index(KJ_MESSAGES, "w", doc("s:number", "+1"), NULL);
    find_by_index(KJ_DECISIONS, "w", doc("i:lead_id", (int64_t)1), "-_id");
    find_by_index(KJ_TEMPLATES, "w", doc("i:group_id s:name", (int64_t)1, "a"), NULL);
    kj_sqlite_close(&g_db);
}

// Statements of ever new shapes do not pile up.
static void test_statements_are_bounded(void **state)
{
    (void)state;
    open_db();
    for (unsigned shape = 1; shape < 900; shape++) {
        static const char *const k_fields[] = {"state", "kind", "host", "key", "due"};
        static const char *const k_compare[] = {NULL, "$lt", "$gt", "$ne"};
        struct kj_store_request *request = kj_store_request(1, "w", NULL, NULL);
        bson_t *filter = bson_new();
        for (unsigned i = 0, rest = shape; i < 5; i++, rest /= 4) {
            if (rest % 4 == 0)
                continue;
            bson_t *inner = bson_new();
            if (i == 4)
                kj_doc_put_int(inner, k_compare[rest % 4], 1);
            else
                kj_doc_put_text(inner, k_compare[rest % 4], "x");
            kj_doc_put_doc(filter, k_fields[i], inner);
            bson_destroy(inner);
        }
        request->ops[0].verb = KJ_STORE_FIND;
        request->ops[0].coll = KJ_JOBS;
        kj_store_own_filter(request, 0, filter);
        run(request);
        kj_store_discard(request);
    }
    assert_in_range(g_db.others.count, 1, 300);
    kj_sqlite_close(&g_db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_claim_is_flat),
        cmocka_unit_test(test_claim_stops_at_now),
        cmocka_unit_test(test_finds_use_indexes),
        cmocka_unit_test(test_statements_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
