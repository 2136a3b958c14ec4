// Requests: making them, handing them over, giving them back. What every store shares.
#include "store/store.h"

#include "base/alloc.h"
#include "store/store_parts.h"

#include <stdlib.h>

struct kj_store_request *kj_store_request(size_t n_ops, const char *workspace,
                                          void (*done)(struct kj_store_request *request), void *arg)
{
    struct kj_store_request *request = KJ_NEW_UP_TO(struct kj_store_request, fault.place);
    request->fault.place[0] = request->fault.text[0] = request->fault.hint[0] = 0;
    request->ops = kj_alloc(sizeof *request->ops * (n_ops ? n_ops : 1));
    request->n_ops = n_ops;
    request->done = done;
    request->arg = arg;
    // A name that does not fit must not become another tenant's: kj_store_submit refuses it.
    request->refused =
        !kj_copy(request->workspace, sizeof request->workspace, workspace ? workspace : "");
    return request;
}

static struct kj_store_kept *keep(struct kj_store_request *request)
{
    if (request->n_near < KJ_COUNT(request->near))
        return &request->near[request->n_near++];
    struct kj_store_kept *kept = KJ_NEW(struct kj_store_kept);
    kept->next = request->kept;
    request->kept = kept;
    return kept;
}

const bson_t *kj_store_keep_take(struct kj_store_request *request, bson_t *doc)
{
    if (doc)
        keep(request)->doc = doc;
    return doc;
}

const char *kj_store_keep_text(struct kj_store_request *request, const char *text)
{
    for (size_t i = 0; i < request->n_near; i++)
        if (request->near[i].text == text) // its own already, or nothing
            return text;
    if (text == NULL)
        return NULL;
    return keep(request)->text = kj_strdup(text);
}

void kj_store_own_doc(struct kj_store_request *request, size_t i, bson_t *doc_take)
{
    request->ops[i].doc = kj_store_keep_take(request, doc_take);
}

void kj_store_own_filter(struct kj_store_request *request, size_t i, bson_t *filter_take)
{
    request->ops[i].filter = kj_store_keep_take(request, filter_take);
}

void kj_store_own_events(struct kj_store_request *request, size_t i, bson_t *events_take)
{
    request->ops[i].events = kj_store_keep_take(request, events_take);
}

bson_t *kj_store_take_doc(struct kj_store_request *request, size_t i)
{
    const bson_t *doc = request->ops[i].doc;
    struct kj_store_kept *kept = request->kept;
    for (size_t n = 0; n < request->n_near; n++)
        if (request->near[n].doc == doc)
            kept = &request->near[n];
    while (kept && kept->doc != doc)
        kept = kept->next;
    if (kept == NULL || doc == NULL)
        return NULL;
    bson_t *own = kept->doc;
    kept->doc = NULL;
    request->ops[i].doc = NULL;
    return own;
}

bson_t *kj_store_steal(struct kj_store_op *op, size_t i)
{
    if (i >= op->n_docs)
        return NULL;
    bson_t *doc = op->docs[i];
    op->docs[i] = NULL;
    return doc;
}

void kj_store_clear_result(struct kj_store_op *op)
{
    for (size_t i = 0; i < op->n_docs; i++)
        if (op->docs[i])
            bson_destroy(op->docs[i]);
    free(op->docs);
    op->docs = NULL;
    op->n_docs = 0;
    op->new_id = op->new_version = op->count = 0;
    op->next_due = INT64_MAX;
}

void kj_store_add_doc(struct kj_store_op *op, bson_t *doc)
{
    // Powers of two: 1, 2, 4 …
    if ((op->n_docs & (op->n_docs - 1)) == 0)
        op->docs = kj_realloc(op->docs, sizeof *op->docs * (op->n_docs ? 2 * op->n_docs : 1));
    op->docs[op->n_docs++] = doc;
}

static void clear(struct kj_store_kept *kept)
{
    kj_doc_clear(&kept->doc);
    free(kept->text);
}

void kj_store_discard(struct kj_store_request *request)
{
    if (request == NULL)
        return;
    for (size_t i = 0; i < request->n_ops; i++)
        kj_store_clear_result(&request->ops[i]);
    for (size_t i = 0; i < request->n_near; i++)
        clear(&request->near[i]);
    while (request->kept) {
        struct kj_store_kept *kept = request->kept;
        request->kept = kept->next;
        clear(kept);
        free(kept);
    }
    free(request->ops);
    free(request);
}

void kj_store_submit(struct kj_store *store, struct kj_store_request *request)
{
    for (size_t i = 0; i < request->n_ops; i++) {
        request->ops[i].status = 0;
        kj_store_clear_result(&request->ops[i]);
    }
    store->pending++;
    store->class->submit(store, request);
}

void kj_store_finish(struct kj_store *store, struct kj_store_request *request)
{
    store->pending--;
    if (request->done)
        request->done(request);
    kj_store_discard(request);
}

size_t kj_store_pending(const struct kj_store *store)
{
    return store->pending;
}

void kj_store_destroy(struct kj_store *store)
{
    if (store)
        store->class->destroy(store);
}

void kj_store_get(struct kj_store *store, const char *workspace, enum kj_coll coll, int64_t id,
                  const char *key, void (*done)(struct kj_store_request *), void *arg)
{
    struct kj_store_request *request = kj_store_request(1, workspace, done, arg);
    request->ops[0].verb = KJ_STORE_GET;
    request->ops[0].coll = coll;
    request->ops[0].id = id;
    request->ops[0].key = kj_store_keep_text(request, key);
    kj_store_submit(store, request);
}

void kj_store_adopt(struct kj_store *store, const char *host)
{
    if (store->class->adopt)
        store->class->adopt(store, host);
}
