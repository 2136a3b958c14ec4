// The JSON codec: what is accepted and how it comes back, what is refused and where.
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include "base/alloc.h"
#include "doc/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct text {
    const char *in;
    size_t length;
    const char *out; // accepted: as written back; refused: the place
};
#define T(in, out)             \
    {                          \
        in, sizeof in - 1, out \
    }

static const struct text k_accepted[] = {
    T("{}", "{}"),
    T("[]", "[]"),
    T(" \t\r\n[ ] \n", "[]"),
    T("[null,true,false]", "[null,true,false]"),
    T("[[[]],{}]", "[[[]],{}]"),
    T("{\"a\":{\"b\":{\"c\":[1]}}}", "{\"a\":{\"b\":{\"c\":[1]}}}"),
    T("{\"\":0}", "{\"\":0}"),
    T("{\"a\":1,\"b\":1}", "{\"a\":1,\"b\":1}"),
    T("{\"a\" : 1 , \"b\" : [ 1 , 2 ] }", "{\"a\":1,\"b\":[1,2]}"),
    // names that mean something to others are data here
    T("{\"$oid\":\"5\"}", "{\"$oid\":\"5\"}"),
    T("{\"$date\":{\"$numberLong\":\"1\"}}", "{\"$date\":{\"$numberLong\":\"1\"}}"),
    T("{\"a.b\":{\"$ne\":null},\"$type\":1}", "{\"a.b\":{\"$ne\":null},\"$type\":1}"),
    // integers
    T("[0,-0,1,-1,123]", "[0,0,1,-1,123]"),
    T("[9223372036854775807,-9223372036854775808]", "[9223372036854775807,-9223372036854775808]"),
    T("[2147483648,-2147483649,4294967296]", "[2147483648,-2147483649,4294967296]"),
    // reals
    T("[0.0,-0.0,1.0,1.5,-2.25]", "[0.0,-0.0,1.0,1.5,-2.25]"),
    T("[0.1,0.2,0.3,0.7,1e-5]", "[0.1,0.2,0.3,0.7,0.00001]"),
    T("[1e2,1E2,1e+2,1E-2,12.5e1]", "[100.0,100.0,100.0,0.01,125.0]"),
    T("[1e22,1e21,1e20,123456789012345680000.0]", "[1e22,1e21,100000000000000000000.0,"
                                                  "123456789012345680000.0]"),
    T("[5e-324,2.2250738585072014e-308,1.7976931348623157e308]",
      "[5e-324,2.2250738585072014e-308,1.7976931348623157e308]"),
    T("[0.30000000000000004,9007199254740993.0]", "[0.30000000000000004,9007199254740992.0]"),
    T("[1e-400,0.000001,0.0000001]", "[0.0,0.000001,1e-7]"),
    T("[1.00000000000000000000000000000000000000000000000000]", "[1.0]"),
    T("[3.141592653589793,2.718281828459045]", "[3.141592653589793,2.718281828459045]"),
    // text
    T("[\"\"]", "[\"\"]"),
    T("[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]", "[\"\\\"\\\\/\\b\\f\\n\\r\\t\"]"),
    T("[\"\\u0041\\u00e9\\u20AC\\uD83D\\uDE00\"]", "[\"A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"]"),
    T("[\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"]", "[\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"]"),
    T("[\"\\u0001\\u001f\\u007f\x7f\"]", "[\"\\u0001\\u001f\x7f\x7f\"]"),
    T("[\"\\uFFFF\\uFDD0\\u2028\"]", "[\"\xef\xbf\xbf\xef\xb7\x90\xe2\x80\xa8\"]"),
    T("[\"a/*b*/c//d#e\"]", "[\"a/*b*/c//d#e\"]"),
    T("[\"\xf4\x8f\xbf\xbf\xee\x80\x80\xed\x9f\xbf\"]",
      "[\"\xf4\x8f\xbf\xbf\xee\x80\x80\xed\x9f\xbf\"]"),
    T("{\"\\u0061\":\"long enough to be scanned eight bytes at once, \\\"quoted\\\" too\"}",
      "{\"a\":\"long enough to be scanned eight bytes at once, \\\"quoted\\\" too\"}"),
};

