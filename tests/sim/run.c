// The clockwork: what happens next, on which host. Each host has a loop and a virtual clock of its
// own; one heap of events and the hosts' own timers are merged, the earliest first. A host that
// stands still hears everything late: its clock has moved on, its timers and its post come then.
#include "sim.h"

#include "doc/json.h"

#include <stdarg.h>

enum { k_most_steps = 60000, k_rest_look_ms = 20000, k_most_ms = 8 * 3600000 };

// --- the trace ---

static void say(struct sim *sim, const struct sim_host *host, enum sim_tell least,
                const char *format, va_list args)
{
    char line[512];
    int used = snprintf(line, sizeof line, "%10.3f %c%c ", (double)sim->now / 1000,
                        host ? 'h' : ' ', host ? '1' + host->index : ' ');
    vsnprintf(line + used, sizeof line - (size_t)used, format, args);
    for (const char *at = line; *at; at++)
        sim->hash = (sim->hash ^ (unsigned char)*at) * UINT64_C(1099511628211);
    if (sim->tell >= least)
        puts(line);
}

void sim_say(struct sim *sim, const struct sim_host *host, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(sim, host, SIM_TELL_STEPS, format, args);
    va_end(args);
}

void sim_detail(struct sim *sim, const struct sim_host *host, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(sim, host, SIM_TELL_ALL, format, args);
    va_end(args);
}

// --- time ---

int64_t sim_wall(const struct sim_host *host)
{
    return host->sim->plan->start + host->sim->now + host->skew;
}

void sim_at(struct sim *sim, int64_t at, struct sim_host *host, struct sim_event *event)
{
    event->host = host;
    kj_heap_push(&sim->events, &event->node, at > sim->now ? at : sim->now);
}

bool sim_disturbed(const struct sim *sim)
{
    return sim->now <= sim->last_fault;
}

static void on_idle(void *arg)
{
    kj_loop_stop(arg);
}

static void run_loop(struct kj_loop *loop)
{
    kj_loop_release(loop, kj_loop_now(loop), on_idle, loop);
    kj_loop_run(loop);
}

// Lets the host do what it can at this instant, then carries out what became of it.
static void run_host(struct sim_host *host)
{
    if (host->engine && !host->doomed)
        run_loop(host->loop);
    if (host->engine && host->doomed)
        sim_end_life(host);
}

static void wake_clock(struct sim_host *host)
{
    if (host->engine)
        kj_clock_advance_to(&host->clock, host->sim->now - host->born);
}

// The instant of the host's next timer, held back while it stands still.
static int64_t next_timer(const struct sim_host *host)
{
    if (host->engine == NULL)
        return INT64_MAX;
    int64_t next = kj_loop_next_timer(host->loop);
    if (next == INT64_MAX)
        return INT64_MAX;
    next += host->born;
    return next > host->frozen_until ? next : host->frozen_until;
}

static struct sim_host *earliest_host(struct sim *sim, int64_t *at)
{
    struct sim_host *first = NULL;
    *at = INT64_MAX;
    for (int i = 0; i < sim->plan->hosts; i++) {
        int64_t next = next_timer(&sim->host[i]);
        if (next < *at) {
            *at = next;
            first = &sim->host[i];
        }
    }
    return first;
}

static void happen(struct sim *sim)
{
    struct sim_event *event = (struct sim_event *)kj_heap_pop(&sim->events);
    struct sim_host *host = event->host;
    if (host && host->engine && host->frozen_until > sim->now) {
        kj_heap_push(&sim->events, &event->node, host->frozen_until);
        return;
    }
    if (host)
        wake_clock(host);
    event->run(sim, event);
    if (host)
        run_host(host);
}

// One thing more, unless it lies behind `until`; false when nothing is left to happen.
static bool turn(struct sim *sim, int64_t until)
{
    int64_t at;
    struct sim_host *host = earliest_host(sim, &at);
    struct kj_heap_node *event = kj_heap_peek(&sim->events);
    if (event == NULL && host == NULL)
        return false;
    // Timers and post of the same instant (as after standing still) come in either order.
    bool timer = host && (event == NULL || at < event->key ||
                          (at == event->key && kj_rng_range(&sim->rng, 0, 1)));
    int64_t when = timer ? at : event->key;
    if (when > sim->now)
        sim->now = when < until ? when : until;
    kj_clock_advance_to(&sim->clock, sim->now);
    if (sim->now < when)
        return true;
    if (!timer) {
        happen(sim);
        return true;
    }
    wake_clock(host);
    run_host(host);
    return true;
}

