// Names of time zones, for the format "iana-tz".
#ifndef KJ_SCHEMA_ZONE_H
#define KJ_SCHEMA_ZONE_H

#include <stdbool.h>
#include <stddef.h>

// A zone or link of the system's tzdata; where that cannot be read, whatever looks like one. Any
// thread.
bool kj_schema_is_zone(const char *text, size_t length);

#endif
