// Asking: ports, other plugins, HTTP, files, threads; each answer once.
#ifndef KJ_TEST_HOST_CASES_ASK_H
#define KJ_TEST_HOST_CASES_ASK_H

#include "host_world.h"

static void documents_are_read_and_built(void **state)
{
    struct world *world = *state;
    struct result result;
    world_load_guest(world);
    world_call(world, "guest.document",
               "{\"text\":\"h\303\251\",\"nested\":{\"integer\":5},\"list\":[1,2.5],"
               "\"boolean\":true,\"mixed\":[\"t\",{},3,[]]}",
               &result, 1);
    assert_int_equal(result.class, KEJUE_OK);
    static const char *const expected[] = {"\"text\":\"h\303\251\"",
                                           "\"integer\":5",
                                           "\"as_time\":-1",
                                           "\"real\":2.5",
                                           "\"boolean\":true",
                                           "\"time\":\"1970-01-01T00:00:01.000Z\"",
                                           "\"members\":121", // a text, two containers, a number
                                           "\"list\":[7,{\"copied\":{\"integer\":5}}]",
                                           "\"child\":{\"integer\":5}",
                                           "\"array\":[1,2.5]",
                                           "\"json\":[1,{\"a\":null}]",
                                           "\"length\":13,\"cut\":\"{\\\"integ\"",
                                           "\"odd\":\"a?\"",
                                           "\"has\":true"};
    for (size_t i = 0; i < KJ_COUNT(expected); i++)
        if (!strstr(result.json, expected[i]))
            fail_msg("not found: %s in %s", expected[i], result.json);
    assert_null(strstr(result.json, "absent"));
    assert_null(strstr(result.json, "missing"));
    assert_null(strstr(result.json, "\"bad\""));
}

static void ports_are_asked_with_the_workspace(void **state)
{
    struct world *world = *state;
    struct result result;
    world_load_guest(world);
    world_call(world, "guest.ask", "{\"verb\":\"host.submit\",\"request\":{\"kind\":\"call\"}}",
               &result, 1);
    assert_int_equal(result.class, KEJUE_OK);
    assert_string_equal(result.json, "{\"id\":42}");
    assert_string_equal(world->asked_verb, "guest:submit");
    assert_string_equal(world->asked_workspace, "acme");
    assert_string_equal(world->asked_json, "{\"kind\":\"call\"}");
    world_call(world, "guest.ask",
               "{\"verb\":\"host.emit\",\"request\":{\"name\":\"guest.happened\"}}", &result, 1);
    assert_string_equal(world->asked_verb, "guest:emit");
    world_call(world, "guest.ask", "{\"verb\":\"host.state.get\",\"request\":{\"key\":\"c\"}}",
               &result, 1);
    assert_string_equal(world->asked_verb, "guest:state.get");
    world_call(world, "guest.ask",
               "{\"verb\":\"host.command\",\"request\":{\"name\":\"campaign.start\"}}", &result, 1);
    assert_string_equal(world->asked_verb, "guest:command");
    assert_int_equal(world->asked, 4);
}

static void only_what_is_declared_may_be_asked(void **state)
{
    static const char *const refused[] = {
        "{\"verb\":\"host.emit\",\"request\":{\"name\":\"call.ended\"}}",
        "{\"verb\":\"host.command\",\"request\":{\"name\":\"token.create\"}}",
        "{\"verb\":\"host.shell\",\"request\":{}}", "{\"verb\":\"sample.other\",\"request\":{}}",
        "{\"verb\":\"\",\"request\":{}}"};
    struct world *world = *state;
    struct result result;
    world_load_guest(world);
    for (size_t i = 0; i < KJ_COUNT(refused); i++) {
        world_call(world, "guest.ask", refused[i], &result, 1);
        assert_int_equal(result.class, KEJUE_CALLER);
    }
    assert_int_equal(world->asked, 0);
}

