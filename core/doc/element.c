// The slower half of the BSON walker: odd types, comparison, hashing, sorted look-up.
#include "doc/element.h"

#include "base/alloc.h"

#include <stdlib.h>

#define FIXED(size)                 \
    {                               \
        0, (size) + 1, (size), 0, 0 \
    }
#define WHOLE         \
    {                 \
        1, 1, 5, 0, 0 \
    }

const struct kj_layout kj_layouts[256] = {
    [BSON_TYPE_UTF8] = {1, 5, 5, 4, 1}, // counted with its NUL, without the length itself
    [BSON_TYPE_DOCUMENT] = WHOLE,       [BSON_TYPE_ARRAY] = WHOLE,
    [BSON_TYPE_INT64] = FIXED(8),       [BSON_TYPE_DOUBLE] = FIXED(8),
    [BSON_TYPE_DATE_TIME] = FIXED(8),   [BSON_TYPE_BOOL] = FIXED(1),
    [BSON_TYPE_INT32] = FIXED(4),       [BSON_TYPE_NULL] = FIXED(0),
};

static bool fixed_payload(struct kj_members *members, struct kj_element *element, uint32_t length)
{
    if ((size_t)(members->end - members->at) < length)
        return false;
    element->data = members->at;
    element->length = length;
    members->at += length;
    return true;
}

// Two NUL-terminated strings in a row.
static bool regex_payload(struct kj_members *members, struct kj_element *element)
{
    const uint8_t *start = members->at;
    for (int i = 0; i < 2; i++) {
        const uint8_t *nul = memchr(members->at, 0, (size_t)(members->end - members->at));
        if (nul == NULL)
            return false;
        members->at = nul + 1;
    }
    element->data = start;
    element->length = (uint32_t)(members->at - start);
    return true;
}

// int32 length, then that many bytes and `extra` more, of which the last `hidden` are not shown.
static bool counted_payload(struct kj_members *members, struct kj_element *element, uint32_t extra,
                            uint32_t hidden)
{
    size_t left = (size_t)(members->end - members->at);
    if (left < 4)
        return false;
    uint64_t length = (uint64_t)kj_load32(members->at) + extra;
    if (length < hidden || length > left - 4)
        return false;
    element->data = members->at + 4;
    element->length = (uint32_t)length - hidden;
    members->at += 4 + length;
    return true;
}

static bool scoped_payload(struct kj_members *members, struct kj_element *element)
{
    uint32_t length = members->end - members->at < 4 ? 0 : kj_load32(members->at);
    return length >= 4 && fixed_payload(members, element, length);
}

// The subtype is not shown.
static bool binary_payload(struct kj_members *members, struct kj_element *element)
{
    if (!counted_payload(members, element, 1, 0))
        return false;
    element->data++;
    element->length--;
    return true;
}

static bool odd_payload(struct kj_members *members, struct kj_element *element)
{
    switch (element->type) {
    case BSON_TYPE_BOOL: // the last member of a document, too short for a look
        return fixed_payload(members, element, 1);
    case BSON_TYPE_NULL:
    case BSON_TYPE_UNDEFINED:
        return fixed_payload(members, element, 0);
    case BSON_TYPE_OID:
        return fixed_payload(members, element, 12);
    case BSON_TYPE_TIMESTAMP:
        return fixed_payload(members, element, 8);
    case BSON_TYPE_DECIMAL128:
        return fixed_payload(members, element, 16);
    case BSON_TYPE_REGEX:
        return regex_payload(members, element);
    case BSON_TYPE_CODE:
    case BSON_TYPE_SYMBOL:
        return counted_payload(members, element, 0, 1);
    case BSON_TYPE_DBPOINTER:
        return counted_payload(members, element, 12, 12);
    case BSON_TYPE_CODEWSCOPE:
        return scoped_payload(members, element);
    case BSON_TYPE_BINARY:
        return binary_payload(members, element);
    default: // MAXKEY and MINKEY, or no type at all
        return (element->type == BSON_TYPE_MAXKEY || element->type == BSON_TYPE_MINKEY) &&
               fixed_payload(members, element, 0);
    }
}

