// From facts to a plan: the evaluation of one pack over one call. Pure: the same facts and pack
// give the same bytes.
#include "script/eval.h"

#include "base/alloc.h"
#include "model/zone.h"
#include "script/sandbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char k_no_model[] = "no model has answered";

void kj_put_number(bson_t *doc, const char *key, double value)
{
    if (value == (double)(int64_t)value) {
        bson_append_int64(doc, key, -1, (int64_t)value);
    } else {
        bson_append_double(doc, key, -1, value);
    }
}

void kj_call_function(struct kj_eval *eval, int reference, const char *language, int results)
{
    lua_State *L = eval->L;
    luaL_checkstack(L, results + 8, "call");
    lua_rawgeti(L, LUA_REGISTRYINDEX, reference);
    kj_call_push(eval);
    if (language) {
        lua_pushstring(L, language);
    }
    lua_call(L, language ? 2 : 1, results);
}

// --- faults and guards ---

void kj_add_fault(struct kj_eval *eval, const char *section, const char *message)
{
    struct kj_fault fault = {0};
    char digits[16];
    const char *key;
    bson_t one;
    if (eval->fault_count == KJ_MAX_FAULTS) {
        return;
    }
    kj_vm_fault(&fault, KJ_EPARSE, message);
    snprintf(eval->last_fault, sizeof eval->last_fault, "%s: %.60s%s%.180s", section, fault.place,
             fault.place[0] ? ": " : "", fault.text);
    size_t length = strlen(fault.text);
    while (length > 0 && !kj_utf8_valid(fault.text, length)) {
        length--;
    }
    bson_uint32_to_string(eval->fault_count++, &key, digits, sizeof digits);
    bson_append_document_begin(&eval->faults, key, -1, &one);
    bson_append_utf8(&one, "section", -1, section, -1);
    if (fault.place[0]) {
        bson_append_utf8(&one, "at", -1, fault.place, -1);
    }
    bson_append_utf8(&one, "text", -1, fault.text, (int)length);
    bson_append_document_end(&eval->faults, &one);
}

struct guard {
    struct kj_eval *eval;
    void (*fn)(struct kj_eval *, void *);
    void *arg;
};

static int run_guarded(lua_State *L)
{
    struct guard *guard = lua_touserdata(L, 1);
    luaL_checkstack(L, 40, "section");
    guard->fn(guard->eval, guard->arg);
    return 0;
}

static void unwind(struct kj_eval *eval, int nesting)
{
    while (eval->nesting > nesting) {
        kj_leave_section(eval, false);
    }
}

bool kj_guarded(struct kj_eval *eval, const char *section, void (*fn)(struct kj_eval *, void *),
                void *arg)
{
    lua_State *L = eval->L;
    struct guard guard = {eval, fn, arg};
    int nesting = eval->nesting, top = lua_gettop(L);
    luaL_checkstack(L, 8, "section");
    lua_pushcfunction(L, run_guarded);
    lua_pushlightuserdata(L, &guard);
    if (kj_vm_pcall(eval->vm, L, 1, 0) == LUA_OK) {
        return true;
    }
    unwind(eval, nesting);
    const char *message = kj_vm_message(eval->vm, L);
    if (eval->vm->stop) {
        if (nesting == 0) {
            kj_add_fault(eval, section, message);
        }
        lua_error(L); // the whole evaluation ends
    }
    kj_add_fault(eval, section, message);
    lua_settop(L, top);
    return false;
}

// --- before ---

static void take_texts(struct kj_eval *eval)
{
    const struct kj_rules *rules = eval->rules;
    bson_t answers;
    bson_iter_t at;
    bool asked = kj_doc_child(&eval->facts, "answers.texts", &answers);
    eval->skipped = kj_doc_text(&eval->facts, "answers.skipped", NULL);
    if (!eval->skipped && !kj_doc_has(&eval->facts, "answers")) {
        eval->skipped = k_no_model;
    }
    for (size_t i = 0; i < rules->text_count; i++) {
        eval->texts[i] = KJ_UNKNOWN;
        bool there = asked && !eval->skipped && bson_iter_init(&at, &answers) &&
                     bson_iter_find(&at, rules->texts[i]);
        if (there && BSON_ITER_HOLDS_BOOL(&at)) {
            eval->texts[i] = bson_iter_bool(&at) ? KJ_TRUE : KJ_FALSE;
        }
    }
}

