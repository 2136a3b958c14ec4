// The claim: the most urgent due jobs of the kinds that have room, at a cost that does not grow
// with how many wait.
//
// The index (kind, priority DESC, due) over waiting jobs is walked level by level: a level is one
// kind at one priority, and one probe finds a kind's next lower level with its earliest due. So a
// kind without room, or a million jobs that are not due yet, cost nothing; a claim costs one probe
// per level (priorities in use, at most 101, times kinds) and the jobs it takes. INDEXED BY makes
// SQLite refuse the statement rather than answer it by a scan or a sort.
#include "store/sqlite.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

#define WAITING " FROM jobs INDEXED BY jobs_claim WHERE state = 'waiting'"

static const char k_next_kind[] = "SELECT kind" WAITING " AND kind > ?1 ORDER BY kind LIMIT 1";
static const char k_next_level[] =
    "SELECT priority, due" WAITING " AND kind = ?1 AND priority <= ?2"
    " ORDER BY priority DESC, due LIMIT 1";
static const char k_due[] =
    "SELECT due, id, version, doc" WAITING " AND kind = ?1 AND priority = ?2"
    " AND due <= ?3 ORDER BY due, id LIMIT ?4";
static const char k_set[] = "UPDATE jobs SET version = ?1, state = 'running', host = ?2, doc = ?3"
                            " WHERE id = ?4";

struct kind {
    char *name;
    bool has_level; // else nothing (more) waits
    int64_t priority, due;
};

struct candidate {
    int64_t due, id, version;
    bson_t *doc; // as the claim leaves it
};

struct claim {
    struct kj_sqlite_run *run;
    struct kind *kinds;
    size_t n_kinds;
    struct candidate *found;
    size_t n_found;
};

static void add_kind(struct claim *claim, const char *name)
{
    for (size_t i = 0; i < claim->n_kinds; i++)
        if (strcmp(claim->kinds[i].name, name) == 0)
            return;
    claim->kinds = kj_realloc(claim->kinds, sizeof *claim->kinds * (claim->n_kinds + 1));
    claim->kinds[claim->n_kinds++] = (struct kind){kj_strdup(name), false, 0, 0};
}

static void list_kinds(struct claim *claim)
{
    const char *const *names = claim->run->op->kinds;
    for (size_t i = 0; names && names[i]; i++)
        add_kind(claim, names[i]);
    if (names)
        return;
    sqlite3_stmt *stmt = kj_sqlite_prepare(claim->run->db, k_next_kind);
    if (stmt == NULL)
        return;
    kj_sqlite_bind_text(stmt, 1, "");
    while (kj_sqlite_step(claim->run->db, stmt) == SQLITE_ROW) {
        add_kind(claim, (const char *)sqlite3_column_text(stmt, 0));
        sqlite3_reset(stmt);
        kj_sqlite_bind_text(stmt, 1, claim->kinds[claim->n_kinds - 1].name);
    }
    sqlite3_reset(stmt);
}

// The kind's highest level at or below `most`.
static void seek_level(struct claim *claim, struct kind *kind, int64_t most)
{
    sqlite3_stmt *stmt = kj_sqlite_prepare(claim->run->db, k_next_level);
    kind->has_level = false;
    if (stmt == NULL)
        return;
    kj_sqlite_bind_text(stmt, 1, kind->name);
    sqlite3_bind_int64(stmt, 2, most);
    if (kj_sqlite_step(claim->run->db, stmt) == SQLITE_ROW) {
        kind->has_level = true;
        kind->priority = sqlite3_column_int64(stmt, 0);
        kind->due = sqlite3_column_int64(stmt, 1);
    }
    sqlite3_reset(stmt);
}

static void next_level(struct claim *claim, struct kind *kind)
{
    if (kind->priority == INT64_MIN)
        kind->has_level = false;
    else
        seek_level(claim, kind, kind->priority - 1);
}

static int by_due(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->due != y->due)
        return x->due < y->due ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

// The job's document as the claim leaves it; NULL: the bytes are no document.
static bson_t *claimed_doc(const struct kj_store_op *op, sqlite3_stmt *row, int64_t version)
{
    bson_t changes = BSON_INITIALIZER, doc;
    if (!bson_init_static(&doc, sqlite3_column_blob(row, 3), (size_t)sqlite3_column_bytes(row, 3)))
        return NULL;
    kj_doc_put_int(&changes, "version", version);
    kj_doc_put_text(&changes, "state", "running");
    kj_doc_put_text(&changes, "host", op->host);
    kj_doc_put_int(&changes, "token", kj_doc_int(&doc, "token", 0) + 1);
    kj_doc_put_time(&changes, "updated_at", op->now);
    bson_t *claimed = kj_doc_with(&doc, &changes);
    bson_destroy(&changes);
    return claimed;
}

