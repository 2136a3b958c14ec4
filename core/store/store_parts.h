// What a store's implementation uses of store.c. Room-private.
#ifndef KJ_STORE_PARTS_H
#define KJ_STORE_PARTS_H

#include "store/store.h"

enum {
    KJ_DOC_BYTES_MAX = 16 << 20, // as in MongoDB
    KJ_FIND_LIMIT = 100,
    KJ_FIND_LIMIT_MAX = 100000,
    KJ_FILTER_IN_MAX = 1000,
};

// Loop thread: calls `done` and frees the request.
void kj_store_finish(struct kj_store *store, struct kj_store_request *request);
// Any thread that has the request.
void kj_store_clear_result(struct kj_store_op *op); // not the status
void kj_store_add_doc(struct kj_store_op *op, bson_t *doc_take);

// check.c
// 0, or why an op is refused before the store is touched.
int kj_store_check(struct kj_store_request *request, const struct kj_store_op *op) KJ_MUST_USE;
// The size of a document to be written, and its own _id when it is `stamped`.
int kj_store_check_doc(struct kj_store_request *request, const struct kj_store_op *op,
                       const bson_t *doc, bool stamped) KJ_MUST_USE;
int64_t kj_store_limit(const struct kj_store_op *op);
// Only reads that may be stale: may run beside the writes.
bool kj_store_all_stale(const struct kj_store_request *request);
// The document of an event that came with a write, without its stamps.
bson_t *kj_store_event(int64_t at, const bson_t *event, const char *host, bool simulated);

// increment.c
// The document with {path: delta, …} applied, or KJ_EINVAL, KJ_ELIMIT.
int kj_increment(enum kj_coll coll, const bson_t *doc, const bson_t *deltas, bson_t **out,
                 struct kj_fault *fault) KJ_MUST_USE;
// What an increment starts from when its key is absent: {key} and set_on_insert.
bson_t *kj_increment_base(const struct kj_store_op *op);

#endif
