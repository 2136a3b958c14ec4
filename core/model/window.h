// Calling windows: when a number may be called, as UTC instants.
#ifndef KJ_WINDOW_H
#define KJ_WINDOW_H

#include "doc/doc.h"
#include "model/zone.h"

enum { KJ_MAX_WINDOWS = 16, KJ_MAX_HOLIDAYS = 64, KJ_MAX_ZONES = 24 };

struct kj_window {
    unsigned days; // bit 0 = Monday … bit 6 = Sunday
    int from, to;  // local minutes, 0..1440; from < to
};

struct kj_windows {
    struct kj_window windows[KJ_MAX_WINDOWS];
    size_t count;
    unsigned weekend_off;          // days that are closed (by the country's weekend rule)
    int holidays[KJ_MAX_HOLIDAYS]; // yyyymmdd, local, closed
    size_t holiday_count;
    int64_t starts_at, ends_at; // 0 = unbounded
};

// From a `schedule` document (schemas/documents/schedule): {windows: [{days[0..6], from "09:00",
// to "20:00"}], weekend: "open"|"off", holidays: ["2026-12-25"], starts_at, ends_at}. Absent = the
// default, Monday to Saturday 09:00-20:00.
int kj_windows_parse(const bson_t *schedule, const char *country, struct kj_windows *windows,
                     struct kj_fault *fault) KJ_MUST_USE;
// The first instant >= at that is open in ALL zones, or INT64_MAX when none within 60 days (or
// before ends_at). `closes` (may be NULL) gets the end of that open span.
int64_t kj_windows_next(const struct kj_windows *windows, const struct kj_zone *const *zones,
                        size_t count, int64_t at, int64_t *closes);

#endif
