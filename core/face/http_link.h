// One HTTP connection, for the files that look after connections. Private to face/.
#ifndef KJ_HTTP_LINK_H
#define KJ_HTTP_LINK_H

#include "face/http_own.h"

struct kj_link {
    struct kj_link *next, *previous, *next_flush;
    struct kj_http *http;
    uv_tcp_t handle;
    uv_write_t write;
    uv_shutdown_t shutdown;
    struct kj_exchange *exchange;
    struct kj_buf in;  // not used yet
    struct kj_buf out; // being written
    size_t body_left;  // of the exchange's body, still to come
    size_t discarded;
    int64_t quiet; // real ms since which no byte has moved
    int64_t begun; // since when this request has been coming
    bool closing, resting, writing, flushing;
    bool last;      // nothing is answered any more
    bool lingering; // we have said all; what still comes is thrown away, or the client, which is
                    // still sending, would see a broken connection in the place of our answer
};

// http_crowd.c: whether this newcomer may stay; somebody idle may have to go for it.
bool kj_link_room(struct kj_http *http, int fd);

#endif
