// See tally.h. Counts live in the map's value itself.
#include "doc/tally.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

void kj_tally_add(struct kj_map *tally, const char *name, int64_t more)
{
    if (name == NULL || name[0] == 0)
        return;
    intptr_t old = (intptr_t)kj_map_get(tally, name);
    kj_map_put(tally, name, (void *)(old + (intptr_t)more));
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void kj_tally_put(bson_t *doc, const char *key, const struct kj_map *tally)
{
    bson_t counts = BSON_INITIALIZER;
    const char **names = kj_alloc(sizeof *names * (tally->count + 1));
    size_t n = 0;
    void *value;
    for (size_t at = 0; kj_map_next(tally, &at, &names[n], &value);)
        n++;
    qsort(names, n, sizeof *names, by_name);
    for (size_t i = 0; i < n; i++)
        kj_doc_put_int(&counts, names[i], (intptr_t)kj_map_get(tally, names[i]));
    kj_doc_put_doc(doc, key, &counts);
    bson_destroy(&counts);
    free(names);
}
