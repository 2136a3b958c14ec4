// Judging: rows, texts, cycles, faults, explanation, calls that reached nobody, determinism.
#include "pack_fake.h"

static void the_first_row_wins_and_the_others_are_explained(void **state)
{
    (void)state;
    struct fake fake = {0};
    fake_pack(&fake,
              "variables = { budget = { type = \"integer\" } },\n"
              "success = {\n"
              "  { \"excellent\", function(c) return c.vars.budget > 5000, \"too small\" end },\n"
              "  { \"good\", \"was friendly\", function(c) return true end },\n"
              "  { \"fair\", \"asked a question\" },\n"
              "  { \"poor\" } }");
    fake_judge(&fake,
               "\"call\": {\"reached\": true}, \"transcript\": ["
               "{\"speaker\": \"assistant\", \"text\": \"And?\"},"
               "{\"speaker\": \"lead\", \"text\": \"About four thousand.\"}],"
               "\"answers\": {\"texts\": {\"was friendly\": null, \"asked a question\": true},"
               "\"variables\": {\"budget\": {\"value\": 4000, \"quote\": \"about FOUR thousand\","
               "\"turn\": 2}}}");
    assert_string_equal(fake_text(&fake, "success"), "fair");
    assert_string_equal(fake_text(&fake, "explain.0.section"), "success");
    assert_string_equal(fake_text(&fake, "explain.0.at"), "rules/p.lua:6");
    assert_int_equal(kj_doc_int(fake.plan, "explain.0.row", 0), 3);
    assert_string_equal(fake_text(&fake, "explain.0.skipped.0.at"), "rules/p.lua:4");
    assert_string_equal(fake_text(&fake, "explain.0.skipped.0.result"), "false");
    assert_string_equal(fake_text(&fake, "explain.0.skipped.0.reason"), "too small");
    assert_string_equal(fake_text(&fake, "explain.0.skipped.0.read.0"),
                        "vars.budget = 4000, turn 2 \"about FOUR thousand\"");
    assert_string_equal(fake_text(&fake, "explain.0.skipped.1.result"), "unknown");
    assert_string_equal(fake_text(&fake, "explain.0.skipped.1.reason"),
                        "\"was friendly\" is unknown");
    assert_int_equal(kj_doc_int(fake.plan, "model.unknown", 0), 1);
    assert_false(kj_doc_bool(fake.plan, "park", true));
    fake_end(&fake);
}

static void without_a_model_texts_are_unknown_and_say_why(void **state)
{
    (void)state;
    struct fake fake = {0};
    fake_pack(&fake, "success = { { \"good\", \"was friendly\" }, { \"poor\" } }");
    fake_judge(&fake, "\"call\": {\"reached\": true}, "
                      "\"answers\": {\"skipped\": \"no model is configured\","
                      "\"texts\": {\"was friendly\": true}}");
    assert_string_equal(fake_text(&fake, "success"), "poor");
    assert_string_equal(fake_text(&fake, "model.skipped"), "no model is configured");
    assert_non_null(
        strstr(fake_text(&fake, "explain.0.skipped.0.reason"), "no model is configured"));
    fake_judge(&fake, "\"call\": {\"reached\": true}");
    assert_string_equal(fake_text(&fake, "model.skipped"), "no model has answered");
    fake_end(&fake);
}

