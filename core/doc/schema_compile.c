// Compiling a schema: the documents are copied, scanned for places and identifiers, then the nodes
// that can be reached are read one by one from a queue, so that references may run in circles.
#include "doc/schema_compile.h"

#include "base/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 8192, MATCH_LIMIT = 200000, MATCH_DEPTH = 2000, MATCH_HEAP_KIB = 4096 };

void *kj_schema_arena(struct kj_schema *schema, size_t size)
{
    struct kj_schema_block *block = schema->blocks;
    size = (size + 15) & ~(size_t)15;
    if (block == NULL || size > block->size - block->used) {
        size_t room = size > BLOCK ? size : BLOCK;
        block = kj_alloc(sizeof *block + room);
        block->size = room;
        block->next = schema->blocks;
        schema->blocks = block;
    }
    void *memory = block->bytes + block->used;
    block->used += size;
    return memory;
}

char *kj_schema_arena_text(struct kj_schema *schema, const char *text, size_t length)
{
    char *copy = kj_schema_arena(schema, length + 1);
    memcpy(copy, text, length);
    return copy;
}

// The JSON Pointer of the element whose bytes start at `address`; false when it is not in there.
static bool locate(const struct kj_element *in, const uint8_t *address, struct kj_buf *pointer,
                   int depth)
{
    if (in->data == address)
        return true;
    if (depth == 0 || (in->type != BSON_TYPE_DOCUMENT && in->type != BSON_TYPE_ARRAY) ||
        address < in->data || address >= in->data + in->length)
        return false;
    struct kj_members members = kj_members_of(in->data, in->length);
    struct kj_element child;
    size_t length = pointer->length;
    while (kj_members_next(&members, &child)) {
        kj_buf_addc(pointer, '/');
        kj_schema_add_token(pointer, child.key, child.key_length);
        if (locate(&child, address, pointer, depth - 1))
            return true;
        pointer->length = length;
        pointer->data[length] = 0;
    }
    return false;
}

int kj_schema_refuse(struct kj_schema_compiler *c, const uint8_t *address, const char *format, ...)
{
    struct kj_buf place;
    char text[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    kj_buf_init(&place, 0);
    for (size_t i = 0; i < c->schema->source_count; i++) {
        const uint8_t *bytes = c->schema->sources[i];
        struct kj_element root = {
            .type = BSON_TYPE_DOCUMENT, .data = bytes, .length = kj_load32(bytes)};
        if (address < bytes || address >= bytes + root.length)
            continue;
        kj_buf_addf(&place, "%s#", c->source_names[i]);
        locate(&root, address, &place, KJ_ELEMENT_MAX_DEPTH);
    }
    kj_fault(c->fault, KJ_ESCHEMA, place.data, NULL, "%s", text);
    kj_buf_fini(&place);
    return KJ_ESCHEMA;
}

struct kj_schema_entry *kj_schema_entry(const struct kj_schema_object *object, const char *name,
                                        size_t length)
{
    for (size_t i = 0; i < object->entry_count; i++) {
        struct kj_schema_entry *entry = &object->entries[i];
        if (entry->name.length == length && memcmp(entry->name.text, name, length) == 0)
            return entry;
    }
    return NULL;
}

// The nodes of dynamic anchors, which only a check can choose from.
static int bind_dynamic(struct kj_schema_compiler *c)
{
    struct kj_schema *schema = c->schema;
    for (size_t i = 0; i < schema->anchor_count; i++) {
        struct kj_schema_node *node;
        if (!schema->anchors[i].dynamic || schema->anchors[i].node)
            continue;
        int rc =
            kj_schema_node_at(c, &schema->anchors[i].target, schema->anchors[i].resource, &node);
        if (rc)
            return rc;
        schema->anchors[i].node = node;
    }
    return KJ_OK;
}

// Reads nodes until none is waiting. Reading one may load documents and find dynamic references.
static int read_queue(struct kj_schema_compiler *c)
{
    int rc = KJ_OK;
    do {
        while (rc == KJ_OK && c->queue_done < c->queue_count)
            rc = kj_schema_read_words(c, c->queue[c->queue_done++]);
        if (rc == KJ_OK && c->schema->dynamic)
            rc = bind_dynamic(c);
    } while (rc == KJ_OK && c->queue_done < c->queue_count);
    return rc;
}

static void compiler_fini(struct kj_schema_compiler *c)
{
    for (size_t i = 0; i < c->resource_count; i++)
        free(c->resources[i].uri);
    for (size_t i = 0; i < c->source_name_count; i++)
        free(c->source_names[i]);
    free(c->source_names);
    free(c->resources);
    free(c->spots);
    free(c->queue);
    kj_map_fini(&c->names);
}

// The place in the source to start from.
static int find_start(struct kj_schema_compiler *c, const struct kj_schema_start *start,
                      struct kj_element *at, uint32_t *resource)
{
    int rc = kj_schema_load(c, start->source, start->name, resource);
    if (rc)
        return rc;
    *at = c->resources[*resource].root;
    if (start->member == NULL)
        return KJ_OK;
    struct kj_element root = *at;
    if (!kj_element_find(root.data, root.length, start->member, strlen(start->member), at))
        return kj_fault(c->fault, KJ_ENOTFOUND, start->name, NULL, "has no member \"%s\"",
                        start->member);
    return kj_schema_scan(c, at, *resource, 0);
}

int kj_schema_compile_from(const struct kj_schema_start *start, kj_schema_resolve *resolve,
                           void *arg, struct kj_schema **schema, struct kj_fault *fault)
{
    struct kj_schema_compiler c = {.resolve = resolve,
                                   .arg = arg,
                                   .fault = fault,
                                   .formats_are_notes = start->formats_are_notes};
    struct kj_schema_node *root;
    struct kj_element at;
    uint32_t resource;
    c.schema = KJ_NEW(struct kj_schema);
    c.schema->match_context = pcre2_match_context_create(NULL);
    pcre2_set_match_limit(c.schema->match_context, MATCH_LIMIT);
    pcre2_set_depth_limit(c.schema->match_context, MATCH_DEPTH);
    pcre2_set_heap_limit(c.schema->match_context, MATCH_HEAP_KIB);
    kj_map_init(&c.names);
    int rc = find_start(&c, start, &at, &resource);
    if (rc == KJ_OK)
        rc = kj_schema_node_at(&c, &at, resource, &root);
    if (rc == KJ_OK)
        rc = read_queue(&c);
    if (rc == KJ_OK)
        rc = kj_schema_find_loops(&c);
    if (rc == KJ_OK)
        c.schema->root = root;
    else
        kj_schema_destroy(c.schema);
    *schema = rc == KJ_OK ? c.schema : NULL;
    compiler_fini(&c);
    return rc;
}

int kj_schema_compile(const bson_t *source, kj_schema_resolve *resolve, void *arg,
                      struct kj_schema **schema, struct kj_fault *fault)
{
    struct kj_schema_start start = {.source = source, .name = ""};
    return kj_schema_compile_from(&start, resolve, arg, schema, fault);
}

void kj_schema_destroy(struct kj_schema *schema)
{
    if (schema == NULL)
        return;
    for (size_t i = 0; i < schema->code_count; i++)
        pcre2_code_free(schema->codes[i]);
    for (size_t i = 0; i < schema->source_count; i++)
        free(schema->sources[i]);
    while (schema->blocks) {
        struct kj_schema_block *next = schema->blocks->next;
        free(schema->blocks);
        schema->blocks = next;
    }
    pcre2_match_context_free(schema->match_context);
    free(schema->sources);
    free(schema->codes);
    free(schema->anchors);
    free(schema);
}
