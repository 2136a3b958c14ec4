// The ports: plugins' and hooks' questions to the engine. Each answers when durable.
#include "engine/ports.h"

#include "base/alloc.h"
#include "base/log.h"
#include "doc/csv.h"
#include "engine/hook_jobs.h"
#include "engine/messages.h"
#include "engine/modify.h"
#include "engine/path.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct asked {
    struct kj_engine *engine;
    kj_host_reply *reply;
    void *arg;
    bson_t *request;
    char *instance, *workspace;
};

static struct asked *new_asked(struct kj_engine *engine, const char *instance,
                               const char *workspace, const bson_t *request, kj_host_reply *reply,
                               void *arg)
{
    struct asked *asked = KJ_NEW(struct asked);
    *asked = (struct asked){engine,
                            reply,
                            arg,
                            bson_copy(request),
                            kj_strdup(instance),
                            kj_strdup(workspace && workspace[0] ? workspace : "default")};
    return asked;
}

static void answer(struct asked *asked, int status, const bson_t *result, const char *text)
{
    struct kj_outcome outcome = {KEJUE_OK, 0, NULL, NULL};
    bson_t empty = BSON_INITIALIZER;
    if (status != KJ_OK) {
        bool ours = status == KJ_EUNAVAILABLE || status == KJ_EFULL || status == KJ_EIO ||
                    status == KJ_ECANCELED || status == KJ_ETIMEDOUT;
        outcome.class = ours ? KEJUE_NOT_PROCESSED : KEJUE_CALLER;
        outcome.code = kj_error_name(status);
        outcome.text = text;
    }
    asked->reply(asked->arg, &outcome, result ? result : &empty);
    bson_destroy(&empty);
    kj_doc_clear(&asked->request);
    free(asked->instance);
    free(asked->workspace);
    free(asked);
}

static void on_answered(void *arg, int status, const bson_t *result, const struct kj_fault *fault)
{
    answer(arg, status, result, fault ? fault->text : NULL);
}

// --- emit ---

// The answer comes once the event is stored; hooks that listen get their jobs first.
static void on_event_stored(struct kj_store_request *request)
{
    struct asked *asked = request->arg;
    int status = KJ_OK;
    for (size_t i = 0; i < request->n_ops; i++) {
        int one = request->ops[i].status;
        if (one != KJ_OK && one != KJ_EEXISTS)
            status = one;
    }
    kj_queue_wake(asked->engine->queue, "hook", kj_loop_now(asked->engine->loop));
    answer(asked, status, NULL, "the event could not be stored");
}

static size_t put_hook_jobs(struct asked *asked, const char *name, const bson_t *data,
                            struct kj_store_request *request)
{
    bson_t event = BSON_INITIALIZER;
    struct kj_buf once;
    const char *key = kj_doc_text(data, "key", NULL);
    kj_buf_init(&once, 0);
    kj_doc_put_text(&event, "name", name);
    kj_doc_put_time(&event, "at", kj_loop_now(asked->engine->loop));
    kj_doc_put_doc(&event, "data", data);
    kj_buf_addf(&once, "%s:%s", name, key ? key : "");
    struct kj_hook_event told = {
        .name = name, .once = key ? once.data : NULL, .event = &event, .priority = 50};
    size_t count = kj_hook_jobs_put(asked->engine, &told, request, 0);
    kj_buf_fini(&once);
    bson_destroy(&event);
    return count;
}

static void store_event(struct asked *asked, const char *name, const bson_t *data)
{
    // Without listeners the event still needs a write to ride on: the plugin's own counter.
    size_t listeners = kj_hook_listeners(asked->engine, name);
    struct kj_store_request *request =
        kj_store_request(listeners + 1, asked->workspace, on_event_stored, asked);
    size_t count = put_hook_jobs(asked, name, data, request);
    char key[128];
    bson_t *one = bson_new(), *events = bson_new();
    struct kj_doc_list list = {events};
    snprintf(key, sizeof key, "emitted:%s", asked->instance);
    kj_doc_put_int(one, "count", 1);
    kj_event_add(&list, name, data);
    request->ops[count].verb = KJ_STORE_INCREMENT;
    request->ops[count].coll = KJ_COUNTERS;
    request->ops[count].key = kj_store_keep_text(request, key);
    kj_store_own_doc(request, count, one);
    kj_store_own_events(request, count, events);
    kj_store_submit(asked->engine->store, request);
}

static void emit(struct asked *asked)
{
    const char *name = kj_doc_text(asked->request, "name", "");
    bson_t data, empty = BSON_INITIALIZER;
    if (!kj_doc_child(asked->request, "data", &data))
        bson_init_static(&data, bson_get_data(&empty), empty.len);
    struct kj_engine *engine = asked->engine;
    if (strcmp(name, "telephony.progress") == 0)
        kj_report_take(engine, asked->workspace, &data, on_answered, asked);
    else if (strcmp(name, "message.status") == 0)
        kj_message_status(engine, asked->workspace, &data, on_answered, asked);
    else if (strcmp(name, "message.received") == 0)
        kj_message_received(engine, asked->workspace, &data, on_answered, asked);
    else
        store_event(asked, name, &data);
    bson_destroy(&empty);
}

// --- state: documents of a plugin's own, with revisions ---

enum { k_state_key = 256 };

