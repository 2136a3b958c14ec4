// The copy of a campaign for its rehearsal: read page by page through the store, as anybody reads,
// and written to the child before the next page. A campaign that has not begun is its list of
// leads; one that runs is its call jobs, where they stand.
#include "api/campaign/rehearsal.h"

#include "api/documents.h"
#include "base/alloc.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { k_page = 500, k_leads_most = 100000, k_bytes_most = 1 << 30 };

static void refuse(struct kj_rehearsal_op *op, int code, const char *place, const char *hint,
                   const char *text)
{
    struct kj_fault fault;
    kj_fault(&fault, code, place, hint, "%s", text);
    kj_rehearsal_fail(op, &fault);
}

// --- asking the store, and writing what it gave ---

static struct kj_store_request *ask(struct kj_rehearsal_op *op, size_t count,
                                    void (*done)(struct kj_store_request *request))
{
    op->asking++;
    return kj_store_request(count, op->workspace, done, op);
}

static void submit(struct kj_rehearsal_op *op, struct kj_store_request *request)
{
    kj_store_submit(op->api->engine->store, request);
}

// First of all in each answer: false when it is of no use any more.
static bool answered(struct kj_store_request *request)
{
    struct kj_rehearsal_op *op = request->arg;
    op->asking--;
    for (size_t i = 0; i < request->n_ops && !op->ending && !op->done; i++)
        if (request->ops[i].status != KJ_OK && request->ops[i].status != KJ_ENOTFOUND)
            refuse(op, request->ops[i].status, "store", "try again in a moment",
                   "the campaign cannot be read from the store");
    if (!op->ending && !op->done)
        return true;
    kj_rehearsal_free_last(op);
    return false;
}

static void put_frame(struct kj_buf *bytes, const char *name, const bson_t *doc)
{
    bson_t frame = BSON_INITIALIZER;
    kj_doc_put_doc(&frame, name, doc);
    kj_buf_add(bytes, (const char *)bson_get_data(&frame), frame.len);
    bson_destroy(&frame);
}

static void put_found(struct kj_buf *bytes, const struct kj_store_request *request)
{
    for (size_t i = 0; i < request->n_ops; i++)
        for (size_t n = 0; n < request->ops[i].n_docs; n++)
            put_frame(bytes, kj_coll_name(request->ops[i].coll), request->ops[i].docs[n]);
}

// A page of the documents of the campaign, or of its list, behind `after`.
static void ask_page(struct kj_rehearsal_op *op, enum kj_coll coll, bson_t *filter_take,
                     bson_t *after_take, void (*done)(struct kj_store_request *request))
{
    struct kj_store_request *request = ask(op, 1, done);
    kj_doc_put_int(after_take, "$gt", op->after);
    kj_doc_put_doc(filter_take, "_id", after_take);
    bson_destroy(after_take);
    request->ops[0].verb = KJ_STORE_FIND;
    request->ops[0].coll = coll;
    request->ops[0].limit = k_page;
    kj_store_own_filter(request, 0, filter_take);
    submit(op, request);
}

static bson_t *of_campaign(const struct kj_rehearsal_op *op)
{
    bson_t *filter = bson_new();
    kj_doc_put_int(filter, "campaign_id", op->campaign_id);
    return filter;
}

// --- the end of the copy ---

static void go(struct kj_rehearsal_op *op)
{
    struct kj_buf bytes;
    bson_t doc = BSON_INITIALIZER;
    kj_buf_init(&bytes, k_bytes_most);
    kj_doc_put_bool(&doc, "go", true);
    kj_buf_add(&bytes, (const char *)bson_get_data(&doc), doc.len);
    bson_destroy(&doc);
    kj_rehearsal_write(op, &bytes, NULL); // from here on it is the child's turn
}

static void next_decisions(struct kj_rehearsal_op *op);

