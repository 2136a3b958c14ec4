// The egress list: what a prefix lets out and what it does not.
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "host/home.h"

#include <string.h>

static const char *const k_hosts[] = {"url", "deep.urls", NULL};
static const struct kejue_plugin k_decl = {.hosts = k_hosts};

static int configure(struct kejue_ctx *ctx, const char *url, const char *more,
                     struct kj_fault *fault)
{
    struct kj_place place = {0};
    bson_t deep, urls;
    memset(ctx, 0, sizeof *ctx);
    ctx->name = "x";
    ctx->decl = &k_decl;
    ctx->config = bson_new();
    kj_doc_put_text(ctx->config, "url", url);
    bson_append_document_begin(ctx->config, "deep", -1, &deep);
    bson_append_array_begin(&deep, "urls", -1, &urls);
    kj_doc_put_text(&urls, "0", more);
    bson_append_array_end(&deep, &urls);
    bson_append_document_end(ctx->config, &deep);
    return kj_egress_configure(ctx, &place, fault);
}

static void fini(struct kejue_ctx *ctx)
{
    kj_egress_fini(ctx);
    kj_doc_clear(&ctx->config);
}

static void prefixes_let_out_what_lies_below(void **state)
{
    static const struct {
        const char *url;
        bool out;
    } rows[] = {
        {"https://api.example.com/v1", true},
        {"https://api.example.com/v1/", true},
        {"https://api.example.com/v1/x?y=..", true},
        {"https://API.EXAMPLE.com:443/v1/x", true},
        {"https://api.example.com/v1?x=1", true},
        {"https://api.example.com/v1/a..b", true},
        {"https://api.example.com/v10", false},
        {"https://api.example.com/", false},
        {"http://api.example.com/v1", false},
        {"https://api.example.com:444/v1", false},
        {"https://api.example.com.evil.example/v1", false},
        {"https://api.example.com@evil.example/v1", false},
        {"https://user:x@api.example.com/v1", false},
        {"https://evil.example/https://api.example.com/v1", false},
        {"https://api.example.com/v1/../admin", false},
        {"https://api.example.com/v1/%2e%2E/admin", false},
        {"https://api.example.com/v1/..%2fadmin", false},
        {"https://api.example.com/v1/x%5c..%5cadmin", false},
        {"https://api.example.com/v1/..;/admin", false},
        {"https://api.example.com\\@evil.example/v1", false},
        {"https://api.example.com/v1 x", false},
        {"https://api.example.com/v1\r\nHost: evil", false},
        {"file:///v1", false},
        {"api.example.com/v1", false},
        {"", false},
        {"http://10.0.0.7:8069/any/thing", true},
        {"http://10.0.0.8:8069/any/thing", false},
    };
    struct kejue_ctx ctx;
    char why[240];
    (void)state;
    assert_int_equal(configure(&ctx, "https://api.example.com/v1", "http://10.0.0.7:8069/", NULL),
                     0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        why[0] = 0;
        bool out = kj_egress_find(&ctx, rows[i].url, why, sizeof why) != NULL;
        if (out != rows[i].out)
            fail_msg("%s: %s", rows[i].url, why);
        assert_true(out || why[0]);
    }
    fini(&ctx);
}

static void inner_addresses_are_known(void **state)
{
    static const struct {
        const char *url;
        bool private;
    } rows[] = {
        {"http://127.0.0.1:1", true},
        {"http://10.1.2.3", true},
        {"http://172.16.0.1", true},
        {"http://172.32.0.1", false},
        {"http://192.168.1.1", true},
        {"http://169.254.169.254", true},
        {"http://100.64.0.1", true},
        {"http://100.128.0.1", false},
        {"http://8.8.8.8", false},
        {"http://[::1]:80", true},
        {"http://[fd00::1]", true},
        {"http://[fe80::1]", true},
        {"http://[2001:db8::1]", false},
        {"http://[::ffff:10.0.0.1]", true},
        {"http://localhost:8080", true},
        {"http://odoo.lan", true},
        {"http://crm.internal", true},
        {"https://internal.example", false},
        {"https://localhost.example", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct kejue_ctx ctx;
        char why[240];
        assert_int_equal(configure(&ctx, rows[i].url, NULL, NULL), 0);
        const struct kj_egress *row = kj_egress_find(&ctx, rows[i].url, why, sizeof why);
        if (!row || row->private != rows[i].private)
            fail_msg("%s", rows[i].url);
        fini(&ctx);
    }
}

static void odd_addresses_are_refused_at_load(void **state)
{
    static const char *const odd[] = {"ftp://x.example", "https://u:p@x.example", "nonsense",
                                      "https://x.example/a/../b", "https://"};
    (void)state;
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        struct kejue_ctx ctx;
        struct kj_fault fault = {0};
        assert_int_equal(configure(&ctx, "https://a.example", odd[i], &fault), KJ_EINVAL);
        assert_string_equal(fault.place, "/deep/urls");
        fini(&ctx);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prefixes_let_out_what_lies_below),
        cmocka_unit_test(inner_addresses_are_known),
        cmocka_unit_test(odd_addresses_are_refused_at_load),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
