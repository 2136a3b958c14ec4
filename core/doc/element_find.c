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
    size_t lengths[KJ_PICK_MOST];
    uint64_t bits = 0;
    for (size_t i = 0; i < count; i++) {
        found[i].key = NULL;
        lengths[i] = strlen(names[i]);
        bits |= kj_key_bit(names[i], lengths[i]);
    }
    while (kj_members_next(&members, &element))
        for (size_t i = 0; bits & kj_key_bit(element.key, element.key_length) && i < count; i++)
            if (found[i].key == NULL &&
                kj_key_is(element.key, element.key_length, names[i], lengths[i])) {
                found[i] = element;
                break;
            }
}
