// Several hosts on one store, seen from one of them: the others are documents.
#include "fake_world.h"

#include "engine/hosts.h"
#include "engine/kill_switch.h"

static const char k_anna[] = "+493012345678";
static int s_lost;
static struct kj_running *s_kept;
static int64_t s_kept_id;

static void on_lost(void *arg)
{
    (void)arg;
    s_lost++;
}

static void run_quick(void *arg, struct kj_running *running)
{
    (void)arg;
    struct kj_job_end end = {.verdict = KJ_JOB_DONE};
    kj_running_end(running, &end);
}

static void run_slow(void *arg, struct kj_running *running)
{
    (void)arg;
    s_kept = running;
}

static struct world *open_shared(bool shared)
{
    static const struct kj_job_kind k_quick = {.name = "quick", .run = run_quick};
    static const struct kj_job_kind k_slow = {.name = "slow", .run = run_slow};
    struct world *world = world_open_raw();
    s_lost = 0;
    world->front.shared = shared;
    world->config.lost = on_lost;
    world_live(world);
    kj_queue_register(world->engine->queue, &k_quick);
    kj_queue_register(world->engine->queue, &k_slow);
    world_pass(world, 0);
    return world;
}

static int64_t put_host(struct world *world, const char *name)
{
    return world_put(world, KJ_HOSTS,
                     json("{\"key\": \"%s\", \"state\": \"live\", \"epoch\": 4}", name));
}

static int64_t put_running(struct world *world, const char *kind, const char *lease)
{
    bson_t *job = kj_job_new(kind, NULL, WORLD_START, 50, NULL, WORLD_START);
    bson_t *runs = json("{\"state\": \"running\", \"host\": \"%s\", \"token\": 3}", lease);
    bson_t *both = kj_doc_with(job, runs);
    bson_destroy(job);
    bson_destroy(runs);
    return world_put(world, KJ_JOBS, both);
}

static void beat_of(struct world *world, int64_t host, int64_t ms)
{
    for (int64_t passed = 0; passed < ms; passed += 10000) {
        world_change(world, KJ_HOSTS, host, json("{\"beat\": %d}", (int)passed));
        world_pass(world, 10000);
    }
}

// --- a job that is due now ---

static const struct kj_store_class *s_class;
static size_t s_claims, s_claims_at_answer;

static void note_submit(struct kj_store *store, struct kj_store_request *request)
{
    s_claims += request->ops[0].verb == KJ_STORE_CLAIM;
    s_class->submit(store, request);
}

static void on_job(void *arg, int status, const bson_t *result, const struct kj_fault *fault)
{
    (void)arg;
    (void)fault;
    s_claims_at_answer = s_claims;
    s_kept_id = status == KJ_OK ? kj_doc_int(result, "id", 0) : 0;
}

static void submit_quick(struct world *world, struct kj_store_class *noting)
{
    s_class = world->front.class;
    *noting = *s_class;
    noting->submit = note_submit;
    world->front.class = noting;
    s_claims = s_claims_at_answer = 0;
    bson_t *request = json("{\"kind\": \"quick\"}");
    kj_intake_job(world->engine, "default", request, NULL, on_job, NULL);
    bson_destroy(request);
    world_pass(world, 0);
}

// By the time the insert is answered the claim is under way: one transaction, one flush.
static void test_a_job_due_now_is_claimed_with_its_insert(void **state)
{
    struct kj_store_class noting;
    struct world *world = open_shared(false);
    (void)state;
    submit_quick(world, &noting);
    assert_int_equal(s_claims_at_answer, 1);
    assert_text(world, KJ_JOBS, s_kept_id, "state", "done");
    world_close(world);
}

static void test_where_no_order_is_promised_it_is_claimed_after(void **state)
{
    struct kj_store_class noting;
    struct world *world = open_shared(true);
    (void)state;
    submit_quick(world, &noting);
    assert_int_equal(s_claims_at_answer, 0);
    assert_text(world, KJ_JOBS, s_kept_id, "state", "done");
    world_close(world);
}

