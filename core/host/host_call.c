// Operations: begun by a caller, queued per verb, run by a plugin, ended exactly once.
//
// The plugin has an id, never a pointer; the deadline is ours. A cancel asks the plugin and waits a
// few seconds for what it says (only it knows whether a call was already placed); silence becomes
// "unknown", never "canceled", so that nobody is called twice on the strength of a guess.
#include "base/alloc.h"
#include "base/log.h"
#include "host/home.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void kj_call_run(struct kj_item *item);
static void kj_call_grace(void *arg);

static void kj_call_later(struct kj_call *call)
{
    if (call->on_agenda)
        return;
    call->on_agenda = true;
    kj_host_later(call->ctx->host, &call->item);
}

// --- the queue of a verb ---

static void kj_verb_push(struct kj_verb *verb, struct kj_call *call)
{
    call->state = KJ_CALL_WAITING;
    call->before = verb->last;
    if (verb->last)
        verb->last->behind = call;
    else
        verb->first = call;
    verb->last = call;
    verb->waiting++;
}

static void kj_verb_unlink(struct kj_verb *verb, struct kj_call *call)
{
    if (call->before)
        call->before->behind = call->behind;
    else
        verb->first = call->behind;
    if (call->behind)
        call->behind->before = call->before;
    else
        verb->last = call->before;
    call->before = call->behind = NULL;
    verb->waiting--;
}

static void kj_verb_admit(struct kj_verb *verb)
{
    while (verb->first && verb->open < verb->max_open) {
        struct kj_call *call = verb->first;
        kj_verb_unlink(verb, call);
        verb->open++;
        call->state = KJ_CALL_READY;
        kj_call_later(call);
    }
}

// --- the end ---

// The verdict is set and the id is closed: frees the place at the verb, posts the delivery.
static void kj_call_end(struct kj_call *call)
{
    struct kj_verb *verb = call->verb;
    kj_timer_stop(call->ctx->host->loop, &call->grace);
    if (call->state == KJ_CALL_WAITING)
        kj_verb_unlink(verb, call);
    else
        verb->open--;
    call->state = KJ_CALL_ENDED;
    kj_call_later(call);
    kj_verb_admit(verb);
}

static void kj_call_tell(struct kj_call *call)
{
    struct kejue_ctx *ctx = call->ctx;
    kj_asks_cancel(ctx, call->op);
    if (!ctx->decl->cancel)
        return;
    struct kj_guard guard;
    kj_guard_enter(&guard, ctx, "cancel", call->verb->decl->name);
    ctx->decl->cancel(ctx->instance, call->op);
    kj_guard_leave(&guard);
}

static void kj_call_timed_out(struct kj_call *call)
{
    struct kejue_ctx *ctx = call->ctx;
    ctx->timeouts++;
    if (call->was_started)
        kj_verdict_set(&call->verdict, KEJUE_UNKNOWN, "timeout",
                       "%s did not end %s before its deadline; what became of it is not known",
                       ctx->name, call->verb->decl->name);
    else
        kj_verdict_set(&call->verdict, KEJUE_NOT_PROCESSED, "timeout",
                       "%s did not get its turn at %s before its deadline", call->verb->decl->name,
                       ctx->name);
}

// From kj_ops: finish and forced ends have set the verdict before, a deadline has not.
static void kj_call_done(void *arg, uint64_t id, int status, const void *result)
{
    (void)id;
    (void)result;
    struct kj_call *call = arg;
    bool tell = status == KJ_ETIMEDOUT && call->was_started && !call->canceled; // told before
    if (status == KJ_ETIMEDOUT)
        kj_call_timed_out(call);
    kj_call_end(call); // delivered from the agenda, so `call` lives on here
    if (tell)
        kj_call_tell(call);
}

static void kj_call_judge(struct kj_call *call)
{
    struct kj_fault fault = {0};
    bson_t empty = BSON_INITIALIZER;
    const bson_t *doc = call->verdict.doc ? call->verdict.doc : &empty;
    if (call->verdict.class == KEJUE_OK && call->verb->response &&
        kj_schema_check_fault(call->verb->response, doc, &fault) != 0) {
        call->ctx->bad_responses++;
        kj_verdict_set(&call->verdict, KEJUE_UNKNOWN, "bad_response",
                       "%s answered %s against its own schema: %s: %s", call->ctx->name,
                       call->verb->decl->name, fault.place, fault.text);
        kj_log(KJ_LOG_WARN, "plugin", call->verdict.text, "instance", call->ctx->name, NULL);
        kj_doc_clear(&call->verdict.doc);
    }
    bson_destroy(&empty);
}

