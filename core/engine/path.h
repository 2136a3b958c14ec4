// One call job on its way through the stages. Private to the engine's files.
#ifndef KJ_PATH_H
#define KJ_PATH_H

#include "base/map.h"
#include "engine/engine.h"
#include "engine/hosts.h"
#include "engine/judge.h"
#include "engine/modify.h"
#include "engine/trunk.h"
#include "model/call.h"
#include "model/retry.h"

struct kj_path {
    struct kj_engine *engine;
    struct kj_running *running;
    // A plugin or a script has been asked and will answer; when the engine ends before that, the
    // path waits for the answer as an orphan, only to be freed.
    bool abroad, orphan;
    bool recorded; // history: nobody is called or written to
    // Read for this run; owned. NULL when the job has none.
    bson_t *lead, *number, *campaign, *group, *assistant, *call;
    bson_t *facts, *plan, *outbox;
    bool facts_due; // they stand on `call` here, but not in the store yet
    // kj_path_go_on: the job as it will be, what changes of it, and the events of that; or NULL.
    bson_t *ahead, *ahead_changes, *ahead_events;
    int64_t admitted_at, window_closes; // wall ms: when admit said yes, and how long that holds
    int64_t permit_at;                  // mono ms at which the permit was judged
    char attempt_id[64];
    struct kj_timer timer; // pacing hold, guard of a call without end
    int64_t turn_at;       // mono ms: the trunk's dial slot reserved for this path
    int64_t guard_ms;      // carrier.c: how long to wait for a report still
    int lookups;           // in vain, one after the other
    void (*then)(struct kj_path *path, int status); // continuation of a permit or release
    int refused;                                    // permit.c: why the number was not granted
    struct {
        enum kj_job_verdict verdict;
        int64_t due;
        char reason[256];
    } undo;                 // attempt.c: how the run ends once nothing of the attempt is left
    size_t pending, failed; // deliver: writes under way
    char stage_after[16];   // entered once the group's versions are here, or the job is written
    size_t versions_seen;
    bool canary_failed; // the version on trial could not judge it: the one before does
    bson_t *found;      // carrier.c: what a look-up told, until it is stored
    bool found_old;     // … and the store would not have it at once
    bson_t *history;    // past decisions of this lead, newest first: {calls: [...]}
};

struct kj_stage {
    const char *name;
    void (*enter)(struct kj_path *path);
};

// The stages in their order; intake and queue happen before a path exists.
extern const struct kj_stage kj_stages[];

void kj_path_run(void *engine, struct kj_running *running); // the kind "call"
void kj_path_enter(struct kj_path *path, const char *stage);
// Writes `changes` with the next stage, then enters it.
void kj_path_advance(struct kj_path *path, const char *stage, const bson_t *changes,
                     const bson_t *events);
// The same without a write of its own: the changes are stored with the end of the run. For what is
// harmless to repeat from the stored stage on.
void kj_path_go_on(struct kj_path *path, const char *stage, const bson_t *changes,
                   const bson_t *events);
// Ends the run; the path is gone afterwards.
void kj_path_end(struct kj_path *path, enum kj_job_verdict verdict, int64_t due, const char *reason,
                 const bson_t *changes, const bson_t *events);
// Ends the run for now because the store (or this host) cannot go on; comes back at this stage
// after a growing delay. Nobody's fault: no attempt is consumed, and it never dies of it.
void kj_path_stall(struct kj_path *path, const char *reason);
void kj_path_free(struct kj_path *path); // the running job is no longer ours
void kj_path_load(struct kj_path *path); // reads (again) what the run needs, enters its stage
// Around a question to a plugin or script: `asks` before, `heard` first of all in its callback;
// false: nobody waits any more and the path is gone.
void kj_path_asks(struct kj_path *path);
bool kj_path_heard(struct kj_path *path);

const bson_t *kj_path_job(const struct kj_path *path);
const char *kj_path_workspace(const struct kj_path *path);
int64_t kj_path_now(const struct kj_path *path);
// The retry policy, limits and schedule that hold: of the call, else its campaign, else the
// default.
const bson_t *kj_path_setting(const struct kj_path *path, const char *name, bson_t *view);
int64_t kj_path_priority(int64_t wished); // within 0..100
// An event {name, data} put on an array under construction.
void kj_event_add(struct kj_doc_list *list, const char *name, const bson_t *data);

