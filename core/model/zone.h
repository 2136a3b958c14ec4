// Time zones from the system's tzdata (our own TZif reader: ICU's data is years old).
// Zones are loaded once and shared; any thread.
#ifndef KJ_ZONE_H
#define KJ_ZONE_H

#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"

struct kj_zone;

enum kj_local { KJ_LOCAL_ONCE, KJ_LOCAL_GAP, KJ_LOCAL_TWICE };

// NULL when tzdata has no such zone. Lives as long as the process.
const struct kj_zone *kj_zone_get(const char *name);
const char *kj_zone_name(const struct kj_zone *zone);
// The bytes of a zone's file (the name is checked).
int kj_zone_file(const char *name, struct kj_buf *file) KJ_MUST_USE;
// For a process that may open no files: who brings these bytes instead. Before any other thread.
void kj_zone_set_source(int (*bring)(const char *name, struct kj_buf *file));
// Seconds east of UTC at an instant.
int kj_zone_offset(const struct kj_zone *zone, int64_t wall_ms);
void kj_zone_local(const struct kj_zone *zone, int64_t wall_ms, struct kj_civil *civil);
// A local time to an instant: in a gap the first valid instant after it, in an overlap the first.
int64_t kj_zone_instant(const struct kj_zone *zone, const struct kj_civil *civil,
                        enum kj_local *kind);
// The first change of offset after `wall_ms`, or INT64_MAX.
int64_t kj_zone_next_change(const struct kj_zone *zone, int64_t wall_ms);
// Zones a number may be in: by area code where that decides (North America, Russia, Brazil,
// Australia …), else all zones of the country. Zones that agree from 2025 on count once. `country`
// may be NULL, and is ignored where the number cannot be its. Returns the count, 0 when unknown or
// when there are more than `size` (a part of them would be a wrong answer).
size_t kj_zones_of_number(const char *e164, const char *country, const struct kj_zone **zones,
                          size_t size);

#endif
