// The message after a call: which template, in which language, with which parameters; an empty
// parameter takes the template that stands in `otherwise`.
#include "script/eval.h"

#include "base/alloc.h"
#include "script/convert.h"
#include "script/sandbox.h"

#include <stdio.h>
#include <string.h>

enum { MAX_SWAPS = 4, MAX_PARAMETER = 1024 };

// "de-AT" speaks "de"; an exact match wins.
static const char *offered(const struct kj_template *template, const char *language)
{
    for (size_t i = 0; language && i < template->language_count; i++) {
        if (strcmp(template->languages[i], language) == 0) {
            return template->languages[i];
        }
    }
    size_t head = language ? strcspn(language, "-_") : 0;
    for (size_t i = 0; head && i < template->language_count; i++) {
        const char *known = template->languages[i];
        if (strncmp(known, language, head) == 0 && strcspn(known, "-_") == head) {
            return known;
        }
    }
    return NULL;
}

static const char *language_of(struct kj_eval *eval, const struct kj_template *template,
                               const char **source)
{
    const char *spoken = offered(template, kj_doc_text(&eval->facts, "call.language", NULL));
    *source = "call";
    if (!spoken) {
        spoken = offered(template, kj_doc_text(&eval->facts, "lead.language", NULL));
        *source = "lead";
    }
    if (!spoken) {
        spoken = template->fallback_language;
        *source = "fallback";
    }
    return spoken;
}

// Pushes the parameter as text; false (nothing pushed) when it is empty.
static bool push_parameter(struct kj_eval *eval, const struct kj_template *template,
                           const struct kj_parameter *parameter, const char *language)
{
    lua_State *L = eval->L;
    if (parameter->computed) {
        kj_call_function(eval, parameter->value, language, 1);
    } else {
        lua_rawgeti(L, LUA_REGISTRYINDEX, parameter->value);
    }
    int type = lua_type(L, -1);
    if (type == LUA_TNIL || (type == LUA_TSTRING && lua_rawlen(L, -1) == 0)) {
        lua_pop(L, 1);
        return false;
    }
    if (type != LUA_TSTRING && type != LUA_TNUMBER) {
        luaL_error(L, "%s: a parameter of the template \"%s\" must be a text or a number, not a %s",
                   template->at, template->name, kj_type_name(L, -1));
    }
    lua_tostring(L, -1);
    if (lua_rawlen(L, -1) > MAX_PARAMETER) {
        luaL_error(L, "%s: a parameter of the template \"%s\" is longer than %d bytes",
                   template->at, template->name, MAX_PARAMETER);
    }
    return true;
}

// Pushes a table of the parameters, or nothing; then the name of the first empty one is returned.
static const char *push_parameters(struct kj_eval *eval, const struct kj_template *template,
                                   const char *language)
{
    lua_State *L = eval->L;
    lua_createtable(L, template->positional ? (int)template->parameter_count : 0,
                    template->positional ? 0 : (int)template->parameter_count);
    for (size_t i = 0; i < template->parameter_count; i++) {
        const struct kj_parameter *parameter = &template->parameters[i];
        if (!push_parameter(eval, template, parameter, language)) {
            lua_pop(L, 1);
            return parameter->name ? parameter->name : "a parameter by position";
        }
        if (parameter->name) {
            lua_setfield(L, -2, parameter->name);
        } else {
            lua_rawseti(L, -2, (lua_Integer)i + 1);
        }
    }
    return NULL;
}

// A header or button: a text in short, or the table that the verb takes. False when it is empty.
static bool push_decoration(struct kj_eval *eval, const struct kj_parameter *decoration,
                            const char *language)
{
    if (decoration->computed) {
        kj_call_function(eval, decoration->value, language, 1);
    } else {
        lua_rawgeti(eval->L, LUA_REGISTRYINDEX, decoration->value);
    }
    if (lua_isnil(eval->L, -1)) {
        lua_pop(eval->L, 1);
        return false;
    }
    return true;
}

