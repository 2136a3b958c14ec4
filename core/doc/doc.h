// Documents are BSON (bson_t) everywhere inside. This header reads them by path and builds them.
//
// Paths are dotted ("lead.phone_number", "windows.0.from"). A missing or wrongly typed value gives
// the fallback: whoever needs to know better has checked the schema before. No function keeps a
// pointer past the document's life.
#ifndef KJ_DOC_H
#define KJ_DOC_H

#include "base/err.h"
#include "base/str.h"

#include <bson/bson.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

// The length of a path's first part. Of a literal the compiler knows it, as it does that of a key
// below: looked for at each of five hundred look-ups and appends, it was a hundredth of a
// rehearsal.
static inline size_t kj_doc_first(const char *path)
{
    const char *dot = path ? strchr(path, '.') : NULL;
    return dot ? (size_t)(dot - path) : path ? strlen(path) : 0;
}

// What the functions below are made of: the same with that length.
bool kj_doc_has_n(const bson_t *doc, const char *path, size_t first);
const char *kj_doc_text_n(const bson_t *doc, const char *path, size_t first, const char *fallback);
int64_t kj_doc_int_n(const bson_t *doc, const char *path, size_t first, int64_t fallback);
bool kj_doc_bool_n(const bson_t *doc, const char *path, size_t first, bool fallback);
int64_t kj_doc_time_n(const bson_t *doc, const char *path, size_t first, int64_t fallback);
bool kj_doc_child_n(const bson_t *doc, const char *path, size_t first, bson_t *view);
void kj_doc_put_text_n(bson_t *doc, const char *key, size_t length, const char *value);
void kj_doc_put_int_n(bson_t *doc, const char *key, size_t length, int64_t value);
void kj_doc_put_bool_n(bson_t *doc, const char *key, size_t length, bool value);
void kj_doc_put_time_n(bson_t *doc, const char *key, size_t length, int64_t wall_ms);
void kj_doc_put_doc_n(bson_t *doc, const char *key, size_t length, const bson_t *value);

bool kj_doc_find(const bson_t *doc, const char *path, bson_iter_t *at);
static inline bool kj_doc_has(const bson_t *doc, const char *path)
{
    return kj_doc_has_n(doc, path, kj_doc_first(path)); // present and not null
}
static inline const char *kj_doc_text(const bson_t *doc, const char *path, const char *fallback)
{
    return kj_doc_text_n(doc, path, kj_doc_first(path), fallback);
}
// int32, int64, and doubles that are whole numbers.
static inline int64_t kj_doc_int(const bson_t *doc, const char *path, int64_t fallback)
{
    return kj_doc_int_n(doc, path, kj_doc_first(path), fallback);
}
double kj_doc_real(const bson_t *doc, const char *path, double fallback);
static inline bool kj_doc_bool(const bson_t *doc, const char *path, bool fallback)
{
    return kj_doc_bool_n(doc, path, kj_doc_first(path), fallback);
}
// A BSON date, or RFC 3339 text (as it comes through the doors), in milliseconds.
static inline int64_t kj_doc_time(const bson_t *doc, const char *path, int64_t fallback)
{
    return kj_doc_time_n(doc, path, kj_doc_first(path), fallback);
}
// A borrowed view of a sub-document or array; `view` needs no destroy. False leaves it an empty
// one.
static inline bool kj_doc_child(const bson_t *doc, const char *path, bson_t *view)
{
    return kj_doc_child_n(doc, path, kj_doc_first(path), view);
}
// The same of the document at which an iterator stands; false also for an array.
bool kj_doc_at(const bson_iter_t *at, bson_t *view);
size_t kj_doc_count(const bson_t *doc, const char *path); // members of an array or document, or 0
// "array at path contains this text".
bool kj_doc_lists(const bson_t *doc, const char *path, const char *text);

// Builders: a NULL text or document is left out, so optional fields need no if.
static inline void kj_doc_put_text(bson_t *doc, const char *key, const char *value)
{
    kj_doc_put_text_n(doc, key, strlen(key), value);
}
static inline void kj_doc_put_int(bson_t *doc, const char *key, int64_t value)
{
    kj_doc_put_int_n(doc, key, strlen(key), value);
}
// Writes over the int64 that stands there; false, and nothing is done, when none does.
bool kj_doc_set_int(bson_t *doc, const char *key, int64_t value) KJ_MUST_USE;
void kj_doc_put_real(bson_t *doc, const char *key, double value);
static inline void kj_doc_put_bool(bson_t *doc, const char *key, bool value)
{
    kj_doc_put_bool_n(doc, key, strlen(key), value);
}
static inline void kj_doc_put_time(bson_t *doc, const char *key, int64_t wall_ms)
{
    kj_doc_put_time_n(doc, key, strlen(key), wall_ms);
}
void kj_doc_put_null(bson_t *doc, const char *key);
static inline void kj_doc_put_doc(bson_t *doc, const char *key, const bson_t *value)
{
    kj_doc_put_doc_n(doc, key, strlen(key), value);
}
void kj_doc_put_array(bson_t *doc, const char *key, const bson_t *value);
// Copies the value at `path` of `from` under `key`; nothing when absent.
void kj_doc_put_from(bson_t *doc, const char *key, const bson_t *from, const char *path);
// Members of `from` under their own names, in the order of `names`, by one walk over it.
void kj_doc_put_fields(bson_t *doc, const bson_t *from, const char *const *names, size_t count);
// Members of `from`, nulls too, whose names `doc` does not have.
void kj_doc_put_new(bson_t *doc, const bson_t *from);
// Bytes of whole members, as they stand one after the other in another document.
void kj_doc_put_members(bson_t *doc, const uint8_t *members, size_t length);

// Appends to an array under construction: the key is the next index.
struct kj_doc_list {
    bson_t *array;
    uint32_t count;
    char key[16];
};
const char *kj_doc_next(struct kj_doc_list *list); // "0", "1", …

// A new document: `doc` with the top-level fields of `changes` put over it, in doc's order, new
// ones at the end; a null in `changes` removes the field. The caller destroys it.
bson_t *kj_doc_with(const bson_t *doc, const bson_t *changes);
// The same with documents merged at every depth (arrays are replaced).
bson_t *kj_doc_merge(const bson_t *doc, const bson_t *changes);
bool kj_doc_equal(const bson_t *a, const bson_t *b);
void kj_doc_clear(bson_t **doc); // destroys and forgets; NULL is fine
// At most so deep and so many values; bounded recursion, for documents from outside.
bool kj_doc_within(const bson_t *doc, int depth, size_t nodes);
// BSON from the first byte to the last, every text in it UTF-8.
bool kj_doc_sound(const bson_t *doc);

#endif
