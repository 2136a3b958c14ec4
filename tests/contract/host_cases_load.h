// Loading: versions, data, configuration, secrets.
#ifndef KJ_TEST_HOST_CASES_LOAD_H
#define KJ_TEST_HOST_CASES_LOAD_H

#include "host_world.h"

static void version_is_judged_before_anything_is_called(void **state)
{
    struct world *world = *state;
    struct kj_fault fault = {0};
    // `open` of these aborts the process.
    assert_int_equal(world_try_load(world, "a", "major", "{}", &fault), KJ_EVERSION);
    assert_non_null(strstr(fault.text, "2.0"));
    assert_non_null(strstr(fault.text, "1.0"));
    assert_non_null(strstr(fault.place, "major.so"));
    assert_non_null(strstr(fault.hint, "kejue_plugin.h"));
    assert_int_equal(world_try_load(world, "a", "minor", "{}", &fault), KJ_EVERSION);
    assert_non_null(strstr(fault.text, "1.1"));
    assert_int_equal(world_try_load(world, "a", "short", "{}", &fault), KJ_EVERSION);
    assert_non_null(strstr(fault.text, "size"));
    assert_int_equal(world_try_load(world, "a", "there-is-none", "{}", &fault), KJ_ENOTFOUND);
    assert_int_equal(world_try_load(world, "a", "/etc/passwd", "{}", &fault), KJ_EINVAL);
    assert_int_equal(
        world_try_load(world, "a", "/lib/x86_64-linux-gnu/libm.so.6", "{}", &fault) == 0, 0);
}

struct found {
    char text[4096];
};

static void on_found(void *arg, const char *place, const char *text)
{
    struct found *found = arg;
    size_t length = strlen(found->text);
    snprintf(found->text + length, sizeof found->text - length, "%s: %s\n", place, text);
}

static void every_fault_of_the_data_is_found(void **state)
{
    struct world *world = *state;
    struct kj_fault fault = {0};
    struct kj_plugin_file *file = NULL;
    struct found found = {""};
    static const char *const expected[] = {"NoDot: ",
                                           "faulty.schema: request schema",
                                           "faulty.file: response schema",
                                           "faulty.window: repeat \"window\"",
                                           "faulty.window: declared twice",
                                           "faulty.place: declares a look-up",
                                           "nowhere: a route's path",
                                           "nowhere: its verb",
                                           "nowhere: scheme \"trust-me\"",
                                           "/signed: hmac-sha256-hex needs a secret_key",
                                           "faulty.file: a schedule needs",
                                           "faulty.file: the configuration schema has no key",
                                           "no_such_url: named in hosts",
                                           "name: ",
                                           "version: is missing",
                                           "entry points: "};
    assert_int_equal(world_try_load(world, "a", "faulty", "{}", &fault), KJ_EINVAL);
    assert_non_null(strstr(fault.hint, "kejue-plugin check"));
    assert_int_equal(kj_plugin_file_open("faulty", ODD_PLUGINS, &file, &fault), 0);
    assert_int_equal(kj_plugin_file_check(file, on_found, &found), KJ_COUNT(expected));
    for (size_t i = 0; i < KJ_COUNT(expected); i++)
        if (!strstr(found.text, expected[i]))
            fail_msg("not found: %s\nin:\n%s", expected[i], found.text);
    kj_plugin_file_close(file);
}

static void instances_are_named_once(void **state)
{
    struct world *world = *state;
    struct kj_fault fault = {0};
    world_load(world, "one", "rogue", "{}");
    world_load(world, "two", "rogue", "{}"); // the same plugin again is another instance
    assert_int_equal(world_try_load(world, "one", "rogue", "{}", &fault), KJ_EEXISTS);
    assert_int_equal(world_try_load(world, "No Name", "rogue", "{}", &fault), KJ_EINVAL);
    assert_int_equal(world_try_load(world, "../x", "rogue", "{}", &fault), KJ_EINVAL);
    assert_non_null(kj_host_verb(world->host, "two", "rogue.pay"));
    assert_null(kj_host_verb(world->host, "three", "rogue.pay"));
    assert_false(kj_host_all_simulated(world->host, NULL));
    assert_true(kj_host_all_simulated(world->host, "telephony."));
}

