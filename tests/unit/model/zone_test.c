// The TZif reader against libc, the footer's rules, and the zones of numbers.
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "base/alloc.h"
#include "base/str.h"
#include "model/tzif.h"
#include "model/window.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct kj_zone *zone(const char *name)
{
    const struct kj_zone *found = kj_zone_get(name);
    if (found == NULL)
        fail_msg("no zone %s", name);
    return found;
}

static int64_t utc(const char *text)
{
    int64_t at;
    assert_true(kj_time_parse(text, &at));
    return at;
}

// --- against libc ---

static int libc_offset(int64_t second)
{
    time_t at = (time_t)second;
    struct tm local;
    assert_non_null(localtime_r(&at, &local));
    return (int)local.tm_gmtoff;
}

// All zones of zone1970.tab.
static size_t list_zones(char names[600][64])
{
    struct kj_buf file;
    size_t count = 0;
    kj_buf_init(&file, 1 << 20);
    assert_int_equal(kj_read_file("/usr/share/zoneinfo/zone1970.tab", 1 << 20, &file, NULL), 0);
    char *rest = file.data;
    for (char *line; (line = strsep(&rest, "\n"));)
        if (line[0] != '#' && sscanf(line, "%*s %*s %63s", names[count]) == 1)
            count++;
    kj_buf_fini(&file);
    return count;
}

static void test_every_change_agrees_with_libc(void **state)
{
    static char names[600][64];
    size_t count = list_zones(names), changes = 0;
    int64_t from = utc("2020-01-01T00:00:00Z"), until = utc("2041-01-01T00:00:00Z");
    (void)state;
    assert_true(count > 200);
    for (size_t i = 0; i < count; i++) {
        const struct kj_zone *here = zone(names[i]);
        setenv("TZ", names[i], 1);
        tzset();
        for (int64_t at = from; at < until; changes++) {
            assert_int_equal(kj_zone_offset(here, at), libc_offset(at / 1000));
            int64_t next = kj_zone_next_change(here, at);
            if (next == INT64_MAX)
                break;
            assert_int_equal(kj_zone_offset(here, next - 1), libc_offset(next / 1000 - 1));
            assert_int_equal(kj_zone_offset(here, next), libc_offset(next / 1000));
            assert_int_not_equal(kj_zone_offset(here, next), kj_zone_offset(here, next - 1));
            at = next;
        }
        // no change was missed: a sample every nine days
        for (int64_t at = from; at < until; at += 9 * 86400000LL)
            assert_int_equal(kj_zone_offset(here, at), libc_offset(at / 1000));
    }
    unsetenv("TZ");
    tzset();
    assert_true(changes > 4000);
}

static void test_far_future_and_past(void **state)
{
    static const char *const k_zones[] = {
        "Europe/Berlin",    "America/New_York",  "Australia/Lord_Howe",
        "America/Santiago", "Africa/Casablanca", "Asia/Tokyo",
        "Europe/Dublin",    "America/Nuuk",      "Asia/Gaza"};
    (void)state;
    for (size_t i = 0; i < KJ_COUNT(k_zones); i++) {
        setenv("TZ", k_zones[i], 1);
        tzset();
        for (int64_t second = -4000000000; second < 8000000000; second += 7654321)
            assert_int_equal(kj_zone_offset(zone(k_zones[i]), second * 1000), libc_offset(second));
    }
    unsetenv("TZ");
    tzset();
    assert_int_equal(kj_zone_offset(zone("Asia/Tokyo"), INT64_MAX), 32400);
    assert_int_equal(kj_zone_next_change(zone("Asia/Tokyo"), INT64_MAX), INT64_MAX);
    (void)kj_zone_offset(zone("Europe/Berlin"), INT64_MIN);
    assert_true(kj_zone_next_change(zone("Europe/Berlin"), INT64_MIN) < 0);
}

