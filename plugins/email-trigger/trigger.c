// The e-mail trigger: a mail with leads from a known sender starts a campaign.
//
// It reads a Maildir, which every mail server can write and no password guards. A sender's address
// is easily forged: let the mail server check DMARC and name it as authserv_id.
#include "trigger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char k_config[] =
    "{\"type\":\"object\",\"additionalProperties\":false,"
    "\"required\":[\"maildir\",\"senders\",\"campaign\"],\"properties\":{"
    "\"maildir\":{\"type\":\"string\",\"pattern\":\"^/\",\"maxLength\":900,"
    "\"description\":\"folder with new/, cur/ and tmp/\"},"
    "\"senders\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":200,"
    "\"description\":\"addresses, or @domain\","
    "\"items\":{\"type\":\"string\",\"minLength\":3,\"maxLength\":320,\"pattern\":\"@\"}},"
    "\"subject\":{\"type\":\"string\",\"maxLength\":200,"
    "\"description\":\"words that the subject must hold; any when absent\"},"
    "\"campaign\":{\"type\":[\"integer\",\"string\"],\"description\":\"which one to start\"},"
    "\"country\":{\"type\":\"string\",\"pattern\":\"^[A-Z]{2}$\","
    "\"description\":\"of numbers without a country code\"},"
    "\"authserv_id\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":255,"
    "\"description\":\"the mail server whose Authentication-Results must say dmarc=pass\"},"
    "\"poll_ms\":{\"type\":\"integer\",\"minimum\":1000,\"maximum\":86400000,"
    "\"default\":60000}}}";

// --- mails remembered by name ---

int trigger_knows(void *arg, uint64_t hash)
{
    const struct trigger *trigger = arg;
    for (size_t i = 0; i < TRIGGER_KNOWN; i++) {
        uint64_t at = trigger->known[(hash + i) % TRIGGER_KNOWN];
        if (at == hash)
            return 1;
        if (at == 0)
            return 0;
    }
    return 0;
}

void trigger_remember(struct trigger *trigger, uint64_t hash)
{
    if (trigger_knows(trigger, hash))
        return;
    if (trigger->known_count >= TRIGGER_KNOWN / 2) { // forget all: they are looked at once more
        memset(trigger->known, 0, sizeof trigger->known);
        trigger->known_count = 0;
    }
    size_t at = hash % TRIGGER_KNOWN;
    while (trigger->known[at])
        at = (at + 1) % TRIGGER_KNOWN;
    trigger->known[at] = hash;
    trigger->known_count++;
}

// --- entry points ---

static char *copy(const char *text)
{
    char *own = text ? strdup(text) : NULL;
    if (text && !own)
        abort();
    return own;
}

static int read_sender(void *arg, const char *key, const char *text, struct kejue_doc child)
{
    struct trigger *trigger = arg;
    (void)key, (void)child;
    if (text && trigger->sender_count < TRIGGER_SENDERS)
        trigger->senders[trigger->sender_count++] = copy(text);
    return 0;
}

static void trigger_close(void *instance)
{
    struct trigger *trigger = instance;
    trigger_poll_close(trigger);
    for (size_t i = 0; i < trigger->sender_count; i++)
        free(trigger->senders[i]);
    free(trigger->maildir);
    free(trigger->subject);
    free(trigger->authserv_id);
    free(trigger->config_bytes);
    free(trigger);
}

static int trigger_open(const struct kejue_host *host, struct kejue_ctx *ctx,
                        struct kejue_doc config, void **instance, char *error, size_t error_size)
{
    struct trigger *trigger = calloc(1, sizeof *trigger);
    if (!trigger || !(trigger->config_bytes = malloc(config.length + 1)))
        abort();
    trigger->host = host;
    trigger->ctx = ctx;
    if (config.length)
        memcpy(trigger->config_bytes, config.bytes, config.length);
    trigger->config = (struct kejue_doc){trigger->config_bytes, config.length};
    trigger->maildir = copy(host->text(config, "maildir", ""));
    trigger->subject = copy(host->text(config, "subject", NULL));
    trigger->authserv_id = copy(host->text(config, "authserv_id", NULL));
    host->each(config, "senders", read_sender, trigger);
    if (trigger->sender_count == 0) {
        snprintf(error, error_size, "senders is empty; name who may start the campaign");
        trigger_close(trigger);
        return -1;
    }
    mail_init();
    *instance = trigger;
    return 0;
}

static void trigger_start(void *instance, uint64_t op, const struct kejue_op_info *info,
                          struct kejue_doc doc)
{
    (void)info, (void)doc; // one verb, no arguments
    trigger_poll_start(instance, op);
}

static void trigger_cancel(void *instance, uint64_t op)
{
    trigger_poll_cancel(instance, op);
}

static const struct kejue_verb k_verbs[] = {
    {"email.poll", "verbs/email.poll", "verbs/email.poll", KEJUE_IDEMPOTENT, KEJUE_REPEAT_NONE, 0,
     300000, 1},
    {0},
};
static const struct kejue_route k_routes[] = {{0}};
static const struct kejue_schedule k_schedules[] = {{"email.poll", 60000, "poll_ms"}, {0}};
static const char *const k_uses[] = {"campaign.start", NULL};
static const char *const k_none[] = {NULL};

KEJUE_EXPORT const struct kejue_plugin kejue_plugin = {
    .size = sizeof(struct kejue_plugin),
    .major = KEJUE_ABI_MAJOR,
    .minor = KEJUE_ABI_MINOR,
    .name = "email-trigger",
    .version = "1.0.0",
    .config_schema = k_config,
    .verbs = k_verbs,
    .routes = k_routes,
    .schedules = k_schedules,
    .events = k_none,
    .uses = k_uses,
    .hosts = k_none,
    .open = trigger_open,
    .start = trigger_start,
    .cancel = trigger_cancel,
    .close = trigger_close,
};
