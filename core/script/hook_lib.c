// What a hook may call: kejue.call and its kin, as Lua sees them; the steps are hook_step.c's.
#include "base/alloc.h"
#include "script/convert.h"
#include "script/hook.h"
#include "script/sandbox.h"
#include "script/time_lib.h"
#include "script/view.h"

#include <stdio.h>
#include <string.h>

// --- declaring ---

static int declare(lua_State *L, const char *prefix)
{
    struct kj_vm *vm = kj_vm_of(L);
    lua_Debug here;
    if (!vm->loading || !vm->steps) {
        return luaL_error(L, "hooks belong into a file in scripts/hooks");
    }
    if (!lua_istable(L, 1) || lua_gettop(L) != 1) {
        return luaL_error(L, "write: return kejue.hook { on = \"…\", run = function(ev) … end }");
    }
    if (prefix) { // a job kind of its own: its jobs come as the event kind.NAME
        if (lua_getfield(L, 1, "name") != LUA_TSTRING) {
            return luaL_error(L, "kejue.kind needs name = \"…\"");
        }
        lua_pushfstring(L, "%s%s", prefix, lua_tostring(L, -1));
        lua_setfield(L, 1, "on");
        lua_settop(L, 1);
    }
    int line = lua_getstack(L, 1, &here) && lua_getinfo(L, "l", &here) ? here.currentline : 1;
    lua_pushinteger(L, line);
    lua_rawsetp(L, 1, &kj_key_declared);
    return 1;
}

static int declare_hook(lua_State *L)
{
    return declare(L, NULL);
}

static int declare_kind(lua_State *L)
{
    return declare(L, "kind.");
}

// --- steps ---

// call(verb, args, { key = …, within = … }): the result, or nil and the error.
static int hook_call(lua_State *L)
{
    struct kj_hook_run *run = kj_hook_run_of(L, "call");
    const char *verb = luaL_checkstring(L, 1);
    kj_hook_check_use(L, run, verb);
    kj_hook_check_wait(L, "call");
    return kj_hook_wait_for(L, "call", kj_hook_new_step(L, run, verb, 2, 3));
}

// A step of the host: the table of arguments is at 1, options at 2.
static int host_step(lua_State *L, const char *name, const char *verb)
{
    struct kj_hook_run *run = kj_hook_run_of(L, name);
    luaL_checktype(L, 1, LUA_TTABLE);
    kj_hook_check_wait(L, name);
    return kj_hook_wait_for(L, name, kj_hook_new_step(L, run, verb, 1, 2));
}

static int hook_http(lua_State *L)
{
    return host_step(L, "http", "host.http");
}

static int job_submit(lua_State *L)
{
    return host_step(L, "job.submit", "host.submit");
}

// job.at(time, { kind = …, payload = … }, options)
static int job_at(lua_State *L)
{
    if (!kj_moment_at(L, 1)) {
        return luaL_typeerror(L, 1, "time");
    }
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_pushvalue(L, 1);
    lua_setfield(L, 2, "due");
    lua_remove(L, 1);
    return job_submit(L);
}

// job.every("1h", { kind = …, key = … }, options)
static int job_every(lua_State *L)
{
    int64_t ms;
    if (!kj_span_parse(luaL_checkstring(L, 1), &ms) || ms < KJ_LEAST_EVERY_MS) {
        return luaL_error(L, "job.every takes a span of at least \"1m\"");
    }
    luaL_checktype(L, 2, LUA_TTABLE);
    if (lua_getfield(L, 2, "key") != LUA_TSTRING) {
        return luaL_error(L, "job.every needs key = \"…\": under it the job exists once");
    }
    lua_pop(L, 1);
    lua_pushinteger(L, ms);
    lua_setfield(L, 2, "every_ms");
    lua_remove(L, 1);
    return job_submit(L);
}

