// One client of the local server: greeting, frames in, frames out, and when to hang up.
//
// Reading goes into one chunk that all pipes share, and whole messages are handled there. Only the
// beginning of a message that is still coming is copied; the rest is then read to its place, and
// memory grows with what has come, not with what was announced.
#include "base/alloc.h"
#include "base/log.h"
#include "face/sp_own.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void empty(struct kj_buf *buf)
{
    if (buf->capacity > KJ_SP_KEEP) {
        kj_buf_fini(buf);
        kj_buf_init(buf, SIZE_MAX);
    } else
        kj_buf_reset(buf);
}

// --- its life ---

void kj_sp_hold(struct kj_sp_pipe *pipe)
{
    pipe->refs++;
}

size_t kj_sp_held(const struct kj_sp_pipe *pipe)
{
    return (size_t)pipe->refs;
}

void kj_sp_release(struct kj_sp_pipe *pipe)
{
    if (--pipe->refs > 0)
        return;
    kj_buf_fini(&pipe->in);
    kj_buf_fini(&pipe->out);
    kj_buf_fini(&pipe->flight);
    free(pipe);
}

static void on_closed(uv_handle_t *handle)
{
    struct kj_sp_pipe *pipe = handle->data;
    struct kj_sp *server = pipe->server;
    empty(&pipe->flight);
    kj_sp_account(pipe);
    kj_sp_listed(pipe, false);
    pipe->server = NULL;
    kj_sp_release(pipe);
    kj_sp_unref(server);
}

void kj_sp_hang_up(struct kj_sp_pipe *pipe)
{
    char missed[24];
    if (pipe->closing)
        return;
    pipe->closing = true;
    snprintf(missed, sizeof missed, "%" PRIu64, pipe->missed);
    if (pipe->missed)
        kj_log(KJ_LOG_WARN, "bus", "a slow subscriber has gone", "missed", missed, NULL);
    empty(&pipe->in);
    empty(&pipe->out);
    kj_sp_account(pipe);
    uv_close((uv_handle_t *)&pipe->handle, on_closed);
}

// --- out ---

size_t kj_sp_unsent(const struct kj_sp_pipe *pipe)
{
    return pipe->out.length + pipe->flight.length;
}

struct kj_buf *kj_sp_begin(struct kj_sp_pipe *pipe, size_t most)
{
    static const uint8_t k_later[KJ_SP_HEAD] = {0};
    if (pipe->closing)
        return NULL;
    pipe->begun = pipe->out.length;
    pipe->out.limit = pipe->begun + KJ_SP_HEAD + most;
    kj_buf_add(&pipe->out, k_later, sizeof k_later);
    return &pipe->out;
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf);
static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buf);

// Who does not take its answers is asked nothing more until it has taken them.
static void rest_or_read(struct kj_sp_pipe *pipe)
{
    size_t unsent = kj_sp_unsent(pipe);
    if (pipe->closing || pipe->resting == (unsent > (pipe->resting ? 0 : KJ_SP_BEHIND)))
        return;
    pipe->resting = !pipe->resting;
    if (pipe->resting)
        uv_read_stop((uv_stream_t *)&pipe->handle);
    else if (uv_read_start((uv_stream_t *)&pipe->handle, on_room, on_read) != 0)
        kj_sp_hang_up(pipe);
}

void kj_sp_end(struct kj_sp_pipe *pipe)
{
    kj_sp_head(pipe->out.length - pipe->begun - KJ_SP_HEAD,
               (uint8_t *)pipe->out.data + pipe->begun);
    kj_sp_account(pipe);
    rest_or_read(pipe);
    kj_sp_flush_soon(pipe);
}

static void on_written(uv_write_t *write, int status)
{
    struct kj_sp_pipe *pipe = write->data;
    pipe->writing = false;
    if (pipe->closing)
        return;
    if (status != 0) {
        kj_sp_hang_up(pipe);
        return;
    }
    empty(&pipe->flight);
    kj_sp_account(pipe);
    kj_sp_pipe_flush(pipe);
}

// All that the system takes now goes out in one call; the rest waits for room.
void kj_sp_pipe_flush(struct kj_sp_pipe *pipe)
{
    uv_stream_t *stream = (uv_stream_t *)&pipe->handle;
    uv_buf_t bytes = uv_buf_init(pipe->out.data, (unsigned)pipe->out.length);
    if (pipe->closing || pipe->writing)
        return;
    int sent = pipe->out.length ? uv_try_write(stream, &bytes, 1) : 0;
    if (sent < 0 && sent != UV_EAGAIN) {
        kj_sp_hang_up(pipe);
        return;
    }
    sent = sent < 0 ? 0 : sent;
    if ((size_t)sent == pipe->out.length)
        empty(&pipe->out);
    else {
        struct kj_buf spare = pipe->flight;
        pipe->flight = pipe->out;
        pipe->out = spare;
        pipe->writing = true;
        pipe->write.data = pipe;
        pipe->moved = (int64_t)uv_now(stream->loop);
        pipe->queued = pipe->flight.length - (size_t)sent;
        bytes = uv_buf_init(pipe->flight.data + sent, (unsigned)pipe->queued);
        if (uv_write(&pipe->write, stream, &bytes, 1, on_written) != 0)
            kj_sp_hang_up(pipe);
        else
            kj_sp_watch(pipe->server);
    }
    kj_sp_account(pipe);
    rest_or_read(pipe);
}

