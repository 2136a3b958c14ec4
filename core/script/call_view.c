// c, the call as a rule sees it: facts as views, computed tables (vars, state, evidence, settings,
// verdicts) and the results of the pack, computed when read.
#include "script/eval.h"

#include "base/alloc.h"
#include "script/sandbox.h"

#include <string.h>

static const char k_call_tag, k_names_tag;

enum names { VARS, STATE, EVIDENCE, SETTINGS, VERDICTS, NAMES_COUNT };
static const char *const k_names[NAMES_COUNT] = {"vars", "state", "evidence", "settings",
                                                 "verdicts"};

struct names_view {
    const void *tag;
    enum names kind;
};

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
    return eval && eval->nesting > 0 && !vm->limits.terse ? &eval->frames[eval->nesting - 1].reads
                                                          : NULL;
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

// The index of the name at `index` of the stack.
static int find_name(lua_State *L, const struct kj_rules *rules, enum names kind, int index)
{
    const char *name = luaL_checkstring(L, index);
    const void *kept = kj_memo_find(kj_vm_of(L), &k_names[kind], name); // index + 1
    if (kept) {
        return (int)(intptr_t)kept - 1;
    }
    const char *names[KJ_MAX_VARIABLES];
    const char *known;
    size_t count = 0;
    for (; (known = name_at(rules, kind, count)); count++) {
        if (strcmp(known, name) == 0) {
            kj_memo_keep(L, index, &k_names[kind], (const void *)(intptr_t)(count + 1));
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
    enum names kind = ((const struct names_view *)lua_touserdata(L, 1))->kind;
    size_t index = (size_t)find_name(L, eval->rules, kind, 2);
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
    return kj_tagged(L, index, &k_names_tag) || kj_tagged(L, index, &k_call_tag);
}

void kj_names_push(lua_State *L, int index)
{
    struct kj_eval *eval = eval_of(L);
    const struct names_view *names = kj_tagged(L, index, &k_names_tag);
    const char *name;
    lua_newtable(L);
    for (size_t i = 0; names && (name = name_at(eval->rules, names->kind, i)); i++) {
        lua_pushstring(L, name);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    for (size_t i = 0; !names && i < kj_shape_call.count; i++) {
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
    size_t index = (size_t)find_name(L, eval->rules, VARS, 1);
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
        size_t index = (size_t)find_name(L, eval->rules, VARS, i);
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

static int push_score(struct kj_eval *eval)
{
    lua_State *L = eval->L;
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
    return 1;
}

static int push_result(struct kj_eval *eval, const char *key)
{
    if (strcmp(key, "score") == 0) {
        return push_score(eval);
    }
    if (strcmp(key, "tags") == 0) {
        push_tags(eval);
        return 1;
    }
    const char *value = strcmp(key, "success") == 0 ? kj_success(eval) : kj_lead_status(eval);
    lua_pushstring(eval->L, value);
    kj_note_result(eval, key, value);
    return 1;
}

static bool is_whole(const struct kj_field *field)
{
    return field->kind == KJ_FIELD_DOC || field->kind == KJ_FIELD_LIST;
}

// Documents and lists: one view per field for the life of the state (its user value `place`), set
// to the facts of the present call when it is first asked for.
static void push_whole(struct kj_eval *eval, int place, const struct kj_element *at,
                       const struct kj_field *field)
{
    lua_State *L = eval->L;
    eval->shown |= UINT32_C(1) << place;
    if (lua_getiuservalue(L, 1, place) == LUA_TUSERDATA) {
        kj_view_reuse(L, lua_gettop(L), at);
        return;
    }
    lua_pop(L, 1);
    kj_view_push_fact(L, at, field);
    lua_pushvalue(L, -1);
    lua_setiuservalue(L, 1, place);
}

static int push_fact(struct kj_eval *eval, const struct kj_field *field, int place)
{
    static const uint8_t nothing[] = {5, 0, 0, 0, 0};
    lua_State *L = eval->L;
    bool whole = is_whole(field);
    struct kj_element at = {.data = nothing, .length = sizeof nothing};
    bool there = kj_eval_fact(eval, (enum kj_fact)(place - 1), &at);
    if (!there && field->always) {
        at.type = field->kind == KJ_FIELD_LIST ? BSON_TYPE_ARRAY : BSON_TYPE_DOCUMENT;
    } else if (!there || !whole) {
        kj_note_read(L, "", 0, field->name, strlen(field->name), there ? &at : NULL);
    }
    if (!there && !field->always) {
        lua_pushnil(L);
    } else if (whole && (at.type == BSON_TYPE_ARRAY || at.type == BSON_TYPE_DOCUMENT)) {
        push_whole(eval, place, &at, field);
    } else {
        kj_view_push_fact(L, &at, field);
    }
    return 1;
}

static int call_index(lua_State *L)
{
    size_t length;
    const char *key = luaL_checklstring(L, 2, &length);
    struct kj_eval *eval = eval_of(L);
    const struct kj_field *field = kj_shape_field_at(L, &kj_shape_call, 2, key, length);
    if (!field) {
        return kj_shape_unknown(L, &kj_shape_call, key);
    }
    int place = (int)(field - kj_shape_call.fields) + 1;
    if (field->role == KJ_ROLE_RESULT) {
        return push_result(eval, field->name);
    }
    if (field->role == KJ_ROLE_NAMES) {
        lua_getiuservalue(L, 1, place);
        return 1;
    }
    if (eval->shown >> place & 1) {
        lua_getiuservalue(L, 1, place);
        return 1;
    }
    return push_fact(eval, field, place);
}

// Leaves the metatable on the stack.
static void push_metatable(lua_State *L, const char *name, lua_CFunction index)
{
    lua_newtable(L);
    lua_pushstring(L, name);
    lua_setfield(L, -2, "__name");
    lua_pushcfunction(L, index);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, read_only);
    lua_setfield(L, -2, "__newindex");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
}

// The value on top (popped) is the member `name` of c, at `c`.
static void set_member(lua_State *L, int c, const char *name)
{
    const struct kj_field *field = kj_shape_field(&kj_shape_call, name, strlen(name));
    lua_setiuservalue(L, c, (int)(field - kj_shape_call.fields) + 1);
}

void kj_call_open(lua_State *L)
{
    const void **c = lua_newuserdatauv(L, sizeof *c, (int)kj_shape_call.count);
    int index = lua_gettop(L);
    *c = &k_call_tag;
    push_metatable(L, "kejue.call", call_index);
    lua_setmetatable(L, index);
    push_metatable(L, "kejue.names", names_index);
    for (int kind = 0; kind < NAMES_COUNT; kind++) {
        struct names_view *names = lua_newuserdatauv(L, sizeof *names, 0);
        *names = (struct names_view){&k_names_tag, (enum names)kind};
        lua_pushvalue(L, index + 1);
        lua_setmetatable(L, -2);
        set_member(L, index, k_names[kind]);
    }
    lua_pop(L, 1);
    lua_pushcfunction(L, call_is);
    set_member(L, index, "is");
    lua_pushcfunction(L, call_missing);
    set_member(L, index, "missing");
    kj_vm_of(L)->call_ref = luaL_ref(L, LUA_REGISTRYINDEX);
}

void kj_call_push(struct kj_eval *eval)
{
    lua_rawgeti(eval->L, LUA_REGISTRYINDEX, eval->vm->call_ref);
}
