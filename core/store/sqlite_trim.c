// What is dropped by age, a little with every so many inserts: the cost of keeping the file from
// growing is spread over the writes that make it grow. Each bite is bounded, and rolled back with
// its group.
#include "store/sqlite.h"

#include "base/alloc.h"

enum { TRIM_EVERY = 1000, TRIM_MOST = 4000, VACUUM_PAGES = 500 };

// Runs `text` with up to two numbers bound; the number of rows that changed, or 0.
static int64_t run_with(struct kj_sqlite_db *db, const char *text, int64_t first, int64_t second)
{
    sqlite3_stmt *stmt = kj_sqlite_prepare(db, text);
    if (stmt == NULL)
        return 0;
    sqlite3_bind_int64(stmt, 1, first);
    sqlite3_bind_int64(stmt, 2, second);
    int64_t before = sqlite3_total_changes64(db->sql);
    kj_sqlite_step(db, stmt);
    sqlite3_reset(stmt);
    return sqlite3_total_changes64(db->sql) - before;
}

// Due when enough came in since it was last done with; false when it has a bite to go.
static bool trim_events(struct kj_sqlite_db *db, int64_t now)
{
    (void)now;
    return run_with(db, "DELETE FROM events WHERE id <= min(?1, (SELECT min(id) FROM events) + ?2)",
                    db->next_id[KJ_EVENTS] - 1 - db->events_kept, TRIM_MOST) < TRIM_MOST;
}

// Jobs that ended and belong to no lead and no campaign: the machine's own work, of which a busy
// host makes millions. The walk goes once over all ids; what has not ended when it passes stays.
static bool trim_jobs(struct kj_sqlite_db *db, int64_t now)
{
    int64_t last = db->next_id[KJ_JOBS] - 1 - db->jobs_kept, upto = db->trim.jobs_from + TRIM_MOST;
    (void)now;
    if (upto > last)
        upto = last;
    if (upto <= db->trim.jobs_from)
        return true;
    if (run_with(db,
                 "DELETE FROM jobs WHERE id > ?1 AND id <= ?2 AND state IN ('done', 'failed')"
                 " AND lead_id IS NULL AND campaign_id IS NULL",
                 db->trim.jobs_from, upto) > 0)
        db->deleted[KJ_JOBS] = true;
    db->trim.jobs_from = upto;
    return upto == last;
}

static bool trim_idempotency(struct kj_sqlite_db *db, int64_t now)
{
    int64_t count = run_with(db,
                             "DELETE FROM idempotency WHERE id IN (SELECT id FROM idempotency"
                             " WHERE created_at < ?1 ORDER BY created_at LIMIT ?2)",
                             now - KJ_IDEMPOTENCY_KEPT_MS, TRIM_MOST);
    if (count > 0)
        db->deleted[KJ_IDEMPOTENCY] = true;
    return count < TRIM_MOST;
}

static int64_t pragma(struct kj_sqlite_db *db, const char *text)
{
    sqlite3_stmt *stmt = kj_sqlite_prepare(db, text);
    int64_t value = 0;
    if (stmt && kj_sqlite_step(db, stmt) == SQLITE_ROW)
        value = sqlite3_column_int64(stmt, 0);
    sqlite3_reset(stmt);
    return value;
}

// Gives pages back to the file system when a quarter of the file is empty; what is empty below that
// is written again soon.
static void give_back(struct kj_sqlite_db *db)
{
    if (pragma(db, "PRAGMA freelist_count") * 4 < pragma(db, "PRAGMA page_count"))
        return;
    sqlite3_stmt *stmt = kj_sqlite_prepare(db, "PRAGMA incremental_vacuum");
    for (int i = 0; stmt && i < VACUUM_PAGES; i++) // a step a page
        if (kj_sqlite_step(db, stmt) != SQLITE_ROW)
            break;
    sqlite3_reset(stmt);
}

void kj_sqlite_trim(struct kj_sqlite_db *db, int64_t now)
{
    static const struct {
        enum kj_coll coll;
        bool (*run)(struct kj_sqlite_db *db, int64_t now);
    } k_trims[] = {
        {KJ_EVENTS, trim_events}, {KJ_JOBS, trim_jobs}, {KJ_IDEMPOTENCY, trim_idempotency}};
    bool trimmed = false;
    for (size_t i = 0; i < KJ_COUNT(k_trims) && !db->broken; i++) {
        int64_t *inserted = &db->trim.inserted[k_trims[i].coll];
        if (*inserted < TRIM_EVERY)
            continue;
        trimmed = true;
        if (k_trims[i].run(db, now))
            *inserted = 0;
    }
    if (trimmed && !db->broken)
        give_back(db);
}

void kj_sqlite_trim_begin(struct kj_sqlite_db *db)
{
    db->trim.jobs_from = pragma(db, "SELECT coalesce(min(id), 1) - 1 FROM jobs");
}
