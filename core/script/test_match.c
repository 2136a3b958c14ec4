// Matching what a test expects with what came out: only what is named is compared.
#include "base/clock.h"
#include "script/pack_check.h"
#include "script/sandbox.h"
#include "script/tests_lua.h"
#include "script/view.h"

#include <stdio.h>
#include <string.h>

static const char *type_word(lua_State *L, int index)
{
    return lua_touserdata(L, index) == &kj_key_none ? "nothing" : kj_type_name(L, index);
}

static void print_lua(lua_State *L, int index, char *out, size_t size)
{
    if (lua_type(L, index) == LUA_TSTRING) {
        snprintf(out, size, "\"%.80s\"", lua_tostring(L, index));
    } else if (lua_type(L, index) == LUA_TNUMBER || lua_type(L, index) == LUA_TBOOLEAN) {
        snprintf(out, size, "%.80s", luaL_tolstring(L, index, NULL));
        lua_pop(L, 1);
    } else {
        snprintf(out, size, "%s", type_word(L, index));
    }
}

static void print_bson(const bson_iter_t *at, char *out, size_t size)
{
    if (!at) {
        snprintf(out, size, "nothing");
    } else if (BSON_ITER_HOLDS_UTF8(at)) {
        snprintf(out, size, "\"%.80s\"", bson_iter_utf8(at, NULL));
    } else if (BSON_ITER_HOLDS_INT(at)) {
        snprintf(out, size, "%lld", (long long)bson_iter_as_int64(at));
    } else if (BSON_ITER_HOLDS_DOUBLE(at)) {
        snprintf(out, size, "%.14g", bson_iter_double(at));
    } else if (BSON_ITER_HOLDS_BOOL(at)) {
        snprintf(out, size, "%s", bson_iter_bool(at) ? "true" : "false");
    } else if (BSON_ITER_HOLDS_DATE_TIME(at)) {
        kj_time_print(bson_iter_date_time(at), out, size);
    } else if (BSON_ITER_HOLDS_NULL(at)) {
        snprintf(out, size, "nothing");
    } else {
        snprintf(out, size, BSON_ITER_HOLDS_ARRAY(at) ? "a list" : "a table");
    }
}

static bool differ(lua_State *L, struct kj_match *match, int index, const bson_iter_t *at)
{
    char wanted[120], found[120];
    print_lua(L, index, wanted, sizeof wanted);
    print_bson(at, found, sizeof found);
    snprintf(match->text, sizeof match->text, "%s is %s, expected %s", match->path, found, wanted);
    return false;
}

static bool same_scalar(lua_State *L, int index, const bson_iter_t *at)
{
    int64_t wanted;
    const struct kj_moment *moment = kj_moment_at(L, index);
    switch (lua_type(L, index)) {
    case LUA_TBOOLEAN:
        return BSON_ITER_HOLDS_BOOL(at) && bson_iter_bool(at) == (bool)lua_toboolean(L, index);
    case LUA_TNUMBER:
        return BSON_ITER_HOLDS_NUMBER(at) && bson_iter_as_double(at) == lua_tonumber(L, index);
    case LUA_TSTRING:
        if (BSON_ITER_HOLDS_DATE_TIME(at)) {
            return kj_time_parse(lua_tostring(L, index), &wanted) &&
                   bson_iter_date_time(at) == wanted;
        }
        return BSON_ITER_HOLDS_UTF8(at) &&
               strcmp(bson_iter_utf8(at, NULL), lua_tostring(L, index)) == 0;
    default:
        return moment && BSON_ITER_HOLDS_DATE_TIME(at) && bson_iter_date_time(at) == moment->ms;
    }
}

static bool same_list(lua_State *L, struct kj_match *match, int raw, const bson_iter_t *at)
{
    bson_iter_t member;
    lua_Integer count = (lua_Integer)lua_rawlen(L, raw), found = 0;
    if (bson_iter_recurse(at, &member)) {
        while (bson_iter_next(&member)) {
            found++;
        }
    }
    if (found != count) {
        snprintf(match->text, sizeof match->text, "%s has %lld members, expected %lld", match->path,
                 (long long)found, (long long)count);
        return false;
    }
    bool same = bson_iter_recurse(at, &member);
    for (lua_Integer i = 1; same && i <= count && bson_iter_next(&member); i++) {
        size_t length = strlen(match->path);
        snprintf(match->path + length, sizeof match->path - length, "[%lld]", (long long)i);
        lua_rawgeti(L, raw, i);
        same = kj_match_value(L, match, lua_gettop(L), &member);
        lua_pop(L, 1);
        match->path[length] = '\0';
    }
    return same;
}

// Only what is named is compared.
static bool same_members(lua_State *L, struct kj_match *match, int raw, const bson_t *doc)
{
    kj_sorted_keys(L, raw);
    int keys = lua_gettop(L);
    bool same = true;
    for (lua_Integer i = 1; same && lua_rawgeti(L, keys, i) != LUA_TNIL; i++) {
        const char *key = luaL_checkstring(L, -1);
        size_t length = strlen(match->path);
        bson_iter_t at;
        snprintf(match->path + length, sizeof match->path - length, "%s%s", length ? "." : "", key);
        bool there = bson_iter_init_find(&at, doc, key);
        lua_pushvalue(L, -1);
        lua_rawget(L, raw);
        same = kj_match_value(L, match, lua_gettop(L), there ? &at : NULL);
        lua_settop(L, keys);
        match->path[length] = '\0';
    }
    lua_settop(L, keys - 1);
    return same;
}

bool kj_match_value(lua_State *L, struct kj_match *match, int index, const bson_iter_t *at)
{
    luaL_checkstack(L, 12, "match");
    if (at && BSON_ITER_HOLDS_NULL(at)) {
        at = NULL;
    }
    if (lua_touserdata(L, index) == &kj_key_none) {
        return !at || differ(L, match, index, at);
    }
    if (!at) {
        return differ(L, match, index, at);
    }
    if (!lua_istable(L, index)) {
        return same_scalar(L, index, at) || differ(L, match, index, at);
    }
    kj_raw_table(L, index);
    int raw = lua_gettop(L);
    bool same;
    bson_t doc;
    if (BSON_ITER_HOLDS_ARRAY(at)) {
        same = same_list(L, match, raw, at);
    } else if (kj_doc_at(at, &doc)) {
        same = same_members(L, match, raw, &doc);
    } else {
        same = differ(L, match, index, at);
    }
    lua_settop(L, raw - 1);
    return same;
}

bool kj_match_doc(lua_State *L, struct kj_match *match, int index, const bson_t *doc)
{
    kj_raw_table(L, index);
    int raw = lua_gettop(L);
    bool same = same_members(L, match, raw, doc);
    lua_settop(L, raw - 1);
    return same;
}
