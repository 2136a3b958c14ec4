// Parts of a wish to instants in the callee's zone. Two possible readings are reported as
// ambiguous, an impossible one as invalid; nothing is guessed.
#include "model/wish.h"

#include "base/alloc.h"
#include "model/language.h"

enum {
    k_day_from = 9 * 60, // a day without a time
    k_day_to = 20 * 60,
    k_latest = 21 * 60, // no time of day is read outside 07:00 to 21:00 unless it is said so
    k_earliest = 7 * 60,
    k_most_days = 366,
};

struct span {
    int from, to; // minutes of the day; equal for a point in time
};

static const struct span k_parts[] = {
    [KJ_PART_NONE] = {k_day_from, k_day_to},  [KJ_PART_EARLY] = {8 * 60, 10 * 60},
    [KJ_PART_MORNING] = {9 * 60, 12 * 60},    [KJ_PART_MIDDAY] = {12 * 60, 14 * 60},
    [KJ_PART_AFTERNOON] = {14 * 60, 18 * 60}, [KJ_PART_EVENING] = {18 * 60, 21 * 60},
    [KJ_PART_NIGHT] = {20 * 60, 22 * 60},
};

// --- days ---

// The days from today to a month and day in this year or the next; -1 when there is none.
static int days_to_date(const struct kj_civil *today, int date)
{
    int year = date / 10000, month = date / 100 % 100, day = date % 100;
    struct kj_civil start = {.year = today->year, .month = today->month, .day = today->day}, back;
    for (int try = year ? year : today->year; try <= (year ? year : today->year + 1); try++) {
        struct kj_civil civil = {.year = try, .month = month, .day = day};
        int64_t at = kj_civil_to_ms(&civil);
        kj_civil_from_ms(at, &back);
        int days = (int)((at - kj_civil_to_ms(&start)) / 86400000);
        if (back.month == month && back.day == day && days >= 0)
            return days;
    }
    return -1;
}

// The next such day of the month: this month's or the first after it that has one; 0 today.
static int days_to_day_of_month(const struct kj_civil *today, int day)
{
    for (int ahead = 0; ahead < 3; ahead++) {
        struct kj_civil first = {.year = today->year, .month = today->month + ahead, .day = 1},
                        back;
        kj_civil_from_ms(kj_civil_to_ms(&first), &back);
        int days = days_to_date(today, back.year * 10000 + back.month * 100 + day);
        if (days >= 0)
            return days;
    }
    return -1;
}

// The days from today to a weekday; -1 = two readings.
static int days_to_weekday(const struct kj_wish_day *day, int today, int week)
{
    int ahead = (day->value - today + 7) % 7;
    if (week >= 0) {
        int days = 7 * week + day->value - today;
        return days > 0 ? days : -1;
    }
    switch (day->kind) {
    case KJ_WISH_DAY_COMING:
        return ahead ? ahead : 7;
    case KJ_WISH_DAY_THIS:
        return day->value >= today ? ahead : -1;
    case KJ_WISH_DAY_NEXT: // within this week, or two days off, it could be either
        return ahead == 0 ? 7 : day->value > today || ahead <= 2 ? -1 : ahead;
    default:
        return ahead ? ahead : -1;
    }
}

enum { k_no_day = -1, k_two_days = -2, k_no_such_day = -3 };

static int resolve_one_day(const struct kj_wish_parts *parts, const struct kj_wish_day *day,
                           const struct kj_civil *today)
{
    int days;
    switch (day->kind) {
    case KJ_WISH_DAY_OFFSET:
        return day->value;
    case KJ_WISH_DAY_DATE:
        days = days_to_date(today, day->value);
        return days < 0 ? k_no_such_day : days;
    case KJ_WISH_DAY_OF_MONTH:
        days = days_to_day_of_month(today, day->value);
        return days < 0 ? k_no_such_day : days == 0 ? k_two_days : days;
    default:
        days = days_to_weekday(day, today->weekday, parts->week);
        return days < 0 ? k_two_days : days;
    }
}

static bool is_weekday(const struct kj_wish_day *day)
{
    return day->kind == KJ_WISH_DAY_WEEKDAY || day->kind == KJ_WISH_DAY_NEXT ||
           day->kind == KJ_WISH_DAY_COMING || day->kind == KJ_WISH_DAY_THIS;
}

