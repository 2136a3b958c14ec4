// The world: lives of the engine, the store's front with its faults, documents.
#include "fake_world.h"

#include "doc/json.h"

struct fake_failing {
    struct kj_task task;
    struct fake_failing *next;
    struct world *world;
    struct kj_store_request *request;
};

// A request on its way through the front.
struct passing {
    struct world *world;
    bool crash;
    void (*done)(struct kj_store_request *request);
    void *arg;
};

int64_t world_now(const struct world *world)
{
    return kj_loop_now(world->loop);
}

// --- the end of a life ---

static void crash_now(struct world *world)
{
    struct kj_engine *engine = world->engine;
    world->dead = true;
    if (engine == NULL)
        return;
    world->engine = NULL;
    kj_loop_unpost(world->loop, &world->crash_task);
    kj_engine_destroy(engine);
    fake_host_end(world);
    fake_script_end(world);
    while (world->swallowed) {
        struct kj_store_request *request = world->swallowed;
        world->swallowed = request->next;
        for (size_t i = 0; i < request->n_ops; i++)
            request->ops[i].status = KJ_ECANCELED;
        request->done(request);
        kj_store_discard(request);
    }
    if (!world->no_restart)
        kj_timer_start(world->loop, &world->restart, world->faults.down_ms);
}

static void crash_task(struct kj_task *task)
{
    crash_now((struct world *)((char *)task - offsetof(struct world, crash_task)));
}

void fake_die(struct world *world)
{
    if (world->dead)
        return;
    world->dead = true;
    kj_loop_post(world->loop, &world->crash_task);
}

bool fake_step(struct world *world, bool *after)
{
    struct fake_faults *faults = &world->faults;
    faults->steps++;
    if (faults->steps == world->at_step)
        world->on_step(world);
    bool hit = faults->steps == faults->crash_at;
    bool behind = faults->crash_after;
    if (faults->crash_one_in &&
        kj_rng_range(&faults->rng, 1, faults->crash_one_in) == faults->crash_one_in) {
        hit = true;
        behind = kj_rng_range(&faults->rng, 0, 1) == 1;
    }
    *after = hit && behind;
    return hit && !behind;
}

// --- the store's front ---

static void on_passed(struct kj_store_request *request)
{
    struct passing *passing = request->arg;
    struct world *world = passing->world;
    request->done = passing->done;
    request->arg = passing->arg;
    if (passing->crash || world->dead)
        crash_now(world);
    free(passing);
    request->done(request);
}

static void fail_task(struct kj_task *task)
{
    struct fake_failing *failing = (struct fake_failing *)task, **at = &failing->world->failing;
    struct kj_store_request *request = failing->request;
    while (*at != failing)
        at = &(*at)->next;
    *at = failing->next;
    kj_fault(&request->fault, KJ_EUNAVAILABLE, "store", NULL, "the test says so");
    for (size_t i = 0; i < request->n_ops; i++)
        request->ops[i].status = KJ_EUNAVAILABLE;
    request->done(request);
    kj_store_discard(request);
    free(failing);
}

static bool fails(struct world *world)
{
    struct fake_faults *faults = &world->faults;
    faults->requests++;
    if (faults->fail_from && faults->requests >= faults->fail_from &&
        faults->requests <= faults->fail_until)
        return true;
    if (world_now(world) < faults->away_until)
        return true;
    return faults->fail_one_in &&
           kj_rng_range(&faults->rng, 1, faults->fail_one_in) == faults->fail_one_in;
}

static void front_submit(struct kj_store *store, struct kj_store_request *request)
{
    struct world *world = (struct world *)((char *)store - offsetof(struct world, front));
    bool after;
    if (!world->dead && fake_step(world, &after))
        fake_die(world);
    if (world->dead) {
        request->next = world->swallowed;
        world->swallowed = request;
        return;
    }
    if (fails(world)) {
        struct fake_failing *failing = KJ_NEW(struct fake_failing);
        *failing = (struct fake_failing){{NULL, fail_task}, world->failing, world, request};
        world->failing = failing;
        kj_loop_post(world->loop, &failing->task);
        return;
    }
    struct passing *passing = KJ_NEW(struct passing);
    *passing = (struct passing){world, after, request->done, request->arg};
    request->done = on_passed;
    request->arg = passing;
    kj_store_submit(world->sqlite, request);
}

static void front_destroy(struct kj_store *store)
{
    (void)store;
}

