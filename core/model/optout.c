// Matches the refusals of optout_table.c against what was said.
#include "model/optout.h"

#include "base/alloc.h"
#include "model/fold.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { k_max_words = 512, k_gap = 3 };

// A turn as folded words; `text` holds them all.
struct words {
    const char *at[k_max_words];
    size_t length[k_max_words];
    size_t count;
    bool blocked[k_max_words]; // part of a refusal that was turned round
    uint64_t begins;           // how words begin (beginning)
};

static void split(char *text, struct words *words)
{
    words->count = 0;
    while (*text && words->count < k_max_words) {
        size_t length = strcspn(text, " ");
        words->at[words->count] = text;
        words->length[words->count++] = length;
        text += length + (text[length] == ' ');
    }
}

// How many words from `at` on are the phrase (words parted by spaces, `size` bytes); 0 = it is not.
static size_t phrase_at(const struct words *words, size_t at, const char *phrase, size_t size)
{
    size_t count = 0;
    while (size > 0) {
        const char *space = memchr(phrase, ' ', size);
        size_t length = space ? (size_t)(space - phrase) : size;
        if (at + count >= words->count || words->length[at + count] != length ||
            memcmp(words->at[at + count], phrase, length) != 0)
            return 0;
        count++;
        phrase += length + (space != NULL);
        size -= length + (space != NULL);
    }
    return count;
}

// The longest phrase of "a|b c|d" that stands at `at`, in words.
static size_t phrases_at(const struct words *words, size_t at, const char *phrases)
{
    size_t best = 0;
    while (*phrases) {
        size_t size = (size_t)(strchrnul(phrases, '|') - phrases);
        bool begins = at < words->count && *phrases == *words->at[at];
        size_t count = begins ? phrase_at(words, at, phrases, size) : 0;
        best = count > best ? count : best;
        phrases += size + (phrases[size] == '|');
    }
    return best;
}

static void drop_polite(struct words *words, const char *polite)
{
    size_t kept = 0;
    for (size_t i = 0; i < words->count;) {
        size_t drop = phrases_at(words, i, polite);
        if (drop == 0) {
            words->at[kept] = words->at[i];
            words->length[kept++] = words->length[i];
        }
        i += drop ? drop : 1;
    }
    words->count = kept;
}

// One item "a|b~" against one word.
static bool item_matches(const char *item, size_t size, const char *word, size_t length)
{
    while (size > 0) {
        const char *bar = memchr(item, '|', size);
        size_t one = bar ? (size_t)(bar - item) : size;
        bool prefix = one > 0 && item[one - 1] == '~';
        size_t need = one - prefix;
        if ((prefix ? length >= need : length == need) && memcmp(item, word, need) == 0)
            return true;
        item += one + (bar != NULL);
        size -= one + (bar != NULL);
    }
    return false;
}

// The end of the longest match of `pattern` that starts at word `at`, or -1. The depth is bounded
// by the length of the pattern.
static long match(const struct words *words, size_t at, const char *pattern)
{
    size_t size = strcspn(pattern, " ");
    const char *rest = pattern + size + (pattern[size] == ' ');
    if (size == 0 || *pattern == '!')
        return (long)at;
    if (*pattern == '^')
        return at == 0 ? match(words, at, rest) : -1;
    if (*pattern == '$')
        return at == words->count ? (long)at : -1;
    long best = -1;
    if (*pattern == '*') {
        for (size_t skip = 0; skip <= k_gap && at + skip <= words->count; skip++) {
            long end = match(words, at + skip, rest);
            best = end > best ? end : best;
        }
        return best;
    }
    bool optional = *pattern == '?';
    if (at < words->count &&
        item_matches(pattern + optional, size - optional, words->at[at], words->length[at]))
        best = match(words, at + 1, rest);
    if (optional) {
        long end = match(words, at, rest);
        best = end > best ? end : best;
    }
    return best;
}

// Does a phrase of "a|b c" end right before word `at`?
static bool follows_phrase(const struct words *words, size_t at, const char *phrases)
{
    for (size_t back = 1; back <= 4 && back <= at; back++)
        if (phrases_at(words, at - back, phrases) == back)
            return true;
    return false;
}

static bool turned_round(const struct kj_optout_list *list, const struct words *words, size_t start,
                         size_t end, const char *pattern)
{
    if ((*pattern == '%' && follows_phrase(words, start, list->negations)) ||
        (*pattern == '&' && follows_phrase(words, start, list->subjects)))
        return true;
    size_t length = strlen(pattern);
    return length && pattern[length - 1] == '!' && end < words->count &&
           phrases_at(words, end, list->spoilers) > 0;
}

// One bit for how a word begins: its first two bytes, the second 0 where it has but one.
static uint64_t beginning(const char *text, size_t length)
{
    unsigned first = (unsigned char)text[0], second = length > 1 ? (unsigned char)text[1] : 0;
    return UINT64_C(1) << ((first * 31 + second) & 63);
}

// The beginnings of the words before '|' in "a|b c|d~", up to `end`; all bits where one may be any
// word.
static uint64_t beginnings(const char *words, const char *end)
{
    uint64_t bits = 0;
    while (words < end) {
        size_t length = strcspn(words, "| ");
        if (length == 0 || strchr("*?^$!~", *words) || words[1] == '~')
            return UINT64_MAX;
        bits |= beginning(words, length);
        const char *bar = memchr(words, '|', (size_t)(end - words));
        words = bar ? bar + 1 : end;
    }
    return bits;
}

