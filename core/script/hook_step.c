// Steps: one outward call each, under a key of its own. A recorded step is answered from the
// record, so that a re-run does nothing twice.
#include "base/alloc.h"
#include "script/convert.h"
#include "script/hook.h"
#include "script/sandbox.h"
#include "script/time_lib.h"
#include "script/view.h"

#include <stdio.h>
#include <string.h>

struct kj_hook_run *kj_hook_run_of(lua_State *L, const char *name)
{
    struct kj_vm *vm = kj_vm_of(L);
    if (!vm->run) {
        luaL_error(L,
                   vm->steps ? "kejue.%s works inside run = function(ev) … end only"
                             : "kejue.%s is for hooks: a rule judges and does nothing outside; "
                               "return the wish as an effect, or write a hook in scripts/hooks",
                   name);
    }
    return vm->run;
}

void kj_hook_check_use(lua_State *L, const struct kj_hook_run *run, const char *verb)
{
    const struct kj_hook_def *hook = run->hook;
    for (size_t i = 0; i < hook->use_count; i++) {
        if (strcmp(hook->uses[i], verb) == 0) {
            return;
        }
    }
    const char *near = kj_nearest(verb, hook->uses, hook->use_count);
    if (near) {
        luaL_error(L, "\"%s\" is not in the uses of this hook; did you mean \"%s\"?", verb, near);
    }
    luaL_error(L, "\"%s\" is not in the uses of this hook: add it, uses = { \"%s\" }", verb, verb);
}

// The options at `index`: key, within. The key defaults to the verb with _ for dots.
static void take_options(lua_State *L, int index, struct kj_step *step)
{
    for (size_t i = 0; step->verb[i]; i++) {
        step->key[i] = step->verb[i] == '.' ? '_' : step->verb[i];
        step->key[i + 1] = '\0';
    }
    if (lua_isnoneornil(L, index)) {
        return;
    }
    luaL_checktype(L, index, LUA_TTABLE);
    kj_raw_table(L, index);
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
        const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
        const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
        if (strcmp(key, "key") == 0) {
            if (!*text || strlen(text) >= sizeof step->key ||
                text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                  "_-:")]) {
                luaL_error(L, "a key has 1 to 63 letters, digits, _ - and :");
            }
            snprintf(step->key, sizeof step->key, "%s", text);
        } else if (strcmp(key, "within") == 0) {
            if (!kj_span_parse(text, &step->within_ms)) {
                luaL_error(L, "within must be a span like \"5s\"");
            }
        } else {
            luaL_error(L, "there is no option \"%s\" of a call; there is key and within", key);
        }
    }
    lua_pop(L, 1);
}

// Makes a step of (verb, table of arguments at `args`, options at `options`). Its answer is there
// already when it was recorded.
struct kj_step *kj_hook_new_step(lua_State *L, struct kj_hook_run *run, const char *verb, int args,
                                 int options)
{
    struct kj_convert state;
    if (run->step_count == KJ_MAX_STEPS) {
        luaL_error(L, "more than %d steps in one hook", KJ_MAX_STEPS);
    }
    if (strlen(verb) >= sizeof run->steps[0].verb) {
        luaL_error(L, "\"%s\" is no verb", verb);
    }
    if (!run->steps) {
        run->steps = kj_alloc(KJ_MAX_STEPS * sizeof *run->steps);
    }
    struct kj_step *step = &run->steps[run->step_count];
    kj_doc_clear(&step->args); // of a step that failed to be made
    memset(step, 0, sizeof *step);
    snprintf(step->verb, sizeof step->verb, "%s", verb);
    take_options(L, options, step);
    for (size_t i = 0; i < run->step_count; i++) {
        if (strcmp(run->steps[i].key, step->key) == 0) {
            luaL_error(L, "two steps have the key \"%s\": give each its own, { key = \"…\" }",
                       step->key);
        }
    }
    step->args = bson_new();
    if (!lua_isnoneornil(L, args)) {
        kj_convert_init(&state, verb);
        kj_convert_members(L, &state, step->args, args);
    }
    bson_t answer;
    if (kj_doc_child(run->recorded, step->key, &answer)) {
        step->answer = bson_copy(&answer);
        step->asked = true;
    }
    run->step_count++;
    return step;
}

static void push_error(lua_State *L, const bson_t *answer)
{
    int64_t wait = kj_doc_int(answer, "error.retry_after_ms", 0);
    lua_createtable(L, 0, 4);
    lua_pushstring(L, kj_doc_text(answer, "error.class", "unknown"));
    lua_setfield(L, -2, "class");
    lua_pushstring(L, kj_doc_text(answer, "error.code", ""));
    lua_setfield(L, -2, "code");
    lua_pushstring(L, kj_doc_text(answer, "error.text", "the step failed"));
    lua_setfield(L, -2, "text");
    if (wait > 0) { // a span, as kejue.retry takes it
        lua_pushfstring(L, "%Is", (lua_Integer)((wait + 999) / 1000));
        lua_setfield(L, -2, "retry_after");
    }
}

// Pushes result, or nil and the error.
int kj_hook_push_answer(lua_State *L, const struct kj_step *step)
{
    bson_t result, nothing = BSON_INITIALIZER;
    if (!kj_doc_bool(step->answer, "ok", false)) {
        lua_pushnil(L);
        push_error(L, step->answer);
        return 2;
    }
    bool there = kj_doc_child(step->answer, "result", &result);
    struct kj_flat *flat = kj_flat_create(there ? &result : &nothing);
    kj_view_push(L, flat, &kj_shape_open);
    kj_flat_unref(flat);
    return 1;
}

void kj_hook_check_wait(lua_State *L, const char *name)
{
    if (!lua_isyieldable(L)) {
        luaL_error(L,
                   "kejue.%s cannot wait here (inside table.sort, string.gsub or another "
                   "function of the library): collect first, then call",
                   name);
    }
}

static int after_step(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    return kj_hook_push_answer(L, &kj_vm_of(L)->run->steps[context]);
}

int kj_hook_wait_for(lua_State *L, const char *name, const struct kj_step *step)
{
    struct kj_hook_run *run = kj_vm_of(L)->run;
    lua_KContext context = step - run->steps;
    if (step->answer) {
        return kj_hook_push_answer(L, step);
    }
    kj_hook_check_wait(L, name);
    return lua_yieldk(L, 0, context, after_step);
}
