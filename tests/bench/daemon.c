// The daemon under measurement: the kejued beside this program, in a fresh folder, with HTTP on a
// free port and no plugins. It ends with us, however we end.
#include "bench_bus.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { k_patience_ms = 60000 };

static void write_config(const char *dir, const char *settings)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/kejue.conf", dir);
    FILE *file = fopen(path, "w");
    if (file == NULL)
        bench_die("%s cannot be written: %s", path, strerror(errno));
    fprintf(file,
            "host_name = \"bench\";\nlog_level = \"warn\";\nscripts_dir = \"%s/scripts\";\n"
            "http = { enabled = true; port = 0; };\n%s",
            dir, settings);
    if (fclose(file) != 0)
        bench_die("%s cannot be written: %s", path, strerror(errno));
}

// In the child: what the folder `dir` is the world of.
static _Noreturn void become_daemon(const char *dir, int out)
{
    char program[2048], ours[2048], preload[4096], path[4096];
    const char *others = getenv("LD_PRELOAD");
    bench_beside("kejued", program, sizeof program);
    bench_beside("first_line.so", ours, sizeof ours);
    snprintf(preload, sizeof preload, "%s%s%s", ours, others ? ":" : "", others ? others : "");
    setenv("LD_PRELOAD", preload, 1);
    snprintf(path, sizeof path, "%s/starts", dir);
    setenv(BENCH_STARTS_FILE, path, 1);
    snprintf(path, sizeof path, "%s/kejued.log", dir);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (dup2(out, STDOUT_FILENO) < 0 || freopen(path, "a", stderr) == NULL)
        _exit(126);
    execl(program, program, "--dir", dir, (char *)NULL);
    fprintf(stderr, "%s: %s\n", program, strerror(errno));
    _exit(127);
}

void bench_daemon_start(struct bench_daemon *daemon, const char *dir)
{
    bench_daemon_start_with(daemon, dir, "");
}

void bench_daemon_start_with(struct bench_daemon *daemon, const char *dir, const char *settings)
{
    int ends[2];
    char path[4096], line[8192];
    memset(daemon, 0, sizeof *daemon);
    kj_copy(daemon->dir, sizeof daemon->dir, dir);
    write_config(dir, settings);
    snprintf(path, sizeof path, "%s/starts", dir);
    unlink(path); // of an earlier life
    daemon->starts = bench_starts_map(path);
    if (daemon->starts == NULL || pipe(ends) != 0)
        bench_die("%s cannot be mapped: %s", path, strerror(errno));
    fflush(stdout);
    daemon->launched = bench_wall_ns();
    daemon->pid = fork();
    if (daemon->pid == 0) {
        close(ends[0]);
        become_daemon(dir, ends[1]);
    }
    close(ends[1]);
    FILE *out = fdopen(ends[0], "r");
    if (daemon->pid < 0 || out == NULL || fgets(line, sizeof line, out) == NULL ||
        sscanf(line, "kejued ready bus=%3199s http=%d", daemon->bus, &daemon->port) != 2)
        bench_die("kejued did not start; see %s/kejued.log", dir);
    fclose(out);
}

void bench_daemon_stop(struct bench_daemon *daemon)
{
    int status = 0;
    kill(daemon->pid, SIGTERM);
    waitpid(daemon->pid, &status, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        bench_die("kejued ended with status %d; see %s/kejued.log", status, daemon->dir);
}

static bool any_in(struct bench_bus *bus, const char *state)
{
    struct kj_fault fault;
    bson_t args = BSON_INITIALIZER;
    kj_doc_put_text(&args, "state", state);
    kj_doc_put_int(&args, "limit", 1);
    bson_t *result = bench_bus_ask(bus, "job.list", &args, &fault);
    if (result == NULL)
        bench_die_fault("job.list", &fault);
    bool any = kj_doc_count(result, "jobs") > 0;
    bson_destroy(result);
    bson_destroy(&args);
    return any;
}

void bench_daemon_idle(struct bench_daemon *daemon, struct bench_bus *bus, uint64_t count)
{
    uint64_t begun = 0;
    for (int64_t ms = 0; daemon->starts->count < count; ms++) {
        if (daemon->starts->count != begun)
            ms = 0;
        else if (ms > k_patience_ms)
            bench_die("%llu of %llu jobs were begun; see %s/kejued.log", (unsigned long long)begun,
                      (unsigned long long)count, daemon->dir);
        begun = daemon->starts->count;
        bench_sleep_ms(1);
    }
    while (any_in(bus, "running"))
        bench_sleep_ms(1);
}
