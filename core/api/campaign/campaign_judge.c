// campaign.test and campaign.reevaluate: a goal tried on a few calls that are over, and, once it is
// saved, put over all of them. Trying writes no judgement, but it may ask a model,
// so it is counted, for all hosts, in one document of the store.
#include "api/commands.h"
#include "api/documents.h"
#include "engine/kinds/reevaluate.h"
#include "engine/replay.h"
#include "engine/rollout.h"

#include "base/alloc.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { k_tests_a_minute = 3, k_minute_ms = 60000 };

// --- the campaign and its pack, for both ---

struct judging {
    struct kj_request *request;
    void (*next)(struct judging *judging);
    bson_t *campaign;
    char pack[128];
};

static void judging_free(struct judging *judging)
{
    kj_doc_clear(&judging->campaign);
    free(judging);
}

static void on_version(void *arg, int status, const bson_t *about, const struct kj_fault *fault)
{
    struct judging *judging = arg;
    (void)about;
    if (status == KJ_OK) {
        judging->next(judging);
        return;
    }
    kj_reply_fault(judging->request, fault);
    judging_free(judging);
}

static void on_group(struct kj_store_request *store)
{
    struct judging *judging = store->arg;
    struct kj_store_op *op = &store->ops[0];
    const char *pack = op->n_docs ? kj_rollout_live(op->docs[0]) : NULL;
    if (op->status == KJ_OK && pack) {
        kj_copy(judging->pack, sizeof judging->pack, pack);
        kj_engine_fetch_version(kj_request_engine(judging->request), judging->pack, on_version,
                                judging);
        return;
    }
    if (op->status == KJ_OK || op->status == KJ_ENOTFOUND)
        kj_reply_error(judging->request, KJ_ESTATE, "/id", "set it by group.update",
                       "the campaign's assistant group names no rule pack");
    else
        kj_documents_fail(judging->request, op->status, "group");
    judging_free(judging);
}

static void on_campaign(struct kj_store_request *store)
{
    struct judging *judging = store->arg;
    struct kj_store_op *op = &store->ops[0];
    if (op->status != KJ_OK || op->n_docs == 0) {
        kj_documents_fail(judging->request, op->status ? op->status : KJ_ENOTFOUND, "campaign");
        judging_free(judging);
        return;
    }
    judging->campaign = bson_copy(op->docs[0]);
    kj_store_get(kj_request_engine(judging->request)->store, judging->request->workspace, KJ_GROUPS,
                 kj_doc_int(judging->campaign, "group_id", 0), NULL, on_group, judging);
}

static void judge(struct kj_request *request, void (*next)(struct judging *judging))
{
    struct judging *judging = KJ_NEW(struct judging);
    judging->request = request;
    judging->next = next;
    kj_store_get(kj_request_engine(request)->store, request->workspace, KJ_CAMPAIGNS,
                 kj_doc_int(request->args, "id", 0), NULL, on_campaign, judging);
}

// --- campaign.test ---

static void on_tested(void *arg, int status, const bson_t *result, const struct kj_fault *fault)
{
    struct judging *judging = arg;
    if (status == KJ_OK) {
        int64_t asked = (int64_t)kj_doc_count(judging->request->args, "calls");
        bson_t *told = bson_copy(result);
        kj_doc_put_int(told, "left_out", asked - kj_doc_int(result, "calls", 0));
        kj_reply_take(judging->request, told);
    } else
        kj_reply_fault(judging->request, fault);
    judging_free(judging);
}

static void test(struct judging *judging)
{
    struct kj_request *request = judging->request;
    bson_t calls;
    kj_doc_child(request->args, "calls", &calls); // the schema wants it
    struct kj_replay_want want = {.version = judging->pack,
                                  .campaign_id = kj_doc_int(request->args, "id", 0),
                                  .goal = kj_doc_text(request->args, "goal", ""),
                                  .calls = &calls,
                                  .ask = true,
                                  .spoken = true,
                                  .limit = (int64_t)kj_doc_count(request->args, "calls")};
    kj_replay(kj_request_engine(request), request->workspace, &want, on_tested, judging);
}

// The instants of the last tests, oldest first.
static int count_test(void *arg, const bson_t *doc, bson_t **next, bson_t **events)
{
    const struct judging *judging = arg;
    int64_t now = kj_loop_now(judging->request->api->loop);
    bson_t runs, kept = BSON_INITIALIZER, changes = BSON_INITIALIZER, none = BSON_INITIALIZER;
    struct kj_doc_list list = {&kept};
    bson_iter_t at;
    (void)events;
    if (doc && kj_doc_child(doc, "runs", &runs) && bson_iter_init(&at, &runs))
        while (bson_iter_next(&at))
            if (BSON_ITER_HOLDS_DATE_TIME(&at) && bson_iter_date_time(&at) > now - k_minute_ms)
                kj_doc_put_time(&kept, kj_doc_next(&list), bson_iter_date_time(&at));
    bool full = list.count >= k_tests_a_minute;
    if (!full) {
        kj_doc_put_time(&kept, kj_doc_next(&list), now);
        kj_doc_put_text(&changes, "key", "goal_tests");
        kj_doc_put_array(&changes, "runs", &kept);
        *next = kj_doc_with(doc ? doc : &none, &changes);
    }
    bson_destroy(&none);
    bson_destroy(&kept);
    bson_destroy(&changes);
    return full ? KJ_ELIMIT : KJ_OK;
}

