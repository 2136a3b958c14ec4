// campaign.start, pause, resume, cancel: one table of which state may follow which. The write that
// changes the state carries the event; the jobs follow by a job of their own.
#include "api/commands.h"
#include "api/documents.h"

#include "base/alloc.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct control {
    const char *from[3];          // states it may come from
    const char *to, *event, *job; // job: kind that carries it out, NULL = none
};

static const struct control k_start = {{"draft"}, "active", "campaign.started", "campaign.expand"};
static const struct control k_pause = {{"active"}, "paused", "campaign.paused", NULL};
static const struct control k_resume = {{"paused"}, "active", "campaign.resumed", "campaign.wake"};
static const struct control k_cancel = {
    {"active", "paused", "draft"}, "canceled", "campaign.ended", "campaign.wake"};

struct change {
    struct kj_request *request;
    const struct control *control;
    char state[24];
};

static bool may(const struct control *control, const char *state)
{
    for (size_t i = 0; i < KJ_COUNT(control->from); i++)
        if (control->from[i] && strcmp(control->from[i], state) == 0)
            return true;
    return false;
}

// A further list for a campaign that runs or has run: it is active (again), and not over before the
// new list is expanded. A repeated start whose job may have been lost in a crash writes nothing:
// the job's key names the same version.
static int start_again(const struct change *change, const bson_t *campaign, bson_t **next)
{
    if (!kj_doc_bool(campaign, "expanded", false))
        return KJ_MODIFY_SKIP;
    if (!kj_doc_has(change->request->args, "list"))
        return KJ_ESTATE;
    bson_t changes = BSON_INITIALIZER;
    kj_doc_put_bool(&changes, "expanded", false);
    *next = kj_doc_with(campaign, &changes);
    bson_destroy(&changes);
    return KJ_OK;
}

static int set_state(void *arg, const bson_t *campaign, bson_t **next, bson_t **events)
{
    struct change *change = arg;
    const struct control *control = change->control;
    if (campaign == NULL)
        return KJ_ENOTFOUND;
    kj_copy(change->state, sizeof change->state, kj_doc_text(campaign, "status", ""));
    bool revive = control == &k_start && strcmp(change->state, "completed") == 0 &&
                  kj_doc_has(change->request->args, "list");
    if (control == &k_start && strcmp(change->state, "active") == 0)
        return start_again(change, campaign, next);
    if (!revive && !may(control, change->state))
        return KJ_ESTATE;
    int64_t now = kj_loop_now(kj_request_engine(change->request)->loop);
    bson_t changes = BSON_INITIALIZER, data = BSON_INITIALIZER, event = BSON_INITIALIZER;
    kj_doc_put_text(&changes, "status", control->to);
    if (control == &k_start && !revive)
        kj_doc_put_time(&changes, "started_at", now);
    if (revive) {
        kj_doc_put_bool(&changes, "expanded", false);
        kj_doc_put_null(&changes, "ended_at");
    }
    if (control == &k_cancel)
        kj_doc_put_time(&changes, "ended_at", now);
    *next = kj_doc_with(campaign, &changes);
    kj_doc_put_from(&data, "campaign_id", campaign, "_id");
    kj_doc_put_from(&data, "name", campaign, "name");
    kj_doc_put_text(&data, "status", control->to);
    kj_doc_put_text(&event, "name", control->event);
    kj_doc_put_doc(&event, "data", &data);
    *events = bson_new();
    kj_doc_put_doc(*events, "0", &event);
    bson_destroy(&event);
    bson_destroy(&data);
    bson_destroy(&changes);
    return KJ_OK;
}

static void reply_state(struct change *change)
{
    bson_t *result = bson_new();
    kj_doc_put_from(result, "id", change->request->args, "id");
    kj_doc_put_text(result, "status", change->control->to);
    kj_reply_take(change->request, result);
    free(change);
}

static void on_job(void *arg, int status, const bson_t *result, const struct kj_fault *fault)
{
    struct change *change = arg;
    (void)result;
    (void)status;
    if (fault) {
        kj_reply_fault(change->request, fault);
        free(change);
    } else
        reply_state(change);
}

static void start_job(struct change *change, int64_t version)
{
    struct kj_request *request = change->request;
    char key[96];
    int64_t id = kj_doc_int(request->args, "id", 0);
    bson_t job = BSON_INITIALIZER, payload = BSON_INITIALIZER;
    const char *list = kj_doc_text(request->args, "list", NULL);
    snprintf(key, sizeof key, "%s:%" PRId64 ":%" PRId64 ":%" PRIx64, change->control->job, id,
             version, list ? kj_hash(list, strlen(list)) : 0);
    kj_doc_put_int(&payload, "campaign_id", id);
    kj_doc_put_text(&payload, "list", list);
    kj_doc_put_text(&job, "kind", change->control->job);
    kj_doc_put_text(&job, "key", key);
    kj_doc_put_int(&job, "priority", 100);
    kj_doc_put_doc(&job, "payload", &payload);
    kj_intake_job(kj_request_engine(request), request->workspace, &job, NULL, on_job, change);
    bson_destroy(&job);
    bson_destroy(&payload);
}

static void on_set(void *arg, int status, const bson_t *campaign)
{
    struct change *change = arg;
    if (status == KJ_ESTATE) {
        kj_reply_error(change->request, KJ_ESTATE, "/id", "see campaign.get",
                       "a campaign that is %s cannot become %s", change->state,
                       change->control->to);
        free(change);
    } else if (status != KJ_OK) {
        kj_documents_fail(change->request, status, "campaign");
        free(change);
    } else if (change->control->job)
        start_job(change, kj_doc_int(campaign, "version", 0));
    else
        reply_state(change);
}

static void control(struct kj_request *request, const struct control *how)
{
    struct change *change = KJ_NEW(struct change);
    change->request = request;
    change->control = how;
    kj_modify(&(struct kj_modify){.store = kj_request_engine(request)->store,
                                  .workspace = request->workspace,
                                  .coll = KJ_CAMPAIGNS,
                                  .id = kj_doc_int(request->args, "id", 0),
                                  .change = set_state,
                                  .done = on_set,
                                  .arg = change});
}

void kj_campaign_start(struct kj_request *request)
{
    control(request, &k_start);
}

void kj_campaign_pause(struct kj_request *request)
{
    control(request, &k_pause);
}

void kj_campaign_resume(struct kj_request *request)
{
    control(request, &k_resume);
}

void kj_campaign_cancel(struct kj_request *request)
{
    control(request, &k_cancel);
}
