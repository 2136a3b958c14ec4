// The SQLite store's parts. Room-private.
//
// sqlite.c       the store: intake, threads, acknowledgements      loop thread and lane threads
// sqlite_open.c  a connection, the lock, what may be wrong         at open only
// sqlite_schema.c tables, indexes, format                          at open only
// sqlite_group.c one transaction for everything that was queued    lane thread
// sqlite_trim.c  keeps the file from growing                      lane thread
// sqlite_db.c    statements and errors; _write, _increment, _find, _claim, _events: the verbs
#ifndef KJ_SQLITE_H
#define KJ_SQLITE_H

#include "base/map.h"
#include "store/collections.h"
#include "store/store_parts.h"

#include <sqlite3.h>

enum { KJ_SQLITE_FORMAT = 1, KJ_SQLITE_APPLICATION = 0x4b656a75 }; // "Keju"

enum kj_fixed { // statements that exist once per collection
    KJ_FIXED_INSERT,
    KJ_FIXED_HEAD_ID, // id, version, workspace, then the declared fields
    KJ_FIXED_HEAD_KEY,
    KJ_FIXED_ROW_ID, // the same, then the document
    KJ_FIXED_ROW_KEY,
    KJ_FIXED_DELETE,
    KJ_FIXED_COUNT
};
enum { KJ_COLUMN_ID, KJ_COLUMN_VERSION, KJ_COLUMN_WORKSPACE, KJ_COLUMN_FIELDS };

// A connection. Used by one thread at a time.
struct kj_sqlite_db {
    sqlite3 *sql;
    sqlite3_stmt *fixed[KJ_COLL_COUNT][KJ_FIXED_COUNT];
    sqlite3_stmt **updates[KJ_COLL_COUNT]; // by the set of changed fields, a bit each; or NULL
    struct kj_map others;                  // by their text; emptied when there are too many
    int broken;                            // KJ_E* that ends the group; 0 = go on
    struct kj_fault fault;
    bool writer;
    // Writer only. The next id of each collection; of events: the next number. After a start it is
    // found from the greatest id there is; only a delete could hide one that was given, so a
    // collection with deletes keeps it in table `sequences`.
    int64_t next_id[KJ_COLL_COUNT];
    bool deleted[KJ_COLL_COUNT]; // within this group
    int64_t events_kept, jobs_kept;
    struct {                             // sqlite_trim.c; goes back with its group
        int64_t inserted[KJ_COLL_COUNT]; // since the last trim that had nothing left to do
        int64_t jobs_from;               // up to this id all jobs were looked at
    } trim;
    bool simulated;
    char *host;
};

// A request being run: what the verbs get.
struct kj_sqlite_run {
    struct kj_sqlite_db *db;
    struct kj_store_request *request;
    struct kj_store_op *op;
    struct kj_store_op *events; // collects the group's events in its docs
    char workspace[64];         // of the document that was written: its events carry it
};

// sqlite_db.c
sqlite3_stmt *kj_sqlite_fixed(struct kj_sqlite_db *db, enum kj_coll coll, enum kj_fixed which);
sqlite3_stmt *kj_sqlite_prepare(struct kj_sqlite_db *db, const char *text); // cached; NULL: broken
// UPDATE … SET version, doc and the fields in `changed` (a bit each, bound in that order) WHERE id.
sqlite3_stmt *kj_sqlite_update(struct kj_sqlite_db *db, enum kj_coll coll, unsigned changed);
void kj_sqlite_bind(sqlite3_stmt *stmt, int at, const struct kj_value *value);
void kj_sqlite_bind_text(sqlite3_stmt *stmt, int at, const char *text);
// SQLITE_ROW, SQLITE_DONE, SQLITE_CONSTRAINT_…; every other result has set db->broken.
int kj_sqlite_step(struct kj_sqlite_db *db, sqlite3_stmt *stmt);
// Ends the group: maps the connection's last error. Returns the KJ_E*.
int kj_sqlite_break(struct kj_sqlite_db *db, int rc);
int kj_sqlite_error(int rc); // KJ_E* of an SQLite code
int kj_sqlite_exec(struct kj_sqlite_db *db, const char *text);
bson_t *kj_sqlite_doc(sqlite3_stmt *stmt, int column); // NULL when the bytes are not BSON
void kj_sqlite_forget(struct kj_sqlite_db *db);        // finalizes all statements

// sqlite_open.c
int kj_sqlite_lock(const char *path, int *lock, struct kj_fault *fault) KJ_MUST_USE;
int kj_sqlite_open(const char *path, bool writer, bool volatile_data, struct kj_sqlite_db *db,
                   struct kj_fault *fault) KJ_MUST_USE;
// Once the schema stands: only then is there a log. No error: without its room it is slower.
void kj_sqlite_reserve_log(const char *path);
int kj_sqlite_errno(sqlite3 *sql, int rc); // behind an I/O error; 0 = unknown
bool kj_sqlite_no_space(int rc, int number);
void kj_sqlite_close(struct kj_sqlite_db *db); // NULL-safe parts: also after a failed open

// sqlite_schema.c
struct kj_sqlite_step_up {
    int to; // format after it
    int (*run)(struct kj_sqlite_db *db, struct kj_fault *fault);
};
// Tables, columns and indexes as the table of collections says, format by format; all or nothing.
int kj_sqlite_schema(struct kj_sqlite_db *db, const char *path, int format,
                     const struct kj_sqlite_step_up *steps, size_t n_steps,
                     struct kj_fault *fault) KJ_MUST_USE;

// sqlite_group.c: runs the list in one transaction; appends its events to `events`.
void kj_sqlite_group(struct kj_sqlite_db *db, struct kj_store_request *first,
                     struct kj_store_op *events);

// The verbs. They return the op's status; a broken db outranks it.
int kj_sqlite_get(struct kj_sqlite_run *run);
int kj_sqlite_insert(struct kj_sqlite_run *run);
int kj_sqlite_replace(struct kj_sqlite_run *run);
int kj_sqlite_increment(struct kj_sqlite_run *run);
int kj_sqlite_delete(struct kj_sqlite_run *run);
int kj_sqlite_find(struct kj_sqlite_run *run);
int kj_sqlite_count(struct kj_sqlite_run *run);
int kj_sqlite_claim(struct kj_sqlite_run *run);
int kj_sqlite_move(struct kj_sqlite_run *run);
int kj_sqlite_next(struct kj_sqlite_run *run);

// sqlite_write.c, for the other verbs that write
// Steps a HEAD or ROW statement to the op's document; NULL and *status otherwise. Reset it.
sqlite3_stmt *kj_sqlite_seek(struct kj_sqlite_run *run, bool with_doc, int *status);
// `doc` as a new document of the workspace; ids as for insert.
int kj_sqlite_add(struct kj_sqlite_run *run, const bson_t *doc, const char *workspace,
                  bson_t **stored);
// Puts `doc` over the row at which `old` (HEAD or ROW) stands, and resets it.
int kj_sqlite_put(struct kj_sqlite_run *run, sqlite3_stmt *old, const bson_t *doc, bson_t **stored);

// sqlite_events.c
// Numbers and stores the op's events.
int kj_sqlite_add_events(struct kj_sqlite_run *run);

// sqlite_trim.c: within a group, drops what is older than is kept. `now`: wall ms.
void kj_sqlite_trim(struct kj_sqlite_db *db, int64_t now);
void kj_sqlite_trim_begin(struct kj_sqlite_db *db); // once, after opening

#endif
