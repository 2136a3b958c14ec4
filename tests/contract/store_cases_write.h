// Cases of the store's contract: insert, replace, increment, delete.
#ifndef KJ_TEST_STORE_CASES_WRITE_H
#define KJ_TEST_STORE_CASES_WRITE_H

#include "contract/store_world.h"

static void case_insert(struct world *world)
{
    struct kj_store_op *op = insert(world, "w", KJ_CAMPAIGNS, doc("s:name i:n", "A", (int64_t)7));
    assert_int_equal(op->status, 0);
    assert_int_equal(op->new_id, 1);
    assert_int_equal(op->new_version, 1);
    op = insert(world, "w", KJ_CAMPAIGNS, doc("s:name", "B"));
    assert_int_equal(op->new_id, 2);
    // Its own number is kept, its stamps are not; the next one counts on from there.
    op = insert(world, "w", KJ_CAMPAIGNS,
                doc("i:_id i:version s:workspace s:name", (int64_t)10, (int64_t)5, "x", "C"));
    assert_int_equal(op->new_id, 10);
    op = insert(world, "w", KJ_CAMPAIGNS, doc("s:name", "D"));
    assert_int_equal(op->new_id, 11);
    op = insert(world, "w", KJ_CAMPAIGNS, doc("i:_id s:name", (int64_t)10, "again"));
    assert_int_equal(op->status, KJ_EEXISTS);
    assert_int_equal(op->new_id, 10);

    op = get(world, "w", KJ_CAMPAIGNS, 10, NULL);
    assert_int_equal(op->status, 0);
    assert_int_equal(op->n_docs, 1);
    bson_t *expected = doc("i:_id i:version s:workspace s:name", (int64_t)10, (int64_t)1, "w", "C");
    assert_true(bson_equal(op->docs[0], expected));
    bson_destroy(expected);
    assert_int_equal(get(world, "w", KJ_CAMPAIGNS, 99, NULL)->status, KJ_ENOTFOUND);
    assert_int_equal(get(world, "w", KJ_CAMPAIGNS, 0, NULL)->status, KJ_ENOTFOUND);
    // Another collection counts for itself.
    assert_int_equal(insert(world, "w", KJ_GROUPS, doc("s:key", "g"))->new_id, 1);
}

static void case_taken_key(struct world *world)
{
    int64_t id = insert(world, "w", KJ_LEADS, doc("s:phone_number", "+49301"))->new_id;
    struct kj_store_op *op = insert(world, "w", KJ_LEADS, doc("s:phone_number", "+49301"));
    assert_int_equal(op->status, KJ_EEXISTS);
    assert_int_equal(op->new_id, id);
    int64_t other = insert(world, "w", KJ_LEADS, doc("s:phone_number", "+49302"))->new_id;
    op = replace(world, "w", KJ_LEADS, other, 1, doc("s:phone_number", "+49301"));
    assert_int_equal(op->status, KJ_EEXISTS);
    assert_int_equal(op->new_id, id);
    op = get(world, "w", KJ_LEADS, 0, "+49302");
    assert_int_equal(op->status, 0);
    assert_int_equal(kj_doc_int(op->docs[0], "version", 0), 1);
    // Any number of documents without a key.
    assert_int_equal(insert(world, "w", KJ_LEADS, doc("s:list", "a"))->status, 0);
    assert_int_equal(insert(world, "w", KJ_LEADS, doc("s:list n:phone_number", "a"))->status, 0);
    // A key that was given up is free.
    assert_int_equal(replace(world, "w", KJ_LEADS, id, 1, doc("s:phone_number", "+49303"))->status,
                     0);
    assert_int_equal(insert(world, "w", KJ_LEADS, doc("s:phone_number", "+49301"))->status, 0);
}