bool kj_members_step(struct kj_members *members, struct kj_element *element)
{
    const uint8_t *at = members->at, *end = members->end;
    if (at >= end)
        return false;
    const uint8_t *nul = memchr(at + 1, 0, (size_t)(end - at - 1));
    if (nul == NULL)
        return false;
    *element = (struct kj_element){
        .type = *at, .key = (const char *)at + 1, .key_length = (uint32_t)(nul - at - 1)};
    members->at = nul + 1;
    const uint8_t *next = end - nul > 4 ? kj_value_end(*at, nul + 1, end) : NULL;
    if (next == NULL) {
        bool fits = odd_payload(members, element);
        members->at = fits ? members->at : at; // so that the end is reached by what is sound alone
        return fits;
    }
    kj_element_set(element, nul + 1, next);
    members->at = next;
    return true;
}

bool kj_element_int(const struct kj_element *element, int64_t *value)
{
    double real;
    switch (element->type) {
    case BSON_TYPE_INT64:
        *value = kj_load64(element->data);
        return true;
    case BSON_TYPE_INT32:
        *value = (int32_t)kj_load32(element->data);
        return true;
    case BSON_TYPE_DOUBLE:
        real = kj_load_real(element->data);
        if (!(real >= -0x1p63 && real < 0x1p63) || real != (double)(int64_t)real)
            return false;
        *value = (int64_t)real;
        return true;
    default:
        return false;
    }
}

double kj_element_real(const struct kj_element *element)
{
    switch (element->type) {
    case BSON_TYPE_DOUBLE:
        return kj_load_real(element->data);
    case BSON_TYPE_INT64:
        return (double)kj_load64(element->data);
    case BSON_TYPE_INT32:
        return (double)(int32_t)kj_load32(element->data);
    default:
        return 0;
    }
}

bool kj_element_at(const bson_iter_t *iter, struct kj_element *element)
{
    if (iter->raw == NULL || iter->off >= iter->len)
        return false;
    struct kj_members members = {iter->raw + iter->off, iter->raw + iter->len};
    return kj_members_next(&members, element);
}

static int compare_int_real(int64_t a, double b)
{
    if (!(b < 0x1p63)) // also for what is not a number
        return -1;
    if (b < -0x1p63)
        return 1;
    int64_t whole = (int64_t)b; // towards zero
    if (a != whole)
        return a < whole ? -1 : 1;
    double rest = b - (double)whole;
    return rest > 0 ? -1 : rest < 0;
}

int kj_element_compare(const struct kj_element *a, const struct kj_element *b)
{
    bool a_real = a->type == BSON_TYPE_DOUBLE, b_real = b->type == BSON_TYPE_DOUBLE;
    int64_t m = 0, n = 0;
    if (a->type == BSON_TYPE_INT64 && b->type == BSON_TYPE_INT64) { // nearly always
        m = kj_load64(a->data);
        n = kj_load64(b->data);
        return m < n ? -1 : m > n;
    }
    if (a_real && b_real) {
        double x = kj_load_real(a->data), y = kj_load_real(b->data);
        return x < y ? -1 : x > y;
    }
    if (!a_real)
        kj_element_int(a, &m);
    if (!b_real)
        kj_element_int(b, &n);
    if (a_real)
        return -compare_int_real(n, kj_load_real(a->data));
    if (b_real)
        return compare_int_real(m, kj_load_real(b->data));
    return m < n ? -1 : m > n;
}

static int by_key(const void *x, const void *y)
{
    const struct kj_element *a = x, *b = y;
    uint32_t shorter = a->key_length < b->key_length ? a->key_length : b->key_length;
    int order = memcmp(a->key, b->key, shorter);
    if (order)
        return order;
    if (a->key_length != b->key_length)
        return a->key_length < b->key_length ? -1 : 1;
    return a->key < b->key ? -1 : a->key > b->key; // repeated keys stay in order
}

void kj_element_index_init(struct kj_element_index *index, const uint8_t *doc, size_t length)
{
    struct kj_members members = kj_members_of(doc, length);
    struct kj_element element;
    size_t capacity = 0;
    *index = (struct kj_element_index){0};
    while (kj_members_next(&members, &element)) {
        if (index->count == capacity) {
            capacity = capacity ? capacity * 2 : 32;
            index->elements = kj_realloc(index->elements, capacity * sizeof *index->elements);
        }
        index->elements[index->count++] = element;
    }
    if (index->count > 1)
        qsort(index->elements, index->count, sizeof *index->elements, by_key);
}

void kj_element_index_fini(struct kj_element_index *index)
{
    free(index->elements);
    *index = (struct kj_element_index){0};
}

