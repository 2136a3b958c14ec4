// An HTTP server of one thread for the tests of the HTTP client: it behaves well or badly by path.
#ifndef KJ_TINY_SERVER_H
#define KJ_TINY_SERVER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TINY_CONNECTIONS = 32 };

struct tiny_connection {
    int fd; // -1 = free
    int requests;
    char buffer[4096];
    size_t length;
};

struct tiny_server {
    int listener, port, wake[2];
    pthread_t thread;
    atomic_int requests, answered, connections;
    struct tiny_connection table[TINY_CONNECTIONS];
    int held; // a connection whose answer waits for the next request, or -1
    char last_request[4096];
    pthread_mutex_t lock; // guards last_request
};

static void tiny_send(int fd, const char *text)
{
    (void)!send(fd, text, strlen(text), MSG_NOSIGNAL);
}

static void tiny_close(struct tiny_connection *connection, bool reset)
{
    struct linger linger = {.l_onoff = 1};
    if (reset)
        setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    close(connection->fd);
    connection->fd = -1;
}

static void tiny_send_ok(int fd, const char *body)
{
    char text[4400];
    snprintf(text, sizeof text,
             "HTTP/1.1 200 OK\r\nX-Test:  one two \r\nContent-Length: %zu\r\n\r\n%s", strlen(body),
             body);
    tiny_send(fd, text);
}

static void tiny_send_big(int fd, bool announced)
{
    char body[5001];
    memset(body, 'x', 5000);
    body[5000] = 0;
    tiny_send(fd, announced ? "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"
                            : "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
    tiny_send(fd, body);
}

static bool tiny_is(const char *path, const char *name)
{
    size_t length = strlen(name);
    return strncmp(path, name, length) == 0 && path[length] == ' ';
}

// Behaviour by path; everything else is answered with what was asked.
static void tiny_answer(struct tiny_server *server, struct tiny_connection *c, const char *path,
                        const char *body)
{
    if (tiny_is(path, "/silent"))
        return;
    if (tiny_is(path, "/reset")) {
        tiny_close(c, true);
    } else if (tiny_is(path, "/close-kept") && c->requests > 1) {
        tiny_close(c, false); // without a byte: what curl takes for a stale connection
    } else if (tiny_is(path, "/half")) {
        tiny_send(c->fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
        tiny_close(c, false);
    } else if (tiny_is(path, "/chunked")) {
        tiny_send(c->fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
        tiny_send(c->fd, "6\r\n world\r\n0\r\n\r\n");
    } else if (tiny_is(path, "/big") || tiny_is(path, "/big-surprise")) {
        tiny_send_big(c->fd, tiny_is(path, "/big"));
        if (tiny_is(path, "/big-surprise"))
            tiny_close(c, false);
    } else if (tiny_is(path, "/continue")) {
        tiny_send(c->fd, "HTTP/1.1 100 Continue\r\nX-Early: 1\r\n\r\n");
        tiny_send_ok(c->fd, "after");
    } else if (tiny_is(path, "/redirect")) {
        tiny_send(c->fd, "HTTP/1.1 302 Found\r\nLocation: /ok\r\nContent-Length: 0\r\n\r\n");
    } else if (tiny_is(path, "/head")) {
        tiny_send(c->fd, "HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n");
    } else if (tiny_is(path, "/nonsense")) {
        tiny_send(c->fd, "220 smtp.example.org ESMTP\r\n");
        tiny_close(c, false);
    } else if (tiny_is(path, "/hold")) {
        server->held = c->fd;
    } else {
        tiny_send_ok(c->fd, body);
    }
}

// One request of a connection; false while it is not complete.
static bool tiny_take(struct tiny_server *server, struct tiny_connection *c)
{
    char *end = strstr(c->buffer, "\r\n\r\n");
    if (end == NULL)
        return false;
    char *header = strstr(c->buffer, "Content-Length:");
    size_t body = header && header < end ? (size_t)atol(header + 15) : 0;
    size_t total = (size_t)(end + 4 - c->buffer) + body;
    if (c->length < total)
        return false;
    pthread_mutex_lock(&server->lock);
    memcpy(server->last_request, c->buffer, total);
    server->last_request[total] = 0;
    pthread_mutex_unlock(&server->lock);
    char *path = strchr(c->buffer, ' ') + 1;
    int held = server->held;
    c->requests++;
    c->buffer[total] = 0;
    server->held = -1;
    atomic_fetch_add(&server->requests, 1);
    tiny_answer(server, c, path, end + 4);
    if (held >= 0)
        tiny_send_ok(held, "held");
    atomic_fetch_add(&server->answered, 1);
    c->length = 0; // the client of the tests never sends ahead
    c->buffer[0] = 0;
    return true;
}

static void tiny_read(struct tiny_server *server, struct tiny_connection *c)
{
    ssize_t got = recv(c->fd, c->buffer + c->length, sizeof c->buffer - 1 - c->length, 0);
    if (got <= 0) {
        tiny_close(c, false);
        return;
    }
    c->length += (size_t)got;
    c->buffer[c->length] = 0;
    tiny_take(server, c);
}

static void tiny_accept(struct tiny_server *server)
{
    int fd = accept(server->listener, NULL, NULL);
    atomic_fetch_add(&server->connections, 1);
    for (int i = 0; fd >= 0 && i < TINY_CONNECTIONS; i++) {
        if (server->table[i].fd >= 0)
            continue;
        server->table[i] = (struct tiny_connection){.fd = fd};
        return;
    }
    close(fd);
}

static void *tiny_main(void *arg)
{
    struct tiny_server *server = arg;
    for (;;) {
        struct pollfd fds[TINY_CONNECTIONS + 2] = {{.fd = server->listener, .events = POLLIN},
                                                   {.fd = server->wake[0], .events = POLLIN}};
        for (int i = 0; i < TINY_CONNECTIONS; i++)
            fds[i + 2] = (struct pollfd){.fd = server->table[i].fd, .events = POLLIN};
        poll(fds, TINY_CONNECTIONS + 2, -1);
        if (fds[1].revents)
            return NULL;
        for (int i = 0; i < TINY_CONNECTIONS; i++) {
            if (server->table[i].fd >= 0 && fds[i + 2].revents)
                tiny_read(server, &server->table[i]);
        }
        if (fds[0].revents)
            tiny_accept(server);
    }
}

// A port of 127.0.0.1 that refuses connections until somebody listens.
static int tiny_bind(int *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(fd, (struct sockaddr *)&address, size) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) != 0)
        abort();
    *port = ntohs(address.sin_port);
    return fd;
}

static void tiny_start(struct tiny_server *server)
{
    memset(server, 0, sizeof *server);
    server->held = -1;
    pthread_mutex_init(&server->lock, NULL);
    for (int i = 0; i < TINY_CONNECTIONS; i++)
        server->table[i].fd = -1;
    server->listener = tiny_bind(&server->port);
    if (listen(server->listener, 64) != 0 || pipe(server->wake) != 0 ||
        pthread_create(&server->thread, NULL, tiny_main, server) != 0)
        abort();
}

static void tiny_stop(struct tiny_server *server)
{
    (void)!write(server->wake[1], "x", 1);
    pthread_join(server->thread, NULL);
    for (int i = 0; i < TINY_CONNECTIONS; i++) {
        if (server->table[i].fd >= 0)
            close(server->table[i].fd);
    }
    close(server->listener);
    close(server->wake[0]);
    close(server->wake[1]);
    pthread_mutex_destroy(&server->lock);
}

#endif
