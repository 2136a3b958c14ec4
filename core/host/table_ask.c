// The one door through which plugins ask: routes host.http, host.file.*, the floors above and other
// plugins' verbs, and sees to it that each answer comes exactly once, from the agenda.
//
// Whoever works on an ask (HTTP client, thread, floor above) holds its pointer until it has called
// back (`pending`). When the instance closes first, the plugin gets "canceled" and the late
// callback only frees the memory.
#include "base/alloc.h"
#include "base/log.h"
#include "host/home.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void kj_ask_unlink(struct kj_ask *ask)
{
    struct kejue_ctx *ctx = ask->ctx;
    if (!ctx)
        return;
    if (ask->previous)
        ask->previous->next = ask->next;
    else
        ctx->asks = ask->next;
    if (ask->next)
        ask->next->previous = ask->previous;
    ctx->ask_count--;
    ask->ctx = NULL;
}

// Gone for the plugin; freed now, or when the last outside holder has called back.
static void kj_ask_release(struct kj_ask *ask)
{
    kj_ask_unlink(ask);
    if (ask->pending)
        return;
    kj_verdict_fini(&ask->verdict);
    free(ask->verb);
    free(ask);
}

static void kj_ask_deliver(struct kj_item *item)
{
    struct kj_ask *ask = (struct kj_ask *)item;
    struct kejue_ctx *ctx = ask->ctx;
    if (ctx && ask->answer) {
        struct kejue_outcome outcome;
        struct kj_guard guard;
        kj_verdict_outcome(&ask->verdict, &outcome);
        kj_guard_enter(&guard, ctx, "answer", ask->verb);
        ask->answer(ask->arg, &outcome, kj_doc_lend(ask->verdict.doc));
        kj_guard_leave(&guard);
    }
    kj_ask_release(ask);
}

void kj_ask_end(struct kj_ask *ask)
{
    if (ask->answered)
        return;
    ask->answered = true;
    kj_host_later(ask->ctx->host, &ask->item);
}

void kj_ask_fail(struct kj_ask *ask, enum kejue_class class, const char *code, const char *format,
                 ...)
{
    char text[sizeof ask->verdict.text];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    kj_verdict_set(&ask->verdict, class, code, "%s", text);
    kj_ask_end(ask);
}

bool kj_ask_returned(struct kj_ask *ask)
{
    ask->pending = false;
    if (ask->ctx)
        return !ask->answered;
    kj_ask_release(ask);
    return false;
}

const char *kj_ask_workspace(const struct kj_ask *ask)
{
    const struct kj_call *call = kj_host_call_of(ask->ctx, ask->op);
    return call ? call->workspace : "default";
}

// --- the floors above ---

static void kj_ask_replied(void *arg, const struct kj_outcome *outcome, const bson_t *answer)
{
    struct kj_ask *ask = arg;
    if (!kj_ask_returned(ask))
        return;
    struct kejue_outcome copy = {.class_ = outcome->class,
                                 .retry_after_ms = outcome->retry_after_ms,
                                 .code = outcome->code,
                                 .text = outcome->text};
    kj_verdict_copy(&ask->verdict, &copy);
    ask->verdict.doc = answer ? bson_copy(answer) : NULL;
    kj_ask_end(ask);
}

static bool kj_list_has(const char *const *list, const char *name)
{
    for (size_t i = 0; list && list[i]; i++)
        if (kj_streq(list[i], name))
            return true;
    return false;
}

static bool kj_ask_may_port(struct kj_ask *ask, const char *verb, const bson_t *request)
{
    const struct kejue_plugin *decl = ask->ctx->decl;
    const char *name = kj_doc_text(request, "name", "");
    if (kj_streq(verb, "emit") && !kj_list_has(decl->events, name)) {
        kj_ask_fail(ask, KEJUE_CALLER, "not_declared",
                    "the event \"%s\" is not in the `events` of plugin %s", name, decl->name);
        return false;
    }
    if (kj_streq(verb, "command") && !kj_list_has(decl->uses, name)) {
        kj_ask_fail(ask, KEJUE_CALLER, "not_declared",
                    "the command \"%s\" is not in the `uses` of plugin %s", name, decl->name);
        return false;
    }
    return true;
}

static void kj_ask_port(struct kj_ask *ask, const char *verb, const bson_t *request)
{
    static const char *const ports[] = {"submit",    "leads",     "command", "emit",
                                        "state.get", "state.put", "http",    NULL};
    struct kejue_ctx *ctx = ask->ctx;
    struct kj_host *host = ctx->host;
    if (!kj_list_has(ports, verb)) {
        kj_ask_fail(ask, KEJUE_CALLER, "no_such_verb", "the host has no verb \"host.%s\"", verb);
        return;
    }
    if (!kj_ask_may_port(ask, verb, request))
        return;
    if (!host->ports.ask) {
        kj_ask_fail(ask, KEJUE_NOT_PROCESSED, "not_wired",
                    "host.%s is not available in this program", verb);
        return;
    }
    ask->pending = true;
    host->ports.ask(host->ports.arg, ctx->name, kj_ask_workspace(ask), verb, request,
                    kj_ask_replied, ask);
}

// --- other plugins ---

