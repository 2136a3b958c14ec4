// The HTTP client: curl's multi interface in the loop.
//
// http and https only, no redirects, TLS verified; the address is judged after resolution, in the
// open-socket callback, so that a name cannot be pointed inside (SSRF). Deadlines are real time.
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
    int64_t timeout_ms;    // whole exchange; 0 = 30 s
    size_t response_limit; // 0 = 1 MiB
    bool allow_private;    // loopback, private and link-local addresses (an instance's egress list)
};

struct kj_fetch_response {
    int error;           // 0, or KJ_ETIMEDOUT, KJ_ECANCELED, KJ_EUNAVAILABLE, KJ_EDENIED, KJ_ELIMIT
    bool sent;           // the request left us (a failure then is "unknown", not "not processed")
    int status;          // HTTP status when error is 0
    const char *headers; // raw header lines, CRLF separated
    const char *body;
    size_t body_length;
    char text[256]; // curl's words on error
};

// The response is valid during the call only. Called exactly once, also after cancel.
typedef void kj_fetch_done(void *arg, const struct kj_fetch_response *response);

int kj_fetcher_create(struct kj_loop *loop, struct kj_fetcher **fetcher,
                      struct kj_fault *fault) KJ_MUST_USE;
void kj_fetcher_destroy(struct kj_fetcher *fetcher);
// Copies what it needs. 0 on success; a negative code means `done` is never called.
int kj_fetch_start(struct kj_fetcher *fetcher, const struct kj_fetch_request *request,
                   kj_fetch_done *done, void *arg, uint64_t *id) KJ_MUST_USE;
void kj_fetch_cancel(struct kj_fetcher *fetcher, uint64_t id); // unknown ids are ignored
// The value of a header in `headers` (case-insensitive), copied; false when absent.
bool kj_fetch_header(const char *headers, const char *name, char *value, size_t size);

#endif
