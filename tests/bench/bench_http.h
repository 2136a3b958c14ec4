// A client of HTTP: some connections that stay open, one request at a time on each.
#ifndef KJ_BENCH_HTTP_H
#define KJ_BENCH_HTTP_H

#include "bench.h"

struct bench_http_load {
    int port; // of loopback
    int connections;
    int64_t count;
    // The text of one request, to be added to an empty buffer.
    void (*make)(const struct bench_http_load *load, int64_t number, struct kj_buf *request);
    const char *token;
    int64_t due; // of jobs, wall ms
    int64_t job; // the job to read
};

// The seconds that it took. An answer other than 200 ends the program.
double bench_http_run(const struct bench_http_load *load);
int bench_http_free_port(void);

#endif
