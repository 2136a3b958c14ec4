// Variables of one call: what a model said (with evidence that code finds in the transcript), else
// what `from` derives, else the default; then the declared limits. Unknown is not false.
#include "script/eval.h"

#include "base/alloc.h"
#include "model/facts.h"
#include "model/fold.h"
#include "model/zone.h"
#include "script/convert.h"
#include "script/pattern.h"
#include "script/sandbox.h"

#include <stdio.h>
#include <string.h>

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
    lua_rawgetp(eval->L, LUA_REGISTRYINDEX, &kj_key_values);
    lua_rawgeti(eval->L, -1, (lua_Integer)index + 1);
    lua_remove(eval->L, -2);
}

// Keeps the value on top (popped) as the variable's.
static void set_value(struct kj_eval *eval, size_t index)
{
    lua_rawgetp(eval->L, LUA_REGISTRYINDEX, &kj_key_values);
    lua_insert(eval->L, -2);
    lua_rawseti(eval->L, -2, (lua_Integer)index + 1);
    lua_pop(eval->L, 1);
}

static bool invalid(struct kj_var_result *result, const char *format, double number)
{
    snprintf(result->reason, sizeof result->reason, format, number);
    return false;
}

static bool invalid_because(struct kj_var_result *result, const char *reason)
{
    snprintf(result->reason, sizeof result->reason, "%.90s", reason);
    return false;
}

// The value on top: in the form of its type (7.0 as 7, RFC 3339 text as a time).
static void normalise(struct kj_eval *eval, enum kj_value_type type)
{
    lua_State *L = eval->L;
    int64_t ms;
    if (type == KJ_TYPE_INTEGER && !lua_isinteger(L, -1)) {
        lua_Integer whole;
        if (lua_numbertointeger(lua_tonumber(L, -1), &whole)) {
            lua_pop(L, 1);
            lua_pushinteger(L, whole);
        }
    } else if (type == KJ_TYPE_DATETIME && lua_type(L, -1) == LUA_TSTRING) {
        if (kj_time_parse(lua_tostring(L, -1), &ms)) {
            lua_pop(L, 1);
            kj_moment_push(L, ms);
        }
    } else if (type == KJ_TYPE_DATE && kj_moment_at(L, -1)) {
        struct kj_civil day;
        if (eval->vm->zone) {
            kj_zone_local(eval->vm->zone, kj_moment_at(L, -1)->ms, &day);
        } else {
            kj_civil_from_ms(kj_moment_at(L, -1)->ms, &day);
        }
        lua_pop(L, 1);
        char text[40];
        snprintf(text, sizeof text, "%04d-%02d-%02d", day.year, day.month, day.day);
        lua_pushstring(L, text);
    }
}

static double measure(lua_State *L)
{
    int type = lua_type(L, -1);
    if (type == LUA_TNUMBER) {
        return lua_tonumber(L, -1);
    }
    if (type == LUA_TSTRING) {
        return (double)kj_utf8_count(lua_tostring(L, -1));
    }
    return type == LUA_TUSERDATA ? (double)kj_view_count(L, -1) : (double)luaL_len(L, -1);
}

static bool in_limits(lua_State *L, const struct kj_variable *variable,
                      struct kj_var_result *result)
{
    bool numbers = variable->type == KJ_TYPE_INTEGER || variable->type == KJ_TYPE_NUMBER;
    bool sized = variable->type == KJ_TYPE_STRING || variable->type == KJ_TYPE_LIST;
    if ((variable->has_min || variable->has_max) && (numbers || sized)) {
        double size = measure(L);
        if (variable->has_min && size < variable->min) {
            return invalid(result, numbers ? "below %.14g" : "shorter than %.14g", variable->min);
        }
        if (variable->has_max && size > variable->max) {
            return invalid(result, numbers ? "above %.14g" : "longer than %.14g", variable->max);
        }
    }
    if (variable->pattern && lua_type(L, -1) == LUA_TSTRING) {
        size_t length;
        const char *text = lua_tolstring(L, -1, &length);
        struct kj_pattern pattern;
        bool anchor = variable->pattern[0] == '^', found = false;
        kj_pattern_init(&pattern, L, text, length, variable->pattern, strlen(variable->pattern));
        for (size_t at = 0; at <= length && !found; at = anchor ? length + 1 : at + 1) {
            found = kj_pattern_match(&pattern, text + at, variable->pattern + anchor) != NULL;
        }
        return found || invalid_because(result, "does not match its pattern");
    }
    return true;
}

