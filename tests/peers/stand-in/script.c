// Planned misfortunes, and answers made from a schema.
//
// Rules are met in order; each meets its next N requests and is gone. "drop after" is the worst one
// a client can meet: the vendor has taken the request, and the answer never comes.
#include "stand_in.h"

#include "base/alloc.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

enum { MAKE_DEPTH = 16 };

static int rule_add(struct stand_in *si, const bson_t *doc, struct kj_fault *fault)
{
    struct si_rule *rule = KJ_NEW(struct si_rule);
    const char *drop = kj_doc_text(doc, "drop", "");
    const char *code = kj_doc_text(doc, "code", NULL);
    kj_copy(rule->vendor, sizeof rule->vendor, kj_doc_text(doc, "vendor", ""));
    kj_copy(rule->message, sizeof rule->message, kj_doc_text(doc, "message", "as scripted"));
    rule->left = kj_doc_int(doc, "next", 1);
    rule->status = (int)kj_doc_int(doc, "status", 0);
    rule->retry_after = (int)kj_doc_int(doc, "retry_after", 0);
    rule->delay_ms = kj_doc_int(doc, "delay_ms", 0);
    rule->drop = strcmp(drop, "before") == 0  ? SI_DROP_BEFORE
                 : strcmp(drop, "after") == 0 ? SI_DROP_AFTER
                                              : SI_ANSWER;
    if (code)
        kj_copy(rule->code, sizeof rule->code, code);
    else if (kj_doc_has(doc, "code"))
        snprintf(rule->code, sizeof rule->code, "%lld", (long long)kj_doc_int(doc, "code", 0));
    if (rule->code[0] && !rule->status)
        rule->status = 400;
    if (rule->left < 1 || (!rule->status && !rule->delay_ms && rule->drop == SI_ANSWER) ||
        (rule->status && (rule->status < 200 || rule->status > 599))) {
        free(rule);
        return kj_fault(fault, KJ_EINVAL, "rule", "give status, code, drop or delay_ms",
                        "a rule would do nothing, or its status is none");
    }
    struct si_rule **end = &si->rules;
    while (*end)
        end = &(*end)->next;
    *end = rule;
    return KJ_OK;
}

int si_rules_add(struct stand_in *si, const bson_t *doc, bool is_array, struct kj_fault *fault)
{
    bson_t list;
    bson_iter_t at;
    if (!is_array && !kj_doc_child(doc, "rules", &list))
        return rule_add(si, doc, fault);
    bson_iter_init(&at, is_array ? doc : &list);
    while (bson_iter_next(&at)) {
        bson_t one;
        if (!kj_doc_at(&at, &one))
            return kj_fault(fault, KJ_EINVAL, "rules", NULL, "a rule is an object");
        int status = rule_add(si, &one, fault);
        if (status != KJ_OK)
            return status;
    }
    return KJ_OK;
}

bool si_rule_take(struct stand_in *si, const char *vendor, struct si_rule *rule)
{
    for (struct si_rule **at = &si->rules; *at; at = &(*at)->next) {
        struct si_rule *one = *at;
        if (one->vendor[0] && strcmp(one->vendor, vendor) != 0)
            continue;
        *rule = *one;
        if (--one->left == 0) {
            *at = one->next;
            free(one);
        }
        return true;
    }
    return false;
}

void si_rules_clear(struct stand_in *si)
{
    while (si->rules) {
        struct si_rule *next = si->rules->next;
        free(si->rules);
        si->rules = next;
    }
}

// --- the first value that a schema allows ---

static void make_object(bson_t *out, const char *key, const bson_t *schema, const bson_t *root,
                        int depth)
{
    bson_t object = BSON_INITIALIZER, properties, one;
    bson_iter_t at;
    if (kj_doc_child(schema, "properties", &properties) && bson_iter_init(&at, &properties))
        while (bson_iter_next(&at)) {
            if (!kj_doc_at(&at, &one))
                continue;
            si_make(&object, bson_iter_key(&at), &one, root, depth + 1);
        }
    kj_doc_put_doc(out, key, &object);
    bson_destroy(&object);
}

static void make_array(bson_t *out, const char *key, const bson_t *schema, const bson_t *root,
                       int depth)
{
    bson_t array = BSON_INITIALIZER, items;
    struct kj_doc_list list = {&array};
    int64_t least = kj_doc_int(schema, "minItems", 0);
    if (kj_doc_child(schema, "items", &items))
        for (int64_t i = 0; i < least && i < 100; i++)
            si_make(&array, kj_doc_next(&list), &items, root, depth + 1);
    kj_doc_put_array(out, key, &array);
    bson_destroy(&array);
}

static bool allows_null(const bson_t *schema)
{
    return kj_streq(kj_doc_text(schema, "type", NULL), "null") ||
           kj_doc_lists(schema, "type", "null");
}

static void make_typed(bson_t *out, const char *key, const bson_t *schema, const bson_t *root,
                       int depth)
{
    const char *type = kj_doc_text(schema, "type", kj_doc_text(schema, "type.0", "object"));
    if (allows_null(schema))
        kj_doc_put_null(out, key); // "not known" is always true
    else if (kj_streq(type, "array"))
        make_array(out, key, schema, root, depth);
    else if (kj_streq(type, "string"))
        kj_doc_put_text(out, key, kj_doc_int(schema, "minLength", 0) > 0 ? "text" : "");
    else if (kj_streq(type, "boolean"))
        kj_doc_put_bool(out, key, false);
    else if (kj_streq(type, "integer"))
        kj_doc_put_int(out, key, kj_doc_int(schema, "minimum", 0));
    else if (kj_streq(type, "number"))
        kj_doc_put_real(out, key, kj_doc_real(schema, "minimum", 0));
    else
        make_object(out, key, schema, root, depth);
}

void si_make(bson_t *out, const char *key, const bson_t *schema, const bson_t *root, int depth)
{
    bson_t other;
    const char *reference = kj_doc_text(schema, "$ref", NULL);
    char path[256];
    if (depth > MAKE_DEPTH) {
        kj_doc_put_null(out, key);
    } else if (reference && kj_starts_with(reference, "#/")) {
        kj_copy(path, sizeof path, reference + 2);
        for (char *p = path; *p; p++)
            *p = *p == '/' ? '.' : *p;
        if (kj_doc_child(root, path, &other))
            si_make(out, key, &other, root, depth + 1);
    } else if (kj_doc_has(schema, "const")) {
        kj_doc_put_from(out, key, schema, "const");
    } else if (kj_doc_has(schema, "enum.0")) {
        kj_doc_put_from(out, key, schema, "enum.0");
    } else if (kj_doc_child(schema, "anyOf.0", &other) || kj_doc_child(schema, "oneOf.0", &other)) {
        si_make(out, key, &other, root, depth + 1);
    } else {
        make_typed(out, key, schema, root, depth);
    }
}
