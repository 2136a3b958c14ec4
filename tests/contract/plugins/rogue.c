/* A plugin that breaks the rules, one verb for each. The host must stay whole. */
#include "kejue_plugin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct instance {
    const struct kejue_host *host;
    struct kejue_ctx *ctx;
    uint64_t kept; /* an operation kept beyond its end */
};

static const struct kejue_outcome k_ok = {KEJUE_OK, 0, NULL, NULL};
static const struct kejue_doc k_none;

static void never(void *arg)
{
    (void)arg;
    abort();
}

static void never_answer(void *arg, const struct kejue_outcome *outcome, struct kejue_doc answer)
{
    (void)outcome, (void)answer;
    never(arg);
}

/* {"fail": "reason"}: starts things, then fails; none of them may come back. */
static int open_instance(const struct kejue_host *host, struct kejue_ctx *ctx,
                         struct kejue_doc config, void **instance, char *error, size_t size)
{
    if (host->has(config, "fail")) {
        host->timer(ctx, 0, never, NULL);
        host->ask(ctx, 0, "host.emit", k_none, never_answer, NULL);
        host->offload(ctx, free, never, NULL);
        host->build(ctx);
        snprintf(error, size, "%s", host->text(config, "fail", ""));
        return -1;
    }
    struct instance *self = calloc(1, sizeof *self);
    self->host = host;
    self->ctx = ctx;
    *instance = self;
    return 0;
}

static void metric(struct instance *self, const char *name, double add)
{
    self->host->metric(self->ctx, name, add);
}

static void finish(struct instance *self, uint64_t op, struct kejue_doc doc)
{
    if (self->host->finish(self->ctx, op, &k_ok, doc) != 0)
        metric(self, "refused", 1);
}

static void sleep_ms(long ms)
{
    struct timespec wait = {0, ms * 1000000};
    nanosleep(&wait, NULL);
}

static void finish_kept(void *arg)
{
    struct instance *self = arg;
    finish(self, self->kept, k_none);
}

/* Every answer asks again under the operation it was for. */
static void ask_again(void *arg, const struct kejue_outcome *outcome, struct kejue_doc answer)
{
    struct instance *self = arg;
    (void)answer;
    metric(self, outcome->class_ == KEJUE_CANCELED ? "answers_canceled" : "answers", 1);
    self->host->ask(self->ctx, self->kept, "host.http", k_none, NULL, NULL);
}

static void garbage(struct instance *self, uint64_t op)
{
    static const uint8_t bytes[] = {0x20, 0, 0, 0, 2, 'a', 0, 0xff, 0xff, 0xff, 0x7f, 'x', 0, 0};
    struct kejue_doc doc = {bytes, sizeof bytes};
    finish(self, op, doc);
}

/* begin without end, and a key missing: the document must come out empty, not half. */
static void unbuilt(struct instance *self, uint64_t op)
{
    struct kejue_builder *b = self->host->build(self->ctx);
    self->host->put_integer(b, "n", 1);
    self->host->begin_doc(b, "open");
    self->host->put_text(b, NULL, "no key");
    finish(self, op, self->host->built(b)); /* never dropped: the host frees it at close */
}

static void start(void *instance, uint64_t op, const struct kejue_op_info *info,
                  struct kejue_doc doc)
{
    struct instance *self = instance;
    const char *what = info->verb + strlen("rogue.");
    (void)doc;
    if (strcmp(what, "double") == 0) {
        finish(self, op, k_none);
        finish(self, op, k_none);
        finish(self, op ^ 0x100000001u, k_none);
    } else if (strcmp(what, "slow") == 0) {
        sleep_ms(100);
        finish(self, op, k_none);
    } else if (strcmp(what, "wrong") == 0) {
        finish(self, op, k_none); /* its schema asks for `id` */
    } else if (strcmp(what, "garbage") == 0) {
        garbage(self, op);
    } else if (strcmp(what, "unbuilt") == 0) {
        unbuilt(self, op);
    } else if (strcmp(what, "classless") == 0) {
        struct kejue_outcome odd = {(enum kejue_class)77, -5, "c", "t"};
        self->host->finish(self->ctx, op, &odd, k_none);
    } else if (strcmp(what, "late") == 0) {
        self->kept = op;
        self->host->timer(self->ctx, 5000, finish_kept, self);
    } else if (strcmp(what, "asks") == 0) {
        self->kept = op;
        self->host->ask(self->ctx, op, "host.submit", k_none, ask_again, self);
    } else if (strcmp(what, "steal") == 0) {
        /* finishes whatever else is open: ids are small numbers */
        for (uint64_t id = 0; id < 64; id++)
            for (uint64_t generation = 1; generation < 4; generation++)
                if ((generation << 32 | id) != op)
                    finish(self, generation << 32 | id, k_none);
        finish(self, op, k_none);
    }
    /* "never" and "deaf": nothing */
}

static void cancel(void *instance, uint64_t op)
{
    struct instance *self = instance;
    metric(self, "cancels", 1);
    if (op == self->kept)
        self->host->ask(self->ctx, op, "host.http", k_none, ask_again, self);
}

static const struct kejue_verb verbs[] = {
    {.name = "rogue.double"},
    {.name = "rogue.never", .timeout_ms = 2000},
    {.name = "rogue.late", .timeout_ms = 1000},
    {.name = "rogue.slow"},
    {.name = "rogue.wrong", .response_schema = "{\"required\":[\"id\"]}"},
    {.name = "rogue.garbage"},
    {.name = "rogue.unbuilt", .response_schema = "{\"required\":[\"n\"]}"},
    {.name = "rogue.classless"},
    {.name = "rogue.deaf", .timeout_ms = 60000, .max_concurrent = 1},
    {.name = "rogue.asks"},
    {.name = "rogue.steal"},
    {.name = "rogue.pay", .flags = KEJUE_MONEY},
    {0}};

KEJUE_EXPORT const struct kejue_plugin kejue_plugin = {
    .size = sizeof(struct kejue_plugin),
    .major = KEJUE_ABI_MAJOR,
    .minor = KEJUE_ABI_MINOR,
    .name = "rogue",
    .version = "1.0.0",
    .verbs = verbs,
    .open = open_instance,
    .start = start,
    .cancel = cancel,
    .close = free,
};
