// From a call that is taken in to its end: attempts, reports, look-ups, what comes next.
#include "fake_world.h"

static const char k_anna[] = "+493012345678", k_bert[] = "+493012345679";

// Many attempts a day, so that the caps do not stand in the way.
static bson_t *often(void)
{
    return json("{\"call\": {\"context\": \"c\", \"limits\": {\"per_day\": 10}}}");
}

static struct world *open_with(const struct fake_call *calls, size_t count)
{
    struct world *world = world_open();
    world->calls = calls;
    world->call_count = count;
    return world;
}

static void test_happy_path(void **state)
{
    struct world *world = world_open();
    (void)state;
    int64_t job = world_call(world, k_anna, NULL);
    world_pass(world, 5 * MINUTE);
    assert_text(world, KJ_JOBS, job, "state", "done");
    assert_text(world, KJ_JOBS, job, "outcome", "completed");
    assert_int_equal(int_of(world, KJ_JOBS, job, "attempts_made"), 1);
    assert_int_equal(world->ring_count, 1);
    assert_int_equal(world->decided, 1);
    assert_text(world, KJ_LEADS, 1, "status", "done");
    assert_text(world, KJ_LEADS, 1, "success", "Interested");
    assert_int_equal(int_of(world, KJ_LEADS, 1, "contact_attempts"), 1);
    assert_text(world, KJ_CALLS, 1, "disposition", "completed");
    assert_text(world, KJ_CALLS, 1, "facts.answers.skipped", "no model is configured");
    assert_text(world, KJ_DECISIONS, 1, "plan.success", "Interested");
    assert_string_equal(world->events, "lead.imported call.ended call.analyzed ");
    assert_string_equal(kj_doc_text(world->last_place, "lead.first_name", ""), "Anna");
    assert_sound(world, true);
    world_close(world);
}

static void test_busy_is_tried_again_after_its_gap(void **state)
{
    static const struct fake_call k_calls[] = {{.disposition = "busy"},
                                               {.disposition = "completed"}};
    struct world *world = open_with(k_calls, 2);
    (void)state;
    int64_t job = world_call(world, k_anna, often());
    world_pass(world, 10 * MINUTE);
    assert_text(world, KJ_JOBS, job, "state", "waiting");
    assert_text(world, KJ_JOBS, job, "next.kind", "retry");
    assert_text(world, KJ_LEADS, 1, "status", "waiting");
    assert_int_equal(time_of(world, KJ_JOBS, job, "due") - WORLD_START, 3 * HOUR + 30000);
    world_pass(world, 3 * HOUR);
    assert_text(world, KJ_JOBS, job, "state", "done");
    assert_int_equal(world->ring_count, 2);
    assert_int_equal(world->rings[1].at - world->rings[0].ends_at, 3 * HOUR);
    assert_int_equal(int_of(world, KJ_LEADS, 1, "contact_attempts"), 2);
    assert_sound(world, true);
    world_close(world);
}

// A conversation that missed its goal is tried again when the campaign wants that, or the rules say
// so; within the same attempts as any other retry, and never after "no".
static void test_retry_by_meaning(void **state)
{
    static const struct {
        const char *on, *plan, *facts;
        size_t rings;
        const char *reason;
    } k_rows[] = {
        {"[\"goal_incomplete\"]", "{\"success\": \"poor\"}", NULL, 2, "goal_incomplete"},
        {"[\"goal_incomplete\"]", "{\"success\": \"good\"}", NULL, 1, NULL},
        {"[\"busy\"]", "{\"success\": \"poor\"}", NULL, 1, NULL},
        {"[\"busy\"]", "{\"next\": {\"kind\": \"retry\", \"reason\": \"asked for papers\"}}", NULL,
         2, "asked for papers"},
        {"[\"goal_incomplete\"]", "{\"success\": \"poor\", \"next\": {\"kind\": \"none\"}}", NULL,
         1, NULL},
        {"[\"goal_incomplete\"]", "{\"success\": \"poor\"}", "Stop calling me", 1, NULL},
    };
    (void)state;
    for (size_t i = 0; i < KJ_COUNT(k_rows); i++) {
        struct world *world = world_open_raw();
        struct fake_call call = {.says = k_rows[i].facts};
        world->about = "{\"name\": \"p\", \"scale\": {\"success\": [\"excellent\", \"good\"]}}";
        world->plan = k_rows[i].plan;
        world->calls = &call;
        world->call_count = 1;
        world_live(world);
        world_pass(world, 0);
        int64_t job = world_call(
            world, k_anna,
            json("{\"call\": {\"limits\": {\"per_day\": 5}, \"retry\": {\"gaps_minutes\": [60], "
                 "\"max_attempts\": 2, \"on\": %s}}}",
                 k_rows[i].on));
        world_pass(world, 30 * MINUTE);
        if (k_rows[i].reason)
            assert_text(world, KJ_JOBS, job, "next.reason", k_rows[i].reason);
        world_pass(world, 5 * HOUR);
        assert_int_equal(world->ring_count, k_rows[i].rings);
        assert_sound(world, true);
        world_close(world);
    }
}

