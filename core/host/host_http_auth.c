// The secrets of a request: put in here, under the name by which the plugin knows them.
//
// A secret never travels unencrypted to another machine, and only to addresses of the egress list.
#include "base/alloc.h"
#include "host/host_http.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

enum { KJ_HTTP_MAX_AUTH = 4 };

static void kj_http_basic(struct kj_http_build *build, const char *user,
                          const struct kj_secret *secret)
{
    struct kj_buf plain;
    kj_buf_init(&plain, 65536);
    kj_buf_addf(&plain, "%s%s", user ? user : "", user ? ":" : "");
    kj_buf_adds(&plain, secret->value);
    unsigned char *coded = kj_alloc(plain.length * 4 / 3 + 8);
    int length = EVP_EncodeBlock(coded, (const unsigned char *)plain.data, (int)plain.length);
    kj_http_header(build, "Authorization", "Basic ", (const char *)coded);
    OPENSSL_cleanse(coded, (size_t)length);
    OPENSSL_cleanse(plain.data, plain.length);
    kj_buf_fini(&plain);
    free(coded);
}

// A copy of the document with the text at `path` (which must be there) replaced.
static bool kj_http_replace(const bson_t *from, const char *path, const char *value, bson_t *out)
{
    size_t length = strcspn(path, ".");
    bool replaced = false;
    bson_iter_t at;
    bson_iter_init(&at, from);
    while (bson_iter_next(&at)) {
        const char *key = bson_iter_key(&at);
        const uint8_t *data = NULL;
        uint32_t size = 0;
        bson_t view, child;
        bool here = strlen(key) == length && strncmp(key, path, length) == 0;
        if (BSON_ITER_HOLDS_DOCUMENT(&at))
            bson_iter_document(&at, &size, &data);
        else if (BSON_ITER_HOLDS_ARRAY(&at))
            bson_iter_array(&at, &size, &data);
        if (here && path[length] == 0) {
            kj_doc_put_text(out, key, value);
            replaced = true;
        } else if (here && data && bson_init_static(&view, data, size)) {
            bool array = BSON_ITER_HOLDS_ARRAY(&at);
            (array ? bson_append_array_begin : bson_append_document_begin)(out, key, -1, &child);
            replaced = kj_http_replace(&view, path + length + 1, value, &child);
            (array ? bson_append_array_end : bson_append_document_end)(out, &child);
        } else {
            bson_append_iter(out, NULL, 0, &at);
        }
    }
    return replaced;
}

static void kj_http_auth_body(struct kj_http_build *build, const char *path,
                              const struct kj_secret *secret)
{
    bson_t *replaced = bson_new();
    if (!path || !build->content || !kj_http_replace(build->content, path, secret->value, replaced))
        kj_http_refuse(build, "auth",
                       "auth scheme \"body\" needs a path that exists in json or "
                       "form");
    if (build->content)
        bson_destroy(build->content);
    build->content = replaced;
}

static void kj_http_auth_one(struct kj_http_build *build, const bson_t *auth)
{
    const char *key = kj_doc_text(auth, "secret", "");
    const char *scheme = kj_doc_text(auth, "scheme", "bearer");
    const char *header = kj_doc_text(auth, "header", "Authorization");
    const struct kj_secret *secret = kj_secret_get(build->ask->ctx, key);
    if (!secret)
        kj_http_refuse(build, "auth", "there is no secret \"%.80s\" in the configuration of %s",
                       key, build->ask->ctx->name);
    else if (kj_streq(scheme, "bearer"))
        kj_http_header(build, "Authorization", "Bearer ", secret->value);
    else if (kj_streq(scheme, "basic"))
        kj_http_basic(build, kj_doc_text(auth, "user", NULL), secret);
    else if (kj_streq(scheme, "header"))
        kj_http_header(build, header, kj_doc_text(auth, "prefix", ""), secret->value);
    else if (kj_streq(scheme, "body"))
        kj_http_auth_body(build, kj_doc_text(auth, "path", NULL), secret);
    else
        kj_http_refuse(build, "auth",
                       "the auth scheme \"%.40s\" is not one of bearer, basic, "
                       "header, body",
                       scheme);
}

void kj_http_auth(struct kj_http_build *build)
{
    bson_iter_t at, item;
    bson_t auth, one;
    if (build->failed || !kj_doc_child(build->request, "auth", &auth))
        return;
    if (!build->egress->private && strcmp(build->egress->scheme, "https") != 0) {
        kj_http_refuse(build, "auth", "a secret is not sent without TLS; use https");
        return;
    }
    if (!kj_doc_find(build->request, "auth", &at) || !BSON_ITER_HOLDS_ARRAY(&at)) {
        kj_http_auth_one(build, &auth);
        return;
    }
    if (!bson_iter_recurse(&at, &item))
        return;
    for (int i = 0; i < KJ_HTTP_MAX_AUTH && bson_iter_next(&item) && !build->failed; i++)
        if (kj_doc_child(&auth, bson_iter_key(&item), &one))
            kj_http_auth_one(build, &one);
}
