// BSON from outside holds what JSON could hold, and dates: no other type, no duplicate key, no
// number that is none, no text that is no UTF-8. So both encodings mean the same to every command.
//
// Framing, depth, count and content are judged in one walk over the bytes: as separate passes, two
// of them by libbson's iterators, they cost more than all the rest of a request with many jobs.
#include "base/map.h"
#include "doc/element.h"
#include "doc/json.h"

#include <math.h>
#include <string.h>

enum { k_few = 16 }; // up to so many members are compared one with another

struct walk {
    size_t nodes; // that may still come
    bool limited; // too deep, or too many
    char *place;
    size_t size;
};

// The keys of one document. `marks` has a bit for what a key looks like: nearly always it tells
// that none like it was there, where each had to be compared with all before it.
struct keys {
    uint64_t marks;
    size_t count;
    struct kj_map later; // beyond the first few; made when there are so many
    const char *first[k_few];
    uint32_t lengths[k_few];
};

static uint64_t mark_of(const struct kj_element *element)
{
    const unsigned char *key = (const unsigned char *)element->key; // behind it stands a NUL
    uint32_t length = element->key_length, last = length ? key[length - 1] : 0;
    return UINT64_C(1) << ((key[0] * 5 + last * 3 + length * 7) % 64);
}

static bool is_among(const struct keys *keys, const struct kj_element *element, size_t few)
{
    for (size_t i = 0; i < few; i++)
        if (keys->lengths[i] == element->key_length &&
            memcmp(keys->first[i], element->key, element->key_length) == 0)
            return true;
    return false;
}

static bool is_new(struct keys *keys, const struct kj_element *element)
{
    size_t few = keys->count < k_few ? keys->count : k_few;
    uint64_t mark = mark_of(element);
    if (keys->marks & mark && is_among(keys, element, few))
        return false;
    keys->marks |= mark;
    if (keys->count++ >= k_few) {
        if (keys->count == k_few + 1)
            kj_map_init(&keys->later);
        return kj_map_put(&keys->later, element->key, keys) == NULL;
    }
    keys->first[few] = element->key;
    keys->lengths[few] = element->key_length;
    return true;
}

// --- texts ---

// All of them ASCII and none NUL: taking one from such a byte leaves its highest bit clear.
static inline bool eight_plain(const char *at)
{
    uint64_t bytes;
    memcpy(&bytes, at, 8);
    return !((bytes | (bytes - UINT64_C(0x0101010101010101))) & UINT64_C(0x8080808080808080));
}

// Most texts are nothing else, and most are short: one look for both.
static inline bool is_plain(const char *text, size_t length)
{
    size_t at = 0;
    for (; length - at >= 8; at += 8)
        if (!eight_plain(text + at))
            return false;
    if (length >= 8)
        return eight_plain(text + length - 8); // the last eight hold all the rest
    for (; at < length; at++)
        if ((signed char)text[at] <= 0)
            return false;
    return true;
}

static bool is_text(const char *text, size_t length)
{
    return is_plain(text, length) ||
           (memchr(text, 0, length) == NULL && kj_utf8_valid(text, length));
}

static bool check(const struct kj_element *container, int depth, struct walk *walk);

static bool check_value(const struct kj_element *element, int depth, struct walk *walk)
{
    const char *text = (const char *)element->data;
    switch (element->type) {
    case BSON_TYPE_UTF8:
        return text[element->length] == 0 && is_text(text, element->length);
    case BSON_TYPE_BOOL:
        return element->data[0] <= 1;
    case BSON_TYPE_NULL:
    case BSON_TYPE_INT32:
    case BSON_TYPE_INT64:
    case BSON_TYPE_DATE_TIME:
        return true;
    case BSON_TYPE_DOUBLE:
        return isfinite(kj_load_real(element->data));
    case BSON_TYPE_DOCUMENT:
    case BSON_TYPE_ARRAY:
        return check(element, depth - 1, walk);
    default:
        return false;
    }
}

static bool is_framed(const struct kj_element *container)
{
    return container->length >= 5 && kj_load32(container->data) == container->length &&
           container->data[container->length - 1] == 0;
}

// `keys` is NULL within an array.
static bool check_member(const struct kj_element *element, struct keys *keys, int depth,
                         struct walk *walk)
{
    walk->limited = walk->nodes-- == 0;
    bool readable = is_text(element->key, element->key_length);
    if (!walk->limited && readable && (keys == NULL || is_new(keys, element)) &&
        check_value(element, depth, walk))
        return true;
    if (readable && walk->place[0] == 0 && element->key_length < walk->size)
        kj_copy(walk->place, walk->size, element->key);
    return false;
}

static bool check(const struct kj_element *container, int depth, struct walk *walk)
{
    struct keys keys; // only what is counted is read: to clear it all took as long as the walk
    struct kj_element element;
    bool is_array = container->type == BSON_TYPE_ARRAY, good = true;
    walk->limited = walk->limited || depth <= 0;
    if (walk->limited || !is_framed(container))
        return false;
    struct kj_members members = kj_members_of(container->data, container->length);
    keys.marks = keys.count = 0;
    while (good && kj_members_next(&members, &element))
        good = check_member(&element, is_array ? NULL : &keys, depth, walk);
    if (keys.count > k_few)
        kj_map_fini(&keys.later);
    return good && members.at == members.end;
}

int kj_doc_only_data(const void *bytes, size_t length, const struct kj_json_limits *limits,
                     char *place, size_t size)
{
    struct walk walk = {.nodes = limits->nodes, .place = place, .size = size};
    struct kj_element whole = {
        .data = bytes, .length = (uint32_t)length, .type = BSON_TYPE_DOCUMENT};
    place[0] = 0;
    if (check(&whole, limits->depth, &walk))
        return KJ_OK;
    return walk.limited ? KJ_ELIMIT : KJ_EPARSE;
}
