// How fast a store is, in process, with a flush before every acknowledgement (or none with
// "volatile"): jobs of about 300 bytes inserted with 1, 50 and 1,000 in flight, then drained, each
// completion sharing its flush with the next claim. Prints operations a second.
// Usage: store_bench FILE [volatile] | store_bench mongodb://… JOBS   (into database kejue_bench;
// the tests' stand-in for MongoDB looks at every job for each write: give it a few thousand)
#include "base/alloc.h"
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLAIM = 256 };

static struct {
    struct kj_clock clock;
    struct kj_loop *loop;
    struct kj_store *store;
    bson_t *job;
    int64_t left, open;
} g;

static void check(const struct kj_store_request *request)
{
    for (size_t i = 0; i < request->n_ops; i++)
        if (request->ops[i].status < 0) {
            fprintf(stderr, "%d %s\n", request->ops[i].status, request->fault.text);
            exit(1);
        }
}

static void insert(size_t batch);

static void inserted(struct kj_store_request *request)
{
    check(request);
    g.open--;
    if (g.left > 0)
        insert(request->n_ops);
    else if (g.open == 0)
        kj_loop_stop(g.loop);
}

static void insert(size_t batch)
{
    struct kj_store_request *request = kj_store_request(batch, "default", inserted, NULL);
    for (size_t i = 0; i < batch; i++) {
        request->ops[i].verb = KJ_STORE_INSERT;
        request->ops[i].coll = KJ_JOBS;
        request->ops[i].doc = g.job;
    }
    g.left -= (int64_t)batch;
    g.open++;
    kj_store_submit(g.store, request);
}

static double insert_many(int64_t jobs, int in_flight, size_t batch)
{
    int64_t start = kj_clock_real_mono_ns();
    g.left = jobs;
    for (int i = 0; i < in_flight && g.left > 0; i++)
        insert(batch);
    kj_loop_run(g.loop);
    return (double)jobs * 1e9 / (double)(kj_clock_real_mono_ns() - start);
}

static void drain(struct kj_store_op *claimed);

static void drained(struct kj_store_request *request)
{
    check(request);
    drain(&request->ops[request->n_ops - 1]);
}

// Completes what was claimed and claims the next in one request.
static void drain(struct kj_store_op *claimed)
{
    size_t n = claimed ? claimed->n_docs : 0;
    if (claimed && n == 0) {
        kj_loop_stop(g.loop);
        return;
    }
    struct kj_store_request *request = kj_store_request(n + 1, "", drained, NULL);
    bson_t changes = BSON_INITIALIZER;
    kj_doc_put_text(&changes, "state", "done");
    for (size_t i = 0; i < n; i++) {
        struct kj_store_op *op = &request->ops[i];
        op->verb = KJ_STORE_REPLACE;
        op->coll = KJ_JOBS;
        op->id = kj_doc_int(claimed->docs[i], "_id", 0);
        op->version = kj_doc_int(claimed->docs[i], "version", 0);
        kj_store_own_doc(request, i, kj_doc_with(claimed->docs[i], &changes));
    }
    bson_destroy(&changes);
    request->ops[n].verb = KJ_STORE_CLAIM;
    request->ops[n].coll = KJ_JOBS;
    request->ops[n].host = "bench";
    request->ops[n].now = kj_loop_now(g.loop);
    request->ops[n].limit = CLAIM;
    kj_store_submit(g.store, request);
}

static bson_t *new_job(void)
{
    bson_t *job = bson_new(), payload = BSON_INITIALIZER;
    kj_doc_put_text(&payload, "to", "+4930123456789");
    kj_doc_put_text(&payload, "text",
                    "A line of about a hundred bytes, as a call's context may"
                    " well hold, and a little more.");
    kj_doc_put_text(job, "kind", "call");
    kj_doc_put_text(job, "state", "waiting");
    kj_doc_put_time(job, "due", kj_loop_now(g.loop));
    kj_doc_put_int(job, "priority", 50);
    kj_doc_put_int(job, "attempts", 0);
    kj_doc_put_doc(job, "payload", &payload);
    kj_doc_put_time(job, "created_at", kj_loop_now(g.loop));
    bson_destroy(&payload);
    return job;
}

int main(int argc, char **argv)
{
    struct kj_fault fault = {0};
    struct kj_store_config config = {.path = argc > 1 ? argv[1] : ":memory:",
                                     .volatile_data = argc > 2 && !strcmp(argv[2], "volatile")};
    bool mongo = argc > 1 && strncmp(argv[1], "mongodb", 7) == 0;
    int64_t jobs = mongo && argc > 2 ? atoll(argv[2]) : 320000;
    config.uri = config.path;
    config.database = "kejue_bench";
    config.allow_unsafe = true;
    kj_clock_init_system(&g.clock);
    if (kj_loop_create(&g.clock, &g.loop, &fault) < 0 ||
        (mongo ? kj_mongo_create : kj_sqlite_create)(g.loop, &config, &g.store, &fault) < 0) {
        fprintf(stderr, "%s\n", fault.text);
        return 1;
    }
    g.job = new_job();
    printf("insert, 1 in flight     %9.0f /s\n", insert_many(jobs / 16, 1, 1));
    printf("insert, 50 in flight    %9.0f /s\n", insert_many(jobs / 16 * 5, 50, 1));
    printf("insert, 1,000 a request %9.0f /s\n", insert_many(jobs / 16 * 10, 2, 1000));
    int64_t start = kj_clock_real_mono_ns();
    drain(NULL);
    kj_loop_run(g.loop);
    printf("drain, 256 a claim      %9.0f /s\n",
           (double)jobs * 1e9 / (double)(kj_clock_real_mono_ns() - start));
    kj_store_destroy(g.store);
    kj_loop_destroy(g.loop);
    bson_destroy(g.job);
    return 0;
}
