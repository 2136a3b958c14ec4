// Stage intake: calls and refusals enter here (jobs, leads and recorded calls beside this file):
// normalised, deduplicated by key, stored, and only then acknowledged.
#include "base/alloc.h"
#include "base/log.h"
#include "engine/path.h"
#include "model/lead.h"
#include "model/phone.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct intake {
    struct kj_engine *engine;
    char workspace[64];
    bson_t *request, *lead;
    int64_t lead_id;
    kj_engine_done *done;
    void *arg;
};

static struct intake *new_intake(struct kj_engine *engine, const char *workspace,
                                 const bson_t *request, kj_engine_done *done, void *arg)
{
    struct intake *intake = KJ_NEW(struct intake);
    intake->engine = engine;
    kj_copy(intake->workspace, sizeof intake->workspace, workspace);
    intake->request = bson_copy(request);
    intake->done = done;
    intake->arg = arg;
    return intake;
}

static void intake_end(struct intake *intake, int status, const bson_t *result,
                       const struct kj_fault *fault)
{
    struct kj_fault own;
    if (status != KJ_OK && fault == NULL) {
        kj_fault(&own, status, NULL, "try again", "the store refused the write");
        fault = &own;
    }
    intake->done(intake->arg, status, result, status == KJ_OK ? NULL : fault);
    kj_doc_clear(&intake->request);
    kj_doc_clear(&intake->lead);
    free(intake);
}

static void intake_refuse(struct intake *intake, int code, const char *place, const char *hint,
                          const char *text)
{
    struct kj_fault fault;
    kj_fault(&fault, code, place, hint, "%s", text);
    intake_end(intake, code, NULL, &fault);
}

// --- a call: its lead first ---

static void on_job(struct kj_store_request *request)
{
    struct intake *intake = request->arg;
    struct kj_store_op *op = &request->ops[0];
    bson_t result = BSON_INITIALIZER;
    bool stored = op->status == KJ_OK || op->status == KJ_EEXISTS; // that: its answer was lost
    if (stored && intake->engine->store->shared)
        kj_queue_wake(intake->engine->queue, "call", kj_doc_time(op->doc, "due", 0));
    kj_doc_put_int(&result, "id", op->new_id);
    kj_doc_put_bool(&result, "created", op->status == KJ_OK);
    kj_doc_put_int(&result, "job_id", op->new_id);
    kj_doc_put_int(&result, "lead_id", intake->lead_id);
    intake_end(intake, op->status == KJ_EEXISTS ? KJ_OK : op->status, &result, NULL);
    bson_destroy(&result);
}

static void insert_job(struct intake *intake, bson_t *job_take)
{
    struct kj_store_request *request = kj_store_request(1, intake->workspace, on_job, intake);
    request->ops[0].verb = KJ_STORE_INSERT;
    request->ops[0].coll = KJ_JOBS;
    kj_store_own_doc(request, 0, job_take);
    if (!intake->engine->store->shared) // one flush for both: see intake_jobs.c
        kj_queue_wake(intake->engine->queue, "call", kj_doc_time(job_take, "due", 0));
    kj_store_submit(intake->engine->store, request);
}

static bson_t *call_job(const struct intake *intake)
{
    static const char *const k_settings[] = {"schedule", "retry", "limits"};
    bson_t call, more = BSON_INITIALIZER, path_view;
    int64_t now = kj_loop_now(intake->engine->loop);
    if (!kj_doc_child(intake->request, "call", &call))
        bson_init_static(&call, bson_get_data(intake->request), intake->request->len);
    bson_t *job = kj_job_new(
        "call", kj_doc_text(intake->request, "key", NULL), kj_doc_time(&call, "schedule_at", now),
        (int)kj_doc_int(&call, "priority", kj_doc_int(intake->lead, "priority", 50)), NULL, now);
    kj_doc_put_text(&more, "stage", "admit");
    kj_doc_put_int(&more, "lead_id", intake->lead_id);
    kj_doc_put_from(&more, "to", intake->lead, "phone_number");
    kj_doc_put_from(&more, "campaign_id", intake->request, "campaign_id");
    kj_doc_put_from(&more, "group_id", intake->request, "group_id");
    kj_doc_put_from(&more, "assistant_id", &call, "assistant_id");
    for (size_t i = 0; i < KJ_COUNT(k_settings); i++)
        kj_doc_put_from(&more, k_settings[i], &call, k_settings[i]);
    if (kj_doc_child(intake->request, "call", &path_view))
        kj_doc_put_doc(&more, "request", &path_view);
    bson_concat(job, &more);
    bson_destroy(&more);
    return job;
}

static void on_call_lead(void *arg, int status, const bson_t *lead, const struct kj_fault *fault)
{
    struct intake *intake = arg;
    if (status != KJ_OK) {
        intake_end(intake, status, NULL, fault);
        return;
    }
    intake->lead = bson_copy(lead);
    intake->lead_id = kj_doc_int(lead, "_id", 0);
    insert_job(intake, call_job(intake));
}

