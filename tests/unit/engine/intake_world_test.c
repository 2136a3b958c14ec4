// What comes in: leads, lists, calls, calls of other systems, and what plugins ask.
#include "fake_world.h"

static struct answer import(struct world *world, const char *rows, const char *defaults)
{
    struct answer answer = {0};
    bson_t *list = json("%s", rows), *with = json("%s", defaults);
    kj_intake_leads(world->engine, "default", list, with, on_answer, &answer);
    bson_destroy(list);
    bson_destroy(with);
    world_pass(world, 0);
    assert_int_equal(answer.calls, 1);
    return answer;
}

static void assert_counts(struct answer *answer, int accepted, int updated, int duplicates,
                          size_t refused)
{
    assert_int_equal(answer->status, KJ_OK);
    assert_int_equal(kj_doc_int(answer->result, "accepted", -1), accepted);
    assert_int_equal(kj_doc_int(answer->result, "updated", -1), updated);
    assert_int_equal(kj_doc_int(answer->result, "duplicates", -1), duplicates);
    assert_int_equal(kj_doc_count(answer->result, "refused"), refused);
    answer_clear(answer);
}

static void test_leads(void **state)
{
    struct world *world = world_open();
    (void)state;
    struct answer answer = import(world,
                                  "[{\"phone\": \"030 12345678\", \"name\": \"Anna A\"},"
                                  "{\"phone\": \"+49 30 12345678\"}, {\"phone\": \"nonsense\"},"
                                  "{\"line\": 9, \"name\": \"Nobody\"}]",
                                  "{\"country\": \"DE\", \"list\": \"march\"}");
    assert_string_equal(kj_doc_text(answer.result, "refused.0.reason", ""), "duplicate");
    assert_int_equal(kj_doc_int(answer.result, "refused.0.line", 0), 2);
    assert_string_equal(kj_doc_text(answer.result, "refused.1.reason", ""), "not_a_number");
    assert_string_equal(kj_doc_text(answer.result, "refused.2.reason", ""), "no_phone");
    assert_int_equal(kj_doc_int(answer.result, "refused.2.line", 0), 9);
    assert_counts(&answer, 1, 0, 1, 3);
    assert_text(world, KJ_LEADS, 1, "list", "march");
    assert_text(world, KJ_LEADS, 1, "status", "pending");
    // The same list again, then another that takes her over.
    answer = import(world, "[{\"phone\": \"03012345678\"}]",
                    "{\"country\": \"DE\", \"list\": \"march\"}");
    assert_counts(&answer, 0, 0, 1, 1);
    answer = import(world, "[{\"phone\": \"03012345678\", \"email\": \"a@b.de\"}]",
                    "{\"country\": \"DE\", \"list\": \"april\"}");
    assert_counts(&answer, 1, 1, 0, 0);
    assert_text(world, KJ_LEADS, 1, "list", "april");
    assert_text(world, KJ_LEADS, 1, "email", "a@b.de");
    assert_text(world, KJ_LEADS, 1, "last_name", "A");
    answer = import(world, "[]", "{}");
    assert_counts(&answer, 0, 0, 0, 0);
    world_close(world);
}

static void test_leads_without_a_store_are_not_acknowledged(void **state)
{
    (void)state;
    for (int n = 1; n <= 3; n++) {
        struct world *world = world_open();
        struct answer answer = import(world, "[{\"phone\": \"+493012345678\"}]", "{}");
        answer_clear(&answer);
        world->faults.requests = 0;
        world->faults.fail_from = world->faults.fail_until = n;
        answer = import(world, "[{\"phone\": \"+493012345678\"}, {\"phone\": \"+493012345679\"}]",
                        "{\"list\": \"x\"}");
        assert_int_equal(answer.status, KJ_EUNAVAILABLE);
        answer_clear(&answer);
        answer = import(world, "[{\"phone\": \"+493012345678\"}, {\"phone\": \"+493012345679\"}]",
                        "{\"list\": \"y\"}"); // once more, and it is complete
        assert_int_equal(answer.status, KJ_OK);
        assert_int_equal(kj_doc_count(answer.result, "lead_ids"), 2);
        answer_clear(&answer);
        world_close(world);
    }
}

