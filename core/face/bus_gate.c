// Why there is a gate: a listener of nng 1.5 stops for good when one client hangs up before the
// greeting is complete (its issue 1518): a port scan or an impatient Ctrl-C would cost us the bus.
// So we listen ourselves, wait for the greeting, and only then connect the client with nng, on a
// socket beside ours; and once begun, that greeting is always finished.
#include "face/bus_gate.h"

#include "base/alloc.h"
#include "base/str.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { k_hello = 8, k_buffer = 16384, k_links = 1000, k_backlog = 128 };

struct link;

// One end of a link. What is read here is written to the other end, then reading goes on: so
// neither can run ahead of the other.
struct side {
    uv_pipe_t pipe;
    struct link *link;
    struct side *other;
    uv_write_t write;
    char buffer[k_buffer];
};

struct link {
    struct link *next, *previous;
    struct kj_gate *gate;
    struct side client, inner;
    uv_connect_t connect;
    uv_write_t greeting;
    char hello[k_hello];
    size_t got;   // of the client's greeting
    size_t told;  // bytes that nng has sent
    bool joined;  // the inner end is connected or about to be
    bool leaving; // the client has gone; nng's greeting is waited for
    bool closing;
    int handles;
};

struct kj_gate {
    uv_pipe_t listener;
    char inner[sizeof((struct sockaddr_un *)0)->sun_path];
    uint8_t protocol;
    bool closing;
    size_t count;
    struct link *links;
};

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buf);

// --- ending ---

static void gate_unref(struct kj_gate *gate)
{
    if (gate->closing && gate->count == 0 && gate->links == NULL)
        free(gate);
}

static void on_side_closed(uv_handle_t *handle)
{
    struct side *side = handle->data;
    struct link *link = side->link;
    struct kj_gate *gate = link->gate;
    if (--link->handles)
        return;
    if (link->previous)
        link->previous->next = link->next;
    else
        gate->links = link->next;
    if (link->next)
        link->next->previous = link->previous;
    gate->count--;
    free(link);
    gate_unref(gate);
}

static void link_close(struct link *link)
{
    if (link->closing)
        return;
    link->closing = true;
    uv_close((uv_handle_t *)&link->client.pipe, on_side_closed);
    uv_close((uv_handle_t *)&link->inner.pipe, on_side_closed);
}

// The client has gone.
static void leave(struct link *link)
{
    if (!link->joined || link->told >= k_hello)
        link_close(link);
    else {
        link->leaving = true;
        uv_read_stop((uv_stream_t *)&link->client.pipe);
    }
}

// --- relaying ---

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct side *side = handle->data;
    struct link *link = side->link;
    (void)suggested;
    if (side == &link->client && link->got < k_hello)
        *buf = uv_buf_init(link->hello + link->got, (unsigned)(k_hello - link->got));
    else
        *buf = uv_buf_init(side->buffer, k_buffer);
}

static void start_reading(struct side *side)
{
    if (uv_read_start((uv_stream_t *)&side->pipe, on_room, on_read) != 0)
        link_close(side->link);
}

static void on_written(uv_write_t *write, int status)
{
    struct side *side = write->data;
    struct link *link = side->link;
    if (link->closing)
        return;
    if (status == 0 && !link->leaving)
        start_reading(side);
    else if (status != 0 && side == &link->inner)
        leave(link); // it was written to the client
    else if (status != 0)
        link_close(link);
}

static void relay(struct side *side, size_t count)
{
    uv_buf_t bytes = uv_buf_init(side->buffer, (unsigned)count);
    uv_read_stop((uv_stream_t *)&side->pipe);
    side->write.data = side;
    if (uv_write(&side->write, (uv_stream_t *)&side->other->pipe, &bytes, 1, on_written) != 0)
        link_close(side->link);
}

// --- joining ---

static void on_greeted(uv_write_t *write, int status)
{
    struct link *link = write->data;
    if (link->closing)
        return;
    if (status != 0)
        link_close(link);
    else if (!link->leaving)
        start_reading(&link->client);
}

static void on_joined(uv_connect_t *connect, int status)
{
    struct link *link = connect->data;
    uv_buf_t hello = uv_buf_init(link->hello, k_hello);
    if (link->closing)
        return;
    link->greeting.data = link;
    if (status != 0 ||
        uv_write(&link->greeting, (uv_stream_t *)&link->inner.pipe, &hello, 1, on_greeted) != 0) {
        link_close(link);
        return;
    }
    start_reading(&link->inner);
}

// "\0SP\0", the protocol, two zero bytes.
static bool is_greeting(const struct link *link)
{
    const char expected[k_hello] = {0, 'S', 'P', 0, 0, (char)link->gate->protocol, 0, 0};
    return memcmp(link->hello, expected, k_hello) == 0;
}

