// An event for scripts: one job for each hook that listens, stored with what caused it.
#ifndef KJ_HOOK_JOBS_H
#define KJ_HOOK_JOBS_H

#include "engine/engine.h"

struct kj_hook_event {
    const char *name;    // "call.analyzed"
    const char *once;    // names the occurrence: a second time under it adds nothing; NULL: none
    const bson_t *event; // what `run` gets
    int priority;
    const bson_t *fields; // further ones of the job; NULL = none
};

size_t kj_hook_listeners(const struct kj_engine *engine, const char *event);
// Fills in the request's ops from `first` on, one for each listener; returns how many. The caller
// has made room for them, and wakes the kind "hook" when they are stored.
size_t kj_hook_jobs_put(const struct kj_engine *engine, const struct kj_hook_event *event,
                        struct kj_store_request *request, size_t first);

#endif
