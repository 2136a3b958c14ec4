// The client of HTTP on libuv: it knows of an answer no more than its status and length, so that it
// costs little beside the server, which has to share two cores with it.
#include "bench_http.h"

#include "base/alloc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

struct run {
    const struct bench_http_load *load;
    uv_loop_t loop;
    int64_t next;
};

struct connection {
    struct run *run;
    uv_tcp_t tcp;
    uv_connect_t connect;
    uv_write_t write;
    struct kj_buf request;
    size_t length; // of the answer so far
    char answer[65536];
};

static void must(int rc, const char *what)
{
    if (rc < 0)
        bench_die("HTTP: %s: %s", what, uv_strerror(rc));
}

static void on_written(uv_write_t *write, int status)
{
    (void)write;
    must(status, "sending");
}

static void next_request(struct connection *connection)
{
    struct run *run = connection->run;
    int64_t number = run->next++;
    if (number >= run->load->count) {
        uv_close((uv_handle_t *)&connection->tcp, NULL);
        return;
    }
    kj_buf_reset(&connection->request);
    run->load->make(run->load, number, &connection->request);
    uv_buf_t bytes = uv_buf_init(connection->request.data, (unsigned)connection->request.length);
    must(uv_write(&connection->write, (uv_stream_t *)&connection->tcp, &bytes, 1, on_written),
         "sending");
}

// Bytes of the whole answer, or 0 while its header is not complete.
static size_t whole(const struct connection *connection)
{
    const char *end = strstr(connection->answer, "\r\n\r\n");
    const char *length = end ? strcasestr(connection->answer, "\ncontent-length:") : NULL;
    if (end == NULL)
        return 0;
    if (strncmp(connection->answer, "HTTP/1.1 200", 12) != 0 || length == NULL || length > end)
        bench_die("HTTP: a request was refused: %s", connection->answer);
    return (size_t)(end + 4 - connection->answer) + strtoul(length + 16, NULL, 10);
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct connection *connection = handle->data;
    (void)suggested;
    *buf = uv_buf_init(connection->answer + connection->length,
                       (unsigned)(sizeof connection->answer - 1 - connection->length));
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buf)
{
    struct connection *connection = stream->data;
    (void)buf;
    must((int)count, "receiving");
    connection->length += (size_t)count;
    connection->answer[connection->length] = 0;
    size_t length = whole(connection);
    if (length >= sizeof connection->answer)
        bench_die("HTTP: an answer of %zu bytes", length);
    if (length == 0 || connection->length < length)
        return;
    connection->length = 0;
    next_request(connection);
}

static void on_connected(uv_connect_t *connect, int status)
{
    struct connection *connection = connect->data;
    must(status, "connecting");
    must(uv_read_start((uv_stream_t *)&connection->tcp, on_room, on_read), "receiving");
    next_request(connection);
}

double bench_http_run(const struct bench_http_load *load)
{
    struct run run = {.load = load};
    struct sockaddr_in address;
    struct connection *all = kj_alloc((size_t)load->connections * sizeof *all);
    must(uv_loop_init(&run.loop), "a loop");
    uv_ip4_addr("127.0.0.1", load->port, &address);
    int64_t start = bench_wall_ns();
    for (int i = 0; i < load->connections; i++) {
        struct connection *connection = &all[i];
        connection->run = &run;
        kj_buf_init(&connection->request, 0);
        must(uv_tcp_init(&run.loop, &connection->tcp), "a connection");
        uv_tcp_nodelay(&connection->tcp, 1);
        connection->tcp.data = connection;
        connection->connect.data = connection;
        must(uv_tcp_connect(&connection->connect, &connection->tcp, (struct sockaddr *)&address,
                            on_connected),
             "connecting");
    }
    uv_run(&run.loop, UV_RUN_DEFAULT);
    double took = (double)(bench_wall_ns() - start) / 1e9;
    for (int i = 0; i < load->connections; i++)
        kj_buf_fini(&all[i].request);
    must(uv_loop_close(&run.loop), "a loop");
    free(all);
    return took;
}

int bench_http_free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) != 0)
        bench_die("no port of loopback is free: %s", strerror(errno));
    close(fd);
    return ntohs(address.sin_port);
}
