// The basic functions: those of Lua that are safe, and our own pairs, next, type, tostring, pcall,
// setmetatable and math.random, which are deterministic and end when a limit says so.
#include "script/sandbox.h"
#include "script/view.h"

#include <lualib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_KEYS = 50000 };

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

// --- sorted keys ---

static int rank(lua_State *L, int index)
{
    switch (lua_type(L, index)) {
    case LUA_TNUMBER:
        return 0;
    case LUA_TSTRING:
        return 1;
    case LUA_TBOOLEAN:
        return 2;
    default:
        return luaL_error(L,
                          "this table has a %s as a key: its members have no order; use texts "
                          "or numbers as keys",
                          kj_type_name(L, index));
    }
}

static bool key_less(lua_State *L, int a, int b)
{
    int left = rank(L, a), right = rank(L, b);
    if (left != right) {
        return left < right;
    }
    if (left == 2) {
        return !lua_toboolean(L, a) && lua_toboolean(L, b);
    }
    if (left == 0) {
        return lua_compare(L, a, b, LUA_OPLT);
    }
    size_t length_a, length_b; // by bytes: a locale must not matter
    const char *text_a = lua_tolstring(L, a, &length_a), *text_b = lua_tolstring(L, b, &length_b);
    size_t common = length_a < length_b ? length_a : length_b;
    int order = memcmp(text_a, text_b, common);
    return order ? order < 0 : length_a < length_b;
}

// One level of a bottom-up merge from the array at `from` to the one at `to`.
static void merge_level(lua_State *L, int from, int to, lua_Integer count, lua_Integer width)
{
    for (lua_Integer start = 1; start <= count; start += 2 * width) {
        lua_Integer middle = start + width, end = start + 2 * width;
        middle = middle > count + 1 ? count + 1 : middle;
        end = end > count + 1 ? count + 1 : end;
        lua_Integer left = start, right = middle;
        for (lua_Integer at = start; at < end; at++) {
            bool take_left = right >= end;
            if (left < middle && right < end) {
                lua_rawgeti(L, from, right);
                lua_rawgeti(L, from, left);
                take_left = !key_less(L, -2, -1);
                lua_pop(L, 2);
            } else if (left < middle) {
                take_left = true;
            }
            lua_rawgeti(L, from, take_left ? left++ : right++);
            lua_rawseti(L, to, at);
        }
    }
    kj_vm_charge(L, count * 4);
}

void kj_sort_keys(lua_State *L)
{
    luaL_checkstack(L, 8, "sort");
    int from = lua_gettop(L);
    lua_Integer count = (lua_Integer)lua_rawlen(L, from);
    if (count > MAX_KEYS) {
        luaL_error(L, "more than %d members", MAX_KEYS);
    }
    if (count < 2) {
        if (count == 1) {
            lua_rawgeti(L, from, 1);
            rank(L, -1);
            lua_pop(L, 1);
        }
        return;
    }
    lua_createtable(L, (int)count, 0);
    for (lua_Integer width = 1; width < count; width *= 2) {
        merge_level(L, from, from + 1, count, width);
        lua_insert(L, from); // the two change places
    }
    lua_settop(L, from);
}

void kj_sorted_keys(lua_State *L, int index)
{
    index = lua_absindex(L, index);
    if (lua_isuserdata(L, index)) {
        if (!kj_view_keys(L, index)) {
            luaL_error(L, "a %s has no named members", kj_type_name(L, index));
        }
        return;
    }
    luaL_checktype(L, index, LUA_TTABLE);
    kj_raw_table(L, index);
    int raw = lua_gettop(L);
    lua_newtable(L);
    lua_Integer count = 0;
    lua_pushnil(L);
    while (lua_next(L, raw)) {
        lua_pop(L, 1);
        lua_pushvalue(L, -1);
        lua_rawseti(L, raw + 1, ++count);
    }
    kj_sort_keys(L);
    lua_remove(L, raw);
}

// --- pairs and next ---

// Upvalues: the table, its sorted keys, the position.
static int pairs_step(lua_State *L)
{
    lua_Integer at = lua_tointeger(L, lua_upvalueindex(3)) + 1;
    for (;; at++) {
        if (lua_rawgeti(L, lua_upvalueindex(2), at) == LUA_TNIL) {
            return 1;
        }
        lua_pushvalue(L, -1);
        if (lua_gettable(L, lua_upvalueindex(1)) != LUA_TNIL) {
            break; // else it was removed meanwhile
        }
        lua_pop(L, 2);
    }
    lua_pushinteger(L, at);
    lua_replace(L, lua_upvalueindex(3));
    return 2;
}

static int list_step(lua_State *L)
{
    lua_Integer at = luaL_checkinteger(L, 2) + 1;
    lua_pushinteger(L, at);
    return lua_geti(L, 1, at) == LUA_TNIL ? 1 : 2;
}

static int lua_pairs(lua_State *L)
{
    luaL_checkany(L, 1);
    bson_t doc;
    bool list = false;
    if (kj_view_doc(L, 1, &doc, &list) && list) {
        lua_pushcfunction(L, list_step);
        lua_pushvalue(L, 1);
        lua_pushinteger(L, 0);
        return 3;
    }
    if (!lua_istable(L, 1) && !lua_isuserdata(L, 1)) {
        return luaL_error(L, "pairs needs a table, not a %s", kj_type_name(L, 1));
    }
    lua_pushvalue(L, 1);
    if (kj_is_names(L, 1)) {
        kj_names_push(L, 1);
    } else {
        kj_sorted_keys(L, 1);
    }
    lua_pushinteger(L, 0);
    lua_pushcclosure(L, pairs_step, 3);
    return 1;
}

static int lua_next_sorted(lua_State *L)
{
    if (lua_isuserdata(L, 1)) {
        return luaL_error(L,
                          "next does not work on the facts of a call: use pairs, or # for lists");
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 2);
    kj_raw_table(L, 1);
    bool found = false;
    lua_pushnil(L); // 4: the smallest key so far
    lua_pushnil(L);
    int64_t seen = 0;
    while (lua_next(L, 3)) {
        lua_pop(L, 1);
        rank(L, -1);
        seen++;
        bool behind = lua_isnil(L, 2) || key_less(L, 2, -1);
        if (behind && (!found || key_less(L, -1, 4))) {
            lua_pushvalue(L, -1);
            lua_replace(L, 4);
            found = true;
        }
    }
    kj_vm_charge(L, seen);
    if (!found) {
        lua_pushnil(L);
        return 1;
    }
    lua_pushvalue(L, 4);
    lua_pushvalue(L, 4);
    lua_rawget(L, 3);
    return 2;
}

// --- the rest ---

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

static int after_pcall(lua_State *L, int status, lua_KContext context)
{
    (void)context;
    struct kj_vm *vm = kj_vm_of(L);
    if (kj_vm_status(vm, status == LUA_YIELD ? LUA_OK : status)) {
        if (status == LUA_OK || status == LUA_YIELD) {
            kj_vm_raise_stop(L);
        }
        return lua_error(L); // a limit is not for scripts to catch
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
    int status = lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, 0, after_pcall);
    return after_pcall(L, status, 0);
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
        {"pairs", lua_pairs},
        {"next", lua_next_sorted},
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
