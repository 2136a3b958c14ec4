// kejued --rehearse: a campaign on a virtual clock, in a process of its own. The engine, the rules
// and the store are the real ones; the carrier is the simulated one, and nothing else is loaded, so
// there is no way out. Ends with whoever asked: when standard input ends.
#include "app/rehearse.h"

#include "base/alloc.h"
#include "base/log.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { k_hour_ms = 3600000, k_day_ms = 86400000, k_tell_each_ms = 200, k_alone = 3 };

static void stop(struct kj_rehearsal *rehearsal, int status, const struct kj_fault *fault)
{
    rehearsal->status = status;
    if (fault && status != KJ_OK)
        *rehearsal->fault = *fault;
    kj_loop_stop(rehearsal->app->loop);
}

// --- progress ---

static void on_event(void *arg, const bson_t *event)
{
    struct kj_rehearsal *rehearsal = arg;
    if (!kj_streq(kj_doc_text(event, "name", ""), "call.ended"))
        return;
    rehearsal->calls++;
    rehearsal->reached += kj_streq(kj_doc_text(event, "data.disposition", ""), "completed");
}

static void tell_progress(struct kj_rehearsal *rehearsal, bool now)
{
    int64_t at = kj_loop_now(rehearsal->app->loop);
    if (!now && kj_clock_real_mono() - rehearsal->told_ms < k_tell_each_ms)
        return;
    rehearsal->told_ms = kj_clock_real_mono();
    bson_t progress = BSON_INITIALIZER;
    kj_doc_put_time(&progress, "at", at);
    kj_doc_put_int(&progress, "day", (at - rehearsal->start) / k_day_ms);
    kj_doc_put_int(&progress, "days", (rehearsal->until - rehearsal->start) / k_day_ms);
    kj_doc_put_int(&progress, "calls", rehearsal->calls);
    kj_doc_put_int(&progress, "reached", rehearsal->reached);
    kj_rehearsal_tell("progress", &progress);
    bson_destroy(&progress);
}

// --- time passes ---

static void step(struct kj_rehearsal *rehearsal);

static void on_open_jobs(struct kj_store_request *request)
{
    struct kj_rehearsal *rehearsal = request->arg;
    int64_t open = 0;
    for (size_t i = 0; i < request->n_ops; i++)
        open += request->ops[i].n_docs > 0;
    if (open)
        step(rehearsal);
    else
        stop(rehearsal, KJ_OK, NULL);
}

// Effects and hooks wait for ever here: only calls tell whether the campaign is over.
static void look_for_open_jobs(struct kj_rehearsal *rehearsal)
{
    static const char *const k_open[] = {"waiting", "running"};
    struct kj_store_request *request =
        kj_store_request(KJ_COUNT(k_open), rehearsal->workspace, on_open_jobs, rehearsal);
    for (size_t i = 0; i < KJ_COUNT(k_open); i++) {
        bson_t *filter = bson_new();
        kj_doc_put_int(filter, "campaign_id", rehearsal->campaign_id);
        kj_doc_put_text(filter, "state", k_open[i]);
        kj_doc_put_text(filter, "kind", "call");
        request->ops[i].verb = KJ_STORE_FIND;
        request->ops[i].coll = KJ_JOBS;
        request->ops[i].limit = 1;
        kj_store_own_filter(request, i, filter);
    }
    kj_store_submit(rehearsal->app->store, request);
}

static void on_idle(void *arg)
{
    struct kj_rehearsal *rehearsal = arg;
    int64_t now = kj_loop_now(rehearsal->app->loop);
    tell_progress(rehearsal, false);
    if (now >= rehearsal->until)
        stop(rehearsal, KJ_OK, NULL);
    else if ((now - rehearsal->start) % k_day_ms == 0)
        look_for_open_jobs(rehearsal);
    else
        step(rehearsal);
}

static void step(struct kj_rehearsal *rehearsal)
{
    int64_t next = kj_loop_now(rehearsal->app->loop) + k_hour_ms;
    kj_loop_release(rehearsal->app->loop, next < rehearsal->until ? next : rehearsal->until,
                    on_idle, rehearsal);
}

// --- beginning ---

static void on_started(void *arg, int status)
{
    struct kj_rehearsal *rehearsal = arg;
    struct kj_fault fault;
    if (status != KJ_OK) {
        kj_fault(&fault, status, "rehearsal", NULL, "the engine could not be started: %s",
                 kj_error_name(status));
        stop(rehearsal, status, &fault);
        return;
    }
    kj_queue_hold(rehearsal->app->engine->queue, "effect", true);
    kj_queue_hold(rehearsal->app->engine->queue, "hook", true);
    step(rehearsal);
}

