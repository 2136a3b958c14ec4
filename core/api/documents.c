// Get, list, create and update over the documents of a collection.
#include "api/documents.h"

#include "base/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bson_t *kj_public(const bson_t *doc)
{
    bson_t *outside = bson_sized_new(doc->len + 64), hide = BSON_INITIALIZER;
    kj_doc_put_null(&hide, "_id");
    kj_doc_put_null(&hide, "workspace");
    bson_t *shown = kj_doc_with(doc, &hide); // whole runs of members are copied
    kj_doc_put_from(outside, "id", doc, "_id");
    bson_concat(outside, shown);
    bson_destroy(shown);
    bson_destroy(&hide);
    return outside;
}

void kj_documents_fail(struct kj_request *request, int status, const char *what)
{
    char hint[96];
    snprintf(hint, sizeof hint, "see %s.list", what);
    if (status == KJ_ENOTFOUND)
        kj_reply_error(request, KJ_ENOTFOUND, "", hint, "there is no such %s", what);
    else if (status == KJ_EEXISTS)
        kj_reply_error(request, KJ_EEXISTS, "/key", hint,
                       "a %s with this name or key is there already", what);
    else if (status == KJ_ESTATE)
        kj_reply_error(request, KJ_ESTATE, "", hint, "the %s's state does not allow it", what);
    else
        kj_reply_error(request, status, "", "try again", "the store could not carry it out (%s)",
                       kj_error_name(status));
}

static void on_got(struct kj_store_request *store)
{
    struct kj_request *request = store->arg;
    struct kj_store_op *op = &store->ops[0];
    if (op->status != KJ_OK || op->n_docs == 0)
        kj_documents_fail(request, op->status ? op->status : KJ_ENOTFOUND, request->state);
    else
        kj_reply_take(request, kj_public(op->docs[0]));
}

void kj_documents_get(struct kj_request *request, enum kj_coll coll, int64_t id, const char *key,
                      const char *what)
{
    request->state = (void *)what;
    kj_store_get(request->api->engine->store, request->workspace, coll, id, key, on_got, request);
}

// --- lists ---

struct listing {
    struct kj_request *request;
    const char *name;
    const char *const *hide;
    int64_t limit;
};

static bool hidden(const struct listing *listing, const char *field)
{
    for (const char *const *hide = listing->hide; hide && *hide; hide++)
        if (strcmp(*hide, field) == 0)
            return true;
    return false;
}

static void put_shown(const struct listing *listing, struct kj_doc_list *list, const bson_t *doc)
{
    bson_t *outside = kj_public(doc), row = BSON_INITIALIZER;
    bson_iter_t at;
    bson_iter_init(&at, outside);
    while (bson_iter_next(&at))
        if (!hidden(listing, bson_iter_key(&at)))
            bson_append_iter(&row, NULL, -1, &at);
    kj_doc_put_doc(list->array, kj_doc_next(list), &row);
    bson_destroy(&row);
    bson_destroy(outside);
}

static void on_listed(struct kj_store_request *store)
{
    struct listing *listing = store->arg;
    struct kj_request *request = listing->request;
    struct kj_store_op *op = &store->ops[0];
    if (op->status != KJ_OK) {
        kj_reply_error(request, op->status, "", NULL, "%s",
                       store->fault.code ? store->fault.text : "the store could not be read");
        free(listing);
        return;
    }
    bson_t *result = bson_new(), array = BSON_INITIALIZER;
    struct kj_doc_list list = {&array};
    for (size_t i = 0; i < op->n_docs; i++)
        put_shown(listing, &list, op->docs[i]);
    kj_doc_put_array(result, listing->name, &array);
    kj_doc_put_int(result, "count", (int64_t)op->n_docs);
    if (op->n_docs == (size_t)listing->limit)
        kj_doc_put_from(result, "next", op->docs[op->n_docs - 1], "_id");
    bson_destroy(&array);
    kj_reply_take(request, result);
    free(listing);
}

