// The asserted formats, by what each lets through and what not.
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include "doc/schema_node.h"

#include <string.h>
#include <unistd.h>

static void check(const char *format, bool expected, const char *const *texts)
{
    const struct kj_schema_format *f = kj_schema_format(format);
    assert_non_null(f);
    for (; *texts; texts++)
        if (f->check(*texts, strlen(*texts)) != expected)
            fail_msg("%s: %s", format, *texts);
    assert_false(f->check("", 0));
    assert_false(f->check("2026\0", 5));
}
#define GOOD(format, ...) check(format, true, (const char *const[]){__VA_ARGS__, NULL})
#define BAD(format, ...) check(format, false, (const char *const[]){__VA_ARGS__, NULL})

static void dates_and_times(void **state)
{
    (void)state;
    GOOD("date", "2026-11-20", "2024-02-29", "2000-02-29", "0001-01-01");
    BAD("date", "2026-02-29", "1900-02-29", "2026-13-01", "2026-00-10", "2026-04-31", "2026-1-01",
        "20261120", "2026-11-20T", "2026-11-2x");
    GOOD("time", "19:14:52Z", "19:14:52.123+02:00", "23:59:60Z", "00:59:60+01:00", "08:30:06z");
    BAD("time", "19:14:52", "24:00:00Z", "19:60:00Z", "19:14:61Z", "12:00:60Z", "19:14Z",
        "19:14:52.Z", "19:14:52+2:00", "19:14:52+24:00", "1:14:52Z");
    GOOD("date-time", "2026-11-20T19:14:52Z", "2026-11-20t19:14:52.5-05:30");
    BAD("date-time", "2026-11-20 19:14:52Z", "2026-11-20", "2026-02-30T00:00:00Z",
        "2026-11-20T19:14:52");
}

static void addresses(void **state)
{
    (void)state;
    GOOD("email", "a@b.example", "first.last+tag@sub.example.com", "\"a b\"@x.org", "a@[127.0.0.1]",
         "a@[IPv6:::1]", "!#$%&'*+-/=?^_`{|}~@x.org");
    BAD("email", "a", "@b.example", "a@", ".a@b.example", "a.@b.example", "a..b@c.example",
        "a@-b.example", "a@b..c", "a b@c.example", "a@b.example.", "a@[300.0.0.1]",
        "\"a@b.example");
    GOOD("uri", "https://example.com", "https://u:p@h:80/a/b?c=d#e", "urn:isbn:12", "mailto:a@b",
         "http://[::1]:8080/", "ftp://h/%20");
    BAD("uri", "example.com", "//h/p", "/p", "http://h/ a", "http://h/%2", "http://h:x/",
        "http://[::1/", "1a:b", "http://h/<", "http://h/\xc3\xa9");
}

static void identifiers(void **state)
{
    (void)state;
    GOOD("uuid", "123e4567-e89b-12d3-a456-426614174000", "00000000-0000-0000-0000-000000000000",
         "2EB8AA08-AA98-11EA-B4AA-73B441D16380");
    BAD("uuid", "123e4567e89b12d3a456426614174000", "123e4567-e89b-12d3-a456-42661417400g",
        "123e4567-e89b-12d3-a456-4266141740000");
    GOOD("e164", "+48123456789", "+123456789012345", "+12");
    BAD("e164", "48123456789", "+0123456", "+1234567890123456", "+48 123", "+", "+4a");
    GOOD("language", "en", "pt-BR", "zh-Hant-TW", "sl-rozaj-biske", "x-kejue", "de-1996");
    BAD("language", "e", "english-", "-en", "en_US", "en--US", "123", "toolongtag", "en-x",
        "en-toolongsub");
}

static void zones(void **state)
{
    (void)state;
    GOOD("iana-tz", "Europe/Warsaw", "America/Argentina/Buenos_Aires", "UTC", "Etc/GMT+5");
    BAD("iana-tz", "../etc/passwd", "Europe/", "/Europe", "Europe Warsaw", "+5");
    if (access("/usr/share/zoneinfo/tzdata.zi", R_OK) == 0)
        BAD("iana-tz", "Europe/Warszawa", "europe/warsaw", "Mars/Olympus");
    assert_null(kj_schema_format("no-such-format"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates_and_times),
        cmocka_unit_test(addresses),
        cmocka_unit_test(identifiers),
        cmocka_unit_test(zones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
