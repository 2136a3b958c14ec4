// Two plans side by side. Both are first made into what a person would see of them, so that the
// comparison is one walk over small documents.
#include "engine/contrast.h"

#include "base/alloc.h"
#include "doc/element.h"

#include <stdio.h>
#include <string.h>

const char *const kj_change_names[KJ_CHANGE_COUNT] = {"same", "improved", "worse", "other"};

static int rank(const bson_t *levels, const char *level)
{
    bson_iter_t at;
    if (level && bson_iter_init(&at, levels))
        for (int i = 0; bson_iter_next(&at); i++)
            if (BSON_ITER_HOLDS_UTF8(&at) && strcmp(bson_iter_utf8(&at, NULL), level) == 0)
                return i;
    return -1;
}

enum kj_change kj_contrast_levels(const bson_t *levels, const char *old, const char *now)
{
    if (kj_streq(old, now) || (old == NULL && now == NULL))
        return KJ_CHANGE_SAME;
    int before = rank(levels, old), after = rank(levels, now);
    if (before < 0 || after < 0)
        return KJ_CHANGE_OTHER;
    return after < before ? KJ_CHANGE_IMPROVED : KJ_CHANGE_WORSE;
}

// --- a plan as people see it ---

static void put_variables(bson_t *outcome, const bson_t *plan)
{
    bson_t variables, values = BSON_INITIALIZER;
    bson_iter_t at, value;
    if (kj_doc_child(plan, "variables", &variables) && bson_iter_init(&at, &variables))
        while (bson_iter_next(&at))
            if (BSON_ITER_HOLDS_DOCUMENT(&at) && bson_iter_recurse(&at, &value) &&
                bson_iter_find(&value, "value") && !BSON_ITER_HOLDS_NULL(&value))
                bson_append_iter(&values, bson_iter_key(&at), -1, &value);
    if (!bson_empty(&values))
        kj_doc_put_doc(outcome, "variables", &values);
    bson_destroy(&values);
}

static bson_t *outcome_of(const bson_t *plan, bool refused, bool may_write)
{
    static const char *const k_plain[] = {"success", "score", "lead_status"};
    bson_t *outcome = bson_new();
    for (size_t i = 0; i < KJ_COUNT(k_plain); i++)
        if (kj_doc_has(plan, k_plain[i]))
            kj_doc_put_from(outcome, k_plain[i], plan, k_plain[i]);
    if (may_write && kj_doc_has(plan, "template.name"))
        kj_doc_put_from(outcome, "template", plan, "template.name");
    if (refused)
        kj_doc_put_bool(outcome, "opt_out", true);
    if (kj_doc_count(plan, "tags"))
        kj_doc_put_from(outcome, "tags", plan, "tags");
    put_variables(outcome, plan);
    return outcome;
}

static void put_callback(bson_t *outcome, int64_t at)
{
    if (at)
        kj_doc_put_time(outcome, "callback", at);
}

bson_t *kj_contrast_outcome(const bson_t *plan)
{
    bson_t *outcome = outcome_of(plan, kj_doc_has(plan, "opt_out"), true);
    if (kj_streq(kj_doc_text(plan, "next.kind", ""), "callback"))
        put_callback(outcome,
                     kj_doc_time(plan, "next.moved_from", kj_doc_time(plan, "next.at", 0)));
    return outcome;
}

bson_t *kj_contrast_outcome_ruled(const bson_t *plan, const bson_t *facts, bool recorded)
{
    bool refused = kj_doc_has(plan, "opt_out") || kj_doc_bool(facts, "opt_out.asked", false);
    bool may_write = !refused && kj_doc_bool(facts, "group.whatsapp_enabled", true);
    bson_t *outcome = outcome_of(plan, refused, may_write);
    const char *next = kj_doc_text(plan, "next.kind", "");
    int64_t at = 0;
    if (kj_streq(next, "callback"))
        at = kj_doc_time(plan, "next.at", 0);
    else if (!kj_streq(next, "none") && kj_streq(kj_doc_text(facts, "callback.state", ""), "ok"))
        at = kj_doc_time(facts, "callback.at", 0);
    if (!refused && !recorded && at >= kj_doc_time(facts, "now", 0))
        put_callback(outcome, at);
    return outcome;
}

// --- what differs ---

static bool same_value(const bson_iter_t *a, const bson_iter_t *b)
{
    struct kj_element left, right;
    return kj_element_at(a, &left) && kj_element_at(b, &right) && kj_element_equal(&left, &right);
}

static void add_name(struct kj_doc_list *list, const char *prefix, const char *name)
{
    char text[256];
    snprintf(text, sizeof text, "%s%.200s", prefix, name);
    kj_doc_put_text(list->array, kj_doc_next(list), text);
}

// Members of `from` that `other` lacks or, unless `only_absent`, has otherwise.
static void walk(const bson_t *from, const bson_t *other, bool only_absent, const char *prefix,
                 struct kj_doc_list *list)
{
    bson_iter_t at, there;
    if (!bson_iter_init(&at, from))
        return;
    while (bson_iter_next(&at)) {
        if (*prefix == 0 && strcmp(bson_iter_key(&at), "variables") == 0)
            continue;
        bool found = bson_iter_init_find(&there, other, bson_iter_key(&at));
        if (!found || (!only_absent && !same_value(&at, &there)))
            add_name(list, prefix, bson_iter_key(&at));
    }
}

size_t kj_contrast_list(const bson_t *old, const bson_t *now, bson_t *array)
{
    struct kj_doc_list list = {array};
    bson_t before, after, none = BSON_INITIALIZER;
    walk(old, now, false, "", &list);
    walk(now, old, true, "", &list);
    const bson_t *left = kj_doc_child(old, "variables", &before) ? &before : &none;
    const bson_t *right = kj_doc_child(now, "variables", &after) ? &after : &none;
    walk(left, right, false, "variables.", &list);
    walk(right, left, true, "variables.", &list);
    bson_destroy(&none);
    return list.count;
}