// What the rules learn moves the lead, and the rest of this job, forward or back.
static void test_rules_set_the_priority(void **state)
{
    static const struct {
        const char *plan;
        int64_t priority;
    } k_rows[] = {{"{\"lead_changes\": {\"priority\": 90}}", 90},
                  {"{\"lead_changes\": {\"priority\": 900}}", 100},
                  {"{\"lead_changes\": {\"priority\": -5}}", 0},
                  {"{\"lead_changes\": {\"notes\": \"x\"}}", 50}};
    (void)state;
    for (size_t i = 0; i < KJ_COUNT(k_rows); i++) {
        struct world *world = world_open();
        world->plan = k_rows[i].plan;
        world->calls = (struct fake_call[]){{.disposition = "busy", .reports = "re"}};
        world->call_count = 1;
        int64_t job = world_call(world, k_anna, NULL);
        world_pass(world, 10 * MINUTE);
        assert_text(world, KJ_JOBS, job, "state", "waiting");
        assert_int_equal(int_of(world, KJ_JOBS, job, "priority"), k_rows[i].priority);
        if (i < 3)
            assert_int_equal(int_of(world, KJ_LEADS, 1, "priority"), k_rows[i].priority);
        world_close(world);
    }
}

static void test_attempts_run_out(void **state)
{
    static const struct fake_call k_calls[] = {{.disposition = "no_answer"}};
    struct world *world = open_with(k_calls, 1);
    (void)state;
    int64_t job = world_call(world, k_anna, NULL);
    world_pass(world, 10 * DAY);
    assert_int_equal(world->ring_count, 3);
    assert_text(world, KJ_JOBS, job, "state", "done");
    assert_text(world, KJ_JOBS, job, "outcome", "no_answer");
    assert_text(world, KJ_LEADS, 1, "status", "not_reached");
    assert_sound(world, true);
    world_close(world);
}

// --- replies that are lost ---

static void test_lost_reply_found_by_look_up(void **state)
{
    static const struct fake_call k_calls[] = {{.reply = KEJUE_UNKNOWN, .mute = true}};
    struct world *world = open_with(k_calls, 1);
    (void)state;
    int64_t job = world_call(world, k_anna, NULL);
    world_pass(world, 10 * MINUTE);
    assert_text(world, KJ_JOBS, job, "state", "done");
    assert_int_equal(world->ring_count, 1);
    assert_true(world->lookups >= 2); // in the call, and after it
    assert_sound(world, true);
    world_close(world);
}

static void test_lost_reply_surely_not_placed(void **state)
{
    static const struct fake_call k_calls[] = {{.reply = KEJUE_UNKNOWN, .silent = true},
                                               {.disposition = "completed"}};
    struct world *world = open_with(k_calls, 2);
    (void)state;
    int64_t job = world_call(world, k_anna, NULL); // what did not ring is under no cap
    world_pass(world, 4 * HOUR);
    assert_text(world, KJ_JOBS, job, "state", "done");
    assert_int_equal(world->ring_count, 1);
    assert_int_equal(int_of(world, KJ_JOBS, job, "attempts_made"), 1);
    assert_text(world, KJ_CALLS, 1, "disposition", "carrier_error");
    assert_sound(world, true);
    world_close(world);
}

static void lose_and_park(struct world *world, int64_t *job)
{
    *job = world_call(world, k_anna, NULL);
    world_pass(world, 9 * MINUTE);
    assert_text(world, KJ_JOBS, *job, "state", "running");
    world_pass(world, 2 * MINUTE);
    assert_text(world, KJ_JOBS, *job, "state", "parked");
    assert_sound(world, true); // line and number are free again
}

