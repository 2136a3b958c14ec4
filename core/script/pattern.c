// The matcher: backtracking over one item at a time, depth bounded, every step charged.
#include "script/pattern.h"

#include "script/vm.h"

#include <string.h>

enum { MAX_DEPTH = 200, CHARGE_EVERY = 256 }; // the depth is Lua's own

typedef unsigned char byte;

void kj_pattern_init(struct kj_pattern *state, lua_State *L, const char *text, size_t text_length,
                     const char *pattern, size_t pattern_length)
{
    state->L = L;
    state->text = text;
    state->text_end = text + text_length;
    state->pattern_end = pattern + pattern_length;
    state->level = 0;
    state->depth = 0;
    state->steps = 0;
}

static void steps(struct kj_pattern *state, ptrdiff_t count)
{
    state->steps += (int)count;
    if (state->steps >= CHARGE_EVERY) {
        kj_vm_charge(state->L, state->steps);
        state->steps = 0;
    }
}

static void step(struct kj_pattern *state)
{
    steps(state, 1);
}

// A set is looked through each time: one of a megabyte is no single step.
static void step_over(struct kj_pattern *state, const char *item, const char *end)
{
    steps(state, 1 + (end - item) / 8);
}

static const char *malformed(struct kj_pattern *state, const char *why)
{
    luaL_error(state->L, "malformed pattern: %s", why);
    return NULL;
}

// Behind the ']' of the set whose '[' is at `at`.
static const char *set_end(struct kj_pattern *state, const char *at)
{
    const char *end = state->pattern_end, *start = at;
    at++;
    at += at < end && *at == '^';
    for (bool first = true; at < end; first = false) {
        if (*at == ']' && !first) {
            steps(state, (at - start) / 8);
            return at + 1;
        }
        at += *at == '%' ? 2 : 1;
    }
    return malformed(state, "a [ is never closed");
}

// Where the single item that starts at `at` ends (its quantifier is not part of it).
static inline const char *item_end(struct kj_pattern *state, const char *at)
{
    if (*at == '%') {
        return at + 1 < state->pattern_end ? at + 2 : malformed(state, "it ends with %");
    }
    return *at == '[' ? set_end(state, at) : at + 1;
}

// The classes by their letters, as ranges of ASCII, whatever the locale: each look of <ctype.h>
// asks for the thread's table, and matching is little else. The two with a NUL are not here.
static const char *const k_classes[26] = {
    ['a' - 'a'] = "azAZ", ['d' - 'a'] = "09",       ['g' - 'a'] = "!~",
    ['l' - 'a'] = "az",   ['p' - 'a'] = "!/:@[`{~", ['s' - 'a'] = "  \t\r",
    ['u' - 'a'] = "AZ",   ['w' - 'a'] = "azAZ09",   ['x' - 'a'] = "09afAF",
};

static bool in_class(int c, int letter)
{
    int small = letter | 0x20; // tolower, as far as letters go
    const char *range = small >= 'a' && small <= 'z' ? k_classes[small - 'a'] : NULL;
    bool result = false;
    if (range) {
        for (; *range && !result; range += 2) {
            result = c >= range[0] && c <= range[1];
        }
    } else if (small == 'c') {
        result = c < ' ' || c == 127;
    } else if (small == 'z') { // as old patterns write a NUL
        result = c == 0;
    } else {
        return letter == c;
    }
    return letter & 0x20 ? result : !result;
}

// `set` is at '[', `last` at the closing ']'.
static bool in_set(int c, const char *set, const char *last)
{
    bool positive = set[1] != '^';
    for (const char *at = set + (positive ? 1 : 2); at < last; at++) {
        if (*at == '%') {
            at++;
            if (in_class(c, (byte)*at)) {
                return positive;
            }
        } else if (at + 2 < last && at[1] == '-') {
            if ((byte)at[0] <= c && c <= (byte)at[2]) {
                return positive;
            }
            at += 2;
        } else if ((byte)*at == c) {
            return positive;
        }
    }
    return !positive;
}

static bool one(struct kj_pattern *state, const char *at, const char *item, const char *end)
{
    step_over(state, item, end);
    if (at >= state->text_end) {
        return false;
    }
    int c = (byte)*at;
    switch (*item) {
    case '.':
        return true;
    case '%':
        return in_class(c, (byte)item[1]);
    case '[':
        return in_set(c, item, end - 1);
    default:
        return (byte)*item == c;
    }
}

static const char *run(struct kj_pattern *state, const char *at, const char *pattern);

// The item matches at `at`.
static const char *greedy(struct kj_pattern *state, const char *at, const char *item,
                          const char *end, ptrdiff_t least)
{
    ptrdiff_t count = 1;
    while (one(state, at + count, item, end)) {
        count++;
    }
    for (; count >= least; count--) {
        const char *found = run(state, at + count, end + 1);
        if (found) {
            return found;
        }
    }
    return NULL;
}

static const char *lazy(struct kj_pattern *state, const char *at, const char *item, const char *end)
{
    for (;;) {
        const char *found = run(state, at, end + 1);
        if (found || !one(state, at, item, end)) {
            return found;
        }
        at++;
    }
}

static const char *open_capture(struct kj_pattern *state, const char *at, const char *pattern,
                                ptrdiff_t kind)
{
    if (state->level >= KJ_PATTERN_CAPTURES) {
        return malformed(state, "too many captures");
    }
    state->captures[state->level].start = at;
    state->captures[state->level].length = kind;
    state->level++;
    const char *found = run(state, at, pattern);
    if (!found) {
        state->level--;
    }
    return found;
}

