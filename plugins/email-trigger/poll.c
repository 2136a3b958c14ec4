// One poll: list the folder, then mail by mail: read and parse on a thread, hand over, move.
//
// One mail at a time keeps memory at one mail's size. Mails that are not for us are remembered by
// name, so that a busy folder is not read again at every poll.
#include "trigger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct refusal {
    char message_id[256];
    char reason[200];
};

struct trigger_poll {
    struct trigger *trigger;
    uint64_t op;
    int canceled;
    struct maildir_entry entries[TRIGGER_PER_POLL];
    int count, at; // count -1: the folder could not be listed
    char error[1024];
    struct trigger_mail mail; // the present one
    struct trigger_handover *handover;
    int moved; // of the last move
    int read, matched, started;
    struct refusal refused[TRIGGER_PER_POLL];
    int refused_count;
};

static void next_mail(struct trigger_poll *poll);

static void mail_free(struct trigger_poll *poll)
{
    mail_fini(&poll->mail.mail);
    mail_rows_fini(&poll->mail.rows);
    memset(&poll->mail, 0, sizeof poll->mail);
}

static void poll_free(struct trigger_poll *poll)
{
    poll->trigger->poll = NULL;
    if (poll->handover)
        trigger_handover_free(poll->handover);
    mail_free(poll);
    free(poll);
}

static void poll_fail(struct trigger_poll *poll, enum kejue_class class_, const char *code,
                      const char *text)
{
    struct kejue_outcome outcome = {class_, 0, code, text};
    struct kejue_doc none = {0};
    poll->trigger->host->finish(poll->trigger->ctx, poll->op, &outcome, none);
    poll_free(poll);
}

static void poll_finish(struct trigger_poll *poll)
{
    const struct kejue_host *host = poll->trigger->host;
    struct kejue_outcome outcome = {KEJUE_OK, 0, NULL, NULL};
    struct kejue_builder *b = host->build(poll->trigger->ctx);
    host->put_integer(b, "read", poll->read);
    host->put_integer(b, "matched", poll->matched);
    host->put_integer(b, "started", poll->started);
    host->begin_array(b, "refused");
    for (int i = 0; i < poll->refused_count; i++) {
        host->begin_doc(b, NULL);
        host->put_text(b, "message_id", poll->refused[i].message_id);
        host->put_text(b, "reason", poll->refused[i].reason);
        host->end(b);
    }
    host->end(b);
    host->health(poll->trigger->ctx, 1, NULL);
    host->finish(poll->trigger->ctx, poll->op, &outcome, host->built(b));
    host->drop(b);
    poll_free(poll);
}

// --- what became of a mail ---

static void report(struct trigger_poll *poll, const char *reason)
{
    struct refusal *refusal = &poll->refused[poll->refused_count];
    const char *id = poll->mail.mail.message_id;
    char text[600];
    if (poll->refused_count == TRIGGER_PER_POLL)
        return;
    poll->refused_count++;
    snprintf(refusal->message_id, sizeof refusal->message_id, "%.250s",
             id ? id : poll->mail.entry.name);
    mail_clip(refusal->message_id);
    snprintf(refusal->reason, sizeof refusal->reason, "%s", reason);
    snprintf(text, sizeof text, "mail %s was not used: %s", refusal->message_id, reason);
    poll->trigger->host->log(poll->trigger->ctx, KEJUE_WARN, text);
}

// The same trouble with the same mail is told once, until it changes.
static void report_wait(struct trigger_poll *poll, const char *reason)
{
    char told[512];
    snprintf(told, sizeof told, "%.250s!%.200s", poll->mail.entry.name, reason);
    for (char *p = told; *p; p++)
        if (*p == ':') // the name's flags must count here
            *p = ';';
    uint64_t hash = maildir_hash(told);
    if (trigger_knows(poll->trigger, hash))
        return;
    trigger_remember(poll->trigger, hash);
    report(poll, reason);
}

static void remember(struct trigger_poll *poll)
{
    trigger_remember(poll->trigger, maildir_hash(poll->mail.entry.name));
}

static void mail_over(struct trigger_poll *poll)
{
    mail_free(poll);
    poll->at++;
    next_mail(poll);
}

static void move_work(void *arg)
{
    struct trigger_poll *poll = arg;
    poll->moved = maildir_done(poll->trigger->maildir, &poll->mail.entry) == 0;
}

static void move_done(void *arg)
{
    struct trigger_poll *poll = arg;
    if (!poll->moved) {
        poll->trigger->host->log(poll->trigger->ctx, KEJUE_WARN,
                                 "a mail that is done could not be moved to cur/; it stays where "
                                 "it is and is not used again");
        remember(poll);
    }
    mail_over(poll);
}

static void move_mail(struct trigger_poll *poll)
{
    const struct kejue_host *host = poll->trigger->host;
    if (host->offload(poll->trigger->ctx, move_work, move_done, poll) != 0)
        mail_over(poll); // the next poll finds it done and moves it
}

