// The schedule document to calling windows. What cannot be read is refused, never widened.
#include "model/window.h"

#include "base/alloc.h"
#include "model/phone.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { k_all_days = 0x7F, k_weekdays_and_saturday = 0x3F };

static int bad(struct kj_fault *fault, const char *place, const char *hint, const char *text)
{
    return kj_fault(fault, KJ_EINVAL, place, hint, "%s", text);
}

// "09:00" to minutes, 24:00 included; -1 when it is not a time.
static int minutes_of(const char *text)
{
    if (strlen(text) != 5 || text[2] != ':')
        return -1;
    for (int i = 0; i < 5; i++)
        if (i != 2 && !isdigit((unsigned char)text[i]))
            return -1;
    int hour = (text[0] - '0') * 10 + text[1] - '0', minute = (text[3] - '0') * 10 + text[4] - '0';
    return minute > 59 || hour > 24 || (hour == 24 && minute > 0) ? -1 : hour * 60 + minute;
}

static int bad_window(struct kj_fault *fault, size_t index, const char *hint, const char *text)
{
    char place[64];
    snprintf(place, sizeof place, "/windows/%zu", index);
    return bad(fault, place, hint, text);
}

static int parse_days(const bson_t *window, size_t index, unsigned *days, struct kj_fault *fault)
{
    bson_t list;
    bson_iter_t at;
    *days = k_all_days;
    if (!kj_doc_has(window, "days"))
        return KJ_OK;
    *days = 0;
    (void)kj_doc_child(window, "days", &list);
    for (bool more = bson_iter_init(&at, &list); more && bson_iter_next(&at);) {
        int64_t day = BSON_ITER_HOLDS_INT(&at) ? bson_iter_as_int64(&at) : -1;
        if (day < 0 || day > 6)
            return bad_window(fault, index, "0 is Monday, 6 is Sunday", "a day must be 0 to 6");
        *days |= 1u << day;
    }
    return *days ? KJ_OK
                 : bad_window(fault, index, "leave `days` out for every day", "no day is named");
}

static int parse_window(const bson_iter_t *at, size_t index, struct kj_window *window,
                        struct kj_fault *fault)
{
    bson_t view;
    if (!kj_doc_at(at, &view))
        return bad_window(fault, index, NULL, "a window is an object with days, from and to");
    window->from = minutes_of(kj_doc_text(&view, "from", ""));
    window->to = minutes_of(kj_doc_text(&view, "to", ""));
    if (window->from < 0 || window->to < 0)
        return bad_window(fault, index, "write times as 09:00; the end of the day is 24:00",
                          "from and to must be times of day");
    if (window->from >= window->to)
        return bad_window(fault, index, "a window over midnight is two windows",
                          "a window must end after it begins");
    return parse_days(&view, index, &window->days, fault);
}

static int parse_windows(const bson_t *schedule, struct kj_windows *windows, struct kj_fault *fault)
{
    bson_t list;
    bson_iter_t at;
    if (schedule == NULL || !kj_doc_has(schedule, "windows")) {
        windows->windows[0] = (struct kj_window){k_weekdays_and_saturday, 9 * 60, 20 * 60};
        windows->count = 1;
        return KJ_OK;
    }
    (void)kj_doc_child(schedule, "windows", &list);
    for (bool more = bson_iter_init(&at, &list); more && bson_iter_next(&at);) {
        if (windows->count == KJ_MAX_WINDOWS)
            return bad(fault, "/windows", NULL, "there are more than 16 windows");
        int rc = parse_window(&at, windows->count, &windows->windows[windows->count], fault);
        if (rc != KJ_OK)
            return rc;
        windows->count++;
    }
    return windows->count
               ? KJ_OK
               : bad(fault, "/windows", "leave it out for Monday to Saturday 09:00-20:00",
                     "there is no window, so nobody could ever be called");
}

// "2026-12-25" to 20261225, or 0 when there is no such day.
static int day_of(const char *text)
{
    struct kj_civil civil = {0}, back;
    char rest;
    if (strlen(text) != 10 ||
        sscanf(text, "%4d-%2d-%2d%c", &civil.year, &civil.month, &civil.day, &rest) != 3)
        return 0;
    kj_civil_from_ms(kj_civil_to_ms(&civil), &back);
    return back.year == civil.year && back.month == civil.month && back.day == civil.day
               ? civil.year * 10000 + civil.month * 100 + civil.day
               : 0;
}

static int parse_holidays(const bson_t *schedule, struct kj_windows *windows,
                          struct kj_fault *fault)
{
    bson_t list;
    bson_iter_t at;
    (void)kj_doc_child(schedule, "holidays", &list);
    for (bool more = bson_iter_init(&at, &list); more && bson_iter_next(&at);) {
        int day = BSON_ITER_HOLDS_UTF8(&at) ? day_of(bson_iter_utf8(&at, NULL)) : 0;
        if (day == 0)
            return bad(fault, "/holidays", "write it as 2026-12-25", "a holiday is not a date");
        if (windows->holiday_count == KJ_MAX_HOLIDAYS)
            return bad(fault, "/holidays", NULL, "there are more than 64 holidays");
        windows->holidays[windows->holiday_count++] = day;
    }
    return KJ_OK;
}

static int parse_period(const bson_t *schedule, struct kj_windows *windows, struct kj_fault *fault)
{
    windows->starts_at = kj_doc_time(schedule, "starts_at", 0);
    windows->ends_at = kj_doc_time(schedule, "ends_at", 0);
    if (windows->starts_at == 0 && kj_doc_has(schedule, "starts_at"))
        return bad(fault, "/starts_at", "write it as 2026-12-25T09:00:00Z", "not an instant");
    if (windows->ends_at == 0 && kj_doc_has(schedule, "ends_at"))
        return bad(fault, "/ends_at", "write it as 2026-12-25T09:00:00Z", "not an instant");
    if (windows->ends_at && windows->ends_at <= windows->starts_at)
        return bad(fault, "/ends_at", NULL, "it must end after it starts");
    return KJ_OK;
}

int kj_windows_parse(const bson_t *schedule, const char *country, struct kj_windows *windows,
                     struct kj_fault *fault)
{
    *windows = (struct kj_windows){0};
    const char *weekend = schedule ? kj_doc_text(schedule, "weekend", "open") : "open";
    if (strcmp(weekend, "off") == 0)
        windows->weekend_off = kj_country_weekend(country);
    else if (strcmp(weekend, "open") != 0)
        return bad(fault, "/weekend", NULL, "must be \"open\" or \"off\"");
    int rc = parse_windows(schedule, windows, fault);
    if (rc == KJ_OK && schedule)
        rc = parse_holidays(schedule, windows, fault);
    if (rc == KJ_OK && schedule)
        rc = parse_period(schedule, windows, fault);
    return rc;
}
