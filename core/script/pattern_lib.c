// string.find, match, gmatch and gsub over our matcher; same results as Lua's own.
#include "script/pattern.h"
#include "script/sandbox.h"

#include <string.h>

static void push_capture(struct kj_pattern *state, int index, const char *start, const char *end)
{
    lua_State *L = state->L;
    if (index >= state->level) {
        if (index != 0) {
            luaL_error(L, "invalid capture index %%%d", index + 1);
        }
        lua_pushlstring(L, start, (size_t)(end - start));
        return;
    }
    const struct kj_capture *capture = &state->captures[index];
    if (capture->length == KJ_CAPTURE_POSITION) {
        lua_pushinteger(L, capture->start - state->text + 1);
    } else if (capture->length == KJ_CAPTURE_OPEN) {
        luaL_error(L, "malformed pattern: a ( is never closed");
    } else {
        lua_pushlstring(L, capture->start, (size_t)capture->length);
    }
}

static int push_captures(struct kj_pattern *state, const char *start, const char *end)
{
    int count = state->level == 0 && start ? 1 : state->level;
    luaL_checkstack(state->L, count, "too many captures");
    for (int i = 0; i < count; i++) {
        push_capture(state, i, start, end);
    }
    return count;
}

static size_t start_at(lua_Integer init, size_t length)
{
    if (init > 0) {
        return (size_t)init - 1;
    }
    if (init == 0 || init < -(lua_Integer)length) {
        return 0;
    }
    return length - (size_t)-init;
}

static int find_plain(lua_State *L, const char *text, size_t length, size_t init)
{
    size_t needle_length;
    const char *needle = lua_tolstring(L, 2, &needle_length);
    kj_vm_charge(L, 1 + (int64_t)(length - init) / 4);
    const char *found =
        needle_length ? memmem(text + init, length - init, needle, needle_length) : text + init;
    if (!found) {
        lua_pushnil(L);
        return 1;
    }
    lua_pushinteger(L, found - text + 1);
    lua_pushinteger(L, found - text + (lua_Integer)needle_length);
    return 2;
}

static bool has_specials(const char *pattern, size_t length)
{
    for (size_t at = 0; at < length; at++) { // a NUL in it is a letter like any other
        at += strcspn(pattern + at, "^$*+?.([%-");
        if (at < length && pattern[at]) {
            return true;
        }
    }
    return false;
}

static int search(lua_State *L, bool find)
{
    size_t length, pattern_length;
    const char *text = luaL_checklstring(L, 1, &length);
    const char *pattern = luaL_checklstring(L, 2, &pattern_length);
    size_t init = start_at(luaL_optinteger(L, 3, 1), length);
    if (init > length) {
        lua_pushnil(L);
        return 1;
    }
    kj_vm_charge(L, 1 + (int64_t)pattern_length / 16);
    if (find && (lua_toboolean(L, 4) || !has_specials(pattern, pattern_length))) {
        return find_plain(L, text, length, init);
    }
    struct kj_pattern state;
    bool anchor = pattern_length > 0 && *pattern == '^';
    kj_pattern_init(&state, L, text, length, pattern, pattern_length);
    for (const char *at = text + init; at <= state.text_end; at++) {
        const char *end = kj_pattern_match(&state, at, pattern + anchor);
        if (end) {
            if (!find) {
                return push_captures(&state, at, end);
            }
            lua_pushinteger(L, at - text + 1);
            lua_pushinteger(L, end - text);
            return push_captures(&state, NULL, NULL) + 2;
        }
        if (anchor) {
            break;
        }
    }
    lua_pushnil(L);
    return 1;
}

static int string_find(lua_State *L)
{
    return search(L, true);
}

static int string_match(lua_State *L)
{
    return search(L, false);
}

// Upvalues: text, pattern, next position, end of the last match (or -1).
static int gmatch_step(lua_State *L)
{
    size_t length, pattern_length;
    const char *text = lua_tolstring(L, lua_upvalueindex(1), &length);
    const char *pattern = lua_tolstring(L, lua_upvalueindex(2), &pattern_length);
    lua_Integer last = lua_tointeger(L, lua_upvalueindex(4));
    struct kj_pattern state;
    kj_pattern_init(&state, L, text, length, pattern, pattern_length);
    for (size_t at = (size_t)lua_tointeger(L, lua_upvalueindex(3)); at <= length; at++) {
        const char *end = kj_pattern_match(&state, text + at, pattern);
        if (end && end - text != last) {
            lua_pushinteger(L, end - text);
            lua_copy(L, -1, lua_upvalueindex(3));
            lua_replace(L, lua_upvalueindex(4));
            return push_captures(&state, text + at, end);
        }
    }
    lua_pushnil(L);
    return 1;
}