static void nobody_reached_means_no_judgement(void **state)
{
    (void)state;
    struct fake fake = {0};
    fake_pack(
        &fake,
        "success = { { \"good\" } }, verdicts = { fit = { scale = \"client\", { \"good\" } } },\n"
        "score = { { 50 } }, lead_status = { { \"lost\", function(c) return c.success == "
        "\"not_applicable\" and c.score == nil end } },\n"
        "tags = { { \"t\" } }, templates = { hi = { languages = { \"en\" } } }, template = { { "
        "\"hi\" } },\n"
        "retry = { gaps = { 5, \"2h\" } }, effects = { { key = \"k\", verb = \"crm.upsert\" } }");
    fake_judge(&fake, "\"call\": {\"reached\": false, \"disposition\": \"busy\", \"attempt\": 1}");
    assert_string_equal(fake_text(&fake, "success"), "not_applicable");
    assert_string_equal(fake_text(&fake, "verdicts.fit"), "not_applicable");
    assert_string_equal(fake_json(&fake, "score"), "null");
    assert_string_equal(fake_text(&fake, "lead_status"), "lost");
    assert_string_equal(fake_json(&fake, "tags"), "[\"t\"]");
    assert_string_equal(fake_text(&fake, "template.name"), "hi");
    assert_string_equal(fake_json(&fake, "next.gaps_minutes"), "[5,120]");
    assert_string_equal(fake_json(&fake, "next.at"), "\"2026-01-05T10:05:00.000Z\"");
    assert_string_equal(fake_text(&fake, "effects.0.verb"), "crm.upsert");
    fake_end(&fake);
}

static void a_circle_names_its_path(void **state)
{
    (void)state;
    struct fake fake = {0};
    fake_pack(&fake,
              "variables = { a = { type = \"integer\", from = function(c) return c.vars.b end },\n"
              "  b = { type = \"integer\", from = function(c) return c.vars.a end } },\n"
              "success = { { \"good\", function(c) return c.score > 1 end }, { \"poor\" } },\n"
              "score = function(c) return c.success == \"good\" and 1 or 2 end");
    fake_judge(&fake, NULL);
    assert_non_null(strstr(fake_text(&fake, "faults.0.text"), "success reads score reads success"));
    assert_string_equal(fake_text(&fake, "faults.0.section"), "score");
    assert_string_equal(fake_text(&fake, "faults.1.section"), "success");
    assert_non_null(strstr(fake_text(&fake, "faults.2.text"),
                           "variables.a reads variables.b reads variables.a"));
    assert_true(kj_doc_bool(fake.plan, "park", false));
    fake_end(&fake);
}

static void a_fault_stays_in_its_section(void **state)
{
    (void)state;
    struct fake fake = {0};
    fake_pack(
        &fake,
        "variables = { a = { type = \"integer\", from = function(c) error(\"no a\") end } },\n"
        "success = { { \"good\", function(c) return c.lead_status == nil end }, { \"poor\" } },\n"
        "lead_status = { { \"x\", function(c) return c.lead.emial end } },\n"
        "score = function(c) return c.callback.at end,\n"
        "tags = { { \"x\", function(c) return c.vars.a == nil end } },\n"
        "effects = function(c) return { { key = \"a\", verb = \"v\" }, { key = \"a\", verb = \"w\" "
        "} } end,\n"
        "lead_changes = function(c) local t = {} t.t = t return t end,\n"
        "templates = { hi = { languages = { \"en\" }, parameters = { n = function(c) return {} end "
        "} } },\n"
        "template = { { \"hi\" } }");
    fake_judge(&fake, NULL);
    assert_string_equal(fake_text(&fake, "success"), "good");
    assert_string_equal(fake_json(&fake, "score"), "null");
    assert_string_equal(fake_json(&fake, "tags"), "[\"x\"]");
    assert_string_equal(fake_json(&fake, "lead_changes"), "absent");
    assert_string_equal(fake_json(&fake, "effects"), "absent");
    assert_string_equal(fake_json(&fake, "template"), "absent");
    assert_string_equal(fake_text(&fake, "variables.a.state"), "unknown");
    assert_false(kj_doc_bool(fake.plan, "park", true));
    static const struct {
        const char *section, *at, *text;
    } wanted[] = {
        {"lead_status", "rules/p.lua:4", "c.lead has no field \"emial\"; did you mean \"email\"?"},
        {"score", "rules/p.lua:5", "attempt to index a nil value (field 'callback')"},
        {"variables.a", "rules/p.lua:2", "no a"},
        {"lead_changes", "", "deeper than 32 tables"},
        {"template", "rules/p.lua:9", "must be a text or a number, not a table"},
        {"effects", "rules/p.lua:7", "effects[2].key is the same"},
    };
    for (size_t i = 0; i < KJ_COUNT(wanted); i++) {
        char path[40];
        snprintf(path, sizeof path, "faults.%zu.section", i);
        assert_string_equal(fake_text(&fake, path), wanted[i].section);
        snprintf(path, sizeof path, "faults.%zu.at", i);
        assert_string_equal(fake_text(&fake, path), wanted[i].at);
        snprintf(path, sizeof path, "faults.%zu.text", i);
        assert_non_null(strstr(fake_text(&fake, path), wanted[i].text));
    }
    fake_end(&fake);
}

