// Folding of text for comparison. Own tables instead of ICU: the set is small, fixed and the same
// on every host, and a decision that was taken on folded text must replay the same years later.
#include "model/fold.h"

#include "base/alloc.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

// U+00C0 … U+017F to their base letters; '*' marks the few that need two, '-' what is no letter.
static const char k_latin[] = "aaaaaa*ceeeeiiiidnooooo-ouuuuy**"  // C0
                              "aaaaaa*ceeeeiiiidnooooo-ouuuuy*y"  // E0
                              "aaaaaaccccccccddddeeeeeeeeeegggg"  // 100
                              "gggghhhhiiiiiiiiii**jjkkklllllll"  // 120
                              "lllnnnnnnnnnoooooo**rrrrrrssssss"  // 140
                              "ssttttttuuuuuuuuuuuuwwyyyzzzzzzs"; // 160

static const char *two_letters(int c)
{
    switch (c) {
    case 0xC6:
    case 0xE6:
        return "ae";
    case 0xDE:
    case 0xFE:
        return "th";
    case 0x132:
    case 0x133:
        return "ij";
    default:
        return "oe"; // U+0152, U+0153
    }
}

int kj_utf8_next(const char **at)
{
    const unsigned char *p = (const unsigned char *)*at;
    int size = *p < 0x80 ? 1 : *p < 0xC2 ? 0 : *p < 0xE0 ? 2 : *p < 0xF0 ? 3 : *p < 0xF5 ? 4 : 0;
    int c = size == 1 ? *p : *p & (0x7F >> size);
    for (int i = 1; i < size; i++)
        if ((p[i] & 0xC0) != 0x80)
            size = 0;
        else
            c = c << 6 | (p[i] & 0x3F);
    if (size == 0 || !kj_utf8_valid(*at, (size_t)size)) { // also overlong forms and surrogates
        ++*at;
        return -1;
    }
    *at += size;
    return c;
}

size_t kj_utf8_count(const char *text)
{
    size_t count = 0;
    while (*text) {
        kj_utf8_next(&text);
        count++;
    }
    return count;
}

int kj_utf8_fit(const char *text, size_t size)
{
    size_t length = strnlen(text, size + 1);
    if (length <= size)
        return (int)length;
    while (size > 0 && ((unsigned char)text[size] & 0xC0) == 0x80)
        size--;
    return (int)size;
}

// The value of a digit of any script that lists and recognisers use, or -1.
static int digit_of(int c)
{
    static const int k_zeros[] = {'0', 0x660, 0x6F0, 0x966, 0xFF10};
    for (size_t i = 0; i < sizeof k_zeros / sizeof *k_zeros; i++)
        if (c >= k_zeros[i] && c <= k_zeros[i] + 9)
            return c - k_zeros[i];
    return -1;
}

// Marks that vanish: combining accents, Arabic vowels and tatweel, the nukta, joiners.
static bool is_mark(int c)
{
    return (c >= 0x300 && c <= 0x36F) || (c >= 0x64B && c <= 0x652) || c == 0x670 || c == 0x93C;
}

static bool vanishes(int c, int flags)
{
    if (is_mark(c))
        return !(flags & KJ_FOLD_CASE);
    return c == 0x640 || (c >= 0x200B && c <= 0x200F) || c == 0xAD || c == 0xFEFF ||
           (c >= 0x202A && c <= 0x202E) || (c >= 0x2060 && c <= 0x2069);
}

static bool parts_words(int c)
{
    static const int k_ranges[][2] = {
        {0x80, 0xA9},     {0xAB, 0xB9},     {0xBB, 0xBF},     {0xD7, 0xD7},     {0xF7, 0xF7},
        {0x60C, 0x60C},   {0x61B, 0x61B},   {0x61F, 0x61F},   {0x6D4, 0x6D4},   {0x964, 0x965},
        {0x2000, 0x206F}, {0x3000, 0x303F}, {0xFF01, 0xFF0F}, {0xFF1A, 0xFF20},
    };
    for (size_t i = 0; i < KJ_COUNT(k_ranges); i++)
        if (c >= k_ranges[i][0] && c <= k_ranges[i][1])
            return true;
    return false;
}

