// From flat mapping rows to a nested JSON body.
//
// The builder writes in order and cannot go back, so rows that share a beginning must stand
// together: they are grouped once, when the instance opens. A level whose names are "0", "1", … is
// an array.
#include "crm.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t segment_length(const char *path)
{
    return strcspn(path, ".");
}

// The two names at one level: equal, or which one comes first. Numbers by value, so that an array
// is written in its order.
static int compare_segment(const char *a, size_t a_length, const char *b, size_t b_length)
{
    int numbers = isdigit((unsigned char)a[0]) && isdigit((unsigned char)b[0]);
    if (numbers && a_length != b_length)
        return a_length < b_length ? -1 : 1;
    size_t common = a_length < b_length ? a_length : b_length;
    int order = strncmp(a, b, common);
    return order ? order : (int)a_length - (int)b_length;
}

static int compare_rows(const void *left, const void *right)
{
    const char *a = ((const struct crm_row *)left)->to, *b = ((const struct crm_row *)right)->to;
    for (;;) {
        size_t a_length = segment_length(a), b_length = segment_length(b);
        int order = compare_segment(a, a_length, b, b_length);
        if (order || !a[a_length] || !b[b_length])
            return order ? order : !!a[a_length] - !!b[b_length];
        a += a_length + 1;
        b += b_length + 1;
    }
}

static int check_path(const char *path, char *error, size_t error_size)
{
    int depth = 1;
    for (const char *p = path; *p; p++)
        depth += *p == '.';
    if (!*path || *path == '.' || path[strlen(path) - 1] == '.' || strstr(path, "..") ||
        depth > CRM_DEPTH) {
        snprintf(error, error_size,
                 "mapping: \"%s\" is no path; write names with dots between, at most %d deep", path,
                 CRM_DEPTH);
        return -1;
    }
    return 0;
}

// Do the names where two neighbours part mix numbers with words? Then it is neither array nor
// document.
static int is_mixed(const char *a, const char *b)
{
    size_t parent = 0;
    for (size_t i = 0; a[i] && a[i] == b[i]; i++)
        if (a[i] == '.')
            parent = i + 1;
    return parent && !isdigit((unsigned char)a[parent]) != !isdigit((unsigned char)b[parent]);
}

int crm_mapping_prepare(struct crm_row *rows, int count, char *error, size_t error_size)
{
    for (int i = 0; i < count; i++)
        if (check_path(rows[i].to, error, error_size) != 0)
            return -1;
    qsort(rows, (size_t)count, sizeof *rows, compare_rows);
    for (int i = 1; i < count; i++) {
        size_t length = strlen(rows[i - 1].to);
        if (strncmp(rows[i - 1].to, rows[i].to, length) == 0 &&
            (rows[i].to[length] == '\0' || rows[i].to[length] == '.')) {
            snprintf(error, error_size, "mapping: \"%s\" and \"%s\" cannot both be written",
                     rows[i - 1].to, rows[i].to);
            return -1;
        }
        if (is_mixed(rows[i - 1].to, rows[i].to)) {
            snprintf(error, error_size, "mapping: \"%s\" is part of a list, \"%s\" is not",
                     rows[i - 1].to, rows[i].to);
            return -1;
        }
    }
    return 0;
}

struct writing {
    const struct kejue_host *host;
    struct kejue_builder *b;
    struct kejue_doc record;
};

static int present(const struct writing *w, const struct crm_row *row)
{
    return row->value || w->host->has(w->record, row->from);
}

static int any_present(const struct writing *w, const struct crm_row *rows, int count)
{
    for (int i = 0; i < count; i++)
        if (present(w, &rows[i]))
            return 1;
    return 0;
}

// How many rows from the first on share its name at this level.
static int group_size(const struct crm_row *rows, int count, size_t at, size_t length)
{
    int size = 1;
    while (size < count && strncmp(rows[size].to + at, rows[0].to + at, length) == 0 &&
           (rows[size].to[at + length] == '.' || rows[size].to[at + length] == '\0'))
        size++;
    return size;
}

// Writes the rows, whose paths are equal up to `at`, as members of the open document.
static void put_level(const struct writing *w, const struct crm_row *rows, int count, size_t at)
{
    for (int i = 0; i < count;) {
        char name[CRM_PATH];
        size_t length = segment_length(rows[i].to + at);
        int size = group_size(rows + i, count - i, at, length);
        snprintf(name, sizeof name, "%.*s", (int)length, rows[i].to + at);
        if (rows[i].to[at + length] == '\0') {
            if (rows[i].value)
                w->host->put_text(w->b, name, rows[i].value);
            else if (present(w, &rows[i]))
                w->host->put_from(w->b, name, w->record, rows[i].from);
        } else if (any_present(w, rows + i, size)) {
            int array = isdigit((unsigned char)rows[i].to[at + length + 1]);
            if (array)
                w->host->begin_array(w->b, name);
            else
                w->host->begin_doc(w->b, name);
            put_level(w, rows + i, size, at + length + 1);
            w->host->end(w->b);
        }
        i += size;
    }
}

int crm_mapping_put(const struct crm_instance *crm, struct kejue_builder *b,
                    struct kejue_doc record, const char **missing)
{
    struct writing w = {crm->host, b, record};
    for (int i = 0; i < crm->row_count; i++)
        if (crm->rows[i].required && !present(&w, &crm->rows[i])) {
            *missing = crm->rows[i].from;
            return -1;
        }
    if (crm->row_count == 0) {
        crm->host->put_doc(b, "json", record);
        return 0;
    }
    crm->host->begin_doc(b, "json");
    put_level(&w, crm->rows, crm->row_count, 0);
    crm->host->end(b);
    return 0;
}
