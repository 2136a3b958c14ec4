// The claim: candidates are read in the order of urgency, taken by one update that bears a stamp
// and asks that they still wait, and read back by that stamp: what another host took meanwhile is
// missing. All claims of a request are one batch: one update, one read.
#include "store/mongo.h"

#include "base/map.h"
#include "base/str.h"

#include <stdio.h>
#include <string.h>

enum { ROUNDS = 8, LOST_MS = 120000 };

struct claim {
    struct kj_mongo_work *work;
    struct kj_mongo_item **items;
    size_t count;
    bson_t *ids; // array of what is wanted in this round
    struct kj_doc_list list;
    int64_t least, most; // of them
    struct kj_map owner; // "id" -> item, of this round
};

static void put_waiting(bson_t *filter, const struct kj_store_op *op, bool due)
{
    bson_t in, array, most;
    struct kj_doc_list list = {&array};
    kj_doc_put_text(filter, "fields.state", "waiting");
    if (op->kinds && op->kinds[0] && !op->kinds[1]) {
        kj_doc_put_text(filter, "fields.kind", op->kinds[0]);
    } else if (op->kinds) {
        BSON_APPEND_DOCUMENT_BEGIN(filter, "fields.kind", &in);
        BSON_APPEND_ARRAY_BEGIN(&in, "$in", &array);
        for (size_t i = 0; op->kinds[i]; i++)
            kj_doc_put_text(&array, kj_doc_next(&list), op->kinds[i]);
        bson_append_array_end(&in, &array);
        bson_append_document_end(filter, &in);
    }
    if (!due)
        return;
    BSON_APPEND_DOCUMENT_BEGIN(filter, "fields.due", &most);
    kj_doc_put_int(&most, "$lte", op->now);
    bson_append_document_end(filter, &most);
}

// Adds the item's candidates to what this round wants.
static int choose(struct claim *claim, struct kj_mongo_item *item)
{
    bson_t filter = BSON_INITIALIZER, opts = BSON_INITIALIZER, sort, only;
    struct kj_store_op found = {0};
    int64_t left = kj_store_limit(item->op) - (int64_t)item->op->n_docs;
    put_waiting(&filter, item->op, true);
    BSON_APPEND_DOCUMENT_BEGIN(&opts, "sort", &sort);
    kj_doc_put_int(&sort, "fields.priority", -1);
    kj_doc_put_int(&sort, "fields.due", 1);
    kj_doc_put_int(&sort, "_id", 1);
    bson_append_document_end(&opts, &sort);
    BSON_APPEND_DOCUMENT_BEGIN(&opts, "projection", &only);
    kj_doc_put_int(&only, "_id", 1);
    bson_append_document_end(&opts, &only);
    // What an item before it in this batch wants does not count.
    kj_doc_put_int(&opts, "limit", left + claim->list.count);
    int rc = kj_mongo_query(claim->work, KJ_JOBS, &filter, &opts, false, &found);
    for (size_t i = 0; i < found.n_docs && left > 0; i++) {
        int64_t id = kj_doc_int(found.docs[i], "_id", 0);
        char name[24];
        snprintf(name, sizeof name, "%lld", (long long)id);
        if (kj_map_get(&claim->owner, name))
            continue;
        kj_map_put(&claim->owner, name, item);
        claim->least = claim->list.count == 0 || id < claim->least ? id : claim->least;
        claim->most = claim->list.count == 0 || id > claim->most ? id : claim->most;
        kj_doc_put_int(claim->ids, kj_doc_next(&claim->list), id);
        left--;
    }
    kj_store_clear_result(&found);
    bson_destroy(&opts);
    bson_destroy(&filter);
    return rc;
}

static void put_ids(bson_t *filter, const struct claim *claim)
{
    bson_t in;
    BSON_APPEND_DOCUMENT_BEGIN(filter, "_id", &in);
    kj_doc_put_array(&in, "$in", claim->ids);
    bson_append_document_end(filter, &in);
}

// Jobs that were put in together lie together: without a gap their ids are a range, which a server
// walks once, where it looks for each of a list.
static void put_range(bson_t *filter, const struct claim *claim)
{
    bson_t range;
    if (claim->most - claim->least >= claim->list.count) {
        put_ids(filter, claim);
        return;
    }
    BSON_APPEND_DOCUMENT_BEGIN(filter, "_id", &range);
    kj_doc_put_int(&range, "$gte", claim->least);
    kj_doc_put_int(&range, "$lte", claim->most);
    bson_append_document_end(filter, &range);
}

