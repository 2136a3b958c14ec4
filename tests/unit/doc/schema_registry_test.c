// The embedded schemas: each file is there, and all that can be compiled compiles.
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include "doc/schema.h"
#include "doc/schema_table.h"

#include "base/alloc.h"
#include "base/log.h"
#include "base/str.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static void knows_all_names(void **state)
{
    (void)state;
    const char *few[1];
    size_t count = kj_schema_names("", NULL, 0);
    assert_int_equal(count, kj_schema_table_count);
    assert_true(kj_schema_names("verbs/", few, 1) > 0);
    assert_true(kj_starts_with(few[0], "verbs/"));
    assert_int_equal(kj_schema_names("no/such/", few, 1), 0);
    const char **names = kj_alloc(count * sizeof *names);
    assert_int_equal(kj_schema_names("", names, count), count);
    for (size_t i = 0; i < count; i++) {
        if (i)
            assert_true(strcmp(names[i - 1], names[i]) < 0);
        const bson_t *doc = kj_schema_source(names[i]);
        if (doc == NULL)
            fail_msg("%s does not parse", names[i]);
        assert_ptr_equal(doc, kj_schema_source(names[i]));
    }
    free(names);
}

// Commands and verbs hold schemas as members, documents and events are schemas themselves. Which
// one fails, and where, is in the log.
static void compiles_all(void **state)
{
    (void)state;
    size_t broken = 0;
    for (size_t i = 0; i < kj_schema_table_count; i++) {
        const char *name = kj_schema_table[i].name;
        const bson_t *doc = kj_schema_source(name);
        bool request = kj_doc_has(doc, "request"), response = kj_doc_has(doc, "response");
        broken += request && !kj_schema_get(name, "request");
        broken += response && !kj_schema_get(name, "response");
        broken += !request && !response && !kj_schema_get(name, NULL);
        assert_ptr_equal(kj_schema_get(name, request ? "request" : NULL),
                         kj_schema_get(name, request ? "request" : NULL));
    }
    assert_int_equal(broken, 0);
}

static void says_no_to_unknown_names(void **state)
{
    (void)state;
    kj_log_set_level(KJ_LOG_ERROR + 1);
    assert_null(kj_schema_source("no/such"));
    assert_null(kj_schema_get("no/such", NULL));
    assert_null(kj_schema_get("no/such", "request"));
    assert_null(kj_schema_get(kj_schema_table[0].name, "no such member"));
    assert_null(kj_schema_get(kj_schema_table[0].name, "no such member")); // and remembers it
}

static void *get_all(void *arg)
{
    (void)arg;
    for (size_t i = 0; i < kj_schema_table_count; i++)
        if (kj_schema_source(kj_schema_table[i].name))
            (void)kj_schema_get(kj_schema_table[i].name, "request");
    return NULL;
}

static void serves_threads(void **state)
{
    (void)state;
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, get_all, NULL), 0);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_all_names),
        cmocka_unit_test(compiles_all),
        cmocka_unit_test(says_no_to_unknown_names),
        cmocka_unit_test(serves_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
