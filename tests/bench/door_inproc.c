// The door without a door: engine, queue, store and scripts in this process, driven by the engine's
// own functions. What the bus and HTTP cost is the difference to this.
#include "bench.h"

#include "engine/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { k_bulk = 1000 };

struct inproc {
    struct bench *bench;
    struct kj_clock clock;
    struct kj_loop *loop;
    struct kj_store *store;
    struct kj_script *script;
    struct kj_engine *engine;
    const struct bench_starts *starts;
    int64_t next, end; // numbers of the jobs of a step
    int64_t due;       // 0 = now; else the due instant of job 0, 4 ms apart
    int open;
    int64_t ended, wanted; // jobs that are over
    int64_t events;
    struct kj_timer timer;
};

static int64_t now(void *loop)
{
    return kj_loop_now(loop);
}

static void on_event(void *arg, const bson_t *event)
{
    struct inproc *in = arg;
    (void)event;
    in->events++;
}

static void on_final(void *arg, const bson_t *job)
{
    struct inproc *in = arg;
    if (!kj_streq(kj_doc_text(job, "state", ""), "done"))
        bench_die("a job ended as %s: %s", kj_doc_text(job, "state", "?"),
                  kj_doc_text(job, "reason", ""));
    if (++in->ended == in->wanted)
        kj_loop_stop(in->loop);
}

static void on_loaded(void *arg, int status, const bson_t *result, const struct kj_fault *fault)
{
    struct inproc *in = arg;
    (void)result;
    if (status != KJ_OK)
        bench_die_fault("the bench's script", fault);
    kj_engine_rules_loaded(in->engine);
    kj_loop_stop(in->loop);
}

static void on_timer(void *arg)
{
    struct inproc *in = arg;
    kj_loop_stop(in->loop);
}

static void wait_ms(struct inproc *in, int64_t ms)
{
    kj_timer_start(in->loop, &in->timer, ms);
    kj_loop_run(in->loop);
}

static void open_engine(struct inproc *in, struct bench *bench)
{
    char dir[3072], path[4096];
    struct kj_fault fault;
    memset(in, 0, sizeof *in);
    in->bench = bench;
    bench_folder(bench, "inproc", dir, sizeof dir);
    kj_clock_init_system(&in->clock);
    if (kj_loop_create(&in->clock, &in->loop, &fault) != KJ_OK)
        bench_die_fault("the loop", &fault);
    snprintf(path, sizeof path, "%s/kejue.db", dir);
    struct kj_store_config store = {.path = path, .host = "bench", .now = now, .now_arg = in->loop};
    if (kj_sqlite_create(in->loop, &store, &in->store, &fault) != KJ_OK)
        bench_die_fault(path, &fault);
    in->store->on_event = on_event;
    in->store->on_event_arg = in;
    snprintf(path, sizeof path, "%s/scripts", dir);
    struct kj_script_config script = {.loop = in->loop, .dir = path, .threads = 1};
    if (kj_script_create(&script, &in->script, &fault) != KJ_OK)
        bench_die_fault(path, &fault);
    struct kj_engine_config engine = {.loop = in->loop,
                                      .store = in->store,
                                      .script = in->script,
                                      .host_name = "bench",
                                      .seed = 1};
    if (kj_engine_create(&engine, &in->engine, &fault) != KJ_OK)
        bench_die_fault("the engine", &fault);
    kj_queue_on_final(in->engine->queue, on_final, in);
    kj_timer_init(&in->timer, on_timer, in);
    in->starts = bench_starts_map(getenv(BENCH_STARTS_FILE));
    kj_script_load(in->script, NULL, false, on_loaded, in);
    kj_loop_run(in->loop);
}

static void close_engine(struct inproc *in)
{
    kj_engine_destroy(in->engine);
    kj_script_destroy(in->script);
    kj_store_destroy(in->store);
    kj_loop_destroy(in->loop);
}

// --- one job a request ---

static void submit(struct inproc *in);

static void on_submitted(void *arg, int status, const bson_t *result, const struct kj_fault *fault)
{
    struct inproc *in = arg;
    (void)result;
    in->open--;
    if (status != KJ_OK)
        bench_die_fault("a job was refused", fault);
    if (in->next < in->end)
        submit(in);
    else if (in->open == 0 && in->wanted == 0)
        kj_loop_stop(in->loop);
}

static void submit(struct inproc *in)
{
    int64_t number = in->next++;
    bson_t *request = bench_request(number, in->due ? in->due + number * 4 : 0);
    in->open++;
    kj_intake_job(in->engine, "default", request, NULL, on_submitted, in);
    bson_destroy(request);
}

static void submit_many(struct inproc *in, int64_t count, int in_flight)
{
    in->next = 0;
    in->end = count;
    for (int i = 0; i < in_flight && in->next < in->end; i++)
        submit(in);
    if (in->open || in->wanted)
        kj_loop_run(in->loop);
}

// --- 1,000 jobs a request, one request after the other ---

static void submit_bulk(struct inproc *in);

