// The checks that all parts of a pack share. See pack_check.h.
#include "script/pack_check.h"

#include "base/alloc.h"
#include "script/sandbox.h"
#include "script/time_lib.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *kj_rules_alloc(struct kj_rules *rules, size_t size)
{
    if ((rules->block_count & (rules->block_count + 1)) == 0 || rules->block_count == 0) {
        rules->blocks = kj_realloc(rules->blocks, (rules->block_count * 2 + 2) * sizeof(void *));
    }
    void *block = kj_alloc(size ? size : 1);
    rules->blocks[rules->block_count++] = block;
    return block;
}

const char *kj_rules_text(struct kj_rules *rules, const char *text)
{
    size_t length = strlen(text) + 1;
    char *copy = kj_rules_alloc(rules, length);
    memcpy(copy, text, length);
    return copy;
}

size_t kj_load_enter(struct kj_load *load, const char *key, lua_Integer index)
{
    size_t length = strlen(load->path);
    if (key) {
        snprintf(load->path + length, sizeof load->path - length, "%s%s", length ? "." : "", key);
    } else {
        snprintf(load->path + length, sizeof load->path - length, "[%lld]", (long long)index);
    }
    return length;
}

void kj_load_leave(struct kj_load *load, size_t length)
{
    load->path[length] = '\0';
}

static void place_of(const struct kj_load *load, char *out, size_t size)
{
    const struct kj_rules *rules = load->rules;
    for (size_t i = 0; i < rules->file_count; i++) {
        int line = kj_lines_find(&rules->lines[i], load->path);
        if (line > 0) {
            snprintf(out, size, "%s:%d", rules->files[i], line);
            return;
        }
    }
    snprintf(out, size, "%s:%d", rules->files[0], kj_lines_near(&rules->lines[0], load->path));
}

const char *kj_load_at(struct kj_load *load)
{
    char place[160];
    place_of(load, place, sizeof place);
    return kj_rules_text(load->rules, place);
}

int kj_load_fail(struct kj_load *load, const char *format, ...)
{
    char place[160], text[360];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    place_of(load, place, sizeof place);
    lua_pushfstring(load->L, "%s: %s%s%s", place, load->path, load->path[0] ? ": " : "", text);
    return lua_error(load->L);
}

void kj_load_one_of(struct kj_load *load, const char *value, const char *what,
                    const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], value) == 0) {
            return;
        }
    }
    const char *near = kj_nearest(value, names, count);
    if (near) {
        kj_load_fail(load, "there is no %s \"%s\"; did you mean \"%s\"?", what, value, near);
    }
    char list[240] = "";
    for (size_t i = 0, used = 0; i < count && used < sizeof list; i++) {
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", names[i]);
    }
    kj_load_fail(load, "there is no %s \"%s\"; there is %s", what, value, count ? list : "none");
}

void kj_load_keys(struct kj_load *load, int index, const char *what, const char *const *names,
                  size_t count)
{
    kj_sorted_keys(load->L, index);
    for (lua_Integer i = 1; lua_rawgeti(load->L, -1, i) != LUA_TNIL; i++) {
        if (lua_type(load->L, -1) == LUA_TSTRING) {
            const char *key = lua_tostring(load->L, -1);
            size_t length = kj_load_enter(load, key, 0);
            kj_load_one_of(load, key, what, names, count);
            kj_load_leave(load, length);
        } else {
            size_t length = kj_load_enter(load, NULL, lua_tointeger(load->L, -1));
            kj_load_fail(load, "a value without a name; every %s is written name = …", what);
            kj_load_leave(load, length);
        }
        lua_pop(load->L, 1);
    }
    lua_pop(load->L, 2);
}

static bool member(struct kj_load *load, int index, const char *key)
{
    if (lua_getfield(load->L, index, key) == LUA_TNIL) {
        lua_pop(load->L, 1);
        return false;
    }
    return true;
}

static void wrong_type(struct kj_load *load, const char *key, const char *wanted)
{
    size_t length = kj_load_enter(load, key, 0);
    kj_load_fail(load, "must be %s, not a %s", wanted, kj_type_name(load->L, -1));
    kj_load_leave(load, length);
}

