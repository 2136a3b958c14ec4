// The job kind "hook": a script that reacts to an event in steps, each recorded in the job.
#ifndef KJ_HOOKJOB_H
#define KJ_HOOKJOB_H

#include "engine/engine.h"

void kj_hookjob_register(struct kj_engine *engine);

#endif
