// Loading packs: what a wrong pack says (file, line, nearest name), extends, hashes, description.
#include "pack_fake.h"

static void unknown_names_have_a_place_and_a_hint(void **state)
{
    (void)state;
    fake_refuses("return kejue.rules {\n  name = \"p\",\n  sucess = {},\n}", "rules/p.lua:3",
                 "there is no key of a pack \"sucess\"; did you mean \"success\"?");
    fake_refuses(
        "return kejue.rules { name = \"p\",\n variables = {\n  budget = { type = \"integer\",\n"
        "    mim = 3 } } }",
        "rules/p.lua:4", "there is no field of a variable \"mim\"; did you mean \"min\"?");
    fake_refuses("return kejue.rules { name = \"p\", variables = {\n  a = { type = \"int\" } } }",
                 "rules/p.lua:2", "there is no type \"int\"");
    fake_refuses("return kejue.rules { name = \"p\",\n success = {\n  { \"good\" , \"x\" },\n"
                 "  { \"exellent\" } } }",
                 "rules/p.lua:4", "there is no level \"exellent\"; did you mean \"excellent\"?");
    fake_refuses(
        "return kejue.rules { name = \"p\", templates = { hi = { languages = { \"en\" } } },\n"
        " template = { { \"hj\" } } }",
        "rules/p.lua:2", "there is no template \"hj\"; did you mean \"hi\"?");
    fake_refuses("return kejue.rules { name = \"p\",\n scale = \"gaol\" }", "rules/p.lua:2",
                 "did you mean \"goal\"?");
    fake_refuses("return kejue.rules { name = \"p\", retry = {\n on = { \"bussy\" } } }",
                 "rules/p.lua:2", "there is no disposition \"bussy\"; did you mean \"busy\"?");
    fake_refuses("return kejue.rules { name = \"p\", guidance = {\n analyse = \"x\" } }",
                 "rules/p.lua:2", "did you mean \"analysis\"?");
}

static void wrong_shapes_say_what_is_right(void **state)
{
    (void)state;
    fake_refuses("return kejue.rules { name = \"p\",\n success = { { \"good\", 7 } } }",
                 "rules/p.lua:2", "a condition is a text or a function, not a number");
    fake_refuses(
        "return kejue.rules { name = \"p\",\n success = { { \"good\", \"eager\" } },\n score = "
        "\"eager\" }",
        "rules/p.lua:3", "this text is a condition too");
    fake_refuses("return kejue.rules { name = \"p\",\n score = \"eager\",\n tags = { { \"hot\", "
                 "\"eager\" } } }",
                 "rules/p.lua:3", "answered with a number");
    fake_refuses("return kejue.rules { name = \"p\", success = { { \"good\", \"in trade\" } },\n "
                 "preselection = { criteria = \"in trade\" } }",
                 "rules/p.lua:2", "word one of them otherwise");
    fake_refuses("return kejue.rules { name = \"p\",\n score = { { \"good\" } } }", "rules/p.lua:2",
                 "starts with its points, a number");
    fake_refuses("return kejue.rules { name = \"p\",\n success = { { \"good\" }, { \"poor\" } } }",
                 "rules/p.lua:2", "never reached: row 1 has no condition");
    fake_refuses("return kejue.rules { name = \"p\",\n success = { a = { \"good\" } } }",
                 "rules/p.lua:2", "a list of rows");
    fake_refuses("return kejue.rules { name = \"p\", variables = { a = { type = \"enum\" } } }",
                 "rules/p.lua:1", "an enum needs its values");
    fake_refuses("return kejue.rules { name = \"p\", variables = {\n"
                 " a = { type = \"integer\", min = 5, max = 2 } } }",
                 "rules/p.lua:2", "min is greater than max");
    fake_refuses("return kejue.rules { name = \"p\", settings = {\n"
                 " a = { type = \"integer\", default = \"x\" } } }",
                 "rules/p.lua:2", "is not of the type integer");
    fake_refuses("return kejue.rules { name = \"p\",\n callback = { expires = \"soon\" } }",
                 "rules/p.lua:2", "must be a span like");
    fake_refuses("return kejue.rules { name = \"p\",\n success = { { \"good\", \"likes "
                 "{campain.goal}\" } } }",
                 "rules/p.lua:2", "{campain.goal} is no field of the call");
    fake_refuses(
        "return kejue.rules { name = \"p\", templates = {\n Hi = { languages = { \"en\" } } } }",
        "rules/p.lua:2", "small letters");
    fake_refuses("return kejue.rules { name = \"other\" }", "rules/p.lua:1",
                 "a pack is called like its file");
    fake_refuses("return { name = \"p\" }", "rules/p.lua:1", "must end with: return kejue.rules");
    fake_refuses("return kejue.rules { name = \"p\", }\nsyntax error", "rules/p.lua:2", "<eof>");
    fake_refuses("local x = nil\nreturn kejue.rules { name = x.y }", "rules/p.lua:2",
                 "attempt to index a nil value");
}

