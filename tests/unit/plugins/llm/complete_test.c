// llm.complete: the request on the wire, whole answers only, verdicts, cost.
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
    "{\"url\":\"http://127.0.0.1:1/v1/\",\"model\":\"gpt-4o-mini\",\"api_key\":\"key\",\"prices\":["
    "{\"model\":\"gpt-4o\",\"input\":2.5,\"output\":10},{\"model\":\"gpt-4o-mini\",\"input\":0.15,"
    "\"output\":0.6}]}";

static const char k_asked[] =
    "{\"system\":\"Judge.\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"schema\":{"
    "\"type\":\"object\",\"required\":[\"owner\"],\"properties\":{\"owner\":{\"type\":\"boolean\"}}"
    ","
    "\"additionalProperties\":false},\"name\":\"facts\",\"max_tokens\":100,\"temperature\":0,"
    "\"seed\":7}";

struct vendor {
    enum kejue_class class_;
    const char *json;
    char request[8192];
    const struct kj_schema *schema;
    bool fits;
};

static void answer_http(void *arg, struct fake_host *host, const struct fake_ask *ask)
{
    struct vendor *vendor = arg;
    bson_t body;
    assert_string_equal(ask->verb, "host.http");
    snprintf(vendor->request, sizeof vendor->request, "%s", ask->json);
    if (vendor->schema && kj_doc_child(ask->request, "json", &body))
        vendor->fits = vendor_fits(vendor->schema, &body);
    fake_host_answer(host, ask->id, vendor->class_, "", "words", vendor->json);
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
    uint64_t op = fake_host_start(host, "llm.complete", json);
    fake_host_run(host, 1000);
    assert_non_null(fake_host_result(host, op));
    assert_true(result_fits("llm.complete", fake_host_result(host, op)));
    return fake_host_result(host, op);
}

#define COMPLETION(message, finish)                                                               \
    "{\"status\":200,\"headers\":{},\"json\":{\"id\":\"c\",\"model\":\"gpt-4o-mini-2024-07-18\"," \
    "\"choices\":[{\"index\":0,\"message\":" message ",\"finish_reason\":\"" finish "\"}],"       \
    "\"usage\":{\"prompt_tokens\":1000,\"completion_tokens\":200}}}"
#define SAID(content) "{\"role\":\"assistant\",\"content\":\"" content "\"}"

static void a_whole_answer(void **state)
{
    (void)state;
    struct vendor vendor = {KEJUE_OK, COMPLETION(SAID("{\\\"owner\\\":true}"), "stop")};
    struct fake_host *host = open_host(k_config, &vendor);
    const struct fake_result *result = run(host, k_asked);
    assert_int_equal(result->class_, KEJUE_OK);
    assert_true(kj_doc_bool(result->doc, "json.owner", false));
    assert_string_equal(kj_doc_text(result->doc, "text", ""), "{\"owner\":true}");
    assert_string_equal(kj_doc_text(result->doc, "finish_reason", ""), "stop");
    assert_int_equal(kj_doc_int(result->doc, "usage.prompt_tokens", 0), 1000);
    // 1000 * 0.15 + 200 * 0.6 millionths: the longest price row that begins the name
    assert_int_equal(kj_doc_int(result->doc, "cost.amount_micros", 0), 270);
    assert_string_equal(kj_doc_text(result->doc, "cost.currency", ""), "USD");
    assert_non_null(strstr(vendor.request, "\"url\":\"http://127.0.0.1:1/v1/chat/completions\""));
    assert_non_null(
        strstr(vendor.request, "\"auth\":{\"secret\":\"api_key\",\"scheme\":\"bearer\"}"));
    assert_non_null(
        strstr(vendor.request,
               "\"json\":{\"model\":\"gpt-4o-mini\",\"messages\":[{\"role\":\"system\",\"content\":"
               "\"Judge.\"},{\"role\":\"user\",\"content\":\"hi\"}],\"response_format\":{\"type\":"
               "\"json_schema\",\"json_schema\":{\"name\":\"facts\",\"strict\":true,\"schema\":{"
               "\"type\":\"object\",\"required\":[\"owner\"],\"properties\":{\"owner\":{\"type\":"
               "\"boolean\"}},\"additionalProperties\":false}}},\"max_completion_tokens\":100,"
               "\"temperature\":0,\"seed\":7}"));
    fake_host_destroy(host);
}

