// Rows of real lists to leads: headers, limits, local numbers, defaults; what comes out fits the
// schema of a lead.
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "base/alloc.h"
#include "base/str.h"
#include "doc/json.h"
#include "doc/schema.h"
#include "model/lead.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bson_t *read_json(const char *json)
{
    bson_t *doc = NULL;
    struct kj_fault fault = {0};
    if (json && kj_json_parse(json, strlen(json), NULL, &doc, NULL, &fault) != KJ_OK)
        fail_msg("%s: %s", json, fault.text);
    return doc;
}

// The lead as JSON, or "!reason"; the caller frees.
static char *lead_of(const char *row_json, const char *defaults_json)
{
    bson_t *row = read_json(row_json), *defaults = read_json(defaults_json), *lead;
    struct kj_fault fault = {0};
    struct kj_buf out;
    kj_buf_init(&out, 0);
    if (kj_lead_from_row(row, defaults, &lead, &fault) == KJ_OK) {
        const struct kj_schema *schema = kj_schema_get("documents/lead", NULL);
        assert_non_null(schema);
        if (kj_schema_check_fault(schema, lead, &fault) != KJ_OK)
            fail_msg("%s: %s %s", row_json, fault.place, fault.text);
        kj_json_write(lead, 0, &out);
        bson_destroy(lead);
    } else {
        assert_null(lead);
        assert_true(fault.text[0] != 0);
        kj_buf_addf(&out, "!%s", fault.place);
    }
    bson_destroy(row);
    if (defaults)
        bson_destroy(defaults);
    return kj_buf_take(&out);
}

static void check(const char *row, const char *defaults, const char *want)
{
    char *got = lead_of(row, defaults);
    if (strcmp(got, want) != 0)
        fail_msg("%s:\n%s\nnot\n%s", row, got, want);
    free(got);
}

static void check_holds(const char *row, const char *defaults, const char *part)
{
    char *got = lead_of(row, defaults);
    if (strstr(got, part) == NULL)
        fail_msg("%s:\n%s\ndoes not hold\n%s", row, got, part);
    free(got);
}

static void test_headers(void **state)
{
    static const char *const k_known[][2] = {
        {"Phone", "phone_number"},
        {"phone_number", "phone_number"},
        {"Phone Number", "phone_number"},
        {"PHONE-NO.", "phone_number"},
        {"Telefon", "phone_number"},
        {"Tel.-Nr.", "phone_number"},
        {"Handynummer", "phone_number"},
        {"Mobile", "phone_number"},
        {"Teléfono móvil", "phone_number"},
        {"Numéro de téléphone", "phone_number"},
        {"Cellulare", "phone_number"},
        {"Nr telefonu", "phone_number"},
        {"Telefone", "phone_number"},
        {"Telefoonnummer", "phone_number"},
        {"Cep Telefonu", "phone_number"},
        {"رقم الهاتف", "phone_number"},
        {"फ़ोन नंबर", "phone_number"},
        {"WhatsApp", "whatsapp_number"},
        {"Vorname", "first_name"},
        {"First Name", "first_name"},
        {"Prénom", "first_name"},
        {"Imię", "first_name"},
        {"Nachname", "last_name"},
        {"Apellidos", "last_name"},
        {"Nazwisko", "last_name"},
        {"Soyadı", "last_name"},
        {"Name", "full_name"},
        {"Ansprechpartner", "full_name"},
        {"E-Mail", "email"},
        {"Correo electrónico", "email"},
        {"E-posta", "email"},
        {"Firma", "company"},
        {"Unternehmen", "company"},
        {"Entreprise", "company"},
        {"Position", "job_title"},
        {"Land", "country"},
        {"País", "country"},
        {"Sprache", "language"},
        {"Zeitzone", "timezone"},
        {"Priorität", "priority"},
        {"Bemerkungen", "notes"},
        {"Tags", "tags"},
        {"Kundennummer", "external_reference"},
        {"Consent date", "consent_at"},
    };
    (void)state;
    for (size_t i = 0; i < KJ_COUNT(k_known); i++) {
        const char *got = kj_lead_field(k_known[i][0]);
        if (!kj_streq(got, k_known[i][1]))
            fail_msg("%s: %s", k_known[i][0], got ? got : "-");
    }
    assert_null(kj_lead_field("Schuhgröße"));
    assert_null(kj_lead_field(""));
    assert_null(kj_lead_field("  "));
}

