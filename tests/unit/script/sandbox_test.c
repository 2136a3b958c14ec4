// The sandbox: hostile scripts end in time, limits cannot be swallowed, nothing leaks from one
// evaluation into the next, nothing dangerous is there.
#include "pack_fake.h"

#include <time.h>

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

// Runs `body` as the condition of a row.
static void judge_body(struct fake *fake, const char *body)
{
    struct kj_buf text;
    kj_buf_init(&text, 0);
    kj_buf_addf(&text,
                "success = { { \"good\", function(c) %s end }, { \"poor\" } }, "
                "tags = { { \"later\", function(c) return true end } }",
                body);
    fake_pack(fake, text.data);
    kj_buf_fini(&text);
    fake_judge(fake, NULL);
}

// The script must be stopped by a limit, in time, and the whole plan is parked.
static void is_stopped(const char *body, const char *reason)
{
    struct fake fake = {0};
    double start = seconds();
    judge_body(&fake, body);
    double spent = seconds() - start;
    const char *told = fake_text(&fake, "faults.0.text");
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    // Allocation is so slow here that the CPU time may run out before the memory does.
    bool named = strstr(told, reason) || strstr(told, "CPU time");
#else
    bool named = strstr(told, reason) != NULL;
#endif
    bool right =
        kj_doc_bool(fake.plan, "park", false) && named && kj_doc_count(fake.plan, "tags") == 0;
    if (!right) {
        fail_msg("%s: %s", body, fake_json(&fake, "faults"));
    }
    if (spent > 3) { // far above the 0.5 s of CPU, for slow machines and sanitizers
        fail_msg("%s took %.1f s", body, spent);
    }
    fake_end(&fake);
}

// The script must fail with an ordinary fault of its section; the rest goes on.
static void fails(const char *body, const char *sentence)
{
    struct fake fake = {0};
    judge_body(&fake, body);
    if (!strstr(fake_text(&fake, "faults.0.text"), sentence) ||
        kj_doc_count(fake.plan, "tags") != 1) {
        fail_msg("%s: %s", body, fake_json(&fake, "faults"));
    }
    fake_end(&fake);
}

static void gives(const char *body, bool good)
{
    struct fake fake = {0};
    judge_body(&fake, body);
    if (strcmp(fake_text(&fake, "success"), good ? "good" : "poor") != 0) {
        fail_msg("%s: %s", body, fake_json(&fake, "faults"));
    }
    fake_end(&fake);
}

static void endless_loops_are_stopped(void **state)
{
    (void)state;
    is_stopped("while true do end", "instructions");
    is_stopped("repeat local ok = pcall(function() while true do end end) until false",
               "instructions");
    is_stopped("pcall(function() while true do end end) return true", "instructions");
    is_stopped("local f f = function() return f() end return f()", "instructions");
    is_stopped("local t = setmetatable({}, { __index = function(t, k) return t[k + 1] end }) "
               "while true do pcall(function() return t[1] end) end",
               "was stopped");
    is_stopped("table.sort({3, 2, 1, 4, 5}, function(a, b) while true do end end)", "instructions");
    is_stopped("string.gsub('aaa', 'a', function() while true do end end)", "instructions");
    is_stopped("for k in pairs(setmetatable({a = 1}, {})) do while true do end end",
               "instructions");
}

static void long_c_calls_are_charged(void **state)
{
    (void)state;
    is_stopped("return (('a'):rep(4000)):find('.-.-.-.-b')", "was stopped");
    is_stopped("return (('a'):rep(300)):find(('a?'):rep(60) .. ('a'):rep(300) .. 'b')",
               "was stopped");
    is_stopped("local s = ('a'):rep(200000) while true do s:find('(a*)*b') end", "was stopped");
    is_stopped("local s = ('x'):rep(500000) local t = {} for i = 1, 50000 do t[i] = s end "
               "while true do table.sort(t) end",
               "was stopped");
    is_stopped("local s = ('9'):rep(500000) while true do local x = tonumber(s) end",
               "was stopped");
    is_stopped("local s = ('9'):rep(500000) while true do utf8.len(s) end", "was stopped");
    is_stopped("local s = ('x'):rep(1000000) while true do local a = s .. 'y' end", "was stopped");
    is_stopped("local s = ('Ä'):rep(200000) while true do kejue.text.words(s) end", "was stopped");
    is_stopped("local s = '[' .. ('1,'):rep(5000) .. '1]' while true do kejue.json.decode(s) end",
               "was stopped");
    is_stopped("while true do string.format('%99.99f', 1e300) end", "was stopped");
    is_stopped("local t = {} for i = 1, 20000 do t[i] = i end while true do table.insert(t, 1, 0) "
               "table.remove(t, 1) end",
               "was stopped");
    is_stopped("local t = {} for i = 1, 20000 do t['k' .. i] = i end while true do next(t) end",
               "was stopped");
}