static void on_bulk(struct kj_store_request *request)
{
    struct inproc *in = request->arg;
    for (size_t i = 0; i < request->n_ops; i++)
        if (request->ops[i].status != KJ_OK)
            bench_die("the store: %s", request->fault.text);
    if (in->next < in->end)
        submit_bulk(in);
    else
        kj_loop_stop(in->loop);
}

static void submit_bulk(struct inproc *in)
{
    size_t count = in->end - in->next < k_bulk ? (size_t)(in->end - in->next) : k_bulk;
    struct kj_store_request *request = kj_store_request(count, "default", on_bulk, in);
    int64_t now = kj_loop_now(in->loop);
    for (size_t i = 0; i < count; i++) {
        bson_t *asked = bench_request(in->next++, 0), payload;
        kj_doc_child(asked, "payload", &payload);
        request->ops[i].verb = KJ_STORE_INSERT;
        request->ops[i].coll = KJ_JOBS;
        kj_store_own_doc(request, i,
                         kj_job_new(kj_doc_text(asked, "kind", ""), NULL, now, 50, &payload, now));
        bson_destroy(asked);
    }
    kj_store_submit(in->store, request);
}

static void fill_bulk(struct inproc *in, int64_t count)
{
    in->next = 0;
    in->end = count;
    submit_bulk(in);
    kj_loop_run(in->loop);
}

// --- the steps ---

static void enqueue(struct inproc *in)
{
    int64_t start = bench_wall_ns();
    submit_many(in, bench_alone(in->bench), 1);
    bench_line(in->bench, "enqueue_one_at_a_time", bench_rate(bench_alone(in->bench), start),
               "jobs/s");
    start = bench_wall_ns();
    submit_many(in, bench_crowd(in->bench), 50);
    bench_line(in->bench, "enqueue_50_in_flight", bench_rate(bench_crowd(in->bench), start),
               "jobs/s");
    start = bench_wall_ns();
    fill_bulk(in, in->bench->jobs);
    bench_line(in->bench, "enqueue_bulk_1000", bench_rate(in->bench->jobs, start), "jobs/s");
}

static void on_started(void *arg, int status)
{
    (void)arg;
    if (status != KJ_OK)
        bench_die("the queue did not start: %s", kj_error_name(status));
}

static double cpu_us(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return 1e6 * (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

// Claimed, run in Lua, result stored, durable; with the start of the queue, as with the peers.
static void drain(struct inproc *in, int64_t jobs)
{
    int64_t start = bench_wall_ns();
    double cpu = cpu_us();
    in->wanted = in->ended + jobs;
    kj_engine_start(in->engine, on_started, in);
    kj_loop_run(in->loop);
    bench_line(in->bench, "drain", bench_rate(jobs, start), "jobs/s");
    bench_line(in->bench, "drain_cpu_per_job", (cpu_us() - cpu) / (double)jobs, "us");
    if ((int64_t)in->starts->count != jobs || in->events != jobs)
        bench_die("%lld jobs: %lld ran and %lld events came", (long long)jobs,
                  (long long)in->starts->count, (long long)in->events);
}

static void pickup(struct inproc *in)
{
    int64_t count = in->bench->pickups;
    double *took = bson_malloc((size_t)count * sizeof *took);
    for (int64_t i = 0; i < count; i++) {
        int64_t start = bench_wall_ns();
        in->wanted = in->ended + 1;
        submit_many(in, 1, 1);
        uint64_t last = in->starts->count - 1;
        took[i] = (double)(in->starts->wall_ns[last % BENCH_STARTS] - start) / 1e6;
        wait_ms(in, 5 + i % 10);
    }
    bench_lines_of(in->bench, "pickup", took, (size_t)count, "ms");
    bson_free(took);
}

static void delays(struct inproc *in)
{
    uint64_t from = in->starts->count;
    in->due = bench_wall_ns() / 1000000 + (in->bench->short_waits ? 500 : 6000);
    in->wanted = in->ended + in->bench->delayed;
    submit_many(in, in->bench->delayed, 50);
    bench_delay_lines(in->bench, in->starts, from, in->bench->delayed, in->due, "delay_error");
    in->due = 0;
}

static void memory(struct bench *bench)
{
    struct inproc in;
    open_engine(&in, bench);
    bench_line(bench, "mem_empty", bench_memory_mib(getpid()), "MiB");
    submit_many(&in, bench->few, 50);
    bench_settle(bench);
    bench_line(bench, "mem_100k_waiting", bench_memory_mib(getpid()), "MiB");
    close_engine(&in);
}

void bench_inproc(struct bench *bench, int phases)
{
    struct inproc in;
    bench->door = "inproc";
    if (phases & BENCH_MEMORY)
        memory(bench);
    if (!(phases & BENCH_ALL))
        return;
    open_engine(&in, bench);
    enqueue(&in);
    drain(&in, bench_total(bench));
    if (phases & BENCH_LATER) {
        wait_ms(&in, bench->short_waits ? 50 : 1500);
        pickup(&in);
        delays(&in);
    }
    close_engine(&in);
}
