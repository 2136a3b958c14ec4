// How others fare while somebody's rules mean harm: a status request over the bus every
// millisecond, and a job of another's function now and then, in short phases that take turns. Each
// begins with a call to be judged, by good rules (quiet) or by such. On kejued's threads and in
// locked processes. A phase's p99 is one figure, the ratio is that of the medians of the phases:
// what else happens on the machine happens to both.
#include "bench_bus.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { k_rounds = 30, k_phase_ms = 450, k_most = 600, k_jobs = 24, k_job_every = 20 };

// Instructions, a slow instruction, a long C call, the collector, late ends: one of each sort, as
// the tests of hostile scripts have them.
static const char *const k_bodies[] = {
    "repeat pcall(function() while true do end end) until false",
    "local a, b = ('\\0'):rep(1000000), ('\\0'):rep(1000000)\nwhile true do local x = a < b end",
    "local p = '[' .. ('a'):rep(1000000) .. 'b]*c'\nreturn (('b'):rep(100000)):find(p)",
    "local t = {}\nlocal function fill(n) for i = 1, n do t = { t } end end\n"
    "pcall(fill, 570000)\nwhile true do local x = { 1, 2, 3 } end",
    "local m = {}\nlocal t = setmetatable({}, m)\nlocal function f()\nlocal a <close> = t\n"
    "local b <close> = t\nwhile true do end\nend\nm.__close = f\nf()",
};
enum { k_sorts = sizeof k_bodies / sizeof *k_bodies };

struct side { // quiet, or not
    double p50[k_rounds], p99[k_rounds];
    double pickups[k_rounds * k_jobs];
    size_t rounds, jobs;
};

struct world {
    struct bench *bench;
    struct bench_daemon daemon;
    struct bench_bus *bus;
    int rounds, phase_ms, number;
    struct side quiet, hostile;
};

// --- the packs: one for each round, since the third limit switches a pack off ---

static void write_pack(const char *dir, const char *name, const char *body)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/scripts/rules/%s.lua", dir, name);
    FILE *file = fopen(path, "w");
    if (file == NULL)
        bench_die("%s cannot be written", path);
    fprintf(file,
            "return kejue.rules { name = \"%s\", success = { { \"good\", function(c)\n%s\n"
            "end }, { \"poor\" } } }\n",
            name, body);
    fclose(file);
}

static void write_packs(const char *dir, int count)
{
    write_pack(dir, "good", "return true");
    for (int i = 0; i < count; i++) {
        char name[24];
        snprintf(name, sizeof name, "hostile%d", i);
        write_pack(dir, name, k_bodies[i % k_sorts]);
    }
}

static void ask(struct world *world, const char *command, const bson_t *args)
{
    struct kj_fault fault;
    bson_t *result = bench_bus_ask(world->bus, command, args, &fault);
    if (result == NULL)
        bench_die_fault(command, &fault);
    bson_destroy(result);
}

static void make_group(struct world *world, const char *name)
{
    bson_t args = BSON_INITIALIZER;
    kj_doc_put_text(&args, "key", name);
    kj_doc_put_text(&args, "pack", name);
    ask(world, "group.create", &args);
    bson_destroy(&args);
}

static void make_groups(struct world *world)
{
    make_group(world, "good");
    for (int i = 0; i < world->rounds; i++) {
        char name[24];
        snprintf(name, sizeof name, "hostile%d", i);
        make_group(world, name);
    }
}

// A call that is over: what is left to do is to judge it.
static void bring_call(struct world *world, const char *group)
{
    char text[24];
    bson_t args = BSON_INITIALIZER, call = BSON_INITIALIZER, lead = BSON_INITIALIZER;
    bson_t calls = BSON_INITIALIZER, turns = BSON_INITIALIZER, turn = BSON_INITIALIZER;
    struct kj_doc_list list = {.array = &calls}, said = {.array = &turns};
    kj_doc_put_text(&args, "group", group);
    snprintf(text, sizeof text, "k-%d", world->number);
    kj_doc_put_text(&call, "external_id", text);
    snprintf(text, sizeof text, "+4930555%06d", world->number++);
    kj_doc_put_text(&lead, "phone_number", text);
    kj_doc_put_doc(&call, "lead", &lead);
    kj_doc_put_text(&call, "started_at", "2026-03-02T09:00:00Z");
    kj_doc_put_text(&call, "ended_at", "2026-03-02T09:01:00Z");
    kj_doc_put_text(&call, "disposition", "completed");
    kj_doc_put_text(&call, "language", "en");
    kj_doc_put_text(&turn, "speaker", "lead");
    kj_doc_put_text(&turn, "text", "Yes, who is there?");
    kj_doc_put_int(&turn, "start_ms", 0);
    kj_doc_put_int(&turn, "end_ms", 900);
    kj_doc_put_doc(&turns, kj_doc_next(&said), &turn);
    kj_doc_put_array(&call, "transcript", &turns);
    kj_doc_put_doc(&calls, kj_doc_next(&list), &call);
    kj_doc_put_array(&args, "calls", &calls);
    ask(world, "call.import", &args);
    bson_destroy(&args);
    bson_destroy(&call);
    bson_destroy(&lead);
    bson_destroy(&calls);
    bson_destroy(&turns);
    bson_destroy(&turn);
}

