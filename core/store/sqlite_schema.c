// Tables and indexes as the table of collections declares them, and the format of the whole.
//
// Documents are the truth, columns only repeat their declared fields: a table that does not look as
// declared is built anew from its documents, so a new field or index is one row in collections.c.
// The format (document {key: "format", format} in `meta`) counts changes of the documents
// themselves: steps raise it one by one, a newer one is refused.
#include "store/sqlite.h"

#include "base/alloc.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

static int fault_of(struct kj_sqlite_db *db, struct kj_fault *fault)
{
    if (fault && db->broken)
        *fault = db->fault;
    return db->broken;
}

static int exec(struct kj_sqlite_db *db, const char *text)
{
    int rc = db->broken ? SQLITE_OK : sqlite3_exec(db->sql, text, NULL, NULL, NULL);
    return rc == SQLITE_OK ? db->broken : kj_sqlite_break(db, rc);
}

static void table_text(struct kj_buf *text, enum kj_coll coll)
{
    static const char *const k_types[] = {"TEXT", "INTEGER", "INTEGER", "REAL"};
    kj_buf_addf(text,
                "CREATE TABLE \"%s\" (id INTEGER PRIMARY KEY, version INTEGER NOT NULL,"
                " workspace TEXT NOT NULL",
                kj_coll_name(coll));
    for (const struct kj_field *field = kj_collection(coll)->fields; field->name; field++)
        kj_buf_addf(text, ", \"%s\" %s", field->name, k_types[field->type]);
    // The document last: what is in front of it is read without it.
    kj_buf_adds(text, ", doc BLOB NOT NULL)");
}

static void declared_text(struct kj_buf *name, struct kj_buf *text,
                          const struct kj_collection *about, const struct kj_index *index)
{
    kj_buf_addf(name, "%s_%s", about->name, index->name);
    kj_buf_addf(text, "CREATE INDEX \"%s\" ON \"%s\" (", name->data, about->name);
    for (size_t i = 0; i < KJ_COLUMNS_MAX && index->columns[i]; i++) {
        bool descending = *index->columns[i] == '-';
        kj_buf_addf(text, "%s%s%s", i ? ", " : "", index->columns[i] + descending,
                    descending ? " DESC" : "");
    }
    kj_buf_addc(text, ')');
    if (index->word)
        kj_buf_addf(text, " WHERE %s = '%s'", index->only, index->word);
    else if (index->only)
        kj_buf_addf(text, " WHERE %s IS NOT NULL", index->only);
}

// CREATE INDEX of the n-th index: first the fields' own, then the others. False when there is none.
static bool index_text(struct kj_buf *name, struct kj_buf *text, enum kj_coll coll, size_t n)
{
    const struct kj_collection *about = kj_collection(coll);
    kj_buf_reset(name);
    kj_buf_reset(text);
    for (const struct kj_field *field = about->fields; field->name; field++) {
        bool unique = field->flags & KJ_UNIQUE;
        if (!(field->flags & (KJ_UNIQUE | KJ_ALONE)) || n-- > 0)
            continue;
        kj_buf_addf(name, "%s_%s", about->name, field->name);
        // Workspace second: the same index serves look-ups within and across workspaces.
        kj_buf_addf(text, "CREATE %sINDEX \"%s\" ON \"%s\" (\"%s\", workspace)",
                    unique ? "UNIQUE " : "", name->data, about->name, field->name);
        if (field->flags & (KJ_UNIQUE | KJ_SPARSE))
            kj_buf_addf(text, " WHERE \"%s\" IS NOT NULL", field->name);
        return true;
    }
    if (n >= KJ_INDEXES_MAX || about->indexes[n].name == NULL)
        return false;
    declared_text(name, text, about, &about->indexes[n]);
    return true;
}

// The SQL that made table or index `name`, copied; NULL when there is none.
static char *made_by(struct kj_sqlite_db *db, const char *name)
{
    sqlite3_stmt *stmt;
    char *text = NULL;
    int rc = sqlite3_prepare_v2(db->sql, "SELECT sql FROM sqlite_master WHERE name = ?1", -1, &stmt,
                                NULL);
    if (rc != SQLITE_OK) {
        kj_sqlite_break(db, rc);
        return NULL;
    }
    kj_sqlite_bind_text(stmt, 1, name);
    if (kj_sqlite_step(db, stmt) == SQLITE_ROW)
        text = kj_strdup((const char *)sqlite3_column_text(stmt, 0));
    sqlite3_finalize(stmt);
    return text;
}

static bool wanted_index(enum kj_coll coll, const char *name, const char *sql)
{
    struct kj_buf want_name, want;
    bool same = false;
    kj_buf_init(&want_name, 0);
    kj_buf_init(&want, 0);
    for (size_t n = 0; !same && index_text(&want_name, &want, coll, n); n++)
        same = strcmp(want_name.data, name) == 0 && kj_streq(want.data, sql);
    kj_buf_fini(&want_name);
    kj_buf_fini(&want);
    return same;
}

