// Runs the official JSON Schema test suite (draft 2020-12): from build/suites, where
// tests/fetch-suites puts it, or from the folder that KEJUE_JSON_SCHEMA_SUITE names (the one that
// holds tests/ and remotes/); skips otherwise.
//
// Left out: what asks for the meta-schema, which is a remote document.
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include "base/map.h"
#include "doc/json.h"
#include "doc/schema_compile.h"
#include "doc/schema_run.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct kj_json_limits k_limits = {64u << 20, 1u << 20, 150, KJ_JSON_VALUE};

struct suite {
    const char *folder;
    bool formats; // are asserted, as the optional tests want
    struct kj_map remotes;
    size_t passed, failed, skipped;
};

// The value of a file; the caller destroys it.
static bson_t *load(const char *path)
{
    struct kj_buf text;
    struct kj_fault fault = {0};
    bson_t *doc = NULL, *value = NULL, view;
    kj_buf_init(&text, 64u << 20);
    int rc = kj_read_file(path, 64u << 20, &text, NULL);
    if (rc == 0 && kj_json_parse(text.data, text.length, &k_limits, &doc, NULL, &fault) != 0)
        printf("%s: %s: %s\n", path, fault.place, fault.text);
    if (doc && kj_doc_child(doc, "", &view))
        value = bson_copy(&view);
    kj_doc_clear(&doc);
    kj_buf_fini(&text);
    return value;
}

static const bson_t *resolve(void *arg, const char *name)
{
    static const char host[] = "http://localhost:1234/";
    struct suite *suite = arg;
    char path[1024];
    bson_t *doc = kj_map_get(&suite->remotes, name);
    if (doc || !kj_starts_with(name, host))
        return doc;
    snprintf(path, sizeof path, "%s/remotes/%s", suite->folder, name + sizeof host - 1);
    doc = load(path);
    if (doc)
        kj_map_put(&suite->remotes, name, doc);
    return doc;
}

static bool asks_for_metaschema(const struct kj_element *schema)
{
    struct kj_buf text;
    kj_buf_init(&text, 0);
    kj_element_write(schema, &text);
    bool asks = strstr(text.data, "\"$ref\":\"https://json-schema.org/draft") != NULL ||
                strstr(text.data, "\"$schema\":\"http://localhost:1234/") != NULL;
    kj_buf_fini(&text);
    return asks;
}

static void run_case(struct suite *suite, const char *file, const char *group,
                     const struct kj_schema *schema, const struct kj_element *test)
{
    struct kj_element data, valid, text;
    struct kj_schema_report report = {0};
    assert_true(kj_element_find(test->data, test->length, "data", 4, &data));
    assert_true(kj_element_find(test->data, test->length, "valid", 5, &valid));
    assert_true(kj_element_find(test->data, test->length, "description", 11, &text));
    bool ok = kj_schema_check_element(schema, &data, &report) == 0;
    if (!ok)
        assert_true(report.count > 0);
    if (ok == (valid.data[0] != 0)) {
        suite->passed++;
    } else {
        suite->failed++;
        printf("WRONG %s: %s: %s: %s\n", file, group, (const char *)text.data,
               report.count ? report.faults[0].text : "accepted");
    }
    kj_schema_report_fini(&report);
}

static size_t run_group(struct suite *suite, const char *file, const struct kj_element *group)
{
    struct kj_element schema_at, tests, text, test;
    struct kj_schema *schema = NULL;
    struct kj_fault fault = {0};
    assert_true(kj_element_find(group->data, group->length, "schema", 6, &schema_at));
    assert_true(kj_element_find(group->data, group->length, "tests", 5, &tests));
    assert_true(kj_element_find(group->data, group->length, "description", 11, &text));
    struct kj_members members = kj_members_of(tests.data, tests.length);
    size_t count = kj_schema_members(&tests);
    bson_t source;
    struct kj_schema_start start = {
        .source = &source, .name = "", .formats_are_notes = !suite->formats};
    if (asks_for_metaschema(&schema_at)) {
        suite->skipped += count;
        return count;
    }
    if (schema_at.type == BSON_TYPE_DOCUMENT) {
        assert_true(bson_init_static(&source, schema_at.data, schema_at.length));
    } else {
        assert_true(bson_init_static(&source, group->data, group->length));
        start.member = "schema";
    }
    if (kj_schema_compile_from(&start, resolve, suite, &schema, &fault) != 0) {
        printf("WRONG %s: %s: does not compile: %s: %s\n", file, (const char *)text.data,
               fault.place, fault.text);
        suite->failed += count;
        return count;
    }
    while (kj_members_next(&members, &test))
        run_case(suite, file, (const char *)text.data, schema, &test);
    kj_schema_destroy(schema);
    return count;
}

static void run_file(struct suite *suite, const char *file)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/tests/draft2020-12/%s", suite->folder, file);
    bson_t *doc = load(path);
    if (doc == NULL)
        return;
    struct kj_members members = kj_members_in(doc);
    struct kj_element group;
    while (kj_members_next(&members, &group))
        run_group(suite, file, &group);
    bson_destroy(doc);
}

static void finish(struct suite *suite, const char *what)
{
    const char *key;
    void *value;
    for (size_t at = 0; kj_map_next(&suite->remotes, &at, &key, &value);)
        bson_destroy(value);
    kj_map_fini(&suite->remotes);
    printf("%s: %zu passed, %zu failed, %zu left out\n", what, suite->passed, suite->failed,
           suite->skipped);
    assert_true(suite->passed > 0);
    assert_int_equal(suite->failed, 0);
}

static bool begin(struct suite *suite)
{
    const char *own = getenv("KEJUE_JSON_SCHEMA_SUITE");
    const char *fetched = KEJUE_SOURCE_DIR "/build/suites/json-schema";
    *suite = (struct suite){.folder = own ? own : fetched};
    if (own == NULL && access(fetched, F_OK) != 0) {
        printf("skipped: run tests/fetch-suites, or set KEJUE_JSON_SCHEMA_SUITE\n");
        return false;
    }
    kj_map_init(&suite->remotes);
    return true;
}

static void required(void **state)
{
    (void)state;
    struct suite suite;
    struct dirent **files;
    if (!begin(&suite))
        skip();
    char folder[1024];
    snprintf(folder, sizeof folder, "%s/tests/draft2020-12", suite.folder);
    int count = scandir(folder, &files, NULL, alphasort);
    assert_true(count > 0);
    for (int i = 0; i < count; i++) {
        const char *name = files[i]->d_name;
        if (strstr(name, ".json"))
            run_file(&suite, name);
        free(files[i]);
    }
    free(files);
    finish(&suite, "required");
}

static void formats(void **state)
{
    (void)state;
    static const char *const names[] = {"date-time", "date", "time", "email", "uri", "uuid"};
    struct suite suite;
    if (!begin(&suite))
        skip();
    suite.formats = true;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char file[64];
        snprintf(file, sizeof file, "optional/format/%s.json", names[i]);
        run_file(&suite, file);
    }
    finish(&suite, "formats");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(required), cmocka_unit_test(formats)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
