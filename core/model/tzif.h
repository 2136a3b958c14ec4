// A TZif file (RFC 8536, version 2 or newer) in memory: the changes of offset it lists and the rule
// of its footer for all time after. Immutable once read.
#ifndef KJ_TZIF_H
#define KJ_TZIF_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// One end of daylight saving time in a POSIX rule.
struct kj_tz_rule {
    char kind;            // 'M' month.week.day, 'J' day of year without 29 February, '0' with it
    int month, week, day; // J and 0 use day only
    int second;           // local seconds after midnight, -167 h … 167 h
};

// The footer: "CET-1CEST,M3.5.0,M10.5.0/3". Offsets in seconds east of UTC.
struct kj_posix_tz {
    bool known; // false: no footer, the last offset holds for ever
    bool has_dst;
    int standard, summer;
    struct kj_tz_rule start, end;
};

struct kj_tzif {
    int first;      // offset before the first change
    size_t count;   // changes
    int64_t *at;    // seconds since 1970, ascending
    int *offset;    // from at[i] on; never equal to the one before
    int64_t listed; // the last listed transition: the footer speaks after it (INT64_MIN: always)
    struct kj_posix_tz footer;
};

// KJ_EPARSE for anything that is not a whole, sane file without leap seconds. fini in both cases.
int kj_tzif_read(const void *bytes, size_t length, struct kj_tzif *tz,
                 struct kj_fault *fault) KJ_MUST_USE;
void kj_tzif_fini(struct kj_tzif *tz);
int kj_tzif_offset(const struct kj_tzif *tz, int64_t second);
// The first change after `second`, or INT64_MAX.
int64_t kj_tzif_next(const struct kj_tzif *tz, int64_t second);

// The footer alone. False when the text is not a POSIX TZ string.
bool kj_posix_tz_parse(const char *text, struct kj_posix_tz *tz);
int kj_posix_tz_offset(const struct kj_posix_tz *tz, int64_t second);
int64_t kj_posix_tz_next(const struct kj_posix_tz *tz, int64_t second);

#endif
