// The asking half of the fake host: asks and their answers, emitted events, host.state.
#include "peers/fake_host_own.h"

#include <stdio.h>

// --- the table: asks ---

static void ask_free(struct ask *ask)
{
    free(ask->verb);
    free(ask->json);
    bson_destroy(ask->request);
    free(ask);
}

struct reply {
    struct ask *ask;
    enum kejue_class class_;
    char *code, *text;
    bson_t *doc;
};

static void reply_free(struct reply *reply)
{
    ask_free(reply->ask);
    free(reply->code);
    free(reply->text);
    bson_destroy(reply->doc);
    free(reply);
}

static void deliver(void *arg)
{
    struct reply *reply = arg;
    struct kejue_outcome outcome = {reply->class_, 0, reply->code, reply->text};
    struct kejue_doc doc = {bson_get_data(reply->doc), reply->doc->len};
    reply->ask->answer(reply->ask->arg, &outcome, doc);
    reply_free(reply);
}

// Takes the ask out of the waiting list and lets its callback run at the next advance.
static void answer_take(struct fake_host *host, struct ask *ask, enum kejue_class class_,
                        const char *code, const char *text, bson_t *doc)
{
    for (struct ask **at = &host->asks; *at; at = &(*at)->next)
        if (*at == ask) {
            *at = ask->next;
            if (host->asks_end == &ask->next)
                host->asks_end = at;
            break;
        }
    struct reply *reply = KJ_NEW(struct reply);
    *reply = (struct reply){ask, class_, kj_strdup(code), kj_strdup(text), doc};
    fake_schedule(host, 0, deliver, reply, true);
}

void fake_host_answer(struct fake_host *host, uint64_t id, enum kejue_class class_,
                      const char *code, const char *text, const char *json)
{
    for (struct ask *ask = host->asks; ask; ask = ask->next)
        if (ask->shown.id == id) {
            answer_take(host, ask, class_, code, text, json ? fake_json(json) : bson_new());
            return;
        }
    fprintf(stderr, "fake host: no ask %llu is waiting\n", (unsigned long long)id);
    abort();
}

static void emit(struct fake_host *host, struct ask *ask)
{
    if (host->emit_class == KEJUE_OK) {
        bson_t view;
        struct event *event = KJ_NEW(struct event);
        event->name = kj_strdup(kj_doc_text(ask->request, "name", ""));
        event->data = kj_doc_child(ask->request, "data", &view) ? bson_copy(&view) : bson_new();
        event->json = fake_json_of(event->data);
        event->shown = (struct fake_event){event->name, event->data, event->json, host->now};
        if (host->event_count == host->event_capacity) {
            host->event_capacity = host->event_capacity ? 2 * host->event_capacity : 64;
            host->events = kj_realloc(host->events, host->event_capacity * sizeof(struct event *));
        }
        host->events[host->event_count++] = event;
    }
    answer_take(host, ask, host->emit_class, NULL, NULL, bson_new());
}

static void state_get(struct fake_host *host, struct ask *ask)
{
    struct state *s = kj_map_get(&host->states, kj_doc_text(ask->request, "key", ""));
    bson_t *doc = s ? fake_json(s->json) : bson_new();
    kj_doc_put_int(doc, "revision", s ? s->revision : 0);
    answer_take(host, ask, KEJUE_OK, NULL, NULL, doc);
}

static void state_put(struct fake_host *host, struct ask *ask)
{
    const char *key = kj_doc_text(ask->request, "key", "");
    struct state *s = kj_map_get(&host->states, key);
    int64_t revision = s ? s->revision : 0;
    if (kj_doc_has(ask->request, "revision") &&
        kj_doc_int(ask->request, "revision", 0) != revision) {
        answer_take(host, ask, KEJUE_CALLER, "conflict", "the revision moved", bson_new());
        return;
    }
    if (!s) {
        s = KJ_NEW(struct state);
        kj_map_put(&host->states, key, s);
    }
    bson_t *kept = bson_new(), *doc = bson_new();
    kj_doc_put_from(kept, "value", ask->request, "value");
    free(s->json);
    s->json = fake_json_of(kept);
    s->revision = revision + 1;
    bson_destroy(kept);
    kj_doc_put_int(doc, "revision", s->revision);
    answer_take(host, ask, KEJUE_OK, NULL, NULL, doc);
}

