// Words to tokens: phrases of the language's table, and everything that is written with digits.
#include "model/wish.h"

#include "base/alloc.h"
#include "model/fold.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct scan {
    const struct kj_wish_words *words;
    char language[4];
    struct kj_wish_token *tokens;
    size_t count, size;
};

static void put(struct scan *scan, enum kj_word word, int value, int extra)
{
    if (scan->count < scan->size)
        scan->tokens[scan->count++] = (struct kj_wish_token){word, value, extra};
}

static enum kj_word last_word(const struct scan *scan)
{
    return scan->count ? scan->tokens[scan->count - 1].word : KJ_W_OTHER;
}

// --- digits: "14:30", "2pm", "15th", "24.12.2026", "14h30" ---

struct groups {
    int value[3], digits[3];
    int count;
    char mark; // between them
    char suffix[8];
    bool bad;
};

static void read_groups(const char *text, size_t length, struct groups *groups)
{
    size_t at = 0;
    *groups = (struct groups){0};
    while (at < length && groups->count < 3 && isdigit((unsigned char)text[at])) {
        int *value = &groups->value[groups->count], *digits = &groups->digits[groups->count];
        for (; at < length && isdigit((unsigned char)text[at]); at++) {
            groups->bad |= ++*digits > 4;
            *value = *digits > 4 ? 0 : *value * 10 + (text[at] - '0');
        }
        groups->count++;
        bool more = at + 1 < length && isdigit((unsigned char)text[at + 1]);
        if (more && (strchr(":./-", text[at]) || text[at] == 'h')) {
            char mark = text[at] == 'h' ? ':' : text[at];
            groups->bad |= groups->mark && groups->mark != mark;
            groups->mark = mark;
            at++;
        } else
            break;
    }
    groups->bad |= length - at >= sizeof groups->suffix;
    if (!groups->bad)
        memcpy(groups->suffix, text + at, length - at);
}

static void put_clock(struct scan *scan, const struct groups *groups)
{
    int hour = groups->value[0], minute = groups->value[1];
    bool english = strcmp(scan->language, "en") == 0;
    bool sure = (groups->digits[0] == 2 && hour < 10) || hour > 12 || (!english && hour >= 7);
    if (hour > 23 || minute > 59 || groups->digits[1] != 2)
        put(scan, KJ_W_CLOCK, -1, 1);
    else
        put(scan, KJ_W_CLOCK, hour * 60 + minute, sure);
}

static void put_date(struct scan *scan, int day, int month, int year)
{
    if (year > 0 && year < 100)
        year += 2000;
    put(scan, KJ_W_DATE, year * 10000 + month * 100 + day, 0);
}

// With a slash: the English-speaking world has two orders.
static void put_slashes(struct scan *scan, const struct groups *groups)
{
    int a = groups->value[0], b = groups->value[1], year = groups->value[2];
    if (strcmp(scan->language, "en") != 0 || a > 12 || a == b)
        put_date(scan, a, b, year);
    else if (b > 12)
        put_date(scan, b, a, year);
    else
        put(scan, KJ_W_AMBIGUOUS, 0, 0);
}

static void put_dots(struct scan *scan, const struct groups *groups)
{
    enum kj_word before = last_word(scan);
    bool timely = before == KJ_W_AT || before == KJ_W_AFTER || before == KJ_W_BEFORE ||
                  before == KJ_W_BETWEEN || groups->suffix[0];
    bool dated = kj_fold_lists("de|pl", scan->language, strlen(scan->language)) &&
                 groups->value[1] >= 1 && groups->value[1] <= 12 && !timely;
    if (groups->count == 3 || dated)
        put_date(scan, groups->value[0], groups->value[1], groups->value[2]);
    else
        put_clock(scan, groups);
}

static void put_suffix(struct scan *scan, const char *suffix)
{
    if (strcmp(suffix, "am") == 0 || strcmp(suffix, "a") == 0)
        put(scan, KJ_W_AM, 0, 0);
    else if (strcmp(suffix, "pm") == 0 || strcmp(suffix, "p") == 0)
        put(scan, KJ_W_PM, 0, 0);
    else if (strcmp(suffix, "h") == 0 || strcmp(suffix, "uhr") == 0)
        put(scan, KJ_W_OCLOCK, 0, 0);
    else if (suffix[0])
        put(scan, KJ_W_OTHER, 0, 0);
}

static void scan_digits(struct scan *scan, const char *text, size_t length)
{
    struct groups groups;
    read_groups(text, length, &groups);
    if (groups.bad) {
        put(scan, KJ_W_OTHER, 0, 0); // a phone number, a price
        return;
    }
    if (groups.count == 1 && kj_fold_lists("st|nd|rd|th", groups.suffix, strlen(groups.suffix))) {
        put(scan, KJ_W_ORDINAL, groups.value[0], 1);
        return;
    }
    if (groups.count == 1)
        put(scan, KJ_W_NUMBER, groups.value[0], groups.digits[0]);
    else if (groups.mark == ':')
        put_clock(scan, &groups);
    else if (groups.count == 3 && groups.digits[0] == 4)
        put_date(scan, groups.value[2], groups.value[1], groups.value[0]);
    else if (groups.mark == '.')
        put_dots(scan, &groups);
    else if (groups.mark == '/')
        put_slashes(scan, &groups);
    else
        put(scan, KJ_W_AMBIGUOUS, 0, 0);
    put_suffix(scan, groups.suffix);
}

