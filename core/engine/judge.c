// Documents to gate input.
#include "engine/judge.h"

#include "engine/path.h"

const bson_t *kj_judged_setting(const struct kj_judged *judged, const char *name, bson_t *view)
{
    if (judged->job && kj_doc_child(judged->job, name, view))
        return view;
    if (judged->campaign && kj_doc_child(judged->campaign, name, view))
        return view;
    return NULL;
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
    bson_t view;
    int rc = kj_windows_parse(kj_judged_setting(judged, "schedule", &view),
                              kj_doc_text(judged->lead, "country", NULL), windows, fault);
    if (rc != KJ_OK)
        return rc;
    *input = (struct kj_gate_input){
        .now = judged->now, .number = judged->number, .lead = judged->lead, .windows = windows};
    input->zone_count = kj_judged_zones(judged->lead, judged->to, input->zones);
    if (judged->job) {
        input->requested_callback = kj_streq(kj_doc_text(judged->job, "next.kind", ""), "callback");
        input->not_before = kj_doc_time(judged->job, "next.at", 0);
        input->job_attempts = (int)kj_doc_int(judged->job, "attempts_made", 0);
    }
    const bson_t *limits = kj_judged_setting(judged, "limits", &view);
    input->cap_per_day = limits ? (int)kj_doc_int(limits, "per_day", 1) : 1;
    input->cap_per_30_days = limits ? (int)kj_doc_int(limits, "per_30_days", 6) : 6;
    input->cap_lead_per_campaign = limits ? (int)kj_doc_int(limits, "per_lead", 10) : 10;
    fill_concurrency(engine, judged, input);
    return KJ_OK;
}
