// The POSIX TZ string in the footer of a TZif file: which offset holds after the listed changes.
// With the extensions of RFC 8536: hours from -167 to 167, daylight saving time all year.
#include "model/tzif.h"

#include "base/clock.h"

#include <ctype.h>
#include <string.h>

// The years 1 to 9999: what lies outside is held at the border.
static const int64_t k_first = -62135596800, k_last = 253402300799;

static bool number(const char **at, int low, int high, int *value)
{
    int digits = 0;
    *value = 0;
    while (isdigit((unsigned char)**at) && digits < 4) {
        *value = *value * 10 + (*(*at)++ - '0');
        digits++;
    }
    return digits > 0 && *value >= low && *value <= high;
}

// [+-]hh[:mm[:ss]] in seconds.
static bool clock_time(const char **at, int max_hours, int *seconds)
{
    int sign = 1, hours, minutes = 0, rest = 0;
    if (**at == '+' || **at == '-')
        sign = *(*at)++ == '-' ? -1 : 1;
    if (!number(at, 0, max_hours, &hours))
        return false;
    if (**at == ':') {
        ++*at;
        if (!number(at, 0, 59, &minutes))
            return false;
        if (**at == ':') {
            ++*at;
            if (!number(at, 0, 59, &rest))
                return false;
        }
    }
    *seconds = sign * (hours * 3600 + minutes * 60 + rest);
    return true;
}

static bool skip_name(const char **at)
{
    const char *start = *at;
    if (**at == '<') {
        start = ++*at;
        while (isalnum((unsigned char)**at) || **at == '+' || **at == '-')
            ++*at;
        return *(*at)++ == '>' && *at - start >= 4;
    }
    while (isalpha((unsigned char)**at))
        ++*at;
    return *at - start >= 3;
}

static bool rule(const char **at, struct kj_tz_rule *rule)
{
    if (*(*at)++ != ',')
        return false;
    *rule = (struct kj_tz_rule){.kind = '0', .second = 7200};
    if (**at == 'M') {
        rule->kind = 'M';
        ++*at;
        if (!number(at, 1, 12, &rule->month) || *(*at)++ != '.' || !number(at, 1, 5, &rule->week) ||
            *(*at)++ != '.' || !number(at, 0, 6, &rule->day))
            return false;
    } else if (**at == 'J') {
        rule->kind = 'J';
        ++*at;
        if (!number(at, 1, 365, &rule->day))
            return false;
    } else if (!number(at, 0, 365, &rule->day))
        return false;
    if (**at == '/') {
        ++*at;
        return clock_time(at, 167, &rule->second);
    }
    return true;
}

bool kj_posix_tz_parse(const char *text, struct kj_posix_tz *tz)
{
    int west;
    *tz = (struct kj_posix_tz){0};
    if (!skip_name(&text) || !clock_time(&text, 24, &west))
        return false;
    tz->standard = -west;
    tz->known = true;
    if (*text == 0)
        return true;
    tz->has_dst = true;
    tz->summer = tz->standard + 3600;
    if (!skip_name(&text))
        return false;
    if (*text != ',') {
        if (!clock_time(&text, 24, &west))
            return false;
        tz->summer = -west;
    }
    return rule(&text, &tz->start) && rule(&text, &tz->end) && *text == 0;
}

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

// The local second at which a rule takes effect in `year`.
static int64_t rule_second(const struct kj_tz_rule *rule, int year)
{
    struct kj_civil first = {.year = year, .month = rule->kind == 'M' ? rule->month : 1, .day = 1};
    int64_t day = kj_civil_to_ms(&first) / 86400000;
    if (rule->kind == 'J')
        day += rule->day - 1 + (is_leap(year) && rule->day >= 60);
    else if (rule->kind == '0')
        day += rule->day;
    else {
        static const int k_lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
        int length = k_lengths[rule->month - 1] + (rule->month == 2 && is_leap(year));
        int weekday = (int)(((day + 4) % 7 + 7) % 7); // 0 = Sunday, as in the rule
        int of_month = (rule->day - weekday + 7) % 7 + 7 * (rule->week - 1);
        day += of_month >= length ? of_month - 7 : of_month;
    }
    return day * 86400 + rule->second;
}

struct change {
    int64_t at;
    int offset;
};

enum { k_years = 4, k_changes = 2 * k_years };

// The changes of the years around `second`, in order. At one instant the later year's change comes
// last: summer time that lasts all year ends and starts in the same second.
static void list_changes(const struct kj_posix_tz *tz, int64_t second,
                         struct change changes[k_changes])
{
    struct kj_civil civil;
    int64_t bounded = second < k_first ? k_first : second > k_last ? k_last : second;
    kj_civil_from_ms((bounded + tz->standard) * 1000, &civil);
    for (int i = 0; i < k_changes; i++) {
        int year = civil.year - 1 + i / 2;
        struct change one =
            i % 2 ? (struct change){rule_second(&tz->end, year) - tz->summer, tz->standard}
                  : (struct change){rule_second(&tz->start, year) - tz->standard, tz->summer};
        int to = i;
        while (to > 0 && changes[to - 1].at > one.at) {
            changes[to] = changes[to - 1];
            to--;
        }
        changes[to] = one;
    }
}

int kj_posix_tz_offset(const struct kj_posix_tz *tz, int64_t second)
{
    if (!tz->has_dst)
        return tz->standard;
    struct change changes[k_changes];
    list_changes(tz, second, changes);
    int offset = changes[0].offset == tz->summer ? tz->standard : tz->summer;
    for (int i = 0; i < k_changes && changes[i].at <= second; i++)
        offset = changes[i].offset;
    return offset;
}

int64_t kj_posix_tz_next(const struct kj_posix_tz *tz, int64_t second)
{
    if (!tz->has_dst || second >= k_last)
        return INT64_MAX;
    struct change changes[k_changes];
    list_changes(tz, second, changes);
    int offset = kj_posix_tz_offset(tz, second);
    for (int i = 0; i < k_changes; i++)
        if (changes[i].at > second && kj_posix_tz_offset(tz, changes[i].at) != offset)
            return changes[i].at;
    return INT64_MAX;
}
