// The MongoDB store: two lanes as in SQLite's, and a crew for the batches of the first.
//
// No thread of libuv's pool ever waits for the database: with it away, they would all stand still
// for the time of a server selection, and with them everything else that uses the pool.
#include "store/mongo.h"

#include "base/alloc.h"

#include <stddef.h>
#include <stdlib.h>

enum {
    GROUP_OPS_MAX = 2000,
    QUEUE_OPS_MAX = 50000,
    CREW = 3,
    STOP_MS = 2000, // so long what was submitted is still tried again at the end
};

// --- a full queue ---

static void tell_refused(struct kj_mongo *mongo)
{
    struct kj_store_request *request = mongo->refused.first;
    mongo->refused = (struct kj_request_list){0};
    while (request) {
        struct kj_store_request *next = request->next;
        kj_fault(&request->fault, KJ_EUNAVAILABLE, mongo->where, "try again in a moment",
                 "More is asked of the MongoDB database %s than it can do.", mongo->where);
        for (size_t i = 0; i < request->n_ops; i++)
            request->ops[i].status = KJ_EUNAVAILABLE;
        kj_store_finish(&mongo->base, request);
        request = next;
    }
}

static void on_telling(struct kj_task *task)
{
    tell_refused((struct kj_mongo *)((char *)task - offsetof(struct kj_mongo, telling)));
}

static void refuse(struct kj_mongo *mongo, struct kj_store_request *request)
{
    if (mongo->refused.first == NULL)
        kj_loop_post(mongo->base.loop, &mongo->telling);
    kj_request_append(&mongo->refused, request);
}

// --- a virtual clock stands while the database works ---

static void hold_time(struct kj_mongo *mongo)
{
    if (kj_loop_is_virtual(mongo->base.loop) && !mongo->busy.open)
        kj_external_begin(mongo->base.loop, &mongo->busy, &mongo->idle);
}

static bool on_settle(void *arg)
{
    struct kj_mongo *mongo = arg;
    if (mongo->base.pending == 0 && mongo->busy.open)
        kj_external_end(mongo->base.loop, &mongo->busy);
    return false;
}

static void on_idle(struct kj_task *task)
{
    struct kj_mongo *mongo = (struct kj_mongo *)((char *)task - offsetof(struct kj_mongo, idle));
    if (mongo->base.pending > 0) // asked for between the end and now
        hold_time(mongo);
}

// --- the store ---

static void submit(struct kj_store *base, struct kj_store_request *request)
{
    struct kj_mongo *mongo = (struct kj_mongo *)base;
    request->at = mongo->now ? mongo->now(mongo->now_arg) : kj_loop_now(base->loop);
    hold_time(mongo);
    bool beside = mongo->read.running && kj_store_all_stale(request);
    struct kj_lane *lane = beside ? &mongo->read : &mongo->write;
    if (!kj_lane_submit(lane, request, mongo->write.running ? QUEUE_OPS_MAX : 0))
        refuse(mongo, request);
}

static void stop_lanes(struct kj_mongo *mongo)
{
    kj_lane_join(&mongo->read);
    kj_lane_join(&mongo->write);
    kj_lane_deliver(&mongo->read);
    kj_lane_deliver(&mongo->write);
    if (mongo->refused.first)
        kj_loop_unpost(mongo->base.loop, &mongo->telling);
    tell_refused(mongo);
    // From here on without threads: a `done` may have submitted more.
    while (mongo->write.open && kj_lane_settle(&mongo->write))
        kj_lane_deliver(&mongo->write);
    kj_lane_close(&mongo->read);
    kj_lane_close(&mongo->write);
}

static void destroy(struct kj_store *base)
{
    struct kj_mongo *mongo = (struct kj_mongo *)base;
    bool opened = mongo->write.open;
    uv_mutex_lock(&mongo->mutex);
    mongo->stop_by = kj_clock_real_mono() + STOP_MS;
    uv_cond_broadcast(&mongo->wake);
    uv_mutex_unlock(&mongo->mutex);
    stop_lanes(mongo);
    if (opened) {
        kj_mongo_tidy(mongo, true, 0, NULL);
        kj_mongo_return_blocks(mongo);
    }
    kj_external_abandon(base->loop, &mongo->busy);
    kj_mongo_crew_destroy(mongo->crew);
    if (mongo->pool)
        mongoc_client_pool_destroy(mongo->pool);
    kj_map_fini(&mongo->orphans);
    uv_cond_destroy(&mongo->wake);
    uv_mutex_destroy(&mongo->mutex);
    free(mongo->host);
    free(mongo->database);
    free(mongo->where);
    free(mongo);
}

static void adopt(struct kj_store *base, const char *host)
{
    struct kj_mongo *mongo = (struct kj_mongo *)base;
    uv_mutex_lock(&mongo->mutex);
    if (!kj_streq(host, mongo->host))
        kj_map_put(&mongo->orphans, host, mongo);
    uv_mutex_unlock(&mongo->mutex);
}

static const struct kj_store_class k_class = {"mongodb", submit, destroy, adopt};

static void open_lanes(struct kj_mongo *mongo)
{
    mongo->crew = kj_mongo_crew_create(mongo, CREW);
    mongo->write = (struct kj_lane){.store = &mongo->base,
                                    .name = "store",
                                    .run = kj_mongo_group,
                                    .arg = mongo,
                                    .group_ops = GROUP_OPS_MAX};
    mongo->read = mongo->write;
    mongo->read.name = "store-read";
    mongo->read.group_ops = 1;
    kj_lane_open(&mongo->write, true);
    kj_lane_open(&mongo->read, true);
}

int kj_mongo_create(struct kj_loop *loop, const struct kj_store_config *config,
                    struct kj_store **out, struct kj_fault *fault)
{
    struct kj_mongo *mongo = KJ_NEW(struct kj_mongo);
    mongo->base = (struct kj_store){.class = &k_class, .loop = loop, .shared = true};
    mongo->host = kj_strdup(config->host ? config->host : "local");
    mongo->simulated = config->simulated;
    mongo->now = config->now;
    mongo->now_arg = config->now_arg;
    mongo->events_kept = config->events_kept > 0 ? config->events_kept : 1000000;
    mongo->jobs_kept = config->jobs_kept > 0 ? config->jobs_kept : 1000000;
    mongo->telling.run = on_telling;
    mongo->idle.run = on_idle;
    kj_map_init(&mongo->orphans);
    uv_mutex_init(&mongo->mutex);
    uv_cond_init(&mongo->wake);
    *out = NULL;
    int rc = kj_mongo_open(mongo, config, fault);
    if (rc < 0) {
        destroy(&mongo->base);
        return rc;
    }
    mongo->base.first_event = kj_mongo_first_event(mongo);
    open_lanes(mongo);
    if (kj_loop_is_virtual(loop))
        kj_loop_on_settle(loop, on_settle, mongo);
    *out = &mongo->base;
    return 0;
}
