// The pattern matcher against Lua's own: the same results for find, match, gmatch and gsub over
// random patterns and texts, 200,000 comparisons (KEJUE_TEST_LONG: two million), and patterns as
// deep as Lua allows.
#include "pack_fake.h"

#include "base/rng.h"

#include <lualib.h>

static const char k_program[] =
    "local text, pattern, init, most = ...\n"
    "local out = {}\n"
    "local function note(...) local n = select('#', ...) for i = 1, n do\n"
    "  out[#out + 1] = tostring((select(i, ...))) end out[#out + 1] = '|' end\n"
    "local function try(f, ...) local r = table.pack(pcall(f, ...))\n"
    "  if r[1] then note(table.unpack(r, 2, r.n)) else note('error') end end\n"
    "try(string.find, text, pattern, init)\n"
    "try(string.find, text, pattern, init, true)\n"
    "try(string.match, text, pattern, init)\n"
    "try(string.gsub, text, pattern, '<%0>')\n"
    "try(string.gsub, text, pattern, '%1%%%2', most)\n"
    "try(string.gsub, text, pattern, function(a) return #a % 2 == 0 and 'x' or nil end)\n"
    "try(string.gsub, text, pattern, { a = 'A', b = false }, 2)\n"
    "try(function() local n = 0 for a, b in string.gmatch(text, pattern) do note(a, b)\n"
    "  n = n + 1 if n > 50 then break end end end)\n"
    "try(function() local n = 0 for a in string.gmatch(text, pattern, init) do note(a)\n"
    "  n = n + 1 if n > 50 then break end end end)\n"
    "return table.concat(out, ' ')\n";

enum { COMPARED = 9 }; // calls that the program makes

struct piece {
    const char *bytes;
    size_t length;
};
#define P(text)               \
    {                         \
        text, sizeof text - 1 \
    }

static const struct piece k_texts[] = {P("a"), P("b"), P("ab"),   P("("),    P(")"),  P("1"),
                                       P(" "), P("A"), P("."),    P("x=1"),  P("%"),  P("\0"),
                                       P("]"), P("-"), P("\xe4"), P("aaaa"), P("\n"), P("_z")};
static const struct piece k_parts[] = {
    P("a"),      P("b"),      P("."),     P("%a"),    P("%d"),    P("%s"),          P("[ab]"),
    P("[^a]"),   P("*"),      P("+"),     P("-"),     P("?"),     P("("),           P(")"),
    P("()"),     P("^"),      P("$"),     P("%b()"),  P("%1"),    P("%w+"),         P(".-"),
    P("[a-c]"),  P("%f[%a]"), P("%."),    P("[%a_]"), P("[]x]"),  P("%S"),          P("(a*)"),
    P("(.)"),    P("%2"),     P("[^%s]"), P("\0"),    P("%z"),    P("[%z\0]"),      P("%Z"),
    P("[^]]"),   P("[a-]"),   P("[-a]"),  P("[%]]"),  P("[z-a]"), P("[\x80-\xff]"), P("%p"),
    P("%c"),     P("%g*"),    P("%x"),    P("%U"),    P("%l-"),   P("%bxy"),        P("%f[^%w]"),
    P("%f[%z]"), P("((a)b)"), P("(()a)"), P("[a"),    P("%"),     P("%9"),          P("[%w-z]"),
    P("%f"),     P("%b"),     P("[^"),    P("\xe4")};

// Runs the program with the functions of the state; the text of all results.
static struct piece run(lua_State *L, const struct kj_buf *text, const struct kj_buf *pattern,
                        int init, int most)
{
    struct piece out;
    lua_settop(L, 1);
    lua_pushvalue(L, 1);
    lua_pushlstring(L, text->data, text->length);
    lua_pushlstring(L, pattern->data, pattern->length);
    lua_pushinteger(L, init);
    lua_pushinteger(L, most);
    if (lua_pcall(L, 4, 1, 0) != LUA_OK) {
        fail_msg("%s with %s: %s", text->data, pattern->data, lua_tostring(L, -1));
    }
    out.bytes = lua_tolstring(L, -1, &out.length);
    return out;
}

static void random_text(struct kj_rng *rng, struct kj_buf *out, int64_t most,
                        const struct piece *pieces, size_t count)
{
    size_t wanted = (size_t)kj_rng_range(rng, 0, most);
    kj_buf_reset(out);
    kj_buf_adds(out, "");
    while (out->length < wanted) {
        const struct piece *piece = &pieces[kj_rng_range(rng, 0, (int64_t)count - 1)];
        kj_buf_add(out, piece->bytes, piece->length);
    }
}