static int after_get(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    int count = kj_hook_push_answer(L, &kj_vm_of(L)->run->steps[context]);
    if (count == 2) {
        return 2;
    }
    lua_getfield(L, -1, "value"); // the value itself, and its revision
    lua_getfield(L, -2, "revision");
    return 2;
}

// store.get(name): the value (nil when absent) and its revision.
static int store_get(lua_State *L)
{
    struct kj_hook_run *run = kj_hook_run_of(L, "store.get");
    const char *name = luaL_checkstring(L, 1);
    kj_hook_check_wait(L, "store.get");
    lua_settop(L, 2);
    lua_createtable(L, 0, 1);
    lua_pushstring(L, name);
    lua_setfield(L, -2, "key");
    struct kj_step *step = kj_hook_new_step(L, run, "host.state.get", 3, 2);
    lua_KContext context = step - run->steps;
    return step->answer ? after_get(L, LUA_OK, context) : lua_yieldk(L, 0, context, after_get);
}

// store.put(name, value, { revision = …, key = … })
static int store_put(lua_State *L)
{
    struct kj_hook_run *run = kj_hook_run_of(L, "store.put");
    luaL_checkstring(L, 1);
    luaL_checkany(L, 2);
    kj_hook_check_wait(L, "store.put");
    lua_settop(L, 3);
    lua_createtable(L, 0, 3); // 4: the arguments
    lua_pushvalue(L, 1);
    lua_setfield(L, 4, "key");
    lua_pushvalue(L, 2);
    lua_setfield(L, 4, "value");
    lua_newtable(L); // 5: the options that are left
    if (lua_istable(L, 3)) {
        lua_getfield(L, 3, "revision");
        lua_setfield(L, 4, "revision");
        lua_getfield(L, 3, "key");
        lua_setfield(L, 5, "key");
    }
    return kj_hook_wait_for(L, "store.put", kj_hook_new_step(L, run, "host.state.put", 4, 5));
}

// --- together ---

static int after_together(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    struct kj_hook_run *run = kj_vm_of(L)->run;
    // The table of names (2) says which step answers which member.
    lua_newtable(L);
    int out = lua_gettop(L);
    for (lua_pushnil(L); lua_next(L, 2); lua_pop(L, 1)) {
        const struct kj_step *step = &run->steps[lua_tointeger(L, -1)];
        lua_pushvalue(L, -2);
        lua_createtable(L, 0, 2);
        int one = lua_gettop(L);
        int count = kj_hook_push_answer(L, step);
        if (count == 2) {
            lua_setfield(L, one, "err");
            lua_pop(L, 1);
        } else {
            lua_setfield(L, one, "result");
        }
        lua_rawset(L, out);
    }
    (void)context;
    return 1;
}

// together { a = { verb, args, options }, … }: the same names with { result = … } or { err = … }.
static int hook_together(lua_State *L)
{
    struct kj_hook_run *run = kj_hook_run_of(L, "together");
    luaL_checktype(L, 1, LUA_TTABLE);
    kj_hook_check_wait(L, "together");
    lua_settop(L, 1);
    lua_newtable(L); // 2: name -> index of the step
    kj_sorted_keys(L, 1);
    bool open = false;
    for (lua_Integer i = 1; lua_rawgeti(L, 3, i) != LUA_TNIL; i++) {
        int base = lua_gettop(L);
        lua_pushvalue(L, base);
        if (lua_gettable(L, 1) != LUA_TTABLE) {
            return luaL_error(L, "together takes calls like { \"calendar.find\", { day = … } }");
        }
        lua_geti(L, base + 1, 1);
        lua_geti(L, base + 1, 2);
        lua_geti(L, base + 1, 3);
        const char *verb = luaL_checkstring(L, base + 2);
        kj_hook_check_use(L, run, verb);
        const struct kj_step *step = kj_hook_new_step(L, run, verb, base + 3, base + 4);
        open = open || !step->answer;
        lua_pushvalue(L, base);
        lua_pushinteger(L, step - run->steps);
        lua_rawset(L, 2);
        lua_settop(L, base - 1);
    }
    lua_settop(L, 2);
    return open ? lua_yieldk(L, 0, 0, after_together) : after_together(L, LUA_OK, 0);
}

