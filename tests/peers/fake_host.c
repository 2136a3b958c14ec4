// The running half of the fake host: operations, asks, virtual time. See fake_host.h.
#include "peers/fake_host_own.h"

#include "base/rng.h"

#include <openssl/hmac.h>
#include <stdio.h>

static struct fake_host *of(struct kejue_ctx *ctx)
{
    return (struct fake_host *)ctx;
}

uint64_t fake_schedule(struct fake_host *host, int64_t delay, void (*fire)(void *), void *arg,
                       bool own)
{
    struct timer *t = KJ_NEW(struct timer);
    t->id = ++host->next_id;
    t->fire = fire;
    t->arg = arg;
    t->own = own;
    kj_heap_push(&host->timers, &t->node, host->now + (delay > 0 ? delay : 0));
    return t->id;
}

// --- the table: operations ---

static struct op *op_find(const struct fake_host *host, uint64_t id)
{
    return id && id <= host->op_count ? host->ops[id - 1] : NULL;
}

static int finish(struct kejue_ctx *ctx, uint64_t id, const struct kejue_outcome *outcome,
                  struct kejue_doc doc)
{
    struct op *op = op_find(of(ctx), id);
    if (!op || op->finished) {
        of(ctx)->refused++;
        return -1;
    }
    op->finished = true;
    op->code = kj_strdup(outcome->code ? outcome->code : "");
    op->text = kj_strdup(outcome->text ? outcome->text : "");
    op->doc = fake_copy_of(doc);
    op->json = fake_json_of(op->doc);
    op->result = (struct fake_result){
        outcome->class_, outcome->retry_after_ms, op->code, op->text, op->doc, op->json};
    return 0;
}

static int canceled(struct kejue_ctx *ctx, uint64_t id)
{
    struct op *op = op_find(of(ctx), id);
    return op && op->canceled;
}

// --- the table: time, chance, small services ---

static int64_t now(struct kejue_ctx *ctx)
{
    return of(ctx)->now;
}

static uint64_t timer(struct kejue_ctx *ctx, int64_t delay_ms, void (*fire)(void *arg), void *arg)
{
    return fake_schedule(of(ctx), delay_ms, fire, arg, false);
}

static void timer_stop(struct kejue_ctx *ctx, uint64_t id)
{
    struct kj_heap *heap = &of(ctx)->timers;
    for (size_t i = 0; i < heap->count; i++) {
        struct timer *t = (struct timer *)heap->nodes[i];
        if (t->id == id && !t->own) {
            kj_heap_remove(heap, &t->node);
            free(t);
            return;
        }
    }
}

static uint64_t random_bits(struct kejue_ctx *ctx, const char *key, uint64_t number)
{
    struct kj_rng rng;
    kj_rng_keyed(&rng, of(ctx)->seed, key, number);
    return kj_rng_next(&rng);
}

static int offload(struct kejue_ctx *ctx, void (*work)(void *arg), void (*done)(void *arg),
                   void *arg)
{
    work(arg);
    fake_schedule(of(ctx), 0, done, arg, true);
    return 0;
}

static void log_line(struct kejue_ctx *ctx, enum kejue_log_level level, const char *text)
{
    (void)level;
    snprintf(of(ctx)->log, sizeof of(ctx)->log, "%s", text);
}

static void metric(struct kejue_ctx *ctx, const char *name, double add)
{
    double *sum = kj_map_get(&of(ctx)->metrics, name);
    if (!sum) {
        sum = KJ_NEW(double);
        kj_map_put(&of(ctx)->metrics, name, sum);
    }
    *sum += add;
}

static void health(struct kejue_ctx *ctx, int healthy, const char *text)
{
    of(ctx)->healthy = healthy != 0;
    snprintf(of(ctx)->log, sizeof of(ctx)->log, "%s", text ? text : "");
}

static int mac(struct kejue_ctx *ctx, const char *secret_key, const void *bytes, size_t length,
               char hex[65])
{
    const char *secret = kj_doc_text(of(ctx)->config, secret_key, NULL);
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    if (!secret || !HMAC(EVP_sha256(), secret, (int)strlen(secret), bytes, length, sum, &size))
        return -1;
    for (unsigned i = 0; i < 32; i++)
        snprintf(hex + 2 * i, 3, "%02x", sum[i]);
    return 0;
}

