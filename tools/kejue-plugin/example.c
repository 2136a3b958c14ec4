// A small document that a schema allows: enough to open a plugin and to start its verbs.
#include "base/str.h"
#include "tool.h"

#include <stdlib.h>
#include <string.h>

enum { DEPTH = 8 };

static bool append_of(bson_t *out, const char *key, const bson_t *schema, const char *member)
{
    bson_iter_t at;
    return kj_doc_find(schema, member, &at) && bson_append_iter(out, key, -1, &at);
}

static void put_text(bson_t *out, const char *key, const bson_t *schema)
{
    static const char *const formats[][2] = {
        {"uri", "http://127.0.0.1:9/"},
        {"email", "lead@example.com"},
        {"e164", "+4930123456"},
        {"date-time", "2026-01-01T10:00:00Z"},
        {"date", "2026-01-01"},
        {"time", "10:00:00Z"},
        {"iana-tz", "Europe/Berlin"},
        {"language", "en"},
        {"uuid", "00000000-0000-4000-8000-000000000000"},
    };
    const char *format = kj_doc_text(schema, "format", "");
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (kj_streq(format, formats[i][0])) {
            kj_doc_put_text(out, key, formats[i][1]);
            return;
        }
    // Addresses are often plain strings: a key that ends with url gets one.
    size_t length = strlen(key);
    bool url = length >= 3 && strcmp(key + length - 3, "url") == 0;
    kj_doc_put_text(out, key, url ? "http://127.0.0.1:9/" : "example");
}

static void fill(bson_t *out, const bson_t *schema, const char *secret_file, int depth);

static void put(bson_t *out, const char *key, const bson_t *schema, const char *secret_file,
                int depth)
{
    bson_t child = BSON_INITIALIZER;
    const char *type = kj_doc_text(schema, "type", "string");
    if (kj_doc_bool(schema, "writeOnly", false)) {
        kj_doc_put_text(&child, "file", secret_file);
        kj_doc_put_doc(out, key, &child);
    } else if (append_of(out, key, schema, "examples.0") ||
               append_of(out, key, schema, "default") || append_of(out, key, schema, "const") ||
               append_of(out, key, schema, "enum.0")) {
        // taken as it stands
    } else if (kj_streq(type, "object")) {
        fill(&child, schema, secret_file, depth + 1);
        kj_doc_put_doc(out, key, &child);
    } else if (kj_streq(type, "array")) {
        bson_t items;
        if (kj_doc_int(schema, "minItems", 0) > 0 && kj_doc_child(schema, "items", &items))
            put(&child, "0", &items, secret_file, depth + 1);
        kj_doc_put_array(out, key, &child);
    } else if (kj_streq(type, "integer") || kj_streq(type, "number")) {
        kj_doc_put_int(out, key, kj_doc_int(schema, "minimum", 1));
    } else if (kj_streq(type, "boolean")) {
        kj_doc_put_bool(out, key, false);
    } else {
        put_text(out, key, schema);
    }
    bson_destroy(&child);
}

static void fill(bson_t *out, const bson_t *schema, const char *secret_file, int depth)
{
    bson_t required, properties, property;
    bson_iter_t at;
    if (depth > DEPTH || !kj_doc_child(schema, "required", &required) ||
        !kj_doc_child(schema, "properties", &properties) || !bson_iter_init(&at, &required))
        return;
    while (bson_iter_next(&at))
        if (BSON_ITER_HOLDS_UTF8(&at) &&
            kj_doc_child(&properties, bson_iter_utf8(&at, NULL), &property))
            put(out, bson_iter_utf8(&at, NULL), &property, secret_file, depth);
}

bson_t *tool_example(const bson_t *schema, const char *secret_file)
{
    bson_t example;
    if (kj_doc_child(schema, "examples.0", &example))
        return bson_copy(&example);
    bson_t *out = bson_new();
    fill(out, schema, secret_file, 0);
    return out;
}
