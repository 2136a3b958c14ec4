// /metrics in the text form of Prometheus. Everything told here is counted anyway; nothing is read
// from the store.
#include "api/request.h" // the counters of each command
#include "base/alloc.h"
#include "face/http_own.h"

#include <math.h>

static void put_type(struct kj_buf *out, const char *name, const char *type, const char *help)
{
    kj_buf_addf(out, "# HELP kejue_%s %s\n# TYPE kejue_%s %s\n", name, help, name, type);
}

static void put_number(struct kj_buf *out, double value)
{
    if (value == floor(value) && fabs(value) < 9e15)
        kj_buf_addf(out, " %lld\n", (long long)value);
    else
        kj_buf_addf(out, " %.17g\n", value);
}

static void put_one(struct kj_buf *out, const char *name, const char *type, const char *help,
                    double value)
{
    put_type(out, name, type, help);
    kj_buf_addf(out, "kejue_%s", name);
    put_number(out, value);
}

static void put_label_value(struct kj_buf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\n') {
            kj_buf_adds(out, "\\n");
            continue;
        }
        if (*text == '"' || *text == '\\')
            kj_buf_addc(out, '\\');
        kj_buf_addc(out, *text);
    }
}

static void put_labeled(struct kj_buf *out, const char *name, const char *label, const char *text,
                        double value)
{
    kj_buf_addf(out, "kejue_%s{%s=\"", name, label);
    put_label_value(out, text);
    kj_buf_adds(out, "\"}");
    put_number(out, value);
}

static void put_commands(struct kj_buf *out, struct kj_api *api)
{
    for (int failed = 0; failed < 2; failed++) {
        const char *name = failed ? "requests_failed_total" : "requests_total";
        const char *command;
        void *value;
        put_type(out, name, "counter",
                 failed ? "Commands that were answered with an error." : "Commands answered.");
        for (size_t at = 0; kj_map_next(&api->commands, &at, &command, &value);) {
            const struct kj_command_entry *entry = value;
            if (entry->calls)
                put_labeled(out, name, "command", command,
                            (double)(failed ? entry->failures : entry->calls));
        }
    }
    put_one(out, "requests_open", "gauge", "Commands under way.", (double)api->open);
}

static void put_engine(struct kj_buf *out, const struct kj_engine *engine)
{
    static const char *const k_kinds[] = {"call", "recorded",        "effect",
                                          "hook", "campaign.expand", "campaign.wake"};
    put_one(out, "up", "gauge", "The engine is running.", 1);
    put_one(out, "dialing", "gauge", "New calls may start.", engine->dialing);
    put_one(out, "simulated", "gauge", "Results are simulated.", engine->simulated);
    put_one(out, "clock_seconds", "gauge", "The engine's clock.",
            (double)kj_loop_now(engine->loop) / 1000);
    put_type(out, "running", "gauge", "Jobs that run now.");
    for (size_t i = 0; i < KJ_COUNT(k_kinds); i++)
        put_labeled(out, "running", "kind", k_kinds[i],
                    (double)kj_queue_running(engine->queue, k_kinds[i]));
    put_one(out, "store_pending", "gauge", "Store requests not done yet.",
            (double)kj_store_pending(engine->store));
}

static void put_door(struct kj_buf *out, const struct kj_http *http)
{
    put_one(out, "http_connections", "gauge", "Open connections.", (double)http->n_connections);
    put_one(out, "http_streams", "gauge", "Open event streams.", (double)http->n_streams);
    put_one(out, "http_requests_total", "counter", "HTTP requests.", (double)http->requests);
    put_one(out, "http_refused_total", "counter", "HTTP requests refused by their headers.",
            (double)http->refusals);
    if (http->latest >= 0)
        put_one(out, "events_total", "counter", "Number of the newest event.",
                (double)http->latest);
}

// --- plugins ---

static void each_plugin(const bson_t *status,
                        void (*visit)(struct kj_buf *out, const bson_t *one, const char *field,
                                      const char *name),
                        struct kj_buf *out, const char *field, const char *name)
{
    bson_t plugins, one;
    bson_iter_t at;
    if (!kj_doc_child(status, "plugins", &plugins) || !bson_iter_init(&at, &plugins))
        return;
    while (bson_iter_next(&at)) {
        if (kj_doc_at(&at, &one))
            visit(out, &one, field, name);
    }
}

static void put_field(struct kj_buf *out, const bson_t *one, const char *field, const char *name)
{
    double value = kj_doc_bool(one, field, false) ? 1 : kj_doc_real(one, field, 0);
    put_labeled(out, name, "instance", kj_doc_text(one, "instance", ""), value);
}

// What a plugin counts itself: kejue_plugin_metric{instance="…",name="…"}.
static void put_own(struct kj_buf *out, const bson_t *one, const char *field, const char *name)
{
    bson_t metrics;
    bson_iter_t at;
    if (!kj_doc_child(one, field, &metrics) || !bson_iter_init(&at, &metrics))
        return;
    while (bson_iter_next(&at)) {
        if (!BSON_ITER_HOLDS_NUMBER(&at))
            continue;
        kj_buf_addf(out, "kejue_%s{instance=\"", name);
        put_label_value(out, kj_doc_text(one, "instance", ""));
        kj_buf_adds(out, "\",name=\"");
        put_label_value(out, bson_iter_key(&at));
        kj_buf_adds(out, "\"}");
        put_number(out, bson_iter_as_double(&at));
    }
}

static void put_plugins(struct kj_buf *out, struct kj_host *host)
{
    static const struct {
        const char *field, *name, *type, *help;
    } k_fields[] = {
        {"healthy", "plugin_healthy", "gauge", "What the plugin says of itself."},
        {"open", "plugin_open", "gauge", "Operations under way."},
        {"waiting", "plugin_waiting", "gauge", "Operations that wait for their turn."},
        {"calls", "plugin_calls_total", "counter", "Operations begun."},
        {"failures", "plugin_failures_total", "counter", "Operations that failed."},
        {"blocked_ms_max", "plugin_blocked_ms_max", "gauge", "Longest callback."},
    };
    bson_t *status = host ? kj_host_status(host, NULL) : NULL;
    if (status == NULL)
        return;
    for (size_t i = 0; i < KJ_COUNT(k_fields); i++) {
        put_type(out, k_fields[i].name, k_fields[i].type, k_fields[i].help);
        each_plugin(status, put_field, out, k_fields[i].field, k_fields[i].name);
    }
    put_type(out, "plugin_metric", "gauge", "A number that the plugin counts itself.");
    each_plugin(status, put_own, out, "metrics", "plugin_metric");
    bson_destroy(status);
}

void kj_http_metrics(struct kj_exchange *exchange)
{
    struct kj_api *api = exchange->http->api;
    struct kj_engine *engine = kj_api_engine(api);
    struct kj_buf out;
    kj_buf_init(&out, 1u << 20);
    put_engine(&out, engine);
    put_commands(&out, api);
    put_door(&out, exchange->http);
    put_plugins(&out, engine->host);
    kj_exchange_text(exchange, 200, "text/plain; version=0.0.4; charset=utf-8", &out);
}
