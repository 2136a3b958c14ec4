// Tokens to the parts of a wish: days, a span, a part of the day, times. Each rule looks at the
// tokens from one place on and says how many it has used; what no rule knows is skipped.
#include "model/wish_reader.h"

#include <string.h>

// --- what a part is merged into ---

static void add_day(struct kj_wish_parts *parts, enum kj_wish_day_kind kind, int value)
{
    for (size_t i = 0; i < parts->day_count; i++)
        if (parts->days[i].kind == kind && parts->days[i].value == value)
            return;
    if (parts->day_count == sizeof parts->days / sizeof *parts->days)
        parts->ambiguous = true;
    else
        parts->days[parts->day_count++] = (struct kj_wish_day){kind, value};
}

static void add_part(struct kj_wish_parts *parts, enum kj_day_part part)
{
    bool early = (parts->part == KJ_PART_EARLY || part == KJ_PART_EARLY) &&
                 (parts->part == KJ_PART_MORNING || part == KJ_PART_MORNING);
    if (parts->part != KJ_PART_NONE && parts->part != part && !early)
        parts->ambiguous = true;
    parts->part = early ? KJ_PART_EARLY : part;
}

static void add_span(struct kj_wish_parts *parts, int minutes)
{
    if (parts->span_minutes >= 0 && parts->span_minutes != minutes)
        parts->ambiguous = true;
    parts->span_minutes = minutes;
}

static void add_clock(struct kj_wish_parts *parts, enum kj_wish_relation relation,
                      struct kj_wish_clock clock)
{
    struct kj_wish_clock *first = &parts->clocks[0];
    if (parts->clock_count == 0) {
        *first = clock;
        parts->clock_count = 1;
        parts->relation = relation;
    } else if (parts->clock_count == 1 && parts->relation == KJ_WISH_AFTER &&
               relation == KJ_WISH_BEFORE) {
        parts->clocks[parts->clock_count++] = clock;
        parts->relation = KJ_WISH_BETWEEN;
    } else if (parts->clock_count == 2 || first->minutes != clock.minutes ||
               first->meridiem != clock.meridiem || parts->relation != relation)
        parts->ambiguous = true;
}

static bool is_day(const struct kj_wish_reader *reader, size_t at)
{
    return is(reader, at, KJ_W_DAY) || is(reader, at, KJ_W_WEEKDAY) || is(reader, at, KJ_W_DATE) ||
           is(reader, at, KJ_W_NEXT) || is(reader, at, KJ_W_WEEK) || is(reader, at, KJ_W_ORDINAL);
}

// "at two", "after two", "before noon"
static size_t rule_led_clock(struct kj_wish_reader *reader, size_t at,
                             enum kj_wish_relation relation)
{
    struct kj_wish_clock clock;
    size_t skip = 1 + (is(reader, at + 1, KJ_W_AT) && relation != KJ_WISH_AT);
    size_t used = kj_wish_clock(reader, at + skip, true, false, &clock);
    if (used && clock.minutes >= 0)
        add_clock(reader->parts, relation, clock);
    if (used && is(reader, at + skip + used, KJ_W_OR) &&
        is(reader, at + skip + used + 1, KJ_W_NUMBER))
        reader->parts->ambiguous = true;
    if (!used && relation != KJ_WISH_AT) {
        reader->parts->limited = true;
        reader->parts->ambiguous |= is_day(reader, at + 1);
    }
    return used ? used + skip : 1;
}

// "between two and four", "von 2 bis 4", "de las 2 a las 4"; alone it is "from two on".
static size_t rule_range(struct kj_wish_reader *reader, size_t at)
{
    struct kj_wish_clock from, to;
    size_t used = kj_wish_clock(reader, at + 1, true, true, &from);
    if (!used)
        return 1;
    size_t mark = at + 1 + used;
    bool joined = is(reader, mark, KJ_W_AND) || is(reader, mark, KJ_W_TO) ||
                  is(reader, mark, KJ_W_BEFORE) || is(reader, mark, KJ_W_AT);
    size_t more = joined + (joined && is(reader, mark + 1, KJ_W_AT));
    size_t second = joined ? kj_wish_clock(reader, mark + more, true, true, &to) : 0;
    if (from.minutes >= 0)
        add_clock(reader->parts, KJ_WISH_AFTER, from);
    if (second && to.minutes >= 0)
        add_clock(reader->parts, KJ_WISH_BEFORE, to);
    return 1 + used + (second ? more + second : 0);
}

