// What follows a call, decided per call: a refusal, a callback or a retry, an appointment; and
// preselection before any call. Each part is built aside and enters the plan whole.
#include "script/eval.h"

#include "base/alloc.h"
#include "model/retry.h"
#include "script/convert.h"
#include "script/sandbox.h"
#include "script/time_lib.h"

#include <stdio.h>
#include <string.h>

static int64_t now_of(const struct kj_eval *eval)
{
    return kj_doc_time(&eval->facts, "now", 0);
}

// The second result of a function, on top: its reason, or NULL.
static const char *reason_of(lua_State *L)
{
    return lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
}

// --- opt-out: may add a refusal, never lift one ---

static void opt_out(struct kj_eval *eval, void *arg)
{
    (void)arg;
    struct kj_frame *frame = kj_enter_section(eval, "opt_out");
    const struct kj_rows *rows = &eval->rules->opt_out;
    const char *scope = NULL, *reason = NULL;
    if (kj_eval_flag(eval, KJ_FACT_OPT_OUT, "asked", false)) {
        scope = "all";
        reason = kj_doc_text(&eval->facts, "opt_out.quote", "the callee said so");
        kj_explain_note(eval, frame, NULL, scope, reason);
    } else {
        int row = kj_first_row(eval, rows);
        if (row >= 0) {
            scope = rows->rows[row].value;
            reason = eval->reason[0] ? eval->reason : rows->rows[row].at;
        } else {
            kj_explain_note(eval, frame, NULL, "none", NULL);
        }
    }
    if (scope) {
        kj_doc_put_text(kj_frame_result(frame), "scope", scope);
        kj_doc_put_text(kj_frame_result(frame), "channel",
                        kj_doc_text(&eval->facts, "opt_out.channel", "call"));
        kj_doc_put_text(kj_frame_result(frame), "reason", reason);
        kj_put_result(eval, "opt_out", frame);
        eval->refused = true;
    }
    kj_leave_section(eval, true);
}

void kj_plan_opt_out(struct kj_eval *eval)
{
    if (!eval->rules->opt_out.section && !kj_eval_flag(eval, KJ_FACT_OPT_OUT, "asked", false)) {
        return;
    }
    if (!kj_guarded(eval, "opt_out", opt_out, NULL)) {
        eval->park = true;
        memcpy(eval->park_reason, eval->last_fault, sizeof eval->park_reason);
    }
}

// --- callback ---

// The instant of a wished callback: what `when` says, else what the facts found. 0 = none.
static int64_t callback_at(struct kj_eval *eval, char *reason, size_t size)
{
    lua_State *L = eval->L;
    bool ok = strcmp(kj_doc_text(&eval->facts, "callback.state", ""), "ok") == 0;
    int64_t wished = ok ? kj_doc_time(&eval->facts, "callback.at", 0) : 0;
    snprintf(reason, size, "%.150s", kj_doc_text(&eval->facts, "callback.quote", "wished"));
    if (eval->rules->callback_when == KJ_NO_REF) {
        return wished;
    }
    kj_call_function(eval, eval->rules->callback_when, NULL, 2);
    const struct kj_moment *moment = kj_moment_at(L, -2);
    int64_t at = moment ? moment->ms : lua_toboolean(L, -2) ? wished : 0;
    if (!moment && !lua_isboolean(L, -2) && !lua_isnil(L, -2)) {
        luaL_error(L, "%s: callback.when returns a time, true or false, not a %s",
                   eval->rules->callback_at, kj_type_name(L, -2));
    }
    if (reason_of(L)) {
        snprintf(reason, size, "%.150s", reason_of(L));
    }
    lua_pop(L, 2);
    return at;
}

static void callback(struct kj_eval *eval, void *arg)
{
    bool *planned = arg;
    char reason[160];
    struct kj_frame *frame = kj_enter_section(eval, "callback");
    int64_t at = callback_at(eval, reason, sizeof reason);
    *planned = at > 0;
    kj_explain_note(eval, frame, eval->rules->callback_at, at ? "callback" : "none",
                    at ? reason : NULL);
    if (at) {
        kj_doc_put_text(kj_frame_result(frame), "kind", "callback");
        kj_doc_put_time(kj_frame_result(frame), "at", at);
        kj_doc_put_time(kj_frame_result(frame), "expires_at",
                        at + eval->rules->callback_expires_ms);
        kj_doc_put_from(kj_frame_result(frame), "moved_from", &eval->facts, "callback.moved_from");
        kj_doc_put_text(kj_frame_result(frame), "reason", reason);
        kj_put_result(eval, "next", frame);
    }
    kj_leave_section(eval, true);
}

