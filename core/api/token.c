// Tokens: 256 random bits, shown once, stored as SHA-256; each has a workspace, scopes and perhaps
// an end. A local client of our own user (ipc) needs none.
//
// Those that were found stay in memory: a look-up in the store costs as much as all the rest of a
// reading request. Our own commands that change tokens make us forget. Where other hosts share the
// store all are forgotten k_trusted_ms after the first was looked up: so long a token that another
// host has revoked may still be taken here.
#include "api/request.h"
#include "base/alloc.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const k_scopes[] = {"read", "operate", "admin"};
enum { k_remembered = 1000, k_trusted_ms = 5000 };

// Fetched once: by its name OpenSSL looks it up for each SHA256(), which costs more than the
// digest.
static const EVP_MD *sha256(void)
{
    static EVP_MD *fetched;
    if (fetched == NULL)
        fetched = EVP_MD_fetch(NULL, "SHA256", NULL);
    return fetched ? fetched : EVP_sha256();
}

void kj_token_hash(const char *token, char hex[65])
{
    static const char k_digits[] = "0123456789abcdef";
    unsigned char digest[SHA256_DIGEST_LENGTH];
    EVP_Digest(token, strlen(token), digest, NULL, sha256(), NULL);
    for (int i = 0; i < SHA256_DIGEST_LENGTH; i++) {
        hex[2 * i] = k_digits[digest[i] >> 4];
        hex[2 * i + 1] = k_digits[digest[i] & 15];
    }
    hex[2 * SHA256_DIGEST_LENGTH] = 0;
}

struct check {
    struct kj_request *request;
    int scope;
    void (*done)(struct kj_request *request, const struct kj_fault *fault);
};

static bool grants(const bson_t *token, int scope)
{
    for (int i = scope; i <= KJ_SCOPE_ADMIN; i++) // a higher scope includes the lower ones
        if (kj_doc_lists(token, "scopes", k_scopes[i]))
            return true;
    return false;
}

void kj_token_forget(struct kj_api *api)
{
    const char *hex;
    void *token;
    for (size_t at = 0; kj_map_next(&api->tokens, &at, &hex, &token);)
        bson_destroy(token);
    kj_map_fini(&api->tokens);
    kj_map_init(&api->tokens);
}

static void remember(struct kj_api *api, const bson_t *token)
{
    if (api->tokens.count >= k_remembered)
        kj_token_forget(api);
    bson_t *known = kj_map_put(&api->tokens, kj_doc_text(token, "key", ""), bson_copy(token));
    kj_doc_clear(&known);
}

static void forget_old(struct kj_api *api)
{
    int64_t now = kj_loop_mono(api->loop);
    if (!api->engine->store->shared)
        return;
    if (now - api->tokens_since >= k_trusted_ms)
        kj_token_forget(api);
    if (api->tokens.count == 0)
        api->tokens_since = now;
}

// Whether this token may do that; then the request is its workspace's.
static int judge(struct kj_request *request, const bson_t *token, int scope, struct kj_fault *fault)
{
    int64_t now = kj_loop_now(request->api->loop);
    if (kj_doc_bool(token, "revoked", false) || now >= kj_doc_time(token, "expires_at", INT64_MAX))
        return kj_fault(fault, KJ_EDENIED, NULL, "make a new one",
                        "this token is revoked or expired");
    if (!grants(token, scope))
        return kj_fault(fault, KJ_EDENIED, NULL, "use a token with that scope",
                        "this command needs the scope \"%s\"", k_scopes[scope]);
    kj_copy(request->workspace, sizeof request->workspace, kj_doc_text(token, "owner", "default"));
    return KJ_OK;
}

static void on_token(struct kj_store_request *store)
{
    struct check *check = store->arg;
    struct kj_request *request = check->request;
    struct kj_store_op *op = &store->ops[0];
    struct kj_fault fault;
    int rc;
    if (op->status == KJ_ENOTFOUND)
        rc = kj_fault(&fault, KJ_EDENIED, NULL, "make one with: kejuectl token.create name=NAME",
                      "this token is not known");
    else if (op->status != KJ_OK)
        rc = kj_fault(&fault, KJ_EUNAVAILABLE, NULL, "try again",
                      "the token could not be looked up");
    else {
        remember(request->api, op->docs[0]);
        rc = judge(request, op->docs[0], check->scope, &fault);
    }
    check->done(request, rc == KJ_OK ? NULL : &fault);
    free(check);
}

void kj_token_check(struct kj_request *request, int scope,
                    void (*done)(struct kj_request *request, const struct kj_fault *fault))
{
    struct kj_fault fault;
    char hex[65];
    if (request->trusted) {
        done(request, NULL);
        return;
    }
    if (request->token == NULL || request->token[0] == 0) {
        kj_fault(&fault, KJ_EDENIED, NULL, "send it as: Authorization: Bearer TOKEN",
                 "a token is needed");
        done(request, &fault);
        return;
    }
    kj_token_hash(request->token, hex);
    forget_old(request->api);
    const bson_t *known = kj_map_get(&request->api->tokens, hex);
    if (known) {
        done(request, judge(request, known, scope, &fault) == KJ_OK ? NULL : &fault);
        return;
    }
    struct check *check = KJ_NEW(struct check);
    *check = (struct check){request, scope, done};
    kj_store_get(request->api->engine->store, "", KJ_TOKENS, 0, hex, on_token, check);
}
