// Kinds of jobs that files in scripts/hooks declare by kejue.kind: "kind.NAME" in the queue.
#ifndef KJ_SCRIPT_KIND_H
#define KJ_SCRIPT_KIND_H

#include "engine/engine.h"

// After each load of the scripts: the kinds they declare can be submitted from now on.
void kj_script_kinds_refresh(struct kj_engine *engine);
void kj_script_kinds_forget(struct kj_engine *engine); // after the queue

#endif
