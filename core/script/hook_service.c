// Hooks on the service: the stepper runs on a worker, steps are carried out by the ports on the
// loop, and whoever answers last wakes the hook. Each run has a state of its own.
#include "script/service.h"

#include "base/alloc.h"
#include "script/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct kj_hook_live {
    struct kj_errand errand;              // first
    struct kj_hook_live *next, *previous; // in script->lives
    struct kj_pack *pack;
    struct kj_warm *warm;
    struct kj_hook_run *run;
    struct kj_flat *event; // until the run has it
    bson_t *recorded;      // or NULL
    size_t index;
    struct kj_hook_ports ports;
    void *arg;
    struct kj_timer timer;
    struct kj_task task;
    bool posted;  // task is under way
    bool working; // the stepper is on a worker
    bool asking;  // inside ports.step
    int status;
    struct kj_fault fault; // last, and set only with a status: a kilobyte that few need
};

static void unlink_live(struct kj_hook_live *live)
{
    if (live->previous) {
        live->previous->next = live->next;
    } else {
        live->errand.script->lives = live->next;
    }
    if (live->next) {
        live->next->previous = live->previous;
    }
    live->errand.script->live_count--;
}

static void free_live(struct kj_hook_live *live)
{
    kj_pack_unref(live->pack);
    kj_flat_unref(live->event);
    kj_doc_clear(&live->recorded);
    free(live);
}

static void end_live(struct kj_hook_live *live)
{
    const struct kj_hook_run *run = live->run;
    int status = live->status ? live->status : run ? run->status : KJ_EINTERNAL;
    const struct kj_fault *fault = live->status || !run ? &live->fault : &run->fault;
    unlink_live(live);
    live->ports.done(live->arg, status, status || !run ? NULL : run->result, status ? fault : NULL);
    kj_hook_end(live->run);
    kj_pack_give(live->pack, live->warm);
    free_live(live);
}

// On a worker.
static void live_run(struct kj_errand *errand)
{
    struct kj_hook_live *live = (struct kj_hook_live *)errand;
    if (!live->warm) {
        live->status = kj_pack_take(live->pack, &live->warm, &live->fault);
        if (live->status) {
            return;
        }
        live->run = kj_hook_begin(live->warm->hooks, live->index, live->event, live->recorded);
        live->event = NULL;
        if (!live->run) {
            live->status = kj_fault(&live->fault, KJ_ENOTFOUND, live->pack->path, NULL,
                                    "there is no hook number %zu in this file", live->index);
            return;
        }
    }
    kj_hook_step(live->run);
    if (live->run->ended) { // here, not on the loop: the next run needs a state now
        kj_hook_release(live->run);
        kj_pack_give(live->pack, live->warm);
        live->warm = NULL;
    }
}

static void resume(struct kj_hook_live *live)
{
    live->working = true;
    int status = kj_errand_start(&live->errand);
    if (status) {
        live->working = false;
        live->status = kj_fault(&live->fault, status, live->pack->path, "try again later",
                                "more scripts wait than may");
        end_live(live);
    }
}

static void resume_task(struct kj_task *task)
{
    struct kj_hook_live *live =
        (struct kj_hook_live *)((char *)task - offsetof(struct kj_hook_live, task));
    live->posted = false;
    resume(live);
}

static void wake(void *arg)
{
    resume(arg);
}

// Hands every open step to the ports. They may answer at once.
static void ask_steps(struct kj_hook_live *live)
{
    struct kj_hook_run *run = live->run;
    live->asking = true;
    for (size_t i = run->waits_from; i < run->step_count; i++) {
        struct kj_step *step = &run->steps[i];
        if (step->answer || step->asked) {
            continue;
        }
        step->asked = true;
        step->token = ++live->errand.script->next_token;
        struct kj_hook_step asked = {step->key, step->verb, step->args, step->within_ms};
        live->ports.step(live->arg, step->token, &asked);
    }
    live->asking = false;
}

