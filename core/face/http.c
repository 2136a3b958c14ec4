// The HTTP door: libmicrohttpd inside the loop. Its epoll descriptor is watched by libuv, its
// timeouts are a timer; both in real time, as the clock of the engine may be virtual.
//
// After a resume neither the descriptor nor the timeout signals: so whoever has an answer calls one
// wake function, and that runs the library from a task of its own, never inside its callbacks.
// Stopping resumes everything first, or the library would abort.
#include "base/alloc.h"
#include "base/log.h"
#include "face/http_own.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

// --- running ---

static void set_timer(struct kj_http *http);

static void run(struct kj_http *http)
{
    MHD_run(http->daemon);
    set_timer(http);
}

static void on_timer(uv_timer_t *timer)
{
    run(timer->data);
}

static void set_timer(struct kj_http *http)
{
    MHD_UNSIGNED_LONG_LONG ms;
    if (MHD_get_timeout(http->daemon, &ms) == MHD_YES)
        uv_timer_start(&http->timer, on_timer, ms, 0);
    else
        uv_timer_stop(&http->timer);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    run(poll->data);
}

// The library then calls the handler again, which hands over the answer. A client that has closed
// its half meanwhile counts as gone: the library reads first.
static void resume(struct kj_exchange *exchange)
{
    exchange->waking = exchange->suspended = false;
    MHD_resume_connection(exchange->connection);
}

static void resume_all(struct kj_http *http, bool all)
{
    for (struct kj_exchange *at = http->exchanges; at; at = at->next)
        if (at->suspended && at->connection && (all || at->waking))
            resume(at);
}

static void on_wake(struct kj_task *task)
{
    struct kj_http *http = (struct kj_http *)((char *)task - offsetof(struct kj_http, wake));
    http->wake_posted = false;
    resume_all(http, false);
    run(http);
}

void kj_http_resume(struct kj_exchange *exchange)
{
    struct kj_http *http = exchange->http;
    if (!exchange->suspended || exchange->connection == NULL || http == NULL)
        return;
    exchange->waking = true;
    if (!http->wake_posted)
        kj_loop_post(http->loop, &http->wake);
    http->wake_posted = true;
}

// --- sockets ---

static void on_connection(void *arg, struct MHD_Connection *connection, void **own,
                          enum MHD_ConnectionNotificationCode code)
{
    struct kj_http *http = arg;
    struct kj_peer *peer = *own;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        peer = KJ_NEW(struct kj_peer);
        peer->fd = info ? info->connect_fd : -1;
        peer->quiet = kj_clock_real_mono();
        peer->next = http->peers;
        if (http->peers)
            http->peers->previous = peer;
        http->peers = peer;
        http->n_connections++;
        *own = peer;
    } else if (peer) {
        if (peer->previous)
            peer->previous->next = peer->next;
        else
            http->peers = peer->next;
        if (peer->next)
            peer->next->previous = peer->previous;
        http->n_connections--;
        free(peer);
        *own = NULL;
    }
}

// The library's timeout counts from the last byte: a client that sends one now and then would keep
// its place for ever.
static void on_sweep(uv_timer_t *timer)
{
    struct kj_http *http = timer->data;
    int64_t now = kj_clock_real_mono();
    for (struct kj_peer *peer = http->peers; peer; peer = peer->next)
        if (!peer->busy && peer->fd >= 0 && now - peer->quiet > KJ_HTTP_REQUEST_S * 1000)
            shutdown(peer->fd, SHUT_RDWR);
    kj_http_beat(http);
}

// --- starting ---

static void on_library_log(void *arg, const char *format, va_list args)
{
    char text[256];
    (void)arg;
    vsnprintf(text, sizeof text, format, args);
    text[strcspn(text, "\n")] = 0;
    kj_log(KJ_LOG_DEBUG, "http", text, NULL);
}

static int parse_address(const struct kj_http_config *config, struct sockaddr_storage *address,
                         struct kj_fault *fault)
{
    struct sockaddr_in *four = (struct sockaddr_in *)address;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)address;
    const char *text = config->address ? config->address : "127.0.0.1";
    memset(address, 0, sizeof *address);
    if (inet_pton(AF_INET, text, &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons(config->port);
        return KJ_OK;
    }
    if (inet_pton(AF_INET6, text, &six->sin6_addr) == 1) {
        six->sin6_family = AF_INET6;
        six->sin6_port = htons(config->port);
        return KJ_OK;
    }
    return kj_fault(fault, KJ_EINVAL, text, "write an IP address, such as 127.0.0.1 or ::1",
                    "is not an address to listen on");
}

