// What it costs to judge a call in a locked process: the CPU time of both processes beside that of
// the same evaluation in process, the same pack and facts. short: the bare evaluation, one at a
// time, by the thread that wants it. asked and waiting: by a loop that has one thread for scripts,
// as kejued does it; asked one at a time, waiting 64 at a time, where several travel together. One
// at a time everything stays on one CPU: between two it would mostly be measured how long an idle
// CPU takes to wake up. Medians of interleaved rounds. Usage: locked_bench [ROUNDS [DIR]].
#include "rules_bench.h"

#include <dirent.h>
#include <sched.h>
#include <string.h>
#include <sys/types.h>

enum { WAITING = 64 };

// --- time ---

static double clock_seconds(clockid_t clock)
{
    struct timespec now;
    return clock_gettime(clock, &now) == 0 ? (double)now.tv_sec + (double)now.tv_nsec * 1e-9 : 0;
}

// Of the processes that the threads of this one have started.
static double children_seconds(void)
{
    double sum = 0;
    DIR *tasks = opendir("/proc/self/task");
    for (struct dirent *task; tasks && (task = readdir(tasks));) {
        char path[300];
        int pid;
        clockid_t clock;
        snprintf(path, sizeof path, "/proc/self/task/%s/children", task->d_name);
        FILE *file = fopen(path, "re");
        while (file && fscanf(file, "%d", &pid) == 1) {
            sum += clock_getcpuclockid(pid, &clock) == 0 ? clock_seconds(clock) : 0;
        }
        if (file) {
            fclose(file);
        }
    }
    if (tasks) {
        closedir(tasks);
    }
    return sum;
}

struct cost {
    double cpu_us, wall_us; // an evaluation
};

static struct cost now(void)
{
    return (struct cost){cpu_seconds() + children_seconds(), clock_seconds(CLOCK_MONOTONIC)};
}

static struct cost since(struct cost start)
{
    struct cost end = now();
    return (struct cost){(end.cpu_us - start.cpu_us) * 1e6 / EVALUATIONS,
                         (end.wall_us - start.wall_us) * 1e6 / EVALUATIONS};
}

// --- one at a time ---

static struct cost one_at_a_time(struct kj_script *script, const bson_t *facts)
{
    uint32_t size = 0;
    struct cost start = now();
    for (int i = 0; i < EVALUATIONS; i++) {
        kj_script_decide(script, "after-call", facts, on_decided, &size);
    }
    return since(start);
}

static double start_ms(const char *dir)
{
    double start = clock_seconds(CLOCK_MONOTONIC);
    kj_script_destroy(open_scripts(dir, NULL, true));
    return (clock_seconds(CLOCK_MONOTONIC) - start) * 1000;
}

// --- many that wait ---

struct many {
    struct kj_loop *loop;
    struct kj_script *script;
    const bson_t *facts;
    uint32_t size;
    int asked, told;
};

static void ask(struct many *many);

static void on_one(void *arg, int status, const bson_t *plan, const struct kj_fault *fault)
{
    struct many *many = arg;
    on_decided(&many->size, status, plan, fault);
    if (++many->told == EVALUATIONS) {
        kj_loop_stop(many->loop);
    } else if (many->asked < EVALUATIONS) {
        ask(many);
    }
}

static void ask(struct many *many)
{
    many->asked++;
    kj_script_decide(many->script, "after-call", many->facts, on_one, many);
}

static struct cost many_wait(struct kj_loop *loop, struct kj_script *script, const bson_t *facts,
                             int waiting)
{
    struct many many = {.loop = loop, .script = script, .facts = facts};
    struct cost start = now();
    for (int i = 0; i < waiting; i++) {
        ask(&many);
    }
    kj_loop_run(loop);
    return since(start);
}

// --- rounds ---

enum { SHORT, LOCKED, ASKED, LOCKED_ASKED, WAITS, LOCKED_WAITS, WAYS };

struct rounds {
    double cpu[WAYS][MAX_ROUNDS], rate[WAYS][MAX_ROUNDS];
    double ratio[WAYS][MAX_ROUNDS], starts[MAX_ROUNDS];
};

