// Lua patterns with a budget of steps. Own, because one call of Lua's matcher can run for minutes
// without an instruction being counted.
#ifndef KJ_PATTERN_H
#define KJ_PATTERN_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

enum { KJ_PATTERN_CAPTURES = 32 };

struct kj_capture {
    const char *start;
    ptrdiff_t length; // or one of the two below
};
enum { KJ_CAPTURE_OPEN = -1, KJ_CAPTURE_POSITION = -2 };

struct kj_pattern {
    lua_State *L; // charged for the steps; raises malformed patterns
    const char *text, *text_end;
    const char *pattern_end;
    int level, depth;
    int steps;
    struct kj_capture captures[KJ_PATTERN_CAPTURES];
};

void kj_pattern_init(struct kj_pattern *state, lua_State *L, const char *text, size_t text_length,
                     const char *pattern, size_t pattern_length);
// Matches at exactly `at`; the end of the match or NULL.
const char *kj_pattern_match(struct kj_pattern *state, const char *at, const char *pattern);

#endif
