// Webhooks: handshake, events, durability before 200, the vendor's own samples and signatures.
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "peers/plugin_schemas.h"

#include <dirent.h>
#include <string.h>

extern const struct kejue_plugin kejue_plugin;

#define CONFIG(secret)                                                                        \
    "{\"numbers\":[{\"phone_number_id\":\"111\"},{\"phone_number_id\":\"106540352242922\"}]," \
    "\"token\":\"t\",\"verify_token\":\"word\",\"app_secret\":\"" secret "\"}"

static struct fake_host *open_host(void)
{
    char error[256] = "";
    struct fake_host *host = fake_host_create(
        &kejue_plugin, CONFIG("5f4dcc3b5aa765d61d8327deb882cf99"), 1, 0, error, sizeof error);
    assert_string_equal(error, "");
    return host;
}

static int post(struct fake_host *host, const char *body)
{
    uint64_t op = fake_host_request(host, "whatsapp.webhook", "POST", "/webhook", NULL, NULL, body,
                                    strlen(body));
    fake_host_run(host, 1000);
    const struct fake_result *result = fake_host_result(host, op);
    assert_non_null(result);
    assert_int_equal(result->class_, KEJUE_OK);
    assert_true(result_fits("whatsapp.webhook", result));
    assert_true(events_fit(host));
    return (int)kj_doc_int(result->doc, "status", 0);
}

#define VALUE(inner)                                                                              \
    "{\"object\":\"whatsapp_business_account\",\"entry\":[{\"id\":\"1\",\"changes\":[{\"field\":" \
    "\"messages\",\"value\":{\"messaging_product\":\"whatsapp\",\"metadata\":{"                   \
    "\"display_phone_number\":\"15550783881\",\"phone_number_id\":\"111\"}," inner "}}]}]}"

static void the_handshake_answers_the_bare_challenge(void **state)
{
    (void)state;
    static const struct {
        const char *query;
        int status;
    } rows[] = {
        {"{\"hub.mode\":\"subscribe\",\"hub.verify_token\":\"word\",\"hub.challenge\":\"1158\"}",
         200},
        {"{\"hub.mode\":\"subscribe\",\"hub.verify_token\":\"wort\",\"hub.challenge\":\"1158\"}",
         403},
        {"{\"hub.mode\":\"other\",\"hub.verify_token\":\"word\",\"hub.challenge\":\"1158\"}", 403},
        {"{\"hub.mode\":\"subscribe\",\"hub.verify_token\":\"word\"}", 403},
        {"{}", 403},
    };
    struct fake_host *host = open_host();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t op = fake_host_request(host, "whatsapp.webhook", "GET", "/webhook", rows[i].query,
                                        NULL, "", 0);
        const struct fake_result *result = fake_host_result(host, op);
        assert_int_equal(kj_doc_int(result->doc, "status", 0), rows[i].status);
        if (rows[i].status != 200)
            continue;
        assert_string_equal(kj_doc_text(result->doc, "body", ""), "1158");
        assert_string_equal(kj_doc_text(result->doc, "headers.Content-Type", ""), "text/plain");
    }
    fake_host_destroy(host);
}

static const char k_text[] = VALUE(
    "\"contacts\":[{\"wa_id\":\"4915112345678\",\"profile\":{\"name\":\"Anna\"}}],\"messages\":[{"
    "\"from\":\"4915112345678\",\"id\":\"wamid.A\",\"timestamp\":\"1772445000\",\"type\":\"text\","
    "\"text\":{\"body\":\"yes please\"},\"context\":{\"id\":\"wamid.0\"}}]");

static void a_message_becomes_an_event(void **state)
{
    (void)state;
    struct fake_host *host = open_host();
    assert_int_equal(post(host, k_text), 200);
    assert_int_equal(fake_host_event_count(host), 1);
    const struct fake_event *event = fake_host_event(host, 0);
    assert_string_equal(event->name, "message.received");
    assert_string_equal(kj_doc_text(event->data, "key", ""), "wamid.A");
    assert_string_equal(kj_doc_text(event->data, "provider", ""), "whatsapp");
    assert_string_equal(kj_doc_text(event->data, "from", ""), "+4915112345678");
    assert_string_equal(kj_doc_text(event->data, "name", ""), "Anna");
    assert_string_equal(kj_doc_text(event->data, "to_number_id", ""), "111");
    assert_string_equal(kj_doc_text(event->data, "text", ""), "yes please");
    assert_string_equal(kj_doc_text(event->data, "context_id", ""), "wamid.0");
    assert_int_equal(kj_doc_time(event->data, "at", 0), INT64_C(1772445000000));
    assert_non_null(strstr(fake_host_state(host, "window/111/4915112345678"), "1772445000000"));
    // repeated: the same key again, the engine tells them apart
    assert_int_equal(post(host, k_text), 200);
    assert_string_equal(fake_host_event(host, 1)->json, event->json);
    fake_host_destroy(host);
}

