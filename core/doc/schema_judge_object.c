// Objects: one pass over the members, each looked up among the names that the schema knows.
#include "doc/schema_run.h"

#include <string.h>

static const struct kj_schema_entry *look_up(const struct kj_schema_object *object,
                                             const struct kj_element *member)
{
    if (object->index == NULL)
        return kj_schema_entry(object, member->key, member->key_length);
    uint32_t at = kj_schema_key_hash(member->key, member->key_length) & object->index_mask;
    for (; object->index[at]; at = (at + 1) & object->index_mask) {
        const struct kj_schema_entry *entry = &object->entries[object->index[at] - 1];
        if (entry->name.length == member->key_length &&
            memcmp(entry->name.text, member->key, member->key_length) == 0)
            return entry;
    }
    return NULL;
}

static bool judge_name(const struct kj_schema_case *c, const struct kj_element *member,
                       const struct kj_schema_place *place)
{
    struct kj_element name = {.type = BSON_TYPE_UTF8,
                              .key = member->key,
                              .key_length = member->key_length,
                              .data = (const uint8_t *)member->key,
                              .length = member->key_length};
    struct kj_schema_report *report = c->run->report;
    c->run->report = NULL;
    bool ok = kj_schema_judge(c->run, c->node->object->names, &name, place, c->scope, NULL);
    c->run->report = report;
    return ok || kj_schema_fault(c->run, place, "propertyNames", "is not an allowed name here");
}

static bool judge_patterns(const struct kj_schema_case *c, const struct kj_element *member,
                           const struct kj_schema_place *place, bool *matched)
{
    const struct kj_schema_object *object = c->node->object;
    bool ok = true;
    for (size_t i = 0; i < object->pattern_count; i++) {
        const struct kj_schema_pattern *pattern = &object->patterns[i];
        if (!kj_schema_match(c->run, pattern->code, member->key, member->key_length))
            continue;
        *matched = true;
        if (!kj_schema_judge(c->run, pattern->node, member, place, c->scope, NULL)) {
            ok = false;
            if (!kj_schema_goes_on(c->run))
                break;
        }
    }
    return ok;
}

static bool judge_additional(const struct kj_schema_case *c, const struct kj_element *member,
                             const struct kj_schema_place *place)
{
    const struct kj_schema_node *additional = c->node->object->additional;
    if (additional->never && c->run->report) {
        kj_schema_say_unknown(c, place, "additionalProperties", member);
        return false;
    }
    return kj_schema_judge(c->run, additional, member, place, c->scope, NULL);
}

static bool judge_member(const struct kj_schema_case *c, const struct kj_element *member,
                         const struct kj_schema_entry *entry, size_t number)
{
    const struct kj_schema_object *object = c->node->object;
    struct kj_schema_place place = {c->place, member->key, member->key_length, 0};
    bool ok = true, known = entry && entry->node;
    if (known)
        ok = kj_schema_judge(c->run, entry->node, member, &place, c->scope, NULL);
    if (object->pattern_count && (ok || kj_schema_goes_on(c->run)))
        ok = judge_patterns(c, member, &place, &known) && ok;
    if (!known && object->additional) {
        known = true;
        ok = judge_additional(c, member, &place) && ok;
    }
    if (known)
        kj_schema_seen_set(c->seen, number);
    if (object->names && (ok || kj_schema_goes_on(c->run)))
        ok = judge_name(c, member, &place) && ok;
    return ok;
}

static bool has_member(const struct kj_element *value, const struct kj_schema_name *name)
{
    struct kj_element found;
    return kj_element_find(value->data, value->length, name->text, name->length, &found);
}

// `met` has a bit for each entry that was found.
static bool judge_required(const struct kj_schema_case *c, const struct kj_schema_seen *met)
{
    const struct kj_schema_object *object = c->node->object;
    bool ok = true;
    for (size_t i = 0; i < object->entry_count; i++) {
        if (!object->entries[i].required || kj_schema_seen_has(met, i))
            continue;
        ok = kj_schema_fault(c->run, c->place, "required", "the field \"%.100s\" is missing",
                             object->entries[i].name.text);
        if (!kj_schema_goes_on(c->run))
            break;
    }
    return ok;
}

static bool judge_dependency(const struct kj_schema_case *c,
                             const struct kj_schema_dependency *dependency)
{
    bool ok = true;
    if (!has_member(c->value, &dependency->name))
        return true;
    for (size_t i = 0; i < dependency->need_count; i++)
        if (!has_member(c->value, &dependency->needs[i]))
            ok = kj_schema_fault(c->run, c->place, "dependentRequired",
                                 "the field \"%.90s\" is missing, \"%.90s\" needs it",
                                 dependency->needs[i].text, dependency->name.text);
    if (dependency->node && (ok || kj_schema_goes_on(c->run)))
        ok = kj_schema_judge(c->run, dependency->node, c->value, c->place, c->scope, c->seen) && ok;
    return ok;
}

static bool judge_count(const struct kj_schema_case *c, int64_t count)
{
    const struct kj_schema_object *object = c->node->object;
    if (object->min >= 0 && count < object->min)
        return kj_schema_fault(c->run, c->place, "minProperties", "must have at least %lld fields",
                               (long long)object->min);
    if (object->max >= 0 && count > object->max)
        return kj_schema_fault(c->run, c->place, "maxProperties", "must have at most %lld fields",
                               (long long)object->max);
    return true;
}

static bool judge_members(const struct kj_schema_case *c, struct kj_schema_seen *met,
                          size_t *required, int64_t *count)
{
    const struct kj_schema_object *object = c->node->object;
    struct kj_members members = kj_members_of(c->value->data, c->value->length);
    struct kj_element member;
    bool ok = true;
    for (size_t number = 0; kj_members_next(&members, &member); number++, ++*count) {
        const struct kj_schema_entry *entry = look_up(object, &member);
        c->run->steps++;
        if (entry && entry->required && object->required_count) {
            size_t at = (size_t)(entry - object->entries);
            *required += !kj_schema_seen_has(met, at);
            kj_schema_seen_set(met, at);
        }
        if (!judge_member(c, &member, entry, number)) {
            ok = false;
            if (!kj_schema_goes_on(c->run))
                return false;
        }
    }
    return ok;
}

bool kj_schema_judge_object(const struct kj_schema_case *c)
{
    const struct kj_schema_object *object = c->node->object;
    struct kj_schema_seen met;
    size_t required = 0;
    int64_t count = 0;
    kj_schema_seen_init(&met, object->required_count ? object->entry_count : 0);
    bool ok = judge_members(c, &met, &required, &count);
    if (required < object->required_count && (ok || kj_schema_goes_on(c->run)))
        ok = judge_required(c, &met) && ok;
    kj_schema_seen_fini(&met);
    if (ok || kj_schema_goes_on(c->run))
        ok = judge_count(c, count) && ok;
    for (size_t i = 0; i < object->dependency_count && (ok || kj_schema_goes_on(c->run)); i++)
        ok = judge_dependency(c, &object->dependencies[i]) && ok;
    return ok;
}