static void requests_fit_the_vendors_schema(void **state)
{
    (void)state;
    const char *folder = vendor_folder("model requests against OpenAI's schema");
    if (!folder) {
        skip();
        return;
    }
    struct kj_schema *schema =
        vendor_schema(folder, "openai/schemas/CreateChatCompletionRequest.schema.json");
    struct vendor vendor = {KEJUE_OK, COMPLETION(SAID("{}"), "stop"), .schema = schema};
    static const char *const requests[] = {
        k_asked,
        "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\",\"content\":"
        "\"b\"},{\"role\":\"user\",\"content\":\"c\"}],\"temperature\":0.5}"};
    struct fake_host *host = open_host(k_config, &vendor);
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        vendor.fits = false;
        assert_int_equal(run(host, requests[i])->class_, KEJUE_OK);
        assert_true(vendor.fits);
    }
    bson_t *bad = fake_json("{\"model\":\"m\",\"messages\":[]}");
    assert_int_not_equal(kj_schema_check(schema, bad, false, NULL), KJ_OK);
    bson_destroy(bad);
    fake_host_destroy(host);
    kj_schema_destroy(schema);
}

static void local_servers_differ(void **state)
{
    (void)state;
    struct vendor vendor = {KEJUE_OK, COMPLETION(SAID("{}"), "stop")};
    struct fake_host *host = open_host("{\"url\":\"http://127.0.0.1:1/v1\",\"model\":\"llama\","
                                       "\"json_schema\":false,\"max_tokens_field\":\"max_tokens\"}",
                                       &vendor);
    const struct fake_result *result = run(host, k_asked);
    assert_int_equal(result->class_, KEJUE_OK);
    assert_false(kj_doc_has(result->doc, "cost")); // no price, no invented cost
    assert_null(strstr(vendor.request, "\"auth\""));
    assert_non_null(strstr(vendor.request, "\"response_format\":{\"type\":\"json_object\"}"));
    assert_non_null(strstr(vendor.request, "\"max_tokens\":100"));
    fake_host_destroy(host);
}

static void half_answers_are_no_answers(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        enum kejue_class class_;
        const char *code;
    } rows[] = {
        {COMPLETION(SAID("{\\\"owner\\\":tr"), "length"), KEJUE_CALLER, "length"},
        {COMPLETION(SAID(""), "content_filter"), KEJUE_CALLER, "content_filter"},
        {COMPLETION(SAID("{}"), "tool_calls"), KEJUE_NOT_PROCESSED, "unfinished"},
        {COMPLETION("{\"role\":\"assistant\",\"content\":null,\"refusal\":\"I will not\"}", "stop"),
         KEJUE_CALLER, "refusal"},
        {COMPLETION("{\"role\":\"assistant\",\"content\":null}", "stop"), KEJUE_NOT_PROCESSED,
         "empty"},
        {COMPLETION(SAID("Sure! {\\\"owner\\\":true}"), "stop"), KEJUE_NOT_PROCESSED, "bad_json"},
        {COMPLETION(SAID("{\\\"owner\\\":true,\\\"owner\\\":false}"), "stop"), KEJUE_NOT_PROCESSED,
         "bad_json"},
        {"{\"status\":200,\"json\":{\"choices\":[]}}", KEJUE_NOT_PROCESSED, "bad_answer"},
        {"{\"status\":200,\"body\":\"<html>\"}", KEJUE_NOT_PROCESSED, "bad_answer"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct vendor vendor = {KEJUE_OK, rows[i].json};
        struct fake_host *host = open_host(k_config, &vendor);
        const struct fake_result *result = run(host, k_asked);
        assert_string_equal(result->code, rows[i].code);
        assert_int_equal(result->class_, rows[i].class_);
        fake_host_destroy(host);
    }
}

