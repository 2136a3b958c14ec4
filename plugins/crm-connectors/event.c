// What a CRM tells by webhook (a contact changed, a deal was won) becomes the event `crm.event`,
// for hooks to act on. Answered 202 only when it is durable; the same news again adds nothing.
#include "crm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct crm_news {
    struct crm_instance *crm;
    uint64_t op;
};

static void answer(struct crm_instance *crm, uint64_t op, int status, const char *text)
{
    const struct kejue_host *host = crm->host;
    struct kejue_outcome outcome = {KEJUE_OK, 0, NULL, NULL};
    struct kejue_builder *b = host->build(crm->ctx);
    host->put_integer(b, "status", status);
    host->put_text(b, "body", text);
    host->finish(crm->ctx, op, &outcome, host->built(b));
    host->drop(b);
}

static void on_emitted(void *arg, const struct kejue_outcome *outcome, struct kejue_doc doc)
{
    struct crm_news *news = arg;
    (void)doc;
    if (outcome->class_ == KEJUE_OK)
        answer(news->crm, news->op, 202, "");
    else
        answer(news->crm, news->op, 503, "not stored; send it again");
    free(news);
}

static int is_known(const struct crm_instance *crm, struct kejue_doc request)
{
    const char *given = crm->host->text(request, "headers.x-webhook-token", NULL);
    const char *bearer = crm->host->text(request, "headers.authorization", "");
    if (!given && strncmp(bearer, "Bearer ", 7) == 0)
        given = bearer + 7;
    return given && crm->host->is_secret(crm->ctx, "event_token", given);
}

// The same news has the same key: the field that the configuration names, else the bytes
// themselves.
static void put_key(const struct crm_instance *crm, struct kejue_builder *b,
                    struct kejue_doc parsed, struct kejue_doc raw)
{
    char buffer[64], path[CRM_PATH + 8], hex[65] = "";
    snprintf(path, sizeof path, "body.%s", crm->event_key);
    const char *id =
        crm->event_key[0] ? crm_scalar(crm->host, parsed, path, buffer, sizeof buffer) : NULL;
    if (!id || !id[0])
        crm->host->mac(crm->ctx, "event_token", raw.bytes, raw.length, hex);
    crm->host->put_text(b, "key", id && id[0] ? id : hex);
}

void crm_event(struct crm_instance *crm, uint64_t op, struct kejue_doc request)
{
    const struct kejue_host *host = crm->host;
    struct kejue_doc raw = host->bytes(request, "body");
    if (!is_known(crm, request)) {
        answer(crm, op, 401, "send the token of the configuration as X-Webhook-Token");
        return;
    }
    struct kejue_builder *parsed = host->build(crm->ctx), *b = host->build(crm->ctx);
    if (host->put_json(parsed, "body", (const char *)raw.bytes, raw.length) == 0) {
        struct crm_news *news = malloc(sizeof *news);
        if (!news)
            abort();
        *news = (struct crm_news){crm, op};
        host->put_text(b, "name", "crm.event");
        host->begin_doc(b, "data");
        put_key(crm, b, host->built(parsed), raw);
        host->put_from(b, "body", host->built(parsed), "body");
        host->end(b);
        host->ask(crm->ctx, op, "host.emit", host->built(b), on_emitted, news);
    } else
        answer(crm, op, 400, "the body is not JSON");
    host->drop(b);
    host->drop(parsed);
}
