// The wire of the bus: a stream of frames read at once and read byte by byte gives the same frames,
// and no length leads out of the bytes that are there.
#include "base/alloc.h"
#include "face/sp_wire.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { k_limit = 4096 };

static void check_body(const struct kj_sp_frame *frame)
{
    uint8_t head[KJ_SP_HEAD], *copy = kj_memdup(frame->body, frame->length);
    size_t route = kj_sp_route(copy, frame->length);
    if (route > frame->length || route > KJ_SP_ROUTE || route % 4 || frame->length > k_limit)
        abort();
    if (route && !(copy[route - 4] & 0x80))
        abort();
    kj_sp_head(frame->length, head);
    if (memcmp(head, frame->body - KJ_SP_HEAD, KJ_SP_HEAD) != 0)
        abort();
    free(copy);
}

// As it comes in pieces: what was looked at before only becomes more.
static void check_pieces(const uint8_t *data, size_t size, enum kj_sp_look whole,
                         const struct kj_sp_frame *expected)
{
    size_t end = whole == KJ_SP_WHOLE ? expected->size : size, known = 0;
    for (size_t length = 0; length < end; length++) {
        struct kj_sp_frame frame;
        enum kj_sp_look look = kj_sp_look(data, length, k_limit, &frame);
        if (look == KJ_SP_WHOLE || (look == KJ_SP_BAD && whole != KJ_SP_BAD))
            abort();
        if ((known && frame.size != known) || (frame.size && frame.size <= length))
            abort();
        if (look == KJ_SP_BAD)
            return;
        known = frame.size;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *exact = kj_memdup(data, size); // so that reading behind the end is seen
    const uint8_t *at = exact;
    enum kj_sp_look look = KJ_SP_WHOLE;
    struct kj_sp_frame frame;
    if (size >= KJ_SP_HELLO)
        (void)kj_sp_greets(exact, KJ_SP_REQ);
    for (size_t left = size; look == KJ_SP_WHOLE && left > 0; left -= frame.size) {
        look = kj_sp_look(at, left, k_limit, &frame);
        if (look == KJ_SP_WHOLE && (frame.size > left || frame.body + frame.length > at + left))
            abort();
        check_pieces(at, left, look, &frame);
        if (look != KJ_SP_WHOLE)
            break;
        check_body(&frame);
        at += frame.size;
    }
    free(exact);
    return 0;
}
