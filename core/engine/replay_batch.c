// Some calls of a replay: matched with what was decided, completed by the model if that is wished,
// then judged and compared on a thread of the scripts, where nothing but the batch is touched.
#include "engine/replay_own.h"

#include "base/alloc.h"
#include "doc/element.h"
#include "engine/answers.h"
#include "engine/path.h"
#include "engine/question.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { k_asks_at_once = 8 };

// --- from the page ---

static bool wanted(const struct kj_replay *replay, const bson_t *call, const bson_t *decision)
{
    const struct kj_replay_want *want = &replay->want;
    if (!kj_doc_has(call, "facts.kind"))
        return false;
    if (want->spoken && (!kj_streq(kj_doc_text(call, "disposition", ""), "completed") ||
                         kj_doc_count(call, "transcript") == 0))
        return false;
    if (want->group_id && kj_doc_int(call, "group_id", 0) != want->group_id)
        return false;
    return want->group_id || want->campaign_id || want->calls ||
           kj_streq(kj_doc_text(decision, "pack", ""), kj_doc_text(replay->about, "name", ""));
}

static const uint8_t *facts_of(const struct kj_replay_item *item)
{
    bson_t facts;
    if (item->facts)
        return bson_get_data(item->facts);
    return kj_doc_child(item->call, "facts", &facts) ? bson_get_data(&facts) : NULL;
}

static void set_facts(struct kj_replay_batch *batch, size_t i)
{
    struct kj_replay_item *item = &batch->items[i];
    bson_t facts;
    item->bytes = batch->facts[i] = facts_of(item);
    kj_doc_child(item->call, "facts", &facts);
    item->open_texts =
        kj_answers_missing(batch->replay->about, item->facts ? item->facts : &facts, NULL);
}

static void take(struct kj_replay_batch *batch, bson_t **call, bson_t *decision)
{
    const struct kj_replay *replay = batch->replay;
    struct kj_replay_item *item = &batch->items[batch->count];
    bson_t facts;
    item->call = *call;
    item->decision = decision;
    *call = NULL;
    if (replay->goal && kj_doc_child(item->call, "facts", &facts) &&
        !kj_streq(kj_doc_text(&facts, "campaign.goal", ""), replay->goal))
        item->facts = kj_answers_for_goal(&facts, replay->goal);
    set_facts(batch, batch->count++);
}

struct kj_replay_batch *kj_replay_batch_new(struct kj_replay *replay, bson_t **calls, size_t count,
                                            struct kj_store_op *decisions)
{
    struct kj_replay_batch *batch = KJ_NEW(struct kj_replay_batch);
    batch->replay = replay;
    batch->items = kj_alloc(count * sizeof *batch->items);
    batch->facts = kj_alloc(count * sizeof *batch->facts);
    memset(batch->items, 0, count * sizeof *batch->items);
    batch->rows = bson_new();
    batch->list.array = batch->rows;
    size_t d = 0;
    for (size_t i = 0; i < count && d < decisions->n_docs; i++) {
        int64_t id = kj_doc_int(calls[i], "_id", 0);
        while (d < decisions->n_docs && kj_doc_int(decisions->docs[d], "call_id", 0) < id)
            d++;
        if (d == decisions->n_docs || kj_doc_int(decisions->docs[d], "call_id", 0) != id)
            continue; // not decided yet, or parked
        if (wanted(replay, calls[i], decisions->docs[d]))
            take(batch, &calls[i], kj_store_steal(decisions, d));
        d++;
    }
    return batch;
}

void kj_replay_batch_free(struct kj_replay_batch *batch)
{
    if (batch == NULL)
        return;
    for (size_t i = 0; i < batch->count; i++) {
        kj_doc_clear(&batch->items[i].call);
        kj_doc_clear(&batch->items[i].decision);
        kj_doc_clear(&batch->items[i].facts);
        kj_doc_clear(&batch->items[i].plan);
    }
    kj_doc_clear(&batch->rows);
    free(batch->items);
    free(batch->facts);
    free(batch);
}

// --- asking the model for what is missing ---

struct ask {
    struct kj_replay_batch *batch;
    size_t index;
};

static void ask_more(struct kj_replay_batch *batch);

static void on_model(void *arg, const struct kj_outcome *outcome, const bson_t *result)
{
    struct ask *ask = arg;
    struct kj_replay_batch *batch = ask->batch;
    struct kj_replay_item *item = &batch->items[ask->index];
    bson_t json, facts;
    if (outcome->class == KEJUE_OK && kj_doc_child(result, "json", &json)) {
        bson_t *answers = kj_question_answers(&json, result);
        bson_init_static(&facts, item->bytes, kj_load32(item->bytes));
        bson_t *more = kj_answers_add(&facts, answers);
        kj_doc_clear(&answers);
        kj_doc_clear(&item->facts);
        item->facts = more;
        set_facts(batch, ask->index);
        item->asked = true;
        batch->asked++;
    }
    if (outcome->class == KEJUE_CANCELED) // this host is ending
        batch->next_to_ask = batch->count;
    free(ask);
    batch->asking--;
    ask_more(batch);
    if (batch->asking == 0)
        kj_replay_asked(batch);
}

