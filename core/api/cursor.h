// Where a reader stands in the events: for each host the number of its newest event that is known.
//
// Each host numbers its events by itself, without gaps, from a number of its own times 2^40, so the
// number alone tells whose stream it is of, and what lies behind a cursor is a few ranges of
// numbers. The keys of {host: number} are for people.
#ifndef KJ_CURSOR_H
#define KJ_CURSOR_H

#include "store/store.h"

enum { KJ_CURSOR_HOSTS = 100 };

struct kj_cursor {
    struct kj_cursor_place {
        char host[64];
        int64_t number;
    } places[KJ_CURSOR_HOSTS]; // rising; one for each stream
    size_t count;
    bool alone; // it was an integer: one host's events only
};

struct kj_cursor_range { // above < number <= upto
    int64_t above, upto;
};

// `args.cursor`: {host: number, …}, or an integer: of the stream that it belongs to, 0 = of the
// host that is asked. KJ_ELIMIT: more hosts than there is room for.
int kj_cursor_read(struct kj_cursor *cursor, const bson_t *args, const struct kj_store *store,
                   struct kj_fault *fault) KJ_MUST_USE;
// What lies behind it; `ranges` has room for KJ_CURSOR_HOSTS + 1.
size_t kj_cursor_ranges(const struct kj_cursor *cursor, const struct kj_store *store,
                        struct kj_cursor_range *ranges);
// An event is known now. False: of one host more than there is room for.
bool kj_cursor_pass(struct kj_cursor *cursor, const char *host, int64_t number);
void kj_cursor_put(const struct kj_cursor *cursor, bson_t *result); // as it came: "cursor"

#endif
