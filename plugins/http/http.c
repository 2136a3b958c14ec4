// The way out for scripts: kejue.http of a hook becomes the verb `http.request`. Only addresses
// that the configuration names can be reached, and the host puts the secrets in: no script holds
// one.
#include "kejue_plugin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char k_config[] =
    "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"addresses\"],"
    "\"properties\":{"
    "\"addresses\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":100,"
    "\"items\":{\"type\":\"string\",\"minLength\":8,\"maxLength\":1000},"
    "\"description\":\"what scripts may reach: https://api.example.com/v1 and all below it\"},"
    "\"token\":{\"type\":\"string\",\"writeOnly\":true,"
    "\"description\":\"file with the secret that auth = { secret = \\\"token\\\" } names\"},"
    "\"second_token\":{\"type\":\"string\",\"writeOnly\":true}}}";

struct http {
    const struct kejue_host *host;
    struct kejue_ctx *ctx;
};

struct request {
    struct http *http;
    uint64_t op;
};

struct headers {
    struct kejue_builder *out;
    const struct kejue_host *host;
    int has_key;
};

static int http_open(const struct kejue_host *host, struct kejue_ctx *ctx, struct kejue_doc config,
                     void **instance, char *error, size_t size)
{
    struct http *http = calloc(1, sizeof *http);
    (void)config;
    if (!http)
        return snprintf(error, size, "out of memory"), -1;
    http->host = host;
    http->ctx = ctx;
    *instance = http;
    return 0;
}

static int put_header(void *arg, const char *name, const char *text, struct kejue_doc value)
{
    struct headers *headers = arg;
    (void)value;
    headers->has_key |= strcasecmp(name, "Idempotency-Key") == 0;
    headers->host->put_text(headers->out, name, text);
    return 0;
}

// A key that stays the same over retries, for vendors that know what to do with it.
static void put_headers(const struct http *http, struct kejue_builder *out, struct kejue_doc doc,
                        const struct kejue_op_info *info)
{
    struct headers headers = {out, http->host, info->idempotency_key == NULL};
    http->host->begin_doc(out, "headers");
    http->host->each(doc, "headers", put_header, &headers);
    if (!headers.has_key)
        http->host->put_text(out, "Idempotency-Key", info->idempotency_key);
    http->host->end(out);
}

static void on_answer(void *arg, const struct kejue_outcome *outcome, struct kejue_doc answer)
{
    struct request *request = arg;
    struct http *http = request->http;
    struct kejue_outcome odd = {KEJUE_UNKNOWN, 0, "bad_answer", "the answer names no status"};
    int good = outcome->class_ != KEJUE_OK || http->host->has(answer, "status");
    http->host->finish(http->ctx, request->op, good ? outcome : &odd, answer);
    free(request);
}

static void http_start(void *instance, uint64_t op, const struct kejue_op_info *info,
                       struct kejue_doc doc)
{
    static const char *const k_same[] = {"method", "url", "query", "json", "form", "auth"};
    struct http *http = instance;
    const struct kejue_host *host = http->host;
    struct request *request = malloc(sizeof *request);
    struct kejue_builder *out = host->build(http->ctx);
    if (!request)
        abort(); // as the host does when memory ends
    *request = (struct request){http, op};
    for (size_t i = 0; i < sizeof k_same / sizeof *k_same; i++)
        host->put_from(out, k_same[i], doc, k_same[i]);
    // A table as body is JSON, a text goes as it is.
    host->put_from(out, host->text(doc, "body", NULL) ? "body" : "json", doc, "body");
    put_headers(http, out, doc, info);
    host->ask(http->ctx, op, "host.http", host->built(out), on_answer, request);
    host->drop(out);
}

// Our one ask was canceled by the host and answers; there is nothing else to end.
static void http_cancel(void *instance, uint64_t op)
{
    (void)instance, (void)op;
}

static const struct kejue_verb k_verbs[] = {
    {"http.request", "verbs/http.request", "verbs/http.request", KEJUE_MONEY, KEJUE_REPEAT_NONE, 0,
     30000, 32},
    {0},
};
static const char *const k_hosts[] = {"addresses", NULL};

KEJUE_EXPORT const struct kejue_plugin kejue_plugin = {
    .size = sizeof(struct kejue_plugin),
    .major = KEJUE_ABI_MAJOR,
    .minor = KEJUE_ABI_MINOR,
    .name = "http",
    .version = "1.0.0",
    .config_schema = k_config,
    .verbs = k_verbs,
    .hosts = k_hosts,
    .open = http_open,
    .start = http_start,
    .cancel = http_cancel,
    .close = free,
};
