// kejue-sim SEEDS [--from N] [--hosts N] [--jobs N] [--break NAME]: runs seeds, and says what is
// wrong with the first that fails, made small. kejue-sim --races N: as many seeds as make N races
// of a refusal against a permit. kejue-sim --trace SEED: tells one seed step by step. With --break
// the protocol is broken on purpose, and it is a failure when nobody notices.
#include "sim.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { k_most_workers = 32, k_replay_every = 50 };

const char *const sim_breaches[] = {"sound",  "no-permit",   "no-last-look",
                                    "redial", "no-versions", "no-lines"};

struct options {
    uint64_t from, count, trace, races;
    int hosts, workers;
    enum sim_breach breach;
};

struct share {       // of one worker, in memory that all see
    uint64_t seed;   // being run
    uint64_t failed; // the first that failed; 0 = none
    uint64_t runs, steps, rings, faults, refused, in_vain;
    int64_t virtual_ms;
};

static void make_plan(const struct options *options, uint64_t seed, struct sim_plan *plan)
{
    if (options->races)
        sim_plan_race(plan, seed, options->hosts);
    else
        sim_plan_make(plan, seed, options->hosts);
}

static void shrink_and_tell(uint64_t seed, const struct options *options)
{
    struct sim_plan plan;
    struct sim_result result;
    make_plan(options, seed, &plan);
    sim_run(&plan, options->breach, SIM_TELL_NOTHING, &result);
    printf("seed %" PRIu64 ": %s\n", seed, result.broken);
    sim_shrink(&plan, options->breach, result.broken);
    printf("made small:\n");
    sim_plan_print(&plan);
    sim_run(&plan, options->breach, SIM_TELL_STEPS, &result);
}

static void work(const struct options *options, int worker, struct share *share)
{
    for (uint64_t i = (uint64_t)worker; i < options->count; i += (uint64_t)options->workers) {
        struct sim_plan plan;
        struct sim_result result, again;
        share->seed = options->from + i;
        make_plan(options, share->seed, &plan);
        sim_run(&plan, options->breach, SIM_TELL_NOTHING, &result);
        share->runs++;
        share->faults += (uint64_t)plan.faults;
        share->steps += (uint64_t)result.steps;
        share->rings += (uint64_t)result.attempts;
        share->virtual_ms += result.virtual_ms;
        share->refused += (uint64_t)result.refused;
        share->in_vain += (uint64_t)result.in_vain;
        if (result.broken[0]) {
            share->failed = share->seed;
            return;
        }
        if (i % k_replay_every)
            continue;
        sim_run(&plan, options->breach, SIM_TELL_NOTHING, &again);
        if (again.hash != result.hash) {
            printf("seed %" PRIu64 " does not run the same way twice\n", share->seed);
            share->failed = share->seed;
            return;
        }
    }
}

// The first seed that failed or crashed; 0 = none.
static uint64_t run_workers(const struct options *options, struct share *shares)
{
    uint64_t failed = 0;
    pid_t children[k_most_workers];
    for (int i = 0; i < options->workers; i++) {
        fflush(stdout);
        children[i] = fork();
        if (children[i] == 0) {
            work(options, i, &shares[i]);
            fflush(stdout);
            _exit(0);
        }
    }
    for (int i = 0; i < options->workers; i++) {
        int status = 0;
        waitpid(children[i], &status, 0);
        uint64_t seed = shares[i].failed;
        if (!WIFEXITED(status) || WEXITSTATUS(status)) {
            seed = shares[i].seed;
            printf("seed %" PRIu64 " ended its process\n", seed);
        }
        if (seed && (failed == 0 || seed < failed))
            failed = seed;
    }
    return failed;
}

