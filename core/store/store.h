// The store: asynchronous, small, the same for SQLite and MongoDB.
//
// A request is an array of operations, each on ONE document, and only that is atomic: both stores
// can promise it and the engine needs no more. The operations of a request run in order, each with
// a result of its own; a failed one does not stop the others. Writes are conditional (version) and
// the only truth is their result: on KJ_ECONFLICT read again and judge again. Every acknowledgement
// is durable. Events given with a write become visible with it or not at all.
//
// Every document has `_id` (int64), `version` (int64, counts up from 1 with each write, set by the
// store), `workspace` (text, set by the store from the request; it is also added to every filter).
#ifndef KJ_STORE_H
#define KJ_STORE_H

#include "doc/doc.h"
#include "loop/loop.h"

enum kj_coll {
    KJ_JOBS,
    KJ_LEADS,
    KJ_NUMBERS,
    KJ_CALLS,
    KJ_CAMPAIGNS,
    KJ_ASSISTANTS,
    KJ_GROUPS,
    KJ_TEMPLATES,
    KJ_PACKS,
    KJ_WEBHOOKS,
    KJ_MESSAGES,
    KJ_DECISIONS,
    KJ_EVENTS,
    KJ_WORKSPACES,
    KJ_TOKENS,
    KJ_CONVERSATIONS,
    KJ_HOSTS,
    KJ_LIMITS,
    KJ_COUNTERS,
    KJ_IDEMPOTENCY,
    KJ_PLUGIN_STATE,
    KJ_META,
    KJ_COLL_COUNT
};

enum kj_store_verb {
    KJ_STORE_GET,       // id or key -> docs[0]; KJ_ENOTFOUND
    KJ_STORE_INSERT,    // doc (with or without _id: then one is allocated) -> id; KJ_EEXISTS
    KJ_STORE_REPLACE,   // id, version, doc: replaces the whole document if the version still
                        // matches -> version; KJ_ECONFLICT, KJ_ENOTFOUND, KJ_EEXISTS
    KJ_STORE_INCREMENT, // id or key, doc {path: delta}: commutative; inserts {key…} when absent
    KJ_STORE_DELETE,    // id, version (0 = any)
    KJ_STORE_FIND,      // filter, sort, limit -> docs
    KJ_STORE_COUNT,     // filter -> count
    KJ_STORE_CLAIM,     // jobs only: see below -> docs (already updated), next_due
};

// An index declared in collections.c; `key` of GET, INCREMENT and of uniqueness is the text of the
// collection's unique field ("key" in most: numbers by E.164, leads by phone number …).
struct kj_store_op {
    enum kj_store_verb verb;
    enum kj_coll coll;
    int64_t id;
    const char *key;
    int64_t version;
    const bson_t *doc;        // insert, replace, increment; borrowed until done
    const bson_t *filter;     // find, count: {field: value} or {field: {"$lt","$lte","$gt","$gte",
                              // "$in": …}} over declared indexes only; others are KJ_EINVAL
    const char *sort;         // declared index field, "-field" descending; NULL = _id
    int64_t limit, skip;      // limit 0 = 100; claim: most jobs to take
    const char *const *kinds; // claim: NULL-terminated list of job kinds with room, NULL = all
    const char *host;         // claim: who claims (lease owner)
    int64_t now;              // claim: wall ms: jobs with due <= now
    // An array of {name, data{}} that becomes visible with the write (numbered, stamped by the
    // store).
    const bson_t *events;

    // Results, set before `done`; documents live until the request is released.
    int status;
    int64_t new_id, new_version, count, next_due; // next_due: earliest waiting job, or INT64_MAX
    bson_t **docs;
    size_t n_docs;
};

// Made by kj_store_request, filled by the caller, handed over by kj_store_submit; comes back
// through `done` and is freed after it returns (results with it: copy or steal what must live on).
struct kj_store_request {
    struct kj_store_op *ops;
    size_t n_ops;
    char workspace[64]; // "" = across workspaces (queue, recovery)
    void (*done)(struct kj_store_request *request);
    void *arg;
    struct kj_fault fault; // why, when the whole group failed (disk full, read-only …)
    struct kj_task task;   // the store's own
    struct kj_store_request *next;
};

struct kj_store;

struct kj_store_config {
    const char *path;          // SQLite file, or ":memory:"
    const char *host;          // this host's name, in events
    int64_t (*now)(void *arg); // wall ms for stamps, called on the loop thread
    void *now_arg;
    bool volatile_data; // no flush: for simulated runs that can be repeated
};

// What a store is made of; both implementations pass tests/contract/store. All on the loop thread.
struct kj_store_class {
    const char *name;
    void (*submit)(struct kj_store *store, struct kj_store_request *request);
    void (*destroy)(struct kj_store *store); // waits for what was submitted
};

struct kj_store {
    const struct kj_store_class *class;
    struct kj_loop *loop;
    // Set by the application: called on the loop thread, in order, once an event is durable.
    // {_id: number, name, at, workspace, host, simulated?, data{}}
    void (*on_event)(void *arg, const bson_t *event);
    void *on_event_arg;
};

int kj_sqlite_create(struct kj_loop *loop, const struct kj_store_config *config,
                     struct kj_store **store, struct kj_fault *fault) KJ_MUST_USE;
void kj_store_destroy(struct kj_store *store);

struct kj_store_request *kj_store_request(size_t n_ops, const char *workspace,
                                          void (*done)(struct kj_store_request *request),
                                          void *arg);
void kj_store_submit(struct kj_store *store, struct kj_store_request *request);

// Shorthands for one operation.
void kj_store_get(struct kj_store *store, const char *workspace, enum kj_coll coll, int64_t id,
                  const char *key, void (*done)(struct kj_store_request *), void *arg);

const char *kj_coll_name(enum kj_coll coll);
// -1 when unknown.
int kj_coll_from_name(const char *name);

#endif
