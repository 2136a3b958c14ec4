// Calling windows: parsing, borders, and the property that nothing outside is ever open.
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

#include <string.h>

static int64_t utc(const char *text)
{
    int64_t at;
    assert_true(kj_time_parse(text, &at));
    return at;
}

static int try_parse(const char *json, const char *country, struct kj_windows *windows,
                     struct kj_fault *fault)
{
    bson_t *doc;
    assert_int_equal(kj_json_parse(json, strlen(json), NULL, &doc, NULL, NULL), KJ_OK);
    int rc = kj_windows_parse(doc, country, windows, fault);
    bson_destroy(doc);
    return rc;
}

static struct kj_windows parse(const char *json, const char *country)
{
    struct kj_windows windows;
    struct kj_fault fault;
    if (try_parse(json, country, &windows, &fault) != KJ_OK)
        fail_msg("%s: %s", json, fault.text);
    return windows;
}

static int64_t next(const struct kj_windows *windows, const char *zone_names, const char *at,
                    int64_t *closes)
{
    const struct kj_zone *zones[4];
    char names[256], *rest = names;
    size_t count = 0;
    kj_copy(names, sizeof names, zone_names);
    for (char *name; (name = strsep(&rest, " "));)
        zones[count++] = kj_zone_get(name);
    return kj_windows_next(windows, zones, count, utc(at), closes);
}

static void check_next(const char *json, const char *zones, const char *at, const char *open,
                       const char *closes)
{
    struct kj_windows windows = parse(json, "DE");
    char got[32];
    int64_t end;
    int64_t found = next(&windows, zones, at, &end);
    if (open == NULL) {
        assert_true(found == INT64_MAX);
        return;
    }
    assert_true(found != INT64_MAX);
    kj_time_print(found, got, sizeof got);
    if (strncmp(got, open, strlen(open) - 1) != 0)
        fail_msg("%s at %s: opens %s, not %s", json, at, got, open);
    kj_time_print(end, got, sizeof got);
    if (strncmp(got, closes, strlen(closes) - 1) != 0)
        fail_msg("%s at %s: closes %s, not %s", json, at, got, closes);
}

#define OFFICE "{\"windows\":[{\"days\":[0,1,2,3,4],\"from\":\"09:00\",\"to\":\"17:00\"}]"
#define NIGHT "{\"windows\":[{\"from\":\"02:30\",\"to\":\"04:00\"}]}"

