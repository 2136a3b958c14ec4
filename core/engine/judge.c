// Documents to gate input.
#include "engine/judge.h"

#include "engine/path.h"

#include <string.h>

enum {
    k_paused_ms =
        3600000, // campaign.resume wakes its jobs; who was on the way then looks by itself
    k_off_ms = 60000,
};

void kj_judged_read(struct kj_judged *judged)
{
    static const char *const k_names[KJ_JUDGED_FIELDS] = {[KJ_JUDGED_CANCEL] = "cancel_asked",
                                                          [KJ_JUDGED_NEXT] = "next",
                                                          [KJ_JUDGED_SCHEDULE] = "schedule",
                                                          [KJ_JUDGED_LIMITS] = "limits",
                                                          [KJ_JUDGED_ATTEMPTS] = "attempts_made"};
    memset(judged->of_job, 0, sizeof judged->of_job);
    if (judged->job)
        kj_element_pick(judged->job, k_names, KJ_JUDGED_FIELDS, judged->of_job);
}

static bool child_of_job(const struct kj_judged *judged, int which, bson_t *view)
{
    const struct kj_element *at = &judged->of_job[which];
    return at->key && (at->type == BSON_TYPE_DOCUMENT || at->type == BSON_TYPE_ARRAY) &&
           bson_init_static(view, at->data, at->length);
}

static bool canceled(const struct kj_engine *engine, const struct kj_judged *judged,
                     struct kj_halt *halt)
{
    (void)engine;
    halt->outcome = "canceled";
    halt->reason = "canceled";
    const struct kj_element *asked = &judged->of_job[KJ_JUDGED_CANCEL];
    return (asked->key && asked->type == BSON_TYPE_BOOL && asked->data[0]) ||
           (judged->campaign && kj_streq(kj_doc_text(judged->campaign, "status", ""), "canceled"));
}

static bool campaign_rests(const struct kj_engine *engine, const struct kj_judged *judged,
                           struct kj_halt *halt)
{
    (void)engine;
    if (judged->campaign == NULL)
        return false;
    if (kj_streq(kj_doc_text(judged->campaign, "status", ""), "paused")) {
        halt->look_again = judged->now + k_paused_ms;
        halt->reason = "its campaign is paused";
        return true;
    }
    halt->outcome = "expired";
    halt->reason = "its campaign's period is over";
    return judged->now >= kj_doc_time(judged->campaign, "schedule.ends_at", INT64_MAX);
}

static bool dialing_off(const struct kj_engine *engine, const struct kj_judged *judged,
                        struct kj_halt *halt)
{
    halt->look_again = judged->now + k_off_ms;
    halt->reason = "dialing is switched off";
    return !engine->dialing;
}

// A callback that the callee asked for is dropped when its time has passed (X-12: 10 minutes count
// from the first open instant).
static bool callback_late(const struct kj_engine *engine, const struct kj_judged *judged,
                          struct kj_halt *halt)
{
    (void)engine;
    halt->outcome = "callback_expired";
    halt->reason = "the requested callback could not be kept in time";
    bson_t next;
    return child_of_job(judged, KJ_JUDGED_NEXT, &next) &&
           kj_streq(kj_doc_text(&next, "kind", ""), "callback") &&
           judged->now > kj_doc_time(&next, "expires_at", INT64_MAX);
}

static const struct {
    const char *name;
    bool (*judge)(const struct kj_engine *, const struct kj_judged *, struct kj_halt *);
} k_halts[KJ_HALT_COUNT] = {{"canceled", canceled},
                            {"campaign", campaign_rests},
                            {"dialing", dialing_off},
                            {"callback", callback_late}};

bool kj_judge_halt(enum kj_halt_cause cause, const struct kj_engine *engine,
                   const struct kj_judged *judged, struct kj_halt *halt)
{
    *halt = (struct kj_halt){0};
    return k_halts[cause].judge(engine, judged, halt);
}

const char *kj_halt_name(enum kj_halt_cause cause)
{
    return k_halts[cause].name;
}

