// Calls under way: reports each state of a plan when its time comes, with the faults of a real
// carrier's callbacks (lost, doubled, late, out of order), and writes the truth at the end.
#include "sim.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_STEPS = 2 * SIM_STATE_COUNT + 1, MAX_TRIES = 8 };

// The last step of every call: its line is free, its truth is known.
enum { STEP_RELEASE = SIM_STATE_COUNT };

struct step {
    int64_t at; // wall ms
    int what;   // a state, or STEP_RELEASE
};

// An event on its way; tried again when the host could not take it.
struct emission {
    struct kj_sim_live *live;
    enum kj_sim_state state;
    int tries;
    uint64_t timer; // of the next try, 0 = being asked
    struct emission *next;
};

struct kj_sim_live {
    struct kj_sim *sim;
    struct kj_sim_ring *ring;
    struct kejue_builder *request; // holds the request that the plan points into
    struct kj_sim_plan plan;
    struct step steps[MAX_STEPS];
    int count, done;
    uint64_t timer;
    struct emission *emissions;
    struct kj_sim_live *next, **link; // `link` points at us; NULL = not in the list
};

bool kj_sim_strikes(const struct kj_sim *sim, enum kj_sim_fault fault, const char *to,
                    int64_t attempt, uint64_t number)
{
    if (kj_sim_forced_fault(&sim->rules, to) == fault)
        return true;
    if (sim->faults[fault] <= 0)
        return false;
    struct kj_sim_dice dice = {&sim->rules, to, number};
    return kj_sim_chance(&dice, kj_sim_fault_names[fault], (int)attempt, sim->faults[fault]);
}

static void live_free(struct kj_sim_live *live)
{
    const struct kejue_host *host = live->sim->rules.host;
    if (live->timer)
        host->timer_stop(live->sim->rules.ctx, live->timer);
    while (live->emissions) {
        struct emission *emission = live->emissions;
        live->emissions = emission->next;
        if (emission->timer)
            host->timer_stop(live->sim->rules.ctx, emission->timer);
        free(emission);
    }
    if (live->link) {
        *live->link = live->next;
        if (live->next)
            live->next->link = live->link;
    }
    kj_sim_plan_fini(&live->plan);
    host->drop(live->request);
    free(live);
}

static void emission_drop(struct emission *emission)
{
    struct kj_sim_live *live = emission->live;
    for (struct emission **at = &live->emissions; *at; at = &(*at)->next)
        if (*at == emission) {
            *at = emission->next;
            break;
        }
    free(emission);
    if (!live->emissions && live->done == live->count)
        live_free(live);
}

static void ask_again(void *arg);

static void emitted(void *arg, const struct kejue_outcome *outcome, struct kejue_doc answer)
{
    (void)answer;
    struct emission *emission = arg;
    const struct kj_sim_rules *rules = &emission->live->sim->rules;
    bool again = outcome->class_ == KEJUE_NOT_PROCESSED || outcome->class_ == KEJUE_UNKNOWN;
    if (again && ++emission->tries < MAX_TRIES) {
        int64_t wait = INT64_C(1000) << emission->tries;
        emission->timer = rules->host->timer(rules->ctx, wait, ask_again, emission);
        if (emission->timer)
            return;
    }
    if (outcome->class_ != KEJUE_OK)
        rules->host->log(rules->ctx, KEJUE_WARN, "a progress event was not taken; gave it up");
    emission_drop(emission);
}

static void ask(struct emission *emission)
{
    struct kj_sim_live *live = emission->live;
    const struct kj_sim_rules *rules = &live->sim->rules;
    struct kejue_builder *b = kj_sim_progress(rules, &live->plan, live->ring, emission->state);
    // No operation: `place` has ended long ago.
    rules->host->ask(rules->ctx, 0, "host.emit", rules->host->built(b), emitted, emission);
    rules->host->drop(b);
}

static void ask_again(void *arg)
{
    struct emission *emission = arg;
    emission->timer = 0;
    ask(emission);
}

static void emit(struct kj_sim_live *live, enum kj_sim_state state)
{
    struct emission *emission = kj_sim_alloc(sizeof *emission);
    emission->live = live;
    emission->state = state;
    emission->next = live->emissions;
    live->emissions = emission;
    ask(emission);
}

static void add_step(struct kj_sim_live *live, int64_t at, int what)
{
    int i = live->count++;
    for (; i > live->done && live->steps[i - 1].at > at; i--)
        live->steps[i] = live->steps[i - 1];
    live->steps[i] = (struct step){at, what};
}

// When a state is reported, with the carrier's faults.
static void add_state(struct kj_sim_live *live, enum kj_sim_state state, int64_t next_at)
{
    const struct kj_sim *sim = live->sim;
    const struct kj_sim_plan *plan = &live->plan;
    int64_t at = plan->at_ms + kj_sim_state_at(plan, state);
    uint64_t number = (uint64_t)kj_sim_sequence(plan, state);
    struct kj_sim_dice dice = {&sim->rules, plan->to, number};
    if (kj_sim_strikes(sim, SIM_LOST_EVENT, plan->to, plan->attempt, number) ||
        (state == SIM_ENDED &&
         kj_sim_strikes(sim, SIM_NO_END_EVENT, plan->to, plan->attempt, number)))
        return;
    if (next_at >= 0 && kj_sim_strikes(sim, SIM_REORDERED_EVENT, plan->to, plan->attempt, number))
        at = next_at + 1;
    if (kj_sim_strikes(sim, SIM_LATE_EVENT, plan->to, plan->attempt, number))
        at += kj_sim_range(&dice, "late_by", plan->attempt, 5000, 60000);
    add_step(live, at, state);
    if (kj_sim_strikes(sim, SIM_DOUBLED_EVENT, plan->to, plan->attempt, number))
        add_step(live, at + kj_sim_range(&dice, "doubled_by", plan->attempt, 200, 3000), state);
}

