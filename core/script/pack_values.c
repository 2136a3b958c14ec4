// Settings (values come from the campaign) and variables (values come from the talk): their
// declarations, and what counts as a value of a type.
#include "base/alloc.h"
#include "base/clock.h"
#include "model/fold.h"
#include "script/pack_check.h"
#include "script/sandbox.h"
#include "script/view.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char *const kj_value_type_names[KJ_TYPE_COUNT] = {"integer", "number", "string",   "boolean",
                                                        "enum",    "date",   "datetime", "list"};

static bool date_text(const char *text)
{
    char full[40];
    int64_t ms;
    return strlen(text) == 10 && snprintf(full, sizeof full, "%sT00:00:00Z", text) == 20 &&
           kj_time_parse(full, &ms);
}

static bool one_of(const char *text, const char *const *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(values[i], text) == 0) {
            return true;
        }
    }
    return false;
}

static bool number_fits(lua_State *L, int index, enum kj_value_type type)
{
    double value = lua_tonumber(L, index);
    return lua_type(L, index) == LUA_TNUMBER && isfinite(value) &&
           (type == KJ_TYPE_NUMBER || floor(value) == value);
}

static bool time_fits(lua_State *L, int index, enum kj_value_type type)
{
    int64_t ms;
    if (lua_type(L, index) != LUA_TSTRING) {
        return kj_moment_at(L, index) != NULL;
    }
    const char *text = lua_tostring(L, index);
    return type == KJ_TYPE_DATE ? date_text(text) : kj_time_parse(text, &ms);
}

bool kj_value_fits(lua_State *L, int index, enum kj_value_type type, const char *const *values,
                   size_t count)
{
    int found = lua_type(L, index);
    switch (type) {
    case KJ_TYPE_INTEGER:
    case KJ_TYPE_NUMBER:
        return number_fits(L, index, type);
    case KJ_TYPE_STRING:
        return found == LUA_TSTRING;
    case KJ_TYPE_BOOLEAN:
        return found == LUA_TBOOLEAN;
    case KJ_TYPE_ENUM:
        return found == LUA_TSTRING && one_of(lua_tostring(L, index), values, count);
    case KJ_TYPE_DATE:
    case KJ_TYPE_DATETIME:
        return time_fits(L, index, type);
    case KJ_TYPE_LIST:
        return found == LUA_TTABLE ||
               (found == LUA_TUSERDATA && strcmp(kj_type_name(L, index), "table") == 0);
    default:
        return false;
    }
}

static enum kj_value_type value_type(struct kj_load *load, int table)
{
    const char *name = kj_load_text(load, table, "type", true);
    size_t length = kj_load_enter(load, "type", 0);
    kj_load_one_of(load, name, "type", kj_value_type_names, KJ_TYPE_COUNT);
    kj_load_leave(load, length);
    for (int type = 0; type < KJ_TYPE_COUNT; type++) {
        if (strcmp(kj_value_type_names[type], name) == 0) {
            return (enum kj_value_type)type;
        }
    }
    return KJ_TYPE_STRING;
}

static void check_name(struct kj_load *load, const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
    if (strlen(name) > 60 || name[0] == '_' || (name[0] >= '0' && name[0] <= '9') ||
        name[strspn(name, letters)] != '\0') {
        kj_load_fail(load, "a name has small letters, digits and _ (at most 60)");
    }
}

// The member `default`, checked; a reference or KJ_NO_REF.
static int fallback(struct kj_load *load, int table, enum kj_value_type type,
                    const char *const *values, size_t count)
{
    lua_State *L = load->L;
    if (lua_getfield(L, table, "default") == LUA_TNIL) {
        lua_pop(L, 1);
        return KJ_NO_REF;
    }
    if (!kj_value_fits(L, lua_gettop(L), type, values, count)) {
        size_t length = kj_load_enter(load, "default", 0);
        kj_load_fail(load, "is not of the type %s", kj_value_type_names[type]);
        kj_load_leave(load, length);
    }
    return luaL_ref(L, LUA_REGISTRYINDEX);
}

static void need_table(struct kj_load *load, const char *example)
{
    if (!lua_istable(load->L, -1)) {
        kj_load_fail(load, "must be a table like %s", example);
    }
}

static void setting(struct kj_load *load, const char *name, void *arg)
{
    static const char *const names[] = {"type", "default", "values", "guidance"};
    (void)arg;
    int table = lua_gettop(load->L);
    check_name(load, name);
    need_table(load, "{ type = \"integer\", default = 5000 }");
    kj_load_keys(load, table, "field of a setting", names, KJ_COUNT(names));
    struct kj_setting *setting = &load->rules->settings[load->rules->setting_count++];
    setting->name = name;
    setting->type = value_type(load, table);
    setting->values = kj_load_texts(load, table, "values", &setting->value_count);
    setting->fallback = fallback(load, table, setting->type, setting->values, setting->value_count);
}

