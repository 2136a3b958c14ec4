// The kill switch. It stands in the document of the trunk's lines, so that the store orders it
// against every host's taking of a line: once it is acknowledged, no host gets a line any more. It
// outlives a restart. Loop thread only.
#ifndef KJ_KILL_SWITCH_H
#define KJ_KILL_SWITCH_H

#include "engine/engine.h"

// Off takes effect here at once, whatever the store says; on, when it is stored. result {dialing}.
void kj_kill_switch_set(struct kj_engine *engine, bool dialing, kj_engine_done *done, void *arg);
// The trunk's document was read or written: what does it say?
void kj_kill_switch_see(struct kj_engine *engine, const bson_t *trunk);
bool kj_kill_switch_is_off(const bson_t *trunk); // NULL: no

#endif
