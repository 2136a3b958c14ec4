// One request on its way through dispatch. Private to api/.
#ifndef KJ_REQUEST_H
#define KJ_REQUEST_H

#include "api/command.h"
#include "base/map.h"

struct kj_api {
    struct kj_engine *engine;
    struct kj_loop *loop;
    struct kj_request *requests; // open ones
    struct kj_map commands;      // name -> struct kj_command_entry
    struct kj_map tokens;        // hash -> bson_t, those looked up
    int64_t tokens_since;        // mono ms: none of them was looked up before
    size_t open;
    void (*quiet)(void *arg); // while stopping: nothing is open any more
    void *quiet_arg;
    bool clock_running, checking;
    kj_copy_plan *copy_plan;
    void *copy_plan_arg;
    struct kj_waiter *waiters; // event.since that wait for the next event
    size_t waiter_count;
    uint64_t wakes;          // how often they were woken
    bool stopping;           // nobody waits any more
    bson_t *rehearsal_setup; // NULL: there is no program to rehearse with
    struct kj_rehearsal_op *rehearsals;
    int64_t rehearsal_count; // ever
};

struct kj_command_entry {
    const struct kj_command *command;
    const bson_t *about;             // schemas/commands/NAME.json
    const struct kj_schema *request; // its schema, once it was asked for
    int scope;                       // enum kj_scope
    uint64_t calls, failures;
};

enum kj_scope { KJ_SCOPE_READ, KJ_SCOPE_OPERATE, KJ_SCOPE_ADMIN };

struct kj_request {
    struct kj_api *api;
    struct kj_command_entry *entry;
    bson_t *args;
    char workspace[64];
    char *token, *key; // key: of the idempotency record, NULL = none
    int64_t once_id;   // the idempotency record that it carries out, made at once_at; 0 = none
    int64_t once_at;
    bool trusted, replied;
    kj_answer *answer;
    void *arg;
    struct kj_task task;
    // A deferred answer.
    bson_t *result, *details;
    void *state; // the handler's own
    struct kj_request *next, *previous;
    struct kj_fault fault; // last: but for its code nothing of it is set before there is one
};

extern const struct kj_command kj_commands[]; // commands.c: every command, sorted by name
extern const size_t kj_commands_count;

// token.c: finds who a token is; sets request->workspace. done(status, fault).
void kj_token_check(struct kj_request *request, int scope,
                    void (*done)(struct kj_request *request, const struct kj_fault *fault));
void kj_token_forget(struct kj_api *api); // a token has changed
void kj_token_hash(const char *token, char hex[65]);

// idempotency.c: runs `go` once per key; a repeat is answered from what is stored.
void kj_once_begin(struct kj_request *request, void (*go)(struct kj_request *request));
void kj_once_store(struct kj_request *request, void (*stored)(struct kj_request *request));
// A unique key for what the command inserts, the same when the request is repeated. False, and
// `key` as it was, when the request came without an idempotency key.
bool kj_once_key(const struct kj_request *request, char *key, size_t size);

// Hands the deferred answer to the door and frees the request.
void kj_request_finish(struct kj_request *request);

#endif
