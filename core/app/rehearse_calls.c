// The calls of a rehearsal: when they were, what they cost, and how many lines they held at once.
#include "app/rehearse.h"

#include "base/alloc.h"
#include "doc/tally.h"

#include <math.h>
#include <stdlib.h>

enum { k_hour_ms = 3600000, k_minute_ms = 60000 };

struct edge { // a line is taken or given back
    int64_t at;
    int step;
};

struct calls {
    struct kj_rehearsal *rehearsal;
    int64_t n_hours, *made, *reached; // by hour since the start
    int64_t count, answered, minutes, talked_ms, last_ms;
    struct edge *edges;
    size_t n_edges;
    int64_t *leads; // of the calls that reached somebody
    size_t n_leads;
    struct kj_map dispositions;
};

static void add_edge(struct calls *calls, int64_t at, int step)
{
    if ((calls->n_edges & (calls->n_edges - 1)) == 0)
        calls->edges = kj_realloc(calls->edges,
                                  sizeof *calls->edges * (calls->n_edges ? 2 * calls->n_edges : 1));
    calls->edges[calls->n_edges++] = (struct edge){at, step};
}

static void add_lead(struct calls *calls, int64_t lead)
{
    if ((calls->n_leads & (calls->n_leads - 1)) == 0)
        calls->leads = kj_realloc(calls->leads,
                                  sizeof *calls->leads * (calls->n_leads ? 2 * calls->n_leads : 1));
    calls->leads[calls->n_leads++] = lead;
}

static void add_call(void *arg, const bson_t *call)
{
    struct calls *calls = arg;
    int64_t at = kj_doc_time(call, "created_at", 0), talked = kj_doc_int(call, "duration_ms", 0);
    int64_t ended = kj_doc_time(call, "ended_at", calls->rehearsal->until);
    int64_t hour = (at - calls->rehearsal->start) / k_hour_ms;
    bool reached = kj_doc_bool(call, "facts.call.reached", false);
    if (kj_doc_bool(call, "unsent", false) || hour < 0 || hour >= calls->n_hours)
        return;
    calls->count++;
    calls->made[hour]++;
    calls->reached[hour] += reached;
    calls->answered += reached;
    calls->talked_ms += talked;
    calls->minutes += (talked + k_minute_ms - 1) / k_minute_ms;
    if (ended > calls->last_ms)
        calls->last_ms = ended;
    if (reached)
        add_lead(calls, kj_doc_int(call, "lead_id", 0));
    add_edge(calls, at, 1);
    add_edge(calls, ended, -1);
    kj_tally_add(&calls->dispositions, kj_doc_text(call, "disposition", NULL), 1);
}

static int by_time(const void *a, const void *b)
{
    const struct edge *x = a, *y = b;
    if (x->at != y->at)
        return x->at < y->at ? -1 : 1;
    return x->step - y->step; // a line is given back before the next call takes it
}

