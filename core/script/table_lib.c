// The table library, bounded: Lua's own moves, sorts and inserts run over any range in one call,
// where no instruction is counted. Sorting is a stable merge, so that an order function that
// contradicts itself can neither fail nor differ from run to run.
#include "script/sandbox.h"

#include <lualib.h>

enum { MAX_ITEMS = 100000 };

// The length of a list, charged before anything walks over it.
static lua_Integer list_length(lua_State *L, int index)
{
    int type = lua_type(L, index);
    luaL_argexpected(L, type == LUA_TTABLE || type == LUA_TUSERDATA, index, "table");
    lua_Integer length = luaL_len(L, index);
    if (length > MAX_ITEMS) {
        luaL_error(L, "a list of more than %d members", MAX_ITEMS);
    }
    return length < 0 ? 0 : length;
}

static int table_insert(lua_State *L)
{
    lua_Integer length = list_length(L, 1), position = length + 1;
    if (lua_gettop(L) == 3) {
        position = luaL_checkinteger(L, 2);
        luaL_argcheck(L, position >= 1 && position <= length + 1, 2, "position out of bounds");
        kj_vm_charge(L, length - position + 1);
        for (lua_Integer at = length + 1; at > position; at--) {
            lua_geti(L, 1, at - 1);
            lua_seti(L, 1, at);
        }
    } else if (lua_gettop(L) != 2) {
        return luaL_error(L, "insert needs a list and a value, or a list, a position and a value");
    }
    lua_seti(L, 1, position);
    return 0;
}

static int table_remove(lua_State *L)
{
    lua_Integer length = list_length(L, 1);
    lua_Integer position = luaL_optinteger(L, 2, length);
    if (lua_gettop(L) > 1 && length + 1 != position) {
        luaL_argcheck(L, length == 0 || (position >= 1 && position <= length), 2,
                      "position out of bounds");
    }
    lua_geti(L, 1, position);
    if (position > length) {
        return 1;
    }
    kj_vm_charge(L, length - position + 1);
    for (lua_Integer at = position; at < length; at++) {
        lua_geti(L, 1, at + 1);
        lua_seti(L, 1, at);
    }
    lua_pushnil(L);
    lua_seti(L, 1, length > 0 ? length : position);
    return 1;
}

static int table_concat(lua_State *L)
{
    size_t separator_length, piece_length;
    const char *separator = luaL_optlstring(L, 2, "", &separator_length);
    lua_Integer first = luaL_optinteger(L, 3, 1);
    lua_Integer last = lua_isnoneornil(L, 4) ? list_length(L, 1) : luaL_checkinteger(L, 4);
    if (first <= last && (lua_Unsigned)last - (lua_Unsigned)first >= MAX_ITEMS) {
        return luaL_error(L, "more than %d members to concat", MAX_ITEMS);
    }
    luaL_Buffer buffer;
    luaL_buffinit(L, &buffer);
    for (lua_Integer at = first; at <= last; at++) {
        int type = lua_geti(L, 1, at);
        if (type != LUA_TSTRING && type != LUA_TNUMBER) {
            return luaL_error(L, "member %I of the list is a %s, not a text", at,
                              kj_type_name(L, -1));
        }
        lua_tolstring(L, -1, &piece_length);
        kj_vm_charge(L, 1 + (int64_t)piece_length / 64);
        luaL_addvalue(&buffer);
        if (at < last) {
            luaL_addlstring(&buffer, separator, separator_length);
        } else {
            break; // last may be the greatest integer
        }
    }
    luaL_pushresult(&buffer);
    return 1;
}

static int table_move(lua_State *L)
{
    lua_Integer from = luaL_checkinteger(L, 2), end = luaL_checkinteger(L, 3);
    lua_Integer to = luaL_checkinteger(L, 4);
    int target = lua_isnoneornil(L, 5) ? 1 : 5;
    luaL_checktype(L, target, LUA_TTABLE);
    if (end >= from) {
        if ((lua_Unsigned)end - (lua_Unsigned)from >= MAX_ITEMS ||
            to > LUA_MAXINTEGER - MAX_ITEMS) {
            return luaL_error(L, "more than %d members to move", MAX_ITEMS);
        }
        lua_Integer count = end - from + 1;
        kj_vm_charge(L, count);
        bool forward = to > end || to <= from || target != 1;
        for (lua_Integer i = 0; i < count; i++) {
            lua_Integer at = forward ? i : count - 1 - i;
            lua_geti(L, 1, from + at);
            lua_seti(L, target, to + at);
        }
    }
    lua_pushvalue(L, target);
    return 1;
}

