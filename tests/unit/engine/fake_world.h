// A world for the engine: the real loop on a virtual clock, the real store in memory and the real
// model; the carrier, the vendors and the scripts are programmable fakes. A life of the engine can
// be cut off at any step; carrier and store live on.
#ifndef FAKE_WORLD_H
#define FAKE_WORLD_H

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/rng.h"
#include "engine/engine.h"
#include "engine/valve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Monday 2026-03-02, 10:00 in Berlin.
#define WORLD_START INT64_C(1772442000000)
#define MINUTE INT64_C(60000)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

struct world;

// --- the carrier: one row says what becomes of one call ---

struct fake_call {
    enum kejue_class reply;  // KEJUE_OK: taken
    bool silent;             // with KEJUE_UNKNOWN: it did not ring
    bool mute;               // no reports at all
    int64_t reply_ms;        // until the reply
    int64_t retry_after_ms;  // in the reply
    int64_t call_ms;         // from ring to end; 0 = 30 s
    const char *disposition; // NULL = "completed"
    const char *says;        // what the lead says; NULL = "Yes, hello?"
    // One letter each, in this order over the length of the call: r(inging), a(nswered),
    // i(n_progress), e(nded); NULL = "raie". They may be doubled, missing and in any order.
    const char *reports;
};

struct fake_ring {
    char attempt_id[64], to[24];
    int64_t at, ends_at, step;
    struct fake_call call;
};

enum fake_lookup {
    LOOKUP_LOG,       // from the log of rings
    LOOKUP_UNCERTAIN, // {found: false, certain: false}
    LOOKUP_BROKEN,    // no answer
    LOOKUP_NONE,      // no such verb
};

// --- the other plugins ---

struct fake_verb {
    const char *name;
    uint32_t flags;
    enum kejue_repeat repeat;
    enum kejue_class replies[8]; // one after the other, the last for ever
    int64_t retry_after_ms;
    const char *result; // JSON
    size_t asked;
};

struct fake_sent {
    char verb[48], key[160];
    int64_t at;
};

// --- scripts ---

struct fake_step {
    const char *key, *verb, *args; // JSON
};

struct fake_op; // a question to a plugin or script that is open

struct kj_host {
    struct world *world;
    struct fake_op *ops;
    uint64_t last_op;
};

struct kj_script {
    struct world *world;
    struct fake_decision *decisions;
    struct fake_hook *hooks;
    uint64_t last_token;
};

// --- faults ---

struct fake_faults {
    int64_t steps;    // requests to the store and questions to the carrier so far, of all lives
    int64_t crash_at; // the step at which the life ends; 0 = never
    bool crash_after; // after it was carried out, before anybody heard
    int64_t requests; // to the store
    int64_t fail_from, fail_until; // requests that fail, first and last; 0 = none
    int64_t away_until;            // wall ms: until then all fail
    int crash_one_in, fail_one_in; // by chance
    struct kj_rng rng;
    int64_t down_ms; // until the next life begins
};

struct world {
    struct kj_clock clock;
    struct kj_loop *loop;
    struct kj_store front; // what the engine gets
    char adopted[64];      // the host whose events it was last told to adopt
    struct kj_store *sqlite;
    struct kj_engine *engine; // NULL between two lives
    struct kj_engine_config config;
    struct kj_host host;
    struct kj_script script;
    int lives;
    bool dead; // the life ended; nothing it still does has an effect
    bool started, no_restart;
    int start_status;
    int64_t at_step; // just before this step, `on_step` is called
    void (*on_step)(struct world *world);
    struct kj_task crash_task;
    struct kj_timer restart;
    struct kj_store_request *swallowed;
    struct fake_failing *failing;
    struct fake_faults faults;

    const struct fake_call *calls; // for the first, second … call; the last for ever
    size_t call_count;
    size_t placed; // calls of telephony.place, also in vain
    struct fake_ring rings[1024];
    size_t ring_count;
    enum fake_lookup lookup;
    size_t lookups;
    bool resend; // reports that were not acknowledged come again
    struct fake_report *reports;
    bson_t *last_place; // the last request of telephony.place

    struct fake_verb verbs[8];
    struct fake_sent sent[256];
    size_t sent_count;

    const char *plan; // JSON, for every call
    int decide_status;
    size_t decided;
    const char *about; // JSON, what the pack declares; NULL = no pack
    const char *hook_event;
    struct fake_step hook_steps[6];
    const char *hook_retry; // JSON result when a step fails; NULL = done whatever comes
    size_t hook_runs;
    bson_t *last_facts, *last_about;

    char events[8192]; // names in order, each with a blank behind
    struct kj_buf log; // "verb key" of all that was sent, for comparing runs
};

struct world *world_open(void);     // a group 1 with pack "p" is there
struct world *world_open_raw(void); // without a first life: change config, then world_live
void world_live(struct world *world);
void world_crash(struct world *world); // now, from outside the loop
void world_close(struct world *world);
// Lets time pass; a life that is cut off meanwhile is followed by the next.
void world_pass(struct world *world, int64_t ms);
int64_t world_now(const struct world *world);

// --- documents ---
bson_t *json(const char *format, ...) KJ_PRINTF(1, 2);
int64_t world_put(struct world *world, enum kj_coll coll, bson_t *doc_take);            // its id
bson_t *world_get(struct world *world, enum kj_coll coll, int64_t id, const char *key); // or NULL
// All documents of a collection, as an array; the caller destroys it.
bson_t *world_all(struct world *world, enum kj_coll coll);
// Puts `changes` over a document, in one go.
void world_change(struct world *world, enum kj_coll coll, int64_t id, bson_t *changes_take);
void assert_text(struct world *world, enum kj_coll coll, int64_t id, const char *path,
                 const char *expected);
int64_t int_of(struct world *world, enum kj_coll coll, int64_t id, const char *path);
int64_t time_of(struct world *world, enum kj_coll coll, int64_t id, const char *path);

// --- asking the engine ---
struct answer {
    int calls, status;
    bson_t *result; // the caller clears it with answer_clear
    struct kj_fault fault;
};
void on_answer(void *arg, int status, const bson_t *result, const struct kj_fault *fault);
void answer_clear(struct answer *answer);
typedef void world_intake(struct kj_engine *engine, const char *workspace, const bson_t *request,
                          kj_engine_done *done, void *arg);
// Asks and lets the answer come without time passing.
struct answer world_ask(struct world *world, world_intake *intake, bson_t *request_take);
// A call to a number, in group 1; gives the job's id. `more` is put over the request.
int64_t world_call(struct world *world, const char *number, bson_t *more_take);
// Through the ports, as a plugin.
struct answer world_port(struct world *world, const char *verb, bson_t *request_take);

// --- what must always hold ---
// No attempt rang twice, no number rang twice at a time; with `ended`, nothing is left under way:
// jobs ended, lines and numbers free.
void assert_sound(struct world *world, bool ended);
size_t rings_of(const struct world *world, const char *number);
size_t sent_of(const struct world *world, const char *verb);

// --- between the parts of the fake ---
void fake_die(struct world *world);               // the life is over; the rest follows soon
bool fake_step(struct world *world, bool *after); // counts; true: dies before it
void fake_host_end(struct world *world);          // answers what is open, as kj_host_destroy does
void fake_script_end(struct world *world);
void fake_reports_end(struct world *world);

#endif
