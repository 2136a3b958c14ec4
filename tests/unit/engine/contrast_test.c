// Two plans side by side, the answers that a version lacks, and the bounds of a canary: the pure
// parts of replay and trial.
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include "base/alloc.h"
#include "doc/json.h"
#include "engine/answers.h"
#include "engine/contrast.h"
#include "engine/rollout.h"

#include <string.h>

static bson_t *json(const char *text)
{
    bson_t *doc = NULL;
    struct kj_fault fault;
    assert_int_equal(kj_json_parse(text, strlen(text), NULL, &doc, NULL, &fault), 0);
    return doc;
}

static void assert_json(bson_t *doc_take, const char *text, bool array)
{
    struct kj_buf out;
    kj_buf_init(&out, 0);
    kj_json_write(doc_take, array ? KJ_JSON_ARRAY : 0, &out);
    assert_string_equal(out.data, text);
    kj_buf_fini(&out);
    bson_destroy(doc_take);
}

static void levels_are_compared_by_the_scale(void **state)
{
    (void)state;
    static const struct {
        const char *old, *now;
        enum kj_change change;
    } k_cases[] = {{"good", "good", KJ_CHANGE_SAME},
                   {NULL, NULL, KJ_CHANGE_SAME},
                   {"good", "excellent", KJ_CHANGE_IMPROVED},
                   {"excellent", "poor", KJ_CHANGE_WORSE},
                   {"poor", "fair", KJ_CHANGE_IMPROVED},
                   {"good", "not_applicable", KJ_CHANGE_OTHER},
                   {NULL, "good", KJ_CHANGE_OTHER},
                   {"good", NULL, KJ_CHANGE_OTHER},
                   {"of another scale", "good", KJ_CHANGE_OTHER}};
    bson_t *levels = json("{\"0\":\"excellent\",\"1\":\"good\",\"2\":\"fair\",\"3\":\"poor\"}");
    for (size_t i = 0; i < KJ_COUNT(k_cases); i++)
        assert_int_equal(kj_contrast_levels(levels, k_cases[i].old, k_cases[i].now),
                         k_cases[i].change);
    bson_destroy(levels);
}

// What is ruled after every script holds for a plan that is only replayed, too.
static void a_new_plan_is_ruled_like_the_old(void **state)
{
    (void)state;
    static const char k_plan[] =
        "{\"success\":\"good\",\"score\":70,\"template\":{\"name\":\"hello\",\"language\":\"en\"},"
        "\"tags\":[\"a\"],\"variables\":{\"b\":{\"value\":5,\"state\":\"value\"},"
        "\"u\":{\"state\":\"unknown\"}}}";
    bson_t *plan = json(k_plan), *plain = json("{\"now\":\"2026-03-02T06:00:00Z\"}");
    bson_t *refused = json("{\"opt_out\":{\"asked\":true}}");
    bson_t *mute = json("{\"group\":{\"whatsapp_enabled\":false}}");
    assert_json(kj_contrast_outcome_ruled(plan, plain, false),
                "{\"success\":\"good\",\"score\":70,\"template\":\"hello\",\"tags\":[\"a\"],"
                "\"variables\":{\"b\":5}}",
                false);
    assert_json(kj_contrast_outcome_ruled(plan, refused, false),
                "{\"success\":\"good\",\"score\":70,\"opt_out\":true,\"tags\":[\"a\"],"
                "\"variables\":{\"b\":5}}",
                false);
    bson_t *outcome = kj_contrast_outcome_ruled(plan, mute, false);
    assert_false(kj_doc_has(outcome, "template"));
    bson_destroy(outcome);
    bson_destroy(plan);
    bson_destroy(plain);
    bson_destroy(refused);
    bson_destroy(mute);
}