static void test_an_engine_that_ends_answers_everybody(void **state)
{
    struct world *world = world_open();
    struct answer answers[4] = {0};
    (void)state;
    bson_t *rows = json("[{\"phone\": \"+493012345678\"}]"), *none = json("{}"),
           *call = json("{\"lead\": {\"phone_number\": \"+493012345678\"}, \"group_id\": 1}");
    kj_intake_leads(world->engine, "default", rows, none, on_answer, &answers[0]);
    kj_intake_call(world->engine, "default", call, on_answer, &answers[1]);
    kj_engine_why(world->engine, "default", "+493012345678", 0, on_answer, &answers[2]);
    kj_intake_refusal(world->engine, "default", call, on_answer, &answers[3]);
    world_crash(world);
    assert_int_equal(answers[0].status, KJ_ECANCELED);
    assert_int_equal(answers[1].status, KJ_ECANCELED);
    assert_int_equal(answers[2].status, KJ_ECANCELED);
    assert_int_equal(answers[3].status, KJ_EINVAL); // no number
    for (int i = 0; i < 4; i++) {
        assert_int_equal(answers[i].calls, 1);
        answer_clear(&answers[i]);
    }
    bson_destroy(rows);
    bson_destroy(none);
    bson_destroy(call);
    world_close(world);
}

static void test_csv_is_all_or_nothing(void **state)
{
    struct kj_fault fault;
    bson_t *rows = NULL;
    (void)state;
    static const char k_good[] = "Phone;Name\r\n+4930 1;\"A; B\"\r\n\r\n+4930 2;\r\n";
    assert_int_equal(kj_intake_csv(k_good, strlen(k_good), &rows, &fault), KJ_OK);
    assert_int_equal(bson_count_keys(rows), 2);
    assert_string_equal(kj_doc_text(rows, "0.Name", ""), "A; B");
    assert_int_equal(kj_doc_int(rows, "1.line", 0), 4);
    assert_false(kj_doc_has(rows, "1.Name"));
    bson_destroy(rows);
    rows = NULL;
    static const char k_bad[] = "Phone,Name\n+4930 1,A\n+4930 2,\"B\n";
    assert_int_equal(kj_intake_csv(k_bad, strlen(k_bad), &rows, &fault), KJ_EPARSE);
    assert_string_equal(fault.place, "line 3");
    assert_null(rows);
    assert_int_equal(kj_intake_csv("", 0, &rows, &fault), KJ_EPARSE);
    assert_null(rows);
}

static void test_calls(void **state)
{
    struct world *world = world_open();
    (void)state;
    int64_t job = world_call(world, "+493012345678", json("{\"key\": \"k\"}"));
    assert_int_equal(world_call(world, "+493012345678", json("{\"key\": \"k\"}")), job);
    struct answer answer =
        world_ask(world, kj_intake_call, json("{\"lead_id\": 1, \"group_id\": 1}"));
    assert_int_equal(answer.status, KJ_OK);
    assert_true(kj_doc_bool(answer.result, "created", false));
    assert_int_equal(kj_doc_int(answer.result, "lead_id", 0), 1);
    answer_clear(&answer);
    answer = world_ask(world, kj_intake_call, json("{\"lead_id\": 99, \"group_id\": 1}"));
    assert_int_equal(answer.status, KJ_ENOTFOUND);
    answer_clear(&answer);
    answer = world_ask(world, kj_intake_call, json("{\"group_id\": 1}"));
    assert_int_equal(answer.status, KJ_EINVAL);
    answer_clear(&answer);
    answer = world_ask(world, kj_intake_call,
                       json("{\"lead\": {\"phone_number\": \"12\"}, \"group_id\": 1}"));
    assert_int_equal(answer.status, KJ_EINVAL);
    answer_clear(&answer);
    world_pass(world, HOUR);
    assert_int_equal(rings_of(world, "+493012345678"), 1); // the second one is over the cap
    world_close(world);
}

static void test_a_call_at_its_time(void **state)
{
    struct world *world = world_open();
    (void)state;
    world_call(world, "+493012345678",
               json("{\"call\": {\"schedule_at\": \"2026-03-03T10:00:00Z\"}}"));
    world_pass(world, 2 * DAY);
    assert_int_equal(world->ring_count, 1);
    assert_int_equal(world->rings[0].at, WORLD_START + 25 * HOUR);
    world_close(world);
}

