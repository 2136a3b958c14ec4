// What comes after a call: the rules that no script can bend.
#include "engine/next.h"

#include "base/log.h"
#include "engine/judge.h"

#include <stdio.h>
#include <string.h>

enum {
    k_callback_life_ms = 600000,
    k_vain_dials = 20, // attempts that never rang consume none of the policy's; these bound them
};

static bool opted_out(const struct kj_path *path, const bson_t *plan)
{
    return kj_doc_bool(path->facts, "opt_out.asked", false) || kj_doc_has(plan, "opt_out");
}

static int64_t first_open(struct kj_path *path, int64_t at)
{
    struct kj_windows windows;
    const struct kj_zone *zones[KJ_MAX_ZONES];
    bson_t view;
    size_t count = kj_judged_zones(path->lead, kj_doc_text(kj_path_job(path), "to", ""), zones);
    if (kj_windows_parse(kj_path_setting(path, "schedule", &view),
                         kj_doc_text(path->lead, "country", NULL), &windows, NULL) != KJ_OK)
        return INT64_MAX;
    return kj_windows_next(&windows, zones, count, at, NULL);
}

// The callee asked for it: independent of auto-retry (K-55), at its first open instant.
static bool put_callback(struct kj_path *path, const bson_t *plan, bson_t *changes)
{
    bool planned = kj_streq(kj_doc_text(plan, "next.kind", ""), "callback");
    bool wished = kj_streq(kj_doc_text(path->facts, "callback.state", ""), "ok");
    bool declined = kj_streq(kj_doc_text(plan, "next.kind", ""), "none");
    if (!planned && (!wished || declined))
        return false;
    int64_t wish =
        planned ? kj_doc_time(plan, "next.at", 0) : kj_doc_time(path->facts, "callback.at", 0);
    if (wish < kj_path_now(path))
        return false;
    int64_t at = first_open(path, wish);
    if (at == INT64_MAX)
        return false;
    bson_t next = BSON_INITIALIZER;
    kj_doc_put_text(&next, "kind", "callback");
    kj_doc_put_time(&next, "at", at);
    if (at != wish)
        kj_doc_put_time(&next, "moved_from", wish);
    kj_doc_put_time(&next, "expires_at", at + k_callback_life_ms);
    kj_doc_put_text(&next, "reason",
                    at == wish ? "the callee asked for it"
                               : "the callee asked for it; moved to the first open instant");
    kj_doc_put_doc(changes, "next", &next);
    bson_destroy(&next);
    return true;
}

static void read_policy(struct kj_path *path, const bson_t *plan, struct kj_retry_policy *policy)
{
    bson_t view, gaps;
    bson_iter_t at;
    if (kj_retry_parse(kj_path_setting(path, "retry", &view), policy, NULL) != KJ_OK)
        policy->gap_count = 0;
    if (!kj_doc_child(plan, "next.gaps_minutes", &gaps) || !bson_iter_init(&at, &gaps))
        return;
    policy->gap_count = 0;
    while (bson_iter_next(&at) && policy->gap_count < KJ_MAX_GAPS)
        policy->gaps_minutes[policy->gap_count++] = (int)bson_iter_as_int64(&at);
}

// Does this attempt earn another one? By its disposition, as the campaign says; by meaning (F-32):
// the rules say so, or the campaign wants missed goals tried again and the level is none of the
// pack's good ones. NULL: no; else the reason.
static const char *earned(struct kj_path *path, const bson_t *plan,
                          const struct kj_retry_policy *policy)
{
    const char *name = kj_doc_text(path->call, "disposition", "");
    enum kj_disposition disposition = kj_disposition_from_name(name);
    if (kj_disposition_final(disposition))
        return NULL;
    if (policy->dispositions >> disposition & 1)
        return kj_disposition_name(disposition);
    if (kj_streq(kj_doc_text(plan, "next.kind", ""), "retry"))
        return kj_doc_text(plan, "next.reason", "the rules ask for it");
    const char *level = kj_doc_text(plan, "success", NULL);
    bool talked = kj_doc_bool(path->facts, "call.reached", false);
    if (!policy->goal_incomplete || !talked || level == NULL)
        return NULL;
    const bson_t *pack =
        kj_script_about(path->engine->script, kj_doc_text(path->group, "pack", ""));
    bool missed = pack && !kj_doc_lists(pack, "scale.success", level);
    return missed ? "goal_incomplete" : NULL;
}