static void test_next(void **state)
{
    (void)state;
    // Wednesday 2026-07-01
    check_next(OFFICE "}", "Europe/Berlin", "2026-07-01T06:59:59Z", "2026-07-01T07:00:00Z",
               "2026-07-01T15:00:00Z");
    check_next(OFFICE "}", "Europe/Berlin", "2026-07-01T07:00:00Z", "2026-07-01T07:00:00Z",
               "2026-07-01T15:00:00Z");
    check_next(OFFICE "}", "Europe/Berlin", "2026-07-01T14:59:59Z", "2026-07-01T14:59:59Z",
               "2026-07-01T15:00:00Z");
    check_next(OFFICE "}", "Europe/Berlin", "2026-07-01T15:00:00Z", "2026-07-02T07:00:00Z",
               "2026-07-02T15:00:00Z");
    // Friday evening to Monday; K-46: the same hours in each lead's own zone
    check_next(OFFICE "}", "Europe/Berlin", "2026-07-03T16:00:00Z", "2026-07-06T07:00:00Z",
               "2026-07-06T15:00:00Z");
    check_next(OFFICE "}", "America/New_York", "2026-07-01T06:00:00Z", "2026-07-01T13:00:00Z",
               "2026-07-01T21:00:00Z");
    check_next(OFFICE "}", "Europe/London", "2026-07-01T06:00:00Z", "2026-07-01T08:00:00Z",
               "2026-07-01T16:00:00Z");
    // all zones must be open
    check_next(OFFICE "}", "America/New_York America/Los_Angeles", "2026-07-01T06:00:00Z",
               "2026-07-01T16:00:00Z", "2026-07-01T21:00:00Z");
    check_next(OFFICE "}", "Europe/Berlin Pacific/Honolulu", "2026-07-01T06:00:00Z", NULL, NULL);
    // holidays, weekend, period
    check_next(OFFICE ",\"holidays\":[\"2026-07-01\",\"2026-07-02\"]}", "Europe/Berlin",
               "2026-07-01T08:00:00Z", "2026-07-03T07:00:00Z", "2026-07-03T15:00:00Z");
    check_next("{\"weekend\":\"off\"}", "Europe/Berlin", "2026-07-04T08:00:00Z",
               "2026-07-06T07:00:00Z", "2026-07-06T18:00:00Z");
    check_next("{}", "Europe/Berlin", "2026-07-04T08:00:00Z", "2026-07-04T08:00:00Z",
               "2026-07-04T18:00:00Z");
    check_next("{}", "Europe/Berlin", "2026-07-05T08:00:00Z", "2026-07-06T07:00:00Z",
               "2026-07-06T18:00:00Z");
    check_next(OFFICE ",\"starts_at\":\"2026-12-01T10:30:00Z\"}", "Europe/Berlin",
               "2026-07-01T08:00:00Z", "2026-12-01T10:30:00Z", "2026-12-01T16:00:00Z");
    check_next(OFFICE ",\"ends_at\":\"2026-07-01T09:00:00Z\"}", "Europe/Berlin",
               "2026-07-01T08:00:00Z", "2026-07-01T08:00:00Z", "2026-07-01T09:00:00Z");
    check_next(OFFICE ",\"ends_at\":\"2026-07-01T09:00:00Z\"}", "Europe/Berlin",
               "2026-07-01T09:00:00Z", NULL, NULL);
    // windows that touch are one; 24 hours a day closes at the horizon
    check_next("{\"windows\":[{\"from\":\"09:00\",\"to\":\"12:00\"},{\"from\":\"12:00\",\"to\":"
               "\"24:00\"},{\"from\":\"00:00\",\"to\":\"01:00\"}]}",
               "Europe/Berlin", "2026-07-01T08:00:00Z", "2026-07-01T08:00:00Z",
               "2026-07-01T23:00:00Z");
    check_next("{\"windows\":[{\"from\":\"00:00\",\"to\":\"24:00\"}]}", "Europe/Berlin",
               "2026-07-01T08:00:00Z", "2026-07-01T08:00:00Z", "2026-08-30T08:00:00Z");
    check_next(
        "{\"windows\":[{\"days\":[6],\"from\":\"09:00\",\"to\":\"10:00\"}],\"weekend\":\"off\"}",
        "Europe/Berlin", "2026-07-01T08:00:00Z", NULL, NULL);
}

static void test_changes_of_the_clock(void **state)
{
    (void)state;
    // Berlin, 2026-03-29: 02:00 to 03:00 does not exist
    check_next(NIGHT, "Europe/Berlin", "2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z",
               "2026-03-29T02:00:00Z");
    check_next("{\"windows\":[{\"from\":\"02:00\",\"to\":\"03:00\"}]}", "Europe/Berlin",
               "2026-03-29T00:00:00Z", "2026-03-30T00:00:00Z", "2026-03-30T01:00:00Z");
    // 2026-10-25: 02:00 to 03:00 comes twice, the first counts
    check_next(NIGHT, "Europe/Berlin", "2026-10-24T23:00:00Z", "2026-10-25T00:30:00Z",
               "2026-10-25T01:00:00Z");
    check_next(NIGHT, "Europe/Berlin", "2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z",
               "2026-10-25T03:00:00Z");
    check_next("{\"windows\":[{\"from\":\"02:15\",\"to\":\"02:45\"}]}", "Europe/Berlin",
               "2026-10-25T00:50:00Z", "2026-10-26T01:15:00Z", "2026-10-26T01:45:00Z");
}

static void test_no_zone_is_never_open(void **state)
{
    struct kj_windows windows =
        parse("{\"windows\":[{\"from\":\"00:00\",\"to\":\"24:00\"}]}", "DE");
    (void)state;
    assert_true(kj_windows_next(&windows, NULL, 0, utc("2026-07-01T08:00:00Z"), NULL) == INT64_MAX);
    const struct kj_zone *zones[] = {kj_zone_get("Europe/Berlin")};
    assert_true(kj_windows_next(&windows, zones, 1, INT64_MAX, NULL) == INT64_MAX);
    windows.count = 0;
    assert_true(kj_windows_next(&windows, zones, 1, 0, NULL) == INT64_MAX);
}

