// Lazy read-only views over an immutable BSON document, and time values.
//
// A view is userdata that looks fields up in the bytes of the document: nothing is copied until it
// is read. It holds a reference on the document, or (the facts of an evaluation) borrows it until
// the state's next epoch, after which it answers no more: a finalizer per view would cost more than
// all its look-ups. type(view) is "table"; #, pairs, ipairs work; nil = absent;
// a field that the shape does not know is an error that names the nearest one.
#ifndef KJ_VIEW_H
#define KJ_VIEW_H

#include "doc/doc.h"
#include "doc/element.h"
#include "script/vm.h"

// An immutable document with a count of references. Any thread.
struct kj_flat {
    int references; // atomic
    uint32_t length;
    uint8_t bytes[];
};

struct kj_flat *kj_flat_create(const bson_t *doc);
struct kj_flat *kj_flat_ref(struct kj_flat *flat);
void kj_flat_unref(struct kj_flat *flat); // NULL is fine
void kj_flat_doc(const struct kj_flat *flat, bson_t *view);

enum kj_field_kind { KJ_FIELD_ANY, KJ_FIELD_TIME, KJ_FIELD_DOC, KJ_FIELD_LIST };

// A fact is in the document; names are a computed table or function that is the same for every
// call; a result is computed when asked for.
enum kj_field_role { KJ_ROLE_FACT, KJ_ROLE_NAMES, KJ_ROLE_RESULT };

struct kj_shape;
struct kj_field {
    const char *name;
    enum kj_field_kind kind;
    const struct kj_shape *shape; // of the document, or of the list's members; NULL = plain
    bool always;                  // an empty one stands in for an absent one
    enum kj_field_role role;      // of c's own fields
};
struct kj_shape {
    const char *name; // as a person reads it: "c.lead"
    bool open;        // any field may be asked for
    const struct kj_field *fields;
    size_t count;
};

// The members of the facts that anyone asks for by name, in the order of kj_shape_call's fields;
// the last two are no fields of c.
enum kj_fact {
    KJ_FACT_NOW,
    KJ_FACT_LEAD,
    KJ_FACT_CALL,
    KJ_FACT_CAMPAIGN,
    KJ_FACT_GROUP,
    KJ_FACT_ASSISTANT,
    KJ_FACT_INPUT,
    KJ_FACT_CONTEXT,
    KJ_FACT_TRANSCRIPT,
    KJ_FACT_SUMMARY,
    KJ_FACT_CALLBACK,
    KJ_FACT_APPOINTMENT,
    KJ_FACT_OPT_OUT,
    KJ_FACT_TOOLS,
    KJ_FACT_HISTORY,
    KJ_FACT_SETTINGS,
    KJ_CALL_FIELDS = KJ_FACT_SETTINGS + 11, // and ten that are no facts
    KJ_FACT_KIND = KJ_CALL_FIELDS,
    KJ_FACT_ANSWERS,
    KJ_FACTS
};

extern const struct kj_shape kj_shape_open;
extern const struct kj_shape kj_shape_call; // c itself
// The field, or NULL.
const struct kj_field *kj_shape_field(const struct kj_shape *shape, const char *name,
                                      size_t length);
// The same for the text at `index` of the stack, by way of the state's memo.
const struct kj_field *kj_shape_field_at(lua_State *L, const struct kj_shape *shape, int index,
                                         const char *name, size_t length);
// Raises: c.lead has no field "emial"; did you mean "email"?
int kj_shape_unknown(lua_State *L, const struct kj_shape *shape, const char *name);

void kj_view_open(lua_State *L); // makes the metatables
// Pushes a view of a whole document (`name` for messages: "ev").
void kj_view_push(lua_State *L, struct kj_flat *flat, const struct kj_shape *shape);
// Pushes a member that is no container; nil for what Lua has no value for.
void kj_push_scalar(lua_State *L, const struct kj_element *at, const struct kj_field *field);
// Pushes the value of a member of the facts: scalars as Lua values, containers as views.
void kj_view_push_fact(lua_State *L, const struct kj_element *at, const struct kj_field *field);
// The view at `index`, pushed before by kj_view_push_fact, now shows this document or list.
void kj_view_reuse(lua_State *L, int index, const struct kj_element *at);
// The document under a view at `index`; false when it is no view.
bool kj_view_doc(lua_State *L, int index, bson_t *view, bool *list);
// Pushes a sorted array of the keys (documents) or nothing (lists: returns false).
bool kj_view_keys(lua_State *L, int index);
size_t kj_view_count(lua_State *L, int index);

struct kj_moment {
    const void *tag;
    int64_t ms;
};
void kj_moment_push(lua_State *L, int64_t ms);
const struct kj_moment *kj_moment_at(lua_State *L, int index); // NULL when it is none

// --- what a function read, for explain ---
enum { KJ_READS = 12, KJ_PATH_SIZE = 48 };
struct kj_read {
    char path[KJ_PATH_SIZE]; // not terminated
    uint8_t path_length;
    bson_type_t type; // BSON_TYPE_EOD = absent
    union {
        int64_t number;
        double real;
        const char *text; // into the facts
    } value;
    uint32_t length;
    int variable; // 1-based index of the pack's variable, 0 = a field
};
struct kj_reads {
    struct kj_read rows[KJ_READS + 1]; // the last only for trying
    int count;
    bool more;
};
struct kj_reads *kj_reads_now(struct kj_vm *vm); // NULL when nobody notes
// The row for head.key (head may be empty); NULL when it is noted already, there is no room, or
// `reads` is NULL. Its path is filled in.
struct kj_read *kj_new_read(struct kj_reads *reads, const char *head, size_t head_length,
                            const char *key, size_t key_length);
// "head.key" at `path` (KJ_PATH_SIZE bytes, not terminated), cut to size; head may be empty.
// Returns its length.
size_t kj_join_path(char *path, const char *head, size_t head_length, const char *key,
                    size_t key_length);
// Notes that head.key was read; `at` NULL = it is absent.
void kj_note_read(lua_State *L, const char *head, size_t head_length, const char *key,
                  size_t key_length, const struct kj_element *at);

#endif
