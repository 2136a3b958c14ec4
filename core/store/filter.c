// Reads filters: {field: value} and {field: {"$op": value}}, nothing else. Whatever a store could
// only answer by looking at every document is refused here, by name.
#include "store/filter.h"

#include "base/alloc.h"
#include "store/store_parts.h"

#include <stdlib.h>
#include <string.h>

static const struct kj_field k_id = {"_id", KJ_FIELD_INT, KJ_UNIQUE};
static const struct kj_field k_workspace = {"workspace", KJ_FIELD_TEXT, 0};

static const struct kj_field *find_field(enum kj_coll coll, const char *name,
                                         struct kj_fault *fault)
{
    if (strcmp(name, k_id.name) == 0)
        return &k_id;
    if (strcmp(name, k_workspace.name) == 0)
        return &k_workspace;
    const struct kj_field *field = kj_collection_field(coll, name);
    if (field == NULL)
        kj_fault(fault, KJ_EINVAL, kj_coll_name(coll), "declare the field in collections.c",
                 "Field \"%s\" of %s is not indexed and cannot be filtered or sorted by.", name,
                 kj_coll_name(coll));
    return field;
}

static int bad(enum kj_coll coll, const struct kj_field *field, const char *what,
               struct kj_fault *fault)
{
    return kj_fault(fault, KJ_EINVAL, kj_coll_name(coll), NULL,
                    "The filter on field \"%s\" of %s %s.", field->name, kj_coll_name(coll), what);
}

static int add_value(enum kj_coll coll, struct kj_filter *filter, const struct kj_field *field,
                     const bson_iter_t *at, struct kj_fault *fault)
{
    // Powers of two, as in kj_store_add_doc.
    if ((filter->n_values & (filter->n_values - 1)) == 0)
        filter->values = kj_realloc(
            filter->values, sizeof *filter->values * (filter->n_values ? 2 * filter->n_values : 1));
    struct kj_element element;
    if (!kj_element_at(at, &element))
        return bad(coll, field, "has a value that is not BSON", fault);
    return kj_field_value(coll, field, &element, &filter->values[filter->n_values++], fault);
}

static int add_term(enum kj_coll coll, struct kj_filter *filter, const struct kj_field *field,
                    enum kj_compare compare, const bson_iter_t *at, struct kj_fault *fault)
{
    if (filter->n_terms == KJ_TERMS_MAX)
        return bad(coll, field, "has too many conditions beside it", fault);
    struct kj_term *term = &filter->terms[filter->n_terms++];
    *term = (struct kj_term){field, compare, filter->n_values, 1};
    if (compare != KJ_IN) {
        int rc = add_value(coll, filter, field, at, fault);
        if (rc == 0 && filter->values[term->first].kind == KJ_VALUE_NONE && compare > KJ_IS_NOT)
            return bad(coll, field, "compares with null", fault);
        return rc;
    }
    bson_iter_t member;
    if (!BSON_ITER_HOLDS_ARRAY(at) || !bson_iter_recurse(at, &member))
        return bad(coll, field, "has a $in that is not an array", fault);
    for (term->count = 0; bson_iter_next(&member); term->count++) {
        int rc = add_value(coll, filter, field, &member, fault);
        if (rc < 0)
            return rc;
        if (filter->values[filter->n_values - 1].kind == KJ_VALUE_NONE)
            return bad(coll, field, "has a null in its $in", fault);
        if (term->count == KJ_FILTER_IN_MAX)
            return bad(coll, field, "has over 1,000 values in its $in", fault);
    }
    return 0;
}

static int add_operators(enum kj_coll coll, struct kj_filter *filter, const struct kj_field *field,
                         const bson_iter_t *at, struct kj_fault *fault)
{
    static const struct {
        const char *name;
        enum kj_compare compare;
    } k_operators[] = {
        {"$eq", KJ_IS},   {"$ne", KJ_IS_NOT},      {"$lt", KJ_LESS}, {"$lte", KJ_LESS_OR_IS},
        {"$gt", KJ_MORE}, {"$gte", KJ_MORE_OR_IS}, {"$in", KJ_IN},   {"$prefix", KJ_PREFIX},
    };
    bson_iter_t member;
    size_t members = 0;
    if (!bson_iter_recurse(at, &member))
        return bad(coll, field, "is not BSON", fault);
    for (; bson_iter_next(&member); members++) {
        size_t i = 0;
        while (i < KJ_COUNT(k_operators) &&
               strcmp(k_operators[i].name, bson_iter_key(&member)) != 0)
            i++;
        if (i == KJ_COUNT(k_operators))
            return bad(coll, field, "knows only $eq, $ne, $lt, $lte, $gt, $gte, $in and $prefix",
                       fault);
        if (k_operators[i].compare == KJ_PREFIX && field->type != KJ_FIELD_TEXT)
            return bad(coll, field, "has a $prefix, but the field is not text", fault);
        int rc = add_term(coll, filter, field, k_operators[i].compare, &member, fault);
        if (rc < 0)
            return rc;
    }
    return members ? 0 : bad(coll, field, "is an empty document", fault);
}

int kj_filter_parse(enum kj_coll coll, const bson_t *doc, struct kj_filter *filter,
                    struct kj_fault *fault)
{
    *filter = (struct kj_filter){0};
    bson_iter_t at;
    if (doc == NULL)
        return 0;
    if (!bson_iter_init(&at, doc))
        return kj_fault(fault, KJ_EINVAL, kj_coll_name(coll), NULL, "The filter on %s is not BSON.",
                        kj_coll_name(coll));
    while (bson_iter_next(&at)) {
        const struct kj_field *field = find_field(coll, bson_iter_key(&at), fault);
        if (field == NULL)
            return KJ_EINVAL;
        int rc = BSON_ITER_HOLDS_DOCUMENT(&at) ? add_operators(coll, filter, field, &at, fault)
                                               : add_term(coll, filter, field, KJ_IS, &at, fault);
        if (rc < 0)
            return rc;
    }
    return 0;
}

void kj_filter_fini(struct kj_filter *filter)
{
    free(filter->values);
    filter->values = NULL;
    filter->n_values = filter->n_terms = 0;
}

int kj_sort_parse(enum kj_coll coll, const char *sort, const struct kj_field **field,
                  bool *descending, struct kj_fault *fault)
{
    if (sort == NULL || *sort == 0)
        sort = "_id";
    *descending = *sort == '-';
    *field = find_field(coll, sort + *descending, fault);
    return *field ? 0 : KJ_EINVAL;
}
