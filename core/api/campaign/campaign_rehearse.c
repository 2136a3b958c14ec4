// campaign.rehearse: what would come of a campaign, by the engine that will run it, on a virtual
// clock, in a process of its own. Nothing is written to the store, not even events: what takes
// longer than a second answers with an operation, and who asks on with it gets the progress. Who
// does not ask on for a while has gone, and the process ends.
#include "api/campaign/rehearsal.h"
#include "api/commands.h"

#include "base/alloc.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    k_at_once_most = 2, // each takes a core for a while
    k_wait_ms = 1000,
    k_lease_ms = 5000, // until who asked must ask on
    k_hour_ms = 3600000,
    k_day_ms = 86400000,
    k_days = 14,
};

void kj_api_set_rehearsal(struct kj_api *api, bson_t *setup_take)
{
    kj_doc_clear(&api->rehearsal_setup);
    api->rehearsal_setup = setup_take;
}

// --- the end of an operation ---

void kj_rehearsal_free_last(struct kj_rehearsal_op *op)
{
    if (!op->ending || op->handles || op->asking)
        return;
    if (op->api) {
        struct kj_rehearsal_op **at = &op->api->rehearsals;
        while (*at != op)
            at = &(*at)->next;
        *at = op->next;
    }
    kj_doc_clear(&op->setup);
    kj_doc_clear(&op->campaign);
    kj_doc_clear(&op->progress);
    kj_doc_clear(&op->result);
    kj_buf_fini(&op->heard);
    free(op);
}

// It stays in the api's list until its process has ended: if kejued stops before, somebody must
// still let go of it.
static void end(struct kj_rehearsal_op *op)
{
    if (op->ending)
        return;
    op->ending = true;
    kj_rehearsal_close((uv_handle_t *)&op->wait);
    kj_rehearsal_close((uv_handle_t *)&op->lease);
    kj_rehearsal_kill(op);
}

void kj_rehearsals_end(struct kj_api *api)
{
    while (api->rehearsals) {
        struct kj_rehearsal_op *op = api->rehearsals;
        api->rehearsals = op->next;
        op->api = NULL;
        if (op->waiting)
            kj_reply_error(op->waiting, KJ_EUNAVAILABLE, "", "ask again when it is back",
                           "kejued is stopping");
        op->waiting = NULL;
        end(op);
        kj_rehearsal_close((uv_handle_t *)&op->process); // its exit is no longer waited for
    }
}

// --- answers ---

static void on_lease(uv_timer_t *timer)
{
    end(timer->data);
}

static void tell(struct kj_rehearsal_op *op)
{
    struct kj_request *request = op->waiting;
    op->waiting = NULL;
    uv_timer_stop(&op->wait);
    if (op->done && op->fault.code != KJ_OK) {
        kj_reply_fault(request, &op->fault);
        end(op);
    } else if (op->done) {
        kj_reply(request, op->result);
        end(op);
    } else {
        char name[48];
        bson_t *result = bson_new();
        snprintf(name, sizeof name, "rehearsal-%" PRId64, op->number);
        kj_doc_put_bool(result, "simulated", true);
        kj_doc_put_text(result, "operation", name);
        kj_doc_put_doc(result, "progress", op->progress);
        kj_reply_take(request, result);
        uv_timer_start(&op->lease, on_lease, k_lease_ms, 0);
    }
}

static void on_wait(uv_timer_t *timer)
{
    tell(timer->data);
}

static void wait_for(struct kj_rehearsal_op *op, struct kj_request *request)
{
    if (op->waiting) // two ask: the older one hears how far it is
        tell(op);
    op->waiting = request;
    uv_timer_stop(&op->lease);
    if (op->done)
        tell(op);
    else
        uv_timer_start(&op->wait, on_wait, k_wait_ms, 0);
}

static void finish(struct kj_rehearsal_op *op)
{
    op->done = true;
    if (op->waiting)
        tell(op);
}

void kj_rehearsal_fail(struct kj_rehearsal_op *op, const struct kj_fault *fault)
{
    if (op->done || op->ending)
        return;
    op->fault = *fault;
    kj_rehearsal_kill(op);
    finish(op);
}

