// What the embedded schemas say about commands and their arguments.
#include "ctl.h"

#include "doc/schema.h"

#include <string.h>

// Verbs that are no command of the daemon.
static const char *const k_own[] = {"why", "watch", "help", "campaign.watch", "hosts"};

const bson_t *ctl_about(const char *command)
{
    char name[128];
    snprintf(name, sizeof name, "commands/%.96s", command);
    return kj_schema_source(name);
}

// "documents/schedule", or "#/$defs/x" of the document that `schema` is.
static bool follow(const bson_t *schema, bson_t *target)
{
    const char *reference = kj_doc_text(schema, "$ref", NULL);
    const bson_t *source;
    if (reference == NULL)
        return false;
    if (reference[0] != '#' && (source = kj_schema_source(reference)) != NULL)
        return bson_init_static(target, bson_get_data(source), source->len);
    return false;
}

bool ctl_property(const bson_t *schema, const char *name, bson_t *property)
{
    bson_t properties, target;
    bson_iter_t at;
    if (follow(schema, &target))
        schema = &target;
    if (!kj_doc_child(schema, "properties", &properties) ||
        !bson_iter_init_find(&at, &properties, name) || !kj_doc_at(&at, property))
        return false;
    // Not by assignment: a bson_t points into itself.
    return !follow(property, &target) ||
           bson_init_static(property, bson_get_data(&target), target.len);
}

bool ctl_typed(const bson_t *schema)
{
    return kj_doc_has(schema, "type") || kj_doc_has(schema, "enum");
}

bool ctl_allows(const bson_t *schema, const char *type)
{
    if (!kj_doc_has(schema, "type")) // an enumeration here is one of words
        return !kj_doc_has(schema, "enum") || strcmp(type, "string") == 0;
    return kj_streq(kj_doc_text(schema, "type", NULL), type) || kj_doc_lists(schema, "type", type);
}

size_t ctl_commands(const char **names, size_t size)
{
    size_t count = kj_schema_names("commands/", names, size);
    if (count > size)
        count = size;
    for (size_t i = 0; i < count; i++)
        names[i] += strlen("commands/");
    return count;
}

const char *ctl_nearest(const char *name)
{
    const char *names[256];
    size_t count = ctl_commands(names, KJ_COUNT(names) - KJ_COUNT(k_own));
    for (size_t i = 0; i < KJ_COUNT(k_own); i++)
        names[count++] = k_own[i];
    const char *near = kj_nearest(name, names, count);
    for (size_t i = 0; near == NULL && i < count; i++) // "campaign" -> "campaign.cancel" …
        if (kj_starts_with(names[i], name))
            near = names[i];
    return near;
}
