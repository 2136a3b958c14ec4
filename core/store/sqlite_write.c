// Insert, replace, delete, and what they share: a row is a document plus its declared fields, and
// an update touches only the columns (and so the indexes) whose values changed.
#include "store/sqlite.h"

#include "base/str.h"

#include <string.h>

sqlite3_stmt *kj_sqlite_seek(struct kj_sqlite_run *run, bool with_doc, int *status)
{
    struct kj_store_op *op = run->op;
    *status = KJ_ENOTFOUND;
    if (op->id == 0 && op->key == NULL)
        return NULL;
    enum kj_fixed which = op->id     ? with_doc ? KJ_FIXED_ROW_ID : KJ_FIXED_HEAD_ID
                          : with_doc ? KJ_FIXED_ROW_KEY
                                     : KJ_FIXED_HEAD_KEY;
    sqlite3_stmt *stmt = kj_sqlite_fixed(run->db, op->coll, which);
    if (stmt == NULL)
        return NULL;
    if (op->id)
        sqlite3_bind_int64(stmt, 1, op->id);
    else
        kj_sqlite_bind_text(stmt, 1, op->key);
    kj_sqlite_bind_text(stmt, 2, run->request->workspace);
    sqlite3_bind_int(stmt, 3, op->id == 0 && op->verb == KJ_STORE_INCREMENT);
    if (kj_sqlite_step(run->db, stmt) == SQLITE_ROW) {
        *status = 0;
        kj_copy(run->workspace, sizeof run->workspace,
                (const char *)sqlite3_column_text(stmt, KJ_COLUMN_WORKSPACE));
        return stmt;
    }
    sqlite3_reset(stmt);
    return NULL;
}

int kj_sqlite_get(struct kj_sqlite_run *run)
{
    int status;
    sqlite3_stmt *row = kj_sqlite_seek(run, true, &status);
    if (row == NULL)
        return status;
    bson_t *doc = kj_sqlite_doc(row, sqlite3_column_count(row) - 1);
    run->op->new_id = sqlite3_column_int64(row, KJ_COLUMN_ID);
    run->op->new_version = sqlite3_column_int64(row, KJ_COLUMN_VERSION);
    sqlite3_reset(row);
    if (doc == NULL)
        return kj_sqlite_break(run->db, SQLITE_CORRUPT);
    kj_store_add_doc(run->op, doc);
    return 0;
}

// The write met a taken key: who has it?
static int taken(struct kj_sqlite_run *run, int rc, int64_t id, const struct kj_value *key,
                 const char *workspace)
{
    if (rc == SQLITE_CONSTRAINT_PRIMARYKEY || rc == SQLITE_CONSTRAINT_ROWID) {
        run->op->new_id = id;
        return KJ_EEXISTS;
    }
    if (rc != SQLITE_CONSTRAINT_UNIQUE)
        return kj_sqlite_break(run->db, rc);
    sqlite3_stmt *stmt = kj_sqlite_fixed(run->db, run->op->coll, KJ_FIXED_HEAD_KEY);
    if (stmt == NULL)
        return KJ_EEXISTS;
    kj_sqlite_bind(stmt, 1, key);
    kj_sqlite_bind_text(stmt, 2, workspace);
    sqlite3_bind_int(stmt, 3, 1);
    if (kj_sqlite_step(run->db, stmt) == SQLITE_ROW)
        run->op->new_id = sqlite3_column_int64(stmt, KJ_COLUMN_ID);
    sqlite3_reset(stmt);
    return KJ_EEXISTS;
}

int kj_sqlite_add(struct kj_sqlite_run *run, const bson_t *doc, const char *workspace,
                  bson_t **stored)
{
    struct kj_sqlite_db *db = run->db;
    enum kj_coll coll = run->op->coll;
    struct kj_value values[KJ_FIELDS_MAX];
    size_t stamps;
    int rc = kj_collection_values(coll, doc, values, &stamps, &run->request->fault);
    if (rc == 0)
        rc = kj_store_check_doc(run->request, run->op, doc, stamps > 0);
    sqlite3_stmt *stmt = rc < 0 ? NULL : kj_sqlite_fixed(db, coll, KJ_FIXED_INSERT);
    if (stmt == NULL)
        return rc;
    int64_t id = stamps ? kj_doc_int(doc, "_id", 0) : 0;
    if (id == 0)
        id = db->next_id[coll];
    int64_t version = run->op->verb == KJ_STORE_PUT ? kj_doc_int(doc, "version", 1) : 1;
    bson_t *out = kj_stamped(doc, stamps, id, version, workspace, NULL);
    int at = KJ_COLUMN_FIELDS + 1;
    sqlite3_bind_int64(stmt, 1, id);
    sqlite3_bind_int64(stmt, 2, version);
    kj_sqlite_bind_text(stmt, 3, workspace);
    for (size_t i = 0; kj_collection(coll)->fields[i].name; i++)
        kj_sqlite_bind(stmt, at++, &values[i]);
    sqlite3_bind_blob(stmt, at, bson_get_data(out), (int)out->len, SQLITE_STATIC);
    rc = kj_sqlite_step(db, stmt);
    sqlite3_reset(stmt);
    if (rc == SQLITE_DONE) {
        run->op->new_id = id;
        run->op->new_version = version;
        db->trim.inserted[coll]++;
        if (id >= db->next_id[coll])
            db->next_id[coll] = id + 1;
        kj_copy(run->workspace, sizeof run->workspace, workspace);
        if (stored) {
            *stored = out;
            return 0;
        }
    }
    bson_destroy(out);
    return rc == SQLITE_DONE ? 0 : db->broken ? db->broken : taken(run, rc, id, values, workspace);
}

