// JSON lines on standard error: one object a line, fields as alternating name and value.
// Any thread. Control and bidirectional characters are escaped, so a log cannot lie.
#ifndef KJ_LOG_H
#define KJ_LOG_H

#include "base/err.h"

#include <stdint.h>

enum kj_log_level { KJ_LOG_DEBUG, KJ_LOG_INFO, KJ_LOG_WARN, KJ_LOG_ERROR };

void kj_log_set_level(enum kj_log_level level);
// 0 or -1; "debug", "info", "warn", "error".
int kj_log_level_from_name(const char *name, enum kj_log_level *level);

// kj_log(KJ_LOG_WARN, "plugin", "callback blocked for 120 ms", "instance", name, "verb", verb,
// NULL) `room` is the part of the host that speaks. Fields end with NULL; a NULL value is left out.
void kj_log(enum kj_log_level level, const char *room, const char *text, ...)
    __attribute__((sentinel));
void kj_log_fault(enum kj_log_level level, const char *room, const struct kj_fault *fault);

#endif
