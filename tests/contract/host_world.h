// A world for the host's contract: a virtual clock, a host with captured ports, operations whose
// ends are kept, and a small HTTP server on a thread as the vendor.
#ifndef KJ_TEST_HOST_WORLD_H
#define KJ_TEST_HOST_WORLD_H

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "base/alloc.h"
#include "doc/json.h"
#include "host/home.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PLUGINS KEJUE_BUILD_DIR "/plugins"
#define ODD_PLUGINS KEJUE_BUILD_DIR "/contract-plugins"
enum { DAY_MS = 86400000 };

struct result { // the end of one operation
    int count;
    enum kejue_class class;
    int64_t retry_after_ms, at;
    char code[64], text[320], json[8192];
};

struct vendor {
    struct kj_loop *loop;
    struct kj_task *on_hang; // posted when a request for /v1/hang has arrived, and does hang
    int listener, port;
    pthread_t thread;
    pthread_mutex_t lock;
    char last[8192], seen[8192]; // the last request, raw; a copy for the test's thread
    int requests;
};

struct world {
    struct kj_clock clock;
    struct kj_loop *loop;
    struct kj_fetcher *fetcher;
    struct kj_host *host;
    struct vendor vendor;
    char dir[64];
    // ports
    int asked;
    char asked_verb[64], asked_workspace[64], asked_json[1024];
    bool hold; // keep the replies instead of giving them
    kj_host_reply *reply;
    void *held[8];
    int held_count;
};

// --- the vendor ---

static inline const char *vendor_answer(const char *request)
{
    static const char *const rows[][2] = {
        {"/v1/ok", "200 OK\r\nContent-Type: application/json\r\nX-Id: 7\r\nContent-Length: 13\r\n"
                   "\r\n{\"n\":1,\"m\":2}"},
        {"/v1/list", "200 OK\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\r\n[1,2]"},
        {"/v1/raw", "200 OK\r\nContent-Length: 2\r\n\r\n\xff\xfe"},
        {"/v1/busy", "429 Slow\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n"},
        {"/v1/away", "503 Away\r\nRetry-After: Mon, 02 Feb 2026 02:41:00 GMT\r\n"
                     "Content-Length: 0\r\n\r\n"},
        {"/v1/denied", "401 No\r\nContent-Length: 0\r\n\r\n"},
        {"/v1/money", "402 Pay\r\nContent-Length: 0\r\n\r\n"},
        {"/v1/bad", "422 Bad\r\nContent-Length: 0\r\n\r\n"},
        {"/v1/broken", "500 Oops\r\nContent-Length: 0\r\n\r\n"},
    };
    for (size_t i = 0; i < KJ_COUNT(rows); i++)
        if (strstr(request, rows[i][0]))
            return rows[i][1];
    return NULL; // hang up
}

static inline size_t vendor_read(int fd, char *request, size_t size)
{
    size_t length = 0, want = SIZE_MAX;
    while (length < want && length < size - 1) {
        ssize_t got = read(fd, request + length, size - 1 - length);
        if (got <= 0)
            break;
        length += (size_t)got;
        request[length] = 0;
        const char *end = strstr(request, "\r\n\r\n");
        const char *content = strcasestr(request, "\r\nContent-Length:");
        if (end)
            want = (size_t)(end + 4 - request) + (content ? (size_t)atol(content + 17) : 0);
    }
    return length;
}

static inline void *vendor_main(void *arg)
{
    struct vendor *vendor = arg;
    for (int fd; (fd = accept(vendor->listener, NULL, NULL)) >= 0; close(fd)) {
        char request[sizeof vendor->last] = "";
        vendor_read(fd, request, sizeof request);
        pthread_mutex_lock(&vendor->lock);
        memcpy(vendor->last, request, sizeof request);
        vendor->requests++;
        pthread_mutex_unlock(&vendor->lock);
        const char *answer = vendor_answer(request);
        if (answer) { // one exchange per connection, and says so
            size_t line = strcspn(answer, "\r");
            dprintf(fd, "HTTP/1.1 %.*s\r\nConnection: close%s", (int)line, answer, answer + line);
        }
        if (strstr(request, "/v1/hang")) {
            kj_loop_post_from_thread(vendor->loop, vendor->on_hang);
            while (read(fd, request, sizeof request) > 0)
                ; // until the client goes away
        }
    }
    return NULL;
}

