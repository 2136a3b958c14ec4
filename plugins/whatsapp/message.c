// The request bodies of the Cloud API, from the verbs' requests.
//
// `biz_opaque_callback_data` carries the job: status webhooks echo it, so that a lost answer can be
// settled later. Parameters are cleaned here because the vendor refuses what rules easily produce.
#include "wa.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Digits of a number in one spelling: 521… and 549… lose the mobile digit, a Brazilian mobile with
// nine digits loses its 9.
static void fold_number(char digits[WA_USER])
{
    size_t length = strlen(digits);
    size_t drop = 0;
    if (length == 13 && (strncmp(digits, "521", 3) == 0 || strncmp(digits, "549", 3) == 0))
        drop = 2;
    else if (length == 13 && strncmp(digits, "55", 2) == 0 && digits[4] == '9')
        drop = 4;
    if (drop)
        memmove(digits + drop, digits + drop + 1, length - drop);
}

void wa_user_key(char key[WA_USER], const char *number, const char *user_id)
{
    size_t used = 0;
    if (!number || !*number) {
        snprintf(key, WA_USER, "%s", user_id ? user_id : "");
        return;
    }
    for (const char *p = number; *p && used + 1 < WA_USER; p++)
        if (isdigit((unsigned char)*p))
            key[used++] = *p;
    key[used] = '\0';
    fold_number(key);
}

char *wa_sanitise(const char *text)
{
    char *clean = malloc(strlen(text) + 1);
    if (!clean)
        abort();
    size_t used = 0;
    int spaces = 0;
    for (const char *p = text; *p; p++) {
        char c = (unsigned char)*p < 0x20 || *p == 0x7f ? ' ' : *p;
        spaces = c == ' ' ? spaces + 1 : 0;
        if (spaces <= 4)
            clean[used++] = c;
    }
    while (used > 0 && clean[used - 1] == ' ')
        used--;
    clean[used] = '\0';
    size_t lead = strspn(clean, " ");
    memmove(clean, clean + lead, used - lead + 1);
    return clean;
}

struct parameters {
    const struct kejue_host *host;
    struct kejue_builder *b;
    struct kejue_doc all;
    int named;
};

static void put_clean(const struct kejue_host *host, struct kejue_builder *b, const char *key,
                      const char *text)
{
    char *clean = wa_sanitise(text);
    host->put_text(b, key, clean);
    free(clean);
}

// A parameter may also be a number; the vendor only knows texts.
static void number_text(const struct parameters *p, const char *key, char *text, size_t size)
{
    int64_t whole = p->host->integer(p->all, key, INT64_MIN);
    if (whole != INT64_MIN)
        snprintf(text, size, "%lld", (long long)whole);
    else
        snprintf(text, size, "%.15g", p->host->real(p->all, key, 0));
}

static int put_parameter(void *arg, const char *key, const char *text, struct kejue_doc child)
{
    const struct parameters *p = arg;
    char number[40];
    (void)child;
    if (!text) {
        number_text(p, key, number, sizeof number);
        text = number;
    }
    p->host->begin_doc(p->b, NULL);
    p->host->put_text(p->b, "type", "text");
    if (p->named)
        p->host->put_text(p->b, "parameter_name", key);
    put_clean(p->host, p->b, "text", text);
    p->host->end(p->b);
    return 0;
}

static int is_named(void *arg, const char *key, const char *text, struct kejue_doc child)
{
    (void)arg, (void)text, (void)child;
    return !isdigit((unsigned char)key[0]);
}

static int any_member(void *arg, const char *key, const char *text, struct kejue_doc child)
{
    (void)arg, (void)key, (void)text, (void)child;
    return 1;
}

static void put_body(const struct kejue_host *host, struct kejue_builder *b,
                     struct kejue_doc request)
{
    struct parameters p = {host, b, host->child(request, "parameters"), 0};
    if (!host->each(p.all, "", any_member, NULL))
        return;
    p.named = host->each(p.all, "", is_named, NULL);
    host->begin_doc(b, NULL);
    host->put_text(b, "type", "body");
    host->begin_array(b, "parameters");
    host->each(p.all, "", put_parameter, &p);
    host->end(b);
    host->end(b);
}

