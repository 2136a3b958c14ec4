// Pages through the calls that are over, a batch at a time: while the scripts judge one, the next
// is read, on the store's reading connection.
#include "engine/replay_own.h"

#include "base/alloc.h"
#include "engine/path.h"

#include <stdlib.h>
#include <string.h>

// A live decision may wait behind one batch of each replay that runs.
enum { k_batch = 64, k_rows_most = 1000, k_at_once = 8 };

static void replay_free(struct kj_replay *replay)
{
    kj_replay_batch_free(replay->ready);
    kj_replay_batch_free(replay->judged);
    kj_doc_clear(&replay->about);
    kj_doc_clear(&replay->levels);
    kj_doc_clear(&replay->calls);
    kj_doc_clear(&replay->rows);
    free(replay->level);
    free(replay->goal);
    free(replay);
}

static void unlink_it(struct kj_replay *replay)
{
    struct kj_replay **head = &replay->engine->own->replays;
    *(replay->previous ? &replay->previous->next : head) = replay->next;
    if (replay->next)
        replay->next->previous = replay->previous;
}

static bson_t *result_of(const struct kj_replay *replay)
{
    bson_t *result = bson_new();
    kj_doc_put_from(result, "pack", replay->about, "name");
    kj_doc_put_from(result, "hash", replay->about, "hash");
    kj_doc_put_int(result, "calls", replay->total);
    for (int i = 0; i < KJ_CHANGE_COUNT; i++)
        kj_doc_put_int(result, kj_change_names[i], replay->changes[i]);
    kj_doc_put_int(result, "changed", replay->changed);
    kj_doc_put_int(result, "not_judged", replay->not_judged);
    kj_doc_put_int(result, "faults", replay->faults);
    kj_doc_put_int(result, "asked", replay->asked);
    kj_doc_put_array(result, "rows", replay->rows);
    if (!replay->exhausted)
        kj_doc_put_int(result, "next", replay->after);
    if (replay->want.count)
        kj_doc_put_int(result, "of", replay->of);
    return result;
}

static void finish(struct kj_replay *replay)
{
    bson_t *result = replay->status ? NULL : result_of(replay);
    unlink_it(replay);
    replay->done(replay->arg, replay->status, result, replay->status ? &replay->fault : NULL);
    kj_doc_clear(&result);
    replay_free(replay);
}

static void fail(struct kj_replay *replay, int status, const struct kj_fault *fault)
{
    if (replay->status)
        return;
    replay->status = status;
    if (fault)
        replay->fault = *fault;
    else
        kj_fault(&replay->fault, status, "", "try again", "the calls could not be read (%s)",
                 kj_error_name(status));
}

static void read_calls(struct kj_replay *replay);

static void pump(struct kj_replay *replay)
{
    bool full = replay->left <= 0 || replay->list.count >= k_rows_most;
    bool over = replay->status || replay->exhausted || full;
    if (replay->ready && !replay->judged && replay->ready->asking == 0) {
        struct kj_replay_batch *batch = replay->ready;
        replay->judged = batch;
        replay->ready = NULL;
        kj_replay_batch_judge(batch);
    }
    if (!over && !replay->reading && !replay->ready)
        read_calls(replay);
    if (over && !replay->reading && !replay->ready && !replay->judged)
        finish(replay);
}

// --- reading ---

struct page {
    struct kj_replay *replay;
    bson_t **calls;
    size_t count;
};

static void page_free(struct page *page)
{
    for (size_t i = 0; i < page->count; i++)
        kj_doc_clear(&page->calls[i]);
    free(page->calls);
    free(page);
}

static void on_decisions(struct kj_store_request *request)
{
    struct page *page = request->arg;
    struct kj_replay *replay = page->replay;
    struct kj_store_op *op = &request->ops[0];
    replay->reading = false;
    if (op->status != KJ_OK) {
        fail(replay, op->status, NULL);
    } else {
        replay->ready = kj_replay_batch_new(replay, page->calls, page->count, op);
        kj_replay_batch_ask(replay->ready);
    }
    page_free(page);
    pump(replay);
}

