// Loading a pack: run its file, merge what it extends, check every key, compile, freeze.
#include "script/rules.h"

#include "base/alloc.h"
#include "script/convert.h"
#include "script/pack_check.h"
#include "script/sandbox.h"
#include "script/sources.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const k_pack_keys[] = {
    "name",     "extends", "settings", "guidance",     "variables",
    "scale",    "success", "verdicts", "score",        "lead_status",
    "tags",     "retry",   "callback", "appointments", "templates",
    "template", "opt_out", "effects",  "lead_changes", "preselection"};

// kejue.rules { … }: only keeps the table; the checks come when the file has returned it.
static int declare_rules(lua_State *L)
{
    if (!kj_vm_of(L)->loading) {
        return luaL_error(L, "kejue.rules belongs at the end of a file in scripts/rules");
    }
    if (!lua_istable(L, 1) || lua_gettop(L) != 1) {
        return luaL_error(L, "write: return kejue.rules { name = \"…\", … }");
    }
    lua_pushvalue(L, 1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &kj_key_declared);
    return 1;
}

void kj_pack_lib_open(lua_State *L)
{
    lua_pushcfunction(L, declare_rules);
    lua_setfield(L, -2, "rules");
    lua_pushlightuserdata(L, (void *)&kj_key_none);
    lua_setfield(L, -2, "none");
}

// Puts the members of the map at `over` over those of the map at `base` (both raw tables); maps are
// merged at every depth, lists replaced.
static void merge(lua_State *L, int base, int over, int depth)
{
    luaL_checkstack(L, 10, "extends");
    for (lua_pushnil(L); lua_next(L, over); lua_pop(L, 1)) {
        int value = lua_gettop(L);
        lua_pushvalue(L, value - 1);
        lua_rawget(L, base);
        bool maps = lua_istable(L, value) && lua_istable(L, -1) && lua_rawlen(L, value) == 0 &&
                    lua_rawlen(L, -1) == 0 && depth < 8;
        if (maps) {
            merge(L, lua_gettop(L), value, depth + 1);
        } else {
            lua_pushvalue(L, value - 1);
            lua_pushvalue(L, value);
            lua_rawset(L, base);
        }
        lua_settop(L, value);
    }
}

// "rules/x.lua" or "rules/x/init.lua" of a pack's name.
static bool path_of(const struct kj_vm *vm, const char *name, char *path, size_t size)
{
    snprintf(path, size, "rules/%s.lua", name);
    if (kj_sources_get(vm->sources, path)) {
        return true;
    }
    snprintf(path, size, "rules/%s/init.lua", name);
    return kj_sources_get(vm->sources, path) != NULL;
}

// Of two members with one key Lua keeps the second without a word.
static void check_twice(lua_State *L, const char *path, const struct kj_lines *lines)
{
    const char *key = strrchr(lines->twice, '.');
    int around = key ? (int)(key - lines->twice) : 0;
    if (lines->twice_line) {
        luaL_error(
            L,
            "%s:%d: \"%s\" stands twice in %s, first in line %d; remove one, or give it "
            "another name",
            path, lines->twice_line, key ? key + 1 : lines->twice,
            around ? lua_pushfstring(L, "\"%s\"", lua_pushlstring(L, lines->twice, (size_t)around))
                   : "the pack",
            lines->first_line);
    }
}

