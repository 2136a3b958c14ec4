// How fast a call is judged: facts in, a plan with everything explained out, by the pack
// scripts/rules/after-call.lua; with two turns of transcript and with 120. The limit of the same
// run: scripts/bare.lua, the same work in one function over a bare view of the same bytes, which
// checks, explains and bounds nothing. Evaluations a second of CPU time (the machine may be busy);
// medians of interleaved rounds. Usage: rules_bench [ROUNDS [DIR]], DIR being tests/bench/scripts
// (the default).
#include "rules_bench.h"

#include <lauxlib.h>
#include <lualib.h>
#include <string.h>

enum { TURNS = 120 };

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

static double time_pack(struct kj_script *script, const bson_t *facts)
{
    uint32_t size = 0;
    double start = cpu_seconds();
    for (int i = 0; i < EVALUATIONS; i++) {
        kj_script_decide(script, "after-call", facts, on_decided, &size);
    }
    return EVALUATIONS / (cpu_seconds() - start);
}

// --- facts ---

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

// Reading, loading and testing every pack that is shipped, CPU time of each in the mean.
static double load_ms(void)
{
    double start = cpu_seconds();
    struct kj_script *script = open_scripts("scripts", NULL, false);
    double seconds = cpu_seconds() - start;
    bson_t *list = kj_script_list(script);
    size_t packs = kj_doc_count(list, "packs");
    bson_destroy(list);
    kj_script_destroy(script);
    return seconds * 1000 / (double)(packs ? packs : 1);
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : 7;
    const char *dir = argc > 2 ? argv[2] : "tests/bench/scripts";
    rounds = rounds < 1 ? 1 : rounds > MAX_ROUNDS ? MAX_ROUNDS : rounds;
    double bare[MAX_ROUNDS], brief[MAX_ROUNDS], lengthy[MAX_ROUNDS];
    double of_bare[MAX_ROUNDS], of_brief[MAX_ROUNDS], loads[MAX_ROUNDS];
    struct kj_script *script = open_scripts(dir, NULL, false);
    lua_State *L = open_bare(dir);
    bson_t *facts = read_facts(dir), *talk = with_turns(facts, TURNS);
    for (int i = 0; i < rounds; i++) {
        bare[i] = time_bare(L, facts);
        brief[i] = time_pack(script, facts);
        lengthy[i] = time_pack(script, talk);
        loads[i] = load_ms();
        of_bare[i] = brief[i] / bare[i];
        of_brief[i] = lengthy[i] / brief[i];
    }
    tell("rules.bare_view", bare, rounds, "evaluations/s");
    tell("rules.short", brief, rounds, "evaluations/s");
    tell("rules.120_turns", lengthy, rounds, "evaluations/s");
    tell("rules.load_and_test", loads, rounds, "ms");
    tell("rules.short_of_bare", of_bare, rounds, "ratio");
    tell("rules.120_turns_of_short", of_brief, rounds, "ratio");
    bson_destroy(facts);
    bson_destroy(talk);
    lua_close(L);
    kj_script_destroy(script);
    return 0;
}
