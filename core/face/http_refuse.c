// What is well written and our door still refuses: everything by which two parties could read one
// stream of bytes differently (request smuggling), and bodies that are not wanted.
#include "base/alloc.h"
#include "face/door_limits.h"
#include "face/http_own.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct headers {
    int hosts, lengths, codings, authorizations, types, keys;
    const char *length, *authorization, *type, *key;
};

static void note(const struct kj_http_field *field, const char *wanted, int *count,
                 const char **kept)
{
    if (strcasecmp(field->name, wanted) != 0)
        return;
    (*count)++;
    if (kept)
        *kept = field->value;
}

static void note_all(const struct kj_http_head *head, struct headers *headers)
{
    for (size_t i = 0; i < head->count; i++) {
        const struct kj_http_field *field = &head->fields[i];
        note(field, "Host", &headers->hosts, NULL);
        note(field, "Content-Length", &headers->lengths, &headers->length);
        note(field, "Transfer-Encoding", &headers->codings, NULL);
        note(field, "Authorization", &headers->authorizations, &headers->authorization);
        note(field, "Content-Type", &headers->types, &headers->type);
        note(field, "Idempotency-Key", &headers->keys, &headers->key);
    }
}

// Digits only: no sign, no list, nothing behind.
static bool parse_length(const char *text, size_t *length)
{
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || text[digits])
        return false;
    *length = digits > 15 ? SIZE_MAX : strtoull(text, NULL, 10);
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
    static const struct refusal k_host = {400, KJ_EINVAL, "Host", "send one Host header",
                                          "must be there exactly once"};
    static const struct refusal k_twice = {
        400, KJ_EINVAL, NULL, "send each once",
        "Authorization, Content-Type or Idempotency-Key came twice"};
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
            exchange->token = text;
    }
    if (headers->key && headers->key[0])
        exchange->key = headers->key;
}

bool kj_http_admit(struct kj_exchange *exchange, unsigned *status, struct kj_fault *fault)
{
    struct headers headers = {0};
    size_t limit = exchange->http->body_limit;
    note_all(&exchange->head, &headers);
    const struct refusal *refusal = header_fault(&headers);
    if (refusal == NULL)
        refusal = length_fault(&headers, exchange->head.method, &exchange->length);
    if (refusal) {
        exchange->last = true; // where its body ends is in doubt
        return refuse(refusal, status, fault);
    }
    take_credentials(exchange, &headers);
    bool command = exchange->route && exchange->route->command;
    if (command && !judge_command(exchange, &headers, status, fault))
        return false;
    if (command) {
        size_t own = kj_door_limits(exchange->rest).bytes;
        limit = own > limit ? own : limit;
    }
    if (exchange->length > limit) {
        *status = 413;
        kj_fault(fault, KJ_ELIMIT, "Content-Length", "send it in parts",
                 "the body may have %zu bytes", limit);
        return false;
    }
    return true;
}
