// What goes wrong with carriers: refusals, lost replies, lost and odd events.
#include "sim_help.h"

static void events_come_in_order_and_in_time(void **state)
{
    (void)state;
    struct sim_files files;
    sim_files_init(&files);
    struct fake_host *host = sim_open(&files, k_sim_forced);
    uint64_t op = sim_place(host, "a", "+493023125001", 1, "en");
    fake_host_run(host, 3600000);
    const struct fake_result *result = fake_host_result(host, op);
    assert_int_equal(result->class_, KEJUE_OK);
    const char *states[] = {"dialing", "ringing", "answered", "in_progress", "ended"};
    assert_int_equal(fake_host_event_count(host), 5);
    int64_t before = 0;
    for (size_t i = 0; i < 5; i++) {
        const struct fake_event *event = fake_host_event(host, i);
        sim_check("events/telephony.progress", "data", event->data);
        assert_string_equal(kj_doc_text(event->data, "state", ""), states[i]);
        assert_int_equal(kj_doc_int(event->data, "sequence", 0), i + 1);
        assert_string_equal(kj_doc_text(event->data, "provider_id", ""),
                            kj_doc_text(result->doc, "provider_id", "-"));
        int64_t at = kj_doc_time(event->data, "at", 0);
        assert_int_equal(at, event->at);
        assert_true(at > before);
        before = at;
    }
    assert_int_equal(fake_host_timer_count(host), 0); // nothing is left behind
    fake_host_destroy(host);
    sim_files_fini(&files);
}

