// host.http, the way out: a plugin's request becomes one exchange of the HTTP client.
//
// Only to addresses of the egress list. The secret is put in here, so that no plugin holds it, and
// never travels unencrypted to another machine.
#include "host/host_http.h"
#include "base/alloc.h"
#include "doc/json.h"

#include <ctype.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { KJ_HTTP_MAX_BODY = 16 * 1024 * 1024, KJ_HTTP_MAX_URL = 16384 };

void kj_http_refuse(struct kj_http_build *build, const char *code, const char *format, ...)
{
    char text[300];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (!build->failed)
        kj_ask_fail(build->ask, KEJUE_CALLER, code, "host.http: %s", text);
    build->failed = true;
}

// --- small encoders ---

static void kj_http_escape(struct kj_buf *out, const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (isalnum(c) || strchr("-._~", c))
            kj_buf_addc(out, (char)c);
        else
            kj_buf_addf(out, "%%%02X", c);
    }
}

// A scalar as text: what stands in a query or a form. False for documents, arrays and null.
static bool kj_http_scalar(const bson_iter_t *value, char *buffer, size_t size, const char **text)
{
    *text = buffer;
    if (BSON_ITER_HOLDS_UTF8(value))
        *text = bson_iter_utf8(value, NULL);
    else if (BSON_ITER_HOLDS_BOOL(value))
        *text = bson_iter_bool(value) ? "true" : "false";
    else if (BSON_ITER_HOLDS_INT(value) || BSON_ITER_HOLDS_DOUBLE(value)) {
        struct kj_buf number;
        kj_buf_init(&number, 64);
        kj_json_write_value(value, 0, &number);
        kj_copy(buffer, size, number.data ? number.data : "");
        kj_buf_fini(&number);
    } else if (BSON_ITER_HOLDS_DATE_TIME(value))
        kj_time_print(bson_iter_date_time(value), buffer, size);
    else
        return false;
    return true;
}

static void kj_http_pair(struct kj_http_build *build, struct kj_buf *out, bool *first,
                         const char *name, const bson_iter_t *value)
{
    char buffer[64];
    const char *text;
    if (BSON_ITER_HOLDS_NULL(value))
        return;
    if (!kj_http_scalar(value, buffer, sizeof buffer, &text)) {
        kj_http_refuse(build, "bad_request", "the field %.80s is neither text nor number", name);
        return;
    }
    if (!*first)
        kj_buf_addc(out, '&');
    *first = false;
    kj_http_escape(out, name);
    kj_buf_addc(out, '=');
    kj_http_escape(out, text);
}

// name=value&name=value; an array repeats its name.
static void kj_http_pairs(struct kj_http_build *build, const bson_t *doc, struct kj_buf *out,
                          bool first)
{
    bson_iter_t at, item;
    bson_iter_init(&at, doc);
    while (bson_iter_next(&at) && !build->failed) {
        if (!BSON_ITER_HOLDS_ARRAY(&at)) {
            kj_http_pair(build, out, &first, bson_iter_key(&at), &at);
            continue;
        }
        if (bson_iter_recurse(&at, &item))
            while (bson_iter_next(&item) && !build->failed)
                kj_http_pair(build, out, &first, bson_iter_key(&at), &item);
    }
}

// --- address ---

static void kj_http_url(struct kj_http_build *build)
{
    const char *url = kj_doc_text(build->request, "url", NULL);
    bson_t query;
    char why[240];
    if (!url) {
        kj_http_refuse(build, "bad_request", "url is missing");
        return;
    }
    kj_buf_adds(&build->url, url);
    if (kj_doc_child(build->request, "query", &query) && query.len > 5) {
        bool has = strchr(url, '?') != NULL;
        kj_buf_addc(&build->url, has ? '&' : '?');
        kj_http_pairs(build, &query, &build->url, true);
    }
    if (build->url.failed) {
        kj_http_refuse(build, "bad_request", "the url is longer than %d bytes", KJ_HTTP_MAX_URL);
        return;
    }
    build->egress = kj_egress_find(build->ask->ctx, build->url.data, why, sizeof why);
    if (!build->egress)
        kj_http_refuse(build, "egress", "%s", why);
}

// --- headers ---

void kj_http_header(struct kj_http_build *build, const char *name, const char *before,
                    const char *value)
{
    static const char *const ours[] = {"host",       "content-length", "transfer-encoding",
                                       "connection", "expect",         "upgrade"};
    for (size_t i = 0; i < KJ_COUNT(ours); i++)
        if (strcasecmp(name, ours[i]) == 0) {
            kj_http_refuse(build, "bad_request", "the header %s is the host's", name);
            return;
        }
    bool good = name[0] != 0;
    for (const char *at = name; *at; at++)
        good = good && (isalnum((unsigned char)*at) || strchr("!#$%&'*+-.^_`|~", *at));
    for (const char *at = value; *at; at++)
        good = good && ((unsigned char)*at >= ' ' || *at == '\t') && *at != 0x7f;
    if (!good || build->header_count == KJ_HTTP_MAX_HEADERS) {
        kj_http_refuse(build, "bad_request", "the header %.60s is odd, or one of too many", name);
        return;
    }
    struct kj_buf line;
    kj_buf_init(&line, 65536);
    kj_buf_addf(&line, "%s: %s", name, before);
    kj_buf_adds(&line, value);
    build->headers[build->header_count++] = kj_buf_take(&line);
}

static bool kj_http_has_header(const struct kj_http_build *build, const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < build->header_count; i++)
        if (strncasecmp(build->headers[i], name, length) == 0 && build->headers[i][length] == ':')
            return true;
    return false;
}

