// What an evaluation wants to know of the facts before anything of the pack runs: kind, language,
// zone, what a model has answered. Each document is looked up once.
#include "script/eval.h"

#include "base/alloc.h"
#include "model/zone.h"

#include <string.h>

static const char k_no_model[] = "no model has answered";

bool kj_eval_fact(const struct kj_eval *eval, const char *name, struct kj_element *at)
{
    struct kj_element found;
    if (!kj_element_find(bson_get_data(&eval->facts), eval->facts.len, name, strlen(name),
                         &found) ||
        found.type == BSON_TYPE_NULL) {
        return false;
    }
    *at = found;
    return true;
}

// The text of a document's member, or `otherwise`.
static const char *text_in(const struct kj_element *doc, const char *name, const char *otherwise)
{
    struct kj_element at;
    bool there = kj_element_find(doc->data, doc->length, name, strlen(name), &at) &&
                 at.type == BSON_TYPE_UTF8 && at.data[at.length] == 0;
    return there ? (const char *)at.data : otherwise;
}

static const uint8_t k_empty[] = {5, 0, 0, 0, 0};

// A document of the facts; an empty one when it is not there.
static struct kj_element fact_doc(const struct kj_eval *eval, const char *name)
{
    struct kj_element doc;
    if (!kj_eval_fact(eval, name, &doc) || doc.type != BSON_TYPE_DOCUMENT) {
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
        if (eval->skipped || !kj_element_find(said->data, said->length, rules->texts[i],
                                              strlen(rules->texts[i]), &at)) {
            continue;
        }
        bool scored = rules->score_kind == KJ_SCORE_TEXT && rules->score_text == (int)i;
        if (scored && kj_element_is_number(&at)) {
            eval->texts[i] = KJ_TRUE; // answered; the number itself is read by the score
        } else if (!scored && at.type == BSON_TYPE_BOOL) {
            eval->texts[i] = at.data[0] ? KJ_TRUE : KJ_FALSE;
        }
    }
}

static void take_answers(struct kj_eval *eval)
{
    struct kj_element answers = fact_doc(eval, "answers"), at;
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
    if (!eval->skipped && !kj_eval_fact(eval, "answers", &at)) {
        eval->skipped = k_no_model;
    }
    take_texts(eval);
}

void kj_eval_take_facts(struct kj_eval *eval)
{
    struct kj_element call = fact_doc(eval, "call"), lead = fact_doc(eval, "lead"), at;
    const char *kind = kj_doc_text(&eval->facts, "kind", "call");
    eval->kind = strcmp(kind, "preselection") == 0   ? KJ_EVAL_PRESELECTION
                 : strcmp(kind, "reevaluation") == 0 ? KJ_EVAL_REEVALUATION
                                                     : KJ_EVAL_CALL;
    eval->reached = kj_element_find(call.data, call.length, "reached", 7, &at) &&
                    at.type == BSON_TYPE_BOOL && at.data[0];
    take_answers(eval);
    kj_copy(eval->language, sizeof eval->language,
            text_in(&call, "language", text_in(&lead, "language", "en")));
    eval->vm->language = eval->language;
    const char *zone_name = text_in(&lead, "timezone", NULL);
    const struct kj_zone *zone = zone_name ? kj_zone_get(zone_name) : NULL;
    eval->vm->zone = zone ? zone : kj_zone_get("UTC");
    int64_t attempt = 0;
    if (kj_element_find(call.data, call.length, "attempt", 7, &at) &&
        !kj_element_int(&at, &attempt)) {
        attempt = 0;
    }
    kj_rng_keyed(&eval->vm->rng, kj_hash(eval->rules->name, strlen(eval->rules->name)),
                 text_in(&lead, "id", ""), (uint64_t)attempt);
}