// --- calls of another system ---

static bson_t *recorded(const char *id, const char *says)
{
    return json("{\"external_id\": \"%s\", \"group_id\": 1, \"lead\": {\"phone_number\": "
                "\"+493012345678\"}, \"started_at\": \"2026-02-01T10:00:00Z\", \"ended_at\": "
                "\"2026-02-01T10:01:00Z\", \"disposition\": \"completed\", \"transcript\": "
                "[{\"speaker\": \"lead\", \"text\": \"%s\"}]}",
                id, says);
}

static void assert_stored(struct world *world, enum kj_coll coll, int count)
{
    bson_t *all = world_all(world, coll);
    assert_int_equal(bson_count_keys(all), count);
    bson_destroy(all);
}

// Takes a batch of one; its answer stands in "calls.0".
static struct answer take_recorded(struct world *world, bson_t *call)
{
    bson_t *batch = bson_new();
    kj_doc_put_doc(batch, "0", call);
    bson_destroy(call);
    struct answer answer = world_ask(world, kj_intake_recorded, batch);
    assert_int_equal(answer.status, KJ_OK);
    assert_int_equal(kj_doc_count(answer.result, "calls"), 1);
    return answer;
}

static void test_recorded_calls_send_nothing(void **state)
{
    struct world *world = world_open();
    (void)state;
    world->plan =
        "{\"success\": \"Interested\", \"template\": {\"name\": \"t\"}, \"effects\": [{\"key\": "
        "\"crm\", \"verb\": \"crm.upsert\", \"args\": {}}], \"next\": {\"kind\": \"retry\"}}";
    world->verbs[0] = (struct fake_verb){.name = "crm.upsert", .flags = KEJUE_IDEMPOTENT};
    world->hook_event = "call.analyzed";
    for (int i = 0; i < 2; i++) { // twice the same: taken once
        struct answer answer = take_recorded(world, recorded("x-1", "Yes"));
        assert_false(kj_doc_bool(answer.result, "calls.0.refused", true));
        assert_true(kj_doc_bool(answer.result, "calls.0.created", false) == (i == 0));
        answer_clear(&answer);
    }
    world_pass(world, DAY);
    assert_text(world, KJ_JOBS, 1, "state", "done");
    assert_int_equal(world->decided, 1);
    assert_int_equal(world->placed + world->sent_count + world->hook_runs, 0);
    assert_text(world, KJ_DECISIONS, 1, "plan.success", "Interested");
    assert_text(world, KJ_LEADS, 1, "success", "Interested");
    assert_sound(world, true);
    world_close(world);
}

static int times_told(const struct world *world, const char *event)
{
    int times = 0;
    for (const char *at = world->events; (at = strstr(at, event)); at += strlen(event))
        times++;
    return times;
}

// Its plan is stored with the end of its job, its facts with the decision: whichever request is
// lost, or is the last of a life, it is judged once and all of it is there in the end. (Where the
// fault meets the intake, the call is sent again.)
static void test_a_recorded_call_survives_any_fault(void **state)
{
    enum { FAILS, DIES_BEFORE, DIES_AFTER, FAULTS, REQUESTS = 12 }; // more than there are
    int deaths = 0;
    (void)state;
    for (int i = 0; i < FAULTS * REQUESTS; i++) {
        int fault = i / REQUESTS, at = i % REQUESTS + 1;
        struct world *world = world_open();
        struct answer first = {0}, again;
        bson_t *call = recorded("x-1", "Yes"), batch = BSON_INITIALIZER;
        world->plan = "{\"success\": \"Interested\"}";
        if (fault == FAILS)
            world->faults.fail_from = world->faults.fail_until = world->faults.requests + at;
        else
            world->faults.crash_at = world->faults.steps + at;
        world->faults.crash_after = fault == DIES_AFTER;
        kj_doc_put_doc(&batch, "0", call);
        kj_intake_recorded(world->engine, "default", &batch, on_answer, &first);
        world_pass(world, HOUR);
        deaths += world->lives - 1;
        again = take_recorded(world, call);
        world_pass(world, HOUR);
        assert_text(world, KJ_JOBS, 1, "state", "done");
        assert_text(world, KJ_JOBS, 1, "plan.success", "Interested");
        assert_text(world, KJ_CALLS, 1, "facts.answers.skipped", "no model is configured");
        assert_text(world, KJ_LEADS, 1, "success", "Interested");
        assert_stored(world, KJ_DECISIONS, 1);
        int told = times_told(world, "call.analyzed");
        assert_true(told == 1 || (told == 0 && fault == DIES_AFTER)); // nobody was left to hear it
        assert_sound(world, true);
        answer_clear(&first);
        answer_clear(&again);
        bson_destroy(&batch);
        world_close(world);
    }
    assert_true(deaths >= 2 * 6);
}

