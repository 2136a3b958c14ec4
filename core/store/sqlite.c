// The SQLite store: two lanes, each with a connection.
//
// The first does everything, in order, one transaction a group. The second answers what may be
// stale, one request at a time, and cannot hold up the first. With a virtual clock there are no
// threads: the first lane's queue is one group each time the loop settles.
#include "store/sqlite.h"

#include "base/alloc.h"
#include "store/lane.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { GROUP_OPS_MAX = 20000 }; // bounds the log and the wait of who comes next

struct sqlite_store {
    struct kj_store base;
    struct kj_store_config config;
    int lock;
    struct kj_lane write, read;
    struct kj_sqlite_db write_db, read_db;
};

static void run_group(struct kj_lane *lane, struct kj_store_request *first,
                      struct kj_store_op *events)
{
    kj_sqlite_group(lane->arg, first, events);
}

static bool settle(void *arg)
{
    struct sqlite_store *store = arg;
    return kj_lane_settle(&store->write);
}

static void submit(struct kj_store *base, struct kj_store_request *request)
{
    struct sqlite_store *store = (struct sqlite_store *)base;
    request->at =
        store->config.now ? store->config.now(store->config.now_arg) : kj_loop_now(base->loop);
    bool beside = store->read.running && kj_store_all_stale(request);
    kj_lane_submit(beside ? &store->read : &store->write, request, 0);
}

static void destroy(struct kj_store *base)
{
    struct sqlite_store *store = (struct sqlite_store *)base;
    kj_lane_join(&store->read);
    kj_lane_join(&store->write);
    kj_lane_deliver(&store->read);
    kj_lane_deliver(&store->write);
    // From here on as with a virtual clock: a `done` may have submitted more.
    while (store->write.open && settle(store))
        kj_lane_deliver(&store->write);
    kj_lane_close(&store->read);
    kj_lane_close(&store->write);
    kj_sqlite_close(&store->read_db);
    kj_sqlite_close(&store->write_db);
    if (store->lock >= 0)
        close(store->lock);
    free((char *)store->config.path);
    free(store);
}

static const struct kj_store_class k_class = {"sqlite", submit, destroy};

static int open_all(struct sqlite_store *store, bool memory, bool inline_, struct kj_fault *fault)
{
    const struct kj_store_config *config = &store->config;
    struct kj_sqlite_db *db = &store->write_db;
    int rc = memory ? 0 : kj_sqlite_lock(config->path, &store->lock, fault);
    if (rc == 0)
        rc = kj_sqlite_open(config->path, true, config->volatile_data, db, fault);
    if (rc == 0)
        rc = kj_sqlite_schema(db, config->path, KJ_SQLITE_FORMAT, NULL, 0, fault);
    if (rc == 0 && !memory && !inline_)
        rc = kj_sqlite_open(config->path, false, config->volatile_data, &store->read_db, fault);
    if (rc < 0)
        return rc;
    if (!memory && !inline_ && !config->volatile_data)
        kj_sqlite_reserve_log(config->path);
    db->host = kj_strdup(config->host ? config->host : "local");
    db->simulated = config->simulated;
    db->events_kept = config->events_kept > 0 ? config->events_kept : 1000000;
    db->jobs_kept = config->jobs_kept > 0 ? config->jobs_kept : 1000000;
    kj_sqlite_trim_begin(db);
    return 0;
}

int kj_sqlite_create(struct kj_loop *loop, const struct kj_store_config *config,
                     struct kj_store **out, struct kj_fault *fault)
{
    struct sqlite_store *store = KJ_NEW(struct sqlite_store);
    bool memory = strcmp(config->path, ":memory:") == 0, inline_ = kj_loop_is_virtual(loop);
    store->base = (struct kj_store){.class = &k_class, .loop = loop};
    store->config = *config;
    store->config.path = kj_strdup(config->path);
    store->lock = -1;
    kj_map_init(&store->read_db.others);
    kj_map_init(&store->write_db.others);
    *out = NULL;
    int rc = open_all(store, memory, inline_, fault);
    if (rc < 0) {
        destroy(&store->base);
        return rc;
    }
    store->write = (struct kj_lane){.store = &store->base,
                                    .name = "store",
                                    .run = run_group,
                                    .arg = &store->write_db,
                                    .group_ops = GROUP_OPS_MAX};
    store->read = (struct kj_lane){.store = &store->base,
                                   .name = "store-read",
                                   .run = run_group,
                                   .arg = &store->read_db,
                                   .group_ops = 1};
    kj_lane_open(&store->write, !inline_);
    if (store->read_db.sql)
        kj_lane_open(&store->read, true);
    if (inline_)
        kj_loop_on_settle(loop, settle, store);
    *out = &store->base;
    return 0;
}