struct both {
    lua_State *theirs;
    struct kj_vm *vm;
    struct kj_buf text, pattern;
};

static void open_both(struct both *both)
{
    struct kj_vm_limits wide = {64u << 20, 3600000, INT64_MAX / 2};
    both->theirs = luaL_newstate();
    luaL_openlibs(both->theirs);
    assert_int_equal(kj_vm_create(&wide, NULL, NULL, false, &both->vm, NULL), 0);
    kj_vm_begin(both->vm);
    assert_int_equal(luaL_loadstring(both->theirs, k_program), LUA_OK);
    assert_int_equal(luaL_loadstring(both->vm->L, k_program), LUA_OK);
    lua_rawgetp(both->vm->L, LUA_REGISTRYINDEX, &kj_key_env);
    lua_setupvalue(both->vm->L, -2, 1);
    kj_buf_init(&both->text, 0);
    kj_buf_init(&both->pattern, 0);
}

static void close_both(struct both *both)
{
    kj_vm_end(both->vm);
    kj_vm_destroy(both->vm);
    lua_close(both->theirs);
    kj_buf_fini(&both->text);
    kj_buf_fini(&both->pattern);
}

static void compare(struct both *both, int init, int most)
{
    struct piece wanted = run(both->theirs, &both->text, &both->pattern, init, most);
    struct piece got = run(both->vm->L, &both->text, &both->pattern, init, most);
    if (wanted.length != got.length || memcmp(wanted.bytes, got.bytes, got.length) != 0) {
        fail_msg("\"%s\" \"%s\" %d\n lua:  %s\n ours: %s", both->text.data, both->pattern.data,
                 init, wanted.bytes, got.bytes);
    }
}

static void random_patterns_give_what_lua_gives(void **state)
{
    (void)state;
    struct both both;
    struct kj_rng rng;
    int64_t wanted = getenv("KEJUE_TEST_LONG") ? 2000000 : 200000, compared = 0;
    kj_rng_init(&rng, 7);
    open_both(&both);
    for (; compared < wanted; compared += COMPARED) {
        random_text(&rng, &both.text, 24, k_texts, KJ_COUNT(k_texts));
        random_text(&rng, &both.pattern, 12, k_parts, KJ_COUNT(k_parts));
        int init = (int)kj_rng_range(&rng, -6, 8);
        compare(&both, init, (int)kj_rng_range(&rng, -1, 4));
    }
    printf("%lld comparisons\n", (long long)compared);
    close_both(&both);
}

// Each letter of ASCII and each that is none, in each class.
static void classes_hold_what_lua_holds(void **state)
{
    (void)state;
    struct both both;
    open_both(&both);
    for (const char *letter = "acdglpsuwxzACDGLPSUWXZ"; *letter; letter++) {
        for (int c = 0; c < 256; c++) {
            kj_buf_reset(&both.text);
            kj_buf_reset(&both.pattern);
            kj_buf_addc(&both.text, (char)c);
            kj_buf_addf(&both.pattern, "%%%c", *letter);
            compare(&both, 1, 1);
        }
    }
    close_both(&both);
}

// As deep as Lua goes, and one deeper; as many captures, and one more.
static void deep_patterns_fail_where_lua_fails(void **state)
{
    (void)state;
    static const struct {
        const char *piece;
        int from, until;
    } forms[] = {{"a?", 195, 205}, {"a-", 195, 205}, {"a*", 195, 205},   {"(a)", 28, 36},
                 {"()", 28, 36},   {"(", 28, 36},    {"%f[a]", 195, 205}};
    struct both both;
    open_both(&both);
    for (size_t i = 0; i < KJ_COUNT(forms); i++) {
        for (int count = forms[i].from; count < forms[i].until; count++) {
            kj_buf_reset(&both.text);
            kj_buf_reset(&both.pattern);
            for (int n = 0; n < count; n++) {
                kj_buf_adds(&both.text, "a");
                kj_buf_adds(&both.pattern, forms[i].piece);
            }
            compare(&both, 1, 1);
        }
    }
    close_both(&both);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_patterns_give_what_lua_gives),
        cmocka_unit_test(classes_hold_what_lua_holds),
        cmocka_unit_test(deep_patterns_fail_where_lua_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
