// The table behind kj_country_parse; sorted by code.
#ifndef KJ_COUNTRY_TABLE_H
#define KJ_COUNTRY_TABLE_H

#include <stddef.h>

struct kj_country_row {
    char code[3], code3[4]; // ISO 3166-1 alpha-2 and alpha-3
    const char *names;      // "Germany|Deutschland|…", as written
};

extern const struct kj_country_row kj_country_table[];
extern const size_t kj_country_table_count;

#endif
