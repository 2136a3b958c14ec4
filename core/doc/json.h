// The strict JSON codec: text to BSON and back in one pass.
//
// Refused with line and column: duplicate keys, NUL (also as \u0000), NaN and infinities, text
// behind the value, bad UTF-8, lone surrogates, integers beyond 64 bits, keys and values beyond the
// limits, a root that is neither object nor array. No "$" operators: what comes in is only data.
// Out: dates as RFC 3339, shortest numbers that read back the same, int64 as digits.
#ifndef KJ_JSON_H
#define KJ_JSON_H

#include "doc/doc.h"

// What a tool may ask for that no door does.
enum {
    // Any value as the root, and NUL in text (not in keys). *doc has it as its one member, "".
    KJ_JSON_VALUE = 1,
    // Judges the text by RFC 8259 alone: as above, also with NUL in keys and keys that repeat. No
    // document can hold that: *doc stays NULL.
    KJ_JSON_GRAMMAR = 2,
};

struct kj_json_limits {
    size_t bytes;
    size_t nodes; // values, containers included
    int depth;
    unsigned accept;
};

extern const struct kj_json_limits kj_json_default; // 1 MiB, 10,000 nodes, depth 32

// On success *doc is a new document (the caller destroys it) and *is_array (may be NULL) tells the
// root's kind. KJ_EPARSE with place "line L, column C", or KJ_ELIMIT. `limits` NULL = default.
int kj_json_parse(const char *text, size_t length, const struct kj_json_limits *limits,
                  bson_t **doc, bool *is_array, struct kj_fault *fault) KJ_MUST_USE;

// Only what JSON could say, and dates, in the bytes of a BSON document that is whole and within
// limits (other than `bytes`); otherwise KJ_EPARSE or KJ_ELIMIT, and `place` names the member where
// there is one. For what comes from outside: the readers of documents trust what they are given.
int kj_doc_only_data(const void *bytes, size_t length, const struct kj_json_limits *limits,
                     char *place, size_t size) KJ_MUST_USE;

enum { KJ_JSON_PRETTY = 1, KJ_JSON_ARRAY = 2 }; // ARRAY: the root is an array
void kj_json_write(const bson_t *doc, int flags, struct kj_buf *out);
// The value under an iterator, as it would stand in a document.
void kj_json_write_value(const bson_iter_t *value, int flags, struct kj_buf *out);
void kj_json_write_text(const char *text, size_t length, struct kj_buf *out); // quoted

#endif
