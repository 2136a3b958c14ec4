// Who may be called now, and why not: gates, permits against refusals, the answers to "why".
#include "fake_world.h"

#include "engine/kill_switch.h"

static const char k_anna[] = "+493012345678";

static void refuse_now(struct world *world, const char *kind)
{
    struct answer answer =
        world_ask(world, kj_intake_refusal,
                  json("{\"phone_number\": \"%s\", \"kind\": \"%s\", \"source\": \"letter\", "
                       "\"evidence\": \"please stop\"}",
                       k_anna, kind));
    assert_int_equal(answer.status, KJ_OK);
    answer_clear(&answer);
}

static void test_outside_the_window_waits_for_the_next(void **state)
{
    struct world *world = world_open();
    (void)state;
    world_pass(world, 12 * HOUR); // 22:00 in Berlin
    int64_t job = world_call(world, k_anna, NULL);
    world_pass(world, MINUTE);
    assert_text(world, KJ_JOBS, job, "state", "waiting");
    assert_text(world, KJ_JOBS, job, "reason", "outside the calling window");
    assert_text(world, KJ_JOBS, job, "verdict.gate", "window");
    assert_int_equal(int_of(world, KJ_JOBS, job, "gates.window"), 1);
    assert_int_equal(time_of(world, KJ_JOBS, job, "due"), WORLD_START + 23 * HOUR);
    world_pass(world, 12 * HOUR);
    assert_int_equal(world->rings[0].at, WORLD_START + 23 * HOUR);
    world_close(world);
}

static void test_refusals_are_final(void **state)
{
    static const char *const k_kinds[] = {"opt_out", "do_not_call", "consent_revoked"};
    static const char *const k_outcomes[] = {"opt_out", "do_not_call", "consent"};
    (void)state;
    for (size_t i = 0; i < KJ_COUNT(k_kinds); i++) {
        struct world *world = world_open();
        refuse_now(world, k_kinds[i]);
        int64_t job = world_call(world, k_anna, NULL);
        world_pass(world, DAY);
        assert_text(world, KJ_JOBS, job, "state", "failed");
        assert_text(world, KJ_JOBS, job, "outcome", k_outcomes[i]);
        assert_int_equal(world->placed, 0);
        assert_sound(world, true);
        world_close(world);
    }
}

// A campaign may call only who has consented: whoever has not is told to be waiting for a person.
static void test_a_campaign_may_ask_for_consent(void **state)
{
    static const struct {
        const char *policy, *consent;
        bool called;
    } k_rows[] = {
        {"{\"required\": true}", NULL, false},
        {"{\"required\": true}", "2026-01-01T00:00:00Z", true},
        {"{\"required\": true, \"regions\": [\"US\"]}", NULL, true},
        {"{\"required\": true, \"regions\": [\"DE\"]}", NULL, false},
        {"{\"required\": false}", NULL, true},
    };
    (void)state;
    for (size_t i = 0; i < KJ_COUNT(k_rows); i++) {
        struct world *world = world_open();
        bson_t *lead = json("{\"phone_number\": \"%s\", \"country\": \"DE\", \"timezone\": "
                            "\"Europe/Berlin\"}",
                            k_anna);
        if (k_rows[i].consent) {
            bson_t consent = BSON_INITIALIZER;
            int64_t at;
            assert_true(kj_time_parse(k_rows[i].consent, &at));
            kj_doc_put_time(&consent, "at", at);
            kj_doc_put_doc(lead, "consent", &consent);
            bson_destroy(&consent);
        }
        world_put(world, KJ_LEADS, lead);
        int64_t job = world_call(
            world, k_anna, json("{\"call\": {\"limits\": {\"consent\": %s}}}", k_rows[i].policy));
        world_pass(world, HOUR);
        assert_int_equal(world->ring_count, k_rows[i].called);
        if (!k_rows[i].called)
            assert_text(world, KJ_JOBS, job, "outcome", "consent");
        world_close(world);
    }
}