static void test_parse(void **state)
{
    static const struct {
        const char *json, *place;
    } k_bad[] = {
        {"{\"windows\":[]}", "/windows"},
        {"{\"windows\":[1]}", "/windows/0"},
        {"{\"windows\":[{\"from\":\"9:00\",\"to\":\"17:00\"}]}", "/windows/0"},
        {"{\"windows\":[{\"from\":\"09:00\",\"to\":\"24:01\"}]}", "/windows/0"},
        {"{\"windows\":[{\"from\":\"09:00\",\"to\":\"09:60\"}]}", "/windows/0"},
        {"{\"windows\":[{\"from\":\"09:00\",\"to\":\"10:00\"},{\"from\":\"22:00\",\"to\":\"02:00\"}"
         "]}",
         "/windows/1"},
        {"{\"windows\":[{\"from\":\"09:00\",\"to\":\"09:00\"}]}", "/windows/0"},
        {"{\"windows\":[{\"days\":[7],\"from\":\"09:00\",\"to\":\"10:00\"}]}", "/windows/0"},
        {"{\"windows\":[{\"days\":[\"mon\"],\"from\":\"09:00\",\"to\":\"10:00\"}]}", "/windows/0"},
        {"{\"windows\":[{\"days\":[],\"from\":\"09:00\",\"to\":\"10:00\"}]}", "/windows/0"},
        {"{\"weekend\":\"closed\"}", "/weekend"},
        {"{\"holidays\":[\"2026-02-30\"]}", "/holidays"},
        {"{\"holidays\":[\"25.12.2026\"]}", "/holidays"},
        {"{\"holidays\":[20261225]}", "/holidays"},
        {"{\"starts_at\":\"tomorrow\"}", "/starts_at"},
        {"{\"ends_at\":\"soon\"}", "/ends_at"},
        {"{\"starts_at\":\"2026-12-01T10:00:00Z\",\"ends_at\":\"2026-11-01T10:00:00Z\"}",
         "/ends_at"},
    };
    struct kj_windows windows;
    struct kj_fault fault;
    (void)state;
    for (size_t i = 0; i < KJ_COUNT(k_bad); i++) {
        assert_int_equal(try_parse(k_bad[i].json, "DE", &windows, &fault), KJ_EINVAL);
        assert_string_equal(fault.place, k_bad[i].place);
    }
    assert_int_equal(kj_windows_parse(NULL, NULL, &windows, NULL), KJ_OK);
    assert_int_equal(windows.count, 1);
    assert_int_equal(windows.windows[0].days, 0x3F);
    assert_int_equal(windows.windows[0].from, 540);
    assert_int_equal(windows.windows[0].to, 1200);
    assert_int_equal(parse("{\"weekend\":\"off\"}", "SA").weekend_off, 0x30);
    assert_int_equal(parse("{\"weekend\":\"off\"}", "DE").weekend_off, 0x60);
    assert_int_equal(parse("{\"weekend\":\"off\"}", NULL).weekend_off, 0x60);
}

// --- the property ---

static bool in_windows(const struct kj_windows *windows, const struct kj_civil *c)
{
    int minute = c->hour * 60 + c->minute, date = c->year * 10000 + c->month * 100 + c->day;
    for (size_t i = 0; i < windows->holiday_count; i++)
        if (windows->holidays[i] == date)
            return false;
    for (size_t i = 0; i < windows->count; i++)
        if ((windows->windows[i].days & ~windows->weekend_off) >> c->weekday & 1 &&
            minute >= windows->windows[i].from && minute < windows->windows[i].to)
            return true;
    return false;
}