static void on_counted(void *arg, int status, const bson_t *doc)
{
    struct judging *judging = arg;
    (void)doc;
    if (status == KJ_OK) {
        test(judging);
        return;
    }
    if (status == KJ_ELIMIT)
        kj_reply_error(judging->request, KJ_ELIMIT, "", "try again in a minute",
                       "a goal may be tested %d times a minute", k_tests_a_minute);
    else
        kj_documents_fail(judging->request, status, "campaign");
    judging_free(judging);
}

static void may_test(struct judging *judging)
{
    kj_modify(&(struct kj_modify){.store = kj_request_engine(judging->request)->store,
                                  .workspace = judging->request->workspace,
                                  .coll = KJ_LIMITS,
                                  .key = "goal_tests",
                                  .change = count_test,
                                  .done = on_counted,
                                  .arg = judging});
}

void kj_campaign_test(struct kj_request *request)
{
    judge(request, may_test);
}

// --- campaign.reevaluate ---

static void on_job(void *arg, int status, const bson_t *result, const struct kj_fault *fault)
{
    struct judging *judging = arg;
    bson_t answer = BSON_INITIALIZER;
    (void)status;
    if (fault)
        kj_reply_fault(judging->request, fault);
    else {
        kj_doc_put_from(&answer, "job_id", result, "id");
        kj_reply(judging->request, &answer);
    }
    bson_destroy(&answer);
    judging_free(judging);
}

// The key names the campaign's version: whoever asks twice before the job has begun gets one job.
static void start_job(struct judging *judging)
{
    char key[96];
    bson_t job = BSON_INITIALIZER, payload = BSON_INITIALIZER;
    int64_t id = kj_doc_int(judging->campaign, "_id", 0);
    snprintf(key, sizeof key, "campaign.reevaluate:%" PRId64 ":%" PRId64, id,
             kj_doc_int(judging->campaign, "version", 0));
    kj_doc_put_int(&payload, "campaign_id", id);
    kj_doc_put_text(&job, "kind", "campaign.reevaluate");
    kj_doc_put_text(&job, "key", key);
    kj_doc_put_doc(&job, "payload", &payload);
    kj_intake_job(kj_request_engine(judging->request), judging->request->workspace, &job, NULL,
                  on_job, judging);
    bson_destroy(&job);
    bson_destroy(&payload);
}

// One that runs for long still holds the next; one that was parked or has died does not.
static void on_last_job(struct kj_store_request *store)
{
    struct judging *judging = store->arg;
    struct kj_store_op *op = &store->ops[0];
    const char *state = op->n_docs ? kj_doc_text(op->docs[0], "state", "") : "";
    if (op->status != KJ_OK && op->status != KJ_ENOTFOUND) {
        kj_documents_fail(judging->request, op->status, "job");
        judging_free(judging);
    } else if (kj_streq(state, "waiting") || kj_streq(state, "running")) {
        kj_reply_error(judging->request, KJ_ESTATE, "/id",
                       "wait for the event campaign.reevaluated, or cancel its job",
                       "a re-evaluation of this campaign is running (job %" PRId64 ")",
                       kj_doc_int(op->docs[0], "_id", 0));
        judging_free(judging);
    } else
        start_job(judging);
}

static void may_reevaluate(struct judging *judging)
{
    struct kj_request *request = judging->request;
    int64_t next = kj_reevaluate_next(judging->campaign), now = kj_loop_now(request->api->loop);
    bool done = kj_streq(kj_doc_text(judging->campaign, "reevaluation.state", ""), "done");
    if (done && next > now) {
        kj_reply_error(request, KJ_ELIMIT, "/id", "once every 20 minutes per campaign",
                       "this campaign was re-evaluated a short while ago; again in %" PRId64
                       " minutes",
                       (next - now + k_minute_ms - 1) / k_minute_ms);
        judging_free(judging);
    } else
        kj_store_get(kj_request_engine(request)->store, request->workspace, KJ_JOBS,
                     kj_doc_int(judging->campaign, "reevaluation.job_id", 0), NULL, on_last_job,
                     judging);
}

void kj_campaign_reevaluate(struct kj_request *request)
{
    judge(request, may_reevaluate);
}
