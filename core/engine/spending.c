// See spending.h. The sum lives in a counter, so that many calls at once cost one small write each;
// what each call cost stands in its own facts.
#include "engine/spending.h"

#include "base/alloc.h"
#include "base/log.h"
#include "engine/modify.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct check {
    struct kj_path *path;
    int64_t budget;
    void (*done)(struct kj_path *path, void *arg, const char *refused);
    void *arg;
};

static int64_t budget_of(const struct kj_path *path)
{
    return path->campaign ? kj_doc_int(path->campaign, "model_budget.amount_micros", -1) : -1;
}

static void counter_key(int64_t campaign, char key[48])
{
    snprintf(key, 48, "model_cost:%" PRId64, campaign);
}

static void on_spent(struct kj_store_request *request)
{
    struct check *check = request->arg;
    const struct kj_store_op *op = &request->ops[0];
    int64_t spent = op->status == KJ_OK && op->n_docs ? kj_doc_int(op->docs[0], "micros", 0) : 0;
    bool known = op->status == KJ_OK || op->status == KJ_ENOTFOUND;
    const char *refused = NULL;
    if (!known)
        refused = "the campaign's budget for the model could not be looked at";
    else if (spent >= check->budget)
        refused = "the campaign's budget for the model is used up";
    check->done(check->path, check->arg, refused);
    free(check);
}

// A budget bounds nothing when the model's cost is not told in its currency. That shows with the
// first answer after each start, for only the plugin knows its prices.
static bool kept(struct kj_path *path, char *why, size_t room)
{
    const char *currency = path->engine->own->model_currency;
    const char *wanted = kj_doc_text(path->campaign, "model_budget.currency", "");
    if (*currency == 0 || kj_streq(currency, wanted))
        return true;
    if (kj_streq(currency, "-"))
        snprintf(why, room,
                 "the campaign's budget for the model cannot be kept, for the model's answers have "
                 "no price; give its prices in %s's section of kejue.conf",
                 path->engine->own->model_instance);
    else
        snprintf(why, room,
                 "the campaign's budget for the model is in %s and the model's price in %s; give "
                 "both in one",
                 wanted, currency);
    return false;
}

void kj_spending_check(struct kj_path *path,
                       void (*done)(struct kj_path *path, void *arg, const char *refused),
                       void *arg)
{
    int64_t budget = budget_of(path);
    char key[48], why[256];
    if (budget < 0 || !kept(path, why, sizeof why)) {
        done(path, arg, budget < 0 ? NULL : why);
        return;
    }
    struct check *check = KJ_NEW(struct check);
    *check = (struct check){path, budget, done, arg};
    counter_key(kj_doc_int(path->campaign, "_id", 0), key);
    kj_store_get(path->engine->store, kj_path_workspace(path), KJ_COUNTERS, 0, key, on_spent,
                 check);
}

// --- noting ---

struct noting {
    struct kj_engine *engine;
    char workspace[64];
    int64_t campaign, budget, micros;
};

static int mark(void *arg, const bson_t *campaign, bson_t **next, bson_t **events)
{
    struct noting *noting = arg;
    bson_t changes = BSON_INITIALIZER, data = BSON_INITIALIZER;
    if (campaign == NULL || kj_doc_has(campaign, "model_budget_reached_at"))
        return KJ_MODIFY_SKIP;
    kj_doc_put_time(&changes, "model_budget_reached_at", kj_loop_now(noting->engine->loop));
    *next = kj_doc_with(campaign, &changes);
    *events = bson_new();
    struct kj_doc_list list = {*events};
    kj_doc_put_int(&data, "campaign_id", noting->campaign);
    kj_doc_put_from(&data, "name", campaign, "name");
    kj_doc_put_from(&data, "budget", campaign, "model_budget");
    kj_event_add(&list, "campaign.budget_reached", &data);
    bson_destroy(&data);
    bson_destroy(&changes);
    return KJ_OK;
}

static void on_marked(void *arg, int status, const bson_t *campaign)
{
    (void)status;
    (void)campaign;
    free(arg);
}

static void on_noted(struct kj_store_request *request)
{
    struct noting *noting = request->arg;
    const struct kj_store_op *op = &request->ops[0];
    int64_t spent = op->n_docs ? kj_doc_int(op->docs[0], "micros", 0) : 0;
    if (op->status != KJ_OK && op->status != KJ_ECANCELED)
        kj_log(KJ_LOG_WARN, "engine", "the cost of a call is missing from its campaign's sum",
               NULL);
    bool crossed =
        noting->budget >= 0 && spent >= noting->budget && spent - noting->micros < noting->budget;
    if (op->status != KJ_OK || !crossed) {
        free(noting);
        return;
    }
    kj_modify(&(struct kj_modify){.store = noting->engine->store,
                                  .workspace = noting->workspace,
                                  .coll = KJ_CAMPAIGNS,
                                  .id = noting->campaign,
                                  .change = mark,
                                  .done = on_marked,
                                  .arg = noting});
}

void kj_spending_add(struct kj_path *path, int64_t micros, const char *currency)
{
    char key[48], why[256];
    struct kj_engine_private *own = path->engine->own;
    bool news = !kj_streq(own->model_currency, currency ? currency : "-");
    kj_copy(own->model_currency, sizeof own->model_currency, currency ? currency : "-");
    if (news && budget_of(path) >= 0 && !kept(path, why, sizeof why))
        kj_log(KJ_LOG_WARN, "engine", why, NULL);
    if (micros <= 0 || path->campaign == NULL)
        return;
    struct noting *noting = KJ_NEW(struct noting);
    bson_t *delta = bson_new();
    *noting = (struct noting){.engine = path->engine,
                              .campaign = kj_doc_int(path->campaign, "_id", 0),
                              .budget = budget_of(path),
                              .micros = micros};
    kj_copy(noting->workspace, sizeof noting->workspace, kj_path_workspace(path));
    counter_key(noting->campaign, key);
    kj_doc_put_int(delta, "micros", micros);
    struct kj_store_request *request = kj_store_request(1, noting->workspace, on_noted, noting);
    request->ops[0].verb = KJ_STORE_INCREMENT;
    request->ops[0].coll = KJ_COUNTERS;
    request->ops[0].key = kj_store_keep_text(request, key);
    kj_store_own_doc(request, 0, delta);
    kj_store_submit(path->engine->store, request);
}