// --- retry ---

struct retrying {
    bool wanted;
    int64_t gaps[KJ_MAX_GAPS];
    size_t count;
    char reason[160];
};

static bool earns_retry(struct kj_eval *eval, struct retrying *retrying)
{
    const struct kj_retry_rule *rule = &eval->rules->retry;
    const char *disposition = kj_doc_text(&eval->facts, "call.disposition", "none");
    bool earned = false;
    for (size_t i = 0; i < rule->on_count; i++) {
        earned = earned || strcmp(rule->on[i], disposition) == 0;
    }
    if (rule->on_count == 0) {
        struct kj_retry_policy policy;
        if (kj_retry_parse(NULL, &policy, NULL) == 0) {
            earned = policy.dispositions >> kj_disposition_from_name(disposition) & 1;
        }
    }
    snprintf(retrying->reason, sizeof retrying->reason, "disposition %.60s%s", disposition,
             earned ? "" : " earns no retry");
    return earned;
}

static void ask_when(struct kj_eval *eval, struct retrying *retrying)
{
    lua_State *L = eval->L;
    kj_call_function(eval, eval->rules->retry.when, NULL, 2);
    retrying->wanted = lua_toboolean(L, -2);
    if (reason_of(L)) {
        snprintf(retrying->reason, sizeof retrying->reason, "%.150s", reason_of(L));
    } else if (!retrying->wanted) {
        snprintf(retrying->reason, sizeof retrying->reason, "its when said no");
    }
    lua_pop(L, 2);
}

static int64_t gap_minutes(lua_State *L, int index)
{
    int64_t minutes = 0;
    if (lua_type(L, index) == LUA_TSTRING && kj_span_parse(lua_tostring(L, index), &minutes)) {
        minutes /= 60000;
    } else if (lua_isinteger(L, index)) {
        minutes = lua_tointeger(L, index);
    }
    if (minutes < 1 || minutes > 60 * 24 * 90) {
        luaL_error(L, "a gap of retry is between 1 minute and 90 days, like \"3h\" or 180");
    }
    return minutes;
}

// retry(c) returns false, true (the campaign's gaps), a gap, or a list of gaps; and a reason.
static void ask_function(struct kj_eval *eval, struct retrying *retrying)
{
    lua_State *L = eval->L;
    kj_call_function(eval, eval->rules->retry.function, NULL, 2);
    int value = lua_gettop(L) - 1;
    retrying->wanted = lua_toboolean(L, value);
    if (lua_istable(L, value)) {
        kj_raw_table(L, value);
        size_t count = lua_rawlen(L, -1);
        if (count == 0 || count > KJ_MAX_GAPS) {
            luaL_error(L, "%s: retry returns 1 to %d gaps", eval->rules->retry.at, KJ_MAX_GAPS);
        }
        for (size_t i = 0; i < count; i++) {
            lua_rawgeti(L, -1, (lua_Integer)i + 1);
            retrying->gaps[retrying->count++] = gap_minutes(L, lua_gettop(L));
            lua_pop(L, 1);
        }
        lua_pop(L, 1);
    } else if (lua_isstring(L, value)) {
        retrying->gaps[retrying->count++] = gap_minutes(L, value);
    } else if (!lua_isboolean(L, value) && !lua_isnil(L, value)) {
        luaL_error(L, "%s: retry returns false, true, a gap or a list of gaps, not a %s",
                   eval->rules->retry.at, kj_type_name(L, value));
    }
    if (reason_of(L)) {
        snprintf(retrying->reason, sizeof retrying->reason, "%.150s", reason_of(L));
    }
    lua_pop(L, 2);
}

