// Hooks on a schedule: one recurring job each.
#ifndef KJ_SCHEDULE_H
#define KJ_SCHEDULE_H

#include "engine/engine.h"

// After each load of the scripts.
void kj_schedules_refresh(struct kj_engine *engine);

#endif