static void test_a_refusal_twice_is_told(void **state)
{
    struct world *world = world_open();
    (void)state;
    refuse_now(world, "opt_out");
    struct answer again = world_ask(
        world, kj_intake_refusal,
        json("{\"phone_number\": \"0049 30 12345678\", \"kind\": \"opt_out\", \"source\": \"x\"}"));
    assert_true(kj_doc_bool(again.result, "already", false));
    answer_clear(&again);
    again = world_ask(world, kj_intake_refusal,
                      json("{\"phone_number\": \"hello\", \"kind\": \"opt_out\"}"));
    assert_int_equal(again.status, KJ_EINVAL);
    answer_clear(&again);
    bson_t *number = world_get(world, KJ_NUMBERS, 0, k_anna);
    assert_int_equal(kj_doc_count(number, "refusals"), 1);
    bson_destroy(number);
    world_close(world);
}

// --- a refusal that is acknowledged before the permit always wins ---

struct race {
    bool acknowledged;
    int64_t at_step;
};
static struct race race;

static void on_refused(void *arg, int status, const bson_t *result, const struct kj_fault *fault)
{
    struct world *world = arg;
    (void)result;
    (void)fault;
    assert_int_equal(status, KJ_OK);
    race = (struct race){true, world->faults.steps};
}

static void refuse_at_step(struct world *world)
{
    bson_t *request = json("{\"phone_number\": \"%s\", \"kind\": \"do_not_call\"}", k_anna);
    kj_intake_refusal(world->engine, "default", request, on_refused, world);
    bson_destroy(request);
}

static void test_refusal_races_the_permit_at_every_step(void **state)
{
    (void)state;
    int won = 0, late = 0;
    for (int64_t step = 1; late < 3; step++) {
        struct world *world = world_open();
        race = (struct race){false, 0};
        world->faults.steps = 0;
        world->at_step = step;
        world->on_step = refuse_at_step;
        int64_t job = world_call(world, k_anna, NULL);
        world_pass(world, HOUR);
        assert_true(race.acknowledged);
        if (world->ring_count == 0) {
            won++;
            assert_text(world, KJ_JOBS, job, "state", "failed");
            assert_text(world, KJ_JOBS, job, "outcome", "do_not_call");
        } else {
            late++;
            // The permit was written first: the refusal's acknowledgement came behind it. Between
            // permit and ring lie the acknowledgements of permit and intent.
            assert_true(race.at_step + 2 > world->rings[0].step);
        }
        assert_sound(world, true);
        world_close(world);
    }
    assert_true(won > 5);
}

// --- another host calls first, at any step: the caps are judged on what the permit is written to
// ---

static int other_first;

static void on_other(struct kj_store_request *request)
{
    other_first = request->ops[0].status == KJ_OK; // else our permit stood there already
}

static void call_elsewhere(struct world *world)
{
    bson_t *number = json("{\"key\": \"%s\"}", k_anna), attempts = BSON_INITIALIZER,
           attempt = BSON_INITIALIZER;
    kj_doc_put_text(&attempt, "attempt_id", "att_99_1");
    kj_doc_put_time(&attempt, "at", world_now(world));
    kj_doc_put_doc(&attempts, "0", &attempt);
    kj_doc_put_array(number, "attempts", &attempts);
    struct kj_store_request *request = kj_store_request(1, "default", on_other, NULL);
    request->ops[0].verb = KJ_STORE_INSERT;
    request->ops[0].coll = KJ_NUMBERS;
    kj_store_own_doc(request, 0, number);
    kj_store_submit(world->sqlite, request);
    bson_destroy(&attempts);
    bson_destroy(&attempt);
}