static void success_and_opt_out_park_the_job(void **state)
{
    (void)state;
    struct fake fake = {0};
    fake_pack(&fake, "success = { { \"good\", function(c) return c.nothing end } }");
    fake_judge(&fake, NULL);
    assert_true(kj_doc_bool(fake.plan, "park", false));
    assert_string_equal(fake_json(&fake, "success"), "null");
    assert_non_null(strstr(fake_text(&fake, "park_reason"),
                           "success: rules/p.lua:2: c has no field \"nothing\""));
    fake_end(&fake);
    fake_pack(&fake, "opt_out = { { \"all\", function(c) error(\"oops\") end } }");
    fake_judge(&fake, NULL);
    assert_true(kj_doc_bool(fake.plan, "park", false));
    fake_end(&fake);
}

static void opt_out_adds_and_never_lifts(void **state)
{
    (void)state;
    struct fake fake = {0};
    fake_pack(&fake, "opt_out = { { \"campaign\", function(c) return c.lead.status == \"angry\", "
                     "\"said so\" end } },\n"
                     "callback = {}, retry = { gaps = { 5 }, on = { \"completed\" } }");
    fake_judge(&fake, "\"call\": {\"reached\": true, \"disposition\": \"completed\"}, "
                      "\"lead\": {\"status\": \"angry\"}");
    assert_string_equal(fake_text(&fake, "opt_out.scope"), "campaign");
    assert_string_equal(fake_text(&fake, "opt_out.reason"), "said so");
    assert_string_equal(fake_json(&fake, "next"), "absent");
    fake_judge(&fake, "\"call\": {\"reached\": true, \"disposition\": \"completed\"}, "
                      "\"opt_out\": {\"asked\": true, \"quote\": \"never again\"}");
    assert_string_equal(fake_text(&fake, "opt_out.scope"), "all");
    fake_judge(&fake, "\"call\": {\"reached\": true, \"disposition\": \"completed\"}");
    assert_string_equal(fake_json(&fake, "opt_out"), "absent");
    assert_string_equal(fake_text(&fake, "next.kind"), "retry");
    fake_end(&fake);
}

static void score_has_three_forms(void **state)
{
    (void)state;
    struct fake fake = {0};
    fake_pack(&fake, "score = { { 80, function() return true end }, { 40 }, { 1, function() return "
                     "false end } }");
    fake_judge(&fake, NULL);
    assert_string_equal(fake_json(&fake, "score"), "100");
    assert_int_equal(kj_doc_int(fake.plan, "explain.0.rows.1.points", 0), 40);
    fake_end(&fake);
    fake_pack(&fake, "score = \"how eager, 0 to 100\"");
    fake_judge(
        &fake,
        "\"call\": {\"reached\": true}, \"answers\": {\"texts\": {\"how eager, 0 to 100\": 72.5}}");
    assert_string_equal(fake_json(&fake, "score"), "72.5");
    assert_int_equal(kj_doc_int(fake.plan, "model.unknown", 9), 0);
    // a yes is no number, and what is out of range is not
    fake_judge(
        &fake,
        "\"call\": {\"reached\": true}, \"answers\": {\"texts\": {\"how eager, 0 to 100\": true}}");
    assert_string_equal(fake_json(&fake, "score"), "null");
    assert_int_equal(kj_doc_int(fake.plan, "model.unknown", 9), 1);
    fake_judge(
        &fake,
        "\"call\": {\"reached\": true}, \"answers\": {\"texts\": {\"how eager, 0 to 100\": 140}}");
    assert_string_equal(fake_json(&fake, "score"), "100");
    fake_end(&fake);
    fake_pack(&fake, "score = function(c) return 1 / 3 end");
    fake_judge(&fake, NULL);
    assert_true(kj_doc_real(fake.plan, "score", 0) > 0.33);
    fake_end(&fake);
}

