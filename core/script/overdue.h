// Notices that a bracket of script code runs for long, without a count of instructions: the count
// costs Lua a call at each instruction, 9 % of the time of evaluations that end long before any
// limit.
#ifndef KJ_OVERDUE_H
#define KJ_OVERDUE_H

#include "script/vm.h"

// Tells within 5 to 15 ms of this thread's CPU time that the bracket is overdue: `hook` is set for
// the next instruction. False when threads cannot be watched. One bracket a thread.
bool kj_overdue_watch(struct kj_vm *vm, lua_Hook hook) KJ_MUST_USE;
void kj_overdue_forget(void);

#endif
