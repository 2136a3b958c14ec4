// The writing half of a re-evaluation. Each decision says which run went over it and what that
// changed, so that a run which is taken up again after a crash counts and writes nothing twice.
#include "engine/replay_own.h"

#include "base/alloc.h"
#include "engine/path.h"

#include <stdlib.h>
#include <string.h>

// Re-evaluation returns these only: what was sent and planned stays as it was.
static const char *const k_judged[] = {"success", "verdicts", "score", "tags",   "variables",
                                       "hash",    "pack",     "model", "faults", "explain"};

bool kj_replay_kept_before(const struct kj_replay_item *item, int64_t run, enum kj_change *change)
{
    const char *found = kj_doc_text(item->decision, "reevaluated.change", "");
    if (kj_doc_int(item->decision, "reevaluated.run", 0) != run)
        return false;
    for (int i = 0; i < KJ_CHANGE_COUNT; i++)
        if (strcmp(kj_change_names[i], found) == 0)
            *change = (enum kj_change)i;
    return true;
}

struct keep {
    struct kj_replay_batch *batch;
    size_t pending;
    int status;
};

static void one_done(struct keep *keep, int status)
{
    keep->status = keep->status ? keep->status : status;
    if (--keep->pending)
        return;
    kj_replay_kept(keep->batch, keep->status);
    free(keep);
}

// --- the lead, when this was its last call ---

struct latest {
    struct keep *keep;
    const struct kj_replay_item *item; // of the batch
};

static int change_lead(void *arg, const bson_t *lead, bson_t **next, bson_t **events)
{
    const struct kj_replay_item *item = ((struct latest *)arg)->item;
    static const char *const k_fields[] = {"success", "score"};
    (void)events;
    if (lead == NULL ||
        kj_doc_time(lead, "last_called_at", 0) != kj_doc_time(item->call, "created_at", -1))
        return KJ_MODIFY_SKIP;
    bson_t changes = BSON_INITIALIZER;
    for (size_t i = 0; i < KJ_COUNT(k_fields); i++)
        if (kj_doc_has(item->plan, k_fields[i]))
            kj_doc_put_from(&changes, k_fields[i], item->plan, k_fields[i]);
        else
            kj_doc_put_null(&changes, k_fields[i]);
    *next = kj_doc_with(lead, &changes);
    bson_destroy(&changes);
    return KJ_OK;
}

static void on_lead(void *arg, int status, const bson_t *lead)
{
    struct latest *latest = arg;
    struct keep *keep = latest->keep;
    (void)lead;
    free(latest);
    one_done(keep, status);
}

static void update_lead(struct keep *keep, const struct kj_replay_item *item)
{
    const struct kj_replay *replay = keep->batch->replay;
    struct latest *latest = KJ_NEW(struct latest);
    *latest = (struct latest){keep, item};
    keep->pending++;
    kj_modify(&(struct kj_modify){.store = replay->engine->store,
                                  .workspace = replay->workspace,
                                  .coll = KJ_LEADS,
                                  .id = kj_doc_int(item->call, "lead_id", 0),
                                  .change = change_lead,
                                  .done = on_lead,
                                  .arg = latest});
}

// --- decisions and calls ---

static void on_written(struct kj_store_request *request)
{
    struct keep *keep = request->arg;
    int status = KJ_OK;
    for (size_t i = 0; i < request->n_ops; i++)
        status = status ? status : request->ops[i].status;
    for (size_t i = 0; i < keep->batch->count && status == KJ_OK; i++)
        if (keep->batch->items[i].plan)
            update_lead(keep, &keep->batch->items[i]);
    one_done(keep, status);
}

static bson_t *judged_anew(const struct kj_replay *replay, const struct kj_replay_item *item)
{
    bson_t old, changes = BSON_INITIALIZER, run = BSON_INITIALIZER, none = BSON_INITIALIZER;
    bson_t *plan;
    const bson_t *before = kj_doc_child(item->decision, "plan", &old) ? &old : &none;
    for (size_t i = 0; i < KJ_COUNT(k_judged); i++)
        if (kj_doc_has(item->plan, k_judged[i]))
            kj_doc_put_from(&changes, k_judged[i], item->plan, k_judged[i]);
        else
            kj_doc_put_null(&changes, k_judged[i]);
    plan = kj_doc_with(before, &changes);
    bson_reinit(&changes);
    kj_doc_put_doc(&changes, "plan", plan);
    kj_doc_put_int(&run, "run", replay->want.run);
    kj_doc_put_time(&run, "at", kj_loop_now(replay->engine->loop));
    kj_doc_put_text(&run, "change", kj_change_names[item->change]);
    kj_doc_put_from(&run, "before", before, "success");
    kj_doc_put_doc(&changes, "reevaluated", &run);
    bson_t *decision = kj_doc_with(item->decision, &changes);
    bson_destroy(plan);
    bson_destroy(&none);
    bson_destroy(&run);
    bson_destroy(&changes);
    return decision;
}

static void put_replace(struct kj_store_request *request, enum kj_coll coll, const bson_t *known,
                        bson_t *doc_take)
{
    struct kj_store_op *op = &request->ops[request->n_ops];
    op->verb = KJ_STORE_REPLACE;
    op->coll = coll;
    op->id = kj_doc_int(known, "_id", 0);
    op->version = kj_doc_int(known, "version", 0);
    kj_store_own_doc(request, request->n_ops++, doc_take);
}

// The call first: its answers may stand without the decision, not the other way round.
void kj_replay_keep(struct kj_replay_batch *batch)
{
    const struct kj_replay *replay = batch->replay;
    struct keep *keep = KJ_NEW(struct keep);
    struct kj_store_request *request =
        kj_store_request(2 * batch->count + 1, replay->workspace, on_written, keep);
    *keep = (struct keep){batch, 1, KJ_OK};
    request->n_ops = 0;
    for (size_t i = 0; i < batch->count; i++) {
        const struct kj_replay_item *item = &batch->items[i];
        if (item->plan == NULL)
            continue;
        if (item->facts) {
            bson_t changes = BSON_INITIALIZER;
            kj_doc_put_doc(&changes, "facts", item->facts);
            put_replace(request, KJ_CALLS, item->call, kj_doc_with(item->call, &changes));
            bson_destroy(&changes);
        }
        put_replace(request, KJ_DECISIONS, item->decision, judged_anew(replay, item));
    }
    if (request->n_ops == 0) {
        kj_store_discard(request);
        one_done(keep, KJ_OK);
        return;
    }
    kj_store_submit(replay->engine->store, request);
}