static void add_steps(struct kj_sim_live *live)
{
    const struct kj_sim_plan *plan = &live->plan;
    int64_t next_at = -1;
    for (int s = SIM_STATE_COUNT - 1; s >= 0; s--) {
        int64_t at = kj_sim_state_at(plan, (enum kj_sim_state)s);
        if (at < 0 || (live->sim->ends_only && s != SIM_ENDED))
            continue;
        add_state(live, (enum kj_sim_state)s, next_at);
        next_at = plan->at_ms + at;
    }
    add_step(live, plan->at_ms + plan->ended_at, STEP_RELEASE);
}

static void fire(void *arg);

static void arm(struct kj_sim_live *live)
{
    const struct kj_sim_rules *rules = &live->sim->rules;
    int64_t wait = live->steps[live->done].at - rules->host->now(rules->ctx);
    live->timer = rules->host->timer(rules->ctx, wait > 0 ? wait : 0, fire, live);
}

static void fire(void *arg)
{
    struct kj_sim_live *live = arg;
    struct kj_sim *sim = live->sim;
    int64_t now = sim->rules.host->now(sim->rules.ctx);
    live->timer = 0;
    while (live->done < live->count && live->steps[live->done].at <= now) {
        int what = live->steps[live->done++].what;
        if (what == STEP_RELEASE) {
            sim->lines--;
            kj_sim_truth_write(&sim->log, live->ring, &live->plan);
        } else {
            emit(live, (enum kj_sim_state)what);
        }
    }
    if (live->done < live->count)
        arm(live);
    else if (!live->emissions)
        live_free(live);
}

// The call of a ring as planned; NULL when the log cannot be read.
static struct kj_sim_live *live_create(struct kj_sim *sim, struct kj_sim_ring *ring)
{
    struct kj_sim_live *live = kj_sim_alloc(sizeof *live);
    struct kejue_doc request;
    live->sim = sim;
    live->ring = ring;
    live->request = kj_sim_ring_request(&sim->log, ring, &request);
    if (!live->request) {
        free(live);
        return NULL;
    }
    kj_sim_plan(&sim->rules, request, ring->at_ms, ring->cut_ms, &live->plan);
    return live;
}

void kj_sim_follow(struct kj_sim *sim, struct kj_sim_ring *ring)
{
    struct kj_sim_live *live = live_create(sim, ring);
    if (!live) {
        sim->rules.host->log(sim->rules.ctx, KEJUE_ERROR,
                             "the ring log cannot be read back; a call will have no events");
        sim->lines--;
        return;
    }
    live->next = sim->live;
    live->link = &sim->live;
    if (live->next)
        live->next->link = &live->next;
    sim->live = live;
    add_steps(live);
    int64_t now = sim->rules.host->now(sim->rules.ctx);
    while (live->steps[live->done].at < now && live->steps[live->done].what != STEP_RELEASE)
        live->done++; // reported before a restart, or lost with it
    arm(live);
}

void kj_sim_resume(struct kj_sim *sim)
{
    const int64_t longest_ms = 2 * 3600 * 1000; // no call lasts longer
    int64_t now = sim->rules.host->now(sim->rules.ctx);
    for (struct kj_sim_ring *ring = sim->log.first; ring; ring = ring->next) {
        bool told = sim->log.truth_fd < 0 || ring->truths >= ring->rings;
        if (!ring->rings || (told && ring->at_ms < now - longest_ms))
            continue;
        struct kj_sim_live *live = live_create(sim, ring);
        if (!live)
            continue;
        bool under_way = live->plan.at_ms + live->plan.ended_at > now;
        if (!under_way && !told)
            kj_sim_truth_write(&sim->log, ring, &live->plan);
        live_free(live);
        if (under_way) {
            sim->lines++;
            kj_sim_follow(sim, ring);
        }
    }
}

static struct kj_sim_live *live_find(const struct kj_sim *sim, const struct kj_sim_ring *ring)
{
    for (struct kj_sim_live *live = sim->live; live; live = live->next)
        if (live->ring == ring)
            return live;
    return NULL;
}

bool kj_sim_hang_up(struct kj_sim *sim, struct kj_sim_ring *ring)
{
    int64_t now = sim->rules.host->now(sim->rules.ctx);
    struct kj_sim_live *live = live_find(sim, ring);
    if (!live || live->plan.at_ms + live->plan.ended_at <= now ||
        kj_sim_ring_cut(&sim->log, ring, now - ring->at_ms) != 0)
        return false;
    struct kejue_doc request = live->plan.request;
    kj_sim_plan_fini(&live->plan);
    kj_sim_plan(&sim->rules, request, ring->at_ms, ring->cut_ms, &live->plan);
    if (live->timer)
        sim->rules.host->timer_stop(sim->rules.ctx, live->timer);
    live->count = live->done; // what was still to come will not
    add_state(live, SIM_ENDED, -1);
    add_step(live, now, STEP_RELEASE);
    arm(live);
    return true;
}

void kj_sim_live_close(struct kj_sim *sim)
{
    while (sim->live)
        live_free(sim->live);
}
