// The HTTP client against a server that behaves well and badly: outcomes, `sent`, cancel, order.
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "fetch_fixture.h"

static char order[16];

static int setup_virtual(void **state)
{
    (void)state;
    kj_clock_init_virtual(&clock_, 0);
    order[0] = 0;
    return setup_with();
}

static void a_request_goes_out_and_comes_back(void **state)
{
    (void)state;
    const char *const headers[] = {"X-Mine: 1", "X-Empty:", NULL};
    char body[] = "{\"a\":1}";
    struct kj_fetch_request request = get("/ok");
    request.method = "POST";
    request.headers = headers;
    request.body = body;
    request.body_length = strlen(body);
    struct outcome o = {0};
    start(&request, &o);
    memset(body, 'z', sizeof body - 1); // it was copied
    kj_loop_run(loop);
    assert_int_equal(o.error, 0);
    assert_int_equal(o.status, 200);
    assert_true(o.sent);
    assert_string_equal(o.body, "{\"a\":1}");
    assert_int_equal(o.body_length, 7);
    assert_string_equal(o.headers, "X-Test:  one two \r\nContent-Length: 7\r\n");
    assert_string_equal(o.text, "");
    pthread_mutex_lock(&server.lock);
    assert_ptr_equal(strstr(server.last_request, "POST /ok HTTP/1.1\r\n"), server.last_request);
    assert_non_null(strstr(server.last_request, "\r\nX-Mine: 1\r\n"));
    assert_non_null(strstr(server.last_request, "\r\nX-Empty:\r\n"));
    assert_non_null(strstr(server.last_request, "\r\nContent-Length: 7\r\n"));
    assert_null(strstr(server.last_request, "Content-Type"));
    assert_null(strstr(server.last_request, "Expect"));
    pthread_mutex_unlock(&server.lock);
}

static void methods_carry_what_they_should(void **state)
{
    (void)state;
    static const char *const methods[] = {"PUT", "PATCH", "DELETE", "OPTIONS"};
    for (int i = 0; i < 4; i++) {
        struct kj_fetch_request request = get("/ok");
        char expected[32];
        request.method = methods[i];
        assert_int_equal(run(&request).error, 0);
        snprintf(expected, sizeof expected, "%s /ok ", methods[i]);
        pthread_mutex_lock(&server.lock);
        assert_ptr_equal(strstr(server.last_request, expected), server.last_request);
        assert_int_equal(strstr(server.last_request, "Content-Length: 0") != NULL, i < 2);
        pthread_mutex_unlock(&server.lock);
    }
    struct kj_fetch_request head = get("/head");
    head.method = "HEAD";
    struct outcome o = run(&head);
    assert_int_equal(o.error, 0);
    assert_int_equal(o.body_length, 0);
}

static void answers_of_all_shapes_are_read(void **state)
{
    (void)state;
    assert_string_equal(run_path("/chunked").body, "hello world");
    struct outcome o = run_path("/continue");
    assert_int_equal(o.status, 200);
    assert_string_equal(o.body, "after");
    assert_null(strstr(o.headers, "X-Early"));
    o = run_path("/redirect"); // not followed
    assert_int_equal(o.error, 0);
    assert_int_equal(o.status, 302);
    assert_non_null(strstr(o.headers, "Location: /ok\r\n"));
    assert_int_equal(run_path("/nonsense").error, KJ_EUNAVAILABLE);
    assert_int_equal(run_path("/half").error, KJ_EUNAVAILABLE);
}

static void connections_are_kept(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++)
        assert_int_equal(run_path("/ok").error, 0);
    assert_int_equal(atomic_load(&server.requests), 5);
    assert_int_equal(atomic_load(&server.connections), 1);
}

static void silence_times_out_as_sent(void **state)
{
    (void)state;
    struct kj_fetch_request request = get("/silent");
    request.timeout_ms = 50;
    struct outcome o = run(&request);
    assert_int_equal(o.error, KJ_ETIMEDOUT);
    assert_true(o.sent);
    assert_int_equal(o.status, 0);
    assert_true(o.text[0] != 0);
}

static void a_reset_after_the_request_is_sent(void **state)
{
    (void)state;
    struct kj_fetch_request request = get("/reset");
    request.method = "POST";
    struct outcome o = run(&request);
    assert_int_equal(o.error, KJ_EUNAVAILABLE);
    assert_true(o.sent);
    assert_int_equal(atomic_load(&server.requests), 1);
}

static void refused_is_not_sent(void **state)
{
    (void)state;
    int port;
    int fd = tiny_bind(&port); // bound and not listening: refused, and nobody else gets the port
    char address[64];
    snprintf(address, sizeof address, "http://127.0.0.1:%d/", port);
    struct kj_fetch_request request = get("/");
    request.url = address;
    struct outcome o = run(&request);
    close(fd);
    assert_int_equal(o.error, KJ_EUNAVAILABLE);
    assert_false(o.sent);
}

static uint64_t to_cancel;

static void cancel_now(void *arg)
{
    if (atomic_load(&server.requests) == 0) {
        kj_timer_start(loop, arg, 1);
        return;
    }
    kj_fetch_cancel(fetcher, to_cancel);
    kj_fetch_cancel(fetcher, to_cancel);
}

static void cancel_completes_once(void **state)
{
    (void)state;
    struct outcome early = {0}, late = {0};
    struct kj_fetch_request request = get("/silent");
    kj_fetch_cancel(fetcher, 12345); // unknown
    kj_fetch_cancel(fetcher, start(&request, &early));
    assert_int_equal(early.calls, 0); // not from inside cancel
    struct kj_timer timer;
    kj_timer_init(&timer, cancel_now, &timer);
    kj_timer_start(loop, &timer, 1);
    to_cancel = start(&request, &late);
    wanted = 2;
    kj_loop_run(loop);
    assert_int_equal(early.calls, 1);
    assert_int_equal(early.error, KJ_ECANCELED);
    assert_false(early.sent);
    assert_int_equal(late.calls, 1);
    assert_int_equal(late.error, KJ_ECANCELED);
    assert_true(late.sent);
}

