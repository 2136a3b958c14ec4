// A group: everything that was queued, planned into waves (mongo_plan.c), each wave into batches of
// one collection and verb, each batch a command or two. The events of a wave are copied before the
// next begins, so that they stand in the order of the writes.
#include "store/mongo.h"

#include "base/alloc.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// --- a batch ---

static int run_verb(struct kj_mongo_work *work, struct kj_mongo_item **items, size_t count)
{
    switch (items[0]->op->verb) {
    case KJ_STORE_GET:
        return kj_mongo_get(work, items, count);
    case KJ_STORE_INSERT:
        return kj_mongo_insert(work, items, count);
    case KJ_STORE_REPLACE:
        return kj_mongo_replace(work, items, count);
    case KJ_STORE_INCREMENT:
        return kj_mongo_increment(work, items, count);
    case KJ_STORE_DELETE:
        return kj_mongo_delete(work, items, count);
    case KJ_STORE_FIND:
        return kj_mongo_find(work, items[0]);
    case KJ_STORE_COUNT:
        return kj_mongo_count(work, items[0]);
    case KJ_STORE_PUT:
        return kj_mongo_put(work, items, count);
    case KJ_STORE_NEXT:
        return kj_mongo_next(work, items[0]);
    default:
        return kj_mongo_claim(work, items, count);
    }
}

void kj_mongo_batch(struct kj_mongo *mongo, struct kj_mongo_item **items, size_t count)
{
    struct kj_mongo_work work;
    int rc = kj_mongo_begin(mongo, &work);
    if (rc == 0)
        rc = run_verb(&work, items, count);
    kj_mongo_end(&work, rc);
    for (size_t i = 0; i < count; i++) {
        if (items[i]->done)
            continue;
        kj_store_clear_result(items[i]->op);
        items[i]->request->fault = work.fault;
        kj_mongo_done(items[i], rc < 0 ? rc : KJ_EINTERNAL);
    }
}

// --- a group ---

struct group {
    struct kj_mongo *mongo;
    struct kj_mongo_item *items; // in the order of submission
    struct kj_mongo_item **sorted;
    size_t *ends;
    size_t count;
    bool beside; // of the read lane: it has no crew and writes nothing
};

static void stamp(struct kj_mongo *mongo, struct kj_mongo_item *item)
{
    snprintf(item->stamp, sizeof item->stamp, "%03" PRIx64 "%06" PRIx64 "%09" PRIx64,
             (uint64_t)mongo->slot, (uint64_t)mongo->epoch, mongo->stamps++);
}

static void list_items(struct group *group, struct kj_store_request *first)
{
    for (struct kj_store_request *request = first; request; request = request->next)
        group->count += request->n_ops;
    group->items = kj_alloc((group->count + 1) * sizeof *group->items);
    group->sorted = kj_alloc((group->count + 1) * sizeof *group->sorted);
    group->ends = kj_alloc((group->count + 1) * sizeof *group->ends);
    size_t n = 0;
    for (struct kj_store_request *request = first; request; request = request->next)
        for (size_t i = 0; i < request->n_ops; i++, n++) {
            struct kj_mongo_item *item = &group->items[n];
            *item = (struct kj_mongo_item){
                .request = request, .op = &request->ops[i], .order = (uint32_t)n};
            group->sorted[n] = item;
            if (!group->beside)
                stamp(group->mongo, item);
            memcpy(item->workspace, request->workspace, sizeof item->workspace);
            int rc = kj_store_check(request, item->op);
            if (rc < 0)
                kj_mongo_done(item, rc);
        }
}

static int by_batch(const void *a, const void *b)
{
    const struct kj_mongo_item *x = *(struct kj_mongo_item *const *)a,
                               *y = *(struct kj_mongo_item *const *)b;
    if (x->wave != y->wave)
        return x->wave < y->wave ? -1 : 1;
    if (x->op->coll != y->op->coll)
        return x->op->coll < y->op->coll ? -1 : 1;
    if (x->op->verb != y->op->verb)
        return x->op->verb < y->op->verb ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

static int by_order(const void *a, const void *b)
{
    const struct kj_mongo_item *x = *(struct kj_mongo_item *const *)a,
                               *y = *(struct kj_mongo_item *const *)b;
    return x->order < y->order ? -1 : x->order > y->order;
}

static bool same_batch(const struct kj_mongo_item *a, const struct kj_mongo_item *b)
{
    return a->op->coll == b->op->coll && a->op->verb == b->op->verb &&
           a->op->verb != KJ_STORE_FIND && a->op->verb != KJ_STORE_COUNT &&
           a->op->verb != KJ_STORE_NEXT;
}

static void run_wave(struct group *group, struct kj_mongo_item **items, size_t count,
                     struct kj_store_op *events)
{
    struct kj_mongo_batches batches = {.items = items, .ends = group->ends};
    for (size_t i = 1; i <= count; i++)
        if (i == count || !same_batch(items[i - 1], items[i]))
            batches.ends[batches.count++] = i;
    if (!group->beside)
        kj_mongo_crew_run(group->mongo->crew, &batches);
    else
        for (size_t i = 0; i < batches.count; i++) {
            size_t from = i ? batches.ends[i - 1] : 0;
            kj_mongo_batch(group->mongo, items + from, batches.ends[i] - from);
        }
    if (group->beside)
        return;
    qsort(items, count, sizeof *items, by_order);
    kj_mongo_copy_events(group->mongo, items, count, events);
    kj_mongo_mind_events(group->mongo, items, count);
}

static void run_waves(struct group *group, struct kj_store_op *events)
{
    size_t first = 0;
    while (first < group->count && group->sorted[first]->wave == 0)
        first++; // refused before
    while (first < group->count) {
        size_t end = first;
        while (end < group->count && group->sorted[end]->wave == group->sorted[first]->wave)
            end++;
        run_wave(group, group->sorted + first, end - first, events);
        first = end;
    }
}

// `run` of both lanes.
void kj_mongo_group(struct kj_lane *lane, struct kj_store_request *first,
                    struct kj_store_op *events)
{
    struct group group = {.mongo = lane->arg};
    group.beside = lane == &group.mongo->read;
    list_items(&group, first);
    if (kj_mongo_plan(group.items, group.count) > 0) {
        qsort(group.sorted, group.count, sizeof *group.sorted, by_batch);
        run_waves(&group, events);
        if (!group.beside)
            kj_mongo_tidy(group.mongo, false, first->at, events);
    }
    free(group.items);
    free(group.sorted);
    free(group.ends);
}
