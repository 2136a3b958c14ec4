// See plan_out.h.
#include "script/plan_out.h"

#include "base/alloc.h"
#include "base/str.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

void kj_out_grow(struct kj_out *out, size_t more)
{
    size_t capacity = out->capacity ? out->capacity * 2 : 512;
    while (capacity - out->length < more) {
        capacity *= 2;
    }
    out->data = kj_realloc(out->data, capacity);
    out->capacity = capacity;
}

void kj_out_fini(struct kj_out *out)
{
    free(out->data);
    *out = (struct kj_out){0};
}

bson_t *kj_out_doc(const struct kj_out *members)
{
    size_t length = members->length + 5;
    bson_t *doc = bson_sized_new(length + 5); // what is reserved comes on top of its own
    // One reservation and one copy: what bson_concat does for each member.
    uint8_t *data = bson_reserve_buffer(doc, (uint32_t)length);
    if (!data) {
        abort();
    }
    kj_store32(data, length);
    memcpy(data + 4, members->data, members->length);
    data[length - 1] = 0;
    return doc;
}

void kj_out_members_of(struct kj_out *out, const bson_t *doc)
{
    size_t length = doc->len - 5;
    memcpy(kj_out_room(out, length + 1), bson_get_data(doc) + 4, length);
    out->length += length;
}

void kj_out_real(struct kj_out *out, const char *key, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, 8);
    bits = BSON_UINT64_TO_LE(bits);
    memcpy(kj_out_key(out, BSON_TYPE_DOUBLE, key, 8), &bits, 8);
}

void kj_out_number(struct kj_out *out, const char *key, double value)
{
    if (value == (double)(int64_t)value) {
        kj_out_int(out, key, (int64_t)value);
    } else {
        kj_out_real(out, key, value);
    }
}

void kj_out_words(struct kj_out *out, const char *key, const char *text)
{
    size_t length = text ? strlen(text) : 0;
    if (length == 0) {
        return;
    }
    while (length > 0 && !kj_utf8_valid(text, length)) {
        length--;
    }
    kj_out_bytes(out, key, text, length);
}

char *kj_print_int(char *to, int64_t value)
{
    char digits[24], *at = digits + sizeof digits;
    uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do {
        *--at = (char)('0' + left % 10);
    } while (left /= 10);
    if (value < 0) {
        *--at = '-';
    }
    size_t length = (size_t)(digits + sizeof digits - at);
    memcpy(to, at, length);
    return to + length;
}

// Most numbers of a call are whole or have a few decimals and need no printf. A value within a few
// roundings of digits / 10^decimals prints as exactly those digits: half a unit of the fourteenth
// digit is at least four times as far away.
char *kj_print_real(char *to, double value)
{
    static const double powers[] = {1, 10, 100, 1000, 10000};
    double size = fabs(value);
    if (size >= 0.001 && size < 1e9) {
        for (int decimals = 0; decimals < 5; decimals++) {
            double scaled = size * powers[decimals], whole = rint(scaled);
            if (whole < 1 || fabs(scaled - whole) > whole * 1e-15) {
                continue;
            }
            int64_t digits = (int64_t)whole, power = (int64_t)powers[decimals];
            for (; power > 1 && digits % 10 == 0; power /= 10) {
                digits /= 10; // one decimal fewer was just too far off
            }
            to += value < 0 ? (*to = '-', 1) : 0;
            to = kj_print_int(to, digits / power);
            if (power > 1) {
                *to++ = '.';
                for (int64_t rest = digits % power; power > 1; rest %= power) {
                    power /= 10;
                    *to++ = (char)('0' + rest / power);
                }
            }
            return to;
        }
    }
    return to + snprintf(to, 32, "%.14g", value);
}
