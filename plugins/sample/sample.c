/* The smallest useful plugin, to copy: `sample.echo` answers a text with a prefix from the
 * configuration, after a while when asked: {text: "hello", wait_ms: 500} -> {text: "> hello"}. */
#include "kejue_plugin.h"

#include <stdio.h>
#include <stdlib.h>

struct instance { /* one per configuration section; no globals */
    const struct kejue_host *host;
    struct kejue_ctx *ctx;
    uint64_t op, timer; /* the running echo: the host starts one at a time (max_concurrent) */
    char prefix[64], text[512]; /* copies: a document is gone when the call returns */
};

static int open_instance(const struct kejue_host *host, struct kejue_ctx *ctx,
                         struct kejue_doc config, void **instance, char *error, size_t size)
{
    struct instance *self = *instance = calloc(1, sizeof *self);
    if (!self)
        return snprintf(error, size, "out of memory"), -1;
    self->host = host;
    self->ctx = ctx;
    snprintf(self->prefix, sizeof self->prefix, "%s", host->text(config, "prefix", ""));
    return 0;
}

static void answer(void *arg)
{
    struct instance *self = arg;
    struct kejue_outcome ok = {.class_ = KEJUE_OK};
    struct kejue_builder *doc = self->host->build(self->ctx);
    self->host->put_text(doc, "text", self->text);
    self->host->finish(self->ctx, self->op, &ok, self->host->built(doc)); /* a second is refused */
    self->host->drop(doc);
}

static void start(void *instance, uint64_t op, const struct kejue_op_info *info,
                  struct kejue_doc doc)
{
    struct instance *self = instance;
    const struct kejue_host *host = self->host;
    snprintf(self->text, sizeof self->text, "%s%s", self->prefix, host->text(doc, "text", ""));
    host->metric(self->ctx, info->verb, 1);
    self->op = op;
    self->timer = host->timer(self->ctx, host->integer(doc, "wait_ms", 0), answer, self);
}

static void cancel(void *instance, uint64_t op) /* by the caller, the deadline, or at the end */
{
    struct instance *self = instance;
    struct kejue_outcome canceled = {.class_ = KEJUE_CANCELED};
    self->host->timer_stop(self->ctx, self->timer);
    self->host->finish(self->ctx, op, &canceled, (struct kejue_doc){0});
}

static const struct kejue_verb verbs[] = {
    {.name = "sample.echo",
     .request_schema = "{\"properties\":{\"text\":{\"type\":\"string\",\"maxLength\":100},"
                       "\"wait_ms\":{\"type\":\"integer\"}},\"required\":[\"text\"],"
                       "\"examples\":[{\"text\":\"hello\",\"wait_ms\":20}]}",
     .response_schema = "{\"required\":[\"text\"]}",
     .flags = KEJUE_IDEMPOTENT,
     .max_concurrent = 1},
    {0}};

KEJUE_EXPORT const struct kejue_plugin kejue_plugin = {
    .size = sizeof(struct kejue_plugin),
    .major = KEJUE_ABI_MAJOR,
    .minor = KEJUE_ABI_MINOR,
    .name = "sample",
    .version = "1.0.0",
    .config_schema = "{\"properties\":{\"prefix\":{\"type\":\"string\",\"maxLength\":15,"
                     "\"default\":\"> \"}},\"additionalProperties\":false}",
    .verbs = verbs,
    .open = open_instance,
    .start = start,
    .cancel = cancel,
    .close = free,
};
