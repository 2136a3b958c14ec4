// Stage admit: may this number be called now? The gates judge, their verdict is stored: "why".
#include "engine/judge.h"
#include "engine/path.h"

#include "base/log.h"

#include <string.h>

enum {
    k_hold_ms = 30000, // so long a path waits in memory for its turn on the trunk
};

// What was canceled, has expired, or belongs to a campaign that is not active, does not go on. True
// when the run has ended here.
static bool halted(struct kj_path *path, const struct kj_judged *judged)
{
    bson_t changes = BSON_INITIALIZER;
    struct kj_halt halt;
    int cause = 0;
    if (kj_running_canceled(path->running)) // it may be known here before it is stored
        halt = (struct kj_halt){.reason = "canceled", .outcome = "canceled"};
    else
        while (cause < KJ_HALT_COUNT && !kj_judge_halt(cause, path->engine, judged, &halt))
            cause++;
    if (cause < KJ_HALT_COUNT && halt.outcome) {
        kj_doc_put_text(&changes, "outcome", halt.outcome);
        kj_path_end(path, KJ_JOB_FAILED, 0, halt.reason, &changes, NULL);
    } else if (cause < KJ_HALT_COUNT)
        kj_path_end(path, KJ_JOB_WAIT, halt.look_again, halt.reason, NULL, NULL);
    bson_destroy(&changes);
    return cause < KJ_HALT_COUNT;
}

// {gates: {window: n}}: how often each gate stopped this job, for the campaign's report.
static void count_gate(const bson_t *job, enum kj_gate gate, bson_t *changes)
{
    bson_t one = BSON_INITIALIZER, old, *gates;
    char at[48] = "gates.";
    strcat(at, kj_gate_name(gate));
    kj_doc_put_int(&one, kj_gate_name(gate), kj_doc_int(job, at, 0) + 1);
    bool has = kj_doc_child(job, "gates", &old);
    gates = has ? kj_doc_with(&old, &one) : bson_copy(&one);
    kj_doc_put_doc(changes, "gates", gates);
    bson_destroy(gates);
    bson_destroy(&one);
}

static void on_turn(void *arg)
{
    kj_path_load(arg); // what was read may have changed meanwhile
}

// All hosts share the trunk's rate: each dials at its part of it.
static int64_t dial_interval(const struct kj_engine *engine)
{
    return engine->own->trunk_interval_ms * kj_hosts_alive(engine);
}

// Each path that must wait for the trunk reserves the next free dial slot and comes back for it, so
// that no two come at once.
static void wait_for_turn(struct kj_path *path)
{
    struct kj_engine_private *own = path->engine->own;
    path->turn_at = own->trunk_next;
    own->trunk_next += dial_interval(path->engine);
    path->timer.fire = on_turn;
    kj_timer_start(path->engine->loop, &path->timer,
                   path->turn_at - kj_loop_mono(path->engine->loop));
}

static void stop(struct kj_path *path, const struct kj_gate_result *result, bson_t *changes)
{
    static const char *const k_reasons[] = {
        "the callee opted out", "the number is on the do-not-call list",
        "consent is missing",   "outside the calling window",
        "called often enough",  "the trunk is at its rate",
        "all lines are in use"};
    const char *reason = k_reasons[result->stopped_by];
    if (result->stopped_by == KJ_GATE_CONCURRENCY)
        kj_trunk_sweep(path->engine); // are they all in use?
    if (result->final || result->next_at == INT64_MAX) {
        kj_doc_put_text(changes, "outcome", kj_gate_name(result->stopped_by));
        kj_path_end(path, KJ_JOB_FAILED, 0, reason, changes, NULL);
    } else if (result->stopped_by == KJ_GATE_TRUNK_RATE &&
               result->next_at - kj_path_now(path) < k_hold_ms) {
        wait_for_turn(path);
    } else
        kj_path_end(path, KJ_JOB_WAIT, result->next_at, reason, changes, NULL);
}

// The trunk's rate, unless this path's turn has come.
static void put_rate(const struct kj_path *path, struct kj_gate_input *input)
{
    int64_t mono = kj_loop_mono(path->engine->loop), wait = path->engine->own->trunk_next - mono;
    bool mine = path->turn_at && path->turn_at <= mono;
    input->next_trunk_slot = wait > 0 && !mine ? input->now + wait : 0;
}

static void go_on(struct kj_path *path, const struct kj_gate_input *input, const bson_t *changes)
{
    struct kj_engine_private *own = path->engine->own;
    int64_t mono = kj_loop_mono(path->engine->loop);
    if (path->turn_at == 0)
        own->trunk_next =
            (own->trunk_next > mono ? own->trunk_next : mono) + dial_interval(path->engine);
    path->turn_at = 0;
    path->admitted_at = input->now;
    kj_windows_next(input->windows, input->zones, input->zone_count, input->now,
                    &path->window_closes);
    kj_path_advance(path, "attempt", changes, NULL);
}

void kj_admit(struct kj_path *path)
{
    struct kj_fault fault;
    struct kj_windows windows;
    struct kj_gate_input input;
    struct kj_gate_result result;
    struct kj_judged judged = {kj_path_now(path), kj_path_job(path),
                               path->campaign,    path->lead,
                               path->number,      kj_doc_text(kj_path_job(path), "to", "")};
    kj_judged_read(&judged);
    if (halted(path, &judged))
        return;
    if (kj_select_needed(path)) {
        kj_select(path);
        return;
    }
    if (kj_judge_input(path->engine, &judged, &windows, &input, &fault) != KJ_OK) {
        kj_path_end(path, KJ_JOB_PARKED, 0, fault.text, NULL, NULL);
        return;
    }
    bson_t verdict = BSON_INITIALIZER, changes = BSON_INITIALIZER;
    put_rate(path, &input);
    kj_gates_judge(&input, &result, &verdict);
    kj_doc_put_doc(&changes, "verdict", &verdict);
    if (result.open) {
        go_on(path, &input, &changes);
    } else {
        count_gate(kj_path_job(path), result.stopped_by, &changes);
        stop(path, &result, &changes);
    }
    bson_destroy(&verdict);
    bson_destroy(&changes);
}
