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

// How the value of a common type stands behind its key. Its size plus one is `more` and, where all
// bits of `counted` are set, the length it begins with; that must be over `least`. What is shown
// begins behind `front` bytes and ends `back` bytes before the end. Of the other types everything
// is 0, so that no size of theirs is over the least.
struct kj_layout {
    uint32_t counted;
    uint8_t more, least, front, back;
};
extern const struct kj_layout kj_layouts[256];

// The types of which the table knows where the value ends.
static inline bool kj_element_is_common(const struct kj_element *element)
{
    return kj_layouts[element->type].more;
}

// The end of a value of a common type, found without a branch by type; NULL when the type is
// another, when it does not fit, or when so near the end nothing can be told at a look.
static inline const uint8_t *kj_value_end(uint8_t type, const uint8_t *value, const uint8_t *end)
{
    const struct kj_layout *layout = &kj_layouts[type];
    size_t left = (size_t)(end - value);
    if (left < 4)
        return NULL;
    uint64_t over = layout->more + (uint64_t)(kj_load32(value) & layout->counted);
    return over > layout->least && over <= left + 1 ? value + over - 1 : NULL;
}

// What is shown of the value up to `next`, as kj_value_end gave it.
static inline void kj_element_set(struct kj_element *element, const uint8_t *value,
                                  const uint8_t *next)
{
    const struct kj_layout *layout = &kj_layouts[element->type];
    element->data = value + layout->front;
    element->length = (uint32_t)(next - element->data) - layout->back;
}

// The value at members->at of which kj_value_end can say nothing; false when it does not fit.
bool kj_members_odd(struct kj_members *members, struct kj_element *element);

// The NUL behind a key. Keys are short: nearly always one look tells, where a call to memchr costs
// more than all the rest of a step.
static inline const uint8_t *kj_key_end(const uint8_t *at, const uint8_t *end)
{
#ifdef __SSE2__
    if (end - at >= 16) {
        __m128i block = _mm_loadu_si128((const __m128i *)(const void *)at);
        int nul = _mm_movemask_epi8(_mm_cmpeq_epi8(block, _mm_setzero_si128()));
        if (nul)
            return at + __builtin_ctz((unsigned)nul);
    }
#endif
    return memchr(at, 0, (size_t)(end - at));
}

static inline bool kj_members_next(struct kj_members *members, struct kj_element *element)
{
    if (members->at >= members->end)
        return false;
    element->type = *members->at++;
    element->key = (const char *)members->at;
    const uint8_t *nul = kj_key_end(members->at, members->end);
    if (nul == NULL)
        return false;
    element->key_length = (uint32_t)(nul - members->at);
    members->at = nul + 1;
    const uint8_t *next = kj_value_end(element->type, members->at, members->end);
    if (next == NULL)
        return kj_members_odd(members, element);
    kj_element_set(element, members->at, next);
    members->at = next;
    return true;
}

// Keys of a length mostly differ in their first letter: a look that spares the call.
static inline bool kj_key_is(const char *key, size_t key_length, const char *name, size_t length)
{
    return key_length == length && (length == 0 || *key == *name) && memcmp(key, name, length) == 0;
}

// One of 64 bits, to be gathered over keys that are looked for: of most members one look tells that
// they are none of these.
static inline uint64_t kj_key_bit(const char *key, size_t length)
{
    return UINT64_C(1) << ((length * 7 + (uint8_t)*key) & 63);
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