static void front_adopt(struct kj_store *store, const char *host)
{
    struct world *world = (struct world *)((char *)store - offsetof(struct world, front));
    kj_copy(world->adopted, sizeof world->adopted, host);
}

static const struct kj_store_class k_front = {"front", front_submit, front_destroy, front_adopt};

// --- lives ---

static void on_started(void *arg, int status)
{
    struct world *world = arg;
    world->started = true;
    world->start_status = status;
    if (status != KJ_OK && !world->dead) // as the daemon: ends, and is started again
        fake_die(world);
}

void world_live(struct world *world)
{
    struct kj_fault fault;
    world->dead = world->started = false;
    world->lives++;
    world->config.loop = world->loop;
    world->config.store = &world->front;
    world->config.host = &world->host;
    world->config.script = &world->script;
    world->config.host_name = "here";
    world->config.seed = 7;
    assert_int_equal(kj_engine_create(&world->config, &world->engine, &fault), KJ_OK);
    kj_engine_start(world->engine, on_started, world);
}

static void on_restart(void *arg)
{
    world_live(arg);
}

static void on_event(void *arg, const bson_t *event)
{
    struct world *world = arg;
    const char *name = kj_doc_text(event, "name", "?");
    size_t used = strlen(world->events);
    if (used + strlen(name) + 2 < sizeof world->events)
        snprintf(world->events + used, sizeof world->events - used, "%s ", name);
}

static int64_t now_of(void *arg)
{
    return kj_loop_now(arg);
}

struct world *world_open_raw(void)
{
    struct world *world = KJ_NEW(struct world);
    struct kj_fault fault;
    kj_log_set_level(getenv("WORLD_LOG") ? KJ_LOG_DEBUG : KJ_LOG_ERROR + 1);
    kj_clock_init_virtual(&world->clock, WORLD_START);
    assert_int_equal(kj_loop_create(&world->clock, &world->loop, &fault), KJ_OK);
    struct kj_store_config config = {
        .path = ":memory:", .host = "here", .now = now_of, .now_arg = world->loop};
    assert_int_equal(kj_sqlite_create(world->loop, &config, &world->sqlite, &fault), KJ_OK);
    world->sqlite->on_event = on_event;
    world->sqlite->on_event_arg = world;
    world->front = (struct kj_store){.class = &k_front, .loop = world->loop};
    world->host.world = world->script.world = world;
    world->crash_task.run = crash_task;
    world->faults.down_ms = 1000;
    kj_timer_init(&world->restart, on_restart, world);
    kj_rng_keyed(&world->faults.rng, 1, "faults", 0);
    kj_buf_init(&world->log, 0);
    world->config.dials_per_second = 1000;
    world->plan = "{\"success\": \"Interested\", \"score\": 7}";
    world_put(world, KJ_GROUPS, json("{\"name\": \"g\", \"pack\": \"p\"}"));
    return world;
}

struct world *world_open(void)
{
    struct world *world = world_open_raw();
    world_live(world);
    world_pass(world, 0);
    return world;
}

void world_crash(struct world *world)
{
    crash_now(world);
}

void world_close(struct world *world)
{
    world->no_restart = true;
    crash_now(world);
    kj_timer_stop(world->loop, &world->restart);
    fake_reports_end(world);
    while (world->failing)
        fail_task(&world->failing->task);
    kj_store_destroy(world->sqlite);
    kj_loop_destroy(world->loop);
    kj_doc_clear(&world->last_place);
    kj_doc_clear(&world->last_facts);
    kj_doc_clear(&world->last_about);
    kj_buf_fini(&world->log);
    free(world);
}

static void on_idle(void *arg)
{
    kj_loop_stop(((struct world *)arg)->loop);
}

void world_pass(struct world *world, int64_t ms)
{
    kj_loop_release(world->loop, world_now(world) + ms, on_idle, world);
    kj_loop_run(world->loop);
}

// --- documents ---

bson_t *json(const char *format, ...)
{
    char text[8192];
    struct kj_fault fault;
    bson_t *doc = NULL;
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (kj_json_parse(text, strlen(text), NULL, &doc, NULL, &fault) != KJ_OK)
        fail_msg("%s: %s in %s", fault.place, fault.text, text);
    return doc;
}

struct read {
    int status;
    int64_t id;
    bson_t *doc, *all;
};

