// The service: loading, atomic reload, judging and hooks; at once without a loop, deferred with a
// virtual clock, on threads with the system's clock.
#include "pack_fake.h"

#include "script/script.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

struct world {
    char dir[64];
    struct kj_clock clock;
    struct kj_loop *loop;
    struct kj_script *script;
    int loads, decisions, status, wanted;
    int64_t score;
    struct kj_fault fault;
    bson_t *result, *plan;
    bool stopping;
};

static void write_file(struct world *world, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", world->dir, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void begin(struct world *world, int threads)
{
    char path[128];
    memset(world, 0, sizeof *world);
    snprintf(world->dir, sizeof world->dir, "/tmp/kejue-script-XXXXXX");
    assert_non_null(mkdtemp(world->dir));
    static const char *const folders[] = {"rules", "hooks", "lib"};
    for (size_t i = 0; i < KJ_COUNT(folders); i++) {
        snprintf(path, sizeof path, "%s/%s", world->dir, folders[i]);
        assert_int_equal(mkdir(path, 0700), 0);
    }
    if (threads == 0) {
        kj_clock_init_virtual(&world->clock, 1000);
    } else if (threads > 0) {
        kj_clock_init_system(&world->clock);
    }
    if (threads >= 0) {
        assert_int_equal(kj_loop_create(&world->clock, &world->loop, NULL), 0);
    }
    struct kj_script_config config = {.loop = world->loop, .dir = world->dir, .threads = threads};
    assert_int_equal(kj_script_create(&config, &world->script, NULL), 0);
}

static void end(struct world *world)
{
    char command[128];
    kj_script_destroy(world->script);
    if (world->loop) {
        kj_loop_destroy(world->loop);
    }
    kj_doc_clear(&world->result);
    kj_doc_clear(&world->plan);
    snprintf(command, sizeof command, "rm -r %s", world->dir);
    assert_int_equal(system(command), 0);
}

static void maybe_stop(struct world *world)
{
    if (world->loop && world->loads + world->decisions >= world->wanted) {
        kj_loop_stop(world->loop);
    }
}

static void run(struct world *world, int wanted)
{
    world->wanted = world->loads + world->decisions + wanted;
    if (world->loop) {
        kj_loop_run(world->loop);
    }
}

static void on_loaded(void *arg, int status, const bson_t *result, const struct kj_fault *fault)
{
    struct world *world = arg;
    world->loads++;
    world->status = status;
    kj_doc_clear(&world->result);
    world->result = result ? bson_copy(result) : NULL;
    if (fault) {
        world->fault = *fault;
    }
    maybe_stop(world);
}

static void on_decided(void *arg, int status, const bson_t *plan, const struct kj_fault *fault)
{
    struct world *world = arg;
    world->decisions++;
    world->status = status;
    kj_doc_clear(&world->plan);
    world->plan = plan ? bson_copy(plan) : NULL;
    world->score = plan ? kj_doc_int(plan, "score", -1) : -1;
    if (fault) {
        world->fault = *fault;
    }
    maybe_stop(world);
}

static void decide(struct world *world)
{
    bson_t *facts = fake_facts(NULL);
    kj_script_decide(world->script, "p", facts, on_decided, world);
    bson_destroy(facts);
}

static const char k_one[] = "return kejue.rules { name = \"p\", score = function() return 1 end }";
static const char k_two[] = "return kejue.rules { name = \"p\", score = function() return 2 end }";
static const char k_broken[] = "return kejue.rules { name = \"p\", score = 5 }";
static const char k_test_of_two[] =
    "return kejue.tests { pack = \"p\", { \"two\", plan = { score = 2 } } }";

static void a_reload_is_all_or_nothing(void **state)
{
    (void)state;
    struct world world;
    begin(&world, -1);
    write_file(&world, "rules/p.lua", k_one);
    decide(&world);
    assert_int_equal(world.status, KJ_ENOTFOUND);
    kj_script_load(world.script, NULL, false, on_loaded, &world);
    assert_int_equal(world.status, 0);
    assert_true(kj_doc_bool(world.result, "packs.0.changed", false));
    decide(&world);
    assert_int_equal(world.score, 1);
    // A file that is wrong, and one whose test fails, change nothing.
    write_file(&world, "rules/q.lua", k_broken);
    write_file(&world, "rules/p.lua", k_two);
    kj_script_load(world.script, NULL, false, on_loaded, &world);
    assert_int_not_equal(world.status, 0);
    assert_string_equal(world.fault.place, "rules/q.lua:1");
    decide(&world);
    assert_int_equal(world.score, 1);
    write_file(&world, "rules/q.lua", "return kejue.rules { name = \"q\" }");
    write_file(&world, "rules/p.lua", k_one);
    write_file(&world, "rules/p_test.lua", k_test_of_two);
    kj_script_load(world.script, NULL, false, on_loaded, &world);
    assert_int_equal(world.status, KJ_ESTATE);
    assert_string_equal(world.fault.place, "rules/p_test.lua:1");
    assert_non_null(strstr(world.fault.text, "\"two\" failed: score is 1, expected 2"));
    // Checked only: tells, but does not swap.
    write_file(&world, "rules/p.lua", k_two);
    kj_script_load(world.script, NULL, true, on_loaded, &world);
    assert_int_equal(world.status, 0);
    assert_int_equal(kj_doc_int(world.result, "packs.0.tests", 0), 1);
    decide(&world);
    assert_int_equal(world.score, 1);
    kj_script_load(world.script, "p", false, on_loaded, &world);
    assert_int_equal(world.status, 0);
    decide(&world);
    assert_int_equal(world.score, 2);
    kj_script_load(world.script, "nobody", false, on_loaded, &world);
    assert_int_equal(world.status, KJ_ENOTFOUND);
    bson_t *about = kj_script_describe(world.script, "p"), without = BSON_INITIALIZER;
    bson_iter_t sources, file;
    assert_true(bson_iter_init_find(&sources, about, "sources") &&
                bson_iter_recurse(&sources, &file) && bson_iter_find(&file, "rules/p.lua"));
    assert_string_equal(bson_iter_utf8(&file, NULL), k_two);
    kj_doc_put_null(&without, "sources");
    bson_t *rest = kj_doc_with(about, &without);
    assert_true(bson_equal(rest, kj_script_about(world.script, "p")));
    bson_destroy(rest);
    bson_destroy(&without);
    bson_destroy(about);
    assert_null(kj_script_describe(world.script, "nobody"));
    assert_null(kj_script_about(world.script, "nobody"));
    end(&world);
}

// The same plan, but for the reasons.
static void a_terse_script_explains_nothing(void **state)
{
    static const char k_rows[] =
        "return kejue.rules { name = \"p\", score = function(c) return c.call.attempt end,\n"
        "  tags = { { \"often\", function(c) return c.call.attempt > 1 end },\n"
        "           { \"any\", function(c) return c.vars.n == nil end } },\n"
        "  variables = { n = { type = \"integer\", guidance = \"?\", ask = { en = \"How?\" } } } }";
    struct world world;
    bson_t none = BSON_INITIALIZER, *plans[2];
    (void)state;
    begin(&world, -1);
    write_file(&world, "rules/p.lua", k_rows);
    for (int terse = 0; terse < 2; terse++) {
        struct kj_script_config config = {.dir = world.dir, .terse = terse};
        kj_script_destroy(world.script);
        assert_int_equal(kj_script_create(&config, &world.script, NULL), 0);
        kj_script_load(world.script, NULL, false, on_loaded, &world);
        assert_int_equal(world.status, 0);
        decide(&world);
        assert_int_equal(world.status, 0);
        plans[terse] = bson_copy(world.plan);
    }
    assert_true(kj_doc_count(plans[0], "explain") > 0);
    assert_true(kj_doc_has(plans[1], "explain"));
    assert_int_equal(kj_doc_count(plans[1], "explain"), 0);
    kj_doc_put_null(&none, "explain");
    for (int i = 0; i < 2; i++) {
        bson_t *rest = kj_doc_with(plans[i], &none);
        bson_destroy(plans[i]);
        plans[i] = rest;
    }
    assert_true(bson_equal(plans[0], plans[1]));
    bson_destroy(plans[0]);
    bson_destroy(plans[1]);
    bson_destroy(&none);
    end(&world);
}

static void a_virtual_clock_defers_and_keeps_order(void **state)
{
    (void)state;
    struct world world;
    begin(&world, 0);
    write_file(&world, "rules/p.lua", k_one);
    kj_script_load(world.script, NULL, false, on_loaded, &world);
    decide(&world); // judged by what is loaded now: nothing
    assert_int_equal(world.loads + world.decisions, 0);
    run(&world, 2);
    assert_int_equal(world.decisions, 1);
    decide(&world);
    write_file(&world, "rules/p.lua", k_two);
    kj_script_load(world.script, NULL, false, on_loaded, &world);
    run(&world, 2); // the evaluation keeps the version it began with
    assert_int_equal(world.score, 1);
    decide(&world);
    run(&world, 1);
    assert_int_equal(world.score, 2);
    end(&world);
}

static void threads_judge_while_packs_are_reloaded(void **state)
{
    (void)state;
    struct world world;
    begin(&world, 3);
    write_file(&world, "rules/p.lua", k_one);
    kj_script_load(world.script, NULL, false, on_loaded, &world);
    run(&world, 1);
    for (int round = 0; round < 10; round++) {
        write_file(&world, "rules/p.lua", round % 2 ? k_one : k_two);
        kj_script_load(world.script, NULL, false, on_loaded, &world);
        for (int i = 0; i < 40; i++) {
            decide(&world);
        }
        run(&world, 41);
        assert_int_equal(world.status, 0);
    }
    assert_int_equal(world.decisions, 400);
    for (int i = 0; i < 50; i++) {
        decide(&world);
    }
    kj_script_destroy(world.script); // every callback comes, also when we stop
    world.script = NULL;
    assert_int_equal(world.decisions, 450);
    end(&world);
}

// --- versions beside what is loaded ---

static void stage(struct world *world, const char *text, const char *path)
{
    bson_t sources = BSON_INITIALIZER;
    kj_doc_put_text(&sources, "rules/p.lua", text);
    kj_script_stage(world->script, &sources, path, on_loaded, world);
    bson_destroy(&sources);
}

static void decide_by(struct world *world, const char *version)
{
    bson_t *facts = fake_facts(NULL);
    kj_script_decide(world->script, version, facts, on_decided, world);
    bson_destroy(facts);
}

static void a_version_is_known_by_its_hash(void **state)
{
    (void)state;
    struct world world;
    char two[65], hash[65];
    begin(&world, -1);
    write_file(&world, "rules/p.lua", k_one);
    kj_script_load(world.script, NULL, false, on_loaded, &world);
    snprintf(hash, sizeof hash, "%s", kj_doc_text(world.result, "packs.0.hash", ""));
    stage(&world, k_two, "rules/p.lua");
    assert_int_equal(world.status, 0);
    assert_string_equal(kj_doc_text(world.result, "name", ""), "p");
    snprintf(two, sizeof two, "%s", kj_doc_text(world.result, "hash", ""));
    decide(&world);
    assert_int_equal(world.score, 1); // what is loaded stays what it was
    decide_by(&world, two);
    assert_int_equal(world.score, 2);
    decide_by(&world, hash);
    assert_int_equal(world.score, 1);
    assert_true(kj_script_has(world.script, "p") && kj_script_has(world.script, hash));
    bson_t *about = kj_script_describe(world.script, two);
    assert_string_equal(kj_doc_text(about, "hash", ""), two);
    bson_destroy(about);
    // What is wrong is told, and kept nowhere.
    stage(&world, k_broken, "rules/p.lua");
    assert_string_equal(world.fault.place, "rules/p.lua:1");
    stage(&world, k_two, "rules/q.lua");
    assert_int_equal(world.status, KJ_EINVAL);
    stage(&world, k_two, "hooks/p.lua");
    assert_int_equal(world.status, KJ_EINVAL);
    // The same sources are the same version once they are loaded, and the last few are kept.
    write_file(&world, "rules/p.lua", k_two);
    kj_script_load(world.script, NULL, false, on_loaded, &world);
    assert_string_equal(kj_doc_text(world.result, "packs.0.hash", ""), two);
    assert_false(kj_script_has(world.script, hash));
    for (int i = 0; i < 40; i++) {
        char text[128];
        snprintf(text, sizeof text,
                 "return kejue.rules { name = \"p\", score = function() return %d end }", 10 + i);
        stage(&world, text, "rules/p.lua");
        assert_int_equal(world.status, 0);
    }
    assert_true(kj_script_has(world.script, two) && kj_script_has(world.script, "p"));
    end(&world);
}

struct many {
    struct world *world;
    int64_t scores;
    size_t plans, ends;
    int status;
};

static void on_each(void *arg, size_t index, const bson_t *plan)
{
    struct many *many = arg;
    assert_int_equal(index, many->plans++);
    many->scores += kj_doc_int(plan, "score", 0);
}

static void on_many(void *arg, int status, const struct kj_fault *fault)
{
    struct many *many = arg;
    assert_int_equal(fault != NULL, status != 0);
    many->ends++;
    many->status = status;
    kj_loop_stop(many->world->loop);
}

static void many_are_judged_as_one_piece(void **state)
{
    (void)state;
    for (int threads = 0; threads < 3; threads += 2) { // a virtual clock, threads
        struct world world;
        const uint8_t *facts[50];
        bson_t *one = fake_facts(NULL);
        begin(&world, threads);
        struct many many = {.world = &world};
        struct kj_script_many wanted = {facts, 50, on_each, on_many, &many};
        for (size_t i = 0; i < KJ_COUNT(facts); i++) {
            facts[i] = bson_get_data(one);
        }
        write_file(&world, "rules/p.lua", k_two);
        kj_script_load(world.script, NULL, false, on_loaded, &world);
        run(&world, 1);
        kj_script_judge_many(world.script, "p", &wanted);
        assert_int_equal(many.ends, 0); // never from inside the call
        kj_loop_run(world.loop);
        assert_int_equal(many.ends, 1);
        assert_int_equal(many.status, 0);
        assert_int_equal(many.plans, 50);
        assert_int_equal(many.scores, 100);
        kj_script_judge_many(world.script, "nobody", &wanted);
        kj_loop_run(world.loop);
        assert_int_equal(many.status, KJ_ENOTFOUND);
        bson_destroy(one);
        end(&world);
    }
}

// --- hooks ---

struct ports {
    struct world *world;
    int steps, ends, status;
    uint64_t token;
    bool at_once;
    char verb[64], result[256];
};

static void on_step(void *arg, uint64_t token, const struct kj_hook_step *step)
{
    struct ports *ports = arg;
    ports->steps++;
    ports->token = token;
    snprintf(ports->verb, sizeof ports->verb, "%s/%s", step->verb, step->key);
    if (ports->at_once) {
        bson_t answer = BSON_INITIALIZER, result = BSON_INITIALIZER;
        kj_doc_put_bool(&answer, "ok", true);
        kj_doc_put_int(&result, "n", ports->steps);
        kj_doc_put_doc(&answer, "result", &result);
        kj_hook_answer(ports->world->script, token, &answer);
        bson_destroy(&result);
        bson_destroy(&answer);
    } else if (ports->world->loop) {
        kj_loop_stop(ports->world->loop);
    }
}

static void on_end(void *arg, int status, const bson_t *result, const struct kj_fault *fault)
{
    struct ports *ports = arg;
    struct kj_buf text;
    ports->ends++;
    ports->status = status;
    kj_buf_init(&text, 0);
    if (result) {
        kj_json_write(result, 0, &text);
    }
    snprintf(ports->result, sizeof ports->result, "%s",
             result  ? text.data
             : fault ? fault->text
                     : "");
    kj_buf_fini(&text);
    if (ports->world->loop) {
        kj_loop_stop(ports->world->loop);
    }
}

static const struct kj_hook_ports k_ports = {on_step, on_end};
static const char k_hook[] =
    "return kejue.hook { on = \"call.analyzed\", uses = { \"a.b\" }, run = function(ev)\n"
    "  local one = kejue.call(\"a.b\", {}, { key = \"one\" })\n"
    "  kejue.sleep(\"30s\")\n"
    "  local two = kejue.call(\"a.b\", {}, { key = \"two\" })\n"
    "  return one.n * 10 + two.n\n"
    "end }";

static void start_hook(struct ports *ports)
{
    bson_t event = BSON_INITIALIZER;
    struct kj_fault fault;
    assert_int_equal(
        kj_hook_run(ports->world->script, "h.lua:1", &event, NULL, &k_ports, ports, &fault), 0);
    bson_destroy(&event);
}

static void hooks_run_without_a_loop(void **state)
{
    (void)state;
    struct world world;
    begin(&world, -1);
    struct ports ports = {.world = &world, .at_once = true};
    write_file(&world, "hooks/h.lua", k_hook);
    kj_script_load(world.script, NULL, false, on_loaded, &world);
    assert_int_equal(world.status, 0);
    bson_t *hooks = kj_script_hooks_on(world.script, "call.analyzed");
    assert_string_equal(kj_doc_text(hooks, "hooks.0", ""), "h.lua:1");
    bson_destroy(hooks);
    start_hook(&ports);
    assert_int_equal(ports.ends, 1);
    assert_string_equal(ports.result, "{\"outcome\":\"done\",\"value\":12}");
    struct kj_fault fault;
    bson_t event = BSON_INITIALIZER;
    assert_int_equal(kj_hook_run(world.script, "h.lua:2", &event, NULL, &k_ports, &ports, &fault),
                     KJ_ENOTFOUND);
    assert_int_equal(kj_hook_run(world.script, "none", &event, NULL, &k_ports, &ports, &fault),
                     KJ_ENOTFOUND);
    end(&world);
}

// Which of the two would run its jobs? Also within one file.
static void a_kind_is_declared_once(void **state)
{
    (void)state;
    static const char k_one[] = "\nreturn kejue.kind { name = \"follow\", run = function() end }";
    static const char k_two[] = "return { kejue.kind { name = \"note\", run = function() end },\n  "
                                "kejue.kind { name = \"note\", run = function() end } }";
    struct world world;
    begin(&world, -1);
    write_file(&world, "hooks/a.lua", k_one);
    kj_script_load(world.script, NULL, false, on_loaded, &world);
    assert_int_equal(world.status, 0);
    write_file(&world, "hooks/b.lua", k_one);
    kj_script_load(world.script, NULL, false, on_loaded, &world);
    assert_int_equal(world.status, KJ_EEXISTS);
    assert_string_equal(world.fault.place, "hooks/b.lua:2");
    assert_non_null(strstr(world.fault.text, "\"follow\" is declared by hooks/a.lua:2 already"));
    write_file(&world, "hooks/b.lua", k_two);
    kj_script_load(world.script, NULL, false, on_loaded, &world);
    assert_int_equal(world.status, KJ_EEXISTS);
    assert_non_null(strstr(world.fault.text, "\"note\" is declared by hooks/b.lua:1 already"));
    end(&world);
}

static void on_idle(void *arg)
{
    struct world *world = arg;
    kj_loop_stop(world->loop);
}

static void hooks_wait_on_the_virtual_clock(void **state)
{
    (void)state;
    struct world world;
    begin(&world, 0);
    struct ports ports = {.world = &world, .at_once = true};
    write_file(&world, "hooks/h.lua", k_hook);
    kj_script_load(world.script, NULL, false, on_loaded, &world);
    run(&world, 1);
    start_hook(&ports);
    assert_int_equal(ports.steps, 0); // never from inside the call
    kj_loop_release(world.loop, 100000, on_idle, &world);
    kj_loop_run(world.loop);
    assert_string_equal(ports.result, "{\"outcome\":\"done\",\"value\":12}");
    assert_int_equal(kj_loop_now(world.loop), 31000);
    end(&world);
}

static void hooks_are_canceled_when_the_service_ends(void **state)
{
    (void)state;
    for (int threads = 0; threads < 3; threads++) {
        struct world world;
        begin(&world, threads);
        struct ports ports = {.world = &world};
        write_file(&world, "hooks/h.lua", k_hook);
        kj_script_load(world.script, NULL, false, on_loaded, &world);
        run(&world, 1);
        start_hook(&ports);
        kj_loop_run(world.loop); // until the first step
        assert_int_equal(ports.steps, 1);
        kj_script_destroy(world.script);
        world.script = NULL;
        assert_int_equal(ports.ends, 1);
        assert_int_equal(ports.status, KJ_ECANCELED);
        end(&world);
    }
}

static void tests_are_run_and_failures_told(void **state)
{
    (void)state;
    struct world world;
    struct kj_fault fault = {0};
    begin(&world, -1);
    write_file(&world, "rules/p.lua", k_one);
    write_file(&world, "rules/p_test.lua",
               "return kejue.tests { pack = \"p\",\n { \"right\", plan = { score = 1 } },\n"
               " { \"wrong\", plan = { score = 2 } },\n { \"odd\", c = { led = {} }, plan = {} },\n"
               " { \"none\", plan = { template = kejue.none, success = kejue.none } } }");
    bson_t *result = kj_script_test(world.script, NULL, &fault);
    assert_non_null(result);
    assert_int_equal(kj_doc_int(result, "tests", 0), 4);
    assert_string_equal(kj_doc_text(result, "failed.0.file", ""), "rules/p_test.lua:3");
    assert_string_equal(kj_doc_text(result, "failed.0.text", ""), "score is 1, expected 2");
    assert_non_null(strstr(kj_doc_text(result, "failed.1.text", ""), "did you mean \"lead\"?"));
    assert_string_equal(kj_doc_text(result, "failed.2.text", ""),
                        "success is \"not_applicable\", expected nothing");
    assert_int_equal(kj_doc_count(result, "failed"), 3);
    bson_destroy(result);
    write_file(&world, "rules/p_test.lua", "return kejue.tests { pack = \"q\" }");
    assert_null(kj_script_test(world.script, "p", &fault));
    assert_string_equal(fault.place, "rules/p_test.lua:1");
    end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reload_is_all_or_nothing),
        cmocka_unit_test(a_terse_script_explains_nothing),
        cmocka_unit_test(a_virtual_clock_defers_and_keeps_order),
        cmocka_unit_test(threads_judge_while_packs_are_reloaded),
        cmocka_unit_test(a_version_is_known_by_its_hash),
        cmocka_unit_test(many_are_judged_as_one_piece),
        cmocka_unit_test(hooks_run_without_a_loop),
        cmocka_unit_test(a_kind_is_declared_once),
        cmocka_unit_test(hooks_wait_on_the_virtual_clock),
        cmocka_unit_test(hooks_are_canceled_when_the_service_ends),
        cmocka_unit_test(tests_are_run_and_failures_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
