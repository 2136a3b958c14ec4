// Read, judge, write under the version; on a conflict read and judge again (at most 16 times).
// Every change of a shared document goes through here. Loop thread only.
#ifndef KJ_MODIFY_H
#define KJ_MODIFY_H

#include "store/store.h"

enum { KJ_MODIFY_SKIP = 1 }; // nothing to change: done gets KJ_OK and the document as it is

struct kj_modify {
    struct kj_store *store;
    const char *workspace; // copied
    enum kj_coll coll;
    int64_t id;      // or
    const char *key; // copied
    // The document as the caller has read it; saves the first read. Its version decides whether it
    // was still true. Borrowed during the call; NULL = read.
    const bson_t *known;
    // doc is NULL when absent. KJ_OK with *next (an insert when absent) and, if wished, *events (an
    // array); KJ_MODIFY_SKIP; or a negative code that ends the whole.
    int (*change)(void *arg, const bson_t *doc, bson_t **next, bson_t **events);
    // doc is what stands in the store now (NULL when absent or on error); valid during the call.
    void (*done)(void *arg, int status, const bson_t *doc);
    void *arg;
};

void kj_modify(const struct kj_modify *modify);

#endif