void kj_rehearsal_heard(struct kj_rehearsal_op *op, const bson_t *doc)
{
    bson_t view;
    struct kj_fault fault;
    if (op->done) {
        return;
    }
    if (kj_doc_child(doc, "progress", &view)) {
        kj_doc_clear(&op->progress);
        op->progress = bson_copy(&view);
    } else if (kj_doc_child(doc, "result", &view)) {
        op->result = bson_copy(&view);
        finish(op);
    } else if (kj_doc_child(doc, "fault", &view)) {
        kj_fault(&fault, kj_error_from_name(kj_doc_text(&view, "code", "")),
                 kj_doc_text(&view, "place", ""), kj_doc_text(&view, "hint", ""), "%s",
                 kj_doc_text(&view, "text", ""));
        kj_rehearsal_fail(op, &fault);
    }
}

// --- the command ---

// Without a start of its own it begins at the next full hour, so that who asks again within the
// hour gets the same answer.
static int64_t start_of(const struct kj_request *request)
{
    int64_t now = kj_loop_now(request->api->loop);
    return kj_doc_time(request->args, "start", (now + k_hour_ms - 1) / k_hour_ms * k_hour_ms);
}

static bson_t *setup_of(const struct kj_rehearsal_op *op, const bson_t *args)
{
    bson_t *setup = bson_copy(op->api->rehearsal_setup);
    kj_doc_put_int(setup, "campaign_id", op->campaign_id);
    kj_doc_put_time(setup, "start", op->start);
    kj_doc_put_int(setup, "days", (op->until - op->start) / k_day_ms);
    kj_doc_put_int(setup, "seed", kj_doc_int(args, "seed", 1));
    kj_doc_put_from(setup, "assumptions", args, "assumptions");
    return setup;
}

static void begin(struct kj_request *request)
{
    struct kj_api *api = request->api;
    struct kj_rehearsal_op *op = KJ_NEW(struct kj_rehearsal_op);
    op->api = api;
    op->number = ++api->rehearsal_count;
    kj_copy(op->workspace, sizeof op->workspace, request->workspace);
    op->campaign_id = kj_doc_int(request->args, "id", 0);
    op->start = start_of(request);
    op->until = op->start + kj_doc_int(request->args, "days", k_days) * (int64_t)k_day_ms;
    op->setup = setup_of(op, request->args);
    op->next = api->rehearsals;
    api->rehearsals = op;
    uv_timer_init(kj_loop_uv(api->loop), &op->wait); // real time, whatever the daemon's clock
    kj_rehearsal_opened(op, (uv_handle_t *)&op->wait);
    uv_timer_init(kj_loop_uv(api->loop), &op->lease);
    kj_rehearsal_opened(op, (uv_handle_t *)&op->lease);
    wait_for(op, request);
    kj_rehearsal_copy(op);
}

static struct kj_rehearsal_op *find(const struct kj_request *request, const char *name)
{
    char own[48];
    struct kj_rehearsal_op *op = request->api->rehearsals;
    for (; op; op = op->next) {
        snprintf(own, sizeof own, "rehearsal-%" PRId64, op->number);
        if (!op->ending && strcmp(own, name) == 0 && strcmp(op->workspace, request->workspace) == 0)
            break;
    }
    return op;
}

static void go_on(struct kj_request *request, struct kj_rehearsal_op *op)
{
    if (op == NULL) {
        kj_reply_error(request, KJ_ENOTFOUND, "/operation", "start it again with id=…",
                       "there is no such rehearsal (any more)");
    } else if (kj_doc_bool(request->args, "cancel", false)) {
        if (op->waiting)
            kj_reply_error(op->waiting, KJ_ECANCELED, "", "", "the rehearsal was canceled");
        op->waiting = NULL;
        end(op);
        bson_t *result = bson_new();
        kj_doc_put_bool(result, "simulated", true);
        kj_doc_put_bool(result, "canceled", true);
        kj_reply_take(request, result);
    } else
        wait_for(op, request);
}

void kj_campaign_rehearse(struct kj_request *request)
{
    struct kj_api *api = request->api;
    const char *name = kj_doc_text(request->args, "operation", NULL);
    int count = 0;
    for (struct kj_rehearsal_op *op = api->rehearsals; op; op = op->next)
        count += !op->ending;
    if (name)
        go_on(request, find(request, name));
    else if (!kj_doc_has(request->args, "id"))
        kj_reply_error(request, KJ_EINVAL, "/id", "see campaign.list", "names no campaign");
    else if (api->rehearsal_setup == NULL || api->stopping)
        kj_reply_error(request, KJ_EUNAVAILABLE, "", "ask again when it is back",
                       "kejued cannot start a rehearsal now");
    else if (count >= k_at_once_most)
        kj_reply_error(request, KJ_EUNAVAILABLE, "", "try again when one of them has ended",
                       "%d rehearsals are under way already", count);
    else
        begin(request);
}