static void on_lead_read(struct kj_store_request *request)
{
    struct intake *intake = request->arg;
    struct kj_store_op *op = &request->ops[0];
    if (op->status == KJ_ENOTFOUND)
        intake_refuse(intake, KJ_ENOTFOUND, "/lead_id", "see lead.list", "there is no such lead");
    else if (op->status != KJ_OK)
        intake_end(intake, op->status, NULL, NULL);
    else
        on_call_lead(intake, KJ_OK, op->docs[0], NULL);
}

void kj_intake_call(struct kj_engine *engine, const char *workspace, const bson_t *request,
                    kj_engine_done *done, void *arg)
{
    struct intake *intake = new_intake(engine, workspace, request, done, arg);
    int64_t id = kj_doc_int(request, "lead_id", 0);
    bson_t lead;
    bool inline_lead = kj_doc_child(request, "lead", &lead);
    if (!!id == inline_lead)
        intake_refuse(intake, KJ_EINVAL, "", "give lead_id or lead, exactly one of them",
                      "a call needs one lead");
    else if (id)
        kj_store_get(engine->store, workspace, KJ_LEADS, id, NULL, on_lead_read, intake);
    else
        kj_intake_lead(engine, workspace, &lead, on_call_lead, intake);
}

// --- refusals ---

static int add_refusal(void *arg, const bson_t *number, bson_t **next, bson_t **events)
{
    struct intake *intake = arg;
    const char *to = kj_doc_text(intake->request, "phone_number", "");
    const char *kind = kj_doc_text(intake->request, "kind", "do_not_call");
    bson_t old, array = BSON_INITIALIZER, refusal = BSON_INITIALIZER, changes = BSON_INITIALIZER;
    bson_iter_t at;
    struct kj_doc_list list = {&array};
    bool known = false;
    if (number && kj_doc_child(number, "refusals", &old) && bson_iter_init(&at, &old))
        while (bson_iter_next(&at)) {
            bson_t one;
            if (!kj_doc_at(&at, &one))
                continue;
            known = known || kj_streq(kj_doc_text(&one, "kind", ""), kind);
            kj_doc_put_doc(&array, kj_doc_next(&list), &one);
        }
    kj_doc_put_text(&refusal, "kind", kind);
    kj_doc_put_time(&refusal, "at", kj_loop_now(intake->engine->loop));
    kj_doc_put_from(&refusal, "source", intake->request, "source");
    kj_doc_put_from(&refusal, "evidence", intake->request, "evidence");
    kj_doc_put_doc(&array, kj_doc_next(&list), &refusal);
    kj_doc_put_text(&changes, "key", to);
    kj_doc_put_array(&changes, "refusals", &array);
    if (!known) {
        *next = number ? kj_doc_with(number, &changes) : bson_copy(&changes);
        bson_t data = BSON_INITIALIZER;
        *events = bson_new();
        struct kj_doc_list told = {*events};
        kj_doc_put_text(&data, "phone_number", to);
        kj_doc_put_text(&data, "kind", kind);
        kj_event_add(&told, "lead.refused", &data);
        bson_destroy(&data);
    }
    bson_destroy(&changes);
    bson_destroy(&refusal);
    bson_destroy(&array);
    intake->lead_id = known; // told in the answer: "already"
    return known ? KJ_MODIFY_SKIP : KJ_OK;
}

static void on_refusal(void *arg, int status, const bson_t *number)
{
    struct intake *intake = arg;
    bson_t result = BSON_INITIALIZER;
    (void)number;
    kj_doc_put_from(&result, "phone_number", intake->request, "phone_number");
    kj_doc_put_time(&result, "refused_at", kj_loop_now(intake->engine->loop));
    kj_doc_put_bool(&result, "already", intake->lead_id != 0);
    intake_end(intake, status, &result, NULL);
    bson_destroy(&result);
}

void kj_intake_refusal(struct kj_engine *engine, const char *workspace, const bson_t *request,
                       kj_engine_done *done, void *arg)
{
    struct kj_phone phone;
    struct kj_fault fault;
    struct intake *intake = new_intake(engine, workspace, request, done, arg);
    const char *country = kj_doc_text(request, "country", NULL);
    if (country == NULL && engine->default_country[0])
        country = engine->default_country;
    if (kj_phone_parse(kj_doc_text(request, "phone_number", ""), country, &phone, &fault) !=
        KJ_OK) {
        intake_refuse(intake, KJ_EINVAL, "/phone_number",
                      "write it with its country code, like +49 30 123456", fault.text);
        return;
    }
    bson_t number = BSON_INITIALIZER;
    kj_doc_put_text(&number, "phone_number", phone.e164);
    bson_t *normal = kj_doc_with(intake->request, &number);
    bson_destroy(&number);
    kj_doc_clear(&intake->request);
    intake->request = normal;
    struct kj_modify modify = {.store = engine->store,
                               .workspace = intake->workspace,
                               .coll = KJ_NUMBERS,
                               .key = phone.e164,
                               .change = add_refusal,
                               .done = on_refusal,
                               .arg = intake};
    kj_modify(&modify);
}
