// Webhooks: the handshake, and updates that are answered 200 only when every event is durable.
//
// The vendor repeats what is not answered 200, for days, and repeats and reorders anyway; so each
// event has a stable key and a failed write simply asks for the repetition. Items of one request
// are worked on side by side: a batch of a thousand shares the store's flushes.
#include "wa.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STATE_TRIES = 4 };

struct wa_hook {
    struct wa_instance *wa;
    struct wa_hook *next, **link;
    uint64_t op;
    struct kejue_builder *body; // {body: the parsed request}
    struct wa_item *items;
    int count, open, failed, overflow;
    struct kejue_doc value; // while walking
};

static void answer(struct wa_instance *wa, uint64_t op, int status, const char *text)
{
    const struct kejue_host *host = wa->host;
    struct kejue_outcome outcome = {KEJUE_OK, 0, NULL, NULL};
    struct kejue_builder *b = host->build(wa->ctx);
    host->put_integer(b, "status", status);
    host->begin_doc(b, "headers");
    host->put_text(b, "Content-Type", "text/plain");
    host->end(b);
    host->put_text(b, "body", text);
    host->finish(wa->ctx, op, &outcome, host->built(b));
    host->drop(b);
}

static void hook_free(struct wa_hook *hook)
{
    *hook->link = hook->next;
    if (hook->next)
        hook->next->link = hook->link;
    hook->wa->host->drop(hook->body);
    free(hook->items);
    free(hook);
}

static void item_done(struct wa_hook *hook, int ok)
{
    hook->failed += !ok;
    if (--hook->open > 0)
        return;
    if (hook->failed)
        answer(hook->wa, hook->op, 503, "not stored; send it again");
    else
        answer(hook->wa, hook->op, 200, "");
    hook_free(hook);
}

// --- one item: state first (window, pause), then the event ---

static void on_emitted(void *arg, const struct kejue_outcome *outcome, struct kejue_doc doc)
{
    struct wa_item *item = arg;
    (void)doc;
    item_done(item->hook, outcome->class_ == KEJUE_OK);
}

static void item_emit(struct wa_item *item)
{
    static const char *const names[] = {"message.received", "message.status", "template.status"};
    struct wa_instance *wa = item->hook->wa;
    const struct kejue_host *host = wa->host;
    struct kejue_builder *b = host->build(wa->ctx);
    int empty;
    host->put_text(b, "name", names[item->kind]);
    host->begin_doc(b, "data");
    if (item->kind == WA_MESSAGE)
        empty = wa_event_message(wa, b, item);
    else if (item->kind == WA_STATUS)
        empty = wa_event_status(wa, b, item);
    else
        empty = wa_event_template(wa, b, item);
    host->end(b);
    if (empty == 0)
        host->ask(wa->ctx, item->hook->op, "host.emit", host->built(b), on_emitted, item);
    host->drop(b);
    if (empty != 0)
        item_done(item->hook, 1); // nothing that Kejue knows: the vendor need not repeat it
}

static void item_state(struct wa_item *item);

static void on_state_put(void *arg, const struct kejue_outcome *outcome, struct kejue_doc doc)
{
    struct wa_item *item = arg;
    (void)doc;
    if (outcome->class_ == KEJUE_OK)
        item_emit(item);
    else if (++item->tries < STATE_TRIES)
        item_state(item); // another message of this user was faster: look again
    else
        item_done(item->hook, 0);
}

// The window only moves forward: messages arrive late and twice.
static void on_state_get(void *arg, const struct kejue_outcome *outcome, struct kejue_doc doc)
{
    struct wa_item *item = arg;
    struct wa_instance *wa = item->hook->wa;
    if (outcome->class_ != KEJUE_OK)
        item_done(item->hook, 0);
    else if (wa->host->integer(doc, "value.at", 0) >= item->at)
        item_emit(item);
    else
        wa_state_put(wa, item->hook->op, item->state_key, "at", item->at,
                     wa->host->integer(doc, "revision", 0), on_state_put, item);
}

static void item_state(struct wa_item *item)
{
    wa_state_get(item->hook->wa, item->hook->op, item->state_key, on_state_get, item);
}

static void message_start(struct wa_item *item)
{
    struct wa_instance *wa = item->hook->wa;
    const char *user_id = NULL;
    const char *from = wa_sender(wa, item, &user_id);
    char user[WA_USER];
    item->at = wa_timestamp(wa, item->item);
    wa_user_key(user, from, user_id);
    wa_window_key(item->state_key, sizeof item->state_key,
                  wa->host->text(item->value, "metadata.phone_number_id", ""), user);
    if (*user && item->at > 0)
        item_state(item);
    else
        item_emit(item);
}

// PAUSED stops sends of the template; any other news of it lets the vendor decide again.
static void template_start(struct wa_item *item)
{
    struct wa_instance *wa = item->hook->wa;
    const struct kejue_host *host = wa->host;
    const char *name = host->text(item->value, "message_template_name", "");
    const char *language = host->text(item->value, "message_template_language", "");
    int paused = strcmp(host->text(item->value, "event", ""), "PAUSED") == 0;
    char key[WA_STATE_KEY];
    wa_template_key(key, sizeof key, name, language);
    item->tries = STATE_TRIES; // written whatever was there: a failure is not a conflict
    wa_state_put(wa, item->hook->op, key, "until", paused ? host->now(wa->ctx) + WA_PAUSE_MS : 0,
                 -1, on_state_put, item);
}

