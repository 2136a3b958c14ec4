// One HTTP connection: what was read goes to its exchange, the exchange's answer goes out, then it
// is the next request's turn. Whoever sends ahead of that is read ahead, but not far.
//
// Reading is left on while an answer is awaited: turning it off and on would cost two system calls
// for each request, and so a client that has gone is seen at once.
#include "face/http_link.h"
#include "base/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int64_t now_of(const struct kj_link *link)
{
    return (int64_t)uv_now(link->handle.loop);
}

static void empty(struct kj_buf *buf)
{
    if (buf->capacity > KJ_HTTP_KEEP) {
        kj_buf_fini(buf);
        kj_buf_init(buf, SIZE_MAX);
    } else
        kj_buf_reset(buf);
}

// --- the end ---

static void on_closed(uv_handle_t *handle)
{
    struct kj_link *link = handle->data;
    struct kj_http *http = link->http;
    kj_buf_fini(&link->in);
    kj_buf_fini(&link->out);
    free(link);
    kj_http_unref(http);
}

static void unlist(struct kj_link *link)
{
    struct kj_http *http = link->http;
    *(link->previous ? &link->previous->next : &http->links) = link->next;
    if (link->next)
        link->next->previous = link->previous;
    http->n_connections--;
    if (!link->flushing)
        return;
    struct kj_link **at = &http->flush;
    while (*at != link)
        at = &(*at)->next_flush;
    *at = link->next_flush;
}

void kj_link_close(struct kj_link *link)
{
    struct kj_exchange *exchange = link->exchange;
    if (link->closing)
        return;
    link->closing = true;
    link->exchange = NULL;
    if (exchange)
        kj_exchange_leave(exchange);
    unlist(link);
    uv_close((uv_handle_t *)&link->handle, on_closed);
}

static void go_on(struct kj_link *link);

// --- out ---

static void on_written(uv_write_t *write, int status)
{
    struct kj_link *link = write->data;
    link->writing = false;
    if (link->closing)
        return;
    if (status != 0) {
        kj_link_close(link);
        return;
    }
    link->quiet = now_of(link);
    empty(&link->out);
    if (link->exchange && link->exchange->streaming)
        kj_stream_more(link->exchange->stream);
    else if (link->exchange == NULL)
        go_on(link);
}

// True when the system has taken all of `out`. A client that has gone is noticed by reading.
static bool send_out(struct kj_link *link)
{
    uv_stream_t *stream = (uv_stream_t *)&link->handle;
    uv_buf_t bytes = uv_buf_init(link->out.data, (unsigned)link->out.length);
    int sent = uv_try_write(stream, &bytes, 1);
    link->quiet = now_of(link);
    if (sent == (int)link->out.length || (sent < 0 && sent != UV_EAGAIN)) {
        empty(&link->out);
        return true;
    }
    bytes.base += sent > 0 ? sent : 0;
    bytes.len -= sent > 0 ? (size_t)sent : 0;
    link->write.data = link;
    link->writing = uv_write(&link->write, stream, &bytes, 1, on_written) == 0;
    return !link->writing;
}

static void finish(struct kj_link *link)
{
    struct kj_exchange *exchange = link->exchange;
    link->last = link->last || exchange->last;
    link->exchange = NULL;
    kj_exchange_leave(exchange);
    if (!link->writing)
        go_on(link);
}

static void flush(struct kj_link *link)
{
    struct kj_exchange *exchange = link->exchange;
    kj_exchange_write(exchange, &link->out);
    bool taken = send_out(link);
    if (!exchange->streaming)
        finish(link);
    else if (taken)
        kj_stream_more(exchange->stream);
}

static void on_flush(struct kj_task *task)
{
    struct kj_http *http = (struct kj_http *)((char *)task - offsetof(struct kj_http, flusher));
    struct kj_link *link;
    while ((link = http->flush) != NULL) {
        http->flush = link->next_flush;
        link->flushing = false;
        flush(link);
    }
    http->flushing = false;
}

void kj_link_flush_soon(struct kj_link *link)
{
    struct kj_http *http = link->http;
    link->flushing = true;
    link->next_flush = http->flush;
    http->flush = link;
    if (http->flushing)
        return;
    http->flushing = true;
    http->flusher.run = on_flush;
    kj_loop_post(http->loop, &http->flusher);
}

bool kj_link_put(struct kj_link *link, const void *bytes, size_t length)
{
    bool chunked = !link->exchange->head.old;
    if (chunked)
        kj_buf_addf(&link->out, "%zx\r\n", length);
    kj_buf_add(&link->out, bytes, length);
    if (chunked)
        kj_buf_adds(&link->out, "\r\n");
    bool taken = link->out.length == 0 || send_out(link);
    if (length == 0)
        finish(link);
    return taken;
}

// Where the system has no room for a line, the client will not have waited for it.
void kj_link_continue(struct kj_link *link)
{
    static char line[] = "HTTP/1.1 100 Continue\r\n\r\n";
    uv_buf_t bytes = uv_buf_init(line, sizeof line - 1);
    (void)uv_try_write((uv_stream_t *)&link->handle, &bytes, 1);
}

