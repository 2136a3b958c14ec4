// `telephony.place`: refuses like a real carrier, else logs the ring, then answers. The ring is
// written before the answer, so that whoever never hears the answer can still look it up.
#include "sim.h"

#include <stdlib.h>
#include <string.h>

enum { API_TIMEOUT_MS = 9000 };

enum stage {
    STAGE_REQUEST,    // on its way to the carrier: nothing rang yet
    STAGE_REPLY,      // accepted; the reply is late
    STAGE_NO_REQUEST, // will never arrive
};

struct kj_sim_pending {
    struct kj_sim *sim;
    uint64_t op, timer;
    enum stage stage;
    struct kejue_builder *holder;
    struct kejue_doc request;
    struct kj_sim_pending *next, **link; // `link` points at us
};

static void finish(struct kj_sim *sim, uint64_t op, enum kejue_class class_, int64_t retry_after_ms,
                   const char *code, const char *text)
{
    struct kejue_outcome outcome = {class_, retry_after_ms, code, text};
    sim->rules.host->finish(sim->rules.ctx, op, &outcome, (struct kejue_doc){0});
}

static void pending_free(struct kj_sim_pending *pending)
{
    struct kj_sim *sim = pending->sim;
    if (pending->timer)
        sim->rules.host->timer_stop(sim->rules.ctx, pending->timer);
    if (pending->stage == STAGE_REQUEST)
        sim->lines--;
    *pending->link = pending->next;
    if (pending->next)
        pending->next->link = pending->link;
    sim->rules.host->drop(pending->holder);
    free(pending);
}

static void time_out(void *arg)
{
    struct kj_sim_pending *pending = arg;
    pending->timer = 0;
    finish(pending->sim, pending->op, KEJUE_UNKNOWN, 0, "timeout",
           "the carrier did not answer in time");
    pending_free(pending);
}

static void answer(struct kj_sim_pending *pending, const struct kj_sim_ring *ring)
{
    const struct kj_sim_rules *rules = &pending->sim->rules;
    struct kejue_outcome ok = {KEJUE_OK, 0, "201", NULL};
    struct kejue_builder *b = rules->host->build(rules->ctx);
    rules->host->put_text(b, "provider_id", ring->provider_id);
    rules->host->put_time(b, "accepted_at", ring->at_ms);
    rules->host->finish(rules->ctx, pending->op, &ok, rules->host->built(b));
    rules->host->drop(b);
}

static void accept(void *arg)
{
    struct kj_sim_pending *pending = arg;
    struct kj_sim *sim = pending->sim;
    const struct kejue_host *host = sim->rules.host;
    const char *to = host->text(pending->request, "to", "");
    int64_t now = host->now(sim->rules.ctx),
            attempt = host->integer(pending->request, "attempt", 1);
    uint64_t number = (uint64_t)(now / 1000);
    pending->timer = 0;
    struct kj_sim_ring *ring = kj_sim_ring_add(&sim->log, pending->request, now);
    if (!ring) {
        finish(sim, pending->op, KEJUE_NOT_PROCESSED, 0, "ring_log",
               "the ring log could not be written, so nothing was dialed; is the disk full?");
        pending_free(pending);
        return;
    }
    pending->stage = STAGE_REPLY; // the line now belongs to the call
    bool late = kj_sim_strikes(sim, SIM_TIMEOUT_AFTER_ACCEPT, to, attempt, number);
    bool lost = kj_sim_strikes(sim, SIM_LOST_REPLY, to, attempt, number);
    if (late) {
        pending->timer = host->timer(sim->rules.ctx, API_TIMEOUT_MS, time_out, pending);
    } else {
        if (!lost)
            answer(pending, ring);
        pending_free(pending);
    }
    kj_sim_follow(sim, ring);
}

// 0, or the end of the outage.
static int64_t away_until(const struct kj_sim *sim, int64_t now)
{
    for (size_t i = 0; i < sim->outage_count; i++)
        if (now >= sim->outages[i].from && now < sim->outages[i].to)
            return sim->outages[i].to;
    return 0;
}