// The value on top: is it one of the variable? Leaves it (normalised) there.
static bool accept(struct kj_eval *eval, const struct kj_variable *variable,
                   struct kj_var_result *result)
{
    lua_State *L = eval->L;
    if (!kj_value_fits(L, lua_gettop(L), variable->type, variable->values,
                       variable->value_count)) {
        snprintf(result->reason, sizeof result->reason, "is no %s",
                 variable->type == KJ_TYPE_ENUM ? "value of this enum"
                                                : kj_value_type_names[variable->type]);
        return false;
    }
    normalise(eval, variable->type);
    if (!in_limits(L, variable, result)) {
        return false;
    }
    if (variable->validate == KJ_NO_REF) {
        return true;
    }
    lua_rawgeti(L, LUA_REGISTRYINDEX, variable->validate);
    lua_pushvalue(L, -2);
    kj_call_push(eval);
    lua_call(L, 2, 2);
    bool ok = lua_toboolean(L, -2);
    if (!ok) {
        invalid_because(result, lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1)
                                                               : "refused by validate");
    }
    lua_pop(L, 2);
    return ok;
}

// --- evidence ---

static bool transcript_of(struct kj_eval *eval, bson_t *transcript)
{
    return kj_doc_child(&eval->facts, "transcript", transcript);
}

// Turns count from 1, as in c.transcript[turn].
static bool find_evidence(struct kj_eval *eval, const bson_t *answer, struct kj_var_result *result)
{
    bson_iter_t at;
    bson_t transcript;
    int64_t turn = kj_doc_int(answer, "turn", 0);
    result->has_agreement =
        bson_iter_init_find(&at, answer, "agreement") && BSON_ITER_HOLDS_NUMBER(&at);
    result->agreement = result->has_agreement ? bson_iter_as_double(&at) : 0;
    result->turn = turn > 0 ? turn : 0;
    if (!bson_iter_init_find(&at, answer, "quote") || !BSON_ITER_HOLDS_UTF8(&at)) {
        return true;
    }
    const char *quote = bson_iter_utf8(&at, &result->quote_length);
    int found = -1;
    if (transcript_of(eval, &transcript)) {
        found = kj_quote_find(&transcript, quote, (int)turn - 1);
    }
    if (found < 0) {
        result->turn = 0;
        return invalid_because(result, "its quote is not in the talk");
    }
    result->turn = found + 1;
    result->quote = quote;
    return true;
}

// The text of a turn, kept by the facts.
static const char *turn_text(struct kj_eval *eval, int64_t turn, uint32_t *length)
{
    bson_t transcript;
    bson_iter_t at, child;
    if (turn < 1 || !transcript_of(eval, &transcript) || !bson_iter_init(&at, &transcript)) {
        return NULL;
    }
    for (int64_t i = 0; i < turn; i++) {
        if (!bson_iter_next(&at)) {
            return NULL;
        }
    }
    if (!BSON_ITER_HOLDS_DOCUMENT(&at) || !bson_iter_recurse(&at, &child) ||
        !bson_iter_find(&child, "text") || !BSON_ITER_HOLDS_UTF8(&child)) {
        return NULL;
    }
    return bson_iter_utf8(&child, length);
}

// --- where a value comes from ---

