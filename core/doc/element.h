// Walks the bytes of a BSON document without libbson's iterator, which is several times slower and
// does not give lengths of keys. Every step is checked against the end: bytes that are not BSON
// end the walk, they never lead it outside.
#ifndef KJ_ELEMENT_H
#define KJ_ELEMENT_H

#include <bson/bson.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { KJ_ELEMENT_MAX_DEPTH = 200 }; // deeper documents are not followed by any walker of ours

// One member, borrowed from the document. For text (and symbols, code) `data` is the first
// character and `length` excludes the NUL; for documents and arrays the whole of it; for binary
// the bytes behind the subtype; else the payload.
struct kj_element {
    const char *key;
    const uint8_t *data;
    uint32_t key_length;
    uint32_t length;
    uint8_t type;
};

struct kj_members {
    const uint8_t *at, *end;
};

static inline uint32_t kj_load32(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, 4);
    return BSON_UINT32_FROM_LE(value);
}

static inline int64_t kj_load64(const uint8_t *at)
{
    uint64_t value;
    memcpy(&value, at, 8);
    return (int64_t)BSON_UINT64_FROM_LE(value);
}

static inline double kj_load_real(const uint8_t *at)
{
    uint64_t bits = (uint64_t)kj_load64(at);
    double value;
    memcpy(&value, &bits, 8);
    return value;
}

// An iteration over a document or array; one that is not well framed has no members.
static inline struct kj_members kj_members_of(const uint8_t *doc, size_t length)
{
    if (length < 5 || kj_load32(doc) > length || kj_load32(doc) < 5)
        return (struct kj_members){doc, doc};
    return (struct kj_members){doc + 4, doc + kj_load32(doc) - 1};
}

static inline struct kj_members kj_members_in(const bson_t *doc)
{
    return kj_members_of(bson_get_data(doc), doc->len);
}

// How the value of a common type stands behind its key. Its size plus one is `more` and, where it
// is counted, the length it begins with; that must be over `least`. What is shown begins behind
// `front` bytes and ends `back` bytes before the end. Of the other types everything is 0, so that
// no size of theirs is over the least.
struct kj_layout {
    uint32_t counted; // a row of eight bytes
    uint8_t more, least, front, back;
};
extern const struct kj_layout kj_layouts[256];

// The types of which the table knows where the value ends.
static inline bool kj_element_is_common(const struct kj_element *element)
{
    return kj_layouts[element->type].more;
}

// What is shown of the value up to `next`.
static inline void kj_element_set(struct kj_element *element, const uint8_t *value,
                                  const uint8_t *next)
{
    const struct kj_layout *layout = &kj_layouts[element->type];
    element->data = value + layout->front;
    element->length = (uint32_t)(next - element->data) - layout->back;
}

// The end of a value of a common type; NULL when it is of another or does not fit. Looks at four
// bytes. The branch is guessed well, and then the next member is looked at before the length of
// this one is known: without it a walk takes a twentieth of a rehearsal longer.
static inline const uint8_t *kj_value_end(uint8_t type, const uint8_t *value, const uint8_t *end)
{
    const struct kj_layout *layout = &kj_layouts[type];
    uint64_t over = layout->more;
    if (layout->counted)
        over += kj_load32(value);
    return over > layout->least && over <= (size_t)(end - value) + 1 ? value + over - 1 : NULL;
}

// Keys are short: nearly always one look tells where they end, and a second one where the value
// does. Both may be had, whatever stands there, where so many bytes are left.
enum { KJ_LOOK = 1 + 16 + 4 };

// The length of the key at `key`; 16 when it is longer than that, or cannot be told at a look.
static inline unsigned kj_key_look(const uint8_t *key)
{
#ifdef __SSE2__
    __m128i block = _mm_loadu_si128((const __m128i *)(const void *)key);
    int nul = _mm_movemask_epi8(_mm_cmpeq_epi8(block, _mm_setzero_si128()));
    return (unsigned)__builtin_ctz((unsigned)nul | 1u << 16);
#else
    (void)key;
    return 16;
#endif
}

// A step near the end, over a long key or an odd type. Where there is none, `at` stays.
bool kj_members_step(struct kj_members *members, struct kj_element *element);

