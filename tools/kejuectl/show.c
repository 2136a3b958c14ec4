// A result for people: what holds one list of documents becomes a table, a document becomes aligned
// lines. On a terminal nothing is wider than it.
#include "ctl.h"

#include <stdlib.h>
#include <string.h>

enum { k_columns = 24, k_widest = 48, k_narrowest = 6, k_indent = 2 };

struct column {
    const char *name;
    size_t width;
    bool number, rich; // rich: holds documents; shown only when nothing else is
};

void ctl_flush(struct kj_buf *out)
{
    fwrite(out->data ? out->data : "", 1, out->length, stdout);
    kj_buf_reset(out);
}

void ctl_put_json(const bson_t *doc)
{
    struct kj_buf out;
    kj_buf_init(&out, 0);
    kj_json_write(doc, 0, &out);
    kj_buf_addc(&out, '\n');
    ctl_flush(&out);
    kj_buf_fini(&out);
}

static bool view_of(const bson_iter_t *at, bson_t *view)
{
    uint32_t length;
    const uint8_t *bytes;
    if (BSON_ITER_HOLDS_DOCUMENT(at))
        bson_iter_document(at, &length, &bytes);
    else if (BSON_ITER_HOLDS_ARRAY(at))
        bson_iter_array(at, &length, &bytes);
    else
        return false;
    return bson_init_static(view, bytes, length);
}

// An array whose first member is a document.
static bool is_rows(const bson_iter_t *at)
{
    bson_iter_t item;
    return BSON_ITER_HOLDS_ARRAY(at) && bson_iter_recurse(at, &item) && bson_iter_next(&item) &&
           BSON_ITER_HOLDS_DOCUMENT(&item);
}

// --- tables ---

static struct column *column_of(struct column *columns, size_t *count, const char *name)
{
    for (size_t i = 0; i < *count; i++)
        if (strcmp(columns[i].name, name) == 0)
            return &columns[i];
    if (*count == k_columns)
        return NULL;
    columns[*count] = (struct column){name, ctl_columns(name), true, false};
    return &columns[(*count)++];
}

static void measure(const bson_t *row, struct column *columns, size_t *count, struct kj_buf *text)
{
    bson_iter_t at;
    for (bson_iter_init(&at, row); bson_iter_next(&at);) {
        struct column *column = column_of(columns, count, bson_iter_key(&at));
        if (column == NULL)
            continue;
        kj_buf_reset(text);
        ctl_value(text, column->name, &at);
        size_t width = ctl_columns(text->data ? text->data : "");
        if (width > column->width)
            column->width = width;
        column->rich |= BSON_ITER_HOLDS_DOCUMENT(&at) || is_rows(&at);
        column->number &= BSON_ITER_HOLDS_NUMBER(&at);
    }
}

static size_t drop_rich(struct column *columns, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        kept += !columns[i].rich;
    if (kept == 0)
        return count;
    kept = 0;
    for (size_t i = 0; i < count; i++)
        if (!columns[i].rich)
            columns[kept++] = columns[i];
    return kept;
}

static size_t total_width(const struct column *columns, size_t count)
{
    size_t total = count ? 2 * (count - 1) : 0;
    for (size_t i = 0; i < count; i++)
        total += columns[i].width;
    return total;
}

// The widest gives way first; when all are narrow the last columns go.
static size_t fit(struct column *columns, size_t count, size_t width)
{
    while (count > 1 && total_width(columns, count) > width) {
        size_t widest = 0;
        for (size_t i = 1; i < count; i++)
            if (columns[i].width > columns[widest].width)
                widest = i;
        if (columns[widest].width <= k_narrowest)
            count--;
        else
            columns[widest].width--;
    }
    return count;
}

static void put_header(const struct ctl *ctl, struct kj_buf *out, const struct column *columns,
                       size_t count, int indent)
{
    struct kj_buf cell;
    kj_buf_init(&cell, 0);
    kj_buf_addf(out, "%*s", indent, "");
    for (size_t i = 0; i < count; i++) {
        kj_buf_reset(&cell);
        ctl_cut(&cell, columns[i].name, columns[i].width, i + 1 < count);
        ctl_color(ctl, out, CTL_BOLD, cell.data);
        kj_buf_adds(out, i + 1 < count ? "  " : "\n");
    }
    kj_buf_fini(&cell);
}

static void put_row(struct kj_buf *out, const bson_t *row, const struct column *columns,
                    size_t count, int indent)
{
    struct kj_buf text;
    kj_buf_init(&text, 0);
    kj_buf_addf(out, "%*s", indent, "");
    for (size_t i = 0; i < count; i++) {
        bson_iter_t at;
        kj_buf_reset(&text);
        if (bson_iter_init_find(&at, row, columns[i].name))
            ctl_value(&text, columns[i].name, &at);
        const char *value = text.data ? text.data : "";
        size_t width = ctl_columns(value);
        if (columns[i].number && width < columns[i].width)
            kj_buf_addf(out, "%*s", (int)(columns[i].width - width), "");
        ctl_cut(out, value,
                columns[i].number && width < columns[i].width ? width : columns[i].width,
                !columns[i].number && i + 1 < count);
        kj_buf_adds(out, i + 1 < count ? "  " : "\n");
    }
    kj_buf_fini(&text);
}

