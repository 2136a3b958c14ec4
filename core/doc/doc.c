// Reading documents by path and building them.
#include "doc/doc.h"

#include "base/clock.h"
#include "doc/decimal.h"
#include "doc/element.h"

#include <stdlib.h>
#include <string.h>

static const uint8_t k_empty[] = {5, 0, 0, 0, 0};

// Follows `path`, whose first part is so long; *owner is the document or array that holds the
// element.
static bool find(const bson_t *doc, const char *path, size_t first, struct kj_element *found,
                 struct kj_element *owner)
{
    *owner = (struct kj_element){.data = bson_get_data(doc), .length = doc->len};
    for (;;) {
        if (!kj_element_find(owner->data, owner->length, path, first, found))
            return false;
        if (path[first] == 0)
            return true;
        if (found->type != BSON_TYPE_DOCUMENT && found->type != BSON_TYPE_ARRAY)
            return false;
        *owner = *found;
        path += first + 1;
        first = (size_t)(strchrnul(path, '.') - path);
    }
}

static bool look_n(const bson_t *doc, const char *path, size_t first, struct kj_element *found)
{
    struct kj_element owner;
    return doc && path && find(doc, path, first, found, &owner);
}

bool kj_element_look(const bson_t *doc, const char *path, struct kj_element *found)
{
    return look_n(doc, path, kj_doc_first(path), found);
}

bool kj_doc_find(const bson_t *doc, const char *path, bson_iter_t *at)
{
    struct kj_element found, owner;
    if (doc == NULL || path == NULL || !find(doc, path, kj_doc_first(path), &found, &owner))
        return false;
    // The type byte stands right before the key.
    uint32_t offset = (uint32_t)((const uint8_t *)found.key - 1 - owner.data);
    return bson_iter_init_from_data_at_offset(at, owner.data, owner.length, offset,
                                              found.key_length);
}

bool kj_doc_has_n(const bson_t *doc, const char *path, size_t first)
{
    struct kj_element found;
    return look_n(doc, path, first, &found) && found.type != BSON_TYPE_NULL &&
           found.type != BSON_TYPE_UNDEFINED;
}

const char *kj_doc_text_n(const bson_t *doc, const char *path, size_t first, const char *fallback)
{
    struct kj_element found;
    if (!look_n(doc, path, first, &found) || found.type != BSON_TYPE_UTF8 ||
        found.data[found.length] != 0)
        return fallback;
    return (const char *)found.data;
}

int64_t kj_doc_int_n(const bson_t *doc, const char *path, size_t first, int64_t fallback)
{
    struct kj_element found;
    int64_t value;
    return look_n(doc, path, first, &found) && kj_element_int(&found, &value) ? value : fallback;
}

double kj_doc_real(const bson_t *doc, const char *path, double fallback)
{
    struct kj_element found;
    return kj_element_look(doc, path, &found) && kj_element_is_number(&found)
               ? kj_element_real(&found)
               : fallback;
}

bool kj_doc_bool_n(const bson_t *doc, const char *path, size_t first, bool fallback)
{
    struct kj_element found;
    return look_n(doc, path, first, &found) && found.type == BSON_TYPE_BOOL ? found.data[0] != 0
                                                                            : fallback;
}

int64_t kj_doc_time_n(const bson_t *doc, const char *path, size_t first, int64_t fallback)
{
    struct kj_element found;
    int64_t wall_ms;
    if (!look_n(doc, path, first, &found))
        return fallback;
    if (found.type == BSON_TYPE_DATE_TIME)
        return kj_load64(found.data);
    if (found.type == BSON_TYPE_UTF8 && found.data[found.length] == 0 &&
        kj_time_parse((const char *)found.data, &wall_ms))
        return wall_ms;
    return fallback;
}

bool kj_doc_child_n(const bson_t *doc, const char *path, size_t first, bson_t *view)
{
    struct kj_element found;
    if (look_n(doc, path, first, &found) &&
        (found.type == BSON_TYPE_DOCUMENT || found.type == BSON_TYPE_ARRAY) &&
        bson_init_static(view, found.data, found.length))
        return true;
    (void)bson_init_static(view, k_empty, sizeof k_empty);
    return false;
}

