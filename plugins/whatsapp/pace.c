// Token buckets: one per business number (80 a second), one per number and user (1 in 6 seconds).
//
// A bucket is the instant at which its next token is free; taking one moves the instant on. So
// places are given in order of asking and nothing needs a queue beside the host's timers. The pair
// table has a fixed size: an entry whose instant has passed is free for another pair.
#include "wa.h"

#include <string.h>

static uint64_t hash_of(const char *number, const char *user)
{
    uint64_t h = UINT64_C(14695981039346656037);
    for (const char *p = number; *p; p++)
        h = (h ^ (unsigned char)*p) * UINT64_C(1099511628211);
    h = (h ^ '/') * UINT64_C(1099511628211);
    for (const char *p = user; *p; p++)
        h = (h ^ (unsigned char)*p) * UINT64_C(1099511628211);
    return h ? h : 1;
}

// The pair's slot. Where all probes are busy the pair takes over the slot that frees first and
// waits for it; the table is so much larger than what can be busy that the displaced pair is
// theory.
static struct wa_pair *slot_of(struct wa_pace *pace, const char *number, const char *user,
                               int64_t now)
{
    uint64_t hash = hash_of(number, user);
    struct wa_pair *best = NULL;
    for (int i = 0; i < WA_PROBES; i++) {
        struct wa_pair *pair = &pace->pairs[(hash + (uint64_t)i) % WA_PAIRS];
        if (pair->hash == hash)
            return pair;
        if (!best || pair->next < best->next)
            best = pair;
    }
    if (best->next <= now)
        best->next = 0;
    best->hash = hash;
    return best;
}

int64_t wa_pace_pair(struct wa_pace *pace, const char *number, const char *user, int64_t now,
                     int64_t limit)
{
    struct wa_pair *pair = slot_of(pace, number, user, now);
    int64_t at = pair->next > now ? pair->next : now;
    if (at - now <= limit)
        pair->next = at + pace->pair_interval_ms;
    return at - now;
}

void wa_pace_hold_pair(struct wa_pace *pace, const char *number, const char *user, int64_t until)
{
    struct wa_pair *pair = slot_of(pace, number, user, until);
    if (pair->next < until)
        pair->next = until;
}

// No burst: the vendor counts per second, so a saved-up second would double the first one.
int64_t wa_pace_number(struct wa_number *number, int64_t now, int64_t limit)
{
    int64_t now_us = now * 1000;
    int64_t at_us = number->next_us > now_us ? number->next_us : now_us;
    if (at_us < number->held_until * 1000)
        at_us = number->held_until * 1000;
    int64_t wait = (at_us - now_us + 999) / 1000;
    if (wait <= limit)
        number->next_us = at_us + number->interval_us;
    return wait;
}

struct wa_number *wa_pace_find(struct wa_pace *pace, const char *id)
{
    if (!id)
        return &pace->numbers[0];
    for (int i = 0; i < pace->number_count; i++)
        if (strcmp(pace->numbers[i].id, id) == 0)
            return &pace->numbers[i];
    return NULL;
}
