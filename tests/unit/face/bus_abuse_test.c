// Clients of the bus that never read, never finish, announce too much, or come by the thousand:
// memory stays bounded and others are served meanwhile.
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "face_world.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <time.h>

static const uint8_t k_req[8] = {0, 'S', 'P', 0, 0, 0x30, 0, 0};
static const uint8_t k_sub[8] = {0, 'S', 'P', 0, 0, 0x21, 0, 0};

static struct world *open_bus(void)
{
    struct world *world = world_begin();
    struct kj_fault fault = {0};
    struct kj_bus_config config = {.rep_path = world->rep + 6, .pub_path = world->pub + 6};
    assert_int_equal(kj_bus_create(world->api, &config, &world->bus, &fault), KJ_OK);
    world_go(world);
    return world;
}

static int greet(const char *url, const uint8_t *hello)
{
    char answer[8];
    int fd = world_unix(url);
    assert_int_equal(send(fd, hello, 8, MSG_NOSIGNAL), 8);
    assert_int_equal(recv(fd, answer, 8, MSG_WAITALL), 8);
    return fd;
}

static size_t put_request(uint8_t *to, uint32_t id, const char *text)
{
    size_t length = strlen(text) + 4;
    memset(to, 0, 9);
    to[0] = 1;
    to[7] = (uint8_t)(length >> 8);
    to[8] = (uint8_t)length;
    to[9] = (uint8_t)(0x80 | id >> 24);
    to[10] = (uint8_t)(id >> 16);
    to[11] = (uint8_t)(id >> 8);
    to[12] = (uint8_t)id;
    memcpy(to + 13, text, length - 4);
    return 9 + length;
}

static bool read_all(int fd, void *to, size_t size)
{
    return size == 0 || recv(fd, to, size, MSG_WAITALL) == (ssize_t)size;
}

// The body's first bytes into `text`, terminated; its id. Fails when the pipe has closed.
static uint32_t read_answer(int fd, char *text, size_t size)
{
    uint8_t head[13];
    static char rest[65536];
    assert_true(read_all(fd, head, sizeof head));
    size_t length = 0;
    for (int i = 1; i < 9; i++)
        length = length << 8 | head[i];
    length -= 4;
    size_t kept = length < size - 1 ? length : size - 1;
    assert_true(read_all(fd, text, kept));
    text[kept] = 0;
    for (size_t left = length - kept; left > 0;) {
        size_t some = left < sizeof rest ? left : sizeof rest;
        assert_true(read_all(fd, rest, some));
        left -= some;
    }
    return (uint32_t)(head[9] & 0x7f) << 24 | (uint32_t)head[10] << 16 | (uint32_t)head[11] << 8 |
           head[12];
}

static void assert_served(const struct world *world)
{
    uint8_t request[64];
    char text[64];
    int fd = greet(world->rep, k_req);
    size_t length = put_request(request, 7, "{\"cmd\":\"status\"}");
    int64_t begun = kj_clock_real_mono();
    assert_int_equal(send(fd, request, length, MSG_NOSIGNAL), length);
    assert_int_equal(read_answer(fd, text, sizeof text), 7);
    assert_non_null(strstr(text, "\"ok\":true"));
    assert_true(kj_clock_real_mono() - begun < 5000);
    close(fd);
}

static void assert_hung_up(int fd, int64_t within_ms)
{
    char got[256];
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    int64_t end = kj_clock_real_mono() + within_ms;
    ssize_t count;
    do {
        assert_true(poll(&ready, 1, (int)within_ms) > 0 && kj_clock_real_mono() < end);
        count = recv(fd, got, sizeof got, 0);
    } while (count > 0);
    close(fd);
}

// Several in one write, one in many, and an answer that does not wait for the one before it.
static void test_pieces_and_order(void **state)
{
    struct world *world = open_bus();
    uint8_t bytes[512];
    char text[256];
    size_t length = 0;
    bool seen[4] = {0};
    (void)state;
    int fd = greet(world->rep, k_req);
    length += put_request(bytes, 100,
                          "{\"cmd\":\"event.since\",\"args\":{\"cursor\":0,\"wait_ms\":300}}");
    for (uint32_t id = 1; id < 4; id++)
        length += put_request(bytes + length, id, "{\"cmd\":\"status\"}");
    assert_int_equal(send(fd, bytes, length, MSG_NOSIGNAL), length);
    for (int i = 0; i < 3; i++) {
        uint32_t id = read_answer(fd, text, sizeof text);
        assert_true(id < 4 && !seen[id]);
        seen[id] = true;
    }
    assert_int_equal(read_answer(fd, text, sizeof text), 100);
    length = put_request(bytes, 9, "{\"cmd\":\"status\"}");
    for (size_t i = 0; i < length; i++)
        assert_int_equal(send(fd, bytes + i, 1, MSG_NOSIGNAL), 1);
    assert_int_equal(read_answer(fd, text, sizeof text), 9);
    close(fd);
    world_end(world);
}

