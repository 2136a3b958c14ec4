// What must hold, checked when something rings, when a number's document is written, and when all
// has come to rest. Written from the outside: by what rang and what stands in the store, not by
// what the engine believes.
#include "sim.h"

#include "model/call.h"
#include "model/zone.h"

#include <stdarg.h>

enum {
    k_permit_ms = 5000, // so old may the permit of a call be
    k_pace_ms = 10000,
    k_soon_ms = 3600000, // who waits longer than this is waiting, not lost
};

void sim_broken(struct sim *sim, const char *format, ...)
{
    va_list args;
    if (sim->broken[0])
        return;
    va_start(args, format);
    vsnprintf(sim->broken, sizeof sim->broken, format, args);
    va_end(args);
}

void sim_number_of(int lead, char number[24])
{
    snprintf(number, 24, "+4930123456%d", 70 + lead);
}

int sim_lead_of(const char *number)
{
    char own[24];
    for (int i = 0; i < SIM_RACES; i++) {
        sim_number_of(i, own);
        if (kj_streq(own, number))
            return i;
    }
    return -1;
}

// --- the number's document, as it is written ---

void sim_saw_write(struct sim *sim, const struct kj_store_op *op)
{
    bool writes = op->verb == KJ_STORE_INSERT || op->verb == KJ_STORE_REPLACE;
    int lead = writes && op->coll == KJ_NUMBERS && op->status == KJ_OK
                   ? sim_lead_of(kj_doc_text(op->doc, "key", ""))
                   : -1;
    if (lead < 0)
        return;
    struct sim_number *number = &sim->numbers[lead];
    const char *open = kj_doc_text(op->doc, "open_attempt.attempt_id", "");
    if (!kj_streq(open, number->open)) {
        number->late = number->refused_at != INT64_MAX;
        number->open_at = sim->now;
        kj_copy(number->open, sizeof number->open, open);
    }
    if (kj_doc_count(op->doc, "refusals") > 0 && number->refused_at == INT64_MAX)
        number->refused_at = sim->now;
}

// --- a ring ---

static void local_of(const struct sim *sim, int lead, int64_t wall, struct kj_civil *civil)
{
    kj_zone_local(kj_zone_get(sim_zones[sim->plan->lead[lead].zone]), wall, civil);
}

static void check_window(struct sim *sim, const struct sim_ring *ring, const struct sim_job *job)
{
    struct kj_civil civil;
    local_of(sim, ring->lead, ring->wall, &civil);
    int minute = civil.hour * 60 + civil.minute;
    if (minute < job->from || minute >= job->to)
        sim_broken(sim, "%s rang at %02d:%02d:%02d, outside its window %02d:%02d-%02d:%02d",
                   ring->attempt_id, civil.hour, civil.minute, civil.second, job->from / 60,
                   job->from % 60, job->to / 60, job->to % 60);
}

static void check_refusal(struct sim *sim, const struct sim_ring *ring)
{
    const struct sim_number *number = &sim->numbers[ring->lead];
    if (!kj_streq(number->open, ring->attempt_id))
        sim_broken(sim, "%s rang without a permit on its number", ring->attempt_id);
    else if (number->late)
        sim_broken(sim, "%s rang with a permit given after the refusal", ring->attempt_id);
    else if (number->acknowledged_at != INT64_MAX &&
             sim->now > number->acknowledged_at + k_permit_ms)
        sim_broken(sim, "%s rang %" PRId64 " ms after the refusal was acknowledged",
                   ring->attempt_id, sim->now - number->acknowledged_at);
}

static bool same_day(const struct sim *sim, const struct sim_ring *a, const struct sim_ring *b)
{
    struct kj_civil x, y;
    local_of(sim, a->lead, a->wall, &x);
    local_of(sim, b->lead, b->wall, &y);
    return x.year == y.year && x.month == y.month && x.day == y.day;
}