static void take_language(struct kj_eval *eval)
{
    const char *language = kj_doc_text(&eval->facts, "call.language", NULL);
    language = language ? language : kj_doc_text(&eval->facts, "lead.language", NULL);
    language = language ? language : "en";
    kj_copy(eval->language, sizeof eval->language, language);
    eval->vm->language = eval->language;
}

static void take_zone(struct kj_eval *eval)
{
    const char *name = kj_doc_text(&eval->facts, "lead.timezone", NULL);
    const struct kj_zone *zone = name ? kj_zone_get(name) : NULL;
    eval->vm->zone = zone ? zone : kj_zone_get("UTC");
}

static void take_facts(struct kj_eval *eval)
{
    const char *kind = kj_doc_text(&eval->facts, "kind", "call");
    eval->kind = strcmp(kind, "preselection") == 0   ? KJ_EVAL_PRESELECTION
                 : strcmp(kind, "reevaluation") == 0 ? KJ_EVAL_REEVALUATION
                                                     : KJ_EVAL_CALL;
    eval->reached = kj_doc_bool(&eval->facts, "call.reached", false);
    take_texts(eval);
    take_language(eval);
    take_zone(eval);
    kj_rng_keyed(&eval->vm->rng, kj_hash(eval->rules->name, strlen(eval->rules->name)),
                 kj_doc_text(&eval->facts, "lead.id", ""),
                 (uint64_t)kj_doc_int(&eval->facts, "call.attempt", 0));
}

// Fresh tables for what this evaluation keeps in the state.
static void reset_state(struct kj_eval *eval)
{
    lua_State *L = eval->L;
    kj_sandbox_reset(L);
    lua_newtable(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &kj_key_values);
    kj_call_push(eval);
    lua_newtable(L);
    lua_setiuservalue(L, -2, 1);
    lua_pop(L, 1);
}

// --- the plan ---

static void put_judgements(struct kj_eval *eval)
{
    const struct kj_rules *rules = eval->rules;
    bson_t *plan = &eval->plan;
    const char *success = kj_success(eval);
    double score;
    if (success) {
        bson_append_utf8(plan, "success", -1, success, -1);
    } else {
        bson_append_null(plan, "success", -1);
    }
    for (size_t i = 0; i < rules->verdict_count; i++) {
        kj_verdict(eval, i);
    }
    bson_t verdicts;
    bson_append_document_begin(plan, "verdicts", -1, &verdicts);
    for (size_t i = 0; i < rules->verdict_count; i++) {
        const char *value = eval->reached ? eval->verdicts[i].value : "not_applicable";
        if (value) {
            bson_append_utf8(&verdicts, rules->verdicts[i].name, -1, value, -1);
        }
    }
    bson_append_document_end(plan, &verdicts);
    if (kj_score(eval, &score)) {
        kj_put_number(plan, "score", score);
    } else {
        bson_append_null(plan, "score", -1);
    }
}

static void put_tags(struct kj_eval *eval)
{
    bson_t list;
    kj_tags(eval);
    bson_append_array_begin(&eval->plan, "tags", -1, &list);
    for (size_t i = 0; i < eval->tag_count; i++) {
        char digits[16];
        const char *key;
        bson_uint32_to_string((uint32_t)i, &key, digits, sizeof digits);
        bson_append_utf8(&list, key, -1, eval->tags[i], -1);
    }
    bson_append_array_end(&eval->plan, &list);
}

static void put_call(struct kj_eval *eval)
{
    put_judgements(eval);
    const char *status = eval->kind == KJ_EVAL_CALL ? kj_lead_status(eval) : NULL;
    if (status) {
        bson_append_utf8(&eval->plan, "lead_status", -1, status, -1);
    }
    put_tags(eval);
    kj_plan_variables(eval);
    if (eval->kind == KJ_EVAL_CALL) {
        kj_plan_opt_out(eval);
        kj_plan_lead_changes(eval);
        kj_plan_follow_up(eval);
        kj_plan_template(eval);
        kj_plan_effects(eval);
    }
}

static int body(lua_State *L)
{
    struct kj_eval *eval = lua_touserdata(L, 1);
    luaL_checkstack(L, 60, "evaluation");
    reset_state(eval);
    if (eval->kind == KJ_EVAL_PRESELECTION) {
        kj_plan_preselection(eval);
    } else {
        put_call(eval);
    }
    return 0;
}

