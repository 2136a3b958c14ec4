// Builds the daemon from the ground floor up and takes it down in the reverse order.
#include "app/wire.h"

#include "base/alloc.h"
#include "base/log.h"
#include "doc/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check_event(const bson_t *event)
{
    char name[128];
    struct kj_fault fault;
    bson_t data;
    snprintf(name, sizeof name, "events/%.96s", kj_doc_text(event, "name", ""));
    const struct kj_schema *schema = kj_schema_get(name, "data");
    if (schema == NULL || !kj_doc_child(event, "data", &data))
        kj_log(KJ_LOG_ERROR, "check", "an event has no schema or no data", "event", name, NULL);
    else if (kj_schema_check_fault(schema, &data, &fault) != KJ_OK)
        kj_log(KJ_LOG_ERROR, "check", fault.text, "event", name, "place", fault.place, NULL);
}

static void on_event(void *arg, const bson_t *event)
{
    struct kj_app *app = arg;
    if (app->checking)
        check_event(event);
    if (app->api)
        kj_api_wake_events(app->api);
    if (app->bus)
        kj_bus_publish(app->bus, event);
    if (app->http)
        kj_http_publish(app->http, event);
}

static int make_clock(struct kj_app *app, struct kj_fault *fault)
{
    const struct kj_options *options = app->options;
    int64_t start = kj_clock_real_mono();
    kj_clock_init_system(&app->clock);
    start = kj_clock_now(&app->clock);
    if (options->start && !kj_time_parse(options->start, &start))
        return kj_fault(fault, KJ_EINVAL, "--start", "write it like 2026-03-02T06:00:00Z",
                        "is not an RFC 3339 time");
    if (options->clock == NULL || strcmp(options->clock, "system") == 0)
        return KJ_OK;
    if (strcmp(options->clock, "virtual") == 0) {
        kj_clock_init_virtual(&app->clock, start);
        return KJ_OK;
    }
    char *end;
    double speed = strtod(options->clock, &end);
    if (*end || !(speed > 0 && speed <= 10000))
        return kj_fault(fault, KJ_EINVAL, "--clock", "use system, virtual, or a speed like 60",
                        "is not a clock");
    kj_clock_init_scaled(&app->clock, start, speed);
    return KJ_OK;
}

static int make_store(struct kj_app *app, struct kj_fault *fault)
{
    int rc =
        kj_app_store(app, kj_doc_text(app->config.doc, "store.type", "sqlite"), &app->store, fault);
    if (rc == KJ_OK && !app->options->check)
        rc = kj_app_refuse_half_copy(app, fault);
    if (rc == KJ_OK) {
        app->store->on_event = on_event;
        app->store->on_event_arg = app;
    }
    return rc;
}

static int make_script(struct kj_app *app, struct kj_fault *fault)
{
    struct kj_script_config config = {
        .loop = app->loop,
        .dir = app->scripts_dir,
        .threads = 1,
        .terse = app->options->rehearse,
        .locked = kj_streq(kj_doc_text(app->config.doc, "rules.isolation", "inline"), "process")};
    return kj_script_create(&config, &app->script, fault);
}

// Another host has our jobs: end, and let the service manager start us again.
static void on_lost(void *arg)
{
    struct kj_app *app = arg;
    app->exit_code = 1;
    kj_loop_stop(app->loop);
}

static int make_engine(struct kj_app *app, struct kj_fault *fault)
{
    const bson_t *conf = app->config.doc;
    struct kj_engine_config config = {
        .loop = app->loop,
        .store = app->store,
        .script = app->script,
        .host_name = app->host_name,
        .model_instance = kj_doc_text(conf, "model", NULL),
        .seed = app->options->seed,
        .default_country = kj_doc_text(conf, "default_country", NULL),
        .max_calls = (int)kj_doc_int(conf, "trunk.max_calls", 0),
        .dials_per_second = (int)kj_doc_int(conf, "trunk.dials_per_second", 0),
        .lost = on_lost,
        .lost_arg = app,
    };
    return kj_engine_create(&config, &app->engine, fault);
}

// --- plugins ---

struct located {
    const struct kj_config *config;
    char base[64]; // "/plugins/0/config"
};

static void locate(void *arg, const char *pointer, char *place, size_t size)
{
    struct located *located = arg;
    char whole[512];
    snprintf(whole, sizeof whole, "%s%s", located->base, pointer);
    kj_config_place(located->config, whole, place, size);
}

static int load_plugin(struct kj_app *app, const bson_t *section, size_t index,
                       struct kj_fault *fault)
{
    struct located located = {.config = &app->config};
    bson_t config, empty = BSON_INITIALIZER;
    bool has = kj_doc_child(section, "config", &config);
    const char *plugin = kj_doc_text(section, "plugin", "");
    snprintf(located.base, sizeof located.base, "/plugins/%zu/config", index);
    int rc = kj_host_load(app->host, kj_doc_text(section, "instance", plugin), plugin,
                          has ? &config : &empty, locate, &located, fault);
    bson_destroy(&empty);
    return rc;
}

