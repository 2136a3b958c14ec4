// Dispatch: what every door does with a request, in one order: command, token, schema, once,
// handler.
#include "api/request.h"
#include "base/alloc.h"
#include "base/log.h"
#include "doc/schema.h"
#include "engine/valve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { k_open_limit = 20000 };

static int scope_from_name(const char *name)
{
    return strcmp(name, "admin") == 0     ? KJ_SCOPE_ADMIN
           : strcmp(name, "operate") == 0 ? KJ_SCOPE_OPERATE
                                          : KJ_SCOPE_READ;
}

static void request_free(struct kj_request *request)
{
    struct kj_api *api = request->api;
    if (request->previous)
        request->previous->next = request->next;
    else
        api->requests = request->next;
    if (request->next)
        request->next->previous = request->previous;
    api->open--;
    kj_doc_clear(&request->args);
    kj_doc_clear(&request->result);
    kj_doc_clear(&request->details);
    free(request->token);
    free(request->key);
    free(request);
}

int kj_api_create(struct kj_engine *engine, struct kj_api **out, struct kj_fault *fault)
{
    struct kj_api *api = KJ_NEW(struct kj_api);
    api->engine = engine;
    api->loop = engine->loop;
    kj_map_init(&api->commands);
    kj_map_init(&api->tokens);
    for (size_t i = 0; i < kj_commands_count; i++) {
        char name[96];
        snprintf(name, sizeof name, "commands/%s", kj_commands[i].name);
        const bson_t *about = kj_schema_source(name);
        if (about == NULL) {
            kj_api_destroy(api);
            return kj_fault(fault, KJ_EINTERNAL, name, NULL, "this command has no schema file");
        }
        struct kj_command_entry *entry = KJ_NEW(struct kj_command_entry);
        entry->command = &kj_commands[i];
        entry->about = about;
        entry->scope = scope_from_name(kj_doc_text(about, "scope", "admin"));
        kj_map_put(&api->commands, kj_commands[i].name, entry);
    }
    *out = api;
    return KJ_OK;
}

void kj_api_destroy(struct kj_api *api)
{
    const char *name;
    void *entry;
    if (api == NULL)
        return;
    kj_api_drain(api);
    struct kj_fault fault;
    kj_fault(&fault, KJ_EUNAVAILABLE, NULL, "ask again when it is back", "kejued is stopping");
    while (api->requests) { // nobody will carry these out any more
        struct kj_request *request = api->requests;
        kj_loop_unpost(api->loop, &request->task);
        request->answer(request->arg, NULL, &fault, NULL);
        request_free(request);
    }
    for (size_t at = 0; kj_map_next(&api->commands, &at, &name, &entry);)
        free(entry);
    kj_map_fini(&api->commands);
    kj_token_forget(api);
    kj_map_fini(&api->tokens);
    kj_doc_clear(&api->rehearsal_setup);
    free(api);
}

static void tell_quiet(struct kj_api *api)
{
    void (*quiet)(void *arg) = api->quiet;
    if (api->open || quiet == NULL)
        return;
    api->quiet = NULL; // once
    quiet(api->quiet_arg);
}

void kj_api_when_quiet(struct kj_api *api, void (*quiet)(void *arg), void *arg)
{
    api->quiet = quiet;
    api->quiet_arg = arg;
    tell_quiet(api);
}

void kj_api_check_answers(struct kj_api *api)
{
    api->checking = true;
}

struct kj_engine *kj_api_engine(struct kj_api *api)
{
    return api->engine;
}

struct kj_engine *kj_request_engine(struct kj_request *request)
{
    return request->api->engine;
}

const bson_t *kj_request_args(const struct kj_request *request)
{
    return request->args;
}

const char *kj_request_workspace(const struct kj_request *request)
{
    return request->workspace;
}

// --- answering ---

// Under test every answer is held against its schema: the manual must not lie.
static void check_answer(struct kj_request *request)
{
    char name[96];
    struct kj_fault fault;
    snprintf(name, sizeof name, "commands/%s", request->entry->command->name);
    const struct kj_schema *schema = kj_schema_get(name, "response");
    if (schema == NULL || kj_schema_check_fault(schema, request->result, &fault) != KJ_OK)
        kj_fault(&request->fault, KJ_EINTERNAL, name, "correct the handler or the schema",
                 "the answer does not match its schema: %.200s %.200s", schema ? fault.place : "",
                 schema ? fault.text : "it does not compile");
}

void kj_request_finish(struct kj_request *request)
{
    if (request->api->checking && request->entry && request->fault.code == KJ_OK)
        check_answer(request);
    bool failed = request->fault.code != KJ_OK;
    if (request->entry) {
        request->entry->calls++;
        request->entry->failures += failed;
    }
    request->answer(request->arg, failed ? NULL : request->result, failed ? &request->fault : NULL,
                    request->details);
    struct kj_api *api = request->api;
    request_free(request);
    tell_quiet(api);
}

// The door is answered from the loop, never from inside kj_dispatch.
static void on_answer(struct kj_task *task)
{
    struct kj_request *request =
        (struct kj_request *)((char *)task - offsetof(struct kj_request, task));
    if (request->key)
        kj_once_store(request, kj_request_finish);
    else
        kj_request_finish(request);
}

