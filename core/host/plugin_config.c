// An instance's configuration: secrets taken out, defaults put in, the rest judged by the schema.
//
// Two documents are made in the same walk: one with the secrets' values, which only the schema
// sees, and one with their names instead, which the plugin gets.
#include "host/home.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

enum { KJ_CONFIG_DEPTH = 16, KJ_CONFIG_PATH = 192 };

struct kj_config_walk {
    struct kejue_ctx *ctx;
    const struct kj_place *place;
    const bson_t *root; // the schema
    bool names;         // put the secrets' names, not their values
    int depth;
    struct kj_fault *fault;
};

static int kj_config_doc(struct kj_config_walk *walk, const bson_t *schema, const bson_t *config,
                         const char *path, bson_t *out);

void kj_place_at(const struct kj_place *place, const char *pointer, char *text, size_t size)
{
    text[0] = 0;
    if (place->locate)
        place->locate(place->arg, pointer, text, size);
    if (!text[0])
        kj_copy(text, size, pointer[0] ? pointer : "/");
}

// A key path as a pointer: "accounts.0.token" is "/accounts/0/token".
static void kj_config_where(const struct kj_config_walk *walk, const char *path, char *text,
                            size_t size)
{
    char pointer[KJ_CONFIG_PATH + 2] = "/";
    kj_copy(pointer + 1, sizeof pointer - 1, path);
    for (char *at = pointer; *at; at++)
        if (*at == '.')
            *at = '/';
    kj_place_at(walk->place, pointer, text, size);
}

static bool kj_config_view(const bson_iter_t *value, bson_t *view)
{
    const uint8_t *data = NULL;
    uint32_t length = 0;
    if (BSON_ITER_HOLDS_DOCUMENT(value))
        bson_iter_document(value, &length, &data);
    else if (BSON_ITER_HOLDS_ARRAY(value))
        bson_iter_array(value, &length, &data);
    return data && bson_init_static(view, data, length);
}

static bool kj_config_member(const bson_t *doc, const char *key, bson_t *view)
{
    bson_iter_t at;
    return doc && bson_iter_init_find(&at, doc, key) && BSON_ITER_HOLDS_DOCUMENT(&at) &&
           kj_config_view(&at, view);
}

// The schema of a member, a $ref into the same schema followed once.
static bool kj_config_schema_of(const struct kj_config_walk *walk, const bson_t *schema,
                                const char *key, bool item, bson_t *found)
{
    bson_t properties, target, group;
    bool is = item ? kj_config_member(schema, "items", found)
                   : kj_config_member(schema, "properties", &properties) &&
                         kj_config_member(&properties, key, found);
    if (!is && !item)
        is = kj_config_member(schema, "additionalProperties", found);
    if (!is)
        return false;
    const char *ref = kj_doc_text(found, "$ref", NULL);
    if (ref && kj_starts_with(ref, "#/$defs/") && kj_config_member(walk->root, "$defs", &group) &&
        kj_config_member(&group, ref + strlen("#/$defs/"), &target))
        (void)bson_init_static(found, bson_get_data(&target), target.len);
    return true;
}

static int kj_config_secret(struct kj_config_walk *walk, const bson_iter_t *value, const char *path,
                            bson_t *out)
{
    char where[192];
    kj_config_where(walk, path, where, sizeof where);
    int error = kj_secret_load(walk->ctx, path, value, where, walk->fault);
    if (error)
        return error;
    const struct kj_secret *secret = kj_secret_get(walk->ctx, path);
    kj_doc_put_text(out, bson_iter_key(value), walk->names ? path : secret->value);
    return 0;
}

static int kj_config_array(struct kj_config_walk *walk, const bson_t *items, const bson_t *array,
                           const char *path, bson_t *out);

static int kj_config_value(struct kj_config_walk *walk, const bson_t *schema,
                           const bson_iter_t *value, const char *path, bson_t *out)
{
    bson_t view, child, items;
    const char *key = bson_iter_key(value);
    if (schema && kj_doc_bool(schema, "writeOnly", false))
        return kj_config_secret(walk, value, path, out);
    if (!schema || !kj_config_view(value, &view)) {
        bson_append_iter(out, key, -1, value);
        return 0;
    }
    int error = 0;
    if (BSON_ITER_HOLDS_DOCUMENT(value)) {
        bson_append_document_begin(out, key, -1, &child);
        error = kj_config_doc(walk, schema, &view, path, &child);
        bson_append_document_end(out, &child);
        return error;
    }
    bool known = kj_config_schema_of(walk, schema, NULL, true, &items);
    bson_append_array_begin(out, key, -1, &child);
    error = kj_config_array(walk, known ? &items : NULL, &view, path, &child);
    bson_append_array_end(out, &child);
    return error;
}

