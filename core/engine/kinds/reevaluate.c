// The job that judges all completed calls of a campaign again, by the goal and the rules of today,
// and lets that stand. Page by page; where it is, and what it has counted, stands in the job with
// every page, so that a crash costs one page. Nobody is written to because of it.
#include "engine/kinds/reevaluate.h"

#include "base/alloc.h"
#include "engine/contrast.h"
#include "engine/path.h"
#include "engine/replay.h"
#include "engine/rollout.h"

#include <stdlib.h>

enum { k_page = 100 };

static const char *const k_counts[] = {"calls", "improved",   "same",   "worse",
                                       "other", "not_judged", "faults", "asked"};

struct reevaluation {
    struct kj_engine *engine;
    struct kj_running *running; // NULL: dropped, the engine is ending
    bson_t *campaign;
    char pack[128];
};

int64_t kj_reevaluate_next(const bson_t *campaign)
{
    int64_t began = kj_doc_time(campaign, "reevaluation.started_at", 0);
    return began ? began + KJ_REEVALUATION_PAUSE_MS : 0;
}

static void reevaluation_free(struct reevaluation *reevaluation)
{
    kj_doc_clear(&reevaluation->campaign);
    free(reevaluation);
}

static void on_dropped(void *arg)
{
    ((struct reevaluation *)arg)->running = NULL;
}

static void end(struct reevaluation *reevaluation, enum kj_job_verdict verdict, const char *reason,
                const bson_t *result)
{
    struct kj_job_end end = {.verdict = verdict, .reason = reason, .result = result};
    if (reevaluation->running)
        kj_running_end(reevaluation->running, &end);
    reevaluation_free(reevaluation);
}

static int64_t campaign_of(const struct reevaluation *reevaluation)
{
    return kj_doc_int(kj_running_job(reevaluation->running), "payload.campaign_id", 0);
}

static void change_campaign(struct reevaluation *reevaluation,
                            int (*change)(void *, const bson_t *, bson_t **, bson_t **),
                            void (*done)(void *, int, const bson_t *))
{
    kj_modify(&(struct kj_modify){.store = reevaluation->engine->store,
                                  .workspace = kj_running_workspace(reevaluation->running),
                                  .coll = KJ_CAMPAIGNS,
                                  .id = campaign_of(reevaluation),
                                  .change = change,
                                  .done = done,
                                  .arg = reevaluation});
}

static bson_t *with_state(const bson_t *campaign, const bson_t *state)
{
    bson_t changes = BSON_INITIALIZER;
    kj_doc_put_doc(&changes, "reevaluation", state);
    bson_t *next = kj_doc_with(campaign, &changes);
    bson_destroy(&changes);
    return next;
}

// --- the end ---

static bson_t *result_of(const struct reevaluation *reevaluation)
{
    bson_t *result = bson_new(), counts;
    const bson_t *job = kj_running_job(reevaluation->running);
    kj_doc_put_int(result, "campaign_id", campaign_of(reevaluation));
    for (size_t i = 0; i < KJ_COUNT(k_counts); i++)
        kj_doc_put_int(result, k_counts[i],
                       kj_doc_child(job, "counts", &counts) ? kj_doc_int(&counts, k_counts[i], 0)
                                                            : 0);
    return result;
}

