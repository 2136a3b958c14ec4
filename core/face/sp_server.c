// The local server: its socket, who may come, and the bounds of all its clients together.
#include "face/sp_server.h"

#include "base/alloc.h"
#include "base/log.h"
#include "face/sp_own.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { k_backlog = 128 };

// --- its clients ---

void kj_sp_listed(struct kj_sp_pipe *pipe, bool in)
{
    struct kj_sp *server = pipe->server;
    if (in) {
        pipe->previous = server->last;
        pipe->next = NULL;
        *(server->last ? &server->last->next : &server->first) = pipe;
        server->last = pipe;
        server->count++;
        return;
    }
    *(pipe->previous ? &pipe->previous->next : &server->first) = pipe->next;
    *(pipe->next ? &pipe->next->previous : &server->last) = pipe->previous;
    server->count--;
}

// When all hold too much together, the one that holds most goes: others do not pay for it.
static void shed(struct kj_sp *server)
{
    struct kj_sp_pipe *most = server->first;
    for (struct kj_sp_pipe *pipe = server->first; pipe; pipe = pipe->next)
        if (!pipe->closing && (most->closing || pipe->held > most->held))
            most = pipe;
    if (most)
        kj_sp_hang_up(most);
}

void kj_sp_account(struct kj_sp_pipe *pipe)
{
    struct kj_sp *server = pipe->server;
    size_t held = pipe->in.length + kj_sp_unsent(pipe);
    server->held += held - pipe->held;
    pipe->held = held;
    if (server->held > KJ_SP_HOLDS && !pipe->closing)
        shed(server);
}

static void on_flush(struct kj_task *task)
{
    struct kj_sp *server = (struct kj_sp *)((char *)task - offsetof(struct kj_sp, flusher));
    struct kj_sp_pipe *pipe;
    while ((pipe = server->flush) != NULL) {
        server->flush = pipe->next_flush;
        pipe->flushing = false;
        kj_sp_pipe_flush(pipe);
        kj_sp_release(pipe);
    }
}

void kj_sp_flush_soon(struct kj_sp_pipe *pipe)
{
    struct kj_sp *server = pipe->server;
    if (pipe->flushing || pipe->closing || server->closing)
        return;
    if (server->flush == NULL)
        kj_loop_post(server->loop, &server->flusher);
    kj_sp_hold(pipe);
    pipe->flushing = true;
    pipe->next_flush = server->flush;
    server->flush = pipe;
}

bool kj_sp_has_clients(const struct kj_sp *server)
{
    return server->count > 0;
}

void kj_sp_publish(struct kj_sp *server, const void *bytes, size_t length)
{
    for (struct kj_sp_pipe *pipe = server->first, *next; pipe; pipe = next) {
        next = pipe->next;
        if (!pipe->greeted || pipe->closing)
            continue;
        bool behind =
            kj_sp_unsent(pipe) + length > KJ_SP_BEHIND || server->held + length > KJ_SP_HOLDS;
        if (behind && pipe->missed++ == 0)
            kj_log(KJ_LOG_WARN, "bus", "a subscriber is too slow and misses events", NULL);
        if (behind)
            continue;
        kj_buf_add(kj_sp_begin(pipe, length), bytes, length);
        kj_sp_end(pipe);
    }
}

// --- what takes too long ---

static bool is_overdue(struct kj_sp_pipe *pipe, int64_t now)
{
    size_t queued = uv_stream_get_write_queue_size((uv_stream_t *)&pipe->handle);
    if (pipe->writing && queued < pipe->queued)
        pipe->moved = now;
    pipe->queued = queued;
    return !pipe->closing && ((!pipe->greeted && now - pipe->moved > KJ_SP_GREET_MS) ||
                              (pipe->writing && now - pipe->moved > KJ_SP_STALL_MS));
}

static void on_sweep(uv_timer_t *timer)
{
    struct kj_sp *server = timer->data;
    int64_t now = (int64_t)uv_now(timer->loop);
    bool watched = false;
    for (struct kj_sp_pipe *pipe = server->first; pipe; pipe = pipe->next) {
        if (is_overdue(pipe, now))
            kj_sp_hang_up(pipe);
        watched = watched || !pipe->greeted || pipe->writing;
    }
    if (!watched)
        uv_timer_stop(timer);
}

void kj_sp_watch(struct kj_sp *server)
{
    if (!server->closing && !uv_is_active((uv_handle_t *)&server->sweep))
        uv_timer_start(&server->sweep, on_sweep, KJ_SP_SWEEP_MS, KJ_SP_SWEEP_MS);
}

