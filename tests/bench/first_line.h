// When a job's Lua function was entered: a page that the measured process writes and the bench
// reads. Shared memory, since no answer of any door can tell this and a log line would cost more
// than what it measures.
#ifndef KJ_FIRST_LINE_H
#define KJ_FIRST_LINE_H

#include <stdatomic.h>
#include <stdint.h>

enum { BENCH_STARTS = 1 << 20 };               // then the oldest are overwritten
#define BENCH_STARTS_FILE "KEJUE_BENCH_STARTS" // environment: the file to map

struct bench_starts {
    _Atomic uint64_t count;
    _Atomic int64_t wall_ns[BENCH_STARTS];
};

// Maps the file of that name (made when absent); NULL when it cannot be.
struct bench_starts *bench_starts_map(const char *path);

#endif
