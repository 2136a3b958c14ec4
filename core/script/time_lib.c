// kejue.time: add, diff, format, parse; instants that compare, with fields in the lead's zone.
// Calendar steps (days, weeks, months) keep the local time of day across changes of the clock.
#include "script/time_lib.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/str.h"
#include "model/zone.h"
#include "script/sandbox.h"
#include "script/view.h"

#include <stdio.h>
#include <string.h>

static const char k_tag; // also the key of the metatable
static const int64_t k_most_ms = 3660LL * 86400000;

enum unit { MS, SECOND, MINUTE, HOUR, DAY, WEEK, MONTH, YEAR, NO_UNIT };
static const int64_t k_unit_ms[] = {1, 1000, 60000, 3600000, 86400000, 604800000};
static const char *const k_unit_names[] = {"ms",   "seconds", "minutes", "hours",
                                           "days", "weeks",   "months",  "years"};

bool kj_span_parse(const char *text, int64_t *ms)
{
    static const char letters[] = "smhdw";
    int64_t total = 0;
    const char *at = text;
    if (*at == '\0') {
        return false;
    }
    while (*at) {
        int64_t number = 0;
        const char *digits = at;
        for (; *at >= '0' && *at <= '9' && number < 100000000; at++) {
            number = number * 10 + (*at - '0');
        }
        const char *letter = *at && at > digits ? strchr(letters, *at) : NULL;
        if (!letter) {
            return false;
        }
        at++;
        total += number * k_unit_ms[SECOND + (letter - letters)];
        if (total > k_most_ms) {
            return false;
        }
    }
    *ms = total;
    return true;
}

void kj_moment_push(lua_State *L, int64_t ms)
{
    struct kj_moment *moment = lua_newuserdatauv(L, sizeof *moment, 0);
    moment->tag = &k_tag;
    moment->ms = ms;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &k_tag);
    lua_setmetatable(L, -2);
}

const struct kj_moment *kj_moment_at(lua_State *L, int index)
{
    return kj_tagged(L, index, &k_tag);
}

int64_t kj_check_moment(lua_State *L, int index)
{
    const struct kj_moment *moment = kj_moment_at(L, index);
    if (!moment) {
        luaL_typeerror(L, index, "time");
        return 0;
    }
    return moment->ms;
}

void kj_local_time(lua_State *L, int64_t ms, struct kj_civil *civil)
{
    const struct kj_zone *zone = kj_vm_of(L)->zone;
    if (zone) {
        kj_zone_local(zone, ms, civil);
    } else {
        kj_civil_from_ms(ms, civil);
    }
}

