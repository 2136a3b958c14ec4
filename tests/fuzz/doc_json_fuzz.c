// What the reader accepts must be sound BSON, and written and read again must be the same document;
// libbson must read the same from it. What the wider readings accept beyond that must be sound too.
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

// libbson obeys names with "$", stops at a depth of its own, and reads long fractions by the
// locale's strtod as we do: for all else it is a second opinion.
static void compare(const bson_t *doc, const uint8_t *text, size_t size)
{
    if (memchr(text, '$', size) || memmem(text, size, "\\u0024", 6) ||
        !kj_doc_within(doc, 30, 10000))
        return;
    bson_t *other = bson_new_from_json(text, (ssize_t)size, NULL);
    if (other == NULL || !kj_doc_equal(doc, other))
        abort();
    bson_destroy(other);
}

// Each reading accepts what the stricter one does.
static void widen(const char *text, size_t size, bool strict)
{
    static const struct kj_json_limits value = {1u << 20, 10001, 32, KJ_JSON_VALUE};
    static const struct kj_json_limits grammar = {1u << 20, 10001, 32, KJ_JSON_GRAMMAR};
    bson_t *doc, *none;
    bool valid = kj_json_parse(text, size, &value, &doc, NULL, NULL) == 0;
    bool is_json = kj_json_parse(text, size, &grammar, &none, NULL, NULL) == 0;
    if ((strict && !valid) || (valid && !is_json) || none)
        abort();
    if (valid && (!bson_validate(doc, BSON_VALIDATE_UTF8 | BSON_VALIDATE_UTF8_ALLOW_NULL, NULL) ||
                  bson_count_keys(doc) != 1))
        abort();
    kj_doc_clear(&doc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kj_fault fault = {0};
    bson_t *doc;
    bool is_array;
    int rc = kj_json_parse((const char *)data, size, NULL, &doc, &is_array, &fault);
    widen((const char *)data, size, rc == 0);
    if (rc != 0) {
        if ((rc != KJ_EPARSE && rc != KJ_ELIMIT) || doc || !fault.text[0] || !fault.place[0])
            abort();
        return 0;
    }
    if (!bson_validate(doc, BSON_VALIDATE_UTF8, NULL))
        abort();
    compare(doc, data, size);
    round_trip(doc, is_array, 0);
    round_trip(doc, is_array, KJ_JSON_PRETTY);
    bson_t *merged = kj_doc_merge(doc, doc);
    if (!bson_validate(merged, BSON_VALIDATE_UTF8, NULL))
        abort();
    bson_destroy(merged);
    bson_destroy(doc);
    return 0;
}
