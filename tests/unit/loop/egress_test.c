// The ranges that count as inside, at their borders and in all their disguises.
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "loop/egress.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

static const char *const k_inside[] = {
    "0.0.0.0",
    "0.255.255.255",
    "10.0.0.0",
    "10.255.255.255",
    "100.64.0.0",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.255",
    "169.254.169.254",
    "172.16.0.0",
    "172.31.255.255",
    "192.0.0.8",
    "192.168.0.1",
    "192.168.255.255",
    "198.18.0.1",
    "198.19.255.255",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::8.8.8.8",
    "::ffff:127.0.0.1",
    "::ffff:10.1.2.3",
    "::ffff:169.254.169.254",
    "64:ff9b::a00:1",
    "64:ff9b:1::808:808",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "2001::1",
    "2001:db8::1",
    "fc00::1",
    "fdff:ffff::1",
    "fe80::1",
    "fe80::1%eth0",
    "febf::1",
    "fec0::1",
    "ff02::1",
    "100::1",
};

static const char *const k_outside[] = {
    "1.1.1.1",          "8.8.8.8",         "9.255.255.255",
    "11.0.0.0",         "100.63.255.255",  "100.128.0.0",
    "126.255.255.255",  "128.0.0.1",       "169.253.0.1",
    "169.255.0.1",      "172.15.255.255",  "172.32.0.0",
    "192.167.1.1",      "192.169.0.0",     "198.17.255.255",
    "198.20.0.0",       "223.255.255.255", "::ffff:8.8.8.8",
    "64:ff9b::808:808", "2002:808:808::1", "2001:4860:4860::8888",
    "2606:4700::1111",  "2a00:1450::1",
};

static bool judge(const char *text)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
        return kj_egress_is_inside((struct sockaddr *)&v4);
    if (strchr(text, '%') == NULL)
        assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
    else
        assert_int_equal(inet_pton(AF_INET6, "fe80::1", &v6.sin6_addr), 1);
    return kj_egress_is_inside((struct sockaddr *)&v6);
}

static void inside_is_inside(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof k_inside / sizeof *k_inside; i++) {
        if (!judge(k_inside[i]) || !kj_egress_text_is_inside(k_inside[i]))
            fail_msg("%s should be inside", k_inside[i]);
    }
}

static void outside_is_outside(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof k_outside / sizeof *k_outside; i++) {
        if (judge(k_outside[i]) || kj_egress_text_is_inside(k_outside[i]))
            fail_msg("%s should be outside", k_outside[i]);
    }
}

static void the_unknown_is_inside(void **state)
{
    (void)state;
    struct sockaddr_un local = {.sun_family = AF_UNIX, .sun_path = "/run/x"};
    assert_true(kj_egress_is_inside((struct sockaddr *)&local));
    assert_true(kj_egress_text_is_inside(""));
    assert_true(kj_egress_text_is_inside("example.org"));
    assert_true(kj_egress_text_is_inside("8.8.8.8.8"));
    char longer[200];
    memset(longer, '1', sizeof longer - 1);
    longer[sizeof longer - 1] = 0;
    assert_true(kj_egress_text_is_inside(longer));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inside_is_inside),
        cmocka_unit_test(outside_is_outside),
        cmocka_unit_test(the_unknown_is_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
