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

#endif
