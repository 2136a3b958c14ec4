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

void kj_mongo_copies_fini(struct kj_mongo_copies *copies)
{
    for (size_t i = 0; i < copies->count; i++)
        kj_mongo_row_fini(&copies->rows[i]);
    free(copies->rows);
}

static void add_copy(const struct kj_mongo *mongo, const bson_t *kept, const bson_t *event,
                     const char *workspace, uint32_t index, struct kj_mongo_copies *copies)
{
    struct kj_fault ignored;
    size_t stamps;
    if ((copies->count & (copies->count - 1)) == 0)
        copies->rows = kj_realloc(copies->rows,
                                  sizeof *copies->rows * (copies->count ? 2 * copies->count : 1));
    struct kj_mongo_row *row = &copies->rows[copies->count++];
    *row = (struct kj_mongo_row){.version = 1, .open = true};
    if (kj_doc_bool(kept, "across", false))
        workspace = kj_doc_text(event, "workspace", workspace);
    kj_copy(row->workspace, sizeof row->workspace, workspace);
    snprintf(row->op, sizeof row->op, "%.20s.%05u", kj_doc_text(kept, "op", ""), index);
    row->doc = kj_store_event(kj_doc_time(kept, "at", 0), event,
                              kj_doc_text(kept, "host", mongo->host), mongo->simulated);
    row->fields = bson_new();
    kj_doc_put_text(row->fields, "key", row->op);
    kj_doc_put_text(row->fields, "workspace", workspace);
    row->open =
        kj_mongo_fields(KJ_EVENTS, row->doc, workspace, row->fields, &stamps, &ignored) == 0;
}

void kj_mongo_add_copies(const struct kj_mongo *mongo, const bson_t *kept, const char *workspace,
                         struct kj_mongo_copies *copies)
{
    bson_t list;
    bson_iter_t at;
    uint32_t index = 0;
    if (!kj_doc_child(kept, "list", &list) || !bson_iter_init(&at, &list))
        return;
    while (bson_iter_next(&at)) {
        bson_t event;
        if (kj_doc_at(&at, &event))
            add_copy(mongo, kept, &event, workspace, index++, copies);
    }
}

void kj_mongo_number_copy(struct kj_mongo_row *row, int64_t id)
{
    row->id = id;
    bson_t *doc = kj_stamped(row->doc, SIZE_MAX, id, 1, row->workspace, NULL);
    kj_doc_clear(&row->doc);
    row->doc = doc;
}

void kj_mongo_tell_copy(struct kj_mongo *mongo, struct kj_mongo_row *row,
                        struct kj_store_op *events)
{
    if (row->id <= mongo->told)
        return;
    mongo->told = row->id;
    kj_store_add_doc(events, row->doc);
    row->doc = NULL;
}

// All at once: nobody else gives numbers of this slot. KJ_EEXISTS when somebody does, or when some
// had been copied before.
static int store_copies(struct kj_mongo_work *work, struct kj_mongo_copies *copies,
                        struct kj_store_op *events)
{
    struct kj_mongo *mongo = work->mongo;
    for (size_t i = 0; i < copies->count; i++)
        kj_mongo_number_copy(&copies->rows[i], mongo->next_event + (int64_t)i);
    int rc = kj_mongo_insert_rows(work, KJ_EVENTS, copies->rows, copies->count);
    for (size_t i = 0; i < copies->count && rc == 0; i++)
        rc = copies->rows[i].status;
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < copies->count; i++)
        kj_mongo_tell_copy(mongo, &copies->rows[i], events);
    mongo->next_event += (int64_t)copies->count;
    mongo->inserted[KJ_EVENTS] += (int64_t)copies->count;
    return 0;
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
                        struct kj_mongo_copies *copies)
{
    for (size_t i = 0; i < count; i++) {
        if (items[i]->op->events == NULL || items[i]->op->status < 0)
            continue;
        bson_t *kept = kept_events(mongo, items[i]);
        kj_mongo_add_copies(mongo, kept, items[i]->workspace, copies);
        bson_destroy(kept);
    }
}

static int copy(struct kj_mongo_work *work, struct kj_mongo_copies *copies,
                struct kj_store_op *events)
{
    int rc = work->mongo->behind ? KJ_EEXISTS : store_copies(work, copies, events);
    if (rc != KJ_EEXISTS)
        return rc;
    rc = kj_mongo_catch_up(work, events);
    if (rc == 0) // those of reads and deletes wait in no document
        rc = kj_mongo_copy_singly(work, copies, events);
    return rc;
}

void kj_mongo_copy_events(struct kj_mongo *mongo, struct kj_mongo_item **items, size_t count,
                          struct kj_store_op *events)
{
    struct kj_mongo_copies copies = {0};
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
    kj_mongo_copies_fini(&copies);
}
