// Operations: ended once, whatever the plugin does.
#ifndef KJ_TEST_HOST_CASES_CALLS_H
#define KJ_TEST_HOST_CASES_CALLS_H

#include "host_world.h"

static void sample_echoes(void **state)
{
    struct world *world = *state;
    struct result result;
    struct kj_fault fault = {0};
    world_load(world, "echo", PLUGINS "/sample.so", "{}");
    world_call(world, "sample.echo", "{\"text\":\"hello\"}", &result, 0);
    assert_int_equal(result.class, KEJUE_OK);
    assert_string_equal(result.json, "{\"text\":\"> hello\"}"); // the default prefix
    world_begin(world, "sample.echo", "{\"text\":\"late\",\"wait_ms\":500}", &result);
    world_run(world, 499);
    assert_int_equal(result.count, 0);
    world_run(world, 1);
    assert_int_equal(result.count, 1);
    assert_int_equal(world_try(world, "sample.echo", "{\"text\":7}", &result, &fault), 0);
    assert_int_equal(fault.code, KJ_ESCHEMA);
    assert_non_null(strstr(fault.place, "sample.echo#"));
    assert_int_equal(world_try(world, "sample.ecco", "{}", &result, &fault), 0);
    assert_int_equal(fault.code, KJ_ENOTFOUND);
    assert_non_null(strstr(fault.hint, "sample.echo"));
    assert_int_equal(world_status(world, "echo", "calls"), 2);
}

static void places_at_a_verb_are_counted(void **state)
{
    struct world *world = *state;
    struct result first, second, third;
    world_load(world, "echo", PLUGINS "/sample.so", "{\"prefix\":\"\"}");
    world_begin(world, "sample.echo", "{\"text\":\"1\",\"wait_ms\":100}", &first);
    world_begin(world, "sample.echo", "{\"text\":\"2\",\"wait_ms\":100}", &second);
    uint64_t op = world_begin(world, "sample.echo", "{\"text\":\"3\"}", &third);
    world_run(world, 150);
    assert_int_equal(first.count, 1);
    assert_int_equal(second.count, 0);
    assert_int_equal(world_status(world, "echo", "waiting"), 1);
    kj_host_cancel(world->host, op); // still waiting: surely not begun
    world_run(world, 0);
    assert_int_equal(third.class, KEJUE_CANCELED);
    world_run(world, 50);
    assert_int_equal(second.class, KEJUE_OK);
    assert_string_equal(second.json, "{\"text\":\"2\"}");
}

static void finish_counts_once(void **state)
{
    struct world *world = *state;
    struct result result;
    world_load(world, "rogue", "rogue", "{}");
    world_call(world, "rogue.double", "{}", &result, 100);
    assert_int_equal(result.class, KEJUE_OK);
    assert_int_equal(world_status(world, "rogue", "metrics.refused"), 2);
    assert_int_equal(world_status(world, "rogue", "refused_finishes"), 2);
}

static void nobody_finishes_what_is_not_theirs(void **state)
{
    struct world *world = *state;
    struct result stolen, result;
    world_load(world, "rogue", "rogue", "{}");
    world_load(world, "echo", PLUGINS "/sample.so", "{}");
    world_begin(world, "sample.echo", "{\"text\":\"mine\",\"wait_ms\":50}", &stolen);
    world_run(world, 1);
    world_call(world, "rogue.steal", "{}", &result, 1);
    assert_int_equal(result.class, KEJUE_OK);
    assert_int_equal(stolen.count, 0);
    world_run(world, 100);
    assert_string_equal(stolen.json, "{\"text\":\"> mine\"}");
}

