// What goes out: each effect a job of its own, hooks whose steps are recorded.
#include "fake_world.h"

static const char k_anna[] = "+493012345678";

static int64_t put_effect(struct world *world, const char *more)
{
    bson_t *payload = json("{\"name\": \"e\", \"verb\": \"crm.upsert\", \"args\": {\"x\": 1}}");
    bson_t *over = json("%s", more), *all = kj_doc_with(payload, over);
    int64_t now = world_now(world), most = (int64_t)kj_doc_count(all, "retry");
    bson_t *job = kj_job_new("effect", NULL, now, 50, all, now);
    kj_doc_put_text(job, "key", "effect:a:0");
    if (most)
        kj_doc_put_int(job, "max_attempts", most + 1);
    int64_t id = world_put(world, KJ_JOBS, job);
    kj_queue_wake(world->engine->queue, "effect", now);
    bson_destroy(payload);
    bson_destroy(over);
    bson_destroy(all);
    return id;
}

static struct world *open_with(enum kejue_class first, enum kejue_class then, uint32_t flags)
{
    struct world *world = world_open();
    world->verbs[0] = (struct fake_verb){.name = "crm.upsert", .flags = flags, .replies = {first}};
    for (int i = 1; i < 8; i++)
        world->verbs[0].replies[i] = then;
    return world;
}

static void test_each_class_has_its_verdict(void **state)
{
    static const struct {
        enum kejue_class class;
        uint32_t flags;
        const char *state;
        size_t asked; // within ten minutes
    } k_rows[] = {
        {KEJUE_OK, 0, "done", 1},
        {KEJUE_NOT_PROCESSED, 0, "done", 2},
        {KEJUE_UNKNOWN, 0, "parked", 1},
        {KEJUE_UNKNOWN, KEJUE_IDEMPOTENT, "done", 2},
        {KEJUE_CALLER, KEJUE_IDEMPOTENT, "failed", 1},
        {KEJUE_CREDENTIAL, 0, "waiting", 1},
        {KEJUE_ACCOUNT, 0, "waiting", 1},
        {KEJUE_CANCELED, 0, "done", 2},
    };
    (void)state;
    for (size_t i = 0; i < KJ_COUNT(k_rows); i++) {
        struct world *world = open_with(k_rows[i].class, KEJUE_OK, k_rows[i].flags);
        int64_t job = put_effect(world, "{}");
        world_pass(world, 9 * MINUTE);
        assert_text(world, KJ_JOBS, job, "state", k_rows[i].state);
        assert_int_equal(world->verbs[0].asked, k_rows[i].asked);
        assert_string_equal(world->sent[0].key, "effect:a:0");
        world_close(world);
    }
}

static void test_retries_as_the_rule_says(void **state)
{
    struct world *world = open_with(KEJUE_NOT_PROCESSED, KEJUE_NOT_PROCESSED, 0);
    (void)state;
    int64_t job = put_effect(world, "{\"retry\": [\"2m\", \"1h\"]}");
    world_pass(world, DAY);
    assert_int_equal(world->sent_count, 3);
    assert_int_equal(world->sent[1].at - world->sent[0].at, 2 * MINUTE + 20);
    assert_int_equal(world->sent[2].at - world->sent[1].at, HOUR + 20);
    assert_text(world, KJ_JOBS, job, "state", "dead");
    world_close(world);
}

static void test_expires(void **state)
{
    struct world *world = open_with(KEJUE_ACCOUNT, KEJUE_ACCOUNT, 0);
    (void)state;
    int64_t job = put_effect(world, "{\"expires\": \"1h\"}");
    world_pass(world, 2 * HOUR);
    assert_text(world, KJ_JOBS, job, "state", "failed");
    assert_text(world, KJ_JOBS, job, "reason", "expired before it could be sent");
    assert_int_equal(world->sent_count, 6);
    world_close(world);
}

static void test_no_plugin_offers_it(void **state)
{
    struct world *world = world_open();
    (void)state;
    int64_t job = put_effect(world, "{}");
    world_pass(world, MINUTE);
    assert_text(world, KJ_JOBS, job, "state", "parked");
    world_close(world);
}

// Sent when the host ended: again only where that does no harm.
static void test_crash_while_it_is_sent(void **state)
{
    (void)state;
    for (int safe = 0; safe < 2; safe++) {
        struct world *world = open_with(KEJUE_OK, KEJUE_OK, safe ? KEJUE_IDEMPOTENT : 0);
        int64_t job = put_effect(world, "{}");
        world_pass(world, 10);
        assert_int_equal(world->sent_count, 1);
        world_crash(world);
        world_pass(world, MINUTE);
        assert_text(world, KJ_JOBS, job, "state", safe ? "done" : "parked");
        assert_int_equal(world->sent_count, safe ? 2 : 1);
        world_close(world);
    }
}

