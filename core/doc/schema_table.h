// The files of schemas/, embedded at build time (tools/cmake/embed.cmake writes the table).
#ifndef KJ_SCHEMA_TABLE_H
#define KJ_SCHEMA_TABLE_H

#include <stddef.h>

struct kj_schema_row {
    const char *name; // path under schemas/ without ".json"
    const char *text;
    size_t length;
};

extern const struct kj_schema_row kj_schema_table[];
extern const size_t kj_schema_table_count;

#endif
