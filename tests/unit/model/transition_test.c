// Every change of offset between 2020 and 2040 of every zone that tzdata has, minute by minute,
// against libc: nothing opens outside its hours, nothing of them is lost, and an hour that comes
// twice is open once. That is 8,544 changes in 598 zones under four windows each. By default
// without the zones that are only another's second name (5,592 changes); with KEJUE_TEST_LONG=1
// all.
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "base/alloc.h"
#include "base/str.h"
#include "doc/json.h"
#include "model/window.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

// A day before and after: what a window of the neighbouring day does is in it.
enum { BEFORE = 26 * 60, AFTER = 26 * 60, MINUTES = BEFORE + AFTER, SHAPES = 4 };

static const int64_t k_minute = 60000;

struct minute {          // as libc sees it
    int weekday, of_day; // Monday = 0
    bool again;          // this local time has been before
};

struct span { // of a window, in local minutes of a day
    unsigned days;
    int from, to;
};

struct shape {
    const char *name;
    struct span spans[4];
    size_t count;
};

static const struct shape k_day = {"day", {{0x3f, 9 * 60, 20 * 60}}, 1};
static const struct shape k_night = {"night", {{0x7f, 22 * 60, 1440}, {0x7f, 0, 6 * 60}}, 2};
static const struct shape k_week = {
    "week with breaks", {{0x7f, 0, 125}, {0x7f, 150, 12 * 60}, {0x7f, 13 * 60, 1439}}, 3};

static struct {
    size_t zones, transitions, checked, again; // minutes that were judged, that came twice
} s_sum;

static struct kj_windows parse(const struct shape *shape)
{
    struct kj_windows windows;
    struct kj_fault fault;
    bson_t schedule = BSON_INITIALIZER, list = BSON_INITIALIZER;
    struct kj_doc_list at = {&list};
    for (size_t i = 0; i < shape->count; i++) {
        const struct span *span = &shape->spans[i];
        bson_t window = BSON_INITIALIZER, days = BSON_INITIALIZER;
        struct kj_doc_list day = {&days};
        char text[16];
        for (int d = 0; d < 7; d++)
            if (span->days >> d & 1)
                kj_doc_put_int(&days, kj_doc_next(&day), d);
        kj_doc_put_array(&window, "days", &days);
        snprintf(text, sizeof text, "%02d:%02d", span->from / 60, span->from % 60);
        kj_doc_put_text(&window, "from", text);
        snprintf(text, sizeof text, "%02d:%02d", span->to / 60, span->to % 60);
        kj_doc_put_text(&window, "to", text);
        kj_doc_put_doc(&list, kj_doc_next(&at), &window);
        bson_destroy(&window);
        bson_destroy(&days);
    }
    kj_doc_put_array(&schedule, "windows", &list);
    if (kj_windows_parse(&schedule, NULL, &windows, &fault) != KJ_OK)
        fail_msg("%s: %s", shape->name, fault.text);
    bson_destroy(&list);
    bson_destroy(&schedule);
    return windows;
}

// Half an hour before and after the transition, by the clock that goes until then.
static struct shape hour_around(const struct minute *last)
{
    int from = last->of_day + 1 - 30, to = last->of_day + 1 + 30;
    struct shape shape = {
        "hour around it", {{0x7f, from < 0 ? 0 : from, to > 1440 ? 1440 : to}}, 1};
    if (from < 0)
        shape.spans[shape.count++] = (struct span){0x7f, 1440 + from, 1440};
    if (to > 1440)
        shape.spans[shape.count++] = (struct span){0x7f, 0, to - 1440};
    return shape;
}

static bool is_inside(const struct shape *shape, const struct minute *minute)
{
    for (size_t i = 0; i < shape->count; i++)
        if ((shape->spans[i].days >> minute->weekday & 1) &&
            minute->of_day >= shape->spans[i].from && minute->of_day < shape->spans[i].to)
            return true;
    return false;
}

static void ask_libc(int64_t start, struct minute *minutes)
{
    int64_t latest = INT64_MIN; // local seconds lived through
    for (int i = 0; i < MINUTES; i++) {
        struct tm local;
        time_t at = (time_t)(start / 1000 + i * 60);
        assert_non_null(localtime_r(&at, &local));
        int64_t seconds = (int64_t)at + local.tm_gmtoff;
        minutes[i] = (struct minute){(local.tm_wday + 6) % 7, local.tm_hour * 60 + local.tm_min,
                                     seconds <= latest};
        if (seconds > latest)
            latest = seconds;
        assert_int_equal(local.tm_sec, 0);
        s_sum.again += minutes[i].again;
    }
}

