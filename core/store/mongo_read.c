// Reads: rows by id or key, and finds, whose checked filters become conditions on the rows' fields.
#include "store/mongo.h"

#include "base/alloc.h"
#include "base/map.h"
#include "base/str.h"
#include "store/filter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int kj_mongo_query(struct kj_mongo_work *work, enum kj_coll coll, const bson_t *filter,
                   const bson_t *opts, bool docs_only, struct kj_store_op *found)
{
    mongoc_collection_t *rows = kj_mongo_coll(work, coll);
    bson_error_t error;
    bool failed;
    int rc;
    do {
        const bson_t *row, *reply;
        bson_t doc;
        kj_store_clear_result(found);
        mongoc_cursor_t *cursor = mongoc_collection_find_with_opts(rows, filter, opts, NULL);
        while (mongoc_cursor_next(cursor, &row))
            if (!docs_only)
                kj_store_add_doc(found, bson_copy(row));
            else if (kj_doc_child(row, "doc", &doc))
                kj_store_add_doc(found, bson_copy(&doc));
        failed = mongoc_cursor_error_document(cursor, &error, &reply);
        rc = failed ? kj_mongo_again(work, &error, reply) : 0;
        mongoc_cursor_destroy(cursor);
    } while (failed && rc == 0);
    mongoc_collection_destroy(rows);
    if (rc < 0)
        kj_store_clear_result(found);
    return rc;
}

// --- by id or key ---

// {path: value} or {path: {$in: […]}}. One value alone is written plainly: that is the form for
// which every server takes the index.
static void put_ids(bson_t *filter, struct kj_mongo_item **items, size_t count)
{
    bson_t in = BSON_INITIALIZER, array = BSON_INITIALIZER;
    struct kj_doc_list list = {&array};
    size_t ids = 0;
    int64_t last = 0;
    for (size_t i = 0; i < count; i++) {
        if (items[i]->op->id == 0)
            continue;
        last = items[i]->op->id;
        kj_doc_put_int(&array, kj_doc_next(&list), last);
        ids++;
    }
    kj_doc_put_array(&in, "$in", &array);
    if (ids == 1)
        kj_doc_put_int(filter, "_id", last);
    else
        kj_doc_put_doc(filter, "_id", &in);
    bson_destroy(&array);
    bson_destroy(&in);
}

static void key_path(enum kj_coll coll, char *path, size_t size)
{
    snprintf(path, size, "fields.%s", kj_collection(coll)->fields[0].name);
}

// A key that is looked for in one workspace, or, with "", in whichever has it and sorts first (for
// an increment: in "" itself).
static int seek_key(struct kj_mongo_work *work, const struct kj_mongo_item *item,
                    struct kj_store_op *found)
{
    bson_t filter = BSON_INITIALIZER, opts = BSON_INITIALIZER, sort = BSON_INITIALIZER;
    char path[80];
    bool any = *item->request->workspace == 0 && item->op->verb != KJ_STORE_INCREMENT;
    key_path(item->op->coll, path, sizeof path);
    kj_doc_put_text(&filter, path, item->op->key);
    kj_doc_put_int(&sort, "fields.workspace", 1);
    if (!any)
        kj_doc_put_text(&filter, "fields.workspace", item->request->workspace);
    else
        kj_doc_put_doc(&opts, "sort", &sort);
    kj_doc_put_int(&opts, "limit", 1);
    int rc = kj_mongo_query(work, item->op->coll, &filter, &opts, false, found);
    bson_destroy(&sort);
    bson_destroy(&opts);
    bson_destroy(&filter);
    return rc;
}

static int seek_ids(struct kj_mongo_work *work, struct kj_mongo_item **items, size_t count,
                    const bson_t **rows, struct kj_store_op *found)
{
    bson_t filter = BSON_INITIALIZER;
    struct kj_map by_id;
    char name[24];
    kj_map_init(&by_id);
    put_ids(&filter, items, count);
    int rc = kj_mongo_query(work, items[0]->op->coll, &filter, NULL, false, found);
    for (size_t i = 0; i < found->n_docs; i++) {
        snprintf(name, sizeof name, "%lld", (long long)kj_doc_int(found->docs[i], "_id", 0));
        kj_map_put(&by_id, name, found->docs[i]);
    }
    for (size_t i = 0; i < count; i++) {
        snprintf(name, sizeof name, "%lld", (long long)items[i]->op->id);
        const bson_t *row = items[i]->op->id ? kj_map_get(&by_id, name) : NULL;
        const char *asked = items[i]->request->workspace;
        if (row && (*asked == 0 || strcmp(asked, kj_doc_text(row, "workspace", "")) == 0))
            rows[i] = row;
    }
    kj_map_fini(&by_id);
    bson_destroy(&filter);
    return rc;
}

