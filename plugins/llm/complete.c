// llm.complete: one question, one whole answer.
//
// Asking twice only costs money, so the verb is idempotent and "unknown" may be retried. Text that
// should be JSON and is not counts as not processed: another try often succeeds, and the host
// bounds the tries.
#include "llm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct llm_call {
    struct llm_instance *llm;
    struct llm_call *next, **link;
    uint64_t op;
    int wants_json;
    char model[200];
};

int64_t llm_cost(const struct llm_instance *llm, const char *model, int64_t prompt,
                 int64_t completion)
{
    const struct llm_price *best = NULL;
    size_t longest = 0;
    for (int i = 0; i < llm->price_count; i++) {
        // vendors answer with a dated name ("gpt-4o-2024-08-06"): the longest price row that begins
        // the name counts
        size_t length = strlen(llm->prices[i].model);
        if (length >= longest && strncmp(model, llm->prices[i].model, length) == 0) {
            best = &llm->prices[i];
            longest = length;
        }
    }
    if (!best)
        return -1;
    // a price per million tokens is a price of one token in millionths
    return (int64_t)(best->input * (double)prompt + best->output * (double)completion + 0.5);
}

static void call_free(struct llm_call *call)
{
    *call->link = call->next;
    if (call->next)
        call->next->link = call->link;
    free(call);
}

static void fail(struct llm_call *call, const struct llm_verdict *verdict)
{
    struct kejue_outcome outcome = {verdict->class_, verdict->retry_after_ms, verdict->code,
                                    verdict->text};
    struct kejue_doc none = {0};
    call->llm->host->finish(call->llm->ctx, call->op, &outcome, none);
    call_free(call);
}

static int64_t tokens(const struct kejue_host *host, struct kejue_doc answer, const char *path)
{
    int64_t count = host->integer(answer, path, 0);
    return count > 0 ? count : 0;
}

// Fills the result; -1 when the text is not the JSON that was asked for.
static int put_result(struct llm_call *call, struct kejue_builder *b, struct kejue_doc answer,
                      const char *content)
{
    const struct llm_instance *llm = call->llm;
    const struct kejue_host *host = llm->host;
    const char *model = host->text(answer, "json.model", call->model);
    int64_t prompt = tokens(host, answer, "json.usage.prompt_tokens");
    int64_t completion = tokens(host, answer, "json.usage.completion_tokens");
    int64_t cost = llm_cost(llm, model, prompt, completion);
    host->metric(llm->ctx, "prompt_tokens", (double)prompt);
    host->metric(llm->ctx, "completion_tokens", (double)completion);
    host->put_text(b, "text", content);
    if (call->wants_json && host->put_json(b, "json", content, strlen(content)) != 0)
        return -1;
    host->put_text(b, "model", model);
    host->begin_doc(b, "usage");
    host->put_integer(b, "prompt_tokens", prompt);
    host->put_integer(b, "completion_tokens", completion);
    host->end(b);
    host->put_text(b, "finish_reason", "stop");
    if (cost >= 0) {
        host->begin_doc(b, "cost");
        host->put_integer(b, "amount_micros", cost);
        host->put_text(b, "currency", llm->currency);
        host->end(b);
        host->metric(llm->ctx, "cost_micros", (double)cost);
    }
    return 0;
}

static void on_http(void *arg, const struct kejue_outcome *outcome, struct kejue_doc answer)
{
    struct llm_call *call = arg;
    const struct kejue_host *host = call->llm->host;
    struct llm_verdict verdict;
    llm_judge(host, outcome, answer, &verdict);
    if (verdict.class_ == KEJUE_ACCOUNT || verdict.class_ == KEJUE_CREDENTIAL)
        host->health(call->llm->ctx, 0, verdict.text);
    if (verdict.class_ != KEJUE_OK) {
        fail(call, &verdict);
        return;
    }
    struct kejue_builder *b = host->build(call->llm->ctx);
    host->health(call->llm->ctx, 1, NULL);
    if (put_result(call, b, answer, verdict.content) != 0) {
        verdict.class_ = KEJUE_NOT_PROCESSED;
        snprintf(verdict.code, sizeof verdict.code, "bad_json");
        snprintf(verdict.text, sizeof verdict.text, "the model's text is not JSON");
        host->drop(b);
        fail(call, &verdict);
        return;
    }
    struct kejue_outcome ok = {KEJUE_OK, 0, NULL, NULL};
    host->finish(call->llm->ctx, call->op, &ok, host->built(b));
    host->drop(b);
    call_free(call);
}

