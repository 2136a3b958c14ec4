// The connections of the HTTP door together: how many may be here, and who has been still for too
// long.
#include "face/http_link.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

enum { k_linger_ms = 2000 };

static bool same_address(const struct kj_link *link, const struct sockaddr_storage *other)
{
    struct sockaddr_storage own = {0};
    int size = sizeof own;
    if (uv_tcp_getpeername(&link->handle, (struct sockaddr *)&own, &size) != 0 ||
        own.ss_family != other->ss_family)
        return false;
    const struct sockaddr_in6 *a = (const void *)&own, *b = (const void *)other;
    return own.ss_family == AF_INET6
               ? memcmp(&a->sin6_addr, &b->sin6_addr, sizeof a->sin6_addr) == 0
               : memcmp(&((const struct sockaddr_in *)a)->sin_addr,
                        &((const struct sockaddr_in *)b)->sin_addr, 4) == 0;
}

// A place for one more: the idlest gives up its own.
bool kj_link_room(struct kj_http *http, int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof address;
    struct kj_link *idlest = NULL;
    size_t same = 0;
    if (!http->loopback && getpeername(fd, (struct sockaddr *)&address, &size) == 0)
        for (struct kj_link *link = http->links; link; link = link->next)
            same += same_address(link, &address);
    if (same >= KJ_HTTP_PER_ADDRESS)
        return false;
    if (http->n_connections < KJ_HTTP_CONNECTIONS)
        return true;
    for (struct kj_link *link = http->links; link; link = link->next)
        if (!(link->exchange && link->exchange->arrived) && !link->writing &&
            (idlest == NULL || link->quiet < idlest->quiet))
            idlest = link;
    if (idlest)
        kj_link_close(idlest);
    return idlest != NULL;
}

static bool is_overdue(const struct kj_link *link, int64_t now)
{
    int64_t quiet = now - link->quiet;
    if (link->lingering)
        return quiet > k_linger_ms;
    if (link->writing)
        return quiet > KJ_HTTP_STALL_MS;
    if (link->exchange && link->exchange->arrived)
        return false;
    return quiet > KJ_HTTP_IDLE_S * 1000 ||
           (link->begun && now - link->begun > KJ_HTTP_REQUEST_S * 1000);
}

void kj_link_sweep(struct kj_http *http)
{
    int64_t now = (int64_t)uv_now(kj_loop_uv(http->loop));
    for (struct kj_link *link = http->links, *next; link; link = next) {
        next = link->next;
        if (is_overdue(link, now))
            kj_link_close(link);
    }
}
