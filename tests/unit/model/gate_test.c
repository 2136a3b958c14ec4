// Each gate open and closed, their order, the next eligible instant, and the verdict as stored.
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "base/alloc.h"
#include "base/str.h"
#include "doc/json.h"
#include "model/gate.h"

#include <string.h>

static const char k_now[] = "2026-07-01T12:00:00Z"; // Wednesday, 14:00 in Berlin

static int64_t utc(const char *text)
{
    int64_t at;
    assert_true(kj_time_parse(text, &at));
    return at;
}

struct fixture {
    struct kj_gate_input input;
    struct kj_windows windows;
    bson_t *number, *lead, *policy, *schedule;
    bson_t verdict;
    struct kj_gate_result result;
};

static bson_t *read_json(const char *json)
{
    bson_t *doc = NULL;
    if (json)
        assert_int_equal(kj_json_parse(json, strlen(json), NULL, &doc, NULL, NULL), KJ_OK);
    return doc;
}

static void setup(struct fixture *f, const char *number, const char *lead, const char *policy)
{
    *f = (struct fixture){0};
    f->number = read_json(number);
    f->lead = read_json(lead);
    f->policy = read_json(policy);
    assert_int_equal(kj_windows_parse(NULL, "DE", &f->windows, NULL), KJ_OK);
    f->input = (struct kj_gate_input){.now = utc(k_now),
                                      .number = f->number,
                                      .lead = f->lead,
                                      .consent_policy = f->policy,
                                      .windows = &f->windows,
                                      .zone_count = 1,
                                      .cap_per_day = 2,
                                      .cap_per_30_days = 6,
                                      .cap_lead_per_campaign = 10,
                                      .max_calls = 3};
    f->input.zones[0] = kj_zone_get("Europe/Berlin");
    bson_init(&f->verdict);
}

static void judge(struct fixture *f)
{
    bson_reinit(&f->verdict);
    kj_gates_judge(&f->input, &f->result, &f->verdict);
}

static void teardown(struct fixture *f)
{
    bson_t *docs[] = {f->number, f->lead, f->policy, f->schedule};
    for (size_t i = 0; i < KJ_COUNT(docs); i++)
        if (docs[i])
            bson_destroy(docs[i]);
    bson_destroy(&f->verdict);
}

// The sentence of the gate that stopped, or of the last one.
static const char *sentence(struct fixture *f)
{
    static char path[64];
    snprintf(path, sizeof path, "gates.%zu.input", kj_doc_count(&f->verdict, "gates") - 1);
    return kj_doc_text(&f->verdict, path, "");
}

static void expect_open(struct fixture *f)
{
    judge(f);
    if (!f->result.open)
        fail_msg("closed: %s", sentence(f));
    assert_int_equal(kj_doc_count(&f->verdict, "gates"), KJ_GATE_COUNT);
    assert_true(kj_doc_bool(&f->verdict, "open", false));
    assert_false(kj_doc_has(&f->verdict, "gate"));
}

static void expect_stop(struct fixture *f, enum kj_gate gate, const char *next_at,
                        const char *holds)
{
    char shown[32] = "never";
    judge(f);
    assert_false(f->result.open);
    assert_int_equal(f->result.stopped_by, gate);
    if (f->result.next_at != INT64_MAX)
        kj_time_print(f->result.next_at, shown, sizeof shown);
    if (strncmp(shown, next_at, strlen(next_at) - 1) != 0)
        fail_msg("next at %s, not %s (%s)", shown, next_at, sentence(f));
    if (strstr(sentence(f), holds) == NULL)
        fail_msg("\"%s\" does not hold \"%s\"", sentence(f), holds);
    assert_string_equal(kj_doc_text(&f->verdict, "gate", ""), kj_gate_name(gate));
    assert_int_equal(kj_doc_count(&f->verdict, "gates"), gate + 1);
    assert_int_equal(kj_doc_time(&f->verdict, "next_at", INT64_MAX), f->result.next_at);
    assert_true(kj_doc_bool(&f->verdict, "final", false) == f->result.final);
    assert_true(f->result.waits_for_person == (!f->result.final && f->result.next_at == INT64_MAX));
}

