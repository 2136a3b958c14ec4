// The document half of the fake host's table: readers by path and a builder, over libbson.
#include "peers/fake_host_own.h"

#include <stdio.h>

enum { FAKE_DEPTH = 16 };

struct kejue_builder {
    bson_t root;
    bson_t stack[FAKE_DEPTH];
    bool array[FAKE_DEPTH + 1];
    uint32_t count[FAKE_DEPTH + 1];
    int depth;
};

char *fake_json_of(const bson_t *doc)
{
    struct kj_buf out;
    kj_buf_init(&out, 0);
    kj_json_write(doc, 0, &out);
    return kj_buf_take(&out);
}

bson_t *fake_copy_of(struct kejue_doc doc)
{
    bson_t view;
    if (doc.bytes && doc.length && bson_init_static(&view, doc.bytes, doc.length))
        return bson_copy(&view);
    return bson_new();
}

bson_t *fake_json(const char *json)
{
    bson_t *doc = NULL;
    struct kj_fault fault = {0};
    if (kj_json_parse(json, strlen(json), NULL, &doc, NULL, &fault) != 0) {
        fprintf(stderr, "fake host: bad JSON at %s: %s\n%s\n", fault.place, fault.text, json);
        abort();
    }
    return doc;
}

static bool view(struct kejue_doc doc, bson_t *out)
{
    return doc.bytes && doc.length && bson_init_static(out, doc.bytes, doc.length);
}

static bool find(struct kejue_doc doc, const char *path, bson_iter_t *at)
{
    bson_t b;
    bson_iter_t top;
    return view(doc, &b) && bson_iter_init(&top, &b) && bson_iter_find_descendant(&top, path, at);
}

static struct kejue_doc child_of(const bson_iter_t *at)
{
    struct kejue_doc out = {0};
    uint32_t length = 0;
    if (BSON_ITER_HOLDS_DOCUMENT(at))
        bson_iter_document(at, &length, &out.bytes);
    else if (BSON_ITER_HOLDS_ARRAY(at))
        bson_iter_array(at, &length, &out.bytes);
    out.length = length;
    return out;
}

static const char *read_text(struct kejue_doc doc, const char *path, const char *fallback)
{
    bson_iter_t at;
    return find(doc, path, &at) && BSON_ITER_HOLDS_UTF8(&at) ? bson_iter_utf8(&at, NULL) : fallback;
}

static int64_t read_integer(struct kejue_doc doc, const char *path, int64_t fallback)
{
    bson_iter_t at;
    if (!find(doc, path, &at))
        return fallback;
    if (BSON_ITER_HOLDS_DATE_TIME(&at))
        return bson_iter_date_time(&at);
    if (BSON_ITER_HOLDS_INT32(&at) || BSON_ITER_HOLDS_INT64(&at))
        return bson_iter_as_int64(&at);
    if (BSON_ITER_HOLDS_DOUBLE(&at) &&
        bson_iter_double(&at) == (double)(int64_t)bson_iter_double(&at))
        return (int64_t)bson_iter_double(&at);
    return fallback;
}

static double read_real(struct kejue_doc doc, const char *path, double fallback)
{
    bson_iter_t at;
    if (find(doc, path, &at) && BSON_ITER_HOLDS_DOUBLE(&at))
        return bson_iter_double(&at);
    if (find(doc, path, &at) && (BSON_ITER_HOLDS_INT32(&at) || BSON_ITER_HOLDS_INT64(&at)))
        return (double)bson_iter_as_int64(&at);
    return fallback;
}

static int read_boolean(struct kejue_doc doc, const char *path, int fallback)
{
    bson_iter_t at;
    return find(doc, path, &at) && BSON_ITER_HOLDS_BOOL(&at) ? bson_iter_bool(&at) : fallback;
}

static struct kejue_doc read_bytes(struct kejue_doc doc, const char *path)
{
    struct kejue_doc out = {0};
    bson_iter_t at;
    uint32_t length = 0;
    if (!find(doc, path, &at))
        return out;
    if (BSON_ITER_HOLDS_BINARY(&at))
        bson_iter_binary(&at, NULL, &length, &out.bytes);
    else if (BSON_ITER_HOLDS_UTF8(&at))
        out.bytes = (const uint8_t *)bson_iter_utf8(&at, &length);
    out.length = length;
    return out;
}

static struct kejue_doc read_child(struct kejue_doc doc, const char *path)
{
    bson_iter_t at;
    return find(doc, path, &at) ? child_of(&at) : (struct kejue_doc){0};
}

static int read_has(struct kejue_doc doc, const char *path)
{
    bson_iter_t at;
    return find(doc, path, &at) && !BSON_ITER_HOLDS_NULL(&at);
}

static int read_each(struct kejue_doc doc, const char *path,
                     int (*visit)(void *arg, const char *key, const char *text,
                                  struct kejue_doc child),
                     void *arg)
{
    struct kejue_doc in = path && *path ? read_child(doc, path) : doc;
    bson_t b;
    bson_iter_t at;
    if (!view(in, &b) || !bson_iter_init(&at, &b))
        return 0;
    while (bson_iter_next(&at)) {
        const char *text = BSON_ITER_HOLDS_UTF8(&at) ? bson_iter_utf8(&at, NULL) : NULL;
        int stop = visit(arg, bson_iter_key(&at), text, child_of(&at));
        if (stop)
            return stop;
    }
    return 0;
}

static size_t write_json(struct kejue_doc doc, char *buffer, size_t size)
{
    bson_t b;
    struct kj_buf out;
    kj_buf_init(&out, 0);
    if (view(doc, &b))
        kj_json_write(&b, 0, &out);
    else
        kj_buf_adds(&out, "{}");
    size_t length = out.length;
    if (size)
        snprintf(buffer, size, "%s", out.data);
    kj_buf_fini(&out);
    return length;
}

