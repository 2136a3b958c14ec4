// The strict JSON reader: one pass over the text, BSON bytes written straight into one buffer.
// libbson's own reader is not fit for a front door (it keeps duplicate keys, obeys "$" operators,
// ignores text behind the document and corrupts large integers), and it is slower.
#include "base/alloc.h"
#include "doc/decimal.h"
#include "doc/json.h"

#include <stdlib.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

const struct kj_json_limits kj_json_default = {1u << 20, 10000, 32};

enum {
    MAX_DEPTH = 190,     // whatever the limits say: the reader recurses
    MAX_OUT = INT32_MAX, // what BSON can hold
    LOCAL = 8192,
    FEW_KEYS = 32, // compared one by one; more are sorted at the end of their object
};

struct key {
    uint64_t hash;
    size_t out; // where its bytes stand in the output
    const char *text;
    uint32_t length;
};

struct reader {
    const char *start, *at, *end;
    uint8_t *out;
    size_t length, capacity;
    uint8_t *local; // the caller's block to begin with: most documents fit
    size_t nodes;
    int depth;
    struct key *keys; // of all open objects, the innermost last
    size_t key_count, key_capacity;
    struct kj_fault *fault;
};

static int read_value(struct reader *r, size_t type_at);

// Line and column are counted only when something is wrong.
static int refuse_at(struct reader *r, const char *at, int code, const char *text)
{
    size_t line = 1, column = 1;
    for (const char *c = r->start; c < at; c++) {
        if (*c == '\n') {
            line++;
            column = 1;
        } else if (((unsigned char)*c & 0xc0) != 0x80) {
            column++;
        }
    }
    struct kj_buf place;
    kj_buf_init(&place, 0);
    kj_buf_addf(&place, "line %zu, column %zu", line, column);
    kj_fault(r->fault, code, place.data, NULL, "%s", text);
    kj_buf_fini(&place);
    return code;
}

static int refuse(struct reader *r, const char *text)
{
    return refuse_at(r, r->at, KJ_EPARSE, text);
}

// --- output ---

static void room(struct reader *r, size_t length)
{
    if (length <= r->capacity - r->length)
        return;
    while (length > r->capacity - r->length)
        r->capacity *= 2;
    uint8_t *grown = kj_realloc(r->out == r->local ? NULL : r->out, r->capacity);
    if (r->out == r->local)
        memcpy(grown, r->local, r->length);
    r->out = grown;
}

// Called before each member and item: whatever follows in the text, it cannot become longer than it
// is there, but for what the slack covers (type, index, length, number, copying by blocks).
// The writing functions below rely on it.
static void reserve(struct reader *r)
{
    room(r, (size_t)(r->end - r->at) + 64);
}

static inline void put(struct reader *r, const void *bytes, size_t length)
{
    memcpy(r->out + r->length, bytes, length);
    r->length += length;
}

static inline void put_byte(struct reader *r, uint8_t byte)
{
    r->out[r->length++] = byte;
}

static inline void put_u64(struct reader *r, uint64_t value)
{
    value = BSON_UINT64_TO_LE(value);
    put(r, &value, 8);
}

static void patch_u32(struct reader *r, size_t at, size_t value)
{
    uint32_t little = BSON_UINT32_TO_LE((uint32_t)value);
    memcpy(r->out + at, &little, 4);
}

// --- text ---

static void skip_space(struct reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\n' || *r->at == '\t' || *r->at == '\r'))
        r->at++;
}

static int hex4(struct reader *r, uint32_t *code)
{
    *code = 0;
    if (r->end - r->at < 4)
        return refuse(r, "\\u needs four hexadecimal digits");
    for (int i = 0; i < 4; i++, r->at++) {
        char c = *r->at;
        uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                         : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a' + 10)
                         : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A' + 10)
                                                : 16;
        if (digit == 16)
            return refuse(r, "\\u needs four hexadecimal digits");
        *code = *code * 16 + digit;
    }
    return KJ_OK;
}