static void on_decisions(struct kj_store_request *request)
{
    struct kj_rehearsal_op *op = request->arg;
    struct kj_store_op *found = &request->ops[0];
    struct kj_buf bytes;
    if (!answered(request))
        return;
    if (found->n_docs == 0) {
        go(op);
        return;
    }
    kj_buf_init(&bytes, k_bytes_most);
    put_found(&bytes, request);
    op->after = kj_doc_int(found->docs[found->n_docs - 1], "_id", 0);
    kj_rehearsal_write(op, &bytes, next_decisions);
}

static void next_decisions(struct kj_rehearsal_op *op)
{
    ask_page(op, KJ_DECISIONS, of_campaign(op), bson_new(), on_decisions);
}

// --- leads, with what is known of their numbers ---

static void next_page(struct kj_rehearsal_op *op);

static void on_persons(struct kj_store_request *request)
{
    struct kj_rehearsal_op *op = request->arg;
    struct kj_buf bytes;
    if (!answered(request))
        return;
    kj_buf_init(&bytes, k_bytes_most);
    put_found(&bytes, request);
    kj_rehearsal_write(op, &bytes, next_page);
}

static void want(struct kj_store_request *request, size_t i, enum kj_coll coll, int64_t id,
                 const char *key)
{
    request->ops[i].verb = KJ_STORE_GET;
    request->ops[i].coll = coll;
    request->ops[i].id = id;
    request->ops[i].key = kj_store_keep_text(request, key);
}

// Reads what belongs to a page of leads (their numbers) or of jobs (their leads and numbers), and
// writes the page with it.
static void with_persons(struct kj_rehearsal_op *op, const struct kj_store_op *page)
{
    bool jobs = page->coll == KJ_JOBS;
    size_t each = jobs ? 2 : 1;
    struct kj_buf bytes;
    struct kj_store_request *request = ask(op, page->n_docs * each, on_persons);
    kj_buf_init(&bytes, k_bytes_most);
    for (size_t i = 0; i < page->n_docs; i++) {
        const bson_t *doc = page->docs[i];
        put_frame(&bytes, kj_coll_name(page->coll), doc);
        want(request, i * each, KJ_NUMBERS, 0, kj_doc_text(doc, jobs ? "to" : "phone_number", "?"));
        if (jobs)
            want(request, i * each + 1, KJ_LEADS, kj_doc_int(doc, "lead_id", 0), NULL);
    }
    op->leads += (int64_t)page->n_docs;
    op->after = kj_doc_int(page->docs[page->n_docs - 1], "_id", 0);
    // The two writes keep their order; the next page waits for the second.
    kj_rehearsal_write(op, &bytes, NULL);
    submit(op, request);
}

static void on_page(struct kj_store_request *request)
{
    struct kj_rehearsal_op *op = request->arg;
    const struct kj_store_op *page = &request->ops[0];
    if (!answered(request))
        return;
    if (page->n_docs && op->leads + (int64_t)page->n_docs > k_leads_most) {
        refuse(op, KJ_ELIMIT, "/id", "rehearse it with a part of the list",
               "the campaign has over 100,000 leads, more than a rehearsal takes");
    } else if (page->n_docs) {
        with_persons(op, page);
    } else if (op->leads == 0) {
        refuse(op, KJ_ESTATE, "/id", "import leads into its list with lead.import, then try again",
               "the campaign has no leads, so there is nothing to rehearse");
    } else {
        op->after = 0;
        next_decisions(op);
    }
}

static void next_page(struct kj_rehearsal_op *op)
{
    bson_t *filter = bson_new(), *after = bson_new(), view;
    if (kj_doc_bool(op->campaign, "expanded", false)) {
        kj_doc_put_text(filter, "kind", "call");
        kj_doc_put_int(filter, "campaign_id", op->campaign_id);
        ask_page(op, KJ_JOBS, filter, after, on_page);
        return;
    }
    if (kj_doc_child(op->campaign, "lead_ids", &view))
        kj_doc_put_array(after, "$in", &view);
    else
        kj_doc_put_text(filter, "list", kj_doc_text(op->campaign, "list", ""));
    ask_page(op, KJ_LEADS, filter, after, on_page);
}

