// The inside of the WhatsApp plugin: one instance per configuration section, shared by its files.
//
// A send walks: one look into host.state (window or template pause) -> pair bucket -> number
// bucket -> HTTP -> verdict by the vendor's code. Every wait is a timer of the host.
#ifndef WA_H
#define WA_H

#include "kejue_plugin.h"

enum {
    WA_NUMBERS = 32,
    WA_PAIRS = 8192, // slots of the pair table: 16 times what 80/s touch within 6 s
    WA_PROBES = 8,
    WA_USER = 160,      // longest user key: digits of a number, or a business-scoped user id
    WA_STATE_KEY = 224, // host.state takes no longer ones
    WA_ITEMS = 1000,    // messages and statuses in one webhook
};

#define WA_WINDOW_MS INT64_C(86400000)
#define WA_PAUSE_MS INT64_C(10800000) // the vendor's first pause of a template

// --- errors.c: what the vendor's codes mean ---
enum wa_effect {
    WA_JUST_TELL,
    WA_HOLD_NUMBER,   // nothing goes out of this number until retry_after
    WA_HOLD_PAIR,     // nothing goes to this user until retry_after
    WA_PAUSE_TEMPLATE // sends of this template and language are refused until retry_after
};

struct wa_error {
    int first, last; // codes, inclusive
    enum kejue_class class_;
    int64_t retry_after_ms;
    enum wa_effect effect;
    const char *text;
};

const struct wa_error *wa_error_find(int64_t code); // NULL: judge by HTTP status

// --- pace.c: token buckets ---
struct wa_number {
    char id[32]; // phone_number_id
    int64_t interval_us;
    int64_t next_us; // virtual time of the bucket: when the next token is free
    int64_t held_until;
};

struct wa_pair {
    uint64_t hash; // 0 = free
    int64_t next;  // wall ms
};

struct wa_pace {
    struct wa_number numbers[WA_NUMBERS];
    int number_count;
    int64_t pair_interval_ms;
    struct wa_pair pairs[WA_PAIRS];
};

// Each answers how long to wait for the next place, in milliseconds, and takes that place unless
// the wait is beyond `limit`.
int64_t wa_pace_pair(struct wa_pace *pace, const char *number, const char *user, int64_t now,
                     int64_t limit);
int64_t wa_pace_number(struct wa_number *number, int64_t now, int64_t limit);
void wa_pace_hold_pair(struct wa_pace *pace, const char *number, const char *user, int64_t until);
struct wa_number *wa_pace_find(struct wa_pace *pace, const char *id); // NULL id = the first

// --- message.c: the vendor's request bodies ---
// A user as a key: digits without "+", or the business-scoped id. Numbers that WhatsApp knows in
// two spellings (Mexico, Argentina, Brazil) get one.
void wa_user_key(char key[WA_USER], const char *number, const char *user_id);
// Template parameters may hold no line break, tab or more than four spaces in a row. Caller frees.
char *wa_sanitise(const char *text);
struct wa_instance;
void wa_put_message(const struct wa_instance *wa, struct kejue_builder *b, const char *key,
                    struct kejue_doc request, int template_, const char *job);

// --- whatsapp.c ---
struct wa_send;
struct wa_hook;
struct wa_instance {
    const struct kejue_host *host;
    struct kejue_ctx *ctx;
    char base[512]; // "https://graph.facebook.com/v23.0"
    int queue_limit;
    int waiting; // sends that wait for a bucket
    struct wa_pace pace;
    struct wa_send *sends;
    struct wa_hook *hooks;
};

void wa_finish(const struct wa_instance *wa, uint64_t op, enum kejue_class class_,
               int64_t retry_after_ms, const char *code, const char *text);
void wa_state_get(const struct wa_instance *wa, uint64_t op, const char *key, kejue_answer *answer,
                  void *arg);
// value {NAME: at}; revision -1 = whatever is there
void wa_state_put(const struct wa_instance *wa, uint64_t op, const char *key, const char *name,
                  int64_t at, int64_t revision, kejue_answer *answer, void *arg);
void wa_template_key(char *key, size_t size, const char *name, const char *language);
void wa_window_key(char *key, size_t size, const char *number, const char *user);

// --- send.c ---
void wa_send_start(struct wa_instance *wa, uint64_t op, const struct kejue_op_info *info,
                   struct kejue_doc request, int template_);
void wa_send_cancel(struct wa_instance *wa, uint64_t op);
void wa_sends_close(struct wa_instance *wa);

// --- webhook.c, inbound.c ---
void wa_hook_start(struct wa_instance *wa, uint64_t op, struct kejue_doc request);
void wa_hooks_close(struct wa_instance *wa);

// One thing a webhook told; the documents live in the hook's builder.
enum wa_item_kind { WA_MESSAGE, WA_STATUS, WA_TEMPLATE };
struct wa_item {
    struct wa_hook *hook;
    enum wa_item_kind kind;
    struct kejue_doc value, item;
    char state_key[WA_STATE_KEY];
    int64_t at;
    int tries;
};
// Fill an event document. 0, or -1 when there is nothing to tell (unknown status, no id).
int wa_event_message(const struct wa_instance *wa, struct kejue_builder *b,
                     const struct wa_item *item);
int wa_event_status(const struct wa_instance *wa, struct kejue_builder *b,
                    const struct wa_item *item);
int wa_event_template(const struct wa_instance *wa, struct kejue_builder *b,
                      const struct wa_item *item);
// Who wrote a message: the number (digits) or NULL, and the business-scoped id or NULL.
const char *wa_sender(const struct wa_instance *wa, const struct wa_item *item,
                      const char **user_id);
int64_t wa_timestamp(const struct wa_instance *wa, struct kejue_doc item);

#endif
