// The strict JSON reader: one pass over the text, BSON bytes written straight into one buffer.
// libbson's own reader is not fit for a front door (it keeps duplicate keys, obeys "$" operators,
// ignores text behind the document and corrupts large integers), and it is slower.
#include "base/alloc.h"
#include "doc/decimal.h"
#include "doc/json.h"
#include "doc/json_block.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct kj_json_limits kj_json_default = {1u << 20, 10000, 32, 0};

enum {
    MAX_DEPTH = 190,     // whatever the limits say: the reader recurses
    MAX_OUT = INT32_MAX, // what BSON can hold
    LOCAL = 8192,
    LOCAL_KEYS = 48,
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
    uint8_t *out, *to, *limit; // the output: its begin, where to write, its end
    uint8_t *local;            // the caller's block to begin with: most documents fit
    const struct kj_json_limits *limits;
    size_t nodes;     // left
    int depth;        // left
    struct key *keys; // of all open objects, the innermost last
    size_t key_count, key_capacity;
    struct key few_keys[LOCAL_KEYS];
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

static int most_depth(const struct kj_json_limits *limits)
{
    int depth = limits->depth < MAX_DEPTH ? limits->depth : MAX_DEPTH;
    return depth < 0 ? 0 : depth;
}

static int refuse_more(struct reader *r, const char *what, size_t most)
{
    char text[80];
    snprintf(text, sizeof text, "%s, at most %zu are allowed", what, most);
    return refuse_at(r, r->at, KJ_ELIMIT, text);
}

// --- output ---

static void grow(struct reader *r, size_t length)
{
    size_t used = (size_t)(r->to - r->out), capacity = (size_t)(r->limit - r->out);
    while (length > capacity - used)
        capacity *= 2;
    uint8_t *grown = kj_realloc(r->out == r->local ? NULL : r->out, capacity);
    if (r->out == r->local)
        memcpy(grown, r->local, used);
    r->out = grown;
    r->to = grown + used;
    r->limit = grown + capacity;
}

// Called before each member and item: whatever follows in the text, it cannot become longer than it
// is there, but for what the slack covers (type, index, length, number, copying by blocks).
// The writing functions below rely on it.
static inline void reserve(struct reader *r)
{
    size_t length = (size_t)(r->end - r->at) + 64;
    if (length > (size_t)(r->limit - r->to))
        grow(r, length);
}

static inline void put_u64(struct reader *r, uint64_t value)
{
    value = BSON_UINT64_TO_LE(value);
    memcpy(r->to, &value, 8);
    r->to += 8;
}

static inline void patch_u32(uint8_t *at, size_t value)
{
    uint32_t little = BSON_UINT32_TO_LE((uint32_t)value);
    memcpy(at, &little, 4);
}

// --- text ---

static inline bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static inline void skip_space(struct reader *r)
{
    const char *at = r->at;
    while (at < r->end && (unsigned char)*at <= ' ' && is_space(*at))
        at++;
    r->at = at;
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
    uint8_t *bytes = r->to;
    size_t length = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = length; i-- > 1; code >>= 6)
        bytes[i] = (uint8_t)(0x80 | (code & 0x3f));
    bytes[0] = (uint8_t)(lead[length] | code);
    r->to += length;
}

// After "\u".
static int read_unicode(struct reader *r)
{
    const char *start = r->at - 2;
    uint32_t code, low;
    int rc = hex4(r, &code);
    if (rc)
        return rc;
    if (code == 0 && r->limits->accept == 0)
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
        *r->to++ = (uint8_t)to[found - from];
        r->at++;
        return KJ_OK;
    }
    if (*r->at != 'u')
        return refuse(r, "unknown escape in a string");
    r->at++;
    return read_unicode(r);
}

// Characters that are not plain, or too near the end of the text for a block.
static int read_odd(struct reader *r)
{
    const char *at = r->at;
    if (at == r->end)
        return refuse(r, "the text ends inside a string");
    if (*at == '\\')
        return read_escape(r);
    if ((unsigned char)*at < 0x20)
        return refuse(r, "a control character inside a string must be escaped");
    while (at < r->end && (unsigned char)*at >= 0x80) {
        size_t length = kj_json_sequence(at, (size_t)(r->end - at));
        if (length == 0)
            return refuse_at(r, at, KJ_EPARSE, "bytes that are not UTF-8");
        for (size_t i = 0; i < length; i++)
            *r->to++ = (uint8_t)*at++;
    }
    if (at == r->at)
        *r->to++ = (uint8_t)*at++;
    r->at = at;
    return KJ_OK;
}

