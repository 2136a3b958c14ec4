// HTTP exchanges: started, ended once, delivered once.
//
// An exchange ends when curl is through with it or when it is canceled; from then on curl knows it
// no more. Its outcome is delivered by a task of its own through the bracket of an external
// operation, so that virtual time waits for it and outcomes come in the order of start.
#include "loop/fetch_parts.h"

#include "base/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MOST_EXCHANGES = 4096, MOST_CONNECTIONS = 256, MOST_IDLE_CONNECTIONS = 64 };

static int error_of(const struct kj_exchange *exchange, CURLcode code)
{
    if (code == CURLE_OK)
        return 0;
    if (exchange->too_large || code == CURLE_FILESIZE_EXCEEDED)
        return KJ_ELIMIT;
    if (exchange->denied && !exchange->reached)
        return KJ_EDENIED;
    return code == CURLE_OPERATION_TIMEDOUT ? KJ_ETIMEDOUT : KJ_EUNAVAILABLE;
}

static void describe(struct kj_exchange *exchange, CURLcode code)
{
    if (exchange->error == KJ_EDENIED)
        kj_copy(exchange->text, sizeof exchange->text,
                "the address is loopback, private or reserved; list the host in the egress list");
    else if (exchange->too_large)
        kj_copy(exchange->text, sizeof exchange->text, "the response is larger than allowed");
    else if (exchange->second)
        kj_copy(exchange->text, sizeof exchange->text,
                "the kept connection broke before an answer came; not sent again");
    else if (exchange->text[0] == 0)
        kj_copy(exchange->text, sizeof exchange->text, curl_easy_strerror(code));
}

// Takes the exchange out of curl's hands.
static void detach(struct kj_exchange *exchange)
{
    long status = 0;
    curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &status);
    exchange->status = (int)status;
    curl_multi_remove_handle(exchange->fetcher->multi, exchange->easy);
    curl_easy_cleanup(exchange->easy);
    exchange->easy = NULL;
}

void kj_exchange_ended(struct kj_exchange *exchange, CURLcode code)
{
    exchange->error = error_of(exchange, code);
    if (exchange->error != 0)
        describe(exchange, code);
    detach(exchange);
    kj_external_end(exchange->fetcher->loop, &exchange->external);
}

static void cancel(struct kj_exchange *exchange)
{
    exchange->error = KJ_ECANCELED;
    kj_copy(exchange->text, sizeof exchange->text, "canceled");
    detach(exchange);
}

static void free_exchange(struct kj_exchange *exchange)
{
    curl_easy_cleanup(exchange->easy);
    curl_slist_free_all(exchange->request_headers);
    free(exchange->body);
    kj_buf_fini(&exchange->headers);
    kj_buf_fini(&exchange->content);
    free(exchange);
}

static void unlink_exchange(struct kj_exchange *exchange)
{
    struct kj_fetcher *fetcher = exchange->fetcher;
    if (exchange->previous)
        exchange->previous->next = exchange->next;
    else
        fetcher->first = exchange->next;
    if (exchange->next)
        exchange->next->previous = exchange->previous;
    else
        fetcher->last = exchange->previous;
    fetcher->count--;
}

// The last word; `done` may start, cancel, or destroy the fetcher.
static void deliver(struct kj_exchange *exchange)
{
    unlink_exchange(exchange);
    struct kj_fetch_response response = {
        .error = exchange->error,
        .sent = exchange->sent,
        .status = exchange->status,
        .headers = exchange->headers.data,
        .body = exchange->content.data,
        .body_length = exchange->content.length,
    };
    if (response.error != 0)
        kj_copy(response.text, sizeof response.text, exchange->text);
    exchange->done(exchange->arg, &response);
    free_exchange(exchange);
}

static void on_delivery(struct kj_task *task)
{
    deliver((struct kj_exchange *)((char *)task - offsetof(struct kj_exchange, task)));
}

int kj_fetcher_create(struct kj_loop *loop, struct kj_fetcher **out, struct kj_fault *fault)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        goto fail;
    CURLM *multi = curl_multi_init();
    if (multi == NULL) {
        curl_global_cleanup();
        goto fail;
    }
    struct kj_fetcher *fetcher = KJ_NEW(struct kj_fetcher);
    fetcher->loop = loop;
    fetcher->multi = multi;
    fetcher->next_id = 1;
    curl_multi_setopt(multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)MOST_CONNECTIONS);
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)MOST_IDLE_CONNECTIONS);
    kj_fetch_wire(fetcher);
    *out = fetcher;
    return 0;
fail:
    return kj_fault(fault, KJ_EUNAVAILABLE, "fetch", "check the installation of libcurl",
                    "The HTTP client could not be set up.");
}

void kj_fetcher_destroy(struct kj_fetcher *fetcher)
{
    if (fetcher == NULL)
        return;
    fetcher->closing = true;
    for (struct kj_exchange *exchange; (exchange = fetcher->first);) {
        if (exchange->easy)
            cancel(exchange);
        kj_external_abandon(fetcher->loop, &exchange->external);
        deliver(exchange);
    }
    curl_multi_cleanup(fetcher->multi);
    kj_fetch_unwire(fetcher);
    curl_global_cleanup();
    free(fetcher);
}

int kj_fetch_start(struct kj_fetcher *fetcher, const struct kj_fetch_request *request,
                   kj_fetch_done *done, void *arg, uint64_t *id)
{
    if (fetcher->closing)
        return KJ_ECANCELED;
    if (fetcher->count == MOST_EXCHANGES)
        return KJ_EFULL;
    struct kj_exchange *exchange = KJ_NEW(struct kj_exchange);
    exchange->fetcher = fetcher;
    exchange->done = done;
    exchange->arg = arg;
    exchange->task.run = on_delivery;
    int rc = kj_exchange_prepare(exchange, request);
    if (rc == 0 && curl_multi_add_handle(fetcher->multi, exchange->easy) != CURLM_OK)
        rc = KJ_EUNAVAILABLE;
    if (rc < 0) {
        free_exchange(exchange);
        return rc;
    }
    exchange->id = fetcher->next_id++;
    exchange->previous = fetcher->last;
    if (fetcher->last)
        fetcher->last->next = exchange;
    else
        fetcher->first = exchange;
    fetcher->last = exchange;
    fetcher->count++;
    kj_external_begin(fetcher->loop, &exchange->external, &exchange->task);
    if (id)
        *id = exchange->id;
    return 0;
}

void kj_fetch_cancel(struct kj_fetcher *fetcher, uint64_t id)
{
    for (struct kj_exchange *at = fetcher->last; at; at = at->previous) {
        if (at->id != id)
            continue;
        if (at->easy) {
            cancel(at);
            kj_external_end(fetcher->loop, &at->external);
        }
        return;
    }
}

bool kj_fetch_header(const char *headers, const char *name, char *value, size_t size)
{
    size_t length = strlen(name);
    for (const char *line = headers; line && *line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncasecmp(line, name, length) != 0 || line[length] != ':')
            continue;
        const char *start = line + length + 1;
        start += strspn(start, " \t");
        size_t width = strcspn(start, "\r\n");
        while (width > 0 && (start[width - 1] == ' ' || start[width - 1] == '\t'))
            width--;
        snprintf(value, size, "%.*s", (int)width, start);
        return true;
    }
    return false;
}
