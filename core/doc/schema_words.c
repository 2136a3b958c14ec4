// Reads one node's keywords into its rule groups. One table says what each keyword does; unknown
// keywords are annotations and mean nothing here.
#include "doc/schema_compile.h"

#include "base/alloc.h"

#include <stddef.h>
#include <string.h>

typedef int word_fn(struct kj_schema_compiler *c, struct kj_schema_node *node,
                    const struct kj_element *value);

struct word {
    const char *name;
    word_fn *read;
    size_t offset; // of the field that a common reader fills
};

static const struct word *current_word(const struct kj_element *value);

static struct kj_schema_array *array_of(struct kj_schema_compiler *c, struct kj_schema_node *node)
{
    if (node->array == NULL) {
        node->array = kj_schema_arena(c->schema, sizeof *node->array);
        node->array->min = node->array->max = -1;
        node->array->min_contains = node->array->max_contains = -1;
    }
    return node->array;
}

static struct kj_schema_text *text_of(struct kj_schema_compiler *c, struct kj_schema_node *node)
{
    if (node->text == NULL) {
        node->text = kj_schema_arena(c->schema, sizeof *node->text);
        node->text->min = node->text->max = -1;
    }
    return node->text;
}

static struct kj_schema_logic *logic_of(struct kj_schema_compiler *c, struct kj_schema_node *node)
{
    if (node->logic == NULL)
        node->logic = kj_schema_arena(c->schema, sizeof *node->logic);
    return node->logic;
}

int kj_schema_child(struct kj_schema_compiler *c, const struct kj_schema_node *parent,
                    const struct kj_element *value, const struct kj_schema_node **child)
{
    struct kj_schema_node *node;
    int rc = kj_schema_node_at(c, value, parent->resource, &node);
    *child = rc == KJ_OK ? node : NULL;
    return rc;
}

// A whole number from 0 up.
static int read_count(struct kj_schema_compiler *c, const struct kj_element *value, int64_t *count)
{
    if (!kj_element_int(value, count) || *count < 0)
        return kj_schema_refuse(c, value->data, "must be a whole number from 0 up");
    return KJ_OK;
}

// A list of at least one schema.
static int read_list(struct kj_schema_compiler *c, const struct kj_schema_node *node,
                     const struct kj_element *value, const struct kj_schema_node ***list,
                     size_t *count)
{
    struct kj_members members = kj_members_of(value->data, value->length);
    struct kj_element child;
    size_t total = 0;
    if (value->type == BSON_TYPE_ARRAY)
        while (kj_members_next(&members, &child))
            total++;
    if (total == 0)
        return kj_schema_refuse(c, value->data, "must be a list of at least one schema");
    const struct kj_schema_node **nodes = kj_schema_arena(c->schema, total * sizeof *nodes);
    members = kj_members_of(value->data, value->length);
    for (size_t i = 0; i < total && kj_members_next(&members, &child); i++) {
        int rc = kj_schema_child(c, node, &child, &nodes[i]);
        if (rc)
            return rc;
    }
    *list = nodes;
    *count = total;
    return KJ_OK;
}

// --- common readers: the table's offset says which field ---

static int text_count(struct kj_schema_compiler *c, struct kj_schema_node *node,
                      const struct kj_element *value)
{
    char *base = (char *)text_of(c, node);
    return read_count(c, value, (int64_t *)(base + current_word(value)->offset));
}

static int array_count(struct kj_schema_compiler *c, struct kj_schema_node *node,
                       const struct kj_element *value)
{
    char *base = (char *)array_of(c, node);
    return read_count(c, value, (int64_t *)(base + current_word(value)->offset));
}

static int object_count(struct kj_schema_compiler *c, struct kj_schema_node *node,
                        const struct kj_element *value)
{
    char *base = (char *)kj_schema_object_of(c, node);
    return read_count(c, value, (int64_t *)(base + current_word(value)->offset));
}

static int array_schema(struct kj_schema_compiler *c, struct kj_schema_node *node,
                        const struct kj_element *value)
{
    char *base = (char *)array_of(c, node);
    return kj_schema_child(c, node, value,
                           (const struct kj_schema_node **)(base + current_word(value)->offset));
}