static bson_t *timed(int64_t now, const char *state, int64_t at)
{
    bson_t *facts = bson_new(), callback = BSON_INITIALIZER;
    kj_doc_put_time(facts, "now", now);
    kj_doc_put_text(&callback, "state", state);
    kj_doc_put_time(&callback, "at", at);
    kj_doc_put_doc(facts, "callback", &callback);
    bson_destroy(&callback);
    return facts;
}

static int64_t callback_of(const char *plan, const bson_t *facts, bool recorded)
{
    bson_t *doc = json(plan), *outcome = kj_contrast_outcome_ruled(doc, facts, recorded);
    int64_t at = kj_doc_time(outcome, "callback", 0);
    bson_destroy(outcome);
    bson_destroy(doc);
    return at;
}

static void a_callback_is_the_wish_unless_the_pack_says_otherwise(void **state)
{
    (void)state;
    bson_t *wished = timed(1000, "ok", 5000), *vague = timed(1000, "ambiguous", 5000);
    bson_t *past = timed(6000, "ok", 5000);
    assert_int_equal(callback_of("{}", wished, false), 5000);
    assert_int_equal(callback_of("{}", vague, false), 0);
    assert_int_equal(callback_of("{}", past, false), 0);
    assert_int_equal(callback_of("{}", wished, true), 0); // of another system: nobody is called
    assert_int_equal(callback_of("{\"next\":{\"kind\":\"none\"}}", wished, false), 0);
    assert_int_equal(callback_of("{\"opt_out\":{\"scope\":\"all\"}}", wished, false), 0);
    bson_t *plan = bson_new(),
           next = BSON_INITIALIZER; // as it was carried out, moved into the hours
    kj_doc_put_text(&next, "kind", "callback");
    kj_doc_put_time(&next, "at", 9000);
    kj_doc_put_time(&next, "moved_from", 5000);
    kj_doc_put_doc(plan, "next", &next);
    bson_t *old = kj_contrast_outcome(plan);
    assert_int_equal(kj_doc_time(old, "callback", 0), 5000);
    bson_destroy(&next);
    bson_destroy(plan);
    bson_destroy(old);
    bson_destroy(wished);
    bson_destroy(vague);
    bson_destroy(past);
}

static void what_differs_is_named(void **state)
{
    (void)state;
    bson_t *old = json("{\"success\":\"good\",\"template\":\"a\",\"variables\":{\"x\":1,\"y\":2}}");
    bson_t *now = json("{\"success\":\"fair\",\"lead_status\":\"s\","
                       "\"variables\":{\"y\":2,\"x\":1.5,\"z\":true}}");
    bson_t *array = bson_new(), *none = bson_new();
    assert_int_equal(kj_contrast_list(old, now, array), 5);
    assert_json(array, "[\"success\",\"template\",\"lead_status\",\"variables.x\",\"variables.z\"]",
                true);
    assert_int_equal(kj_contrast_list(old, old, none), 0);
    bson_destroy(none);
    bson_destroy(old);
    bson_destroy(now);
}

static void only_what_nobody_asked_is_missing(void **state)
{
    (void)state;
    bson_t *about = json("{\"texts\":[\"known\",\"unknown\",\"new.one\"],\"variables\":["
                         "{\"name\":\"a\",\"guidance\":\"g\"},{\"name\":\"b\",\"guidance\":\"g\"},"
                         "{\"name\":\"c\",\"guidance\":\"g\",\"derived\":true},{\"name\":\"d\"}],"
                         "\"guidance\":{\"analysis\":\"all\"}}");
    bson_t *facts = json("{\"call\":{\"reached\":true},\"answers\":{\"skipped\":\"no model\","
                         "\"texts\":{\"known\":true,\"unknown\":null},"
                         "\"variables\":{\"a\":{\"value\":1}}}}");
    bson_t *silent = json("{\"call\":{\"reached\":false}}");
    bson_t *said = json("{\"texts\":{\"new.one\":null},\"variables\":{\"b\":{\"value\":2}},"
                        "\"model\":\"m\"}");
    bson_t *rest = bson_new();
    assert_int_equal(kj_answers_missing(about, facts, rest), 2);
    assert_json(rest,
                "{\"guidance\":{\"analysis\":\"all\"},\"texts\":[\"new.one\"],"
                "\"variables\":[{\"name\":\"b\",\"guidance\":\"g\"}]}",
                false);
    assert_int_equal(kj_answers_missing(about, silent, NULL), 0);
    bson_t *more = kj_answers_add(facts, said);
    assert_int_equal(kj_answers_missing(about, more, NULL), 0);
    assert_false(kj_doc_has(more, "answers.skipped"));
    assert_string_equal(kj_doc_text(more, "answers.model", ""), "m");
    bson_destroy(more);
    bson_destroy(about);
    bson_destroy(facts);
    bson_destroy(silent);
    bson_destroy(said);
}

