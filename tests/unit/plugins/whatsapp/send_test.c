// Sends against a scripted vendor: bodies, window, pauses, pacing, verdicts.
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "peers/plugin_schemas.h"

#include <string.h>

extern const struct kejue_plugin kejue_plugin;

static const char k_config[] =
    "{\"url\":\"https://graph.facebook.com/\",\"version\":\"v23.0\",\"numbers\":[{"
    "\"phone_number_id\":\"111\"},{\"phone_number_id\":\"222\",\"rate_per_second\":2}],"
    "\"token\":\"token\",\"verify_token\":\"word\",\"app_secret\":\"secret\"}";

struct vendor {
    enum kejue_class class_; // of the HTTP exchange
    const char *code, *json; // NULL json: a message id from a counter
    int count;
    char url[200], body[4096];
    int64_t at[256];
    const struct kj_schema *schema; // may be NULL
    bool fits;
};

static void answer_http(void *arg, struct fake_host *host, const struct fake_ask *ask)
{
    struct vendor *vendor = arg;
    char json[300];
    bson_t body;
    assert_string_equal(ask->verb, "host.http");
    assert_string_equal(kj_doc_text(ask->request, "auth.secret", ""), "token");
    assert_string_equal(kj_doc_text(ask->request, "auth.scheme", ""), "bearer");
    assert_true(kj_doc_child(ask->request, "json", &body));
    struct kj_buf text;
    kj_buf_init(&text, 0);
    kj_json_write(&body, 0, &text);
    snprintf(vendor->body, sizeof vendor->body, "%s", text.data);
    kj_buf_fini(&text);
    snprintf(vendor->url, sizeof vendor->url, "%s", kj_doc_text(ask->request, "url", ""));
    if (vendor->schema)
        vendor->fits = vendor_fits(vendor->schema, &body);
    vendor->at[vendor->count % 256] = fake_host_now(host);
    vendor->count++;
    snprintf(
        json, sizeof json,
        "{\"status\":200,\"json\":{\"messaging_product\":\"whatsapp\",\"contacts\":[{\"input\":"
        "\"x\",\"wa_id\":\"4915112345678\"}],\"messages\":[{\"id\":\"wamid.%d\"}]}}",
        vendor->count);
    fake_host_answer(host, ask->id, vendor->class_, vendor->code, NULL,
                     vendor->json ? vendor->json : json);
}

static struct fake_host *open_host(struct vendor *vendor)
{
    char error[256] = "";
    struct fake_host *host = fake_host_create(&kejue_plugin, k_config, 1, 0, error, sizeof error);
    assert_string_equal(error, "");
    assert_non_null(host);
    fake_host_on_ask(host, answer_http, vendor);
    return host;
}

// Starts, runs at most a minute, gives the result.
static const struct fake_result *run(struct fake_host *host, const char *verb, const char *json)
{
    uint64_t op = fake_host_start(host, verb, json);
    fake_host_run(host, 60000);
    const struct fake_result *result = fake_host_result(host, op);
    assert_non_null(result);
    assert_true(result_fits(verb, result));
    return result;
}

static const char k_plain[] = "{\"to\":\"+4915112345678\",\"name\":\"visit\",\"language\":\"de\"}";

static void positional_parameters(void **state)
{
    (void)state;
    struct vendor vendor = {0};
    struct fake_host *host = open_host(&vendor);
    const struct fake_result *result =
        run(host, "whatsapp.send_template",
            "{\"to\":\"+4915112345678\",\"name\":\"visit\",\"language\":\"de\",\"parameters\":"
            "[\"Anna\\nBerg\",3,2.5],\"job\":\"41-2-0\"}");
    assert_int_equal(result->class_, KEJUE_OK);
    assert_string_equal(kj_doc_text(result->doc, "message_id", ""), "wamid.1");
    assert_string_equal(kj_doc_text(result->doc, "wa_id", ""), "4915112345678");
    assert_string_equal(kj_doc_text(result->doc, "status", ""), "accepted");
    assert_string_equal(vendor.url, "https://graph.facebook.com/v23.0/111/messages");
    assert_string_equal(
        vendor.body,
        "{\"messaging_product\":\"whatsapp\",\"recipient_type\":\"individual\",\"to\":"
        "\"+4915112345678\",\"type\":\"template\",\"template\":{\"name\":\"visit\",\"language\":{"
        "\"policy\":\"deterministic\",\"code\":\"de\"},\"components\":[{\"type\":\"body\","
        "\"parameters\":[{\"type\":\"text\",\"text\":\"Anna Berg\"},{\"type\":\"text\",\"text\":"
        "\"3\"},{\"type\":\"text\",\"text\":\"2.5\"}]}]},\"biz_opaque_callback_data\":\"41-2-0\"}");
    fake_host_destroy(host);
}