static void other_plugins_are_asked_and_not_in_circles(void **state)
{
    struct world *world = *state;
    struct result result;
    world_load_guest(world);
    const char *ask = "{\"verb\":\"sample.echo\",\"request\":{\"text\":\"x\",\"wait_ms\":5}}";
    world_call(world, "guest.ask", ask, &result, 1);
    assert_int_equal(result.class, KEJUE_NOT_PROCESSED); // nobody offers it yet
    world_load(world, "echo", PLUGINS "/sample.so", "{}");
    world_call(world, "guest.ask", ask, &result, 10);
    assert_int_equal(result.class, KEJUE_OK);
    assert_string_equal(result.json, "{\"text\":\"> x\"}");
    // canceled: the inner operation is canceled too
    uint64_t op = world_begin(
        world, "guest.ask",
        "{\"verb\":\"sample.echo\",\"request\":{\"text\":\"x\",\"wait_ms\":5000}}", &result);
    world_run(world, 10);
    assert_int_equal(world_status(world, "echo", "open"), 1);
    kj_host_cancel(world->host, op);
    world_run(world, 1);
    assert_int_equal(result.class, KEJUE_CANCELED);
    assert_int_equal(world_status(world, "echo", "open"), 0);
    // guest asks guest asks guest …
    char deep[512] = "{\"verb\":\"sample.echo\",\"request\":{\"text\":\"deep\"}}", next[512];
    for (int i = 0; i < 6; i++) {
        snprintf(next, sizeof next, "{\"verb\":\"guest.ask\",\"request\":%.450s}", deep);
        memcpy(deep, next, sizeof deep);
    }
    world_call(world, "guest.ask", deep, &result, 100);
    assert_int_equal(result.class, KEJUE_CALLER);
    assert_string_equal(result.code, "limit");
}

static void asks_after_cancel_are_answered_once(void **state)
{
    struct world *world = *state;
    struct result result;
    world->hold = true;
    world_load(world, "rogue", "rogue", "{}");
    uint64_t op = world_begin(world, "rogue.asks", "{}", &result);
    world_run(world, 1);
    assert_int_equal(world->asked, 1);
    kj_host_cancel(world->host, op);
    world_run(world, 1);
    assert_int_equal(world_status(world, "rogue", "metrics.answers_canceled"), 1); // host.http
    world_reply(world); // what was asked before is still answered
    world_run(world, 1);
    assert_int_equal(world_status(world, "rogue", "metrics.answers"), 1);
    world_run(world, KJ_HOST_GRACE_MS);
    assert_int_equal(result.class, KEJUE_UNKNOWN);
    assert_int_equal(world_status(world, "rogue", "asks"), 0);
}

struct http_row {
    const char *request; // with %d for the port
    enum kejue_class class;
    const char *code;
    int64_t retry_after_ms;
};

static void http(struct world *world, const char *request, struct result *result)
{
    char inner[1024], json[1200];
    snprintf(inner, sizeof inner, request, world->vendor.port);
    snprintf(json, sizeof json, "{\"verb\":\"host.http\",\"request\":%s}", inner);
    world_begin(world, "guest.ask", json, result);
    world_run(world, 1);
    assert_int_equal(result->count, 1);
}

static void http_status_decides_the_class(void **state)
{
    static const struct http_row rows[] = {
        {"{\"url\":\"http://127.0.0.1:%d/v1/ok\"}", KEJUE_OK, "200", 0},
        {"{\"url\":\"http://127.0.0.1:%d/v1/busy\"}", KEJUE_NOT_PROCESSED, "429", 7000},
        {"{\"url\":\"http://127.0.0.1:%d/v1/away\"}", KEJUE_NOT_PROCESSED, "503", 60000},
        {"{\"url\":\"http://127.0.0.1:%d/v1/denied\"}", KEJUE_CREDENTIAL, "401", 0},
        {"{\"url\":\"http://127.0.0.1:%d/v1/ok\"}", KEJUE_OK, "200", 0}, // not paused meanwhile
        {"{\"url\":\"http://127.0.0.1:%d/v1/money\"}", KEJUE_ACCOUNT, "402", 0},
        {"{\"url\":\"http://127.0.0.1:%d/v1/bad\"}", KEJUE_CALLER, "422", 0},
        {"{\"url\":\"http://127.0.0.1:%d/v1/broken\"}", KEJUE_UNKNOWN, "500", 0},
        {"{\"method\":\"POST\",\"body\":\"b\",\"url\":\"http://127.0.0.1:%d/v1/drop\"}",
         KEJUE_UNKNOWN, "unavailable", 0},
        {"{\"url\":\"http://127.0.0.1:%d/v2/ok\"}", KEJUE_CALLER, "egress", 0},
        {"{\"url\":\"http://127.0.0.1:%d/v1/../v2\"}", KEJUE_CALLER, "egress", 0},
        {"{\"url\":\"http://127.0.0.1:1/v1/ok?%d\"}", KEJUE_CALLER, "egress", 0},
        {"{\"url\":\"http://u@127.0.0.1:%d/v1/ok\"}", KEJUE_CALLER, "egress", 0},
        {"{\"method\":\"BREW\",\"url\":\"http://127.0.0.1:%d/v1/ok\"}", KEJUE_CALLER, "bad_request",
         0},
        {"{\"headers\":{\"A\":\"x\\r\\nB: y\"},\"url\":\"http://127.0.0.1:%d/v1/ok\"}",
         KEJUE_CALLER, "bad_request", 0},
        {"{\"headers\":{\"Host\":\"x\"},\"url\":\"http://127.0.0.1:%d/v1/ok\"}", KEJUE_CALLER,
         "bad_request", 0},
        {"{\"auth\":{\"secret\":\"no\"},\"url\":\"http://127.0.0.1:%d/v1/ok\"}", KEJUE_CALLER,
         "auth", 0},
    };
    struct world *world = *state;
    struct result result;
    world_load_guest(world);
    for (size_t i = 0; i < KJ_COUNT(rows); i++) {
        http(world, rows[i].request, &result);
        if (result.class != rows[i].class || strcmp(result.code, rows[i].code) != 0)
            fail_msg("%s: class %d code %s: %s", rows[i].request, result.class, result.code,
                     result.text);
        assert_int_equal(result.retry_after_ms, rows[i].retry_after_ms);
    }
}

