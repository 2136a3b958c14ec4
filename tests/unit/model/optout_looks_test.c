// The looks that pass over patterns without matching them miss no refusal: sentences made of the
// patterns' own words are judged with them and without.
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "base/rng.h"
#include "model/optout.c" // for the tables of what the looks know

enum { SENTENCES = 30000, SEED = 7 };

static size_t below(struct kj_rng *rng, size_t count)
{
    return (size_t)(kj_rng_next(rng) % count);
}

static void add_word(struct kj_buf *text, const char *word, size_t length)
{
    kj_buf_add(text, word, length);
    kj_buf_addc(text, ' ');
}

// One of the words of "a|b~".
static void add_one(struct kj_rng *rng, struct kj_buf *text, const char *item, size_t size)
{
    size_t count = 1;
    for (size_t i = 0; i < size; i++)
        count += item[i] == '|';
    for (size_t skip = below(rng, count); skip > 0; skip--) {
        const char *bar = memchr(item, '|', size);
        size -= (size_t)(bar + 1 - item);
        item = bar + 1;
    }
    size_t one = strcspn(item, "|~ ");
    add_word(text, item, one < size ? one : size);
}

// Words that the pattern takes, mostly: what may be left out is there or not, gaps are of any
// length, and now and then a word is missing.
static void add_pattern(struct kj_rng *rng, struct kj_buf *text, const char *pattern)
{
    pattern += strspn(pattern, "%& ");
    while (*pattern) {
        size_t size = strcspn(pattern, " "), optional = *pattern == '?';
        if (*pattern == '*')
            for (size_t gap = below(rng, 4); gap > 0; gap--)
                add_word(text, "so", 2);
        else if (size && !strchr("^$!", *pattern) && below(rng, optional ? 2 : 6))
            add_one(rng, text, pattern + optional, size - optional);
        pattern += size + (pattern[size] == ' ');
    }
}

static bool judge(uint64_t number)
{
    struct kj_rng rng;
    struct kj_buf text;
    size_t lists = 0, patterns = 0;
    kj_rng_keyed(&rng, SEED, "sentence", number);
    while (kj_optout_lists[lists].language)
        lists++;
    const struct kj_optout_list *list = &kj_optout_lists[below(&rng, lists)];
    while (list->patterns[patterns])
        patterns++;
    kj_buf_init(&text, 0);
    if (below(&rng, 3) == 0)
        add_word(&text, "well", 4);
    add_pattern(&rng, &text, list->patterns[below(&rng, patterns)]);
    if (below(&rng, 3) == 0)
        add_pattern(&rng, &text, list->patterns[below(&rng, patterns)]);
    bool asked = kj_optout_asked(text.length ? text.data : "", list->language);
    kj_buf_fini(&text);
    return asked;
}

static void test_looks(void **state)
{
    static bool asked[SENTENCES];
    size_t refusals = 0;
    (void)state;
    for (size_t i = 0; i < SENTENCES; i++)
        refusals += asked[i] = judge(i);
    memset(g_beginnings, 0xff, sizeof g_beginnings);
    memset(g_seconds, 0xff, sizeof g_seconds);
    for (size_t i = 0; i < SENTENCES; i++)
        if (judge(i) != asked[i])
            fail_msg("sentence %zu is judged in two ways", i);
    assert_in_range(refusals, SENTENCES / 2, SENTENCES - SENTENCES / 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_looks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
