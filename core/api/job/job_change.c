// job.cancel and job.retry: the two things a person may do to a job. One that runs, or waits in the
// midst of an attempt, is only marked: whoever runs it next gives back what it holds, and ends it.
#include "api/commands.h"
#include "api/documents.h"
#include "engine/kinds/campaigns.h"

static int cancel(void *arg, const bson_t *job, bson_t **next, bson_t **events)
{
    struct kj_request *request = arg;
    (void)events;
    if (job == NULL)
        return KJ_ENOTFOUND;
    int rc = kj_job_canceled(job, kj_loop_now(kj_request_engine(request)->loop), next);
    return rc == KJ_OK && *next == NULL ? KJ_MODIFY_SKIP : rc;
}

static int retry(void *arg, const bson_t *job, bson_t **next, bson_t **events)
{
    struct kj_request *request = arg;
    (void)events;
    if (job == NULL)
        return KJ_ENOTFOUND;
    if (kj_streq(kj_doc_text(job, "state", ""), "running"))
        return KJ_ESTATE;
    bson_t changes = BSON_INITIALIZER;
    int64_t now = kj_loop_now(kj_request_engine(request)->loop);
    bool ended_call = kj_streq(kj_doc_text(job, "kind", ""), "call") &&
                      (kj_streq(kj_doc_text(job, "state", ""), "done") ||
                       kj_streq(kj_doc_text(job, "state", ""), "failed"));
    kj_doc_put_text(&changes, "state", "waiting");
    kj_doc_put_time(&changes, "due", now);
    kj_doc_put_int(&changes, "attempts", 0);
    kj_doc_put_int(&changes, "recoveries", 0);
    kj_doc_put_null(&changes, "reason");
    kj_doc_put_null(&changes, "outcome");
    kj_doc_put_null(&changes, "cancel_asked");
    if (ended_call) { // a new attempt; a parked one goes on where it stood
        kj_doc_put_text(&changes, "stage", "admit");
        kj_doc_put_null(&changes, "attempt_id");
        kj_doc_put_null(&changes, "next");
    }
    *next = kj_doc_with(job, &changes);
    bson_destroy(&changes);
    return KJ_OK;
}

static void on_changed(void *arg, int status, const bson_t *job)
{
    struct kj_request *request = arg;
    if (status != KJ_OK) {
        kj_documents_fail(request, status, "job");
        return;
    }
    struct kj_engine *engine = kj_request_engine(request);
    if (kj_streq(kj_doc_text(job, "state", ""), "running"))
        kj_queue_cancel(engine->queue, kj_doc_int(job, "_id", 0));
    int64_t campaign = kj_doc_int(job, "campaign_id", 0);
    if (campaign && kj_streq(kj_doc_text(job, "state", ""), "failed"))
        kj_campaign_touch(engine, request->workspace, campaign); // it may have been the last one
    if (kj_streq(kj_doc_text(job, "state", ""), "waiting"))
        kj_queue_wake(engine->queue, kj_doc_text(job, "kind", ""), kj_doc_time(job, "due", 0));
    kj_reply_take(request, kj_public(job));
}

static void change(struct kj_request *request,
                   int (*how)(void *, const bson_t *, bson_t **, bson_t **))
{
    kj_modify(&(struct kj_modify){.store = kj_request_engine(request)->store,
                                  .workspace = request->workspace,
                                  .coll = KJ_JOBS,
                                  .id = kj_doc_int(request->args, "id", 0),
                                  .change = how,
                                  .done = on_changed,
                                  .arg = request});
}

void kj_job_cancel(struct kj_request *request)
{
    change(request, cancel);
}

void kj_job_retry(struct kj_request *request)
{
    change(request, retry);
}
