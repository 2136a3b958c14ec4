// Write-back to any CRM with a JSON API over HTTP: one verb, one mapping, no vendor built in.
//
// The vendors differ in address, authentication, nesting and where the id stands in the answer;
// all of that is configuration. HubSpot's batch upsert, Salesforce's PATCH by external id and a
// webhook of one's own are three configurations of the same verb.
#include "crm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char k_config[] =
    "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"url\"],"
    "\"properties\":{"
    "\"url\":{\"type\":\"string\",\"minLength\":8,\"maxLength\":1000,"
    "\"description\":\"the API's address; only it can be reached\"},"
    "\"path\":{\"type\":\"string\",\"maxLength\":1000,\"default\":\"\","
    "\"description\":\"appended to url; {lead.phone_number} takes a value of the record\"},"
    "\"method\":{\"enum\":[\"POST\",\"PUT\",\"PATCH\"],\"default\":\"POST\"},"
    "\"headers\":{\"type\":\"array\",\"maxItems\":16,\"items\":{\"type\":\"object\","
    "\"additionalProperties\":false,\"required\":[\"name\",\"value\"],\"properties\":{"
    "\"name\":{\"type\":\"string\",\"pattern\":\"^[A-Za-z0-9-]{1,79}$\"},"
    "\"value\":{\"type\":\"string\",\"pattern\":\"^[ -~]{0,1000}$\"}}}},"
    "\"auth\":{\"enum\":[\"none\",\"bearer\",\"basic\",\"header\"],\"default\":\"none\"},"
    "\"auth_header\":{\"type\":\"string\",\"pattern\":\"^[A-Za-z0-9-]{1,79}$\","
    "\"default\":\"X-Api-Key\",\"description\":\"for auth = header\"},"
    "\"token\":{\"type\":\"string\",\"writeOnly\":true,"
    "\"description\":\"file with the token (bearer, header) or user:password (basic)\"},"
    "\"mapping\":{\"type\":\"array\",\"maxItems\":200,"
    "\"description\":\"absent: the record is the body\",\"items\":{\"type\":\"object\","
    "\"additionalProperties\":false,\"required\":[\"to\"],"
    "\"oneOf\":[{\"required\":[\"from\"]},{\"required\":[\"value\"]}],\"properties\":{"
    "\"from\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":199},"
    "\"value\":{\"type\":\"string\",\"maxLength\":1000,\"description\":\"a constant\"},"
    "\"to\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":199},"
    "\"required\":{\"type\":\"boolean\"}}}},"
    "\"id_path\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":199,\"default\":\"id\","
    "\"description\":\"where the answer names the record\"},"
    "\"event_token\":{\"type\":\"string\",\"writeOnly\":true,"
    "\"description\":\"file with the token that the CRM sends with its webhooks, as "
    "X-Webhook-Token or Authorization: Bearer; without it /hooks/INSTANCE/event is closed\"},"
    "\"event_key\":{\"type\":\"string\",\"maxLength\":199,\"default\":\"\","
    "\"description\":\"path of what is the same when the CRM repeats itself, as eventId\"},"
    "\"repeatable\":{\"type\":\"boolean\",\"description\":\"the same request twice does no harm "
    "there; default: true for PUT and PATCH\"}}}";

static char *copy(const char *text)
{
    char *own = strdup(text);
    if (!own)
        abort();
    return own;
}

static int read_header(void *arg, const char *key, const char *text, struct kejue_doc row)
{
    struct crm_instance *crm = arg;
    (void)key, (void)text;
    if (crm->header_count == CRM_HEADERS)
        return 1;
    snprintf(crm->headers[crm->header_count].name, sizeof crm->headers[0].name, "%s",
             crm->host->text(row, "name", ""));
    crm->headers[crm->header_count++].value = copy(crm->host->text(row, "value", ""));
    return 0;
}

static int read_row(void *arg, const char *key, const char *text, struct kejue_doc doc)
{
    struct crm_instance *crm = arg;
    const struct kejue_host *host = crm->host;
    (void)key, (void)text;
    if (crm->row_count == CRM_ROWS)
        return 1;
    struct crm_row *row = &crm->rows[crm->row_count++];
    const char *value = host->text(doc, "value", NULL);
    snprintf(row->from, sizeof row->from, "%s", host->text(doc, "from", ""));
    snprintf(row->to, sizeof row->to, "%s", host->text(doc, "to", ""));
    row->value = value ? copy(value) : NULL;
    row->required = host->boolean(doc, "required", 0);
    return 0;
}

