// Zones by name, kept for the life of the process, and the arithmetic between instants and local
// time.
#include "model/zone.h"

#include "base/alloc.h"
#include "base/map.h"
#include "base/str.h"
#include "model/tzif.h"

#include <ctype.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char k_directory[] = "/usr/share/zoneinfo/";
static const size_t k_max_file = 256 << 10;
// The years 1 to 9999: what lies outside is held at the border.
static const int64_t k_first_ms = -62135596800000, k_last_ms = 253402300799999;
static const int64_t k_day_ms = 86400000;

struct kj_zone {
    char name[64];
    struct kj_tzif tz;
};

static pthread_mutex_t cache_lock = PTHREAD_MUTEX_INITIALIZER;
static struct kj_map cache; // name -> zone; guarded by cache_lock
static bool cache_ready;

// A zone's name, never a path that leaves the directory.
static bool is_name(const char *name)
{
    size_t length = strlen(name);
    if (length == 0 || length >= sizeof((struct kj_zone *)0)->name ||
        !isalpha((unsigned char)*name))
        return false;
    for (const char *p = name; *p; p++)
        if (!isalnum((unsigned char)*p) && !strchr("_+-/", *p))
            return false;
    return true;
}

int kj_zone_file(const char *name, struct kj_buf *file)
{
    char path[128];
    if (!is_name(name))
        return KJ_ENOTFOUND;
    snprintf(path, sizeof path, "%s%s", k_directory, name);
    return kj_read_file(path, k_max_file, file, NULL);
}

static int (*source)(const char *name, struct kj_buf *file) = kj_zone_file;

void kj_zone_set_source(int (*bring)(const char *name, struct kj_buf *file))
{
    source = bring;
}

static struct kj_zone *load(const char *name)
{
    struct kj_buf file;
    struct kj_zone *zone = NULL;
    kj_buf_init(&file, k_max_file);
    if (source(name, &file) == KJ_OK && !file.failed) {
        zone = KJ_NEW(struct kj_zone);
        kj_copy(zone->name, sizeof zone->name, name);
        if (kj_tzif_read(file.data, file.length, &zone->tz, NULL) != KJ_OK) {
            kj_tzif_fini(&zone->tz);
            free(zone);
            zone = NULL;
        }
    }
    kj_buf_fini(&file);
    return zone;
}

const struct kj_zone *kj_zone_get(const char *name)
{
    if (name == NULL || !is_name(name))
        return NULL;
    pthread_mutex_lock(&cache_lock);
    if (!cache_ready) {
        kj_map_init(&cache);
        cache_ready = true;
    }
    struct kj_zone *zone = kj_map_get(&cache, name);
    if (zone == NULL) {
        zone = load(name);
        if (zone)
            kj_map_put(&cache, name, zone);
    }
    pthread_mutex_unlock(&cache_lock);
    return zone;
}

const char *kj_zone_name(const struct kj_zone *zone)
{
    return zone->name;
}

static int64_t bounded(int64_t wall_ms)
{
    return wall_ms < k_first_ms ? k_first_ms : wall_ms > k_last_ms ? k_last_ms : wall_ms;
}

static int64_t floor_second(int64_t ms)
{
    return ms / 1000 - (ms % 1000 < 0);
}

int kj_zone_offset(const struct kj_zone *zone, int64_t wall_ms)
{
    return kj_tzif_offset(&zone->tz, floor_second(bounded(wall_ms)));
}

void kj_zone_local(const struct kj_zone *zone, int64_t wall_ms, struct kj_civil *civil)
{
    wall_ms = bounded(wall_ms);
    kj_civil_from_ms(wall_ms + kj_zone_offset(zone, wall_ms) * INT64_C(1000), civil);
}

int64_t kj_zone_next_change(const struct kj_zone *zone, int64_t wall_ms)
{
    int64_t second = kj_tzif_next(&zone->tz, floor_second(bounded(wall_ms)));
    return second > k_last_ms / 1000 ? INT64_MAX : second * 1000;
}

// Walks the stretches of constant offset around the local time: in each the local time is met at
// most once.
int64_t kj_zone_instant(const struct kj_zone *zone, const struct kj_civil *civil,
                        enum kj_local *kind)
{
    int64_t local = bounded(kj_civil_to_ms(civil));
    int64_t from = local - 2 * k_day_ms, until = local + 2 * k_day_ms;
    int64_t found = INT64_MAX, gap = INT64_MAX;
    int times = 0;
    while (from < until) {
        int64_t offset = kj_zone_offset(zone, from) * INT64_C(1000);
        int64_t end = kj_zone_next_change(zone, from);
        int64_t at = local - offset;
        if (at >= from && at < end) {
            found = found == INT64_MAX ? at : found;
            times++;
        } else if (at >= end && end != INT64_MAX && gap == INT64_MAX &&
                   local < end + kj_zone_offset(zone, end) * INT64_C(1000))
            gap = end;
        if (end >= until)
            break;
        from = end;
    }
    if (kind)
        *kind = times > 1 ? KJ_LOCAL_TWICE : times == 1 ? KJ_LOCAL_ONCE : KJ_LOCAL_GAP;
    return times ? found : gap != INT64_MAX ? gap : local;
}
