// Cases of the store's contract: order, events, what stays, and a long random run against a model.
#ifndef KJ_TEST_STORE_CASES_GROUP_H
#define KJ_TEST_STORE_CASES_GROUP_H

#include "contract/store_world.h"

static bson_t *one_event(const char *name, int64_t n)
{
    bson_t *data = doc("i:n", n), *event = doc("s:name d:data", name, data), *array = bson_new();
    kj_doc_put_doc(array, "0", event);
    bson_destroy(data);
    bson_destroy(event);
    return array;
}

static void case_ops_in_order(struct world *world)
{
    struct kj_store_request *request = ask(world, 6, "w");
    for (int i = 0; i < 6; i++)
        request->ops[i].coll = KJ_NUMBERS;
    request->ops[0].verb = KJ_STORE_INSERT;
    kj_store_own_doc(request, 0, doc("s:key i:n", "+1", (int64_t)1));
    request->ops[1].verb = KJ_STORE_INSERT;
    kj_store_own_doc(request, 1, doc("s:key i:n", "+1", (int64_t)2));
    request->ops[2].verb = KJ_STORE_GET;
    request->ops[2].key = "+1";
    request->ops[3].verb = KJ_STORE_DELETE;
    request->ops[3].key = "+1";
    request->ops[4].verb = KJ_STORE_GET;
    request->ops[4].key = "+1";
    request->ops[5].verb = KJ_STORE_COUNT;
    const struct kj_store_op *ops = answer(world, request);
    assert_int_equal(ops[0].status, 0);
    assert_int_equal(ops[1].status, KJ_EEXISTS);
    assert_int_equal(ops[2].status, 0);
    assert_int_equal(kj_doc_int(ops[2].docs[0], "n", 0), 1);
    assert_int_equal(ops[3].status, 0);
    assert_int_equal(ops[4].status, KJ_ENOTFOUND);
    assert_int_equal(ops[5].count, 0);
    assert_int_equal(answer(world, ask(world, 0, "w")) == NULL, 0);
}

struct nth {
    struct world *world;
    int64_t n;
};

static void check_nth(struct kj_store_request *request)
{
    struct nth *nth = request->arg;
    struct world *world = nth->world;
    assert_int_equal(world->n_done++, nth->n);
    assert_int_equal(request->ops[0].new_id, nth->n + 1);
    assert_int_equal(request->ops[1].count, nth->n + 1); // sees those before it, none behind it
    free(nth);
    if (--world->open_requests == 0)
        kj_loop_stop(world->loop);
}

static void case_requests_in_order(struct world *world)
{
    for (int64_t n = 0; n < 200; n++) {
        struct nth *nth = KJ_NEW(struct nth);
        *nth = (struct nth){world, n};
        struct kj_store_request *request = kj_store_request(2, "w", check_nth, nth);
        request->ops[0].verb = KJ_STORE_INSERT;
        request->ops[1].verb = KJ_STORE_COUNT;
        request->ops[0].coll = request->ops[1].coll = KJ_CALLS;
        kj_store_own_doc(request, 0, doc("i:n", n));
        world->open_requests++;
        kj_store_submit(world->store, request);
        assert_int_equal(world->n_done, 0); // never from inside submit
    }
    kj_loop_run(world->loop);
    assert_int_equal(world->n_done, 200);
}

static void insert_with_event(struct world *world, const char *workspace, bson_t *document,
                              bson_t *events)
{
    struct kj_store_request *request = ask(world, 1, workspace);
    request->ops[0].verb = KJ_STORE_INSERT;
    request->ops[0].coll = KJ_NUMBERS;
    kj_store_own_doc(request, 0, document);
    kj_store_own_events(request, 0, events);
    answer(world, request);
}

static void check_events_came(struct kj_store_request *request)
{
    struct world *world = request->arg;
    world->n_done++;
    assert_true(world->n_events >= world->n_done); // its event was there before it was done
    if (--world->open_requests == 0)
        kj_loop_stop(world->loop);
}

