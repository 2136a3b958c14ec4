// Effects: what is to be done outside, one idempotency key each; and the changes of the lead. Both
// come from a function or a plain table, converted with bounds.
#include "script/eval.h"

#include "base/alloc.h"
#include "script/convert.h"
#include "script/sandbox.h"
#include "script/time_lib.h"

#include <stdio.h>
#include <string.h>

enum { MAX_EFFECTS = 50, MAX_RETRIES = 20 };

// Pushes what the reference gives: a table as it is, a function's result.
static void push_result(struct kj_eval *eval, int reference)
{
    lua_State *L = eval->L;
    lua_rawgeti(L, LUA_REGISTRYINDEX, reference);
    if (lua_isfunction(L, -1)) {
        lua_pop(L, 1);
        kj_call_function(eval, reference, NULL, 1);
    }
}

// --- lead_changes ---

static void lead_changes(struct kj_eval *eval, void *arg)
{
    (void)arg;
    struct kj_frame *frame = kj_enter_section(eval, "lead_changes");
    push_result(eval, eval->rules->lead_changes);
    if (!lua_isnil(eval->L, -1)) {
        struct kj_convert state;
        kj_convert_init(&state, "lead_changes");
        kj_convert_members(eval->L, &state, kj_frame_result(frame), lua_gettop(eval->L));
        kj_put_result(eval, "lead_changes", frame);
    }
    lua_pop(eval->L, 1);
    kj_leave_section(eval, false);
}

void kj_plan_lead_changes(struct kj_eval *eval)
{
    if (eval->rules->lead_changes != KJ_NO_REF) {
        kj_guarded(eval, "lead_changes", lead_changes, NULL);
    }
}

// --- effects ---

struct effect {
    lua_State *L;
    int raw;    // the effect's table
    int number; // 1-based
    const char *at;
};

static void fail(const struct effect *effect, const char *field, const char *why)
{
    luaL_error(effect->L, "%s: effects[%d].%s %s", effect->at, effect->number, field, why);
}

static bool field(const struct effect *effect, const char *name)
{
    lua_pushstring(effect->L, name);
    if (lua_rawget(effect->L, effect->raw) == LUA_TNIL) {
        lua_pop(effect->L, 1);
        return false;
    }
    return true;
}

