// The store is away for ten minutes, from whatever step on: nothing rings meanwhile, and five
// seconds after it is back new calls leave, also where all lines were in use and the carrier has
// told of their ends in vain.
#include "fake_world.h"

static const char k_anna[] = "+493012345678", k_bert[] = "+493012345679",
                  k_carl[] = "+493012345680";

enum { k_away_ms = 10 * 60000, k_back_ms = 5000 };

static void go_away(struct world *world)
{
    world->faults.away_until = world_now(world) + k_away_ms;
}

static struct world *open_with_lines(int lines)
{
    struct world *world = world_open_raw();
    world->config.max_calls = lines;
    world_live(world);
    world_pass(world, 0);
    return world;
}

// Steps of a scene that nothing disturbs.
static int64_t count_steps(void)
{
    struct world *world = open_with_lines(3);
    world->faults.steps = 0;
    world_call(world, k_anna, NULL);
    world_call(world, k_bert, NULL);
    world_pass(world, HOUR);
    int64_t steps = world->faults.steps;
    world_close(world);
    return steps;
}

static void test_back_within_five_seconds(void **state)
{
    int64_t steps = count_steps();
    (void)state;
    assert_true(steps > 20);
    for (int64_t step = 7; step <= steps; step++) {
        struct world *world = open_with_lines(3);
        int64_t jobs[] = {world_call(world, k_anna, NULL), world_call(world, k_bert, NULL)};
        world->at_step = step;
        world->on_step = go_away;
        world_pass(world, MINUTE);
        int64_t back = world->faults.away_until, went = back - k_away_ms;
        world_pass(world, back + k_back_ms - world_now(world));
        for (size_t i = 0; i < world->ring_count; i++)
            if (world->rings[i].at > went && world->rings[i].at < back)
                fail_msg("step %d: rang while the store was away", (int)step);
        if (rings_of(world, k_anna) != 1 || rings_of(world, k_bert) != 1)
            fail_msg("step %d: not back after five seconds", (int)step);
        world_pass(world, 30000); // a call
        for (int i = 0; i < 2; i++)
            assert_text(world, KJ_JOBS, jobs[i], "state", "done");
        assert_sound(world, true);
        world_close(world);
    }
}

// The reports of the ends were refused and do not come again; the carrier is asked.
static void test_lines_are_free_again(void **state)
{
    struct world *world = open_with_lines(2);
    (void)state;
    world_call(world, k_anna, NULL);
    world_call(world, k_bert, NULL);
    world_pass(world, 10000); // they talk
    int64_t job = world_call(world, k_carl, NULL);
    go_away(world);
    world_pass(world, k_away_ms);
    assert_int_equal(world->ring_count, 2);
    world_pass(world, k_back_ms);
    assert_int_equal(rings_of(world, k_carl), 1);
    world_pass(world, MINUTE);
    assert_text(world, KJ_JOBS, job, "state", "done");
    assert_sound(world, true);
    world_close(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_back_within_five_seconds),
        cmocka_unit_test(test_lines_are_free_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
