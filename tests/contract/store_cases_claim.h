// Cases of the store's contract: the claim.
#ifndef KJ_TEST_STORE_CASES_CLAIM_H
#define KJ_TEST_STORE_CASES_CLAIM_H

#include "contract/store_world.h"

static void add_job(struct world *world, const char *name, const char *kind, int64_t priority,
                    int64_t due)
{
    insert(world, "w", KJ_JOBS,
           doc("s:name s:state s:kind i:priority t:due", name, "waiting", kind, priority, due));
    assert_int_equal(world->ops->status, 0);
}

static void case_claim_order(struct world *world)
{
    add_job(world, "later", "call", 50, 200);
    add_job(world, "b", "call", 50, 100);
    add_job(world, "c", "mail", 50, 100); // same due: by _id, whatever the kind
    add_job(world, "d", "call", 50, 100);
    add_job(world, "a", "mail", 90, 150);
    add_job(world, "e", "call", 10, 1);
    add_job(world, "first", "mail", 100, 180);
    assert_joined(claim(world, NULL, 150, 3), "name", "a b c");
    assert_joined(claim(world, NULL, 150, 0), "name", "d e");
    assert_joined(claim(world, NULL, 150, 0), "name", "");
    assert_joined(claim(world, NULL, 200, 0), "name", "first later");
    // Without priority and due: 0. What is not waiting is not touched.
    insert(world, "w", KJ_JOBS, doc("s:name s:state s:kind", "z", "waiting", "call"));
    insert(world, "w", KJ_JOBS, doc("s:name s:state s:kind", "y", "parked", "call"));
    assert_joined(claim(world, NULL, 200, 0), "name", "z");
}

static void case_claim_kinds(struct world *world)
{
    static const char *const k_mail[] = {"mail", "mail", NULL}, *const k_none[] = {NULL},
                             *const k_two[] = {"crm", "mail", NULL};
    add_job(world, "a", "call", 50, 1);
    add_job(world, "b", "mail", 40, 2);
    add_job(world, "c", "crm", 50, 3);
    add_job(world, "d", "mail", 50, 4);
    assert_joined(claim(world, k_none, 10, 0), "name", "");
    assert_int_equal(world->ops->next_due, INT64_MAX);
    assert_joined(claim(world, k_mail, 10, 1), "name", "d");
    assert_joined(claim(world, k_two, 10, 0), "name", "c b");
    assert_joined(claim(world, NULL, 10, 0), "name", "a");
}

static void case_claim_next_due(struct world *world)
{
    static const char *const k_call[] = {"call", NULL};
    assert_int_equal(claim(world, NULL, 10, 0)->next_due, INT64_MAX);
    add_job(world, "a", "call", 50, 10);
    add_job(world, "b", "call", 90, 30);
    add_job(world, "c", "call", 10, 20);
    add_job(world, "d", "mail", 10, 5);
    assert_int_equal(claim(world, k_call, 9, 0)->next_due, 10);
    assert_int_equal(claim(world, k_call, 10, 0)->next_due, 20);
    assert_int_equal(world->ops->n_docs, 1);
    // Due, but not taken.
    assert_int_equal(claim(world, k_call, 30, 1)->next_due, 20);
    assert_joined(world->ops, "name", "b");
    assert_int_equal(claim(world, NULL, 4, 0)->next_due, 5);
    assert_int_equal(claim(world, NULL, 100, 0)->next_due, INT64_MAX);
}

static void case_claim_stamps(struct world *world)
{
    insert(world, "w", KJ_JOBS,
           doc("s:state s:kind i:token s:stage", "waiting", "call", (int64_t)4, "admit"));
    struct kj_store_op *op = claim(world, NULL, 77, 1);
    assert_int_equal(op->status, 0);
    assert_int_equal(op->n_docs, 1);
    const bson_t *job = op->docs[0];
    assert_string_equal(kj_doc_text(job, "state", ""), "running");
    assert_string_equal(kj_doc_text(job, "host", ""), "h1");
    assert_string_equal(kj_doc_text(job, "stage", ""), "admit");
    assert_string_equal(kj_doc_text(job, "workspace", ""), "w");
    assert_int_equal(kj_doc_int(job, "token", 0), 5);
    assert_int_equal(kj_doc_int(job, "version", 0), 2);
    assert_int_equal(kj_doc_time(job, "updated_at", 0), 77);
    bson_t *copy = bson_copy(job);
    assert_true(bson_equal(get(world, "w", KJ_JOBS, 1, NULL)->docs[0], copy));
    bson_destroy(copy);
    op = find(world, "", KJ_JOBS, doc("s:state s:host", "running", "h1"), NULL, 0);
    assert_int_equal(op->n_docs, 1);
    // Released, it is there again; its fence has moved on.
    replace(world, "", KJ_JOBS, 1, 2, doc("s:state s:kind i:token", "waiting", "call", (int64_t)5));
    op = claim(world, NULL, 78, 1);
    assert_int_equal(kj_doc_int(op->docs[0], "token", 0), 6);
    assert_int_equal(kj_doc_int(op->docs[0], "version", 0), 4);
}

// Random jobs, claimed in small bites, come in exactly the order of a sort of all of them.
struct model_job {
    int64_t priority, due, id;
};

static int by_urgency(const void *a, const void *b)
{
    const struct model_job *x = a, *y = b;
    if (x->priority != y->priority)
        return x->priority > y->priority ? -1 : 1;
    if (x->due != y->due)
        return x->due < y->due ? -1 : 1;
    return x->id < y->id ? -1 : 1;
}

static void case_claim_model(struct world *world)
{
    static const char *const k_kinds[] = {"call", "crm", "mail", "sms"};
    enum { MANY = 200, NOW = 50 };
    struct model_job jobs[MANY];
    struct kj_rng rng;
    size_t n_due = 0, taken = 0;
    int64_t next_due = INT64_MAX;
    kj_rng_init(&rng, 1);
    for (int64_t id = 1; id <= MANY; id++) {
        int64_t priority = kj_rng_range(&rng, 0, 5), due = kj_rng_range(&rng, 1, 60);
        add_job(world, "j", k_kinds[kj_rng_range(&rng, 0, 3)], priority, due);
        if (due <= NOW)
            jobs[n_due++] = (struct model_job){priority, due, id};
        else if (due < next_due)
            next_due = due;
    }
    qsort(jobs, n_due, sizeof *jobs, by_urgency);
    while (taken < n_due) {
        struct kj_store_op *op = claim(world, NULL, NOW, kj_rng_range(&rng, 1, 17));
        assert_true(op->n_docs > 0);
        for (size_t i = 0; i < op->n_docs; i++)
            assert_int_equal(kj_doc_int(op->docs[i], "_id", 0), jobs[taken++].id);
    }
    assert_int_equal(claim(world, NULL, NOW, 5)->n_docs, 0);
    assert_int_equal(world->ops->next_due, next_due);
}

static void case_claim_refused(struct world *world)
{
    for (int i = 0; i < 4; i++) {
        struct kj_store_request *request = ask(world, 1, i == 0 ? "w" : "");
        request->ops[0].verb = KJ_STORE_CLAIM;
        request->ops[0].coll = i == 1 ? KJ_CALLS : KJ_JOBS;
        request->ops[0].host = i == 2 ? NULL : "h1";
        request->ops[0].limit = i == 3 ? -1 : 0;
        assert_int_equal(answer(world, request)->status, KJ_EINVAL);
        assert_true(world->fault.text[0] != 0);
    }
}

#endif