static void test_rows(void **state)
{
    (void)state;
    check(
        "{\"Telefon\":\"0171 1234567\",\"Vorname\":\" Anna "
        "\",\"Nachname\":\"Weber\",\"E-Mail\":\"anna@example.de\","
        "\"Firma\":\"Weber "
        "GmbH\",\"Position\":\"Inhaberin\",\"Priorität\":\"hoch\",\"Tags\":\"messe, warm; messe\","
        "\"Bemerkung\":\"ruft gern zurück\",\"Schuhgröße\":\"38\",\"leer\":\"\"}",
        "{\"country\":\"DE\",\"source\":\"import\",\"list\":\"Messe "
        "2026\",\"tags\":[\"2026\",\"warm\"]}",
        "{\"phone_number\":\"+491711234567\",\"first_name\":\"Anna\",\"last_name\":\"Weber\","
        "\"company\":\"Weber GmbH\","
        "\"job_title\":\"Inhaberin\",\"notes\":\"ruft gern "
        "zurück\",\"source\":\"import\",\"list\":\"Messe 2026\","
        "\"country\":\"DE\",\"language\":\"de\",\"timezone\":\"Europe/"
        "Berlin\",\"email\":\"anna@example.de\","
        "\"priority\":75,\"tags\":[\"messe\",\"warm\",\"2026\"],\"metadata\":{\"Schuhgröße\":"
        "\"38\"}}");
    // K-69: the least there can be
    check("{\"phone_number\":\"+442071838750\"}", NULL,
          "{\"phone_number\":\"+442071838750\",\"country\":\"GB\",\"language\":\"en\",\"timezone\":"
          "\"Europe/London\"}");
    // typed, as it comes from the API
    check("{\"phone_number\":\"+442071838750\",\"priority\":80,\"language\":\"polish\",\"tags\":["
          "\"a\",\"b\"],"
          "\"metadata\":{\"plan\":\"gold\",\"seats\":3},\"line\":7}",
          NULL,
          "{\"phone_number\":\"+442071838750\",\"country\":\"GB\",\"language\":\"pl\",\"timezone\":"
          "\"Europe/London\","
          "\"priority\":80,\"tags\":[\"a\",\"b\"],\"metadata\":{\"plan\":\"gold\",\"seats\":3}}");
    // a number typed into JSON
    check_holds("{\"phone\":491711234567}", "{\"country\":\"DE\"}", "\"+491711234567\"");
    // not decided by its digits: all zones
    check_holds("{\"phone\":\"+34612345678\"}", NULL,
                "\"timezones\":[\"Europe/Madrid\",\"Atlantic/Canary\"]");
    check_holds("{\"phone\":\"+34612345678\",\"Timezone\":\"Atlantic/Canary\"}", NULL,
                "\"timezone\":\"Atlantic/Canary\"");
    check_holds("{\"phone\":\"+34612345678\",\"Timezone\":\"CEST\"}", NULL,
                "\"timezone: not known, taken from the number: \\\"CEST\\\"\"");
}

static void test_country_of_local_numbers(void **state)
{
    (void)state;
    // the row's country goes before the default one
    check_holds("{\"phone\":\"612 345 678\",\"country\":\"España\"}", "{\"country\":\"DE\"}",
                "\"+34612345678\"");
    check_holds("{\"phone\":\"030 12345678\"}", "{\"country\":\"Germany\"}", "\"+493012345678\"");
    check("{\"phone\":\"030 12345678\"}", NULL, "!no_country");
    check("{\"phone\":\"030 12345678\",\"country\":\"Atlantis\"}", NULL, "!no_country");
    check_holds("{\"phone\":\"030 12345678\",\"country\":\"Atlantis\"}", "{\"country\":\"DE\"}",
                "\"country: not a country, taken from the number: \\\"Atlantis\\\"\"");
    // K-73: absent = from the number, whatever the default
    check_holds("{\"phone\":\"+12125550123\"}", "{\"country\":\"DE\"}", "\"country\":\"US\"");
    check_holds("{\"phone\":\"+12125550123\",\"country\":\"CH\"}", NULL, "\"country\":\"CH\"");
    check_holds("{\"phone\":\"+12125550123\"}", "{\"language\":\"Spanish\"}",
                "\"language\":\"es\"");
    check_holds("{\"phone\":\"+12125550123\",\"language\":\"Klingon\"}", NULL,
                "\"language: not known, left out: \\\"Klingon\\\"\"");
}

