// Accepting clients, in bursts that leave the loop time for those who are here already.
#include "face/acceptor.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

enum { k_burst = 64, k_rest_ms = 500 };

static void on_ready(uv_poll_t *poll, int status, int events);

static void on_rested(uv_timer_t *timer)
{
    struct kj_acceptor *acceptor = timer->data;
    uv_poll_start(&acceptor->poll, UV_READABLE, on_ready);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct kj_acceptor *acceptor = poll->data;
    (void)status;
    (void)events;
    for (int i = 0; i < k_burst; i++) {
        int fd = accept4(acceptor->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            acceptor->on_client(acceptor->arg, fd);
        } else if (errno == EAGAIN) {
            return;
        } else if (errno != ECONNABORTED && errno != EINTR) { // the socket stays readable
            uv_poll_stop(poll);
            uv_timer_start(&acceptor->rest, on_rested, k_rest_ms, 0);
            return;
        }
    }
}

void kj_acceptor_start(uv_loop_t *uv, struct kj_acceptor *acceptor, int fd_take,
                       void (*on_client)(void *arg, int fd_take), void *arg)
{
    acceptor->fd = fd_take;
    acceptor->on_client = on_client;
    acceptor->arg = arg;
    acceptor->handles = 2;
    uv_poll_init(uv, &acceptor->poll, fd_take);
    uv_timer_init(uv, &acceptor->rest);
    acceptor->poll.data = acceptor->rest.data = acceptor;
    uv_poll_start(&acceptor->poll, UV_READABLE, on_ready);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct kj_acceptor *acceptor = handle->data;
    if (--acceptor->handles > 0)
        return;
    close(acceptor->fd);
    acceptor->on_closed(acceptor->arg);
}

void kj_acceptor_stop(struct kj_acceptor *acceptor, void (*on_closed)(void *arg))
{
    acceptor->on_closed = on_closed;
    uv_close((uv_handle_t *)&acceptor->poll, on_handle_closed);
    uv_close((uv_handle_t *)&acceptor->rest, on_handle_closed);
}