static void test_a_recorded_refusal_counts(void **state)
{
    struct world *world = world_open();
    (void)state;
    struct answer answer = take_recorded(world, recorded("x-2", "Rufen Sie mich nie wieder an"));
    answer_clear(&answer);
    world_pass(world, MINUTE);
    assert_text(world, KJ_NUMBERS, 1, "refusals.0.kind", "opt_out");
    world_close(world);
}

static void test_recorded_calls_that_make_no_sense(void **state)
{
    static const struct {
        const char *wrong, *place, *text;
    } k_cases[] = {
        {"{\"ended_at\": \"2026-02-01T09:00:00Z\"}", "/ended_at",
         "the call must have started, and ended after that"},
        {"{\"disposition\": \"great\"}", "/disposition", "is not a disposition"},
        {"{\"transcript\": []}", "/transcript", "a completed call needs a transcript"},
        {"{\"lead\": {\"phone_number\": \"x\"}}", "/lead", "not_a_number: "},
        {"{\"lead\": null}", "/lead", "is missing"},
    };
    struct world *world = world_open();
    (void)state;
    for (size_t i = 0; i < KJ_COUNT(k_cases); i++) {
        bson_t *good = recorded("x-3", "Yes"), *wrong = json("%s", k_cases[i].wrong);
        struct answer answer = take_recorded(world, kj_doc_with(good, wrong));
        assert_true(kj_doc_bool(answer.result, "calls.0.refused", false));
        assert_string_equal(kj_doc_text(answer.result, "calls.0.place", ""), k_cases[i].place);
        assert_true(
            kj_starts_with(kj_doc_text(answer.result, "calls.0.text", ""), k_cases[i].text));
        answer_clear(&answer);
        bson_destroy(good);
        bson_destroy(wrong);
    }
    assert_stored(world, KJ_JOBS, 0);
    world_close(world);
}

// Each of a batch has its own answer, and two calls of one number share its lead.
static void test_recorded_calls_in_a_batch(void **state)
{
    struct world *world = world_open();
    (void)state;
    bson_t *batch = bson_new();
    bson_t *calls[] = {recorded("b-1", "Yes"), recorded("b-2", "No"), json("{}"),
                       recorded("b-1", "Yes")};
    struct kj_doc_list list = {.array = batch};
    for (size_t i = 0; i < KJ_COUNT(calls); i++) {
        kj_doc_put_doc(batch, kj_doc_next(&list), calls[i]);
        bson_destroy(calls[i]);
    }
    struct answer answer = world_ask(world, kj_intake_recorded, batch);
    assert_int_equal(answer.status, KJ_OK);
    assert_true(kj_doc_bool(answer.result, "calls.0.created", false));
    assert_true(kj_doc_bool(answer.result, "calls.1.created", false));
    assert_true(kj_doc_bool(answer.result, "calls.2.refused", false));
    assert_false(kj_doc_bool(answer.result, "calls.3.created", true));
    assert_int_equal(kj_doc_int(answer.result, "calls.1.lead_id", 0),
                     kj_doc_int(answer.result, "calls.0.lead_id", -1));
    assert_int_equal(kj_doc_int(answer.result, "calls.3.job_id", 0),
                     kj_doc_int(answer.result, "calls.0.job_id", -1));
    answer_clear(&answer);
    world_pass(world, MINUTE);
    assert_stored(world, KJ_LEADS, 1);
    assert_stored(world, KJ_CALLS, 2);
    assert_int_equal(world->decided, 2);
    assert_sound(world, true);
    world_close(world);
}

// --- what plugins ask ---

