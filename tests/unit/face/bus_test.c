// The bus against real sockets: many in flight, oversized, garbage, half a frame, a client that is
// gone before its answer, and closing while requests are under way.
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "doc/json.h"

#include "face_world.h"

#include <nng/nng.h>
#include <nng/protocol/pubsub0/sub.h>
#include <nng/protocol/reqrep0/req.h>
#include <sys/stat.h>

enum { k_clients = 300 };

static struct world *open_bus(size_t limit)
{
    struct world *world = world_begin();
    struct kj_fault fault = {0};
    struct kj_bus_config config = {
        .rep_path = world->rep + 6, .pub_path = world->pub + 6, .message_limit = limit};
    assert_int_equal(kj_bus_create(world->api, &config, &world->bus, &fault), KJ_OK);
    world_go(world);
    return world;
}

static nng_socket dial(const char *url)
{
    nng_socket socket;
    assert_int_equal(nng_req0_open(&socket), 0);
    nng_socket_set_ms(socket, NNG_OPT_RECVTIMEO, 10000);
    assert_int_equal(nng_dial(socket, url, NULL, 0), 0);
    return socket;
}

static void ask_on(nng_socket socket, const char *request, char *answer, size_t size)
{
    char *got;
    size_t length;
    assert_int_equal(nng_send(socket, (char *)request, strlen(request), 0), 0);
    assert_int_equal(nng_recv(socket, &got, &length, NNG_FLAG_ALLOC), 0);
    assert_true(length < size);
    memcpy(answer, got, length);
    answer[length] = 0;
    nng_free(got, length);
}

static void assert_alive(const struct world *world)
{
    char answer[4096];
    nng_socket socket = dial(world->rep);
    ask_on(socket, "{\"id\":\"x\",\"cmd\":\"status\"}", answer, sizeof answer);
    assert_non_null(strstr(answer, "\"ok\":true"));
    nng_close(socket);
}