static int by_number(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static int64_t distinct(int64_t *numbers, size_t count)
{
    int64_t different = 0;
    if (count)
        qsort(numbers, count, sizeof *numbers, by_number);
    for (size_t i = 0; i < count; i++)
        different += i == 0 || numbers[i] != numbers[i - 1];
    return different;
}

// {lines, peak, peak_at, busy_ms, at_limit_ms, at_limit_share, mean}: of the time in which anybody
// was called at all.
static void put_pressure(struct calls *calls, int64_t lines, bson_t *result)
{
    int64_t now = 0, peak = 0, peak_at = 0, busy = 0, full = 0, held = 0;
    bson_t pressure = BSON_INITIALIZER;
    if (calls->n_edges)
        qsort(calls->edges, calls->n_edges, sizeof *calls->edges, by_time);
    for (size_t i = 0; i < calls->n_edges; i++) {
        const struct edge *edge = &calls->edges[i];
        int64_t span = i ? edge->at - calls->edges[i - 1].at : 0;
        busy += now > 0 ? span : 0;
        full += now >= lines ? span : 0;
        held += now * span;
        now += edge->step;
        if (now > peak) {
            peak = now;
            peak_at = edge->at;
        }
    }
    kj_doc_put_int(&pressure, "lines", lines);
    kj_doc_put_int(&pressure, "peak", peak);
    if (peak)
        kj_doc_put_time(&pressure, "peak_at", peak_at);
    kj_doc_put_int(&pressure, "busy_ms", busy);
    kj_doc_put_int(&pressure, "at_limit_ms", full);
    kj_doc_put_real(&pressure, "at_limit_share", busy ? (double)full / (double)busy : 0);
    kj_doc_put_real(&pressure, "mean", busy ? (double)held / (double)busy : 0);
    kj_doc_put_doc(result, "pressure", &pressure);
    bson_destroy(&pressure);
}

static void put_hours(const struct calls *calls, bson_t *result)
{
    bson_t array = BSON_INITIALIZER;
    struct kj_doc_list list = {&array};
    for (int64_t hour = 0; hour < calls->n_hours; hour++) {
        bson_t row = BSON_INITIALIZER;
        if (calls->made[hour]) {
            kj_doc_put_time(&row, "at", calls->rehearsal->start + hour * k_hour_ms);
            kj_doc_put_int(&row, "calls", calls->made[hour]);
            kj_doc_put_int(&row, "reached", calls->reached[hour]);
            kj_doc_put_doc(&array, kj_doc_next(&list), &row);
        }
        bson_destroy(&row);
    }
    kj_doc_put_array(result, "per_hour", &array);
    bson_destroy(&array);
}

static void put_cost(const struct calls *calls, int64_t leads, bson_t *result)
{
    const bson_t *assumed = calls->rehearsal->assumptions;
    int64_t price = llround(1e6 * kj_doc_real(assumed, "price_per_minute", 0));
    bson_t cost = BSON_INITIALIZER;
    kj_doc_put_int(&cost, "amount_micros", calls->minutes * price);
    kj_doc_put_from(&cost, "currency", assumed, "currency");
    kj_doc_put_int(&cost, "minutes", calls->minutes);
    kj_doc_put_int(&cost, "talked_ms", calls->talked_ms);
    if (leads)
        kj_doc_put_int(&cost, "per_reached_micros", calls->minutes * price / leads);
    kj_doc_put_doc(result, "cost", &cost);
    bson_destroy(&cost);
}

static void put_all(struct calls *calls, bson_t *result)
{
    struct kj_rehearsal *rehearsal = calls->rehearsal;
    bson_t reached = BSON_INITIALIZER;
    int64_t leads = distinct(calls->leads, calls->n_leads);
    kj_doc_put_int(result, "calls", calls->count);
    kj_doc_put_int(&reached, "calls", calls->answered);
    kj_doc_put_int(&reached, "leads", leads);
    kj_doc_put_real(&reached, "share",
                    rehearsal->leads ? (double)leads / (double)rehearsal->leads : 0);
    kj_doc_put_doc(result, "reached", &reached);
    put_hours(calls, result);
    put_cost(calls, leads, result);
    put_pressure(calls, kj_doc_int(rehearsal->assumptions, "lines", 0), result);
    bson_destroy(&reached);
}

int kj_rehearsal_put_calls(struct kj_rehearsal *rehearsal, bson_t *result, int64_t *last_ms)
{
    struct calls calls = {.rehearsal = rehearsal};
    calls.n_hours = (rehearsal->until - rehearsal->start) / k_hour_ms + 1;
    calls.made = kj_alloc(sizeof *calls.made * (size_t)calls.n_hours);
    calls.reached = kj_alloc(sizeof *calls.reached * (size_t)calls.n_hours);
    kj_map_init(&calls.dispositions);
    int rc = kj_rehearsal_each(rehearsal, KJ_CALLS, add_call, &calls);
    put_all(&calls, result);
    kj_tally_put(result, "dispositions", &calls.dispositions);
    kj_map_fini(&calls.dispositions);
    *last_ms = calls.last_ms;
    free(calls.made);
    free(calls.reached);
    free(calls.edges);
    free(calls.leads);
    return rc;
}
