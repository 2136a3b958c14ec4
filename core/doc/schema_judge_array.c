// Arrays, and what no keyword has evaluated in arrays and objects.
#include "doc/schema_run.h"

#include "base/alloc.h"

#include <stdlib.h>

enum { FEW_ITEMS = 8 }; // compared with each other; more are sorted by hash first

static bool judge_items(const struct kj_schema_case *c, int64_t *count)
{
    const struct kj_schema_array *array = c->node->array;
    struct kj_members members = kj_members_of(c->value->data, c->value->length);
    struct kj_element item;
    bool ok = true;
    for (uint32_t number = 0; kj_members_next(&members, &item); number++, ++*count) {
        const struct kj_schema_node *node =
            number < array->prefix_count ? array->prefix[number] : array->items;
        struct kj_schema_place place = {c->place, NULL, 0, number};
        c->run->steps++;
        if (node == NULL)
            continue;
        kj_schema_seen_set(c->seen, number);
        if (!kj_schema_judge(c->run, node, &item, &place, c->scope, NULL)) {
            ok = false;
            if (!kj_schema_goes_on(c->run))
                return false;
        }
    }
    return ok;
}

static bool judge_contains(const struct kj_schema_case *c)
{
    const struct kj_schema_array *array = c->node->array;
    struct kj_members members = kj_members_of(c->value->data, c->value->length);
    struct kj_schema_report *report = c->run->report;
    struct kj_element item;
    int64_t found = 0, least = array->min_contains < 0 ? 1 : array->min_contains;
    c->run->report = NULL;
    for (uint32_t number = 0; kj_members_next(&members, &item); number++) {
        struct kj_schema_place place = {c->place, NULL, 0, number};
        if (kj_schema_judge(c->run, array->contains, &item, &place, c->scope, NULL)) {
            kj_schema_seen_set(c->seen, number);
            found++;
        }
    }
    c->run->report = report;
    if (found < least)
        return kj_schema_fault(c->run, c->place,
                               array->min_contains < 0 ? "contains" : "minContains",
                               "must contain at least %lld of the wanted items, has %lld",
                               (long long)least, (long long)found);
    if (array->max_contains >= 0 && found > array->max_contains)
        return kj_schema_fault(c->run, c->place, "maxContains",
                               "must contain at most %lld of the named items, has %lld",
                               (long long)array->max_contains, (long long)found);
    return true;
}

struct hashed {
    uint64_t hash;
    size_t number;
    struct kj_element item;
};

static int by_hash(const void *x, const void *y)
{
    const struct hashed *a = x, *b = y;
    if (a->hash != b->hash)
        return a->hash < b->hash ? -1 : 1;
    return a->number < b->number ? -1 : a->number > b->number;
}

static bool same_items(const struct kj_schema_case *c, const struct hashed *a,
                       const struct hashed *b)
{
    c->run->steps += 1 + a->item.length / 32;
    if (c->run->steps > c->run->max_steps || !kj_element_equal(&a->item, &b->item))
        return false;
    size_t first = a->number < b->number ? a->number : b->number;
    kj_schema_fault(c->run, c->place, "uniqueItems", "items %zu and %zu are equal", first,
                    a->number + b->number - first);
    return true;
}

// Equal items have equal hashes: only runs of them are compared.
static bool all_differ(const struct kj_schema_case *c, const struct hashed *items, size_t count,
                       bool sorted)
{
    for (size_t i = 0; i < count; i++)
        for (size_t j = i + 1; j < count; j++) {
            if (sorted && items[j].hash != items[i].hash)
                break;
            if (same_items(c, &items[i], &items[j]))
                return false;
            if (c->run->steps > c->run->max_steps)
                return true; // the walk ends as too complex
        }
    return true;
}

static bool judge_unique(const struct kj_schema_case *c, size_t count)
{
    struct kj_members members = kj_members_of(c->value->data, c->value->length);
    struct hashed few[FEW_ITEMS], *items = few;
    bool sorted = count > FEW_ITEMS;
    if (sorted)
        items = kj_alloc(count * sizeof *items);
    for (size_t i = 0; i < count && kj_members_next(&members, &items[i].item); i++) {
        items[i].number = i;
        items[i].hash = sorted ? kj_element_hash(&items[i].item) : 0;
    }
    if (sorted)
        qsort(items, count, sizeof *items, by_hash);
    bool ok = all_differ(c, items, count, sorted);
    if (sorted)
        free(items);
    return ok;
}

static bool judge_length(const struct kj_schema_case *c, int64_t count)
{
    const struct kj_schema_array *array = c->node->array;
    if (array->min >= 0 && count < array->min)
        return kj_schema_fault(c->run, c->place, "minItems", "must have at least %lld items",
                               (long long)array->min);
    if (array->max >= 0 && count > array->max)
        return kj_schema_fault(c->run, c->place, "maxItems", "must have at most %lld items",
                               (long long)array->max);
    return true;
}

bool kj_schema_judge_array(const struct kj_schema_case *c)
{
    const struct kj_schema_array *array = c->node->array;
    int64_t count = 0;
    bool ok = judge_items(c, &count);
    if (ok || kj_schema_goes_on(c->run))
        ok = judge_length(c, count) && ok;
    if (array->contains && (ok || kj_schema_goes_on(c->run)))
        ok = judge_contains(c) && ok;
    if (array->unique && count > 1 && (ok || kj_schema_goes_on(c->run)))
        ok = judge_unique(c, (size_t)count) && ok;
    return ok;
}

bool kj_schema_judge_rest(const struct kj_schema_case *c)
{
    bool object = c->type == KJ_TYPE_OBJECT;
    const struct kj_schema_node *node =
        object ? c->node->object->unevaluated : c->node->array->unevaluated;
    struct kj_members members = kj_members_of(c->value->data, c->value->length);
    struct kj_element member;
    bool ok = true;
    for (uint32_t number = 0; kj_members_next(&members, &member); number++) {
        struct kj_schema_place place = {c->place, object ? member.key : NULL, member.key_length,
                                        number};
        if (kj_schema_seen_has(c->seen, number))
            continue;
        kj_schema_seen_set(c->seen, number);
        if (node->never && object && c->run->report) {
            kj_schema_say_unknown(c, &place, "unevaluatedProperties", &member);
            ok = false;
        } else if (!kj_schema_judge(c->run, node, &member, &place, c->scope, NULL)) {
            ok = false;
        }
        if (!ok && !kj_schema_goes_on(c->run))
            return false;
    }
    return ok;
}