const struct kj_element *kj_element_index_find(const struct kj_element_index *index,
                                               const char *key, size_t key_length)
{
    size_t low = 0, high = index->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct kj_element *at = &index->elements[middle];
        size_t shorter = at->key_length < key_length ? at->key_length : key_length;
        int order = memcmp(at->key, key, shorter);
        if (order == 0 && at->key_length == key_length)
            return at;
        if (order < 0 || (order == 0 && at->key_length < key_length))
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static bool equal_at(const struct kj_element *a, const struct kj_element *b, int depth);

static bool equal_sorted(const struct kj_element *a, const struct kj_element *b, int depth)
{
    struct kj_element_index left, right;
    kj_element_index_init(&left, a->data, a->length);
    kj_element_index_init(&right, b->data, b->length);
    bool same = left.count == right.count;
    for (size_t i = 0; same && i < left.count; i++) {
        const struct kj_element *x = &left.elements[i], *y = &right.elements[i];
        same = x->key_length == y->key_length && memcmp(x->key, y->key, x->key_length) == 0 &&
               equal_at(x, y, depth - 1);
    }
    kj_element_index_fini(&left);
    kj_element_index_fini(&right);
    return same;
}

// In the order they come; only when the keys differ in order is it worth sorting.
static bool equal_members(const struct kj_element *a, const struct kj_element *b, int depth)
{
    struct kj_members left = kj_members_of(a->data, a->length);
    struct kj_members right = kj_members_of(b->data, b->length);
    struct kj_element x, y;
    for (;;) {
        bool more = kj_members_next(&left, &x), other = kj_members_next(&right, &y);
        if (more != other)
            return false;
        if (!more)
            return true;
        if (a->type == BSON_TYPE_DOCUMENT &&
            (x.key_length != y.key_length || memcmp(x.key, y.key, x.key_length) != 0))
            return equal_sorted(a, b, depth);
        if (!equal_at(&x, &y, depth - 1))
            return false;
    }
}

static bool equal_at(const struct kj_element *a, const struct kj_element *b, int depth)
{
    if (kj_element_is_number(a) && kj_element_is_number(b))
        return kj_element_compare(a, b) == 0;
    if (a->type != b->type || depth <= 0)
        return false;
    if (a->type == BSON_TYPE_DOCUMENT || a->type == BSON_TYPE_ARRAY)
        return equal_members(a, b, depth);
    return a->length == b->length && memcmp(a->data, b->data, a->length) == 0;
}

bool kj_element_equal(const struct kj_element *a, const struct kj_element *b)
{
    return equal_at(a, b, KJ_ELEMENT_MAX_DEPTH);
}

bool kj_element_equal_docs(const uint8_t *a, size_t a_length, const uint8_t *b, size_t b_length)
{
    struct kj_element x = {.type = BSON_TYPE_DOCUMENT, .data = a, .length = (uint32_t)a_length};
    struct kj_element y = {.type = BSON_TYPE_DOCUMENT, .data = b, .length = (uint32_t)b_length};
    return kj_element_equal(&x, &y);
}

static uint64_t mix(uint64_t hash, const void *bytes, size_t length)
{
    const uint8_t *at = bytes;
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ at[i]) * 0x100000001b3u;
    return hash;
}

static uint64_t hash_at(const struct kj_element *element, int depth)
{
    const uint64_t seed = 0xcbf29ce484222325u;
    uint64_t sum = 0;
    if (kj_element_is_number(element)) {
        double real = kj_element_real(element) + 0.0; // -0 and 0 are equal
        return mix(seed, &real, sizeof real);
    }
    if (element->type != BSON_TYPE_DOCUMENT && element->type != BSON_TYPE_ARRAY)
        return mix(seed ^ element->type, element->data, element->length);
    if (depth <= 0)
        return seed;
    struct kj_members members = kj_members_of(element->data, element->length);
    struct kj_element child;
    uint64_t place = 1;
    while (kj_members_next(&members, &child)) {
        uint64_t hash = hash_at(&child, depth - 1);
        if (element->type == BSON_TYPE_DOCUMENT) // any order: a sum
            sum += mix(hash, child.key, child.key_length);
        else
            sum += hash * (place += 2);
    }
    return sum ^ seed ^ element->type;
}

uint64_t kj_element_hash(const struct kj_element *element)
{
    return hash_at(element, KJ_ELEMENT_MAX_DEPTH);
}