static void test_names(void **state)
{
    (void)state;
    check_holds("{\"phone\":\"+442071838750\",\"Name\":\"Anna Maria Weber\"}", NULL,
                "\"first_name\":\"Anna Maria\",\"last_name\":\"Weber\"");
    check_holds("{\"phone\":\"+442071838750\",\"Name\":\"Weber, Anna\"}", NULL,
                "\"first_name\":\"Anna\",\"last_name\":\"Weber\"");
    check_holds("{\"phone\":\"+442071838750\",\"Name\":\"Weber\",\"Vorname\":\"Anna\"}", NULL,
                "\"first_name\":\"Anna\",\"last_name\":\"Weber\"");
    check_holds("{\"phone\":\"+442071838750\",\"Name\":\"Weber\"}", NULL,
                "\"first_name\":\"Weber\"");
    check_holds("{\"phone\":\"+442071838750\",\"Vorname\":\"\xC2\xA0 Anna\xC2\xA0\"}", NULL,
                "\"first_name\":\"Anna\"");
    check_holds("{\"phone\":\"+442071838750\",\"Vorname\":\"An\\tna\"}", NULL,
                "\"first_name\":\"An na\"");
}

static void test_phones(void **state)
{
    (void)state;
    check("{}", NULL, "!no_phone");
    check("{\"phone\":\"\"}", NULL, "!no_phone");
    check("{\"phone\":\"unbekannt\"}", NULL, "!not_a_number");
    check("{\"phone\":\"+49 30\"}", NULL, "!too_short");
    check("{\"phone\":\"+1 212 555 0123 4567\"}", NULL, "!too_long");
    check("{\"phone\":\"+999 123456789\"}", NULL, "!impossible");
    check("{\"phone\":\"123456789012345678901234567890123456789012345678901\"}", NULL,
          "!too_long_field");
    // a second column helps out, and is kept
    check_holds("{\"Telefon\":\"-\",\"Mobil\":\"+491711234567\"}", NULL,
                "\"phone_number: another column was used instead of \\\"-\\\"\"");
    check_holds("{\"Telefon\":\"+493012345678\",\"Mobil\":\"+491711234567\"}", NULL,
                "\"metadata\":{\"Mobil\":\"+491711234567\"}");
    check_holds("{\"Telefon\":\"\",\"Mobil\":\"+491711234567\"}", NULL,
                "{\"phone_number\":\"+491711234567\"");
    check_holds("{\"phone\":\"+491711234567 / 0172 7654321\"}", NULL, "the first of several in");
    check_holds("{\"phone\":\"+1 212 555 0123 x9\"}", NULL, "the extension was left out");
    check_holds("{\"phone\":\"+1 212 155 0123\"}", NULL, "not known as a valid number");
    check_holds("{\"phone\":\"+491711234567\",\"whatsapp\":\"0171 7654321\"}", NULL,
                "\"whatsapp_number\":\"+491717654321\"");
    check_holds("{\"phone\":\"+491711234567\",\"whatsapp\":\"ja\"}", NULL,
                "whatsapp_number: not a number, left out");
}