static void kj_call_free(struct kj_call *call)
{
    struct kj_host *host = call->ctx->host;
    if (call->previous)
        call->previous->next = call->next;
    else
        host->calls = call->next;
    if (call->next)
        call->next->previous = call->previous;
    kj_doc_clear(&call->request);
    kj_verdict_fini(&call->verdict);
    free(call->workspace);
    free(call->key);
    free(call);
}

static void kj_call_deliver(struct kj_call *call)
{
    kj_call_judge(call);
    call->ctx->calls++;
    if (call->verdict.class != KEJUE_OK)
        call->ctx->failures++;
    if (!call->inbound)
        kj_pause_note(call->ctx, &call->verdict);
    struct kj_outcome outcome = {.class = call->verdict.class,
                                 .retry_after_ms = call->verdict.retry_after_ms,
                                 .code = call->verdict.code[0] ? call->verdict.code : NULL,
                                 .text = call->verdict.text[0] ? call->verdict.text : NULL};
    bson_t empty = BSON_INITIALIZER;
    call->done(call->arg, &outcome, call->verdict.doc ? call->verdict.doc : &empty);
    bson_destroy(&empty);
    kj_call_free(call);
}

// --- the beginning ---

static void kj_call_start(struct kj_call *call)
{
    struct kejue_ctx *ctx = call->ctx;
    struct kejue_op_info info = {.size = sizeof info,
                                 .verb = call->verb->decl->name,
                                 .workspace = call->workspace,
                                 .idempotency_key = call->key,
                                 .deadline_ms = call->deadline_ms,
                                 .attempt = call->attempt};
    call->state = KJ_CALL_STARTED;
    call->was_started = true;
    struct kj_guard guard;
    kj_guard_enter(&guard, ctx, "start", info.verb);
    ctx->decl->start(ctx->instance, call->op, &info, kj_doc_lend(call->request));
    kj_guard_leave(&guard);
}

static void kj_call_run(struct kj_item *item)
{
    struct kj_call *call = (struct kj_call *)item;
    call->on_agenda = false;
    if (call->state == KJ_CALL_READY)
        kj_call_start(call);
    else
        kj_call_deliver(call);
}

static int kj_call_check_request(const struct kj_verb *verb, const struct kj_host_call *call,
                                 struct kj_fault *fault)
{
    struct kj_fault bad = {0};
    bson_t empty = BSON_INITIALIZER;
    int error = 0;
    if (verb->request)
        error = kj_schema_check_fault(verb->request, call->request ? call->request : &empty, &bad);
    bson_destroy(&empty);
    if (!error)
        return 0;
    char place[sizeof bad.place];
    snprintf(place, sizeof place, "%.60s#%.120s", verb->decl->name, bad.place);
    return kj_fault(fault, KJ_ESCHEMA, place, bad.hint[0] ? bad.hint : NULL, "%s", bad.text);
}

static int kj_call_allowed(struct kejue_ctx *ctx, struct kj_verb *verb,
                           const struct kj_host_call *call, const struct kj_call_extra *extra,
                           struct kj_fault *fault)
{
    struct kj_host *host = ctx->host;
    const char *name = verb->decl->name;
    if (host->closing || host->draining || ctx->state != KJ_CTX_RUNNING)
        return kj_fault(fault, KJ_EUNAVAILABLE, ctx->name, "try again after the restart",
                        "takes no new work: it is draining");
    if (extra->depth > KJ_HOST_MAX_DEPTH)
        return kj_fault(fault, KJ_ELIMIT, name, "look for plugins that ask each other in a circle",
                        "plugins ask plugins more than %d deep", KJ_HOST_MAX_DEPTH);
    if (kj_loop_is_virtual(host->loop) && !host->allow_money && (verb->decl->flags & KEJUE_MONEY) &&
        !(verb->decl->flags & KEJUE_SIMULATED))
        return kj_fault(fault, KJ_EDENIED, name, "use a plugin that declares it simulated",
                        "reaches people and is not allowed on a virtual clock");
    int error = kj_call_check_request(verb, call, fault);
    if (error)
        return error;
    if (verb->waiting >= KJ_HOST_MAX_WAITING || kj_ops_count(host->ops) >= KJ_HOST_MAX_OPS)
        return kj_fault(fault, KJ_EUNAVAILABLE, name, "retry later",
                        "%zu operations already wait for %s", verb->waiting, ctx->name);
    return extra->inbound ? 0 : kj_pause_check(ctx, fault);
}

static int64_t kj_call_timeout(const struct kejue_verb *decl, const struct kj_host_call *call)
{
    if (call->timeout_ms > 0)
        return call->timeout_ms;
    return decl->timeout_ms > 0 ? decl->timeout_ms : KJ_HOST_TIMEOUT_MS;
}