static const struct text k_refused[] = {
    T("", "line 1, column 1"),
    T("  \n ", "line 2, column 2"),
    T("null", "line 1, column 1"),
    T("\"text\"", "line 1, column 1"),
    T("42", "line 1, column 1"),
    T("\xef\xbb\xbf{}", "line 1, column 1"),
    T("\xff\xfe[\0]\0", "line 1, column 1"),
    T("{", "line 1, column 2"),
    T("[", "line 1, column 2"),
    T("}", "line 1, column 1"),
    T("[1", "line 1, column 3"),
    T("[1,", "line 1, column 4"),
    T("[1,]", "line 1, column 4"),
    T("[,1]", "line 1, column 2"),
    T("[1,,2]", "line 1, column 4"),
    T("[1 2]", "line 1, column 4"),
    T("[1}", "line 1, column 3"),
    T("{\"a\":1]", "line 1, column 7"),
    T("{\"a\"", "line 1, column 5"),
    T("{\"a\":", "line 1, column 6"),
    T("{\"a\":}", "line 1, column 6"),
    T("{\"a\" 1}", "line 1, column 6"),
    T("{\"a\":1,}", "line 1, column 8"),
    T("{,\"a\":1}", "line 1, column 2"),
    T("{a:1}", "line 1, column 2"),
    T("{'a':1}", "line 1, column 2"),
    T("{1:1}", "line 1, column 2"),
    T("{\"a\"::1}", "line 1, column 6"),
    T("{\"a\":1 \"b\":2}", "line 1, column 8"),
    T("[] []", "line 1, column 4"),
    T("{}x", "line 1, column 3"),
    T("{}\0", "line 1, column 3"),
    T("[]]", "line 1, column 3"),
    T("[1]//", "line 1, column 4"),
    T("[/**/]", "line 1, column 2"),
    T("[\f]", "line 1, column 2"),
    T("[\xc2\xa0]", "line 1, column 2"),
    T("[\n\n  tru]", "line 3, column 3"),
    T("[True]", "line 1, column 2"),
    T("[nul]", "line 1, column 2"),
    T("[nullx]", "line 1, column 6"),
    T("[NaN]", "line 1, column 2"),
    T("[-NaN]", "line 1, column 3"),
    T("[Infinity]", "line 1, column 2"),
    T("[-Infinity]", "line 1, column 3"),
    T("[undefined]", "line 1, column 2"),
    // numbers
    T("[01]", "line 1, column 2"),
    T("[-01]", "line 1, column 3"),
    T("[00.5]", "line 1, column 2"),
    T("[+1]", "line 1, column 2"),
    T("[-]", "line 1, column 3"),
    T("[.5]", "line 1, column 2"),
    T("[-.5]", "line 1, column 3"),
    T("[1.]", "line 1, column 4"),
    T("[1.e1]", "line 1, column 4"),
    T("[1e]", "line 1, column 4"),
    T("[1e+]", "line 1, column 5"),
    T("[1.5e-x]", "line 1, column 7"),
    T("[1eE2]", "line 1, column 4"),
    T("[0x1F]", "line 1, column 3"),
    T("[1a]", "line 1, column 3"),
    T("[1-2]", "line 1, column 3"),
    T("[--1]", "line 1, column 3"),
    T("[1.2.3]", "line 1, column 5"),
    T("[0e]", "line 1, column 4"),
    T("[\xef\xbc\x91]", "line 1, column 2"),
    T("[9223372036854775808]", "line 1, column 2"),
    T("[-9223372036854775809]", "line 1, column 2"),
    T("[99999999999999999999999]", "line 1, column 2"),
    T("[1e309]", "line 1, column 2"),
    T("[-1e9999999999999]", "line 1, column 2"),
    // text
    T("[\"", "line 1, column 3"),
    T("[\"abc", "line 1, column 6"),
    T("[\"\\", "line 1, column 4"),
    T("[\"\\\"", "line 1, column 5"),
    T("[\"\\x41\"]", "line 1, column 4"),
    T("[\"\\a\"]", "line 1, column 4"),
    T("[\"\\'\"]", "line 1, column 4"),
    T("[\"\\0\"]", "line 1, column 4"),
    T("[\"\\U0041\"]", "line 1, column 4"),
    T("[\"\\u00\"]", "line 1, column 7"),
    T("[\"\\u00G0\"]", "line 1, column 7"),
    T("[\"\\u", "line 1, column 5"),
    T("[\"\\u0000\"]", "line 1, column 3"),
    T("[\"x\0y\"]", "line 1, column 4"),
    T("{\"a\\u0000b\":1}", "line 1, column 4"),
    T("[\"a\nb\"]", "line 1, column 4"),
    T("[\"a\tb\"]", "line 1, column 4"),
    T("[\"\x1f\"]", "line 1, column 3"),
    T("[\"\\uD800\"]", "line 1, column 3"),
    T("[\"\\uDC00\"]", "line 1, column 3"),
    T("[\"\\uD800\\u0041\"]", "line 1, column 3"),
    T("[\"\\uD800\\uD800\\uDC00\"]", "line 1, column 3"),
    T("[\"\\uD800x\"]", "line 1, column 3"),
    T("[\"\xff\"]", "line 1, column 3"),
    T("[\"\x80\"]", "line 1, column 3"),
    T("[\"\xc3\"]", "line 1, column 3"),
    T("[\"\xc0\xaf\"]", "line 1, column 3"),
    T("[\"\xe0\x80\xaf\"]", "line 1, column 3"),
    T("[\"\xed\xa0\x80\"]", "line 1, column 3"),
    T("[\"\xf0\x80\x80\xaf\"]", "line 1, column 3"),
    T("[\"\xf4\x90\x80\x80\"]", "line 1, column 3"),
    T("[\"\xf5\x80\x80\x80\"]", "line 1, column 3"),
    T("{\"\xff\":1}", "line 1, column 3"),
    T("[abc]", "line 1, column 2"),
    T("['a']", "line 1, column 2"),
    // repeated keys
    T("{\"a\":1,\"a\":1}", "line 1, column 8"),
    T("{\"a\":1,\n \"b\":{\"a\":1},\n \"\\u0061\":2}", "line 3, column 2"),
    T("[{\"x\":{\"y\":1,\"z\":2,\"y\":3}}]", "line 1, column 20"),
    T("{\"\":1,\"\":2}", "line 1, column 7"),
    // columns count characters, not bytes
    T("[\"\xc3\xa9\xe2\x82\xac\", x]", "line 1, column 8"),
};