static void deadline_ends_what_is_never_finished(void **state)
{
    struct world *world = *state;
    struct result result;
    world_load(world, "rogue", "rogue", "{}");
    world_begin(world, "rogue.never", "{}", &result);
    world_run(world, 1999);
    assert_int_equal(result.count, 0);
    world_run(world, 1);
    assert_int_equal(result.count, 1);
    assert_int_equal(result.class, KEJUE_UNKNOWN); // it may have happened
    assert_string_equal(result.code, "timeout");
    assert_int_equal(world_status(world, "rogue", "metrics.cancels"), 1); // it was told
    assert_int_equal(world_status(world, "rogue", "open"), 0);
    // finished 4 s after its deadline: refused, and harmless for whoever has the slot now
    struct result other;
    world_call(world, "rogue.late", "{}", &result, 1000);
    assert_string_equal(result.code, "timeout");
    world_begin(world, "rogue.deaf", "{}", &other);
    world_run(world, 4500);
    assert_int_equal(world_status(world, "rogue", "metrics.refused"), 1);
    assert_int_equal(result.count, 1);
    assert_int_equal(other.count, 0);
}

static void deadline_in_the_queue_is_not_processed(void **state)
{
    struct world *world = *state;
    struct result first, second;
    world_load(world, "rogue", "rogue", "{}");
    world_begin(world, "rogue.deaf", "{}", &first); // one place, held for a minute
    bson_t empty = BSON_INITIALIZER;
    memset(&second, 0, sizeof second);
    struct kj_host_call call = {.verb = "rogue.deaf", .timeout_ms = 500, .request = &empty};
    assert_int_not_equal(kj_host_start(world->host, &call, world_done, &second, NULL), 0);
    bson_destroy(&empty);
    world_run(world, 600);
    assert_int_equal(second.class, KEJUE_NOT_PROCESSED);
    assert_int_equal(first.count, 0);
}

static void cancel_waits_for_the_plugin_but_not_long(void **state)
{
    struct world *world = *state;
    struct result result;
    world_load(world, "echo", PLUGINS "/sample.so", "{}");
    uint64_t op = world_begin(world, "sample.echo", "{\"text\":\"x\",\"wait_ms\":500}", &result);
    world_run(world, 1);
    kj_host_cancel(world->host, op);
    assert_int_equal(result.count, 0); // never from inside a call to the host
    world_run(world, 0);
    assert_int_equal(result.class, KEJUE_CANCELED);
    kj_host_cancel(world->host, op); // unknown by now
    world_load(world, "rogue", "rogue", "{}");
    op = world_begin(world, "rogue.deaf", "{}", &result);
    world_run(world, 1);
    kj_host_cancel(world->host, op);
    kj_host_cancel(world->host, op);
    world_run(world, KJ_HOST_GRACE_MS - 1);
    assert_int_equal(result.count, 0);
    world_run(world, 1);
    assert_int_equal(result.count, 1);
    assert_int_equal(result.class, KEJUE_UNKNOWN);
    assert_string_equal(result.code, "canceled");
    assert_int_equal(world_status(world, "rogue", "metrics.cancels"), 1);
}

static void wrong_answers_become_unknown(void **state)
{
    struct world *world = *state;
    struct result result;
    world_load(world, "rogue", "rogue", "{}");
    world_call(world, "rogue.wrong", "{}", &result, 10);
    assert_int_equal(result.class, KEJUE_UNKNOWN);
    assert_string_equal(result.code, "bad_response");
    assert_non_null(strstr(result.text, "rogue.wrong"));
    assert_int_equal(world_status(world, "rogue", "bad_responses"), 1);
    world_call(world, "rogue.garbage", "{}", &result, 10);
    assert_int_equal(result.class, KEJUE_UNKNOWN);
    assert_string_equal(result.code, "bad_document");
    world_call(world, "rogue.unbuilt", "{}", &result, 10);
    assert_string_equal(result.code, "bad_response");
    world_call(world, "rogue.classless", "{}", &result, 10);
    assert_int_equal(result.class, KEJUE_UNKNOWN);
    assert_string_equal(result.code, "no_class");
}

static void watchdog_names_who_blocks(void **state)
{
    struct world *world = *state;
    struct result result;
    world_load(world, "rogue", "rogue", "{}");
    world_call(world, "rogue.slow", "{}", &result, 10);
    assert_true(world_status(world, "rogue", "blocked_ms_max") >= 100);
    assert_true(world_status(world, "rogue", "blocked") >= 1);
    bson_t *status = kj_host_status(world->host, "rogue");
    assert_string_equal(kj_doc_text(status, "plugins.0.blocked_in", ""), "start rogue.slow");
    bson_destroy(status);
}