static void refusals_ring_nobody(void **state)
{
    (void)state;
    static const struct {
        const char *faults, *code;
        enum kejue_class class_;
    } rows[] = {
        {", \"faults\": {\"api_429\": 1}", "429", KEJUE_NOT_PROCESSED},
        {", \"faults\": {\"api_500\": 1}", "500", KEJUE_UNKNOWN},
        {", \"faults\": {\"timeout_before_accept\": 1}", "timeout", KEJUE_UNKNOWN},
        {", \"outages\": [{\"from\": \"2026-03-02T11:00:00+01:00\", \"to\": "
         "\"2026-03-02T10:30:00Z\"}]",
         "503", KEJUE_NOT_PROCESSED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sim_files files;
        sim_files_init(&files);
        struct fake_host *host = sim_open(&files, rows[i].faults);
        uint64_t op = sim_place(host, "a", "+493023125001", 1, "en");
        const struct fake_result *result = sim_wait_for(host, op);
        assert_non_null(result);
        assert_int_equal(result->class_, rows[i].class_);
        assert_string_equal(result->code, rows[i].code);
        assert_int_equal(sim_lines(files.ring), 0);
        const bson_t *found = sim_look_up(host, "a");
        assert_false(kj_doc_bool(found, "found", true));
        assert_true(kj_doc_bool(found, "certain", false));
        fake_host_destroy(host);
        sim_files_fini(&files);
    }
}

static void an_outage_passes(void **state)
{
    (void)state;
    struct sim_files files;
    sim_files_init(&files);
    struct fake_host *host = sim_open(&files, ", \"outages\": [{\"from\": "
                                              "\"2026-03-02T09:00:00Z\", \"to\": "
                                              "\"2026-03-02T10:00:30Z\"}]");
    const struct fake_result *result =
        fake_host_result(host, sim_place(host, "a", "+493023125001", 1, "en"));
    assert_int_equal(result->retry_after_ms, 30000);
    fake_host_advance(host, 30000);
    result = sim_wait_for(host, sim_place(host, "a", "+493023125001", 1, "en"));
    assert_int_equal(result->class_, KEJUE_OK);
    fake_host_destroy(host);
    char error[256] = "";
    assert_null(fake_host_create(&kejue_plugin,
                                 "{\"outages\": [{\"from\": \"today\", \"to\": \"later\"}]}", 1, 0,
                                 error, sizeof error));
    assert_non_null(strstr(error, "outages.0"));
    sim_files_fini(&files);
}

static void lost_replies_can_be_looked_up(void **state)
{
    (void)state;
    struct sim_files files;
    sim_files_init(&files);
    struct fake_host *host = sim_open(&files, k_sim_forced);
    uint64_t late = sim_place(host, "late", "+493023125034", 1, "en");
    uint64_t lost = sim_place(host, "lost", "+493023125035", 1, "en");
    const bson_t *early = sim_look_up(host, "lost"); // the request is just on its way
    assert_false(kj_doc_bool(early, "found", true));
    assert_false(kj_doc_bool(early, "certain", true));
    fake_host_advance(host, 12000);
    assert_int_equal(fake_host_result(host, late)->class_, KEJUE_UNKNOWN);
    assert_null(fake_host_result(host, lost)); // the host's deadline must end it
    assert_int_equal(sim_lines(files.ring), 2);
    assert_true(kj_doc_bool(sim_look_up(host, "late"), "found", false));
    assert_true(kj_doc_bool(sim_look_up(host, "lost"), "found", false));
    fake_host_run(host, 3600000);
    const bson_t *ended = sim_look_up(host, "lost");
    assert_string_equal(kj_doc_text(ended, "state", ""), "ended");
    assert_string_equal(kj_doc_text(ended, "disposition", ""), "completed");
    fake_host_destroy(host);
    sim_files_fini(&files);
}

static void faults_forced_by_the_number_strike_once(void **state)
{
    (void)state;
    struct sim_files files;
    sim_files_init(&files);
    struct fake_host *host = sim_open(&files, k_sim_forced);
    uint64_t op = sim_place(host, "a", "+493023125032", 1, "en");
    assert_int_equal(sim_wait_for(host, op)->class_, KEJUE_NOT_PROCESSED);
    op = sim_place(host, "b", "+493023125033", 1, "en");
    assert_int_equal(sim_wait_for(host, op)->class_, KEJUE_UNKNOWN);
    assert_false(kj_doc_bool(sim_look_up(host, "b"), "found", true));
    op = sim_place(host, "a", "+493023125032", 1, "en");
    assert_int_equal(sim_wait_for(host, op)->class_, KEJUE_OK);
    op = sim_place(host, "b", "+493023125033", 1, "en");
    assert_int_equal(sim_wait_for(host, op)->class_, KEJUE_OK);
    fake_host_destroy(host);
    sim_files_fini(&files);
}

static void faulty_events(void **state)
{
    (void)state;
    struct sim_files files;
    sim_files_init(&files);
    struct fake_host *host = sim_open(&files, k_sim_forced);
    sim_place(host, "none", "+493023125036", 1, "en");
    sim_place(host, "twice", "+493023125037", 1, "en");
    sim_place(host, "mixed", "+493023125038", 1, "en");
    sim_place(host, "late", "+493023125039", 1, "en");
    fake_host_run(host, 3600000);
    assert_int_equal(sim_reported(host, "none", "in_progress"), 1);
    assert_int_equal(sim_reported(host, "none", "ended"), 0);
    assert_string_equal(kj_doc_text(sim_look_up(host, "none"), "state", ""), "ended");
    const char *states[] = {"dialing", "ringing", "answered", "in_progress", "ended"};
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(sim_reported(host, "twice", states[i]), 2);
        assert_int_equal(sim_reported(host, "mixed", states[i]), 1);
        assert_int_equal(sim_reported(host, "late", states[i]), 1);
    }
    int64_t last = 0;
    int backwards = 0;
    for (size_t i = 0; i < fake_host_event_count(host); i++) {
        const struct fake_event *event = fake_host_event(host, i);
        const char *id = kj_doc_text(event->data, "attempt_id", "");
        if (strcmp(id, "late") == 0)
            assert_in_range(event->at - kj_doc_time(event->data, "at", 0), 5000, 60000);
        if (strcmp(id, "mixed") != 0)
            continue;
        int64_t sequence = kj_doc_int(event->data, "sequence", 0);
        backwards += sequence < last;
        last = sequence;
    }
    assert_true(backwards > 0);
    assert_int_equal(sim_lines(files.truth), 4); // the truth knows no faults
    fake_host_destroy(host);
    sim_files_fini(&files);
    sim_files_init(&files);
    host = sim_open(&files, ", \"faults\": {\"lost_event\": 1}");
    sim_place(host, "a", "+493023125001", 1, "en");
    fake_host_run(host, 3600000);
    assert_int_equal(fake_host_event_count(host), 0);
    assert_int_equal(sim_lines(files.truth), 1);
    fake_host_destroy(host);
    sim_files_fini(&files);
}

