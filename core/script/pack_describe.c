// What a pack tells about itself: what would be asked of a model, which questions are asked aloud,
// which settings and templates there are.
#include "base/alloc.h"
#include "script/convert.h"
#include "script/pack_check.h"
#include "script/sandbox.h"

#include <string.h>

// Copies the plain members `keys` of the table at `table` into `out`.
static void copy_members(lua_State *L, int table, bson_t *out, const char *const *keys)
{
    struct kj_convert state;
    for (size_t i = 0; keys[i]; i++) {
        lua_getfield(L, table, keys[i]);
        kj_convert_init(&state, keys[i]);
        kj_convert_put(L, &state, out, keys[i], lua_gettop(L));
        lua_pop(L, 1);
    }
}

static void list_key(char digits[16], const char **key, size_t index)
{
    bson_uint32_to_string((uint32_t)index, key, digits, 16);
}

static void variables(struct kj_load *load, int pack, bson_t *out)
{
    static const char *const keys[] = {"type", "guidance", "min",    "max",     "pattern",
                                       "ask",  "values",   "labels", "default", NULL};
    lua_State *L = load->L;
    bson_t list, one;
    bson_append_array_begin(out, "variables", -1, &list);
    int type = lua_getfield(L, pack, "variables");
    for (size_t i = 0; type == LUA_TTABLE && i < load->rules->variable_count; i++) {
        const struct kj_variable *variable = &load->rules->variables[i];
        char digits[16];
        const char *key;
        list_key(digits, &key, i);
        bson_append_document_begin(&list, key, -1, &one);
        bson_append_utf8(&one, "name", -1, variable->name, -1);
        lua_getfield(L, -1, variable->name);
        int table = lua_gettop(L);
        copy_members(L, table, &one, keys);
        // Derived: only code gives it a value; a model need not be asked.
        bool guided = lua_getfield(L, table, "guidance") != LUA_TNIL;
        bson_append_bool(&one, "derived", -1, variable->from != KJ_NO_REF && !guided);
        bson_append_document_end(&list, &one);
        lua_settop(L, table - 1);
    }
    lua_pop(L, 1);
    bson_append_array_end(out, &list);
}

static void names(bson_t *out, const char *key, const char *const *values, size_t count)
{
    bson_t list;
    bson_append_array_begin(out, key, -1, &list);
    for (size_t i = 0; i < count; i++) {
        char digits[16];
        const char *index;
        list_key(digits, &index, i);
        bson_append_utf8(&list, index, -1, values[i], -1);
    }
    bson_append_array_end(out, &list);
}

static void guidance(struct kj_load *load, int pack)
{
    static const char *const keys[] = {"analysis", "callback", "appointment", "template"};
    if (!kj_load_table(load, pack, "guidance")) {
        return;
    }
    int table = lua_gettop(load->L);
    size_t length = kj_load_enter(load, "guidance", 0);
    kj_load_keys(load, table, "kind of guidance", keys, KJ_COUNT(keys));
    for (size_t i = 0; i < KJ_COUNT(keys); i++) {
        kj_load_text(load, table, keys[i], false);
    }
    kj_load_leave(load, length);
    lua_pop(load->L, 1);
}

void kj_load_describe(struct kj_load *load, int pack)
{
    static const char *const top[] = {"name", "extends", "guidance", "settings", NULL};
    struct kj_rules *rules = load->rules;
    bson_t *out = rules->describe;
    guidance(load, pack);
    copy_members(load->L, pack, out, top);
    bson_append_utf8(out, "path", -1, rules->path, -1);
    variables(load, pack, out);
    names(out, "texts", rules->texts, rules->text_count);
    if (rules->score_kind == KJ_SCORE_TEXT) {
        bson_append_utf8(out, "score_text", -1, rules->texts[rules->score_text], -1);
    }
    if (rules->criteria_text >= 0) {
        bson_append_utf8(out, "preselection_text", -1, rules->texts[rules->criteria_text], -1);
    }
    bson_append_bool(out, "preselection", -1, rules->preselection);
    bson_append_bool(out, "appointments", -1, rules->appointment.present);
    bson_t scale;
    bson_append_document_begin(out, "scale", -1, &scale);
    bson_append_utf8(&scale, "name", -1, rules->scale.name, -1);
    names(&scale, "levels", rules->scale.levels, rules->scale.count);
    const char *good[64];
    size_t count = 0;
    for (size_t i = 0; i < rules->scale.count; i++) {
        if (rules->scale.succeeds >> i & 1) {
            good[count++] = rules->scale.levels[i];
        }
    }
    names(&scale, "success", good, count);
    bson_append_document_end(out, &scale);
    const char **templates = kj_rules_alloc(rules, rules->template_count * sizeof *templates);
    for (size_t i = 0; i < rules->template_count; i++) {
        templates[i] = rules->templates[i].name;
    }
    names(out, "templates", templates, rules->template_count);
}
