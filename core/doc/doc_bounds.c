// What a document is that comes in as BSON and was never read by our codec: whole, in UTF-8, and
// not too deep or too large.
#include "base/str.h"
#include "doc/doc.h"
#include "doc/element.h"

static bool within(bson_iter_t *at, int depth, size_t *left)
{
    while (bson_iter_next(at)) {
        bson_iter_t child;
        if (*left == 0)
            return false;
        --*left;
        bool nested = BSON_ITER_HOLDS_DOCUMENT(at) || BSON_ITER_HOLDS_ARRAY(at);
        if (nested &&
            (depth <= 1 || !bson_iter_recurse(at, &child) || !within(&child, depth - 1, left)))
            return false;
    }
    return true;
}

bool kj_doc_within(const bson_t *doc, int depth, size_t nodes)
{
    bson_iter_t at;
    return bson_iter_init(&at, doc) && within(&at, depth, &nodes);
}

static bool plain_value(const struct kj_element *at)
{
    const char *text = (const char *)at->data;
    if (at->type == BSON_TYPE_UTF8) // there is a NUL at the end of the document at the latest
        return strlen(text) == at->length && kj_utf8_valid(text, at->length);
    return kj_element_is_common(at) && (at->type != BSON_TYPE_BOOL || *at->data < 2);
}

// Only common types, each in its place up to the end, where a NUL stands.
static bool plain(const uint8_t *doc, size_t length, int depth)
{
    struct kj_members members = kj_members_of(doc, length);
    struct kj_element at;
    if (depth == 0 || members.at == doc || kj_load32(doc) != length || *members.end != 0)
        return false;
    while (kj_members_next(&members, &at)) {
        if (!plain_value(&at) || !kj_utf8_valid(at.key, at.key_length))
            return false;
        bool nested = at.type == BSON_TYPE_DOCUMENT || at.type == BSON_TYPE_ARRAY;
        if (nested && !plain(at.data, at.length, depth - 1))
            return false;
    }
    return members.at == members.end;
}

// libbson has the last word, but what is plain it would only look at for longer.
bool kj_doc_sound(const bson_t *doc)
{
    return plain(bson_get_data(doc), doc->len, KJ_ELEMENT_MAX_DEPTH / 2) ||
           bson_validate(doc, BSON_VALIDATE_UTF8, NULL);
}
