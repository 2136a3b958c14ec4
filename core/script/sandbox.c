// The sandbox of a state: its environment, what it says about names that do not exist, and require,
// which finds two folders and nothing else.
#include "script/sandbox.h"

#include "base/str.h"
#include "script/eval.h"
#include "script/sources.h"

#include <stdio.h>
#include <string.h>

// --- files ---

// Lua's compiler runs no instruction, and some of its steps walk a list that the source can make as
// long as it likes (the jumps of a chain of "and"): it gets the source in pieces that are charged.
enum { PIECE = 1024, PIECE_COST = 10000 };

struct reading {
    const char *at;
    size_t left;
};

static const char *read_piece(lua_State *L, void *arg, size_t *size)
{
    struct reading *reading = arg;
    const char *piece = reading->at;
    kj_vm_charge(L, PIECE_COST);
    *size = reading->left < PIECE ? reading->left : PIECE;
    reading->at += *size;
    reading->left -= *size;
    return *size ? piece : NULL;
}

void kj_sandbox_run_file(lua_State *L, const char *path)
{
    struct kj_vm *vm = kj_vm_of(L);
    const struct kj_source *source = kj_sources_get(vm->sources, path);
    if (!source) {
        luaL_error(L, "there is no file %s", path);
    }
    char chunk[160];
    snprintf(chunk, sizeof chunk, "@%s", path);
    struct reading reading = {source->text, source->length};
    if (lua_load(L, read_piece, &reading, chunk, "t") != LUA_OK) {
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
        return luaL_error(L,
                          "there is no module \"%s\": require finds scripts/lib and the pack's "
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
    static const char *const known[] = {
        "assert",   "error",  "ipairs", "pairs", "next", "pcall", "select",  "tonumber",    "type",
        "tostring", "string", "table",  "math",  "utf8", "kejue", "require", "setmetatable"};
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
    kj_push_text(L, 2); // never an address
    return luaL_error(L, "globals cannot be set: write \"local %s = …\"", lua_tostring(L, -1));
}

static void freeze_member(lua_State *L, int table, const char *name)
{
    lua_getfield(L, table, name);
    kj_freeze_table(L, lua_gettop(L));
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
    kj_freeze_table(L, kejue);
    lua_setfield(L, globals, "kejue");
    close_environment(L, globals);
    lua_settop(L, 0);
}
