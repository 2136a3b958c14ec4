// Increments: the rows are read, added to here, and put back if nobody was faster; else once more.
//
// Not by $inc: sums that overflow and fields that are no numbers must be refused as everywhere, and
// a lost reply to $inc would leave a riddle; here it is none, also when other hosts add to the same
// document just then (see mongo_judge.c). All increments of one document in a batch become one
// write, so that a counter that everybody adds to costs what one write costs.
#include "store/mongo.h"

#include "base/alloc.h"
#include "base/map.h"
#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 60 };

struct merge {
    struct kj_mongo_work *work;
    struct kj_mongo_item **items;
    const bson_t **stored; // of each item
    size_t *row_of;        // of each item: its row, or NONE
    struct kj_mongo_row *rows;
    size_t count, n_rows;
};

static const size_t k_none = SIZE_MAX;

static void name_row(struct kj_buf *name, const struct kj_mongo_item *item, const bson_t *stored)
{
    kj_buf_reset(name);
    if (stored)
        kj_buf_addf(name, "#%lld", (long long)kj_doc_int(stored, "_id", 0));
    else
        kj_buf_addf(name, "%s\n%s", item->op->key, item->request->workspace);
}

// The row as it stands before the item adds to it.
static bson_t *base_of(const struct kj_mongo_item *item, const bson_t *stored,
                       const struct kj_mongo_row *row)
{
    bson_t doc;
    if (row->doc)
        return bson_copy(row->doc);
    if (stored && kj_doc_child(stored, "doc", &doc))
        return bson_copy(&doc);
    return kj_increment_base(item->op);
}

static void add(struct merge *merge, size_t i, struct kj_mongo_row *row)
{
    struct kj_mongo_item *item = merge->items[i];
    const bson_t *stored = merge->stored[i];
    const char *workspace =
        stored ? kj_doc_text(stored, "workspace", "") : item->request->workspace;
    struct kj_mongo_row next;
    bson_t *base = base_of(item, stored, row), *sum = NULL;
    int64_t old = stored ? kj_doc_int(stored, "version", 0) : 0;
    int64_t before = row->doc ? row->version : old;
    int rc = kj_increment(item->op->coll, base, item->op->doc, &sum, &item->request->fault);
    if (rc == 0)
        rc = kj_mongo_row_of(item, sum, workspace, row->id, before, &next);
    bson_destroy(base);
    kj_doc_clear(&sum);
    if (rc < 0) {
        kj_mongo_done(item, rc);
        return;
    }
    next.old_version = old;
    next.fresh = old == 0;
    next.keeps_past = true;
    next.events = row->events;
    row->events = NULL;
    kj_mongo_row_fini(row);
    *row = next;
    if (item->op->events) {
        if (row->events == NULL)
            row->events = bson_new();
        kj_mongo_keep_events(merge->work->mongo, item, row->events, bson_count_keys(row->events));
        item->keeps_events = true;
    }
    kj_store_clear_result(item->op);
    kj_store_add_doc(item->op, bson_copy(row->doc));
    item->op->new_id = row->id;
    item->op->new_version = row->version;
    kj_copy(item->workspace, sizeof item->workspace, row->workspace);
}

// Puts the items together by their documents and adds them up.
static int merge_all(struct merge *merge)
{
    struct kj_map seen;
    struct kj_buf name;
    int rc = 0;
    kj_map_init(&seen);
    kj_buf_init(&name, 0);
    for (size_t i = 0; i < merge->count && rc == 0; i++) {
        struct kj_mongo_item *item = merge->items[i];
        merge->row_of[i] = k_none;
        if (item->done)
            continue;
        if (merge->stored[i] == NULL && (item->op->id || item->op->key == NULL)) {
            kj_mongo_done(item, KJ_ENOTFOUND);
            continue;
        }
        name_row(&name, item, merge->stored[i]);
        uintptr_t at = (uintptr_t)kj_map_get(&seen, name.data);
        if (at == 0) {
            at = ++merge->n_rows;
            kj_map_put(&seen, name.data, (void *)at);
            merge->rows[at - 1].id = kj_doc_int(merge->stored[i], "_id", 0);
            if (merge->stored[i] == NULL)
                rc = kj_mongo_new_id(merge->work, item->op->coll, &merge->rows[at - 1].id);
        }
        if (rc == 0)
            add(merge, i, &merge->rows[at - 1]);
        merge->row_of[i] = item->done ? k_none : at - 1;
    }
    kj_buf_fini(&name);
    kj_map_fini(&seen);
    return rc;
}