static inline void vendor_open(struct vendor *vendor)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof at;
    vendor->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(vendor->listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(vendor->listener, 16), 0);
    getsockname(vendor->listener, (struct sockaddr *)&at, &length);
    vendor->port = ntohs(at.sin_port);
    pthread_mutex_init(&vendor->lock, NULL);
    assert_int_equal(pthread_create(&vendor->thread, NULL, vendor_main, vendor), 0);
}

static inline const char *vendor_seen(struct vendor *vendor)
{
    pthread_mutex_lock(&vendor->lock);
    memcpy(vendor->seen, vendor->last, sizeof vendor->seen);
    pthread_mutex_unlock(&vendor->lock);
    return vendor->seen;
}

static inline void vendor_close(struct vendor *vendor)
{
    shutdown(vendor->listener, SHUT_RDWR);
    pthread_join(vendor->thread, NULL);
    close(vendor->listener);
    pthread_mutex_destroy(&vendor->lock);
}

// --- ports ---

static inline void world_ask(void *arg, const char *instance, const char *workspace,
                             const char *verb, const bson_t *request, kj_host_reply *reply,
                             void *reply_arg)
{
    struct world *world = arg;
    struct kj_buf json;
    kj_buf_init(&json, 0);
    kj_json_write(request, 0, &json);
    kj_copy(world->asked_json, sizeof world->asked_json, json.data);
    kj_buf_fini(&json);
    snprintf(world->asked_verb, sizeof world->asked_verb, "%s:%s", instance, verb);
    kj_copy(world->asked_workspace, sizeof world->asked_workspace, workspace);
    world->asked++;
    if (world->hold) {
        assert_true(world->held_count < 8);
        world->reply = reply;
        world->held[world->held_count++] = reply_arg;
        return;
    }
    bson_t answer = BSON_INITIALIZER;
    struct kj_outcome ok = {.class = KEJUE_OK};
    kj_doc_put_int(&answer, "id", 42);
    reply(reply_arg, &ok, &answer);
    bson_destroy(&answer);
}

// Gives the held replies.
static inline void world_reply(struct world *world)
{
    struct kj_outcome ok = {.class = KEJUE_OK};
    for (int i = 0; i < world->held_count; i++)
        world->reply(world->held[i], &ok, NULL);
    world->held_count = 0;
}

// --- the world ---

static inline int world_setup(void **state)
{
    struct world *world = KJ_NEW(struct world);
    kj_clock_init_virtual(&world->clock, 1770000000000); // 2026-02-02T02:40:00Z
    assert_int_equal(kj_loop_create(&world->clock, &world->loop, NULL), 0);
    assert_int_equal(kj_fetcher_create(world->loop, &world->fetcher, NULL), 0);
    world->vendor.loop = world->loop;
    vendor_open(&world->vendor);
    strcpy(world->dir, "/tmp/kejue-host-XXXXXX");
    assert_non_null(mkdtemp(world->dir));
    struct kj_host_config config = {.loop = world->loop,
                                    .fetcher = world->fetcher,
                                    .ports = {world, world_ask},
                                    .plugin_dir = ODD_PLUGINS,
                                    .seed = 7,
                                    .watchdog_ms = 20};
    assert_int_equal(kj_host_create(&config, &world->host, NULL), 0);
    *state = world;
    return 0;
}

static inline int world_teardown(void **state)
{
    struct world *world = *state;
    char command[128];
    kj_host_destroy(world->host);
    kj_fetcher_destroy(world->fetcher);
    kj_loop_destroy(world->loop);
    vendor_close(&world->vendor);
    snprintf(command, sizeof command, "rm -rf '%s'", world->dir);
    assert_int_equal(system(command), 0);
    free(world);
    return 0;
}

