// With a million jobs waiting: what a claim costs, how soon a restarted daemon works, what it holds
// in memory and burns while idle, and whether delayed jobs are still on time.
#include "bench_bus.h"

#include <stdio.h>

enum { k_few_waiting = 1000, k_idle_ms = 10000, k_day_ms = 86400000 };

static void idle(struct bench *bench, struct bench_daemon *daemon)
{
    int64_t ms = bench->short_waits ? 200 : k_idle_ms;
    int64_t cpu = bench_cpu_ns(daemon->pid);
    bench_sleep_ms(ms);
    cpu = bench_cpu_ns(daemon->pid) - cpu;
    bench_line(bench, "big_idle_cpu", (double)cpu / 1e4 / (double)ms, "%");
}

static void claims(struct bench *bench)
{
    double few, many;
    bench_claims(bench, k_few_waiting, &few, &many);
    bench_line(bench, "claim_100_of_1k_waiting", few, "us");
    bench_line(bench, "claim_100_of_1m_waiting", many, "us");
    bench_line(bench, "claim_1m_to_1k", many / few, "x");
}

void bench_big(struct bench *bench)
{
    char dir[3072];
    struct bench_daemon daemon;
    bench->door = "inproc";
    claims(bench);
    bench->door = "bus";
    bench_folder(bench, "big", dir, sizeof dir);
    bench_fill(dir, bench->many, bench_wall_ns() / 1000000 + k_day_ms);
    bench_fill(dir, 1, 0); // due as soon as somebody is there
    bench_daemon_start(&daemon, dir);
    struct bench_bus *bus = bench_bus_open(daemon.bus);
    bench_daemon_idle(&daemon, bus, 1);
    bench_line(bench, "restart_to_first_line",
               (double)(daemon.starts->wall_ns[0] - daemon.launched) / 1e9, "s");
    bench_settle(bench);
    bench_line(bench, "mem_1m_waiting", bench_memory_mib(daemon.pid), "MiB");
    idle(bench, &daemon);
    bench_delays(bench, &daemon, "big_delay_error");
    bench_bus_close(bus);
    bench_daemon_stop(&daemon);
}
