// The bus: a client of nng against a kejued of our own. Jobs are submitted one a message in JSON
// (as a client in any language would) and in arrays of 1,000 in BSON.
#include "bench_bus.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { k_bulk = 1000, k_day_ms = 86400000 };

static bool good_bson(const void *answer, size_t length)
{
    bson_t view;
    return bson_init_static(&view, answer, length) && kj_doc_bool(&view, "ok", false);
}

// Far enough to wait: while jobs are put in nothing runs, as with the peers.
static int64_t far(void)
{
    return bench_wall_ns() / 1000000 + k_day_ms;
}

// --- arrays ---

static bson_t *bulk_args(const struct bench_load *load, int64_t first)
{
    bson_t *args = bson_new(), jobs = BSON_INITIALIZER;
    struct kj_doc_list list = {&jobs};
    for (int64_t i = 0; i < k_bulk; i++) {
        bson_t *request = bench_request(first + i, load->due);
        kj_doc_put_doc(&jobs, kj_doc_next(&list), request);
        bson_destroy(request);
    }
    kj_doc_put_array(args, "jobs", &jobs);
    bson_destroy(&jobs);
    return args;
}

static void make_bulk(const struct bench_load *load, int64_t number, nng_msg *message)
{
    bson_t frame = BSON_INITIALIZER, *args = bulk_args(load, number * k_bulk);
    kj_doc_put_text(&frame, "id", "1");
    kj_doc_put_text(&frame, "cmd", "job.submit");
    kj_doc_put_doc(&frame, "args", args);
    if (nng_msg_append(message, bson_get_data(&frame), frame.len) != 0)
        bench_die("no memory for a message of %u bytes", frame.len);
    bson_destroy(args);
    bson_destroy(&frame);
}

// False when this build takes no arrays; says so.
static bool takes_arrays(struct bench_bus *bus)
{
    struct kj_fault fault;
    struct bench_load load = {.due = far()};
    bson_t *args = bulk_args(&load, 0), *result = bench_bus_ask(bus, "job.submit", args, &fault);
    bson_destroy(args);
    if (result == NULL) {
        char text[1024];
        kj_fault_print(&fault, text, sizeof text);
        fprintf(stderr, "kejue-bench: the bulk step is left out: %s\n", text);
        return false;
    }
    bson_destroy(result);
    return true;
}

static int64_t enqueue_bulk(struct bench *bench, struct bench_bus *bus)
{
    struct bench_load load = {.count = (bench->jobs + k_bulk - 1) / k_bulk,
                              .in_flight = 1,
                              .make = make_bulk,
                              .good = good_bson,
                              .due = far()};
    if (!takes_arrays(bus))
        return 0;
    int64_t jobs = load.count * k_bulk;
    bench_line(bench, "enqueue_bulk_1000", (double)jobs / bench_bus_run(bus, &load), "jobs/s");
    load.in_flight = 2;
    bench_line(bench, "enqueue_bulk_1000_2_in_flight", (double)jobs / bench_bus_run(bus, &load),
               "jobs/s");
    return 2 * jobs + k_bulk;
}

// --- the steps ---

static double submit(struct bench_bus *bus, int64_t count, int in_flight, int64_t due)
{
    struct bench_load load = {.count = count,
                              .in_flight = in_flight,
                              .make = bench_make_submit,
                              .good = bench_good_json,
                              .due = due};
    return (double)count / bench_bus_run(bus, &load);
}

static void enqueue(struct bench *bench)
{
    char dir[3072];
    struct bench_daemon daemon;
    bench_folder(bench, "bus", dir, sizeof dir);
    bench_daemon_start(&daemon, dir);
    struct bench_bus *bus = bench_bus_open(daemon.bus);
    int64_t expected = bench_alone(bench) + bench_crowd(bench);
    bench_line(bench, "enqueue_one_at_a_time", submit(bus, bench_alone(bench), 1, far()), "jobs/s");
    bench_line(bench, "enqueue_50_in_flight", submit(bus, bench_crowd(bench), 50, far()), "jobs/s");
    expected += enqueue_bulk(bench, bus);
    bench_bus_close(bus);
    bench_daemon_stop(&daemon);
    int64_t found = bench_count(dir, "waiting");
    if (found != expected)
        bench_die("%" PRId64 " jobs were acknowledged and %" PRId64 " are in the database",
                  expected, found);
}

static int64_t count_events(struct bench_bus *bus)
{
    int64_t cursor = 0, count = 0, page;
    do {
        struct kj_fault fault;
        bson_t args = BSON_INITIALIZER;
        kj_doc_put_int(&args, "cursor", cursor);
        kj_doc_put_int(&args, "limit", 1000);
        bson_t *result = bench_bus_ask(bus, "event.since", &args, &fault);
        if (result == NULL)
            bench_die_fault("event.since", &fault);
        page = (int64_t)kj_doc_count(result, "events");
        cursor = kj_doc_int(result, "cursor", cursor);
        count += page;
        bson_destroy(result);
        bson_destroy(&args);
    } while (page > 0);
    return count;
}