bool kj_doc_at(const bson_iter_t *at, bson_t *view)
{
    uint32_t length = 0;
    const uint8_t *bytes = NULL;
    if (BSON_ITER_HOLDS_DOCUMENT(at))
        bson_iter_document(at, &length, &bytes);
    if (bytes && bson_init_static(view, bytes, length))
        return true;
    (void)bson_init_static(view, k_empty, sizeof k_empty);
    return false;
}

size_t kj_doc_count(const bson_t *doc, const char *path)
{
    struct kj_element found, member;
    size_t count = 0;
    if (!kj_element_look(doc, path, &found) ||
        (found.type != BSON_TYPE_DOCUMENT && found.type != BSON_TYPE_ARRAY))
        return 0;
    struct kj_members members = kj_members_of(found.data, found.length);
    while (kj_members_next(&members, &member))
        count++;
    return count;
}

bool kj_doc_lists(const bson_t *doc, const char *path, const char *text)
{
    struct kj_element found, member;
    size_t length = text ? strlen(text) : 0;
    if (text == NULL || !kj_element_look(doc, path, &found) || found.type != BSON_TYPE_ARRAY)
        return false;
    struct kj_members members = kj_members_of(found.data, found.length);
    while (kj_members_next(&members, &member))
        if (member.type == BSON_TYPE_UTF8 && member.length == length &&
            memcmp(member.data, text, length) == 0)
            return true;
    return false;
}

// --- building ---

static void put_length(uint8_t *to, uint32_t length)
{
    length = BSON_UINT32_TO_LE(length);
    memcpy(to, &length, sizeof length);
}

// Makes room for a member and writes its type and key; returns where its value of `length` bytes
// goes. NULL: libbson must do it (a document that is part of another under construction). By hand,
// because libbson's appends cost several times what the bytes need, and each job passes through
// some forty of them.
static uint8_t *put(bson_t *doc, uint8_t type, const char *key, size_t key_length, size_t length)
{
    size_t name = key_length + 1, size = 1 + name + length;
    uint32_t old = doc->len;
    uint8_t *start = size < INT32_MAX - old ? bson_reserve_buffer(doc, (uint32_t)size) : NULL;
    if (start == NULL)
        return NULL;
    uint8_t *to = start + old - 1;   // over the final NUL
    doc->len = old + (uint32_t)size; // it says `size` now
    put_length(start, doc->len);
    *to = type;
    memcpy(to + 1, key, name);
    to[size] = 0;
    return to + 1 + name;
}

void kj_doc_put_members(bson_t *doc, const uint8_t *members, size_t length)
{
    uint32_t old = doc->len;
    uint8_t *start = length < INT32_MAX - old ? bson_reserve_buffer(doc, (uint32_t)length) : NULL;
    if (start == NULL)
        abort(); // BSON has no such documents
    doc->len = old + (uint32_t)length;
    put_length(start, doc->len);
    memcpy(start + old - 1, members, length);
    start[doc->len - 1] = 0;
}

static bool put_bytes(bson_t *doc, uint8_t type, const char *key, size_t key_length,
                      const void *value, size_t length)
{
    uint8_t *to = put(doc, type, key, key_length, length);
    if (to)
        memcpy(to, value, length);
    return to != NULL;
}

static bool put_int64(bson_t *doc, uint8_t type, const char *key, size_t key_length, int64_t value)
{
    uint64_t little = BSON_UINT64_TO_LE((uint64_t)value);
    return put_bytes(doc, type, key, key_length, &little, sizeof little);
}

void kj_doc_put_text_n(bson_t *doc, const char *key, size_t length, const char *value)
{
    if (value == NULL)
        return;
    size_t size = strlen(value) + 1;
    uint8_t *to = put(doc, BSON_TYPE_UTF8, key, length, 4 + size);
    if (to == NULL) {
        bson_append_utf8(doc, key, (int)length, value, -1);
        return;
    }
    put_length(to, (uint32_t)size);
    memcpy(to + 4, value, size);
}

void kj_doc_put_int_n(bson_t *doc, const char *key, size_t length, int64_t value)
{
    if (!put_int64(doc, BSON_TYPE_INT64, key, length, value))
        bson_append_int64(doc, key, (int)length, value);
}