static void case_events(struct world *world)
{
    enum { MANY = 150 };
    for (int64_t n = 0; n < MANY; n++) {
        struct kj_store_request *request = kj_store_request(1, "w", check_events_came, world);
        request->ops[0].verb = KJ_STORE_INSERT;
        request->ops[0].coll = KJ_CALLS;
        kj_store_own_doc(request, 0, doc("i:n", n));
        kj_store_own_events(request, 0, one_event("call.created", n));
        world->open_requests++;
        kj_store_submit(world->store, request);
    }
    kj_loop_run(world->loop);
    assert_int_equal(world->n_events, MANY);
    for (size_t i = 0; i < world->n_events; i++) {
        assert_int_equal(kj_doc_int(world->events[i], "_id", 0), i + 1);
        assert_int_equal(kj_doc_int(world->events[i], "data.n", -1), i);
        assert_string_equal(kj_doc_text(world->events[i], "name", ""), "call.created");
        assert_string_equal(kj_doc_text(world->events[i], "workspace", ""), "w");
        assert_string_equal(kj_doc_text(world->events[i], "host", ""), "h1");
        assert_true(kj_doc_time(world->events[i], "at", 0) >= T0 * 1000LL);
        assert_false(kj_doc_has(world->events[i], "simulated"));
    }
    bson_t *since = bson_new(), *more = doc("i:$gt", (int64_t)(MANY - 2));
    kj_doc_put_doc(since, "_id", more);
    bson_destroy(more);
    struct kj_store_op *op = find(world, "w", KJ_EVENTS, since, NULL, 0);
    assert_int_equal(op->n_docs, 2);
    assert_true(bson_equal(op->docs[1], world->events[MANY - 1]));
    // Two with one write; a read can carry one too. The count goes on after a new start.
    world->config.simulated = true;
    if (world->factory->keeps)
        world_reopen(world);
    bson_t *two = one_event("a", 1), *second = doc("s:name", "b");
    kj_doc_put_doc(two, "1", second);
    bson_destroy(second);
    insert_with_event(world, "w", doc("n:x"), two);
    assert_int_equal(world->n_events, MANY + 2);
    assert_int_equal(kj_doc_int(world->events[MANY + 1], "_id", 0), MANY + 2);
    assert_string_equal(kj_doc_text(world->events[MANY + 1], "name", ""), "b");
    bson_iter_t data;
    assert_true(kj_doc_find(world->events[MANY + 1], "data", &data));
    assert_int_equal(kj_doc_bool(world->events[MANY + 1], "simulated", false),
                     world->factory->keeps);
}

static void case_events_of_failures(struct world *world)
{
    insert_with_event(world, "w", doc("s:key", "k"), one_event("first", 1));
    insert_with_event(world, "w", doc("s:key", "k"), one_event("second", 2));
    assert_int_equal(world->ops->status, KJ_EEXISTS);
    // Malformed events: nothing is written.
    bson_t *bad[] = {doc("i:0", (int64_t)1), one_event("", 1)};
    for (size_t i = 0; i < KJ_COUNT(bad); i++) {
        insert_with_event(world, "w", doc("s:key", "bad"), bad[i]);
        assert_int_equal(world->ops->status, KJ_EINVAL);
        assert_true(world->fault.text[0] != 0);
    }
    assert_int_equal(get(world, "w", KJ_NUMBERS, 0, "bad")->status, KJ_ENOTFOUND);
    insert_with_event(world, "w", doc("s:key", "l"), one_event("third", 3));
    assert_int_equal(world->n_events, 2);
    assert_int_equal(kj_doc_int(world->events[1], "_id", 0), 2);
    assert_string_equal(kj_doc_text(world->events[1], "name", ""), "third");
}

static void case_events_workspace(struct world *world)
{
    int64_t id = insert(world, "w", KJ_NUMBERS, doc("s:key", "k"))->new_id;
    struct kj_store_request *request = ask(world, 1, "");
    request->ops[0].verb = KJ_STORE_REPLACE;
    request->ops[0].coll = KJ_NUMBERS;
    request->ops[0].id = id;
    request->ops[0].version = 1;
    kj_store_own_doc(request, 0, doc("s:key", "k"));
    bson_t *events = one_event("own", 1), *named = doc("s:name s:workspace", "named", "v");
    kj_doc_put_doc(events, "1", named);
    bson_destroy(named);
    kj_store_own_events(request, 0, events);
    assert_int_equal(answer(world, request)->status, 0);
    assert_int_equal(world->n_events, 2);
    assert_string_equal(kj_doc_text(world->events[0], "workspace", ""), "w");
    assert_string_equal(kj_doc_text(world->events[1], "workspace", ""), "v");
    // A tenant cannot write into another's stream.
    bson_t *forged = doc("s:name s:workspace", "forged", "v"), *array = bson_new();
    kj_doc_put_doc(array, "0", forged);
    bson_destroy(forged);
    insert_with_event(world, "w", doc("n:x"), array);
    assert_string_equal(kj_doc_text(world->events[2], "workspace", ""), "w");
}

