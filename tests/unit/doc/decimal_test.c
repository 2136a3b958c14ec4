// Numbers as text: shortest, exact, and free of the locale.
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include "base/rng.h"
#include "doc/decimal.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void prints_as(double value, const char *expected)
{
    char text[KJ_DECIMAL_SIZE + 1];
    text[kj_decimal_print_real(value, text)] = 0;
    assert_string_equal(text, expected);
}

static void prints(void **state)
{
    (void)state;
    prints_as(0, "0.0");
    prints_as(-0.0, "-0.0");
    prints_as(1, "1.0");
    prints_as(0.1, "0.1");
    prints_as(100.25, "100.25");
    prints_as(1e21, "1e21");
    prints_as(1e20, "100000000000000000000.0");
    prints_as(-1.5e300, "-1.5e300");
    prints_as(0.000001, "0.000001");
    prints_as(1.25e-7, "1.25e-7");
    prints_as(5e-324, "5e-324");
    prints_as(1e23, "1e23");
    prints_as(9007199254740993.0, "9007199254740992.0");
    prints_as(123456789.12345679, "123456789.12345679");
    prints_as(1.7976931348623157e308, "1.7976931348623157e308");
    char text[KJ_DECIMAL_SIZE + 1];
    text[kj_decimal_print_int(INT64_MIN, text)] = 0;
    assert_string_equal(text, "-9223372036854775808");
}

// No shorter text reads back as the same number: compared with the C library.
static void round_trips(void **state)
{
    (void)state;
    struct kj_rng rng;
    kj_rng_init(&rng, 7);
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = kj_rng_next(&rng);
        double value;
        memcpy(&value, &bits, 8);
        if (i % 2)
            value = (double)(int64_t)(bits % 2000000) / 1000.0;
        if (!isfinite(value))
            continue;
        char text[KJ_DECIMAL_SIZE + 1], c_text[64];
        size_t length = kj_decimal_print_real(value, text);
        text[length] = 0;
        assert_true(strtod(text, NULL) == value);
        uint64_t digits;
        int exponent, count;
        kj_decimal_shortest(value, &digits, &exponent);
        count = snprintf(c_text, sizeof c_text, "%llu", (unsigned long long)digits);
        if (count > 1) {
            snprintf(c_text, sizeof c_text, "%.*e", count - 2, value);
            assert_true(strtod(c_text, NULL) != value);
        }
    }
}

static void ignores_the_locale(void **state)
{
    (void)state;
    // Where such a locale is installed; elsewhere this is the plain case again.
    setlocale(LC_NUMERIC, "de_DE.UTF-8");
    prints_as(0.30000000000000004, "0.30000000000000004");
    assert_true(kj_decimal_read(0, 0, false, "0.30000000000000004", 19) == 0.30000000000000004);
    setlocale(LC_NUMERIC, "C");
}

static void reads(void **state)
{
    (void)state;
    assert_true(kj_decimal_read(123, -2, true, "1.23", 4) == 1.23);
    assert_true(kj_decimal_read(123, -2, true, "-1.23", 5) == -1.23);
    assert_true(isinf(kj_decimal_read(1, 400, true, "1e400", 5)));
    assert_true(kj_decimal_read(1, -400, true, "1e-400", 6) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prints),
        cmocka_unit_test(round_trips),
        cmocka_unit_test(ignores_the_locale),
        cmocka_unit_test(reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