static int table_unpack(lua_State *L)
{
    lua_Integer first = luaL_optinteger(L, 2, 1);
    lua_Integer last = lua_isnoneornil(L, 3) ? list_length(L, 1) : luaL_checkinteger(L, 3);
    if (first > last) {
        return 0;
    }
    if ((lua_Unsigned)last - (lua_Unsigned)first >= 10000 ||
        !lua_checkstack(L, (int)(last - first) + 2)) {
        return luaL_error(L, "too many members to unpack");
    }
    for (lua_Integer at = first; at < last; at++) {
        lua_geti(L, 1, at);
    }
    lua_geti(L, 1, last);
    return (int)(last - first) + 1;
}

// "b comes before a": then the order of the two must change.
static bool out_of_order(lua_State *L, int a, int b)
{
    if (lua_isnoneornil(L, 2)) {
        kj_vm_charge(L, lua_type(L, a) == LUA_TSTRING ? 2 + (int64_t)lua_rawlen(L, a) / 64 : 1);
        return lua_compare(L, b, a, LUA_OPLT);
    }
    int top = lua_gettop(L);
    a = lua_absindex(L, a);
    b = lua_absindex(L, b);
    lua_pushvalue(L, 2);
    lua_pushvalue(L, b);
    lua_pushvalue(L, a);
    lua_call(L, 2, 1);
    bool result = lua_toboolean(L, -1);
    lua_settop(L, top);
    return result;
}

static void merge_pass(lua_State *L, int from, int to, lua_Integer count, lua_Integer width)
{
    for (lua_Integer start = 1; start <= count; start += 2 * width) {
        lua_Integer middle = start + width <= count + 1 ? start + width : count + 1;
        lua_Integer end = start + 2 * width <= count + 1 ? start + 2 * width : count + 1;
        lua_Integer left = start, right = middle;
        for (lua_Integer at = start; at < end; at++) {
            bool take_left = right >= end;
            if (left < middle && right < end) {
                lua_rawgeti(L, from, left);
                lua_rawgeti(L, from, right);
                take_left = !out_of_order(L, -2, -1);
                lua_pop(L, 2);
            }
            lua_rawgeti(L, from, take_left ? left++ : right++);
            lua_rawseti(L, to, at);
        }
    }
}

static int table_sort(lua_State *L)
{
    lua_Integer count = list_length(L, 1);
    luaL_checktype(L, 1, LUA_TTABLE);
    if (!lua_isnoneornil(L, 2)) {
        luaL_checktype(L, 2, LUA_TFUNCTION);
    }
    lua_settop(L, 2);
    kj_vm_charge(L, count * 4);
    lua_createtable(L, (int)count, 0); // 3: what is sorted so far
    lua_createtable(L, (int)count, 0); // 4: where the next pass goes
    for (lua_Integer at = 1; at <= count; at++) {
        lua_geti(L, 1, at);
        lua_rawseti(L, 3, at);
    }
    for (lua_Integer width = 1; width < count; width *= 2) {
        merge_pass(L, 3, 4, count, width);
        lua_insert(L, 3);
    }
    for (lua_Integer at = 1; at <= count; at++) {
        lua_rawgeti(L, 3, at);
        lua_seti(L, 1, at);
    }
    return 0;
}

void kj_table_lib_open(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"insert", table_insert},
        {"remove", table_remove},
        {"concat", table_concat},
        {"move", table_move},
        {"unpack", table_unpack},
        {"sort", table_sort},
        {NULL, NULL},
    };
    static const char *const names[] = {"pack", NULL};
    luaL_newlib(L, functions);
    lua_pushcfunction(L, luaopen_table);
    lua_call(L, 0, 1);
    kj_pick_charged(L, lua_gettop(L) - 1, names);
    lua_setfield(L, -2, "table");
}
