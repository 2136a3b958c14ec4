// A Lua state: allocator with a cap, budgets of instructions and CPU time, sticky limits.
//
// Why so: a count hook alone can be swallowed by pcall and sleeps inside C calls. Here the
// allocator and our own library charge the same budget, no pcall outlives a limit, and time is the
// thread's clock, which a slow instruction cannot hide from.
#include "script/vm.h"

#include "base/alloc.h"
#include "base/log.h"
#include "base/str.h"
#include "loop/pool.h"
#include "model/zone.h"
#include "script/eval.h"
#include "script/hook.h"
#include "script/sandbox.h"
#include "script/watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    HOOK_EVERY = 1000,
    BLOCK_LIMIT = 2 * 1024 * 1024, // one text, one table: keeps every single C call short
    CHARGE_EVERY_BYTES = 256 * 1024,
    RESERVE = 64 * 1024,
    IDLE_BYTES = 4 * 1024 * 1024, // a waiting state holds no more garbage than this
    BYTES_PER_UNIT = 64,
    LOADING_PART = 5, // of the CPU time; after each limit a new state is loaded before it judges
    NATIVE_PART = 4,
    PRESSURE_LIMIT = 16,     // full collections forced by the cap in one bracket
    BEYOND_REACH = 40000000, // instructions: none runs so many before it is found overdue
};

const char kj_key_env, kj_key_loaded, kj_key_frozen, kj_key_snapshot, kj_key_declared, kj_key_kept;

static void set_hook(struct kj_vm *vm, int count);

static bool out_of_time(const struct kj_vm *vm)
{
    return vm->timed && vm->ticks == 0;
}

// A limit was hit. What still runs, a __close on the way out, ends at its first instruction: with a
// thousand for each, such functions that call each other would never end.
static void stop(struct kj_vm *vm, enum kj_vm_stop why)
{
    vm->stop = why;
    kj_vm_hurry(vm);
}

// Lua 5.4.4 keeps a pointer to its stack over a call of __concat, which may move the stack, and its
// collector then walks over memory that is not its own: a script could crash the host. So Lua never
// collects by itself here, but between two instructions, where the stack is in order: the hook does
// it, after so many bytes.
static void want_collection(struct kj_vm *vm)
{
    if (vm->timed && !vm->hurried) {
        vm->collect = true;
        set_hook(vm, 1);
    }
}

static void overdue_hook(lua_State *L, lua_Debug *info)
{
    (void)info;
    kj_vm_of(L)->overdue = true;
    luaL_error(L, "this takes long: it is begun anew, and counted");
}

static void collect(struct kj_vm *vm, lua_State *L)
{
    vm->collect = false;
    lua_gc(L, LUA_GCSTEP, 2 * CHARGE_EVERY_BYTES / 1024);
    if (vm->hurried) {
        return;
    }
    if (!vm->uncounted) {
        set_hook(vm, HOOK_EVERY);
    } else if (vm->uncounted_ticks == 0) { // its tick came meanwhile
        lua_sethook(vm->L, overdue_hook, LUA_MASKCOUNT, 1);
    } else {
        lua_sethook(vm->L, NULL, 0, 0);
    }
}

// Growth: may it happen? Sets `stop` where no collection could help.
static bool may_grow(struct kj_vm *vm, size_t from, size_t to)
{
    if (vm->stop) { // only what the message of the error needs
        return to <= RESERVE && vm->used - from + to <= vm->limits.memory + 4 * RESERVE;
    }
    if (to > BLOCK_LIMIT) {
        stop(vm, KJ_STOP_BLOCK);
        return false;
    }
    if (vm->used - from + to > vm->limits.memory) {
        if (++vm->pressure > PRESSURE_LIMIT || out_of_time(vm)) {
            stop(vm, KJ_STOP_MEMORY);
        }
        return false;
    }
    vm->charged_bytes += to - from;
    if (vm->charged_bytes >= CHARGE_EVERY_BYTES) {
        vm->fuel -= (int64_t)(vm->charged_bytes / BYTES_PER_UNIT);
        vm->charged_bytes = 0;
        want_collection(vm);
        if (out_of_time(vm)) {
            stop(vm, KJ_STOP_CPU);
            return false;
        }
    }
    return true;
}