// Capitals: a run of them and how far below their small letters stand, or 1: every other one, those
// that are even or odd as the first.
static int lower_case(int c)
{
    static const struct {
        int first, last, below;
    } k_capitals[] = {{0xC0, 0xDE, 32},   {0x100, 0x136, 1}, {0x139, 0x147, 1},
                      {0x14A, 0x176, 1},  {0x179, 0x17D, 1}, {0x391, 0x3A9, 32},
                      {0x400, 0x40F, 80}, {0x410, 0x42F, 32}};
    for (size_t i = 0; i < KJ_COUNT(k_capitals); i++)
        if (c >= k_capitals[i].first && c <= k_capitals[i].last)
            return k_capitals[i].below == 1 ? c + !((c - k_capitals[i].first) & 1)
                                            : c + k_capitals[i].below;
    return c == 0x178 ? 0xFF : c;
}

static int lower(int c)
{
    c = lower_case(c);
    if (c == 0x622 || c == 0x623 || c == 0x625 || c == 0x671)
        return 0x627; // the alefs
    if (c == 0x649)
        return 0x64A;
    if (c == 0x629)
        return 0x647;
    static const int k_nukta[] = {0x915, 0x916, 0x917, 0x91C, 0x921, 0x922, 0x92B, 0x92F};
    if (c >= 0x958 && c <= 0x95F)
        return k_nukta[c - 0x958];
    return c;
}

static void add_code(struct kj_buf *out, int c)
{
    if (c >= 0x10000) {
        kj_buf_addc(out, (char)(0xF0 | c >> 18));
        kj_buf_addc(out, (char)(0x80 | (c >> 12 & 0x3F)));
        kj_buf_addc(out, (char)(0x80 | (c >> 6 & 0x3F)));
    } else if (c >= 0x800) {
        kj_buf_addc(out, (char)(0xE0 | c >> 12));
        kj_buf_addc(out, (char)(0x80 | (c >> 6 & 0x3F)));
    } else
        kj_buf_addc(out, (char)(0xC0 | c >> 6));
    kj_buf_addc(out, (char)(0x80 | (c & 0x3F)));
}

// The letters of one code point; false when it parts words.
static bool add_letters(struct kj_buf *out, int c, int flags)
{
    int digit = digit_of(c);
    if (digit >= 0)
        kj_buf_addc(out, (char)('0' + digit));
    else if (c < 0x80 && isalpha(c))
        kj_buf_addc(out, (char)tolower(c));
    else if (c == 0xAA || c == 0xBA)
        kj_buf_addc(out, c == 0xAA ? 'a' : 'o');
    else if (c < 0x80 || parts_words(c))
        return false;
    else if (c == 0xDF || c == 0x1E9E)
        kj_buf_adds(out, "ss"); // STRASSE is Straße in capitals
    else if (flags & KJ_FOLD_CASE)
        add_code(out, lower_case(c));
    else if (c < 0xC0 + (int)sizeof k_latin - 1 && k_latin[c - 0xC0] == '*')
        kj_buf_adds(out, two_letters(c));
    else if (c < 0xC0 + (int)sizeof k_latin - 1)
        kj_buf_addc(out, k_latin[c - 0xC0]);
    else
        add_code(out, lower(c));
    return true;
}

static bool is_apostrophe(int c)
{
    return c == '\'' || c == 0x2019 || c == 0x2BC || c == '`' || c == 0xB4;
}

static bool is_further_letter(const char *after) // one beyond ASCII
{
    int c = (unsigned char)*after & 0x80 ? kj_utf8_next(&after) : 0;
    return c >= 0x80 && !parts_words(c) && !is_apostrophe(c);
}