// New rows and changed ones are different commands.
static int put_rows(struct merge *merge)
{
    enum kj_coll coll = merge->items[0]->op->coll;
    size_t first_old = 0;
    for (size_t i = 0; i < merge->n_rows; i++)
        if (merge->rows[i].old_version == 0) {
            struct kj_mongo_row row = merge->rows[i];
            merge->rows[i] = merge->rows[first_old];
            merge->rows[first_old++] = row;
        }
    int rc = kj_mongo_insert_rows(merge->work, coll, merge->rows, first_old);
    if (rc == 0)
        rc = kj_mongo_update_rows(merge->work, coll, merge->rows + first_old,
                                  merge->n_rows - first_old);
    return rc;
}

static const struct kj_mongo_row *row_with(const struct merge *merge, int64_t id)
{
    for (size_t i = 0; i < merge->n_rows; i++)
        if (merge->rows[i].id == id)
            return &merge->rows[i];
    return NULL;
}

// The outcome of a row is that of all its items; who lost a race goes round again.
static bool settle(struct merge *merge)
{
    bool again = false;
    for (size_t i = 0; i < merge->count; i++) {
        struct kj_mongo_item *item = merge->items[i];
        if (item->done || merge->row_of[i] == k_none)
            continue;
        const struct kj_mongo_row *row = row_with(merge, item->op->new_id);
        bool raced = row->status == KJ_ECONFLICT || (row->status == KJ_EEXISTS && item->op->key) ||
                     (row->status == KJ_ENOTFOUND && item->op->key);
        if (!raced && row->status < 0) {
            kj_store_clear_result(item->op);
            kj_mongo_done_row(merge->work, item, row);
        } else if (!raced) {
            kj_mongo_done(item, 0);
        }
        again |= raced;
    }
    return again;
}

static int one_round(struct merge *merge, bool *again)
{
    struct kj_store_op found = {0};
    merge->n_rows = 0;
    memset(merge->rows, 0, merge->count * sizeof *merge->rows);
    int rc = kj_mongo_seek(merge->work, merge->items, merge->count, merge->stored, &found);
    if (rc == 0)
        rc = merge_all(merge);
    if (rc == 0)
        rc = put_rows(merge);
    if (rc == 0)
        *again = settle(merge);
    for (size_t i = 0; i < merge->n_rows; i++)
        kj_mongo_row_fini(&merge->rows[i]);
    kj_store_clear_result(&found);
    return rc;
}

int kj_mongo_increment(struct kj_mongo_work *work, struct kj_mongo_item **items, size_t count)
{
    struct merge merge = {.work = work, .items = items, .count = count};
    bool again = true;
    int rc = 0;
    merge.stored = kj_alloc(count * sizeof *merge.stored);
    merge.row_of = kj_alloc(count * sizeof *merge.row_of);
    merge.rows = kj_alloc(count * sizeof *merge.rows);
    for (int round = 0; round < ROUNDS && again && rc == 0; round++)
        rc = one_round(&merge, &again);
    if (rc == 0 && again)
        rc = kj_fault(&work->fault, KJ_EUNAVAILABLE, work->mongo->where, "try again in a moment",
                      "A counter in the MongoDB database %s is too busy.", work->mongo->where);
    free(merge.rows);
    free(merge.row_of);
    free(merge.stored);
    return rc;
}
