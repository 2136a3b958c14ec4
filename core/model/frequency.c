// Caps count attempts on the number's document: since local midnight, and in the last 30 days.
#include "model/frequency.h"

#include <string.h>

enum { k_kept = 64 };

static const int64_t k_month_ms = 30 * 86400000LL;

// The instants of the number's attempts, at most the newest 64, in the order of the document.
static size_t list_attempts(const bson_t *number, int64_t at[k_kept])
{
    bson_t list;
    bson_iter_t item;
    size_t count = 0;
    if (number == NULL || !kj_doc_child(number, "attempts", &list))
        return 0;
    for (bool more = bson_iter_init(&item, &list); more && bson_iter_next(&item);) {
        bson_t view;
        if (!kj_doc_at(&item, &view))
            continue;
        if (count == k_kept)
            memmove(at, at + 1, --count * sizeof *at);
        at[count++] = kj_doc_time(&view, "at", 0);
    }
    return count;
}

static int64_t midnight(const struct kj_gate_input *input, int64_t at, int days)
{
    struct kj_civil civil;
    if (input->zone_count == 0)
        return (at / 86400000 + days) * 86400000;
    kj_zone_local(input->zones[0], at, &civil);
    civil = (struct kj_civil){.year = civil.year, .month = civil.month, .day = civil.day + days};
    return kj_zone_instant(input->zones[0], &civil, NULL);
}

static int count_since(const int64_t *attempts, size_t count, int64_t since)
{
    int found = 0;
    for (size_t i = 0; i < count; i++)
        found += attempts[i] >= since;
    return found;
}

void kj_frequency_count(const struct kj_gate_input *input, int64_t at,
                        struct kj_frequency *frequency)
{
    int64_t attempts[k_kept];
    size_t count = list_attempts(input->number, attempts);
    frequency->today = count_since(attempts, count, midnight(input, at, 0));
    frequency->in_30_days = count_since(attempts, count, at - k_month_ms + 1);
    bool day_full = input->cap_per_day > 0 && frequency->today >= input->cap_per_day;
    bool wished = input->requested_callback && at >= input->not_before &&
                  count_since(attempts, count, input->not_before) == 0;
    frequency->lifted = day_full && wished;
    frequency->open = (!day_full || wished) && (input->cap_per_30_days <= 0 ||
                                                frequency->in_30_days < input->cap_per_30_days);
}

// The next instant after `at` at which a cap may open: midnight, the callback's instant, or when
// the oldest attempt of the month falls out.
static int64_t next_border(const struct kj_gate_input *input, int64_t at)
{
    int64_t attempts[k_kept], border = midnight(input, at, 1);
    size_t count = list_attempts(input->number, attempts);
    if (input->requested_callback && input->not_before > at && input->not_before < border)
        border = input->not_before;
    for (size_t i = 0; i < count; i++) {
        int64_t out = attempts[i] + k_month_ms;
        if (attempts[i] <= at && out > at && out < border)
            border = out;
    }
    return border;
}

int64_t kj_frequency_next(const struct kj_gate_input *input, int64_t at)
{
    int64_t limit = at + 62 * 86400000LL; // a month for the caps, and weekends behind it
    struct kj_frequency frequency;
    while (at < limit) {
        if (input->zone_count > 0 && input->windows) {
            at = kj_windows_next(input->windows, input->zones, input->zone_count, at, NULL);
            if (at == INT64_MAX)
                return INT64_MAX;
        }
        kj_frequency_count(input, at, &frequency);
        if (frequency.open)
            return at;
        at = next_border(input, at);
    }
    return INT64_MAX;
}
