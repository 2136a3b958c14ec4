// A new version of a pack beside the one that decides, for one assistant group: as a shadow (it
// judges every call, and only the difference is noted) or as a canary (it decides for a share of
// the leads). All of it stands in the group's document:
//
//   pinned     hash that decides instead of what is loaded (after a promotion), or absent
//   previous   what `pinned` was before; "" = what is loaded
//   rollout    {mode "shadow"|"canary", hash, share, started_at, id, levels[], success[],
//              max_errors, max_fall, min_calls}, absent when none is on
//   last_rollout  how the one before ended: {…, ended_at, outcome, reason, counts{}}
//
// What is counted stands in `counters` under kj_rollout_key, added up commutatively, whatever host
// decides a call.
#ifndef KJ_ROLLOUT_H
#define KJ_ROLLOUT_H

#include "engine/engine.h"

enum kj_rollout_move {
    KJ_ROLLOUT_START,
    KJ_ROLLOUT_PROMOTE, // the version on trial, or `hash`, decides from now on
    KJ_ROLLOUT_ROLLBACK // ends the trial; without one, back to the version before
};

struct kj_rollout_change {
    enum kj_rollout_move move;
    const char *workspace;
    int64_t group_id;
    const bson_t *rollout; // start: what goes into the group
    const char *hash;      // promote: NULL = the one on trial; "" = what is loaded
    int64_t only_id;       // rollback: only this trial; 0 = whatever is on
    const char *reason;    // rollback: told to people
    // Result: the group as it is now. KJ_ESTATE: nothing is on trial, there is nothing to go back
    // to.
    kj_engine_done *done;
    void *arg;
};

// Every end of a trial and every promotion is told by an event: rules.rollout.
void kj_rollout_change(struct kj_engine *engine, const struct kj_rollout_change *change);
void kj_rollout_key(int64_t group_id, int64_t id, char *key, size_t size);
// Which bound these counts have crossed, in words; false: none.
bool kj_rollout_crossed(const bson_t *rollout, const bson_t *counts, char *reason, size_t size);

// The version that decides in a group: its hash, or the name of the pack that is loaded; NULL:
// none.
const char *kj_rollout_live(const bson_t *group);

// --- on the path of a call ---
struct kj_path;
// Fetches the versions that the group names and this host does not have yet, then enters the stage.
void kj_rollout_prepare(struct kj_path *path, const char *stage);
// The pack, or version, that decides this call.
const char *kj_rollout_rules(const struct kj_path *path);
// The version that judges it beside, or NULL.
const char *kj_rollout_shadow(const struct kj_path *path);
// What a model is asked: all of the deciding pack, and what the shadow would ask besides. As
// kj_script_describe; the caller destroys it.
bson_t *kj_rollout_question(const struct kj_path *path);
// After the decision was stored for the first time.
void kj_rollout_count(struct kj_path *path, const bson_t *decision);

#endif