static void kj_ask_other_done(void *arg, const struct kj_outcome *outcome, const bson_t *result)
{
    struct kj_ask *ask = arg;
    ask->call = 0;
    kj_ask_replied(ask, outcome, result);
}

static void kj_ask_other(struct kj_ask *ask, const char *verb, const bson_t *request)
{
    struct kejue_ctx *ctx = ask->ctx;
    const struct kj_call *from = kj_host_call_of(ctx, ask->op);
    if (!kj_list_has(ctx->decl->uses, verb)) {
        kj_ask_fail(ask, KEJUE_CALLER, "not_declared",
                    "the verb \"%s\" is not in the `uses` of plugin %s", verb, ctx->decl->name);
        return;
    }
    struct kj_host_call call = {.verb = verb,
                                .workspace = kj_ask_workspace(ask),
                                .key = from ? from->key : NULL,
                                .attempt = from ? from->attempt : 1,
                                .request = request};
    struct kj_call_extra extra = {.depth = from ? from->depth + 1 : 1};
    struct kj_fault fault = {0};
    ask->pending = true;
    ask->call = kj_host_begin(ctx->host, &call, &extra, kj_ask_other_done, ask, &fault);
    if (ask->call)
        return;
    ask->pending = false;
    bool later = fault.code == KJ_EUNAVAILABLE || fault.code == KJ_ENOTFOUND;
    char text[sizeof ask->verdict.text];
    snprintf(text, sizeof text, "%.60s: %.250s", fault.place, fault.text);
    kj_ask_fail(ask, later ? KEJUE_NOT_PROCESSED : KEJUE_CALLER, kj_error_name(fault.code), "%s",
                text);
}

// --- the door ---

static void kj_ask_route(struct kj_ask *ask, const bson_t *request)
{
    const char *verb = ask->verb;
    const struct kj_call *call = kj_host_call_of(ask->ctx, ask->op);
    bool port = kj_starts_with(verb, "host.") && !kj_streq(verb, "host.http") &&
                !kj_starts_with(verb, "host.file.");
    // Facts are never lost to a cancel: what is to be stored is stored. New outward work is not
    // begun any more.
    if (ask->op && (!call || call->canceled) && !port)
        kj_ask_fail(ask, KEJUE_CANCELED, "canceled", "the operation has ended or was canceled");
    else if (kj_streq(verb, "host.http") && ask->ctx->host->fetcher)
        kj_host_http(ask, request);
    else if (kj_streq(verb, "host.file.read") || kj_streq(verb, "host.file.list"))
        kj_host_folder(ask, request, kj_streq(verb, "host.file.list"));
    else if (kj_starts_with(verb, "host."))
        kj_ask_port(ask, verb + strlen("host."), request);
    else
        kj_ask_other(ask, verb, request);
}

void kj_host_ask(struct kejue_ctx *ctx, uint64_t op, const char *verb, struct kejue_doc doc,
                 kejue_answer *answer, void *arg)
{
    bson_t request;
    if (!kj_guard_thread(ctx, "ask"))
        return;
    struct kj_ask *ask = KJ_NEW(struct kj_ask);
    ask->item.run = kj_ask_deliver;
    ask->ctx = ctx;
    ask->op = op;
    ask->answer = answer;
    ask->arg = arg;
    ask->verb = kj_strdup(verb ? verb : "");
    ask->next = ctx->asks;
    if (ctx->asks)
        ctx->asks->previous = ask;
    ctx->asks = ask;
    ctx->ask_count++;
    bool is_doc = kj_doc_borrow(doc, &request) && kj_doc_sound(&request);
    if (ctx->state == KJ_CTX_CLOSING)
        kj_ask_fail(ask, KEJUE_CANCELED, "closing", "the host is closing");
    else if (ctx->ask_count > KJ_HOST_MAX_ASKS)
        kj_ask_fail(ask, KEJUE_NOT_PROCESSED, "limit", "%s has %d asks open already", ctx->name,
                    KJ_HOST_MAX_ASKS);
    else if (!is_doc)
        kj_ask_fail(ask, KEJUE_CALLER, "bad_document", "the request for %s is no document",
                    ask->verb);
    else
        kj_ask_route(ask, &request);
    bson_destroy(&request);
}

// --- cancel ---

// At closing every ask is answered now, whoever still works on it.
static void kj_ask_cancel(struct kj_ask *ask, bool closing)
{
    struct kj_host *host = ask->ctx->host;
    if (ask->answered)
        return;
    if (ask->call)
        kj_host_cancel(host, ask->call);
    else if (ask->fetch)
        kj_fetch_cancel(host->fetcher, ask->fetch);
    if (closing && !ask->answered)
        kj_ask_fail(ask, KEJUE_UNKNOWN, "closing", "the host closed before the answer came");
}

void kj_asks_cancel(struct kejue_ctx *ctx, uint64_t op)
{
    for (struct kj_ask *ask = ctx->asks; ask; ask = ask->next)
        if (op == 0 || ask->op == op)
            kj_ask_cancel(ask, op == 0);
}

void kj_asks_drop(struct kejue_ctx *ctx)
{
    for (struct kj_ask *ask = ctx->asks, *next; ask; ask = next) {
        next = ask->next;
        kj_ask_cancel(ask, false);
        kj_ask_unlink(ask); // freed by the agenda or by whoever still holds it
    }
}
