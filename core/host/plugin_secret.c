// Secrets: read from the file that the configuration names, kept here, used here.
//
// The plugin knows a secret's name only; the host puts the value into requests, checks signatures
// with it and forgets it. No value appears in a log, a fault or a document handed out.
#include "base/alloc.h"
#include "base/log.h"
#include "host/home.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { KJ_SECRET_MAX = 65536 };

const struct kj_secret *kj_secret_get(const struct kejue_ctx *ctx, const char *key)
{
    for (const struct kj_secret *secret = ctx->secrets; secret && key; secret = secret->next)
        if (kj_streq(secret->key, key))
            return secret;
    return NULL;
}

// "@/path" or {file: "/path"}; NULL for anything else.
static const char *kj_secret_path(const bson_iter_t *value, char *buffer, size_t size)
{
    if (BSON_ITER_HOLDS_UTF8(value)) {
        const char *text = bson_iter_utf8(value, NULL);
        return text[0] == '@' && text[1] && kj_copy(buffer, size, text + 1) ? buffer : NULL;
    }
    bson_t view;
    if (!kj_doc_at(value, &view))
        return NULL;
    const char *file = kj_doc_text(&view, "file", NULL);
    return file && file[0] && kj_copy(buffer, size, file) ? buffer : NULL;
}

static int kj_secret_full_path(const struct kejue_ctx *ctx, const char *path, const char *where,
                               char *full, size_t size, struct kj_fault *fault)
{
    if (path[0] != '/' && !ctx->host->secret_dir)
        return kj_fault(fault, KJ_EINVAL, where, "give the whole path",
                        "the secret's file \"%s\" must begin with /", path);
    int length = path[0] == '/' ? snprintf(full, size, "%s", path)
                                : snprintf(full, size, "%s/%s", ctx->host->secret_dir, path);
    if (length < 0 || (size_t)length >= size)
        return kj_fault(fault, KJ_ELIMIT, where, NULL, "the secret's path is too long");
    return 0;
}

static void kj_secret_warn_mode(const struct kejue_ctx *ctx, const char *path)
{
    struct stat about;
    if (stat(path, &about) == 0 && (about.st_mode & (S_IROTH | S_IWOTH)))
        kj_log(KJ_LOG_WARN, "plugin", "a secret's file is open to every user; chmod 600 it",
               "instance", ctx->name, "file", path, NULL);
}

int kj_secret_load(struct kejue_ctx *ctx, const char *key, const bson_iter_t *value,
                   const char *where, struct kj_fault *fault)
{
    if (kj_secret_get(ctx, key))
        return 0;
    char path[1024], full[2048];
    if (!kj_secret_path(value, path, sizeof path))
        return kj_fault(fault, KJ_EINVAL, where, "write \"@/path/of/the/file\" that holds it",
                        "%s is a secret and must name a file, never hold the value", key);
    int error = kj_secret_full_path(ctx, path, where, full, sizeof full, fault);
    if (error)
        return error;
    struct kj_buf text;
    kj_buf_init(&text, KJ_SECRET_MAX + 1);
    error = kj_read_file(full, KJ_SECRET_MAX, &text, NULL);
    if (error) {
        kj_buf_fini(&text);
        return kj_fault(fault, error, where, "create the file, readable by Kejue only",
                        "the file of the secret %s cannot be read: %s", key, full);
    }
    kj_secret_warn_mode(ctx, full);
    while (text.length && strchr("\r\n", text.data[text.length - 1]))
        text.data[--text.length] = 0;
    if (text.length == 0 || memchr(text.data, 0, text.length)) {
        OPENSSL_cleanse(text.data ? text.data : path, text.data ? text.capacity : 0);
        kj_buf_fini(&text);
        return kj_fault(fault, KJ_EINVAL, where, "write the secret into it as one line of text",
                        "the file of the secret %s is empty or binary: %s", key, full);
    }
    struct kj_secret *secret = KJ_NEW(struct kj_secret);
    secret->key = kj_strdup(key);
    secret->length = text.length;
    secret->value = kj_strndup(text.data, text.length);
    secret->next = ctx->secrets;
    ctx->secrets = secret;
    OPENSSL_cleanse(text.data, text.capacity);
    kj_buf_fini(&text);
    return 0;
}

void kj_secrets_fini(struct kejue_ctx *ctx)
{
    for (struct kj_secret *secret; (secret = ctx->secrets);) {
        ctx->secrets = secret->next;
        OPENSSL_cleanse(secret->value, secret->length);
        free(secret->value);
        free(secret->key);
        free(secret);
    }
}

int kj_hmac_hex(const struct kj_secret *secret, const void *bytes, size_t length, char hex[65])
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    if (!HMAC(EVP_sha256(), secret->value, (int)secret->length, bytes, length, mac, &size) ||
        size != 32)
        return KJ_EINTERNAL;
    for (unsigned int i = 0; i < size; i++)
        snprintf(hex + 2 * i, 3, "%02x", mac[i]);
    return 0;
}
