// The store: asynchronous, small, the same for SQLite and MongoDB.
//
// A request is an array of operations, each on ONE document, and only that is atomic: both stores
// can promise it and the engine needs no more. The operations of a request run in order, each with
// a result of its own; a failed one does not stop the others. Writes are conditional (version) and
// the only truth is their result: on KJ_ECONFLICT read again and judge again. Every acknowledgement
// is durable. Events given with a write become visible with it or not at all.
//
// Every document has `_id` (int64, never given twice, also not after a delete), `version` (int64,
// counts up from 1 with each write, set by the store), `workspace` (text, set by the store from the
// request; it is also added to every filter). An insert across workspaces takes the document's own.
//
// Operations run in the order of submission: a find submitted after an insert sees it, unless it
// says `stale_ok`. Requests finish in that order too (those with `stale_ok` in one of their own).
//
// MongoDB differs where it must. Requests submitted together that touch different documents may be
// carried out in any order, which only a crash can show; the operations of one request never.
// KJ_EUNAVAILABLE does not say that nothing was written: read again and judge again, as after
// KJ_ECONFLICT. With over 50,000 operations queued a request gets it at once, before its turn. The
// ids of several hosts interleave, and a crash skips some. Field names inside documents that begin
// with $ need MongoDB 5.
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
    KJ_STORE_INSERT,    // doc (with or without _id: then one is allocated) -> id; KJ_EEXISTS, then
                        // new_id is the document that has the key
    KJ_STORE_REPLACE,   // id, version, doc: replaces the whole document if the version still
                        // matches -> version; KJ_ECONFLICT, KJ_ENOTFOUND, KJ_EEXISTS (new_id of
                        // the owner). _id and workspace stay what they are
    KJ_STORE_INCREMENT, // id or key, doc {path: delta}: commutative -> docs[0], as it is now. A
                        // key that is absent is inserted {key, set_on_insert…}; an id is not
    KJ_STORE_DELETE,    // id or key, version (0 = any)
    KJ_STORE_FIND,      // filter, sort, limit -> docs
    KJ_STORE_COUNT,     // filter -> count
    KJ_STORE_CLAIM,     // jobs only: see below -> docs (already updated), next_due
    // Only for moving a whole store:
    KJ_STORE_PUT,  // doc with its _id, version and workspace: stored as it is, also over an older
                   // one
    KJ_STORE_NEXT, // id: no id up to it is given any more (0 = only ask) -> new_id: the next one
    KJ_STORE_VERB_COUNT
};

// `key` of GET, INCREMENT and DELETE is the text of the collection's unique field: "phone_number"
// of leads, "key" of all others (numbers: the E.164 form; messages: the provider's id …). It is
// unique within a workspace; a document may be without. Across workspaces ("") a key means the
// document of the workspace that sorts first, so "" itself before all; for INCREMENT it means ""
// alone.
//
// Fields to filter and sort by are declared in collections.c, besides _id and workspace. Filters
// are {field: value, …}, value being plain or {"$lt","$lte","$gt","$gte","$ne","$in":
// […],"$prefix"}; null is "absent". Anything else is KJ_EINVAL and request.fault names field and
// collection. A claim takes waiting jobs with due <= now, by priority (highest first), due and _id,
// sets state "running", host, token + 1, updated_at = now, and tells the earliest due that is left.
struct kj_store_op {
    enum kj_store_verb verb;
    enum kj_coll coll;
    int64_t id;
    const char *key;
    int64_t version;
    const bson_t *doc;           // insert, replace, increment; borrowed until done
    const bson_t *set_on_insert; // increment: further fields when it inserts
    const bson_t *filter;        // find, count
    const char *sort;            // declared field, "-field" descending; NULL = _id
    int64_t limit, skip;         // limit 0 = 100, at most 100,000; claim: most jobs to take
    bool stale_ok;               // get, find, count: may run beside the writes and miss the newest
                                 // (long lists, exports, statistics); only if all of a request do
    const char *const *kinds;    // claim: NULL-terminated list of job kinds with room, NULL = all
    const char *host;            // claim: who claims (lease owner)
    int64_t now;                 // claim: wall ms: jobs with due <= now
    // An array of {name, data{}, workspace?} that becomes visible with the write (numbered, stamped
    // by the store; workspace is that of the document unless the request is across workspaces).
    const bson_t *events;

    // Results, set before `done`; documents live until the request is released.
    int status;
    int64_t new_id, new_version, count, next_due; // next_due: earliest waiting job, or INT64_MAX
    bson_t **docs;
    size_t n_docs;
};

// What a request frees with itself; the first few stand in it.
struct kj_store_kept {
    struct kj_store_kept *next;
    bson_t *doc;
    char *text;
};

// Made by kj_store_request, filled by the caller, handed over by kj_store_submit; comes back
// through `done`, never from inside submit, and is freed after it returns (results with it: copy,
// or steal with kj_store_steal, what must live on).
struct kj_store_request {
    struct kj_store_op *ops;
    size_t n_ops;
    char workspace[64]; // "" = across workspaces (queue, recovery)
    void (*done)(struct kj_store_request *request);
    void *arg;
    // The store's own:
    struct kj_task task;
    struct kj_store_request *next;
    int64_t at;                          // wall ms of submission, stamps its events
    struct kj_store_kept near[4], *kept; // see kj_store_keep_take
    size_t n_near;
    bool refused; // the workspace's name is too long