void kj_documents_list(struct kj_request *request, enum kj_coll coll, const char *name,
                       const char *const *fields, const char *const *hide)
{
    struct listing *listing = KJ_NEW(struct listing);
    bson_t *filter = bson_new(), after = BSON_INITIALIZER;
    *listing = (struct listing){request, name, hide, kj_doc_int(request->args, "limit", 100)};
    for (; fields && *fields; fields++)
        kj_doc_put_from(filter, *fields, request->args, *fields);
    if (kj_doc_has(request->args, "after")) {
        kj_doc_put_int(&after, "$gt", kj_doc_int(request->args, "after", 0));
        kj_doc_put_doc(filter, "_id", &after);
    }
    bson_destroy(&after);
    struct kj_store_request *store = kj_store_request(1, request->workspace, on_listed, listing);
    store->ops[0].verb = KJ_STORE_FIND;
    store->ops[0].coll = coll;
    store->ops[0].limit = listing->limit;
    store->ops[0].stale_ok = true; // sees all that was acknowledged; never holds up the writes
    kj_store_own_filter(store, 0, filter);
    kj_store_submit(request->api->engine->store, store);
}

// --- create and update ---

static void on_created(struct kj_store_request *store)
{
    struct kj_request *request = store->arg;
    struct kj_store_op *op = &store->ops[0];
    bson_t result = BSON_INITIALIZER;
    kj_doc_put_int(&result, "id", op->new_id);
    kj_doc_put_bool(&result, "created", true);
    if (op->status == KJ_OK)
        kj_reply(request, &result);
    else
        kj_documents_fail(request, op->status, request->state);
    bson_destroy(&result);
}

void kj_documents_create(struct kj_request *request, enum kj_coll coll, bson_t *doc_take,
                         const char *what, const char *event)
{
    request->state = (void *)what;
    struct kj_store_request *store = kj_store_request(1, request->workspace, on_created, request);
    kj_doc_put_time(doc_take, "created_at", kj_loop_now(request->api->engine->loop));
    store->ops[0].verb = KJ_STORE_INSERT;
    store->ops[0].coll = coll;
    kj_store_own_doc(store, 0, doc_take);
    if (event) {
        bson_t data = BSON_INITIALIZER, one = BSON_INITIALIZER, *events = bson_new();
        kj_doc_put_from(&data, "key", doc_take, "key");
        kj_doc_put_from(&data, "name", doc_take, "name");
        kj_doc_put_text(&one, "name", event);
        kj_doc_put_doc(&one, "data", &data);
        kj_doc_put_doc(events, "0", &one);
        bson_destroy(&one);
        bson_destroy(&data);
        kj_store_own_events(store, 0, events);
    }
    kj_store_submit(request->api->engine->store, store);
}

static int put_args(void *arg, const bson_t *doc, bson_t **next, bson_t **events)
{
    struct kj_request *request = arg;
    (void)events;
    if (doc == NULL)
        return KJ_ENOTFOUND;
    bson_t changes = BSON_INITIALIZER;
    bson_copy_to_excluding_noinit(request->args, &changes, "id", "key", NULL);
    kj_doc_put_time(&changes, "updated_at", kj_loop_now(request->api->engine->loop));
    *next = kj_doc_with(doc, &changes);
    bson_destroy(&changes);
    return KJ_OK;
}

static void on_updated(void *arg, int status, const bson_t *doc)
{
    struct kj_request *request = arg;
    if (status != KJ_OK)
        kj_documents_fail(request, status, request->state);
    else
        kj_reply_take(request, kj_public(doc));
}

void kj_documents_update(struct kj_request *request, enum kj_coll coll, const char *what)
{
    request->state = (void *)what;
    kj_modify(&(struct kj_modify){.store = request->api->engine->store,
                                  .workspace = request->workspace,
                                  .coll = coll,
                                  .id = kj_doc_int(request->args, "id", 0),
                                  .key = kj_doc_text(request->args, "key", NULL),
                                  .change = put_args,
                                  .done = on_updated,
                                  .arg = request});
}

void kj_call_read(struct kj_request *request, void (*read)(struct kj_store_request *store))
{
    const char *id = kj_doc_text(request->args, "call_id", "");
    struct kj_store_request *store = kj_store_request(2, request->workspace, read, request);
    store->ops[0].verb = store->ops[1].verb = KJ_STORE_GET;
    store->ops[0].coll = KJ_CALLS;
    store->ops[1].coll = KJ_DECISIONS;
    store->ops[0].key = store->ops[1].key = id;
    kj_store_submit(kj_request_engine(request)->store, store);
}
