// What a document from outside may hold: no key twice, however many there are and whatever they
// look like; only text that is UTF-8 and holds no NUL, at every length.
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "base/alloc.h"
#include "doc/doc.h"
#include "doc/json.h"

#include <stdio.h>
#include <string.h>

static int judge(const bson_t *doc)
{
    static const struct kj_json_limits limits = {1 << 20, 1000, 8, 0};
    char place[64];
    return kj_doc_only_data(bson_get_data(doc), doc->len, &limits, place, sizeof place);
}

// `count` different keys, and then that of place `again` once more (-1: none).
static int with_keys(const char *form, int count, int again)
{
    bson_t doc = BSON_INITIALIZER;
    for (int i = 0; i <= count; i++) {
        char key[40];
        snprintf(key, sizeof key, form, i < count ? i : again);
        if (i < count || again >= 0)
            bson_append_bool(&doc, key, -1, true);
    }
    int status = judge(&doc);
    bson_destroy(&doc);
    return status;
}

static void no_key_stands_twice(void **state)
{
    (void)state;
    // Alike in length and at both ends; of different lengths and ends.
    static const char *const forms[] = {"key_%03d_of_many", "%d", "%dk"};
    for (size_t form = 0; form < KJ_COUNT(forms); form++)
        for (int count = 0; count < 40; count++) {
            assert_int_equal(with_keys(forms[form], count, -1), KJ_OK);
            for (int again = 0; again < count; again++)
                assert_int_equal(with_keys(forms[form], count, again), KJ_EPARSE);
        }
}

static void an_empty_key_is_one(void **state)
{
    (void)state;
    bson_t doc = BSON_INITIALIZER;
    bson_append_bool(&doc, "", 0, true);
    assert_int_equal(judge(&doc), KJ_OK);
    bson_append_bool(&doc, "", 0, true);
    assert_int_equal(judge(&doc), KJ_EPARSE);
    bson_destroy(&doc);
}

static int with_text(const char *text, size_t length, bool as_key)
{
    bson_t doc = BSON_INITIALIZER;
    if (as_key)
        bson_append_bool(&doc, text, (int)length, true);
    else
        bson_append_utf8(&doc, "text", 4, text, (int)length);
    int status = judge(&doc);
    bson_destroy(&doc);
    return status;
}

static void a_text_is_judged_to_its_end(void **state)
{
    (void)state;
    char text[40];
    for (size_t length = 1; length < sizeof text; length++) {
        memset(text, 'a', sizeof text);
        text[0] = 0x7F;
        text[length - 1] = 1;
        assert_int_equal(with_text(text, length, false), KJ_OK);
        assert_int_equal(with_text(text, length, true), KJ_OK);
        for (size_t at = 0; at < length; at++) {
            char kept = text[at];
            text[at] = 0;
            assert_int_equal(with_text(text, length, false), KJ_EPARSE);
            text[at] = (char)0x80;
            assert_int_equal(with_text(text, length, false), KJ_EPARSE);
            assert_int_equal(with_text(text, length, true), KJ_EPARSE);
            text[at] = kept;
        }
    }
    assert_int_equal(with_text("Gr\xC3\xBC\xC3\x9F", 6, false), KJ_OK);
    assert_int_equal(with_text("Gr\xC3\xBC\xC3\x9F aus K\xC3\xB6ln", 15, true), KJ_OK);
    assert_int_equal(with_text("", 0, false), KJ_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_key_stands_twice),
        cmocka_unit_test(an_empty_key_is_one),
        cmocka_unit_test(a_text_is_judged_to_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
