// One send, from the request to its verdict.
//
// The HTTP request is built at once and waits in its builder. Whatever ends a send before the HTTP
// exchange has begun is "not processed" or the caller's fault; after that, what is not clearly an
// answer of the vendor is "unknown": there is no idempotency key that would make a resend safe.
#include "wa.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXCHANGE_MS = 15000, MARGIN_MS = 5000 };

struct wa_send {
    struct wa_instance *wa;
    struct wa_send *next, **link;
    uint64_t op;
    struct kejue_builder *http; // the request to host.http
    struct wa_number *number;
    char user[WA_USER];
    char state_key[WA_STATE_KEY]; // what host.state knows about this send
    int template_;
    int64_t deadline_ms;
    uint64_t timer; // 0 = none
    int asked;      // the HTTP exchange has begun
    // the verdict, where something must be written before it is told
    enum kejue_class class_;
    int64_t retry_after_ms;
    char code[32], text[400];
};

static void send_free(struct wa_send *send)
{
    *send->link = send->next;
    if (send->next)
        send->next->link = send->link;
    if (send->http)
        send->wa->host->drop(send->http);
    free(send);
}

static void send_end(struct wa_send *send, enum kejue_class class_, int64_t retry_after_ms,
                     const char *code, const char *text)
{
    wa_finish(send->wa, send->op, class_, retry_after_ms, code, text);
    send_free(send);
}

static void send_end_verdict(struct wa_send *send)
{
    send_end(send, send->class_, send->retry_after_ms, send->code, send->text);
}

// --- the vendor's answer ---

static void send_succeed(struct wa_send *send, struct kejue_doc answer, const char *message_id)
{
    const struct kejue_host *host = send->wa->host;
    struct kejue_builder *b = host->build(send->wa->ctx);
    struct kejue_outcome outcome = {KEJUE_OK, 0, NULL, NULL};
    host->put_text(b, "message_id", message_id);
    host->put_text(b, "wa_id", host->text(answer, "json.contacts.0.wa_id", NULL));
    host->put_text(b, "status", host->text(answer, "json.messages.0.message_status", "accepted"));
    host->finish(send->wa->ctx, send->op, &outcome, host->built(b));
    host->drop(b);
    host->metric(send->wa->ctx, "messages_accepted", 1);
    send_free(send);
}

static void on_paused(void *arg, const struct kejue_outcome *outcome, struct kejue_doc answer)
{
    struct wa_send *send = arg;
    (void)answer;
    if (outcome->class_ != KEJUE_OK)
        send->wa->host->log(send->wa->ctx, KEJUE_WARN,
                            "the pause of a template could not be stored; the next send of it "
                            "asks WhatsApp again");
    send_end_verdict(send);
}

static void apply_effect(struct wa_send *send, const struct wa_error *error)
{
    struct wa_instance *wa = send->wa;
    int64_t until = wa->host->now(wa->ctx) + send->retry_after_ms;
    if (error->effect == WA_HOLD_NUMBER && send->number->held_until < until)
        send->number->held_until = until;
    if (error->effect == WA_HOLD_PAIR)
        wa_pace_hold_pair(&wa->pace, send->number->id, send->user, until);
    if (error->class_ == KEJUE_ACCOUNT || error->class_ == KEJUE_CREDENTIAL)
        wa->host->health(wa->ctx, 0, send->text);
    if (error->effect == WA_PAUSE_TEMPLATE && send->template_)
        wa_state_put(wa, send->op, send->state_key, "until", until, -1, on_paused, send);
    else
        send_end_verdict(send);
}