static void memory_is_capped(void **state)
{
    (void)state;
    is_stopped("local t = {} while true do t = { t, ('x'):rep(1000) .. #t } end", "memory");
    is_stopped("local t = {} while true do pcall(function() while true do t[#t + 1] = {} end end) "
               "end",
               "2 MiB");
    is_stopped("local s = 'x' while true do s = s .. s end", "2 MiB");
    is_stopped("local t = {} for i = 1, 1e9 do t[i] = i end", "2 MiB");
    is_stopped("local t = {} for i = 1, 1e9 do t[i] = ('x'):rep(2000) .. i end", "memory");
    is_stopped("local function f(n) local a, b, c, d = n, n, n, n return 1 + f(n + 1) end f(1)",
               "recursion");
}

static void library_bounds_are_plain_errors(void **state)
{
    (void)state;
    fails("return ('').rep('x', 1 << 40)", "more than 1 MiB");
    fails("return ('x'):rep(10000000)", "more than 1 MiB");
    fails("table.move({}, 1, 1 << 40, 2, {})", "to move");
    fails("table.concat({}, '', 1, 1 << 50)", "to concat");
    fails("table.insert(setmetatable({}, { __len = function() return 1 << 40 end }), 1, 1)",
          "more than 100000");
    fails("return string.format('%p', {})", "p does not exist");
    fails("return string.format('%1000d', 1)", "at most two digits");
    fails("return ('x'):find('[a')", "never closed");
    fails("return ('x'):find('%')", "ends with %");
    fails("return ('x'):find(('('):rep(40))", "malformed pattern");
    fails("return 'a' + 1", "tonumber");
    fails("return setmetatable({}, { __gc = function() end })", "__gc is not available");
    fails("return setmetatable({}, { __close = function() end })", "__close is not available");
    fails("return setmetatable(_ENV, {})", "cannot be changed");
    fails("return setmetatable(string, {})", "cannot be changed");
    fails("local x <close> = setmetatable({}, { __close = 1 })", "__close is not available");
    fails("return { [{}] = 1, [function() end] = 2 } and next({ [{}] = 1 })", "no order");
}

static void what_is_gone_says_why(void **state)
{
    (void)state;
    fails("return os.time()", "c.now");
    fails("return io.open('x')", "reads no files");
    fails("print('x')", "return a reason");
    fails("return load('return 1')", "loads no code");
    fails("return coroutine.create(function() end)", "straight-line");
    fails("return debug.getinfo(1)", "leave the sandbox");
    fails("return getmetatable('')", "metatables");
    fails("return _G", "globals cannot be listed");
    fails("return apointment", "is not defined");
    fails("return tostrin(1)", "did you mean \"tostring\"");
    fails("x = 1", "write \"local x");
    fails("string.rep = nil", "read-only");
    fails("kejue.time = nil", "read-only");
    fails("return kejue.call('crm.upsert', {})", "a rule judges and does nothing outside");
    fails("return require('nothing')", "there is no module");
    fails("return require('../../etc/passwd')", "there is no module");
    gives("return ('').dump == nil and string.pack == nil and math.randomseed == nil", true);
}

static void nothing_is_kept_between_evaluations(void **state)
{
    (void)state;
    struct fake fake = {0};
    fake_load(&fake,
              "local count, seen = 0, nil\n"
              "local cache = { n = 0 }\n"
              "local function bump() count = count + 1 return count end\n"
              "return kejue.rules { name = \"p\",\n"
              "  tags = { { \"first\", function() return bump() == 1 and seen == nil end },\n"
              "    { \"set\", function(c) seen = c return true end } },\n"
              "  score = function() cache.n = 1 return 1 end,\n"
              "}");
    assert_int_equal(fake.status, 0);
    for (int i = 0; i < 3; i++) {
        fake_judge(&fake, NULL);
        assert_string_equal(fake_json(&fake, "tags"), "[\"first\",\"set\"]");
        assert_string_equal(fake_json(&fake, "score"), "null");
        assert_non_null(strstr(fake_text(&fake, "faults.0.text"), "read-only"));
        assert_string_equal(fake_text(&fake, "faults.0.at"), "rules/p.lua:7");
    }
    fake_end(&fake);
}

