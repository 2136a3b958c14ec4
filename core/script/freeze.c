// Freezing and resetting: how a state forgets.
//
// A frozen table is emptied: its members move to a shadow behind __index, so that every write meets
// __newindex. Locals that functions captured are noted once and set back before each evaluation:
// nothing a script does in one call is seen by the next.
#include "script/sandbox.h"

static int frozen_newindex(lua_State *L)
{
    kj_push_text(L, 2); // never an address
    return luaL_error(L,
                      "cannot set \"%s\": what was made while the file was loaded is "
                      "read-only; make a new table inside the function",
                      lua_tostring(L, -1));
}

static int frozen_len(lua_State *L)
{
    kj_raw_table(L, 1);
    lua_pushinteger(L, (lua_Integer)lua_rawlen(L, -1));
    return 1;
}

// For tables with a function as their own __index: members first, then that function.
static int frozen_index(lua_State *L)
{
    kj_raw_table(L, 1);
    lua_pushvalue(L, 2);
    if (lua_rawget(L, -2) != LUA_TNIL || !lua_getmetatable(L, -2)) {
        return 1;
    }
    kj_raw_table(L, -1);
    lua_getfield(L, -1, "__index");
    lua_pushvalue(L, 1);
    lua_pushvalue(L, 2);
    lua_call(L, 2, 1);
    return 1;
}

bool kj_is_frozen(lua_State *L, int index)
{
    if (lua_type(L, index) != LUA_TTABLE || !lua_getmetatable(L, index)) {
        return false;
    }
    bool frozen = lua_rawgetp(L, -1, &kj_key_frozen) == LUA_TTABLE;
    lua_pop(L, 2);
    return frozen;
}

void kj_raw_table(lua_State *L, int index)
{
    index = lua_absindex(L, index);
    if (lua_getmetatable(L, index)) {
        if (lua_rawgetp(L, -1, &kj_key_frozen) == LUA_TTABLE) {
            lua_remove(L, -2);
            return;
        }
        lua_pop(L, 2);
    }
    lua_pushvalue(L, index);
}

// Moves every member of the table at `from` into the one at `to`.
static void move_members(lua_State *L, int from, int to)
{
    lua_pushnil(L);
    while (lua_next(L, from)) {
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_rawset(L, to);
    }
    lua_pushnil(L);
    while (lua_next(L, from)) {
        lua_pop(L, 1);
        lua_pushvalue(L, -1);
        lua_pushnil(L);
        lua_rawset(L, from); // clearing during a traversal is allowed
    }
}

// Copies the metamethods of the (possibly frozen) metatable at `from` into the table at `to`.
static void copy_metamethods(lua_State *L, int from, int to)
{
    kj_raw_table(L, from);
    int raw = lua_gettop(L);
    lua_pushnil(L);
    while (lua_next(L, raw)) {
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_rawset(L, to);
    }
    lua_settop(L, raw - 1);
}

void kj_freeze_table(lua_State *L, int table)
{
    if (kj_is_frozen(L, table)) {
        return;
    }
    int top = lua_gettop(L);
    lua_newtable(L);
    int shadow = lua_gettop(L);
    lua_newtable(L);
    int meta = lua_gettop(L);
    bool computed = false;
    if (lua_getmetatable(L, table)) {
        int own = lua_gettop(L);
        copy_metamethods(L, own, meta);
        lua_newtable(L); // a copy: the metatable itself may be emptied by freezing, too
        copy_metamethods(L, own, lua_gettop(L));
        lua_setmetatable(L, shadow);
        lua_getfield(L, meta, "__index");
        computed = lua_isfunction(L, -1);
        lua_settop(L, meta);
        lua_pushnil(L);
        lua_setmetatable(L, table);
    }
    move_members(L, table, shadow);
    if (computed) {
        lua_pushcfunction(L, frozen_index);
    } else {
        lua_pushvalue(L, shadow);
    }
    lua_setfield(L, meta, "__index");
    lua_pushcfunction(L, frozen_newindex);
    lua_setfield(L, meta, "__newindex");
    lua_pushcfunction(L, frozen_len);
    lua_setfield(L, meta, "__len");
    lua_pushboolean(L, 0);
    lua_setfield(L, meta, "__metatable");
    lua_pushvalue(L, shadow);
    lua_rawsetp(L, meta, &kj_key_frozen);
    lua_pushvalue(L, meta);
    lua_setmetatable(L, table);
    lua_settop(L, top);
}

// --- the walk over everything a pack can reach ---

