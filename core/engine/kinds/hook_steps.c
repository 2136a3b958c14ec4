// The record of a hook's steps: see hook_steps.h. Pure functions over the job's document.
#include "engine/kinds/hook_steps.h"

bson_t *kj_step_error(const char *class, const char *code, const char *text, int64_t retry_after_ms)
{
    bson_t *answer = bson_new(), error = BSON_INITIALIZER;
    kj_doc_put_text(&error, "class", class);
    kj_doc_put_text(&error, "code", code);
    kj_doc_put_text(&error, "text", text);
    kj_doc_put_int(&error, "retry_after_ms", retry_after_ms);
    kj_doc_put_bool(answer, "ok", false);
    kj_doc_put_doc(answer, "error", &error);
    bson_destroy(&error);
    return answer;
}

// The job's steps with one more: its answer, or only that it was begun.
bson_t *kj_steps_with(const bson_t *job, const char *key, const bson_t *answer)
{
    bson_t one = BSON_INITIALIZER, old, begun = BSON_INITIALIZER;
    kj_doc_put_bool(&begun, "begun", true);
    kj_doc_put_doc(&one, key, answer ? answer : &begun);
    bson_t *steps = kj_doc_child(job, "steps", &old) ? kj_doc_with(&old, &one) : bson_copy(&one);
    bson_destroy(&one);
    bson_destroy(&begun);
    return steps;
}

// Was this step begun in an earlier life and never answered? (A key may hold dots: no path.)
bool kj_step_begun(const bson_t *job, const char *key)
{
    bson_t steps;
    bson_iter_t at, in;
    return kj_doc_child(job, "steps", &steps) && bson_iter_init_find(&at, &steps, key) &&
           bson_iter_recurse(&at, &in) && bson_iter_find(&in, "begun");
}

// A retry asks again what had failed; what may have been carried out stays as begun: then the verb
// decides. What was answered well is never repeated.
bson_t *kj_steps_for_retry(const bson_t *job)
{
    bson_t *kept = bson_new(), steps;
    bson_iter_t at;
    if (!kj_doc_child(job, "steps", &steps) || !bson_iter_init(&at, &steps))
        return kept;
    while (bson_iter_next(&at)) {
        bson_t step, begun = BSON_INITIALIZER;
        kj_doc_put_bool(&begun, "begun", true);
        if (kj_doc_at(&at, &step)) {
            if (kj_doc_bool(&step, "ok", true))
                kj_doc_put_doc(kept, bson_iter_key(&at), &step);
            else if (kj_streq(kj_doc_text(&step, "error.class", ""), "unknown"))
                kj_doc_put_doc(kept, bson_iter_key(&at), &begun);
        }
        bson_destroy(&begun);
    }
    return kept;
}

// What the script is told again: answers only, not steps that were merely begun.
bson_t *kj_steps_answered(const bson_t *job)
{
    bson_t *answers, steps;
    bson_iter_t at;
    if (!kj_doc_child(job, "steps", &steps) || !bson_iter_init(&at, &steps))
        return NULL;
    answers = bson_new();
    while (bson_iter_next(&at)) {
        bson_t step;
        if (kj_doc_at(&at, &step) && kj_doc_has(&step, "ok"))
            kj_doc_put_doc(answers, bson_iter_key(&at), &step);
    }
    return answers;
}
