// crm.upsert: mapping, address, headers, verdicts.
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

struct vendor {
    enum kejue_class class_;
    const char *json;
    char request[4096];
    const struct kj_schema *schema;
    bool fits;
};

static void answer_http(void *arg, struct fake_host *host, const struct fake_ask *ask)
{
    struct vendor *vendor = arg;
    bson_t body;
    snprintf(vendor->request, sizeof vendor->request, "%s", ask->json);
    if (vendor->schema && kj_doc_child(ask->request, "json", &body))
        vendor->fits = vendor_fits(vendor->schema, &body);
    fake_host_answer(host, ask->id, vendor->class_, "500", "HTTP status",
                     vendor->json ? vendor->json : "{\"status\":201,\"json\":{\"id\":\"77\"}}");
}

static struct fake_host *open_host(const char *config, struct vendor *vendor)
{
    char error[256] = "";
    struct fake_host *host = fake_host_create(&kejue_plugin, config, 1, 0, error, sizeof error);
    assert_string_equal(error, "");
    fake_host_on_ask(host, answer_http, vendor);
    return host;
}

static const struct fake_result *run(struct fake_host *host, const char *json)
{
    uint64_t op = fake_host_start(host, "crm.upsert", json);
    fake_host_run(host, 1000);
    assert_non_null(fake_host_result(host, op));
    assert_true(result_fits("crm.upsert", fake_host_result(host, op)));
    return fake_host_result(host, op);
}

static const char k_record[] =
    "{\"record\":{\"lead\":{\"phone_number\":\"+4915112345678\",\"first_name\":\"Anna\","
    "\"tags\":[\"a\",\"b\"]},\"score\":80,\"serious\":true},\"key\":\"41-2\"}";

static void fields_are_nested(void **state)
{
    (void)state;
    struct vendor vendor = {0};
    struct fake_host *host = open_host(
        "{\"url\":\"http://127.0.0.1:1\",\"path\":\"/crm/contacts\",\"auth\":\"bearer\",\"token\":"
        "\"t\",\"headers\":[{\"name\":\"X-Source\",\"value\":\"kejue\"}],\"mapping\":["
        "{\"from\":\"lead.phone_number\",\"to\":\"properties.phone\"},{\"from\":\"score\",\"to\":"
        "\"score\"},{\"from\":\"lead.first_name\",\"to\":\"properties.firstname\"},{\"value\":"
        "\"kejue\",\"to\":\"source.name\"},{\"from\":\"lead.company\",\"to\":\"company.name\"},"
        "{\"from\":\"lead.tags\",\"to\":\"tags\"},{\"from\":\"serious\",\"to\":\"properties.hot\"}]"
        "}",
        &vendor);
    const struct fake_result *result = run(host, k_record);
    assert_int_equal(result->class_, KEJUE_OK);
    assert_string_equal(kj_doc_text(result->doc, "id", ""), "77");
    assert_int_equal(kj_doc_int(result->doc, "status", 0), 201);
    assert_string_equal(
        vendor.request,
        "{\"method\":\"POST\",\"url\":\"http://127.0.0.1:1/crm/contacts\",\"timeout_ms\":20000,"
        "\"headers\":{\"Idempotency-Key\":\"41-2\",\"X-Source\":\"kejue\"},\"auth\":{\"secret\":"
        "\"token\",\"scheme\":\"bearer\"},\"json\":{\"properties\":{\"firstname\":\"Anna\",\"hot\":"
        "true,\"phone\":\"+4915112345678\"},\"score\":80,\"source\":{\"name\":\"kejue\"},\"tags\":["
        "\"a\",\"b\"]}}");
    fake_host_destroy(host);
}

static void hubspots_batch_upsert_is_configuration(void **state)
{
    (void)state;
    struct vendor vendor = {.json = "{\"status\":200,\"json\":{\"results\":[{\"id\":\"512\"}]}}"};
    const char *folder = vendor_folder("a CRM request against HubSpot's schema");
    struct kj_schema *schema =
        folder ? vendor_schema(folder, "hubspot/schemas/"
                                       "BatchInputSimplePublicObjectBatchInputUpsert.schema.json")
               : NULL;
    vendor.schema = schema;
    struct fake_host *host = open_host(
        "{\"url\":\"https://api.hubapi.com\",\"path\":\"/crm/v3/objects/contacts/batch/upsert\","
        "\"auth\":\"bearer\",\"token\":\"t\",\"id_path\":\"results.0.id\",\"mapping\":["
        "{\"from\":\"lead.phone_number\",\"to\":\"inputs.0.id\"},{\"value\":\"phone\",\"to\":"
        "\"inputs.0.idProperty\"},{\"from\":\"lead.first_name\",\"to\":"
        "\"inputs.0.properties.firstname\"}]}",
        &vendor);
    const struct fake_result *result = run(host, k_record);
    assert_string_equal(kj_doc_text(result->doc, "id", ""), "512");
    assert_non_null(strstr(vendor.request,
                           "\"json\":{\"inputs\":[{\"id\":\"+4915112345678\",\"idProperty\":"
                           "\"phone\",\"properties\":{\"firstname\":\"Anna\"}}]}"));
    if (schema)
        assert_true(vendor.fits);
    kj_schema_destroy(schema);
    fake_host_destroy(host);
}

