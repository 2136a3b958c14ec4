/* The plugin boundary of Kejue: the only header a plugin sees. Plain C, no library types.
 *
 * A plugin is a shared object that exports ONE data symbol, `kejue_plugin`. It says in data what
 * the plugin offers (verbs, routes, schedules, events) and names its entry points. The host reads
 * size and version before it calls anything. (Constructors of the shared object run when it is
 * loaded: have none.) No mutable globals: `open` makes an instance for each configuration section.
 *
 * Documents are BSON bytes with a length, borrowed until the call returns, both ways. The host
 * table has readers and a builder, so a plugin needs no library.
 *
 * An operation is a 64-bit id. The host starts it, the plugin ends it with `finish`, once; a second
 * finish is refused and harmless. Deadlines, retries, pacing, credentials, webhook verification and
 * persistent state belong to the host. All entry points and callbacks run on the host's loop thread
 * and must not block: a watchdog names who does. Blocking work goes through `offload`; in there
 * only log, random, mac, is_secret, the readers and the builder may be used, nothing else of the
 * host.
 *
 * Compatibility: fields are only ever appended; `size` tells how far a side can read. The host
 * refuses another major, and a newer minor than its own.
 */
#ifndef KEJUE_PLUGIN_H
#define KEJUE_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KEJUE_ABI_MAJOR 1
#define KEJUE_ABI_MINOR 0

/* BSON bytes; NULL bytes = the empty document. */
struct kejue_doc {
    const uint8_t *bytes;
    size_t length;
};

/* How an operation ended: five classes that decide about a retry, and success. */
enum kejue_class {
    KEJUE_OK = 0,
    KEJUE_NOT_PROCESSED = 1, /* surely did not happen: retry after a wait is safe */
    KEJUE_UNKNOWN = 2,       /* may have happened: look up, or retry only if idempotent */
    KEJUE_CALLER = 3,        /* the request is wrong: never retry */
    KEJUE_CREDENTIAL = 4,    /* token or permission: pause the instance */
    KEJUE_ACCOUNT = 5,       /* quota, payment, policy: pause the instance or campaign */
    KEJUE_CANCELED = 6,
};

struct kejue_outcome {
    enum kejue_class class_; /* named with _ for C++ */
    int64_t retry_after_ms;  /* 0 = the host decides */
    const char *code;        /* the vendor's own code, or NULL */
    const char *text;        /* one sentence for people, or NULL */
};

enum kejue_verb_flags {
    KEJUE_IDEMPOTENT = 1, /* the same request twice does no harm */
    KEJUE_MONEY = 2,      /* each call costs or touches a person */
    KEJUE_LOOKUP = 4,     /* "VERB.lookup" or "NOUN.lookup" tells later what became of a key */
    KEJUE_SIMULATED = 8,  /* reaches nobody: allowed with a virtual clock */
};

/* What the vendor does with the same idempotency key again. */
enum kejue_repeat { KEJUE_REPEAT_NONE, KEJUE_REPEAT_WINDOW, KEJUE_REPEAT_UNIQUE };

/* Schemas are JSON text, or the name of a file under schemas/ ("verbs/whatsapp.send"); NULL = any.
 */
struct kejue_verb {
    const char *name; /* "crm.upsert" */
    const char *request_schema;
    const char *response_schema;
    uint32_t flags;
    enum kejue_repeat repeat;
    int64_t repeat_window_ms;
    int64_t timeout_ms;      /* 0 = 30 s */
    uint32_t max_concurrent; /* 0 = 64; more wait in the host */
};

/* An inbound HTTP request under /hooks/INSTANCE/PATH becomes an operation of `verb` with
 * {method, path, query{}, headers{}, body (binary)}; its result {status, headers{}, body} is the
 * answer. scheme: "none", "plugin" (the plugin verifies), or "hmac-sha256-hex": the host checks
 * `header` (after `prefix`) against HMAC(secret named by configuration key, raw body). */
struct kejue_route {
    const char *method; /* "GET", "POST" */
    const char *path;   /* "/webhook" */
    const char *verb;
    const char *scheme;
    const char *header;
    const char *prefix;     /* "sha256=" or NULL */
    const char *secret_key; /* configuration key that holds the secret */
    size_t body_limit;      /* 0 = 256 KiB */
};

/* A verb started by the host at an interval, by one host of many, also after a restart. */
struct kejue_schedule {
    const char *verb;
    int64_t interval_ms;
    const char *config_key; /* configuration key (milliseconds) that overrides it, or NULL */
};