static void take_greeting(struct link *link, size_t count)
{
    link->got += count;
    if (link->got < k_hello)
        return;
    uv_read_stop((uv_stream_t *)&link->client.pipe);
    if (!is_greeting(link)) {
        link_close(link);
        return;
    }
    link->joined = true;
    link->connect.data = link;
    uv_pipe_connect(&link->connect, &link->inner.pipe, link->gate->inner, on_joined);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buf)
{
    struct side *side = stream->data;
    struct link *link = side->link;
    (void)buf;
    if (link->closing || count == 0)
        return;
    if (count < 0 && side == &link->client) {
        leave(link);
    } else if (count < 0) {
        link_close(link);
    } else if (side == &link->client && link->got < k_hello) {
        take_greeting(link, (size_t)count);
    } else if (side == &link->client) {
        relay(side, (size_t)count);
    } else {
        link->told += (size_t)count;
        if (!link->leaving)
            relay(side, (size_t)count);
        else if (link->told >= k_hello)
            link_close(link);
    }
}

// --- listening ---

static void side_init(struct side *side, struct side *other, struct link *link, uv_loop_t *uv)
{
    uv_pipe_init(uv, &side->pipe, 0);
    side->pipe.data = side;
    side->link = link;
    side->other = other;
}

static void on_client(uv_stream_t *listener, int status)
{
    struct kj_gate *gate = listener->data;
    if (status != 0 || gate->closing)
        return;
    struct link *link = KJ_NEW(struct link);
    link->gate = gate;
    link->handles = 2;
    side_init(&link->client, &link->inner, link, listener->loop);
    side_init(&link->inner, &link->client, link, listener->loop);
    link->next = gate->links;
    if (gate->links)
        gate->links->previous = link;
    gate->links = link;
    gate->count++;
    if (uv_accept(listener, (uv_stream_t *)&link->client.pipe) != 0 || gate->count > k_links)
        link_close(link);
    else
        start_reading(&link->client);
}

// A socket file that nobody listens on is left over from a crash.
static int clear_path(const char *path, struct kj_fault *fault)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat info;
    if (!kj_copy(address.sun_path, sizeof address.sun_path, path))
        return kj_fault(fault, KJ_EIO, path, "choose a folder with a shorter name",
                        "is longer than a socket's path may be");
    if (lstat(path, &info) != 0)
        return KJ_OK;
    if (!S_ISSOCK(info.st_mode))
        return kj_fault(fault, KJ_EIO, path, "choose another folder with --dir or run_dir",
                        "is a file and not a socket of ours");
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int rc = probe < 0 ? -1 : connect(probe, (struct sockaddr *)&address, sizeof address);
    int error = errno;
    if (probe >= 0)
        close(probe);
    if (rc == 0 || error != ECONNREFUSED)
        return kj_fault(fault, KJ_EIO, path, "is another kejued running there?",
                        "cannot be taken over: %s", rc == 0 ? "somebody listens" : strerror(error));
    unlink(path);
    return KJ_OK;
}

static void on_gate_closed(uv_handle_t *handle)
{
    struct kj_gate *gate = handle->data;
    gate->count--; // the listener's own
    gate_unref(gate);
}

int kj_gate_open(struct kj_loop *loop, const char *path, const char *inner, uint8_t protocol,
                 struct kj_gate **out, struct kj_fault *fault)
{
    int rc = clear_path(path, fault);
    if (rc != KJ_OK)
        return rc;
    struct kj_gate *gate = KJ_NEW(struct kj_gate);
    gate->protocol = protocol;
    gate->count = 1;
    uv_pipe_init(kj_loop_uv(loop), &gate->listener, 0);
    gate->listener.data = gate;
    bool fits = kj_copy(gate->inner, sizeof gate->inner, inner);
    int error = fits ? uv_pipe_bind(&gate->listener, path) : UV_ENAMETOOLONG;
    if (error == 0 && chmod(path, 0600) != 0) // before anybody can connect
        error = -errno;
    if (error == 0)
        error = uv_listen((uv_stream_t *)&gate->listener, k_backlog, on_client);
    if (error != 0) {
        kj_gate_close(gate);
        return kj_fault(fault, KJ_EIO, path, NULL, "cannot be listened on: %s", uv_strerror(error));
    }
    *out = gate;
    return KJ_OK;
}

void kj_gate_close(struct kj_gate *gate)
{
    if (gate == NULL)
        return;
    gate->closing = true;
    for (struct link *link = gate->links; link; link = link->next)
        link_close(link);
    uv_close((uv_handle_t *)&gate->listener, on_gate_closed);
}
