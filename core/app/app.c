// The life of the daemon: load rules, recover, open the doors, run, drain.
#include "app/app.h"

#include "app/wire.h"
#include "base/log.h"

#include <inttypes.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { k_drain_ms = 20000, k_last_answers_ms = 2000 };

static void fail(struct kj_app *app, const struct kj_fault *fault)
{
    char text[1024];
    kj_fault_print(fault, text, sizeof text);
    fprintf(stderr, "kejued: %s\n", text);
    app->exit_code = 1;
    kj_loop_stop(app->loop);
}

// --- stopping ---

static void on_drained(void *arg)
{
    struct kj_app *app = arg;
    kj_loop_stop(app->loop);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct kj_app *app = handle->data;
    if (number == SIGHUP) {
        kj_log(KJ_LOG_INFO, "app", "SIGHUP: use kejuectl rules.reload to load rules again", NULL);
        return;
    }
    if (app->stopping || kj_loop_is_virtual(app->loop)) { // twice, or nothing real is under way
        kj_loop_stop(app->loop);
        return;
    }
    app->stopping = true;
    kj_api_drain(app->api);
    kj_log(KJ_LOG_INFO, "app", "stopping: no new work, live work may end", NULL);
    kj_host_drain(app->host);
    kj_engine_drain(app->engine, k_drain_ms, on_drained, app);
}

static void on_told(struct kj_task *task)
{
    struct kj_app *app = (struct kj_app *)((char *)task - offsetof(struct kj_app, last_task));
    kj_loop_stop(app->loop);
}

static void on_quiet(void *arg)
{
    struct kj_app *app = arg;
    app->last_task.run = on_told; // behind the answers that are ready: tasks keep their order
    kj_loop_post(app->loop, &app->last_task);
}

static void on_late(uv_timer_t *timer)
{
    struct kj_app *app = timer->data;
    kj_loop_stop(app->loop);
}

// Requests that are still open get their answers before what they work on is taken down.
static void tell_the_last(struct kj_app *app)
{
    uv_timer_init(kj_loop_uv(app->loop), &app->last_timer);
    app->last_timer.data = app;
    uv_timer_start(&app->last_timer, on_late, k_last_answers_ms, 0);
    kj_api_drain(app->api);
    kj_api_when_quiet(app->api, on_quiet, app);
    kj_loop_run(app->loop);
    uv_close((uv_handle_t *)&app->last_timer, NULL);
}

static void watch_signals(struct kj_app *app)
{
    static const int k_signals[] = {SIGTERM, SIGINT, SIGHUP};
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); // a limit on file sizes is a full disk, not a death
    for (int i = 0; i < 3; i++) {
        uv_signal_init(kj_loop_uv(app->loop), &app->signals[i]);
        app->signals[i].data = app;
        uv_signal_start(&app->signals[i], on_signal, k_signals[i]);
        uv_unref((uv_handle_t *)&app->signals[i]);
        app->signals_open++;
    }
}

static void close_signals(struct kj_app *app)
{
    for (int i = 0; i < app->signals_open; i++)
        uv_close((uv_handle_t *)&app->signals[i], NULL);
}

// --- starting ---

static void on_started(void *arg, int status)
{
    struct kj_app *app = arg;
    struct kj_fault fault;
    if (status != KJ_OK) {
        kj_fault(&fault, status, NULL, "see the log", "jobs of the last run cannot be taken up");
        fail(app, &fault);
        return;
    }
    if (kj_app_open_doors(app, &fault) != KJ_OK) {
        fail(app, &fault);
        return;
    }
    kj_host_start_schedules(app->host);
    // One line for whoever started us: the doors are open.
    printf("kejued ready bus=ipc://%s/bus.ipc http=%u\n", app->run_dir,
           app->http ? kj_http_port(app->http) : 0);
    fflush(stdout);
}

// A simulated clock goes on where the last run of this database stood: its past must stay its past.
static void on_last_event(struct kj_store_request *request)
{
    struct kj_app *app = request->arg;
    struct kj_store_op *op = &request->ops[0];
    int64_t last = op->status == KJ_OK && op->n_docs ? kj_doc_time(op->docs[0], "at", 0) : 0;
    if (last && (app->options->start == NULL || last > kj_clock_now(&app->clock)))
        kj_clock_set(&app->clock, last);
    kj_engine_start(app->engine, on_started, app);
}

static void start_engine(struct kj_app *app)
{
    if (app->clock.kind == KJ_CLOCK_SYSTEM) {
        kj_engine_start(app->engine, on_started, app);
        return;
    }
    struct kj_store_request *request = kj_store_request(1, "", on_last_event, app);
    request->ops[0].verb = KJ_STORE_FIND;
    request->ops[0].coll = KJ_EVENTS;
    request->ops[0].sort = "-_id";
    request->ops[0].limit = 1;
    kj_store_submit(app->store, request);
}

static void on_rules(void *arg, int status, const bson_t *result, const struct kj_fault *fault)
{
    struct kj_app *app = arg;
    (void)result;
    if (status != KJ_OK) {
        fail(app, fault);
        return;
    }
    kj_engine_rules_loaded(app->engine);
    start_engine(app);
}

static int load_config(struct kj_app *app, struct kj_fault *fault)
{
    char path[4096];
    const struct kj_options *options = app->options;
    if (options->config)
        kj_copy(path, sizeof path, options->config);
    else if (options->dir)
        snprintf(path, sizeof path, "%s/kejue.conf", options->dir);
    else
        kj_copy(path, sizeof path, "/etc/kejue/kejue.conf");
    return kj_config_load(path, &app->config, fault);
}

int kj_app_run(const struct kj_options *options)
{
    struct kj_app app = {.options = options};
    struct kj_fault fault = {0};
    char text[1024];
    enum kj_log_level level;
    int rc = load_config(&app, &fault);
    if (rc == KJ_OK)
        rc = kj_app_paths(&app, &fault);
    if (rc == KJ_OK &&
        kj_log_level_from_name(kj_doc_text(app.config.doc, "log_level", "info"), &level) == 0)
        kj_log_set_level(level);
    bool copies = rc == KJ_OK && options->copy_store;
    if (rc == KJ_OK)
        rc = copies ? kj_app_copy_store(&app, &fault) : kj_app_wire(&app, &fault);
    if (rc != KJ_OK) {
        kj_fault_print(&fault, text, sizeof text);
        fprintf(stderr, "kejued: %s\n", text);
        kj_app_unwire(&app);
        return rc == KJ_ESCHEMA || rc == KJ_EPARSE || rc == KJ_EINVAL ? 2 : 1;
    }
    if (!options->check && !copies) {
        watch_signals(&app);
        kj_script_load(app.script, NULL, false, on_rules, &app);
        kj_loop_run(app.loop);
        tell_the_last(&app);
        close_signals(&app);
    }
    kj_app_unwire(&app);
    if (options->check)
        printf("the configuration is good\n");
    return app.exit_code;
}
