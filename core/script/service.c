// The script service: loading, listing, judging. States never move between threads while in use:
// a worker takes a warm one, uses it, gives it back.
#include "script/service.h"

#include "base/alloc.h"
#include "script/cell.h"
#include "script/view.h"

#include <stdlib.h>
#include <string.h>

// SPARES: threads for what comes while an evaluation takes long. Each such one may have a CPU, so
// there are few.
enum { QUEUE_LIMIT = 100000, SPARES = 2 };

// --- errands ---

static void errand_work(struct kj_work *work)
{
    struct kj_errand *errand = (struct kj_errand *)work;
    errand->run(errand);
}

static void errand_done(struct kj_work *work)
{
    struct kj_errand *errand = (struct kj_errand *)work;
    errand->done(errand);
}

int kj_errand_start(struct kj_errand *errand)
{
    struct kj_script *script = errand->script;
    errand->work.work = errand_work;
    errand->work.done = errand_done;
    if (script->pool) {
        return kj_pool_submit(script->pool, &errand->work);
    }
    errand->work.canceled = false;
    errand->run(errand);
    errand->done(errand);
    return 0;
}

// --- creation ---

bool kj_script_cell(int argc, char **argv, int *exit_code)
{
    bool is_cell = argc > 1 && strcmp(argv[1], KJ_CELL_WORD) == 0;
    if (is_cell) {
        *exit_code = kj_cell_main(argc, argv);
    }
    return is_cell;
}

int kj_script_create(const struct kj_script_config *config, struct kj_script **out,
                     struct kj_fault *fault)
{
    struct kj_script *script = KJ_NEW(struct kj_script);
    int threads = config->threads > 0 ? config->threads : 1;
    script->loop = config->loop;
    script->dir = kj_strdup(config->dir);
    script->limits.terse = config->terse;
    script->limits.memory = config->memory_limit ? config->memory_limit : 32u << 20;
    script->limits.cpu_ms = config->cpu_limit_ms > 0 ? config->cpu_limit_ms : 500;
    script->limits.instructions =
        config->instruction_limit > 0 ? config->instruction_limit : 50000000;
    script->limits.locked = config->locked;
    script->set = kj_ruleset_new();
    if (script->loop &&
        (kj_pool_create(script->loop, "script", threads, QUEUE_LIMIT, &script->pool) != 0 ||
         kj_pool_spare(script->pool, SPARES) != 0)) {
        kj_script_destroy(script);
        return kj_fault(fault, KJ_EUNAVAILABLE, "scripts", NULL,
                        "the threads for scripts cannot be started");
    }
    *out = script;
    return 0;
}

void kj_script_destroy(struct kj_script *script)
{
    if (!script) {
        return;
    }
    script->closing = true;
    kj_pool_destroy(script->pool);
    script->pool = NULL;
    kj_hooks_cancel(script);
    kj_script_forget_versions(script);
    kj_ruleset_unref(script->set);
    free(script->dir);
    free(script);
}

// --- loading ---

struct kj_load_errand {
    struct kj_errand errand; // first
    struct kj_load_errand *next;
    char *only;
    bool check_only;
    struct kj_ruleset *old, *set;
    int status;
    struct kj_fault fault;
    kj_script_loaded *done;
    void *arg;
};

static void start_next_load(struct kj_script *script);

static void load_run(struct kj_errand *errand)
{
    struct kj_load_errand *load = (struct kj_load_errand *)errand;
    struct kj_script *script = errand->script;
    load->status = kj_ruleset_build(script->dir, load->only, &script->limits, load->old, true,
                                    &load->set, &load->fault);
}

static void load_done(struct kj_errand *errand)
{
    struct kj_load_errand *load = (struct kj_load_errand *)errand;
    struct kj_script *script = errand->script;
    script->loading = NULL;
    if (errand->work.canceled) {
        load->status = kj_fault(&load->fault, KJ_ECANCELED, NULL, NULL, "the host is stopping");
    }
    if (load->status == 0 && !load->check_only) {
        kj_ruleset_unref(script->set);
        script->set = kj_ruleset_ref(load->set);
    }
    bson_t *list = load->set ? bson_copy(load->set->list) : NULL;
    start_next_load(script);
    if (load->done) {
        load->done(load->arg, load->status, load->status ? NULL : list,
                   load->status ? &load->fault : NULL);
    }
    kj_doc_clear(&list);
    kj_ruleset_unref(load->old);
    kj_ruleset_unref(load->set);
    free(load->only);
    free(load);
}

static void start_next_load(struct kj_script *script)
{
    struct kj_load_errand *load = script->waiting;
    if (!load || script->loading) {
        return;
    }
    script->waiting = load->next;
    script->loading = load;
    load->old = kj_ruleset_ref(script->set);
    if (kj_errand_start(&load->errand) != 0) {
        load->errand.work.canceled = true;
        load_done(&load->errand);
    }
}

void kj_script_load(struct kj_script *script, const char *only, bool check_only,
                    kj_script_loaded *done, void *arg)
{
    struct kj_load_errand *load = KJ_NEW(struct kj_load_errand), **last = &script->waiting;
    load->errand.script = script;
    load->errand.run = load_run;
    load->errand.done = load_done;
    load->only = kj_strdup(only);
    load->check_only = check_only;
    load->done = done;
    load->arg = arg;
    while (*last) {
        last = &(*last)->next;
    }
    *last = load;
    start_next_load(script);
}

// --- listing ---

