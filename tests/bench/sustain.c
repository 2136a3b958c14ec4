// Load that lasts: jobs come in over the bus as fast as they are run, minute after minute. A queue
// that slows down with what it has done, or a file that only grows, shows here.
#include "bench_bus.h"

#include <stdio.h>
#include <sys/stat.h>

enum { k_chunk = 1000, k_backlog = 5000 };

static double file_mib(const char *dir, const char *name)
{
    char path[4096];
    struct stat about;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return stat(path, &about) == 0 ? (double)about.st_size / 1048576 : 0;
}

static double run_a_minute(const struct bench *bench, const struct bench_daemon *daemon,
                           struct bench_bus *bus, int64_t *submitted)
{
    int64_t start = bench_wall_ns(), ms = bench->short_waits ? 300 : 60000;
    uint64_t before = daemon->starts->count;
    struct bench_load load = {
        .count = k_chunk, .in_flight = 50, .make = bench_make_submit, .good = bench_good_json};
    while (bench_wall_ns() - start < ms * 1000000) {
        bench_bus_run(bus, &load);
        *submitted += k_chunk;
        while (*submitted - (int64_t)daemon->starts->count > k_backlog)
            bench_sleep_ms(1);
    }
    return bench_rate((int64_t)(daemon->starts->count - before), start);
}

void bench_sustain(struct bench *bench, int minutes)
{
    char dir[3072], name[64];
    struct bench_daemon daemon;
    double first = 0, last = 0;
    int64_t submitted = 0;
    bench->door = "bus";
    bench_folder(bench, "sustain", dir, sizeof dir);
    bench_daemon_start(&daemon, dir);
    struct bench_bus *bus = bench_bus_open(daemon.bus);
    for (int minute = 1; minute <= minutes; minute++) {
        last = run_a_minute(bench, &daemon, bus, &submitted);
        first = minute == 1 ? last : first;
        snprintf(name, sizeof name, "sustain_minute_%d", minute);
        bench_line(bench, name, last, "jobs/s");
    }
    bench_daemon_idle(&daemon, bus, (uint64_t)submitted);
    bench_line(bench, "sustain_last_to_first", last / first, "x");
    bench_line(bench, "sustain_jobs", (double)submitted, "jobs");
    bench_line(bench, "sustain_database", file_mib(dir, "kejue.db"), "MiB");
    bench_line(bench, "sustain_log", file_mib(dir, "kejue.db-wal"), "MiB");
    bench_line(bench, "sustain_memory", bench_memory_mib(daemon.pid), "MiB");
    bench_bus_close(bus);
    bench_daemon_stop(&daemon);
}
