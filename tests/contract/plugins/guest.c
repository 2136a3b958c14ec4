/* A well-behaved plugin that passes each request on to what the host offers: `guest.ask` asks the
 * verb in {verb, request{}} and ends with the answer's class and document; `guest.hook` echoes an
 * inbound request; `guest.tick` is scheduled; the others show one service each. */
#include "kejue_plugin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct instance {
    const struct kejue_host *host;
    struct kejue_ctx *ctx;
    char token[32];
};

struct task {
    struct instance *self;
    uint64_t op;
    struct kejue_builder *built; /* by offloaded work */
};

static const struct kejue_outcome k_ok = {KEJUE_OK, 0, NULL, NULL};

static int open_instance(const struct kejue_host *host, struct kejue_ctx *ctx,
                         struct kejue_doc config, void **instance, char *error, size_t size)
{
    struct instance *self = calloc(1, sizeof *self);
    (void)error, (void)size;
    self->host = host;
    self->ctx = ctx;
    snprintf(self->token, sizeof self->token, "%s", host->text(config, "token", ""));
    *instance = self;
    return 0;
}

static struct task *task(struct instance *self, uint64_t op)
{
    struct task *task = calloc(1, sizeof *task);
    task->self = self;
    task->op = op;
    return task;
}

static void answered(void *arg, const struct kejue_outcome *outcome, struct kejue_doc answer)
{
    struct task *task = arg;
    task->self->host->metric(task->self->ctx, "answers", 1);
    task->self->host->finish(task->self->ctx, task->op, outcome, answer);
    free(task);
}

/* On a thread: reads, builds, and is refused what belongs to the loop. */
static void work(void *arg)
{
    struct task *task = arg;
    const struct kejue_host *host = task->self->host;
    struct kejue_outcome ok = k_ok;
    task->built = host->build(task->self->ctx);
    host->put_boolean(task->built, "worked", 1);
    if (strcmp(host->text(host->built(task->built), "no", "none"), "none") != 0 ||
        (task->op % 2 && host->finish(task->self->ctx, task->op, &ok, (struct kejue_doc){0}) == 0))
        abort();
}

static void worked(void *arg)
{
    struct task *task = arg;
    struct instance *self = task->self;
    struct kejue_doc none = {0};
    self->host->finish(self->ctx, task->op, &k_ok,
                       task->built ? self->host->built(task->built) : none);
    self->host->drop(task->built);
    free(task);
}

static int count(void *arg, const char *key, const char *text, struct kejue_doc child)
{
    (void)key;
    *(int *)arg += text ? 1 : child.bytes ? 10 : 100;
    return 0;
}

/* Reads one of everything and builds one of everything. */
static void document(struct instance *self, uint64_t op, struct kejue_doc doc)
{
    const struct kejue_host *host = self->host;
    struct kejue_builder *b = host->build(self->ctx);
    struct kejue_doc body = host->bytes(doc, "text");
    char json[256];
    int members = 0;
    host->each(doc, "mixed", count, &members);
    host->put_text(b, "text", host->text(doc, "text", "none"));
    host->put_text(b, "absent", NULL);
    host->put_integer(b, "integer", host->integer(doc, "nested.integer", -1));
    host->put_integer(b, "as_time", host->integer(doc, "time", -1));
    host->put_real(b, "real", host->real(doc, "list.1", -1));
    host->put_boolean(b, "boolean", host->boolean(doc, "boolean", 0));
    host->put_time(b, "time", 1000);
    host->put_bytes(b, "bytes", body.bytes, body.length);
    host->put_integer(b, "members", members);
    host->begin_array(b, "list");
    host->put_integer(b, NULL, 7);
    host->begin_doc(b, NULL);
    host->put_from(b, "copied", doc, "nested");
    host->put_from(b, "missing", doc, "nested.no");
    host->end(b);
    host->end(b);
    host->put_doc(b, "child", host->child(doc, "nested"));
    host->put_array(b, "array", host->child(doc, "list"));
    host->put_json(b, "json", "[1,{\"a\":null}]", 14);
    if (host->put_json(b, "bad", "{", 1) != -1)
        abort();
    host->put_integer(b, "length", (int64_t)host->to_json(host->child(doc, "nested"), json, 8));
    host->put_text(b, "cut", json);
    host->put_text(b, "odd", "a\xff");
    host->put_boolean(b, "has", host->has(doc, "nested") && !host->has(doc, "no"));
    host->finish(self->ctx, op, &k_ok, host->built(b));
    host->drop(b);
}