// Why there is no other attempt, for whoever asks.
static void put_no_retry(bson_t *changes, const struct kj_retry_policy *policy, int made,
                         bool is_earned)
{
    char text[96];
    if (!is_earned)
        snprintf(text, sizeof text, "its disposition earns no retry by the campaign's policy");
    else if (made >= policy->max_attempts)
        snprintf(text, sizeof text, "%d of %d attempts are made", made, policy->max_attempts);
    else
        snprintf(text, sizeof text, "the policy names no gap after attempt %d", made);
    kj_doc_put_text(changes, "no_retry", text);
}

static void put_retry(struct kj_path *path, const bson_t *plan, bson_t *changes)
{
    struct kj_retry_policy policy;
    if (kj_streq(kj_doc_text(plan, "next.kind", ""), "none"))
        return;
    read_policy(path, plan, &policy);
    int made = (int)kj_doc_int(kj_path_job(path), "attempts_made", 0);
    if (kj_doc_int(kj_path_job(path), "dials", 0) - made >= k_vain_dials) {
        kj_doc_put_text(changes, "no_retry", "too many dials that never rang");
        return;
    }
    const char *reason = earned(path, plan, &policy);
    int64_t gap = reason ? kj_retry_after(&policy, made) : -1;
    if (gap < 0) {
        put_no_retry(changes, &policy, made, reason != NULL);
        return;
    }
    bson_t next = BSON_INITIALIZER;
    kj_doc_put_text(&next, "kind", "retry");
    kj_doc_put_time(&next, "at", kj_path_now(path) + gap);
    kj_doc_put_text(&next, "reason", reason);
    kj_doc_put_doc(changes, "next", &next);
    bson_destroy(&next);
}

static void put_opt_out(const struct kj_path *path, const bson_t *plan, bson_t *changes)
{
    bson_t view, refusal = BSON_INITIALIZER;
    if (kj_doc_child(path->facts, "opt_out", &view) && kj_doc_bool(&view, "asked", false)) {
        kj_doc_put_text(&refusal, "scope", "all");
        kj_doc_put_text(&refusal, "reason", "the callee said so");
        kj_doc_put_from(&refusal, "quote", &view, "quote");
        kj_doc_put_from(&refusal, "turn", &view, "turn");
        kj_doc_put_doc(changes, "opt_out", &refusal);
    } else
        kj_doc_put_from(changes, "opt_out", plan, "opt_out");
    bson_destroy(&refusal);
}

bson_t *kj_next_rule(struct kj_path *path, const bson_t *plan)
{
    bson_t remove = BSON_INITIALIZER, changes = BSON_INITIALIZER;
    bool refused = opted_out(path, plan);
    bool recorded = path->recorded;
    kj_doc_put_null(&remove, "next");
    kj_doc_put_null(&remove, "opt_out");
    if (refused || !kj_doc_bool(path->group, "whatsapp_enabled", true))
        kj_doc_put_null(&remove, "template");
    bson_t *bare = kj_doc_with(plan, &remove);
    if (refused)
        put_opt_out(path, plan, &changes);
    else if (!recorded && !put_callback(path, plan, &changes))
        put_retry(path, plan, &changes);
    bson_t *ruled = kj_doc_with(bare, &changes);
    bson_destroy(bare);
    bson_destroy(&remove);
    bson_destroy(&changes);
    return ruled;
}
