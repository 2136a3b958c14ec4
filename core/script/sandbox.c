// The sandbox of a state: environment, require, freezing, and the reset between evaluations.
//
// A frozen table is emptied: its members move to a shadow behind __index, so that every write meets
// __newindex. Locals that functions captured are noted once and set back before each evaluation:
// nothing a script does in one call is seen by the next.
#include "script/sandbox.h"

#include "base/str.h"
#include "script/sources.h"
#include "script/eval.h"

#include <stdio.h>
#include <string.h>

static int frozen_newindex(lua_State *L)
{
    return luaL_error(L, "cannot set \"%s\": what was made while the file was loaded is "
                         "read-only; make a new table inside the function",
                      luaL_tolstring(L, 2, NULL));
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

static void freeze_table(lua_State *L, int table)
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
    struct walk walk = {.todo = root + 1, .seen = root + 2, .tables = root + 3,
                        .snapshot = root + 4};
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
        freeze_table(L, lua_gettop(L));
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

// --- files ---

void kj_sandbox_run_file(lua_State *L, const char *path)
{
    struct kj_vm *vm = kj_vm_of(L);
    const struct kj_source *source = kj_sources_get(vm->sources, path);
    if (!source) {
        luaL_error(L, "there is no file %s", path);
    }
    char chunk[160];
    snprintf(chunk, sizeof chunk, "@%s", path);
    if (luaL_loadbufferx(L, source->text, source->length, chunk, "t") != LUA_OK) {
        lua_error(L);
    }
    lua_rawgetp(L, LUA_REGISTRYINDEX, &kj_key_env);
    lua_setupvalue(L, -2, 1);
    lua_call(L, 0, 1);
}

static bool find_module(const struct kj_vm *vm, const char *name, char *path, size_t size)
{
    if (strlen(name) > 60 || strstr(name, "..") || name[0] == '/' ||
        name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-/.")] != '\0') {
        return false;
    }
    snprintf(path, size, "lib/%s.lua", name);
    if (kj_sources_get(vm->sources, path)) {
        return true;
    }
    snprintf(path, size, "rules/%s/%s.lua", vm->pack ? vm->pack : "", name);
    return vm->pack && kj_sources_get(vm->sources, path);
}

static int lua_require(lua_State *L)
{
    struct kj_vm *vm = kj_vm_of(L);
    const char *name = luaL_checkstring(L, 1);
    char path[160];
    if (!find_module(vm, name, path, sizeof path)) {
        return luaL_error(L, "there is no module \"%s\": require finds scripts/lib and the pack's "
                             "own folder, nothing else",
                          name);
    }
    lua_rawgetp(L, LUA_REGISTRYINDEX, &kj_key_loaded);
    int type = lua_getfield(L, -1, path);
    if (type == LUA_TBOOLEAN) {
        return luaL_error(L, "the modules around \"%s\" require each other in a circle", name);
    }
    if (type != LUA_TNIL) {
        return 1;
    }
    if (!vm->loading) {
        return luaL_error(L, "require belongs at the top of the file, not inside a function");
    }
    lua_pop(L, 1);
    lua_pushboolean(L, 1);
    lua_setfield(L, -2, path);
    kj_sandbox_run_file(L, path);
    if (!lua_istable(L, -1) && !lua_isfunction(L, -1)) {
        return luaL_error(L, "%s must return a table or a function", path);
    }
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, path);
    return 1;
}

// --- the environment ---

static int unknown_global(lua_State *L)
{
    static const struct {
        const char *name, *why;
    } gone[] = {
        {"os", "a rule has no clock and no files; c.now is the time of the call"},
        {"io", "a rule reads no files"},
        {"print", "a rule prints nothing; return a reason: return true, \"because …\""},
        {"coroutine", "write straight-line code; hooks wait by themselves"},
        {"load", "a rule loads no code; put it into scripts/lib and require it"},
        {"dofile", "put the file into scripts/lib and require it"},
        {"loadstring", "a rule loads no code; put it into scripts/lib and require it"},
        {"debug", "it could leave the sandbox"},
        {"collectgarbage", "memory is the host's"},
        {"getmetatable", "metatables are the host's"},
        {"rawset", "frozen tables stay frozen"},
        {"rawget", "use plain indexing"},
        {"xpcall", "use pcall"},
        {"_G", "globals cannot be listed or set"},
        {"package", "require finds scripts/lib and the pack's own folder"},
        {"goto", "use functions"},
    };
    static const char *const known[] = {"assert", "error",  "ipairs",   "pairs",  "next",
                                        "pcall",  "select", "tonumber", "type",   "tostring",
                                        "string", "table",  "math",     "utf8",   "kejue",
                                        "require", "setmetatable"};
    const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "?";
    for (size_t i = 0; i < sizeof gone / sizeof *gone; i++) {
        if (strcmp(gone[i].name, name) == 0) {
            return luaL_error(L, "\"%s\" does not exist here: %s", name, gone[i].why);
        }
    }
    const char *near = kj_nearest(name, known, sizeof known / sizeof *known);
    if (near) {
        return luaL_error(L, "\"%s\" is not defined; did you mean \"%s\"?", name, near);
    }
    return luaL_error(L, "\"%s\" is not defined (is a \"local %s = …\" missing?)", name, name);
}

static int set_global(lua_State *L)
{
    return luaL_error(L, "globals cannot be set: write \"local %s = …\"",
                      luaL_tolstring(L, 2, NULL));
}

static void freeze_member(lua_State *L, int table, const char *name)
{
    lua_getfield(L, table, name);
    freeze_table(L, lua_gettop(L));
    lua_pop(L, 1);
}

// The shadow holds the globals; the environment itself stays empty.
static void close_environment(lua_State *L, int globals)
{
    static const char *const libraries[] = {"string", "table", "math", "utf8"};
    for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++) {
        freeze_member(L, globals, libraries[i]);
    }
    lua_newtable(L);
    lua_pushcfunction(L, unknown_global);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, globals);
    lua_newtable(L); // the environment
    lua_newtable(L); // its metatable
    lua_pushvalue(L, globals);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, set_global);
    lua_setfield(L, -2, "__newindex");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pushvalue(L, globals);
    lua_rawsetp(L, -2, &kj_key_frozen);
    lua_setmetatable(L, -2);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &kj_key_env);
}

void kj_sandbox_open(lua_State *L)
{
    kj_view_open(L);
    kj_call_open(L);
    lua_newtable(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &kj_key_loaded);
    lua_newtable(L);
    int globals = lua_gettop(L);
    kj_base_lib_open(L);
    lua_pushcfunction(L, lua_require);
    lua_setfield(L, -2, "require");
    kj_table_lib_open(L);
    kj_string_lib_open(L);
    lua_newtable(L);
    int kejue = lua_gettop(L);
    kj_time_lib_open(L);
    kj_text_lib_open(L);
    kj_data_lib_open(L);
    kj_pack_lib_open(L);
    kj_hook_lib_open(L);
    kj_tests_lib_open(L);
    static const char *const inner[] = {"time", "text", "json", "phone", "job", "store"};
    for (size_t i = 0; i < sizeof inner / sizeof *inner; i++) {
        freeze_member(L, kejue, inner[i]);
    }
    freeze_table(L, kejue);
    lua_setfield(L, globals, "kejue");
    close_environment(L, globals);
    lua_settop(L, 0);
}
