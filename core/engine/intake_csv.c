// CSV text with a header line to rows for kj_intake_leads. All or nothing: a broken quote anywhere
// refuses the text, so that no list is taken by half.
#include "base/alloc.h"
#include "doc/csv.h"
#include "engine/engine.h"

#include <stdlib.h>
#include <string.h>

static void free_names(char **names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(names[i]);
    free(names);
}

static void put_row(struct kj_doc_list *rows, const struct kj_csv *csv, char **names, size_t count)
{
    bson_t row = BSON_INITIALIZER;
    kj_doc_put_int(&row, "line", (int64_t)csv->line);
    for (size_t i = 0; i < csv->count && i < count; i++)
        if (csv->fields[i][0])
            kj_doc_put_text(&row, names[i], csv->fields[i]);
    kj_doc_put_doc(rows->array, kj_doc_next(rows), &row);
    bson_destroy(&row);
}

int kj_intake_csv(const char *text, size_t length, bson_t **rows, struct kj_fault *fault)
{
    struct kj_csv csv;
    bson_t *array = bson_new();
    struct kj_doc_list list = {array};
    kj_csv_init(&csv, text, length);
    int rc = kj_csv_next(&csv, fault);
    if (rc == 0)
        rc = kj_fault(fault, KJ_EPARSE, "line 1", "the first line names the columns",
                      "the list is empty");
    size_t count = rc == 1 ? csv.count : 0;
    char **names = kj_alloc(sizeof *names * (count + 1));
    for (size_t i = 0; i < count; i++)
        names[i] = kj_strdup(csv.fields[i]);
    while (rc == 1 && (rc = kj_csv_next(&csv, fault)) == 1)
        put_row(&list, &csv, names, count);
    free_names(names, count);
    kj_csv_fini(&csv);
    if (rc < 0)
        bson_destroy(array);
    else
        *rows = array;
    return rc < 0 ? rc : KJ_OK;
}
