// Heap, map, buffer, text helpers and keyed randomness.
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include "base/alloc.h"
#include "base/heap.h"
#include "base/map.h"
#include "base/rng.h"
#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void test_heap_orders_and_keeps_arrival(void **state)
{
    enum { k_count = 2000 };
    struct kj_heap heap;
    struct kj_rng rng;
    struct kj_heap_node *nodes = kj_alloc(sizeof *nodes * k_count);
    (void)state;
    kj_heap_init(&heap);
    kj_rng_init(&rng, 7);
    for (int i = 0; i < k_count; i++)
        kj_heap_push(&heap, &nodes[i], kj_rng_range(&rng, 0, 50));
    for (int i = 0; i < k_count; i += 3)
        kj_heap_remove(&heap, &nodes[i]);
    kj_heap_remove(&heap, &nodes[0]); // twice is harmless
    int64_t key = -1;
    uint64_t sequence = 0;
    size_t left = 0;
    for (struct kj_heap_node *node; (node = kj_heap_pop(&heap)) != NULL; left++) {
        assert_true(node->key > key || (node->key == key && node->sequence > sequence));
        assert_int_not_equal((node - nodes) % 3, 0);
        key = node->key;
        sequence = node->sequence;
    }
    assert_int_equal(left, k_count - (k_count + 2) / 3);
    kj_heap_fini(&heap);
    free(nodes);
}

static void test_map_against_a_plain_array(void **state)
{
    enum { k_keys = 300, k_steps = 20000 };
    struct kj_map map;
    struct kj_rng rng;
    int values[k_keys], present[k_keys] = {0};
    size_t count = 0;
    (void)state;
    kj_map_init(&map);
    kj_rng_init(&rng, 11);
    for (int step = 0; step < k_steps; step++) {
        int i = (int)kj_rng_range(&rng, 0, k_keys - 1);
        char key[16];
        snprintf(key, sizeof key, "key%d", i);
        if (kj_rng_range(&rng, 0, 2) == 0) {
            assert_ptr_equal(kj_map_remove(&map, key), present[i] ? &values[i] : NULL);
            count -= present[i];
            present[i] = 0;
        } else {
            assert_ptr_equal(kj_map_put(&map, key, &values[i]), present[i] ? &values[i] : NULL);
            count += !present[i];
            present[i] = 1;
        }
        assert_int_equal(map.count, count);
    }
    const char *key;
    void *value;
    size_t seen = 0;
    for (size_t at = 0; kj_map_next(&map, &at, &key, &value);)
        seen += present[atoi(key + 3)];
    assert_int_equal(seen, count);
    kj_map_fini(&map);
}

// A bug once: after many came and few stayed, the index was smaller than the room for slots.
static void test_map_with_keys_that_come_and_go(void **state)
{
    struct kj_map map;
    int value;
    (void)state;
    kj_map_init(&map);
    for (int round = 0; round < 20; round++) {
        int most = round % 2 ? 3 : 700;
        char key[32];
        for (int i = 0; i < most; i++) {
            snprintf(key, sizeof key, "attempt %d of %d", i, round);
            assert_null(kj_map_put(&map, key, &value));
        }
        for (int i = 0; i < 5000; i++) { // one in, one out
            snprintf(key, sizeof key, "passing %d of %d", i, round);
            kj_map_put(&map, key, &value);
            assert_ptr_equal(kj_map_remove(&map, key), &value);
        }
        for (int i = 0; i < most; i++) {
            snprintf(key, sizeof key, "attempt %d of %d", i, round);
            assert_ptr_equal(kj_map_remove(&map, key), &value);
        }
        assert_int_equal(map.count, 0);
    }
    kj_map_fini(&map);
}

static void test_buffer_stops_at_its_limit(void **state)
{
    struct kj_buf buf;
    (void)state;
    kj_buf_init(&buf, 10);
    kj_buf_adds(&buf, "12345");
    kj_buf_addf(&buf, "%d", 678);
    assert_string_equal(buf.data, "12345678");
    kj_buf_adds(&buf, "abc");
    assert_true(buf.failed);
    assert_string_equal(buf.data, "12345678");
    kj_buf_fini(&buf);
}

static void test_utf8(void **state)
{
    (void)state;
    assert_true(kj_utf8_valid("Gr\xC3\xBC\xC3\x9F Gott \xE2\x82\xAC \xF0\x9F\x98\x80", 21));
    static const char *const k_bad[] = {"\xC0\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80",
                                        "\xFF",     "\xE2\x82",     "a\x80"};
    for (size_t i = 0; i < KJ_COUNT(k_bad); i++)
        assert_false(kj_utf8_valid(k_bad[i], strlen(k_bad[i])));
}

static void test_nearest_word(void **state)
{
    static const char *const k_words[] = {"template", "success", "variables"};
    (void)state;
    assert_string_equal(kj_nearest("templates", k_words, 3), "template");
    assert_string_equal(kj_nearest("sucess", k_words, 3), "success");
    assert_null(kj_nearest("elephant", k_words, 3));
}

static void test_keyed_randomness_does_not_depend_on_order(void **state)
{
    struct kj_rng a, b;
    uint64_t first[4];
    (void)state;
    for (uint64_t i = 0; i < 4; i++) {
        kj_rng_keyed(&a, 1, "+4930/outcome", i);
        first[i] = kj_rng_next(&a);
    }
    for (uint64_t i = 4; i-- > 0;) {
        kj_rng_keyed(&b, 1, "+4930/outcome", i);
        assert_int_equal(kj_rng_next(&b), first[i]);
    }
    assert_int_not_equal(first[0], first[1]);
    for (int i = 0; i < 1000; i++) {
        double unit = kj_rng_unit(&a);
        assert_true(unit >= 0 && unit < 1);
        int64_t die = kj_rng_range(&a, -3, 3);
        assert_true(die >= -3 && die <= 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_heap_orders_and_keeps_arrival),
        cmocka_unit_test(test_map_against_a_plain_array),
        cmocka_unit_test(test_map_with_keys_that_come_and_go),
        cmocka_unit_test(test_buffer_stops_at_its_limit),
        cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_nearest_word),
        cmocka_unit_test(test_keyed_randomness_does_not_depend_on_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