// The setting that holds: of the call, else of its campaign, else NULL (the default).
static const bson_t *setting(const struct kj_judged *judged, int of_job, const char *name,
                             bson_t *view)
{
    if (child_of_job(judged, of_job, view))
        return view;
    if (judged->campaign && kj_doc_child(judged->campaign, name, view))
        return view;
    return NULL;
}

static bool same_schedule(const bson_t *a, const bson_t *b)
{
    return a && b ? a->len == b->len && memcmp(bson_get_data(a), bson_get_data(b), a->len) == 0
                  : a == b;
}

static int read_windows(const struct kj_engine *engine, const struct kj_judged *judged,
                        struct kj_windows *windows, struct kj_fault *fault)
{
    struct kj_known_windows *last = &engine->own->windows;
    bson_t view;
    const bson_t *schedule = setting(judged, KJ_JUDGED_SCHEDULE, "schedule", &view);
    const char *country = kj_doc_text(judged->lead, "country", NULL);
    bool same = last->known && same_schedule(schedule, last->schedule) &&
                kj_streq(country ? country : "", last->country);
    if (!same) {
        kj_doc_clear(&last->schedule);
        last->known = false;
        int rc = kj_windows_parse(schedule, country, &last->windows, fault);
        if (rc != KJ_OK)
            return rc;
        last->known = kj_copy(last->country, sizeof last->country, country ? country : "");
        last->schedule = schedule ? bson_copy(schedule) : NULL;
    }
    *windows = last->windows;
    return KJ_OK;
}

size_t kj_judged_zones(const bson_t *lead, const char *to, const struct kj_zone **zones)
{
    zones[0] = kj_zone_get(kj_doc_text(lead, "timezone", "-"));
    if (zones[0])
        return 1;
    return kj_zones_of_number(to, kj_doc_text(lead, "country", ""), zones, KJ_MAX_ZONES);
}

static void fill_concurrency(const struct kj_engine *engine, const struct kj_judged *judged,
                             struct kj_gate_input *input)
{
    enum { k_look_again_ms = 15000 };
    int64_t campaign = judged->campaign ? kj_doc_int(judged->campaign, "_id", 0) : 0;
    int64_t most = campaign ? kj_doc_int(judged->campaign, "limits.max_concurrent", 0) : 0;
    input->open_calls = kj_trunk_in_use(engine, 0);
    input->max_calls = engine->own->max_calls;
    if (most > 0 && input->open_calls < input->max_calls) {
        input->open_calls = kj_trunk_in_use(engine, campaign);
        input->max_calls = (int)most;
    }
    input->slot_hint = input->now + k_look_again_ms;
}

int kj_judge_input(const struct kj_engine *engine, const struct kj_judged *judged,
                   struct kj_windows *windows, struct kj_gate_input *input, struct kj_fault *fault)
{
    bson_t view, next;
    int64_t attempts = 0;
    int rc = read_windows(engine, judged, windows, fault);
    if (rc != KJ_OK)
        return rc;
    *input = (struct kj_gate_input){
        .now = judged->now, .number = judged->number, .lead = judged->lead, .windows = windows};
    input->zone_count = kj_judged_zones(judged->lead, judged->to, input->zones);
    if (child_of_job(judged, KJ_JUDGED_NEXT, &next)) {
        input->requested_callback = kj_streq(kj_doc_text(&next, "kind", ""), "callback");
        input->not_before = kj_doc_time(&next, "at", 0);
    }
    if (judged->of_job[KJ_JUDGED_ATTEMPTS].key &&
        kj_element_int(&judged->of_job[KJ_JUDGED_ATTEMPTS], &attempts))
        input->job_attempts = (int)attempts;
    const bson_t *limits = setting(judged, KJ_JUDGED_LIMITS, "limits", &view);
    if (limits && kj_doc_child(limits, "consent", &input->consent_view))
        input->consent_policy = &input->consent_view;
    input->cap_per_day = limits ? (int)kj_doc_int(limits, "per_day", 1) : 1;
    input->cap_per_30_days = limits ? (int)kj_doc_int(limits, "per_30_days", 6) : 6;
    input->cap_lead_per_campaign = limits ? (int)kj_doc_int(limits, "per_lead", 10) : 10;
    fill_concurrency(engine, judged, input);
    return KJ_OK;
}