static void test_uncertain_parks_after_ten_minutes(void **state)
{
    static const struct fake_call k_calls[] = {{.reply = KEJUE_UNKNOWN, .mute = true}};
    static const enum fake_lookup k_lookups[] = {LOOKUP_UNCERTAIN, LOOKUP_BROKEN, LOOKUP_NONE};
    (void)state;
    for (size_t i = 0; i < KJ_COUNT(k_lookups); i++) {
        struct world *world = open_with(k_calls, 1);
        int64_t job;
        world->lookup = k_lookups[i];
        lose_and_park(world, &job);
        // It counts as made: another campaign does not call today.
        int64_t other = world_call(world, k_anna, json("{\"key\": \"x\"}"));
        world_pass(world, HOUR);
        assert_text(world, KJ_JOBS, other, "reason", "called often enough");
        // A person sends it on: it is looked up, never dialed again.
        world->lookup = LOOKUP_LOG;
        world_change(world, KJ_JOBS, job, json("{\"state\": \"waiting\", \"attempts\": 0}"));
        kj_queue_wake(world->engine->queue, "call", world_now(world));
        world_pass(world, MINUTE);
        assert_text(world, KJ_JOBS, job, "state", "done");
        assert_int_equal(rings_of(world, k_anna), 1);
        world_close(world);
    }
}

static void test_late_report_wakes_a_parked_job(void **state)
{
    static const struct fake_call k_calls[] = {
        {.reply = KEJUE_UNKNOWN, .reports = "e", .call_ms = 15 * MINUTE}};
    struct world *world = open_with(k_calls, 1);
    int64_t job;
    (void)state;
    world->lookup = LOOKUP_NONE;
    lose_and_park(world, &job);
    world_pass(world, 5 * MINUTE);
    assert_text(world, KJ_JOBS, job, "state", "done");
    assert_int_equal(world->ring_count, 1);
    assert_sound(world, true);
    world_close(world);
}

// The longest call, and a host that ends in the midst of it: looked up while it lasts, not parked.
static void test_a_live_call_is_awaited(void **state)
{
    static const struct fake_call k_calls[] = {{.call_ms = 19 * MINUTE, .mute = true}};
    (void)state;
    for (int crash = 0; crash < 2; crash++) {
        struct world *world = open_with(k_calls, 1);
        int64_t job = world_call(world, k_anna, NULL);
        world_pass(world, MINUTE);
        if (crash)
            world_crash(world);
        world_pass(world, 24 * MINUTE);
        assert_text(world, KJ_JOBS, job, "state", "done");
        assert_int_equal(world->ring_count, 1);
        assert_sound(world, true);
        world_close(world);
    }
}

// --- reports ---

// The call and its job as they stand at the end, without what may differ (stamps of the store).
static bson_t *end_of(const char *reports)
{
    const struct fake_call calls[] = {{.reports = reports}};
    struct world *world = open_with(calls, 1);
    bson_t *end = bson_new();
    int64_t job = world_call(world, k_anna, NULL);
    world_pass(world, 30 * MINUTE);
    assert_text(world, KJ_JOBS, job, "state", "done");
    assert_int_equal(world->decided, 1);
    bson_t *call = world_get(world, KJ_CALLS, 1, NULL);
    bson_copy_to_excluding_noinit(call, end, "version", "facts", "ringing_at", NULL);
    kj_doc_put_from(end, "heard", call, "facts.call");
    kj_doc_put_from(end, "turns", call, "facts.transcript");
    bson_destroy(call);
    assert_sound(world, true);
    world_close(world);
    return end;
}

static void test_reports_in_any_order_end_alike(void **state)
{
    static const char *const k_more[] = {"e",        "raiee",    "eeee",     "rraaiiee", "aerie",
                                         "raieraie", "eraieria", "iiirarae", "re",       "ae"};
    (void)state;
    bson_t *expected = end_of("raie");
    char order[] = "raie";
    for (int n = 0; n < 24; n++) { // all orders of the four
        int digits[4] = {n / 6, n / 2 % 3, n % 2, 0};
        char left[] = "raie";
        for (int i = 0; i < 4; i++) {
            order[i] = left[digits[i]];
            memmove(left + digits[i], left + digits[i] + 1, strlen(left) - (size_t)digits[i]);
        }
        bson_t *end = end_of(order);
        if (!kj_doc_equal(end, expected))
            fail_msg("%s ends otherwise", order);
        bson_destroy(end);
    }
    for (size_t i = 0; i < KJ_COUNT(k_more); i++) {
        bson_t *end = end_of(k_more[i]);
        if (!kj_doc_equal(end, expected))
            fail_msg("%s ends otherwise", k_more[i]);
        bson_destroy(end);
    }
    bson_destroy(expected);
}

