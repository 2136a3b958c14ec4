// Calls, dispositions, retry policies, backoff.
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
#include "model/retry.h"

#include <string.h>

static int try_parse(const char *json, struct kj_retry_policy *policy, struct kj_fault *fault)
{
    bson_t *doc;
    assert_int_equal(kj_json_parse(json, strlen(json), NULL, &doc, NULL, NULL), KJ_OK);
    int rc = kj_retry_parse(doc, policy, fault);
    bson_destroy(doc);
    return rc;
}

static struct kj_retry_policy parse(const char *json)
{
    struct kj_retry_policy policy;
    assert_int_equal(try_parse(json, &policy, NULL), KJ_OK);
    return policy;
}

static void test_names(void **state)
{
    (void)state;
    for (int i = 0; i <= KJ_CALL_UNKNOWN; i++)
        assert_int_equal(kj_call_state_from_name(kj_call_state_name((enum kj_call_state)i)), i);
    for (int i = 0; i < KJ_DISP_COUNT; i++)
        assert_int_equal(kj_disposition_from_name(kj_disposition_name((enum kj_disposition)i)), i);
    assert_int_equal(kj_call_state_from_name("paused"), -1);
    assert_int_equal(kj_call_state_from_name(NULL), -1);
    assert_int_equal(kj_disposition_from_name("gone"), KJ_DISP_NONE);
    assert_string_equal(kj_disposition_name(KJ_DISP_NO_ANSWER), "no_answer");
    assert_string_equal(kj_call_state_name(KJ_CALL_IN_PROGRESS), "in_progress");
    assert_string_equal(kj_call_state_name((enum kj_call_state)99), "unknown");
    assert_string_equal(kj_disposition_name((enum kj_disposition)99), "none");
}

static void test_forward_only(void **state)
{
    static const char *const k_names[] = {"queued",      "dialing", "ringing",  "answered",
                                          "in_progress", "ended",   "canceled", "unknown"};
    // rows: from; columns: to
    static const char *const k_may[] = {"01111110", "00111111", "00011111", "00001101",
                                        "00000101", "00000000", "00000000", "01111110"};
    (void)state;
    for (size_t from = 0; from < 8; from++)
        for (size_t to = 0; to < 8; to++)
            if (kj_call_may_follow((enum kj_call_state)from, (enum kj_call_state)to) !=
                (k_may[from][to] == '1'))
                fail_msg("%s -> %s", k_names[from], k_names[to]);
}

static void test_what_counts(void **state)
{
    (void)state;
    assert_true(kj_disposition_counts(KJ_DISP_NO_ANSWER));
    assert_true(kj_disposition_counts(KJ_DISP_VOICEMAIL));
    assert_true(kj_disposition_counts(KJ_DISP_BUSY));
    assert_false(kj_disposition_counts(KJ_DISP_CARRIER_ERROR));
    assert_false(kj_disposition_counts(KJ_DISP_AUTH_FAILED));
    assert_false(kj_disposition_counts(KJ_DISP_CANCELED));
    assert_false(kj_disposition_counts(KJ_DISP_NONE));
    assert_true(kj_disposition_final(KJ_DISP_INVALID_NUMBER));
    assert_true(kj_disposition_final(KJ_DISP_BLOCKED));
    assert_false(kj_disposition_final(KJ_DISP_REJECTED));
}

static void test_default_policy(void **state)
{
    struct kj_retry_policy policy;
    (void)state;
    assert_int_equal(kj_retry_parse(NULL, &policy, NULL), KJ_OK);
    assert_int_equal(policy.max_attempts, 3);
    assert_int_equal(kj_retry_gap(&policy, 1, KJ_DISP_NO_ANSWER), 180 * 60000);
    assert_int_equal(kj_retry_gap(&policy, 2, KJ_DISP_BUSY), 1440 * 60000);
    assert_int_equal(kj_retry_gap(&policy, 3, KJ_DISP_BUSY), -1);
    assert_int_equal(kj_retry_gap(&policy, 1, KJ_DISP_COMPLETED), -1);
    assert_int_equal(kj_retry_gap(&policy, 1, KJ_DISP_INVALID_NUMBER), -1);
    assert_int_equal(kj_retry_gap(&policy, 1, KJ_DISP_BLOCKED), -1);
    assert_int_equal(kj_retry_gap(&policy, 1, KJ_DISP_NONE), -1);
    // a carrier error before any attempt counted takes the first gap
    assert_int_equal(kj_retry_gap(&policy, 0, KJ_DISP_CARRIER_ERROR), 180 * 60000);
}