static int is_secret(struct kejue_ctx *ctx, const char *secret_key, const char *text)
{
    const char *secret = kj_doc_text(of(ctx)->config, secret_key, NULL);
    return secret && text && strcmp(secret, text) == 0;
}

static void fill(struct kejue_host *t)
{
    *t = (struct kejue_host){sizeof *t, KEJUE_ABI_MAJOR, KEJUE_ABI_MINOR};
    t->finish = finish;
    t->ask = fake_ask;
    t->now = now;
    t->timer = timer;
    t->timer_stop = timer_stop;
    t->random = random_bits;
    t->offload = offload;
    t->log = log_line;
    t->metric = metric;
    t->health = health;
    t->canceled = canceled;
    t->mac = mac;
    t->is_secret = is_secret;
    fake_host_fill_documents(t);
}

// --- for the test ---

struct fake_host *fake_host_create(const struct kejue_plugin *plugin, const char *config_json,
                                   uint64_t seed, int64_t wall_ms, char *error, size_t error_size)
{
    struct fake_host *host = KJ_NEW(struct fake_host);
    char sentence[512] = "";
    fill(&host->table);
    host->plugin = plugin;
    host->config = fake_json(config_json ? config_json : "{}");
    host->seed = seed;
    host->now = wall_ms ? wall_ms : INT64_C(1772445600000);
    host->healthy = true;
    host->asks_end = &host->asks;
    kj_heap_init(&host->timers);
    kj_map_init(&host->asked);
    kj_map_init(&host->metrics);
    kj_map_init(&host->states);
    struct kejue_doc config = {bson_get_data(host->config), host->config->len};
    if (plugin->open(&host->table, (struct kejue_ctx *)host, config, &host->instance, sentence,
                     sizeof sentence) != 0) {
        if (error)
            snprintf(error, error_size, "%s", sentence);
        host->plugin = NULL;
        fake_host_destroy(host);
        return NULL;
    }
    return host;
}

void fake_host_forget(struct fake_host *host)
{
    for (size_t i = 0; i < host->op_count; i++) {
        struct op *op = host->ops[i];
        if (!op || !op->finished)
            continue;
        host->ops[i] = NULL;
        free(op->code);
        free(op->text);
        free(op->json);
        bson_destroy(op->doc);
        free(op);
    }
    fake_events_forget(host);
}

static void drop_values(struct kj_map *map, bool states)
{
    const char *key;
    void *value;
    for (size_t at = 0; kj_map_next(map, &at, &key, &value);) {
        if (states)
            free(((struct state *)value)->json);
        free(value);
    }
    kj_map_fini(map);
}

void fake_host_destroy(struct fake_host *host)
{
    if (!host)
        return;
    if (host->plugin && host->plugin->close)
        host->plugin->close(host->instance);
    struct kj_heap_node *node;
    while ((node = kj_heap_pop(&host->timers))) {
        struct timer *t = (struct timer *)node;
        if (t->own)
            fake_ask_drop_step(t->fire, t->arg);
        free(t);
    }
    fake_asks_fini(host);
    for (size_t i = 0; i < host->op_count; i++)
        if (host->ops[i])
            host->ops[i]->finished = true;
    fake_host_forget(host);
    free(host->ops);
    kj_heap_fini(&host->timers);
    kj_map_fini(&host->asked);
    drop_values(&host->metrics, false);
    drop_values(&host->states, true);
    bson_destroy(host->config);
    free(host);
}

const struct kejue_host *fake_host_table(const struct fake_host *host)
{
    return &host->table;
}

struct kejue_ctx *fake_host_ctx(struct fake_host *host)
{
    return (struct kejue_ctx *)host;
}

void *fake_host_instance(struct fake_host *host)
{
    return host->instance;
}

