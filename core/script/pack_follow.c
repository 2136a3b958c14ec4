// What follows a call, as a pack declares it: retry, callback, appointments, effects, changes of
// the lead, preselection.
#include "base/alloc.h"
#include "model/call.h"
#include "model/retry.h"
#include "script/pack_check.h"
#include "script/sandbox.h"
#include "script/time_lib.h"

#include <string.h>

// gaps = { 180, "1d" }: minutes or spans.
static void gaps(struct kj_load *load, int table, struct kj_retry_rule *retry)
{
    lua_State *L = load->L;
    if (!kj_load_table(load, table, "gaps")) {
        return;
    }
    size_t length = kj_load_enter(load, "gaps", 0);
    size_t count = lua_rawlen(L, -1);
    if (count == 0 || count > KJ_COUNT(retry->gaps_minutes)) {
        kj_load_fail(load, "has 1 to %zu gaps, minutes or spans like \"3h\"",
                     KJ_COUNT(retry->gaps_minutes));
    }
    for (size_t i = 0; i < count; i++) {
        int64_t minutes = 0;
        int type = lua_rawgeti(L, -1, (lua_Integer)i + 1);
        if (type == LUA_TSTRING && kj_span_parse(lua_tostring(L, -1), &minutes)) {
            minutes /= 60000;
        } else {
            minutes = lua_isinteger(L, -1) ? lua_tointeger(L, -1) : 0;
        }
        if (minutes < 1 || minutes > 60 * 24 * 90) {
            kj_load_fail(load,
                         "gap %zu is no span like \"30m\", \"2h\" or \"3d\" between "
                         "1 minute and 90 days",
                         i + 1);
        }
        retry->gaps_minutes[i] = minutes;
        lua_pop(L, 1);
    }
    retry->gap_count = count;
    kj_load_leave(load, length);
    lua_pop(L, 1);
}

static void dispositions(struct kj_load *load, int table, struct kj_retry_rule *retry)
{
    const char *names[KJ_DISP_COUNT + 1];
    size_t known = 0, count;
    for (int i = KJ_DISP_NONE + 1; i < KJ_DISP_COUNT; i++) {
        names[known++] = kj_disposition_name((enum kj_disposition)i);
    }
    names[known++] = kj_retry_goal; // a conversation that missed its goal (F-32)
    const char **on = kj_load_texts(load, table, "on", &count);
    size_t length = kj_load_enter(load, "on", 0);
    if (count > KJ_COUNT(retry->on)) {
        kj_load_fail(load, "names too many dispositions");
    }
    for (size_t i = 0; i < count; i++) {
        kj_load_one_of(load, on[i], "disposition", names, known);
        retry->on[i] = on[i];
    }
    retry->on_count = count;
    kj_load_leave(load, length);
}

static void retry_of(struct kj_load *load, int pack)
{
    static const char *const names[] = {"gaps", "on", "when"};
    lua_State *L = load->L;
    struct kj_retry_rule *retry = &load->rules->retry;
    int type = lua_getfield(L, pack, "retry");
    size_t length = kj_load_enter(load, "retry", 0);
    retry->function = retry->when = KJ_NO_REF;
    retry->present = type != LUA_TNIL;
    retry->at = kj_load_at(load);
    if (type == LUA_TFUNCTION) {
        retry->function = kj_load_reference(load, -1);
    } else if (type == LUA_TTABLE) {
        int table = lua_gettop(L);
        kj_load_keys(load, table, "field of retry", names, KJ_COUNT(names));
        gaps(load, table, retry);
        dispositions(load, table, retry);
        retry->when = kj_load_function(load, table, "when");
    } else if (type != LUA_TNIL) {
        kj_load_fail(load, "is { gaps = { \"3h\", \"1d\" }, on = { \"busy\" } } or a function");
    }
    kj_load_leave(load, length);
    lua_pop(L, 1);
}

static void callback_of(struct kj_load *load, int pack)
{
    static const char *const names[] = {"when", "expires"};
    struct kj_rules *rules = load->rules;
    rules->callback_when = KJ_NO_REF;
    rules->callback_expires_ms = 10 * 60000;
    size_t length = kj_load_enter(load, "callback", 0);
    rules->callback_at = kj_load_at(load);
    kj_load_leave(load, length);
    if (!kj_load_table(load, pack, "callback")) {
        return;
    }
    int table = lua_gettop(load->L);
    length = kj_load_enter(load, "callback", 0);
    kj_load_keys(load, table, "field of callback", names, KJ_COUNT(names));
    rules->callback_present = true;
    rules->callback_when = kj_load_function(load, table, "when");
    kj_load_span(load, table, "expires", &rules->callback_expires_ms);
    kj_load_leave(load, length);
    lua_pop(load->L, 1);
}