const char *kj_load_text(struct kj_load *load, int index, const char *key, bool required)
{
    if (!member(load, index, key)) {
        if (required) {
            kj_load_fail(load, "\"%s\" is missing", key);
        }
        return NULL;
    }
    size_t size;
    if (lua_type(load->L, -1) != LUA_TSTRING) {
        wrong_type(load, key, "a text");
    }
    const char *text = lua_tolstring(load->L, -1, &size);
    if (size == 0 || strlen(text) != size || !kj_utf8_valid(text, size)) {
        wrong_type(load, key, "a UTF-8 text that is not empty");
    }
    text = kj_rules_text(load->rules, text);
    lua_pop(load->L, 1);
    return text;
}

int kj_load_reference(struct kj_load *load, int index)
{
    lua_pushvalue(load->L, index);
    return luaL_ref(load->L, LUA_REGISTRYINDEX);
}

int kj_load_function(struct kj_load *load, int index, const char *key)
{
    if (!member(load, index, key)) {
        return KJ_NO_REF;
    }
    if (!lua_isfunction(load->L, -1)) {
        wrong_type(load, key, "a function");
    }
    return luaL_ref(load->L, LUA_REGISTRYINDEX);
}

bool kj_load_number(struct kj_load *load, int index, const char *key, double *value)
{
    if (!member(load, index, key)) {
        return false;
    }
    if (lua_type(load->L, -1) != LUA_TNUMBER) {
        wrong_type(load, key, "a number");
    }
    *value = lua_tonumber(load->L, -1);
    lua_pop(load->L, 1);
    return true;
}

bool kj_load_span(struct kj_load *load, int index, const char *key, int64_t *ms)
{
    if (!member(load, index, key)) {
        return false;
    }
    if (lua_type(load->L, -1) != LUA_TSTRING || !kj_span_parse(lua_tostring(load->L, -1), ms)) {
        wrong_type(load, key, "a span like \"90s\", \"30m\", \"2h\" or \"3d\"");
    }
    lua_pop(load->L, 1);
    return true;
}

bool kj_load_table(struct kj_load *load, int index, const char *key)
{
    if (!member(load, index, key)) {
        return false;
    }
    if (!lua_istable(load->L, -1)) {
        wrong_type(load, key, "a table");
    }
    return true;
}

const char **kj_load_texts(struct kj_load *load, int index, const char *key, size_t *count)
{
    *count = 0;
    if (!kj_load_table(load, index, key)) {
        return NULL;
    }
    lua_State *L = load->L;
    size_t size = lua_rawlen(L, -1);
    if (size == 0 || size > 100 || kj_load_count(load, lua_gettop(L)) != size) {
        wrong_type(load, key, "a list of 1 to 100 texts");
    }
    const char **texts = kj_rules_alloc(load->rules, size * sizeof *texts);
    for (size_t i = 0; i < size; i++) {
        if (lua_rawgeti(L, -1, (lua_Integer)i + 1) != LUA_TSTRING) {
            wrong_type(load, key, "a list of texts");
        }
        texts[i] = kj_rules_text(load->rules, lua_tostring(L, -1));
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    *count = size;
    return texts;
}

size_t kj_load_count(struct kj_load *load, int index)
{
    size_t count = 0;
    lua_pushnil(load->L);
    while (lua_next(load->L, index)) {
        lua_pop(load->L, 1);
        count++;
    }
    return count;
}

void kj_load_each(struct kj_load *load, int index,
                  void (*each)(struct kj_load *load, const char *name, void *arg), void *arg)
{
    lua_State *L = load->L;
    luaL_checkstack(L, 12, "pack");
    kj_sorted_keys(L, index);
    int keys = lua_gettop(L);
    for (lua_Integer i = 1; lua_rawgeti(L, keys, i) != LUA_TNIL; i++) {
        if (lua_type(L, -1) != LUA_TSTRING) {
            kj_load_fail(load, "a member without a name; write name = { … }");
        }
        const char *name = kj_rules_text(load->rules, lua_tostring(L, -1));
        size_t length = kj_load_enter(load, name, 0);
        lua_getfield(L, index, name);
        each(load, name, arg);
        kj_load_leave(load, length);
        lua_settop(L, keys);
    }
    lua_settop(L, keys - 1);
}
