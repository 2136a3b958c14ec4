// Whatever happens to the host or its store, at whatever step: nobody is called twice, no job is
// lost, nothing stays taken.
#include "fake_world.h"

static const char k_anna[] = "+493012345678", k_bert[] = "+493012345679";

// Anna talks; Bert is busy and talks a day later. Each talk has an effect and a hook.
static const struct fake_call k_calls[] = {
    {.disposition = "completed"}, {.disposition = "busy"}, {.disposition = "completed"}};

static const char k_plan[] =
    "{\"success\": \"Interested\", \"effects\": [{\"key\": \"crm\", \"verb\": \"crm.upsert\", "
    "\"args\": {\"x\": 1}}]}";

static struct world *open_scene(void)
{
    struct world *world = world_open_raw();
    world->calls = k_calls;
    world->call_count = KJ_COUNT(k_calls);
    world->plan = k_plan;
    world->verbs[0] = (struct fake_verb){.name = "crm.upsert", .flags = KEJUE_IDEMPOTENT};
    world->verbs[1] = (struct fake_verb){.name = "calendar.book"};
    world->verbs[1].repeat = KEJUE_REPEAT_UNIQUE;
    world->hook_event = "call.analyzed";
    world->hook_steps[0] = (struct fake_step){"visit.day", "calendar.book", NULL};
    world_live(world);
    world_pass(world, 0);
    world_call(world, k_anna, NULL);
    world_call(world, k_bert, NULL);
    world->faults.steps = world->faults.requests = 0;
    return world;
}

static void count_jobs(struct world *world, const char *kind, size_t *all, size_t *done)
{
    bson_iter_t at, in;
    bson_t *jobs = world_all(world, KJ_JOBS);
    *all = *done = 0;
    for (bson_iter_init(&at, jobs); bson_iter_next(&at);) {
        bool is = bson_iter_recurse(&at, &in) && bson_iter_find(&in, "kind") &&
                  kj_streq(bson_iter_utf8(&in, NULL), kind);
        *all += is;
        *done += is && bson_iter_recurse(&at, &in) && bson_iter_find(&in, "state") &&
                 kj_streq(bson_iter_utf8(&in, NULL), "done");
    }
    bson_destroy(jobs);
}

// The scene is over: both were reached in the end, and it is all written down once.
static void assert_over(struct world *world, const char *what)
{
    size_t all, done;
    static const char *const k_kinds[] = {"call", "effect", "hook"};
    assert_sound(world, true);
    for (size_t i = 0; i < KJ_COUNT(k_kinds); i++) {
        count_jobs(world, k_kinds[i], &all, &done);
        if (done != all || all < 2)
            fail_msg("%s: %zu of %zu jobs of kind %s are done", what, done, all, k_kinds[i]);
    }
    // One decision per attempt, counted once on the lead.
    bson_t *decisions = world_all(world, KJ_DECISIONS);
    assert_int_equal(bson_count_keys(decisions),
                     int_of(world, KJ_LEADS, 1, "contact_attempts") +
                         int_of(world, KJ_LEADS, 2, "contact_attempts"));
    bson_destroy(decisions);
    if (rings_of(world, k_anna) == 0 || rings_of(world, k_bert) == 0)
        fail_msg("%s: somebody was never called", what);
}

// How many steps and requests does the scene take undisturbed?
static void measure(int64_t *steps, int64_t *requests)
{
    struct world *world = open_scene();
    world_pass(world, 4 * DAY);
    assert_over(world, "undisturbed");
    assert_int_equal(world->ring_count, 3);
    assert_int_equal(world->lives, 1);
    *steps = world->faults.steps;
    *requests = world->faults.requests;
    world_close(world);
}

