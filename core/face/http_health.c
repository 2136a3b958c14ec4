// /healthz: alive means that the store answers. One read serves all who ask meanwhile; when it has
// not come back in two real seconds, they are told so, and so is everyone after them until it does.
#include "base/alloc.h"
#include "face/http_own.h"

#include <stdlib.h>

enum { k_patience_ms = 2000, k_waiting = KJ_HTTP_CONNECTIONS }; // each asks once at a time

struct kj_probe {
    struct kj_http *http; // NULL: the door has closed
    bool late;
    size_t count;
    struct kj_exchange *waiting[k_waiting];
};

static void answer(struct kj_exchange *exchange, bool healthy)
{
    bson_t doc = BSON_INITIALIZER;
    kj_doc_put_bool(&doc, "ok", healthy);
    if (!healthy)
        kj_doc_put_text(&doc, "text", "the store does not answer");
    kj_exchange_doc(exchange, healthy ? 200 : 503, &doc);
    bson_destroy(&doc);
}

static void answer_all(struct kj_probe *probe, bool healthy)
{
    while (probe->count) {
        struct kj_exchange *exchange = probe->waiting[--probe->count];
        if (exchange->link)
            answer(exchange, healthy);
        kj_exchange_release(exchange);
    }
}

static void on_read(struct kj_store_request *request)
{
    struct kj_probe *probe = request->arg;
    int status = request->ops[0].status;
    answer_all(probe, status == KJ_OK || status == KJ_ENOTFOUND);
    if (probe->http) {
        probe->http->probe = NULL;
        uv_timer_stop(&probe->http->probe_deadline);
    }
    free(probe);
}

void kj_http_on_probe_deadline(uv_timer_t *timer)
{
    struct kj_http *http = timer->data;
    if (http->probe) {
        http->probe->late = true;
        answer_all(http->probe, false);
    }
}

static struct kj_probe *start(struct kj_http *http)
{
    struct kj_probe *probe = KJ_NEW(struct kj_probe);
    probe->http = http;
    http->probe = probe;
    uv_update_time(kj_loop_uv(http->loop));
    uv_timer_start(&http->probe_deadline, kj_http_on_probe_deadline, k_patience_ms, 0);
    kj_store_get(kj_api_engine(http->api)->store, "", KJ_META, 0, "format", on_read, probe);
    return probe;
}

// Those whose client has gone need no answer.
static void forget_gone(struct kj_probe *probe)
{
    size_t kept = 0;
    for (size_t i = 0; i < probe->count; i++)
        if (probe->waiting[i]->link)
            probe->waiting[kept++] = probe->waiting[i];
        else
            kj_exchange_release(probe->waiting[i]);
    probe->count = kept;
}

void kj_http_health(struct kj_exchange *exchange)
{
    struct kj_http *http = exchange->http;
    struct kj_probe *probe = http->probe ? http->probe : start(http);
    if (probe->count == k_waiting)
        forget_gone(probe);
    if (probe->late || probe->count == k_waiting) {
        answer(exchange, false);
        return;
    }
    kj_exchange_hold(exchange);
    probe->waiting[probe->count++] = exchange;
}

void kj_http_forget_probe(struct kj_http *http)
{
    if (http->probe == NULL)
        return;
    answer_all(http->probe, false); // nobody is connected any more
    http->probe->http = NULL;
    http->probe = NULL;
}
