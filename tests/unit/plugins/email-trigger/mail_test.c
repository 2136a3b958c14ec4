// The mail reader on the fuzzer's corpus, and the body reader.
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "base/str.h"
#include "mail.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CORPUS KEJUE_SOURCE_DIR "/tests/fuzz/corpus/email_mime/"

static int load(const char *name, struct mail *mail)
{
    char path[512];
    struct kj_buf text;
    snprintf(path, sizeof path, CORPUS "%s.eml", name);
    kj_buf_init(&text, 0);
    assert_int_equal(kj_read_file(path, 8 << 20, &text, NULL), KJ_OK);
    mail_init();
    int status = mail_parse(text.data ? text.data : "", text.length, "mx.example.com", mail);
    kj_buf_fini(&text);
    return status;
}

static void unusable_mails_say_why(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"no_from", "no_from"},
        {"two_from", "not_one_from"},
        {"two_mailboxes", "not_one_from"},
        {"huge_header", "headers_too_large"},
        {"deep", "too_deep"},
        {"many_parts", "too_many_parts"},
        {"many_types", "too_many_parts"},
        {"two_csv", "several_csv"},
        {"no_message_id", "no_message_id"},
        {"binary_csv", "csv_not_text"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct mail mail;
        assert_int_equal(load(rows[i][0], &mail), -1);
        assert_string_equal(mail.refusal, rows[i][1]);
        mail_fini(&mail);
    }
}

static void lists_become_utf8(void **state)
{
    (void)state;
    static const char *const names[] = {"csv_base64", "csv_latin1", "csv_utf16"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct mail mail;
        assert_int_equal(load(names[i], &mail), 0);
        assert_string_equal(mail.csv, "Name;Telefon;Stadt\nAnna Berg;+49 151 12345678;Köln\n"
                                      "Jörg Süß;0151 2345678;Düren\n");
        assert_string_equal(mail.from, "boss@example.com");
        mail_fini(&mail);
    }
    struct mail mail;
    assert_int_equal(load("nested", &mail), 0);
    assert_non_null(strstr(mail.csv, "+4915112345678"));
    mail_fini(&mail);
}

static void words_come_decoded(void **state)
{
    (void)state;
    struct mail mail;
    assert_int_equal(load("quoted_printable", &mail), 0);
    assert_string_equal(mail.subject, "Kampagne für Köln Campaign");
    assert_string_equal(mail.body, "Name: Jörg Süß\nPhone: +49 151 12345678\n");
    assert_string_equal(mail.message_id, "m6@example.com");
    assert_int_equal(strlen(mail.hash), 32);
    assert_true(mail_subject_has(mail.subject, "FÜR köln"));
    assert_false(mail_subject_has(mail.subject, "Bonn"));
    mail_fini(&mail);
    assert_int_equal(load("crlf", &mail), 0);
    assert_string_equal(mail.body, "+49 151 12345678\n");
    mail_fini(&mail);
    assert_int_equal(load("broken_boundary", &mail), 0); // read as far as it goes
    mail_fini(&mail);
    assert_int_equal(load("forwarded", &mail), 0);
    assert_null(mail.csv); // was sent to somebody else
    mail_fini(&mail);
}

static void machines_are_known(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int machine;
    } rows[] = {{"auto_reply", 1}, {"bulk", 1}, {"bounce", 1}, {"plain_blocks", 0}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct mail mail;
        assert_int_equal(load(rows[i].name, &mail), 0);
        assert_int_equal(mail.auto_reply, rows[i].machine);
        mail_fini(&mail);
    }
}

static void only_our_server_vouches(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int vouched;
    } rows[] = {{"vouched", 1}, {"forged_vouch", 0}, {"plain_blocks", 0}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct mail mail;
        assert_int_equal(load(rows[i].name, &mail), 0);
        assert_int_equal(mail.vouched, rows[i].vouched);
        mail_fini(&mail);
    }
}