static void put_code(struct reader *r, uint32_t code)
{
    uint8_t bytes[4];
    size_t length = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = length; i-- > 1; code >>= 6)
        bytes[i] = (uint8_t)(0x80 | (code & 0x3f));
    bytes[0] = (uint8_t)(lead[length] | code);
    put(r, bytes, length);
}

// After "\u".
static int read_unicode(struct reader *r)
{
    const char *start = r->at - 2;
    uint32_t code, low;
    int rc = hex4(r, &code);
    if (rc)
        return rc;
    if (code == 0)
        return refuse_at(r, start, KJ_EPARSE, "the character \\u0000 is not accepted");
    if (code >= 0xdc00 && code <= 0xdfff)
        return refuse_at(r, start, KJ_EPARSE, "a low surrogate without its high half");
    if (code >= 0xd800 && code <= 0xdbff) {
        if (r->end - r->at < 2 || r->at[0] != '\\' || r->at[1] != 'u')
            return refuse_at(r, start, KJ_EPARSE, "a high surrogate without its low half");
        r->at += 2;
        if ((rc = hex4(r, &low)) != 0)
            return rc;
        if (low < 0xdc00 || low > 0xdfff)
            return refuse_at(r, start, KJ_EPARSE, "a high surrogate without its low half");
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    put_code(r, code);
    return KJ_OK;
}

static int read_escape(struct reader *r)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    r->at++;
    if (r->at == r->end)
        return refuse(r, "the text ends inside a string");
    const char *found = memchr(from, *r->at, sizeof from - 1);
    if (found) {
        put_byte(r, (uint8_t)to[found - from]);
        r->at++;
        return KJ_OK;
    }
    if (*r->at != 'u')
        return refuse(r, "unknown escape in a string");
    r->at++;
    return read_unicode(r);
}

// What may follow a first byte of UTF-8: no overlong forms, no surrogates, nothing past U+10FFFF.
static const struct lead {
    unsigned char first, last, length, low, high; // low and high: of the second byte
} k_leads[] = {{0xc2, 0xdf, 2, 0x80, 0xbf}, {0xe0, 0xe0, 3, 0xa0, 0xbf},
               {0xe1, 0xec, 3, 0x80, 0xbf}, {0xed, 0xed, 3, 0x80, 0x9f},
               {0xee, 0xef, 3, 0x80, 0xbf}, {0xf0, 0xf0, 4, 0x90, 0xbf},
               {0xf1, 0xf3, 4, 0x80, 0xbf}, {0xf4, 0xf4, 4, 0x80, 0x8f}};

// Length of the UTF-8 sequence at `at`, or 0.
static size_t sequence(const char *text, const char *end)
{
    const unsigned char *at = (const unsigned char *)text;
    const struct lead *lead = k_leads;
    while (lead < k_leads + KJ_COUNT(k_leads) && at[0] > lead->last)
        lead++;
    if (lead == k_leads + KJ_COUNT(k_leads) || at[0] < lead->first ||
        (size_t)(end - text) < lead->length || at[1] < lead->low || at[1] > lead->high)
        return 0;
    for (size_t i = 2; i < lead->length; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    return lead->length;
}

// A block of characters at once: copies it and returns how many of them need no care (no quote, no
// backslash, no control, no UTF-8).
#ifdef __SSE2__
enum { BLOCK = 16 };

static inline size_t copy_block(uint8_t *out, const char *at)
{
    __m128i block = _mm_loadu_si128((const __m128i *)(const void *)at);
    __m128i quote = _mm_cmpeq_epi8(block, _mm_set1_epi8('"'));
    __m128i slash = _mm_cmpeq_epi8(block, _mm_set1_epi8('\\'));
    __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(block, _mm_set1_epi8(0x1f)), block);
    __m128i found = _mm_or_si128(_mm_or_si128(quote, slash), _mm_or_si128(control, block));
    unsigned mask = (unsigned)_mm_movemask_epi8(found);
    _mm_storeu_si128((__m128i *)(void *)out, block);
    return (size_t)__builtin_ctz(mask | 1u << BLOCK);
}
#else
enum { BLOCK = 8 };

