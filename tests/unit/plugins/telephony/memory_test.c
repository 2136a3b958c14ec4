// The carrier's memory: what a look-up knows after a crash, and what the files hold.
#include "sim_help.h"

static void a_crash_loses_nothing(void **state)
{
    (void)state;
    struct sim_files files;
    sim_files_init(&files);
    struct fake_host *host = sim_open(&files, k_sim_forced);
    sim_place(host, "whole", "+493023125001", 1, "de"); // never interrupted, for comparison
    fake_host_run(host, 3600000);
    char *whole = strdup(strstr(sim_last(host, "whole")->json, "\"disposition\""));
    int64_t before = fake_host_now(host);
    sim_place(host, "a", "+493023125001", 1, "de");
    fake_host_advance(host, 9000); // under way
    assert_int_equal(sim_reported(host, "a", "ended"), 0);
    fake_host_destroy(host); // the truth is not written, no event more
    assert_int_equal(sim_lines(files.truth), 1);
    // A new process, a minute later: the call may still be under way.
    host = sim_open_at(&files, ", \"force_by_suffix\": true, \"resume\": false", 1, before + 20000);
    const bson_t *found = sim_look_up(host, "a");
    assert_true(kj_doc_bool(found, "found", false));
    assert_true(kj_doc_bool(found, "certain", false));
    assert_string_not_equal(kj_doc_text(found, "state", ""), "ended");
    fake_host_advance(host, 3600000);
    found = sim_look_up(host, "a");
    assert_string_equal(kj_doc_text(found, "state", ""), "ended");
    uint64_t op = fake_host_start(host, "telephony.lookup", "{\"attempt_id\": \"a\"}");
    assert_string_equal(strstr(fake_host_result(host, op)->json, "\"disposition\""), whole);
    assert_int_equal(sim_lines(files.ring), 2); // looking up rings nobody
    fake_host_destroy(host);
    free(whole);
    sim_files_fini(&files);
}

static void a_restart_goes_on_reporting(void **state)
{
    (void)state;
    struct sim_files files;
    sim_files_init(&files);
    struct fake_host *host = sim_open(&files, k_sim_forced);
    sim_place(host, "a", "+493023125001", 1, "de");
    sim_place(host, "over", "+493023125021", 1, "de");
    fake_host_advance(host, 500);
    int64_t now = fake_host_now(host);
    fake_host_destroy(host);
    host = sim_open_at(&files, k_sim_forced, 1, now + 5000);
    assert_int_equal(sim_lines(files.truth), 1); // the busy one ended while nobody looked
    fake_host_run(host, 3600000);
    assert_int_equal(sim_reported(host, "a", "dialing"), 0);
    assert_int_equal(sim_reported(host, "a", "ended"), 1);
    assert_int_equal(sim_reported(host, "over", "ended"), 0);
    assert_int_equal(sim_lines(files.truth), 2);
    now = fake_host_now(host);
    fake_host_destroy(host);
    host = sim_open_at(&files, k_sim_forced, 1, now); // all told: nothing is written twice
    fake_host_run(host, 3600000);
    assert_int_equal(sim_lines(files.truth), 2);
    assert_int_equal(fake_host_event_count(host), 0);
    fake_host_destroy(host);
    sim_files_fini(&files);
}

static void the_ring_log_has_one_line_a_ring(void **state)
{
    (void)state;
    struct sim_files files;
    sim_files_init(&files);
    struct fake_host *host = sim_open(&files, k_sim_forced);
    sim_place(host, "a", "+493023125001", 2, "de");
    sim_place(host, "a", "+493023125001", 2, "de"); // a caller's mistake shows
    fake_host_run(host, 3600000);
    char *text = sim_read(files.ring), *end = strchr(text, '\n');
    assert_int_equal(sim_lines(files.ring), 2);
    assert_int_equal(sim_lines(files.truth), 2);
    *end = 0;
    bson_t *line = fake_json(text);
    assert_string_equal(kj_doc_text(line, "attempt_id", ""), "a");
    assert_string_equal(kj_doc_text(line, "to", ""), "+493023125001");
    assert_int_equal(kj_doc_int(line, "attempt", 0), 2);
    assert_int_equal(kj_doc_time(line, "at", 0), kj_doc_int(line, "at_ms", 1));
    bson_t *second = fake_json(end + 1);
    assert_string_not_equal(kj_doc_text(line, "provider_id", ""),
                            kj_doc_text(second, "provider_id", ""));
    bson_destroy(line);
    bson_destroy(second);
    free(text);
    // Another process on the same log is seen, and a line cut off by a crash does no harm.
    FILE *file = fopen(files.ring, "a");
    fputs("{\"attempt_id\":\"other\",\"to\":\"+493023125021\",\"at_ms\":1,\"attempt\":1,"
          "\"provider_id\":\"SIM1\",\"request\":{\"attempt_id\":\"other\",\"to\":"
          "\"+493023125021\"}}\n{\"attempt_id\":\"cut",
          file);
    fclose(file);
    assert_string_equal(kj_doc_text(sim_look_up(host, "other"), "disposition", ""), "busy");
    int64_t now = fake_host_now(host);
    fake_host_destroy(host);
    host = sim_open_at(&files, k_sim_forced, 1, now);
    assert_false(kj_doc_bool(sim_look_up(host, "cut"), "found", true));
    sim_place(host, "next", "+493023125021", 1, "de");
    fake_host_run(host, 3600000);
    now = fake_host_now(host);
    fake_host_destroy(host);
    host = sim_open_at(&files, k_sim_forced, 1, now);
    assert_true(kj_doc_bool(sim_look_up(host, "next"), "found", false));
    assert_true(kj_doc_bool(sim_look_up(host, "a"), "found", false));
    fake_host_destroy(host);
    sim_files_fini(&files);
}

