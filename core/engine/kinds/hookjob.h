// The job kind "hook": a script that reacts to an event in steps, each recorded in the job.
#ifndef KJ_HOOKJOB_H
#define KJ_HOOKJOB_H

#include "engine/engine.h"

void kj_hookjob_register(struct kj_engine *engine);
// Runs the hook `name` ("file.lua:1") as the work of this job, and ends it.
void kj_hookjob_start(struct kj_engine *engine, struct kj_running *running, const char *name,
                      const bson_t *event);

#endif