static inline size_t copy_block(uint8_t *out, const char *at)
{
    const uint64_t ones = 0x0101010101010101u, highs = 0x8080808080808080u;
    uint64_t word;
    memcpy(&word, at, 8);
    memcpy(out, at, 8);
    word = BSON_UINT64_FROM_LE(word);
    uint64_t quote = word ^ (ones * '"'), slash = word ^ (ones * '\\');
    // Exact at the lowest character that is found; above it the bits may be wrong.
    uint64_t found = ((quote - ones) & ~quote) | ((slash - ones) & ~slash) |
                     ((word - ones * 0x20) & ~word) | word;
    return found & highs ? (size_t)__builtin_ctzll(found & highs) / 8 : BLOCK;
}
#endif

// Copies plain characters; stops at the first that needs care, or near the end of the text.
static const char *copy_plain(struct reader *r, const char *at)
{
    uint8_t *out = r->out + r->length;
    size_t plain = BLOCK;
    while (plain == BLOCK && r->end - at >= BLOCK) {
        plain = copy_block(out, at);
        out += plain;
        at += plain;
    }
    r->length = (size_t)(out - r->out);
    return at;
}

// Runs over what may stand in a string as it is.
static int plain_run(struct reader *r)
{
    const char *at = r->at;
    for (;;) {
        at = copy_plain(r, at);
        if (at == r->end)
            break;
        unsigned char c = (unsigned char)*at;
        if (c == '"' || c == '\\' || c < 0x20)
            break;
        size_t length = c < 0x80 ? 1 : sequence(at, r->end);
        if (length == 0)
            return refuse_at(r, at, KJ_EPARSE, "bytes that are not UTF-8");
        for (size_t i = 0; i < length; i++)
            r->out[r->length++] = (uint8_t)*at++;
    }
    r->at = at;
    return KJ_OK;
}

// The characters of a string, and the NUL that BSON wants behind them. `at` is on the quote.
static int read_text(struct reader *r)
{
    int rc;
    r->at++;
    for (;;) {
        if ((rc = plain_run(r)) != 0)
            return rc;
        if (r->at == r->end)
            return refuse(r, "the text ends inside a string");
        if (*r->at == '"')
            break;
        if (*r->at != '\\')
            return refuse(r, "a control character inside a string must be escaped");
        if ((rc = read_escape(r)) != 0)
            return rc;
    }
    r->at++;
    put_byte(r, 0);
    return KJ_OK;
}

static int read_string(struct reader *r)
{
    size_t start = r->length;
    put(r, "\0\0\0", 4);
    int rc = read_text(r);
    if (rc == KJ_OK)
        patch_u32(r, start, r->length - start - 4);
    return rc;
}

// --- numbers ---

struct number {
    uint64_t mantissa;
    int exponent;
    bool exact, real;
};

static bool is_digit(const struct reader *r)
{
    return r->at < r->end && *r->at >= '0' && *r->at <= '9';
}

static void take_digits(struct reader *r, struct number *n, bool fraction)
{
    for (; is_digit(r); r->at++) {
        uint64_t digit = (uint64_t)(*r->at - '0');
        if (n->mantissa > UINT64_MAX / 16 && n->mantissa > (UINT64_MAX - digit) / 10) {
            n->exact = false;
            continue;
        }
        n->mantissa = n->mantissa * 10 + digit;
        n->exponent -= fraction;
    }
}

static int read_exponent(struct reader *r, struct number *n)
{
    int value = 0;
    n->real = true;
    r->at++;
    bool negative = r->at < r->end && *r->at == '-';
    if (r->at < r->end && (*r->at == '+' || *r->at == '-'))
        r->at++;
    if (!is_digit(r))
        return refuse(r, "an exponent needs digits");
    for (; is_digit(r); r->at++)
        if (value < 100000)
            value = value * 10 + (*r->at - '0');
    n->exponent += negative ? -value : value;
    return KJ_OK;
}