uint64_t fake_host_start_doc(struct fake_host *host, const char *verb, const char *key,
                             uint32_t attempt, const bson_t *doc)
{
    struct op *op = KJ_NEW(struct op);
    char own_key[32];
    if (host->op_count == host->op_capacity) {
        host->op_capacity = host->op_capacity ? 2 * host->op_capacity : 64;
        host->ops = kj_realloc(host->ops, host->op_capacity * sizeof(struct op *));
    }
    host->ops[host->op_count++] = op;
    op->id = host->op_count;
    snprintf(own_key, sizeof own_key, "key-%llu", (unsigned long long)op->id);
    struct kejue_op_info info = {sizeof info,       verb,
                                 "default",         key ? key : own_key,
                                 host->now + 30000, attempt ? attempt : 1};
    uint64_t id = op->id;
    host->plugin->start(host->instance, id, &info,
                        (struct kejue_doc){bson_get_data(doc), doc->len});
    return id;
}

uint64_t fake_host_start(struct fake_host *host, const char *verb, const char *json)
{
    bson_t *doc = fake_json(json ? json : "{}");
    uint64_t op = fake_host_start_doc(host, verb, NULL, 1, doc);
    bson_destroy(doc);
    return op;
}

uint64_t fake_host_request(struct fake_host *host, const char *verb, const char *method,
                           const char *path, const char *query_json, const char *headers_json,
                           const void *body, size_t length)
{
    bson_t *query = fake_json(query_json ? query_json : "{}");
    bson_t *headers = fake_json(headers_json ? headers_json : "{}");
    bson_t *doc = bson_new();
    kj_doc_put_text(doc, "method", method);
    kj_doc_put_text(doc, "path", path);
    kj_doc_put_doc(doc, "query", query);
    kj_doc_put_doc(doc, "headers", headers);
    bson_append_binary(doc, "body", -1, BSON_SUBTYPE_BINARY, body, (uint32_t)length);
    uint64_t op = fake_host_start_doc(host, verb, NULL, 1, doc);
    bson_destroy(query);
    bson_destroy(headers);
    bson_destroy(doc);
    return op;
}

void fake_host_cancel(struct fake_host *host, uint64_t id)
{
    struct op *op = op_find(host, id);
    if (!op || op->finished)
        return;
    op->canceled = true;
    if (host->plugin->cancel)
        host->plugin->cancel(host->instance, id);
}

const struct fake_result *fake_host_result(const struct fake_host *host, uint64_t id)
{
    struct op *op = op_find(host, id);
    return op && op->finished ? &op->result : NULL;
}

size_t fake_host_open_count(const struct fake_host *host)
{
    size_t count = 0;
    for (size_t i = 0; i < host->op_count; i++)
        count += host->ops[i] && !host->ops[i]->finished;
    return count;
}

size_t fake_host_refused_finishes(const struct fake_host *host)
{
    return host->refused;
}

int64_t fake_host_now(const struct fake_host *host)
{
    return host->now;
}

static bool fire_next(struct fake_host *host, int64_t until)
{
    struct kj_heap_node *node = kj_heap_peek(&host->timers);
    if (!node || node->key > until)
        return false;
    struct timer *t = (struct timer *)kj_heap_pop(&host->timers);
    if (t->node.key > host->now)
        host->now = t->node.key;
    void (*fire)(void *) = t->fire;
    void *arg = t->arg;
    free(t);
    fire(arg);
    return true;
}

void fake_host_advance(struct fake_host *host, int64_t ms)
{
    int64_t until = host->now + ms;
    while (fire_next(host, until))
        continue;
    host->now = until;
}

int64_t fake_host_run(struct fake_host *host, int64_t limit_ms)
{
    int64_t from = host->now;
    while (fire_next(host, from + limit_ms))
        continue;
    return host->now - from;
}

size_t fake_host_timer_count(const struct fake_host *host)
{
    size_t count = 0;
    for (size_t i = 0; i < host->timers.count; i++)
        count += !((struct timer *)host->timers.nodes[i])->own;
    return count;
}

const char *fake_host_last_log(const struct fake_host *host)
{
    return host->log;
}

double fake_host_metric(const struct fake_host *host, const char *name)
{
    double *sum = kj_map_get(&host->metrics, name);
    return sum ? *sum : 0;
}

bool fake_host_healthy(const struct fake_host *host)
{
    return host->healthy;
}