static void test_announces_too_much(void **state)
{
    struct world *world = open_bus();
    uint8_t head[9] = {1, 0, 0, 0, 1, 0, 0, 0, 0}; // 4 GiB
    (void)state;
    size_t before = world_resident();
    for (int i = 0; i < 50; i++) {
        int fd = greet(world->rep, k_req);
        assert_int_equal(send(fd, head, sizeof head, MSG_NOSIGNAL), sizeof head);
        assert_hung_up(fd, 5000);
    }
    head[4] = 0;
    head[5] = 1; // 16 MiB is allowed: but it costs nothing before it comes
    int waiting[50];
    for (int i = 0; i < 50; i++) {
        waiting[i] = greet(world->rep, k_req);
        assert_int_equal(send(waiting[i], head, sizeof head, MSG_NOSIGNAL), sizeof head);
    }
    assert_served(world);
    assert_grown_less(before, 16 << 20);
    for (int i = 0; i < 50; i++)
        close(waiting[i]);
    world_end(world);
}

// It asks for much and reads nothing: it is asked to wait. When it reads at last, all is there.
static void test_never_reads(void **state)
{
    struct world *world = open_bus();
    static uint8_t requests[64000];
    char text[64];
    uint32_t sent = 0;
    size_t length = 0, at = 0, one = put_request(requests, 1, "{\"cmd\":\"command.list\"}");
    (void)state;
    size_t before = world_resident();
    int fd = greet(world->rep, k_req);
    while (length + one <= sizeof requests) {
        put_request(requests + length, 1, "{\"cmd\":\"command.list\"}");
        length += one;
    }
    fcntl(fd, F_SETFL, O_NONBLOCK);
    for (int64_t stuck = kj_clock_real_mono(); kj_clock_real_mono() - stuck < 500;) {
        ssize_t count = send(fd, requests + at, length - at, MSG_NOSIGNAL);
        if (count <= 0) {
            assert_int_equal(errno, EAGAIN);
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
            continue;
        }
        stuck = kj_clock_real_mono();
        sent += (uint32_t)((at + (size_t)count) / one - at / one);
        at = (at + (size_t)count) % length;
    }
    assert_true(sent > 1000 && sent < 50000); // it was stopped
    assert_grown_less(before, 128 << 20);
    assert_served(world);
    fcntl(fd, F_SETFL, 0);
    for (; sent > 0; sent--)
        assert_int_equal(read_answer(fd, text, sizeof text), 1);
    size_t rest = one - at % one; // of the one that was cut, or a whole one
    assert_int_equal(send(fd, requests + at, rest, MSG_NOSIGNAL), rest);
    assert_int_equal(read_answer(fd, text, sizeof text), 1);
    close(fd);
    world_end(world);
}

static void publish(struct world *world)
{
    static int64_t number;
    char big[1000];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = 0;
    for (int i = 0; i < 100; i++) {
        bson_t event = BSON_INITIALIZER, data = BSON_INITIALIZER;
        bson_append_int64(&event, "_id", -1, ++number);
        bson_append_utf8(&event, "name", -1, "test.event", -1);
        bson_append_utf8(&data, "text", -1, big, -1);
        bson_append_document(&event, "data", -1, &data);
        kj_bus_publish(world->bus, &event);
        bson_destroy(&data);
        bson_destroy(&event);
    }
}

