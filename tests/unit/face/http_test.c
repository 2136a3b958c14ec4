// The HTTP door against raw sockets: what smuggles is refused, what is right is answered, streams
// have neither gap nor double, and closing under way harms nobody.
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "base/alloc.h"
#include "doc/json.h"

#include "face_world.h"

#include <time.h>

static char g_token[128]; // of the present world
static char g_answer[1 << 20];

struct told {
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool done;
    bson_t *result;
};

static const char *g_command, *g_args;
static struct told g_told = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, NULL};

static void on_told(void *arg, const bson_t *result, const struct kj_fault *fault,
                    const bson_t *details)
{
    struct told *told = arg;
    (void)fault;
    (void)details;
    pthread_mutex_lock(&told->lock);
    told->done = true;
    told->result = result ? bson_copy(result) : NULL;
    pthread_cond_signal(&told->cond);
    pthread_mutex_unlock(&told->lock);
}

static void start_command(struct world *world)
{
    bson_t *args = NULL;
    assert_int_equal(kj_json_parse(g_args, strlen(g_args), NULL, &args, NULL, NULL), KJ_OK);
    struct kj_ask ask = {
        .command = g_command, .args = args, .trusted = true, .answer = on_told, .arg = &g_told};
    kj_dispatch(world->api, &ask);
    bson_destroy(args);
}

// A command past the doors; the caller destroys the result.
static bson_t *command(struct world *world, const char *name, const char *args)
{
    g_command = name;
    g_args = args;
    g_told.done = false;
    world_do(world, start_command);
    pthread_mutex_lock(&g_told.lock);
    while (!g_told.done)
        pthread_cond_wait(&g_told.cond, &g_told.lock);
    pthread_mutex_unlock(&g_told.lock);
    assert_non_null(g_told.result);
    return g_told.result;
}

static struct world *open_http(size_t body_limit)
{
    struct world *world = world_begin();
    struct kj_fault fault = {0};
    struct kj_http_config config = {.address = "127.0.0.1", .body_limit = body_limit};
    assert_int_equal(kj_http_create(world->api, &config, &world->http, &fault), KJ_OK);
    assert_true(kj_http_port(world->http) > 0);
    world_go(world);
    bson_t *made =
        command(world, "token.create", "{\"name\":\"t\",\"scopes\":[\"operate\",\"read\"]}");
    snprintf(g_token, sizeof g_token, "%s", kj_doc_text(made, "token", ""));
    bson_destroy(made);
    return world;
}

// Sends text as it is, with every $ replaced by the token; the status, the answer in g_answer.
static int exchange_by(struct world *world, const char *text, bool half_closed)
{
    struct kj_buf out;
    int status = 0;
    kj_buf_init(&out, 0);
    for (; *text; text++)
        if (*text == '$')
            kj_buf_adds(&out, g_token);
        else
            kj_buf_addc(&out, *text);
    int fd = world_tcp(kj_http_port(world->http));
    assert_int_equal(send(fd, out.data, out.length, MSG_NOSIGNAL), (ssize_t)out.length);
    if (half_closed)
        shutdown(fd, SHUT_WR);
    world_read(fd, g_answer, sizeof g_answer, NULL, 3000);
    close(fd);
    kj_buf_fini(&out);
    sscanf(g_answer, "HTTP/1.%*d %d", &status);
    return status;
}

static int exchange(struct world *world, const char *text)
{
    return exchange_by(world, text, false);
}

#define HEAD "Host: x\r\nConnection: close\r\n"
#define AUTH "Authorization: Bearer $\r\n"
#define JSON "Content-Type: application/json\r\n"

