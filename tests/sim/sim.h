// Deterministic simulation: the real engine, one to three hosts of it, each with a loop and a clock
// of its own, on one embedded store in memory; between them a network that loses, delays and holds
// back, a carrier with a memory of its own, people who refuse and cancel, and a list of faults.
// Everything follows from a plan, and the plan from a seed: the same seed gives the same run, byte
// for byte. After every step it is checked that nobody was called twice, outside their window or
// against their word.
#ifndef KJ_SIM_H
#define KJ_SIM_H

#include "base/alloc.h"
#include "base/clock.h"
#include "base/heap.h"
#include "base/log.h"
#include "base/map.h"
#include "base/rng.h"
#include "doc/doc.h"
#include "engine/engine.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIM_HOSTS = 3, SIM_LEADS = 4, SIM_JOBS = 7, SIM_FAULTS = 10, SIM_CAMPAIGNS = 2 };
enum { SIM_RACES = 16 }; // so many leads, jobs and faults has a plan of races

#define SIM_MINUTE INT64_C(60000)
#define SIM_HOUR (60 * SIM_MINUTE)

// --- the plan (plan.c): plain data, so that it can be made smaller ---

enum sim_fault_kind {
    // At the host's n-th step: a request to the store or a question to the carrier, over all its
    // lives.
    SIM_CRASH,       // before the step
    SIM_CRASH_AFTER, // it is carried out, nobody hears of it
    SIM_LOSE,        // it fails and was not carried out
    SIM_LOSE_REPLY,  // it fails and was carried out
    SIM_LATE,        // it fails, and is carried out `ms` later
    SIM_HANG,        // it takes `ms`, and those behind it wait
    SIM_FREEZE,      // the whole host stands still for `ms`, before it hears the answer
    SIM_REFUSE,      // somebody refuses for lead `what`, just now
    SIM_CANCEL,      // somebody cancels job `what`
    // At an instant.
    SIM_OUTAGE, // the store is away for everybody: `what` 0 refuses, 1 answers nobody, 2 hangs
    SIM_SPLIT,  // the same for one host alone
    SIM_DEAF,   // the host's beats fail, and nothing else
    SIM_STEP,   // the host's wall clock steps by `ms`
    SIM_DRAIN,  // the host is asked to end, and comes back
    SIM_RELOAD, // its rules are loaded again
    SIM_STOP,   // somebody switches dialing off for `ms`
    SIM_FAULT_KINDS
};

struct sim_fault {
    enum sim_fault_kind kind;
    int host;
    int64_t at; // step, or ms since the start
    int64_t ms;
    int what;
};

struct sim_lead {
    int zone; // index into sim_zones
};

struct sim_job {
    int lead, campaign; // campaign 0 = none
    int64_t at;         // submitted, ms since the start
    int64_t due;        // ms since the start
    int from, to;       // the window, minutes from the start's local time
    int per_day, per_30_days;
    int gap_minutes, attempts;
};

enum sim_lookup { SIM_LOOKUP_LOG, SIM_LOOKUP_UNCERTAIN, SIM_LOOKUP_BROKEN, SIM_LOOKUP_NONE };

struct sim_plan {
    uint64_t seed;
    int hosts, leads, jobs, faults;
    int64_t start; // wall ms
    int lines;
    int per_second;
    int campaign_lines[SIM_CAMPAIGNS + 1];
    int64_t skew[SIM_HOSTS]; // the hosts' wall clocks, ms off
    enum sim_lookup lookup;
    bool odd_reports; // lost, doubled, reordered, late
    bool odd_replies; // the carrier's own answer is lost or a refusal
    bool resend;      // reports that nobody took come again
    bool anywhere;    // reports reach any host, not the one that placed the call
    bool slow_link;   // up to 200 ms each way instead of 2
    bool known;       // every other number has a document already
    bool embedded;    // one host with a store in its own process: what is lost was not carried out
    struct sim_lead lead[SIM_RACES];
    struct sim_job job[SIM_RACES];
    struct sim_fault fault[SIM_RACES];
};

extern const char *const sim_zones[];
void sim_plan_make(struct sim_plan *plan, uint64_t seed, int hosts); // hosts 0: by the seed
void sim_plan_race(struct sim_plan *plan, uint64_t seed, int hosts); // SIM_RACES
void sim_plan_print(const struct sim_plan *plan);
void sim_fault_text(const struct sim_fault *fault, char *text, size_t size);

// --- breaking the protocol on purpose: the checks must notice (link.c, carrier.c) ---

enum sim_breach {
    SIM_SOUND,
    SIM_NO_PERMIT,    // the number's document always looks free
    SIM_NO_LAST_LOOK, // a call leaves a while after it was looked at for the last time
    SIM_REDIAL,       // recovery believes that nothing rang, and dials again
    SIM_NO_VERSIONS,  // a conditional write is carried out whatever the version
    SIM_NO_LINES,     // the list of lines always looks empty
    SIM_BREACHES
};
extern const char *const sim_breaches[];

// --- a run ---

struct sim;
struct sim_host;

enum sim_tell { SIM_TELL_NOTHING, SIM_TELL_STEPS, SIM_TELL_ALL };

