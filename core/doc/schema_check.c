// Judging an instance: one walk over its bytes beside the nodes of the schema. The first walk is
// quiet and stops at the first fault, which is all that a good document costs; only a bad one is
// walked again to collect every fault.
#include "doc/schema_run.h"

#include "base/alloc.h"
#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The work allowed grows with the document, so that no schema makes a small one expensive.
enum { STEPS_BASE = 200000, STEPS_PER_BYTE = 50 };

static uint8_t real_type(const struct kj_element *value)
{
    int64_t whole;
    double real = kj_load_real(value->data);
    if (real >= 0x1p53 || real <= -0x1p53) // from there up every double is whole
        return real - real == 0 ? KJ_TYPE_INTEGER : KJ_TYPE_REAL;
    return kj_element_int(value, &whole) ? KJ_TYPE_INTEGER : KJ_TYPE_REAL;
}

// What JSON has no word for has no type, and so fits no schema that names one.
uint8_t kj_schema_type(const struct kj_element *value)
{
    static const uint8_t types[256] = {
        [BSON_TYPE_NULL] = KJ_TYPE_NULL,       [BSON_TYPE_UNDEFINED] = KJ_TYPE_NULL,
        [BSON_TYPE_BOOL] = KJ_TYPE_BOOL,       [BSON_TYPE_INT32] = KJ_TYPE_INTEGER,
        [BSON_TYPE_INT64] = KJ_TYPE_INTEGER,   [BSON_TYPE_DECIMAL128] = KJ_TYPE_REAL,
        [BSON_TYPE_UTF8] = KJ_TYPE_STRING,     [BSON_TYPE_DATE_TIME] = KJ_TYPE_STRING,
        [BSON_TYPE_OID] = KJ_TYPE_STRING,      [BSON_TYPE_BINARY] = KJ_TYPE_STRING,
        [BSON_TYPE_DOCUMENT] = KJ_TYPE_OBJECT, [BSON_TYPE_ARRAY] = KJ_TYPE_ARRAY,
    };
    return value->type == BSON_TYPE_DOUBLE ? real_type(value) : types[value->type];
}

void kj_schema_seen_init(struct kj_schema_seen *seen, size_t count)
{
    memset(seen->local, 0, sizeof seen->local);
    seen->count = count;
    seen->bits = count <= sizeof seen->local * 8 ? seen->local
                                                 : kj_alloc((count + 63) / 64 * sizeof(uint64_t));
}

void kj_schema_seen_fini(struct kj_schema_seen *seen)
{
    if (seen->bits != seen->local)
        free(seen->bits);
}

void kj_schema_seen_merge(struct kj_schema_seen *into, const struct kj_schema_seen *from)
{
    for (size_t i = 0; i < (from->count + 63) / 64; i++)
        into->bits[i] |= from->bits[i];
}

size_t kj_schema_members(const struct kj_element *value)
{
    struct kj_members members = kj_members_of(value->data, value->length);
    struct kj_element child;
    size_t count = 0;
    while (kj_members_next(&members, &child))
        count++;
    return count;
}

// A date is text in the form it has at the doors.
static bool judge_date(const struct kj_schema_case *c)
{
    char text[64];
    struct kj_schema_case shown = *c;
    struct kj_element value = *c->value;
    kj_time_print(kj_load64(c->value->data), text, sizeof text);
    value.type = BSON_TYPE_UTF8;
    value.data = (const uint8_t *)text;
    value.length = (uint32_t)strlen(text);
    shown.value = &value;
    bool ok = c->node->values == NULL || kj_schema_judge_values(&shown);
    if (c->node->text && (ok || kj_schema_goes_on(c->run)))
        ok = kj_schema_judge_text(&shown) && ok;
    return ok;
}

// The rules for the instance's own type.
static bool judge_kind(const struct kj_schema_case *c)
{
    const struct kj_schema_node *node = c->node;
    switch (c->value->type) {
    case BSON_TYPE_UTF8:
        return node->text == NULL || kj_schema_judge_text(c);
    case BSON_TYPE_DOCUMENT:
        return node->object == NULL || kj_schema_judge_object(c);
    case BSON_TYPE_ARRAY:
        return node->array == NULL || kj_schema_judge_array(c);
    case BSON_TYPE_INT32:
    case BSON_TYPE_INT64:
    case BSON_TYPE_DOUBLE:
        return node->number == NULL || kj_schema_judge_number(c);
    default:
        return true;
    }
}

static bool judge_groups(const struct kj_schema_case *c)
{
    bool ok = true;
    if (c->value->type == BSON_TYPE_DATE_TIME)
        ok = judge_date(c);
    else if (c->node->values)
        ok = kj_schema_judge_values(c);
    if (ok || kj_schema_goes_on(c->run))
        ok = judge_kind(c) && ok;
    if (c->node->logic && (ok || kj_schema_goes_on(c->run)))
        ok = kj_schema_judge_logic(c) && ok;
    return ok;
}