static void test_caps_are_judged_with_the_permit(void **state)
{
    (void)state;
    int first = 0;
    other_first = 1;
    for (int64_t step = 1; other_first; step++) {
        struct world *world = world_open();
        world->faults.steps = 0;
        world->at_step = step;
        world->on_step = call_elsewhere;
        int64_t job = world_call(world, k_anna, NULL);
        world_pass(world, HOUR);
        first += other_first;
        assert_int_equal(world->ring_count, other_first ? 0 : 1);
        world_pass(world, DAY);
        assert_text(world, KJ_JOBS, job, "state", "done");
        assert_sound(world, true);
        world_close(world);
    }
    assert_true(first > 5);
}

// --- lines that were not given back ---

static void test_leaked_lines_are_swept(void **state)
{
    (void)state;
    for (int crash = 0; crash < 2; crash++) {
        struct world *world = world_open_raw();
        world->config.max_calls = 2;
        world_put(world, KJ_LIMITS,
                  json("{\"key\": \"trunk:default\", \"slots\": [{\"attempt_id\": \"att_77_1\", "
                       "\"host\": \"gone\", \"job_id\": 77}, {\"attempt_id\": \"att_78_1\", "
                       "\"host\": \"here\", \"job_id\": 78}]}"));
        world_live(world);
        if (crash)
            world_crash(world); // before its start was over
        int64_t job = 0;
        world_pass(world, 2000);
        job = world_call(world, k_anna, NULL);
        world_pass(world, 5 * MINUTE);
        assert_text(world, KJ_JOBS, job, "state", "done");
        assert_sound(world, true);
        world_close(world);
    }
}

static void test_an_old_hold_on_a_number_ends(void **state)
{
    struct world *world = world_open();
    (void)state;
    bson_t *number = json("{\"key\": \"%s\"}", k_anna), open = BSON_INITIALIZER;
    kj_doc_put_text(&open, "attempt_id", "att_99_1");
    kj_doc_put_time(&open, "at", world_now(world));
    kj_doc_put_doc(number, "open_attempt", &open);
    world_put(world, KJ_NUMBERS, number);
    bson_destroy(&open);
    int64_t job = world_call(world, k_anna, NULL);
    world_pass(world, 59 * MINUTE);
    assert_text(world, KJ_JOBS, job, "reason", "the number is on another call");
    world_pass(world, 3 * MINUTE);
    assert_text(world, KJ_JOBS, job, "state", "done");
    assert_sound(world, true);
    world_close(world);
}

// --- why ---

static bson_t *why(struct world *world, const char *who)
{
    struct answer answer = {0};
    kj_engine_why(world->engine, "default", who, world_now(world), on_answer, &answer);
    world_pass(world, 0);
    assert_int_equal(answer.calls, 1);
    if (answer.status != KJ_OK)
        fail_msg("%s", answer.fault.text);
    return answer.result;
}

static void test_why_done(void **state)
{
    struct world *world = world_open();
    (void)state;
    world_call(world, k_anna, NULL);
    world_pass(world, 5 * MINUTE);
    bson_t *answer = why(world, "+49 30 12345678");
    bson_destroy(answer);
    answer = why(world, "1");
    assert_string_equal(kj_doc_text(answer, "jobs.0.state", ""), "done");
    assert_string_equal(kj_doc_text(answer, "calls.0.disposition", ""), "completed");
    assert_string_equal(kj_doc_text(answer, "decisions.0.plan.success", ""), "Interested");
    assert_string_equal(kj_doc_text(answer, "now.gate", ""), "frequency"); // called today
    bson_destroy(answer);
    world_close(world);
}

static void test_why_refused(void **state)
{
    struct world *world = world_open();
    (void)state;
    world_call(world, k_anna, json("{\"call\": {\"schedule_at\": \"2026-03-05T10:00:00Z\"}}"));
    refuse_now(world, "opt_out");
    bson_t *answer = why(world, k_anna);
    assert_string_equal(kj_doc_text(answer, "now.gate", ""), "opt_out");
    assert_true(kj_doc_bool(answer, "now.final", false));
    assert_string_equal(kj_doc_text(answer, "refusals.0.source", ""), "letter");
    assert_non_null(strstr(kj_doc_text(answer, "now.gates.0.input", ""), "please stop"));
    bson_destroy(answer);
    world_close(world);
}