static void case_workspaces(struct world *world)
{
    int64_t a = insert(world, "a", KJ_NUMBERS, doc("s:key", "+1"))->new_id;
    int64_t b = insert(world, "b", KJ_NUMBERS, doc("s:key", "+1"))->new_id;
    assert_int_equal(world->ops->status, 0);
    assert_int_not_equal(a, b);
    assert_int_equal(get(world, "a", KJ_NUMBERS, b, NULL)->status, KJ_ENOTFOUND);
    assert_int_equal(get(world, "b", KJ_NUMBERS, 0, "+1")->new_id, b);
    assert_int_equal(get(world, "c", KJ_NUMBERS, 0, "+1")->status, KJ_ENOTFOUND);
    assert_int_equal(replace(world, "a", KJ_NUMBERS, b, 1, doc("s:key", "+1"))->status,
                     KJ_ENOTFOUND);
    assert_int_equal(increment(world, "a", KJ_NUMBERS, b, NULL, doc("i:n", (int64_t)1))->status,
                     KJ_ENOTFOUND);
    assert_int_equal(delete (world, "a", KJ_NUMBERS, b, 0)->status, KJ_ENOTFOUND);
    assert_int_equal(find(world, "a", KJ_NUMBERS, NULL, NULL, 0)->n_docs, 1);
    assert_int_equal(find(world, "", KJ_NUMBERS, NULL, NULL, 0)->n_docs, 2);
    assert_int_equal(find(world, "", KJ_NUMBERS, doc("s:workspace", "b"), NULL, 0)->n_docs, 1);
    // Across workspaces: a replace leaves the document where it is, an insert takes its own word.
    assert_int_equal(
        replace(world, "", KJ_NUMBERS, b, 1, doc("s:workspace s:key", "a", "+1"))->status, 0);
    assert_string_equal(kj_doc_text(get(world, "", KJ_NUMBERS, b, NULL)->docs[0], "workspace", ""),
                        "b");
    insert(world, "", KJ_NUMBERS, doc("s:workspace s:key", "c", "+1"));
    assert_int_equal(get(world, "c", KJ_NUMBERS, 0, "+1")->status, 0);
    // A key across workspaces: the one that sorts first; for an increment only "" itself.
    assert_int_equal(get(world, "", KJ_NUMBERS, 0, "+1")->new_id, a);
    int64_t own = increment(world, "", KJ_NUMBERS, 0, "+1", doc("i:n", (int64_t)1))->new_id;
    assert_int_equal(world->ops->new_version, 1);
    assert_int_equal(get(world, "", KJ_NUMBERS, 0, "+1")->new_id, own);
}

static void case_ids(struct world *world)
{
    for (int i = 0; i < 3; i++)
        insert(world, "w", KJ_CALLS, doc("n:x"));
    assert_int_equal(delete (world, "w", KJ_CALLS, 3, 0)->status, 0);
    assert_int_equal(insert(world, "w", KJ_CALLS, doc("n:x"))->new_id, 4);
    assert_int_equal(delete (world, "w", KJ_CALLS, 4, 0)->status, 0);
    if (world->factory->keeps) {
        world_reopen(world);
        assert_true(insert(world, "w", KJ_CALLS, doc("n:x"))->new_id > 4);
    }
}

static void case_replace(struct world *world)
{
    int64_t id = insert(world, "w", KJ_JOBS, doc("s:kind s:state", "call", "waiting"))->new_id;
    struct kj_store_op *op = replace(world, "w", KJ_JOBS, id, 1,
                                     doc("s:kind s:state i:_id", "call", "done", (int64_t)9));
    assert_int_equal(op->status, 0);
    assert_int_equal(op->new_id, id);
    assert_int_equal(op->new_version, 2);
    assert_int_equal(replace(world, "w", KJ_JOBS, id, 1, doc("s:state", "dead"))->status,
                     KJ_ECONFLICT);
    assert_int_equal(replace(world, "w", KJ_JOBS, id, 0, doc("s:state", "dead"))->status,
                     KJ_ECONFLICT);
    assert_int_equal(replace(world, "w", KJ_JOBS, 99, 1, doc("s:state", "dead"))->status,
                     KJ_ENOTFOUND);
    op = get(world, "w", KJ_JOBS, id, NULL);
    bson_t *expected =
        doc("i:_id i:version s:workspace s:kind s:state", id, (int64_t)2, "w", "call", "done");
    assert_true(bson_equal(op->docs[0], expected));
    bson_destroy(expected);
    // The old values are out of the indexes, the new ones in; a field that is gone is out.
    assert_int_equal(find(world, "w", KJ_JOBS, doc("s:state", "waiting"), NULL, 0)->n_docs, 0);
    assert_int_equal(find(world, "w", KJ_JOBS, doc("s:state", "done"), NULL, 0)->n_docs, 1);
    assert_int_equal(replace(world, "w", KJ_JOBS, id, 2, doc("s:kind", "call"))->status, 0);
    assert_int_equal(find(world, "w", KJ_JOBS, doc("s:state", "done"), NULL, 0)->n_docs, 0);
    assert_int_equal(find(world, "w", KJ_JOBS, doc("n:state"), NULL, 0)->n_docs, 1);
}