static void the_window_only_moves_forward(void **state)
{
    (void)state;
    struct fake_host *host = open_host();
    post(host, k_text);
    post(host, VALUE("\"messages\":[{\"from\":\"4915112345678\",\"id\":\"wamid.B\",\"timestamp\":"
                     "\"1772440000\",\"type\":\"text\",\"text\":{\"body\":\"older\"}}]"));
    assert_non_null(strstr(fake_host_state(host, "window/111/4915112345678"), "1772445000000"));
    // two of one user in one request: both are stored, the later one stands
    post(host, VALUE("\"messages\":[{\"from\":\"4915112345678\",\"id\":\"wamid.C\",\"timestamp\":"
                     "\"1772445200\",\"type\":\"text\",\"text\":{\"body\":\"c\"}},{\"from\":"
                     "\"4915112345678\",\"id\":\"wamid.D\",\"timestamp\":\"1772445100\",\"type\":"
                     "\"text\",\"text\":{\"body\":\"d\"}}]"));
    assert_int_equal(fake_host_event_count(host), 4);
    assert_non_null(strstr(fake_host_state(host, "window/111/4915112345678"), "1772445200000"));
    fake_host_destroy(host);
}

static void a_hidden_number_leaves_the_user_id(void **state)
{
    (void)state;
    struct fake_host *host = open_host();
    assert_int_equal(
        post(host, VALUE("\"contacts\":[{\"user_id\":\"US.134\",\"profile\":{\"name\":\"N\"}}],"
                         "\"messages\":[{\"id\":\"wamid.A\",\"timestamp\":\"1772445000\",\"type\":"
                         "\"button\",\"button\":{\"payload\":\"yes\",\"text\":\"Yes\"}}]")),
        200);
    const struct fake_event *event = fake_host_event(host, 0);
    assert_false(kj_doc_has(event->data, "from"));
    assert_string_equal(kj_doc_text(event->data, "user_id", ""), "US.134");
    assert_string_equal(kj_doc_text(event->data, "payload", ""), "yes");
    assert_string_equal(kj_doc_text(event->data, "text", ""), "Yes");
    assert_non_null(fake_host_state(host, "window/111/US.134"));
    fake_host_destroy(host);
}

static void statuses_carry_the_job(void **state)
{
    (void)state;
    struct fake_host *host = open_host();
    assert_int_equal(
        post(host,
             VALUE("\"statuses\":[{\"id\":\"wamid.A\",\"status\":\"failed\",\"timestamp\":"
                   "\"1772445000\",\"recipient_id\":\"4915112345678\",\"biz_opaque_callback_data\":"
                   "\"41-2-0\",\"errors\":[{\"code\":131026,\"title\":\"undeliverable\"}]},{\"id\":"
                   "\"wamid.B\",\"status\":\"read\",\"timestamp\":\"1772445001\",\"recipient_id\":"
                   "\"4915112345678\"},{\"id\":\"wamid.C\",\"status\":\"warning\",\"timestamp\":"
                   "\"1772445001\",\"recipient_id\":\"1\"}]")),
        200);
    assert_int_equal(fake_host_event_count(host), 2); // unknown states are nobody's news
    const struct fake_event *event = fake_host_event(host, 0);
    assert_string_equal(event->name, "message.status");
    assert_string_equal(kj_doc_text(event->data, "key", ""), "wamid.A:failed");
    assert_string_equal(kj_doc_text(event->data, "job", ""), "41-2-0");
    assert_string_equal(kj_doc_text(event->data, "recipient", ""), "+4915112345678");
    assert_string_equal(kj_doc_text(event->data, "error.code", ""), "131026");
    assert_string_equal(kj_doc_text(event->data, "error.title", ""), "undeliverable");
    assert_string_equal(kj_doc_text(fake_host_event(host, 1)->data, "key", ""), "wamid.B:read");
    fake_host_destroy(host);
}

static void nothing_is_confirmed_before_it_is_durable(void **state)
{
    (void)state;
    struct fake_host *host = open_host();
    fake_host_emit_class(host, KEJUE_NOT_PROCESSED);
    assert_int_equal(post(host, k_text), 503);
    fake_host_emit_class(host, KEJUE_OK);
    assert_int_equal(post(host, k_text), 200); // the repetition brings it
    assert_int_equal(fake_host_event_count(host), 1);
    fake_host_destroy(host);
}

static void what_is_not_ours_is_left_alone(void **state)
{
    (void)state;
    struct fake_host *host = open_host();
    assert_int_equal(post(host, "not json"), 400);
    assert_int_equal(post(host, "{}"), 200);
    assert_int_equal(post(host,
                          "{\"entry\":[{\"changes\":[{\"field\":\"messages\",\"value\":{"
                          "\"metadata\":{\"phone_number_id\":\"999\"},\"messages\":[{\"from\":"
                          "\"1\",\"id\":\"x\",\"timestamp\":\"1\",\"type\":\"text\"}]}}]}]}"),
                     200);
    assert_int_equal(post(host, "{\"entry\":[{\"changes\":[{\"field\":\"account_update\",\"value\":"
                                "{}}]}]}"),
                     200);
    assert_int_equal(post(host, VALUE("\"messages\":[{\"type\":\"text\"},7,null]")), 200);
    assert_int_equal(fake_host_event_count(host), 0);
    assert_true(fake_host_metric(host, "webhooks_foreign") == 1);
    fake_host_destroy(host);
}