// Days from today, or one of the k_ above. All days that were named must be the same one; beside a
// date a weekday only confirms it ("Thursday the 9th").
static int resolve_day(const struct kj_wish_parts *parts, const struct kj_civil *today)
{
    int found = k_no_day;
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < parts->day_count; i++) {
            const struct kj_wish_day *day = &parts->days[i];
            if (is_weekday(day) != (pass == 1))
                continue;
            bool confirms = pass == 1 && found >= 0 && (today->weekday + found) % 7 == day->value;
            int days = confirms ? found : resolve_one_day(parts, day, today);
            if (days < 0 || (found >= 0 && found != days))
                return days < 0 ? days : k_two_days;
            found = days;
        }
    if (found == k_no_day && parts->week >= 0)
        return k_two_days; // a week is not a day
    return found > k_most_days ? k_no_such_day : found;
}

// --- times ---

// What the part of the day makes of an hour of the 12-hour clock; -1 = they do not fit.
static int in_part(int minutes, enum kj_day_part part)
{
    static const struct {
        int from, to, shift; // hours that fit as they are said, and what is added
    } k_fits[] = {
        [KJ_PART_NONE] = {0, -1, 0},      [KJ_PART_EARLY] = {5, 11, 0},
        [KJ_PART_MORNING] = {5, 11, 0},   [KJ_PART_MIDDAY] = {11, 12, 0},
        [KJ_PART_AFTERNOON] = {1, 8, 12}, [KJ_PART_EVENING] = {4, 11, 12},
        [KJ_PART_NIGHT] = {7, 11, 12},
    };
    int hour = minutes / 60;
    if ((part == KJ_PART_MIDDAY && hour >= 1 && hour <= 3))
        return minutes + 720;
    if (part == KJ_PART_AFTERNOON && hour == 12)
        return minutes;
    return hour >= k_fits[part].from && hour <= k_fits[part].to ? minutes + k_fits[part].shift * 60
                                                                : -1;
}

// The minutes of the day a spoken time can mean, at most two; 0 = it contradicts itself.
static int readings(const struct kj_wish_clock *clock, enum kj_day_part part, int out[2])
{
    int minutes = clock->minutes, count = 0;
    if (clock->meridiem == KJ_SAID_AM || clock->meridiem == KJ_SAID_PM) {
        out[0] = minutes % 720 + (clock->meridiem == KJ_SAID_PM) * 720;
        return 1;
    }
    if (clock->meridiem == KJ_SAID_24) {
        out[0] = minutes;
        return 1;
    }
    if (part != KJ_PART_NONE) {
        out[0] = in_part(minutes, part);
        return out[0] >= 0;
    }
    for (int half = minutes % 720; half < 1440; half += 720)
        if (half >= k_earliest && half < k_latest)
            out[count++] = half;
    return count;
}

// The pair of readings with from < to that is shortest; false when two are.
static bool resolve_range(const struct kj_wish_parts *parts, struct span *span)
{
    int from[2], to[2], best = 1440;
    int count_from = readings(&parts->clocks[0], parts->part, from);
    int count_to = readings(&parts->clocks[1], parts->part, to);
    bool unique = false;
    for (int i = 0; i < count_from; i++)
        for (int j = 0; j < count_to; j++) {
            int length = to[j] - from[i];
            if (length <= 0 || length > best)
                continue;
            unique = length < best;
            best = length;
            *span = (struct span){from[i], to[j]};
        }
    return unique;
}

// The one reading of a single time; what has passed today is none. -1 = two, or none.
static int resolve_clock(const struct kj_wish_parts *parts, int after)
{
    int out[2], found = -1;
    int count = readings(&parts->clocks[0], parts->part, out);
    if (count == 1)
        return out[0];
    for (int i = 0; i < count; i++)
        if (out[i] > after) {
            if (found >= 0)
                return -1;
            found = out[i];
        }
    return found;
}