static void extends_merges_maps_and_replaces_lists(void **state)
{
    (void)state;
    struct fake fake = {0};
    fake_add(&fake, "rules/base.lua",
             "return kejue.rules { name = \"base\",\n"
             "  variables = { a = { type = \"integer\", max = 5 }, b = { type = \"string\" } },\n"
             "  success = { { \"good\", function(c) return c.vars.a == 7 end }, { \"poor\" } },\n"
             "  tags = { { \"base\" } } }");
    fake_load(&fake, "return kejue.rules { name = \"p\", extends = \"base\",\n"
                     "  variables = { a = { max = 9 } }, tags = { { \"own\" } } }");
    if (fake.status) {
        fail_msg("%s: %s", fake.fault.place, fake.fault.text);
    }
    fake_judge(&fake, "\"call\": {\"reached\": true}, "
                      "\"answers\": {\"variables\": {\"a\": {\"value\": 7}}}");
    assert_string_equal(fake_text(&fake, "success"), "good");
    assert_string_equal(fake_json(&fake, "tags"), "[\"own\"]");
    assert_string_equal(fake_text(&fake, "explain.0.at"), "rules/base.lua:3");
    bson_iter_t file;
    assert_true(bson_iter_init_find(&file, fake.pack->files, "rules/base.lua"));
    assert_true(bson_iter_init_find(&file, fake.pack->files, "rules/p.lua"));
    fake_end(&fake);
    fake_refuses("return kejue.rules { name = \"p\",\n extends = \"p\" }", "rules/p.lua:2",
                 "a chain of extends");
    fake_refuses("return kejue.rules { name = \"p\",\n extends = \"nobody\" }", "rules/p.lua:2",
                 "there is no pack \"nobody\" to extend");
}

static void the_hash_covers_every_file(void **state)
{
    (void)state;
    char first[65];
    struct fake fake = {0};
    static const char *const pack = "local l = require(\"l\") return kejue.rules { name = \"p\" }";
    fake_add(&fake, "lib/l.lua", "return { a = 1 }");
    fake_load(&fake, pack);
    assert_int_equal(fake.status, 0);
    memcpy(first, fake.pack->hash, sizeof first);
    fake_end(&fake);
    fake_add(&fake, "lib/l.lua", "return { a = 1 }");
    fake_load(&fake, pack);
    assert_string_equal(fake.pack->hash, first);
    fake_end(&fake);
    fake_add(&fake, "lib/l.lua", "return { a = 2 }");
    fake_load(&fake, pack);
    assert_string_not_equal(fake.pack->hash, first);
    fake_end(&fake);
}

static void modules_are_found_in_two_folders_only(void **state)
{
    (void)state;
    struct fake fake = {0};
    fake_add(&fake, "lib/l.lua", "return { one = 1 }");
    fake_add(&fake, "rules/p/words.lua", "local l = require(\"l\") return { two = l.one + 1 }");
    fake_add(&fake, "rules/q/secret.lua", "return {}");
    fake_load(&fake, "local w = require(\"words\")\n"
                     "return kejue.rules { name = \"p\", score = function() return w.two end }");
    if (fake.status) {
        fail_msg("%s: %s", fake.fault.place, fake.fault.text);
    }
    fake_judge(&fake, NULL);
    assert_string_equal(fake_json(&fake, "score"), "2");
    fake_end(&fake);
    fake_add(&fake, "lib/a.lua", "return require(\"b\")");
    fake_add(&fake, "lib/b.lua", "return require(\"a\")");
    fake_load(&fake, "require(\"a\")");
    assert_non_null(strstr(fake.fault.text, "in a circle"));
    fake_end(&fake);
}

