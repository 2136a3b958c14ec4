// Running the file of tests beside a pack or hook file. A hook is tested by the list of its steps:
// the test answers them; afterwards the hook is run again from the record and must ask nothing and
// end the same way.
#include "base/alloc.h"
#include "script/cell.h"
#include "script/convert.h"
#include "script/pack_check.h"
#include "script/sandbox.h"
#include "script/tests_lua.h"
#include "script/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TESTS = 500 };

// --- tests of a hook ---

struct hook_test {
    struct kj_test *test;
    struct kj_hook_run *run;
    bson_t *event, *recorded;
    int64_t index;
    size_t step; // how many were answered
};

static int read_event(lua_State *L)
{
    static const char *const names[] = {"event", "steps", "result", "index"};
    struct hook_test *hook = lua_touserdata(L, 1);
    luaL_checkstack(L, 60, "test");
    lua_rawgeti(L, LUA_REGISTRYINDEX, hook->test->table);
    int table = lua_gettop(L);
    kj_sorted_keys(L, table);
    for (lua_Integer i = 1; lua_rawgeti(L, -1, i) != LUA_TNIL; i++) {
        const char *key = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : names[0];
        bool known = false;
        for (size_t n = 0; n < KJ_COUNT(names); n++) {
            known = known || strcmp(names[n], key) == 0;
        }
        if (!known) {
            luaL_error(L,
                       "there is no field \"%s\" of a test; it has a name, event, steps, result "
                       "and index",
                       key);
        }
        lua_pop(L, 1);
    }
    lua_settop(L, table);
    struct kj_convert state;
    kj_convert_init(&state, "event");
    if (lua_getfield(L, table, "event") == LUA_TTABLE) {
        kj_convert_members(L, &state, hook->event, lua_gettop(L));
    }
    lua_getfield(L, table, "index");
    hook->index = luaL_optinteger(L, -1, 1);
    return 0;
}

// The test's step number hook->step + 1 against what the hook asks; its answer into the run.
static int answer_step(lua_State *L)
{
    struct hook_test *hook = lua_touserdata(L, 1);
    struct kj_step *step = &hook->run->steps[hook->step];
    struct kj_match match = {.path = ""};
    struct kj_convert state;
    luaL_checkstack(L, 60, "test");
    lua_rawgeti(L, LUA_REGISTRYINDEX, hook->test->table);
    if (lua_getfield(L, -1, "steps") != LUA_TTABLE ||
        lua_rawgeti(L, -1, (lua_Integer)hook->step + 1) != LUA_TTABLE) {
        return luaL_error(L, "step %d asks for %s, which the test does not expect",
                          (int)hook->step + 1, step->verb);
    }
    int table = lua_gettop(L);
    lua_rawgeti(L, table, 1);
    if (!lua_isstring(L, -1) || strcmp(lua_tostring(L, -1), step->verb) != 0) {
        return luaL_error(L, "step %d asks for %s, expected %s", (int)hook->step + 1, step->verb,
                          lua_isstring(L, -1) ? lua_tostring(L, -1) : "{ \"verb\", … }");
    }
    snprintf(match.path, sizeof match.path, "steps[%zu].args", hook->step + 1);
    if (lua_getfield(L, table, "args") == LUA_TTABLE &&
        !kj_match_doc(L, &match, lua_gettop(L), step->args)) {
        return luaL_error(L, "%s", match.text);
    }
    if (lua_getfield(L, table, "key") == LUA_TSTRING &&
        strcmp(lua_tostring(L, -1), step->key) != 0) {
        return luaL_error(L, "step %d has the key \"%s\", expected \"%s\"", (int)hook->step + 1,
                          step->key, lua_tostring(L, -1));
    }
    step->answer = bson_new();
    bool failed = lua_getfield(L, table, "error") == LUA_TTABLE;
    kj_doc_put_bool(step->answer, "ok", !failed);
    if (!failed && lua_getfield(L, table, "result") == LUA_TNIL) {
        return 0;
    }
    kj_convert_init(&state, failed ? "error" : "result");
    kj_convert_put(L, &state, step->answer, failed ? "error" : "result", lua_gettop(L));
    return 0;
}

