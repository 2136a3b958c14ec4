// The head of an HTTP/1.1 request (RFC 9112), read strictly and without any input or output. What
// two parties could read differently is refused: lines that end in anything but CR LF, folded
// lines, space before a colon, control characters, an encoded NUL.
#ifndef KJ_HTTP_WIRE_H
#define KJ_HTTP_WIRE_H

#include <stdbool.h>
#include <stddef.h>

enum { KJ_HTTP_HEAD = 16 << 10, KJ_HTTP_FIELDS = 64 }; // bytes of a head, fields in it

struct kj_http_field {
    const char *name, *value;
};

// All texts lie in the bytes that were parsed.
struct kj_http_head {
    const char *method, *path; // path: without its query, decoded
    char *query;               // as it came, or NULL; see kj_http_query_next
    bool old;                  // HTTP/1.0: no chunks, and the connection closes
    size_t count;
    struct kj_http_field fields[KJ_HTTP_FIELDS];
};

// Bytes of the head at the front, its empty line included; 0 while it is not whole.
size_t kj_http_head_size(const char *bytes, size_t length);
// Cuts the head into its parts, in place. NULL, or what is wrong with it.
const char *kj_http_head_parse(char *bytes, size_t size, struct kj_http_head *head)
    __attribute__((warn_unused_result));
// The first field of that name (any case), or NULL.
const char *kj_http_field(const struct kj_http_head *head, const char *name);
// The next name and value of a query, decoded in place; false at the end. What does not decode is
// passed over.
bool kj_http_query_next(char **query, const char **name, const char **value);

#endif