static int object_schema(struct kj_schema_compiler *c, struct kj_schema_node *node,
                         const struct kj_element *value)
{
    char *base = (char *)kj_schema_object_of(c, node);
    return kj_schema_child(c, node, value,
                           (const struct kj_schema_node **)(base + current_word(value)->offset));
}

static int logic_schema(struct kj_schema_compiler *c, struct kj_schema_node *node,
                        const struct kj_element *value)
{
    char *base = (char *)logic_of(c, node);
    return kj_schema_child(c, node, value,
                           (const struct kj_schema_node **)(base + current_word(value)->offset));
}

static int number_bound(struct kj_schema_compiler *c, struct kj_schema_node *node,
                        const struct kj_element *value)
{
    if (!kj_element_is_number(value))
        return kj_schema_refuse(c, value->data, "must be a number");
    if (node->number == NULL)
        node->number = kj_schema_arena(c->schema, sizeof *node->number);
    struct kj_element *field =
        (struct kj_element *)((char *)node->number + current_word(value)->offset);
    *field = *value;
    if (field == &node->number->multiple && !(kj_element_real(value) > 0))
        return kj_schema_refuse(c, value->data, "must be greater than 0");
    return KJ_OK;
}

// --- single keywords ---

static int word_pattern(struct kj_schema_compiler *c, struct kj_schema_node *node,
                        const struct kj_element *value)
{
    struct kj_schema_text *text = text_of(c, node);
    if (value->type != BSON_TYPE_UTF8)
        return kj_schema_refuse(c, value->data, "must be a regular expression");
    text->pattern_text = (const char *)value->data;
    return kj_schema_regex(c, value, text->pattern_text, value->length, &text->pattern);
}

static int word_format(struct kj_schema_compiler *c, struct kj_schema_node *node,
                       const struct kj_element *value)
{
    if (value->type != BSON_TYPE_UTF8)
        return kj_schema_refuse(c, value->data, "must be the name of a format");
    const struct kj_schema_format *format = kj_schema_format((const char *)value->data);
    if (format && !c->formats_are_notes)
        text_of(c, node)->format = format;
    return KJ_OK;
}

static int word_unique(struct kj_schema_compiler *c, struct kj_schema_node *node,
                       const struct kj_element *value)
{
    if (value->type != BSON_TYPE_BOOL)
        return kj_schema_refuse(c, value->data, "must be true or false");
    array_of(c, node)->unique = value->data[0] != 0;
    return KJ_OK;
}

static int word_prefix(struct kj_schema_compiler *c, struct kj_schema_node *node,
                       const struct kj_element *value)
{
    struct kj_schema_array *array = array_of(c, node);
    return read_list(c, node, value, &array->prefix, &array->prefix_count);
}

static int word_all(struct kj_schema_compiler *c, struct kj_schema_node *node,
                    const struct kj_element *value)
{
    struct kj_schema_logic *logic = logic_of(c, node);
    return read_list(c, node, value, &logic->all, &logic->all_count);
}

static int word_any(struct kj_schema_compiler *c, struct kj_schema_node *node,
                    const struct kj_element *value)
{
    struct kj_schema_logic *logic = logic_of(c, node);
    return read_list(c, node, value, &logic->any, &logic->any_count);
}

static int word_one(struct kj_schema_compiler *c, struct kj_schema_node *node,
                    const struct kj_element *value)
{
    struct kj_schema_logic *logic = logic_of(c, node);
    return read_list(c, node, value, &logic->one, &logic->one_count);
}

static int follow(struct kj_schema_compiler *c, const struct kj_schema_node *node,
                  const struct kj_element *value, struct kj_schema_node **target)
{
    struct kj_element at;
    uint32_t resource;
    if (value->type != BSON_TYPE_UTF8)
        return kj_schema_refuse(c, value->data, "must be a reference");
    int rc =
        kj_schema_follow(c, node->resource, (const char *)value->data, value->data, &at, &resource);
    return rc ? rc : kj_schema_node_at(c, &at, resource, target);
}

static int word_ref(struct kj_schema_compiler *c, struct kj_schema_node *node,
                    const struct kj_element *value)
{
    struct kj_schema_node *target;
    int rc = follow(c, node, value, &target);
    if (rc == KJ_OK)
        logic_of(c, node)->ref = target;
    return rc;
}

