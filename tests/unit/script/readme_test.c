// The manual of scripts/ is true: every block that begins with a file name is a file, and the tests
// among them pass.
#include "pack_fake.h"

#include "script/script.h"

#include <sys/stat.h>

// Writes the block at `text` (behind its ```lua) when it names a file; true then.
static bool write_block(const char *dir, const char *text, const char *end)
{
    char name[64], path[256];
    if (sscanf(text, "-- %60[a-z_/.-]", name) != 1 || !strstr(name, ".lua")) {
        return false;
    }
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fwrite(text, 1, (size_t)(end - text), file);
    fclose(file);
    return true;
}

static int write_blocks(const char *dir)
{
    struct kj_buf manual;
    int count = 0;
    kj_buf_init(&manual, 0);
    assert_int_equal(kj_read_file(KEJUE_SOURCE_DIR "/scripts/README.md", 1 << 20, &manual, NULL),
                     0);
    for (const char *at = manual.data; (at = strstr(at, "```lua\n"));) {
        const char *end = strstr(at += 7, "```");
        assert_non_null(end);
        count += write_block(dir, at, end);
        at = end + 3;
    }
    kj_buf_fini(&manual);
    return count;
}

static void the_examples_of_the_manual_work(void **state)
{
    (void)state;
    char dir[] = "/tmp/kejue-manual-XXXXXX", command[400];
    struct kj_script *script;
    struct kj_fault fault = {0};
    assert_non_null(mkdtemp(dir));
    snprintf(command, sizeof command, "mkdir %s/rules %s/hooks && cp -r '%s/scripts/lib' %s/lib",
             dir, dir, KEJUE_SOURCE_DIR, dir);
    assert_int_equal(system(command), 0);
    assert_int_equal(write_blocks(dir), 8);
    struct kj_script_config config = {.dir = dir};
    assert_int_equal(kj_script_create(&config, &script, NULL), 0);
    bson_t *result = kj_script_test(script, NULL, &fault);
    if (!result || kj_doc_count(result, "failed") > 0) {
        fail_msg("%s %s %s", fault.place, fault.text,
                 result ? kj_doc_text(result, "failed.0.text", "") : "");
    }
    assert_int_equal(kj_doc_int(result, "tests", 0), 10);
    bson_destroy(result);
    kj_script_destroy(script);
    snprintf(command, sizeof command, "rm -r %s", dir);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_examples_of_the_manual_work)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
