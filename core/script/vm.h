// One Lua state with the limits that no script can swallow.
//
// Memory is capped in the allocator, instructions are counted in a hook, long C calls charge the
// same budget (kj_vm_charge), and the thread's CPU clock (watch.h) ends what is slow all the same.
// A limit that was hit is fatal and sticky: `stop` is set, every pcall re-raises, the hook stops
// each instruction that still runs (a __close), and the owner throws the state away. One thread at
// a time.
#ifndef KJ_VM_H
#define KJ_VM_H

#include "base/err.h"
#include "base/rng.h"
#include "script/blocks.h"

#include <lauxlib.h>
#include <lua.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct kj_sources;
struct kj_eval;
struct kj_hook_run;
struct kj_zone;

struct kj_vm_limits {
    size_t memory;        // bytes
    int64_t cpu_ms;       // per begin/end bracket
    int64_t instructions; // per bracket; long C calls are charged in the same coin
    bool locked;          // rule packs: in a locked process (cell.h)
    bool terse;           // nobody wants to know why; a locked one tells all the same
};

enum kj_vm_stop { KJ_STOP_NONE, KJ_STOP_MEMORY, KJ_STOP_BLOCK, KJ_STOP_CPU, KJ_STOP_FUEL };

// Values kept in the registry under fixed integer keys (luaL_ref hands out small ones, so these
// are light userdata keys: &kj_key_x).
extern const char kj_key_env, kj_key_loaded, kj_key_frozen, kj_key_snapshot, kj_key_declared,
    kj_key_kept;

// Some 40 names of a pack in 128 places had a few pairs share one, and each look-up of a pair was
// made anew and noted anew: 2 % of the time of evaluations.
enum { KJ_MEMO = 512 };
struct kj_memo {
    const void *scope, *found;
    const char *key;
};

struct kj_vm {
    lua_State *L;
    struct kj_vm_limits limits;
    struct kj_blocks blocks;
    size_t used;
    size_t charged_bytes; // allocated and not yet charged
    int pressure;         // allocations refused in this bracket
    size_t native;        // kj_vm_native
    int64_t fuel;
    // Ticks of the CPU clock left in this bracket, counted by a signal of the same thread; 0: late.
    volatile sig_atomic_t ticks, uncounted_ticks, short_ticks; // the last: until it takes long
    bool timed, watched;                                       // inside a bracket; the clock ticks
    bool hurried;                                              // the hook stops every instruction
    bool collect;                                              // the hook is to collect garbage
    bool uncounted;                                            // its instructions are not counted
    bool overdue;                                              // and it took too long for that
    struct kj_vm *outer;                                       // whose bracket this one lies in
    enum kj_vm_stop stop;
    const struct kj_sources *sources; // what require may load; borrowed
    const char *pack;                 // name of the pack, for its own folder; may be NULL
    bool loading;                     // kejue.rules, kejue.hook … only now
    bool steps;                       // kejue.call … exist (hooks)
    struct kj_rng rng;
    const struct kj_zone *zone; // of the lead; never NULL
    const char *language;
    struct kj_eval *eval;     // the evaluation under way, or NULL
    struct kj_eval *room;     // where evaluations happen, kept with the state
    struct kj_hook_run *run;  // the hook under way, or NULL
    int call_ref, values_ref; // c, and the table of values of variables: references
    uint32_t epoch;           // counts evaluations
    struct kj_memo memo[KJ_MEMO];
};

static inline struct kj_vm *kj_vm_of(lua_State *L)
{
    return *(struct kj_vm **)lua_getextraspace(L);
}

// Every userdata that a script can hold begins with its tag, the address of its kind: one look
// tells what it is, where luaL_checkudata makes and compares a text each time.
static inline void *kj_tagged(lua_State *L, int index, const void *tag)
{
    const void **data = lua_type(L, index) == LUA_TUSERDATA ? lua_touserdata(L, index) : NULL;
    return data && *data == tag ? data : NULL;
}

// What (scope, key) was found to be, or NULL. Lua keeps one copy of a short text, so that a name in
// a script is always asked for with the same address; kj_memo_keep holds the text, so that the
// address stays its own.
static inline const void *kj_memo_find(struct kj_vm *vm, const void *scope, const char *key)
{
    uintptr_t mixed = (uintptr_t)key / 8 ^ (uintptr_t)scope / 16;
    const struct kj_memo *memo = &vm->memo[mixed % KJ_MEMO];
    return memo->key == key && memo->scope == scope ? memo->found : NULL;
}
// Remembers what the text at `index` was found to be. Only for names from a list that has an end.
void kj_memo_keep(lua_State *L, int index, const void *scope, const void *found);

int kj_vm_create(const struct kj_vm_limits *limits, const struct kj_sources *sources,
                 const char *pack, bool steps, struct kj_vm **vm,
                 struct kj_fault *fault) KJ_MUST_USE;
void kj_vm_destroy(struct kj_vm *vm);

// The bracket around script code: sets the budgets anew; end collects garbage when much is there.
void kj_vm_begin(struct kj_vm *vm);
void kj_vm_end(struct kj_vm *vm);
// For what nearly always ends soon: instructions are not counted; when it takes more than some 10
// ms an error is raised that no pcall holds, and the owner begins anew by kj_vm_begin.
void kj_vm_begin_uncounted(struct kj_vm *vm);
// After a failure: is the state fit to begin anew? Only memory is not.
bool kj_vm_try_counted(struct kj_vm *vm);
// Work done in C on behalf of a script, in instructions; raises the Lua error of the limit.
void kj_vm_charge(lua_State *L, int64_t units);
// Memory that a script keeps in C, where Lua's collector does not see its size: bounded by all that
// was made in this bracket, freed or not. Raises the Lua error of the limit.
void kj_vm_native(lua_State *L, size_t bytes);
// From now on the hook is called before each instruction. Also from a signal of the same thread.
void kj_vm_hurry(struct kj_vm *vm);
void kj_vm_tick(struct kj_vm *vm); // watch.c: in a signal handler of the bracket's thread
// Raises the sticky error again when a limit was hit.
void kj_vm_raise_stop(lua_State *L);
// The sentence of the limit that was hit.
const char *kj_vm_stop_text(const struct kj_vm *vm);
// Notes a limit from the status of a protected call; true when the state is done for.
bool kj_vm_status(struct kj_vm *vm, int status);
// lua_pcall; on error the message (a string, always) is on the stack.
int kj_vm_pcall(struct kj_vm *vm, lua_State *L, int arguments, int results);
// Calls a C function with a pointer under protection: how all our code reaches Lua.
int kj_vm_protect(struct kj_vm *vm, int (*fn)(lua_State *), void *arg, struct kj_fault *fault);
// The message on top of the stack after a failed call, or the sentence of the limit; may be NULL.
const char *kj_vm_message(const struct kj_vm *vm, lua_State *L);
// Splits "rules/x.lua:12: text" into place and text and cleans control bytes.
int kj_vm_fault(struct kj_fault *fault, int code, const char *message);

#endif