static void test_reports_that_never_come(void **state)
{
    static const struct fake_call k_calls[] = {{.mute = true}};
    struct world *world = open_with(k_calls, 1);
    (void)state;
    int64_t job = world_call(world, k_anna, NULL);
    world_pass(world, 20 * MINUTE);
    assert_text(world, KJ_JOBS, job, "state", "running");
    world_pass(world, 3 * MINUTE);
    assert_text(world, KJ_JOBS, job, "state", "done");
    assert_int_equal(world->lookups, 1);
    world_close(world);
}

static void test_report_of_an_unknown_attempt(void **state)
{
    struct world *world = world_open();
    (void)state;
    struct answer answer = world_port(
        world, "emit",
        json("{\"name\": \"telephony.progress\", \"data\": {\"attempt_id\": \"att_9_9\", "
             "\"state\": \"ended\"}}"));
    assert_int_equal(answer.status, -KEJUE_CALLER);
    answer_clear(&answer);
    world_close(world);
}

// --- what the carrier may answer ---

static void test_not_processed_is_tried_again(void **state)
{
    static const struct fake_call k_calls[] = {
        {.reply = KEJUE_NOT_PROCESSED, .retry_after_ms = 7 * MINUTE}, {.disposition = NULL}};
    struct world *world = open_with(k_calls, 2);
    (void)state;
    int64_t job = world_call(world, k_anna, NULL);
    world_pass(world, 6 * MINUTE);
    assert_text(world, KJ_JOBS, job, "state", "waiting");
    assert_text(world, KJ_JOBS, job, "reason", "says the carrier");
    assert_int_equal(int_of(world, KJ_JOBS, job, "attempts"), 1);
    world_pass(world, 2 * MINUTE);
    assert_text(world, KJ_JOBS, job, "state", "done");
    assert_int_equal(int_of(world, KJ_JOBS, job, "attempts"), 0);
    assert_sound(world, true);
    world_close(world);
}

static void test_wrong_request_fails_for_good(void **state)
{
    static const struct fake_call k_calls[] = {{.reply = KEJUE_CALLER}};
    struct world *world = open_with(k_calls, 1);
    (void)state;
    int64_t job = world_call(world, k_anna, NULL);
    world_pass(world, DAY);
    assert_text(world, KJ_JOBS, job, "state", "failed");
    assert_int_equal(world->placed, 1);
    assert_sound(world, true);
    world_close(world);
}

static void test_unpaid_account_kills_nobody(void **state)
{
    static const struct fake_call k_calls[] = {{.reply = KEJUE_ACCOUNT}};
    struct world *world = open_with(k_calls, 1);
    (void)state;
    int64_t job = world_call(world, k_anna, NULL);
    world_pass(world, 5 * HOUR);
    assert_true(world->placed > 20);
    assert_text(world, KJ_JOBS, job, "state", "waiting");
    assert_int_equal(int_of(world, KJ_JOBS, job, "attempts"), 0);
    world->call_count = 0;
    world_pass(world, 11 * MINUTE);
    assert_text(world, KJ_JOBS, job, "state", "done");
    assert_sound(world, true);
    world_close(world);
}

// --- what comes next ---

static void test_callback_moves_into_the_window(void **state)
{
    static const struct fake_call k_calls[] = {
        {.says = "Bitte rufen Sie mich heute um 22 Uhr zurück"}, {.says = "Yes"}};
    struct world *world = open_with(k_calls, 2);
    (void)state;
    int64_t job = world_call(world, k_anna, NULL);
    world_pass(world, HOUR);
    assert_text(world, KJ_JOBS, job, "state", "waiting");
    assert_text(world, KJ_JOBS, job, "next.kind", "callback");
    assert_text(world, KJ_LEADS, 1, "status", "requested callback");
    assert_int_equal(time_of(world, KJ_JOBS, job, "next.moved_from"), WORLD_START + 12 * HOUR);
    assert_int_equal(time_of(world, KJ_JOBS, job, "next.at"), WORLD_START + 23 * HOUR);
    assert_int_equal(time_of(world, KJ_JOBS, job, "next.expires_at"),
                     WORLD_START + 23 * HOUR + 10 * MINUTE);
    world_pass(world, DAY);
    assert_int_equal(world->ring_count, 2);
    assert_int_equal(world->rings[1].at, WORLD_START + 23 * HOUR);
    assert_text(world, KJ_CALLS, 2, "type", "callback");
    assert_text(world, KJ_JOBS, job, "state", "done");
    world_close(world);
}

