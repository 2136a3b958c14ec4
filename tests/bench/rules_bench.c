// How fast a call is judged: facts in, a plan with everything explained out, by the pack
// scripts/rules/after-call.lua; with two turns of transcript and with 120. The limit of the same
// run: scripts/bare.lua, the same work in one function over a bare view of the same bytes, which
// checks, explains and bounds nothing. Evaluations a second of CPU time (the machine may be busy);
// medians of interleaved rounds. rules.locked: in a locked
// process, the time of both. Usage: rules_bench [ROUNDS [DIR]], DIR being
// tests/bench/scripts (the default).
#include "base/alloc.h"
#include "doc/json.h"
#include "script/script.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { EVALUATIONS = 10000, TURNS = 120, MAX_ROUNDS = 99 };

static void die(const char *what, const struct kj_fault *fault)
{
    fprintf(stderr, "rules_bench: %s: %s %s\n", what, fault->place, fault->text);
    exit(1);
}

static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

// --- the limit: a view that only looks up ---

struct bare {
    const uint8_t *data;
    uint32_t length;
};

static void push_bare(lua_State *L, const uint8_t *data, uint32_t length)
{
    struct bare *bare = lua_newuserdatauv(L, sizeof *bare, 0);
    bare->data = data;
    bare->length = length;
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_setmetatable(L, -2);
}

static int bare_index(lua_State *L)
{
    const struct bare *bare = lua_touserdata(L, 1);
    size_t length;
    const char *key = lua_tolstring(L, 2, &length);
    bson_iter_t at;
    uint32_t size;
    const uint8_t *data;
    const char *text;
    if (!key || !bson_iter_init_from_data(&at, bare->data, bare->length) ||
        !bson_iter_find_w_len(&at, key, (int)length)) {
        return 0;
    }
    switch (bson_iter_type(&at)) {
    case BSON_TYPE_UTF8:
        text = bson_iter_utf8(&at, &size);
        lua_pushlstring(L, text, size);
        break;
    case BSON_TYPE_BOOL:
        lua_pushboolean(L, bson_iter_bool(&at));
        break;
    case BSON_TYPE_INT64:
        lua_pushinteger(L, bson_iter_int64(&at));
        break;
    case BSON_TYPE_DOUBLE:
        lua_pushnumber(L, bson_iter_double(&at));
        break;
    case BSON_TYPE_DOCUMENT:
        bson_iter_document(&at, &size, &data);
        push_bare(L, data, size);
        break;
    default:
        lua_pushnil(L);
    }
    return 1;
}

static int bare_root(lua_State *L)
{
    const bson_t *facts = lua_touserdata(L, 1);
    push_bare(L, bson_get_data(facts), facts->len);
    return 1;
}

static void put_bare(lua_State *L, int table, bson_t *out)
{
    for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1)) {
        size_t key_length, length;
        char digits[16];
        const char *key = digits;
        bson_t list;
        if (lua_type(L, -2) == LUA_TSTRING) {
            key = lua_tolstring(L, -2, &key_length);
        } else {
            uint32_t place = (uint32_t)lua_tointeger(L, -2) - 1;
            key_length = bson_uint32_to_string(place, &key, digits, sizeof digits);
        }
        switch (lua_type(L, -1)) {
        case LUA_TSTRING: {
            const char *text = lua_tolstring(L, -1, &length);
            bson_append_utf8(out, key, (int)key_length, text, (int)length);
            break;
        }
        case LUA_TNUMBER:
            bson_append_double(out, key, (int)key_length, lua_tonumber(L, -1));
            break;
        case LUA_TBOOLEAN:
            bson_append_bool(out, key, (int)key_length, lua_toboolean(L, -1));
            break;
        default:
            bson_append_array_begin(out, key, (int)key_length, &list);
            put_bare(L, lua_gettop(L), &list);
            bson_append_array_end(out, &list);
        }
    }
}

// Leaves the function that makes a view (1) and the rule (2) on the stack.
static lua_State *open_bare(const char *dir)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/bare.lua", dir);
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_pushcclosure(L, bare_index, 1);
    lua_setfield(L, -2, "__index");
    lua_pushcclosure(L, bare_root, 1);
    if (luaL_dofile(L, path) != LUA_OK) {
        struct kj_fault fault = {0};
        kj_copy(fault.text, sizeof fault.text, lua_tostring(L, -1));
        die("bare.lua", &fault);
    }
    return L;
}

static double time_bare(lua_State *L, const bson_t *facts)
{
    bson_t plan = BSON_INITIALIZER;
    double start = cpu_seconds();
    for (int i = 0; i < EVALUATIONS; i++) {
        lua_pushvalue(L, 2);
        lua_pushvalue(L, 1);
        lua_pushlightuserdata(L, (void *)facts);
        lua_call(L, 1, 1);
        lua_call(L, 1, 1);
        bson_reinit(&plan);
        put_bare(L, 3, &plan);
        lua_settop(L, 2);
    }
    double seconds = cpu_seconds() - start;
    bson_destroy(&plan);
    return EVALUATIONS / seconds;
}

// --- the pack ---

static void on_loaded(void *arg, int status, const bson_t *result, const struct kj_fault *fault)
{
    (void)arg;
    (void)result;
    if (status) {
        die("loading the pack", fault);
    }
}

// A plan that is not the expected one must not be counted: the first is looked into, and the same
// facts must give plans of the same size.
static void on_decided(void *arg, int status, const bson_t *plan, const struct kj_fault *fault)
{
    uint32_t *size = arg;
    if (status) {
        die("judging", fault);
    }
    if (plan->len == *size) {
        return;
    }
    if (*size || !kj_streq(kj_doc_text(plan, "template.parameters.visit", ""), "12.01.2026") ||
        kj_doc_count(plan, "faults") > 0) {
        die("the plan is not what it was to be", &(struct kj_fault){.text = ""});
    }
    *size = plan->len;
}