static void live_done(struct kj_errand *errand)
{
    struct kj_hook_live *live = (struct kj_hook_live *)errand;
    struct kj_script *script = errand->script;
    live->working = false;
    if (errand->work.canceled || script->closing) {
        live->status = kj_fault(&live->fault, KJ_ECANCELED, NULL, NULL, "the host is stopping");
    }
    if (live->status || live->run->ended) {
        end_live(live);
        return;
    }
    if (live->run->sleep_ms > 0) {
        if (script->loop) {
            kj_timer_start(script->loop, &live->timer, live->run->sleep_ms);
        } else {
            resume(live); // without a loop no time passes
        }
        return;
    }
    ask_steps(live);
    if (!kj_hook_waits(live->run)) {
        if (script->loop) {
            live->posted = true;
            kj_loop_post(script->loop, &live->task);
        } else {
            resume(live);
        }
    }
}

// "note.lua:1": the file and the number of the hook in it.
static struct kj_pack *find_hook(const struct kj_script *script, const char *name, size_t *index)
{
    static const char k_folder[] = "hooks/";
    enum { FOLDER = sizeof k_folder - 1 };
    char path[200];
    const char *colon = strrchr(name, ':');
    size_t length = colon ? (size_t)(colon - name) : 0;
    if (!colon || length >= sizeof path - FOLDER) {
        return NULL;
    }
    memcpy(path, k_folder, FOLDER);
    memcpy(path + FOLDER, name, length);
    path[FOLDER + length] = '\0';
    *index = (size_t)strtoul(colon + 1, NULL, 10);
    return kj_map_get(&script->set->hooks, path);
}

int kj_hook_run(struct kj_script *script, const char *hook, const bson_t *event,
                const bson_t *recorded, const struct kj_hook_ports *ports, void *arg,
                struct kj_fault *fault)
{
    size_t index = 0;
    struct kj_pack *pack = find_hook(script, hook, &index);
    if (!pack || index == 0 || index > kj_doc_count(pack->describe, "hooks")) {
        return kj_fault(fault, KJ_ENOTFOUND, hook, "list the hooks with rules.list",
                        "there is no such hook");
    }
    if (script->live_count == KJ_MAX_HOOK_RUNS) {
        return kj_fault(fault, KJ_EFULL, hook, "try again later", "%d hooks run already",
                        KJ_MAX_HOOK_RUNS);
    }
    struct kj_hook_live *live = KJ_NEW_UP_TO(struct kj_hook_live, fault.text[1]);
    live->errand.script = script;
    live->errand.run = live_run;
    live->errand.done = live_done;
    live->pack = kj_pack_ref(pack);
    live->index = index;
    live->event = kj_flat_create(event);
    live->recorded = recorded ? bson_copy(recorded) : NULL;
    live->ports = *ports;
    live->arg = arg;
    live->task.run = resume_task;
    kj_timer_init(&live->timer, wake, live);
    live->next = script->lives;
    if (live->next) {
        live->next->previous = live;
    }
    script->lives = live;
    script->live_count++;
    live->working = true;
    int status = kj_errand_start(&live->errand);
    if (status) {
        live->working = false;
        unlink_live(live);
        free_live(live);
        return kj_fault(fault, status, hook, "try again later", "more scripts wait than may");
    }
    return 0;
}

void kj_hook_answer(struct kj_script *script, uint64_t token, const bson_t *answer)
{
    for (struct kj_hook_live *live = script->lives; live; live = live->next) {
        if (live->working || !live->run) {
            continue;
        }
        for (size_t i = live->run->waits_from; i < live->run->step_count; i++) {
            struct kj_step *step = &live->run->steps[i];
            if (step->token != token || step->answer) {
                continue;
            }
            step->answer = bson_copy(answer);
            if (live->asking || kj_hook_waits(live->run)) {
                return;
            }
            if (script->loop) {
                live->posted = true;
                kj_loop_post(script->loop, &live->task);
            } else {
                resume(live);
            }
            return;
        }
    }
}

void kj_hooks_cancel(struct kj_script *script)
{
    while (script->lives) {
        struct kj_hook_live *live = script->lives;
        if (script->loop) {
            kj_timer_stop(script->loop, &live->timer);
            if (live->posted) {
                kj_loop_unpost(script->loop, &live->task);
            }
        }
        live->status = kj_fault(&live->fault, KJ_ECANCELED, NULL, NULL, "the host is stopping");
        end_live(live);
    }
}
