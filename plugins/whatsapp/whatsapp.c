// WhatsApp over Meta's Cloud API: templates, free text within the 24-hour window, webhooks.
//
// What the vendor does not do for us lives here: it has no idempotency key (so the job travels as
// callback data), it limits per number and per pair (so we pace), it pauses templates (so we stop
// knocking). What the host does is not repeated: credentials, deadlines, retries, signatures.
#include "wa.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char k_config[] =
    "{\"type\":\"object\",\"additionalProperties\":false,"
    "\"required\":[\"numbers\",\"token\"],\"properties\":{"
    "\"url\":{\"type\":\"string\",\"default\":\"https://graph.facebook.com\","
    "\"description\":\"where the API answers\"},"
    "\"version\":{\"type\":\"string\",\"pattern\":\"^v[0-9]+\\\\.[0-9]+$\",\"default\":\"v23.0\"},"
    "\"numbers\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":32,"
    "\"description\":\"business numbers; the first one sends where a request names none\","
    "\"items\":{\"type\":\"object\",\"additionalProperties\":false,"
    "\"required\":[\"phone_number_id\"],\"properties\":{"
    "\"phone_number_id\":{\"type\":\"string\",\"pattern\":\"^[0-9]{1,31}$\"},"
    "\"rate_per_second\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":1000,"
    "\"description\":\"80, or 20 in coexistence\"}}}},"
    "\"token\":{\"type\":\"string\",\"writeOnly\":true,"
    "\"description\":\"file with the system user's access token\"},"
    "\"app_secret\":{\"type\":\"string\",\"writeOnly\":true,"
    "\"description\":\"file with the app secret that signs webhooks\"},"
    "\"verify_token\":{\"type\":\"string\",\"writeOnly\":true,"
    "\"description\":\"file with the word that Meta repeats when the webhook is set up\"},"
    "\"rate_per_second\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":1000,\"default\":80},"
    "\"pair_interval_ms\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":600000,"
    "\"default\":6000,\"description\":\"between two messages to the same user\"},"
    "\"queue_limit\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":10000,\"default\":1000,"
    "\"description\":\"sends that may wait for their turn\"}}}";

// --- small things for all files ---

void wa_finish(const struct wa_instance *wa, uint64_t op, enum kejue_class class_,
               int64_t retry_after_ms, const char *code, const char *text)
{
    struct kejue_outcome outcome = {class_, retry_after_ms, code, text};
    struct kejue_doc none = {0};
    wa->host->finish(wa->ctx, op, &outcome, none);
}

void wa_state_get(const struct wa_instance *wa, uint64_t op, const char *key, kejue_answer *answer,
                  void *arg)
{
    struct kejue_builder *b = wa->host->build(wa->ctx);
    wa->host->put_text(b, "key", key);
    wa->host->ask(wa->ctx, op, "host.state.get", wa->host->built(b), answer, arg);
    wa->host->drop(b);
}

void wa_state_put(const struct wa_instance *wa, uint64_t op, const char *key, const char *name,
                  int64_t at, int64_t revision, kejue_answer *answer, void *arg)
{
    struct kejue_builder *b = wa->host->build(wa->ctx);
    wa->host->put_text(b, "key", key);
    wa->host->begin_doc(b, "value");
    wa->host->put_integer(b, name, at);
    wa->host->end(b);
    if (revision >= 0)
        wa->host->put_integer(b, "revision", revision);
    wa->host->ask(wa->ctx, op, "host.state.put", wa->host->built(b), answer, arg);
    wa->host->drop(b);
}

// Keys of host.state are short; a long name is cut and told apart by its hash.
void wa_template_key(char *key, size_t size, const char *name, const char *language)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (const char *p = name; *p; p++)
        hash = (hash ^ (unsigned char)*p) * UINT64_C(1099511628211);
    if (strlen(name) <= 100)
        snprintf(key, size, "pause/%s/%.20s", name, language);
    else
        snprintf(key, size, "pause/%.80s~%016llx/%.20s", name, (unsigned long long)hash, language);
}

void wa_window_key(char *key, size_t size, const char *number, const char *user)
{
    snprintf(key, size, "window/%s/%s", number, user);
}

// --- entry points ---

struct reading {
    struct wa_instance *wa;
    int64_t rate;
};

