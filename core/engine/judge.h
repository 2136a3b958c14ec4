// What the gates are given, read from the documents in one place: admit, the permit and "why" must
// judge alike.
#ifndef KJ_JUDGE_H
#define KJ_JUDGE_H

#include "doc/element.h"
#include "engine/engine.h"
#include "model/gate.h"

// Of the job, in one walk: each judgement asks for all of these, and most jobs have few of them.
enum {
    KJ_JUDGED_CANCEL,
    KJ_JUDGED_NEXT,
    KJ_JUDGED_SCHEDULE,
    KJ_JUDGED_LIMITS,
    KJ_JUDGED_ATTEMPTS,
    KJ_JUDGED_FIELDS
};

struct kj_judged {
    int64_t now;
    const bson_t *job, *campaign; // either may be NULL
    const bson_t *lead, *number;  // number NULL = never seen
    const char *to;
    struct kj_element of_job[KJ_JUDGED_FIELDS]; // kj_judged_read
};

void kj_judged_read(struct kj_judged *judged); // before it is judged

// A campaign's windows, as last read: the calls of one mostly have the same schedule.
struct kj_known_windows {
    bool known;
    bson_t *schedule; // NULL: none
    char country[8];
    struct kj_windows windows;
};

// A permit older than this holds nobody back: the longest call, the look-ups after it, and then
// some. Whoever left an attempt open so long ago will not close it.
enum { KJ_OPEN_ATTEMPT_MS = 3600000 };

// What stands before the gates: people and their campaigns.
enum kj_halt_cause {
    KJ_HALT_CANCELED,
    KJ_HALT_CAMPAIGN,
    KJ_HALT_DIALING, // the kill switch
    KJ_HALT_CALLBACK,
    KJ_HALT_COUNT
};

struct kj_halt {
    const char *reason;
    const char *outcome; // it is over, with this outcome; NULL = it may go on later
    int64_t look_again;  // wall ms, when it may
};

bool kj_judge_halt(enum kj_halt_cause cause, const struct kj_engine *engine,
                   const struct kj_judged *judged, struct kj_halt *halt);
const char *kj_halt_name(enum kj_halt_cause cause);

// `windows` and *judged must outlive *input. The trunk's rate is left open. Fails when the schedule
// cannot be read.
int kj_judge_input(const struct kj_engine *engine, const struct kj_judged *judged,
                   struct kj_windows *windows, struct kj_gate_input *input,
                   struct kj_fault *fault) KJ_MUST_USE;
// The callee's zones: the lead's own, else those the number may be in.
size_t kj_judged_zones(const bson_t *lead, const char *to, const struct kj_zone **zones);

#endif