static bool resolve_span(const struct kj_wish_parts *parts, int after, struct span *span)
{
    *span = k_parts[parts->part];
    if (parts->clock_count == 0)
        return true;
    if (parts->relation == KJ_WISH_BETWEEN)
        return resolve_range(parts, span);
    int minutes = resolve_clock(parts, after);
    if (minutes < 0)
        return false;
    if (parts->relation == KJ_WISH_AT)
        *span = (struct span){minutes, minutes};
    else if (parts->relation == KJ_WISH_AFTER) {
        span->from = minutes;
        if (span->to <= minutes)
            span->to = minutes < k_latest ? k_latest : 1439;
    } else {
        span->to = minutes;
        if (span->from >= minutes)
            span->from = minutes > 60 ? minutes - 60 : 0;
    }
    return true;
}

// --- together ---

static int64_t instant(const struct kj_zone *zone, const struct kj_civil *today, int days,
                       int minutes)
{
    struct kj_civil civil = {.year = today->year,
                             .month = today->month,
                             .day = today->day + days,
                             .hour = minutes / 60,
                             .minute = minutes % 60};
    return kj_zone_instant(zone, &civil, NULL);
}

static enum kj_wish resolve_in_zone(const struct kj_wish_parts *parts, const struct kj_zone *zone,
                                    int64_t now, int64_t *earliest, int64_t *latest)
{
    struct kj_civil today;
    struct span span;
    kj_zone_local(zone, now, &today);
    int days = resolve_day(parts, &today);
    bool named = days >= 0;
    if (days == k_no_such_day)
        return KJ_WISH_INVALID;
    if (days == k_two_days)
        return KJ_WISH_AMBIGUOUS;
    if (!named)
        days = 0;
    // Only a day that was named decides between eight in the morning and eight in the evening.
    int after = named && days == 0 ? today.hour * 60 + today.minute : -1;
    bool limited = parts->limited && parts->clock_count == 0 && parts->part == KJ_PART_NONE;
    if (limited || !resolve_span(parts, after, &span))
        return KJ_WISH_AMBIGUOUS;
    *earliest = instant(zone, &today, days, span.from);
    *latest = instant(zone, &today, days, span.to);
    if (*latest <= now)
        return named ? KJ_WISH_INVALID : KJ_WISH_AMBIGUOUS;
    if (*earliest < now)
        *earliest = now;
    return KJ_WISH_OK;
}

// Neither day nor time was said: a wish all the same?
static enum kj_wish without_date(const struct kj_wish_parts *parts)
{
    if (parts->vague || parts->ambiguous || parts->denied)
        return KJ_WISH_AMBIGUOUS;
    return parts->gone ? KJ_WISH_INVALID : KJ_WISH_NONE;
}

enum kj_wish kj_wish_resolve(const struct kj_wish_parts *parts, const struct kj_zone *zone,
                             int64_t now, int64_t *at, int64_t *earliest, int64_t *latest)
{
    bool dated = parts->day_count > 0 || parts->week >= 0 || parts->clock_count > 0 ||
                 parts->part != KJ_PART_NONE;
    bool spanned = parts->span_minutes >= 0;
    enum kj_wish state = KJ_WISH_OK;
    *earliest = *latest = 0;
    if (parts->invalid || parts->span_minutes > k_most_days * 1440)
        return KJ_WISH_INVALID;
    if (!dated && !spanned)
        return without_date(parts);
    if (parts->ambiguous || (dated && (spanned || zone == NULL)))
        return KJ_WISH_AMBIGUOUS;
    if (spanned)
        *earliest = *latest = now + parts->span_minutes * INT64_C(60000);
    else
        state = resolve_in_zone(parts, zone, now, earliest, latest);
    if (state != KJ_WISH_OK)
        *earliest = *latest = 0;
    *at = *earliest;
    return state;
}

enum kj_wish kj_wish_parse(const char *text, const char *language, const struct kj_zone *zone,
                           int64_t now, int64_t *at, int64_t *earliest, int64_t *latest)
{
    struct kj_wish_token tokens[KJ_WISH_TOKENS];
    struct kj_wish_parts parts;
    char tag[16] = "en";
    *at = *earliest = *latest = 0;
    if (language && !kj_language_parse(language, tag))
        return KJ_WISH_NONE;
    size_t count = kj_wish_scan(text, tag, tokens, KJ_COUNT(tokens));
    kj_wish_read(tokens, count, &parts);
    return kj_wish_resolve(&parts, zone, now, at, earliest, latest);
}
