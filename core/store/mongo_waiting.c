// Events that wait in documents: copied at the start, after an outage, and by who takes a host
// over.
//
// What a host wrote and did not come to copy is copied into its own stream, whoever does it: its
// readers find it behind what they know, without a gap. Several may do so at once, and the host
// itself too if it only hung: the key of a copy lets each event in once, and a taken number is
// followed by the next.
#include "store/mongo.h"

#include "base/str.h"

#include <stdlib.h>
#include <string.h>

struct stream { // whose events are copied
    const char *host;
    int64_t first, next; // numbers: first < number; next to be given
};

static int find_next(struct kj_mongo_work *work, struct stream *stream)
{
    bson_t filter = BSON_INITIALIZER, opts = BSON_INITIALIZER, range, sort, only;
    struct kj_store_op found = {0};
    BSON_APPEND_DOCUMENT_BEGIN(&filter, "_id", &range);
    kj_doc_put_int(&range, "$gt", stream->first);
    kj_doc_put_int(&range, "$lt", stream->first + (INT64_C(1) << KJ_EVENT_STREAM_BITS));
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
        stream->next = 1 + (found.n_docs ? kj_doc_int(found.docs[0], "_id", 0) : stream->first);
    kj_store_clear_result(&found);
    bson_destroy(&opts);
    bson_destroy(&filter);
    return rc;
}

// One by one: what was copied before takes no number. `events`: what to tell of them, NULL = none.
static int copy_into(struct kj_mongo_work *work, struct stream *stream,
                     struct kj_mongo_copies *copies, struct kj_store_op *events)
{
    struct kj_mongo *mongo = work->mongo;
    int rc = 0;
    for (size_t i = 0; i < copies->count && rc == 0;) {
        struct kj_mongo_row *row = &copies->rows[i];
        row->open = true;
        row->status = 0;
        kj_mongo_number_copy(row, stream->next);
        rc = kj_mongo_insert_rows(work, KJ_EVENTS, row, 1);
        if (rc == 0 && row->status == KJ_EEXISTS && row->owner == row->id) {
            rc = find_next(work, stream); // another process counts for this host
            continue;
        }
        if (rc == 0 && row->status == 0) {
            stream->next++;
            mongo->inserted[KJ_EVENTS]++;
        } else if (rc == 0 && row->status == KJ_EEXISTS) {
            kj_mongo_number_copy(row, row->owner);
        } else {
            rc = rc < 0 ? rc : row->status;
            break;
        }
        if (events)
            kj_mongo_tell_copy(mongo, row, events);
        i++;
    }
    return rc;
}

static struct stream own_stream(const struct kj_mongo *mongo)
{
    return (struct stream){mongo->host, kj_mongo_first_event(mongo), mongo->next_event};
}

int kj_mongo_copy_singly(struct kj_mongo_work *work, struct kj_mongo_copies *copies,
                         struct kj_store_op *events)
{
    struct stream stream = own_stream(work->mongo);
    int rc = copy_into(work, &stream, copies, events);
    work->mongo->next_event = stream.next;
    return rc;
}

// --- in the documents ---

static int by_op(const void *a, const void *b)
{
    return strcmp(((const struct kj_mongo_row *)a)->op, ((const struct kj_mongo_row *)b)->op);
}

static void add_waiting(struct kj_mongo *mongo, const char *host, const bson_t *row,
                        struct kj_mongo_copies *copies)
{
    bson_t events;
    bson_iter_t at;
    if (!kj_doc_child(row, "events", &events) || !bson_iter_init(&at, &events))
        return;
    while (bson_iter_next(&at)) {
        bson_t kept;
        if (kj_doc_at(&at, &kept) && kj_streq(kj_doc_text(&kept, "host", ""), host))
            kj_mongo_add_copies(mongo, &kept, kj_doc_text(row, "workspace", ""), copies);
    }
}

