// One request on its way out: what host_http.c builds and host_http_auth.c puts the secrets into.
#ifndef KJ_HOST_HTTP_H
#define KJ_HOST_HTTP_H

#include "host/home.h"

enum { KJ_HTTP_MAX_HEADERS = 64 };

struct kj_http_build {
    struct kj_ask *ask;
    const bson_t *request;
    const struct kj_egress *egress;
    struct kj_buf url, body;
    char *headers[KJ_HTTP_MAX_HEADERS + 1]; // may hold secrets: wiped
    size_t header_count;
    bson_t *content; // json or form, secrets put in; or NULL
    bool json, array, form;
    bool failed;
};

// Ends the ask as the caller's fault; the first reason counts.
void kj_http_refuse(struct kj_http_build *build, const char *code, const char *format, ...)
    KJ_PRINTF(3, 4);
// Adds "name: before value", checked: no smuggling of lines.
void kj_http_header(struct kj_http_build *build, const char *name, const char *before,
                    const char *value);
// Puts in the secrets that the request's `auth` names.
void kj_http_auth(struct kj_http_build *build);

#endif
