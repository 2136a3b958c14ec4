// A mail as the trigger sees it: who, which, and the leads in it. Pure functions, no host.
//
// mime.c is the only file that knows gmime. What comes in is hostile: sizes, parts and depth are
// bounded before and while it is read.
#ifndef MAIL_H
#define MAIL_H

#include <stddef.h>

enum {
    MAIL_MAX_BYTES = 5 * 1024 * 1024,
    MAIL_MAX_HEADER = 256 * 1024,
    MAIL_MAX_PARTS = 100,
    MAIL_MAX_DEPTH = 20,
    MAIL_MAX_ROWS = 10000,
    MAIL_MAX_FIELDS = 32, // of a row
};

struct mail {
    char *message_id; // without brackets
    char *hash;       // 32 hex digits of the Message-ID's SHA-256: the mail's name everywhere
    char *from;       // one address, lower case
    char *subject;    // UTF-8, "" when absent
    char *csv;        // UTF-8, or NULL
    char *body;       // UTF-8 with \n, or NULL
    int auto_reply;   // written by a machine: never answered with calls
    int vouched;      // the named server says that the sender's domain is genuine (DMARC)
    char refusal[32]; // "" or the reason why the mail cannot be used
};

void mail_init(void); // once for each instance, on the loop
// 0, or -1 with a refusal; what was found until then is set either way. Free it always.
// authserv_id NULL = nobody vouches.
int mail_parse(const char *bytes, size_t length, const char *authserv_id, struct mail *mail);
void mail_fini(struct mail *mail);

// Cuts a text that snprintf may have cut within a character.
void mail_clip(char *text);

// `senders` are addresses or "@domain", NULL-terminated; no sender fits an empty list.
int mail_from_listed(const char *from, char *const *senders);
// Case-insensitive; an empty or absent needle fits all.
int mail_subject_has(const char *subject, const char *needle);

// Leads written into a mail's text: blocks of "Name: …" lines, or a bare list of numbers.
struct mail_field {
    int row, line; // row from 0, line from 1
    char *key, *value;
};
struct mail_rows {
    struct mail_field *fields;
    size_t count, capacity;
    int rows;
    int overflow; // more than MAIL_MAX_ROWS
};
void mail_rows_parse(const char *body, struct mail_rows *rows);
void mail_rows_fini(struct mail_rows *rows);

#endif
