// A language model behind any endpoint that speaks OpenAI's chat completions.
//
// Hosted vendors, proxies and local servers differ in small things; each is a configuration key
// with a default that fits the hosted one: the name of the token limit, structured output, a key.
#include "llm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char k_config[] =
    "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"model\"],"
    "\"properties\":{"
    "\"url\":{\"type\":\"string\",\"default\":\"https://api.openai.com/v1\","
    "\"description\":\"where chat/completions lives\"},"
    "\"model\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":199},"
    "\"api_key\":{\"type\":\"string\",\"writeOnly\":true,"
    "\"description\":\"file with the key; leave it out for a server that asks none\"},"
    "\"timeout_ms\":{\"type\":\"integer\",\"minimum\":1000,\"maximum\":600000,"
    "\"default\":120000},"
    "\"max_tokens_field\":{\"enum\":[\"max_completion_tokens\",\"max_tokens\"],"
    "\"default\":\"max_completion_tokens\"},"
    "\"json_schema\":{\"type\":\"boolean\",\"default\":true,"
    "\"description\":\"false for servers that only know json_object\"},"
    "\"currency\":{\"type\":\"string\",\"pattern\":\"^[A-Z]{3}$\",\"default\":\"USD\"},"
    "\"prices\":{\"type\":\"array\",\"maxItems\":32,\"items\":{\"type\":\"object\","
    "\"additionalProperties\":false,\"required\":[\"model\",\"input\",\"output\"],"
    "\"properties\":{\"model\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":127,"
    "\"description\":\"the beginning of a model's name; the longest match counts\"},"
    "\"input\":{\"type\":\"number\",\"minimum\":0,\"description\":\"per million tokens\"},"
    "\"output\":{\"type\":\"number\",\"minimum\":0,"
    "\"description\":\"per million tokens\"}}}}}}";

static int read_price(void *arg, const char *key, const char *text, struct kejue_doc row)
{
    struct llm_instance *llm = arg;
    (void)key, (void)text;
    if (llm->price_count == LLM_PRICES)
        return 1;
    struct llm_price *price = &llm->prices[llm->price_count++];
    snprintf(price->model, sizeof price->model, "%s", llm->host->text(row, "model", ""));
    price->input = llm->host->real(row, "input", 0);
    price->output = llm->host->real(row, "output", 0);
    return 0;
}

static int llm_open(const struct kejue_host *host, struct kejue_ctx *ctx, struct kejue_doc config,
                    void **instance, char *error, size_t error_size)
{
    struct llm_instance *llm = calloc(1, sizeof *llm);
    if (!llm) {
        snprintf(error, error_size, "out of memory");
        return -1;
    }
    llm->host = host;
    llm->ctx = ctx;
    const char *url = host->text(config, "url", "https://api.openai.com/v1");
    size_t length = strlen(url);
    while (length > 0 && url[length - 1] == '/')
        length--;
    snprintf(llm->url, sizeof llm->url, "%.*s/chat/completions", (int)length, url);
    snprintf(llm->model, sizeof llm->model, "%s", host->text(config, "model", ""));
    snprintf(llm->max_tokens_field, sizeof llm->max_tokens_field, "%s",
             host->text(config, "max_tokens_field", "max_completion_tokens"));
    snprintf(llm->currency, sizeof llm->currency, "%s", host->text(config, "currency", "USD"));
    llm->has_key = host->has(config, "api_key");
    llm->has_schemas = host->boolean(config, "json_schema", 1);
    llm->timeout_ms = host->integer(config, "timeout_ms", 120000);
    host->each(config, "prices", read_price, llm);
    *instance = llm;
    return 0;
}

static void llm_start(void *instance, uint64_t op, const struct kejue_op_info *info,
                      struct kejue_doc doc)
{
    (void)info; // one verb
    llm_complete(instance, op, doc);
}

static void llm_close(void *instance)
{
    llm_calls_close(instance);
    free(instance);
}

static const struct kejue_verb k_verbs[] = {
    {"llm.complete", "verbs/llm.complete", "verbs/llm.complete", KEJUE_IDEMPOTENT,
     KEJUE_REPEAT_NONE, 0, 130000, 16},
    {0},
};
static const struct kejue_route k_routes[] = {{0}};
static const struct kejue_schedule k_schedules[] = {{0}};
static const char *const k_none[] = {NULL};
static const char *const k_hosts[] = {"url", NULL};

KEJUE_EXPORT const struct kejue_plugin kejue_plugin = {
    .size = sizeof(struct kejue_plugin),
    .major = KEJUE_ABI_MAJOR,
    .minor = KEJUE_ABI_MINOR,
    .name = "llm",
    .version = "1.0.0",
    .config_schema = k_config,
    .verbs = k_verbs,
    .routes = k_routes,
    .schedules = k_schedules,
    .events = k_none,
    .uses = k_none,
    .hosts = k_hosts,
    .open = llm_open,
    .start = llm_start,
    .close = llm_close,
};
