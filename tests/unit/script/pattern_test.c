// The pattern matcher against Lua's own: the same results for find, match, gmatch and gsub over
// thousands of random patterns and texts, and the edge cases by hand.
#include "pack_fake.h"

#include "base/rng.h"

#include <lualib.h>

static const char k_program[] =
    "local text, pattern, init = ...\n"
    "local out = {}\n"
    "local function note(...) local n = select('#', ...) for i = 1, n do\n"
    "  out[#out + 1] = tostring((select(i, ...))) end out[#out + 1] = '|' end\n"
    "local function try(f, ...) local r = table.pack(pcall(f, ...))\n"
    "  if r[1] then note(table.unpack(r, 2, r.n)) else note('error') end end\n"
    "try(string.find, text, pattern, init)\n"
    "try(string.match, text, pattern, init)\n"
    "try(string.gsub, text, pattern, '<%0>')\n"
    "try(string.gsub, text, pattern, function(a) return #a % 2 == 0 and 'x' or nil end)\n"
    "try(string.gsub, text, pattern, { a = 'A', b = false }, 2)\n"
    "try(function() local n = 0 for a, b in string.gmatch(text, pattern) do note(a, b)\n"
    "  n = n + 1 if n > 50 then break end end end)\n"
    "return table.concat(out, ' ')\n";

// Runs the program with the functions of the state; the text of all results.
static const char *run(lua_State *L, const char *text, const char *pattern, int init)
{
    lua_settop(L, 1);
    lua_pushvalue(L, 1);
    lua_pushstring(L, text);
    lua_pushstring(L, pattern);
    lua_pushinteger(L, init);
    if (lua_pcall(L, 3, 1, 0) != LUA_OK) {
        fail_msg("%s with %s: %s", text, pattern, lua_tostring(L, -1));
    }
    return lua_tostring(L, -1);
}

static void random_text(struct kj_rng *rng, char *out, size_t most, const char *const *pieces,
                        size_t count)
{
    size_t length = 0, wanted = (size_t)kj_rng_range(rng, 0, (int64_t)most);
    out[0] = '\0';
    while (length < wanted) {
        const char *piece = pieces[kj_rng_range(rng, 0, (int64_t)count - 1)];
        length += (size_t)snprintf(out + length, most + 8 - length, "%s", piece);
    }
}

static void compare(lua_State *theirs, lua_State *ours, const char *text, const char *pattern,
                    int init)
{
    const char *wanted = run(theirs, text, pattern, init), *got = run(ours, text, pattern, init);
    if (strcmp(wanted, got) != 0) {
        fail_msg("\"%s\" \"%s\" %d\n lua:  %s\n ours: %s", text, pattern, init, wanted, got);
    }
}

static void random_patterns_give_what_lua_gives(void **state)
{
    (void)state;
    static const char *const texts[] = {"a", "b", "ab", "(", ")", "1", " ", "A", ".", "x=1", "%"};
    static const char *const parts[] = {
        "a",      "b",  ".",     "%a",   "%d", "%s",   "[ab]", "[^a]", "*",    "+",  "-",
        "?",      "(",  ")",     "()",   "^",  "$",    "%b()", "%1",   "%w+",  ".-", "[a-c]",
        "%f[%a]", "%.", "[%a_]", "[]x]", "%S", "(a*)", "(.)",  "%2",   "[^%s]"};
    lua_State *theirs = luaL_newstate();
    luaL_openlibs(theirs);
    struct kj_vm *vm;
    struct kj_vm_limits wide = {64u << 20, 60000, INT64_MAX / 2};
    assert_int_equal(kj_vm_create(&wide, NULL, NULL, false, &vm, NULL), 0);
    kj_vm_begin(vm);
    assert_int_equal(luaL_loadstring(theirs, k_program), LUA_OK);
    assert_int_equal(luaL_loadstring(vm->L, k_program), LUA_OK);
    lua_rawgetp(vm->L, LUA_REGISTRYINDEX, &kj_key_env);
    lua_setupvalue(vm->L, -2, 1);
    struct kj_rng rng;
    kj_rng_init(&rng, 7);
    for (int i = 0; i < 20000; i++) {
        char text[64], pattern[64];
        random_text(&rng, text, 24, texts, KJ_COUNT(texts));
        random_text(&rng, pattern, 12, parts, KJ_COUNT(parts));
        int init = (int)kj_rng_range(&rng, -6, 8);
        compare(theirs, vm->L, text, pattern, init);
    }
    for (const char *letter = "acdglpsuwxACDGLPSUWX"; *letter; letter++) {
        for (int c = 1; c < 256; c++) { // each letter of ASCII and each that is none, in each class
            const char text[] = {(char)c, '\0'}, pattern[] = {'%', *letter, '\0'};
            compare(theirs, vm->L, text, pattern, 1);
        }
    }
    kj_vm_end(vm);
    kj_vm_destroy(vm);
    lua_close(theirs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_patterns_give_what_lua_gives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
