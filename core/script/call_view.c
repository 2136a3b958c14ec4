// c, the call as a rule sees it: facts as views, computed tables (vars, state, evidence, settings,
// verdicts) and the results of the pack, computed when read.
#include "script/eval.h"

#include "base/alloc.h"
#include "script/sandbox.h"

#include <string.h>

static const char k_call_name[] = "kejue.call";
static const char k_names_name[] = "kejue.names";
static const char k_names_key;

enum names { VARS, STATE, EVIDENCE, SETTINGS, VERDICTS, NAMES_COUNT };
static const char *const k_names[NAMES_COUNT] = {"vars", "state", "evidence", "settings",
                                                 "verdicts"};

static struct kj_eval *eval_of(lua_State *L)
{
    struct kj_eval *eval = kj_vm_of(L)->eval;
    if (!eval) {
        luaL_error(L, "c can only be used while its call is judged");
    }
    return eval;
}

struct kj_reads *kj_reads_now(struct kj_vm *vm)
{
    struct kj_eval *eval = vm->eval;
    return eval && eval->nesting > 0 ? &eval->frames[eval->nesting - 1].reads : NULL;
}

// --- tables by name: c.vars and the like ---

static const char *name_at(const struct kj_rules *rules, enum names kind, size_t index)
{
    if (kind == SETTINGS) {
        return index < rules->setting_count ? rules->settings[index].name : NULL;
    }
    if (kind == VERDICTS) {
        return index < rules->verdict_count ? rules->verdicts[index].name : NULL;
    }
    return index < rules->variable_count ? rules->variables[index].name : NULL;
}

static int find_name(lua_State *L, const struct kj_rules *rules, enum names kind, const char *name)
{
    const char *names[KJ_MAX_VARIABLES] = {NULL};
    const char *known;
    size_t count = 0;
    for (; (known = name_at(rules, kind, count)); count++) {
        if (strcmp(known, name) == 0) {
            return (int)count;
        }
        names[count] = known;
    }
    const char *near = kj_nearest(name, names, count);
    const char *word = kind == SETTINGS ? "setting" : kind == VERDICTS ? "verdict" : "variable";
    return near ? luaL_error(L, "c.%s: this pack has no %s \"%s\"; did you mean \"%s\"?",
                             k_names[kind], word, name, near)
                : luaL_error(L, "c.%s: this pack has no %s \"%s\"", k_names[kind], word, name);
}

static void push_evidence(struct kj_eval *eval, size_t index)
{
    const struct kj_var_result *result = kj_variable(eval, index);
    lua_State *L = eval->L;
    if (!result->quote && !result->turn) {
        lua_pushnil(L);
        return;
    }
    lua_createtable(L, 0, 3);
    if (result->quote) {
        lua_pushlstring(L, result->quote, result->quote_length);
        lua_setfield(L, -2, "quote");
    }
    if (result->turn) {
        lua_pushinteger(L, result->turn);
        lua_setfield(L, -2, "turn");
    }
    if (result->has_agreement) {
        lua_pushnumber(L, result->agreement);
        lua_setfield(L, -2, "agreement");
    }
}

static int names_index(lua_State *L)
{
    struct kj_eval *eval = eval_of(L);
    enum names kind = *(const enum names *)lua_touserdata(L, 1);
    size_t index = (size_t)find_name(L, eval->rules, kind, luaL_checkstring(L, 2));
    switch (kind) {
    case VARS:
        kj_variable(eval, index);
        kj_note_variable(eval, index);
        kj_variable_value(eval, index);
        break;
    case STATE:
        lua_pushstring(L, kj_var_state_name(kj_variable(eval, index)->state));
        kj_note_variable(eval, index);
        break;
    case EVIDENCE:
        push_evidence(eval, index);
        break;
    case SETTINGS:
        kj_setting_value(eval, index);
        break;
    default: {
        const char *value = kj_verdict(eval, index);
        kj_note_result(eval, eval->rules->verdicts[index].rows.section, value);
        lua_pushstring(L, value);
        break;
    }
    }
    return 1;
}

static int read_only(lua_State *L)
{
    return luaL_error(L, "c is read-only: a rule returns its result instead of setting it");
}

bool kj_is_names(lua_State *L, int index)
{
    return luaL_testudata(L, index, k_names_name) || luaL_testudata(L, index, k_call_name);
}

