// The BSON walker: agrees with libbson on sound bytes, ends on unsound ones; comparison and hashes.
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include "base/rng.h"
#include "doc/doc.h"
#include "doc/element.h"

#include <stdlib.h>

static void make(bson_t *doc)
{
    bson_oid_t oid = {{1, 2, 3}};
    bson_decimal128_t decimal = {0};
    bson_t inner = BSON_INITIALIZER;
    BSON_APPEND_INT32(&inner, "0", -1);
    bson_init(doc);
    BSON_APPEND_DOUBLE(doc, "double", 1.5);
    BSON_APPEND_UTF8(doc, "text", "hey");
    BSON_APPEND_DOCUMENT(doc, "doc", &inner);
    BSON_APPEND_ARRAY(doc, "array", &inner);
    BSON_APPEND_BINARY(doc, "bin", BSON_SUBTYPE_USER, (const uint8_t *)"xyz", 3);
    BSON_APPEND_UNDEFINED(doc, "undefined");
    BSON_APPEND_OID(doc, "oid", &oid);
    BSON_APPEND_BOOL(doc, "bool", true);
    BSON_APPEND_DATE_TIME(doc, "date", 7);
    BSON_APPEND_NULL(doc, "null");
    BSON_APPEND_REGEX(doc, "regex", "^a", "i");
    BSON_APPEND_DBPOINTER(doc, "pointer", "c", &oid);
    BSON_APPEND_CODE(doc, "code", "f()");
    BSON_APPEND_SYMBOL(doc, "symbol", "s");
    BSON_APPEND_CODE_WITH_SCOPE(doc, "scoped", "g()", &inner);
    BSON_APPEND_INT32(doc, "int32", -5);
    BSON_APPEND_TIMESTAMP(doc, "stamp", 1, 2);
    BSON_APPEND_INT64(doc, "int64", INT64_MIN);
    BSON_APPEND_DECIMAL128(doc, "decimal", &decimal);
    BSON_APPEND_MAXKEY(doc, "max");
    BSON_APPEND_MINKEY(doc, "min");
    bson_destroy(&inner);
}

static void walks_all_types(void **state)
{
    (void)state;
    bson_t doc;
    bson_iter_t at;
    struct kj_element element, same;
    make(&doc);
    struct kj_members members = kj_members_in(&doc);
    assert_true(bson_iter_init(&at, &doc));
    while (bson_iter_next(&at)) {
        assert_true(kj_members_next(&members, &element));
        assert_string_equal(element.key, bson_iter_key(&at));
        assert_int_equal(element.key_length, strlen(bson_iter_key(&at)));
        assert_int_equal(element.type, bson_iter_type(&at));
        assert_true(kj_element_at(&at, &same));
        assert_ptr_equal(same.data, element.data);
        assert_true(kj_element_equal(&element, &same));
    }
    assert_false(kj_members_next(&members, &element));
    assert_true(kj_element_find(bson_get_data(&doc), doc.len, "text", 4, &element));
    assert_int_equal(element.length, 3);
    assert_true(kj_element_find(bson_get_data(&doc), doc.len, "bin", 3, &element));
    assert_memory_equal(element.data, "xyz", 3);
    bson_destroy(&doc);
}

// Bytes changed and cut at will: the walk stays inside (the sanitizer watches) and ends.
static void stays_inside_of_anything(void **state)
{
    (void)state;
    struct kj_rng rng;
    bson_t doc;
    make(&doc);
    kj_rng_init(&rng, 11);
    for (int round = 0; round < 5000; round++) {
        size_t length = (size_t)kj_rng_range(&rng, 0, doc.len), steps = 0;
        uint8_t *bytes = malloc(length + 1);
        memcpy(bytes, bson_get_data(&doc), length);
        for (int i = 0; i < 4 && length; i++)
            bytes[kj_rng_range(&rng, 0, (int64_t)length - 1)] = (uint8_t)kj_rng_next(&rng);
        bytes = realloc(bytes, length ? length : 1);
        struct kj_members members = kj_members_of(bytes, length);
        struct kj_element element;
        while (kj_members_next(&members, &element)) {
            (void)kj_element_hash(&element);
            assert_true(++steps <= length);
        }
        (void)kj_element_equal_docs(bytes, length, bytes, length);
        free(bytes);
    }
    bson_destroy(&doc);
}

static struct kj_element real(double *value)
{
    return (struct kj_element){.type = BSON_TYPE_DOUBLE, .data = (const uint8_t *)value};
}

static struct kj_element whole(int64_t *value)
{
    return (struct kj_element){.type = BSON_TYPE_INT64, .data = (const uint8_t *)value};
}

static int compare(int64_t a, double b)
{
    struct kj_element x = whole(&a), y = real(&b);
    int order = kj_element_compare(&x, &y);
    assert_int_equal(kj_element_compare(&y, &x), -order);
    assert_int_equal(kj_element_equal(&x, &y), order == 0);
    if (order == 0)
        assert_true(kj_element_hash(&x) == kj_element_hash(&y));
    return order;
}

static void compares_numbers_exactly(void **state)
{
    (void)state;
    assert_int_equal(compare(1, 1.0), 0);
    assert_int_equal(compare(1, 1.5), -1);
    assert_int_equal(compare(-1, -1.5), 1);
    assert_int_equal(compare(0, -0.0), 0);
    assert_int_equal(compare(9007199254740993, 9007199254740992.0), 1);
    assert_int_equal(compare(INT64_MAX, 0x1p63), -1);
    assert_int_equal(compare(INT64_MIN, -0x1p63), 0);
    assert_int_equal(compare(INT64_MIN, -0x1.1p63), 1);
    double huge = 1e300, fraction = 0.5;
    int64_t value;
    struct kj_element x = real(&huge), y = real(&fraction);
    assert_false(kj_element_int(&x, &value));
    assert_false(kj_element_int(&y, &value));
    assert_int_equal(kj_element_compare(&x, &y), 1);
}

