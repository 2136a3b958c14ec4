// Find and count: a checked filter becomes SQL over the declared columns, values are always bound.
#include "store/sqlite.h"

#include "base/str.h"
#include "store/filter.h"

#include <string.h>

static void add_column(struct kj_buf *text, const struct kj_field *field)
{
    if (strcmp(field->name, "_id") == 0)
        kj_buf_adds(text, "id");
    else
        kj_buf_addf(text, "\"%s\"", field->name);
}

// Rounded up, so that lists of all lengths need few statements; the last value is repeated.
static size_t in_slots(size_t count)
{
    size_t slots = 1;
    while (slots < count)
        slots *= 2;
    return slots;
}

// Written into the statement instead of bound, so that SQLite sees which index holds it.
static bool is_literal(const struct kj_filter *filter, const struct kj_term *term)
{
    const struct kj_value *value = &filter->values[term->first];
    return (term->field->flags & KJ_WORD) && term->compare == KJ_IS &&
           value->kind == KJ_VALUE_TEXT && value->length <= 16 &&
           strspn(value->text, "abcdefghijklmnopqrstuvwxyz_") == value->length;
}

static void add_term(struct kj_buf *text, const struct kj_filter *filter,
                     const struct kj_term *term)
{
    static const char *const k_compare[] = {" = ?", " IS NOT ?", " < ?",  " <= ?",
                                            " > ?", " >= ?",     " IN (", " >= ? AND "};
    bool absent = term->compare <= KJ_IS_NOT && filter->values[term->first].kind == KJ_VALUE_NONE;
    if (term->compare == KJ_IN && term->count == 0) {
        kj_buf_adds(text, "0");
        return;
    }
    add_column(text, term->field);
    if (is_literal(filter, term)) {
        kj_buf_addf(text, " = '%s'", filter->values[term->first].text);
        return;
    }
    if (absent) {
        kj_buf_adds(text, term->compare == KJ_IS ? " IS NULL" : " IS NOT NULL");
        return;
    }
    kj_buf_adds(text, k_compare[term->compare]);
    if (term->compare == KJ_IN) {
        for (size_t i = 0; i < in_slots(term->count); i++)
            kj_buf_adds(text, i ? ", ?" : "?");
        kj_buf_addc(text, ')');
    } else if (term->compare == KJ_PREFIX) {
        add_column(text, term->field);
        kj_buf_adds(text, " < (? || char(1114111))"); // the last code point there is
    }
}

// The plus hides the workspace from SQLite's planner where the order is that of a field's index
// (field, workspace, id): it would take the workspace out of the order, and then sort.
static void add_where(struct kj_buf *text, const struct kj_filter *filter, bool workspace,
                      bool by_field)
{
    if (workspace)
        kj_buf_adds(text, by_field ? " WHERE +workspace = ?" : " WHERE workspace = ?");
    for (size_t i = 0; i < filter->n_terms; i++) {
        kj_buf_adds(text, i || workspace ? " AND " : " WHERE ");
        add_term(text, filter, &filter->terms[i]);
    }
}

static int bind_where(sqlite3_stmt *stmt, const struct kj_filter *filter, const char *workspace)
{
    int at = 1;
    if (*workspace)
        kj_sqlite_bind_text(stmt, at++, workspace);
    for (size_t i = 0; i < filter->n_terms; i++) {
        const struct kj_term *term = &filter->terms[i];
        const struct kj_value *values = filter->values + term->first;
        if (term->compare == KJ_IN) {
            for (size_t n = 0; term->count && n < in_slots(term->count); n++)
                kj_sqlite_bind(stmt, at++, &values[n < term->count ? n : term->count - 1]);
            continue;
        }
        if (values->kind == KJ_VALUE_NONE || is_literal(filter, term))
            continue;
        kj_sqlite_bind(stmt, at++, values);
        if (term->compare == KJ_PREFIX)
            kj_sqlite_bind(stmt, at++, values);
    }
    return at;
}

// The workspace stands between the field and the id because it does so in the indexes.
static void add_order(struct kj_buf *text, const struct kj_field *field, bool descending)
{
    const char *way = descending ? " DESC" : "";
    kj_buf_adds(text, " ORDER BY ");
    if (strcmp(field->name, "_id") != 0) {
        add_column(text, field);
        kj_buf_addf(text, "%s, workspace%s, ", way, way);
    }
    kj_buf_addf(text, "id%s LIMIT ? OFFSET ?", way);
}

static void collect(struct kj_sqlite_run *run, sqlite3_stmt *stmt)
{
    while (kj_sqlite_step(run->db, stmt) == SQLITE_ROW) {
        bson_t *doc = kj_sqlite_doc(stmt, 0);
        if (doc == NULL) {
            kj_sqlite_break(run->db, SQLITE_CORRUPT);
            break;
        }
        kj_store_add_doc(run->op, doc);
    }
    sqlite3_reset(stmt);
}

int kj_sqlite_find(struct kj_sqlite_run *run)
{
    const char *workspace = run->request->workspace;
    const struct kj_field *sort;
    struct kj_filter filter = {0};
    struct kj_buf text;
    bool descending;
    kj_buf_init(&text, 0);
    int rc = kj_sort_parse(run->op->coll, run->op->sort, &sort, &descending, &run->request->fault);
    if (rc == 0)
        rc = kj_filter_parse(run->op->coll, run->op->filter, &filter, &run->request->fault);
    if (rc < 0)
        goto out;
    kj_buf_addf(&text, "SELECT doc FROM \"%s\"", kj_coll_name(run->op->coll));
    add_where(&text, &filter, *workspace != 0, strcmp(sort->name, "_id") != 0);
    add_order(&text, sort, descending);
    sqlite3_stmt *stmt = kj_sqlite_prepare(run->db, text.data);
    if (stmt == NULL)
        goto out;
    int at = bind_where(stmt, &filter, workspace);
    sqlite3_bind_int64(stmt, at, kj_store_limit(run->op));
    sqlite3_bind_int64(stmt, at + 1, run->op->skip);
    collect(run, stmt);
out:
    kj_filter_fini(&filter);
    kj_buf_fini(&text);
    return rc;
}

int kj_sqlite_count(struct kj_sqlite_run *run)
{
    const char *workspace = run->request->workspace;
    struct kj_filter filter;
    struct kj_buf text;
    kj_buf_init(&text, 0);
    int rc = kj_filter_parse(run->op->coll, run->op->filter, &filter, &run->request->fault);
    if (rc < 0)
        goto out;
    kj_buf_addf(&text, "SELECT count(*) FROM \"%s\"", kj_coll_name(run->op->coll));
    add_where(&text, &filter, *workspace != 0, false);
    sqlite3_stmt *stmt = kj_sqlite_prepare(run->db, text.data);
    if (stmt == NULL)
        goto out;
    bind_where(stmt, &filter, workspace);
    if (kj_sqlite_step(run->db, stmt) == SQLITE_ROW)
        run->op->count = sqlite3_column_int64(stmt, 0);
    sqlite3_reset(stmt);
out:
    kj_filter_fini(&filter);
    kj_buf_fini(&text);
    return rc;
}
