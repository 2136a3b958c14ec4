// The MongoDB store's parts. Room-private.
//
// mongo.c         the store: intake, lanes, life                          loop thread
// mongo_open.c    connection, topology, format; mongo_index.c: indexes    at open only
// mongo_plan.c    which ops of a group may go together                    lane thread
// mongo_group.c   a group: waves of batches, then their events            lane thread
// mongo_crew.c    the threads that run the batches of a wave side by side
// mongo_try.c     one batch's connection: what may be tried again, the breaker
// mongo_rows.c    conditional writes of many rows, with a sure outcome for each: mongo_judge.c
// mongo_read.c, mongo_write.c, mongo_increment.c, mongo_claim.c, mongo_events.c, mongo_move.c: the
//                 verbs
// mongo_waiting.c events that a crash or an outage left in documents
// mongo_ids.c     numbers, in blocks; mongo_tidy.c: what nobody waits for
//
// A row is {_id, version, workspace, fields{}, doc{}, op, events?[]}: the document as it was given,
// and beside it its declared fields, as SQLite's tables have them in columns. So filters and
// uniqueness mean the same in both stores, and a document comes back byte for byte. `op` is the
// stamp of the last write: whoever does not know how a write ended reads it. `events` are those of
// writes whose copy into the collection of events is not yet known to be there. `past`, of what is
// incremented: {version, op} of its newest writes.
#ifndef KJ_MONGO_H
#define KJ_MONGO_H

#include "base/map.h"
#include "store/collections.h"
#include "store/lane.h"

#include <mongoc/mongoc.h>

enum { KJ_MONGO_FORMAT = 1, KJ_STAMP_SIZE = 32 };

struct kj_mongo_ids { // numbers of one collection that are ours: next..end
    int64_t next, end, block;
};

struct kj_mongo_clear { // a write whose events have been copied
    enum kj_coll coll;
    int64_t id;
    char op[KJ_STAMP_SIZE];
};

struct kj_mongo_lost { // a claim whose outcome nobody has heard
    char op[KJ_STAMP_SIZE];
    int64_t until; // real mono ms: so long the database may still carry it out
};

enum { KJ_MONGO_CLEARS = 64, KJ_MONGO_LOST = 16, KJ_MONGO_PAST = 64 };

struct kj_mongo {
    struct kj_store base;
    char *host, *database, *where; // where: names and ports, for people; never a password
    bool simulated;
    int64_t (*now)(void *arg);
    void *now_arg;
    int64_t events_kept, jobs_kept;
    mongoc_client_pool_t *pool;
    struct kj_lane write, read;
    struct kj_mongo_crew *crew;
    // Loop thread: requests to be told that the queue is full.
    struct kj_request_list refused;
    struct kj_task telling;
    struct kj_external busy; // with a virtual clock: time stands while we work
    struct kj_task idle;

    uv_mutex_t mutex;      // guards the breaker, stop_by, ids and orphans
    uv_cond_t wake;        // of those who pause
    struct kj_map orphans; // names of hosts whose events are to be adopted
    bool broken;
    int64_t broken_until, broken_ms;
    int64_t stop_by; // real mono ms: no new try after it; 0 while we live
    struct kj_mongo_ids ids[KJ_COLL_COUNT];

    // Write lane only.
    int64_t slot, epoch; // of this host, and of this life of it
    uint64_t stamps;
    int64_t next_event, told;
    int64_t inserted[KJ_COLL_COUNT]; // since the last trim (written by the batch that inserts)
    int64_t jobs_from;               // up to this id all jobs were looked at by a trim
    bool behind;                     // events wait in documents: copy them before any other
    // A write with events was given up: until then (real mono ms) it may still be carried out, and
    // is looked for now and then.
    int64_t uneasy_until, next_look;
    struct kj_mongo_clear clears[KJ_MONGO_CLEARS];
    size_t n_clears;
    struct kj_mongo_lost lost[KJ_MONGO_LOST];
    size_t n_lost; // ever; the place of the next one
};

// An op of a group.
struct kj_mongo_item {
    struct kj_store_request *request;
    struct kj_store_op *op;
    uint32_t wave, order;
    bool done;
    char stamp[KJ_STAMP_SIZE];
    char workspace[64]; // of the document that was written: its events carry it
    bool keeps_events;  // in its document
};

// One batch being run, by one thread.
struct kj_mongo_work {
    struct kj_mongo *mongo;
    mongoc_client_t *client;
    int64_t deadline; // real mono ms: no new try after it
    int64_t pause_ms;
    struct kj_fault fault;
};