// F-32: a conversation that missed its goal earns another call; a good one does not, nor one that
// reached nobody.
static void a_missed_goal_earns_a_retry(void **state)
{
    static const struct {
        const char *facts, *kind;
    } rows[] = {
        {"\"call\": {\"reached\": true, \"disposition\": \"completed\"}, \"lead\": {\"company\": "
         "\"A\"}",
         "none"},
        {"\"call\": {\"reached\": true, \"disposition\": \"completed\"}", "retry"},
        {"\"call\": {\"reached\": false, \"disposition\": \"completed\"}", "none"},
        {"\"call\": {\"reached\": false, \"disposition\": \"busy\"}", "retry"},
        {"\"call\": {\"reached\": false, \"disposition\": \"no_answer\"}", "none"},
    };
    (void)state;
    for (size_t i = 0; i < KJ_COUNT(rows); i++) {
        struct fake fake = {0};
        fake_pack(&fake,
                  "success = { { \"good\", function(c) return c.lead.company ~= nil end }, { "
                  "\"poor\" } },\n"
                  "retry = { gaps = { \"1d\" }, on = { \"busy\", \"goal_incomplete\" } }");
        fake_judge(&fake, rows[i].facts);
        assert_string_equal(fake_text(&fake, "next.kind"), rows[i].kind);
        if (i == 1) {
            assert_string_equal(fake_text(&fake, "next.reason"),
                                "goal_incomplete: success is poor");
        }
        fake_end(&fake);
    }
}

// a decision with its reason, and what it changes in the call; by code, by rows, by criteria.
static void preselection_decides_with_a_reason(void **state)
{
    static const struct {
        const char *pack, *facts, *decision, *reason, *topic;
    } rows[] = {
        {"preselection = { decide = function(c) return c.lead.company ~= nil, \"no company\" end,\n"
         "  overwrites = function(c) return { topic = c.lead.company } end }",
         "\"lead\": {\"company\": \"Acme\"}", "approved", "no company", "Acme"},
        {"preselection = { decide = function(c) return c.lead.company ~= nil, \"no company\" end,\n"
         "  overwrites = { topic = \"x\" } }",
         "\"lead\": {}", "rejected", "no company", NULL},
        {"preselection = { decide = { { \"rejected\", function(c) return c.lead.country == \"US\", "
         "\"abroad\" end }, { \"approved\" } }, overwrites = { topic = \"solar\" } }",
         "\"lead\": {\"country\": \"DE\"}", "approved", NULL, "solar"},
        {"preselection = { criteria = \"in trade\" }",
         "\"answers\": {\"texts\": {\"in trade\": true}, \"reason\": \"a shop\"}", "approved",
         "a shop", NULL},
        {"preselection = { criteria = \"in trade\" }",
         "\"answers\": {\"texts\": {\"in trade\": false}}", "rejected", "by the criteria", NULL},
        {"preselection = { criteria = \"in trade\" }",
         "\"answers\": {\"skipped\": \"no model is configured\"}", "unknown",
         "no model is configured", NULL},
        {"preselection = { decide = function(c) return c.lead.nothing.at end }", "\"lead\": {}",
         NULL, NULL, NULL},
    };
    (void)state;
    for (size_t i = 0; i < KJ_COUNT(rows); i++) {
        struct fake fake = {0};
        char facts[300];
        fake_pack(&fake, rows[i].pack);
        assert_true(kj_doc_bool(fake.pack->describe, "preselection", false));
        snprintf(facts, sizeof facts, "\"kind\": \"preselection\", %s", rows[i].facts);
        fake_judge(&fake, facts);
        assert_string_equal(fake_text(&fake, "kind"), "preselection");
        if (rows[i].decision == NULL) { // a fault is no decision
            assert_string_equal(fake_json(&fake, "preselection"), "absent");
            assert_string_equal(fake_text(&fake, "faults.0.section"), "preselection");
        } else {
            assert_string_equal(fake_text(&fake, "preselection.decision"), rows[i].decision);
            assert_non_null(strstr(fake_text(&fake, "explain.0.at"), "rules/p.lua:"));
        }
        if (rows[i].reason)
            assert_string_equal(fake_text(&fake, "preselection.reason"), rows[i].reason);
        if (rows[i].topic)
            assert_string_equal(fake_text(&fake, "preselection.overwrites.topic"), rows[i].topic);
        else
            assert_string_equal(fake_json(&fake, "preselection.overwrites"), "absent");
        fake_end(&fake);
    }
}