struct late_cancel {
    uv_timer_t timer;
    uint64_t first, second;
    int ticks;
};

static void cancel_both(uv_timer_t *timer)
{
    struct late_cancel *late = timer->data;
    if (atomic_load(&server.answered) < 2 || ++late->ticks < 5) // rounds of input in between
        return;
    kj_fetch_cancel(fetcher, late->second);
    kj_fetch_cancel(fetcher, late->first);
    uv_close((uv_handle_t *)timer, NULL);
}

// With a virtual clock an answer waits for the older exchange: canceled meanwhile, it stays.
static void an_outcome_that_waits_outlives_cancel(void **state)
{
    (void)state;
    static struct late_cancel late;
    struct outcome a = {0}, b = {0};
    struct kj_fetch_request request = get("/silent");
    late = (struct late_cancel){.first = start(&request, &a)};
    request = get("/ok");
    late.second = start(&request, &b);
    uv_timer_init(kj_loop_uv(loop), &late.timer);
    late.timer.data = &late;
    uv_timer_start(&late.timer, cancel_both, 1, 1);
    wanted = 2;
    kj_loop_run(loop);
    assert_int_equal(a.error, KJ_ECANCELED);
    assert_int_equal(b.error, 0);
    assert_int_equal(b.status, 200);
}

static void many_at_once_all_come_back(void **state)
{
    (void)state;
    static struct outcome many[20];
    memset(many, 0, sizeof many);
    struct kj_fetch_request request = get("/ok");
    for (int i = 0; i < 20; i++)
        start(&request, &many[i]);
    wanted = 20;
    kj_loop_run(loop);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(many[i].calls, 1);
        assert_int_equal(many[i].error, 0);
    }
}

static void stop_when_idle(void *arg)
{
    (void)arg;
    kj_loop_stop(loop);
}

static void start_another(void *arg, const struct kj_fetch_response *response)
{
    int *calls = arg;
    struct kj_fetch_request request = get("/ok");
    assert_int_equal(response->error, KJ_ECANCELED);
    assert_int_equal(kj_fetch_start(fetcher, &request, start_another, arg, NULL), KJ_ECANCELED);
    ++*calls;
}

static void destroy_cancels_with_callbacks(void **state)
{
    (void)state;
    int calls = 0;
    struct kj_fetch_request request = get("/silent");
    for (int i = 0; i < 3; i++)
        assert_int_equal(kj_fetch_start(fetcher, &request, start_another, &calls, NULL), 0);
    kj_fetcher_destroy(fetcher);
    fetcher = NULL; // destroy takes NULL, too
    assert_int_equal(calls, 3);
    kj_loop_release(loop, 10, stop_when_idle, NULL);
    kj_loop_run(loop); // the loop waits for none of them
}

static void destroy_from_inside(void *arg, const struct kj_fetch_response *response)
{
    assert_int_equal(response->error, 0);
    kj_fetcher_destroy(fetcher);
    fetcher = NULL;
    record(arg, response);
}

static void done_may_destroy_the_fetcher(void **state)
{
    (void)state;
    struct outcome o = {0}, open = {0};
    struct kj_fetch_request request = get("/ok");
    assert_int_equal(kj_fetch_start(fetcher, &request, destroy_from_inside, &o, NULL), 0);
    request = get("/silent");
    start(&request, &open);
    wanted = 2;
    kj_loop_run(loop);
    assert_string_equal(o.body, "");
    assert_int_equal(o.status, 200);
    assert_int_equal(open.error, KJ_ECANCELED);
}

static void note_order(void *arg, const struct kj_fetch_response *response)
{
    assert_int_equal(response->error, 0);
    strcat(order, arg);
    assert_int_equal(kj_loop_now(loop), 0); // time stood still meanwhile
}

static void virtual_time_waits_and_keeps_the_order_of_start(void **state)
{
    (void)state;
    struct kj_timer timer;
    struct kj_fetch_request request = get("/hold"); // answered after the next one
    kj_timer_init(&timer, stop_when_idle, NULL);
    kj_timer_start(loop, &timer, 1000);
    assert_int_equal(kj_fetch_start(fetcher, &request, note_order, "a", NULL), 0);
    while (atomic_load(&server.requests) == 0) // the server must hold it before the next one goes
        uv_run(kj_loop_uv(loop), UV_RUN_NOWAIT);
    request = get("/ok");
    assert_int_equal(kj_fetch_start(fetcher, &request, note_order, "b", NULL), 0);
    kj_loop_release(loop, 5000, stop_when_idle, NULL);
    kj_loop_run(loop);
    assert_string_equal(order, "ab");
    assert_int_equal(kj_loop_now(loop), 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(a_request_goes_out_and_comes_back),
        T(methods_carry_what_they_should),
        T(answers_of_all_shapes_are_read),
        T(connections_are_kept),
        T(silence_times_out_as_sent),
        T(a_reset_after_the_request_is_sent),
        T(refused_is_not_sent),
        T(cancel_completes_once),
        T(many_at_once_all_come_back),
        cmocka_unit_test_setup_teardown(an_outcome_that_waits_outlives_cancel, setup_virtual,
                                        teardown),
        cmocka_unit_test_setup_teardown(destroy_cancels_with_callbacks, setup_virtual, teardown),
        T(done_may_destroy_the_fetcher),
        cmocka_unit_test_setup_teardown(virtual_time_waits_and_keeps_the_order_of_start,
                                        setup_virtual, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