// --- in ---

static void deliver(struct kj_sp_pipe *pipe, const struct kj_sp_frame *frame)
{
    struct kj_sp *server = pipe->server;
    if (server->on_message == NULL) {
        kj_sp_hang_up(pipe);
        return;
    }
    server->on_message(server->arg, pipe, frame->body, frame->length);
}

// What came into the shared chunk.
static void take(struct kj_sp_pipe *pipe, const uint8_t *bytes, size_t length)
{
    struct kj_sp_frame frame;
    enum kj_sp_look look = KJ_SP_PART;
    kj_sp_listed(pipe, false);
    kj_sp_listed(pipe, true);
    while (length > 0 && !pipe->closing) {
        look = kj_sp_look(bytes, length, pipe->server->limit, &frame);
        if (look != KJ_SP_WHOLE)
            break;
        deliver(pipe, &frame);
        bytes += frame.size;
        length -= frame.size;
    }
    if (look == KJ_SP_BAD)
        kj_sp_hang_up(pipe);
    else if (length > 0 && !pipe->closing)
        kj_buf_add(&pipe->in, bytes, length);
}

// What came to its place in `in`, which never holds more than one message.
static void gather(struct kj_sp_pipe *pipe)
{
    struct kj_sp_frame frame;
    const uint8_t *bytes = (const uint8_t *)pipe->in.data;
    if (!pipe->greeted) {
        if (pipe->in.length < KJ_SP_HELLO)
            return;
        pipe->greeted = kj_sp_greets(bytes, pipe->server->peer);
        if (!pipe->greeted)
            kj_sp_hang_up(pipe);
        empty(&pipe->in);
        return;
    }
    enum kj_sp_look look = kj_sp_look(bytes, pipe->in.length, pipe->server->limit, &frame);
    if (look == KJ_SP_WHOLE)
        deliver(pipe, &frame);
    if (look == KJ_SP_WHOLE)
        empty(&pipe->in);
    else if (look == KJ_SP_BAD)
        kj_sp_hang_up(pipe);
}

// Bytes that the greeting or the message begun in `in` still lacks; 0 when none is begun.
static size_t missing(const struct kj_sp_pipe *pipe)
{
    struct kj_sp_frame frame;
    size_t have = pipe->in.length;
    if (!pipe->greeted)
        return KJ_SP_HELLO - have;
    if (have == 0)
        return 0;
    (void)kj_sp_look((const uint8_t *)pipe->in.data, have, pipe->server->limit, &frame);
    return (frame.size ? frame.size : KJ_SP_HEAD) - have;
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct kj_sp_pipe *pipe = handle->data;
    size_t room = missing(pipe);
    size_t most = pipe->in.length > KJ_SP_CHUNK ? pipe->in.length : KJ_SP_CHUNK;
    (void)suggested;
    if (room == 0) {
        *buf = uv_buf_init(pipe->server->chunk, KJ_SP_CHUNK);
        return;
    }
    room = room < most ? room : most;
    *buf = uv_buf_init(kj_buf_room(&pipe->in, room), (unsigned)room);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buf)
{
    struct kj_sp_pipe *pipe = stream->data;
    if (pipe->closing || count == 0)
        return;
    if (count < 0) {
        kj_sp_hang_up(pipe);
        return;
    }
    if (buf->base == pipe->server->chunk)
        take(pipe, (const uint8_t *)buf->base, (size_t)count);
    else {
        pipe->in.length += (size_t)count;
        gather(pipe);
    }
    kj_sp_account(pipe);
}

void kj_sp_pipe_start(struct kj_sp *server, int fd_take)
{
    struct kj_sp_pipe *pipe = KJ_NEW(struct kj_sp_pipe);
    uint8_t hello[KJ_SP_HELLO];
    uv_buf_t bytes = uv_buf_init((char *)hello, sizeof hello);
    uv_stream_t *stream = (uv_stream_t *)&pipe->handle;
    pipe->server = server;
    pipe->refs = 1;
    pipe->moved = (int64_t)uv_now(kj_loop_uv(server->loop));
    kj_buf_init(&pipe->in, SIZE_MAX);
    kj_buf_init(&pipe->out, SIZE_MAX);
    kj_buf_init(&pipe->flight, SIZE_MAX);
    uv_pipe_init(kj_loop_uv(server->loop), &pipe->handle, 0);
    pipe->handle.data = pipe;
    server->handles++;
    kj_sp_listed(pipe, true);
    kj_sp_hello(server->own, hello);
    int rc = uv_pipe_open(&pipe->handle, fd_take);
    if (rc != 0)
        close(fd_take);
    if (rc == 0)
        rc = uv_read_start(stream, on_room, on_read);
    if (rc != 0 || uv_try_write(stream, &bytes, 1) != KJ_SP_HELLO)
        kj_sp_hang_up(pipe);
    kj_sp_watch(server);
}
