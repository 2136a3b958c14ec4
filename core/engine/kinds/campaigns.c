// Campaigns as a whole. Starting one is a job that pages through its leads and makes a call job for
// each, under a key that makes a second pass harmless; its end is noticed by asking the store, not
// by counters, which drift.
#include "engine/kinds/campaigns.h"

#include "base/alloc.h"
#include "base/log.h"
#include "engine/path.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { k_page = 500 };

struct page {
    struct kj_engine *engine;
    struct kj_running *running;
    bson_t *campaign;
    int64_t after, made;
};

static void page_end(struct page *page, enum kj_job_verdict verdict, const char *reason,
                     const bson_t *result)
{
    struct kj_job_end end = {verdict, 0, reason, result, NULL, NULL};
    kj_running_end(page->running, &end);
    kj_doc_clear(&page->campaign);
    free(page);
}

static int64_t campaign_of(const struct page *page)
{
    return kj_doc_int(kj_running_job(page->running), "payload.campaign_id", 0);
}

// --- expansion: a call job for every lead of the list ---

static void next_leads(struct page *page);

static int mark_expanded(void *arg, const bson_t *campaign, bson_t **next, bson_t **events)
{
    struct page *page = arg;
    (void)events;
    if (campaign == NULL)
        return KJ_ENOTFOUND;
    bson_t changes = BSON_INITIALIZER;
    kj_doc_put_bool(&changes, "expanded", true);
    kj_doc_put_int(&changes, "calls_scheduled", page->made);
    *next = kj_doc_with(campaign, &changes);
    bson_destroy(&changes);
    return KJ_OK;
}

static void on_expanded(void *arg, int status, const bson_t *campaign)
{
    struct page *page = arg;
    bson_t result = BSON_INITIALIZER;
    (void)campaign;
    kj_doc_put_int(&result, "calls_scheduled", page->made);
    if (status == KJ_OK) {
        kj_campaign_touch(page->engine, kj_running_workspace(page->running), campaign_of(page));
        page_end(page, KJ_JOB_DONE, NULL, &result);
    } else
        page_end(page, KJ_JOB_RETRY, "the campaign could not be marked as expanded", NULL);
    bson_destroy(&result);
}

// Counted in the store, so that a second pass, or a further list, tells the right number.
static void on_counted(struct kj_store_request *request)
{
    struct page *page = request->arg;
    struct kj_store_op *op = &request->ops[0];
    if (op->status != KJ_OK) {
        page_end(page, KJ_JOB_RETRY, "the call jobs could not be counted", NULL);
        return;
    }
    page->made = op->count;
    struct kj_modify modify = {.store = page->engine->store,
                               .workspace = kj_running_workspace(page->running),
                               .coll = KJ_CAMPAIGNS,
                               .id = campaign_of(page),
                               .change = mark_expanded,
                               .done = on_expanded,
                               .arg = page};
    kj_modify(&modify);
}

static void expansion_done(struct page *page)
{
    bson_t *filter = bson_new();
    struct kj_store_request *request =
        kj_store_request(1, kj_running_workspace(page->running), on_counted, page);
    kj_doc_put_int(filter, "campaign_id", campaign_of(page));
    kj_doc_put_text(filter, "kind", "call");
    request->ops[0].verb = KJ_STORE_COUNT;
    request->ops[0].coll = KJ_JOBS;
    kj_store_own_filter(request, 0, filter);
    kj_store_submit(page->engine->store, request);
}

static void on_jobs_made(struct kj_store_request *request)
{
    struct page *page = request->arg;
    for (size_t i = 0; i < request->n_ops; i++) {
        int status = request->ops[i].status;
        if (status != KJ_OK && status != KJ_EEXISTS) {
            page_end(page, KJ_JOB_RETRY, "call jobs could not be stored", NULL);
            return;
        }
    }
    page->made += (int64_t)request->n_ops;
    kj_queue_wake(page->engine->queue, "call", kj_loop_now(page->engine->loop));
    next_leads(page);
}