// The grammar of a number; the value is judged by the caller.
static int scan_number(struct reader *r, struct number *n)
{
    if (r->at < r->end && *r->at == '-')
        r->at++;
    if (!is_digit(r))
        return refuse(r, "a number needs digits");
    if (*r->at == '0' && r->end - r->at > 1 && r->at[1] >= '0' && r->at[1] <= '9')
        return refuse(r, "a number must not start with a zero");
    take_digits(r, n, false);
    if (r->at < r->end && *r->at == '.') {
        n->real = true;
        r->at++;
        if (!is_digit(r))
            return refuse(r, "a decimal point needs digits behind it");
        take_digits(r, n, true);
    }
    if (r->at < r->end && (*r->at == 'e' || *r->at == 'E'))
        return read_exponent(r, n);
    return KJ_OK;
}

static int read_number(struct reader *r, size_t type_at)
{
    const char *start = r->at;
    struct number n = {.exact = true};
    int rc = scan_number(r, &n);
    if (rc)
        return rc;
    size_t length = (size_t)(r->at - start);
    if (!n.real) {
        bool negative = *start == '-';
        if (!n.exact || n.mantissa > (uint64_t)INT64_MAX + negative)
            return refuse_at(r, start, KJ_EPARSE, "an integer beyond 64 bits");
        r->out[type_at] = BSON_TYPE_INT64;
        put_u64(r, negative ? 0 - n.mantissa : n.mantissa);
        return KJ_OK;
    }
    if (length > KJ_DECIMAL_MAX_TEXT)
        return refuse_at(r, start, KJ_ELIMIT, "a number with too many digits");
    double value = kj_decimal_read(n.mantissa, n.exponent, n.exact, start, length);
    if (value - value != 0)
        return refuse_at(r, start, KJ_EPARSE, "a number beyond the range of a double");
    uint64_t bits;
    memcpy(&bits, &value, 8);
    r->out[type_at] = BSON_TYPE_DOUBLE;
    put_u64(r, bits);
    return KJ_OK;
}

// --- containers ---

static int by_bytes(const void *x, const void *y)
{
    const struct key *a = x, *b = y;
    if (a->length != b->length)
        return a->length < b->length ? -1 : 1;
    int order = memcmp(a->text, b->text, a->length);
    return order ? order : (a->out > b->out) - (a->out < b->out);
}

// Many keys: sorted once, so that no choice of keys makes it slow. The output stands still by now.
static int check_many(struct reader *r, size_t first)
{
    struct key *keys = r->keys + first;
    size_t count = r->key_count - first;
    const struct key *earliest = NULL;
    for (size_t i = 0; i < count; i++)
        keys[i].text = (const char *)r->out + keys[i].out;
    qsort(keys, count, sizeof *keys, by_bytes);
    for (size_t i = 1; i < count; i++)
        if (keys[i].length == keys[i - 1].length &&
            memcmp(keys[i].text, keys[i - 1].text, keys[i].length) == 0 &&
            (earliest == NULL || keys[i].out < earliest->out))
            earliest = &keys[i];
    if (earliest == NULL)
        return KJ_OK;
    struct kj_buf text;
    kj_buf_init(&text, 0);
    kj_buf_addf(&text, "the key \"%.80s\" appears twice in this object", earliest->text);
    refuse(r, text.data);
    kj_buf_fini(&text);
    return KJ_EPARSE;
}

// `seen` has a bit for each hash met: nearly always it tells at once that a key is new.
static bool repeats(struct reader *r, size_t first, uint64_t *seen)
{
    const struct key *last = &r->keys[r->key_count - 1];
    uint64_t bit = 1ull << (last->hash >> 58);
    bool maybe = (*seen & bit) != 0;
    *seen |= bit;
    if (!maybe || r->key_count - first > FEW_KEYS)
        return false;
    for (const struct key *key = r->keys + first; key < last; key++)
        if (key->hash == last->hash && key->length == last->length &&
            memcmp(r->out + key->out, r->out + last->out, key->length) == 0)
            return true;
    return false;
}