// Drops the indexes of the table that are not declared (any more).
static int drop_unwanted(struct kj_sqlite_db *db, enum kj_coll coll)
{
    struct kj_buf drops;
    sqlite3_stmt *stmt;
    int rc = sqlite3_prepare_v2(db->sql,
                                "SELECT name, sql FROM sqlite_master WHERE type = 'index'"
                                " AND tbl_name = ?1 AND sql IS NOT NULL",
                                -1, &stmt, NULL);
    if (rc != SQLITE_OK)
        return kj_sqlite_break(db, rc);
    kj_buf_init(&drops, 0);
    kj_sqlite_bind_text(stmt, 1, kj_coll_name(coll));
    while (kj_sqlite_step(db, stmt) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(stmt, 0);
        if (!wanted_index(coll, name, (const char *)sqlite3_column_text(stmt, 1)))
            kj_buf_addf(&drops, "DROP INDEX \"%s\";", name);
    }
    sqlite3_finalize(stmt);
    exec(db, drops.data);
    kj_buf_fini(&drops);
    return db->broken;
}

static int make_indexes(struct kj_sqlite_db *db, enum kj_coll coll)
{
    struct kj_buf name, text;
    kj_buf_init(&name, 0);
    kj_buf_init(&text, 0);
    drop_unwanted(db, coll);
    for (size_t n = 0; !db->broken && index_text(&name, &text, coll, n); n++) {
        char *old = made_by(db, name.data);
        if (old == NULL)
            exec(db, text.data);
        free(old);
    }
    kj_buf_fini(&name);
    kj_buf_fini(&text);
    return db->broken;
}

// One document of the old table into the new one.
static int copy_row(struct kj_sqlite_db *db, enum kj_coll coll, sqlite3_stmt *from,
                    struct kj_fault *fault)
{
    struct kj_value values[KJ_FIELDS_MAX];
    size_t stamps;
    sqlite3_stmt *to = kj_sqlite_fixed(db, coll, KJ_FIXED_INSERT);
    bson_t *doc = kj_sqlite_doc(from, 3);
    if (to == NULL || doc == NULL)
        return db->broken ? db->broken : kj_sqlite_break(db, SQLITE_CORRUPT);
    int rc = kj_collection_values(coll, doc, values, &stamps, fault), at;
    for (at = 1; at <= KJ_COLUMN_FIELDS; at++)
        sqlite3_bind_value(to, at, sqlite3_column_value(from, at - 1));
    for (size_t i = 0; rc == 0 && kj_collection(coll)->fields[i].name; i++)
        kj_sqlite_bind(to, at++, &values[i]);
    if (rc == 0) {
        sqlite3_bind_value(to, at, sqlite3_column_value(from, 3));
        int step = kj_sqlite_step(db, to);
        if (step != SQLITE_DONE)
            rc = kj_sqlite_break(db, step);
    }
    sqlite3_reset(to);
    bson_destroy(doc);
    return rc;
}

static int rebuild(struct kj_sqlite_db *db, enum kj_coll coll, const char *create,
                   struct kj_fault *fault)
{
    struct kj_buf text;
    sqlite3_stmt *from = NULL;
    int rc;
    kj_buf_init(&text, 0);
    kj_buf_addf(&text, "ALTER TABLE \"%s\" RENAME TO kj_old; %s;", kj_coll_name(coll), create);
    rc = exec(db, text.data);
    kj_buf_fini(&text);
    if (rc < 0)
        return rc;
    int sql = sqlite3_prepare_v2(db->sql, "SELECT id, version, workspace, doc FROM kj_old", -1,
                                 &from, NULL);
    if (sql != SQLITE_OK)
        return kj_sqlite_break(db, sql);
    while (rc == 0 && kj_sqlite_step(db, from) == SQLITE_ROW)
        rc = copy_row(db, coll, from, fault);
    sqlite3_finalize(from);
    kj_sqlite_forget(db); // its insert is of a schema that changes again
    if (rc < 0)
        return rc;
    return db->broken ? db->broken : exec(db, "DROP TABLE kj_old");
}

static int make_table(struct kj_sqlite_db *db, enum kj_coll coll, bool always,
                      struct kj_fault *fault)
{
    struct kj_buf want;
    kj_buf_init(&want, 0);
    table_text(&want, coll);
    char *have = made_by(db, kj_coll_name(coll));
    int rc = db->broken;
    if (have == NULL)
        rc = exec(db, want.data);
    else if (always || strcmp(have, want.data) != 0)
        rc = rebuild(db, coll, want.data, fault);
    free(have);
    kj_buf_fini(&want);
    return rc < 0 ? rc : make_indexes(db, coll);
}

