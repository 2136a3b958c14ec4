// How a thread stands among the others that want the CPU.
#ifndef KJ_SCHED_H
#define KJ_SCHED_H

#include <sys/types.h>

// From now on whoever wakes up gets the CPU of thread `tid` (0: this one) at once, and its share of
// the time is that of `nice`; without privileges this cannot be taken back. May be called from a
// signal handler. It is a wish: an old kernel knows but half of it.
void kj_sched_behind(pid_t tid, int nice);

#endif