static void test_callback_the_same_day_lifts_the_cap(void **state)
{
    static const struct fake_call k_calls[] = {{.says = "Rufen Sie mich bitte um 15 Uhr zurück"},
                                               {.disposition = "busy"}};
    struct world *world = open_with(k_calls, 2);
    (void)state;
    world_call(world, k_anna, NULL);
    world_pass(world, 10 * HOUR);
    assert_int_equal(world->ring_count, 2);
    assert_int_equal(world->rings[1].at, WORLD_START + 5 * HOUR);
    world_close(world);
}

static void test_callback_expires(void **state)
{
    static const struct fake_call k_calls[] = {{.says = "Rufen Sie mich bitte um 15 Uhr zurück"}};
    struct world *world = open_with(k_calls, 1);
    (void)state;
    int64_t job = world_call(world, k_anna, NULL);
    world_pass(world, HOUR);
    world->no_restart = true; // down over the hour
    world_crash(world);
    world_pass(world, 5 * HOUR);
    world_live(world);
    world_pass(world, HOUR);
    assert_text(world, KJ_JOBS, job, "state", "failed");
    assert_text(world, KJ_JOBS, job, "outcome", "callback_expired");
    assert_int_equal(world->ring_count, 1);
    world_close(world);
}

static void test_opt_out_closes_the_number_everywhere(void **state)
{
    static const struct fake_call k_calls[] = {
        {.says = "Take me off your list and never call me again"}};
    struct world *world = open_with(k_calls, 1);
    (void)state;
    world->plan = "{\"success\": \"Interested\", \"next\": {\"kind\": \"retry\"}, "
                  "\"template\": {\"name\": \"hello\"}}";
    int64_t job = world_call(world, k_anna, NULL);
    int64_t other = world_call(world, k_anna, json("{\"key\": \"other\"}"));
    world_pass(world, 2 * DAY);
    assert_text(world, KJ_JOBS, job, "state", "done");
    assert_text(world, KJ_LEADS, 1, "status", "opted_out");
    assert_text(world, KJ_NUMBERS, 1, "refusals.0.kind", "opt_out");
    assert_text(world, KJ_JOBS, other, "state", "failed");
    assert_text(world, KJ_JOBS, other, "outcome", "opt_out");
    assert_text(world, KJ_JOBS, other, "verdict.gate", "opt_out");
    assert_int_equal(world->ring_count, 1);
    assert_int_equal(sent_of(world, "whatsapp.send_template"), 0);
    assert_non_null(strstr(world->events, "lead.refused"));
    assert_sound(world, true);
    world_close(world);
}

// --- more than one ---

static void test_two_jobs_do_not_ring_one_number_at_once(void **state)
{
    static const struct fake_call k_calls[] = {{.call_ms = 10 * MINUTE}};
    struct world *world = open_with(k_calls, 1);
    (void)state;
    for (int i = 0; i < 4; i++) {
        bson_t *more = often();
        char key[8];
        snprintf(key, sizeof key, "k%d", i);
        kj_doc_put_text(more, "key", key);
        world_call(world, k_anna, more);
    }
    world_pass(world, 5 * MINUTE);
    assert_int_equal(world->ring_count, 1);
    world_pass(world, 2 * HOUR);
    assert_int_equal(world->ring_count, 4);
    assert_sound(world, true);
    world_close(world);
}

// Both admitted on the same old document: the cap is judged again where the permit is given.
static void test_caps_hold_between_campaigns(void **state)
{
    static const struct fake_call k_calls[] = {{.call_ms = 1000, .disposition = "busy"}};
    struct world *world = open_with(k_calls, 1);
    (void)state;
    for (int i = 0; i < 3; i++)
        world_call(world, k_anna, json("{\"key\": \"k%d\"}", i));
    world_pass(world, 8 * HOUR);
    assert_int_equal(world->ring_count, 1);
    world_close(world);
}

