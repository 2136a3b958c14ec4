// Messages of the bus: both encodings mean the same, and what is refused says why.
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "base/alloc.h"
#include "face/frame.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int parse(const char *text, struct kj_frame *frame, struct kj_fault *fault)
{
    return kj_frame_parse(text, strlen(text), frame, fault);
}

static int parse_bson(const bson_t *doc, struct kj_frame *frame, struct kj_fault *fault)
{
    return kj_frame_parse(bson_get_data(doc), doc->len, frame, fault);
}

static void test_json(void **state)
{
    struct kj_frame frame;
    struct kj_buf out;
    bson_t result = BSON_INITIALIZER;
    (void)state;
    assert_int_equal(parse("{\"id\":\"a1\",\"cmd\":\"status\",\"args\":{\"x\":5},\"token\":\"t\","
                           "\"idempotency_key\":\"k\"}",
                           &frame, NULL),
                     KJ_OK);
    assert_true(frame.json);
    assert_string_equal(frame.cmd, "status");
    assert_string_equal(frame.id, "a1");
    assert_string_equal(frame.token, "t");
    assert_string_equal(frame.idempotency_key, "k");
    assert_int_equal(kj_doc_int(&frame.args, "x", 0), 5);
    kj_buf_init(&out, 0);
    kj_doc_put_int(&result, "n", 2);
    kj_frame_answer(&frame, &result, NULL, NULL, &out);
    assert_string_equal(out.data, "{\"id\":\"a1\",\"ok\":true,\"result\":{\"n\":2}}");
    bson_destroy(&result);
    kj_buf_fini(&out);
    kj_frame_fini(&frame);
}

static void test_bson_like_json(void **state)
{
    struct kj_frame frame;
    struct kj_buf out;
    bson_t message = BSON_INITIALIZER, args = BSON_INITIALIZER, view;
    struct kj_fault fault;
    (void)state;
    kj_doc_put_int(&message, "id", 9); // any value is told back
    kj_doc_put_text(&message, "cmd", "status");
    kj_doc_put_time(&args, "at", 1000);
    kj_doc_put_doc(&message, "args", &args);
    assert_int_equal(parse_bson(&message, &frame, NULL), KJ_OK);
    assert_false(frame.json);
    assert_null(frame.id);
    assert_int_equal(kj_doc_time(&frame.args, "at", 0), 1000);
    kj_buf_init(&out, 0);
    kj_fault(&fault, KJ_ENOTFOUND, "/x", "look", "is not there");
    kj_frame_answer(&frame, NULL, &fault, NULL, &out);
    assert_true(bson_init_static(&view, (const uint8_t *)out.data, out.length));
    assert_int_equal(kj_doc_int(&view, "id", 0), 9);
    assert_false(kj_doc_bool(&view, "ok", true));
    assert_string_equal(kj_doc_text(&view, "error.code", ""), "not_found");
    assert_string_equal(kj_doc_text(&view, "error.place", ""), "/x");
    assert_string_equal(kj_doc_text(&view, "error.hint", ""), "look");
    bson_destroy(&message);
    bson_destroy(&args);
    kj_buf_fini(&out);
    kj_frame_fini(&frame);
}

static void test_refused(void **state)
{
    static const struct {
        const char *text;
        int code;
        const char *place;
    } k_cases[] = {
        {"", KJ_EPARSE, NULL},
        {"{\"cmd\":", KJ_EPARSE, NULL},
        {"nonsense", KJ_EPARSE, NULL},
        {"{\"cmd\":\"a\",\"cmd\":\"b\"}", KJ_EPARSE, NULL},
        {"[]", KJ_ESCHEMA, "/cmd"},
        {"{}", KJ_ESCHEMA, "/cmd"},
        {"{\"cmd\":5}", KJ_ESCHEMA, "/cmd"},
        {"{\"cmd\":\"status\",\"args\":[]}", KJ_ESCHEMA, "/args"},
        {"{\"cmd\":\"status\",\"args\":null}", KJ_ESCHEMA, "/args"},
    };
    (void)state;
    for (size_t i = 0; i < KJ_COUNT(k_cases); i++) {
        struct kj_frame frame;
        struct kj_fault fault = {0};
        assert_int_equal(parse(k_cases[i].text, &frame, &fault), k_cases[i].code);
        assert_true(frame.json);
        if (k_cases[i].place)
            assert_string_equal(fault.place, k_cases[i].place);
        kj_frame_fini(&frame);
    }
}