static void test_ports_state_with_revisions(void **state)
{
    struct world *world = world_open();
    (void)state;
    struct answer answer = world_port(world, "state.get", json("{\"key\": \"a\"}"));
    assert_int_equal(kj_doc_int(answer.result, "revision", -1), 0);
    answer_clear(&answer);
    answer = world_port(world, "state.put",
                        json("{\"key\": \"a\", \"value\": {\"n\": 1}, \"revision\": 0}"));
    assert_int_equal(answer.status, KJ_OK);
    assert_int_equal(kj_doc_int(answer.result, "revision", -1), 1);
    answer_clear(&answer);
    answer = world_port(world, "state.put",
                        json("{\"key\": \"a\", \"value\": {\"n\": 2}, \"revision\": 0}"));
    assert_int_equal(answer.status, -KEJUE_CALLER);
    assert_string_equal(answer.fault.place, "conflict");
    answer_clear(&answer);
    answer = world_port(world, "state.put", json("{\"key\": \"a\", \"value\": {\"n\": 3}}"));
    assert_int_equal(kj_doc_int(answer.result, "revision", -1), 2);
    answer_clear(&answer);
    answer = world_port(world, "state.get", json("{\"key\": \"a\"}"));
    assert_int_equal(kj_doc_int(answer.result, "value.n", -1), 3);
    assert_int_equal(kj_doc_int(answer.result, "revision", -1), 2);
    answer_clear(&answer);
    answer = world_port(world, "state.put", json("{\"key\": \"\", \"value\": 1}"));
    assert_int_equal(answer.status, -KEJUE_CALLER);
    answer_clear(&answer);
    world->faults.away_until = world_now(world) + 1;
    answer = world_port(world, "state.get", json("{\"key\": \"a\"}"));
    assert_int_equal(answer.status, -KEJUE_NOT_PROCESSED);
    answer_clear(&answer);
    world_close(world);
}

static void test_ports_submit_and_leads(void **state)
{
    struct world *world = world_open();
    (void)state;
    struct answer answer =
        world_port(world, "submit",
                   json("{\"kind\": \"effect\", \"key\": \"e1\", \"payload\": {\"verb\": \"x\"}}"));
    assert_int_equal(answer.status, KJ_OK);
    assert_true(kj_doc_bool(answer.result, "created", false));
    answer_clear(&answer);
    answer = world_port(world, "submit", json("{\"kind\": \"call\"}"));
    assert_int_equal(answer.status, -KEJUE_CALLER);
    answer_clear(&answer);
    answer = world_port(world, "leads",
                        json("{\"csv\": \"phone\\n+493012345678\\n\", \"list\": \"l\"}"));
    assert_int_equal(kj_doc_int(answer.result, "accepted", 0), 1);
    answer_clear(&answer);
    answer = world_port(world, "leads", json("{\"csv\": \"phone\\n\\\"+49\\n\"}"));
    assert_int_equal(answer.status, -KEJUE_CALLER);
    answer_clear(&answer);
    answer = world_port(world, "leads", json("{\"rows\": [{\"phone\": \"+493012345679\"}]}"));
    assert_int_equal(kj_doc_int(answer.result, "accepted", 0), 1);
    answer_clear(&answer);
    answer = world_port(world, "leads", json("{}"));
    assert_int_equal(answer.status, -KEJUE_CALLER);
    answer_clear(&answer);
    answer = world_port(world, "fly", json("{}"));
    assert_int_equal(answer.status, -KEJUE_CALLER);
    answer_clear(&answer);
    world_close(world);
}

static void on_command(void *arg, const char *instance, const char *workspace, const char *name,
                       const bson_t *args, const char *key, kj_engine_done *done, void *done_arg)
{
    struct kj_fault fault;
    (void)arg;
    assert_string_equal(instance, "plug");
    assert_string_equal(workspace, "default");
    assert_int_equal(kj_doc_int(args, "id", 0), 5);
    assert_null(key);
    if (strcmp(name, "campaign.start") == 0)
        done(done_arg, KJ_OK, args, NULL);
    else
        done(done_arg, kj_fault(&fault, KJ_EDENIED, NULL, NULL, "no"), NULL, &fault);
}

