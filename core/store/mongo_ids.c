// Numbers: each collection counts for itself, from 1, in blocks taken from collection `sequences`
// ({_id: name, given: the last one}), so that several hosts count at once and a number costs no
// round trip. A clean end gives the rest of the block back; after a crash it is skipped.
#include "store/mongo.h"

#include <stdio.h>
#include <string.h>

enum { BLOCK_FIRST = 8, BLOCK_MOST = 1024 }; // doubling: small collections skip little

static mongoc_collection_t *sequences_of(struct kj_mongo_work *work)
{
    return mongoc_client_get_collection(work->client, work->mongo->database, "sequences");
}

static bson_t *change(const char *how, const char *field, int64_t value)
{
    bson_t what, *update = bson_new();
    bson_append_document_begin(update, how, -1, &what);
    kj_doc_put_int(&what, field, value);
    bson_append_document_end(update, &what);
    return update;
}

// The number is ours already when its row bears our stamp: a lost reply costs no block.
static bool taken_before(mongoc_collection_t *sequences, const char *name, const char *op,
                         const char *field, int64_t *now)
{
    bson_t query = BSON_INITIALIZER;
    const bson_t *row;
    kj_doc_put_text(&query, "_id", name);
    kj_doc_put_text(&query, "op", op);
    mongoc_cursor_t *cursor = mongoc_collection_find_with_opts(sequences, &query, NULL, NULL);
    bool found = mongoc_cursor_next(cursor, &row);
    if (found)
        *now = kj_doc_int(row, field, 0);
    mongoc_cursor_destroy(cursor);
    bson_destroy(&query);
    return found;
}

static bool change_once(mongoc_collection_t *sequences, const bson_t *query, const bson_t *update,
                        const char *field, int64_t *now, bson_t *reply, bson_error_t *error)
{
    bson_t row;
    mongoc_find_and_modify_opts_t *opts = mongoc_find_and_modify_opts_new();
    mongoc_find_and_modify_opts_set_update(opts, update);
    mongoc_find_and_modify_opts_set_flags(opts, MONGOC_FIND_AND_MODIFY_UPSERT |
                                                    MONGOC_FIND_AND_MODIFY_RETURN_NEW);
    bool ok = mongoc_collection_find_and_modify_with_opts(sequences, query, opts, reply, error);
    mongoc_find_and_modify_opts_destroy(opts);
    if (ok && kj_doc_child(reply, "value", &row))
        *now = kj_doc_int(&row, field, 0);
    return ok;
}

// Changes one number of a sequence; *now is what it is then. A row that bears our stamp is not met,
// so that its insertion meets the taken _id.
static int take_number(struct kj_mongo_work *work, const char *name, const char *how,
                       const char *field, int64_t value, int64_t *now)
{
    enum { DUPLICATE_KEY = 11000, TRIES = 20 };
    mongoc_collection_t *sequences = sequences_of(work);
    bson_t query = BSON_INITIALIZER, *update = change(how, field, value), part;
    char op[25];
    bson_oid_t oid;
    bool ok = false;
    int rc = 0;
    bson_oid_init(&oid, NULL);
    bson_oid_to_string(&oid, op);
    kj_doc_put_text(&query, "_id", name);
    BSON_APPEND_DOCUMENT_BEGIN(&query, "op", &part);
    kj_doc_put_text(&part, "$ne", op);
    bson_append_document_end(&query, &part);
    BSON_APPEND_DOCUMENT_BEGIN(update, "$set", &part);
    kj_doc_put_text(&part, "op", op);
    bson_append_document_end(update, &part);
    for (int tries = 0; !ok && rc == 0; tries++) {
        bson_t reply;
        bson_error_t error;
        ok = change_once(sequences, &query, update, field, now, &reply, &error);
        bool met = !ok && error.code == DUPLICATE_KEY && tries < TRIES;
        if (met)
            ok = taken_before(sequences, name, op, field, now);
        else if (!ok)
            rc = kj_mongo_again(work, &error, &reply);
        bson_destroy(&reply);
    }
    bson_destroy(update);
    bson_destroy(&query);
    mongoc_collection_destroy(sequences);
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
    bson_t query = BSON_INITIALIZER, *update = change("$set", "given", ids->next - 1);
    mongoc_collection_t *sequences = sequences_of(work);
    bool ok = false;
    kj_doc_put_text(&query, "_id", kj_coll_name(coll));
    kj_doc_put_int(&query, "given", ids->end); // unless somebody has gone on from there
    for (int rc = 0; !ok && rc == 0;) {
        bson_t reply;
        bson_error_t error;
        ok = mongoc_collection_update_one(sequences, &query, update, NULL, &reply, &error);
        if (!ok)
            rc = kj_mongo_again(work, &error, &reply);
        bson_destroy(&reply);
    }
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

int kj_mongo_slot_of(struct kj_mongo_work *work, const char *host, int64_t *slot)
{
    mongoc_collection_t *sequences = sequences_of(work);
    bson_t query = BSON_INITIALIZER;
    char name[80];
    bool failed = true;
    int rc = 0;
    snprintf(name, sizeof name, "host:%s", host);
    kj_doc_put_text(&query, "_id", name);
    while (failed && rc == 0) {
        const bson_t *row, *reply = NULL;
        bson_error_t error;
        mongoc_cursor_t *cursor = mongoc_collection_find_with_opts(sequences, &query, NULL, NULL);
        *slot = mongoc_cursor_next(cursor, &row) ? kj_doc_int(row, "slot", 0) - 1 : -1;
        failed = mongoc_cursor_error_document(cursor, &error, &reply);
        if (failed)
            rc = kj_mongo_again(work, &error, reply);
        mongoc_cursor_destroy(cursor);
    }
    bson_destroy(&query);
    mongoc_collection_destroy(sequences);
    return rc;
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
