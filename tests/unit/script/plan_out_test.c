// What writes plans and what small blocks come from: the same texts as printf, the same bytes as
// libbson, nothing lost when a block moves.
#include "base/rng.h"
#include "base/str.h"
#include "script/blocks.h"
#include "script/plan_out.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void assert_real(double value)
{
    char expected[64], text[64];
    snprintf(expected, sizeof expected, "%.14g", value);
    *kj_print_real(text, value) = '\0';
    assert_string_equal(text, expected);
}

static void numbers_print_as_printf_does(void **state)
{
    static const double k_odd[] = {0,     -0.0,    0.1,  0.3,     0.1 + 0.2, 149.9,    1e-4,
                                   0.001, 0.00125, 1e9,  1e9 - 1, 1e15,      -2.5,     1.0 / 3,
                                   1e300, 99999.5, 12.5, -0.0625, 0.99999,   123456.78};
    struct kj_rng rng;
    (void)state;
    kj_rng_init(&rng, 7);
    for (size_t i = 0; i < sizeof k_odd / sizeof *k_odd; i++) {
        assert_real(k_odd[i]);
    }
    for (int i = 0; i < 200000; i++) {
        static const double powers[] = {1, 10, 100, 1000, 10000, 1e5, 1e6};
        double value = (double)kj_rng_range(&rng, -2000000, 2000000) / powers[i % 7];
        assert_real(value);
        assert_real(value + kj_rng_unit(&rng) * 1e-13);
        assert_real((kj_rng_unit(&rng) - 0.5) * powers[i % 7]);
    }
    static const int64_t k_whole[] = {0, 9, -1, 10, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < sizeof k_whole / sizeof *k_whole; i++) {
        char expected[32], text[32];
        snprintf(expected, sizeof expected, "%lld", (long long)k_whole[i]);
        *kj_print_int(text, k_whole[i]) = '\0';
        assert_string_equal(text, expected);
    }
}

static void members_are_those_of_libbson(void **state)
{
    struct kj_out out = {0}, inner = {0};
    struct kj_out_index index;
    bson_t expected = BSON_INITIALIZER, list;
    (void)state;
    kj_out_text(&out, "text", "grün");
    kj_out_int(&out, "int", -7);
    kj_out_number(&out, "real", 0.25);
    kj_out_number(&out, "whole", 12);
    kj_out_bool(&out, "bool", true);
    kj_out_null(&out, "null");
    kj_out_words(&out, "cut", "ab\xc3");
    kj_out_words(&out, "none", "");
    for (uint32_t i = 0; i < 12; i++) {
        kj_out_int(&inner, kj_out_at(&index, i), i);
    }
    kj_out_whole(&out, BSON_TYPE_ARRAY, "list", &inner);
    BSON_APPEND_UTF8(&expected, "text", "grün");
    BSON_APPEND_INT64(&expected, "int", -7);
    BSON_APPEND_DOUBLE(&expected, "real", 0.25);
    BSON_APPEND_INT64(&expected, "whole", 12);
    BSON_APPEND_BOOL(&expected, "bool", true);
    BSON_APPEND_NULL(&expected, "null");
    BSON_APPEND_UTF8(&expected, "cut", "ab");
    BSON_APPEND_ARRAY_BEGIN(&expected, "list", &list);
    for (int i = 0; i < 12; i++) {
        char key[8];
        snprintf(key, sizeof key, "%d", i);
        BSON_APPEND_INT64(&list, key, i);
    }
    bson_append_array_end(&expected, &list);
    bson_t *doc = kj_out_doc(&out);
    assert_true(bson_equal(doc, &expected));
    bson_destroy(doc);
    bson_destroy(&expected);
    kj_out_fini(&out);
    kj_out_fini(&inner);
}

static void blocks_keep_what_they_hold(void **state)
{
    enum { COUNT = 200 };
    struct kj_blocks blocks = {0};
    struct kj_rng rng;
    unsigned char *held[COUNT] = {NULL};
    size_t sizes[COUNT] = {0};
    (void)state;
    kj_rng_init(&rng, 3);
    for (int i = 0; i < 100000; i++) {
        size_t at = (size_t)kj_rng_range(&rng, 0, COUNT - 1);
        size_t size = (size_t)kj_rng_range(&rng, 0, i % 3 ? 600 : 40);
        size_t kept = sizes[at] < size ? sizes[at] : size;
        held[at] = kj_blocks_resize(&blocks, held[at], sizes[at], size);
        for (size_t b = 0; b < kept; b++) {
            assert_int_equal(held[at][b], at);
        }
        if (size) {
            memset(held[at], (int)at, size);
        }
        sizes[at] = size;
    }
    assert_true(blocks.held < 1024 * 1024); // freed blocks are used again
    for (size_t at = 0; at < COUNT; at++) {
        assert_null(kj_blocks_resize(&blocks, held[at], sizes[at], 0));
    }
    kj_blocks_fini(&blocks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_print_as_printf_does),
        cmocka_unit_test(members_are_those_of_libbson),
        cmocka_unit_test(blocks_keep_what_they_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
