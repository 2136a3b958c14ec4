// The compiler's working state and the calls between its files.
#ifndef KJ_SCHEMA_COMPILE_H
#define KJ_SCHEMA_COMPILE_H

#include "base/map.h"
#include "doc/schema_node.h"

struct kj_schema_resource {
    char *uri; // no fragment; "" for a nameless root
    struct kj_element root;
};

// A place used as a schema, by the address of its bytes.
struct kj_schema_spot {
    const uint8_t *address;
    uint32_t resource;
    struct kj_schema_node *node; // NULL until somebody needs it
};

struct kj_schema_compiler {
    struct kj_schema *schema;
    kj_schema_resolve *resolve;
    void *arg;
    struct kj_fault *fault;
    bool formats_are_notes;
    struct kj_schema_resource *resources;
    size_t resource_count;
    struct kj_map names; // URI -> number of the resource + 1
    char **source_names; // of schema->sources, for faults
    size_t source_name_count;
    struct kj_schema_spot *spots; // open addressing
    size_t spot_count, spot_size;
    struct kj_schema_node **queue; // nodes whose keywords are not read yet
    size_t queue_count, queue_done;
};

// Refuses with the JSON Pointer of the element at `address`.
int kj_schema_refuse(struct kj_schema_compiler *c, const uint8_t *address, const char *format, ...)
    KJ_PRINTF(3, 4);

// schema_scan.c: which places are schemas, with their identifiers and anchors.
int kj_schema_scan(struct kj_schema_compiler *c, const struct kj_element *at, uint32_t resource,
                   int depth);
// Takes a copy of `doc` in, known as `uri`; *resource is its root's.
int kj_schema_load(struct kj_schema_compiler *c, const bson_t *doc, const char *uri,
                   uint32_t *resource);
struct kj_schema_spot *kj_schema_spot(struct kj_schema_compiler *c, const uint8_t *address);
// The node for a place (made and queued at first use).
int kj_schema_node_at(struct kj_schema_compiler *c, const struct kj_element *at, uint32_t resource,
                      struct kj_schema_node **node);

// schema_ref.c
int kj_schema_follow(struct kj_schema_compiler *c, uint32_t base, const char *ref,
                     const uint8_t *where, struct kj_element *target, uint32_t *resource);
// RFC 3986, 5.2; the caller frees.
char *kj_schema_uri(const char *base, const char *reference);
int kj_schema_find_loops(struct kj_schema_compiler *c);

// schema_words.c: one node's keywords.
int kj_schema_read_words(struct kj_schema_compiler *c, struct kj_schema_node *node);
int kj_schema_finish_object(struct kj_schema_compiler *c, struct kj_schema_object *object);
int kj_schema_child(struct kj_schema_compiler *c, const struct kj_schema_node *parent,
                    const struct kj_element *value, const struct kj_schema_node **child);
// schema_words_value.c
int kj_schema_word_type(struct kj_schema_compiler *c, struct kj_schema_node *node,
                        const struct kj_element *value);
int kj_schema_word_enum(struct kj_schema_compiler *c, struct kj_schema_node *node,
                        const struct kj_element *value);
int kj_schema_word_const(struct kj_schema_compiler *c, struct kj_schema_node *node,
                         const struct kj_element *value);
// schema_words_object.c
int kj_schema_word_properties(struct kj_schema_compiler *c, struct kj_schema_node *node,
                              const struct kj_element *value);
int kj_schema_word_required(struct kj_schema_compiler *c, struct kj_schema_node *node,
                            const struct kj_element *value);
int kj_schema_word_patterns(struct kj_schema_compiler *c, struct kj_schema_node *node,
                            const struct kj_element *value);
int kj_schema_word_dependent_schemas(struct kj_schema_compiler *c, struct kj_schema_node *node,
                                     const struct kj_element *value);
int kj_schema_word_dependent_required(struct kj_schema_compiler *c, struct kj_schema_node *node,
                                      const struct kj_element *value);
int kj_schema_word_dependencies(struct kj_schema_compiler *c, struct kj_schema_node *node,
                                const struct kj_element *value);
struct kj_schema_object *kj_schema_object_of(struct kj_schema_compiler *c,
                                             struct kj_schema_node *node);

// schema_regex.c: ECMA-262 as far as PCRE2 speaks it.
int kj_schema_regex(struct kj_schema_compiler *c, const struct kj_element *value, const char *text,
                    size_t length, const pcre2_code **code);

#endif
