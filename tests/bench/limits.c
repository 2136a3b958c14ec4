// What this machine could do at best, in the same run as Kejue: a log that is flushed, nng alone,
// libuv alone. Nothing that Kejue does can be faster; how near it comes is the honest figure.
#include "bench_bus.h"
#include "bench_http.h"
#include "serve.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { k_record = 512, k_batch = 1000, k_job = 300, k_message = 200 };

// A growing log, as an append-only journal would be written.
static double appends(const struct bench *bench, size_t size, int64_t count)
{
    char path[3072];
    char *bytes = bson_malloc0(size);
    snprintf(path, sizeof path, "%s/limit.log", bench->dir);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int64_t start = bench_wall_ns();
    for (int64_t i = 0; i < count; i++)
        if (write(fd, bytes, size) != (ssize_t)size || fdatasync(fd) != 0)
            bench_die("%s cannot be written: %s", path, strerror(errno));
    double rate = bench_rate(count, start);
    close(fd);
    unlink(path);
    bson_free(bytes);
    return rate;
}

// --- nng ---

static void make_message(const struct bench_load *load, int64_t number, nng_msg *message)
{
    char bytes[k_message];
    (void)load;
    memset(bytes, (int)('a' + number % 26), sizeof bytes);
    if (nng_msg_append(message, bytes, sizeof bytes) != 0)
        bench_die("no memory for a message");
}

static bool good_message(const void *answer, size_t length)
{
    (void)answer;
    return length == k_message;
}

static void request_reply(struct bench *bench)
{
    char url[3072];
    snprintf(url, sizeof url, "ipc://%s/limit.ipc", bench->dir);
    pid_t server = bench_serve_start("nng", url);
    struct bench_bus *bus = bench_bus_open(url);
    struct bench_load load = {
        .count = bench->jobs / 4, .in_flight = 1, .make = make_message, .good = good_message};
    bench_line(bench, "nng_one_at_a_time", (double)load.count / bench_bus_run(bus, &load),
               "requests/s");
    load.count = bench_many(bench);
    load.in_flight = 64;
    bench_line(bench, "nng_64_in_flight", (double)load.count / bench_bus_run(bus, &load),
               "requests/s");
    bench_bus_close(bus);
    bench_serve_stop(server);
}

// --- HTTP ---

static void make_get(const struct bench_http_load *load, int64_t number, struct kj_buf *request)
{
    (void)load;
    (void)number;
    kj_buf_adds(request, "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
}

static void http(struct bench *bench)
{
    char port[16];
    int number = bench_http_free_port();
    snprintf(port, sizeof port, "%d", number);
    pid_t server = bench_serve_start("http", port);
    struct bench_http_load load = {
        .port = number, .connections = 64, .count = 2 * bench_many(bench), .make = make_get};
    int64_t cpu = bench_cpu_ns(server);
    bench_line(bench, "http_64_connections", (double)load.count / bench_http_run(&load),
               "requests/s");
    cpu = bench_cpu_ns(server) - cpu;
    bench_line(bench, "http_64_connections_cpu", (double)cpu / 1e3 / (double)load.count,
               "us/request");
    bench_serve_stop(server);
}

void bench_limits(struct bench *bench)
{
    bench->door = "limit";
    bench_line(bench, "append_512", appends(bench, k_record, bench_alone(bench)), "appends/s");
    bench_line(bench, "append_1000_jobs",
               k_batch * appends(bench, (size_t)k_batch * k_job, bench->jobs / k_batch), "jobs/s");
    request_reply(bench);
    http(bench);
}