static void case_events_kept(struct world *world)
{
    enum { MANY = 2500, KEPT = 100 };
    world_close(world);
    world->config.events_kept = KEPT;
    world_open(world);
    for (int n = 0; n < MANY / 10; n++) {
        struct kj_store_request *request = kj_store_request(1, "w", check_events_came, world);
        bson_t *events = bson_new(), *event = doc("s:name", "tick");
        struct kj_doc_list list = {events};
        for (int i = 0; i < 10; i++)
            kj_doc_put_doc(events, kj_doc_next(&list), event);
        bson_destroy(event);
        request->ops[0].verb = KJ_STORE_INSERT;
        request->ops[0].coll = KJ_CALLS;
        kj_store_own_doc(request, 0, doc("n:x"));
        kj_store_own_events(request, 0, events);
        world->open_requests++;
        kj_store_submit(world->store, request);
        if (n % 10 == 9)
            kj_loop_run(world->loop);
    }
    assert_int_equal(world->n_events, MANY);
    assert_int_equal(kj_doc_int(world->events[MANY - 1], "_id", 0), MANY);
    // Trimmed now and then, so a few more than asked for; always the newest.
    struct kj_store_op *op = find(world, "", KJ_EVENTS, NULL, NULL, 10000);
    assert_in_range(op->n_docs, KEPT, KEPT + 1100);
    assert_int_equal(kj_doc_int(op->docs[op->n_docs - 1], "_id", 0), MANY);
    assert_int_equal(kj_doc_int(op->docs[0], "_id", 0), MANY + 1 - (int64_t)op->n_docs);
}

static void case_kept(struct world *world)
{
    if (!world->factory->keeps)
        return;
    insert(world, "w", KJ_LEADS, doc("s:phone_number s:list", "+1", "x"));
    world_reopen(world);
    assert_int_equal(find(world, "w", KJ_LEADS, doc("s:list", "x"), NULL, 0)->n_docs, 1);
    assert_int_equal(insert(world, "w", KJ_LEADS, doc("s:phone_number", "+1"))->status, KJ_EEXISTS);
}

static struct kj_store_op *next_id(struct world *world, enum kj_coll coll, int64_t at_least)
{
    struct kj_store_request *request = ask(world, 1, "");
    request->ops[0].verb = KJ_STORE_NEXT;
    request->ops[0].coll = coll;
    request->ops[0].id = at_least;
    return answer(world, request);
}

static struct kj_store_op *put(struct world *world, enum kj_coll coll, bson_t *document)
{
    struct kj_store_request *request = ask(world, 1, "");
    request->ops[0].verb = KJ_STORE_PUT;
    request->ops[0].coll = coll;
    kj_store_own_doc(request, 0, document);
    return answer(world, request);
}

static void case_move(struct world *world)
{
    assert_int_equal(next_id(world, KJ_LEADS, 0)->new_id, 1);
    assert_int_equal(put(world, KJ_LEADS,
                         doc("i:_id i:version s:workspace s:phone_number s:list", (int64_t)7,
                             (int64_t)3, "w", "+1", "x"))
                         ->status,
                     0);
    struct kj_store_op *op = get(world, "w", KJ_LEADS, 0, "+1");
    bson_t *expected = doc("i:_id i:version s:workspace s:phone_number s:list", (int64_t)7,
                           (int64_t)3, "w", "+1", "x");
    assert_int_equal(op->status, 0);
    assert_true(bson_equal(op->docs[0], expected));
    bson_destroy(expected);
    // Over what is there; its old values are gone.
    put(world, KJ_LEADS, doc("i:_id i:version s:workspace", (int64_t)7, (int64_t)5, "w"));
    assert_int_equal(get(world, "w", KJ_LEADS, 0, "+1")->status, KJ_ENOTFOUND);
    assert_int_equal(replace(world, "w", KJ_LEADS, 7, 5, doc("s:list", "y"))->new_version, 6);
    // Events too, and numbers that no document tells of.
    put(world, KJ_EVENTS,
        doc("i:_id i:version s:workspace s:name", (int64_t)4, (int64_t)1, "w", "e"));
    assert_joined(find(world, "w", KJ_EVENTS, NULL, NULL, 0), "name", "e");
    assert_int_equal(next_id(world, KJ_LEADS, 20)->new_id, 21);
    if (world->factory->keeps)
        world_reopen(world);
    assert_int_equal(next_id(world, KJ_LEADS, 0)->new_id, 21);
    assert_int_equal(insert(world, "w", KJ_LEADS, doc("n:x"))->new_id, 21);
    assert_int_equal(put(world, KJ_LEADS, doc("s:list", "no id"))->status, KJ_EINVAL);
    if (!world->factory->keeps)
        return;
    insert_with_event(world, "w", doc("n:x"), one_event("on", 1)); // behind those that were moved
    assert_int_equal(kj_doc_int(world->events[world->n_events - 1], "_id", 0), 5);
}

static void count_done(struct kj_store_request *request)
{
    struct world *world = request->arg;
    assert_int_equal(request->ops[0].status, 0);
    world->n_done++;
    if (world->n_done != 1)
        return;
    // A `done` that asks for more is answered too.
    kj_store_get(world->store, "w", KJ_CALLS, 1, NULL, count_done, world);
}

