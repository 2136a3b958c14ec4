// Campaigns as a whole: expansion, pausing, canceling, and the end that is noticed by itself.
#include "fake_world.h"

enum { k_leads = 7 };

static int64_t put_job(struct world *world, const char *kind, int64_t campaign, const char *list)
{
    bson_t *payload = json("{\"campaign_id\": %d}", (int)campaign);
    int64_t now = world_now(world);
    kj_doc_put_text(payload, "list", list);
    int64_t id = world_put(world, KJ_JOBS, kj_job_new(kind, NULL, now, 100, payload, now));
    if (world->engine)
        kj_queue_wake(world->engine->queue, kind, now);
    bson_destroy(payload);
    return id;
}

static void put_leads(struct world *world, const char *list, int from, int count)
{
    for (int i = from; i < from + count; i++)
        world_put(world, KJ_LEADS,
                  json("{\"phone_number\": \"+4930123456%02d\", \"list\": \"%s\", \"country\": "
                       "\"DE\", \"language\": \"de\", \"status\": \"pending\"}",
                       i, list));
}

static int64_t put_campaign(struct world *world, const char *more)
{
    bson_t *campaign = json("{\"name\": \"c\", \"status\": \"active\", \"list\": \"l\", "
                            "\"group_id\": 1}"),
           *over = json("%s", more);
    int64_t id = world_put(world, KJ_CAMPAIGNS, kj_doc_with(campaign, over));
    bson_destroy(campaign);
    bson_destroy(over);
    return id;
}

static size_t call_jobs(struct world *world, const char *state)
{
    bson_iter_t at, in;
    bson_t *jobs = world_all(world, KJ_JOBS);
    size_t count = 0;
    for (bson_iter_init(&at, jobs); bson_iter_next(&at);) {
        bool call = bson_iter_recurse(&at, &in) && bson_iter_find(&in, "kind") &&
                    kj_streq(bson_iter_utf8(&in, NULL), "call");
        count += call && bson_iter_recurse(&at, &in) && bson_iter_find(&in, "state") &&
                 (state == NULL || kj_streq(bson_iter_utf8(&in, NULL), state));
    }
    bson_destroy(jobs);
    return count;
}

static void test_from_start_to_end(void **state)
{
    struct world *world = world_open();
    (void)state;
    put_leads(world, "l", 10, k_leads);
    put_leads(world, "other", 30, 2);
    int64_t campaign = put_campaign(world, "{}");
    put_job(world, "campaign.expand", campaign, NULL);
    world_pass(world, HOUR);
    assert_int_equal(world->ring_count, k_leads);
    assert_text(world, KJ_CAMPAIGNS, campaign, "status", "completed");
    assert_int_equal(int_of(world, KJ_CAMPAIGNS, campaign, "calls_scheduled"), k_leads);
    assert_non_null(strstr(world->events, "campaign.progress"));
    assert_non_null(strstr(world->events, "campaign.ended"));
    assert_sound(world, true);
    world_close(world);
}

static void test_expansion_is_harmless_to_repeat(void **state)
{
    struct world *world = world_open();
    (void)state;
    put_leads(world, "l", 10, k_leads);
    int64_t campaign = put_campaign(world, "{}");
    put_job(world, "campaign.expand", campaign, NULL);
    world_pass(world, 10000);
    put_job(world, "campaign.expand", campaign, NULL);
    put_leads(world, "more", 40, 2);
    put_job(world, "campaign.expand", campaign, "more");
    world_pass(world, HOUR);
    assert_int_equal(call_jobs(world, NULL), k_leads + 2);
    assert_int_equal(world->ring_count, k_leads + 2);
    assert_int_equal(int_of(world, KJ_CAMPAIGNS, campaign, "calls_scheduled"), k_leads + 2);
    world_close(world);
}