static void read_decisions(struct page *page)
{
    bson_t *filter = bson_new(), range = BSON_INITIALIZER, ids = BSON_INITIALIZER;
    struct kj_doc_list list = {&ids};
    struct kj_store_request *request =
        kj_store_request(1, page->replay->workspace, on_decisions, page);
    for (size_t i = 0; i < page->count; i++)
        kj_doc_put_from(&ids, kj_doc_next(&list), page->calls[i], "_id");
    kj_doc_put_array(&range, "$in", &ids);
    kj_doc_put_doc(filter, "call_id", &range);
    request->ops[0].verb = KJ_STORE_FIND;
    request->ops[0].coll = KJ_DECISIONS;
    request->ops[0].sort = "call_id";
    request->ops[0].limit = k_batch;
    request->ops[0].stale_ok = true;
    kj_store_own_filter(request, 0, filter);
    kj_store_submit(page->replay->engine->store, request);
    bson_destroy(&ids);
    bson_destroy(&range);
}

static void on_calls(struct kj_store_request *request)
{
    struct kj_replay *replay = request->arg;
    struct kj_store_op *op = &request->ops[0];
    if (request->n_ops > 1)
        replay->of = request->ops[1].count;
    if (op->status != KJ_OK || op->n_docs == 0) {
        replay->reading = false;
        replay->exhausted = op->status == KJ_OK;
        if (op->status != KJ_OK)
            fail(replay, op->status, request->fault.code ? &request->fault : NULL);
        pump(replay);
        return;
    }
    struct page *page = KJ_NEW(struct page);
    page->replay = replay;
    page->count = op->n_docs;
    page->calls = kj_alloc(op->n_docs * sizeof *page->calls);
    for (size_t i = 0; i < op->n_docs; i++)
        page->calls[i] = kj_store_steal(op, i);
    replay->after = kj_doc_int(page->calls[page->count - 1], "_id", 0);
    replay->exhausted = (int64_t)page->count < op->limit;
    replay->left -= (int64_t)page->count;
    read_decisions(page);
}

static bson_t *filter_of(const struct kj_replay *replay)
{
    const struct kj_replay_want *want = &replay->want;
    bson_t *filter = bson_new(), ids = BSON_INITIALIZER, began = BSON_INITIALIZER;
    bson_t keys = BSON_INITIALIZER;
    kj_doc_put_text(filter, "state", "ended");
    if (want->campaign_id)
        kj_doc_put_int(filter, "campaign_id", want->campaign_id);
    kj_doc_put_int(&ids, "$gt", replay->after);
    kj_doc_put_doc(filter, "_id", &ids);
    if (replay->calls)
        kj_doc_put_array(&keys, "$in", replay->calls);
    if (replay->calls)
        kj_doc_put_doc(filter, "key", &keys);
    if (want->since)
        kj_doc_put_time(&began, "$gte", want->since);
    if (want->until)
        kj_doc_put_time(&began, "$lt", want->until);
    if (!bson_empty(&began))
        kj_doc_put_doc(filter, "created_at", &began);
    bson_destroy(&ids);
    bson_destroy(&keys);
    bson_destroy(&began);
    return filter;
}

static void read_calls(struct kj_replay *replay)
{
    bool count = replay->want.count && !replay->counted;
    struct kj_store_request *request =
        kj_store_request(count ? 2 : 1, replay->workspace, on_calls, replay);
    replay->reading = replay->counted = true;
    for (size_t i = 0; i < request->n_ops; i++) {
        request->ops[i].verb = i ? KJ_STORE_COUNT : KJ_STORE_FIND;
        request->ops[i].coll = KJ_CALLS;
        request->ops[i].stale_ok = true;
        kj_store_own_filter(request, i, filter_of(replay));
    }
    request->ops[0].limit = replay->left < k_batch ? replay->left : k_batch;
    kj_store_submit(replay->engine->store, request);
}

// --- judging ---

