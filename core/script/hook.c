// The stepper of hooks: one coroutine of ours per run, never the script's own. A state serves one
// run at a time, so that a limit hit by one hook ends only that hook.
#include "script/hook.h"

#include "base/alloc.h"
#include "script/convert.h"
#include "script/pack_check.h"
#include "script/sandbox.h"
#include "script/sources.h"
#include "script/time_lib.h"
#include "script/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// --- loading ---

struct loading {
    struct kj_hook_file *file;
    struct kj_lines lines;
};

static int fail_at(lua_State *L, const struct loading *loading, const char *text)
{
    return luaL_error(L, "%s:%d: %s", loading->file->path, kj_lines_near(&loading->lines, ""),
                      text);
}

static char *keep(lua_State *L)
{
    return kj_strdup(lua_tostring(L, -1));
}

static void take_uses(lua_State *L, const struct loading *loading, struct kj_hook_def *hook)
{
    if (lua_getfield(L, -1, "uses") == LUA_TNIL) {
        lua_pop(L, 1);
        return;
    }
    if (!lua_istable(L, -1) || lua_rawlen(L, -1) > KJ_MAX_USES) {
        fail_at(L, loading, "uses is a list of verbs, like { \"calendar.book\" }");
    }
    size_t count = lua_rawlen(L, -1);
    hook->uses = kj_alloc((count + 1) * sizeof *hook->uses);
    for (size_t i = 0; i < count; i++) {
        if (lua_rawgeti(L, -1, (lua_Integer)i + 1) != LUA_TSTRING) {
            fail_at(L, loading, "uses is a list of verbs, like { \"calendar.book\" }");
        }
        hook->uses[hook->use_count++] = keep(L);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

static void take_every(lua_State *L, const struct loading *loading, struct kj_hook_def *hook)
{
    bool given = lua_getfield(L, -1, "every") != LUA_TNIL, wanted = kj_streq(hook->on, "schedule");
    if (given != wanted || (given && (lua_type(L, -1) != LUA_TSTRING ||
                                      !kj_span_parse(lua_tostring(L, -1), &hook->every_ms) ||
                                      hook->every_ms < KJ_LEAST_EVERY_MS))) {
        luaL_error(L,
                   "%s:%d: a hook on a schedule says how often: on = \"schedule\", every = \"1h\" "
                   "(at least \"1m\")",
                   loading->file->path, hook->line);
    }
    lua_pop(L, 1);
}

// The hook's table is on top.
static void take_hook(lua_State *L, struct loading *loading)
{
    static const char *const names[] = {"on", "uses", "run", "name", "every"};
    struct kj_hook_file *file = loading->file;
    if (lua_rawgetp(L, -1, &kj_key_declared) == LUA_TNIL || file->count == KJ_MAX_HOOKS_A_FILE) {
        fail_at(L, loading, "the file must end with: return kejue.hook { … } (or a list of them)");
    }
    struct kj_hook_def *hook = &file->hooks[file->count++];
    hook->line = (int)lua_tointeger(L, -1);
    lua_pop(L, 1);
    lua_pushnil(L);
    lua_rawsetp(L, -2, &kj_key_declared);
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
        const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
        bool known = false;
        for (size_t i = 0; i < KJ_COUNT(names); i++) {
            known = known || strcmp(names[i], key) == 0;
        }
        if (!known) {
            const char *near = kj_nearest(key, names, KJ_COUNT(names));
            luaL_error(L, "%s:%d: there is no field \"%s\" of a hook%s%s%s", file->path, hook->line,
                       key, near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
        }
    }
    if (lua_getfield(L, -1, "on") != LUA_TSTRING) {
        luaL_error(L, "%s:%d: a hook names its event: on = \"call.analyzed\"", file->path,
                   hook->line);
    }
    hook->on = keep(L);
    lua_pop(L, 1);
    take_uses(L, loading, hook);
    take_every(L, loading, hook);
    if (lua_getfield(L, -1, "run") != LUA_TFUNCTION) {
        luaL_error(L, "%s:%d: a hook needs run = function(ev) … end", file->path, hook->line);
    }
    hook->run = luaL_ref(L, LUA_REGISTRYINDEX);
}

static int load_hooks(lua_State *L)
{
    struct loading *loading = lua_touserdata(L, 1);
    luaL_checkstack(L, 40, "hooks");
    kj_sandbox_run_file(L, loading->file->path);
    int top = lua_gettop(L);
    if (!lua_istable(L, top)) {
        return fail_at(L, loading, "the file must end with: return kejue.hook { … }");
    }
    size_t count = lua_rawlen(L, top);
    if (count == 0) {
        take_hook(L, loading);
    }
    for (size_t i = 0; i < count; i++) {
        if (lua_rawgeti(L, top, (lua_Integer)i + 1) != LUA_TTABLE) {
            return fail_at(L, loading, "the list that is returned holds only kejue.hook { … }");
        }
        take_hook(L, loading);
        lua_settop(L, top);
    }
    lua_createtable(L, 2, 0);
    lua_pushvalue(L, top);
    lua_rawseti(L, -2, 1);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &kj_key_loaded);
    lua_rawseti(L, -2, 2);
    kj_sandbox_freeze(L);
    return 0;
}

int kj_hook_file_load(struct kj_vm *vm, const char *path, struct kj_hook_file **out,
                      struct kj_fault *fault)
{
    const struct kj_source *source = kj_sources_get(vm->sources, path);
    struct kj_hook_file *file = KJ_NEW(struct kj_hook_file);
    struct loading loading = {.file = file};
    file->vm = vm;
    file->path = kj_strdup(path);
    file->hooks = kj_alloc(KJ_MAX_HOOKS_A_FILE * sizeof *file->hooks);
    kj_lines_init(&loading.lines, source ? source->text : "", source ? source->length : 0, "hook");
    vm->loading = true;
    kj_vm_begin(vm);
    int status = kj_vm_protect(vm, load_hooks, &loading, fault);
    kj_vm_end(vm);
    vm->loading = false;
    kj_lines_fini(&loading.lines);
    if (status) {
        if (fault && !fault->place[0]) {
            snprintf(fault->place, sizeof fault->place, "%s", path);
        }
        kj_hook_file_destroy(file);
        return status;
    }
    *out = file;
    return 0;
}

void kj_hook_file_destroy(struct kj_hook_file *file)
{
    if (!file) {
        return;
    }
    for (size_t i = 0; i < file->count; i++) {
        for (size_t use = 0; use < file->hooks[i].use_count; use++) {
            free((char *)file->hooks[i].uses[use]);
        }
        free(file->hooks[i].uses);
        free((char *)file->hooks[i].on);
    }
    free(file->hooks);
    free(file->path);
    free(file);
}

void kj_hook_file_list(const struct kj_hook_file *file, struct kj_doc_list *list)
{
    const char *slash = strrchr(file->path, '/');
    for (size_t i = 0; i < file->count; i++) {
        char name[200];
        bson_t one = BSON_INITIALIZER, uses = BSON_INITIALIZER;
        struct kj_doc_list use_list = {.array = &uses};
        snprintf(name, sizeof name, "%s:%zu", slash ? slash + 1 : file->path, i + 1);
        kj_doc_put_text(&one, "file", name);
        kj_doc_put_text(&one, "on", file->hooks[i].on);
        kj_doc_put_int(&one, "line", file->hooks[i].line);
        if (file->hooks[i].every_ms)
            kj_doc_put_int(&one, "every_ms", file->hooks[i].every_ms);
        for (size_t use = 0; use < file->hooks[i].use_count; use++) {
            kj_doc_put_text(&uses, kj_doc_next(&use_list), file->hooks[i].uses[use]);
        }
        kj_doc_put_array(&one, "uses", &uses);
        kj_doc_put_doc(list->array, kj_doc_next(list), &one);
        bson_destroy(&uses);
        bson_destroy(&one);
    }
}

// --- running ---

struct kj_hook_run *kj_hook_begin(struct kj_hook_file *file, size_t index,
                                  struct kj_flat *event_take, const bson_t *recorded)
{
    if (index < 1 || index > file->count) {
        kj_flat_unref(event_take);
        return NULL;
    }
    struct kj_hook_run *run = KJ_NEW_UP_TO(struct kj_hook_run, fault.text[1]);
    run->file = file;
    run->hook = &file->hooks[index - 1];
    run->event = event_take;
    run->recorded = recorded ? bson_copy(recorded) : NULL;
    run->thread_ref = run->together_ref = LUA_NOREF;
    return run;
}

// A coroutine of our own. One that ended well serves again: a new one for each run is a kilobyte of
// garbage.
static void take_thread(lua_State *L, struct kj_hook_run *run)
{
    struct kj_hook_file *file = run->file;
    if (file->spare == NULL) {
        run->thread = lua_newthread(L);
        run->thread_ref = luaL_ref(L, LUA_REGISTRYINDEX);
        return;
    }
    run->thread = file->spare;
    run->thread_ref = file->spare_ref;
    file->spare = NULL;
    lua_sethook(run->thread, lua_gethook(L), lua_gethookmask(L), lua_gethookcount(L)); // anew
}

static int start(lua_State *L)
{
    struct kj_hook_run *run = lua_touserdata(L, 1);
    luaL_checkstack(L, 20, "hook");
    kj_sandbox_reset(L);
    take_thread(L, run);
    lua_rawgeti(run->thread, LUA_REGISTRYINDEX, run->hook->run);
    static const struct kj_shape event = {"ev", true, NULL, 0};
    kj_view_push(run->thread, run->event, &event);
    kj_flat_unref(run->event);
    run->event = NULL;
    return 0;
}

static void end_with_fault(struct kj_hook_run *run, const char *message)
{
    struct kj_vm *vm = run->file->vm;
    run->ended = true;
    run->status = vm->stop ? KJ_ELIMIT : KJ_EPARSE;
    kj_vm_fault(&run->fault, run->status, message);
}

static int64_t field_ms(lua_State *L, const char *name)
{
    lua_getfield(L, -1, name);
    int64_t value = lua_tointeger(L, -1);
    lua_pop(L, 1);
    return value;
}

// The result of run(ev) is on top of the coroutine; here it becomes a document.
static int take_result(lua_State *L)
{
    struct kj_hook_run *run = lua_touserdata(L, 1);
    luaL_checkstack(L, 20, "result");
    run->result = bson_new();
    if (lua_gettop(run->thread) == 0) {
        lua_pushnil(run->thread);
    }
    lua_settop(run->thread, 1);
    lua_xmove(run->thread, L, 1);
    bool retry = lua_istable(L, -1) && lua_rawgetp(L, -1, &kj_key_declared) != LUA_TNIL;
    if (lua_istable(L, 2)) {
        lua_settop(L, 2);
    }
    if (retry) {
        kj_doc_put_text(run->result, "outcome", "retry");
        kj_doc_put_int(run->result, "retry_after_ms", field_ms(L, "after_ms"));
        kj_doc_put_int(run->result, "attempts", field_ms(L, "attempts"));
        kj_doc_put_int(run->result, "expires_ms", field_ms(L, "expires_ms"));
        lua_getfield(L, -1, "reason");
        kj_doc_put_text(run->result, "reason", lua_tostring(L, -1));
        return 0;
    }
    struct kj_convert state;
    kj_doc_put_text(run->result, "outcome", "done");
    kj_convert_init(&state, "the result of run");
    kj_convert_put(L, &state, run->result, "value", lua_gettop(L));
    return 0;
}

static void finish(struct kj_hook_run *run)
{
    run->ended = true;
    run->status = kj_vm_protect(run->file->vm, take_result, run, &run->fault);
    if (run->status) {
        bson_destroy(run->result);
        run->result = NULL;
    }
}

void kj_hook_step(struct kj_hook_run *run)
{
    struct kj_vm *vm = run->file->vm;
    int results = 0;
    vm->run = run;
    kj_vm_begin(vm);
    if (!run->started) {
        run->started = true;
        run->status = kj_vm_protect(vm, start, run, &run->fault);
        run->ended = run->status != 0;
    }
    if (!run->ended) {
        run->sleep_ms = 0;
        run->waits_from = run->step_count;
        int arguments = lua_status(run->thread) == LUA_YIELD ? 0 : 1;
        int status = lua_resume(run->thread, vm->L, arguments, &results);
        kj_vm_status(vm, status > LUA_YIELD ? status : LUA_OK);
        if (status == LUA_OK) {
            finish(run);
        } else if (status != LUA_YIELD) {
            const char *message = kj_vm_message(vm, run->thread);
            end_with_fault(run, message ? message : "an error that is no text was raised");
        } else {
            lua_pop(run->thread, results);
        }
    }
    kj_vm_end(vm);
    vm->run = NULL;
}

bool kj_hook_waits(const struct kj_hook_run *run)
{
    for (size_t i = run->waits_from; i < run->step_count; i++) {
        if (!run->steps[i].answer) {
            return true;
        }
    }
    return false;
}

void kj_hook_release(struct kj_hook_run *run)
{
    struct kj_hook_file *file = run->file;
    run->file = NULL;
    if (file == NULL || file->vm->stop) { // a stopped state is thrown away
        return;
    }
    if (run->ended && run->status == 0 && file->spare == NULL) {
        lua_settop(run->thread, 0);
        file->spare = run->thread;
        file->spare_ref = run->thread_ref;
    } else {
        luaL_unref(file->vm->L, LUA_REGISTRYINDEX, run->thread_ref);
    }
}

void kj_hook_end(struct kj_hook_run *run)
{
    if (!run) {
        return;
    }
    kj_hook_release(run);
    for (size_t i = 0; i < run->step_count; i++) {
        kj_doc_clear(&run->steps[i].args);
        kj_doc_clear(&run->steps[i].answer);
    }
    kj_flat_unref(run->event);
    kj_doc_clear(&run->recorded);
    kj_doc_clear(&run->result);
    free(run->steps);
    free(run);
}