static int kj_config_path(const struct kj_config_walk *walk, const char *path, const char *key,
                          char *longer)
{
    int length = snprintf(longer, KJ_CONFIG_PATH, "%s%s%s", path, path[0] ? "." : "", key);
    if (length < KJ_CONFIG_PATH)
        return 0;
    return kj_fault(walk->fault, KJ_ELIMIT, walk->ctx->name, NULL,
                    "a key of the configuration is longer than %d characters", KJ_CONFIG_PATH);
}

static int kj_config_array(struct kj_config_walk *walk, const bson_t *items, const bson_t *array,
                           const char *path, bson_t *out)
{
    bson_iter_t at;
    int error = 0;
    bson_iter_init(&at, array);
    while (!error && bson_iter_next(&at)) {
        char longer[KJ_CONFIG_PATH];
        error = kj_config_path(walk, path, bson_iter_key(&at), longer);
        if (!error)
            error = kj_config_value(walk, items, &at, longer, out);
    }
    return error;
}

static void kj_config_defaults(const bson_t *schema, const bson_t *config, bson_t *out)
{
    bson_t properties;
    bson_iter_t at;
    if (!kj_config_member(schema, "properties", &properties))
        return;
    bson_iter_init(&at, &properties);
    while (bson_iter_next(&at)) {
        bson_t property;
        bson_iter_t value;
        const char *key = bson_iter_key(&at);
        if (!bson_has_field(config, key) && kj_config_view(&at, &property) &&
            bson_iter_init_find(&value, &property, "default"))
            bson_append_iter(out, key, -1, &value);
    }
}

static int kj_config_doc(struct kj_config_walk *walk, const bson_t *schema, const bson_t *config,
                         const char *path, bson_t *out)
{
    bson_iter_t at;
    int error = 0;
    if (walk->depth == KJ_CONFIG_DEPTH)
        return kj_fault(walk->fault, KJ_ELIMIT, walk->ctx->name, NULL,
                        "the configuration is nested deeper than %d", KJ_CONFIG_DEPTH);
    walk->depth++;
    bson_iter_init(&at, config);
    while (!error && bson_iter_next(&at)) {
        char longer[KJ_CONFIG_PATH];
        bson_t property;
        bool known = kj_config_schema_of(walk, schema, bson_iter_key(&at), false, &property);
        error = kj_config_path(walk, path, bson_iter_key(&at), longer);
        if (!error)
            error = kj_config_value(walk, known ? &property : NULL, &at, longer, out);
    }
    kj_config_defaults(schema, config, out);
    walk->depth--;
    return error;
}

// A fault on a secret must not quote it, whatever the schema's words are.
static bool kj_config_is_secret(const struct kejue_ctx *ctx, const char *pointer)
{
    char key[256];
    kj_copy(key, sizeof key, pointer[0] == '/' ? pointer + 1 : pointer);
    for (char *at = key; *at; at++)
        if (*at == '/')
            *at = '.';
    return kj_secret_get(ctx, key) != NULL;
}

static int kj_config_judge(struct kejue_ctx *ctx, const bson_t *config,
                           const struct kj_place *place, struct kj_fault *fault)
{
    struct kj_schema_report report = {0};
    if (kj_schema_check(ctx->config_schema, config, false, &report) == 0) {
        kj_schema_report_fini(&report);
        return 0;
    }
    const struct kj_schema_fault *first = &report.faults[0];
    char where[192], more[48] = "";
    kj_place_at(place, first->pointer, where, sizeof where);
    if (report.count > 1)
        snprintf(more, sizeof more, " (and %zu more)", report.count - 1);
    const char *text = kj_config_is_secret(ctx, first->pointer) ? "the secret in this file does "
                                                                  "not have the form it must have"
                                                                : first->text;
    int error = kj_fault(fault, KJ_ESCHEMA, where, "correct the configuration",
                         "%s, plugin %s: %s: %s%s", ctx->name, ctx->decl->name,
                         first->pointer[0] ? first->pointer : "the section", text, more);
    kj_schema_report_fini(&report);
    return error;
}

int kj_plugin_configure(struct kejue_ctx *ctx, const bson_t *config, const struct kj_place *place,
                        struct kj_fault *fault)
{
    bson_t *schema = NULL, *values = bson_new(), empty = BSON_INITIALIZER;
    ctx->config = bson_new();
    struct kj_config_walk walk = {.ctx = ctx, .place = place, .fault = fault};
    int error = kj_plugin_config_source(ctx->decl, &schema, fault);
    if (!error)
        error = kj_schema_compile(schema, kj_plugin_resolve, NULL, &ctx->config_schema, fault);
    walk.root = schema;
    if (!error)
        error = kj_config_doc(&walk, schema, config ? config : &empty, "", values);
    if (!error)
        error = kj_config_judge(ctx, values, place, fault);
    walk.names = true;
    if (!error)
        error = kj_config_doc(&walk, schema, config ? config : &empty, "", ctx->config);
    OPENSSL_cleanse((void *)(uintptr_t)bson_get_data(values), values->len);
    bson_destroy(values);
    kj_doc_clear(&schema);
    bson_destroy(&empty);
    return error ? error : kj_egress_configure(ctx, place, fault);
}
