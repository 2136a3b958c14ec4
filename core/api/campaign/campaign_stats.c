// campaign.stats: what came of a campaign, counted from the documents themselves (decisions, jobs,
// messages) on the reading connection: no counter can drift.
#include "api/commands.h"
#include "api/documents.h"

#include "base/alloc.h"
#include "doc/tally.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { k_page = 2000 };

struct stats {
    struct kj_request *request;
    bson_t *campaign;
    int64_t id, after;
    int source;         // index into k_sources
    int64_t model_cost; // millionths
    int64_t attempts, reached, opt_outs, requested, kept, expired, jobs;
    struct kj_map dispositions, success, variables, messages, gates, states, outcomes, languages;
};

static void add_variables(struct stats *stats, const bson_t *decision)
{
    bson_t variables;
    bson_iter_t at;
    if (!kj_doc_child(decision, "plan.variables", &variables) || !bson_iter_init(&at, &variables))
        return;
    while (bson_iter_next(&at)) {
        bson_t variable;
        if (kj_doc_at(&at, &variable) && kj_doc_has(&variable, "value"))
            kj_tally_add(&stats->variables, bson_iter_key(&at), 1);
    }
}

static void add_decision(struct stats *stats, const bson_t *decision)
{
    stats->attempts++;
    stats->model_cost += kj_doc_int(decision, "model_cost.amount_micros", 0);
    stats->reached += kj_doc_bool(decision, "reached", false);
    stats->opt_outs += kj_doc_has(decision, "plan.opt_out");
    stats->requested += kj_streq(kj_doc_text(decision, "plan.next.kind", ""), "callback");
    stats->kept += kj_streq(kj_doc_text(decision, "type", ""), "callback");
    kj_tally_add(&stats->dispositions, kj_doc_text(decision, "disposition", NULL), 1);
    kj_tally_add(&stats->success, kj_doc_text(decision, "plan.success", NULL), 1);
    add_variables(stats, decision);
}

static void add_job(struct stats *stats, const bson_t *job)
{
    bson_t gates;
    bson_iter_t at;
    if (!kj_streq(kj_doc_text(job, "kind", ""), "call"))
        return;
    stats->jobs++;
    kj_tally_add(&stats->states, kj_doc_text(job, "state", NULL), 1);
    kj_tally_add(&stats->outcomes, kj_doc_text(job, "outcome", NULL), 1);
    stats->expired += kj_streq(kj_doc_text(job, "outcome", ""), "callback_expired");
    if (kj_doc_child(job, "gates", &gates) && bson_iter_init(&at, &gates))
        while (bson_iter_next(&at))
            kj_tally_add(&stats->gates, bson_iter_key(&at), bson_iter_as_int64(&at));
}

static void add_message(struct stats *stats, const bson_t *message)
{
    kj_tally_add(&stats->messages, kj_doc_text(message, "template", NULL), 1);
    kj_tally_add(&stats->languages, kj_doc_text(message, "language", NULL), 1);
}

static const struct {
    enum kj_coll coll;
    void (*add)(struct stats *stats, const bson_t *doc);
} k_sources[] = {{KJ_DECISIONS, add_decision}, {KJ_JOBS, add_job}, {KJ_MESSAGES, add_message}};

static void stats_free(struct stats *stats)
{
    struct kj_map *maps[] = {&stats->dispositions, &stats->success,  &stats->variables,
                             &stats->messages,     &stats->gates,    &stats->states,
                             &stats->outcomes,     &stats->languages};
    for (size_t i = 0; i < KJ_COUNT(maps); i++)
        kj_map_fini(maps[i]);
    kj_doc_clear(&stats->campaign);
    free(stats);
}

