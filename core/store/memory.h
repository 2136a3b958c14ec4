// The parts of the store in memory. Room-private.
//
// memory.c        the store: intake, groups, verbs
// memory_rows.c   rows, their keys and indexes
// memory_find.c   find and count
// memory_claim.c  the claim
#ifndef KJ_MEMORY_H
#define KJ_MEMORY_H

#include "base/heap.h"
#include "base/map.h"
#include "store/collections.h"
#include "store/store_parts.h"

struct kj_level; // waiting jobs of one kind and priority

struct kj_row {
    struct kj_heap_node node; // in its level; key: due
    int64_t id, version;
    bson_t *doc;
    const char *workspace;
    struct kj_level *level;   // NULL: it does not wait
    struct kj_value values[]; // of the collection's fields; texts stand in `doc`
};

struct kj_rows { // in the order of ids
    struct kj_row **at;
    size_t count, capacity;
};

struct kj_level {
    char *kind;
    int64_t priority;
    struct kj_heap due; // by due, then id
};

struct kj_table {
    struct kj_rows rows;
    struct kj_map keys;                   // workspace and key -> row
    struct kj_map indexes[KJ_FIELDS_MAX]; // value -> struct kj_rows, where kj_memory_indexed
    bool asked[KJ_FIELDS_MAX];            // the index is kept: somebody has looked for the field
    int64_t next_id;
    size_t n_fields;
};

struct kj_memory_db {
    struct kj_table tables[KJ_COLL_COUNT];
    struct kj_level **levels; // by priority, highest first
    size_t n_levels;
    int64_t events_kept;
    const char *host;
    bool simulated;
};

struct kj_memory_run {
    struct kj_memory_db *db;
    struct kj_store_request *request;
    struct kj_store_op *op;
    const char *workspace; // of the document that was written
};

// memory_rows.c
void kj_memory_init(struct kj_memory_db *db);
void kj_memory_fini(struct kj_memory_db *db);
size_t kj_rows_behind(const struct kj_rows *rows,
                      int64_t id); // index of the first with a greater id
// The documents that have this value are found by it.
bool kj_memory_indexed(const struct kj_field *field, const struct kj_value *value);
// NULL: no such document. The first question makes the index.
const struct kj_rows *kj_memory_index(struct kj_table *table, const struct kj_field *fields,
                                      size_t field, const struct kj_value *value);
struct kj_row *kj_memory_row(const struct kj_table *table, int64_t id);
struct kj_row *kj_memory_keyed(const struct kj_table *table, const char *workspace,
                               const char *key);
// The op's document by id or key, within the request's workspace; NULL.
struct kj_row *kj_memory_seek(const struct kj_memory_run *run);
// Inserts (row NULL) or replaces; the op's new_id and new_version, or a status: KJ_EEXISTS …
int kj_memory_put(struct kj_memory_run *run, struct kj_row *row, const bson_t *doc,
                  const char *workspace) KJ_MUST_USE;
void kj_memory_drop(struct kj_memory_db *db, enum kj_coll coll, struct kj_row *row);

// The verbs of the other files.
int kj_memory_find(struct kj_memory_run *run);
int kj_memory_claim(struct kj_memory_run *run);

#endif