int kj_mongo_seek(struct kj_mongo_work *work, struct kj_mongo_item **items, size_t count,
                  const bson_t **rows, struct kj_store_op *found)
{
    bool any_id = false;
    int rc = 0;
    memset(rows, 0, count * sizeof *rows);
    for (size_t i = 0; i < count; i++)
        any_id |= items[i]->op->id != 0;
    if (any_id)
        rc = seek_ids(work, items, count, rows, found);
    for (size_t i = 0; i < count && rc == 0; i++) {
        struct kj_store_op one = {0};
        if (items[i]->op->id || items[i]->op->key == NULL)
            continue;
        rc = seek_key(work, items[i], &one);
        if (rc == 0 && one.n_docs) {
            rows[i] = one.docs[0];
            kj_store_add_doc(found, kj_store_steal(&one, 0));
        }
        kj_store_clear_result(&one);
    }
    return rc;
}

int kj_mongo_get(struct kj_mongo_work *work, struct kj_mongo_item **items, size_t count)
{
    struct kj_store_op found = {0};
    const bson_t **rows = kj_alloc(count * sizeof *rows);
    int rc = kj_mongo_seek(work, items, count, rows, &found);
    for (size_t i = 0; i < count && rc == 0; i++) {
        bson_t doc;
        bool there = rows[i] && kj_doc_child(rows[i], "doc", &doc);
        if (there) {
            kj_store_add_doc(items[i]->op, bson_copy(&doc));
            items[i]->op->new_id = kj_doc_int(rows[i], "_id", 0);
            items[i]->op->new_version = kj_doc_int(rows[i], "version", 0);
            kj_copy(items[i]->workspace, sizeof items[i]->workspace,
                    kj_doc_text(rows[i], "workspace", ""));
        }
        kj_mongo_done(items[i], there ? 0 : KJ_ENOTFOUND);
    }
    kj_store_clear_result(&found);
    free(rows);
    return rc;
}

// --- by filter ---

static void put_value(bson_t *to, const char *key, const struct kj_value *value)
{
    switch (value->kind) {
    case KJ_VALUE_TEXT:
        bson_append_utf8(to, key, -1, value->text, (int)value->length);
        break;
    case KJ_VALUE_INT:
        kj_doc_put_int(to, key, value->integer);
        break;
    case KJ_VALUE_REAL:
        kj_doc_put_real(to, key, value->real);
        break;
    default:
        kj_doc_put_null(to, key);
    }
}

static void put_prefix(bson_t *condition, const struct kj_value *value)
{
    struct kj_buf beyond;
    kj_buf_init(&beyond, 0);
    kj_buf_add(&beyond, value->text, value->length);
    kj_buf_adds(&beyond, "\xf4\x8f\xbf\xbf"); // the last code point there is
    put_value(condition, "$gte", value);
    bson_append_utf8(condition, "$lt", -1, beyond.data, (int)beyond.length);
    kj_buf_fini(&beyond);
}

static void put_term(bson_t *to, const struct kj_filter *filter, const struct kj_term *term)
{
    static const char *const k_compare[] = {"$eq", "$ne", "$lt", "$lte", "$gt", "$gte"};
    const struct kj_value *values = filter->values + term->first;
    bool own = strcmp(term->field->name, "_id") == 0 || strcmp(term->field->name, "workspace") == 0;
    bson_t condition = BSON_INITIALIZER, array = BSON_INITIALIZER;
    struct kj_doc_list list = {&array};
    char path[80];
    snprintf(path, sizeof path, "%s%s", own ? "" : "fields.", term->field->name);
    for (size_t i = 0; term->compare == KJ_IN && i < term->count; i++)
        put_value(&array, kj_doc_next(&list), &values[i]);
    if (term->compare == KJ_IN)
        kj_doc_put_array(&condition, "$in", &array);
    else if (term->compare == KJ_PREFIX)
        put_prefix(&condition, values);
    else
        put_value(&condition, k_compare[term->compare], values);
    kj_doc_put_doc(to, path, &condition);
    bson_destroy(&array);
    bson_destroy(&condition);
}