// --- the request ---

struct messages {
    const struct kejue_host *host;
    struct kejue_builder *b;
};

static int put_message(void *arg, const char *key, const char *text, struct kejue_doc row)
{
    const struct messages *m = arg;
    (void)key, (void)text;
    m->host->begin_doc(m->b, NULL);
    m->host->put_text(m->b, "role", m->host->text(row, "role", "user"));
    m->host->put_text(m->b, "content", m->host->text(row, "content", ""));
    m->host->end(m->b);
    return 0;
}

static void put_messages(const struct kejue_host *host, struct kejue_builder *b,
                         struct kejue_doc request)
{
    struct messages messages = {host, b};
    const char *system = host->text(request, "system", NULL);
    host->begin_array(b, "messages");
    if (system) {
        host->begin_doc(b, NULL);
        host->put_text(b, "role", "system");
        host->put_text(b, "content", system);
        host->end(b);
    }
    host->each(request, "messages", put_message, &messages);
    host->end(b);
}

static void put_format(const struct llm_instance *llm, struct kejue_builder *b,
                       struct kejue_doc request)
{
    const struct kejue_host *host = llm->host;
    host->begin_doc(b, "response_format");
    if (!llm->has_schemas) {
        host->put_text(b, "type", "json_object");
        host->end(b);
        return;
    }
    host->put_text(b, "type", "json_schema");
    host->begin_doc(b, "json_schema");
    host->put_text(b, "name", host->text(request, "name", "answer"));
    host->put_boolean(b, "strict", host->boolean(request, "strict", 1));
    host->put_from(b, "schema", request, "schema");
    host->end(b);
    host->end(b);
}

static void put_body(const struct llm_instance *llm, struct kejue_builder *b,
                     struct kejue_doc request, const char *model)
{
    const struct kejue_host *host = llm->host;
    host->begin_doc(b, "json");
    host->put_text(b, "model", model);
    put_messages(host, b, request);
    if (host->has(request, "schema"))
        put_format(llm, b, request);
    host->put_from(b, llm->max_tokens_field, request, "max_tokens");
    host->put_from(b, "temperature", request, "temperature");
    host->put_from(b, "seed", request, "seed");
    host->end(b);
}

void llm_complete(struct llm_instance *llm, uint64_t op, struct kejue_doc request)
{
    const struct kejue_host *host = llm->host;
    struct llm_call *call = calloc(1, sizeof *call);
    if (!call)
        abort();
    call->llm = llm;
    call->op = op;
    call->wants_json = host->has(request, "schema");
    snprintf(call->model, sizeof call->model, "%s", host->text(request, "model", llm->model));
    call->next = llm->calls;
    call->link = &llm->calls;
    if (call->next)
        call->next->link = &call->next;
    llm->calls = call;
    struct kejue_builder *b = host->build(llm->ctx);
    host->put_text(b, "method", "POST");
    host->put_text(b, "url", llm->url);
    host->put_integer(b, "timeout_ms", llm->timeout_ms);
    if (llm->has_key) {
        host->begin_doc(b, "auth");
        host->put_text(b, "secret", "api_key");
        host->put_text(b, "scheme", "bearer");
        host->end(b);
    }
    put_body(llm, b, request, call->model);
    host->ask(llm->ctx, op, "host.http", host->built(b), on_http, call);
    host->drop(b);
}

void llm_calls_close(struct llm_instance *llm)
{
    while (llm->calls)
        call_free(llm->calls);
}