static void stay_on(const cpu_set_t *cpus)
{
    if (sched_setaffinity(0, sizeof *cpus, cpus) != 0) {
        die("one CPU", &(struct kj_fault){.text = ""});
    }
}

static void note(struct rounds *rounds, int round, int way, struct cost here, struct cost there)
{
    rounds->cpu[way][round] = here.cpu_us;
    rounds->rate[way][round] = 1e6 / here.wall_us;
    rounds->cpu[way + 1][round] = there.cpu_us;
    rounds->rate[way + 1][round] = 1e6 / there.wall_us;
    rounds->ratio[way][round] = there.cpu_us / here.cpu_us;
}

static void measure_short(struct rounds *rounds, int count, const char *dir, const bson_t *facts)
{
    struct kj_script *here = open_scripts(dir, NULL, false);
    struct kj_script *there = open_scripts(dir, NULL, true);
    for (int i = 0; i < count; i++) {
        struct cost cost = one_at_a_time(here, facts);
        note(rounds, i, SHORT, cost, one_at_a_time(there, facts));
        rounds->starts[i] = start_ms(dir);
    }
    kj_script_destroy(here);
    kj_script_destroy(there);
}

static void measure_asked(struct rounds *rounds, int way, int count, const char *dir,
                          const bson_t *facts)
{
    struct kj_clock clock;
    struct kj_loop *loop;
    kj_clock_init_system(&clock);
    if (kj_loop_create(&clock, &loop, NULL) != KJ_OK) {
        die("loop", &(struct kj_fault){.text = ""});
    }
    struct kj_script *here = open_scripts(dir, loop, false);
    struct kj_script *there = open_scripts(dir, loop, true);
    for (int i = 0; i < count; i++) {
        int waiting = way == ASKED ? 1 : WAITING;
        struct cost cost = many_wait(loop, here, facts, waiting);
        note(rounds, i, way, cost, many_wait(loop, there, facts, waiting));
    }
    kj_script_destroy(here);
    kj_script_destroy(there);
    kj_loop_destroy(loop);
}

int main(int argc, char **argv)
{
    static struct rounds rounds;
    int cell, count = argc > 1 ? atoi(argv[1]) : 7;
    const char *dir = argc > 2 ? argv[2] : "tests/bench/scripts";
    if (kj_script_cell(argc, argv, &cell)) {
        return cell;
    }
    count = count < 1 ? 1 : count > MAX_ROUNDS ? MAX_ROUNDS : count;
    bson_t *facts = read_facts(dir);
    cpu_set_t all, one;
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    sched_getaffinity(0, sizeof all, &all);
    stay_on(&one);
    measure_short(&rounds, count, dir, facts);
    measure_asked(&rounds, ASKED, count, dir, facts);
    stay_on(&all);
    measure_asked(&rounds, WAITS, count, dir, facts);
    tell("rules.short_cpu", rounds.cpu[SHORT], count, "us/evaluation");
    tell("rules.locked_cpu", rounds.cpu[LOCKED], count, "us/evaluation");
    tell("rules.locked_cpu_of_short", rounds.ratio[SHORT], count, "ratio");
    tell("rules.locked", rounds.rate[LOCKED], count, "evaluations/s");
    tell("rules.locked_start", rounds.starts, count, "ms");
    tell("rules.asked_cpu", rounds.cpu[ASKED], count, "us/evaluation");
    tell("rules.locked_asked_cpu", rounds.cpu[LOCKED_ASKED], count, "us/evaluation");
    tell("rules.locked_asked_cpu_of_asked", rounds.ratio[ASKED], count, "ratio");
    tell("rules.waiting_cpu", rounds.cpu[WAITS], count, "us/evaluation");
    tell("rules.locked_waiting_cpu", rounds.cpu[LOCKED_WAITS], count, "us/evaluation");
    tell("rules.locked_waiting_cpu_of_waiting", rounds.ratio[WAITS], count, "ratio");
    tell("rules.waiting", rounds.rate[WAITS], count, "evaluations/s");
    tell("rules.locked_waiting", rounds.rate[LOCKED_WAITS], count, "evaluations/s");
    bson_destroy(facts);
    return 0;
}
