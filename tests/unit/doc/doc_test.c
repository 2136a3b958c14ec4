// Reading by path, building, merging and comparing documents.
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include "doc/doc.h"
#include "doc/json.h"

#include <string.h>

static bson_t *parse(const char *text)
{
    bson_t *doc;
    struct kj_fault fault = {0};
    if (kj_json_parse(text, strlen(text), NULL, &doc, NULL, &fault) != 0)
        fail_msg("%s: %s", fault.place, fault.text);
    return doc;
}

static void assert_json(const bson_t *doc, const char *expected)
{
    struct kj_buf out;
    kj_buf_init(&out, 0);
    kj_json_write(doc, 0, &out);
    assert_string_equal(out.data, expected);
    kj_buf_fini(&out);
}

static void reads_by_path(void **state)
{
    (void)state;
    bson_t *doc = parse("{\"lead\":{\"phone\":\"+48123\",\"age\":41,\"tags\":[\"a\",\"b\"]},"
                        "\"windows\":[{\"from\":540},{\"from\":600.0}],\"score\":0.5,"
                        "\"open\":true,\"none\":null,\"at\":\"2026-07-01T10:00:00+02:00\"}");
    assert_string_equal(kj_doc_text(doc, "lead.phone", ""), "+48123");
    assert_string_equal(kj_doc_text(doc, "lead.tags.1", ""), "b");
    assert_string_equal(kj_doc_text(doc, "lead.age", "fallback"), "fallback");
    assert_string_equal(kj_doc_text(doc, "lead.phone.deeper", "fallback"), "fallback");
    assert_null(kj_doc_text(doc, "lead.pho", NULL));
    assert_int_equal(kj_doc_int(doc, "lead.age", 0), 41);
    assert_int_equal(kj_doc_int(doc, "windows.0.from", 0), 540);
    assert_int_equal(kj_doc_int(doc, "windows.1.from", 0), 600); // a whole double
    assert_int_equal(kj_doc_int(doc, "score", -1), -1);
    assert_true(kj_doc_real(doc, "score", 0) == 0.5);
    assert_true(kj_doc_real(doc, "lead.age", 0) == 41.0);
    assert_true(kj_doc_bool(doc, "open", false));
    assert_true(kj_doc_bool(doc, "none", true));
    assert_true(kj_doc_has(doc, "lead"));
    assert_false(kj_doc_has(doc, "none"));
    assert_false(kj_doc_has(doc, "absent"));
    assert_false(kj_doc_has(NULL, "absent"));
    assert_int_equal(kj_doc_time(doc, "at", 0), 1782892800000);
    assert_int_equal(kj_doc_time(doc, "score", 7), 7);
    bson_destroy(doc);
}

static void views_and_lists(void **state)
{
    (void)state;
    bson_t *doc = parse("{\"a\":{\"b\":[{\"c\":1},{\"c\":2}]},\"t\":[\"x\",\"yy\",3]}");
    bson_t view;
    assert_true(kj_doc_child(doc, "a.b", &view));
    assert_int_equal(kj_doc_int(&view, "1.c", 0), 2);
    assert_false(kj_doc_child(doc, "a.b.0.c", &view));
    assert_int_equal(bson_count_keys(&view), 0);
    assert_int_equal(kj_doc_count(doc, "a.b"), 2);
    assert_int_equal(kj_doc_count(doc, "t"), 3);
    assert_int_equal(kj_doc_count(doc, "a.b.0.c"), 0);
    assert_true(kj_doc_lists(doc, "t", "yy"));
    assert_false(kj_doc_lists(doc, "t", "y"));
    assert_false(kj_doc_lists(doc, "a", "x"));
    bson_iter_t at;
    assert_true(kj_doc_find(doc, "a.b.1.c", &at));
    assert_string_equal(bson_iter_key(&at), "c");
    assert_int_equal(bson_iter_int64(&at), 2);
    assert_false(kj_doc_at(&at, &view));
    assert_int_equal(bson_count_keys(&view), 0);
    assert_true(kj_doc_find(doc, "a.b.1", &at) && kj_doc_at(&at, &view));
    assert_int_equal(kj_doc_int(&view, "c", 0), 2);
    assert_true(kj_doc_find(doc, "a.b", &at));
    assert_false(kj_doc_at(&at, &view)); // an array
    bson_destroy(doc);
}