static void test_commands(void **state)
{
    struct world *world = open_http(0);
    static const struct {
        int status;
        const char *request, *expected;
    } k_cases[] = {
        {200, "POST /api/commands/status HTTP/1.1\r\n" HEAD AUTH "Content-Length: 0\r\n\r\n",
         "\"version\":"},
        {200, "POST /api/commands/status HTTP/1.1\r\n" HEAD AUTH JSON "Content-Length: 2\r\n\r\n{}",
         "\"store\":"},
        {400, "POST /api/commands/status HTTP/1.1\r\n" HEAD AUTH JSON "Content-Length: 2\r\n\r\n{]",
         "\"code\":\"parse\""},
        {422, "POST /api/commands/status HTTP/1.1\r\n" HEAD AUTH JSON "Content-Length: 2\r\n\r\n[]",
         "\"code\":\"schema\""},
        {422,
         "POST /api/commands/status HTTP/1.1\r\n" HEAD AUTH JSON
         "Content-Length: 7\r\n\r\n{\"x\":1}",
         "\"faults\":["},
        {415, "POST /api/commands/status HTTP/1.1\r\n" HEAD AUTH "Content-Length: 2\r\n\r\n{}",
         "Content-Type"},
        {415,
         "POST /api/commands/status HTTP/1.1\r\n" HEAD AUTH
         "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}",
         "application/json"},
        {200,
         "POST /api/commands/status HTTP/1.1\r\n" HEAD AUTH
         "Content-Type: Application/JSON; charset=utf-8\r\nContent-Length: 2\r\n\r\n{}",
         "\"host\":"},
        {401, "POST /api/commands/status HTTP/1.1\r\n" HEAD "Content-Length: 0\r\n\r\n",
         "WWW-Authenticate: Bearer"},
        {401,
         "POST /api/commands/status HTTP/1.1\r\n" HEAD
         "Authorization: Bearer wrong\r\nContent-Length: 0\r\n\r\n",
         "WWW-Authenticate: Bearer"},
        {401,
         "POST /api/commands/status HTTP/1.1\r\n" HEAD
         "Authorization: Basic $\r\nContent-Length: 0\r\n\r\n",
         "\"code\":\"denied\""},
        {403, "POST /api/commands/token.list HTTP/1.1\r\n" HEAD AUTH "Content-Length: 0\r\n\r\n",
         "\"code\":\"denied\""},
        {404, "POST /api/commands/stauts HTTP/1.1\r\n" HEAD AUTH "Content-Length: 0\r\n\r\n",
         "did you mean status?"},
        {404,
         "POST /api/commands/group.get HTTP/1.1\r\n" HEAD AUTH JSON
         "Content-Length: 9\r\n\r\n{\"id\":99}",
         "\"code\":\"not_found\""},
        {404, "GET / HTTP/1.1\r\n" HEAD "\r\n", "\"code\":\"not_found\""},
        {404, "POST /api/commands/ HTTP/1.1\r\n" HEAD AUTH "Content-Length: 0\r\n\r\n",
         "\"error\""},
        {405, "GET /api/commands/status HTTP/1.1\r\n" HEAD AUTH "\r\n", "Allow: POST, OPTIONS"},
        {405, "BREW /healthz HTTP/1.1\r\n" HEAD "\r\n", "Allow: GET, HEAD, OPTIONS"},
        {204, "OPTIONS /healthz HTTP/1.1\r\n" HEAD "\r\n", "Allow: GET, HEAD, OPTIONS"},
        {200, "GET /api/commands HTTP/1.1\r\n" HEAD AUTH "\r\n", "\"name\":\"campaign.start\""},
        {401, "GET /api/commands HTTP/1.1\r\n" HEAD "\r\n", "\"error\""},
        {200, "GET /healthz HTTP/1.1\r\n" HEAD "\r\n", "{\"ok\":true}"},
        {200, "GET /metrics HTTP/1.1\r\n" HEAD "\r\n", "\nkejue_up 1\n"},
        {404, "POST /hooks/nobody/x?a=1 HTTP/1.1\r\n" HEAD "Content-Length: 1\r\n\r\nx",
         "\"error\""},
    };
    (void)state;
    for (size_t i = 0; i < KJ_COUNT(k_cases); i++) {
        int status = exchange(world, k_cases[i].request);
        if (status != k_cases[i].status || strstr(g_answer, k_cases[i].expected) == NULL)
            fail_msg("%s\n-> %s", k_cases[i].request, g_answer);
    }
    world_end(world);
}