static void faults_strike_by_chance(void **state)
{
    (void)state;
    struct sim_files files;
    sim_files_init(&files);
    struct fake_host *host =
        sim_open(&files, ", \"faults\": {\"api_429\": 0.2, \"lost_reply\": 0.1}");
    uint64_t ops[1000];
    int refused = 0, lost = 0;
    for (int i = 0; i < 1000; i++) {
        char id[16], to[32];
        snprintf(id, sizeof id, "%d", i);
        snprintf(to, sizeof to, "+4930231%05d", i);
        ops[i] = sim_place(host, id, to, 1, "de");
    }
    fake_host_advance(host, 1000);
    for (int i = 0; i < 1000; i++) {
        const struct fake_result *result = fake_host_result(host, ops[i]);
        refused += result && result->class_ == KEJUE_NOT_PROCESSED;
        lost += !result;
    }
    assert_in_range(refused, 160, 240);
    assert_in_range(lost, 50, 115);
    assert_int_equal(sim_lines(files.ring), 1000 - refused);
    fake_host_destroy(host);
    sim_files_fini(&files);
}

static void lines_are_limited(void **state)
{
    (void)state;
    struct sim_files files;
    sim_files_init(&files);
    struct fake_host *host = sim_open(&files, ", \"force_by_suffix\": true, \"max_lines\": 2");
    uint64_t a = sim_place(host, "a", "+493023125022", 1, "en");
    uint64_t b = sim_place(host, "b", "+493023125022", 1, "en");
    uint64_t c = sim_place(host, "c", "+493023125022", 1, "en");
    fake_host_advance(host, 1000);
    assert_int_equal(fake_host_result(host, a)->class_, KEJUE_OK);
    assert_int_equal(fake_host_result(host, b)->class_, KEJUE_OK);
    assert_int_equal(fake_host_result(host, c)->class_, KEJUE_NOT_PROCESSED);
    assert_string_equal(fake_host_result(host, c)->code, "429");
    fake_host_run(host, 3600000); // both end: their lines are free again
    c = sim_place(host, "c", "+493023125022", 1, "en");
    assert_int_equal(sim_wait_for(host, c)->class_, KEJUE_OK);
    fake_host_destroy(host);
    sim_files_fini(&files);
}

static void a_host_that_cannot_take_events_gets_them_later(void **state)
{
    (void)state;
    struct sim_files files;
    sim_files_init(&files);
    struct fake_host *host = sim_open(&files, k_sim_forced);
    fake_host_emit_class(host, KEJUE_NOT_PROCESSED);
    sim_place(host, "a", "+493023125021", 1, "en");
    fake_host_advance(host, 5000);
    assert_int_equal(fake_host_event_count(host), 0);
    fake_host_emit_class(host, KEJUE_OK);
    fake_host_run(host, 3600000);
    assert_int_equal(sim_reported(host, "a", "dialing"), 1);
    assert_int_equal(sim_reported(host, "a", "ended"), 1);
    fake_host_destroy(host);
    sim_files_fini(&files);
}