// A row to be written.
struct kj_mongo_row {
    int64_t id, old_version, version; // old_version 0: a new row
    char workspace[64];
    bool any_workspace; // the row's own workspace may differ from the one guessed here
    bson_t *doc, *fields, *events;
    char op[KJ_STAMP_SIZE];
    bool fresh;         // the id is out of our own block: who finds it stored has stored it
    bool keeps_past;    // see mongo_judge.c
    bool open, doubted; // doubted: a reply was lost
    int status;
    int64_t owner; // KJ_EEXISTS: who has the key or the id
};

// mongo_plan.c: sets the waves; returns the last one.
uint32_t kj_mongo_plan(struct kj_mongo_item *items, size_t count);

// mongo_group.c
void kj_mongo_group(struct kj_lane *lane, struct kj_store_request *first,
                    struct kj_store_op *events);
// Runs items of one collection and verb; they are done then.
void kj_mongo_batch(struct kj_mongo *mongo, struct kj_mongo_item **items, size_t count);

// mongo_crew.c
struct kj_mongo_batches {
    struct kj_mongo_item **items; // sorted
    size_t *ends;                 // of each batch
    size_t count;
};
struct kj_mongo_crew *kj_mongo_crew_create(struct kj_mongo *mongo, int threads);
void kj_mongo_crew_destroy(struct kj_mongo_crew *crew);
// The calling thread helps; back when all are done.
void kj_mongo_crew_run(struct kj_mongo_crew *crew, const struct kj_mongo_batches *batches);

// mongo_try.c
// KJ_EUNAVAILABLE while the breaker is open. kj_mongo_end also after a failure.
int kj_mongo_begin(struct kj_mongo *mongo, struct kj_mongo_work *work) KJ_MUST_USE;
void kj_mongo_end(struct kj_mongo_work *work, int rc);
// After an error: 0 = try again (it has paused), else what to tell (with work->fault).
int kj_mongo_again(struct kj_mongo_work *work, const bson_error_t *error,
                   const bson_t *reply) KJ_MUST_USE;
mongoc_collection_t *kj_mongo_coll(struct kj_mongo_work *work, enum kj_coll coll);

// mongo_rows.c
// {name: value} of the declared fields of a document.
int kj_mongo_fields(enum kj_coll coll, const bson_t *doc, const char *workspace, bson_t *fields,
                    size_t *stamps, struct kj_fault *fault) KJ_MUST_USE;
// Write the rows that are open; each has its status then. Negative: the store failed, and those
// still open may or may not be written.
int kj_mongo_insert_rows(struct kj_mongo_work *work, enum kj_coll coll, struct kj_mongo_row *rows,
                         size_t count) KJ_MUST_USE;
int kj_mongo_update_rows(struct kj_mongo_work *work, enum kj_coll coll, struct kj_mongo_row *rows,
                         size_t count) KJ_MUST_USE;
void kj_mongo_whole_row(const struct kj_mongo_row *row, bson_t *whole); // as it is stored
void kj_mongo_row_fini(struct kj_mongo_row *row);

// mongo_judge.c
enum kj_mongo_doubt {
    KJ_MONGO_UPDATED,  // which of the open rows were met?
    KJ_MONGO_ID_TAKEN, // of those with KJ_EEXISTS: by whom, ourselves perhaps?
    KJ_MONGO_KEY_TAKEN
};
// Reads them back and judges each.
int kj_mongo_judge(struct kj_mongo_work *work, enum kj_coll coll, struct kj_mongo_row *rows,
                   size_t count, enum kj_mongo_doubt doubt) KJ_MUST_USE;
void kj_mongo_close_row(struct kj_mongo_row *row, int status); // it is decided

// mongo_read.c
// Rows, or their documents only, into found->docs.
int kj_mongo_query(struct kj_mongo_work *work, enum kj_coll coll, const bson_t *filter,
                   const bson_t *opts, bool docs_only, struct kj_store_op *found) KJ_MUST_USE;
// The rows of items that name their documents by id or key; `rows` has one for each item, NULL when
// there is none. They belong to `found`.
int kj_mongo_seek(struct kj_mongo_work *work, struct kj_mongo_item **items, size_t count,
                  const bson_t **rows, struct kj_store_op *found) KJ_MUST_USE;
int kj_mongo_get(struct kj_mongo_work *work, struct kj_mongo_item **items, size_t count);
int kj_mongo_find(struct kj_mongo_work *work, struct kj_mongo_item *item);
int kj_mongo_count(struct kj_mongo_work *work, struct kj_mongo_item *item);

