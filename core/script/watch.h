// The CPU clock of a thread that runs scripts. It ticks only while that thread computes, so that an
// evaluation costs no look at a clock, and a single instruction of Lua that takes long (comparing
// two megabytes) is no way around the limit: the tick sets Lua's hook for the next one. It also
// tells that a bracket which is not counted runs for long: the count costs Lua a call at each
// instruction, 8 % of the time of evaluations that end long before any limit.
#ifndef KJ_WATCH_H
#define KJ_WATCH_H

#include <stdbool.h>

struct kj_vm;

// The others in ticks: when a bracket takes long, and when it is to be counted.
enum { KJ_WATCH_TICK_MS = 5, KJ_WATCH_LONG = 2, KJ_WATCH_OVERDUE = 3 };

// The bracket of kj_vm_begin and kj_vm_end; brackets of two states may lie in each other. False:
// this thread cannot be watched.
bool kj_watch_enter(struct kj_vm *vm);
void kj_watch_leave(struct kj_vm *vm);
// Makes this thread's clock before the first bracket does, for a process that cannot later.
bool kj_watch_start(void);

#endif