static void case_increment(struct world *world)
{
    struct kj_store_op *op =
        increment(world, "w", KJ_COUNTERS, 0, "c", doc("i:a.b r:x", (int64_t)2, 0.5));
    assert_int_equal(op->status, 0);
    assert_int_equal(op->new_version, 1);
    int64_t id = op->new_id;
    op = increment(world, "w", KJ_COUNTERS, 0, "c",
                   doc("i:a.b r:x i:a.c i:x", (int64_t)-5, 0.25, (int64_t)1, (int64_t)1));
    assert_int_equal(op->new_id, id);
    assert_int_equal(op->new_version, 2);
    bson_t *a = doc("i:b i:c", (int64_t)-3, (int64_t)1);
    bson_t *expected =
        doc("i:_id i:version s:workspace s:key d:a r:x", id, (int64_t)2, "w", "c", a, 1.75);
    assert_int_equal(op->n_docs, 1);
    assert_true(bson_equal(op->docs[0], expected));
    assert_true(bson_equal(get(world, "w", KJ_COUNTERS, id, NULL)->docs[0], expected));
    bson_destroy(a);
    bson_destroy(expected);
    // By id; of an indexed field too.
    int64_t job = insert(world, "w", KJ_JOBS, doc("i:priority", (int64_t)5))->new_id;
    increment(world, "w", KJ_JOBS, job, NULL, doc("i:priority", (int64_t)2));
    assert_int_equal(find(world, "w", KJ_JOBS, doc("i:priority", (int64_t)7), NULL, 0)->n_docs, 1);
    // Fields for the first time only.
    for (int i = 0; i < 2; i++) {
        struct kj_store_request *request = ask(world, 1, "w");
        request->ops[0].verb = KJ_STORE_INCREMENT;
        request->ops[0].coll = KJ_COUNTERS;
        request->ops[0].key = "d";
        kj_store_own_doc(request, 0, doc("i:n", (int64_t)1));
        request->ops[0].set_on_insert = kj_store_keep_take(
            request, i ? doc("s:by", "second") : doc("s:key s:by i:n", "no", "first", (int64_t)9));
        op = answer(world, request);
    }
    assert_string_equal(kj_doc_text(op->docs[0], "by", ""), "first");
    assert_string_equal(kj_doc_text(op->docs[0], "key", ""), "d");
    assert_int_equal(kj_doc_int(op->docs[0], "n", 0), 11);
}

static void case_increment_refused(struct world *world)
{
    insert(world, "w", KJ_COUNTERS, doc("s:key s:t i:big", "c", "text", INT64_MAX));
    const struct {
        bson_t *deltas;
        int status;
    } k_bad[] = {
        {doc("i:t", (int64_t)1), KJ_EINVAL},
        {doc("i:t.u", (int64_t)1), KJ_EINVAL},
        {doc("i:big", (int64_t)1), KJ_ELIMIT},
        {doc("s:n", "1"), KJ_EINVAL},
        {doc("i:version", (int64_t)1), KJ_EINVAL},
        {doc("i:_id", (int64_t)1), KJ_EINVAL},
        {doc("i:workspace.x", (int64_t)1), KJ_EINVAL},
        {doc("i:a..b", (int64_t)1), KJ_EINVAL},
        {doc("i:n i:t", (int64_t)1, (int64_t)1), KJ_EINVAL},
    };
    for (size_t i = 0; i < KJ_COUNT(k_bad); i++) {
        struct kj_store_op *op = increment(world, "w", KJ_COUNTERS, 0, "c", k_bad[i].deltas);
        assert_int_equal(op->status, k_bad[i].status);
        assert_non_null(strstr(world->fault.text, "counters"));
    }
    struct kj_store_op *op = get(world, "w", KJ_COUNTERS, 0, "c");
    assert_int_equal(op->new_version, 1);
    assert_false(kj_doc_has(op->docs[0], "n"));
    assert_int_equal(increment(world, "w", KJ_COUNTERS, 99, NULL, doc("i:n", (int64_t)1))->status,
                     KJ_ENOTFOUND);
}

static void count_down(struct kj_store_request *request)
{
    struct world *world = request->arg;
    assert_int_equal(request->ops[0].status, 0);
    world->n_done++;
    if (--world->open_requests == 0)
        kj_loop_stop(world->loop);
}

