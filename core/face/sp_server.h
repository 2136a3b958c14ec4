// A server of the scalability protocols on the loop, for local sockets (mode 0600).
//
// Ours and not nng's, for two reasons. A listener of nng 1.5 stops for good when one client hangs
// up within the greeting (its issue 1518). And nng receives on threads of its own: each message
// would cross to the loop and back, while here a request is one read, some tasks and one write of
// all answers of that turn. Clients are nng, mangos, pynng as before. Loop thread only.
//
// Bounds (sp_own.h): the bytes that all pipes hold together, unread or unsent; so many pipes
// (beyond that the one idle longest goes, if none is idle the newest); 5 s for a greeting. From a
// client that does not take its answers nothing more is read, and after a minute it is hung up on.
#ifndef KJ_SP_SERVER_H
#define KJ_SP_SERVER_H

#include "base/str.h"
#include "face/sp_wire.h"
#include "loop/loop.h"

struct kj_sp;
struct kj_sp_pipe; // one client

struct kj_sp_config {
    const char *path;
    enum kj_sp_protocol own, peer;
    size_t message_limit; // bytes of a body
    // A whole message; the bytes are valid during the call. NULL: clients have nothing to say.
    void (*on_message)(void *arg, struct kj_sp_pipe *pipe, const uint8_t *body, size_t length);
    void *arg;
};

// A socket file left by a crash is taken over; KJ_EIO when somebody listens there or the file is no
// socket.
int kj_sp_listen(struct kj_loop *loop, const struct kj_sp_config *config, struct kj_sp **server,
                 struct kj_fault *fault) KJ_MUST_USE;
// Hangs up on everybody, after what the kernel takes at once; freed by kj_loop_destroy at the
// latest.
void kj_sp_close(struct kj_sp *server);

// Whoever answers later holds the pipe; sending to a client that has gone does nothing.
void kj_sp_hold(struct kj_sp_pipe *pipe);
void kj_sp_release(struct kj_sp_pipe *pipe);
size_t kj_sp_held(const struct kj_sp_pipe *pipe); // how often, its connection included
void kj_sp_hang_up(struct kj_sp_pipe *pipe);      // who talks nonsense

// Where the message to this client is to be written, at most `most` bytes: behind what waits there
// already, so no message is copied. NULL when the client has gone. kj_sp_end sends it, with all
// others of this turn.
struct kj_buf *kj_sp_begin(struct kj_sp_pipe *pipe, size_t most);
void kj_sp_end(struct kj_sp_pipe *pipe);
bool kj_sp_has_clients(const struct kj_sp *server); // anybody is connected
// To all clients. One that is too far behind misses it (and the log tells how many it missed).
void kj_sp_publish(struct kj_sp *server, const void *bytes, size_t length);

#endif
