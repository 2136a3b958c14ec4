// Numbers as text: the shortest decimal that reads back as the same double, and exact reading.
// Independent of the locale, which libraries may have set.
#ifndef KJ_DECIMAL_H
#define KJ_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { KJ_DECIMAL_SIZE = 32 };

// Both write no NUL and return the length. A double always shows a point or an exponent, so that
// it comes back as a double; it must be finite.
size_t kj_decimal_print_int(int64_t value, char *out);
size_t kj_decimal_print_real(double value, char *out);
// |value| = digits * 10^exponent, digits without trailing zeros.
void kj_decimal_shortest(double value, uint64_t *digits, int *exponent);

// mantissa * 10^exponent when that is exact, else the text is read again (it must be a JSON number
// of at most KJ_DECIMAL_MAX_TEXT characters). May return an infinity.
enum { KJ_DECIMAL_MAX_TEXT = 400 };
double kj_decimal_read(uint64_t mantissa, int exponent, bool mantissa_exact, const char *text,
                       size_t length);

#endif
