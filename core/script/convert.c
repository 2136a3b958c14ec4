// Lua to BSON. Keys are sorted, so that the same result gives the same bytes.
#include "script/convert.h"

#include "script/sandbox.h"
#include "script/view.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_DEPTH = 32, MAX_NODES = 10000, MAX_BYTES = 256 * 1024 };

void kj_convert_init(struct kj_convert *state, const char *path)
{
    memset(state, 0, sizeof *state);
    snprintf(state->path, sizeof state->path, "%s", path);
}

static void refuse(lua_State *L, const struct kj_convert *state, const char *why)
{
    luaL_error(L, "%s: %s", state->path, why);
}

static void spend(lua_State *L, struct kj_convert *state, size_t bytes)
{
    state->bytes += bytes + 8;
    if (++state->nodes > MAX_NODES) {
        refuse(L, state, "more than 10,000 values");
    }
    if (state->bytes > MAX_BYTES) {
        refuse(L, state, "more than 256 KiB");
    }
}

static size_t enter(struct kj_convert *state, const char *key, lua_Integer index)
{
    size_t length = strlen(state->path);
    char *end = state->path + length;
    size_t room = sizeof state->path - length;
    if (key) { // not by snprintf: once for each member
        if (length && room > 1) {
            *end++ = '.';
            room--;
        }
        kj_copy(end, room, key);
    } else {
        snprintf(end, room, "[%lld]", (long long)index);
    }
    return length;
}

// The number of members when the raw table at `index` is a list (1..n without gaps), -1 when it
// has names, 0 when it is empty.
static lua_Integer list_size(lua_State *L, int index)
{
    lua_Integer length = (lua_Integer)lua_rawlen(L, index), count = 0;
    bool names = false;
    lua_pushnil(L);
    while (lua_next(L, index)) {
        lua_pop(L, 1);
        names = names || !lua_isinteger(L, -1);
        count++;
    }
    return count == 0 ? 0 : !names && count == length ? length : -1;
}

static void put_list(lua_State *L, struct kj_convert *state, bson_t *out, int raw,
                     lua_Integer count)
{
    for (lua_Integer i = 1; i <= count; i++) {
        char digits[16];
        const char *key;
        bson_uint32_to_string((uint32_t)(i - 1), &key, digits, sizeof digits);
        size_t length = enter(state, NULL, i);
        lua_rawgeti(L, raw, i);
        kj_convert_put(L, state, out, key, lua_gettop(L));
        lua_pop(L, 1);
        state->path[length] = '\0';
    }
}

static void put_names(lua_State *L, struct kj_convert *state, bson_t *out, int raw)
{
    kj_sorted_keys(L, raw);
    int keys = lua_gettop(L);
    for (lua_Integer i = 1; lua_rawgeti(L, keys, i) != LUA_TNIL; i++) {
        size_t key_length;
        if (lua_type(L, -1) != LUA_TSTRING) {
            refuse(L, state, "a table mixes names with numbers as keys (or its list has a gap)");
        }
        const char *key = lua_tolstring(L, -1, &key_length);
        if (strlen(key) != key_length || !kj_utf8_valid(key, key_length)) {
            refuse(L, state, "a key is not UTF-8 text");
        }
        spend(L, state, key_length);
        size_t length = enter(state, key, 0);
        lua_pushvalue(L, -1);
        lua_rawget(L, raw);
        kj_convert_put(L, state, out, key, lua_gettop(L));
        lua_pop(L, 2);
        state->path[length] = '\0';
    }
    lua_settop(L, keys - 1);
}

static void put_table(lua_State *L, struct kj_convert *state, bson_t *out, const char *key,
                      int index)
{
    if (++state->depth > MAX_DEPTH) {
        refuse(L, state, "deeper than 32 tables (does a table hold itself?)");
    }
    luaL_checkstack(L, 12, "convert");
    kj_raw_table(L, index);
    int raw = lua_gettop(L);
    lua_Integer count = list_size(L, raw);
    bson_t child;
    if (count > 0) {
        bson_append_array_begin(out, key, -1, &child);
        put_list(L, state, &child, raw, count);
        bson_append_array_end(out, &child);
    } else {
        bson_append_document_begin(out, key, -1, &child);
        if (count < 0) {
            put_names(L, state, &child, raw);
        }
        bson_append_document_end(out, &child);
    }
    lua_settop(L, raw - 1);
    state->depth--;
}

static void put_number(lua_State *L, struct kj_convert *state, bson_t *out, const char *key,
                       int index)
{
    if (lua_isinteger(L, index)) {
        bson_append_int64(out, key, -1, lua_tointeger(L, index));
        return;
    }
    double value = lua_tonumber(L, index);
    if (!isfinite(value)) {
        refuse(L, state, "is not a finite number");
    }
    bson_append_double(out, key, -1, value);
}

static void put_text(lua_State *L, struct kj_convert *state, bson_t *out, const char *key,
                     int index)
{
    size_t length;
    const char *text = lua_tolstring(L, index, &length);
    if (memchr(text, 0, length) || !kj_utf8_valid(text, length)) {
        refuse(L, state, "is not UTF-8 text");
    }
    spend(L, state, length);
    bson_append_utf8(out, key, -1, text, (int)length);
}

static void put_userdata(lua_State *L, struct kj_convert *state, bson_t *out, const char *key,
                         int index)
{
    const struct kj_moment *moment = kj_moment_at(L, index);
    bson_t doc;
    bool list;
    if (moment) {
        bson_append_date_time(out, key, -1, moment->ms);
    } else if (kj_view_doc(L, index, &doc, &list)) {
        spend(L, state, doc.len);
        if (list) {
            bson_append_array(out, key, -1, &doc);
        } else {
            bson_append_document(out, key, -1, &doc);
        }
    } else {
        refuse(L, state, "c itself and its computed tables cannot be part of a result");
    }
}

void kj_convert_put(lua_State *L, struct kj_convert *state, bson_t *out, const char *key, int index)
{
    switch (lua_type(L, index)) {
    case LUA_TNIL:
        return;
    case LUA_TBOOLEAN:
        spend(L, state, 1);
        bson_append_bool(out, key, -1, lua_toboolean(L, index));
        return;
    case LUA_TNUMBER:
        spend(L, state, 8);
        put_number(L, state, out, key, index);
        return;
    case LUA_TSTRING:
        put_text(L, state, out, key, index);
        return;
    case LUA_TTABLE:
        spend(L, state, 8);
        put_table(L, state, out, key, index);
        return;
    case LUA_TUSERDATA:
        put_userdata(L, state, out, key, index);
        return;
    default:
        lua_pushfstring(L, "is a %s; only plain values can be part of a result",
                        luaL_typename(L, index));
        refuse(L, state, lua_tostring(L, -1));
    }
}

void kj_convert_members(lua_State *L, struct kj_convert *state, bson_t *out, int index)
{
    bson_t doc;
    bool list;
    if (kj_view_doc(L, index, &doc, &list)) {
        if (list) {
            refuse(L, state, "is a list where names are needed");
        }
        spend(L, state, doc.len);
        bson_concat(out, &doc);
        return;
    }
    if (!lua_istable(L, index)) {
        refuse(L, state, "must be a table");
    }
    kj_raw_table(L, index);
    int raw = lua_gettop(L);
    lua_Integer count = list_size(L, raw);
    if (count > 0) {
        refuse(L, state, "is a list where names are needed");
    }
    if (count < 0) {
        put_names(L, state, out, raw);
    }
    lua_settop(L, raw - 1);
}