static void test_named_leads_and_none(void **state)
{
    struct world *world = world_open();
    (void)state;
    put_leads(world, "x", 10, 5);
    int64_t named = put_campaign(world, "{\"lead_ids\": [2, 4, 99]}");
    int64_t empty = put_campaign(world, "{\"list\": \"nobody\"}");
    put_job(world, "campaign.expand", named, NULL);
    put_job(world, "campaign.expand", empty, NULL);
    int64_t gone = put_job(world, "campaign.expand", 999, NULL);
    world_pass(world, HOUR);
    assert_int_equal(world->ring_count, 2);
    assert_text(world, KJ_CAMPAIGNS, named, "status", "completed");
    assert_text(world, KJ_CAMPAIGNS, empty, "status", "completed");
    assert_text(world, KJ_JOBS, gone, "state", "failed");
    world_close(world);
}

// Effects belong to the campaign: it ends behind the last of them.
static void test_ends_behind_its_last_effect(void **state)
{
    struct world *world = world_open();
    (void)state;
    world->plan = "{\"effects\": [{\"key\": \"crm\", \"verb\": \"crm.upsert\", \"args\": {}, "
                  "\"retry\": [\"2h\"]}]}";
    world->verbs[0] = (struct fake_verb){.name = "crm.upsert",
                                         .flags = KEJUE_IDEMPOTENT,
                                         .replies = {KEJUE_NOT_PROCESSED, KEJUE_OK}};
    put_leads(world, "l", 10, 1);
    int64_t campaign = put_campaign(world, "{}");
    put_job(world, "campaign.expand", campaign, NULL);
    world_pass(world, HOUR);
    assert_int_equal(call_jobs(world, "done"), 1);
    assert_text(world, KJ_CAMPAIGNS, campaign, "status", "active");
    world_pass(world, 2 * HOUR);
    assert_text(world, KJ_CAMPAIGNS, campaign, "status", "completed");
    world_close(world);
}

static void test_paused_resumed(void **state)
{
    struct world *world = world_open();
    (void)state;
    put_leads(world, "l", 10, k_leads);
    int64_t campaign = put_campaign(world, "{}");
    world_change(world, KJ_CAMPAIGNS, campaign, json("{\"status\": \"paused\"}"));
    put_job(world, "campaign.expand", campaign, NULL);
    world_pass(world, 3 * HOUR);
    assert_int_equal(world->ring_count, 0);
    assert_int_equal(call_jobs(world, "waiting"), k_leads);
    world_change(world, KJ_CAMPAIGNS, campaign, json("{\"status\": \"active\"}"));
    put_job(world, "campaign.wake", campaign, NULL);
    world_pass(world, 5 * MINUTE);
    assert_int_equal(world->ring_count, k_leads);
    assert_text(world, KJ_CAMPAIGNS, campaign, "status", "completed");
    world_close(world);
}

static void test_canceled(void **state)
{
    struct world *world = world_open();
    (void)state;
    put_leads(world, "l", 10, k_leads);
    int64_t campaign = put_campaign(
        world, "{\"schedule\": {\"windows\": [{\"from\": \"15:00\", \"to\": \"16:00\"}]}}");
    put_job(world, "campaign.expand", campaign, NULL);
    world_pass(world, HOUR);
    assert_int_equal(call_jobs(world, "waiting"), k_leads);
    world_change(world, KJ_CAMPAIGNS, campaign, json("{\"status\": \"canceled\"}"));
    put_job(world, "campaign.wake", campaign, NULL);
    world_pass(world, MINUTE);
    assert_int_equal(call_jobs(world, "failed"), k_leads);
    assert_text(world, KJ_JOBS, 2, "outcome", "canceled");
    assert_int_equal(world->ring_count, 0);
    world_close(world);
}

static void test_its_period_ends(void **state)
{
    struct world *world = world_open();
    (void)state;
    put_leads(world, "l", 10, 2);
    int64_t campaign =
        put_campaign(world, "{\"schedule\": {\"starts_at\": \"2026-03-02T10:00:00Z\", "
                            "\"ends_at\": \"2026-03-02T11:00:00Z\", \"windows\": [{\"from\": "
                            "\"15:00\", \"to\": \"16:00\"}]}}");
    put_job(world, "campaign.expand", campaign, NULL);
    world_pass(world, 4 * HOUR);
    assert_int_equal(world->ring_count, 0);
    assert_int_equal(call_jobs(world, "failed"), 2);
    assert_text(world, KJ_CAMPAIGNS, campaign, "status", "completed");
    world_close(world);
}

