// The store in this process: fills databases for the steps that begin with many jobs waiting,
// counts what is in them, and measures a claim by itself.
#include "bench.h"

#include "base/alloc.h"
#include "engine/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { k_batch = 1000, k_claim = 100, k_claims = 61 };

struct inside {
    struct kj_clock clock;
    struct kj_loop *loop;
    struct kj_store *store;
    int64_t left, number, due, count;
    int open;
    double took[k_claims];
    size_t claims;
    int64_t began;
};

static int64_t now(void *loop)
{
    return kj_loop_now(loop);
}

static void open_inside(struct inside *in, const char *dir)
{
    char path[4096];
    struct kj_fault fault;
    memset(in, 0, sizeof *in);
    snprintf(path, sizeof path, "%s/kejue.db", dir);
    kj_clock_init_system(&in->clock);
    if (kj_loop_create(&in->clock, &in->loop, &fault) != KJ_OK)
        bench_die_fault(path, &fault);
    struct kj_store_config config = {
        .path = path, .host = "bench", .now = now, .now_arg = in->loop};
    if (kj_sqlite_create(in->loop, &config, &in->store, &fault) != KJ_OK)
        bench_die_fault(path, &fault);
}

static void close_inside(struct inside *in)
{
    kj_store_destroy(in->store);
    kj_loop_destroy(in->loop);
}

static void check(const struct kj_store_request *request)
{
    for (size_t i = 0; i < request->n_ops; i++)
        if (request->ops[i].status < 0)
            bench_die("the store: %s: %s", kj_error_name(request->ops[i].status),
                      request->fault.text);
}

static void put_insert(struct inside *in, struct kj_store_request *request, size_t at)
{
    bson_t *asked = bench_request(in->number++, 0), payload;
    int64_t now = kj_loop_now(in->loop);
    kj_doc_child(asked, "payload", &payload);
    request->ops[at].verb = KJ_STORE_INSERT;
    request->ops[at].coll = KJ_JOBS;
    kj_store_own_doc(request, at,
                     kj_job_new(kj_doc_text(asked, "kind", ""), NULL, in->due ? in->due : now, 50,
                                &payload, now));
    bson_destroy(asked);
}

// --- filling ---

static void insert(struct inside *in);

static void inserted(struct kj_store_request *request)
{
    struct inside *in = request->arg;
    check(request);
    in->open--;
    if (in->left > 0)
        insert(in);
    else if (in->open == 0)
        kj_loop_stop(in->loop);
}

static void insert(struct inside *in)
{
    size_t count = in->left < k_batch ? (size_t)in->left : k_batch;
    struct kj_store_request *request = kj_store_request(count, "default", inserted, in);
    for (size_t i = 0; i < count; i++)
        put_insert(in, request, i);
    in->left -= (int64_t)count;
    in->open++;
    kj_store_submit(in->store, request);
}

static void fill(struct inside *in, int64_t count, int64_t due)
{
    in->left = count;
    in->due = due;
    for (int i = 0; i < 2 && in->left > 0; i++)
        insert(in);
    if (in->open)
        kj_loop_run(in->loop);
}

void bench_fill(const char *dir, int64_t count, int64_t due)
{
    struct inside in;
    open_inside(&in, dir);
    fill(&in, count, due);
    close_inside(&in);
}

// --- counting ---

static void counted(struct kj_store_request *request)
{
    struct inside *in = request->arg;
    check(request);
    in->count = request->ops[0].count;
    kj_loop_stop(in->loop);
}

int64_t bench_count(const char *dir, const char *state)
{
    struct inside in;
    bson_t *filter = bson_new();
    open_inside(&in, dir);
    kj_doc_put_text(filter, "state", state);
    struct kj_store_request *request = kj_store_request(1, "", counted, &in);
    request->ops[0].verb = KJ_STORE_COUNT;
    request->ops[0].coll = KJ_JOBS;
    kj_store_own_filter(request, 0, filter);
    kj_store_submit(in.store, request);
    kj_loop_run(in.loop);
    close_inside(&in);
    return in.count;
}

// --- claiming: claim 100, then put 100 in the place of them, so that as many wait each time ---

static void replaced(struct kj_store_request *request)
{
    struct inside *in = request->arg;
    check(request);
    kj_loop_stop(in->loop);
}

static void claimed(struct kj_store_request *request)
{
    struct inside *in = request->arg;
    struct kj_store_op *op = &request->ops[0];
    in->took[in->claims++] = (double)(bench_wall_ns() - in->began) / 1e3;
    check(request);
    if (op->n_docs != k_claim)
        bench_die("a claim took %zu jobs instead of %d", op->n_docs, k_claim);
    struct kj_store_request *next = kj_store_request(2 * k_claim, "default", replaced, in);
    bson_t changes = BSON_INITIALIZER;
    kj_doc_put_text(&changes, "state", "done");
    for (size_t i = 0; i < k_claim; i++) {
        next->ops[i].verb = KJ_STORE_REPLACE;
        next->ops[i].coll = KJ_JOBS;
        next->ops[i].id = kj_doc_int(op->docs[i], "_id", 0);
        next->ops[i].version = kj_doc_int(op->docs[i], "version", 0);
        kj_store_own_doc(next, i, kj_doc_with(op->docs[i], &changes));
        put_insert(in, next, k_claim + i);
    }
    bson_destroy(&changes);
    kj_store_submit(in->store, next);
}

static void one_claim(struct inside *in)
{
    static const char *const k_kinds[] = {BENCH_KIND, NULL};
    struct kj_store_request *request = kj_store_request(1, "", claimed, in);
    request->ops[0].verb = KJ_STORE_CLAIM;
    request->ops[0].coll = KJ_JOBS;
    request->ops[0].kinds = k_kinds;
    request->ops[0].host = "bench";
    request->ops[0].now = kj_loop_now(in->loop);
    request->ops[0].limit = k_claim;
    in->began = bench_wall_ns();
    kj_store_submit(in->store, request);
    kj_loop_run(in->loop);
}

static void open_for_claims(struct inside *in, struct bench *bench, int64_t waiting)
{
    char dir[3072];
    bench_folder(bench, "claim", dir, sizeof dir);
    open_inside(in, dir);
    fill(in, waiting, 0);
}

// In turns, so that what else goes on in the machine slows both alike.
void bench_claims(struct bench *bench, int64_t few, double *few_us, double *many_us)
{
    struct inside with_few, with_many;
    open_for_claims(&with_few, bench, few);
    open_for_claims(&with_many, bench, bench->many);
    for (int i = 0; i < k_claims; i++) {
        one_claim(&with_few);
        one_claim(&with_many);
    }
    close_inside(&with_few);
    close_inside(&with_many);
    *few_us = bench_percentile(with_few.took, with_few.claims, 50);
    *many_us = bench_percentile(with_many.took, with_many.claims, 50);
}
