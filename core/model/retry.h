// When to try again: a retry after a failed attempt, and the backoff of any job.
#ifndef KJ_RETRY_H
#define KJ_RETRY_H

#include "base/rng.h"
#include "doc/doc.h"
#include "model/call.h"

enum { KJ_MAX_GAPS = 20 };

extern const char kj_retry_goal[]; // "goal_incomplete" in a list of what earns a retry

struct kj_retry_policy {
    int gaps_minutes[KJ_MAX_GAPS]; // entry n: from attempt n+1 to attempt n+2
    size_t gap_count;
    int max_attempts;      // attempts in all = min(max_attempts, gap_count + 1)
    unsigned dispositions; // bit per kj_disposition that earns a retry
    bool goal_incomplete;  // a conversation that missed its goal earns one too (F-32); the caller
                           // judges that and asks kj_retry_after
};

// From a `retry` document {gaps_minutes[], max_attempts, on[dispositions, "goal_incomplete"]};
// absent = the default: busy, no_answer, voicemail, unreachable, rejected, carrier_error; 3
// attempts; 180, 1440 min. max_attempts comes out as min(max_attempts, gap_count + 1).
int kj_retry_parse(const bson_t *retry, struct kj_retry_policy *policy,
                   struct kj_fault *fault) KJ_MUST_USE;
// The gap in ms after `attempts` counted attempts ended in `disposition`; -1 = no more.
int64_t kj_retry_gap(const struct kj_retry_policy *policy, int attempts,
                     enum kj_disposition disposition);
// The same for an attempt that has earned it by meaning, whatever its disposition.
int64_t kj_retry_after(const struct kj_retry_policy *policy, int attempts);
// Exponential backoff with full jitter in the upper half: base * 2^(n-1), capped, n from 1.
int64_t kj_backoff(struct kj_rng *rng, int64_t base_ms, int64_t cap_ms, int n);

#endif