static void http_bodies_go_and_come(void **state)
{
    struct world *world = *state;
    struct result result;
    world_load_guest(world);
    http(world,
         "{\"url\":\"http://127.0.0.1:%d/v1/ok\",\"query\":{\"q\":\"a b&c\",\"n\":[1,2]},"
         "\"headers\":{\"X-Key\":\"v\"},\"json\":{\"a\":[1,{\"b\":\"\"}]},"
         "\"auth\":[{\"secret\":\"token\"},{\"secret\":\"token\",\"scheme\":\"body\","
         "\"path\":\"a.1.b\"}]}",
         &result);
    assert_non_null(strstr(result.json, "\"json\":{\"n\":1,\"m\":2}"));
    assert_non_null(strstr(result.json, "\"x-id\":\"7\""));
    assert_non_null(strstr(result.json, "\"status\":200"));
    const char *sent = vendor_seen(&world->vendor);
    assert_non_null(strstr(sent, "POST /v1/ok?q=a%20b%26c&n=1&n=2 HTTP/1.1\r\n"));
    assert_non_null(strstr(sent, "\r\nAuthorization: Bearer s3cret-token\r\n"));
    assert_non_null(strstr(sent, "\r\nX-Key: v\r\n"));
    assert_non_null(strstr(sent, "\r\nContent-Type: application/json\r\n"));
    assert_non_null(strstr(sent, "\r\n\r\n{\"a\":[1,{\"b\":\"s3cret-token\"}]}"));
    http(world,
         "{\"url\":\"http://127.0.0.1:%d/v1/list\",\"form\":{\"To\":\"+49 1\",\"s\":\"\"},"
         "\"auth\":[{\"secret\":\"token\",\"scheme\":\"basic\",\"user\":\"me\"},"
         "{\"secret\":\"token\",\"scheme\":\"body\",\"path\":\"s\"}]}",
         &result);
    vendor_seen(&world->vendor);
    assert_non_null(strstr(result.json, "\"json\":[1,2]"));
    assert_non_null(strstr(sent, "\r\nAuthorization: Basic bWU6czNjcmV0LXRva2Vu\r\n"));
    assert_non_null(strstr(sent, "\r\n\r\nTo=%2B49%201&s=s3cret-token"));
    http(world,
         "{\"url\":\"http://127.0.0.1:%d/v1/raw\",\"method\":\"GET\","
         "\"auth\":{\"secret\":\"token\",\"scheme\":\"header\",\"header\":\"X-Api-Key\","
         "\"prefix\":\"K \"}}",
         &result);
    vendor_seen(&world->vendor);
    assert_null(strstr(result.json, "\"json\"")); // its body is binary
    assert_non_null(strstr(sent, "\r\nX-Api-Key: K s3cret-token\r\n"));
}

struct canceler {
    struct kj_task task; // first
    struct world *world;
    uint64_t op;
};

static void cancel_it(struct kj_task *task)
{
    struct canceler *canceler = (struct canceler *)task;
    kj_host_cancel(canceler->world->host, canceler->op);
}