// --- a message: sent once, recorded whatever comes in between ---

static void test_a_message_is_sent_once(void **state)
{
    (void)state;
    for (int64_t at = 1; at <= 12; at++)
        for (int how = 0; how < 2; how++) {
            struct world *world = world_open();
            world->plan = "{\"template\": {\"name\": \"hello\", \"language\": \"de\"}}";
            world->verbs[0] = (struct fake_verb){.name = "whatsapp.send_template",
                                                 .result = "{\"message_id\": \"m1\"}"};
            world_call(world, k_anna, NULL);
            while (sent_of(world, "whatsapp.send_template") == 0)
                world_pass(world, 10);
            world->faults.steps = world->faults.requests = 0;
            if (how)
                world->faults.fail_from = world->faults.fail_until = at;
            else
                world->faults.crash_at = at;
            world_pass(world, HOUR);
            assert_int_equal(world->sent_count, 1);
            if (how || at > 1) // else it is not known whether it was sent: a person looks
                assert_text(world, KJ_MESSAGES, 1, "key", "m1");
            assert_sound(world, true);
            world_close(world);
        }
}

// --- a refusal holds for every channel ---

static int64_t put_lead(struct world *world)
{
    return world_put(world, KJ_LEADS,
                     json("{\"phone_number\": \"%s\", \"whatsapp_number\": \"+4915112345678\", "
                          "\"email\": \"anna@example.org\"}",
                          k_anna));
}

static void refuse(struct world *world, const char *number)
{
    struct answer answer =
        world_ask(world, kj_intake_refusal,
                  json("{\"phone_number\": \"%s\", \"kind\": \"opt_out\", \"source\": \"letter\", "
                       "\"evidence\": \"no more\"}",
                       number));
    assert_int_equal(answer.status, KJ_OK);
    answer_clear(&answer);
}

// Acknowledged between the decision and the send: a message, an e-mail and a hook's message stay
// unsent, whichever of the lead's numbers said no; what reaches nobody (the CRM) is still written.
static void test_a_refusal_stops_every_channel(void **state)
{
    static const struct {
        const char *verb, *to, *refused; // `refused` NULL: nobody
        uint32_t flags;
        const char *state;
    } k_rows[] = {
        {"whatsapp.send_template", "+493012345678", "+493012345678", KEJUE_MONEY, "failed"},
        {"whatsapp.send_text", "+4915112345678", "+493012345678", KEJUE_MONEY, "failed"},
        {"mail.send", "anna@example.org", "+493012345678", KEJUE_MONEY, "failed"},
        {"mail.send", "anna@example.org", "+4915112345678", KEJUE_MONEY, "failed"},
        {"mail.send", "anna@example.org", "+4930999999", KEJUE_MONEY, "done"},
        {"mail.send", "anna@example.org", NULL, KEJUE_MONEY, "done"},
        {"crm.upsert", "+493012345678", "+493012345678", 0, "done"},
        {"http.request", NULL, "+493012345678", KEJUE_MONEY, "done"}, // tells the CRM of it
    };
    (void)state;
    for (size_t i = 0; i < KJ_COUNT(k_rows); i++) {
        struct world *world = world_open();
        int64_t lead = put_lead(world), now = world_now(world);
        world->verbs[0] = (struct fake_verb){.name = k_rows[i].verb,
                                             .flags = k_rows[i].flags,
                                             .replies = {KEJUE_ACCOUNT, KEJUE_OK},
                                             .result = "{\"message_id\": \"m1\"}"};
        bson_t *payload =
            json("{\"verb\": \"%s\", \"args\": {\"%s\": \"%s\"}}", k_rows[i].verb,
                 k_rows[i].to ? "to" : "url", k_rows[i].to ? k_rows[i].to : "http://crm");
        bson_t *job = kj_job_new("effect", "effect:a:0", now, 50, payload, now);
        kj_doc_put_int(job, "lead_id", lead);
        int64_t id = world_put(world, KJ_JOBS, job);
        bson_destroy(payload);
        kj_queue_wake(world->engine->queue, "effect", now);
        world_pass(world, MINUTE); // its account is empty: it waits
        assert_int_equal(world->sent_count, 1);
        if (k_rows[i].refused)
            refuse(world, k_rows[i].refused);
        world_pass(world, HOUR);
        assert_text(world, KJ_JOBS, id, "state", k_rows[i].state);
        bool stopped = strcmp(k_rows[i].state, "failed") == 0;
        assert_int_equal(world->sent_count, stopped ? 1 : 2);
        if (stopped) {
            bson_t *doc = world_get(world, KJ_JOBS, id, NULL);
            const char *why = kj_doc_text(doc, "reason", "");
            assert_non_null(strstr(why, "not sent: opt-out of "));
            assert_non_null(strstr(why, "by letter: \"no more\""));
            bson_destroy(doc);
        }
        world_close(world);
    }
}