// "from two to four" where the word stands between them only; 0 when it is none.
static size_t read_bare_range(struct kj_wish_reader *reader, size_t at)
{
    struct kj_wish_clock from, to;
    if (!is(reader, at + 1, KJ_W_RANGE) && !is(reader, at + 2, KJ_W_RANGE))
        return 0; // a number that nothing makes a time must not be read as one
    size_t used = kj_wish_clock(reader, at, true, true, &from);
    size_t second = used && is(reader, at + used, KJ_W_RANGE)
                        ? kj_wish_clock(reader, at + used + 1, true, true, &to)
                        : 0;
    if (!second || from.minutes < 0 || to.minutes < 0)
        return 0;
    add_clock(reader->parts, KJ_WISH_AFTER, from);
    add_clock(reader->parts, KJ_WISH_BEFORE, to);
    return used + 1 + second + is(reader, at + used + 1 + second, KJ_W_BEHIND_BEFORE);
}

static size_t rule_bare_clock(struct kj_wish_reader *reader, size_t at)
{
    size_t range = read_bare_range(reader, at);
    if (range)
        return range;
    struct kj_wish_clock clock;
    // "tomorrow two": a bare hour right behind a day and at the end of the clause
    bool led = at > 0 && (is_day(reader, at - 1) || is(reader, at - 1, KJ_W_PART)) &&
               !is(reader, at - 1, KJ_W_NEXT) && is(reader, at + 1, KJ_W_BREAK);
    size_t used = kj_wish_clock(reader, at, led, false, &clock);
    bool after = used && is(reader, at + used, KJ_W_BEHIND_AFTER);
    bool before = used && is(reader, at + used, KJ_W_BEHIND_BEFORE);
    if (used && clock.minutes >= 0)
        add_clock(reader->parts,
                  after    ? KJ_WISH_AFTER
                  : before ? KJ_WISH_BEFORE
                           : KJ_WISH_AT,
                  clock);
    return used ? used + (after || before) : 1;
}

// --- days ---

// A number, perhaps with a month: "15 July", "July 15th". 0 when it is no date.
static size_t read_month_day(struct kj_wish_reader *reader, size_t at)
{
    const struct kj_wish_token *a = peek(reader, at), *b = peek(reader, at + 1);
    bool month_first = a->word == KJ_W_MONTH;
    const struct kj_wish_token *month = month_first ? a : b, *day = month_first ? b : a;
    if (month->word != KJ_W_MONTH || (day->word != KJ_W_NUMBER && day->word != KJ_W_ORDINAL) ||
        day->extra > 2)
        return 0;
    const struct kj_wish_token *year = peek(reader, at + 2);
    bool dated =
        year->word == KJ_W_NUMBER && year->extra == 4 && year->value >= 2000 && year->value < 2200;
    add_day(reader->parts, KJ_WISH_DAY_DATE,
            (dated ? year->value * 10000 : 0) + month->value * 100 + day->value);
    return 2 + dated;
}

// --- spans ---

// A span at `at`: "two hours", "half an hour", "a few days"; how many tokens it takes.
static size_t read_span(struct kj_wish_reader *reader, size_t at)
{
    const struct kj_wish_token *what = peek(reader, at), *unit = peek(reader, at + 1);
    struct kj_wish_parts *parts = reader->parts;
    bool or = unit->word == KJ_W_OR || unit->word == KJ_W_TO || unit->word == KJ_W_BEFORE;
    if (what->word == KJ_W_SPAN)
        add_span(parts, what->value);
    else if (what->word == KJ_W_SPAN_DAYS)
        add_day(parts, KJ_WISH_DAY_OFFSET, what->value);
    else if (what->word == KJ_W_FEW)
        parts->vague = true;
    if (what->word != KJ_W_NUMBER)
        return what->word == KJ_W_SPAN || what->word == KJ_W_SPAN_DAYS || what->word == KJ_W_FEW;
    if (is(reader, at + 1 + or, KJ_W_NUMBER)) { // "two or three hours"
        parts->ambiguous = true;
        return 1;
    }
    if (unit->word == KJ_W_MINUTES && is(reader, at + 2, KJ_W_AND_MINUTES) && unit->value == 60)
        add_span(parts, what->value * 60 + peek(reader, at + 2)->value); // "una hora y media"
    else if (unit->word == KJ_W_MINUTES)
        add_span(parts, what->value * unit->value);
    else if (unit->word == KJ_W_DAYS)
        add_day(parts, KJ_WISH_DAY_OFFSET, what->value * unit->value);
    else
        return 0;
    return 2;
}

