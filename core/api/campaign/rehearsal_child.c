// The child of a rehearsal: kejued itself, in a process that reads a copy and says what came of it.
// It ends when its standard input does, so that no death of ours can leave it behind.
#include "api/campaign/rehearsal.h"

#include "base/alloc.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { k_heard_most = 64 << 20 };

// --- handles: the operation lives as long as one of them ---

static void on_closed(uv_handle_t *handle)
{
    struct kj_rehearsal_op *op = handle->data;
    op->handles--;
    kj_rehearsal_free_last(op);
}

void kj_rehearsal_opened(struct kj_rehearsal_op *op, uv_handle_t *handle)
{
    handle->data = op;
    op->handles++;
}

void kj_rehearsal_close(uv_handle_t *handle)
{
    if (handle->data && !uv_is_closing(handle))
        uv_close(handle, on_closed);
}

void kj_rehearsal_kill(struct kj_rehearsal_op *op)
{
    if (op->spawned && uv_is_active((uv_handle_t *)&op->process))
        uv_process_kill(&op->process, SIGKILL);
    else
        kj_rehearsal_close((uv_handle_t *)&op->process);
    kj_rehearsal_close((uv_handle_t *)&op->in);
    kj_rehearsal_close((uv_handle_t *)&op->out);
}

// --- what it says ---

static void allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    (void)handle;
    *buffer = uv_buf_init(kj_alloc(suggested), (unsigned)suggested);
}

// Takes the whole documents from the front of what was heard.
static void take_documents(struct kj_rehearsal_op *op)
{
    size_t at = 0;
    while (op->heard.length - at >= sizeof(uint32_t) && !op->ending) {
        uint32_t size;
        bson_t doc;
        memcpy(&size, op->heard.data + at, sizeof size);
        size = BSON_UINT32_FROM_LE(size);
        if (size > op->heard.length - at)
            break;
        if (size < 5 || !bson_init_static(&doc, (const uint8_t *)op->heard.data + at, size))
            break;
        kj_rehearsal_heard(op, &doc);
        at += size;
    }
    memmove(op->heard.data, op->heard.data + at, op->heard.length - at);
    op->heard.length -= at;
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
    struct kj_rehearsal_op *op = stream->data;
    if (count > 0) {
        kj_buf_add(&op->heard, buffer->base, (size_t)count);
        take_documents(op);
    } else if (count < 0)
        kj_rehearsal_close((uv_handle_t *)stream);
    free(buffer->base);
}

static void on_child_exit(uv_process_t *process, int64_t status, int number)
{
    struct kj_rehearsal_op *op = process->data;
    struct kj_fault fault;
    uv_close((uv_handle_t *)process, on_closed);
    kj_rehearsal_close((uv_handle_t *)&op->in);
    if (op->done || op->ending)
        return;
    // What it said last may still be in the pipe.
    uv_read_stop((uv_stream_t *)&op->out);
    for (char rest[65536];;) {
        uv_os_fd_t fd;
        ssize_t count =
            uv_fileno((uv_handle_t *)&op->out, &fd) == 0 ? read(fd, rest, sizeof rest) : 0;
        if (count <= 0)
            break;
        kj_buf_add(&op->heard, rest, (size_t)count);
    }
    take_documents(op);
    if (op->done || op->ending)
        return;
    kj_fault(&fault, KJ_EINTERNAL, "rehearsal", "see kejued's log",
             number ? "its process was ended by signal %d" : "its process ended with code %d",
             number ? number : (int)status);
    kj_rehearsal_fail(op, &fault);
}

// --- starting it, and writing to it ---

int kj_rehearsal_spawn(struct kj_rehearsal_op *op, struct kj_fault *fault)
{
    char *args[] = {"kejued", "--rehearse", NULL};
    uv_loop_t *uv = kj_loop_uv(op->api->loop);
    uv_pipe_init(uv, &op->in, 0);
    kj_rehearsal_opened(op, (uv_handle_t *)&op->in);
    uv_pipe_init(uv, &op->out, 0);
    kj_rehearsal_opened(op, (uv_handle_t *)&op->out);
    uv_stdio_container_t stdio[] = {
        {.flags = UV_CREATE_PIPE | UV_READABLE_PIPE, .data.stream = (uv_stream_t *)&op->in},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&op->out},
        {.flags = UV_INHERIT_FD, .data.fd = 2}};
    uv_process_options_t options = {.exit_cb = on_child_exit,
                                    .file = "/proc/self/exe",
                                    .args = args,
                                    .stdio = stdio,
                                    .stdio_count = KJ_COUNT(stdio)};
    int rc = uv_spawn(uv, &op->process, &options);
    kj_rehearsal_opened(op, (uv_handle_t *)&op->process); // also one that failed must be closed
    if (rc < 0)
        return kj_fault(fault, KJ_EIO, "rehearsal", "try again in a moment",
                        "its process cannot be started: %s", uv_strerror(rc));
    op->spawned = true;
    kj_buf_init(&op->heard, k_heard_most);
    uv_read_start((uv_stream_t *)&op->out, allocate, on_read);
    return KJ_OK;
}

struct write {
    uv_write_t request;
    struct kj_buf bytes;
    void (*then)(struct kj_rehearsal_op *op);
};

static void on_written(uv_write_t *request, int status)
{
    struct write *write = (struct write *)request;
    struct kj_rehearsal_op *op = request->data;
    void (*then)(struct kj_rehearsal_op * op) = write->then;
    kj_buf_fini(&write->bytes);
    free(write);
    if (status == 0 && !op->ending && !op->done && then)
        then(op); // else its end says why
}

void kj_rehearsal_write(struct kj_rehearsal_op *op, struct kj_buf *bytes_take,
                        void (*then)(struct kj_rehearsal_op *op))
{
    struct write *write = KJ_NEW(struct write);
    write->bytes = *bytes_take;
    write->request.data = op;
    write->then = then;
    uv_buf_t buffer = uv_buf_init(write->bytes.data, (unsigned)write->bytes.length);
    if (uv_write(&write->request, (uv_stream_t *)&op->in, &buffer, 1, on_written) < 0) {
        kj_buf_fini(&write->bytes); // it has ended, and its end says why
        free(write);
    }
}