// --- waiting and trying again ---

static int after_sleep(lua_State *L, int status, lua_KContext context)
{
    (void)L;
    (void)status;
    (void)context;
    return 0;
}

static int hook_sleep(lua_State *L)
{
    struct kj_hook_run *run = kj_hook_run_of(L, "sleep");
    int64_t ms;
    if (!kj_span_parse(luaL_checkstring(L, 1), &ms) || ms < 1 || ms > KJ_MAX_SLEEP_MS) {
        return luaL_error(L, "sleep takes a span of at most \"60s\"; what is longer is a job: "
                             "kejue.job.at");
    }
    kj_hook_check_wait(L, "sleep");
    if (++run->sleeps > KJ_MAX_STEPS) {
        return luaL_error(L, "more than %d sleeps in one hook: let a job wait, kejue.job.at",
                          KJ_MAX_STEPS);
    }
    run->sleep_ms = ms;
    return lua_yieldk(L, 0, 0, after_sleep);
}

static int64_t option_span(lua_State *L, int index, const char *name)
{
    int64_t ms = 0;
    if (lua_getfield(L, index, name) != LUA_TNIL) {
        if (lua_type(L, -1) != LUA_TSTRING || !kj_span_parse(lua_tostring(L, -1), &ms)) {
            luaL_error(L, "%s must be a span like \"24h\"", name);
        }
    }
    lua_pop(L, 1);
    return ms;
}

// return kejue.retry("2m", err or text, { attempts = 5, expires = "24h" })
static int hook_retry(lua_State *L)
{
    int64_t after;
    kj_hook_run_of(L, "retry");
    if (!kj_span_parse(luaL_checkstring(L, 1), &after)) {
        return luaL_error(L, "retry takes a span like \"2m\"");
    }
    lua_settop(L, 3);
    lua_createtable(L, 0, 5);
    lua_pushinteger(L, after);
    lua_setfield(L, 4, "after_ms");
    if (lua_istable(L, 2)) {
        lua_getfield(L, 2, "text");
    } else {
        lua_pushvalue(L, 2);
    }
    if (lua_type(L, -1) == LUA_TSTRING) {
        lua_setfield(L, 4, "reason");
    } else {
        lua_pop(L, 1);
    }
    if (!lua_isnil(L, 3)) {
        luaL_checktype(L, 3, LUA_TTABLE);
        lua_pushinteger(L, option_span(L, 3, "expires"));
        lua_setfield(L, 4, "expires_ms");
        lua_getfield(L, 3, "attempts");
        lua_pushinteger(L, luaL_optinteger(L, -1, 0));
        lua_setfield(L, 4, "attempts");
        lua_settop(L, 4);
    }
    lua_pushboolean(L, 1);
    lua_rawsetp(L, 4, &kj_key_declared); // how we know it again; scripts cannot write such a key
    return 1;
}

void kj_hook_lib_open(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"hook", declare_hook},      {"kind", declare_kind}, {"call", hook_call},
        {"together", hook_together}, {"sleep", hook_sleep},  {"retry", hook_retry},
        {"http", hook_http},         {NULL, NULL},
    };
    static const luaL_Reg job[] = {
        {"submit", job_submit}, {"at", job_at}, {"every", job_every}, {NULL, NULL}};
    static const luaL_Reg store[] = {{"get", store_get}, {"put", store_put}, {NULL, NULL}};
    luaL_setfuncs(L, functions, 0);
    luaL_newlib(L, job);
    lua_setfield(L, -2, "job");
    luaL_newlib(L, store);
    lua_setfield(L, -2, "store");
}
