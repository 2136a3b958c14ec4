// References and the keywords that apply other schemas to the same instance.
#include "doc/schema_run.h"

#include <string.h>

// The outermost resource on the way here that has the anchor decides.
static const struct kj_schema_node *dynamic_target(const struct kj_schema_case *c)
{
    const struct kj_schema_logic *logic = c->node->logic;
    const struct kj_schema_node *target = logic->dynamic;
    if (logic->dynamic_name == NULL)
        return target;
    for (const struct kj_schema_scope *scope = c->scope; scope; scope = scope->parent)
        for (size_t i = 0; i < c->run->schema->anchor_count; i++) {
            const struct kj_schema_anchor *anchor = &c->run->schema->anchors[i];
            if (anchor->dynamic && anchor->resource == scope->resource && anchor->node &&
                strcmp(anchor->name, logic->dynamic_name) == 0)
                target = anchor->node;
        }
    return target;
}

static bool apply(const struct kj_schema_case *c, const struct kj_schema_node *node)
{
    return kj_schema_judge(c->run, node, c->value, c->place, c->scope, c->seen);
}

static bool judge_any(const struct kj_schema_case *c)
{
    const struct kj_schema_logic *logic = c->node->logic;
    bool ok = false;
    // Whoever asks for evaluated members needs every branch that fits.
    for (size_t i = 0; i < logic->any_count && (!ok || c->seen); i++)
        ok = kj_schema_try(c, logic->any[i], c->seen) || ok;
    return ok || kj_schema_say_branches(c, "anyOf", logic->any, logic->any_count);
}

static bool judge_one(const struct kj_schema_case *c)
{
    const struct kj_schema_logic *logic = c->node->logic;
    size_t first = 0, fits = 0;
    for (size_t i = 0; i < logic->one_count; i++) {
        if (!kj_schema_try(c, logic->one[i], c->seen))
            continue;
        if (++fits == 2) {
            c->run->failed_branches++;
            return kj_schema_fault(c->run, c->place, "oneOf",
                                   "fits forms %zu and %zu, but must fit only one", first + 1,
                                   i + 1);
        }
        first = i;
    }
    return fits || kj_schema_say_branches(c, "oneOf", logic->one, logic->one_count);
}

static bool judge_condition(const struct kj_schema_case *c)
{
    const struct kj_schema_logic *logic = c->node->logic;
    const struct kj_schema_node *next =
        kj_schema_try(c, logic->condition, c->seen) ? logic->then : logic->otherwise;
    return next == NULL || apply(c, next);
}

static bool judge_references(const struct kj_schema_case *c)
{
    const struct kj_schema_logic *logic = c->node->logic;
    bool ok = logic->ref == NULL || apply(c, logic->ref);
    if (logic->dynamic && (ok || kj_schema_goes_on(c->run)))
        ok = apply(c, dynamic_target(c)) && ok;
    for (size_t i = 0; i < logic->all_count && (ok || kj_schema_goes_on(c->run)); i++)
        ok = apply(c, logic->all[i]) && ok;
    return ok;
}

static bool judge_not(const struct kj_schema_case *c)
{
    return !kj_schema_try(c, c->node->logic->negated, NULL) ||
           kj_schema_fault(c->run, c->place, "not", "has a form that is not allowed here");
}

static bool judge_branches(const struct kj_schema_case *c)
{
    const struct kj_schema_logic *logic = c->node->logic;
    bool ok = logic->any_count == 0 || judge_any(c);
    if (logic->one_count && (ok || kj_schema_goes_on(c->run)))
        ok = judge_one(c) && ok;
    return ok;
}

bool kj_schema_judge_logic(const struct kj_schema_case *c)
{
    const struct kj_schema_logic *logic = c->node->logic;
    bool ok = judge_references(c);
    if (ok || kj_schema_goes_on(c->run))
        ok = judge_branches(c) && ok;
    if (logic->negated && (ok || kj_schema_goes_on(c->run)))
        ok = judge_not(c) && ok;
    if (logic->condition && (ok || kj_schema_goes_on(c->run)))
        ok = judge_condition(c) && ok;
    return ok;
}
