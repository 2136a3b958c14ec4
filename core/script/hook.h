// Hooks: straight-line Lua that waits by yielding. This is the stepper: it runs a hook until it
// waits or ends, and says what it waits for. Who carries steps out, and on which thread the stepper
// runs, is the owner's (hook_service.c, tests_lua.c).
#ifndef KJ_HOOK_H
#define KJ_HOOK_H

#include "doc/doc.h"
#include "script/vm.h"

struct kj_flat;

enum { KJ_MAX_STEPS = 100, KJ_MAX_SLEEP_MS = 60000, KJ_MAX_USES = 60, KJ_MAX_HOOKS_A_FILE = 20 };
enum { KJ_LEAST_EVERY_MS = 60000 };

struct kj_hook_def {
    const char *on;   // "call.analyzed"
    int64_t every_ms; // on = "schedule"; else 0
    const char **uses;
    size_t use_count;
    int run; // registry reference
    int line;
};

// The hooks of one file in one state.
struct kj_hook_file {
    struct kj_vm *vm;
    char *path; // "hooks/note.lua"
    struct kj_hook_def *hooks;
    size_t count;
    lua_State *spare; // a coroutine that has ended well, for the next run; or NULL
    int spare_ref;
};

int kj_hook_file_load(struct kj_vm *vm, const char *path, struct kj_hook_file **file,
                      struct kj_fault *fault) KJ_MUST_USE;
void kj_hook_file_destroy(struct kj_hook_file *file); // not the state
// {file "note.lua:1", on, line, uses[]} of each, appended to an array under construction.
void kj_hook_file_list(const struct kj_hook_file *file, struct kj_doc_list *list);

struct kj_step {
    char key[64], verb[64];
    bson_t *args;
    int64_t within_ms;
    bson_t *answer; // NULL while it is open
    bool asked;     // the owner has taken it on
    uint64_t token; // the owner's
};

struct kj_hook_run {
    struct kj_hook_file *file; // NULL: released
    const struct kj_hook_def *hook;
    lua_State *thread;
    int thread_ref, together_ref;
    bool started;
    struct kj_flat *event;         // until it has started
    bson_t *recorded;              // or NULL
    struct kj_step *steps;         // KJ_MAX_STEPS of them, from the first on
    size_t step_count, waits_from; // steps [waits_from, step_count) are waited for
    int64_t sleep_ms;              // > 0: waits for time instead
    int sleeps;                    // so far
    bool ended;
    int status; // when ended
    bson_t *result;
    struct kj_fault fault; // last, and set only with a status: a kilobyte that few need
};

// `index` is 1-based; NULL when there is no such hook. `recorded` is copied. The file's state is
// used by this run alone.
struct kj_hook_run *kj_hook_begin(struct kj_hook_file *file, size_t index,
                                  struct kj_flat *event_take, const bson_t *recorded);
// Runs until it waits (steps without an answer, or sleep_ms) or has ended.
void kj_hook_step(struct kj_hook_run *run);
bool kj_hook_waits(const struct kj_hook_run *run); // any open step
// After the end: gives up what is the state's, which another run may then use. The result stays.
void kj_hook_release(struct kj_hook_run *run);
void kj_hook_end(struct kj_hook_run *run); // releases and frees; NULL is fine

// --- for the library of hooks (inside a protected call) ---
// The run under way; raises that kejue.NAME is for hooks when there is none.
struct kj_hook_run *kj_hook_run_of(lua_State *L, const char *name);
void kj_hook_check_use(lua_State *L, const struct kj_hook_run *run, const char *verb);
// Raises a clear sentence where Lua cannot yield.
void kj_hook_check_wait(lua_State *L, const char *name);
// A step of `verb` with the table of arguments at `args` and options at `options`; its answer is
// there already when it was recorded.
struct kj_step *kj_hook_new_step(lua_State *L, struct kj_hook_run *run, const char *verb, int args,
                                 int options);
int kj_hook_push_answer(lua_State *L, const struct kj_step *step); // result, or nil and the error
int kj_hook_wait_for(lua_State *L, const char *name, const struct kj_step *step);

#endif