static void the_address_takes_values(void **state)
{
    (void)state;
    struct vendor vendor = {.json = "{\"status\":204}"};
    struct fake_host *host = open_host(
        "{\"url\":\"https://x.example/\",\"path\":\"/Lead/Phone__c/{lead.phone_number}?s={score}\","
        "\"method\":\"PATCH\"}",
        &vendor);
    const struct fake_result *result = run(host, k_record);
    assert_int_equal(result->class_, KEJUE_OK);
    assert_false(kj_doc_has(result->doc, "id"));
    assert_non_null(strstr(vendor.request,
                           "\"url\":\"https://x.example/Lead/Phone__c/%2B4915112345678?s=80\""));
    assert_non_null(strstr(vendor.request, "\"json\":{\"lead\":{\"phone_number\"")); // as it is
    result = run(host, "{\"record\":{\"score\":1}}");
    assert_int_equal(result->class_, KEJUE_CALLER);
    assert_string_equal(result->code, "missing_field");
    assert_non_null(strstr(result->text, "lead.phone_number"));
    run(host, "{\"record\":{\"lead\":{\"phone_number\":\"a/../b c?#ü\"},\"score\":1}}");
    assert_non_null(strstr(vendor.request, "/Phone__c/a%2F..%2Fb%20c%3F%23%C3%BC?s=1\""));
    fake_host_destroy(host);
}

static void a_flat_request_is_the_record(void **state)
{
    (void)state;
    struct vendor vendor = {0};
    struct fake_host *host =
        open_host("{\"url\":\"http://127.0.0.1:1/crm\",\"mapping\":[{\"from\":\"phone\",\"to\":"
                  "\"p\",\"required\":true}]}",
                  &vendor);
    assert_int_equal(run(host, "{\"phone\":\"+49151\",\"score\":80}")->class_, KEJUE_OK);
    assert_non_null(strstr(vendor.request, "\"json\":{\"p\":\"+49151\"}"));
    assert_non_null(strstr(vendor.request, "\"Idempotency-Key\":\"key-"));
    assert_string_equal(run(host, "{\"score\":80}")->code, "missing_field");
    fake_host_destroy(host);
}

static void a_lost_answer_depends_on_the_endpoint(void **state)
{
    (void)state;
    static const struct {
        const char *config;
        enum kejue_class class_;
    } rows[] = {
        {"{\"url\":\"http://127.0.0.1:1\"}", KEJUE_UNKNOWN},
        {"{\"url\":\"http://127.0.0.1:1\",\"method\":\"PUT\"}", KEJUE_NOT_PROCESSED},
        {"{\"url\":\"http://127.0.0.1:1\",\"repeatable\":true}", KEJUE_NOT_PROCESSED},
        {"{\"url\":\"http://127.0.0.1:1\",\"method\":\"PUT\",\"repeatable\":false}", KEJUE_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct vendor vendor = {KEJUE_UNKNOWN, "{\"status\":500,\"json\":{\"message\":\"boom\"}}"};
        struct fake_host *host = open_host(rows[i].config, &vendor);
        const struct fake_result *result = run(host, k_record);
        assert_int_equal(result->class_, rows[i].class_);
        assert_string_equal(result->text, "HTTP status: boom");
        fake_host_destroy(host);
    }
}

static void impossible_configurations_are_refused(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"{\"url\":\"u\",\"mapping\":[{\"from\":\"x\",\"to\":\"a\"},{\"from\":\"y\",\"to\":\"a.b\"}"
         "]}",
         "\"a\" and \"a.b\""},
        {"{\"url\":\"u\",\"mapping\":[{\"from\":\"x\",\"to\":\"a\"},{\"from\":\"y\",\"to\":\"a\"}]"
         "}",
         "\"a\" and \"a\""},
        {"{\"url\":\"u\",\"mapping\":[{\"from\":\"x\",\"to\":\"a..b\"}]}", "is no path"},
        {"{\"url\":\"u\",\"mapping\":[{\"from\":\"x\",\"to\":\"a.0.b\"},{\"from\":\"y\",\"to\":"
         "\"a.c\"}]}",
         "part of a list"},
        {"{\"url\":\"u\",\"auth\":\"bearer\"}", "token is missing"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char error[256] = "";
        assert_null(fake_host_create(&kejue_plugin, rows[i][0], 1, 0, error, sizeof error));
        assert_non_null(strstr(error, rows[i][1]));
    }
}

static void lists_keep_their_order(void **state)
{
    (void)state;
    struct vendor vendor = {0};
    char config[2000];
    size_t used = (size_t)snprintf(config, sizeof config, "{\"url\":\"u\",\"mapping\":[");
    for (int i = 11; i >= 0; i--)
        used += (size_t)snprintf(config + used, sizeof config - used,
                                 "{\"value\":\"v%d\",\"to\":\"list.%d\"}%s", i, i, i ? "," : "]}");
    struct fake_host *host = open_host(config, &vendor);
    run(host, k_record);
    assert_non_null(strstr(vendor.request,
                           "\"list\":[\"v0\",\"v1\",\"v2\",\"v3\",\"v4\",\"v5\",\"v6\",\"v7\","
                           "\"v8\",\"v9\",\"v10\",\"v11\"]"));
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
        cmocka_unit_test(fields_are_nested),
        cmocka_unit_test(hubspots_batch_upsert_is_configuration),
        cmocka_unit_test(the_address_takes_values),
        cmocka_unit_test(a_flat_request_is_the_record),
        cmocka_unit_test(a_lost_answer_depends_on_the_endpoint),
        cmocka_unit_test(impossible_configurations_are_refused),
        cmocka_unit_test(lists_keep_their_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