static void test_open(void **state)
{
    struct fixture f;
    (void)state;
    setup(&f, NULL, "{}", NULL);
    expect_open(&f);
    teardown(&f);
    setup(&f, "{\"refusals\":[],\"attempts\":[]}", NULL, NULL);
    expect_open(&f);
    teardown(&f);
}

static void test_refusals(void **state)
{
    struct fixture f;
    (void)state;
    setup(&f,
          "{\"refusals\":[{\"kind\":\"do_not_call\",\"at\":\"2026-05-01T00:00:00Z\",\"source\":"
          "\"import\"}]}",
          NULL, NULL);
    expect_stop(&f, KJ_GATE_DO_NOT_CALL, "never",
                "do-not-call entry of 2026-05-01T00:00:00.000Z by import");
    assert_true(f.result.final);
    teardown(&f);
    setup(&f,
          "{\"refusals\":[{\"kind\":\"do_not_call\",\"at\":\"2026-05-01T00:00:00Z\",\"source\":"
          "\"import\"},"
          "{\"kind\":\"opt_out\",\"at\":\"2026-06-01T08:00:00Z\",\"source\":\"call_12\","
          "\"evidence\":\"stop calling me\"}]}",
          NULL, NULL);
    expect_stop(&f, KJ_GATE_OPT_OUT, "never", "by call_12: \"stop calling me\"");
    // a wish of the callee does not lift a refusal
    f.input.requested_callback = true;
    f.input.not_before = f.input.now;
    expect_stop(&f, KJ_GATE_OPT_OUT, "never", "opt-out");
    assert_true(f.result.final);
    teardown(&f);
}

static void check_consent(const char *lead, const char *policy, const char *holds)
{
    struct fixture f;
    setup(&f, NULL, lead, policy);
    if (holds)
        expect_stop(&f, KJ_GATE_CONSENT, "never", holds);
    else
        expect_open(&f);
    assert_true(holds == NULL || f.result.waits_for_person);
    assert_false(f.result.final);
    teardown(&f);
}

static void test_consent(void **state)
{
    (void)state;
    check_consent("{}", "{\"required\":false}", NULL);
    check_consent("{}", "{\"required\":true}", "there is none on record");
    check_consent(NULL, "{\"required\":true}", "there is none on record");
    check_consent("{\"country\":\"DE\"}", "{\"required\":true,\"regions\":[\"US\"]}", NULL);
    check_consent("{\"country\":\"US\"}", "{\"required\":true,\"regions\":[\"US\"]}",
                  "none on record");
    check_consent("{}", "{\"required\":true,\"regions\":[\"US\"]}", "none on record");
    check_consent("{\"consent\":{\"at\":\"2026-01-01T00:00:00Z\",\"channel\":\"web form\"}}",
                  "{\"required\":true}", NULL);
    check_consent("{\"consent\":{\"at\":\"2027-01-01T00:00:00Z\"}}", "{\"required\":true}",
                  "in the future");
    check_consent(
        "{\"consent\":{\"at\":\"2026-01-01T00:00:00Z\",\"expires_at\":\"2026-07-01T12:00:00Z\"}}",
        "{\"required\":true}", "expired at 2026-07-01T12:00");
    check_consent(
        "{\"consent\":{\"at\":\"2026-01-01T00:00:00Z\",\"expires_at\":\"2026-07-01T12:00:01Z\"}}",
        "{\"required\":true}", NULL);
    check_consent("{\"consent\":{\"at\":\"2026-01-01T00:00:00Z\",\"scope\":\"messages\"}}",
                  "{\"required\":true}", "covers messages, not calls");
    check_consent("{\"consent\":{\"at\":\"2026-01-01T00:00:00Z\",\"scope\":\"calls\"}}",
                  "{\"required\":true}", NULL);
    check_consent("{\"consent\":{\"text\":\"yes\"}}", "{\"required\":true}", "none on record");
}