static void variables_have_states_and_evidence(void **state)
{
    (void)state;
    struct fake fake = {0};
    fake_pack(
        &fake,
        "variables = {\n"
        "  asked = { type = \"boolean\", ask = { en = \"Is it green?\" } },\n"
        "  unasked = { type = \"boolean\", ask = { en = \"Is it blue?\" } },\n"
        "  wrong = { type = \"integer\" },\n"
        "  whole = { type = \"integer\" },\n"
        "  small = { type = \"integer\", min = 5, default = 9 },\n"
        "  code = { type = \"string\", pattern = \"^%u%u%d+$\" },\n"
        "  checked = { type = \"string\", validate = function(v, c) return v ~= \"bad\", \"is "
        "bad\" end },\n"
        "  turned = { type = \"string\", from = function(c) return \"x\", 2 end },\n"
        "  quoted = { type = \"string\", from = function(c) return \"x\", 2, \"green\" end },\n"
        "  when = { type = \"datetime\" }, day = { type = \"date\", from = function(c) return "
        "c.vars.when end },\n"
        "  list = { type = \"list\", max = 2 },\n"
        "},\n"
        "success = { { \"good\", function(c)\n"
        "  return c.state.asked == \"unknown\" and c.state.unasked == \"not_asked\" and not "
        "c.is(\"asked\", false)\n"
        "    and c.missing(\"asked\") and not c.missing(\"whole\") and c.evidence.turned.turn == "
        "2\n"
        "    and c.evidence.turned.quote == \"It is green, I think.\" and c.evidence.whole == nil\n"
        "    and c.vars.when > c.now and c.vars.list[2] == \"b\" and #c.vars.list == 2 end }, { "
        "\"poor\" } }");
    fake_judge(
        &fake,
        "\"lead\": {\"timezone\": \"Europe/Berlin\"}, \"call\": {\"reached\": true}, "
        "\"transcript\": ["
        "{\"speaker\": \"assistant\", \"text\": \"Hello. Is it GREEN?\"},"
        "{\"speaker\": \"lead\", \"text\": \"It is green, I think.\"}],"
        "\"answers\": {\"variables\": {\"wrong\": {\"value\": \"x\"}, \"whole\": {\"value\": 7.0},"
        "\"small\": {\"value\": 3}, \"code\": {\"value\": \"AB12\"}, \"checked\": {\"value\": "
        "\"bad\"},"
        "\"when\": {\"value\": \"2026-03-01T23:30:00Z\"}, \"list\": {\"value\": [\"a\", \"b\"]}}}");
    if (strcmp(fake_text(&fake, "success"), "good") != 0) {
        fail_msg("%s", fake_json(&fake, "explain"));
    }
    assert_string_equal(fake_text(&fake, "variables.wrong.reason"), "is no integer");
    assert_string_equal(fake_json(&fake, "variables.whole.value"), "7");
    assert_string_equal(fake_json(&fake, "variables.small.value"), "9");
    assert_string_equal(fake_text(&fake, "variables.code.state"), "value");
    assert_string_equal(fake_text(&fake, "variables.checked.reason"), "is bad");
    assert_string_equal(fake_text(&fake, "variables.quoted.quote"), "green");
    assert_string_equal(fake_text(&fake, "variables.day.value"), "2026-03-02");
    fake_end(&fake);
}