static bson_t *progress_event(const struct page *page, size_t more)
{
    bson_t data = BSON_INITIALIZER, *events = bson_new();
    struct kj_doc_list list = {events};
    kj_doc_put_int(&data, "campaign_id", campaign_of(page));
    kj_doc_put_int(&data, "scheduled", page->made + (int64_t)more);
    kj_doc_put_from(&data, "leads", page->campaign, "leads");
    kj_event_add(&list, "campaign.progress", &data);
    bson_destroy(&data);
    return events;
}

static bson_t *call_job(const struct page *page, const bson_t *lead)
{
    char key[80];
    bson_t more = BSON_INITIALIZER, request = BSON_INITIALIZER;
    int64_t now = kj_loop_now(page->engine->loop), campaign = campaign_of(page);
    int64_t start = kj_doc_time(page->campaign, "schedule.starts_at", now);
    snprintf(key, sizeof key, "campaign:%" PRId64 ":%" PRId64, campaign,
             kj_doc_int(lead, "_id", 0));
    bson_t *job = kj_job_new("call", key, start > now ? start : now,
                             (int)kj_doc_int(lead, "priority", 50), NULL, now);
    kj_doc_put_text(&more, "stage", "admit");
    kj_doc_put_int(&more, "campaign_id", campaign);
    kj_doc_put_from(&more, "lead_id", lead, "_id");
    kj_doc_put_from(&more, "to", lead, "phone_number");
    kj_doc_put_from(&more, "group_id", page->campaign, "group_id");
    kj_doc_put_from(&more, "assistant_id", page->campaign, "assistant_id");
    kj_doc_put_from(&request, "context", page->campaign, "context");
    kj_doc_put_from(&request, "first_message", page->campaign, "first_message");
    kj_doc_put_text(&request, "call_source",
                    kj_doc_text(page->campaign, "call_source", "api_campaign"));
    kj_doc_put_doc(&more, "request", &request);
    bson_concat(job, &more);
    bson_destroy(&more);
    bson_destroy(&request);
    return job;
}

static void on_leads(struct kj_store_request *request)
{
    struct page *page = request->arg;
    struct kj_store_op *op = &request->ops[0];
    if (op->status != KJ_OK) {
        page_end(page, KJ_JOB_RETRY, "the leads could not be read", NULL);
        return;
    }
    if (op->n_docs == 0) {
        expansion_done(page);
        return;
    }
    struct kj_store_request *insert =
        kj_store_request(op->n_docs, kj_running_workspace(page->running), on_jobs_made, page);
    for (size_t i = 0; i < op->n_docs; i++) {
        insert->ops[i].verb = KJ_STORE_INSERT;
        insert->ops[i].coll = KJ_JOBS;
        kj_store_own_doc(insert, i, call_job(page, op->docs[i]));
        page->after = kj_doc_int(op->docs[i], "_id", 0);
    }
    kj_store_own_events(insert, op->n_docs - 1, progress_event(page, op->n_docs));
    kj_store_submit(page->engine->store, insert);
}

static void next_leads(struct page *page)
{
    bson_t *filter = bson_new(), after = BSON_INITIALIZER, view;
    // A list given at start (a trigger's) is expanded instead of the campaign's own.
    const char *list = kj_doc_text(kj_running_job(page->running), "payload.list", NULL);
    bool by_ids = list == NULL && kj_doc_child(page->campaign, "lead_ids", &view);
    kj_doc_put_int(&after, "$gt", page->after);
    if (by_ids) {
        kj_doc_put_array(&after, "$in", &view);
    } else
        kj_doc_put_text(filter, "list", list ? list : kj_doc_text(page->campaign, "list", ""));
    kj_doc_put_doc(filter, "_id", &after);
    bson_destroy(&after);
    struct kj_store_request *request =
        kj_store_request(1, kj_running_workspace(page->running), on_leads, page);
    request->ops[0].verb = KJ_STORE_FIND;
    request->ops[0].coll = KJ_LEADS;
    request->ops[0].limit = k_page;
    kj_store_own_filter(request, 0, filter);
    kj_store_submit(page->engine->store, request);
}