static void test_ask(void **state)
{
    struct world *world = open_bus(0);
    char answer[65536];
    struct stat info;
    (void)state;
    nng_socket socket = dial(world->rep);
    ask_on(socket, "{\"id\":\"1\",\"cmd\":\"status\"}", answer, sizeof answer);
    assert_non_null(strstr(answer, "{\"id\":\"1\",\"ok\":true,\"result\":{\"version\""));
    ask_on(socket, "{\"id\":\"2\",\"cmd\":\"stauts\"}", answer, sizeof answer);
    assert_non_null(strstr(answer, "\"code\":\"not_found\""));
    assert_non_null(strstr(answer, "did you mean status?"));
    ask_on(socket, "garbage", answer, sizeof answer);
    assert_non_null(strstr(answer, "\"code\":\"parse\""));
    ask_on(socket, "{\"id\":\"3\",\"cmd\":\"lead.why\",\"args\":{}}", answer, sizeof answer);
    assert_non_null(strstr(answer, "\"code\":\"schema\""));
    assert_non_null(strstr(answer, "\"faults\":["));
    ask_on(socket, "{\"cmd\":\"status\",\"token\":\"wrong\"}", answer, sizeof answer);
    assert_non_null(strstr(answer, "\"code\":\"denied\""));
    assert_int_equal(stat(world->rep + 6, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    nng_close(socket);
    world_end(world);
}

// All wait for an event at once; one that comes answers them all.
static void test_many_in_flight(void **state)
{
    struct world *world = open_bus(0);
    static nng_socket sockets[k_clients];
    char answer[65536];
    (void)state;
    static const char k_wait[] =
        "{\"cmd\":\"event.since\",\"args\":{\"cursor\":0,\"wait_ms\":30000}}";
    for (int i = 0; i < k_clients; i++) {
        sockets[i] = dial(world->rep);
        assert_int_equal(nng_send(sockets[i], (char *)k_wait, strlen(k_wait), 0), 0);
    }
    nng_socket other = dial(world->rep);
    ask_on(other, "{\"cmd\":\"status\"}", answer, sizeof answer); // not behind them
    assert_non_null(strstr(answer, "\"ok\":true"));
    ask_on(other, "{\"cmd\":\"group.create\",\"args\":{\"key\":\"sales\",\"name\":\"Sales\"}}",
           answer, sizeof answer);
    assert_non_null(strstr(answer, "\"ok\":true"));
    for (int i = 0; i < k_clients; i++) {
        char *got;
        size_t length;
        assert_int_equal(nng_recv(sockets[i], &got, &length, NNG_FLAG_ALLOC), 0);
        assert_non_null(memmem(got, length, "group.created", 13));
        nng_free(got, length);
        nng_close(sockets[i]);
    }
    nng_close(other);
    world_end(world);
}

static void test_oversized(void **state)
{
    struct world *world = open_bus(4096);
    (void)state;
    nng_socket socket = dial(world->rep);
    nng_socket_set_ms(socket, NNG_OPT_RECVTIMEO, 300);
    char *large = calloc(1, 100000), *got;
    size_t length;
    memset(large, ' ', 100000);
    assert_int_equal(nng_send(socket, large, 100000, 0), 0);
    assert_int_equal(nng_recv(socket, &got, &length, NNG_FLAG_ALLOC), NNG_ETIMEDOUT);
    free(large);
    nng_close(socket);
    assert_alive(world);
    world_end(world);
}

// nng's ipc: 8 bytes of greeting (0 S P 0, protocol, 0), then 1 and a length of 8 bytes per
// message.
static void test_raw(void **state)
{
    struct world *world = open_bus(65536);
    static const uint8_t k_hello[8] = {0, 'S', 'P', 0, 0, 0x30, 0, 0}; // REQ
    char got[256];
    (void)state;
    for (int i = 0; i < 6; i++) {
        int fd = world_unix(world->rep);
        uint8_t head[9] = {1, 0, 0, 0, 0, 0, 0, 0, 40};
        if (i == 0) {
            send(fd, "GET / HTTP/1.1\r\n\r\n", 18, MSG_NOSIGNAL);
        } else if (i == 1) { // half a greeting
            send(fd, k_hello, 4, MSG_NOSIGNAL);
        } else {
            send(fd, k_hello, 8, MSG_NOSIGNAL);
            recv(fd, got, 8, MSG_WAITALL);
            if (i == 2)
                send(fd, head, 9, MSG_NOSIGNAL); // announced, never sent
            if (i == 3) {
                send(fd, head, 9, MSG_NOSIGNAL);
                send(fd, "\x80\0\0\1{\"cmd\":", 11, MSG_NOSIGNAL); // half of it
            }
            if (i == 4) { // far too large
                head[1] = 0x7f;
                send(fd, head, 9, MSG_NOSIGNAL);
            }
            if (i == 5) { // shorter than the header of its protocol
                head[8] = 2;
                send(fd, head, 9, MSG_NOSIGNAL);
                send(fd, "ab", 2, MSG_NOSIGNAL);
            }
        }
        if (i == 0 || i == 4)
            world_read(fd, got, sizeof got, NULL, 2000); // until it hangs up
        close(fd);
    }
    assert_alive(world);
    world_end(world);
}

// Clients that hang up within or before the greeting cost nobody else anything.
static void test_hang_up(void **state)
{
    struct world *world = open_bus(0);
    static const uint8_t k_hello[8] = {0, 'S', 'P', 0, 0, 0x30, 0, 0};
    (void)state;
    for (size_t i = 0; i < 200; i++) {
        int fd = world_unix(i % 2 ? world->rep : world->pub);
        if (i % 20)
            send(fd, k_hello, i % 20 < 8 ? i % 20 : 8, MSG_NOSIGNAL);
        close(fd);
        if (i % 20 == 0)
            assert_alive(world);
    }
    assert_alive(world);
    world_end(world);
}

static void test_client_gone(void **state)
{
    struct world *world = open_bus(0);
    static const char k_wait[] =
        "{\"cmd\":\"event.since\",\"args\":{\"cursor\":0,\"wait_ms\":100}}";
    char answer[65536];
    (void)state;
    for (int i = 0; i < 50; i++) {
        nng_socket socket = dial(world->rep);
        assert_int_equal(nng_send(socket, (char *)k_wait, strlen(k_wait), 0), 0);
        nng_close(socket);
    }
    nng_socket other = dial(world->rep); // comes back when theirs have been answered to nobody
    ask_on(other, "{\"cmd\":\"event.since\",\"args\":{\"cursor\":0,\"wait_ms\":200}}", answer,
           sizeof answer);
    assert_non_null(strstr(answer, "\"events\":[]"));
    nng_close(other);
    assert_alive(world);
    world_end(world);
}

static void destroy_bus(struct world *world)
{
    struct kj_bus *bus = world->bus;
    world->bus = NULL;
    kj_bus_destroy(bus);
}

// Answers that come after the bus has closed go nowhere.
static void test_close_under_way(void **state)
{
    struct world *world = open_bus(0);
    static const char k_wait[] = "{\"cmd\":\"event.since\",\"args\":{\"cursor\":0,\"wait_ms\":50}}";
    nng_socket sockets[8];
    char answer[8192];
    (void)state;
    for (int i = 0; i < 8; i++) {
        sockets[i] = dial(world->rep);
        assert_int_equal(nng_send(sockets[i], (char *)k_wait, strlen(k_wait), 0), 0);
    }
    nng_socket other = dial(world->rep);
    ask_on(other, "{\"cmd\":\"status\"}", answer, sizeof answer);
    world_do(world, destroy_bus);
    struct timespec pause = {.tv_nsec = 120000000}; // their waits end meanwhile
    nanosleep(&pause, NULL);
    for (int i = 0; i < 8; i++)
        nng_close(sockets[i]);
    nng_close(other);
    world_end(world);
}

static void test_events(void **state)
{
    struct world *world = open_bus(0);
    nng_socket sub;
    char *got, answer[4096];
    size_t length;
    (void)state;
    assert_int_equal(nng_sub0_open(&sub), 0);
    nng_socket_set(sub, NNG_OPT_SUB_SUBSCRIBE, "group.", 6);
    nng_socket_set_ms(sub, NNG_OPT_RECVTIMEO, 5000);
    assert_int_equal(nng_dial(sub, world->pub, NULL, 0), 0);
    nng_socket socket = dial(world->rep);
    struct timespec pause = {.tv_nsec =
                                 50000000}; // the subscription is known when PUB has its pipe
    nanosleep(&pause, NULL);
    ask_on(socket, "{\"cmd\":\"group.create\",\"args\":{\"key\":\"a\",\"name\":\"A\"}}", answer,
           sizeof answer);
    assert_int_equal(nng_recv(sub, &got, &length, NNG_FLAG_ALLOC), 0);
    assert_memory_equal(got, "group.created {\"number\":1,", 26);
    assert_non_null(memmem(got, length, "\"workspace\":\"default\"", 21));
    nng_free(got, length);
    nng_close(sub);
    nng_close(socket);
    world_end(world);
}

// A socket file left by a crash is taken over; another listener and a plain file are not.
static void test_address(void **state)
{
    struct world *world = world_begin();
    struct kj_bus *second = NULL;
    struct kj_fault fault = {0};
    struct kj_bus_config config = {.rep_path = world->rep + 6, .pub_path = world->pub + 6};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)state;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", world->rep + 6);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    close(fd); // the file stays
    assert_int_equal(kj_bus_create(world->api, &config, &world->bus, &fault), KJ_OK);
    assert_int_equal(kj_bus_create(world->api, &config, &second, &fault), KJ_EIO);
    assert_non_null(strstr(fault.hint, "another kejued"));
    kj_bus_destroy(world->bus);
    world->bus = NULL;
    FILE *file = fopen(world->rep + 6, "w");
    fputs("precious", file);
    fclose(file);
    assert_int_equal(kj_bus_create(world->api, &config, &second, &fault), KJ_EIO);
    assert_int_equal(access(world->rep + 6, F_OK), 0);
    world_end(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ask),
        cmocka_unit_test(test_many_in_flight),
        cmocka_unit_test(test_oversized),
        cmocka_unit_test(test_raw),
        cmocka_unit_test(test_hang_up),
        cmocka_unit_test(test_client_gone),
        cmocka_unit_test(test_close_under_way),
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
