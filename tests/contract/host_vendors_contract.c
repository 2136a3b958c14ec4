// The plugins whatsapp, llm and crm-connectors in the real host, over real HTTP, against the
// vendors' stand-in; email-trigger over a real Maildir.
#include "contract/host_world.h"

#include <signal.h>
#include <sys/wait.h>

struct peer {
    pid_t pid;
    int port;
};

static void peer_start(struct peer *peer)
{
    int pipe_ends[2];
    char line[64] = "";
    assert_int_equal(pipe(pipe_ends), 0);
    peer->pid = fork();
    assert_true(peer->pid >= 0);
    if (peer->pid == 0) {
        dup2(pipe_ends[1], 1);
        close(pipe_ends[0]);
        execl(KEJUE_BUILD_DIR "/kejue-stand-in", "kejue-stand-in", (char *)NULL);
        _exit(127);
    }
    close(pipe_ends[1]);
    for (size_t used = 0; used < sizeof line - 1 && !strchr(line, '\n'); used++)
        if (read(pipe_ends[0], line + used, 1) != 1)
            break;
    close(pipe_ends[0]);
    assert_int_equal(sscanf(line, "listening %d", &peer->port), 1);
}

static void peer_stop(struct peer *peer)
{
    int status = 0;
    kill(peer->pid, SIGTERM);
    assert_int_equal(waitpid(peer->pid, &status, 0), peer->pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

struct scene {
    struct world *world;
    struct peer peer;
};

static int scene_setup(void **state)
{
    struct scene *scene = KJ_NEW(struct scene);
    struct world *world = KJ_NEW(struct world);
    kj_clock_init_virtual(&world->clock, 1770000000000);
    assert_int_equal(kj_loop_create(&world->clock, &world->loop, NULL), 0);
    assert_int_equal(kj_fetcher_create(world->loop, &world->fetcher, NULL), 0);
    strcpy(world->dir, "/tmp/kejue-vendors-XXXXXX");
    assert_non_null(mkdtemp(world->dir));
    struct kj_host_config config = {.loop = world->loop,
                                    .fetcher = world->fetcher,
                                    .ports = {world, world_ask},
                                    .plugin_dir = PLUGINS,
                                    .seed = 7,
                                    .allow_money = true,
                                    .watchdog_ms = 1000};
    assert_int_equal(kj_host_create(&config, &world->host, NULL), 0);
    world_file(world, "token", "a-token\n");
    scene->world = world;
    peer_start(&scene->peer);
    *state = scene;
    return 0;
}

static int scene_teardown(void **state)
{
    struct scene *scene = *state;
    struct world *world = scene->world;
    char command[128];
    kj_host_destroy(world->host);
    kj_fetcher_destroy(world->fetcher);
    kj_loop_destroy(world->loop);
    peer_stop(&scene->peer);
    snprintf(command, sizeof command, "rm -rf '%s'", world->dir);
    assert_int_equal(system(command), 0);
    free(world);
    free(scene);
    return 0;
}

static void load(struct scene *scene, const char *plugin, const char *format)
{
    char json[1024];
    snprintf(json, sizeof json, format, scene->peer.port, scene->world->dir);
    world_load(scene->world, plugin, plugin, json);
}

// A request to the stand-in itself, by the loop's own client.
static void on_told(void *arg, const struct kj_fetch_response *response)
{
    assert_int_equal(response->error, 0);
    assert_int_equal(response->status, 200);
    (*(int *)arg)++;
}

static void tell(struct scene *scene, const char *rule)
{
    char url[64];
    int told = 0;
    snprintf(url, sizeof url, "http://127.0.0.1:%d/_control", scene->peer.port);
    struct kj_fetch_request request = {.method = "POST",
                                       .url = url,
                                       .body = rule,
                                       .body_length = strlen(rule),
                                       .allow_private = true};
    assert_int_equal(kj_fetch_start(scene->world->fetcher, &request, on_told, &told, NULL), 0);
    world_run(scene->world, 1000);
    assert_int_equal(told, 1);
}

static const char k_whatsapp[] =
    "{\"url\":\"http://127.0.0.1:%d\",\"numbers\":[{\"phone_number_id\":\"111\"}],\"token\":"
    "\"@%s/token\",\"pair_interval_ms\":0}";
static const char k_visit[] = "{\"to\":\"+4915112345678\",\"name\":\"visit\",\"language\":\"de\","
                              "\"parameters\":{\"name\":\"Anna\"},\"job\":\"41-2-0\"}";

static void whatsapp_sends(void **state)
{
    struct scene *scene = *state;
    struct result result;
    load(scene, "whatsapp", k_whatsapp);
    world_call(scene->world, "whatsapp.send_template", k_visit, &result, 20000);
    assert_int_equal(result.class, KEJUE_OK);
    assert_string_equal(result.json, "{\"message_id\":\"wamid.41-2-0\",\"wa_id\":"
                                     "\"4915112345678\",\"status\":\"accepted\"}");
    tell(scene, "{\"vendor\":\"whatsapp\",\"status\":400,\"code\":131026}");
    world_call(scene->world, "whatsapp.send_template", k_visit, &result, 20000);
    assert_int_equal(result.class, KEJUE_CALLER);
    assert_string_equal(result.code, "131026");
    tell(scene, "{\"vendor\":\"whatsapp\",\"status\":503,\"code\":777,\"retry_after\":9}");
    world_call(scene->world, "whatsapp.send_template", k_visit, &result, 20000);
    assert_int_equal(result.class, KEJUE_NOT_PROCESSED);
    assert_int_equal(result.retry_after_ms, 9000);
    // taken, and the answer lost: never "not processed"
    tell(scene, "{\"vendor\":\"whatsapp\",\"drop\":\"after\"}");
    world_call(scene->world, "whatsapp.send_template", k_visit, &result, 20000);
    assert_int_equal(result.class, KEJUE_UNKNOWN);
}

static void whatsapp_answers_metas_handshake(void **state)
{
    struct scene *scene = *state;
    struct world *world = scene->world;
    struct result result = {0};
    struct kj_fault fault = {0};
    char json[600];
    snprintf(json, sizeof json,
             "{\"numbers\":[{\"phone_number_id\":\"111\"}],\"token\":\"@%s/token\","
             "\"verify_token\":\"@%s/token\",\"app_secret\":\"@%s/token\"}",
             world->dir, world->dir, world->dir);
    world_load(world, "whatsapp", "whatsapp", json);
    bson_t *query = world_json("{\"hub.mode\":\"subscribe\",\"hub.verify_token\":\"a-token\","
                               "\"hub.challenge\":\"1158\"}");
    bson_t *headers = world_json("{}");
    assert_int_equal(kj_host_webhook(world->host, "GET", "whatsapp/webhook", query, headers, "", 0,
                                     world_done, &result, &fault),
                     0);
    world_run(world, 100);
    assert_int_equal(result.count, 1);
    assert_string_equal(result.json,
                        "{\"status\":200,\"headers\":{\"Content-Type\":\"text/plain\"},"
                        "\"body\":\"1158\"}");
    // an unsigned update never reaches the plugin
    assert_int_equal(kj_host_webhook(world->host, "POST", "whatsapp/webhook", query, headers, "{}",
                                     2, world_done, &result, &fault),
                     KJ_EDENIED);
    bson_destroy(query);
    bson_destroy(headers);
}

static void the_model_answers(void **state)
{
    struct scene *scene = *state;
    struct result result;
    static const char asked[] =
        "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"schema\":{\"type\":\"object\","
        "\"additionalProperties\":false,\"required\":[\"owner\",\"list\"],\"properties\":{"
        "\"owner\":{\"type\":[\"boolean\",\"null\"]},\"list\":{\"type\":\"array\",\"items\":{"
        "\"enum\":[\"a\",\"b\"]},\"minItems\":2}}},\"name\":\"facts\"}";
    load(
        scene, "llm",
        "{\"url\":\"http://127.0.0.1:%d/v1\",\"model\":\"m\",\"api_key\":\"@%s/token\",\"prices\":["
        "{\"model\":\"m\",\"input\":1,\"output\":2}]}");
    world_call(scene->world, "llm.complete", asked, &result, 20000);
    assert_int_equal(result.class, KEJUE_OK);
    assert_non_null(strstr(result.json, "\"json\":{\"owner\":null,\"list\":[\"a\",\"a\"]}"));
    assert_non_null(strstr(result.json, "\"cost\":{\"amount_micros\":"));
    tell(scene, "{\"vendor\":\"openai\",\"status\":429,\"code\":\"insufficient_quota\"}");
    world_call(scene->world, "llm.complete", asked, &result, 20000);
    assert_int_equal(result.class, KEJUE_ACCOUNT);
    tell(scene, "{\"vendor\":\"openai\",\"status\":429,\"code\":\"rate_limit_exceeded\","
                "\"retry_after\":3}");
    world_call(scene->world, "llm.complete", asked, &result, 20000);
    assert_int_equal(result.class, KEJUE_NOT_PROCESSED);
    assert_int_equal(result.retry_after_ms, 3000);
}

static void the_crm_takes_a_record(void **state)
{
    struct scene *scene = *state;
    struct result result;
    load(scene, "crm-connectors",
         "{\"url\":\"http://127.0.0.1:%d\",\"path\":\"/crm/{kind}\",\"auth\":\"bearer\",\"token\":"
         "\"@%s/token\",\"mapping\":[{\"from\":\"lead.phone\",\"to\":\"properties.phone\"}]}");
    world_call(scene->world, "crm.upsert",
               "{\"record\":{\"kind\":\"contacts\",\"lead\":{\"phone\":\"+49151\"}}}", &result,
               20000);
    assert_int_equal(result.class, KEJUE_OK);
    assert_int_equal(strncmp(result.json, "{\"id\":\"crm-", 11), 0);
    tell(scene, "{\"vendor\":\"crm\",\"drop\":\"after\"}");
    world_call(scene->world, "crm.upsert",
               "{\"record\":{\"kind\":\"contacts\",\"lead\":{\"phone\":\"+49151\"}}}", &result,
               20000);
    assert_int_equal(result.class, KEJUE_UNKNOWN);
}

static void the_trigger_reads_its_folder(void **state)
{
    struct scene *scene = *state;
    struct world *world = scene->world;
    struct result result;
    char json[256], path[128];
    static const char *const parts[] = {"new", "cur", "tmp"};
    for (size_t i = 0; i < KJ_COUNT(parts); i++) {
        snprintf(path, sizeof path, "%s/%s", world->dir, parts[i]);
        assert_int_equal(mkdir(path, 0700), 0);
    }
    world_file(world, "new/1.a", "From: boss@example.com\nSubject: go\nMessage-ID: <1@x>\n\nhi\n");
    snprintf(json, sizeof json,
             "{\"maildir\":\"%s\",\"senders\":[\"@example.com\"],\"campaign\":7}", world->dir);
    world_load(world, "email-trigger", "email-trigger", json);
    world_call(world, "email.poll", "{}", &result, 20000);
    assert_int_equal(result.class, KEJUE_OK);
    assert_string_equal(result.json,
                        "{\"read\":1,\"matched\":1,\"started\":0,\"refused\":[{\"message_id\":"
                        "\"1@x\",\"reason\":\"no_leads\"}]}");
}

int main(void)
{
#define IN_SCENE(test) cmocka_unit_test_setup_teardown(test, scene_setup, scene_teardown)
    const struct CMUnitTest tests[] = {
        IN_SCENE(whatsapp_sends),
        IN_SCENE(whatsapp_answers_metas_handshake),
        IN_SCENE(the_model_answers),
        IN_SCENE(the_crm_takes_a_record),
        IN_SCENE(the_trigger_reads_its_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
