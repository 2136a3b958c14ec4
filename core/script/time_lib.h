// Instants and spans for scripts.
#ifndef KJ_TIME_LIB_H
#define KJ_TIME_LIB_H

#include "base/clock.h"

#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

// "90s", "2m", "1h30m", "3d", "1w" in milliseconds; false when it is none (or over 10 years).
bool kj_span_parse(const char *text, int64_t *ms);

int kj_time_format(lua_State *L); // kejue.time.format (time_format.c)
// The instant at `index`; raises when it is none.
int64_t kj_check_moment(lua_State *L, int index);
// In the lead's zone.
void kj_local_time(lua_State *L, int64_t ms, struct kj_civil *civil);

#endif
