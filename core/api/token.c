// Tokens: 256 random bits, shown once, stored as SHA-256; each has a workspace, scopes and perhaps
// an end. A local client of our own user (ipc) needs none.
#include "api/request.h"
#include "base/alloc.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const k_scopes[] = {"read", "operate", "admin"};

void kj_token_hash(const char *token, char hex[65])
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256((const unsigned char *)token, strlen(token), digest);
    for (int i = 0; i < SHA256_DIGEST_LENGTH; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
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

static void on_token(struct kj_store_request *store)
{
    struct check *check = store->arg;
    struct kj_request *request = check->request;
    struct kj_store_op *op = &store->ops[0];
    struct kj_fault fault = {0};
    int64_t now = kj_loop_now(request->api->engine->loop);
    if (op->status == KJ_ENOTFOUND)
        kj_fault(&fault, KJ_EDENIED, NULL, "make one with: kejuectl token.create name=NAME",
                 "this token is not known");
    else if (op->status != KJ_OK)
        kj_fault(&fault, KJ_EUNAVAILABLE, NULL, "try again", "the token could not be looked up");
    else if (kj_doc_bool(op->docs[0], "revoked", false) ||
             now >= kj_doc_time(op->docs[0], "expires_at", INT64_MAX))
        kj_fault(&fault, KJ_EDENIED, NULL, "make a new one", "this token is revoked or expired");
    else if (!grants(op->docs[0], check->scope))
        kj_fault(&fault, KJ_EDENIED, NULL, "use a token with that scope",
                 "this command needs the scope \"%s\"", k_scopes[check->scope]);
    else
        kj_copy(request->workspace, sizeof request->workspace,
                kj_doc_text(op->docs[0], "owner", "default"));
    check->done(request, fault.code ? &fault : NULL);
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
    struct check *check = KJ_NEW(struct check);
    *check = (struct check){request, scope, done};
    kj_token_hash(request->token, hex);
    kj_store_get(request->api->engine->store, "", KJ_TOKENS, 0, hex, on_token, check);
}
