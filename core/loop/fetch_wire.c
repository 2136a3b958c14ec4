// curl's multi-socket interface in the loop: curl says which sockets and which timeout it waits
// for, uv waits, curl goes on. Callbacks of curl only take notes here: what an exchange leads to
// runs later as a task, since curl must not be entered from inside itself.
#include "loop/fetch_parts.h"

#include "base/alloc.h"
#include "base/log.h"

#include <stdlib.h>

// uv frees handles late, so each socket's lives in memory of its own.
struct watch {
    uv_poll_t poll;
    struct kj_fetcher *fetcher;
    curl_socket_t socket;
};

static void free_handle(uv_handle_t *handle)
{
    free(handle);
}

// Collects what curl finished. Must follow each socket_action.
static void collect(struct kj_fetcher *fetcher)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(fetcher->multi, &left))) {
        if (message->msg != CURLMSG_DONE)
            continue;
        struct kj_exchange *exchange = NULL;
        CURLcode code = message->data.result; // the message dies with the handle's removal
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &exchange);
        kj_exchange_ended(exchange, code);
    }
}

static void act(struct kj_fetcher *fetcher, curl_socket_t socket, int events)
{
    int running;
    curl_multi_socket_action(fetcher->multi, socket, events, &running);
    collect(fetcher);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct watch *watch = poll->data;
    int flags = status < 0 ? CURL_CSELECT_ERR : 0;
    if (events & UV_READABLE)
        flags |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE)
        flags |= CURL_CSELECT_OUT;
    act(watch->fetcher, watch->socket, flags);
}

static void unwatch(struct kj_fetcher *fetcher, curl_socket_t socket, struct watch *watch)
{
    if (watch == NULL)
        return;
    curl_multi_assign(fetcher->multi, socket, NULL);
    uv_close((uv_handle_t *)&watch->poll, free_handle);
}

static int on_socket(CURL *easy, curl_socket_t socket, int what, void *arg, void *assigned)
{
    (void)easy;
    struct kj_fetcher *fetcher = arg;
    struct watch *watch = assigned;
    if (what == CURL_POLL_REMOVE) {
        unwatch(fetcher, socket, watch);
        return 0;
    }
    if (watch == NULL) {
        watch = KJ_NEW(struct watch);
        watch->fetcher = fetcher;
        watch->socket = socket;
        int rc = uv_poll_init_socket(kj_loop_uv(fetcher->loop), &watch->poll, socket);
        if (rc < 0) {
            kj_log(KJ_LOG_ERROR, "loop", "a socket cannot be watched", "error", uv_strerror(rc),
                   NULL);
            free(watch);
            return -1; // curl fails the transfers
        }
        watch->poll.data = watch;
        curl_multi_assign(fetcher->multi, socket, watch);
    }
    int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
    uv_poll_start(&watch->poll, events, on_ready);
    return 0;
}

static void on_timeout(uv_timer_t *timer)
{
    act(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static int on_timer(CURLM *multi, long timeout_ms, void *arg)
{
    (void)multi;
    struct kj_fetcher *fetcher = arg;
    if (timeout_ms < 0) {
        uv_timer_stop(fetcher->timer);
        return 0;
    }
    uv_update_time(kj_loop_uv(fetcher->loop)); // uv counts from the start of its round
    uv_timer_start(fetcher->timer, on_timeout, (uint64_t)timeout_ms, 0);
    return 0;
}

void kj_fetch_wire(struct kj_fetcher *fetcher)
{
    fetcher->timer = KJ_NEW(uv_timer_t);
    uv_timer_init(kj_loop_uv(fetcher->loop), fetcher->timer);
    fetcher->timer->data = fetcher;
    curl_multi_setopt(fetcher->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(fetcher->multi, CURLMOPT_SOCKETDATA, fetcher);
    curl_multi_setopt(fetcher->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(fetcher->multi, CURLMOPT_TIMERDATA, fetcher);
}

void kj_fetch_unwire(struct kj_fetcher *fetcher)
{
    uv_close((uv_handle_t *)fetcher->timer, free_handle);
}