// A fault of the interface. One forced by the number strikes once for each attempt.
static bool api_fault(struct kj_sim *sim, struct kejue_doc request, enum kj_sim_fault fault)
{
    const struct kejue_host *host = sim->rules.host;
    const char *to = host->text(request, "to", "");
    if (kj_sim_forced_fault(&sim->rules, to) == fault) {
        struct kj_sim_ring *entry =
            kj_sim_ring_entry(&sim->log, host->text(request, "attempt_id", ""));
        return entry->refusals++ == 0;
    }
    return kj_sim_strikes(sim, fault, to, host->integer(request, "attempt", 1),
                          (uint64_t)(host->now(sim->rules.ctx) / 1000));
}

// True when the request was refused (and answered).
static bool refused(struct kj_sim *sim, uint64_t op, struct kejue_doc request)
{
    const struct kejue_host *host = sim->rules.host;
    int64_t now = host->now(sim->rules.ctx), until = away_until(sim, now);
    const char *to = host->text(request, "to", "");
    if (*to != '+' || strlen(to) < 6 || !*host->text(request, "attempt_id", "")) {
        finish(sim, op, KEJUE_CALLER, 0, "400",
               "attempt_id and to (E.164, with +) are needed to place a call");
        return true;
    }
    if (until) {
        int64_t wait = until - now < 60000 ? until - now : 60000;
        finish(sim, op, KEJUE_NOT_PROCESSED, wait, "503", "the carrier is out of service");
        return true;
    }
    if (api_fault(sim, request, SIM_API_429)) {
        finish(sim, op, KEJUE_NOT_PROCESSED, 2000, "429", "too many requests");
        return true;
    }
    if (api_fault(sim, request, SIM_API_500)) {
        // A server that broke may have dialed before: the look-up knows.
        finish(sim, op, KEJUE_UNKNOWN, 0, "500", "the carrier failed while it took the call");
        return true;
    }
    if (sim->lines >= sim->max_lines) {
        finish(sim, op, KEJUE_NOT_PROCESSED, 5000, "429", "all lines are in use");
        return true;
    }
    return false;
}

void kj_sim_place(struct kj_sim *sim, uint64_t op, struct kejue_doc request)
{
    const struct kejue_host *host = sim->rules.host;
    if (refused(sim, op, request))
        return;
    struct kj_sim_pending *pending = kj_sim_alloc(sizeof *pending);
    pending->sim = sim;
    pending->op = op;
    pending->holder = host->build(sim->rules.ctx);
    host->put_doc(pending->holder, "request", request);
    pending->request = host->child(host->built(pending->holder), "request");
    pending->next = sim->pending;
    pending->link = &sim->pending;
    if (pending->next)
        pending->next->link = &pending->next;
    sim->pending = pending;
    if (api_fault(sim, request, SIM_TIMEOUT_BEFORE_ACCEPT)) {
        pending->stage = STAGE_NO_REQUEST;
        pending->timer = host->timer(sim->rules.ctx, API_TIMEOUT_MS, time_out, pending);
        return;
    }
    struct kj_sim_dice dice = {&sim->rules, host->text(request, "to", ""),
                               (uint64_t)host->integer(request, "attempt", 1)};
    sim->lines++;
    pending->stage = STAGE_REQUEST;
    pending->timer =
        host->timer(sim->rules.ctx, kj_sim_range(&dice, "latency", 0, 40, 250), accept, pending);
}

void kj_sim_place_cancel(struct kj_sim *sim, uint64_t op)
{
    struct kj_sim_pending *pending = sim->pending;
    while (pending && pending->op != op)
        pending = pending->next;
    if (!pending)
        return;
    if (pending->stage == STAGE_REPLY)
        finish(sim, op, KEJUE_UNKNOWN, 0, "timeout", "canceled after the carrier had accepted");
    else
        finish(sim, op, KEJUE_CANCELED, 0, NULL, "canceled before anything was dialed");
    pending_free(pending);
}

bool kj_sim_place_pending(const struct kj_sim *sim, const char *attempt_id)
{
    const struct kejue_host *host = sim->rules.host;
    for (struct kj_sim_pending *p = sim->pending; p; p = p->next)
        if (p->stage == STAGE_REQUEST &&
            strcmp(host->text(p->request, "attempt_id", ""), attempt_id) == 0)
            return true;
    return false;
}

void kj_sim_place_close(struct kj_sim *sim)
{
    while (sim->pending)
        pending_free(sim->pending);
}