// Stages.
void kj_admit(struct kj_path *path);
void kj_attempt(struct kj_path *path);
void kj_analyse(struct kj_path *path);
void kj_decide(struct kj_path *path);
void kj_commit(struct kj_path *path);
void kj_deliver(struct kj_path *path);

// select.c: the pack's word before the first call of a campaign; admit comes again when it
// approves.
bool kj_select_needed(const struct kj_path *path);
void kj_select(struct kj_path *path);
// analyse.c: facts of kind "preselection"; the caller destroys them.
bson_t *kj_facts_of_lead(const struct kj_path *path);

// permit.c: a slot, then the number's permit; release by attempt id, harmless to repeat. Status of
// take: KJ_EFULL (no line), KJ_EDENIED (refused), KJ_ESTATE (on another call), KJ_ELIMIT (called
// often enough): nothing is held; anything else: the store's, something may be held.
void kj_permit_take(struct kj_path *path, void (*then)(struct kj_path *path, int status));
void kj_permit_release(struct kj_path *path, bool counted,
                       void (*then)(struct kj_path *path, int status));
// Release of an attempt that was never sent, by another than who took the permit: the number's
// document moves on in any case, so that a grant still on its way comes too late.
void kj_permit_fence(struct kj_path *path, void (*then)(struct kj_path *path, int status));

// carrier.c: waiting for the end of a call, and look-ups where reports are missing.
void kj_carrier_await(struct kj_path *path); // until the call document is ended
void kj_carrier_forget(struct kj_path *path);
// A report of the attempt could not be stored, and may not come again: whoever waits for it asks.
void kj_carrier_missed(struct kj_engine *engine, const char *attempt_id);
void kj_carrier_lookup(struct kj_path *path);

// report.c: progress reports by attempt id; answered when durable.
void kj_report_take(struct kj_engine *engine, const char *workspace, const bson_t *report,
                    kj_engine_done *done, void *arg);

// engine.c: plugins, as long as the engine has a host. Like kj_host_start and kj_host_verb.
bool kj_engine_call(struct kj_engine *engine, const struct kj_host_call *call, kj_host_done *done,
                    void *arg, struct kj_fault *fault);
// The same verb may be sent again under the same key without harm.
bool kj_engine_may_repeat(const struct kj_engine *engine, const char *verb);
// The verb costs or touches a person.
bool kj_engine_touches(const struct kj_engine *engine, const char *verb);

// attempt_request.c: the request of telephony.place; the caller destroys it.
bson_t *kj_attempt_request(const struct kj_path *path);
// attempt.c: the call document says ended (carrier.c read it): close the attempt, go on.
void kj_attempt_ended(struct kj_path *path);
// It surely reached nobody: undone, back to admit.
void kj_attempt_not_placed(struct kj_path *path);

// The questions of a pack in one language, as carriers are told them: those asked for last.
struct kj_questions {
    char version[80], language[16];
    bson_t *list; // NULL: none yet
};

struct kj_engine_private {
    struct kj_questions questions;
    struct kj_known_windows windows; // judge.c
    struct kj_map awaiting;          // attempt id -> struct kj_path
    struct kj_trunk trunk;
    int64_t trunk_next; // mono ms of the next free dial slot
    int64_t trunk_interval_ms;
    int max_calls;
    bool closing, stopped;  // stopped: the kill switch, as last seen in the store
    struct kj_hosts *hosts; // NULL before start
    void (*lost)(void *arg);
    void *lost_arg;
    void (*drained)(void *arg);
    void *drained_arg;
    char *model_instance;
    char model_currency[8]; // of what it costs; "-": its answers have no price; "": none came yet
    struct kj_script_kind *script_kinds; // kinds/script_kind.c
    struct kj_map limit_hits;            // switch_off.c
    struct kj_map touched;               // "workspace/campaign" -> a look at its end is due
    struct kj_replay *replays;           // those that run
    kj_engine_command *command;
    void *command_arg;
};

#endif
