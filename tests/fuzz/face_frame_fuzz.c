// A message of the bus in either encoding: what is accepted can be read and answered in its own
// encoding, and the answer parses again.
#include "base/alloc.h"
#include "doc/json.h"
#include "face/frame.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_answer(const struct kj_frame *frame, const struct kj_fault *fault)
{
    struct kj_buf out;
    bson_t result = BSON_INITIALIZER, view, *parsed = NULL;
    kj_buf_init(&out, 1 << 20);
    kj_frame_answer(frame, fault ? NULL : &result, fault, NULL, &out);
    if (frame->json) {
        struct kj_json_limits limits = {1 << 20, 700000, 40};
        if (kj_json_parse(out.data, out.length, &limits, &parsed, NULL, NULL) != KJ_OK)
            abort();
        bson_destroy(parsed);
    } else if (!bson_init_static(&view, (const uint8_t *)out.data, out.length) ||
               !bson_has_field(&view, "ok")) {
        abort();
    }
    kj_buf_fini(&out);
    bson_destroy(&result);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *exact = kj_memdup(data, size); // so that reading behind the end is seen
    struct kj_frame frame;
    struct kj_fault fault;
    struct kj_buf json;
    kj_buf_init(&json, 0);
    if (kj_frame_parse(exact, size, &frame, &fault) == KJ_OK) {
        if (frame.cmd == NULL || !kj_utf8_valid(frame.cmd, strlen(frame.cmd)))
            abort();
        kj_json_write(&frame.args, 0, &json);
        check_answer(&frame, NULL);
    } else
        check_answer(&frame, &fault);
    kj_frame_fini(&frame);
    kj_buf_fini(&json);
    free(exact);
    return 0;
}