static inline bool kj_members_next(struct kj_members *members, struct kj_element *element)
{
    const uint8_t *at = members->at, *end = members->end;
    unsigned length = end - at >= KJ_LOOK ? kj_key_look(at + 1) : 16;
    const uint8_t *value = at + 1 + length + 1;
    const uint8_t *next = length < 16 ? kj_value_end(*at, value, end) : NULL;
    if (next == NULL)
        return kj_members_step(members, element);
    element->type = *at;
    element->key = (const char *)at + 1;
    element->key_length = length;
    kj_element_set(element, value, next);
    members->at = next;
    return true;
}

// Keys of a length mostly differ in their first letter, and those that do not mostly are the same:
// both are seen without a call, by words that may lie over one another.
static inline bool kj_key_is(const char *key, size_t key_length, const char *name, size_t length)
{
    const uint8_t *a = (const uint8_t *)key, *b = (const uint8_t *)name;
    if (key_length != length || (length && *a != *b))
        return false;
    if (length < 4)
        return length < 2 || (a[1] == b[1] && a[length - 1] == b[length - 1]);
    if (length < 8)
        return kj_load32(a) == kj_load32(b) &&
               kj_load32(a + length - 4) == kj_load32(b + length - 4);
    if (length <= 16)
        return kj_load64(a) == kj_load64(b) &&
               kj_load64(a + length - 8) == kj_load64(b + length - 8);
    return memcmp(a, b, length) == 0;
}

// One of 64 bits, to be gathered over keys that are looked for: of most members one look tells that
// they are none of these.
static inline unsigned kj_key_slot(const char *key, size_t length)
{
    return (unsigned)(length * 7 + (uint8_t)*key) & 63;
}

static inline uint64_t kj_key_bit(const char *key, size_t length)
{
    return UINT64_C(1) << kj_key_slot(key, length);
}

// The first member from `at` on whose key may be one of those with these bits, or that must be
// looked at more closely.
static inline const uint8_t *kj_pass_others(const uint8_t *at, const uint8_t *end, uint64_t bits)
{
    while (end - at >= KJ_LOOK) {
        unsigned length = kj_key_look(at + 1);
        if (length == 16 || bits & kj_key_bit((const char *)at + 1, length))
            break;
        const uint8_t *next = kj_value_end(*at, at + 1 + length + 1, end);
        if (next == NULL)
            break;
        at = next;
    }
    return at;
}

// Numbers: int32, int64 and doubles.
static inline bool kj_element_is_number(const struct kj_element *element)
{
    return element->type == BSON_TYPE_INT64 || element->type == BSON_TYPE_DOUBLE ||
           element->type == BSON_TYPE_INT32;
}

// int32, int64, and doubles that are whole numbers within int64.
bool kj_element_int(const struct kj_element *element, int64_t *value);
// As a double; 0 for what is no number.
double kj_element_real(const struct kj_element *element);
// The member by name; the first one when a key is repeated.
bool kj_element_find(const uint8_t *doc, size_t length, const char *key, size_t key_length,
                     struct kj_element *found);
// What stands at a path (doc.h); false also when either is NULL.
bool kj_element_look(const bson_t *doc, const char *path, struct kj_element *found);
// Several members by one walk, each the first of its name; where there is none the key is NULL. Of
// many members one look tells that they are none of these.
enum { KJ_PICK_MOST = 32 };
void kj_element_pick(const bson_t *doc, const char *const *names, size_t count,
                     struct kj_element *found);
// The element under a libbson iterator.
bool kj_element_at(const bson_iter_t *iter, struct kj_element *element);

// As JSON, as it would stand in a document (json_write.c).
struct kj_buf;
void kj_element_write(const struct kj_element *element, struct kj_buf *out);

// Equal in the sense of JSON: numbers by value (1 equals 1.0), members in any order.
bool kj_element_equal(const struct kj_element *a, const struct kj_element *b);
bool kj_element_equal_docs(const uint8_t *a, size_t a_length, const uint8_t *b, size_t b_length);
// Equal elements have equal hashes.
uint64_t kj_element_hash(const struct kj_element *element);
// -1, 0, 1 for two numbers, exact also between int64 and double.
int kj_element_compare(const struct kj_element *a, const struct kj_element *b);

// The members of a document sorted by key, for look-ups in large ones.
struct kj_element_index {
    struct kj_element *elements;
    size_t count;
};
void kj_element_index_init(struct kj_element_index *index, const uint8_t *doc, size_t length);
void kj_element_index_fini(struct kj_element_index *index);
const struct kj_element *kj_element_index_find(const struct kj_element_index *index,
                                               const char *key, size_t key_length);

#endif
