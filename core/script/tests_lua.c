// Tests beside a pack: facts that are not given are neutral, the plan is matched partially. This
// file reads kejue.tests { … } and judges packs; hook_tests.c judges hooks.
#include "script/tests_lua.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "script/convert.h"
#include "script/eval.h"
#include "script/pack_check.h"
#include "script/sandbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int declare_tests(lua_State *L)
{
    if (!kj_vm_of(L)->loading) {
        return luaL_error(L, "kejue.tests belongs into a file NAME_test.lua");
    }
    if (!lua_istable(L, 1) || lua_gettop(L) != 1) {
        return luaL_error(L, "write: return kejue.tests { pack = \"…\", { \"name\", c = { … }, "
                             "plan = { … } } }");
    }
    lua_pushvalue(L, 1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &kj_key_declared);
    return 1;
}

void kj_tests_lib_open(lua_State *L)
{
    lua_pushcfunction(L, declare_tests);
    lua_setfield(L, -2, "tests");
}

// --- results ---

void kj_test_fail(struct kj_tests *tests, const char *name, int line, const char *text)
{
    char place[200];
    bson_t one = BSON_INITIALIZER;
    snprintf(place, sizeof place, "%s:%d", tests->path, line);
    kj_doc_put_text(&one, "pack", tests->pack->name);
    kj_doc_put_text(&one, "name", name);
    kj_doc_put_text(&one, "file", place);
    kj_doc_put_text(&one, "text", text);
    kj_doc_put_doc(tests->failed->array, kj_doc_next(tests->failed), &one);
    bson_destroy(&one);
}

// --- facts of a test ---

static bson_t *neutral_facts(void)
{
    bson_t *facts = bson_new(), lead = BSON_INITIALIZER, call = BSON_INITIALIZER;
    int64_t now = 1767607200000; // Monday, 2026-01-05 10:00 UTC
    kj_doc_put_text(facts, "kind", "call");
    kj_doc_put_time(facts, "now", now);
    kj_doc_put_text(&lead, "id", "lead_1");
    kj_doc_put_text(&lead, "phone_number", "+4930123456");
    kj_doc_put_text(&lead, "timezone", "UTC");
    kj_doc_put_doc(facts, "lead", &lead);
    kj_doc_put_text(&call, "id", "call_1");
    kj_doc_put_text(&call, "type", "outbound");
    kj_doc_put_text(&call, "disposition", "completed");
    kj_doc_put_bool(&call, "reached", true);
    kj_doc_put_text(&call, "answered_by", "human");
    kj_doc_put_int(&call, "attempt", 1);
    kj_doc_put_int(&call, "attempts_left", 2);
    kj_doc_put_doc(facts, "call", &call);
    bson_destroy(&lead);
    bson_destroy(&call);
    return facts;
}

static void check_names(struct kj_test *test, int table, const char *what, const char *const *names,
                        size_t count)
{
    lua_State *L = test->L;
    kj_sorted_keys(L, table);
    for (lua_Integer i = 1; lua_rawgeti(L, -1, i) != LUA_TNIL; i++) {
        const char *key = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "?";
        bool known = false;
        for (size_t n = 0; n < count; n++) {
            known = known || strcmp(names[n], key) == 0;
        }
        if (!known) {
            const char *near = kj_nearest(key, names, count);
            luaL_error(L, "there is no %s \"%s\"%s%s%s", what, key, near ? "; did you mean \"" : "",
                       near ? near : "", near ? "\"?" : "");
        }
        lua_pop(L, 1);
    }
    lua_pop(L, 2);
}

// vars = { owner = true } as if a model had said so, without evidence.
static void put_variables(struct kj_test *test, int given, bson_t *answers)
{
    lua_State *L = test->L;
    const struct kj_rules *rules = test->rules;
    bson_t list, one;
    const char *names[KJ_MAX_VARIABLES];
    for (size_t i = 0; i < rules->variable_count; i++) {
        names[i] = rules->variables[i].name;
    }
    bson_append_document_begin(answers, "variables", -1, &list);
    if (lua_getfield(L, given, "vars") == LUA_TTABLE) {
        int table = lua_gettop(L);
        check_names(test, table, "variable of this pack", names, rules->variable_count);
        for (size_t i = 0; i < rules->variable_count; i++) {
            struct kj_convert state;
            kj_convert_init(&state, names[i]);
            if (lua_getfield(L, table, names[i]) != LUA_TNIL) {
                bson_append_document_begin(&list, names[i], -1, &one);
                kj_convert_put(L, &state, &one, "value", lua_gettop(L));
                bson_append_document_end(&list, &one);
            }
            lua_pop(L, 1);
        }
    }
    lua_pop(L, 1);
    bson_append_document_end(answers, &list);
}

static void put_texts(struct kj_test *test, int given, bson_t *answers)
{
    lua_State *L = test->L;
    struct kj_convert state;
    bson_t texts;
    kj_convert_init(&state, "texts");
    bson_append_document_begin(answers, "texts", -1, &texts);
    if (lua_getfield(L, given, "texts") == LUA_TTABLE) {
        check_names(test, lua_gettop(L), "condition in words in this pack", test->rules->texts,
                    test->rules->text_count);
        kj_convert_members(L, &state, &texts, lua_gettop(L));
    }
    lua_pop(L, 1);
    bson_append_document_end(answers, &texts);
}

