// The gate before a listener of nng: takes the connections and lets only greeted ones through.
#ifndef KJ_BUS_GATE_H
#define KJ_BUS_GATE_H

#include "loop/loop.h"

#include <stdbool.h>
#include <stdint.h>

struct kj_gate;

enum { KJ_GATE_REQ = 0x30, KJ_GATE_SUB = 0x21 }; // nng's numbers: who may come

// Listens on `path` (mode 0600) for clients of `protocol` and joins them with whoever listens on
// `inner`, which may come later. A socket file left by a crash is taken over; KJ_EIO when somebody
// listens there or the file is no socket. Loop thread only.
int kj_gate_open(struct kj_loop *loop, const char *path, const char *inner, uint8_t protocol,
                 struct kj_gate **gate, struct kj_fault *fault) KJ_MUST_USE;
// Hangs up on everybody; freed by kj_loop_destroy at the latest.
void kj_gate_close(struct kj_gate *gate);

#endif
