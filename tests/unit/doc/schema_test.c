// JSON Schema: references to other documents, dates, the one-sentence fault, and bounds.
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include "doc/json.h"
#include "doc/schema.h"

#include "base/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bson_t *parse(const char *text, bool *is_array)
{
    static const struct kj_json_limits limits = {16u << 20, 1u << 20, 150};
    struct kj_fault fault = {0};
    bson_t *doc;
    if (kj_json_parse(text, strlen(text), &limits, &doc, is_array, &fault) != 0)
        fail_msg("%s: %s: %s", text, fault.place, fault.text);
    return doc;
}

static struct kj_schema *compile(const char *text)
{
    struct kj_fault fault = {0};
    struct kj_schema *schema;
    bson_t *source = parse(text, NULL);
    if (kj_schema_compile(source, NULL, NULL, &schema, &fault) != 0)
        fail_msg("%s: %s: %s", text, fault.place, fault.text);
    bson_destroy(source);
    return schema;
}

// All faults as "pointer keyword text" lines.
static char *judge(const struct kj_schema *schema, const char *text)
{
    struct kj_schema_report report = {0};
    struct kj_buf out;
    bool is_array;
    bson_t *doc = parse(text, &is_array);
    int rc = kj_schema_check(schema, doc, is_array, &report);
    assert_int_equal(rc, kj_schema_check(schema, doc, is_array, NULL));
    assert_int_equal(rc, report.count ? KJ_ESCHEMA : 0);
    kj_buf_init(&out, 0);
    for (size_t i = 0; i < report.count; i++)
        kj_buf_addf(&out, "%s%s|%s|%s", i ? "\n" : "", report.faults[i].pointer,
                    report.faults[i].keyword, report.faults[i].text);
    kj_schema_report_fini(&report);
    bson_destroy(doc);
    return kj_buf_take(&out);
}

struct shelf {
    bson_t *lead, *phone;
    int asked;
};

static const bson_t *from_shelf(void *arg, const char *name)
{
    struct shelf *shelf = arg;
    shelf->asked++;
    return strcmp(name, "documents/lead") == 0    ? shelf->lead
           : strcmp(name, "documents/phone") == 0 ? shelf->phone
                                                  : NULL;
}

static void follows_references_to_other_documents(void **state)
{
    (void)state;
    struct shelf shelf = {
        .lead = parse("{\"properties\":{\"phone\":{\"$ref\":\"documents/phone#/$defs/number\"},"
                      "\"friend\":{\"$ref\":\"documents/lead\"}}}",
                      NULL),
        .phone = parse("{\"$defs\":{\"number\":{\"type\":\"string\",\"minLength\":5}}}", NULL)};
    struct kj_fault fault = {0};
    struct kj_schema *schema;
    bson_t *source = parse("{\"properties\":{\"lead\":{\"$ref\":\"documents/lead\"},"
                           "\"other\":{\"$ref\":\"documents/lead#/properties/phone\"}}}",
                           NULL);
    assert_int_equal(kj_schema_compile(source, from_shelf, &shelf, &schema, &fault), 0);
    assert_int_equal(shelf.asked, 2); // each once
    bson_destroy(source);
    bson_destroy(shelf.lead); // a compiled schema keeps copies
    bson_destroy(shelf.phone);
    char *faults = judge(schema, "{\"lead\":{\"friend\":{\"phone\":\"123\"}},\"other\":7}");
    assert_string_equal(faults, "/lead/friend/phone|minLength|must have at least 5 characters\n"
                                "/other|type|must be text, is a whole number");
    free(faults);
    kj_schema_destroy(schema);
}

static void takes_dates_as_text(void **state)
{
    (void)state;
    struct kj_schema *schema =
        compile("{\"properties\":{\"at\":{\"type\":\"string\",\"format\":\"date-time\"},"
                "\"day\":{\"type\":\"string\",\"format\":\"date\"},"
                "\"old\":{\"type\":\"string\",\"pattern\":\"^19\"}}}");
    struct kj_schema_report report = {0};
    bson_t doc = BSON_INITIALIZER;
    kj_doc_put_time(&doc, "at", 1782892800000);
    assert_int_equal(kj_schema_check(schema, &doc, false, &report), 0);
    kj_doc_put_time(&doc, "day", 1782892800000);
    kj_doc_put_time(&doc, "old", 0);
    assert_int_equal(kj_schema_check(schema, &doc, false, &report), KJ_ESCHEMA);
    assert_int_equal(report.count, 1);
    assert_string_equal(report.faults[0].pointer, "/day");
    kj_schema_report_fini(&report);
    bson_destroy(&doc);
    kj_schema_destroy(schema);
}