static int find_waiting(struct kj_mongo_work *work, const char *host, enum kj_coll coll,
                        struct kj_mongo_copies *copies)
{
    bson_t filter = BSON_INITIALIZER, opts = BSON_INITIALIZER, only;
    struct kj_store_op found = {0};
    kj_doc_put_text(&filter, "events.host", host);
    BSON_APPEND_DOCUMENT_BEGIN(&opts, "projection", &only);
    kj_doc_put_int(&only, "workspace", 1);
    kj_doc_put_int(&only, "events", 1);
    bson_append_document_end(&opts, &only);
    int rc = kj_mongo_query(work, coll, &filter, &opts, false, &found);
    for (size_t i = 0; i < found.n_docs && rc == 0; i++)
        add_waiting(work->mongo, host, found.docs[i], copies);
    kj_store_clear_result(&found);
    bson_destroy(&opts);
    bson_destroy(&filter);
    return rc;
}

static void put_stamps(bson_t *which, const struct kj_mongo_copies *copies)
{
    bson_t in, stamps;
    struct kj_doc_list list = {&stamps};
    char stamp[KJ_STAMP_SIZE], last[KJ_STAMP_SIZE] = "";
    BSON_APPEND_DOCUMENT_BEGIN(which, "op", &in);
    BSON_APPEND_ARRAY_BEGIN(&in, "$in", &stamps);
    for (size_t i = 0; i < copies->count; i++) { // in order: those of one write stand together
        kj_copy(stamp, sizeof stamp, copies->rows[i].op);
        *strchrnul(stamp, '.') = 0; // of the write, without the event's place in it
        if (strcmp(stamp, last) != 0)
            kj_doc_put_text(&stamps, kj_doc_next(&list), stamp);
        kj_copy(last, sizeof last, stamp);
    }
    bson_append_array_end(&in, &stamps);
    bson_append_document_end(which, &in);
}

// Takes out what was copied, and nothing that came meanwhile.
static void pull_waiting(struct kj_mongo_work *work, const char *host, enum kj_coll coll,
                         const struct kj_mongo_copies *copies)
{
    bson_t filter = BSON_INITIALIZER, update = BSON_INITIALIZER, pull, which;
    mongoc_collection_t *rows = kj_mongo_coll(work, coll);
    kj_doc_put_text(&filter, "events.host", host);
    BSON_APPEND_DOCUMENT_BEGIN(&update, "$pull", &pull);
    BSON_APPEND_DOCUMENT_BEGIN(&pull, "events", &which);
    put_stamps(&which, copies);
    bson_append_document_end(&pull, &which);
    bson_append_document_end(&update, &pull);
    (void)mongoc_collection_update_many(rows, &filter, &update, NULL, NULL, NULL);
    mongoc_collection_destroy(rows);
    bson_destroy(&update);
    bson_destroy(&filter);
}

static int copy_waiting(struct kj_mongo_work *work, struct stream *stream,
                        struct kj_store_op *events)
{
    struct kj_mongo_copies copies = {0};
    int rc = find_next(work, stream);
    for (size_t coll = 0; coll < KJ_COLL_COUNT && rc == 0; coll++)
        rc = find_waiting(work, stream->host, (enum kj_coll)coll, &copies);
    if (copies.count)
        qsort(copies.rows, copies.count, sizeof *copies.rows, by_op); // in the order of the writes
    if (rc == 0)
        rc = copy_into(work, stream, &copies, events);
    for (size_t coll = 0; coll < KJ_COLL_COUNT && copies.count && rc == 0; coll++)
        pull_waiting(work, stream->host, (enum kj_coll)coll, &copies);
    kj_mongo_copies_fini(&copies);
    return rc;
}

int kj_mongo_catch_up(struct kj_mongo_work *work, struct kj_store_op *events)
{
    struct kj_mongo *mongo = work->mongo;
    struct stream stream = own_stream(mongo);
    int rc = copy_waiting(work, &stream, events);
    mongo->next_event = stream.next;
    if (rc == 0)
        mongo->n_clears = 0;
    mongo->behind = rc < 0;
    return rc;
}

int kj_mongo_adopt_events(struct kj_mongo_work *work, const char *host)
{
    struct stream stream = {.host = host};
    int64_t slot;
    int rc = kj_mongo_slot_of(work, host, &slot);
    if (rc < 0 || slot < 0)
        return rc;
    stream.first = slot << KJ_EVENT_STREAM_BITS;
    return copy_waiting(work, &stream, NULL);
}