static char *written(const bson_t *doc, int flags)
{
    struct kj_buf out;
    kj_buf_init(&out, 0);
    kj_json_write(doc, flags, &out);
    assert_false(out.failed);
    assert_int_equal(strlen(out.data), out.length);
    return kj_buf_take(&out);
}

// The text in a block of exactly its length, so that the sanitizer sees a step too far.
static int parse_exact(const char *text, size_t length, bson_t **doc, bool *is_array,
                       struct kj_fault *fault)
{
    char *copy = malloc(length ? length : 1);
    if (length)
        memcpy(copy, text, length);
    int rc = kj_json_parse(copy, length, NULL, doc, is_array, fault);
    free(copy);
    return rc;
}

static void accepts(void **state)
{
    (void)state;
    for (size_t i = 0; i < KJ_COUNT(k_accepted); i++) {
        const struct text *t = &k_accepted[i];
        struct kj_fault fault = {0};
        bson_t *doc, *again;
        bool is_array;
        if (parse_exact(t->in, t->length, &doc, &is_array, &fault) != 0)
            fail_msg("%s refused: %s: %s", t->in, fault.place, fault.text);
        assert_true(bson_validate(doc, BSON_VALIDATE_UTF8, NULL));
        assert_int_equal(is_array, t->out[0] == '[');
        char *out = written(doc, is_array ? KJ_JSON_ARRAY : 0);
        assert_string_equal(out, t->out);
        assert_int_equal(kj_json_parse(out, strlen(out), NULL, &again, NULL, NULL), 0);
        assert_true(bson_equal(doc, again));
        free(out);
        bson_destroy(doc);
        bson_destroy(again);
    }
}

