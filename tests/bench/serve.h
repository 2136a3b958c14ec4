// The bare servers that the limits are measured against, each in a process of its own.
#ifndef KJ_BENCH_SERVE_H
#define KJ_BENCH_SERVE_H

#include <sys/types.h>

// `kejue-bench --serve KIND WHERE`: "nng" answers every message with itself on an ipc URL, "http"
// every request with the same 47 bytes of JSON on a port of loopback. Returns only on a fault.
int bench_serve(const char *kind, const char *where);
// That, as a child which is ready when this returns.
pid_t bench_serve_start(const char *kind, const char *where);
void bench_serve_stop(pid_t pid);

#endif