static void on_rules(void *arg, int status, const bson_t *result, const struct kj_fault *fault)
{
    struct kj_rehearsal *rehearsal = arg;
    (void)result;
    if (status != KJ_OK) {
        stop(rehearsal, status, fault);
        return;
    }
    kj_engine_rules_loaded(rehearsal->app->engine);
    kj_engine_start(rehearsal->app->engine, on_started, rehearsal);
}

// Nothing comes any more: it is at its end, because whoever asked has gone or does not want it.
static void on_lifeline(uv_poll_t *handle, int status, int events)
{
    (void)handle;
    (void)status;
    (void)events;
    _exit(k_alone);
}

static int prepare(struct kj_rehearsal *rehearsal)
{
    static char start[40];
    struct kj_app *app = rehearsal->app;
    const bson_t *setup = rehearsal->setup;
    kj_time_print(rehearsal->start, start, sizeof start);
    rehearsal->options = (struct kj_options){.rehearse = true,
                                             .clock = "virtual",
                                             .start = start,
                                             .seed = (uint64_t)kj_doc_int(setup, "seed", 1)};
    app->options = &rehearsal->options;
    app->config.doc = kj_rehearsal_config(setup, &rehearsal->assumptions);
    kj_copy(app->scripts_dir, sizeof app->scripts_dir, kj_doc_text(setup, "scripts_dir", ""));
    kj_copy(app->plugin_dir, sizeof app->plugin_dir, kj_doc_text(setup, "plugin_dir", ""));
    kj_copy(app->host_name, sizeof app->host_name, "rehearsal");
    int rc = kj_app_wire(app, rehearsal->fault);
    if (rc != KJ_OK)
        return rc;
    app->store->on_event = on_event;
    app->store->on_event_arg = rehearsal;
    return kj_rehearsal_take_copy(rehearsal);
}

static int run(struct kj_rehearsal *rehearsal, bson_t **result)
{
    struct kj_app *app = rehearsal->app;
    int rc = prepare(rehearsal);
    if (rc != KJ_OK)
        return rc;
    bool watched = uv_poll_init(kj_loop_uv(app->loop), &rehearsal->lifeline, STDIN_FILENO) == 0;
    if (watched)
        uv_poll_start(&rehearsal->lifeline, UV_READABLE | UV_DISCONNECT, on_lifeline);
    kj_script_load(app->script, rehearsal->pack, false, on_rules, rehearsal);
    kj_loop_run(app->loop);
    rc = rehearsal->status;
    if (rc == KJ_OK) {
        tell_progress(rehearsal, true);
        rc = kj_rehearsal_report(rehearsal, result);
    }
    if (watched)
        uv_close((uv_handle_t *)&rehearsal->lifeline, NULL);
    return rc;
}

static void tell_fault(const struct kj_fault *fault)
{
    bson_t doc = BSON_INITIALIZER;
    kj_doc_put_text(&doc, "code", kj_error_name(fault->code));
    kj_doc_put_text(&doc, "place", fault->place);
    kj_doc_put_text(&doc, "text", fault->text);
    kj_doc_put_text(&doc, "hint", fault->hint);
    kj_rehearsal_tell("fault", &doc);
    bson_destroy(&doc);
}

int kj_app_rehearse(void)
{
    struct kj_app app = {0};
    struct kj_fault fault = {0};
    struct kj_rehearsal rehearsal = {.app = &app, .fault = &fault};
    bson_t *result = NULL;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    kj_log_set_level(KJ_LOG_ERROR);
    int rc = kj_rehearsal_read(&rehearsal.setup, &fault);
    if (rc == KJ_OK) {
        rehearsal.campaign_id = kj_doc_int(rehearsal.setup, "campaign_id", 0);
        rehearsal.start = kj_doc_time(rehearsal.setup, "start", 0);
        rehearsal.until =
            rehearsal.start + kj_doc_int(rehearsal.setup, "days", 14) * (int64_t)k_day_ms;
        rc = run(&rehearsal, &result);
    }
    if (rc == KJ_OK)
        kj_rehearsal_tell("result", result);
    else
        tell_fault(&fault);
    kj_doc_clear(&result);
    kj_app_unwire(&app);
    kj_doc_clear(&rehearsal.setup);
    kj_doc_clear(&rehearsal.assumptions);
    return rc == KJ_OK ? 0 : 1;
}
