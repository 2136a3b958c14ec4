// Cases of the store's contract: find, count, stale reads.
#ifndef KJ_TEST_STORE_CASES_FIND_H
#define KJ_TEST_STORE_CASES_FIND_H

#include "contract/store_world.h"

// {field: {op: value}}; the value as in doc().
#define WITH(field, condition) with(field, condition)
static bson_t *with(const char *field, bson_t *condition)
{
    bson_t *out = bson_new();
    BSON_APPEND_DOCUMENT(out, field, condition);
    bson_destroy(condition);
    return out;
}

static bson_t *in_texts(const char *field, size_t count, const char *const *texts)
{
    bson_t array = BSON_INITIALIZER, *in = bson_new();
    struct kj_doc_list list = {&array};
    for (size_t i = 0; i < count; i++)
        kj_doc_put_text(&array, kj_doc_next(&list), texts[i]);
    kj_doc_put_array(in, "$in", &array);
    bson_destroy(&array);
    return with(field, in);
}

static void add_leads(struct world *world)
{
    static const struct {
        const char *name, *list, *status;
        int64_t at;
    } k_leads[] = {
        {"a", "x", "new", 50},  {"b", "x", "called", 40}, {"c", "y", "new", 30},
        {"d", NULL, "new", 20}, {"e", "xy", NULL, 10},
    };
    for (size_t i = 0; i < KJ_COUNT(k_leads); i++) {
        bson_t *lead = doc("s:name t:created_at", k_leads[i].name, k_leads[i].at);
        kj_doc_put_text(lead, "list", k_leads[i].list);
        kj_doc_put_text(lead, "status", k_leads[i].status);
        assert_int_equal(insert(world, "w", KJ_LEADS, lead)->status, 0);
    }
    insert(world, "other", KJ_LEADS, doc("s:name s:list s:status", "z", "x", "new"));
}

#define assert_found(filter, expected)                                           \
    do {                                                                         \
        struct kj_store_op *op_ = find(world, "w", KJ_LEADS, (filter), NULL, 0); \
        assert_int_equal(op_->status, 0);                                        \
        assert_joined(op_, "name", (expected));                                  \
    } while (0)

static void case_find(struct world *world)
{
    static const char *const k_texts[] = {"y", "xy", "no"};
    add_leads(world);
    assert_found(NULL, "a b c d e");
    assert_found(doc(""), "a b c d e");
    assert_found(doc("s:list", "x"), "a b");
    assert_found(doc("s:list s:status", "x", "new"), "a");
    assert_found(doc("n:list"), "d");
    assert_found(doc("t:created_at", (int64_t)30), "c");
    assert_found(doc("i:_id", (int64_t)2), "b");
    assert_found(WITH("list", doc("s:$eq", "y")), "c");
    assert_found(WITH("list", doc("s:$ne", "x")), "c d e"); // absent is not x either
    assert_found(WITH("list", doc("n:$ne")), "a b c e");
    assert_found(WITH("created_at", doc("t:$lt", (int64_t)30)), "d e");
    assert_found(WITH("created_at", doc("t:$lte", (int64_t)30)), "c d e");
    assert_found(WITH("created_at", doc("t:$gt", (int64_t)30)), "a b");
    assert_found(WITH("created_at", doc("t:$gte t:$lt", (int64_t)20, (int64_t)40)), "c d");
    assert_found(WITH("created_at", doc("i:$gte", (int64_t)40)), "a b"); // milliseconds will do
    assert_found(WITH("_id", doc("i:$gt", (int64_t)3)), "d e");
    assert_found(in_texts("list", 3, k_texts), "c e");
    assert_found(in_texts("list", 1, k_texts), "c");
    assert_found(in_texts("list", 0, k_texts), "");
    assert_found(WITH("list", doc("s:$prefix", "x")), "a b e");
    assert_found(WITH("list", doc("s:$prefix", "xy")), "e");
    assert_found(WITH("list", doc("s:$prefix", "")), "a b c e");
    assert_found(WITH("list", doc("s:$lt", "xy")), "a b"); // absent is not less
}

static void case_find_order(struct world *world)
{
    add_leads(world);
    assert_joined(find(world, "w", KJ_LEADS, NULL, "-_id", 0), "name", "e d c b a");
    assert_joined(find(world, "w", KJ_LEADS, NULL, "created_at", 0), "name", "e d c b a");
    assert_joined(find(world, "w", KJ_LEADS, NULL, "-created_at", 2), "name", "a b");
    // Equal values in the order of their ids; absent before all.
    assert_joined(find(world, "w", KJ_LEADS, NULL, "status", 0), "name", "e b a c d");
    assert_joined(find(world, "w", KJ_LEADS, NULL, "-status", 0), "name", "d c a b e");
    assert_joined(find(world, "w", KJ_LEADS, doc("s:status", "new"), "-_id", 2), "name", "d c");
    struct kj_store_request *request = ask(world, 1, "w");
    request->ops[0].verb = KJ_STORE_FIND;
    request->ops[0].coll = KJ_LEADS;
    request->ops[0].skip = 3;
    assert_joined(answer(world, request), "name", "d e");
    for (int i = 0; i < 120; i++)
        insert(world, "many", KJ_LEADS, doc("n:x"));
    assert_int_equal(find(world, "many", KJ_LEADS, NULL, NULL, 0)->n_docs, 100);
    assert_int_equal(find(world, "many", KJ_LEADS, NULL, NULL, 1000)->n_docs, 120);
}