// The value on top (popped) as a document: `type` and `member` for a short text.
static void put_decoration(struct kj_eval *eval, bson_t *out, const char *key, const char *type,
                           const char *member, int index)
{
    lua_State *L = eval->L;
    struct kj_convert state;
    bson_t doc;
    kj_convert_init(&state, key);
    bson_append_document_begin(out, key, -1, &doc);
    if (lua_istable(L, -1)) {
        kj_convert_members(L, &state, &doc, lua_gettop(L));
    } else {
        bson_append_utf8(&doc, "type", -1, type, -1);
        lua_tostring(L, -1);
        kj_convert_put(L, &state, &doc, member, lua_gettop(L));
    }
    if (index >= 0 && !bson_has_field(&doc, "index")) {
        bson_append_int64(&doc, "index", -1, index);
    }
    bson_append_document_end(out, &doc);
    lua_pop(L, 1);
}

static void put_decorations(struct kj_eval *eval, const struct kj_template *template,
                            const char *language, bson_t *out)
{
    bson_t list;
    if (template->header.value != KJ_NO_REF && push_decoration(eval, &template->header, language)) {
        put_decoration(eval, out, "header", "text", "text", -1);
    }
    if (template->button_count == 0) {
        return;
    }
    bson_append_array_begin(out, "buttons", -1, &list);
    uint32_t count = 0;
    for (size_t i = 0; i < template->button_count; i++) {
        char digits[16];
        const char *key;
        if (push_decoration(eval, &template->buttons[i], language)) {
            bson_uint32_to_string(count++, &key, digits, sizeof digits);
            put_decoration(eval, &list, key, "quick_reply", "payload", (int)i);
        }
    }
    bson_append_array_end(out, &list);
}

// Follows `otherwise` while parameters are empty; pushes the parameters of what it returns.
static const struct kj_template *settle(struct kj_eval *eval, const struct kj_template *template,
                                        const char **language, const char **source, char *reason,
                                        size_t size)
{
    for (int swaps = 0; template && swaps <= MAX_SWAPS; swaps++) {
        *language = language_of(eval, template, source);
        const char *empty = push_parameters(eval, template, *language);
        if (!empty) {
            return template;
        }
        snprintf(reason, size, "\"%.40s\" of %.60s is empty", empty, template->name);
        template = template->otherwise ? kj_rules_template(eval->rules, template->otherwise) : NULL;
    }
    return NULL;
}

static void put_template(struct kj_eval *eval, struct kj_frame *frame,
                         const struct kj_template *first)
{
    lua_State *L = eval->L;
    const char *language = NULL, *source = NULL;
    char reason[160] = "";
    struct kj_convert state;
    const struct kj_template *template =
        settle(eval, first, &language, &source, reason, sizeof reason);
    bson_t *out = kj_frame_result(frame);
    if (!template) {
        kj_out_text(&frame->entry, "dropped", reason);
        return;
    }
    kj_doc_put_text(out, "name", template->name);
    kj_doc_put_text(out, "language", language);
    kj_convert_init(&state, template->name);
    if (template->parameter_count) {
        kj_convert_put(L, &state, out, "parameters", lua_gettop(L));
    }
    lua_pop(L, 1);
    put_decorations(eval, template, language, out);
    kj_doc_put_text(out, "after", template->after);
    if (template != first) {
        kj_doc_put_text(out, "instead_of", first->name);
        kj_out_text(&frame->entry, "instead_of", first->name);
        kj_out_text(&frame->entry, "because", reason);
    }
    kj_out_text(&frame->entry, "template", template->name);
    kj_out_words(&frame->entry, "language", language);
    kj_out_text(&frame->entry, "language_from", source);
    kj_put_result(eval, "template", frame);
}

static void choose(struct kj_eval *eval, void *arg)
{
    (void)arg;
    const struct kj_rows *rows = &eval->rules->template;
    struct kj_frame *frame = kj_enter_section(eval, "template");
    bool off = kj_doc_has(&eval->facts, "group.whatsapp_enabled") &&
               !kj_doc_bool(&eval->facts, "group.whatsapp_enabled", true);
    if (off) {
        kj_explain_note(eval, frame, NULL, "none", "WhatsApp is switched off for this group");
        kj_leave_section(eval, true);
        return;
    }
    int row = kj_first_row(eval, rows);
    if (row < 0) {
        frame->reads.count = 0;
        kj_explain_note(eval, frame, NULL, "none", "no row matched");
    } else if (rows->rows[row].value[0]) {
        put_template(eval, frame, kj_rules_template(eval->rules, rows->rows[row].value));
    }
    kj_leave_section(eval, true);
}

void kj_plan_template(struct kj_eval *eval)
{
    if (eval->rules->template.section && !eval->refused) {
        kj_guarded(eval, "template", choose, NULL);
    }
}
