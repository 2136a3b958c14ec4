// What the rules of the callback grammar share: a place in the tokens and the parts they fill.
#ifndef KJ_WISH_READER_H
#define KJ_WISH_READER_H

#include "model/wish.h"

struct kj_wish_reader {
    const struct kj_wish_token *tokens;
    size_t count;
    struct kj_wish_parts *parts;
};

// The token at `at`; behind the last one a break.
static inline const struct kj_wish_token *peek(const struct kj_wish_reader *reader, size_t at)
{
    static const struct kj_wish_token k_end = {KJ_W_BREAK, 0, 0};
    return at < reader->count ? &reader->tokens[at] : &k_end;
}

static inline bool is(const struct kj_wish_reader *reader, size_t at, enum kj_word word)
{
    return peek(reader, at)->word == word;
}

static inline bool is_unit(const struct kj_wish_reader *reader, size_t at)
{
    return is(reader, at, KJ_W_MINUTES) || is(reader, at, KJ_W_DAYS);
}

// A time at `at`: how many tokens it takes, 0 when there is none. `led`: a word before it says that
// a time follows; `range`: "and" and "to" part two times. clock->minutes is -1 for no real time.
size_t kj_wish_clock(const struct kj_wish_reader *reader, size_t at, bool led, bool range,
                     struct kj_wish_clock *clock);

#endif
