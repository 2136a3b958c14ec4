// A host for the unit tests of plugins: the whole host table, one instance, no loop and no network.
//
// Time is virtual and moves only by fake_host_advance / fake_host_run. Nothing calls back from
// inside `ask`, `timer` or `offload`, as in the real host: answers arrive while time is advanced
// (an advance by 0 is enough). One test thread; a wrong use ends the test by a cmocka-free abort.
//
//   struct fake_host *host = fake_host_create(&kejue_plugin, "{\"url\": \"…\"}", 1, 0, error, 256);
//   fake_host_on_ask(host, answer_http, NULL);
//   uint64_t op = fake_host_start(host, "crm.upsert", "{\"phone\": \"+49…\"}");
//   fake_host_run(host, 10000);
//   const struct fake_result *r = fake_host_result(host, op); // r->class_, r->code, r->doc,
//   r->json fake_host_destroy(host);
//
// Answered by the fake itself: host.emit (kept, see fake_host_event), host.state.get / put (kept in
// memory with revisions; a put with a stale revision is KEJUE_CALLER "conflict"). All other verbs
// go to the ask callback; where there is none, or it does not answer, they wait for
// fake_host_answer.
#ifndef FAKE_HOST_H
#define FAKE_HOST_H

#include "kejue_plugin.h"

#include <bson/bson.h>
#include <stdbool.h>

struct fake_host;

// How an operation ended. Lives until fake_host_forget or fake_host_destroy.
struct fake_result {
    enum kejue_class class_;
    int64_t retry_after_ms;
    const char *code, *text; // "" when the plugin gave none
    const bson_t *doc;
    const char *json; // the same, written out
};

// What a plugin asked. `request` is valid until it is answered.
struct fake_ask {
    uint64_t id, op;
    const char *verb;
    const bson_t *request;
    const char *json;
};

// An event that the plugin emitted. Lives until fake_host_forget or fake_host_destroy.
struct fake_event {
    const char *name;
    const bson_t *data;
    const char *json;
    int64_t at; // when, wall milliseconds
};

// Opens an instance with a configuration in JSON (NULL = {}). `wall_ms` 0 = 2026-03-02T10:00:00Z
// (a Monday). NULL when `open` failed; `error` then holds its sentence (may be NULL).
struct fake_host *fake_host_create(const struct kejue_plugin *plugin, const char *config_json,
                                   uint64_t seed, int64_t wall_ms, char *error, size_t error_size);
void fake_host_destroy(struct fake_host *host); // closes the instance; NULL is fine
// For what the table cannot do by a test alone: the table, the handle and the instance.
const struct kejue_host *fake_host_table(const struct fake_host *host);
struct kejue_ctx *fake_host_ctx(struct fake_host *host);
void *fake_host_instance(struct fake_host *host);

// --- operations ---
// Starts a verb; the operation's id. `json` NULL = {}. The idempotency key is "key-ID" unless set.
uint64_t fake_host_start(struct fake_host *host, const char *verb, const char *json);
uint64_t fake_host_start_doc(struct fake_host *host, const char *verb, const char *key,
                             uint32_t attempt, const bson_t *doc);
// An inbound request as a route's verb gets it (signatures are the real host's; nothing is
// checked).
uint64_t fake_host_request(struct fake_host *host, const char *verb, const char *method,
                           const char *path, const char *query_json, const char *headers_json,
                           const void *body, size_t length);
void fake_host_cancel(struct fake_host *host, uint64_t op); // then `canceled` says so
const struct fake_result *fake_host_result(const struct fake_host *host, uint64_t op); // or NULL
size_t fake_host_open_count(const struct fake_host *host);       // operations not finished
size_t fake_host_refused_finishes(const struct fake_host *host); // second or unknown finishes

// --- what the plugin asks of the host ---
// Called while time is advanced. Answer there, later, or never.
typedef void fake_on_ask(void *arg, struct fake_host *host, const struct fake_ask *ask);
void fake_host_on_ask(struct fake_host *host, fake_on_ask *on_ask, void *arg);
// `json` NULL = empty. `code` and `text` may be NULL. The plugin's callback runs at the next
// advance.
void fake_host_answer(struct fake_host *host, uint64_t ask, enum kejue_class class_,
                      const char *code, const char *text, const char *json);
const struct fake_ask *fake_host_pending(const struct fake_host *host, size_t index); // or NULL
size_t fake_host_asked(const struct fake_host *host, const char *verb); // times, since create
size_t fake_host_event_count(const struct fake_host *host);
const struct fake_event *fake_host_event(const struct fake_host *host, size_t index);
// The class with which coming host.emit are answered (default KEJUE_OK; others are not kept).
void fake_host_emit_class(struct fake_host *host, enum kejue_class class_);
// What host.state keeps under a key, as {"value": …}; NULL when absent.
const char *fake_host_state(struct fake_host *host, const char *key);

// --- time ---
int64_t fake_host_now(const struct fake_host *host);
// Fires what is due in order, then stands at now + ms.
void fake_host_advance(struct fake_host *host, int64_t ms);
// Jumps from timer to timer until nothing is due within limit_ms; returns the milliseconds passed.
int64_t fake_host_run(struct fake_host *host, int64_t limit_ms);
size_t fake_host_timer_count(const struct fake_host *host);

// --- the rest ---
const char *fake_host_last_log(const struct fake_host *host);            // "" when none
double fake_host_metric(const struct fake_host *host, const char *name); // sum of what was added
bool fake_host_healthy(const struct fake_host *host);
void fake_host_forget(struct fake_host *host); // drops results and events kept so far

// Parses JSON or aborts: for tests' own documents. The caller destroys it.
bson_t *fake_json(const char *json);

#endif
