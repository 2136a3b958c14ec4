// A small real world for the doors: loop on a thread of its own, store in memory, engine, api. The
// test talks to the doors from the main thread as any client does.
#ifndef FACE_WORLD_H
#define FACE_WORLD_H

#include "base/log.h"
#include "face/face.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct world {
    struct kj_clock clock;
    struct kj_loop *loop;
    struct kj_store *store;
    struct kj_engine *engine;
    struct kj_api *api;
    struct kj_bus *bus;
    struct kj_http *http;
    pthread_t thread;
    bool running;
    struct kj_task stop, job;
    void (*work)(struct world *world);
    pthread_mutex_t lock;
    pthread_cond_t done;
    bool worked;
    char dir[64], rep[96], pub[96];
};

static int64_t world_now(void *arg)
{
    return kj_loop_now(arg);
}

static void world_on_event(void *arg, const bson_t *event)
{
    struct world *world = arg;
    if (world->api)
        kj_api_wake_events(world->api);
    if (world->bus)
        kj_bus_publish(world->bus, event);
    if (world->http)
        kj_http_publish(world->http, event);
}

static void *world_run(void *arg)
{
    struct world *world = arg;
    kj_loop_run(world->loop);
    return NULL;
}

static void world_stop(struct kj_task *task)
{
    struct world *world = (struct world *)((char *)task - offsetof(struct world, stop));
    kj_loop_stop(world->loop);
}

static void world_work(struct kj_task *task)
{
    struct world *world = (struct world *)((char *)task - offsetof(struct world, job));
    world->work(world);
    pthread_mutex_lock(&world->lock);
    world->worked = true;
    pthread_cond_signal(&world->done);
    pthread_mutex_unlock(&world->lock);
}

// Runs `work` on the loop's thread and waits for it.
static inline void world_do(struct world *world, void (*work)(struct world *world))
{
    world->work = work;
    world->worked = false;
    world->job.run = world_work;
    kj_loop_post_from_thread(world->loop, &world->job);
    pthread_mutex_lock(&world->lock);
    while (!world->worked)
        pthread_cond_wait(&world->done, &world->lock);
    pthread_mutex_unlock(&world->lock);
}

static inline struct world *world_begin(void)
{
    struct world *world = calloc(1, sizeof *world);
    struct kj_fault fault = {0};
    char text[512];
    kj_log_set_level(KJ_LOG_ERROR);
    pthread_mutex_init(&world->lock, NULL);
    pthread_cond_init(&world->done, NULL);
    kj_clock_init_system(&world->clock);
    snprintf(world->dir, sizeof world->dir, "/tmp/kejue-face-XXXXXX");
    assert_non_null(mkdtemp(world->dir));
    snprintf(world->rep, sizeof world->rep, "ipc://%s/bus.ipc", world->dir);
    snprintf(world->pub, sizeof world->pub, "ipc://%s/events.ipc", world->dir);
    int rc = kj_loop_create(&world->clock, &world->loop, &fault);
    struct kj_store_config store = {
        .path = ":memory:", .host = "test", .now = world_now, .now_arg = world->loop};
    if (rc == KJ_OK)
        rc = kj_sqlite_create(world->loop, &store, &world->store, &fault);
    struct kj_engine_config engine = {
        .loop = world->loop, .store = world->store, .host_name = "test", .default_country = "DE"};
    if (rc == KJ_OK)
        rc = kj_engine_create(&engine, &world->engine, &fault);
    if (rc == KJ_OK)
        rc = kj_api_create(world->engine, &world->api, &fault);
    world->store->on_event = world_on_event;
    world->store->on_event_arg = world;
    kj_fault_print(&fault, text, sizeof text);
    if (rc != KJ_OK)
        fail_msg("%s", text);
    return world;
}

static inline void world_go(struct world *world)
{
    world->running = true;
    pthread_create(&world->thread, NULL, world_run, world);
}

static inline void world_halt(struct world *world)
{
    if (!world->running)
        return;
    world->stop.run = world_stop;
    kj_loop_post_from_thread(world->loop, &world->stop);
    pthread_join(world->thread, NULL);
    world->running = false;
}

static inline void world_end(struct world *world)
{
    char path[128];
    world_halt(world);
    kj_http_destroy(world->http);
    kj_bus_destroy(world->bus);
    world->http = NULL;
    world->bus = NULL;
    kj_api_destroy(world->api);
    kj_engine_destroy(world->engine);
    kj_store_destroy(world->store);
    kj_loop_destroy(world->loop);
    snprintf(path, sizeof path, "%s/bus.ipc", world->dir);
    unlink(path);
    snprintf(path, sizeof path, "%s/events.ipc", world->dir);
    unlink(path);
    rmdir(world->dir);
    pthread_mutex_destroy(&world->lock);
    pthread_cond_destroy(&world->done);
    free(world);
}

// --- raw sockets ---

static inline int world_tcp(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

// Bytes of this process, the world's included.
static inline size_t world_resident(void)
{
    unsigned long pages = 0, size;
    FILE *file = fopen("/proc/self/statm", "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%lu %lu", &size, &pages), 2);
    fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

// Sanitizers keep what was freed: their memory tells nothing.
static inline void assert_grown_less(size_t before, size_t bytes)
{
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    assert_true(world_resident() < before + bytes);
#else
    (void)before;
    (void)bytes;
#endif
}

static inline int world_unix(const char *url)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", url + 6);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

// Reads until the other side closes, `until` was read, or ms have passed without a byte.
static inline size_t world_read(int fd, char *to, size_t size, const char *until, int ms)
{
    size_t length = 0;
    to[0] = 0;
    while (length + 1 < size && (until == NULL || strstr(to, until) == NULL)) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        if (poll(&wait, 1, ms) <= 0)
            break;
        ssize_t got = recv(fd, to + length, size - 1 - length, 0);
        if (got <= 0)
            break;
        length += (size_t)got;
        to[length] = 0;
    }
    return length;
}

#endif
