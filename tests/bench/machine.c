// What kejue-bench prints, waits for, and asks of the operating system.
#include "bench.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

void bench_die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("kejue-bench: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

void bench_die_fault(const char *what, const struct kj_fault *fault)
{
    char text[1024];
    kj_fault_print(fault, text, sizeof text);
    bench_die("%s: %s", what, text);
}

void bench_line(const struct bench *bench, const char *step, double value, const char *unit)
{
    printf("kejue:%s/%s\t%.3f\t%s\n", bench->door, step, value, unit);
    fflush(stdout);
}

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

double bench_percentile(double *values, size_t count, double percent)
{
    qsort(values, count, sizeof *values, compare);
    return values[(size_t)(percent / 100 * (double)(count - 1) + 0.5)];
}

void bench_lines_of(const struct bench *bench, const char *step, double *values, size_t count,
                    const char *unit)
{
    char name[64];
    snprintf(name, sizeof name, "%s_p50", step);
    bench_line(bench, name, bench_percentile(values, count, 50), unit);
    snprintf(name, sizeof name, "%s_p99", step);
    bench_line(bench, name, bench_percentile(values, count, 99), unit);
}

int64_t bench_wall_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

double bench_rate(int64_t count, int64_t start_ns)
{
    return (double)count * 1e9 / (double)(bench_wall_ns() - start_ns);
}

void bench_sleep_ms(int64_t ms)
{
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};
    while (nanosleep(&time, &time) != 0 && errno == EINTR)
        ;
}

void bench_settle(const struct bench *bench)
{
    bench_sleep_ms(bench->short_waits ? 50 : 1500);
}

void bench_beside(const char *name, char *path, size_t size)
{
    char self[1024];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    if (length <= 0)
        bench_die("/proc/self/exe cannot be read: %s", strerror(errno));
    self[length] = 0;
    *strrchr(self, '/') = 0;
    snprintf(path, size, "%s/%s", self, name);
}

// The function of the peers' handlers and a little more: it reads, matches one pattern and gives a
// result that is stored.
static const char k_script[] = "-- The job kind that kejue-bench measures with.\n"
                               "return kejue.kind { name = \"bench\", run = function(ev)\n"
                               "  local job = ev.data\n"
                               "  local number = string.match(job.phone, \"^%+49(%d+)$\")\n"
                               "  return { german = number ~= nil, n = job.n }\n"
                               "end }\n";

void bench_folder(struct bench *bench, const char *name, char *path, size_t size)
{
    static const char *const k_below[] = {"", "/scripts", "/scripts/lib", "/scripts/rules",
                                          "/scripts/hooks"};
    char file[4096];
    snprintf(path, size, "%s/%s-%d", bench->dir, name, ++bench->round);
    for (size_t i = 0; i < sizeof k_below / sizeof *k_below; i++) {
        snprintf(file, sizeof file, "%s%s", path, k_below[i]);
        if (mkdir(file, 0750) != 0)
            bench_die("%s cannot be made: %s; give a folder of its own", file, strerror(errno));
    }
    snprintf(file, sizeof file, "%s/scripts/hooks/bench.lua", path);
    FILE *script = fopen(file, "w");
    if (script == NULL || fputs(k_script, script) < 0 || fclose(script) != 0)
        bench_die("%s cannot be written: %s", file, strerror(errno));
}

double bench_memory_mib(pid_t pid)
{
    char path[64], line[256];
    long kib = -1;
    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "Pss: %ld", &kib) == 1)
            break;
    if (file)
        fclose(file);
    if (kib < 0)
        bench_die("%s cannot be read: is the process there?", path);
    return (double)kib / 1024;
}

int64_t bench_cpu_ns(pid_t pid)
{
    char path[96];
    int64_t sum = 0;
    struct dirent *entry;
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *tasks = opendir(path);
    while (tasks && (entry = readdir(tasks)) != NULL) {
        long long ns = 0;
        snprintf(path, sizeof path, "/proc/%d/task/%.20s/schedstat", (int)pid, entry->d_name);
        FILE *file = fopen(path, "r");
        if (file && fscanf(file, "%lld", &ns) == 1)
            sum += ns;
        if (file)
            fclose(file);
    }
    if (tasks)
        closedir(tasks);
    return sum;
}
