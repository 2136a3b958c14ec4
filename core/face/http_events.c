// Server-sent events. What goes out is always read from the store by event.since, behind the
// number that went out last: so a stream has no gap and no double, sees only its token's workspace,
// ends when the token does, and a slow reader costs one page of memory. A published event is only
// the sign to look; signs that come together lead to one look. Other hosts give no sign: where they
// share the store, streams look each second. An event's id is then a list of numbers, one for each
// host, so that a reader goes on where it was on any of them.
#include "api/cursor.h"
#include "base/alloc.h"
#include "doc/json.h"
#include "face/http_own.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { k_page = 200, k_gather_ms = 25, k_look_ms = 1000, k_buffer = 16 << 20 };

struct kj_stream {
    struct kj_stream *next, *previous;
    struct kj_exchange *exchange;
    struct kj_cursor cursor;
    bool from_now; // it has no cursor yet
    bool opened, asking, behind, over;
    bool busy; // the reader has not taken what was sent
    struct kj_buf out;
};

static void ask(struct kj_stream *stream);

static const struct kj_store *store_of(const struct kj_http *http)
{
    return kj_api_engine(http->api)->store;
}

// --- going out ---

// One piece at a time: the next page is asked for when the reader has taken this one.
static void pump(struct kj_stream *stream)
{
    struct kj_link *link = stream->exchange->link;
    if (stream->busy)
        return;
    if (stream->out.length) {
        stream->busy = !kj_link_put(link, stream->out.data, stream->out.length);
        kj_buf_reset(&stream->out);
    }
    if (!stream->busy && stream->over)
        kj_link_put(link, NULL, 0); // and the stream is no more
    else if (!stream->busy && stream->behind && !stream->asking)
        ask(stream);
}

void kj_stream_more(struct kj_stream *stream)
{
    stream->busy = false;
    pump(stream);
}

static void open_stream(struct kj_stream *stream)
{
    struct kj_exchange *exchange = stream->exchange;
    struct kj_buf none;
    kj_buf_init(&none, 0);
    stream->opened = stream->busy = true; // until the head has gone out
    exchange->streaming = true;
    kj_exchange_text(exchange, 200, "text/event-stream", &none);
    kj_exchange_header(exchange, "X-Accel-Buffering", "no"); // a proxy shall pass it on
}

// --- coming in ---

static void put_event(struct kj_stream *stream, const bson_t *event)
{
    struct kj_cursor *cursor = &stream->cursor;
    if (!kj_cursor_pass(cursor, kj_doc_text(event, "host", ""), kj_doc_int(event, "number", 0)))
        stream->over = true; // more hosts than a cursor has room for
    kj_buf_adds(&stream->out, "id: ");
    for (size_t i = 0; i < cursor->count; i++)
        kj_buf_addf(&stream->out, "%s%lld", i ? "," : "", (long long)cursor->places[i].number);
    kj_buf_addf(&stream->out, "\nevent: %s\ndata: ", kj_doc_text(event, "name", "event"));
    kj_json_write(event, 0, &stream->out);
    kj_buf_adds(&stream->out, "\n\n");
}

static void take_events(struct kj_stream *stream, const bson_t *result)
{
    bson_t events, event;
    bson_iter_t at;
    size_t count = 0;
    struct kj_fault ignored;
    if (stream->from_now && kj_cursor_read(&stream->cursor, result,
                                           store_of(stream->exchange->http), &ignored) != KJ_OK)
        stream->over = true;
    stream->from_now = false;
    if (kj_doc_child(result, "events", &events) && bson_iter_init(&at, &events))
        while (bson_iter_next(&at)) {
            if (kj_doc_at(&at, &event))
                put_event(stream, &event);
            count++;
        }
    if (count == k_page)
        stream->behind = true;
    if (stream->out.failed)
        stream->over = true; // half an event: the reader comes again behind the last whole one
}

static void on_events(void *arg, const bson_t *result, const struct kj_fault *fault,
                      const bson_t *details)
{
    struct kj_exchange *exchange = arg;
    struct kj_stream *stream = exchange->stream;
    if (stream && exchange->link) {
        stream->asking = false;
        if (fault && !stream->opened) {
            kj_exchange_fault(exchange, 0, fault, details);
        } else {
            if (fault)
                stream->over = true; // it reconnects, and is told then
            else
                take_events(stream, result);
            if (!stream->opened)
                open_stream(stream);
            else
                pump(stream);
        }
    }
    kj_exchange_release(exchange);
}

static void ask(struct kj_stream *stream)
{
    bson_t args = BSON_INITIALIZER;
    struct kj_exchange *exchange = stream->exchange;
    if (stream->from_now)
        kj_doc_put_text(&args, "cursor", "now");
    else
        kj_cursor_put(&stream->cursor, &args);
    kj_doc_put_int(&args, "limit", k_page);
    struct kj_ask ask = {.command = "event.since",
                         .args = &args,
                         .token = exchange->token,
                         .answer = on_events,
                         .arg = exchange};
    stream->asking = true;
    stream->behind = false;
    kj_exchange_hold(exchange);
    kj_dispatch(exchange->http->api, &ask);
    bson_destroy(&args);
}

void kj_http_on_feed(uv_timer_t *timer)
{
    struct kj_http *http = timer->data;
    for (struct kj_stream *stream = http->streams; stream; stream = stream->next) {
        stream->behind = true;
        if (stream->opened && !stream->asking && !stream->over && !stream->busy)
            ask(stream);
    }
    if (http->streams && store_of(http)->shared)
        uv_timer_start(timer, kj_http_on_feed, k_look_ms, 0);
}

