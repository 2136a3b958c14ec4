// What came of an import that was sent in parts: numbers added up, refusals by reason, and the
// first of them with their lines.
#include "ctl.h"

#include "base/map.h"

#include <string.h>

enum { k_shown = 10 };

void ctl_sum_init(struct ctl_sum *sum, const char *const *names)
{
    memset(sum, 0, sizeof *sum);
    sum->refused = bson_new();
    sum->list.array = sum->refused;
    for (size_t i = 0; names[i]; i++)
        sum->names[i] = names[i];
}

static void add_row(struct ctl_sum *sum, const bson_t *row)
{
    kj_doc_put_doc(sum->refused, kj_doc_next(&sum->list), row);
}

void ctl_sum_refuse(struct ctl_sum *sum, int64_t line, const char *reason, const char *text)
{
    bson_t row = BSON_INITIALIZER;
    kj_doc_put_int(&row, "line", line);
    kj_doc_put_text(&row, "reason", reason);
    kj_doc_put_text(&row, "text", text);
    add_row(sum, &row);
    bson_destroy(&row);
}

void ctl_sum_add(struct ctl_sum *sum, const bson_t *result)
{
    bson_t rows, row;
    bson_iter_t at;
    for (size_t i = 0; sum->names[i]; i++)
        sum->counts[i] += kj_doc_int(result, sum->names[i], 0);
    if (sum->text_name)
        kj_copy(sum->text, sizeof sum->text, kj_doc_text(result, sum->text_name, sum->text));
    if (!kj_doc_child(result, "refused", &rows) || !bson_iter_init(&at, &rows))
        return;
    while (bson_iter_next(&at)) {
        if (kj_doc_at(&at, &row))
            add_row(sum, &row);
    }
}

static void show_refused(const struct ctl *ctl, const struct ctl_sum *sum)
{
    struct kj_map reasons;
    struct kj_buf out;
    bson_t first = BSON_INITIALIZER;
    struct kj_doc_list list = {&first};
    bson_iter_t at;
    const char *reason;
    void *count;
    kj_map_init(&reasons);
    kj_buf_init(&out, 0);
    for (bson_iter_init(&at, sum->refused); bson_iter_next(&at);) {
        bson_t row;
        if (!kj_doc_at(&at, &row))
            continue;
        reason = kj_doc_text(&row, "reason", "refused");
        kj_map_put(&reasons, reason, (void *)((uintptr_t)kj_map_get(&reasons, reason) + 1));
        if (list.count < k_shown)
            kj_doc_put_doc(&first, kj_doc_next(&list), &row);
    }
    kj_buf_adds(&out, "refused");
    for (size_t i = 0; kj_map_next(&reasons, &i, &reason, &count);)
        kj_buf_addf(&out, "%s %zu %s", i > 1 ? "," : ":", (size_t)(uintptr_t)count, reason);
    kj_buf_addc(&out, '\n');
    ctl_flush(&out);
    ctl_show_table(ctl, &first, 2);
    if (sum->list.count > k_shown)
        printf("  … and %u more; --json tells all\n", sum->list.count - k_shown);
    bson_destroy(&first);
    kj_map_fini(&reasons);
    kj_buf_fini(&out);
}

int ctl_sum_end(struct ctl *ctl, struct ctl_sum *sum)
{
    bson_t doc = BSON_INITIALIZER;
    for (size_t i = 0; sum->names[i]; i++)
        kj_doc_put_int(&doc, sum->names[i], sum->counts[i]);
    if (sum->text[0])
        kj_doc_put_text(&doc, sum->text_name, sum->text);
    if (ctl->json) {
        kj_doc_put_array(&doc, "refused", sum->refused);
        ctl_put_json(&doc);
    } else {
        ctl_show_pairs(ctl, &doc, 0);
        if (sum->list.count)
            show_refused(ctl, sum);
    }
    int code = sum->list.count ? CTL_REFUSED : CTL_OK;
    bson_destroy(&doc);
    bson_destroy(sum->refused);
    return code;
}