static void test_so_many_at_once(void **state)
{
    static const struct fake_call k_calls[] = {{.call_ms = 5 * MINUTE}};
    struct world *world = world_open();
    (void)state;
    world->calls = k_calls;
    world->call_count = 1;
    put_leads(world, "l", 10, k_leads);
    int64_t campaign = put_campaign(world, "{\"limits\": {\"max_concurrent\": 2}}");
    put_job(world, "campaign.expand", campaign, NULL);
    for (int minute = 0; minute < 40; minute++) {
        size_t live = 0;
        world_pass(world, MINUTE);
        for (size_t i = 0; i < world->ring_count; i++)
            live += world->rings[i].ends_at > world_now(world);
        assert_true(live <= 2);
    }
    assert_text(world, KJ_CAMPAIGNS, campaign, "status", "completed");
    assert_int_equal(world->ring_count, k_leads);
    world_close(world);
}

// Cut off or failing at any step, from the expansion to the end: each lead once, and it ends.
static void disturb(int64_t at, int how)
{
    struct world *world = world_open();
    put_leads(world, "l", 10, 2);
    int64_t campaign = put_campaign(world, "{}");
    world->resend = true;
    world->faults.steps = world->faults.requests = 0;
    if (how == 0)
        world->faults.fail_from = world->faults.fail_until = at;
    else
        world->faults.crash_at = at;
    world->faults.crash_after = how == 2;
    put_job(world, "campaign.expand", campaign, NULL);
    world_pass(world, 2 * DAY);
    assert_text(world, KJ_CAMPAIGNS, campaign, "status", "completed");
    assert_int_equal(call_jobs(world, "done"), 2);
    assert_int_equal(int_of(world, KJ_CAMPAIGNS, campaign, "calls_scheduled"), 2);
    assert_sound(world, true);
    world_close(world);
}

static void test_disturbed_at_every_step(void **state)
{
    (void)state;
    for (int64_t at = 1; at <= 90; at++)
        for (int how = 0; how < 3; how++)
            disturb(at, how);
}

// --- preselection: the pack's word before the first call ---

static struct world *open_selecting(const char *about, const char *plan)
{
    struct world *world = world_open_raw();
    world->about = about;
    world->plan = plan;
    world_live(world);
    world_pass(world, 0);
    return world;
}

static int64_t start_selected(struct world *world)
{
    int64_t lead =
        world_put(world, KJ_LEADS,
                  json("{\"phone_number\": \"+493012345678\", \"list\": \"L\", \"country\": "
                       "\"DE\", \"timezone\": \"Europe/Berlin\"}"));
    int64_t campaign = world_put(
        world, KJ_CAMPAIGNS, json("{\"name\": \"C\", \"status\": \"active\", \"group_id\": 1}"));
    bson_t *job = kj_job_new("call", "campaign:x", world_now(world), 50, NULL, world_now(world));
    kj_doc_put_int(job, "campaign_id", campaign);
    kj_doc_put_int(job, "lead_id", lead);
    kj_doc_put_int(job, "group_id", 1);
    kj_doc_put_text(job, "stage", "admit");
    kj_doc_put_text(job, "to", "+493012345678");
    int64_t id = world_put(world, KJ_JOBS, job);
    kj_queue_wake(world->engine->queue, "call", world_now(world));
    return id;
}

static const char k_selects[] = "{\"name\": \"p\", \"preselection\": true}";