static void appointments_of(struct kj_load *load, int pack)
{
    static const char *const names[] = {"verb", "title", "when", "duration_minutes", "book"};
    struct kj_appointment_rule *rule = &load->rules->appointment;
    rule->when = rule->title_function = KJ_NO_REF;
    if (!kj_load_table(load, pack, "appointments")) {
        return;
    }
    lua_State *L = load->L;
    int table = lua_gettop(L);
    size_t length = kj_load_enter(load, "appointments", 0);
    kj_load_keys(load, table, "field of appointments", names, KJ_COUNT(names));
    rule->present = true;
    rule->at = kj_load_at(load);
    rule->verb = kj_load_text(load, table, "verb", false);
    rule->verb = rule->verb ? rule->verb : "calendar.book";
    rule->when = kj_load_function(load, table, "when");
    if (lua_getfield(L, table, "title") == LUA_TFUNCTION) {
        rule->title_function = kj_load_reference(load, -1);
        lua_pop(L, 1);
    } else {
        lua_pop(L, 1);
        rule->title = kj_load_text(load, table, "title", false);
    }
    int type = lua_getfield(L, table, "book");
    rule->book = lua_toboolean(L, -1);
    lua_pop(L, 1);
    if (type != LUA_TBOOLEAN && type != LUA_TNIL) {
        kj_load_fail(load,
                     "book is true (the verb is called when the rules say so) or false (a hook "
                     "books)");
    }
    double minutes = 30;
    kj_load_number(load, table, "duration_minutes", &minutes);
    if (minutes < 1 || minutes > 1440) {
        kj_load_fail(load, "duration_minutes is between 1 and 1440");
    }
    rule->duration_minutes = (int64_t)minutes;
    kj_load_leave(load, length);
    lua_pop(L, 1);
}

// A function or a table; a reference or KJ_NO_REF.
static int result_of(struct kj_load *load, int pack, const char *key, const char **at)
{
    lua_State *L = load->L;
    int type = lua_getfield(L, pack, key), reference = KJ_NO_REF;
    size_t length = kj_load_enter(load, key, 0);
    *at = kj_load_at(load);
    if (type == LUA_TFUNCTION || type == LUA_TTABLE) {
        reference = kj_load_reference(load, -1);
    } else if (type != LUA_TNIL) {
        kj_load_fail(load, "is a function that returns a table, or a table");
    }
    kj_load_leave(load, length);
    lua_pop(L, 1);
    return reference;
}

// A list that is written out can be read before any call: each effect has a key of its own.
static void check_effects(struct kj_load *load, int pack)
{
    lua_State *L = load->L;
    lua_newtable(L); // key -> true
    int seen = lua_gettop(L);
    bool list = lua_getfield(L, pack, "effects") == LUA_TTABLE;
    size_t length = kj_load_enter(load, "effects", 0);
    for (lua_Integer i = 1; list && lua_geti(L, seen + 1, i) == LUA_TTABLE; i++) {
        if (lua_getfield(L, -1, "key") == LUA_TSTRING) {
            lua_pushvalue(L, -1);
            bool twice = lua_rawget(L, seen) == LUA_TBOOLEAN;
            lua_pop(L, 1);
            if (twice) {
                kj_load_enter(load, NULL, i);
                kj_load_enter(load, "key", 0);
                kj_load_fail(load, "is \"%.60s\" as that of an effect before; each needs its own",
                             lua_tostring(L, -1));
            }
            lua_pushboolean(L, true);
            lua_rawset(L, seen);
        }
        lua_settop(L, seen + 1);
    }
    kj_load_leave(load, length);
    lua_settop(L, seen - 1);
}

static void preselection_of(struct kj_load *load, int pack)
{
    static const char *const names[] = {"criteria", "overwrites", "decide"};
    struct kj_rules *rules = load->rules;
    rules->criteria_text = -1;
    rules->overwrites = rules->decide_function = KJ_NO_REF;
    if (!kj_load_table(load, pack, "preselection")) {
        return;
    }
    lua_State *L = load->L;
    int table = lua_gettop(L);
    size_t length = kj_load_enter(load, "preselection", 0);
    kj_load_keys(load, table, "field of preselection", names, KJ_COUNT(names));
    rules->preselection = true;
    rules->preselection_at = kj_load_at(load);
    const char *criteria = kj_load_text(load, table, "criteria", false);
    if (criteria) {
        size_t before = rules->text_count;
        rules->criteria_text = kj_load_question(load, criteria);
        if (rules->text_count == before) {
            kj_load_fail(load,
                         "its criteria are a condition elsewhere: a lead is judged by them, a "
                         "call by that; word one of them otherwise");
        }
    }
    const char *place;
    rules->overwrites = result_of(load, table, "overwrites", &place);
    if (lua_getfield(L, table, "decide") == LUA_TFUNCTION) {
        rules->decide_function = kj_load_reference(load, -1);
        lua_pop(L, 1);
    } else {
        lua_pop(L, 1);
        static const char *const levels[] = {"approved", "rejected"};
        static const struct kj_scale decisions = {"decision", levels, KJ_COUNT(levels), 1};
        kj_load_rows(load, table, "decide", &rules->decide, KJ_ROW_LEVEL, &decisions);
    }
    kj_load_leave(load, length);
    lua_pop(L, 1);
}

void kj_load_follow_up(struct kj_load *load, int pack)
{
    struct kj_rules *rules = load->rules;
    retry_of(load, pack);
    callback_of(load, pack);
    appointments_of(load, pack);
    rules->effects = result_of(load, pack, "effects", &rules->effects_at);
    check_effects(load, pack);
    rules->lead_changes = result_of(load, pack, "lead_changes", &rules->lead_changes_at);
    preselection_of(load, pack);
}
