// How a trial begins and ends: always one conditional write of the group's document, with the event
// that tells of it. Two hosts that see a bound crossed end it once.
#include "engine/rollout.h"

#include "base/alloc.h"
#include "engine/modify.h"
#include "engine/path.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// --- the bounds ---

static int64_t percent(int64_t part, int64_t whole)
{
    return whole ? (100 * part + whole / 2) / whole : 0;
}

bool kj_rollout_crossed(const bson_t *rollout, const bson_t *counts, char *reason, size_t size)
{
    if (!kj_streq(kj_doc_text(rollout, "mode", ""), "canary"))
        return false; // a shadow harms nobody
    int64_t calls = kj_doc_int(counts, "calls", 0), errors = kj_doc_int(counts, "errors", 0);
    int64_t most = kj_doc_int(rollout, "max_errors", 0);
    if (errors > most) {
        snprintf(reason, size,
                 "it failed on %" PRId64 " of %" PRId64 " calls, more than %" PRId64 " may be",
                 errors, calls, most);
        return true;
    }
    int64_t reached = kj_doc_int(counts, "reached", 0), least = kj_doc_int(rollout, "min_calls", 0);
    int64_t live_reached = kj_doc_int(counts, "live_reached", 0);
    if (reached < least || live_reached < least || reached == 0 || live_reached == 0)
        return false;
    int64_t share = percent(kj_doc_int(counts, "won", 0), reached);
    int64_t live = percent(kj_doc_int(counts, "live_won", 0), live_reached);
    int64_t fall = kj_doc_int(rollout, "max_fall", 100);
    if (live - share <= fall)
        return false;
    snprintf(reason, size,
             "success fell to %" PRId64 " %% of %" PRId64 " calls, beside %" PRId64
             " %% of %" PRId64 " by the version before; it may fall by %" PRId64,
             share, reached, live, live_reached, fall);
    return true;
}

// --- the write ---

struct move {
    struct kj_engine *engine;
    enum kj_rollout_move move;
    int64_t group_id, only_id;
    char workspace[64], reason[200], hash[80];
    bool named; // promote: the hash was given
    bson_t *rollout, *counts;
    kj_engine_done *done;
    void *arg;
};

static void move_free(struct move *move)
{
    kj_doc_clear(&move->rollout);
    kj_doc_clear(&move->counts);
    free(move);
}

static void answer(struct move *move, int status, const bson_t *group)
{
    struct kj_fault fault;
    kj_fault(&fault, status, "/group", status == KJ_ESTATE ? "see rules.rollout" : "try again",
             status == KJ_ESTATE
                 ? move->move == KJ_ROLLOUT_PROMOTE
                       ? "no version is on trial in this group"
                       : "nothing is on trial in this group, and no version before is known"
                 : "the group could not be written");
    move->done(move->arg, status, status == KJ_OK ? group : NULL, status == KJ_OK ? NULL : &fault);
    move_free(move);
}

static bson_t *event_of(const struct move *move, const bson_t *group, const char *outcome,
                        const char *hash)
{
    bson_t data = BSON_INITIALIZER, *events = bson_new();
    struct kj_doc_list list = {events};
    kj_doc_put_from(&data, "group", group, "key");
    kj_doc_put_text(&data, "outcome", outcome);
    kj_doc_put_from(&data, "pack", group, "pack");
    kj_doc_put_text(&data, "hash", *hash ? hash : NULL);
    kj_doc_put_from(&data, "mode", group, "rollout.mode");
    kj_doc_put_text(&data, "reason", move->reason[0] ? move->reason : NULL);
    if (move->counts)
        kj_doc_put_doc(&data, "counts", move->counts);
    kj_event_add(&list, "rules.rollout", &data);
    bson_destroy(&data);
    return events;
}

// What was on trial becomes the last one.
static void put_last(const struct move *move, const bson_t *group, const char *outcome,
                     bson_t *changes)
{
    bson_t rollout, more = BSON_INITIALIZER;
    if (kj_doc_child(group, "rollout", &rollout)) {
        kj_doc_put_time(&more, "ended_at", kj_loop_now(move->engine->loop));
        kj_doc_put_text(&more, "outcome", outcome);
        kj_doc_put_text(&more, "reason", move->reason[0] ? move->reason : NULL);
        if (move->counts)
            kj_doc_put_doc(&more, "counts", move->counts);
        bson_t *last = kj_doc_with(&rollout, &more);
        kj_doc_put_doc(changes, "last_rollout", last);
        bson_destroy(last);
    }
    bson_destroy(&more);
}

static const char *start(struct move *move, const bson_t *group, bson_t *changes)
{
    put_last(move, group, "replaced", changes);
    kj_doc_put_doc(changes, "rollout", move->rollout);
    return kj_doc_text(move->rollout, "hash", "");
}