// Something that happens at an instant: a request arrives, an answer, a report, a fault.
struct sim_event {
    struct kj_heap_node node;                              // ms since the start
    void (*run)(struct sim *sim, struct sim_event *event); // it is the callee's to free
    struct sim_host *host; // to whom it happens: waits while that host stands still; may be NULL
};

struct sim_ring {
    char attempt_id[64];
    int lead, host;
    int64_t job_id, campaign_id;
    int64_t at, ends_at; // ms since the start
    int64_t wall;        // by the clock of the host that dialed
    bool counts;         // against the caps: it alerted or was answered
};

struct sim_number {     // what was seen of the number's document as it was written
    int64_t refused_at; // when a refusal was written; INT64_MAX = never
    int64_t acknowledged_at;
    char open[64];   // the attempt that has the permit
    int64_t open_at; // when it was written
    bool late;       // … behind a refusal
};

struct kj_host {
    struct sim_host *host;
    struct sim_question *questions;
};

struct kj_script {
    struct sim_host *host;
    struct sim_decision *decisions;
};

struct sim_host {
    struct sim *sim;
    int index, life;
    struct kj_clock clock;
    struct kj_loop *loop;
    int64_t born; // ms since the start
    struct kj_store front;
    struct kj_engine *engine; // NULL between two lives
    struct kj_host plugins;
    struct kj_script script;
    int64_t steps, frozen_until, skew;
    int64_t sent_at, heard_at; // of the newest request and answer: they keep their order
    bool doomed;               // the life is over as soon as the engine's own calls have returned
    int64_t down_ms;
    struct kj_store_request *swallowed;
    int64_t split_from, split_until;
    int split_how;
    int64_t deaf_until;
};

struct sim_client;

struct sim {
    const struct sim_plan *plan;
    enum sim_breach breach;
    enum sim_tell tell;
    uint64_t hash; // of the trace
    int64_t now;   // ms since the start
    struct kj_heap events;
    struct kj_clock clock;
    struct kj_loop *loop; // the store's
    struct kj_store *store;
    struct kj_rng rng; // latencies
    struct sim_host host[SIM_HOSTS];
    struct sim_ring rings[256];
    size_t ring_count;
    struct sim_number numbers[SIM_RACES];
    struct sim_client *clients;
    struct kj_map sent; // keys of messages that a vendor may not get twice
    int64_t last_event;
    int64_t last_fault; // ms since the start: nothing is disturbed after it
    int64_t outage_from, outage_until;
    int outage_how;
    bool switching;     // somebody has the kill switch in hand
    int64_t stopped_at; // the kill switch was acknowledged; INT64_MAX = dialing is on
    int64_t steps;
    size_t acknowledged; // jobs
    char broken[256];    // what is wrong; empty = nothing
    char unrest[160];    // why it is not at rest yet
};

struct sim_result {
    char broken[256];
    uint64_t hash;
    int64_t steps, virtual_ms, attempts;
    int refused, in_vain; // numbers that were; … behind a permit, so that they rang
};

// run.c
void sim_run(const struct sim_plan *plan, enum sim_breach breach, enum sim_tell tell,
             struct sim_result *result);
void sim_at(struct sim *sim, int64_t at, struct sim_host *host, struct sim_event *event);
void sim_say(struct sim *sim, const struct sim_host *host, const char *format, ...) KJ_PRINTF(3, 4);
// The same for what changes nothing: told only when all is told.
void sim_detail(struct sim *sim, const struct sim_host *host, const char *format, ...)
    KJ_PRINTF(3, 4);
int64_t sim_wall(const struct sim_host *host);
bool sim_disturbed(const struct sim *sim);

// lives.c
void sim_live(struct sim_host *host);
void sim_end_life(struct sim_host *host); // as by a crash, once no call of the engine is open
void sim_fire(struct sim_host *host, const struct sim_fault *fault);
// The faults of this host at its next step; counts it. Returns NULL when there is none of those
// that the caller must carry out.
const struct sim_fault *sim_step(struct sim_host *host);

// link.c
void sim_link_init(struct sim_host *host);
void sim_link_end(struct sim_host *host); // the requests that died with it

// carrier.c
void sim_carrier_end(struct sim_host *host);

// rules.c
void sim_rules_end(struct sim_host *host);

// client.c: people and systems that use the engine
void sim_clients_start(struct sim *sim);
bool sim_clients_done(const struct sim *sim);
void sim_clients_end(struct sim *sim);
void sim_refuse(struct sim *sim, int lead);
void sim_cancel(struct sim *sim, int job);
void sim_stop(struct sim *sim, int64_t ms);

// check.c
void sim_broken(struct sim *sim, const char *format, ...) KJ_PRINTF(2, 3);
void sim_saw_write(struct sim *sim, const struct kj_store_op *op);
void sim_saw_ring(struct sim *sim, struct sim_host *host, const bson_t *request, bool counts,
                  int64_t length);
bool sim_at_rest(struct sim *sim); // reads the store; also finds what is lost
int sim_lead_of(const char *number);
void sim_number_of(int lead, char number[24]);

// shrink.c: fewer faults, jobs, hosts, as long as the same is wrong
void sim_shrink(struct sim_plan *plan, enum sim_breach breach, const char *broken);

#endif
