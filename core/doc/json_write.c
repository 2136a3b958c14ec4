// The JSON writer: from the bytes of a document straight into a buffer. What JSON has no word for
// becomes text (ids, binary as base64, decimals) or null; what no longer can be read safely (a
// document nested without end) marks the buffer as failed.
#include "base/clock.h"
#include "base/str.h"
#include "doc/decimal.h"
#include "doc/element.h"
#include "doc/json.h"
#include "doc/json_block.h"

#include <string.h>

enum { MAX_INDENT = 64 };

struct writer {
    struct kj_buf *out;
    const char *readable; // up to here the bytes of the document may be read
    bool pretty;
    int depth;
};

static char *make_room(struct kj_buf *out, size_t length)
{
    return out->failed || length > out->limit - out->length ? NULL : kj_buf_room(out, length);
}

// Where to write up to `length` bytes without a question for each; NULL near the buffer's limit,
// where add() goes piece by piece, so that what fits is there. Nothing here writes the buffer's
// NUL: whoever is called from outside ends with finish().
static inline char *at_hand(struct kj_buf *out, size_t length)
{
    bool there =
        !out->failed && length < out->capacity - out->length && length <= out->limit - out->length;
    return there ? out->data + out->length : make_room(out, length);
}

static inline void written(struct kj_buf *out, const char *to)
{
    out->length = (size_t)(to - out->data);
}

static void finish(struct kj_buf *out)
{
    if (out->data)
        out->data[out->length] = 0;
}

static inline void add(struct kj_buf *out, const char *bytes, size_t length)
{
    char *to = at_hand(out, length);
    if (to == NULL) {
        kj_buf_add(out, bytes, length);
        return;
    }
    memcpy(to, bytes, length);
    out->length += length;
}

static void add_escape(struct kj_buf *out, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    char text[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
    const char *from = "\"\\\b\f\n\r\t", *to = "\"\\bfnrt";
    const char *found = c ? strchr(from, c) : NULL;
    if (found)
        text[1] = to[found - from];
    add(out, text, found ? 2 : 6);
}

// What is not plain, one character of it.
static const char *add_odd(struct kj_buf *out, const char *at, const char *end)
{
    unsigned char c = (unsigned char)*at;
    if (c < 0x80) {
        if (c < 0x20 || c == '"' || c == '\\')
            add_escape(out, c);
        else
            add(out, at, 1);
        return at + 1;
    }
    size_t sequence = kj_json_sequence(at, (size_t)(end - at));
    if (sequence)
        add(out, at, sequence);
    else
        add(out, "\xef\xbf\xbd", 3); // the replacement character
    return at + (sequence ? sequence : 1);
}

static inline bool is_plain(char c)
{
    return (signed char)c >= ' ' && c != '"' && c != '\\';
}

// Copies what is plain; returns where that ends. Blocks are read up to `readable`, which may lie
// behind the text: inside of a document it does, so that short text goes as one block.
static inline const char *copy_plain(const char *at, const char *end, const char *readable,
                                     char **to)
{
    char *out = *to;
    size_t plain = KJ_JSON_BLOCK;
    while (at < end && plain == KJ_JSON_BLOCK && readable - at >= KJ_JSON_BLOCK) {
        plain = kj_json_block(out, at);
        at += plain;
        out += plain;
    }
    for (; at < end && plain == KJ_JSON_BLOCK && is_plain(*at); at++)
        *out++ = *at;
    *to = at > end ? out - (at - end) : out;
    return at > end ? end : at;
}

// In quotes, with the `tail` (at most three characters) instead of the last one.
static inline void write_text(const char *at, size_t length, const char *readable, const char *tail,
                              size_t tail_length, struct kj_buf *out)
{
    const char *end = at + length;
    add(out, "\"", 1);
    for (;;) {
        char *to = at_hand(out, (size_t)(end - at) + KJ_JSON_BLOCK);
        if (to) {
            at = copy_plain(at, end, readable, &to);
            written(out, to);
        }
        if (at == end)
            break;
        at = add_odd(out, at, end);
    }
    add(out, tail, tail_length);
}

void kj_json_write_text(const char *text, size_t length, struct kj_buf *out)
{
    write_text(text, length, text + length, "\"", 1, out);
    finish(out);
}

static void write_binary(const struct kj_element *element, struct kj_buf *out)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    add(out, "\"", 1);
    for (uint32_t i = 0; i < element->length; i += 3) {
        uint32_t left = element->length - i, bits = (uint32_t)element->data[i] << 16;
        bits |= left > 1 ? (uint32_t)element->data[i + 1] << 8 : 0;
        bits |= left > 2 ? element->data[i + 2] : 0;
        char four[4] = {letters[bits >> 18], letters[bits >> 12 & 63],
                        left > 1 ? letters[bits >> 6 & 63] : '=',
                        left > 2 ? letters[bits & 63] : '='};
        add(out, four, 4);
    }
    add(out, "\"", 1);
}

static void write_int(int64_t value, struct kj_buf *out)
{
    char text[KJ_DECIMAL_SIZE], *to = at_hand(out, KJ_DECIMAL_SIZE);
    if (to)
        written(out, to + kj_decimal_print_int(value, to));
    else
        add(out, text, kj_decimal_print_int(value, text));
}