static bool is_loaded(const struct move *move, const bson_t *group, const char *hash)
{
    bson_t *loaded = kj_script_describe(move->engine->script, kj_doc_text(group, "pack", ""));
    bool same = loaded && kj_streq(kj_doc_text(loaded, "hash", ""), hash);
    kj_doc_clear(&loaded);
    return same;
}

// "" as a version means what is loaded: the group follows reloads (again).
static const char *promote(struct move *move, const bson_t *group, bson_t *changes)
{
    const char *hash = move->named ? move->hash : kj_doc_text(group, "rollout.hash", NULL);
    if (hash == NULL)
        return NULL;
    put_last(move, group, "promoted", changes);
    kj_doc_put_null(changes, "rollout");
    if (*hash && !is_loaded(move, group, hash))
        kj_doc_put_text(changes, "pinned", hash);
    else
        kj_doc_put_null(changes, "pinned");
    kj_doc_put_text(changes, "previous", kj_doc_text(group, "pinned", ""));
    return hash;
}

static const char *rollback(struct move *move, const bson_t *group, bson_t *changes)
{
    const char *before = kj_doc_text(group, "previous", NULL);
    bool trial = kj_doc_has(group, "rollout");
    if (move->only_id && kj_doc_int(group, "rollout.id", 0) != move->only_id)
        return NULL; // another host has ended it
    if (trial) {
        put_last(move, group, "rolled_back", changes);
        kj_doc_put_null(changes, "rollout");
        return kj_doc_text(group, "rollout.hash", "");
    }
    if (before == NULL)
        return NULL;
    if (*before)
        kj_doc_put_text(changes, "pinned", before);
    else
        kj_doc_put_null(changes, "pinned");
    kj_doc_put_null(changes, "previous");
    return kj_doc_text(group, "pinned", "");
}

static int change_group(void *arg, const bson_t *group, bson_t **next, bson_t **events)
{
    static const struct {
        const char *outcome;
        const char *(*change)(struct move *move, const bson_t *group, bson_t *changes);
    } k_moves[] = {[KJ_ROLLOUT_START] = {"started", start},
                   [KJ_ROLLOUT_PROMOTE] = {"promoted", promote},
                   [KJ_ROLLOUT_ROLLBACK] = {"rolled_back", rollback}};
    struct move *move = arg;
    if (group == NULL)
        return KJ_ENOTFOUND;
    bson_t changes = BSON_INITIALIZER;
    const char *hash = k_moves[move->move].change(move, group, &changes);
    if (hash) {
        *next = kj_doc_with(group, &changes);
        *events = event_of(move, move->move == KJ_ROLLOUT_START ? *next : group,
                           k_moves[move->move].outcome, hash);
    }
    bson_destroy(&changes);
    return hash ? KJ_OK : KJ_ESTATE;
}

static void on_changed(void *arg, int status, const bson_t *group)
{
    answer(arg, status, group);
}

static void write_group(struct move *move)
{
    kj_modify(&(struct kj_modify){.store = move->engine->store,
                                  .workspace = move->workspace,
                                  .coll = KJ_GROUPS,
                                  .id = move->group_id,
                                  .change = change_group,
                                  .done = on_changed,
                                  .arg = move});
}

// The counts that the end will tell; they may grow by the calls that are being decided.
static void on_counts(struct kj_store_request *request)
{
    struct move *move = request->arg;
    struct kj_store_op *op = &request->ops[0];
    if (op->status == KJ_OK && op->n_docs) {
        move->counts = bson_new();
        bson_copy_to_excluding_noinit(op->docs[0], move->counts, "_id", "version", "workspace",
                                      "key", NULL);
    }
    write_group(move);
}

static void on_group(struct kj_store_request *request)
{
    struct move *move = request->arg;
    struct kj_store_op *op = &request->ops[0];
    char key[96];
    if (op->status != KJ_OK) {
        answer(move, op->status, NULL);
        return;
    }
    kj_rollout_key(move->group_id, kj_doc_int(op->docs[0], "rollout.id", 0), key, sizeof key);
    kj_store_get(move->engine->store, move->workspace, KJ_COUNTERS, 0, key, on_counts, move);
}

void kj_rollout_change(struct kj_engine *engine, const struct kj_rollout_change *change)
{
    struct move *move = KJ_NEW(struct move);
    move->engine = engine;
    move->move = change->move;
    move->group_id = change->group_id;
    move->only_id = change->only_id;
    move->named = change->hash != NULL;
    move->rollout = change->rollout ? bson_copy(change->rollout) : NULL;
    move->done = change->done;
    move->arg = change->arg;
    kj_copy(move->workspace, sizeof move->workspace, change->workspace);
    kj_copy(move->reason, sizeof move->reason, change->reason ? change->reason : "");
    kj_copy(move->hash, sizeof move->hash, change->hash ? change->hash : "");
    kj_store_get(engine->store, move->workspace, KJ_GROUPS, move->group_id, NULL, on_group, move);
}
