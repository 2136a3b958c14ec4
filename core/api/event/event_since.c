// event.since: the events behind a cursor, each host's in order and without gaps. With wait_ms an
// empty answer waits for the next event; the cursor in the answer is where to go on.
//
// Our own events wake those who wait. Those of other hosts are looked for each second while
// somebody waits: beside the writes, since a look that misses the newest looks again.
#include "api/campaign/rehearsal.h"
#include "api/commands.h"
#include "api/cursor.h"
#include "api/documents.h"

#include "base/alloc.h"

#include <stdlib.h>

enum { k_waiters = 1000, k_look_ms = 1000 };

struct kj_waiter {
    struct kj_waiter *next;
    struct kj_request *request;
    struct kj_timer timer;
    struct kj_cursor cursor;
    int64_t wait_until; // loop's mono ms
    uint64_t wakes;     // of the api when it looked
};

static void look(struct kj_waiter *waiter, bool beside);

static struct kj_store *store_of(const struct kj_waiter *waiter)
{
    return waiter->request->api->engine->store;
}

static int64_t wait_left(const struct kj_waiter *waiter)
{
    return waiter->wait_until - kj_loop_mono(waiter->request->api->loop);
}

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

static void put_event(struct kj_doc_list *list, const bson_t *doc)
{
    bson_t event = BSON_INITIALIZER;
    kj_doc_put_from(&event, "number", doc, "_id");
    bson_copy_to_excluding_noinit(doc, &event, "_id", "version", "workspace", NULL);
    kj_doc_put_doc(list->array, kj_doc_next(list), &event);
    bson_destroy(&event);
}

// The range whose next event is the oldest, so that no host waits for another; NULL = all are told.
static struct kj_store_op *oldest(struct kj_store_request *found, const size_t *told)
{
    struct kj_store_op *first = NULL;
    int64_t first_at = 0;
    for (size_t i = 0; i < found->n_ops; i++) {
        struct kj_store_op *op = &found->ops[i];
        if (told[i] == op->n_docs)
            continue;
        int64_t at = kj_doc_time(op->docs[told[i]], "at", 0);
        if (first == NULL || at < first_at) {
            first = op;
            first_at = at;
        }
    }
    return first;
}

static void merge(struct kj_waiter *waiter, struct kj_store_request *found, bson_t *array)
{
    size_t told[KJ_CURSOR_HOSTS + 1] = {0};
    struct kj_doc_list list = {array};
    int64_t limit = kj_doc_int(waiter->request->args, "limit", 100);
    struct kj_store_op *op;
    while (list.count < limit && (op = oldest(found, told)) != NULL) {
        const bson_t *event = op->docs[told[op - found->ops]++];
        if (!kj_cursor_pass(&waiter->cursor, kj_doc_text(event, "host", ""),
                            kj_doc_int(event, "_id", 0)))
            break; // the next question is told why
        put_event(&list, event);
    }
}

static void reply(struct kj_waiter *waiter, struct kj_store_request *found)
{
    bson_t *result = bson_new(), array = BSON_INITIALIZER;
    if (found)
        merge(waiter, found, &array);
    kj_doc_put_array(result, "events", &array);
    kj_cursor_put(&waiter->cursor, result);
    bson_destroy(&array);
    kj_reply_take(waiter->request, result);
    free(waiter);
}

static void on_timer(void *arg)
{
    struct kj_waiter *waiter = arg;
    unlink_waiter(waiter);
    if (wait_left(waiter) > 0)
        look(waiter, true);
    else
        reply(waiter, NULL);
}

static void wait_more(struct kj_waiter *waiter)
{
    struct kj_api *api = waiter->request->api;
    int64_t ms = wait_left(waiter);
    waiter->next = api->waiters;
    api->waiters = waiter;
    api->waiter_count++;
    if (store_of(waiter)->shared && !waiter->cursor.alone && ms > k_look_ms)
        ms = k_look_ms;
    kj_timer_start(api->loop, &waiter->timer, ms);
}

static void on_found(struct kj_store_request *found)
{
    struct kj_waiter *waiter = found->arg;
    struct kj_api *api = waiter->request->api;
    size_t count = 0;
    int status = KJ_OK;
    for (size_t i = 0; i < found->n_ops; i++) {
        count += found->ops[i].n_docs;
        status = status == KJ_OK ? found->ops[i].status : status;
    }
    bool waits = count == 0 && wait_left(waiter) > 0;
    if (status != KJ_OK) {
        kj_documents_fail(waiter->request, status, "event");
        free(waiter);
    } else if (waits && api->stopping) {
        kj_reply_error(waiter->request, KJ_EUNAVAILABLE, "", "come back in a moment",
                       "kejued is stopping");
        free(waiter);
    } else if (waits && waiter->wakes != api->wakes) {
        look(waiter, false); // an event of the same group of writes was told before we could wait
    } else if (waits && api->waiter_count < k_waiters) {
        wait_more(waiter);
    } else
        reply(waiter, found);
}

