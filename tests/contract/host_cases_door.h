// What comes in by itself: webhooks and schedules.
#ifndef KJ_TEST_HOST_CASES_DOOR_H
#define KJ_TEST_HOST_CASES_DOOR_H

#include "host_world.h"

struct inbound {
    const char *method, *path, *headers, *query, *body;
    int error; // at once
};

static int post(struct world *world, const struct inbound *in, struct result *result)
{
    struct kj_fault fault = {0};
    bson_t *headers = world_json(in->headers), *query = world_json(in->query);
    memset(result, 0, sizeof *result);
    int error = kj_host_webhook(world->host, in->method, in->path, query, headers, in->body,
                                strlen(in->body), world_done, result, &fault);
    bson_destroy(headers);
    bson_destroy(query);
    if (error)
        assert_true(fault.text[0] != 0);
    else
        assert_int_equal(result->count, 0);
    world_run(world, 1);
    assert_int_equal(result->count, error == 0);
    return error;
}

// HMAC-SHA256("s3cret-token", {"a":1}) by `openssl dgst`
#define SIGNED "410dbe49afc5b10fa28aebedc578d8bf0abb53c1b3ffd3e30c1a6d73d6a989cd"
#define UPPER "410DBE49AFC5B10FA28AEBEDC578D8BF0ABB53C1B3FFD3E30C1A6D73D6A989CD"

static void webhooks_are_verified_before_the_plugin_sees_them(void **state)
{
    static const char long_body[] =
        "0123456789012345678901234567890123456789012345678901234567890123456789";
    static const struct inbound rows[] = {
        {"POST", "guest/signed", "{\"X-Signature\":\"sha256=" SIGNED "\"}", "{}", "{\"a\":1}", 0},
        {"POST", "/guest/signed", "{\"x-signature\":\"sha256=" UPPER "\"}", "{}", "{\"a\":1}", 0},
        {"POST", "guest/signed", "{\"X-Signature\":\"sha256=" SIGNED "\"}", "{}", "{\"a\":2}",
         KJ_EDENIED},
        {"POST", "guest/signed", "{\"X-Signature\":\"" SIGNED "\"}", "{}", "{\"a\":1}", KJ_EDENIED},
        {"POST", "guest/signed", "{\"X-Signature\":\"sha256=" SIGNED "00\"}", "{}", "{\"a\":1}",
         KJ_EDENIED},
        {"POST", "guest/signed", "{\"X-Signature\":\"sha256=\"}", "{}", "{\"a\":1}", KJ_EDENIED},
        {"POST", "guest/signed", "{}", "{}", "{\"a\":1}", KJ_EDENIED},
        {"POST", "guest/signed", "{}", "{}", long_body, KJ_ELIMIT},
        {"GET", "guest/signed", "{}", "{}", "", KJ_ENOTFOUND},
        {"POST", "nobody/signed", "{}", "{}", "", KJ_ENOTFOUND},
        {"POST", "guest", "{}", "{}", "", KJ_ENOTFOUND},
        {"POST", "", "{}", "{}", "", KJ_ENOTFOUND},
    };
    struct world *world = *state;
    struct result result;
    world_load_guest(world);
    for (size_t i = 0; i < KJ_COUNT(rows); i++)
        if (post(world, &rows[i], &result) != rows[i].error)
            fail_msg("row %zu: %s", i, result.text);
    assert_int_equal(world_status(world, "guest", "calls"), 2); // the good ones only
}

static void webhooks_are_answered_by_the_plugin(void **state)
{
    struct world *world = *state;
    struct result result;
    struct inbound open = {"GET", "guest/open", "{\"X-From\":\"crm\"}", "{}", "", 0};
    struct inbound refused = {"GET", "guest/open", "{}", "{\"refuse\":\"1\"}", "", 0};
    world_load_guest(world);
    assert_int_equal(post(world, &open, &result), 0);
    assert_non_null(strstr(result.json, "\"status\":202,\"headers\":{\"x-from\":\"crm\"}"));
    assert_int_equal(post(world, &refused, &result), 0);
    assert_int_equal(result.class, KEJUE_CALLER);
    assert_non_null(strstr(result.json, "\"status\":400"));
    assert_null(strstr(result.json, "not for outsiders")); // inner words stay inside
    // an outsider cannot pause the instance by sending rubbish
    for (int i = 0; i < 5; i++)
        post(world, &refused, &result);
    assert_int_equal(post(world, &open, &result), 0);
    kj_host_drain(world->host);
    assert_int_equal(post(world, &open, &result), KJ_EUNAVAILABLE);
}

static void unconfigured_secret_verifies_nothing(void **state)
{
    struct world *world = *state;
    struct result result;
    struct inbound in = {"POST", "guest/signed", "{\"X-Signature\":\"sha256=" SIGNED "\"}",
                         "{}",   "{\"a\":1}",    0};
    world_load(world, "guest", "guest", "{}");
    assert_int_equal(post(world, &in, &result), KJ_EDENIED);
}

static void schedules_run_one_at_a_time(void **state)
{
    struct world *world = *state;
    world_load(world, "guest", "guest", "{}");
    world_load(world, "often", "guest", "{\"every_ms\":1000}");
    world_load(world, "off", "guest", "{\"every_ms\":0}");
    world_run(world, DAY_MS);
    assert_int_equal(world_status(world, "guest", "calls"), 0); // not before they are started
    kj_host_start_schedules(world->host);
    kj_host_start_schedules(world->host); // a second start changes nothing
    world_run(world, 6000);
    assert_int_equal(world_status(world, "guest", "metrics.ticks"), 1); // soon after the start
    assert_int_equal(world_status(world, "often", "metrics.ticks"), 6);
    world_run(world, 3600000);
    assert_int_equal(world_status(world, "guest", "metrics.ticks"), 61);
    assert_int_equal(world_status(world, "off", "calls"), 0);
    kj_host_drain(world->host);
    world_run(world, 3600000);
    assert_int_equal(world_status(world, "guest", "metrics.ticks"), 61);
}

#endif
