// The bytes of a plan under construction: BSON written straight into buffers that are kept from
// call to call. libbson's appends (variadic, each with its own checks and growth) had 13 % of the
// time of evaluations, and printf for the lines of explain 9 %.
//
// Nothing here fails: memory that is not there ends the process, as in kj_alloc.
#ifndef KJ_PLAN_OUT_H
#define KJ_PLAN_OUT_H

#include <bson/bson.h>
#include <string.h>

struct kj_out {
    uint8_t *data;
    size_t length, capacity;
};

void kj_out_grow(struct kj_out *out, size_t more);
void kj_out_fini(struct kj_out *out);
// What a new document of the members written so far is made of; the caller destroys it.
bson_t *kj_out_doc(const struct kj_out *members);
// Members of a finished document, as they stand in it.
void kj_out_members_of(struct kj_out *out, const bson_t *doc);
void kj_out_real(struct kj_out *out, const char *key, double value);
void kj_out_number(struct kj_out *out, const char *key, double value); // whole ones as integers
// Nothing for a NULL or empty text; a letter that a cut has split goes.
void kj_out_words(struct kj_out *out, const char *key, const char *text);
// "%.14g" and "%lld" at `to` (which has 32 bytes of room); returns the end.
char *kj_print_real(char *to, double value);
char *kj_print_int(char *to, int64_t value);

static inline uint8_t *kj_out_room(struct kj_out *out, size_t size)
{
    if (out->capacity - out->length < size) {
        kj_out_grow(out, size);
    }
    return out->data + out->length;
}

static inline void kj_store32(uint8_t *at, size_t value)
{
    uint32_t little = BSON_UINT32_TO_LE((uint32_t)value);
    memcpy(at, &little, 4);
}

// Begins a member; returns where its `size` bytes of value go. Always inline, so that the length of
// a key that stands in the source is known: strlen had 4 % of the time of evaluations.
static inline __attribute__((always_inline)) uint8_t *
kj_out_key(struct kj_out *out, bson_type_t type, const char *key, size_t size)
{
    size_t length = strlen(key) + 1;
    uint8_t *at = kj_out_room(out, 1 + length + size);
    *at = (uint8_t)type;
    memcpy(at + 1, key, length);
    out->length += 1 + length + size;
    return at + 1 + length;
}

static inline __attribute__((always_inline)) void kj_out_bytes(struct kj_out *out, const char *key,
                                                               const char *text, size_t length)
{
    uint8_t *at = kj_out_key(out, BSON_TYPE_UTF8, key, 4 + length + 1);
    kj_store32(at, length + 1);
    memcpy(at + 4, text, length);
    at[4 + length] = 0;
}

static inline __attribute__((always_inline)) void kj_out_text(struct kj_out *out, const char *key,
                                                              const char *text)
{
    kj_out_bytes(out, key, text, strlen(text));
}

static inline __attribute__((always_inline)) void kj_out_int(struct kj_out *out, const char *key,
                                                             int64_t value)
{
    uint64_t little = BSON_UINT64_TO_LE((uint64_t)value);
    memcpy(kj_out_key(out, BSON_TYPE_INT64, key, 8), &little, 8);
}

static inline __attribute__((always_inline)) void kj_out_bool(struct kj_out *out, const char *key,
                                                              bool value)
{
    *kj_out_key(out, BSON_TYPE_BOOL, key, 1) = value;
}

static inline __attribute__((always_inline)) void kj_out_null(struct kj_out *out, const char *key)
{
    kj_out_key(out, BSON_TYPE_NULL, key, 0);
}

static inline void kj_out_raw(struct kj_out *out, const struct kj_out *members)
{
    if (members->length) {
        memcpy(kj_out_room(out, members->length), members->data, members->length);
        out->length += members->length;
    }
}

// A document or array: what open returns goes to close.
static inline __attribute__((always_inline)) size_t kj_out_open(struct kj_out *out,
                                                                bson_type_t type, const char *key)
{
    kj_out_key(out, type, key, 4);
    return out->length - 4;
}

static inline void kj_out_close(struct kj_out *out, size_t opened)
{
    *kj_out_room(out, 1) = 0;
    out->length++;
    kj_store32(out->data + opened, out->length - opened);
}

static inline __attribute__((always_inline)) void
kj_out_whole(struct kj_out *out, bson_type_t type, const char *key, const struct kj_out *members)
{
    size_t opened = kj_out_open(out, type, key);
    kj_out_raw(out, members);
    kj_out_close(out, opened);
}

// The key of a member of a list.
struct kj_out_index {
    char text[32];
};

static inline const char *kj_out_at(struct kj_out_index *index, uint32_t number)
{
    if (number < 10) {
        index->text[0] = (char)('0' + number);
        index->text[1] = '\0';
    } else {
        *kj_print_int(index->text, number) = '\0';
    }
    return index->text;
}

// Begins the member of a list; nearly all of them have a key of one digit.
static inline uint8_t *kj_out_item(struct kj_out *out, bson_type_t type, uint32_t number,
                                   size_t size)
{
    struct kj_out_index index;
    if (number >= 10) {
        return kj_out_key(out, type, kj_out_at(&index, number), size);
    }
    uint8_t *at = kj_out_room(out, 3 + size);
    at[0] = (uint8_t)type;
    at[1] = (uint8_t)('0' + number);
    at[2] = 0;
    out->length += 3 + size;
    return at + 3;
}

// A document of a list; what it returns goes to kj_out_close.
static inline size_t kj_out_open_item(struct kj_out *out, uint32_t number)
{
    kj_out_item(out, BSON_TYPE_DOCUMENT, number, 4);
    return out->length - 4;
}

#endif
