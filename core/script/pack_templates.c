// Templates of messages: languages, parameters (by name or by position), header, buttons, and the
// template to take instead when a parameter is empty.
#include "base/alloc.h"
#include "script/pack_check.h"
#include "script/sandbox.h"

#include <string.h>

enum { MAX_PARAMETERS = 30, MAX_BUTTONS = 10 };

// The value on top (popped): a function or a plain constant; for headers and buttons also a table.
static struct kj_parameter parameter(struct kj_load *load, const char *name, bool table)
{
    lua_State *L = load->L;
    int type = lua_type(L, -1);
    if (type != LUA_TFUNCTION && type != LUA_TSTRING && type != LUA_TNUMBER &&
        !(table && type == LUA_TTABLE)) {
        kj_load_fail(load, "must be a function or a text, not a %s", kj_type_name(L, -1));
    }
    struct kj_parameter result = {.name = name, .computed = type == LUA_TFUNCTION};
    result.value = luaL_ref(L, LUA_REGISTRYINDEX);
    return result;
}

static void named_parameter(struct kj_load *load, const char *name, void *arg)
{
    struct kj_template *template = arg;
    template->parameters[template->parameter_count++] = parameter(load, name, false);
}

static struct kj_parameter *list_of(struct kj_load *load, int table, size_t count, bool tables)
{
    struct kj_parameter *list = kj_rules_alloc(load->rules, count * sizeof *list);
    for (size_t i = 0; i < count; i++) {
        size_t length = kj_load_enter(load, NULL, (lua_Integer)i + 1);
        lua_rawgeti(load->L, table, (lua_Integer)i + 1);
        list[i] = parameter(load, NULL, tables);
        kj_load_leave(load, length);
    }
    return list;
}

static void parameters(struct kj_load *load, int table, struct kj_template *template)
{
    if (!kj_load_table(load, table, "parameters")) {
        return;
    }
    lua_State *L = load->L;
    int at = lua_gettop(L);
    size_t length = kj_load_enter(load, "parameters", 0);
    size_t count = kj_load_count(load, at), list = lua_rawlen(L, at);
    if (count > MAX_PARAMETERS) {
        kj_load_fail(load, "more than %d parameters", MAX_PARAMETERS);
    }
    if (list > 0 && list != count) {
        kj_load_fail(load, "parameters are either all named or all by position");
    }
    template->positional = list > 0;
    if (list > 0) {
        template->parameters = list_of(load, at, list, false);
        template->parameter_count = list;
    } else {
        template->parameters = kj_rules_alloc(load->rules, count * sizeof *template->parameters);
        kj_load_each(load, at, named_parameter, template);
    }
    kj_load_leave(load, length);
    lua_pop(L, 1);
}

static void decorations(struct kj_load *load, int table, struct kj_template *template)
{
    lua_State *L = load->L;
    template->header.value = KJ_NO_REF;
    size_t length = kj_load_enter(load, "header", 0);
    if (lua_getfield(L, table, "header") != LUA_TNIL) {
        template->header = parameter(load, NULL, true);
    } else {
        lua_pop(L, 1);
    }
    kj_load_leave(load, length);
    if (!kj_load_table(load, table, "buttons")) {
        return;
    }
    length = kj_load_enter(load, "buttons", 0);
    template->button_count = lua_rawlen(L, -1);
    if (template->button_count > MAX_BUTTONS ||
        template->button_count != kj_load_count(load, lua_gettop(L))) {
        kj_load_fail(load, "is a list of at most %d texts or functions", MAX_BUTTONS);
    }
    template->buttons = list_of(load, lua_gettop(L), template->button_count, true);
    kj_load_leave(load, length);
    lua_pop(L, 1);
}

static void template_of(struct kj_load *load, const char *name, void *arg)
{
    static const char *const names[] = {
        "languages", "fallback_language", "after", "otherwise", "parameters", "header", "buttons"};
    static const char *const afters[] = {"appointment"};
    (void)arg;
    int table = lua_gettop(load->L);
    if (!lua_istable(load->L, table)) {
        kj_load_fail(load, "must be a table like { languages = { \"en\" } }");
    }
    if (strlen(name) > 500 || name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")]) {
        kj_load_fail(load, "the name of a template has small letters, digits and _");
    }
    kj_load_keys(load, table, "field of a template", names, KJ_COUNT(names));
    struct kj_template *template = &load->rules->templates[load->rules->template_count++];
    template->name = name;
    template->at = kj_load_at(load);
    template->languages = kj_load_texts(load, table, "languages", &template->language_count);
    if (template->language_count == 0) {
        kj_load_fail(load, "\"languages\" is missing, for instance { \"en\", \"de\" }");
    }
    template->fallback_language = kj_load_text(load, table, "fallback_language", false);
    if (template->fallback_language) {
        kj_load_one_of(load, template->fallback_language, "language of this template",
                       template->languages, template->language_count);
    } else {
        template->fallback_language = template->languages[0];
    }
    template->after = kj_load_text(load, table, "after", false);
    if (template->after) {
        kj_load_one_of(load, template->after, "event to wait for", afters, KJ_COUNT(afters));
    }
    template->otherwise = kj_load_text(load, table, "otherwise", false);
    parameters(load, table, template);
    decorations(load, table, template);
}

const struct kj_template *kj_rules_template(const struct kj_rules *rules, const char *name)
{
    for (size_t i = 0; i < rules->template_count; i++) {
        if (strcmp(rules->templates[i].name, name) == 0) {
            return &rules->templates[i];
        }
    }
    return NULL;
}

static void check_names(struct kj_load *load)
{
    struct kj_rules *rules = load->rules;
    const char **names = kj_rules_alloc(rules, rules->template_count * sizeof *names);
    for (size_t i = 0; i < rules->template_count; i++) {
        names[i] = rules->templates[i].name;
    }
    for (size_t i = 0; i < rules->template_count; i++) {
        const struct kj_template *template = &rules->templates[i];
        if (template->otherwise) {
            size_t length = kj_load_enter(load, "templates", 0);
            kj_load_enter(load, template->name, 0);
            kj_load_enter(load, "otherwise", 0);
            kj_load_one_of(load, template->otherwise, "template", names, rules->template_count);
            kj_load_leave(load, length);
        }
    }
    for (size_t i = 0; i < rules->template.count; i++) {
        if (rules->template.rows[i].value[0]) {
            size_t length = kj_load_enter(load, "template", 0);
            kj_load_enter(load, NULL, (lua_Integer)i + 1);
            kj_load_one_of(load, rules->template.rows[i].value, "template", names,
                           rules->template_count);
            kj_load_leave(load, length);
        }
    }
}

void kj_load_templates(struct kj_load *load, int pack)
{
    struct kj_rules *rules = load->rules;
    if (kj_load_table(load, pack, "templates")) {
        int table = lua_gettop(load->L);
        size_t count = kj_load_count(load, table);
        size_t length = kj_load_enter(load, "templates", 0);
        rules->templates = kj_rules_alloc(rules, count * sizeof *rules->templates);
        kj_load_each(load, table, template_of, NULL);
        kj_load_leave(load, length);
        lua_pop(load->L, 1);
    }
    kj_load_rows(load, pack, "template", &rules->template, KJ_ROW_TEMPLATE, NULL);
    check_names(load);
}
