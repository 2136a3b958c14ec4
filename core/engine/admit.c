// Stage admit: may this number be called now? The gates judge, their verdict is stored: "why".
#include "engine/path.h"

#include "base/log.h"

#include <string.h>

// A paused campaign's jobs wait here until campaign.resume wakes them.
static const int64_t k_far = 253402300799000; // 9999-12-31T23:59:59Z

static void load_zones(struct kj_path *path)
{
    const struct kj_zone *own = kj_zone_get(kj_doc_text(path->lead, "timezone", "-"));
    if (own) {
        path->zones[0] = own;
        path->zone_count = 1;
        return;
    }
    path->zone_count =
        kj_zones_of_number(kj_doc_text(kj_path_job(path), "to", ""),
                           kj_doc_text(path->lead, "country", ""), path->zones, KJ_MAX_ZONES);
}

// What was canceled, or belongs to a campaign that is not active, does not go on. True when the run
// has ended here.
static bool stopped_by_people(struct kj_path *path)
{
    if (kj_running_canceled(path->running)) {
        kj_path_end(path, KJ_JOB_FAILED, 0, "canceled", NULL, NULL);
        return true;
    }
    if (path->campaign == NULL)
        return false;
    const char *status = kj_doc_text(path->campaign, "status", "");
    int64_t ends = kj_doc_time(path->campaign, "schedule.ends_at", INT64_MAX);
    bson_t changes = BSON_INITIALIZER;
    if (kj_streq(status, "paused")) {
        kj_path_end(path, KJ_JOB_WAIT, k_far, "its campaign is paused", NULL, NULL);
    } else if (kj_streq(status, "canceled")) {
        kj_path_end(path, KJ_JOB_FAILED, 0, "canceled", NULL, NULL);
    } else if (kj_path_now(path) >= ends) {
        kj_doc_put_text(&changes, "outcome", "expired");
        kj_path_end(path, KJ_JOB_FAILED, 0, "its campaign's period is over", &changes, NULL);
    } else {
        bson_destroy(&changes);
        return false;
    }
    bson_destroy(&changes);
    return true;
}

static int count_slots(const struct kj_path *path)
{
    return path->limits ? (int)kj_doc_count(path->limits, "slots") : 0;
}

static int campaign_slots(const struct kj_path *path, int64_t campaign)
{
    bson_iter_t at;
    bson_t slots;
    int count = 0;
    if (path->limits == NULL || !kj_doc_child(path->limits, "slots", &slots))
        return 0;
    for (bool more = bson_iter_init(&at, &slots); more && bson_iter_next(&at);) {
        bson_t slot;
        uint32_t length;
        const uint8_t *bytes;
        if (!BSON_ITER_HOLDS_DOCUMENT(&at))
            continue;
        bson_iter_document(&at, &length, &bytes);
        if (bson_init_static(&slot, bytes, length))
            count += kj_doc_int(&slot, "campaign_id", 0) == campaign;
    }
    return count;
}

static void fill_concurrency(struct kj_path *path, struct kj_gate_input *input)
{
    const struct kj_engine_private *own = path->engine->own;
    int64_t campaign = kj_doc_int(kj_path_job(path), "campaign_id", 0);
    input->open_calls = count_slots(path);
    input->max_calls = own->max_calls;
    int64_t most = path->campaign ? kj_doc_int(path->campaign, "limits.max_concurrent", 0) : 0;
    if (most > 0 && input->open_calls < own->max_calls) {
        input->open_calls = campaign_slots(path, campaign);
        input->max_calls = (int)most;
    }
    input->slot_hint = input->now + 15000;
}