// Begins with the first function and ends when nothing runs any more. The jobs stand in the
// database before the daemon starts: the queue of a daemon is never closed.
static void drain(struct bench *bench, struct bench_daemon *daemon, struct bench_bus **bus)
{
    char dir[3072];
    int64_t jobs = bench_total(bench);
    bench_folder(bench, "drain", dir, sizeof dir);
    bench_fill(dir, jobs, 0);
    bench_daemon_start(daemon, dir);
    *bus = bench_bus_open(daemon->bus);
    bench_daemon_idle(daemon, *bus, (uint64_t)jobs);
    bench_line(bench, "drain", bench_rate(jobs, daemon->starts->wall_ns[0]), "jobs/s");
    int64_t events = count_events(*bus);
    if (events != jobs)
        bench_die("%" PRId64 " jobs ran and %" PRId64 " events tell of it", jobs, events);
}

// From before the request is written to the entry of its Lua function in the daemon.
static void pickup(struct bench *bench, struct bench_daemon *daemon)
{
    struct bench_bus *bus = bench_bus_open(daemon->bus);
    double *took = bson_malloc((size_t)bench->pickups * sizeof *took);
    for (int64_t i = 0; i < bench->pickups; i++) {
        uint64_t before = daemon->starts->count;
        int64_t start = bench_wall_ns();
        submit(bus, 1, 1, 0);
        bench_daemon_idle(daemon, bus, before + 1);
        took[i] = (double)(daemon->starts->wall_ns[before % BENCH_STARTS] - start) / 1e6;
        bench_sleep_ms(5 + i % 10);
    }
    bench_lines_of(bench, "pickup", took, (size_t)bench->pickups, "ms");
    bson_free(took);
    bench_bus_close(bus);
}

static void make_delayed(const struct bench_load *load, int64_t number, nng_msg *message)
{
    struct bench_load one = *load;
    one.due = load->due + number * 4;
    bench_make_submit(&one, number, message);
}

void bench_delays(struct bench *bench, struct bench_daemon *daemon, const char *step)
{
    struct bench_bus *bus = bench_bus_open(daemon->bus);
    uint64_t from = daemon->starts->count;
    struct bench_load load = {.count = bench->delayed,
                              .in_flight = 50,
                              .make = make_delayed,
                              .good = bench_good_json,
                              .due = bench_wall_ns() / 1000000 + (bench->short_waits ? 500 : 6000)};
    bench_bus_run(bus, &load);
    if (bench_wall_ns() / 1000000 > load.due)
        fprintf(stderr, "kejue-bench: delayed jobs were queued too slowly\n");
    bench_daemon_idle(daemon, bus, from + (uint64_t)bench->delayed);
    bench_delay_lines(bench, daemon->starts, from, bench->delayed, load.due, step);
    bench_bus_close(bus);
}

static void make_status(const struct bench_load *load, int64_t number, nng_msg *message)
{
    static const char k_text[] = "{\"id\":\"1\",\"cmd\":\"status\",\"args\":{}}";
    (void)load;
    (void)number;
    if (nng_msg_append(message, k_text, sizeof k_text - 1) != 0)
        bench_die("no memory for a message");
}

// What the bus can carry when nothing is stored.
static void status(struct bench *bench, struct bench_daemon *daemon, struct bench_bus *bus)
{
    struct bench_load load = {
        .count = bench->jobs / 4, .in_flight = 1, .make = make_status, .good = bench_good_json};
    bench_line(bench, "status_one_at_a_time", (double)load.count / bench_bus_run(bus, &load),
               "requests/s");
    load.count = bench_many(bench);
    load.in_flight = 64;
    int64_t cpu = bench_cpu_ns(daemon->pid);
    bench_line(bench, "status_64_in_flight", (double)load.count / bench_bus_run(bus, &load),
               "requests/s");
    cpu = bench_cpu_ns(daemon->pid) - cpu;
    bench_line(bench, "status_64_in_flight_cpu", (double)cpu / 1e3 / (double)load.count,
               "us/request");
}

static void memory(struct bench *bench)
{
    char dir[3072];
    struct bench_daemon daemon;
    bench_folder(bench, "memory", dir, sizeof dir);
    bench_daemon_start(&daemon, dir);
    struct bench_bus *bus = bench_bus_open(daemon.bus);
    bench_line(bench, "mem_empty", bench_memory_mib(daemon.pid), "MiB");
    submit(bus, bench->few, 50, far());
    bench_settle(bench);
    bench_line(bench, "mem_100k_waiting", bench_memory_mib(daemon.pid), "MiB");
    bench_bus_close(bus);
    bench_daemon_stop(&daemon);
}

void bench_bus_door(struct bench *bench, int phases)
{
    struct bench_daemon daemon;
    struct bench_bus *bus;
    bench->door = "bus";
    if (phases & BENCH_FAST)
        enqueue(bench);
    if (phases & BENCH_ALL) {
        drain(bench, &daemon, &bus);
        status(bench, &daemon, bus);
        bench_bus_close(bus);
        if (phases & BENCH_LATER) {
            bench_settle(bench);
            pickup(bench, &daemon);
            bench_delays(bench, &daemon, "delay_error");
        }
        bench_daemon_stop(&daemon);
    }
    if (phases & BENCH_MEMORY)
        memory(bench);
}
