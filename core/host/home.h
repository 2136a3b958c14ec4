// The inside of the plugin host: what its files share and nobody else sees.
//
// A plugin instance is a `struct kejue_ctx` (the plugin holds it as an opaque handle). Whatever
// happens later (start an operation, deliver its end, answer an ask) is an item on one agenda that
// one posted task works off, so that no callback ever runs inside another one. Loop thread only.
#ifndef KJ_HOME_H
#define KJ_HOME_H

#include "base/map.h"
#include "doc/schema.h"
#include "host/host.h"
#include "host/plugin_file.h"
#include "loop/op.h"
#include "loop/pool.h"

#include <pthread.h>

enum {
    KJ_HOST_MAX_OPS = 65536,
    KJ_HOST_MAX_WAITING = 4096, // a verb
    KJ_HOST_MAX_TIMERS = 65536, // an instance
    KJ_HOST_MAX_ASKS = 16384,   // an instance
    KJ_HOST_MAX_DEPTH = 4,      // plugin asks plugin asks plugin …
    KJ_HOST_GRACE_MS = 5000,    // from cancel to the forced end
    KJ_HOST_TIMEOUT_MS = 30000,
    KJ_HOST_WATCHDOG_MS = 100,
    KJ_HOST_MAX_DOC = 16 * 1024 * 1024,
};

struct kj_item {
    struct kj_item *next;
    void (*run)(struct kj_item *item);
};

// An outcome that outlives the call that brought it.
struct kj_verdict {
    enum kejue_class class;
    int64_t retry_after_ms;
    char code[64], text[320];
    bson_t *doc; // may be NULL
};

struct kj_secret {
    char *key; // dotted path in the configuration
    char *value;
    size_t length;
    struct kj_secret *next;
};

struct kj_egress {
    char *scheme, *host, *port, *path;
    bool private;
    struct kj_egress *next;
};

// Pausing after repeated credential or account outcomes (plugin_pause.c).
struct kj_pause {
    int in_a_row;
    int64_t wait_ms; // the present length; doubles
    int64_t until;   // mono ms; 0 = not paused
    bool probing;
    char text[160];
};

struct kj_call;

struct kj_verb {
    const struct kejue_verb *decl;
    const struct kj_schema *request, *response; // NULL = any
    struct kj_schema *own_request, *own_response;
    uint32_t open, max_open; // handed to the plugin; at most
    struct kj_call *first, *last;
    size_t waiting;
};

struct kj_schedule {
    struct kejue_ctx *ctx;
    const struct kejue_schedule *decl;
    int64_t interval_ms;
    struct kj_timer timer;
    uint64_t op; // the running one, or 0
};

enum kj_ctx_state { KJ_CTX_OPENING, KJ_CTX_RUNNING, KJ_CTX_DRAINING, KJ_CTX_CLOSING };

struct kj_ask;
struct kj_plugin_timer;
struct kj_plugin_work;

struct kejue_ctx {
    struct kj_host *host;
    struct kejue_ctx *next;
    char *name;
    struct kj_plugin_file *file;
    const struct kejue_plugin *decl;
    void *instance;
    enum kj_ctx_state state;
    bson_t *config; // as the plugin sees it: secrets are their own names, defaults filled in
    struct kj_schema *config_schema;
    struct kj_secret *secrets;
    struct kj_egress *egress;
    struct kj_verb *verbs;
    size_t verb_count;
    struct kj_schedule *schedules;
    size_t schedule_count;
    struct kj_ask *asks; // not answered yet
    size_t ask_count;
    size_t timer_count;
    size_t works; // running or queued
    struct kejue_builder *builders;
    struct kj_map metrics; // name -> double *
    bool unhealthy;
    char health[160];
    struct kj_pause pause;
    // counters
    int64_t calls, failures, refused_finishes, timeouts, bad_responses, blocked;
    int64_t blocked_ms_max;
    char blocked_in[64]; // the verb of that maximum
};

enum kj_call_state {
    KJ_CALL_WAITING, // in its verb's queue
    KJ_CALL_READY,   // on the agenda, its place at the verb is taken
    KJ_CALL_STARTED, // with the plugin
    KJ_CALL_ENDED,   // on the agenda, to be delivered
};

