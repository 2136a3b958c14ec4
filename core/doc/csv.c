// The CSV reader: records are unquoted into one buffer, field by field. Lists come from
// spreadsheets of all countries, so the delimiter is found and the byte order mark is skipped.
#include "doc/csv.h"

#include "base/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void kj_csv_init(struct kj_csv *csv, const char *text, size_t length)
{
    *csv = (struct kj_csv){.at = text, .end = text + length, .line = 1, .next_line = 1};
    kj_buf_init(&csv->text, (size_t)KJ_CSV_MAX_FIELDS * (KJ_CSV_MAX_FIELD + 1));
    if (length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        csv->at += 3;
}

void kj_csv_fini(struct kj_csv *csv)
{
    free(csv->fields);
    kj_buf_fini(&csv->text);
    *csv = (struct kj_csv){0};
}

// The one of , ; and tab that is met most in the first record, outside quotes.
static char find_delimiter(const struct kj_csv *csv)
{
    static const char candidates[] = ",;\t";
    size_t counts[3] = {0}, best = 0;
    bool quoted = false;
    for (const char *at = csv->at; at < csv->end; at++) {
        if (*at == '"')
            quoted = !quoted;
        if (quoted)
            continue;
        if (*at == '\n' || *at == '\r')
            break;
        const char *found = *at ? strchr(candidates, *at) : NULL;
        if (found)
            counts[found - candidates]++;
    }
    for (size_t i = 1; i < 3; i++)
        if (counts[i] > counts[best])
            best = i;
    return candidates[best];
}

static int refuse(size_t line, int code, struct kj_fault *fault, const char *text)
{
    char place[40];
    snprintf(place, sizeof place, "line %zu", line);
    return kj_fault(fault, code, place, NULL, "%s", text);
}

// Steps over one line break; CRLF, LF and the lone CR of old spreadsheets.
static void skip_break(struct kj_csv *csv)
{
    if (*csv->at == '\r' && csv->end - csv->at > 1 && csv->at[1] == '\n')
        csv->at++;
    csv->at++;
    csv->next_line++;
}

static bool ends_field(const struct kj_csv *csv, const char *at)
{
    return at == csv->end || *at == csv->delimiter || *at == '\n' || *at == '\r';
}

static int read_plain(struct kj_csv *csv, struct kj_fault *fault)
{
    const char *start = csv->at;
    while (!ends_field(csv, csv->at))
        csv->at++;
    size_t length = (size_t)(csv->at - start);
    if (length > KJ_CSV_MAX_FIELD)
        return refuse(csv->line, KJ_ELIMIT, fault, "a field is too long");
    if (memchr(start, 0, length))
        return refuse(csv->line, KJ_EPARSE, fault, "the text holds a NUL character");
    kj_buf_add(&csv->text, start, length);
    return KJ_OK;
}

// `at` is on the opening quote. Behind the closing one, spaces are forgiven.
static int read_quoted(struct kj_csv *csv, struct kj_fault *fault)
{
    size_t opened = csv->next_line, start = csv->text.length;
    for (csv->at++; csv->at < csv->end; csv->at++) {
        if (*csv->at == '"') {
            if (csv->end - csv->at < 2 || csv->at[1] != '"')
                break;
            csv->at++;
        }
        if (*csv->at == 0)
            return refuse(csv->next_line, KJ_EPARSE, fault, "the text holds a NUL character");
        csv->next_line += *csv->at == '\n';
        kj_buf_addc(&csv->text, *csv->at);
        if (csv->text.length - start > KJ_CSV_MAX_FIELD)
            return refuse(opened, KJ_ELIMIT, fault,
                          "a field is too long; is its closing quote missing?");
    }
    if (csv->at == csv->end)
        return refuse(opened, KJ_EPARSE, fault, "a quote is opened here and never closed");
    csv->at++;
    while (csv->at < csv->end && *csv->at == ' ' && csv->delimiter != ' ')
        csv->at++;
    if (!ends_field(csv, csv->at))
        return refuse(csv->next_line, KJ_EPARSE, fault, "text behind a closing quote");
    return KJ_OK;
}

// Offsets become pointers when the buffer no longer moves.
static int add_field(struct kj_csv *csv, struct kj_fault *fault)
{
    if (csv->count == KJ_CSV_MAX_FIELDS)
        return refuse(csv->line, KJ_ELIMIT, fault, "more fields than a record may have");
    if (csv->count == csv->capacity) {
        csv->capacity = csv->capacity ? csv->capacity * 2 : 16;
        csv->fields = kj_realloc(csv->fields, csv->capacity * sizeof *csv->fields);
    }
    csv->fields[csv->count++] = (char *)(uintptr_t)csv->text.length;
    int rc =
        csv->at < csv->end && *csv->at == '"' ? read_quoted(csv, fault) : read_plain(csv, fault);
    kj_buf_addc(&csv->text, 0);
    return rc;
}

int kj_csv_next(struct kj_csv *csv, struct kj_fault *fault)
{
    int rc;
    if (csv->delimiter == 0) {
        while (csv->at < csv->end && (*csv->at == '\n' || *csv->at == '\r'))
            skip_break(csv);
        csv->delimiter = find_delimiter(csv);
    }
    while (csv->at < csv->end && (*csv->at == '\n' || *csv->at == '\r'))
        skip_break(csv);
    csv->line = csv->next_line;
    csv->count = 0;
    kj_buf_reset(&csv->text);
    if (csv->at == csv->end)
        return 0;
    while ((rc = add_field(csv, fault)) == KJ_OK && csv->at < csv->end &&
           *csv->at == csv->delimiter)
        csv->at++;
    if (rc) {
        csv->at = csv->end; // what follows cannot be told apart
        return rc;
    }
    if (csv->at < csv->end)
        skip_break(csv);
    for (size_t i = 0; i < csv->count; i++)
        csv->fields[i] = csv->text.data + (uintptr_t)csv->fields[i];
    return 1;
}

void kj_csv_write_field(struct kj_buf *out, const char *text, bool first)
{
    bool formula = *text && strchr("=+-@\t\r", *text) != NULL;
    if (!first)
        kj_buf_addc(out, ',');
    // A byte order mark of the first field's own would be taken for the file's.
    bool marked = first && kj_starts_with(text, "\xef\xbb\xbf");
    if (text[strcspn(text, ",;\t\"\r\n")] == 0 && *text != ' ' && !marked) {
        kj_buf_adds(out, formula ? "'" : "");
        kj_buf_adds(out, text);
        return;
    }
    kj_buf_addc(out, '"');
    kj_buf_adds(out, formula ? "'" : "");
    for (; *text; text++) {
        if (*text == '"')
            kj_buf_addc(out, '"');
        kj_buf_addc(out, *text);
    }
    kj_buf_addc(out, '"');
}
