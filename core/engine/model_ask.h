// Asking the model about one call: the answer is held against the form, asked for once more with
// the fault named, asked several times where agreement is wanted, and paid for out of a budget.
#ifndef KJ_MODEL_ASK_H
#define KJ_MODEL_ASK_H

#include "engine/path.h"

enum { KJ_MODEL_RUNS_MOST = 5 };

// What came of it. json NULL: `why` says why there is no answer; `later`: the queue tries again.
struct kj_model_answer {
    const bson_t *json;   // {variables, texts, appointment}
    const bson_t *result; // {model, usage, cost} of all runs together
    bool later, stopping;
    const char *why;
};

// Takes the request (kj_question_build). `done` comes once, as long as the path lives.
void kj_model_ask_take(struct kj_path *path, bson_t *request,
                       void (*done)(struct kj_path *path, const struct kj_model_answer *answer));

#endif
