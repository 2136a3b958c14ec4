// How deep and how large a document is: for what comes in as BSON and was never read by our codec.
#include "doc/doc.h"

static bool within(bson_iter_t *at, int depth, size_t *left)
{
    while (bson_iter_next(at)) {
        bson_iter_t child;
        if (*left == 0)
            return false;
        --*left;
        bool nested = BSON_ITER_HOLDS_DOCUMENT(at) || BSON_ITER_HOLDS_ARRAY(at);
        if (nested &&
            (depth <= 1 || !bson_iter_recurse(at, &child) || !within(&child, depth - 1, left)))
            return false;
    }
    return true;
}

bool kj_doc_within(const bson_t *doc, int depth, size_t nodes)
{
    bson_iter_t at;
    return bson_iter_init(&at, doc) && within(&at, depth, &nodes);
}
