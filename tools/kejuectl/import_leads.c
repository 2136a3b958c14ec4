// lead.import and lead.refuse from a CSV file. The file is read whole before anything is sent: a
// quote that is never closed refuses it with its line, so that no list is taken by half.
#include "ctl.h"

#include "base/map.h"
#include "doc/csv.h"
#include "model/lead.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { k_file = 256 << 20, k_chunk = 500, k_chunk_bytes = 8 << 20 };

struct sheet {
    struct kj_buf text;
    char *names[KJ_CSV_MAX_FIELDS];
    size_t n_names;
    bson_t **rows; // {line, header: text}
    size_t count, capacity;
};

static void sheet_fini(struct sheet *sheet)
{
    for (size_t i = 0; i < sheet->n_names; i++)
        free(sheet->names[i]);
    for (size_t i = 0; i < sheet->count; i++)
        bson_destroy(sheet->rows[i]);
    free(sheet->rows);
    kj_buf_fini(&sheet->text);
}

static int refuse_header(const char *text)
{
    return ctl_say(CTL_REFUSED, "line 1", "the first line names the columns", "%s", text);
}

static int take_header(struct sheet *sheet, const struct kj_csv *csv)
{
    for (size_t i = 0; i < csv->count; i++) {
        for (size_t j = 0; j < i; j++)
            if (csv->fields[i][0] && strcmp(sheet->names[j], csv->fields[i]) == 0)
                return refuse_header("two columns have the same name");
        if (!kj_utf8_valid(csv->fields[i], strlen(csv->fields[i])))
            return refuse_header("is not UTF-8 text");
        sheet->names[sheet->n_names++] = kj_strdup(csv->fields[i]);
    }
    return CTL_OK;
}

static int take_row(struct sheet *sheet, const struct kj_csv *csv)
{
    bson_t *row = bson_new();
    kj_doc_put_int(row, "line", (int64_t)csv->line);
    if (sheet->count == sheet->capacity) {
        sheet->capacity = sheet->capacity ? 2 * sheet->capacity : 1024;
        sheet->rows = kj_realloc(sheet->rows, sheet->capacity * sizeof *sheet->rows);
    }
    sheet->rows[sheet->count++] = row;
    for (size_t i = 0; i < csv->count && i < sheet->n_names; i++) {
        if (!kj_utf8_valid(csv->fields[i], strlen(csv->fields[i]))) {
            char place[48];
            snprintf(place, sizeof place, "line %zu", csv->line);
            return ctl_say(CTL_REFUSED, place, "save the list as UTF-8; nothing was sent",
                           "is not UTF-8 text");
        }
        if (csv->fields[i][0] && sheet->names[i][0] && strcmp(sheet->names[i], "line") != 0)
            kj_doc_put_text(row, sheet->names[i], csv->fields[i]);
    }
    return CTL_OK;
}

static int read_sheet(const char *path, struct sheet *sheet)
{
    struct kj_fault fault;
    struct kj_csv csv;
    int code = CTL_OK, rc;
    memset(sheet, 0, sizeof *sheet);
    kj_buf_init(&sheet->text, k_file);
    if (!ctl_read_input(path, &sheet->text, &fault))
        return ctl_say_fault(CTL_USAGE, &fault);
    kj_csv_init(&csv, sheet->text.data ? sheet->text.data : "", sheet->text.length);
    rc = kj_csv_next(&csv, &fault);
    if (rc == 0)
        code = refuse_header("the list is empty");
    else if (rc == 1)
        code = take_header(sheet, &csv);
    while (code == CTL_OK && rc == 1 && (rc = kj_csv_next(&csv, &fault)) == 1)
        code = take_row(sheet, &csv);
    if (rc < 0) {
        kj_copy(fault.hint, sizeof fault.hint, "nothing was sent");
        code = ctl_say_fault(CTL_REFUSED, &fault);
    }
    kj_csv_fini(&csv);
    return code;
}

// --- lead.import ---