static void test_window(void **state)
{
    struct fixture f;
    (void)state;
    setup(&f, NULL, NULL, NULL);
    f.input.now = utc("2026-07-01T19:00:00Z");
    expect_stop(&f, KJ_GATE_WINDOW, "2026-07-02T07:00:00Z",
                "2026-07-01 21:00 in Europe/Berlin; opens at 2026-07-02 09:00");
    f.input.requested_callback = true; // it moves to the first open instant
    f.input.not_before = f.input.now;
    expect_stop(&f, KJ_GATE_WINDOW, "2026-07-02T07:00:00Z", "opens at");
    f.input.now = utc(k_now);
    f.input.zone_count = 0;
    expect_stop(&f, KJ_GATE_WINDOW, "never", "time zone is not known");
    assert_true(f.result.waits_for_person);
    f.input.zone_count = 1;
    f.input.windows = NULL;
    expect_stop(&f, KJ_GATE_WINDOW, "never", "no schedule");
    f.input.windows = &f.windows;
    f.windows.ends_at = utc(k_now);
    expect_stop(&f, KJ_GATE_WINDOW, "never", "no calling window opens any more");
    f.windows.ends_at = 0;
    f.input.zones[1] = kj_zone_get("America/Los_Angeles");
    f.input.zone_count = 2;
    expect_stop(&f, KJ_GATE_WINDOW, "2026-07-01T16:00:00Z", "and the other zones of the number");
    teardown(&f);
}

static void test_frequency_day(void **state)
{
    struct fixture f;
    (void)state;
    // 22:30 Z is already the next day in Berlin
    setup(&f,
          "{\"attempts\":[{\"at\":\"2026-06-30T21:30:00Z\"},{\"at\":\"2026-06-30T22:30:00Z\"},{"
          "\"at\":\"2026-07-01T09:00:00Z\"}]}",
          NULL, NULL);
    expect_stop(&f, KJ_GATE_FREQUENCY, "2026-07-02T07:00:00Z",
                "2 of 2 attempts today (Europe/Berlin), 3 of 6 in 30 days");
    f.input.cap_per_day = 3;
    expect_open(&f);
    f.input.cap_per_day = 0;
    expect_open(&f);
    assert_non_null(strstr(kj_doc_text(&f.verdict, "gates.4.input", ""), "2 attempts today"));
    // Saturday: the day cap falls at midnight, but Sunday is closed
    f.input.cap_per_day = 2;
    f.input.now = utc("2026-07-01T12:00:00Z");
    f.windows.weekend_off = 0x78; // Thursday to Sunday
    expect_stop(&f, KJ_GATE_FREQUENCY, "2026-07-06T07:00:00Z", "2 of 2");
    teardown(&f);
}

static void test_frequency_month(void **state)
{
    struct fixture f;
    (void)state;
    setup(&f,
          "{\"attempts\":[{\"at\":\"2026-06-01T14:00:00Z\"},{\"at\":\"2026-06-05T10:00:00Z\"},{"
          "\"at\":\"2026-06-20T10:00:00Z\"}]}",
          NULL, NULL);
    f.input.cap_per_30_days = 3;
    // the oldest falls out on 1 July, 14:00 Z = 16:00 in Berlin
    expect_stop(&f, KJ_GATE_FREQUENCY, "2026-07-01T14:00:00Z", "3 of 3 in 30 days");
    f.input.cap_per_30_days = 2;
    // the second falls out on Sunday 5 July: Monday
    expect_stop(&f, KJ_GATE_FREQUENCY, "2026-07-06T07:00:00Z", "3 of 2 in 30 days");
    f.input.now = utc("2026-07-01T14:00:00Z");
    f.input.cap_per_30_days = 3;
    expect_open(&f);
    // a wish lifts the day's cap only
    f.input.now = utc(k_now);
    f.input.requested_callback = true;
    f.input.not_before = f.input.now;
    expect_stop(&f, KJ_GATE_FREQUENCY, "2026-07-01T14:00:00Z", "3 of 3 in 30 days");
    teardown(&f);
}

