// A Maildir folder: what is new in it, reading one mail, marking one as done. Blocking calls, for
// the host's threads.
#ifndef MAILDIR_H
#define MAILDIR_H

#include <stddef.h>
#include <stdint.h>

enum { MAILDIR_NAME = 256 };

struct maildir_entry {
    char folder[4]; // "new" or "cur"
    char name[MAILDIR_NAME];
};

// The part of a name that stays when the flags change.
uint64_t maildir_hash(const char *name);
// Mails in new/, and in cur/ without the flag S, oldest first by name, without those that `skip`
// knows. At most `limit`; the count, or -1 with a sentence.
int maildir_list(const char *path, size_t limit, int (*skip)(void *arg, uint64_t hash), void *arg,
                 struct maildir_entry *entries, char *error, size_t error_size);
// The mail's bytes, NUL-terminated; the caller frees. NULL: gone or unreadable (*too_large = 0), or
// over `limit` (*too_large = 1).
char *maildir_read(const char *path, const struct maildir_entry *entry, size_t limit,
                   size_t *length, int *too_large);
// To cur/ with the flag S. 0 or -1.
int maildir_done(const char *path, const struct maildir_entry *entry);

#endif