static size_t rule_in(struct kj_wish_reader *reader, size_t at)
{
    return 1 + read_span(reader, at + 1);
}

// What makes a span in front of it one from now on.
static bool is_from_now(const struct kj_wish_reader *reader, size_t at)
{
    return is(reader, at, KJ_W_FROM_NOW) || is(reader, at, KJ_W_BEHIND_AFTER);
}

// "half an hour from now"
static size_t rule_span(struct kj_wish_reader *reader, size_t at)
{
    return is_from_now(reader, at + 1) ? read_span(reader, at) + 1 : 1;
}

// "a few days from now"
static size_t rule_few(struct kj_wish_reader *reader, size_t at)
{
    bool ahead = is_unit(reader, at + 1) && is_from_now(reader, at + 2);
    reader->parts->vague |= ahead;
    return ahead ? 3 : 1;
}

static size_t rule_number(struct kj_wish_reader *reader, size_t at)
{
    size_t used = read_month_day(reader, at);
    if (used)
        return used;
    if (is_unit(reader, at + 1) && is_from_now(reader, at + 2))
        return read_span(reader, at) + 1;
    if (is(reader, at, KJ_W_NUMBER))
        return rule_bare_clock(reader, at);
    if (is(reader, at, KJ_W_ORDINAL) && peek(reader, at)->extra)
        add_day(reader->parts, KJ_WISH_DAY_OF_MONTH, peek(reader, at)->value);
    return 1;
}

static size_t rule_on(struct kj_wish_reader *reader, size_t at)
{
    const struct kj_wish_token *next = peek(reader, at + 1);
    size_t used = read_month_day(reader, at + 1);
    if (used)
        return used + 1;
    if (next->word != KJ_W_NUMBER || next->value < 1 || next->value > 31 || next->extra > 2 ||
        next->extra == 0 || is(reader, at + 2, KJ_W_OCLOCK) || is_unit(reader, at + 2))
        return 1;
    add_day(reader->parts, KJ_WISH_DAY_OF_MONTH, next->value);
    return 2;
}

static size_t rule_which_weekday(struct kj_wish_reader *reader, size_t at)
{
    static const enum kj_wish_day_kind k_kinds[] = {[KJ_W_NEXT - KJ_W_NEXT] = KJ_WISH_DAY_NEXT,
                                                    [KJ_W_COMING - KJ_W_NEXT] = KJ_WISH_DAY_COMING,
                                                    [KJ_W_THIS - KJ_W_NEXT] = KJ_WISH_DAY_THIS};
    if (!is(reader, at + 1, KJ_W_WEEKDAY))
        return 1;
    add_day(reader->parts, k_kinds[peek(reader, at)->word - KJ_W_NEXT],
            peek(reader, at + 1)->value);
    return 2;
}

// "not on Tuesday": what follows is read and thrown away.
static size_t rule_not(struct kj_wish_reader *reader, size_t at)
{
    bool follows = is_day(reader, at + 1) || is(reader, at + 1, KJ_W_PART) ||
                   is(reader, at + 1, KJ_W_TODAY_PART) || is(reader, at + 1, KJ_W_AT);
    if (!follows)
        return 1;
    reader->parts->denied = true;
    if (is(reader, at + 1, KJ_W_AT)) {
        struct kj_wish_clock clock;
        size_t used = kj_wish_clock(reader, at + 2, true, false, &clock);
        return 2 + used;
    }
    return 2 + (is(reader, at + 1, KJ_W_NEXT) && is(reader, at + 2, KJ_W_WEEKDAY)) +
           (is(reader, at + 2, KJ_W_PART));
}

