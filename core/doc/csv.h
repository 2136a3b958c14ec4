// A CSV reader after RFC 4180: quotes, doubled quotes, line breaks inside quotes, CRLF or LF, a
// byte order mark, and the delimiter (comma, semicolon, tab) found from the first record.
#ifndef KJ_CSV_H
#define KJ_CSV_H

#include "base/str.h"

struct kj_csv {
    const char *at, *end;
    char delimiter; // 0 = find it in the first record
    size_t line;    // 1-based line where the current record began
    size_t next_line;
    char **fields; // of the current record; valid until the next call
    size_t count, capacity;
    struct kj_buf text;
};

enum { KJ_CSV_MAX_FIELDS = 256, KJ_CSV_MAX_FIELD = 65536 };

void kj_csv_init(struct kj_csv *csv, const char *text, size_t length);
void kj_csv_fini(struct kj_csv *csv);
// 1 = a record, 0 = the end, KJ_EPARSE / KJ_ELIMIT with place "line N" (a quote that is never
// closed names the line where it opened). Empty lines are skipped.
int kj_csv_next(struct kj_csv *csv, struct kj_fault *fault) KJ_MUST_USE;
// A field for output: quoted when needed, cells that start with = + - @ TAB CR prefixed with '.
void kj_csv_write_field(struct kj_buf *out, const char *text, bool first);

#endif
