// The lock of a cell: what the kernel refuses it, whatever code runs in it.
//
// The list of system calls is what Lua, libbson and the allocators were seen to need to judge. The
// filter is written by hand: it is one comparison a call, and a library for it would be one more
// thing to trust.
#include "script/cell.h"

#include "base/alloc.h"
#include "base/log.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

// The life's CPU time, above what kj_cell_old lets a cell have.
enum { LIFE_S = 3600, DESCRIPTORS = 3 };

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1 // needs more calls and more address space than a lock leaves
#else
#define SANITIZED 0
#endif

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#else
#error "the numbers of this machine's system calls are not known here"
#endif

static const int k_calls[] = {
    SYS_read,         SYS_writev,      SYS_write,           SYS_futex,         SYS_brk,
    SYS_munmap,       SYS_mremap,      SYS_madvise,         SYS_clock_gettime, SYS_exit_group,
    SYS_rt_sigreturn, SYS_sched_yield, SYS_restart_syscall,
};
// Allowed as long as no memory becomes code: the third argument is the protection.
static const int k_mappings[] = {SYS_mmap, SYS_mprotect};

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define EQUAL(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), (yes), (no))
#define ANSWER(value) BPF_STMT(BPF_RET | BPF_K, (value))

static int filter_calls(void)
{
    enum { MOST = 8 + 2 * KJ_COUNT(k_calls) + 5 * KJ_COUNT(k_mappings) };
    struct sock_filter code[MOST] = {LOAD(arch), EQUAL(ARCH, 1, 0),
                                     ANSWER(SECCOMP_RET_KILL_PROCESS), LOAD(nr)};
    size_t at = 4;
    for (size_t i = 0; i < KJ_COUNT(k_calls); i++) {
        code[at++] = (struct sock_filter)EQUAL((uint32_t)k_calls[i], 0, 1);
        code[at++] = (struct sock_filter)ANSWER(SECCOMP_RET_ALLOW);
    }
    for (size_t i = 0; i < KJ_COUNT(k_mappings); i++) {
        code[at++] = (struct sock_filter)EQUAL((uint32_t)k_mappings[i], 0, 4);
        code[at++] = (struct sock_filter)LOAD(args[2]); // its low half: both machines are
        code[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1);
        code[at++] = (struct sock_filter)ANSWER(SECCOMP_RET_KILL_PROCESS);
        code[at++] = (struct sock_filter)ANSWER(SECCOMP_RET_ALLOW);
    }
    // A zone that nobody sent is looked for in its file: not found, as for any unknown one.
    code[at++] = (struct sock_filter)EQUAL(SYS_openat, 0, 1);
    code[at++] = (struct sock_filter)ANSWER(SECCOMP_RET_ERRNO | EPERM);
    code[at++] = (struct sock_filter)ANSWER(SECCOMP_RET_KILL_PROCESS);
    struct sock_fprog program = {.len = (unsigned short)at, .filter = code};
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

// Address space in use, in bytes.
static size_t mapped(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file) {
        if (fscanf(file, "%lu", &pages) != 1) {
            pages = 0;
        }
        fclose(file);
    }
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

// Lowers it; a limit of the host's that is lower already stays.
static int limit(int what, rlim_t most)
{
    struct rlimit now;
    if (getrlimit(what, &now) != 0) {
        return -1;
    }
    now.rlim_max = now.rlim_max < most ? now.rlim_max : most;
    now.rlim_cur = now.rlim_max;
    return setrlimit(what, &now);
}

int kj_cell_lock(size_t memory)
{
    (void)signal(SIGXFSZ, SIG_IGN); // a log that is a file is not written, rather than the end
    bool locked = limit(RLIMIT_CORE, 0) == 0 && limit(RLIMIT_CPU, LIFE_S) == 0 &&
                  limit(RLIMIT_FSIZE, 0) == 0 && limit(RLIMIT_NPROC, 0) == 0 &&
                  prctl(PR_SET_DUMPABLE, 0) == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
    if (SANITIZED) {
        kj_log(KJ_LOG_WARN, "script",
               "a locked process of rules runs without its filter of system calls and its limit "
               "of memory: this is a build with sanitizers",
               NULL);
        return locked ? 0 : -1;
    }
    size_t now = mapped();
    locked = locked && now > 0 && limit(RLIMIT_AS, now + memory) == 0 &&
             limit(RLIMIT_NOFILE, DESCRIPTORS) == 0 && filter_calls() == 0;
    return locked ? 0 : -1;
}

// --- time ---

// One timer for the whole life, not one a request, which would be a system call each: a request
// that has seen its number of ticks is over. GRACE: the state's own limit comes first and says
// more, and giving back its memory takes time, too.
enum { TICK_MS = 5, GRACE_MS = 60, LONG_TICKS = 2 };
static volatile sig_atomic_t ticks_left, long_at, slowed;

static void on_tick(int signal)
{
    static const struct kj_cell_head told = {.kind = KJ_CELL_SLOWED};
    int before = errno;
    (void)signal;
    if (ticks_left > 0 && --ticks_left == 0) {
        _exit(KJ_CELL_SPENT);
    }
    if (ticks_left > 0 && ticks_left == long_at && !slowed) {

        slowed = 1;
        // Small enough to be written whole; nothing else is written while the clock of a request
        // that yields runs, but for the names of zones, which are, too.
        if (write(STDOUT_FILENO, &told, sizeof told) != sizeof told) {
            _exit(KJ_CELL_SPENT);
        }
    }
    errno = before;
}

void kj_cell_request(int64_t cpu_ms, bool yields)
{
    sig_atomic_t ticks = cpu_ms ? (sig_atomic_t)((cpu_ms + GRACE_MS) / TICK_MS) : 0;
    long_at = yields ? ticks - LONG_TICKS : 0;
    ticks_left = ticks;
}

bool kj_cell_slowed(void)
{
    return slowed;
}

int kj_cell_clock(void)
{
    struct sigaction action = {.sa_handler = on_tick, .sa_flags = SA_RESTART};
    // Not ITIMER_PROF, which counts the kernel's ticks: too many on a busy machine.
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGPROF};
    struct timespec tick = {.tv_nsec = TICK_MS * 1000000};
    struct itimerspec when = {.it_interval = tick, .it_value = tick};
    timer_t timer;
    bool runs = sigaction(SIGPROF, &action, NULL) == 0 &&
                timer_create(CLOCK_PROCESS_CPUTIME_ID, &event, &timer) == 0 &&
                timer_settime(timer, 0, &when, NULL) == 0;
    return runs ? 0 : -1;
}
