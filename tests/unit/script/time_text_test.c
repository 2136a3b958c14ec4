// kejue.time, kejue.text, kejue.json, kejue.phone and the string library as scripts use them; and
// scripts/lib, which packs without a model live on.
#include "pack_fake.h"

static void check(const char *body)
{
    struct fake fake = {0};
    struct kj_buf text;
    kj_buf_init(&text, 0);
    kj_buf_addf(&text, "score = function(c) %s return 7 end", body);
    fake_pack(&fake, text.data);
    kj_buf_fini(&text);
    fake_judge(&fake, "\"call\": {\"reached\": true, \"language\": \"de\"}, "
                      "\"lead\": {\"timezone\": \"Europe/Berlin\"}");
    if (strcmp(fake_json(&fake, "score"), "7") != 0) {
        fail_msg("%s: %s", body, fake_json(&fake, "faults"));
    }
    fake_end(&fake);
}

static void fails(const char *body, const char *sentence)
{
    struct fake fake = {0};
    struct kj_buf text;
    kj_buf_init(&text, 0);
    kj_buf_addf(&text, "score = function(c) %s end", body);
    fake_pack(&fake, text.data);
    kj_buf_fini(&text);
    fake_judge(&fake, NULL);
    if (!strstr(fake_text(&fake, "faults.0.text"), sentence)) {
        fail_msg("%s: %s", body, fake_json(&fake, "faults"));
    }
    fake_end(&fake);
}

static void times_add_and_compare(void **state)
{
    (void)state;
    check("local t = c.now assert(kejue.time.add(t, '90s') > t and kejue.time.add(t, '-2h') < t)");
    check("assert(kejue.time.diff(kejue.time.add(c.now, '1h30m'), c.now, 'minutes') == 90)");
    check("assert(kejue.time.diff(c.now, kejue.time.add(c.now, '1h'), 'hour') == -1)");
    check("assert(kejue.time.diff(kejue.time.add(c.now, '90m'), c.now, 'hours') == 1.5)");
    check("assert(kejue.time.add(c.now, 1, 'days') == kejue.time.add(c.now, { days = 1 }))");
    check(
        "assert(tostring(kejue.time.parse('2026-01-31T00:00:00Z')) == '2026-01-31T00:00:00.000Z')");
    check("local t = kejue.time.add(kejue.time.parse('2026-01-31T11:00:00Z'), 1, 'months') "
          "assert(t.month == 2 and t.day == 28 and t.hour == 12)");
    // Over the change of the clock the local time of day stays: 12:00 in Berlin both days.
    check(
        "local t = kejue.time.parse('2026-03-28T11:00:00Z') local u = kejue.time.add(t, 1, 'days') "
        "assert(t.hour == 12 and u.hour == 12 and kejue.time.diff(u, t, 'hours') == 23)");
    check("assert(c.now.year == 2026 and c.now.weekday == 1 and c.now.hour == 11)");
    check("assert(kejue.time.parse('nonsense') == nil)");
    fails("return c.now + 1", "kejue.time.add");
    fails("return c.now < 5", "cannot be compared with a number");
    fails("return c.now.hours", "a time has no field \"hours\"");
    fails("return kejue.time.add(c.now, 1, 'houres')", "did you mean hours");
    fails("return kejue.time.add(c.now, 'soon')", "is no span");
}

static void times_are_told_in_three_languages(void **state)
{
    (void)state;
    check(
        "local t = kejue.time.parse('2026-03-02T13:05:00Z') local f = kejue.time.format\n"
        "assert(f(t) == 'Montag, 2. März um 14:05 Uhr', f(t))\n"
        "assert(f(t, 'long', 'en') == 'Monday, 2 March at 2:05 pm')\n"
        "assert(f(t, 'long', 'es') == 'lunes, 2 de marzo a las 14:05')\n"
        "assert(f(t, 'short', 'de') == '02.03., 14:05 Uhr' and f(t, 'short', 'en') == '2 Mar, 2:05 "
        "pm')\n"
        "assert(f(t, 'date', 'es') == '2 de marzo de 2026' and f(t, 'weekday', 'en') == 'Monday')\n"
        "assert(f(t, 'iso') == '2026-03-02T13:05:00.000Z' and f(t, 'time', 'xx') == '2:05 pm')");
}

