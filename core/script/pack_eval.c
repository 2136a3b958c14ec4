// From facts to a plan: the evaluation of one pack over one call. Pure: the same facts and pack
// give the same bytes.
#include "script/eval.h"

#include "base/alloc.h"
#include "script/sandbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
    struct kj_out *out = &eval->faults;
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
    size_t one = kj_out_open_item(out, eval->fault_count++);
    kj_out_text(out, "section", section);
    if (fault.place[0]) {
        kj_out_text(out, "at", fault.place);
    }
    kj_out_bytes(out, "text", fault.text, length);
    kj_out_close(out, one);
}

void kj_put_result(struct kj_eval *eval, const char *key, struct kj_frame *frame)
{
    size_t doc = kj_out_open(&eval->plan, BSON_TYPE_DOCUMENT, key);
    kj_out_members_of(&eval->plan, kj_frame_result(frame));
    kj_out_close(&eval->plan, doc);
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
    size_t written = eval->plan.length;
    if (!eval->careful) {
        eval->section = eval->guards++ ? eval->section : section;
        luaL_checkstack(L, 40, "section");
        fn(eval, arg);
        eval->guards--;
        lua_settop(L, top);
        return true;
    }
    luaL_checkstack(L, 8, "section");
    lua_pushcfunction(L, run_guarded);
    lua_pushlightuserdata(L, &guard);
    if (kj_vm_pcall(eval->vm, L, 1, 0) == LUA_OK) {
        return true;
    }
    unwind(eval, nesting);
    eval->plan.length = written; // half a part is none
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

// Nothing that an evaluation kept in the state is seen by the next.
static void reset_state(struct kj_eval *eval)
{
    lua_State *L = eval->L;
    lua_Integer count = 2 * (lua_Integer)eval->rules->variable_count;
    kj_sandbox_reset(L);
    if (eval->vm->values_ref == LUA_NOREF) {
        lua_createtable(L, (int)count, 0);
        eval->vm->values_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    }
    lua_rawgeti(L, LUA_REGISTRYINDEX, eval->vm->values_ref);
    for (lua_Integer i = 1; i <= count; i++) {
        lua_pushnil(L);
        lua_rawseti(L, -2, i);
    }
    lua_pop(L, 1);
}

// --- the plan ---

static void put_judgements(struct kj_eval *eval)
{
    const struct kj_rules *rules = eval->rules;
    struct kj_out *plan = &eval->plan;
    const char *success = kj_success(eval);
    double score;
    if (success) {
        kj_out_text(plan, "success", success);
    } else {
        kj_out_null(plan, "success");
    }
    for (size_t i = 0; i < rules->verdict_count; i++) {
        kj_verdict(eval, i);
    }
    size_t verdicts = kj_out_open(plan, BSON_TYPE_DOCUMENT, "verdicts");
    for (size_t i = 0; i < rules->verdict_count; i++) {
        const char *value = eval->reached ? eval->verdicts[i].value : "not_applicable";
        if (value) {
            kj_out_text(plan, rules->verdicts[i].name, value);
        }
    }
    kj_out_close(plan, verdicts);
    if (kj_score(eval, &score)) {
        kj_out_number(plan, "score", score);
    } else {
        kj_out_null(plan, "score");
    }
}

static void put_tags(struct kj_eval *eval)
{
    struct kj_out_index index;
    kj_tags(eval);
    size_t list = kj_out_open(&eval->plan, BSON_TYPE_ARRAY, "tags");
    for (size_t i = 0; i < eval->tag_count; i++) {
        kj_out_text(&eval->plan, kj_out_at(&index, (uint32_t)i), eval->tags[i]);
    }
    kj_out_close(&eval->plan, list);
}

static void put_call(struct kj_eval *eval)
{
    put_judgements(eval);
    const char *status = eval->kind == KJ_EVAL_CALL ? kj_lead_status(eval) : NULL;
    if (status) {
        kj_out_text(&eval->plan, "lead_status", status);
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

static void put_model(struct kj_eval *eval)
{
    struct kj_out *plan = &eval->plan;
    int64_t unknown = 0;
    for (size_t i = 0; i < eval->rules->text_count; i++) {
        unknown += eval->texts[i] == KJ_UNKNOWN;
    }
    size_t model = kj_out_open(plan, BSON_TYPE_DOCUMENT, "model");
    if (eval->skipped) {
        kj_out_text(plan, "skipped", eval->skipped);
    }
    kj_out_int(plan, "texts", (int64_t)eval->rules->text_count);
    kj_out_int(plan, "unknown", unknown);
    kj_out_close(plan, model);
}

// What every plan begins and ends with.
static void begin_plan(struct kj_eval *eval)
{
    static const char *const kinds[] = {"call", "preselection", "reevaluation"};
    eval->plan.length = 0;
    kj_out_text(&eval->plan, "kind", kinds[eval->kind]);
    kj_out_text(&eval->plan, "pack", eval->rules->name);
}

static void end_plan(struct kj_eval *eval)
{
    struct kj_out *plan = &eval->plan;
    kj_out_whole(plan, BSON_TYPE_ARRAY, "faults", &eval->faults);
    kj_out_whole(plan, BSON_TYPE_ARRAY, "explain", &eval->explain);
    put_model(eval);
    kj_out_bool(plan, "park", eval->park);
    if (eval->park) {
        kj_out_text(plan, "park_reason", eval->park_reason);
    }
}

// --- the place where it happens ---

// A state judges one call after the other: what holds a call is made once and kept with the state.
static struct kj_eval *room_of(struct kj_vm *vm, const struct kj_rules *rules)
{
    if (vm->room && vm->room->rules != rules) {
        kj_eval_destroy(vm->room);
        vm->room = NULL;
    }
    if (!vm->room) {
        // bson_t wants more alignment than malloc gives.
        struct kj_eval *eval = aligned_alloc(_Alignof(struct kj_eval), sizeof *eval);
        if (!eval) {
            abort();
        }
        memset(eval, 0, sizeof *eval);
        eval->rules = rules;
        eval->texts = kj_alloc((rules->text_count + 1) * sizeof *eval->texts);
        eval->variables = kj_alloc((rules->variable_count + 1) * sizeof *eval->variables);
        eval->verdicts = kj_alloc((rules->verdict_count + 1) * sizeof *eval->verdicts);
        vm->room = eval;
    }
    return vm->room;
}

static struct kj_eval *begin(struct kj_vm *vm, const struct kj_rules *rules, const bson_t *facts,
                             bool careful)
{
    struct kj_eval *eval = room_of(vm, rules);
    memset(eval, 0, offsetof(struct kj_eval, rules));
    memset(eval->variables, 0, rules->variable_count * sizeof *eval->variables);
    memset(eval->verdicts, 0, rules->verdict_count * sizeof *eval->verdicts);
    eval->plan.length = eval->explain.length = eval->faults.length = 0;
    eval->vm = vm;
    eval->L = vm->L;
    eval->careful = careful;
    vm->epoch++;
    if (!bson_init_static(&eval->facts, bson_get_data(facts), facts->len)) {
        bson_init(&eval->facts);
    }
    kj_buf_init(&eval->spoken, 0);
    kj_eval_take_facts(eval);
    begin_plan(eval);
    return eval;
}

void kj_eval_destroy(struct kj_eval *eval)
{
    if (!eval) {
        return;
    }
    for (int i = 0; i < KJ_MAX_NESTING; i++) {
        kj_out_fini(&eval->frames[i].entry);
        kj_out_fini(&eval->frames[i].skipped);
        kj_out_fini(&eval->frames[i].matched);
    }
    kj_out_fini(&eval->plan);
    kj_out_fini(&eval->explain);
    kj_out_fini(&eval->faults);
    free(eval->texts);
    free(eval->variables);
    free(eval->verdicts);
    free(eval);
}

static void end(struct kj_eval *eval)
{
    unwind(eval, 0);
    kj_buf_fini(&eval->spoken);
}

static int judge(struct kj_eval *eval, struct kj_fault *stopped)
{
    struct kj_vm *vm = eval->vm;
    vm->eval = eval;
    if (eval->careful) {
        kj_vm_begin(vm);
    } else {
        kj_vm_begin_uncounted(vm);
    }
    int status = kj_vm_protect(vm, body, eval, stopped);
    kj_vm_end(vm);
    vm->eval = NULL;
    vm->language = "en";
    return status;
}

// A limit, or a fault outside any section: nothing that was computed is to be trusted.
static void put_stopped(struct kj_eval *eval, const struct kj_fault *stopped)
{
    unwind(eval, 0);
    begin_plan(eval);
    if (eval->fault_count == 0) {
        char text[sizeof stopped->place + sizeof stopped->text + 4];
        snprintf(text, sizeof text, "%s%s%s", stopped->place, stopped->place[0] ? ": " : "",
                 stopped->text);
        kj_add_fault(eval, eval->guards ? eval->section : "plan", text);
    }
    kj_out_null(&eval->plan, "success");
    kj_out_null(&eval->plan, "score");
    if (eval->vm->stop) {
        kj_out_bool(&eval->plan, "limit", true);
    }
    eval->park = true;
    snprintf(eval->park_reason, sizeof eval->park_reason, "%.290s", stopped->text);
}

// Sections are kept from each other by a protected call each, which most evaluations pay for
// nothing: 4 % of their time. So a call is judged without them first; when anything raises, what
// was computed is forgotten and the same facts are judged once more, carefully. Twice the budget
// at most, and the same plan: an evaluation sees nothing of the one before it.
int kj_eval_run(struct kj_vm *vm, const struct kj_rules *rules, const bson_t *facts, bson_t **plan,
                struct kj_fault *fault)
{
    bson_iter_t at;
    if (!bson_iter_init(&at, facts)) { // what is inside is checked as it is read
        return kj_fault(fault, KJ_EINVAL, NULL, NULL, "the facts are no valid document");
    }
    struct kj_fault stopped = {0};
    struct kj_eval *eval = begin(vm, rules, facts, false);
    int status = judge(eval, &stopped);
    if (status && kj_vm_try_counted(vm)) {
        end(eval);
        eval = begin(vm, rules, facts, true);
        status = judge(eval, &stopped);
    }
    if (status) {
        put_stopped(eval, &stopped);
    }
    end_plan(eval);
    *plan = kj_out_doc(&eval->plan);
    end(eval);
    return 0;
}
