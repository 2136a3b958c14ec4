// crm.upsert: one record, one request, its id back.
//
// The operation's key goes along as Idempotency-Key. Whether a resend is safe is a property of the
// endpoint, not of the verb: the configuration says so, and then a lost answer is "not processed".
#include "crm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXCHANGE_MS = 20000 };

struct crm_call {
    struct crm_instance *crm;
    struct crm_call *next, **link;
    uint64_t op;
};

static void call_free(struct crm_call *call)
{
    *call->link = call->next;
    if (call->next)
        call->next->link = call->link;
    free(call);
}

static void refuse(const struct crm_instance *crm, uint64_t op, const char *field)
{
    char text[CRM_PATH + 64];
    struct kejue_outcome outcome = {KEJUE_CALLER, 0, "missing_field", text};
    struct kejue_doc none = {0};
    snprintf(text, sizeof text, "the record has no %s, which the mapping needs", field);
    crm->host->finish(crm->ctx, op, &outcome, none);
}

static void fail(struct crm_call *call, const struct kejue_outcome *outcome,
                 struct kejue_doc answer)
{
    const struct kejue_host *host = call->crm->host;
    const char *words = host->text(answer, "json.message", NULL);
    char text[400];
    if (!words)
        words =
            host->text(answer, "json.0.message", host->text(answer, "json.error.message", NULL));
    snprintf(text, sizeof text, "%.180s%s%.200s", outcome->text ? outcome->text : "",
             words && outcome->text ? ": " : "", words ? words : "");
    struct kejue_outcome told = {outcome->class_, outcome->retry_after_ms, outcome->code, text};
    if (told.class_ == KEJUE_UNKNOWN && call->crm->repeatable)
        told.class_ = KEJUE_NOT_PROCESSED;
    host->finish(call->crm->ctx, call->op, &told, (struct kejue_doc){0});
    call_free(call);
}

static void on_http(void *arg, const struct kejue_outcome *outcome, struct kejue_doc answer)
{
    struct crm_call *call = arg;
    const struct crm_instance *crm = call->crm;
    const struct kejue_host *host = crm->host;
    char path[CRM_PATH + 8], number[32];
    if (outcome->class_ != KEJUE_OK) {
        fail(call, outcome, answer);
        return;
    }
    struct kejue_builder *b = host->build(crm->ctx);
    struct kejue_outcome ok = {KEJUE_OK, 0, NULL, NULL};
    snprintf(path, sizeof path, "json.%s", crm->id_path);
    host->put_text(b, "id", crm_scalar(host, answer, path, number, sizeof number));
    host->put_integer(b, "status", host->integer(answer, "status", 200));
    host->finish(crm->ctx, call->op, &ok, host->built(b));
    host->drop(b);
    call_free(call);
}

static void put_envelope(const struct crm_instance *crm, struct kejue_builder *b, const char *url,
                         const char *key)
{
    const struct kejue_host *host = crm->host;
    host->put_text(b, "method", crm->method);
    host->put_text(b, "url", url);
    host->put_integer(b, "timeout_ms", EXCHANGE_MS);
    host->begin_doc(b, "headers");
    host->put_text(b, "Idempotency-Key", key && *key ? key : NULL);
    for (int i = 0; i < crm->header_count; i++)
        host->put_text(b, crm->headers[i].name, crm->headers[i].value);
    host->end(b);
    if (strcmp(crm->auth_scheme, "none") == 0)
        return;
    host->begin_doc(b, "auth");
    host->put_text(b, "secret", "token");
    host->put_text(b, "scheme", crm->auth_scheme);
    if (strcmp(crm->auth_scheme, "header") == 0)
        host->put_text(b, "header", crm->auth_header);
    host->end(b);
}

void crm_upsert(struct crm_instance *crm, uint64_t op, const char *key, struct kejue_doc request)
{
    const struct kejue_host *host = crm->host;
    int wrapped = host->child(request, "record").length > 0;
    struct kejue_doc record = wrapped ? host->child(request, "record") : request;
    char field[CRM_PATH];
    char *url = crm_address(crm, record, field);
    if (!url) {
        refuse(crm, op, field);
        return;
    }
    const char *missing = NULL;
    struct kejue_builder *b = host->build(crm->ctx);
    put_envelope(crm, b, url, wrapped ? host->text(request, "key", key) : key);
    free(url);
    if (crm_mapping_put(crm, b, record, &missing) != 0) {
        host->drop(b);
        refuse(crm, op, missing);
        return;
    }
    struct crm_call *call = calloc(1, sizeof *call);
    if (!call)
        abort();
    *call = (struct crm_call){crm, crm->calls, &crm->calls, op};
    if (call->next)
        call->next->link = &call->next;
    crm->calls = call;
    host->ask(crm->ctx, op, "host.http", host->built(b), on_http, call);
    host->drop(b);
}

void crm_calls_close(struct crm_instance *crm)
{
    while (crm->calls)
        call_free(crm->calls);
}