static inline void world_idle(void *arg)
{
    struct world *world = arg;
    kj_loop_stop(world->loop);
}

// Lets `ms` pass, with everything that happens in it.
static inline void world_run(struct world *world, int64_t ms)
{
    kj_loop_release(world->loop, kj_loop_now(world->loop) + ms, world_idle, world);
    kj_loop_run(world->loop);
}

static inline bson_t *world_json(const char *json)
{
    bson_t *doc = NULL;
    struct kj_fault fault = {0};
    if (kj_json_parse(json, strlen(json), NULL, &doc, NULL, &fault) != 0)
        fail_msg("%s: %s", fault.place, fault.text);
    return doc;
}

static inline void world_file(struct world *world, const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", world->dir, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    chmod(path, 0600);
}

static inline int world_try_load(struct world *world, const char *instance, const char *plugin,
                                 const char *json, struct kj_fault *fault)
{
    bson_t *config = world_json(json);
    int error = kj_host_load(world->host, instance, plugin, config, NULL, NULL, fault);
    bson_destroy(config);
    return error;
}

static inline void world_load(struct world *world, const char *instance, const char *plugin,
                              const char *json)
{
    struct kj_fault fault = {0};
    if (world_try_load(world, instance, plugin, json, &fault) != 0)
        fail_msg("%s: %s", fault.place, fault.text);
}

// `guest` with the vendor as its address, a secret and the folder.
static inline void world_load_guest(struct world *world)
{
    char json[512];
    world_file(world, "token", "s3cret-token\n");
    snprintf(json, sizeof json,
             "{\"url\":\"http://127.0.0.1:%d/v1\",\"token\":\"@%s/token\",\"folder\":\"%s\"}",
             world->vendor.port, world->dir, world->dir);
    world_load(world, "guest", "guest", json);
}

static inline void world_done(void *arg, const struct kj_outcome *outcome, const bson_t *doc)
{
    struct result *result = arg;
    struct kj_buf json;
    result->count++;
    result->class = outcome->class;
    result->retry_after_ms = outcome->retry_after_ms;
    kj_copy(result->code, sizeof result->code, outcome->code ? outcome->code : "");
    kj_copy(result->text, sizeof result->text, outcome->text ? outcome->text : "");
    kj_buf_init(&json, 0);
    assert_non_null(doc);
    kj_json_write(doc, 0, &json);
    kj_copy(result->json, sizeof result->json, json.data);
    kj_buf_fini(&json);
}

static inline uint64_t world_try(struct world *world, const char *verb, const char *json,
                                 struct result *result, struct kj_fault *fault)
{
    bson_t *request = world_json(json);
    struct kj_host_call call = {
        .verb = verb, .workspace = "acme", .key = "k-1", .attempt = 1, .request = request};
    memset(result, 0, sizeof *result);
    uint64_t op = kj_host_start(world->host, &call, world_done, result, fault);
    bson_destroy(request);
    return op;
}

static inline uint64_t world_begin(struct world *world, const char *verb, const char *json,
                                   struct result *result)
{
    struct kj_fault fault = {0};
    uint64_t op = world_try(world, verb, json, result, &fault);
    if (!op)
        fail_msg("%s: %s", fault.place, fault.text);
    assert_int_equal(result->count, 0); // never from inside start
    return op;
}

// Begins and waits for the end, without letting more than `ms` pass.
static inline void world_call(struct world *world, const char *verb, const char *json,
                              struct result *result, int64_t ms)
{
    world_begin(world, verb, json, result);
    world_run(world, ms);
    assert_int_equal(result->count, 1);
}

static inline int64_t world_status(struct world *world, const char *instance, const char *field)
{
    char path[96];
    bson_t *status = kj_host_status(world->host, instance);
    snprintf(path, sizeof path, "plugins.0.%s", field);
    int64_t value = (int64_t)kj_doc_real(status, path, -1);
    bson_destroy(status);
    return value;
}

#endif
