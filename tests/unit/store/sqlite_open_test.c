// What may be wrong with a database file at the start, each with its sentence; the lock; files of
// other layouts and formats.
#include "contract/store_world.h"
#include "store/sqlite.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

static char g_folder[] = "/tmp/kj-store-open-XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[4][300];
    static int turn;
    char *to = path[turn++ % 4];
    snprintf(to, sizeof *path, "%s/%s", g_folder, name);
    return to;
}

static void open_file(struct world *world)
{
    struct kj_fault fault = {0};
    world->config.path = world->path;
    if (kj_sqlite_create(world->loop, &world->config, &world->store, &fault) < 0)
        fail_msg("%s", fault.text);
}

static const struct factory k_inline = {"inline", true, true, open_file, NULL};

static void begin(struct world *world, const struct factory *factory, const char *name)
{
    *world = (struct world){.factory = factory};
    snprintf(world->path, sizeof world->path, "%s", in_folder(name));
    world_open(world);
}

static void expect_fault(const char *path, int code, const char *text)
{
    struct kj_clock clock;
    struct kj_loop *loop;
    struct kj_store *store;
    struct kj_fault fault = {0};
    struct kj_store_config config = {.path = path};
    kj_clock_init_virtual(&clock, 0);
    assert_int_equal(kj_loop_create(&clock, &loop, NULL), 0);
    assert_int_equal(kj_sqlite_create(loop, &config, &store, &fault), code);
    assert_null(store);
    assert_int_equal(fault.code, code);
    if (strstr(fault.text, text) == NULL || strstr(fault.text, g_folder) == NULL)
        fail_msg("%s", fault.text);
    assert_true(fault.hint[0] != 0);
    kj_loop_destroy(loop);
}

static void write_file(const char *path, const char *bytes, size_t length)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    fclose(file);
}

static void sql(const char *path, const char *text)
{
    sqlite3 *db;
    char *error = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, text, NULL, NULL, &error) != SQLITE_OK)
        fail_msg("%s: %s", text, error);
    sqlite3_close(db);
}

static int64_t sql_number(const char *path, const char *text)
{
    sqlite3 *db;
    sqlite3_stmt *stmt;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, text, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    int64_t value = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return value;
}

static void test_not_ours(void **state)
{
    (void)state;
    char text[4096];
    memset(text, 'x', sizeof text);
    write_file(in_folder("text"), text, sizeof text);
    expect_fault(in_folder("text"), KJ_EINVAL, "not an SQLite database");
    sql(in_folder("foreign"), "CREATE TABLE films (title TEXT)");
    expect_fault(in_folder("foreign"), KJ_EINVAL, "another program");
    assert_int_equal(sql_number(in_folder("foreign"), "SELECT count(*) FROM sqlite_master"), 1);
    expect_fault(in_folder("no/such/folder"), KJ_EIO, "cannot be opened");
    mkdir(in_folder("folder"), 0700);
    expect_fault(in_folder("folder"), KJ_EIO, "cannot be opened");
}

