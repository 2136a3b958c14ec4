// The keywords that say what a value may be, whatever its kind: type, enum and const.
#include "doc/schema_compile.h"

#include "base/alloc.h"

#include <string.h>

static struct kj_schema_values *values_of(struct kj_schema_compiler *c, struct kj_schema_node *node)
{
    if (node->values == NULL)
        node->values = kj_schema_arena(c->schema, sizeof *node->values);
    return node->values;
}

int kj_schema_word_type(struct kj_schema_compiler *c, struct kj_schema_node *node,
                        const struct kj_element *value)
{
    static const struct {
        const char *name;
        uint8_t types;
    } names[] = {{"string", KJ_TYPE_STRING},   {"object", KJ_TYPE_OBJECT},
                 {"array", KJ_TYPE_ARRAY},     {"number", KJ_TYPE_INTEGER | KJ_TYPE_REAL},
                 {"integer", KJ_TYPE_INTEGER}, {"boolean", KJ_TYPE_BOOL},
                 {"null", KJ_TYPE_NULL}};
    struct kj_members members = kj_members_of(value->data, value->length);
    struct kj_element name = *value;
    bool list = value->type == BSON_TYPE_ARRAY;
    uint8_t types = 0;
    while (!list || kj_members_next(&members, &name)) {
        size_t i = 0;
        while (i < KJ_COUNT(names) &&
               (name.type != BSON_TYPE_UTF8 || strcmp((const char *)name.data, names[i].name) != 0))
            i++;
        if (i == KJ_COUNT(names))
            return kj_schema_refuse(c, name.data,
                                    "must be one of string, object, array, number, integer, "
                                    "boolean, null, or a list of them");
        types |= names[i].types;
        if (!list)
            break;
    }
    node->types = types;
    return KJ_OK;
}

int kj_schema_word_enum(struct kj_schema_compiler *c, struct kj_schema_node *node,
                        const struct kj_element *value)
{
    struct kj_schema_values *values = values_of(c, node);
    struct kj_members members = kj_members_of(value->data, value->length);
    struct kj_element one;
    if (value->type != BSON_TYPE_ARRAY)
        return kj_schema_refuse(c, value->data, "must be a list of values");
    while (kj_members_next(&members, &one))
        values->count++;
    values->has_list = true;
    values->list = kj_schema_arena(c->schema, (values->count + 1) * sizeof *values->list);
    members = kj_members_of(value->data, value->length);
    for (size_t i = 0; i < values->count; i++)
        (void)kj_members_next(&members, &values->list[i]);
    return KJ_OK;
}

int kj_schema_word_const(struct kj_schema_compiler *c, struct kj_schema_node *node,
                         const struct kj_element *value)
{
    struct kj_schema_values *values = values_of(c, node);
    values->has_constant = true;
    values->constant = *value;
    return KJ_OK;
}