    struct kj_fault fault; // why the whole group failed (disk full, read-only …: then every op has
                           // that status and nothing was written), or why an op is KJ_EINVAL
};

// Records of collection `idempotency` are dropped when they are older.
#define KJ_IDEMPOTENCY_KEPT_MS INT64_C(86400000)

enum { KJ_EVENT_STREAM_BITS = 40 }; // of an event's number; those above tell whose stream it is

struct kj_store;

struct kj_store_config {
    const char *path;          // SQLite file, or ":memory:"
    const char *host;          // this host's name, in events
    int64_t (*now)(void *arg); // wall ms for stamps, called on the loop thread
    void *now_arg;
    bool volatile_data;  // no flush: for simulated runs that can be repeated
    bool simulated;      // events carry simulated: true
    int64_t events_kept; // the newest so many; 0 = 1,000,000
    int64_t jobs_kept;   // the same of ended jobs that belong to no lead and no campaign
    // MongoDB, in the place of path and volatile_data:
    const char *uri;      // mongodb://…; with its password: told to nobody
    const char *database; // NULL = the one the uri names, else "kejue"
    bool allow_unsafe;    // a server that is no member of a replica set will do
    bool look_only;       // only see whether it could be used: nothing is written, nor may be asked
};

// What a store is made of; both implementations pass tests/contract/store. All on the loop thread.
struct kj_store_class {
    const char *name;
    void (*submit)(struct kj_store *store, struct kj_store_request *request);
    void (*destroy)(struct kj_store *store);                 // waits for what was submitted
    void (*adopt)(struct kj_store *store, const char *host); // NULL: it needs none
};

struct kj_store {
    const struct kj_store_class *class;
    struct kj_loop *loop;
    // Set by the implementation: other hosts may work on the same data meanwhile; then each numbers
    // its events from a multiple of 2^40 of its own: ours begin behind first_event.
    bool shared;
    int64_t first_event;
    // Set by the application: called on the loop thread, in order, once an event is durable.
    // {_id: number, name, at, workspace, host, simulated?, data{}}
    void (*on_event)(void *arg, const bson_t *event);
    void *on_event_arg;
    size_t pending; // see kj_store_pending
};

// Opens or creates the file, or says in the fault what is wrong with it: not a database, damaged,
// of another program, of a newer Kejue, read-only, or in use (naming the process). With a virtual
// clock everything runs inline, one transaction each time the loop settles. Destroy comes after the
// loop's last turn and calls what `done` is still open.
int kj_sqlite_create(struct kj_loop *loop, const struct kj_store_config *config,
                     struct kj_store **store, struct kj_fault *fault) KJ_MUST_USE;
// Connects, or says in the fault what is wrong: the address, the user, a server that is no primary
// of a replica set (unless allow_unsafe), a newer format. Makes what is missing of indexes. With a
// virtual clock time stands while the database works.
int kj_mongo_create(struct kj_loop *loop, const struct kj_store_config *config,
                    struct kj_store **store, struct kj_fault *fault) KJ_MUST_USE;
// For simulated runs that nothing outlives: in this process's memory, with a virtual clock alone.
int kj_memory_create(struct kj_loop *loop, const struct kj_store_config *config,
                     struct kj_store **store, struct kj_fault *fault) KJ_MUST_USE;
void kj_store_destroy(struct kj_store *store);

struct kj_store_request *kj_store_request(size_t n_ops, const char *workspace,
                                          void (*done)(struct kj_store_request *request),
                                          void *arg);
// Gives op `i` a document that the request destroys with itself.
void kj_store_own_doc(struct kj_store_request *request, size_t i, bson_t *doc_take);
void kj_store_own_filter(struct kj_store_request *request, size_t i, bson_t *filter_take);
void kj_store_own_events(struct kj_store_request *request, size_t i, bson_t *events_take);
void kj_store_submit(struct kj_store *store, struct kj_store_request *request);
// A request that shall not be submitted after all.
void kj_store_discard(struct kj_store_request *request);
// Gives the request what its ops borrow, to be freed with it; returns it for the op's field.
const bson_t *kj_store_keep_take(struct kj_store_request *request, bson_t *doc);
const char *kj_store_keep_text(struct kj_store_request *request, const char *text); // a copy
// The document that op `i` has written, when the request owns it: now the caller's to change and to
// destroy. For `done`; NULL when it is not the request's.
bson_t *kj_store_take_doc(struct kj_store_request *request, size_t i);
// Result document `i`, now the caller's to destroy; NULL when there is none.
bson_t *kj_store_steal(struct kj_store_op *op, size_t i);
// Requests submitted and not yet done: for those who shed load above.
size_t kj_store_pending(const struct kj_store *store);

// Another host has ended: events of writes that it came not to tell of are made visible by us, in
// its stream, with the next requests; on_event does not tell of them. May be said again.
void kj_store_adopt(struct kj_store *store, const char *host);

// Shorthands for one operation.
void kj_store_get(struct kj_store *store, const char *workspace, enum kj_coll coll, int64_t id,
                  const char *key, void (*done)(struct kj_store_request *), void *arg);

const char *kj_coll_name(enum kj_coll coll);
// -1 when unknown.
int kj_coll_from_name(const char *name);

#endif