uint64_t kj_host_begin(struct kj_host *host, const struct kj_host_call *call,
                       const struct kj_call_extra *extra, kj_host_done *done, void *arg,
                       struct kj_fault *fault)
{
    struct kejue_ctx *ctx = NULL;
    struct kj_verb *verb = kj_host_find_verb(host, call->instance, call->verb, &ctx, fault);
    if (!verb || kj_call_allowed(ctx, verb, call, extra, fault) != 0)
        return 0;
    int64_t timeout_ms = kj_call_timeout(verb->decl, call);
    struct kj_call *new = KJ_NEW(struct kj_call);
    new->item.run = kj_call_run;
    new->ctx = ctx;
    new->verb = verb;
    new->done = done;
    new->arg = arg;
    new->workspace = kj_strdup(call->workspace ? call->workspace : "default");
    new->key = kj_strdup(call->key ? call->key : "");
    new->request = call->request ? bson_copy(call->request) : bson_new();
    new->attempt = call->attempt ? call->attempt : 1;
    new->deadline_ms = kj_loop_now(host->loop) + timeout_ms;
    new->depth = extra->depth;
    new->inbound = extra->inbound;
    kj_timer_init(&new->grace, kj_call_grace, new);
    new->op = kj_op_begin(host->ops, timeout_ms, kj_call_done, new);
    new->next = host->calls;
    if (host->calls)
        host->calls->previous = new;
    host->calls = new;
    kj_verb_push(verb, new);
    kj_verb_admit(verb);
    return new->op;
}

// --- finish and cancel ---

struct kj_call *kj_host_call_of(const struct kejue_ctx *ctx, uint64_t op)
{
    struct kj_call *call = op ? kj_op_arg(ctx->host->ops, op) : NULL;
    return call && call->ctx == ctx ? call : NULL;
}

int kj_host_finish(struct kejue_ctx *ctx, uint64_t op, const struct kejue_outcome *outcome,
                   struct kejue_doc doc)
{
    struct kj_call *call = kj_host_call_of(ctx, op);
    if (!call || call->state != KJ_CALL_STARTED) {
        int64_t count = ++ctx->refused_finishes;
        if ((count & (count - 1)) == 0) // 1, 2, 4, 8, …: a broken plugin must not flood the log
            kj_log(KJ_LOG_WARN, "plugin",
                   "finish refused: the operation is not open (late, doubled or not its own)",
                   "instance", ctx->name, "verb", ctx->host->inside_verb, NULL);
        return -1;
    }
    kj_verdict_copy(&call->verdict, outcome);
    call->verdict.doc = kj_doc_accept(doc);
    if (!call->verdict.doc)
        kj_verdict_set(&call->verdict, KEJUE_UNKNOWN, "bad_document",
                       "%s ended %s with bytes that are no document", ctx->name,
                       call->verb->decl->name);
    return kj_op_finish(ctx->host->ops, op, 0, NULL) == 0 ? 0 : -1;
}

static void kj_call_force(struct kj_call *call)
{
    if (call->state == KJ_CALL_ENDED)
        return;
    if (call->was_started)
        kj_verdict_set(&call->verdict, KEJUE_UNKNOWN, "canceled",
                       "canceled; %s did not say what became of %s", call->ctx->name,
                       call->verb->decl->name);
    else
        kj_verdict_set(&call->verdict, KEJUE_CANCELED, "canceled", "canceled before it began");
    kj_op_cancel(call->ctx->host->ops, call->op);
}

static void kj_call_grace(void *arg)
{
    kj_call_force(arg);
}

static void kj_call_cancel(struct kj_call *call)
{
    if (call->state == KJ_CALL_ENDED || call->canceled)
        return;
    call->canceled = true;
    if (call->state != KJ_CALL_STARTED) {
        kj_call_force(call);
        return;
    }
    kj_timer_start(call->ctx->host->loop, &call->grace, KJ_HOST_GRACE_MS);
    kj_call_tell(call);
}

void kj_host_cancel(struct kj_host *host, uint64_t op)
{
    struct kj_call *call = op ? kj_op_arg(host->ops, op) : NULL;
    if (call)
        kj_call_cancel(call);
}

// In the order that lets a plugin still say how things ended: cancel, finish offloaded work, answer
// what it asked, and only then force.
void kj_host_end_all(struct kj_host *host)
{
    for (struct kj_call *call = host->calls; call; call = call->next)
        kj_call_cancel(call);
    kj_host_work_off(host);
    kj_pool_destroy(host->pool);
    host->pool = NULL;
    for (struct kejue_ctx *ctx = host->instances; ctx; ctx = ctx->next)
        kj_asks_cancel(ctx, 0);
    kj_host_work_off(host);
    for (struct kj_call *call = host->calls; call; call = call->next)
        kj_call_force(call);
    kj_host_work_off(host);
}