static void another_goal_forgets_what_was_said_of_the_old(void **state)
{
    (void)state;
    bson_t *facts = json("{\"campaign\":{\"name\":\"n\",\"goal\":\"sell\"},\"answers\":{\"texts\":{"
                         "\"met {campaign.goal}\":true,\"laughed\":false}}}");
    assert_json(kj_answers_for_goal(facts, "ask"),
                "{\"campaign\":{\"name\":\"n\",\"goal\":\"ask\"},\"answers\":{\"texts\":{"
                "\"laughed\":false}}}",
                false);
    bson_t *same = kj_answers_for_goal(facts, "sell");
    assert_int_equal(kj_doc_count(same, "answers.texts"), 2);
    bson_destroy(same);
    bson_destroy(facts);
}

static void a_canary_has_bounds(void **state)
{
    (void)state;
    static const struct {
        const char *counts, *word; // NULL: within the bounds
    } k_cases[] = {
        {"{}", NULL},
        {"{\"calls\":9,\"errors\":3}", NULL},
        {"{\"calls\":9,\"errors\":4}", "failed on 4 of 9 calls"},
        {"{\"reached\":19,\"won\":0,\"live_reached\":500,\"live_won\":400}", NULL}, // too few yet
        {"{\"reached\":500,\"won\":0,\"live_reached\":19,\"live_won\":19}", NULL},
        {"{\"reached\":20,\"won\":8,\"live_reached\":40,\"live_won\":20}", NULL}, // 40 to 50: at it
        {"{\"reached\":20,\"won\":7,\"live_reached\":40,\"live_won\":20}", "fell to 35 % of 20"},
        {"{\"reached\":20,\"won\":20,\"live_reached\":40,\"live_won\":2}", NULL}};
    char reason[200];
    bson_t *canary =
        json("{\"mode\":\"canary\",\"max_errors\":3,\"max_fall\":10,\"min_calls\":20}");
    bson_t *shadow = json("{\"mode\":\"shadow\"}"), *failed = json("{\"calls\":9,\"errors\":9}");
    for (size_t i = 0; i < KJ_COUNT(k_cases); i++) {
        bson_t *counts = json(k_cases[i].counts);
        reason[0] = 0;
        assert_int_equal(kj_rollout_crossed(canary, counts, reason, sizeof reason),
                         k_cases[i].word != NULL);
        if (k_cases[i].word)
            assert_non_null(strstr(reason, k_cases[i].word));
        bson_destroy(counts);
    }
    assert_false(kj_rollout_crossed(shadow, failed, reason, sizeof reason)); // harms nobody
    bson_destroy(canary);
    bson_destroy(shadow);
    bson_destroy(failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels_are_compared_by_the_scale),
        cmocka_unit_test(a_new_plan_is_ruled_like_the_old),
        cmocka_unit_test(a_callback_is_the_wish_unless_the_pack_says_otherwise),
        cmocka_unit_test(what_differs_is_named),
        cmocka_unit_test(only_what_nobody_asked_is_missing),
        cmocka_unit_test(another_goal_forgets_what_was_said_of_the_old),
        cmocka_unit_test(a_canary_has_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