// --- in ---

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct kj_link *link = handle->data;
    (void)suggested;
    *buf = uv_buf_init(link->http->chunk, KJ_HTTP_CHUNK);
}

// The head; how much of the bytes was used.
static size_t take_head(struct kj_link *link, const char *bytes, size_t length)
{
    if (length >= 2 && memcmp(bytes, "\r\n", 2) == 0)
        return 2; // some clients end a body so
    size_t size = kj_http_head_size(bytes, length < KJ_HTTP_HEAD ? length : KJ_HTTP_HEAD);
    if (link->begun == 0)
        link->begun = now_of(link);
    if (size == 0 && length < KJ_HTTP_HEAD)
        return 0;
    link->begun = 0;
    link->exchange = kj_exchange_begin(link->http, link, kj_memdup(bytes, size), size);
    link->body_left = link->exchange->answered ? 0 : link->exchange->length;
    if (link->body_left)
        link->begun = now_of(link);
    else if (!link->exchange->answered)
        kj_exchange_feed(link->exchange, NULL, 0);
    return size ? size : length;
}

static size_t take_body(struct kj_link *link, const char *bytes, size_t length)
{
    if (length > link->body_left)
        length = link->body_left;
    link->body_left -= length;
    kj_exchange_feed(link->exchange, bytes, length);
    if (link->body_left)
        return length;
    link->begun = 0;
    kj_exchange_feed(link->exchange, NULL, 0);
    return length;
}

static size_t take(struct kj_link *link, const char *bytes, size_t length)
{
    size_t used = 0, took = 1;
    while (used < length && took > 0 && !link->closing) {
        if (link->lingering) {
            link->discarded += length - used;
            took = length - used;
        } else if (link->exchange == NULL)
            took = link->writing ? 0 : take_head(link, bytes + used, length - used);
        else
            took = link->body_left ? take_body(link, bytes + used, length - used) : 0;
        used += took;
    }
    return used;
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buf)
{
    struct kj_link *link = stream->data;
    if (count == 0)
        return;
    if (count < 0 || link->discarded > KJ_HTTP_DISCARD) {
        kj_link_close(link);
        return;
    }
    link->quiet = now_of(link);
    if (link->in.length == 0) {
        size_t used = take(link, buf->base, (size_t)count);
        kj_buf_add(&link->in, buf->base + used, (size_t)count - used);
    } else {
        kj_buf_add(&link->in, buf->base, (size_t)count);
        go_on(link);
    }
    if (link->in.length > KJ_HTTP_CHUNK && !link->closing && !link->resting) {
        link->resting = true;
        uv_read_stop(stream);
    }
}

// Says all there is to say, then reads until the client has gone too.
static void linger(struct kj_link *link)
{
    link->lingering = true;
    uv_shutdown(&link->shutdown, (uv_stream_t *)&link->handle, NULL);
}

// With what has been read already.
static void go_on(struct kj_link *link)
{
    if (link->last && !link->lingering && link->exchange == NULL && !link->writing)
        linger(link);
    if (link->in.length) {
        size_t used = take(link, link->in.data, link->in.length), left = link->in.length - used;
        memmove(link->in.data, link->in.data + used, left);
        link->in.length = left;
        if (left == 0)
            empty(&link->in);
    }
    if (!link->closing && link->resting && link->in.length <= KJ_HTTP_CHUNK) {
        link->resting = false;
        if (uv_read_start((uv_stream_t *)&link->handle, on_room, on_read) != 0)
            kj_link_close(link);
    }
}

// --- coming and staying ---

void kj_link_start(struct kj_http *http, int fd_take)
{
    if (!kj_link_room(http, fd_take)) {
        close(fd_take);
        return;
    }
    struct kj_link *link = KJ_NEW(struct kj_link);
    link->http = http;
    kj_buf_init(&link->in, SIZE_MAX);
    kj_buf_init(&link->out, SIZE_MAX);
    uv_tcp_init(kj_loop_uv(http->loop), &link->handle);
    link->handle.data = link;
    link->quiet = now_of(link);
    link->next = http->links;
    if (http->links)
        http->links->previous = link;
    http->links = link;
    http->n_connections++;
    http->handles++;
    int rc = uv_tcp_open(&link->handle, fd_take);
    if (rc != 0)
        close(fd_take);
    if (rc == 0)
        rc = uv_tcp_nodelay(&link->handle, 1);
    if (rc == 0)
        rc = uv_read_start((uv_stream_t *)&link->handle, on_room, on_read);
    if (rc != 0)
        kj_link_close(link);
}

void kj_link_close_all(struct kj_http *http)
{
    if (http->flushing) {
        kj_loop_unpost(http->loop, &http->flusher);
        on_flush(&http->flusher);
    }
    http->flushing = true; // nothing is posted from here on
    while (http->links)
        kj_link_close(http->links);
}