// 0 = a new file; negative = KJ_E*.
static int stored_format(struct kj_sqlite_db *db, const char *path, struct kj_fault *fault)
{
    sqlite3_stmt *stmt;
    char *meta = made_by(db, "meta");
    int format = 0;
    if (meta == NULL)
        return db->broken;
    free(meta);
    int rc = sqlite3_prepare_v2(
        db->sql, "SELECT doc FROM meta WHERE key = 'format' AND workspace = ''", -1, &stmt, NULL);
    if (rc != SQLITE_OK)
        return kj_sqlite_break(db, rc);
    if (kj_sqlite_step(db, stmt) == SQLITE_ROW) {
        bson_t *doc = kj_sqlite_doc(stmt, 0);
        format = doc ? (int)kj_doc_int(doc, "format", 0) : 0;
        kj_doc_clear(&doc);
    }
    sqlite3_finalize(stmt);
    if (db->broken || format > 0)
        return db->broken ? db->broken : format;
    return kj_fault(fault, KJ_EINVAL, path, "restore it from a backup",
                    "The database %s does not say which format it has.", path);
}

static int store_format(struct kj_sqlite_db *db, int format)
{
    struct kj_store_request request = {0};
    struct kj_store_op op = {.coll = KJ_META};
    struct kj_sqlite_run run = {.db = db, .request = &request, .op = &op};
    bson_t doc = BSON_INITIALIZER;
    exec(db, "DELETE FROM meta WHERE key = 'format' AND workspace = ''");
    kj_doc_put_text(&doc, "key", "format");
    kj_doc_put_int(&doc, "format", format);
    int rc = db->broken ? db->broken : kj_sqlite_add(&run, &doc, "", NULL);
    bson_destroy(&doc);
    return rc;
}

// Where the ids go on: never below one that was given, even if its document is gone.
static int load_next_ids(struct kj_sqlite_db *db)
{
    struct kj_buf text;
    sqlite3_stmt *stmt;
    kj_buf_init(&text, 0);
    for (size_t coll = 0; coll < KJ_COLL_COUNT && !db->broken; coll++) {
        const char *name = kj_coll_name((enum kj_coll)coll);
        kj_buf_reset(&text);
        kj_buf_addf(&text,
                    "SELECT max(1, ifnull((SELECT next FROM sequences WHERE name = '%s'), 1),"
                    " ifnull((SELECT max(id) FROM \"%s\"), 0) + 1)",
                    name, name);
        int rc = sqlite3_prepare_v2(db->sql, text.data, -1, &stmt, NULL);
        if (rc != SQLITE_OK) {
            kj_sqlite_break(db, rc);
            break;
        }
        if (kj_sqlite_step(db, stmt) == SQLITE_ROW)
            db->next_id[coll] = sqlite3_column_int64(stmt, 0);
        sqlite3_finalize(stmt);
    }
    kj_buf_fini(&text);
    return db->broken;
}

static int build(struct kj_sqlite_db *db, bool always, int format, struct kj_fault *fault)
{
    struct kj_buf text;
    kj_buf_init(&text, 0);
    kj_buf_addf(&text, "PRAGMA application_id = %d;", KJ_SQLITE_APPLICATION);
    kj_buf_adds(&text, "CREATE TABLE IF NOT EXISTS sequences"
                       " (name TEXT PRIMARY KEY, next INTEGER NOT NULL) WITHOUT ROWID;");
    int rc = exec(db, text.data);
    kj_buf_fini(&text);
    for (size_t coll = 0; coll < KJ_COLL_COUNT && rc == 0; coll++)
        rc = make_table(db, (enum kj_coll)coll, always, fault);
    if (rc == 0)
        rc = load_next_ids(db);
    return rc == 0 && format ? store_format(db, format) : rc;
}

static int migrate(struct kj_sqlite_db *db, const char *path, int format,
                   const struct kj_sqlite_step_up *steps, size_t n_steps, struct kj_fault *fault)
{
    int have = stored_format(db, path, fault);
    if (have < 0)
        return have;
    if (have > format)
        return kj_fault(fault, KJ_EVERSION, path, "install the Kejue that wrote it, or a newer one",
                        "The database %s has format %d; this Kejue knows formats up to %d.", path,
                        have, format);
    int rc = 0;
    bool stepped = false;
    for (size_t i = 0; i < n_steps && have > 0 && rc == 0; i++)
        if (steps[i].to > have && steps[i].to <= format) {
            rc = steps[i].run(db, fault);
            stepped = true;
        }
    // After a step the columns no longer repeat the documents.
    return rc < 0 ? rc : build(db, stepped, have < format ? format : 0, fault);
}

int kj_sqlite_schema(struct kj_sqlite_db *db, const char *path, int format,
                     const struct kj_sqlite_step_up *steps, size_t n_steps, struct kj_fault *fault)
{
    int rc = exec(db, "BEGIN IMMEDIATE");
    if (rc == 0)
        rc = migrate(db, path, format, steps, n_steps, fault);
    if (rc == 0)
        rc = exec(db, "COMMIT");
    if (rc == 0)
        return 0;
    fault_of(db, fault);
    kj_sqlite_forget(db);
    if (!sqlite3_get_autocommit(db->sql))
        sqlite3_exec(db->sql, "ROLLBACK", NULL, NULL, NULL);
    return rc;
}