// --- the world ---

static int64_t store_now(void *arg)
{
    const struct sim *sim = arg;
    return sim->plan->start + sim->now;
}

static void on_event(void *arg, const bson_t *event)
{
    struct sim *sim = arg;
    int64_t number = kj_doc_int(event, "_id", 0);
    if (number != sim->last_event + 1)
        sim_broken(sim, "event %" PRId64 " follows event %" PRId64, number, sim->last_event);
    sim->last_event = number;
}

static void on_put(struct kj_store_request *request)
{
    for (size_t i = 0; i < request->n_ops; i++)
        if (request->ops[i].status != KJ_OK)
            abort(); // the world itself could not be made
}

static bson_t *world_doc(enum kj_coll coll, const struct sim_plan *plan, int i)
{
    bson_t *doc = bson_new();
    bson_t limits = BSON_INITIALIZER;
    char number[24];
    if (coll == KJ_GROUPS) {
        kj_doc_put_text(doc, "pack", "p");
    } else if (coll == KJ_CAMPAIGNS) {
        kj_doc_put_text(doc, "status", "active");
        kj_doc_put_bool(doc, "expanded", true);
        kj_doc_put_int(doc, "group_id", 1);
        kj_doc_put_int(&limits, "max_concurrent", plan->campaign_lines[i]);
        kj_doc_put_doc(doc, "limits", &limits);
    } else if (coll == KJ_NUMBERS) {
        sim_number_of(2 * i, number);
        kj_doc_put_text(doc, "key", number);
    } else {
        sim_number_of(i, number);
        kj_doc_put_text(doc, "phone_number", number);
        kj_doc_put_text(doc, "timezone", sim_zones[plan->lead[i].zone]);
        kj_doc_put_text(doc, "language", "en");
        kj_doc_put_text(doc, "status", "pending");
    }
    bson_destroy(&limits);
    return doc;
}

static void put_docs(struct kj_store_request *request, const struct sim_plan *plan,
                     enum kj_coll coll, int first, int last)
{
    for (int i = first; i <= last; i++) {
        struct kj_store_op *op = &request->ops[request->n_ops];
        op->verb = KJ_STORE_INSERT;
        op->coll = coll;
        kj_store_own_doc(request, request->n_ops++, world_doc(coll, plan, i));
    }
}

static void put_world(struct sim *sim)
{
    const struct sim_plan *plan = sim->plan;
    struct kj_store_request *request =
        kj_store_request(1 + SIM_CAMPAIGNS + 2 * SIM_RACES, "default", on_put, sim);
    request->n_ops = 0;
    put_docs(request, plan, KJ_GROUPS, 0, 0);
    put_docs(request, plan, KJ_CAMPAIGNS, 1, SIM_CAMPAIGNS);
    put_docs(request, plan, KJ_LEADS, 0, plan->leads - 1);
    if (plan->known)
        put_docs(request, plan, KJ_NUMBERS, 0, plan->leads / 2 - 1);
    kj_store_submit(sim->store, request);
    run_loop(sim->loop);
}

struct fault_event {
    struct sim_event event;
    const struct sim_fault *fault;
};

static void run_fault(struct sim *sim, struct sim_event *event)
{
    const struct sim_fault *fault = ((struct fault_event *)event)->fault;
    free(event);
    sim_fire(&sim->host[fault->host], fault);
}

static void set_faults(struct sim *sim)
{
    for (int i = 0; i < sim->plan->faults; i++) {
        const struct sim_fault *fault = &sim->plan->fault[i];
        // The steps that faults wait for are over by then.
        int64_t until = 4 * SIM_MINUTE;
        if (fault->kind >= SIM_OUTAGE) {
            struct fault_event *event = KJ_NEW(struct fault_event);
            event->event.run = run_fault;
            event->fault = fault;
            sim_at(sim, fault->at, NULL, &event->event);
            until = fault->at + (fault->kind == SIM_STEP ? 0 : fault->ms);
        }
        if (until > sim->last_fault)
            sim->last_fault = until;
    }
}

