// See model_ask.h. One question after the other: a second run often costs nothing, since the first
// failed; and the budget is looked at before each call, not before each run.
#include "engine/model_ask.h"

#include "base/alloc.h"
#include "doc/schema.h"
#include "engine/agreement.h"
#include "engine/spending.h"

#include <stdio.h>
#include <stdlib.h>

struct ask {
    struct kj_path *path;
    bson_t *request;  // as built
    bson_t *question; // as asked now
    bson_t *answers[KJ_MODEL_RUNS_MOST];
    size_t count, runs;
    bool again; // this run was asked for once more
    bson_t *model;
    int64_t prompt, completion, cost;
    bool answered, priced;
    char currency[8];
    void (*done)(struct kj_path *path, const struct kj_model_answer *answer);
};

static void send_question(struct ask *ask);

static void ask_free(struct ask *ask)
{
    for (size_t i = 0; i < ask->count; i++)
        kj_doc_clear(&ask->answers[i]);
    kj_doc_clear(&ask->request);
    kj_doc_clear(&ask->question);
    kj_doc_clear(&ask->model);
    free(ask);
}

// --- the end ---

static bson_t *result_of(const struct ask *ask)
{
    bson_t *result = bson_new(), usage = BSON_INITIALIZER, cost = BSON_INITIALIZER;
    if (ask->model)
        kj_doc_put_from(result, "model", ask->model, "model");
    kj_doc_put_int(&usage, "prompt_tokens", ask->prompt);
    kj_doc_put_int(&usage, "completion_tokens", ask->completion);
    kj_doc_put_doc(result, "usage", &usage);
    if (ask->priced) {
        kj_doc_put_int(&cost, "amount_micros", ask->cost);
        kj_doc_put_text(&cost, "currency", ask->currency);
        kj_doc_put_doc(result, "cost", &cost);
    }
    bson_destroy(&usage);
    bson_destroy(&cost);
    return result;
}

static void end(struct ask *ask, const struct kj_model_answer *answer)
{
    struct kj_path *path = ask->path;
    struct kj_model_answer own = *answer;
    bson_t *result = result_of(ask), *json = NULL;
    if (ask->answered)
        kj_spending_add(path, ask->cost, ask->priced ? ask->currency : NULL);
    if (ask->count) { // a later run that failed takes nothing from those that did not
        json = kj_agreement(ask->answers, ask->count);
        own = (struct kj_model_answer){.json = json};
    }
    own.result = result;
    ask->done(path, &own);
    bson_destroy(result);
    kj_doc_clear(&json);
    ask_free(ask);
}

static void next_run(struct ask *ask)
{
    ask->again = false;
    kj_doc_clear(&ask->question);
    if (ask->count < ask->runs)
        send_question(ask);
    else
        end(ask, &(struct kj_model_answer){0});
}

// --- one answer ---

static void count_cost(struct ask *ask, const bson_t *result)
{
    ask->answered = true;
    ask->prompt += kj_doc_int(result, "usage.prompt_tokens", 0);
    ask->completion += kj_doc_int(result, "usage.completion_tokens", 0);
    if (kj_doc_has(result, "cost.amount_micros")) {
        ask->priced = true;
        ask->cost += kj_doc_int(result, "cost.amount_micros", 0);
        kj_copy(ask->currency, sizeof ask->currency, kj_doc_text(result, "cost.currency", ""));
    }
    if (ask->model == NULL && kj_doc_has(result, "model")) {
        ask->model = bson_new();
        kj_doc_put_from(ask->model, "model", result, "model");
    }
}

// KJ_OK when the answer has the shape that was asked for.
static int check(const struct ask *ask, const bson_t *json, struct kj_fault *fault)
{
    bson_t form;
    struct kj_schema *schema = NULL;
    if (!kj_doc_child(ask->request, "schema", &form))
        return KJ_OK;
    int rc = kj_schema_compile(&form, NULL, NULL, &schema, fault);
    if (rc == KJ_OK)
        rc = kj_schema_check_fault(schema, json, fault);
    kj_schema_destroy(schema);
    return rc;
}

static void put_message(bson_t *messages, struct kj_doc_list *list, const char *role,
                        const char *text)
{
    bson_t message = BSON_INITIALIZER;
    kj_doc_put_text(&message, "role", role);
    kj_doc_put_text(&message, "content", text);
    kj_doc_put_doc(messages, kj_doc_next(list), &message);
    bson_destroy(&message);
}

