// Webhooks: an inbound request finds its route, is verified on its raw bytes, and becomes an
// operation of the route's verb. The plugin sees nothing that was not verified.
#include "base/alloc.h"
#include "base/log.h"
#include "host/home.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { KJ_INBOUND_LIMIT = 256 * 1024 };

struct kj_inbound {
    kj_host_done *done;
    void *arg;
};

static struct kejue_ctx *kj_inbound_instance(struct kj_host *host, const char *path,
                                             const char **rest)
{
    path += path[0] == '/';
    size_t length = strcspn(path, "/");
    *rest = path + length;
    for (struct kejue_ctx *ctx = host->instances; ctx; ctx = ctx->next)
        if (strlen(ctx->name) == length && strncmp(ctx->name, path, length) == 0)
            return ctx;
    return NULL;
}

static const struct kejue_route *kj_inbound_route(const struct kejue_ctx *ctx, const char *method,
                                                  const char *path)
{
    const struct kejue_route *rows = ctx->decl->routes;
    for (size_t i = 0; rows && rows[i].method; i++)
        if (strcmp(rows[i].path, path) == 0 && strcmp(rows[i].method, method) == 0)
            return &rows[i];
    return NULL;
}

static const char *kj_inbound_header(const bson_t *headers, const char *name)
{
    bson_iter_t at;
    if (!headers || !bson_iter_init(&at, headers))
        return NULL;
    while (bson_iter_next(&at))
        if (strcasecmp(bson_iter_key(&at), name) == 0 && BSON_ITER_HOLDS_UTF8(&at))
            return bson_iter_utf8(&at, NULL);
    return NULL;
}

// Hex digits in either case; the comparison takes the same time whatever differs.
static bool kj_inbound_same(const char *given, const char *expected)
{
    char lower[65];
    if (strlen(given) != 64)
        return false;
    for (size_t i = 0; i < 65; i++)
        lower[i] = given[i] >= 'A' && given[i] <= 'F' ? (char)(given[i] + 32) : given[i];
    return CRYPTO_memcmp(lower, expected, 64) == 0;
}

static int kj_inbound_verify(const struct kejue_ctx *ctx, const struct kejue_route *route,
                             const bson_t *headers, const void *body, size_t length,
                             struct kj_fault *fault)
{
    if (!kj_streq(route->scheme, "hmac-sha256-hex"))
        return 0;
    const struct kj_secret *secret = kj_secret_get(ctx, route->secret_key);
    if (!secret)
        return kj_fault(fault, KJ_EDENIED, ctx->name, "add the secret to the configuration",
                        "the secret \"%s\" for verifying %s is not configured", route->secret_key,
                        route->path);
    const char *given = kj_inbound_header(headers, route->header);
    const char *prefix = route->prefix ? route->prefix : "";
    char expected[65];
    if (given && kj_starts_with(given, prefix) &&
        kj_hmac_hex(secret, body, length, expected) == 0 &&
        kj_inbound_same(given + strlen(prefix), expected))
        return 0;
    return kj_fault(fault, KJ_EDENIED, ctx->name,
                    "check that both sides hold the same secret and the raw body is signed",
                    "the signature in %s is %s", route->header, given ? "wrong" : "missing");
}

// A failed operation as an answer that the sender understands: retry, or do not.
static void kj_inbound_failed(const struct kj_outcome *outcome, bson_t *answer)
{
    int status = 503;
    const char *words = "not processed, try again later";
    if (outcome->class == KEJUE_CALLER) {
        status = 400;
        words = "the request was not understood";
    } else if (outcome->class == KEJUE_CREDENTIAL) {
        status = 401;
        words = "the request is not authentic";
    }
    bson_t headers = BSON_INITIALIZER;
    char body[128], seconds[24];
    kj_doc_put_text(&headers, "content-type", "application/json");
    if (outcome->retry_after_ms > 0 && status == 503) {
        snprintf(seconds, sizeof seconds, "%lld",
                 (long long)((outcome->retry_after_ms + 999) / 1000));
        kj_doc_put_text(&headers, "retry-after", seconds);
    }
    snprintf(body, sizeof body, "{\"message\":\"%s\"}", words);
    kj_doc_put_int(answer, "status", status);
    kj_doc_put_doc(answer, "headers", &headers);
    kj_doc_put_text(answer, "body", body);
    bson_destroy(&headers);
}

static void kj_inbound_done(void *arg, const struct kj_outcome *outcome, const bson_t *result)
{
    struct kj_inbound *inbound = arg;
    bson_t answer = BSON_INITIALIZER, headers;
    int64_t status = kj_doc_int(result, "status", 200);
    if (outcome->class == KEJUE_OK) {
        kj_doc_put_int(&answer, "status", status >= 200 && status <= 599 ? status : 500);
        if (!kj_doc_child(result, "headers", &headers))
            bson_init(&headers);
        kj_doc_put_doc(&answer, "headers", &headers);
        kj_doc_put_from(&answer, "body", result, "body");
    } else {
        kj_inbound_failed(outcome, &answer);
    }
    inbound->done(inbound->arg, outcome, &answer);
    bson_destroy(&answer);
    free(inbound);
}

static bson_t *kj_inbound_request(const char *method, const char *path, const bson_t *query,
                                  const bson_t *headers, const void *body, size_t length)
{
    bson_t *request = bson_new(), empty = BSON_INITIALIZER;
    kj_doc_put_text(request, "method", method);
    kj_doc_put_text(request, "path", path);
    kj_doc_put_doc(request, "query", query ? query : &empty);
    kj_doc_put_doc(request, "headers", headers ? headers : &empty);
    bson_append_binary(request, "body", -1, BSON_SUBTYPE_BINARY, length ? body : (const void *)"",
                       (uint32_t)length);
    bson_destroy(&empty);
    return request;
}

int kj_host_webhook(struct kj_host *host, const char *method, const char *path, const bson_t *query,
                    const bson_t *headers, const void *body, size_t length, kj_host_done *done,
                    void *arg, struct kj_fault *fault)
{
    const char *rest;
    struct kejue_ctx *ctx = kj_inbound_instance(host, path, &rest);
    const struct kejue_route *route = ctx ? kj_inbound_route(ctx, method, rest) : NULL;
    if (!route)
        return kj_fault(fault, KJ_ENOTFOUND, path, NULL, "no plugin takes %s here", method);
    size_t limit = route->body_limit ? route->body_limit : KJ_INBOUND_LIMIT;
    if (length > limit || length > KJ_HOST_MAX_DOC)
        return kj_fault(fault, KJ_ELIMIT, path, NULL, "the body is larger than %zu bytes", limit);
    int error = kj_inbound_verify(ctx, route, headers, body, length, fault);
    if (error)
        return error;
    struct kj_inbound *inbound = KJ_NEW(struct kj_inbound);
    struct kj_fault own = {0};
    inbound->done = done;
    inbound->arg = arg;
    bson_t *request = kj_inbound_request(method, rest, query, headers, body, length);
    struct kj_host_call call = {
        .instance = ctx->name, .verb = route->verb, .attempt = 1, .request = request};
    struct kj_call_extra extra = {.inbound = true};
    uint64_t op = kj_host_begin(host, &call, &extra, kj_inbound_done, inbound, &own);
    bson_destroy(request);
    if (op)
        return 0;
    free(inbound);
    if (fault)
        *fault = own;
    return own.code;
}
