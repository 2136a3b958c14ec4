// Looking for members by name: one, or several by one walk.
#include "doc/element.h"

// The first member from `at` on that may be the one, or that must be looked at more closely.
static const uint8_t *pass_others(const uint8_t *at, const uint8_t *end, const char *key,
                                  size_t key_length)
{
    while (end - at >= KJ_LOOK) {
        const uint8_t *name = at + 1;
        unsigned length = kj_key_look(name);
        if (length == 16 || kj_key_is((const char *)name, length, key, key_length))
            break;
        const uint8_t *next = kj_value_end(*at, name + length + 1, end);
        if (next == NULL)
            break;
        at = next;
    }
    return at;
}

// Only the member that is found is taken apart: look-ups pass over eight for each that they find.
bool kj_element_find(const uint8_t *doc, size_t length, const char *key, size_t key_length,
                     struct kj_element *found)
{
    struct kj_members members = kj_members_of(doc, length);
    do {
        members.at = pass_others(members.at, members.end, key, key_length);
        if (!kj_members_next(&members, found))
            return false;
    } while (!kj_key_is(found->key, found->key_length, key, key_length));
    return true;
}

void kj_element_pick(const bson_t *doc, const char *const *names, size_t count,
                     struct kj_element *found)
{
    struct kj_members members = kj_members_in(doc);
    struct kj_element element;
    uint64_t bits = 0;
    // The names by their slots. Places count from 1; 0 = no more.
    unsigned char first[64] = {0}, next[KJ_PICK_MOST], lengths[KJ_PICK_MOST];
    for (size_t i = count; i-- > 0;) {
        size_t length = strlen(names[i]);
        unsigned slot = kj_key_slot(names[i], length);
        found[i].key = NULL;
        bits |= UINT64_C(1) << slot;
        lengths[i] = length < 255 ? (unsigned char)length : 255; // of ours none is
        next[i] = first[slot];
        first[slot] = (unsigned char)(i + 1);
    }
    for (;;) {
        members.at = kj_pass_others(members.at, members.end, bits);
        if (!kj_members_next(&members, &element))
            return;
        unsigned at = first[kj_key_slot(element.key, element.key_length)];
        while (at && (found[at - 1].key ||
                      !kj_key_is(element.key, element.key_length, names[at - 1], lengths[at - 1])))
            at = next[at - 1];
        if (at)
            found[at - 1] = element;
    }
}
