// The compiled form of a schema, shared by the files of the validator; nobody outside core/doc
// includes it. A schema becomes a graph of nodes in one arena, one node for each place that is used
// as a schema; a node holds only the groups of rules that its keywords ask for, so that a check
// touches nothing else and needs no memory of its own.
#ifndef KJ_SCHEMA_NODE_H
#define KJ_SCHEMA_NODE_H

#include "doc/element.h"
#include "doc/schema.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

// Sets of instance types. A number is INTEGER when it is whole, else REAL.
enum {
    KJ_TYPE_NULL = 1,
    KJ_TYPE_BOOL = 2,
    KJ_TYPE_INTEGER = 4,
    KJ_TYPE_REAL = 8,
    KJ_TYPE_STRING = 16,
    KJ_TYPE_ARRAY = 32,
    KJ_TYPE_OBJECT = 64,
    KJ_TYPE_ALL = 127
};

enum {
    KJ_SCHEMA_MAX_DEPTH = 600,   // nested calls of one check
    KJ_SCHEMA_MAX_IN_PLACE = 100 // applicators on one instance, in a chain
};

struct kj_schema_node;

struct kj_schema_name { // borrowed from the schema's copy of its source
    const char *text;
    uint32_t length;
};

struct kj_schema_entry {
    struct kj_schema_name name;
    const struct kj_schema_node *node; // NULL: only required
    bool required;
};

struct kj_schema_pattern {
    const pcre2_code *code;
    const char *text;
    const struct kj_schema_node *node;
};

struct kj_schema_dependency {
    struct kj_schema_name name;
    const struct kj_schema_node *node;  // dependentSchemas
    const struct kj_schema_name *needs; // dependentRequired
    size_t need_count;
};

struct kj_schema_object {
    struct kj_schema_entry *entries; // properties and required, by first mention
    size_t entry_count, required_count;
    uint16_t *index; // open addressing, 1-based; NULL for few entries
    uint32_t index_mask;
    struct kj_schema_pattern *patterns;
    size_t pattern_count;
    struct kj_schema_dependency *dependencies;
    size_t dependency_count;
    const struct kj_schema_node *additional, *names, *unevaluated;
    int64_t min, max; // -1 = none
};

struct kj_schema_array {
    const struct kj_schema_node **prefix;
    size_t prefix_count;
    const struct kj_schema_node *items, *contains, *unevaluated;
    int64_t min, max, min_contains, max_contains; // -1 = none
    bool unique;
};

typedef bool kj_schema_format_fn(const char *text, size_t length);

struct kj_schema_format {
    const char *name;
    kj_schema_format_fn *check;
    const char *sentence; // "must be …"
};

struct kj_schema_text {
    int64_t min, max; // characters; -1 = none
    const pcre2_code *pattern;
    const char *pattern_text;
    const struct kj_schema_format *format;
};

struct kj_schema_number { // type 0 = none
    struct kj_element minimum, maximum, above, below, multiple;
};

struct kj_schema_values {
    struct kj_element *list; // enum
    size_t count;
    struct kj_element constant;
    bool has_list, has_constant;
};

struct kj_schema_logic {
    const struct kj_schema_node *ref;
    const struct kj_schema_node *dynamic; // where $dynamicRef leads when nothing overrides it
    const char *dynamic_name;
    const struct kj_schema_node **all, **any, **one;
    size_t all_count, any_count, one_count;
    const struct kj_schema_node *negated, *condition, *then, *otherwise;
};

struct kj_schema_node {
    uint8_t types;
    bool never;    // the schema false
    uint8_t visit; // of the search for endless loops: 0 new, 1 open, 2 done
    uint32_t resource;
    struct kj_schema_values *values;
    struct kj_schema_text *text;
    struct kj_schema_number *number;
    struct kj_schema_object *object;
    struct kj_schema_array *array;
    struct kj_schema_logic *logic;
    struct kj_element source;
};

struct kj_schema_anchor {
    uint32_t resource;
    bool dynamic;
    const char *name;
    struct kj_element target;
    const struct kj_schema_node *node; // of dynamic ones, when any $dynamicRef is there
};

struct kj_schema_block {
    struct kj_schema_block *next;
    size_t used, size;
    char bytes[];
};

struct kj_schema {
    const struct kj_schema_node *root;
    struct kj_schema_anchor *anchors;
    size_t anchor_count, anchor_capacity;
    bool dynamic;
    struct kj_schema_block *blocks;
    pcre2_code **codes;
    size_t code_count;
    pcre2_match_context *match_context;
    uint8_t **sources; // copies of all documents that took part
    size_t source_count;
};

void *kj_schema_arena(struct kj_schema *schema, size_t size); // zeroed, lives with the schema
char *kj_schema_arena_text(struct kj_schema *schema, const char *text, size_t length);
struct kj_schema_entry *kj_schema_entry(const struct kj_schema_object *object, const char *name,
                                        size_t length);
// schema_format.c; NULL for a format that is not asserted.
const struct kj_schema_format *kj_schema_format(const char *name);
// One token of a JSON Pointer, escaped.
void kj_schema_add_token(struct kj_buf *out, const char *key, size_t length);
uint8_t kj_schema_type(const struct kj_element *value);
// A quick hash of a key for the index of an object's entries.
static inline uint32_t kj_schema_key_hash(const char *key, uint32_t length)
{
    uint32_t hash = length * 0x9e3779b1u;
    if (length) {
        hash ^= (uint32_t)(uint8_t)key[0] * 0x85ebca6bu;
        hash ^= (uint32_t)(uint8_t)key[length / 2] * 0xc2b2ae35u;
        hash ^= (uint32_t)(uint8_t)key[length - 1] * 0x27d4eb2fu;
    }
    return hash ^ hash >> 15;
}

#endif