struct handover {
    struct fake_host *host;
    struct ask *ask;
};

static void hand_over(void *arg)
{
    struct handover h = *(struct handover *)arg;
    free(arg);
    if (strcmp(h.ask->verb, "host.emit") == 0)
        emit(h.host, h.ask);
    else if (strcmp(h.ask->verb, "host.state.get") == 0)
        state_get(h.host, h.ask);
    else if (strcmp(h.ask->verb, "host.state.put") == 0)
        state_put(h.host, h.ask);
    else if (h.host->on_ask)
        h.host->on_ask(h.host->on_ask_arg, h.host, &h.ask->shown);
}

void fake_ask(struct kejue_ctx *ctx, uint64_t op, const char *verb, struct kejue_doc doc,
              kejue_answer *answer, void *arg)
{
    struct fake_host *host = (struct fake_host *)ctx;
    struct ask *asked = KJ_NEW(struct ask);
    asked->verb = kj_strdup(verb);
    asked->request = fake_copy_of(doc);
    asked->json = fake_json_of(asked->request);
    asked->answer = answer;
    asked->arg = arg;
    asked->shown = (struct fake_ask){++host->next_id, op, asked->verb, asked->request, asked->json};
    *host->asks_end = asked;
    host->asks_end = &asked->next;
    kj_map_put(&host->asked, verb, (void *)((uintptr_t)kj_map_get(&host->asked, verb) + 1));
    struct handover *h = KJ_NEW(struct handover);
    *h = (struct handover){host, asked};
    fake_schedule(host, 0, hand_over, h, true);
}

// --- for the rest of the fake ---

void fake_ask_drop_step(void (*fire)(void *arg), void *arg)
{
    if (fire == deliver)
        reply_free(arg);
    else if (fire == hand_over)
        free(arg);
}

void fake_asks_fini(struct fake_host *host)
{
    while (host->asks) {
        struct ask *next = host->asks->next;
        ask_free(host->asks);
        host->asks = next;
    }
}

void fake_events_forget(struct fake_host *host)
{
    for (size_t i = 0; i < host->event_count; i++) {
        struct event *event = host->events[i];
        free(event->name);
        free(event->json);
        bson_destroy(event->data);
        free(event);
    }
    free(host->events);
    host->events = NULL;
    host->event_count = host->event_capacity = 0;
}

// --- for the test ---

void fake_host_on_ask(struct fake_host *host, fake_on_ask *on_ask, void *arg)
{
    host->on_ask = on_ask;
    host->on_ask_arg = arg;
}

const struct fake_ask *fake_host_pending(const struct fake_host *host, size_t index)
{
    struct ask *at = host->asks;
    while (at && index--)
        at = at->next;
    return at ? &at->shown : NULL;
}

size_t fake_host_asked(const struct fake_host *host, const char *verb)
{
    return (uintptr_t)kj_map_get(&host->asked, verb);
}

size_t fake_host_event_count(const struct fake_host *host)
{
    return host->event_count;
}

const struct fake_event *fake_host_event(const struct fake_host *host, size_t index)
{
    return index < host->event_count ? &host->events[index]->shown : NULL;
}

void fake_host_emit_class(struct fake_host *host, enum kejue_class class_)
{
    host->emit_class = class_;
}

const char *fake_host_state(struct fake_host *host, const char *key)
{
    struct state *s = kj_map_get(&host->states, key);
    return s ? s->json : NULL;
}