void kj_replay_asked(struct kj_replay_batch *batch)
{
    pump(batch->replay);
}

static void add(struct kj_replay *replay, const struct kj_replay_batch *batch)
{
    bson_iter_t at;
    replay->total += batch->total;
    replay->changed += batch->changed;
    replay->not_judged += batch->not_judged;
    replay->faults += batch->faults;
    replay->asked += batch->asked;
    for (int i = 0; i < KJ_CHANGE_COUNT; i++)
        replay->changes[i] += batch->changes[i];
    if (bson_iter_init(&at, batch->rows))
        while (bson_iter_next(&at))
            bson_append_iter(replay->rows, kj_doc_next(&replay->list), -1, &at);
}

static void leave(struct kj_replay_batch *batch, int status, const struct kj_fault *fault)
{
    struct kj_replay *replay = batch->replay;
    replay->judged = NULL;
    if (status)
        fail(replay, status, fault);
    else
        add(replay, batch);
    kj_replay_batch_free(batch);
    pump(replay);
}

void kj_replay_judged(struct kj_replay_batch *batch, int status, const struct kj_fault *fault)
{
    if (batch->replay->orphan)
        replay_free(batch->replay);
    else if (status == KJ_OK && batch->replay->want.run)
        kj_replay_keep(batch);
    else
        leave(batch, status, fault);
}

void kj_replay_kept(struct kj_replay_batch *batch, int status)
{
    leave(batch, status, NULL);
}

// --- the beginning and the end ---

static struct kj_replay *new_replay(struct kj_engine *engine, const char *workspace,
                                    const struct kj_replay_want *want)
{
    struct kj_replay *replay = KJ_NEW(struct kj_replay);
    replay->engine = engine;
    replay->want = *want;
    replay->after = want->after;
    replay->left = want->limit;
    replay->calls = want->calls ? bson_copy(want->calls) : NULL;
    replay->level = kj_strdup(want->level);
    replay->goal = kj_strdup(want->goal);
    kj_copy(replay->workspace, sizeof replay->workspace, workspace);
    kj_copy(replay->version, sizeof replay->version, want->version);
    replay->rows = bson_new();
    replay->list.array = replay->rows;
    replay->next = engine->own->replays;
    if (replay->next)
        replay->next->previous = replay;
    engine->own->replays = replay;
    return replay;
}

static int may_begin(struct kj_replay *replay)
{
    bson_t levels;
    int running = 0;
    for (const struct kj_replay *other = replay->engine->own->replays; other; other = other->next)
        running++;
    if (running > k_at_once)
        return kj_fault(&replay->fault, KJ_EUNAVAILABLE, "", "try again in a moment",
                        "%d replays run already", k_at_once);
    replay->about = kj_script_describe(replay->engine->script, replay->version);
    if (replay->about == NULL || !kj_doc_child(replay->about, "scale.levels", &levels))
        return kj_fault(&replay->fault, KJ_ENOTFOUND, replay->version,
                        "list the packs with rules.list", "there is no rule pack \"%.100s\"",
                        replay->version);
    replay->levels = bson_copy(&levels);
    return KJ_OK;
}

void kj_replay(struct kj_engine *engine, const char *workspace, const struct kj_replay_want *want,
               kj_engine_done *done, void *arg)
{
    struct kj_replay *replay = new_replay(engine, workspace, want);
    replay->done = done;
    replay->arg = arg;
    replay->status = may_begin(replay);
    pump(replay);
}

// Runs when the host is gone and the store's valve is shut: only scripts may still judge.
void kj_replay_forget_all(struct kj_engine *engine)
{
    while (engine->own->replays) {
        struct kj_replay *replay = engine->own->replays;
        struct kj_fault fault;
        unlink_it(replay);
        kj_fault(&fault, KJ_ECANCELED, NULL, "ask again when it is back", "kejued is stopping");
        replay->done(replay->arg, KJ_ECANCELED, NULL, &fault);
        replay->orphan = true;
        if (!replay->judged)
            replay_free(replay);
    }
}
