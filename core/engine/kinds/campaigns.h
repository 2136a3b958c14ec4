// Campaigns as a whole: starting (expansion into call jobs), waking what waits, noticing the end.
#ifndef KJ_CAMPAIGNS_H
#define KJ_CAMPAIGNS_H

#include "engine/engine.h"

// Looks within a second whether the campaign has open jobs left; ends it when not. Cheap to call.
void kj_campaign_touch(struct kj_engine *engine, const char *workspace, int64_t campaign_id);
// After a start: the looks that the last run had in memory.
void kj_campaign_touch_active(struct kj_engine *engine);
// Registers the kinds campaign.expand and campaign.wake.
void kj_campaigns_register(struct kj_engine *engine);
void kj_campaign_forget_all(struct kj_engine *engine); // at the end of the engine

#endif
