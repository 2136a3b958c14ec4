// BSON from outside holds what JSON could hold, and dates: no other type, no duplicate key, no
// number that is none, no text that is no UTF-8 (bson_validate of libbson 1.23 lets that pass). So
// both encodings mean the same to every command.
#include "base/map.h"
#include "face/frame.h"

#include <math.h>
#include <string.h>

enum { k_few = 16 }; // up to so many members are compared one with another

static bool is_new(bson_iter_t first, const char *key, size_t index)
{
    for (size_t i = 0; i < index && bson_iter_next(&first); i++)
        if (strcmp(bson_iter_key(&first), key) == 0)
            return false;
    return true;
}

static bool check(bson_iter_t at, bool is_array, char *place, size_t size);

static bool check_value(const bson_iter_t *at, char *place, size_t size)
{
    bson_iter_t child;
    const char *text;
    uint32_t length;
    switch (bson_iter_type(at)) {
    case BSON_TYPE_UTF8:
        text = bson_iter_utf8(at, &length);
        return strlen(text) == length && kj_utf8_valid(text, length);
    case BSON_TYPE_BOOL:
    case BSON_TYPE_NULL:
    case BSON_TYPE_INT32:
    case BSON_TYPE_INT64:
    case BSON_TYPE_DATE_TIME:
        return true;
    case BSON_TYPE_DOUBLE:
        return isfinite(bson_iter_double(at));
    case BSON_TYPE_DOCUMENT:
    case BSON_TYPE_ARRAY:
        return bson_iter_recurse(at, &child) &&
               check(child, BSON_ITER_HOLDS_ARRAY(at), place, size);
    default:
        return false;
    }
}

static bool check(bson_iter_t at, bool is_array, char *place, size_t size)
{
    const bson_iter_t first = at;
    struct kj_map seen;
    bool good = true;
    size_t index = 0;
    kj_map_init(&seen);
    for (; good && bson_iter_next(&at); index++) {
        const char *key = bson_iter_key(&at);
        if (!kj_utf8_valid(key, strlen(key)))
            good = false;
        else if (is_array)
            good = check_value(&at, place, size);
        else if (index < k_few)
            good = is_new(first, key, index) && check_value(&at, place, size);
        else
            good = is_new(first, key, k_few) && kj_map_put(&seen, key, &seen) == NULL &&
                   check_value(&at, place, size);
        if (!good && place[0] == 0 && kj_utf8_valid(key, strlen(key)) && strlen(key) < size)
            kj_copy(place, size, key);
    }
    kj_map_fini(&seen);
    return good;
}

bool kj_frame_only_data(const bson_t *doc, char *place, size_t size)
{
    bson_iter_t at;
    place[0] = 0;
    return bson_iter_init(&at, doc) && check(at, false, place, size);
}
