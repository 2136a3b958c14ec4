// The wire of the scalability protocols over ipc (what nng, mangos and pynng speak), without any
// input or output: a greeting of 8 bytes each way, then frames of a type byte, a length and a body.
#ifndef KJ_SP_WIRE_H
#define KJ_SP_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum kj_sp_protocol { KJ_SP_PUB = 0x20, KJ_SP_SUB = 0x21, KJ_SP_REQ = 0x30, KJ_SP_REP = 0x31 };

enum {
    KJ_SP_HELLO = 8,
    KJ_SP_HEAD = 9,
    KJ_SP_HOPS = 15,                    // devices a request may have come through
    KJ_SP_ROUTE = 4 * (KJ_SP_HOPS + 1), // bytes of the longest way back
};

void kj_sp_hello(enum kj_sp_protocol protocol, uint8_t hello[KJ_SP_HELLO]);
bool kj_sp_greets(const uint8_t hello[KJ_SP_HELLO], enum kj_sp_protocol protocol);
void kj_sp_head(size_t length, uint8_t head[KJ_SP_HEAD]);

// The frame at the front of `bytes`. `size`: of the whole frame; 0 while that is not known.
enum kj_sp_look { KJ_SP_WHOLE, KJ_SP_PART, KJ_SP_BAD };
struct kj_sp_frame {
    size_t size;
    const uint8_t *body; // when it is whole
    size_t length;
};
// BAD: no frame, or a body of more than `limit` bytes; that shows before any of it has come.
enum kj_sp_look kj_sp_look(const uint8_t *bytes, size_t length, size_t limit,
                           struct kj_sp_frame *frame);

// The way back, which stands before the text of a request: 32-bit ids, of which only the last has
// its top bit set. Its bytes, to be sent before the answer; 0 when there is none.
size_t kj_sp_route(const uint8_t *body, size_t length);

#endif