static bool is_loopback(const struct sockaddr_storage *address)
{
    const struct sockaddr_in *four = (const struct sockaddr_in *)address;
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)address;
    return address->ss_family == AF_INET ? ntohl(four->sin_addr.s_addr) >> 24 == 127
                                         : IN6_IS_ADDR_LOOPBACK(&six->sin6_addr);
}

static int start_daemon(struct kj_http *http, const struct kj_http_config *config,
                        struct kj_fault *fault)
{
    struct sockaddr_storage address;
    char place[96];
    int rc = parse_address(config, &address, fault);
    if (rc != KJ_OK)
        return rc;
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    if (address.ss_family == AF_INET6)
        flags |= MHD_USE_IPv6;
    errno = 0;
    http->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, kj_http_on_request, http, MHD_OPTION_EXTERNAL_LOGGER, on_library_log,
        NULL, MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&address, MHD_OPTION_NOTIFY_COMPLETED,
        kj_http_on_completed, http, MHD_OPTION_NOTIFY_CONNECTION, on_connection, http,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)KJ_HTTP_CONNECTIONS,
        MHD_OPTION_PER_IP_CONNECTION_LIMIT,
        (unsigned)(is_loopback(&address) ? 0 : KJ_HTTP_PER_ADDRESS), MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)KJ_HTTP_IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)KJ_HTTP_HEADER_BYTES,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_END);
    if (http->daemon)
        return KJ_OK;
    snprintf(place, sizeof place, "%s port %u", config->address ? config->address : "127.0.0.1",
             config->port);
    return kj_fault(fault, KJ_EIO, place, "choose another http.port, or stop what listens there",
                    "cannot be listened on: %s", strerror(errno));
}

static void start_handles(struct kj_http *http)
{
    uv_loop_t *uv = kj_loop_uv(http->loop);
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    uv_poll_init(uv, &http->poll, info->epoll_fd);
    uv_timer_init(uv, &http->timer);
    uv_timer_init(uv, &http->sweep);
    uv_timer_init(uv, &http->feed);
    uv_timer_init(uv, &http->probe_deadline);
    http->poll.data = http->timer.data = http->sweep.data = http;
    http->feed.data = http->probe_deadline.data = http;
    http->handles = 5;
    uv_poll_start(&http->poll, UV_READABLE, on_poll);
    uv_timer_start(&http->sweep, on_sweep, KJ_HTTP_HEARTBEAT_MS, KJ_HTTP_HEARTBEAT_MS);
    set_timer(http);
}

int kj_http_create(struct kj_api *api, const struct kj_http_config *config, struct kj_http **out,
                   struct kj_fault *fault)
{
    struct kj_http *http = KJ_NEW(struct kj_http);
    http->api = api;
    http->loop = kj_api_engine(api)->loop;
    http->body_limit = config->body_limit ? config->body_limit : 1u << 20;
    http->wake.run = on_wake;
    http->latest = -1;
    int rc = start_daemon(http, config, fault);
    if (rc != KJ_OK) {
        free(http);
        return rc;
    }
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_BIND_PORT);
    http->port = info ? info->port : config->port;
    start_handles(http);
    kj_http_find_latest(http);
    *out = http;
    return KJ_OK;
}

uint16_t kj_http_port(const struct kj_http *http)
{
    return http->port;
}

// --- stopping ---

static void on_closed(uv_handle_t *handle)
{
    struct kj_http *http = handle->data;
    if (--http->handles == 0)
        free(http);
}

void kj_http_destroy(struct kj_http *http)
{
    if (http == NULL)
        return;
    if (http->wake_posted)
        kj_loop_unpost(http->loop, &http->wake);
    http->wake_posted = true; // nothing is posted from here on
    resume_all(http, true);
    uv_close((uv_handle_t *)&http->poll, on_closed);
    MHD_stop_daemon(http->daemon);
    while (http->exchanges) { // whoever still holds one lets go later
        struct kj_exchange *exchange = http->exchanges;
        http->exchanges = exchange->next;
        exchange->next = exchange->previous = NULL;
        exchange->http = NULL;
    }
    kj_http_forget_latest(http);
    kj_http_forget_probe(http);
    uv_close((uv_handle_t *)&http->timer, on_closed);
    uv_close((uv_handle_t *)&http->sweep, on_closed);
    uv_close((uv_handle_t *)&http->feed, on_closed);
    uv_close((uv_handle_t *)&http->probe_deadline, on_closed);
}