static int read_number(void *arg, const char *key, const char *text, struct kejue_doc row)
{
    struct reading *r = arg;
    struct wa_pace *pace = &r->wa->pace;
    (void)key, (void)text;
    if (pace->number_count == WA_NUMBERS)
        return 1;
    struct wa_number *number = &pace->numbers[pace->number_count++];
    snprintf(number->id, sizeof number->id, "%s", r->wa->host->text(row, "phone_number_id", ""));
    number->interval_us = 1000000 / r->wa->host->integer(row, "rate_per_second", r->rate);
    return 0;
}

static int wa_open(const struct kejue_host *host, struct kejue_ctx *ctx, struct kejue_doc config,
                   void **instance, char *error, size_t error_size)
{
    struct wa_instance *wa = calloc(1, sizeof *wa);
    struct reading reading = {wa, host->integer(config, "rate_per_second", 80)};
    if (!wa) {
        snprintf(error, error_size, "out of memory");
        return -1;
    }
    wa->host = host;
    wa->ctx = ctx;
    const char *url = host->text(config, "url", "https://graph.facebook.com");
    size_t length = strlen(url);
    while (length > 0 && url[length - 1] == '/')
        length--;
    snprintf(wa->base, sizeof wa->base, "%.*s/%s", (int)length, url,
             host->text(config, "version", "v23.0"));
    wa->queue_limit = (int)host->integer(config, "queue_limit", 1000);
    wa->pace.pair_interval_ms = host->integer(config, "pair_interval_ms", 6000);
    host->each(config, "numbers", read_number, &reading);
    if (wa->pace.number_count == 0) {
        snprintf(error, error_size, "numbers is empty; name at least one phone_number_id");
        free(wa);
        return -1;
    }
    *instance = wa;
    return 0;
}

static void wa_start(void *instance, uint64_t op, const struct kejue_op_info *info,
                     struct kejue_doc doc)
{
    struct wa_instance *wa = instance;
    if (strcmp(info->verb, "whatsapp.webhook") == 0)
        wa_hook_start(wa, op, doc);
    else
        wa_send_start(wa, op, info, doc, strcmp(info->verb, "whatsapp.send_template") == 0);
}

static void wa_cancel(void *instance, uint64_t op)
{
    wa_send_cancel(instance, op);
}

static void wa_close(void *instance)
{
    struct wa_instance *wa = instance;
    wa_sends_close(wa);
    wa_hooks_close(wa);
    free(wa);
}

static const struct kejue_verb k_verbs[] = {
    {"whatsapp.send_template", "verbs/whatsapp.send_template", "verbs/whatsapp.send_template",
     KEJUE_MONEY, KEJUE_REPEAT_NONE, 0, 60000, 1024},
    {"whatsapp.send_text", "verbs/whatsapp.send_text", "verbs/whatsapp.send_text", KEJUE_MONEY,
     KEJUE_REPEAT_NONE, 0, 60000, 1024},
    {"whatsapp.webhook", "verbs/whatsapp.webhook", "verbs/whatsapp.webhook", KEJUE_IDEMPOTENT,
     KEJUE_REPEAT_NONE, 0, 20000, 64},
    {0},
};

static const struct kejue_route k_routes[] = {
    {"GET", "/webhook", "whatsapp.webhook", "none", NULL, NULL, NULL, 0},
    {"POST", "/webhook", "whatsapp.webhook", "hmac-sha256-hex", "X-Hub-Signature-256",
     "sha256=", "app_secret", 1024 * 1024},
    {0},
};

static const struct kejue_schedule k_schedules[] = {{0}};
static const char *const k_events[] = {"message.received", "message.status", "template.status",
                                       NULL};
static const char *const k_uses[] = {NULL};
static const char *const k_hosts[] = {"url", NULL};

KEJUE_EXPORT const struct kejue_plugin kejue_plugin = {
    .size = sizeof(struct kejue_plugin),
    .major = KEJUE_ABI_MAJOR,
    .minor = KEJUE_ABI_MINOR,
    .name = "whatsapp",
    .version = "1.0.0",
    .config_schema = k_config,
    .verbs = k_verbs,
    .routes = k_routes,
    .schedules = k_schedules,
    .events = k_events,
    .uses = k_uses,
    .hosts = k_hosts,
    .open = wa_open,
    .start = wa_start,
    .cancel = wa_cancel,
    .close = wa_close,
};
