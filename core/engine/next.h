// The hard rules about what comes after a call, in C, behind the script's plan.
#ifndef KJ_NEXT_H
#define KJ_NEXT_H

#include "engine/path.h"

// A copy of `plan` with `next` (or none), `opt_out` and `template` as the law of the house allows:
// a refusal heard by code stands, no next call after it; a callback is moved into the window and
// expires 10 minutes after it opened; a retry follows the policy; no message where the group has
// WhatsApp off. The caller destroys it.
bson_t *kj_next_rule(struct kj_path *path, const bson_t *plan);

#endif
