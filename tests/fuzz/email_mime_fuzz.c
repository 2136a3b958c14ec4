// The e-mail trigger's MIME reader and body reader on hostile mails.
#include "mail.h"

#include <glib.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int holds)
{
    if (!holds)
        abort();
}

static void is_text(const char *text)
{
    must(text == NULL || g_utf8_validate(text, -1, NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int ready; // gmime wants to be started once
    struct mail mail;
    struct mail_rows rows;
    if (!ready)
        mail_init();
    ready = 1;
    int status = mail_parse((const char *)data, size, "mx.example.com", &mail);
    must((status == 0) == (mail.refusal[0] == '\0'));
    must(status != 0 || (mail.from && mail.message_id && mail.hash && strlen(mail.hash) == 32));
    is_text(mail.message_id);
    is_text(mail.subject);
    is_text(mail.csv);
    is_text(mail.body);
    if (mail.body) {
        mail_rows_parse(mail.body, &rows);
        must(rows.rows <= MAIL_MAX_ROWS && (rows.rows > 0) == (rows.count > 0));
        for (size_t i = 0; i < rows.count; i++)
            must(rows.fields[i].row < rows.rows && rows.fields[i].key[0] &&
                 rows.fields[i].value[0]);
        mail_rows_fini(&rows);
    }
    if (mail.from)
        must(mail_from_listed(mail.from, (char *[]){mail.from, NULL}));
    must(mail_subject_has(mail.subject ? mail.subject : "", ""));
    mail_fini(&mail);
    return 0;
}
