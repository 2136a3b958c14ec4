// The basic functions: those of Lua that are safe, and our own type, tostring, pcall, setmetatable
// and math.random, which are deterministic and end when a limit says so.
#include "script/eval.h"
#include "script/sandbox.h"
#include "script/view.h"

#include <lualib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *kj_type_name(lua_State *L, int index)
{
    if (lua_type(L, index) == LUA_TLIGHTUSERDATA) {
        return "none";
    }
    if (lua_type(L, index) == LUA_TUSERDATA) {
        return kj_moment_at(L, index) ? "time" : "table";
    }
    return luaL_typename(L, index);
}

static int lua_type_of(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_pushstring(L, kj_type_name(L, 1));
    return 1;
}

// Without addresses: they differ from run to run.
void kj_push_text(lua_State *L, int index)
{
    int type = lua_type(L, index);
    bool anonymous = type == LUA_TTABLE || type == LUA_TFUNCTION || type == LUA_TUSERDATA;
    if (type == LUA_TLIGHTUSERDATA) {
        lua_pushliteral(L, "none");
        return;
    }
    if (anonymous && luaL_getmetafield(L, index, "__tostring") == LUA_TNIL) {
        lua_pushstring(L, kj_type_name(L, index));
        return;
    }
    if (anonymous) {
        lua_pop(L, 1);
    }
    luaL_tolstring(L, index, NULL);
}

static int lua_to_text(lua_State *L)
{
    luaL_checkany(L, 1);
    kj_push_text(L, 1);
    return 1;
}

// The sections of an evaluation that were under way and cannot be left by an error (pack_eval.c).
static int open_sections(lua_State *L)
{
    const struct kj_eval *eval = kj_vm_of(L)->eval;
    return eval ? eval->guards : 0;
}

static int after_pcall(lua_State *L, int status, lua_KContext sections)
{
    struct kj_vm *vm = kj_vm_of(L);
    if (kj_vm_status(vm, status == LUA_YIELD ? LUA_OK : status)) {
        if (status == LUA_OK || status == LUA_YIELD) {
            kj_vm_raise_stop(L);
        }
        return lua_error(L); // a limit is not for scripts to catch
    }
    if (vm->overdue || open_sections(L) != sections) {
        return lua_error(L); // nor is the fault of a result that the function asked for
    }
    lua_pushboolean(L, status == LUA_OK || status == LUA_YIELD);
    lua_replace(L, 1);
    return lua_gettop(L);
}

// Stack: a place for the result, the function, its arguments.
static int lua_protected(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_pushboolean(L, 1);
    lua_insert(L, 1);
    int sections = open_sections(L);
    int status = lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, sections, after_pcall);
    return after_pcall(L, status, sections);
}

static int lua_set_metatable(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    int type = lua_type(L, 2);
    luaL_argexpected(L, type == LUA_TNIL || type == LUA_TTABLE, 2, "nil or table");
    if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL) {
        return luaL_error(L, "the metatable of this table cannot be changed");
    }
    lua_settop(L, 2);
    if (type == LUA_TTABLE) {
        static const char *const refused[] = {"__gc", "__close", "__mode"};
        kj_raw_table(L, 2);
        for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
            lua_pushstring(L, refused[i]);
            if (lua_rawget(L, 3) != LUA_TNIL) {
                return luaL_error(L, "%s is not available in scripts", refused[i]);
            }
            lua_pop(L, 1);
        }
        if (!lua_rawequal(L, 2, 3)) { // frozen: an equal copy that Lua can look into
            lua_newtable(L);
            lua_pushnil(L);
            while (lua_next(L, 3)) {
                lua_pushvalue(L, -2);
                lua_insert(L, -2);
                lua_rawset(L, 4);
            }
            lua_replace(L, 2);
        }
    }
    lua_settop(L, 2);
    lua_setmetatable(L, 1);
    return 1;
}

static int lua_random(lua_State *L)
{
    struct kj_rng *rng = &kj_vm_of(L)->rng;
    int count = lua_gettop(L);
    if (count == 0) {
        lua_pushnumber(L, kj_rng_unit(rng));
        return 1;
    }
    lua_Integer low = count > 1 ? luaL_checkinteger(L, 1) : 1;
    lua_Integer high = luaL_checkinteger(L, count > 1 ? 2 : 1);
    luaL_argcheck(L, low <= high, count > 1 ? 2 : 1, "interval is empty");
    lua_pushinteger(L, kj_rng_range(rng, low, high));
    return 1;
}

// Any function of Lua's library, charged for the texts it is given: one call over a megabyte (also
// one that reads a number from it) must not count as one instruction.
static int charged(lua_State *L)
{
    int64_t bytes = 0;
    for (int i = lua_gettop(L); i > 0; i--) {
        bytes += lua_type(L, i) == LUA_TSTRING ? (int64_t)lua_rawlen(L, i) : 0;
    }
    kj_vm_charge(L, 1 + bytes / 8);
    return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

void kj_pick_charged(lua_State *L, int to, const char *const *names)
{
    for (size_t i = 0; names[i]; i++) {
        if (lua_getfield(L, -1, names[i]) == LUA_TFUNCTION) {
            lua_pushcclosure(L, charged, 1);
        }
        lua_setfield(L, to, names[i]);
    }
    lua_pop(L, 1);
}

static void open_math(lua_State *L, int env)
{
    static const char *const names[] = {"abs",  "ceil",       "floor",      "max", "min",
                                        "fmod", "modf",       "sqrt",       "exp", "log",
                                        "pi",   "tointeger",  "type",       "ult", "huge",
                                        "sin",  "maxinteger", "mininteger", "cos", NULL};
    lua_newtable(L);
    int to = lua_gettop(L);
    lua_pushcfunction(L, luaopen_math);
    lua_call(L, 0, 1);
    kj_pick_charged(L, to, names);
    lua_pushcfunction(L, lua_random);
    lua_setfield(L, to, "random");
    lua_setfield(L, env, "math");
}

void kj_base_lib_open(lua_State *L)
{
    static const char *const plain[] = {"assert", "error", "ipairs"};
    static const char *const names[] = {"select", "tonumber", NULL};
    static const luaL_Reg own[] = {
        {"pairs", kj_lua_pairs},
        {"next", kj_lua_next},
        {"type", lua_type_of},
        {"tostring", lua_to_text},
        {"pcall", lua_protected},
        {"setmetatable", lua_set_metatable},
        {NULL, NULL},
    };
    int env = lua_gettop(L);
    lua_newtable(L); // luaopen_base writes into the global table of the registry: give it this one
    lua_pushvalue(L, -1);
    lua_rawseti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
    lua_pop(L, 1);
    lua_pushcfunction(L, luaopen_base);
    lua_call(L, 0, 1);
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        lua_getfield(L, -1, plain[i]);
        lua_setfield(L, env, plain[i]);
    }
    kj_pick_charged(L, env, names);
    lua_newtable(L);
    lua_rawseti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
    luaL_setfuncs(L, own, 0);
    open_math(L, env);
}
