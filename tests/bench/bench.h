// What the files of kejue-bench share: the job that everything is measured with, the lines that are
// printed, and what a door needs of the machine. One process, one thread unless said otherwise; a
// step that fails ends the program with a sentence, since a half measurement is none.
#ifndef KJ_BENCH_H
#define KJ_BENCH_H

#include "doc/doc.h"
#include "first_line.h"

#include <sys/types.h>

#define BENCH_KIND "kind.bench" // declared by the script that bench_folder writes

struct bench {
    const char *door; // of the lines printed now
    char dir[2048];   // scratch folder on the disk to measure, absolute
    int64_t jobs;     // of the bulk step; the others follow from it
    int64_t pickups, delayed;
    int64_t few, many; // jobs waiting in the memory steps: 100,000 and a million
    bool short_waits;  // the self-test: no settling, short idle times
    int round;         // makes fresh folders
};

enum bench_phase {
    BENCH_FAST = 1,  // enqueue and drain
    BENCH_LATER = 2, // pickup and delays
    BENCH_MEMORY = 4,
    BENCH_ALL = BENCH_FAST | BENCH_LATER,
};

// One in flight, 50 in flight, and all with the bulk step: the counts of the peers' harness.
int64_t bench_alone(const struct bench *bench);
int64_t bench_crowd(const struct bench *bench);
int64_t bench_total(const struct bench *bench);
// Requests of a step that no peer takes: at least so many that the first ones, on a machine that
// just woke up, do not decide.
int64_t bench_many(const struct bench *bench);

_Noreturn void bench_die(const char *format, ...) KJ_PRINTF(1, 2);
_Noreturn void bench_die_fault(const char *what, const struct kj_fault *fault);
// "kejue:DOOR/step<TAB>value<TAB>unit", as the peers' harness prints.
void bench_line(const struct bench *bench, const char *step, double value, const char *unit);
void bench_lines_of(const struct bench *bench, const char *step, double *values, size_t count,
                    const char *unit);                                 // …_p50 and …_p99
double bench_percentile(double *values, size_t count, double percent); // sorts
double bench_rate(int64_t count, int64_t start_ns);                    // since then, a second
int64_t bench_wall_ns(void);
void bench_sleep_ms(int64_t ms);
void bench_settle(const struct bench *bench); // a moment for what goes on behind an answer

// A fresh folder below the scratch folder, with the Lua function of the bench in scripts/.
void bench_folder(struct bench *bench, const char *name, char *path, size_t size);
void bench_beside(const char *name, char *path, size_t size); // beside this program

// What job.submit takes: {kind, due?, payload}; due in wall ms, 0 = now. The caller destroys it.
bson_t *bench_request(int64_t number, int64_t due);

double bench_memory_mib(pid_t pid); // proportional set size
int64_t bench_cpu_ns(pid_t pid);    // run time of all its threads

// --- inside.c: the store and the engine in this process ---
// Inserts jobs into DIR/kejue.db, due at `due`, or now when it is 0.
void bench_fill(const char *dir, int64_t count, int64_t due);
int64_t bench_count(const char *dir, const char *state); // jobs in that state
// Median times of a claim of 100 jobs, in us, while `few` jobs or bench->many are due.
void bench_claims(struct bench *bench, int64_t few, double *few_us, double *many_us);

// --- the doors and the limits ---
void bench_inproc(struct bench *bench, int phases);
void bench_bus_door(struct bench *bench, int phases);
void bench_http_door(struct bench *bench);
void bench_limits(struct bench *bench);
void bench_sustain(struct bench *bench, int minutes);
void bench_hostile(struct bench *bench);
// The million waiting, through the bus; and the claims, in process.
void bench_big(struct bench *bench);
// 1,000 delayed jobs through the bus of a running daemon.
struct bench_daemon;
void bench_delays(struct bench *bench, struct bench_daemon *daemon, const char *step);
// Start minus due of the newest starts against due instants start, start + 4 ms, …
void bench_delay_lines(const struct bench *bench, const struct bench_starts *starts, uint64_t from,
                       int64_t count, int64_t first_due, const char *step);

#endif
