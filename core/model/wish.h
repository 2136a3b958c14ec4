// The callback wish, in three steps: words to tokens (wish_scan.c), tokens to parts
// (wish_parts.c, wish_clock.c),
// parts to instants (wish.c). A closed grammar: what it does not know it skips, and whatever allows
// two readings is ambiguous.
#ifndef KJ_WISH_H
#define KJ_WISH_H

#include "model/facts.h"

#include <stdbool.h>
#include <stddef.h>

enum kj_word {
    KJ_W_OTHER,   // any other word: parts what stands around it
    KJ_W_SKIP,    // "uh", "please": as if it were not there
    KJ_W_DAY,     // today + value
    KJ_W_WEEKDAY, // 0 = Monday
    KJ_W_NEXT,    // before a weekday or "week"
    KJ_W_COMING,  // the first one after today
    KJ_W_THIS,
    KJ_W_WEEK,       // "next week": value weeks on
    KJ_W_IN,         // before a span
    KJ_W_FROM_NOW,   // behind a span
    KJ_W_SPAN,       // "half an hour": value minutes
    KJ_W_SPAN_DAYS,  // "a week": value days
    KJ_W_MINUTES,    // units behind a number: value minutes
    KJ_W_DAYS,       // value days
    KJ_W_FEW,        // "a few" before a unit: no number
    KJ_W_NUMBER,     // extra: digits, 0 when it was a word
    KJ_W_CLOCK,      // "14:30": value minutes (-1: no such time), extra 1: surely a 24-hour clock
    KJ_W_DATE,       // value = yyyymmdd, yyyy 0 = the next one
    KJ_W_ORDINAL,    // "15th"; extra 1 when written with digits
    KJ_W_ON,         // before a day of the month
    KJ_W_MONTH,      // 1..12
    KJ_W_PART,       // enum kj_day_part
    KJ_W_TODAY_PART, // "tonight"
    KJ_W_AT,
    KJ_W_OCLOCK,
    KJ_W_AM,
    KJ_W_PM,
    KJ_W_HALF_PAST, // before the hour; "y media" behind it is KJ_W_AND_MINUTES
    KJ_W_HALF_TO,   // German "halb drei"
    KJ_W_QUARTER_PAST,
    KJ_W_QUARTER_TO,
    KJ_W_PAST, // "ten past two"
    KJ_W_TO,
    KJ_W_AND_MINUTES, // "y cuarto", "menos cuarto": value minutes behind the hour
    KJ_W_AND,
    KJ_W_BEFORE,
    KJ_W_AFTER,
    KJ_W_BEHIND_AFTER, // the same behind the time or span ("do baje ke baad")
    KJ_W_BEHIND_BEFORE,
    KJ_W_RANGE, // between two times without a word before them ("do se chaar baje")
    KJ_W_BETWEEN,
    KJ_W_NOT,
    KJ_W_OR,
    KJ_W_VAGUE,     // "later": a wish, if nothing better is said
    KJ_W_AMBIGUOUS, // "midnight": no reading is safe; value 1: before a known word only ("every")
    KJ_W_GONE,      // "yesterday"
    KJ_W_BREAK,     // the end of a clause
    KJ_W_COUNT
};

enum kj_day_part {
    KJ_PART_NONE,
    KJ_PART_EARLY,
    KJ_PART_MORNING,
    KJ_PART_MIDDAY,
    KJ_PART_AFTERNOON,
    KJ_PART_EVENING,
    KJ_PART_NIGHT,
};

struct kj_wish_word {
    const char *phrase; // folded words
    enum kj_word word;
    int value;
};

extern const struct kj_wish_word kj_wish_pl[], kj_wish_ar[], kj_wish_hi[]; // wish_words_more.c

// The words of a language, chained by their first letters in the order of the table: each word that
// is said looks through all of them. Places count from 1; 0 = no more.
enum { KJ_WISH_WORDS = 512 };
struct kj_wish_words {
    const struct kj_wish_word *words; // ends with a NULL phrase
    unsigned short first[256], next[KJ_WISH_WORDS];
};
// Of a language ("en"); NULL = not known.
const struct kj_wish_words *kj_wish_words(const char *language);

struct kj_wish_token {
    enum kj_word word;
    int value, extra;
};

enum { KJ_WISH_TOKENS = 256 };

// Returns the count; what lies behind the 256th token is not read.
size_t kj_wish_scan(const char *text, const char *language, struct kj_wish_token *tokens,
                    size_t size);

enum kj_meridiem { KJ_UNSAID, KJ_SAID_AM, KJ_SAID_PM, KJ_SAID_24 };

struct kj_wish_clock {
    int minutes; // as spoken: 0..1439
    enum kj_meridiem meridiem;
};

enum kj_wish_day_kind {
    KJ_WISH_DAY_OFFSET,  // value days from today
    KJ_WISH_DAY_WEEKDAY, // the next one
    KJ_WISH_DAY_NEXT,    // "next Tuesday"
    KJ_WISH_DAY_COMING,
    KJ_WISH_DAY_THIS,
    KJ_WISH_DAY_OF_MONTH,
    KJ_WISH_DAY_DATE, // yyyymmdd, year 0 = the next one
};

struct kj_wish_day {
    enum kj_wish_day_kind kind;
    int value;
};

enum kj_wish_relation { KJ_WISH_AT, KJ_WISH_AFTER, KJ_WISH_BEFORE, KJ_WISH_BETWEEN };

struct kj_wish_parts {
    struct kj_wish_day days[3]; // must all be the same date
    size_t day_count;
    int week;         // weeks from this one, -1 = not said
    int span_minutes; // "in two hours"; -1 = not said
    enum kj_day_part part;
    struct kj_wish_clock clocks[2];
    size_t clock_count; // 2 only with BETWEEN
    enum kj_wish_relation relation;
    bool vague, ambiguous, invalid, gone, denied;
    bool limited; // "after work": a limit that no rule can read
};

void kj_wish_read(const struct kj_wish_token *tokens, size_t count, struct kj_wish_parts *parts);
enum kj_wish kj_wish_resolve(const struct kj_wish_parts *parts, const struct kj_zone *zone,
                             int64_t now, int64_t *at, int64_t *earliest, int64_t *latest);

#endif
