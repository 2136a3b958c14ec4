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
    const char *spoken = offered(template, kj_eval_text(eval, KJ_FACT_CALL, "language", NULL));
    *source = "call";
    if (!spoken) {
        spoken = offered(template, kj_eval_text(eval, KJ_FACT_LEAD, "language", NULL));
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

static bool is_clean(const char *text, size_t length)
{
    return !memchr(text, 0, length) && kj_utf8_valid(text, length);
}

// Writes the parameters (they stand sorted in the template); the name of the first empty one, or
// NULL.
static const char *put_parameters(struct kj_eval *eval, struct kj_out *out,
                                  const struct kj_template *template, const char *language)
{
    lua_State *L = eval->L;
    struct kj_out_index index;
    size_t faulty = SIZE_MAX;
    out->length = 0;
    for (size_t i = 0; i < template->parameter_count; i++) {
        const struct kj_parameter *parameter = &template->parameters[i];
        if (!push_parameter(eval, template, parameter, language)) {
            return parameter->name ? parameter->name : "a parameter by position";
        }
        size_t length;
        const char *text = lua_tolstring(L, -1, &length);
        const char *key = parameter->name ? parameter->name : kj_out_at(&index, (uint32_t)i);
        faulty = faulty == SIZE_MAX && !is_clean(text, length) ? i : faulty;
        kj_out_bytes(out, key, text, length);
        lua_pop(L, 1);
    }
    if (faulty == SIZE_MAX) {
        return NULL;
    }
    const char *name = template->parameters[faulty].name; // an empty one would have come first
    if (name) {
        luaL_error(L, "%s.%s: is not UTF-8 text", template->name, name);
    }
    luaL_error(L, "%s[%d]: is not UTF-8 text", template->name, (int)faulty + 1);
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

// The value on top (popped) as a document of the plan: `type` and `member` for a short text.
static void put_decoration(struct kj_eval *eval, struct kj_frame *frame, const char *key,
                           const char *type, const char *member, int index)
{
    lua_State *L = eval->L;
    struct kj_convert state;
    bson_t *doc = kj_frame_result(frame);
    bson_reinit(doc);
    kj_convert_init(&state, key);
    if (lua_istable(L, -1)) {
        kj_convert_members(L, &state, doc, lua_gettop(L));
    } else {
        bson_append_utf8(doc, "type", -1, type, -1);
        lua_tostring(L, -1);
        kj_convert_put(L, &state, doc, member, lua_gettop(L));
    }
    if (index >= 0 && !bson_has_field(doc, "index")) {
        bson_append_int64(doc, "index", -1, index);
    }
    kj_put_result(eval, key, frame);
    lua_pop(L, 1);
}

static void put_decorations(struct kj_eval *eval, struct kj_frame *frame,
                            const struct kj_template *template, const char *language)
{
    struct kj_out_index place;
    if (template->header.value != KJ_NO_REF && push_decoration(eval, &template->header, language)) {
        put_decoration(eval, frame, "header", "text", "text", -1);
    }
    if (template->button_count == 0) {
        return;
    }
    size_t list = kj_out_open(&eval->plan, BSON_TYPE_ARRAY, "buttons");
    uint32_t count = 0;
    for (size_t i = 0; i < template->button_count; i++) {
        if (push_decoration(eval, &template->buttons[i], language)) {
            put_decoration(eval, frame, kj_out_at(&place, count++), "quick_reply", "payload",
                           (int)i);
        }
    }
    kj_out_close(&eval->plan, list);
}

// Follows `otherwise` while parameters are empty; the parameters of what it returns are in `out`.
static const struct kj_template *settle(struct kj_eval *eval, struct kj_out *out,
                                        const struct kj_template *template, const char **language,
                                        const char **source, char reason[160])
{
    for (int swaps = 0; template && swaps <= MAX_SWAPS; swaps++) {
        *language = language_of(eval, template, source);
        const char *empty = put_parameters(eval, out, template, *language);
        if (!empty) {
            return template;
        }
        snprintf(reason, 160, "\"%.40s\" of %.60s is empty", empty, template->name);
        template = template->otherwise ? kj_rules_template(eval->rules, template->otherwise) : NULL;
    }
    return NULL;
}

static void put_template(struct kj_eval *eval, struct kj_frame *frame,
                         const struct kj_template *first)
{
    const char *language = NULL, *source = NULL;
    char reason[160] = "";
    struct kj_out *out = &eval->plan;
    const struct kj_template *template =
        settle(eval, &frame->matched, first, &language, &source, reason);
    if (!template) {
        kj_out_text(&frame->entry, "dropped", reason);
        return;
    }
    size_t doc = kj_out_open(out, BSON_TYPE_DOCUMENT, "template");
    kj_out_text(out, "name", template->name);
    kj_out_words(out, "language", language);
    if (template->parameter_count) {
        kj_out_whole(out, template->positional ? BSON_TYPE_ARRAY : BSON_TYPE_DOCUMENT, "parameters",
                     &frame->matched);
    }
    put_decorations(eval, frame, template, language);
    kj_out_words(out, "after", template->after);
    if (template != first) {
        kj_out_text(out, "instead_of", first->name);
        kj_out_text(&frame->entry, "instead_of", first->name);
        kj_out_text(&frame->entry, "because", reason);
    }
    kj_out_close(out, doc);
    kj_out_text(&frame->entry, "template", template->name);
    kj_out_words(&frame->entry, "language", language);
    kj_out_text(&frame->entry, "language_from", source);
}

static void choose(struct kj_eval *eval, void *arg)
{
    (void)arg;
    const struct kj_rows *rows = &eval->rules->template;
    struct kj_frame *frame = kj_enter_section(eval, "template");
    if (!kj_eval_flag(eval, KJ_FACT_GROUP, "whatsapp_enabled", true)) {
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
