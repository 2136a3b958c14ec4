// Durations as people write them.
#include "engine/duration.h"

#include <stdlib.h>
#include <string.h>

int kj_duration_parse(const char *text, int64_t *ms)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } k_units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    char *end;
    long value = strtol(text, &end, 10);
    if (end == text || value < 0 || value > 100000)
        return KJ_EINVAL;
    for (size_t i = 0; i < sizeof k_units / sizeof *k_units; i++)
        if (strcmp(end, k_units[i].unit) == 0) {
            *ms = value * k_units[i].ms;
            return KJ_OK;
        }
    return KJ_EINVAL;
}
