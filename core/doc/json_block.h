// What the JSON reader and writer share: text is copied by blocks as long as nothing in it needs
// care, since most text is short and plain. A block is written whole, so whoever calls leaves
// KJ_JSON_BLOCK bytes of room behind what counts.
#ifndef KJ_JSON_BLOCK_H
#define KJ_JSON_BLOCK_H

#include <bson/bson.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

// Copies a block and returns how many of its characters, from the first on, need no care: no quote,
// no backslash, no control (NUL included), no UTF-8.
#ifdef __SSE2__
enum { KJ_JSON_BLOCK = 16 };

static inline size_t kj_json_block(void *out, const void *at)
{
    __m128i block = _mm_loadu_si128((const __m128i *)at);
    __m128i quote = _mm_cmpeq_epi8(block, _mm_set1_epi8('"'));
    __m128i slash = _mm_cmpeq_epi8(block, _mm_set1_epi8('\\'));
    // Signed: below the space are the controls and all of UTF-8.
    __m128i below = _mm_cmplt_epi8(block, _mm_set1_epi8(' '));
    unsigned mask = (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quote, slash), below));
    _mm_storeu_si128((__m128i *)out, block);
    return (size_t)__builtin_ctz(mask | 1u << KJ_JSON_BLOCK);
}
#else
enum { KJ_JSON_BLOCK = 8 };

static inline size_t kj_json_block(void *out, const void *at)
{
    const uint64_t ones = 0x0101010101010101u, highs = 0x8080808080808080u;
    uint64_t word;
    memcpy(&word, at, 8);
    memcpy(out, &word, 8);
    word = BSON_UINT64_FROM_LE(word);
    uint64_t quote = word ^ (ones * '"'), slash = word ^ (ones * '\\');
    // Exact at the lowest character that is found; above it the bits may be wrong.
    uint64_t found = ((quote - ones) & ~quote) | ((slash - ones) & ~slash) |
                     ((word - ones * 0x20) & ~word) | word;
    return found & highs ? (size_t)__builtin_ctzll(found & highs) / 8 : KJ_JSON_BLOCK;
}
#endif

// Length of the UTF-8 sequence of two to four bytes at `text`, or 0 when it is none (RFC 3629: no
// overlong forms, no surrogates, nothing past U+10FFFF).
static inline size_t kj_json_sequence(const void *text, size_t left)
{
    const uint8_t *at = text;
    static const struct {
        uint8_t last, length, low, high; // low and high: of the second byte
    } leads[] = {{0xdf, 2, 0x80, 0xbf}, {0xe0, 3, 0xa0, 0xbf}, {0xec, 3, 0x80, 0xbf},
                 {0xed, 3, 0x80, 0x9f}, {0xef, 3, 0x80, 0xbf}, {0xf0, 4, 0x90, 0xbf},
                 {0xf3, 4, 0x80, 0xbf}, {0xf4, 4, 0x80, 0x8f}};
    size_t row = 0;
    if (at[0] < 0xc2 || at[0] > 0xf4)
        return 0;
    while (at[0] > leads[row].last)
        row++;
    size_t length = leads[row].length;
    if (left < length || at[1] < leads[row].low || at[1] > leads[row].high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    return length;
}

#endif