static void test_bson_only_data(void **state)
{
    struct kj_fault fault;
    (void)state;
    for (int i = 0; i < 6; i++) {
        struct kj_frame frame;
        bson_t message = BSON_INITIALIZER, args = BSON_INITIALIZER;
        kj_doc_put_text(&message, "cmd", "status");
        if (i == 0)
            bson_append_regex(&args, "odd", -1, ".*", "");
        else if (i == 1)
            bson_append_double(&args, "odd", -1, NAN);
        else if (i == 2)
            bson_append_utf8(&args, "odd", -1, "a\0b", 3);
        else if (i == 3)
            bson_append_code(&args, "odd", -1, "x");
        else if (i == 5)
            bson_append_utf8(&args, "odd", -1, "\xff\xfe", 2);
        for (int n = 0; i == 4 && n < 40; n++) {
            char key[8];
            snprintf(key, sizeof key, "k%d", n);
            kj_doc_put_int(&args, key, n);
        }
        if (i == 4)
            kj_doc_put_int(&args, "k30", 1); // a second one, far behind
        kj_doc_put_doc(&message, "args", &args);
        assert_int_equal(parse_bson(&message, &frame, &fault), KJ_EPARSE);
        if (i != 2) // the library sees it first, and knows no place
            assert_string_equal(fault.place, i == 4 ? "k30" : "odd");
        kj_frame_fini(&frame);
        bson_destroy(&args);
        bson_destroy(&message);
    }
}

static void nest(bson_t *doc, int depth)
{
    bson_t child = BSON_INITIALIZER;
    if (depth > 0)
        nest(&child, depth - 1);
    kj_doc_put_doc(doc, "a", &child);
    bson_destroy(&child);
}

static void test_deep(void **state)
{
    struct kj_frame frame;
    struct kj_fault fault;
    bson_t message = BSON_INITIALIZER;
    (void)state;
    kj_doc_put_text(&message, "cmd", "status");
    nest(&message, 200);
    assert_int_equal(parse_bson(&message, &frame, &fault), KJ_ELIMIT);
    kj_frame_fini(&frame);
    bson_destroy(&message);
}

// A command has the size of its schema: lead.import takes what status refuses.
static void test_limits_by_command(void **state)
{
    struct kj_frame frame;
    struct kj_fault fault;
    struct kj_buf text;
    (void)state;
    for (int large = 0; large < 2; large++) {
        kj_buf_init(&text, 0);
        kj_buf_addf(&text, "{\"cmd\":\"%s\",\"args\":{\"rows\":[",
                    large ? "lead.import" : "status");
        for (int i = 0; i < 9000; i++)
            kj_buf_addf(&text, "%s{\"a\":%d,\"b\":1}", i ? "," : "", i);
        kj_buf_adds(&text, "]}}");
        assert_int_equal(kj_frame_parse(text.data, text.length, &frame, &fault),
                         large ? KJ_OK : KJ_ELIMIT);
        if (!large)
            assert_string_equal(fault.place, "/args");
        kj_frame_fini(&frame);
        kj_buf_fini(&text);
    }
}

static void test_answer_too_large(void **state)
{
    struct kj_frame frame;
    struct kj_buf out;
    bson_t result = BSON_INITIALIZER;
    char *big = kj_alloc(4000);
    (void)state;
    memset(big, 'x', 3999);
    assert_int_equal(parse("{\"id\":1,\"cmd\":\"status\"}", &frame, NULL), KJ_OK);
    kj_doc_put_text(&result, "text", big);
    kj_buf_init(&out, 1000);
    kj_frame_answer(&frame, &result, NULL, NULL, &out);
    assert_non_null(strstr(out.data, "\"code\":\"limit\""));
    assert_int_equal(out.data[out.length - 1], '}');
    kj_buf_fini(&out);
    kj_frame_fini(&frame);
    bson_destroy(&result);
    free(big);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_bson_like_json),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_bson_only_data),
        cmocka_unit_test(test_deep),
        cmocka_unit_test(test_limits_by_command),
        cmocka_unit_test(test_answer_too_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