static struct kejue_builder *build(struct kejue_ctx *ctx)
{
    (void)ctx;
    // bson_t asks for more alignment than malloc gives.
    struct kejue_builder *b = aligned_alloc(_Alignof(struct kejue_builder), sizeof *b);
    if (!b)
        abort();
    memset(b, 0, sizeof *b);
    bson_init(&b->root);
    return b;
}

static bson_t *top(struct kejue_builder *b)
{
    return b->depth ? &b->stack[b->depth - 1] : &b->root;
}

// The key of the next member: its index inside an array, else what the plugin says.
static const char *key_of(struct kejue_builder *b, const char *key, char index[16])
{
    if (!b->array[b->depth])
        return key;
    snprintf(index, 16, "%u", b->count[b->depth]++);
    return index;
}

static void put_text(struct kejue_builder *b, const char *key, const char *value)
{
    char index[16];
    if (value)
        bson_append_utf8(top(b), key_of(b, key, index), -1, value, -1);
}

static void put_integer(struct kejue_builder *b, const char *key, int64_t value)
{
    char index[16];
    bson_append_int64(top(b), key_of(b, key, index), -1, value);
}

static void put_real(struct kejue_builder *b, const char *key, double value)
{
    char index[16];
    bson_append_double(top(b), key_of(b, key, index), -1, value);
}

static void put_boolean(struct kejue_builder *b, const char *key, int value)
{
    char index[16];
    bson_append_bool(top(b), key_of(b, key, index), -1, value != 0);
}

static void put_time(struct kejue_builder *b, const char *key, int64_t wall_ms)
{
    char index[16];
    bson_append_date_time(top(b), key_of(b, key, index), -1, wall_ms);
}

static void put_bytes(struct kejue_builder *b, const char *key, const void *bytes, size_t length)
{
    char index[16];
    bson_append_binary(top(b), key_of(b, key, index), -1, BSON_SUBTYPE_BINARY, bytes,
                       (uint32_t)length);
}

static void put_doc(struct kejue_builder *b, const char *key, struct kejue_doc value)
{
    char index[16];
    bson_t empty = BSON_INITIALIZER, v;
    bson_append_document(top(b), key_of(b, key, index), -1, view(value, &v) ? &v : &empty);
    bson_destroy(&empty);
}

static void put_array(struct kejue_builder *b, const char *key, struct kejue_doc value)
{
    char index[16];
    bson_t empty = BSON_INITIALIZER, v;
    bson_append_array(top(b), key_of(b, key, index), -1, view(value, &v) ? &v : &empty);
    bson_destroy(&empty);
}

static void put_from(struct kejue_builder *b, const char *key, struct kejue_doc from,
                     const char *path)
{
    char index[16];
    bson_iter_t at;
    if (find(from, path, &at))
        bson_append_iter(top(b), key_of(b, key, index), -1, &at);
}

static int put_json(struct kejue_builder *b, const char *key, const char *json, size_t length)
{
    char index[16];
    bson_t *doc = NULL;
    bool is_array = false;
    if (kj_json_parse(json, length, NULL, &doc, &is_array, NULL) != 0)
        return -1;
    if (is_array)
        bson_append_array(top(b), key_of(b, key, index), -1, doc);
    else
        bson_append_document(top(b), key_of(b, key, index), -1, doc);
    bson_destroy(doc);
    return 0;
}

static void begin(struct kejue_builder *b, const char *key, bool array)
{
    char index[16];
    if (b->depth == FAKE_DEPTH)
        abort();
    const char *name = key_of(b, key, index);
    bson_t *child = &b->stack[b->depth];
    if (array)
        bson_append_array_begin(top(b), name, -1, child);
    else
        bson_append_document_begin(top(b), name, -1, child);
    b->depth++;
    b->array[b->depth] = array;
    b->count[b->depth] = 0;
}

static void begin_doc(struct kejue_builder *b, const char *key)
{
    begin(b, key, false);
}

static void begin_array(struct kejue_builder *b, const char *key)
{
    begin(b, key, true);
}

static void end(struct kejue_builder *b)
{
    if (b->depth == 0)
        abort();
    bool array = b->array[b->depth];
    bson_t *child = &b->stack[--b->depth];
    if (array)
        bson_append_array_end(top(b), child);
    else
        bson_append_document_end(top(b), child);
}

static struct kejue_doc built(struct kejue_builder *b)
{
    if (b->depth != 0)
        abort();
    return (struct kejue_doc){bson_get_data(&b->root), b->root.len};
}

static void drop(struct kejue_builder *b)
{
    while (b->depth)
        end(b);
    bson_destroy(&b->root);
    free(b);
}

void fake_host_fill_documents(struct kejue_host *table)
{
    table->text = read_text;
    table->integer = read_integer;
    table->real = read_real;
    table->boolean = read_boolean;
    table->bytes = read_bytes;
    table->child = read_child;
    table->has = read_has;
    table->each = read_each;
    table->to_json = write_json;
    table->build = build;
    table->put_text = put_text;
    table->put_integer = put_integer;
    table->put_real = put_real;
    table->put_boolean = put_boolean;
    table->put_time = put_time;
    table->put_bytes = put_bytes;
    table->put_doc = put_doc;
    table->put_array = put_array;
    table->put_from = put_from;
    table->put_json = put_json;
    table->begin_doc = begin_doc;
    table->begin_array = begin_array;
    table->end = end;
    table->built = built;
    table->drop = drop;
}
