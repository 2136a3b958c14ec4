// Find and count in memory: the smallest index that holds the answer is walked in the order of ids;
// without one all rows are.
#include "store/memory.h"

#include "base/alloc.h"
#include "store/filter.h"

#include <stdlib.h>
#include <string.h>

static struct kj_value value_of(const struct kj_row *row, enum kj_coll coll,
                                const struct kj_field *field)
{
    const struct kj_field *fields = kj_collection(coll)->fields;
    if (field >= fields && field < fields + KJ_FIELDS_MAX) // no names here: this runs for each row
        return row->values[field - fields];
    if (field->name[0] == '_')
        return (struct kj_value){.kind = KJ_VALUE_INT, .integer = row->id};
    return (struct kj_value){
        .kind = KJ_VALUE_TEXT, .text = row->workspace, .length = (uint32_t)strlen(row->workspace)};
}

static int compare_texts(const struct kj_value *a, const struct kj_value *b)
{
    uint32_t length = a->length < b->length ? a->length : b->length;
    int order = memcmp(a->text, b->text, length);
    return order ? order : a->length < b->length ? -1 : a->length > b->length;
}

// What is absent sorts first.
static int compare(const struct kj_value *a, const struct kj_value *b)
{
    if (a->kind == KJ_VALUE_NONE || b->kind == KJ_VALUE_NONE)
        return (a->kind != KJ_VALUE_NONE) - (b->kind != KJ_VALUE_NONE);
    if (a->kind == KJ_VALUE_TEXT)
        return compare_texts(a, b);
    if (a->kind == KJ_VALUE_REAL)
        return a->real < b->real ? -1 : a->real > b->real;
    return a->integer < b->integer ? -1 : a->integer > b->integer;
}

static bool in_list(const struct kj_filter *filter, const struct kj_term *term,
                    const struct kj_value *value)
{
    for (size_t i = 0; i < term->count; i++)
        if (kj_value_equal(value, &filter->values[term->first + i]))
            return true;
    return false;
}

static bool holds(const struct kj_filter *filter, const struct kj_term *term,
                  const struct kj_value *value)
{
    const struct kj_value *given = &filter->values[term->first];
    if (value->kind == KJ_VALUE_NONE && term->compare > KJ_IS_NOT)
        return false;
    switch (term->compare) {
    case KJ_IS:
        return kj_value_equal(value, given);
    case KJ_IS_NOT:
        return !kj_value_equal(value, given);
    case KJ_LESS:
        return compare(value, given) < 0;
    case KJ_LESS_OR_IS:
        return compare(value, given) <= 0;
    case KJ_MORE:
        return compare(value, given) > 0;
    case KJ_MORE_OR_IS:
        return compare(value, given) >= 0;
    case KJ_IN:
        return in_list(filter, term, value);
    case KJ_PREFIX:
        return value->length >= given->length &&
               memcmp(value->text, given->text, given->length) == 0;
    }
    return false;
}

struct search {
    struct kj_memory_run *run;
    struct kj_filter filter;
    const struct kj_rows *rows;
    size_t first;
    struct kj_rows found;
};

static bool matches(const struct search *search, const struct kj_row *row)
{
    const char *workspace = search->run->request->workspace;
    if (*workspace && strcmp(row->workspace, workspace) != 0)
        return false;
    for (size_t i = 0; i < search->filter.n_terms; i++) {
        const struct kj_term *term = &search->filter.terms[i];
        struct kj_value value = value_of(row, search->run->op->coll, term->field);
        if (!holds(&search->filter, term, &value))
            return false;
    }
    return true;
}

static void choose_rows(struct search *search)
{
    static const struct kj_rows k_none;
    enum kj_coll coll = search->run->op->coll;
    const struct kj_field *fields = kj_collection(coll)->fields;
    struct kj_table *table = &search->run->db->tables[coll];
    search->rows = &table->rows;
    for (size_t i = 0; i < search->filter.n_terms; i++) {
        const struct kj_term *term = &search->filter.terms[i];
        const struct kj_value *value = &search->filter.values[term->first];
        if (term->compare != KJ_IS || !kj_memory_indexed(term->field, value))
            continue;
        const struct kj_rows *rows =
            kj_memory_index(table, fields, (size_t)(term->field - fields), value);
        if (rows == NULL || rows->count < search->rows->count)
            search->rows = rows ? rows : &k_none;
    }
    for (size_t i = 0; i < search->filter.n_terms; i++) {
        const struct kj_term *term = &search->filter.terms[i];
        if (term->compare == KJ_MORE && strcmp(term->field->name, "_id") == 0)
            search->first =
                kj_rows_behind(search->rows, search->filter.values[term->first].integer);
    }
}

static void keep(struct search *search, struct kj_row *row)
{
    struct kj_rows *found = &search->found;
    if (found->count == found->capacity) {
        found->capacity = found->capacity ? 2 * found->capacity : 16;
        found->at = kj_realloc(found->at, sizeof *found->at * found->capacity);
    }
    found->at[found->count++] = row;
}

struct order {
    enum kj_coll coll;
    const struct kj_field *field;
    int way;
};

static int by_order(const void *a, const void *b, void *arg)
{
    const struct kj_row *x = *(struct kj_row *const *)a, *y = *(struct kj_row *const *)b;
    const struct order *order = arg;
    struct kj_value v = value_of(x, order->coll, order->field);
    struct kj_value w = value_of(y, order->coll, order->field);
    int result = compare(&v, &w);
    if (result == 0)
        result = strcmp(x->workspace, y->workspace);
    if (result == 0)
        result = x->id < y->id ? -1 : x->id > y->id;
    return order->way * result;
}

// Up to `most`; in the order of ids the walk ends there, else all that match must be seen.
static void walk(struct search *search, bool by_id, bool descending, size_t most)
{
    size_t count = search->rows->count;
    for (size_t i = search->first; i < count; i++) {
        struct kj_row *row = search->rows->at[descending ? count - 1 - (i - search->first) : i];
        if (!matches(search, row))
            continue;
        keep(search, row);
        if (by_id && search->found.count == most)
            return;
    }
}

int kj_memory_find(struct kj_memory_run *run)
{
    struct kj_store_op *op = run->op;
    struct search search = {.run = run};
    const struct kj_field *sort;
    bool descending, counts = op->verb == KJ_STORE_COUNT;
    int rc =
        kj_sort_parse(op->coll, counts ? NULL : op->sort, &sort, &descending, &run->request->fault);
    if (rc == 0)
        rc = kj_filter_parse(op->coll, op->filter, &search.filter, &run->request->fault);
    if (rc == 0) {
        bool by_id = strcmp(sort->name, "_id") == 0;
        size_t skip = counts ? 0 : (size_t)op->skip;
        size_t most = counts ? SIZE_MAX : skip + (size_t)kj_store_limit(op);
        struct order order = {op->coll, sort, descending ? -1 : 1};
        choose_rows(&search);
        walk(&search, by_id, descending, most);
        if (!by_id && search.found.count)
            qsort_r(search.found.at, search.found.count, sizeof *search.found.at, by_order, &order);
        for (size_t i = skip; !counts && i < search.found.count && i < most; i++)
            kj_store_add_doc(op, bson_copy(search.found.at[i]->doc));
        op->count = counts ? (int64_t)search.found.count : 0;
    }
    free(search.found.at);
    kj_filter_fini(&search.filter);
    return rc;
}
