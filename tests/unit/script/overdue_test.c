// Judging first without counting and without guards, then with both: one must give what the other
// gives, and neither a pcall nor an endless loop may be in the way.
#include "pack_fake.h"

// The first limits are so high that instructions are not counted at first; by the second they are.
static const struct kj_vm_limits k_free = {16u << 20, 5000, 50000000};
static const struct kj_vm_limits k_counted = {16u << 20, 5000, 39000000};

// The plan by both limits, which must be the same; the caller destroys it. *instructions is what
// the first was charged.
static bson_t *judge_both(const char *pack, int64_t *instructions)
{
    const struct kj_vm_limits *limits[] = {&k_free, &k_counted};
    bson_t *plans[2];
    for (int i = 0; i < 2; i++) {
        struct fake fake = {.limits = limits[i]};
        struct kj_warm *warm = NULL;
        bson_t *facts = fake_facts(NULL);
        fake_pack(&fake, pack);
        assert_int_equal(kj_pack_take(fake.pack, &warm, &fake.fault), 0);
        assert_int_equal(kj_eval_run(warm->vm, warm->rules, facts, &plans[i], &fake.fault), 0);
        if (i == 0) {
            *instructions = k_free.instructions - warm->vm->fuel;
        }
        kj_pack_give(fake.pack, warm);
        bson_destroy(facts);
        fake_end(&fake);
    }
    assert_true(bson_equal(plans[0], plans[1]));
    bson_destroy(plans[1]);
    return plans[0];
}

static void what_ends_soon_is_not_counted(void **state)
{
    (void)state;
    int64_t instructions;
    bson_t *plan = judge_both("success = { { \"good\", function(c) local n = 0\n"
                              "for i = 1, 5000 do n = n + i end return n > 0 end } }",
                              &instructions);
    assert_string_equal(kj_doc_text(plan, "success", ""), "good");
#ifndef __SANITIZE_THREAD__
    assert_int_equal(instructions, 0);
#endif
    bson_destroy(plan);
}

static void what_takes_long_is_counted(void **state)
{
    (void)state;
    int64_t instructions;
    bson_t *plan =
        judge_both("success = { { \"good\", function(c) local n, held = 0, 0\n"
                   "for i = 1, 300 do\n"
                   "  local ok = pcall(function() for j = 1, 30000 do n = n + j end end)\n"
                   "  held = held + (ok and 0 or 1)\n"
                   "end return held == 0, \"held \" .. held .. \" sum \" .. n end } }",
                   &instructions);
    assert_string_equal(kj_doc_text(plan, "success", ""), "good");
    assert_string_equal(kj_doc_text(plan, "explain.0.reason", ""), "held 0 sum 135004500000");
    assert_true(instructions > 300 * 30000);
    bson_destroy(plan);
}

static void an_endless_loop_ends_and_says_so(void **state)
{
    (void)state;
#ifdef __SANITIZE_THREAD__
    skip(); // no thread is watched there (watch.c), and so many instructions take years
#endif
    struct kj_vm_limits limits = {16u << 20, 100, INT64_C(1) << 50};
    struct fake fake = {.limits = &limits};
    fake_pack(&fake, "tags = { { \"x\", function(c)\n"
                     "while true do pcall(function() while true do end end) end end } }");
    fake_judge(&fake, NULL);
    assert_true(kj_doc_bool(fake.plan, "park", false));
    assert_string_equal(fake_text(&fake, "faults.0.section"), "tags");
    assert_string_equal(fake_text(&fake, "faults.0.at"), "rules/p.lua:3");
    assert_non_null(strstr(fake_text(&fake, "park_reason"), "CPU time"));
    fake_end(&fake);
}

// A pcall of the script must not hold the fault of a result that its function asked for: the result
// is unknown and the fault in the plan, as without a pcall.
static void a_pcall_holds_only_what_is_its_own(void **state)
{
    (void)state;
    int64_t instructions;
    bson_t *plan = judge_both(
        "variables = {\n"
        "  boom = { type = \"integer\", from = function(c) return c.lead.email.x.y end },\n"
        "  heard = { type = \"string\", from = function(c)\n"
        "    local ok, value = pcall(function() return c.vars.boom end)\n"
        "    local own = pcall(function() error(\"mine\") end)\n"
        "    return tostring(ok) .. tostring(value) .. tostring(own) end } }",
        &instructions);
    assert_string_equal(kj_doc_text(plan, "variables.heard.value", ""), "truenilfalse");
    assert_string_equal(kj_doc_text(plan, "faults.0.section", ""), "variables.boom");
    assert_int_equal(kj_doc_count(plan, "faults"), 1);
    bson_destroy(plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_ends_soon_is_not_counted),
        cmocka_unit_test(what_takes_long_is_counted),
        cmocka_unit_test(an_endless_loop_ends_and_says_so),
        cmocka_unit_test(a_pcall_holds_only_what_is_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