static int compare_result(lua_State *L)
{
    struct hook_test *hook = lua_touserdata(L, 1);
    struct kj_match match = {.path = ""};
    luaL_checkstack(L, 60, "test");
    lua_rawgeti(L, LUA_REGISTRYINDEX, hook->test->table);
    int table = lua_gettop(L);
    if (lua_getfield(L, table, "steps") == LUA_TTABLE && lua_rawlen(L, -1) > hook->step) {
        return luaL_error(L, "the hook ended after %d steps, expected %d", (int)hook->step,
                          (int)lua_rawlen(L, -1));
    }
    if (lua_getfield(L, table, "result") != LUA_TTABLE) {
        hook->test->ok = true;
        return 0;
    }
    hook->test->ok = kj_match_doc(L, &match, lua_gettop(L), hook->run->result);
    memcpy(hook->test->text, match.text, sizeof match.text);
    return 0;
}

// Steps until the hook has ended; 0 or a fault.
static int drive(struct kj_tests *tests, struct hook_test *hook, struct kj_fault *fault)
{
    while (!hook->run->ended) {
        kj_hook_step(hook->run);
        kj_vm_begin(tests->vm);
        for (; hook->step < hook->run->step_count; hook->step++) {
            if (hook->run->steps[hook->step].answer) {
                continue;
            }
            int status = kj_vm_protect(tests->vm, answer_step, hook, fault);
            if (status) {
                return status;
            }
        }
    }
    if (hook->run->status) {
        *fault = hook->run->fault;
    }
    return hook->run->status;
}

// The whole again from the record: nothing may be asked, and it must end the same way.
static void run_again(struct hook_test *hook, struct kj_hook_file *file)
{
    struct kj_hook_run *run =
        kj_hook_begin(file, (size_t)hook->index, kj_flat_create(hook->event), hook->recorded);
    kj_hook_step(run);
    while (!run->ended && run->sleep_ms > 0) {
        kj_hook_step(run);
    }
    if (!run->ended || run->status || !kj_doc_equal(run->result, hook->run->result)) {
        hook->test->ok = false;
        snprintf(hook->test->text, sizeof hook->test->text, "a second run from the record %s",
                 !run->ended ? "asks for a step again" : "does not end like the first");
    }
    kj_hook_end(run);
}

static void test_with(struct kj_tests *tests, struct hook_test *hook, struct kj_warm *warm,
                      struct kj_fault *fault)
{
    int status = kj_vm_protect(tests->vm, read_event, hook, fault);
    if (status == 0) {
        hook->run =
            kj_hook_begin(warm->hooks, (size_t)hook->index, kj_flat_create(hook->event), NULL);
        if (!hook->run) {
            kj_fault(fault, KJ_EINVAL, NULL, NULL, "there is no hook number %d in the file",
                     (int)hook->index);
            return;
        }
        status = drive(tests, hook, fault);
    }
    if (status == 0) {
        status = kj_vm_protect(tests->vm, compare_result, hook, fault);
    }
    if (status || !hook->test->ok) {
        return;
    }
    for (size_t i = 0; i < hook->run->step_count; i++) {
        kj_doc_put_doc(hook->recorded, hook->run->steps[i].key, hook->run->steps[i].answer);
    }
    run_again(hook, warm->hooks);
}

void kj_test_hook(struct kj_tests *tests, struct kj_test *test)
{
    struct kj_fault fault = {0};
    struct kj_warm *warm = NULL;
    struct hook_test hook = {.test = test, .event = bson_new(), .recorded = bson_new()};
    if (kj_pack_take(tests->pack, &warm, &fault) == 0) {
        test_with(tests, &hook, warm, &fault);
    }
    if (fault.text[0]) {
        test->ok = false;
        snprintf(test->text, sizeof test->text, "%.60s%s%.400s", fault.place,
                 fault.place[0] ? ": " : "", fault.text);
    }
    kj_hook_end(hook.run);
    kj_pack_give(tests->pack, warm);
    kj_doc_clear(&hook.event);
    kj_doc_clear(&hook.recorded);
}

// --- the file of tests ---