// Runs the file at `path` and leaves its table on the stack, merged over what it extends.
static void run_pack(struct kj_load *load, const char *path)
{
    lua_State *L = load->L;
    struct kj_rules *rules = load->rules;
    const struct kj_source *source = kj_sources_get(rules->vm->sources, path);
    if (!source) {
        luaL_error(L, "there is no file %s", path);
        return;
    }
    if (rules->file_count == KJ_MAX_CHAIN) {
        kj_load_enter(load, "extends", 0);
        kj_load_fail(load, "a chain of extends longer than %d (or a circle)", KJ_MAX_CHAIN);
    }
    kj_lines_init(&rules->lines[rules->file_count], source->text, source->length, "rules");
    rules->files[rules->file_count++] = kj_rules_text(rules, path);
    check_twice(L, path, &rules->lines[rules->file_count - 1]); // ours by now: freed with the rules
    lua_pushnil(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &kj_key_declared);
    kj_sandbox_run_file(L, path);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &kj_key_declared);
    if (!lua_istable(L, -1) || !lua_rawequal(L, -1, -2)) {
        luaL_error(L, "%s:1: the file must end with: return kejue.rules { … }", path);
    }
    lua_pop(L, 1);
    if (lua_getfield(L, -1, "extends") == LUA_TNIL) {
        lua_pop(L, 1);
        return;
    }
    char base[200];
    size_t length = kj_load_enter(load, "extends", 0);
    if (lua_type(L, -1) != LUA_TSTRING ||
        !path_of(rules->vm, lua_tostring(L, -1), base, sizeof base)) {
        kj_push_text(L, lua_gettop(L));
        kj_load_fail(load, "there is no pack \"%s\" to extend", lua_tostring(L, -1));
    }
    kj_load_leave(load, length);
    lua_pop(L, 1);
    run_pack(load, base);
    merge(L, lua_gettop(L), lua_gettop(L) - 1, 0);
    lua_remove(L, -2);
}

static void check_name(struct kj_load *load, int pack)
{
    struct kj_rules *rules = load->rules;
    rules->name = kj_load_text(load, pack, "name", true);
    char expected[200];
    size_t length = kj_load_enter(load, "name", 0);
    if (strlen(rules->name) > 60 ||
        rules->name[strspn(rules->name, "abcdefghijklmnopqrstuvwxyz0123456789-_")] != '\0') {
        kj_load_fail(load, "has small letters, digits and - (at most 60)");
    }
    if (!path_of(rules->vm, rules->name, expected, sizeof expected) ||
        strcmp(expected, rules->path) != 0) {
        kj_load_fail(load, "is \"%s\", but the file is %s; a pack is called like its file",
                     rules->name, rules->path);
    }
    kj_load_leave(load, length);
}

static int load_pack(lua_State *L)
{
    struct kj_load *load = lua_touserdata(L, 1);
    struct kj_rules *rules = load->rules;
    luaL_checkstack(L, 60, "pack");
    run_pack(load, rules->path);
    int pack = lua_gettop(L);
    kj_load_keys(load, pack, "key of a pack", k_pack_keys, KJ_COUNT(k_pack_keys));
    check_name(load, pack);
    kj_load_values(load, pack);
    kj_load_judgements(load, pack);
    kj_load_templates(load, pack);
    kj_load_follow_up(load, pack);
    kj_load_describe(load, pack);
    kj_load_warnings(load, pack);
    // Everything the pack reaches is frozen: the merged table, and what the files required.
    lua_createtable(L, 2, 0);
    lua_pushvalue(L, pack);
    lua_rawseti(L, -2, 1);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &kj_key_loaded);
    lua_rawseti(L, -2, 2);
    kj_sandbox_freeze(L);
    lua_pushnil(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &kj_key_declared);
    return 0;
}

int kj_rules_load(struct kj_vm *vm, const char *path, struct kj_rules **out, struct kj_fault *fault)
{
    struct kj_rules *rules = KJ_NEW(struct kj_rules);
    rules->vm = vm;
    rules->score_function = rules->callback_when = rules->decide_function = KJ_NO_REF;
    rules->effects = rules->lead_changes = rules->overwrites = KJ_NO_REF;
    rules->describe = bson_new();
    rules->path = kj_rules_text(rules, path);
    struct kj_load load = {.L = vm->L, .rules = rules};
    vm->loading = true;
    kj_vm_begin(vm);
    int status = kj_vm_protect(vm, load_pack, &load, fault);
    kj_vm_end(vm);
    vm->loading = false;
    if (status) {
        if (fault && !fault->place[0]) {
            snprintf(fault->place, sizeof fault->place, "%s", path);
        }
        kj_rules_destroy(rules);
        return status;
    }
    *out = rules;
    return 0;
}

void kj_rules_destroy(struct kj_rules *rules)
{
    if (!rules) {
        return;
    }
    for (size_t i = 0; i < rules->file_count; i++) {
        kj_lines_fini(&rules->lines[i]);
    }
    for (size_t i = 0; i < rules->block_count; i++) {
        free(rules->blocks[i]);
    }
    free(rules->blocks);
    bson_destroy(rules->describe);
    free(rules);
}