static void canceled_http_is_answered(void **state)
{
    struct world *world = *state;
    struct result result;
    struct canceler canceler = {.task.run = cancel_it, .world = world};
    char json[256];
    world->vendor.on_hang = &canceler.task;
    world_load_guest(world);
    snprintf(json, sizeof json,
             "{\"verb\":\"host.http\",\"request\":{\"url\":\"http://127.0.0.1:%d/v1/hang\"}}",
             world->vendor.port);
    canceler.op = world_begin(world, "guest.ask", json, &result);
    world_run(world, 1);
    assert_int_equal(result.count, 1);
    assert_int_equal(result.class, KEJUE_UNKNOWN); // it had left us
    assert_string_equal(result.code, "canceled");
}

static void files_are_read_below_the_folder_only(void **state)
{
    static const char *const refused[] = {"../x", "/etc/passwd", "sub/../../x", "link", "", "."};
    struct world *world = *state;
    struct result result;
    char path[128], json[256];
    snprintf(path, sizeof path, "%s/sub", world->dir);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/link", world->dir);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    world_file(world, "sub/a.csv", "phone\n+49\n");
    world_load_guest(world);
    world_call(world, "guest.ask",
               "{\"verb\":\"host.file.read\",\"request\":{\"path\":\"sub/a.csv\"}}", &result, 1);
    assert_int_equal(result.class, KEJUE_OK);
    assert_non_null(strstr(result.json, "\"body\":\"phone\\n+49\\n\",\"size\":10"));
    world_call(world, "guest.ask", "{\"verb\":\"host.file.list\",\"request\":{}}", &result, 1);
    assert_string_equal(result.json, "{\"names\":[\"link\",\"sub\",\"token\"]}");
    for (size_t i = 0; i < KJ_COUNT(refused); i++) {
        snprintf(json, sizeof json, "{\"verb\":\"host.file.read\",\"request\":{\"path\":\"%s\"}}",
                 refused[i]);
        world_call(world, "guest.ask", json, &result, 1);
        assert_int_equal(result.class, KEJUE_CALLER);
    }
}

static void work_runs_aside(void **state)
{
    struct world *world = *state;
    struct result result;
    world_load_guest(world);
    world_call(world, "guest.work", "{}", &result, 1);
    assert_string_equal(result.json, "{\"worked\":true}");
}

struct real {
    struct kj_loop *loop;
    struct result result;
    int left;
};

static void on_real(void *arg, const struct kj_outcome *outcome, const bson_t *doc)
{
    struct real *real = arg;
    world_done(&real->result, outcome, doc);
    if (--real->left == 0)
        kj_loop_stop(real->loop);
}

struct stopper {
    struct kj_task task; // first
    struct kj_loop *loop;
};

static void stop_it(struct kj_task *task)
{
    kj_loop_stop(((struct stopper *)task)->loop);
}

// Real threads, and a host that is destroyed while they work.
static void work_runs_on_threads(void **state)
{
    struct kj_clock clock;
    struct kj_loop *loop;
    struct kj_host *host;
    struct real real = {.left = 50};
    (void)state;
    kj_clock_init_system(&clock);
    assert_int_equal(kj_loop_create(&clock, &loop, NULL), 0);
    struct kj_host_config config = {.loop = loop, .plugin_dir = ODD_PLUGINS};
    struct kj_host_call call = {.verb = "guest.work"};
    assert_int_equal(kj_host_create(&config, &host, NULL), 0);
    assert_int_equal(kj_host_load(host, "guest", "guest", NULL, NULL, NULL, NULL), 0);
    real.loop = loop;
    for (int i = 0; i < 50; i++)
        assert_int_not_equal(kj_host_start(host, &call, on_real, &real, NULL), 0);
    kj_loop_run(loop);
    assert_int_equal(real.result.count, 50);
    assert_string_equal(real.result.json, "{\"worked\":true}");
    struct stopper stopper = {.task.run = stop_it, .loop = loop};
    real.left = -1; // not to stop by itself
    for (int i = 0; i < 50; i++)
        assert_int_not_equal(kj_host_start(host, &call, on_real, &real, NULL), 0);
    kj_loop_post(loop, &stopper.task); // behind the host's own: all are with the threads then
    kj_loop_run(loop);
    kj_host_destroy(host);
    assert_int_equal(real.result.count, 100);
    kj_loop_destroy(loop);
}

#endif