static void fields(void)
{
    static const char *const k_names[] = {"b", "absent", "a", "aa", "list", "long"};
    const char *many[40];
    bson_t *from = parse("{\"a\":1,\"aa\":\"x\",\"b\":{\"a\":2},\"c\":3,\"list\":[1]}");
    bson_t out = BSON_INITIALIZER, more = BSON_INITIALIZER;
    bson_append_binary(from, "long", -1, BSON_SUBTYPE_BINARY, (const uint8_t *)"xy", 2);
    kj_doc_put_fields(&out, from, k_names, 6);
    assert_true(bson_has_field(&out, "long")); // a type that is copied by libbson
    bson_t none = BSON_INITIALIZER;
    kj_doc_put_null(&none, "long");
    bson_t *shown = kj_doc_with(&out, &none);
    assert_json(shown, "{\"b\":{\"a\":2},\"a\":1,\"aa\":\"x\",\"list\":[1]}");
    for (size_t i = 0; i < 40; i++)
        many[i] = i == 39 ? "c" : i ? "none" : "b";
    kj_doc_put_fields(&more, from, many, 40);
    assert_json(&more, "{\"b\":{\"a\":2},\"c\":3}");
    bson_destroy(shown);
    bson_destroy(from);
    bson_destroy(&none);
    bson_destroy(&out);
    bson_destroy(&more);
}

static void only_new_ones(void)
{
    bson_t *doc = parse("{\"a\":1,\"b\":null}"), *from = parse("{\"b\":2,\"c\":null,\"a\":3}");
    kj_doc_put_int(from, "d", 4);
    kj_doc_put_int(from, "d", 5); // of a name that is repeated the first
    kj_doc_put_new(doc, from);
    assert_json(doc, "{\"a\":1,\"b\":null,\"c\":null,\"d\":4}");
    bson_destroy(doc);
    bson_destroy(from);
}

static void builds(void **state)
{
    (void)state;
    only_new_ones();
    bson_t doc = BSON_INITIALIZER, list = BSON_INITIALIZER;
    struct kj_doc_list items = {.array = &list};
    for (int i = 0; i < 12; i++)
        kj_doc_put_int(&list, kj_doc_next(&items), i * i);
    bson_t *from = parse("{\"deep\":{\"value\":[1,2]}}");
    kj_doc_put_text(&doc, "text", "hey");
    kj_doc_put_text(&doc, "absent", NULL);
    kj_doc_put_int(&doc, "int", INT64_MAX);
    kj_doc_put_real(&doc, "real", 0.1);
    kj_doc_put_bool(&doc, "bool", true);
    kj_doc_put_time(&doc, "time", 1500);
    kj_doc_put_null(&doc, "null");
    kj_doc_put_doc(&doc, "none", NULL);
    kj_doc_put_doc(&doc, "doc", from);
    kj_doc_put_array(&doc, "list", &list);
    kj_doc_put_from(&doc, "copy", from, "deep.value");
    kj_doc_put_from(&doc, "nothing", from, "deep.other");
    fields();
    assert_true(kj_doc_set_int(&doc, "int", 7) && kj_doc_int(&doc, "int", 0) == 7);
    assert_true(kj_doc_set_int(&doc, "int", INT64_MAX));
    assert_false(kj_doc_set_int(&doc, "absent", 7) || kj_doc_set_int(&doc, "real", 7));
    assert_int_equal(kj_doc_time(&doc, "time", 0), 1500);
    assert_json(&doc, "{\"text\":\"hey\",\"int\":9223372036854775807,\"real\":0.1,\"bool\":true,"
                      "\"time\":\"1970-01-01T00:00:01.500Z\",\"null\":null,"
                      "\"doc\":{\"deep\":{\"value\":[1,2]}},"
                      "\"list\":[0,1,4,9,16,25,36,49,64,81,100,121],\"copy\":[1,2]}");
    assert_true(kj_doc_find(&doc, "list.11", &(bson_iter_t){0}));
    bson_destroy(from);
    bson_destroy(&list);
    bson_destroy(&doc);
}