static int send_rows(struct ctl *ctl, const struct sheet *sheet, size_t *from, const bson_t *args,
                     struct ctl_sum *sum)
{
    bson_t rows = BSON_INITIALIZER, whole = BSON_INITIALIZER, *result = NULL;
    struct kj_doc_list list = {&rows};
    while (*from < sheet->count && list.count < k_chunk && rows.len < k_chunk_bytes)
        kj_doc_put_doc(&rows, kj_doc_next(&list), sheet->rows[(*from)++]);
    bson_concat(&whole, args);
    kj_doc_put_array(&whole, "rows", &rows);
    int code = ctl_ask(ctl, "lead.import", &whole, &result);
    if (code == CTL_OK)
        ctl_sum_add(sum, result);
    if (result)
        bson_destroy(result);
    bson_destroy(&rows);
    bson_destroy(&whole);
    return code;
}

// The sums of what was taken before the fault are told too: it must be known where to go on.
static int end_early(struct ctl *ctl, struct ctl_sum *sum, const struct sheet *sheet, size_t sent,
                     int code)
{
    char place[48];
    snprintf(place, sizeof place, "line %lld",
             sent < sheet->count ? (long long)kj_doc_int(sheet->rows[sent], "line", 0) : 0);
    ctl_say(code, place, "the same file can be imported again: what is known is not doubled",
            "stopped behind the rows before this line");
    ctl_sum_end(ctl, sum);
    return code;
}

int ctl_import_leads(struct ctl *ctl, const char *path, char **words, int count)
{
    static const char *const k_names[] = {"rows", "accepted", "updated", "duplicates", NULL};
    struct ctl_bar bar = {ctl, "importing", 0};
    struct ctl_sum sum;
    struct sheet sheet;
    bson_t *args = NULL;
    size_t at = 0, before = 0;
    int code = ctl_arguments(ctl, "lead.import", words, count, &args);
    if (code != CTL_OK)
        return code;
    code = read_sheet(path, &sheet);
    if (code == CTL_OK) {
        ctl_sum_init(&sum, k_names);
        sum.text_name = "list";
        do {
            before = at;
            ctl_bar_draw(&bar, (int64_t)at, (int64_t)sheet.count, NULL);
            code = send_rows(ctl, &sheet, &at, args, &sum);
        } while (code == CTL_OK && at < sheet.count);
        ctl_bar_end(&bar);
        code = code == CTL_OK ? ctl_sum_end(ctl, &sum) : end_early(ctl, &sum, &sheet, before, code);
    }
    sheet_fini(&sheet);
    bson_destroy(args);
    return code;
}

// --- lead.refuse ---

static const char *column_for(const struct sheet *sheet, const char *field)
{
    for (size_t i = 0; i < sheet->n_names; i++)
        if (kj_streq(kj_lead_field(sheet->names[i]), field))
            return sheet->names[i];
    return NULL;
}

static const char *reason_column(const struct sheet *sheet)
{
    static const char *const k_words[] = {"reason", "evidence", "grund", "motivo", "raison"};
    for (size_t i = 0; i < sheet->n_names; i++)
        for (size_t w = 0; w < KJ_COUNT(k_words); w++)
            if (strcasecmp(sheet->names[i], k_words[w]) == 0)
                return sheet->names[i];
    return NULL;
}

struct refusal {
    const struct sheet *sheet;
    const char *number, *country, *reason; // columns
    struct kj_map lines;                   // number -> line
    size_t at;
};

static const char *cell(const struct refusal *refusal, size_t row, const char *column)
{
    return column ? kj_doc_text(refusal->sheet->rows[row], column, "") : "";
}