// False when the key is missing or too long: cut off, it could be another one's.
static bool state_key(const struct asked *asked, char key[k_state_key])
{
    const char *given = kj_doc_text(asked->request, "key", "");
    return given[0] &&
           snprintf(key, k_state_key, "%s:%s", asked->instance, given) < (int)k_state_key;
}

static void refuse_key(struct asked *asked)
{
    answer(asked, KJ_EINVAL, NULL, "the key is missing or longer than 180 bytes");
}

static void on_state_read(struct kj_store_request *request)
{
    struct asked *asked = request->arg;
    struct kj_store_op *op = &request->ops[0];
    bson_t result = BSON_INITIALIZER;
    if (op->status == KJ_OK && op->n_docs) {
        kj_doc_put_from(&result, "value", op->docs[0], "value");
        kj_doc_put_from(&result, "revision", op->docs[0], "version");
    } else
        kj_doc_put_int(&result, "revision", 0);
    answer(asked, op->status == KJ_ENOTFOUND ? KJ_OK : op->status, &result,
           "the state could not be read");
    bson_destroy(&result);
}

static void state_get(struct asked *asked)
{
    char key[k_state_key];
    if (!state_key(asked, key)) {
        refuse_key(asked);
        return;
    }
    kj_store_get(asked->engine->store, asked->workspace, KJ_PLUGIN_STATE, 0, key, on_state_read,
                 asked);
}

// A given revision must be the present one (0 = must not exist); none given = last writer wins.
static int put_state(void *arg, const bson_t *doc, bson_t **next, bson_t **events)
{
    struct asked *asked = arg;
    (void)events;
    int64_t given = kj_doc_int(asked->request, "revision", -1);
    int64_t present = doc ? kj_doc_int(doc, "version", 0) : 0;
    if (given >= 0 && given != present)
        return KJ_ECONFLICT;
    char key[k_state_key];
    bson_t changes = BSON_INITIALIZER;
    (void)state_key(asked, key); // looked at before
    kj_doc_put_text(&changes, "key", key);
    kj_doc_put_from(&changes, "value", asked->request, "value");
    *next = doc ? kj_doc_with(doc, &changes) : bson_copy(&changes);
    bson_destroy(&changes);
    return KJ_OK;
}

static void on_state_put(void *arg, int status, const bson_t *doc)
{
    bson_t result = BSON_INITIALIZER;
    if (doc)
        kj_doc_put_from(&result, "revision", doc, "version");
    answer(arg, status, &result,
           status == KJ_ECONFLICT ? "the revision is not the present one: read it again"
                                  : "the state could not be stored");
    bson_destroy(&result);
}

static void state_put(struct asked *asked)
{
    char key[k_state_key];
    if (!state_key(asked, key)) {
        refuse_key(asked);
        return;
    }
    struct kj_modify modify = {.store = asked->engine->store,
                               .workspace = asked->workspace,
                               .coll = KJ_PLUGIN_STATE,
                               .key = key,
                               .change = put_state,
                               .done = on_state_put,
                               .arg = asked};
    kj_modify(&modify);
}

// --- the others ---

static void submit(struct asked *asked)
{
    kj_intake_job(asked->engine, asked->workspace, asked->request, NULL, on_answered, asked);
}

static void leads(struct asked *asked)
{
    struct kj_fault fault;
    bson_t rows, *parsed = NULL;
    const char *csv = kj_doc_text(asked->request, "csv", NULL);
    if (csv && kj_intake_csv(csv, strlen(csv), &parsed, &fault) != KJ_OK) {
        char why[sizeof fault.place + sizeof fault.text + 4];
        snprintf(why, sizeof why, "%s: %s", fault.place, fault.text);
        answer(asked, fault.code, NULL, why);
        return;
    }
    if (parsed == NULL && !kj_doc_child(asked->request, "rows", &rows)) {
        answer(asked, KJ_EINVAL, NULL, "neither rows nor csv is given");
        return;
    }
    kj_intake_leads(asked->engine, asked->workspace, parsed ? parsed : &rows, asked->request,
                    on_answered, asked);
    kj_doc_clear(&parsed);
}

static void command(struct asked *asked)
{
    struct kj_engine_private *own = asked->engine->own;
    bson_t args, empty = BSON_INITIALIZER;
    bool has = kj_doc_child(asked->request, "args", &args);
    if (own->command == NULL)
        answer(asked, KJ_EUNAVAILABLE, NULL, "there is no control surface");
    else
        own->command(own->command_arg, asked->instance, asked->workspace,
                     kj_doc_text(asked->request, "name", ""), has ? &args : &empty,
                     kj_doc_text(asked->request, "key", NULL), on_answered, asked);
    bson_destroy(&empty);
}

void kj_ports_ask(struct kj_engine *engine, const char *instance, const char *workspace,
                  const char *verb, const bson_t *request, kj_host_reply *reply, void *reply_arg)
{
    static const struct {
        const char *verb;
        void (*run)(struct asked *asked);
    } k_ports[] = {{"emit", emit},       {"submit", submit},       {"leads", leads},
                   {"command", command}, {"state.get", state_get}, {"state.put", state_put}};
    struct asked *asked = new_asked(engine, instance, workspace, request, reply, reply_arg);
    for (size_t i = 0; i < KJ_COUNT(k_ports); i++)
        if (strcmp(k_ports[i].verb, verb) == 0) {
            k_ports[i].run(asked);
            return;
        }
    answer(asked, KJ_ENOTFOUND, NULL, "the host has no such verb");
}
