// The plugin host: loads plugins, checks them and their configuration, runs their operations.
//
// The in-process home. A verb is addressed by name ("whatsapp.send") and goes to the one instance
// that offers it, or to a named instance. Requests and results are checked against the verb's
// schemas on both sides; deadlines, concurrency and the watchdog are the host's. Loop thread only.
#ifndef KJ_HOST_H
#define KJ_HOST_H

#include "doc/doc.h"
#include "loop/fetch.h"
#include "loop/loop.h"

#include "abi/kejue_plugin.h"

struct kj_host;

// How an asked operation ended. The pointers are valid during the callback only.
struct kj_outcome {
    enum kejue_class class;
    int64_t retry_after_ms;
    const char *code, *text;
};
typedef void kj_host_done(void *arg, const struct kj_outcome *outcome, const bson_t *result);

// What plugins may ask of the floors above ("host.submit", "host.emit", …), wired by app. Each must
// answer exactly once through reply.
typedef void kj_host_reply(void *reply_arg, const struct kj_outcome *outcome, const bson_t *answer);
struct kj_host_ports {
    void *arg;
    // verb: submit, leads, command, emit, state.get, state.put (without the "host." prefix); and
    // http when the host has no fetcher (rehearsal, kejue-plugin test): the plugin's own request
    void (*ask)(void *arg, const char *instance, const char *workspace, const char *verb,
                const bson_t *request, kj_host_reply *reply, void *reply_arg);
};

struct kj_host_config {
    struct kj_loop *loop;
    struct kj_fetcher *fetcher; // NULL: no way out to the network
    struct kj_host_ports ports;
    const char *plugin_dir; // where "telephony" means telephony.so; tried after an absolute path
    const char *secret_dir; // where a secret's relative "@name" is looked up; NULL: refused
    uint64_t seed;          // for the plugins' keyed randomness
    bool allow_money;       // on a virtual clock start money verbs that are not simulated, too
    int64_t watchdog_ms;    // a callback longer than this (real time) is reported; 0 = 100
};

struct kj_host_call {
    const char *instance; // NULL: whoever offers the verb
    const char *verb;
    const char *workspace;
    const char *key;    // idempotency key
    int64_t timeout_ms; // 0 = the verb's own
    uint32_t attempt;
    const bson_t *request;
};

int kj_host_create(const struct kj_host_config *config, struct kj_host **host,
                   struct kj_fault *fault) KJ_MUST_USE;
// Ends every open operation (their `done` runs in here), answers every ask, closes every instance.
// Not from inside a `done`. Ports may still reply to asks they hold.
void kj_host_destroy(struct kj_host *host);

// Loads plugin (name or path of a .so) and opens an instance of it. `locate` (may be NULL) turns a
// JSON Pointer of the configuration into "kejue.conf:12" for the fault's place.
typedef void kj_host_locate(void *arg, const char *pointer, char *place, size_t size);
int kj_host_load(struct kj_host *host, const char *instance, const char *plugin,
                 const bson_t *config, kj_host_locate *locate, void *locate_arg,
                 struct kj_fault *fault) KJ_MUST_USE;

// Starts an operation; `done` comes exactly once, from the loop, never from inside a call to the
// host (kj_host_destroy excepted). `result` is never NULL. 0 and no `done` when refused (fault: no
// such verb, bad request by schema, instance paused or draining).
uint64_t kj_host_start(struct kj_host *host, const struct kj_host_call *call, kj_host_done *done,
                       void *arg, struct kj_fault *fault);
// Asks the plugin to end it; what it says within 5 s counts, silence is KEJUE_UNKNOWN (an operation
// that had not begun is KEJUE_CANCELED at once). Unknown ids are ignored.
void kj_host_cancel(struct kj_host *host, uint64_t op);

// The verb's declaration (flags, repeat, timeout), or NULL; `instance` NULL = whoever offers it.
const struct kejue_verb *kj_host_verb(const struct kj_host *host, const char *instance,
                                      const char *verb);

// An inbound request: path is "INSTANCE/webhook". Verified before the plugin sees it. `done` gets
// {status, headers{}, body}, also when the operation failed (400, 401, 503). KJ_ENOTFOUND,
// KJ_EDENIED (signature), KJ_ELIMIT, KJ_ESCHEMA, KJ_EUNAVAILABLE are answered at once.
int kj_host_webhook(struct kj_host *host, const char *method, const char *path, const bson_t *query,
                    const bson_t *headers, const void *body, size_t length, kj_host_done *done,
                    void *arg, struct kj_fault *fault) KJ_MUST_USE;

void kj_host_start_schedules(struct kj_host *host); // after recovery; timers in memory
// The same as data, for whoever keeps them as durable jobs instead.
void kj_host_each_schedule(const struct kj_host *host,
                           void (*visit)(void *arg, const char *instance, const char *verb,
                                         int64_t interval_ms),
                           void *arg);
// Ends the pause that follows three credential or account outcomes in a row (the operator has
// corrected the token). KJ_ENOTFOUND.
int kj_host_resume(struct kj_host *host, const char *instance);
void kj_host_drain(struct kj_host *host); // no new work
// {plugins: [{instance, plugin, version, state, healthy, text, verbs[], open, waiting, calls,
//  failures, blocked_ms_max, metrics{}, …}]}; caller destroys.
bson_t *kj_host_status(const struct kj_host *host, const char *instance);
// true when every plugin that offers verbs with KEJUE_MONEY offers them KEJUE_SIMULATED.
bool kj_host_all_simulated(const struct kj_host *host, const char *verb_prefix);
// "ok", "not_processed", "unknown", "caller", "credential", "account", "canceled".
const char *kj_class_name(enum kejue_class class);

#endif