static size_t rule_rest(struct kj_wish_reader *reader, size_t at)
{
    struct kj_wish_parts *parts = reader->parts;
    const struct kj_wish_token *token = peek(reader, at), *next = peek(reader, at + 1);
    switch (token->word) {
    case KJ_W_PART:
        add_part(parts, (enum kj_day_part)token->value);
        return 1;
    case KJ_W_TODAY_PART:
        add_day(parts, KJ_WISH_DAY_OFFSET, 0);
        add_part(parts, (enum kj_day_part)token->value);
        return 1;
    case KJ_W_WEEK:
        parts->ambiguous |= parts->week >= 0 && parts->week != token->value;
        parts->week = token->value;
        return 1;
    case KJ_W_VAGUE:
        parts->vague = true;
        return 1;
    case KJ_W_OR:
        parts->ambiguous |= next->word == KJ_W_VAGUE;
        return 1;
    case KJ_W_AMBIGUOUS:
        parts->ambiguous |=
            token->value == 0 || (next->word != KJ_W_OTHER && next->word != KJ_W_BREAK);
        return 1;
    case KJ_W_GONE:
        parts->gone = true;
        return 1 +
               (is_day(reader, at + 1) || is(reader, at + 1, KJ_W_PART) || is_unit(reader, at + 1));
    default:
        return 1;
    }
}

static size_t rule_day(struct kj_wish_reader *reader, size_t at)
{
    const struct kj_wish_token *token = peek(reader, at);
    add_day(reader->parts,
            token->word == KJ_W_DAY    ? KJ_WISH_DAY_OFFSET
            : token->word == KJ_W_DATE ? KJ_WISH_DAY_DATE
                                       : KJ_WISH_DAY_WEEKDAY,
            token->value);
    return 1;
}

static size_t rule_at(struct kj_wish_reader *reader, size_t at)
{
    return rule_led_clock(reader, at, KJ_WISH_AT);
}

// "After two hours" is a span, as it is in Arabic.
static size_t rule_after(struct kj_wish_reader *reader, size_t at)
{
    bool spanned = is(reader, at + 1, KJ_W_SPAN) || is(reader, at + 1, KJ_W_SPAN_DAYS) ||
                   is(reader, at + 1, KJ_W_FEW) ||
                   (is(reader, at + 1, KJ_W_NUMBER) && is_unit(reader, at + 2));
    if (spanned)
        return rule_in(reader, at);
    return rule_led_clock(reader, at, KJ_WISH_AFTER);
}

static size_t rule_before(struct kj_wish_reader *reader, size_t at)
{
    return rule_led_clock(reader, at, KJ_WISH_BEFORE);
}

static size_t (*const k_rules[KJ_W_COUNT])(struct kj_wish_reader *, size_t) = {
    [KJ_W_NOT] = rule_not,
    [KJ_W_IN] = rule_in,
    [KJ_W_AT] = rule_at,
    [KJ_W_AFTER] = rule_after,
    [KJ_W_BEFORE] = rule_before,
    [KJ_W_BETWEEN] = rule_range,
    [KJ_W_ON] = rule_on,
    [KJ_W_FEW] = rule_few,
    [KJ_W_SPAN] = rule_span,
    [KJ_W_SPAN_DAYS] = rule_span,
    [KJ_W_NUMBER] = rule_number,
    [KJ_W_ORDINAL] = rule_number,
    [KJ_W_MONTH] = rule_number,
    [KJ_W_NEXT] = rule_which_weekday,
    [KJ_W_COMING] = rule_which_weekday,
    [KJ_W_THIS] = rule_which_weekday,
    [KJ_W_DAY] = rule_day,
    [KJ_W_WEEKDAY] = rule_day,
    [KJ_W_DATE] = rule_day,
    [KJ_W_CLOCK] = rule_bare_clock,
    [KJ_W_HALF_PAST] = rule_bare_clock,
    [KJ_W_HALF_TO] = rule_bare_clock,
    [KJ_W_QUARTER_PAST] = rule_bare_clock,
    [KJ_W_QUARTER_TO] = rule_bare_clock,
};

void kj_wish_read(const struct kj_wish_token *tokens, size_t count, struct kj_wish_parts *parts)
{
    struct kj_wish_reader reader = {tokens, count, parts};
    *parts = (struct kj_wish_parts){.week = -1, .span_minutes = -1};
    for (size_t at = 0; at < count;)
        at += (k_rules[tokens[at].word] ? k_rules[tokens[at].word] : rule_rest)(&reader, at);
}
