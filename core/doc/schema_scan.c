// Finds the places of a document that are schemas, with the identifiers and anchors that references
// name. Only places that the keywords make schemas count: an "$id" inside an enum is data.
#include "doc/schema_compile.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

static bool is_key(const struct kj_element *member, const char *name)
{
    size_t length = strlen(name);
    return member->key_length == length && memcmp(member->key, name, length) == 0;
}

static size_t spot_slot(const struct kj_schema_compiler *c, const uint8_t *address)
{
    size_t at = (size_t)((uintptr_t)address * 0x9e3779b97f4a7c15u >> 20) & (c->spot_size - 1);
    while (c->spots[at].address && c->spots[at].address != address)
        at = (at + 1) & (c->spot_size - 1);
    return at;
}

struct kj_schema_spot *kj_schema_spot(struct kj_schema_compiler *c, const uint8_t *address)
{
    if (c->spot_size == 0)
        return NULL;
    struct kj_schema_spot *spot = &c->spots[spot_slot(c, address)];
    return spot->address ? spot : NULL;
}

static void add_spot(struct kj_schema_compiler *c, const uint8_t *address, uint32_t resource)
{
    if ((c->spot_count + 1) * 2 > c->spot_size) {
        struct kj_schema_spot *old = c->spots;
        size_t old_size = c->spot_size;
        c->spot_size = old_size ? old_size * 2 : 64;
        c->spots = kj_alloc(c->spot_size * sizeof *c->spots);
        for (size_t i = 0; i < old_size; i++)
            if (old[i].address)
                c->spots[spot_slot(c, old[i].address)] = old[i];
        free(old);
    }
    c->spots[spot_slot(c, address)] =
        (struct kj_schema_spot){.address = address, .resource = resource};
    c->spot_count++;
}

// Takes the uri. The first one to carry a name keeps it.
static uint32_t add_resource(struct kj_schema_compiler *c, char *uri, const struct kj_element *root)
{
    uint32_t number = (uint32_t)c->resource_count++;
    c->resources = kj_realloc(c->resources, c->resource_count * sizeof *c->resources);
    c->resources[number] = (struct kj_schema_resource){.uri = uri, .root = *root};
    if (kj_map_get(&c->names, uri) == NULL)
        kj_map_put(&c->names, uri, (void *)(uintptr_t)(number + 1));
    return number;
}

static int add_anchor(struct kj_schema_compiler *c, const struct kj_element *at,
                      const struct kj_element *member, uint32_t resource, bool dynamic)
{
    struct kj_schema *schema = c->schema;
    if (member->type != BSON_TYPE_UTF8)
        return kj_schema_refuse(c, member->data, "an anchor must be text");
    if (schema->anchor_count == schema->anchor_capacity) {
        schema->anchor_capacity = schema->anchor_capacity ? schema->anchor_capacity * 2 : 8;
        schema->anchors =
            kj_realloc(schema->anchors, schema->anchor_capacity * sizeof *schema->anchors);
    }
    schema->anchors[schema->anchor_count++] =
        (struct kj_schema_anchor){.resource = resource,
                                  .dynamic = dynamic,
                                  .name = (const char *)member->data,
                                  .target = *at};
    return KJ_OK;
}

// An "$id" makes this place the root of a resource of its own.
static int take_identifier(struct kj_schema_compiler *c, const struct kj_element *at,
                           uint32_t *resource)
{
    struct kj_element id;
    if (!kj_element_find(at->data, at->length, "$id", 3, &id))
        return KJ_OK;
    if (id.type != BSON_TYPE_UTF8)
        return kj_schema_refuse(c, id.data, "\"$id\" must be text");
    char *uri = kj_schema_uri(c->resources[*resource].uri, (const char *)id.data);
    char *fragment = strchr(uri, '#');
    if (fragment && fragment[1]) {
        free(uri);
        return kj_schema_refuse(c, id.data, "\"$id\" must not have a fragment, use \"$anchor\"");
    }
    if (fragment)
        *fragment = 0;
    *resource = add_resource(c, uri, at);
    return KJ_OK;
}

// How a keyword holds schemas: itself, a list of them, or a map of them.
enum holds { NOTHING, ONE, LIST, MAP };