static void test_the_trunk_keeps_its_rate(void **state)
{
    struct world *world = world_open_raw();
    (void)state;
    world->config.dials_per_second = 2;
    world_live(world);
    world_pass(world, 0);
    for (int i = 0; i < 100; i++) {
        char number[24];
        snprintf(number, sizeof number, "+4930123%05d", 45000 + i);
        world_call(world, number, NULL);
    }
    world_pass(world, 20 * MINUTE);
    assert_int_equal(world->ring_count, 100);
    for (size_t i = 1; i < world->ring_count; i++)
        assert_true(world->rings[i].at - world->rings[i - 1].at >= 500);
    assert_true(world->rings[99].at - world->rings[0].at < 100000);
    assert_sound(world, true);
    world_close(world);
}

static void test_lines_run_out(void **state)
{
    static const struct fake_call k_calls[] = {{.call_ms = 5 * MINUTE}};
    struct world *world = world_open_raw();
    (void)state;
    world->config.max_calls = 3;
    world->calls = k_calls;
    world->call_count = 1;
    world_live(world);
    world_pass(world, 0);
    for (int i = 0; i < 9; i++)
        world_call(world, i % 2 ? k_bert : k_anna,
                   json("{\"key\": \"k%d\", \"lead\": "
                        "{\"phone_number\": \"+49301234567%d\"}}",
                        i, i));
    for (int minute = 0; minute < 30; minute++) {
        size_t live = 0;
        world_pass(world, MINUTE);
        for (size_t i = 0; i < world->ring_count; i++)
            live += world->rings[i].ends_at > world_now(world);
        assert_true(live <= 3);
    }
    assert_int_equal(world->ring_count, 9);
    assert_sound(world, true);
    world_close(world);
}

// --- stopping ---

static void test_cancel_while_it_rings(void **state)
{
    static const struct fake_call k_calls[] = {{.disposition = "busy"}};
    (void)state;
    for (int durable = 0; durable < 2; durable++) {
        struct world *world = open_with(k_calls, 1);
        int64_t job = world_call(world, k_anna, NULL);
        world_pass(world, 10000);
        assert_text(world, KJ_JOBS, job, "state", "running");
        if (durable) {
            world_change(world, KJ_JOBS, job, json("{\"cancel_asked\": true}"));
            world_crash(world); // the mark is in the store
        } else
            assert_true(kj_queue_cancel(world->engine->queue, job));
        world_pass(world, 3 * DAY);
        assert_text(world, KJ_JOBS, job, "state", "failed");
        assert_text(world, KJ_JOBS, job, "reason", "canceled");
        assert_text(world, KJ_JOBS, job, "outcome", "canceled");
        assert_int_equal(int_of(world, KJ_JOBS, job, "attempts_made"), 1); // the call was judged
        assert_int_equal(world->ring_count, 1);
        assert_sound(world, true);
        world_close(world);
    }
}

// The mark that another process leaves is seen with the next write, which succeeds all the same.
static void test_cancel_mark_is_no_conflict(void **state)
{
    static const struct fake_call k_calls[] = {{.disposition = "busy"}};
    struct world *world = open_with(k_calls, 1);
    (void)state;
    int64_t job = world_call(world, k_anna, NULL);
    world_pass(world, 10000);
    world_change(world, KJ_JOBS, job, json("{\"cancel_asked\": true}"));
    world_pass(world, MINUTE);
    assert_text(world, KJ_JOBS, job, "state", "failed");
    assert_text(world, KJ_JOBS, job, "outcome", "canceled");
    assert_text(world, KJ_JOBS, job, "cancel_asked", "(none)");
    assert_int_equal(world->lives, 1);
    assert_sound(world, true);
    world_close(world);
}

static void switch_off(struct world *world)
{
    world->engine->dialing = false;
}

// From whichever step on: what has not been sent yet is not sent.
static void test_dialing_switched_off_at_every_step(void **state)
{
    bool rang = false;
    (void)state;
    for (int64_t step = 1; !rang; step++) {
        struct world *world = world_open();
        world->faults.steps = 0;
        world->at_step = step;
        world->on_step = switch_off;
        int64_t job = world_call(world, k_anna, NULL);
        world_pass(world, 30 * MINUTE);
        rang = world->ring_count > 0; // only when it was switched off behind the send
        assert_true(!rang || world->rings[0].step <= step);
        world->engine->dialing = true;
        world_pass(world, 5 * MINUTE);
        assert_text(world, KJ_JOBS, job, "state", "done");
        assert_int_equal(world->ring_count, 1);
        assert_sound(world, true);
        world_close(world);
    }
}

static void lose_six_seconds(struct world *world)
{
    kj_clock_advance_to(&world->clock, kj_loop_mono(world->loop) + 6000);
}

