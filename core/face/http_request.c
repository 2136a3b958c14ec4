// A request as the library hands it over: headers first, then the body in pieces, then the end.
// What is wrong with the headers is said before any body is read; then the connection closes.
#include "base/alloc.h"
#include "face/http_own.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void kj_exchange_hold(struct kj_exchange *exchange)
{
    exchange->refs++;
}

void kj_exchange_release(struct kj_exchange *exchange)
{
    if (--exchange->refs > 0)
        return;
    struct kj_http *http = exchange->http;
    if (http) {
        if (exchange->previous)
            exchange->previous->next = exchange->next;
        else
            http->exchanges = exchange->next;
        if (exchange->next)
            exchange->next->previous = exchange->previous;
    }
    if (exchange->response)
        MHD_destroy_response(exchange->response);
    kj_buf_fini(&exchange->body);
    free(exchange->method);
    free(exchange->rest);
    free(exchange->token);
    free(exchange->key);
    free(exchange->allow);
    free(exchange);
}

static struct kj_exchange *exchange_new(struct kj_http *http, struct MHD_Connection *connection,
                                        const char *method)
{
    struct kj_exchange *exchange = KJ_NEW(struct kj_exchange);
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    exchange->http = http;
    exchange->connection = connection;
    exchange->peer = info ? info->socket_context : NULL;
    exchange->method = kj_strdup(method);
    exchange->refs = 1;
    kj_buf_init(&exchange->body, KJ_HTTP_BODIES);
    exchange->next = http->exchanges;
    if (http->exchanges)
        http->exchanges->previous = exchange;
    http->exchanges = exchange;
    http->requests++;
    return exchange;
}

static enum MHD_Result send_answer(struct kj_exchange *exchange)
{
    struct MHD_Response *response = exchange->response;
    exchange->response = NULL;
    enum MHD_Result rc = MHD_queue_response(exchange->connection, exchange->status, response);
    MHD_destroy_response(response);
    return rc;
}

// Now, and the connection closes; or behind the body, because who still sends when we close will
// see a broken connection and never our answer.
static enum MHD_Result refuse(struct kj_exchange *exchange, unsigned status, bool framed,
                              const struct kj_fault *fault)
{
    exchange->http->refusals++;
    kj_exchange_fault(exchange, status, fault, NULL);
    exchange->discard = framed && exchange->length > 0 && exchange->length <= KJ_HTTP_DISCARD;
    return exchange->discard ? MHD_YES : send_answer(exchange);
}

static enum MHD_Result tell_methods(struct kj_exchange *exchange, const char *allow)
{
    struct kj_buf none;
    kj_buf_init(&none, 0);
    kj_exchange_text(exchange, MHD_HTTP_NO_CONTENT, NULL, &none);
    kj_exchange_header(exchange, MHD_HTTP_HEADER_ALLOW, allow);
    return send_answer(exchange);
}

// The headers are here.
static enum MHD_Result begin(struct kj_exchange *exchange, const char *url)
{
    struct kj_fault fault;
    const char *rest = NULL;
    char allow[64] = "";
    unsigned status = 0, refused = 0;
    bool framed = false;
    exchange->route = kj_http_route(exchange->method, url, &rest, &status, allow, sizeof allow);
    exchange->rest = kj_strdup(rest);
    if (!kj_http_admit(exchange, &refused, &framed, &fault))
        return refuse(exchange, refused, framed, &fault);
    if (exchange->route)
        return MHD_YES;
    if (status == MHD_HTTP_NO_CONTENT)
        return tell_methods(exchange, allow);
    if (status == MHD_HTTP_NOT_FOUND) {
        kj_fault(&fault, KJ_ENOTFOUND, url, "commands are at /api/commands/NAME",
                 "is nothing here");
        return refuse(exchange, status, framed, &fault);
    }
    char hint[96];
    snprintf(hint, sizeof hint, "use %s", allow);
    kj_fault(&fault, KJ_EINVAL, url, hint, "%.16s is not possible here", exchange->method);
    exchange->allow = kj_strdup(allow);
    return refuse(exchange, status, framed, &fault);
}

static void take_body(struct kj_exchange *exchange, const char *bytes, size_t length)
{
    struct kj_http *http = exchange->http;
    if (exchange->discard)
        return;
    if (http->body_bytes + length > KJ_HTTP_BODIES) {
        exchange->body.failed = true;
        return;
    }
    http->body_bytes += length;
    kj_buf_add(&exchange->body, bytes, length);
}

// Everything is here.
static void arrived(struct kj_exchange *exchange)
{
    struct kj_fault fault;
    exchange->arrived = true;
    if (exchange->peer)
        exchange->peer->busy = true;
    if (exchange->body.failed) {
        kj_fault(&fault, KJ_EUNAVAILABLE, NULL, "try again in a moment",
                 "too many large requests are being received");
        kj_exchange_fault(exchange, 0, &fault, NULL);
    } else
        exchange->route->run(exchange);
}

enum MHD_Result kj_http_on_request(void *arg, struct MHD_Connection *connection, const char *url,
                                   const char *method, const char *version, const char *upload,
                                   size_t *upload_size, void **own)
{
    struct kj_exchange *exchange = *own;
    (void)version;
    if (exchange == NULL) {
        *own = exchange = exchange_new(arg, connection, method);
        return begin(exchange, url);
    }
    if (*upload_size > 0) {
        take_body(exchange, upload, *upload_size);
        *upload_size = 0;
        return MHD_YES;
    }
    if (!exchange->arrived && !exchange->discard)
        arrived(exchange);
    if (exchange->response)
        return send_answer(exchange);
    exchange->suspended = true; // until there is an answer
    MHD_suspend_connection(connection);
    return MHD_YES;
}

void kj_http_on_completed(void *arg, struct MHD_Connection *connection, void **own,
                          enum MHD_RequestTerminationCode code)
{
    struct kj_http *http = arg;
    struct kj_exchange *exchange = *own;
    (void)connection;
    (void)code;
    if (exchange == NULL)
        return;
    *own = NULL;
    http->body_bytes -= exchange->body.length;
    kj_buf_fini(&exchange->body);
    kj_buf_init(&exchange->body, 0);
    exchange->connection = NULL;
    exchange->suspended = false;
    if (exchange->peer) {
        exchange->peer->busy = false;
        exchange->peer->quiet = kj_clock_real_mono();
        exchange->peer = NULL;
    }
    if (exchange->stream)
        kj_stream_end(exchange->stream);
    exchange->stream = NULL;
    kj_exchange_release(exchange);
}
