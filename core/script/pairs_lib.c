// pairs and next in sorted order: Lua's own order of texts differs from run to run, and a decision
// that depends on it could not be replayed.
#include "script/sandbox.h"
#include "script/view.h"

#include <string.h>

enum { MAX_KEYS = 50000 };

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
    kj_vm_charge(L, (int64_t)common / 64);
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

int kj_lua_pairs(lua_State *L)
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

int kj_lua_next(lua_State *L)
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