static void judge_error(struct wa_send *send, const struct kejue_outcome *outcome,
                        struct kejue_doc answer, int64_t code)
{
    const struct kejue_host *host = send->wa->host;
    const struct wa_error *error = wa_error_find(code);
    const char *words = host->text(answer, "json.error.error_data.details",
                                   host->text(answer, "json.error.message", ""));
    snprintf(send->code, sizeof send->code, "%lld", (long long)code);
    send->retry_after_ms = outcome->retry_after_ms;
    if (!error) {
        send->class_ = outcome->class_ == KEJUE_OK ? KEJUE_UNKNOWN : outcome->class_;
        snprintf(send->text, sizeof send->text, "WhatsApp refused: %.300s", words);
        send_end_verdict(send);
        return;
    }
    send->class_ = error->class_;
    if (send->retry_after_ms < error->retry_after_ms)
        send->retry_after_ms = error->retry_after_ms;
    snprintf(send->text, sizeof send->text, "%s (WhatsApp: %.200s)", error->text, words);
    apply_effect(send, error);
}

static void on_http(void *arg, const struct kejue_outcome *outcome, struct kejue_doc answer)
{
    struct wa_send *send = arg;
    const struct kejue_host *host = send->wa->host;
    int64_t code = host->integer(answer, "json.error.code", -1);
    const char *id = host->text(answer, "json.messages.0.id", NULL);
    if (code >= 0) {
        judge_error(send, outcome, answer, code);
        return;
    }
    if (outcome->class_ == KEJUE_OK && id) {
        host->health(send->wa->ctx, 1, NULL);
        send_succeed(send, answer, id);
        return;
    }
    if (outcome->class_ == KEJUE_OK)
        send_end(send, KEJUE_UNKNOWN, 0, "no_message_id", "WhatsApp's answer names no message");
    else if (outcome->class_ == KEJUE_CANCELED)
        send_end(send, KEJUE_UNKNOWN, 0, "canceled", "canceled while the message was being sent");
    else
        send_end(send, outcome->class_, outcome->retry_after_ms, outcome->code, outcome->text);
}

// --- waiting for a place ---

static void refuse_wait(struct wa_send *send, int64_t wait, const char *what)
{
    char text[160];
    snprintf(text, sizeof text, "%s; the next place is free in %lld ms", what, (long long)wait);
    send_end(send, KEJUE_NOT_PROCESSED, wait, "paced", text);
}

static int64_t wait_limit(const struct wa_send *send)
{
    int64_t left = send->deadline_ms - send->wa->host->now(send->wa->ctx) - MARGIN_MS;
    return left > 0 ? left : 0;
}

static void on_number_place(void *arg)
{
    struct wa_send *send = arg;
    struct wa_instance *wa = send->wa;
    send->timer = 0;
    wa->waiting--;
    send->asked = 1;
    wa->host->ask(wa->ctx, send->op, "host.http", wa->host->built(send->http), on_http, send);
}

static void on_pair_place(void *arg)
{
    struct wa_send *send = arg;
    struct wa_instance *wa = send->wa;
    int64_t wait = wa_pace_number(send->number, wa->host->now(wa->ctx), wait_limit(send));
    send->timer = 0;
    if (wait > wait_limit(send)) {
        wa->waiting--;
        refuse_wait(send, wait, "this business number has reached its rate");
    } else if (wait > 0) {
        send->timer = wa->host->timer(wa->ctx, wait, on_number_place, send);
    } else {
        on_number_place(send);
    }
}

static void wait_for_pair(struct wa_send *send)
{
    struct wa_instance *wa = send->wa;
    int64_t wait = wa_pace_pair(&wa->pace, send->number->id, send->user, wa->host->now(wa->ctx),
                                wait_limit(send));
    if (wait > wait_limit(send)) {
        refuse_wait(send, wait, "messages to this user are spaced");
        return;
    }
    if (wa->waiting >= wa->queue_limit) {
        refuse_wait(send, 1000, "too many messages are waiting");
        return;
    }
    wa->waiting++;
    if (wait > 0)
        send->timer = wa->host->timer(wa->ctx, wait, on_pair_place, send);
    else
        on_pair_place(send);
}

