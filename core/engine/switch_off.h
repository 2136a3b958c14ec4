// Rules that hit their limits again and again: a pack that does so three times within ten minutes
// is switched off for that workspace, so that it cannot take half a second of every call's CPU from
// all others. Its calls park with the reason. A reload of the pack switches it on again. Kept in
// memory: after a restart a pack that is still wrong is switched off again by its next three calls.
#ifndef KJ_SWITCH_OFF_H
#define KJ_SWITCH_OFF_H

#include "engine/engine.h"

// The reason for which the pack may not judge here, or NULL. Valid until the next call of these.
const char *kj_switched_off(struct kj_engine *engine, const char *workspace, const char *pack);
// It hit a limit: `reason` says which. True when it is switched off by this.
bool kj_switch_off_note(struct kj_engine *engine, const char *workspace, const char *pack,
                        const char *reason);
// After a load: this pack, or all (NULL), may judge again, and start from nought.
void kj_switch_on(struct kj_engine *engine, const char *pack);
// [{pack, since, reason}] of a workspace; "" = all, each with its workspace. The caller destroys
// it.
bson_t *kj_switch_off_list(struct kj_engine *engine, const char *workspace);
void kj_switch_off_fini(struct kj_engine *engine);

#endif