static bool from_answer(struct kj_eval *eval, size_t index, struct kj_var_result *result)
{
    const struct kj_variable *variable = &eval->rules->variables[index];
    bson_t answers, answer;
    bson_iter_t at;
    if (!kj_doc_child(&eval->facts, "answers.variables", &answers) ||
        !kj_doc_child(&answers, variable->name, &answer) ||
        !bson_iter_init_find(&at, &answer, "value") || BSON_ITER_HOLDS_NULL(&at)) {
        return false;
    }
    if (!find_evidence(eval, &answer, result)) {
        return false;
    }
    kj_view_push_value(eval->L, eval->flat, &at, NULL, NULL);
    if (!accept(eval, variable, result)) {
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
        result->quote = turn_text(eval, turn, &result->quote_length);
    }
    result->turn = turn > 0 && (result->quote || turn_text(eval, turn, &(uint32_t){0})) ? turn : 0;
    lua_settop(L, base + 1);
    if (!accept(eval, variable, result)) {
        lua_settop(L, base);
        result->turn = 0;
        result->quote = NULL;
        return false;
    }
    set_value(eval, index);
    result->state = KJ_VAR_DERIVED;
    return true;
}

// Everything the assistant said, folded, for "was it asked?".
static const char *spoken(struct kj_eval *eval)
{
    if (eval->has_spoken) {
        return eval->spoken.data ? eval->spoken.data : "";
    }
    eval->has_spoken = true;
    bson_t transcript;
    bson_iter_t at;
    if (transcript_of(eval, &transcript) && bson_iter_init(&at, &transcript)) {
        while (bson_iter_next(&at)) {
            bson_iter_t turn, text;
            if (BSON_ITER_HOLDS_DOCUMENT(&at) && bson_iter_recurse(&at, &turn) &&
                bson_iter_find(&turn, "speaker") && BSON_ITER_HOLDS_UTF8(&turn) &&
                strcmp(bson_iter_utf8(&turn, NULL), "assistant") == 0 &&
                bson_iter_recurse(&at, &text) && bson_iter_find(&text, "text") &&
                BSON_ITER_HOLDS_UTF8(&text)) {
                kj_buf_addc(&eval->spoken, '\n');
                kj_fold(bson_iter_utf8(&text, NULL), KJ_FOLD_NUMBERS, &eval->spoken);
            }
        }
    }
    return eval->spoken.data ? eval->spoken.data : "";
}

static bool was_asked(struct kj_eval *eval, const struct kj_variable *variable)
{
    bson_t variables, ask;
    bson_iter_t at;
    if (!kj_doc_child(&eval->rules->describe, "variables", &variables) ||
        !bson_iter_init(&at, &variables)) {
        return false;
    }
    char path[16];
    snprintf(path, sizeof path, "%zu", (size_t)(variable - eval->rules->variables));
    bson_t one;
    if (!kj_doc_child(&variables, path, &one) || !kj_doc_child(&one, "ask", &ask) ||
        !bson_iter_init(&at, &ask)) {
        return false;
    }
    bool found = false;
    while (!found && bson_iter_next(&at)) {
        struct kj_buf question;
        kj_buf_init(&question, 0);
        if (BSON_ITER_HOLDS_UTF8(&at)) {
            kj_fold(bson_iter_utf8(&at, NULL), KJ_FOLD_NUMBERS, &question);
            found = question.length && strstr(spoken(eval), question.data);
        }
        kj_buf_fini(&question);
    }
    return found;
}

