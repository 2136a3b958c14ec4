// A request as it comes: its head first, then its body in pieces, then the end. What is wrong with
// the head is said before any body is read.
#include "base/alloc.h"
#include "face/http_own.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

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
    kj_buf_fini(&exchange->body);
    kj_buf_fini(&exchange->headers);
    kj_buf_fini(&exchange->answer);
    free(exchange->bytes);
    free(exchange);
}

static struct kj_exchange *exchange_new(struct kj_http *http, struct kj_link *link,
                                        char *bytes_take)
{
    struct kj_exchange *exchange = KJ_NEW_UP_TO(struct kj_exchange, head.fields);
    exchange->http = http;
    exchange->link = link;
    exchange->bytes = bytes_take;
    exchange->refs = 1;
    kj_buf_init(&exchange->body, KJ_HTTP_BODIES);
    exchange->next = http->exchanges;
    if (http->exchanges)
        http->exchanges->previous = exchange;
    http->exchanges = exchange;
    http->requests++;
    return exchange;
}

static void refuse(struct kj_exchange *exchange, unsigned status, const struct kj_fault *fault)
{
    exchange->http->refusals++;
    kj_exchange_fault(exchange, status, fault, NULL);
}

// No route fits.
static void refuse_path(struct kj_exchange *exchange, unsigned status)
{
    struct kj_fault fault;
    struct kj_buf none;
    if (status == 204) { // OPTIONS
        kj_buf_init(&none, 0);
        kj_exchange_text(exchange, status, NULL, &none);
        kj_exchange_header(exchange, "Allow", exchange->allow);
        return;
    }
    if (status == 404)
        kj_fault(&fault, KJ_ENOTFOUND, exchange->head.path, "commands are at /api/commands/NAME",
                 "is nothing here");
    else {
        char hint[96];
        snprintf(hint, sizeof hint, "use %s", exchange->allow);
        kj_fault(&fault, KJ_EINVAL, exchange->head.path, hint, "%.16s is not possible here",
                 exchange->head.method);
    }
    refuse(exchange, status, &fault);
    if (status == 405)
        kj_exchange_header(exchange, "Allow", exchange->allow);
}

static void route(struct kj_exchange *exchange)
{
    const struct kj_http_head *head = &exchange->head;
    struct kj_fault fault;
    unsigned status = 0, refused = 0;
    exchange->route = kj_http_route(head->method, head->path, &exchange->rest, &status,
                                    exchange->allow, sizeof exchange->allow);
    if (!kj_http_admit(exchange, &refused, &fault))
        refuse(exchange, refused, &fault);
    else if (exchange->route == NULL)
        refuse_path(exchange, status);
    const char *connection = kj_http_field(head, "Connection");
    exchange->last = exchange->last || head->old ||
                     (connection && strcasestr(connection, "close")) ||
                     (exchange->answered && exchange->length > 0);
    const char *expect = kj_http_field(head, "Expect");
    if (!exchange->answered && exchange->length && expect && !head->old &&
        strcasecmp(expect, "100-continue") == 0)
        kj_link_continue(exchange->link);
}

struct kj_exchange *kj_exchange_begin(struct kj_http *http, struct kj_link *link, char *bytes_take,
                                      size_t size)
{
    struct kj_exchange *exchange = exchange_new(http, link, bytes_take);
    struct kj_fault fault;
    const char *wrong =
        size ? kj_http_head_parse(bytes_take, size, &exchange->head) : "the head is too large";
    if (wrong == NULL) {
        route(exchange);
        return exchange;
    }
    exchange->last = true; // where the next request begins is not known
    exchange->head.method = "";
    kj_fault(&fault, KJ_EINVAL, NULL, NULL, "%s", wrong);
    refuse(exchange, size ? 400 : 431, &fault);
    return exchange;
}

static void take_body(struct kj_exchange *exchange, const void *bytes, size_t length)
{
    struct kj_http *http = exchange->http;
    if (http->body_bytes + length > KJ_HTTP_BODIES) {
        exchange->body.failed = true;
        return;
    }
    http->body_bytes += length;
    kj_buf_add(&exchange->body, bytes, length);
}

void kj_exchange_feed(struct kj_exchange *exchange, const void *bytes, size_t length)
{
    struct kj_fault fault;
    if (length > 0) {
        take_body(exchange, bytes, length);
        return;
    }
    exchange->arrived = true;
    if (exchange->body.failed) {
        kj_fault(&fault, KJ_EUNAVAILABLE, NULL, "try again in a moment",
                 "too many large requests are being received");
        kj_exchange_fault(exchange, 0, &fault, NULL);
    } else
        exchange->route->run(exchange);
}

void kj_exchange_leave(struct kj_exchange *exchange)
{
    exchange->http->body_bytes -= exchange->body.length;
    kj_buf_fini(&exchange->body);
    exchange->link = NULL;
    if (exchange->stream)
        kj_stream_end(exchange->stream);
    exchange->stream = NULL;
    kj_exchange_release(exchange);
}