static void looks_up_in_an_index(void **state)
{
    (void)state;
    bson_t doc;
    struct kj_element_index index;
    make(&doc);
    kj_element_index_init(&index, bson_get_data(&doc), doc.len);
    struct kj_members members = kj_members_in(&doc);
    struct kj_element element;
    while (kj_members_next(&members, &element)) {
        const struct kj_element *found =
            kj_element_index_find(&index, element.key, element.key_length);
        assert_non_null(found);
        assert_ptr_equal(found->data, element.data);
    }
    assert_null(kj_element_index_find(&index, "doubl", 5));
    assert_null(kj_element_index_find(&index, "zzz", 3));
    assert_null(kj_element_index_find(&index, "", 0));
    kj_element_index_fini(&index);
    bson_destroy(&doc);
}

// Keys of all lengths around what one look sees, and values of all sizes right before the end.
static void finds_what_stands_last(void **state)
{
    static const char k_key[] = "abcdefghijklmnopqrstuvwxyz";
    (void)state;
    for (int length = 0; length < 24; length++)
        for (int type = 0; type < 6; type++) {
            bson_t doc = BSON_INITIALIZER;
            struct kj_element found;
            bson_iter_t at;
            bson_append_int64(&doc, "first", -1, 1);
            bson_append_utf8(&doc, "second", -1, "", 0);
            switch (type) {
            case 0:
                bson_append_null(&doc, k_key, length);
                break;
            case 1:
                bson_append_bool(&doc, k_key, length, true);
                break;
            case 2:
                bson_append_int32(&doc, k_key, length, 2);
                break;
            case 3:
                bson_append_date_time(&doc, k_key, length, 3);
                break;
            case 4:
                bson_append_utf8(&doc, k_key, length, "text", -1);
                break;
            default:
                bson_append_oid(&doc, k_key, length, &(bson_oid_t){{1}});
            }
            const uint8_t *bytes = bson_get_data(&doc);
            assert_true(kj_element_find(bytes, doc.len, k_key, (size_t)length, &found));
            assert_true(bson_iter_init(&at, &doc));
            while (bson_iter_next(&at))
                if (at.next_off == doc.len - 1)
                    assert_ptr_equal(found.key, bson_iter_key(&at));
            assert_int_equal(found.key_length, length);
            assert_false(kj_element_find(bytes, doc.len, k_key, (size_t)length + 1, &found));
            bson_destroy(&doc);
        }
}

static void picks_the_first_of_each_name(void **state)
{
    (void)state;
    static const char *const k_names[] = {"last", "a", "none", "a name of more than 16 letters"};
    bson_t doc = BSON_INITIALIZER;
    struct kj_element found[4];
    kj_doc_put_int(&doc, "a", 1);
    kj_doc_put_null(&doc, "q"); // in the slot of none of them, or of one: it is not it
    kj_doc_put_int(&doc, k_names[3], 3);
    kj_doc_put_int(&doc, "a", 2);
    kj_doc_put_bool(&doc, "last", true);
    kj_element_pick(&doc, k_names, 4, found);
    assert_int_equal(found[0].type, BSON_TYPE_BOOL);
    assert_int_equal(kj_load64(found[1].data), 1);
    assert_null(found[2].key);
    assert_int_equal(kj_load64(found[3].data), 3);
    bson_destroy(&doc);
}

static void calls_sound_what_libbson_does(void **state)
{
    (void)state;
    bson_t doc = BSON_INITIALIZER, inner = BSON_INITIALIZER, view;
    struct kj_rng rng;
    size_t sound = 0;
    BSON_APPEND_UTF8(&inner, "text", "Gr\xc3\xbc\xc3\x9f dich");
    BSON_APPEND_BOOL(&inner, "b", true);
    BSON_APPEND_INT64(&doc, "number", 5);
    BSON_APPEND_DOCUMENT(&doc, "doc", &inner);
    BSON_APPEND_UTF8(&doc, "empty", "");
    BSON_APPEND_DOCUMENT(&doc, "other", &inner);
    BSON_APPEND_NULL(&doc, "null");
    assert_true(kj_doc_sound(&doc));
    uint8_t *bytes = malloc(doc.len);
    kj_rng_init(&rng, 7);
    for (int i = 0; i < 50000; i++) {
        memcpy(bytes, bson_get_data(&doc), doc.len);
        bytes[kj_rng_range(&rng, 4, doc.len - 2)] = (uint8_t)kj_rng_next(&rng);
        assert_true(bson_init_static(&view, bytes, doc.len));
        bool is_sound = bson_validate(&view, BSON_VALIDATE_UTF8, NULL);
        assert_int_equal(kj_doc_sound(&view), is_sound);
        sound += is_sound;
    }
    assert_true(sound > 1000 && sound < 49000);
    free(bytes);
    bson_destroy(&inner);
    bson_destroy(&doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(walks_all_types),
        cmocka_unit_test(stays_inside_of_anything),
        cmocka_unit_test(compares_numbers_exactly),
        cmocka_unit_test(looks_up_in_an_index),
        cmocka_unit_test(finds_what_stands_last),
        cmocka_unit_test(calls_sound_what_libbson_does),
        cmocka_unit_test(picks_the_first_of_each_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
