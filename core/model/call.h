// The neutral model of a call: states, dispositions, end reasons, and which may follow which.
#ifndef KJ_CALL_H
#define KJ_CALL_H

#include <stdbool.h>

enum kj_call_state {
    KJ_CALL_QUEUED,
    KJ_CALL_DIALING,
    KJ_CALL_RINGING,
    KJ_CALL_ANSWERED,
    KJ_CALL_IN_PROGRESS,
    KJ_CALL_ENDED,
    KJ_CALL_CANCELED,
    KJ_CALL_UNKNOWN, // the carrier's answer was lost: looked up, else parked
};

enum kj_disposition {
    KJ_DISP_NONE,
    KJ_DISP_COMPLETED,
    KJ_DISP_VOICEMAIL,
    KJ_DISP_BUSY,
    KJ_DISP_NO_ANSWER,
    KJ_DISP_REJECTED,
    KJ_DISP_BLOCKED,
    KJ_DISP_INVALID_NUMBER,
    KJ_DISP_UNREACHABLE,
    KJ_DISP_CANCELED,
    KJ_DISP_AUTH_FAILED,
    KJ_DISP_CARRIER_ERROR,
    KJ_DISP_MEDIA_FAILED,
    KJ_DISP_EXPIRED,
    KJ_DISP_COUNT
};

// Names as in documents ("in_progress", "no_answer"); -1 / KJ_DISP_NONE when unknown.
const char *kj_call_state_name(enum kj_call_state state);
int kj_call_state_from_name(const char *name);
const char *kj_disposition_name(enum kj_disposition disposition);
enum kj_disposition kj_disposition_from_name(const char *name);
// Forward only: late and doubled reports change nothing.
bool kj_call_may_follow(enum kj_call_state from, enum kj_call_state to);
// Did the far end alert or answer? Else no attempt was consumed (carrier_error, auth_failed …).
bool kj_disposition_counts(enum kj_disposition disposition);
// Never call this number again (invalid_number, blocked).
bool kj_disposition_final(enum kj_disposition disposition);

#endif