static int load_tests(lua_State *L)
{
    struct kj_tests *tests = lua_touserdata(L, 1);
    luaL_checkstack(L, 60, "tests");
    kj_sandbox_run_file(L, tests->path);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &kj_key_declared);
    if (!lua_istable(L, -1) || !lua_rawequal(L, -1, -2)) {
        return luaL_error(L, "%s:1: the file must end with: return kejue.tests { … }", tests->path);
    }
    const char *key = tests->pack->is_hook ? "hook" : "pack";
    const char *slash = strrchr(tests->pack->name, '/');
    const char *name = slash ? slash + 1 : tests->pack->name;
    lua_getfield(L, -1, key);
    if (!lua_isstring(L, -1) || strcmp(lua_tostring(L, -1), name) != 0) {
        return luaL_error(L, "%s:%d: these tests must say %s = \"%s\"", tests->path,
                          kj_lines_near(&tests->lines, key), key, name);
    }
    return 0;
}

// Takes test number *index out of the table; its name (copied) is empty behind the last.
struct taking {
    struct kj_test test;
    lua_Integer index;
    char name[200];
};

static int take_test(lua_State *L)
{
    struct taking *taking = lua_touserdata(L, 1);
    luaL_checkstack(L, 20, "test");
    lua_rawgetp(L, LUA_REGISTRYINDEX, &kj_key_declared);
    if (lua_rawgeti(L, -1, taking->index) == LUA_TNIL) {
        return 0;
    }
    if (!lua_istable(L, -1) || lua_rawgeti(L, -1, 1) != LUA_TSTRING) {
        return luaL_error(L, "test number %d is { \"name\", … }", (int)taking->index);
    }
    snprintf(taking->name, sizeof taking->name, "%.190s", lua_tostring(L, -1));
    lua_pop(L, 1);
    taking->test.table = luaL_ref(L, LUA_REGISTRYINDEX);
    return 0;
}

static int run_tests(struct kj_tests *tests, int64_t *count, struct kj_fault *fault)
{
    for (lua_Integer index = 1; index <= MAX_TESTS; index++) {
        struct taking taking = {.test = {.L = tests->vm->L}, .index = index};
        kj_vm_begin(tests->vm);
        int status = kj_vm_protect(tests->vm, take_test, &taking, fault);
        if (status || taking.name[0] == '\0') {
            return status;
        }
        if (tests->pack->is_hook) {
            kj_test_hook(tests, &taking.test);
        } else {
            kj_test_pack(tests, &taking.test);
        }
        kj_vm_end(tests->vm);
        ++*count;
        if (!taking.test.ok) {
            char path[24];
            snprintf(path, sizeof path, "[%d]", (int)index);
            kj_test_fail(tests, taking.name, kj_lines_near(&tests->lines, path), taking.test.text);
        }
    }
    return 0;
}

static int run_in_cell(struct kj_pack *pack, struct kj_doc_list *failed, int64_t *count,
                       struct kj_fault *fault)
{
    struct kj_warm *warm = NULL;
    int status = kj_pack_take(pack, &warm, fault);
    if (status == 0) {
        status = kj_cell_tests(warm->cell, failed, count, fault);
    }
    kj_pack_give(pack, warm);
    return status;
}

int kj_pack_run_tests(struct kj_pack *pack, struct kj_doc_list *failed, int64_t *count,
                      struct kj_fault *fault)
{
    char path[220];
    snprintf(path, sizeof path, "%.*s_test.lua", (int)(strlen(pack->path) - 4), pack->path);
    const struct kj_source *source = kj_sources_get(pack->sources, path);
    *count = 0;
    if (!source) {
        return 0;
    }
    if (pack->limits.locked && !pack->is_hook) {
        return run_in_cell(pack, failed, count, fault);
    }
    struct kj_tests tests = {.pack = pack, .path = path, .failed = failed};
    int status = kj_vm_create(&pack->limits, pack->sources, pack->name, false, &tests.vm, fault);
    if (status) {
        return status;
    }
    kj_lines_init(&tests.lines, source->text, source->length, "tests");
    tests.vm->loading = true;
    kj_vm_begin(tests.vm);
    status = kj_vm_protect(tests.vm, load_tests, &tests, fault);
    kj_vm_end(tests.vm);
    tests.vm->loading = false;
    if (status == 0) {
        status = run_tests(&tests, count, fault);
    }
    if (status && fault && !fault->place[0]) {
        snprintf(fault->place, sizeof fault->place, "%.180s", path);
    }
    kj_lines_fini(&tests.lines);
    kj_vm_destroy(tests.vm);
    return status;
}
