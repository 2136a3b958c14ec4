// JSON Schema: what each keyword lets through, what it says otherwise, and broken schemas.
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

struct row {
    const char *schema, *doc, *faults; // "" = valid
};

static const struct row k_rows[] = {
    // type
    {"{\"properties\":{\"a\":{\"type\":\"string\"}}}", "{\"a\":\"x\"}", ""},
    {"{\"properties\":{\"a\":{\"type\":\"string\"}}}", "{\"a\":1}",
     "/a|type|must be text, is a whole number"},
    {"{\"properties\":{\"a\":{\"type\":[\"integer\",\"null\"]}}}", "{\"a\":true}",
     "/a|type|must be a whole number or null, is true"},
    {"{\"properties\":{\"a\":{\"type\":\"integer\"}}}", "{\"a\":1.0}", ""},
    {"{\"properties\":{\"a\":{\"type\":\"integer\"}}}", "{\"a\":1.5}",
     "/a|type|must be a whole number, is a number with a fraction"},
    {"{\"properties\":{\"a\":{\"type\":\"number\"}}}", "{\"a\":{}}",
     "/a|type|must be a number, is an object"},
    {"{\"type\":\"object\"}", "[]", "|type|must be an object, is a list"},
    {"{\"properties\":{\"a\":{\"type\":\"boolean\"}}}", "{\"a\":null}",
     "/a|type|must be true or false, is null"},
    // enum, const
    {"{\"properties\":{\"a\":{\"enum\":[\"high\",\"low\",3,null]}}}", "{\"a\":3.0}", ""},
    {"{\"properties\":{\"a\":{\"enum\":[\"high\",\"medium\",\"low\"]}}}", "{\"a\":\"hihg\"}",
     "/a|enum|must be one of \"high\", \"medium\", \"low\"; did you mean \"high\"?"},
    {"{\"properties\":{\"a\":{\"enum\":[\"a\",1]}}}", "{\"a\":[]}",
     "/a|enum|must be one of \"a\", 1"},
    {"{\"properties\":{\"a\":{\"const\":{\"x\":[1,2]}}}}", "{\"a\":{\"x\":[1.0,2]}}", ""},
    {"{\"properties\":{\"a\":{\"const\":{\"x\":1}}}}", "{\"a\":{\"x\":2}}",
     "/a|const|must be {\"x\":1}"},
    // numbers
    {"{\"items\":{\"minimum\":1,\"maximum\":24}}", "[1,24,0,25]",
     "/2|minimum|must be at least 1\n/3|maximum|must be at most 24"},
    {"{\"items\":{\"exclusiveMinimum\":0,\"exclusiveMaximum\":1.5}}", "[0,1.5,1]",
     "/0|exclusiveMinimum|must be greater than 0\n/1|exclusiveMaximum|must be less than 1.5"},
    {"{\"items\":{\"multipleOf\":0.01}}", "[0.07,19.99,4,0.015]",
     "/3|multipleOf|must be a multiple of 0.01"},
    {"{\"items\":{\"multipleOf\":5}}", "[10,-15,0,12,1e300]",
     "/3|multipleOf|must be a multiple of 5"},
    {"{\"items\":{\"maximum\":9007199254740992.0}}", "[9007199254740992,9007199254740993]",
     "/1|maximum|must be at most 9007199254740992"},
    // text
    {"{\"items\":{\"minLength\":2,\"maxLength\":3}}",
     "[\"a\",\"\xc3\xa9\xc3\xa9\xc3\xa9\",\"abcd\",\"\xf0\x9f\x98\x80\",5]",
     "/0|minLength|must have at least 2 characters\n"
     "/2|maxLength|must have at most 3 characters\n"
     "/3|minLength|must have at least 2 characters"},
    {"{\"items\":{\"minLength\":1}}", "[\"\"]", "/0|minLength|must not be empty"},
    {"{\"items\":{\"pattern\":\"^[a-z]+$\"}}", "[\"ab\",\"aB\",\"ab\\n\"]",
     "/1|pattern|must match the pattern ^[a-z]+$\n/2|pattern|must match the pattern ^[a-z]+$"},
    {"{\"items\":{\"pattern\":\"\\\\p{Letter}\"}}", "[\"\xc4\x85\",\"1\"]",
     "/1|pattern|must match the pattern \\p{Letter}"},
    {"{\"items\":{\"format\":\"e164\"}}", "[\"+48123456789\",\"48123\"]",
     "/1|format|must be a phone number in international form such as +48123456789"},
    {"{\"items\":{\"format\":\"unheard-of\"}}", "[\"anything\"]", ""},
    // objects
    {"{\"required\":[\"a\",\"b\"],\"properties\":{\"a\":{},\"b\":{},\"c\":{}}}", "{\"c\":1}",
     "|required|the field \"a\" is missing\n|required|the field \"b\" is missing"},
    {"{\"properties\":{\"first_name\":{},\"last_name\":{}},\"additionalProperties\":false}",
     "{\"frist_name\":1,\"zzz\":2}",
     "/frist_name|additionalProperties|unknown field, did you mean \"first_name\"?\n"
     "/zzz|additionalProperties|unknown field; the fields here are \"first_name\", \"last_name\""},
    {"{\"properties\":{\"a\":{}},\"additionalProperties\":{\"type\":\"integer\"}}",
     "{\"a\":\"x\",\"b\":\"y\"}", "/b|type|must be a whole number, is text"},
    {"{\"patternProperties\":{\"^x-\":{\"type\":\"string\"},\"z$\":false},"
     "\"additionalProperties\":false}",
     "{\"x-a\":\"1\",\"x-b\":1,\"qz\":1}",
     "/x-b|type|must be text, is a whole number\n/qz|false|must not be there"},
    {"{\"propertyNames\":{\"maxLength\":2}}", "{\"ab\":1,\"abc\":1}",
     "/abc|propertyNames|is not an allowed name here"},
    {"{\"minProperties\":1,\"maxProperties\":2}", "{}",
     "|minProperties|must have at least 1 fields"},
    {"{\"minProperties\":1,\"maxProperties\":2}", "{\"a\":1,\"b\":1,\"c\":1}",
     "|maxProperties|must have at most 2 fields"},
    {"{\"dependentRequired\":{\"card\":[\"address\",\"name\"]}}", "{\"card\":1,\"name\":1}",
     "|dependentRequired|the field \"address\" is missing, \"card\" needs it"},
    {"{\"dependentSchemas\":{\"a\":{\"required\":[\"b\"]}}}", "{\"a\":1}",
     "|required|the field \"b\" is missing"},
    {"{\"dependencies\":{\"a\":[\"b\"],\"c\":{\"required\":[\"d\"]}}}", "{\"a\":1,\"c\":1}",
     "|dependentRequired|the field \"b\" is missing, \"a\" needs it\n"
     "|required|the field \"d\" is missing"},
    {"{\"properties\":{\"a/b\":{\"properties\":{\"m~n\":{\"type\":\"null\"}}}}}",
     "{\"a/b\":{\"m~n\":1}}", "/a~1b/m~0n|type|must be null, is a whole number"},
    // arrays
    {"{\"prefixItems\":[{\"type\":\"string\"}],\"items\":{\"type\":\"integer\"}}", "[1,2,\"x\"]",
     "/0|type|must be text, is a whole number\n/2|type|must be a whole number, is text"},
    {"{\"minItems\":1,\"maxItems\":2}", "[]", "|minItems|must have at least 1 items"},
    {"{\"minItems\":1,\"maxItems\":2}", "[1,2,3]", "|maxItems|must have at most 2 items"},
    {"{\"uniqueItems\":true}", "[1,2,{\"a\":1,\"b\":2},3,{\"b\":2.0,\"a\":1}]",
     "|uniqueItems|items 2 and 4 are equal"},
    {"{\"uniqueItems\":true}", "[1,2,3,4,5,6,7,8,9,10,11,12,\"x\",1.0]",
     "|uniqueItems|items 0 and 13 are equal"},
    {"{\"uniqueItems\":true}", "[1,true,\"1\",[1],{\"a\":1},null,0,false,\"\",[],{},1.5]", ""},
    {"{\"contains\":{\"const\":1}}", "[2,1]", ""},
    {"{\"contains\":{\"const\":1}}", "[2]",
     "|contains|must contain at least 1 of the wanted items, has 0"},
    {"{\"contains\":{\"const\":1},\"minContains\":2,\"maxContains\":3}", "[1,2]",
     "|minContains|must contain at least 2 of the wanted items, has 1"},
    {"{\"contains\":{\"const\":1},\"minContains\":0,\"maxContains\":1}", "[1,1]",
     "|maxContains|must contain at most 1 of the named items, has 2"},
    // logic
    {"{\"allOf\":[{\"required\":[\"a\"]},{\"required\":[\"b\"]}]}", "{}",
     "|required|the field \"a\" is missing\n|required|the field \"b\" is missing"},
    {"{\"items\":{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"object\",\"required\":[\"id\"]}]}}",
     "[\"x\",{\"id\":1},{}]",
     "/2|anyOf|fits none of the 2 allowed forms; nearest is form 2, where /2 the field \"id\" is "
     "missing"},
    {"{\"oneOf\":[{\"properties\":{\"kind\":{\"const\":\"a\"},\"x\":{\"type\":\"integer\"}}},"
     "{\"properties\":{\"kind\":{\"const\":\"b\"},\"y\":{\"type\":\"integer\"},"
     "\"z\":{\"type\":\"integer\"}}}]}",
     "{\"kind\":\"b\",\"y\":\"1\",\"z\":\"2\"}",
     "|oneOf|fits none of the 2 allowed forms; nearest is form 2, where /y must be a whole number, "
     "is text\n"
     "/z|type|must be a whole number, is text"},
    {"{\"oneOf\":[{\"required\":[\"a\"]},{\"required\":[\"b\"]},{\"required\":[\"c\"]}]}",
     "{\"a\":1,\"c\":1}", "|oneOf|fits forms 1 and 3, but must fit only one"},
    {"{\"not\":{\"required\":[\"a\"]}}", "{\"a\":1}", "|not|has a form that is not allowed here"},
    {"{\"if\":{\"required\":[\"a\"]},\"then\":{\"required\":[\"b\"]},\"else\":{\"required\":"
     "[\"c\"]}}",
     "{\"a\":1}", "|required|the field \"b\" is missing"},
    {"{\"if\":{\"required\":[\"a\"]},\"then\":{\"required\":[\"b\"]},\"else\":{\"required\":"
     "[\"c\"]}}",
     "{}", "|required|the field \"c\" is missing"},
    {"{\"then\":false,\"else\":false}", "{}", ""},
    // what nothing else has looked at
    {"{\"allOf\":[{\"properties\":{\"name\":true}}],\"properties\":{\"age\":true},"
     "\"unevaluatedProperties\":false}",
     "{\"name\":1,\"age\":2,\"nmae\":3}",
     "/nmae|unevaluatedProperties|unknown field, did you mean \"name\"?"},
    {"{\"anyOf\":[{\"properties\":{\"a\":{\"const\":1}},\"required\":[\"a\"]},"
     "{\"properties\":{\"b\":true},\"required\":[\"b\"]}],\"unevaluatedProperties\":false}",
     "{\"a\":2,\"b\":1}", "/a|unevaluatedProperties|does not go with the other fields here"},
    {"{\"allOf\":[{\"properties\":{\"name\":{\"type\":\"string\"}}}],"
     "\"unevaluatedProperties\":false}",
     "{\"name\":1,\"zzz\":1}",
     "/name|type|must be text, is a whole number\n"
     "/zzz|unevaluatedProperties|unknown field; the fields here are \"name\""},
    {"{\"prefixItems\":[true],\"contains\":{\"type\":\"string\"},\"unevaluatedItems\":false}",
     "[1,\"a\",2]", "/2|false|must not be there"},
    {"{\"unevaluatedProperties\":{\"type\":\"string\"},\"properties\":{\"a\":true}}",
     "{\"a\":1,\"b\":2}", "/b|type|must be text, is a whole number"},
    // references
    {"{\"$ref\":\"#/$defs/name\",\"$defs\":{\"name\":{\"required\":[\"a\"]}}}", "{}",
     "|required|the field \"a\" is missing"},
    {"{\"properties\":{\"next\":{\"$ref\":\"#\"},\"v\":{\"type\":\"integer\"}}}",
     "{\"next\":{\"next\":{\"v\":\"x\"}}}", "/next/next/v|type|must be a whole number, is text"},
    {"{\"$ref\":\"#here\",\"$defs\":{\"x\":{\"$anchor\":\"here\",\"minProperties\":1}}}", "{}",
     "|minProperties|must have at least 1 fields"},
    {"{\"$ref\":\"#/$defs/a%25b~1c\",\"$defs\":{\"a%b/c\":{\"minProperties\":1}}}", "{}",
     "|minProperties|must have at least 1 fields"},
    {"{\"$id\":\"https://x.example/strict\",\"$ref\":\"tree\",\"$dynamicAnchor\":\"node\","
     "\"unevaluatedProperties\":false,\"$defs\":{\"tree\":{\"$id\":\"tree\","
     "\"$dynamicAnchor\":\"node\",\"properties\":{\"kids\":{\"items\":"
     "{\"$dynamicRef\":\"#node\"}}}}}}",
     "{\"kids\":[{\"kidz\":[]}]}",
     "/kids/0/kidz|unevaluatedProperties|unknown field, did you mean \"kids\"?"},
};