static void crash_everywhere(bool after, int64_t down_ms, bool resend)
{
    int64_t steps, requests;
    char what[96];
    measure(&steps, &requests);
    assert_true(steps > 60);
    for (int64_t at = 1; at <= steps; at++) {
        struct world *world = open_scene();
        snprintf(what, sizeof what, "crash %s step %d", after ? "after" : "before", (int)at);
        world->faults.crash_at = at;
        world->faults.crash_after = after;
        world->faults.down_ms = down_ms;
        world->resend = resend;
        world_pass(world, 8 * DAY);
        assert_int_equal(world->lives, 2);
        assert_over(world, what);
        // Cut off at most once: at most one attempt may have come to nothing and be made up for.
        assert_true(world->ring_count >= 3 && world->ring_count <= 4);
        world_close(world);
    }
}

static void test_crash_before_every_step(void **state)
{
    (void)state;
    crash_everywhere(false, 1000, false);
}

static void test_crash_after_every_step(void **state)
{
    (void)state;
    crash_everywhere(true, 1000, false);
}

static void test_crash_with_a_long_pause(void **state)
{
    (void)state;
    crash_everywhere(true, 10 * MINUTE, true);
}

static void test_store_fails_once_everywhere(void **state)
{
    int64_t steps, requests;
    char what[64];
    (void)state;
    measure(&steps, &requests);
    for (int64_t at = 1; at <= requests; at++) {
        struct world *world = open_scene();
        snprintf(what, sizeof what, "request %d fails", (int)at);
        world->faults.fail_from = world->faults.fail_until = at;
        world->resend = true;
        world_pass(world, 8 * DAY);
        assert_int_equal(world->lives, 1);
        assert_over(world, what);
        world_close(world);
    }
}

// Three days without a store, beginning at each request: nothing dies of it.
static void test_store_goes_away_everywhere(void **state)
{
    int64_t steps, requests;
    char what[64];
    (void)state;
    measure(&steps, &requests);
    for (int64_t at = 1; at <= requests; at += 3) {
        struct world *world = open_scene();
        snprintf(what, sizeof what, "away from request %d", (int)at);
        world->faults.fail_from = at;
        world->faults.fail_until = at + 40; // some of each: repeated writes, stalls, claims
        world->resend = true;
        world_pass(world, 12 * DAY);
        assert_over(world, what);
        world_close(world);
    }
}

static void test_long_outage_kills_no_job(void **state)
{
    struct world *world = open_scene();
    (void)state;
    world->resend = true;
    world_pass(world, 10000); // in the midst of both calls
    world->faults.away_until = world_now(world) + 2 * DAY;
    world_pass(world, 12 * DAY);
    assert_int_equal(world->lives, 1);
    assert_over(world, "outage");
    world_close(world);
}

// Crashes and failures by chance, again and again, for twenty days; then all must be at its end.
static void test_by_chance(void **state)
{
    (void)state;
    const char *wanted = getenv("WORLD_SEEDS");
    int seeds = wanted ? atoi(wanted) : 60;
    for (int seed = 1; seed <= seeds; seed++) {
        struct world *world = open_scene();
        char what[48];
        snprintf(what, sizeof what, "seed %d", seed);
        kj_rng_keyed(&world->faults.rng, (uint64_t)seed, "faults", 0);
        world->faults.crash_one_in = 5 + seed % 40;
        world->faults.fail_one_in = seed % 3 ? 10 : 0;
        world->resend = seed % 2;
        world->faults.down_ms = 500 * (seed % 7);
        world_pass(world, 3 * DAY);
        assert_sound(world, false);
        world->faults.crash_one_in = world->faults.fail_one_in = 0;
        world_pass(world, 9 * DAY);
        world_crash(world); // a quiet start sweeps up
        world_pass(world, DAY);
        assert_sound(world, true);
        size_t all, done;
        count_jobs(world, "call", &all, &done);
        assert_int_equal(all, 2);
        world_close(world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crash_before_every_step),
        cmocka_unit_test(test_crash_after_every_step),
        cmocka_unit_test(test_crash_with_a_long_pause),
        cmocka_unit_test(test_store_fails_once_everywhere),
        cmocka_unit_test(test_store_goes_away_everywhere),
        cmocka_unit_test(test_long_outage_kills_no_job),
        cmocka_unit_test(test_by_chance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
