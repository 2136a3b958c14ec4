// The CPU clock of a thread that runs scripts. It ticks only while that thread computes, so that an
// evaluation costs no look at a clock, and a single instruction of Lua that takes long (comparing
// two megabytes) is no way around the limit: the tick sets Lua's hook for the next one.
#ifndef KJ_WATCH_H
#define KJ_WATCH_H

#include <stdint.h>

struct kj_vm;

enum { KJ_WATCH_TICK_MS = 10 };

// The bracket of kj_vm_begin and kj_vm_end; brackets of two states may lie in each other.
void kj_watch_enter(struct kj_vm *vm);
void kj_watch_leave(struct kj_vm *vm);
// Makes this thread's clock before the first bracket does, for a process that cannot later.
void kj_watch_start(void);

#endif
