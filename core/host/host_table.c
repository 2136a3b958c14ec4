// The host table that every plugin gets, and its small services: log, metric, health, random, mac.
#include "base/alloc.h"
#include "base/log.h"
#include "base/rng.h"
#include "host/home.h"
#include "host/table.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KJ_TABLE_MAX_METRICS = 256 };

static int kj_table_finish(struct kejue_ctx *ctx, uint64_t op, const struct kejue_outcome *outcome,
                           struct kejue_doc doc)
{
    return kj_guard_thread(ctx, "finish") ? kj_host_finish(ctx, op, outcome, doc) : -1;
}

static int64_t kj_table_now(struct kejue_ctx *ctx)
{
    return kj_loop_now(ctx->host->loop);
}

static uint64_t kj_table_timer(struct kejue_ctx *ctx, int64_t delay_ms, void (*fire)(void *arg),
                               void *arg)
{
    return kj_guard_thread(ctx, "timer") ? kj_plugin_timer_start(ctx, delay_ms, fire, arg) : 0;
}

static void kj_table_timer_stop(struct kejue_ctx *ctx, uint64_t timer)
{
    if (kj_guard_thread(ctx, "timer_stop"))
        kj_plugin_timer_stop(ctx, timer);
}

static uint64_t kj_table_random(struct kejue_ctx *ctx, const char *key, uint64_t number)
{
    struct kj_rng rng;
    key = key ? key : "";
    size_t name = strlen(ctx->name), size = strlen(key) + 1;
    // Put together here, and no memory asked for it: a call draws 26 times.
    char near[256], *full = name + 1 + size <= sizeof near ? near : kj_alloc(name + 1 + size);
    memcpy(full, ctx->name, name); // two instances must not draw the same numbers
    full[name] = '/';
    memcpy(full + name + 1, key, size);
    kj_rng_keyed(&rng, ctx->host->seed, full, number);
    if (full != near)
        free(full);
    return kj_rng_next(&rng);
}

static int kj_table_offload(struct kejue_ctx *ctx, void (*work)(void *arg), void (*done)(void *arg),
                            void *arg)
{
    return kj_guard_thread(ctx, "offload") ? kj_plugin_offload(ctx, work, done, arg) : -1;
}

static void kj_table_log(struct kejue_ctx *ctx, enum kejue_log_level level, const char *text)
{
    static const enum kj_log_level levels[] = {KJ_LOG_DEBUG, KJ_LOG_INFO, KJ_LOG_WARN,
                                               KJ_LOG_ERROR};
    char cut[2048];
    bool known = (int)level >= KEJUE_DEBUG && (int)level <= KEJUE_ERROR;
    kj_copy(cut, sizeof cut, text ? text : "");
    kj_log(known ? levels[level] : KJ_LOG_INFO, "plugin", cut, "instance", ctx->name, "verb",
           kj_guard_verb(ctx), NULL);
}

static void kj_table_metric(struct kejue_ctx *ctx, const char *name, double add)
{
    if (!kj_guard_thread(ctx, "metric") || !name || !name[0])
        return;
    double *sum = kj_map_get(&ctx->metrics, name);
    if (!sum && ctx->metrics.count >= KJ_TABLE_MAX_METRICS)
        return;
    if (!sum) {
        sum = KJ_NEW(double);
        kj_map_put(&ctx->metrics, name, sum);
    }
    *sum += add;
}

static void kj_table_health(struct kejue_ctx *ctx, int healthy, const char *text)
{
    if (!kj_guard_thread(ctx, "health"))
        return;
    bool changed = ctx->unhealthy != !healthy;
    ctx->unhealthy = !healthy;
    kj_copy(ctx->health, sizeof ctx->health, text ? text : "");
    if (changed)
        kj_log(healthy ? KJ_LOG_INFO : KJ_LOG_WARN, "plugin",
               healthy ? "instance is healthy" : "instance is not healthy", "instance", ctx->name,
               "reason", text, NULL);
}

static int kj_table_canceled(struct kejue_ctx *ctx, uint64_t op)
{
    if (!kj_guard_thread(ctx, "canceled"))
        return 1;
    const struct kj_call *call = kj_host_call_of(ctx, op);
    return !call || call->canceled;
}

static int kj_table_mac(struct kejue_ctx *ctx, const char *secret_key, const void *bytes,
                        size_t length, char hex[65])
{
    const struct kj_secret *secret = kj_secret_get(ctx, secret_key);
    hex[0] = 0;
    return secret && kj_hmac_hex(secret, bytes, length, hex) == 0 ? 0 : -1;
}

// Digests are compared, so that neither the content nor the length shows in the time.
static int kj_table_is_secret(struct kejue_ctx *ctx, const char *secret_key, const char *text)
{
    unsigned char a[EVP_MAX_MD_SIZE], b[EVP_MAX_MD_SIZE];
    unsigned int length = 0;
    const struct kj_secret *secret = kj_secret_get(ctx, secret_key);
    if (!secret || !text ||
        !EVP_Digest(secret->value, secret->length, a, &length, EVP_sha256(), NULL) ||
        !EVP_Digest(text, strlen(text), b, &length, EVP_sha256(), NULL))
        return 0;
    return CRYPTO_memcmp(a, b, length) == 0;
}

const struct kejue_host kj_host_table = {
    .size = sizeof(struct kejue_host),
    .major = KEJUE_ABI_MAJOR,
    .minor = KEJUE_ABI_MINOR,
    .finish = kj_table_finish,
    .ask = kj_host_ask,
    .now = kj_table_now,
    .timer = kj_table_timer,
    .timer_stop = kj_table_timer_stop,
    .random = kj_table_random,
    .offload = kj_table_offload,
    .log = kj_table_log,
    .metric = kj_table_metric,
    .health = kj_table_health,
    .canceled = kj_table_canceled,
    .mac = kj_table_mac,
    .is_secret = kj_table_is_secret,
    .text = kj_read_text,
    .integer = kj_read_integer,
    .real = kj_read_real,
    .boolean = kj_read_boolean,
    .bytes = kj_read_bytes,
    .child = kj_read_child,
    .has = kj_read_has,
    .each = kj_read_each,
    .to_json = kj_read_to_json,
    .build = kj_build,
    .put_text = kj_build_text,
    .put_integer = kj_build_integer,
    .put_real = kj_build_real,
    .put_boolean = kj_build_boolean,
    .put_time = kj_build_time,
    .put_bytes = kj_build_bytes,
    .put_doc = kj_build_doc,
    .put_array = kj_build_array,
    .put_from = kj_build_from,
    .put_json = kj_build_json,
    .begin_doc = kj_build_begin_doc,
    .begin_array = kj_build_begin_array,
    .end = kj_build_end,
    .built = kj_built,
    .drop = kj_build_drop,
};