// --- words ---

// The longest phrase at `text`; its length in bytes, or 0.
static size_t find_phrase(const struct kj_wish_words *by_letter, const char *text,
                          const struct kj_wish_word **found)
{
    size_t best = 0;
    for (unsigned at = by_letter->first[(unsigned char)*text]; at; at = by_letter->next[at - 1]) {
        const struct kj_wish_word *words = &by_letter->words[at - 1];
        size_t length = strlen(words->phrase);
        if (length > best && strncmp(words->phrase, text, length) == 0 &&
            (text[length] == 0 || text[length] == ' ')) {
            best = length;
            *found = words;
        }
    }
    return best;
}

// "twenty" + "five", "treinta y cinco"; both as words.
static bool joins_number(struct scan *scan, const struct kj_wish_word *word)
{
    size_t count = scan->count;
    if (word->word != KJ_W_NUMBER || word->value > 9 || count == 0)
        return false;
    bool with_and =
        scan->tokens[count - 1].word == KJ_W_AND && count > 1 && strcmp(scan->language, "es") == 0;
    struct kj_wish_token *tens = &scan->tokens[count - 1 - with_and];
    if (tens->word != KJ_W_NUMBER || tens->extra || tens->value < 20 || tens->value % 10 ||
        (with_and && tens->value < 30))
        return false;
    tens->value += word->value;
    scan->count -= with_and;
    return true;
}

static void put_word(struct scan *scan, const struct kj_wish_word *word)
{
    bool german = strcmp(scan->language, "de") == 0;
    if (word->word == KJ_W_SKIP || joins_number(scan, word))
        return;
    if (german && word->word == KJ_W_DAY && word->value == 1 && last_word(scan) == KJ_W_WEEKDAY)
        put(scan, KJ_W_PART, KJ_PART_MORNING, 0); // "Dienstag Morgen"
    else
        put(scan, word->word, word->value, 0);
    struct kj_wish_token *last = scan->tokens + scan->count;
    if (word->word == KJ_W_COMING && scan->count > 1 && last[-2].word == KJ_W_WEEKDAY &&
        last[-1].word == KJ_W_COMING) { // Arabic says it behind the day
        last[-1] = last[-2];
        last[-2] = (struct kj_wish_token){KJ_W_COMING, 0, 0};
    }
}

// Arabic writes "and" as one with the word behind it.
static bool starts_with_and(const struct scan *scan, const char *word)
{
    const struct kj_wish_word *rest = NULL;
    return strcmp(scan->language, "ar") == 0 && kj_starts_with(word, "\xD9\x88") &&
           word[2] != ' ' && find_phrase(scan->words, word + 2, &rest);
}

static void scan_clause(struct scan *scan, const char *folded)
{
    while (*folded && scan->count < scan->size) {
        const struct kj_wish_word *word = NULL;
        size_t length = find_phrase(scan->words, folded, &word);
        if (length)
            put_word(scan, word);
        else if (starts_with_and(scan, folded)) {
            put(scan, KJ_W_AND, 0, 0);
            folded += 2;
            continue;
        } else {
            length = strcspn(folded, " ");
            if (isdigit((unsigned char)*folded))
                scan_digits(scan, folded, length);
            else
                put(scan, KJ_W_OTHER, 0, 0);
        }
        folded += length;
        folded += *folded == ' ';
    }
}

// The comma, semicolon and question mark of Arabic, the danda of Hindi.
static bool parts_clauses(const char *at)
{
    static const char *const k_marks[] = {"\xD8\x8C", "\xD8\x9B", "\xD8\x9F", "\xE0\xA5\xA4"};
    for (size_t i = 0; (unsigned char)*at >= 0x80 && i < KJ_COUNT(k_marks); i++)
        if (kj_starts_with(at, k_marks[i]))
            return true;
    return false;
}

// The end of a clause: a comma, or a full stop that is none of "p.m." and "24. Dezember". What is
// left of a mark of several bytes counts as a space.
static const char *clause_end(const char *text)
{
    const char *at = text;
    for (; *at; at++) {
        if (kj_plain_letter(*at)) // nearly always
            continue;
        bool space = at[1] == 0 || isspace((unsigned char)at[1]);
        if (strchr(",;!?\n", *at) && !(at > text && isdigit((unsigned char)at[-1]) && !space))
            return at;
        if (parts_clauses(at))
            return at;
        if (*at == '.' && space && at - text > 2 && isalpha((unsigned char)at[-1]) &&
            isalpha((unsigned char)at[-2]))
            return at;
    }
    return at;
}

size_t kj_wish_scan(const char *text, const char *language, struct kj_wish_token *tokens,
                    size_t size)
{
    struct scan scan = {.words = kj_wish_words(language), .tokens = tokens, .size = size};
    struct kj_buf folded;
    if (scan.words == NULL)
        return 0;
    kj_copy(scan.language, sizeof scan.language, language);
    kj_buf_init(&folded, 64 << 10);
    while (*text) {
        const char *end = clause_end(text);
        char *clause = kj_strndup(text, (size_t)(end - text));
        kj_buf_reset(&folded);
        kj_fold(clause, KJ_FOLD_NUMBERS, &folded);
        scan_clause(&scan, folded.data);
        free(clause);
        if (*end)
            put(&scan, KJ_W_BREAK, 0, 0);
        text = end + (*end != 0);
    }
    kj_buf_fini(&folded);
    return scan.count;
}
