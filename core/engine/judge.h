// What the gates are given, read from the documents in one place: admit, the permit and "why" must
// judge alike.
#ifndef KJ_JUDGE_H
#define KJ_JUDGE_H

#include "engine/engine.h"
#include "model/gate.h"

struct kj_judged {
    int64_t now;
    const bson_t *job, *campaign; // either may be NULL
    const bson_t *lead, *number;  // number NULL = never seen
    const char *to;
};

// The setting that holds: of the call, else of its campaign, else NULL (the default).
const bson_t *kj_judged_setting(const struct kj_judged *judged, const char *name, bson_t *view);
// `windows` and *judged must outlive *input. The trunk's rate is left open. Fails when the schedule
// cannot be read.
int kj_judge_input(const struct kj_engine *engine, const struct kj_judged *judged,
                   struct kj_windows *windows, struct kj_gate_input *input,
                   struct kj_fault *fault) KJ_MUST_USE;
// The callee's zones: the lead's own, else those the number may be in.
size_t kj_judged_zones(const bson_t *lead, const char *to, const struct kj_zone **zones);

#endif
