// Message documents. The vendor's id is the key, so a doubled webhook finds what is there already.
#include "engine/messages.h"

#include "base/alloc.h"
#include "engine/hook_jobs.h"
#include "engine/modify.h"
#include "engine/path.h"
#include "model/optout.h"

#include <stdlib.h>
#include <string.h>

struct sent {
    void (*done)(void *arg, int status);
    void *arg;
    bson_t *message;
};

static bson_t *message_event(const char *name, const bson_t *message)
{
    static const char *const k_told[] = {"to",     "from",    "template",    "language",
                                         "status", "lead_id", "campaign_id", "attempt_id",
                                         "text",   "type"};
    bson_t data = BSON_INITIALIZER, *events = bson_new();
    struct kj_doc_list list = {events};
    kj_doc_put_from(&data, "message_id", message, "key");
    for (size_t i = 0; i < KJ_COUNT(k_told); i++)
        kj_doc_put_from(&data, k_told[i], message, k_told[i]);
    kj_event_add(&list, name, &data);
    bson_destroy(&data);
    return events;
}

// What the plugin told, with whose message it is.
static bson_t *told_event(const char *name, const bson_t *data, const bson_t *message)
{
    bson_t whose = BSON_INITIALIZER, *events = bson_new();
    struct kj_doc_list list = {events};
    kj_doc_put_from(&whose, "lead_id", message, "lead_id");
    kj_doc_put_from(&whose, "campaign_id", message, "campaign_id");
    bson_t *all = kj_doc_with(data, &whose);
    kj_event_add(&list, name, all);
    bson_destroy(all);
    bson_destroy(&whose);
    return events;
}

// A report that overtook our own record has made the message already: its status is the later one.
static int record_sent(void *arg, const bson_t *present, bson_t **next, bson_t **events)
{
    static const char *const k_reported[] = {"status", "status_at", "error"};
    const struct sent *sent = arg;
    bson_t reported = BSON_INITIALIZER;
    if (present && kj_doc_has(present, "job_id"))
        return KJ_MODIFY_SKIP; // recorded before
    for (size_t i = 0; present && i < KJ_COUNT(k_reported); i++)
        kj_doc_put_from(&reported, k_reported[i], present, k_reported[i]);
    *next = kj_doc_with(sent->message, &reported);
    *events = message_event("message.sent", *next);
    bson_destroy(&reported);
    return KJ_OK;
}

static void on_recorded(void *arg, int status, const bson_t *message)
{
    struct sent *sent = arg;
    (void)message;
    sent->done(sent->arg, status);
    kj_doc_clear(&sent->message);
    free(sent);
}

void kj_message_sent(struct kj_engine *engine, const bson_t *job, const bson_t *result,
                     void (*done)(void *arg, int status), void *arg)
{
    struct sent *sent = KJ_NEW(struct sent);
    bson_t *message = bson_new();
    *sent = (struct sent){done, arg, message};
    kj_doc_put_from(message, "key", result, "message_id");
    kj_doc_put_text(message, "direction", "outbound");
    kj_doc_put_text(message, "channel", "whatsapp");
    kj_doc_put_from(message, "job_id", job, "_id");
    kj_doc_put_from(message, "lead_id", job, "lead_id");
    kj_doc_put_from(message, "campaign_id", job, "campaign_id");
    kj_doc_put_from(message, "attempt_id", job, "payload.args.job");
    kj_doc_put_from(message, "to", job, "payload.args.to");
    kj_doc_put_from(message, "number", job, "payload.args.to");
    kj_doc_put_from(message, "template", job, "payload.args.name");
    kj_doc_put_from(message, "language", job, "payload.args.language");
    kj_doc_put_from(message, "text", job, "payload.args.text");
    kj_doc_put_text(message, "status", "accepted");
    kj_doc_put_time(message, "created_at", kj_loop_now(engine->loop));
    if (engine->simulated)
        kj_doc_put_bool(message, "simulated", true);
    kj_modify(&(struct kj_modify){.store = engine->store,
                                  .workspace = kj_doc_text(job, "workspace", "default"),
                                  .coll = KJ_MESSAGES,
                                  .key = kj_doc_text(message, "key", ""),
                                  .change = record_sent,
                                  .done = on_recorded,
                                  .arg = sent});
}

// --- what webhooks tell ---

struct told {
    bson_t *data;
    kj_engine_done *done;
    void *arg;
    struct kj_engine *engine;
    char workspace[64];
};

static void told_done(struct told *told, int status)
{
    struct kj_fault fault;
    if (status != KJ_OK)
        kj_fault(&fault, status, kj_doc_text(told->data, "message_id", ""), NULL,
                 "the report could not be stored");
    told->done(told->arg, status, NULL, status == KJ_OK ? NULL : &fault);
    kj_doc_clear(&told->data);
    free(told);
}

static int rank(const char *status)
{
    static const char *const k_order[] = {"accepted", "sent", "delivered", "read", "failed"};
    for (int i = 0; i < (int)KJ_COUNT(k_order); i++)
        if (strcmp(status, k_order[i]) == 0)
            return i;
    return -1;
}

// The vendor was faster than our own record of the send, which then only adds to this. Whoever else
// sends from the same account gives no job of ours.
static int begin_with(const struct told *told, bson_t **next)
{
    if (!kj_doc_has(told->data, "job"))
        return KJ_MODIFY_SKIP;
    *next = bson_new();
    kj_doc_put_from(*next, "key", told->data, "message_id");
    kj_doc_put_text(*next, "direction", "outbound");
    kj_doc_put_from(*next, "channel", told->data, "provider");
    kj_doc_put_from(*next, "status", told->data, "status");
    kj_doc_put_from(*next, "status_at", told->data, "at");
    kj_doc_put_from(*next, "error", told->data, "error");
    return KJ_OK;
}