static void test_read_only(void **state)
{
    struct world world;
    (void)state;
    begin(&world, &k_inline, "read-only");
    world_end(&world);
    chmod(in_folder("read-only"), 0444);
    if (geteuid() != 0) {
        expect_fault(in_folder("read-only"), KJ_EDENIED, "read-only");
        return;
    }
    // Root may write everywhere: ask as somebody else.
    enum { NOBODY = 65534 };
    assert_int_equal(chown(g_folder, NOBODY, NOBODY), 0);
    assert_int_equal(chown(in_folder("read-only"), NOBODY, NOBODY), 0);
    assert_int_equal(chown(in_folder("read-only.lock"), NOBODY, NOBODY), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct kj_clock clock;
        struct kj_loop *loop;
        struct kj_store *store;
        struct kj_fault fault = {0};
        struct kj_store_config config = {.path = in_folder("read-only")};
        kj_clock_init_virtual(&clock, 0);
        if (setgid(NOBODY) < 0 || setuid(NOBODY) < 0 || kj_loop_create(&clock, &loop, NULL) < 0)
            _exit(1);
        int rc = kj_sqlite_create(loop, &config, &store, &fault);
        _exit(rc == KJ_EDENIED && strstr(fault.text, "is read-only") ? 0 : 2);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void test_damaged(void **state)
{
    struct world world;
    char junk[4096];
    (void)state;
    begin(&world, &k_inline, "damaged");
    for (int i = 0; i < 500; i++)
        insert(&world, "w", KJ_CALLS, doc("s:state", "queued"));
    world_end(&world);
    int64_t page =
        sql_number(in_folder("damaged"), "SELECT rootpage FROM sqlite_master WHERE name = 'calls'");
    int64_t page_size = sql_number(in_folder("damaged"), "PRAGMA page_size");
    int fd = open(in_folder("damaged"), O_RDWR);
    memset(junk, 0x5a, sizeof junk);
    assert_int_equal(pwrite(fd, junk, sizeof junk, (page - 1) * page_size), sizeof junk);
    close(fd);
    expect_fault(in_folder("damaged"), KJ_EIO, "damaged");
}

// SQLite sees nothing wrong with it, so it keeps the transaction open: we end it.
static void test_damaged_document(void **state)
{
    struct world world;
    (void)state;
    begin(&world, &k_inline, "document");
    insert(&world, "w", KJ_CALLS, doc("s:state", "queued"));
    world_end(&world);
    sql(in_folder("document"), "UPDATE calls SET doc = x'0102'");
    world_open(&world);
    struct kj_store_request *request = ask(&world, 3, "w");
    request->ops[0].verb = KJ_STORE_INSERT;
    request->ops[1].verb = KJ_STORE_GET;
    request->ops[1].id = 1;
    request->ops[2].verb = KJ_STORE_COUNT;
    for (int i = 0; i < 3; i++)
        request->ops[i].coll = KJ_CALLS;
    kj_store_own_doc(request, 0, doc("s:state", "queued"));
    answer(&world, request);
    for (int i = 0; i < 3; i++)
        assert_int_equal(world.ops[i].status, KJ_EIO);
    assert_non_null(strstr(world.fault.hint, "backup"));
    assert_int_equal(get(&world, "w", KJ_CALLS, 2, NULL)->status, KJ_ENOTFOUND);
    assert_int_equal(insert(&world, "w", KJ_CALLS, doc("n:x"))->new_id, 2);
    world_end(&world);
}

static void test_lock(void **state)
{
    struct world world;
    char pid[32];
    (void)state;
    begin(&world, &k_inline, "locked");
    snprintf(pid, sizeof pid, "process %ld.", (long)getpid());
    expect_fault(in_folder("locked"), KJ_EUNAVAILABLE, pid);
    assert_int_equal(insert(&world, "w", KJ_CALLS, doc("n:x"))->status, 0);
    world_end(&world);
    begin(&world, &k_inline, "locked"); // free again
    world_end(&world);
}

static void test_format(void **state)
{
    struct world world;
    char text[300], *hex = text;
    (void)state;
    begin(&world, &k_inline, "format");
    struct kj_store_op *op = get(&world, "", KJ_META, 0, "format");
    assert_int_equal(kj_doc_int(op->docs[0], "format", 0), KJ_SQLITE_FORMAT);
    world_end(&world);
    bson_t *newer = doc("s:key i:format", "format", (int64_t)7);
    hex += sprintf(hex, "UPDATE meta SET doc = x'");
    for (uint32_t i = 0; i < newer->len; i++)
        hex += sprintf(hex, "%02x", bson_get_data(newer)[i]);
    sprintf(hex, "' WHERE key = 'format'");
    bson_destroy(newer);
    sql(in_folder("format"), text);
    expect_fault(in_folder("format"), KJ_EVERSION, "format 7; this Kejue knows formats up to 1");
    sql(in_folder("format"), "DELETE FROM meta WHERE key = 'format'");
    expect_fault(in_folder("format"), KJ_EINVAL, "which format");
}

// A file whose tables and indexes are those of another table of collections.
static void test_layout(void **state)
{
    struct world world;
    (void)state;
    begin(&world, &k_inline, "layout");
    for (int i = 0; i < 20; i++)
        insert(&world, "w", KJ_LEADS, doc("s:list s:status", i % 2 ? "odd" : "even", "new"));
    delete (&world, "w", KJ_LEADS, 20, 0);
    world_end(&world);
    sql(in_folder("layout"), "DROP INDEX leads_list; DROP INDEX leads_status;"
                             "CREATE INDEX leads_status ON leads (\"status\");"
                             "CREATE INDEX leads_old ON leads (country);"
                             "ALTER TABLE leads DROP COLUMN \"list\";"
                             "ALTER TABLE leads ADD COLUMN shoe_size INTEGER");
    world_open(&world);
    assert_int_equal(find(&world, "w", KJ_LEADS, doc("s:list", "odd"), NULL, 0)->n_docs, 9);
    assert_int_equal(find(&world, "w", KJ_LEADS, doc("s:status", "new"), NULL, 0)->n_docs, 19);
    assert_int_equal(get(&world, "w", KJ_LEADS, 19, NULL)->new_version, 1);
    assert_int_equal(insert(&world, "w", KJ_LEADS, doc("s:list", "odd"))->new_id, 21);
    world_end(&world);
    const char *path = in_folder("layout");
    assert_int_equal(sql_number(path, "SELECT count(*) FROM sqlite_master WHERE name ="
                                      " 'leads_old' OR name = 'kj_old'"),
                     0);
    assert_int_equal(sql_number(path, "SELECT count(*) FROM sqlite_master WHERE name ="
                                      " 'leads_list' OR sql LIKE '%leads_status%workspace%'"),
                     2);
    assert_int_equal(sql_number(path, "SELECT count(*) FROM pragma_table_info('leads')"
                                      " WHERE name = 'shoe_size'"),
                     0);
}

// --- steps between formats ---

static int g_steps;

// Format 2: leads called their list "batch" before.
static int rename_list(struct kj_sqlite_db *db, struct kj_fault *fault)
{
    (void)fault;
    g_steps++;
    bson_t *lead = doc("i:_id i:version s:workspace s:list", (int64_t)1, (int64_t)1, "w", "new");
    sqlite3_stmt *stmt = kj_sqlite_prepare(db, "UPDATE leads SET doc = ?1 WHERE id = 1");
    sqlite3_bind_blob(stmt, 1, bson_get_data(lead), (int)lead->len, SQLITE_TRANSIENT);
    assert_int_equal(kj_sqlite_step(db, stmt), SQLITE_DONE);
    sqlite3_reset(stmt);
    bson_destroy(lead);
    return 0;
}

static int count_step(struct kj_sqlite_db *db, struct kj_fault *fault)
{
    (void)db;
    (void)fault;
    g_steps += 10;
    return 0;
}

static int fail_step(struct kj_sqlite_db *db, struct kj_fault *fault)
{
    kj_sqlite_exec(db, "DELETE FROM leads");
    return kj_fault(fault, KJ_EINVAL, "step", NULL, "It does not fit.");
}

static int64_t migrated(const char *path, int format, const struct kj_sqlite_step_up *steps,
                        size_t n_steps, int expected)
{
    struct kj_sqlite_db db;
    struct kj_fault fault = {0};
    int64_t found = -1;
    assert_int_equal(kj_sqlite_open(path, true, true, &db, &fault), 0);
    assert_int_equal(kj_sqlite_schema(&db, path, format, steps, n_steps, &fault), expected);
    sqlite3_stmt *stmt =
        kj_sqlite_prepare(&db, "SELECT count(*) FROM leads WHERE \"list\" = 'new'");
    assert_int_equal(kj_sqlite_step(&db, stmt), SQLITE_ROW);
    found = sqlite3_column_int64(stmt, 0);
    kj_sqlite_close(&db);
    return found;
}

static void test_steps(void **state)
{
    static const struct kj_sqlite_step_up k_steps[] = {
        {1, count_step}, {2, rename_list}, {3, count_step}, {4, fail_step}};
    struct world world;
    (void)state;
    begin(&world, &k_inline, "steps");
    insert(&world, "w", KJ_LEADS, doc("s:list", "old"));
    world_end(&world);
    const char *path = in_folder("steps");
    // Format 1 to 3: the steps 2 and 3, and the columns follow the documents.
    assert_int_equal(migrated(path, 3, k_steps, 3, 0), 1);
    assert_int_equal(g_steps, 11);
    assert_int_equal(migrated(path, 3, k_steps, 3, 0), 1); // nothing left to do
    assert_int_equal(g_steps, 11);
    assert_int_equal(migrated(path, 2, k_steps, 3, KJ_EVERSION), 1);
    // A step that fails leaves everything as it was.
    assert_int_equal(migrated(path, 4, k_steps, 4, KJ_EINVAL), 1);
    assert_int_equal(migrated(path, 3, k_steps, 3, 0), 1);
}

// While it runs the log has its room, and its blocks were written; nothing stays of it.
static void test_log(void **state)
{
    static const struct factory k_threads = {"threads", false, true, open_file, NULL};
    struct world world;
    struct stat info;
    (void)state;
    begin(&world, &k_threads, "log");
    assert_int_equal(stat(in_folder("log-wal"), &info), 0);
    assert_true(info.st_size >= 31 << 20);
    assert_true(info.st_blocks * 512 >= 31 << 20);
    insert(&world, "w", KJ_LEADS, doc("s:list", "x"));
    world_end(&world);
    assert_int_equal(stat(in_folder("log-wal"), &info), -1);
}

static int set_up(void **state)
{
    (void)state;
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
        cmocka_unit_test(test_not_ours), cmocka_unit_test(test_read_only),
        cmocka_unit_test(test_damaged),  cmocka_unit_test(test_damaged_document),
        cmocka_unit_test(test_lock),     cmocka_unit_test(test_format),
        cmocka_unit_test(test_layout),   cmocka_unit_test(test_steps),
        cmocka_unit_test(test_log),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
