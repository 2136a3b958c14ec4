// From a call that is taken in to its end: attempts, reports, look-ups, what comes next.
#include "fake_world.h"

static const char k_number[] = "+493012345678";

static void test_happy_path(void **state)
{
    struct world *world = world_open();
    (void)state;
    int64_t job = world_call(world, k_number, NULL);
    world_pass(world, 5 * MINUTE);
    assert_text(world, KJ_JOBS, job, "state", "done");
    assert_text(world, KJ_JOBS, job, "outcome", "completed");
    assert_int_equal(world->ring_count, 1);
    assert_int_equal(world->decided, 1);
    assert_sound(world, true);
    world_close(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_happy_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