static void a_template_pause_is_told_and_kept(void **state)
{
    (void)state;
    struct fake_host *host = open_host();
    assert_int_equal(post(host,
                          "{\"entry\":[{\"changes\":[{\"field\":\"message_template_status_update\","
                          "\"value\":{\"event\":\"PAUSED\",\"message_template_name\":\"visit\","
                          "\"message_template_language\":\"de\",\"reason\":\"quality\"}}]}]}"),
                     200);
    const struct fake_event *event = fake_host_event(host, 0);
    assert_string_equal(event->name, "template.status");
    assert_string_equal(kj_doc_text(event->data, "status", ""), "paused");
    assert_string_equal(kj_doc_text(event->data, "name", ""), "visit");
    uint64_t op =
        fake_host_start(host, "whatsapp.send_template",
                        "{\"to\":\"+4915112345678\",\"name\":\"visit\",\"language\":\"de\"}");
    fake_host_run(host, 100);
    assert_string_equal(fake_host_result(host, op)->code, "132015");
    assert_int_equal(fake_host_asked(host, "host.http"), 0);
    fake_host_destroy(host);
}

static void the_vendors_samples_are_understood(void **state)
{
    (void)state;
    char path[1200];
    const char *folder = vendor_folder("Meta's webhook samples");
    int samples = 0;
    if (!folder) {
        skip();
        return;
    }
    snprintf(path, sizeof path, "%s/whatsapp/webhook-samples", folder);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));) {
        struct kj_buf text;
        if (!strstr(entry->d_name, ".json"))
            continue;
        snprintf(path, sizeof path, "%s/whatsapp/webhook-samples/%s", folder, entry->d_name);
        kj_buf_init(&text, 0);
        assert_int_equal(kj_read_file(path, 1 << 20, &text, NULL), KJ_OK);
        struct fake_host *host = open_host();
        assert_int_equal(post(host, text.data), 200);
        assert_int_equal(fake_host_event_count(host), 1);
        const bson_t *data = fake_host_event(host, 0)->data;
        assert_string_equal(fake_host_event(host, 0)->name, "message.received");
        assert_string_equal(kj_doc_text(data, "from", ""), "+16505551234");
        assert_string_equal(kj_doc_text(data, "to_number_id", ""), "106540352242922");
        assert_true(kj_doc_has(data, "type"));
        samples++;
        fake_host_destroy(host);
        kj_buf_fini(&text);
    }
    closedir(dir);
    assert_int_equal(samples, 12);
}

static void the_signature_vectors_hold(void **state)
{
    (void)state;
    const char *folder = vendor_folder("Meta's signature vectors");
    if (!folder) {
        skip();
        return;
    }
    const struct kejue_route *route = NULL;
    for (const struct kejue_route *row = kejue_plugin.routes; row->method; row++)
        if (strcmp(row->method, "POST") == 0)
            route = row;
    assert_string_equal(route->scheme, "hmac-sha256-hex");
    assert_string_equal(route->header, "X-Hub-Signature-256");
    bson_t *all = vendor_json(folder, "signatures/webhook-signature-vectors.json");
    char config[400], path[64];
    snprintf(config, sizeof config,
             "{\"numbers\":[{\"phone_number_id\":\"1\"}],\"token\":\"t\",\"app_secret\":\"%s\"}",
             kj_doc_text(all, "meta.app_secret", ""));
    struct fake_host *host = fake_host_create(&kejue_plugin, config, 1, 0, NULL, 0);
    size_t count = kj_doc_count(all, "meta.cases");
    assert_true(count >= 2);
    for (size_t i = 0; i < count; i++) {
        char hex[65];
        snprintf(path, sizeof path, "meta.cases.%zu.body", i);
        const char *body = kj_doc_text(all, path, "");
        snprintf(path, sizeof path, "meta.cases.%zu.x_hub_signature_256", i);
        const char *signature = kj_doc_text(all, path, "");
        assert_int_equal(fake_host_table(host)->mac(fake_host_ctx(host), route->secret_key, body,
                                                    strlen(body), hex),
                         0);
        assert_int_equal(strncmp(signature, route->prefix, strlen(route->prefix)), 0);
        assert_string_equal(signature + strlen(route->prefix), hex);
    }
    bson_destroy(all);
    fake_host_destroy(host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_handshake_answers_the_bare_challenge),
        cmocka_unit_test(a_message_becomes_an_event),
        cmocka_unit_test(the_window_only_moves_forward),
        cmocka_unit_test(a_hidden_number_leaves_the_user_id),
        cmocka_unit_test(statuses_carry_the_job),
        cmocka_unit_test(nothing_is_confirmed_before_it_is_durable),
        cmocka_unit_test(what_is_not_ours_is_left_alone),
        cmocka_unit_test(a_template_pause_is_told_and_kept),
        cmocka_unit_test(the_vendors_samples_are_understood),
        cmocka_unit_test(the_signature_vectors_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
