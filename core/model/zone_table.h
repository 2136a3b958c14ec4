// Which first digits of a number decide its time zone, in the countries that have several.
#ifndef KJ_ZONE_TABLE_H
#define KJ_ZONE_TABLE_H

#include <stddef.h>

struct kj_zone_row {
    const char *calling_code; // "1"
    const char *country;      // whose numbers these are; "" = shared
    const char *prefixes;     // of the national number, parted by spaces; the longest match wins
    const char *zones;        // names parted by spaces; "@US" = all zones of a country
};

extern const struct kj_zone_row kj_zone_table[];
extern const size_t kj_zone_table_count;

// The row with the longest prefix of the national number, or NULL.
const struct kj_zone_row *kj_zone_row_find(const char *calling_code, const char *national);
// "US" or "CA" by a number's area code, for codes younger than the phone metadata; else NULL.
const char *kj_area_country(const char *national);

#endif
