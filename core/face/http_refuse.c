// What our door refuses although the library lets it through: everything by which two parties could
// read one stream of bytes differently (request smuggling), and bodies that are not wanted.
#include "base/alloc.h"
#include "face/door_limits.h"
#include "face/http_own.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct headers {
    int hosts, lengths, codings, authorizations, types, keys;
    bool odd_name, odd_value;
    int expects; // waits with its body for our word
    const char *length, *authorization, *type, *key;
};

static bool is_token(const char *name, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)name[i];
        if (c <= ' ' || c >= 127 || strchr("\"(),/:;<=>?@[\\]{}", c))
            return false;
    }
    return length > 0;
}

static bool is_plain(const char *value, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (((unsigned char)value[i] < ' ' && value[i] != '\t') || value[i] == 127)
            return false;
    return true;
}

static void note(const char *name, const char *value, const char *wanted, int *count,
                 const char **kept)
{
    if (strcasecmp(name, wanted) != 0)
        return;
    (*count)++;
    if (kept)
        *kept = value;
}

static enum MHD_Result on_header(void *arg, enum MHD_ValueKind kind, const char *name,
                                 size_t name_length, const char *value, size_t value_length)
{
    struct headers *headers = arg;
    (void)kind;
    if (name == NULL || strlen(name) != name_length || !is_token(name, name_length)) {
        headers->odd_name = true;
        return MHD_YES;
    }
    if (value == NULL || !is_plain(value, value_length)) {
        headers->odd_value = true;
        return MHD_YES;
    }
    note(name, value, "Host", &headers->hosts, NULL);
    note(name, value, "Expect", &headers->expects, NULL);
    note(name, value, "Content-Length", &headers->lengths, &headers->length);
    note(name, value, "Transfer-Encoding", &headers->codings, NULL);
    note(name, value, "Authorization", &headers->authorizations, &headers->authorization);
    note(name, value, "Content-Type", &headers->types, &headers->type);
    note(name, value, "Idempotency-Key", &headers->keys, &headers->key);
    return MHD_YES;
}

// Digits only: no sign, no list, nothing behind.
static bool parse_length(const char *text, size_t *length)
{
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 15 || text[digits])
        return false;
    *length = strtoull(text, NULL, 10);
    return true;
}

static bool has_body_method(const char *method)
{
    return strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 ||
           strcmp(method, "PATCH") == 0;
}

struct refusal {
    unsigned status;
    int code;
    const char *place, *hint, *text;
};

static bool refuse(const struct refusal *refusal, unsigned *status, struct kj_fault *fault)
{
    *status = refusal->status;
    kj_fault(fault, refusal->code, refusal->place, refusal->hint, "%s", refusal->text);
    return false;
}

static const struct refusal *header_fault(const struct headers *headers)
{
    static const struct refusal k_name = {400, KJ_EINVAL, NULL, NULL,
                                          "a header's name has a character it cannot have"};
    static const struct refusal k_value = {400, KJ_EINVAL, NULL, NULL,
                                           "a header's value has a control character"};
    static const struct refusal k_host = {400, KJ_EINVAL, "Host", "send one Host header",
                                          "must be there exactly once"};
    static const struct refusal k_twice = {
        400, KJ_EINVAL, NULL, "send each once",
        "Authorization, Content-Type or Idempotency-Key came twice"};
    if (headers->odd_name)
        return &k_name;
    if (headers->odd_value)
        return &k_value;
    if (headers->hosts != 1)
        return &k_host;
    return headers->authorizations > 1 || headers->types > 1 || headers->keys > 1 ? &k_twice : NULL;
}

// Where the body ends must be beyond doubt.
static const struct refusal *length_fault(const struct headers *headers, const char *method,
                                          size_t *length)
{
    static const struct refusal k_both = {400, KJ_EINVAL, "Transfer-Encoding", "send one of them",
                                          "came together with Content-Length"};
    static const struct refusal k_coded = {411, KJ_EINVAL, "Transfer-Encoding",
                                           "send the body with a Content-Length",
                                           "is not taken here"};
    static const struct refusal k_missing = {
        411, KJ_EINVAL, "Content-Length", "send its number of bytes", "is needed for this method"};
    static const struct refusal k_many = {400, KJ_EINVAL, "Content-Length", "send it once",
                                          "must be there once, as a number"};
    static const struct refusal k_body = {400, KJ_EINVAL, NULL, "use POST",
                                          "a body is not taken with this method"};
    if (headers->codings)
        return headers->lengths ? &k_both : &k_coded;
    if (headers->lengths > 1 || (headers->length && !parse_length(headers->length, length)))
        return &k_many;
    if (has_body_method(method))
        return headers->lengths ? NULL : &k_missing;
    return *length > 0 && strcmp(method, "DELETE") != 0 ? &k_body : NULL;
}

static bool is_json(const char *type)
{
    size_t length = strcspn(type, " \t;");
    return length == 16 && strncasecmp(type, "application/json", 16) == 0;
}

static bool judge_command(struct kj_exchange *exchange, const struct headers *headers,
                          unsigned *status, struct kj_fault *fault)
{
    static const struct refusal k_token = {
        401, KJ_EDENIED, NULL, "send it as: Authorization: Bearer TOKEN", "a token is needed"};
    static const struct refusal k_type = {415, KJ_EINVAL, "Content-Type",
                                          "send Content-Type: application/json",
                                          "must be application/json"};
    if (exchange->token == NULL) // before a large body is read for nothing
        return refuse(&k_token, status, fault);
    if (exchange->length && (headers->type == NULL || !is_json(headers->type)))
        return refuse(&k_type, status, fault);
    return true;
}

static void take_credentials(struct kj_exchange *exchange, const struct headers *headers)
{
    const char *text = headers->authorization;
    if (text && strncasecmp(text, "Bearer ", 7) == 0) {
        text += 7 + strspn(text + 7, " ");
        if (*text)
            exchange->token = kj_strdup(text);
    }
    if (headers->key && headers->key[0])
        exchange->key = kj_strdup(headers->key);
}

bool kj_http_admit(struct kj_exchange *exchange, unsigned *status, bool *framed,
                   struct kj_fault *fault)
{
    struct headers headers = {0};
    size_t limit = exchange->http->body_limit;
    MHD_get_connection_values_n(exchange->connection, MHD_HEADER_KIND, on_header, &headers);
    const struct refusal *refusal = header_fault(&headers);
    if (refusal == NULL)
        refusal = length_fault(&headers, exchange->method, &exchange->length);
    if (refusal)
        return refuse(refusal, status, fault);
    *framed = !headers.expects;
    take_credentials(exchange, &headers);
    bool command = exchange->route && exchange->route->command;
    if (command && !judge_command(exchange, &headers, status, fault))
        return false;
    if (command) {
        size_t own = kj_door_limits(exchange->rest).bytes;
        limit = own > limit ? own : limit;
    }
    if (exchange->length > limit) {
        *status = MHD_HTTP_CONTENT_TOO_LARGE;
        kj_fault(fault, KJ_ELIMIT, "Content-Length", "send it in parts",
                 "the body may have %zu bytes", limit);
        return false;
    }
    return true;
}