// {$and: [{path: condition}, …]}: the same field may stand there twice.
static int put_filter(const struct kj_mongo_item *item, bson_t *out)
{
    struct kj_filter filter;
    bson_t all = BSON_INITIALIZER;
    struct kj_doc_list list = {&all};
    int rc = kj_filter_parse(item->op->coll, item->op->filter, &filter, &item->request->fault);
    if (rc == 0 && *item->request->workspace) {
        bson_t one = BSON_INITIALIZER;
        kj_doc_put_text(&one, "workspace", item->request->workspace);
        kj_doc_put_doc(&all, kj_doc_next(&list), &one);
        bson_destroy(&one);
    }
    for (size_t i = 0; i < filter.n_terms && rc == 0; i++) {
        bson_t one = BSON_INITIALIZER;
        put_term(&one, &filter, &filter.terms[i]);
        kj_doc_put_doc(&all, kj_doc_next(&list), &one);
        bson_destroy(&one);
    }
    if (list.count)
        kj_doc_put_array(out, "$and", &all);
    bson_destroy(&all);
    kj_filter_fini(&filter);
    return rc;
}

// The workspace stands between the field and the id because it does so in the indexes.
static int put_sort(const struct kj_mongo_item *item, bson_t *opts)
{
    const struct kj_field *field;
    bool descending;
    bson_t sort = BSON_INITIALIZER;
    char path[80];
    int rc =
        kj_sort_parse(item->op->coll, item->op->sort, &field, &descending, &item->request->fault);
    if (rc < 0)
        return rc;
    int way = descending ? -1 : 1;
    bool by_id = strcmp(field->name, "_id") == 0,
         by_workspace = strcmp(field->name, "workspace") == 0;
    snprintf(path, sizeof path, "fields.%s", field->name);
    if (!by_id && !by_workspace)
        kj_doc_put_int(&sort, path, way);
    if (!by_id)
        kj_doc_put_int(&sort, "workspace", way);
    kj_doc_put_int(&sort, "_id", way);
    kj_doc_put_doc(opts, "sort", &sort);
    bson_destroy(&sort);
    return 0;
}

int kj_mongo_find(struct kj_mongo_work *work, struct kj_mongo_item *item)
{
    bson_t filter = BSON_INITIALIZER, opts = BSON_INITIALIZER, only = BSON_INITIALIZER;
    int rc = put_sort(item, &opts);
    if (rc == 0)
        rc = put_filter(item, &filter);
    if (rc < 0) {
        kj_mongo_done(item, rc);
        rc = 0;
        goto out;
    }
    kj_doc_put_int(&only, "doc", 1);
    kj_doc_put_doc(&opts, "projection", &only);
    kj_doc_put_int(&opts, "limit", kj_store_limit(item->op));
    kj_doc_put_int(&opts, "skip", item->op->skip);
    rc = kj_mongo_query(work, item->op->coll, &filter, &opts, true, item->op);
    if (rc == 0)
        kj_mongo_done(item, 0);
out:
    bson_destroy(&only);
    bson_destroy(&opts);
    bson_destroy(&filter);
    return rc;
}

int kj_mongo_count(struct kj_mongo_work *work, struct kj_mongo_item *item)
{
    bson_t filter = BSON_INITIALIZER;
    mongoc_collection_t *rows = kj_mongo_coll(work, item->op->coll);
    int rc = put_filter(item, &filter);
    if (rc < 0) {
        kj_mongo_done(item, rc);
        rc = 0;
    }
    while (rc == 0 && !item->done) {
        bson_error_t error;
        bson_t reply;
        item->op->count =
            mongoc_collection_count_documents(rows, &filter, NULL, NULL, &reply, &error);
        if (item->op->count >= 0)
            kj_mongo_done(item, 0);
        else
            rc = kj_mongo_again(work, &error, &reply);
        bson_destroy(&reply);
    }
    mongoc_collection_destroy(rows);
    bson_destroy(&filter);
    return rc;
}