static void secret(struct instance *self, uint64_t op, struct kejue_doc doc)
{
    const struct kejue_host *host = self->host;
    struct kejue_builder *b = host->build(self->ctx);
    char hex[65];
    host->put_text(b, "seen", self->token);
    host->put_integer(b, "mac", host->mac(self->ctx, "token", "payload", 7, hex));
    host->put_text(b, "hex", hex);
    host->put_integer(b, "unknown", host->mac(self->ctx, "no", "payload", 7, hex));
    host->put_boolean(b, "is", host->is_secret(self->ctx, "token", host->text(doc, "guess", "")));
    host->put_integer(b, "random", (int64_t)(host->random(self->ctx, "k", 1) >> 1));
    host->finish(self->ctx, op, &k_ok, host->built(b));
    host->drop(b);
}

static void inbound(struct instance *self, uint64_t op, struct kejue_doc doc)
{
    const struct kejue_host *host = self->host;
    struct kejue_doc body = host->bytes(doc, "body");
    struct kejue_builder *b = host->build(self->ctx);
    struct kejue_outcome refused = {KEJUE_CALLER, 0, "bad", "not for outsiders"};
    host->put_integer(b, "status", 202);
    host->begin_doc(b, "headers");
    host->put_text(b, "x-from", host->text(doc, "headers.X-From", "nobody"));
    host->end(b);
    host->put_bytes(b, "body", body.bytes, body.length);
    int refuse = host->has(doc, "query.refuse");
    host->finish(self->ctx, op, refuse ? &refused : &k_ok, host->built(b));
    host->drop(b);
}

static void start(void *instance, uint64_t op, const struct kejue_op_info *info,
                  struct kejue_doc doc)
{
    struct instance *self = instance;
    const struct kejue_host *host = self->host;
    const char *what = info->verb + strlen("guest.");
    if (strcmp(what, "ask") == 0)
        host->ask(self->ctx, op, host->text(doc, "verb", ""), host->child(doc, "request"), answered,
                  task(self, op));
    else if (strcmp(what, "work") == 0)
        host->offload(self->ctx, work, worked, task(self, op));
    else if (strcmp(what, "document") == 0)
        document(self, op, doc);
    else if (strcmp(what, "secret") == 0)
        secret(self, op, doc);
    else if (strcmp(what, "hook") == 0)
        inbound(self, op, doc);
    else if (strcmp(what, "refused") == 0) {
        struct kejue_outcome no = {KEJUE_CREDENTIAL, 0, "190", "the token has expired"};
        host->finish(self->ctx, op, host->has(doc, "well") ? &k_ok : &no, (struct kejue_doc){0});
    } else {
        host->metric(self->ctx, "ticks", 1);
        host->finish(self->ctx, op, &k_ok, (struct kejue_doc){0});
    }
}

static const struct kejue_verb verbs[] = {{.name = "guest.ask"},      {.name = "guest.work"},
                                          {.name = "guest.document"}, {.name = "guest.secret"},
                                          {.name = "guest.hook"},     {.name = "guest.refused"},
                                          {.name = "guest.tick"},     {0}};
static const struct kejue_route routes[] = {
    {"POST", "/signed", "guest.hook", "hmac-sha256-hex", "X-Signature", "sha256=", "token", 64},
    {"GET", "/open", "guest.hook", "none", NULL, NULL, NULL, 0},
    {0}};
static const struct kejue_schedule schedules[] = {{"guest.tick", 60000, "every_ms"}, {0}};
static const char *const events[] = {"guest.happened", NULL};
static const char *const uses[] = {"sample.echo", "guest.ask", "campaign.start", NULL};
static const char *const hosts[] = {"url", "more", NULL};

KEJUE_EXPORT const struct kejue_plugin kejue_plugin = {
    .size = sizeof(struct kejue_plugin),
    .major = KEJUE_ABI_MAJOR,
    .minor = KEJUE_ABI_MINOR,
    .name = "guest",
    .version = "2.1.0",
    .config_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
                     "\"token\":{\"type\":\"string\",\"writeOnly\":true,\"minLength\":4},"
                     "\"accounts\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/account\"}},"
                     "\"url\":{\"type\":\"string\",\"default\":\"https://api.example.com/v1\"},"
                     "\"more\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},"
                     "\"folder\":{\"type\":\"string\"},"
                     "\"every_ms\":{\"type\":\"integer\",\"minimum\":0}},"
                     "\"$defs\":{\"account\":{\"type\":\"object\",\"properties\":{"
                     "\"key\":{\"type\":\"string\",\"writeOnly\":true}}}}}",
    .verbs = verbs,
    .routes = routes,
    .schedules = schedules,
    .events = events,
    .uses = uses,
    .hosts = hosts,
    .open = open_instance,
    .start = start,
    .close = free,
};