static void named_parameters_header_and_buttons(void **state)
{
    (void)state;
    struct vendor vendor = {0};
    struct fake_host *host = open_host(&vendor);
    run(host, "whatsapp.send_template",
        "{\"to\":\"+4915112345678\",\"name\":\"visit\",\"language\":\"de\",\"parameters\":{"
        "\"name\":"
        "\"Anna\"},\"header\":{\"type\":\"document\",\"link\":\"https://a.example/x.pdf\","
        "\"filename\":\"offer.pdf\"},\"buttons\":[{\"type\":\"quick_reply\",\"index\":0,"
        "\"payload\":\"yes\"},{\"type\":\"url\",\"index\":1,\"text\":\"?a=1\"}],"
        "\"phone_number_id\":\"222\"}");
    assert_string_equal(vendor.url, "https://graph.facebook.com/v23.0/222/messages");
    assert_non_null(strstr(vendor.body,
                           "{\"type\":\"header\",\"parameters\":[{\"type\":\"document\","
                           "\"document\":{\"link\":\"https://a.example/x.pdf\","
                           "\"filename\":\"offer.pdf\"}}]}"));
    assert_non_null(strstr(vendor.body, "{\"type\":\"text\",\"parameter_name\":\"name\",\"text\":"
                                        "\"Anna\"}"));
    assert_non_null(strstr(vendor.body,
                           "{\"type\":\"button\",\"sub_type\":\"quick_reply\",\"index\":\"0\","
                           "\"parameters\":[{\"type\":\"payload\",\"payload\":\"yes\"}]}"));
    assert_non_null(strstr(vendor.body, "{\"type\":\"button\",\"sub_type\":\"url\",\"index\":\"1\","
                                        "\"parameters\":[{\"type\":\"text\",\"text\":\"?a=1\"}]}"));
    // without a job the operation's own key travels, so that a lost answer can be settled
    assert_non_null(strstr(vendor.body, "\"biz_opaque_callback_data\":\"key-"));
    fake_host_destroy(host);
}

static void a_hidden_user_is_reached_by_id(void **state)
{
    (void)state;
    struct vendor vendor = {0};
    struct fake_host *host = open_host(&vendor);
    run(host, "whatsapp.send_template",
        "{\"user_id\":\"US.13491208655302741918\",\"name\":\"visit\",\"language\":\"de\"}");
    assert_non_null(strstr(vendor.body, "\"recipient\":\"US.13491208655302741918\""));
    assert_null(strstr(vendor.body, "\"to\""));
    fake_host_destroy(host);
}

static void bodies_fit_the_vendors_schema(void **state)
{
    (void)state;
    static const char *const requests[][2] = {
        {"whatsapp.send_template", k_plain},
        {"whatsapp.send_template",
         "{\"to\":\"+4915112345679\",\"name\":\"a\",\"language\":\"de\",\"parameters\":[\"x\",1]}"},
        {"whatsapp.send_template",
         "{\"to\":\"+4915112345670\",\"name\":\"a\",\"language\":\"de\",\"parameters\":{\"n\":"
         "\"x\"},"
         "\"header\":{\"type\":\"image\",\"link\":\"https://a.example/i.png\"},\"buttons\":[{"
         "\"type\":\"quick_reply\",\"index\":0,\"payload\":\"p\"},{\"type\":\"url\",\"index\":1,"
         "\"text\":\"s\"},{\"type\":\"copy_code\",\"index\":2,\"text\":\"SAVE\"}]}"},
        {"whatsapp.send_template",
         "{\"to\":\"+4915112345671\",\"name\":\"a\",\"language\":\"de\",\"header\":{\"type\":"
         "\"text\",\"text\":\"Hello\"}}"},
        {"whatsapp.send_template",
         "{\"user_id\":\"US.13491208655302741918\",\"name\":\"a\",\"language\":\"de\"}"},
        {"whatsapp.send_text", "{\"to\":\"+4915112345678\",\"text\":\"hi\",\"preview_url\":true}"},
    };
    const char *folder = vendor_folder("WhatsApp requests against Meta's schema");
    if (!folder) {
        skip();
        return;
    }
    struct kj_schema *schema = vendor_schema(folder, "whatsapp/schemas/Message.schema.json");
    struct vendor vendor = {.schema = schema};
    struct fake_host *host = open_host(&vendor);
    const char *hello =
        "{\"object\":\"whatsapp_business_account\",\"entry\":[{\"id\":\"1\",\"changes\":[{"
        "\"field\":"
        "\"messages\",\"value\":{\"metadata\":{\"phone_number_id\":\"111\"},\"messages\":[{"
        "\"from\":"
        "\"4915112345678\",\"id\":\"w\",\"timestamp\":\"1772445000\",\"type\":\"text\",\"text\":{"
        "\"body\":\"hi\"}}]}}]}]}";
    fake_host_request(host, "whatsapp.webhook", "POST", "/webhook", NULL, NULL, hello,
                      strlen(hello));
    fake_host_run(host, 1000);
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        vendor.fits = false;
        assert_int_equal(run(host, requests[i][0], requests[i][1])->class_, KEJUE_OK);
        assert_true(vendor.fits);
    }
    // the judge judges: a body without its template does not fit
    bson_t *bad =
        fake_json("{\"messaging_product\":\"whatsapp\",\"to\":\"1\",\"type\":\"template\"}");
    assert_int_not_equal(kj_schema_check(schema, bad, false, NULL), KJ_OK);
    bson_destroy(bad);
    fake_host_destroy(host);
    kj_schema_destroy(schema);
}