static void on_handed_over(void *arg, enum trigger_end end, const char *reason)
{
    struct trigger_poll *poll = arg;
    poll->handover = NULL;
    switch (end) {
    case TRIGGER_STARTED:
        poll->started++;
        poll->trigger->host->metric(poll->trigger->ctx, "campaigns_started", 1);
        move_mail(poll);
        return;
    case TRIGGER_BEFORE:
        move_mail(poll);
        return;
    case TRIGGER_REFUSED:
        report(poll, reason);
        remember(poll);
        break;
    case TRIGGER_SILENT:
        remember(poll);
        break;
    case TRIGGER_WAIT:
        report_wait(poll, reason);
        break;
    case TRIGGER_CANCELED:
        poll->canceled = 1;
        break;
    }
    mail_over(poll);
}

// --- reading, on a thread ---

static int mail_fits(const struct trigger *trigger, const struct mail *mail)
{
    return mail->from && mail_from_listed(mail->from, trigger->senders) && !mail->auto_reply &&
           mail_subject_has(mail->subject ? mail->subject : "", trigger->subject) &&
           (!trigger->authserv_id || mail->vouched);
}

static void read_work(void *arg)
{
    struct trigger_poll *poll = arg;
    const struct trigger *trigger = poll->trigger;
    struct trigger_mail *mail = &poll->mail;
    size_t length = 0;
    int too_large = 0;
    char *bytes = maildir_read(trigger->maildir, &mail->entry, MAIL_MAX_BYTES, &length, &too_large);
    mail->unreadable = !bytes && !too_large;
    if (!bytes) {
        mail->matched = too_large; // whose it is cannot be seen: it is told
        if (too_large)
            snprintf(mail->mail.refusal, sizeof mail->mail.refusal, "too_large");
        return;
    }
    mail_parse(bytes, length, trigger->authserv_id, &mail->mail);
    free(bytes);
    mail->matched = mail_fits(trigger, &mail->mail);
    if (mail->matched && !mail->mail.refusal[0] && !mail->mail.csv && mail->mail.body)
        mail_rows_parse(mail->mail.body, &mail->rows);
}

static void read_done(void *arg)
{
    struct trigger_poll *poll = arg;
    if (poll->mail.unreadable) {
        mail_over(poll);
        return;
    }
    poll->read++;
    if (!poll->mail.matched) {
        remember(poll);
        mail_over(poll);
        return;
    }
    poll->matched++;
    poll->handover =
        trigger_handover_start(poll->trigger, poll->op, &poll->mail, on_handed_over, poll);
}

static void next_mail(struct trigger_poll *poll)
{
    const struct kejue_host *host = poll->trigger->host;
    if (poll->canceled) {
        poll_fail(poll, KEJUE_CANCELED, NULL, NULL);
        return;
    }
    if (poll->at >= poll->count) {
        poll_finish(poll);
        return;
    }
    poll->mail.entry = poll->entries[poll->at];
    poll->mail.unreadable = 1; // until a thread has read it
    if (host->offload(poll->trigger->ctx, read_work, read_done, poll) != 0)
        poll_finish(poll); // threads are busy; the rest waits for the next poll
}

// --- the folder ---

static void list_work(void *arg)
{
    struct trigger_poll *poll = arg;
    poll->count = maildir_list(poll->trigger->maildir, TRIGGER_PER_POLL, trigger_knows,
                               poll->trigger, poll->entries, poll->error, sizeof poll->error);
}

static void list_done(void *arg)
{
    struct trigger_poll *poll = arg;
    if (poll->count < 0) {
        poll->trigger->host->health(poll->trigger->ctx, 0, poll->error);
        poll_fail(poll, KEJUE_NOT_PROCESSED, "maildir", poll->error);
        return;
    }
    next_mail(poll);
}

void trigger_poll_start(struct trigger *trigger, uint64_t op)
{
    struct kejue_outcome busy = {KEJUE_NOT_PROCESSED, 1000, "busy", "a poll is running"};
    struct kejue_doc none = {0};
    if (trigger->poll) {
        trigger->host->finish(trigger->ctx, op, &busy, none);
        return;
    }
    struct trigger_poll *poll = calloc(1, sizeof *poll);
    if (!poll)
        abort();
    poll->trigger = trigger;
    poll->op = op;
    trigger->poll = poll;
    if (trigger->host->offload(trigger->ctx, list_work, list_done, poll) != 0)
        poll_fail(poll, KEJUE_NOT_PROCESSED, "busy", "no thread is free; the next poll looks");
}

// Takes effect after the present mail: a thread may be reading it.
void trigger_poll_cancel(struct trigger *trigger, uint64_t op)
{
    if (trigger->poll && trigger->poll->op == op)
        trigger->poll->canceled = 1;
}

void trigger_poll_close(struct trigger *trigger)
{
    if (trigger->poll)
        poll_free(trigger->poll);
}