static void case_increment_commutes(struct world *world)
{
    enum { MANY = 300 };
    for (int i = 0; i < MANY; i++) {
        struct kj_store_request *request = kj_store_request(1, "w", count_down, world);
        request->ops[0].verb = KJ_STORE_INCREMENT;
        request->ops[0].coll = KJ_COUNTERS;
        request->ops[0].key = "total";
        kj_store_own_doc(request, 0, doc("i:n i:by.x", (int64_t)i, (int64_t)1));
        world->open_requests++;
        kj_store_submit(world->store, request);
    }
    assert_int_equal(kj_store_pending(world->store), MANY);
    kj_loop_run(world->loop);
    struct kj_store_op *op = get(world, "w", KJ_COUNTERS, 0, "total");
    assert_int_equal(kj_doc_int(op->docs[0], "n", 0), MANY * (MANY - 1) / 2);
    assert_int_equal(kj_doc_int(op->docs[0], "by.x", 0), MANY);
    assert_int_equal(op->new_version, MANY);
}

static void case_delete(struct world *world)
{
    int64_t id = insert(world, "w", KJ_WEBHOOKS, doc("s:key", "k"))->new_id;
    assert_int_equal(delete (world, "w", KJ_WEBHOOKS, id, 2)->status, KJ_ECONFLICT);
    assert_int_equal(delete (world, "w", KJ_WEBHOOKS, id, 1)->status, 0);
    assert_int_equal(delete (world, "w", KJ_WEBHOOKS, id, 0)->status, KJ_ENOTFOUND);
    assert_int_equal(get(world, "w", KJ_WEBHOOKS, id, NULL)->status, KJ_ENOTFOUND);
    assert_int_equal(insert(world, "w", KJ_WEBHOOKS, doc("s:key", "k"))->status, 0);
    struct kj_store_request *request = ask(world, 1, "w");
    request->ops[0].verb = KJ_STORE_DELETE;
    request->ops[0].coll = KJ_WEBHOOKS;
    request->ops[0].key = "k";
    assert_int_equal(answer(world, request)->status, 0);
    assert_int_equal(get(world, "w", KJ_WEBHOOKS, 0, "k")->status, KJ_ENOTFOUND);
}

static void case_bad_writes(struct world *world)
{
    char name[80];
    memset(name, 'w', sizeof name);
    name[64] = 0;
    assert_int_equal(insert(world, name, KJ_GROUPS, doc("n:x"))->status, KJ_EINVAL);
    assert_int_equal(insert(world, "", KJ_GROUPS, doc("s:workspace", name))->status, KJ_EINVAL);
    assert_int_equal(find(world, name, KJ_GROUPS, NULL, NULL, 0)->status, KJ_EINVAL);
    name[63] = 0;
    assert_int_equal(insert(world, name, KJ_GROUPS, doc("n:x"))->status, 0);
    assert_int_equal(insert(world, "w", KJ_GROUPS, NULL)->status, KJ_EINVAL);
    assert_int_equal(insert(world, "w", KJ_EVENTS, doc("s:name", "x"))->status, KJ_EINVAL);
    // An indexed field of another type is refused by name, an overlong number of digits too.
    assert_int_equal(insert(world, "w", KJ_CALLS, doc("s:lead_id", "12"))->status, KJ_EINVAL);
    assert_non_null(strstr(world->fault.text, "lead_id"));
    assert_non_null(strstr(world->fault.text, "calls"));
    assert_int_equal(insert(world, "w", KJ_CALLS, doc("r:lead_id", 1.5))->status, KJ_EINVAL);
    assert_int_equal(insert(world, "w", KJ_CALLS, doc("r:lead_id", 12.0))->status, 0);
    assert_int_equal(find(world, "w", KJ_CALLS, doc("i:lead_id", (int64_t)12), NULL, 0)->n_docs, 1);
    assert_int_equal(insert(world, "w", KJ_CALLS, doc("i:key", (int64_t)1))->status, KJ_EINVAL);
    assert_int_equal(insert(world, "w", KJ_CALLS, doc("i:_id", (int64_t)-1))->status, KJ_EINVAL);
    int64_t id = insert(world, "w", KJ_CALLS, doc("n:x"))->new_id;
    assert_int_equal(replace(world, "w", KJ_CALLS, id, 1, doc("i:state", (int64_t)1))->status,
                     KJ_EINVAL);
    assert_int_equal(get(world, "w", KJ_CALLS, id, NULL)->new_version, 1);
    // Larger than a document can be in any store.
    char *text = kj_alloc((17 << 20) + 1);
    memset(text, 'x', 17 << 20);
    assert_int_equal(insert(world, "w", KJ_CALLS, doc("s:text", text))->status, KJ_ELIMIT);
    free(text);
}

#endif