static void judges_every_keyword(void **state)
{
    (void)state;
    for (size_t i = 0; i < KJ_COUNT(k_rows); i++) {
        struct kj_schema *schema = compile(k_rows[i].schema);
        char *faults = judge(schema, k_rows[i].doc);
        if (strcmp(faults, k_rows[i].faults) != 0)
            fail_msg("%s of %s:\n%s\ninstead of\n%s", k_rows[i].doc, k_rows[i].schema, faults,
                     k_rows[i].faults);
        free(faults);
        kj_schema_destroy(schema);
    }
}

static const struct {
    const char *schema, *place, *text;
} k_broken[] = {
    {"{\"type\":\"text\"}", "#/type", "must be one of string"},
    {"{\"properties\":{\"a\":{\"type\":[1]}}}", "#/properties/a/type/0", "must be one of string"},
    {"{\"properties\":[]}", "#/properties", "must be an object"},
    {"{\"properties\":{\"a\":3}}", "#/properties/a", "a schema must be an object, true or false"},
    {"{\"items\":[{}]}", "#/items", "a schema must be an object, true or false"},
    {"{\"required\":\"a\"}", "#/required", "must be a list of names"},
    {"{\"required\":[1]}", "#/required/0", "must be the name of a field"},
    {"{\"minLength\":-1}", "#/minLength", "must be a whole number from 0 up"},
    {"{\"maxItems\":1.5}", "#/maxItems", "must be a whole number from 0 up"},
    {"{\"minimum\":\"1\"}", "#/minimum", "must be a number"},
    {"{\"multipleOf\":0}", "#/multipleOf", "must be greater than 0"},
    {"{\"enum\":{}}", "#/enum", "must be a list of values"},
    {"{\"allOf\":[]}", "#/allOf", "must be a list of at least one schema"},
    {"{\"uniqueItems\":1}", "#/uniqueItems", "must be true or false"},
    {"{\"pattern\":\"(\"}", "#/pattern", "is not a regular expression"},
    {"{\"patternProperties\":{\"[\":{}}}", "#/patternProperties/[", "is not a regular expression"},
    {"{\"$ref\":\"#/$defs/none\"}", "#/$ref", "leads nowhere"},
    {"{\"$ref\":\"#none\"}", "#/$ref", "leads nowhere"},
    {"{\"$ref\":\"elsewhere\"}", "#/$ref", "refers to a schema that does not exist"},
    {"{\"$ref\":1}", "#/$ref", "must be a reference"},
    {"{\"$ref\":\"#\"}", "#", "refers to itself without end"},
    {"{\"$id\":\"x#y\"}", "#/$id", "must not have a fragment"},
    {"{\"$anchor\":1}", "#/$anchor", "an anchor must be text"},
    {"{\"allOf\":[{\"$ref\":\"#/$defs/a\"}],\"$defs\":{\"a\":{\"anyOf\":[{\"$ref\":\"#\"}]}}}", "#",
     "refers to itself without end"},
};

static void refuses_broken_schemas(void **state)
{
    (void)state;
    for (size_t i = 0; i < KJ_COUNT(k_broken); i++) {
        struct kj_fault fault = {0};
        struct kj_schema *schema;
        bson_t *source = parse(k_broken[i].schema, NULL);
        int rc = kj_schema_compile(source, NULL, NULL, &schema, &fault);
        bson_destroy(source);
        assert_null(schema);
        if (rc != KJ_ESCHEMA || strcmp(fault.place, k_broken[i].place) != 0 ||
            strstr(fault.text, k_broken[i].text) == NULL)
            fail_msg("%s: %d %s: %s", k_broken[i].schema, rc, fault.place, fault.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(judges_every_keyword),
        cmocka_unit_test(refuses_broken_schemas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
