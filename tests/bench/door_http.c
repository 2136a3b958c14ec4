// HTTP: 64 connections that stay open, with a token, against a kejued of our own.
#include "bench_bus.h"
#include "bench_http.h"

#include "doc/json.h"

#include <inttypes.h>
#include <stdio.h>

enum { k_connections = 64, k_day_ms = 86400000 };

static void add_post(const struct bench_http_load *load, const char *command, const char *body,
                     size_t length, struct kj_buf *request)
{
    kj_buf_addf(request,
                "POST /api/commands/%s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
                "Authorization: Bearer %s\r\nContent-Type: application/json\r\n"
                "Content-Length: %zu\r\n\r\n",
                command, load->port, load->token, length);
    kj_buf_add(request, body, length);
}

static void make_read(const struct bench_http_load *load, int64_t number, struct kj_buf *request)
{
    char body[64];
    (void)number;
    int length = snprintf(body, sizeof body, "{\"id\":%" PRId64 "}", load->job);
    add_post(load, "job.get", body, (size_t)length, request);
}

static void make_submit(const struct bench_http_load *load, int64_t number, struct kj_buf *request)
{
    struct kj_buf body;
    bson_t *job = bench_request(number, load->due);
    kj_buf_init(&body, 0);
    kj_json_write(job, 0, &body);
    add_post(load, "job.submit", body.data, body.length, request);
    kj_buf_fini(&body);
    bson_destroy(job);
}

static bson_t *make_token(struct bench_bus *bus)
{
    struct kj_fault fault;
    bson_t args = BSON_INITIALIZER, scopes = BSON_INITIALIZER;
    kj_doc_put_text(&args, "name", "bench");
    kj_doc_put_text(&scopes, "0", "operate");
    kj_doc_put_text(&scopes, "1", "read");
    kj_doc_put_array(&args, "scopes", &scopes);
    bson_t *token = bench_bus_ask(bus, "token.create", &args, &fault);
    if (token == NULL)
        bench_die_fault("token.create", &fault);
    bson_destroy(&args);
    bson_destroy(&scopes);
    return token;
}

static int64_t one_job(struct bench_bus *bus, int64_t due)
{
    struct kj_fault fault;
    bson_t *request = bench_request(0, due);
    bson_t *result = bench_bus_ask(bus, "job.submit", request, &fault);
    if (result == NULL)
        bench_die_fault("job.submit", &fault);
    int64_t id = kj_doc_int(result, "id", 0);
    bson_destroy(result);
    bson_destroy(request);
    return id;
}

static void timed(struct bench *bench, struct bench_daemon *daemon, struct bench_http_load *load,
                  const char *step, const char *unit)
{
    char name[64];
    int64_t cpu = bench_cpu_ns(daemon->pid);
    bench_line(bench, step, (double)load->count / bench_http_run(load), unit);
    cpu = bench_cpu_ns(daemon->pid) - cpu;
    snprintf(name, sizeof name, "%s_cpu", step);
    bench_line(bench, name, (double)cpu / 1e3 / (double)load->count, "us/request");
}

void bench_http_door(struct bench *bench)
{
    char dir[3072];
    struct bench_daemon daemon;
    bench->door = "http";
    bench_folder(bench, "http", dir, sizeof dir);
    bench_daemon_start(&daemon, dir);
    struct bench_bus *bus = bench_bus_open(daemon.bus);
    bson_t *token = make_token(bus);
    struct bench_http_load load = {.port = daemon.port,
                                   .connections = k_connections,
                                   .token = kj_doc_text(token, "token", ""),
                                   .due = bench_wall_ns() / 1000000 + k_day_ms};
    load.job = one_job(bus, load.due);
    load.count = bench_many(bench);
    load.make = make_read;
    timed(bench, &daemon, &load, "read_64_connections", "requests/s");
    load.count = bench_many(bench) / 2;
    load.make = make_submit;
    timed(bench, &daemon, &load, "enqueue_64_connections", "jobs/s");
    bson_destroy(token);
    bench_bus_close(bus);
    bench_daemon_stop(&daemon);
    if (bench_count(dir, "waiting") != load.count + 1)
        bench_die("HTTP acknowledged %" PRId64 " jobs, others are in the database", load.count + 1);
}
