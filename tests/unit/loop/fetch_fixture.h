// What the tests of the HTTP client share: a loop, a fetcher, the tiny server, and one exchange run
// to its end. Include after cmocka.h.
#ifndef KJ_FETCH_FIXTURE_H
#define KJ_FETCH_FIXTURE_H

#include "loop/fetch.h"
#include "tiny_server.h"

static struct kj_clock clock_;
static struct kj_loop *loop;
static struct kj_fetcher *fetcher;
static struct tiny_server server;

struct outcome {
    int calls, error, status;
    bool sent;
    char headers[512], body[6000], text[256], value[64];
    size_t body_length;
};

static int wanted; // stop the loop when so many were delivered

static inline int setup_with(void)
{
    wanted = 1;
    tiny_start(&server);
    return kj_loop_create(&clock_, &loop, NULL) || kj_fetcher_create(loop, &fetcher, NULL);
}

static inline int setup(void **state)
{
    (void)state;
    kj_clock_init_system(&clock_);
    return setup_with();
}

static inline int teardown(void **state)
{
    (void)state;
    kj_fetcher_destroy(fetcher);
    kj_loop_destroy(loop);
    tiny_stop(&server);
    return 0;
}

static inline void record(void *arg, const struct kj_fetch_response *response)
{
    struct outcome *o = arg;
    o->calls++;
    o->error = response->error;
    o->status = response->status;
    o->sent = response->sent;
    o->body_length = response->body_length;
    snprintf(o->headers, sizeof o->headers, "%s", response->headers);
    snprintf(o->body, sizeof o->body, "%s", response->body);
    snprintf(o->text, sizeof o->text, "%s", response->text);
    if (--wanted == 0)
        kj_loop_stop(loop);
}

static inline const char *url(const char *path)
{
    static char text[128];
    snprintf(text, sizeof text, "http://127.0.0.1:%d%s", server.port, path);
    return text;
}

static inline struct kj_fetch_request get(const char *path)
{
    return (struct kj_fetch_request){
        .method = "GET", .url = url(path), .allow_private = true, .timeout_ms = 2000};
}

static inline uint64_t start(const struct kj_fetch_request *request, struct outcome *o)
{
    uint64_t id = 0;
    assert_int_equal(kj_fetch_start(fetcher, request, record, o, &id), 0);
    assert_int_equal(o->calls, 0);
    return id;
}

static inline struct outcome run(const struct kj_fetch_request *request)
{
    struct outcome o = {0};
    wanted = 1;
    start(request, &o);
    kj_loop_run(loop);
    assert_int_equal(o.calls, 1);
    return o;
}

static inline struct outcome run_path(const char *path)
{
    struct kj_fetch_request request = get(path);
    return run(&request);
}

#endif