static void merge_is(const char *doc_text, const char *change_text, const char *with,
                     const char *merged)
{
    bson_t *doc = parse(doc_text), *changes = parse(change_text);
    bson_t *out = kj_doc_with(doc, changes);
    assert_json(out, with);
    kj_doc_clear(&out);
    assert_null(out);
    kj_doc_clear(&out);
    out = kj_doc_merge(doc, changes);
    assert_json(out, merged);
    bson_destroy(out);
    bson_destroy(doc);
    bson_destroy(changes);
}

static void merges(void **state)
{
    (void)state;
    merge_is("{\"a\":1,\"b\":{\"x\":1,\"y\":2},\"c\":3}", "{\"n\":9,\"b\":{\"y\":5},\"a\":null}",
             "{\"b\":{\"y\":5},\"c\":3,\"n\":9}", "{\"b\":{\"x\":1,\"y\":5},\"c\":3,\"n\":9}");
    merge_is("{\"l\":[1,2]}", "{\"l\":[3]}", "{\"l\":[3]}", "{\"l\":[3]}");
    merge_is("{}", "{\"a\":{\"b\":null,\"c\":1},\"d\":null}", "{\"a\":{\"b\":null,\"c\":1}}",
             "{\"a\":{\"c\":1}}");
    merge_is("{\"a\":1}", "{\"a\":{\"b\":1}}", "{\"a\":{\"b\":1}}", "{\"a\":{\"b\":1}}");
    merge_is("{\"a\":1}", "{}", "{\"a\":1}", "{\"a\":1}");
}

static bool same(const char *a, const char *b)
{
    bson_t *x = parse(a), *y = parse(b);
    bool equal = kj_doc_equal(x, y);
    assert_int_equal(kj_doc_equal(y, x), equal);
    bson_destroy(x);
    bson_destroy(y);
    return equal;
}

static void compares(void **state)
{
    (void)state;
    assert_true(same("{\"a\":1,\"b\":[1,{\"c\":2}]}", "{\"b\":[1,{\"c\":2.0}],\"a\":1.0}"));
    assert_false(same("{\"a\":[1,2]}", "{\"a\":[2,1]}"));
    assert_false(same("{\"a\":1}", "{\"a\":1,\"b\":1}"));
    assert_false(same("{\"a\":1}", "{\"b\":1}"));
    assert_false(same("{\"a\":true}", "{\"a\":1}"));
    assert_false(same("{\"a\":{}}", "{\"a\":[]}"));
    assert_false(same("{\"a\":9007199254740993}", "{\"a\":9007199254740992.0}"));
    assert_true(kj_doc_equal(NULL, NULL));
    bson_t narrow = BSON_INITIALIZER, wide = BSON_INITIALIZER;
    BSON_APPEND_INT32(&narrow, "n", 5);
    BSON_APPEND_INT64(&wide, "n", 5);
    assert_true(kj_doc_equal(&narrow, &wide));
    assert_false(kj_doc_equal(&narrow, NULL));
    bson_destroy(&narrow);
    bson_destroy(&wide);
}

// Bytes that claim more than there is give fallbacks, and nothing is read outside.
static void survives_bad_bytes(void **state)
{
    (void)state;
    uint8_t bytes[] = {20, 0, 0, 0, 2, 'a', 0, 0xff, 0xff, 0xff, 0x7f, 'x', 0, 0, 0, 0, 0, 0, 0, 0};
    bson_t doc;
    assert_true(bson_init_static(&doc, bytes, sizeof bytes));
    assert_string_equal(kj_doc_text(&doc, "a", "fallback"), "fallback");
    bytes[4] = 3; // a document
    assert_int_equal(kj_doc_count(&doc, "a"), 0);
    bytes[4] = 0x0b; // a regex without its second part
    memset(bytes + 7, 'x', 12);
    assert_false(kj_doc_has(&doc, "a"));
    bytes[4] = 0x44; // no such type
    assert_false(kj_doc_has(&doc, "a"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_by_path), cmocka_unit_test(views_and_lists),
        cmocka_unit_test(builds),        cmocka_unit_test(merges),
        cmocka_unit_test(compares),      cmocka_unit_test(survives_bad_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
