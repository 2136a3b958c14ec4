// The HTTP door: where it listens, how it starts and stops. Handles and timers are in real time, as
// the clock of the engine may be virtual.
//
// Ours and not a library's: libmicrohttpd must be told to suspend and resume each request whose
// answer comes later, and so made five system calls for each where two do
// (read, write); and much of what it lets through had to be refused behind it.
#include "base/alloc.h"
#include "base/log.h"
#include "face/http_own.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { k_backlog = 4096 }; // a full one costs a newcomer seconds of the kernel's retransmissions

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

// The socket, or -1 with errno; *address becomes what it is bound to.
static int open_socket(struct sockaddr_storage *address)
{
    socklen_t size =
        address->ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    int fd = socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        bind(fd, (struct sockaddr *)address, size) == 0 && listen(fd, k_backlog) == 0 &&
        getsockname(fd, (struct sockaddr *)address, &size) == 0)
        return fd;
    int error = errno;
    if (fd >= 0)
        close(fd);
    errno = error;
    return -1;
}

static void on_client(void *arg, int fd_take)
{
    kj_link_start(arg, fd_take);
}

static void on_sweep(uv_timer_t *timer)
{
    kj_link_sweep(timer->data);
    kj_http_beat(timer->data);
}

static void start_handles(struct kj_http *http, int fd_take)
{
    uv_loop_t *uv = kj_loop_uv(http->loop);
    kj_acceptor_start(uv, &http->acceptor, fd_take, on_client, http);
    uv_timer_init(uv, &http->sweep);
    uv_timer_init(uv, &http->feed);
    uv_timer_init(uv, &http->probe_deadline);
    http->sweep.data = http->feed.data = http->probe_deadline.data = http;
    http->handles = 4;
    uv_timer_start(&http->sweep, on_sweep, KJ_HTTP_HEARTBEAT_MS, KJ_HTTP_HEARTBEAT_MS);
}

int kj_http_create(struct kj_api *api, const struct kj_http_config *config, struct kj_http **out,
                   struct kj_fault *fault)
{
    struct sockaddr_storage address;
    char place[96];
    int rc = parse_address(config, &address, fault);
    if (rc != KJ_OK)
        return rc;
    int fd = open_socket(&address);
    if (fd < 0) {
        snprintf(place, sizeof place, "%s port %u", config->address ? config->address : "127.0.0.1",
                 config->port);
        return kj_fault(fault, KJ_EIO, place,
                        "choose another http.port, or stop what listens there",
                        "cannot be listened on: %s", strerror(errno));
    }
    struct kj_http *http = KJ_NEW(struct kj_http);
    http->api = api;
    http->loop = kj_api_engine(api)->loop;
    http->body_limit = config->body_limit ? config->body_limit : 1u << 20;
    http->latest = -1;
    http->loopback = is_loopback(&address);
    http->port = ntohs(((struct sockaddr_in *)&address)->sin_port); // at one place in both kinds
    start_handles(http, fd);
    kj_http_find_latest(http);
    *out = http;
    return KJ_OK;
}

uint16_t kj_http_port(const struct kj_http *http)
{
    return http->port;
}

// --- stopping ---

void kj_http_unref(struct kj_http *http)
{
    if (--http->handles == 0)
        free(http);
}

static void on_acceptor_closed(void *arg)
{
    kj_http_unref(arg);
}

static void on_closed(uv_handle_t *handle)
{
    kj_http_unref(handle->data);
}

void kj_http_destroy(struct kj_http *http)
{
    if (http == NULL)
        return;
    kj_link_close_all(http);
    while (http->exchanges) { // whoever still holds one lets go later
        struct kj_exchange *exchange = http->exchanges;
        http->exchanges = exchange->next;
        exchange->next = exchange->previous = NULL;
        exchange->http = NULL;
    }
    kj_http_forget_latest(http);
    kj_http_forget_probe(http);
    kj_acceptor_stop(&http->acceptor, on_acceptor_closed);
    uv_close((uv_handle_t *)&http->sweep, on_closed);
    uv_close((uv_handle_t *)&http->feed, on_closed);
    uv_close((uv_handle_t *)&http->probe_deadline, on_closed);
}