static void senders_are_exact(void **state)
{
    (void)state;
    char one[] = "boss@example.com", domain[] = "@Partner.example";
    char *senders[] = {one, domain, NULL}, *none[] = {NULL};
    assert_true(mail_from_listed("boss@example.com", senders));
    assert_true(mail_from_listed("any@partner.example", senders));
    assert_false(mail_from_listed("xboss@example.com", senders));
    assert_false(mail_from_listed("a@sub.partner.example", senders));
    assert_false(mail_from_listed("a@partner.example.evil", senders));
    assert_false(mail_from_listed("boss@example.com", none));
}

// "row key=value;…|row …"
static char *shape(const char *body)
{
    static char text[4096];
    struct mail_rows rows;
    size_t used = 0;
    text[0] = '\0';
    mail_rows_parse(body, &rows);
    for (size_t i = 0; i < rows.count; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%d:%s=%s;", rows.fields[i].row,
                                 rows.fields[i].key, rows.fields[i].value);
    mail_rows_fini(&rows);
    return text;
}

static void leads_in_the_text(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"Name: Anna Maria Berg\nPhone: +49 151 12345678\nBudget: 5000\n\nName: Lee\nHandy: 0151 "
         "23\n",
         "0:first_name=Anna Maria;0:last_name=Berg;0:phone_number=+49 151 12345678;0:Budget=5000;"
         "1:first_name=Lee;1:phone_number=0151 23;"},
        {"Vorname: Jörg\nNachname: Süß\nTelefon: 030 123456789",
         "0:Vorname=Jörg;0:Nachname=Süß;0:phone_number=030 123456789;"},
        // a signature has a phone but no name line
        {"Hi\n\nBest regards\nBoss\nPhone: +49 30 999999\nE-mail: boss@example.com\n", ""},
        {"call them:\n+49 151 12345678\n* 0151 2345678\n\n(415) 555-2671\nBest\n+49 30 99999999\n",
         "0:phone_number=+49 151 12345678;1:phone_number=0151 2345678;"
         "2:phone_number=(415) 555-2671;"},
        // dates, amounts and short numbers are nobody's phone
        {"2026-03-02\n02.03.2026\n12345678\n1.000.000\n110\n", ""},
        {"yes\n\n> Name: Old\n> Phone: +49 151 7777777\n", ""},
        {"yes\n-- \nName: Me\nPhone: +49 151 7777777\n", ""},
        {"Name: only\n\nPhone: +49 151 7777777\n", ""},
        {"", ""},
        {":\n: x\nName:\nPhone: \n", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_string_equal(shape(rows[i][0]), rows[i][1]);
}

static void rows_are_bounded(void **state)
{
    (void)state;
    size_t lines = MAIL_MAX_ROWS + 5;
    char *body = malloc(lines * 16 + 1);
    struct mail_rows rows;
    for (size_t i = 0; i < lines; i++)
        memcpy(body + i * 16, "+49 151 1234567\n", 17);
    mail_rows_parse(body, &rows);
    assert_int_equal(rows.rows, MAIL_MAX_ROWS);
    assert_true(rows.overflow);
    mail_rows_fini(&rows);
    free(body);
}

static void large_mails_are_not_read(void **state)
{
    (void)state;
    size_t length = MAIL_MAX_BYTES + 1;
    char *bytes = calloc(1, length);
    struct mail mail;
    memcpy(bytes, "From: a@b.example\n\n", 19);
    assert_int_equal(mail_parse(bytes, length, NULL, &mail), -1);
    assert_string_equal(mail.refusal, "too_large");
    mail_fini(&mail);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unusable_mails_say_why),   cmocka_unit_test(lists_become_utf8),
        cmocka_unit_test(words_come_decoded),       cmocka_unit_test(machines_are_known),
        cmocka_unit_test(only_our_server_vouches),  cmocka_unit_test(senders_are_exact),
        cmocka_unit_test(leads_in_the_text),        cmocka_unit_test(rows_are_bounded),
        cmocka_unit_test(large_mails_are_not_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
