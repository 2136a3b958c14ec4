// Noticing that a campaign is over: no open job of it is left. Asked at most once a second and
// campaign, after each job that ended for good; never by counters, which drift.
#include "base/alloc.h"
#include "base/log.h"
#include "engine/kinds/campaigns.h"
#include "engine/path.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { k_soon_ms = 1000, k_store_away_ms = 30000, k_active_most = 10000 };

struct touch {
    struct kj_engine *engine;
    char workspace[64], name[96];
    int64_t id;
    bool looking, again; // touched while it looked: what it saw may be old
    struct kj_timer timer;
};

static void touch_free(struct touch *touch)
{
    kj_map_remove(&touch->engine->own->touched, touch->name);
    kj_timer_stop(touch->engine->loop, &touch->timer);
    free(touch);
}

static void look_done(struct touch *touch, int status)
{
    bool store_away = status != KJ_OK && status != KJ_ENOTFOUND;
    if ((!touch->again && !store_away) || status == KJ_ECANCELED) {
        touch_free(touch);
        return;
    }
    touch->looking = touch->again = false;
    kj_timer_start(touch->engine->loop, &touch->timer, store_away ? k_store_away_ms : k_soon_ms);
}

static int end_campaign(void *arg, const bson_t *campaign, bson_t **next, bson_t **events)
{
    struct touch *touch = arg;
    if (campaign == NULL || !kj_streq(kj_doc_text(campaign, "status", ""), "active") ||
        !kj_doc_bool(campaign, "expanded", false))
        return KJ_MODIFY_SKIP;
    bson_t changes = BSON_INITIALIZER, data = BSON_INITIALIZER;
    *events = bson_new();
    struct kj_doc_list list = {*events};
    kj_doc_put_text(&changes, "status", "completed");
    kj_doc_put_time(&changes, "ended_at", kj_loop_now(touch->engine->loop));
    *next = kj_doc_with(campaign, &changes);
    kj_doc_put_int(&data, "campaign_id", touch->id);
    kj_doc_put_from(&data, "name", campaign, "name");
    kj_doc_put_text(&data, "status", "completed");
    kj_event_add(&list, "campaign.ended", &data);
    bson_destroy(&data);
    bson_destroy(&changes);
    return KJ_OK;
}

static void on_campaign_ended(void *arg, int status, const bson_t *campaign)
{
    (void)campaign;
    look_done(arg, status);
}

static void on_open_jobs(struct kj_store_request *request)
{
    struct touch *touch = request->arg;
    for (size_t i = 0; i < request->n_ops; i++)
        if (request->ops[i].status != KJ_OK || request->ops[i].n_docs > 0) {
            look_done(touch, request->ops[i].status);
            return;
        }
    kj_modify(&(struct kj_modify){.store = touch->engine->store,
                                  .workspace = touch->workspace,
                                  .coll = KJ_CAMPAIGNS,
                                  .id = touch->id,
                                  .change = end_campaign,
                                  .done = on_campaign_ended,
                                  .arg = touch});
}

static void look(void *arg)
{
    static const char *const k_open[] = {"waiting", "running"};
    struct touch *touch = arg;
    struct kj_store_request *request = kj_store_request(2, touch->workspace, on_open_jobs, touch);
    touch->looking = true;
    for (int i = 0; i < 2; i++) {
        bson_t *filter = bson_new();
        kj_doc_put_int(filter, "campaign_id", touch->id);
        kj_doc_put_text(filter, "state", k_open[i]);
        request->ops[i].verb = KJ_STORE_FIND;
        request->ops[i].coll = KJ_JOBS;
        request->ops[i].limit = 1;
        kj_store_own_filter(request, (size_t)i, filter);
    }
    kj_store_submit(touch->engine->store, request);
}

void kj_campaign_touch(struct kj_engine *engine, const char *workspace, int64_t id)
{
    char name[96];
    snprintf(name, sizeof name, "%.63s/%" PRId64, workspace, id);
    struct touch *touch = kj_map_get(&engine->own->touched, name);
    if (touch) {
        touch->again = touch->looking;
        return;
    }
    touch = KJ_NEW(struct touch);
    touch->engine = engine;
    touch->id = id;
    kj_copy(touch->workspace, sizeof touch->workspace, workspace);
    kj_copy(touch->name, sizeof touch->name, name);
    kj_timer_init(&touch->timer, look, touch);
    kj_map_put(&engine->own->touched, name, touch);
    kj_timer_start(engine->loop, &touch->timer, k_soon_ms);
}

static void ignore_answer(void *arg, int status, const bson_t *result, const struct kj_fault *fault)
{
    (void)arg;
    (void)status;
    (void)result;
    (void)fault;
}

// Started, and the host died before the job was there that makes its calls: make it now. Where that
// job exists after all, a second expansion adds nothing.
static void expand_again(struct kj_engine *engine, const char *workspace, int64_t id)
{
    char key[64];
    bson_t job = BSON_INITIALIZER, payload = BSON_INITIALIZER;
    snprintf(key, sizeof key, "campaign.expand:%" PRId64 ":again", id);
    kj_doc_put_int(&payload, "campaign_id", id);
    kj_doc_put_text(&job, "kind", "campaign.expand");
    kj_doc_put_text(&job, "key", key);
    kj_doc_put_doc(&job, "payload", &payload);
    kj_intake_job(engine, workspace, &job, NULL, ignore_answer, NULL);
    bson_destroy(&job);
    bson_destroy(&payload);
}

static void on_active(struct kj_store_request *request)
{
    struct kj_store_op *op = &request->ops[0];
    for (size_t i = 0; op->status == KJ_OK && i < op->n_docs; i++) {
        const char *workspace = kj_doc_text(op->docs[i], "workspace", "default");
        int64_t id = kj_doc_int(op->docs[i], "_id", 0);
        if (!kj_doc_bool(op->docs[i], "expanded", false))
            expand_again(request->arg, workspace, id);
        kj_campaign_touch(request->arg, workspace, id);
    }
}

void kj_campaign_touch_active(struct kj_engine *engine)
{
    bson_t *filter = bson_new();
    struct kj_store_request *request = kj_store_request(1, "", on_active, engine);
    kj_doc_put_text(filter, "status", "active");
    request->ops[0].verb = KJ_STORE_FIND;
    request->ops[0].coll = KJ_CAMPAIGNS;
    request->ops[0].limit = k_active_most;
    kj_store_own_filter(request, 0, filter);
    kj_store_submit(engine->store, request);
}

void kj_campaign_forget_all(struct kj_engine *engine)
{
    const char *name;
    void *touch;
    for (size_t at = 0; kj_map_next(&engine->own->touched, &at, &name, &touch);)
        touch_free(touch);
}