// The verbs that write.
int kj_mongo_insert(struct kj_mongo_work *work, struct kj_mongo_item **items, size_t count);
int kj_mongo_replace(struct kj_mongo_work *work, struct kj_mongo_item **items, size_t count);
int kj_mongo_delete(struct kj_mongo_work *work, struct kj_mongo_item **items, size_t count);
int kj_mongo_increment(struct kj_mongo_work *work, struct kj_mongo_item **items, size_t count);
int kj_mongo_claim(struct kj_mongo_work *work, struct kj_mongo_item **items, size_t count);
// mongo_move.c
int kj_mongo_put(struct kj_mongo_work *work, struct kj_mongo_item **items, size_t count);
int kj_mongo_next(struct kj_mongo_work *work, struct kj_mongo_item *item);
// mongo_write.c: the row of an item, its events kept in it. KJ_EINVAL, KJ_ELIMIT.
int kj_mongo_row_of(struct kj_mongo_item *item, const bson_t *doc, const char *workspace,
                    int64_t id, int64_t old_version, struct kj_mongo_row *row) KJ_MUST_USE;
// The row is another workspace's than it was guessed.
void kj_mongo_move_row(struct kj_mongo_row *row, const char *workspace);
void kj_mongo_done(struct kj_mongo_item *item, int status);
// With the row's outcome.
void kj_mongo_done_row(struct kj_mongo_work *work, struct kj_mongo_item *item,
                       const struct kj_mongo_row *row);

// mongo_events.c
struct kj_mongo_copies { // of events, on their way into the collection
    struct kj_mongo_row *rows;
    size_t count;
};
void kj_mongo_copies_fini(struct kj_mongo_copies *copies);
// Those of the events that were kept of one write.
void kj_mongo_add_copies(const struct kj_mongo *mongo, const bson_t *kept, const char *workspace,
                         struct kj_mongo_copies *copies);
void kj_mongo_number_copy(struct kj_mongo_row *row, int64_t id);
// Each number once: what was copied but not yet taken out of its document comes by again.
void kj_mongo_tell_copy(struct kj_mongo *mongo, struct kj_mongo_row *row,
                        struct kj_store_op *events);
// Adds the item's events to an array of what waits to be copied.
void kj_mongo_keep_events(const struct kj_mongo *mongo, const struct kj_mongo_item *item,
                          bson_t *array, uint32_t index);
// Numbers and copies the events of the items that are done (by their order), and tells of them.
void kj_mongo_copy_events(struct kj_mongo *mongo, struct kj_mongo_item **items, size_t count,
                          struct kj_store_op *events);
int64_t kj_mongo_first_event(const struct kj_mongo *mongo); // behind this number they begin

// mongo_waiting.c
// One by one, where some may have been copied before.
int kj_mongo_copy_singly(struct kj_mongo_work *work, struct kj_mongo_copies *copies,
                         struct kj_store_op *events) KJ_MUST_USE;
// At start and after an outage: copies what waits in documents. Finds the next number.
int kj_mongo_catch_up(struct kj_mongo_work *work, struct kj_store_op *events) KJ_MUST_USE;
// What another host left waiting, into its stream.
int kj_mongo_adopt_events(struct kj_mongo_work *work, const char *host) KJ_MUST_USE;

// mongo_tidy.c
// The events of a write have been copied.
void kj_mongo_note_clear(struct kj_mongo *mongo, enum kj_coll coll, int64_t id, const char *op);
// A wave's writes may have been given up.
void kj_mongo_mind_events(struct kj_mongo *mongo, struct kj_mongo_item **items, size_t count);
// Now and then, or `all` at the end; what it finds of late events it tells.
void kj_mongo_tidy(struct kj_mongo *mongo, bool all, int64_t now, struct kj_store_op *events);

// mongo_ids.c
int kj_mongo_new_id(struct kj_mongo_work *work, enum kj_coll coll, int64_t *id) KJ_MUST_USE;
// The caller's own number: what follows goes on behind it.
int kj_mongo_own_id(struct kj_mongo_work *work, enum kj_coll coll, int64_t id) KJ_MUST_USE;
// A number that was not used after all; only the newest can be given back.
void kj_mongo_return_id(struct kj_mongo *mongo, enum kj_coll coll, int64_t id);
void kj_mongo_return_blocks(struct kj_mongo *mongo);
// This host's slot and the number of this life of it.
int kj_mongo_host(struct kj_mongo_work *work) KJ_MUST_USE;
// Another host's slot; -1: it has none.
int kj_mongo_slot_of(struct kj_mongo_work *work, const char *host, int64_t *slot) KJ_MUST_USE;

// mongo_open.c
int kj_mongo_open(struct kj_mongo *mongo, const struct kj_store_config *config,
                  struct kj_fault *fault) KJ_MUST_USE;
// mongo_index.c
int kj_mongo_indexes(struct kj_mongo_work *work) KJ_MUST_USE;

#endif
