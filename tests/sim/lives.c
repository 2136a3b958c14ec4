// The lives of a host: a process that starts, is cut off or asked to end, and starts again; and
// what happens to it meanwhile.
#include "sim.h"

enum { k_down_ms = 700 };

struct restart {
    struct sim_event event;
};

static void on_started(void *arg, int status)
{
    struct sim_host *host = arg;
    sim_say(host->sim, host, "started: %s", kj_error_name(status));
    if (status != KJ_OK && !host->doomed) { // as the daemon: it ends, and is started again
        host->doomed = true;
        host->down_ms = 3000;
    }
}

static void on_lost(void *arg)
{
    struct sim_host *host = arg;
    sim_say(host->sim, host, "its lease is lost");
    host->doomed = true;
    host->down_ms = 1000;
}

void sim_live(struct sim_host *host)
{
    struct sim *sim = host->sim;
    struct kj_fault fault;
    char name[8];
    snprintf(name, sizeof name, "h%d", host->index + 1);
    host->life++;
    host->born = sim->now;
    host->doomed = false;
    host->plugins = (struct kj_host){.host = host};
    host->script = (struct kj_script){.host = host};
    kj_clock_init_virtual(&host->clock, sim_wall(host));
    sim_link_init(host);
    struct kj_engine_config config = {.store = &host->front,
                                      .host = &host->plugins,
                                      .script = &host->script,
                                      .host_name = name,
                                      .seed = sim->plan->seed,
                                      .max_calls = sim->plan->lines,
                                      .dials_per_second = sim->plan->per_second,
                                      .lost = on_lost,
                                      .lost_arg = host};
    if (kj_loop_create(&host->clock, &host->loop, &fault) != KJ_OK)
        abort();
    config.loop = host->loop;
    if (kj_engine_create(&config, &host->engine, &fault) != KJ_OK)
        abort();
    sim_say(sim, host, "life %d begins", host->life);
    kj_engine_start(host->engine, on_started, host);
}

static void on_restart(struct sim *sim, struct sim_event *event)
{
    struct sim_host *host = event->host;
    (void)sim;
    free(event);
    if (host->engine == NULL && host->down_ms != INT64_MAX)
        sim_live(host);
}

void sim_end_life(struct sim_host *host)
{
    struct kj_engine *engine = host->engine;
    host->engine = NULL;
    host->doomed = true;
    host->frozen_until = 0;
    kj_engine_destroy(engine);
    sim_carrier_end(host);
    sim_rules_end(host);
    sim_link_end(host);
    kj_loop_destroy(host->loop);
    sim_say(host->sim, host, "life %d ends", host->life);
    if (host->down_ms == INT64_MAX)
        return;
    struct sim_event *event = KJ_NEW(struct sim_event);
    event->run = on_restart;
    sim_at(host->sim, host->sim->now + (host->down_ms ? host->down_ms : k_down_ms), host, event);
}

// --- faults ---

static void on_drained(void *arg)
{
    struct sim_host *host = arg;
    sim_say(host->sim, host, "drained");
    host->doomed = true;
}

static void fire_outage(struct sim_host *host, const struct sim_fault *fault)
{
    struct sim *sim = host->sim;
    if (fault->kind == SIM_OUTAGE) {
        sim->outage_from = sim->now;
        sim->outage_until = sim->now + fault->ms;
        sim->outage_how = fault->what % 3;
    } else {
        host->split_from = sim->now;
        host->split_until = sim->now + fault->ms;
        host->split_how = fault->what % 3;
    }
}

static void step_clock(struct sim_host *host, int64_t ms)
{
    host->skew += ms;
    if (host->engine == NULL)
        return;
    kj_clock_advance_to(&host->clock, host->sim->now - host->born);
    kj_clock_set(&host->clock, sim_wall(host));
}

static void wake(struct sim *sim, struct sim_event *event)
{
    (void)sim;
    free(event); // to run the host is all
}

void sim_fire(struct sim_host *host, const struct sim_fault *fault)
{
    struct sim *sim = host->sim;
    char text[128];
    sim_fault_text(fault, text, sizeof text);
    sim_say(sim, host, "FAULT %s", text);
    switch (fault->kind) {
    case SIM_OUTAGE:
    case SIM_SPLIT:
        fire_outage(host, fault);
        return;
    case SIM_DEAF:
        host->deaf_until = sim->now + fault->ms;
        return;
    case SIM_STEP:
        step_clock(host, fault->ms);
        return;
    case SIM_REFUSE:
        sim_refuse(sim, fault->what % sim->plan->leads);
        return;
    case SIM_STOP:
        sim_stop(sim, fault->ms);
        return;
    case SIM_CANCEL:
        sim_cancel(sim, fault->what % sim->plan->jobs);
        return;
    case SIM_CRASH:
    case SIM_CRASH_AFTER:
        host->doomed = true;
        host->down_ms = fault->ms;
        return;
    case SIM_FREEZE:
        host->frozen_until = sim->now + fault->ms;
        return;
    case SIM_DRAIN:
        if (host->engine && !host->doomed && host->frozen_until <= sim->now) {
            host->down_ms = fault->ms;
            kj_clock_advance_to(&host->clock, sim->now - host->born);
            kj_engine_drain(host->engine, 20000, on_drained, host);
        }
        break;
    case SIM_RELOAD:
        if (host->engine && !host->doomed && host->frozen_until <= sim->now)
            kj_engine_rules_loaded(host->engine);
        break;
    default:
        return;
    }
    struct sim_event *event = KJ_NEW(struct sim_event);
    event->run = wake;
    sim_at(sim, sim->now, host, event);
}

const struct sim_fault *sim_step(struct sim_host *host)
{
    struct sim *sim = host->sim;
    const struct sim_fault *found = NULL;
    host->steps++;
    sim->steps++;
    for (int i = 0; i < sim->plan->faults; i++) {
        const struct sim_fault *fault = &sim->plan->fault[i];
        if (fault->kind >= SIM_OUTAGE || fault->host != host->index || fault->at != host->steps ||
            sim_disturbed(sim) == false)
            continue;
        sim_fire(host, fault);
        if (fault->kind != SIM_REFUSE && fault->kind != SIM_CANCEL)
            found = fault;
    }
    return found;
}