static void failures_have_their_class(void **state)
{
    (void)state;
    static const struct {
        enum kejue_class http;
        const char *json;
        enum kejue_class class_;
        const char *code;
        int64_t retry_after_ms;
    } rows[] = {
        {KEJUE_NOT_PROCESSED,
         "{\"status\":429,\"headers\":{\"retry-after\":\"7\"},\"json\":{\"error\":{\"code\":"
         "\"rate_limit_exceeded\",\"type\":\"requests\",\"message\":\"slow\"}}}",
         KEJUE_NOT_PROCESSED, "rate_limit_exceeded", 7000},
        {KEJUE_NOT_PROCESSED,
         "{\"status\":429,\"headers\":{\"Retry-After\":\"7\",\"retry-after-ms\":\"250\"},\"json\":{"
         "\"error\":{\"code\":\"rate_limit_exceeded\"}}}",
         KEJUE_NOT_PROCESSED, "rate_limit_exceeded", 250},
        {KEJUE_NOT_PROCESSED,
         "{\"status\":429,\"json\":{\"error\":{\"code\":\"insufficient_quota\"}}}", KEJUE_ACCOUNT,
         "insufficient_quota", 0},
        {KEJUE_NOT_PROCESSED,
         "{\"status\":429,\"json\":{\"error\":{\"type\":\"credit_balance_exhausted\"}}}",
         KEJUE_ACCOUNT, "credit_balance_exhausted", 0},
        {KEJUE_CREDENTIAL, "{\"status\":401,\"json\":{\"error\":{\"code\":\"invalid_api_key\"}}}",
         KEJUE_CREDENTIAL, "invalid_api_key", 0},
        {KEJUE_CALLER,
         "{\"status\":400,\"json\":{\"error\":{\"code\":\"context_length_exceeded\"}}}",
         KEJUE_CALLER, "context_length_exceeded", 0},
        {KEJUE_UNKNOWN, "{\"status\":500,\"json\":{\"error\":{\"code\":null}}}", KEJUE_UNKNOWN, "",
         0},
        {KEJUE_UNKNOWN, "{}", KEJUE_UNKNOWN, "", 0},
        {KEJUE_CANCELED, "{}", KEJUE_CANCELED, "", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct vendor vendor = {rows[i].http, rows[i].json};
        struct fake_host *host = open_host(k_config, &vendor);
        const struct fake_result *result = run(host, k_asked);
        assert_int_equal(result->class_, rows[i].class_);
        assert_string_equal(result->code, rows[i].code);
        assert_int_equal(result->retry_after_ms, rows[i].retry_after_ms);
        bool ill = rows[i].class_ == KEJUE_ACCOUNT || rows[i].class_ == KEJUE_CREDENTIAL;
        assert_int_equal(fake_host_healthy(host), !ill);
        fake_host_destroy(host);
    }
}

static void closing_forgets_what_is_open(void **state)
{
    (void)state;
    struct vendor vendor = {KEJUE_OK, "{}"};
    struct fake_host *host = open_host(k_config, &vendor);
    fake_host_on_ask(host, NULL, NULL);
    fake_host_start(host, "llm.complete", k_asked);
    fake_host_start(host, "llm.complete", k_asked);
    fake_host_run(host, 100);
    assert_int_equal(fake_host_open_count(host), 2);
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
        cmocka_unit_test(a_whole_answer),
        cmocka_unit_test(requests_fit_the_vendors_schema),
        cmocka_unit_test(local_servers_differ),
        cmocka_unit_test(half_answers_are_no_answers),
        cmocka_unit_test(failures_have_their_class),
        cmocka_unit_test(closing_forgets_what_is_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
