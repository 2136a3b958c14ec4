// Numbers as real lists write them, countries, weekends.
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "base/alloc.h"
#include "base/str.h"
#include "model/language.h"
#include "model/phone.h"

#include <pthread.h>
#include <string.h>

static const struct {
    const char *text, *country, *want; // E.164, or the reason word
} k_numbers[] = {
    {"+49 30 12345678", NULL, "+493012345678"},
    {"+49 (0)30 / 123 456-78", NULL, "+493012345678"},
    {"0049 30 12345678", NULL, "+493012345678"},
    {"0049-30-12345678", "DE", "+493012345678"},
    {"030 12345678", "DE", "+493012345678"},
    {"(030) 12345678", "DE", "+493012345678"},
    {"0171/1234567", "DE", "+491711234567"},
    {"0171.123.45.67", "DE", "+491711234567"},
    {" \t0171 1234567\r\n", "DE", "+491711234567"},
    {"'+491711234567", NULL, "+491711234567"},
    {"\"+491711234567\"", NULL, "+491711234567"},
    {"tel:+49-171-1234567", NULL, "+491711234567"},
    {"Tel.: +49 171 1234567", NULL, "+491711234567"},
    {"Mobil: 0171 1234567", "DE", "+491711234567"},
    {"+49\xC2\xA0"
     "171\xC2\xA0"
     "1234567",
     NULL, "+491711234567"},                                            // no-break spaces
    {"\xE2\x80\xAA+49 171 1234567\xE2\x80\xAC", NULL, "+491711234567"}, // bidi marks of contacts
    {"\xEF\xBC\x8B\xEF\xBC\x94\xEF\xBC\x99 171 1234567", NULL, "+491711234567"}, // full width
    {"\xD9\xA0\xD9\xA5\xD9\xA0 123 4567", "AE", "+971501234567"},                // Arabic digits
    {"491711234567", "DE", "+491711234567"},
    {"491711234567.0", "DE", "+491711234567"},
    {"+491711234567.0", NULL, "+491711234567"},
    {"4.91711E+11", "DE", "not_a_number"},
    {"4,91711E+11", NULL, "not_a_number"},
    {"0171 1234567 / 0172 7654321", "DE", "+491711234567"},
    {"0171 1234567; 0172 7654321", "DE", "+491711234567"},
    {"0171 1234567 oder 0172 7654321", "DE", "+491711234567"},
    {"+1 (212) 555-0123", NULL, "+12125550123"},
    {"212-555-0123", "US", "+12125550123"},
    {"1-212-555-0123", "US", "+12125550123"},
    {"(212) 555-0123 x45", "US", "+12125550123"},
    {"212 555 0123 ext. 7", "US", "+12125550123"},
    {"1-800-FLOWERS", "US", "+18003569377"},
    {"011 49 30 12345678", "US", "+493012345678"},
    {"001 212 555 0123", "DE", "+12125550123"},
    {"07400 123456", "GB", "+447400123456"},
    {"+44 (0) 7400 123456", NULL, "+447400123456"},
    {"06 1234 5678", "IT", "+390612345678"}, // Italy keeps its zero
    {"612 34 56 78", "ES", "+34612345678"},
    {"06 12 34 56 78", "FR", "+33612345678"},
    {"512 345 678", "PL", "+48512345678"},
    {"0532 123 45 67", "TR", "+905321234567"},
    {"098765 43210", "IN", "+919876543210"},
    {"11 91234-5678", "BR", "+5511912345678"},
    {"+55 (11) 91234-5678", NULL, "+5511912345678"},
    {"+229 01 97 12 34 56", NULL, "+2290197123456"}, // Benin's plan of 2024
    {"+1 227 555 0123", NULL, "+12275550123"},       // an area code younger than the metadata
    {"", "DE", "empty"},
    {"   ", "DE", "empty"},
    {"'", "DE", "empty"},
    {NULL, "DE", "empty"},
    {"-", "DE", "not_a_number"},
    {"n/a", "DE", "not_a_number"},
    {"kein Telefon", "DE", "not_a_number"},
    {"unbekannt", NULL, "not_a_number"},
    {"anna@example.com", "DE", "not_a_number"},
    {"030 12345678", NULL, "no_country"},
    {"12345678", "", "no_country"},
    {"+999 123456789", NULL, "impossible"},
    {"+49 30", NULL, "too_short"},
    {"123", "DE", "too_short"},
    {"+1 555 0123", NULL, "too_short"},
    {"+49 1711234567 1711234567 17", NULL, "too_long"},
    {"+1 212 555 0123 4567", NULL, "too_long"},
};

