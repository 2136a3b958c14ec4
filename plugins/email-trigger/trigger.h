// The inside of the e-mail trigger: the instance and one poll.
#ifndef TRIGGER_H
#define TRIGGER_H

#include "kejue_plugin.h"
#include "mail.h"
#include "maildir.h"

enum {
    TRIGGER_SENDERS = 200,
    TRIGGER_PER_POLL = 50, // mails read in one poll
    TRIGGER_KNOWN = 8192,  // mails remembered as not for us
};

struct trigger_poll;

struct trigger {
    const struct kejue_host *host;
    struct kejue_ctx *ctx;
    char *maildir;
    char *subject;     // NULL = any
    char *authserv_id; // NULL = nobody vouches
    char *senders[TRIGGER_SENDERS + 1];
    size_t sender_count;
    struct kejue_doc config; // our copy
    uint8_t *config_bytes;
    struct trigger_poll *poll; // the running one
    // Hashes of mail names: not for us, or reported. Memory only: a restart looks once more.
    uint64_t known[TRIGGER_KNOWN];
    size_t known_count;
};

int trigger_knows(void *trigger, uint64_t hash);
void trigger_remember(struct trigger *trigger, uint64_t hash);

// --- poll.c ---
void trigger_poll_start(struct trigger *trigger, uint64_t op);
void trigger_poll_cancel(struct trigger *trigger, uint64_t op);
void trigger_poll_close(struct trigger *trigger);

// --- handover.c: one mail's leads, exactly once ---
struct trigger_mail {
    struct maildir_entry entry;
    struct mail mail;
    struct mail_rows rows;
    int unreadable; // gone meanwhile
    int matched;
};
// What became of the mail.
enum trigger_end {
    TRIGGER_STARTED,  // leads and campaign are durable now
    TRIGGER_BEFORE,   // an earlier poll had done it all
    TRIGGER_SILENT,   // refused before, and told then
    TRIGGER_REFUSED,  // will never work; told now, remembered in host.state
    TRIGGER_WAIT,     // not now; the next poll tries again
    TRIGGER_CANCELED, // the poll was canceled
};
typedef void trigger_ended(void *arg, enum trigger_end end, const char *reason);
struct trigger_handover;
struct trigger_handover *trigger_handover_start(struct trigger *trigger, uint64_t op,
                                                const struct trigger_mail *mail,
                                                trigger_ended *ended, void *arg);
void trigger_handover_free(struct trigger_handover *handover); // at close, instead of its end

#endif