static void money_is_not_spent_on_a_virtual_clock(void **state)
{
    struct world *world = *state;
    struct result result;
    struct kj_fault fault = {0};
    world_load(world, "rogue", "rogue", "{}");
    assert_int_equal(world_try(world, "rogue.pay", "{}", &result, &fault), 0);
    assert_int_equal(fault.code, KJ_EDENIED);
}

static void refused_credentials_pause_the_instance(void **state)
{
    struct world *world = *state;
    struct result result;
    struct kj_fault fault = {0};
    world_load_guest(world);
    for (int i = 0; i < 3; i++)
        world_call(world, "guest.refused", "{}", &result, 1);
    assert_int_equal(result.class, KEJUE_CREDENTIAL);
    assert_int_equal(world_try(world, "guest.tick", "{}", &result, &fault), 0);
    assert_int_equal(fault.code, KJ_EUNAVAILABLE);
    assert_non_null(strstr(fault.text, "the token has expired"));
    world_run(world, 60000);
    struct result probe;
    world_begin(world, "guest.refused", "{}", &probe); // the probe
    assert_int_equal(world_try(world, "guest.tick", "{}", &result, &fault), 0);
    world_run(world, 1);
    assert_int_equal(probe.class, KEJUE_CREDENTIAL);
    world_run(world, 110000); // twice as long now
    assert_int_equal(world_try(world, "guest.tick", "{}", &result, &fault), 0);
    world_run(world, 10000);
    world_call(world, "guest.refused", "{\"well\":1}", &result, 1);
    world_call(world, "guest.tick", "{}", &result, 1);
    for (int i = 0; i < 3; i++)
        world_call(world, "guest.refused", "{}", &result, 1);
    assert_int_equal(kj_host_resume(world->host, "guest"), 0);
    world_call(world, "guest.tick", "{}", &result, 1);
}

static void draining_takes_no_new_work(void **state)
{
    struct world *world = *state;
    struct result result, refused;
    struct kj_fault fault = {0};
    world_load(world, "echo", PLUGINS "/sample.so", "{}");
    world_begin(world, "sample.echo", "{\"text\":\"x\",\"wait_ms\":50}", &result);
    kj_host_drain(world->host);
    assert_int_equal(world_try(world, "sample.echo", "{\"text\":\"y\"}", &refused, &fault), 0);
    assert_int_equal(fault.code, KJ_EUNAVAILABLE);
    world_run(world, 50);
    assert_int_equal(result.class, KEJUE_OK);
}

static void destroy_ends_everything_once(void **state)
{
    struct world *world = *state;
    struct result echo, deaf, waiting, asked, held, working;
    world->hold = true;
    world_load(world, "rogue", "rogue", "{}");
    world_load(world, "echo", PLUGINS "/sample.so", "{}");
    world_load_guest(world);
    world_begin(world, "sample.echo", "{\"text\":\"x\",\"wait_ms\":50}", &echo);
    world_begin(world, "rogue.deaf", "{}", &deaf);
    world_begin(world, "rogue.deaf", "{}", &waiting);
    world_begin(world, "rogue.asks", "{}", &asked);
    world_begin(world, "guest.ask", "{\"verb\":\"host.submit\",\"request\":{}}", &held);
    world_run(world, 10);
    world_begin(world, "guest.work", "{}", &working); // not even started
    kj_host_destroy(world->host);
    assert_int_equal(echo.class, KEJUE_CANCELED);
    assert_int_equal(deaf.class, KEJUE_UNKNOWN);
    assert_int_equal(waiting.class, KEJUE_CANCELED);
    assert_int_equal(asked.class, KEJUE_UNKNOWN);
    assert_int_equal(held.class, KEJUE_UNKNOWN); // the guest passed on what the host said
    assert_int_equal(working.class, KEJUE_CANCELED);
    assert_int_equal(
        echo.count + deaf.count + waiting.count + asked.count + held.count + working.count, 6);
    world->host = NULL;
    assert_int_equal(world->held_count, 2);
    world_reply(world); // ports that answer late find nobody, and nothing breaks
}

#endif