static void check_shape(const struct shape *shape, const struct kj_windows *windows,
                        const struct kj_zone *zone, int64_t start, const struct minute *minutes)
{
    int64_t end = start + MINUTES * k_minute, opens = start, closes = start;
    for (int i = 0; i < MINUTES; i++, s_sum.checked++) {
        int64_t at = start + i * k_minute;
        if (at >= closes) { // the next span
            opens = kj_windows_next(windows, &zone, 1, at, &closes);
            if (opens % k_minute || (closes % k_minute && closes < end))
                fail_msg("%s, %s: opens or closes within a minute", kj_zone_name(zone),
                         shape->name);
        }
        bool inside = is_inside(shape, &minutes[i]) && !minutes[i].again;
        if ((at >= opens && at < closes) != inside) {
            char text[32];
            kj_time_print(at, text, sizeof text);
            fail_msg("%s, %s: at %s (local minute %d, weekday %d) it is %s", kj_zone_name(zone),
                     shape->name, text, minutes[i].of_day, minutes[i].weekday,
                     inside ? "closed within its hours" : "open outside its hours");
        }
    }
}

static void check_transition(const struct kj_zone *zone, int64_t change,
                             const struct kj_windows *fixed)
{
    static const struct shape *const k_fixed[] = {&k_day, &k_night, &k_week};
    static struct minute minutes[MINUTES];
    int64_t start = change - BEFORE * k_minute;
    ask_libc(start, minutes);
    for (size_t i = 0; i < KJ_COUNT(k_fixed); i++)
        check_shape(k_fixed[i], &fixed[i], zone, start, minutes);
    struct shape around = hour_around(&minutes[BEFORE - 1]);
    struct kj_windows windows = parse(&around);
    check_shape(&around, &windows, zone, start, minutes);
    s_sum.transitions++;
}

// Names of tzdata: "Z NAME …", and of a link "L TARGET NAME", are lines of its tzdata.zi.
static size_t list_zones(char (*names)[64], size_t size, bool links)
{
    struct kj_buf file;
    size_t count = 0;
    kj_buf_init(&file, 4 << 20);
    assert_int_equal(kj_read_file("/usr/share/zoneinfo/tzdata.zi", 4 << 20, &file, NULL), 0);
    char *rest = file.data;
    for (char *line; (line = strsep(&rest, "\n"));)
        if (count < size && (sscanf(line, "Z %63s", names[count]) == 1 ||
                             (links && sscanf(line, "L %*s %63s", names[count]) == 1)))
            count++;
    kj_buf_fini(&file);
    return count;
}

static int64_t year(int number)
{
    char text[32];
    int64_t at;
    snprintf(text, sizeof text, "%d-01-01T00:00:00Z", number);
    assert_true(kj_time_parse(text, &at));
    return at;
}

// What libc changes and our reader does not know of would not be looked at: compare each day.
static void check_none_missed(const struct kj_zone *zone)
{
    int64_t until = year(2041);
    for (int64_t at = year(2020); at < until; at += 1440 * k_minute) {
        struct tm local;
        time_t second = (time_t)(at / 1000);
        assert_non_null(localtime_r(&second, &local));
        if (local.tm_gmtoff != kj_zone_offset(zone, at))
            fail_msg("%s: libc has another offset", kj_zone_name(zone));
    }
}

static void check_zone(const char *name, const struct kj_windows *fixed)
{
    const struct kj_zone *zone = kj_zone_get(name);
    int64_t until = year(2041);
    if (zone == NULL)
        fail_msg("no zone %s", name);
    setenv("TZ", name, 1);
    tzset();
    check_none_missed(zone);
    for (int64_t at = year(2020); (at = kj_zone_next_change(zone, at)) < until;)
        check_transition(zone, at, fixed);
    s_sum.zones++;
}

static void test_every_transition(void **state)
{
    static char names[800][64];
    const struct kj_windows fixed[] = {parse(&k_day), parse(&k_night), parse(&k_week)};
    const char *wish = getenv("KEJUE_TEST_LONG");
    bool all = wish && *wish == '1';
    size_t count = list_zones(names, KJ_COUNT(names), all);
    (void)state;
    assert_true(count > 300 && count < KJ_COUNT(names));
    for (size_t i = 0; i < count; i++)
        check_zone(names[i], fixed);
    unsetenv("TZ");
    tzset();
    print_message("%zu zones, %zu transitions, %zu minutes of %d windows (%zu came twice): "
                  "0 starts outside\n",
                  s_sum.zones, s_sum.transitions, s_sum.checked, SHAPES, s_sum.again);
    assert_true(s_sum.transitions > (all ? 8000 : 5000));
    assert_true(s_sum.again > s_sum.transitions);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_transition)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
