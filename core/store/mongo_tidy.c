// What nobody waits for: copied events are taken out of their documents, old ones dropped, and
// after an outage late ones looked for. What fails here is done the next time or at the next start.
#include "store/mongo.h"

#include "base/alloc.h"
#include "base/str.h"

enum { TRIM_EVERY = 1000, TRIM_MOST = 4000, LOOK_EVERY_MS = 1000, UNEASY_MS = 120000 };

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

static bool remove_where(struct kj_mongo_work *work, enum kj_coll coll, const bson_t *filter)
{
    mongoc_collection_t *rows = kj_mongo_coll(work, coll);
    bool ok = mongoc_collection_delete_many(rows, filter, NULL, NULL, NULL);
    mongoc_collection_destroy(rows);
    return ok;
}

static void put_range(bson_t *filter, const char *path, int64_t above, int64_t upto)
{
    bson_t range;
    bson_append_document_begin(filter, path, -1, &range);
    kj_doc_put_int(&range, "$gt", above);
    kj_doc_put_int(&range, "$lte", upto);
    bson_append_document_end(filter, &range);
}

// Of this host: every host drops its own.
static bool trim_events(struct kj_mongo_work *work, int64_t now)
{
    const struct kj_mongo *mongo = work->mongo;
    bson_t filter = BSON_INITIALIZER;
    int64_t first = kj_mongo_first_event(mongo), last = mongo->next_event - 1 - mongo->events_kept;
    (void)now;
    put_range(&filter, "_id", first, last);
    bool ok = last <= first || remove_where(work, KJ_EVENTS, &filter);
    bson_destroy(&filter);
    return ok;
}

// As in sqlite_trim.c: the machine's own jobs that have ended, by a walk that passes once over the
// ids. A start begins it anew; what is gone already costs a look.
static bool trim_jobs(struct kj_mongo_work *work, int64_t now)
{
    struct kj_mongo *mongo = work->mongo;
    int64_t last = mongo->ids[KJ_JOBS].next - 1 - mongo->jobs_kept, upto;
    bson_t filter = BSON_INITIALIZER, in, states;
    (void)now;
    upto = mongo->jobs_from + TRIM_MOST < last ? mongo->jobs_from + TRIM_MOST : last;
    put_range(&filter, "_id", mongo->jobs_from, upto);
    BSON_APPEND_DOCUMENT_BEGIN(&filter, "fields.state", &in);
    BSON_APPEND_ARRAY_BEGIN(&in, "$in", &states);
    kj_doc_put_text(&states, "0", "done");
    kj_doc_put_text(&states, "1", "failed");
    bson_append_array_end(&in, &states);
    bson_append_document_end(&filter, &in);
    kj_doc_put_null(&filter, "fields.lead_id");
    kj_doc_put_null(&filter, "fields.campaign_id");
    bool ok = upto <= mongo->jobs_from || remove_where(work, KJ_JOBS, &filter);
    if (ok && upto > mongo->jobs_from)
        mongo->jobs_from = upto;
    bson_destroy(&filter);
    return ok && mongo->jobs_from >= last;
}

static bool trim_idempotency(struct kj_mongo_work *work, int64_t now)
{
    bson_t filter = BSON_INITIALIZER;
    put_range(&filter, "fields.created_at", INT64_MIN, now - KJ_IDEMPOTENCY_KEPT_MS);
    bool ok = remove_where(work, KJ_IDEMPOTENCY, &filter);
    bson_destroy(&filter);
    return ok;
}

static void trim(struct kj_mongo *mongo, int64_t now)
{
    static const struct {
        enum kj_coll coll;
        bool (*run)(struct kj_mongo_work *work, int64_t now);
    } k_trims[] = {
        {KJ_EVENTS, trim_events}, {KJ_JOBS, trim_jobs}, {KJ_IDEMPOTENCY, trim_idempotency}};
    struct kj_mongo_work work;
    for (size_t i = 0; i < KJ_COUNT(k_trims); i++) {
        int64_t *inserted = &mongo->inserted[k_trims[i].coll];
        if (*inserted < TRIM_EVERY || kj_mongo_begin(mongo, &work) < 0)
            continue;
        if (k_trims[i].run(&work, now))
            *inserted = 0;
        kj_mongo_end(&work, KJ_EUNAVAILABLE); // says nothing about the breaker
    }
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

// One a group, so that the writes behind it wait for one only.
static void adopt_one(struct kj_mongo *mongo)
{
    struct kj_mongo_work work;
    char host[64] = "";
    const char *name;
    void *mark;
    size_t at = 0;
    uv_mutex_lock(&mongo->mutex);
    if (kj_map_next(&mongo->orphans, &at, &name, &mark))
        kj_copy(host, sizeof host, name);
    uv_mutex_unlock(&mongo->mutex);
    if (host[0] == 0)
        return;
    int rc = kj_mongo_begin(mongo, &work);
    if (rc == 0)
        rc = kj_mongo_adopt_events(&work, host);
    kj_mongo_end(&work, rc);
    uv_mutex_lock(&mongo->mutex);
    if (rc == 0)
        kj_map_remove(&mongo->orphans, host);
    uv_mutex_unlock(&mongo->mutex);
}

void kj_mongo_tidy(struct kj_mongo *mongo, bool all, int64_t now, struct kj_store_op *events)
{
    int64_t mono = mongo->uneasy_until ? kj_clock_real_mono() : 0;
    if (all || mongo->n_clears == KJ_MONGO_CLEARS)
        clear_all(mongo);
    if (!all) {
        trim(mongo, now);
        adopt_one(mongo);
    }
    if (events && mono < mongo->uneasy_until && mono >= mongo->next_look)
        look_for_late(mongo, events);
}

void kj_mongo_mind_events(struct kj_mongo *mongo, struct kj_mongo_item **items, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (items[i]->keeps_events && items[i]->op->status == KJ_EUNAVAILABLE)
            mongo->uneasy_until = kj_clock_real_mono() + UNEASY_MS;
}