// --- listening ---

// One more has come than may be here. Of those who ask, the one that has been idle longest goes and
// comes back by itself when it needs us; of those who listen nobody is idle.
static bool make_room(struct kj_sp *server)
{
    struct kj_sp_pipe *idle = NULL;
    if (server->count < server->most_pipes)
        return true;
    if (server->on_message == NULL)
        return false;
    for (struct kj_sp_pipe *pipe = server->first; pipe && idle == NULL; pipe = pipe->next)
        if (!pipe->closing && pipe->refs == 1 && pipe->held == 0)
            idle = pipe;
    if (idle)
        kj_sp_hang_up(idle);
    return idle != NULL;
}

static void on_client(void *arg, int fd_take)
{
    struct kj_sp *server = arg;
    if (make_room(server))
        kj_sp_pipe_start(server, fd_take);
    else
        close(fd_take);
}

// A socket file that nobody listens on is left over from a crash.
static int clear_path(const struct sockaddr_un *address, struct kj_fault *fault)
{
    struct stat info;
    const char *path = address->sun_path;
    if (lstat(path, &info) != 0)
        return KJ_OK;
    if (!S_ISSOCK(info.st_mode))
        return kj_fault(fault, KJ_EIO, path, "choose another folder with --dir or run_dir",
                        "is a file and not a socket of ours");
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int rc = probe < 0 ? -1 : connect(probe, (const struct sockaddr *)address, sizeof *address);
    int error = errno;
    if (probe >= 0)
        close(probe);
    if (rc == 0 || error != ECONNREFUSED)
        return kj_fault(fault, KJ_EIO, path, "is another kejued running there?",
                        "cannot be taken over: %s", rc == 0 ? "somebody listens" : strerror(error));
    unlink(path);
    return KJ_OK;
}

// The socket, or -1 with errno.
static int open_socket(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && bind(fd, (const struct sockaddr *)address, sizeof *address) == 0 &&
        chmod(address->sun_path, 0600) == 0 && // before anybody can connect
        listen(fd, k_backlog) == 0)
        return fd;
    int error = errno;
    if (fd >= 0)
        close(fd);
    errno = error;
    return -1;
}

static size_t most_pipes(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur / 4 < KJ_SP_PIPES)
        return (size_t)files.rlim_cur / 4;
    return KJ_SP_PIPES;
}

int kj_sp_listen(struct kj_loop *loop, const struct kj_sp_config *config, struct kj_sp **out,
                 struct kj_fault *fault)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (!kj_copy(address.sun_path, sizeof address.sun_path, config->path))
        return kj_fault(fault, KJ_EIO, config->path, "choose a folder with a shorter name",
                        "is longer than a socket's path may be");
    int rc = clear_path(&address, fault);
    if (rc != KJ_OK)
        return rc;
    int fd = open_socket(&address);
    if (fd < 0)
        return kj_fault(fault, KJ_EIO, config->path, NULL, "cannot be listened on: %s",
                        strerror(errno));
    struct kj_sp *server = KJ_NEW(struct kj_sp);
    *server = (struct kj_sp){.loop = loop,
                             .own = config->own,
                             .peer = config->peer,
                             .limit = config->message_limit,
                             .most_pipes = most_pipes(),
                             .on_message = config->on_message,
                             .arg = config->arg,
                             .handles = 2,
                             .flusher = {.run = on_flush}};
    kj_copy(server->path, sizeof server->path, config->path);
    kj_acceptor_start(kj_loop_uv(loop), &server->acceptor, fd, on_client, server);
    uv_timer_init(kj_loop_uv(loop), &server->sweep);
    server->sweep.data = server;
    *out = server;
    return KJ_OK;
}

void kj_sp_unref(struct kj_sp *server)
{
    if (--server->handles == 0)
        free(server);
}

static void on_acceptor_closed(void *arg)
{
    kj_sp_unref(arg);
}

static void on_sweep_closed(uv_handle_t *handle)
{
    kj_sp_unref(handle->data);
}

void kj_sp_close(struct kj_sp *server)
{
    if (server == NULL)
        return;
    server->closing = true;
    unlink(server->path);
    if (server->flush) {
        kj_loop_unpost(server->loop, &server->flusher);
        on_flush(&server->flusher); // the last answers
    }
    for (struct kj_sp_pipe *pipe = server->first; pipe; pipe = pipe->next)
        kj_sp_hang_up(pipe);
    kj_acceptor_stop(&server->acceptor, on_acceptor_closed);
    uv_close((uv_handle_t *)&server->sweep, on_sweep_closed);
}
