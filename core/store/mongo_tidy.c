// What nobody waits for: copied events are taken out of their documents, old ones dropped, and
// after an outage late ones looked for. What fails here is done the next time or at the next start.
#include "store/mongo.h"

#include "base/str.h"

enum { TRIM_EVERY = 1000, LOOK_EVERY_MS = 1000, UNEASY_MS = 120000 };

static void clear_some(struct kj_mongo_work *work, enum kj_coll coll)
{
    struct kj_mongo *mongo = work->mongo;
    bson_t filter = BSON_INITIALIZER, update = BSON_INITIALIZER, in, ids, pull, which, one_of, ops;
    struct kj_doc_list id_list = {&ids}, op_list = {&ops};
    BSON_APPEND_DOCUMENT_BEGIN(&filter, "_id", &in);
    BSON_APPEND_ARRAY_BEGIN(&in, "$in", &ids);
    BSON_APPEND_DOCUMENT_BEGIN(&update, "$pull", &pull);
    BSON_APPEND_DOCUMENT_BEGIN(&pull, "events", &which);
    BSON_APPEND_DOCUMENT_BEGIN(&which, "op", &one_of);
    BSON_APPEND_ARRAY_BEGIN(&one_of, "$in", &ops);
    for (size_t i = 0; i < mongo->n_clears; i++)
        if (mongo->clears[i].coll == coll) {
            kj_doc_put_int(&ids, kj_doc_next(&id_list), mongo->clears[i].id);
            kj_doc_put_text(&ops, kj_doc_next(&op_list), mongo->clears[i].op);
        }
    bson_append_array_end(&one_of, &ops);
    bson_append_document_end(&which, &one_of);
    bson_append_document_end(&pull, &which);
    bson_append_document_end(&update, &pull);
    bson_append_array_end(&in, &ids);
    bson_append_document_end(&filter, &in);
    if (id_list.count) {
        mongoc_collection_t *rows = kj_mongo_coll(work, coll);
        (void)mongoc_collection_update_many(rows, &filter, &update, NULL, NULL, NULL);
        mongoc_collection_destroy(rows);
    }
    bson_destroy(&update);
    bson_destroy(&filter);
}

static void trim(struct kj_mongo_work *work)
{
    struct kj_mongo *mongo = work->mongo;
    bson_t filter = BSON_INITIALIZER, range, reply;
    mongoc_collection_t *rows = kj_mongo_coll(work, KJ_EVENTS);
    int64_t last = mongo->next_event - 1 - mongo->events_kept;
    BSON_APPEND_DOCUMENT_BEGIN(&filter, "_id", &range);
    kj_doc_put_int(&range, "$gt", kj_mongo_first_event(mongo));
    kj_doc_put_int(&range, "$lte", last);
    bson_append_document_end(&filter, &range);
    if (last > kj_mongo_first_event(mongo) &&
        mongoc_collection_delete_many(rows, &filter, NULL, &reply, NULL))
        mongo->events_since_trim = 0;
    if (last > kj_mongo_first_event(mongo))
        bson_destroy(&reply);
    mongoc_collection_destroy(rows);
    bson_destroy(&filter);
}

static void clear_all(struct kj_mongo *mongo)
{
    struct kj_mongo_work work;
    if (mongo->n_clears == 0 || kj_mongo_begin(mongo, &work) < 0)
        return;
    for (size_t coll = 0; coll < KJ_COLL_COUNT; coll++)
        clear_some(&work, (enum kj_coll)coll);
    mongo->n_clears = 0;
    kj_mongo_end(&work, KJ_EUNAVAILABLE); // says nothing about the breaker
}

void kj_mongo_note_clear(struct kj_mongo *mongo, enum kj_coll coll, int64_t id, const char *op)
{
    if (mongo->n_clears == KJ_MONGO_CLEARS)
        clear_all(mongo);
    if (mongo->n_clears == KJ_MONGO_CLEARS)
        return; // it stays there until the next start, which sees that it is copied
    struct kj_mongo_clear *clear = &mongo->clears[mongo->n_clears++];
    *clear = (struct kj_mongo_clear){.coll = coll, .id = id};
    kj_copy(clear->op, sizeof clear->op, op);
}

static void look_for_late(struct kj_mongo *mongo, struct kj_store_op *events)
{
    struct kj_mongo_work work;
    mongo->next_look = kj_clock_real_mono() + LOOK_EVERY_MS;
    int rc = kj_mongo_begin(mongo, &work);
    if (rc == 0)
        rc = kj_mongo_catch_up(&work, events);
    kj_mongo_end(&work, rc);
}

void kj_mongo_tidy(struct kj_mongo *mongo, bool all, struct kj_store_op *events)
{
    struct kj_mongo_work work;
    int64_t now = mongo->uneasy_until ? kj_clock_real_mono() : 0;
    if (all || mongo->n_clears == KJ_MONGO_CLEARS)
        clear_all(mongo);
    if (mongo->events_since_trim >= TRIM_EVERY && kj_mongo_begin(mongo, &work) == 0) {
        trim(&work);
        kj_mongo_end(&work, KJ_EUNAVAILABLE);
    }
    if (events && now < mongo->uneasy_until && now >= mongo->next_look)
        look_for_late(mongo, events);
}

void kj_mongo_mind_events(struct kj_mongo *mongo, struct kj_mongo_item **items, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (items[i]->keeps_events && items[i]->op->status == KJ_EUNAVAILABLE)
            mongo->uneasy_until = kj_clock_real_mono() + UNEASY_MS;
}
