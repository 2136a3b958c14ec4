// Putting changes over a document. Bytes of unchanged members are copied as they are.
#include "doc/doc.h"
#include "doc/element.h"

// Between two documents, the merge is O(n log m): both may come from outside.
static void append(bson_t *out, const struct kj_element *element, const uint8_t *owner,
                   size_t owner_length)
{
    bson_iter_t at;
    uint32_t offset = (uint32_t)((const uint8_t *)element->key - 1 - owner);
    if (bson_iter_init_from_data_at_offset(&at, owner, owner_length, offset, element->key_length))
        bson_append_iter(out, element->key, (int)element->key_length, &at);
}

static bool removes(const struct kj_element *change)
{
    return change->type == BSON_TYPE_NULL || change->type == BSON_TYPE_UNDEFINED;
}

static void merge_into(bson_t *out, const struct kj_element *doc, const struct kj_element *changes,
                       int depth);

// A change stands at its key: as it is, or merged into what was there.
static void put_change(bson_t *out, const struct kj_element *old, const struct kj_element *change,
                       const struct kj_element *changes, int depth)
{
    static const uint8_t empty[] = {5, 0, 0, 0, 0};
    const struct kj_element nothing = {.data = empty, .length = sizeof empty};
    if (removes(change))
        return;
    if (depth <= 0 || change->type != BSON_TYPE_DOCUMENT) {
        append(out, change, changes->data, changes->length);
        return;
    }
    bson_t child;
    bool both = old && old->type == BSON_TYPE_DOCUMENT;
    bson_append_document_begin(out, change->key, (int)change->key_length, &child);
    merge_into(&child, both ? old : &nothing, change, depth - 1);
    bson_append_document_end(out, &child);
}

static void merge_into(bson_t *out, const struct kj_element *doc, const struct kj_element *changes,
                       int depth)
{
    struct kj_element_index new_members, old_members;
    struct kj_element element;
    kj_element_index_init(&new_members, changes->data, changes->length);
    kj_element_index_init(&old_members, doc->data, doc->length);
    struct kj_members members = kj_members_of(doc->data, doc->length);
    while (kj_members_next(&members, &element)) {
        const struct kj_element *change =
            kj_element_index_find(&new_members, element.key, element.key_length);
        if (change)
            put_change(out, &element, change, changes, depth);
        else
            append(out, &element, doc->data, doc->length);
    }
    members = kj_members_of(changes->data, changes->length);
    while (kj_members_next(&members, &element))
        if (!kj_element_index_find(&old_members, element.key, element.key_length))
            put_change(out, NULL, &element, changes, depth);
    kj_element_index_fini(&new_members);
    kj_element_index_fini(&old_members);
}

static bson_t *merged(const bson_t *doc, const bson_t *changes, int depth)
{
    bson_t *out = bson_sized_new(doc->len + changes->len);
    struct kj_element a = {.data = bson_get_data(doc), .length = doc->len};
    struct kj_element b = {.data = bson_get_data(changes), .length = changes->len};
    merge_into(out, &a, &b, depth);
    return out;
}

// --- the shallow case, on the path of every job: whole members are copied, unchanged ones in runs

enum { FRAME = 5, FEW_CHANGES = 24 }; // looked for one by one; more go by the sorted index above

struct change {
    struct kj_element element;
    const uint8_t *bytes; // the whole member, type and key included
    size_t size;
    bool placed;
};

static struct change *change_of(struct change *changes, size_t count,
                                const struct kj_element *element)
{
    for (size_t i = 0; i < count; i++)
        if (kj_key_is(changes[i].element.key, changes[i].element.key_length, element->key,
                      element->key_length))
            return &changes[i];
    return NULL;
}

// Of a key that is repeated the first counts. FEW_CHANGES + 1 when there are more.
static size_t list_changes(const bson_t *doc, struct change changes[FEW_CHANGES], uint64_t *bits)
{
    struct kj_members members = kj_members_in(doc);
    struct kj_element element;
    size_t count = 0;
    for (const uint8_t *from = members.at; kj_members_next(&members, &element); from = members.at) {
        uint64_t bit = kj_key_bit(element.key, element.key_length);
        if (*bits & bit && change_of(changes, count, &element))
            continue;
        *bits |= bit;
        if (count == FEW_CHANGES)
            return FEW_CHANGES + 1;
        changes[count++] = (struct change){element, from, (size_t)(members.at - from), false};
    }
    return count;
}

static uint8_t *copy(uint8_t *to, const uint8_t *from, size_t size)
{
    memcpy(to, from, size);
    return to + size;
}

static uint8_t *copy_change(uint8_t *to, struct change *change)
{
    change->placed = true;
    return removes(&change->element) ? to : copy(to, change->bytes, change->size);
}

static uint8_t *put_few(uint8_t *to, const bson_t *doc, struct change *changes, size_t count,
                        uint64_t bits)
{
    struct kj_members members = kj_members_in(doc);
    struct kj_element element;
    const uint8_t *run = members.at, *from;
    for (;;) {
        from = members.at = kj_pass_others(members.at, members.end, bits);
        if (!kj_members_next(&members, &element))
            break;
        struct change *change = change_of(changes, count, &element);
        if (change == NULL)
            continue;
        to = copy(to, run, (size_t)(from - run));
        if (!change->placed) // of a repeated key in `doc` only the first stays
            to = copy_change(to, change);
        run = members.at;
    }
    to = copy(to, run, (size_t)(from - run));
    for (size_t i = 0; i < count; i++)
        if (!changes[i].placed)
            to = copy_change(to, &changes[i]);
    return to;
}

bson_t *kj_doc_with(const bson_t *doc, const bson_t *changes)
{
    struct change list[FEW_CHANGES];
    uint64_t bits = 0;
    size_t count = list_changes(changes, list, &bits);
    if (count > FEW_CHANGES)
        return merged(doc, changes, 0);
    uint32_t most = doc->len + changes->len;
    bson_t *out = bson_sized_new(most + FRAME); // what is reserved comes on top of its own
    uint8_t *start = bson_reserve_buffer(out, most);
    uint8_t *end = put_few(start + 4, doc, list, count, bits);
    *end++ = 0;
    out->len = (uint32_t)(end - start);
    uint32_t little = BSON_UINT32_TO_LE(out->len);
    memcpy(start, &little, sizeof little);
    return out;
}

void kj_doc_put_new(bson_t *doc, const bson_t *from)
{
    struct kj_members members = kj_members_in(doc);
    struct kj_element element, old;
    uint64_t bits = 0;
    while (kj_members_next(&members, &element))
        bits |= kj_key_bit(element.key, element.key_length);
    members = kj_members_in(from);
    for (const uint8_t *at = members.at; kj_members_next(&members, &element); at = members.at) {
        uint64_t bit = kj_key_bit(element.key, element.key_length);
        if (bits & bit &&
            kj_element_find(bson_get_data(doc), doc->len, element.key, element.key_length, &old))
            continue;
        kj_doc_put_members(doc, at, (size_t)(members.at - at));
        bits |= bit;
    }
}

bson_t *kj_doc_merge(const bson_t *doc, const bson_t *changes)
{
    return merged(doc, changes, 64);
}
