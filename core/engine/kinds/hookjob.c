// Runs a hook. Each outward step is recorded in the job twice: as begun before it is sent, and with
// its answer after. A re-run gives recorded answers back; a step that was begun and has no answer
// is sent again only where that does no harm, else the job parks.
#include "engine/kinds/hookjob.h"

#include "base/alloc.h"
#include "base/log.h"
#include "engine/ports.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Steps may run in parallel, the job's document is written by one of them at a time.
struct step {
    struct step *next;
    struct hook *hook;
    uint64_t token;
    char *key, *verb;
    bson_t *args, *answer;
    int64_t within_ms;
    bool begun;
};

struct hook {
    struct kj_engine *engine;
    struct kj_running *running;
    struct step *queue; // steps whose next write waits
    bool writing, ended;
    int open;
    struct kj_job_end end;
    char reason[512];
};

static void write_next(struct hook *hook);

static void hook_free_if_done(struct hook *hook)
{
    if (!hook->ended || hook->open || hook->writing)
        return;
    if (hook->running)
        kj_running_end(hook->running, &hook->end);
    free(hook);
}

static void step_free(struct step *step)
{
    step->hook->open--;
    kj_doc_clear(&step->args);
    kj_doc_clear(&step->answer);
    free(step->key);
    free(step->verb);
    free(step);
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

static bson_t *error_answer(const char *class, const char *code, const char *text,
                            int64_t retry_after_ms)
{
    bson_t *answer = bson_new(), error = BSON_INITIALIZER;
    kj_doc_put_text(&error, "class", class);
    kj_doc_put_text(&error, "code", code);
    kj_doc_put_text(&error, "text", text);
    kj_doc_put_int(&error, "retry_after_ms", retry_after_ms);
    kj_doc_put_bool(answer, "ok", false);
    kj_doc_put_doc(answer, "error", &error);
    bson_destroy(&error);
    return answer;
}

static void on_step_done(void *arg, const struct kj_outcome *outcome, const bson_t *result)
{
    struct step *step = arg;
    if (outcome->class == KEJUE_OK) {
        step->answer = bson_new();
        kj_doc_put_bool(step->answer, "ok", true);
        kj_doc_put_doc(step->answer, "result", result);
    } else
        step->answer = error_answer(kj_class_name(outcome->class), outcome->code, outcome->text,
                                    outcome->retry_after_ms);
    queue_write(step);
}

static void send_step(struct step *step)
{
    struct kj_fault fault;
    struct hook *hook = step->hook;
    const bson_t *job = kj_running_job(hook->running);
    char key[256];
    snprintf(key, sizeof key, "%s:%s", kj_doc_text(job, "key", "hook"), step->key);
    if (kj_starts_with(step->verb, "host.")) {
        kj_ports_ask(hook->engine, "script", kj_running_workspace(hook->running), step->verb + 5,
                     step->args, on_step_done, step);
        return;
    }
    struct kj_host_call call = {.verb = step->verb,
                                .workspace = kj_running_workspace(hook->running),
                                .key = key,
                                .timeout_ms = step->within_ms,
                                .request = step->args};
    if (kj_host_start(hook->engine->host, &call, on_step_done, step, &fault) == 0) {
        step->answer = error_answer("caller", kj_error_name(fault.code), fault.text, 0);
        queue_write(step);
    }
}

static void on_written(void *arg, int status)
{
    struct hook *hook = arg;
    struct step *step = hook->queue;
    hook->queue = step->next;
    hook->writing = false;
    if (status != KJ_OK) {
        if (status == KJ_ECONFLICT)
            hook->running = NULL; // no longer ours: nothing more may be sent
        kj_doc_clear(&step->answer);
        step->answer = error_answer("unknown", "store", "the step could not be recorded", 0);
        kj_hook_answer(hook->engine->script, step->token, step->answer);
        step_free(step);
    } else if (step->answer) {
        kj_hook_answer(hook->engine->script, step->token, step->answer);
        step_free(step);
    } else {
        step->begun = true;
        send_step(step);
    }
    write_next(hook);
    hook_free_if_done(hook);
}

static void write_next(struct hook *hook)
{
    struct step *step = hook->queue;
    if (step == NULL || hook->writing || hook->running == NULL)
        return;
    bson_t changes = BSON_INITIALIZER, one = BSON_INITIALIZER, old, begun = BSON_INITIALIZER;
    kj_doc_put_bool(&begun, "begun", true);
    kj_doc_put_doc(&one, step->key, step->answer ? step->answer : &begun);
    bool has = kj_doc_child(kj_running_job(hook->running), "steps", &old);
    bson_t *steps = has ? kj_doc_with(&old, &one) : bson_copy(&one);
    kj_doc_put_doc(&changes, "steps", steps);
    hook->writing = true;
    kj_running_save(hook->running, &changes, NULL, on_written, hook);
    bson_destroy(steps);
    bson_destroy(&changes);
    bson_destroy(&one);
    bson_destroy(&begun);
}

// Begun in an earlier life and never answered: may it be sent again?
static bool lost(const struct hook *hook, const char *key, const char *verb)
{
    char path[160];
    snprintf(path, sizeof path, "steps.%s.begun", key);
    if (!kj_doc_bool(kj_running_job(hook->running), path, false))
        return false;
    const struct kejue_verb *known = kj_host_verb(hook->engine->host, NULL, verb);
    bool harmless =
        kj_starts_with(verb, "host.state.get") ||
        (known && ((known->flags & KEJUE_IDEMPOTENT) || known->repeat == KEJUE_REPEAT_UNIQUE));
    return !harmless;
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
    if (hook->running == NULL || lost(hook, step->key, step->verb)) {
        bson_t *answer =
            error_answer("unknown", "lost", "this host ended while the step was under way", 0);
        snprintf(hook->reason, sizeof hook->reason,
                 "step %s was under way when the host ended and may have been carried out; look, "
                 "then job.retry or job.cancel",
                 step->key);
        hook->end.verdict = KJ_JOB_PARKED;
        kj_hook_answer(hook->engine->script, token, answer);
        bson_destroy(answer);
        step_free(step);
        return;
    }
    queue_write(step);
}

static void on_hook_done(void *arg, int status, const bson_t *result, const struct kj_fault *fault)
{
    struct hook *hook = arg;
    hook->ended = true;
    if (hook->end.verdict == KJ_JOB_PARKED) {
        hook->end.reason = hook->reason;
    } else if (status != KJ_OK) {
        kj_fault_print(fault, hook->reason, sizeof hook->reason);
        hook->end = (struct kj_job_end){.verdict = KJ_JOB_PARKED, .reason = hook->reason};
    } else if (kj_streq(kj_doc_text(result, "outcome", "done"), "retry")) {
        int64_t wait = kj_doc_int(result, "retry_after_ms", 0);
        kj_copy(hook->reason, sizeof hook->reason, kj_doc_text(result, "reason", "asked to retry"));
        hook->end = (struct kj_job_end){.verdict = KJ_JOB_RETRY, .reason = hook->reason};
        hook->end.due = wait ? kj_loop_now(hook->engine->loop) + wait : 0;
    } else
        hook->end = (struct kj_job_end){.verdict = KJ_JOB_DONE};
    hook_free_if_done(hook);
}

// What the script may be told again: answers only, not steps that were merely begun.
static bson_t *recorded_answers(const bson_t *job)
{
    bson_t *answers = bson_new(), steps;
    bson_iter_t at;
    if (kj_doc_child(job, "steps", &steps) && bson_iter_init(&at, &steps))
        while (bson_iter_next(&at)) {
            bson_t step;
            uint32_t length;
            const uint8_t *bytes;
            bson_iter_document(&at, &length, &bytes);
            if (bson_init_static(&step, bytes, length) && kj_doc_has(&step, "ok"))
                kj_doc_put_doc(answers, bson_iter_key(&at), &step);
        }
    return answers;
}

static void run(void *engine, struct kj_running *running)
{
    static const struct kj_hook_ports k_ports = {on_step, on_hook_done};
    struct kj_fault fault;
    struct hook *hook = KJ_NEW(struct hook);
    hook->engine = engine;
    hook->running = running;
    const bson_t *job = kj_running_job(running);
    bson_t event, empty = BSON_INITIALIZER, *answers = recorded_answers(job);
    bool has = kj_doc_child(job, "payload.event", &event);
    if (kj_hook_run(hook->engine->script, kj_doc_text(job, "payload.hook", ""),
                    has ? &event : &empty, answers, &k_ports, hook, &fault) != KJ_OK)
        on_hook_done(hook, fault.code, NULL, &fault);
    bson_destroy(answers);
    bson_destroy(&empty);
}

void kj_hookjob_register(struct kj_engine *engine)
{
    struct kj_job_kind kind = {.name = "hook", .concurrency = 32, .run = run, .arg = engine};
    kj_queue_register(engine->queue, &kind);
}