static double time_pack(struct kj_script *script, const bson_t *facts)
{
    uint32_t size = 0;
    double start = cpu_seconds();
    for (int i = 0; i < EVALUATIONS; i++) {
        kj_script_decide(script, "after-call", facts, on_decided, &size);
    }
    return EVALUATIONS / (cpu_seconds() - start);
}

// --- the same in a locked process ---

static struct kj_script *open_scripts(const char *dir, bool locked)
{
    struct kj_script_config config = {.dir = dir, .locked = locked};
    struct kj_fault fault = {0};
    struct kj_script *script;
    if (kj_script_create(&config, &script, &fault) != KJ_OK) {
        die("scripts", &fault);
    }
    kj_script_load(script, NULL, false, on_loaded, NULL);
    return script;
}

static double children_seconds(void)
{
    struct rusage used;
    getrusage(RUSAGE_CHILDREN, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1e-6;
}

// The time of both processes, without the start of the other. A child's time is known once it has
// ended.
static double time_locked(const char *dir, const bson_t *facts, double *start_seconds)
{
    uint32_t size = 0;
    double before = children_seconds();
    kj_script_destroy(open_scripts(dir, true));
    double start = children_seconds() - before;
    struct kj_script *script = open_scripts(dir, true);
    double own = cpu_seconds();
    for (int i = 0; i < EVALUATIONS; i++) {
        kj_script_decide(script, "after-call", facts, on_decided, &size);
    }
    own = cpu_seconds() - own;
    kj_script_destroy(script);
    *start_seconds = start;
    return EVALUATIONS / (own + children_seconds() - before - 2 * start);
}

// --- facts ---

static bson_t *read_facts(const char *dir)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/facts.json", dir);
    struct kj_buf text;
    struct kj_fault fault = {0};
    bson_t *facts = NULL;
    kj_buf_init(&text, 0);
    if (kj_read_file(path, 0x10000, &text, &fault) != KJ_OK ||
        kj_json_parse(text.data, text.length, NULL, &facts, NULL, &fault) != KJ_OK) {
        die("facts.json", &fault);
    }
    kj_buf_fini(&text);
    return facts;
}

// The same facts with a long talk.
static bson_t *with_turns(const bson_t *facts, int turns)
{
    bson_t changes = BSON_INITIALIZER, talk = BSON_INITIALIZER;
    struct kj_doc_list list = {.array = &talk};
    for (int i = 0; i < turns; i++) {
        bson_t turn = BSON_INITIALIZER;
        kj_doc_put_text(&turn, "speaker", i % 2 ? "lead" : "assistant");
        kj_doc_put_text(&turn, "text", "Guten Tag, hier ist der Assistent von Kejue.");
        kj_doc_put_int(&turn, "start_ms", i * 3000);
        kj_doc_put_int(&turn, "end_ms", i * 3000 + 2500);
        kj_doc_put_doc(&talk, kj_doc_next(&list), &turn);
        bson_destroy(&turn);
    }
    kj_doc_put_array(&changes, "transcript", &talk);
    bson_t *longer = kj_doc_with(facts, &changes);
    bson_destroy(&changes);
    bson_destroy(&talk);
    return longer;
}

// --- the report ---

static int ascending(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static void tell(const char *name, double *values, int count, const char *unit)
{
    qsort(values, (size_t)count, sizeof *values, ascending);
    printf("%s\t%.6g\t%s\n", name, values[count / 2], unit);
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : 7;
    const char *dir = argc > 2 ? argv[2] : "tests/bench/scripts";
    rounds = rounds < 1 ? 1 : rounds > MAX_ROUNDS ? MAX_ROUNDS : rounds;
    double bare[MAX_ROUNDS], brief[MAX_ROUNDS], lengthy[MAX_ROUNDS];
    double of_bare[MAX_ROUNDS], of_brief[MAX_ROUNDS];
    double locked[MAX_ROUNDS], of_inline[MAX_ROUNDS], starts[MAX_ROUNDS];
    int cell;
    if (kj_script_cell(argc, argv, &cell)) {
        return cell;
    }
    struct kj_script *script = open_scripts(dir, false);
    lua_State *L = open_bare(dir);
    bson_t *facts = read_facts(dir), *talk = with_turns(facts, TURNS);
    for (int i = 0; i < rounds; i++) {
        bare[i] = time_bare(L, facts);
        brief[i] = time_pack(script, facts);
        lengthy[i] = time_pack(script, talk);
        locked[i] = time_locked(dir, facts, &starts[i]);
        of_inline[i] = locked[i] / brief[i];
        starts[i] *= 1000;
        of_bare[i] = brief[i] / bare[i];
        of_brief[i] = lengthy[i] / brief[i];
    }
    tell("rules.bare_view", bare, rounds, "evaluations/s");
    tell("rules.short", brief, rounds, "evaluations/s");
    tell("rules.120_turns", lengthy, rounds, "evaluations/s");
    tell("rules.locked", locked, rounds, "evaluations/s");
    tell("rules.locked_start", starts, rounds, "ms");
    tell("rules.locked_of_short", of_inline, rounds, "ratio");
    tell("rules.short_of_bare", of_bare, rounds, "ratio");
    tell("rules.120_turns_of_short", of_brief, rounds, "ratio");
    bson_destroy(facts);
    bson_destroy(talk);
    lua_close(L);
    kj_script_destroy(script);
    return 0;
}
