// Rows in memory: an array in the order of ids, a map of keys, and for each number or list that is
// looked for alone the rows that have it, again in the order of ids. New ids are the greatest, so
// that adding is appending. An index is made when it is first asked for: of those that a rehearsal
// could keep it asks half.
#include "store/memory.h"

#include "base/alloc.h"
#include "doc/decimal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// --- rows in the order of ids ---

size_t kj_rows_behind(const struct kj_rows *rows, int64_t id)
{
    size_t low = 0, high = rows->count;
    if (high && rows->at[high - 1]->id <= id)
        return high;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (rows->at[middle]->id <= id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void add(struct kj_rows *rows, struct kj_row *row)
{
    size_t at = kj_rows_behind(rows, row->id);
    if (rows->count == rows->capacity) {
        rows->capacity = rows->capacity ? 2 * rows->capacity : 4;
        rows->at = kj_realloc(rows->at, sizeof *rows->at * rows->capacity);
    }
    memmove(rows->at + at + 1, rows->at + at, (rows->count - at) * sizeof *rows->at);
    rows->at[at] = row;
    rows->count++;
}

static void take_out(struct kj_rows *rows, const struct kj_row *row)
{
    size_t at = kj_rows_behind(rows, row->id) - 1;
    memmove(rows->at + at, rows->at + at + 1, (--rows->count - at) * sizeof *rows->at);
}

struct kj_row *kj_memory_row(const struct kj_table *table, int64_t id)
{
    const struct kj_rows *rows = &table->rows;
    uint64_t ahead = rows->count ? (uint64_t)(id - rows->at[0]->id) : 0;
    if (ahead < rows->count && rows->at[ahead]->id == id) // nothing was taken out before it
        return rows->at[ahead];
    size_t behind = kj_rows_behind(&table->rows, id);
    return behind && table->rows.at[behind - 1]->id == id ? table->rows.at[behind - 1] : NULL;
}

// --- keys ---

enum { k_name = 1024 };

// A key of any length: what does not fit is told apart by its hash.
static void key_name(const char *workspace, const char *key, size_t length, char name[k_name])
{
    size_t prefix = strlen(workspace);
    if (prefix + length + 2 <= k_name) {
        memcpy(name, workspace, prefix);
        name[prefix] = '\x1f';
        memcpy(name + prefix + 1, key, length);
        name[prefix + 1 + length] = 0;
    } else
        snprintf(name, k_name, "%s\x1f%.800s\x1f%zu\x1f%" PRIx64, workspace, key, length,
                 kj_hash(key, length));
}

struct kj_row *kj_memory_keyed(const struct kj_table *table, const char *workspace, const char *key)
{
    char name[k_name];
    key_name(workspace, key, strlen(key), name);
    return kj_map_get(&table->keys, name);
}

// Across workspaces a key means the document of the workspace that sorts first.
static struct kj_row *first_keyed(const struct kj_table *table, const char *key)
{
    struct kj_row *first = kj_memory_keyed(table, "", key);
    for (size_t i = 0; first == NULL || first->workspace[0]; i++) {
        if (i == table->rows.count)
            break;
        struct kj_row *row = table->rows.at[i];
        const struct kj_value *own = &row->values[0];
        if (own->kind == KJ_VALUE_TEXT && strcmp(own->text, key) == 0 &&
            (first == NULL || strcmp(row->workspace, first->workspace) < 0))
            first = row;
    }
    return first;
}

struct kj_row *kj_memory_seek(const struct kj_memory_run *run)
{
    const struct kj_store_op *op = run->op;
    const struct kj_table *table = &run->db->tables[op->coll];
    const char *workspace = run->request->workspace;
    struct kj_row *row = NULL;
    if (op->id) {
        row = kj_memory_row(table, op->id);
        return row && *workspace && strcmp(row->workspace, workspace) != 0 ? NULL : row;
    }
    if (op->key == NULL)
        return NULL;
    if (*workspace || op->verb == KJ_STORE_INCREMENT)
        return kj_memory_keyed(table, workspace, op->key);
    return first_keyed(table, op->key);
}

static void keep_key(struct kj_table *table, struct kj_row *row, bool keep)
{
    char name[k_name];
    const struct kj_value *key = &row->values[0];
    if (key->kind != KJ_VALUE_TEXT)
        return;
    key_name(row->workspace, key->text, key->length, name);
    if (keep)
        kj_map_put(&table->keys, name, row);
    else
        kj_map_remove(&table->keys, name);
}

// --- indexes ---

// Of words that change with every step only the rare ones: what waits and what is done is most of
// all, and found soon enough by a campaign or a lead.
bool kj_memory_indexed(const struct kj_field *field, const struct kj_value *value)
{
    if (field->flags & KJ_WORD)
        return value->kind == KJ_VALUE_TEXT && strcmp(value->text, "waiting") != 0 &&
               strcmp(value->text, "done") != 0;
    if (!(field->flags & KJ_ALONE))
        return false;
    return value->kind == KJ_VALUE_INT
               ? field->type == KJ_FIELD_INT
               : value->kind == KJ_VALUE_TEXT && strcmp(field->name, "list") == 0;
}

static void index_name(const struct kj_value *value, char name[k_name])
{
    if (value->kind == KJ_VALUE_INT)
        name[kj_decimal_print_int(value->integer, name)] = 0;
    else
        key_name("", value->text, value->length, name);
}

static void keep_index(struct kj_table *table, size_t field, struct kj_row *row, bool keep)
{
    char name[k_name];
    index_name(&row->values[field], name);
    struct kj_rows *rows = kj_map_get(&table->indexes[field], name);
    if (rows == NULL) {
        rows = KJ_NEW(struct kj_rows);
        kj_map_put(&table->indexes[field], name, rows);
    }
    if (keep)
        add(rows, row);
    else
        take_out(rows, row);
}

const struct kj_rows *kj_memory_index(struct kj_table *table, const struct kj_field *fields,
                                      size_t field, const struct kj_value *value)
{
    char name[k_name];
    for (size_t i = 0; !table->asked[field] && i < table->rows.count; i++)
        if (kj_memory_indexed(&fields[field], &table->rows.at[i]->values[field]))
            keep_index(table, field, table->rows.at[i], true);
    table->asked[field] = true;
    index_name(value, name);
    return kj_map_get(&table->indexes[field], name);
}

// --- waiting jobs ---

static struct kj_level *level_of(struct kj_memory_db *db, const char *kind, int64_t priority)
{
    size_t at = 0;
    for (; at < db->n_levels && db->levels[at]->priority >= priority; at++)
        if (db->levels[at]->priority == priority && strcmp(db->levels[at]->kind, kind) == 0)
            return db->levels[at];
    struct kj_level *level = KJ_NEW(struct kj_level);
    level->kind = kj_strdup(kind);
    level->priority = priority;
    kj_heap_init(&level->due);
    db->levels = kj_realloc(db->levels, sizeof *db->levels * (db->n_levels + 1));
    memmove(db->levels + at + 1, db->levels + at, (db->n_levels - at) * sizeof *db->levels);
    db->levels[at] = level;
    db->n_levels++;
    return level;
}

enum { JOB_KEY, JOB_STATE, JOB_KIND, JOB_DUE, JOB_PRIORITY }; // columns, as in collections.c

static void leave_level(struct kj_row *row)
{
    if (row->level)
        kj_heap_remove(&row->level->due, &row->node);
    row->level = NULL;
}

static void enter_level(struct kj_memory_db *db, struct kj_row *row)
{
    const struct kj_value *values = row->values;
    if (values[JOB_STATE].kind != KJ_VALUE_TEXT || strcmp(values[JOB_STATE].text, "waiting") != 0)
        return;
    row->level = level_of(db, values[JOB_KIND].text, values[JOB_PRIORITY].integer);
    row->level->due.next_sequence = (uint64_t)row->id; // equal instants leave in the order of ids
    kj_heap_push(&row->level->due, &row->node, values[JOB_DUE].integer);
}

// --- writing ---

// Only what changed is taken out of its index and put in again.
static void change_places(struct kj_memory_db *db, enum kj_coll coll, struct kj_row *row,
                          const struct kj_value *next, bool keep)
{
    struct kj_table *table = &db->tables[coll];
    const struct kj_field *fields = kj_collection(coll)->fields;
    for (size_t i = 0; fields[i].name; i++) {
        if (next && kj_value_equal(&row->values[i], &next[i]))
            continue;
        if (i == 0)
            keep_key(table, row, keep);
        else if (table->asked[i] && kj_memory_indexed(&fields[i], &row->values[i]))
            keep_index(table, i, row, keep);
    }
}

static int judge_ids(struct kj_memory_run *run, const struct kj_row *row, int64_t id,
                     const struct kj_value *key, const char *workspace)
{
    struct kj_table *table = &run->db->tables[run->op->coll];
    struct kj_row *owner = NULL;
    char name[k_name];
    if (row == NULL && kj_memory_row(table, id)) {
        run->op->new_id = id;
        return KJ_EEXISTS;
    }
    if (key->kind == KJ_VALUE_TEXT && !(row && kj_value_equal(&row->values[0], key))) {
        key_name(workspace, key->text, key->length, name);
        owner = kj_map_get(&table->keys, name);
    }
    if (owner == NULL || owner == row)
        return 0;
    run->op->new_id = owner->id;
    return KJ_EEXISTS;
}

// Puts the row's new document, in which the values stand, in the place of the old one. Which of its
// places are new is seen by the old values, and these stand in the old document.
static void swap_doc(struct kj_memory_db *db, enum kj_coll coll, struct kj_row *row,
                     const struct kj_value *values, bson_t *stored_take)
{
    bool new = row->doc == NULL;
    bson_t *old = row->doc;
    struct kj_value before[KJ_FIELDS_MAX];
    size_t size = db->tables[coll].n_fields * sizeof *values;
    if (!new)
        change_places(db, coll, row, values, false);
    leave_level(row);
    memcpy(before, row->values, size);
    memcpy(row->values, values, size);
    row->doc = stored_take;
    row->workspace = kj_stamped_workspace(stored_take);
    change_places(db, coll, row, new ? NULL : before, true);
    kj_doc_clear(&old);
    if (coll == KJ_JOBS)
        enter_level(db, row);
    if (new)
        add(&db->tables[coll].rows, row);
}

static int64_t version_after(const struct kj_memory_run *run, const struct kj_row *row,
                             const bson_t *doc)
{
    if (row)
        return row->version + 1;
    return run->op->verb == KJ_STORE_PUT ? kj_doc_int(doc, "version", 1) : 1;
}

int kj_memory_put(struct kj_memory_run *run, struct kj_row *row, const bson_t *doc,
                  const char *workspace)
{
    enum kj_coll coll = run->op->coll;
    struct kj_table *table = &run->db->tables[coll];
    struct kj_value values[KJ_FIELDS_MAX];
    size_t stamps;
    int rc = kj_collection_values(coll, doc, values, &stamps, &run->request->fault);
    if (rc == 0)
        rc = kj_store_check_doc(run->request, run->op, doc, row == NULL && stamps);
    if (rc < 0)
        return rc;
    int64_t id = row ? row->id : stamps ? kj_doc_int(doc, "_id", 0) : 0;
    if (id == 0)
        id = table->next_id;
    rc = judge_ids(run, row, id, &values[0], workspace);
    if (rc < 0)
        return rc;
    int64_t version = version_after(run, row, doc);
    bson_t *stored = kj_stamped(doc, stamps, id, version, workspace, values);
    if (row == NULL)
        row = kj_alloc(sizeof *row + table->n_fields * sizeof *values);
    row->id = id;
    row->version = version;
    swap_doc(run->db, coll, row, values, stored);
    if (id >= table->next_id)
        table->next_id = id + 1;
    run->op->new_id = id;
    run->op->new_version = version;
    run->workspace = row->workspace;
    return 0;
}

static void row_free(struct kj_row *row)
{
    kj_doc_clear(&row->doc);
    free(row);
}

void kj_memory_drop(struct kj_memory_db *db, enum kj_coll coll, struct kj_row *row)
{
    change_places(db, coll, row, NULL, false);
    leave_level(row);
    take_out(&db->tables[coll].rows, row);
    row_free(row);
}

// --- life ---

void kj_memory_init(struct kj_memory_db *db)
{
    for (int coll = 0; coll < KJ_COLL_COUNT; coll++) {
        struct kj_table *table = &db->tables[coll];
        const struct kj_field *fields = kj_collection((enum kj_coll)coll)->fields;
        table->next_id = 1;
        while (fields[table->n_fields].name)
            table->n_fields++;
        kj_map_init(&table->keys);
        for (size_t i = 0; i < KJ_FIELDS_MAX; i++)
            kj_map_init(&table->indexes[i]);
    }
}

static void index_fini(struct kj_map *index)
{
    const char *name;
    void *value;
    for (size_t at = 0; kj_map_next(index, &at, &name, &value);) {
        free(((struct kj_rows *)value)->at);
        free(value);
    }
    kj_map_fini(index);
}

void kj_memory_fini(struct kj_memory_db *db)
{
    for (int coll = 0; coll < KJ_COLL_COUNT; coll++) {
        struct kj_table *table = &db->tables[coll];
        for (size_t i = 0; i < table->rows.count; i++)
            row_free(table->rows.at[i]);
        free(table->rows.at);
        kj_map_fini(&table->keys);
        for (size_t i = 0; i < KJ_FIELDS_MAX; i++)
            index_fini(&table->indexes[i]);
    }
    for (size_t i = 0; i < db->n_levels; i++) {
        kj_heap_fini(&db->levels[i]->due);
        free(db->levels[i]->kind);
        free(db->levels[i]);
    }
    free(db->levels);
}
