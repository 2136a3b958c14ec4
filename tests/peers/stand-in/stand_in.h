// A stand-in for the vendors: it checks what they would check and answers as they answer.
//
// One file for each vendor; main.c carries the HTTP, script.c the planned misfortunes, hooks.c the
// webhooks that go back. A thread for each connection; what they share is behind one lock, which
// the vendors' functions may rely on.
#ifndef STAND_IN_H
#define STAND_IN_H

#include "base/map.h"
#include "doc/doc.h"

#include <pthread.h>
#include <stdio.h>

struct si_rule {
    struct si_rule *next;
    char vendor[16]; // "" = any
    int64_t left;    // requests that it still meets
    int status;      // 0 = the normal answer
    char code[64], message[200];
    int retry_after; // seconds; 0 = none
    int64_t delay_ms;
    enum { SI_ANSWER, SI_DROP_BEFORE, SI_DROP_AFTER } drop; // close the connection
};

struct si_request {
    const char *method, *path, *authorization, *key; // key: Idempotency-Key; may be NULL
    const char *body;
    size_t length;
    bson_t *json; // NULL when the body is no JSON object
};

struct si_answer {
    int status;
    bson_t *json;    // the caller destroys
    int retry_after; // seconds; 0 = none
    bool accepted;   // goes to the log
    char id[700];    // what was made
};

struct si_hooks; // the sender of webhooks, or none

struct stand_in {
    pthread_mutex_t lock;
    FILE *log; // accepted requests, one JSON line each; may be NULL
    struct si_rule *rules;
    bson_t *templates;  // array, or NULL = any template exists
    bson_t *answers;    // array of {contains, text | answer}, or NULL
    struct kj_map seen; // key or callback data -> how often
    int64_t requests, accepted;
    struct si_hooks *hooks;
    char number_id[32]; // that sent last: webhooks of inbound messages name it
};

struct si_vendor {
    const char *name;
    bool (*owns)(const struct si_request *request);
    void (*serve)(struct stand_in *si, const struct si_request *request, struct si_answer *answer);
    void (*fail)(struct si_answer *answer, int status, const char *code, const char *message);
};
extern const struct si_vendor si_whatsapp, si_openai, si_crm;

// How often this text was seen before (0 = never), and counts it.
int64_t si_seen(struct stand_in *si, const char *text);
bool si_bearer(const struct si_request *request); // present, and not "expired"

// --- script.c ---
// A rule {vendor, next, status, code, message, retry_after, delay_ms, drop "before"|"after"}, or an
// array or {rules: []} of them. KJ_EINVAL for a rule that would do nothing.
int si_rules_add(struct stand_in *si, const bson_t *doc, bool is_array, struct kj_fault *fault);
// The rule that meets this request, counted down; a copy. False when there is none.
bool si_rule_take(struct stand_in *si, const char *vendor, struct si_rule *rule);
void si_rules_clear(struct stand_in *si);
// The first value that a JSON Schema allows: what a model without ideas would answer. `key` into
// `out`.
void si_make(bson_t *out, const char *key, const bson_t *schema, const bson_t *root, int depth);

// --- hooks.c ---
struct si_hooks_config {
    const char *url, *secret; // secret: the bytes, borrowed for good
    bool twice, reordered;
    int64_t delay_ms;
};
struct si_hooks *si_hooks_create(const struct si_hooks_config *config);
void si_hooks_destroy(struct si_hooks *hooks); // NULL is fine
void si_hooks_status(struct si_hooks *hooks, const char *number_id, const char *wamid,
                     const char *recipient, const char *job);
// A user writes: {from, text, id?, payload?, user_id?}.
void si_hooks_inbound(struct si_hooks *hooks, const char *number_id, const bson_t *message);

#endif