static void text_needs_an_open_window(void **state)
{
    (void)state;
    struct vendor vendor = {0};
    struct fake_host *host = open_host(&vendor);
    const char *text = "{\"to\":\"+4915112345678\",\"text\":\"hello\"}";
    const struct fake_result *result = run(host, "whatsapp.send_text", text);
    assert_int_equal(result->class_, KEJUE_CALLER);
    assert_string_equal(result->code, "131047");
    assert_int_equal(vendor.count, 0);
    char hello[600];
    snprintf(hello, sizeof hello,
             "{\"entry\":[{\"changes\":[{\"field\":\"messages\",\"value\":{\"metadata\":{"
             "\"phone_number_id\":\"111\"},\"messages\":[{\"from\":\"4915112345678\",\"id\":\"w\","
             "\"timestamp\":\"%lld\",\"type\":\"text\",\"text\":{\"body\":\"hi\"}}]}}]}]}",
             (long long)fake_host_now(host) / 1000);
    uint64_t op = fake_host_request(host, "whatsapp.webhook", "POST", "/webhook", NULL, NULL, hello,
                                    strlen(hello));
    fake_host_run(host, 10);
    assert_int_equal(kj_doc_int(fake_host_result(host, op)->doc, "status", 0), 200);
    assert_int_equal(run(host, "whatsapp.send_text", text)->class_, KEJUE_OK);
    // not by another of our numbers
    result = run(host, "whatsapp.send_text",
                 "{\"to\":\"+4915112345678\",\"text\":\"hello\",\"phone_number_id\":\"222\"}");
    assert_string_equal(result->code, "131047");
    fake_host_advance(host, 86400000 - 1000);
    assert_int_equal(run(host, "whatsapp.send_text", text)->class_, KEJUE_OK);
    fake_host_advance(host, 1000);
    assert_string_equal(run(host, "whatsapp.send_text", text)->code, "131047");
    assert_int_equal(vendor.count, 2);
    fake_host_destroy(host);
}

static void a_paused_template_is_not_knocked_at(void **state)
{
    (void)state;
    struct vendor vendor = {.class_ = KEJUE_CALLER,
                            .code = "400",
                            .json = "{\"status\":400,\"json\":{\"error\":{\"message\":\"paused\","
                                    "\"code\":132015}}}"};
    struct fake_host *host = open_host(&vendor);
    const struct fake_result *result = run(host, "whatsapp.send_template", k_plain);
    assert_int_equal(result->class_, KEJUE_ACCOUNT);
    assert_string_equal(result->code, "132015");
    assert_int_equal(result->retry_after_ms, 10800000);
    vendor = (struct vendor){0};
    fake_host_advance(host, 3600000);
    result = run(host, "whatsapp.send_template", k_plain);
    assert_int_equal(result->class_, KEJUE_NOT_PROCESSED); // ours, before anything was sent
    assert_string_equal(result->code, "132015");
    assert_in_range(result->retry_after_ms, 7190000, 7200000);
    assert_int_equal(vendor.count, 0);
    // another language is another template
    assert_int_equal(run(host, "whatsapp.send_template",
                         "{\"to\":\"+4915112345678\",\"name\":\"visit\",\"language\":\"en\"}")
                         ->class_,
                     KEJUE_OK);
    // the vendor's own news ends the pause at once
    const char *news = "{\"entry\":[{\"changes\":[{\"field\":\"message_template_status_update\","
                       "\"value\":{\"event\":"
                       "\"APPROVED\",\"message_template_name\":\"visit\",\"message_template_"
                       "language\":\"de\"}}]}]}";
    fake_host_request(host, "whatsapp.webhook", "POST", "/webhook", NULL, NULL, news, strlen(news));
    fake_host_run(host, 10);
    assert_int_equal(run(host, "whatsapp.send_template", k_plain)->class_, KEJUE_OK);
    fake_host_destroy(host);
}

