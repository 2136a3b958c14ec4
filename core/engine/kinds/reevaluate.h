// Re-evaluation of a campaign: the job, and how often it may be.
#ifndef KJ_REEVALUATE_H
#define KJ_REEVALUATE_H

#include "engine/engine.h"

enum { KJ_REEVALUATION_PAUSE_MS = 20 * 60000 }; // between two of one campaign

void kj_reevaluate_register(struct kj_engine *engine);
// When the next one of this campaign may begin (wall ms), if none runs.
int64_t kj_reevaluate_next(const bson_t *campaign);

#endif