struct walk {
    int todo, seen, tables, snapshot; // stack indexes of Lua tables
    lua_Integer left, table_count, noted;
};

// Takes the value on top into the list of what is still to be looked at.
static void later(lua_State *L, struct walk *walk)
{
    int type = lua_type(L, -1);
    if (type != LUA_TTABLE && type != LUA_TFUNCTION) {
        lua_pop(L, 1);
        return;
    }
    lua_pushvalue(L, -1);
    if (lua_rawget(L, walk->seen) != LUA_TNIL) {
        lua_pop(L, 2);
        return;
    }
    lua_pop(L, 1);
    lua_pushvalue(L, -1);
    lua_pushboolean(L, 1);
    lua_rawset(L, walk->seen);
    lua_rawseti(L, walk->todo, ++walk->left);
}

static void look_at_table(lua_State *L, struct walk *walk, int table)
{
    if (kj_is_frozen(L, table)) {
        return;
    }
    lua_pushvalue(L, table);
    lua_rawseti(L, walk->tables, ++walk->table_count);
    if (lua_getmetatable(L, table)) {
        later(L, walk);
    }
    lua_pushnil(L);
    while (lua_next(L, table)) {
        later(L, walk);
        lua_pushvalue(L, -1);
        later(L, walk);
    }
}

static void look_at_function(lua_State *L, struct walk *walk, int function)
{
    bool native = lua_iscfunction(L, function);
    for (int n = 1; lua_getupvalue(L, function, n); n++) {
        if (native) {
            if (!lua_iscfunction(L, -1)) {
                luaL_error(L, "an iterator made while the file was loaded cannot be kept: call "
                              "pairs, ipairs or gmatch inside the function");
            }
            lua_pop(L, 1);
            continue;
        }
        void *id = lua_upvalueid(L, function, n);
        if (lua_rawgetp(L, walk->seen, id) != LUA_TNIL) {
            lua_pop(L, 2);
            continue;
        }
        lua_pop(L, 1);
        lua_pushboolean(L, 1);
        lua_rawsetp(L, walk->seen, id);
        lua_pushvalue(L, function);
        lua_rawseti(L, walk->snapshot, ++walk->noted);
        lua_pushinteger(L, n);
        lua_rawseti(L, walk->snapshot, ++walk->noted);
        lua_pushvalue(L, -1);
        lua_rawseti(L, walk->snapshot, ++walk->noted);
        later(L, walk);
    }
}

void kj_sandbox_freeze(lua_State *L)
{
    luaL_checkstack(L, 20, "freeze");
    int root = lua_gettop(L);
    struct walk walk = {
        .todo = root + 1, .seen = root + 2, .tables = root + 3, .snapshot = root + 4};
    lua_newtable(L);
    lua_newtable(L);
    lua_newtable(L);
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &kj_key_snapshot) != LUA_TTABLE) {
        lua_pop(L, 1);
        lua_newtable(L);
        lua_pushvalue(L, -1);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &kj_key_snapshot);
    }
    walk.noted = (lua_Integer)lua_rawlen(L, walk.snapshot);
    lua_pushvalue(L, root);
    later(L, &walk);
    while (walk.left > 0) {
        lua_rawgeti(L, walk.todo, walk.left);
        lua_pushnil(L);
        lua_rawseti(L, walk.todo, walk.left--);
        int item = lua_gettop(L);
        if (lua_istable(L, item)) {
            look_at_table(L, &walk, item);
        } else {
            look_at_function(L, &walk, item);
        }
        lua_settop(L, item - 1);
    }
    for (lua_Integer i = 1; i <= walk.table_count; i++) {
        lua_rawgeti(L, walk.tables, i);
        kj_freeze_table(L, lua_gettop(L));
        lua_pop(L, 1);
    }
    lua_settop(L, root - 1);
}

void kj_sandbox_reset(lua_State *L)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &kj_key_snapshot) == LUA_TTABLE) {
        int snapshot = lua_gettop(L);
        lua_Integer count = (lua_Integer)lua_rawlen(L, snapshot);
        for (lua_Integer i = 1; i + 2 <= count; i += 3) {
            lua_rawgeti(L, snapshot, i);
            lua_rawgeti(L, snapshot, i + 1);
            int n = (int)lua_tointeger(L, -1);
            lua_pop(L, 1);
            lua_rawgeti(L, snapshot, i + 2);
            lua_setupvalue(L, -2, n);
            lua_pop(L, 1);
        }
    }
    lua_pop(L, 1);
}
