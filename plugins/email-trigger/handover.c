// One mail's leads to the host, then the campaign's start: each exactly once.
//
// The order makes a crash harmless at every point. host.state says "begun" before anything
// happens; leads go into a list named after the mail, where a second pass finds duplicates; the
// start carries the mail's hash as its idempotency key; only then the state says "started", and
// the mail is moved after that. Whatever was lost is simply done again, to no effect.
#include "trigger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct trigger_handover {
    struct trigger *trigger;
    uint64_t op;
    const struct trigger_mail *mail;
    char key[64];  // of host.state
    char name[64]; // of the list, and the idempotency key
    int64_t revision;
    trigger_ended *ended;
    void *arg;
    enum trigger_end end; // to tell once the state is stored
    char reason[200];
};

void trigger_handover_free(struct trigger_handover *handover)
{
    free(handover);
}

static void end(struct trigger_handover *h, enum trigger_end how, const char *reason)
{
    trigger_ended *ended = h->ended;
    void *arg = h->arg;
    char copy[200];
    snprintf(copy, sizeof copy, "%s", reason ? reason : "");
    mail_clip(copy);
    free(h);
    ended(arg, how, copy);
}

// A failed ask that says nothing about the mail itself.
static void end_wait(struct trigger_handover *h, const struct kejue_outcome *outcome,
                     const char *what)
{
    char reason[200];
    if (outcome->class_ == KEJUE_CANCELED) {
        end(h, TRIGGER_CANCELED, NULL);
        return;
    }
    snprintf(reason, sizeof reason, "%s: %.60s %.80s", what, outcome->code ? outcome->code : "",
             outcome->text ? outcome->text : "");
    end(h, TRIGGER_WAIT, reason);
}

static void put_stage(struct trigger_handover *h, const char *stage, kejue_answer *answer)
{
    const struct kejue_host *host = h->trigger->host;
    struct kejue_builder *b = host->build(h->trigger->ctx);
    host->put_text(b, "key", h->key);
    host->begin_doc(b, "value");
    host->put_text(b, "stage", stage);
    host->put_text(b, "message_id", h->mail->mail.message_id);
    host->put_text(b, "reason", h->reason[0] ? h->reason : NULL);
    host->put_integer(b, "at", host->now(h->trigger->ctx));
    host->end(b);
    host->put_integer(b, "revision", h->revision);
    host->ask(h->trigger->ctx, h->op, "host.state.put", host->built(b), answer, h);
    host->drop(b);
}

static void on_final_stage(void *arg, const struct kejue_outcome *outcome, struct kejue_doc answer)
{
    struct trigger_handover *h = arg;
    (void)answer;
    if (outcome->class_ != KEJUE_OK)
        end_wait(h, outcome, "the mail's state could not be stored");
    else
        end(h, h->end, h->reason);
}

static void finish_with(struct trigger_handover *h, enum trigger_end how, const char *stage,
                        const char *reason)
{
    h->end = how;
    snprintf(h->reason, sizeof h->reason, "%s", reason ? reason : "");
    mail_clip(h->reason);
    put_stage(h, stage, on_final_stage);
}

// --- start ---

static void on_started(void *arg, const struct kejue_outcome *outcome, struct kejue_doc answer)
{
    struct trigger_handover *h = arg;
    (void)answer;
    if (outcome->class_ == KEJUE_OK)
        finish_with(h, TRIGGER_STARTED, "started", NULL);
    else // also when refused: the leads are in; a corrected configuration must be able to go on
        end_wait(h, outcome, "the campaign was not started");
}

static void start_campaign(struct trigger_handover *h)
{
    const struct kejue_host *host = h->trigger->host;
    struct kejue_builder *b = host->build(h->trigger->ctx);
    host->put_text(b, "name", "campaign.start");
    host->begin_doc(b, "args");
    host->put_from(b, "id", h->trigger->config, "campaign");
    host->put_text(b, "list", h->name);
    host->end(b);
    host->put_text(b, "key", h->name);
    host->ask(h->trigger->ctx, h->op, "host.command", host->built(b), on_started, h);
    host->drop(b);
}

// --- leads ---