static void open_world(struct sim *sim)
{
    struct kj_fault fault;
    struct kj_store_config config = {.path = ":memory:",
                                     .host = "store",
                                     .now = store_now,
                                     .now_arg = sim,
                                     .volatile_data = true};
    kj_clock_init_virtual(&sim->clock, sim->plan->start);
    if (kj_loop_create(&sim->clock, &sim->loop, &fault) != KJ_OK ||
        kj_sqlite_create(sim->loop, &config, &sim->store, &fault) != KJ_OK) {
        fprintf(stderr, "the world cannot be made: %s\n", fault.text);
        abort();
    }
    sim->store->on_event = on_event;
    sim->store->on_event_arg = sim;
    kj_heap_init(&sim->events);
    kj_map_init(&sim->sent);
    kj_rng_keyed(&sim->rng, sim->plan->seed, "latency", 0);
    for (int i = 0; i < SIM_RACES; i++)
        sim->numbers[i].refused_at = sim->numbers[i].acknowledged_at = INT64_MAX;
    sim->stopped_at = INT64_MAX;
    put_world(sim);
    set_faults(sim);
    for (int i = 0; i < sim->plan->hosts; i++) {
        struct sim_host *host = &sim->host[i];
        host->sim = sim;
        host->index = i;
        host->skew = sim->plan->skew[i];
        sim_live(host);
        run_host(host);
    }
    sim_clients_start(sim);
}

// What is still on its way frees itself when it arrives: with nobody left, nothing follows from it.
static void close_world(struct sim *sim)
{
    for (int i = 0; i < sim->plan->hosts; i++) {
        sim->host[i].down_ms = INT64_MAX;
        if (sim->host[i].engine)
            sim_end_life(&sim->host[i]);
        sim->host[i].frozen_until = 0;
    }
    for (struct kj_heap_node *node; (node = kj_heap_pop(&sim->events));) {
        struct sim_event *event = (struct sim_event *)node;
        event->run(sim, event);
    }
    sim_clients_end(sim);
    kj_store_destroy(sim->store);
    kj_loop_destroy(sim->loop);
    kj_heap_fini(&sim->events);
    kj_map_fini(&sim->sent);
}

static bool has_rung(const struct sim *sim, int lead)
{
    bool rung = false;
    for (size_t i = 0; i < sim->ring_count; i++)
        rung = rung || sim->rings[i].lead == lead;
    return rung;
}

void sim_run(const struct sim_plan *plan, enum sim_breach breach, enum sim_tell tell,
             struct sim_result *result)
{
    struct sim *sim = KJ_NEW(struct sim);
    int64_t look_at = k_rest_look_ms;
    *sim = (struct sim){
        .plan = plan, .breach = breach, .tell = tell, .hash = UINT64_C(14695981039346656037)};
    open_world(sim);
    while (!sim->broken[0] && turn(sim, look_at)) {
        if (sim->steps > k_most_steps)
            sim_broken(sim, "more than %d steps, and no end", k_most_steps);
        if (sim->now > k_most_ms)
            sim_broken(sim, "after %d hours there is no rest: %s", (int)(k_most_ms / SIM_HOUR),
                       sim->unrest);
        if (sim->now < look_at)
            continue;
        look_at = sim->now + k_rest_look_ms;
        if (!sim_disturbed(sim) && sim_at_rest(sim))
            break;
    }
    sim_say(sim, NULL, "%s", sim->broken[0] ? sim->broken : "at rest");
    *result = (struct sim_result){.hash = sim->hash,
                                  .steps = sim->steps,
                                  .virtual_ms = sim->now,
                                  .attempts = (int64_t)sim->ring_count};
    for (int i = 0; i < SIM_RACES; i++) {
        result->refused += sim->numbers[i].refused_at != INT64_MAX;
        result->in_vain += sim->numbers[i].refused_at != INT64_MAX && has_rung(sim, i);
    }
    kj_copy(result->broken, sizeof result->broken, sim->broken);
    sim->tell = SIM_TELL_NOTHING;
    close_world(sim);
    free(sim);
}