static int mark_done(void *arg, const bson_t *campaign, bson_t **next, bson_t **events)
{
    struct reevaluation *reevaluation = arg;
    if (reevaluation->running == NULL)
        return KJ_ECANCELED;
    int64_t job = kj_running_id(reevaluation->running);
    if (campaign == NULL)
        return KJ_ENOTFOUND;
    if (kj_doc_int(campaign, "reevaluation.job_id", 0) != job ||
        kj_streq(kj_doc_text(campaign, "reevaluation.state", ""), "done"))
        return KJ_MODIFY_SKIP; // told in an earlier life
    bson_t state = BSON_INITIALIZER, *result = result_of(reevaluation);
    kj_doc_put_text(&state, "state", "done");
    kj_doc_put_from(&state, "started_at", campaign, "reevaluation.started_at");
    kj_doc_put_time(&state, "ended_at", kj_loop_now(reevaluation->engine->loop));
    kj_doc_put_int(&state, "job_id", job);
    for (size_t i = 0; i < KJ_COUNT(k_counts); i++)
        kj_doc_put_from(&state, k_counts[i], result, k_counts[i]);
    *next = with_state(campaign, &state);
    *events = bson_new();
    struct kj_doc_list list = {*events};
    kj_event_add(&list, "campaign.reevaluated", result);
    bson_destroy(&state);
    bson_destroy(result);
    return KJ_OK;
}

static void on_done(void *arg, int status, const bson_t *campaign)
{
    struct reevaluation *reevaluation = arg;
    (void)campaign;
    if (reevaluation->running && status == KJ_OK) {
        bson_t *result = result_of(reevaluation);
        end(reevaluation, KJ_JOB_DONE, NULL, result);
        bson_destroy(result);
    } else
        end(reevaluation, KJ_JOB_RETRY, "the campaign could not be written", NULL);
}

// --- a page ---

static void next_page(struct reevaluation *reevaluation);

static void on_saved(void *arg, int status)
{
    struct reevaluation *reevaluation = arg;
    if (status == KJ_ECONFLICT || reevaluation->running == NULL) { // no longer ours
        reevaluation_free(reevaluation);
        return;
    }
    if (status != KJ_OK)
        end(reevaluation, KJ_JOB_RETRY, "a page could not be noted", NULL);
    else if (kj_running_canceled(reevaluation->running))
        end(reevaluation, KJ_JOB_FAILED, "canceled; what it has judged stays so", NULL);
    else if (kj_doc_has(kj_running_job(reevaluation->running), "after"))
        next_page(reevaluation);
    else
        change_campaign(reevaluation, mark_done, on_done);
}

static void on_page(void *arg, int status, const bson_t *page, const struct kj_fault *fault)
{
    struct reevaluation *reevaluation = arg;
    bson_t changes = BSON_INITIALIZER, counts = BSON_INITIALIZER, old, none = BSON_INITIALIZER;
    if (reevaluation->running == NULL) {
        reevaluation_free(reevaluation);
    } else if (status != KJ_OK) {
        end(reevaluation, status == KJ_ENOTFOUND ? KJ_JOB_FAILED : KJ_JOB_RETRY, fault->text, NULL);
    } else {
        const bson_t *job = kj_running_job(reevaluation->running);
        const bson_t *sum = kj_doc_child(job, "counts", &old) ? &old : &none;
        for (size_t i = 0; i < KJ_COUNT(k_counts); i++)
            kj_doc_put_int(&counts, k_counts[i],
                           kj_doc_int(sum, k_counts[i], 0) + kj_doc_int(page, k_counts[i], 0));
        kj_doc_put_doc(&changes, "counts", &counts);
        if (kj_doc_has(page, "next"))
            kj_doc_put_from(&changes, "after", page, "next");
        else
            kj_doc_put_null(&changes, "after");
        kj_running_save(reevaluation->running, &changes, NULL, on_saved, reevaluation);
    }
    bson_destroy(&none);
    bson_destroy(&counts);
    bson_destroy(&changes);
}

static void next_page(struct reevaluation *reevaluation)
{
    struct kj_replay_want want = {.version = reevaluation->pack,
                                  .campaign_id = campaign_of(reevaluation),
                                  .goal = kj_doc_text(reevaluation->campaign, "goal", NULL),
                                  .no_rows = true,
                                  .ask = true,
                                  .spoken = true,
                                  .run = kj_running_id(reevaluation->running),
                                  .after =
                                      kj_doc_int(kj_running_job(reevaluation->running), "after", 0),
                                  .limit = k_page};
    kj_replay(reevaluation->engine, kj_running_workspace(reevaluation->running), &want, on_page,
              reevaluation);
}

