// Answers of the HTTP door: documents as JSON, and one error shape with a status of its own for
// each kind of fault.
#include "base/alloc.h"
#include "doc/decimal.h"
#include "doc/json.h"
#include "face/frame.h"
#include "face/http_own.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char k_json[] = "application/json";
// Behind the date of every answer.
static const char k_always[] = "\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n";

static const char *reason(unsigned status)
{
    static const struct {
        unsigned status;
        const char *text;
    } k_reasons[] = {
        {200, "OK"},
        {202, "Accepted"},
        {204, "No Content"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {409, "Conflict"},
        {411, "Length Required"},
        {413, "Content Too Large"},
        {415, "Unsupported Media Type"},
        {422, "Unprocessable Content"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
    };
    for (size_t i = 0; i < KJ_COUNT(k_reasons); i++)
        if (k_reasons[i].status == status)
            return k_reasons[i].text;
    return "Other"; // a plugin's; nobody reads it
}

// In the words of RFC 9110, made once a second.
static const char *date(void)
{
    static char text[48];
    static time_t of;
    struct tm parts;
    time_t now = time(NULL);
    if (now != of) {
        of = now;
        gmtime_r(&now, &parts);
        strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
    }
    return text;
}

static void add_header(struct kj_buf *out, const char *name, const char *value)
{
    kj_buf_adds(out, name);
    kj_buf_adds(out, ": ");
    kj_buf_adds(out, value);
    kj_buf_adds(out, "\r\n");
}

static void add_number(struct kj_buf *out, int64_t number)
{
    char text[KJ_DECIMAL_SIZE];
    kj_buf_add(out, text, kj_decimal_print_int(number, text));
}

void kj_exchange_header(struct kj_exchange *exchange, const char *name, const char *value)
{
    if (!exchange->answered || name[strcspn(name, " \t\r\n:")] || value[strcspn(value, "\r\n")])
        return;
    if (exchange->headers.data == NULL)
        kj_buf_init(&exchange->headers, 16 << 10);
    add_header(&exchange->headers, name, value);
}

void kj_exchange_text(struct kj_exchange *exchange, unsigned status, const char *type,
                      struct kj_buf *text_take)
{
    if (exchange->answered || exchange->link == NULL) {
        kj_buf_fini(text_take);
        return;
    }
    exchange->answered = true;
    exchange->status = status;
    exchange->answer = *text_take;
    exchange->type = type;
    kj_link_flush_soon(exchange->link);
}

// Piece by piece: two of printf's cost as much here as reading the whole request.
void kj_exchange_write(const struct kj_exchange *exchange, struct kj_buf *out)
{
    bool bare = exchange->status == 204 || exchange->status == 304;
    kj_buf_adds(out, "HTTP/1.1 ");
    add_number(out, exchange->status);
    kj_buf_addc(out, ' ');
    kj_buf_adds(out, reason(exchange->status));
    kj_buf_adds(out, "\r\nDate: ");
    kj_buf_adds(out, date());
    kj_buf_adds(out, k_always);
    if (exchange->type)
        add_header(out, "Content-Type", exchange->type);
    if (exchange->streaming && !exchange->head.old)
        kj_buf_adds(out, "Transfer-Encoding: chunked\r\n");
    else if (!exchange->streaming && !bare) {
        kj_buf_adds(out, "Content-Length: ");
        add_number(out, (int64_t)exchange->answer.length);
        kj_buf_adds(out, "\r\n");
    }
    if (exchange->last)
        kj_buf_adds(out, "Connection: close\r\n");
    kj_buf_add(out, exchange->headers.data, exchange->headers.length);
    kj_buf_adds(out, "\r\n");
    if (!exchange->streaming && !bare && strcmp(exchange->head.method, "HEAD") != 0)
        kj_buf_add(out, exchange->answer.data, exchange->answer.length);
}

void kj_exchange_doc(struct kj_exchange *exchange, unsigned status, const bson_t *doc)
{
    struct kj_buf text;
    struct kj_fault fault;
    kj_buf_init(&text, KJ_HTTP_ANSWER);
    kj_buf_room(&text, doc->len + doc->len / 4); // most texts are no longer: grown once
    kj_json_write(doc, 0, &text);
    kj_buf_addc(&text, '\n');
    if (text.failed) {
        kj_buf_fini(&text);
        kj_fault(&fault, KJ_ELIMIT, NULL, "ask for fewer, with limit",
                 "the answer is larger than %d MiB", KJ_HTTP_ANSWER >> 20);
        kj_exchange_fault(exchange, 500, &fault, NULL);
    } else
        kj_exchange_text(exchange, status, k_json, &text);
}

// Who has no token, or one that is not known, shall bring one (401); who lacks a scope cannot mend
// that by asking again (403). Dispatch has one code for both, with these words for the second.
static unsigned denied_status(const struct kj_exchange *exchange, const struct kj_fault *fault)
{
    return exchange->token && strstr(fault->text, "scope") ? 403 : 401;
}

static unsigned status_of(const struct kj_exchange *exchange, const struct kj_fault *fault)
{
    switch (fault->code) {
    case KJ_EINVAL:
    case KJ_EPARSE:
        return 400;
    case KJ_ESCHEMA:
        return 422;
    case KJ_EDENIED:
        return denied_status(exchange, fault);
    case KJ_ENOTFOUND:
        return 404;
    case KJ_EEXISTS:
    case KJ_ECONFLICT:
    case KJ_ESTATE:
        return 409;
    case KJ_ELIMIT:
        return 413;
    case KJ_EUNAVAILABLE:
    case KJ_EFULL:
        return 503;
    case KJ_ETIMEDOUT:
        return 504;
    default:
        return 500;
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
    if (status == 401)
        kj_exchange_header(exchange, "WWW-Authenticate", "Bearer realm=\"kejue\"");
    if (status == 503)
        kj_exchange_header(exchange, "Retry-After", "1");
    bson_destroy(&error);
    bson_destroy(&answer);
}