// --- a phase ---

static void bring_job(struct world *world)
{
    bson_t *request = bench_request(1, 0);
    ask(world, "job.submit", request);
    bson_destroy(request);
}

static void run_phase(struct world *world, struct side *side)
{
    bson_t nothing = BSON_INITIALIZER;
    double samples[k_most];
    int64_t brought[k_jobs], end = bench_wall_ns() + world->phase_ms * INT64_C(1000000);
    uint64_t before = world->daemon.starts->count;
    size_t count = 0, jobs = 0;
    for (int64_t start; count < k_most && (start = bench_wall_ns()) < end;) {
        if (count % k_job_every == 0 && jobs < k_jobs) {
            brought[jobs++] = start;
            bring_job(world);
            start = bench_wall_ns();
        }
        ask(world, "status", &nothing);
        samples[count++] = (double)(bench_wall_ns() - start) / 1e6;
        bench_sleep_ms(1);
    }
    bench_daemon_idle(&world->daemon, world->bus, before + jobs); // the call's too
    for (size_t i = 0; i < jobs; i++) {
        int64_t begun = world->daemon.starts->wall_ns[(before + i) % BENCH_STARTS];
        side->pickups[side->jobs++] = (double)(begun - brought[i]) / 1e6;
    }
    side->p50[side->rounds] = bench_percentile(samples, count, 50);
    side->p99[side->rounds++] = bench_percentile(samples, count, 99);
    bench_sleep_ms(20);
}

// --- the report ---

static void tell(struct world *world, const char *home, const char *what, double value,
                 const char *unit)
{
    char step[64];
    snprintf(step, sizeof step, "%s_%s", home, what);
    bench_line(world->bench, step, value, unit);
}

static double median(double *values, size_t count)
{
    return bench_percentile(values, count, 50);
}

static void report(struct world *world, const char *home)
{
    struct side *quiet = &world->quiet, *hostile = &world->hostile;
    double without = median(quiet->p99, quiet->rounds);
    double with = median(hostile->p99, hostile->rounds);
    tell(world, home, "status_p50_quiet", median(quiet->p50, quiet->rounds), "ms");
    tell(world, home, "status_p50_hostile", median(hostile->p50, hostile->rounds), "ms");
    tell(world, home, "status_p99_quiet", without, "ms");
    tell(world, home, "status_p99_hostile", with, "ms");
    tell(world, home, "status_p99_ratio", with / without, "x");
    tell(world, home, "pickup_p50_quiet", median(quiet->pickups, quiet->jobs), "ms");
    tell(world, home, "pickup_p50_hostile", median(hostile->pickups, hostile->jobs), "ms");
    tell(world, home, "pickup_p99_quiet", bench_percentile(quiet->pickups, quiet->jobs, 99), "ms");
    tell(world, home, "pickup_p99_hostile", bench_percentile(hostile->pickups, hostile->jobs, 99),
         "ms");
}

static void run(struct bench *bench, const char *home, const char *more)
{
    static struct world world;
    char dir[3072];
    memset(&world, 0, sizeof world);
    world.bench = bench;
    world.rounds = bench->short_waits ? k_sorts : k_rounds;
    world.phase_ms = bench->short_waits ? 50 : k_phase_ms;
    bench_folder(bench, "hostile", dir, sizeof dir);
    write_packs(dir, world.rounds);
    bench_daemon_start_with(&world.daemon, dir, more);
    world.bus = bench_bus_open(world.daemon.bus);
    make_groups(&world);
    for (int round = 0; round < world.rounds; round++) {
        char name[24];
        bring_call(&world, "good");
        run_phase(&world, &world.quiet);
        snprintf(name, sizeof name, "hostile%d", round);
        bring_call(&world, name);
        run_phase(&world, &world.hostile);
    }
    report(&world, home);
    bench_bus_close(world.bus);
    bench_daemon_stop(&world.daemon);
}

void bench_hostile(struct bench *bench)
{
    bench->door = "hostile";
    run(bench, "inline", "");
    run(bench, "locked", "rules = { isolation = \"process\"; };\n");
}