static void test_preselection_approves_and_overwrites(void **state)
{
    (void)state;
    struct world *world = open_selecting(
        k_selects, "{\"preselection\": {\"decision\": \"approved\", \"reason\": \"in "
                   "trade\", \"overwrites\": {\"first_message\": \"Hello Ada\", \"topic\": "
                   "\"solar\"}}}");
    int64_t job = start_selected(world);
    world_pass(world, 10 * MINUTE);
    assert_text(world, KJ_JOBS, job, "state", "done");
    assert_text(world, KJ_JOBS, job, "preselection.reason", "in trade");
    assert_int_equal(world->ring_count, 1);
    assert_string_equal(kj_doc_text(world->last_place, "first_message", ""), "Hello Ada");
    assert_string_equal(kj_doc_text(world->last_place, "context.topic", ""), "solar");
    assert_string_equal(kj_doc_text(world->last_facts, "input.topic", ""), "solar");
    assert_int_equal(world->decided, 2); // once before, once after the call
    world_close(world);
}

static void test_preselection_rejects(void **state)
{
    (void)state;
    struct world *world = open_selecting(
        k_selects, "{\"preselection\": {\"decision\": \"rejected\", \"reason\": \"too small\"}}");
    int64_t job = start_selected(world);
    world_pass(world, 10 * MINUTE);
    assert_text(world, KJ_JOBS, job, "state", "failed");
    assert_text(world, KJ_JOBS, job, "outcome", "rejected");
    assert_text(world, KJ_JOBS, job, "reason", "not selected: too small");
    assert_text(world, KJ_LEADS, 1, "status", "rejected");
    assert_int_equal(world->ring_count, 0);
    // a person has the last word
    world_change(world, KJ_JOBS, job, json("{\"state\": \"waiting\"}"));
    kj_queue_wake(world->engine->queue, "call", world_now(world));
    world_pass(world, 10 * MINUTE);
    assert_int_equal(world->ring_count, 1);
    world_close(world);
}

// Without a model the criteria decide nothing, and nothing is guessed; with one, it is asked once.
static void test_preselection_by_criteria(void **state)
{
    static const char k_about[] =
        "{\"name\": \"p\", \"preselection\": true, \"preselection_text\": \"in "
        "trade\", \"texts\": [\"in trade\"]}";
    (void)state;
    struct world *world = open_selecting(
        k_about, "{\"preselection\": {\"decision\": \"unknown\", \"reason\": \"no model\"}}");
    int64_t job = start_selected(world);
    world_pass(world, 10 * MINUTE);
    assert_text(world, KJ_JOBS, job, "state", "parked");
    assert_string_equal(kj_doc_text(world->last_facts, "answers.skipped", ""),
                        "no model is configured");
    assert_int_equal(world->ring_count, 0);
    world_close(world);

    world = world_open_raw();
    world->config.model_instance = "llm";
    world->about = k_about;
    world->plan = "{\"preselection\": {\"decision\": \"rejected\", \"reason\": \"a bakery\"}}";
    world->verbs[0] = (struct fake_verb){
        .name = "llm.complete",
        .replies = {KEJUE_NOT_PROCESSED, KEJUE_OK},
        .result = "{\"json\": {\"approved\": false, \"reason\": \"a bakery\"}, \"model\": \"m\"}"};
    world_live(world);
    world_pass(world, 0);
    job = start_selected(world);
    world_pass(world, 10 * MINUTE);
    assert_text(world, KJ_JOBS, job, "outcome", "rejected");
    assert_int_equal(world->verbs[0].asked, 2);
    assert_false(kj_doc_bool(world->last_facts, "answers.texts.in trade", true));
    assert_string_equal(kj_doc_text(world->last_facts, "answers.reason", ""), "a bakery");
    assert_string_equal(kj_doc_text(world->last_facts, "kind", ""), "preselection");
    world_close(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_from_start_to_end),
        cmocka_unit_test(test_expansion_is_harmless_to_repeat),
        cmocka_unit_test(test_named_leads_and_none),
        cmocka_unit_test(test_ends_behind_its_last_effect),
        cmocka_unit_test(test_paused_resumed),
        cmocka_unit_test(test_canceled),
        cmocka_unit_test(test_its_period_ends),
        cmocka_unit_test(test_so_many_at_once),
        cmocka_unit_test(test_disturbed_at_every_step),
        cmocka_unit_test(test_preselection_approves_and_overwrites),
        cmocka_unit_test(test_preselection_rejects),
        cmocka_unit_test(test_preselection_by_criteria),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