// One subscriber reads nothing; it misses events, holds little memory, and slows nobody: the other
// one has all of them in their order.
static void test_slow_subscriber(void **state)
{
    struct world *world = open_bus();
    uint8_t head[9];
    char body[2048], expected[64];
    (void)state;
    kj_log_set_level(KJ_LOG_ERROR);
    int slow = greet(world->pub, k_sub), quick = greet(world->pub, k_sub);
    assert_served(world); // the greetings have arrived
    size_t before = world_resident();
    for (int round = 0; round < 100; round++) {
        world_do(world, publish);
        for (int i = 1; i <= 100; i++) {
            assert_true(read_all(quick, head, sizeof head));
            size_t length = (size_t)head[7] << 8 | head[8];
            assert_true(length < sizeof body && read_all(quick, body, length));
            snprintf(expected, sizeof expected, "test.event {\"number\":%d,", round * 100 + i);
            assert_memory_equal(body, expected, strlen(expected));
        }
    }
    assert_grown_less(before, 8 << 20); // of 10 MiB that it did not read
    assert_served(world);
    assert_true(read_all(slow, head, sizeof head)); // what it did not miss is whole
    assert_int_equal(head[0], 1);
    assert_int_equal(send(quick, head, sizeof head, MSG_NOSIGNAL), sizeof head);
    assert_hung_up(quick, 5000); // a subscriber has nothing to say
    close(slow);
    world_end(world);
}

// As many as the limit of files lets in, up to 10,000, some within the greeting. The oldest idle
// ones go; whoever comes is served.
static void test_thousands(void **state)
{
    struct world *world = open_bus();
    struct rlimit files;
    static int fds[10000];
    (void)state;
    getrlimit(RLIMIT_NOFILE, &files);
    size_t count = files.rlim_cur / 2 > 10100 ? 10000 : files.rlim_cur / 2 - 100;
    size_t before = world_resident();
    for (size_t i = 0; i < count; i++) {
        fds[i] = world_unix(world->rep);
        if (i % 3)
            send(fds[i], k_req, i % 3 == 1 ? 8 : 5, MSG_NOSIGNAL);
        if (i % 1000 == 999)
            assert_served(world);
    }
    assert_served(world);
    assert_grown_less(before, 64 << 20);
    int late = world_unix(world->rep), half = world_unix(world->pub); // never greet
    assert_int_equal(send(half, k_sub, 5, MSG_NOSIGNAL), 5);
    for (size_t i = 0; i < count; i++)
        close(fds[i]);
    assert_served(world);
    assert_hung_up(late, 9000);
    assert_hung_up(half, 9000);
    world_end(world);
}

// No file is left to open: the loop must not turn for nothing, and goes on when there is one.
static void test_no_files(void **state)
{
    struct world *world = open_bus();
    struct rlimit files, few;
    struct rusage begun, ended;
    static int fds[200];
    size_t count = 0;
    (void)state;
    assert_served(world);
    int waiting = socket(AF_UNIX, SOCK_STREAM, 0);
    getrlimit(RLIMIT_NOFILE, &files);
    few = files;
    few.rlim_cur = (rlim_t)waiting + 1;
    for (int fd; count < 200 && (fd = open("/dev/null", O_RDONLY)) >= 0 && fd < waiting;)
        fds[count++] = fd; // holes below
    setrlimit(RLIMIT_NOFILE, &few);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", world->rep + 6);
    assert_int_equal(connect(waiting, (struct sockaddr *)&address, sizeof address), 0);
    getrusage(RUSAGE_SELF, &begun);
    nanosleep(&(struct timespec){.tv_sec = 1, .tv_nsec = 200000000}, NULL);
    getrusage(RUSAGE_SELF, &ended);
    setrlimit(RLIMIT_NOFILE, &files);
    int64_t used = (ended.ru_utime.tv_sec - begun.ru_utime.tv_sec) * 1000000 +
                   ended.ru_utime.tv_usec - begun.ru_utime.tv_usec +
                   (ended.ru_stime.tv_sec - begun.ru_stime.tv_sec) * 1000000 +
                   ended.ru_stime.tv_usec - begun.ru_stime.tv_usec;
    assert_true(used < 200000);
    char hello[8];
    assert_int_equal(recv(waiting, hello, 8, MSG_WAITALL), 8); // let in after all
    for (size_t i = 0; i < count; i++)
        close(fds[i]);
    close(waiting);
    assert_served(world);
    world_end(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces_and_order), cmocka_unit_test(test_announces_too_much),
        cmocka_unit_test(test_never_reads),      cmocka_unit_test(test_slow_subscriber),
        cmocka_unit_test(test_thousands),        cmocka_unit_test(test_no_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
