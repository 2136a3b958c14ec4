// Insert, replace and delete: items become rows, outcomes become results.
#include "store/mongo.h"

#include "base/alloc.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

void kj_mongo_done(struct kj_mongo_item *item, int status)
{
    item->op->status = status;
    item->done = true;
}

void kj_mongo_done_row(struct kj_mongo_work *work, struct kj_mongo_item *item,
                       const struct kj_mongo_row *row)
{
    if (row->status == 0) {
        item->op->new_id = row->id;
        item->op->new_version = row->version;
        kj_copy(item->workspace, sizeof item->workspace, row->workspace);
    } else if (row->status == KJ_EEXISTS) {
        item->op->new_id = row->owner;
    } else if (row->status == KJ_EIO) {
        item->request->fault = work->fault;
    } else if (row->status == KJ_EUNAVAILABLE) {
        kj_fault(&item->request->fault, row->status, work->mongo->where,
                 "look at it, and try again if it is missing",
                 "The MongoDB database %s lost an answer, and others have written since: whether "
                 "this was added to %s cannot be told.",
                 work->mongo->where, kj_coll_name(item->op->coll));
    }
    kj_mongo_done(item, row->status);
}

// MongoDB's limit is for the row.
static int check_size(struct kj_mongo_item *item, const struct kj_mongo_row *row)
{
    enum { AROUND = 512 };
    size_t size = row->doc->len + row->fields->len + (row->events ? row->events->len : 0) + AROUND;
    if (size <= KJ_DOC_BYTES_MAX)
        return 0;
    return kj_fault(&item->request->fault, KJ_ELIMIT, kj_coll_name(item->op->coll), NULL,
                    "The document for %s has %u bytes, more than fit in a row of 16 MiB.",
                    kj_coll_name(item->op->coll), (unsigned)row->doc->len);
}

int kj_mongo_row_of(struct kj_mongo_item *item, const bson_t *doc, const char *workspace,
                    int64_t id, int64_t old_version, struct kj_mongo_row *row)
{
    enum kj_coll coll = item->op->coll;
    size_t stamps;
    *row = (struct kj_mongo_row){.id = id, .old_version = old_version, .version = old_version + 1};
    kj_copy(row->workspace, sizeof row->workspace, workspace);
    row->fields = bson_new();
    int rc = kj_mongo_fields(coll, doc, workspace, row->fields, &stamps, &item->request->fault);
    if (rc == 0)
        rc = kj_store_check_doc(item->request, item->op, doc, stamps && old_version == 0);
    if (rc == 0) {
        row->doc = kj_stamped(doc, stamps, id, row->version, workspace, NULL);
        rc = check_size(item, row);
    }
    kj_copy(row->op, sizeof row->op, item->stamp);
    row->open = rc == 0;
    row->status = rc;
    return rc;
}

void kj_mongo_move_row(struct kj_mongo_row *row, const char *workspace)
{
    bson_t moved = BSON_INITIALIZER;
    kj_copy(row->workspace, sizeof row->workspace, workspace);
    bson_t *doc = kj_stamped(row->doc, SIZE_MAX, row->id, row->version, workspace, NULL);
    kj_doc_clear(&row->doc);
    row->doc = doc;
    if (!kj_doc_has(row->fields, "workspace")) {
        bson_destroy(&moved);
        return;
    }
    kj_doc_put_text(&moved, "workspace", workspace);
    bson_t *fields = kj_doc_with(row->fields, &moved);
    kj_doc_clear(&row->fields);
    row->fields = fields;
    bson_destroy(&moved);
}

static struct kj_mongo_row *rows_of(size_t count)
{
    return kj_alloc(count * sizeof(struct kj_mongo_row));
}

static void finish(struct kj_mongo_work *work, struct kj_mongo_item **items,
                   struct kj_mongo_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!items[i]->done && !rows[i].open)
            kj_mongo_done_row(work, items[i], &rows[i]);
        kj_mongo_row_fini(&rows[i]);
    }
    free(rows);
}

static void keep_events(struct kj_mongo_work *work, struct kj_mongo_item *item,
                        struct kj_mongo_row *row)
{
    if (item->op->events == NULL || !row->open)
        return;
    row->events = bson_new();
    kj_mongo_keep_events(work->mongo, item, row->events, 0);
    item->keeps_events = true;
    row->status = check_size(item, row);
    row->open = row->status == 0;
}

