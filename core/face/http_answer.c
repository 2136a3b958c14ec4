// Answers of the HTTP door: documents as JSON, and one error shape with a status of its own for
// each kind of fault.
#include "base/alloc.h"
#include "doc/json.h"
#include "face/frame.h"
#include "face/http_own.h"

#include <stdlib.h>
#include <string.h>

static const char k_json[] = "application/json";

void kj_exchange_answer(struct kj_exchange *exchange, unsigned status,
                        struct MHD_Response *response_take)
{
    if (exchange->response || exchange->connection == NULL) {
        MHD_destroy_response(response_take);
        return;
    }
    exchange->status = status;
    exchange->response = response_take;
    kj_http_resume(exchange);
}

void kj_exchange_header(struct kj_exchange *exchange, const char *name, const char *value)
{
    if (exchange->response)
        MHD_add_response_header(exchange->response, name, value);
}

void kj_exchange_text(struct kj_exchange *exchange, unsigned status, const char *type,
                      struct kj_buf *text_take)
{
    size_t length = text_take->length;
    struct MHD_Response *response =
        MHD_create_response_from_buffer(length, kj_buf_take(text_take), MHD_RESPMEM_MUST_FREE);
    if (type)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    kj_exchange_answer(exchange, status, response);
}

void kj_exchange_doc(struct kj_exchange *exchange, unsigned status, const bson_t *doc)
{
    struct kj_buf text;
    struct kj_fault fault;
    kj_buf_init(&text, KJ_HTTP_ANSWER);
    kj_json_write(doc, 0, &text);
    kj_buf_addc(&text, '\n');
    if (text.failed) {
        kj_buf_fini(&text);
        kj_fault(&fault, KJ_ELIMIT, NULL, "ask for fewer, with limit",
                 "the answer is larger than %d MiB", KJ_HTTP_ANSWER >> 20);
        kj_exchange_fault(exchange, MHD_HTTP_INTERNAL_SERVER_ERROR, &fault, NULL);
    } else
        kj_exchange_text(exchange, status, k_json, &text);
}

// Who has no token, or one that is not known, shall bring one (401); who lacks a scope cannot mend
// that by asking again (403). Dispatch has one code for both, with these words for the second.
static unsigned denied_status(const struct kj_exchange *exchange, const struct kj_fault *fault)
{
    return exchange->token && strstr(fault->text, "scope") ? MHD_HTTP_FORBIDDEN
                                                           : MHD_HTTP_UNAUTHORIZED;
}

static unsigned status_of(const struct kj_exchange *exchange, const struct kj_fault *fault)
{
    switch (fault->code) {
    case KJ_EINVAL:
    case KJ_EPARSE:
        return MHD_HTTP_BAD_REQUEST;
    case KJ_ESCHEMA:
        return MHD_HTTP_UNPROCESSABLE_CONTENT;
    case KJ_EDENIED:
        return denied_status(exchange, fault);
    case KJ_ENOTFOUND:
        return MHD_HTTP_NOT_FOUND;
    case KJ_EEXISTS:
    case KJ_ECONFLICT:
    case KJ_ESTATE:
        return MHD_HTTP_CONFLICT;
    case KJ_ELIMIT:
        return MHD_HTTP_CONTENT_TOO_LARGE;
    case KJ_EUNAVAILABLE:
    case KJ_EFULL:
        return MHD_HTTP_SERVICE_UNAVAILABLE;
    case KJ_ETIMEDOUT:
        return MHD_HTTP_GATEWAY_TIMEOUT;
    default:
        return MHD_HTTP_INTERNAL_SERVER_ERROR;
    }
}

void kj_exchange_fault(struct kj_exchange *exchange, unsigned status, const struct kj_fault *fault,
                       const bson_t *details)
{
    bson_t answer = BSON_INITIALIZER, error = BSON_INITIALIZER;
    if (status == 0)
        status = status_of(exchange, fault);
    kj_error_document(fault, details, &error);
    kj_doc_put_doc(&answer, "error", &error);
    kj_exchange_doc(exchange, status, &answer);
    if (status == MHD_HTTP_UNAUTHORIZED)
        kj_exchange_header(exchange, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer realm=\"kejue\"");
    if (exchange->allow)
        kj_exchange_header(exchange, MHD_HTTP_HEADER_ALLOW, exchange->allow);
    if (status == MHD_HTTP_SERVICE_UNAVAILABLE)
        kj_exchange_header(exchange, MHD_HTTP_HEADER_RETRY_AFTER, "1");
    bson_destroy(&error);
    bson_destroy(&answer);
}