bson_t *kj_script_list(const struct kj_script *script)
{
    bson_t *list = bson_copy(script->set->list);
    bson_iter_t at;
    if (!bson_iter_init_find(&at, list, "packs")) {
        bson_t nothing = BSON_INITIALIZER;
        kj_doc_put_array(list, "packs", &nothing);
        kj_doc_put_array(list, "hooks", &nothing);
        bson_destroy(&nothing);
    }
    return list;
}

const bson_t *kj_script_about(const struct kj_script *script, const char *name)
{
    const struct kj_pack *pack = kj_script_version(script, name);
    return pack ? pack->describe : NULL;
}

bson_t *kj_script_describe(const struct kj_script *script, const char *name)
{
    const struct kj_pack *pack = kj_script_version(script, name);
    if (!pack) {
        return NULL;
    }
    bson_t *out = bson_copy(pack->describe);
    kj_doc_put_doc(out, "sources", pack->files);
    return out;
}

bson_t *kj_script_hooks_on(const struct kj_script *script, const char *event)
{
    bson_t *out = bson_new(), names = BSON_INITIALIZER, hooks;
    struct kj_doc_list list = {.array = &names};
    bson_iter_t at;
    if (kj_doc_child(script->set->list, "hooks", &hooks) && bson_iter_init(&at, &hooks)) {
        while (bson_iter_next(&at)) {
            bson_iter_t on, file;
            if (bson_iter_recurse(&at, &on) && bson_iter_find(&on, "on") &&
                strcmp(bson_iter_utf8(&on, NULL), event) == 0 && bson_iter_recurse(&at, &file) &&
                bson_iter_find(&file, "file")) {
                kj_doc_put_text(&names, kj_doc_next(&list), bson_iter_utf8(&file, NULL));
            }
        }
    }
    kj_doc_put_array(out, "hooks", &names);
    bson_destroy(&names);
    return out;
}

// --- judging ---

struct decide_errand {
    struct kj_errand errand; // first
    struct kj_pack *pack;
    struct kj_flat *facts;
    struct kj_judged judged;
    kj_script_decided *done;
    void *arg;
};

// Those of one pack that waited in a row, when it is a locked one.
static void decide_run(struct kj_errand *errand)
{
    struct kj_judged *each[KJ_MOST_TOGETHER];
    struct kj_pack *pack = ((struct decide_errand *)errand)->pack;
    size_t count = 0;
    if (!pack) {
        return; // the fault is there already
    }
    for (struct kj_work *work = &errand->work; work; work = work->next) {
        struct decide_errand *decide = (struct decide_errand *)work;
        kj_flat_doc(decide->facts, &decide->judged.facts);
        each[count++] = &decide->judged;
    }
    kj_pack_judge_many(pack, each, count);
}

static void decide_done(struct kj_errand *errand)
{
    struct decide_errand *decide = (struct decide_errand *)errand;
    struct kj_judged *judged = &decide->judged;
    if (errand->work.canceled) {
        judged->status = kj_fault(&judged->fault, KJ_ECANCELED, NULL, NULL, "the host is stopping");
    }
    decide->done(decide->arg, judged->status, judged->status ? NULL : judged->plan,
                 judged->status ? &judged->fault : NULL);
    kj_doc_clear(&judged->plan);
    kj_flat_unref(decide->facts);
    kj_pack_unref(decide->pack);
    free(decide);
}

static void decide_full(struct kj_task *task)
{
    struct kj_work *work = (struct kj_work *)((char *)task - offsetof(struct kj_work, task));
    decide_done((struct kj_errand *)work);
}

void kj_script_decide(struct kj_script *script, const char *pack, const bson_t *facts,
                      kj_script_decided *done, void *arg)
{
    struct decide_errand *decide = KJ_NEW(struct decide_errand);
    decide->errand.script = script;
    decide->errand.run = decide_run;
    decide->errand.done = decide_done;
    decide->facts = kj_flat_create(facts);
    decide->done = done;
    decide->arg = arg;
    decide->pack = kj_script_version(script, pack);
    struct kj_judged *judged = &decide->judged;
    if (decide->pack) {
        kj_pack_ref(decide->pack);
        decide->errand.work.together = script->limits.locked ? decide->pack : NULL;
    } else {
        judged->status =
            kj_fault(&judged->fault, KJ_ENOTFOUND, pack, "list the packs with rules.list",
                     "there is no rule pack \"%s\"", pack);
    }
    int status = kj_errand_start(&decide->errand);
    if (status) { // too many wait already: say so, but not from inside this call
        judged->status = kj_fault(&judged->fault, status, pack, "try again later",
                                  "more evaluations wait than may");
        decide->errand.work.task.run = decide_full;
        kj_loop_post(script->loop, &decide->errand.work.task);
    }
}

// --- tests ---

bson_t *kj_script_test(struct kj_script *script, const char *only, struct kj_fault *fault)
{
    bson_t *out = bson_new(), array = BSON_INITIALIZER;
    struct kj_doc_list failed = {.array = &array};
    struct kj_ruleset *set = NULL;
    int64_t tests = 0, count;
    int status = kj_ruleset_build(script->dir, only, &script->limits, NULL, false, &set, fault);
    struct kj_map *maps[2] = {status ? NULL : &set->packs, status ? NULL : &set->hooks};
    for (int i = 0; i < 2 && status == 0; i++) {
        size_t at = 0;
        const char *name;
        void *pack;
        while (status == 0 && kj_map_next(maps[i], &at, &name, &pack)) {
            status = kj_pack_run_tests(pack, &failed, &count, fault);
            tests += count;
        }
    }
    kj_doc_put_int(out, "tests", tests);
    kj_doc_put_array(out, "failed", &array);
    bson_destroy(&array);
    kj_ruleset_unref(set);
    if (status) {
        kj_doc_clear(&out);
    }
    return out;
}
