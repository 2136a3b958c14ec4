// Schemas in a plugin's declaration: JSON text in place, or the name of a file under schemas/.
#include "doc/json.h"
#include "host/plugin_file.h"

#include <string.h>

const bson_t *kj_plugin_resolve(void *arg, const char *name)
{
    (void)arg;
    char bare[160];
    size_t length = strlen(name);
    if (length > 5 && strcmp(name + length - 5, ".json") == 0)
        length -= 5;
    if (length >= sizeof bare)
        return NULL;
    memcpy(bare, name, length);
    bare[length] = 0;
    return kj_schema_source(bare);
}

static bool kj_schema_is_text(const char *declared)
{
    return declared[strspn(declared, " \t\r\n")] == '{';
}

static int kj_schema_by_name(const char *name, const char *member, const struct kj_schema **schema,
                             struct kj_fault *fault)
{
    const bson_t *source = kj_schema_source(name);
    if (!source)
        return kj_fault(fault, KJ_ENOTFOUND, name, "give JSON text or the name of an existing file",
                        "there is no schema of that name");
    if (!kj_doc_has(source, member))
        return kj_fault(fault, KJ_ENOTFOUND, name, "add it, or declare NULL for \"any document\"",
                        "the schema has no \"%s\"", member);
    *schema = kj_schema_get(name, member);
    return *schema ? 0
                   : kj_fault(fault, KJ_ESCHEMA, name, NULL, "the schema's \"%s\" does not compile",
                              member);
}

int kj_plugin_schema(const char *declared, const char *member, const struct kj_schema **schema,
                     struct kj_schema **own, struct kj_fault *fault)
{
    *schema = NULL;
    *own = NULL;
    if (!declared)
        return 0;
    if (!kj_schema_is_text(declared))
        return kj_schema_by_name(declared, member, schema, fault);
    bson_t *source = NULL;
    int error = kj_json_parse(declared, strlen(declared), NULL, &source, NULL, fault);
    if (error)
        return error;
    error = kj_schema_compile(source, kj_plugin_resolve, NULL, own, fault);
    bson_destroy(source);
    *schema = *own;
    return error;
}

int kj_plugin_config_source(const struct kejue_plugin *decl, bson_t **source,
                            struct kj_fault *fault)
{
    const char *declared = decl->config_schema;
    *source = NULL;
    if (declared && kj_schema_is_text(declared))
        return kj_json_parse(declared, strlen(declared), NULL, source, NULL, fault);
    const bson_t *named = declared ? kj_schema_source(declared) : NULL;
    if (declared && !named)
        return kj_fault(fault, KJ_ENOTFOUND, declared, "give JSON text",
                        "there is no configuration schema of that name");
    *source = named ? bson_copy(named) : bson_new();
    return 0;
}