// "Why" judges as admit does: by the schedule of the call itself.
static void test_why_waiting(void **state)
{
    struct world *world = world_open();
    (void)state;
    int64_t job = world_call(world, k_anna,
                             json("{\"call\": {\"schedule\": {\"windows\": [{\"from\": "
                                  "\"15:00\", \"to\": \"16:00\"}]}}}"));
    world_pass(world, MINUTE);
    bson_t *answer = why(world, k_anna);
    assert_string_equal(kj_doc_text(answer, "now.gate", ""), "window");
    assert_int_equal(kj_doc_time(answer, "now.next_at", 0), WORLD_START + 5 * HOUR);
    assert_string_equal(kj_doc_text(answer, "jobs.0.reason", ""), "outside the calling window");
    assert_int_equal(kj_doc_time(answer, "jobs.0.due", 0), time_of(world, KJ_JOBS, job, "due"));
    bson_destroy(answer);
    world_close(world);
}

static bson_t *why_at(struct world *world, int64_t at)
{
    struct answer answer = {0};
    kj_engine_why(world->engine, "default", k_anna, at, on_answer, &answer);
    world_pass(world, 0);
    assert_int_equal(answer.status, KJ_OK);
    return answer.result;
}

// The gate of that name in a list of the verdict; its index in a path is its place.
static void assert_gate(const bson_t *answer, const char *list, const char *name, bool open)
{
    char path[48];
    for (int i = 0; i < 16; i++) {
        snprintf(path, sizeof path, "now.%s.%d.gate", list, i);
        if (strcmp(kj_doc_text(answer, path, ""), name) != 0)
            continue;
        snprintf(path, sizeof path, "now.%s.%d.open", list, i);
        if (kj_doc_bool(answer, path, !open) != open)
            fail_msg("gate %s is not %s", name, open ? "open" : "closed");
        return;
    }
    fail_msg("no gate %s", name);
}

// All gates are told, not only those up to the first that is closed.
static void test_why_tells_every_gate(void **state)
{
    static const char *const k_gates[] = {"opt_out",   "do_not_call", "consent",     "window",
                                          "frequency", "trunk_rate",  "concurrency", "permit"};
    struct world *world = world_open();
    (void)state;
    world_call(world, k_anna, NULL);
    world_pass(world, 5 * MINUTE);
    refuse_now(world, "opt_out");
    bson_t *answer = why(world, k_anna);
    for (size_t i = 0; i < KJ_COUNT(k_gates); i++)
        assert_gate(answer, "gates", k_gates[i],
                    strcmp(k_gates[i], "opt_out") != 0 && strcmp(k_gates[i], "frequency") != 0);
    assert_string_equal(kj_doc_text(answer, "now.gate", ""), "opt_out");
    assert_true(kj_doc_bool(answer, "now.final", false));
    bson_destroy(answer);
    world_close(world);
}