static void put_header(const struct kejue_host *host, struct kejue_builder *b,
                       struct kejue_doc request)
{
    const char *type = host->text(request, "header.type", NULL);
    if (!type)
        return;
    host->begin_doc(b, NULL);
    host->put_text(b, "type", "header");
    host->begin_array(b, "parameters");
    host->begin_doc(b, NULL);
    host->put_text(b, "type", type);
    if (strcmp(type, "text") == 0) {
        put_clean(host, b, "text", host->text(request, "header.text", ""));
    } else {
        host->begin_doc(b, type);
        host->put_text(b, "link", host->text(request, "header.link", ""));
        host->put_text(b, "filename", host->text(request, "header.filename", NULL));
        host->end(b);
    }
    host->end(b);
    host->end(b);
    host->end(b);
}

static int put_button(void *arg, const char *key, const char *text, struct kejue_doc button)
{
    const struct parameters *p = arg;
    const struct kejue_host *host = p->host;
    const char *type = host->text(button, "type", "quick_reply");
    char index[24];
    (void)key, (void)text;
    snprintf(index, sizeof index, "%lld", (long long)host->integer(button, "index", 0));
    host->begin_doc(p->b, NULL);
    host->put_text(p->b, "type", "button");
    host->put_text(p->b, "sub_type", type);
    host->put_text(p->b, "index", index);
    host->begin_array(p->b, "parameters");
    host->begin_doc(p->b, NULL);
    if (strcmp(type, "quick_reply") == 0) {
        host->put_text(p->b, "type", "payload");
        host->put_text(p->b, "payload", host->text(button, "payload", ""));
    } else if (strcmp(type, "copy_code") == 0) {
        host->put_text(p->b, "type", "coupon_code");
        put_clean(host, p->b, "coupon_code", host->text(button, "text", ""));
    } else {
        host->put_text(p->b, "type", "text");
        put_clean(host, p->b, "text", host->text(button, "text", ""));
    }
    host->end(p->b);
    host->end(p->b);
    host->end(p->b);
    return 0;
}

static void put_template(const struct kejue_host *host, struct kejue_builder *b,
                         struct kejue_doc request)
{
    struct parameters buttons = {host, b, {0}, 0};
    host->put_text(b, "type", "template");
    host->begin_doc(b, "template");
    host->put_text(b, "name", host->text(request, "name", ""));
    host->begin_doc(b, "language");
    host->put_text(b, "policy", "deterministic");
    host->put_text(b, "code", host->text(request, "language", ""));
    host->end(b);
    host->begin_array(b, "components");
    put_header(host, b, request);
    put_body(host, b, request);
    host->each(request, "buttons", put_button, &buttons);
    host->end(b);
    host->end(b);
}

void wa_put_message(const struct wa_instance *wa, struct kejue_builder *b, const char *key,
                    struct kejue_doc request, int template_, const char *job)
{
    const struct kejue_host *host = wa->host;
    const char *to = host->text(request, "to", NULL);
    host->begin_doc(b, key);
    host->put_text(b, "messaging_product", "whatsapp");
    host->put_text(b, "recipient_type", "individual");
    if (to)
        host->put_text(b, "to", to);
    else // the number wins where both are known
        host->put_text(b, "recipient", host->text(request, "user_id", NULL));
    if (template_) {
        put_template(host, b, request);
    } else {
        host->put_text(b, "type", "text");
        host->begin_doc(b, "text");
        host->put_text(b, "body", host->text(request, "text", ""));
        host->put_boolean(b, "preview_url", host->boolean(request, "preview_url", 0));
        host->end(b);
    }
    host->put_text(b, "biz_opaque_callback_data", job && *job ? job : NULL);
    host->end(b);
}
