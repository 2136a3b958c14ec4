// Heads of HTTP requests: what is cut into which parts, and what is refused.
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "base/alloc.h"
#include "face/http_wire.h"

#include <stdio.h>
#include <string.h>

static char g_bytes[4096];

static const char *parse(const char *text, size_t size, struct kj_http_head *head)
{
    memcpy(g_bytes, text, size);
    return kj_http_head_parse(g_bytes, size, head);
}

static void test_parts(void **state)
{
    static const char k_text[] = "PATCH /a%20b/c%2Fd?x=1&y=a+b%26&&=odd&z&bad=%zz&w= HTTP/1.1\r\n"
                                 "Host: here\r\nX-Empty:\r\nX-Padded: \t a  b \t \r\n\r\n";
    struct kj_http_head head;
    const char *name, *value;
    (void)state;
    size_t size = sizeof k_text - 1;
    for (size_t length = 0; length < size; length++)
        assert_int_equal(kj_http_head_size(k_text, length), 0);
    assert_int_equal(kj_http_head_size(k_text, size), size);
    assert_null(parse(k_text, size, &head));
    assert_string_equal(head.method, "PATCH");
    assert_string_equal(head.path, "/a b/c/d");
    assert_false(head.old);
    assert_int_equal(head.count, 3);
    assert_string_equal(kj_http_field(&head, "hOST"), "here");
    assert_string_equal(kj_http_field(&head, "x-empty"), "");
    assert_string_equal(kj_http_field(&head, "x-padded"), "a  b");
    assert_null(kj_http_field(&head, "x-other"));
    static const char *const k_pairs[] = {"x", "1", "y", "a b&", "z", "", "w", ""};
    for (size_t i = 0; i < KJ_COUNT(k_pairs); i += 2) {
        assert_true(kj_http_query_next(&head.query, &name, &value));
        assert_string_equal(name, k_pairs[i]);
        assert_string_equal(value, k_pairs[i + 1]);
    }
    assert_false(kj_http_query_next(&head.query, &name, &value));
    assert_null(parse("GET / HTTP/1.0\r\n\r\n", 18, &head));
    assert_true(head.old);
    assert_null(head.query);
    assert_int_equal(head.count, 0);
}

static void test_refused(void **state)
{
    static const char *const k_heads[] = {
        "GET /\r\n\r\n",
        "GET / HTTP/2.0\r\n\r\n",
        "GET / HTTP/1.1 \r\n\r\n",
        "GET / http/1.1\r\n\r\n",
        " GET / HTTP/1.1\r\n\r\n",
        "GET  / HTTP/1.1\r\n\r\n",
        "GET / / HTTP/1.1\r\n\r\n",
        "GE(T / HTTP/1.1\r\n\r\n",
        "GET a HTTP/1.1\r\n\r\n",
        "GET http://x/ HTTP/1.1\r\n\r\n",
        "GET /\tx HTTP/1.1\r\n\r\n",
        "GET /\xc3\xa9 HTTP/1.1\r\n\r\n",
        "GET /#x HTTP/1.1\r\n\r\n",
        "GET /%4 HTTP/1.1\r\n\r\n",
        "GET /%00 HTTP/1.1\r\n\r\n",
        "GET /%g0 HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\nHost: x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\nX: y\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\rX: y\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : x\r\n\r\n",
        "GET / HTTP/1.1\r\n Host: x\r\n\r\n",
        "GET / HTTP/1.1\r\nA: b\r\n folded\r\n\r\n",
        "GET / HTTP/1.1\r\n: x\r\n\r\n",
        "GET / HTTP/1.1\r\nnothing\r\n\r\n",
        "GET / HTTP/1.1\r\nX\x01: y\r\n\r\n",
        "GET / HTTP/1.1\r\nX: \x7f\r\n\r\n",
        "\r\n\r\n",
    };
    struct kj_http_head head;
    char text[4096];
    (void)state;
    for (size_t i = 0; i < KJ_COUNT(k_heads); i++)
        if (parse(k_heads[i], strlen(k_heads[i]), &head) == NULL)
            fail_msg("taken: %s", k_heads[i]);
    assert_non_null(parse("GET / HTTP/1.1\r\nX: a\0b\r\n\r\n", 26, &head));
    size_t at = (size_t)snprintf(text, sizeof text, "GET / HTTP/1.1\r\n");
    for (int i = 0; i < KJ_HTTP_FIELDS; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "X%d: y\r\n", i);
    strcpy(text + at, "\r\n");
    assert_null(parse(text, at + 2, &head));
    assert_int_equal(head.count, KJ_HTTP_FIELDS);
    strcpy(text + at, "One: more\r\n\r\n");
    assert_non_null(parse(text, strlen(text), &head));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