// The past from what was stored by then, the future computed; each says so.
static void test_why_then(void **state)
{
    struct world *world = world_open();
    (void)state;
    world_call(world, k_anna, NULL);
    world_pass(world, 10); // it rings
    int64_t rang = world->rings[0].at;
    bson_t *answer = why(world, k_anna);
    assert_gate(answer, "gates", "permit", false);
    bson_destroy(answer);
    world_pass(world, 5 * MINUTE);
    refuse_now(world, "opt_out");
    world_pass(world, HOUR);

    answer = why_at(world, WORLD_START - MINUTE); // before it all
    assert_true(kj_doc_bool(answer, "now.open", false));
    assert_int_equal(kj_doc_count(answer, "jobs") + kj_doc_count(answer, "calls") +
                         kj_doc_count(answer, "decisions") + kj_doc_count(answer, "permits") +
                         kj_doc_count(answer, "refusals"),
                     0);
    assert_non_null(strstr(kj_doc_text(answer, "basis", ""), "as stored by then"));
    bson_destroy(answer);

    answer = why_at(world, world_now(world) - 1500); // whoever asks for now is a little late
    assert_string_equal(kj_doc_text(answer, "basis", ""), "now");
    bson_destroy(answer);

    answer = why_at(world, rang + 5000); // in the midst of the call
    assert_gate(answer, "gates", "opt_out", true);
    assert_gate(answer, "gates", "permit", false);
    assert_int_equal(kj_doc_count(answer, "permits"), 1);
    assert_int_equal(kj_doc_count(answer, "calls"), 1);
    assert_int_equal(kj_doc_count(answer, "decisions"), 0);
    bson_destroy(answer);

    answer = why_at(world, rang + 4 * MINUTE); // after it, before the refusal
    assert_gate(answer, "gates", "opt_out", true);
    assert_gate(answer, "gates", "permit", true);
    assert_string_equal(kj_doc_text(answer, "now.gate", ""), "frequency");
    assert_int_equal(kj_doc_count(answer, "decisions"), 1);
    bson_destroy(answer);

    answer = why_at(world, world_now(world) + 2 * DAY); // as things stand: never
    assert_gate(answer, "gates", "opt_out", false);
    assert_gate(answer, "gates", "frequency", true);
    assert_non_null(strstr(kj_doc_text(answer, "basis", ""), "computed"));
    bson_destroy(answer);
    world_close(world);
}

// A job that waits for its retry is told to be due; what people stopped stands before the gates.
static void test_why_waits_for_people(void **state)
{
    struct world *world = world_open();
    (void)state;
    world->calls = (struct fake_call[]){{.disposition = "busy", .reports = "re"}};
    world->call_count = 1;
    int64_t job = world_call(world, k_anna,
                             json("{\"call\": {\"limits\": {\"per_day\": 5}, \"retry\": "
                                  "{\"gaps_minutes\": [60], \"max_attempts\": 2}}}"));
    world_pass(world, 5 * MINUTE);
    int64_t due = time_of(world, KJ_JOBS, job, "due");
    bson_t *answer = why(world, k_anna);
    assert_gate(answer, "gates", "due", false);
    assert_string_equal(kj_doc_text(answer, "now.gate", ""), "due");
    assert_int_equal(kj_doc_time(answer, "now.next_at", 0), due);
    assert_string_equal(kj_doc_text(answer, "decisions.0.plan.next.reason", ""), "busy");
    bson_destroy(answer);

    struct answer off = {0};
    kj_kill_switch_set(world->engine, false, on_answer, &off);
    world_pass(world, 0);
    answer_clear(&off);
    answer = why(world, k_anna);
    assert_gate(answer, "halts", "dialing", false);
    assert_string_equal(kj_doc_text(answer, "now.gate", ""), "dialing");
    bson_destroy(answer);
    kj_kill_switch_set(world->engine, true, on_answer, &off);
    world_pass(world, 2 * HOUR); // the second attempt is the last
    answer_clear(&off);
    answer = why(world, k_anna);
    assert_int_equal(kj_doc_count(answer, "decisions"), 2);
    assert_string_equal(kj_doc_text(answer, "decisions.0.plan.no_retry", ""),
                        "2 of 2 attempts are made");
    bson_destroy(answer);
    world_close(world);
}