static void test_ports_command_and_emit(void **state)
{
    struct world *world = world_open();
    (void)state;
    struct answer answer =
        world_port(world, "command", json("{\"name\": \"campaign.start\", \"args\": {\"id\": 5}}"));
    assert_int_equal(answer.status, -KEJUE_NOT_PROCESSED); // not wired yet
    answer_clear(&answer);
    kj_engine_set_command(world->engine, on_command, NULL);
    answer =
        world_port(world, "command", json("{\"name\": \"campaign.start\", \"args\": {\"id\": 5}}"));
    assert_int_equal(answer.status, KJ_OK);
    answer_clear(&answer);
    answer = world_port(world, "command", json("{\"name\": \"x\", \"args\": {\"id\": 5}}"));
    assert_int_equal(answer.status, -KEJUE_CALLER);
    answer_clear(&answer);
    world->hook_event = "form.filled";
    for (int i = 0; i < 2; i++) { // the same twice starts its hooks once
        answer = world_port(world, "emit",
                            json("{\"name\": \"form.filled\", \"data\": {\"key\": \"f1\"}}"));
        assert_int_equal(answer.status, KJ_OK);
        answer_clear(&answer);
    }
    world_pass(world, MINUTE);
    assert_int_equal(world->hook_runs, 1);
    assert_non_null(strstr(world->events, "form.filled"));
    world_close(world);
}

static void test_messages_only_move_forward(void **state)
{
    static const char *const k_status[] = {"sent", "read", "delivered", "read", "failed"};
    struct world *world = world_open();
    (void)state;
    world_put(world, KJ_MESSAGES, json("{\"key\": \"m1\", \"status\": \"accepted\"}"));
    for (size_t i = 0; i < KJ_COUNT(k_status); i++) {
        struct answer answer =
            world_port(world, "emit",
                       json("{\"name\": \"message.status\", \"data\": {\"message_id\": \"m1\", "
                            "\"status\": \"%s\"}}",
                            k_status[i]));
        assert_int_equal(answer.status, KJ_OK);
        answer_clear(&answer);
    }
    assert_text(world, KJ_MESSAGES, 1, "status", "read");
    assert_string_equal(world->events, "message.status message.status ");
    for (int i = 0; i < 2; i++) {
        struct answer answer =
            world_port(world, "emit",
                       json("{\"name\": \"message.received\", \"data\": {\"message_id\": \"m2\", "
                            "\"from\": \"+493012345678\", \"text\": \"hi\"}}"));
        assert_int_equal(answer.status, KJ_OK);
        answer_clear(&answer);
    }
    assert_text(world, KJ_MESSAGES, 2, "text", "hi");
    assert_string_equal(world->events, "message.status message.status message.received ");
    world_close(world);
}

static void test_packs_are_kept_once(void **state)
{
    struct world *world = world_open();
    (void)state;
    world->about = "{\"name\": \"p\", \"hash\": \"abc\", \"sources\": {\"p.lua\": \"return {}\"}}";
    for (int i = 0; i < 2; i++) {
        kj_engine_rules_loaded(world->engine);
        world_pass(world, 0);
    }
    bson_t *packs = world_all(world, KJ_PACKS);
    assert_int_equal(bson_count_keys(packs), 1);
    assert_string_equal(kj_doc_text(packs, "0.key", ""), "abc");
    bson_destroy(packs);
    world_close(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_leads),
        cmocka_unit_test(test_leads_without_a_store_are_not_acknowledged),
        cmocka_unit_test(test_an_engine_that_ends_answers_everybody),
        cmocka_unit_test(test_csv_is_all_or_nothing),
        cmocka_unit_test(test_calls),
        cmocka_unit_test(test_a_call_at_its_time),
        cmocka_unit_test(test_recorded_calls_send_nothing),
        cmocka_unit_test(test_a_recorded_call_survives_any_fault),
        cmocka_unit_test(test_a_recorded_refusal_counts),
        cmocka_unit_test(test_recorded_calls_that_make_no_sense),
        cmocka_unit_test(test_recorded_calls_in_a_batch),
        cmocka_unit_test(test_ports_state_with_revisions),
        cmocka_unit_test(test_ports_submit_and_leads),
        cmocka_unit_test(test_ports_command_and_emit),
        cmocka_unit_test(test_messages_only_move_forward),
        cmocka_unit_test(test_packs_are_kept_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
