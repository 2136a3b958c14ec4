// A listening socket on the loop. Not uv_listen: when no file is left to open, that calls back in
// an endless circle; here the socket rests until there may be one again.
#ifndef KJ_ACCEPTOR_H
#define KJ_ACCEPTOR_H

#include <stdbool.h>
#include <uv.h>

struct kj_acceptor {
    uv_poll_t poll;
    uv_timer_t rest;
    int fd;
    void (*on_client)(void *arg, int fd_take);
    void (*on_closed)(void *arg);
    void *arg;
    int handles;
};

// From here on `fd_take`, listening and not blocking, is the acceptor's. Each client is handed over
// not blocking.
void kj_acceptor_start(uv_loop_t *uv, struct kj_acceptor *acceptor, int fd_take,
                       void (*on_client)(void *arg, int fd_take), void *arg);
// Nobody comes any more; on_closed (from the loop) tells that the memory is the caller's again.
void kj_acceptor_stop(struct kj_acceptor *acceptor, void (*on_closed)(void *arg));

#endif