// A table of texts by name (ask: by language; labels: by value, a text or texts by language).
static void word_table(struct kj_load *load, const char *name, void *arg)
{
    const struct kj_variable *variable = arg;
    lua_State *L = load->L;
    if (variable) {
        kj_load_one_of(load, name, "value", variable->values, variable->value_count);
    }
    if (variable && lua_istable(L, -1)) {
        kj_load_each(load, lua_gettop(L), word_table, NULL);
        return;
    }
    if (lua_type(L, -1) != LUA_TSTRING || lua_rawlen(L, -1) == 0) {
        kj_load_fail(load, "must be a text");
    }
}

static void words(struct kj_load *load, int table, const char *key, void *arg)
{
    if (!kj_load_table(load, table, key)) {
        return;
    }
    size_t length = kj_load_enter(load, key, 0);
    kj_load_each(load, lua_gettop(load->L), word_table, arg);
    kj_load_leave(load, length);
    lua_pop(load->L, 1);
}

// The table on top is `ask`. Folded once: of each call it is looked for in what was said.
static void fold_questions(struct kj_load *load, struct kj_variable *variable)
{
    lua_State *L = load->L;
    int table = lua_gettop(L);
    size_t count = 0, most = kj_load_count(load, table);
    variable->questions = kj_rules_alloc(load->rules, (most + 1) * sizeof *variable->questions);
    for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1)) {
        struct kj_buf question;
        kj_buf_init(&question, 0);
        kj_fold(lua_tostring(L, -1), KJ_FOLD_NUMBERS, &question);
        if (question.length) {
            variable->questions[count++] = kj_rules_text(load->rules, question.data);
        }
        kj_buf_fini(&question);
    }
}

static void variable(struct kj_load *load, const char *name, void *arg)
{
    static const char *const names[] = {"type",    "guidance", "min",     "max",
                                        "pattern", "validate", "default", "from",
                                        "ask",     "values",   "labels"};
    (void)arg;
    lua_State *L = load->L;
    int table = lua_gettop(L);
    check_name(load, name);
    need_table(load, "{ type = \"integer\", guidance = \"…\" }");
    kj_load_keys(load, table, "field of a variable", names, KJ_COUNT(names));
    struct kj_variable *variable = &load->rules->variables[load->rules->variable_count++];
    char section[80];
    snprintf(section, sizeof section, "variables.%.60s", name);
    variable->name = name;
    variable->section = kj_rules_text(load->rules, section);
    variable->at = kj_load_at(load);
    variable->type = value_type(load, table);
    variable->values = kj_load_texts(load, table, "values", &variable->value_count);
    if ((variable->type == KJ_TYPE_ENUM) != (variable->value_count > 0)) {
        kj_load_fail(load, variable->type == KJ_TYPE_ENUM ? "an enum needs its values = { … }"
                                                          : "only an enum has values");
    }
    kj_load_text(load, table, "guidance", false);
    variable->has_min = kj_load_number(load, table, "min", &variable->min);
    variable->has_max = kj_load_number(load, table, "max", &variable->max);
    if (variable->has_min && variable->has_max && variable->min > variable->max) {
        kj_load_fail(load, "min is greater than max");
    }
    variable->pattern = kj_load_text(load, table, "pattern", false);
    variable->validate = kj_load_function(load, table, "validate");
    variable->from = kj_load_function(load, table, "from");
    variable->fallback =
        fallback(load, table, variable->type, variable->values, variable->value_count);
    words(load, table, "ask", NULL);
    words(load, table, "labels", variable);
    variable->asked = lua_getfield(L, table, "ask") == LUA_TTABLE;
    if (variable->asked) {
        fold_questions(load, variable);
    }
    lua_pop(L, 1);
}

// Pushes the table of the pack under `key` and enters it; false when there is none.
static bool open_map(struct kj_load *load, int pack, const char *key, size_t *count)
{
    if (!kj_load_table(load, pack, key)) {
        return false;
    }
    kj_load_enter(load, key, 0);
    *count = kj_load_count(load, lua_gettop(load->L));
    if (*count > KJ_MAX_VARIABLES) {
        kj_load_fail(load, "more than %d of them", KJ_MAX_VARIABLES);
    }
    return true;
}

static void close_map(struct kj_load *load)
{
    load->path[0] = '\0';
    lua_pop(load->L, 1);
}

void kj_load_values(struct kj_load *load, int pack)
{
    struct kj_rules *rules = load->rules;
    size_t count;
    if (open_map(load, pack, "settings", &count)) {
        rules->settings = kj_rules_alloc(rules, count * sizeof *rules->settings);
        kj_load_each(load, lua_gettop(load->L), setting, NULL);
        close_map(load);
    }
    if (open_map(load, pack, "variables", &count)) {
        rules->variables = kj_rules_alloc(rules, count * sizeof *rules->variables);
        kj_load_each(load, lua_gettop(load->L), variable, NULL);
        close_map(load);
    }
}

int kj_rules_variable(const struct kj_rules *rules, const char *name)
{
    for (size_t i = 0; i < rules->variable_count; i++) {
        if (strcmp(rules->variables[i].name, name) == 0) {
            return (int)i;
        }
    }
    return -1;
}