// As `TZ=… date -d @…` prints them.
static void test_known_instants(void **state)
{
    static const struct {
        const char *zone, *at;
        int offset;
    } k_known[] = {
        {"Europe/Berlin", "2026-07-01T12:00:00Z", 7200},
        {"Europe/Berlin", "2026-01-01T12:00:00Z", 3600},
        {"Africa/Cairo", "2026-07-01T12:00:00Z", 10800},         // summer time again since 2023
        {"America/Mexico_City", "2026-07-01T12:00:00Z", -21600}, // none since 2022
        {"Asia/Almaty", "2026-07-01T12:00:00Z", 18000},          // +5 since 2024
        {"America/Asuncion", "2026-07-01T12:00:00Z", -10800},
        {"America/Nuuk", "2026-07-01T12:00:00Z", -3600},
        {"Asia/Amman", "2026-07-01T12:00:00Z", 10800},
        {"Asia/Kathmandu", "2026-07-01T12:00:00Z", 20700},
        {"Australia/Lord_Howe", "2026-01-01T12:00:00Z", 39600},
        {"Australia/Lord_Howe", "2026-07-01T12:00:00Z", 37800},
        {"Pacific/Chatham", "2026-01-01T12:00:00Z", 49500},
        {"Pacific/Apia", "2011-12-30T09:59:59Z", -36000},
        {"Pacific/Apia", "2011-12-30T10:00:00Z", 50400},
        {"Europe/Dublin", "2026-01-01T12:00:00Z", 0},
        {"Europe/Dublin", "2060-07-01T12:00:00Z", 3600},
        {"America/New_York", "2099-07-01T12:00:00Z", -14400},
        {"UTC", "2026-07-01T12:00:00Z", 0},
    };
    (void)state;
    for (size_t i = 0; i < KJ_COUNT(k_known); i++)
        if (kj_zone_offset(zone(k_known[i].zone), utc(k_known[i].at)) != k_known[i].offset)
            fail_msg("%s at %s: %d", k_known[i].zone, k_known[i].at,
                     kj_zone_offset(zone(k_known[i].zone), utc(k_known[i].at)));
}

// --- local times ---

static void check_instant(const char *name, const char *local, enum kj_local kind, const char *want)
{
    struct kj_civil civil;
    enum kj_local got;
    char shown[32];
    kj_civil_from_ms(utc(local), &civil);
    kj_time_print(kj_zone_instant(zone(name), &civil, &got), shown, sizeof shown);
    shown[19] = 'Z';
    shown[20] = 0;
    assert_string_equal(shown, want);
    assert_int_equal(got, kind);
}

static void test_local_to_instant(void **state)
{
    (void)state;
    check_instant("Europe/Berlin", "2026-07-01T14:00:00Z", KJ_LOCAL_ONCE, "2026-07-01T12:00:00Z");
    check_instant("Europe/Berlin", "2026-03-29T02:30:00Z", KJ_LOCAL_GAP, "2026-03-29T01:00:00Z");
    check_instant("Europe/Berlin", "2026-03-29T03:00:00Z", KJ_LOCAL_ONCE, "2026-03-29T01:00:00Z");
    check_instant("Europe/Berlin", "2026-10-25T02:30:00Z", KJ_LOCAL_TWICE, "2026-10-25T00:30:00Z");
    check_instant("Europe/Berlin", "2026-10-25T03:00:00Z", KJ_LOCAL_ONCE, "2026-10-25T02:00:00Z");
    check_instant("America/New_York", "2026-03-08T02:00:00Z", KJ_LOCAL_GAP, "2026-03-08T07:00:00Z");
    check_instant("America/New_York", "2050-11-06T01:15:00Z", KJ_LOCAL_TWICE,
                  "2050-11-06T05:15:00Z");
    check_instant("Australia/Lord_Howe", "2026-10-04T02:10:00Z", KJ_LOCAL_GAP,
                  "2026-10-03T15:30:00Z");
    check_instant("Pacific/Apia", "2011-12-30T12:00:00Z", KJ_LOCAL_GAP, "2011-12-30T10:00:00Z");
    check_instant("Asia/Kolkata", "2026-10-25T02:30:00Z", KJ_LOCAL_ONCE, "2026-10-24T21:00:00Z");
}

// Every change of many zones: local -> instant -> local comes back, gaps move forward.
static void test_round_trip_around_changes(void **state)
{
    static const char *const k_zones[] = {
        "Europe/Berlin",        "America/Havana",  "Asia/Beirut",     "Africa/Casablanca",
        "America/Scoresbysund", "Atlantic/Azores", "Antarctica/Troll"};
    (void)state;
    for (size_t i = 0; i < KJ_COUNT(k_zones); i++) {
        const struct kj_zone *here = zone(k_zones[i]);
        int64_t change = utc("2020-01-01T00:00:00Z");
        for (int n = 0; n < 30 && (change = kj_zone_next_change(here, change)) != INT64_MAX; n++)
            for (int64_t at = change - 4 * 3600000; at < change + 4 * 3600000; at += 600000) {
                struct kj_civil civil, back;
                enum kj_local kind;
                kj_zone_local(here, at, &civil);
                int64_t first = kj_zone_instant(here, &civil, &kind);
                assert_true(kind != KJ_LOCAL_GAP && first <= at);
                assert_true(kind == KJ_LOCAL_TWICE || first == at);
                kj_zone_local(here, first, &back);
                assert_memory_equal(&civil, &back, sizeof civil);
            }
    }
}