static void look(struct kj_waiter *waiter, bool beside)
{
    struct kj_request *request = waiter->request;
    struct kj_cursor_range ranges[KJ_CURSOR_HOSTS + 1];
    size_t count = kj_cursor_ranges(&waiter->cursor, store_of(waiter), ranges);
    waiter->wakes = request->api->wakes;
    struct kj_store_request *find = kj_store_request(count, request->workspace, on_found, waiter);
    for (size_t i = 0; i < count; i++) {
        bson_t *filter = bson_new(), range = BSON_INITIALIZER;
        kj_doc_put_int(&range, "$gt", ranges[i].above);
        kj_doc_put_int(&range, "$lte", ranges[i].upto);
        kj_doc_put_doc(filter, "_id", &range);
        bson_destroy(&range);
        find->ops[i].verb = KJ_STORE_FIND;
        find->ops[i].coll = KJ_EVENTS;
        find->ops[i].limit = kj_doc_int(request->args, "limit", 100);
        find->ops[i].stale_ok = beside;
        kj_store_own_filter(find, i, filter);
    }
    kj_store_submit(store_of(waiter), find);
}

// --- "now" ---

static void look_below(struct kj_waiter *waiter, int64_t upto);

// The newest of the last stream; below it is the one before.
static void on_newest(struct kj_store_request *found)
{
    struct kj_waiter *waiter = found->arg;
    const struct kj_store_op *op = &found->ops[0];
    int64_t stream = op->n_docs ? kj_doc_int(op->docs[0], "_id", 0) >> KJ_EVENT_STREAM_BITS : 0;
    if (op->status != KJ_OK) {
        kj_documents_fail(waiter->request, op->status, "event");
        free(waiter);
        return;
    }
    if (op->n_docs)
        (void)kj_cursor_pass(&waiter->cursor, kj_doc_text(op->docs[0], "host", ""),
                             kj_doc_int(op->docs[0], "_id", 0));
    if (stream > 0)
        look_below(waiter, stream << KJ_EVENT_STREAM_BITS);
    else
        reply(waiter, NULL);
}

// Across workspaces: it tells a number and no event.
static void look_below(struct kj_waiter *waiter, int64_t upto)
{
    bson_t *filter = bson_new(), below = BSON_INITIALIZER;
    struct kj_store_request *find = kj_store_request(1, "", on_newest, waiter);
    kj_doc_put_int(&below, "$lte", upto);
    kj_doc_put_doc(filter, "_id", &below);
    bson_destroy(&below);
    find->ops[0].verb = KJ_STORE_FIND;
    find->ops[0].coll = KJ_EVENTS;
    find->ops[0].sort = "-_id";
    find->ops[0].limit = 1;
    kj_store_own_filter(find, 0, filter);
    kj_store_submit(store_of(waiter), find);
}

void kj_event_since(struct kj_request *request)
{
    struct kj_waiter *waiter = KJ_NEW(struct kj_waiter);
    struct kj_loop *loop = request->api->loop;
    struct kj_fault fault;
    waiter->request = request;
    waiter->wait_until = kj_loop_mono(loop) + kj_doc_int(request->args, "wait_ms", 0);
    kj_timer_init(&waiter->timer, on_timer, waiter);
    if (kj_streq(kj_doc_text(request->args, "cursor", ""), "now")) {
        look_below(waiter, INT64_MAX);
        return;
    }
    if (kj_cursor_read(&waiter->cursor, request->args, store_of(waiter), &fault) != KJ_OK) {
        kj_reply_fault(request, &fault);
        free(waiter);
        return;
    }
    look(waiter, false);
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
        look(waiter, false);
        waiter = next;
    }
}

void kj_api_drain(struct kj_api *api)
{
    api->stopping = true;
    kj_rehearsals_end(api);
    while (api->waiters) {
        struct kj_waiter *waiter = api->waiters;
        kj_timer_stop(api->loop, &waiter->timer);
        unlink_waiter(waiter);
        reply(waiter, NULL);
    }
}
