// Variables of one call: what a model said (with evidence that code finds in the transcript), else
// what `from` derives, else the default; then the declared limits. Unknown is not false.
#include "script/eval.h"

#include "base/alloc.h"
#include "script/convert.h"
#include "script/evidence.h"
#include "script/sandbox.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_PLAIN = 64 * 1024 };

const char *kj_var_state_name(enum kj_var_state state)
{
    switch (state) {
    case KJ_VAR_VALUE:
        return "value";
    case KJ_VAR_NOT_ASKED:
        return "not_asked";
    case KJ_VAR_INVALID:
        return "invalid";
    case KJ_VAR_DERIVED:
        return "derived";
    default:
        return "unknown";
    }
}

void kj_variable_value(struct kj_eval *eval, size_t index)
{
    lua_rawgeti(eval->L, LUA_REGISTRYINDEX, eval->vm->values_ref);
    lua_rawgeti(eval->L, -1, (lua_Integer)index + 1);
    lua_replace(eval->L, -2);
}

// Keeps the value on top (popped) as the variable's.
static void set_value(struct kj_eval *eval, size_t index)
{
    lua_rawgeti(eval->L, LUA_REGISTRYINDEX, eval->vm->values_ref);
    lua_insert(eval->L, -2);
    lua_rawseti(eval->L, -2, (lua_Integer)index + 1);
    lua_pop(eval->L, 1);
}

// --- where a value comes from ---

static bool from_answer(struct kj_eval *eval, size_t index, struct kj_var_result *result)
{
    const struct kj_variable *variable = &eval->rules->variables[index];
    const struct kj_element *said = &eval->variables_said;
    struct kj_element answer, at;
    if (!kj_element_find(said->data, said->length, variable->name, strlen(variable->name),
                         &answer) ||
        answer.type != BSON_TYPE_DOCUMENT ||
        !kj_element_find(answer.data, answer.length, "value", 5, &at) ||
        at.type == BSON_TYPE_NULL) {
        return false;
    }
    if (!kj_find_evidence(eval, &answer, result)) {
        return false;
    }
    kj_view_push_fact(eval->L, &at, NULL);
    if (!kj_accept(eval, variable, result)) {
        lua_pop(eval->L, 1);
        result->turn = 0;
        result->quote = NULL;
        return false;
    }
    set_value(eval, index);
    result->state = KJ_VAR_VALUE;
    return true;
}

// from(c) returns the value, the turn that shows it, and (else the turn's text) a quote.
static bool from_code(struct kj_eval *eval, size_t index, struct kj_var_result *result)
{
    const struct kj_variable *variable = &eval->rules->variables[index];
    lua_State *L = eval->L;
    if (variable->from == KJ_NO_REF) {
        return false;
    }
    kj_call_function(eval, variable->from, NULL, 3);
    int base = lua_gettop(L) - 3;
    if (lua_isnil(L, base + 1)) {
        lua_settop(L, base);
        return false;
    }
    int64_t turn = lua_isinteger(L, base + 2) ? lua_tointeger(L, base + 2) : 0;
    if (lua_type(L, base + 3) == LUA_TSTRING) {
        // Kept in the table of values behind the variables, so that the pointer stays good.
        size_t length;
        result->quote = lua_tolstring(L, base + 3, &length);
        result->quote_length = (uint32_t)length;
        lua_pushvalue(L, base + 3);
        set_value(eval, eval->rules->variable_count + index);
    } else {
        result->quote = kj_turn_text(eval, turn, &result->quote_length);
    }
    result->turn =
        turn > 0 && (result->quote || kj_turn_text(eval, turn, &(uint32_t){0})) ? turn : 0;
    lua_settop(L, base + 1);
    if (!kj_accept(eval, variable, result)) {
        lua_settop(L, base);
        result->turn = 0;
        result->quote = NULL;
        return false;
    }
    set_value(eval, index);
    result->state = KJ_VAR_DERIVED;
    return true;
}

static void without_value(struct kj_eval *eval, size_t index, struct kj_var_result *result)
{
    const struct kj_variable *variable = &eval->rules->variables[index];
    result->turn = 0;
    result->quote = NULL;
    if (result->reason[0]) {
        result->state = KJ_VAR_INVALID;
    } else if (variable->asked && !kj_was_asked(eval, variable)) {
        result->state = KJ_VAR_NOT_ASKED;
    } else {
        result->state = KJ_VAR_UNKNOWN;
    }
    if (variable->fallback != KJ_NO_REF) {
        lua_rawgeti(eval->L, LUA_REGISTRYINDEX, variable->fallback);
        set_value(eval, index);
        result->state = KJ_VAR_DERIVED;
    }
}

static void compute(struct kj_eval *eval, void *arg)
{
    size_t index = *(const size_t *)arg;
    struct kj_var_result *result = &eval->variables[index];
    const struct kj_variable *variable = &eval->rules->variables[index];
    struct kj_frame *frame = kj_enter_section(eval, variable->section);
    result->state = KJ_VAR_BUSY;
    luaL_checkstack(eval->L, 16, "variable");
    bool there = from_answer(eval, index, result) || from_code(eval, index, result);
    if (!there) {
        without_value(eval, index, result);
    }
    bool telling = variable->from != KJ_NO_REF || result->state == KJ_VAR_INVALID;
    if (telling) {
        kj_explain_note(eval, frame, variable->at, kj_var_state_name(result->state),
                        there ? NULL : result->reason);
    }
    kj_leave_section(eval, telling);
}