struct kejue_op_info {
    size_t size;
    const char *verb;
    const char *workspace;
    const char *idempotency_key; /* stable over retries; give it to the vendor */
    int64_t deadline_ms;         /* wall milliseconds */
    uint32_t attempt;            /* 1 = first */
};

struct kejue_ctx; /* the host's handle of an instance */

/* Called once, on the loop, also after cancel. `answer` is valid during the call. */
typedef void kejue_answer(void *arg, const struct kejue_outcome *outcome, struct kejue_doc answer);

enum kejue_log_level { KEJUE_DEBUG, KEJUE_INFO, KEJUE_WARN, KEJUE_ERROR };

struct kejue_builder; /* a document under construction */

struct kejue_host {
    size_t size;
    uint32_t major, minor;

    /* --- ending and reporting --- */
    /* 0, or -1 when the operation is not open any more. doc may be empty. */
    int (*finish)(struct kejue_ctx *ctx, uint64_t op, const struct kejue_outcome *outcome,
                  struct kejue_doc doc);

    /* --- asking the host, or other plugins: one door; never answered inside the call ---
     * op: the operation on whose behalf; 0 = the instance itself (timers, events after the end).
     * After cancel no new http, file or plugin work begins (KEJUE_CANCELED); the storing verbs do.
     *
     * "host.http"       {method, url, query{}, headers{}, timeout_ms, auth{},
     *                   body (text or binary) | json{} or json[] | form{}}
     *                   -> {status, headers{} (lower case), body (text when UTF-8), json}
     *     The outcome carries the class by HTTP status; code is the status. Only addresses below
     *     the URLs that `hosts` names. auth is one or an array of {secret: KEY, scheme}:
     *     "bearer"; "basic" (with user, else the secret is "user:password"); "header" (with
     *     header, prefix); "body" (with path: replaces the text there in json or form).
     * "host.submit"     {kind, key, due, priority, payload{}} -> {id, created}: a durable job
     * "host.leads"      {source, campaign, list, rows[{}] | csv, cursor} -> {accepted, refused[]}
     * "host.command"    {name, args{}}: a command of the control surface, if `uses` names it
     * "host.emit"       {name, data{}}: an event named in `events`; answers when durable
     * "host.state.get"  {key} -> {value, revision}
     * "host.state.put"  {key, value, revision}
     * "host.file.read"  {path} -> {body, size, modified}, only below the folder that the
     * "host.file.list"  {path} -> {names[]}              configuration names as "folder"
     *
     * Others: verbs of other plugins, named in `uses`. */
    void (*ask)(struct kejue_ctx *ctx, uint64_t op, const char *verb, struct kejue_doc doc,
                kejue_answer *answer, void *arg);

    /* --- time and threads --- */
    int64_t (*now)(struct kejue_ctx *ctx); /* wall milliseconds; may be virtual */
    uint64_t (*timer)(struct kejue_ctx *ctx, int64_t delay_ms, void (*fire)(void *arg), void *arg);
    void (*timer_stop)(struct kejue_ctx *ctx, uint64_t timer);
    /* 64 random bits keyed by (run seed, key, number): the same in every run with the same seed. */
    uint64_t (*random)(struct kejue_ctx *ctx, const char *key, uint64_t number);
    /* work on a thread of the host, then done on the loop; -1 when the pool is full. When the host
     * closes before work began, only done is called: initialise arg so that it can tell. */
    int (*offload)(struct kejue_ctx *ctx, void (*work)(void *arg), void (*done)(void *arg),
                   void *arg);

    /* --- small services --- */
    void (*log)(struct kejue_ctx *ctx, enum kejue_log_level level, const char *text);
    void (*metric)(struct kejue_ctx *ctx, const char *name, double add);
    void (*health)(struct kejue_ctx *ctx, int healthy, const char *text);
    int (*canceled)(struct kejue_ctx *ctx, uint64_t op);
    /* HMAC-SHA256 in hex (65 bytes) with the secret under a configuration key; -1 when unknown. */
    int (*mac)(struct kejue_ctx *ctx, const char *secret_key, const void *bytes, size_t length,
               char hex[65]);
    /* Is `text` the secret under a configuration key? Constant time. */
    int (*is_secret)(struct kejue_ctx *ctx, const char *secret_key, const char *text);