static const char *close_capture(struct kj_pattern *state, const char *at, const char *pattern)
{
    int level = state->level - 1;
    while (level >= 0 && state->captures[level].length != KJ_CAPTURE_OPEN) {
        level--;
    }
    if (level < 0) {
        return malformed(state, "a ) without its (");
    }
    state->captures[level].length = at - state->captures[level].start;
    const char *found = run(state, at, pattern);
    if (!found) {
        state->captures[level].length = KJ_CAPTURE_OPEN;
    }
    return found;
}

// %bxy at `item`: the end of the balanced text, or NULL.
static const char *balanced(struct kj_pattern *state, const char *at, const char *item)
{
    if (item + 3 >= state->pattern_end) {
        return malformed(state, "%b needs two characters");
    }
    if (at >= state->text_end || *at != item[2]) {
        return NULL;
    }
    int open = 1;
    while (++at < state->text_end) {
        step(state);
        if (*at == item[3]) {
            if (--open == 0) {
                return at + 1;
            }
        } else if (*at == item[2]) {
            open++;
        }
    }
    return NULL;
}

// %f[set] at `item`; the place behind it in the pattern, or NULL when there is no frontier.
static const char *frontier(struct kj_pattern *state, const char *at, const char *item)
{
    const char *set = item + 2;
    if (set >= state->pattern_end || *set != '[') {
        return malformed(state, "%f needs a [set]");
    }
    const char *end = item_end(state, set);
    step_over(state, set, end);
    int before = at == state->text ? 0 : (byte)at[-1];
    int here = at < state->text_end ? (byte)*at : 0;
    return !in_set(before, set, end - 1) && in_set(here, set, end - 1) ? end : NULL;
}

// %1 … %9: the end of the repeated capture, or NULL.
static const char *repeated(struct kj_pattern *state, const char *at, int digit)
{
    int level = digit - '1';
    if (level < 0 || level >= state->level || state->captures[level].length == KJ_CAPTURE_OPEN) {
        return malformed(state, "%n names a capture that is not there");
    }
    ptrdiff_t length = state->captures[level].length;
    if (length == KJ_CAPTURE_POSITION) {
        return NULL; // a position is no text: as in Lua, it matches nowhere
    }
    kj_vm_charge(state->L, 1 + length / 16);
    bool same = state->text_end - at >= length &&
                memcmp(state->captures[level].start, at, (size_t)length) == 0;
    return same ? at + length : NULL;
}

// A plain item with its quantifier. Sets *go_on when the caller's loop continues behind it: where
// the item does not match here, none of it needs no deeper run.
static const char *plain_item(struct kj_pattern *state, const char *at, const char **pattern,
                              bool *go_on)
{
    const char *item = *pattern, *end = item_end(state, item);
    char quantifier = end < state->pattern_end ? *end : '\0';
    if (!one(state, at, item, end)) {
        *go_on = quantifier == '*' || quantifier == '?' || quantifier == '-';
        *pattern = end + 1;
        return *go_on ? at : NULL;
    }
    *go_on = false;
    switch (quantifier) {
    case '*':
        return greedy(state, at, item, end, 0);
    case '+':
        return greedy(state, at, item, end, 1);
    case '-':
        return lazy(state, at, item, end);
    case '?': {
        const char *found = run(state, at + 1, end + 1);
        *pattern = end + 1;
        *go_on = !found;
        return found ? found : at;
    }
    default:
        *pattern = end;
        *go_on = true;
        return at + 1;
    }
}

// Items that start with % and are no classes: %b, %f, %1. *special tells whether it was one.
static const char *percent_item(struct kj_pattern *state, const char *at, const char **pattern,
                                bool *special)
{
    char kind = *pattern + 1 < state->pattern_end ? (*pattern)[1] : '\0';
    *special = true;
    if (kind == 'b') {
        const char *end = balanced(state, at, *pattern);
        *pattern += 4;
        return end;
    }
    if (kind == 'f') {
        const char *next = frontier(state, at, *pattern);
        *pattern = next;
        return next ? at : NULL;
    }
    if (in_class(kind, 'd')) {
        *pattern += 2;
        return repeated(state, at, kind);
    }
    *special = false;
    return at;
}

static const char *items(struct kj_pattern *state, const char *at, const char *pattern)
{
    while (at && pattern < state->pattern_end) {
        step(state);
        if (*pattern == '(') {
            bool position = pattern + 1 < state->pattern_end && pattern[1] == ')';
            return open_capture(state, at, pattern + (position ? 2 : 1),
                                position ? KJ_CAPTURE_POSITION : KJ_CAPTURE_OPEN);
        }
        if (*pattern == ')') {
            return close_capture(state, at, pattern + 1);
        }
        if (*pattern == '$' && pattern + 1 == state->pattern_end) {
            return at == state->text_end ? at : NULL;
        }
        bool special = false, go_on = true;
        if (*pattern == '%') {
            at = percent_item(state, at, &pattern, &special);
        }
        if (!special) {
            at = plain_item(state, at, &pattern, &go_on);
        }
        if (!go_on) {
            return at;
        }
    }
    return at;
}

static const char *run(struct kj_pattern *state, const char *at, const char *pattern)
{
    if (++state->depth > MAX_DEPTH) {
        luaL_error(state->L, "this pattern is too complex");
    }
    const char *found = items(state, at, pattern);
    state->depth--;
    return found;
}

const char *kj_pattern_match(struct kj_pattern *state, const char *at, const char *pattern)
{
    state->level = 0;
    state->depth = 0;
    return run(state, at, pattern);
}