static void put_gaps(struct kj_eval *eval, bson_t *next, const struct retrying *retrying)
{
    bson_t gaps = BSON_INITIALIZER;
    struct kj_doc_list list = {.array = &gaps};
    int64_t attempt = kj_doc_int(&eval->facts, "call.attempt", 1);
    for (size_t i = 0; i < retrying->count; i++) {
        kj_doc_put_int(&gaps, kj_doc_next(&list), retrying->gaps[i]);
    }
    if (retrying->count) {
        int64_t index = attempt < 1 ? 0 : attempt - 1;
        index = index < (int64_t)retrying->count ? index : (int64_t)retrying->count - 1;
        kj_doc_put_time(next, "at", now_of(eval) + retrying->gaps[index] * 60000);
        kj_doc_put_array(next, "gaps_minutes", &gaps);
    }
    bson_destroy(&gaps);
}

static void retry(struct kj_eval *eval, void *arg)
{
    (void)arg;
    const struct kj_retry_rule *rule = &eval->rules->retry;
    struct kj_frame *frame = kj_enter_section(eval, "retry");
    struct retrying retrying = {.wanted = false};
    if (rule->function != KJ_NO_REF) {
        ask_function(eval, &retrying);
    } else {
        retrying.wanted = earns_retry(eval, &retrying);
        if (retrying.wanted && rule->when != KJ_NO_REF) {
            ask_when(eval, &retrying);
        }
        memcpy(retrying.gaps, rule->gaps_minutes, sizeof rule->gaps_minutes);
        retrying.count = rule->gap_count;
        int64_t attempt = kj_doc_int(&eval->facts, "call.attempt", 1);
        if (retrying.wanted && retrying.count && attempt > (int64_t)retrying.count) {
            retrying.wanted = false;
            snprintf(retrying.reason, sizeof retrying.reason, "all %zu gaps are used up",
                     retrying.count);
        }
    }
    kj_explain_note(eval, frame, rule->at, retrying.wanted ? "retry" : "none", retrying.reason);
    kj_doc_put_text(kj_frame_result(frame), "kind", retrying.wanted ? "retry" : "none");
    if (retrying.wanted) {
        put_gaps(eval, kj_frame_result(frame), &retrying);
    }
    kj_doc_put_text(kj_frame_result(frame), "reason", retrying.reason[0] ? retrying.reason : NULL);
    kj_put_result(eval, "next", frame);
    kj_leave_section(eval, true);
}

// --- appointment ---

static int64_t appointment_at(struct kj_eval *eval)
{
    const struct kj_appointment_rule *rule = &eval->rules->appointment;
    lua_State *L = eval->L;
    bool wished = strcmp(kj_doc_text(&eval->facts, "appointment.state", ""), "wished") == 0;
    int64_t at = kj_doc_time(&eval->facts, "appointment.at", 0);
    if (rule->when == KJ_NO_REF) {
        return wished ? at : 0;
    }
    kj_call_function(eval, rule->when, NULL, 1);
    const struct kj_moment *moment = kj_moment_at(L, -1);
    int64_t result = moment ? moment->ms : lua_toboolean(L, -1) ? at : 0;
    lua_pop(L, 1);
    return result;
}

static void appointment(struct kj_eval *eval, void *arg)
{
    (void)arg;
    const struct kj_appointment_rule *rule = &eval->rules->appointment;
    lua_State *L = eval->L;
    struct kj_frame *frame = kj_enter_section(eval, "appointments");
    int64_t at = appointment_at(eval);
    kj_explain_note(eval, frame, rule->at, at ? rule->verb : "none", NULL);
    if (at) {
        kj_doc_put_text(kj_frame_result(frame), "verb", rule->verb);
        kj_doc_put_time(kj_frame_result(frame), "at", at);
        kj_doc_put_int(
            kj_frame_result(frame), "duration_minutes",
            kj_doc_int(&eval->facts, "appointment.duration_minutes", rule->duration_minutes));
        if (rule->title_function != KJ_NO_REF) {
            kj_call_function(eval, rule->title_function, NULL, 1);
            kj_doc_put_text(kj_frame_result(frame), "title", luaL_checkstring(L, -1));
            lua_pop(L, 1);
        } else {
            kj_doc_put_text(kj_frame_result(frame), "title",
                            rule->title ? rule->title
                                        : kj_doc_text(&eval->facts, "appointment.title", NULL));
        }
        kj_put_result(eval, "appointment", frame);
    }
    kj_leave_section(eval, true);
}