static void canceling_and_closing_in_the_middle(void **state)
{
    (void)state;
    struct sim_files files;
    sim_files_init(&files);
    struct fake_host *host = sim_open(&files, k_sim_forced);
    uint64_t op = sim_place(host, "a", "+493023125001", 1, "en");
    fake_host_cancel(host, op);
    assert_int_equal(fake_host_result(host, op)->class_, KEJUE_CANCELED);
    assert_int_equal(sim_lines(files.ring), 0);
    op = sim_place(host, "b", "+493023125034", 1, "en");
    fake_host_advance(host, 1000); // accepted, the reply is late
    fake_host_cancel(host, op);
    assert_int_equal(fake_host_result(host, op)->class_, KEJUE_UNKNOWN);
    op = fake_host_start(host, "telephony.place", "{\"attempt_id\": \"c\", \"to\": \"12\"}");
    assert_int_equal(fake_host_result(host, op)->class_, KEJUE_CALLER);
    op = fake_host_start(host, "telephony.dance", NULL);
    assert_int_equal(fake_host_result(host, op)->class_, KEJUE_CALLER);
    sim_place(host, "d", "+493023125034", 1, "en");
    sim_place(host, "e", "+493023125001", 1, "en");
    fake_host_advance(host, 100);
    assert_int_equal(fake_host_refused_finishes(host), 0);
    fake_host_destroy(host); // with a reply, a call and events open
    sim_files_fini(&files);
}

static void schemas_and_examples_agree(void **state)
{
    (void)state;
    static const char *const verbs[] = {"verbs/telephony.place", "verbs/telephony.lookup",
                                        "verbs/telephony.hangup"};
    for (size_t i = 0; i < 3; i++) {
        bson_t examples, example, part;
        const bson_t *source = kj_schema_source(verbs[i]);
        assert_non_null(source);
        assert_true(kj_doc_child(source, "examples", &examples));
        char path[24];
        size_t count = kj_doc_count(source, "examples");
        assert_true(count > 0);
        for (size_t n = 0; n < count; n++) {
            snprintf(path, sizeof path, "%zu", n);
            assert_true(kj_doc_child(&examples, path, &example));
            assert_true(kj_doc_child(&example, "request", &part));
            sim_check(verbs[i], "request", &part);
            assert_true(kj_doc_child(&example, "response", &part));
            sim_check(verbs[i], "response", &part);
        }
    }
    bson_t *schema = fake_json(kejue_plugin.config_schema);
    struct kj_schema *compiled = NULL;
    struct kj_fault fault = {0};
    assert_int_equal(kj_schema_compile(schema, NULL, NULL, &compiled, &fault), 0);
    bson_t *config = fake_json("{\"driver\": \"simulated\", \"max_lines\": 3, \"faults\": "
                               "{\"api_429\": 0.5}, \"outages\": [{\"from\": "
                               "\"2026-03-02T09:00:00Z\", \"to\": \"2026-03-02T10:00:00Z\"}]}");
    assert_int_equal(kj_schema_check(compiled, config, false, NULL), 0);
    bson_destroy(config);
    config = fake_json("{\"faults\": {\"api_428\": 0.5}}");
    assert_int_equal(kj_schema_check(compiled, config, false, NULL), KJ_ESCHEMA);
    bson_destroy(config);
    bson_destroy(schema);
    kj_schema_destroy(compiled);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_come_in_order_and_in_time),
        cmocka_unit_test(refusals_ring_nobody),
        cmocka_unit_test(an_outage_passes),
        cmocka_unit_test(lost_replies_can_be_looked_up),
        cmocka_unit_test(faults_forced_by_the_number_strike_once),
        cmocka_unit_test(faulty_events),
        cmocka_unit_test(faults_strike_by_chance),
        cmocka_unit_test(lines_are_limited),
        cmocka_unit_test(a_host_that_cannot_take_events_gets_them_later),
        cmocka_unit_test(canceling_and_closing_in_the_middle),
        cmocka_unit_test(schemas_and_examples_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
