// rules.rollout and rules.differences: what is on trial in a group, what was counted, and the calls
// that the version on trial would have decided otherwise.
#include "api/commands.h"
#include "api/documents.h"
#include "api/resolve.h"
#include "engine/rollout.h"

#include "base/alloc.h"

#include <stdlib.h>

struct trial {
    struct kj_request *request;
    bson_t *group;
};

static void trial_free(struct trial *trial)
{
    kj_doc_clear(&trial->group);
    free(trial);
}

// --- rules.rollout ---

static void put_live(const struct trial *trial, bson_t *result)
{
    const char *pack = kj_doc_text(trial->group, "pack", "");
    bson_t *loaded = kj_script_describe(kj_request_engine(trial->request)->script, pack);
    kj_doc_put_from(result, "group", trial->group, "key");
    kj_doc_put_text(result, "pack", pack);
    const char *hash = loaded ? kj_doc_text(loaded, "hash", "") : "";
    kj_doc_put_text(result, "live", kj_doc_text(trial->group, "pinned", hash));
    kj_doc_put_bool(result, "pinned", kj_doc_has(trial->group, "pinned"));
    kj_doc_put_from(result, "previous", trial->group, "previous");
    kj_doc_put_from(result, "last", trial->group, "last_rollout");
    kj_doc_clear(&loaded);
}

static void on_counts(struct kj_store_request *store)
{
    struct trial *trial = store->arg;
    struct kj_store_op *op = &store->ops[0];
    bson_t *result = bson_new(), rollout;
    put_live(trial, result);
    if (kj_doc_child(trial->group, "rollout", &rollout)) {
        bson_t more = BSON_INITIALIZER, counts = BSON_INITIALIZER;
        if (op->status == KJ_OK && op->n_docs)
            bson_copy_to_excluding_noinit(op->docs[0], &counts, "_id", "version", "workspace",
                                          "key", NULL);
        kj_doc_put_doc(&more, "counts", &counts);
        bson_t *told = kj_doc_with(&rollout, &more);
        kj_doc_put_doc(result, "trial", told);
        bson_destroy(told);
        bson_destroy(&counts);
        bson_destroy(&more);
    }
    kj_reply_take(trial->request, result);
    trial_free(trial);
}

static void read_counts(struct trial *trial)
{
    char key[96];
    kj_rollout_key(kj_doc_int(trial->group, "_id", 0), kj_doc_int(trial->group, "rollout.id", 0),
                   key, sizeof key);
    kj_store_get(kj_request_engine(trial->request)->store, trial->request->workspace, KJ_COUNTERS,
                 0, key, on_counts, trial);
}

// --- rules.differences ---

static void put_row(struct kj_doc_list *rows, const bson_t *decision)
{
    bson_t row = BSON_INITIALIZER;
    kj_doc_put_from(&row, "call_id", decision, "key");
    kj_doc_put_from(&row, "lead_id", decision, "lead_id");
    kj_doc_put_from(&row, "at", decision, "at");
    kj_doc_put_from(&row, "success", decision, "plan.success");
    kj_doc_put_from(&row, "hash", decision, "shadow.hash");
    if (kj_doc_has(decision, "shadow.change"))
        kj_doc_put_from(&row, "change", decision, "shadow.change");
    if (kj_doc_has(decision, "shadow.outcome")) {
        kj_doc_put_from(&row, "differs", decision, "shadow.differs");
        kj_doc_put_from(&row, "outcome", decision, "shadow.outcome");
    }
    kj_doc_put_bool(&row, "failed", kj_doc_bool(decision, "shadow.failed", false));
    kj_doc_put_doc(rows->array, kj_doc_next(rows), &row);
    bson_destroy(&row);
}

static void on_decisions(struct kj_store_request *store)
{
    struct trial *trial = store->arg;
    struct kj_store_op *op = &store->ops[0];
    const bson_t *args = trial->request->args;
    const char *hash = kj_doc_text(args, "hash",
                                   kj_doc_text(trial->group, "rollout.hash",
                                               kj_doc_text(trial->group, "last_rollout.hash", "")));
    if (op->status != KJ_OK) {
        kj_documents_fail(trial->request, op->status, "decision");
        trial_free(trial);
        return;
    }
    bson_t *result = bson_new(), array = BSON_INITIALIZER;
    struct kj_doc_list rows = {&array};
    for (size_t i = 0; i < op->n_docs; i++)
        if (kj_doc_int(op->docs[i], "group_id", 0) == kj_doc_int(trial->group, "_id", -1) &&
            kj_streq(kj_doc_text(op->docs[i], "shadow.hash", "-"), hash) &&
            (kj_doc_count(op->docs[i], "shadow.differs") ||
             kj_doc_bool(op->docs[i], "shadow.failed", false)))
            put_row(&rows, op->docs[i]);
    kj_doc_put_array(result, "differences", &array);
    if (op->n_docs && op->n_docs == (size_t)kj_doc_int(args, "limit", 1000))
        kj_doc_put_from(result, "next", op->docs[op->n_docs - 1], "_id");
    bson_destroy(&array);
    kj_reply_take(trial->request, result);
    trial_free(trial);
}

static void read_decisions(struct trial *trial)
{
    struct kj_request *request = trial->request;
    bson_t *filter = bson_new(), after = BSON_INITIALIZER;
    struct kj_store_request *store = kj_store_request(1, request->workspace, on_decisions, trial);
    kj_doc_put_int(&after, "$gt", kj_doc_int(request->args, "after", 0));
    kj_doc_put_doc(filter, "_id", &after);
    bson_destroy(&after);
    store->ops[0].verb = KJ_STORE_FIND;
    store->ops[0].coll = KJ_DECISIONS;
    store->ops[0].limit = kj_doc_int(request->args, "limit", 1000);
    store->ops[0].stale_ok = true;
    kj_store_own_filter(store, 0, filter);
    kj_store_submit(kj_request_engine(request)->store, store);
}

// --- the group, for both ---

static struct trial *take_group(struct kj_store_request *store)
{
    struct trial *trial = KJ_NEW(struct trial);
    trial->request = store->arg;
    if (store->ops[0].status != KJ_OK) {
        kj_documents_fail(trial->request, store->ops[0].status, "group");
        trial_free(trial);
        return NULL;
    }
    trial->group = bson_copy(store->ops[0].docs[0]);
    return trial;
}

static void on_rollout(struct kj_store_request *store)
{
    struct trial *trial = take_group(store);
    if (trial)
        read_counts(trial);
}

static void on_differences(struct kj_store_request *store)
{
    struct trial *trial = take_group(store);
    if (trial)
        read_decisions(trial);
}

static void read_group(struct kj_request *request, void (*then)(struct kj_store_request *store))
{
    kj_store_get(kj_request_engine(request)->store, request->workspace, KJ_GROUPS, 0,
                 kj_doc_text(request->args, "group", ""), then, request);
}

void kj_rules_rollout(struct kj_request *request)
{
    read_group(request, on_rollout);
}

void kj_rules_differences(struct kj_request *request)
{
    read_group(request, on_differences);
}
