// The host's life: create, load plugins, drain, destroy.
//
// Closing is the delicate part: every operation ends, every ask is answered, offloaded work is
// waited for, and only then is a plugin's `close` called; nothing of it runs after that.
#include "host/host.h"
#include "base/alloc.h"
#include "base/log.h"
#include "host/home.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int kj_host_create(const struct kj_host_config *config, struct kj_host **out,
                   struct kj_fault *fault)
{
    struct kj_host *host = KJ_NEW(struct kj_host);
    host->pump.run = kj_host_pump;
    host->loop = config->loop;
    host->fetcher = config->fetcher;
    host->ports = config->ports;
    host->plugin_dir = kj_strdup(config->plugin_dir);
    host->secret_dir = kj_strdup(config->secret_dir);
    host->seed = config->seed;
    host->allow_money = config->allow_money;
    host->watchdog_ms = config->watchdog_ms > 0 ? config->watchdog_ms : KJ_HOST_WATCHDOG_MS;
    host->thread = pthread_self();
    pthread_mutex_init(&host->builders_lock, NULL);
    if (kj_ops_create(config->loop, KJ_HOST_MAX_OPS, &host->ops) != 0) {
        kj_host_destroy(host);
        return kj_fault(fault, KJ_EINTERNAL, "host", NULL, "the table of operations was refused");
    }
    *out = host;
    return 0;
}

// --- an instance ---

static void kj_ctx_free(struct kejue_ctx *ctx)
{
    const char *name;
    void *value;
    kj_plugin_timers_stop(ctx);
    kj_builders_fini(ctx);
    for (size_t i = 0; i < ctx->verb_count; i++) {
        kj_schema_destroy(ctx->verbs[i].own_request);
        kj_schema_destroy(ctx->verbs[i].own_response);
    }
    free(ctx->verbs);
    kj_schedules_stop(ctx);
    free(ctx->schedules);
    for (size_t at = 0; kj_map_next(&ctx->metrics, &at, &name, &value);)
        free(value);
    kj_map_fini(&ctx->metrics);
    kj_secrets_fini(ctx);
    kj_egress_fini(ctx);
    kj_schema_destroy(ctx->config_schema);
    kj_doc_clear(&ctx->config);
    kj_plugin_file_close(ctx->file);
    free(ctx->name);
    free(ctx);
}

static int kj_ctx_verbs(struct kejue_ctx *ctx, struct kj_fault *fault)
{
    enum { MOST_AT_ONCE = 64 };
    const struct kejue_verb *rows = ctx->decl->verbs;
    size_t count = 0;
    while (rows && rows[count].name)
        count++;
    ctx->verbs = count ? kj_alloc(count * sizeof *ctx->verbs) : NULL;
    ctx->verb_count = count;
    for (size_t i = 0; i < count; i++) {
        struct kj_verb *verb = &ctx->verbs[i];
        verb->decl = &rows[i];
        verb->max_open = rows[i].max_concurrent ? rows[i].max_concurrent : MOST_AT_ONCE;
        int error = kj_plugin_schema(rows[i].request_schema, "request", &verb->request,
                                     &verb->own_request, fault);
        if (!error)
            error = kj_plugin_schema(rows[i].response_schema, "response", &verb->response,
                                     &verb->own_response, fault);
        if (error)
            return error;
    }
    return 0;
}

struct kj_first_fault {
    char place[96], text[400];
};

static void kj_ctx_found(void *arg, const char *place, const char *text)
{
    struct kj_first_fault *first = arg;
    if (first->text[0])
        return;
    kj_copy(first->place, sizeof first->place, place);
    kj_copy(first->text, sizeof first->text, text);
}

static int kj_ctx_check(struct kejue_ctx *ctx, struct kj_fault *fault)
{
    struct kj_first_fault first = {{0}, {0}};
    size_t count = kj_plugin_file_check(ctx->file, kj_ctx_found, &first);
    if (count == 0)
        return 0;
    return kj_fault(fault, KJ_EINVAL, ctx->file->path, "see `kejue-plugin check` for all of them",
                    "%zu fault(s) in the plugin's data, the first: %s: %s", count, first.place,
                    first.text);
}

static int kj_ctx_open(struct kejue_ctx *ctx, struct kj_fault *fault)
{
    char error[320] = "";
    struct kj_guard guard;
    kj_guard_enter(&guard, ctx, "open", NULL);
    int failed = ctx->decl->open(&kj_host_table, ctx, kj_doc_lend(ctx->config), &ctx->instance,
                                 error, sizeof error);
    kj_guard_leave(&guard);
    error[sizeof error - 1] = 0;
    if (!failed)
        return 0;
    if (ctx->works) { // what `open` has offloaded must not outlive it
        kj_pool_destroy(ctx->host->pool);
        ctx->host->pool = NULL;
    }
    kj_asks_drop(ctx);
    return kj_fault(fault, KJ_EUNAVAILABLE, ctx->name, NULL, "plugin %s could not be opened: %s",
                    ctx->decl->name, error[0] ? error : "it gave no reason");
}

static bool kj_ctx_good_name(const char *name)
{
    if (!name || !name[0] || strlen(name) > 64)
        return false;
    return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_") == strlen(name);
}

static void kj_host_link(struct kj_host *host, struct kejue_ctx *ctx)
{
    struct kejue_ctx **last = &host->instances;
    while (*last)
        last = &(*last)->next;
    *last = ctx;
}