static void test_email_and_priority(void **state)
{
    static const char *const k_good[] = {"a@b.de", "anna.weber+list@sub.example.co.uk",
                                         "o'neil@example.com", "x_1@ex-ample.org"};
    static const char *const k_bad[] = {"anna",           "anna@",    "@example.de", "a@b",
                                        "a b@example.de", "a@b@c.de", "a@.de",       "a@b..de",
                                        "Anna <a@b.de>",  "a.@b.de",  ".a@b.de",     "a@b.d",
                                        "a@-b.de",        "a,b@c.de"};
    static const char *const k_priorities[][2] = {{"low", "25"},  {"Medium", "50"},  {"HIGH", "75"},
                                                  {"hoch", "75"}, {"niedrig", "25"}, {"0", "0"},
                                                  {"100", "100"}, {"7", "7"},        {"", NULL}};
    static const char *const k_bad_priorities[] = {"101", "-1", "highest", "5.5", "1000", "7a"};
    char row[256], want[64];
    (void)state;
    for (size_t i = 0; i < KJ_COUNT(k_good); i++) {
        snprintf(row, sizeof row, "{\"phone\":\"+442071838750\",\"email\":\"%s\"}", k_good[i]);
        check_holds(row, NULL, k_good[i]);
    }
    for (size_t i = 0; i < KJ_COUNT(k_bad); i++) {
        snprintf(row, sizeof row, "{\"phone\":\"+442071838750\",\"email\":\"%s\"}", k_bad[i]);
        check(row, NULL, "!bad_email");
    }
    for (size_t i = 0; i < KJ_COUNT(k_priorities); i++) {
        snprintf(row, sizeof row, "{\"phone\":\"+442071838750\",\"priority\":\"%s\"}",
                 k_priorities[i][0]);
        snprintf(want, sizeof want, "\"priority\":%s",
                 k_priorities[i][1] ? k_priorities[i][1] : "");
        if (k_priorities[i][1])
            check_holds(row, NULL, want);
    }
    for (size_t i = 0; i < KJ_COUNT(k_bad_priorities); i++) {
        snprintf(row, sizeof row, "{\"phone\":\"+442071838750\",\"priority\":\"%s\"}",
                 k_bad_priorities[i]);
        check(row, NULL, "!bad_priority");
    }
}

static void fill(char *to, const char *letter, size_t count)
{
    for (*to = 0; count > 0; count--)
        to = stpcpy(to, letter);
}

static void test_limits(void **state)
{
    static const struct {
        const char *field;
        size_t most;
    } k_limits[] = {{"first_name", 100}, {"last_name", 100}, {"company", 255},
                    {"job_title", 255},  {"notes", 10000},   {"tags", 64}};
    static char value[40000], row[41000];
    (void)state;
    for (size_t i = 0; i < KJ_COUNT(k_limits); i++) {
        fill(value, "ü", k_limits[i].most); // characters, not bytes
        snprintf(row, sizeof row, "{\"phone\":\"+442071838750\",\"%s\":\"%s\"}", k_limits[i].field,
                 value);
        check_holds(row, NULL, value);
        strcat(value, "x");
        snprintf(row, sizeof row, "{\"phone\":\"+442071838750\",\"%s\":\"%s\"}", k_limits[i].field,
                 value);
        check(row, NULL, "!too_long_field");
    }
    fill(value, "a", 251);
    snprintf(row, sizeof row, "{\"phone\":\"+442071838750\",\"email\":\"%s@b.de\"}", value);
    check(row, NULL, "!too_long_field");
    fill(value, "k", 65);
    snprintf(row, sizeof row, "{\"phone\":\"+442071838750\",\"%s\":\"v\"}", value);
    check(row, NULL, "!too_long_field");
    fill(value, "v", 4097);
    snprintf(row, sizeof row, "{\"phone\":\"+442071838750\",\"own\":\"%s\"}", value);
    check(row, NULL, "!too_long_field");
    char *at = stpcpy(row, "{\"phone\":\"+442071838750\"");
    for (int i = 0; i < 101; i++)
        at += sprintf(at, ",\"own %d\":\"v\"", i);
    strcpy(at, "}");
    check(row, NULL, "!too_long_field");
    at = stpcpy(row, "{\"phone\":\"+442071838750\",\"tags\":\"");
    for (int i = 0; i < 51; i++)
        at += sprintf(at, "t%d,", i);
    strcpy(at, "\"}");
    check(row, NULL, "!too_long_field");
}

static void test_metadata(void **state)
{
    (void)state;
    // names that a path or a query could trip over
    check_holds("{\"phone\":\"+442071838750\",\"a.b\":\"1\",\"$where\":\"2\"}", NULL,
                "\"metadata\":{\"a_b\":\"1\",\"_where\":\"2\"}");
    check_holds("{\"phone\":\"+442071838750\",\"metadata\":{\"a\":null,\"b\":[1,2]}}", NULL,
                "\"metadata\":{\"a\":null,\"b\":[1,2]}");
}

