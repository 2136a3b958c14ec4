// Statements and errors of a connection: everything is prepared once, and one place decides what an
// SQLite error means for the group.
#include "store/sqlite.h"

#include "base/alloc.h"
#include "base/str.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void add_columns(struct kj_buf *text, enum kj_coll coll)
{
    kj_buf_adds(text, "id, version, workspace");
    for (const struct kj_field *field = kj_collection(coll)->fields; field->name; field++)
        kj_buf_addf(text, ", \"%s\"", field->name);
}

static void insert_text(struct kj_buf *text, enum kj_coll coll)
{
    kj_buf_addf(text, "INSERT INTO \"%s\" (", kj_coll_name(coll));
    add_columns(text, coll);
    kj_buf_adds(text, ", doc) VALUES (?, ?, ?, ?");
    for (const struct kj_field *field = kj_collection(coll)->fields; field->name; field++)
        kj_buf_adds(text, ", ?");
    kj_buf_adds(text, ")");
}

// ?2 is the workspace, "" = any; ?3 = 1: also "" means itself.
static void select_text(struct kj_buf *text, enum kj_coll coll, enum kj_fixed which)
{
    bool by_key = which == KJ_FIXED_HEAD_KEY || which == KJ_FIXED_ROW_KEY;
    kj_buf_adds(text, "SELECT ");
    add_columns(text, coll);
    if (which == KJ_FIXED_ROW_ID || which == KJ_FIXED_ROW_KEY)
        kj_buf_adds(text, ", doc");
    kj_buf_addf(text, " FROM \"%s\" WHERE \"%s\" = ?1 AND (workspace = ?2 OR (?2 = '' AND ?3 = 0))",
                kj_coll_name(coll), by_key ? kj_collection(coll)->fields[0].name : "id");
    if (by_key)
        kj_buf_adds(text, " ORDER BY workspace LIMIT 1");
}

static sqlite3_stmt *prepare(struct kj_sqlite_db *db, const char *text)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v3(db->sql, text, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL);
    if (rc == SQLITE_OK)
        return stmt;
    kj_sqlite_break(db, rc);
    return NULL;
}

sqlite3_stmt *kj_sqlite_fixed(struct kj_sqlite_db *db, enum kj_coll coll, enum kj_fixed which)
{
    sqlite3_stmt **stmt = &db->fixed[coll][which];
    if (*stmt)
        return *stmt;
    struct kj_buf text;
    kj_buf_init(&text, 0);
    if (which == KJ_FIXED_INSERT)
        insert_text(&text, coll);
    else if (which == KJ_FIXED_DELETE)
        kj_buf_addf(&text, "DELETE FROM \"%s\" WHERE id = ?1", kj_coll_name(coll));
    else
        select_text(&text, coll, which);
    *stmt = prepare(db, text.data);
    kj_buf_fini(&text);
    return *stmt;
}

sqlite3_stmt *kj_sqlite_prepare(struct kj_sqlite_db *db, const char *text)
{
    sqlite3_stmt *stmt = kj_map_get(&db->others, text);
    if (stmt)
        return stmt;
    stmt = prepare(db, text);
    if (stmt)
        kj_map_put(&db->others, text, stmt);
    return stmt;
}

static size_t fields_of(enum kj_coll coll)
{
    size_t count = 0;
    while (kj_collection(coll)->fields[count].name)
        count++;
    return count;
}

sqlite3_stmt *kj_sqlite_update(struct kj_sqlite_db *db, enum kj_coll coll, unsigned changed)
{
    // By number, not by text: making and hashing the text costs as much as the update itself.
    if (db->updates[coll] == NULL)
        db->updates[coll] = kj_alloc(sizeof(sqlite3_stmt *) << fields_of(coll));
    sqlite3_stmt **stmt = &db->updates[coll][changed];
    if (*stmt)
        return *stmt;
    struct kj_buf text;
    kj_buf_init(&text, 0);
    kj_buf_addf(&text, "UPDATE \"%s\" SET version = ?, doc = ?", kj_coll_name(coll));
    const struct kj_field *fields = kj_collection(coll)->fields;
    for (size_t i = 0; fields[i].name; i++)
        if (changed & 1u << i)
            kj_buf_addf(&text, ", \"%s\" = ?", fields[i].name);
    kj_buf_adds(&text, " WHERE id = ?");
    *stmt = prepare(db, text.data);
    kj_buf_fini(&text);
    return *stmt;
}

static void forget_collection(struct kj_sqlite_db *db, enum kj_coll coll)
{
    for (size_t which = 0; which < KJ_FIXED_COUNT; which++) {
        sqlite3_finalize(db->fixed[coll][which]);
        db->fixed[coll][which] = NULL;
    }
    for (size_t i = 0; db->updates[coll] && i < (size_t)1 << fields_of(coll); i++)
        sqlite3_finalize(db->updates[coll][i]);
    free(db->updates[coll]);
    db->updates[coll] = NULL;
}