// A full disk refuses both; each refused job shall not cost a claim too.
static void test_refused_jobs_bring_no_crowd_of_claims(void **state)
{
    struct kj_store_class noting;
    struct world *world = open_shared(false);
    (void)state;
    world->faults.away_until = world_now(world) + 500;
    submit_quick(world, &noting);
    assert_int_equal(s_kept_id, 0);
    assert_int_equal(s_claims, 1);
    for (int i = 0; i < 20; i++) {
        bson_t *request = json("{\"kind\": \"quick\"}");
        kj_intake_job(world->engine, "default", request, NULL, on_job, NULL);
        bson_destroy(request);
        world_pass(world, 30);
    }
    assert_int_equal(s_claims, 1);
    assert_int_not_equal(s_kept_id, 0); // the last ones were taken
    world_pass(world, 1000);
    assert_text(world, KJ_JOBS, s_kept_id, "state", "done");
    world_close(world);
}

static void test_each_life_raises_the_epoch(void **state)
{
    struct world *world = open_shared(false);
    (void)state;
    bson_t *host = world_get(world, KJ_HOSTS, 0, "here");
    int64_t id = kj_doc_int(host, "_id", 0);
    assert_int_equal(kj_doc_int(host, "epoch", 0), 1);
    bson_destroy(host);
    world_crash(world);
    world_pass(world, MINUTE);
    assert_int_equal(int_of(world, KJ_HOSTS, id, "epoch"), 2);
    assert_text(world, KJ_HOSTS, id, "state", "live");
    world_close(world);
}

static void test_a_store_of_its_own_needs_no_beat(void **state)
{
    struct world *world = open_shared(false);
    (void)state;
    int64_t requests = world->faults.requests;
    world_pass(world, DAY);
    assert_int_equal(world->faults.requests, requests);
    assert_true(kj_hosts_holds(world->engine));
    world_close(world);
}

static void test_a_host_that_stands_still_is_taken_over(void **state)
{
    struct world *world = open_shared(true);
    (void)state;
    int64_t other = put_host(world, "other"), job = put_running(world, "quick", "other#4");
    world_pass(world, 10000);
    assert_int_equal(kj_hosts_alive(world->engine), 2);
    world_pass(world, 15000);
    assert_text(world, KJ_JOBS, job, "host", "other#4");
    assert_string_equal(world->adopted, "");
    world_pass(world, 30000);
    assert_string_equal(world->adopted, "other"); // what it left of events, at once
    world->adopted[0] = 0;
    world_pass(world, MINUTE + 10000);
    assert_string_equal(world->adopted, "other"); // and again: a late write may have left more
    assert_text(world, KJ_HOSTS, other, "state", "ended");
    assert_text(world, KJ_HOSTS, other, "taken_by", "here");
    assert_int_equal(int_of(world, KJ_HOSTS, other, "epoch"), 5);
    assert_text(world, KJ_JOBS, job, "state", "done");
    assert_int_equal(kj_hosts_alive(world->engine), 1);
    world_close(world);
}

static void test_a_host_that_beats_is_left_alone(void **state)
{
    struct world *world = open_shared(true);
    (void)state;
    int64_t other = put_host(world, "other"), job = put_running(world, "quick", "other#4");
    beat_of(world, other, 5 * MINUTE);
    assert_text(world, KJ_HOSTS, other, "state", "live");
    assert_text(world, KJ_JOBS, job, "state", "running");
    world_close(world);
}

static void test_jobs_of_an_older_epoch_are_nobodys(void **state)
{
    struct world *world = open_shared(true);
    (void)state;
    int64_t other = put_host(world, "other");
    int64_t old = put_running(world, "quick", "other#3");
    // The answer to our own claim was lost: it runs, and nobody runs it.
    int64_t own = put_running(world, "quick", "here#1");
    beat_of(world, other, 90000);
    assert_text(world, KJ_JOBS, old, "state", "done");
    assert_text(world, KJ_JOBS, own, "state", "done");
    world_close(world);
}

static void test_who_was_taken_over_ends(void **state)
{
    struct world *world = open_shared(true);
    (void)state;
    bson_t *host = world_get(world, KJ_HOSTS, 0, "here");
    world_change(world, KJ_HOSTS, kj_doc_int(host, "_id", 0),
                 json("{\"state\": \"ended\", \"epoch\": 2, \"taken_by\": \"other\"}"));
    bson_destroy(host);
    world_pass(world, MINUTE);
    assert_int_equal(s_lost, 1);
    assert_false(kj_hosts_holds(world->engine));
    int64_t job = world_call(world, k_anna, NULL);
    world_pass(world, HOUR);
    assert_text(world, KJ_JOBS, job, "state", "waiting");
    assert_int_equal(world->ring_count, 0);
    world_close(world);
}

