// A text is judged alone, so answers of one question can stand beside those of another.
#include "engine/answers.h"

#include "base/alloc.h"

#include <string.h>

static bool answered(const bson_t *facts, const char *kind, const char *name)
{
    bson_t answers;
    bson_iter_t at;
    char path[32] = "answers.";
    strncat(path, kind, sizeof path - sizeof "answers.");
    return kj_doc_child(facts, path, &answers) && bson_iter_init_find(&at, &answers, name);
}

static int64_t missing_texts(const bson_t *about, const bson_t *facts, bson_t *rest)
{
    bson_t texts, array = BSON_INITIALIZER;
    bson_iter_t at;
    struct kj_doc_list list = {&array};
    if (kj_doc_child(about, "texts", &texts) && bson_iter_init(&at, &texts))
        while (bson_iter_next(&at))
            if (!answered(facts, "texts", bson_iter_utf8(&at, NULL)))
                bson_append_iter(&array, kj_doc_next(&list), -1, &at);
    if (rest)
        kj_doc_put_array(rest, "texts", &array);
    bson_destroy(&array);
    return list.count;
}

static int64_t missing_variables(const bson_t *about, const bson_t *facts, bson_t *rest)
{
    bson_t variables, array = BSON_INITIALIZER;
    bson_iter_t at;
    struct kj_doc_list list = {&array};
    if (kj_doc_child(about, "variables", &variables) && bson_iter_init(&at, &variables))
        while (bson_iter_next(&at)) {
            bson_t variable;
            if (kj_doc_at(&at, &variable) && kj_doc_has(&variable, "guidance") &&
                !kj_doc_bool(&variable, "derived", false) &&
                !answered(facts, "variables", kj_doc_text(&variable, "name", "")))
                bson_append_iter(&array, kj_doc_next(&list), -1, &at);
        }
    if (rest)
        kj_doc_put_array(rest, "variables", &array);
    bson_destroy(&array);
    return list.count;
}

int64_t kj_answers_missing(const bson_t *about, const bson_t *facts, bson_t *rest)
{
    if (!kj_doc_bool(facts, "call.reached", false))
        return 0;
    if (rest)
        kj_doc_put_from(rest, "guidance", about, "guidance");
    return missing_texts(about, facts, rest) + missing_variables(about, facts, rest);
}

// The old answers first, then what is new; null is an answer.
static void put_both(bson_t *to, const char *kind, const bson_t *old, const bson_t *more)
{
    bson_t before, after, all = BSON_INITIALIZER, none = BSON_INITIALIZER;
    bson_iter_t at, known;
    const bson_t *first = kj_doc_child(old, kind, &before) ? &before : &none;
    bson_concat(&all, first);
    if (kj_doc_child(more, kind, &after) && bson_iter_init(&at, &after))
        while (bson_iter_next(&at))
            if (!bson_iter_init_find(&known, first, bson_iter_key(&at)))
                bson_append_iter(&all, NULL, -1, &at);
    kj_doc_put_doc(to, kind, &all);
    bson_destroy(&all);
    bson_destroy(&none);
}

static bson_t *facts_with(const bson_t *facts, const char *name, const bson_t *value)
{
    bson_t changes = BSON_INITIALIZER;
    kj_doc_put_doc(&changes, name, value);
    bson_t *changed = kj_doc_with(facts, &changes);
    bson_destroy(&changes);
    return changed;
}

bson_t *kj_answers_add(const bson_t *facts, const bson_t *answers)
{
    bson_t old, none = BSON_INITIALIZER, both = BSON_INITIALIZER;
    const bson_t *known = kj_doc_child(facts, "answers", &old) ? &old : &none;
    bson_copy_to_excluding_noinit(known, &both, "texts", "variables", "skipped", NULL);
    put_both(&both, "texts", known, answers);
    put_both(&both, "variables", known, answers);
    if (!kj_doc_has(&both, "model"))
        kj_doc_put_from(&both, "model", answers, "model");
    bson_t *changed = facts_with(facts, "answers", &both);
    bson_destroy(&both);
    bson_destroy(&none);
    return changed;
}

// Only the texts that name the campaign were answered for its old goal.
bson_t *kj_answers_for_goal(const bson_t *facts, const char *goal)
{
    bson_t view, kept = BSON_INITIALIZER, texts, changes = BSON_INITIALIZER;
    bson_t none = BSON_INITIALIZER;
    bson_iter_t at;
    const bson_t *old = kj_doc_child(facts, "campaign", &view) ? &view : &none;
    kj_doc_put_text(&changes, "goal", goal);
    bson_t *campaign = kj_doc_with(old, &changes);
    bson_t *under = facts_with(facts, "campaign", campaign), *answers;
    if (!kj_streq(kj_doc_text(old, "goal", ""), goal) &&
        kj_doc_child(under, "answers.texts", &texts) && bson_iter_init(&at, &texts)) {
        while (bson_iter_next(&at))
            if (!strstr(bson_iter_key(&at), "{campaign."))
                bson_append_iter(&kept, NULL, -1, &at);
        kj_doc_child(under, "answers", &view);
        answers = facts_with(&view, "texts", &kept);
        bson_t *again = facts_with(under, "answers", answers);
        bson_destroy(answers);
        bson_destroy(under);
        under = again;
    }
    bson_destroy(campaign);
    bson_destroy(&kept);
    bson_destroy(&none);
    bson_destroy(&changes);
    return under;
}
