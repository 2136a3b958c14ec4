// What the collections are and what can be asked of them: the one table both stores build their
// indexes from. Adding an index is one row in collections.c. Room-private.
#ifndef KJ_COLLECTIONS_H
#define KJ_COLLECTIONS_H

#include "doc/doc.h"
#include "doc/element.h"
#include "store/store.h"

enum kj_field_type { KJ_FIELD_TEXT, KJ_FIELD_INT, KJ_FIELD_TIME, KJ_FIELD_REAL };

enum {
    KJ_UNIQUE = 1, // within the workspace, among the documents that have it
    KJ_ALONE = 2,  // has an index of its own; others only narrow what another index has found
    KJ_SPARSE = 4, // many documents lack it: they stay out of its index
    KJ_ZERO = 8,   // absent counts as 0 or ""
    KJ_WORD = 16,  // one of a few words: indexes may hold the documents of one word alone
};

enum { KJ_FIELDS_MAX = 10, KJ_INDEXES_MAX = 7, KJ_COLUMNS_MAX = 4 };

// A top-level field of the documents.
struct kj_field {
    const char *name; // NULL ends the list
    enum kj_field_type type;
    unsigned flags;
};

// An index over several fields, "-field" descending; "workspace" is one here. It holds the
// documents that have the field `only`, or have this `word` in it.
struct kj_index {
    const char *name; // NULL ends the list
    const char *columns[KJ_COLUMNS_MAX];
    const char *only, *word; // NULL: all of them
};

struct kj_collection {
    const char *name;
    struct kj_field fields[KJ_FIELDS_MAX]; // the first is the unique one
    struct kj_index indexes[KJ_INDEXES_MAX];
};

// A value of a declared field. Texts are borrowed from the document.
struct kj_value {
    enum { KJ_VALUE_NONE, KJ_VALUE_TEXT, KJ_VALUE_INT, KJ_VALUE_REAL } kind;
    uint32_t length; // of the text
    const char *text;
    int64_t integer;
    double real;
};

const struct kj_collection *kj_collection(enum kj_coll coll);
// NULL when not declared. "_id", "version" and "workspace" are not fields of this table.
const struct kj_field *kj_collection_field(enum kj_coll coll, const char *name);

// KJ_EINVAL when the value does not fit the field's type. Null gives KJ_VALUE_NONE.
int kj_field_value(enum kj_coll coll, const struct kj_field *field, const struct kj_element *at,
                   struct kj_value *value, struct kj_fault *fault) KJ_MUST_USE;
// The values of all declared fields (in the order of the table) of a document. *stamps tells how
// many members named _id, version or workspace it holds, which the store sets.
int kj_collection_values(enum kj_coll coll, const bson_t *doc,
                         struct kj_value values[KJ_FIELDS_MAX], size_t *stamps,
                         struct kj_fault *fault) KJ_MUST_USE;
bool kj_value_equal(const struct kj_value *a, const struct kj_value *b);

// _id, version, workspace
static inline bool kj_is_stamp(const struct kj_element *member)
{
    return kj_key_is(member->key, member->key_length, "_id", 3) ||
           kj_key_is(member->key, member->key_length, "version", 7) ||
           kj_key_is(member->key, member->key_length, "workspace", 9);
}
// stamp.c: the document as it is stored: _id, version and workspace first, then `doc` without its
// own ones, of which it has at most `stamps`. The texts of `values` (or NULL), which stood in
// `doc`, then stand in it.
bson_t *kj_stamped(const bson_t *doc, size_t stamps, int64_t id, int64_t version,
                   const char *workspace, struct kj_value values[KJ_FIELDS_MAX]);
const char *kj_stamped_workspace(const bson_t *stored); // of such a document

#endif
