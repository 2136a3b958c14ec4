// What a seed stands for. Small worlds: a fault that takes a thousand jobs to show is a load
// test's; what breaks a protocol shows with few jobs, few hosts and the right fault at the right
// step.
#include "sim.h"

#include "model/zone.h"

const char *const sim_zones[] = {"Europe/Berlin", "America/New_York", "Asia/Kolkata"};

static const char *const k_faults[] = {"crash before step",
                                       "crash after step",
                                       "lose",
                                       "lose the reply of",
                                       "carry out late",
                                       "hang",
                                       "freeze at",
                                       "refuse at",
                                       "cancel at",
                                       "outage",
                                       "split",
                                       "beats fail",
                                       "clock step",
                                       "drain",
                                       "reload",
                                       "dialing off"};

static int64_t range(struct kj_rng *rng, int64_t low, int64_t high)
{
    return kj_rng_range(rng, low, high);
}

static bool one_in(struct kj_rng *rng, int n)
{
    return range(rng, 1, n) == 1;
}

static int64_t local_start(const struct sim_plan *plan, const struct sim_job *job)
{
    struct kj_civil civil;
    const struct kj_zone *zone = kj_zone_get(sim_zones[plan->lead[job->lead].zone]);
    kj_zone_local(zone, plan->start, &civil);
    return civil.hour * 60 + civil.minute;
}

// Most windows are open from the start; some open later, some close in the midst of it. None goes
// over midnight: a day's cap would then be a matter of seconds.
static void make_window(struct sim_plan *plan, struct sim_job *job, struct kj_rng *rng)
{
    int64_t local = local_start(plan, job);
    int64_t from = local + (one_in(rng, 3) ? range(rng, -2, 8) : -60);
    int64_t to = one_in(rng, 3) ? range(rng, local + 1, local + 12) : local + 180;
    job->from = (int)(from < 5 ? 5 : from > 1420 ? 1420 : from);
    job->to = (int)(to > 1435 ? 1435 : to <= job->from ? job->from + 1 : to);
}

static void make_jobs(struct sim_plan *plan, struct kj_rng *rng)
{
    for (int i = 0; i < SIM_LEADS; i++)
        plan->lead[i].zone = (int)range(rng, 0, 2);
    for (int i = 0; i < plan->jobs; i++) {
        struct sim_job *job = &plan->job[i];
        job->lead = (int)range(rng, 0, plan->leads - 1);
        job->campaign = (int)range(rng, 0, SIM_CAMPAIGNS);
        job->at = range(rng, 0, 20000);
        job->due = one_in(rng, 2) ? job->at : range(rng, 0, 90000);
        job->per_day = (int)range(rng, 1, 3);
        job->per_30_days = (int)range(rng, 2, 6);
        job->gap_minutes = (int)range(rng, 1, 2);
        job->attempts = (int)range(rng, 1, 3);
        make_window(plan, job, rng);
    }
}

static bool at_step(enum sim_fault_kind kind)
{
    return kind < SIM_OUTAGE;
}

static void make_fault(struct sim_plan *plan, struct sim_fault *fault, struct kj_rng *rng)
{
    static const int64_t k_long[] = {200, 4000, 9000, 25000, 45000, 100000};
    fault->kind = (enum sim_fault_kind)range(rng, 0, SIM_FAULT_KINDS - 1);
    fault->host = (int)range(rng, 0, plan->hosts - 1);
    fault->ms = k_long[range(rng, 0, KJ_COUNT(k_long) - 1)] + range(rng, 0, 3000);
    fault->what = (int)range(rng, 0, 59); // taken modulo what there is
    fault->at = at_step(fault->kind) ? range(rng, 3, 40 + 45 * plan->jobs / plan->hosts)
                                     : range(rng, 0, 150000);
    if (fault->kind == SIM_STEP)
        fault->ms = range(rng, -600000, 600000);
}

static void make_start(struct sim_plan *plan, struct kj_rng *rng)
{
    // Mondays 10:00 in Berlin in winter, and the two nights on which its clocks change.
    static const int64_t k_bases[] = {INT64_C(1772442000000), INT64_C(1774743600000),
                                      INT64_C(1792886400000)};
    int which = one_in(rng, 8) ? (int)range(rng, 1, 2) : 0;
    plan->start = k_bases[which] + range(rng, 0, 4 * 3600) * 1000;
}