static void reports_in_one_sentence_and_within_limits(void **state)
{
    (void)state;
    struct kj_schema *schema = compile("{\"properties\":{\"a\":{\"type\":\"integer\"},"
                                       "\"b\":{\"type\":\"integer\"},\"c\":{\"items\":false}}}");
    bson_t *doc = parse("{\"a\":\"x\",\"b\":\"y\",\"c\":[1,2,3,4]}", NULL);
    struct kj_fault fault = {0};
    assert_int_equal(kj_schema_check_fault(schema, doc, &fault), KJ_ESCHEMA);
    assert_string_equal(fault.place, "/a");
    assert_string_equal(fault.text, "must be a whole number, is text (and 5 more)");
    struct kj_schema_report report = {.limit = 3};
    assert_int_equal(kj_schema_check(schema, doc, false, &report), KJ_ESCHEMA);
    assert_int_equal(report.count, 3);
    kj_schema_report_fini(&report);
    bson_iter_t at;
    assert_true(kj_doc_find(doc, "a", &at));
    assert_int_equal(kj_schema_check_value(schema, &at, &report), 0); // no object, no properties
    kj_schema_report_fini(&report);
    bson_destroy(doc);
    kj_schema_destroy(schema);
}

// Each of these would take ages or the stack if it were not stopped.
static void stays_within_bounds(void **state)
{
    (void)state;
    struct kj_schema *schema = compile("{\"items\":{\"pattern\":\"^(a|a)*$\"}}");
    struct kj_buf text;
    kj_buf_init(&text, 0);
    for (int i = 0; i < 400; i++)
        kj_buf_adds(&text, i ? ",\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\""
                             : "[\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\"");
    kj_buf_adds(&text, "]");
    char *faults = judge(schema, text.data);
    assert_true(strlen(faults) > 0);
    free(faults);
    kj_schema_destroy(schema);
    // Two ways at every level: 2^60 paths without a budget.
    schema = compile("{\"anyOf\":[{\"properties\":{\"n\":{\"$ref\":\"#\"}},\"required\":[\"x\"]},"
                     "{\"properties\":{\"n\":{\"$ref\":\"#\"}},\"required\":[\"y\"]}]}");
    kj_buf_reset(&text);
    for (int i = 0; i < 60; i++)
        kj_buf_adds(&text, "{\"n\":");
    kj_buf_adds(&text, "{}");
    for (int i = 0; i < 60; i++)
        kj_buf_adds(&text, "}");
    faults = judge(schema, text.data);
    assert_true(strlen(faults) > 0);
    free(faults);
    kj_schema_destroy(schema);
    // A hundred thousand distinct items: no pair-wise comparison.
    schema = compile("{\"uniqueItems\":true}");
    kj_buf_reset(&text);
    for (int i = 0; i < 100000; i++)
        kj_buf_addf(&text, "%c%d", i ? ',' : '[', i);
    kj_buf_adds(&text, "]");
    faults = judge(schema, text.data);
    assert_string_equal(faults, "");
    free(faults);
    kj_schema_destroy(schema);
    kj_buf_fini(&text);
}

static void stops_at_bottomless_documents(void **state)
{
    (void)state;
    struct kj_schema *schema = compile("{\"properties\":{\"d\":{\"$ref\":\"#\"}}}");
    struct kj_schema_report report = {0};
    bson_t *doc = bson_new();
    for (int i = 0; i < 2000; i++) {
        bson_t *outer = bson_new();
        BSON_APPEND_DOCUMENT(outer, "d", doc);
        bson_destroy(doc);
        doc = outer;
    }
    assert_int_equal(kj_schema_check(schema, doc, false, &report), KJ_ESCHEMA);
    assert_string_equal(report.faults[0].text, "is too complex to be checked");
    kj_schema_report_fini(&report);
    bson_destroy(doc);
    kj_schema_destroy(schema);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_references_to_other_documents),
        cmocka_unit_test(takes_dates_as_text),
        cmocka_unit_test(reports_in_one_sentence_and_within_limits),
        cmocka_unit_test(stays_within_bounds),
        cmocka_unit_test(stops_at_bottomless_documents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