// So soon, if nothing is due before.
static void look_within(struct kj_http *http, uint64_t ms)
{
    if (!uv_is_active((uv_handle_t *)&http->feed) || uv_timer_get_due_in(&http->feed) > ms)
        uv_timer_start(&http->feed, kj_http_on_feed, ms, 0);
}

void kj_http_publish(struct kj_http *http, const bson_t *event)
{
    int64_t number = kj_doc_int(event, "_id", 0);
    if (number > http->latest)
        http->latest = number;
    if (http->streams)
        look_within(http, k_gather_ms);
}

// Also how a reader that has gone is noticed; one that is behind is the link's to cut off.
void kj_http_beat(struct kj_http *http)
{
    for (struct kj_stream *stream = http->streams, *next; stream; stream = next) {
        next = stream->next;
        if (!stream->opened || stream->busy)
            continue;
        kj_buf_adds(&stream->out, ": still here\n\n");
        pump(stream);
    }
}

// --- beginning and end ---

// "17", or of several hosts "17,1099511627790".
static bool parse_cursor(const char *text, struct kj_cursor *cursor)
{
    for (; *text; text += *text == ',') {
        size_t digits = strspn(text, "0123456789");
        if (digits == 0 || digits > 18 || (text[digits] && text[digits] != ','))
            return false;
        int64_t number = strtoll(text, NULL, 10);
        char stream[24]; // a name for it: event.since tells hosts apart by their numbers
        snprintf(stream, sizeof stream, "%lld", (long long)(number >> KJ_EVENT_STREAM_BITS));
        if (!kj_cursor_pass(cursor, stream, number))
            return false;
        text += digits;
    }
    return cursor->count > 0;
}

// Where to go on: what the reader says it knows, else from now on.
static int find_cursor(struct kj_exchange *exchange, struct kj_stream *stream,
                       struct kj_fault *fault)
{
    const char *header = kj_http_field(&exchange->head, "Last-Event-ID"), *query = NULL;
    const char *name, *value;
    while (query == NULL && kj_http_query_next(&exchange->head.query, &name, &value))
        query = strcmp(name, "cursor") == 0 ? value : NULL;
    if (header && header[0])
        return parse_cursor(header, &stream->cursor)
                   ? KJ_OK
                   : kj_fault(fault, KJ_EINVAL, "Last-Event-ID", "send the id of the last event",
                              "is not a number");
    if (query)
        return parse_cursor(query, &stream->cursor)
                   ? KJ_OK
                   : kj_fault(fault, KJ_EINVAL, "cursor",
                              "send the number of the last event you know", "is not a number");
    stream->from_now = true;
    return KJ_OK;
}

void kj_http_events(struct kj_exchange *exchange)
{
    struct kj_http *http = exchange->http;
    struct kj_fault fault;
    struct kj_stream *stream = KJ_NEW(struct kj_stream);
    int rc = find_cursor(exchange, stream, &fault);
    if (rc == KJ_OK && http->n_streams >= KJ_HTTP_STREAMS)
        rc = kj_fault(&fault, KJ_EUNAVAILABLE, NULL, "try again later",
                      "%d streams are open already", KJ_HTTP_STREAMS);
    if (rc != KJ_OK) {
        kj_exchange_fault(exchange, 0, &fault, NULL);
        free(stream);
        return;
    }
    stream->exchange = exchange;
    kj_buf_init(&stream->out, k_buffer);
    kj_buf_adds(&stream->out, "retry: 1000\n\n");
    exchange->stream = stream;
    stream->next = http->streams;
    if (http->streams)
        http->streams->previous = stream;
    http->streams = stream;
    http->n_streams++;
    if (store_of(http)->shared)
        look_within(http, k_look_ms);
    ask(stream);
}

void kj_stream_end(struct kj_stream *stream)
{
    struct kj_http *http = stream->exchange->http;
    if (stream->previous)
        stream->previous->next = stream->next;
    else
        http->streams = stream->next;
    if (stream->next)
        stream->next->previous = stream->previous;
    http->n_streams--;
    kj_buf_fini(&stream->out);
    free(stream);
}

// --- the newest number, once at the start; later ones are published ---

struct kj_latest {
    struct kj_http *http; // NULL: the door has closed
};

static void on_latest(struct kj_store_request *request)
{
    struct kj_latest *latest = request->arg;
    struct kj_store_op *op = &request->ops[0];
    struct kj_http *http = latest->http;
    if (http) {
        http->looking = NULL;
        int64_t found = op->status == KJ_OK && op->n_docs ? kj_doc_int(op->docs[0], "_id", 0) : 0;
        if (op->status == KJ_OK && http->latest < found)
            http->latest = found;
    }
    free(latest);
}

void kj_http_find_latest(struct kj_http *http)
{
    struct kj_latest *latest = KJ_NEW(struct kj_latest);
    latest->http = http;
    http->looking = latest;
    struct kj_store_request *request = kj_store_request(1, "", on_latest, latest);
    request->ops[0].verb = KJ_STORE_FIND;
    request->ops[0].coll = KJ_EVENTS;
    request->ops[0].sort = "-_id";
    request->ops[0].limit = 1;
    kj_store_submit(kj_api_engine(http->api)->store, request);
}

void kj_http_forget_latest(struct kj_http *http)
{
    if (http->looking)
        http->looking->http = NULL;
    http->looking = NULL;
}