static void case_find_refused(struct world *world)
{
    bson_t *numbers = bson_new(), *nested = doc("i:x", (int64_t)1), *nulls = bson_new();
    bson_t array = BSON_INITIALIZER;
    BSON_APPEND_NULL(&array, "0");
    BSON_APPEND_ARRAY(nulls, "$in", &array);
    BSON_APPEND_INT32(numbers, "$in", 5);
    struct {
        bson_t *filter;
        const char *names;
    } bad[] = {
        {doc("s:first_name", "Ada"), "first_name"},
        {doc("s:list.x", "Ada"), "list.x"},
        {doc("d:$or", nested), "$or"},
        {doc("i:version", (int64_t)1), "version"},
        {doc("i:list", (int64_t)1), "list"},
        {doc("s:created_at", "2026-01-01"), "created_at"},
        {WITH("list", doc("s:$regex", "x")), "list"},
        {WITH("list", doc("i:x", (int64_t)1)), "list"},
        {WITH("list", doc("")), "list"},
        {WITH("list", doc("n:$lt")), "list"},
        {WITH("created_at", doc("t:$prefix", (int64_t)1)), "created_at"},
        {WITH("list", numbers), "list"},
        {WITH("list", nulls), "list"},
    };
    for (size_t i = 0; i < KJ_COUNT(bad); i++) {
        assert_int_equal(find(world, "w", KJ_LEADS, bad[i].filter, NULL, 0)->status, KJ_EINVAL);
        assert_non_null(strstr(world->fault.text, bad[i].names));
        assert_non_null(strstr(world->fault.text, "leads"));
    }
    assert_int_equal(find(world, "w", KJ_LEADS, NULL, "-first_name", 0)->status, KJ_EINVAL);
    assert_non_null(strstr(world->fault.text, "first_name"));
    assert_int_equal(find(world, "w", KJ_LEADS, NULL, NULL, -1)->status, KJ_EINVAL);
    assert_int_equal(find(world, "w", KJ_LEADS, NULL, NULL, 1000000)->status, KJ_ELIMIT);
    bson_destroy(nested);
    bson_destroy(&array);
}

static int64_t count(struct world *world, const char *workspace, bson_t *filter)
{
    struct kj_store_request *request = ask(world, 1, workspace);
    request->ops[0].verb = KJ_STORE_COUNT;
    request->ops[0].coll = KJ_LEADS;
    kj_store_own_filter(request, 0, filter);
    assert_int_equal(answer(world, request)->status, 0);
    return world->ops->count;
}

static void case_count(struct world *world)
{
    add_leads(world);
    assert_int_equal(count(world, "w", NULL), 5);
    assert_int_equal(count(world, "", NULL), 6);
    assert_int_equal(count(world, "none", NULL), 0);
    assert_int_equal(count(world, "w", doc("s:status", "new")), 3);
    assert_int_equal(count(world, "w", WITH("created_at", doc("t:$gte", (int64_t)30))), 3);
}

// A stale read sees at least what was acknowledged before it was asked for.
static void case_stale(struct world *world)
{
    add_leads(world);
    struct kj_store_request *request = ask(world, 3, "w");
    request->ops[0].verb = KJ_STORE_FIND;
    request->ops[1].verb = KJ_STORE_COUNT;
    request->ops[2].verb = KJ_STORE_GET;
    request->ops[2].id = 3;
    for (int i = 0; i < 3; i++) {
        request->ops[i].coll = KJ_LEADS;
        request->ops[i].stale_ok = true;
    }
    answer(world, request);
    assert_joined(&world->ops[0], "name", "a b c d e");
    assert_int_equal(world->ops[1].count, 5);
    assert_joined(&world->ops[2], "name", "c");
    // Beside a write it is an ordinary read.
    request = ask(world, 2, "w");
    request->ops[0].verb = KJ_STORE_INSERT;
    request->ops[0].coll = request->ops[1].coll = KJ_LEADS;
    kj_store_own_doc(request, 0, doc("s:name", "f"));
    request->ops[1].verb = KJ_STORE_COUNT;
    request->ops[1].stale_ok = true;
    assert_int_equal(answer(world, request)[1].count, 6);
}

#endif
