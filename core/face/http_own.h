// What the files of the HTTP door share. Private to face/.
//
// A link is one connection; an exchange is one request with its answer, and a link has at most one.
// The link holds its exchange, and so does every command, webhook or look-up under way: whoever
// lets go last frees it, so an answer may come after the client or the door has gone. Loop thread
// only.
#ifndef KJ_HTTP_OWN_H
#define KJ_HTTP_OWN_H

#include "face/acceptor.h"
#include "face/face.h"
#include "face/http_wire.h"

enum {
    KJ_HTTP_CONNECTIONS = 512, // beyond that the one idle longest goes, if none is the newest
    KJ_HTTP_PER_ADDRESS = 128, // not on loopback: behind a proxy all clients have one address
    KJ_HTTP_CHUNK = 64 << 10,  // bytes of one read, and of what may be sent before its turn
    KJ_HTTP_KEEP = 16 << 10,   // a larger buffer is given back once it is empty
    KJ_HTTP_IDLE_S = 30,
    KJ_HTTP_REQUEST_S = 120,    // a request must have arrived whole within
    KJ_HTTP_BODIES = 256 << 20, // bytes of all bodies that are being received
    KJ_HTTP_DISCARD = 64 << 20, // so much of a refused body is read, so that the answer is
    KJ_HTTP_ANSWER = 64 << 20,
    KJ_HTTP_STREAMS = 256,
    KJ_HTTP_HEARTBEAT_MS = 15000,
    KJ_HTTP_STALL_MS = 60000, // a reader that takes nothing for so long is cut off
};

struct kj_exchange;
struct kj_link;
struct kj_stream; // http_events.c

struct kj_route {
    const char *methods; // "GET HEAD"
    const char *path;    // a "*" at its end stands for the rest, which is not empty
    bool command;        // the body limit is that of the command named by the rest
    // Answers, or keeps a reference (kj_exchange_hold) and answers later.
    void (*run)(struct kj_exchange *exchange);
};

struct kj_exchange {
    struct kj_exchange *next, *previous; // of the door
    struct kj_http *http;                // NULL once the door is closed
    struct kj_link *link;                // NULL once the client is gone
    char *bytes;                         // of the head; the texts below lie in them
    const struct kj_route *route;
    const char *rest;        // what "*" stood for
    const char *token, *key; // bearer, Idempotency-Key; NULL = none
    char allow[64];          // methods, for a 405
    struct kj_buf body;
    size_t length; // as announced
    int refs;
    bool arrived, answered, streaming;
    bool last; // the connection closes behind the answer
    // The answer.
    unsigned status;
    const char *type;              // static, or NULL
    struct kj_buf headers, answer; // further ones; its body
    struct kj_stream *stream;
    struct kj_http_head head; // in `bytes`; last, as its fields are not cleared before
};

struct kj_http {
    struct kj_api *api;
    struct kj_loop *loop;
    struct kj_acceptor acceptor;
    uv_timer_t sweep, feed, probe_deadline;
    int handles; // open uv handles; the last one to close frees the door
    struct kj_task flusher;
    struct kj_link *links, *flush;
    bool flushing, loopback;
    char chunk[KJ_HTTP_CHUNK]; // what is being read, of any connection
    uint16_t port;
    size_t body_limit, body_bytes;
    struct kj_exchange *exchanges;
    struct kj_stream *streams;
    size_t n_streams, n_connections;
    int64_t latest; // number of the newest event, -1 = not known yet
    uint64_t requests, refusals;
    struct kj_latest *looking;
    struct kj_probe *probe; // http_health.c: the store is being asked
};

// http_link.c
void kj_link_start(struct kj_http *http, int fd_take);
void kj_link_close(struct kj_link *link);
void kj_link_close_all(struct kj_http *http);  // what was answered goes out first
void kj_link_sweep(struct kj_http *http);      // every KJ_HTTP_HEARTBEAT_MS
void kj_link_flush_soon(struct kj_link *link); // its exchange is answered
void kj_http_unref(struct kj_http *http);      // a handle has closed
// A piece of a stream goes out; false while the one before has not been taken yet. Length 0 ends
// it.
bool kj_link_put(struct kj_link *link, const void *bytes, size_t length);
void kj_link_continue(struct kj_link *link); // "100 Continue"

// http_request.c: the link tells what comes. `bytes` is the exchange's from here on.
struct kj_exchange *kj_exchange_begin(struct kj_http *http, struct kj_link *link, char *bytes_take,
                                      size_t size);
// More of the body; with `length` 0 it has arrived whole.
void kj_exchange_feed(struct kj_exchange *exchange, const void *bytes, size_t length);
void kj_exchange_leave(struct kj_exchange *exchange); // answered, or the client has gone
void kj_exchange_hold(struct kj_exchange *exchange);
void kj_exchange_release(struct kj_exchange *exchange);

// http_refuse.c: what is well written and still not taken. false = *status and *fault say why.
bool kj_http_admit(struct kj_exchange *exchange, unsigned *status, struct kj_fault *fault);

// http_answer.c: each sets the answer; the first one counts. It goes out with the end of this turn,
// so that headers may follow. `type` must outlive the exchange.
void kj_exchange_text(struct kj_exchange *exchange, unsigned status, const char *type,
                      struct kj_buf *text_take);
void kj_exchange_doc(struct kj_exchange *exchange, unsigned status, const bson_t *doc);
// status 0 = by the fault's code.
void kj_exchange_fault(struct kj_exchange *exchange, unsigned status, const struct kj_fault *fault,
                       const bson_t *details);
// A header for the answer; one that could break out of its line is left out.
void kj_exchange_header(struct kj_exchange *exchange, const char *name, const char *value);
// The answer as it goes over the wire; without a body when a stream follows.
void kj_exchange_write(const struct kj_exchange *exchange, struct kj_buf *out);

// http_routes.c
extern const struct kj_route kj_http_routes[];
// NULL and *status 404 or 405 (then `allow` lists the methods) when nothing fits.
const struct kj_route *kj_http_route(const char *method, const char *path, const char **rest,
                                     unsigned *status, char *allow, size_t size);

// http_events.c
void kj_http_events(struct kj_exchange *exchange);
void kj_stream_more(struct kj_stream *stream); // its reader has taken what was sent
void kj_stream_end(struct kj_stream *stream);  // its connection has gone
void kj_http_beat(struct kj_http *http);       // every KJ_HTTP_HEARTBEAT_MS
void kj_http_on_feed(uv_timer_t *timer);
void kj_http_find_latest(struct kj_http *http);
void kj_http_forget_latest(struct kj_http *http); // the door closes

// http_health.c, http_metrics.c
void kj_http_health(struct kj_exchange *exchange);
void kj_http_forget_probe(struct kj_http *http);
void kj_http_on_probe_deadline(uv_timer_t *timer);
void kj_http_metrics(struct kj_exchange *exchange);

#endif