static void test_requested_callback(void **state)
{
    struct fixture f;
    (void)state;
    setup(&f,
          "{\"attempts\":[{\"at\":\"2026-07-01T08:00:00Z\"},{\"at\":\"2026-07-01T09:00:00Z\"}]}",
          NULL, NULL);
    f.input.requested_callback = true;
    f.input.not_before = utc(k_now) - 60000;
    expect_open(&f);
    assert_non_null(strstr(kj_doc_text(&f.verdict, "gates.4.input", ""), "the callee asked"));
    f.input.not_before = utc("2026-07-01T15:30:00Z"); // not yet
    expect_stop(&f, KJ_GATE_FREQUENCY, "2026-07-01T15:30:00Z", "2 of 2");
    f.input.not_before = utc("2026-07-01T18:30:00Z"); // 20:30, outside the window
    expect_stop(&f, KJ_GATE_FREQUENCY, "2026-07-02T07:00:00Z", "2 of 2");
    teardown(&f);
    // once: an attempt since then has used it up
    setup(&f,
          "{\"attempts\":[{\"at\":\"2026-07-01T08:00:00Z\"},{\"at\":\"2026-07-01T11:59:30Z\"}]}",
          NULL, NULL);
    f.input.requested_callback = true;
    f.input.not_before = utc(k_now) - 60000;
    expect_stop(&f, KJ_GATE_FREQUENCY, "2026-07-02T07:00:00Z", "2 of 2");
    teardown(&f);
}

static void test_attempts_used_up(void **state)
{
    struct fixture f;
    (void)state;
    setup(&f, NULL, NULL, NULL);
    f.input.cap_lead_per_campaign = f.input.job_attempts = 3;
    expect_stop(&f, KJ_GATE_FREQUENCY, "never", "3 of 3 attempts of this job");
    assert_true(f.result.final);
    f.input.job_attempts = 2;
    expect_open(&f);
    teardown(&f);
}

static void test_trunk_and_lines(void **state)
{
    struct fixture f;
    (void)state;
    setup(&f, NULL, NULL, NULL);
    f.input.next_trunk_slot = f.input.now + 1250;
    expect_stop(&f, KJ_GATE_TRUNK_RATE, "2026-07-01T12:00:01.250Z", "in 1.2 s");
    f.input.next_trunk_slot = f.input.now;
    expect_open(&f);
    f.input.open_calls = 3;
    expect_stop(&f, KJ_GATE_CONCURRENCY, "2026-07-01T12:00:05Z", "3 of 3 lines are in use");
    f.input.slot_hint = f.input.now + 15000;
    expect_stop(&f, KJ_GATE_CONCURRENCY, "2026-07-01T12:00:15Z", "3 of 3");
    f.input.slot_hint = utc("2026-07-01T18:30:00Z"); // the window is closed by then
    expect_stop(&f, KJ_GATE_CONCURRENCY, "2026-07-02T07:00:00Z", "3 of 3");
    f.input.max_calls = 0;
    expect_open(&f);
    teardown(&f);
}

static void test_order(void **state)
{
    struct fixture f;
    (void)state;
    // everything is closed: the first gate in order is named, then the next when it is lifted
    setup(&f,
          "{\"attempts\":[{\"at\":\"2026-07-01T08:00:00Z\"},{\"at\":\"2026-07-01T09:00:00Z\"}]}",
          "{}", "{\"required\":true}");
    f.input.zone_count = 0;
    f.input.next_trunk_slot = f.input.now + 1000;
    f.input.open_calls = 9;
    expect_stop(&f, KJ_GATE_CONSENT, "never", "required");
    f.input.consent_policy = NULL;
    expect_stop(&f, KJ_GATE_WINDOW, "never", "not known");
    f.input.zone_count = 1;
    expect_stop(&f, KJ_GATE_FREQUENCY, "2026-07-02T07:00:00Z", "2 of 2");
    f.input.cap_per_day = 0;
    expect_stop(&f, KJ_GATE_TRUNK_RATE, "2026-07-01T12:00:01Z", "1.0 s");
    f.input.next_trunk_slot = 0;
    expect_stop(&f, KJ_GATE_CONCURRENCY, "2026-07-01T12:00:05Z", "9 of 3");
    f.input.open_calls = 0;
    expect_open(&f);
    teardown(&f);
    assert_string_equal(kj_gate_name(KJ_GATE_TRUNK_RATE), "trunk_rate");
    assert_string_equal(kj_gate_name((enum kj_gate)99), "unknown");
}

