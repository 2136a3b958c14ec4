// Writes the store's own fields in front of a document. By hand, because this runs for every write
// and appending field by field through libbson costs several times as much as the bytes need.
#include "store/collections.h"

#include <string.h>

enum { INT64_ELEMENT = 1 + 8 }; // type byte and value, without the name

static uint8_t *put_int64(uint8_t *to, const char *name, int64_t value)
{
    size_t length = strlen(name) + 1;
    uint64_t little = BSON_UINT64_TO_LE((uint64_t)value);
    *to++ = BSON_TYPE_INT64;
    memcpy(to, name, length);
    memcpy(to + length, &little, sizeof little);
    return to + length + sizeof little;
}

static uint8_t *put_text(uint8_t *to, const char *name, const char *text)
{
    size_t length = strlen(name) + 1, size = strlen(text) + 1;
    uint32_t little = BSON_UINT32_TO_LE((uint32_t)size);
    *to++ = BSON_TYPE_UTF8;
    memcpy(to, name, length);
    memcpy(to + length, &little, sizeof little);
    memcpy(to + length + sizeof little, text, size);
    return to + length + sizeof little + size;
}

// The elements of `doc` but for the stamps; returns their end.
static uint8_t *put_rest(uint8_t *to, const bson_t *doc, bool stamped)
{
    const uint8_t *bytes = bson_get_data(doc);
    if (!stamped) {
        memcpy(to, bytes + 4, doc->len - 5);
        return to + doc->len - 5;
    }
    struct kj_members members = kj_members_in(doc);
    struct kj_element element;
    const uint8_t *run = members.at, *from = members.at; // what stays is copied in runs
    for (; kj_members_next(&members, &element); from = members.at) {
        if (!kj_is_stamp(element.key))
            continue;
        memcpy(to, run, (size_t)(from - run));
        to += from - run;
        run = members.at;
    }
    memcpy(to, run, (size_t)(from - run));
    return to + (from - run);
}

bson_t *kj_stamped(const bson_t *doc, bool stamped, int64_t id, int64_t version,
                   const char *workspace)
{
    size_t stamps = sizeof "_id" + INT64_ELEMENT + sizeof "version" + INT64_ELEMENT + 1 +
                    sizeof "workspace" + 4 + strlen(workspace) + 1;
    size_t most = stamps + doc->len; // with the frame of 5 bytes
    bson_t *out = bson_sized_new(most);
    uint8_t *start = bson_reserve_buffer(out, (uint32_t)most);
    uint8_t *to = put_int64(start + 4, "_id", id);
    to = put_int64(to, "version", version);
    to = put_text(to, "workspace", workspace);
    to = put_rest(to, doc, stamped);
    *to++ = 0;
    out->len = (uint32_t)(to - start);
    uint32_t little = BSON_UINT32_TO_LE(out->len);
    memcpy(start, &little, sizeof little);
    return out;
}