void sim_plan_make(struct sim_plan *plan, uint64_t seed, int hosts)
{
    struct kj_rng rng;
    kj_rng_keyed(&rng, seed, "plan", 0);
    *plan = (struct sim_plan){.seed = seed};
    int64_t wide = range(&rng, 1, 20);
    plan->hosts = hosts ? hosts : wide <= 9 ? 1 : wide <= 16 ? 2 : 3;
    plan->leads = (int)range(&rng, 1, SIM_LEADS);
    plan->jobs = (int)range(&rng, 1, SIM_JOBS);
    plan->faults = one_in(&rng, 20) ? 0 : (int)range(&rng, 1, SIM_FAULTS);
    make_start(plan, &rng);
    plan->lines = (int)range(&rng, 1, 4);
    plan->per_second = (int)range(&rng, 1, 5);
    for (int i = 1; i <= SIM_CAMPAIGNS; i++)
        plan->campaign_lines[i] = (int)range(&rng, 1, 2);
    for (int i = 0; i < SIM_HOSTS; i++)
        plan->skew[i] = one_in(&rng, 4) ? range(&rng, -3000, 3000) : 0;
    plan->lookup = one_in(&rng, 4) ? (enum sim_lookup)range(&rng, 1, 3) : SIM_LOOKUP_LOG;
    plan->odd_reports = one_in(&rng, 2);
    plan->odd_replies = one_in(&rng, 2);
    plan->resend = one_in(&rng, 2);
    plan->anywhere = one_in(&rng, 2);
    plan->slow_link = one_in(&rng, 4);
    plan->embedded = plan->hosts == 1 && one_in(&rng, 2);
    make_jobs(plan, &rng);
    for (int i = 0; i < plan->faults; i++)
        make_fault(plan, &plan->fault[i], &rng);
}

// Nothing goes wrong here but people's minds: to each number a call leaves, and its refusal comes
// at some step on the way there, at any host.
void sim_plan_race(struct sim_plan *plan, uint64_t seed, int hosts)
{
    struct kj_rng rng;
    kj_rng_keyed(&rng, seed, "race", 0);
    *plan = (struct sim_plan){.seed = seed, .leads = SIM_RACES, .known = true};
    plan->hosts = hosts ? hosts : (int)range(&rng, 1, 2);
    plan->lines = plan->campaign_lines[1] = plan->campaign_lines[2] = SIM_RACES;
    plan->per_second = 1000; // they do not wait for each other
    plan->slow_link = one_in(&rng, 4);
    plan->embedded = plan->hosts == 1 && one_in(&rng, 2);
    make_start(plan, &rng);
    for (int i = 0; i < SIM_RACES; i++) {
        plan->lead[i].zone = i % 3;
        plan->job[plan->jobs++] = (struct sim_job){.lead = i,
                                                   .campaign = i % (SIM_CAMPAIGNS + 1),
                                                   .to = 1440,
                                                   .per_day = 1,
                                                   .per_30_days = 1,
                                                   .gap_minutes = 1,
                                                   .attempts = 1};
        plan->fault[plan->faults++] =
            (struct sim_fault){.kind = SIM_REFUSE,
                               .host = (int)range(&rng, 0, plan->hosts - 1),
                               .at = range(&rng, 3, 12 * SIM_RACES / plan->hosts),
                               .what = i};
    }
}

// --- for people ---

void sim_fault_text(const struct sim_fault *fault, char *text, size_t size)
{
    if (at_step(fault->kind))
        snprintf(text, size, "%s %" PRId64, k_faults[fault->kind], fault->at);
    else
        snprintf(text, size, "%s at %.3f s", k_faults[fault->kind], (double)fault->at / 1000);
    size_t used = strlen(text);
    snprintf(text + used, size - used, " of host %d (%" PRId64 " ms, %d)", fault->host + 1,
             fault->ms, fault->what);
}

void sim_plan_print(const struct sim_plan *plan)
{
    static const char *const k_lookups[] = {"from its log", "uncertain", "broken", "none"};
    char text[96];
    kj_time_print(plan->start, text, sizeof text);
    printf("seed %" PRIu64 ": %d host(s), %d line(s), %d dial(s)/s, from %s\n", plan->seed,
           plan->hosts, plan->lines, plan->per_second, text);
    printf("  %scarrier: look-up %s%s%s%s%s%s\n", plan->embedded ? "embedded store; " : "",
           k_lookups[plan->lookup], plan->odd_reports ? ", odd reports" : "",
           plan->odd_replies ? ", odd replies" : "", plan->resend ? ", reports come again" : "",
           plan->anywhere ? ", to any host" : "", plan->slow_link ? "; slow links" : "");
    for (int i = 0; i < plan->hosts; i++)
        if (plan->skew[i])
            printf("  host %d: clock off by %" PRId64 " ms\n", i + 1, plan->skew[i]);
    for (int i = 0; i < plan->jobs; i++) {
        const struct sim_job *job = &plan->job[i];
        printf("  job %d: lead %d (%s), campaign %d (%d lines), due %.1f s, window %02d:%02d-"
               "%02d:%02d, %d a day, %d in 30 days, %d attempt(s), gap %d min\n",
               i + 1, job->lead + 1, sim_zones[plan->lead[job->lead].zone], job->campaign,
               plan->campaign_lines[job->campaign], (double)job->due / 1000, job->from / 60,
               job->from % 60, job->to / 60, job->to % 60, job->per_day, job->per_30_days,
               job->attempts, job->gap_minutes);
    }
    for (int i = 0; i < plan->faults; i++) {
        sim_fault_text(&plan->fault[i], text, sizeof text);
        printf("  fault: %s\n", text);
    }
}