static void on_read(struct kj_store_request *request)
{
    struct read *read = request->arg;
    struct kj_store_op *op = &request->ops[0];
    struct kj_doc_list list = {read->all};
    read->status = op->status;
    read->id = op->new_id;
    if (op->n_docs && !read->all)
        read->doc = bson_copy(op->docs[0]);
    for (size_t i = 0; read->all && i < op->n_docs; i++)
        kj_doc_put_doc(read->all, kj_doc_next(&list), op->docs[i]);
}

int64_t world_put(struct world *world, enum kj_coll coll, bson_t *doc)
{
    struct read read = {0};
    struct kj_store_request *request = kj_store_request(1, "default", on_read, &read);
    request->ops[0].verb = KJ_STORE_INSERT;
    request->ops[0].coll = coll;
    kj_store_own_doc(request, 0, doc);
    kj_store_submit(world->sqlite, request);
    world_pass(world, 0);
    assert_int_equal(read.status, KJ_OK);
    return read.id;
}

bson_t *world_get(struct world *world, enum kj_coll coll, int64_t id, const char *key)
{
    struct read read = {0};
    kj_store_get(world->sqlite, "default", coll, id, key, on_read, &read);
    world_pass(world, 0);
    return read.doc;
}

bson_t *world_all(struct world *world, enum kj_coll coll)
{
    struct read read = {.all = bson_new()};
    struct kj_store_request *request = kj_store_request(1, "", on_read, &read);
    request->ops[0].verb = KJ_STORE_FIND;
    request->ops[0].coll = coll;
    request->ops[0].limit = 10000;
    kj_store_own_filter(request, 0, bson_new());
    kj_store_submit(world->sqlite, request);
    world_pass(world, 0);
    assert_int_equal(read.status, KJ_OK);
    return read.all;
}

void world_change(struct world *world, enum kj_coll coll, int64_t id, bson_t *changes)
{
    struct read read = {0};
    bson_t *doc = world_get(world, coll, id, NULL);
    assert_non_null(doc);
    struct kj_store_request *request = kj_store_request(1, "default", on_read, &read);
    request->ops[0].verb = KJ_STORE_REPLACE;
    request->ops[0].coll = coll;
    request->ops[0].id = id;
    request->ops[0].version = kj_doc_int(doc, "version", 0);
    kj_store_own_doc(request, 0, kj_doc_with(doc, changes));
    kj_store_submit(world->sqlite, request);
    world_pass(world, 0);
    assert_int_equal(read.status, KJ_OK);
    bson_destroy(doc);
    bson_destroy(changes);
}

void assert_text(struct world *world, enum kj_coll coll, int64_t id, const char *path,
                 const char *expected)
{
    bson_t *doc = world_get(world, coll, id, NULL);
    assert_non_null(doc);
    const char *is = kj_doc_text(doc, path, "(none)");
    if (!kj_streq(is, expected)) {
        struct kj_buf text;
        kj_buf_init(&text, 0);
        kj_json_write(doc, 0, &text);
        print_error("%s is \"%s\", not \"%s\", in %s\n", path, is, expected, text.data);
        kj_buf_fini(&text);
        fail();
    }
    bson_destroy(doc);
}

int64_t int_of(struct world *world, enum kj_coll coll, int64_t id, const char *path)
{
    bson_t *doc = world_get(world, coll, id, NULL);
    assert_non_null(doc);
    int64_t value = kj_doc_int(doc, path, -1);
    bson_destroy(doc);
    return value;
}

int64_t time_of(struct world *world, enum kj_coll coll, int64_t id, const char *path)
{
    bson_t *doc = world_get(world, coll, id, NULL);
    assert_non_null(doc);
    int64_t value = kj_doc_time(doc, path, -1);
    bson_destroy(doc);
    return value;
}

// --- asking ---

void on_answer(void *arg, int status, const bson_t *result, const struct kj_fault *fault)
{
    struct answer *answer = arg;
    answer->calls++;
    answer->status = status;
    kj_doc_clear(&answer->result);
    answer->result = result ? bson_copy(result) : bson_new();
    if (fault)
        answer->fault = *fault;
    assert_true(status == KJ_OK || fault != NULL);
}

void answer_clear(struct answer *answer)
{
    kj_doc_clear(&answer->result);
}

struct answer world_ask(struct world *world, world_intake *intake, bson_t *request)
{
    struct answer answer = {0};
    intake(world->engine, "default", request, on_answer, &answer);
    bson_destroy(request);
    world_pass(world, 0);
    assert_int_equal(answer.calls, 1);
    return answer;
}