static void item_start(struct wa_item *item)
{
    if (item->kind == WA_MESSAGE)
        message_start(item);
    else if (item->kind == WA_STATUS)
        item_emit(item);
    else
        template_start(item);
}

// --- walking the request: entry × changes × messages | statuses ---

static int add_item(struct wa_hook *hook, enum wa_item_kind kind, struct kejue_doc item)
{
    if (hook->count == WA_ITEMS) {
        hook->overflow = 1;
        return 1;
    }
    hook->items[hook->count++] =
        (struct wa_item){.hook = hook, .kind = kind, .value = hook->value, .item = item};
    return 0;
}

static int walk_message(void *arg, const char *key, const char *text, struct kejue_doc item)
{
    (void)key, (void)text;
    return item.length ? add_item(arg, WA_MESSAGE, item) : 0;
}

static int walk_status(void *arg, const char *key, const char *text, struct kejue_doc item)
{
    (void)key, (void)text;
    return item.length ? add_item(arg, WA_STATUS, item) : 0;
}

static int walk_change(void *arg, const char *key, const char *text, struct kejue_doc change)
{
    struct wa_hook *hook = arg;
    struct wa_instance *wa = hook->wa;
    const struct kejue_host *host = wa->host;
    const char *field = host->text(change, "field", "");
    (void)key, (void)text;
    hook->value = host->child(change, "value");
    if (strcmp(field, "message_template_status_update") == 0)
        return add_item(hook, WA_TEMPLATE, hook->value);
    const char *id = host->text(hook->value, "metadata.phone_number_id", "");
    if (strcmp(field, "messages") != 0)
        return 0;
    if (!wa_pace_find(&wa->pace, id)) {
        host->log(wa->ctx, KEJUE_WARN,
                  "a webhook for a business number that is not configured was ignored");
        host->metric(wa->ctx, "webhooks_foreign", 1);
        return 0;
    }
    if (host->each(hook->value, "messages", walk_message, hook))
        return 1;
    return host->each(hook->value, "statuses", walk_status, hook);
}

static int walk_entry(void *arg, const char *key, const char *text, struct kejue_doc entry)
{
    struct wa_hook *hook = arg;
    (void)key, (void)text;
    return hook->wa->host->each(entry, "changes", walk_change, hook);
}

static void hook_post(struct wa_instance *wa, uint64_t op, struct kejue_doc request)
{
    const struct kejue_host *host = wa->host;
    struct kejue_doc raw = host->bytes(request, "body");
    struct kejue_builder *body = host->build(wa->ctx);
    if (!raw.bytes || host->put_json(body, "body", (const char *)raw.bytes, raw.length) != 0) {
        host->drop(body);
        answer(wa, op, 400, "the body is not JSON");
        return;
    }
    struct wa_hook *hook = calloc(1, sizeof *hook);
    struct wa_item *items = calloc(WA_ITEMS, sizeof *items);
    if (!hook || !items)
        abort();
    *hook = (struct wa_hook){.wa = wa, .op = op, .body = body, .items = items, .open = 1};
    hook->next = wa->hooks;
    hook->link = &wa->hooks;
    if (hook->next)
        hook->next->link = &hook->next;
    wa->hooks = hook;
    host->each(host->built(body), "body.entry", walk_entry, hook);
    hook->open += hook->count;
    for (int i = 0; i < hook->count; i++)
        item_start(&items[i]);
    item_done(hook, !hook->overflow); // the walk itself
}

// --- the handshake ---

struct handshake {
    const char *mode, *token, *challenge;
};

// The names hold dots, so they cannot be read by path.
static int read_query(void *arg, const char *key, const char *text, struct kejue_doc child)
{
    struct handshake *h = arg;
    (void)child;
    if (strcmp(key, "hub.mode") == 0)
        h->mode = text;
    else if (strcmp(key, "hub.verify_token") == 0)
        h->token = text;
    else if (strcmp(key, "hub.challenge") == 0)
        h->challenge = text;
    return 0;
}

static void hook_get(struct wa_instance *wa, uint64_t op, struct kejue_doc request)
{
    struct handshake h = {0};
    wa->host->each(request, "query", read_query, &h);
    if (!h.mode || strcmp(h.mode, "subscribe") != 0 || !h.token || !h.challenge ||
        strlen(h.challenge) > 512 || !wa->host->is_secret(wa->ctx, "verify_token", h.token))
        answer(wa, op, 403, "the verify token is not ours");
    else
        answer(wa, op, 200, h.challenge);
}

void wa_hook_start(struct wa_instance *wa, uint64_t op, struct kejue_doc request)
{
    if (strcmp(wa->host->text(request, "method", "POST"), "GET") == 0)
        hook_get(wa, op, request);
    else
        hook_post(wa, op, request);
}

void wa_hooks_close(struct wa_instance *wa)
{
    while (wa->hooks)
        hook_free(wa->hooks);
}
