// Runs a hook. Each outward step is recorded in the job twice: as
// begun before it is sent, and with its answer after. A re-run gives recorded answers back; a step
// that was begun and has no answer is sent again only where that does no harm, else the job parks.
#include "engine/kinds/hookjob.h"

#include "base/alloc.h"
#include "base/log.h"
#include "engine/kinds/hook_steps.h"
#include "engine/path.h"
#include "engine/ports.h"
#include "engine/reach.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { k_later_ms = 5000 }; // no room for scripts just now
static const char k_no_way_out[] =
    "scripts have no way out: add plugin = \"http\" with the addresses "
    "they may reach to the plugins in kejue.conf";

// Steps may run in parallel, the job's document is written by one of them at a time.
struct step {
    struct step *next;
    struct hook *hook;
    uint64_t token;
    char *key, *verb;
    bson_t *args, *answer;
    int64_t within_ms;
};

struct hook {
    struct kj_engine *engine;   // NULL: it has ended; only callbacks are still to come
    struct kj_running *running; // NULL: no longer ours; nothing more is sent
    struct step *queue;         // steps whose next write waits
    bool writing, ended;
    int open;
    bool parks; // a step was lost: the run goes to its end without sending anything more
    struct kj_job_end end;
    bson_t *changes, *result; // result: only where the end has to wait
    char reason[512];         // last: few have one
};

static void write_next(struct hook *hook);

static void finish_if_done(struct hook *hook)
{
    if (!hook->ended || hook->open || hook->writing)
        return;
    if (hook->running) {
        hook->end.reason = hook->reason[0] ? hook->reason : NULL;
        hook->end.changes = hook->changes;
        kj_running_end(hook->running, &hook->end);
    }
    kj_doc_clear(&hook->changes);
    kj_doc_clear(&hook->result);
    free(hook);
}

// --- steps ---

static void step_free(struct step *step)
{
    step->hook->open--;
    kj_doc_clear(&step->args);
    kj_doc_clear(&step->answer);
    free(step->key);
    free(step->verb);
    free(step);
}

// Tells the script, which may go on inside.
static void step_end(struct step *step, const bson_t *answer)
{
    if (step->hook->engine && !step->hook->ended)
        kj_hook_answer(step->hook->engine->script, step->token, answer);
    step_free(step);
}

static void step_fail(struct step *step, const char *class, const char *code, const char *text)
{
    bson_t *answer = kj_step_error(class, code, text, 0);
    step_end(step, answer);
    bson_destroy(answer);
}

static void queue_write(struct step *step)
{
    struct step **at = &step->hook->queue;
    while (*at)
        at = &(*at)->next;
    step->next = NULL;
    *at = step;
    write_next(step->hook);
}

static void on_step_done(void *arg, const struct kj_outcome *outcome, const bson_t *result)
{
    struct step *step = arg;
    struct hook *hook = step->hook;
    if (outcome->class == KEJUE_OK) {
        step->answer = bson_new();
        kj_doc_put_bool(step->answer, "ok", true);
        kj_doc_put_doc(step->answer, "result", result);
    } else
        step->answer = kj_step_error(kj_class_name(outcome->class), outcome->code, outcome->text,
                                     outcome->retry_after_ms);
    if (hook->running) {
        queue_write(step);
        return;
    }
    step_end(step, step->answer);
    finish_if_done(hook);
}

static void send_step(struct step *step)
{
    struct kj_fault fault;
    struct hook *hook = step->hook;
    const char *workspace = kj_running_workspace(hook->running);
    char key[256], own[32];
    // Without a key of its own the job is named by its id: a step's key must never be another's.
    const bson_t *job = kj_running_job(hook->running);
    int64_t turns = kj_doc_int(job, "turns", 0); // each turn of one that comes again acts anew
    snprintf(own, sizeof own, "job-%" PRId64, kj_running_id(hook->running));
    int length = snprintf(key, sizeof key, "%s:%s", kj_doc_text(job, "key", own), step->key);
    if (turns && length < (int)sizeof key)
        snprintf(key + length, sizeof key - (size_t)length, ":%" PRId64, turns);
    bool http = kj_streq(step->verb, "host.http"); // the one that leaves the house: a plugin's
    if (!http && kj_starts_with(step->verb, "host.")) {
        kj_ports_ask(hook->engine, "script", workspace, step->verb + 5, step->args, on_step_done,
                     step);
        return;
    }
    struct kj_host_call call = {.verb = http ? "http.request" : step->verb,
                                .workspace = workspace,
                                .key = key,
                                .timeout_ms = step->within_ms,
                                .request = step->args};
    if (!kj_engine_call(hook->engine, &call, on_step_done, step, &fault)) {
        bool away = fault.code == KJ_EUNAVAILABLE || fault.code == KJ_EFULL;
        bool no_way = http && fault.code == KJ_ENOTFOUND;
        step->answer = kj_step_error(away ? "not_processed" : "caller", kj_error_name(fault.code),
                                     no_way ? k_no_way_out : fault.text, 0);
        queue_write(step);
    }
}