static void *allocate(void *arg, void *block, size_t old_size, size_t new_size)
{
    struct kj_vm *vm = arg;
    size_t from = block ? old_size : 0; // for a new block Lua passes its type here
    if (new_size == 0) {
        kj_blocks_resize(&vm->blocks, block, from, 0);
        vm->used -= from;
        return NULL;
    }
    if (new_size > from && !may_grow(vm, from, new_size)) {
        return NULL;
    }
    void *grown = kj_blocks_resize(&vm->blocks, block, from, new_size);
    if (grown) {
        vm->used = vm->used - from + new_size;
    }
    return grown;
}

void kj_vm_raise_stop(lua_State *L)
{
    struct kj_vm *vm = kj_vm_of(L);
    if (!vm->stop) {
        return;
    }
    luaL_error(L, "%s", kj_vm_stop_text(vm));
}

static void check(lua_State *L)
{
    struct kj_vm *vm = kj_vm_of(L);
    if (!vm->stop) {
        stop(vm, vm->fuel < 0 ? KJ_STOP_FUEL : KJ_STOP_CPU);
    }
    if (vm->stop == KJ_STOP_FUEL || vm->stop == KJ_STOP_CPU) {
        luaL_where(L, 1); // the C function that charged has no line; the caller of the hook has
        if (lua_rawlen(L, -1) == 0) {
            lua_pop(L, 1);
            luaL_where(L, 0);
        }
        lua_pushstring(L, kj_vm_stop_text(vm));
        lua_concat(L, 2);
        lua_error(L);
    }
    kj_vm_raise_stop(L);
}

static void count_hook(lua_State *L, lua_Debug *info)
{
    (void)info;
    struct kj_vm *vm = kj_vm_of(L);
    if (vm->collect) {
        collect(vm, L);
        return;
    }
    vm->fuel -= vm->hurried ? 1 : HOOK_EVERY;
    if (!vm->stop && vm->fuel >= 0 && !out_of_time(vm)) {
        return;
    }
    if (!vm->stop) {
        stop(vm, vm->fuel < 0 ? KJ_STOP_FUEL : KJ_STOP_CPU);
    }
    lua_Debug here;
    if (lua_getstack(L, 0, &here) && lua_getinfo(L, "Sl", &here) && here.currentline > 0) {
        lua_pushfstring(L, "%s:%d: %s", here.short_src, here.currentline, kj_vm_stop_text(vm));
        lua_error(L);
    }
    check(L);
}

void kj_vm_charge(lua_State *L, int64_t units)
{
    struct kj_vm *vm = kj_vm_of(L);
    vm->fuel -= units;
    if (vm->uncounted && vm->uncounted_ticks == 0 && !vm->stop) {
        overdue_hook(L, NULL); // the hook itself waits for an instruction
    }
    if (vm->stop || vm->fuel < 0 || out_of_time(vm)) {
        check(L);
    }
}

void kj_vm_native(lua_State *L, size_t bytes)
{
    struct kj_vm *vm = kj_vm_of(L);
    vm->native += bytes;
    if (vm->native > vm->limits.memory / NATIVE_PART) {
        stop(vm, KJ_STOP_MEMORY);
        kj_vm_raise_stop(L);
    }
}

static void set_hook(struct kj_vm *vm, int count)
{
    if (!vm->L) {
        return; // not even made
    }
    lua_sethook(vm->L, count_hook, LUA_MASKCOUNT, count);
    if (vm->run && vm->run->thread) {
        lua_sethook(vm->run->thread, count_hook, LUA_MASKCOUNT, count);
    }
}

void kj_vm_hurry(struct kj_vm *vm)
{
    vm->hurried = true;
    set_hook(vm, 1);
}

void kj_vm_tick(struct kj_vm *vm)
{
    if (vm->uncounted && vm->uncounted_ticks > 0 && --vm->uncounted_ticks == 0) {
        lua_sethook(vm->L, overdue_hook, LUA_MASKCOUNT, 1);
    }
    if (vm->short_ticks > 0 && --vm->short_ticks == 0) {
        kj_pool_takes_long();
    }
    if (vm->ticks > 0 && --vm->ticks == 0) {
        kj_vm_hurry(vm);
    }
}

