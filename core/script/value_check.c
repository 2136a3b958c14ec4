// Is a value one of its variable: type, limits, pattern, validate.
#include "script/eval.h"

#include "base/alloc.h"
#include "model/facts.h"
#include "model/fold.h"
#include "model/zone.h"
#include "script/evidence.h"
#include "script/pattern.h"

#include <stdio.h>
#include <string.h>

static bool invalid(struct kj_var_result *result, const char *format, double number)
{
    snprintf(result->reason, sizeof result->reason, format, number);
    return false;
}

bool kj_invalid_because(struct kj_var_result *result, const char *reason)
{
    snprintf(result->reason, sizeof result->reason, "%.90s", reason);
    return false;
}

// The value on top: in the form of its type (7.0 as 7, RFC 3339 text as a time).
void kj_normalise(struct kj_eval *eval, enum kj_value_type type)
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

static bool in_range(lua_State *L, const struct kj_variable *variable, struct kj_var_result *result)
{
    bool numbers = variable->type == KJ_TYPE_INTEGER || variable->type == KJ_TYPE_NUMBER;
    bool sized = variable->type == KJ_TYPE_STRING || variable->type == KJ_TYPE_LIST;
    if (!numbers && !sized) {
        return true;
    }
    double size = measure(L);
    if (variable->has_min && size < variable->min) {
        return invalid(result, numbers ? "below %.14g" : "shorter than %.14g", variable->min);
    }
    if (variable->has_max && size > variable->max) {
        return invalid(result, numbers ? "above %.14g" : "longer than %.14g", variable->max);
    }
    return true;
}

static bool matches(lua_State *L, const struct kj_variable *variable)
{
    if (!variable->pattern || lua_type(L, -1) != LUA_TSTRING) {
        return true;
    }
    size_t length;
    const char *text = lua_tolstring(L, -1, &length);
    struct kj_pattern pattern;
    bool anchor = variable->pattern[0] == '^', found = false;
    kj_pattern_init(&pattern, L, text, length, variable->pattern, strlen(variable->pattern));
    for (size_t at = 0; at <= length && !found; at = anchor ? length + 1 : at + 1) {
        found = kj_pattern_match(&pattern, text + at, variable->pattern + anchor) != NULL;
    }
    return found;
}

static bool in_limits(lua_State *L, const struct kj_variable *variable,
                      struct kj_var_result *result)
{
    if ((variable->has_min || variable->has_max) && !in_range(L, variable, result)) {
        return false;
    }
    return matches(L, variable) || kj_invalid_because(result, "does not match its pattern");
}

// "Next Tuesday at ten": a model tells what was said, code makes the day or instant of it, in the
// lead's zone. What allows two readings is not guessed; a datetime needs a time. False: invalid.
static bool read_date(struct kj_eval *eval, const struct kj_variable *variable,
                      struct kj_var_result *result)
{
    lua_State *L = eval->L;
    int64_t at, earliest, latest;
    bool day = variable->type == KJ_TYPE_DATE;
    if ((!day && variable->type != KJ_TYPE_DATETIME) || lua_type(L, -1) != LUA_TSTRING ||
        kj_value_fits(L, lua_gettop(L), variable->type, NULL, 0)) {
        return true;
    }
    const char *words = lua_tostring(L, -1);
    const struct kj_zone *zone = kj_doc_has(&eval->facts, "lead.timezone") ? eval->vm->zone : NULL;
    enum kj_wish wish = kj_wish_parse(words, eval->language, zone,
                                      kj_doc_time(&eval->facts, "now", 0), &at, &earliest, &latest);
    if (wish == KJ_WISH_OK && (day || earliest == latest)) {
        lua_pop(L, 1);
        kj_moment_push(L, at);
        return true;
    }
    if (wish == KJ_WISH_OK || wish == KJ_WISH_AMBIGUOUS) {
        snprintf(result->reason, sizeof result->reason, "\"%.*s\" is ambiguous",
                 kj_utf8_fit(words, 60), words);
        return false;
    }
    return true; // no date at all
}

// The value on top: is it one of the variable? Leaves it (normalised) there.
bool kj_accept(struct kj_eval *eval, const struct kj_variable *variable,
               struct kj_var_result *result)
{
    lua_State *L = eval->L;
    if (!read_date(eval, variable, result)) {
        return false;
    }
    if (!kj_value_fits(L, lua_gettop(L), variable->type, variable->values, variable->value_count)) {
        snprintf(result->reason, sizeof result->reason, "is no %s",
                 variable->type == KJ_TYPE_ENUM ? "value of this enum"
                                                : kj_value_type_names[variable->type]);
        return false;
    }
    kj_normalise(eval, variable->type);
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
        kj_invalid_because(result, lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1)
                                                                  : "refused by validate");
    }
    lua_pop(L, 2);
    return ok;
}