static void a_pack_describes_itself(void **state)
{
    (void)state;
    struct fake fake = {0};
    fake_pack(&fake, "guidance = { analysis = \"be strict\" },\n"
                     "settings = { min = { type = \"integer\", default = 3 } },\n"
                     "variables = {\n"
                     "  size = { type = \"integer\", min = 1, max = 9, guidance = \"how many\",\n"
                     "    ask = { en = \"How many?\", de = \"Wie viele?\" } },\n"
                     "  kind = { type = \"enum\", values = { \"a\", \"b\" },\n"
                     "    labels = { a = { en = \"the first\" }, b = \"second\" } },\n"
                     "  sure = { type = \"boolean\", from = function() return true end } },\n"
                     "success = { { \"good\", \"sounded {campaign.goal}\" }, { \"poor\" } },\n"
                     "templates = { hi = { languages = { \"en\" } } }");
    fake.plan = bson_copy(fake.pack->describe);
    assert_string_equal(fake_text(&fake, "guidance.analysis"), "be strict");
    assert_string_equal(fake_text(&fake, "variables.0.name"), "kind");
    assert_string_equal(fake_text(&fake, "variables.0.labels.a.en"), "the first");
    assert_string_equal(fake_json(&fake, "variables.0.values"), "[\"a\",\"b\"]");
    assert_string_equal(fake_text(&fake, "variables.1.ask.de"), "Wie viele?");
    assert_int_equal(kj_doc_int(fake.plan, "variables.1.max", 0), 9);
    assert_false(kj_doc_bool(fake.plan, "variables.1.derived", true));
    assert_true(kj_doc_bool(fake.plan, "variables.2.derived", false));
    assert_string_equal(fake_json(&fake, "texts"), "[\"sounded {campaign.goal}\"]");
    assert_string_equal(fake_json(&fake, "templates"), "[\"hi\"]");
    assert_int_equal(kj_doc_int(fake.plan, "settings.min.default", 0), 3);
    assert_string_equal(fake_json(&fake, "scale.success"), "[\"excellent\",\"good\"]");
    assert_int_equal(strlen(fake_text(&fake, "hash")), 64);
    fake_end(&fake);
}

// Lua would keep the second without a word.
static void a_key_that_stands_twice_is_refused(void **state)
{
    (void)state;
    fake_refuses(
        "return kejue.rules { name = \"p\",\n variables = {\n  a = { type = \"boolean\" },\n  b = "
        "{ type = \"boolean\" },\n  a = { type = \"integer\" } } }",
        "rules/p.lua:5", "\"a\" stands twice in \"variables\", first in line 3");
    fake_refuses(
        "return kejue.rules { name = \"p\",\n score = { { 5 } },\n [\"score\"] = { { 6 } } }",
        "rules/p.lua:3", "\"score\" stands twice in the pack, first in line 2");
    fake_refuses(
        "return kejue.rules { name = \"p\", effects = {\n { key = \"x\", verb = \"a.b\" },\n { key "
        "= \"x\", verb = \"a.c\" } } }",
        "rules/p.lua:3", "as that of an effect before");
    // what only looks alike
    struct fake fake = {0};
    fake_pack(
        &fake,
        "settings = { a = { type = \"integer\", default = 1 } },\n"
        "variables = { a = { type = \"boolean\", labels = nil } },\n"
        "effects = { { key = \"x\", verb = \"crm.upsert\", args = { [1 + 1] = 1, [2 + 1] = 1, "
        "[\"x.y\"] = 1, x = { y = 1 } } } }");
    fake_end(&fake);
}

static void lines_are_found_through_strings_and_comments(void **state)
{
    (void)state;
    struct kj_lines lines;
    static const char *const text =
        "-- kejue.rules { a = 1 }\nlocal s = [==[ kejue.rules { ]] ]==]\n"
        "return kejue.rules {\n"
        "  a = { 1, \"}\", { x = 2 } },\n"
        "  f = function(c) if c then return { 1, 2 } end end, b = 'x\\'}',\n"
        "  [\"odd key\"] = 3;\n"
        "  --[[ c = 1\n  ]] d = { [5] = 1,\n"
        "    g == 1 and 2 }\n}";
    kj_lines_init(&lines, text, strlen(text), "rules");
    assert_int_equal(kj_lines_find(&lines, ""), 3);
    assert_int_equal(kj_lines_find(&lines, "a[3].x"), 4);
    assert_int_equal(kj_lines_find(&lines, "b"), 5);
    assert_int_equal(kj_lines_find(&lines, "odd key"), 6);
    assert_int_equal(kj_lines_find(&lines, "c"), 0);
    assert_int_equal(kj_lines_find(&lines, "d[5]"), 8);
    assert_int_equal(kj_lines_find(&lines, "d[1]"), 9);
    assert_int_equal(kj_lines_near(&lines, "d[1].deep.down"), 9);
    assert_int_equal(kj_lines_near(&lines, "nowhere"), 3);
    kj_lines_fini(&lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unknown_names_have_a_place_and_a_hint),
        cmocka_unit_test(wrong_shapes_say_what_is_right),
        cmocka_unit_test(extends_merges_maps_and_replaces_lists),
        cmocka_unit_test(the_hash_covers_every_file),
        cmocka_unit_test(modules_are_found_in_two_folders_only),
        cmocka_unit_test(a_pack_describes_itself),
        cmocka_unit_test(a_key_that_stands_twice_is_refused),
        cmocka_unit_test(lines_are_found_through_strings_and_comments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