void kj_names_push(lua_State *L, int index)
{
    struct kj_eval *eval = eval_of(L);
    const enum names *kind = luaL_testudata(L, index, k_names_name);
    const char *name;
    lua_newtable(L);
    for (size_t i = 0; kind && (name = name_at(eval->rules, *kind, i)); i++) {
        lua_pushstring(L, name);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    for (size_t i = 0; !kind && i < kj_shape_call.count; i++) {
        lua_pushstring(L, kj_shape_call.fields[i].name);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    kj_sort_keys(L);
}

// --- c.is and c.missing ---

static int call_is(lua_State *L)
{
    struct kj_eval *eval = eval_of(L);
    luaL_checkany(L, 2);
    size_t index = (size_t)find_name(L, eval->rules, VARS, luaL_checkstring(L, 1));
    kj_variable(eval, index);
    kj_note_variable(eval, index);
    kj_variable_value(eval, index);
    lua_pushboolean(L, !lua_isnil(L, -1) && lua_compare(L, -1, 2, LUA_OPEQ));
    return 1;
}

// missing("x", "y"): true when any of them has no value, with a reason that names them.
static int call_missing(lua_State *L)
{
    struct kj_eval *eval = eval_of(L);
    int count = lua_gettop(L), missing = 0;
    luaL_argcheck(L, count > 0, 1, "the name of a variable expected");
    luaL_checkstack(L, count + 8, "missing");
    for (int i = 1; i <= count; i++) {
        size_t index = (size_t)find_name(L, eval->rules, VARS, luaL_checkstring(L, i));
        kj_variable(eval, index);
        kj_note_variable(eval, index);
        kj_variable_value(eval, index);
        bool absent = lua_isnil(L, -1);
        lua_pop(L, 1);
        if (absent) {
            lua_pushfstring(L, "%s%s", missing++ ? ", " : "missing: ", lua_tostring(L, i));
        }
    }
    if (!missing) {
        lua_pushboolean(L, 0);
        return 1;
    }
    lua_concat(L, missing);
    lua_pushboolean(L, 1);
    lua_insert(L, -2);
    return 2;
}

// --- c itself ---

static void push_tags(struct kj_eval *eval)
{
    kj_tags(eval);
    lua_createtable(eval->L, (int)eval->tag_count, 0);
    for (size_t i = 0; i < eval->tag_count; i++) {
        lua_pushstring(eval->L, eval->tags[i]);
        lua_rawseti(eval->L, -2, (lua_Integer)i + 1);
    }
}

// The results of the pack; false when `key` is none of them.
static bool push_result(struct kj_eval *eval, const char *key)
{
    lua_State *L = eval->L;
    if (strcmp(key, "success") == 0) {
        lua_pushstring(L, kj_success(eval));
        kj_note_result(eval, key, kj_success(eval));
    } else if (strcmp(key, "lead_status") == 0) {
        lua_pushstring(L, kj_lead_status(eval));
        kj_note_result(eval, key, kj_lead_status(eval));
    } else if (strcmp(key, "score") == 0) {
        double score;
        bool there = kj_score(eval, &score);
        kj_note_score(eval, there ? &score : NULL);
        if (!there) {
            lua_pushnil(L);
        } else if (score == (double)(lua_Integer)score) {
            lua_pushinteger(L, (lua_Integer)score);
        } else {
            lua_pushnumber(L, score);
        }
    } else if (strcmp(key, "tags") == 0) {
        push_tags(eval);
    } else {
        return false;
    }
    return true;
}

// Pushes a computed table or function; false when `key` is none.
static bool push_table(lua_State *L, const char *key)
{
    for (int kind = 0; kind < NAMES_COUNT; kind++) {
        if (strcmp(key, k_names[kind]) == 0) {
            lua_rawgetp(L, LUA_REGISTRYINDEX, &k_names_key);
            lua_rawgeti(L, -1, kind + 1);
            lua_remove(L, -2);
            return true;
        }
    }
    if (strcmp(key, "is") == 0) {
        lua_pushcfunction(L, call_is);
        return true;
    }
    if (strcmp(key, "missing") == 0) {
        lua_pushcfunction(L, call_missing);
        return true;
    }
    return false;
}

static void remember(lua_State *L)
{
    if (lua_getiuservalue(L, 1, 1) == LUA_TTABLE) {
        lua_pushvalue(L, 2);
        lua_pushvalue(L, -3);
        lua_rawset(L, -3);
    }
    lua_pop(L, 1);
}

static int push_fact(struct kj_eval *eval, const struct kj_field *field)
{
    lua_State *L = eval->L;
    bson_iter_t at;
    bool there = bson_iter_init_find(&at, &eval->facts, field->name) && !BSON_ITER_HOLDS_NULL(&at);
    bool plain = field->kind != KJ_FIELD_DOC && field->kind != KJ_FIELD_LIST;
    if (!there && field->always) {
        kj_view_push_empty(L, field);
    } else if (!there) {
        kj_note_read(L, "", field->name, NULL);
        lua_pushnil(L);
        return 1;
    } else if (plain) {
        kj_note_read(L, "", field->name, &at);
        kj_view_push_value(L, eval->flat, &at, field, field->name);
        return 1;
    } else {
        kj_view_push_value(L, eval->flat, &at, field, field->name);
    }
    remember(L);
    return 1;
}

static int call_index(lua_State *L)
{
    if (lua_getiuservalue(L, 1, 1) == LUA_TTABLE) {
        lua_pushvalue(L, 2);
        if (lua_rawget(L, -2) != LUA_TNIL) {
            return 1;
        }
        lua_pop(L, 1);
    }
    lua_settop(L, 2);
    size_t length;
    const char *key = luaL_checklstring(L, 2, &length);
    struct kj_eval *eval = eval_of(L);
    const struct kj_field *field = kj_shape_field(&kj_shape_call, key, length);
    if (!field) {
        return kj_shape_unknown(L, &kj_shape_call, key);
    }
    if (push_table(L, key)) {
        remember(L);
        return 1;
    }
    if (push_result(eval, key)) {
        return 1;
    }
    return push_fact(eval, field);
}

static void metatable(lua_State *L, const char *name, lua_CFunction index)
{
    luaL_newmetatable(L, name);
    lua_pushcfunction(L, index);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, read_only);
    lua_setfield(L, -2, "__newindex");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
}

void kj_call_open(lua_State *L)
{
    metatable(L, k_call_name, call_index);
    metatable(L, k_names_name, names_index);
    lua_createtable(L, NAMES_COUNT, 0);
    for (int kind = 0; kind < NAMES_COUNT; kind++) {
        enum names *names = lua_newuserdatauv(L, sizeof *names, 0);
        *names = (enum names)kind;
        luaL_setmetatable(L, k_names_name);
        lua_rawseti(L, -2, kind + 1);
    }
    lua_rawsetp(L, LUA_REGISTRYINDEX, &k_names_key);
    lua_newuserdatauv(L, 1, 1);
    luaL_setmetatable(L, k_call_name);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &kj_key_call);
}

void kj_call_push(struct kj_eval *eval)
{
    lua_rawgetp(eval->L, LUA_REGISTRYINDEX, &kj_key_call);
}
