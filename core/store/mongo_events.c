// Events: kept in the document by the write they tell of, then numbered and copied into their
// collection by the one lane of this host, then taken out of the document.
//
// A host's events are numbered without gaps from slot * 2^40 + 1, so a range of _id is one host's
// stream and two hosts never wait for each other. A copy bears the stamp of its write as its key:
// what a crash or a lost reply left half done is copied again and meets itself. Between the write
// and the copy an event is in no list; nothing is acknowledged in between, unless the database goes
// away just then: then it follows when the database is back, before any other.
#include "store/mongo.h"

#include "base/alloc.h"
#include "base/log.h"
#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int64_t kj_mongo_first_event(const struct kj_mongo *mongo)
{
    return mongo->slot << KJ_EVENT_STREAM_BITS;
}

// {op, host, at, across, list}: enough to make the events of it later.
static bson_t *kept_events(const struct kj_mongo *mongo, const struct kj_mongo_item *item)
{
    bson_t *kept = bson_new();
    kj_doc_put_text(kept, "op", item->stamp);
    kj_doc_put_text(kept, "host", mongo->host);
    kj_doc_put_time(kept, "at", item->request->at);
    kj_doc_put_bool(kept, "across", *item->request->workspace == 0);
    kj_doc_put_array(kept, "list", item->op->events);
    return kept;
}

void kj_mongo_keep_events(const struct kj_mongo *mongo, const struct kj_mongo_item *item,
                          bson_t *array, uint32_t index)
{
    bson_t *kept = kept_events(mongo, item);
    struct kj_doc_list list = {.array = array, .count = index};
    kj_doc_put_doc(array, kj_doc_next(&list), kept);
    bson_destroy(kept);
}

// --- copies ---

struct copies {
    struct kj_mongo_row *rows;
    size_t count;
};

static void copies_fini(struct copies *copies)
{
    for (size_t i = 0; i < copies->count; i++)
        kj_mongo_row_fini(&copies->rows[i]);
    free(copies->rows);
}

static void add_copy(const struct kj_mongo *mongo, const bson_t *kept, const bson_t *event,
                     const char *workspace, uint32_t index, struct copies *copies)
{
    struct kj_fault ignored;
    bool stamped;
    if ((copies->count & (copies->count - 1)) == 0)
        copies->rows = kj_realloc(copies->rows,
                                  sizeof *copies->rows * (copies->count ? 2 * copies->count : 1));
    struct kj_mongo_row *row = &copies->rows[copies->count++];
    *row = (struct kj_mongo_row){.version = 1, .open = true};
    if (kj_doc_bool(kept, "across", false))
        workspace = kj_doc_text(event, "workspace", workspace);
    kj_copy(row->workspace, sizeof row->workspace, workspace);
    snprintf(row->op, sizeof row->op, "%.20s.%05u", kj_doc_text(kept, "op", ""), index);
    row->doc = kj_store_event(kj_doc_time(kept, "at", 0), event, mongo->host, mongo->simulated);
    row->fields = bson_new();
    kj_doc_put_text(row->fields, "key", row->op);
    kj_doc_put_text(row->fields, "workspace", workspace);
    row->open =
        kj_mongo_fields(KJ_EVENTS, row->doc, workspace, row->fields, &stamped, &ignored) == 0;
}

// The events that were kept of one write.
static void add_copies(const struct kj_mongo *mongo, const bson_t *kept, const char *workspace,
                       struct copies *copies)
{
    bson_t list;
    bson_iter_t at;
    uint32_t index = 0;
    if (!kj_doc_child(kept, "list", &list) || !bson_iter_init(&at, &list))
        return;
    while (bson_iter_next(&at)) {
        uint32_t length;
        const uint8_t *bytes;
        bson_t event;
        bson_iter_document(&at, &length, &bytes);
        if (bson_init_static(&event, bytes, length))
            add_copy(mongo, kept, &event, workspace, index++, copies);
    }
}

static void number(struct kj_mongo_row *row, int64_t id)
{
    row->id = id;
    bson_t *doc = kj_stamped(row->doc, true, id, 1, row->workspace);
    kj_doc_clear(&row->doc);
    row->doc = doc;
}

// Each number once: what was copied but not yet taken out of its document comes by again.
static void tell(struct kj_mongo *mongo, struct kj_store_op *events, struct kj_mongo_row *row)
{
    if (row->id <= mongo->told)
        return;
    mongo->told = row->id;
    kj_store_add_doc(events, row->doc);
    row->doc = NULL;
}

