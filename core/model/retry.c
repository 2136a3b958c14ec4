// Retry policies: which end of a call earns another attempt, and when.
#include "model/retry.h"

#include "base/alloc.h"
#include "base/str.h"
#include "model/fold.h"

#include <stdio.h>
#include <string.h>

enum { k_max_gap_minutes = 43200, k_max_attempts = KJ_MAX_GAPS + 1 };

static const unsigned k_default_on = 1u << KJ_DISP_BUSY | 1u << KJ_DISP_NO_ANSWER |
                                     1u << KJ_DISP_VOICEMAIL | 1u << KJ_DISP_UNREACHABLE |
                                     1u << KJ_DISP_REJECTED | 1u << KJ_DISP_CARRIER_ERROR;

const char kj_retry_goal[] = "goal_incomplete";

static int parse_gaps(const bson_t *retry, struct kj_retry_policy *policy, struct kj_fault *fault)
{
    bson_t list;
    bson_iter_t at;
    if (!kj_doc_has(retry, "gaps_minutes"))
        return KJ_OK;
    policy->gap_count = 0;
    (void)kj_doc_child(retry, "gaps_minutes", &list);
    for (bool more = bson_iter_init(&at, &list); more && bson_iter_next(&at);) {
        int64_t gap = BSON_ITER_HOLDS_INT(&at) ? bson_iter_as_int64(&at) : 0;
        if (gap < 1 || gap > k_max_gap_minutes)
            return kj_fault(fault, KJ_EINVAL, "/gaps_minutes", "one day is 1440",
                            "a gap must be 1 to %d minutes", k_max_gap_minutes);
        if (policy->gap_count == KJ_MAX_GAPS)
            return kj_fault(fault, KJ_EINVAL, "/gaps_minutes", NULL, "there are more than %d gaps",
                            KJ_MAX_GAPS);
        policy->gaps_minutes[policy->gap_count++] = (int)gap;
    }
    policy->max_attempts = (int)policy->gap_count + 1;
    return KJ_OK;
}

static int unknown_word(const char *word, struct kj_fault *fault)
{
    const char *names[KJ_DISP_COUNT] = {kj_retry_goal};
    char hint[96] = "";
    for (int i = KJ_DISP_NONE + 1; i < KJ_DISP_COUNT; i++)
        names[i] = kj_disposition_name((enum kj_disposition)i);
    const char *nearest = kj_nearest(word, names, KJ_DISP_COUNT);
    if (nearest)
        snprintf(hint, sizeof hint, "did you mean \"%s\"?", nearest);
    return kj_fault(fault, KJ_EINVAL, "/on", hint, "\"%.*s\" is not a disposition",
                    kj_utf8_fit(word, 40), word);
}

static int add_word(const char *word, struct kj_retry_policy *policy, struct kj_fault *fault)
{
    if (strcmp(word, kj_retry_goal) == 0) {
        policy->goal_incomplete = true;
        return KJ_OK;
    }
    enum kj_disposition disposition = kj_disposition_from_name(word);
    if (disposition == KJ_DISP_NONE)
        return unknown_word(word, fault);
    if (disposition == KJ_DISP_COMPLETED)
        return kj_fault(fault, KJ_EINVAL, "/on", "use \"goal_incomplete\" for a missed goal",
                        "a completed call is not tried again");
    if (kj_disposition_final(disposition))
        return kj_fault(fault, KJ_EINVAL, "/on", "remove it",
                        "after \"%s\" a number is never called again", word);
    policy->dispositions |= 1u << disposition;
    return KJ_OK;
}

static int parse_on(const bson_t *retry, struct kj_retry_policy *policy, struct kj_fault *fault)
{
    bson_t list;
    bson_iter_t at;
    if (!kj_doc_has(retry, "on"))
        return KJ_OK;
    policy->dispositions = 0;
    (void)kj_doc_child(retry, "on", &list);
    for (bool more = bson_iter_init(&at, &list); more && bson_iter_next(&at);) {
        const char *word = BSON_ITER_HOLDS_UTF8(&at) ? bson_iter_utf8(&at, NULL) : "";
        int rc = add_word(word, policy, fault);
        if (rc != KJ_OK)
            return rc;
    }
    return KJ_OK;
}

int kj_retry_parse(const bson_t *retry, struct kj_retry_policy *policy, struct kj_fault *fault)
{
    *policy = (struct kj_retry_policy){.gaps_minutes = {180, 1440},
                                       .gap_count = 2,
                                       .max_attempts = 3,
                                       .dispositions = k_default_on};
    if (retry == NULL)
        return KJ_OK;
    int rc = parse_gaps(retry, policy, fault);
    if (rc == KJ_OK)
        rc = parse_on(retry, policy, fault);
    if (rc != KJ_OK || !kj_doc_has(retry, "max_attempts"))
        return rc;
    int64_t most = kj_doc_int(retry, "max_attempts", 0);
    if (most < 1 || most > k_max_attempts)
        return kj_fault(fault, KJ_EINVAL, "/max_attempts", "1 means no retry", "must be 1 to %d",
                        k_max_attempts);
    if (most < policy->max_attempts)
        policy->max_attempts = (int)most;
    return KJ_OK;
}

int64_t kj_retry_after(const struct kj_retry_policy *policy, int attempts)
{
    size_t index = attempts > 1 ? (size_t)attempts - 1 : 0;
    if (attempts >= policy->max_attempts || index >= policy->gap_count)
        return -1;
    return policy->gaps_minutes[index] * INT64_C(60000);
}

int64_t kj_retry_gap(const struct kj_retry_policy *policy, int attempts,
                     enum kj_disposition disposition)
{
    if (kj_disposition_final(disposition) || (unsigned)disposition >= KJ_DISP_COUNT ||
        !(policy->dispositions >> disposition & 1))
        return -1;
    return kj_retry_after(policy, attempts);
}

int64_t kj_backoff(struct kj_rng *rng, int64_t base_ms, int64_t cap_ms, int n)
{
    int64_t wait = base_ms > 1 ? base_ms : 1;
    if (cap_ms < wait)
        cap_ms = wait;
    for (int i = 1; i < n && wait < cap_ms; i++)
        wait = wait > cap_ms / 2 ? cap_ms : wait * 2;
    return kj_rng_range(rng, wait - wait / 2, wait);
}