static bson_t *claiming(const struct kj_mongo_item *item)
{
    const struct kj_store_op *op = item->op;
    bson_t set, increase, *update = bson_new();
    BSON_APPEND_DOCUMENT_BEGIN(update, "$set", &set);
    kj_doc_put_text(&set, "fields.state", "running");
    kj_doc_put_text(&set, "fields.host", op->host);
    kj_doc_put_text(&set, "doc.state", "running");
    kj_doc_put_text(&set, "doc.host", op->host);
    kj_doc_put_time(&set, "doc.updated_at", op->now);
    kj_doc_put_text(&set, "op", item->stamp);
    bson_append_document_end(update, &set);
    BSON_APPEND_DOCUMENT_BEGIN(update, "$inc", &increase);
    kj_doc_put_int(&increase, "version", 1);
    kj_doc_put_int(&increase, "doc.version", 1);
    kj_doc_put_int(&increase, "doc.token", 1);
    bson_append_document_end(update, &increase);
    return update;
}

// Only for what may be carried out twice. *met: how many, as far as its last try tells.
static int update_jobs(struct kj_mongo_work *work, const bson_t *filter, const bson_t *update,
                       int64_t *met)
{
    mongoc_collection_t *jobs = kj_mongo_coll(work, KJ_JOBS);
    bool ok;
    int rc = 0;
    do {
        bson_t reply;
        bson_error_t error;
        ok = mongoc_collection_update_many(jobs, filter, update, NULL, &reply, &error);
        *met = kj_doc_int(&reply, "matchedCount", 0);
        if (!ok)
            rc = kj_mongo_again(work, &error, &reply);
        bson_destroy(&reply);
    } while (!ok && rc == 0);
    mongoc_collection_destroy(jobs);
    return rc;
}

static int take(struct claim *claim, int64_t *met)
{
    bson_t filter = BSON_INITIALIZER, *update = claiming(claim->items[0]);
    put_range(&filter, claim);
    kj_doc_put_text(&filter, "fields.state", "waiting"); // twice harms nobody
    int rc = update_jobs(claim->work, &filter, update, met);
    bson_destroy(update);
    bson_destroy(&filter);
    return rc;
}

// Adds what bears our stamp to `got`: "id" -> its row.
static void index_ours(const struct claim *claim, const struct kj_store_op *found,
                       struct kj_map *got)
{
    char name[24];
    for (size_t i = 0; i < found->n_docs; i++) {
        if (!kj_streq(kj_doc_text(found->docs[i], "op", ""), claim->items[0]->stamp))
            continue;
        snprintf(name, sizeof name, "%lld", (long long)kj_doc_int(found->docs[i], "_id", 0));
        kj_map_put(got, name, found->docs[i]);
    }
}

// Gives every item what it got, in the order in which it was wanted. *missed counts the rest. The
// server is asked for the stamp only where others took some: a list of ids alone it answers without
// a look at anything but them.
static int hand_out(struct claim *claim, int64_t met, size_t *missed)
{
    bson_t filter = BSON_INITIALIZER, doc;
    struct kj_store_op found = {0};
    struct kj_map got;
    bson_iter_t at;
    char name[24];
    put_ids(&filter, claim);
    if (met < claim->list.count)
        kj_doc_put_text(&filter, "op", claim->items[0]->stamp);
    int rc = kj_mongo_query(claim->work, KJ_JOBS, &filter, NULL, false, &found);
    kj_map_init(&got);
    index_ours(claim, &found, &got);
    if (rc == 0 && bson_iter_init(&at, claim->ids))
        while (bson_iter_next(&at)) {
            snprintf(name, sizeof name, "%lld", (long long)bson_iter_as_int64(&at));
            const bson_t *row = kj_map_get(&got, name);
            struct kj_mongo_item *item = kj_map_get(&claim->owner, name);
            if (row && kj_doc_child(row, "doc", &doc))
                kj_store_add_doc(item->op, bson_copy(&doc));
            else
                ++*missed;
        }
    kj_map_fini(&got);
    kj_store_clear_result(&found);
    bson_destroy(&filter);
    return rc;
}

