// A failing plan made small: what can be left out while the same thing stays wrong is left out.
#include "sim.h"

#include <ctype.h>

struct shrink {
    struct sim_plan *plan;
    enum sim_breach breach;
    char kind[256];
    int runs;
    bool smaller;
};

// What is wrong, without the names and numbers in it.
static void kind_of(const char *broken, char kind[256])
{
    size_t used = 0;
    for (const char *at = broken; *at && used < 255; at++)
        if (isalpha((unsigned char)*at) || *at == ' ')
            kind[used++] = *at;
    kind[used] = 0;
}

static bool try(struct shrink *shrink, const struct sim_plan *smaller)
{
    enum { k_most_runs = 600 };
    struct sim_result result;
    char kind[256];
    if (shrink->runs++ > k_most_runs)
        return false;
    sim_run(smaller, shrink->breach, SIM_TELL_NOTHING, &result);
    kind_of(result.broken, kind);
    if (!result.broken[0] || strcmp(kind, shrink->kind) != 0)
        return false;
    *shrink->plan = *smaller;
    shrink->smaller = true;
    return true;
}

static void fewer_faults(struct shrink *shrink)
{
    for (int i = shrink->plan->faults - 1; i >= 0; i--) {
        struct sim_plan smaller = *shrink->plan;
        memmove(smaller.fault + i, smaller.fault + i + 1,
                (size_t)(--smaller.faults - i) * sizeof *smaller.fault);
        try(shrink, &smaller);
    }
}

static void fewer_jobs(struct shrink *shrink)
{
    for (int i = shrink->plan->jobs - 1; i >= 0 && shrink->plan->jobs > 1; i--) {
        struct sim_plan smaller = *shrink->plan;
        memmove(smaller.job + i, smaller.job + i + 1,
                (size_t)(--smaller.jobs - i) * sizeof *smaller.job);
        try(shrink, &smaller);
    }
}

static void fewer_hosts(struct shrink *shrink)
{
    struct sim_plan smaller = *shrink->plan;
    if (--smaller.hosts == 0)
        return;
    for (int i = 0; i < smaller.faults; i++)
        smaller.fault[i].host %= smaller.hosts;
    try(shrink, &smaller);
}

static void plainer(struct shrink *shrink)
{
    bool *flags[] = {&shrink->plan->odd_reports, &shrink->plan->odd_replies, &shrink->plan->resend,
                     &shrink->plan->anywhere, &shrink->plan->slow_link};
    for (size_t i = 0; i < KJ_COUNT(flags); i++) {
        if (!*flags[i])
            continue;
        struct sim_plan smaller = *shrink->plan;
        *(bool *)((char *)&smaller + ((char *)flags[i] - (char *)shrink->plan)) = false;
        try(shrink, &smaller);
    }
    for (int i = 0; i < SIM_HOSTS; i++) {
        struct sim_plan smaller = *shrink->plan;
        smaller.skew[i] = 0;
        if (shrink->plan->skew[i])
            try(shrink, &smaller);
    }
}

static void simpler_jobs(struct shrink *shrink)
{
    for (int i = 0; i < shrink->plan->jobs; i++) {
        struct sim_plan smaller = *shrink->plan;
        smaller.job[i].at = smaller.job[i].due = 0;
        if (shrink->plan->job[i].due)
            try(shrink, &smaller);
        smaller = *shrink->plan;
        smaller.job[i].attempts = 1;
        if (shrink->plan->job[i].attempts > 1)
            try(shrink, &smaller);
        smaller = *shrink->plan;
        smaller.job[i].campaign = 0;
        if (shrink->plan->job[i].campaign)
            try(shrink, &smaller);
    }
}

void sim_shrink(struct sim_plan *plan, enum sim_breach breach, const char *broken)
{
    struct shrink shrink = {.plan = plan, .breach = breach};
    kind_of(broken, shrink.kind);
    do {
        shrink.smaller = false;
        fewer_faults(&shrink);
        fewer_jobs(&shrink);
        fewer_hosts(&shrink);
        plainer(&shrink);
        simpler_jobs(&shrink);
    } while (shrink.smaller && shrink.runs < 600);
}