// Dynamic only when the place it names by itself carries a $dynamicAnchor of that name.
static int word_dynamic_ref(struct kj_schema_compiler *c, struct kj_schema_node *node,
                            const struct kj_element *value)
{
    struct kj_schema_node *target;
    int rc = follow(c, node, value, &target);
    if (rc)
        return rc;
    const char *name = strchrnul((const char *)value->data, '#');
    name += *name == '#';
    struct kj_schema_logic *logic = logic_of(c, node);
    logic->dynamic = target;
    for (size_t i = 0; i < c->schema->anchor_count; i++) {
        const struct kj_schema_anchor *anchor = &c->schema->anchors[i];
        if (anchor->dynamic && anchor->target.data == target->source.data &&
            strcmp(anchor->name, name) == 0) {
            logic->dynamic_name = name;
            c->schema->dynamic = true;
        }
    }
    return KJ_OK;
}

#define LOGIC(field) offsetof(struct kj_schema_logic, field)
#define OBJECT(field) offsetof(struct kj_schema_object, field)
#define ARRAY(field) offsetof(struct kj_schema_array, field)
#define TEXT(field) offsetof(struct kj_schema_text, field)
#define NUMBER(field) offsetof(struct kj_schema_number, field)

static const struct word k_words[] = {
    {"$dynamicRef", word_dynamic_ref, 0},
    {"$ref", word_ref, 0},
    {"additionalProperties", object_schema, OBJECT(additional)},
    {"allOf", word_all, 0},
    {"anyOf", word_any, 0},
    {"const", kj_schema_word_const, 0},
    {"contains", array_schema, ARRAY(contains)},
    {"dependencies", kj_schema_word_dependencies, 0},
    {"dependentRequired", kj_schema_word_dependent_required, 0},
    {"dependentSchemas", kj_schema_word_dependent_schemas, 0},
    {"else", logic_schema, LOGIC(otherwise)},
    {"enum", kj_schema_word_enum, 0},
    {"exclusiveMaximum", number_bound, NUMBER(below)},
    {"exclusiveMinimum", number_bound, NUMBER(above)},
    {"format", word_format, 0},
    {"if", logic_schema, LOGIC(condition)},
    {"items", array_schema, ARRAY(items)},
    {"maxContains", array_count, ARRAY(max_contains)},
    {"maxItems", array_count, ARRAY(max)},
    {"maxLength", text_count, TEXT(max)},
    {"maxProperties", object_count, OBJECT(max)},
    {"maximum", number_bound, NUMBER(maximum)},
    {"minContains", array_count, ARRAY(min_contains)},
    {"minItems", array_count, ARRAY(min)},
    {"minLength", text_count, TEXT(min)},
    {"minProperties", object_count, OBJECT(min)},
    {"minimum", number_bound, NUMBER(minimum)},
    {"multipleOf", number_bound, NUMBER(multiple)},
    {"not", logic_schema, LOGIC(negated)},
    {"oneOf", word_one, 0},
    {"pattern", word_pattern, 0},
    {"patternProperties", kj_schema_word_patterns, 0},
    {"prefixItems", word_prefix, 0},
    {"properties", kj_schema_word_properties, 0},
    {"propertyNames", object_schema, OBJECT(names)},
    {"required", kj_schema_word_required, 0},
    {"then", logic_schema, LOGIC(then)},
    {"type", kj_schema_word_type, 0},
    {"unevaluatedItems", array_schema, ARRAY(unevaluated)},
    {"unevaluatedProperties", object_schema, OBJECT(unevaluated)},
    {"uniqueItems", word_unique, 0},
};

// A keyword's value knows its name: it is the key of the member.
static const struct word *current_word(const struct kj_element *value)
{
    size_t low = 0, high = KJ_COUNT(k_words);
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strcmp(k_words[middle].name, value->key);
        if (order == 0)
            return &k_words[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

int kj_schema_read_words(struct kj_schema_compiler *c, struct kj_schema_node *node)
{
    struct kj_members members = kj_members_of(node->source.data, node->source.length);
    struct kj_element member;
    if (node->source.type != BSON_TYPE_DOCUMENT)
        return KJ_OK;
    while (kj_members_next(&members, &member)) {
        const struct word *word = current_word(&member);
        int rc = word ? word->read(c, node, &member) : KJ_OK;
        if (rc)
            return rc;
    }
    return node->object ? kj_schema_finish_object(c, node->object) : KJ_OK;
}