static void an_environment_cannot_be_replaced(void **state)
{
    (void)state;
    struct fake fake = {0};
    fake_load(&fake, "return kejue.rules { name = \"p\", tags = { { \"whole\", function()\n"
                     "  local whole = type ~= nil _ENV = {} return whole end } } }");
    assert_int_equal(fake.status, 0);
    for (int i = 0; i < 2; i++) {
        fake_judge(&fake, NULL);
        assert_string_equal(fake_json(&fake, "tags"), "[\"whole\"]");
    }
    fake_end(&fake);
}

static void iterators_cannot_be_kept(void **state)
{
    (void)state;
    fake_refuses(
        "local step = pairs({ a = 1 })\n"
        "return kejue.rules { name = \"p\", tags = { { \"x\", function() return step() end } } }",
        "rules/p.lua", "an iterator made while the file was loaded");
}

static void classes_made_at_load_time_still_work(void **state)
{
    (void)state;
    struct fake fake = {0};
    fake_load(
        &fake,
        "local Point = {}\nPoint.__index = Point\n"
        "Point.__add = function(a, b) return Point.new(a.x + b.x) end\n"
        "function Point.new(x) return setmetatable({ x = x }, Point) end\n"
        "function Point:double() return self.x * 2 end\n"
        "local origin = Point.new(3)\n"
        "local computed = setmetatable({}, { __index = function(_, k) return k .. '!' end })\n"
        "return kejue.rules { name = \"p\", score = function()\n"
        "  local p = Point.new(4) + origin\n"
        "  p.x = p.x + (computed.a == 'a!' and 0 or 50)\n"
        "  return p:double() + origin:double() end }");
    assert_int_equal(fake.status, 0);
    for (int i = 0; i < 2; i++) {
        fake_judge(&fake, NULL);
        assert_string_equal(fake_json(&fake, "score"), "20");
    }
    fake_end(&fake);
}

static void order_and_chance_are_the_same_each_time(void **state)
{
    (void)state;
    gives("local keys = {} for k in pairs({ b = 1, a = 1, [2] = 1, [1] = 1, [true] = 1 }) do "
          "keys[#keys + 1] = tostring(k) end return table.concat(keys, ' ') == '1 2 a b true'",
          true);
    gives("return tostring({}) == 'table' and tostring(type) == 'function' and "
          "tostring(kejue.none) == 'none' and tostring(1.5) == '1.5'",
          true);
    gives("local a = math.random(1, 6) return a >= 1 and a <= 6 and math.random() < 1", true);
    gives(
        "local t = {} for i = 1, 100 do t[i] = i % 7 end table.sort(t, function() return true end) "
        "return #t == 100",
        true);
    gives("return next({}) == nil and next({ 5 }) == 1 and next({ b = 1, a = 2 }) == 'a'", true);
    gives("local ok, text = pcall(error, 'x', 0) return not ok and text == 'x'", true);
    gives("local ok, err = pcall(error, { code = 7 }) return not ok and err.code == 7", true);
}

static void bytecode_is_refused(void **state)
{
    (void)state;
    struct fake fake = {0};
    kj_buf_init(&fake.text, 0);
    fake.sources = kj_sources_new();
    kj_sources_add(fake.sources, "rules/p.lua", "\x1bLuaT\0", 6);
    fake.status =
        kj_pack_create(fake.sources, &k_limits, "rules/p.lua", false, &fake.pack, &fake.fault);
    assert_int_not_equal(fake.status, 0);
    assert_non_null(strstr(fake.fault.text, "binary"));
    fake_end(&fake);
}

static void a_file_that_never_ends_is_stopped_while_loading(void **state)
{
    (void)state;
    fake_refuses("while true do end", "rules/p.lua:1", "was stopped");
    fake_refuses("local t = {} while true do t[#t + 1] = {} end", "rules/p.lua", "2 MiB");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(endless_loops_are_stopped),
        cmocka_unit_test(long_c_calls_are_charged),
        cmocka_unit_test(memory_is_capped),
        cmocka_unit_test(library_bounds_are_plain_errors),
        cmocka_unit_test(what_is_gone_says_why),
        cmocka_unit_test(nothing_is_kept_between_evaluations),
        cmocka_unit_test(an_environment_cannot_be_replaced),
        cmocka_unit_test(iterators_cannot_be_kept),
        cmocka_unit_test(classes_made_at_load_time_still_work),
        cmocka_unit_test(order_and_chance_are_the_same_each_time),
        cmocka_unit_test(bytecode_is_refused),
        cmocka_unit_test(a_file_that_never_ends_is_stopped_while_loading),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