// One round: what is missed was taken by another host, so there may be more to have.
static int one_round(struct claim *claim, size_t *missed)
{
    bson_t ids = BSON_INITIALIZER;
    int64_t met = 0;
    int rc = 0;
    claim->ids = &ids;
    claim->list = (struct kj_doc_list){&ids};
    kj_map_init(&claim->owner);
    *missed = 0;
    for (size_t i = 0; i < claim->count && rc == 0; i++)
        if ((int64_t)claim->items[i]->op->n_docs < kj_store_limit(claim->items[i]->op))
            rc = choose(claim, claim->items[i]);
    if (rc == 0 && claim->list.count)
        rc = take(claim, &met);
    if (rc == 0 && claim->list.count)
        rc = hand_out(claim, met, missed);
    kj_map_fini(&claim->owner);
    bson_destroy(&ids);
    return rc;
}

static int next_due(struct claim *claim, struct kj_mongo_item *item)
{
    bson_t filter = BSON_INITIALIZER, opts = BSON_INITIALIZER, sort, only;
    struct kj_store_op found = {0};
    put_waiting(&filter, item->op, false);
    BSON_APPEND_DOCUMENT_BEGIN(&opts, "sort", &sort);
    kj_doc_put_int(&sort, "fields.due", 1);
    bson_append_document_end(&opts, &sort);
    BSON_APPEND_DOCUMENT_BEGIN(&opts, "projection", &only);
    kj_doc_put_int(&only, "fields.due", 1);
    bson_append_document_end(&opts, &only);
    kj_doc_put_int(&opts, "limit", 1);
    int rc = kj_mongo_query(claim->work, KJ_JOBS, &filter, &opts, false, &found);
    item->op->next_due = found.n_docs ? kj_doc_int(found.docs[0], "fields.due", 0) : INT64_MAX;
    kj_store_clear_result(&found);
    bson_destroy(&opts);
    bson_destroy(&filter);
    return rc;
}

// --- claims whose outcome was lost ---

// Nobody runs what such a claim took: it waits again. For a while, since a database that hung may
// still carry the claim out.
static int release_lost(struct kj_mongo_work *work, const struct kj_mongo_item *item)
{
    bson_t filter = BSON_INITIALIZER, in, array, update = BSON_INITIALIZER, set, increase;
    struct kj_doc_list list = {&array};
    int64_t met;
    kj_doc_put_text(&filter, "fields.state", "running");
    kj_doc_put_text(&filter, "fields.host", item->op->host);
    BSON_APPEND_DOCUMENT_BEGIN(&filter, "op", &in);
    BSON_APPEND_ARRAY_BEGIN(&in, "$in", &array);
    for (size_t i = 0; i < KJ_MONGO_LOST; i++)
        if (work->mongo->lost[i].until > kj_clock_real_mono())
            kj_doc_put_text(&array, kj_doc_next(&list), work->mongo->lost[i].op);
    bson_append_array_end(&in, &array);
    bson_append_document_end(&filter, &in);
    BSON_APPEND_DOCUMENT_BEGIN(&update, "$set", &set);
    kj_doc_put_text(&set, "fields.state", "waiting");
    kj_doc_put_text(&set, "doc.state", "waiting");
    bson_append_document_end(&update, &set);
    BSON_APPEND_DOCUMENT_BEGIN(&update, "$inc", &increase);
    kj_doc_put_int(&increase, "version", 1);
    kj_doc_put_int(&increase, "doc.version", 1);
    bson_append_document_end(&update, &increase);
    int rc = list.count ? update_jobs(work, &filter, &update, &met) : 0;
    bson_destroy(&update);
    bson_destroy(&filter);
    return rc;
}

static void note_lost(struct kj_mongo *mongo, const struct kj_mongo_item *item)
{
    struct kj_mongo_lost *lost = &mongo->lost[mongo->n_lost++ % KJ_MONGO_LOST];
    memcpy(lost->op, item->stamp, sizeof lost->op);
    lost->until = kj_clock_real_mono() + LOST_MS;
}

int kj_mongo_claim(struct kj_mongo_work *work, struct kj_mongo_item **items, size_t count)
{
    struct claim claim = {.work = work, .items = items, .count = count};
    size_t missed = 1;
    int rc = release_lost(work, items[0]);
    for (int round = 0; round < ROUNDS && missed && rc == 0; round++)
        rc = one_round(&claim, &missed);
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = next_due(&claim, items[i]);
    for (size_t i = 0; i < count && rc == 0; i++)
        kj_mongo_done(items[i], 0);
    if (rc < 0)
        note_lost(work->mongo, items[0]);
    return rc;
}
