// The wire of the bus: greetings, frames, ways back, and lengths that lie.
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "face/sp_wire.h"

#include <string.h>

static void test_hello(void **state)
{
    static const uint8_t k_req[KJ_SP_HELLO] = {0, 'S', 'P', 0, 0, 0x30, 0, 0};
    uint8_t hello[KJ_SP_HELLO];
    (void)state;
    kj_sp_hello(KJ_SP_REQ, hello);
    assert_memory_equal(hello, k_req, sizeof k_req);
    assert_true(kj_sp_greets(hello, KJ_SP_REQ));
    assert_false(kj_sp_greets(hello, KJ_SP_SUB));
    for (size_t i = 0; i < sizeof hello; i++) { // every byte counts
        hello[i] ^= 0x40;
        assert_false(kj_sp_greets(hello, KJ_SP_REQ));
        hello[i] ^= 0x40;
    }
}

static void test_frame(void **state)
{
    uint8_t bytes[KJ_SP_HEAD + 300];
    struct kj_sp_frame frame;
    (void)state;
    memset(bytes, 'x', sizeof bytes);
    kj_sp_head(258, bytes);
    static const uint8_t k_head[KJ_SP_HEAD] = {1, 0, 0, 0, 0, 0, 0, 1, 2};
    assert_memory_equal(bytes, k_head, sizeof k_head);
    for (size_t length = 0; length < sizeof bytes; length++) {
        enum kj_sp_look look = kj_sp_look(bytes, length, 258, &frame);
        assert_int_equal(look, length < KJ_SP_HEAD + 258 ? KJ_SP_PART : KJ_SP_WHOLE);
        assert_int_equal(frame.size, length < KJ_SP_HEAD ? 0 : KJ_SP_HEAD + 258);
    }
    assert_ptr_equal(frame.body, bytes + KJ_SP_HEAD);
    assert_int_equal(frame.length, 258);
    assert_int_equal(kj_sp_look(bytes, KJ_SP_HEAD, 257, &frame), KJ_SP_BAD); // before it comes
    bytes[0] = 7;
    assert_int_equal(kj_sp_look(bytes, 1, 258, &frame), KJ_SP_BAD);
    kj_sp_head(0, bytes);
    assert_int_equal(kj_sp_look(bytes, KJ_SP_HEAD, 0, &frame), KJ_SP_WHOLE);
    assert_int_equal(frame.length, 0);
}

static void test_lying_lengths(void **state)
{
    uint8_t bytes[KJ_SP_HEAD + 16] = {1};
    struct kj_sp_frame frame;
    (void)state;
    for (int i = 1; i < 6; i++) { // from 4 GiB to the largest there is
        memset(bytes + 1, 0, 8);
        bytes[i] = i == 4 ? 1 : 0xff;
        assert_int_equal(kj_sp_look(bytes, sizeof bytes, 32 << 20, &frame), KJ_SP_BAD);
    }
    memset(bytes + 1, 0xff, 8); // size would wrap
    assert_int_equal(kj_sp_look(bytes, sizeof bytes, SIZE_MAX - KJ_SP_HEAD, &frame), KJ_SP_BAD);
}

static void test_route(void **state)
{
    uint8_t body[KJ_SP_ROUTE + 8] = {0};
    (void)state;
    assert_int_equal(kj_sp_route(body, sizeof body), 0); // it never ends
    body[8] = 0x80;
    assert_int_equal(kj_sp_route(body, sizeof body), 12); // two devices on the way
    assert_int_equal(kj_sp_route(body, 12), 12);
    assert_int_equal(kj_sp_route(body, 11), 0); // cut
    assert_int_equal(kj_sp_route(body, 0), 0);
    body[8] = 0;
    body[KJ_SP_ROUTE - 4] = 0xff;
    assert_int_equal(kj_sp_route(body, sizeof body), KJ_SP_ROUTE);
    body[KJ_SP_ROUTE - 4] = 0;
    body[KJ_SP_ROUTE] = 0xff; // one too many
    assert_int_equal(kj_sp_route(body, sizeof body), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hello),
        cmocka_unit_test(test_frame),
        cmocka_unit_test(test_lying_lengths),
        cmocka_unit_test(test_route),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