static void crm_close(void *instance)
{
    struct crm_instance *crm = instance;
    crm_calls_close(crm);
    for (int i = 0; i < crm->row_count; i++)
        free(crm->rows[i].value);
    for (int i = 0; i < crm->header_count; i++)
        free(crm->headers[i].value);
    free(crm->rows);
    free(crm->base);
    free(crm->path);
    free(crm);
}

static void read_config(struct crm_instance *crm, struct kejue_doc config)
{
    const struct kejue_host *host = crm->host;
    crm->base = copy(host->text(config, "url", ""));
    crm->path = copy(host->text(config, "path", ""));
    size_t length = strlen(crm->base);
    if (crm->path[0] == '/' && length > 0 && crm->base[length - 1] == '/')
        crm->base[length - 1] = '\0';
    snprintf(crm->method, sizeof crm->method, "%s", host->text(config, "method", "POST"));
    snprintf(crm->id_path, sizeof crm->id_path, "%s", host->text(config, "id_path", "id"));
    snprintf(crm->event_key, sizeof crm->event_key, "%s", host->text(config, "event_key", ""));
    snprintf(crm->auth_scheme, sizeof crm->auth_scheme, "%s", host->text(config, "auth", "none"));
    snprintf(crm->auth_header, sizeof crm->auth_header, "%s",
             host->text(config, "auth_header", "X-Api-Key"));
    crm->repeatable = host->boolean(config, "repeatable", strcmp(crm->method, "POST") != 0);
    host->each(config, "headers", read_header, crm);
    host->each(config, "mapping", read_row, crm);
}

static int crm_open(const struct kejue_host *host, struct kejue_ctx *ctx, struct kejue_doc config,
                    void **instance, char *error, size_t error_size)
{
    struct crm_instance *crm = calloc(1, sizeof *crm);
    if (!crm || !(crm->rows = calloc(CRM_ROWS, sizeof *crm->rows)))
        abort();
    crm->host = host;
    crm->ctx = ctx;
    read_config(crm, config);
    int ready = crm_mapping_prepare(crm->rows, crm->row_count, error, error_size) == 0;
    if (ready && strcmp(crm->auth_scheme, "none") != 0 && !host->has(config, "token")) {
        snprintf(error, error_size, "auth is %s but token is missing; name the file that holds it",
                 crm->auth_scheme);
        ready = 0;
    }
    if (!ready) {
        crm_close(crm);
        return -1;
    }
    *instance = crm;
    return 0;
}

static void crm_start(void *instance, uint64_t op, const struct kejue_op_info *info,
                      struct kejue_doc doc)
{
    if (strcmp(info->verb, "crm.event") == 0)
        crm_event(instance, op, doc);
    else
        crm_upsert(instance, op, info->idempotency_key, doc);
}

static const struct kejue_verb k_verbs[] = {
    {"crm.upsert", "verbs/crm.upsert", "verbs/crm.upsert", 0, KEJUE_REPEAT_NONE, 0, 30000, 16},
    {"crm.event", "verbs/crm.event", "verbs/crm.event", KEJUE_IDEMPOTENT, KEJUE_REPEAT_NONE, 0,
     10000, 64},
    {0},
};
static const struct kejue_route k_routes[] = {
    {.method = "POST", .path = "/event", .verb = "crm.event", .scheme = "plugin"},
    {0},
};
static const struct kejue_schedule k_schedules[] = {{0}};
static const char *const k_none[] = {NULL};
static const char *const k_events[] = {"crm.event", NULL};
static const char *const k_hosts[] = {"url", NULL};

KEJUE_EXPORT const struct kejue_plugin kejue_plugin = {
    .size = sizeof(struct kejue_plugin),
    .major = KEJUE_ABI_MAJOR,
    .minor = KEJUE_ABI_MINOR,
    .name = "crm-connectors",
    .version = "1.0.0",
    .config_schema = k_config,
    .verbs = k_verbs,
    .routes = k_routes,
    .schedules = k_schedules,
    .events = k_events,
    .uses = k_none,
    .hosts = k_hosts,
    .open = crm_open,
    .start = crm_start,
    .close = crm_close,
};
