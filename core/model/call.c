// Names and order of a call's states and dispositions (facts of telephony, section 3).
#include "model/call.h"

#include "base/alloc.h"
#include "base/str.h"

static const char *const k_states[] = {
    [KJ_CALL_QUEUED] = "queued",           [KJ_CALL_DIALING] = "dialing",
    [KJ_CALL_RINGING] = "ringing",         [KJ_CALL_ANSWERED] = "answered",
    [KJ_CALL_IN_PROGRESS] = "in_progress", [KJ_CALL_ENDED] = "ended",
    [KJ_CALL_CANCELED] = "canceled",       [KJ_CALL_UNKNOWN] = "unknown",
};

static const struct {
    const char *name;
    bool counts, final;
} k_dispositions[KJ_DISP_COUNT] = {
    [KJ_DISP_NONE] = {"none", false, false},
    [KJ_DISP_COMPLETED] = {"completed", true, false},
    [KJ_DISP_VOICEMAIL] = {"voicemail", true, false},
    [KJ_DISP_BUSY] = {"busy", true, false},
    [KJ_DISP_NO_ANSWER] = {"no_answer", true, false},
    [KJ_DISP_REJECTED] = {"rejected", true, false},
    [KJ_DISP_BLOCKED] = {"blocked", true, true},
    [KJ_DISP_INVALID_NUMBER] = {"invalid_number", true, true},
    [KJ_DISP_UNREACHABLE] = {"unreachable", true, false},
    [KJ_DISP_CANCELED] = {"canceled", false, false},
    [KJ_DISP_AUTH_FAILED] = {"auth_failed", false, false},
    [KJ_DISP_CARRIER_ERROR] = {"carrier_error", false, false},
    [KJ_DISP_MEDIA_FAILED] = {"media_failed", true, false}, // somebody picked up and heard nothing
    [KJ_DISP_EXPIRED] = {"expired", false, false},
};

const char *kj_call_state_name(enum kj_call_state state)
{
    return (unsigned)state < KJ_COUNT(k_states) ? k_states[state] : "unknown";
}

int kj_call_state_from_name(const char *name)
{
    for (size_t i = 0; i < KJ_COUNT(k_states); i++)
        if (kj_streq(name, k_states[i]))
            return (int)i;
    return -1;
}

const char *kj_disposition_name(enum kj_disposition disposition)
{
    return (unsigned)disposition < KJ_DISP_COUNT ? k_dispositions[disposition].name : "none";
}

enum kj_disposition kj_disposition_from_name(const char *name)
{
    for (size_t i = 0; i < KJ_DISP_COUNT; i++)
        if (kj_streq(name, k_dispositions[i].name))
            return (enum kj_disposition)i;
    return KJ_DISP_NONE;
}

bool kj_call_may_follow(enum kj_call_state from, enum kj_call_state to)
{
    if (from == KJ_CALL_ENDED || from == KJ_CALL_CANCELED || from == to)
        return false;
    if (to == KJ_CALL_UNKNOWN)
        return from != KJ_CALL_QUEUED; // nothing was sent yet: nothing can be lost
    if (to == KJ_CALL_CANCELED)
        return from < KJ_CALL_ANSWERED || from == KJ_CALL_UNKNOWN;
    if (from == KJ_CALL_UNKNOWN)
        return to != KJ_CALL_QUEUED; // looked up: whatever the carrier says
    return to > from;
}

bool kj_disposition_counts(enum kj_disposition disposition)
{
    return (unsigned)disposition < KJ_DISP_COUNT && k_dispositions[disposition].counts;
}

bool kj_disposition_final(enum kj_disposition disposition)
{
    return (unsigned)disposition < KJ_DISP_COUNT && k_dispositions[disposition].final;
}
