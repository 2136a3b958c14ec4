// host.http, the way back: status and headers become an outcome class, the body a document.
//
// The class is what decides about a retry, so it errs on the side of "may have happened".
#include "base/alloc.h"
#include "doc/json.h"
#include "host/home.h"

#include <ctype.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { KJ_RETRY_AFTER_MOST_S = 86400 };

static const struct kj_json_limits kj_http_json = {16 * 1024 * 1024, 500000, 64};

static enum kejue_class kj_http_class(int status)
{
    if (status >= 200 && status < 300)
        return KEJUE_OK;
    switch (status) {
    case 408:
    case 425:
    case 429:
    case 503:
    case 529:
        return KEJUE_NOT_PROCESSED;
    case 401:
    case 403:
        return KEJUE_CREDENTIAL;
    case 402:
        return KEJUE_ACCOUNT;
    default:
        return status >= 500 ? KEJUE_UNKNOWN : KEJUE_CALLER;
    }
}

// Seconds, or a date; 0 when absent or odd.
static int64_t kj_http_retry_after(const char *headers, int64_t now_ms)
{
    char value[64], *end;
    if (!kj_fetch_header(headers, "Retry-After", value, sizeof value))
        return 0;
    double seconds = strtod(value, &end);
    if (end == value) {
        time_t when = curl_getdate(value, NULL);
        seconds = when > 0 ? (double)(when - now_ms / 1000) : 0;
    }
    if (!(seconds > 0))
        return 0;
    return seconds > KJ_RETRY_AFTER_MOST_S ? KJ_RETRY_AFTER_MOST_S * 1000LL
                                           : (int64_t)(seconds * 1000);
}

static void kj_http_put_text(bson_t *doc, const char *key, const char *bytes, size_t length)
{
    if (kj_utf8_valid(bytes, length) && !memchr(bytes, 0, length))
        bson_append_utf8(doc, key, -1, bytes, (int)length);
    else
        bson_append_binary(doc, key, -1, BSON_SUBTYPE_BINARY, (const uint8_t *)bytes,
                           (uint32_t)length);
}

// Lower-case names; of several status lines (100 Continue) the last block counts; a repeated name
// keeps its first value.
static void kj_http_put_headers(bson_t *doc, const char *raw)
{
    bson_t headers = BSON_INITIALIZER;
    for (const char *at = raw ? raw : ""; *at;) {
        size_t length = strcspn(at, "\r\n");
        const char *colon = memchr(at, ':', length);
        if (length > 5 && strncmp(at, "HTTP/", 5) == 0) {
            bson_reinit(&headers);
        } else if (colon && colon - at < 128) {
            char name[128];
            size_t size = (size_t)(colon - at);
            for (size_t i = 0; i < size; i++)
                name[i] = (char)tolower((unsigned char)at[i]);
            name[size] = 0;
            const char *value = colon + 1, *end = at + length;
            value += strspn(value, " \t");
            if (!bson_has_field(&headers, name) && value <= end && name[0])
                kj_http_put_text(&headers, name, value, (size_t)(end - value));
        }
        at += length;
        at += strspn(at, "\r\n");
    }
    kj_doc_put_doc(doc, "headers", &headers);
    bson_destroy(&headers);
}

static void kj_http_put_json(bson_t *doc, const struct kj_fetch_response *response)
{
    char type[128];
    bson_t *json = NULL;
    bool array = false;
    if (response->body_length == 0 ||
        !kj_fetch_header(response->headers, "Content-Type", type, sizeof type) ||
        !strcasestr(type, "json"))
        return;
    if (kj_json_parse(response->body, response->body_length, &kj_http_json, &json, &array, NULL))
        return;
    if (array)
        kj_doc_put_array(doc, "json", json);
    else
        kj_doc_put_doc(doc, "json", json);
    bson_destroy(json);
}

static void kj_http_error(struct kj_ask *ask, const struct kj_fetch_response *response)
{
    const char *code = kj_error_name(response->error);
    const char *words = response->text[0] ? response->text : "the exchange failed";
    enum kejue_class class = response->sent ? KEJUE_UNKNOWN : KEJUE_NOT_PROCESSED;
    if (response->error == KJ_ECANCELED && !response->sent)
        class = KEJUE_CANCELED;
    if ((response->error == KJ_EDENIED || response->error == KJ_EINVAL) && !response->sent)
        class = KEJUE_CALLER;
    kj_ask_fail(ask, class, code, "host.http: %s", words);
}

void kj_host_http_answer(struct kj_ask *ask, const struct kj_fetch_response *response)
{
    if (response->error) {
        kj_http_error(ask, response);
        return;
    }
    struct kj_verdict *verdict = &ask->verdict;
    verdict->class = kj_http_class(response->status);
    verdict->retry_after_ms =
        kj_http_retry_after(response->headers, kj_loop_now(ask->ctx->host->loop));
    snprintf(verdict->code, sizeof verdict->code, "%d", response->status);
    if (verdict->class != KEJUE_OK)
        snprintf(verdict->text, sizeof verdict->text, "HTTP status %d", response->status);
    verdict->doc = bson_new();
    kj_doc_put_int(verdict->doc, "status", response->status);
    kj_http_put_headers(verdict->doc, response->headers);
    if (response->body)
        kj_http_put_text(verdict->doc, "body", response->body, response->body_length);
    kj_http_put_json(verdict->doc, response);
    kj_ask_end(ask);
}