bool kj_doc_set_int(bson_t *doc, const char *key, int64_t value)
{
    struct kj_element found;
    uint64_t little = BSON_UINT64_TO_LE((uint64_t)value);
    if (!kj_element_find(bson_get_data(doc), doc->len, key, strlen(key), &found) ||
        found.type != BSON_TYPE_INT64)
        return false;
    memcpy((uint8_t *)(uintptr_t)found.data, &little, sizeof little); // libbson lends it as const
    return true;
}

void kj_doc_put_real(bson_t *doc, const char *key, double value)
{
    bson_append_double(doc, key, -1, value);
}

void kj_doc_put_bool_n(bson_t *doc, const char *key, size_t length, bool value)
{
    uint8_t byte = value;
    if (!put_bytes(doc, BSON_TYPE_BOOL, key, length, &byte, 1))
        bson_append_bool(doc, key, (int)length, value);
}

void kj_doc_put_time_n(bson_t *doc, const char *key, size_t length, int64_t wall_ms)
{
    if (!put_int64(doc, BSON_TYPE_DATE_TIME, key, length, wall_ms))
        bson_append_date_time(doc, key, (int)length, wall_ms);
}

void kj_doc_put_null(bson_t *doc, const char *key)
{
    if (put(doc, BSON_TYPE_NULL, key, strlen(key), 0) == NULL)
        bson_append_null(doc, key, -1);
}

void kj_doc_put_doc_n(bson_t *doc, const char *key, size_t length, const bson_t *value)
{
    if (value && !put_bytes(doc, BSON_TYPE_DOCUMENT, key, length, bson_get_data(value), value->len))
        bson_append_document(doc, key, (int)length, value);
}

void kj_doc_put_array(bson_t *doc, const char *key, const bson_t *value)
{
    if (value &&
        !put_bytes(doc, BSON_TYPE_ARRAY, key, strlen(key), bson_get_data(value), value->len))
        bson_append_array(doc, key, -1, value);
}

static bool put_element(bson_t *doc, const char *key, const struct kj_element *found)
{
    // From behind the key to the end of the value, which for text is its NUL.
    const uint8_t *value = (const uint8_t *)found->key + found->key_length + 1;
    const uint8_t *end = found->data + found->length + (found->type == BSON_TYPE_UTF8);
    return kj_element_is_common(found) &&
           put_bytes(doc, found->type, key, strlen(key), value, (size_t)(end - value));
}

void kj_doc_put_from(bson_t *doc, const char *key, const bson_t *from, const char *path)
{
    struct kj_element found;
    bson_iter_t at;
    if (kj_element_look(from, path, &found) && !put_element(doc, key, &found) &&
        kj_doc_find(from, path, &at))
        bson_append_iter(doc, key, -1, &at);
}

void kj_doc_put_fields(bson_t *doc, const bson_t *from, const char *const *names, size_t count)
{
    struct kj_element found[KJ_PICK_MOST];
    size_t picked = count < KJ_PICK_MOST ? count : KJ_PICK_MOST;
    if (from == NULL)
        return;
    kj_element_pick(from, names, picked, found);
    for (size_t i = 0; i < count; i++)
        if (i >= picked || (found[i].key && !put_element(doc, names[i], &found[i])))
            kj_doc_put_from(doc, names[i], from, names[i]);
}

const char *kj_doc_next(struct kj_doc_list *list)
{
    enum {
        IN_TABLE = 1000
    }; // libbson prints the others, and this runs for each member of each array
    const char *key = list->key;
    if (list->count < IN_TABLE) {
        bson_uint32_to_string(list->count++, &key, list->key, sizeof list->key);
        return key;
    }
    char digits[KJ_DECIMAL_SIZE];
    size_t length = kj_decimal_print_int(list->count++, digits);
    memcpy(list->key, digits, length); // ten at most
    list->key[length] = 0;
    return key;
}

bool kj_doc_equal(const bson_t *a, const bson_t *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    return kj_element_equal_docs(bson_get_data(a), a->len, bson_get_data(b), b->len);
}

void kj_doc_clear(bson_t **doc)
{
    if (*doc)
        bson_destroy(*doc);
    *doc = NULL;
}