// --- the beginning ---

static void on_version(void *arg, int status, const bson_t *about, const struct kj_fault *fault)
{
    struct reevaluation *reevaluation = arg;
    (void)about;
    if (reevaluation->running == NULL)
        reevaluation_free(reevaluation);
    else if (status == KJ_OK)
        next_page(reevaluation);
    else
        end(reevaluation, status == KJ_ENOTFOUND ? KJ_JOB_FAILED : KJ_JOB_RETRY, fault->text, NULL);
}

static void on_group(struct kj_store_request *request)
{
    struct reevaluation *reevaluation = request->arg;
    struct kj_store_op *op = &request->ops[0];
    if (op->status != KJ_OK && op->status != KJ_ENOTFOUND) {
        end(reevaluation, KJ_JOB_RETRY, "the group could not be read", NULL);
        return;
    }
    const char *pack = op->n_docs ? kj_rollout_live(op->docs[0]) : NULL;
    if (pack == NULL) {
        end(reevaluation, KJ_JOB_FAILED, "its assistant group names no rule pack", NULL);
        return;
    }
    kj_copy(reevaluation->pack, sizeof reevaluation->pack, pack);
    kj_engine_fetch_version(reevaluation->engine, reevaluation->pack, on_version, reevaluation);
}

static int mark_running(void *arg, const bson_t *campaign, bson_t **next, bson_t **events)
{
    struct reevaluation *reevaluation = arg;
    (void)events;
    if (campaign == NULL)
        return KJ_ENOTFOUND;
    if (reevaluation->running == NULL)
        return KJ_ECANCELED;
    int64_t now = kj_loop_now(reevaluation->engine->loop);
    int64_t id = kj_running_id(reevaluation->running);
    if (kj_doc_int(campaign, "reevaluation.job_id", 0) == id)
        return KJ_MODIFY_SKIP; // taken up again
    if (kj_reevaluate_next(campaign) > now)
        return KJ_ESTATE;
    bson_t state = BSON_INITIALIZER;
    kj_doc_put_text(&state, "state", "running");
    kj_doc_put_time(&state, "started_at", now);
    kj_doc_put_int(&state, "job_id", id);
    *next = with_state(campaign, &state);
    bson_destroy(&state);
    return KJ_OK;
}

static void on_running(void *arg, int status, const bson_t *campaign)
{
    struct reevaluation *reevaluation = arg;
    if (reevaluation->running == NULL)
        reevaluation_free(reevaluation);
    else if (status == KJ_ESTATE)
        end(reevaluation, KJ_JOB_FAILED, "another one began less than 20 minutes ago", NULL);
    else if (status == KJ_ENOTFOUND)
        end(reevaluation, KJ_JOB_FAILED, "there is no such campaign", NULL);
    else if (status != KJ_OK)
        end(reevaluation, KJ_JOB_RETRY, "the campaign could not be written", NULL);
    else {
        reevaluation->campaign = bson_copy(campaign);
        kj_store_get(reevaluation->engine->store, kj_running_workspace(reevaluation->running),
                     KJ_GROUPS, kj_doc_int(campaign, "group_id", 0), NULL, on_group, reevaluation);
    }
}

static void run(void *engine, struct kj_running *running)
{
    struct reevaluation *reevaluation = KJ_NEW(struct reevaluation);
    reevaluation->engine = engine;
    reevaluation->running = running;
    kj_running_on_drop(running, on_dropped, reevaluation);
    change_campaign(reevaluation, mark_running, on_running);
}

void kj_reevaluate_register(struct kj_engine *engine)
{
    struct kj_job_kind kind = {
        .name = "campaign.reevaluate", .concurrency = 1, .run = run, .arg = engine};
    kj_queue_register(engine->queue, &kind);
}
