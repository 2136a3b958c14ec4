// Statements and errors of a connection: everything is prepared once, and one place decides what an
// SQLite error means for the group.
#include "store/sqlite.h"

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

void kj_sqlite_forget(struct kj_sqlite_db *db)
{
    const char *text;
    void *stmt;
    for (size_t coll = 0; coll < KJ_COLL_COUNT; coll++)
        for (size_t which = 0; which < KJ_FIXED_COUNT; which++) {
            sqlite3_finalize(db->fixed[coll][which]);
            db->fixed[coll][which] = NULL;
        }
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
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return 0;
    case SQLITE_FULL:
        return KJ_EFULL;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_PROTOCOL:
    case SQLITE_NOMEM:
        return KJ_EUNAVAILABLE;
    case SQLITE_TOOBIG:
        return KJ_ELIMIT;
    case SQLITE_IOERR:
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return KJ_EIO;
    default:
        return KJ_EINTERNAL;
    }
}

static int errno_full(int number)
{
    return number == ENOSPC || number == EFBIG || number == EDQUOT;
}

int kj_sqlite_break(struct kj_sqlite_db *db, int rc)
{
    if (db->broken) // the first error tells the cause
        return db->broken;
    int code = kj_sqlite_error(rc);
    int number = sqlite3_system_errno(db->sql);
    const char *file = sqlite3_db_filename(db->sql, "main");
    const char *hint = "see the log of the system; the store tries again with the next request";
    if (code == 0)
        code = KJ_EINTERNAL;
    // A quota or a file size limit comes as an I/O error.
    if (code == KJ_EIO && errno_full(number))
        code = KJ_EFULL;
    if (code == KJ_EFULL)
        hint = "free some space; the store goes on by itself";
    else if ((rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_NOTADB)
        hint = "stop Kejue and restore the file from a backup";
    else
        number = (rc & 0xff) == SQLITE_IOERR ? number : 0;
    db->broken = kj_fault(&db->fault, code, file && *file ? file : ":memory:", hint,
                          "The store could not do this and nothing of it was written: %s%s%s.",
                          code == KJ_EFULL ? "no space is left" : sqlite3_errmsg(db->sql),
                          number ? ", " : "", number ? strerror(number) : "");
    return db->broken;
}

bson_t *kj_sqlite_doc(sqlite3_stmt *stmt, int column)
{
    const void *bytes = sqlite3_column_blob(stmt, column);
    int length = sqlite3_column_bytes(stmt, column);
    return bytes ? bson_new_from_data(bytes, (size_t)length) : NULL;
}

void kj_sqlite_set_next(struct kj_sqlite_db *db, enum kj_coll coll, int64_t next)
{
    if (next <= db->next_id[coll])
        return;
    db->next_id[coll] = next;
    db->moved[coll] = true;
}