// From 36 h before to 36 h after a change, minute by minute against the local time itself: an open
// minute lies in a window and no local minute is open twice; a minute that is met for the first
// time and lies in a window is open.
static void check_around(const struct kj_windows *windows, const struct kj_zone *zone,
                         int64_t change)
{
    int64_t from = (change / 60000 - 36 * 60) * 60000, until = change + 36 * 3600000LL, closes = 0;
    int64_t latest = INT64_MIN; // the latest local time met so far
    int64_t open = kj_windows_next(windows, &zone, 1, from - 1800000, &closes);
    for (int64_t at = from - 3 * 3600000LL; at < until; at += 60000) {
        struct kj_civil civil;
        kj_zone_local(zone, at, &civil);
        int64_t local = kj_civil_to_ms(&civil);
        bool first = local > latest;
        latest = first ? local : latest;
        if (at < from)
            continue;
        if (at >= closes)
            open = kj_windows_next(windows, &zone, 1, at, &closes);
        bool is_open = at >= open && at < closes;
        bool wanted = first && in_windows(windows, &civil);
        if (is_open != wanted)
            fail_msg("%s, %04d-%02d-%02d %02d:%02d: %d", kj_zone_name(zone), civil.year,
                     civil.month, civil.day, civil.hour, civil.minute, is_open);
    }
}

static void test_nothing_outside_is_open(void **state)
{
    static const char *const k_zones[] = {"Europe/Berlin",       "Europe/London",
                                          "Europe/Dublin",       "Europe/Moscow",
                                          "Europe/Istanbul",     "Europe/Chisinau",
                                          "Atlantic/Azores",     "Africa/Cairo",
                                          "Africa/Casablanca",   "Africa/El_Aaiun",
                                          "Africa/Lagos",        "Asia/Beirut",
                                          "Asia/Gaza",           "Asia/Jerusalem",
                                          "Asia/Tehran",         "Asia/Amman",
                                          "Asia/Damascus",       "Asia/Kolkata",
                                          "Asia/Kathmandu",      "Asia/Tokyo",
                                          "Asia/Almaty",         "America/New_York",
                                          "America/Chicago",     "America/Denver",
                                          "America/Phoenix",     "America/Los_Angeles",
                                          "America/Anchorage",   "America/St_Johns",
                                          "America/Havana",      "America/Asuncion",
                                          "America/Santiago",    "America/Punta_Arenas",
                                          "America/Mexico_City", "America/Ciudad_Juarez",
                                          "America/Nuuk",        "America/Scoresbysund",
                                          "America/Sao_Paulo",   "Australia/Sydney",
                                          "Australia/Lord_Howe", "Australia/Adelaide",
                                          "Pacific/Auckland",    "Pacific/Chatham",
                                          "Pacific/Easter",      "Pacific/Apia",
                                          "Antarctica/Troll"};
    static const char *const k_shapes[] = {
        "{}",
        "{\"windows\":[{\"from\":\"00:00\",\"to\":\"24:00\"}]}",
        "{\"windows\":[{\"from\":\"00:15\",\"to\":\"01:30\"},{\"from\":\"02:30\",\"to\":\"03:10\"},"
        "{\"from\":\"23:20\",\"to\":\"24:00\"}]}",
        "{\"windows\":[{\"days\":[0,2,4,6],\"from\":\"01:45\",\"to\":\"02:15\"},{\"days\":[5,6],"
        "\"from\":\"02:05\",\"to\":\"13:00\"}],\"weekend\":\"open\"}",
    };
    int64_t end = utc("2028-01-01T00:00:00Z");
    size_t changes = 0;
    (void)state;
    for (size_t shape = 0; shape < KJ_COUNT(k_shapes); shape++) {
        struct kj_windows windows = parse(k_shapes[shape], "DE");
        for (size_t i = 0; i < KJ_COUNT(k_zones); i++) {
            const struct kj_zone *zone = kj_zone_get(k_zones[i]);
            assert_non_null(zone);
            int64_t change = utc("2025-06-01T00:00:00Z");
            check_around(&windows, zone, change);
            while ((change = kj_zone_next_change(zone, change)) < end) {
                check_around(&windows, zone, change);
                changes++;
            }
        }
    }
    assert_true(changes > 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_next),
        cmocka_unit_test(test_changes_of_the_clock),
        cmocka_unit_test(test_no_zone_is_never_open),
        cmocka_unit_test(test_nothing_outside_is_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