static void check_caps(struct sim *sim, const struct sim_ring *ring, const struct sim_job *job)
{
    int today = 0, all = 0;
    for (size_t i = 0; i < sim->ring_count; i++) {
        const struct sim_ring *old = &sim->rings[i];
        if (old->lead != ring->lead || !old->counts)
            continue;
        all++;
        today += same_day(sim, old, ring);
    }
    if (today >= job->per_day || all >= job->per_30_days)
        sim_broken(sim, "%s is call %d of the day and %d of 30 days to this number, over its caps",
                   ring->attempt_id, today + 1, all + 1);
}

static void check_switch(struct sim *sim, const struct sim_ring *ring)
{
    if (sim->stopped_at != INT64_MAX && sim->now > sim->stopped_at + k_permit_ms)
        sim_broken(sim, "%s rang %" PRId64 " ms after dialing was switched off", ring->attempt_id,
                   sim->now - sim->stopped_at);
}

static void check_others(struct sim *sim, const struct sim_ring *ring)
{
    int live = 0, campaign = 0, recent = 0;
    for (size_t i = 0; i < sim->ring_count; i++) {
        const struct sim_ring *old = &sim->rings[i];
        recent += old->at > sim->now - k_pace_ms;
        if (kj_streq(old->attempt_id, ring->attempt_id))
            sim_broken(sim, "%s rang twice", ring->attempt_id);
        if (old->ends_at <= sim->now)
            continue;
        if (old->lead == ring->lead)
            sim_broken(sim, "%s rang during %s, the same number", ring->attempt_id,
                       old->attempt_id);
        live++;
        campaign += old->campaign_id && old->campaign_id == ring->campaign_id;
    }
    if (live >= sim->plan->lines)
        sim_broken(sim, "%s is call %d at once on %d line(s)", ring->attempt_id, live + 1,
                   sim->plan->lines);
    if (ring->campaign_id && campaign >= sim->plan->campaign_lines[ring->campaign_id])
        sim_broken(sim, "%s is call %d at once of campaign %" PRId64 ", which may have %d",
                   ring->attempt_id, campaign + 1, ring->campaign_id,
                   sim->plan->campaign_lines[ring->campaign_id]);
    // Who got a line may be held up on the way to the carrier: as many may come at once as there
    // are lines.
    if (recent >= sim->plan->per_second * k_pace_ms / 1000 + sim->plan->lines)
        sim_broken(sim, "%s is call %d within ten seconds, at %d a second", ring->attempt_id,
                   recent + 1, sim->plan->per_second);
}

void sim_saw_ring(struct sim *sim, struct sim_host *host, const bson_t *request, bool counts,
                  int64_t length)
{
    int index = atoi(kj_doc_text(request, "context", "job-0") + strlen("job-"));
    const struct sim_job *job = &sim->plan->job[index];
    struct sim_ring ring = {.lead = sim_lead_of(kj_doc_text(request, "to", "")),
                            .host = host->index,
                            .campaign_id = job->campaign,
                            .at = sim->now,
                            .ends_at = sim->now + length,
                            .wall = sim_wall(host),
                            .counts = counts};
    kj_copy(ring.attempt_id, sizeof ring.attempt_id, kj_doc_text(request, "attempt_id", ""));
    sim_say(sim, host, "RING %s, lead %d, %.1f s", ring.attempt_id, ring.lead + 1,
            (double)length / 1000);
    if (ring.lead < 0 || sim->ring_count == KJ_COUNT(sim->rings)) {
        sim_broken(sim, "%zu calls, and no end", sim->ring_count);
        return;
    }
    check_window(sim, &ring, job);
    check_refusal(sim, &ring);
    check_switch(sim, &ring);
    check_caps(sim, &ring, job);
    check_others(sim, &ring);
    sim->rings[sim->ring_count++] = ring;
}

// --- at rest ---