// --- names and files ---

static void test_names(void **state)
{
    (void)state;
    assert_null(kj_zone_get("Europe/Atlantis"));
    assert_null(kj_zone_get(""));
    assert_null(kj_zone_get(NULL));
    assert_null(kj_zone_get("../../../etc/passwd"));
    assert_null(kj_zone_get("/etc/localtime"));
    assert_null(kj_zone_get("Europe"));
    assert_null(kj_zone_get("zone.tab"));
    assert_null(kj_zone_get("right/Europe/Berlin"));
    assert_ptr_equal(kj_zone_get("Europe/Berlin"), kj_zone_get("Europe/Berlin"));
    assert_string_equal(kj_zone_name(zone("Europe/Berlin")), "Europe/Berlin");
}

// Every cut and every flipped byte of a real file is refused or read, never more.
static void test_damaged_files(void **state)
{
    struct kj_buf file;
    struct kj_tzif tz;
    (void)state;
    kj_buf_init(&file, 1 << 20);
    assert_int_equal(kj_read_file("/usr/share/zoneinfo/Europe/Berlin", 1 << 20, &file, NULL), 0);
    assert_int_equal(kj_tzif_read(file.data, file.length, &tz, NULL), 0);
    kj_tzif_fini(&tz);
    for (size_t length = 0; length < file.length; length++) {
        char *copy = kj_memdup(file.data, length);
        assert_int_equal(kj_tzif_read(copy, length, &tz, NULL), KJ_EPARSE);
        kj_tzif_fini(&tz);
        free(copy);
    }
    for (size_t at = 0; at < file.length; at++) {
        file.data[at] = (char)(file.data[at] ^ 0xFF);
        if (kj_tzif_read(file.data, file.length, &tz, NULL) == KJ_OK) {
            (void)kj_tzif_offset(&tz, 1700000000);
            (void)kj_tzif_next(&tz, 1700000000);
        }
        kj_tzif_fini(&tz);
        file.data[at] = (char)(file.data[at] ^ 0xFF);
    }
    kj_buf_fini(&file);
}

static uint8_t *put32(uint8_t *at, uint32_t value)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        *at++ = (uint8_t)(value >> shift);
    return at;
}

