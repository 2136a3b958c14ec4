// kejue.text: contains, words, fold. Lua's own lower and %a know bytes only; these know letters.
#include "model/fold.h"
#include "script/sandbox.h"

#include <string.h>

// Leaves the folded text on the stack, with `blanks` one at each end; the memory is the stack's or
// Lua's, so that a raised error leaves nothing behind.
static void push_folded(lua_State *L, int index, bool blanks)
{
    size_t length;
    char room[512];
    const char *text = luaL_checklstring(L, index, &length);
    size_t size = length * 3 + 8; // some letters fold into two
    kj_vm_charge(L, 1 + (int64_t)length / 2);
    char *space = size <= sizeof room ? room : lua_newuserdatauv(L, size, 0);
    struct kj_buf out = {.data = space, .capacity = size, .limit = size - 4};
    if (blanks) {
        kj_buf_addc(&out, ' ');
    }
    kj_fold(text, KJ_FOLD_NUMBERS, &out);
    if (blanks && out.length > 1) {
        kj_buf_addc(&out, ' ');
    }
    lua_pushlstring(L, space, out.length);
    if (space != room) {
        lua_remove(L, -2);
    }
}

static int text_fold(lua_State *L)
{
    push_folded(L, 1, false);
    return 1;
}

static int text_words(lua_State *L)
{
    push_folded(L, 1, true);
    size_t length;
    const char *at = lua_tolstring(L, -1, &length), *end = at + length;
    lua_newtable(L);
    lua_Integer count = 0;
    for (at++; at < end;) {
        const char *blank = memchr(at, ' ', (size_t)(end - at));
        lua_pushlstring(L, at, (size_t)(blank - at));
        lua_rawseti(L, -2, ++count);
        at = blank + 1;
    }
    return 1;
}

// Is the phrase at `index` in the folded words at `haystack`, as whole words?
static bool has_phrase(lua_State *L, int haystack, int index)
{
    size_t length, needle_length;
    const char *text = lua_tolstring(L, haystack, &length);
    push_folded(L, index, true);
    const char *needle = lua_tolstring(L, -1, &needle_length);
    kj_vm_charge(L, 1 + (int64_t)length / 8);
    bool found = needle_length > 1 && memmem(text, length, needle, needle_length);
    lua_pop(L, 1);
    return found;
}

// contains(text, "phrase") or contains(text, { "one", "two" }): true and the phrase that was found.
static int text_contains(lua_State *L)
{
    luaL_checkstring(L, 1);
    luaL_argexpected(L, lua_isstring(L, 2) || lua_istable(L, 2), 2, "text or list of texts");
    lua_settop(L, 2);
    push_folded(L, 1, true);
    if (lua_isstring(L, 2)) {
        bool found = has_phrase(L, 3, 2);
        lua_pushboolean(L, found);
        if (found) {
            lua_pushvalue(L, 2);
        }
        return found ? 2 : 1;
    }
    for (lua_Integer i = 1; lua_geti(L, 2, i) != LUA_TNIL; i++) {
        if (lua_type(L, -1) != LUA_TSTRING) {
            return luaL_error(L, "contains: member %I of the list is no text", i);
        }
        if (has_phrase(L, 3, lua_gettop(L))) {
            lua_pushboolean(L, 1);
            lua_insert(L, -2);
            return 2;
        }
        lua_pop(L, 1);
    }
    lua_pushboolean(L, 0);
    return 1;
}

void kj_text_lib_open(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"contains", text_contains},
        {"words", text_words},
        {"fold", text_fold},
        {NULL, NULL},
    };
    luaL_newlib(L, functions);
    lua_setfield(L, -2, "text");
}
