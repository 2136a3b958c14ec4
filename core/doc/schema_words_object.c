// The keywords that name fields of objects: properties, required, patterns and dependencies.
#include "doc/schema_compile.h"

#include "base/alloc.h"

#include <string.h>

enum { MAX_ENTRIES = 30000, FEW_ENTRIES = 4 };

struct kj_schema_object *kj_schema_object_of(struct kj_schema_compiler *c,
                                             struct kj_schema_node *node)
{
    if (node->object == NULL) {
        node->object = kj_schema_arena(c->schema, sizeof *node->object);
        node->object->min = node->object->max = -1;
    }
    return node->object;
}

static size_t count_of(const struct kj_element *value)
{
    struct kj_members members = kj_members_of(value->data, value->length);
    struct kj_element child;
    size_t count = 0;
    while (kj_members_next(&members, &child))
        count++;
    return count;
}

static int want(struct kj_schema_compiler *c, const struct kj_element *value, bson_type_t type)
{
    if (value->type == type)
        return KJ_OK;
    return kj_schema_refuse(c, value->data, "must be %s",
                            type == BSON_TYPE_ARRAY ? "a list of names" : "an object");
}

// Room for `more` entries behind those that are there.
static int grow_entries(struct kj_schema_compiler *c, struct kj_schema_object *object,
                        const struct kj_element *value, size_t more)
{
    if (more > MAX_ENTRIES || object->entry_count + more > MAX_ENTRIES)
        return kj_schema_refuse(c, value->data, "names too many fields");
    struct kj_schema_entry *entries =
        kj_schema_arena(c->schema, (object->entry_count + more) * sizeof *entries);
    if (object->entry_count)
        memcpy(entries, object->entries, object->entry_count * sizeof *entries);
    object->entries = entries;
    return KJ_OK;
}

static struct kj_schema_entry *add_entry(struct kj_schema_object *object, const char *name,
                                         uint32_t length)
{
    struct kj_schema_entry *entry = &object->entries[object->entry_count++];
    entry->name = (struct kj_schema_name){name, length};
    return entry;
}

int kj_schema_word_properties(struct kj_schema_compiler *c, struct kj_schema_node *node,
                              const struct kj_element *value)
{
    struct kj_schema_object *object = kj_schema_object_of(c, node);
    struct kj_members members = kj_members_of(value->data, value->length);
    struct kj_element child;
    int rc = want(c, value, BSON_TYPE_DOCUMENT);
    if (rc == KJ_OK)
        rc = grow_entries(c, object, value, count_of(value));
    // Only "required" can have made entries before.
    size_t before = object->entry_count;
    struct kj_schema_object earlier = {.entries = object->entries, .entry_count = before};
    while (rc == KJ_OK && kj_members_next(&members, &child)) {
        struct kj_schema_entry *entry = kj_schema_entry(&earlier, child.key, child.key_length);
        if (entry == NULL)
            entry = add_entry(object, child.key, child.key_length);
        rc = kj_schema_child(c, node, &child, &entry->node);
    }
    return rc;
}

int kj_schema_word_required(struct kj_schema_compiler *c, struct kj_schema_node *node,
                            const struct kj_element *value)
{
    struct kj_schema_object *object = kj_schema_object_of(c, node);
    struct kj_members members = kj_members_of(value->data, value->length);
    struct kj_element child;
    int rc = want(c, value, BSON_TYPE_ARRAY);
    if (rc == KJ_OK)
        rc = grow_entries(c, object, value, count_of(value));
    while (rc == KJ_OK && kj_members_next(&members, &child)) {
        if (child.type != BSON_TYPE_UTF8)
            return kj_schema_refuse(c, child.data, "must be the name of a field");
        const char *name = (const char *)child.data;
        struct kj_schema_entry *entry = kj_schema_entry(object, name, child.length);
        if (entry == NULL)
            entry = add_entry(object, name, child.length);
        object->required_count += !entry->required;
        entry->required = true;
    }
    return rc;
}