static void failed_open_leaves_nothing_behind(void **state)
{
    struct world *world = *state;
    struct kj_fault fault = {0};
    world->hold = true;
    assert_int_equal(world_try_load(world, "a", "rogue", "{\"fail\":\"no such account\"}", &fault),
                     KJ_EUNAVAILABLE);
    assert_non_null(strstr(fault.text, "no such account"));
    assert_null(kj_host_verb(world->host, NULL, "rogue.pay"));
    world_run(world, 1000); // its timer and its answers abort the process
    assert_int_equal(world_status(world, NULL, "calls"), -1);
}

static void locate(void *arg, const char *pointer, char *place, size_t size)
{
    snprintf(place, size, "kejue.conf:%d %s", *(int *)arg, pointer);
}

static void configuration_faults_name_their_line(void **state)
{
    struct world *world = *state;
    struct kj_fault fault = {0};
    int line = 12;
    bson_t *config = world_json("{\"urk\":\"https://x.example\"}");
    assert_int_equal(kj_host_load(world->host, "g", "guest", config, locate, &line, &fault),
                     KJ_ESCHEMA);
    assert_string_equal(fault.place, "kejue.conf:12 /urk");
    assert_non_null(strstr(fault.text, "url")); // the nearest
    bson_destroy(config);
    config = world_json("{\"url\":\"ftp://x.example\"}");
    assert_int_equal(kj_host_load(world->host, "g", "guest", config, locate, &line, &fault),
                     KJ_EINVAL);
    assert_string_equal(fault.place, "kejue.conf:12 /url");
    bson_destroy(config);
}

static void secrets_are_files_and_stay_with_the_host(void **state)
{
    struct world *world = *state;
    struct kj_fault fault = {0};
    struct result result;
    char json[256];
    assert_int_equal(world_try_load(world, "g", "guest", "{\"token\":\"s3cret\"}", &fault),
                     KJ_EINVAL);
    assert_null(strstr(fault.text, "s3cret"));
    assert_non_null(strstr(fault.hint, "@/"));
    assert_int_equal(world_try_load(world, "g", "guest", "{\"token\":\"@/no/such\"}", &fault),
                     KJ_ENOTFOUND);
    assert_int_equal(world_try_load(world, "g", "guest", "{\"token\":\"@relative\"}", &fault),
                     KJ_EINVAL);
    world_file(world, "short", "abc\n"); // the schema asks for 4
    snprintf(json, sizeof json, "{\"token\":{\"file\":\"%s/short\"}}", world->dir);
    assert_int_equal(world_try_load(world, "g", "guest", json, &fault), KJ_ESCHEMA);
    assert_null(strstr(fault.text, "abc"));
    world_file(world, "empty", "\n");
    snprintf(json, sizeof json, "{\"accounts\":[{\"key\":\"@%s/empty\"}]}", world->dir);
    assert_int_equal(world_try_load(world, "g", "guest", json, &fault), KJ_EINVAL);
    assert_non_null(strstr(fault.text, "accounts.0.key"));

    world_load_guest(world);
    world_call(world, "guest.secret", "{\"guess\":\"s3cret-token\"}", &result, 10);
    assert_int_equal(result.class, KEJUE_OK);
    assert_non_null(strstr(result.json, "\"seen\":\"token\"")); // its name only
    assert_non_null(strstr(result.json, "\"mac\":0"));
    // by `openssl dgst -sha256 -hmac`
    assert_non_null(
        strstr(result.json, "574c612986d1da3157107c153d745e59996f6ffeb7e064bcc12dbf7c1db729a8"));
    assert_non_null(strstr(result.json, "\"unknown\":-1"));
    assert_non_null(strstr(result.json, "\"is\":true"));
    world_call(world, "guest.secret", "{\"guess\":\"s3cret-tokem\"}", &result, 10);
    assert_non_null(strstr(result.json, "\"is\":false"));
}

#endif
