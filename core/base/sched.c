// The slice of a thread: Linux since 6.12 lets one that asks for a shorter slice take the CPU from
// one that has asked for a longer one. A low priority by itself lowers the share only, and who
// wakes up still waits for the end of a slice; a long slice by itself leaves the share.
#include "base/sched.h"

#include <errno.h>
#include <sched.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { LONGEST_NS = 100000000 }; // that the kernel takes

struct attributes { // struct sched_attr, which not every C library has
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
};

void kj_sched_behind(pid_t tid, int nice)
{
    struct attributes wish = {
        .size = sizeof wish, .policy = SCHED_OTHER, .nice = nice, .runtime = LONGEST_NS};
    int before = errno;
    (void)syscall(SYS_sched_setattr, tid, &wish, 0);
    errno = before;
}