// All at once: nobody else gives numbers of this slot. KJ_EEXISTS when somebody does, or when some
// had been copied before.
static int store_copies(struct kj_mongo_work *work, struct copies *copies,
                        struct kj_store_op *events)
{
    struct kj_mongo *mongo = work->mongo;
    for (size_t i = 0; i < copies->count; i++)
        number(&copies->rows[i], mongo->next_event + (int64_t)i);
    int rc = kj_mongo_insert_rows(work, KJ_EVENTS, copies->rows, copies->count);
    for (size_t i = 0; i < copies->count && rc == 0; i++)
        rc = copies->rows[i].status;
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < copies->count; i++)
        tell(mongo, events, &copies->rows[i]);
    mongo->next_event += (int64_t)copies->count;
    mongo->inserted[KJ_EVENTS] += (int64_t)copies->count;
    return 0;
}

// --- what waits in documents ---

static int find_next(struct kj_mongo_work *work)
{
    struct kj_mongo *mongo = work->mongo;
    bson_t filter = BSON_INITIALIZER, opts = BSON_INITIALIZER, range, sort, only;
    struct kj_store_op found = {0};
    BSON_APPEND_DOCUMENT_BEGIN(&filter, "_id", &range);
    kj_doc_put_int(&range, "$gt", kj_mongo_first_event(mongo));
    kj_doc_put_int(&range, "$lt",
                   kj_mongo_first_event(mongo) + (INT64_C(1) << KJ_EVENT_STREAM_BITS));
    bson_append_document_end(&filter, &range);
    BSON_APPEND_DOCUMENT_BEGIN(&opts, "sort", &sort);
    kj_doc_put_int(&sort, "_id", -1);
    bson_append_document_end(&opts, &sort);
    BSON_APPEND_DOCUMENT_BEGIN(&opts, "projection", &only);
    kj_doc_put_int(&only, "_id", 1);
    bson_append_document_end(&opts, &only);
    kj_doc_put_int(&opts, "limit", 1);
    int rc = kj_mongo_query(work, KJ_EVENTS, &filter, &opts, false, &found);
    if (rc == 0)
        mongo->next_event =
            1 + (found.n_docs ? kj_doc_int(found.docs[0], "_id", 0) : kj_mongo_first_event(mongo));
    kj_store_clear_result(&found);
    bson_destroy(&opts);
    bson_destroy(&filter);
    return rc;
}

// One by one: what was copied before takes no number.
static int copy_singly(struct kj_mongo_work *work, struct copies *copies,
                       struct kj_store_op *events)
{
    struct kj_mongo *mongo = work->mongo;
    int rc = 0;
    for (size_t i = 0; i < copies->count && rc == 0;) {
        struct kj_mongo_row *row = &copies->rows[i];
        row->open = true;
        row->status = 0;
        number(row, mongo->next_event);
        rc = kj_mongo_insert_rows(work, KJ_EVENTS, row, 1);
        if (rc == 0 && row->status == KJ_EEXISTS && row->owner == row->id) {
            rc = find_next(work); // another process counts for this host
            continue;
        }
        if (rc == 0 && row->status == 0) {
            mongo->next_event++;
            mongo->inserted[KJ_EVENTS]++;
        } else if (rc == 0 && row->status == KJ_EEXISTS) {
            number(row, row->owner);
        } else {
            rc = rc < 0 ? rc : row->status;
            break;
        }
        tell(mongo, events, row);
        i++;
    }
    return rc;
}

static int by_op(const void *a, const void *b)
{
    return strcmp(((const struct kj_mongo_row *)a)->op, ((const struct kj_mongo_row *)b)->op);
}

static void add_waiting(struct kj_mongo *mongo, const bson_t *row, struct copies *copies)
{
    bson_t events;
    bson_iter_t at;
    if (!kj_doc_child(row, "events", &events) || !bson_iter_init(&at, &events))
        return;
    while (bson_iter_next(&at)) {
        uint32_t length;
        const uint8_t *bytes;
        bson_t kept;
        bson_iter_document(&at, &length, &bytes);
        if (!bson_init_static(&kept, bytes, length) ||
            !kj_streq(kj_doc_text(&kept, "host", ""), mongo->host))
            continue;
        add_copies(mongo, &kept, kj_doc_text(row, "workspace", ""), copies);
    }
}