static void on_reach(void *arg, int status, const char *text)
{
    struct step *step = arg;
    struct hook *hook = step->hook;
    if (hook->running == NULL) {
        step_fail(step, "canceled", "taken", "the job is no longer ours");
        finish_if_done(hook);
    } else if (status == KJ_OK) {
        send_step(step);
    } else {
        bool denied = status == KJ_EDENIED;
        step->answer = kj_step_error(denied ? "caller" : "not_processed",
                                     denied ? "refused" : "store", text, 0);
        queue_write(step);
    }
}

// Who said no is not written to by a hook either.
static void ask_first(struct step *step)
{
    const bson_t *job = kj_running_job(step->hook->running);
    int64_t told = kj_doc_int(job, "payload.event.data.lead_id", 0);
    struct kj_reach reach = {.workspace = kj_running_workspace(step->hook->running),
                             .verb = step->verb,
                             .args = step->args,
                             .lead_id = kj_doc_int(job, "lead_id", told)};
    kj_reach_ask(step->hook->engine, &reach, on_reach, step);
}

// --- recording ---

static void park(struct hook *hook, const char *key, const char *why)
{
    hook->parks = true;
    snprintf(hook->reason, sizeof hook->reason,
             "step %s %s and may have been carried out; look, then job.retry or job.cancel", key,
             why);
}

static void on_written(void *arg, int status)
{
    struct hook *hook = arg;
    struct step *step = hook->queue;
    hook->queue = step->next;
    hook->writing = false;
    if (status == KJ_OK && step->answer == NULL) {
        ask_first(step);
    } else if (status == KJ_OK) {
        step_end(step, step->answer);
    } else if (status == KJ_ECANCELED) {
        step_free(step); // the engine is ending; the script is not told
    } else {
        if (status == KJ_ECONFLICT)
            hook->running = NULL;
        else if (step->answer)
            park(hook, step->key, "could not be recorded");
        step_fail(step, step->answer ? "unknown" : "not_processed", "store",
                  "the step could not be recorded");
    }
    while (hook->running == NULL && (step = hook->queue) != NULL) {
        hook->queue = step->next;
        step_fail(step, "canceled", "taken", "the job is no longer ours");
    }
    write_next(hook);
    finish_if_done(hook);
}

static void write_next(struct hook *hook)
{
    struct step *step = hook->queue;
    if (step == NULL || hook->writing || hook->running == NULL)
        return;
    bson_t changes = BSON_INITIALIZER;
    bson_t *steps = kj_steps_with(kj_running_job(hook->running), step->key, step->answer);
    kj_doc_put_doc(&changes, "steps", steps);
    hook->writing = true;
    kj_running_save(hook->running, &changes, NULL, on_written, hook);
    bson_destroy(steps);
    bson_destroy(&changes);
}

static bool harmless(const struct hook *hook, const char *verb, const bson_t *args)
{
    if (kj_streq(verb, "host.state.get") || kj_streq(verb, "host.leads"))
        return true;
    if (kj_streq(verb, "host.state.put"))
        return !kj_doc_has(args, "revision");
    if (kj_streq(verb, "host.submit"))
        return kj_doc_has(args, "key");
    if (kj_streq(verb, "host.http")) {
        const char *method = kj_doc_text(args, "method", kj_doc_has(args, "body") ? "POST" : "GET");
        return kj_streq(method, "GET") || kj_streq(method, "HEAD");
    }
    return kj_engine_may_repeat(hook->engine, verb);
}

static void on_step(void *arg, uint64_t token, const struct kj_hook_step *wanted)
{
    struct hook *hook = arg;
    struct step *step = KJ_NEW(struct step);
    step->hook = hook;
    step->token = token;
    step->key = kj_strdup(wanted->key);
    step->verb = kj_strdup(wanted->verb);
    step->args = wanted->args ? bson_copy(wanted->args) : bson_new();
    step->within_ms = wanted->within_ms;
    hook->open++;
    bool ours = hook->engine && hook->running;
    if (ours && !hook->parks && kj_step_begun(kj_running_job(hook->running), step->key) &&
        !harmless(hook, step->verb, step->args))
        park(hook, step->key, "was under way when the host ended");
    if (!ours)
        step_fail(step, "canceled", "taken", "the job is no longer ours");
    else if (hook->parks)
        step_fail(step, "unknown", "lost", "a step of this run was lost; nothing more is sent");
    else
        queue_write(step);
}

// --- the end ---

// One that comes again begins its next turn without the steps of this one, however this one ended.
static void end_turn(struct hook *hook, enum kj_job_verdict verdict)
{
    bool again = kj_running_every_ms(hook->running) > 0;
    hook->end.verdict = again ? KJ_JOB_DONE : verdict;
    if (again) {
        hook->changes = bson_new();
        kj_doc_put_null(hook->changes, "steps");
    }
}