static void write_real(double value, struct kj_buf *out)
{
    char text[KJ_DECIMAL_SIZE];
    if (value - value != 0)
        add(out, "null", 4);
    else
        add(out, text, kj_decimal_print_real(value, text));
}

static void write_time(int64_t wall_ms, struct kj_buf *out)
{
    const int64_t year_0 = -62167219200000, year_10000 = 253402300800000;
    char text[64];
    if (wall_ms < year_0 || wall_ms >= year_10000) { // RFC 3339 ends there
        write_int(wall_ms, out);
        return;
    }
    text[0] = '"';
    kj_time_print(wall_ms, text + 1, sizeof text - 2);
    size_t length = strlen(text);
    text[length++] = '"';
    add(out, text, length);
}

static void write_rare(const struct kj_element *element, struct kj_buf *out)
{
    switch (element->type) {
    case BSON_TYPE_OID:
        add(out, "\"", 1);
        for (int i = 0; i < 12; i++)
            kj_buf_addf(out, "%02x", element->data[i]);
        add(out, "\"", 1);
        break;
    case BSON_TYPE_BINARY:
        write_binary(element, out);
        break;
    case BSON_TYPE_CODE:
    case BSON_TYPE_SYMBOL:
        kj_json_write_text((const char *)element->data, element->length, out);
        break;
    case BSON_TYPE_TIMESTAMP:
        write_int(kj_load64(element->data), out);
        break;
    case BSON_TYPE_DECIMAL128: {
        bson_decimal128_t decimal = {.low = (uint64_t)kj_load64(element->data),
                                     .high = (uint64_t)kj_load64(element->data + 8)};
        char text[BSON_DECIMAL128_STRING];
        bson_decimal128_to_string(&decimal, text);
        kj_json_write_text(text, strlen(text), out);
        break;
    }
    case BSON_TYPE_REGEX:
        kj_json_write_text((const char *)element->data, strlen((const char *)element->data), out);
        break;
    default:
        add(out, "null", 4);
    }
}

static void new_line(const struct writer *w)
{
    static const char spaces[2 * MAX_INDENT + 1] = {[0 ... 2 * MAX_INDENT] = ' '};
    if (!w->pretty)
        return;
    add(w->out, "\n", 1);
    add(w->out, spaces, 2 * (size_t)(w->depth < MAX_INDENT ? w->depth : MAX_INDENT));
}

static void write_members(struct writer *w, const uint8_t *doc, size_t length, bool array);

static void write_element(struct writer *w, const struct kj_element *element)
{
    switch (element->type) {
    case BSON_TYPE_UTF8:
        write_text((const char *)element->data, element->length, w->readable, "\"", 1, w->out);
        break;
    case BSON_TYPE_INT64:
        write_int(kj_load64(element->data), w->out);
        break;
    case BSON_TYPE_INT32:
        write_int((int32_t)kj_load32(element->data), w->out);
        break;
    case BSON_TYPE_DOUBLE:
        write_real(kj_load_real(element->data), w->out);
        break;
    case BSON_TYPE_BOOL:
        element->data[0] ? add(w->out, "true", 4) : add(w->out, "false", 5);
        break;
    case BSON_TYPE_DATE_TIME:
        write_time(kj_load64(element->data), w->out);
        break;
    case BSON_TYPE_DOCUMENT:
    case BSON_TYPE_ARRAY:
        write_members(w, element->data, element->length, element->type == BSON_TYPE_ARRAY);
        break;
    default:
        write_rare(element, w->out);
    }
}

static void write_members(struct writer *w, const uint8_t *doc, size_t length, bool array)
{
    struct kj_members members = kj_members_of(doc, length);
    struct kj_element element;
    bool any = false;
    if (w->depth >= KJ_ELEMENT_MAX_DEPTH) {
        add(w->out, "null", 4);
        w->out->failed = true;
        return;
    }
    add(w->out, array ? "[" : "{", 1);
    w->depth++;
    while (kj_members_next(&members, &element)) {
        if (any)
            add(w->out, ",", 1);
        any = true;
        new_line(w);
        if (!array)
            write_text(element.key, element.key_length, w->readable, "\": ", w->pretty ? 3 : 2,
                       w->out);
        write_element(w, &element);
    }
    w->depth--;
    if (any)
        new_line(w);
    add(w->out, array ? "]" : "}", 1);
}

void kj_json_write(const bson_t *doc, int flags, struct kj_buf *out)
{
    const uint8_t *data = bson_get_data(doc);
    struct writer w = {.out = out,
                       .readable = (const char *)data + doc->len,
                       .pretty = (flags & KJ_JSON_PRETTY) != 0};
    write_members(&w, data, doc->len, (flags & KJ_JSON_ARRAY) != 0);
    finish(out);
}

static void write_alone(const struct kj_element *element, bool pretty, struct kj_buf *out)
{
    struct writer w = {
        .out = out, .readable = (const char *)element->data + element->length, .pretty = pretty};
    write_element(&w, element);
    finish(out);
}

void kj_json_write_value(const bson_iter_t *value, int flags, struct kj_buf *out)
{
    struct kj_element element = {.type = BSON_TYPE_NULL};
    (void)kj_element_at(value, &element);
    write_alone(&element, (flags & KJ_JSON_PRETTY) != 0, out);
}

void kj_element_write(const struct kj_element *element, struct kj_buf *out)
{
    write_alone(element, false, out);
}
