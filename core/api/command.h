// One command surface: a command is one file in api/, carried by every door.
//
// Name, summary, scope, limits, request and response schema stand in schemas/commands/NAME.json:
// {summary, scope: "read"|"operate"|"admin", request{}, response{}, limits{bytes, nodes},
// examples[]}. The C side is a name and a handler. Dispatch checks the token's scope, the request
// against its schema, and the idempotency key, before a handler sees it; a handler answers exactly
// once.
#ifndef KJ_COMMAND_H
#define KJ_COMMAND_H

#include "doc/doc.h"
#include "engine/engine.h"

struct kj_request;

struct kj_command {
    const char *name;
    void (*run)(struct kj_request *request);
};

// What a door hands over. Copied as needed; `answer` comes exactly once, never from inside
// kj_dispatch. result is {…} on success; fault is set otherwise (details: {faults: [{pointer,
// keyword, text}]} for schema errors, or NULL).
typedef void kj_answer(void *arg, const bson_t *result, const struct kj_fault *fault,
                       const bson_t *details);
struct kj_ask {
    const char *command;
    const bson_t *args; // NULL = {}
    const char *token;  // bearer; NULL = none
    bool trusted;       // a local ipc client of our own user: no token asked, workspace default
    const char *idempotency_key; // NULL = none
    kj_answer *answer;
    void *arg;
};

struct kj_api;
int kj_api_create(struct kj_engine *engine, struct kj_api **api,
                  struct kj_fault *fault) KJ_MUST_USE;
void kj_api_destroy(struct kj_api *api);
void kj_dispatch(struct kj_api *api, const struct kj_ask *ask);
void kj_api_check_answers(struct kj_api *api); // tests: an answer off its schema is a fault
// Before the end: whoever waits for an event is answered now, and nobody waits from here on.
void kj_api_drain(struct kj_api *api);
// Calls back once no request is open (at once when none is).
void kj_api_when_quiet(struct kj_api *api, void (*quiet)(void *arg), void *arg);
struct kj_engine *kj_api_engine(struct kj_api *api);
// Who knows how this store is copied into one of another type: puts what store.copy answers.
typedef int kj_copy_plan(void *arg, const char *to, bson_t *result, struct kj_fault *fault);
void kj_api_set_copy_plan(struct kj_api *api, kj_copy_plan *plan, void *arg);
// For campaign.rehearse: {config, scripts_dir, plugin_dir} of this kejued; taken.
void kj_api_set_rehearsal(struct kj_api *api, bson_t *setup_take);
void kj_api_wake_events(struct kj_api *api); // a new event is durable: answers who waits for one

// --- for handlers ---
struct kj_engine *kj_request_engine(struct kj_request *request);
const bson_t *kj_request_args(const struct kj_request *request);
const char *kj_request_workspace(const struct kj_request *request);
void kj_reply(struct kj_request *request, const bson_t *result);
void kj_reply_take(struct kj_request *request, bson_t *result); // destroys it
void kj_reply_fault(struct kj_request *request, const struct kj_fault *fault);
void kj_reply_error(struct kj_request *request, int code, const char *place, const char *hint,
                    const char *format, ...) KJ_PRINTF(5, 6);

#endif