static void refuses(void **state)
{
    (void)state;
    for (size_t i = 0; i < KJ_COUNT(k_refused); i++) {
        const struct text *t = &k_refused[i];
        struct kj_fault fault = {0};
        bson_t *doc;
        if (parse_exact(t->in, t->length, &doc, NULL, &fault) != KJ_EPARSE)
            fail_msg("not refused: %s", t->in);
        assert_null(doc);
        if (strcmp(fault.place, t->out) != 0)
            fail_msg("%s: at %s instead of %s (%s)", t->in, fault.place, t->out, fault.text);
        assert_int_not_equal(fault.text[0], 0);
    }
}

static void keeps_limits(void **state)
{
    (void)state;
    struct kj_fault fault;
    bson_t *doc;
    struct kj_json_limits limits = {.bytes = 40, .nodes = 4, .depth = 2};
    assert_int_equal(kj_json_parse("[1,2,3]", 7, &limits, &doc, NULL, &fault), 0);
    bson_destroy(doc);
    assert_int_equal(kj_json_parse("[1,2,3,4]", 9, &limits, &doc, NULL, &fault), KJ_ELIMIT);
    assert_string_equal(fault.place, "line 1, column 8");
    assert_int_equal(kj_json_parse("[[]]", 4, &limits, &doc, NULL, &fault), 0);
    bson_destroy(doc);
    assert_int_equal(kj_json_parse("[[[]]]", 6, &limits, &doc, NULL, &fault), KJ_ELIMIT);
    assert_string_equal(fault.place, "line 1, column 3");
    char wide[64];
    snprintf(wide, sizeof wide, "[%41s]", "");
    assert_int_equal(kj_json_parse(wide, 43, &limits, &doc, NULL, &fault), KJ_ELIMIT);
    // Limits larger than the reader's own stack cannot be asked for.
    limits = (struct kj_json_limits){.bytes = 1u << 22, .nodes = 1u << 22, .depth = 1 << 22};
    char *deep = malloc(1u << 20);
    memset(deep, '[', 1u << 20);
    assert_int_equal(kj_json_parse(deep, 1u << 20, &limits, &doc, NULL, &fault), KJ_ELIMIT);
    free(deep);
    char digits[600] = "[0.";
    memset(digits + 3, '1', 500);
    digits[503] = ']';
    assert_int_equal(kj_json_parse(digits, 504, NULL, &doc, NULL, &fault), KJ_ELIMIT);
}

// Objects with more keys than are compared one by one.
static void finds_repeats_among_many(void **state)
{
    (void)state;
    struct kj_buf text;
    struct kj_fault fault = {0};
    bson_t *doc;
    kj_buf_init(&text, 0);
    kj_buf_adds(&text, "{\"first\":0");
    for (int i = 0; i < 5000; i++)
        kj_buf_addf(&text, ",\"key_%d\":%d", i, i);
    size_t length = text.length;
    kj_buf_adds(&text, "}");
    assert_int_equal(kj_json_parse(text.data, text.length, NULL, &doc, NULL, &fault), 0);
    assert_int_equal(bson_count_keys(doc), 5001);
    bson_destroy(doc);
    text.length = length;
    kj_buf_adds(&text, ",\"key_77\":0}");
    assert_int_equal(kj_json_parse(text.data, text.length, NULL, &doc, NULL, &fault), KJ_EPARSE);
    assert_non_null(strstr(fault.text, "key_77"));
    kj_buf_fini(&text);
}