static int run_all(const struct options *options)
{
    struct rusage use;
    size_t size = sizeof(struct share) * (size_t)options->workers;
    struct share *shares =
                     mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0),
                 all = {0};
    if (shares == MAP_FAILED) {
        perror("kejue-sim");
        return 2;
    }
    uint64_t failed = run_workers(options, shares);
    for (int i = 0; i < options->workers; i++) {
        all.runs += shares[i].runs;
        all.steps += shares[i].steps;
        all.rings += shares[i].rings;
        all.faults += shares[i].faults;
        all.virtual_ms += shares[i].virtual_ms;
        all.refused += shares[i].refused;
        all.in_vain += shares[i].in_vain;
    }
    getrusage(RUSAGE_CHILDREN, &use);
    printf("%" PRIu64 " seeds from %" PRIu64 ": %" PRIu64 " steps, %" PRIu64 " calls, %" PRIu64
           " faults, %" PRId64 " virtual hours, %.1f s of CPU\n",
           all.runs, options->from, all.steps, all.rings, all.faults, all.virtual_ms / 3600000,
           (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
               (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6);
    if (options->races)
        printf("%" PRIu64 " races of a refusal against a permit: %" PRIu64
               " were refused in time, %" PRIu64 " had their permit before\n",
               all.refused, all.refused - all.in_vain, all.in_vain);
    munmap(shares, size);
    if (options->breach != SIM_SOUND) {
        printf("broken on purpose (%s): %s\n", sim_breaches[options->breach],
               failed ? "noticed" : "NOT NOTICED");
        return failed ? 0 : 1;
    }
    if (failed)
        shrink_and_tell(failed, options);
    return failed ? 1 : 0;
}

static int trace(const struct options *options)
{
    struct sim_plan plan;
    struct sim_result result;
    make_plan(options, options->trace, &plan);
    sim_plan_print(&plan);
    sim_run(&plan, options->breach, SIM_TELL_ALL, &result);
    printf("hash %016" PRIx64 "\n", result.hash);
    return result.broken[0] ? 1 : 0;
}

static bool read_number(const char *text, uint64_t *number)
{
    char *end;
    errno = 0;
    *number = text ? strtoull(text, &end, 10) : 0;
    return text && *text && !*end && !errno;
}

static bool read_breach(const char *text, struct options *options)
{
    for (int i = 0; text && i < SIM_BREACHES; i++)
        if (kj_streq(text, sim_breaches[i])) {
            options->breach = (enum sim_breach)i;
            return true;
        }
    return false;
}

static bool read_options(int argc, char **argv, struct options *options)
{
    for (int i = 1; i < argc; i++) {
        uint64_t number = 0;
        bool good = true, flag = argv[i][0] == '-';
        const char *value = flag && i + 1 < argc ? argv[++i] : NULL;
        const char *name = argv[flag && value ? i - 1 : i];
        if (!flag)
            good = read_number(name, &options->count);
        else if (kj_streq(name, "--break"))
            good = read_breach(value, options);
        else
            good = read_number(value, &number);
        if (kj_streq(name, "--from"))
            options->from = number;
        else if (kj_streq(name, "--hosts"))
            options->hosts = (int)number;
        else if (kj_streq(name, "--jobs"))
            options->workers = (int)number;
        else if (kj_streq(name, "--races"))
            options->races = number;
        else if (kj_streq(name, "--trace"))
            options->trace = number;
        else if (flag && !kj_streq(name, "--break"))
            good = false;
        if (!good)
            return false;
    }
    return options->hosts <= SIM_HOSTS && options->workers > 0 &&
           options->workers <= k_most_workers;
}

int main(int argc, char **argv)
{
    struct options options = {
        .from = 1, .count = 1000, .workers = (int)sysconf(_SC_NPROCESSORS_ONLN)};
    if (options.workers > k_most_workers)
        options.workers = k_most_workers;
    kj_log_set_level(KJ_LOG_ERROR + 1);
    if (!read_options(argc, argv, &options)) {
        fprintf(stderr, "usage: kejue-sim [SEEDS] [--from N] [--hosts 1..3] [--jobs N]\n"
                        "                 [--break NAME] [--trace SEED] [--races N]\n");
        return 2;
    }
    if (options.races)
        options.count = (options.races + SIM_RACES - 1) / SIM_RACES;
    return options.trace ? trace(&options) : run_all(&options);
}