// Its beats fail: it must stop before the others may take over.
static void test_without_beats_nothing_is_dialed(void **state)
{
    struct world *world = open_shared(true);
    (void)state;
    world->faults.away_until = world_now(world) + 26000;
    world_pass(world, 24000);
    assert_true(kj_hosts_holds(world->engine));
    world_pass(world, 1500);
    assert_false(kj_hosts_holds(world->engine));
    world_pass(world, 10000);
    assert_true(kj_hosts_holds(world->engine)); // nobody took over
    world_close(world);
}

static void mark_drained(void *arg)
{
    *(bool *)arg = true;
}

static void test_drain_hands_back(void **state)
{
    struct world *world = open_shared(true);
    bool drained = false;
    (void)state;
    int64_t job =
        world_put(world, KJ_JOBS, kj_job_new("slow", NULL, WORLD_START, 50, NULL, WORLD_START));
    kj_queue_wake(world->engine->queue, "slow", 0);
    world_pass(world, 1000);
    assert_text(world, KJ_JOBS, job, "host", "here#1");
    kj_engine_drain(world->engine, 5000, mark_drained, &drained);
    world_pass(world, 4000);
    assert_false(drained);
    world_pass(world, 2000);
    assert_true(drained);
    assert_text(world, KJ_JOBS, job, "state", "waiting");
    bson_t *host = world_get(world, KJ_HOSTS, 0, "here");
    assert_string_equal(kj_doc_text(host, "state", ""), "ended");
    bson_destroy(host);
    world_close(world);
}

static void test_the_kill_switch_outlives_a_restart(void **state)
{
    struct world *world = open_shared(false);
    struct answer answer = {0};
    (void)state;
    kj_kill_switch_set(world->engine, false, on_answer, &answer);
    assert_false(world->engine->dialing); // here at once
    world_pass(world, 0);
    assert_int_equal(answer.status, KJ_OK);
    world_crash(world);
    int64_t before = world->lives;
    world_pass(world, MINUTE);
    assert_int_equal(world->lives, before + 1);
    assert_false(world->engine->dialing);
    int64_t job = world_call(world, k_anna, NULL);
    world_pass(world, HOUR);
    assert_int_equal(world->ring_count, 0);
    kj_kill_switch_set(world->engine, true, on_answer, &answer);
    world_pass(world, 10 * MINUTE);
    assert_text(world, KJ_JOBS, job, "state", "done");
    assert_int_equal(world->ring_count, 1);
    answer_clear(&answer);
    world_close(world);
}

// Another host switched it off: told by the next beat.
static void test_the_kill_switch_reaches_all_hosts(void **state)
{
    struct world *world = open_shared(true);
    (void)state;
    int64_t trunk = world_put(world, KJ_LIMITS, json("{\"key\": \"trunk:default\"}"));
    world_change(world, KJ_LIMITS, trunk, json("{\"stopped\": true}"));
    int64_t job = world_call(world, k_anna, NULL);
    world_pass(world, 5 * MINUTE);
    assert_false(world->engine->dialing);
    assert_int_equal(world->ring_count, 0);
    world_change(world, KJ_LIMITS, trunk, json("{\"stopped\": false}"));
    world_pass(world, 5 * MINUTE);
    assert_text(world, KJ_JOBS, job, "state", "done");
    world_close(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_job_due_now_is_claimed_with_its_insert),
        cmocka_unit_test(test_where_no_order_is_promised_it_is_claimed_after),
        cmocka_unit_test(test_refused_jobs_bring_no_crowd_of_claims),
        cmocka_unit_test(test_each_life_raises_the_epoch),
        cmocka_unit_test(test_a_store_of_its_own_needs_no_beat),
        cmocka_unit_test(test_a_host_that_stands_still_is_taken_over),
        cmocka_unit_test(test_a_host_that_beats_is_left_alone),
        cmocka_unit_test(test_jobs_of_an_older_epoch_are_nobodys),
        cmocka_unit_test(test_who_was_taken_over_ends),
        cmocka_unit_test(test_without_beats_nothing_is_dialed),
        cmocka_unit_test(test_drain_hands_back),
        cmocka_unit_test(test_the_kill_switch_outlives_a_restart),
        cmocka_unit_test(test_the_kill_switch_reaches_all_hosts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