int kj_host_load(struct kj_host *host, const char *instance, const char *plugin,
                 const bson_t *config, kj_host_locate *locate, void *locate_arg,
                 struct kj_fault *fault)
{
    struct kj_place place = {locate, locate_arg};
    if (!kj_ctx_good_name(instance))
        return kj_fault(fault, KJ_EINVAL, instance, "use a-z, 0-9, - and _",
                        "is not a name for a plugin instance");
    for (const struct kejue_ctx *other = host->instances; other; other = other->next)
        if (kj_streq(other->name, instance))
            return kj_fault(fault, KJ_EEXISTS, instance, "choose another name",
                            "there is a plugin instance of that name already");
    struct kejue_ctx *ctx = KJ_NEW(struct kejue_ctx);
    ctx->host = host;
    ctx->name = kj_strdup(instance);
    kj_map_init(&ctx->metrics);
    int error = kj_plugin_file_open(plugin, host->plugin_dir, &ctx->file, fault);
    if (error)
        goto fail;
    ctx->decl = &ctx->file->decl;
    error = kj_ctx_check(ctx, fault);
    if (!error)
        error = kj_plugin_configure(ctx, config, &place, fault);
    if (!error)
        error = kj_ctx_verbs(ctx, fault);
    if (error)
        goto fail;
    kj_schedules_init(ctx);
    error = kj_ctx_open(ctx, fault);
    if (error)
        goto fail;
    ctx->state = host->draining ? KJ_CTX_DRAINING : KJ_CTX_RUNNING;
    kj_host_link(host, ctx);
    kj_log(KJ_LOG_INFO, "plugin", "plugin loaded", "instance", ctx->name, "plugin", ctx->decl->name,
           "version", ctx->decl->version, NULL);
    return 0;
fail:
    kj_ctx_free(ctx);
    return error;
}

// --- looking up ---

struct kj_verb *kj_host_find_verb(const struct kj_host *host, const char *instance,
                                  const char *verb, struct kejue_ctx **found,
                                  struct kj_fault *fault)
{
    const char *names[256];
    size_t count = 0;
    bool known = false;
    for (struct kejue_ctx *ctx = host->instances; ctx; ctx = ctx->next) {
        if (instance && !kj_streq(ctx->name, instance))
            continue;
        known = true;
        for (size_t i = 0; i < ctx->verb_count; i++) {
            const char *name = ctx->verbs[i].decl->name;
            if (kj_streq(name, verb)) {
                *found = ctx;
                return &ctx->verbs[i];
            }
            if (count < KJ_COUNT(names))
                names[count++] = name;
        }
    }
    char hint[160] = "";
    const char *nearest = verb ? kj_nearest(verb, names, count) : NULL;
    if (nearest)
        snprintf(hint, sizeof hint, "did you mean \"%s\"?", nearest);
    if (!known && instance)
        kj_fault(fault, KJ_ENOTFOUND, instance, "see the configuration", "no such plugin instance");
    else
        kj_fault(fault, KJ_ENOTFOUND, verb ? verb : "", hint[0] ? hint : "load a plugin for it",
                 "no loaded plugin%s%s offers this verb", instance ? " instance " : "",
                 instance ? instance : "");
    return NULL;
}

uint64_t kj_host_start(struct kj_host *host, const struct kj_host_call *call, kj_host_done *done,
                       void *arg, struct kj_fault *fault)
{
    struct kj_call_extra extra = {0};
    return kj_host_begin(host, call, &extra, done, arg, fault);
}

// --- the end ---

void kj_host_drain(struct kj_host *host)
{
    if (host->draining)
        return;
    host->draining = true;
    for (struct kejue_ctx *ctx = host->instances; ctx; ctx = ctx->next) {
        ctx->state = KJ_CTX_DRAINING;
        kj_schedules_stop(ctx);
        if (!ctx->decl->drain)
            continue;
        struct kj_guard guard;
        kj_guard_enter(&guard, ctx, "drain", NULL);
        ctx->decl->drain(ctx->instance);
        kj_guard_leave(&guard);
    }
}

static void kj_ctx_close(struct kejue_ctx *ctx)
{
    struct kj_guard guard;
    kj_plugin_timers_stop(ctx);
    kj_guard_enter(&guard, ctx, "close", NULL);
    ctx->decl->close(ctx->instance);
    kj_guard_leave(&guard);
    kj_asks_drop(ctx); // asked inside close, or in a circle: nobody is there to answer to
}

void kj_host_destroy(struct kj_host *host)
{
    if (!host)
        return;
    host->closing = true;
    for (struct kejue_ctx *ctx = host->instances; ctx; ctx = ctx->next) {
        kj_schedules_stop(ctx);
        ctx->state = KJ_CTX_CLOSING;
    }
    if (host->ops)
        kj_host_end_all(host);
    for (struct kejue_ctx *ctx = host->instances; ctx; ctx = ctx->next)
        kj_ctx_close(ctx);
    kj_host_work_off(host); // frees what was dropped
    for (struct kejue_ctx *ctx; (ctx = host->instances);) {
        host->instances = ctx->next;
        kj_ctx_free(ctx);
    }
    kj_loop_unpost(host->loop, &host->pump);
    kj_ops_destroy(host->ops);
    kj_plugin_timers_fini(host);
    pthread_mutex_destroy(&host->builders_lock);
    free(host->plugin_dir);
    free(host->secret_dir);
    free(host);
}