// Now is Monday 2026-01-05, 11:00 in Berlin (pack_fake.h).
static void spoken_dates_are_resolved_by_code(void **state)
{
    static const struct {
        const char *type, *language, *words, *value, *reason;
    } rows[] = {
        {"datetime", "en", "tomorrow at two", "2026-01-06T13:00:00.000Z", NULL},
        {"datetime", "de", "in zwei Wochen um halb drei", "2026-01-19T13:30:00.000Z", NULL},
        {"datetime", "es", "el viernes a las once", "2026-01-09T10:00:00.000Z", NULL},
        {"datetime", "pl", "jutro o drugiej", "2026-01-06T13:00:00.000Z", NULL},
        {"datetime", "ar", "غدا الساعة الثانية", "2026-01-06T13:00:00.000Z", NULL},
        {"datetime", "hi", "कल दो बजे", "2026-01-06T13:00:00.000Z", NULL},
        {"datetime", "en", "2026-03-01T08:00:00Z", "2026-03-01T08:00:00.000Z", NULL},
        {"datetime", "en", "tomorrow at eight", NULL, "\"tomorrow at eight\" is ambiguous"},
        {"datetime", "en", "tomorrow morning", NULL, "\"tomorrow morning\" is ambiguous"},
        {"datetime", "en", "a large house", NULL, "is no datetime"},
        {"date", "en", "tomorrow morning", "2026-01-06", NULL},
        {"date", "de", "nächsten Dienstag", NULL, "\"nächsten Dienstag\" is ambiguous"},
        {"date", "en", "2026-02-03", "2026-02-03", NULL},
        {"date", "en", "yesterday", NULL, "is no date"},
    };
    (void)state;
    for (size_t i = 0; i < KJ_COUNT(rows); i++) {
        struct fake fake = {0};
        char pack[100], facts[400];
        snprintf(pack, sizeof pack, "variables = { at = { type = \"%s\" } }", rows[i].type);
        fake_pack(&fake, pack);
        snprintf(
            facts, sizeof facts,
            "\"lead\": {\"timezone\": \"Europe/Berlin\"}, "
            "\"call\": {\"reached\": true, \"language\": \"%s\"}, \"answers\": {\"variables\": "
            "{\"at\": {\"value\": \"%s\"}}}",
            rows[i].language, rows[i].words);
        fake_judge(&fake, facts);
        const char *state_of = fake_text(&fake, "variables.at.state");
        assert_string_equal(state_of, rows[i].value ? "value" : "invalid");
        if (rows[i].reason) {
            assert_string_equal(fake_text(&fake, "variables.at.reason"), rows[i].reason);
        } else if (!strstr(fake_json(&fake, "variables.at.value"), rows[i].value)) {
            fail_msg("\"%s\": %s", rows[i].words, fake_json(&fake, "variables.at.value"));
        }
        fake_end(&fake);
    }
}

static void a_quote_must_stand_in_its_turn(void **state)
{
    (void)state;
    struct fake fake = {0};
    fake_pack(&fake, "variables = { a = { type = \"integer\" }, b = { type = \"integer\" }, d = { "
                     "type = \"integer\" } }");
    fake_judge(&fake, "\"call\": {\"reached\": true}, \"transcript\": ["
                      "{\"speaker\": \"lead\", \"text\": \"Well, FOUR thousand!\"},"
                      "{\"speaker\": \"lead\", \"text\": \"No.\"}],"
                      "\"answers\": {\"variables\": {"
                      "\"a\": {\"value\": 4000, \"quote\": \"well four   thousand\"},"
                      "\"b\": {\"value\": 4000, \"quote\": \"four thousand\", \"turn\": 2},"
                      "\"d\": {\"value\": 4000, \"quote\": \"five thousand\", \"turn\": 1}}}");
    assert_string_equal(fake_text(&fake, "variables.a.state"), "value");
    assert_int_equal(kj_doc_int(fake.plan, "variables.a.turn", 0), 1);
    assert_string_equal(fake_text(&fake, "variables.b.reason"), "its quote is not in turn 2");
    assert_string_equal(fake_text(&fake, "variables.d.reason"), "its quote is not in the talk");
    fake_end(&fake);
}

