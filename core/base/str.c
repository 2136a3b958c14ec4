// The byte buffer and small text helpers.
#include "base/str.h"

#include "base/alloc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const size_t k_default_limit = 64u << 20;

void kj_buf_init(struct kj_buf *buf, size_t limit)
{
    *buf = (struct kj_buf){.limit = limit ? limit : k_default_limit};
    buf->capacity = 64;
    buf->data = kj_alloc(buf->capacity);
}

void kj_buf_fini(struct kj_buf *buf)
{
    free(buf->data);
    *buf = (struct kj_buf){0};
}

void kj_buf_reset(struct kj_buf *buf)
{
    buf->length = 0;
    buf->failed = false;
    buf->data[0] = 0;
}

char *kj_buf_room(struct kj_buf *buf, size_t length)
{
    if (buf->failed || length > buf->limit - buf->length) {
        buf->failed = true;
        return NULL;
    }
    if (buf->length + length + 1 > buf->capacity) {
        size_t capacity = buf->capacity * 2;
        if (capacity < buf->length + length + 1)
            capacity = buf->length + length + 1;
        buf->data = kj_realloc(buf->data, capacity);
        buf->capacity = capacity;
    }
    return buf->data + buf->length;
}

void kj_buf_add(struct kj_buf *buf, const void *bytes, size_t length)
{
    char *room = kj_buf_room(buf, length);
    if (room == NULL)
        return;
    if (length)
        memcpy(room, bytes, length);
    buf->length += length;
    buf->data[buf->length] = 0;
}

void kj_buf_addc(struct kj_buf *buf, char c)
{
    kj_buf_add(buf, &c, 1);
}

void kj_buf_adds(struct kj_buf *buf, const char *text)
{
    kj_buf_add(buf, text, strlen(text));
}

void kj_buf_addf(struct kj_buf *buf, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    char *room = length < 0 ? NULL : kj_buf_room(buf, (size_t)length);
    if (room) {
        vsnprintf(room, (size_t)length + 1, format, again);
        buf->length += (size_t)length;
    }
    va_end(again);
    va_end(args);
}

char *kj_buf_take(struct kj_buf *buf)
{
    char *data = buf->data;
    *buf = (struct kj_buf){0};
    return data;
}

bool kj_copy(char *to, size_t size, const char *from)
{
    size_t length = strlen(from);
    size_t fits = length < size ? length : size - 1;
    memcpy(to, from, fits);
    to[fits] = 0;
    return fits == length;
}

bool kj_streq(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

bool kj_starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

int kj_read_file(const char *path, size_t limit, struct kj_buf *buf, struct kj_fault *fault)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return kj_fault(fault, errno == ENOENT ? KJ_ENOTFOUND : KJ_EIO, path, NULL,
                        "cannot be opened: %s", strerror(errno));
    char chunk[16384];
    size_t got, total = 0;
    int rc = KJ_OK;
    while ((got = fread(chunk, 1, sizeof chunk, file)) > 0) {
        total += got;
        if (total > limit) {
            rc = kj_fault(fault, KJ_ELIMIT, path, NULL, "is larger than %zu bytes", limit);
            break;
        }
        kj_buf_add(buf, chunk, got);
    }
    if (rc == KJ_OK && ferror(file))
        rc = kj_fault(fault, KJ_EIO, path, NULL, "cannot be read: %s", strerror(errno));
    fclose(file);
    return rc;
}

enum { k_word = 40 };

static size_t edit_distance(const char *a, const char *b)
{
    size_t la = strlen(a), lb = strlen(b);
    if (la > k_word || lb > k_word)
        return k_word;
    size_t row[k_word + 1];
    for (size_t j = 0; j <= lb; j++)
        row[j] = j;
    for (size_t i = 1; i <= la; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= lb; j++) {
            size_t above = row[j];
            size_t best = diagonal + (a[i - 1] != b[j - 1]);
            if (above + 1 < best)
                best = above + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
            diagonal = above;
        }
    }
    return row[lb];
}

const char *kj_nearest(const char *word, const char *const *candidates, size_t count)
{
    const char *best = NULL;
    size_t best_distance = 4;
    for (size_t i = 0; i < count; i++) {
        size_t distance = edit_distance(word, candidates[i]);
        if (distance < best_distance) {
            best_distance = distance;
            best = candidates[i];
        }
    }
    return best;
}

uint64_t kj_hash(const void *bytes, size_t length)
{
    const unsigned char *p = bytes;
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ p[i]) * 1099511628211u;
    return hash;
}

// Length of the sequence that starts with byte c, and the range of its second byte; 0 = invalid.
static size_t sequence(unsigned char c, unsigned char *low, unsigned char *high)
{
    *low = 0x80;
    *high = 0xBF;
    if (c < 0x80)
        return 1;
    if (c >= 0xC2 && c <= 0xDF)
        return 2;
    if (c >= 0xE0 && c <= 0xEF) {
        *low = c == 0xE0 ? 0xA0 : 0x80;
        *high = c == 0xED ? 0x9F : 0xBF;
        return 3;
    }
    if (c >= 0xF0 && c <= 0xF4) {
        *low = c == 0xF0 ? 0x90 : 0x80;
        *high = c == 0xF4 ? 0x8F : 0xBF;
        return 4;
    }
    return 0;
}

static inline bool eight_ascii(const unsigned char *at)
{
    uint64_t bytes;
    memcpy(&bytes, at, 8);
    return !(bytes & UINT64_C(0x8080808080808080));
}

bool kj_utf8_valid(const char *bytes, size_t length)
{
    const unsigned char *p = (const unsigned char *)bytes, *end = p + length;
    while (p < end) {
        unsigned char low, high;
        while (end - p >= 8 && eight_ascii(p)) // most text is nothing else
            p += 8;
        if (p == end || (end - p < 8 && length >= 8 && eight_ascii(end - 8)))
            break; // the last eight hold all the rest
        size_t size = sequence(*p, &low, &high);
        if (size == 0 || (size_t)(end - p) < size)
            return false;
        if (size > 1 && (p[1] < low || p[1] > high))
            return false;
        for (size_t i = 2; i < size; i++)
            if ((p[i] & 0xC0) != 0x80)
                return false;
        p += size;
    }
    return true;
}