static void a_pair_is_spaced(void **state)
{
    (void)state;
    struct vendor vendor = {0};
    struct fake_host *host = open_host(&vendor);
    uint64_t ops[6];
    int64_t start = fake_host_now(host);
    for (int i = 0; i < 6; i++)
        ops[i] = fake_host_start(host, "whatsapp.send_template", k_plain);
    fake_host_run(host, 60000);
    // the operations' deadline is 30 s: five fit, the sixth is told when to come back
    assert_int_equal(vendor.count, 5);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(fake_host_result(host, ops[i])->class_, KEJUE_OK);
        assert_in_range(vendor.at[i] - start, i * 6000, i * 6000 + 20);
    }
    const struct fake_result *late = fake_host_result(host, ops[5]);
    assert_int_equal(late->class_, KEJUE_NOT_PROCESSED);
    assert_int_equal(late->retry_after_ms, 30000);
    fake_host_destroy(host);
}

static void a_number_is_spaced(void **state)
{
    (void)state;
    struct vendor vendor = {0};
    struct fake_host *host = open_host(&vendor);
    int64_t start = fake_host_now(host);
    for (int i = 0; i < 200; i++) {
        char json[200];
        snprintf(json, sizeof json,
                 "{\"to\":\"+49151%07d\",\"name\":\"visit\",\"language\":\"de\"}", i);
        fake_host_start(host, "whatsapp.send_template", json);
    }
    fake_host_run(host, 60000);
    assert_int_equal(vendor.count, 200);
    assert_in_range(vendor.at[199] - start, 2480, 2520); // 80 a second
    assert_int_equal(fake_host_open_count(host), 0);
    fake_host_destroy(host);
}

static void throughput_holds_the_number(void **state)
{
    (void)state;
    struct vendor vendor = {.class_ = KEJUE_NOT_PROCESSED,
                            .code = "429",
                            .json = "{\"status\":429,\"json\":{\"error\":{\"code\":130429}}}"};
    struct fake_host *host = open_host(&vendor);
    const struct fake_result *result = run(host, "whatsapp.send_template", k_plain);
    assert_int_equal(result->class_, KEJUE_NOT_PROCESSED);
    assert_int_equal(result->retry_after_ms, 2000);
    vendor = (struct vendor){0};
    int64_t before = fake_host_now(host);
    run(host, "whatsapp.send_template",
        "{\"to\":\"+4915112345600\",\"name\":\"visit\",\"language\":\"de\"}");
    assert_int_equal(vendor.at[0] - before, 2000);
    fake_host_destroy(host);
}