// A host that stalls anywhere between permit and send: never outside the window, never on an old
// permit. (The instant between the last check and the send itself remains.)
static void test_a_stall_at_every_step(void **state)
{
    bool behind = false;
    (void)state;
    for (int64_t step = 1; !behind; step++) {
        struct world *world = world_open();
        world_pass(world, 10 * HOUR - 3000); // three seconds before the window closes
        world->faults.steps = 0;
        world->at_step = step;
        world->on_step = lose_six_seconds;
        world_call(world, k_anna, NULL);
        world_pass(world, DAY);
        assert_int_equal(world->ring_count, 1);
        const struct fake_ring *ring = &world->rings[0];
        behind = step > ring->step;
        if (step != ring->step)
            assert_true(ring->at < WORLD_START + 10 * HOUR || ring->at >= WORLD_START + 23 * HOUR);
        world_close(world);

        world = world_open(); // in the middle of the window
        world->faults.steps = 0;
        world->at_step = step;
        world->on_step = lose_six_seconds;
        world_call(world, k_anna, NULL);
        world_pass(world, HOUR);
        assert_int_equal(world->ring_count, 1);
        ring = &world->rings[0];
        if (step != ring->step)
            assert_true(ring->at - time_of(world, KJ_NUMBERS, 1, "attempts.0.at") <= 5000);
        assert_sound(world, true);
        world_close(world);
    }
}

static void count_down(void *arg)
{
    ++*(int *)arg;
}

static void test_drain(void **state)
{
    struct world *world = world_open();
    int drained = 0;
    (void)state;
    int64_t job = world_call(world, k_anna, NULL);
    world_pass(world, 10000);
    world_call(world, k_bert, NULL);
    kj_engine_drain(world->engine, 10 * MINUTE, count_down, &drained);
    world_pass(world, 10000);
    assert_int_equal(drained, 0);
    world_pass(world, MINUTE);
    assert_int_equal(drained, 1);
    assert_text(world, KJ_JOBS, job, "state", "done");
    world_crash(world);
    world_pass(world, 10 * MINUTE);
    assert_int_equal(rings_of(world, k_bert), 1); // the next life takes it up
    assert_sound(world, true);
    world_close(world);
}

static int emptied;

static void drain_now(struct world *world)
{
    kj_engine_drain(world->engine, 10 * MINUTE, count_down, &emptied);
}

// The last claim is under way and brings nothing: that is the end, not the grace's.
static void test_drain_during_an_empty_claim(void **state)
{
    struct world *world = world_open();
    (void)state;
    emptied = 0;
    world->at_step = world->faults.steps + 1;
    world->on_step = drain_now;
    kj_queue_wake(world->engine->queue, "call", world_now(world));
    world_pass(world, 1000);
    assert_int_equal(emptied, 1);
    world_close(world);
}

// --- the model ---

static void test_the_model_is_asked_once(void **state)
{
    struct world *world = world_open_raw();
    (void)state;
    world->config.model_instance = "llm";
    world->about = "{\"name\": \"p\", \"texts\": [\"wants an offer\"], \"variables\": [{\"name\": "
                   "\"budget\", \"type\": \"integer\", \"guidance\": \"in euro\", \"ask\": "
                   "{\"en\": \"What is your budget?\"}}]}";
    world->verbs[0] =
        (struct fake_verb){.name = "llm.complete",
                           .replies = {KEJUE_NOT_PROCESSED, KEJUE_OK},
                           .result = "{\"json\": {\"texts\": {\"wants an offer\": true}, "
                                     "\"variables\": {\"budget\": {\"value\": null, \"quote\": "
                                     "null, \"turn\": null}}}, \"model\": \"m\"}"};
    world_live(world);
    world_pass(world, 0);
    int64_t job = world_call(world, k_anna, NULL);
    world_pass(world, 10 * MINUTE);
    assert_text(world, KJ_JOBS, job, "state", "done");
    assert_int_equal(world->verbs[0].asked, 2);
    assert_true(kj_doc_bool(world->last_facts, "answers.texts.wants an offer", false));
    assert_string_equal(kj_doc_text(world->last_place, "questions.0.key", ""), "budget");
    assert_int_equal(world->ring_count, 1);
    world_close(world);
}