void kj_vm_begin_uncounted(struct kj_vm *vm)
{
    kj_vm_begin(vm);
    if (vm->watched && vm->limits.instructions >= BEYOND_REACH) {
        vm->uncounted_ticks = KJ_WATCH_OVERDUE;
        vm->uncounted = true;
        lua_sethook(vm->L, NULL, 0, 0);
    }
}

bool kj_vm_try_counted(struct kj_vm *vm)
{
    if (vm->uncounted && (vm->stop == KJ_STOP_CPU || vm->stop == KJ_STOP_FUEL)) {
        vm->stop = KJ_STOP_NONE; // where it was hit is not where a count would have hit it
    }
    return !vm->stop;
}

void kj_vm_begin(struct kj_vm *vm)
{
    if ((vm->hurried || vm->collect) && !vm->stop) { // with nothing left to do
        vm->hurried = false;
        set_hook(vm, HOOK_EVERY);
    }
    vm->fuel = vm->limits.instructions;
    vm->pressure = 0;
    vm->charged_bytes = 0;
    int64_t cpu_ms = vm->loading ? vm->limits.cpu_ms / LOADING_PART : vm->limits.cpu_ms;
    vm->ticks = (sig_atomic_t)(cpu_ms / KJ_WATCH_TICK_MS + 1);
    vm->short_ticks = KJ_WATCH_LONG;
    vm->native = 0;
    vm->uncounted = vm->overdue = vm->collect = false;
    vm->timed = true;
    vm->watched = kj_watch_enter(vm);
}

void kj_vm_end(struct kj_vm *vm)
{
    kj_watch_leave(vm);
    vm->timed = false;
    if (vm->uncounted) {
        set_hook(vm, vm->hurried ? 1 : HOOK_EVERY);
    }
    if (!vm->stop && (vm->used > vm->limits.memory / 2 || vm->used > IDLE_BYTES)) {
        lua_gc(vm->L, LUA_GCCOLLECT);
    }
}

bool kj_vm_status(struct kj_vm *vm, int status)
{
    if (status == LUA_ERRMEM && !vm->stop) {
        stop(vm, KJ_STOP_MEMORY);
    }
    return vm->stop != KJ_STOP_NONE;
}

static int panic(lua_State *L)
{
    kj_log(KJ_LOG_ERROR, "script", "Lua failed outside a protected call", "text",
           lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "", NULL);
    return 0; // Lua aborts
}

static int build(lua_State *L)
{
    kj_sandbox_open(L);
    return 0;
}

int kj_vm_create(const struct kj_vm_limits *limits, const struct kj_sources *sources,
                 const char *pack, bool steps, struct kj_vm **out, struct kj_fault *fault)
{
    struct kj_vm *vm = KJ_NEW(struct kj_vm);
    vm->limits = *limits;
    vm->sources = sources;
    vm->pack = pack;
    vm->steps = steps;
    vm->language = "en";
    vm->zone = kj_zone_get("UTC");
    kj_rng_init(&vm->rng, 1);
    *out = NULL;
    vm->values_ref = LUA_NOREF;
    vm->L = lua_newstate(allocate, vm);
    if (!vm->L) {
        kj_blocks_fini(&vm->blocks);
        free(vm);
        return kj_fault(fault, KJ_ELIMIT, NULL, "raise the memory limit of scripts",
                        "a Lua state does not fit into %zu bytes", limits->memory);
    }
    *(struct kj_vm **)lua_getextraspace(vm->L) = vm;
    lua_atpanic(vm->L, panic);
    int status = kj_vm_protect(vm, build, NULL, fault);
    if (status) {
        kj_vm_destroy(vm);
        return status;
    }
    set_hook(vm, HOOK_EVERY);
    lua_gc(vm->L, LUA_GCSTOP);
    *out = vm;
    return 0;
}

void kj_vm_destroy(struct kj_vm *vm)
{
    if (!vm) {
        return;
    }
    kj_watch_leave(vm);
    vm->stop = KJ_STOP_NONE; // closing may allocate a little; nothing of the script runs
    vm->timed = false;
    vm->limits.memory = SIZE_MAX / 2;
    lua_sethook(vm->L, NULL, 0, 0);
    lua_close(vm->L);
    kj_blocks_fini(&vm->blocks);
    kj_eval_destroy(vm->room);
    free(vm);
}