// The facts from the table at `given` into test->given.
static void take_facts(struct kj_test *test, int given)
{
    lua_State *L = test->L;
    const char *names[40] = {"vars", "texts", "settings", "kind", "skipped", "answers"};
    size_t count = 6;
    for (size_t i = 0; i < kj_shape_call.count; i++) {
        names[count++] = kj_shape_call.fields[i].name;
    }
    check_names(test, given, "field of the call", names, count);
    for (size_t i = 3; i < count; i++) {
        struct kj_convert state;
        kj_convert_init(&state, names[i]);
        if (strcmp(names[i], "vars") != 0 && strcmp(names[i], "skipped") != 0 &&
            lua_getfield(L, given, names[i]) != LUA_TNIL) {
            kj_convert_put(L, &state, test->given, names[i], lua_gettop(L));
        }
        lua_settop(L, given);
    }
    if (kj_doc_has(test->given, "answers")) {
        return;
    }
    if (lua_getfield(L, given, "skipped") == LUA_TSTRING) {
        kj_doc_put_text(test->answers, "skipped", lua_tostring(L, -1));
    }
    lua_pop(L, 1);
    put_texts(test, given, test->answers);
    put_variables(test, given, test->answers);
    kj_doc_put_doc(test->given, "answers", test->answers);
}

// --- one test of a pack ---

static int read_facts(lua_State *L)
{
    struct kj_test *test = lua_touserdata(L, 1);
    luaL_checkstack(L, 60, "test");
    static const char *const names[] = {"c", "plan"};
    lua_rawgeti(L, LUA_REGISTRYINDEX, test->table);
    int table = lua_gettop(L);
    kj_sorted_keys(L, table);
    for (lua_Integer i = 1; lua_rawgeti(L, -1, i) != LUA_TNIL; i++) {
        const char *key = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "c";
        if (strcmp(key, names[0]) != 0 && strcmp(key, names[1]) != 0) {
            luaL_error(L, "there is no field \"%s\" of a test; it has a name, c and plan", key);
        }
        lua_pop(L, 1);
    }
    lua_settop(L, table);
    if (lua_getfield(L, table, "plan") != LUA_TTABLE) {
        luaL_error(L, "a test says what it expects: plan = { … }");
    }
    lua_pop(L, 1);
    if (lua_getfield(L, table, "c") == LUA_TNIL) {
        lua_newtable(L);
    }
    take_facts(test, lua_gettop(L));
    return 0;
}

static int compare_plan(lua_State *L)
{
    struct kj_test *test = lua_touserdata(L, 1);
    luaL_checkstack(L, 60, "test");
    lua_rawgeti(L, LUA_REGISTRYINDEX, test->table);
    lua_getfield(L, -1, "plan");
    int plan = lua_gettop(L);
    struct kj_match match = {.path = ""};
    bson_t faults;
    // A fault that the test does not expect is a failure, whatever the rest says.
    bool expected = lua_getfield(L, plan, "faults") != LUA_TNIL;
    lua_pop(L, 1);
    if (!expected && kj_doc_child(test->plan, "faults", &faults) &&
        kj_doc_count(test->plan, "faults") > 0) {
        snprintf(test->text, sizeof test->text, "the section %s failed: %s %s",
                 kj_doc_text(&faults, "0.section", "?"), kj_doc_text(&faults, "0.at", ""),
                 kj_doc_text(&faults, "0.text", ""));
        return 0;
    }
    test->ok = kj_match_doc(L, &match, plan, test->plan);
    memcpy(test->text, match.text, sizeof match.text);
    return 0;
}

void kj_test_pack(struct kj_tests *tests, struct kj_test *test)
{
    struct kj_warm *warm = NULL;
    struct kj_fault fault = {0};
    bson_t *facts = NULL, *neutral = NULL;
    test->given = bson_new();
    test->answers = bson_new();
    int status = kj_pack_take(tests->pack, &warm, &fault);
    if (status == 0) {
        test->rules = warm->rules;
        status = kj_vm_protect(tests->vm, read_facts, test, &fault);
    }
    if (status == 0) {
        neutral = neutral_facts();
        facts = kj_doc_merge(neutral, test->given);
        status = kj_eval_run(warm->vm, warm->rules, facts, &test->plan, &fault);
    }
    if (status == 0) {
        kj_vm_begin(tests->vm); // judging took its own time
        status = kj_vm_protect(tests->vm, compare_plan, test, &fault);
    }
    if (status) {
        snprintf(test->text, sizeof test->text, "%.60s%s%.400s", fault.place,
                 fault.place[0] ? ": " : "", fault.text);
    }
    kj_pack_give(tests->pack, warm);
    kj_doc_clear(&facts);
    kj_doc_clear(&neutral);
    kj_doc_clear(&test->given);
    kj_doc_clear(&test->answers);
    kj_doc_clear(&test->plan);
}
