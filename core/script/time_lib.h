// Instants and spans for scripts.
#ifndef KJ_TIME_LIB_H
#define KJ_TIME_LIB_H

#include <stdbool.h>
#include <stdint.h>

// "90s", "2m", "1h30m", "3d", "1w" in milliseconds; false when it is none (or over 10 years).
bool kj_span_parse(const char *text, int64_t *ms);

#endif
