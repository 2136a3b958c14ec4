// Frames of the scalability protocols: recognised, measured, made. Nothing here trusts a length.
#include "face/sp_wire.h"

#include <string.h>

void kj_sp_hello(enum kj_sp_protocol protocol, uint8_t hello[KJ_SP_HELLO])
{
    const uint8_t bytes[KJ_SP_HELLO] = {0, 'S', 'P', 0, 0, (uint8_t)protocol, 0, 0};
    memcpy(hello, bytes, sizeof bytes);
}

bool kj_sp_greets(const uint8_t hello[KJ_SP_HELLO], enum kj_sp_protocol protocol)
{
    uint8_t expected[KJ_SP_HELLO];
    kj_sp_hello(protocol, expected);
    return memcmp(hello, expected, sizeof expected) == 0;
}

void kj_sp_head(size_t length, uint8_t head[KJ_SP_HEAD])
{
    uint64_t left = length;
    for (int i = KJ_SP_HEAD - 1; i > 0; i--, left >>= 8)
        head[i] = (uint8_t)left;
    head[0] = 1;
}

enum kj_sp_look kj_sp_look(const uint8_t *bytes, size_t length, size_t limit,
                           struct kj_sp_frame *frame)
{
    uint64_t told = 0;
    *frame = (struct kj_sp_frame){0};
    if (length > 0 && bytes[0] != 1)
        return KJ_SP_BAD;
    if (length < KJ_SP_HEAD)
        return KJ_SP_PART;
    for (int i = 1; i < KJ_SP_HEAD; i++)
        told = told << 8 | bytes[i];
    if (told > limit)
        return KJ_SP_BAD;
    frame->size = KJ_SP_HEAD + (size_t)told;
    if (length < frame->size)
        return KJ_SP_PART;
    frame->body = bytes + KJ_SP_HEAD;
    frame->length = (size_t)told;
    return KJ_SP_WHOLE;
}

size_t kj_sp_route(const uint8_t *body, size_t length)
{
    for (size_t at = 0; at + 4 <= length && at < KJ_SP_ROUTE; at += 4)
        if (body[at] & 0x80)
            return at + 4;
    return 0;
}
