// What is allowed in a pack and yet likely a mistake: told by kejue-rules check, never an error.
#include "base/str.h"
#include "script/pack_check.h"

#include <stdio.h>
#include <string.h>

static void warn(struct kj_load *load, struct kj_doc_list *list, const char *at, const char *format,
                 ...) KJ_PRINTF(4, 5);

static void warn(struct kj_load *load, struct kj_doc_list *list, const char *at, const char *format,
                 ...)
{
    char text[300];
    bson_t one = BSON_INITIALIZER;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    kj_doc_put_text(&one, "place", at ? at : load->rules->path);
    kj_doc_put_text(&one, "text", text);
    kj_doc_put_doc(list->array, kj_doc_next(list), &one);
    bson_destroy(&one);
}

static bool has_row(const struct kj_rows *rows, const char *value)
{
    for (size_t i = 0; i < rows->count; i++) {
        if (strcmp(rows->rows[i].value, value) == 0) {
            return true;
        }
    }
    return false;
}

// Levels that no row gives, and calls that no row takes.
static void judged(struct kj_load *load, struct kj_doc_list *list, const struct kj_scale *scale,
                   const struct kj_rows *rows)
{
    if (rows->count == 0) {
        return;
    }
    const struct kj_row *last = &rows->rows[rows->count - 1];
    for (size_t i = 0; i < scale->count; i++) {
        if (!has_row(rows, scale->levels[i])) {
            warn(load, list, rows->rows[0].at, "%s: no row leads to the level \"%s\"",
                 rows->section, scale->levels[i]);
        }
    }
    if (last->count > 0) {
        warn(load, list, last->at,
             "%s: a call that matches no row gets no level: end with a row without a condition",
             rows->section);
    }
}

static bool is_chosen(const struct kj_rules *rules, const char *name)
{
    bool chosen = has_row(&rules->template, name);
    for (size_t i = 0; i < rules->template_count; i++) {
        const char *otherwise = rules->templates[i].otherwise;
        chosen = chosen || (otherwise && strcmp(otherwise, name) == 0);
    }
    return chosen;
}

static void templates(struct kj_load *load, struct kj_doc_list *list)
{
    const struct kj_rules *rules = load->rules;
    for (size_t i = 0; i < rules->template_count; i++) {
        bool own = kj_starts_with(rules->templates[i].at, rules->path); // not of what it extends
        if (own && !is_chosen(rules, rules->templates[i].name)) {
            warn(load, list, rules->templates[i].at,
                 "the template \"%s\" is never chosen: no row of `template` names it",
                 rules->templates[i].name);
        }
    }
}

static void variables(struct kj_load *load, int pack, struct kj_doc_list *list)
{
    lua_State *L = load->L;
    const struct kj_rules *rules = load->rules;
    int type = lua_getfield(L, pack, "variables");
    for (size_t i = 0; type == LUA_TTABLE && i < rules->variable_count; i++) {
        const struct kj_variable *variable = &rules->variables[i];
        lua_getfield(L, -1, variable->name);
        bool guided = lua_getfield(L, -1, "guidance") != LUA_TNIL;
        lua_pop(L, 2);
        if (!guided && !variable->asked && variable->from == KJ_NO_REF) {
            warn(load, list, variable->at,
                 "the variable \"%s\" never gets a value: give it guidance, ask or from",
                 variable->name);
        }
    }
    lua_pop(L, 1);
}

void kj_load_warnings(struct kj_load *load, int pack)
{
    const struct kj_rules *rules = load->rules;
    bson_t array = BSON_INITIALIZER;
    struct kj_doc_list list = {.array = &array};
    judged(load, &list, &rules->scale, &rules->success);
    for (size_t i = 0; i < rules->verdict_count; i++) {
        judged(load, &list, &rules->verdicts[i].scale, &rules->verdicts[i].rows);
    }
    variables(load, pack, &list);
    templates(load, &list);
    kj_doc_put_array(rules->describe, "warnings", &array);
    bson_destroy(&array);
}
