// The script room, in the simulation's terms: a plan by the call's keyed dice, at the next turn.
#include "sim.h"

struct sim_decision {
    struct kj_task task;
    struct sim_decision *next;
    struct sim_host *host;
    char key[64];
    kj_script_decided *done;
    void *arg;
};

static void decision_end(struct sim_decision *decision, int status)
{
    struct sim_decision **at = &decision->host->script.decisions;
    struct kj_rng rng;
    struct kj_fault fault;
    bson_t plan = BSON_INITIALIZER, part = BSON_INITIALIZER;
    while (*at != decision)
        at = &(*at)->next;
    *at = decision->next;
    kj_rng_keyed(&rng, decision->host->sim->plan->seed, decision->key, 3);
    int64_t dice = kj_rng_range(&rng, 1, 10);
    kj_fault(&fault, status, "p.lua:1", NULL, "says the script");
    kj_doc_put_text(&plan, "success", "Interested");
    if (dice == 1) {
        kj_doc_put_text(&part, "reason", "said so");
        kj_doc_put_doc(&plan, "opt_out", &part);
    } else if (dice <= 5) {
        kj_doc_put_text(&part, "name", "hello");
        kj_doc_put_doc(&plan, "template", &part);
    }
    decision->done(decision->arg, status, status == KJ_OK ? &plan : NULL,
                   status == KJ_OK ? NULL : &fault);
    bson_destroy(&plan);
    bson_destroy(&part);
    free(decision);
}

static void decision_task(struct kj_task *task)
{
    struct sim_decision *decision = (struct sim_decision *)task;
    if (!decision->host->doomed) // else it ends with the life
        decision_end(decision, KJ_OK);
}

void kj_script_decide(struct kj_script *script, const char *pack, const bson_t *facts,
                      kj_script_decided *done, void *arg)
{
    struct sim_decision *decision = KJ_NEW(struct sim_decision);
    (void)pack;
    *decision = (struct sim_decision){
        {NULL, decision_task}, script->decisions, script->host, "", done, arg};
    kj_copy(decision->key, sizeof decision->key, kj_doc_text(facts, "call.id", ""));
    script->decisions = decision;
    kj_loop_post(script->host->loop, &decision->task);
}

void sim_rules_end(struct sim_host *host)
{
    while (host->script.decisions)
        decision_end(host->script.decisions, KJ_ECANCELED);
}

bson_t *kj_script_describe(const struct kj_script *script, const char *pack)
{
    (void)script;
    bson_t *about = bson_new();
    kj_doc_put_text(about, "name", pack);
    kj_doc_put_text(about, "hash", "h");
    return about;
}

// Neither questions nor a preselection, and no level that succeeds.
const bson_t *kj_script_about(const struct kj_script *script, const char *pack)
{
    static const uint8_t nothing[5] = {5};
    static bson_t about;
    (void)script;
    (void)pack;
    bson_init_static(&about, nothing, sizeof nothing);
    return &about;
}

bson_t *kj_script_list(const struct kj_script *script)
{
    bson_t *list = bson_new(), packs = BSON_INITIALIZER, pack = BSON_INITIALIZER;
    (void)script;
    kj_doc_put_text(&pack, "name", "p");
    kj_doc_put_doc(&packs, "0", &pack);
    kj_doc_put_array(list, "packs", &packs);
    bson_destroy(&packs);
    bson_destroy(&pack);
    return list;
}

bson_t *kj_script_hooks_on(const struct kj_script *script, const char *event)
{
    (void)script;
    (void)event;
    return NULL;
}

int kj_hook_run(struct kj_script *script, const char *name, const bson_t *event,
                const bson_t *recorded, const struct kj_hook_ports *ports, void *arg,
                struct kj_fault *fault)
{
    (void)script;
    (void)event;
    (void)recorded;
    (void)ports;
    (void)arg;
    return kj_fault(fault, KJ_ENOTFOUND, name, NULL, "no hook declares this");
}

void kj_hook_answer(struct kj_script *script, uint64_t token, const bson_t *answer)
{
    (void)script;
    (void)token;
    (void)answer;
}

void kj_script_stage(struct kj_script *script, const bson_t *sources, const char *path,
                     kj_script_loaded *done, void *arg)
{
    (void)script;
    (void)sources;
    (void)path;
    (void)done;
    (void)arg;
    abort(); // there is one version of the rules here
}

bool kj_script_has(const struct kj_script *script, const char *name)
{
    (void)script;
    (void)name;
    return true;
}

void kj_script_judge_many(struct kj_script *script, const char *pack,
                          const struct kj_script_many *many)
{
    (void)script;
    (void)pack;
    (void)many;
    abort(); // nothing is judged again here
}
