// The string and utf8 libraries: rep and format with bounds, patterns by our own matcher, the rest
// Lua's own, charged by length. dump, pack and unpack are left out: rules handle words, not bytes.
#include "script/sandbox.h"

#include <lualib.h>
#include <stdio.h>
#include <string.h>

enum { MAX_TEXT = 1024 * 1024 };

static int string_rep(lua_State *L)
{
    size_t length, separator_length;
    const char *text = luaL_checklstring(L, 1, &length);
    lua_Integer count = luaL_checkinteger(L, 2);
    const char *separator = luaL_optlstring(L, 3, "", &separator_length);
    if (count <= 0 || length + separator_length == 0) {
        lua_pushliteral(L, "");
        return 1;
    }
    if (count > (lua_Integer)(MAX_TEXT / (length + separator_length))) {
        return luaL_error(L, "rep would make a text of more than 1 MiB");
    }
    kj_vm_charge(L, count * (lua_Integer)(length + separator_length) / 16 + count / 4);
    luaL_Buffer buffer;
    luaL_buffinit(L, &buffer);
    for (lua_Integer i = 0; i < count; i++) {
        luaL_addlstring(&buffer, text, length);
        if (separator_length && i + 1 < count) {
            luaL_addlstring(&buffer, separator, separator_length);
        }
    }
    luaL_pushresult(&buffer);
    return 1;
}

static void add_quoted(luaL_Buffer *buffer, const char *text, size_t length)
{
    luaL_addchar(buffer, '"');
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '"' || text[i] == '\\' || text[i] == '\n') {
            luaL_addchar(buffer, '\\');
        }
        luaL_addchar(buffer, text[i]);
    }
    luaL_addchar(buffer, '"');
}

static void add_number(lua_State *L, luaL_Buffer *buffer, int argument, const char *form, char kind)
{
    char out[512], full[40];
    int written;
    if (strchr("dixXouc", kind)) {
        size_t head = strlen(form) - 1;
        snprintf(full, sizeof full, "%.*sll%c", (int)head, form, kind);
        lua_Integer value = luaL_checkinteger(L, argument);
        written = kind == 'c' ? snprintf(out, sizeof out, "%c", (char)value)
                              : snprintf(out, sizeof out, full, (long long)value);
    } else {
        written = snprintf(out, sizeof out, form, luaL_checknumber(L, argument));
    }
    luaL_addlstring(buffer, out,
                    written < 0                    ? 0
                    : (size_t)written < sizeof out ? (size_t)written
                                                   : sizeof out - 1);
}

static void add_text(lua_State *L, luaL_Buffer *buffer, int argument, const char *form)
{
    size_t length;
    kj_push_text(L, argument);
    const char *text = luaL_checklstring(L, -1, &length);
    kj_vm_charge(L, (int64_t)length / 64);
    if (form[1] == 's') {
        luaL_addvalue(buffer);
        return;
    }
    char out[512];
    if (length >= 400) {
        luaL_error(L, "format: a text of more than 400 bytes takes a plain %%s");
    }
    int written = snprintf(out, sizeof out, form, text);
    lua_pop(L, 1);
    luaL_addlstring(buffer, out, written > 0 ? (size_t)written : 0);
}

// Takes one directive behind '%'; returns where the text goes on.
static const char *directive(lua_State *L, luaL_Buffer *buffer, const char *at, int argument)
{
    char form[24] = "%";
    size_t flags = strspn(at, "-+ #0");
    size_t width = strspn(at + flags, "0123456789");
    size_t dot = at[flags + width] == '.' ? 1 : 0;
    size_t precision = dot ? strspn(at + flags + width + 1, "0123456789") : 0;
    size_t length = flags + width + dot + precision;
    char kind = at[length];
    if (flags > 5 || width > 2 || precision > 2 || kind == '\0' ||
        !strchr("diuxXocaAeEfgGsq", kind)) {
        luaL_error(L,
                   "format: \"%%%s\" is not a directive of ours (width and precision have at "
                   "most two digits; p does not exist)",
                   lua_pushlstring(L, at, strnlen(at, 8)));
    }
    memcpy(form + 1, at, length + 1);
    form[length + 2] = '\0';
    if (kind == 'q') {
        size_t size;
        const char *text = luaL_checklstring(L, argument, &size);
        kj_vm_charge(L, (int64_t)size / 16);
        add_quoted(buffer, text, size);
    } else if (kind == 's') {
        luaL_checkany(L, argument);
        add_text(L, buffer, argument, form);
    } else {
        add_number(L, buffer, argument, form, kind);
    }
    return at + length + 1;
}

static int string_format(lua_State *L)
{
    size_t length;
    const char *form = luaL_checklstring(L, 1, &length);
    const char *end = form + length;
    int argument = 1;
    luaL_Buffer buffer;
    luaL_buffinit(L, &buffer);
    while (form < end) {
        if (*form != '%') {
            luaL_addchar(&buffer, *form++);
        } else if (form[1] == '%') {
            luaL_addchar(&buffer, '%');
            form += 2;
        } else {
            form = directive(L, &buffer, form + 1, ++argument);
        }
    }
    luaL_pushresult(&buffer);
    return 1;
}

static int unavailable_text_arithmetic(lua_State *L)
{
    return luaL_error(L, "arithmetic with a text: use tonumber first");
}

// One metatable for all texts: ("x"):upper() works, sums of texts do not.
static void open_metatable(lua_State *L, int strings)
{
    static const char *const operators[] = {"__add", "__sub",  "__mul", "__mod", "__pow",
                                            "__div", "__idiv", "__unm", NULL};
    lua_pushliteral(L, "");
    lua_newtable(L);
    for (size_t i = 0; operators[i]; i++) {
        lua_pushcfunction(L, unavailable_text_arithmetic);
        lua_setfield(L, -2, operators[i]);
    }
    lua_pushvalue(L, strings);
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
    lua_pop(L, 1);
}

void kj_string_lib_open(lua_State *L)
{
    static const char *const strings[] = {"byte",    "char", "len",   "lower",
                                          "reverse", "sub",  "upper", NULL};
    static const char *const utf8[] = {"char", "charpattern", "codepoint", "codes",
                                       "len",  "offset",      NULL};
    int env = lua_gettop(L);
    lua_newtable(L);
    int library = lua_gettop(L);
    lua_pushcfunction(L, luaopen_string);
    lua_call(L, 0, 1);
    kj_pick_charged(L, library, strings);
    lua_pushcfunction(L, string_rep);
    lua_setfield(L, library, "rep");
    lua_pushcfunction(L, string_format);
    lua_setfield(L, library, "format");
    kj_pattern_lib_open(L);
    open_metatable(L, library);
    lua_setfield(L, env, "string");
    lua_newtable(L);
    library = lua_gettop(L);
    lua_pushcfunction(L, luaopen_utf8);
    lua_call(L, 0, 1);
    kj_pick_charged(L, library, utf8);
    lua_setfield(L, env, "utf8");
}