static void writes_what_json_has_no_word_for(void **state)
{
    (void)state;
    bson_t doc = BSON_INITIALIZER;
    bson_oid_t oid;
    bson_decimal128_t decimal;
    bson_oid_init_from_string(&oid, "0123456789abcdef01234567");
    bson_decimal128_from_string("12.50", &decimal);
    BSON_APPEND_OID(&doc, "id", &oid);
    bson_append_binary(&doc, "bin", -1, BSON_SUBTYPE_BINARY, (const uint8_t *)"\x00\xff\x10z", 4);
    BSON_APPEND_DECIMAL128(&doc, "dec", &decimal);
    BSON_APPEND_DATE_TIME(&doc, "at", 1782892800123);
    BSON_APPEND_DATE_TIME(&doc, "far", INT64_MAX);
    BSON_APPEND_DATE_TIME(&doc, "year0", -62167219200000);
    BSON_APPEND_REGEX(&doc, "re", "^a", "i");
    BSON_APPEND_INT32(&doc, "small", -7);
    BSON_APPEND_DOUBLE(&doc, "nan", NAN);
    BSON_APPEND_DOUBLE(&doc, "inf", INFINITY);
    BSON_APPEND_MINKEY(&doc, "min");
    bson_append_utf8(&doc, "bad", -1, "a\xff\x00z", 4);
    char *out = written(&doc, 0);
    assert_string_equal(out, "{\"id\":\"0123456789abcdef01234567\",\"bin\":\"AP8Qeg==\","
                             "\"dec\":\"12.50\",\"at\":\"2026-07-01T08:00:00.123Z\","
                             "\"far\":9223372036854775807,\"year0\":\"0000-01-01T00:00:00.000Z\","
                             "\"re\":\"^a\",\"small\":-7,\"nan\":null,\"inf\":null,\"min\":null,"
                             "\"bad\":\"a\xef\xbf\xbd\\u0000z\"}");
    free(out);
    bson_destroy(&doc);
}

static void writes_pretty_and_values(void **state)
{
    (void)state;
    const char *text = "{\"a\":[1,{\"b\":[]}],\"c\":{}}";
    bson_t *doc;
    assert_int_equal(kj_json_parse(text, strlen(text), NULL, &doc, NULL, NULL), 0);
    char *out = written(doc, KJ_JSON_PRETTY);
    assert_string_equal(out, "{\n  \"a\": [\n    1,\n    {\n      \"b\": []\n    }\n  ],\n"
                             "  \"c\": {}\n}");
    free(out);
    bson_iter_t at;
    struct kj_buf buf;
    kj_buf_init(&buf, 0);
    assert_true(kj_doc_find(doc, "a.1", &at));
    kj_json_write_value(&at, 0, &buf);
    assert_string_equal(buf.data, "{\"b\":[]}");
    kj_buf_fini(&buf);
    kj_buf_init(&buf, 10); // a buffer that is too small fails, it does not overflow
    kj_json_write(doc, 0, &buf);
    assert_true(buf.failed);
    kj_buf_fini(&buf);
    bson_destroy(doc);
}

// What fits is not refused because of the room that writing by blocks would like to have.
static void fills_a_buffer_to_its_limit(void **state)
{
    (void)state;
    const char *text =
        "{\"key\":[1,\"a text of more than a block, \xc3\xbc and \\\"\"],\"k\":-2.5}";
    size_t length = strlen(text);
    struct kj_buf out;
    bson_t *doc;
    assert_int_equal(kj_json_parse(text, length, NULL, &doc, NULL, NULL), 0);
    for (size_t limit = 1; limit < 2 * length; limit++) {
        kj_buf_init(&out, limit);
        kj_json_write(doc, 0, &out);
        assert_int_equal(out.failed, limit < length);
        assert_true(out.length <= limit);
        if (limit >= length)
            assert_string_equal(out.data, text);
        kj_buf_fini(&out);
    }
    bson_destroy(doc);
}

