// A MongoDB store behind the fault proxy, on a database of its own; skips where there is none.
#ifndef KJ_TEST_OUTAGE_WORLD_H
#define KJ_TEST_OUTAGE_WORLD_H

#include "contract/store_world.h"
#include "peers/proxy_control.h"

static inline void outage_open(struct world *world)
{
    static int n;
    struct kj_fault fault = {0};
    if (world->path[0] == 0)
        snprintf(world->path, sizeof world->path, "kj_outage_%d_%d", (int)getpid(), n++);
    world->config.uri = getenv("KEJUE_TEST_MONGODB_URI");
    world->config.database = world->path;
    world->config.allow_unsafe = getenv("KEJUE_TEST_MONGODB_UNSAFE") != NULL;
    world->config.host = "h1";
    if (kj_mongo_create(world->loop, &world->config, &world->store, &fault) < 0)
        fail_msg("%s", fault.text);
}

static const struct factory k_outage = {"mongodb", false, true, outage_open, NULL};

static inline void outage_begin(struct world *world)
{
    if (getenv("KEJUE_TEST_MONGODB_CONTROL") == NULL)
        skip();
    *world = (struct world){.factory = &k_outage};
    proxy_tell("chance 0 0 0");
    proxy_tell("up");
    world_open(world);
}

#endif