static bool asks_for_rest(const struct kj_schema_case *c)
{
    return (c->type == KJ_TYPE_OBJECT && c->node->object && c->node->object->unevaluated) ||
           (c->type == KJ_TYPE_ARRAY && c->node->array && c->node->array->unevaluated);
}

// With unevaluated…: what the other keywords have looked at is kept in a set.
static bool judge_with_rest(const struct kj_schema_case *c)
{
    struct kj_schema_seen seen;
    struct kj_schema_case own = *c;
    unsigned branches = c->run->failed_branches;
    kj_schema_seen_init(&seen, kj_schema_members(c->value));
    own.seen = &seen;
    bool ok = judge_groups(&own);
    // When no branch fitted, what is left over says nothing: it may belong to any of them.
    if (ok || (kj_schema_goes_on(c->run) && branches == c->run->failed_branches))
        ok = kj_schema_judge_rest(&own) && ok;
    if (ok && c->seen)
        kj_schema_seen_merge(c->seen, &seen);
    kj_schema_seen_fini(&seen);
    return ok;
}

static bool give_up(struct kj_schema_run *run, const struct kj_schema_place *place)
{
    if (!run->exhausted)
        kj_schema_fault(run, place, "$schema", "is too complex to be checked");
    run->exhausted = true;
    return false;
}

bool kj_schema_judge(struct kj_schema_run *run, const struct kj_schema_node *node,
                     const struct kj_element *value, const struct kj_schema_place *place,
                     const struct kj_schema_scope *scope, struct kj_schema_seen *seen)
{
    struct kj_schema_scope entered = {scope, node->resource};
    struct kj_schema_case c = {.run = run,
                               .node = node,
                               .value = value,
                               .type = kj_schema_type(value),
                               .place = place,
                               .scope = scope,
                               .seen = seen};
    if (++run->steps > run->max_steps || run->depth >= KJ_SCHEMA_MAX_DEPTH)
        return give_up(run, place);
    if (node->never)
        return kj_schema_fault(run, place, "false", "must not be there");
    if ((c.type & node->types) == 0 && node->types != KJ_TYPE_ALL)
        return kj_schema_say_type(&c);
    if (scope == NULL || scope->resource != node->resource)
        c.scope = &entered;
    run->depth++;
    bool ok = asks_for_rest(&c) ? judge_with_rest(&c) : judge_groups(&c);
    run->depth--;
    return ok;
}

bool kj_schema_try(const struct kj_schema_case *c, const struct kj_schema_node *node,
                   struct kj_schema_seen *seen)
{
    struct kj_schema_report *report = c->run->report;
    struct kj_schema_seen mine;
    if (seen)
        kj_schema_seen_init(&mine, seen->count);
    c->run->report = NULL;
    bool ok = kj_schema_judge(c->run, node, c->value, c->place, c->scope, seen ? &mine : NULL);
    c->run->report = report;
    if (seen && ok)
        kj_schema_seen_merge(seen, &mine);
    if (seen)
        kj_schema_seen_fini(&mine);
    return ok && !c->run->exhausted;
}

static bool walk(const struct kj_schema *schema, const struct kj_element *value,
                 struct kj_schema_report *report)
{
    struct kj_schema_run run = {.schema = schema, .report = report};
    run.max_steps = STEPS_BASE + (uint64_t)STEPS_PER_BYTE * value->length;
    bool ok = kj_schema_judge(&run, schema->root, value, NULL, NULL, NULL);
    if (run.match)
        pcre2_match_data_free(run.match);
    if (run.exhausted && report && report->count == 0) { // it happened where nobody listened
        run.report = report;
        kj_schema_fault(&run, NULL, "$schema", "is too complex to be checked");
    }
    return ok && !run.exhausted;
}

int kj_schema_check_element(const struct kj_schema *schema, const struct kj_element *value,
                            struct kj_schema_report *report)
{
    if (walk(schema, value, NULL))
        return KJ_OK;
    if (report == NULL)
        return KJ_ESCHEMA;
    if (report->limit == 0)
        report->limit = 50;
    (void)walk(schema, value, report);
    return KJ_ESCHEMA;
}

int kj_schema_check(const struct kj_schema *schema, const bson_t *doc, bool is_array,
                    struct kj_schema_report *report)
{
    struct kj_element root = {.type = is_array ? BSON_TYPE_ARRAY : BSON_TYPE_DOCUMENT,
                              .data = bson_get_data(doc),
                              .length = doc->len};
    return kj_schema_check_element(schema, &root, report);
}

int kj_schema_check_value(const struct kj_schema *schema, const bson_iter_t *value,
                          struct kj_schema_report *report)
{
    struct kj_element element = {.type = BSON_TYPE_NULL};
    (void)kj_element_at(value, &element);
    return kj_schema_check_element(schema, &element, report);
}
