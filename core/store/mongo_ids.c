// Numbers: each collection counts for itself, from 1, in blocks taken from collection `sequences`
// ({_id: name, given: the last one}), so that several hosts count at once and a number costs no
// round trip. A clean end gives the rest of the block back; after a crash it is skipped.
#include "store/mongo.h"

#include <stdio.h>
#include <string.h>

enum { BLOCK_FIRST = 8, BLOCK_MOST = 1024 }; // doubling: small collections skip little

static bson_t *increase(const char *how, const char *field, int64_t value)
{
    bson_t change = BSON_INITIALIZER, *update = bson_new();
    kj_doc_put_int(&change, field, value);
    kj_doc_put_doc(update, how, &change);
    bson_destroy(&change);
    return update;
}

static int take_number(struct kj_mongo_work *work, const char *name, const char *how,
                       const char *field, int64_t value, int64_t *now)
{
    int rc;
    bson_t *update = increase(how, field, value);
    bson_t *row = kj_mongo_sequence(work, name, update, &rc);
    if (row)
        *now = kj_doc_int(row, field, 0);
    kj_doc_clear(&row);
    bson_destroy(update);
    return rc;
}

int kj_mongo_new_id(struct kj_mongo_work *work, enum kj_coll coll, int64_t *id)
{
    struct kj_mongo *mongo = work->mongo;
    struct kj_mongo_ids *ids = &mongo->ids[coll];
    uv_mutex_lock(&mongo->mutex);
    bool there = ids->next <= ids->end && ids->next > 0;
    int64_t block = ids->block ? ids->block : BLOCK_FIRST, end;
    if (there)
        *id = ids->next++;
    uv_mutex_unlock(&mongo->mutex);
    if (there)
        return 0;
    int rc = take_number(work, kj_coll_name(coll), "$inc", "given", block, &end);
    if (rc < 0)
        return rc;
    uv_mutex_lock(&mongo->mutex);
    *id = end - block + 1;
    ids->next = end - block + 2;
    ids->end = end;
    ids->block = block < BLOCK_MOST ? 2 * block : BLOCK_MOST;
    uv_mutex_unlock(&mongo->mutex);
    return 0;
}

int kj_mongo_own_id(struct kj_mongo_work *work, enum kj_coll coll, int64_t id)
{
    struct kj_mongo *mongo = work->mongo;
    struct kj_mongo_ids *ids = &mongo->ids[coll];
    uv_mutex_lock(&mongo->mutex);
    bool known = ids->end > 0 && id <= ids->end;
    if (known && id >= ids->next)
        ids->next = id + 1;
    uv_mutex_unlock(&mongo->mutex);
    if (known)
        return 0;
    int64_t given;
    int rc = take_number(work, kj_coll_name(coll), "$max", "given", id, &given);
    if (rc < 0)
        return rc;
    uv_mutex_lock(&mongo->mutex);
    if (given == id) { // nobody else is ahead: what is left of our block lies behind it
        ids->next = id + 1;
        ids->end = id;
    }
    uv_mutex_unlock(&mongo->mutex);
    return 0;
}

void kj_mongo_return_id(struct kj_mongo *mongo, enum kj_coll coll, int64_t id)
{
    uv_mutex_lock(&mongo->mutex);
    if (mongo->ids[coll].next == id + 1)
        mongo->ids[coll].next = id;
    uv_mutex_unlock(&mongo->mutex);
}

static void return_block(struct kj_mongo_work *work, enum kj_coll coll)
{
    const struct kj_mongo_ids *ids = &work->mongo->ids[coll];
    bson_t query = BSON_INITIALIZER, *update = increase("$set", "given", ids->next - 1);
    mongoc_collection_t *sequences =
        mongoc_client_get_collection(work->client, work->mongo->database, "sequences");
    kj_doc_put_text(&query, "_id", kj_coll_name(coll));
    kj_doc_put_int(&query, "given", ids->end); // unless somebody has gone on from there
    (void)mongoc_collection_update_one(sequences, &query, update, NULL, NULL, NULL);
    mongoc_collection_destroy(sequences);
    bson_destroy(update);
    bson_destroy(&query);
}

void kj_mongo_return_blocks(struct kj_mongo *mongo)
{
    struct kj_mongo_work work;
    if (kj_mongo_begin(mongo, &work) < 0)
        return;
    for (size_t coll = 0; coll < KJ_COLL_COUNT; coll++)
        if (mongo->ids[coll].next > 0 && mongo->ids[coll].next <= mongo->ids[coll].end)
            return_block(&work, (enum kj_coll)coll);
    kj_mongo_end(&work, KJ_EUNAVAILABLE); // says nothing about the breaker
}

// A new host takes the next slot; $max keeps the one it has.
int kj_mongo_host(struct kj_mongo_work *work)
{
    struct kj_mongo *mongo = work->mongo;
    char name[80];
    int64_t slot = 0;
    snprintf(name, sizeof name, "host:%s", mongo->host);
    int rc = take_number(work, name, "$inc", "epoch", 1, &mongo->epoch);
    if (rc == 0)
        rc = take_number(work, name, "$max", "slot", 0, &slot);
    if (rc == 0 && slot == 0)
        rc = take_number(work, "slots", "$inc", "given", 1, &slot);
    if (rc == 0)
        rc = take_number(work, name, "$max", "slot", slot, &slot);
    mongo->slot = slot - 1; // counted from 0: the first host's events are 1, 2, 3 …
    return rc;
}
