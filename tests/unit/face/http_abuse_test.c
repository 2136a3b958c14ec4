// Clients of the HTTP door that never read, never finish, or come by the thousand: memory stays
// bounded and others are served meanwhile.
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

static struct world *open_http(void)
{
    struct world *world = world_begin();
    struct kj_fault fault = {0};
    struct kj_http_config config = {.address = "127.0.0.1"};
    assert_int_equal(kj_http_create(world->api, &config, &world->http, &fault), KJ_OK);
    world_go(world);
    return world;
}

static const char k_health[] = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
static const char k_metrics[] = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";

static void assert_served(const struct world *world)
{
    char answer[1024];
    int fd = world_tcp(kj_http_port(world->http));
    int64_t begun = kj_clock_real_mono();
    assert_int_equal(send(fd, k_health, strlen(k_health), MSG_NOSIGNAL), strlen(k_health));
    world_read(fd, answer, sizeof answer, "{\"ok\":true}", 5000);
    assert_non_null(strstr(answer, "{\"ok\":true}"));
    assert_true(kj_clock_real_mono() - begun < 4000);
    close(fd);
}

static size_t count_answers(const char *text)
{
    size_t count = 0;
    for (; (text = strstr(text, "\nkejue_up 1\n")) != NULL; text++)
        count++; // whole lines only: what is kept of a half one comes again
    return count;
}

// It sends requests and reads nothing: soon nothing more is read from it. All is there at the end.
static void test_never_reads(void **state)
{
    struct world *world = open_http();
    size_t one = strlen(k_metrics), sent = 0, at = 0, told = 0;
    static char answer[1 << 20];
    (void)state;
    size_t before = world_resident();
    int fd = world_tcp(kj_http_port(world->http)), small = 32768;
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small); // the system holds less for us
    fcntl(fd, F_SETFL, O_NONBLOCK);
    for (int64_t stuck = kj_clock_real_mono(); kj_clock_real_mono() - stuck < 500;) {
        ssize_t count = send(fd, k_metrics + at, one - at, MSG_NOSIGNAL);
        if (count <= 0) {
            assert_int_equal(errno, EAGAIN);
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
            continue;
        }
        stuck = kj_clock_real_mono();
        at = (at + (size_t)count) % one;
        sent += at == 0;
    }
    assert_true(sent > 1000);
    assert_grown_less(before, 16 << 20);
    assert_served(world);
    fcntl(fd, F_SETFL, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){.tv_usec = 500000},
               sizeof(struct timeval));
    for (size_t kept = 0, silent = 0; silent < (told < sent ? 20 : 1);) {
        ssize_t count = recv(fd, answer + kept, 97, 0); // so that cuts fall anywhere
        if (count <= 0) {
            silent++;
            continue;
        }
        answer[kept + (size_t)count] = 0;
        told += count_answers(answer);
        char *last = memrchr(answer, '\n', kept + (size_t)count); // the last line may be half
        kept = last ? strlen(last) : 0;
        memmove(answer, last ? last : "", kept);
    }
    assert_int_equal(told, sent);
    close(fd);
    world_end(world);
}

// As many as the limit of files lets in, up to 10,000: some say nothing, some half a head, some
// half a body. The idlest ones go; whoever comes is served.
static void test_thousands(void **state)
{
    struct world *world = open_http();
    static const char *const k_said[] = {
        "", "GET /healthz HTT", k_health,
        "POST /hooks/a/b HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n{"};
    struct rlimit files;
    static int fds[10000];
    (void)state;
    getrlimit(RLIMIT_NOFILE, &files);
    size_t count = files.rlim_cur / 2 > 10100 ? 10000 : files.rlim_cur / 2 - 100;
    size_t before = world_resident();
    for (size_t i = 0; i < count; i++) {
        fds[i] = world_tcp(kj_http_port(world->http));
        send(fds[i], k_said[i % 4], strlen(k_said[i % 4]), MSG_NOSIGNAL);
        if (i % 1000 == 999)
            assert_served(world);
    }
    assert_served(world);
    assert_grown_less(before, 32 << 20);
    for (size_t i = 0; i < count; i++)
        close(fds[i]);
    assert_served(world);
    world_end(world);
}

// A refused client that still sends is told before it is cut off.
static void test_told_while_sending(void **state)
{
    struct world *world = open_http();
    static char body[4 << 20];
    char answer[4096];
    (void)state;
    int fd = world_tcp(kj_http_port(world->http));
    int length =
        snprintf(body, sizeof body,
                 "POST /hooks/a/b HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n", sizeof body);
    memset(body + length, 'x', sizeof body - (size_t)length);
    assert_int_equal(send(fd, body, sizeof body, MSG_NOSIGNAL), sizeof body); // all of it first
    world_read(fd, answer, sizeof answer, NULL, 3000);
    assert_memory_equal(answer, "HTTP/1.1 413 ", 13);
    assert_non_null(strstr(answer, "Connection: close"));
    assert_null(strstr(answer + 9, "HTTP/1.1")); // and nothing of it was another request
    close(fd);
    world_end(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_never_reads),
        cmocka_unit_test(test_thousands),
        cmocka_unit_test(test_told_while_sending),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
