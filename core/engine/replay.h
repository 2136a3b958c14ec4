// New rules over calls that are over: a version of a pack judges their stored facts and the model's
// stored answers, beside what was decided then. Nothing is written, unless it is a re-evaluation.
//
// Loop thread only; the judging itself is done by the scripts' threads, a batch at a time, so that
// dialing and jobs go on meanwhile.
#ifndef KJ_REPLAY_H
#define KJ_REPLAY_H

#include "engine/engine.h"

struct kj_replay_want {
    const char *version;  // a pack's name, or the hash of a version that is loaded or staged
    int64_t since, until; // the call began then or later, and before; wall ms, 0 = open
    int64_t campaign_id, group_id; // 0 = calls that a pack of this name has judged
    const char *level;             // only calls with this level, before or after; NULL = all
    bool changed_only;             // rows only of what differs
    bool no_rows;
    bool ask;             // of the model what it was never asked; else "not judged"
    bool count;           // tell how many calls there are to go through
    int64_t after, limit; // a cursor over calls; the limit counts calls
    const bson_t *calls;  // array of ids, at most 1,000; NULL = all
    const char *goal;     // of the campaign, instead of the stored one; NULL = as stored
    bool spoken;          // only calls that were completed and have a transcript
    // The job that re-evaluates: verdicts, variables, score and tags go over the decision, the
    // answers it needed over the call. 0 = nothing is written.
    int64_t run;
};

// Result: {pack, hash, calls, improved, same, worse, other, changed, not_judged, faults, asked,
// rows: [{call_id, id, lead_id, name, phone_number, at, change, differs[], old{}, new{},
// open_texts, faults[]}], next, of}. `next` is where to go on (absent: all was seen). The totals
// count every call, the rows those asked for, in the order of ids.
void kj_replay(struct kj_engine *engine, const char *workspace, const struct kj_replay_want *want,
               kj_engine_done *done, void *arg);
void kj_replay_forget_all(struct kj_engine *engine); // the engine ends

#endif