// --- the campaign and who calls ---

static void on_house(struct kj_store_request *request)
{
    struct kj_rehearsal_op *op = request->arg;
    struct kj_fault fault;
    struct kj_buf bytes;
    if (!answered(request))
        return;
    if (request->ops[0].n_docs == 0 || !kj_doc_has(request->ops[0].docs[0], "pack")) {
        refuse(op, KJ_ESTATE, "/id", "set it by group.update pack=…",
               "the campaign's assistant group names no rule pack");
        return;
    }
    if (kj_rehearsal_spawn(op, &fault) != KJ_OK) {
        kj_rehearsal_fail(op, &fault);
        return;
    }
    kj_buf_init(&bytes, k_bytes_most);
    kj_buf_add(&bytes, (const char *)bson_get_data(op->setup), op->setup->len);
    put_frame(&bytes, kj_coll_name(KJ_CAMPAIGNS), op->campaign);
    put_found(&bytes, request);
    kj_rehearsal_write(op, &bytes, next_page);
}

static void ask_house(struct kj_rehearsal_op *op)
{
    static const enum kj_coll k_found[] = {KJ_ASSISTANTS, KJ_TEMPLATES};
    int64_t group = kj_doc_int(op->campaign, "group_id", 0);
    struct kj_store_request *request = ask(op, 1 + KJ_COUNT(k_found), on_house);
    want(request, 0, KJ_GROUPS, group, NULL);
    for (size_t i = 0; i < KJ_COUNT(k_found); i++) {
        bson_t *filter = bson_new();
        kj_doc_put_int(filter, "group_id", group);
        request->ops[1 + i].verb = KJ_STORE_FIND;
        request->ops[1 + i].coll = k_found[i];
        request->ops[1 + i].limit = 1000;
        kj_store_own_filter(request, 1 + i, filter);
    }
    submit(op, request);
}

// Nothing of it could be called: a sentence instead of an empty answer.
static bool hopeless(struct kj_rehearsal_op *op)
{
    const bson_t *campaign = op->campaign;
    const char *status = kj_doc_text(campaign, "status", "");
    bool windows = kj_doc_has(campaign, "schedule.windows");
    if (kj_streq(status, "completed") || kj_streq(status, "canceled"))
        refuse(op, KJ_ESTATE, "/id", "make a new campaign and rehearse that",
               "the campaign is over, so there is nothing to rehearse");
    else if (windows && kj_doc_count(campaign, "schedule.windows") == 0)
        refuse(op, KJ_ESTATE, "/id", "give it a schedule with a window",
               "the campaign's schedule has no window in which anybody may be called");
    else if (kj_doc_time(campaign, "schedule.ends_at", INT64_MAX) <= op->start)
        refuse(op, KJ_ESTATE, "/id", "give an earlier start, or make a campaign with a later end",
               "the campaign's period ends before the rehearsal begins");
    else if (kj_doc_time(campaign, "schedule.starts_at", 0) >= op->until)
        refuse(op, KJ_ESTATE, "/days", "give more days or a later start",
               "the campaign's period begins after the rehearsal ends");
    else
        return false;
    return true;
}

static void on_campaign(struct kj_store_request *request)
{
    struct kj_rehearsal_op *op = request->arg;
    if (!answered(request))
        return;
    if (request->ops[0].n_docs == 0) {
        refuse(op, KJ_ENOTFOUND, "/id", "see campaign.list", "there is no such campaign");
        return;
    }
    op->campaign = bson_copy(request->ops[0].docs[0]);
    if (!hopeless(op))
        ask_house(op);
}

void kj_rehearsal_copy(struct kj_rehearsal_op *op)
{
    struct kj_store_request *request = ask(op, 1, on_campaign);
    want(request, 0, KJ_CAMPAIGNS, op->campaign_id, NULL);
    submit(op, request);
}