static bool ask_one(struct kj_replay_batch *batch, size_t index)
{
    struct kj_engine *engine = batch->replay->engine;
    const struct kj_replay_item *item = &batch->items[index];
    bson_t facts, rest = BSON_INITIALIZER;
    char key[160];
    bool asked = false;
    bson_init_static(&facts, item->bytes, kj_load32(item->bytes));
    bson_t *request = kj_answers_missing(batch->replay->about, &facts, &rest)
                          ? kj_question_build(&rest, &facts)
                          : NULL;
    if (request) {
        struct ask *ask = KJ_NEW(struct ask);
        struct kj_fault fault;
        *ask = (struct ask){batch, index};
        snprintf(key, sizeof key, "replay:%.16s:%.100s:%llx",
                 kj_doc_text(batch->replay->about, "hash", ""), kj_doc_text(item->call, "key", ""),
                 (unsigned long long)kj_hash(bson_get_data(request), request->len));
        struct kj_host_call call = {.instance = engine->own->model_instance,
                                    .verb = "llm.complete",
                                    .workspace = batch->replay->workspace,
                                    .key = key,
                                    .request = request};
        asked = kj_engine_call(engine, &call, on_model, ask, &fault);
        if (!asked)
            free(ask);
    }
    kj_doc_clear(&request);
    bson_destroy(&rest);
    return asked;
}

static void ask_more(struct kj_replay_batch *batch)
{
    while (batch->asking < k_asks_at_once && batch->next_to_ask < batch->count)
        batch->asking += ask_one(batch, batch->next_to_ask++);
}

void kj_replay_batch_ask(struct kj_replay_batch *batch)
{
    if (batch->replay->want.ask && batch->replay->engine->own->model_instance)
        ask_more(batch);
}

// --- judging, on a thread of the scripts ---

static void put_row(struct kj_replay_batch *batch, const struct kj_replay_item *item,
                    const bson_t *outcomes[2], enum kj_change change, const bson_t *differs,
                    const bson_t *plan)
{
    bson_t row = BSON_INITIALIZER, facts;
    char name[256];
    bson_init_static(&facts, item->bytes, kj_load32(item->bytes));
    kj_doc_put_from(&row, "call_id", item->call, "key");
    kj_doc_put_from(&row, "id", item->call, "_id");
    kj_doc_put_from(&row, "lead_id", item->call, "lead_id");
    const char *first = kj_doc_text(&facts, "lead.first_name", "");
    const char *last = kj_doc_text(&facts, "lead.last_name", "");
    snprintf(name, sizeof name, "%.120s%s%.120s", first, *first && *last ? " " : "", last);
    kj_doc_put_text(&row, "name", name);
    kj_doc_put_from(&row, "phone_number", item->call, "to");
    kj_doc_put_from(&row, "at", item->call, "created_at");
    kj_doc_put_text(&row, "change", kj_change_names[change]);
    kj_doc_put_array(&row, "differs", differs);
    kj_doc_put_doc(&row, "old", outcomes[0]);
    kj_doc_put_doc(&row, "new", outcomes[1]);
    if (item->open_texts)
        kj_doc_put_int(&row, "open_texts", item->open_texts);
    if (kj_doc_count(plan, "faults"))
        kj_doc_put_from(&row, "faults", plan, "faults");
    kj_doc_put_doc(batch->rows, kj_doc_next(&batch->list), &row);
    bson_destroy(&row);
}

static void each(void *arg, size_t index, const bson_t *plan)
{
    struct kj_replay_batch *batch = arg;
    const struct kj_replay *replay = batch->replay;
    struct kj_replay_item *item = &batch->items[index];
    bson_t facts, old, none = BSON_INITIALIZER, differs = BSON_INITIALIZER;
    bson_init_static(&facts, item->bytes, kj_load32(item->bytes));
    const bson_t *known = kj_doc_child(item->decision, "plan", &old) ? &old : &none;
    bson_t *before = kj_contrast_outcome(known);
    bson_t *after =
        kj_contrast_outcome_ruled(plan, &facts, kj_doc_bool(item->call, "recorded", false));
    const char *from = kj_doc_text(before, "success", NULL);
    const char *to = kj_doc_text(after, "success", NULL);
    if (!replay->level || kj_streq(from, replay->level) || kj_streq(to, replay->level)) {
        enum kj_change change = kj_contrast_levels(replay->levels, from, to);
        if (replay->want.run && !kj_replay_kept_before(item, replay->want.run, &change)) {
            item->plan = bson_copy(plan);
            item->change = change;
        }
        size_t count = kj_contrast_list(before, after, &differs);
        batch->total++;
        batch->changes[change]++;
        batch->changed += count > 0;
        batch->not_judged += item->open_texts > 0;
        batch->faults += kj_doc_count(plan, "faults") > 0;
        if (!replay->want.no_rows && (count || !replay->want.changed_only))
            put_row(batch, item, (const bson_t *[]){before, after}, change, &differs, plan);
    }
    bson_destroy(before);
    bson_destroy(after);
    bson_destroy(&differs);
    bson_destroy(&none);
}

static void on_judged(void *arg, int status, const struct kj_fault *fault)
{
    kj_replay_judged(arg, status, fault);
}

void kj_replay_batch_judge(struct kj_replay_batch *batch)
{
    struct kj_script_many many = {.facts = batch->facts,
                                  .count = batch->count,
                                  .each = each,
                                  .done = on_judged,
                                  .arg = batch};
    kj_script_judge_many(batch->replay->engine->script, batch->replay->version, &many);
}