// For people: every gate, and each that never opens says so; the first is the one that stops.
static void test_all_gates(void **state)
{
    struct fixture f;
    (void)state;
    setup(&f, "{\"refusals\":[{\"kind\":\"consent_revoked\",\"source\":\"a letter\"}]}", "{}",
          NULL);
    expect_stop(&f, KJ_GATE_CONSENT, "never", "revocation of consent");
    assert_true(f.result.final);
    f.input.all = f.input.another_time = true;
    f.input.now = utc("2026-07-01T22:00:00Z");
    f.input.next_trunk_slot = f.input.now + 5000;
    f.input.open_calls = 3;
    judge(&f);
    assert_int_equal(f.result.stopped_by, KJ_GATE_CONSENT);
    assert_int_equal(kj_doc_count(&f.verdict, "gates"), KJ_GATE_COUNT);
    assert_true(kj_doc_bool(&f.verdict, "gates.2.final", false));
    assert_false(kj_doc_bool(&f.verdict, "gates.3.open", true)); // the window
    assert_false(kj_doc_has(&f.verdict, "gates.3.final"));
    for (int gate = KJ_GATE_FREQUENCY; gate < KJ_GATE_COUNT; gate++) {
        char path[32];
        snprintf(path, sizeof path, "gates.%d.open", gate);
        assert_true(kj_doc_bool(&f.verdict, path, false)); // of the trunk only the present is known
    }
    teardown(&f);
}

static void test_refused_in_any_way(void **state)
{
    static const char *const k_kinds[] = {"opt_out", "do_not_call", "consent_revoked"};
    char text[200], json[120];
    (void)state;
    for (size_t i = 0; i < KJ_COUNT(k_kinds); i++) {
        sprintf(json, "{\"refusals\":[{\"kind\":\"%s\",\"source\":\"a letter\"}]}", k_kinds[i]);
        bson_t *number = read_json(json);
        assert_true(kj_gate_refused(number, text, sizeof text));
        assert_non_null(strstr(text, "by a letter"));
        bson_destroy(number);
    }
    assert_false(kj_gate_refused(NULL, text, sizeof text));
}

// A long refusal in a script of several bytes a letter must not be cut within a letter.
static void test_sentences_are_text(void **state)
{
    struct fixture f;
    char json[2048];
    (void)state;
    for (int shift = 0; shift < 3; shift++) {
        char *at = json + sprintf(json, "{\"refusals\":[{\"kind\":\"opt_out\",\"source\":\"%.*s",
                                  shift, "ab");
        for (int i = 0; i < 60; i++)
            at += sprintf(at, "न");
        at += sprintf(at, "\",\"evidence\":\"");
        for (int i = 0; i < 200; i++)
            at += sprintf(at, "फ");
        sprintf(at, "\"}]}");
        setup(&f, json, NULL, NULL);
        expect_stop(&f, KJ_GATE_OPT_OUT, "never", "फ");
        assert_true(kj_utf8_valid(sentence(&f), strlen(sentence(&f))));
        teardown(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_consent),
        cmocka_unit_test(test_window),
        cmocka_unit_test(test_frequency_day),
        cmocka_unit_test(test_frequency_month),
        cmocka_unit_test(test_requested_callback),
        cmocka_unit_test(test_attempts_used_up),
        cmocka_unit_test(test_trunk_and_lines),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_all_gates),
        cmocka_unit_test(test_refused_in_any_way),
        cmocka_unit_test(test_sentences_are_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