// How the next word must begin for the items from `pattern` on: those that may be left out, and the
// first that may not. All bits where it may be any word, or none need be left.
static uint64_t next_begins(const char *pattern)
{
    uint64_t bits = 0;
    for (;;) {
        size_t size = strcspn(pattern, " ");
        bool optional = *pattern == '?';
        if (size == 0 || *pattern == '!')
            return UINT64_MAX;
        bits |= beginnings(pattern + optional, pattern + size);
        if (!optional)
            return bits;
        pattern += size + (pattern[size] == ' ');
    }
}

// Few words of a talk begin a refusal, or a word of politeness: with two bytes looked at first (and
// the second round only where the first found something) this went from a fifth to a twentieth of
// an import. "No" begins one in most languages, so the word behind is looked at as well.
enum { k_most_lists = 16, k_most_patterns = 256 };
static uint64_t g_beginnings[k_most_lists][k_most_patterns], g_polite[k_most_lists];
static uint64_t g_seconds[k_most_lists][k_most_patterns];

static void fill_beginnings(void)
{
    for (size_t list = 0; list < k_most_lists && kj_optout_lists[list].language; list++) {
        const char *polite = kj_optout_lists[list].polite;
        const char *const *patterns = kj_optout_lists[list].patterns;
        g_polite[list] = beginnings(polite, polite + strlen(polite));
        for (size_t i = 0; i < k_most_patterns && patterns[i]; i++) {
            const char *first = patterns[i] + strspn(patterns[i], "%&^ ");
            const char *second = first + strcspn(first, " ");
            g_beginnings[list][i] = next_begins(first);
            bool one_word = *first != '?' && *first != '*'; // that the first item takes for sure
            g_seconds[list][i] = one_word && *second ? next_begins(second + 1) : UINT64_MAX;
        }
    }
}

static bool may_begin(const struct words *words, size_t start, uint64_t begins, uint64_t seconds)
{
    if (!(begins & beginning(words->at[start], words->length[start])))
        return false;
    return seconds == UINT64_MAX ||
           (start + 1 < words->count &&
            seconds & beginning(words->at[start + 1], words->length[start + 1]));
}

static uint64_t polite_of(const struct kj_optout_list *list)
{
    size_t at = (size_t)(list - kj_optout_lists);
    return at < k_most_lists ? g_polite[at] : UINT64_MAX;
}

// One round over all patterns: the first (`mark`) marks refusals that are turned round, so that no
// shorter phrase within them counts, and tells whether any is left to look at; the second looks for
// one that stands.
static bool look(const struct kj_optout_list *list, struct words *words, bool mark)
{
    bool any = false;
    size_t number = (size_t)(list - kj_optout_lists);
    for (const char *const *pattern = list->patterns; *pattern; pattern++) {
        bool marked = (*pattern)[0] == '%' || (*pattern)[0] == '&';
        size_t at = (size_t)(pattern - list->patterns);
        bool known = number < k_most_lists && at < k_most_patterns;
        uint64_t begins = known ? g_beginnings[number][at] : UINT64_MAX;
        uint64_t seconds = known ? g_seconds[number][at] : UINT64_MAX;
        if (!(begins & words->begins))
            continue;
        for (size_t start = 0; start < words->count; start++) {
            if (!may_begin(words, start, begins, seconds))
                continue;
            long end = match(words, start, *pattern + 2 * marked);
            if (end <= (long)start)
                continue;
            if (turned_round(list, words, start, (size_t)end, *pattern)) {
                if (mark)
                    memset(words->blocked + start, true, (size_t)end - start);
            } else if (mark) {
                any = true;
            } else if (!words->blocked[start]) {
                return true;
            }
        }
    }
    return any;
}

static void note_beginnings(struct words *words)
{
    words->begins = 0;
    for (size_t i = 0; i < words->count; i++)
        words->begins |= beginning(words->at[i], words->length[i]);
}

static bool asked_in(const struct kj_optout_list *list, char *folded, struct words *words)
{
    bool polite = polite_of(list) & words->begins;
    if (polite) {
        drop_polite(words, list->polite);
        note_beginnings(words);
    }
    memset(words->blocked, 0, words->count);
    bool asked = look(list, words, true) && look(list, words, false);
    if (polite) { // the next list has other words of politeness
        split(folded, words);
        note_beginnings(words);
    }
    return asked;
}

static bool speaks(const struct kj_optout_list *list, const char *language)
{
    return language && language[0] == list->language[0] && language[1] == list->language[1];
}

bool kj_optout_asked(const char *text, const char *language)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct kj_buf folded;
    struct words *words = kj_alloc_up_to(sizeof *words, 0); // 9 kB, for a few words at most times
    pthread_once(&once, fill_beginnings);
    bool asked = false;
    kj_buf_init(&folded, 64 << 10);
    kj_fold(text, 0, &folded);
    split(folded.data, words);
    note_beginnings(words);
    for (int own = 1; own >= 0 && !asked; own--)
        for (const struct kj_optout_list *list = kj_optout_lists; list->language && !asked; list++)
            if (speaks(list, language) == own)
                asked = asked_in(list, folded.data, words);
    kj_buf_fini(&folded);
    free(words);
    return asked;
}