static void test_numbers(void **state)
{
    (void)state;
    for (size_t i = 0; i < KJ_COUNT(k_numbers); i++) {
        struct kj_phone phone;
        struct kj_fault fault = {0};
        int rc = kj_phone_parse(k_numbers[i].text, k_numbers[i].country, &phone, &fault);
        const char *got = rc == KJ_OK ? phone.e164 : fault.place;
        if (strcmp(got, k_numbers[i].want) != 0)
            fail_msg("\"%s\" (%s): %s, not %s", k_numbers[i].text, k_numbers[i].country, got,
                     k_numbers[i].want);
        assert_true(rc == KJ_OK || (rc == KJ_EINVAL && phone.e164[0] == 0 && fault.text[0]));
    }
}

static struct kj_phone parse(const char *text, const char *country)
{
    struct kj_phone phone;
    assert_int_equal(kj_phone_parse(text, country, &phone, NULL), KJ_OK);
    return phone;
}

static void test_what_is_known(void **state)
{
    (void)state;
    assert_string_equal(parse("+49 171 1234567", NULL).country, "DE");
    assert_true(parse("+49 171 1234567", NULL).mobile);
    assert_false(parse("+49 30 12345678", NULL).mobile);
    assert_true(parse("+1 212 555 0123", NULL).mobile); // cannot be told apart there
    assert_string_equal(parse("+1 416 555 0123", NULL).country, "CA");
    assert_string_equal(parse("+1 876 555 0123", NULL).country, "JM");
    assert_string_equal(parse("+7 701 123 4567", NULL).country, "KZ");
    assert_string_equal(parse("+7 916 123 4567", NULL).country, "RU");
    assert_string_equal(parse("+44 7400 123456", NULL).country, "GB");
    assert_string_equal(parse("+1 227 555 0123", NULL).country, "US");
    assert_string_equal(parse("+1 942 555 0123", NULL).country, "CA"); // Toronto, since 2025
    assert_string_equal(parse("+800 1234 5678", NULL).country, "");
    // possible, though the metadata does not know it: a warning, no refusal
    assert_false(parse("+1 227 155 0123", NULL).valid);
    assert_true(parse("+49 171 1234567", NULL).valid);
    assert_true(parse("+229 01 97 12 34 56", NULL).valid);
    assert_true(parse("212 555 0123 ext. 7", "US").extension);
    assert_false(parse("212 555 0123", "US").extension);
    assert_true(parse("0171 1234567 / 0172 7654321", "DE").several);
    assert_false(parse("0171 / 1234567", "DE").several);
}