int kj_mongo_insert(struct kj_mongo_work *work, struct kj_mongo_item **items, size_t count)
{
    struct kj_mongo_row *rows = rows_of(count);
    int rc = 0;
    for (size_t i = 0; i < count && rc == 0; i++) {
        struct kj_store_op *op = items[i]->op;
        const char *workspace = items[i]->request->workspace;
        int64_t id = kj_doc_int(op->doc, "_id", 0);
        if (*workspace == 0)
            workspace = kj_doc_text(op->doc, "workspace", "");
        bool own = id != 0;
        if (!own)
            rc = kj_mongo_new_id(work, op->coll, &id);
        if (rc < 0)
            break;
        if (kj_mongo_row_of(items[i], op->doc, workspace, id, 0, &rows[i]) < 0) {
            if (!own)
                kj_mongo_return_id(work->mongo, op->coll, id);
            continue;
        }
        rows[i].fresh = !own;
        if (own)
            rc = kj_mongo_own_id(work, op->coll, id);
        keep_events(work, items[i], &rows[i]);
    }
    if (rc == 0)
        rc = kj_mongo_insert_rows(work, items[0]->op->coll, rows, count);
    work->mongo->inserted[items[0]->op->coll] += (int64_t)count;
    for (size_t i = count; i-- > 0 && rc == 0;) // the newest first: see kj_mongo_return_id
        if (rows[i].status < 0 && rows[i].id &&
            rows[i].id != kj_doc_int(items[i]->op->doc, "_id", 0))
            kj_mongo_return_id(work->mongo, items[i]->op->coll, rows[i].id);
    finish(work, items, rows, count);
    return rc;
}

int kj_mongo_replace(struct kj_mongo_work *work, struct kj_mongo_item **items, size_t count)
{
    struct kj_mongo_row *rows = rows_of(count);
    for (size_t i = 0; i < count; i++) {
        struct kj_store_op *op = items[i]->op;
        const char *workspace = items[i]->request->workspace;
        bool any = *workspace == 0;
        // The document says where it is, and if it errs the row itself will tell.
        if (any)
            workspace = kj_doc_text(op->doc, "workspace", "");
        if (kj_mongo_row_of(items[i], op->doc, workspace, op->id, op->version, &rows[i]) < 0)
            continue;
        rows[i].any_workspace = any;
        keep_events(work, items[i], &rows[i]);
    }
    int rc = kj_mongo_update_rows(work, items[0]->op->coll, rows, count);
    finish(work, items, rows, count);
    return rc;
}

// --- delete ---

// Deletes what was read, in one command. *all tells whether every row was met.
static int delete_rows(struct kj_mongo_work *work, enum kj_coll coll, const bson_t **rows,
                       size_t count, bool *all)
{
    mongoc_collection_t *target = kj_mongo_coll(work, coll);
    bson_t opts = BSON_INITIALIZER, reply;
    bson_error_t error;
    int64_t wanted = 0;
    kj_doc_put_bool(&opts, "ordered", false);
    mongoc_bulk_operation_t *bulk =
        mongoc_collection_create_bulk_operation_with_opts(target, &opts);
    for (size_t i = 0; i < count; i++) {
        bson_t query = BSON_INITIALIZER;
        if (rows[i] == NULL)
            continue;
        kj_doc_put_int(&query, "_id", kj_doc_int(rows[i], "_id", 0));
        kj_doc_put_int(&query, "version", kj_doc_int(rows[i], "version", 0));
        (void)mongoc_bulk_operation_remove_one_with_opts(bulk, &query, NULL, NULL);
        bson_destroy(&query);
        wanted++;
    }
    bool ok = wanted == 0 || mongoc_bulk_operation_execute(bulk, &reply, &error) != 0;
    *all = ok && (wanted == 0 || kj_doc_int(&reply, "nRemoved", 0) == wanted);
    int rc = ok ? 0 : kj_mongo_again(work, &error, &reply);
    if (wanted)
        bson_destroy(&reply);
    mongoc_bulk_operation_destroy(bulk);
    bson_destroy(&opts);
    mongoc_collection_destroy(target);
    return rc;
}

// What there is to delete of the items; the others are done. `tried`: what is gone may be our work.
static void choose(struct kj_mongo_item **items, const bson_t **rows, size_t count, bool tried)
{
    for (size_t i = 0; i < count; i++) {
        struct kj_mongo_item *item = items[i];
        int64_t version = rows[i] ? kj_doc_int(rows[i], "version", 0) : 0;
        if (item->done) {
            rows[i] = NULL;
        } else if (rows[i] == NULL) {
            kj_mongo_done(item, tried && item->op->new_id ? 0 : KJ_ENOTFOUND);
        } else if (item->op->version && item->op->version != version) {
            kj_mongo_done(item, KJ_ECONFLICT);
            rows[i] = NULL;
        } else {
            item->op->new_id = kj_doc_int(rows[i], "_id", 0);
            kj_copy(item->workspace, sizeof item->workspace, kj_doc_text(rows[i], "workspace", ""));
        }
    }
}

// Reads what it deletes, to know whether it was there; so a lost reply is no riddle either. The
// events of a delete have no document to wait in: a crash right behind it loses them.
int kj_mongo_delete(struct kj_mongo_work *work, struct kj_mongo_item **items, size_t count)
{
    enum { ROUNDS = 20 };
    const bson_t **rows = kj_alloc(count * sizeof *rows);
    bool all = false;
    int rc = 0;
    for (int round = 0; round < ROUNDS && !all && rc == 0; round++) {
        struct kj_store_op found = {0};
        rc = kj_mongo_seek(work, items, count, rows, &found);
        if (rc == 0) {
            choose(items, rows, count, round > 0);
            rc = delete_rows(work, items[0]->op->coll, rows, count, &all);
        }
        kj_store_clear_result(&found);
    }
    for (size_t i = 0; i < count && all; i++)
        if (!items[i]->done)
            kj_mongo_done(items[i], 0);
    free(rows);
    return rc;
}