static int64_t instant_of(lua_State *L, const struct kj_civil *civil)
{
    const struct kj_zone *zone = kj_vm_of(L)->zone;
    enum kj_local kind;
    return zone ? kj_zone_instant(zone, civil, &kind) : kj_civil_to_ms(civil);
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

static int64_t add_units(lua_State *L, int64_t ms, lua_Integer count, enum unit unit)
{
    if (count > 1000000000 || count < -1000000000) {
        luaL_error(L, "kejue.time.add: %I %s is too far", count, k_unit_names[unit]);
    }
    if (unit < DAY) {
        return ms + count * k_unit_ms[unit];
    }
    if (count > 40000 || count < -40000) {
        luaL_error(L, "kejue.time.add: %I %s is too far", count, k_unit_names[unit]);
    }
    struct kj_civil civil;
    kj_local_time(L, ms, &civil);
    if (unit == DAY || unit == WEEK) {
        civil.day += (int)count * (unit == WEEK ? 7 : 1);
        int64_t shifted = kj_civil_to_ms(&civil); // normalises the fields
        kj_civil_from_ms(shifted, &civil);
    } else {
        int months = civil.month - 1 + (int)count * (unit == YEAR ? 12 : 1);
        civil.year += months / 12 - (months % 12 < 0);
        civil.month = (months % 12 + 12) % 12 + 1;
        int last = days_in_month(civil.year, civil.month);
        civil.day = civil.day > last ? last : civil.day;
    }
    return instant_of(L, &civil);
}

static enum unit unit_named(lua_State *L, const char *name)
{
    size_t length = strlen(name);
    for (int unit = MS; unit < NO_UNIT; unit++) {
        size_t full = strlen(k_unit_names[unit]);
        bool singular = unit != MS && length + 1 == full;
        if (strncmp(name, k_unit_names[unit], length) == 0 && (length == full || singular)) {
            return (enum unit)unit;
        }
    }
    const char *near = kj_nearest(name, k_unit_names, NO_UNIT);
    luaL_error(L, "there is no unit \"%s\"; %s%s", name, near ? "did you mean " : "use ",
               near ? near : "seconds, minutes, hours, days, weeks, months or years");
    return NO_UNIT;
}

static int64_t add_table(lua_State *L, int64_t ms, int index)
{
    static const enum unit order[] = {YEAR, MONTH, WEEK, DAY, HOUR, MINUTE, SECOND, MS};
    kj_sorted_keys(L, index);
    for (lua_Integer i = 1; lua_rawgeti(L, -1, i) != LUA_TNIL; i++) {
        unit_named(L, luaL_checkstring(L, -1));
        lua_pop(L, 1);
    }
    lua_pop(L, 2);
    for (size_t i = 0; i < KJ_COUNT(order); i++) {
        if (lua_getfield(L, index, k_unit_names[order[i]]) != LUA_TNIL) {
            ms = add_units(L, ms, luaL_checkinteger(L, -1), order[i]);
        }
        lua_pop(L, 1);
    }
    return ms;
}

// add(t, "2h"), add(t, { days = 1, hours = 2 }), add(t, 3, "days")
static int time_add(lua_State *L)
{
    int64_t ms = kj_check_moment(L, 1), span;
    if (lua_istable(L, 2)) {
        ms = add_table(L, ms, 2);
    } else if (lua_type(L, 2) == LUA_TSTRING) {
        const char *text = lua_tostring(L, 2);
        bool back = *text == '-';
        if (!kj_span_parse(text + back, &span)) {
            return luaL_error(L,
                              "\"%s\" is no span: write \"90s\", \"30m\", \"2h\", \"3d\" or "
                              "\"1w\"",
                              text);
        }
        ms += back ? -span : span;
    } else {
        ms = add_units(L, ms, luaL_checkinteger(L, 2), unit_named(L, luaL_checkstring(L, 3)));
    }
    kj_moment_push(L, ms);
    return 1;
}

// diff(a, b, "hours"): a minus b, in seconds when no unit is named.
static int time_diff(lua_State *L)
{
    int64_t span = kj_check_moment(L, 1) - kj_check_moment(L, 2);
    enum unit unit = unit_named(L, luaL_optstring(L, 3, "seconds"));
    if (unit > WEEK) {
        return luaL_error(L, "diff has no %s: their length differs", k_unit_names[unit]);
    }
    if (span % k_unit_ms[unit] == 0) {
        lua_pushinteger(L, span / k_unit_ms[unit]);
    } else {
        lua_pushnumber(L, (double)span / (double)k_unit_ms[unit]);
    }
    return 1;
}

static int time_parse(lua_State *L)
{
    int64_t ms;
    if (!kj_time_parse(luaL_checkstring(L, 1), &ms)) {
        lua_pushnil(L);
        return 1;
    }
    kj_moment_push(L, ms);
    return 1;
}

// --- fields and comparisons ---

static int moment_index(lua_State *L)
{
    static const char *const names[] = {"year",   "month",  "day",    "hour",
                                        "minute", "second", "weekday"};
    const char *name = luaL_checkstring(L, 2);
    struct kj_civil at;
    kj_local_time(L, kj_check_moment(L, 1), &at);
    const int values[] = {at.year,   at.month,  at.day,        at.hour,
                          at.minute, at.second, at.weekday + 1}; // 1 = Monday
    for (size_t i = 0; i < KJ_COUNT(names); i++) {
        if (strcmp(name, names[i]) == 0) {
            lua_pushinteger(L, values[i]);
            return 1;
        }
    }
    return luaL_error(L,
                      "a time has no field \"%s\"; it has year, month, day, hour, minute, "
                      "second and weekday (1 = Monday)",
                      name);
}

static int moment_compare(lua_State *L, int operation)
{
    const struct kj_moment *a = kj_moment_at(L, 1), *b = kj_moment_at(L, 2);
    if (!a || !b) {
        return luaL_error(L, "a time cannot be compared with a %s", kj_type_name(L, a ? 2 : 1));
    }
    lua_pushboolean(L, operation < 0    ? a->ms < b->ms
                       : operation == 0 ? a->ms == b->ms
                                        : a->ms <= b->ms);
    return 1;
}

static int moment_eq(lua_State *L)
{
    return moment_compare(L, 0);
}

static int moment_lt(lua_State *L)
{
    return moment_compare(L, -1);
}

static int moment_le(lua_State *L)
{
    return moment_compare(L, 1);
}

static int moment_tostring(lua_State *L)
{
    char out[40];
    kj_time_print(kj_check_moment(L, 1), out, sizeof out);
    lua_pushstring(L, out);
    return 1;
}

static int moment_arithmetic(lua_State *L)
{
    return luaL_error(L, "times are not added with + or -: use kejue.time.add(t, \"2h\") and "
                         "kejue.time.diff(a, b, \"minutes\")");
}

void kj_time_lib_open(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"add", time_add},     {"diff", time_diff}, {"format", kj_time_format},
        {"parse", time_parse}, {NULL, NULL},
    };
    static const luaL_Reg methods[] = {
        {"__index", moment_index},
        {"__eq", moment_eq},
        {"__lt", moment_lt},
        {"__le", moment_le},
        {"__add", moment_arithmetic},
        {"__sub", moment_arithmetic},
        {"__tostring", moment_tostring},
        {NULL, NULL},
    };
    luaL_newlib(L, functions);
    lua_setfield(L, -2, "time");
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &k_tag);
    lua_pushliteral(L, "kejue.time");
    lua_setfield(L, -2, "__name");
    luaL_setfuncs(L, methods, 0);
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
}