static void fill_input(struct kj_path *path, struct kj_gate_input *input)
{
    const bson_t *job = kj_path_job(path);
    bson_t view;
    const bson_t *limits = kj_path_setting(path, "limits", &view);
    *input = (struct kj_gate_input){.now = kj_path_now(path),
                                    .number = path->number,
                                    .lead = path->lead,
                                    .windows = &path->windows,
                                    .zone_count = path->zone_count};
    memcpy(input->zones, path->zones, sizeof input->zones);
    input->requested_callback = kj_streq(kj_doc_text(job, "next.kind", ""), "callback");
    input->not_before = kj_doc_time(job, "next.at", 0);
    input->cap_per_day = limits ? (int)kj_doc_int(limits, "per_day", 1) : 1;
    input->cap_per_30_days = limits ? (int)kj_doc_int(limits, "per_30_days", 6) : 6;
    input->cap_lead_per_campaign = limits ? (int)kj_doc_int(limits, "per_lead", 10) : 10;
    input->job_attempts = (int)kj_doc_int(job, "attempts_made", 0);
    int64_t wait = path->engine->own->trunk_next - kj_loop_mono(path->engine->loop);
    input->next_trunk_slot = wait > 0 ? input->now + wait : 0;
    fill_concurrency(path, input);
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

static void again(void *arg)
{
    kj_admit(arg);
}

// A callback that the callee asked for is dropped when its time has passed (X-12: 10 minutes count
// from the first open instant); what remains is an ordinary job.
static bool callback_expired(const struct kj_path *path)
{
    int64_t expires = kj_doc_time(kj_path_job(path), "next.expires_at", INT64_MAX);
    return kj_streq(kj_doc_text(kj_path_job(path), "next.kind", ""), "callback") &&
           kj_path_now(path) > expires;
}

static void stop(struct kj_path *path, const struct kj_gate_result *result, bson_t *changes)
{
    static const char *const k_reasons[] = {
        "the callee opted out", "the number is on the do-not-call list",
        "consent is missing",   "outside the calling window",
        "called often enough",  "the trunk is at its rate",
        "all lines are in use"};
    const char *reason = k_reasons[result->stopped_by];
    bool pacing = result->stopped_by == KJ_GATE_TRUNK_RATE;
    if (result->final || result->next_at == INT64_MAX) {
        kj_doc_put_text(changes, "outcome", kj_gate_name(result->stopped_by));
        kj_path_end(path, KJ_JOB_FAILED, 0, reason, changes, NULL);
    } else if (pacing && result->next_at - kj_path_now(path) < 30000) {
        path->timer.fire = again; // seconds only: keep the job and wait here
        kj_timer_start_at(path->engine->loop, &path->timer, result->next_at);
    } else
        kj_path_end(path, KJ_JOB_WAIT, result->next_at, reason, changes, NULL);
}

void kj_admit(struct kj_path *path)
{
    struct kj_fault fault;
    struct kj_gate_input input;
    struct kj_gate_result result;
    bson_t view, verdict = BSON_INITIALIZER, changes = BSON_INITIALIZER;
    const bson_t *schedule = kj_path_setting(path, "schedule", &view);
    if (stopped_by_people(path))
        goto done;
    if (kj_windows_parse(schedule, kj_doc_text(path->lead, "country", NULL), &path->windows,
                         &fault) != KJ_OK) {
        kj_path_end(path, KJ_JOB_PARKED, 0, fault.text, NULL, NULL);
        goto done;
    }
    if (!path->engine->dialing) {
        kj_path_end(path, KJ_JOB_WAIT, kj_path_now(path) + 60000, "dialing is switched off", NULL,
                    NULL);
        goto done;
    }
    if (callback_expired(path)) {
        kj_doc_put_text(&changes, "outcome", "callback_expired");
        kj_path_end(path, KJ_JOB_FAILED, 0, "the requested callback could not be kept in time",
                    &changes, NULL);
        goto done;
    }
    load_zones(path);
    fill_input(path, &input);
    kj_gates_judge(&input, &result, &verdict);
    kj_doc_put_doc(&changes, "verdict", &verdict);
    if (!result.open) {
        count_gate(kj_path_job(path), result.stopped_by, &changes);
        stop(path, &result, &changes);
        goto done;
    }
    int64_t mono = kj_loop_mono(path->engine->loop);
    struct kj_engine_private *own = path->engine->own;
    own->trunk_next = (own->trunk_next > mono ? own->trunk_next : mono) + own->trunk_interval_ms;
    kj_windows_next(&path->windows, path->zones, path->zone_count, input.now, &path->window_closes);
    kj_path_advance(path, "attempt", &changes, NULL);
done:
    bson_destroy(&verdict);
    bson_destroy(&changes);
}
