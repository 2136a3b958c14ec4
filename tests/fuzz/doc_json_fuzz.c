// What the reader accepts must be sound BSON, and written and read again must be the same document.
#include "doc/json.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void round_trip(const bson_t *doc, bool is_array, int flags)
{
    static const struct kj_json_limits wide = {64u << 20, 1u << 20, 64};
    struct kj_buf out;
    bson_t *again;
    bool again_array;
    kj_buf_init(&out, 0);
    kj_json_write(doc, flags | (is_array ? KJ_JSON_ARRAY : 0), &out);
    if (out.failed || kj_json_parse(out.data, out.length, &wide, &again, &again_array, NULL) != 0 ||
        again_array != is_array || !bson_equal(doc, again) || !kj_doc_equal(doc, again))
        abort();
    bson_destroy(again);
    kj_buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kj_fault fault = {0};
    bson_t *doc;
    bool is_array;
    int rc = kj_json_parse((const char *)data, size, NULL, &doc, &is_array, &fault);
    if (rc != 0) {
        if ((rc != KJ_EPARSE && rc != KJ_ELIMIT) || doc || !fault.text[0] || !fault.place[0])
            abort();
        return 0;
    }
    if (!bson_validate(doc, BSON_VALIDATE_UTF8, NULL))
        abort();
    round_trip(doc, is_array, 0);
    round_trip(doc, is_array, KJ_JSON_PRETTY);
    bson_t *merged = kj_doc_merge(doc, doc);
    if (!bson_validate(merged, BSON_VALIDATE_UTF8, NULL))
        abort();
    bson_destroy(merged);
    bson_destroy(doc);
    return 0;
}