static void on_campaign(struct kj_store_request *request)
{
    struct page *page = request->arg;
    struct kj_store_op *op = &request->ops[0];
    if (op->status != KJ_OK || op->n_docs == 0) {
        page_end(page, op->status == KJ_ENOTFOUND ? KJ_JOB_FAILED : KJ_JOB_RETRY,
                 "the campaign could not be read", NULL);
        return;
    }
    page->campaign = bson_copy(op->docs[0]);
    next_leads(page);
}

static struct page *new_page(struct kj_engine *engine, struct kj_running *running)
{
    struct page *page = KJ_NEW(struct page);
    page->engine = engine;
    page->running = running;
    return page;
}

static void run_expand(void *engine, struct kj_running *running)
{
    struct page *page = new_page(engine, running);
    kj_store_get(page->engine->store, kj_running_workspace(running), KJ_CAMPAIGNS,
                 campaign_of(page), NULL, on_campaign, page);
}

// --- waking: after resume or cancel every waiting job looks at its campaign again ---

static void wake_page(struct page *page);

static void on_woken(struct kj_store_request *request)
{
    struct page *page = request->arg;
    for (size_t i = 0; i < request->n_ops; i++) {
        int status = request->ops[i].status; // a conflict means the job moved by itself: fine
        if (status != KJ_OK && status != KJ_ECONFLICT && status != KJ_ENOTFOUND) {
            page_end(page, KJ_JOB_RETRY, "waiting jobs could not be woken", NULL);
            return;
        }
    }
    kj_queue_wake(page->engine->queue, "call", kj_loop_now(page->engine->loop));
    wake_page(page);
}

static void on_waiting(struct kj_store_request *request)
{
    struct page *page = request->arg;
    struct kj_store_op *op = &request->ops[0];
    int64_t now = kj_loop_now(page->engine->loop);
    if (op->status != KJ_OK || op->n_docs == 0) {
        page_end(page, op->status == KJ_OK ? KJ_JOB_DONE : KJ_JOB_RETRY, NULL, NULL);
        return;
    }
    struct kj_store_request *write =
        kj_store_request(op->n_docs, kj_running_workspace(page->running), on_woken, page);
    for (size_t i = 0; i < op->n_docs; i++) {
        bson_t changes = BSON_INITIALIZER;
        int64_t planned = kj_doc_time(op->docs[i], "next.at", now);
        kj_doc_put_time(&changes, "due", planned > now ? planned : now);
        write->ops[i].verb = KJ_STORE_REPLACE;
        write->ops[i].coll = KJ_JOBS;
        write->ops[i].id = kj_doc_int(op->docs[i], "_id", 0);
        write->ops[i].version = kj_doc_int(op->docs[i], "version", 0);
        kj_store_own_doc(write, i, kj_doc_with(op->docs[i], &changes));
        page->after = write->ops[i].id;
        bson_destroy(&changes);
    }
    kj_store_submit(page->engine->store, write);
}

static void wake_page(struct page *page)
{
    bson_t *filter = bson_new(), after = BSON_INITIALIZER;
    kj_doc_put_int(filter, "campaign_id", campaign_of(page));
    kj_doc_put_text(filter, "state", "waiting");
    kj_doc_put_text(filter, "kind", "call");
    kj_doc_put_int(&after, "$gt", page->after);
    kj_doc_put_doc(filter, "_id", &after);
    bson_destroy(&after);
    struct kj_store_request *request =
        kj_store_request(1, kj_running_workspace(page->running), on_waiting, page);
    request->ops[0].verb = KJ_STORE_FIND;
    request->ops[0].coll = KJ_JOBS;
    request->ops[0].limit = k_page;
    kj_store_own_filter(request, 0, filter);
    kj_store_submit(page->engine->store, request);
}

static void run_wake(void *engine, struct kj_running *running)
{
    wake_page(new_page(engine, running));
}

void kj_campaigns_register(struct kj_engine *engine)
{
    struct kj_job_kind expand = {
        .name = "campaign.expand", .concurrency = 2, .run = run_expand, .arg = engine};
    struct kj_job_kind wake = {
        .name = "campaign.wake", .concurrency = 2, .run = run_wake, .arg = engine};
    kj_queue_register(engine->queue, &expand);
    kj_queue_register(engine->queue, &wake);
}