static void test_countries(void **state)
{
    static const char *const k_known[][2] = {
        {"DE", "DE"},
        {"de", "DE"},
        {"DEU", "DE"},
        {"Germany", "DE"},
        {"Deutschland", "DE"},
        {"Alemania", "DE"},
        {" germany ", "DE"},
        {"USA", "US"},
        {"U.S.A.", "US"},
        {"United States", "US"},
        {"UK", "GB"},
        {"Großbritannien", "GB"},
        {"grossbritannien", "GB"},
        {"England", "GB"},
        {"España", "ES"},
        {"Espana", "ES"},
        {"Türkei", "TR"},
        {"Turkey", "TR"},
        {"Türkiye", "TR"},
        {"Österreich", "AT"},
        {"Schweiz", "CH"},
        {"Suisse", "CH"},
        {"Polska", "PL"},
        {"Brasil", "BR"},
        {"Côte d'Ivoire", "CI"},
        {"UAE", "AE"},
        {"Holland", "NL"},
        {"South Korea", "KR"},
        {"Czech Republic", "CZ"},
        {"السعودية", "SA"},
        {"Kosovo", ""},
        {"Atlantis", ""},
        {"", ""},
        {"X", ""},
        {"49", ""},
        {"United", ""},
    };
    char country[4];
    (void)state;
    for (size_t i = 0; i < KJ_COUNT(k_known); i++) {
        bool known = kj_country_parse(k_known[i][0], country);
        if (strcmp(country, k_known[i][1]) != 0 || known != (k_known[i][1][0] != 0))
            fail_msg("%s: %s", k_known[i][0], country);
    }
    assert_false(kj_country_parse(NULL, country));
}

static void test_weekends(void **state)
{
    enum { THU = 8, FRI = 16, SAT = 32, SUN = 64 };
    (void)state;
    assert_int_equal(kj_country_weekend("DE"), SAT | SUN);
    assert_int_equal(kj_country_weekend("SA"), FRI | SAT);
    assert_int_equal(kj_country_weekend("EG"), FRI | SAT);
    assert_int_equal(kj_country_weekend("IL"), FRI | SAT);
    assert_int_equal(kj_country_weekend("AE"), SAT | SUN); // since 2022
    assert_int_equal(kj_country_weekend("IR"), THU | FRI);
    assert_int_equal(kj_country_weekend("NP"), SAT);
    assert_int_equal(kj_country_weekend(NULL), SAT | SUN);
    assert_int_equal(kj_country_weekend("A|"), SAT | SUN);
}

static void test_languages(void **state)
{
    static const char *const k_known[][2] = {
        {"English", "en"},   {"english", "en"},    {"EN", "en"},
        {"en-US", "en"},     {"en_GB", "en"},      {"Englisch", "en"},
        {"deutsch", "de"},   {"German", "de"},     {"de-AT", "de"},
        {"Español", "es"},   {"arabic", "ar"},     {"polish", "pl"},
        {"hindi", "hi"},     {"हिन्दी", "hi"},      {"العربية", "ar"},
        {"Türkçe", "tr"},    {"zh-Hans-CN", "zh"}, {"no", "nb"},
        {"Norwegian", "nb"}, {"Klingon", ""},      {"", ""},
        {"e", ""},           {"xx", ""},           {"en US", ""},
    };
    char tag[16];
    (void)state;
    for (size_t i = 0; i < KJ_COUNT(k_known); i++) {
        bool known = kj_language_parse(k_known[i][0], tag);
        if (strcmp(tag, k_known[i][1]) != 0 || known != (tag[0] != 0))
            fail_msg("%s: \"%s\"", k_known[i][0], tag);
    }
    assert_string_equal(kj_country_language("AT"), "de");
    assert_string_equal(kj_country_language("MX"), "es");
    assert_null(kj_country_language("ZZ"));
    assert_int_equal(kj_country_calling_code("DE"), 49);
    assert_int_equal(kj_country_calling_code("ZZ"), 0);
    assert_int_equal(kj_country_calling_code(NULL), 0);
}

static void *parse_all(void *arg)
{
    (void)arg;
    for (size_t i = 0; i < KJ_COUNT(k_numbers); i++) {
        struct kj_phone phone;
        char country[4];
        (void)!kj_phone_parse(k_numbers[i].text, k_numbers[i].country, &phone, NULL);
        (void)kj_country_parse("Deutschland", country);
    }
    return NULL;
}

static void test_threads(void **state)
{
    pthread_t threads[4];
    (void)state;
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, parse_all, NULL), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads),       cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_what_is_known), cmocka_unit_test(test_countries),
        cmocka_unit_test(test_weekends),      cmocka_unit_test(test_languages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