static void texts_fold_and_match_words(void **state)
{
    (void)state;
    check("assert(kejue.text.contains('Nie WIEDER anrufen!', 'nie wieder'))");
    check("assert(not kejue.text.contains('Wiederholung', 'wieder'))");
    check("local ok, which = kejue.text.contains('Straße und ÄRGER', { 'lob', 'ärger' }) "
          "assert(ok and which == 'ärger')");
    check("assert(kejue.text.contains('СТОП, хватит', 'стоп') and kejue.text.contains('ΟΧΙ', "
          "'οχι'))");
    check("local w = kejue.text.words('Um 14:30 Uhr, bitte.') assert(#w == 4 and w[2] == '14:30' "
          "and w[4] == 'bitte')");
    check("assert(#kejue.text.words('') == 0 and #kejue.text.words('...') == 0)");
    check("assert(kejue.text.fold('ÀÉÎ õü') == kejue.text.fold('aei ou'))");
    check("assert(kejue.text.contains(('wort '):rep(500) .. 'Ziel', 'ziel'))");
    check("assert(not kejue.text.contains('x', '') and not kejue.text.contains('', 'x'))");
    fails("return kejue.text.contains('x', { 5 })", "is no text");
}

static void data_goes_in_and_out(void **state)
{
    (void)state;
    check("local t = kejue.json.decode('{\"a\": [1, {\"b\": null}], \"c\": 1.5}') "
          "assert(t.a[1] == 1 and t.a[2].b == nil and t.c == 1.5 and #t.a == 2)");
    check("local t, why = kejue.json.decode('{\"a\": 1, \"a\": 2}') assert(t == nil and why)");
    check("assert(kejue.json.encode({ b = { 1, 'x' }, a = true }) == "
          "'{\"a\":true,\"b\":[1,\"x\"]}')");
    check("local p = kejue.phone.parse('030 123456', 'DE') assert(p.e164 == '+4930123456' and "
          "p.country == 'DE')");
    check("local p, why = kejue.phone.parse('hello') assert(p == nil and why == 'not_a_number')");
    check("assert(('%5.1f|%-4d|%s|%q'):format(2.25, 3, { 1 } and 'x', 'a\"b') == '  2.2|3   "
          "|x|\"a\\\\\"b\"')");
    check("assert(('%s %s'):format(nil, true) == 'nil true' and ('%%'):format() == '%' and "
          "('%x'):format(255) == 'ff')");
    check("local t = { 3, 1, 2 } table.sort(t) assert(table.concat(t, ',') == '1,2,3') "
          "table.sort(t, function(a, b) return a > b end) assert(t[1] == 3) table.insert(t, 2, 9) "
          "assert(table.remove(t, 1) == 3 and t[1] == 9 and #t == 3) "
          "assert(select('#', table.unpack(t)) == 3 and table.remove({}) == nil)");
    check("assert(math.tointeger(3.0) == 3 and math.max(1, 2) == 2 and utf8.len('äö') == 2)");
}

static char *read_lib(const char *name)
{
    struct kj_buf text;
    char path[512];
    snprintf(path, sizeof path, "%s/scripts/lib/%s.lua", KEJUE_SOURCE_DIR, name);
    kj_buf_init(&text, 0);
    assert_int_equal(kj_read_file(path, 1 << 20, &text, NULL), 0);
    return kj_buf_take(&text);
}

