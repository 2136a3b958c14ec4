// Which ops of a group may go together: each gets a wave, and a wave is over before the next
// begins.
//
// The ops of a request stay in order, and so do all that touch the same document; a find, count or
// claim comes after the writes to its collection that were submitted before it, and before those
// behind it. Everything else may run side by side: that is what makes batches, and a batch is what
// a round trip is worth.
#include "store/mongo.h"

#include "base/map.h"
#include "base/str.h"

#include <stdio.h>

enum class { CLASS_NONE, CLASS_GET, CLASS_INCREMENT, CLASS_OTHER };

struct coll_plan {
    uint32_t writes, scans; // last waves
    // Ops whose document is named in one way only: it may be the same as one named in the other.
    uint32_t by_id, by_key;
};

struct plan {
    struct coll_plan colls[KJ_COLL_COUNT];
    struct kj_map seen; // "leads#12", "leads=+49…" -> wave and class of the last op
};

static uint32_t later(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

static enum class class_of(const struct kj_store_op *op) {
    return op->verb == KJ_STORE_GET         ? CLASS_GET
           : op->verb == KJ_STORE_INCREMENT ? CLASS_INCREMENT
                                            : CLASS_OTHER;
}

// Gets share a wave, and so do increments of one document: they commute and are written as one.
static uint32_t after_seen(const struct plan *plan, const char *name, enum class class)
{
    uintptr_t last = (uintptr_t)kj_map_get(&plan->seen, name);
    bool together = (last & 3) == (uintptr_t) class && class != CLASS_OTHER;
    return last == 0 ? 0 : (uint32_t)(last >> 2) + !together;
}

static void name_id(char *name, size_t size, enum kj_coll coll, int64_t id)
{
    snprintf(name, size, "%s#%lld", kj_coll_name(coll), (long long)id);
}

static void name_key(struct kj_buf *name, enum kj_coll coll, const char *key)
{
    kj_buf_reset(name);
    kj_buf_addf(name, "%s=", kj_coll_name(coll));
    kj_buf_adds(name, key);
}

// The key that an op names or that its document has.
static const char *key_of(const struct kj_store_op *op)
{
    if (op->verb == KJ_STORE_INSERT || op->verb == KJ_STORE_REPLACE || op->verb == KJ_STORE_PUT)
        return kj_doc_text(op->doc, kj_collection(op->coll)->fields[0].name, NULL);
    return op->id ? NULL : op->key;
}

// May `op` stand in the same command as the one before it in its request?
static bool same_batch(const struct kj_store_op *before, const struct kj_store_op *op)
{
    if (before->verb != op->verb || before->coll != op->coll || op->verb == KJ_STORE_INCREMENT ||
        op->verb == KJ_STORE_FIND || op->verb == KJ_STORE_COUNT)
        return false;
    return op->verb != KJ_STORE_CLAIM ||
           (before->now == op->now && kj_streq(before->host, op->host));
}

static uint32_t plan_scan(struct plan *plan, const struct kj_store_op *op, uint32_t wave,
                          bool shared)
{
    struct coll_plan *coll = &plan->colls[op->coll];
    bool claim = op->verb == KJ_STORE_CLAIM;
    if (!(claim && shared && coll->writes == wave)) // claims of one request are one batch
        wave = later(wave, later(coll->writes, claim ? coll->scans : 0) + 1);
    coll->scans = later(coll->scans, wave);
    if (claim)
        coll->writes = coll->by_id = coll->by_key = wave;
    return wave;
}

static uint32_t plan_document(struct plan *plan, const struct kj_store_op *op, uint32_t wave)
{
    struct coll_plan *coll = &plan->colls[op->coll];
    enum class class = class_of(op);
    const char *key = key_of(op);
    bool new = op->verb == KJ_STORE_INSERT || op->verb == KJ_STORE_PUT;
    int64_t id = new ? kj_doc_int(op->doc, "_id", 0) : op->id;
    struct kj_buf key_name;
    char id_name[64];
    kj_buf_init(&key_name, 0);
    if (class != CLASS_GET)
        wave = later(wave, coll->scans + 1);
    if (id) {
        name_id(id_name, sizeof id_name, op->coll, id);
        wave = later(wave, later(after_seen(plan, id_name, class), coll->by_key + 1));
    } else if (!new) {
        wave = later(wave, coll->by_id + 1);
    }
    if (key) {
        name_key(&key_name, op->coll, key);
        wave = later(wave, after_seen(plan, key_name.data, class));
    }
    void *mark = (void *)(((uintptr_t)wave << 2) | (uintptr_t) class);
    if (id)
        kj_map_put(&plan->seen, id_name, mark);
    if (key)
        kj_map_put(&plan->seen, key_name.data, mark);
    if (class != CLASS_GET)
        coll->writes = later(coll->writes, wave);
    if (id && key == NULL)
        coll->by_id = later(coll->by_id, wave);
    if (id == 0 && !new)
        coll->by_key = later(coll->by_key, wave);
    kj_buf_fini(&key_name);
    return wave;
}

uint32_t kj_mongo_plan(struct kj_mongo_item *items, size_t count)
{
    struct plan plan = {0};
    uint32_t last = 0;
    const struct kj_mongo_item *before = NULL; // in the same request
    kj_map_init(&plan.seen);
    for (size_t i = 0; i < count; i++) {
        struct kj_mongo_item *item = &items[i];
        if (item->done)
            continue;
        if (before && before->request != item->request)
            before = NULL;
        bool shared = before && same_batch(before->op, item->op);
        uint32_t wave = before ? before->wave + !shared : 1;
        bool scans = item->op->verb == KJ_STORE_FIND || item->op->verb == KJ_STORE_COUNT ||
                     item->op->verb == KJ_STORE_CLAIM || item->op->verb == KJ_STORE_NEXT;
        item->wave =
            scans ? plan_scan(&plan, item->op, wave, shared) : plan_document(&plan, item->op, wave);
        last = later(last, item->wave);
        before = item;
    }
    kj_map_fini(&plan.seen);
    return last;
}