static void on_state(void *arg, const struct kejue_outcome *outcome, struct kejue_doc answer)
{
    struct wa_send *send = arg;
    const struct kejue_host *host = send->wa->host;
    int64_t now = host->now(send->wa->ctx);
    if (outcome->class_ == KEJUE_CANCELED) {
        send_end(send, KEJUE_CANCELED, 0, NULL, NULL);
    } else if (outcome->class_ != KEJUE_OK) {
        send_end(send, KEJUE_NOT_PROCESSED, 1000, "state",
                 "the plugin's stored state could not be read; nothing was sent");
    } else if (send->template_ && host->integer(answer, "value.until", 0) > now) {
        send_end(send, KEJUE_NOT_PROCESSED, host->integer(answer, "value.until", 0) - now, "132015",
                 "WhatsApp has paused this template; nothing was sent");
    } else if (!send->template_ && now - host->integer(answer, "value.at", 0) >= WA_WINDOW_MS) {
        send_end(send, KEJUE_CALLER, 0, "131047",
                 "the user has not written within 24 hours; send a template");
    } else {
        wait_for_pair(send);
    }
}

// --- start ---

static void build_http(struct wa_send *send, struct kejue_doc request, const char *key)
{
    struct wa_instance *wa = send->wa;
    const struct kejue_host *host = wa->host;
    const char *job = host->text(request, "job", key);
    char url[640];
    snprintf(url, sizeof url, "%s/%s/messages", wa->base, send->number->id);
    send->http = host->build(wa->ctx);
    host->put_text(send->http, "method", "POST");
    host->put_text(send->http, "url", url);
    host->put_integer(send->http, "timeout_ms", EXCHANGE_MS);
    host->begin_doc(send->http, "auth");
    host->put_text(send->http, "secret", "token");
    host->put_text(send->http, "scheme", "bearer");
    host->end(send->http);
    wa_put_message(wa, send->http, "json", request, send->template_,
                   job && strlen(job) <= 512 ? job : NULL);
}

void wa_send_start(struct wa_instance *wa, uint64_t op, const struct kejue_op_info *info,
                   struct kejue_doc request, int template_)
{
    const struct kejue_host *host = wa->host;
    struct wa_number *number =
        wa_pace_find(&wa->pace, host->text(request, "phone_number_id", NULL));
    if (!number) {
        wa_finish(wa, op, KEJUE_CALLER, 0, "unknown_number",
                  "phone_number_id is not among the configured numbers");
        return;
    }
    struct wa_send *send = calloc(1, sizeof *send);
    if (!send)
        abort();
    send->wa = wa;
    send->op = op;
    send->number = number;
    send->template_ = template_;
    send->deadline_ms = info->deadline_ms;
    send->next = wa->sends;
    send->link = &wa->sends;
    if (send->next)
        send->next->link = &send->next;
    wa->sends = send;
    wa_user_key(send->user, host->text(request, "to", NULL), host->text(request, "user_id", NULL));
    build_http(send, request, info->idempotency_key);
    if (template_)
        wa_template_key(send->state_key, sizeof send->state_key, host->text(request, "name", ""),
                        host->text(request, "language", ""));
    else
        wa_window_key(send->state_key, sizeof send->state_key, number->id, send->user);
    wa_state_get(wa, op, send->state_key, on_state, send);
}

// A send that waits ends at once; one that has asked the host ends with the host's answer.
void wa_send_cancel(struct wa_instance *wa, uint64_t op)
{
    for (struct wa_send *send = wa->sends; send; send = send->next)
        if (send->op == op && send->timer) {
            wa->host->timer_stop(wa->ctx, send->timer);
            wa->waiting--;
            send_end(send, KEJUE_CANCELED, 0, NULL, NULL);
            return;
        }
}

void wa_sends_close(struct wa_instance *wa)
{
    while (wa->sends) {
        if (wa->sends->timer)
            wa->host->timer_stop(wa->ctx, wa->sends->timer);
        send_free(wa->sends);
    }
}