void kj_sqlite_forget(struct kj_sqlite_db *db)
{
    const char *text;
    void *stmt;
    for (int coll = 0; coll < KJ_COLL_COUNT; coll++)
        forget_collection(db, (enum kj_coll)coll);
    for (size_t at = 0; kj_map_next(&db->others, &at, &text, &stmt);)
        sqlite3_finalize(stmt);
    kj_map_fini(&db->others);
    kj_map_init(&db->others);
}

void kj_sqlite_bind_text(sqlite3_stmt *stmt, int at, const char *text)
{
    sqlite3_bind_text(stmt, at, text, -1, SQLITE_STATIC);
}

void kj_sqlite_bind(sqlite3_stmt *stmt, int at, const struct kj_value *value)
{
    switch (value->kind) {
    case KJ_VALUE_TEXT:
        sqlite3_bind_text(stmt, at, value->text, (int)value->length, SQLITE_STATIC);
        break;
    case KJ_VALUE_INT:
        sqlite3_bind_int64(stmt, at, value->integer);
        break;
    case KJ_VALUE_REAL:
        sqlite3_bind_double(stmt, at, value->real);
        break;
    default:
        sqlite3_bind_null(stmt, at);
    }
}

int kj_sqlite_step(struct kj_sqlite_db *db, sqlite3_stmt *stmt)
{
    int rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW || rc == SQLITE_DONE)
        return rc;
    // A taken key spares the transaction, unless SQLite says that it is gone.
    if ((rc & 0xff) == SQLITE_CONSTRAINT && !sqlite3_get_autocommit(db->sql))
        return rc;
    kj_sqlite_break(db, rc);
    return rc;
}

int kj_sqlite_exec(struct kj_sqlite_db *db, const char *text)
{
    sqlite3_stmt *stmt = kj_sqlite_prepare(db, text);
    if (stmt == NULL)
        return db->broken;
    int rc = kj_sqlite_step(db, stmt);
    sqlite3_reset(stmt);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return db->broken ? db->broken : kj_sqlite_break(db, rc);
    return 0;
}

int kj_sqlite_error(int rc)
{
    static const struct {
        int sqlite, error;
    } k_errors[] = {
        {SQLITE_OK, 0},
        {SQLITE_ROW, 0},
        {SQLITE_DONE, 0},
        {SQLITE_FULL, KJ_EFULL},
        {SQLITE_BUSY, KJ_EUNAVAILABLE},
        {SQLITE_LOCKED, KJ_EUNAVAILABLE},
        {SQLITE_READONLY, KJ_EUNAVAILABLE},
        {SQLITE_CANTOPEN, KJ_EUNAVAILABLE},
        {SQLITE_PERM, KJ_EUNAVAILABLE},
        {SQLITE_AUTH, KJ_EUNAVAILABLE},
        {SQLITE_PROTOCOL, KJ_EUNAVAILABLE},
        {SQLITE_NOMEM, KJ_EUNAVAILABLE},
        {SQLITE_TOOBIG, KJ_ELIMIT},
        {SQLITE_IOERR, KJ_EIO},
        {SQLITE_CORRUPT, KJ_EIO},
        {SQLITE_NOTADB, KJ_EIO},
    };
    for (size_t i = 0; i < KJ_COUNT(k_errors); i++)
        if (k_errors[i].sqlite == (rc & 0xff))
            return k_errors[i].error;
    return KJ_EINTERNAL;
}

static const char *hint_for(int rc, int code)
{
    if (code == KJ_EFULL)
        return "free some space; the store goes on by itself";
    if ((rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_NOTADB)
        return "stop Kejue and restore the file from a backup";
    return "see the log of the system; the store tries again with the next request";
}

int kj_sqlite_break(struct kj_sqlite_db *db, int rc)
{
    if (db->broken) // the first error tells the cause
        return db->broken;
    int code = kj_sqlite_error(rc), number = kj_sqlite_errno(db->sql, rc);
    const char *file = sqlite3_db_filename(db->sql, "main");
    const char *what =
        rc == sqlite3_extended_errcode(db->sql) ? sqlite3_errmsg(db->sql) : sqlite3_errstr(rc);
    if (code == 0)
        code = KJ_EINTERNAL;
    if (kj_sqlite_no_space(rc, number))
        code = KJ_EFULL;
    if (code == KJ_EFULL)
        what = "no space is left";
    db->broken = kj_fault(&db->fault, code, file && *file ? file : ":memory:", hint_for(rc, code),
                          "The store could not do this and nothing of it was written: %s%s%s.",
                          what, number ? ", " : "", number ? strerror(number) : "");
    return db->broken;
}

bson_t *kj_sqlite_doc(sqlite3_stmt *stmt, int column)
{
    const void *bytes = sqlite3_column_blob(stmt, column);
    int length = sqlite3_column_bytes(stmt, column);
    return bytes ? bson_new_from_data(bytes, (size_t)length) : NULL;
}