// An apostrophe before one or two last letters: don't, we're, I'll; not s'il, n'en.
static bool is_contraction(const struct kj_buf *out, size_t start, const char *after)
{
    int letters = 0;
    while (letters < 3 && isalpha((unsigned char)after[letters]))
        letters++;
    if ((letters != 1 && letters != 2) || is_further_letter(after + letters))
        return false;
    bool single = out->length < start + 2 || out->data[out->length - 2] == ' ';
    return !single || out->data[out->length - 1] == 'i';
}

// Punctuation that stands between two digits and is kept there.
static bool is_number_mark(int flags, int before, int c, const char *after)
{
    return (flags & KJ_FOLD_NUMBERS) && (c == ':' || c == '.' || c == '/' || c == '-') &&
           digit_of(before) >= 0 && isdigit((unsigned char)*after);
}

// Blanks, commas and the like: what parts words whatever stands beside it.
static bool is_plain_gap(char c)
{
    return c == ' ' || c == ',' || c == '?' || c == '!';
}

// Most text is words of plain letters: taken as a run, they cost a tenth. Returns their end.
static const char *add_plain_word(struct kj_buf *out, const char *text)
{
    size_t length = 0;
    while (kj_plain_letter(text[length]))
        length++;
    char *to = length ? kj_buf_room(out, length) : NULL;
    if (to == NULL)
        return text;
    for (size_t i = 0; i < length; i++)
        to[i] = (char)(text[i] | 0x20);
    out->length += length;
    out->data[out->length] = 0;
    return text + length;
}

// The same with what stands between words: together a third of the cost again.
static const char *add_plain(struct kj_buf *out, size_t start, const char *text, bool *space,
                             int *before)
{
    for (; is_plain_gap(*text); text++) {
        *space = true;
        *before = *text;
    }
    if (!kj_plain_letter(*text))
        return text;
    if (*space && out->length > start)
        kj_buf_addc(out, ' ');
    *space = false;
    const char *end = add_plain_word(out, text);
    if (end > text)
        *before = end[-1];
    return end;
}

void kj_fold(const char *text, int flags, struct kj_buf *out)
{
    size_t start = out->length;
    bool space = false; // one is due before the next letter
    int before = ' ';
    while (*text) {
        const char *end = add_plain(out, start, text, &space, &before);
        if (end > text) {
            text = end;
            continue;
        }
        int c = kj_utf8_next(&text);
        bool inside = before >= 0x80 || isalnum(before);
        if (c >= 0 && vanishes(c, flags))
            continue;
        if (is_apostrophe(c) && inside && is_contraction(out, start, text))
            continue;
        size_t mark = out->length;
        if (space && mark > start)
            kj_buf_addc(out, ' ');
        space = false;
        if (is_number_mark(flags, before, c, text))
            kj_buf_addc(out, (char)c);
        else if (c < 0 || is_apostrophe(c) || !add_letters(out, c, flags)) {
            out->length = mark;
            out->data[mark] = 0;
            space = true;
            c = ' '; // whatever it is, it is no letter: there may be none in `out`
        }
        before = c;
    }
}

bool kj_fold_lists(const char *alternatives, const char *word, size_t length)
{
    for (;;) {
        size_t size = strcspn(alternatives, "|");
        if (size == length && memcmp(alternatives, word, length) == 0)
            return true;
        if (alternatives[size] == 0)
            return false;
        alternatives += size + 1;
    }
}

bool kj_fold_names(const char *names, const char *folded)
{
    struct kj_buf name;
    bool found = false;
    kj_buf_init(&name, 1024);
    while (*names && !found) {
        size_t length = strcspn(names, "|");
        char *one = kj_strndup(names, length);
        kj_buf_reset(&name);
        kj_fold(one, 0, &name);
        found = strcmp(name.data, folded) == 0;
        free(one);
        names += length + (names[length] == '|');
    }
    kj_buf_fini(&name);
    return found;
}
