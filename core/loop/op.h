// Operations that somebody else finishes: named by a 64-bit id (slot and generation, never a
// pointer), finished exactly once, with the deadline and the cancel owned by us.
//
// A late, doubled or forged finish finds a generation that has moved on and is refused. Loop
// thread.
#ifndef KJ_OP_H
#define KJ_OP_H

#include "loop/loop.h"

struct kj_ops;

// Called exactly once per begun operation, never from inside kj_op_begin, but from inside
// kj_op_finish, kj_op_cancel and kj_ops_destroy (since `result` is borrowed for that call): who
// begins an operation and then calls out must be ready for `done` before that call returns. The id
// is closed already; `done` may begin, finish and cancel other operations, not destroy the table.
// `status` is what finish was given, KJ_ETIMEDOUT or KJ_ECANCELED. `result` belongs to the caller
// of finish and is valid during the call only (NULL on timeout and cancel).
typedef void kj_op_done(void *arg, uint64_t id, int status, const void *result);

int kj_ops_create(struct kj_loop *loop, size_t limit, struct kj_ops **ops) KJ_MUST_USE;
// Cancels what is open (callbacks run); begin returns 0 from then on.
void kj_ops_destroy(struct kj_ops *ops);
// deadline_ms 0 = none. 0 is never a valid id; returns 0 when `limit` operations are open.
uint64_t kj_op_begin(struct kj_ops *ops, int64_t deadline_ms, kj_op_done *done, void *arg);
// KJ_ENOTFOUND when the id is not open (any more): nothing happened.
int kj_op_finish(struct kj_ops *ops, uint64_t id, int status, const void *result);
int kj_op_cancel(struct kj_ops *ops, uint64_t id);
bool kj_op_open(const struct kj_ops *ops, uint64_t id);
void *kj_op_arg(const struct kj_ops *ops, uint64_t id); // NULL when not open
// INT64_MAX without a deadline, 0 when it has passed or the id is not open.
int64_t kj_op_left_ms(const struct kj_ops *ops, uint64_t id);
size_t kj_ops_count(const struct kj_ops *ops);

#endif