int kj_sqlite_insert(struct kj_sqlite_run *run)
{
    const char *workspace = run->request->workspace;
    if (*workspace == 0)
        workspace = kj_doc_text(run->op->doc, "workspace", "");
    return kj_sqlite_add(run, run->op->doc, workspace, NULL);
}

static bool column_equal(sqlite3_stmt *row, int column, const struct kj_value *value)
{
    struct kj_value old = {0};
    switch (sqlite3_column_type(row, column)) {
    case SQLITE_TEXT:
        old.kind = KJ_VALUE_TEXT;
        old.text = (const char *)sqlite3_column_text(row, column);
        old.length = (uint32_t)sqlite3_column_bytes(row, column);
        break;
    case SQLITE_INTEGER:
        old.kind = KJ_VALUE_INT;
        old.integer = sqlite3_column_int64(row, column);
        break;
    case SQLITE_FLOAT:
        old.kind = KJ_VALUE_REAL;
        old.real = sqlite3_column_double(row, column);
        break;
    default:
        break;
    }
    return kj_value_equal(&old, value);
}

int kj_sqlite_put(struct kj_sqlite_run *run, sqlite3_stmt *old, const bson_t *doc, bson_t **stored)
{
    struct kj_sqlite_db *db = run->db;
    enum kj_coll coll = run->op->coll;
    const struct kj_field *fields = kj_collection(coll)->fields;
    struct kj_value values[KJ_FIELDS_MAX];
    unsigned changed = 0;
    size_t stamps;
    int64_t id = sqlite3_column_int64(old, KJ_COLUMN_ID);
    int64_t version = sqlite3_column_int64(old, KJ_COLUMN_VERSION) + 1;
    int rc = kj_collection_values(coll, doc, values, &stamps, &run->request->fault);
    for (size_t i = 0; rc == 0 && fields[i].name; i++)
        if (!column_equal(old, KJ_COLUMN_FIELDS + (int)i, &values[i]))
            changed |= 1u << i;
    sqlite3_reset(old);
    if (rc == 0)
        rc = kj_store_check_doc(run->request, run->op, doc, false);
    sqlite3_stmt *stmt = rc < 0 ? NULL : kj_sqlite_update(db, coll, changed);
    if (stmt == NULL)
        return rc;
    bson_t *out = kj_stamped(doc, stamps, id, version, run->workspace, NULL);
    int at = 1;
    sqlite3_bind_int64(stmt, at++, version);
    sqlite3_bind_blob(stmt, at++, bson_get_data(out), (int)out->len, SQLITE_STATIC);
    for (size_t i = 0; fields[i].name; i++)
        if (changed & 1u << i)
            kj_sqlite_bind(stmt, at++, &values[i]);
    sqlite3_bind_int64(stmt, at, id);
    rc = kj_sqlite_step(db, stmt);
    sqlite3_reset(stmt);
    if (rc == SQLITE_DONE) {
        run->op->new_id = id;
        run->op->new_version = version;
        if (stored) {
            *stored = out;
            return 0;
        }
    }
    bson_destroy(out);
    return rc == SQLITE_DONE ? 0
           : db->broken      ? db->broken
                             : taken(run, rc, id, values, run->workspace);
}

int kj_sqlite_replace(struct kj_sqlite_run *run)
{
    int status = KJ_ENOTFOUND;
    run->op->key = NULL;
    sqlite3_stmt *row = kj_sqlite_seek(run, false, &status);
    if (row == NULL)
        return status;
    if (sqlite3_column_int64(row, KJ_COLUMN_VERSION) != run->op->version) {
        sqlite3_reset(row);
        return KJ_ECONFLICT;
    }
    return kj_sqlite_put(run, row, run->op->doc, NULL);
}

int kj_sqlite_delete(struct kj_sqlite_run *run)
{
    int status;
    sqlite3_stmt *row = kj_sqlite_seek(run, false, &status);
    if (row == NULL)
        return status;
    int64_t id = sqlite3_column_int64(row, KJ_COLUMN_ID);
    int64_t version = sqlite3_column_int64(row, KJ_COLUMN_VERSION);
    sqlite3_reset(row);
    if (run->op->version && run->op->version != version)
        return KJ_ECONFLICT;
    sqlite3_stmt *stmt = kj_sqlite_fixed(run->db, run->op->coll, KJ_FIXED_DELETE);
    if (stmt == NULL)
        return 0;
    sqlite3_bind_int64(stmt, 1, id);
    kj_sqlite_step(run->db, stmt);
    sqlite3_reset(stmt);
    run->db->deleted[run->op->coll] = true;
    run->op->new_id = id;
    return 0;
}

int kj_sqlite_move(struct kj_sqlite_run *run)
{
    const bson_t *doc = run->op->doc;
    sqlite3_stmt *stmt = kj_sqlite_fixed(run->db, run->op->coll, KJ_FIXED_DELETE);
    if (stmt == NULL)
        return 0;
    sqlite3_bind_int64(stmt, 1, kj_doc_int(doc, "_id", 0));
    kj_sqlite_step(run->db, stmt);
    sqlite3_reset(stmt);
    return kj_sqlite_add(run, doc, kj_doc_text(doc, "workspace", ""), NULL);
}

int kj_sqlite_next(struct kj_sqlite_run *run)
{
    int64_t *next = &run->db->next_id[run->op->coll];
    if (run->op->id >= *next) {
        *next = run->op->id + 1;
        run->db->deleted[run->op->coll] = true; // no document tells of it: it must be written down
    }
    run->op->new_id = *next;
    return 0;
}