static void kj_http_headers(struct kj_http_build *build)
{
    bson_iter_t at, item;
    if (!kj_doc_find(build->request, "headers", &at) || !bson_iter_recurse(&at, &item))
        return;
    while (bson_iter_next(&item) && !build->failed) {
        char buffer[64];
        const char *text;
        if (kj_http_scalar(&item, buffer, sizeof buffer, &text))
            kj_http_header(build, bson_iter_key(&item), "", text);
    }
}

// --- body ---

static void kj_http_content(struct kj_http_build *build)
{
    bson_iter_t at;
    bson_t view;
    build->json = kj_doc_child(build->request, "json", &view);
    if (build->json) {
        build->array = kj_doc_find(build->request, "json", &at) && BSON_ITER_HOLDS_ARRAY(&at);
        build->content = bson_copy(&view);
    }
    build->form = !build->json && kj_doc_child(build->request, "form", &view);
    if (build->form)
        build->content = bson_copy(&view);
}

static void kj_http_body(struct kj_http_build *build)
{
    bson_iter_t at;
    const uint8_t *data;
    uint32_t length;
    bson_subtype_t subtype;
    if (build->failed)
        return;
    if (build->json) {
        kj_json_write(build->content, build->array ? KJ_JSON_ARRAY : 0, &build->body);
        if (!kj_http_has_header(build, "Content-Type"))
            kj_http_header(build, "Content-Type", "", "application/json");
    } else if (build->form) {
        kj_http_pairs(build, build->content, &build->body, true);
        if (!kj_http_has_header(build, "Content-Type"))
            kj_http_header(build, "Content-Type", "", "application/x-www-form-urlencoded");
    } else if (kj_doc_find(build->request, "body", &at) && BSON_ITER_HOLDS_UTF8(&at)) {
        const char *text = bson_iter_utf8(&at, &length);
        kj_buf_add(&build->body, text, length);
    } else if (kj_doc_find(build->request, "body", &at) && BSON_ITER_HOLDS_BINARY(&at)) {
        bson_iter_binary(&at, &subtype, &length, &data);
        kj_buf_add(&build->body, data, length);
    }
    if (build->body.failed)
        kj_http_refuse(build, "bad_request", "the body is larger than %d bytes", KJ_HTTP_MAX_BODY);
}

// --- sending ---

static void kj_http_done(void *arg, const struct kj_fetch_response *response)
{
    struct kj_ask *ask = arg;
    ask->fetch = 0;
    if (kj_ask_returned(ask))
        kj_host_http_answer(ask, response);
}

static bool kj_http_knows(const char *method)
{
    static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"};
    for (size_t i = 0; i < KJ_COUNT(methods); i++)
        if (strcmp(methods[i], method) == 0)
            return true;
    return false;
}

// The plugin's wish, but not beyond the operation's own deadline.
static int64_t kj_http_timeout(const struct kj_http_build *build)
{
    const struct kj_ask *ask = build->ask;
    int64_t wish_ms = kj_doc_int(build->request, "timeout_ms", KJ_HOST_TIMEOUT_MS);
    int64_t left_ms = ask->op ? kj_op_left_ms(ask->ctx->host->ops, ask->op) : INT64_MAX;
    if (wish_ms <= 0)
        wish_ms = KJ_HOST_TIMEOUT_MS;
    if (wish_ms > left_ms)
        wish_ms = left_ms;
    return wish_ms > 0 ? wish_ms : 1;
}

static void kj_http_send(struct kj_http_build *build)
{
    struct kj_ask *ask = build->ask;
    struct kj_host *host = ask->ctx->host;
    bool has_body = build->json || build->form || kj_doc_has(build->request, "body");
    const char *method = kj_doc_text(build->request, "method", has_body ? "POST" : "GET");
    if (!kj_http_knows(method)) {
        kj_http_refuse(build, "bad_request", "the method \"%.20s\" is not known", method);
        return;
    }
    struct kj_fetch_request request = {.method = method,
                                       .url = build->url.data,
                                       .headers = (const char *const *)build->headers,
                                       .body = has_body ? build->body.data : NULL,
                                       .body_length = has_body ? build->body.length : 0,
                                       .timeout_ms = kj_http_timeout(build),
                                       .response_limit = KJ_HTTP_MAX_BODY,
                                       .allow_private = build->egress->private};
    uint64_t id = 0;
    ask->pending = true;
    int error = kj_fetch_start(host->fetcher, &request, kj_http_done, ask, &id);
    ask->fetch = error ? 0 : id;
    if (!error)
        return;
    ask->pending = false;
    kj_ask_fail(ask, error == KJ_EINVAL ? KEJUE_CALLER : KEJUE_NOT_PROCESSED, kj_error_name(error),
                "host.http: the request could not be sent");
}

void kj_host_http(struct kj_ask *ask, const bson_t *request)
{
    struct kj_http_build build = {.ask = ask, .request = request};
    kj_buf_init(&build.url, KJ_HTTP_MAX_URL);
    kj_buf_init(&build.body, KJ_HTTP_MAX_BODY);
    kj_http_url(&build);
    kj_http_headers(&build);
    kj_http_content(&build);
    kj_http_auth(&build);
    kj_http_body(&build);
    if (!build.failed && !kj_http_has_header(&build, "User-Agent"))
        kj_http_header(&build, "User-Agent", "", "Kejue/" KEJUE_VERSION);
    if (!build.failed)
        kj_http_send(&build);
    for (size_t i = 0; i < build.header_count; i++) {
        OPENSSL_cleanse(build.headers[i], strlen(build.headers[i]));
        free(build.headers[i]);
    }
    kj_doc_clear(&build.content);
    kj_buf_fini(&build.url);
    kj_buf_fini(&build.body);
}