static void test_consent(void **state)
{
    (void)state;
    check_holds("{\"phone\":\"+442071838750\",\"consent_at\":\"2026-03-01T10:00:00Z\",\"consent "
                "channel\":\"web form\"}",
                NULL, "\"consent\":{\"at\":\"2026-03-01T10:00:00.000Z\",\"channel\":\"web form\"}");
    check_holds(
        "{\"phone\":\"+442071838750\",\"consent\":{\"at\":\"2026-03-01\",\"scope\":"
        "\"calls\",\"expires_at\":\"2027-03-01\"}}",
        NULL,
        "\"consent\":{\"at\":\"2026-03-01T00:00:00.000Z\",\"scope\":\"calls\",\"expires_at\":"
        "\"2027-03-01T23:59:59.000Z\"}");
    check("{\"phone\":\"+442071838750\",\"consent_at\":\"yes\"}", NULL, "!bad_consent");
    check("{\"phone\":\"+442071838750\",\"consent_text\":\"I agree\"}", NULL, "!bad_consent");
    check("{\"phone\":\"+442071838750\",\"consent_at\":\"2026-03-01\",\"consent_scope\":\"some\"}",
          NULL, "!bad_consent");
    check("{\"phone\":\"+442071838750\",\"consent_at\":\"2026-03-01\",\"consent_expires_at\":"
          "\"never\"}",
          NULL, "!bad_consent");
}

// The schemas that belong to this room's parsers compile, and accept what the parsers take.
static void test_schemas(void **state)
{
    static const char *const k_good[][2] = {
        {"documents/schedule",
         "{\"windows\":[{\"days\":[0,6],\"from\":\"09:00\",\"to\":\"24:00\"}],\"weekend\":\"off\","
         "\"holidays\":[\"2026-12-25\"],\"starts_at\":\"2026-01-01T00:00:00Z\"}"},
        {"documents/schedule", "{}"},
        {"documents/retry",
         "{\"gaps_minutes\":[5,15],\"max_attempts\":3,\"on\":[\"busy\",\"goal_incomplete\"]}"},
        {"documents/number",
         "{\"key\":\"+491711234567\",\"refusals\":[{\"kind\":\"opt_out\",\"at\":\"2026-01-01T00:00:"
         "00Z\",\"source\":\"call_1\",\"evidence\":\"stop\"}],\"attempts\":[{\"attempt_id\":\"call_"
         "1\",\"at\":\"2026-01-01T00:00:00Z\",\"campaign_id\":4}],\"open_attempt\":null}"},
    };
    static const char *const k_bad[][2] = {
        {"documents/schedule", "{\"windows\":[]}"},
        {"documents/schedule", "{\"windows\":[{\"from\":\"9:00\",\"to\":\"10:00\"}]}"},
        {"documents/schedule", "{\"windos\":[]}"},
        {"documents/retry", "{\"on\":[\"completed\"]}"},
        {"documents/retry", "{\"gaps_minutes\":[0]}"},
        {"documents/number", "{\"key\":\"0171\"}"},
        {"documents/lead", "{\"phone_number\":\"+491711234567\",\"shoe\":1}"},
    };
    struct kj_fault fault;
    (void)state;
    for (size_t i = 0; i < KJ_COUNT(k_good) + KJ_COUNT(k_bad); i++) {
        bool good = i < KJ_COUNT(k_good);
        const char *const *one = good ? k_good[i] : k_bad[i - KJ_COUNT(k_good)];
        bson_t *doc = read_json(one[1]);
        const struct kj_schema *schema = kj_schema_get(one[0], NULL);
        assert_non_null(schema);
        if ((kj_schema_check_fault(schema, doc, &fault) == KJ_OK) != good)
            fail_msg("%s %s: %s", one[0], one[1], fault.text);
        bson_destroy(doc);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_country_of_local_numbers),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_phones),
        cmocka_unit_test(test_email_and_priority),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_metadata),
        cmocka_unit_test(test_consent),
        cmocka_unit_test(test_schemas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