// The characters of a string, and the NUL that BSON wants behind them. `at` is on the quote. The
// two cursors are kept out of the reader: what is written through a byte pointer might be the
// reader itself, so its members would be loaded again after each block.
static inline int read_text(struct reader *r)
{
    const char *at = r->at + 1, *end = r->end;
    uint8_t *to = r->to;
    for (;;) {
        size_t plain = KJ_JSON_BLOCK;
        while (plain == KJ_JSON_BLOCK && end - at >= KJ_JSON_BLOCK) {
            plain = kj_json_block(to, at);
            at += plain;
            to += plain;
        }
        if (at < end && *at == '"')
            break;
        r->at = at;
        r->to = to;
        int rc = read_odd(r);
        if (rc)
            return rc;
        at = r->at;
        to = r->to;
    }
    *to = 0;
    r->to = to + 1;
    r->at = at + 1;
    return KJ_OK;
}

static inline int read_string(struct reader *r)
{
    uint8_t *start = r->to;
    r->to += 4;
    int rc = read_text(r);
    if (rc == KJ_OK)
        patch_u32(start, (size_t)(r->to - start) - 4);
    return rc;
}

// --- numbers ---

enum { SAFE_DIGITS = 18 }; // so many never overflow the mantissa

struct number {
    uint64_t mantissa;
    int exponent, digits;
    bool exact, real;
};

static inline bool is_digit(const struct reader *r)
{
    return r->at < r->end && *r->at >= '0' && *r->at <= '9';
}

static inline void take_digits(struct reader *r, struct number *n, bool fraction)
{
    const char *at = r->at;
    uint64_t mantissa = n->mantissa;
    int digits = n->digits;
    for (; at < r->end && (uint8_t)(*at - '0') <= 9 && digits < SAFE_DIGITS; at++, digits++)
        mantissa = mantissa * 10 + (uint8_t)(*at - '0');
    n->exponent -= fraction ? (int)(at - r->at) : 0;
    n->mantissa = mantissa;
    n->digits = digits;
    r->at = at;
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
static inline int scan_number(struct reader *r, struct number *n)
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
    if (!maybe || r->key_count - first > FEW_KEYS || (r->limits->accept & KJ_JSON_GRAMMAR))
        return false;
    for (const struct key *key = r->keys + first; key < last; key++)
        if (key->hash == last->hash && key->length == last->length &&
            memcmp(r->out + key->out, r->out + last->out, key->length) == 0)
            return true;
    return false;
}

// Only to tell most keys apart without comparing them: eight bytes of each end, and the length. The
// bytes behind a short key are there (see reserve) and do not count.
static inline uint64_t hash_key(const uint8_t *key, uint32_t length)
{
    uint64_t head, tail = 0;
    memcpy(&head, key, 8);
    head = BSON_UINT64_FROM_LE(head);
    if (length >= 8)
        memcpy(&tail, key + length - 8, 8);
    else
        head &= ((uint64_t)1 << (8 * length)) - 1;
    return ((head ^ length) * 0x9e3779b97f4a7c15u ^ tail) * 0xff51afd7ed558ccdu;
}

static void more_keys(struct reader *r)
{
    r->key_capacity *= 2;
    struct key *grown =
        kj_realloc(r->keys == r->few_keys ? NULL : r->keys, r->key_capacity * sizeof *r->keys);
    if (r->keys == r->few_keys)
        memcpy(grown, r->few_keys, sizeof r->few_keys);
    r->keys = grown;
}

static inline int read_key(struct reader *r, size_t first, uint64_t *seen)
{
    const char *start = r->at;
    if (r->at == r->end || *r->at != '"')
        return refuse(r, "a key in quotes is expected");
    uint8_t *to = r->to;
    int rc = read_text(r);
    if (rc)
        return rc;
    if (r->key_count == r->key_capacity)
        more_keys(r);
    struct key *key = &r->keys[r->key_count++];
    key->out = (size_t)(to - r->out);
    key->length = (uint32_t)(r->to - to - 1);
    key->hash = hash_key(to, key->length);
    if (r->limits->accept == KJ_JSON_VALUE && memchr(to, 0, key->length))
        return refuse_at(r, start, KJ_EPARSE, "the character \\u0000 is not accepted in a key");
    if (repeats(r, first, seen))
        return refuse_at(r, start, KJ_EPARSE, "this key appears twice in its object");
    skip_space(r);
    if (r->at == r->end || *r->at != ':')
        return refuse(r, "a colon is expected behind the key");
    r->at++;
    return KJ_OK;
}