// The same question with the answer and what is wrong with it.
static bson_t *corrected(const struct ask *ask, const char *answer, const struct kj_fault *fault)
{
    char text[1000];
    bson_t messages = BSON_INITIALIZER, changes = BSON_INITIALIZER, old;
    struct kj_doc_list list = {&messages};
    bson_iter_t at;
    if (kj_doc_child(ask->request, "messages", &old) && bson_iter_init(&at, &old))
        while (bson_iter_next(&at))
            bson_append_iter(&messages, kj_doc_next(&list), -1, &at);
    snprintf(text, sizeof text,
             "That does not fit the form: %.200s %.400s. Send the whole form again, corrected.",
             fault->place, fault->text);
    put_message(&messages, &list, "assistant", answer);
    put_message(&messages, &list, "user", text);
    kj_doc_put_array(&changes, "messages", &messages);
    bson_t *question = kj_doc_with(ask->request, &changes);
    bson_destroy(&messages);
    bson_destroy(&changes);
    return question;
}

static void take(struct ask *ask, const bson_t *result)
{
    struct kj_fault fault = {0};
    bson_t json;
    count_cost(ask, result);
    bool has = kj_doc_child(result, "json", &json);
    if (has && check(ask, &json, &fault) == KJ_OK) {
        ask->answers[ask->count++] = bson_copy(&json);
        next_run(ask);
    } else if (!ask->again) {
        ask->again = true;
        kj_doc_clear(&ask->question);
        if (!has)
            kj_copy(fault.text, sizeof fault.text, "it is no JSON object");
        ask->question = corrected(ask, kj_doc_text(result, "text", ""), &fault);
        send_question(ask);
    } else
        end(ask, &(struct kj_model_answer){.why = "the model's answers do not fit the form"});
}

static void on_answer(void *arg, const struct kj_outcome *outcome, const bson_t *result)
{
    struct ask *ask = arg;
    if (!kj_path_heard(ask->path)) {
        ask_free(ask);
        return;
    }
    struct kj_model_answer none = {0};
    switch (outcome->class) {
    case KEJUE_OK:
        take(ask, result);
        return;
    case KEJUE_NOT_PROCESSED:
    case KEJUE_UNKNOWN:
        none.later = true;
        none.why = "the model did not answer";
        break;
    case KEJUE_CANCELED:
        none.stopping = true;
        break;
    default:
        none.why = outcome->text ? outcome->text : "the model refused";
    }
    end(ask, &none);
}

// --- asking ---

static bson_t *question_of(const struct ask *ask)
{
    bson_t changes = BSON_INITIALIZER;
    if (ask->runs > 1) { // several answers are worth something only when they can differ
        kj_doc_put_real(&changes, "temperature", 0.7);
        kj_doc_put_int(&changes, "seed", (int64_t)ask->count + 1);
    }
    bson_t *question = kj_doc_with(ask->request, &changes);
    bson_destroy(&changes);
    return question;
}

static void send_question(struct ask *ask)
{
    struct kj_path *path = ask->path;
    struct kj_fault fault;
    char key[96];
    if (ask->question == NULL)
        ask->question = question_of(ask);
    snprintf(key, sizeof key, "%.70s:%zu%s", path->attempt_id, ask->count, ask->again ? "b" : "");
    struct kj_host_call call = {.instance = path->engine->own->model_instance,
                                .verb = "llm.complete",
                                .workspace = kj_path_workspace(path),
                                .key = key,
                                .request = ask->question};
    kj_path_asks(path);
    if (!kj_engine_call(path->engine, &call, on_answer, ask, &fault)) {
        kj_path_heard(path);
        end(ask, &(struct kj_model_answer){.why = fault.text});
    }
}

static void on_budget(struct kj_path *path, void *arg, const char *refused)
{
    struct ask *ask = arg;
    if (refused)
        end(ask, &(struct kj_model_answer){.why = refused});
    else
        send_question(ask);
    (void)path;
}

void kj_model_ask_take(struct kj_path *path, bson_t *request,
                       void (*done)(struct kj_path *path, const struct kj_model_answer *answer))
{
    struct ask *ask = KJ_NEW(struct ask);
    int64_t runs = path->group ? kj_doc_int(path->group, "model_runs", 1) : 1;
    ask->path = path;
    ask->request = request;
    ask->done = done;
    ask->runs = (size_t)(runs < 1 ? 1 : runs > KJ_MODEL_RUNS_MOST ? KJ_MODEL_RUNS_MOST : runs);
    kj_spending_check(path, on_budget, ask);
}