int kj_schema_word_patterns(struct kj_schema_compiler *c, struct kj_schema_node *node,
                            const struct kj_element *value)
{
    struct kj_schema_object *object = kj_schema_object_of(c, node);
    struct kj_members members = kj_members_of(value->data, value->length);
    struct kj_element child;
    int rc = want(c, value, BSON_TYPE_DOCUMENT);
    object->patterns = kj_schema_arena(c->schema, (count_of(value) + 1) * sizeof *object->patterns);
    while (rc == KJ_OK && kj_members_next(&members, &child)) {
        struct kj_schema_pattern *pattern = &object->patterns[object->pattern_count++];
        pattern->text = child.key;
        rc = kj_schema_regex(c, &child, child.key, child.key_length, &pattern->code);
        if (rc == KJ_OK)
            rc = kj_schema_child(c, node, &child, &pattern->node);
    }
    return rc;
}

static int read_needs(struct kj_schema_compiler *c, const struct kj_element *value,
                      struct kj_schema_dependency *dependency)
{
    struct kj_members members = kj_members_of(value->data, value->length);
    struct kj_element child;
    int rc = want(c, value, BSON_TYPE_ARRAY);
    if (rc)
        return rc;
    struct kj_schema_name *needs =
        kj_schema_arena(c->schema, (count_of(value) + 1) * sizeof *needs);
    while (kj_members_next(&members, &child)) {
        if (child.type != BSON_TYPE_UTF8)
            return kj_schema_refuse(c, child.data, "must be the name of a field");
        needs[dependency->need_count++] =
            (struct kj_schema_name){(const char *)child.data, child.length};
    }
    dependency->needs = needs;
    return KJ_OK;
}

enum reads { SCHEMAS, NAMES, EITHER };

static int read_dependencies(struct kj_schema_compiler *c, struct kj_schema_node *node,
                             const struct kj_element *value, enum reads reads)
{
    struct kj_schema_object *object = kj_schema_object_of(c, node);
    struct kj_members members = kj_members_of(value->data, value->length);
    struct kj_element child;
    int rc = want(c, value, BSON_TYPE_DOCUMENT);
    struct kj_schema_dependency *list =
        kj_schema_arena(c->schema, (object->dependency_count + count_of(value) + 1) * sizeof *list);
    if (object->dependency_count)
        memcpy(list, object->dependencies, object->dependency_count * sizeof *list);
    object->dependencies = list;
    while (rc == KJ_OK && kj_members_next(&members, &child)) {
        struct kj_schema_dependency *dependency = &list[object->dependency_count++];
        dependency->name = (struct kj_schema_name){child.key, child.key_length};
        if (reads == NAMES || (reads == EITHER && child.type == BSON_TYPE_ARRAY))
            rc = read_needs(c, &child, dependency);
        else
            rc = kj_schema_child(c, node, &child, &dependency->node);
    }
    return rc;
}

int kj_schema_word_dependent_schemas(struct kj_schema_compiler *c, struct kj_schema_node *node,
                                     const struct kj_element *value)
{
    return read_dependencies(c, node, value, SCHEMAS);
}

int kj_schema_word_dependent_required(struct kj_schema_compiler *c, struct kj_schema_node *node,
                                      const struct kj_element *value)
{
    return read_dependencies(c, node, value, NAMES);
}

// The old keyword, which plugin authors still write.
int kj_schema_word_dependencies(struct kj_schema_compiler *c, struct kj_schema_node *node,
                                const struct kj_element *value)
{
    return read_dependencies(c, node, value, EITHER);
}

int kj_schema_finish_object(struct kj_schema_compiler *c, struct kj_schema_object *object)
{
    if (object->entry_count <= FEW_ENTRIES)
        return KJ_OK;
    uint32_t size = 16;
    while (size < object->entry_count * 2)
        size *= 2;
    object->index = kj_schema_arena(c->schema, size * sizeof *object->index);
    object->index_mask = size - 1;
    for (size_t i = 0; i < object->entry_count; i++) {
        const struct kj_schema_name *name = &object->entries[i].name;
        uint32_t at = kj_schema_key_hash(name->text, name->length) & object->index_mask;
        while (object->index[at])
            at = (at + 1) & object->index_mask;
        object->index[at] = (uint16_t)(i + 1);
    }
    return KJ_OK;
}
