// One message of the bus: {id, cmd, args, token} in, {id, ok, result | error} out, BSON or JSON.
#ifndef KJ_FRAME_H
#define KJ_FRAME_H

#include "doc/json.h"

enum { KJ_FRAME_LIMIT = 32 << 20 }; // bytes of a message, whatever its command

struct kj_frame {
    bson_t *doc;                                    // the whole message
    bool json;                                      // the answer has the same encoding
    const char *id, *cmd, *token, *idempotency_key; // in doc; id NULL when it is no text
    bson_t args;                                    // a view into doc
};

// KJ_EPARSE, KJ_ESCHEMA, KJ_ELIMIT; frame->json is set even then, so that the fault can be told.
int kj_frame_parse(const void *bytes, size_t length, struct kj_frame *frame,
                   struct kj_fault *fault) KJ_MUST_USE;
void kj_frame_fini(struct kj_frame *frame);
// The answer's bytes, put behind what `out` holds. frame may be one that did not parse. One that is
// larger than `out` may grow becomes an error.
void kj_frame_answer(const struct kj_frame *frame, const bson_t *result,
                     const struct kj_fault *fault, const bson_t *details, struct kj_buf *out);
// {code, place, text, hint, faults[]}: one error shape for all doors.
void kj_error_document(const struct kj_fault *fault, const bson_t *details, bson_t *error);

#endif
