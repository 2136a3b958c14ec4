// The answer of a rehearsal, counted from its documents as campaign.stats counts the real ones.
// Nothing in it depends on the machine or the hour: the same setup and copy give the same bytes.
#include "app/rehearse.h"

#include "base/alloc.h"
#include "doc/tally.h"

#include <stdlib.h>
#include <string.h>

enum { k_page = 2000 };

// --- reading ---

struct walk {
    struct kj_rehearsal *rehearsal;
    enum kj_coll coll;
    kj_rehearsal_visit *visit;
    void *arg;
    int64_t after;
};

static void next_page(struct walk *walk);

static void on_page(struct kj_store_request *request)
{
    struct walk *walk = request->arg;
    struct kj_store_op *op = &request->ops[0];
    struct kj_rehearsal *rehearsal = walk->rehearsal;
    for (size_t i = 0; op->status == KJ_OK && i < op->n_docs; i++) {
        walk->visit(walk->arg, op->docs[i]);
        walk->after = kj_doc_int(op->docs[i], "_id", 0);
    }
    if (op->status == KJ_OK && op->n_docs == k_page) {
        next_page(walk);
        return;
    }
    if (op->status != KJ_OK)
        rehearsal->status = kj_fault(rehearsal->fault, op->status, "rehearsal", NULL,
                                     "its outcome cannot be read: %s", request->fault.text);
    kj_loop_stop(rehearsal->app->loop);
}

static void next_page(struct walk *walk)
{
    bson_t *filter = bson_new(), after = BSON_INITIALIZER;
    struct kj_store_request *request =
        kj_store_request(1, walk->rehearsal->workspace, on_page, walk);
    kj_doc_put_int(filter, "campaign_id", walk->rehearsal->campaign_id);
    kj_doc_put_int(&after, "$gt", walk->after);
    kj_doc_put_doc(filter, "_id", &after);
    bson_destroy(&after);
    request->ops[0].verb = KJ_STORE_FIND;
    request->ops[0].coll = walk->coll;
    request->ops[0].limit = k_page;
    kj_store_own_filter(request, 0, filter);
    kj_store_submit(walk->rehearsal->app->store, request);
}

int kj_rehearsal_each(struct kj_rehearsal *rehearsal, enum kj_coll coll, kj_rehearsal_visit *visit,
                      void *arg)
{
    struct walk walk = {rehearsal, coll, visit, arg, 0};
    next_page(&walk);
    kj_loop_run(rehearsal->app->loop);
    return rehearsal->status;
}

// --- what the rules made of the calls ---

struct judged {
    int64_t start;
    struct kj_map success;
    int64_t opt_outs, callbacks;
};

static void judge(void *arg, const bson_t *decision)
{
    struct judged *judged = arg;
    if (kj_doc_time(decision, "at", 0) < judged->start)
        return; // of a real call
    kj_tally_add(&judged->success, kj_doc_text(decision, "plan.success", NULL), 1);
    judged->opt_outs += kj_doc_has(decision, "plan.opt_out");
    judged->callbacks += kj_streq(kj_doc_text(decision, "plan.next.kind", ""), "callback");
}

static int put_judged(struct kj_rehearsal *rehearsal, bson_t *result)
{
    struct judged judged = {.start = rehearsal->start};
    kj_map_init(&judged.success);
    int rc = kj_rehearsal_each(rehearsal, KJ_DECISIONS, judge, &judged);
    kj_tally_put(result, "success", &judged.success);
    kj_map_fini(&judged.success);
    kj_doc_put_int(result, "opt_outs", judged.opt_outs);
    kj_doc_put_int(result, "callbacks", judged.callbacks);
    return rc;
}

int kj_rehearsal_report(struct kj_rehearsal *rehearsal, bson_t **out)
{
    bson_t *result = *out = bson_new();
    int64_t last_ms = 0, open = 0;
    kj_doc_put_bool(result, "simulated", true);
    kj_doc_put_int(result, "id", rehearsal->campaign_id);
    kj_doc_put_text(result, "name", rehearsal->name);
    kj_doc_put_text(result, "pack", rehearsal->pack);
    kj_doc_put_from(result, "seed", rehearsal->setup, "seed");
    kj_doc_put_time(result, "start", rehearsal->start);
    kj_doc_put_from(result, "days", rehearsal->setup, "days");
    kj_doc_put_doc(result, "assumptions", rehearsal->assumptions);
    kj_doc_put_int(result, "leads", rehearsal->leads);
    int rc = kj_rehearsal_put_calls(rehearsal, result, &last_ms);
    if (rc == KJ_OK)
        rc = put_judged(rehearsal, result);
    if (rc == KJ_OK)
        rc = kj_rehearsal_put_leads(rehearsal, result, &open);
    kj_doc_put_bool(result, "finished", open == 0);
    if (open == 0 && last_ms)
        kj_doc_put_time(result, "finished_at", last_ms);
    return rc;
}