static int make_host(struct kj_app *app, struct kj_fault *fault)
{
    struct kj_host_config config = {
        .loop = app->loop,
        .fetcher = app->fetcher,
        .ports = kj_engine_ports(app->engine),
        .plugin_dir = app->plugin_dir,
        .secret_dir = app->data_dir,
        .allow_money = kj_doc_bool(app->config.doc, "simulation.allow_money", false),
        .seed = app->options->seed};
    int rc = kj_host_create(&config, &app->host, fault);
    if (rc != KJ_OK)
        return rc;
    kj_engine_attach(app->engine, app->host);
    bson_t plugins;
    bson_iter_t at;
    size_t index = 0;
    if (!kj_doc_child(app->config.doc, "plugins", &plugins) || !bson_iter_init(&at, &plugins))
        return KJ_OK;
    while (rc == KJ_OK && bson_iter_next(&at)) {
        bson_t section;
        if (kj_doc_at(&at, &section))
            rc = load_plugin(app, &section, index++, fault);
    }
    return rc;
}

// Simulated time may only reach carriers that reach nobody.
static int check_simulated(const struct kj_app *app, struct kj_fault *fault)
{
    if (app->clock.kind == KJ_CLOCK_SYSTEM || kj_host_all_simulated(app->host, "telephony."))
        return KJ_OK;
    return kj_fault(fault, KJ_EDENIED, "--clock", "configure the simulated carrier",
                    "a virtual or scaled clock is refused while a real carrier is configured");
}

// --- commands for plugins ---

struct bridged {
    kj_engine_done *done;
    void *arg;
};

static void on_command_answer(void *arg, const bson_t *result, const struct kj_fault *fault,
                              const bson_t *details)
{
    struct bridged *bridged = arg;
    (void)details;
    bridged->done(bridged->arg, fault ? fault->code : KJ_OK, result, fault);
    free(bridged);
}

static void command(void *arg, const char *instance, const char *workspace, const char *name,
                    const bson_t *args, const char *key, kj_engine_done *done, void *done_arg)
{
    struct kj_app *app = arg;
    struct bridged *bridged = KJ_NEW(struct bridged);
    char scoped[320];
    (void)workspace; // one workspace for plugins until instances are bound to one
    snprintf(scoped, sizeof scoped, "%.63s:%.200s", instance, key ? key : "");
    *bridged = (struct bridged){done, done_arg};
    struct kj_ask ask = {.command = name,
                         .args = args,
                         .trusted = true,
                         .idempotency_key = key ? scoped : NULL,
                         .answer = on_command_answer,
                         .arg = bridged};
    kj_dispatch(app->api, &ask);
}

// A rehearsal runs as we are configured, with our rules.
static void set_rehearsal(struct kj_app *app)
{
    bson_t *setup = bson_new();
    kj_doc_put_doc(setup, "config", app->config.doc);
    kj_doc_put_text(setup, "scripts_dir", app->scripts_dir);
    kj_doc_put_text(setup, "plugin_dir", app->plugin_dir);
    kj_api_set_rehearsal(app->api, setup);
}

static int make_api(struct kj_app *app, struct kj_fault *fault)
{
    int rc = kj_api_create(app->engine, &app->api, fault);
    if (rc != KJ_OK)
        return rc;
    kj_engine_set_command(app->engine, command, app);
    kj_api_set_copy_plan(app->api, kj_app_copy_plan, app);
    if (!app->options->rehearse)
        set_rehearsal(app);
    app->checking = getenv("KEJUE_CHECK") != NULL; // set by the flow tests
    if (app->checking)
        kj_api_check_answers(app->api);
    return KJ_OK;
}

int kj_app_wire(struct kj_app *app, struct kj_fault *fault)
{
    int rc = make_clock(app, fault);
    if (rc == KJ_OK)
        rc = kj_loop_create(&app->clock, &app->loop, fault);
    if (rc == KJ_OK)
        rc = make_store(app, fault);
    if (rc == KJ_OK && !app->options->rehearse)
        rc = kj_fetcher_create(app->loop, &app->fetcher, fault);
    if (rc == KJ_OK)
        rc = make_script(app, fault);
    if (rc == KJ_OK)
        rc = make_engine(app, fault);
    if (rc == KJ_OK)
        rc = make_host(app, fault);
    if (rc == KJ_OK)
        rc = check_simulated(app, fault);
    return rc == KJ_OK ? make_api(app, fault) : rc;
}

int kj_app_open_doors(struct kj_app *app, struct kj_fault *fault)
{
    char rep[4096], pub[4096];
    const bson_t *conf = app->config.doc;
    snprintf(rep, sizeof rep, "%s/bus.ipc", app->run_dir);
    snprintf(pub, sizeof pub, "%s/events.ipc", app->run_dir);
    struct kj_bus_config bus = {.rep_path = rep, .pub_path = pub};
    int rc = kj_bus_create(app->api, &bus, &app->bus, fault);
    if (rc != KJ_OK || !kj_doc_bool(conf, "http.enabled", true))
        return rc;
    struct kj_http_config http = {.address = kj_doc_text(conf, "http.address", "127.0.0.1"),
                                  .port = (uint16_t)kj_doc_int(conf, "http.port", 8080)};
    return kj_http_create(app->api, &http, &app->http, fault);
}

void kj_app_unwire(struct kj_app *app)
{
    // What is open ends upwards: plugins tell the engine, the engine cancels what commands wait
    // for, the api answers whoever still waits, and the doors are there to hear it.
    kj_host_destroy(app->host);
    kj_engine_destroy(app->engine);
    if (app->store) // what it carries out from now on is read by cursor, after the next start
        app->store->on_event = NULL;
    kj_api_destroy(app->api);
    kj_http_destroy(app->http);
    kj_bus_destroy(app->bus);
    kj_script_destroy(app->script);
    kj_fetcher_destroy(app->fetcher);
    kj_store_destroy(app->store);
    kj_loop_destroy(app->loop);
    kj_config_fini(&app->config);
}