static uint8_t *put_header(uint8_t *at, uint32_t times)
{
    memcpy(at, "TZif2\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
    at = put32(put32(put32(at + 20, 0), 0), 0);
    return put32(put32(put32(at, times), 2), 4);
}

// The list rules up to its last entry and the footer right after it, also where they disagree.
static void test_list_and_footer(void **state)
{
    uint8_t bytes[512], *at = put_header(bytes, 0);
    struct kj_tzif tz;
    (void)state;
    memset(at, 0, 16); // the old block: two types, four letters
    at = put_header(at + 16, 2);
    at = put32(put32(put32(put32(at, 0), 1000), 0), 2000);
    *at++ = 1;
    *at++ = 0;
    at = put32(at, 0) + 2;
    at = put32(at, 3600) + 2;
    memcpy(at, "AAA\0\nBBB-2\n", 12);
    memset(at - 2, 0, 2);
    memset(at - 8, 0, 2);
    at += 11;
    assert_int_equal(kj_tzif_read(bytes, (size_t)(at - bytes), &tz, NULL), 0);
    assert_int_equal(tz.count, 2);
    assert_int_equal(kj_tzif_offset(&tz, 999), 0);
    assert_int_equal(kj_tzif_offset(&tz, 1000), 3600);
    assert_int_equal(kj_tzif_offset(&tz, 1999), 3600);
    assert_int_equal(kj_tzif_offset(&tz, 2000), 0);
    assert_int_equal(kj_tzif_offset(&tz, 2001), 7200);
    assert_int_equal(kj_tzif_next(&tz, -5), 1000);
    assert_int_equal(kj_tzif_next(&tz, 1000), 2000);
    assert_int_equal(kj_tzif_next(&tz, 2000), 2001);
    assert_int_equal(kj_tzif_next(&tz, 2001), INT64_MAX);
    kj_tzif_fini(&tz);
}

static void test_footers(void **state)
{
    static const char *const k_bad[] = {"",
                                        "CE-1",
                                        "CET",
                                        "CET-1CEST",
                                        "CET-25",
                                        "CET-1CEST,M13.5.0,M10.5.0",
                                        "CET-1CEST,M3.6.0,M10.5.0",
                                        "CET-1CEST,M3.5.0",
                                        "CET-1CEST,M3.5.0,M10.5.0/168",
                                        "CET-1CEST,J0,J365",
                                        "<CET-1",
                                        "CET-1 ",
                                        "CET-1CEST,M3.5.0,M10.5.0x"};
    struct kj_posix_tz tz;
    (void)state;
    for (size_t i = 0; i < KJ_COUNT(k_bad); i++)
        assert_false(kj_posix_tz_parse(k_bad[i], &tz));
    assert_true(kj_posix_tz_parse("<+0330>-3:30", &tz));
    assert_int_equal(tz.standard, 12600);
    assert_false(tz.has_dst);
    // Summer time all year (RFC 8536, 3.3.1): no change ever.
    assert_true(kj_posix_tz_parse("XXX3EDT4,0/0,J365/23", &tz));
    for (int64_t second = 1600000000; second < 1900000000; second += 3456789)
        assert_int_equal(kj_posix_tz_offset(&tz, second), -14400);
    assert_int_equal(kj_posix_tz_next(&tz, 1700000000), INT64_MAX);
    // J60 is 1 March, leap year or not.
    assert_true(kj_posix_tz_parse("AAA0BBB,J60/0,J300/0", &tz));
    assert_int_equal(kj_posix_tz_next(&tz, utc("2024-02-01T00:00:00Z") / 1000),
                     utc("2024-03-01T00:00:00Z") / 1000);
    assert_int_equal(kj_posix_tz_next(&tz, utc("2025-02-01T00:00:00Z") / 1000),
                     utc("2025-03-01T00:00:00Z") / 1000);
    // Southern: the year begins in summer time.
    assert_true(kj_posix_tz_parse("AEST-10AEDT,M10.1.0,M4.1.0/3", &tz));
    assert_int_equal(kj_posix_tz_offset(&tz, utc("2055-01-05T00:00:00Z") / 1000), 39600);
    assert_int_equal(kj_posix_tz_offset(&tz, utc("2055-07-05T00:00:00Z") / 1000), 36000);
}

// --- zones of numbers ---

static void test_zones_of_numbers(void **state)
{
    static const struct {
        const char *number, *country, *zones;
    } k_numbers[] = {
        {"+493012345678", "DE", "Europe/Berlin"},
        {"+493012345678", NULL, "Europe/Berlin"},
        {"+442071838750", "GB", "Europe/London"},
        {"+12125550123", "US", "America/New_York"},
        {"+13125550123", "US", "America/Chicago"},
        {"+13035550123", "US", "America/Denver"},
        {"+14155550123", "US", "America/Los_Angeles"},
        {"+16025550123", "US", "America/Phoenix"},
        {"+18085550123", "US", "Pacific/Honolulu"},
        {"+19075550123", "US", "America/Anchorage America/Adak"},
        {"+18505550123", "US", "America/New_York America/Chicago"},
        {"+14165550123", "CA", "America/Toronto"},
        {"+14165550123", "US", "America/Toronto"}, // the column is wrong, the number is not
        {"+17805550123", "CA", "America/Edmonton"},
        {"+17095550123", "CA", "America/St_Johns America/Goose_Bay"},
        {"+18765550123", "JM", "America/Jamaica"},
        {"+18765550123", "US", "America/Jamaica"},
        {"+17875550123", "PR", "America/Puerto_Rico"},
        {"+74951234567", "RU", "Europe/Moscow"},
        {"+73431234567", "RU", "Asia/Yekaterinburg"},
        {"+74232123456", "RU", "Asia/Vladivostok"},
        {"+77011234567", "KZ", "Asia/Almaty"}, // one zone since 2024
        {"+77011234567", "RU", "Asia/Almaty"},
        {"+551131234567", "BR", "America/Sao_Paulo"},
        {"+5592991234567", "BR", "America/Manaus"},
        {"+61291234567", "AU", "Australia/Sydney"},
        {"+61893001234", "AU", "Australia/Perth"},
        {"+61889001234", "AU", "Australia/Darwin"},
        {"+61882001234", "AU", "Australia/Adelaide"},
        {"+525512345678", "MX", "America/Mexico_City"},
        {"+5215512345678", "MX", "America/Mexico_City"},
        {"+526641234567", "MX", "America/Tijuana"},
        {"+529981234567", "MX", "America/Cancun"},
        {"+34912345678", "ES", "Europe/Madrid"},
        {"+34928123456", "ES", "Atlantic/Canary"},
        {"+34612345678", "ES", "Europe/Madrid Atlantic/Canary"},
        {"+351291123456", "PT", "Atlantic/Madeira"},
        {"+351296123456", "PT", "Atlantic/Azores"},
        {"+351912345678", "PT", "Europe/Lisbon Atlantic/Azores"},
        {"+62211234567", "ID", "Asia/Jakarta"},
        {"+62361123456", "ID", "Asia/Makassar"},
        {"+628121234567", "ID", "Asia/Jakarta Asia/Makassar Asia/Jayapura"},
        {"+541112345678", "AR", "America/Argentina/Buenos_Aires"},
        {"+8613912345678", "CN", "Asia/Shanghai"},
        {"+97145551234", "AE", "Asia/Dubai"},
        {"+493012345678", "US", "Europe/Berlin"},
        {"+48221234567", "XX", "Europe/Warsaw"},
    };
    (void)state;
    for (size_t i = 0; i < KJ_COUNT(k_numbers); i++) {
        const struct kj_zone *zones[16];
        char got[512] = "";
        size_t count = kj_zones_of_number(k_numbers[i].number, k_numbers[i].country, zones, 16);
        for (size_t j = 0; j < count; j++) {
            strcat(got, j ? " " : "");
            strcat(got, kj_zone_name(zones[j]));
        }
        if (strcmp(got, k_numbers[i].zones) != 0)
            fail_msg("%s (%s): %s, not %s", k_numbers[i].number,
                     k_numbers[i].country ? k_numbers[i].country : "-", got, k_numbers[i].zones);
    }
}

static void test_undecided_numbers_give_all_zones(void **state)
{
    const struct kj_zone *zones[KJ_MAX_ZONES], *few[2];
    (void)state;
    size_t russia = kj_zones_of_number("+79161234567", "RU", zones, 16);
    assert_int_equal(russia, 11);
    size_t anywhere = kj_zones_of_number("+18005550123", "US", zones, KJ_MAX_ZONES);
    assert_in_range(anywhere, 9, KJ_MAX_ZONES - 4); // room for what tzdata may add
    assert_true(kj_zones_of_number("+61412345678", "AU", zones, 16) >= 5);
    // a part of the zones would be a wrong answer
    assert_int_equal(kj_zones_of_number("+79161234567", "RU", few, 2), 0);
    assert_int_equal(kj_zones_of_number("+8005551234567", NULL, zones, 16), 0);
    assert_int_equal(kj_zones_of_number("030 1234", "DE", zones, 16), 0);
    assert_int_equal(kj_zones_of_number("", "", zones, 16), 0);
}

static void *load_zones(void *arg)
{
    static const char *const k_names[] = {"Asia/Tokyo", "Asia/Seoul", "Asia/Manila", "Asia/Dili"};
    const struct kj_zone *zones[16];
    (void)arg;
    for (int i = 0; i < 200; i++) {
        assert_non_null(kj_zone_get(k_names[i % 4]));
        assert_int_equal(kj_zones_of_number("+79161234567", "RU", zones, 16), 11);
    }
    return NULL;
}

static void test_threads(void **state)
{
    pthread_t threads[4];
    (void)state;
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, load_zones, NULL), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads), // first: the caches are still cold
        cmocka_unit_test(test_every_change_agrees_with_libc),
        cmocka_unit_test(test_far_future_and_past),
        cmocka_unit_test(test_known_instants),
        cmocka_unit_test(test_local_to_instant),
        cmocka_unit_test(test_round_trip_around_changes),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_damaged_files),
        cmocka_unit_test(test_list_and_footer),
        cmocka_unit_test(test_footers),
        cmocka_unit_test(test_zones_of_numbers),
        cmocka_unit_test(test_undecided_numbers_give_all_zones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
