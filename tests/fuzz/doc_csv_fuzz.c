// Any text is read to its end or refused with a line; what was read and written is read the same.
#include "doc/csv.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// A field as it comes back: the writer marks what a spreadsheet would run.
static bool same(const char *before, const char *after)
{
    return strcmp(before, after) == 0 ||
           (after[0] == '\'' && *before && strchr("=+-@\t\r", *before) &&
            strcmp(before, after + 1) == 0);
}

static void round_trip(const struct kj_csv *csv)
{
    struct kj_csv again;
    struct kj_buf out;
    kj_buf_init(&out, 0);
    for (size_t i = 0; i < csv->count; i++)
        kj_csv_write_field(&out, csv->fields[i], i == 0);
    kj_buf_adds(&out, "\r\n");
    kj_csv_init(&again, out.data, out.length);
    again.delimiter = ',';
    bool blank = csv->count == 1 && csv->fields[0][0] == 0;
    int rc = kj_csv_next(&again, NULL);
    // The mark may push the longest field over the limit.
    if (rc != (blank ? 0 : 1) && rc != KJ_ELIMIT)
        abort();
    if (rc == 1 && again.count != csv->count)
        abort();
    for (size_t i = 0; rc == 1 && i < csv->count; i++)
        if (!same(csv->fields[i], again.fields[i]))
            abort();
    kj_csv_fini(&again);
    kj_buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kj_fault fault = {0};
    struct kj_csv csv;
    size_t line = 0;
    int rc;
    char *text = malloc(size ? size : 1); // exactly as long, so that a step too far is seen
    if (size)
        memcpy(text, data, size);
    kj_csv_init(&csv, text, size);
    while ((rc = kj_csv_next(&csv, &fault)) == 1) {
        if (csv.count == 0 || csv.line <= line)
            abort();
        line = csv.line;
        round_trip(&csv);
    }
    if (rc != 0 && (!fault.text[0] || strncmp(fault.place, "line ", 5) != 0))
        abort();
    kj_csv_fini(&csv);
    free(text);
    return 0;
}
