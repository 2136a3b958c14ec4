/* Sound version, unsound data: one fault in each list. */
#include "kejue_plugin.h"

#include <stdlib.h>

static int open_instance(const struct kejue_host *host, struct kejue_ctx *ctx,
                         struct kejue_doc config, void **instance, char *error, size_t size)
{
    (void)host, (void)ctx, (void)config, (void)instance, (void)error, (void)size;
    abort();
}

static void start(void *instance, uint64_t op, const struct kejue_op_info *info,
                  struct kejue_doc doc)
{
    (void)instance, (void)op, (void)info, (void)doc;
}

static const struct kejue_verb verbs[] = {
    {.name = "NoDot"},
    {.name = "faulty.schema", .request_schema = "{\"type\":\"strin\"}"},
    {.name = "faulty.file", .response_schema = "verbs/there.is.none"},
    {.name = "faulty.window", .repeat = KEJUE_REPEAT_WINDOW},
    {.name = "faulty.place", .flags = KEJUE_LOOKUP},
    {.name = "faulty.window", .repeat = KEJUE_REPEAT_NONE},
    {0}};
static const struct kejue_route routes[] = {
    {"POST", "nowhere", "faulty.none", "trust-me", NULL, NULL, NULL, 0},
    {"POST", "/signed", "faulty.file", "hmac-sha256-hex", "X-Signature", NULL, "url", 0},
    {0}};
static const struct kejue_schedule schedules[] = {{"faulty.file", 0, "no_such_key"}, {0}};
static const char *const hosts[] = {"url", "no_such_url", NULL};

KEJUE_EXPORT const struct kejue_plugin kejue_plugin = {
    .size = sizeof(struct kejue_plugin),
    .major = KEJUE_ABI_MAJOR,
    .minor = KEJUE_ABI_MINOR,
    .name = "Faulty Name",
    .version = "",
    .config_schema = "{\"properties\":{\"url\":{\"type\":\"string\"}}}",
    .verbs = verbs,
    .routes = routes,
    .schedules = schedules,
    .hosts = hosts,
    .open = open_instance,
    .start = start,
};
