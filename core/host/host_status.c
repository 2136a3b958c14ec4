// What is to be seen of the plugins: one row per instance, and the questions the engine asks about
// verbs.
#include "host/home.h"

#include <string.h>

static const char *kj_status_state(const struct kejue_ctx *ctx)
{
    if (ctx->state == KJ_CTX_CLOSING)
        return "closing";
    if (ctx->state == KJ_CTX_DRAINING)
        return "draining";
    return ctx->pause.until ? "paused" : "running";
}

static void kj_status_counts(const struct kejue_ctx *ctx, bson_t *row)
{
    int64_t open = 0, waiting = 0;
    for (size_t i = 0; i < ctx->verb_count; i++) {
        open += ctx->verbs[i].open;
        waiting += (int64_t)ctx->verbs[i].waiting;
    }
    kj_doc_put_int(row, "open", open);
    kj_doc_put_int(row, "waiting", waiting);
    kj_doc_put_int(row, "asks", (int64_t)ctx->ask_count);
    kj_doc_put_int(row, "timers", (int64_t)ctx->timer_count);
    kj_doc_put_int(row, "calls", ctx->calls);
    kj_doc_put_int(row, "failures", ctx->failures);
    kj_doc_put_int(row, "timeouts", ctx->timeouts);
    kj_doc_put_int(row, "bad_responses", ctx->bad_responses);
    kj_doc_put_int(row, "refused_finishes", ctx->refused_finishes);
    kj_doc_put_int(row, "blocked", ctx->blocked);
    kj_doc_put_int(row, "blocked_ms_max", ctx->blocked_ms_max);
    kj_doc_put_text(row, "blocked_in", ctx->blocked_in[0] ? ctx->blocked_in : NULL);
}

static void kj_status_row(const struct kejue_ctx *ctx, bson_t *row)
{
    bson_t verbs, metrics;
    struct kj_doc_list list = {.array = &verbs};
    const char *name;
    void *value;
    const char *text = ctx->pause.until ? ctx->pause.text : ctx->health;
    kj_doc_put_text(row, "instance", ctx->name);
    kj_doc_put_text(row, "plugin", ctx->decl->name);
    kj_doc_put_text(row, "version", ctx->decl->version);
    kj_doc_put_text(row, "state", kj_status_state(ctx));
    kj_doc_put_bool(row, "healthy", !ctx->unhealthy && !ctx->pause.until);
    kj_doc_put_text(row, "text", text[0] ? text : NULL);
    bson_append_array_begin(row, "verbs", -1, &verbs);
    for (size_t i = 0; i < ctx->verb_count; i++)
        kj_doc_put_text(&verbs, kj_doc_next(&list), ctx->verbs[i].decl->name);
    bson_append_array_end(row, &verbs);
    kj_status_counts(ctx, row);
    bson_append_document_begin(row, "metrics", -1, &metrics);
    for (size_t at = 0; kj_map_next(&ctx->metrics, &at, &name, &value);)
        kj_doc_put_real(&metrics, name, *(double *)value);
    bson_append_document_end(row, &metrics);
}

bson_t *kj_host_status(const struct kj_host *host, const char *instance)
{
    bson_t *status = bson_new(), rows, row;
    struct kj_doc_list list = {.array = &rows};
    bson_append_array_begin(status, "plugins", -1, &rows);
    for (const struct kejue_ctx *ctx = host->instances; ctx; ctx = ctx->next) {
        if (instance && !kj_streq(ctx->name, instance))
            continue;
        bson_append_document_begin(&rows, kj_doc_next(&list), -1, &row);
        kj_status_row(ctx, &row);
        bson_append_document_end(&rows, &row);
    }
    bson_append_array_end(status, &rows);
    return status;
}

bool kj_host_all_simulated(const struct kj_host *host, const char *verb_prefix)
{
    for (const struct kejue_ctx *ctx = host->instances; ctx; ctx = ctx->next)
        for (size_t i = 0; i < ctx->verb_count; i++) {
            const struct kejue_verb *verb = ctx->verbs[i].decl;
            bool meant = !verb_prefix || kj_starts_with(verb->name, verb_prefix);
            if (meant && (verb->flags & KEJUE_MONEY) && !(verb->flags & KEJUE_SIMULATED))
                return false;
        }
    return true;
}

const struct kejue_verb *kj_host_verb(const struct kj_host *host, const char *instance,
                                      const char *verb)
{
    struct kejue_ctx *ctx;
    const struct kj_verb *found = kj_host_find_verb(host, instance, verb, &ctx, NULL);
    return found ? found->decl : NULL;
}