// "Stop" written back is a refusal with its evidence.
static void test_stop_in_a_message_is_a_refusal(void **state)
{
    static const struct {
        const char *text;
        size_t refusals;
    } k_rows[] = {{"STOP", 1}, {"Bitte rufen Sie mich nicht mehr an.", 1}, {"Yes, please", 0}};
    (void)state;
    for (size_t i = 0; i < KJ_COUNT(k_rows); i++) {
        struct world *world = world_open();
        struct answer answer =
            world_port(world, "emit",
                       json("{\"name\": \"message.received\", \"data\": {\"message_id\": \"in1\", "
                            "\"provider\": \"whatsapp\", \"from\": \"%s\", \"text\": \"%s\"}}",
                            k_anna, k_rows[i].text));
        assert_int_equal(answer.status, KJ_OK);
        answer_clear(&answer);
        bson_t *number = world_get(world, KJ_NUMBERS, 0, k_anna);
        assert_int_equal(number ? kj_doc_count(number, "refusals") : 0, k_rows[i].refusals);
        if (k_rows[i].refusals) {
            assert_string_equal(kj_doc_text(number, "refusals.0.evidence", ""), k_rows[i].text);
            assert_string_equal(kj_doc_text(number, "refusals.0.source", ""), "in1");
        }
        kj_doc_clear(&number);
        world_call(world, k_anna, NULL);
        world_pass(world, HOUR);
        assert_int_equal(world->ring_count, k_rows[i].refusals ? 0 : 1);
        world_close(world);
    }
}

// --- an appointment: booked by the engine when the rules say so; what waits for it follows ---

static const char k_visit[] =
    "{\"appointment\": {\"verb\": \"calendar.book\", \"at\": \"2026-03-05T10:00:00Z\", "
    "\"duration_minutes\": 30, \"title\": \"a visit\"%s}, \"template\": {\"name\": "
    "\"visit_confirmed\", "
    "\"language\": \"de\", \"after\": \"appointment\"}}";

static struct world *open_visit(char *plan, size_t size, const char *book, enum kejue_class reply)
{
    struct world *world = world_open();
    snprintf(plan, size, k_visit, book);
    world->plan = plan;
    world->verbs[0] = (struct fake_verb){
        .name = "calendar.book", .replies = {reply}, .result = "{\"id\": \"v1\"}"};
    world->verbs[1] = (struct fake_verb){.name = "whatsapp.send_template",
                                         .flags = KEJUE_MONEY,
                                         .result = "{\"message_id\": \"m1\"}"};
    world_call(world, k_anna, NULL);
    return world;
}

static void test_an_appointment_is_booked_then_confirmed(void **state)
{
    static const struct {
        const char *book;
        enum kejue_class reply;
        size_t booked, confirmed;
    } k_rows[] = {
        {", \"book\": true", KEJUE_OK, 1, 1},
        {", \"book\": true", KEJUE_CALLER, 1, 0}, // the slot is taken: nothing is confirmed
        {", \"book\": true", KEJUE_UNKNOWN, 1, 0},
        {"", KEJUE_OK, 0, 0}, // a hook's business
    };
    char plan[512];
    (void)state;
    for (size_t i = 0; i < KJ_COUNT(k_rows); i++) {
        struct world *world = open_visit(plan, sizeof plan, k_rows[i].book, k_rows[i].reply);
        world_pass(world, HOUR);
        assert_int_equal(sent_of(world, "calendar.book"), k_rows[i].booked);
        assert_int_equal(sent_of(world, "whatsapp.send_template"), k_rows[i].confirmed);
        if (k_rows[i].booked == 0)
            assert_text(world, KJ_JOBS, 1, "held", "visit_confirmed");
        world_close(world);
    }
}