static void reads_any_value_and_bare_grammar(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool value, grammar;
    } cases[] = {{"5", true, true},
                 {" \"a\" ", true, true},
                 {"null", true, true},
                 {"{\"a\":[]}", true, true},
                 {"\"\\u0000\"", true, true},
                 {"{\"\\u0000\":1}", false, true},
                 {"{\"a\":1,\"a\":2}", false, true},
                 {"", false, false},
                 {"5 5", false, false},
                 {"nul", false, false},
                 {"\"\\ud800\"", false, false},
                 {"[1,]", false, false},
                 {"\xef\xbb\xbf{}", false, false},
                 {"123456789012345678901", false, false}};
    struct kj_json_limits value = {1000, 100, 10, KJ_JSON_VALUE};
    struct kj_json_limits grammar = {1000, 100, 10, KJ_JSON_GRAMMAR};
    for (size_t i = 0; i < KJ_COUNT(cases); i++) {
        bson_t *doc, *none;
        struct kj_fault fault = {0};
        size_t length = strlen(cases[i].text);
        int rc = kj_json_parse(cases[i].text, length, &value, &doc, NULL, &fault);
        assert_int_equal(rc, cases[i].value ? 0 : KJ_EPARSE);
        assert_int_equal(rc == 0, doc != NULL);
        if (doc) {
            bson_iter_t root;
            assert_int_equal(bson_count_keys(doc), 1);
            assert_true(bson_iter_init_find(&root, doc, ""));
            bson_destroy(doc);
        }
        rc = kj_json_parse(cases[i].text, length, &grammar, &none, NULL, &fault);
        assert_int_equal(rc, cases[i].grammar ? 0 : KJ_EPARSE);
        assert_null(none);
    }
}

// More keys than are compared one by one, all the same.
static void grammar_lets_many_keys_repeat(void **state)
{
    (void)state;
    struct kj_json_limits grammar = {10000, 1000, 2, KJ_JSON_GRAMMAR};
    struct kj_buf text;
    bson_t *none;
    kj_buf_init(&text, 0);
    for (int i = 0; i < 100; i++)
        kj_buf_adds(&text, i ? ",\"a\":1" : "{\"a\":1");
    kj_buf_adds(&text, "}");
    assert_int_equal(kj_json_parse(text.data, text.length, &grammar, &none, NULL, NULL), 0);
    assert_int_equal(kj_json_parse(text.data, text.length, NULL, &none, NULL, NULL), KJ_EPARSE);
    kj_buf_fini(&text);
}

static void refuses_to_write_bottomless(void **state)
{
    (void)state;
    bson_t *doc = bson_new();
    for (int i = 0; i < 1000; i++) {
        bson_t *outer = bson_new();
        BSON_APPEND_DOCUMENT(outer, "d", doc);
        bson_destroy(doc);
        doc = outer;
    }
    struct kj_buf out;
    kj_buf_init(&out, 0);
    kj_json_write(doc, 0, &out);
    assert_true(out.failed);
    kj_buf_fini(&out);
    bson_destroy(doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts),
        cmocka_unit_test(refuses),
        cmocka_unit_test(keeps_limits),
        cmocka_unit_test(finds_repeats_among_many),
        cmocka_unit_test(writes_what_json_has_no_word_for),
        cmocka_unit_test(writes_pretty_and_values),
        cmocka_unit_test(fills_a_buffer_to_its_limit),
        cmocka_unit_test(reads_any_value_and_bare_grammar),
        cmocka_unit_test(grammar_lets_many_keys_repeat),
        cmocka_unit_test(refuses_to_write_bottomless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