static bool add_candidate(struct claim *claim, sqlite3_stmt *row)
{
    int64_t version = sqlite3_column_int64(row, 2) + 1;
    bson_t *doc = claimed_doc(claim->run->op, row, version);
    if (doc == NULL)
        return false;
    if ((claim->n_found & (claim->n_found - 1)) == 0)
        claim->found = kj_realloc(claim->found,
                                  sizeof *claim->found * (claim->n_found ? 2 * claim->n_found : 1));
    claim->found[claim->n_found++] = (struct candidate){sqlite3_column_int64(row, 0),
                                                        sqlite3_column_int64(row, 1), version, doc};
    return true;
}

// The documents come with the walk: a look-up for each would be a third more of what a job costs
// here. (A claim of several kinds may read some that it does not take.)
static void gather(struct claim *claim, const struct kind *kind, int64_t most)
{
    const struct kj_store_op *op = claim->run->op;
    sqlite3_stmt *stmt = kj_sqlite_prepare(claim->run->db, k_due);
    if (stmt == NULL)
        return;
    kj_sqlite_bind_text(stmt, 1, kind->name);
    sqlite3_bind_int64(stmt, 2, kind->priority);
    sqlite3_bind_int64(stmt, 3, op->now);
    sqlite3_bind_int64(stmt, 4, most);
    while (kj_sqlite_step(claim->run->db, stmt) == SQLITE_ROW)
        if (!add_candidate(claim, stmt)) {
            kj_sqlite_break(claim->run->db, SQLITE_CORRUPT);
            break;
        }
    sqlite3_reset(stmt);
}

static void take(struct claim *claim, sqlite3_stmt *set, struct candidate *candidate)
{
    struct kj_sqlite_run *run = claim->run;
    sqlite3_bind_int64(set, 1, candidate->version);
    kj_sqlite_bind_text(set, 2, run->op->host);
    sqlite3_bind_blob(set, 3, bson_get_data(candidate->doc), (int)candidate->doc->len,
                      SQLITE_STATIC);
    sqlite3_bind_int64(set, 4, candidate->id);
    if (kj_sqlite_step(run->db, set) == SQLITE_DONE) {
        kj_store_add_doc(run->op, candidate->doc);
        candidate->doc = NULL;
    }
    sqlite3_reset(set);
}

static void take_found(struct claim *claim, int64_t most)
{
    sqlite3_stmt *set = kj_sqlite_prepare(claim->run->db, k_set);
    if (claim->n_found > 1)
        qsort(claim->found, claim->n_found, sizeof *claim->found, by_due);
    for (size_t i = 0; set && i < claim->n_found && (int64_t)i < most && !claim->run->db->broken;
         i++)
        take(claim, set, &claim->found[i]);
    for (size_t i = 0; i < claim->n_found; i++)
        kj_doc_clear(&claim->found[i].doc);
    claim->n_found = 0;
}

// Takes the due jobs of the highest level of all kinds; false when no level is left.
static bool take_level(struct claim *claim, int64_t limit)
{
    const struct kj_store_op *op = claim->run->op;
    const struct kind *top = NULL;
    for (size_t i = 0; i < claim->n_kinds; i++)
        if (claim->kinds[i].has_level && (!top || claim->kinds[i].priority > top->priority))
            top = &claim->kinds[i];
    if (top == NULL)
        return false;
    int64_t priority = top->priority, left = limit - (int64_t)op->n_docs;
    for (size_t i = 0; i < claim->n_kinds; i++) {
        struct kind *kind = &claim->kinds[i];
        if (!kind->has_level || kind->priority != priority)
            continue;
        if (kind->due <= op->now)
            gather(claim, kind, left);
        next_level(claim, kind);
    }
    take_found(claim, left);
    return true;
}

static int64_t earliest_left(struct claim *claim)
{
    int64_t due = INT64_MAX;
    for (size_t i = 0; i < claim->n_kinds; i++) {
        struct kind *kind = &claim->kinds[i];
        for (seek_level(claim, kind, INT64_MAX); kind->has_level; next_level(claim, kind))
            if (kind->due < due)
                due = kind->due;
    }
    return due;
}

int kj_sqlite_claim(struct kj_sqlite_run *run)
{
    struct claim claim = {.run = run};
    int64_t limit = kj_store_limit(run->op);
    list_kinds(&claim);
    for (size_t i = 0; i < claim.n_kinds; i++)
        seek_level(&claim, &claim.kinds[i], INT64_MAX);
    while ((int64_t)run->op->n_docs < limit && !run->db->broken)
        if (!take_level(&claim, limit))
            break;
    run->op->next_due = earliest_left(&claim);
    for (size_t i = 0; i < claim.n_kinds; i++)
        free(claim.kinds[i].name);
    free(claim.kinds);
    free(claim.found);
    return 0;
}
