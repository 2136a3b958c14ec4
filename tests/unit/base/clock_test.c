// The civil calendar and RFC 3339, against known instants and against libc.
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include "base/clock.h"

#include <time.h>

static void test_parse(void **state)
{
    static const struct {
        const char *text;
        int64_t ms; // -1 = refused
    } k_cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2026-03-02T05:00:00Z", 1772427600000},
        {"2026-03-02T07:00:00+02:00", 1772427600000},
        {"2026-03-02 05:00:00.25Z", 1772427600250},
        {"2024-02-29T00:00:00Z", 1709164800000},
        {"2023-02-29T00:00:00Z", -1},
        {"2026-06-31T00:00:00Z", -1},
        {"2026-13-01T00:00:00Z", -1},
        {"2026-03-02T24:00:00Z", -1},
        {"2026-03-02T05:00:00", -1},
        {"2026-03-02T05:00:00Zx", -1},
        {"2026-03-02T05:00:00.Z", -1},
        {"2026-03-02T05:00:00+25:00", -1},
        {"", -1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof k_cases / sizeof *k_cases; i++) {
        int64_t ms = -7;
        assert_int_equal(kj_time_parse(k_cases[i].text, &ms), k_cases[i].ms >= 0);
        if (k_cases[i].ms >= 0)
            assert_int_equal(ms, k_cases[i].ms);
    }
}

static void test_against_libc(void **state)
{
    (void)state;
    for (int64_t seconds = -86400LL * 365 * 30; seconds < 86400LL * 365 * 120;
         seconds += 86400LL * 13 + 3671) {
        struct kj_civil civil;
        struct tm parts;
        time_t at = (time_t)seconds;
        gmtime_r(&at, &parts);
        kj_civil_from_ms(seconds * 1000, &civil);
        assert_int_equal(civil.year, parts.tm_year + 1900);
        assert_int_equal(civil.month, parts.tm_mon + 1);
        assert_int_equal(civil.day, parts.tm_mday);
        assert_int_equal(civil.hour, parts.tm_hour);
        assert_int_equal(civil.weekday, (parts.tm_wday + 6) % 7);
        assert_int_equal(kj_civil_to_ms(&civil), seconds * 1000);
    }
}

static void test_print_reads_back(void **state)
{
    char text[32];
    int64_t ms;
    (void)state;
    kj_time_print(1772427600123, text, sizeof text);
    assert_string_equal(text, "2026-03-02T05:00:00.123Z");
    assert_true(kj_time_parse(text, &ms));
    assert_int_equal(ms, 1772427600123);
}

static void test_virtual_stands_still(void **state)
{
    struct kj_clock clock;
    (void)state;
    kj_clock_init_virtual(&clock, 5000);
    assert_int_equal(kj_clock_now(&clock), 5000);
    kj_clock_advance_to(&clock, 700);
    assert_int_equal(kj_clock_now(&clock), 5700);
    kj_clock_advance_to(&clock, 600); // never back
    assert_int_equal(kj_clock_mono(&clock), 700);
}

// A job must not start before it is due by anybody's watch.
static void test_never_ahead(void **state)
{
    (void)state;
    for (int i = 0; i < 200000; i++) {
        struct kj_clock clock;
        struct timespec real;
        kj_clock_init_system(&clock);
        int64_t ours = kj_clock_now(&clock);
        clock_gettime(CLOCK_REALTIME, &real);
        assert_true(ours <= (int64_t)real.tv_sec * 1000 + real.tv_nsec / 1000000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_never_ahead),          cmocka_unit_test(test_parse),
        cmocka_unit_test(test_against_libc),         cmocka_unit_test(test_print_reads_back),
        cmocka_unit_test(test_virtual_stands_still),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