// Whatever fails or ends in between: booked once, confirmed at most once, and only what was booked.
static void test_an_appointment_and_crashes(void **state)
{
    char plan[512];
    (void)state;
    for (int64_t at = 1; at <= 16; at++)
        for (int how = 0; how < 2; how++) {
            struct world *world = open_visit(plan, sizeof plan, ", \"book\": true", KEJUE_OK);
            while (sent_of(world, "calendar.book") == 0)
                world_pass(world, 10);
            world->faults.steps = world->faults.requests = 0;
            if (how)
                world->faults.fail_from = world->faults.fail_until = at;
            else
                world->faults.crash_at = at;
            world_pass(world, HOUR);
            assert_int_equal(sent_of(world, "calendar.book"), 1);
            assert_true(sent_of(world, "whatsapp.send_template") <= 1);
            if (how)
                assert_int_equal(sent_of(world, "whatsapp.send_template"), 1);
            assert_sound(world, true);
            world_close(world);
        }
}

// --- hooks ---

static int64_t put_hook(struct world *world)
{
    bson_t *payload = json("{\"hook\": \"h.lua:1\", \"event\": {\"name\": \"x\"}}");
    int64_t now = world_now(world);
    int64_t id = world_put(world, KJ_JOBS, kj_job_new("hook", "hook:h:1", now, 50, payload, now));
    kj_queue_wake(world->engine->queue, "hook", now);
    bson_destroy(payload);
    return id;
}

static struct world *open_hooks(uint32_t flags)
{
    struct world *world = open_with(KEJUE_OK, KEJUE_OK, flags);
    world->verbs[0].name = "calendar.find";
    world->verbs[1] = (struct fake_verb){.name = "calendar.book", .flags = flags};
    world->hook_steps[0] = (struct fake_step){"calendar.find", "calendar.find", NULL};
    world->hook_steps[1] =
        (struct fake_step){"state", "host.state.put", "{\"key\": \"k\", \"value\": {\"a\": 1}}"};
    world->hook_steps[2] = (struct fake_step){"visit", "calendar.book", NULL};
    return world;
}

static void test_hook_records_its_steps(void **state)
{
    struct world *world = open_hooks(0);
    (void)state;
    int64_t job = put_hook(world);
    world_pass(world, MINUTE);
    assert_text(world, KJ_JOBS, job, "state", "done");
    bson_t *doc = world_get(world, KJ_JOBS, job, NULL);
    assert_int_equal(kj_doc_count(doc, "steps"), 3);
    assert_true(kj_doc_bool(doc, "steps.visit.ok", false));
    bson_destroy(doc);
    assert_int_equal(world->sent_count, 2);
    assert_string_equal(world->sent[1].key, "hook:h:1:visit");
    assert_text(world, KJ_PLUGIN_STATE, 1, "key", "script:k");
    assert_sound(world, true);
    world_close(world);
}

// The host ends at any step: answers are not asked for again, lost steps park.
// A hook is told so, and nothing leaves.
static void test_a_hook_reaches_nobody_who_refused(void **state)
{
    (void)state;
    for (int refused = 0; refused < 2; refused++) {
        struct world *world = world_open();
        world->verbs[0] = (struct fake_verb){.name = "whatsapp.send_text", .flags = KEJUE_MONEY};
        world->hook_steps[0] = (struct fake_step){"m", "whatsapp.send_text",
                                                  "{\"to\": \"+493012345678\", \"text\": \"x\"}"};
        if (refused)
            refuse(world, k_anna);
        int64_t job = put_hook(world);
        world_pass(world, HOUR);
        assert_int_equal(world->sent_count, !refused);
        if (refused)
            assert_text(world, KJ_JOBS, job, "steps.m.error.code", "refused");
        assert_text(world, KJ_JOBS, job, "state", "done");
        world_close(world);
    }
}

static void test_hook_and_crash(void **state)
{
    (void)state;
    for (int safe = 0; safe < 2; safe++)
        for (int64_t at = 1; at <= 20; at++)
            for (int after = 0; after < 2; after++) {
                struct world *world = open_hooks(safe ? KEJUE_IDEMPOTENT : 0);
                int64_t job = put_hook(world);
                world->faults.steps = 0;
                world->faults.crash_at = at;
                world->faults.crash_after = after;
                world_pass(world, HOUR);
                bson_t *doc = world_get(world, KJ_JOBS, job, NULL);
                bool parked = kj_streq(kj_doc_text(doc, "state", ""), "parked");
                bson_destroy(doc);
                if (!parked)
                    assert_text(world, KJ_JOBS, job, "state", "done");
                assert_false(safe && parked);
                if (!safe)
                    assert_true(sent_of(world, "calendar.find") <= 1 &&
                                sent_of(world, "calendar.book") <= 1);
                assert_true(parked || sent_of(world, "calendar.book") >= 1);
                assert_sound(world, true);
                world_close(world);
            }
}

