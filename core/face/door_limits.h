// How large the arguments of a command may be: the same at every door.
#ifndef KJ_DOOR_LIMITS_H
#define KJ_DOOR_LIMITS_H

#include "doc/json.h"

// limits{bytes, nodes} of schemas/commands/NAME.json, or the default (1 MiB, 10,000 values) where
// it says nothing or there is no such command.
struct kj_json_limits kj_door_limits(const char *command);

#endif
