// Once per key: the first request runs and its answer is kept for a day; a repeat gets that answer.
// A record without an answer is either under way now, or its answer could not be kept (a crash, a
// full disk): then the command runs again, and what it inserts has a key made of the record's
// (kj_once_key), so that it is not done twice.
#include "api/request.h"
#include "base/alloc.h"
#include "base/log.h"
#include "engine/modify.h"

#include <inttypes.h>
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

static void go(struct once *once, int64_t record, int64_t at)
{
    once->request->once_id = record;
    once->request->once_at = at;
    once->next(once->request);
    free(once);
}

// It does not carry the record, so it keeps no answer either.
static void refuse(struct once *once, const char *hint, const char *text)
{
    free(once->request->key);
    once->request->key = NULL;
    kj_reply_error(once->request, KJ_EUNAVAILABLE, "", hint, "%s", text);
    free(once);
}

static void refuse_second(struct once *once)
{
    refuse(once, "ask again in a moment", "the first request with this key is still under way");
}

static bool under_way(const struct kj_api *api, int64_t record)
{
    const struct kj_request *request = api->requests;
    while (request && request->once_id != record)
        request = request->next;
    return request != NULL;
}

static void on_renewed(struct kj_store_request *store)
{
    struct once *once = store->arg;
    struct kj_store_op *op = &store->ops[0];
    if (op->status == KJ_OK)
        go(once, op->id, kj_doc_time(op->doc, "created_at", 0));
    else if (op->status == KJ_ECONFLICT)
        refuse_second(once);
    else
        refuse(once, "try again", "the store refused the write");
}

// Its day is over: the key begins anew.
static void renew(struct once *once, const bson_t *record, int64_t now)
{
    struct kj_request *request = once->request;
    bson_t fresh = BSON_INITIALIZER;
    kj_doc_put_time(&fresh, "created_at", now);
    kj_doc_put_bool(&fresh, "answered", false);
    struct kj_store_request *store = kj_store_request(1, request->workspace, on_renewed, once);
    store->ops[0].verb = KJ_STORE_REPLACE;
    store->ops[0].coll = KJ_IDEMPOTENCY;
    store->ops[0].id = kj_doc_int(record, "_id", 0);
    store->ops[0].version = kj_doc_int(record, "version", 0);
    kj_store_own_doc(store, 0, kj_doc_with(record, &fresh));
    bson_destroy(&fresh);
    kj_store_submit(request->api->engine->store, store);
}

static void on_record(struct kj_store_request *store)
{
    struct once *once = store->arg;
    struct kj_api *api = once->request->api;
    struct kj_store_op *op = &store->ops[0];
    if (op->status != KJ_OK) {
        refuse(once, "try again", "the store cannot be read");
        return;
    }
    const bson_t *record = op->docs[0];
    int64_t now = kj_loop_now(api->engine->loop), at = kj_doc_time(record, "created_at", 0);
    bool answered = kj_doc_bool(record, "answered", false);
    if (answered && now - at < KJ_IDEMPOTENCY_KEPT_MS) {
        replay(once->request, record);
        free(once);
    } else if (answered)
        renew(once, record, now);
    else if (under_way(api, op->new_id))
        refuse_second(once);
    else
        go(once, op->new_id, at);
}

static void on_claimed(struct kj_store_request *store)
{
    struct once *once = store->arg;
    struct kj_request *request = once->request;
    struct kj_store_op *op = &store->ops[0];
    if (op->status == KJ_OK)
        go(once, op->new_id, kj_doc_time(op->doc, "created_at", 0));
    else if (op->status == KJ_EEXISTS)
        kj_store_get(request->api->engine->store, request->workspace, KJ_IDEMPOTENCY, op->new_id,
                     NULL, on_record, once);
    else
        refuse(once, "try again", "the store refused the write");
}

void kj_once_begin(struct kj_request *request, void (*next)(struct kj_request *request))
{
    char key[320];
    struct once *once = KJ_NEW(struct once);
    bson_t *record = bson_new();
    *once = (struct once){request, next};
    record_key(request, key, sizeof key);
    kj_doc_put_text(record, "key", key);
    kj_doc_put_time(record, "created_at", kj_loop_now(request->api->engine->loop));
    struct kj_store_request *store = kj_store_request(1, request->workspace, on_claimed, once);
    store->ops[0].verb = KJ_STORE_INSERT;
    store->ops[0].coll = KJ_IDEMPOTENCY;
    kj_store_own_doc(store, 0, record);
    kj_store_submit(request->api->engine->store, store);
}

bool kj_once_key(const struct kj_request *request, char *key, size_t size)
{
    // The record's id is never given twice; the instant tells its days apart.
    if (request->once_id)
        snprintf(key, size, "once:%" PRId64 ":%" PRId64, request->once_id, request->once_at);
    return request->once_id != 0;
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
    kj_doc_put_bool(&changes, "answered", true);
    if (request->fault.code == KJ_OK) {
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
    int code = request->fault.code;
    if (code == KJ_EUNAVAILABLE || code == KJ_EFULL || code == KJ_EIO) {
        stored(request); // no answer to keep: the next request with this key runs again
        return;
    }
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
