// Tokens to a time of day: "two thirty", "halb drei", "ten past two", "las dos menos cuarto".
#include "model/wish_reader.h"

static bool is_hour(const struct kj_wish_reader *reader, size_t at)
{
    return is(reader, at, KJ_W_NUMBER) && peek(reader, at)->value <= 24;
}

// AM, PM behind a time, or what the number itself says.
static size_t read_meridiem(const struct kj_wish_reader *reader, size_t at,
                            struct kj_wish_clock *clock, bool sure)
{
    clock->meridiem = sure || clock->minutes >= 13 * 60 ? KJ_SAID_24 : KJ_UNSAID;
    if (is(reader, at, KJ_W_AM) || is(reader, at, KJ_W_PM)) {
        if (clock->minutes < 13 * 60)
            clock->meridiem = is(reader, at, KJ_W_AM) ? KJ_SAID_AM : KJ_SAID_PM;
        return 1;
    }
    return 0;
}

// The hour at `at` with minutes before or behind it ("half past" 30, "quarter to" -15).
static size_t read_shifted(const struct kj_wish_reader *reader, size_t at, int minutes,
                           struct kj_wish_clock *clock)
{
    int hour = peek(reader, at)->value;
    if (!is_hour(reader, at) || hour == 0)
        return 0;
    clock->minutes = (hour * 60 + minutes) % 1440;
    if (hour == 1 && minutes < 0)
        clock->minutes += 720; // "quarter to one" is twelve, not midnight
    size_t used = 1 + is(reader, at + 1, KJ_W_OCLOCK);
    return used + read_meridiem(reader, at + used, clock, hour > 12);
}

// "ten past two", "zehn vor halb drei"
static size_t read_minutes_first(const struct kj_wish_reader *reader, size_t at,
                                 struct kj_wish_clock *clock)
{
    int minutes = peek(reader, at)->value;
    bool past = is(reader, at + 1, KJ_W_PAST) || is(reader, at + 1, KJ_W_AFTER);
    bool to = is(reader, at + 1, KJ_W_TO) || is(reader, at + 1, KJ_W_BEFORE);
    if (!is(reader, at, KJ_W_NUMBER) || minutes < 1 || minutes > 29 || (!past && !to))
        return 0;
    bool half = is(reader, at + 2, KJ_W_HALF_TO);
    size_t used =
        read_shifted(reader, at + 2 + half, (half ? -30 : 0) + (past ? minutes : -minutes), clock);
    return used ? used + 2 + half : 0;
}

// Minutes behind the hour: "two thirty", "14 Uhr 30", "las dos y diez", "y media".
static size_t read_minutes_behind(const struct kj_wish_reader *reader, size_t at, bool range,
                                  int *minutes)
{
    const struct kj_wish_token *next = peek(reader, at);
    if (next->word == KJ_W_AND_MINUTES) {
        *minutes = next->value;
        return 1;
    }
    bool with_and = next->word == KJ_W_AND;
    const struct kj_wish_token *number = peek(reader, at + with_and);
    const struct kj_wish_token *behind = peek(reader, at + with_and + 1);
    if (number->word != KJ_W_NUMBER || number->value > 59 || number->extra > 2 ||
        (with_and && (range || number->value % 5)) || (!with_and && number->value < 10) ||
        behind->word == KJ_W_MINUTES || behind->word == KJ_W_DAYS || behind->word == KJ_W_MONTH)
        return 0;
    *minutes = number->value;
    return 1 + with_and;
}

// "1430", "530"
static bool read_military(const struct kj_wish_token *token, struct kj_wish_clock *clock)
{
    int hour = token->value / 100, minute = token->value % 100;
    if (token->extra < 3 || hour > 23 || minute > 59)
        return false;
    clock->minutes = hour * 60 + minute;
    return true;
}

// "1430" behind a word that says it is a time.
static size_t read_digits(const struct kj_wish_reader *reader, size_t at, bool led,
                          struct kj_wish_clock *clock)
{
    const struct kj_wish_token *token = peek(reader, at);
    if (!led || !read_military(token, clock))
        return 0;
    return 1 + read_meridiem(reader, at + 1, clock, token->extra == 4 && token->value < 1000);
}

// Hour and minutes as spoken to the clock; `at` is the hour. False when there is no such hour.
static bool set_clock(const struct kj_wish_reader *reader, size_t at, int minutes,
                      struct kj_wish_clock *clock)
{
    int hour = peek(reader, at)->value;
    reader->parts->invalid |= hour > 24;
    reader->parts->ambiguous |= hour == 24;
    if (hour > 23)
        return false;
    if (minutes < 0)
        return read_shifted(reader, at, minutes, clock) > 0;
    clock->minutes = hour * 60 + minutes;
    return true;
}

// A bare hour needs something that makes it a time: a word before it (`led`) or behind it.
static size_t read_hour(const struct kj_wish_reader *reader, size_t at, bool led, bool range,
                        struct kj_wish_clock *clock)
{
    int minutes = 0;
    if (!is(reader, at, KJ_W_NUMBER) || is_unit(reader, at + 1))
        return 0;
    if (peek(reader, at)->extra >= 3)
        return read_digits(reader, at, led, clock);
    bool oclock = is(reader, at + 1, KJ_W_OCLOCK);
    size_t hour = 1 + oclock, behind = read_minutes_behind(reader, at + hour, range, &minutes);
    size_t used = hour + behind;
    bool said = is(reader, at + used, KJ_W_AM) || is(reader, at + used, KJ_W_PM);
    if (!led && !oclock && !said && !is(reader, at + hour, KJ_W_AND_MINUTES))
        return 0;
    if (is(reader, at + used, KJ_W_NUMBER) && !is(reader, at + used + 1, KJ_W_MONTH))
        return 0; // "at one one two Main Street"
    if (!set_clock(reader, at, minutes, clock))
        return used;
    used += behind > 0 && is(reader, at + used, KJ_W_OCLOCK);
    return used + read_meridiem(reader, at + used, clock, peek(reader, at)->value == 0);
}

// Any time; 0 when there is none at `at`. Sets clock->minutes to -1 when it is no real time.
size_t kj_wish_clock(const struct kj_wish_reader *reader, size_t at, bool led, bool range,
                     struct kj_wish_clock *clock)
{
    const struct kj_wish_token *token = peek(reader, at);
    size_t used = 0;
    clock->minutes = -1;
    switch (token->word) {
    case KJ_W_CLOCK:
        clock->minutes = token->value;
        reader->parts->invalid |= token->value < 0;
        used = 1 + is(reader, at + 1, KJ_W_OCLOCK);
        return used + read_meridiem(reader, at + used, clock, token->extra || token->value == 720);
    case KJ_W_HALF_PAST:
        used = read_shifted(reader, at + 1, 30, clock);
        break;
    case KJ_W_HALF_TO:
        used = read_shifted(reader, at + 1, -30, clock);
        break;
    case KJ_W_QUARTER_PAST:
        used = read_shifted(reader, at + 1, 15, clock);
        break;
    case KJ_W_QUARTER_TO:
        used = read_shifted(reader, at + 1, -15, clock);
        break;
    default:
        if (!range && (used = read_minutes_first(reader, at, clock)) > 0)
            return used;
        return read_hour(reader, at, led, range, clock);
    }
    return used ? used + 1 : 0;
}
