// The schemas of schemas/, embedded at build time: parsed and compiled when first asked for, kept
// as long as the process, shared by all threads under one lock. A failure is kept too, so that it
// is logged once.
#include "base/alloc.h"
#include "base/log.h"
#include "base/map.h"
#include "doc/json.h"
#include "doc/schema_compile.h"
#include "doc/schema_table.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct source {
    bson_t *doc; // NULL: it does not parse
};

struct compiled {
    struct kj_schema *schema; // NULL: it does not compile, or there is no such member
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const struct kj_schema_row **rows; // sorted by name: "call" stands before "call.get"
static struct kj_map sources, compiled;

static int by_name(const void *x, const void *y)
{
    const struct kj_schema_row *const *a = x, *const *b = y;
    return strcmp((*a)->name, (*b)->name);
}

static void start(void)
{
    if (rows)
        return;
    kj_map_init(&sources);
    kj_map_init(&compiled);
    rows = kj_alloc((kj_schema_table_count + 1) * sizeof(struct kj_schema_row *));
    for (size_t i = 0; i < kj_schema_table_count; i++)
        rows[i] = &kj_schema_table[i];
    qsort(rows, kj_schema_table_count, sizeof *rows, by_name);
}

static const struct kj_schema_row *find_row(const char *name)
{
    const struct kj_schema_row wanted = {.name = name}, *key = &wanted;
    const struct kj_schema_row **found =
        bsearch(&key, rows, kj_schema_table_count, sizeof *rows, by_name);
    return found ? *found : NULL;
}

// All static functions below run under the lock.
static const bson_t *source_of(const char *name)
{
    static const struct kj_json_limits limits = {16u << 20, 500000, 100};
    const struct kj_schema_row *row = find_row(name);
    struct kj_fault fault;
    if (row == NULL)
        return NULL;
    struct source *source = kj_map_get(&sources, name);
    if (source)
        return source->doc;
    source = KJ_NEW(struct source);
    if (kj_json_parse(row->text, row->length, &limits, &source->doc, NULL, &fault) != 0)
        kj_log(KJ_LOG_ERROR, "doc", "an embedded schema is not JSON", "schema", name, "place",
               fault.place, "fault", fault.text, NULL);
    kj_map_put(&sources, name, source);
    return source->doc;
}

static const bson_t *resolve(void *arg, const char *name)
{
    (void)arg;
    const bson_t *doc = source_of(name);
    size_t length = strlen(name);
    if (doc || length < 5 || strcmp(name + length - 5, ".json") != 0)
        return doc;
    char *plain = kj_strndup(name, length - 5);
    doc = source_of(plain);
    free(plain);
    return doc;
}

static struct compiled *compile(const char *name, const char *member)
{
    struct compiled *made = KJ_NEW(struct compiled);
    struct kj_schema_start from = {.source = source_of(name), .name = name, .member = member};
    struct kj_fault fault;
    if (from.source == NULL)
        kj_log(KJ_LOG_ERROR, "doc", "there is no such schema", "schema", name, NULL);
    else if (kj_schema_compile_from(&from, resolve, NULL, &made->schema, &fault) != 0)
        kj_log(KJ_LOG_ERROR, "doc", "a schema does not compile", "schema", name, "member", member,
               "place", fault.place, "fault", fault.text, NULL);
    return made;
}

const bson_t *kj_schema_source(const char *name)
{
    pthread_mutex_lock(&lock);
    start();
    const bson_t *doc = source_of(name);
    pthread_mutex_unlock(&lock);
    return doc;
}

const struct kj_schema *kj_schema_get(const char *name, const char *member)
{
    struct kj_buf key;
    kj_buf_init(&key, 0);
    kj_buf_addf(&key, "%s\n%s", name, member ? member : "");
    pthread_mutex_lock(&lock);
    start();
    struct compiled *found = kj_map_get(&compiled, key.data);
    if (found == NULL) {
        found = compile(name, member);
        kj_map_put(&compiled, key.data, found);
    }
    pthread_mutex_unlock(&lock);
    kj_buf_fini(&key);
    return found->schema;
}

size_t kj_schema_names(const char *prefix, const char **names, size_t size)
{
    size_t count = 0;
    pthread_mutex_lock(&lock);
    start();
    for (size_t i = 0; i < kj_schema_table_count; i++) {
        if (!kj_starts_with(rows[i]->name, prefix))
            continue;
        if (count < size)
            names[count] = rows[i]->name;
        count++;
    }
    pthread_mutex_unlock(&lock);
    return count;
}