static int string_gmatch(lua_State *L)
{
    size_t length;
    luaL_checklstring(L, 1, &length);
    luaL_checkstring(L, 2);
    size_t init = start_at(luaL_optinteger(L, 3, 1), length);
    lua_settop(L, 2);
    lua_pushinteger(L, init > length ? (lua_Integer)length + 1 : (lua_Integer)init);
    lua_pushinteger(L, -1);
    lua_pushcclosure(L, gmatch_step, 4);
    return 1;
}

static void add_template(struct kj_pattern *state, luaL_Buffer *buffer, const char *start,
                         const char *end)
{
    size_t length;
    const char *form = lua_tolstring(state->L, 3, &length);
    for (size_t i = 0; i < length; i++) {
        if (form[i] != '%') {
            luaL_addchar(buffer, form[i]);
            continue;
        }
        i++;
        if (form[i] == '%') {
            luaL_addchar(buffer, '%');
        } else if (form[i] == '0') {
            luaL_addlstring(buffer, start, (size_t)(end - start));
        } else if (form[i] >= '1' && form[i] <= '9') {
            push_capture(state, form[i] - '1', start, end);
            luaL_tolstring(state->L, -1, NULL);
            lua_remove(state->L, -2);
            luaL_addvalue(buffer);
        } else {
            luaL_error(state->L, "invalid use of %% in the replacement");
        }
    }
    kj_vm_charge(state->L, 1 + (int64_t)length / 16);
}

// Adds what replaces [start, end).
static void add_replacement(struct kj_pattern *state, luaL_Buffer *buffer, const char *start,
                            const char *end)
{
    lua_State *L = state->L;
    int type = lua_type(L, 3);
    if (type == LUA_TSTRING || type == LUA_TNUMBER) {
        add_template(state, buffer, start, end);
        return;
    }
    if (type == LUA_TFUNCTION) {
        lua_pushvalue(L, 3);
        lua_call(L, push_captures(state, start, end), 1);
    } else {
        push_capture(state, 0, start, end);
        lua_gettable(L, 3);
    }
    if (!lua_toboolean(L, -1)) {
        lua_pop(L, 1);
        luaL_addlstring(buffer, start, (size_t)(end - start));
    } else if (!lua_isstring(L, -1)) {
        luaL_error(L, "invalid replacement (a %s)", kj_type_name(L, -1));
    } else {
        luaL_addvalue(buffer);
    }
}

static int string_gsub(lua_State *L)
{
    size_t length, pattern_length;
    const char *text = luaL_checklstring(L, 1, &length);
    const char *pattern = luaL_checklstring(L, 2, &pattern_length);
    int type = lua_type(L, 3);
    luaL_argexpected(L,
                     type == LUA_TNUMBER || type == LUA_TSTRING || type == LUA_TFUNCTION ||
                         type == LUA_TTABLE || type == LUA_TUSERDATA,
                     3, "text, function or table");
    lua_Integer most = luaL_optinteger(L, 4, (lua_Integer)length + 1), count = 0;
    if (type == LUA_TNUMBER) {
        lua_tostring(L, 3);
    }
    bool anchor = pattern_length > 0 && *pattern == '^';
    struct kj_pattern state;
    kj_pattern_init(&state, L, text, length, pattern, pattern_length);
    luaL_Buffer buffer;
    luaL_buffinit(L, &buffer);
    const char *at = text, *last = NULL;
    while (count < most) {
        const char *end = kj_pattern_match(&state, at, pattern + anchor);
        if (end && end != last) {
            count++;
            add_replacement(&state, &buffer, at, end);
            at = last = end;
        } else if (at < state.text_end) {
            luaL_addchar(&buffer, *at++);
        } else {
            break;
        }
        if (anchor) {
            break;
        }
    }
    luaL_addlstring(&buffer, at, (size_t)(state.text_end - at));
    luaL_pushresult(&buffer);
    lua_pushinteger(L, count);
    return 2;
}

void kj_pattern_lib_open(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"find", string_find},
        {"match", string_match},
        {"gmatch", string_gmatch},
        {"gsub", string_gsub},
        {NULL, NULL},
    };
    luaL_setfuncs(L, functions, 0);
}