// Only to tell most keys apart without comparing them: eight bytes of each end, and the length.
static uint64_t hash_key(const uint8_t *key, uint32_t length)
{
    uint64_t head = 0, tail = 0;
    if (length >= 8) {
        memcpy(&head, key, 8);
        memcpy(&tail, key + length - 8, 8);
    } else {
        for (uint32_t i = 0; i < length; i++)
            head = head << 8 | key[i];
    }
    return ((head ^ length) * 0x9e3779b97f4a7c15u ^ tail) * 0xff51afd7ed558ccdu;
}

static int read_key(struct reader *r, size_t first, uint64_t *seen)
{
    const char *start = r->at;
    if (r->at == r->end || *r->at != '"')
        return refuse(r, "a key in quotes is expected");
    size_t out = r->length;
    int rc = read_text(r);
    if (rc)
        return rc;
    if (r->key_count == r->key_capacity) {
        r->key_capacity = r->key_capacity ? r->key_capacity * 2 : 64;
        r->keys = kj_realloc(r->keys, r->key_capacity * sizeof *r->keys);
    }
    struct key *key = &r->keys[r->key_count++];
    *key = (struct key){.out = out, .length = (uint32_t)(r->length - out - 1)};
    key->hash = hash_key(r->out + out, key->length);
    if (repeats(r, first, seen))
        return refuse_at(r, start, KJ_EPARSE, "this key appears twice in its object");
    skip_space(r);
    if (r->at == r->end || *r->at != ':')
        return refuse(r, "a colon is expected behind the key");
    r->at++;
    return KJ_OK;
}

// Behind a member: 1 = another one follows, 0 = the container is closed.
static int separator(struct reader *r, char close)
{
    skip_space(r);
    if (r->at < r->end && *r->at == ',') {
        r->at++;
        skip_space(r);
        return 1;
    }
    if (r->at < r->end && *r->at == close) {
        r->at++;
        return 0;
    }
    return refuse(r, r->at == r->end ? "the text ends inside an object or array"
                     : close == '}'  ? "a comma or } is expected"
                                     : "a comma or ] is expected");
}

// The bracket is behind us; true when it closes at once.
static bool empty(struct reader *r, char close)
{
    skip_space(r);
    if (r->at == r->end || *r->at != close)
        return false;
    r->at++;
    return true;
}

static int read_members(struct reader *r)
{
    size_t first = r->key_count, type_at;
    uint64_t seen = 0;
    int rc = empty(r, '}') ? 0 : 1;
    while (rc == 1) {
        reserve(r);
        type_at = r->length;
        put_byte(r, 0);
        if ((rc = read_key(r, first, &seen)) != 0 || (rc = read_value(r, type_at)) != 0)
            return rc;
        rc = separator(r, '}');
    }
    if (rc == 0 && r->key_count - first > FEW_KEYS)
        rc = check_many(r, first);
    r->key_count = first;
    return rc;
}

static int read_items(struct reader *r)
{
    char key[KJ_DECIMAL_SIZE];
    int rc = empty(r, ']') ? 0 : 1;
    for (int64_t i = 0; rc == 1; i++) {
        reserve(r);
        size_t type_at = r->length, length = kj_decimal_print_int(i, key + 1) + 2;
        key[0] = 0; // the type, set when the value is known
        key[length - 1] = 0;
        put(r, key, length);
        if ((rc = read_value(r, type_at)) != 0)
            return rc;
        rc = separator(r, ']');
    }
    return rc;
}

