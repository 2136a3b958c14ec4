// Webhook items as Kejue's events, one function for each kind.
//
// A user may hide the number behind a username: then only the business-scoped user id comes. So
// `from` and `recipient` are optional, and the key of an event never holds a number.
#include "wa.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *first_text(const struct kejue_host *host, struct kejue_doc doc,
                              const char *const *paths)
{
    for (; *paths; paths++) {
        const char *text = host->text(doc, *paths, NULL);
        if (text)
            return text;
    }
    return NULL;
}

int64_t wa_timestamp(const struct wa_instance *wa, struct kejue_doc item)
{
    const char *text = wa->host->text(item, "timestamp", NULL);
    long long seconds = text ? strtoll(text, NULL, 10) : wa->host->integer(item, "timestamp", 0);
    if (seconds <= 0 || seconds > 253402300799LL)
        return 0;
    return seconds * 1000;
}

struct contact {
    const struct kejue_host *host;
    const char *number;
    const char *user_id, *name;
};

// The contact with the sender's number; the first one where the sender has none.
static int read_contact(void *arg, const char *key, const char *text, struct kejue_doc row)
{
    struct contact *c = arg;
    const char *wa_id = c->host->text(row, "wa_id", NULL);
    (void)key, (void)text;
    if (c->number && (!wa_id || strcmp(wa_id, c->number) != 0))
        return 0;
    c->user_id = c->host->text(row, "user_id", NULL);
    c->name = c->host->text(row, "profile.name", NULL);
    return 1;
}

static struct contact contact_of(const struct wa_instance *wa, const struct wa_item *item)
{
    struct contact c = {wa->host, wa->host->text(item->item, "from", NULL), NULL, NULL};
    wa->host->each(item->value, "contacts", read_contact, &c);
    return c;
}

const char *wa_sender(const struct wa_instance *wa, const struct wa_item *item,
                      const char **user_id)
{
    static const char *const paths[] = {"from_user_id", "user_id", NULL};
    struct contact c = contact_of(wa, item);
    const char *own = first_text(wa->host, item->item, paths);
    *user_id = own ? own : c.user_id;
    return c.number;
}

// Digits as the vendor sends them, as E.164.
static void put_number(const struct kejue_host *host, struct kejue_builder *b, const char *key,
                       const char *digits)
{
    char number[40];
    if (!digits || !*digits || strlen(digits) > 20)
        return;
    snprintf(number, sizeof number, "%s%s", isdigit((unsigned char)digits[0]) ? "+" : "", digits);
    host->put_text(b, key, number);
}

static void put_at(const struct wa_instance *wa, struct kejue_builder *b,
                   const struct wa_item *item)
{
    int64_t at = wa_timestamp(wa, item->item);
    wa->host->put_time(b, "at", at ? at : wa->host->now(wa->ctx));
}

int wa_event_message(const struct wa_instance *wa, struct kejue_builder *b,
                     const struct wa_item *item)
{
    static const char *const texts[] = {"text.body",
                                        "button.text",
                                        "interactive.button_reply.title",
                                        "interactive.list_reply.title",
                                        "reaction.emoji",
                                        "image.caption",
                                        "video.caption",
                                        "document.caption",
                                        "system.body",
                                        NULL};
    static const char *const payloads[] = {"button.payload",
                                           "interactive.button_reply.id",
                                           "interactive.list_reply.id",
                                           "interactive.nfm_reply.response_json",
                                           "reaction.message_id",
                                           "system.wa_id",
                                           NULL};
    const struct kejue_host *host = wa->host;
    const char *id = host->text(item->item, "id", NULL);
    const char *user_id = NULL;
    const char *from = wa_sender(wa, item, &user_id);
    struct contact contact = contact_of(wa, item);
    if (!id || (!from && !user_id))
        return -1;
    host->put_text(b, "key", id);
    host->put_text(b, "provider", "whatsapp");
    host->put_text(b, "message_id", id);
    put_number(host, b, "from", from);
    host->put_text(b, "user_id", user_id);
    host->put_text(b, "name", contact.name);
    host->put_text(b, "to_number_id", host->text(item->value, "metadata.phone_number_id", ""));
    put_number(host, b, "to_number",
               host->text(item->value, "metadata.display_phone_number", NULL));
    host->put_text(b, "type", host->text(item->item, "type", "unknown"));
    host->put_text(b, "text", first_text(host, item->item, texts));
    host->put_text(b, "payload", first_text(host, item->item, payloads));
    host->put_text(b, "context_id", host->text(item->item, "context.id", NULL));
    put_at(wa, b, item);
    return 0;
}

static void put_error(const struct kejue_host *host, struct kejue_builder *b,
                      struct kejue_doc status)
{
    char code[32];
    int64_t number = host->integer(status, "errors.0.code", -1);
    if (number < 0)
        return;
    snprintf(code, sizeof code, "%lld", (long long)number);
    host->begin_doc(b, "error");
    host->put_text(b, "code", code);
    host->put_text(
        b, "title",
        host->text(status, "errors.0.title", host->text(status, "errors.0.message", "")));
    host->put_text(b, "details", host->text(status, "errors.0.error_data.details", NULL));
    host->end(b);
}

int wa_event_status(const struct wa_instance *wa, struct kejue_builder *b,
                    const struct wa_item *item)
{
    static const char *const known[] = {"sent", "delivered", "read", "failed"};
    const struct kejue_host *host = wa->host;
    const char *id = host->text(item->item, "id", NULL);
    const char *status = host->text(item->item, "status", "");
    int matches = 0;
    char key[600];
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        matches += strcmp(status, known[i]) == 0;
    if (!id || !matches)
        return -1;
    snprintf(key, sizeof key, "%s:%s", id, status);
    host->put_text(b, "key", key);
    host->put_text(b, "provider", "whatsapp");
    host->put_text(b, "message_id", id);
    host->put_text(b, "status", status);
    put_number(host, b, "recipient", host->text(item->item, "recipient_id", NULL));
    host->put_text(b, "user_id", host->text(item->item, "recipient_user_id", NULL));
    host->put_text(b, "from_number_id", host->text(item->value, "metadata.phone_number_id", ""));
    host->put_text(b, "job", host->text(item->item, "biz_opaque_callback_data", NULL));
    put_error(host, b, item->item);
    put_at(wa, b, item);
    return 0;
}

int wa_event_template(const struct wa_instance *wa, struct kejue_builder *b,
                      const struct wa_item *item)
{
    const struct kejue_host *host = wa->host;
    const char *event = host->text(item->value, "event", NULL);
    const char *name = host->text(item->value, "message_template_name", NULL);
    char status[64];
    if (!event || !name)
        return -1;
    snprintf(status, sizeof status, "%s", event);
    for (char *p = status; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    host->put_text(b, "provider", "whatsapp");
    host->put_text(b, "name", name);
    host->put_text(b, "language", host->text(item->value, "message_template_language", NULL));
    host->put_text(b, "status", status);
    host->put_text(b, "reason", host->text(item->value, "reason", NULL));
    host->put_time(b, "at", host->now(wa->ctx));
    return 0;
}