void kj_plan_follow_up(struct kj_eval *eval)
{
    bool planned = false;
    struct kj_element at;
    bool wished =
        kj_eval_fact(eval, KJ_FACT_CALLBACK, &at) || eval->rules->callback_when != KJ_NO_REF;
    if (eval->refused) {
        return; // nobody is called against their word
    }
    if (wished) {
        kj_guarded(eval, "callback", callback, &planned);
    }
    if (!planned && eval->rules->retry.present) {
        kj_guarded(eval, "retry", retry, NULL);
    }
    if (eval->rules->appointment.present) {
        kj_guarded(eval, "appointments", appointment, NULL);
    }
}

// --- preselection ---

// decide(c): "approved", "rejected", true or false; and a reason.
static const char *decide_function(struct kj_eval *eval, char *reason, size_t size)
{
    lua_State *L = eval->L;
    kj_call_function(eval, eval->rules->decide_function, NULL, 2);
    const char *decision = lua_isnil(L, -2) ? NULL : lua_toboolean(L, -2) ? "approved" : "rejected";
    if (lua_type(L, -2) == LUA_TSTRING) {
        decision = strcmp(lua_tostring(L, -2), "rejected") == 0 ? "rejected" : "approved";
    }
    if (reason_of(L)) {
        snprintf(reason, size, "%.190s", reason_of(L));
    }
    lua_pop(L, 2);
    return decision;
}

static const char *decide(struct kj_eval *eval, struct kj_frame *frame, char reason[200])
{
    const struct kj_rules *rules = eval->rules;
    const char *decision = NULL;
    if (rules->decide_function != KJ_NO_REF) {
        decision = decide_function(eval, reason, 200);
        kj_explain_note(eval, frame, rules->preselection_at, decision, reason);
    } else if (rules->decide.section) {
        int row = kj_first_row(eval, &rules->decide);
        decision = row >= 0 ? rules->decide.rows[row].value : NULL;
        memcpy(reason, eval->reason, sizeof eval->reason);
    } else if (rules->criteria_text >= 0) {
        enum kj_truth truth = kj_text_answer(eval, rules->criteria_text);
        decision = truth == KJ_TRUE ? "approved" : truth == KJ_FALSE ? "rejected" : NULL;
        snprintf(reason, 200, "%.190s",
                 decision        ? "by the criteria"
                 : eval->skipped ? eval->skipped
                                 : "unknown");
        kj_explain_note(eval, frame, rules->preselection_at, decision, reason);
    }
    return decision;
}

static void put_overwrites(struct kj_eval *eval, bson_t *out)
{
    lua_State *L = eval->L;
    lua_rawgeti(L, LUA_REGISTRYINDEX, eval->rules->overwrites);
    if (lua_isfunction(L, -1)) {
        lua_pop(L, 1);
        kj_call_function(eval, eval->rules->overwrites, NULL, 1);
    }
    struct kj_convert state;
    kj_convert_init(&state, "preselection.overwrites");
    kj_convert_put(L, &state, out, "overwrites", lua_gettop(L));
    lua_pop(L, 1);
}

static void preselection(struct kj_eval *eval, void *arg)
{
    (void)arg;
    char reason[200] = "";
    struct kj_frame *frame = kj_enter_section(eval, "preselection");
    const char *decision = decide(eval, frame, reason);
    kj_doc_put_text(kj_frame_result(frame), "decision", decision ? decision : "unknown");
    kj_doc_put_text(kj_frame_result(frame), "reason", reason[0] ? reason : NULL);
    if (eval->rules->overwrites != KJ_NO_REF && decision && strcmp(decision, "approved") == 0) {
        put_overwrites(eval, kj_frame_result(frame));
    }
    kj_put_result(eval, "preselection", frame);
    kj_leave_section(eval, true);
}

void kj_plan_preselection(struct kj_eval *eval)
{
    if (eval->rules->preselection) {
        kj_guarded(eval, "preselection", preselection, NULL);
    }
}
