// What moving a whole store needs: documents put as they are, and where the numbers go on.
#include "store/mongo.h"

#include "base/alloc.h"

#include <stdlib.h>

static void add_put(mongoc_bulk_operation_t *bulk, const struct kj_mongo_row *row)
{
    bson_t query = BSON_INITIALIZER, whole = BSON_INITIALIZER, opts = BSON_INITIALIZER;
    kj_doc_put_int(&query, "_id", row->id);
    kj_mongo_whole_row(row, &whole);
    kj_doc_put_bool(&opts, "upsert", true);
    kj_doc_put_bool(&opts, "validate", false);
    (void)mongoc_bulk_operation_replace_one_with_opts(bulk, &query, &whole, &opts, NULL);
    bson_destroy(&opts);
    bson_destroy(&whole);
    bson_destroy(&query);
}

// May be done twice.
static int put_rows(struct kj_mongo_work *work, enum kj_coll coll, const struct kj_mongo_row *rows,
                    size_t count)
{
    mongoc_collection_t *target = kj_mongo_coll(work, coll);
    bool ok;
    int rc = 0;
    do {
        bson_t reply;
        bson_error_t error;
        mongoc_bulk_operation_t *bulk =
            mongoc_collection_create_bulk_operation_with_opts(target, NULL);
        for (size_t i = 0; i < count; i++)
            if (rows[i].open)
                add_put(bulk, &rows[i]);
        ok = mongoc_bulk_operation_execute(bulk, &reply, &error) != 0;
        if (!ok)
            rc = kj_mongo_again(work, &error, &reply);
        bson_destroy(&reply);
        mongoc_bulk_operation_destroy(bulk);
    } while (!ok && rc == 0);
    mongoc_collection_destroy(target);
    return rc;
}

int kj_mongo_put(struct kj_mongo_work *work, struct kj_mongo_item **items, size_t count)
{
    enum kj_coll coll = items[0]->op->coll;
    struct kj_mongo_row *rows = kj_alloc(count * sizeof *rows);
    int64_t last = 0;
    size_t open = 0;
    int rc = 0;
    for (size_t i = 0; i < count; i++) {
        const bson_t *doc = items[i]->op->doc;
        int64_t id = kj_doc_int(doc, "_id", 0), version = kj_doc_int(doc, "version", 0);
        if (kj_mongo_row_of(items[i], doc, kj_doc_text(doc, "workspace", ""), id, version - 1,
                            &rows[i]) < 0)
            kj_mongo_done(items[i], rows[i].status);
        else
            open++;
        last = id > last ? id : last;
    }
    if (open)
        rc = put_rows(work, coll, rows, count);
    if (rc == 0 && open && coll != KJ_EVENTS) // their numbers are found from themselves
        rc = kj_mongo_own_id(work, coll, last);
    for (size_t i = 0; i < count; i++) {
        if (rc == 0 && !items[i]->done) {
            rows[i].status = 0;
            kj_mongo_done_row(work, items[i], &rows[i]);
        }
        kj_mongo_row_fini(&rows[i]);
    }
    free(rows);
    return rc;
}

// Taking a number is the surest way to learn it; it is given back at once.
int kj_mongo_next(struct kj_mongo_work *work, struct kj_mongo_item *item)
{
    struct kj_store_op *op = item->op;
    int64_t next = 0;
    int rc = 0;
    if (op->coll == KJ_EVENTS) {
        op->new_id = work->mongo->next_event;
        kj_mongo_done(item, 0);
        return 0;
    }
    if (op->id > 0)
        rc = kj_mongo_own_id(work, op->coll, op->id);
    if (rc == 0)
        rc = kj_mongo_new_id(work, op->coll, &next);
    if (rc < 0)
        return rc;
    kj_mongo_return_id(work->mongo, op->coll, next);
    op->new_id = next;
    kj_mongo_done(item, 0);
    return 0;
}
