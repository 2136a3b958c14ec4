// Chance and small helpers. Every draw has a key of its own ("+49…/outcome/0", attempt), so that
// one more draw somewhere, or another order of calls, changes nothing elsewhere.
#include "sim.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void add(char **at, char *end, const char *text)
{
    while (*text && *at < end)
        *(*at)++ = *text++;
}

// By hand: 26 draws a call, and printing their keys took longer than drawing.
static void add_number(char **at, char *end, int number)
{
    char digits[12], *first = digits + sizeof digits - 1;
    unsigned left = number < 0 ? 0u - (unsigned)number : (unsigned)number;
    *first = 0;
    do
        *--first = (char)('0' + left % 10);
    while ((left /= 10) > 0);
    if (number < 0)
        *--first = '-';
    add(at, end, first);
}

uint64_t kj_sim_bits(const struct kj_sim_dice *dice, const char *purpose, int index)
{
    char key[160], *at = key, *end = key + sizeof key - 1;
    add(&at, end, dice->to);
    add(&at, end, "/");
    add(&at, end, purpose);
    add(&at, end, "/");
    add_number(&at, end, index);
    *at = 0;
    return dice->rules->host->random(dice->rules->ctx, key, dice->attempt);
}

double kj_sim_unit(const struct kj_sim_dice *dice, const char *purpose, int index)
{
    return (double)(kj_sim_bits(dice, purpose, index) >> 11) * 0x1.0p-53;
}

bool kj_sim_chance(const struct kj_sim_dice *dice, const char *purpose, int index, double p)
{
    return kj_sim_unit(dice, purpose, index) < p;
}

int64_t kj_sim_range(const struct kj_sim_dice *dice, const char *purpose, int index, int64_t low,
                     int64_t high)
{
    if (high <= low)
        return low;
    uint64_t span = (uint64_t)high - (uint64_t)low + 1;
    uint64_t bits = kj_sim_bits(dice, purpose, index);
    return (int64_t)((uint64_t)low + (span ? bits % span : bits));
}

size_t kj_sim_pick(const struct kj_sim_dice *dice, const char *purpose, int index,
                   const double *weights, size_t count)
{
    double total = 0;
    for (size_t i = 0; i < count; i++)
        total += weights[i];
    double at = kj_sim_unit(dice, purpose, index) * total;
    size_t last = 0;
    for (size_t i = 0; i < count; i++) {
        if (weights[i] <= 0)
            continue;
        last = i;
        if (at < weights[i])
            return i;
        at -= weights[i];
    }
    return last;
}

double kj_sim_log_normal(const struct kj_sim_dice *dice, const char *purpose, int index,
                         double median, double sigma)
{
    double u = kj_sim_unit(dice, purpose, 2 * index);
    double v = kj_sim_unit(dice, purpose, 2 * index + 1);
    double normal = sqrt(-2.0 * log(1.0 - u)) * cos(6.283185307179586 * v);
    return median * exp(sigma * normal);
}

struct kj_sim_dice kj_sim_of_number(const struct kj_sim_dice *dice)
{
    return (struct kj_sim_dice){dice->rules, dice->to, 0};
}

void *kj_sim_alloc(size_t size)
{
    void *memory = calloc(1, size ? size : 1);
    if (!memory)
        abort();
    return memory;
}

void *kj_sim_realloc(void *memory, size_t size)
{
    memory = realloc(memory, size ? size : 1);
    if (!memory)
        abort();
    return memory;
}

char *kj_sim_strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    return memcpy(kj_sim_alloc(size), text, size);
}

void kj_sim_add(struct kj_sim_text *text, const char *words)
{
    size_t more = strlen(words);
    if (text->length + more + 1 > text->capacity) {
        text->capacity = 2 * (text->length + more) + 64;
        text->data = kj_sim_realloc(text->data, text->capacity);
    }
    memcpy(text->data + text->length, words, more + 1);
    text->length += more;
}

void kj_sim_copy(char *to, size_t size, const char *from)
{
    size_t length = strlen(from);
    if (length >= size) {
        length = size - 1;
        while (length && ((unsigned char)from[length] & 0xC0) == 0x80)
            length--; // not in the middle of a character
    }
    memcpy(to, from, length);
    to[length] = 0;
}