static void test_hook_retries_what_failed(void **state)
{
    struct world *world = open_hooks(0);
    (void)state;
    world->verbs[1].replies[0] = world->verbs[1].replies[1] = KEJUE_NOT_PROCESSED;
    world->hook_retry =
        "{\"outcome\": \"retry\", \"retry_after_ms\": 120000, \"attempts\": 5, \"reason\": \"r\"}";
    int64_t job = put_hook(world);
    world_pass(world, MINUTE);
    assert_text(world, KJ_JOBS, job, "state", "waiting");
    assert_text(world, KJ_JOBS, job, "reason", "r");
    world_pass(world, HOUR);
    assert_text(world, KJ_JOBS, job, "state", "done");
    assert_int_equal(sent_of(world, "calendar.find"), 1);
    assert_int_equal(sent_of(world, "calendar.book"), 3);
    world_close(world);
}

static void test_hook_gives_up(void **state)
{
    struct world *world = open_hooks(0);
    (void)state;
    for (int i = 0; i < 8; i++)
        world->verbs[1].replies[i] = KEJUE_NOT_PROCESSED;
    world->hook_retry = "{\"outcome\": \"retry\", \"retry_after_ms\": 60000, \"attempts\": 3}";
    int64_t job = put_hook(world);
    world_pass(world, DAY);
    assert_text(world, KJ_JOBS, job, "state", "dead");
    assert_int_equal(sent_of(world, "calendar.book"), 3);
    world_close(world);
    world = open_hooks(0);
    world->verbs[0].replies[0] = KEJUE_NOT_PROCESSED;
    world->hook_retry =
        "{\"outcome\": \"retry\", \"retry_after_ms\": 7200000, \"expires_ms\": 3600000}";
    job = put_hook(world);
    world_pass(world, DAY);
    assert_text(world, KJ_JOBS, job, "state", "failed");
    world_close(world);
}

// A retry does not send again what may have been carried out.
static void test_hook_retry_after_a_lost_answer_parks(void **state)
{
    struct world *world = open_hooks(0);
    (void)state;
    world->verbs[1].replies[0] = KEJUE_UNKNOWN;
    world->hook_retry = "{\"outcome\": \"retry\", \"retry_after_ms\": 60000, \"attempts\": 3}";
    int64_t job = put_hook(world);
    world_pass(world, HOUR);
    assert_text(world, KJ_JOBS, job, "state", "parked");
    assert_int_equal(sent_of(world, "calendar.book"), 1);
    world_close(world);
}

static void test_hook_and_a_store_that_fails(void **state)
{
    (void)state;
    for (int64_t at = 1; at <= 12; at++) {
        struct world *world = open_hooks(0);
        int64_t job = put_hook(world);
        world->faults.requests = 0;
        world->faults.fail_from = at;
        world->faults.fail_until = at + 2;
        world->hook_retry = "{\"outcome\": \"retry\", \"retry_after_ms\": 60000}";
        world_pass(world, HOUR);
        assert_text(world, KJ_JOBS, job, "state", "done");
        assert_int_equal(world->sent_count, 2);
        assert_sound(world, true);
        world_close(world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_class_has_its_verdict),
        cmocka_unit_test(test_retries_as_the_rule_says),
        cmocka_unit_test(test_expires),
        cmocka_unit_test(test_no_plugin_offers_it),
        cmocka_unit_test(test_crash_while_it_is_sent),
        cmocka_unit_test(test_a_message_is_sent_once),
        cmocka_unit_test(test_a_refusal_stops_every_channel),
        cmocka_unit_test(test_stop_in_a_message_is_a_refusal),
        cmocka_unit_test(test_an_appointment_is_booked_then_confirmed),
        cmocka_unit_test(test_an_appointment_and_crashes),
        cmocka_unit_test(test_hook_records_its_steps),
        cmocka_unit_test(test_a_hook_reaches_nobody_who_refused),
        cmocka_unit_test(test_hook_and_crash),
        cmocka_unit_test(test_hook_retries_what_failed),
        cmocka_unit_test(test_hook_gives_up),
        cmocka_unit_test(test_hook_retry_after_a_lost_answer_parks),
        cmocka_unit_test(test_hook_and_a_store_that_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
