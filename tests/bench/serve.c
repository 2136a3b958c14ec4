// The least that nng and libuv can do for an answer. Neither parses, routes or stores: the ceiling
// for whoever does.
#include "serve.h"

#include "bench.h"

#include <errno.h>
#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

static void ready(void)
{
    puts("ready");
    fflush(stdout);
}

// --- nng ---

enum { k_contexts = 64 };

struct echo {
    nng_ctx context;
    nng_aio *aio;
    bool sending;
};

static void on_echo(void *arg)
{
    struct echo *echo = arg;
    if (nng_aio_result(echo->aio) != 0)
        return; // the client has gone
    echo->sending = !echo->sending;
    if (echo->sending)
        nng_ctx_send(echo->context, echo->aio); // the message that has come
    else
        nng_ctx_recv(echo->context, echo->aio);
}

static int serve_nng(const char *url)
{
    static struct echo echoes[k_contexts];
    nng_socket socket;
    int rc = nng_rep0_open(&socket);
    for (int i = 0; rc == 0 && i < k_contexts; i++) {
        rc = nng_ctx_open(&echoes[i].context, socket);
        if (rc == 0)
            rc = nng_aio_alloc(&echoes[i].aio, on_echo, &echoes[i]);
        if (rc == 0)
            nng_ctx_recv(echoes[i].context, echoes[i].aio);
    }
    if (rc == 0)
        rc = nng_listen(socket, url, NULL, 0);
    if (rc != 0)
        bench_die("%s: %s", url, nng_strerror(rc));
    ready();
    for (;;)
        pause();
}

// --- libuv ---

static char k_answer[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                         "Content-Length: 47\r\n\r\n"
                         "{\"id\":123456789,\"state\":\"waiting\",\"attempts\":0}\n";

struct client {
    uv_tcp_t tcp;
    char bytes[4096];
};

static void on_closed(uv_handle_t *handle)
{
    free(handle);
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct client *client = (struct client *)handle;
    (void)suggested;
    *buf = uv_buf_init(client->bytes, sizeof client->bytes);
}

static void on_request(uv_stream_t *stream, ssize_t count, const uv_buf_t *buf)
{
    uv_buf_t answer = uv_buf_init(k_answer, sizeof k_answer - 1);
    (void)buf;
    if (count < 0)
        uv_close((uv_handle_t *)stream, on_closed);
    else if (count > 0)
        uv_try_write(stream, &answer, 1); // a request of our client comes in one piece
}

static void on_connection(uv_stream_t *server, int status)
{
    struct client *client = status == 0 ? calloc(1, sizeof *client) : NULL;
    if (client == NULL)
        return;
    uv_tcp_init(server->loop, &client->tcp);
    uv_accept(server, (uv_stream_t *)client);
    uv_tcp_nodelay(&client->tcp, 1);
    uv_read_start((uv_stream_t *)client, on_room, on_request);
}

static int serve_http(int port)
{
    struct sockaddr_in address;
    uv_tcp_t server;
    uv_ip4_addr("127.0.0.1", port, &address);
    uv_tcp_init(uv_default_loop(), &server);
    int rc = uv_tcp_bind(&server, (struct sockaddr *)&address, 0);
    if (rc == 0)
        rc = uv_listen((uv_stream_t *)&server, 512, on_connection);
    if (rc != 0)
        bench_die("port %d: %s", port, uv_strerror(rc));
    ready();
    return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}

int bench_serve(const char *kind, const char *where)
{
    return strcmp(kind, "nng") == 0 ? serve_nng(where) : serve_http(atoi(where));
}

// --- as a child ---

pid_t bench_serve_start(const char *kind, const char *where)
{
    int ends[2];
    char byte;
    if (pipe(ends) != 0)
        bench_die("no pipe: %s", strerror(errno));
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        execl("/proc/self/exe", "kejue-bench", "--serve", kind, where, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    if (pid < 0 || read(ends[0], &byte, 1) != 1)
        bench_die("the bare %s server did not start", kind);
    close(ends[0]);
    return pid;
}

void bench_serve_stop(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}