static void languages_and_empty_parameters(void **state)
{
    (void)state;
    struct fake fake = {0};
    fake_pack(
        &fake,
        "templates = {\n"
        "  a = { languages = { \"de\", \"en\" }, fallback_language = \"en\", otherwise = \"b\",\n"
        "    parameters = { name = function(c, l) return c.lead.first_name and c.lead.first_name "
        ".. l end },\n"
        "    header = { type = \"image\", link = \"https://x.example/i.png\" },\n"
        "    buttons = { \"yes\", { type = \"url\", text = \"q\" } } },\n"
        "  b = { languages = { \"fr\" }, otherwise = \"d\", parameters = { function() return \"\" "
        "end } },\n"
        "  d = { languages = { \"en\" } } },\n"
        "template = { { \"a\" } }");
    fake_judge(&fake, "\"call\": {\"reached\": true, \"language\": \"de-AT\"}, \"lead\": "
                      "{\"first_name\": \"Ada\"}");
    assert_string_equal(fake_json(&fake, "template.parameters"), "{\"name\":\"Adade\"}");
    assert_string_equal(fake_text(&fake, "template.header.type"), "image");
    assert_string_equal(fake_json(&fake, "template.buttons"),
                        "[{\"type\":\"quick_reply\",\"payload\":\"yes\",\"index\":0},"
                        "{\"text\":\"q\",\"type\":\"url\",\"index\":1}]");
    fake_judge(&fake, "\"call\": {\"reached\": true, \"language\": \"fr\"}, "
                      "\"lead\": {\"first_name\": \"Ada\", \"language\": \"de\"}");
    assert_string_equal(fake_text(&fake, "template.language"), "de");
    assert_string_equal(fake_text(&fake, "explain.0.language_from"), "lead");
    fake_judge(&fake, "\"call\": {\"reached\": true, \"language\": \"fr\"}");
    assert_string_equal(fake_text(&fake, "template.name"), "d");
    assert_string_equal(fake_text(&fake, "template.instead_of"), "a");
    assert_string_equal(fake_text(&fake, "template.language"), "en");
    fake_end(&fake);
}

static void views_are_read_only_tables(void **state)
{
    (void)state;
    struct fake fake = {0};
    fake_pack(
        &fake,
        "success = { { \"good\", function(c)\n"
        "  local keys = {} for k, v in pairs(c.lead) do keys[#keys + 1] = k end\n"
        "  local turns = {} for i, t in ipairs(c.transcript) do turns[i] = t.text end\n"
        "  assert(table.concat(keys, \",\") == \"first_name,metadata,tags\")\n"
        "  assert(type(c.lead) == \"table\" and type(c.now) == \"time\" and #c.transcript == 2 and "
        "#turns == 2)\n"
        "  assert(c.lead.tags[1] == \"x\" and c.lead.metadata.deep.down == 5 and "
        "c.lead.metadata.nope == nil)\n"
        "  assert(c.lead.email == nil and c.campaign == nil and #c.history == 0 and c.context.any "
        "== nil)\n"
        "  assert(c.lead == c.lead and c.transcript[3] == nil and c.transcript[1].speaker == "
        "\"lead\")\n"
        "  assert(table.concat(c.lead.tags, \"+\") == \"x+y\" and table.unpack(c.lead.tags) == "
        "\"x\")\n"
        "  for _, try in ipairs({ function() c.lead.first_name = 1 end, function() c.x = 1 end,\n"
        "    function() next(c.lead) end, function() return c.transcript.first end,\n"
        "    function() return c.transcript[1].txt end, function() table.insert(c.lead.tags, "
        "\"z\") end }) do\n"
        "    assert(not pcall(try)) end\n"
        "  return true end } }");
    fake_judge(
        &fake,
        "\"call\": {\"reached\": true}, \"simulated\": true, \"transcript\": ["
        "{\"speaker\": \"lead\", \"text\": \"a\"}, {\"speaker\": \"lead\", \"text\": \"b\"}],"
        "\"lead\": {\"first_name\": \"Ada\", \"tags\": [\"x\", \"y\"], "
        "\"metadata\": {\"deep\": {\"down\": 5}}}");
    if (strcmp(fake_text(&fake, "success"), "good") != 0) {
        fail_msg("%s", fake_json(&fake, "faults"));
    }
    fake_end(&fake);
    fake_pack(&fake, "success = { { \"good\", function(c) return c.simulated end } }");
    fake_judge(&fake, "\"call\": {\"reached\": true}, \"simulated\": true");
    assert_non_null(strstr(fake_text(&fake, "faults.0.text"), "c has no field \"simulated\""));
    fake_end(&fake);
}