static void case_destroy(struct world *world)
{
    for (int i = 0; i < 50; i++) {
        struct kj_store_request *request = kj_store_request(1, "w", count_done, world);
        request->ops[0].verb = i % 2 ? KJ_STORE_COUNT : KJ_STORE_INSERT;
        request->ops[0].coll = KJ_CALLS;
        request->ops[0].stale_ok = i % 2;
        if (i % 2 == 0)
            kj_store_own_doc(request, 0, doc("n:x"));
        kj_store_submit(world->store, request);
    }
    struct kj_store_request *unused = kj_store_request(1, "w", count_done, world);
    kj_store_own_doc(unused, 0, doc("n:x"));
    kj_store_discard(unused);
    world_close(world);
    assert_int_equal(world->n_done, 51);
    world_open(world);
    if (world->factory->keeps)
        assert_int_equal(find(world, "w", KJ_CALLS, NULL, NULL, 0)->n_docs, 25);
}

// --- a long random run against a model ---

enum { KEYS = 12 };

struct thing {
    bool there;
    int64_t id, version, n;
};

static void model_insert(struct world *world, struct thing *thing, const char *key, int64_t n,
                         int64_t *next_id)
{
    struct kj_store_op *op = insert(world, "w", KJ_LIMITS, doc("s:key i:n", key, n));
    assert_int_equal(op->status, thing->there ? KJ_EEXISTS : 0);
    if (!thing->there)
        *thing = (struct thing){true, (*next_id)++, 1, n};
    assert_int_equal(op->new_id, thing->id);
}

static void model_replace(struct world *world, struct thing *thing, const char *key, int64_t n,
                          bool stale)
{
    struct kj_store_op *op = replace(world, "w", KJ_LIMITS, thing->id ? thing->id : 999999,
                                     thing->version - stale, doc("s:key i:n", key, n));
    assert_int_equal(op->status, !thing->there ? KJ_ENOTFOUND : stale ? KJ_ECONFLICT : 0);
    if (op->status < 0)
        return;
    thing->n = n;
    assert_int_equal(op->new_version, ++thing->version);
}

static void model_increment(struct world *world, struct thing *thing, const char *key, int64_t n,
                            int64_t *next_id)
{
    struct kj_store_op *op = increment(world, "w", KJ_LIMITS, 0, key, doc("i:n", n));
    assert_int_equal(op->status, 0);
    if (!thing->there)
        *thing = (struct thing){true, (*next_id)++, 0, 0};
    thing->n += n;
    thing->version++;
    assert_int_equal(kj_doc_int(op->docs[0], "n", 0), thing->n);
}

static void model_delete(struct world *world, struct thing *thing)
{
    struct kj_store_op *op = delete (world, "w", KJ_LIMITS, thing->id ? thing->id : 999999, 0);
    assert_int_equal(op->status, thing->there ? 0 : KJ_ENOTFOUND);
    thing->there = false;
}

static void model_get(struct world *world, const struct thing *thing, const char *key)
{
    struct kj_store_op *op = get(world, "w", KJ_LIMITS, 0, key);
    assert_int_equal(op->status, thing->there ? 0 : KJ_ENOTFOUND);
    if (!thing->there)
        return;
    assert_int_equal(kj_doc_int(op->docs[0], "_id", 0), thing->id);
    assert_int_equal(kj_doc_int(op->docs[0], "version", 0), thing->version);
    assert_int_equal(kj_doc_int(op->docs[0], "n", 0), thing->n);
}

static void case_model(struct world *world)
{
    struct thing things[KEYS] = {{0}};
    struct kj_rng rng;
    int64_t next_id = 1;
    kj_rng_init(&rng, 42);
    for (int step = 0; step < 600; step++) {
        int64_t which = kj_rng_range(&rng, 0, KEYS - 1), n = kj_rng_range(&rng, -100, 100);
        struct thing *thing = &things[which];
        char key[8];
        snprintf(key, sizeof key, "k%d", (int)which);
        int verb = (int)kj_rng_range(&rng, 0, 5);
        if (verb == 0)
            model_insert(world, thing, key, n, &next_id);
        else if (verb <= 2)
            model_replace(world, thing, key, n, verb == 2);
        else if (verb == 3)
            model_increment(world, thing, key, n, &next_id);
        else if (verb == 4)
            model_delete(world, thing);
        else
            model_get(world, thing, key);
        if (step == 300 && world->factory->keeps)
            world_reopen(world);
    }
    size_t there = 0;
    for (int i = 0; i < KEYS; i++)
        there += things[i].there;
    assert_int_equal(find(world, "w", KJ_LIMITS, NULL, NULL, 0)->n_docs, there);
}

#endif
