// Durations as people write them: "30s", "2m", "1h", "24h", "3d".
#ifndef KJ_DURATION_H
#define KJ_DURATION_H

#include "base/err.h"

#include <stdint.h>

int kj_duration_parse(const char *text, int64_t *ms) KJ_MUST_USE; // KJ_EINVAL

#endif