// Nothing of the pack runs for it: what a model said needs no protection from itself.
static bool is_plain(const struct kj_eval *eval, const struct kj_variable *variable)
{
    return variable->from == KJ_NO_REF && variable->validate == KJ_NO_REF && !variable->pattern &&
           eval->nesting < KJ_MAX_NESTING;
}

struct kj_var_result *kj_variable(struct kj_eval *eval, size_t index)
{
    struct kj_var_result *result = &eval->variables[index];
    const struct kj_variable *variable = &eval->rules->variables[index];
    if (result->state == KJ_VAR_BUSY) {
        kj_enter_section(eval, variable->section); // raises, naming the circle
    }
    if (result->state == KJ_VAR_OPEN && is_plain(eval, variable)) {
        compute(eval, &index);
    } else if (result->state == KJ_VAR_OPEN &&
               !kj_guarded(eval, variable->section, compute, &index)) {
        memset(result, 0, sizeof *result);
        result->state = KJ_VAR_UNKNOWN;
    }
    return result;
}

void kj_setting_value(struct kj_eval *eval, size_t index)
{
    const struct kj_setting *setting = &eval->rules->settings[index];
    lua_State *L = eval->L;
    struct kj_element settings, at;
    if (kj_eval_fact(eval, KJ_FACT_SETTINGS, &settings) && settings.type == BSON_TYPE_DOCUMENT &&
        kj_element_find(settings.data, settings.length, setting->name, strlen(setting->name),
                        &at) &&
        at.type != BSON_TYPE_NULL) {
        kj_view_push_fact(L, &at, NULL);
        if (!kj_value_fits(L, lua_gettop(L), setting->type, setting->values,
                           setting->value_count)) {
            luaL_error(L, "the setting \"%s\" of this campaign is no %s", setting->name,
                       setting->type == KJ_TYPE_ENUM ? "value of its list"
                                                     : kj_value_type_names[setting->type]);
        }
        kj_normalise(eval, setting->type);
        return;
    }
    if (setting->fallback == KJ_NO_REF) {
        lua_pushnil(L);
        return;
    }
    lua_rawgeti(L, LUA_REGISTRYINDEX, setting->fallback);
}

// The value on top. What is not plain (or faulty) goes the long way, which bounds it.
static void put_value(struct kj_eval *eval, struct kj_frame *frame, const char *name)
{
    struct kj_convert state;
    lua_State *L = eval->L;
    size_t length;
    switch (lua_type(L, -1)) {
    case LUA_TNIL:
        return;
    case LUA_TBOOLEAN:
        kj_out_bool(&frame->matched, "value", lua_toboolean(L, -1));
        return;
    case LUA_TSTRING: {
        const char *text = lua_tolstring(L, -1, &length);
        if (length < MAX_PLAIN && !memchr(text, 0, length) && kj_utf8_valid(text, length)) {
            kj_out_bytes(&frame->matched, "value", text, length);
            return;
        }
        break;
    }
    case LUA_TNUMBER:
        if (lua_isinteger(L, -1)) {
            kj_out_int(&frame->matched, "value", lua_tointeger(L, -1));
            return;
        }
        if (isfinite(lua_tonumber(L, -1))) {
            kj_out_real(&frame->matched, "value", lua_tonumber(L, -1));
            return;
        }
        break;
    default:
        break;
    }
    bson_t *doc = kj_frame_result(frame);
    bson_reinit(doc);
    kj_convert_init(&state, name);
    kj_convert_put(L, &state, doc, "value", lua_gettop(L));
    kj_out_members_of(&frame->matched, doc);
}

static void put_variables(struct kj_eval *eval, void *arg)
{
    struct kj_frame *frame = kj_enter_section(eval, "variables");
    struct kj_out *out = &frame->matched;
    (void)arg;
    for (size_t i = 0; i < eval->rules->variable_count; i++) {
        const char *name = eval->rules->variables[i].name;
        struct kj_var_result *result = kj_variable(eval, i);
        size_t one = kj_out_open(out, BSON_TYPE_DOCUMENT, name);
        kj_variable_value(eval, i);
        put_value(eval, frame, name);
        lua_pop(eval->L, 1);
        kj_out_text(out, "state", kj_var_state_name(result->state));
        if (result->quote) {
            kj_out_bytes(out, "quote", result->quote, result->quote_length);
        }
        if (result->turn) {
            kj_out_int(out, "turn", result->turn);
        }
        if (result->state == KJ_VAR_INVALID) {
            kj_out_text(out, "reason", result->reason);
        }
        kj_out_close(out, one);
    }
    kj_out_whole(&eval->plan, BSON_TYPE_DOCUMENT, "variables", out);
    kj_leave_section(eval, false);
}

void kj_plan_variables(struct kj_eval *eval)
{
    kj_guarded(eval, "variables", put_variables, NULL);
}