// One request speaks of one country and one reason: rows as long as they agree.
static size_t gather(struct refusal *refusal, const bson_t *args, struct ctl_sum *sum,
                     bson_t *whole)
{
    bson_t numbers = BSON_INITIALIZER;
    struct kj_doc_list list = {&numbers};
    size_t first = refusal->at;
    const char *country = cell(refusal, first, refusal->country);
    const char *reason = cell(refusal, first, refusal->reason);
    for (; refusal->at < refusal->sheet->count && list.count < k_chunk; refusal->at++) {
        const char *number = cell(refusal, refusal->at, refusal->number);
        int64_t line = kj_doc_int(refusal->sheet->rows[refusal->at], "line", 0);
        if (strcmp(cell(refusal, refusal->at, refusal->country), country) != 0 ||
            strcmp(cell(refusal, refusal->at, refusal->reason), reason) != 0)
            break;
        if (number[0] == 0 || strlen(number) > 64) {
            ctl_sum_refuse(sum, line, "no_phone", "the row has no phone number");
            continue;
        }
        kj_map_put(&refusal->lines, number, (void *)(uintptr_t)line);
        kj_doc_put_text(&numbers, kj_doc_next(&list), number);
    }
    bson_concat(whole, args);
    kj_doc_put_array(whole, "phone_numbers", &numbers);
    if (strlen(country) == 2 && !bson_has_field(args, "country"))
        kj_doc_put_text(whole, "country", country);
    if (reason[0] && strlen(reason) <= 2000 && !bson_has_field(args, "evidence"))
        kj_doc_put_text(whole, "evidence", reason);
    bson_destroy(&numbers);
    return list.count;
}

static void add_faults(const struct refusal *refusal, const bson_t *result, struct ctl_sum *sum)
{
    bson_t faults, one;
    bson_iter_t at;
    if (!kj_doc_child(result, "faults", &faults) || !bson_iter_init(&at, &faults))
        return;
    while (bson_iter_next(&at)) {
        if (!kj_doc_at(&at, &one))
            continue;
        const char *number = kj_doc_text(&one, "phone_number", "");
        ctl_sum_refuse(sum, (int64_t)(uintptr_t)kj_map_get(&refusal->lines, number), "not_a_number",
                       kj_doc_text(&one, "text", ""));
    }
}

static int send_refusals(struct ctl *ctl, struct refusal *refusal, const bson_t *args,
                         struct ctl_sum *sum)
{
    bson_t whole = BSON_INITIALIZER, *result = NULL;
    int code = CTL_OK;
    if (gather(refusal, args, sum, &whole) > 0)
        code = ctl_ask(ctl, "lead.refuse", &whole, &result);
    if (result) {
        sum->counts[0] += kj_doc_int(result, "refused", 0);
        sum->counts[1] += kj_doc_int(result, "already", 0);
        add_faults(refusal, result, sum);
        bson_destroy(result);
    }
    bson_destroy(&whole);
    return code;
}

static int refuse_sheet(struct ctl *ctl, const struct sheet *sheet, const bson_t *args)
{
    static const char *const k_names[] = {"forbidden", "already", NULL};
    struct ctl_bar bar = {ctl, "forbidding", 0};
    struct refusal refusal = {.sheet = sheet,
                              .number = column_for(sheet, "phone_number"),
                              .country = column_for(sheet, "country"),
                              .reason = reason_column(sheet)};
    struct ctl_sum sum;
    int code = CTL_OK;
    size_t before = 0;
    if (refusal.number == NULL)
        return refuse_header("no column holds phone numbers (phone, number, mobile …)");
    kj_map_init(&refusal.lines);
    ctl_sum_init(&sum, k_names);
    while (code == CTL_OK && refusal.at < sheet->count) {
        before = refusal.at;
        ctl_bar_draw(&bar, (int64_t)refusal.at, (int64_t)sheet->count, NULL);
        code = send_refusals(ctl, &refusal, args, &sum);
    }
    ctl_bar_end(&bar);
    kj_map_fini(&refusal.lines);
    return code == CTL_OK ? ctl_sum_end(ctl, &sum) : end_early(ctl, &sum, sheet, before, code);
}

int ctl_refuse_leads(struct ctl *ctl, const char *path, char **words, int count)
{
    struct sheet sheet;
    bson_t *args = NULL;
    int code = ctl_arguments(ctl, "lead.refuse", words, count, &args);
    if (code != CTL_OK)
        return code;
    if (!bson_has_field(args, "source")) {
        const char *name = strrchr(path, '/');
        kj_doc_put_text(args, "source", name ? name + 1 : path);
    }
    code = read_sheet(path, &sheet);
    if (code == CTL_OK)
        code = refuse_sheet(ctl, &sheet, args);
    sheet_fini(&sheet);
    bson_destroy(args);
    return code;
}