static enum holds holds_schemas(const struct kj_element *member)
{
    static const struct {
        const char *name;
        enum holds holds;
    } words[] = {{"$defs", MAP},
                 {"properties", MAP},
                 {"items", ONE},
                 {"additionalProperties", ONE},
                 {"allOf", LIST},
                 {"anyOf", LIST},
                 {"oneOf", LIST},
                 {"not", ONE},
                 {"if", ONE},
                 {"then", ONE},
                 {"else", ONE},
                 {"prefixItems", LIST},
                 {"contains", ONE},
                 {"patternProperties", MAP},
                 {"propertyNames", ONE},
                 {"dependentSchemas", MAP},
                 {"definitions", MAP},
                 {"unevaluatedItems", ONE},
                 {"contentSchema", ONE},
                 {"unevaluatedProperties", ONE}};
    for (size_t i = 0; i < KJ_COUNT(words); i++)
        if (is_key(member, words[i].name))
            return words[i].holds;
    return NOTHING;
}

static int scan_member(struct kj_schema_compiler *c, const struct kj_element *member,
                       uint32_t resource, int depth)
{
    enum holds holds = holds_schemas(member);
    if (holds == ONE)
        return kj_schema_scan(c, member, resource, depth + 1);
    if ((holds != LIST || member->type != BSON_TYPE_ARRAY) &&
        (holds != MAP || member->type != BSON_TYPE_DOCUMENT))
        return KJ_OK; // not ours, or refused when the keyword is read
    struct kj_members members = kj_members_of(member->data, member->length);
    struct kj_element child;
    int rc = KJ_OK;
    while (rc == KJ_OK && kj_members_next(&members, &child))
        rc = kj_schema_scan(c, &child, resource, depth + 1);
    return rc;
}

int kj_schema_scan(struct kj_schema_compiler *c, const struct kj_element *at, uint32_t resource,
                   int depth)
{
    if (kj_schema_spot(c, at->data))
        return KJ_OK;
    if (depth > KJ_ELEMENT_MAX_DEPTH)
        return kj_schema_refuse(c, at->data, "nested too deeply");
    if (at->type != BSON_TYPE_DOCUMENT && at->type != BSON_TYPE_BOOL)
        return kj_schema_refuse(c, at->data, "a schema must be an object, true or false");
    int rc = KJ_OK;
    if (at->type == BSON_TYPE_DOCUMENT)
        rc = take_identifier(c, at, &resource);
    add_spot(c, at->data, resource);
    if (at->type == BSON_TYPE_BOOL)
        return KJ_OK;
    struct kj_members members = kj_members_of(at->data, at->length);
    struct kj_element member;
    while (rc == KJ_OK && kj_members_next(&members, &member)) {
        if (is_key(&member, "$anchor"))
            rc = add_anchor(c, at, &member, resource, false);
        else if (is_key(&member, "$dynamicAnchor"))
            rc = add_anchor(c, at, &member, resource, true);
        else
            rc = scan_member(c, &member, resource, depth);
    }
    return rc;
}

int kj_schema_load(struct kj_schema_compiler *c, const bson_t *doc, const char *uri,
                   uint32_t *resource)
{
    struct kj_schema *schema = c->schema;
    uint8_t *bytes = kj_memdup(bson_get_data(doc), doc->len);
    struct kj_element root = {.type = BSON_TYPE_DOCUMENT, .data = bytes, .length = doc->len};
    size_t number = schema->source_count++;
    schema->sources = kj_realloc(schema->sources, schema->source_count * sizeof *schema->sources);
    schema->sources[number] = bytes;
    c->source_name_count = schema->source_count;
    c->source_names = kj_realloc(c->source_names, schema->source_count * sizeof *c->source_names);
    c->source_names[number] = kj_strdup(uri);
    *resource = add_resource(c, kj_strdup(uri), &root);
    int rc = kj_schema_scan(c, &root, *resource, 0);
    if (rc == KJ_OK) // an "$id" at the root has made a resource of its own
        *resource = kj_schema_spot(c, bytes)->resource;
    if (rc == KJ_OK)
        kj_map_put(&c->names, uri, (void *)(uintptr_t)(*resource + 1));
    return rc;
}

int kj_schema_node_at(struct kj_schema_compiler *c, const struct kj_element *at, uint32_t resource,
                      struct kj_schema_node **node)
{
    int rc = kj_schema_scan(c, at, resource, 0);
    if (rc)
        return rc;
    struct kj_schema_spot *spot = kj_schema_spot(c, at->data);
    if (spot->node == NULL) {
        struct kj_schema_node *made = kj_schema_arena(c->schema, sizeof *made);
        made->types = KJ_TYPE_ALL;
        made->never = at->type == BSON_TYPE_BOOL && at->data[0] == 0;
        made->resource = spot->resource;
        made->source = *at;
        spot->node = made;
        c->queue = kj_realloc(c->queue, (c->queue_count + 1) * sizeof *c->queue);
        c->queue[c->queue_count++] = made;
    }
    *node = spot->node;
    return KJ_OK;
}