static void verdicts_of_lost_and_odd_answers(void **state)
{
    (void)state;
    static const struct {
        enum kejue_class http;
        const char *code, *json;
        enum kejue_class class_;
        const char *told;
    } rows[] = {
        {KEJUE_UNKNOWN, "timed_out", "{}", KEJUE_UNKNOWN, "timed_out"},
        {KEJUE_NOT_PROCESSED, "unavailable", "{}", KEJUE_NOT_PROCESSED, "unavailable"},
        {KEJUE_OK, "200", "{\"status\":200,\"json\":{}}", KEJUE_UNKNOWN, "no_message_id"},
        {KEJUE_OK, "200", "{\"status\":200,\"body\":\"<html>\"}", KEJUE_UNKNOWN, "no_message_id"},
        {KEJUE_CANCELED, NULL, "{}", KEJUE_UNKNOWN, "canceled"},
        {KEJUE_CREDENTIAL, "401", "{\"status\":401,\"json\":{\"error\":{\"code\":190}}}",
         KEJUE_CREDENTIAL, "190"},
        // an unlisted code is judged by the status
        {KEJUE_CALLER, "400", "{\"status\":400,\"json\":{\"error\":{\"code\":777}}}", KEJUE_CALLER,
         "777"},
        // the code wins over the status
        {KEJUE_CALLER, "400", "{\"status\":400,\"json\":{\"error\":{\"code\":131042}}}",
         KEJUE_ACCOUNT, "131042"},
        {KEJUE_OK, "200", "{\"status\":200,\"json\":{\"error\":{\"code\":1}}}", KEJUE_UNKNOWN, "1"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct vendor vendor = {rows[i].http, rows[i].code, rows[i].json};
        struct fake_host *host = open_host(&vendor);
        const struct fake_result *result = run(host, "whatsapp.send_template", k_plain);
        assert_int_equal(result->class_, rows[i].class_);
        assert_string_equal(result->code, rows[i].told);
        assert_int_equal(fake_host_refused_finishes(host), 0);
        fake_host_destroy(host);
    }
}

static void waiting_sends_can_be_canceled(void **state)
{
    (void)state;
    struct vendor vendor = {0};
    struct fake_host *host = open_host(&vendor);
    fake_host_start(host, "whatsapp.send_template", k_plain);
    uint64_t second = fake_host_start(host, "whatsapp.send_template", k_plain);
    fake_host_advance(host, 100);
    fake_host_cancel(host, second);
    assert_int_equal(fake_host_result(host, second)->class_, KEJUE_CANCELED);
    fake_host_run(host, 60000);
    assert_int_equal(vendor.count, 1);
    assert_int_equal(fake_host_timer_count(host), 0);
    // and an instance may close while sends wait
    fake_host_start(host, "whatsapp.send_template", k_plain);
    fake_host_start(host, "whatsapp.send_template", k_plain);
    fake_host_advance(host, 100);
    fake_host_destroy(host);
}

static void an_unknown_number_is_the_callers_fault(void **state)
{
    (void)state;
    struct vendor vendor = {0};
    struct fake_host *host = open_host(&vendor);
    const struct fake_result *result =
        run(host, "whatsapp.send_template",
            "{\"to\":\"+4915112345678\",\"name\":\"a\",\"language\":\"de\",\"phone_number_id\":"
            "\"999\"}");
    assert_int_equal(result->class_, KEJUE_CALLER);
    assert_string_equal(result->code, "unknown_number");
    fake_host_destroy(host);
}

static void the_queue_is_bounded(void **state)
{
    (void)state;
    struct vendor vendor = {0};
    char error[256] = "";
    struct fake_host *host = fake_host_create(
        &kejue_plugin,
        "{\"numbers\":[{\"phone_number_id\":\"111\",\"rate_per_second\":1}],\"queue_limit\":3,"
        "\"token\":\"token\"}",
        1, 0, error, sizeof error);
    fake_host_on_ask(host, answer_http, &vendor);
    uint64_t ops[6];
    for (int i = 0; i < 6; i++) {
        char json[200];
        snprintf(json, sizeof json,
                 "{\"to\":\"+49151%07d\",\"name\":\"visit\",\"language\":\"de\"}", i);
        ops[i] = fake_host_start(host, "whatsapp.send_template", json);
    }
    fake_host_run(host, 60000);
    int refused = 0;
    for (int i = 0; i < 6; i++)
        refused += fake_host_result(host, ops[i])->class_ == KEJUE_NOT_PROCESSED;
    assert_int_equal(refused, 2); // one goes at once, three wait
    assert_int_equal(vendor.count, 4);
    fake_host_destroy(host);
}

static void what_it_says_fits_the_schemas(void **state)
{
    (void)state;
    assert_true(plugin_schemas_fit(&kejue_plugin));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_it_says_fits_the_schemas),
        cmocka_unit_test(positional_parameters),
        cmocka_unit_test(named_parameters_header_and_buttons),
        cmocka_unit_test(a_hidden_user_is_reached_by_id),
        cmocka_unit_test(bodies_fit_the_vendors_schema),
        cmocka_unit_test(text_needs_an_open_window),
        cmocka_unit_test(a_paused_template_is_not_knocked_at),
        cmocka_unit_test(a_pair_is_spaced),
        cmocka_unit_test(a_number_is_spaced),
        cmocka_unit_test(throughput_holds_the_number),
        cmocka_unit_test(verdicts_of_lost_and_odd_answers),
        cmocka_unit_test(waiting_sends_can_be_canceled),
        cmocka_unit_test(an_unknown_number_is_the_callers_fault),
        cmocka_unit_test(the_queue_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
