// The increment: by id, or by key and then inserted when absent.
#include "store/sqlite.h"

static int insert_new(struct kj_sqlite_run *run, bson_t **stored)
{
    bson_t *base = kj_increment_base(run->op), *next = NULL;
    int rc = kj_increment(run->op->coll, base, run->op->doc, &next, &run->request->fault);
    bson_destroy(base);
    if (rc < 0)
        return rc;
    rc = kj_sqlite_add(run, next, run->request->workspace, stored);
    bson_destroy(next);
    return rc;
}

static int update_old(struct kj_sqlite_run *run, sqlite3_stmt *row, bson_t **stored)
{
    bson_t *old = kj_sqlite_doc(row, sqlite3_column_count(row) - 1), *next = NULL;
    if (old == NULL) {
        sqlite3_reset(row);
        return kj_sqlite_break(run->db, SQLITE_CORRUPT);
    }
    int rc = kj_increment(run->op->coll, old, run->op->doc, &next, &run->request->fault);
    bson_destroy(old);
    if (rc < 0) {
        sqlite3_reset(row);
        return rc;
    }
    rc = kj_sqlite_put(run, row, next, stored);
    bson_destroy(next);
    return rc;
}

int kj_sqlite_increment(struct kj_sqlite_run *run)
{
    int rc;
    bson_t *stored = NULL;
    sqlite3_stmt *row = kj_sqlite_seek(run, true, &rc);
    if (run->db->broken)
        return run->db->broken;
    if (row)
        rc = update_old(run, row, &stored);
    else if (run->op->id == 0 && run->op->key)
        rc = insert_new(run, &stored);
    if (stored)
        kj_store_add_doc(run->op, stored);
    return rc;
}
