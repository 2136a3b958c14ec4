// How often a number was called, and when it may be called again: the frequency gate's arithmetic.
#ifndef KJ_FREQUENCY_H
#define KJ_FREQUENCY_H

#include "model/gate.h"

struct kj_frequency {
    int today, in_30_days;
    bool open;
    bool lifted; // the day's cap is reached and lifted for a callback the callee asked for
};

void kj_frequency_count(const struct kj_gate_input *input, int64_t at,
                        struct kj_frequency *frequency);
// The first instant >= at where window and caps are both open, or INT64_MAX. Without zones only the
// caps are asked, by UTC days.
int64_t kj_frequency_next(const struct kj_gate_input *input, int64_t at);

#endif