struct look {
    struct sim *sim;
    size_t calls, moving;
    int decided[SIM_RACES];
    char why[160]; // it is not at rest
};

static bool ends(const char *state)
{
    return kj_streq(state, "done") || kj_streq(state, "failed") || kj_streq(state, "dead") ||
           kj_streq(state, "parked");
}

static void look_at_job(struct look *look, const bson_t *job)
{
    const struct sim *sim = look->sim;
    const char *state = kj_doc_text(job, "state", "");
    int64_t due = kj_doc_time(job, "due", 0), now = sim->plan->start + sim->now;
    look->calls += kj_streq(kj_doc_text(job, "kind", ""), "call");
    if (ends(state) || (kj_streq(state, "waiting") && due > now + k_soon_ms))
        return;
    look->moving++;
    snprintf(look->why, sizeof look->why, "job %" PRId64 " is %s at %s, due %.1f s, %s",
             kj_doc_int(job, "_id", 0), state, kj_doc_text(job, "stage", "-"),
             (double)(due - sim->plan->start) / 1000, kj_doc_text(job, "reason", "-"));
}

static void check_leads(struct look *look, const struct kj_store_op *op)
{
    for (size_t i = 0; i < op->n_docs; i++) {
        int64_t counted = kj_doc_int(op->docs[i], "contact_attempts", 0);
        if (counted != look->decided[i])
            sim_broken(look->sim, "lead %zu counts %" PRId64 " attempts, but %d were decided",
                       i + 1, counted, look->decided[i]);
    }
}

static void check_numbers(struct look *look, const struct kj_store_op *op)
{
    for (size_t i = 0; i < op->n_docs; i++) {
        const char *open = kj_doc_text(op->docs[i], "open_attempt.attempt_id", "");
        if (open[0])
            sim_broken(look->sim, "number %s is held by %s for ever",
                       kj_doc_text(op->docs[i], "key", ""), open);
    }
}

static void on_look(struct kj_store_request *request)
{
    struct look *look = request->arg;
    for (size_t i = 0; i < request->ops[0].n_docs; i++)
        look_at_job(look, request->ops[0].docs[i]);
    for (size_t i = 0; i < request->ops[1].n_docs; i++)
        look->decided[kj_doc_int(request->ops[1].docs[i], "lead_id", 1) - 1]++;
    if (look->moving)
        return;
    check_leads(look, &request->ops[2]);
    check_numbers(look, &request->ops[3]);
}

static void on_idle(void *arg)
{
    kj_loop_stop(arg);
}

bool sim_at_rest(struct sim *sim)
{
    static const enum kj_coll k_colls[] = {KJ_JOBS, KJ_DECISIONS, KJ_LEADS, KJ_NUMBERS};
    struct look look = {.sim = sim};
    if (!sim_clients_done(sim))
        return false;
    for (int i = 0; i < sim->plan->hosts; i++) {
        const struct kj_engine *engine = sim->host[i].engine;
        if (engine == NULL || kj_queue_running(engine->queue, NULL))
            return false;
    }
    struct kj_store_request *request = kj_store_request(KJ_COUNT(k_colls), "", on_look, &look);
    for (size_t i = 0; i < KJ_COUNT(k_colls); i++) {
        request->ops[i].verb = KJ_STORE_FIND;
        request->ops[i].coll = k_colls[i];
        request->ops[i].limit = 1000;
        kj_store_own_filter(request, i, bson_new());
    }
    kj_store_submit(sim->store, request);
    kj_loop_release(sim->loop, kj_loop_now(sim->loop), on_idle, sim->loop);
    kj_loop_run(sim->loop);
    if (look.moving) {
        kj_copy(sim->unrest, sizeof sim->unrest, look.why);
        return false;
    }
    if (look.calls != sim->acknowledged)
        sim_broken(sim, "%zu jobs were acknowledged, but there are %zu", sim->acknowledged,
                   look.calls);
    return true;
}
