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

// Copies what stays in a run, and the texts in it move along.
static uint8_t *put_run(uint8_t *to, const uint8_t *run, const uint8_t *end,
                        struct kj_value values[KJ_FIELDS_MAX])
{
    memcpy(to, run, (size_t)(end - run));
    for (size_t i = 0; values && i < KJ_FIELDS_MAX; i++) {
        const uint8_t *text = (const uint8_t *)values[i].text;
        if (values[i].kind == KJ_VALUE_TEXT && text >= run && text < end)
            values[i].text = (const char *)to + (text - run);
    }
    return to + (end - run);
}

// The elements of `doc` but for the stamps, which mostly stand first; returns their end.
static uint8_t *put_rest(uint8_t *to, const bson_t *doc, size_t stamps,
                         struct kj_value values[KJ_FIELDS_MAX])
{
    struct kj_members members = kj_members_in(doc);
    struct kj_element element;
    const uint8_t *run = members.at, *from = members.at;
    for (; stamps && kj_members_next(&members, &element); from = members.at) {
        if (!kj_is_stamp(&element))
            continue;
        to = put_run(to, run, from, values);
        run = members.at;
        stamps--;
    }
    return put_run(to, run, members.end, values);
}

bson_t *kj_stamped(const bson_t *doc, size_t stamps, int64_t id, int64_t version,
                   const char *workspace, struct kj_value values[KJ_FIELDS_MAX])
{
    enum { FRAME = 5 };
    size_t front = sizeof "_id" + INT64_ELEMENT + sizeof "version" + INT64_ELEMENT + 1 +
                   sizeof "workspace" + 4 + strlen(workspace) + 1;
    size_t most = front + doc->len;             // with the frame
    bson_t *out = bson_sized_new(most + FRAME); // what is reserved comes on top of its own
    uint8_t *start = bson_reserve_buffer(out, (uint32_t)most);
    uint8_t *to = put_int64(start + 4, "_id", id);
    to = put_int64(to, "version", version);
    to = put_text(to, "workspace", workspace);
    to = put_rest(to, doc, stamps, values);
    *to++ = 0;
    out->len = (uint32_t)(to - start);
    uint32_t little = BSON_UINT32_TO_LE(out->len);
    memcpy(start, &little, sizeof little);
    return out;
}

const char *kj_stamped_workspace(const bson_t *stored)
{
    size_t before = 4 + sizeof "_id" + INT64_ELEMENT + sizeof "version" + INT64_ELEMENT;
    return (const char *)bson_get_data(stored) + before + 1 + sizeof "workspace" + 4;
}