int64_t world_call(struct world *world, const char *number, bson_t *more)
{
    bson_t *request = json("{\"lead\": {\"phone_number\": \"%s\", \"first_name\": \"Anna\"},"
                           "\"call\": {\"context\": \"c\"}, \"group_id\": 1}",
                           number);
    bson_t *all = more ? kj_doc_with(request, more) : bson_copy(request);
    kj_doc_clear(&request);
    kj_doc_clear(&more);
    struct answer answer = world_ask(world, kj_intake_call, all);
    if (answer.status != KJ_OK)
        fail_msg("%s: %s", answer.fault.place, answer.fault.text);
    int64_t id = kj_doc_int(answer.result, "job_id", 0);
    answer_clear(&answer);
    return id;
}

static void on_port(void *arg, const struct kj_outcome *outcome, const bson_t *result)
{
    struct kj_fault fault;
    kj_fault(&fault, KJ_EINVAL, outcome->code, NULL, "%s", outcome->text ? outcome->text : "");
    on_answer(arg, outcome->class == KEJUE_OK ? KJ_OK : -(int)outcome->class, result, &fault);
}

struct answer world_port(struct world *world, const char *verb, bson_t *request)
{
    struct answer answer = {0};
    struct kj_host_ports ports = kj_engine_ports(world->engine);
    ports.ask(ports.arg, "plug", "default", verb, request, on_port, &answer);
    bson_destroy(request);
    world_pass(world, 0);
    assert_int_equal(answer.calls, 1);
    return answer;
}

// --- what must hold ---

size_t rings_of(const struct world *world, const char *number)
{
    size_t count = 0;
    for (size_t i = 0; i < world->ring_count; i++)
        count += kj_streq(world->rings[i].to, number);
    return count;
}

size_t sent_of(const struct world *world, const char *verb)
{
    size_t count = 0;
    for (size_t i = 0; i < world->sent_count; i++)
        count += kj_streq(world->sent[i].verb, verb);
    return count;
}

static void assert_rings(const struct world *world)
{
    for (size_t i = 0; i < world->ring_count; i++)
        for (size_t k = 0; k < i; k++) {
            const struct fake_ring *a = &world->rings[k], *b = &world->rings[i];
            if (kj_streq(a->attempt_id, b->attempt_id))
                fail_msg("attempt %s rang twice", a->attempt_id);
            if (kj_streq(a->to, b->to) && b->at < a->ends_at)
                fail_msg("%s was rung by %s during %s", a->to, b->attempt_id, a->attempt_id);
        }
}

void assert_sound(struct world *world, bool ended)
{
    bson_iter_t at;
    size_t open = 0, poisoned = 0;
    assert_rings(world);
    if (!ended)
        return;
    bson_t *jobs = world_all(world, KJ_JOBS), *numbers = world_all(world, KJ_NUMBERS);
    bson_t *trunk = world_get(world, KJ_LIMITS, 0, "trunk:default");
    for (bson_iter_init(&at, jobs); bson_iter_next(&at);) {
        bson_t job;
        assert_true(kj_doc_at(&at, &job));
        const char *state = kj_doc_text(&job, "state", "");
        if (kj_streq(state, "running") || kj_streq(state, "waiting") || kj_streq(state, "dead"))
            fail_msg("job %s of kind %s is %s at %s: %s", bson_iter_key(&at),
                     kj_doc_text(&job, "kind", ""), state, kj_doc_text(&job, "stage", "-"),
                     kj_doc_text(&job, "reason", "-"));
        // In flight in too many crashes: its attempt is not closed, its hold on the number grows
        // old.
        poisoned += kj_starts_with(kj_doc_text(&job, "reason", ""), "in flight");
    }
    for (bson_iter_init(&at, numbers); bson_iter_next(&at);) {
        bson_iter_t in;
        if (bson_iter_recurse(&at, &in) && bson_iter_find(&in, "open_attempt"))
            open++;
    }
    if (open > poisoned)
        fail_msg("%zu numbers have an open attempt", open);
    if (trunk && kj_doc_count(trunk, "slots"))
        fail_msg("%zu lines are still taken", kj_doc_count(trunk, "slots"));
    assert_int_equal(kj_queue_running(world->engine->queue, NULL), 0);
    kj_doc_clear(&jobs);
    kj_doc_clear(&numbers);
    kj_doc_clear(&trunk);
}