static void test_a_broken_rule_parks(void **state)
{
    struct world *world = world_open();
    (void)state;
    world->decide_status = KJ_EINTERNAL;
    int64_t job = world_call(world, k_anna, NULL);
    world_pass(world, MINUTE);
    assert_text(world, KJ_JOBS, job, "state", "parked");
    world->decide_status = KJ_OK;
    world_change(world, KJ_JOBS, job, json("{\"state\": \"waiting\"}"));
    kj_queue_wake(world->engine->queue, "call", world_now(world));
    world_pass(world, MINUTE);
    assert_text(world, KJ_JOBS, job, "state", "done");
    assert_int_equal(world->ring_count, 1);
    world_close(world);
}

// --- rules that hit their limits ---

static void test_rules_at_their_limits_are_switched_off(void **state)
{
    static const char k_limit[] = "{\"park\": true, \"limit\": true, \"faults\": [{\"text\": "
                                  "\"rules/p.lua:3: used up its CPU time\"}]}";
    struct world *world = world_open();
    const char *good = world->plan;
    int64_t jobs[7];
    char number[24];
    (void)state;
    for (int i = 0; i < 7; i++) {
        snprintf(number, sizeof number, "+4930123457%02d", i);
        // The first is too long ago to count with the next two.
        world->plan = i < 4 ? k_limit : good;
        if (i == 6) {
            kj_engine_rules_on(world->engine, "p");
        }
        jobs[i] = world_call(world, number, NULL);
        world_pass(world, i == 0 ? 11 * MINUTE : 2 * MINUTE);
        assert_text(world, KJ_JOBS, jobs[i], "state", i < 6 ? "parked" : "done");
        assert_int_equal(world->decided, i < 4 ? i + 1 : i < 6 ? 4 : 5);
        bson_t *off = kj_engine_rules_off(world->engine, "");
        assert_int_equal(bson_count_keys(off), i < 3 || i == 6 ? 0 : 1);
        bson_destroy(off);
        assert_true((strstr(world->events, "rules.switched_off") != NULL) == (i >= 3));
    }
    assert_text(world, KJ_JOBS, jobs[3], "reason", "rules/p.lua:3: used up its CPU time");
    bson_t *parked = world_get(world, KJ_JOBS, jobs[5], NULL);
    assert_non_null(strstr(kj_doc_text(parked, "reason", ""), "are switched off here"));
    bson_destroy(parked);
    assert_sound(world, true);
    world_close(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_happy_path),
        cmocka_unit_test(test_busy_is_tried_again_after_its_gap),
        cmocka_unit_test(test_retry_by_meaning),
        cmocka_unit_test(test_rules_set_the_priority),
        cmocka_unit_test(test_attempts_run_out),
        cmocka_unit_test(test_lost_reply_found_by_look_up),
        cmocka_unit_test(test_lost_reply_surely_not_placed),
        cmocka_unit_test(test_uncertain_parks_after_ten_minutes),
        cmocka_unit_test(test_late_report_wakes_a_parked_job),
        cmocka_unit_test(test_rules_at_their_limits_are_switched_off),
        cmocka_unit_test(test_a_live_call_is_awaited),
        cmocka_unit_test(test_reports_in_any_order_end_alike),
        cmocka_unit_test(test_reports_that_never_come),
        cmocka_unit_test(test_report_of_an_unknown_attempt),
        cmocka_unit_test(test_not_processed_is_tried_again),
        cmocka_unit_test(test_wrong_request_fails_for_good),
        cmocka_unit_test(test_unpaid_account_kills_nobody),
        cmocka_unit_test(test_callback_moves_into_the_window),
        cmocka_unit_test(test_callback_the_same_day_lifts_the_cap),
        cmocka_unit_test(test_callback_expires),
        cmocka_unit_test(test_opt_out_closes_the_number_everywhere),
        cmocka_unit_test(test_two_jobs_do_not_ring_one_number_at_once),
        cmocka_unit_test(test_caps_hold_between_campaigns),
        cmocka_unit_test(test_the_trunk_keeps_its_rate),
        cmocka_unit_test(test_lines_run_out),
        cmocka_unit_test(test_cancel_while_it_rings),
        cmocka_unit_test(test_cancel_mark_is_no_conflict),
        cmocka_unit_test(test_dialing_switched_off_at_every_step),
        cmocka_unit_test(test_a_stall_at_every_step),
        cmocka_unit_test(test_drain),
        cmocka_unit_test(test_drain_during_an_empty_claim),
        cmocka_unit_test(test_the_model_is_asked_once),
        cmocka_unit_test(test_a_broken_rule_parks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