static void on_leads(void *arg, const struct kejue_outcome *outcome, struct kejue_doc answer)
{
    struct trigger_handover *h = arg;
    const struct kejue_host *host = h->trigger->host;
    char reason[200];
    int64_t there = host->integer(answer, "accepted", 0) + host->integer(answer, "duplicates", 0);
    if (outcome->class_ == KEJUE_CALLER) {
        snprintf(reason, sizeof reason, "leads_refused: %.160s",
                 outcome->text ? outcome->text : (outcome->code ? outcome->code : ""));
        finish_with(h, TRIGGER_REFUSED, "refused", reason);
    } else if (outcome->class_ != KEJUE_OK) {
        end_wait(h, outcome, "the leads were not taken");
    } else if (there == 0) {
        snprintf(reason, sizeof reason, "no_lead_accepted: %.150s",
                 host->text(answer, "refused.0.text", host->text(answer, "refused.0.reason", "")));
        finish_with(h, TRIGGER_REFUSED, "refused", reason);
    } else {
        start_campaign(h);
    }
}

static void put_rows(const struct kejue_host *host, struct kejue_builder *b,
                     const struct mail_rows *rows)
{
    int open = -1;
    host->begin_array(b, "rows");
    for (size_t i = 0; i < rows->count; i++) {
        const struct mail_field *field = &rows->fields[i];
        if (field->row != open) {
            if (open >= 0)
                host->end(b);
            host->begin_doc(b, NULL);
            host->put_integer(b, "line", field->line);
            open = field->row;
        }
        host->put_text(b, field->key, field->value);
    }
    if (open >= 0)
        host->end(b);
    host->end(b);
}

static void send_leads(struct trigger_handover *h)
{
    const struct kejue_host *host = h->trigger->host;
    struct kejue_builder *b = host->build(h->trigger->ctx);
    host->put_text(b, "source", "email");
    host->put_text(b, "list", h->name);
    host->put_from(b, "campaign", h->trigger->config, "campaign");
    host->put_from(b, "country", h->trigger->config, "country");
    if (h->mail->mail.csv)
        host->put_text(b, "csv", h->mail->mail.csv);
    else
        put_rows(host, b, &h->mail->rows);
    host->ask(h->trigger->ctx, h->op, "host.leads", host->built(b), on_leads, h);
    host->drop(b);
}

// --- state ---

static void on_begun(void *arg, const struct kejue_outcome *outcome, struct kejue_doc answer)
{
    struct trigger_handover *h = arg;
    if (outcome->class_ != KEJUE_OK) { // another host was faster, or the store is away
        end_wait(h, outcome, "the mail's state could not be stored");
        return;
    }
    h->revision = h->trigger->host->integer(answer, "revision", 0);
    send_leads(h);
}

static void begin(struct trigger_handover *h)
{
    const char *reason = NULL;
    if (h->mail->mail.refusal[0])
        reason = h->mail->mail.refusal;
    else if (h->mail->rows.overflow)
        reason = "too_many_leads";
    else if (!h->mail->mail.csv && h->mail->rows.rows == 0)
        reason = "no_leads";
    if (reason)
        finish_with(h, TRIGGER_REFUSED, "refused", reason);
    else
        put_stage(h, "begun", on_begun);
}

static void on_state(void *arg, const struct kejue_outcome *outcome, struct kejue_doc answer)
{
    struct trigger_handover *h = arg;
    const struct kejue_host *host = h->trigger->host;
    if (outcome->class_ != KEJUE_OK) {
        end_wait(h, outcome, "the mail's state could not be read");
        return;
    }
    const char *stage = host->text(answer, "value.stage", "");
    h->revision = host->integer(answer, "revision", 0);
    if (strcmp(stage, "started") == 0)
        end(h, TRIGGER_BEFORE, NULL);
    else if (strcmp(stage, "refused") == 0)
        end(h, TRIGGER_SILENT, NULL);
    else if (strcmp(stage, "begun") == 0)
        send_leads(h); // a crash came between: do it again
    else
        begin(h);
}

struct trigger_handover *trigger_handover_start(struct trigger *trigger, uint64_t op,
                                                const struct trigger_mail *mail,
                                                trigger_ended *ended, void *arg)
{
    const struct kejue_host *host = trigger->host;
    struct trigger_handover *h = calloc(1, sizeof *h);
    if (!h)
        abort();
    h->trigger = trigger;
    h->op = op;
    h->mail = mail;
    h->ended = ended;
    h->arg = arg;
    if (mail->mail.hash) {
        snprintf(h->key, sizeof h->key, "mail/%.32s", mail->mail.hash);
        snprintf(h->name, sizeof h->name, "email:%.32s", mail->mail.hash);
    } else { // refused before its Message-ID was found: known by its file
        snprintf(h->key, sizeof h->key, "file/%016llx",
                 (unsigned long long)maildir_hash(mail->entry.name));
    }
    struct kejue_builder *b = host->build(trigger->ctx);
    host->put_text(b, "key", h->key);
    host->ask(trigger->ctx, op, "host.state.get", host->built(b), on_state, h);
    host->drop(b);
    return h;
}