// Behind a member: 1 = another one follows, 0 = the container is closed.
static inline int separator(struct reader *r, char close)
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
    size_t first = r->key_count;
    uint64_t seen = 0;
    int rc = empty(r, '}') ? 0 : 1;
    while (rc == 1) {
        reserve(r);
        size_t type_at = (size_t)(r->to++ - r->out);
        if ((rc = read_key(r, first, &seen)) != 0 || (rc = read_value(r, type_at)) != 0)
            return rc;
        rc = separator(r, '}');
    }
    if (rc == 0 && r->key_count - first > FEW_KEYS && !(r->limits->accept & KJ_JSON_GRAMMAR))
        rc = check_many(r, first);
    r->key_count = first;
    return rc;
}

static int read_items(struct reader *r)
{
    int rc = empty(r, ']') ? 0 : 1;
    for (int64_t i = 0; rc == 1; i++) {
        reserve(r);
        size_t type_at = (size_t)(r->to++ - r->out);
        r->to += kj_decimal_print_int(i, (char *)r->to);
        *r->to++ = 0;
        if ((rc = read_value(r, type_at)) != 0)
            return rc;
        rc = separator(r, ']');
    }
    return rc;
}

static int read_container(struct reader *r)
{
    bool array = *r->at == '[';
    size_t start = (size_t)(r->to - r->out);
    if (r->depth == 0)
        return refuse_more(r, "too many levels", (size_t)most_depth(r->limits));
    r->depth--;
    r->at++;
    r->to += 4;
    int rc = array ? read_items(r) : read_members(r);
    if (rc)
        return rc;
    r->depth++;
    if (r->to == r->limit)
        grow(r, 1);
    *r->to++ = 0;
    size_t length = (size_t)(r->to - r->out) - start;
    if (length > MAX_OUT)
        return refuse_at(r, r->at, KJ_ELIMIT, "larger than a document can be");
    patch_u32(r->out + start, length);
    return KJ_OK;
}

static int read_word(struct reader *r, size_t type_at)
{
    size_t left = (size_t)(r->end - r->at);
    if (left >= 4 && memcmp(r->at, "true", 4) == 0) {
        r->at += 4;
        r->out[type_at] = BSON_TYPE_BOOL;
        *r->to++ = 1;
    } else if (left >= 5 && memcmp(r->at, "false", 5) == 0) {
        r->at += 5;
        r->out[type_at] = BSON_TYPE_BOOL;
        *r->to++ = 0;
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
        return refuse_more(r, "too many values", r->limits->nodes);
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

// Any value, as the member "" of the document.
static int read_any(struct reader *r)
{
    size_t type_at = 4;
    reserve(r);
    r->to += type_at + 1;
    *r->to++ = 0;
    int rc = read_value(r, type_at);
    if (rc)
        return rc;
    if (r->to == r->limit)
        grow(r, 1);
    *r->to++ = 0;
    patch_u32(r->out, (size_t)(r->to - r->out));
    return KJ_OK;
}

static int read_container_root(struct reader *r)
{
    if (*r->at != '{' && *r->at != '[')
        return refuse(r, "an object or array is expected");
    if (r->nodes == 0)
        return refuse_more(r, "too many values", r->limits->nodes);
    r->nodes--;
    return read_container(r);
}

static int read_root(struct reader *r)
{
    skip_space(r);
    if (r->at == r->end)
        return refuse(r, "empty text instead of JSON");
    if (r->end - r->at >= 3 && memcmp(r->at, "\xef\xbb\xbf", 3) == 0)
        return refuse(r, "a byte order mark before the JSON");
    int rc = r->limits->accept ? read_any(r) : read_container_root(r);
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
    struct reader r; // its keys need no zeros, so not by an initializer
    r.start = r.at = text;
    r.end = text + length;
    r.out = r.to = r.local = local;
    r.limit = local + sizeof local;
    r.keys = r.few_keys;
    r.key_count = 0;
    r.key_capacity = LOCAL_KEYS;
    r.fault = fault;
    r.limits = limits;
    *doc = NULL;
    if (length > limits->bytes)
        return kj_fault(fault, KJ_ELIMIT, "line 1, column 1", NULL,
                        "%zu bytes of JSON, at most %zu are allowed", length, limits->bytes);
    r.nodes = limits->nodes;
    r.depth = most_depth(limits);
    int rc = read_root(&r);
    if (rc == KJ_OK && !(limits->accept & KJ_JSON_GRAMMAR))
        *doc = bson_new_from_data(r.out, (size_t)(r.to - r.out));
    if (rc == KJ_OK && is_array)
        *is_array = text[strspn(text, " \t\r\n")] == '[';
    if (r.keys != r.few_keys)
        free(r.keys);
    if (r.out != local)
        free(r.out);
    return rc;
}