static void check_fields(const struct effect *effect)
{
    static const char *const names[] = {"key",    "verb",  "args",   "after",
                                        "within", "retry", "expires"};
    lua_State *L = effect->L;
    kj_sorted_keys(L, effect->raw);
    for (lua_Integer i = 1; lua_rawgeti(L, -1, i) != LUA_TNIL; i++) {
        const char *key = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "?";
        bool known = false;
        for (size_t n = 0; n < KJ_COUNT(names); n++) {
            known = known || strcmp(names[n], key) == 0;
        }
        if (!known) {
            const char *near = kj_nearest(key, names, KJ_COUNT(names));
            luaL_error(L, "%s: effects[%d] has no field \"%s\"%s%s%s", effect->at, effect->number,
                       key, near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
        }
        lua_pop(L, 1);
    }
    lua_pop(L, 2);
}

// A text that is there, or must be.
static void put_word(const struct effect *effect, bson_t *out, const char *name, bool required)
{
    size_t length;
    if (!field(effect, name)) {
        if (required) {
            fail(effect, name, "is missing");
        }
        return;
    }
    const char *text = lua_tolstring(effect->L, -1, &length);
    if (lua_type(effect->L, -1) != LUA_TSTRING || length == 0 || length > 120 ||
        strlen(text) != length || !kj_utf8_valid(text, length)) {
        fail(effect, name, "must be a text of 1 to 120 bytes");
    }
    bson_append_utf8(out, name, -1, text, (int)length);
    lua_pop(effect->L, 1);
}

static void check_span(const struct effect *effect, const char *name)
{
    int64_t ms;
    if (lua_type(effect->L, -1) != LUA_TSTRING ||
        !kj_span_parse(lua_tostring(effect->L, -1), &ms)) {
        fail(effect, name, "must be a span like \"30s\", \"2m\", \"1h\" or \"3d\"");
    }
}

static void put_span(const struct effect *effect, bson_t *out, const char *name)
{
    if (field(effect, name)) {
        check_span(effect, name);
        bson_append_utf8(out, name, -1, lua_tostring(effect->L, -1), -1);
        lua_pop(effect->L, 1);
    }
}

static void check_retry(const struct effect *effect)
{
    lua_State *L = effect->L;
    if (!lua_istable(L, -1)) {
        fail(effect, "retry", "must be a list of spans like { \"2m\", \"1h\" }");
    }
    kj_raw_table(L, -1);
    size_t count = lua_rawlen(L, -1);
    if (count > MAX_RETRIES) {
        fail(effect, "retry", "has more than 20 spans");
    }
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, -1, (lua_Integer)i + 1);
        check_span(effect, "retry");
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

static void put_value(const struct effect *effect, bson_t *out, const char *name)
{
    struct kj_convert state;
    char path[60];
    if (!field(effect, name)) {
        return;
    }
    if (strcmp(name, "retry") == 0) {
        check_retry(effect);
    } else if (!lua_istable(effect->L, -1) && !lua_isuserdata(effect->L, -1)) {
        fail(effect, name, "must be a table");
    }
    snprintf(path, sizeof path, "effects[%d].%s", effect->number, name);
    kj_convert_init(&state, path);
    kj_convert_put(effect->L, &state, out, name, lua_gettop(effect->L));
    lua_pop(effect->L, 1);
}

static void check_unique(const struct effect *effect, const bson_t *list)
{
    bson_iter_t at, last;
    const char *key = NULL;
    int seen = 0;
    for (int pass = 0; pass < 2; pass++) {
        if (!bson_iter_init(&at, list)) {
            return;
        }
        while (bson_iter_next(&at)) {
            if (!bson_iter_recurse(&at, &last) || !bson_iter_find(&last, "key")) {
                continue;
            }
            if (pass == 0) {
                key = bson_iter_utf8(&last, NULL);
            } else if (strcmp(bson_iter_utf8(&last, NULL), key) == 0 && ++seen > 1) {
                fail(effect, "key", "is the same as that of an effect before; each needs its own");
            }
        }
    }
}

static void put_effect(struct kj_eval *eval, bson_t *list, int number)
{
    lua_State *L = eval->L;
    char digits[16];
    const char *key;
    bson_t one;
    if (!lua_istable(L, -1)) {
        luaL_error(L, "%s: effects[%d] is { key = …, verb = …, args = { … } }, not a %s",
                   eval->rules->effects_at, number, kj_type_name(L, -1));
    }
    kj_raw_table(L, -1);
    struct effect effect = {L, lua_gettop(L), number, eval->rules->effects_at};
    check_fields(&effect);
    bson_uint32_to_string((uint32_t)number - 1, &key, digits, sizeof digits);
    bson_append_document_begin(list, key, -1, &one);
    put_word(&effect, &one, "key", true);
    put_word(&effect, &one, "verb", true);
    put_value(&effect, &one, "args");
    put_word(&effect, &one, "after", false);
    put_span(&effect, &one, "within");
    put_value(&effect, &one, "retry");
    put_span(&effect, &one, "expires");
    bson_append_document_end(list, &one);
    check_unique(&effect, list);
    lua_pop(L, 1);
}

static void effects(struct kj_eval *eval, void *arg)
{
    (void)arg;
    lua_State *L = eval->L;
    struct kj_frame *frame = kj_enter_section(eval, "effects");
    push_result(eval, eval->rules->effects);
    if (!lua_isnil(L, -1)) {
        if (!lua_istable(L, -1)) {
            luaL_error(L, "%s: effects must be a list, not a %s", eval->rules->effects_at,
                       kj_type_name(L, -1));
        }
        kj_raw_table(L, -1);
        int raw = lua_gettop(L);
        size_t count = lua_rawlen(L, raw);
        if (count > MAX_EFFECTS) {
            luaL_error(L, "%s: more than %d effects", eval->rules->effects_at, MAX_EFFECTS);
        }
        for (size_t i = 0; i < count; i++) {
            lua_rawgeti(L, raw, (lua_Integer)i + 1);
            put_effect(eval, kj_frame_result(frame), (int)i + 1);
            lua_settop(L, raw);
        }
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    size_t list = kj_out_open(&eval->plan, BSON_TYPE_ARRAY, "effects");
    kj_out_members_of(&eval->plan, kj_frame_result(frame));
    kj_out_close(&eval->plan, list);
    kj_leave_section(eval, false);
}

void kj_plan_effects(struct kj_eval *eval)
{
    if (eval->rules->effects != KJ_NO_REF) {
        kj_guarded(eval, "effects", effects, NULL);
    }
}
