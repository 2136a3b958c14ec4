// A client of the bus: an nng REQ socket with as many contexts as there are requests in flight.
#ifndef KJ_BENCH_BUS_H
#define KJ_BENCH_BUS_H

#include "bench.h"

#include <nng/nng.h>

struct bench_bus;

struct bench_bus *bench_bus_open(const char *url);
void bench_bus_close(struct bench_bus *bus);

// Sends `count` requests, `in_flight` at a time, and returns the seconds that it took. `make` fills
// the message of one request and `good` judges its answer; both are called on threads of nng, one
// call of each context at a time. A bad answer ends the program.
struct bench_load {
    int64_t count;
    int in_flight;
    void (*make)(const struct bench_load *load, int64_t number, nng_msg *message);
    bool (*good)(const void *answer, size_t length);
    int64_t due; // of the jobs, wall ms; 0 = now
};
double bench_bus_run(struct bench_bus *bus, const struct bench_load *load);

// One command in BSON; the result is the caller's to destroy. NULL when it was refused, then the
// fault says why.
bson_t *bench_bus_ask(struct bench_bus *bus, const char *command, const bson_t *args,
                      struct kj_fault *fault);

// For loads: job.submit of one job in JSON, and what an answer in JSON must say.
void bench_make_submit(const struct bench_load *load, int64_t number, nng_msg *message);
bool bench_good_json(const void *answer, size_t length);

// --- daemon.c ---
struct bench_daemon {
    pid_t pid;
    char dir[3072], bus[3200];
    int port;         // of HTTP
    int64_t launched; // wall ns
    struct bench_starts *starts;
};
// Starts the kejued beside this program in `dir`, as bench_folder made it.
void bench_daemon_start(struct bench_daemon *daemon, const char *dir);
void bench_daemon_start_with(struct bench_daemon *daemon, const char *dir, const char *settings);
void bench_daemon_stop(struct bench_daemon *daemon);
// Until the daemon has begun `count` functions in all and none runs any more. A minute without a
// beginning ends the program.
void bench_daemon_idle(struct bench_daemon *daemon, struct bench_bus *bus, uint64_t count);

#endif