static void put_model(struct kj_eval *eval, bson_t *plan)
{
    bson_t model;
    int64_t unknown = 0;
    for (size_t i = 0; i < eval->rules->text_count; i++) {
        unknown += eval->texts[i] == KJ_UNKNOWN;
    }
    bson_append_document_begin(plan, "model", -1, &model);
    if (eval->skipped) {
        bson_append_utf8(&model, "skipped", -1, eval->skipped, -1);
    }
    bson_append_int64(&model, "texts", -1, (int64_t)eval->rules->text_count);
    bson_append_int64(&model, "unknown", -1, unknown);
    bson_append_document_end(plan, &model);
}

// What every plan begins and ends with.
static void begin_plan(struct kj_eval *eval)
{
    static const char *const kinds[] = {"call", "preselection", "reevaluation"};
    bson_append_utf8(&eval->plan, "kind", -1, kinds[eval->kind], -1);
    bson_append_utf8(&eval->plan, "pack", -1, eval->rules->name, -1);
}

static void end_plan(struct kj_eval *eval)
{
    bson_append_array(&eval->plan, "faults", -1, &eval->faults);
    bson_append_array(&eval->plan, "explain", -1, &eval->explain);
    put_model(eval, &eval->plan);
    bson_append_bool(&eval->plan, "park", -1, eval->park);
    if (eval->park) {
        bson_append_utf8(&eval->plan, "park_reason", -1, eval->park_reason, -1);
    }
}

static struct kj_eval *create(struct kj_vm *vm, const struct kj_rules *rules, const bson_t *facts)
{
    // bson_t wants more alignment than malloc gives; the frames are begun when they are entered.
    struct kj_eval *eval = aligned_alloc(_Alignof(struct kj_eval), sizeof *eval);
    if (!eval) {
        abort();
    }
    memset(eval, 0, offsetof(struct kj_eval, frames));
    eval->vm = vm;
    eval->L = vm->L;
    eval->rules = rules;
    eval->flat = kj_flat_create(facts);
    kj_flat_doc(eval->flat, &eval->facts);
    eval->texts = kj_alloc((rules->text_count + 1) * sizeof *eval->texts);
    eval->variables = kj_alloc((rules->variable_count + 1) * sizeof *eval->variables);
    eval->verdicts = kj_alloc((rules->verdict_count + 1) * sizeof *eval->verdicts);
    kj_buf_init(&eval->spoken, 0);
    bson_init(&eval->plan);
    bson_init(&eval->explain);
    bson_init(&eval->faults);
    return eval;
}

static void destroy(struct kj_eval *eval)
{
    unwind(eval, 0);
    bson_destroy(&eval->plan);
    bson_destroy(&eval->explain);
    bson_destroy(&eval->faults);
    kj_buf_fini(&eval->spoken);
    free(eval->texts);
    free(eval->variables);
    free(eval->verdicts);
    kj_flat_unref(eval->flat);
    free(eval);
}

int kj_eval_run(struct kj_vm *vm, const struct kj_rules *rules, const bson_t *facts, bson_t **plan,
                struct kj_fault *fault)
{
    bson_iter_t at;
    if (!bson_iter_init(&at, facts)) { // what is inside is checked as it is read
        return kj_fault(fault, KJ_EINVAL, NULL, NULL, "the facts are no valid document");
    }
    struct kj_eval *eval = create(vm, rules, facts);
    struct kj_fault stopped = {0};
    take_facts(eval);
    begin_plan(eval);
    vm->eval = eval;
    kj_vm_begin(vm);
    int status = kj_vm_protect(vm, body, eval, &stopped);
    kj_vm_end(vm);
    vm->eval = NULL;
    vm->language = "en";
    if (status) {
        // A limit, or a fault outside any section: nothing that was computed is to be trusted.
        unwind(eval, 0);
        bson_reinit(&eval->plan);
        begin_plan(eval);
        if (eval->fault_count == 0) {
            char text[sizeof stopped.place + sizeof stopped.text + 4];
            snprintf(text, sizeof text, "%s%s%s", stopped.place, stopped.place[0] ? ": " : "",
                     stopped.text);
            kj_add_fault(eval, "plan", text);
        }
        bson_append_null(&eval->plan, "success", -1);
        bson_append_null(&eval->plan, "score", -1);
        eval->park = true;
        snprintf(eval->park_reason, sizeof eval->park_reason, "%.290s", stopped.text);
    }
    end_plan(eval);
    *plan = bson_copy(&eval->plan);
    destroy(eval);
    return 0;
}