// One operation.
struct kj_call {
    struct kj_item item;             // first: the agenda's items are cast back
    struct kj_call *next, *previous; // all open calls of the host
    struct kj_call *before, *behind; // in the verb's queue
    struct kejue_ctx *ctx;
    struct kj_verb *verb;
    enum kj_call_state state;
    uint64_t op;
    kj_host_done *done;
    void *arg;
    char *workspace, *key;
    bson_t *request;
    int64_t deadline_ms; // wall
    uint32_t attempt;
    int depth;
    bool inbound; // a webhook: its outcomes never pause the instance
    bool was_started, canceled, on_agenda;
    struct kj_timer grace;
    struct kj_verdict verdict;
};

struct kj_ask {
    struct kj_item item; // first
    struct kj_ask *next, *previous;
    struct kejue_ctx *ctx; // NULL: the instance is gone, the answer is dropped
    uint64_t op;
    kejue_answer *answer;
    void *arg;
    char *verb;
    uint64_t fetch; // an HTTP exchange under way, or 0
    uint64_t call;  // another plugin's operation under way, or 0
    bool pending;   // somebody outside will call back once and holds this pointer until then
    bool answered;
    struct kj_verdict verdict;
};

struct kj_host {
    struct kj_task pump; // first; works off the agenda
    bool pump_posted;
    struct kj_loop *loop;
    struct kj_fetcher *fetcher;
    struct kj_host_ports ports;
    char *plugin_dir, *secret_dir;
    uint64_t seed;
    int64_t watchdog_ms;
    pthread_t thread;
    struct kj_ops *ops;
    struct kj_pool *pool; // made when first needed
    struct kejue_ctx *instances;
    struct kj_call *calls;        // open
    struct kj_item *first, *last; // the agenda
    struct kejue_ctx *inside;     // whose code is running now
    const char *inside_verb;
    pthread_mutex_t builders_lock;   // offloaded work builds documents, too
    struct kj_plugin_timer **timers; // slots, reused with a new generation
    size_t timer_slots, timer_size;
    struct kj_plugin_timer *free_timers;
    bool draining, closing, allow_money;
};

// --- agenda (host_agenda.c) ---
void kj_host_later(struct kj_host *host, struct kj_item *item);
void kj_host_pump(struct kj_task *task);
void kj_host_work_off(struct kj_host *host); // at destroy: until nothing is left, bounded

// --- verdicts (host_verdict.c) ---
void kj_verdict_set(struct kj_verdict *verdict, enum kejue_class class, const char *code,
                    const char *format, ...) KJ_PRINTF(4, 5);
void kj_verdict_copy(struct kj_verdict *verdict, const struct kejue_outcome *outcome);
void kj_verdict_outcome(const struct kj_verdict *verdict, struct kejue_outcome *outcome);
void kj_verdict_fini(struct kj_verdict *verdict);
struct kejue_doc kj_doc_lend(const bson_t *doc); // NULL = empty
// False when the bytes are no document; an empty one is an empty document. Cheap: no deep check.
bool kj_doc_borrow(struct kejue_doc bytes, bson_t *view);
// A checked copy (structure and UTF-8, at most KJ_HOST_MAX_DOC), or NULL.
bson_t *kj_doc_accept(struct kejue_doc bytes);

// --- entering plugin code (host_guard.c) ---
struct kj_guard {
    struct kejue_ctx *ctx, *outer;
    const char *verb, *outer_verb, *entry;
    int64_t began_ns;
};
void kj_guard_enter(struct kj_guard *guard, struct kejue_ctx *ctx, const char *entry,
                    const char *verb);
void kj_guard_leave(struct kj_guard *guard);
// The verb whose code is running; NULL when none is, or on another thread.
const char *kj_guard_verb(const struct kejue_ctx *ctx);
// True on the loop thread; else logs what was called from where, and false.
bool kj_guard_thread(const struct kejue_ctx *ctx, const char *function);

// --- operations (host_call.c) ---
struct kj_verb *kj_host_find_verb(const struct kj_host *host, const char *instance,
                                  const char *verb, struct kejue_ctx **ctx, struct kj_fault *fault);
struct kj_call_extra {
    int depth;
    bool inbound;
};
uint64_t kj_host_begin(struct kj_host *host, const struct kj_host_call *call,
                       const struct kj_call_extra *extra, kj_host_done *done, void *arg,
                       struct kj_fault *fault);
