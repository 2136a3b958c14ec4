// Commutative increments: {path: delta} added to a document. Whole numbers stay whole; a missing
// path is created. One path at a time, since such documents are small.
#include "store/collections.h"
#include "store/store_parts.h"

#include <string.h>

enum { DEPTH_MAX = 32 };

struct step {
    enum kj_coll coll;
    const char *whole; // path, for the fault
    const bson_iter_t *delta;
    struct kj_fault *fault;
};

static int refuse(const struct step *step, int code, const char *why)
{
    return kj_fault(step->fault, code, kj_coll_name(step->coll), NULL,
                    "Path \"%s\" of a document in %s cannot be incremented: %s.", step->whole,
                    kj_coll_name(step->coll), why);
}

static int append_sum(const struct step *step, bson_t *out, const char *key, int length,
                      const bson_iter_t *old)
{
    bool has = old && !BSON_ITER_HOLDS_NULL(old);
    if (has && !BSON_ITER_HOLDS_INT(old) && !BSON_ITER_HOLDS_DOUBLE(old))
        return refuse(step, KJ_EINVAL, "it holds no number");
    if (BSON_ITER_HOLDS_INT(step->delta) && (!has || BSON_ITER_HOLDS_INT(old))) {
        int64_t sum = has ? bson_iter_as_int64(old) : 0;
        if (__builtin_add_overflow(sum, bson_iter_as_int64(step->delta), &sum))
            return refuse(step, KJ_ELIMIT, "the sum is too large");
        bson_append_int64(out, key, length, sum);
        return 0;
    }
    // bson_iter_as_double is missing in old versions of libbson.
    double a = !has                          ? 0
               : BSON_ITER_HOLDS_DOUBLE(old) ? bson_iter_double(old)
                                             : (double)bson_iter_as_int64(old);
    double b = BSON_ITER_HOLDS_DOUBLE(step->delta) ? bson_iter_double(step->delta)
                                                   : (double)bson_iter_as_int64(step->delta);
    bson_append_double(out, key, length, a + b);
    return 0;
}

static int add_at(const struct step *step, const bson_t *doc, const char *path, int depth,
                  bson_t *out);

// The member `key` of the path: a number when `rest` is NULL, else a document that leads on.
static int append_member(const struct step *step, bson_t *out, const char *key, int length,
                         const char *rest, const bson_iter_t *old, int depth)
{
    static const uint8_t k_empty[] = {5, 0, 0, 0, 0};
    const uint8_t *bytes = k_empty;
    uint32_t size = sizeof k_empty;
    bson_t view, child;
    if (rest == NULL)
        return append_sum(step, out, key, length, old);
    if (old && BSON_ITER_HOLDS_DOCUMENT(old))
        bson_iter_document(old, &size, &bytes);
    else if (old && !BSON_ITER_HOLDS_NULL(old))
        return refuse(step, KJ_EINVAL, "what should lead to it is not a document");
    if (depth == DEPTH_MAX || !bson_init_static(&view, bytes, size))
        return refuse(step, KJ_EINVAL, "it is too deep");
    bson_append_document_begin(out, key, length, &child);
    int rc = add_at(step, &view, rest, depth + 1, &child);
    bson_append_document_end(out, &child);
    return rc;
}

static int add_at(const struct step *step, const bson_t *doc, const char *path, int depth,
                  bson_t *out)
{
    const char *end = strchrnul(path, '.');
    int length = (int)(end - path);
    const char *rest = *end ? end + 1 : NULL;
    bool found = false;
    bson_iter_t at;
    if (length == 0)
        return refuse(step, KJ_EINVAL, "a part of the path is empty");
    if (!bson_iter_init(&at, doc))
        return refuse(step, KJ_EINVAL, "it is not BSON");
    while (bson_iter_next(&at)) {
        int key_length = (int)bson_iter_key_len(&at);
        if (key_length != length || memcmp(bson_iter_key(&at), path, (size_t)length) != 0) {
            bson_append_iter(out, bson_iter_key(&at), key_length, &at);
            continue;
        }
        found = true;
        int rc = append_member(step, out, path, length, rest, &at, depth);
        if (rc < 0)
            return rc;
    }
    return found ? 0 : append_member(step, out, path, length, rest, NULL, depth);
}

static bool reserved(const char *path)
{
    size_t length = strcspn(path, ".");
    return (length == 3 && memcmp(path, "_id", 3) == 0) ||
           (length == 7 && memcmp(path, "version", 7) == 0) ||
           (length == 9 && memcmp(path, "workspace", 9) == 0);
}

int kj_increment(enum kj_coll coll, const bson_t *doc, const bson_t *deltas, bson_t **result,
                 struct kj_fault *fault)
{
    bson_iter_t delta;
    bson_t *now = bson_copy(doc);
    int rc = 0;
    *result = NULL;
    if (!bson_iter_init(&delta, deltas))
        rc = kj_fault(fault, KJ_EINVAL, kj_coll_name(coll), NULL, "The increments are not BSON.");
    while (rc == 0 && bson_iter_next(&delta)) {
        struct step step = {coll, bson_iter_key(&delta), &delta, fault};
        if (!BSON_ITER_HOLDS_INT(&delta) && !BSON_ITER_HOLDS_DOUBLE(&delta))
            rc = refuse(&step, KJ_EINVAL, "the increment is no number");
        else if (reserved(step.whole))
            rc = refuse(&step, KJ_EINVAL, "the store itself keeps it");
        if (rc < 0)
            break;
        bson_t *next = bson_sized_new(now->len + 64);
        rc = add_at(&step, now, step.whole, 0, next);
        bson_destroy(now);
        now = next;
    }
    if (rc == 0)
        *result = now;
    else
        bson_destroy(now);
    return rc;
}

bson_t *kj_increment_base(const struct kj_store_op *op)
{
    const char *field = kj_collection(op->coll)->fields[0].name;
    bson_t *base = bson_new();
    bson_iter_t at;
    bson_append_utf8(base, field, -1, op->key, -1);
    if (op->set_on_insert && bson_iter_init(&at, op->set_on_insert))
        while (bson_iter_next(&at))
            if (strcmp(bson_iter_key(&at), field) != 0)
                bson_append_iter(base, bson_iter_key(&at), -1, &at);
    return base;
}
