// The script room: rule packs and hooks in Lua, on threads of their own (inline with a virtual
// clock).
//
// Documents cross as flat BSON. A pack is loaded aside, checked, its own tests run, then swapped
// in; evaluations that run keep the version they began with. A fault in a script is a fault in its
// plan, never in the host. Callbacks come on the loop thread, exactly once, never from inside the
// call.
#ifndef KJ_SCRIPT_H
#define KJ_SCRIPT_H

#include "doc/doc.h"
#include "loop/loop.h"
#include "loop/pool.h"

struct kj_script;

struct kj_script_config {
    struct kj_loop *loop;      // NULL: inline, synchronous (kejue-rules)
    const char *dir;           // holds lib/, rules/, hooks/
    int threads;               // 0 = 1
    size_t memory_limit;       // bytes per state; 0 = 32 MiB
    int64_t cpu_limit_ms;      // per evaluation; 0 = 500
    int64_t instruction_limit; // per evaluation; 0 = 50 million
    // Rule packs are loaded, tested and judged in locked processes, one or more for each pack. The
    // program's main then begins with kj_script_cell: it is what these processes run.
    bool locked;
    bool terse; // decides without `explain`: for a rehearsal, whose decisions nobody asks about
};

// True: this process was such a one and *exit_code is its end; main returns it at once.
bool kj_script_cell(int argc, char **argv, int *exit_code);

int kj_script_create(const struct kj_script_config *config, struct kj_script **script,
                     struct kj_fault *fault) KJ_MUST_USE;
void kj_script_destroy(struct kj_script *script);

// Loads (again) everything under dir. Atomic: on any fault nothing changes and the fault names
// file:line. With `only`, just that pack. `check_only` builds and tests but does not swap.
// Result: {packs: [{name, hash, path, tests, changed}], hooks: [{file, on, uses[]}]}.
typedef void kj_script_loaded(void *arg, int status, const bson_t *result,
                              const struct kj_fault *fault);
void kj_script_load(struct kj_script *script, const char *only, bool check_only,
                    kj_script_loaded *done, void *arg);

// {packs: […], hooks: […]} as loaded now; caller destroys.
bson_t *kj_script_list(const struct kj_script *script);
// What the pack would ask of a model and declares otherwise:
// {name, path, extends, hash, sources{path: text}, guidance{}, variables: [{name, type, guidance,
//  ask{lang: text}, min, max, pattern, values[], labels{value: text or {lang: text}}, default,
//  derived: only code gives it a value}], texts: ["…"] (as written, {campaign.goal} not filled in),
//  score_text, preselection_text (members of texts with that use), scale{name, levels[],
//  success[]}, settings{name: {type, default, values[], guidance}}, templates: [names],
//  warnings: [{place, text}]: what is allowed and likely a mistake}.
// NULL when there is no such pack; caller destroys.
bson_t *kj_script_describe(const struct kj_script *script, const char *pack);
// The same but for `sources`, borrowed: for a look at once, gone with the next load. Every call
// looks twice, and a copy of all sources each time was 3 % of a rehearsal.
const bson_t *kj_script_about(const struct kj_script *script, const char *pack);

// Judges a call: facts in (the fields of `c` in the manual, and kind "call" | "preselection" |
// "reevaluation"), plan out. Pure. Turns count from 1. next.kind "none": the pack has decided
// against a retry. park: true with park_reason when success or opt_out failed or a limit was hit;
// limit: true in the last case.
// Facts carry what the model said under `answers`: {texts: {TEXT: true|false|null},
// variables: {NAME: {value, quote, turn}}, skipped: "no model is configured"}.
typedef void kj_script_decided(void *arg, int status, const bson_t *plan,
                               const struct kj_fault *fault);
void kj_script_decide(struct kj_script *script, const char *pack, const bson_t *facts,
                      kj_script_decided *done, void *arg);

// --- versions ---
// Builds a version of a pack from its sources {path: text}, beside what is loaded; `path` is the
// pack's own file among them. Result: {name, hash}. The last few are kept; wherever above a pack is
// named, a hash names such a version (or a loaded one).
void kj_script_stage(struct kj_script *script, const bson_t *sources, const char *path,
                     kj_script_loaded *done, void *arg);
bool kj_script_has(const struct kj_script *script, const char *name); // a pack, or a version's hash

struct kj_script_many {
    const uint8_t *const *facts; // BSON, that many; borrowed until `done`
    size_t count;
    // On a thread of the scripts, in order; the plan is borrowed.
    void (*each)(void *arg, size_t index, const bson_t *plan);
    void (*done)(void *arg, int status, const struct kj_fault *fault); // on the loop, once
    void *arg;
};
// Judges many calls by one version, as one piece of work.
void kj_script_judge_many(struct kj_script *script, const char *pack,
                          const struct kj_script_many *many);

// --- hooks ---
// Names of the hooks that listen to an event: {hooks: ["file.lua:1", …]}; caller destroys.
bson_t *kj_script_hooks_on(const struct kj_script *script, const char *event);

struct kj_hook_step {
    const char *key;  // the step's name, unique in the run ("visit"), letters digits _ - : only;
                      // default: the verb with _ for dots
    const char *verb; // "calendar.find", or "host.http", "host.submit", "host.state.get", …
    const bson_t *args;
    int64_t within_ms; // 0 = the verb's own
};
// Verbs of the host: host.http, host.submit {kind, key, payload, due, every_ms}, host.state.get
// {key}, host.state.put {key, value, revision}. Sleeping is done here, on the loop's clock.

struct kj_hook_ports {
    // A step that has no recorded answer: carry it out, record it, then kj_hook_answer(token, …).
    void (*step)(void *arg, uint64_t token, const struct kj_hook_step *step);
    // result: {outcome: "done"|"retry", value, retry_after_ms, attempts, expires_ms, reason}
    void (*done)(void *arg, int status, const bson_t *result, const struct kj_fault *fault);
};

// Runs a hook from its beginning; steps found in `recorded` ({key: {ok, result | error}}) are
// answered from there. 0 = started.
int kj_hook_run(struct kj_script *script, const char *hook, const bson_t *event,
                const bson_t *recorded, const struct kj_hook_ports *ports, void *arg,
                struct kj_fault *fault) KJ_MUST_USE;
// answer: {ok: true, result: {…}} or {ok: false, error: {class, code, text, retry_after_ms}}.
void kj_hook_answer(struct kj_script *script, uint64_t token, const bson_t *answer);

// --- tests beside a pack (kejue-rules test, and at load) ---
// {tests: n, failed: [{pack, name, file, text}]}; caller destroys. Synchronous.
bson_t *kj_script_test(struct kj_script *script, const char *pack, struct kj_fault *fault);

// --- for editors and shells ---
// A judged call as one test of its pack: { "name", c = …, plan = … }, in Lua.
void kj_script_fixture(const char *name, const bson_t *facts, const bson_t *plan,
                       struct kj_buf *out);
// The fields of `c` below a path ("" = c itself, "lead"); returns how many were written.
size_t kj_script_fields(const char *path, const char **names, size_t size);
// Annotations for lua-language-server.
void kj_script_types(struct kj_buf *out);

#endif
