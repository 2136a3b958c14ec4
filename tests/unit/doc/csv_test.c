// The CSV reader and writer.
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include "doc/csv.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

// Every record as "[a|b]" with its line, in one text.
static void reads_as(const char *text, const char *expected)
{
    struct kj_csv csv;
    struct kj_buf out;
    struct kj_fault fault = {0};
    int rc;
    kj_buf_init(&out, 0);
    kj_csv_init(&csv, text, strlen(text));
    while ((rc = kj_csv_next(&csv, &fault)) == 1) {
        kj_buf_addf(&out, "%zu[", csv.line);
        for (size_t i = 0; i < csv.count; i++)
            kj_buf_addf(&out, "%s%s", i ? "|" : "", csv.fields[i]);
        kj_buf_adds(&out, "]");
    }
    if (rc != 0)
        kj_buf_addf(&out, "%s: %s", fault.place, fault.text);
    assert_string_equal(out.data, expected);
    kj_csv_fini(&csv);
    kj_buf_fini(&out);
}

static void reads(void **state)
{
    (void)state;
    reads_as("", "");
    reads_as("\n\r\n\n", "");
    reads_as("a,b\n1,2\n", "1[a|b]2[1|2]");
    reads_as("a,b\r\n1,2", "1[a|b]2[1|2]");
    reads_as("a,b\r1,2\r", "1[a|b]2[1|2]");
    reads_as("\xef\xbb\xbf"
             "a,b\n",
             "1[a|b]");
    reads_as("a,,c\n,\n", "1[a||c]2[|]");
    reads_as("a\n\n\nb\n", "1[a]4[b]");
    reads_as("\n\na,b\n", "3[a|b]");
    reads_as("\"a,1\",\"say \"\"hi\"\"\"\n", "1[a,1|say \"hi\"]");
    reads_as("\"two\nlines\",x\ny,z\n", "1[two\nlines|x]3[y|z]");
    reads_as("\"two\r\nlines\",x\ny,z", "1[two\r\nlines|x]3[y|z]");
    reads_as("\"\",x\n", "1[|x]");
    reads_as("\"\"\n", "1[]");
    reads_as("\"a\" ,b\n", "1[a|b]");
    reads_as("a\"b,c\n", "1[a\"b|c]");
    reads_as(" a , b \n", "1[ a | b ]");
}

static void finds_the_delimiter(void **state)
{
    (void)state;
    reads_as("a;b;c\n1,5;2;3\n", "1[a|b|c]2[1,5|2|3]");
    reads_as("a\tb\n1;2\t3\n", "1[a|b]2[1;2|3]");
    reads_as("\"x,y,z\";b\n1;2\n", "1[x,y,z|b]2[1|2]");
    reads_as("single\n1;2\n", "1[single]2[1;2]");
}

static void refuses(void **state)
{
    (void)state;
    reads_as("a,b\n\"never closed,\n1,2\n",
             "1[a|b]line 2: a quote is opened here and never closed");
    reads_as("a,\"b\n\n", "line 1: a quote is opened here and never closed");
    reads_as("a,b\nc,\"d\"e\n", "1[a|b]line 2: text behind a closing quote");
    struct kj_csv csv;
    struct kj_fault fault = {0};
    kj_csv_init(&csv, "a\0b", 3);
    assert_int_equal(kj_csv_next(&csv, &fault), KJ_EPARSE);
    assert_int_equal(kj_csv_next(&csv, &fault), 0); // nothing can be read behind a fault
    kj_csv_fini(&csv);
}

static void keeps_limits(void **state)
{
    (void)state;
    struct kj_csv csv;
    struct kj_fault fault = {0};
    char many[KJ_CSV_MAX_FIELDS + 1];
    memset(many, ',', sizeof many);
    kj_csv_init(&csv, many, sizeof many - 2);
    assert_int_equal(kj_csv_next(&csv, &fault), 1);
    assert_int_equal(csv.count, KJ_CSV_MAX_FIELDS);
    kj_csv_fini(&csv);
    kj_csv_init(&csv, many, sizeof many);
    assert_int_equal(kj_csv_next(&csv, &fault), KJ_ELIMIT);
    assert_string_equal(fault.place, "line 1");
    kj_csv_fini(&csv);
    size_t length = KJ_CSV_MAX_FIELD + 3;
    char *wide = kj_alloc(length);
    memset(wide, 'x', length);
    kj_csv_init(&csv, wide, KJ_CSV_MAX_FIELD);
    assert_int_equal(kj_csv_next(&csv, &fault), 1);
    kj_csv_fini(&csv);
    kj_csv_init(&csv, wide, length);
    assert_int_equal(kj_csv_next(&csv, &fault), KJ_ELIMIT);
    kj_csv_fini(&csv);
    wide[0] = '"';
    kj_csv_init(&csv, wide, length);
    assert_int_equal(kj_csv_next(&csv, &fault), KJ_ELIMIT);
    kj_csv_fini(&csv);
    free(wide);
}

static void writes_as(const char *field, const char *expected)
{
    struct kj_buf out;
    kj_buf_init(&out, 0);
    kj_csv_write_field(&out, field, true);
    assert_string_equal(out.data, expected);
    kj_buf_fini(&out);
}

static void writes(void **state)
{
    (void)state;
    writes_as("plain", "plain");
    writes_as("", "");
    writes_as("a,b", "\"a,b\"");
    writes_as("a;b", "\"a;b\"");
    writes_as("say \"hi\"", "\"say \"\"hi\"\"\"");
    writes_as("two\nlines", "\"two\nlines\"");
    writes_as("=1+1", "'=1+1");
    writes_as("+48123", "'+48123");
    writes_as("-1", "'-1");
    writes_as("@x", "'@x");
    writes_as("=a,b", "\"'=a,b\"");
    writes_as("\tx", "\"'\tx\"");
    writes_as("\rx", "\"'\rx\"");
    writes_as("\xef\xbb\xbfx", "\"\xef\xbb\xbfx\"");
    struct kj_buf out;
    kj_buf_init(&out, 0);
    kj_csv_write_field(&out, "a", true);
    kj_csv_write_field(&out, "b", false);
    assert_string_equal(out.data, "a,b");
    kj_buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads),   cmocka_unit_test(finds_the_delimiter),
        cmocka_unit_test(refuses), cmocka_unit_test(keeps_limits),
        cmocka_unit_test(writes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