static void test_refused(void **state)
{
    struct world *world = open_http(1000);
    static const struct {
        int status; // 0: closed without an answer will do
        const char *name, *request;
    } k_cases[] = {
        {400, "both",
         "POST /api/commands/status HTTP/1.1\r\n" HEAD AUTH JSON
         "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /healthz"},
        {411, "chunked",
         "POST /api/commands/status HTTP/1.1\r\n" HEAD AUTH JSON
         "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"},
        {411, "odd coding",
         "POST /api/commands/status HTTP/1.1\r\n" HEAD AUTH JSON
         "Transfer-Encoding: xchunked\r\n\r\n{}"},
        {411, "coding on GET",
         "GET /healthz HTTP/1.1\r\n" HEAD "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
        {411, "no length", "POST /api/commands/status HTTP/1.1\r\n" HEAD AUTH "\r\n"},
        {400, "two lengths",
         "POST /api/commands/status HTTP/1.1\r\n" HEAD AUTH JSON
         "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} "},
        {400, "same length twice",
         "POST /api/commands/status HTTP/1.1\r\n" HEAD AUTH JSON
         "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}"},
        {400, "list of lengths",
         "POST /api/commands/status HTTP/1.1\r\n" HEAD AUTH JSON "Content-Length: 2, 2\r\n\r\n{}"},
        {400, "signed length",
         "POST /api/commands/status HTTP/1.1\r\n" HEAD AUTH JSON "Content-Length: +2\r\n\r\n{}"},
        {400, "hex length",
         "POST /api/commands/status HTTP/1.1\r\n" HEAD AUTH JSON "Content-Length: 0x2\r\n\r\n{}"},
        {400, "no host", "GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n"},
        {400, "two hosts", "GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"},
        {400, "space before colon",
         "POST /api/commands/status HTTP/1.1\r\n" HEAD AUTH JSON "Content-Length : 2\r\n\r\n{}"},
        {400, "odd name", "GET /healthz HTTP/1.1\r\n" HEAD "X(Y): 1\r\n\r\n"},
        {400, "control character", "GET /healthz HTTP/1.1\r\n" HEAD "X-Y: a\001b\r\n\r\n"},
        {400, "no colon", "GET /healthz HTTP/1.1\r\n" HEAD "nonsense\r\n\r\n"},
        {400, "body with GET", "GET /healthz HTTP/1.1\r\n" HEAD "Content-Length: 1\r\n\r\nx"},
        {400, "two tokens",
         "POST /api/commands/status HTTP/1.1\r\n" HEAD AUTH AUTH "Content-Length: 0\r\n\r\n"},
        {413, "huge body",
         "POST /api/commands/status HTTP/1.1\r\n" HEAD AUTH JSON
         "Content-Length: 999999999999\r\n\r\n"},
        {413, "length beyond 64 bits",
         "POST /api/commands/status HTTP/1.1\r\n" HEAD AUTH JSON
         "Content-Length: 99999999999999999999\r\n\r\n"},
        {0, "space in the path", "GET /heal thz HTTP/1.1\r\n" HEAD "\r\n"},
        {0, "no version", "GET /healthz\r\n\r\n"},
        {0, "another protocol", "\x16\x03\x01\x02\x01\x01"},
        {0, "half a head", "GET /healthz HTTP/1.1\r\nHost: x\r\nX-"},
        {0, "half a body",
         "POST /api/commands/status HTTP/1.1\r\n" HEAD AUTH JSON "Content-Length: 20\r\n\r\n{\"a"},
    };
    (void)state;
    for (size_t i = 0; i < KJ_COUNT(k_cases); i++) {
        int status = exchange_by(world, k_cases[i].request, k_cases[i].status == 0);
        bool closed = k_cases[i].status == 0 && (status == 0 || status >= 400);
        // What was behind is never taken for a request of its own.
        if ((status != k_cases[i].status && !closed) || strstr(g_answer, " 200 OK"))
            fail_msg("%s: %d\n%s", k_cases[i].name, status, g_answer);
    }
    assert_int_equal(exchange(world, "GET /healthz HTTP/1.1\r\n" HEAD "\r\n"), 200);
    world_end(world);
}

static void test_large_head(void **state)
{
    struct world *world = open_http(0);
    struct kj_buf text;
    (void)state;
    kj_buf_init(&text, 0);
    kj_buf_adds(&text, "GET /healthz HTTP/1.1\r\n" HEAD "X-Long: ");
    for (int i = 0; i < 100000; i++)
        kj_buf_addc(&text, 'a');
    kj_buf_adds(&text, "\r\n\r\n");
    int fd = world_tcp(kj_http_port(world->http));
    send(fd, text.data, text.length, MSG_NOSIGNAL);
    world_read(fd, g_answer, sizeof g_answer, NULL, 2000);
    close(fd);
    assert_null(strstr(g_answer, " 200 "));
    assert_int_equal(exchange(world, "GET /healthz HTTP/1.1\r\n" HEAD "\r\n"), 200);
    kj_buf_fini(&text);
    world_end(world);
}

// Several requests on one connection, sent at once, are answered in order.
static void test_pipelined(void **state)
{
    struct world *world = open_http(0);
    (void)state;
    assert_int_equal(exchange(world, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
                                     "POST /api/commands/status HTTP/1.1\r\nHost: x\r\n" AUTH JSON
                                     "Content-Length: 2\r\n\r\n{}"
                                     "HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
                                     "GET /nowhere HTTP/1.1\r\n" HEAD "\r\n"),
                     200);
    const char *second = strstr(g_answer, "\"version\":");
    assert_non_null(second);
    assert_true(strstr(g_answer, "{\"ok\":true}") < second);
    assert_non_null(strstr(second, "HTTP/1.1 404"));
    world_end(world);
}

static void test_expect(void **state)
{
    struct world *world = open_http(100);
    char head[512];
    (void)state;
    for (int large = 0; large < 2; large++) {
        int fd = world_tcp(kj_http_port(world->http));
        snprintf(head, sizeof head,
                 "POST /hooks/a/b HTTP/1.1\r\n" HEAD "Expect: 100-continue\r\n"
                 "Content-Length: %d\r\n\r\n",
                 large ? 1000 : 2);
        send(fd, head, strlen(head), MSG_NOSIGNAL);
        world_read(fd, g_answer, sizeof g_answer, "\r\n\r\n", 2000);
        assert_non_null(strstr(g_answer, large ? " 413 " : " 100 "));
        if (!large) {
            send(fd, "{}", 2, MSG_NOSIGNAL);
            world_read(fd, g_answer, sizeof g_answer, NULL, 2000);
            assert_non_null(strstr(g_answer, " 404 "));
        }
        close(fd);
    }
    world_end(world);
}

static void test_idempotent(void **state)
{
    struct world *world = open_http(0);
    static const char k_make[] =
        "POST /api/commands/group.create HTTP/1.1\r\n" HEAD AUTH JSON
        "Idempotency-Key: k1\r\nContent-Length: 26\r\n\r\n{\"key\":\"g1\",\"name\":\"Gone\"}";
    char first[4096];
    (void)state;
    assert_int_equal(exchange(world, k_make), 200);
    snprintf(first, sizeof first, "%s", strstr(g_answer, "\r\n\r\n"));
    assert_int_equal(exchange(world, k_make), 200);
    assert_string_equal(first, strstr(g_answer, "\r\n\r\n"));
    world_end(world);
}

// --- streams ---

static int open_stream(struct world *world, const char *more)
{
    char head[512];
    int fd = world_tcp(kj_http_port(world->http));
    snprintf(head, sizeof head,
             "GET /api/events%s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n",
             more[0] == '?' ? more : "", g_token);
    if (more[0] && more[0] != '?')
        snprintf(head + strlen(head) - 2, 200, "%s\r\n\r\n", more);
    send(fd, head, strlen(head), MSG_NOSIGNAL);
    return fd;
}

static void make_groups(struct world *world, const char *prefix, int count)
{
    for (int i = 0; i < count; i++) {
        char args[128];
        snprintf(args, sizeof args, "{\"key\":\"%s%d\",\"name\":\"N\"}", prefix, i);
        bson_destroy(command(world, "group.create", args));
    }
}

// The ids in a stream, which must count up by one from `first`; returns how many.
static int count_ids(const char *text, int first)
{
    int count = 0;
    for (const char *at = text; (at = strstr(at, "\nid: ")) != NULL; at += 5) {
        assert_int_equal(atoi(at + 5), first + count);
        count++;
    }
    return count;
}

static void test_stream(void **state)
{
    struct world *world = open_http(0);
    (void)state;
    make_groups(world, "a", 250); // more than a page
    int replay = open_stream(world, "?cursor=0"), live = open_stream(world, ""),
        behind = open_stream(world, "Last-Event-ID: 248");
    world_read(live, g_answer, sizeof g_answer, "retry: 1000", 3000);
    assert_non_null(strstr(g_answer, "Content-Type: text/event-stream"));
    make_groups(world, "b", 30);
    world_read(replay, g_answer, sizeof g_answer, "\"key\":\"b29\"", 3000);
    assert_int_equal(count_ids(g_answer, 1), 280);
    assert_non_null(strstr(g_answer, "\nevent: group.created\ndata: {\"number\":1,"));
    world_read(live, g_answer, sizeof g_answer, "\"key\":\"b29\"", 3000);
    assert_int_equal(count_ids(g_answer, 251), 30);
    world_read(behind, g_answer, sizeof g_answer, "\"key\":\"b29\"", 3000);
    assert_int_equal(count_ids(g_answer, 249), 32);
    close(replay);
    close(live);
    close(behind);
    world_end(world);
}

static void test_stream_refused(void **state)
{
    struct world *world = open_http(0);
    (void)state;
    assert_int_equal(exchange(world, "GET /api/events HTTP/1.1\r\n" HEAD "\r\n"), 401);
    assert_int_equal(
        exchange(world, "GET /api/events HTTP/1.1\r\n" HEAD "Authorization: Bearer no\r\n\r\n"),
        401);
    assert_int_equal(exchange(world, "GET /api/events?cursor=x HTTP/1.1\r\n" HEAD AUTH "\r\n"),
                     400);
    assert_int_equal(
        exchange(world, "GET /api/events HTTP/1.1\r\n" HEAD AUTH "Last-Event-ID: -1\r\n\r\n"), 400);
    world_end(world);
}

// A revoked token ends its stream at the next event; the reader is told when it comes again.
static void test_stream_revoked(void **state)
{
    struct world *world = open_http(0);
    (void)state;
    int fd = open_stream(world, "");
    world_read(fd, g_answer, sizeof g_answer, "retry: 1000", 3000);
    bson_destroy(command(world, "token.revoke", "{\"id\":1}"));
    make_groups(world, "a", 1);
    world_read(fd, g_answer, sizeof g_answer, "\r\n0\r\n", 3000);
    assert_null(strstr(g_answer, "group.created"));
    assert_int_equal(exchange(world, "GET /api/events HTTP/1.1\r\n" HEAD AUTH "\r\n"), 401);
    close(fd);
    world_end(world);
}

// --- closing ---

static void destroy_http(struct world *world)
{
    struct kj_http *http = world->http;
    world->http = NULL;
    kj_http_destroy(http);
}

static void test_close_under_way(void **state)
{
    struct world *world = open_http(0);
    char request[600];
    int fds[12];
    uint16_t port = kj_http_port(world->http);
    (void)state;
    for (int i = 0; i < 8; i++) {
        fds[i] = world_tcp(port);
        snprintf(request, sizeof request,
                 "POST /api/commands/event.since HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
                 "%s\r\n" JSON "Content-Length: 29\r\n\r\n{\"cursor\":9,\"wait_ms\":  %s}%s",
                 g_token, "50", "      ");
        send(fds[i], request, strlen(request), MSG_NOSIGNAL);
    }
    for (int i = 8; i < 12; i++) {
        fds[i] = open_stream(world, "");
        world_read(fds[i], g_answer, sizeof g_answer, "retry", 3000);
    }
    close(fds[0]); // its answer finds nobody
    world_do(world, destroy_http);
    struct timespec pause = {.tv_nsec = 120000000}; // their waits end meanwhile
    nanosleep(&pause, NULL);
    for (int i = 1; i < 12; i++)
        close(fds[i]);
    world_end(world);
}

static void test_clients_gone(void **state)
{
    struct world *world = open_http(0);
    char request[600];
    (void)state;
    for (int i = 0; i < 60; i++) {
        int fd = world_tcp(kj_http_port(world->http));
        snprintf(request, sizeof request,
                 "POST /api/commands/event.since HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
                 "%s\r\n" JSON "Content-Length: 26\r\n\r\n{\"cursor\":9,\"wait_ms\":100}",
                 g_token);
        send(fd, request, i % 3 ? strlen(request) : strlen(request) / 2, MSG_NOSIGNAL);
        close(fd);
    }
    assert_int_equal(exchange(world, "POST /api/commands/event.since HTTP/1.1\r\n" HEAD AUTH JSON
                                     "Content-Length: 26\r\n\r\n{\"cursor\":9,\"wait_ms\":300}"),
                     200);
    assert_int_equal(exchange(world, "GET /healthz HTTP/1.1\r\n" HEAD "\r\n"), 200);
    world_end(world);
}

static void test_address(void **state)
{
    struct world *world = open_http(0);
    struct kj_http *second = NULL;
    struct kj_fault fault = {0};
    struct kj_http_config config = {.address = "127.0.0.1", .port = kj_http_port(world->http)};
    (void)state;
    world_halt(world);
    assert_int_equal(kj_http_create(world->api, &config, &second, &fault), KJ_EIO);
    assert_non_null(strstr(fault.text, "Address already in use"));
    config.address = "localhost";
    assert_int_equal(kj_http_create(world->api, &config, &second, &fault), KJ_EINVAL);
    world_end(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commands),       cmocka_unit_test(test_refused),
        cmocka_unit_test(test_large_head),     cmocka_unit_test(test_pipelined),
        cmocka_unit_test(test_expect),         cmocka_unit_test(test_idempotent),
        cmocka_unit_test(test_stream),         cmocka_unit_test(test_stream_refused),
        cmocka_unit_test(test_stream_revoked), cmocka_unit_test(test_close_under_way),
        cmocka_unit_test(test_clients_gone),   cmocka_unit_test(test_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