// Whatever parks says why, and a webhook that comes late settles it.
static void test_why_parked(void **state)
{
    struct world *world = world_open();
    (void)state;
    world->calls = (struct fake_call[]){{.reply = KEJUE_UNKNOWN, .mute = true}};
    world->call_count = 1;
    world->lookup = LOOKUP_UNCERTAIN;
    world_call(world, k_anna, NULL);
    world_pass(world, 15 * MINUTE);
    bson_t *answer = why(world, k_anna);
    assert_string_equal(kj_doc_text(answer, "jobs.0.state", ""), "parked");
    assert_non_null(strstr(kj_doc_text(answer, "jobs.0.reason", ""), "cannot say whether"));
    assert_int_equal(kj_doc_count(answer, "permits"), 1); // it counts: it may have rung
    assert_gate(answer, "gates", "permit", true);
    assert_gate(answer, "gates", "frequency", false);
    bson_destroy(answer);
    struct answer late = world_port(
        world, "emit",
        json("{\"name\": \"telephony.progress\", \"data\": {\"attempt_id\": \"%s\", \"state\": "
             "\"ended\", \"disposition\": \"no_answer\"}}",
             world->rings[0].attempt_id));
    assert_int_equal(late.status, KJ_OK);
    answer_clear(&late);
    world_pass(world, MINUTE);
    answer = why(world, k_anna);
    assert_string_equal(kj_doc_text(answer, "calls.0.disposition", ""), "no_answer");
    assert_string_equal(kj_doc_text(answer, "jobs.0.state", ""), "waiting");
    assert_string_equal(kj_doc_text(answer, "decisions.0.plan.next.reason", ""), "no_answer");
    bson_destroy(answer);
    world_close(world);
}

// Refused before any list named it.
static void test_why_a_number_without_a_lead(void **state)
{
    struct world *world = world_open();
    (void)state;
    refuse_now(world, "consent_revoked");
    bson_t *answer = why(world, k_anna);
    assert_string_equal(kj_doc_text(answer, "now.gate", ""), "consent");
    assert_true(kj_doc_bool(answer, "now.final", false));
    assert_string_equal(kj_doc_text(answer, "lead.phone_number", ""), k_anna);
    bson_destroy(answer);
    world_close(world);
}

static void test_why_nobody(void **state)
{
    struct world *world = world_open();
    struct answer answer = {0};
    (void)state;
    kj_engine_why(world->engine, "default", k_anna, world_now(world), on_answer, &answer);
    world_pass(world, 0);
    assert_int_equal(answer.status, KJ_ENOTFOUND);
    answer_clear(&answer);
    kj_engine_why(world->engine, "default", "x", world_now(world), on_answer, &answer);
    assert_int_equal(answer.status, KJ_EINVAL);
    answer_clear(&answer);
    world_close(world);
}

// A store that is away is no "never called".
static void test_why_without_a_store(void **state)
{
    (void)state;
    for (int n = 1; n <= 3; n++) {
        struct world *world = world_open();
        struct answer answer = {0};
        world_call(world, k_anna, NULL);
        world_pass(world, 5 * MINUTE);
        world->faults.requests = 0;
        world->faults.fail_from = world->faults.fail_until = n;
        kj_engine_why(world->engine, "default", k_anna, world_now(world), on_answer, &answer);
        world_pass(world, 0);
        assert_int_equal(answer.status, KJ_EUNAVAILABLE);
        answer_clear(&answer);
        world_close(world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_outside_the_window_waits_for_the_next),
        cmocka_unit_test(test_refusals_are_final),
        cmocka_unit_test(test_a_campaign_may_ask_for_consent),
        cmocka_unit_test(test_a_refusal_twice_is_told),
        cmocka_unit_test(test_refusal_races_the_permit_at_every_step),
        cmocka_unit_test(test_caps_are_judged_with_the_permit),
        cmocka_unit_test(test_leaked_lines_are_swept),
        cmocka_unit_test(test_an_old_hold_on_a_number_ends),
        cmocka_unit_test(test_why_done),
        cmocka_unit_test(test_why_refused),
        cmocka_unit_test(test_why_waiting),
        cmocka_unit_test(test_why_tells_every_gate),
        cmocka_unit_test(test_why_then),
        cmocka_unit_test(test_why_waits_for_people),
        cmocka_unit_test(test_why_parked),
        cmocka_unit_test(test_why_a_number_without_a_lead),
        cmocka_unit_test(test_why_nobody),
        cmocka_unit_test(test_why_without_a_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
