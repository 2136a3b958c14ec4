// What an evaluation wants to know of the facts before anything of the pack runs: kind, language,
// zone, what a model has answered. Each document is looked up once.
#include "script/eval.h"

#include "base/alloc.h"
#include "model/zone.h"

#include <string.h>

static const char k_no_model[] = "no model has answered";

// --- the facts by name ---

static enum kj_fact fact_of(const char *key, size_t length)
{
    const struct kj_field *field = kj_shape_field(&kj_shape_call, key, length);
    if (field) {
        return (enum kj_fact)(field - kj_shape_call.fields);
    }
    return length == 4 && memcmp(key, "kind", 4) == 0      ? KJ_FACT_KIND
           : length == 7 && memcmp(key, "answers", 7) == 0 ? KJ_FACT_ANSWERS
                                                           : KJ_FACTS;
}

// One walk instead of one for each of the twenty times that a member is asked for. The members of
// one call stand in the order of those of the call before: what each is, is mostly known already.
static void take_members(struct kj_eval *eval)
{
    struct kj_members members = kj_members_in(&eval->facts);
    struct kj_element at;
    for (size_t place = 0; kj_members_next(&members, &at); place++) {
        struct kj_fact_place *known = &eval->places[place % KJ_COUNT(eval->places)];
        if (known->length == 0 || known->length != at.key_length ||
            memcmp(known->key, at.key, at.key_length) != 0) {
            known->fact = fact_of(at.key, at.key_length);
            known->length = at.key_length < sizeof known->key ? at.key_length : 0;
            memcpy(known->key, at.key, known->length);
        }
        struct kj_element *member = &eval->members[known->fact];
        if (!member->key) { // the first one when a key is repeated
            *member = at;
        }
    }
}

bool kj_eval_fact(const struct kj_eval *eval, enum kj_fact fact, struct kj_element *at)
{
    const struct kj_element *member = &eval->members[fact];
    if (!member->key || member->type == BSON_TYPE_NULL) {
        return false;
    }
    *at = *member;
    return true;
}

bool kj_eval_member(const struct kj_eval *eval, enum kj_fact fact, const char *name,
                    struct kj_element *at)
{
    const struct kj_element *doc = &eval->members[fact];
    return (doc->type == BSON_TYPE_DOCUMENT || doc->type == BSON_TYPE_ARRAY) &&
           kj_element_find(doc->data, doc->length, name, strlen(name), at);
}

static const char *text_of(const struct kj_element *at, const char *otherwise)
{
    bool is_text = at->type == BSON_TYPE_UTF8 && at->data[at->length] == 0;
    return is_text ? (const char *)at->data : otherwise;
}

const char *kj_eval_text(const struct kj_eval *eval, enum kj_fact fact, const char *name,
                         const char *otherwise)
{
    struct kj_element at;
    return kj_eval_member(eval, fact, name, &at) ? text_of(&at, otherwise) : otherwise;
}

bool kj_eval_flag(const struct kj_eval *eval, enum kj_fact fact, const char *name, bool otherwise)
{
    struct kj_element at;
    bool there = kj_eval_member(eval, fact, name, &at) && at.type == BSON_TYPE_BOOL;
    return there ? at.data[0] != 0 : otherwise;
}

// --- what an evaluation begins with ---

// The text of a document's member, or `otherwise`.
static const char *text_in(const struct kj_element *doc, const char *name, const char *otherwise)
{
    struct kj_element at;
    bool there = kj_element_find(doc->data, doc->length, name, strlen(name), &at);
    return there ? text_of(&at, otherwise) : otherwise;
}

static const uint8_t k_empty[] = {5, 0, 0, 0, 0};

// A document of the facts; an empty one when it is not there.
static struct kj_element fact_doc(const struct kj_eval *eval, enum kj_fact fact)
{
    struct kj_element doc;
    if (!kj_eval_fact(eval, fact, &doc) || doc.type != BSON_TYPE_DOCUMENT) {
        doc = (struct kj_element){.data = k_empty, .length = sizeof k_empty};
    }
    return doc;
}

static void take_texts(struct kj_eval *eval)
{
    const struct kj_rules *rules = eval->rules;
    const struct kj_element *said = &eval->texts_said;
    struct kj_element at;
    for (size_t i = 0; i < rules->text_count; i++) {
        eval->texts[i] = KJ_UNKNOWN;
        if (!eval->skipped &&
            kj_element_find(said->data, said->length, rules->texts[i], strlen(rules->texts[i]),
                            &at) &&
            at.type == BSON_TYPE_BOOL) {
            eval->texts[i] = at.data[0] ? KJ_TRUE : KJ_FALSE;
        }
    }
}

static void take_answers(struct kj_eval *eval)
{
    struct kj_element answers = fact_doc(eval, KJ_FACT_ANSWERS), at;
    struct kj_element *parts[] = {&eval->texts_said, &eval->variables_said};
    static const char *const names[] = {"texts", "variables"};
    for (size_t i = 0; i < KJ_COUNT(names); i++) {
        bool there =
            kj_element_find(answers.data, answers.length, names[i], strlen(names[i]), parts[i]) &&
            (parts[i]->type == BSON_TYPE_DOCUMENT || parts[i]->type == BSON_TYPE_ARRAY);
        if (!there) {
            *parts[i] = (struct kj_element){.data = k_empty, .length = sizeof k_empty};
        }
    }
    eval->skipped = text_in(&answers, "skipped", NULL);
    if (!eval->skipped && !kj_eval_fact(eval, KJ_FACT_ANSWERS, &at)) {
        eval->skipped = k_no_model;
    }
    take_texts(eval);
}

// Calls of one campaign mostly share a zone: the last one is kept, zones live for ever.
static void take_zone(struct kj_eval *eval, const char *name)
{
    if (!eval->zone || strcmp(name, kj_zone_name(eval->zone)) != 0) {
        eval->zone = kj_zone_get(name);
        eval->zone = eval->zone ? eval->zone : kj_zone_get("UTC");
    }
    eval->vm->zone = eval->zone;
}

void kj_eval_take_facts(struct kj_eval *eval)
{
    take_members(eval);
    struct kj_element call = fact_doc(eval, KJ_FACT_CALL), lead = fact_doc(eval, KJ_FACT_LEAD), at;
    const char *kind = text_of(&eval->members[KJ_FACT_KIND], "call");
    eval->kind = strcmp(kind, "preselection") == 0   ? KJ_EVAL_PRESELECTION
                 : strcmp(kind, "reevaluation") == 0 ? KJ_EVAL_REEVALUATION
                                                     : KJ_EVAL_CALL;
    eval->reached = kj_element_find(call.data, call.length, "reached", 7, &at) &&
                    at.type == BSON_TYPE_BOOL && at.data[0];
    take_answers(eval);
    kj_copy(eval->language, sizeof eval->language,
            text_in(&call, "language", text_in(&lead, "language", "en")));
    eval->vm->language = eval->language;
    take_zone(eval, text_in(&lead, "timezone", "UTC"));
    int64_t attempt = 0;
    if (kj_element_find(call.data, call.length, "attempt", 7, &at) &&
        !kj_element_int(&at, &attempt)) {
        attempt = 0;
    }
    kj_rng_keyed(&eval->vm->rng, kj_hash(eval->rules->name, strlen(eval->rules->name)),
                 text_in(&lead, "id", ""), (uint64_t)attempt);
}
