// What replay.c (paging through the calls) and replay_batch.c (judging some) share. Private to the
// engine.
#ifndef KJ_REPLAY_OWN_H
#define KJ_REPLAY_OWN_H

#include "engine/contrast.h"
#include "engine/replay.h"

struct kj_replay_batch;

struct kj_replay {
    struct kj_engine *engine;
    struct kj_replay *next, *previous; // of the engine's list
    char workspace[64], version[128];
    bson_t *about, *levels; // of the version: kj_script_describe, its scale, best first
    bson_t *calls;          // owned copies of what was wanted
    char *level, *goal;
    struct kj_replay_want want;
    int64_t after, left, of;
    bool reading, exhausted, counted;
    bool orphan;                            // the engine has ended: only to be freed
    struct kj_replay_batch *ready, *judged; // read and waiting; with the scripts
    int status;
    struct kj_fault fault;
    // The sum so far.
    int64_t total, changes[KJ_CHANGE_COUNT], changed, not_judged, faults, asked;
    bson_t *rows;
    struct kj_doc_list list;
    kj_engine_done *done;
    void *arg;
};

// One call of a batch.
struct kj_replay_item {
    bson_t *call, *decision, *facts; // owned; facts NULL: those of the call
    const uint8_t *bytes;            // the facts that are judged
    int64_t open_texts;              // no answer of a model is there for so many texts
    bool asked;                      // the model has answered now
    // Of a re-evaluation, made on the scripts' thread:
    bson_t *plan; // to be kept; NULL: kept already
    enum kj_change change;
};

struct kj_replay_batch {
    struct kj_replay *replay;
    struct kj_replay_item *items;
    const uint8_t **facts; // of the items, for the scripts
    size_t count, asking, next_to_ask;
    // Made on the scripts' thread.
    int64_t changes[KJ_CHANGE_COUNT], total, changed, not_judged, faults;
    bson_t *rows;
    struct kj_doc_list list;
    int64_t asked;
};

// From a page of calls and their decisions, both in the order of the call's id; takes the documents
// it keeps out of the ops.
struct kj_replay_batch *kj_replay_batch_new(struct kj_replay *replay, bson_t **calls, size_t count,
                                            struct kj_store_op *decisions);
void kj_replay_batch_free(struct kj_replay_batch *batch); // NULL is fine
// Asks the model what is missing, if that is wanted; kj_replay_asked comes next, not at once.
void kj_replay_batch_ask(struct kj_replay_batch *batch);
void kj_replay_batch_judge(struct kj_replay_batch *batch); // then kj_replay_judged
// replay_keep.c: has this run already written its part? Then what it found is what counts.
bool kj_replay_kept_before(const struct kj_replay_item *item, int64_t run, enum kj_change *change);
// Writes what was judged anew; then kj_replay_kept.
void kj_replay_keep(struct kj_replay_batch *batch);

// replay.c
void kj_replay_asked(struct kj_replay_batch *batch);
void kj_replay_judged(struct kj_replay_batch *batch, int status, const struct kj_fault *fault);
void kj_replay_kept(struct kj_replay_batch *batch, int status);

#endif