static int read_container(struct reader *r)
{
    bool array = *r->at == '[';
    size_t start = r->length;
    if (r->depth == 0)
        return refuse_at(r, r->at, KJ_ELIMIT, "nested too deeply");
    r->depth--;
    r->at++;
    put(r, "\0\0\0", 4);
    int rc = array ? read_items(r) : read_members(r);
    if (rc)
        return rc;
    r->depth++;
    room(r, 1);
    put_byte(r, 0);
    if (r->length > MAX_OUT)
        return refuse_at(r, r->at, KJ_ELIMIT, "larger than a document can be");
    patch_u32(r, start, r->length - start);
    return KJ_OK;
}

static int read_word(struct reader *r, size_t type_at)
{
    size_t left = (size_t)(r->end - r->at);
    if (left >= 4 && memcmp(r->at, "true", 4) == 0) {
        r->at += 4;
        r->out[type_at] = BSON_TYPE_BOOL;
        put_byte(r, 1);
    } else if (left >= 5 && memcmp(r->at, "false", 5) == 0) {
        r->at += 5;
        r->out[type_at] = BSON_TYPE_BOOL;
        put_byte(r, 0);
    } else if (left >= 4 && memcmp(r->at, "null", 4) == 0) {
        r->at += 4;
        r->out[type_at] = BSON_TYPE_NULL;
    } else {
        return refuse(r, left ? "not a JSON value" : "a value is expected before the end");
    }
    return KJ_OK;
}

static int read_value(struct reader *r, size_t type_at)
{
    skip_space(r);
    if (r->nodes == 0)
        return refuse_at(r, r->at, KJ_ELIMIT, "more values than allowed");
    r->nodes--;
    char c = r->at < r->end ? *r->at : 0;
    if (c == '"') {
        r->out[type_at] = BSON_TYPE_UTF8;
        return read_string(r);
    }
    if (c == '{' || c == '[') {
        r->out[type_at] = c == '{' ? BSON_TYPE_DOCUMENT : BSON_TYPE_ARRAY;
        return read_container(r);
    }
    if (c == '-' || (c >= '0' && c <= '9'))
        return read_number(r, type_at);
    return read_word(r, type_at);
}

static int read_root(struct reader *r)
{
    skip_space(r);
    if (r->at == r->end)
        return refuse(r, "empty text instead of JSON");
    if (*r->at != '{' && *r->at != '[')
        return refuse(r, r->end - r->at >= 3 && memcmp(r->at, "\xef\xbb\xbf", 3) == 0
                             ? "a byte order mark before the JSON"
                             : "an object or array is expected");
    if (r->nodes == 0)
        return refuse_at(r, r->at, KJ_ELIMIT, "more values than allowed");
    r->nodes--;
    int rc = read_container(r);
    if (rc)
        return rc;
    skip_space(r);
    return r->at == r->end ? KJ_OK : refuse(r, "text behind the JSON value");
}

int kj_json_parse(const char *text, size_t length, const struct kj_json_limits *limits,
                  bson_t **doc, bool *is_array, struct kj_fault *fault)
{
    limits = limits ? limits : &kj_json_default;
    uint8_t local[LOCAL];
    struct reader r = {.start = text, .at = text, .end = text + length, .fault = fault};
    r.local = local;
    r.capacity = sizeof local;
    *doc = NULL;
    if (length > limits->bytes)
        return kj_fault(fault, KJ_ELIMIT, "line 1, column 1", NULL,
                        "%zu bytes of JSON, at most %zu are allowed", length, limits->bytes);
    r.nodes = limits->nodes;
    r.depth = limits->depth < MAX_DEPTH ? limits->depth : MAX_DEPTH;
    r.depth = r.depth < 0 ? 0 : r.depth;
    r.out = local;
    int rc = read_root(&r);
    if (rc == KJ_OK) {
        *doc = bson_new_from_data(r.out, r.length);
        if (is_array)
            *is_array = text[strspn(text, " \t\r\n")] == '[';
    }
    free(r.keys);
    if (r.out != local)
        free(r.out);
    return rc;
}
