// kejue-bench: the steps of the peers' harness through each of Kejue's doors, with a flush before
// every acknowledgement, and the limits of the machine in the same run. tests/bench/run runs it
// beside the peers and makes the tables of README.md.
#include "bench.h"
#include "serve.h"

#include <errno.h>
#include <ftw.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char k_help[] =
    "Usage: kejue-bench [options] DIR DOOR...\n"
    "\n"
    "Measures Kejue in a scratch folder below DIR, on the disk to measure, and prints lines of\n"
    "name, value and unit, parted by tabs.\n"
    "\n"
    "  DOOR            inproc, bus, http; limits: the machine alone; big: a million jobs waiting;\n"
    "                  hostile: how others fare while somebody's rules loop\n"
    "  --phase PHASE   of inproc and bus: fast (enqueue, drain), all (fast, pickup, delays;\n"
    "                  default), mem (with 100,000 jobs waiting)\n"
    "  --sustain M     then jobs over the bus for M minutes\n"
    "  --jobs N        jobs of the bulk step (default 20000, or N of the environment)\n"
    "  --quick         a few hundred jobs and no settling: that every step works, no figures\n"
    "  --help\n"
    "\n"
    "Exit codes: 0 done, 1 a step failed, 2 wrong options.\n";

enum { OPT_PHASE = 256, OPT_SUSTAIN, OPT_SERVE, OPT_JOBS, OPT_QUICK, OPT_HELP };

static const struct option k_options[] = {{"phase", required_argument, NULL, OPT_PHASE},
                                          {"sustain", required_argument, NULL, OPT_SUSTAIN},
                                          {"serve", required_argument, NULL, OPT_SERVE},
                                          {"jobs", required_argument, NULL, OPT_JOBS},
                                          {"quick", no_argument, NULL, OPT_QUICK},
                                          {"help", no_argument, NULL, OPT_HELP},
                                          {0}};

static int wrong(const char *what)
{
    fprintf(stderr, "kejue-bench: %s; see kejue-bench --help\n", what);
    return 2;
}

static int phase_from_name(const char *name)
{
    static const struct {
        const char *name;
        int phases;
    } k_phases[] = {{"fast", BENCH_FAST}, {"all", BENCH_ALL}, {"mem", BENCH_MEMORY}};
    for (size_t i = 0; i < sizeof k_phases / sizeof *k_phases; i++)
        if (strcmp(name, k_phases[i].name) == 0)
            return k_phases[i].phases;
    return 0;
}

static void make_quick(struct bench *bench)
{
    bench->jobs = 1000;
    bench->pickups = 20;
    bench->delayed = 50;
    bench->few = 500;
    bench->many = 2000;
    bench->short_waits = true;
}

// Everything is made in one folder of this process; when a step fails it stays, with the logs.
static void make_scratch(struct bench *bench, const char *below)
{
    char path[1024];
    if (realpath(below, path) == NULL)
        bench_die("%s: %s; give a folder on the disk to measure", below, strerror(errno));
    snprintf(bench->dir, sizeof bench->dir, "%s/kejue-bench-XXXXXX", path);
    if (mkdtemp(bench->dir) == NULL)
        bench_die("%s cannot be made: %s", bench->dir, strerror(errno));
    snprintf(path, sizeof path, "%.1000s/starts", bench->dir);
    setenv(BENCH_STARTS_FILE, path, 1);
}

static int remove_one(const char *path, const struct stat *about, int kind, struct FTW *walk)
{
    (void)about;
    (void)kind;
    (void)walk;
    return remove(path);
}

static int run_door(struct bench *bench, const char *door, int phases)
{
    if (strcmp(door, "inproc") == 0)
        bench_inproc(bench, phases);
    else if (strcmp(door, "bus") == 0)
        bench_bus_door(bench, phases);
    else if (strcmp(door, "http") == 0)
        bench_http_door(bench);
    else if (strcmp(door, "limits") == 0)
        bench_limits(bench);
    else if (strcmp(door, "big") == 0)
        bench_big(bench);
    else if (strcmp(door, "hostile") == 0)
        bench_hostile(bench);
    else
        return wrong("an unknown door");
    return 0;
}

struct options {
    int phases, minutes;
    const char *serve;
};

// 0, or the code to end with.
static int read_option(int option, struct bench *bench, struct options *options)
{
    switch (option) {
    case OPT_PHASE:
        options->phases = phase_from_name(optarg);
        return options->phases ? 0 : wrong("an unknown phase");
    case OPT_SUSTAIN:
        options->minutes = atoi(optarg);
        return options->minutes > 0 ? 0 : wrong("--sustain takes minutes");
    case OPT_SERVE:
        options->serve = optarg;
        return 0;
    case OPT_JOBS:
        bench->jobs = atoll(optarg);
        return 0;
    case OPT_QUICK:
        make_quick(bench);
        return 0;
    case OPT_HELP:
        exit(fputs(k_help, stdout) < 0);
    default:
        return 2;
    }
}

int main(int argc, char **argv)
{
    struct bench bench = {
        .jobs = 20000, .pickups = 300, .delayed = 1000, .few = 100000, .many = 1000000};
    struct options options = {.phases = BENCH_ALL};
    int code = 0;
    if (getenv("N"))
        bench.jobs = atoll(getenv("N"));
    for (int option; (option = getopt_long(argc, argv, "", k_options, NULL)) != -1 && code == 0;)
        code = read_option(option, &bench, &options);
    if (code)
        return code;
    if (options.serve && optind < argc)
        return bench_serve(options.serve, argv[optind]);
    if (bench.jobs < 1000 || argc - optind < (options.minutes ? 1 : 2))
        return wrong("give a folder, doors and at least 1,000 jobs");
    make_scratch(&bench, argv[optind]);
    for (int i = optind + 1; i < argc && code == 0; i++)
        code = run_door(&bench, argv[i], options.phases);
    if (code == 0 && options.minutes)
        bench_sustain(&bench, options.minutes);
    nftw(bench.dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return code;
}