static void end_with_retry(struct hook *hook, const bson_t *result)
{
    const bson_t *job = kj_running_job(hook->running);
    int64_t now = kj_loop_now(hook->engine->loop);
    int64_t wait = kj_doc_int(result, "retry_after_ms", 0),
            life = kj_doc_int(result, "expires_ms", 0), most = kj_doc_int(result, "attempts", 0);
    kj_copy(hook->reason, sizeof hook->reason, kj_doc_text(result, "reason", "asked to retry"));
    int64_t begun = kj_doc_time(job, "turn_at", kj_doc_time(job, "created_at", now));
    if (life > 0 && now + wait > begun + life) {
        end_turn(hook, KJ_JOB_FAILED);
        return;
    }
    hook->end.verdict = KJ_JOB_RETRY;
    hook->end.due = wait > 0 ? now + wait : 0;
    hook->changes = bson_new();
    bson_t *steps = kj_steps_for_retry(job);
    kj_doc_put_doc(hook->changes, "steps", steps);
    if (most > 0)
        kj_doc_put_int(hook->changes, "max_attempts", most);
    bson_destroy(steps);
}

static void on_hook_done(void *arg, int status, const bson_t *result, const struct kj_fault *fault)
{
    struct hook *hook = arg;
    hook->ended = true;
    if (hook->engine == NULL || hook->running == NULL) {
        // dropped: nothing is said any more
    } else if (hook->parks) {
        hook->end.verdict = KJ_JOB_PARKED;
    } else if (status == KJ_ECANCELED || status == KJ_EFULL || status == KJ_EUNAVAILABLE) {
        hook->end.verdict = KJ_JOB_WAIT;
        hook->end.due = kj_loop_now(hook->engine->loop) + k_later_ms;
        kj_copy(hook->reason, sizeof hook->reason, fault->text);
    } else if (status != KJ_OK) {
        hook->end.verdict = KJ_JOB_PARKED;
        kj_fault_print(fault, hook->reason, sizeof hook->reason);
    } else if (kj_streq(kj_doc_text(result, "outcome", "done"), "retry")) {
        end_with_retry(hook, result);
    } else {
        end_turn(hook, KJ_JOB_DONE);
        hook->end.result = result; // what it returned, for whoever asks after the job
        if (hook->open || hook->writing)
            hook->end.result = hook->result = bson_copy(result);
    }
    finish_if_done(hook);
}

static void on_dropped(void *arg)
{
    struct hook *hook = arg;
    hook->engine = NULL;
    hook->running = NULL;
    hook->writing = false; // what was to be written never will be
    while (hook->queue) {
        struct step *step = hook->queue;
        hook->queue = step->next;
        step_free(step);
    }
    finish_if_done(hook);
}

void kj_hookjob_start(struct kj_engine *engine, struct kj_running *running, const char *name,
                      const bson_t *event)
{
    static const struct kj_hook_ports k_ports = {on_step, on_hook_done};
    struct kj_fault fault;
    struct hook *hook = KJ_NEW_UP_TO(struct hook, reason[1]);
    hook->engine = engine;
    hook->running = running;
    kj_running_on_drop(running, on_dropped, hook);
    bson_t *answers = kj_steps_answered(kj_running_job(running));
    if (kj_hook_run(engine->script, name, event, answers, &k_ports, hook, &fault) != KJ_OK)
        on_hook_done(hook, fault.code, NULL, &fault);
    kj_doc_clear(&answers);
}

static bool is_loaded(const struct kj_engine *engine, const char *name)
{
    bson_t *hooks = kj_script_hooks_on(engine->script, "schedule");
    bool loaded = hooks && kj_doc_lists(hooks, "hooks", name);
    kj_doc_clear(&hooks);
    return loaded;
}

// A schedule ends with its hook; schedule.c begins it anew when the hook is there again.
static void end_schedule(struct kj_running *running)
{
    bson_t changes = BSON_INITIALIZER;
    kj_doc_put_text(&changes, "outcome", "hook_gone");
    kj_running_end(running, &(struct kj_job_end){.verdict = KJ_JOB_FAILED,
                                                 .reason = "its hook is not there any more",
                                                 .changes = &changes});
    bson_destroy(&changes);
}

static void run(void *arg, struct kj_running *running)
{
    struct kj_engine *engine = arg;
    const bson_t *job = kj_running_job(running);
    bson_t event, empty = BSON_INITIALIZER;
    if (kj_doc_int(job, "every_ms", 0) > 0 &&
        !is_loaded(engine, kj_doc_text(job, "payload.hook", ""))) {
        end_schedule(running);
        return;
    }
    bool has = kj_doc_child(job, "payload.event", &event);
    kj_hookjob_start(engine, running, kj_doc_text(job, "payload.hook", ""), has ? &event : &empty);
    bson_destroy(&empty);
}

void kj_hookjob_register(struct kj_engine *engine)
{
    struct kj_job_kind kind = {.name = "hook", .concurrency = 32, .run = run, .arg = engine};
    kj_queue_register(engine->queue, &kind);
}