static void the_operator_hangs_up(void **state)
{
    (void)state;
    struct sim_files files;
    sim_files_init(&files);
    struct fake_host *host = sim_open(&files, k_sim_forced);
    sim_place(host, "talk", "+493023125001", 1, "de");
    sim_place(host, "ring", "+493023125022", 1, "de");
    while (!sim_reported(host, "talk", "in_progress"))
        fake_host_advance(host, 100);
    fake_host_advance(host, 3000);
    uint64_t op = fake_host_start(host, "telephony.hangup", "{\"attempt_id\": \"talk\"}");
    fake_host_start(host, "telephony.hangup", "{\"attempt_id\": \"ring\"}");
    sim_check("verbs/telephony.hangup", "response", fake_host_result(host, op)->doc);
    assert_true(kj_doc_bool(fake_host_result(host, op)->doc, "hung_up", false));
    fake_host_advance(host, 0);
    const bson_t *ended = sim_last(host, "talk")->data;
    sim_check("events/telephony.progress", "data", ended);
    assert_string_equal(kj_doc_text(ended, "end_reason", ""), "operator");
    assert_string_equal(kj_doc_text(ended, "disposition", ""), "completed");
    assert_int_equal(kj_doc_time(ended, "at", 0), fake_host_now(host));
    ended = sim_last(host, "ring")->data;
    assert_string_equal(kj_doc_text(ended, "disposition", ""), "canceled");
    assert_int_equal(kj_doc_int(ended, "raw.code", 0), 487);
    op = fake_host_start(host, "telephony.hangup", "{\"attempt_id\": \"talk\"}");
    assert_false(kj_doc_bool(fake_host_result(host, op)->doc, "hung_up", true));
    op = fake_host_start(host, "telephony.hangup", "{\"attempt_id\": \"nobody\"}");
    assert_false(kj_doc_bool(fake_host_result(host, op)->doc, "found", true));
    fake_host_run(host, 3600000);
    assert_int_equal(sim_reported(host, "talk", "ended"), 1);
    int64_t now = fake_host_now(host);
    fake_host_destroy(host);
    host = sim_open_at(&files, k_sim_forced, 1, now); // remembered
    assert_string_equal(kj_doc_text(sim_look_up(host, "talk"), "end_reason", ""), "operator");
    fake_host_destroy(host);
    sim_files_fini(&files);
}

static void it_works_without_files(void **state)
{
    (void)state;
    struct fake_host *host =
        fake_host_create(&kejue_plugin, "{\"force_by_suffix\": true}", 1, 0, NULL, 0);
    sim_place(host, "a", "+493023125021", 1, "en");
    fake_host_run(host, 3600000);
    assert_string_equal(kj_doc_text(sim_look_up(host, "a"), "disposition", ""), "busy");
    fake_host_destroy(host);
    char error[256] = "";
    assert_null(fake_host_create(&kejue_plugin, "{\"ring_log\": \"/nowhere/at/all\"}", 1, 0, error,
                                 sizeof error));
    assert_non_null(strstr(error, "/nowhere/at/all"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_crash_loses_nothing),
        cmocka_unit_test(a_restart_goes_on_reporting),
        cmocka_unit_test(the_ring_log_has_one_line_a_ring),
        cmocka_unit_test(the_operator_hangs_up),
        cmocka_unit_test(it_works_without_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
