// The job kind "effect": one outward step of an outbox.
#ifndef KJ_EFFECT_H
#define KJ_EFFECT_H

#include "engine/engine.h"

void kj_effect_register(struct kj_engine *engine);

#endif