// K-57, K-58, K-59: the smaller of the two limits wins.
static void test_policies(void **state)
{
    struct kj_retry_policy policy = parse("{\"gaps_minutes\":[5,15,60,1440]}");
    (void)state;
    assert_int_equal(policy.max_attempts, 5);
    assert_int_equal(kj_retry_gap(&policy, 4, KJ_DISP_NO_ANSWER), 1440 * 60000);
    assert_int_equal(kj_retry_gap(&policy, 5, KJ_DISP_NO_ANSWER), -1);
    policy = parse("{\"gaps_minutes\":[5,15,60,1440],\"max_attempts\":2}");
    assert_int_equal(kj_retry_gap(&policy, 1, KJ_DISP_NO_ANSWER), 5 * 60000);
    assert_int_equal(kj_retry_gap(&policy, 2, KJ_DISP_NO_ANSWER), -1);
    policy = parse("{\"gaps_minutes\":[30],\"max_attempts\":9}");
    assert_int_equal(policy.max_attempts, 2);
    assert_int_equal(kj_retry_gap(&policy, 2, KJ_DISP_NO_ANSWER), -1);
    policy = parse("{\"gaps_minutes\":[]}");
    assert_int_equal(kj_retry_gap(&policy, 1, KJ_DISP_NO_ANSWER), -1);
    policy = parse("{\"max_attempts\":1}");
    assert_int_equal(kj_retry_gap(&policy, 1, KJ_DISP_NO_ANSWER), -1);
    policy = parse("{\"on\":[\"busy\",\"goal_incomplete\"]}");
    assert_true(policy.goal_incomplete);
    assert_int_equal(kj_retry_gap(&policy, 1, KJ_DISP_NO_ANSWER), -1);
    assert_int_equal(kj_retry_gap(&policy, 1, KJ_DISP_BUSY), 180 * 60000);
    assert_int_equal(kj_retry_after(&policy, 2), 1440 * 60000);
    assert_int_equal(kj_retry_after(&policy, 3), -1);
    policy = parse("{\"on\":[]}");
    assert_int_equal(kj_retry_gap(&policy, 1, KJ_DISP_BUSY), -1);
}

static void test_bad_policies(void **state)
{
    static const char *const k_bad[][2] = {
        {"{\"gaps_minutes\":[0]}", "/gaps_minutes"},
        {"{\"gaps_minutes\":[43201]}", "/gaps_minutes"},
        {"{\"gaps_minutes\":[\"5\"]}", "/gaps_minutes"},
        {"{\"gaps_minutes\":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]}", "/gaps_minutes"},
        {"{\"max_attempts\":0}", "/max_attempts"},
        {"{\"max_attempts\":22}", "/max_attempts"},
        {"{\"on\":[\"noanswer\"]}", "/on"},
        {"{\"on\":[\"completed\"]}", "/on"},
        {"{\"on\":[\"invalid_number\"]}", "/on"},
        {"{\"on\":[\"blocked\"]}", "/on"},
        {"{\"on\":[7]}", "/on"},
    };
    struct kj_retry_policy policy;
    struct kj_fault fault;
    (void)state;
    for (size_t i = 0; i < KJ_COUNT(k_bad); i++) {
        assert_int_equal(try_parse(k_bad[i][0], &policy, &fault), KJ_EINVAL);
        assert_string_equal(fault.place, k_bad[i][1]);
    }
    assert_int_equal(try_parse("{\"on\":[\"noanswer\"]}", &policy, &fault), KJ_EINVAL);
    assert_string_equal(fault.hint, "did you mean \"no_answer\"?");
}

static void test_backoff(void **state)
{
    struct kj_rng rng;
    int64_t low = INT64_MAX, high = 0;
    (void)state;
    kj_rng_init(&rng, 7);
    for (int n = 1; n < 80; n++) {
        int64_t full = n > 12 ? 3600000 : 1000LL << (n - 1) < 3600000 ? 1000LL << (n - 1) : 3600000;
        for (int i = 0; i < 50; i++) {
            int64_t wait = kj_backoff(&rng, 1000, 3600000, n);
            assert_in_range(wait, full / 2, full);
            low = n == 1 && wait < low ? wait : low;
            high = n == 1 && wait > high ? wait : high;
        }
    }
    assert_true(high - low > 300); // it is spread
    assert_in_range(kj_backoff(&rng, INT64_MAX / 2, INT64_MAX, 60), INT64_MAX / 2, INT64_MAX);
    assert_in_range(kj_backoff(&rng, 0, 0, 5), 0, 1);
    assert_in_range(kj_backoff(&rng, 1000, 10, 5), 500, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),       cmocka_unit_test(test_forward_only),
        cmocka_unit_test(test_what_counts), cmocka_unit_test(test_default_policy),
        cmocka_unit_test(test_policies),    cmocka_unit_test(test_bad_policies),
        cmocka_unit_test(test_backoff),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
