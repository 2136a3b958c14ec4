// The admit gates, in order: opt_out, do_not_call, consent, window, frequency, trunk_rate,
// concurrency. A pure function of what was read and the time; its verdict is the answer to "why".
#ifndef KJ_GATE_H
#define KJ_GATE_H

#include "doc/doc.h"
#include "model/window.h"

enum kj_gate {
    KJ_GATE_OPT_OUT,
    KJ_GATE_DO_NOT_CALL,
    KJ_GATE_CONSENT,
    KJ_GATE_WINDOW,
    KJ_GATE_FREQUENCY,
    KJ_GATE_TRUNK_RATE,
    KJ_GATE_CONCURRENCY,
    KJ_GATE_COUNT
};

struct kj_gate_input {
    int64_t now;
    const bson_t *number; // documents/number: refusals, recent attempts; NULL = never seen
    const bson_t *lead;
    const bson_t *consent_policy; // {required: bool, regions[]}; may be NULL
    bson_t consent_view;          // where whoever fills this in may keep the policy's header
    const struct kj_windows *windows;
    const struct kj_zone *zones[KJ_MAX_ZONES];
    size_t zone_count;
    int64_t not_before; // a requested callback: from then on cap_per_day is lifted for one attempt
    bool requested_callback;
    int cap_per_day, cap_per_30_days; // over all campaigns
    int cap_lead_per_campaign;        // attempts of this job already counted against it
    int job_attempts;
    int64_t next_trunk_slot; // 0 = free now
    int open_calls, max_calls;
    int64_t slot_hint; // when a concurrency slot may be free
    bool all;          // for people: judge the gates behind the first that is closed as well
    bool another_time; // `now` is not now: what the trunk does then nobody knows
};

struct kj_gate_result {
    bool open;
    bool final;              // will never open (opt-out, do-not-call, attempts used up)
    enum kj_gate stopped_by; // when not open
    int64_t next_at;         // next eligible instant when not open and not final; INT64_MAX = never
    bool waits_for_person; // next_at is INT64_MAX: somebody must add a consent, a zone, a schedule
};

// Fills *result and appends to `verdict` (an open document): at, open, final, gate, next_at,
// waits_for_person and gates: [{gate, open, input (a sentence), final, next_at}], every gate up to
// and including the one that stopped (with `all` the others too; *result is the first one's).
// next_at is where window and frequency are both open as far as can be known now; it is left out
// for "never". A cap or max_calls of 0 is no cap.
void kj_gates_judge(const struct kj_gate_input *input, struct kj_gate_result *result,
                    bson_t *verdict);
const char *kj_gate_name(enum kj_gate gate);
// Did the person behind this number say no, in whatever way? `text` gets the first refusal: what,
// when, by whom and in which words.
bool kj_gate_refused(const bson_t *number, char *text, size_t size);

#endif
