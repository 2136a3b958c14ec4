// The inside of the HTTP client, shared by fetch.c (exchanges), fetch_options.c (what curl is told)
// and fetch_wire.c (curl's sockets and timer in uv).
#ifndef KJ_FETCH_PARTS_H
#define KJ_FETCH_PARTS_H

#include "base/str.h"
#include "loop/fetch.h"

#include <curl/curl.h>

struct kj_exchange {
    struct kj_fetcher *fetcher;
    struct kj_exchange *next, *previous; // in the order of start
    uint64_t id;
    CURL *easy; // NULL once it has ended
    struct curl_slist *request_headers;
    void *body;

    kj_fetch_done *done;
    void *arg;
    struct kj_task task;
    struct kj_external external;

    bool allow_private, repeatable; // repeatable: sending it twice does no harm (GET, HEAD)
    bool sent;                      // curl was let loose to write the request
    bool denied;                    // an address was inside
    bool reached;                   // an address was not
    bool second;                    // curl wanted to send it a second time
    bool too_large;                 // the response
    int error, status;
    struct kj_buf headers, content;
    char text[CURL_ERROR_SIZE];
};

struct kj_fetcher {
    struct kj_loop *loop;
    CURLM *multi;
    uv_timer_t *timer; // freed by its close callback
    struct kj_exchange *first, *last;
    size_t count;
    uint64_t next_id;
    bool closing;
};

// Checks the request and prepares exchange->easy. KJ_EINVAL when curl must not see it.
int kj_exchange_prepare(struct kj_exchange *exchange, const struct kj_fetch_request *request);

// Connects the multi handle to the loop; `ended` of fetch.c hears of each that curl is through
// with.
void kj_fetch_wire(struct kj_fetcher *fetcher);
void kj_fetch_unwire(struct kj_fetcher *fetcher); // after the multi handle is gone
void kj_exchange_ended(struct kj_exchange *exchange, CURLcode code);

#endif