    /* --- reading documents by dotted path; pointers live as long as the document --- */
    const char *(*text)(struct kejue_doc doc, const char *path, const char *fallback);
    int64_t (*integer)(struct kejue_doc doc, const char *path, int64_t fallback); /* dates too */
    double (*real)(struct kejue_doc doc, const char *path, double fallback);
    int (*boolean)(struct kejue_doc doc, const char *path, int fallback);
    struct kejue_doc (*bytes)(struct kejue_doc doc, const char *path); /* binary or text */
    struct kejue_doc (*child)(struct kejue_doc doc, const char *path); /* empty when absent */
    int (*has)(struct kejue_doc doc, const char *path);
    /* Calls visit for each member; key is the index in arrays; child is set for documents and
     * arrays, text for strings. Stops when visit returns non-zero, and returns that. */
    int (*each)(struct kejue_doc doc, const char *path,
                int (*visit)(void *arg, const char *key, const char *text, struct kejue_doc child),
                void *arg);
    /* JSON text of a document into a buffer of size bytes, snprintf's contract. */
    size_t (*to_json)(struct kejue_doc doc, char *buffer, size_t size);

    /* --- building documents; begin/end nest: key NULL inside arrays --- */
    struct kejue_builder *(*build)(struct kejue_ctx *ctx);
    void (*put_text)(struct kejue_builder *b, const char *key, const char *value); /* NULL: none */
    void (*put_integer)(struct kejue_builder *b, const char *key, int64_t value);
    void (*put_real)(struct kejue_builder *b, const char *key, double value);
    void (*put_boolean)(struct kejue_builder *b, const char *key, int value);
    void (*put_time)(struct kejue_builder *b, const char *key, int64_t wall_ms);
    void (*put_bytes)(struct kejue_builder *b, const char *key, const void *bytes, size_t length);
    void (*put_doc)(struct kejue_builder *b, const char *key, struct kejue_doc value);
    void (*put_array)(struct kejue_builder *b, const char *key, struct kejue_doc value);
    /* Copies the value at path, whatever its type; nothing when absent. */
    void (*put_from)(struct kejue_builder *b, const char *key, struct kejue_doc from,
                     const char *path);
    int (*put_json)(struct kejue_builder *b, const char *key, const char *json, size_t length);
    void (*begin_doc)(struct kejue_builder *b, const char *key);
    void (*begin_array)(struct kejue_builder *b, const char *key);
    void (*end)(struct kejue_builder *b);
    struct kejue_doc (*built)(struct kejue_builder *b); /* valid until drop */
    void (*drop)(struct kejue_builder *b);
};

struct kejue_plugin {
    size_t size; /* sizeof(struct kejue_plugin) */
    uint32_t major, minor;
    const char *name, *version;
    /* JSON text; defaults of absent keys are filled in. A string field with "writeOnly": true is a
     * secret: the configuration names its file, the plugin gets the key's own name as its value. */
    const char *config_schema;
    const struct kejue_verb *verbs; /* lists end with a row whose first field is NULL */
    const struct kejue_route *routes;
    const struct kejue_schedule *schedules;
    const char *const *events; /* names this plugin may emit */
    const char *const *uses;   /* verbs of others it may ask */
    const char *const *hosts;  /* configuration keys that name reachable URLs: the egress list */

    /* 0, or -1 with a sentence in error (size bytes): then no callback of what it asked or started
     * comes. The host table outlives the instance. */
    int (*open)(const struct kejue_host *host, struct kejue_ctx *ctx, struct kejue_doc config,
                void **instance, char *error, size_t error_size);
    void (*start)(void *instance, uint64_t op, const struct kejue_op_info *info,
                  struct kejue_doc doc);
    /* optional: finish soon, with what is known; KEJUE_CANCELED says that it did not happen. Its
     * open asks are canceled too. After 5 s the host ends it as KEJUE_UNKNOWN. Also called when the
     * deadline has passed; the operation is closed then. */
    void (*cancel)(void *instance, uint64_t op);
    void (*drain)(void *instance); /* optional: no new work will come */
    void (*close)(void *instance); /* no callback comes after it */
};

#if defined(_WIN32)
#define KEJUE_EXPORT
#else
#define KEJUE_EXPORT __attribute__((visibility("default")))
#endif

/* Every plugin defines:  KEJUE_EXPORT const struct kejue_plugin kejue_plugin = { … }; */

#ifdef __cplusplus
}
#endif
#endif
