// When the windows are open. An instant is open when its local time lies in a window and is met for
// the first time: the hour that comes twice in autumn is called in once. Walks from border to
// border (window, midnight, change of offset), so that no gap or overlap needs a rule of its own.
#include "model/window.h"

#include <string.h>

static const int64_t k_day_ms = 86400000, k_horizon_ms = 60 * 86400000LL;

static bool is_closed_day(const struct kj_windows *windows, const struct kj_civil *day)
{
    int date = day->year * 10000 + day->month * 100 + day->day;
    for (size_t i = 0; i < windows->holiday_count; i++)
        if (windows->holidays[i] == date)
            return true;
    return windows->weekend_off >> day->weekday & 1;
}

// Is local minute-of-day time `ms` open on that day, and until which local ms of the day does that
// answer hold?
static bool open_locally(const struct kj_windows *windows, const struct kj_civil *day, int64_t ms,
                         int64_t *until)
{
    bool open = false;
    *until = k_day_ms;
    if (is_closed_day(windows, day))
        return false;
    for (size_t i = 0; i < windows->count; i++) {
        const struct kj_window *window = &windows->windows[i];
        int64_t from = window->from * INT64_C(60000), to = window->to * INT64_C(60000);
        if (!(window->days >> day->weekday & 1))
            continue;
        if (ms >= from && ms < to) {
            *until = open && *until > to ? *until : to;
            open = true;
        } else if (!open && from > ms && from < *until)
            *until = from;
    }
    return open;
}

// The local time up to which the day has been lived through before `at`: the clock was put back.
static int64_t lived_until(const struct kj_zone *zone, int64_t at)
{
    int64_t lived = INT64_MIN, from = at - 27 * 3600000LL;
    for (;;) {
        int64_t change = kj_zone_next_change(zone, from);
        if (change > at)
            return lived;
        int64_t local = change + kj_zone_offset(zone, change - 1) * INT64_C(1000);
        lived = local > lived ? local : lived;
        from = change;
    }
}

// Open in this zone at `at`? The answer holds until *until (at least a millisecond on).
static bool open_in(const struct kj_windows *windows, const struct kj_zone *zone, int64_t at,
                    int64_t *until)
{
    struct kj_civil day;
    int64_t offset = kj_zone_offset(zone, at) * INT64_C(1000);
    int64_t local = at + offset, change = kj_zone_next_change(zone, at);
    int64_t lived = lived_until(zone, at), local_until;
    bool open = false;
    if (local < lived)
        *until = at + (lived - local);
    else {
        kj_zone_local(zone, at, &day);
        int64_t ms =
            ((day.hour * 60 + day.minute) * INT64_C(60) + day.second) * 1000 + day.millisecond;
        open = open_locally(windows, &day, ms, &local_until);
        *until = at + (local_until - ms);
    }
    if (*until > change)
        *until = change;
    return open;
}

// Open in all zones? When open, the answer holds until the first zone's border; when closed, at
// least until the last of the closed ones.
static bool open_in_all(const struct kj_windows *windows, const struct kj_zone *const *zones,
                        size_t count, int64_t at, int64_t *until)
{
    bool open = true;
    int64_t open_until = INT64_MAX, closed_until = 0;
    for (size_t i = 0; i < count; i++) {
        int64_t border;
        if (!open_in(windows, zones[i], at, &border)) {
            closed_until = open || border > closed_until ? border : closed_until;
            open = false;
        } else if (border < open_until)
            open_until = border;
    }
    *until = open ? open_until : closed_until;
    return open;
}

// From `at` on, as long as the zones are open (or closed): where that ends, at most `limit`.
static int64_t skip_while(const struct kj_windows *windows, const struct kj_zone *const *zones,
                          size_t count, int64_t at, int64_t limit, bool open)
{
    int64_t border;
    while (at < limit && open_in_all(windows, zones, count, at, &border) == open)
        at = border;
    return at < limit ? at : limit;
}

int64_t kj_windows_next(const struct kj_windows *windows, const struct kj_zone *const *zones,
                        size_t count, int64_t at, int64_t *closes)
{
    if (closes)
        *closes = INT64_MAX;
    if (windows->starts_at && at < windows->starts_at)
        at = windows->starts_at;
    if (count == 0 || windows->count == 0 || at > INT64_MAX - 2 * k_horizon_ms)
        return INT64_MAX;
    int64_t limit = at + k_horizon_ms;
    if (windows->ends_at && windows->ends_at < limit)
        limit = windows->ends_at;
    int64_t found = skip_while(windows, zones, count, at, limit, false);
    if (found >= limit)
        return INT64_MAX;
    if (closes)
        *closes = skip_while(windows, zones, count, found, limit, true);
    return found;
}