// A handler knows the status that the store gave it; what a person must do, the store has said.
static void use_words_of_store(struct kj_request *request)
{
    const struct kj_fault *refusal = kj_valve_refusal(request->api->engine->store);
    int code = request->fault.code;
    if (refusal && (code == KJ_EUNAVAILABLE || code == KJ_EFULL || code == KJ_EIO))
        request->fault = *refusal;
}

static void answer_soon(struct kj_request *request)
{
    if (request->replied) {
        kj_log(KJ_LOG_ERROR, "api", "a command answered twice", "command",
               request->entry ? request->entry->command->name : "?", NULL);
        return;
    }
    request->replied = true;
    use_words_of_store(request);
    request->task.run = on_answer;
    kj_loop_post(request->api->loop, &request->task);
}

void kj_reply_take(struct kj_request *request, bson_t *result)
{
    request->result = result;
    answer_soon(request);
}

void kj_reply(struct kj_request *request, const bson_t *result)
{
    kj_reply_take(request, result ? bson_copy(result) : bson_new());
}

void kj_reply_fault(struct kj_request *request, const struct kj_fault *fault)
{
    request->fault = *fault;
    answer_soon(request);
}

void kj_reply_error(struct kj_request *request, int code, const char *place, const char *hint,
                    const char *format, ...)
{
    char text[sizeof request->fault.text];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    kj_fault(&request->fault, code, place, hint, "%s", text);
    answer_soon(request);
}

// --- the order ---

static void run(struct kj_request *request)
{
    request->entry->command->run(request);
}

static void put_faults(struct kj_request *request, const struct kj_schema_report *report)
{
    bson_t faults = BSON_INITIALIZER;
    struct kj_doc_list list = {&faults};
    for (size_t i = 0; i < report->count; i++) {
        bson_t one = BSON_INITIALIZER;
        kj_doc_put_text(&one, "pointer", report->faults[i].pointer);
        kj_doc_put_text(&one, "keyword", report->faults[i].keyword);
        kj_doc_put_text(&one, "text", report->faults[i].text);
        kj_doc_put_doc(&faults, kj_doc_next(&list), &one);
        bson_destroy(&one);
    }
    request->details = bson_new();
    kj_doc_put_array(request->details, "faults", &faults);
    bson_destroy(&faults);
}

// Looked up once: finding it by name costs more than most checks.
static const struct kj_schema *request_schema(struct kj_command_entry *entry)
{
    char name[96];
    if (entry->request)
        return entry->request;
    snprintf(name, sizeof name, "commands/%s", entry->command->name);
    return entry->request = kj_schema_get(name, "request");
}

static bool schema_allows(struct kj_request *request)
{
    char hint[160];
    struct kj_schema_report report = {0};
    const char *command = request->entry->command->name;
    const struct kj_schema *schema = request_schema(request->entry);
    if (schema == NULL) {
        kj_reply_error(request, KJ_EINTERNAL, command, NULL, "its request schema does not compile");
        return false;
    }
    if (kj_schema_check(schema, request->args, false, &report) == KJ_OK)
        return true;
    snprintf(hint, sizeof hint, "see command.list name=%s", command);
    put_faults(request, &report);
    kj_reply_error(request, KJ_ESCHEMA, report.count ? report.faults[0].pointer : "", hint,
                   report.count > 1 ? "%s (and %zu more faults)" : "%s",
                   report.count ? report.faults[0].text : "does not match the schema",
                   report.count - 1);
    kj_schema_report_fini(&report);
    return false;
}

static void on_allowed(struct kj_request *request, const struct kj_fault *fault)
{
    if (fault)
        kj_reply_fault(request, fault);
    else if (!schema_allows(request))
        return;
    else if (request->key)
        kj_once_begin(request, run);
    else
        run(request);
}

static void refuse_unknown(struct kj_request *request, const char *name)
{
    const char *names[256], *key, *near;
    size_t count = 0;
    void *value;
    char hint[128];
    for (size_t at = 0; count < 256 && kj_map_next(&request->api->commands, &at, &key, &value);)
        names[count++] = key;
    near = kj_nearest(name, names, count);
    snprintf(hint, sizeof hint, "did you mean %s?", near);
    kj_reply_error(request, KJ_ENOTFOUND, "", near ? hint : "see command.list",
                   "there is no command \"%.64s\"", name);
}

void kj_dispatch(struct kj_api *api, const struct kj_ask *ask)
{
    struct kj_request *request = KJ_NEW_UP_TO(struct kj_request, fault.place);
    request->api = api;
    request->args = ask->args ? bson_copy(ask->args) : bson_new();
    request->token = kj_strdup(ask->token);
    request->trusted = ask->trusted;
    request->answer = ask->answer;
    request->arg = ask->arg;
    kj_copy(request->workspace, sizeof request->workspace, "default");
    request->entry = kj_map_get(&api->commands, ask->command);
    request->next = api->requests;
    if (request->next)
        request->next->previous = request;
    api->requests = request;
    api->open++;
    if (api->open > k_open_limit) {
        kj_reply_error(request, KJ_EUNAVAILABLE, "", "try again in a moment",
                       "too many requests are under way");
        return;
    }
    if (request->entry == NULL) {
        refuse_unknown(request, ask->command);
        return;
    }
    if (ask->idempotency_key && request->entry->scope != KJ_SCOPE_READ)
        request->key = kj_strdup(ask->idempotency_key);
    kj_token_check(request, request->entry->scope, on_allowed);
}
