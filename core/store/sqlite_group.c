// Group commit: everything that was queued becomes one transaction with one flush.
//
// An op that fails (taken key, moved version, bad filter) leaves the others alone. An error of the
// file ends the group: every op of it fails the same way and nothing of it is there.
#include "store/sqlite.h"

#include "base/alloc.h"

#include <string.h>

enum { STATEMENTS_MAX = 256 };

static int run_verb(struct kj_sqlite_run *run)
{
    static int (*const k_verbs[])(struct kj_sqlite_run * run) = {
        [KJ_STORE_GET] = kj_sqlite_get,         [KJ_STORE_INSERT] = kj_sqlite_insert,
        [KJ_STORE_REPLACE] = kj_sqlite_replace, [KJ_STORE_INCREMENT] = kj_sqlite_increment,
        [KJ_STORE_DELETE] = kj_sqlite_delete,   [KJ_STORE_FIND] = kj_sqlite_find,
        [KJ_STORE_COUNT] = kj_sqlite_count,     [KJ_STORE_CLAIM] = kj_sqlite_claim,
        [KJ_STORE_PUT] = kj_sqlite_move,        [KJ_STORE_NEXT] = kj_sqlite_next,
    };
    return k_verbs[run->op->verb](run);
}

static void run_op(struct kj_sqlite_db *db, struct kj_store_request *request,
                   struct kj_store_op *op, struct kj_store_op *events)
{
    struct kj_sqlite_run run = {db, request, op, events, ""};
    memcpy(run.workspace, request->workspace, sizeof run.workspace);
    op->status = kj_store_check(request, op);
    if (op->status < 0)
        return;
    op->status = run_verb(&run);
    if (op->status == 0 && op->events && !db->broken)
        kj_sqlite_add_events(&run);
}

static void run_all(struct kj_sqlite_db *db, struct kj_store_request *first,
                    struct kj_store_op *events)
{
    for (struct kj_store_request *request = first; request; request = request->next)
        for (size_t i = 0; i < request->n_ops; i++) {
            run_op(db, request, &request->ops[i], events);
            if (!db->broken && sqlite3_get_autocommit(db->sql))
                kj_sqlite_break(db, SQLITE_IOERR);
            if (db->broken)
                return;
        }
}

static void save_next_ids(struct kj_sqlite_db *db)
{
    for (size_t coll = 0; coll < KJ_COLL_COUNT && !db->broken; coll++) {
        if (!db->deleted[coll])
            continue;
        sqlite3_stmt *stmt =
            kj_sqlite_prepare(db, "INSERT INTO sequences (name, next) VALUES (?1, ?2)"
                                  " ON CONFLICT (name) DO UPDATE SET next = excluded.next");
        if (stmt == NULL)
            return;
        kj_sqlite_bind_text(stmt, 1, kj_coll_name((enum kj_coll)coll));
        sqlite3_bind_int64(stmt, 2, db->next_id[coll]);
        kj_sqlite_step(db, stmt);
        sqlite3_reset(stmt);
    }
}

static void fail_all(struct kj_sqlite_db *db, struct kj_store_request *first,
                     struct kj_store_op *events)
{
    for (struct kj_store_request *request = first; request; request = request->next) {
        request->fault = db->fault;
        for (size_t i = 0; i < request->n_ops; i++) {
            kj_store_clear_result(&request->ops[i]);
            request->ops[i].status = db->broken;
        }
    }
    kj_store_clear_result(events);
}

static void roll_back(struct kj_sqlite_db *db)
{
    // Not by a cached statement: those may be what is broken.
    if (!sqlite3_get_autocommit(db->sql))
        sqlite3_exec(db->sql, "ROLLBACK", NULL, NULL, NULL);
    kj_sqlite_forget(db);
}

void kj_sqlite_group(struct kj_sqlite_db *db, struct kj_store_request *first,
                     struct kj_store_op *events)
{
    int64_t next_id[KJ_COLL_COUNT];
    const __typeof__(db->trim) trim = db->trim;
    memcpy(next_id, db->next_id, sizeof next_id);
    memset(db->deleted, 0, sizeof db->deleted);
    db->broken = 0;
    if (db->others.count > STATEMENTS_MAX)
        kj_sqlite_forget(db);
    if (kj_sqlite_exec(db, db->writer ? "BEGIN IMMEDIATE" : "BEGIN") == 0)
        run_all(db, first, events);
    if (!db->broken && db->writer)
        kj_sqlite_trim(db, first->at);
    if (!db->broken)
        save_next_ids(db);
    if (!db->broken)
        kj_sqlite_exec(db, "COMMIT");
    if (!db->broken)
        return;
    roll_back(db);
    memcpy(db->next_id, next_id, sizeof next_id);
    db->trim = trim;
    fail_all(db, first, events);
}
