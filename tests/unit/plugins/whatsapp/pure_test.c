// The parts without a host: codes, token buckets, cleaning, keys.
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "wa.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void codes_have_their_class(void **state)
{
    (void)state;
    static const struct {
        int64_t code;
        enum kejue_class class_;
    } rows[] = {{0, KEJUE_CREDENTIAL},
                {190, KEJUE_CREDENTIAL},
                {10, KEJUE_CREDENTIAL},
                {200, KEJUE_CREDENTIAL},
                {250, KEJUE_CREDENTIAL},
                {299, KEJUE_CREDENTIAL},
                {4, KEJUE_NOT_PROCESSED},
                {80007, KEJUE_NOT_PROCESSED},
                {130429, KEJUE_NOT_PROCESSED},
                {131056, KEJUE_NOT_PROCESSED},
                {131048, KEJUE_ACCOUNT},
                {131049, KEJUE_NOT_PROCESSED},
                {130472, KEJUE_CALLER},
                {131050, KEJUE_CALLER},
                {131026, KEJUE_CALLER},
                {131047, KEJUE_CALLER},
                {131051, KEJUE_CALLER},
                {131053, KEJUE_CALLER},
                {131000, KEJUE_UNKNOWN},
                {131016, KEJUE_UNKNOWN},
                {1, KEJUE_UNKNOWN},
                {2, KEJUE_UNKNOWN},
                {100, KEJUE_CALLER},
                {33, KEJUE_CALLER},
                {131008, KEJUE_CALLER},
                {131009, KEJUE_CALLER},
                {131021, KEJUE_CALLER},
                {131031, KEJUE_ACCOUNT},
                {368, KEJUE_ACCOUNT},
                {130497, KEJUE_CALLER},
                {131042, KEJUE_ACCOUNT},
                {132000, KEJUE_CALLER},
                {132001, KEJUE_CALLER},
                {132005, KEJUE_CALLER},
                {132007, KEJUE_CALLER},
                {132012, KEJUE_CALLER},
                {132015, KEJUE_ACCOUNT},
                {132016, KEJUE_CALLER},
                {132068, KEJUE_CALLER},
                {132069, KEJUE_NOT_PROCESSED},
                {133010, KEJUE_ACCOUNT},
                {3, KEJUE_CREDENTIAL}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct wa_error *error = wa_error_find(rows[i].code);
        assert_non_null(error);
        assert_int_equal(error->class_, rows[i].class_);
        assert_true(strlen(error->text) > 10);
    }
    assert_null(wa_error_find(5));
    assert_null(wa_error_find(300));
    assert_null(wa_error_find(999999));
    assert_null(wa_error_find(-1));
    assert_int_equal(wa_error_find(132015)->retry_after_ms, WA_PAUSE_MS);
}

static void a_number_sends_at_its_rate(void **state)
{
    (void)state;
    struct wa_number number = {.interval_us = 12500};
    int64_t last = 0;
    for (int i = 0; i < 160; i++)
        last = wa_pace_number(&number, 1000000, 60000);
    assert_in_range(last, 1987, 1989); // 159 intervals of 12.5 ms
    // a quiet minute saves nothing up: the next second holds 80 again, not more
    int within = 0;
    for (int i = 0; i < 200; i++)
        within += wa_pace_number(&number, 1100000, 60000) < 1000;
    assert_int_equal(within, 80);
}

static void a_held_number_waits(void **state)
{
    (void)state;
    struct wa_number number = {.interval_us = 12500, .held_until = 5000};
    assert_int_equal(wa_pace_number(&number, 1000, 60000), 4000);
    assert_int_equal(wa_pace_number(&number, 1000, 60000), 4013);
    // beyond the limit nothing is taken
    assert_int_equal(wa_pace_number(&number, 1000, 100), 4025);
    assert_int_equal(wa_pace_number(&number, 1000, 100), 4025);
}

static void a_pair_sends_once_in_six_seconds(void **state)
{
    (void)state;
    struct wa_pace *pace = calloc(1, sizeof *pace);
    pace->pair_interval_ms = 6000;
    assert_int_equal(wa_pace_pair(pace, "1", "49151", 1000, 60000), 0);
    assert_int_equal(wa_pace_pair(pace, "1", "49151", 1000, 60000), 6000);
    assert_int_equal(wa_pace_pair(pace, "1", "49152", 1000, 60000), 0);
    assert_int_equal(wa_pace_pair(pace, "2", "49151", 1000, 60000), 0);
    assert_int_equal(wa_pace_pair(pace, "1", "49151", 3000, 100), 10000);
    assert_int_equal(wa_pace_pair(pace, "1", "49151", 3000, 100), 10000);
    wa_pace_hold_pair(pace, "1", "49152", 61000);
    assert_int_equal(wa_pace_pair(pace, "1", "49152", 1000, 100000), 60000);
    free(pace);
}

static void many_pairs_do_not_disturb_each_other(void **state)
{
    (void)state;
    struct wa_pace *pace = calloc(1, sizeof *pace);
    pace->pair_interval_ms = 6000;
    int waited = 0;
    for (int i = 0; i < 20000; i++) { // 80 a second
        char user[24];
        snprintf(user, sizeof user, "4915%07d", i);
        waited += wa_pace_pair(pace, "1", user, 1000 + i * 1000 / 80, 60000) > 0;
    }
    assert_int_equal(waited, 0);
    free(pace);
}

static void parameters_are_cleaned(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"plain", "plain"},         {"two\nlines\tand tab", "two lines and tab"},
        {"a          b", "a    b"}, {"  edges \r\n", "edges"},
        {"Grüße – 👍", "Grüße – 👍"}, {"\n\t ", ""},
        {"a \n \n \n b", "a    b"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *clean = wa_sanitise(rows[i][0]);
        assert_string_equal(clean, rows[i][1]);
        free(clean);
    }
}

static void one_user_has_one_key(void **state)
{
    (void)state;
    static const char *const rows[][3] = {
        {"+4915112345678", NULL, "4915112345678"},
        {"4915112345678", "US.13", "4915112345678"},
        {NULL, "US.13491208655302741918", "US.13491208655302741918"},
        {"+5215512345678", NULL, "525512345678"}, // Mexico with and without the mobile digit
        {"525512345678", NULL, "525512345678"},
        {"+5491112345678", NULL, "541112345678"},
        {"+5511987654321", NULL, "551187654321"},
        {"551187654321", NULL, "551187654321"},
        {NULL, NULL, ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char key[WA_USER];
        wa_user_key(key, rows[i][0], rows[i][1]);
        assert_string_equal(key, rows[i][2]);
    }
}

static void state_keys_stay_short_and_apart(void **state)
{
    (void)state;
    char a[512], b[512], name[400];
    memset(name, 'x', sizeof name);
    name[300] = '\0';
    wa_template_key(a, sizeof a, name, "de");
    name[250] = 'y';
    wa_template_key(b, sizeof b, name, "de");
    assert_true(strlen(a) < 150);
    assert_string_not_equal(a, b);
    wa_template_key(a, sizeof a, "visit", "de");
    assert_string_equal(a, "pause/visit/de");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_have_their_class),
        cmocka_unit_test(a_number_sends_at_its_rate),
        cmocka_unit_test(a_held_number_waits),
        cmocka_unit_test(a_pair_sends_once_in_six_seconds),
        cmocka_unit_test(many_pairs_do_not_disturb_each_other),
        cmocka_unit_test(parameters_are_cleaned),
        cmocka_unit_test(one_user_has_one_key),
        cmocka_unit_test(state_keys_stay_short_and_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