struct kj_call *kj_host_call_of(const struct kejue_ctx *ctx, uint64_t op); // open and its own
int kj_host_finish(struct kejue_ctx *ctx, uint64_t op, const struct kejue_outcome *outcome,
                   struct kejue_doc doc);
void kj_host_end_all(struct kj_host *host);

// --- asks (table_ask.c) ---
void kj_host_ask(struct kejue_ctx *ctx, uint64_t op, const char *verb, struct kejue_doc doc,
                 kejue_answer *answer, void *arg);
void kj_ask_end(struct kj_ask *ask); // verdict is set; the answer follows on the agenda
void kj_ask_fail(struct kj_ask *ask, enum kejue_class class, const char *code, const char *format,
                 ...) KJ_PRINTF(4, 5);
// The outside holder is back: true when the answer is still wanted (else `ask` may be gone).
bool kj_ask_returned(struct kj_ask *ask);
void kj_asks_cancel(struct kejue_ctx *ctx, uint64_t op); // op 0: every one of the instance
void kj_asks_drop(struct kejue_ctx *ctx);                // without answers (open has failed)
const char *kj_ask_workspace(const struct kj_ask *ask);

// --- what asks reach (host_http.c, host_http_answer.c, host_folder.c) ---
void kj_host_http(struct kj_ask *ask, const bson_t *request);
void kj_host_http_answer(struct kj_ask *ask, const struct kj_fetch_response *response);
void kj_host_folder(struct kj_ask *ask, const bson_t *request, bool list);

// --- configuration, secrets, egress (plugin_config.c, plugin_secret.c, plugin_egress.c) ---
struct kj_place {
    kj_host_locate *locate; // may be NULL
    void *arg;
};
int kj_plugin_configure(struct kejue_ctx *ctx, const bson_t *config, const struct kj_place *place,
                        struct kj_fault *fault) KJ_MUST_USE;
// The pointer as a place in the configuration.
void kj_place_at(const struct kj_place *place, const char *pointer, char *text, size_t size);
int kj_secret_load(struct kejue_ctx *ctx, const char *key, const bson_iter_t *value,
                   const char *where, struct kj_fault *fault) KJ_MUST_USE;
const struct kj_secret *kj_secret_get(const struct kejue_ctx *ctx, const char *key);
void kj_secrets_fini(struct kejue_ctx *ctx);
int kj_hmac_hex(const struct kj_secret *secret, const void *bytes, size_t length, char hex[65]);
int kj_egress_configure(struct kejue_ctx *ctx, const struct kj_place *place,
                        struct kj_fault *fault) KJ_MUST_USE;
void kj_egress_fini(struct kejue_ctx *ctx);
// The row that lets this URL out, or NULL with the reason in `why`.
const struct kj_egress *kj_egress_find(const struct kejue_ctx *ctx, const char *url, char *why,
                                       size_t size);

// --- pausing (plugin_pause.c) ---
// 0, or KJ_EUNAVAILABLE with the reason and the time left. Takes the probe when it is due.
int kj_pause_check(struct kejue_ctx *ctx, struct kj_fault *fault) KJ_MUST_USE;
void kj_pause_note(struct kejue_ctx *ctx, const struct kj_verdict *verdict);

// --- services (plugin_timer.c, table_build.c, plugin_schedule.c) ---
uint64_t kj_plugin_timer_start(struct kejue_ctx *ctx, int64_t delay_ms, void (*fire)(void *arg),
                               void *arg);
void kj_plugin_timer_stop(struct kejue_ctx *ctx, uint64_t id);
void kj_plugin_timers_stop(struct kejue_ctx *ctx);
void kj_plugin_timers_fini(struct kj_host *host);
int kj_plugin_offload(struct kejue_ctx *ctx, void (*work)(void *arg), void (*done)(void *arg),
                      void *arg);
int kj_host_pool(struct kj_host *host, struct kj_pool **pool) KJ_MUST_USE;
void kj_builders_fini(struct kejue_ctx *ctx);
void kj_schedules_init(struct kejue_ctx *ctx);
void kj_schedules_stop(struct kejue_ctx *ctx);

// --- the table (host_table.c) ---
extern const struct kejue_host kj_host_table;

#endif
