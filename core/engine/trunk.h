// The lines of the trunk: one document lists which attempts hold one. Several hosts share it; the
// changes of one host are gathered into one write at a time, so that it does not race itself.
#ifndef KJ_TRUNK_H
#define KJ_TRUNK_H

#include "doc/doc.h"

struct kj_engine;
struct kj_trunk_op;

// The trunk's document in `limits`: {slots: [...], stopped}.
extern const char kj_trunk_key[], kj_trunk_workspace[];

// A part of the engine's private state; all zero at first.
struct kj_trunk {
    struct kj_trunk_op *waiting, *writing;
    bson_t *seen;     // the document as last seen, or NULL; owned
    int64_t sweep_at; // mono ms: not before
};

struct kj_trunk_wish {
    const char *attempt_id, *workspace; // copied
    int64_t job_id, campaign_id;
    int most;          // lines in all
    int most_campaign; // of this campaign, 0 = no limit
};

// KJ_OK also when it holds one already; KJ_EFULL, also when dialing is switched off. `then` comes
// later, exactly once.
void kj_trunk_take(struct kj_engine *engine, const struct kj_trunk_wish *wish,
                   void (*then)(void *arg, int status), void *arg);
// Harmless to repeat. `then` may be NULL.
void kj_trunk_free(struct kj_engine *engine, const char *attempt_id,
                   void (*then)(void *arg, int status), void *arg);
// How many lines were in use when last seen: by the campaign, or by all (0).
int kj_trunk_in_use(const struct kj_engine *engine, int64_t campaign_id);
// Frees the lines whose job is not in an attempt any more: of jobs canceled, parked, removed. For
// each start, and when lines run out; at most every ten minutes.
void kj_trunk_sweep(struct kj_engine *engine);
void kj_trunk_see(struct kj_engine *engine, const bson_t *doc); // it was read, by whomever

#endif