static void reply(struct stats *stats)
{
    static const char *const k_told[] = {"name", "status", "started_at", "ended_at",
                                         "calls_scheduled"};
    bson_t *result = bson_new(), callbacks = BSON_INITIALIZER;
    kj_doc_put_int(result, "id", stats->id);
    for (size_t i = 0; i < KJ_COUNT(k_told); i++)
        kj_doc_put_from(result, k_told[i], stats->campaign, k_told[i]);
    if (kj_request_engine(stats->request)->simulated)
        kj_doc_put_bool(result, "simulated", true);
    kj_doc_put_int(result, "jobs", stats->jobs);
    kj_tally_put(result, "states", &stats->states);
    kj_tally_put(result, "outcomes", &stats->outcomes);
    kj_doc_put_int(result, "attempts", stats->attempts);
    kj_doc_put_int(result, "reached", stats->reached);
    kj_doc_put_int(result, "opt_outs", stats->opt_outs);
    kj_tally_put(result, "dispositions", &stats->dispositions);
    kj_tally_put(result, "success", &stats->success);
    kj_tally_put(result, "variables", &stats->variables);
    kj_tally_put(result, "messages", &stats->messages);
    kj_tally_put(result, "message_languages", &stats->languages);
    kj_doc_put_int(&callbacks, "requested", stats->requested);
    kj_doc_put_int(&callbacks, "kept", stats->kept);
    kj_doc_put_int(&callbacks, "expired", stats->expired);
    kj_doc_put_doc(result, "callbacks", &callbacks);
    kj_tally_put(result, "gates", &stats->gates);
    if (stats->model_cost)
        kj_doc_put_int(result, "model_cost_micros", stats->model_cost);
    bson_destroy(&callbacks);
    kj_reply_take(stats->request, result);
    stats_free(stats);
}

static void next_page(struct stats *stats);

static void on_page(struct kj_store_request *store)
{
    struct stats *stats = store->arg;
    struct kj_store_op *op = &store->ops[0];
    if (op->status != KJ_OK) {
        kj_documents_fail(stats->request, op->status, "campaign");
        stats_free(stats);
        return;
    }
    for (size_t i = 0; i < op->n_docs; i++) {
        k_sources[stats->source].add(stats, op->docs[i]);
        stats->after = kj_doc_int(op->docs[i], "_id", 0);
    }
    if (op->n_docs < k_page) {
        stats->source++;
        stats->after = 0;
    }
    next_page(stats);
}

static void next_page(struct stats *stats)
{
    if (stats->source == (int)KJ_COUNT(k_sources)) {
        reply(stats);
        return;
    }
    bson_t *filter = bson_new(), after = BSON_INITIALIZER;
    kj_doc_put_int(filter, "campaign_id", stats->id);
    kj_doc_put_int(&after, "$gt", stats->after);
    kj_doc_put_doc(filter, "_id", &after);
    bson_destroy(&after);
    struct kj_store_request *store = kj_store_request(1, stats->request->workspace, on_page, stats);
    store->ops[0].verb = KJ_STORE_FIND;
    store->ops[0].coll = k_sources[stats->source].coll;
    store->ops[0].limit = k_page;
    store->ops[0].stale_ok = true;
    kj_store_own_filter(store, 0, filter);
    kj_store_submit(kj_request_engine(stats->request)->store, store);
}

static void on_campaign(struct kj_store_request *store)
{
    struct stats *stats = store->arg;
    struct kj_store_op *op = &store->ops[0];
    if (op->status != KJ_OK || op->n_docs == 0) {
        kj_documents_fail(stats->request, op->status ? op->status : KJ_ENOTFOUND, "campaign");
        stats_free(stats);
        return;
    }
    stats->campaign = bson_copy(op->docs[0]);
    next_page(stats);
}

void kj_campaign_stats(struct kj_request *request)
{
    struct stats *stats = KJ_NEW(struct stats);
    stats->request = request;
    stats->id = kj_doc_int(request->args, "id", 0);
    kj_store_get(kj_request_engine(request)->store, request->workspace, KJ_CAMPAIGNS, stats->id,
                 NULL, on_campaign, stats);
}
