// Once per key: the first request runs and its answer is kept for a day; a repeat gets that answer.
// A record without an answer is either under way now, or of a life that ended before it could write
// one: then the command runs again, and its own keys keep it from doing twice what it did.
#include "api/request.h"
#include "base/alloc.h"
#include "base/log.h"
#include "engine/modify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct once {
    struct kj_request *request;
    void (*next)(struct kj_request *request);
};

static void record_key(const struct kj_request *request, char *key, size_t size)
{
    char hex[65] = "local";
    if (request->token)
        kj_token_hash(request->token, hex);
    snprintf(key, size, "%.16s:%s:%.200s", hex, request->entry->command->name, request->key);
}

// The second of the two answers is the stored one; the fault keeps its words.
static void replay(struct kj_request *request, const bson_t *record)
{
    bson_t result;
    free(request->key);
    request->key = NULL; // nothing to store again
    if (kj_doc_child(record, "result", &result))
        kj_reply(request, &result);
    else
        kj_reply_error(request, kj_error_from_name(kj_doc_text(record, "error.code", "")),
                       kj_doc_text(record, "error.place", ""),
                       kj_doc_text(record, "error.hint", ""), "%s",
                       kj_doc_text(record, "error.text", ""));
}

static void on_record(struct kj_store_request *store)
{
    struct once *once = store->arg;
    struct kj_request *request = once->request;
    struct kj_store_op *op = &store->ops[0];
    bool answered = op->status == KJ_OK && kj_doc_bool(op->docs[0], "answered", false);
    int64_t now = kj_loop_now(request->api->engine->loop);
    if (op->status != KJ_OK) {
        kj_reply_error(request, KJ_EUNAVAILABLE, "", "try again", "the store cannot be read");
    } else if (answered &&
               now - kj_doc_time(op->docs[0], "created_at", 0) < KJ_IDEMPOTENCY_KEPT_MS) {
        replay(request, op->docs[0]);
    } else if (!answered && kj_doc_time(op->docs[0], "created_at", 0) >= request->api->started_at) {
        free(request->key);
        request->key = NULL;
        kj_reply_error(request, KJ_EUNAVAILABLE, "", "ask again in a moment",
                       "the first request with this key is still under way");
    } else
        once->next(request);
    free(once);
}

static void on_claimed(struct kj_store_request *store)
{
    struct once *once = store->arg;
    struct kj_request *request = once->request;
    int status = store->ops[0].status;
    if (status == KJ_EEXISTS) {
        kj_store_get(request->api->engine->store, request->workspace, KJ_IDEMPOTENCY,
                     store->ops[0].new_id, NULL, on_record, once);
        return;
    }
    if (status == KJ_OK)
        once->next(request);
    else
        kj_reply_error(request, KJ_EUNAVAILABLE, "", "try again", "the store refused the write");
    free(once);
}

void kj_once_begin(struct kj_request *request, void (*go)(struct kj_request *request))
{
    char key[320];
    struct once *once = KJ_NEW(struct once);
    bson_t *record = bson_new();
    *once = (struct once){request, go};
    record_key(request, key, sizeof key);
    kj_doc_put_text(record, "key", key);
    kj_doc_put_time(record, "created_at", kj_loop_now(request->api->engine->loop));
    struct kj_store_request *store = kj_store_request(1, request->workspace, on_claimed, once);
    store->ops[0].verb = KJ_STORE_INSERT;
    store->ops[0].coll = KJ_IDEMPOTENCY;
    kj_store_own_doc(store, 0, record);
    kj_store_submit(request->api->engine->store, store);
}

// --- keeping the answer ---

static int put_answer(void *arg, const bson_t *record, bson_t **next, bson_t **events)
{
    struct once *once = arg;
    struct kj_request *request = once->request;
    (void)events;
    if (record == NULL)
        return KJ_ENOTFOUND;
    bson_t changes = BSON_INITIALIZER, error = BSON_INITIALIZER;
    int code = request->fault.code;
    bool passing = code == KJ_EUNAVAILABLE || code == KJ_EFULL || code == KJ_EIO;
    kj_doc_put_bool(&changes, "answered", !passing);
    if (passing) // no answer to keep: the next request with this key runs again
        kj_doc_put_time(&changes, "created_at", 0);
    else if (request->fault.code == KJ_OK) {
        kj_doc_put_doc(&changes, "result", request->result);
    } else {
        kj_doc_put_text(&error, "code", kj_error_name(request->fault.code));
        kj_doc_put_text(&error, "place", request->fault.place);
        kj_doc_put_text(&error, "text", request->fault.text);
        kj_doc_put_text(&error, "hint", request->fault.hint);
        kj_doc_put_doc(&changes, "error", &error);
    }
    *next = kj_doc_with(record, &changes);
    bson_destroy(&changes);
    bson_destroy(&error);
    return KJ_OK;
}

static void on_answer_kept(void *arg, int status, const bson_t *record)
{
    struct once *once = arg;
    (void)record;
    if (status != KJ_OK)
        kj_log(KJ_LOG_WARN, "api", "an answer could not be kept for a repeat", NULL);
    once->next(once->request);
    free(once);
}

void kj_once_store(struct kj_request *request, void (*stored)(struct kj_request *request))
{
    char key[320];
    struct once *once = KJ_NEW(struct once);
    *once = (struct once){request, stored};
    record_key(request, key, sizeof key);
    kj_modify(&(struct kj_modify){.store = request->api->engine->store,
                                  .workspace = request->workspace,
                                  .coll = KJ_IDEMPOTENCY,
                                  .key = key,
                                  .change = put_answer,
                                  .done = on_answer_kept,
                                  .arg = once});
}