static int move_forward(void *arg, const bson_t *message, bson_t **next, bson_t **events)
{
    struct told *told = arg;
    const char *status = kj_doc_text(told->data, "status", "");
    if (message == NULL)
        return begin_with(told, next);
    if (rank(status) <= rank(kj_doc_text(message, "status", "")) ||
        (strcmp(status, "failed") == 0 &&
         rank(kj_doc_text(message, "status", "")) >= rank("delivered")))
        return KJ_MODIFY_SKIP; // told before
    bson_t changes = BSON_INITIALIZER;
    kj_doc_put_text(&changes, "status", status);
    kj_doc_put_from(&changes, "status_at", told->data, "at");
    kj_doc_put_from(&changes, "error", told->data, "error");
    *next = kj_doc_with(message, &changes);
    *events = told_event("message.status", told->data, message);
    bson_destroy(&changes);
    return KJ_OK;
}

static void on_moved(void *arg, int status, const bson_t *message)
{
    (void)message;
    told_done(arg, status);
}

void kj_message_status(struct kj_engine *engine, const char *workspace, const bson_t *data,
                       kj_engine_done *done, void *arg)
{
    struct told *told = KJ_NEW(struct told);
    *told = (struct told){.data = bson_copy(data), .done = done, .arg = arg, .engine = engine};
    struct kj_modify modify = {.store = engine->store,
                               .workspace = workspace,
                               .coll = KJ_MESSAGES,
                               .key = kj_doc_text(data, "message_id", ""),
                               .change = move_forward,
                               .done = on_moved,
                               .arg = told};
    kj_modify(&modify);
}

// --- what a user writes ---

static void on_received(struct kj_store_request *request)
{
    struct told *told = request->arg;
    int status = KJ_OK;
    for (size_t i = 0; i < request->n_ops; i++)
        if (request->ops[i].status != KJ_OK && request->ops[i].status != KJ_EEXISTS)
            status = request->ops[i].status;
    if (request->n_ops > 1)
        kj_queue_wake(told->engine->queue, "hook", kj_loop_now(told->engine->loop));
    told_done(told, status);
}

static bson_t *received_message(const struct kj_engine *engine, const bson_t *data)
{
    bson_t *message = bson_new();
    kj_doc_put_from(message, "key", data, "message_id");
    kj_doc_put_text(message, "direction", "inbound");
    kj_doc_put_from(message, "channel", data, "provider");
    kj_doc_put_from(message, "from", data, "from");
    kj_doc_put_from(message, "number", data, "from");
    kj_doc_put_from(message, "user_id", data, "user_id");
    kj_doc_put_from(message, "type", data, "type");
    kj_doc_put_from(message, "text", data, "text");
    kj_doc_put_from(message, "context_id", data, "context_id");
    kj_doc_put_from(message, "sent_at", data, "at");
    kj_doc_put_time(message, "created_at", kj_loop_now(engine->loop));
    kj_doc_put_text(message, "status", "received");
    return message;
}

static void store_received(struct told *told)
{
    struct kj_engine *engine = told->engine;
    bson_t *message = received_message(engine, told->data), event = BSON_INITIALIZER;
    kj_doc_put_text(&event, "name", "message.received");
    kj_doc_put_time(&event, "at", kj_loop_now(engine->loop));
    kj_doc_put_doc(&event, "data", told->data);
    struct kj_hook_event heard = {.name = "message.received",
                                  .once = kj_doc_text(told->data, "message_id", NULL),
                                  .event = &event,
                                  .priority = 50};
    struct kj_store_request *request = kj_store_request(1 + kj_hook_listeners(engine, heard.name),
                                                        told->workspace, on_received, told);
    request->ops[0].verb = KJ_STORE_INSERT;
    request->ops[0].coll = KJ_MESSAGES;
    kj_store_own_events(request, 0, told_event("message.received", told->data, message));
    kj_store_own_doc(request, 0, message);
    kj_hook_jobs_put(engine, &heard, request, 1);
    kj_store_submit(engine->store, request);
    bson_destroy(&event);
}

static void on_refused(void *arg, int status, const bson_t *result, const struct kj_fault *fault)
{
    (void)result;
    (void)fault;
    if (status == KJ_OK || status == KJ_EINVAL) // a sender without a phone number
        store_received(arg);
    else
        told_done(arg, status); // the vendor brings it again
}

// "Stop" in a message is a refusal like one on the phone. It is stored first: no hook that hears of
// the message can answer it any more.
void kj_message_received(struct kj_engine *engine, const char *workspace, const bson_t *data,
                         kj_engine_done *done, void *arg)
{
    struct told *told = KJ_NEW(struct told);
    *told = (struct told){.data = bson_copy(data), .done = done, .arg = arg, .engine = engine};
    kj_copy(told->workspace, sizeof told->workspace, workspace);
    const char *from = kj_doc_text(data, "from", ""), *text = kj_doc_text(data, "text", "");
    if (from[0] == 0 || !kj_optout_asked(text, "en")) {
        store_received(told);
        return;
    }
    bson_t refusal = BSON_INITIALIZER;
    kj_doc_put_text(&refusal, "phone_number", from);
    kj_doc_put_text(&refusal, "kind", "opt_out");
    kj_doc_put_from(&refusal, "source", data, "message_id");
    kj_doc_put_text(&refusal, "evidence", text);
    kj_intake_refusal(engine, workspace, &refusal, on_refused, told);
    bson_destroy(&refusal);
}