void ctl_show_table(const struct ctl *ctl, const bson_t *rows, int indent)
{
    struct column columns[k_columns];
    size_t count = 0;
    struct kj_buf text, out;
    bson_iter_t at;
    bson_t row;
    kj_buf_init(&text, 0);
    kj_buf_init(&out, 0);
    for (bson_iter_init(&at, rows); bson_iter_next(&at);)
        if (view_of(&at, &row))
            measure(&row, columns, &count, &text);
    count = drop_rich(columns, count);
    for (size_t i = 0; ctl->width && i < count; i++)
        if (columns[i].width > k_widest)
            columns[i].width = k_widest;
    if (ctl->width)
        count = fit(columns, count, (size_t)(ctl->width - indent));
    put_header(ctl, &out, columns, count, indent);
    for (bson_iter_init(&at, rows); bson_iter_next(&at);) {
        if (view_of(&at, &row))
            put_row(&out, &row, columns, count, indent);
        if (out.length > 65536)
            ctl_flush(&out);
    }
    ctl_flush(&out);
    kj_buf_fini(&text);
    kj_buf_fini(&out);
}

// --- lines ---

static size_t widest_key(const bson_t *doc)
{
    size_t width = 0;
    bson_iter_t at;
    for (bson_iter_init(&at, doc); bson_iter_next(&at);) {
        size_t own = ctl_columns(bson_iter_key(&at));
        bool nested = BSON_ITER_HOLDS_DOCUMENT(&at) || is_rows(&at);
        if (!nested && own > width && own <= k_widest)
            width = own;
    }
    return width;
}

static void put_scalar(const struct ctl *ctl, struct kj_buf *out, const bson_iter_t *at,
                       size_t key_width, int indent)
{
    struct kj_buf text;
    size_t room = SIZE_MAX / 2, used = key_width + 2 + (size_t)indent;
    kj_buf_init(&text, 0);
    kj_buf_addf(out, "%*s", indent, "");
    ctl_cut(out, bson_iter_key(at), key_width, true);
    kj_buf_adds(out, "  ");
    ctl_value(&text, bson_iter_key(at), at);
    if (ctl->width && (size_t)ctl->width > used + k_narrowest)
        room = (size_t)ctl->width - used;
    ctl_cut(out, text.data ? text.data : "", room, false);
    kj_buf_addc(out, '\n');
    kj_buf_fini(&text);
}

void ctl_show_pairs(const struct ctl *ctl, const bson_t *doc, int indent)
{
    struct kj_buf out;
    bson_iter_t at;
    bson_t view;
    size_t width = widest_key(doc);
    kj_buf_init(&out, 0);
    for (bson_iter_init(&at, doc); bson_iter_next(&at);) {
        bool rows = is_rows(&at);
        if (!rows && !BSON_ITER_HOLDS_DOCUMENT(&at)) {
            put_scalar(ctl, &out, &at, width, indent);
            continue;
        }
        if (!view_of(&at, &view) || bson_count_keys(&view) == 0)
            continue;
        kj_buf_addf(&out, "%*s", indent, "");
        ctl_color(ctl, &out, CTL_BOLD, bson_iter_key(&at));
        kj_buf_addc(&out, '\n');
        ctl_flush(&out);
        if (rows)
            ctl_show_table(ctl, &view, indent + k_indent);
        else
            ctl_show_pairs(ctl, &view, indent + k_indent);
    }
    ctl_flush(&out);
    kj_buf_fini(&out);
}

// The one list of a result, when all else beside it is plain.
static bool find_list(const bson_t *result, const char **name, bson_t *rows)
{
    bson_iter_t at;
    int found = 0;
    for (bson_iter_init(&at, result); bson_iter_next(&at);) {
        if (BSON_ITER_HOLDS_DOCUMENT(&at))
            return false;
        if (BSON_ITER_HOLDS_ARRAY(&at)) {
            *name = bson_iter_key(&at);
            found += view_of(&at, rows) && (is_rows(&at) || bson_count_keys(rows) == 0) ? 1 : 2;
        }
    }
    return found == 1;
}

void ctl_show(const struct ctl *ctl, const bson_t *result)
{
    const char *name;
    bson_t rows, rest = BSON_INITIALIZER;
    const char *source = kj_doc_text(result, "lua", NULL);
    if (bson_count_keys(result) == 0) {
        printf("done\n");
    } else if (source) { // to be written into a file as it is
        fputs(source, stdout);
    } else if (find_list(result, &name, &rows)) {
        bson_copy_to_excluding_noinit(result, &rest, name, NULL);
        if (bson_count_keys(&rows))
            ctl_show_table(ctl, &rows, 0);
        else
            printf("no %s\n", name);
        ctl_show_pairs(ctl, &rest, 0);
    } else
        ctl_show_pairs(ctl, result, 0);
    bson_destroy(&rest);
}
