// The HTTP client: curl's multi interface in the loop.
//
// http and https only, HTTP/1.1 with connections kept, no redirects, no proxy, TLS verified; the
// address is judged after resolution, in the open-socket callback, so that a name cannot be pointed
// inside (SSRF). Deadlines are real time. Nothing but GET and HEAD is ever sent twice: a request
// whose kept connection breaks fails with `sent`. Loop thread.
#ifndef KJ_FETCH_H
#define KJ_FETCH_H

#include "loop/loop.h"

struct kj_fetcher;

struct kj_fetch_request {
    const char *method; // "GET", "POST", …
    const char *url;
    const char *const *headers; // "Name: value", NULL-terminated; may be NULL
    const void *body;
    size_t body_length;
    int64_t timeout_ms;    // whole exchange; 0 = 30 s; connecting alone has at most 10 s
    size_t response_limit; // 0 = 1 MiB
    bool allow_private;    // loopback, private and link-local addresses (an instance's egress list)
};

struct kj_fetch_response {
    int error;           // 0, or KJ_ETIMEDOUT, KJ_ECANCELED, KJ_EUNAVAILABLE, KJ_EDENIED, KJ_ELIMIT
    bool sent;           // a byte of the request may have left us: a failure then is "unknown"
    int status;          // HTTP status; also on error when it had come already, else 0
    const char *headers; // header lines, CRLF separated, without the status line; never NULL
    const char *body;    // terminated behind body_length; on error what had come; never NULL
    size_t body_length;
    char text[256]; // what went wrong, mostly in curl's words
};

// The response is valid during the call only. Called exactly once, also after cancel, and never
// from inside start or cancel (but inside destroy); may start, cancel and destroy.
typedef void kj_fetch_done(void *arg, const struct kj_fetch_response *response);

int kj_fetcher_create(struct kj_loop *loop, struct kj_fetcher **fetcher,
                      struct kj_fault *fault) KJ_MUST_USE;
// Ends what is open with KJ_ECANCELED (callbacks run).
void kj_fetcher_destroy(struct kj_fetcher *fetcher);
// Copies what it needs. 0 on success; a negative code means `done` is never called: KJ_EINVAL (not
// an http or https address, a control character in address or header, an odd method), KJ_EFULL
// (4096 are open), KJ_ECANCELED (the fetcher is being destroyed). `id` may be NULL.
int kj_fetch_start(struct kj_fetcher *fetcher, const struct kj_fetch_request *request,
                   kj_fetch_done *done, void *arg, uint64_t *id) KJ_MUST_USE;
// Unknown ids are ignored, and one that has ended and is not delivered yet keeps its outcome.
void kj_fetch_cancel(struct kj_fetcher *fetcher, uint64_t id);
// The value of the first such header (case-insensitive), copied and cut to size; false when absent.
bool kj_fetch_header(const char *headers, const char *name, char *value, size_t size);

#endif
