// What commands over one kind of document share: how documents look outside, get, list, create,
// update. Outside, `_id` is `id`, and the store's own fields stay away.
#ifndef KJ_DOCUMENTS_H
#define KJ_DOCUMENTS_H

#include "api/request.h"
#include "engine/modify.h"

// The caller destroys it.
bson_t *kj_public(const bson_t *doc);

// Answers the request with one document, found by id or key; `what` for the fault ("campaign").
void kj_documents_get(struct kj_request *request, enum kj_coll coll, int64_t id, const char *key,
                      const char *what);
// Answers {NAME: [...], next}: `fields` (NULL-terminated) are the arguments that filter; `limit`
// (default 100, at most 1,000) and `after` (an id) page on. `hide` (NULL-terminated, may be NULL)
// are fields left out of lists.
void kj_documents_list(struct kj_request *request, enum kj_coll coll, const char *name,
                       const char *const *fields, const char *const *hide);
// Inserts `doc_take`, answers {id, created: true}; KJ_EEXISTS is a fault.
void kj_documents_create(struct kj_request *request, enum kj_coll coll, bson_t *doc_take,
                         const char *what, const char *event);
// Puts the arguments (without `id`, `key` and what `keep` lists) over the document and answers it.
void kj_documents_update(struct kj_request *request, enum kj_coll coll, const char *what);
// Reads the call that the argument call_id names, and its decision, in this order.
void kj_call_read(struct kj_request *request, void (*read)(struct kj_store_request *store));
// A fault for a status of the store.
void kj_documents_fail(struct kj_request *request, int status, const char *what);

#endif
