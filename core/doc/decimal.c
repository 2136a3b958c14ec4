// Shortest printing and exact reading of doubles. Nearly every number in a document has at most 15
// digits; those go by one multiplication or division that is exact, the rest by the C library.
#include "doc/decimal.h"

#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double k_power[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                 1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
enum { MAX_POWER = 22 };

static const char k_pairs[] = "00010203040506070809101112131415161718192021222324"
                              "25262728293031323334353637383940414243444546474849"
                              "50515253545556575859606162636465666768697071727374"
                              "75767778798081828384858687888990919293949596979899";

static locale_t c_locale;
static pthread_once_t c_locale_once = PTHREAD_ONCE_INIT;

static void make_c_locale(void)
{
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

static size_t print_digits(uint64_t value, char *out)
{
    char text[20];
    size_t at = sizeof text;
    while (value >= 100) {
        unsigned pair = (unsigned)(value % 100) * 2;
        value /= 100;
        text[--at] = k_pairs[pair + 1];
        text[--at] = k_pairs[pair];
    }
    if (value >= 10) {
        text[--at] = k_pairs[value * 2 + 1];
        text[--at] = k_pairs[value * 2];
    } else {
        text[--at] = (char)('0' + value);
    }
    memcpy(out, text + at, sizeof text - at);
    return sizeof text - at;
}

size_t kj_decimal_print_int(int64_t value, char *out)
{
    if (value >= 0)
        return print_digits((uint64_t)value, out);
    *out = '-';
    return 1 + print_digits(0 - (uint64_t)value, out + 1);
}

static void strip_zeros(uint64_t *digits, int *exponent)
{
    while (*digits && *digits % 10 == 0) {
        *digits /= 10;
        (*exponent)++;
    }
}

// Decimals of at most 15 digits map to doubles one to one, so the first scale that gives a whole
// number that divides back is the shortest form.
static bool shortest_quick(double value, uint64_t *digits, int *exponent)
{
    for (int k = 0; k <= MAX_POWER; k++) {
        double scaled = value * k_power[k];
        if (scaled >= 1e15)
            return false;
        uint64_t whole = (uint64_t)(scaled + 0.5);
        if (whole && (double)whole / k_power[k] == value) {
            *digits = whole;
            *exponent = -k;
            return true;
        }
    }
    return false;
}

// "1.2345e-07" in whatever locale: every digit before the e counts.
static void read_scientific(const char *text, uint64_t *digits, int *exponent)
{
    int places = -1;
    *digits = 0;
    for (; *text && *text != 'e'; text++)
        if (*text >= '0' && *text <= '9') {
            *digits = *digits * 10 + (uint64_t)(*text - '0');
            places++;
        }
    *exponent = (*text ? atoi(text + 1) : 0) - places;
}

void kj_decimal_shortest(double value, uint64_t *digits, int *exponent)
{
    value = fabs(value);
    *digits = 0;
    *exponent = 0;
    if (value == 0)
        return;
    if (!shortest_quick(value, digits, exponent)) {
        // 15 digits are enough to find any shorter form too, except below the normal range.
        for (int places = value < 0x1p-1022 ? 0 : 14; places <= 16; places++) {
            char text[48];
            snprintf(text, sizeof text, "%.*e", places, value);
            read_scientific(text, digits, exponent);
            if (places == 16 || strtod(text, NULL) == value)
                break;
        }
    }
    strip_zeros(digits, exponent);
}

static size_t print_scientific(const char *digits, size_t count, int point, char *out)
{
    size_t at = 0;
    out[at++] = digits[0];
    if (count > 1) {
        out[at++] = '.';
        memcpy(out + at, digits + 1, count - 1);
        at += count - 1;
    }
    out[at++] = 'e';
    return at + kj_decimal_print_int(point - 1, out + at);
}

size_t kj_decimal_print_real(double value, char *out)
{
    uint64_t digits;
    int exponent;
    char text[24];
    size_t at = 0;
    kj_decimal_shortest(value, &digits, &exponent);
    size_t count = print_digits(digits, text);
    int point = (int)count + exponent; // digits before the decimal point
    if (signbit(value))
        out[at++] = '-';
    if (point > 21 || point < -5)
        return at + print_scientific(text, count, point, out + at);
    if (point <= 0) {
        memcpy(out + at, "0.00000", (size_t)(2 - point));
        at += (size_t)(2 - point);
        memcpy(out + at, text, count);
        return at + count;
    }
    for (int i = 0; i < point; i++)
        out[at++] = (size_t)i < count ? text[i] : '0';
    out[at++] = '.';
    if ((size_t)point >= count) {
        out[at++] = '0';
        return at;
    }
    memcpy(out + at, text + point, count - (size_t)point);
    return at + count - (size_t)point;
}

double kj_decimal_read(uint64_t mantissa, int exponent, bool mantissa_exact, const char *text,
                       size_t length)
{
    if (mantissa_exact && mantissa <= (1ull << 53) && exponent >= -MAX_POWER &&
        exponent <= MAX_POWER) {
        double value = (double)mantissa;
        value = exponent < 0 ? value / k_power[-exponent] : value * k_power[exponent];
        return *text == '-' ? -value : value;
    }
    char copy[KJ_DECIMAL_MAX_TEXT + 1];
    if (length > KJ_DECIMAL_MAX_TEXT)
        length = KJ_DECIMAL_MAX_TEXT;
    memcpy(copy, text, length);
    copy[length] = 0;
    pthread_once(&c_locale_once, make_c_locale);
    return strtod_l(copy, NULL, c_locale);
}