static void the_same_facts_give_the_same_bytes(void **state)
{
    (void)state;
    struct fake fake = {0}, other = {0};
    static const char *const pack =
        "variables = { n = { type = \"number\", from = function(c) return math.random() end } },\n"
        "effects = function(c) local args = {} for i = 1, 40 do args[\"k\" .. i] = i end\n"
        "  return { { key = \"a\", verb = \"v\", args = args } } end,\n"
        "success = { { \"good\", function(c) return c.vars.n > 0.5 end }, { \"poor\" } }";
    fake_pack(&fake, pack);
    fake_judge(&fake, NULL);
    bson_t *first = bson_copy(fake.plan);
    fake_judge(&fake, NULL); // the warm state again
    assert_true(bson_equal(first, fake.plan));
    fake_pack(&other, pack); // a new state
    fake_judge(&other, NULL);
    assert_true(bson_equal(first, other.plan));
    bson_destroy(first);
    fake_end(&fake);
    fake_end(&other);
}

static void results_are_bounded(void **state)
{
    (void)state;
    static const struct {
        const char *body, *text;
    } cases[] = {
        {"{ args = function() end }", "is a function"},
        {"{ a = 1, [1] = 2 }", "mixes names with numbers"},
        {"{ a = { 1, nil, 3 } }", "mixes names with numbers"},
        {"{ a = 0 / 0 }", "finite"},
        {"{ a = \"\\xff\" }", "UTF-8"},
        {"{ a = \"a\\0b\" }", "UTF-8"},
        {"{ a = (\"x\"):rep(300000) }", "256 KiB"},
        {"{ a = c }", "c itself"},
        {"(function() local t = {} for i = 1, 11000 do t[i] = i end return { a = t } end)()",
         "10,000"},
    };
    for (size_t i = 0; i < KJ_COUNT(cases); i++) {
        struct fake fake = {0};
        char text[400];
        snprintf(text, sizeof text, "lead_changes = function(c) return %s end", cases[i].body);
        fake_pack(&fake, text);
        fake_judge(&fake, NULL);
        if (!strstr(fake_text(&fake, "faults.0.text"), cases[i].text)) {
            fail_msg("%s: %s", cases[i].body, fake_json(&fake, "faults"));
        }
        fake_end(&fake);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_row_wins_and_the_others_are_explained),
        cmocka_unit_test(without_a_model_texts_are_unknown_and_say_why),
        cmocka_unit_test(nobody_reached_means_no_judgement),
        cmocka_unit_test(a_circle_names_its_path),
        cmocka_unit_test(a_fault_stays_in_its_section),
        cmocka_unit_test(success_and_opt_out_park_the_job),
        cmocka_unit_test(opt_out_adds_and_never_lifts),
        cmocka_unit_test(score_has_three_forms),
        cmocka_unit_test(a_missed_goal_earns_a_retry),
        cmocka_unit_test(preselection_decides_with_a_reason),
        cmocka_unit_test(variables_have_states_and_evidence),
        cmocka_unit_test(spoken_dates_are_resolved_by_code),
        cmocka_unit_test(a_quote_must_stand_in_its_turn),
        cmocka_unit_test(languages_and_empty_parameters),
        cmocka_unit_test(views_are_read_only_tables),
        cmocka_unit_test(the_same_facts_give_the_same_bytes),
        cmocka_unit_test(results_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
