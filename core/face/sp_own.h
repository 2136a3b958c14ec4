// What the files of the local server share. Private to face/.
#ifndef KJ_SP_OWN_H
#define KJ_SP_OWN_H

#include "face/acceptor.h"
#include "face/sp_server.h"

#include <sys/un.h>

enum {
    KJ_SP_CHUNK = 64 << 10,  // bytes of one read; small messages are handled where they were read
    KJ_SP_KEEP = 16 << 10,   // a larger buffer is given back once it is empty
    KJ_SP_PIPES = 4096,      // clients, or a quarter of the files we may open
    KJ_SP_BEHIND = 1 << 20,  // unsent bytes from which we read no more, or publish no more
    KJ_SP_HOLDS = 256 << 20, // bytes of all pipes, both ways; then the one with most of them goes
    KJ_SP_GREET_MS = 5000,
    KJ_SP_STALL_MS = 60000,
    KJ_SP_SWEEP_MS = 500,
};

struct kj_sp_pipe {
    struct kj_sp_pipe *next, *previous; // the one that spoke longest ago comes first
    struct kj_sp_pipe *next_flush;
    struct kj_sp *server;
    uv_pipe_t handle;
    uv_write_t write;
    int refs; // the open handle, and whoever holds it
    bool greeted, closing, resting, writing, flushing;
    int64_t moved;        // real ms when bytes last went the way that is waited for
    size_t queued;        // of flight, when that was last looked at
    struct kj_buf in;     // the beginning of one message
    struct kj_buf out;    // not yet given to the system
    struct kj_buf flight; // being written
    size_t begun;         // where the message that is being written begins in `out`
    size_t held;          // bytes of the three, as counted in the server
    uint64_t missed;      // messages that were not sent because it was behind
};

struct kj_sp {
    struct kj_loop *loop;
    enum kj_sp_protocol own, peer;
    size_t limit, most_pipes;
    void (*on_message)(void *arg, struct kj_sp_pipe *pipe, const uint8_t *body, size_t length);
    void *arg;
    char path[sizeof((struct sockaddr_un *)0)->sun_path];
    struct kj_acceptor acceptor;
    uv_timer_t sweep;
    bool closing;
    int handles; // acceptor, sweep, pipes
    size_t count, held;
    struct kj_sp_pipe *first, *last;
    struct kj_sp_pipe *flush;
    struct kj_task flusher;
    char chunk[KJ_SP_CHUNK];
};

// sp_pipe.c
void kj_sp_pipe_start(struct kj_sp *server, int fd_take);
void kj_sp_pipe_flush(struct kj_sp_pipe *pipe);
size_t kj_sp_unsent(const struct kj_sp_pipe *pipe);

// sp_server.c
void kj_sp_unref(struct kj_sp *server);              // a handle has closed
void kj_sp_watch(struct kj_sp *server);              // something may become overdue
void kj_sp_flush_soon(struct kj_sp_pipe *pipe);      // with all others of this turn
void kj_sp_account(struct kj_sp_pipe *pipe);         // its buffers have changed; may close pipes
void kj_sp_listed(struct kj_sp_pipe *pipe, bool in); // in: as the one that spoke last

#endif
