// The table of routes, and those that are one command or one webhook.
#include "base/alloc.h"
#include "doc/json.h"
#include "face/door_limits.h"
#include "face/http_own.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

// --- commands ---

static void on_answer(void *arg, const bson_t *result, const struct kj_fault *fault,
                      const bson_t *details)
{
    struct kj_exchange *exchange = arg;
    if (exchange->link && fault)
        kj_exchange_fault(exchange, 0, fault, details);
    else if (exchange->link)
        kj_exchange_doc(exchange, 200, result);
    kj_exchange_release(exchange);
}

static void dispatch(struct kj_exchange *exchange, const char *command, const bson_t *args)
{
    struct kj_ask ask = {.command = command,
                         .args = args,
                         .token = exchange->token,
                         .idempotency_key = exchange->key,
                         .answer = on_answer,
                         .arg = exchange};
    kj_exchange_hold(exchange);
    kj_dispatch(exchange->http->api, &ask);
}

static void run_command(struct kj_exchange *exchange)
{
    struct kj_json_limits limits = kj_door_limits(exchange->rest);
    struct kj_fault fault;
    bson_t *args = NULL;
    bool is_array = false;
    int rc = KJ_OK;
    if (exchange->body.length)
        rc = kj_json_parse(exchange->body.data, exchange->body.length, &limits, &args, &is_array,
                           &fault);
    if (rc == KJ_OK && is_array)
        rc = kj_fault(&fault, KJ_ESCHEMA, "", "send {} when there is nothing to say",
                      "the body must be an object");
    if (rc == KJ_OK)
        dispatch(exchange, exchange->rest, args);
    else
        kj_exchange_fault(exchange, 0, &fault, NULL);
    kj_doc_clear(&args);
}

static void list_commands(struct kj_exchange *exchange)
{
    dispatch(exchange, "command.list", NULL);
}

// --- webhooks ---

// Of a repeated name the first value counts, as with the plugins' own requests.
static void put_pair(bson_t *pairs, const char *name, const char *value)
{
    if (!bson_has_field(pairs, name) && kj_utf8_valid(name, strlen(name)) &&
        kj_utf8_valid(value, strlen(value)))
        kj_doc_put_text(pairs, name, value);
}

// Names in lower case.
static void put_fields(const struct kj_http_head *head, bson_t *pairs)
{
    for (size_t i = 0; i < head->count; i++) {
        const struct kj_http_field *field = &head->fields[i];
        char name[256];
        if (!kj_copy(name, sizeof name, field->name))
            continue;
        for (char *at = name; *at; at++)
            *at = (char)tolower((unsigned char)*at);
        put_pair(pairs, name, field->value);
    }
}

static void put_headers(struct kj_exchange *exchange, const bson_t *headers)
{
    bson_iter_t at;
    if (!bson_iter_init(&at, headers))
        return;
    while (bson_iter_next(&at)) {
        const char *name = bson_iter_key(&at);
        // The frame of the answer is ours.
        if (BSON_ITER_HOLDS_UTF8(&at) && strcasecmp(name, "content-length") != 0 &&
            strcasecmp(name, "transfer-encoding") != 0 && strcasecmp(name, "connection") != 0)
            kj_exchange_header(exchange, name, bson_iter_utf8(&at, NULL)); // odd ones are dropped
    }
}

static void put_body(const bson_t *answer, struct kj_buf *text)
{
    bson_iter_t at;
    bson_subtype_t subtype;
    uint32_t length;
    const uint8_t *bytes;
    if (!kj_doc_find(answer, "body", &at))
        return;
    if (BSON_ITER_HOLDS_UTF8(&at)) {
        const char *value = bson_iter_utf8(&at, &length);
        kj_buf_add(text, value, length);
    } else if (BSON_ITER_HOLDS_BINARY(&at)) {
        bson_iter_binary(&at, &subtype, &length, &bytes);
        kj_buf_add(text, bytes, length);
    } else
        kj_json_write_value(&at, 0, text);
}

static void on_hook(void *arg, const struct kj_outcome *outcome, const bson_t *result)
{
    struct kj_exchange *exchange = arg;
    struct kj_buf text;
    bson_t headers;
    (void)outcome;
    if (exchange->link) {
        int64_t status = kj_doc_int(result, "status", 200);
        kj_buf_init(&text, KJ_HTTP_ANSWER);
        put_body(result, &text);
        kj_exchange_text(exchange, status >= 200 && status <= 599 ? (unsigned)status : 500, NULL,
                         &text);
        if (kj_doc_child(result, "headers", &headers))
            put_headers(exchange, &headers);
    }
    kj_exchange_release(exchange);
}

static void run_hook(struct kj_exchange *exchange)
{
    struct kj_fault fault;
    bson_t query = BSON_INITIALIZER, headers = BSON_INITIALIZER;
    const char *name, *value;
    struct kj_host *host = kj_api_engine(exchange->http->api)->host;
    while (kj_http_query_next(&exchange->head.query, &name, &value))
        put_pair(&query, name, value);
    put_fields(&exchange->head, &headers);
    kj_exchange_hold(exchange);
    int rc = host ? kj_host_webhook(host, exchange->head.method, exchange->rest, &query, &headers,
                                    exchange->body.data, exchange->body.length, on_hook, exchange,
                                    &fault)
                  : kj_fault(&fault, KJ_ENOTFOUND, exchange->rest, NULL, "no plugin is loaded");
    if (rc != KJ_OK) {
        kj_exchange_fault(exchange, 0, &fault, NULL);
        kj_exchange_release(exchange);
    }
    bson_destroy(&query);
    bson_destroy(&headers);
}

// --- the table ---

const struct kj_route kj_http_routes[] = {
    {"POST", "/api/commands/*", true, run_command},
    {"GET HEAD", "/api/commands", false, list_commands},
    {"GET", "/api/events", false, kj_http_events},
    {"GET HEAD POST PUT PATCH DELETE", "/hooks/*", false, run_hook},
    {"GET HEAD", "/healthz", false, kj_http_health},
    {"GET HEAD", "/metrics", false, kj_http_metrics},
    {0},
};

static bool path_fits(const char *pattern, const char *path, const char **rest)
{
    size_t length = strlen(pattern);
    if (pattern[length - 1] != '*') {
        *rest = "";
        return strcmp(pattern, path) == 0;
    }
    *rest = path + length - 1;
    return strncmp(pattern, path, length - 1) == 0 && path[length - 1];
}

static bool has_method(const char *methods, const char *method)
{
    size_t length = strlen(method);
    for (const char *at = methods; (at = strstr(at, method)) != NULL; at += length)
        if ((at == methods || at[-1] == ' ') && (at[length] == ' ' || at[length] == 0))
            return true;
    return false;
}

static void list_methods(const char *methods, char *allow, size_t size)
{
    size_t at = 0;
    for (; *methods && at + 12 < size; methods++) {
        if (*methods == ' ')
            allow[at++] = ',';
        allow[at++] = *methods;
    }
    kj_copy(allow + at, size - at, ", OPTIONS");
}

const struct kj_route *kj_http_route(const char *method, const char *path, const char **rest,
                                     unsigned *status, char *allow, size_t size)
{
    for (const struct kj_route *route = kj_http_routes; route->path; route++) {
        if (!path_fits(route->path, path, rest))
            continue;
        if (has_method(route->methods, method))
            return route;
        list_methods(route->methods, allow, size);
        *status = strcmp(method, "OPTIONS") == 0 ? 204 : 405;
        return NULL;
    }
    *status = 404;
    return NULL;
}
