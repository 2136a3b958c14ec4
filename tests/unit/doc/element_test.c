// The BSON walker: agrees with libbson on sound bytes, ends on unsound ones; comparison and hashes.
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include "base/rng.h"
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(walks_all_types),
        cmocka_unit_test(stays_inside_of_anything),
        cmocka_unit_test(compares_numbers_exactly),
        cmocka_unit_test(looks_up_in_an_index),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