static void numbers_are_read_in_three_languages(void **state)
{
    (void)state;
    static const struct {
        const char *language, *text, *value;
    } cases[] = {
        {"en", "Around 8,000 euros.", "8000"},
        {"en", "about four thousand", "4000"},
        {"en", "Twenty-five.", "25"},
        {"en", "one hundred and twenty", "120"},
        {"en", "two thousand five hundred", "2500"},
        {"en", "I'd say 10k", "10000"},
        {"en", "3 million", "3000000"},
        {"en", "one moment, 4000", "4000"},
        {"en", "a million", "nil"},
        {"en", "Seven.", "7"},
        {"en", "2.5", "2.5"},
        {"en", "1,234,567", "1234567"},
        {"en", "I cannot say", "nil"},
        {"de", "ungefähr 5000", "5000"},
        {"de", "Etwa 8.000 Euro.", "8000"},
        {"de", "viertausendfünfhundert", "4500"},
        {"de", "fünfundzwanzig", "25"},
        {"de", "hundertzwanzig", "120"},
        {"de", "drei Millionen", "3000000"},
        {"de", "zweitausend", "2000"},
        {"de", "Drei.", "3"},
        {"de", "3,5", "3.5"},
        {"es", "unos 3000 euros", "3000"},
        {"es", "seis mil quinientos", "6500"},
        {"es", "mil doscientos", "1200"},
        {"es", "treinta y cinco", "35"},
        {"es", "Dieciséis.", "16"},
        {"es", "dos millones", "2000000"},
        {"fr", "12", "12"},
    };
    for (size_t i = 0; i < KJ_COUNT(cases); i++) {
        struct fake fake = {0};
        char *lib = read_lib("numbers"), text[400];
        fake_add(&fake, "lib/numbers.lua", lib);
        snprintf(text, sizeof text,
                 "local n = require(\"numbers\")\nreturn kejue.rules { name = \"p\", tags = { { "
                 "\"%s\" } },\n"
                 " lead_changes = function() return { n = tostring(n.find(\"%s\", \"%s\")) } end }",
                 cases[i].value, cases[i].text, cases[i].language);
        fake_load(&fake, text);
        assert_int_equal(fake.status, 0);
        fake_judge(&fake, NULL);
        if (strcmp(fake_text(&fake, "lead_changes.n"), cases[i].value) != 0) {
            fail_msg("%s: %s, expected %s %s", cases[i].text, fake_text(&fake, "lead_changes.n"),
                     cases[i].value, fake_json(&fake, "faults"));
        }
        free(lib);
        fake_end(&fake);
    }
}

static void answers_are_read_as_people_give_them(void **state)
{
    (void)state;
    static const struct {
        const char *text, *value;
    } cases[] = {
        {"Yes, I do.", "true"},
        {"Yes, that's right.", "true"},
        {"No, not really.", "false"},
        {"No, I don't.", "false"},
        {"Ja, genau.", "true"},
        {"Ja, das stimmt.", "true"},
        {"Nein, eigentlich nicht.", "false"},
        {"Nein, das nicht.", "false"},
        {"Sí, claro.", "true"},
        {"Sí, así es.", "true"},
        {"No, la verdad es que no.", "false"},
        {"[noise] Right. Yes.", "true"},
        {"Das weiß ich nicht genau.", "nil"},
        {"Hard to say, really.", "nil"},
        {"No sabría decirle.", "nil"},
        {"Prefiero no decirlo.", "nil"},
        {"Was? Ach so. Ja.", "true"},
        {"The weather is fine.", "nil"},
    };
    for (size_t i = 0; i < KJ_COUNT(cases); i++) {
        struct fake fake = {0};
        char *numbers = read_lib("numbers"), *extract = read_lib("extract"), text[400];
        fake_add(&fake, "lib/numbers.lua", numbers);
        fake_add(&fake, "lib/extract.lua", extract);
        snprintf(
            text, sizeof text,
            "local e = require(\"extract\")\nreturn kejue.rules { name = \"p\",\n"
            " lead_changes = function() return { n = tostring(e.is_yes(\"%s\")),\n"
            " m = e.find_number_after(\"I have 3 cars and a budget of 5k\", \"budget\") } end }",
            cases[i].text);
        fake_load(&fake, text);
        assert_int_equal(fake.status, 0);
        fake_judge(&fake, NULL);
        if (strcmp(fake_text(&fake, "lead_changes.n"), cases[i].value) != 0) {
            fail_msg("%s: %s, expected %s %s", cases[i].text, fake_text(&fake, "lead_changes.n"),
                     cases[i].value, fake_json(&fake, "faults"));
        }
        assert_int_equal(kj_doc_int(fake.plan, "lead_changes.m", 0), 5000);
        free(numbers);
        free(extract);
        fake_end(&fake);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_add_and_compare),
        cmocka_unit_test(times_are_told_in_three_languages),
        cmocka_unit_test(texts_fold_and_match_words),
        cmocka_unit_test(data_goes_in_and_out),
        cmocka_unit_test(numbers_are_read_in_three_languages),
        cmocka_unit_test(answers_are_read_as_people_give_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
