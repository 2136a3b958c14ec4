// The script room, faked: every call gets the same plan; a hook is a list of steps, one after the
// other, that ends (or asks for a retry) at the first that fails.
#include "fake_world.h"

struct fake_decision {
    struct kj_task task;
    struct fake_decision *next;
    struct world *world;
    kj_script_decided *done;
    void *arg;
};

struct fake_hook {
    struct kj_task task;
    struct fake_hook *next;
    struct world *world;
    struct kj_hook_ports ports;
    void *arg;
    bson_t *recorded;
    size_t at;
    uint64_t token; // of the step that is asked
    bool failed, posted;
};

// --- decisions ---

static void decision_end(struct fake_decision *decision, int status)
{
    struct fake_decision **at = &decision->world->script.decisions;
    struct kj_fault fault;
    while (*at != decision)
        at = &(*at)->next;
    *at = decision->next;
    kj_fault(&fault, status, "p.lua:1", NULL, "says the script");
    bson_t *plan = status == KJ_OK ? json("%s", decision->world->plan) : NULL;
    decision->done(decision->arg, status, plan, status == KJ_OK ? NULL : &fault);
    kj_doc_clear(&plan);
    free(decision);
}

static void decision_task(struct kj_task *task)
{
    struct fake_decision *decision = (struct fake_decision *)task;
    if (!decision->world->dead) // else it ends with the life
        decision_end(decision, decision->world->decide_status);
}

void kj_script_decide(struct kj_script *script, const char *pack, const bson_t *facts,
                      kj_script_decided *done, void *arg)
{
    struct world *world = script->world;
    struct fake_decision *decision = KJ_NEW(struct fake_decision);
    assert_string_equal(pack, "p");
    kj_doc_clear(&world->last_facts);
    world->last_facts = bson_copy(facts);
    world->decided++;
    *decision = (struct fake_decision){{NULL, decision_task}, script->decisions, world, done, arg};
    script->decisions = decision;
    kj_loop_post(world->loop, &decision->task);
}

bson_t *kj_script_describe(const struct kj_script *script, const char *pack)
{
    (void)pack;
    return script->world->about ? json("%s", script->world->about) : NULL;
}

const bson_t *kj_script_about(const struct kj_script *script, const char *pack)
{
    kj_doc_clear(&script->world->last_about);
    script->world->last_about = kj_script_describe(script, pack);
    return script->world->last_about;
}

bson_t *kj_script_list(const struct kj_script *script)
{
    return script->world->about ? json("{\"packs\": [{\"name\": \"p\"}]}") : bson_new();
}

// --- hooks ---

bson_t *kj_script_hooks_on(const struct kj_script *script, const char *event)
{
    const char *heard = script->world->hook_event;
    return heard && strcmp(heard, event) == 0 ? json("{\"hooks\": [\"h.lua:1\"]}") : bson_new();
}

static void hook_end(struct fake_hook *hook, int status)
{
    struct fake_hook **at = &hook->world->script.hooks;
    struct kj_fault fault;
    while (*at != hook)
        at = &(*at)->next;
    *at = hook->next;
    if (hook->posted)
        kj_loop_unpost(hook->world->loop, &hook->task);
    const char *retry = hook->failed ? hook->world->hook_retry : NULL;
    bson_t *result = json("%s", retry ? retry : "{\"outcome\": \"done\"}");
    kj_fault(&fault, status, "h.lua:1", NULL, "says the script");
    hook->ports.done(hook->arg, status, status == KJ_OK ? result : NULL,
                     status == KJ_OK ? NULL : &fault);
    kj_doc_clear(&hook->recorded);
    bson_destroy(result);
    free(hook);
}

static void go_on(struct kj_task *task)
{
    struct fake_hook *hook = (struct fake_hook *)task;
    struct world *world = hook->world;
    hook->posted = false;
    if (world->dead)
        return;
    for (; hook->at < KJ_COUNT(world->hook_steps) && !hook->failed; hook->at++) {
        const struct fake_step *step = &world->hook_steps[hook->at];
        bson_t known;
        bson_iter_t at;
        if (step->key == NULL)
            break;
        if (bson_iter_init_find(&at, hook->recorded, step->key)) {
            assert_true(kj_doc_at(&at, &known));
            hook->failed = !kj_doc_bool(&known, "ok", false);
            continue;
        }
        bson_t *args = json("%s", step->args ? step->args : "{}");
        struct kj_hook_step wanted = {step->key, step->verb, args, 0};
        hook->token = ++world->script.last_token;
        hook->at++;
        hook->ports.step(hook->arg, hook->token, &wanted);
        bson_destroy(args);
        return;
    }
    hook_end(hook, KJ_OK);
}

int kj_hook_run(struct kj_script *script, const char *name, const bson_t *event,
                const bson_t *recorded, const struct kj_hook_ports *ports, void *arg,
                struct kj_fault *fault)
{
    struct world *world = script->world;
    struct fake_hook *hook = KJ_NEW(struct fake_hook);
    (void)fault;
    (void)event;
    assert_string_equal(name, "h.lua:1");
    *hook = (struct fake_hook){.task = {NULL, go_on},
                               .next = script->hooks,
                               .world = world,
                               .ports = *ports,
                               .arg = arg,
                               .recorded = recorded ? bson_copy(recorded) : bson_new(),
                               .posted = true};
    script->hooks = hook;
    world->hook_runs++;
    kj_loop_post(world->loop, &hook->task);
    return KJ_OK;
}

void kj_hook_answer(struct kj_script *script, uint64_t token, const bson_t *answer)
{
    for (struct fake_hook *hook = script->hooks; hook; hook = hook->next)
        if (hook->token == token) {
            hook->token = 0;
            hook->failed = !kj_doc_bool(answer, "ok", false);
            hook->posted = true;
            kj_loop_post(hook->world->loop, &hook->task);
            return;
        }
}

void fake_script_end(struct world *world)
{
    while (world->script.decisions) {
        kj_loop_unpost(world->loop, &world->script.decisions->task);
        decision_end(world->script.decisions, KJ_ECANCELED);
    }
    while (world->script.hooks)
        hook_end(world->script.hooks, KJ_ECANCELED);
}

// --- versions: not used by what is tested on this fake ---

void kj_script_stage(struct kj_script *script, const bson_t *sources, const char *path,
                     kj_script_loaded *done, void *arg)
{
    (void)script;
    (void)sources;
    (void)path;
    (void)done;
    (void)arg;
    fail();
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
    fail();
}
