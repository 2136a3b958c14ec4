// Filters and sorts, checked against the declared fields once for both stores. Room-private.
#ifndef KJ_FILTER_H
#define KJ_FILTER_H

#include "store/collections.h"

enum { KJ_TERMS_MAX = 16 };

enum kj_compare {
    KJ_IS,
    KJ_IS_NOT,
    KJ_LESS,
    KJ_LESS_OR_IS,
    KJ_MORE,
    KJ_MORE_OR_IS,
    KJ_IN,
    KJ_PREFIX
};

struct kj_term {
    const struct kj_field *field; // also for _id and workspace
    enum kj_compare compare;
    size_t first, count; // into values
};

// All terms must hold. Texts are borrowed from the document it was parsed from.
struct kj_filter {
    struct kj_term terms[KJ_TERMS_MAX];
    size_t n_terms;
    struct kj_value *values;
    size_t n_values;
};

// NULL filters nothing. kj_filter_fini also after a failure.
int kj_filter_parse(enum kj_coll coll, const bson_t *doc, struct kj_filter *filter,
                    struct kj_fault *fault) KJ_MUST_USE;
void kj_filter_fini(struct kj_filter *filter);
// NULL sorts by _id.
int kj_sort_parse(enum kj_coll coll, const char *sort, const struct kj_field **field,
                  bool *descending, struct kj_fault *fault) KJ_MUST_USE;

#endif
