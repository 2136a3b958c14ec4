// event.since: the events behind a cursor, in order and without gaps. With wait_ms an empty answer
// waits for the next event; the cursor in the answer is where to go on.
#include "api/campaign/rehearsal.h"
#include "api/commands.h"
#include "api/documents.h"

#include "base/alloc.h"

#include <stdlib.h>

enum { k_waiters = 1000 };

struct kj_waiter {
    struct kj_waiter *next;
    struct kj_request *request;
    struct kj_timer timer;
    int64_t cursor, wait_ms;
    uint64_t wakes; // of the api when it looked
};

static void look(struct kj_waiter *waiter);

static void unlink_waiter(struct kj_waiter *waiter)
{
    struct kj_waiter **at = &waiter->request->api->waiters;
    while (*at && *at != waiter)
        at = &(*at)->next;
    if (*at) {
        *at = waiter->next;
        waiter->request->api->waiter_count--;
    }
}

static void reply(struct kj_waiter *waiter, const struct kj_store_op *op)
{
    bson_t *result = bson_new(), array = BSON_INITIALIZER;
    struct kj_doc_list list = {&array};
    for (size_t i = 0; op && i < op->n_docs; i++) {
        bson_t event = BSON_INITIALIZER;
        kj_doc_put_from(&event, "number", op->docs[i], "_id");
        bson_copy_to_excluding_noinit(op->docs[i], &event, "_id", "version", "workspace", NULL);
        kj_doc_put_doc(&array, kj_doc_next(&list), &event);
        waiter->cursor = kj_doc_int(op->docs[i], "_id", waiter->cursor);
        bson_destroy(&event);
    }
    kj_doc_put_array(result, "events", &array);
    kj_doc_put_int(result, "cursor", waiter->cursor);
    bson_destroy(&array);
    kj_reply_take(waiter->request, result);
    free(waiter);
}

static void on_timeout(void *arg)
{
    struct kj_waiter *waiter = arg;
    unlink_waiter(waiter);
    reply(waiter, NULL);
}

static void on_found(struct kj_store_request *store)
{
    struct kj_waiter *waiter = store->arg;
    struct kj_store_op *op = &store->ops[0];
    struct kj_api *api = waiter->request->api;
    if (op->status != KJ_OK) {
        kj_documents_fail(waiter->request, op->status, "event");
        free(waiter);
    } else if (op->n_docs == 0 && waiter->wait_ms > 0 && api->stopping) {
        kj_reply_error(waiter->request, KJ_EUNAVAILABLE, "", "come back in a moment",
                       "kejued is stopping");
        free(waiter);
    } else if (op->n_docs == 0 && waiter->wait_ms > 0 && waiter->wakes != api->wakes) {
        look(waiter); // an event of the same group of writes was told before we came to wait
    } else if (op->n_docs == 0 && waiter->wait_ms > 0 && api->waiter_count < k_waiters) {
        waiter->next = api->waiters;
        api->waiters = waiter;
        api->waiter_count++;
        kj_timer_start(api->loop, &waiter->timer, waiter->wait_ms);
    } else
        reply(waiter, op);
}

static void look(struct kj_waiter *waiter)
{
    struct kj_request *request = waiter->request;
    waiter->wakes = request->api->wakes;
    bson_t *filter = bson_new(), after = BSON_INITIALIZER;
    kj_doc_put_int(&after, "$gt", waiter->cursor);
    kj_doc_put_doc(filter, "_id", &after);
    bson_destroy(&after);
    struct kj_store_request *store = kj_store_request(1, request->workspace, on_found, waiter);
    store->ops[0].verb = KJ_STORE_FIND;
    store->ops[0].coll = KJ_EVENTS;
    store->ops[0].limit = kj_doc_int(request->args, "limit", 100);
    kj_store_own_filter(store, 0, filter);
    kj_store_submit(request->api->engine->store, store);
}

void kj_event_since(struct kj_request *request)
{
    struct kj_waiter *waiter = KJ_NEW(struct kj_waiter);
    waiter->request = request;
    waiter->cursor = kj_doc_int(request->args, "cursor", 0);
    waiter->wait_ms = kj_doc_int(request->args, "wait_ms", 0);
    kj_timer_init(&waiter->timer, on_timeout, waiter);
    look(waiter);
}

void kj_api_wake_events(struct kj_api *api)
{
    struct kj_waiter *waiter = api->waiters;
    api->wakes++;
    api->waiters = NULL;
    api->waiter_count = 0;
    while (waiter) {
        struct kj_waiter *next = waiter->next;
        kj_timer_stop(api->loop, &waiter->timer);
        look(waiter);
        waiter = next;
    }
}

void kj_api_drain(struct kj_api *api)
{
    api->stopping = true;
    kj_rehearsals_end(api);
    while (api->waiters) {
        kj_timer_stop(api->loop, &api->waiters->timer);
        on_timeout(api->waiters);
    }
}