static int find_waiting(struct kj_mongo_work *work, enum kj_coll coll, struct copies *copies)
{
    bson_t filter = BSON_INITIALIZER, opts = BSON_INITIALIZER, only;
    struct kj_store_op found = {0};
    kj_doc_put_text(&filter, "events.host", work->mongo->host);
    BSON_APPEND_DOCUMENT_BEGIN(&opts, "projection", &only);
    kj_doc_put_int(&only, "workspace", 1);
    kj_doc_put_int(&only, "events", 1);
    bson_append_document_end(&opts, &only);
    int rc = kj_mongo_query(work, coll, &filter, &opts, false, &found);
    for (size_t i = 0; i < found.n_docs && rc == 0; i++)
        add_waiting(work->mongo, found.docs[i], copies);
    kj_store_clear_result(&found);
    bson_destroy(&opts);
    bson_destroy(&filter);
    return rc;
}

static void pull_waiting(struct kj_mongo_work *work, enum kj_coll coll)
{
    bson_t filter = BSON_INITIALIZER, update = BSON_INITIALIZER, pull, which;
    mongoc_collection_t *rows = kj_mongo_coll(work, coll);
    kj_doc_put_text(&filter, "events.host", work->mongo->host);
    BSON_APPEND_DOCUMENT_BEGIN(&update, "$pull", &pull);
    BSON_APPEND_DOCUMENT_BEGIN(&pull, "events", &which);
    kj_doc_put_text(&which, "host", work->mongo->host);
    bson_append_document_end(&pull, &which);
    bson_append_document_end(&update, &pull);
    (void)mongoc_collection_update_many(rows, &filter, &update, NULL, NULL, NULL);
    mongoc_collection_destroy(rows);
    bson_destroy(&update);
    bson_destroy(&filter);
}

int kj_mongo_catch_up(struct kj_mongo_work *work, struct kj_store_op *events)
{
    struct kj_mongo *mongo = work->mongo;
    struct copies copies = {0};
    int rc = find_next(work);
    for (size_t coll = 0; coll < KJ_COLL_COUNT && rc == 0; coll++)
        rc = find_waiting(work, (enum kj_coll)coll, &copies);
    if (copies.count)
        qsort(copies.rows, copies.count, sizeof *copies.rows, by_op); // in the order of the writes
    if (rc == 0)
        rc = copy_singly(work, &copies, events);
    for (size_t coll = 0; coll < KJ_COLL_COUNT && copies.count && rc == 0; coll++)
        pull_waiting(work, (enum kj_coll)coll);
    if (rc == 0)
        mongo->n_clears = 0;
    mongo->behind = rc < 0;
    copies_fini(&copies);
    return rc;
}

// --- what a wave has written ---

static void fail_events(struct kj_mongo *mongo, struct kj_mongo_item **items, size_t count,
                        const struct kj_fault *fault, int rc)
{
    mongo->behind = true; // those in documents follow later
    kj_log_fault(KJ_LOG_ERROR, "store", fault);
    for (size_t i = 0; i < count; i++)
        if (items[i]->op->events && items[i]->op->status == 0 && !items[i]->keeps_events) {
            items[i]->op->status = rc;
            items[i]->request->fault = *fault;
        }
}

static void list_copies(struct kj_mongo *mongo, struct kj_mongo_item **items, size_t count,
                        struct copies *copies)
{
    for (size_t i = 0; i < count; i++) {
        if (items[i]->op->events == NULL || items[i]->op->status < 0)
            continue;
        bson_t *kept = kept_events(mongo, items[i]);
        add_copies(mongo, kept, items[i]->workspace, copies);
        bson_destroy(kept);
    }
}

static int copy(struct kj_mongo_work *work, struct copies *copies, struct kj_store_op *events)
{
    int rc = work->mongo->behind ? KJ_EEXISTS : store_copies(work, copies, events);
    if (rc != KJ_EEXISTS)
        return rc;
    rc = kj_mongo_catch_up(work, events);
    if (rc == 0) // those of reads and deletes wait in no document
        rc = copy_singly(work, copies, events);
    return rc;
}

void kj_mongo_copy_events(struct kj_mongo *mongo, struct kj_mongo_item **items, size_t count,
                          struct kj_store_op *events)
{
    struct copies copies = {0};
    struct kj_mongo_work work;
    list_copies(mongo, items, count, &copies);
    if (copies.count == 0)
        return;
    int rc = kj_mongo_begin(mongo, &work);
    if (rc == 0)
        rc = copy(&work, &copies, events);
    kj_mongo_end(&work, rc);
    if (rc < 0)
        fail_events(mongo, items, count, &work.fault, rc);
    for (size_t i = 0; i < count && rc == 0; i++)
        if (items[i]->keeps_events && items[i]->op->status == 0)
            kj_mongo_note_clear(mongo, items[i]->op->coll, items[i]->op->new_id, items[i]->stamp);
    copies_fini(&copies);
}