static void without_value(struct kj_eval *eval, size_t index, struct kj_var_result *result)
{
    const struct kj_variable *variable = &eval->rules->variables[index];
    result->turn = 0;
    result->quote = NULL;
    if (result->reason[0]) {
        result->state = KJ_VAR_INVALID;
    } else if (variable->asked && !was_asked(eval, variable)) {
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

static void section_name(const struct kj_variable *variable, char out[80])
{
    snprintf(out, 80, "variables.%.60s", variable->name);
}

struct computing {
    size_t index;
    char name[80];
};

static void compute(struct kj_eval *eval, void *arg)
{
    struct computing *computing = arg;
    struct kj_var_result *result = &eval->variables[computing->index];
    const struct kj_variable *variable = &eval->rules->variables[computing->index];
    struct kj_frame *frame = kj_enter_section(eval, computing->name);
    result->state = KJ_VAR_BUSY;
    luaL_checkstack(eval->L, 16, "variable");
    bool there =
        from_answer(eval, computing->index, result) || from_code(eval, computing->index, result);
    if (!there) {
        without_value(eval, computing->index, result);
    }
    bool telling = variable->from != KJ_NO_REF || result->state == KJ_VAR_INVALID;
    if (telling) {
        kj_explain_note(eval, frame, variable->at, kj_var_state_name(result->state),
                        there ? NULL : result->reason);
    }
    kj_leave_section(eval, telling);
}

struct kj_var_result *kj_variable(struct kj_eval *eval, size_t index)
{
    struct kj_var_result *result = &eval->variables[index];
    if (result->state == KJ_VAR_OPEN || result->state == KJ_VAR_BUSY) {
        struct computing computing = {.index = index};
        section_name(&eval->rules->variables[index], computing.name);
        if (result->state == KJ_VAR_BUSY) {
            kj_enter_section(eval, computing.name); // raises, naming the circle
        }
        if (!kj_guarded(eval, computing.name, compute, &computing)) {
            memset(result, 0, sizeof *result);
            result->state = KJ_VAR_UNKNOWN;
        }
    }
    return result;
}

void kj_setting_value(struct kj_eval *eval, size_t index)
{
    const struct kj_setting *setting = &eval->rules->settings[index];
    lua_State *L = eval->L;
    bson_t settings;
    bson_iter_t at;
    if (kj_doc_child(&eval->facts, "settings", &settings) &&
        bson_iter_init_find(&at, &settings, setting->name) && !BSON_ITER_HOLDS_NULL(&at)) {
        kj_view_push_value(L, eval->flat, &at, NULL, NULL);
        if (!kj_value_fits(L, lua_gettop(L), setting->type, setting->values,
                           setting->value_count)) {
            luaL_error(L, "the setting \"%s\" of this campaign is no %s", setting->name,
                       setting->type == KJ_TYPE_ENUM ? "value of its list"
                                                     : kj_value_type_names[setting->type]);
        }
        normalise(eval, setting->type);
        return;
    }
    if (setting->fallback == KJ_NO_REF) {
        lua_pushnil(L);
        return;
    }
    lua_rawgeti(L, LUA_REGISTRYINDEX, setting->fallback);
}

static void put_variables(struct kj_eval *eval, void *arg)
{
    struct kj_frame *frame = kj_enter_section(eval, "variables");
    (void)arg;
    for (size_t i = 0; i < eval->rules->variable_count; i++) {
        struct kj_var_result *result = kj_variable(eval, i);
        struct kj_convert state;
        bson_t one;
        kj_convert_init(&state, eval->rules->variables[i].name);
        kj_variable_value(eval, i);
        bson_append_document_begin(&frame->hits, eval->rules->variables[i].name, -1, &one);
        kj_convert_put(eval->L, &state, &one, "value", lua_gettop(eval->L));
        lua_pop(eval->L, 1);
        bson_append_utf8(&one, "state", -1, kj_var_state_name(result->state), -1);
        if (result->quote) {
            bson_append_utf8(&one, "quote", -1, result->quote, (int)result->quote_length);
        }
        if (result->turn) {
            bson_append_int64(&one, "turn", -1, result->turn);
        }
        if (result->state == KJ_VAR_INVALID) {
            bson_append_utf8(&one, "reason", -1, result->reason, -1);
        }
        bson_append_document_end(&frame->hits, &one);
    }
    bson_append_document(&eval->plan, "variables", -1, &frame->hits);
    kj_leave_section(eval, false);
}

void kj_plan_variables(struct kj_eval *eval)
{
    kj_guarded(eval, "variables", put_variables, NULL);
}
