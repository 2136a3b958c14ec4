// What the files of the HTTP door share. Private to face/.
//
// One exchange is one request with its answer. The library owns it as long as it holds the
// connection, and every command, webhook or look-up under way holds it too: whoever lets go last
// frees it, so an answer may come after the client or the door has gone. All on the loop thread.
#ifndef KJ_HTTP_OWN_H
#define KJ_HTTP_OWN_H

#include "face/face.h"

#include <microhttpd.h>

enum {
    KJ_HTTP_CONNECTIONS = 512,
    KJ_HTTP_PER_ADDRESS = 128,       // not on loopback: behind a proxy all clients have one address
    KJ_HTTP_HEADER_BYTES = 16 << 10, // the library clears them twice for each request
    KJ_HTTP_IDLE_S = 30,
    KJ_HTTP_REQUEST_S = 120,    // a request must have arrived whole within
    KJ_HTTP_BODIES = 256 << 20, // bytes of all bodies that are being received
    KJ_HTTP_DISCARD = 64 << 20, // so much of a refused body is read, so that the answer is
    KJ_HTTP_ANSWER = 64 << 20,
    KJ_HTTP_STREAMS = 256,
    KJ_HTTP_HEARTBEAT_MS = 15000,
    KJ_HTTP_STALL_MS = 60000, // a stream whose reader takes nothing for so long is cut off
};

struct kj_exchange;
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
    struct MHD_Connection *connection;   // NULL once the client is gone
    struct kj_peer *peer;                // the socket it came by
    const struct kj_route *route;
    char *method, *rest; // what "*" stood for
    char *token, *key;   // bearer, Idempotency-Key; NULL = none
    char *allow;         // methods, for a 405
    struct kj_buf body;
    size_t length; // as announced
    int refs;
    bool arrived, suspended, waking;
    bool discard;                  // refused: the body is read for politeness and thrown away
    struct MHD_Response *response; // ready to go out
    unsigned status;
    struct kj_stream *stream;
};

// One socket: for the deadline of a request that trickles in.
struct kj_peer {
    struct kj_peer *next, *previous;
    int fd;
    bool busy;     // a request has arrived whole and is being answered
    int64_t quiet; // real ms since which nothing has been answered
};

struct kj_http {
    struct kj_api *api;
    struct kj_loop *loop;
    struct MHD_Daemon *daemon;
    uv_poll_t poll;
    uv_timer_t timer, sweep, feed, probe_deadline;
    int handles; // open uv handles; the last one to close frees the door
    struct kj_task wake;
    bool wake_posted;
    uint16_t port;
    size_t body_limit, body_bytes;
    struct kj_exchange *exchanges;
    struct kj_peer *peers;
    struct kj_stream *streams;
    size_t n_streams, n_connections;
    int64_t latest; // number of the newest event, -1 = not known yet
    uint64_t requests, refusals;
    struct kj_latest *looking;
    struct kj_probe *probe; // http_health.c: the store is being asked
};

// http.c: lets this suspended exchange's connection go on at the next wake.
void kj_http_resume(struct kj_exchange *exchange);

// http_request.c: the library's callbacks.
enum MHD_Result kj_http_on_request(void *arg, struct MHD_Connection *connection, const char *url,
                                   const char *method, const char *version, const char *upload,
                                   size_t *upload_size, void **own);
void kj_http_on_completed(void *arg, struct MHD_Connection *connection, void **own,
                          enum MHD_RequestTerminationCode code);
void kj_exchange_hold(struct kj_exchange *exchange);
void kj_exchange_release(struct kj_exchange *exchange);

// http_refuse.c: what the library lets through and we do not. false = *status and *fault say why;
// *framed: the end of this request is known.
bool kj_http_admit(struct kj_exchange *exchange, unsigned *status, bool *framed,
                   struct kj_fault *fault);

// http_answer.c: each sets the answer; the first one counts.
void kj_exchange_answer(struct kj_exchange *exchange, unsigned status,
                        struct MHD_Response *response_take);
void kj_exchange_text(struct kj_exchange *exchange, unsigned status, const char *type,
                      struct kj_buf *text_take);
void kj_exchange_doc(struct kj_exchange *exchange, unsigned status, const bson_t *doc);
// status 0 = by the fault's code.
void kj_exchange_fault(struct kj_exchange *exchange, unsigned status, const struct kj_fault *fault,
                       const bson_t *details);
// A header for the answer that was set.
void kj_exchange_header(struct kj_exchange *exchange, const char *name, const char *value);

// http_routes.c
extern const struct kj_route kj_http_routes[];
// NULL and *status 404 or 405 (then `allow` lists the methods) when nothing fits.
const struct kj_route *kj_http_route(const char *method, const char *path, const char **rest,
                                     unsigned *status, char *allow, size_t size);

// http_events.c
void kj_http_events(struct kj_exchange *exchange);
void kj_stream_end(struct kj_stream *stream); // its connection has gone
void kj_http_beat(struct kj_http *http);      // every KJ_HTTP_HEARTBEAT_MS
void kj_http_on_feed(uv_timer_t *timer);
void kj_http_find_latest(struct kj_http *http);
void kj_http_forget_latest(struct kj_http *http); // the door closes

// http_health.c, http_metrics.c
void kj_http_health(struct kj_exchange *exchange);
void kj_http_forget_probe(struct kj_http *http);
void kj_http_on_probe_deadline(uv_timer_t *timer);
void kj_http_metrics(struct kj_exchange *exchange);

#endif
