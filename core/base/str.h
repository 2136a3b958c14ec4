// A growing byte buffer with a cap, and the few text helpers everybody needs.
#ifndef KJ_STR_H
#define KJ_STR_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Always NUL-terminated behind `length`. Growth past `limit` (0 = 64 MiB) sets `failed`, drops the
// bytes and keeps what was there; check once at the end, not at each append.
struct kj_buf {
    char *data;
    size_t length;
    size_t capacity;
    size_t limit;
    bool failed;
};

void kj_buf_init(struct kj_buf *buf, size_t limit);
void kj_buf_fini(struct kj_buf *buf);
void kj_buf_reset(struct kj_buf *buf); // keeps the memory
void kj_buf_add(struct kj_buf *buf, const void *bytes, size_t length);
void kj_buf_addc(struct kj_buf *buf, char c);
void kj_buf_adds(struct kj_buf *buf, const char *text);
void kj_buf_addf(struct kj_buf *buf, const char *format, ...) KJ_PRINTF(2, 3);
// Room for `length` more bytes; returns where to write them, or NULL at the limit. Follow with
// `buf->length += written`.
char *kj_buf_room(struct kj_buf *buf, size_t length);
char *kj_buf_take(struct kj_buf *buf); // the caller frees; never NULL

// strlcpy's contract: always terminated, true when all of it fitted.
bool kj_copy(char *to, size_t size, const char *from);
bool kj_streq(const char *a, const char *b); // NULL-safe
bool kj_starts_with(const char *text, const char *prefix);
// Reads a whole file, at most `limit` bytes. KJ_ENOTFOUND, KJ_EIO, KJ_ELIMIT.
int kj_read_file(const char *path, size_t limit, struct kj_buf *buf,
                 struct kj_fault *fault) KJ_MUST_USE;
// The candidate nearest to `word` by edit distance (at most 3), or NULL: "did you mean …?".
const char *kj_nearest(const char *word, const char *const *candidates, size_t count);
// 64-bit FNV-1a, for keys and buckets, not for security.
uint64_t kj_hash(const void *bytes, size_t length);
// RFC 3629, no overlong forms, no surrogates.
bool kj_utf8_valid(const char *bytes, size_t length);

#endif
