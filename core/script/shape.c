// The fields of `c`, exactly as the manual lists them: a rule that asks for another one learns it
// at once, with the nearest name. No field says that a call is simulated.
#include "base/alloc.h"
#include "base/str.h"
#include "script/view.h"

#include <string.h>

#define SHAPE(id, text, is_open) \
    static const struct kj_shape id = {text, is_open, id##_fields, KJ_COUNT(id##_fields)}

const struct kj_shape kj_shape_open = {"this document", true, NULL, 0};
static const struct kj_shape k_plain_list = {"this list", true, NULL, 0};

static const struct kj_field k_lead_fields[] = {
    {"id", KJ_FIELD_ANY, NULL},
    {"phone_number", KJ_FIELD_ANY, NULL},
    {"whatsapp_number", KJ_FIELD_ANY, NULL},
    {"first_name", KJ_FIELD_ANY, NULL},
    {"last_name", KJ_FIELD_ANY, NULL},
    {"email", KJ_FIELD_ANY, NULL},
    {"company", KJ_FIELD_ANY, NULL},
    {"job_title", KJ_FIELD_ANY, NULL},
    {"country", KJ_FIELD_ANY, NULL},
    {"language", KJ_FIELD_ANY, NULL},
    {"timezone", KJ_FIELD_ANY, NULL},
    {"status", KJ_FIELD_ANY, NULL},
    {"source", KJ_FIELD_ANY, NULL},
    {"priority", KJ_FIELD_ANY, NULL},
    {"tags", KJ_FIELD_LIST, &k_plain_list, true},
    {"notes", KJ_FIELD_ANY, NULL},
    {"external_reference", KJ_FIELD_ANY, NULL},
    {"metadata", KJ_FIELD_DOC, &kj_shape_open, true},
    {"contact_attempts", KJ_FIELD_ANY, NULL},
    {"last_called_at", KJ_FIELD_TIME, NULL},
    {"created_at", KJ_FIELD_TIME, NULL},
};
SHAPE(k_lead, "c.lead", false);

static const struct kj_field k_call_fields[] = {
    {"id", KJ_FIELD_ANY, NULL},
    {"type", KJ_FIELD_ANY, NULL},
    {"source", KJ_FIELD_ANY, NULL},
    {"disposition", KJ_FIELD_ANY, NULL},
    {"end_reason", KJ_FIELD_ANY, NULL},
    {"reached", KJ_FIELD_ANY, NULL},
    {"answered_by", KJ_FIELD_ANY, NULL},
    {"attempt", KJ_FIELD_ANY, NULL},
    {"attempts_left", KJ_FIELD_ANY, NULL},
    {"started_at", KJ_FIELD_TIME, NULL},
    {"answered_at", KJ_FIELD_TIME, NULL},
    {"ended_at", KJ_FIELD_TIME, NULL},
    {"duration_seconds", KJ_FIELD_ANY, NULL},
    {"language", KJ_FIELD_ANY, NULL},
    {"from_number", KJ_FIELD_ANY, NULL},
    {"to_number", KJ_FIELD_ANY, NULL},
    {"in_call_success", KJ_FIELD_ANY, NULL},
};
SHAPE(k_call, "c.call", false);

static const struct kj_field k_campaign_fields[] = {
    {"id", KJ_FIELD_ANY, NULL},       {"name", KJ_FIELD_ANY, NULL},
    {"goal", KJ_FIELD_ANY, NULL},     {"starts_at", KJ_FIELD_TIME, NULL},
    {"ends_at", KJ_FIELD_TIME, NULL}, {"metadata", KJ_FIELD_DOC, &kj_shape_open, true},
};
SHAPE(k_campaign, "c.campaign", false);

static const struct kj_field k_group_fields[] = {
    {"id", KJ_FIELD_ANY, NULL},
    {"name", KJ_FIELD_ANY, NULL},
    {"whatsapp_enabled", KJ_FIELD_ANY, NULL},
};
SHAPE(k_group, "c.group", false);

static const struct kj_field k_assistant_fields[] = {
    {"id", KJ_FIELD_ANY, NULL},
    {"name", KJ_FIELD_ANY, NULL},
    {"language", KJ_FIELD_ANY, NULL},
};
SHAPE(k_assistant, "c.assistant", false);

static const struct kj_field k_turn_fields[] = {
    {"speaker", KJ_FIELD_ANY, NULL},
    {"text", KJ_FIELD_ANY, NULL},
    {"start_ms", KJ_FIELD_ANY, NULL},
    {"end_ms", KJ_FIELD_ANY, NULL},
};
SHAPE(k_turn, "c.transcript[n]", false);

static const struct kj_field k_callback_fields[] = {
    {"state", KJ_FIELD_ANY, NULL},        {"at", KJ_FIELD_TIME, NULL},
    {"earliest_at", KJ_FIELD_TIME, NULL}, {"latest_at", KJ_FIELD_TIME, NULL},
    {"moved_from", KJ_FIELD_TIME, NULL},  {"quote", KJ_FIELD_ANY, NULL},
    {"turn", KJ_FIELD_ANY, NULL},
};
SHAPE(k_callback, "c.callback", false);

static const struct kj_field k_appointment_fields[] = {
    {"state", KJ_FIELD_ANY, NULL}, {"id", KJ_FIELD_ANY, NULL},
    {"at", KJ_FIELD_TIME, NULL},   {"duration_minutes", KJ_FIELD_ANY, NULL},
    {"title", KJ_FIELD_ANY, NULL}, {"quote", KJ_FIELD_ANY, NULL},
    {"turn", KJ_FIELD_ANY, NULL},
};
SHAPE(k_appointment, "c.appointment", false);

static const struct kj_field k_opt_out_fields[] = {
    {"asked", KJ_FIELD_ANY, NULL},
    {"channel", KJ_FIELD_ANY, NULL},
    {"quote", KJ_FIELD_ANY, NULL},
    {"turn", KJ_FIELD_ANY, NULL},
};
SHAPE(k_opt_out, "c.opt_out", false);

static const struct kj_field k_tool_fields[] = {
    {"name", KJ_FIELD_ANY, NULL},
    {"ok", KJ_FIELD_ANY, NULL},
    {"result", KJ_FIELD_DOC, &kj_shape_open, true},
};
SHAPE(k_tool, "c.tools[n]", false);

static const struct kj_field k_history_fields[] = {
    {"at", KJ_FIELD_TIME, NULL},     {"disposition", KJ_FIELD_ANY, NULL},
    {"success", KJ_FIELD_ANY, NULL}, {"score", KJ_FIELD_ANY, NULL},
    {"summary", KJ_FIELD_ANY, NULL},
};
SHAPE(k_history, "c.history[n]", false);

// The last rows are results of the pack: listed here for messages, answered elsewhere.
static const struct kj_field kj_shape_call_fields[KJ_CALL_FIELDS] = {
    [KJ_FACT_NOW] = {"now", KJ_FIELD_TIME, NULL},
    [KJ_FACT_LEAD] = {"lead", KJ_FIELD_DOC, &k_lead, true},
    [KJ_FACT_CALL] = {"call", KJ_FIELD_DOC, &k_call, true},
    [KJ_FACT_CAMPAIGN] = {"campaign", KJ_FIELD_DOC, &k_campaign},
    [KJ_FACT_GROUP] = {"group", KJ_FIELD_DOC, &k_group, true},
    [KJ_FACT_ASSISTANT] = {"assistant", KJ_FIELD_DOC, &k_assistant, true},
    [KJ_FACT_INPUT] = {"input", KJ_FIELD_DOC, &kj_shape_open, true},
    [KJ_FACT_CONTEXT] = {"context", KJ_FIELD_DOC, &kj_shape_open, true},
    [KJ_FACT_TRANSCRIPT] = {"transcript", KJ_FIELD_LIST, &k_turn, true},
    [KJ_FACT_SUMMARY] = {"summary", KJ_FIELD_ANY, NULL},
    [KJ_FACT_CALLBACK] = {"callback", KJ_FIELD_DOC, &k_callback},
    [KJ_FACT_APPOINTMENT] = {"appointment", KJ_FIELD_DOC, &k_appointment},
    [KJ_FACT_OPT_OUT] = {"opt_out", KJ_FIELD_DOC, &k_opt_out, true},
    [KJ_FACT_TOOLS] = {"tools", KJ_FIELD_LIST, &k_tool, true},
    [KJ_FACT_HISTORY] = {"history", KJ_FIELD_LIST, &k_history, true},
    [KJ_FACT_SETTINGS] = {"settings", KJ_FIELD_ANY, .role = KJ_ROLE_NAMES},
    {"vars", KJ_FIELD_ANY, .role = KJ_ROLE_NAMES},
    {"state", KJ_FIELD_ANY, .role = KJ_ROLE_NAMES},
    {"evidence", KJ_FIELD_ANY, .role = KJ_ROLE_NAMES},
    {"success", KJ_FIELD_ANY, .role = KJ_ROLE_RESULT},
    {"score", KJ_FIELD_ANY, .role = KJ_ROLE_RESULT},
    {"verdicts", KJ_FIELD_ANY, .role = KJ_ROLE_NAMES},
    {"lead_status", KJ_FIELD_ANY, .role = KJ_ROLE_RESULT},
    {"tags", KJ_FIELD_ANY, .role = KJ_ROLE_RESULT},
    {"is", KJ_FIELD_ANY, .role = KJ_ROLE_NAMES},
    {"missing", KJ_FIELD_ANY, .role = KJ_ROLE_NAMES},
};
const struct kj_shape kj_shape_call = {"c", false, kj_shape_call_fields, KJ_CALL_FIELDS};

const struct kj_field *kj_shape_field(const struct kj_shape *shape, const char *name, size_t length)
{
    for (size_t i = 0; i < shape->count; i++) {
        const char *field = shape->fields[i].name;
        if (field[0] == name[0] && strncmp(field, name, length) == 0 && field[length] == '\0') {
            return &shape->fields[i];
        }
    }
    return NULL;
}

const struct kj_field *kj_shape_field_at(lua_State *L, const struct kj_shape *shape, int index,
                                         const char *name, size_t length)
{
    const struct kj_field *field = kj_memo_find(kj_vm_of(L), shape, name);
    if (!field) {
        field = kj_shape_field(shape, name, length);
        if (field) {
            kj_memo_keep(L, index, shape, field);
        }
    }
    return field;
}

int kj_shape_unknown(lua_State *L, const struct kj_shape *shape, const char *name)
{
    const char *names[32] = {NULL};
    size_t count = 0;
    for (; count < shape->count && count < KJ_COUNT(names); count++) {
        names[count] = shape->fields[count].name;
    }
    const char *near = kj_nearest(name, names, count);
    if (near) {
        return luaL_error(L, "%s has no field \"%s\"; did you mean \"%s\"?", shape->name, name,
                          near);
    }
    lua_pushfstring(L, "%s has no field \"%s\"; it has", shape->name, name);
    for (size_t i = 0; i < count; i++) {
        lua_pushfstring(L, "%s %s", i ? "," : "", names[i]);
        lua_concat(L, 2);
    }
    return luaL_error(L, "%s", lua_tostring(L, -1));
}
