// token.create, token.list, token.revoke. The token itself is shown once, at creation.
#include "api/commands.h"
#include "api/documents.h"

#include "base/alloc.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void on_created(struct kj_store_request *store)
{
    struct kj_request *request = store->arg;
    struct kj_store_op *op = &store->ops[0];
    if (op->status != KJ_OK) {
        kj_documents_fail(request, op->status, "token");
    } else {
        bson_t *result = bson_new();
        kj_doc_put_int(result, "id", op->new_id);
        kj_doc_put_text(result, "token", request->state);
        kj_doc_put_from(result, "scopes", op->doc, "scopes");
        kj_reply_take(request, result);
    }
    OPENSSL_cleanse(request->state, strlen(request->state));
    free(request->state);
}

void kj_token_create(struct kj_request *request)
{
    unsigned char random[32];
    char hex[65], *token = kj_alloc(80);
    if (RAND_bytes(random, sizeof random) != 1) {
        free(token);
        kj_reply_error(request, KJ_EIO, "", "try again", "no randomness is to be had");
        return;
    }
    strcpy(token, "kejue_");
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(token + 6 + 2 * i, 3, "%02x", random[i]);
    kj_token_hash(token, hex);
    request->state = token;
    bson_t *doc = bson_new();
    kj_doc_put_text(doc, "key", hex);
    kj_doc_put_text(doc, "owner", request->workspace);
    kj_doc_put_from(doc, "name", request->args, "name");
    kj_doc_put_from(doc, "scopes", request->args, "scopes");
    kj_doc_put_from(doc, "expires_at", request->args, "expires_at");
    kj_doc_put_time(doc, "created_at", kj_loop_now(kj_request_engine(request)->loop));
    struct kj_store_request *store = kj_store_request(1, "", on_created, request);
    store->ops[0].verb = KJ_STORE_INSERT;
    store->ops[0].coll = KJ_TOKENS;
    kj_store_own_doc(store, 0, doc);
    kj_store_submit(kj_request_engine(request)->store, store);
}

static void on_listed(struct kj_store_request *store)
{
    struct kj_request *request = store->arg;
    struct kj_store_op *op = &store->ops[0];
    static const char *const k_told[] = {"name", "scopes", "created_at", "expires_at", "revoked"};
    if (op->status != KJ_OK) {
        kj_documents_fail(request, op->status, "token");
        return;
    }
    bson_t *result = bson_new(), array = BSON_INITIALIZER;
    struct kj_doc_list list = {&array};
    for (size_t i = 0; i < op->n_docs; i++) {
        bson_t row = BSON_INITIALIZER;
        if (!kj_streq(kj_doc_text(op->docs[i], "owner", ""), request->workspace))
            continue;
        kj_doc_put_from(&row, "id", op->docs[i], "_id");
        for (size_t f = 0; f < KJ_COUNT(k_told); f++)
            kj_doc_put_from(&row, k_told[f], op->docs[i], k_told[f]);
        kj_doc_put_doc(&array, kj_doc_next(&list), &row);
        bson_destroy(&row);
    }
    kj_doc_put_array(result, "tokens", &array);
    bson_destroy(&array);
    kj_reply_take(request, result);
}

void kj_token_list(struct kj_request *request)
{
    struct kj_store_request *store = kj_store_request(1, "", on_listed, request);
    store->ops[0].verb = KJ_STORE_FIND;
    store->ops[0].coll = KJ_TOKENS;
    store->ops[0].limit = 1000;
    kj_store_submit(kj_request_engine(request)->store, store);
}

static int mark_revoked(void *arg, const bson_t *token, bson_t **next, bson_t **events)
{
    struct kj_request *request = arg;
    (void)events;
    if (token == NULL || !kj_streq(kj_doc_text(token, "owner", ""), request->workspace))
        return KJ_ENOTFOUND;
    bson_t changes = BSON_INITIALIZER;
    kj_doc_put_bool(&changes, "revoked", true);
    *next = kj_doc_with(token, &changes);
    bson_destroy(&changes);
    return KJ_OK;
}

static void on_revoked(void *arg, int status, const bson_t *token)
{
    struct kj_request *request = arg;
    (void)token;
    kj_token_forget(request->api);
    if (status != KJ_OK) {
        kj_documents_fail(request, status, "token");
        return;
    }
    bson_t *result = bson_new();
    kj_doc_put_from(result, "id", request->args, "id");
    kj_doc_put_bool(result, "revoked", true);
    kj_reply_take(request, result);
}

void kj_token_revoke(struct kj_request *request)
{
    kj_modify(&(struct kj_modify){.store = kj_request_engine(request)->store,
                                  .workspace = "",
                                  .coll = KJ_TOKENS,
                                  .id = kj_doc_int(request->args, "id", 0),
                                  .change = mark_revoked,
                                  .done = on_revoked,
                                  .arg = request});
}
