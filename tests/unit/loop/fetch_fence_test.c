// The fences around the HTTP client: nothing sent twice, limits, addresses, proxies, bad input.
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "fetch_fixture.h"

// curl would repeat both by itself on a new connection.
static void only_what_is_harmless_is_sent_twice(void **state)
{
    (void)state;
    assert_int_equal(run_path("/ok").error, 0);
    struct kj_fetch_request request = get("/close-kept");
    request.method = "POST";
    struct outcome o = run(&request);
    assert_int_equal(o.error, KJ_EUNAVAILABLE);
    assert_true(o.sent);
    assert_non_null(strstr(o.text, "not sent again"));
    assert_int_equal(atomic_load(&server.requests), 2);
    assert_int_equal(run_path("/ok").error, 0);
    assert_int_equal(run_path("/close-kept").error, 0);
    assert_int_equal(atomic_load(&server.requests), 5);
}

static void answers_have_a_limit(void **state)
{
    (void)state;
    static const char *const paths[] = {"/big", "/big-surprise"};
    for (int i = 0; i < 2; i++) {
        struct kj_fetch_request request = get(paths[i]);
        request.response_limit = 4999;
        struct outcome o = run(&request);
        assert_int_equal(o.error, KJ_ELIMIT);
        assert_true(o.sent);
        assert_int_equal(o.status, 200);
        assert_true(o.body_length <= (i == 0 ? 0 : 4999)); // announced: not even begun
        request.response_limit = 5000;
        o = run(&request);
        assert_int_equal(o.error, 0);
        assert_int_equal(o.body_length, 5000);
    }
}

static void inside_is_denied(void **state)
{
    (void)state;
    static const char *const hosts[] = {"127.0.0.1", "localhost", "0x7f000001", "[::1]",
                                        "[::ffff:127.0.0.1]"};
    for (int i = 0; i < 5; i++) {
        char address[64];
        struct kj_fetch_request request = get("/ok");
        snprintf(address, sizeof address, "http://%s:%d/ok", hosts[i], server.port);
        request.url = address;
        request.allow_private = false;
        struct outcome o = run(&request);
        assert_int_equal(o.error, KJ_EDENIED);
        assert_false(o.sent);
        assert_non_null(strstr(o.text, "egress"));
    }
    assert_int_equal(atomic_load(&server.connections), 0);
}

static void a_connection_kept_for_another_is_no_way_in(void **state)
{
    (void)state;
    struct kj_fetch_request request = get("/ok");
    assert_int_equal(run(&request).error, 0);
    request.allow_private = false;
    struct outcome o = run(&request);
    assert_int_equal(o.error, KJ_EDENIED);
    assert_false(o.sent);
    assert_int_equal(atomic_load(&server.requests), 1);
}

static void the_environment_sets_no_proxy(void **state)
{
    (void)state;
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    assert_int_equal(run_path("/ok").error, 0);
    unsetenv("http_proxy");
    unsetenv("ALL_PROXY");
}

static void nonsense_is_refused_at_start(void **state)
{
    (void)state;
    static const char *const urls[] = {
        "",        "file:///etc/passwd",   "gopher://127.0.0.1/",      "/ok",
        "http://", "http://127.0.0.1/a b", "http://127.0.0.1/\r\nX: 1"};
    static const char *const headers[] = {"X: 1\r\nY: 2", "X", ": 1", "X Y: 1", "X: \x01"};
    struct outcome o = {0};
    struct kj_fetch_request request = get("/ok");
    for (int i = 0; i < 7; i++) {
        request.url = urls[i];
        assert_int_equal(kj_fetch_start(fetcher, &request, record, &o, NULL), KJ_EINVAL);
    }
    request = get("/ok");
    for (int i = 0; i < 5; i++) {
        const char *const list[] = {"X-Fine: 1", headers[i], NULL};
        request.headers = list;
        assert_int_equal(kj_fetch_start(fetcher, &request, record, &o, NULL), KJ_EINVAL);
    }
    request.headers = NULL;
    request.method = "GET / HTTP/1.1\r\n";
    assert_int_equal(kj_fetch_start(fetcher, &request, record, &o, NULL), KJ_EINVAL);
    request.method = NULL;
    assert_int_equal(kj_fetch_start(fetcher, &request, record, &o, NULL), KJ_EINVAL);
    assert_int_equal(o.calls, 0);
    request.method = "GET";
    assert_int_equal(run(&request).error, 0); // and works afterwards
}

static void headers_are_found_by_name(void **state)
{
    (void)state;
    static const char headers[] = "Content-Type: text/html \r\nX-A:\r\nx-b:\t1\r\nX-B: 2";
    char value[12];
    assert_true(kj_fetch_header(headers, "content-type", value, sizeof value));
    assert_string_equal(value, "text/html");
    assert_true(kj_fetch_header(headers, "X-A", value, sizeof value));
    assert_string_equal(value, "");
    assert_true(kj_fetch_header(headers, "X-B", value, sizeof value));
    assert_string_equal(value, "1");
    assert_true(kj_fetch_header(headers, "Content-Type", value, 5));
    assert_string_equal(value, "text");
    assert_false(kj_fetch_header(headers, "X-C", value, sizeof value));
    assert_false(kj_fetch_header(headers, "Content", value, sizeof value));
    assert_false(kj_fetch_header("", "X-C", value, sizeof value));
    assert_false(kj_fetch_header(NULL, "X-C", value, sizeof value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(only_what_is_harmless_is_sent_twice),
        T(answers_have_a_limit),
        T(inside_is_denied),
        T(a_connection_kept_for_another_is_no_way_in),
        T(the_environment_sets_no_proxy),
        T(nonsense_is_refused_at_start),
        cmocka_unit_test(headers_are_found_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
